"""Policies made ready for many decisions: nothing is parsed, split or searched for twice.

A compiled policy looks up the action, then the caller, and touches only the statements that can
matter. It shares model, request and the reading of values with the reference evaluator, and none
of its matching: the two are compared on generated worlds.
"""

from __future__ import annotations

import base64
import binascii
import functools
import ipaddress
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeAlias

from policy.decision import MatchClass, Step
from policy.model import (
    Condition,
    Effect,
    Element,
    Policy,
    PolicyKind,
    PrincipalForm,
    PrincipalPattern,
    Statement,
    TextPattern,
)
from policy.operators import Family, SetOperator, arn_segments, read_date, read_number
from policy.pattern import Part, Pattern, Variable, Wildcard
from policy.request import TWIN, Principal, PrincipalKind
from policy.vocabulary import (
    ACTIONS,
    allows_nothing,
    canonical_key,
    hidden_from_key_policy,
    is_multivalued,
)
from policy.wording import condition_step, too_many_step

Facts: TypeAlias = Mapping[Any, Any]
"""A request context by canonical names, as `Context.over` makes it."""

Test: TypeAlias = Callable[[Facts], bool]
Segments: TypeAlias = tuple[str, ...] | None
TextTest: TypeAlias = Callable[[str], bool]

Keys: TypeAlias = Sequence[tuple[str, MatchClass]]
"""The names under which entries find a caller, the closest first."""

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


def reaches(
    entries: Sequence[PrincipalPattern], keys: Keys, caller: Principal, *, deny: bool, bounded: bool
) -> bool:
    """Tell whether a statement that spares these callers reaches one (AUTH E-24 to E-26)."""
    listed = _listed(entries, keys)
    if not deny:
        return not listed
    if bounded:
        return True
    if PrincipalForm.EVERYONE in listed:
        return False
    return any(listed.isdisjoint(forms) for _, forms in _CHAINS[caller.kind])


def unlisted(entries: Sequence[PrincipalPattern], keys: Keys, caller: Principal) -> tuple[str, ...]:
    """Return what a NotPrincipal Deny would have to list besides, to spare a caller (AUTH E-25)."""
    listed = _listed(entries, keys)
    chain = _CHAINS[caller.kind]
    return tuple(name(caller) for name, forms in chain if listed.isdisjoint(forms))


def _listed(entries: Sequence[PrincipalPattern], keys: Keys) -> set[PrincipalForm]:
    mine = {key for key, _ in keys}
    return {entry.form for entry in entries if principal_key(entry) in mine}


_Link: TypeAlias = tuple[Callable[[Principal], str], tuple[PrincipalForm, ...]]


def _account_of(caller: Principal) -> str:
    return f"account {caller.account}"


def _issuer_of(caller: Principal) -> str:
    return str(caller.issuer)


_USER_FORMS = (PrincipalForm.USER, PrincipalForm.UNIQUE_ID)
_ROLE_FORMS = (PrincipalForm.ROLE, PrincipalForm.UNIQUE_ID)
_ACCOUNT: _Link = (_account_of, (PrincipalForm.ACCOUNT,))
_CHAINS: dict[PrincipalKind, tuple[_Link, ...]] = {
    PrincipalKind.ROOT: (_ACCOUNT,),
    PrincipalKind.USER: ((str, _USER_FORMS), _ACCOUNT),
    PrincipalKind.ROLE_SESSION: (
        (str, (PrincipalForm.SESSION,)), (_issuer_of, _ROLE_FORMS), _ACCOUNT,
    ),
    PrincipalKind.FEDERATED_USER: (
        (str, (PrincipalForm.FEDERATED_USER,)), (_issuer_of, _USER_FORMS), _ACCOUNT,
    ),
    PrincipalKind.SERVICE: ((str, (PrincipalForm.SERVICE,)),),
    PrincipalKind.ANONYMOUS: ((str, ()),),
}  # fmt: skip
"""What a Deny must list, each in one of these forms, to spare a caller (AUTH E-25)."""


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


_KEY_LETTERS = {
    PrincipalForm.USER: "p",
    PrincipalForm.ROLE: "p",
    PrincipalForm.SESSION: "s",
    PrincipalForm.FEDERATED_USER: "s",
    PrincipalForm.PROVIDER: "f",
    PrincipalForm.SERVICE: "v",
    PrincipalForm.UNIQUE_ID: "u",
}


def principal_key(entry: PrincipalPattern) -> str:
    """Return the key under which callers look an entry up; empty for one that names nobody."""
    if entry.form is PrincipalForm.EVERYONE:
        return "*"
    if entry.form is PrincipalForm.ACCOUNT:
        return f"a{entry.account}"
    letter = _KEY_LETTERS.get(entry.form)
    return f"{letter}{entry.arn or entry.text}" if letter is not None else ""


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


# Texts with wildcards


@functools.lru_cache(maxsize=4096)
def wildcard_test(pattern: Pattern) -> TextTest:
    """Return a test for the whole of a text; the pattern must be free of variables."""
    return _parts_test(pattern.parts)


def _parts_test(parts: tuple[Any, ...]) -> TextTest:
    if not any(isinstance(part, Wildcard) for part in parts):
        whole = "".join(parts)
        return whole.__eq__
    if parts == (Wildcard.ANY,):
        return lambda _text: True
    if Wildcard.ONE in parts:
        return _slow_test(parts)
    if len(parts) == 2:
        first, second = parts
        if isinstance(first, str):
            return lambda text: text.startswith(first)
        if isinstance(second, str):
            return lambda text: text.endswith(second)
    return _star_test(parts)


def _star_test(parts: tuple[Any, ...]) -> TextTest:
    """Literals between stars: each is found at its leftmost place, so nothing is tried twice."""
    runs: list[str] = [""]
    for part in parts:
        if part is Wildcard.ANY:
            runs.append("")
        else:
            runs[-1] += part
    head, *middle, tail = runs
    middle = [run for run in middle if run]
    least = len(head) + len(tail)

    def test(text: str) -> bool:
        end = len(text) - len(tail)
        if len(text) < least or not text.startswith(head) or not text.endswith(tail):
            return False
        at = len(head)
        for run in middle:
            at = text.find(run, at, end)
            if at < 0:
                return False
            at += len(run)
        return True

    return test


def _slow_test(parts: tuple[Any, ...]) -> TextTest:
    """With `?`: every reachable place of the pattern at once, as bits of one number."""
    width = sum(1 if isinstance(part, Wildcard) else len(part) for part in parts)
    stars = 0
    any_sign = 0
    signs: dict[str, int] = {}
    at = 0
    for part in parts:
        if part is Wildcard.ANY:
            stars |= 1 << at
            at += 1
        elif part is Wildcard.ONE:
            any_sign |= 1 << at
            at += 1
        else:
            for sign in part:
                signs[sign] = signs.get(sign, 0) | 1 << at
                at += 1

    def spread(state: int) -> int:
        """Stars may stand for nothing: step over each one that is reached."""
        while (state & stars) << 1 & ~state:
            state |= (state & stars) << 1
        return state

    start = spread(1)

    def test(text: str) -> bool:
        state = start
        for sign in text:
            moved = (state & (signs.get(sign, 0) | any_sign)) << 1
            state = spread(moved | (state & stars))
            if not state:
                return False
        return bool(state >> width & 1)

    return test


# Policy variables


_Fill: TypeAlias = Callable[[Facts], tuple[Any, ...] | None]


def _filler(pattern: Pattern, *, hides: bool) -> _Fill:
    """Return what puts facts in the place of variables, or None for want of one (AUTH H-5, H-6)."""
    plan: list[tuple[Part | None, Callable[[Facts], str | None]]] = [
        (None, _lookup(part, hides=hides)) if isinstance(part, Variable) else (part, _NOTHING)
        for part in pattern.parts
    ]

    def fill(facts: Facts) -> tuple[Any, ...] | None:
        parts: list[Any] = []
        for fixed, look_up in plan:
            part: Any = fixed
            if part is None:
                part = look_up(facts)
                if part is None:
                    return None
            if isinstance(part, str) and parts and isinstance(parts[-1], str):
                parts[-1] += part
            elif part != "":
                parts.append(part)
        return tuple(parts)

    return fill


_NOTHING: Callable[[Facts], str | None] = lambda _facts: None  # noqa: E731


def _lookup(variable: Variable, *, hides: bool) -> Callable[[Facts], str | None]:
    """AUTH H-2, H-3: only a key with one value has a value; else the default stands for it."""
    default, find = variable.default, _finder(variable.key)
    if is_multivalued(variable.key) or (hides and hidden_from_key_policy(variable.key)):
        return lambda _facts: default

    def look_up(facts: Facts) -> str | None:
        found = find(facts)
        return found if isinstance(found, str) else default

    return look_up


def _finder(key: str) -> Callable[[Facts], Any]:
    """AUTH J-100: as written, then by any case. A key without values is absent (F-7)."""
    name, exact = canonical_key(key), TWIN + key

    def find(facts: Facts) -> Any:
        found = facts.get(exact)
        if found is None:
            found = facts.get(name)
        return None if found == () else found

    return find


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
    fill = _filler(last, hides=hides) if last is not None and last.variables else None
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
            return parts is not None and _parts_test(parts)(resource)

        return filled

    return test


def _may_be_short(text: str, kind: PolicyKind) -> bool:
    """AUTH D-5."""
    if not text.startswith("arn:") or kind is PolicyKind.RCP:
        return False
    if kind is PolicyKind.IDENTITY_POLICY:
        return True
    return text.endswith("*") if kind is PolicyKind.SCP else "*" in text or "?" in text


# Conditions


class CompiledCondition:
    """One `(operator, key)` entry (AUTH F): whether it holds, and how that is told.

    `present` finds the value of the key, as far as the policy is shown it. `is_moving` tells
    whether the request itself fills in values that it is compared with.
    """

    __slots__ = ("_counts", "condition", "is_moving", "present", "test")

    def __init__(self, condition: Condition, effect: Effect, *, hides: bool) -> None:
        self.condition = condition
        self._counts = effect is Effect.ALLOW and is_multivalued(condition.key)
        hidden = hides and hidden_from_key_policy(condition.key)  # AUTH J-110
        self.present: Callable[[Facts], Any] = _NOTHING if hidden else _finder(condition.key)
        test = _condition_test(condition, self.present, hidden=hidden, hides=hides)
        self.test = self._counting(test) if self._counts else test
        self.is_moving = any(value.pattern.variables for value in condition.values)

    def step(self, facts: Facts) -> Step:
        """Return how the request's value compares with the policy's."""
        present = self.present(facts)
        if self._counts and allows_nothing(self.condition.key, present):
            return too_many_step(self.condition)
        return condition_step(self.condition, present, matched=self.test(facts))

    def _counting(self, test: Test) -> Test:
        """AUTH J-68."""
        key, present = self.condition.key, self.present
        return lambda facts: not allows_nothing(key, present(facts)) and test(facts)


def _condition_test(
    condition: Condition, find: Callable[[Facts], Any], *, hidden: bool, hides: bool
) -> Test:
    operator = condition.operator
    if operator.base.family is Family.NULL:
        return _null_test(condition, find)
    absent = _absent(condition)
    if hidden:
        return lambda _facts: absent
    moving = any(value.pattern.variables for value in condition.values)
    every = operator.set_operator is SetOperator.ALL
    if operator.set_operator is None and not moving:
        return _plain_test(condition.key, _fixed_test(condition), absent=absent)
    if not moving:
        return _set_test(condition.key, _fixed_test(condition), absent, every=every)
    one = _moving_test(condition, hides=hides)
    plain = operator.set_operator is None
    many = is_multivalued(condition.key)

    def quantified(facts: Facts) -> bool:
        value = find(facts)
        if value is None:
            return absent
        if plain and (many or isinstance(value, tuple)):
            return False  # AUTH F-9
        if not isinstance(value, tuple):
            return one(value, facts)  # AUTH F-10
        if every:
            return all(one(each, facts) for each in value)
        return any(one(each, facts) for each in value)

    return quantified


def _plain_test(key: str, one: TextTest, *, absent: bool) -> Test:
    """The commonest test: one value, none of it from the request; it finds its value itself."""
    name, exact = canonical_key(key), TWIN + key
    if is_multivalued(key):
        one = _never  # AUTH F-9

    def plain(facts: Facts) -> bool:
        value = facts.get(exact)
        if value is None:
            value = facts.get(name)
        if isinstance(value, str):
            return one(value)
        return absent if value is None or value == () else False

    return plain


def _never(_text: str) -> bool:
    return False


def _set_test(key: str, one: TextTest, absent: bool, *, every: bool) -> Test:
    """The test with a set operator, none of its values from the request (AUTH F-11)."""
    name, exact = canonical_key(key), TWIN + key

    def quantified(facts: Facts) -> bool:
        value = facts.get(exact)
        if value is None:
            value = facts.get(name)
        if value is None or value == ():
            return absent
        if not isinstance(value, tuple):
            return one(value)  # AUTH F-10
        for each in value:
            if one(each) is not every:
                return not every
        return every

    return quantified


def _absent(condition: Condition) -> bool:
    """Return what an entry comes to where its key is absent (AUTH F-5, F-6, F-11, F-14)."""
    operator = condition.operator
    if operator.if_exists:
        return True
    if operator.set_operator is not None:
        return operator.set_operator is SetOperator.ALL
    return operator.base.negated


def _null_test(condition: Condition, find: Callable[[Facts], Any]) -> Test:
    """AUTH F-7."""
    set_operator = condition.operator.set_operator
    if set_operator is not None:
        constant = set_operator is SetOperator.ALL
        return lambda _facts: constant
    words = {value.text.lower() for value in condition.values}
    if_absent, if_present = "true" in words, "false" in words

    def test(facts: Facts) -> bool:
        return if_absent if find(facts) is None else if_present

    return test


_Moving: TypeAlias = Callable[[str, Facts], bool]
"""A comparison with values that the request itself fills in."""


def _fixed_test(condition: Condition) -> TextTest:
    """Return the comparison of one request value with the listed ones (AUTH F-3, F-4, G)."""
    base = condition.operator.base
    patterns = [value.pattern for value in condition.values]
    if base.family is Family.STRING:
        return _not(_string_test(base.name, patterns), negated=base.negated)
    if base.family is Family.ARN:
        return _arn_test(patterns, negated=base.negated)
    if base.family is Family.BOOL:
        words = frozenset(map(_read_bool, map(_text_of, patterns)))  # AUTH G-6
        return lambda actual: actual.lower() in words
    if base.family is Family.IP:
        return _ip_test(patterns, negated=base.negated)
    read, test = _TYPED[base.family]
    wanted = [read[0](_text_of(pattern)) for pattern in patterns]
    return _typed_test(wanted, read[1], test(base.name), negated=base.negated)


def _moving_test(condition: Condition, *, hides: bool) -> _Moving:
    """Return the same where some values hold variables: of String and Arn operators (AUTH H-1)."""
    base = condition.operator.base
    fills = [
        _filler(value.pattern, hides=hides) for value in condition.values if value.pattern.variables
    ]
    fixed = [value.pattern for value in condition.values if not value.pattern.variables]
    if base.family is Family.ARN:
        return _moving_arn_test(fixed, fills, negated=base.negated)
    settled, negated, fold = _string_test(base.name, fixed), base.negated, _folds(base.name)

    def test(actual: str, facts: Facts) -> bool:
        if settled(actual):
            return not negated
        for fill in fills:
            parts = fill(facts)
            if parts is None:
                continue  # AUTH H-6
            if _folded("".join(parts)) == _folded(actual) if fold else _parts_test(parts)(actual):
                return not negated
        return negated

    return test


def _not(test: TextTest, *, negated: bool) -> TextTest:
    return (lambda actual: not test(actual)) if negated else test


def _text_of(pattern: Pattern) -> str:
    return "".join(map(str, pattern.parts))


def _typed_test(
    wanted: list[Any],
    read: Callable[[str], Any],
    compare: Callable[[Any, Any], bool],
    *,
    negated: bool,
) -> TextTest:
    """AUTH G-16: what cannot be read never matches, and makes a negated entry false."""
    readable = [value for value in wanted if value is not None]
    hopeless = negated and len(readable) < len(wanted)
    if hopeless:
        return lambda _actual: False
    if not wanted:
        return lambda _actual: negated

    def test(actual: str) -> bool:
        found = read(actual)
        if found is None:
            return False
        for value in readable:
            if compare(found, value):
                return not negated
        return negated

    return test


def _folded(text: str) -> str:
    """AUTH G-2: simple case folding; a letter never becomes two."""
    if text.isascii():
        return text.lower()
    out = []
    for sign in text:
        folded = sign.casefold()
        if len(folded) != 1:
            folded = sign.lower()
        out.append(folded if len(folded) == 1 else sign)
    return "".join(out)


def _folds(operator: str) -> bool:
    return operator.endswith("IgnoreCase")


def _string_test(operator: str, patterns: list[Pattern]) -> TextTest:
    """Return a test for whether any of the patterns, free of variables, matches."""
    wild = [wildcard_test(pattern) for pattern in patterns if pattern.has_wildcard]
    plain = frozenset(_text_of(pattern) for pattern in patterns if not pattern.has_wildcard)
    if _folds(operator):
        folded = frozenset(map(_folded, plain))
        return lambda actual: _folded(actual) in folded
    if not wild:
        return plain.__contains__
    if not plain and len(wild) == 1:
        return wild[0]
    return lambda actual: actual in plain or any(test(actual) for test in wild)


_Six: TypeAlias = tuple[TextTest, ...]


def _matches_arn(tests: _Six, found: Sequence[str]) -> bool:
    return all(test(text) for test, text in zip(tests, found, strict=True))


def _arn_tests(patterns: Iterable[Pattern]) -> list[_Six]:
    """Return the segment tests of the patterns that are ARNs (AUTH G-9)."""
    split = map(arn_segments, patterns)
    return [tuple(map(wildcard_test, segments)) for segments in split if len(segments) == 6]


def _arn_test(patterns: list[Pattern], *, negated: bool) -> TextTest:
    """AUTH G-9, G-13: six segments on either side, each by itself."""
    tests = _arn_tests(patterns)
    if negated and len(tests) < len(patterns):
        return lambda _actual: False  # AUTH G-16

    def test(actual: str) -> bool:
        found = actual.split(":", 5)
        if len(found) != 6:
            return negated and not tests
        return any(_matches_arn(each, found) for each in tests) is not negated

    return test


def _moving_arn_test(fixed: list[Pattern], fills: list[_Fill], *, negated: bool) -> _Moving:
    """The same with values that the request fills in; one without a value is left out (H-6)."""

    def test(actual: str, facts: Facts) -> bool:
        found = (fill(facts) for fill in fills)
        filled = [Pattern("", parts) for parts in found if parts is not None]
        return _arn_test([*fixed, *filled], negated=negated)(actual)

    return test


def _read_bool(text: str) -> str | None:
    text = text.lower()
    return text if text in ("true", "false") else None


def _read_binary(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


_Network: TypeAlias = tuple[int, int, int]
"""Version, first and last address."""


def _read_network(text: str) -> _Network | None:
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
    return network.version, int(network.network_address), int(network.broadcast_address)


@functools.lru_cache(maxsize=4096)
def _read_address(text: str) -> tuple[int, int] | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return address.version, int(address)


def _ip_test(patterns: list[Pattern], *, negated: bool) -> TextTest:
    """AUTH G-8, G-12, G-16."""
    read = [_read_network(_text_of(pattern)) for pattern in patterns]
    networks = [network for network in read if network is not None]
    if negated and len(networks) < len(read):
        return lambda _actual: False

    def test(actual: str) -> bool:
        address = _read_address(actual)
        if address is None:
            return negated and not networks
        version, number = address
        for wanted, first, last in networks:
            if wanted == version and first <= number <= last:
                return not negated
        return negated

    return test


_ORDERS: dict[str, Callable[[Decimal, Decimal], bool]] = {
    "Equals": Decimal.__eq__,
    "NotEquals": Decimal.__eq__,
    "LessThan": Decimal.__lt__,
    "LessThanEquals": Decimal.__le__,
    "GreaterThan": Decimal.__gt__,
    "GreaterThanEquals": Decimal.__ge__,
}


def _order(prefix: str) -> Callable[[str], Callable[[Any, Any], bool]]:
    return lambda name: _ORDERS[name.removeprefix(prefix)]


def _same(_name: str) -> Callable[[Any, Any], bool]:
    return lambda found, wanted: bool(found == wanted)


_Readers: TypeAlias = tuple[Callable[[str], Any], Callable[[str], Any]]
_TYPED: dict[Family, tuple[_Readers, Callable[[str], Callable[[Any, Any], bool]]]] = {
    Family.NUMERIC: ((read_number, read_number), _order("Numeric")),
    Family.DATE: ((read_date, read_date), _order("Date")),
    Family.BINARY: ((_read_binary, _read_binary), _same),
}
"""How each family reads the two sides, policy first, and how it compares them."""
