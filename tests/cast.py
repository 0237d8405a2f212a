"""The cast of AUTH section 17, and short ways to write policies, grants and questions.

Account A owns the key K. `alice` is a user of A, `app` a session of its role `app`, `fed` a
federated user that alice asked for. Whoever is called `..._b` lives in account B.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, TypeAlias

from policy import (
    Arn,
    Context,
    Decision,
    Documents,
    Grant,
    GrantConstraints,
    Level,
    Outcome,
    Policy,
    PolicyKind,
    Principal,
    PrincipalKind,
    Request,
    Resource,
    decide,
    parse,
    reference,
    root_arn,
)
from policy.decision import GrantTrace
from policy.request import Values
from policy.vocabulary import Action

Json: TypeAlias = dict[str, Any]

A, B = "111122223333", "444455556666"
KEY_ID = "1234abcd-12ab-34cd-56ef-1234567890ab"
K = f"arn:aws:kms:us-east-1:{A}:key/{KEY_ID}"
K_B = f"arn:aws:kms:us-east-1:{B}:key/0987dcba-09fe-87dc-65ba-ab0987654321"
ALIAS = f"arn:aws:kms:us-east-1:{A}:alias/app"
A_ROOT, B_ROOT = f"arn:aws:iam::{A}:root", f"arn:aws:iam::{B}:root"
NOON = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


def arn(text: str) -> Arn:
    parsed = Arn.parse(text)
    assert parsed is not None, text
    return parsed


# Callers


def user(account: str, name: str) -> Principal:
    return Principal(PrincipalKind.USER, arn(f"arn:aws:iam::{account}:user/{name}"))


def session(account: str, role: str, name: str = "s1", path: str = "") -> Principal:
    return Principal(
        PrincipalKind.ROLE_SESSION,
        arn(f"arn:aws:sts::{account}:assumed-role/{role}/{name}"),
        issuer=arn(f"arn:aws:iam::{account}:role/{path}{role}"),
    )


def root(account: str) -> Principal:
    return Principal(PrincipalKind.ROOT, root_arn(account))


def federated(issuer: Principal, name: str) -> Principal:
    assert issuer.arn is not None
    return Principal(
        PrincipalKind.FEDERATED_USER,
        arn(f"arn:aws:sts::{issuer.account}:federated-user/{name}"),
        issuer=issuer.arn,
    )


def service(name: str) -> Principal:
    return Principal(PrincipalKind.SERVICE, service=name)


alice, bob_b = user(A, "alice"), user(B, "bob")
app, app_2, app_b = session(A, "app"), session(A, "app", "s2"), session(B, "app")
root_a, root_b = root(A), root(B)
fed, fed_b = federated(alice, "fed"), federated(bob_b, "fed")
logs = service("logs.us-east-1.amazonaws.com")
anonymous = Principal(PrincipalKind.ANONYMOUS)

ALICE, BOB = str(alice), str(bob_b)
APP_ROLE, APP_SESSION = f"arn:aws:iam::{A}:role/app", str(app)
APP_ROLE_B = f"arn:aws:iam::{B}:role/app"
FED = str(fed)


# Policies


def allow(
    action: str | list[str] = "kms:*",
    who: object = None,
    *,
    resource: str | list[str] = "*",
    when: Json | None = None,
    **elements: object,
) -> Json:
    """Return an Allow statement; `who` is an ARN, a list of ARNs or a whole Principal."""
    return _statement("Allow", action, who, resource, when, elements)


def deny(
    action: str | list[str] = "kms:*",
    who: object = None,
    *,
    resource: str | list[str] = "*",
    when: Json | None = None,
    **elements: object,
) -> Json:
    return _statement("Deny", action, who, resource, when, elements)


def _statement(
    effect: str,
    action: str | list[str],
    who: object,
    resource: str | list[str],
    when: Json | None,
    elements: Mapping[str, object],
) -> Json:
    statement: Json = {"Effect": effect, "Action": action, "Resource": resource}
    if who is not None:
        statement["Principal"] = who if who == "*" or isinstance(who, dict) else {"AWS": who}
    if when is not None:
        statement["Condition"] = when
    for name in elements:
        statement.pop(name.removeprefix("Not"), None)
    return {**statement, **{name: value for name, value in elements.items() if value is not None}}


ROOT = allow(who=A_ROOT)
"""The statement that lets the identity policies of account A speak."""


def document(*statements: Json, version: str = "2012-10-17", **more: object) -> str:
    return json.dumps({"Version": version, **more, "Statement": list(statements)})


def policy_of(
    kind: PolicyKind, *statements: Json, name: str = "", version: str = "2012-10-17"
) -> Policy:
    return _parsed(document(*statements, version=version), name or str(kind), kind)


@lru_cache(maxsize=4096)
def _parsed(text: str, name: str, kind: PolicyKind) -> Policy:
    return parse(text, name=name, kind=kind)


def key_policy(*statements: Json, version: str = "2012-10-17") -> Policy:
    return policy_of(PolicyKind.KEY_POLICY, *statements, version=version)


def identity(*statements: Json, name: str = "", version: str = "2012-10-17") -> Policy:
    return policy_of(PolicyKind.IDENTITY_POLICY, *statements, name=name, version=version)


def endpoint(*statements: Json) -> Policy:
    return policy_of(PolicyKind.ENDPOINT_POLICY, *statements)


def scps(*levels: Json | Iterable[Json]) -> tuple[Level, ...]:
    """Return one level of SCPs for each statement or list of statements, from the root down."""
    return _levels(PolicyKind.SCP, levels)


def rcps(*levels: Json | Iterable[Json]) -> tuple[Level, ...]:
    return _levels(PolicyKind.RCP, levels)


def _levels(kind: PolicyKind, levels: Iterable[Json | Iterable[Json]]) -> tuple[Level, ...]:
    return tuple(
        Level(
            f"level-{number}",
            tuple(
                policy_of(kind, statement, name=f"{kind} {number}.{index}")
                for index, statement in enumerate([level] if isinstance(level, dict) else level)
            ),
        )
        for number, level in enumerate(levels)
    )


def grant(
    grantee: str,
    *operations: str,
    name: str = "g",
    equals: Mapping[str, str] | None = None,
    subset: Mapping[str, str] | None = None,
    source_arn: str | None = None,
    **more: Any,
) -> Grant:
    constraints = GrantConstraints(equals, subset, source_arn)
    more = {"id": name, "key_arn": K, **more}
    return Grant(
        grantee_principal=grantee,
        operations=frozenset(operations),
        constraints=constraints,
        **more,
    )


# Questions


def key(text: str = K, **more: Any) -> Resource:
    parsed = arn(text)
    return Resource(parsed, parsed.account, **more)


def nothing(account: str = A) -> Resource:
    """Return the resource of an action that has none."""
    return Resource(None, account)


def request(
    caller: Principal,
    action: str = "kms:Decrypt",
    resource: Resource | None = None,
    context: Mapping[str, Values] | None = None,
    **more: Any,
) -> Request:
    resource = resource or key()
    return Request(caller, action, resource, context=Context(context or {}), **more)


def ask(
    caller: Principal,
    action: str = "kms:Decrypt",
    resource: Resource | None = None,
    context: Mapping[str, Values] | None = None,
    **documents: Any,
) -> Decision:
    """Return the decision on one question, on which both evaluators must agree to the last step.

    Documents, tokens and times are given by name.
    """
    more = {
        name: documents.pop(name) for name in ("grant_tokens", "at", "subject") if name in documents
    }
    asked = request(caller, action, resource, context, **more)
    made = documents_of(**documents)
    decision = reference.decide(asked, made)
    assert decide(asked, made) == decision
    return decision


def documents_of(**documents: Any) -> Documents:
    """Return the documents by name; a single policy or grant stands for a list of one."""
    for name in ("identity", "grants", "session"):
        if isinstance(documents.get(name), Policy | Grant):
            documents[name] = (documents[name],)
    return Documents(**documents)


_CODES = {
    Outcome.ALLOWED: "AL",
    Outcome.EXPLICITLY_DENIED: "ED",
    Outcome.IMPLICITLY_DENIED: "ID",
}


def verdict(decision: Decision) -> str:
    """Return outcome and path or layer in the words of AUTH: 'AL grant', 'ID identity'."""
    return f"{_CODES[decision.outcome]} {decision.path or decision.layer}"


def names(decision: Decision) -> list[str]:
    """Return what `by` holds: Sids, `policy[index]`, or ids of grants."""
    return [
        trace.grant.id if isinstance(trace, GrantTrace) else trace.name for trace in decision.by
    ]


def with_facts(caller: Principal, facts: Mapping[str, Values]) -> Principal:
    return replace(caller, facts=facts)


def label(value: object) -> str | None:
    """Return the name of a caller or resource in a test id; None leaves it to pytest."""
    return str(value) if isinstance(value, Principal | Resource | Action) else None
