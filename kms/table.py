"""An immutable map that can tell what differs from an earlier one, without looking at all of it.

A store keeps what a call has changed. It learns of it here, from the maps themselves: nobody who
changes the state has to remember to say so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar, overload

from rpds import HashTrieMap

K = TypeVar("K")
V = TypeVar("V")
D = TypeVar("D")

KEPT = 1024
"""So many changes are remembered at least, and at most twice as many."""


class _Mark:
    """One change: which entry, what came before it, and how many there were."""

    __slots__ = ("before", "count", "name")

    def __init__(self, name: object, before: _Mark | None) -> None:
        self.name = name
        self.before = before
        self.count: int = before.count + 1 if before is not None else 0
        if self.count and self.count % KEPT == 0:
            self._forget()

    def _forget(self) -> None:
        """Cut what lies KEPT changes back, so that history does not fill the memory."""
        mark: _Mark | None = self
        for _ in range(KEPT):
            mark = mark.before if mark is not None else None
        if mark is not None:
            mark.before = None


class Table(Mapping[K, V]):
    """Entries by name. `insert` and `discard` return the next table; this one stays."""

    __slots__ = ("_entries", "_mark")

    def __init__(self, entries: Mapping[K, V] | None = None) -> None:
        self._entries: HashTrieMap[K, V] = HashTrieMap(entries or {})
        self._mark = _Mark(None, None)

    def __getitem__(self, name: K) -> V:
        return self._entries[name]

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[K]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Table) and self._entries == other._entries

    def __hash__(self) -> int:
        return hash(self._entries)

    def __repr__(self) -> str:
        return f"Table({len(self)} entries)"  # names may be secrets, as tokens are (CORE K-109)

    @overload
    def get(self, name: K, /) -> V | None: ...
    @overload
    def get(self, name: K, /, default: V | D) -> V | D: ...
    def get(self, name: K, /, default: V | D | None = None) -> V | D | None:
        """Return the entry of that name, or the default."""
        return self._entries.get(name, default)

    def insert(self, name: K, value: V) -> Table[K, V]:
        """Return the table with an entry, new or changed; this one if it is the same object."""
        if self._entries.get(name) is value and name in self._entries:
            return self
        return self._next(self._entries.insert(name, value), name)

    def discard(self, name: K) -> Table[K, V]:
        """Return the table without an entry; this one if there is none."""
        return self._next(self._entries.discard(name), name) if name in self._entries else self

    def _next(self, entries: HashTrieMap[K, V], name: K) -> Table[K, V]:
        table: Table[K, V] = Table.__new__(Table)
        table._entries = entries
        table._mark = _Mark(name, self._mark)
        return table

    def changed_since(self, earlier: Table[K, V]) -> set[K]:
        """Return the names of all entries that differ from an earlier table's.

        Costs as much as was changed since, if this one was made from the earlier one by fewer
        than KEPT changes; otherwise all entries are looked at.
        """
        names: set[K] = set()
        mark: _Mark | None = self._mark
        while mark is not None and mark is not earlier._mark:
            names.add(mark.name)  # type: ignore[arg-type]
            mark = mark.before
        if mark is None:
            names = {*self, *earlier}
        return {name for name in names if self._differs(earlier, name)}

    def _differs(self, earlier: Table[K, V], name: K) -> bool:
        if (name in self._entries) != (name in earlier._entries):
            return True
        return self._entries.get(name) is not earlier._entries.get(name)
