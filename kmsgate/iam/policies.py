"""Policies that hang on users, roles and groups: inline, attached, boundaries, and trust."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from urllib.parse import quote

from kms.codec import text_of
from kms.directory import Directory
from kmsgate.iam.common import (
    AWS_MANAGED,
    GROUP,
    KINDS,
    OF_AWS,
    ROLE,
    USER,
    Kind,
    attached_arn,
    identity_named,
    named,
    of_kind,
    page,
    path_of,
)
from kmsgate.iam.desk import Desk, Output, operation
from kmsgate.iam.model import IamError
from kmsgate.scenario.policies import managed_policy
from policy import Arn, Policy, PolicyError, PolicyKind, parse

MAX_ATTACHED = 10
MAX_TRUST = 2048
_BLANK = re.compile(r"\s+")
_IDENTITY = PolicyKind.IDENTITY_POLICY


def size_of(text: str) -> int:
    """Return the size of a document as IAM counts it: without blanks."""
    return len(_BLANK.sub("", text))


def parsed(text: str, name: str, kind: PolicyKind = _IDENTITY) -> Policy:
    """Return a policy; raises MalformedPolicyDocument."""
    try:
        return parse(text, name=name, kind=kind)
    except PolicyError as error:
        told = error.problems[0].message
        raise IamError("MalformedPolicyDocument", f"Syntax errors in policy: {told}") from None


def document(policy: Policy) -> str:
    """Return a document as responses have it."""
    return quote(text_of(policy), safe="-_.~")


def policies_of(directory: Directory, arn: Arn) -> tuple[Policy, ...]:
    """Return what hangs on a user, role or group."""
    if arn.type == GROUP.noun:
        return directory.groups[str(arn)]
    return directory.identities[str(arn)].policies


def with_policies(directory: Directory, arn: Arn, found: Iterable[Policy]) -> Directory:
    """Return the directory with other policies on somebody."""
    if arn.type == GROUP.noun:
        return directory.with_group(str(arn), tuple(found))
    identity = directory.identities[str(arn)]
    return directory.with_identity(replace(identity, policies=tuple(found)))


def put(present: Iterable[Policy], new: Policy) -> list[Policy]:
    """Return policies with a new one, in the place of that of the same name."""
    found = list(present)
    names = [each.name for each in found]
    if new.name in names:
        found[names.index(new.name)] = new
        return found
    return [*found, new]


# Inline


def _put_inline(kind: Kind, desk: Desk) -> Output:
    arn, name = named(desk, kind), desk.parameters["PolicyName"]
    new = parsed(desk.parameters["PolicyDocument"], name)
    if attached_arn(new) is not None:
        raise IamError("InvalidInput", f"A policy of AWS has the name {name}.")
    found = put(policies_of(desk.directory, arn), new)
    if sum(size_of(text_of(each)) for each in found if attached_arn(each) is None) > kind.room:
        told = f"Maximum policy size of {kind.room} bytes exceeded for {kind.noun} {arn.last}"
        raise IamError("LimitExceeded", told)
    desk.directory = with_policies(desk.directory, arn, found)
    return {}


def _inline(kind: Kind, desk: Desk) -> tuple[Arn, Policy]:
    arn, name = named(desk, kind), desk.parameters["PolicyName"]
    for each in policies_of(desk.directory, arn):
        if each.name == name and attached_arn(each) is None:
            return arn, each
    told = f"The {kind.noun} policy with name {name} cannot be found."
    raise IamError("NoSuchEntity", told)


def _get_inline(kind: Kind, desk: Desk) -> Output:
    arn, found = _inline(kind, desk)
    return {kind.member: arn.last, "PolicyName": found.name, "PolicyDocument": document(found)}


def _delete_inline(kind: Kind, desk: Desk) -> Output:
    arn, found = _inline(kind, desk)
    left = (each for each in policies_of(desk.directory, arn) if each is not found)
    desk.directory = with_policies(desk.directory, arn, left)
    return {}


def _list_inline(kind: Kind, desk: Desk) -> Output:
    found = policies_of(desk.directory, named(desk, kind))
    names = {each.name: each.name for each in found if attached_arn(each) is None}
    return page(desk, "PolicyNames", names, str)


# Attached


def policy_at(desk: Desk, text: str) -> Policy:
    """Return the policy that has an ARN, to be attached; raises NoSuchEntity."""
    name = text.removeprefix(AWS_MANAGED)
    if name != text and name in OF_AWS:
        return managed_policy(name, _IDENTITY)
    found = desk.directory.managed_policies.get(text)
    if found is None or found.arn.account != desk.account:
        raise IamError("NoSuchEntity", f"Policy {text} does not exist or is not attachable.")
    return parsed(found.text, text)


def _attach(kind: Kind, desk: Desk) -> Output:
    arn, new = named(desk, kind), policy_at(desk, desk.parameters["PolicyArn"])
    found = put(policies_of(desk.directory, arn), new)
    if sum(attached_arn(each) is not None for each in found) > MAX_ATTACHED:
        told = f"Cannot exceed quota for PoliciesPer{kind.word}: {MAX_ATTACHED}"
        raise IamError("LimitExceeded", told)
    desk.directory = with_policies(desk.directory, arn, found)
    return {}


def _detach(kind: Kind, desk: Desk) -> Output:
    arn, text = named(desk, kind), desk.parameters["PolicyArn"]
    present = policies_of(desk.directory, arn)
    left = [each for each in present if attached_arn(each) != text]
    if len(left) == len(present):
        raise IamError("NoSuchEntity", f"Policy {text} was not found.")
    desk.directory = with_policies(desk.directory, arn, left)
    return {}


def _list_attached(kind: Kind, desk: Desk) -> Output:
    found = map(attached_arn, policies_of(desk.directory, named(desk, kind)))
    prefix = desk.parameters.get("PathPrefix", "/")
    arns = (Arn.parse(text) for text in found if text is not None)
    shown = {
        arn.last: {"PolicyName": arn.last, "PolicyArn": str(arn)}
        for arn in arns
        if arn is not None and path_of(arn).startswith(prefix)
    }
    return page(desk, "AttachedPolicies", shown, dict)


# Boundaries


def _put_boundary(kind: Kind, desk: Desk) -> Output:
    identity = identity_named(desk, kind)
    boundary = policy_at(desk, desk.parameters["PermissionsBoundary"])
    desk.directory = desk.directory.with_identity(replace(identity, boundary=boundary))
    return {}


def _delete_boundary(kind: Kind, desk: Desk) -> Output:
    identity = identity_named(desk, kind)
    if identity.boundary is None:
        told = f"{kind.word} {identity.arn.last} does not have a permissions boundary."
        raise IamError("NoSuchEntity", told)
    desk.directory = desk.directory.with_identity(replace(identity, boundary=None))
    return {}


# Trust


def trust_of(text: str) -> Policy:
    """Return the trust policy of a role; it names no resource, since it hangs on one."""
    try:
        written = json.loads(text)
    except (ValueError, RecursionError):
        raise IamError("MalformedPolicyDocument", "This policy contains invalid Json") from None
    statements = written.get("Statement") if isinstance(written, dict) else None
    for each in statements if isinstance(statements, list) else [statements]:
        if isinstance(each, dict):
            for name in ("Resource", "NotResource"):
                if name in each:
                    raise IamError("MalformedPolicyDocument", f"Has prohibited field {name}")
            each["Resource"] = "*"
    if size_of(text) > MAX_TRUST:
        told = f"Cannot exceed quota for ACLSizePerRole: {MAX_TRUST}"
        raise IamError("LimitExceeded", told)
    return parsed(json.dumps(written), "trust policy", PolicyKind.RESOURCE_POLICY)


def trust_document(policy: Policy) -> str:
    """Return the document of a trust policy as it was put."""
    written = json.loads(text_of(policy))
    statements = written["Statement"]
    for each in statements if isinstance(statements, list) else [statements]:
        each.pop("Resource", None)
    return quote(json.dumps(written), safe="-_.~")


@operation("UpdateAssumeRolePolicy", of_kind(ROLE))
def _update_trust(desk: Desk) -> Output:
    role = identity_named(desk, ROLE)
    trust = trust_of(desk.parameters["PolicyDocument"])
    desk.directory = desk.directory.with_identity(replace(role, trust=trust))
    return {}


for _kind in KINDS:
    for _name, _run in (
        (f"Put{_kind.word}Policy", _put_inline),
        (f"Get{_kind.word}Policy", _get_inline),
        (f"Delete{_kind.word}Policy", _delete_inline),
        (f"List{_kind.word}Policies", _list_inline),
        (f"Attach{_kind.word}Policy", _attach),
        (f"Detach{_kind.word}Policy", _detach),
        (f"ListAttached{_kind.word}Policies", _list_attached),
    ):
        operation(_name, of_kind(_kind))(partial(_run, _kind))
for _kind in (USER, ROLE):
    operation(f"Put{_kind.word}PermissionsBoundary", of_kind(_kind))(partial(_put_boundary, _kind))
    operation(f"Delete{_kind.word}PermissionsBoundary", of_kind(_kind))(
        partial(_delete_boundary, _kind)
    )
