"""Where the state lives between calls, and the one way to change it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from kms.audit import AuditEvent
from kms.state import State


class Session(Protocol):
    """The writer's turn: the state as it is, and one commit."""

    state: State
    last_hash: str

    def commit(self, state: State, events: Sequence[AuditEvent]) -> None:
        """Make the next state and its events the present ones, together (CORE K-112)."""
        ...


class Store(Protocol):
    """Keeps one state and its events."""

    def session(self) -> AbstractContextManager[Session]:
        """Return the writer's turn; one at a time. Leaving it without a commit changes nothing."""
        ...

    def events(self) -> Sequence[AuditEvent]:
        """Return every event, oldest first."""
        ...


class MemoryStore:
    """Keeps everything in this process, for as long as it lives."""

    def __init__(self, state: State | None = None) -> None:
        self._lock = threading.Lock()
        self._state = state or State()
        self._events: list[AuditEvent] = []

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Return the writer's turn."""
        with self._lock:
            yield _MemorySession(self)

    def events(self) -> Sequence[AuditEvent]:
        """Return every event, oldest first."""
        return tuple(self._events)

    @property
    def state(self) -> State:
        """The present state."""
        return self._state


class _MemorySession:
    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self.state = store._state
        events = store._events
        self.last_hash = events[-1].hash if events else ""

    def commit(self, state: State, events: Sequence[AuditEvent]) -> None:
        read = tuple(events)  # what fails, fails before anything is changed
        self._store._events.extend(read)
        self._store._state = self.state = state
        self.last_hash = read[-1].hash if read else self.last_hash
