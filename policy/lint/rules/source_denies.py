"""Denies by network or source that stop more callers than meant (KG508, KG509)."""

from __future__ import annotations

from collections.abc import Iterator

from policy.lint.duties import CRYPTOGRAPHIC
from policy.lint.insertions import condition_added, is_json
from policy.lint.meaning import Said
from policy.lint.rule import Edit, Fix, Hit, Severity, rule
from policy.lint.subject import Subject, short
from policy.model import Condition, PolicyKind, PrincipalForm
from policy.operators import Family

_NETWORKS = frozenset({"aws:sourceip", "aws:sourcevpc", "aws:sourcevpce", "aws:vpcsourceip"})
_SERVICE_CALLS = frozenset(
    {
        "aws:calledvia", "aws:calledviafirst", "aws:calledvialast", "aws:principalisawsservice",
        "aws:viaawsservice", "kms:viaservice",
    }
)  # fmt: skip
"""Keys that tell calls of a service from those of a person."""
_SOURCES = frozenset({"aws:sourceaccount", "aws:sourcearn", "aws:sourceorgid"})
_USED_BY_SERVICES = CRYPTOGRAPHIC | {"CreateGrant"}


@rule(
    "KG508", "network-deny-breaks-services", Severity.WARNING, Fix.UNSAFE,
    kinds=(
        PolicyKind.KEY_POLICY, PolicyKind.IDENTITY_POLICY, PolicyKind.SCP, PolicyKind.RCP,
    ),
)  # fmt: skip
def network_deny_breaks_services(subject: Subject) -> Iterator[Hit]:
    """A Deny of everything from outside a network stops AWS services as well.

    Silent where the statement also looks at `aws:ViaAWSService`, `kms:ViaService`, `aws:CalledVia`
    or `aws:PrincipalIsAWSService`.

    ## Why it matters
    A service that encrypts for somebody calls KMS from its own network. The volume does not
    attach, the table does not open, though its owner sits in the right place.

    ## Example
    ```json
    {"Sid": "OfficeOnly", "Effect": "Deny", "Principal": "*",
     "Action": "kms:Decrypt", "Resource": "*",
     "Condition": {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}}
    ```

    ## Use instead
    ```json
    {"Sid": "OfficeOnly", "Effect": "Deny", "Principal": "*",
     "Action": "kms:Decrypt", "Resource": "*",
     "Condition": {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"},
                   "Bool": {"aws:ViaAWSService": "false"}}}
    ```

    ## Sources
    - AWS global condition context keys
    - Connecting to AWS KMS through a VPC endpoint
    """
    for said in subject.meaning.denies:
        if not said.actions & _USED_BY_SERVICES or said.keys & _SERVICE_CALLS:
            continue
        test = _first(said, _NETWORKS)
        if test is not None:
            yield Hit(
                said.key_place(test),
                f"this Deny also stops AWS services that use the key for {_whom(said)}",
                'add "Bool": {"aws:ViaAWSService": "false"}',
                edits=_added(subject, said, ("Bool", "aws:ViaAWSService", "false")),
            )


def _whom(said: Said) -> str:
    names = [short(each.text) for each in said.principals if each.form != PrincipalForm.EVERYONE]
    if said.model.principal is None:
        return "these identities"
    return ", ".join(names[:3]) if names else "everybody"


@rule(
    "KG509", "deny-by-source-hits-direct-calls", Severity.SECURITY, Fix.UNSAFE,
    kinds=(PolicyKind.RCP, PolicyKind.KEY_POLICY),
)  # fmt: skip
def deny_by_source_hits_direct_calls(subject: Subject) -> Iterator[Hit]:
    """A Deny of foreign sources also denies calls that have no source.

    ## Why it matters
    Only a service that acts for somebody tells on whose behalf. A user's or role's own call lacks
    the key, a negated test holds without it, and so the Deny meant against confused deputies
    stops everybody.

    ## Example
    ```json
    {"Sid": "NoConfusedDeputies", "Effect": "Deny", "Principal": "*",
     "Action": "kms:Decrypt", "Resource": "*",
     "Condition": {"StringNotEqualsIfExists": {"aws:SourceOrgID": "o-a1b2c3d4e5"}}}
    ```

    ## Use instead
    ```json
    {"Sid": "NoConfusedDeputies", "Effect": "Deny", "Principal": "*",
     "Action": "kms:Decrypt", "Resource": "*",
     "Condition": {"StringNotEqualsIfExists": {"aws:SourceOrgID": "o-a1b2c3d4e5"},
                   "Null": {"aws:SourceAccount": "false"},
                   "Bool": {"aws:PrincipalIsAWSService": "true"}}}
    ```

    ## Sources
    - The confused deputy problem
    - RCP syntax (AWS Organizations User Guide)
    """
    for said in subject.meaning.denies:
        test = _first(said, _SOURCES)
        if test is None or _is_for_services(said) or any(map(_needs_source, said.conditions)):
            continue
        yield Hit(
            said.key_place(test),
            f"{test.key} is absent from direct calls, so this Deny hits every user and role",
            edits=_added(
                subject,
                said,
                ("Null", "aws:SourceAccount", "false"),
                ("Bool", "aws:PrincipalIsAWSService", "true"),
            ),
        )


def _is_for_services(said: Said) -> bool:
    return bool(said.principals) and all(
        each.form is PrincipalForm.SERVICE for each in said.principals
    )


def _needs_source(condition: Condition) -> bool:
    """Tell whether a test is false of calls that people make themselves."""
    key, base = condition.key.lower(), condition.operator.base
    values = [value.text.lower() for value in condition.values]
    if key in _SOURCES:
        if base.family is Family.NULL:
            return values == ["false"]
        return not base.negated and not condition.operator.if_exists
    if key == "aws:principalisawsservice":
        return base.family is Family.BOOL and values == ["true"]
    return key == "aws:principalservicename" and not base.negated


def _first(said: Said, keys: frozenset[str]) -> Condition | None:
    """Return the first negated test of one of these keys."""
    for condition in said.conditions:
        if condition.key.lower() in keys and condition.operator.base.negated:
            return condition
    return None


def _added(subject: Subject, said: Said, *tests: tuple[str, str, str]) -> tuple[Edit, ...]:
    there = {(str(each.operator), each.key.lower()) for each in said.conditions}
    if not is_json(subject, said.node) or any((op, key.lower()) in there for op, key, _ in tests):
        return ()
    return tuple(condition_added(said, *test) for test in tests)
