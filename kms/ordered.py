"""An immutable sorted set for listings: adding and removing copy two short rows, not the set."""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

K = TypeVar("K", bound="tuple[object, ...] | str")

MAX_ROW = 256


@dataclass(frozen=True, slots=True)
class SortedSet(Generic[K]):
    """Values in order, kept in rows of at most MAX_ROW."""

    _rows: tuple[tuple[K, ...], ...] = ()
    _size: int = 0

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[K]:
        for row in self._rows:
            yield from row

    def __contains__(self, value: object) -> bool:
        at = self._row(value)  # type: ignore[arg-type]
        if at >= len(self._rows):
            return False
        row = self._rows[at]
        place = bisect.bisect_left(row, value)
        return place < len(row) and row[place] == value

    def add(self, value: K) -> SortedSet[K]:
        """Return the set with the value in it."""
        if value in self:
            return self
        if not self._rows:
            return SortedSet(((value,),), 1)
        at = min(self._row(value), len(self._rows) - 1)
        row = self._rows[at]
        place = bisect.bisect_left(row, value)
        row = (*row[:place], value, *row[place:])
        half = len(row) // 2
        new = (row[:half], row[half:]) if len(row) > MAX_ROW else (row,)
        return SortedSet((*self._rows[:at], *new, *self._rows[at + 1 :]), self._size + 1)

    def discard(self, value: K) -> SortedSet[K]:
        """Return the set without the value."""
        if value not in self:
            return self
        at = self._row(value)
        row = self._rows[at]
        place = bisect.bisect_left(row, value)
        row = row[:place] + row[place + 1 :]
        new = (row,) if row else ()
        return SortedSet((*self._rows[:at], *new, *self._rows[at + 1 :]), self._size - 1)

    def after(self, value: K | None) -> Iterator[K]:
        """Yield the values that come after one, or all of them."""
        if value is None:
            yield from self
            return
        at = self._row(value)
        for index, row in enumerate(self._rows[at:]):
            start = bisect.bisect_right(row, value) if index == 0 else 0
            yield from row[start:]

    def first(self) -> K | None:
        """Return the smallest value, or None."""
        return self._rows[0][0] if self._rows else None

    def _row(self, value: K) -> int:
        """Return the index of the first row whose last value is not smaller."""
        return bisect.bisect_left(self._rows, value, key=lambda row: row[-1])
