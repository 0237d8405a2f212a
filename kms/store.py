"""Where the state lives between calls, and the one way to change it.

StoreError          the store cannot be used, or a change could not be kept
├── StoreBusy       others held it for too long; nothing was changed
├── WrongRootKey    the root key does not open it, or is not to be had
├── NewerStore      a newer version of kmsgate has written it
└── DamagedStore    what is in it was changed by something else, or is no store
"""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Protocol, TypeVar

from kms.audit import AuditEvent
from kms.state import State

T = TypeVar("T")


class StoreError(Exception):
    """The store cannot be used, or a change could not be kept. Its text holds no secret."""


class StoreBusy(StoreError):  # noqa: N818  named after what is true, like every error of this package
    """Other processes held the store for too long; nothing was changed."""


class WrongRootKey(StoreError):  # noqa: N818
    """The root key does not open the store, or is not to be had (CORE K-108)."""


class NewerStore(StoreError):  # noqa: N818
    """A newer version of kmsgate has written the store; nothing was changed."""


class DamagedStore(StoreError):  # noqa: N818
    """The store was changed by something else, or the file is no store."""


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events are wanted; what is None does not matter (CORE K-185).

    `resource` is an ARN among the event's resources. `since` is inclusive, `until` is not.
    """

    resource: str | None = None
    operation: str | None = None
    caller: str | None = None
    error_code: str | None = None
    account: str | None = None
    region: str | None = None
    since: dt.datetime | None = None
    until: dt.datetime | None = None

    def takes(self, event: AuditEvent) -> bool:
        """Tell whether an event is wanted."""
        return (
            (self.resource is None or self.resource in event.resources)
            and all(
                wanted is None or wanted == getattr(event, name)
                for name, wanted in self.equal_members()
            )
            and (self.since is None or event.at >= self.since)
            and (self.until is None or event.at < self.until)
        )

    def equal_members(self) -> tuple[tuple[str, str | None], ...]:
        """Return the members that an event's attribute of that name must equal."""
        return tuple((name, getattr(self, name)) for name in EVENT_MEMBERS)


EVENT_MEMBERS = ("operation", "caller", "error_code", "account", "region")
EVERY_EVENT = EventFilter()


class Session(Protocol):
    """The writer's turn: the state as it is, and one commit."""

    state: State
    last_hash: str

    def commit(self, state: State, events: Sequence[AuditEvent]) -> None:
        """Make the next state and its events the present ones, together (CORE K-112).

        They are kept for good once the session has been left without an error.
        """
        ...


class Store(Protocol):
    """Keeps one state and its events.

    `waits` tells whether a call waits for something else than other calls: a disk, another process.
    """

    waits: bool

    def glance(self) -> State:
        """Return the state without waiting: the present one, or the last that was seen here.

        Only what other processes have changed since may be missing; a session has all of it.
        """
        ...

    def session(self) -> AbstractContextManager[Session]:
        """Return the writer's turn; one at a time. Leaving it without a commit changes nothing.

        Leaving it raises StoreError if what it showed or committed could not be kept.
        """
        ...

    def transact(self, job: Callable[[Session], T]) -> T:
        """Return what a job makes of a session of its own, once it has been left.

        Another thread may do the job. Raises what it raises, and StoreError as `session` does.
        """
        ...

    def events(self, where: EventFilter = EVERY_EVENT) -> Sequence[AuditEvent]:
        """Return the events that are wanted, oldest first; every event unless told otherwise."""
        ...


class MemoryStore:
    """Keeps everything in this process, for as long as it lives."""

    waits = False

    def __init__(self, state: State | None = None) -> None:
        self._lock = threading.Lock()
        self._state = state or State()
        self._events: list[AuditEvent] = []

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Return the writer's turn."""
        with self._lock:
            yield _MemorySession(self)

    def transact(self, job: Callable[[Session], T]) -> T:
        """Return what a job makes of a session of its own."""
        with self._lock:
            return job(_MemorySession(self))

    def events(self, where: EventFilter = EVERY_EVENT) -> Sequence[AuditEvent]:
        """Return the events that are wanted, oldest first."""
        return tuple(event for event in tuple(self._events) if where.takes(event))

    def glance(self) -> State:
        """Return the present state."""
        return self._state

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
