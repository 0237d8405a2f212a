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
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeAlias

from policy.decision import MatchClass
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
from policy.pattern import Pattern, Variable, Wildcard
from policy.request import Principal, PrincipalKind
from policy.vocabulary import ACTIONS, hidden_from_key_policy, is_multivalued

Facts: TypeAlias = Mapping[str, Any]
"""A request context by names in lower case; encryption-context and tag keys also as written."""

Test: TypeAlias = Callable[[Facts], bool]
ResourceTest: TypeAlias = Callable[[tuple[str, ...] | None, Facts], bool]
TextTest: TypeAlias = Callable[[str], bool]

ACTION_IDS: dict[str, int] = {name: index for index, name in enumerate(ACTIONS)}
"""The bit of each action of KMS in an action set."""

_EVERY = (1 << len(ACTION_IDS)) - 1
_NO_MATCH: TextTest = lambda _text: False  # noqa: E731


class Candidate:
    """A statement as far as it depends on the request: resource and conditions."""

    # A shared candidate is found under several keys, by a caller perhaps under more than one.
    __slots__ = ("conditions", "index", "is_shared", "resource")

    def __init__(
        self, index: int, resource: ResourceTest | None, conditions: tuple[Test, ...]
    ) -> None:
        self.index = index
        self.resource = resource
        self.conditions = conditions
        self.is_shared = False

    @property
    def is_open(self) -> bool:
        """Whether it applies to every request."""
        return self.resource is None and not self.conditions

    def applies(self, segments: tuple[str, ...] | None, facts: Facts) -> bool:
        """Tell whether resource and conditions match."""
        if self.resource is not None and not self.resource(segments, facts):
            return False
        for condition in self.conditions:  # noqa: SIM110 - a generator would cost as much again
            if not condition(facts):
                return False
        return True


Keys: TypeAlias = Sequence[tuple[str, MatchClass]]
"""The names under which entries find a caller, the closest first."""

Hit: TypeAlias = tuple[int, MatchClass]
"""A statement that applies, by its index, and how closely it names the caller."""

Segments: TypeAlias = "tuple[str, ...] | None"


_DIRECT = MatchClass.DIRECT


class Bucket:
    """The statements of one effect that concern one action.

    `anyone` are those of documents without principals. Others are found by the caller's keys;
    those with NotPrincipal must be looked at. An open bucket applies to whatever is asked.
    """

    __slots__ = ("anyone", "by_key", "is_open", "not_listed")

    def __init__(self) -> None:
        self.anyone: list[Candidate] = []
        self.by_key: dict[str, list[Candidate]] = {}
        self.not_listed: list[tuple[Candidate, tuple[PrincipalPattern, ...]]] = []
        self.is_open = False

    def __bool__(self) -> bool:
        return bool(self.anyone or self.by_key or self.not_listed)

    def hits(self, keys: Keys, segments: Segments, facts: Facts) -> list[Hit]:
        """Return the statements that apply, each with its strongest class (AUTH E-12)."""
        found = [(c.index, _DIRECT) for c in self.anyone if c.applies(segments, facts)]
        by_key = self.by_key
        if by_key:
            seen: set[int] = set()
            for key, match_class in keys:
                for candidate in by_key.get(key, ()):
                    if candidate.is_shared:
                        if candidate.index in seen:
                            continue
                        seen.add(candidate.index)
                    if candidate.applies(segments, facts):
                        found.append((candidate.index, match_class))
        return found

    def hits_with_not_listed(
        self, keys: Keys, segments: Segments, facts: Facts, caller: Principal,
        *, deny: bool, bounded: bool,
    ) -> list[Hit]:  # fmt: skip
        """Return the same, with the statements that spare some callers (AUTH E-24 to E-26)."""
        found = self.hits(keys, segments, facts)
        mine = {key for key, _ in keys}
        for candidate, entries in self.not_listed:
            listed = {entry.form for entry in entries if principal_key(entry) in mine}
            if not deny:
                reached = not listed
            elif bounded:
                reached = True
            elif PrincipalForm.EVERYONE in listed:
                reached = False
            else:
                reached = any(map(listed.isdisjoint, _CHAINS.get(caller.kind, ((),))))
            if reached and candidate.applies(segments, facts):
                found.append((candidate.index, MatchClass.DIRECT))
        return found


_OWN_USER = (PrincipalForm.USER, PrincipalForm.UNIQUE_ID)
_OWN_ROLE = (PrincipalForm.ROLE, PrincipalForm.UNIQUE_ID)
_OWN_ACCOUNT = (PrincipalForm.ACCOUNT,)
_CHAINS: dict[PrincipalKind, tuple[tuple[PrincipalForm, ...], ...]] = {
    PrincipalKind.ROOT: (_OWN_ACCOUNT,),
    PrincipalKind.USER: (_OWN_USER, _OWN_ACCOUNT),
    PrincipalKind.ROLE_SESSION: ((PrincipalForm.SESSION,), _OWN_ROLE, _OWN_ACCOUNT),
    PrincipalKind.FEDERATED_USER: ((PrincipalForm.FEDERATED_USER,), _OWN_USER, _OWN_ACCOUNT),
    PrincipalKind.SERVICE: ((PrincipalForm.SERVICE,),),
}
"""What a Deny must list, each in one of these forms, to spare a caller (AUTH E-25)."""


class CompiledPolicy:
    """One document, ready to be asked. Share it freely; it never changes in a way to be seen."""

    __slots__ = ("_allows", "_denies", "_entries", "policy")

    def __init__(self, policy: Policy, *, hides: bool = False) -> None:
        self.policy = policy
        named = policy.kind.names_principals
        self._entries = [
            (
                _action_set(statement.action),
                statement,
                Candidate(
                    statement.index,
                    _resource_test(statement.resource, policy.kind),
                    tuple(_condition_test(c, hides=hides) for c in statement.conditions),
                ),
            )
            for statement in policy.statements
            if statement.action is not None
            and statement.action.patterns
            and statement.resource is not None
            and statement.resource.patterns  # AUTH A-8, B-12
            and (statement.principal is not None or not named)
        ]
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
        bucket = Bucket()
        bit = ACTION_IDS.get(action)
        for actions, statement, candidate in self._entries:
            if statement.effect is not effect:
                continue
            if bit is not None:
                if not actions >> bit & 1:
                    continue
            elif statement.action is None or not _takes(statement.action, action):
                continue
            _place(bucket, statement, candidate)
        if bit is not None:  # other services have more actions than can be kept
            kept[action] = bucket
        return bucket


def _place(bucket: Bucket, statement: Statement, candidate: Candidate) -> None:
    element = statement.principal
    if element is None:
        bucket.anyone.append(candidate)
        bucket.is_open = bucket.is_open or candidate.is_open
    elif element.negated:
        bucket.not_listed.append((candidate, element.patterns))
    else:
        keys = {principal_key(entry) for entry in element.patterns} - {""}
        candidate.is_shared = len(keys) > 1
        for key in keys:
            bucket.by_key.setdefault(key, []).append(candidate)


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
    text = pattern.text
    if text == "*":
        return _EVERY
    service, _, name = text.partition(":")
    if not service or not name or any(sign.isspace() or sign == "," for sign in text):
        return 0  # AUTH C-4
    test = wildcard_test(pattern)
    return sum(1 << bit for action, bit in ACTION_IDS.items() if test(action))


def _action_set(element: Element[TextPattern] | None) -> int:
    found = 0
    for entry in element.patterns if element is not None else ():
        found |= _pattern_set(entry.pattern)
    return found ^ _EVERY if element is not None and element.negated else found


def _takes(element: Element[TextPattern], action: str) -> bool:
    """Tell whether an element covers an action of another service."""
    hit = False
    for entry in element.patterns:
        text = entry.pattern.text
        service, _, name = text.partition(":")
        usable = service and name and not any(s.isspace() or s == "," for s in text)
        hit = hit or text == "*" or (bool(usable) and wildcard_test(entry.pattern)(action))
    return hit is not element.negated


# Texts with wildcards


@functools.lru_cache(maxsize=4096)
def wildcard_test(pattern: Pattern) -> TextTest:
    """Return a test for the whole of a text; the pattern must be free of variables."""
    parts = pattern.parts
    if not any(isinstance(part, Wildcard) for part in parts):
        whole = "".join(str(part) for part in parts)
        return whole.__eq__
    if parts == (Wildcard.ANY,):
        return lambda _text: True
    if Wildcard.ONE in parts:
        return _slow_test(parts)
    if len(parts) == 2:
        if parts[1] is Wildcard.ANY:
            head = str(parts[0])
            return lambda text: text.startswith(head)
        if parts[0] is Wildcard.ANY:
            tail = str(parts[1])
            return lambda text: text.endswith(tail)
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


def _filled(pattern: Pattern, facts: Facts) -> Pattern | None:
    """Return a pattern with its variables replaced, or None (AUTH H-5, H-6)."""
    parts: list[Any] = []
    for part in pattern.parts:
        if isinstance(part, Variable):
            value = _single(part.key, facts)
            value = part.default if value is None else value
            if value is None:
                return None
            part = value  # noqa: PLW2901
        if isinstance(part, str) and parts and isinstance(parts[-1], str):
            parts[-1] += part
        elif part != "":
            parts.append(part)
    return Pattern(pattern.text, tuple(parts))


def _single(key: str, facts: Facts) -> str | None:
    found = facts.get(key)
    if found is None:
        found = facts.get(key.lower())
    return found if isinstance(found, str) and not is_multivalued(key) else None


# Resources


def _resource_test(element: Element[TextPattern] | None, kind: PolicyKind) -> ResourceTest | None:
    """Return the test of a Resource element; None when it covers everything."""
    if element is None:
        return None
    if any(entry.text == "*" for entry in element.patterns):
        return (lambda _segments, _facts: False) if element.negated else None
    tests = [_entry_test(entry, kind) for entry in element.patterns]
    negated = element.negated

    def test(segments: tuple[str, ...] | None, facts: Facts) -> bool:
        hit = segments is not None and any(each(segments, facts) for each in tests)  # AUTH D-8
        return hit is not negated

    return test


def _entry_test(entry: TextPattern, kind: PolicyKind) -> ResourceTest:
    never: ResourceTest = lambda _segments, _facts: False  # noqa: E731
    given = entry.segments
    if len(given) < 6:  # AUTH D-5, D-7
        text = entry.text
        wild = "*" in text or "?" in text
        short = text.startswith("arn:") and (
            kind is PolicyKind.IDENTITY_POLICY
            or (kind is PolicyKind.SCP and text.endswith("*"))
            or (kind not in (PolicyKind.SCP, PolicyKind.RCP) and wild)
        )
        if not short:
            return never
    if len(given) > 2 and any(isinstance(part, Wildcard) for part in given[2].parts):
        return never  # AUTH D-4
    *fixed, last = given if len(given) == 6 else (*given, None)
    tests = [(i, wildcard_test(p)) for i, p in enumerate(fixed) if p is not None and p.text != "*"]

    def test(segments: tuple[str, ...] | None, facts: Facts) -> bool:
        if segments is None:
            return False
        for index, each in tests:
            if not each(segments[index]):
                return False
        if last is None:
            return True
        if any(isinstance(part, Variable) for part in last.parts):
            filled = _filled(last, facts)
            return filled is not None and wildcard_test(filled)(segments[5])
        return last_test(segments[5])

    free = last is not None and not any(isinstance(part, Variable) for part in last.parts)
    last_test = wildcard_test(last) if free and last is not None else _NO_MATCH
    return test


# Conditions


def _condition_test(condition: Condition, *, hides: bool) -> Test:
    """Plan one `(operator, key)` entry (AUTH F)."""
    operator, key = condition.operator, condition.key
    name = key.lower()
    hidden = hides and hidden_from_key_policy(key)  # AUTH J-110
    family = "/" in name or name.count(":") > 1

    def find(facts: Facts) -> Any:
        found = facts.get(key) if family else None  # AUTH J-100: as written, then by any case
        return facts.get(name) if found is None else found

    if operator.base.family is Family.NULL:
        return _null_test(condition, find, hidden=hidden)
    absent = _absent(condition)
    if hidden:
        return lambda _facts: absent
    one = _one_test(condition)
    set_operator = operator.set_operator
    if set_operator is None:
        many = is_multivalued(key)

        def plain(facts: Facts) -> bool:
            value = find(facts)
            if value is None or value == ():
                return absent
            if many or value.__class__ is tuple:
                return False  # AUTH F-9
            return one(value, facts)

        return plain
    every = set_operator is SetOperator.ALL

    def quantified(facts: Facts) -> bool:
        value = find(facts)
        if value is None or value == ():
            return absent
        if value.__class__ is not tuple:
            return one(value, facts)  # AUTH F-10
        if every:
            return all(one(each, facts) for each in value)
        return any(one(each, facts) for each in value)

    return quantified


def _absent(condition: Condition) -> bool:
    """Return what an entry comes to where its key is absent (AUTH F-5, F-6, F-11, F-14)."""
    operator = condition.operator
    if operator.if_exists:
        return True
    if operator.set_operator is not None:
        return operator.set_operator is SetOperator.ALL
    return operator.base.negated


def _null_test(condition: Condition, find: Callable[[Facts], Any], *, hidden: bool) -> Test:
    """AUTH F-7."""
    set_operator = condition.operator.set_operator
    if set_operator is not None:
        constant = set_operator is SetOperator.ALL
        return lambda _facts: constant
    words = {value.text.lower() for value in condition.values}
    if_absent, if_present = "true" in words, "false" in words
    if hidden:
        return lambda _facts: if_absent

    def test(facts: Facts) -> bool:
        value = find(facts)
        return if_absent if value is None or value == () else if_present

    return test


_One: TypeAlias = Callable[[str, Facts], bool]


def _one_test(condition: Condition) -> _One:
    """Return the comparison of one request value with the listed ones (AUTH F-3, F-4, G)."""
    family = condition.operator.base.family
    patterns = [value.pattern for value in condition.values]
    if family is Family.STRING:
        return _string_test(condition, patterns)
    if family is Family.ARN:
        return _arn_test(condition, patterns)
    read, test = _TYPED[family]
    wanted = [read[0]("".join(str(part) for part in p.parts)) for p in patterns]
    compare = test(condition.operator.base.name)
    return _typed_test(wanted, read[1], compare, negated=condition.operator.base.negated)


def _typed_test(
    wanted: list[Any],
    read: Callable[[str], Any],
    compare: Callable[[Any, Any], bool],
    *,
    negated: bool,
) -> _One:
    """AUTH G-16: what cannot be read never matches, and makes a negated entry false."""
    readable = [value for value in wanted if value is not None]
    hopeless = negated and len(readable) < len(wanted)
    if hopeless:
        return lambda _actual, _facts: False
    if not wanted:
        return lambda _actual, _facts: negated

    def test(actual: str, _facts: Facts) -> bool:
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
    out = []
    for sign in text:
        folded = sign.casefold()
        if len(folded) != 1:
            folded = sign.lower()
        out.append(folded if len(folded) == 1 else sign)
    return "".join(out)


def _string_test(condition: Condition, patterns: list[Pattern]) -> _One:
    base = condition.operator.base
    negated = base.negated
    fold = "ignorecase" in base.name.lower()
    moving = [p for p in patterns if any(isinstance(part, Variable) for part in p.parts)]
    fixed = [p for p in patterns if p not in moving]
    wild = [wildcard_test(p) for p in fixed if any(isinstance(part, Wildcard) for part in p.parts)]
    plain = {
        "".join(str(part) for part in p.parts)
        for p in fixed
        if not any(isinstance(part, Wildcard) for part in p.parts)
    }
    texts = frozenset(_folded(text) for text in plain) if fold else frozenset(plain)
    if not moving and not wild and not fold:
        if negated:
            return lambda actual, _facts: actual not in texts
        return lambda actual, _facts: actual in texts

    def test(actual: str, facts: Facts) -> bool:
        seen = _folded(actual) if fold else actual
        if seen in texts or any(each(actual) for each in wild):
            return not negated
        for pattern in moving:
            filled = _filled(pattern, facts)
            if filled is None:
                continue  # AUTH H-6
            if fold:
                hit = _folded("".join(str(part) for part in filled.parts)) == seen
            else:
                hit = wildcard_test(filled)(actual)
            if hit:
                return not negated
        return negated

    return test


def _arn_test(condition: Condition, patterns: list[Pattern]) -> _One:
    """AUTH G-9, G-13: six segments on either side, each by itself."""
    negated = condition.operator.base.negated
    moving = [p for p in patterns if any(isinstance(part, Variable) for part in p.parts)]
    fixed = [arn_segments(p) for p in patterns if p not in moving]
    tests = [tuple(wildcard_test(s) for s in segments) for segments in fixed if len(segments) == 6]
    hopeless = negated and len(tests) < len(fixed)
    wanted = bool(tests)

    def test(actual: str, facts: Facts) -> bool:
        if hopeless:
            return False
        found = actual.split(":", 5)
        readable = len(found) == 6
        if wanted and not readable and negated:
            return False
        hit = readable and any(
            all(each(text) for each, text in zip(segments, found, strict=True))
            for segments in tests
        )
        for pattern in moving:
            filled = _filled(pattern, facts)
            if filled is None:
                continue
            segments = arn_segments(filled)
            if len(segments) != 6 or not readable:
                if negated:
                    return False
                continue
            hit = hit or all(wildcard_test(s)(t) for s, t in zip(segments, found, strict=True))
        return hit is not negated

    return test


def _read_bool(text: str) -> str | None:
    text = text.lower()
    return text if text in ("true", "false") else None


def _read_binary(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _read_network(text: str) -> Any:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _read_address(text: str) -> Any:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _in_network(address: Any, network: Any) -> bool:
    return bool(network.version == address.version and address in network)


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
    Family.BOOL: ((_read_bool, str.lower), _same),
    Family.BINARY: ((_read_binary, _read_binary), _same),
    Family.IP: ((_read_network, _read_address), lambda _name: _in_network),
}
"""How each family reads the two sides, policy first, and how it compares them."""
