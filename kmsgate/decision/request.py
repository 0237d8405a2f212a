"""The public format of `kmsgate decide`: JSON to question, decision to answer.

A question must keep to the format (`schemas/decision-request.schema.json`): a field that is
misspelt, repeated or of the wrong type is an error that names it, and is never taken for none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from kmsgate.decision.fields import (
    Field,
    FieldError,
    Path,
    Value,
    decoded,
    find,
    short,
    tree_of,
    value_of,
)
from kmsgate.decision.grants import read_grants, retired_grant
from kmsgate.decision.policies import read_policies
from policy import (
    Arn,
    Context,
    Decision,
    Documents,
    Effect,
    GrantTrace,
    Layer,
    MatchClass,
    Position,
    Principal,
    PrincipalKind,
    Request,
    Resource,
    Source,
    StatementTrace,
    decide,
    denial_message,
    principal_from_arn,
)
from policy.arn import is_account_id
from policy.request import Values, caller_facts
from policy.spelling import closest
from policy.tree import Node
from policy.vocabulary import ACTIONS, Action, ResourceKind, condition_key


class RequestError(FieldError):
    """A text that is not a valid request; `id` is the request's own, if it could be read."""

    def __init__(
        self,
        problem: str,
        path: Path | None = None,
        position: Position | None = None,
        id: str | None = None,
    ) -> None:
        super().__init__(problem, path, position)
        self.id = id


@dataclass(frozen=True, slots=True)
class Question:
    """One request, with everything that may speak about it."""

    id: str | None
    request: Request
    documents: Documents


def parse_request(
    text: str | bytes, name: str = "<request>", *, positions: bool = False
) -> Question:
    """Return the question that a text asks; raises RequestError.

    With `positions`, which takes longer, the policies that stand in the text as objects have
    `name` for their source and know their places in it.
    """
    identifier, tree, source = None, None, None
    try:
        source = Source(name, decoded(text))
        value = value_of(source.text)
        identifier = _id(value)
        tree = tree_of(source) if positions else None
        return _question(Field(value, ()), source, tree)
    except FieldError as error:
        position = error.position
        if tree is not None and source is not None and error.path is not None:
            position = source.position(find(tree, error.path)[1].start)
        raise RequestError(error.problem, error.path, position, identifier) from None


def _id(value: Value) -> str | None:
    found = value.get("id") if isinstance(value, dict) else None
    return found if isinstance(found, str) else None


# The question

_FIELDS = (
    "id", "principal", "action", "resource", "context", "policies", "grants", "grant_tokens",
    "grant_consistency_seconds", "at",
)  # fmt: skip


def _question(root: Field, source: Source, tree: Node | None) -> Question:
    if not isinstance(root.value, dict):
        raise FieldError(f"the request {root.expected('an object').problem}")
    members = root.members(_FIELDS)
    given = members.get("id")
    if given is not None and not isinstance(given.value, str):
        raise given.expected("a string")
    principal = _principal(members.need("principal", 'say who asks: {"arn": "arn:aws:iam::…"}'))
    action = _action(members.need("action", 'say what is asked: "kms:Decrypt"'))
    where = members.need("resource", 'say on what: {"arn": "arn:aws:kms:…"}')
    resource = _resource(where, principal)
    _check_action(where, action, resource)
    context = _context(members.get("context"), principal)
    documents = read_policies(members.get("policies"), resource, source, tree)
    time = members.get("at")
    at = time.time() if time is not None else None
    grants = read_grants(members, resource, at)
    tokens = members.texts("grant_tokens")
    subject = retired_grant(members, grants, tokens) if action == "kms:RetireGrant" else None
    if resource.kind is ResourceKind.KEY:  # AUTH L-8
        documents = replace(documents, grants=grants)
    request = Request(principal, action, resource, context, tokens, at, subject)
    return Question(_id(root.value), request, documents)


# Who asks

_SERVICE = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")


def _principal(field: Field) -> Principal:
    what = 'an object such as {"arn": "arn:aws:iam::…"}'
    members = field.members(("arn", "role_arn", "service", "anonymous"), what)
    kinds = [name for name in ("arn", "service", "anonymous") if members.get(name) is not None]
    if len(kinds) != 1:
        found = f"found {' and '.join(kinds) or 'none of them'}"
        raise field.error(f"must have exactly one of arn, service and anonymous; {found}")
    named, role = members.need(kinds[0], ""), members.get("role_arn")
    if kinds[0] == "arn":
        return _named_principal(named, role)
    if role is not None:
        raise role.error("only a role session has one")
    if kinds[0] == "service":
        return _service(named)
    if named.value is not True:
        raise named.error("must be true, or left out")
    return Principal(PrincipalKind.ANONYMOUS)


def _service(field: Field) -> Principal:
    name = field.text()
    if not _SERVICE.fullmatch(name):
        raise field.error(
            f"'{short(name)}' is not a service principal such as lambda.amazonaws.com"
        )
    return Principal(PrincipalKind.SERVICE, service=name)


def _named_principal(field: Field, role: Field | None) -> Principal:
    """Return the caller that an ARN names (AUTH A-9)."""
    arn = _arn(field)
    principal = principal_from_arn(arn) if is_account_id(arn.account) else None
    if principal is None:
        raise field.error(
            f"{short(str(arn))} names no caller; give a user, role session, role, federated user "
            "or account root"
        )
    if role is None:
        return principal
    if principal.issuer is None or principal.is_unnamed_session:
        raise role.error("only a role session has one")
    return principal_from_arn(arn, _role(role, principal.issuer)) or principal


def _role(field: Field, expected: Arn) -> Arn:
    """Return the ARN of a session's role, which may have a path that the session lacks."""
    role = _arn(field)
    if (role.service, role.type) != ("iam", "role") or not role.last:
        raise field.error(f"{short(str(role))} is not the ARN of a role")
    if replace(role, resource=f"role/{role.last}") != expected:
        raise field.error(f"is not the role of this session, {expected}")
    return role


def _arn(field: Field, advice: str = "") -> Arn:
    """Return one concrete ARN."""
    text = field.text()
    if "*" in text or "?" in text:
        raise field.error(f"must be one concrete ARN, never a pattern: {short(text)}")
    arn = Arn.parse(text)
    if arn is None:
        raise field.error(f"'{short(text)}' is not an ARN{advice}")
    return arn


# What is asked, and on what

_ACTION = re.compile(r"[A-Za-z0-9-]+:[A-Za-z0-9]+")


def _action(field: Field) -> str:
    """Return the action, in the service's own spelling where that is known (AUTH M-2)."""
    text = field.text()
    if not _ACTION.fullmatch(text):
        raise field.error(f"'{short(text)}' is not one action such as kms:Decrypt")
    known = ACTIONS.get(text.lower())
    if known is not None:
        return str(known)
    if text.lower().startswith("kms:"):
        meant = closest(text, map(str, ACTIONS.values()))
        hint = f"; did you mean '{meant}'?" if meant else ""
        raise field.error(f"'{short(text)}' is not an action of KMS{hint}")
    return text


def _resource(field: Field, principal: Principal) -> Resource:
    members = field.members(("arn", "account"), 'an object such as {"arn": "arn:aws:kms:…"}')
    named = members.need("arn", 'give one ARN, or "*" for an action that has no resource')
    given = members.get("account")
    account = _account(given) if given is not None else None
    if named.value == "*":
        return Resource(None, account or principal.account)  # AUTH A-10
    arn = _arn(named, "; a key is named by its key ARN")
    if arn.service == "kms" and not _is_kms_resource(arn):
        raise named.error(f"{short(str(arn))} is not the ARN of a KMS key or alias")
    if given is not None and arn.account and account != arn.account:
        raise given.error(f"is {account}, but the ARN names account {short(arn.account)}")
    account = account or arn.account or None
    if account is None and principal.account is not None:
        problem = f"is missing; {short(str(arn))} does not say whose it is"
        raise FieldError(problem, (*field.path, "account"))
    return Resource(arn, account)


def _account(field: Field) -> str:
    text = field.text()
    if not is_account_id(text):
        raise field.error(f"'{short(text)}' is not an account id of twelve digits")
    return text


def _is_kms_resource(arn: Arn) -> bool:
    """AUTH D-1."""
    is_known = arn.type in ("key", "alias") and bool(arn.name)
    return is_known and bool(arn.region) and is_account_id(arn.account)


_SHOWN_KINDS = {
    ResourceKind.KEY: "a KMS key",
    ResourceKind.ALIAS: "an alias",
    ResourceKind.NONE: "*",
}


def _check_action(field: Field, action: str, resource: Resource) -> None:
    """Refuse a question that no operation asks (AUTH D-2, D-8, K-63)."""
    kind, known = resource.kind, ACTIONS.get(action.lower())
    path = (*field.path, "arn")
    if known is None:
        if kind in (ResourceKind.KEY, ResourceKind.ALIAS):
            raise FieldError(f"{action} is not checked on {_SHOWN_KINDS[kind]}", path)
    elif kind is None or not known.is_checked_on(kind):
        found = _SHOWN_KINDS[kind] if kind is not None else short(str(resource))
        raise FieldError(f"{action} is checked on {_checked_on(known)}, not on {found}", path)


def _checked_on(action: Action) -> str:
    kinds = (text for kind, text in _SHOWN_KINDS.items() if action.is_checked_on(kind))
    return " and on ".join(kinds)


# In which circumstances

_FILLED_IN = frozenset({"aws:PrincipalArn", "aws:PrincipalAccount", "aws:PrincipalType"})
"""What is filled in of the facts that follow from the caller; the others are as given."""


def _context(field: Field | None, principal: Principal) -> Context:
    """Return the facts that are given. A null bars a key from being filled in."""
    values: dict[str, Values] = {}
    absent = set(caller_facts(principal)) - _FILLED_IN
    seen: dict[str, str] = {}
    for name, entry in field.entries("an object of condition keys") if field is not None else ():
        _check_key(entry, name, seen.setdefault(name.lower(), name))
        if entry.value is None:
            absent.add(name)
        else:
            values[name] = _values(entry)
    return Context(values, absent=absent)


def _check_key(entry: Field, name: str, first: str) -> None:
    """Refuse a key in two spellings, unless case may tell two pairs or tags apart (AUTH J-100)."""
    if not name:
        raise FieldError("a condition key must not be empty", entry.path[:-1])
    if first is not name:
        key = condition_key(name)
        if key is None or not key.name.endswith((":", "/")):
            raise entry.error(f"is the same key as {short(first)}")


def _values(entry: Field) -> Values:
    value = entry.value
    if isinstance(value, str):
        return value
    if not isinstance(value, list):
        raise entry.expected("a string or a list of strings")
    for item in entry.items("strings"):
        if not isinstance(item.value, str):
            raise item.expected("a string")
    return tuple(value)


# The answer

_BLOCKING = {
    Layer.SCP: "scps",
    Layer.RCP: "rcps",
    Layer.ENDPOINT: "vpc_endpoint",
    Layer.KEY_POLICY: "resource",
    Layer.IDENTITY: "identity",
    Layer.BOUNDARY: "permissions_boundary",
    Layer.SESSION: "session",
}
"""The layers by the names that `policies` gives them."""


def answer(question: Question, *, brief: bool = False) -> dict[str, Any]:
    """Decide a question; return the answer in the form of `decision.schema.json`."""
    decision = decide(question.request, question.documents)
    return answer_of(decision, question.id, brief=brief)


def answer_of(decision: Decision, id: str | None, *, brief: bool = False) -> dict[str, Any]:
    """Return a decision in the form of `decision.schema.json`; a brief one gives no reasons."""
    return {
        "id": id,
        "decision": decision.outcome.value,
        "layer": decision.layer.value,
        "path": decision.path.value if decision.path is not None else None,
        "blocked_by": [_BLOCKING[layer] for layer in decision.blocked_by if layer in _BLOCKING],
        "message": denial_message(decision),
        "reasons": [] if brief else list(_reasons(decision)),
    }


def error_answer(error: RequestError) -> dict[str, Any]:
    """Return the answer to a text that is no valid request."""
    return {"id": error.id, "error": error.message, "field": error.field}


def _reasons(decision: Decision) -> Iterator[dict[str, Any]]:
    for result in decision.layers:
        for statement in result.statements:
            yield _statement_reason(statement)
        for grant in result.grants:
            yield _grant_reason(grant)


def _statement_reason(trace: StatementTrace) -> dict[str, Any]:
    return {
        "layer": trace.layer.value,
        "policy": trace.policy,
        "statement": trace.index,
        "sid": trace.sid,
        "effect": trace.effect.value,
        **_result(trace),
    }


def _grant_reason(trace: GrantTrace) -> dict[str, Any]:
    return {
        "layer": Layer.GRANT.value,
        "policy": f"grant {trace.grant.id}",
        "statement": None,
        "sid": None,
        "effect": Effect.ALLOW.value,
        **_result(trace),
    }


def _result(trace: StatementTrace | GrantTrace) -> dict[str, Any]:
    if trace.applies:
        why = "every element matches"
        if trace.match_class is MatchClass.ACCOUNT:
            why += "; it names the whole account, so that identity policies may speak"
        return {"outcome": "applies", "element": None, "why": why}
    failed = next(step for step in trace.steps if not step.matched)
    return {"outcome": "no match", "element": failed.element.value, "why": failed.why}
