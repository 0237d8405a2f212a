"""Texts and facts, planned once: wildcards as tests, variables and condition keys as look-ups."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from policy.pattern import Part, Pattern, Variable, Wildcard
from policy.request import TWIN
from policy.vocabulary import canonical_key, hidden_from_key_policy, is_multivalued

Facts: TypeAlias = Mapping[Any, Any]
"""A request context by canonical names, as `Context.over` makes it."""

TextTest: TypeAlias = Callable[[str], bool]

# Texts with wildcards


@functools.lru_cache(maxsize=4096)
def wildcard_test(pattern: Pattern) -> TextTest:
    """Return a test for the whole of a text; the pattern must be free of variables."""
    return parts_test(pattern.parts)


def parts_test(parts: tuple[Any, ...]) -> TextTest:
    """Return the same for the parts of a pattern that is not asked twice."""
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


# Facts


Fill: TypeAlias = Callable[[Facts], tuple[Any, ...] | None]
"""Puts facts in the place of variables; None for want of one."""


def filler(pattern: Pattern, *, hides: bool) -> Fill:
    """Return what puts facts in the place of variables, or None for want of one (AUTH H-5, H-6)."""
    plan: list[tuple[Part | None, Callable[[Facts], str | None]]] = [
        (None, _lookup(part, hides=hides)) if isinstance(part, Variable) else (part, NOTHING)
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


NOTHING: Callable[[Facts], str | None] = lambda _facts: None  # noqa: E731
"""Looks nothing up."""


def _lookup(variable: Variable, *, hides: bool) -> Callable[[Facts], str | None]:
    """AUTH H-2, H-3: only a key with one value has a value; else the default stands for it."""
    default, find = variable.default, finder(variable.key)
    if is_multivalued(variable.key) or (hides and hidden_from_key_policy(variable.key)):
        return lambda _facts: default

    def look_up(facts: Facts) -> str | None:
        found = find(facts)
        return found if isinstance(found, str) else default

    return look_up


def finder(key: str) -> Callable[[Facts], Any]:
    """Return what finds the value of a condition key (AUTH J-100).

    As written, then by any case. A key without values is absent (F-7).
    """
    name, exact = canonical_key(key), TWIN + key

    def find(facts: Facts) -> Any:
        found = facts.get(exact)
        if found is None:
            found = facts.get(name)
        return None if found == () else found

    return find


def text_of(pattern: Pattern) -> str:
    """Return the text of a pattern without wildcards and variables."""
    return "".join(map(str, pattern.parts))
