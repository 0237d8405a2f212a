"""Managed policies and their versions. What they are attached to changes with them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from kms.directory import Directory, ManagedPolicy, PolicyVersion
from kmsgate.iam.common import (
    AWS_MANAGED,
    GROUP,
    KINDS,
    LONG_AGO,
    OF_AWS,
    all_of,
    attached_arn,
    entry_of,
    known,
    page,
    path_in,
    path_of,
    shown_tags,
    tags_in,
    unique_id,
)
from kmsgate.iam.desk import Desk, Output, operation
from kmsgate.iam.entities import changed_tags, left_tags, listed_tags
from kmsgate.iam.model import IamError
from kmsgate.iam.policies import parsed, policies_of, put, size_of, with_policies
from policy import Arn

MAX_VERSIONS = 5
MAX_SIZE = 6144


def _arn(desk: Desk) -> Arn:
    text = desk.parameters["PolicyArn"]
    arn = Arn.parse(text)
    if arn is None or arn.service != "iam" or arn.type != "policy":
        raise IamError("ValidationError", f"ARN {text} is not valid.")
    return arn


def _new_arn(desk: Desk) -> Arn:
    return desk.arn(f"policy{path_in(desk)}{desk.parameters['PolicyName']}")


def _found(desk: Desk) -> ManagedPolicy:
    """Return the policy that a request names; raises NoSuchEntity."""
    text = str(_arn(desk))
    name = text.removeprefix(AWS_MANAGED)
    if name != text and name in OF_AWS:
        return _of_aws(text, name)
    found = desk.directory.managed_policies.get(text)
    if found is None or found.arn.account != desk.account:
        raise IamError("NoSuchEntity", f"Policy {text} was not found.")
    return found


def _own(desk: Desk) -> ManagedPolicy:
    """Return the policy that a request names, to be changed."""
    found = _found(desk)
    if found.arn.account == "aws":
        raise IamError("AccessDenied", "Policies of AWS cannot be changed.", 403)
    return found


def _of_aws(text: str, name: str) -> ManagedPolicy:
    arn = Arn.parse(text)
    assert arn is not None  # noqa: S101 - it was put together of parts that are known
    version = PolicyVersion("v1", OF_AWS[name], LONG_AGO)
    return ManagedPolicy(arn, unique_id("ANPA", text.encode()), LONG_AGO, (version,), version.id)


def _document(desk: Desk) -> str:
    """Return the document of a request; raises MalformedPolicyDocument and LimitExceeded."""
    text: str = desk.parameters["PolicyDocument"]
    parsed(text, "policy")
    if size_of(text) > MAX_SIZE:
        raise IamError("LimitExceeded", f"Cannot exceed quota for PolicySize: {MAX_SIZE}")
    return text


def _keep(desk: Desk, policy: ManagedPolicy) -> None:
    """Keep a policy, and put it in the place of what it was wherever it is attached."""
    directory = desk.directory.with_managed_policy(policy)
    new = parsed(policy.text, str(policy.arn))
    for arn in _holders(directory, policy, desk.account):
        directory = with_policies(directory, arn, put(policies_of(directory, arn), new))
    for arn in _bounded(directory, policy, desk.account):
        bounded = replace(directory.identities[str(arn)], boundary=new)
        directory = directory.with_identity(bounded)
    desk.directory = directory


def _holders(directory: Directory, policy: ManagedPolicy, account: str) -> list[Arn]:
    text = str(policy.arn)
    everybody = (arn for kind in KINDS for arn in known(directory, kind, account))
    return [arn for arn in everybody if text in map(attached_arn, policies_of(directory, arn))]


def _bounded(directory: Directory, policy: ManagedPolicy, account: str) -> list[Arn]:
    text = str(policy.arn)
    everybody = (each for each in directory.identities.values() if each.arn.account == account)
    return [each.arn for each in everybody if each.boundary and attached_arn(each.boundary) == text]


def _shown(desk: Desk, policy: ManagedPolicy, *, whole: bool = True) -> dict[str, Any]:
    return {
        "PolicyName": policy.arn.last,
        "PolicyId": policy.unique_id,
        "Arn": str(policy.arn),
        "Path": path_of(policy.arn),
        "DefaultVersionId": policy.default,
        "AttachmentCount": len(_holders(desk.directory, policy, desk.account)),
        "PermissionsBoundaryUsageCount": len(_bounded(desk.directory, policy, desk.account)),
        "IsAttachable": True,
        "Description": (policy.description or None) if whole else None,
        "CreateDate": policy.created_at,
        "UpdateDate": max(each.created_at for each in policy.versions),
        "Tags": shown_tags(policy.tags) if whole else None,
    }


@operation("CreatePolicy", _new_arn)
def _create(desk: Desk) -> Output:
    arn, name = _new_arn(desk), desk.parameters["PolicyName"]
    names = (each.arn for each in desk.directory.managed_policies.values())
    if any(each.account == arn.account and each.last.lower() == name.lower() for each in names):
        told = f"A policy called {name} already exists. Duplicate names are not allowed."
        raise IamError("EntityAlreadyExists", told)
    policy = ManagedPolicy(
        arn,
        unique_id("ANPA", desk.service.entropy.random_bytes(16)),
        desk.now,
        (PolicyVersion("v1", _document(desk), desk.now),),
        "v1",
        description=desk.parameters.get("Description", ""),
        tags=tags_in(desk),
    )
    desk.directory = desk.directory.with_managed_policy(policy)
    return {"Policy": _shown(desk, policy)}


@operation("GetPolicy", _arn)
def _get(desk: Desk) -> Output:
    return {"Policy": _shown(desk, _found(desk))}


@operation("ListPolicies", all_of("policy"))
def _list(desk: Desk) -> Output:
    scope, prefix = desk.parameters.get("Scope", "All"), desk.parameters.get("PathPrefix", "/")
    attached, usage = desk.parameters.get("OnlyAttached"), desk.parameters.get("PolicyUsageFilter")
    found = {
        str(each.arn): shown
        for each in _all(desk, scope)
        if path_of(each.arn).startswith(prefix)
        and _is_wanted(shown := _shown(desk, each, whole=False), attached is True, usage)
    }
    return page(desk, "Policies", found, dict)


def _all(desk: Desk, scope: str) -> Iterator[ManagedPolicy]:
    if scope != "Local":
        yield from (_of_aws(AWS_MANAGED + name, name) for name in OF_AWS)
    if scope != "AWS":
        every = desk.directory.managed_policies.values()
        yield from (each for each in every if each.arn.account == desk.account)


def _is_wanted(shown: dict[str, Any], attached: bool, usage: str | None) -> bool:
    counted = {
        "PermissionsPolicy": shown["AttachmentCount"],
        "PermissionsBoundary": shown["PermissionsBoundaryUsageCount"],
    }
    if usage is not None:
        return bool(counted[usage])
    return not attached or bool(shown["AttachmentCount"])


@operation("DeletePolicy", _arn)
def _delete(desk: Desk) -> Output:
    policy = _own(desk)
    if _holders(desk.directory, policy, desk.account) or _bounded(
        desk.directory, policy, desk.account
    ):
        raise IamError("DeleteConflict", "Cannot delete a policy attached to entities.")
    if len(policy.versions) > 1:
        raise IamError(
            "DeleteConflict",
            "This policy has more than one version. Before you delete a policy, you must delete "
            "the policy's versions. The default version is deleted with the policy.",
        )
    desk.directory = desk.directory.without_managed_policy(policy.arn)
    return {}


# Versions


def _version(desk: Desk, policy: ManagedPolicy) -> PolicyVersion:
    wanted = desk.parameters["VersionId"]
    for each in policy.versions:
        if each.id == wanted:
            return each
    told = f"Policy {policy.arn} version {wanted} does not exist or is not attachable."
    raise IamError("NoSuchEntity", told)


def _shown_version(policy: ManagedPolicy, version: PolicyVersion) -> dict[str, Any]:
    return {
        "VersionId": version.id,
        "IsDefaultVersion": version.id == policy.default,
        "CreateDate": version.created_at,
    }


@operation("CreatePolicyVersion", _arn)
def _create_version(desk: Desk) -> Output:
    policy, text = _own(desk), _document(desk)
    if len(policy.versions) >= MAX_VERSIONS:
        raise IamError(
            "LimitExceeded",
            f"A managed policy can have up to {MAX_VERSIONS} versions. Before you create a new "
            "version, you must delete an existing version.",
        )
    version = PolicyVersion(f"v{policy.made + 1}", text, desk.now)
    is_default = desk.parameters.get("SetAsDefault", False)
    policy = replace(
        policy,
        versions=(*policy.versions, version),
        made=policy.made + 1,
        default=version.id if is_default else policy.default,
    )
    _keep(desk, policy)
    return {"PolicyVersion": _shown_version(policy, version)}


@operation("GetPolicyVersion", _arn)
def _get_version(desk: Desk) -> Output:
    policy = _found(desk)
    version = _version(desk, policy)
    document = quote(version.text, safe="-_.~")
    return {"PolicyVersion": {"Document": document, **_shown_version(policy, version)}}


@operation("ListPolicyVersions", _arn)
def _list_versions(desk: Desk) -> Output:
    policy = _found(desk)
    found = {f"{int(each.id[1:]):09}": each for each in policy.versions}
    return page(desk, "Versions", found, lambda each: _shown_version(policy, each))


@operation("SetDefaultPolicyVersion", _arn)
def _set_default(desk: Desk) -> Output:
    policy = _own(desk)
    _keep(desk, replace(policy, default=_version(desk, policy).id))
    return {}


@operation("DeletePolicyVersion", _arn)
def _delete_version(desk: Desk) -> Output:
    policy = _own(desk)
    version = _version(desk, policy)
    if version.id == policy.default:
        raise IamError("DeleteConflict", "Cannot delete the default version of a policy.")
    left = tuple(each for each in policy.versions if each is not version)
    _keep(desk, replace(policy, versions=left))
    return {}


# Who has it, and tags


@operation("ListEntitiesForPolicy", _arn)
def _entities(desk: Desk) -> Output:
    policy, directory = _found(desk), desk.directory
    wanted, usage = desk.parameters.get("EntityFilter"), desk.parameters.get("PolicyUsageFilter")
    found: list[Arn] = []
    if usage != "PermissionsBoundary":
        found += _holders(directory, policy, desk.account)
    if usage != "PermissionsPolicy":
        found += _bounded(directory, policy, desk.account)
    pages = page(desk, "Entities", {str(arn): arn for arn in found}, lambda arn: arn)
    made: dict[str, Any] = {name: pages[name] for name in ("IsTruncated", "Marker")}
    for kind in KINDS:
        of_kind = [arn for arn in pages["Entities"] if arn.type == kind.noun]
        if wanted in (None, kind.word):
            made[f"Policy{kind.word}s"] = [
                {kind.member: arn.last, f"{kind.word}Id": _id(directory, kind.prefix, arn)}
                for arn in of_kind
            ]
    return made


def _id(directory: Directory, prefix: str, arn: Arn) -> str:
    if arn.type == GROUP.noun:
        return entry_of(directory, arn).unique_id or unique_id(prefix, str(arn).encode())
    return directory.identities[str(arn)].unique_id


@operation("TagPolicy", _arn)
def _tag(desk: Desk) -> Output:
    policy = _own(desk)
    changed = replace(policy, tags=changed_tags(policy.tags, desk))
    desk.directory = desk.directory.with_managed_policy(changed)
    return {}


@operation("UntagPolicy", _arn)
def _untag(desk: Desk) -> Output:
    policy = _own(desk)
    changed = replace(policy, tags=left_tags(policy.tags, desk))
    desk.directory = desk.directory.with_managed_policy(changed)
    return {}


@operation("ListPolicyTags", _arn)
def _list_tags(desk: Desk) -> Output:
    return listed_tags(_found(desk).tags, desk)
