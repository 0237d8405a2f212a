"""Policies made ready for many decisions: nothing is parsed, split or searched for twice.

A compiled policy looks up the action, then the caller, and touches only the statements that can
matter. It shares model, request and the reading of values with the reference evaluator, and none
of its matching: the two are compared on generated worlds.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

from policy.callers import Keys, principal_key, reaches
from policy.condition_tests import CompiledCondition, Test
from policy.decision import MatchClass
from policy.model import (
    Effect,
    Element,
    Policy,
    PolicyKind,
    PrincipalPattern,
    Statement,
    TextPattern,
)
from policy.pattern import Pattern, Wildcard
from policy.request import Principal
from policy.text_tests import Facts, filler, parts_test, wildcard_test
from policy.vocabulary import ACTIONS, canonical_key

Segments: TypeAlias = tuple[str, ...] | None
"""The six parts of the ARN that is asked about; None for `*`."""

ACTION_IDS: dict[str, int] = {name: index for index, name in enumerate(ACTIONS)}
"""The bit of each action of KMS in an action set."""

_EVERY = (1 << len(ACTION_IDS)) - 1
_TIME = frozenset({"aws:CurrentTime", "aws:EpochTime"})


class CompiledStatement:
    """A statement, each element planned.

    `test` tells whether the conditions hold; None when there are none. `tells_time` is whether the
    time of the request matters to it.
    """

    __slots__ = ("actions", "conditions", "position", "resource", "statement", "tells_time", "test")

    def __init__(self, policy: Policy, position: int, statement: Statement) -> None:
        hides = policy.kind is PolicyKind.KEY_POLICY
        self.statement = statement
        self.position = position
        self.actions = _action_set(statement.action)
        self.resource = CompiledResource(statement.resource, policy.kind, hides=hides)
        self.conditions = tuple(
            CompiledCondition(c, statement.effect, hides=hides) for c in statement.conditions
        )
        self.test = all_of(condition.test for condition in self.conditions)
        self.tells_time = not _TIME.isdisjoint(self._names())

    def _names(self) -> Iterator[str]:
        for condition in self.statement.conditions:
            yield canonical_key(condition.key)
            for value in condition.values:
                yield from (canonical_key(variable.key) for variable in value.pattern.variables)
        for entry in self.statement.resource.patterns if self.statement.resource else ():
            for segment in entry.segments:
                yield from (canonical_key(variable.key) for variable in segment.variables)

    @property
    def can_apply(self) -> bool:
        """Whether it has what it takes to apply to anything (AUTH A-8, B-12)."""
        action, resource = self.statement.action, self.statement.resource
        return bool(action is not None and action.patterns and resource and resource.patterns)


def all_of(tests: Iterable[Test]) -> Test | None:
    """Return a test that holds if all of them do; None when there are none."""
    several = tuple(tests)
    if len(several) <= 1:
        return several[0] if several else None
    if len(several) == 2:
        first, second = several
        return lambda facts: first(facts) and second(facts)

    def test(facts: Facts) -> bool:
        for each in several:  # noqa: SIM110 - a generator would cost as much again
            if not each(facts):
                return False
        return True

    return test


class Bucket:
    """The statements of one effect that concern one action.

    `anyone` are those of documents without principals. Others are found by the caller's keys;
    those with NotPrincipal must be looked at.
    """

    __slots__ = ("anyone", "by_key", "not_listed")

    def __init__(self) -> None:
        self.anyone: list[CompiledStatement] = []
        self.by_key: dict[str, list[CompiledStatement]] = {}
        self.not_listed: list[tuple[CompiledStatement, tuple[PrincipalPattern, ...]]] = []

    def __bool__(self) -> bool:
        return bool(self.anyone or self.by_key or self.not_listed)

    def reaching(
        self, keys: Keys, caller: Principal, *, deny: bool, bounded: bool
    ) -> list[tuple[CompiledStatement, MatchClass]]:
        """Return the statements that name a caller, each with its strongest class (AUTH E-12)."""
        found = [(statement, MatchClass.DIRECT) for statement in self.anyone]
        seen: set[int] = set()
        for key, match_class in keys:
            for statement in self.by_key.get(key, ()):
                if statement.position not in seen:
                    seen.add(statement.position)
                    found.append((statement, match_class))
        for statement, entries in self.not_listed:
            if reaches(entries, keys, caller, deny=deny, bounded=bounded):
                found.append((statement, MatchClass.DIRECT))
        found.sort(key=lambda pair: pair[0].position)
        return found


class CompiledPolicy:
    """One document, ready to be asked. Share it freely; it never changes in a way to be seen."""

    __slots__ = ("_allows", "_denies", "policy", "statements")

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.statements = tuple(
            CompiledStatement(policy, position, statement)
            for position, statement in enumerate(policy.statements)
        )
        self._allows: dict[str, Bucket] = {}
        self._denies: dict[str, Bucket] = {}

    def allows(self, action: str) -> Bucket:
        """Return the Allow statements that concern an action, given in lower case."""
        found = self._allows.get(action)
        return found if found is not None else self._made(self._allows, Effect.ALLOW, action)

    def denies(self, action: str) -> Bucket:
        """Return the Deny statements that concern an action, given in lower case."""
        found = self._denies.get(action)
        return found if found is not None else self._made(self._denies, Effect.DENY, action)

    def _made(self, kept: dict[str, Bucket], effect: Effect, action: str) -> Bucket:
        bucket, bit = Bucket(), ACTION_IDS.get(action)
        named = self.policy.kind.names_principals
        for compiled in self.statements:
            statement = compiled.statement
            if statement.effect is not effect or not compiled.can_apply:
                continue
            if not concerns(compiled, action):
                continue
            if not named:
                bucket.anyone.append(compiled)
            elif statement.principal is not None:
                _place(bucket, statement.principal, compiled)
        if bit is not None:  # other services have more actions than can be kept
            kept[action] = bucket
        return bucket


def compiled(policy: Policy) -> CompiledPolicy:
    """Return a policy ready to be asked; it is compiled once, and kept with the policy."""
    found: CompiledPolicy | None = policy.memo.get("compiled")
    if found is None:
        found = policy.memo["compiled"] = CompiledPolicy(policy)
    return found


def _place(
    bucket: Bucket, element: Element[PrincipalPattern], statement: CompiledStatement
) -> None:
    if element.negated:
        bucket.not_listed.append((statement, element.patterns))
        return
    for key in {principal_key(entry) for entry in element.patterns} - {""}:
        bucket.by_key.setdefault(key, []).append(statement)


# Actions


@functools.lru_cache(maxsize=4096)
def _pattern_set(pattern: Pattern) -> int:
    """Return the actions of KMS that a pattern covers, as bits."""
    if pattern.text == "*":
        return _EVERY
    if not _is_usable(pattern.text):
        return 0
    test = wildcard_test(pattern)
    return sum(1 << bit for action, bit in ACTION_IDS.items() if test(action))


def _action_set(element: Element[TextPattern] | None) -> int:
    found = 0
    for entry in element.patterns if element is not None else ():
        found |= _pattern_set(entry.pattern)
    return found ^ _EVERY if element is not None and element.negated else found


def concerns(statement: CompiledStatement, action: str) -> bool:
    """Tell whether a statement's Action covers an action, given in lower case."""
    bit, element = ACTION_IDS.get(action), statement.statement.action
    if bit is not None:
        return bool(statement.actions >> bit & 1)
    if element is None:
        return False
    return (covering(element, action) is not None) is not element.negated


def covering(element: Element[TextPattern], action: str) -> TextPattern | None:
    """Return the first entry of an Action list that covers an action, given in lower case."""
    bit = ACTION_IDS.get(action)
    for entry in element.patterns:
        if bit is not None:
            if _pattern_set(entry.pattern) >> bit & 1:
                return entry
        elif entry.text == "*" or (_is_usable(entry.text) and wildcard_test(entry.pattern)(action)):
            return entry
    return None


def _is_usable(text: str) -> bool:
    """AUTH C-4: white space, a comma or an empty name make an action match nothing."""
    service, _, name = text.partition(":")
    return bool(service and name) and not any(sign.isspace() or sign == "," for sign in text)


# Resources


class CompiledResource:
    """A Resource element: which of its entries cover an ARN (AUTH D-3 to D-10)."""

    __slots__ = ("_entries", "_negated")

    def __init__(
        self, element: Element[TextPattern] | None, kind: PolicyKind, *, hides: bool
    ) -> None:
        self._negated = element is not None and element.negated
        self._entries = tuple(
            (entry, _entry_test(entry, kind, hides=hides))
            for entry in (element.patterns if element is not None else ())
        )

    def fixed(self, segments: Segments) -> bool | None:
        """Tell whether the element matches; None when that depends on the context."""
        depends = False
        for _, test in self._entries:
            hit = test(segments)
            if hit is True:
                return not self._negated
            depends = depends or hit is not False
        return None if depends else self._negated

    def depends(self, segments: Segments) -> bool:
        """Tell whether some entry depends on the context."""
        return any(callable(test(segments)) for _, test in self._entries)

    def test(self, segments: Segments) -> Test:
        """Return the test of an element that depends on the context."""
        return lambda facts: (self.covering(segments, facts) is not None) is not self._negated

    def covering(self, segments: Segments, facts: Facts) -> TextPattern | None:
        """Return the first entry that covers the resource."""
        for entry, test in self._entries:
            hit = test(segments)
            if hit is True or (callable(hit) and hit(facts)):
                return entry
        return None


_EntryTest: TypeAlias = Callable[[Segments], bool | Test]
"""Whether an entry covers a resource, or the test that depends on the context."""


def _entry_test(entry: TextPattern, kind: PolicyKind, *, hides: bool) -> _EntryTest:
    if entry.text == "*":
        return lambda _segments: True  # AUTH D-4, D-6
    given = entry.segments
    if len(given) < 6 and not _may_be_short(entry.text, kind):
        return lambda _segments: False  # AUTH D-5, D-7
    if len(given) > 2 and any(isinstance(part, Wildcard) for part in given[2].parts):
        return lambda _segments: False  # AUTH D-4
    fixed, last = (given, None) if len(given) < 6 else (given[:5], given[5])
    tests = [(i, wildcard_test(p)) for i, p in enumerate(fixed) if p.text != "*"]
    fill = filler(last, hides=hides) if last is not None and last.variables else None
    last_test = wildcard_test(last) if last is not None and fill is None else None

    def test(segments: Segments) -> bool | Test:
        if segments is None:
            return False  # AUTH D-8
        for index, each in tests:
            if not each(segments[index]):
                return False
        if fill is None:
            return last_test is None or last_test(segments[5])
        resource = segments[5]

        def filled(facts: Facts) -> bool:
            parts = fill(facts)
            return parts is not None and parts_test(parts)(resource)

        return filled

    return test


def _may_be_short(text: str, kind: PolicyKind) -> bool:
    """AUTH D-5."""
    if not text.startswith("arn:") or kind is PolicyKind.RCP:
        return False
    if kind is PolicyKind.IDENTITY_POLICY:
        return True
    return text.endswith("*") if kind is PolicyKind.SCP else "*" in text or "?" in text
