"""A policy as JSON text: what it says, whatever file it was read from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any

from policy.model import Condition, Element, Policy, PrincipalForm, PrincipalPattern, Statement

_KEYS = {
    PrincipalForm.SERVICE: "Service",
    PrincipalForm.PROVIDER: "Federated",
    PrincipalForm.CANONICAL_USER: "CanonicalUser",
}


def format_policy(policy: Policy) -> str:
    """Return a text of which `parse` makes an equal policy, places aside."""
    document: dict[str, Any] = {"Version": policy.version}
    if policy.id is not None:
        document["Id"] = policy.id
    document["Statement"] = [dict(_members(statement)) for statement in policy.statements]
    return json.dumps(document, indent=2, ensure_ascii=False)


def _members(statement: Statement) -> Iterator[tuple[str, Any]]:
    if statement.sid is not None:
        yield "Sid", statement.sid
    yield "Effect", statement.effect.value
    if statement.principal is not None:
        yield _name("Principal", statement.principal), _principals(statement.principal.patterns)
    if statement.action is not None:
        element = statement.action
        yield _name("Action", element), [entry.text for entry in element.patterns]
    if statement.resource is not None:
        element = statement.resource
        yield _name("Resource", element), [entry.text for entry in element.patterns]
    if statement.conditions:
        yield "Condition", _conditions(statement.conditions)


def _name(name: str, element: Element[Any]) -> str:
    return f"Not{name}" if element.negated else name


def _principals(patterns: Sequence[PrincipalPattern]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for entry in patterns:
        found.setdefault(_KEYS.get(entry.form, "AWS"), []).append(entry.text)
    return found


def _conditions(conditions: Sequence[Condition]) -> dict[str, dict[str, list[str]]]:
    """Return conditions by operator and key, in their order.

    A text can spell an operator in two ways and test the same key with each. Both tests must hold,
    so the second one gets another spelling: names of operators have no case (AUTH B-14).
    """
    found: dict[str, dict[str, list[str]]] = {}
    operator, block = "", {"": [""]}
    for condition in conditions:
        if operator != str(condition.operator) or condition.key in block:
            operator, block = str(condition.operator), {}
            found[next(each for each in _spellings(operator) if each not in found)] = block
        block[condition.key] = [value.text for value in condition.values]
    return found


def _spellings(name: str) -> Iterator[str]:
    for choice in count():
        letters = enumerate(name)
        yield "".join(sign.swapcase() if choice >> i & 1 else sign for i, sign in letters)
