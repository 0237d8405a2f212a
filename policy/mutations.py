"""Every single edit that could be a slip in a policy: what good tests notice.

A document is a JSON value here, so that a changed one can be put wherever the text of a policy
goes. An edit may change nothing that anybody can ask; whoever uses it finds out.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from policy.model import Element, Policy, PrincipalForm, PrincipalPattern, Statement, TextPattern
from policy.operators import Family, parse_operator

Json: TypeAlias = dict[str, Any]

_NOWHERE = "arn:aws:kms:us-east-1:000000000000:key/00000000-0000-4000-8000-000000000000"
"""A key that nobody has: the only statement of a policy is as good as dropped with it."""

_NEGATED = {
    "LessThan": "GreaterThanEquals",
    "LessThanEquals": "GreaterThan",
    "GreaterThan": "LessThanEquals",
    "GreaterThanEquals": "LessThan",
}
_FLIPPED = {"true": "false", "false": "true"}
_PRINCIPAL_KEYS = {
    PrincipalForm.SERVICE: "Service",
    PrincipalForm.PROVIDER: "Federated",
    PrincipalForm.CANONICAL_USER: "CanonicalUser",
}


@dataclass(frozen=True, slots=True)
class Mutation:
    """One edit of one statement, in words, and the whole document after it."""

    index: int
    edit: str
    document: Json = field(repr=False)


def mutations(document: Mapping[str, Any]) -> Iterator[Mutation]:
    """Yield a document after each edit: something dropped, widened, flipped, negated, loosened."""
    found = document["Statement"]
    statements: list[Json] = found if isinstance(found, list) else [found]
    for index, statement in enumerate(statements):
        for edit, changed in _of_statement(statement, alone=len(statements) == 1):
            after = [] if changed is None else [changed]
            whole = [*statements[:index], *after, *statements[index + 1 :]]
            yield Mutation(index, edit, {**document, "Statement": whole})


def _of_statement(statement: Json, *, alone: bool) -> Iterator[tuple[str, Json | None]]:
    if alone:
        rest = {k: v for k, v in statement.items() if k != "NotResource"}
        yield "dropped", {**rest, "Resource": _NOWHERE}
    else:
        yield "dropped", None
    other = "Deny" if statement["Effect"] == "Allow" else "Allow"
    yield f"Effect turned into {other}", {**statement, "Effect": other}
    for name in ("Action", "NotAction", "Resource", "NotResource"):
        if name in statement:
            yield from _of_list(statement, name)
    for name in ("Principal", "NotPrincipal"):
        if name in statement:
            yield from _of_principals(statement, name)
    for operator, tests in statement.get("Condition", {}).items():
        for key in tests:
            yield from _of_condition(statement, operator, key)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _of_list(statement: Json, name: str) -> Iterator[tuple[str, Json]]:
    """Narrowed by one value, and widened to `*`."""
    values = _listed(statement[name])
    if len(values) > 1:
        for value in values:
            left = [each for each in values if each is not value]
            yield f"{value} dropped", {**statement, name: left}
    if not name.startswith("Not") and "*" not in values:
        yield f"{name} widened to *", {**statement, name: "*"}


def _of_principals(statement: Json, name: str) -> Iterator[tuple[str, Json]]:
    named = statement[name]
    if not isinstance(named, dict):
        return
    entries = [(key, value) for key, values in named.items() for value in _listed(values)]
    if len(entries) > 1:
        for gone in entries:
            left: Json = {}
            for key, value in (entry for entry in entries if entry != gone):
                left.setdefault(key, []).append(value)
            yield f"principal {gone[1]} dropped", {**statement, name: left}
    if name == "Principal" and ("AWS", "*") not in entries:
        yield "Principal widened to *", {**statement, name: "*"}


def _of_condition(statement: Json, operator: str, key: str) -> Iterator[tuple[str, Json]]:
    what, values = f"{operator} {key}", _listed(statement["Condition"][operator][key])
    yield f"condition {what} dropped", _replaced(statement, operator, key, None)
    if len(values) > 1:
        for value in values:
            left = [each for each in values if each is not value]
            yield (
                f"value {value} of {what} dropped",
                _replaced(statement, operator, key, (operator, left)),
            )
    parsed = parse_operator(operator)
    if parsed is None:
        return
    negated = _negated(operator, values)
    if negated is not None:
        yield f"{what} negated", _replaced(statement, operator, key, negated)
    if not parsed.if_exists and parsed.base.family is not Family.NULL:
        loose = (f"{operator}IfExists", values)
        yield f"{what} loosened by IfExists", _replaced(statement, operator, key, loose)


def _negated(operator: str, values: list[Any]) -> tuple[str, list[Any]] | None:
    """Return the operator and values that say the contrary, or None if nothing does."""
    parsed = parse_operator(operator)
    if parsed is None:
        return None
    base = parsed.base.name
    head, tail = f"{parsed.set_operator}:" if parsed.set_operator else "", ""
    tail = "IfExists" if parsed.if_exists else ""
    if parsed.base.family in (Family.BOOL, Family.NULL):
        texts = [str(value).lower() for value in values]
        known = all(text in _FLIPPED for text in texts)
        return (operator, [_FLIPPED[text] for text in texts]) if known else None
    prefix = parsed.base.family.value
    order = base.removeprefix(prefix)
    if order in _NEGATED and parsed.base.family in (Family.NUMERIC, Family.DATE):
        return f"{head}{prefix}{_NEGATED[order]}{tail}", values
    for name in (f"Not{base}", base.removeprefix("Not"), _with_not(base), base.replace("Not", "")):
        if name != base and parse_operator(name) is not None:
            return f"{head}{name}{tail}", values
    return None


def _with_not(base: str) -> str:
    """`StringEquals` to `StringNotEquals`."""
    for family in Family:
        if base.startswith(family.value):
            return f"{family.value}Not{base.removeprefix(family.value)}"
    return base


def _replaced(
    statement: Json, operator: str, key: str, instead: tuple[str, list[Any]] | None
) -> Json:
    """Return a statement with one test of its conditions taken out, and another put in."""
    conditions = copy.deepcopy(statement["Condition"])
    del conditions[operator][key]
    if not conditions[operator]:
        del conditions[operator]
    if instead is not None:
        conditions.setdefault(instead[0], {})[key] = instead[1]
    rest = {name: value for name, value in statement.items() if name != "Condition"}
    return {**rest, "Condition": conditions} if conditions else rest


# Policies as documents


def as_document(policy: Policy) -> Json:
    """Return a policy as the JSON value that says the same."""
    return {"Version": policy.version, "Statement": [_statement(s) for s in policy.statements]}


def _statement(statement: Statement) -> Json:
    found: Json = {"Sid": statement.sid} if statement.sid is not None else {}
    found["Effect"] = str(statement.effect)
    if statement.principal is not None:
        found[statement.principal.name] = _principals(statement.principal)
    for element in (statement.action, statement.resource):
        if element is not None:
            found[element.name] = _texts(element)
    conditions: Json = {}
    for test in statement.conditions:
        values = [value.text for value in test.values]
        conditions.setdefault(str(test.operator), {})[test.key] = values
    return {**found, "Condition": conditions} if conditions else found


def _texts(element: Element[TextPattern]) -> list[str]:
    return [pattern.text for pattern in element.patterns]


def _principals(element: Element[PrincipalPattern]) -> Json:
    found: Json = {}
    for entry in element.patterns:
        found.setdefault(_PRINCIPAL_KEYS.get(entry.form, "AWS"), []).append(entry.text)
    return found
