"""Conditions, planned once: which look-up, which comparison, and what an absent key comes to."""

from __future__ import annotations

import base64
import binascii
import functools
import ipaddress
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any, TypeAlias

from policy.decision import Step
from policy.model import Condition, Effect
from policy.operators import Family, SetOperator, arn_segments, read_date, read_number
from policy.pattern import Pattern
from policy.request import TWIN
from policy.text_tests import (
    NOTHING,
    Facts,
    Fill,
    TextTest,
    filler,
    finder,
    parts_test,
    text_of,
    wildcard_test,
)
from policy.vocabulary import (
    allows_nothing,
    canonical_key,
    hidden_from_key_policy,
    is_multivalued,
)
from policy.wording import condition_step, too_many_step

Test: TypeAlias = Callable[[Facts], bool]


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
        self.present: Callable[[Facts], Any] = NOTHING if hidden else finder(condition.key)
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
        words = frozenset(map(_read_bool, map(text_of, patterns)))  # AUTH G-6
        return lambda actual: actual.lower() in words
    if base.family is Family.IP:
        return _ip_test(patterns, negated=base.negated)
    read, test = _TYPED[base.family]
    wanted = [read[0](text_of(pattern)) for pattern in patterns]
    return _typed_test(wanted, read[1], test(base.name), negated=base.negated)


def _moving_test(condition: Condition, *, hides: bool) -> _Moving:
    """Return the same where some values hold variables: of String and Arn operators (AUTH H-1)."""
    base = condition.operator.base
    fills = [
        filler(value.pattern, hides=hides) for value in condition.values if value.pattern.variables
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
            if _folded("".join(parts)) == _folded(actual) if fold else parts_test(parts)(actual):
                return not negated
        return negated

    return test


def _not(test: TextTest, *, negated: bool) -> TextTest:
    return (lambda actual: not test(actual)) if negated else test


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
    plain = frozenset(text_of(pattern) for pattern in patterns if not pattern.has_wildcard)
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


def _moving_arn_test(fixed: list[Pattern], fills: list[Fill], *, negated: bool) -> _Moving:
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
    read = [_read_network(text_of(pattern)) for pattern in patterns]
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
