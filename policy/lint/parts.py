"""The parts of a statement: entries of lists, what actions match, and tests of conditions."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from policy.model import Condition, ConditionValue
from policy.operators import Family, Operator, SetOperator
from policy.pattern import parse_pattern
from policy.tree import Member, Node, String
from policy.vocabulary import ACTIONS, ConditionKey, condition_key


@dataclass(frozen=True, slots=True)
class Coverage:
    """What an entry of Action matches: KMS actions by name, and whether other services' as well."""

    kms: frozenset[str]
    others: bool


@functools.lru_cache(maxsize=4096)
def coverage(text: str) -> Coverage:
    """Return what an entry of Action matches (AUTH C-1 to C-7)."""
    if text == "*":
        return Coverage(EVERY_ACTION, others=True)
    service, _, name = text.lower().partition(":")
    if not service or not name or any(sign.isspace() or sign == "," for sign in text):
        return Coverage(frozenset(), others=False)
    if service != "kms" and "*" not in service and "?" not in service:
        return Coverage(frozenset(), others=True)
    pattern = parse_pattern(text.lower())
    kms = frozenset(each.name for key, each in ACTIONS.items() if pattern.matches(key))
    return Coverage(kms, others=service != "kms")


EVERY_ACTION = frozenset(action.name for action in ACTIONS.values())
"""The names of all KMS actions, without the service."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A string in a list; `items` is the whole list, `at` its place there."""

    node: String
    items: tuple[Node, ...]
    at: int

    @property
    def text(self) -> str:
        """What the string says."""
        return self.node.value


@dataclass(frozen=True, slots=True)
class Listing:
    """An element that is a string or a list of strings; `negated` for the Not twin."""

    name: String
    entries: tuple[Entry, ...]
    negated: bool


@dataclass(frozen=True, slots=True)
class Clause:
    """One key under one operator of a Condition, with the values it is compared with.

    `test` is the same as decisions see it.
    """

    block: Member
    """The operator's name and what stands behind it."""
    member: Member
    """The key's name and its values."""
    nodes: tuple[Node, ...]
    test: Condition
    places: tuple[int, int]
    """Which member of the Condition the block is, and which member of the block the key."""

    @property
    def operator(self) -> Operator:
        """The operator."""
        return self.test.operator

    @property
    def family(self) -> Family:
        """What type of value the operator compares."""
        return self.test.operator.base.family

    @property
    def name(self) -> str:
        """The key as it is written."""
        return self.test.key

    @property
    def known(self) -> ConditionKey | None:
        """What is known of the key."""
        return condition_key(self.test.key)

    @property
    def key(self) -> str:
        """The known spelling of the key or its family; of other keys the name in lower case."""
        return self.known.name if self.known is not None else self.name.lower()

    @property
    def values(self) -> tuple[ConditionValue, ...]:
        """The values, as many as there are nodes."""
        return self.test.values

    @property
    def has_variables(self) -> bool:
        """Whether the request itself fills in what the key is compared with."""
        return any(value.pattern.variables for value in self.values)

    @property
    def holds_without_key(self) -> bool:
        """Whether the clause is true of requests that lack the key (AUTH F-5 to F-7, F-11)."""
        operator = self.operator
        if operator.set_operator is not None and not operator.if_exists:
            return operator.set_operator is SetOperator.ALL
        if self.family is Family.NULL:
            return any(value.text.lower() == "true" for value in self.values)
        return operator.if_exists or operator.base.negated

    @property
    def holds_only_without_key(self) -> bool:
        """Whether the clause asks for the absence of the key."""
        return (
            self.family is Family.NULL
            and self.operator.set_operator is None
            and all(value.text.lower() == "true" for value in self.values)
        )

    @property
    def is_positive(self) -> bool:
        """Whether it compares the key's value and is false without one."""
        return self.family is not Family.NULL and not self.holds_without_key

    def __str__(self) -> str:
        return f"{self.operator} {self.name}"
