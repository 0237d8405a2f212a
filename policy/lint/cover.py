"""Which entry of a list covers another one, found without comparing all with all."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from policy.pattern import Pattern

T = TypeVar("T")

MAX_PATTERNS = 64
"""So many patterns with a wildcard before their end are tried on each text, and so many lengths of
what comes before a `*` at the end; more are passed over."""


@dataclass(frozen=True, slots=True)
class Covering(Generic[T]):
    """An entry and the one that covers it."""

    entry: T
    other: T


@dataclass
class Patterns(Generic[T]):
    """Texts of a list, of which those with wildcards may cover others.

    Something is only said to be covered if no value could tell: a text without wildcards by a
    pattern that matches it, a pattern by one that ends in its only `*` where the other goes on.
    """

    _exact: dict[str, T] = field(default_factory=dict)
    _prefixes: dict[str, T] = field(default_factory=dict)
    _lengths: set[int] = field(default_factory=set)
    _others: list[tuple[Pattern, T]] = field(default_factory=list)

    def add(self, pattern: Pattern, entry: T) -> None:
        """Take in an entry that is read as this pattern."""
        text = pattern.text
        self._exact.setdefault(text, entry)
        if pattern.variables:
            return
        if text.endswith("*") and not any(sign in text[:-1] for sign in "*?$"):
            if len(self._lengths) < MAX_PATTERNS or len(text) - 1 in self._lengths:
                self._lengths.add(len(text) - 1)
                self._prefixes.setdefault(text[:-1], entry)
        elif pattern.has_wildcard and len(self._others) < MAX_PATTERNS:
            self._others.append((pattern, entry))

    def covering(self, pattern: Pattern, entry: T) -> T | None:
        """Return another entry that covers one which has been taken in, or None."""
        text = pattern.text
        first = self._exact[text]
        if first is not entry:
            return first
        for length in self._lengths:
            found = self._prefixes.get(text[:length]) if length <= len(text) else None
            goes_on = length < len(text) or not pattern.has_wildcard
            if found is not None and found is not entry and goes_on:
                return found
        if pattern.has_wildcard or pattern.variables or "${" in text:
            return None
        return next((other for known, other in self._others if known.matches(text)), None)


def covered(entries: Iterable[T], pattern_of: Callable[[T], Pattern]) -> Iterable[Covering[T]]:
    """Return the entries that others of the list cover, each with one of those."""
    known: Patterns[T] = Patterns()
    read = [(pattern_of(entry), entry) for entry in entries]
    for pattern, entry in read:
        known.add(pattern, entry)
    for pattern, entry in read:
        other = known.covering(pattern, entry)
        if other is not None:
            yield Covering(entry, other)


def repeated(entries: Iterable[T], key_of: Callable[[T], Hashable]) -> Iterable[Covering[T]]:
    """Return the entries that say what an earlier one says, each with the first of these."""
    first: dict[Hashable, T] = {}
    for entry in entries:
        other = first.setdefault(key_of(entry), entry)
        if other is not entry:
            yield Covering(entry, other)
