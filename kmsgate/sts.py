"""The part of STS that KMS users need: who am I, and temporary credentials (CORE 11.5).

Who may assume a role is decided by the same engine that decides about keys. Its trust policy must
allow it; within an account, a trust policy that names the account leaves it to IAM.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import NoReturn, TypeAlias
from urllib.parse import parse_qsl

from kms import errors
from kms.audit import event_time
from kms.directory import Identity, Session, TemporaryKey
from kms.operation import Call
from kms.service import Service
from kms.store import Session as Turn
from kmsgate.credentials import Credential, new_temporary_key
from kmsgate.scenario.policies import MANAGED, managed_policy
from kmsgate.xml_text import printable
from policy import (
    Arn,
    Context,
    Layer,
    Policy,
    PolicyError,
    PolicyKind,
    Principal,
    PrincipalKind,
    Request,
    Resource,
    decide,
    parse,
)
from policy.request import Values, caller_facts

VERSION = "2011-06-15"
CONTENT_TYPE = "text/xml"
NAMESPACE = f"https://sts.amazonaws.com/doc/{VERSION}/"
FORM = b"application/x-www-form-urlencoded"
MAX_PARAMETERS = 500
MAX_SESSION_POLICY = 2048
MAX_TAGS = 50
ROLE_SECONDS = 3600
"""How long sessions of a role may last that says nothing else."""

Parameters: TypeAlias = Mapping[str, str]
Facts: TypeAlias = Mapping[str, Values]
Tree: TypeAlias = "Mapping[str, Tree | str]"


class StsError(Exception):
    """A refusal as STS spells it."""

    def __init__(self, code: str, message: str, status: int) -> None:
        super().__init__(code)
        self.code, self.message, self.status = code, message, status


_SIGNATURE_ERRORS: Mapping[type[errors.KmsError], tuple[str, int, str | None]] = MappingProxyType(
    {
        errors.MissingAuthenticationToken: (
            "MissingAuthenticationToken", 403, "Request is missing Authentication Token",
        ),
        errors.IncompleteSignature: ("IncompleteSignature", 400, None),
        errors.InvalidRequestSignature: ("SignatureDoesNotMatch", 403, None),
        errors.UnrecognizedClient: ("InvalidClientTokenId", 403, None),
        errors.ExpiredToken: ("ExpiredToken", 403, None),
    }
)  # fmt: skip


def of_error(error: errors.KmsError) -> StsError:
    """Return what STS says for an error of the signature; InternalFailure for others (K-208)."""
    found = _SIGNATURE_ERRORS.get(type(error))
    if found is None:
        return StsError("InternalFailure", "", 500)
    code, status, message = found
    return StsError(code, message or error.message or "", status)


def is_form(content_type: bytes) -> bool:
    """Tell whether a request is one of the query protocol, by its type."""
    return content_type.partition(b";")[0].strip().lower() == FORM


def read_form(body: bytes) -> tuple[str, Parameters]:
    """Return the action of a request and its parameters; raises StsError (K-207, K-212)."""
    try:
        pairs = parse_qsl(
            body.decode(), keep_blank_values=True, errors="strict", max_num_fields=MAX_PARAMETERS
        )
    except ValueError:
        raise StsError("MalformedInput", "The request is no form.", 400) from None
    parameters = dict(pairs)
    action, version = parameters.get("Action"), parameters.get("Version", "NO_VERSION_SPECIFIED")
    if action is None:
        raise StsError("MissingAction", "The request lacks an Action.", 400)
    if action not in ACTIONS or version != VERSION:
        raise StsError(
            "InvalidAction", f"Could not find operation {action} for version {version}", 400
        )
    return action, parameters


def write_error(error: StsError, request_id: str) -> bytes:
    """Return the body of an error."""
    kind = "Sender" if error.status < 500 else "Receiver"
    told = {"Error": {"Type": kind, "Code": error.code, "Message": error.message}}
    return _document("ErrorResponse", {**told, "RequestId": request_id})


@dataclass(frozen=True, slots=True)
class StsCall:
    """One call of STS: who signed it, what it says, and what else is known of it."""

    signer: Credential
    action: str
    parameters: Parameters
    region: str
    facts: Facts
    request_id: str


def answer(service: Service, call: StsCall) -> bytes:
    """Do what is asked; return the body of the response. Raises StsError."""
    result = service.store.transact(partial(_done, service, call))
    return _document(
        f"{call.action}Response",
        {f"{call.action}Result": result, "ResponseMetadata": {"RequestId": call.request_id}},
    )


def _done(service: Service, call: StsCall, turn: Turn) -> Tree:
    return ACTIONS[call.action](_Scope(service, call, turn, service.clock.now()))


@dataclass(frozen=True, slots=True)
class _Scope:
    """What an action may use."""

    service: Service
    call: StsCall
    turn: Turn
    now: dt.datetime

    @property
    def caller(self) -> Principal:
        return self.call.signer.principal

    @property
    def parameters(self) -> Parameters:
        return self.call.parameters

    @property
    def caller_arn(self) -> Arn:
        assert self.caller.arn is not None  # noqa: S101 - who signs has an ARN
        return self.caller.arn

    def is_allowed(self, action: str, resource: Arn, facts: Facts, trust: Policy | None) -> bool:
        """Tell whether the caller may do it; with a trust policy, only if that agrees."""
        call = Call(self.caller, action, {}, self.call.region, access_key=self.call.signer.id)
        about = Resource(resource, resource.account)
        known = {**self.call.facts, **facts, "aws:RequestedRegion": self.call.region}
        request = Request(self.caller, f"sts:{action}", about, Context(known), at=self.now)
        documents = self.service.gate.documents(request, None, call, self.turn.state)
        decision = decide(request, replace(documents, key_policy=trust))
        agreed = trust is None or bool(decision.layer_result(Layer.KEY_POLICY).allowing)
        return (decision.allowed and agreed) or not self.service.settings.enforce

    def keep(self, key: TemporaryKey) -> Tree:
        """Keep temporary credentials; return them as responses show them."""
        state = self.turn.state
        directory = state.directory.with_temporary_key(key, self.now)
        self.turn.commit(replace(state, directory=directory), ())
        return {
            "AccessKeyId": key.id,
            "SecretAccessKey": key.secret.decode(),
            "SessionToken": key.token.decode(),
            "Expiration": event_time(key.expires_at),
        }


# Actions


def _get_caller_identity(scope: _Scope) -> Tree:
    """Tell who signed; nothing can forbid it (K-209)."""
    user_id = caller_facts(scope.caller).get("aws:userid", "")
    arn = scope.caller_arn
    return {"Arn": str(arn), "UserId": str(user_id), "Account": arn.account}


def _assume_role(scope: _Scope) -> Tree:
    """Begin a session of a role whose trust policy lets the caller (K-210)."""
    wanted = _RoleRequest.read(scope)
    if scope.caller.kind is PrincipalKind.ROOT:
        _deny("Roles may not be assumed by root accounts.")
    role = scope.turn.state.directory.identities.get(wanted.role_arn)
    for action in wanted.actions:
        if role is None or role.trust is None or role.arn.type != "role":
            _deny(_not_authorized(scope, action, wanted.role_arn))
        facts = {**wanted.facts, **_tags_of_role(role)}
        if not scope.is_allowed(action, role.arn, facts, role.trust):
            _deny(_not_authorized(scope, action, wanted.role_arn))
    assert role is not None  # noqa: S101 - there is an action
    arn = replace(role.arn, service="sts", resource=f"assumed-role/{role.arn.last}/{wanted.name}")
    facts = _began(scope, multi_factor=wanted.multi_factor)
    if wanted.source_identity is not None:
        facts["aws:SourceIdentity"] = wanted.source_identity
    session = Session(arn, role.arn, wanted.policies, wanted.tags, facts)
    key = new_temporary_key(
        scope.service.entropy, arn, role.unique_id, scope.now, wanted.duration, session
    )
    made: dict[str, Tree | str] = {
        "Credentials": scope.keep(key),
        "AssumedRoleUser": {
            "AssumedRoleId": f"{role.unique_id}:{wanted.name}",
            "Arn": str(arn),
        },
    }
    if wanted.packed_percent:
        made["PackedPolicySize"] = str(wanted.packed_percent)
    if wanted.source_identity is not None:
        made["SourceIdentity"] = wanted.source_identity
    return made


def _get_session_token(scope: _Scope) -> Tree:
    """Give a user or root temporary credentials of its own (AUTH L-54)."""
    _refuse_sessions(scope, "GetSessionToken")
    root = scope.caller.kind is PrincipalKind.ROOT
    most = 3600 if root else 129_600
    duration = _duration(scope.parameters, 3600 if root else 43_200, most)
    facts = _began(scope, multi_factor=_multi_factor(scope.parameters))
    key = new_temporary_key(
        scope.service.entropy,
        scope.caller_arn,
        scope.caller.unique_id,
        scope.now,
        duration,
        facts=facts,
    )
    return {"Credentials": scope.keep(key)}


def _get_federation_token(scope: _Scope) -> Tree:
    """Give somebody without an account the rights that a user has and a policy leaves."""
    _refuse_sessions(scope, "GetFederationToken")
    name = _name(scope.parameters, "Name", 32)
    duration = _duration(scope.parameters, 43_200, 129_600)
    caller = scope.caller_arn
    arn = replace(caller, service="sts", resource=f"federated-user/{name}")
    policies, packed = _session_policies(scope.parameters)
    tags = _tags(scope.parameters)
    actions = ["GetFederationToken", *(["TagSession"] if tags else [])]
    for action in actions:
        if not scope.is_allowed(action, arn, _tag_facts(tags), None):
            _deny(_not_authorized(scope, action, str(arn)))
    facts: Facts = {"aws:TokenIssueTime": event_time(scope.now)}
    session = Session(arn, caller, policies or (), tags, facts)
    owner = scope.caller.unique_id
    key = new_temporary_key(scope.service.entropy, arn, owner, scope.now, duration, session)
    made: dict[str, Tree | str] = {
        "Credentials": scope.keep(key),
        "FederatedUser": {"FederatedUserId": f"{arn.account}:{name}", "Arn": str(arn)},
    }
    if packed:
        made["PackedPolicySize"] = str(packed)
    return made


ACTIONS: Mapping[str, Callable[[_Scope], Tree]] = MappingProxyType(
    {
        "AssumeRole": _assume_role,
        "GetCallerIdentity": _get_caller_identity,
        "GetFederationToken": _get_federation_token,
        "GetSessionToken": _get_session_token,
    }
)
"""Every action that is answered, by name."""


@dataclass(frozen=True, slots=True)
class _RoleRequest:
    """What an AssumeRole call asks for, checked."""

    role_arn: str
    name: str
    duration: dt.timedelta
    policies: tuple[Policy, ...] | None
    packed_percent: int
    tags: Mapping[str, str]
    source_identity: str | None
    multi_factor: bool
    facts: Facts
    actions: tuple[str, ...]

    @classmethod
    def read(cls, scope: _Scope) -> _RoleRequest:
        """Read the parameters; raises StsError."""
        parameters = scope.parameters
        role_arn = _required(parameters, "RoleArn", 20, 2048)
        name = _name(parameters, "RoleSessionName", 64)
        duration = _duration(parameters, 3600, 43_200)
        chained = scope.caller.kind is PrincipalKind.ROLE_SESSION
        entry = scope.turn.state.directory.iam.get(role_arn)
        most = ROLE_SECONDS if chained or entry is None else entry.max_session_seconds
        if duration.total_seconds() > most:
            raise _invalid(
                "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed "
                "by role chaining"
                if chained
                else "The requested DurationSeconds exceeds the MaxSessionDuration set for this "
                "role."
            )
        if "TransitiveTagKeys.member.1" in parameters:
            raise _invalid("Tags of a session do not pass on to others here: TransitiveTagKeys")
        policies, packed = _session_policies(parameters)
        tags = _tags(parameters)
        kept = caller_facts(scope.caller).get("aws:SourceIdentity")
        source = parameters.get("SourceIdentity", kept)
        if source is not None:
            source = _name({"SourceIdentity": str(source)}, "SourceIdentity", 64)
        if kept is not None and source != kept:
            _deny("Source identity cannot be changed once it is set.")
        facts: dict[str, Values] = {"sts:RoleSessionName": name, **_tag_facts(tags)}
        if "ExternalId" in parameters:
            facts["sts:ExternalId"] = _required(parameters, "ExternalId", 2, 1224)
        if source is not None:
            facts["sts:SourceIdentity"] = source
        actions = ["AssumeRole"]
        actions += ["TagSession"] if tags else []
        actions += ["SetSourceIdentity"] if source is not None else []
        return cls(
            role_arn, name, duration, policies, packed, tags, source,
            _multi_factor(parameters), facts, tuple(actions),
        )  # fmt: skip


def _began(scope: _Scope, *, multi_factor: bool) -> dict[str, Values]:
    """Return what policies see of how a session began (AUTH J-20, J-22)."""
    return {
        "aws:TokenIssueTime": event_time(scope.now),
        "aws:MultiFactorAuthPresent": "true" if multi_factor else "false",
    }


def _multi_factor(parameters: Parameters) -> bool:
    """Return whether a code of a device was sent; which one it is, nobody checks (K-210)."""
    return bool(parameters.get("SerialNumber") and parameters.get("TokenCode"))


def _tags_of_role(role: Identity) -> Facts:
    return {f"aws:ResourceTag/{key}": value for key, value in role.tags.items()}


def _refuse_sessions(scope: _Scope, action: str) -> None:
    if scope.call.signer.token is not None:
        _deny(f"Cannot call {action} with session credentials")


def _deny(message: str) -> NoReturn:
    raise StsError("AccessDenied", message, 403)


def _not_authorized(scope: _Scope, action: str, resource: str) -> str:
    return (
        f"User: {scope.caller} is not authorized to perform: sts:{action} on resource: {resource}"
    )


# Parameters


def _invalid(message: str) -> StsError:
    return StsError("ValidationError", message, 400)


def _violation(value: str | None, name: str, constraint: str) -> StsError:
    path = name[:1].lower() + name[1:]
    shown = f"Value '{value[:256]}'" if value is not None else "Value null"
    return _invalid(
        f"1 validation error detected: {shown} at '{path}' failed to satisfy constraint: "
        f"Member must {constraint}"
    )


def _required(parameters: Parameters, name: str, least: int, most: int) -> str:
    value = parameters.get(name)
    if value is None:
        raise _violation(None, name, "not be null")
    if len(value) < least:
        raise _violation(value, name, f"have length greater than or equal to {least}")
    if len(value) > most:
        raise _violation(value, name, f"have length less than or equal to {most}")
    return value


_NAME = re.compile(r"[\w+=,.@-]*", re.ASCII)


def _name(parameters: Parameters, name: str, most: int) -> str:
    value = _required(parameters, name, 2, most)
    if not _NAME.fullmatch(value):
        raise _violation(value, name, f"satisfy regular expression pattern: {_NAME.pattern}")
    return value


def _duration(parameters: Parameters, default: int, most: int) -> dt.timedelta:
    text = parameters.get("DurationSeconds", str(default))
    if not re.fullmatch("[0-9]{1,9}", text):
        raise StsError("MalformedInput", "DurationSeconds is no number.", 400)
    if int(text) < 900:
        raise _violation(text, "DurationSeconds", "have value greater than or equal to 900")
    if int(text) > most:
        raise _violation(text, "DurationSeconds", f"have value less than or equal to {most}")
    return dt.timedelta(seconds=int(text))


def _listed(parameters: Parameters, prefix: str, member: str) -> Iterator[str]:
    """Yield `prefix.member.N.member` for N from 1 on, as long as there are any."""
    number = 1
    while (value := parameters.get(f"{prefix}.member.{number}.{member}")) is not None:
        yield value
        number += 1


def _tags(parameters: Parameters) -> Mapping[str, str]:
    names = list(_listed(parameters, "Tags", "Key"))
    values = list(_listed(parameters, "Tags", "Value"))
    if len(names) != len(values):
        raise _invalid("Each tag needs a Key and a Value.")
    if len(names) > MAX_TAGS:
        raise _violation(None, "Tags", f"have length less than or equal to {MAX_TAGS}")
    if len({name.lower() for name in names}) < len(names):
        raise _invalid("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
    for name, value in zip(names, values, strict=True):
        if not 1 <= len(name) <= 128 or len(value) > 256 or name.lower().startswith("aws:"):
            raise _invalid("A tag has a Key of 1 to 128 characters and a Value of up to 256.")
    return dict(zip(names, values, strict=True))


def _tag_facts(tags: Mapping[str, str]) -> dict[str, Values]:
    facts: dict[str, Values] = {f"aws:RequestTag/{key}": value for key, value in tags.items()}
    return {**facts, "aws:TagKeys": tuple(tags)} if tags else facts


_MANAGED_PREFIX = "arn:aws:iam::aws:policy/"


def _session_policies(parameters: Parameters) -> tuple[tuple[Policy, ...] | None, int]:
    """Return the session policies, None without any, and how much of their room they take."""
    found, size = [], 0
    text = parameters.get("Policy")
    if text is not None:
        size = len(text)
        if not 1 <= size <= MAX_SESSION_POLICY:
            raise StsError(
                "PackedPolicyTooLarge", "The session policy is longer than 2048 characters.", 400
            )
        try:
            found.append(parse(text, name="session policy", kind=PolicyKind.IDENTITY_POLICY))
        except PolicyError:
            raise StsError(
                "MalformedPolicyDocument", "The session policy is not a valid policy.", 400
            ) from None
    for arn in _listed(parameters, "PolicyArns", "arn"):
        name = arn.removeprefix(_MANAGED_PREFIX)
        if name == arn or name not in MANAGED:
            raise _invalid(f"No policy has this ARN here: {arn[:256]}")
        found.append(managed_policy(name, PolicyKind.IDENTITY_POLICY))
    percent = -(-size * 100 // MAX_SESSION_POLICY)
    return (tuple(found) or None), percent


# XML


def _document(root: str, tree: Tree) -> bytes:
    parts = "".join(_elements(tree))
    return f'<{root} xmlns="{NAMESPACE}">{parts}</{root}>'.encode()


def _elements(tree: Tree) -> Iterable[str]:
    for name, value in tree.items():
        inside = printable(value) if isinstance(value, str) else "".join(_elements(value))
        yield f"<{name}>{inside}</{name}>"
