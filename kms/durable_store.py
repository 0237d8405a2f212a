"""A store that outlives its process: one commit for every group of calls (CORE K-112).

The calls of this process take turns, each on the state that the one before it left. The first one
begins a transaction of the database, which keeps other processes out and brings in what they have
changed; the first one that has no successor waiting commits it. Only then do all of them return. So
what is acknowledged is on disk, and sixteen callers share the price of one write.

If the commit fails, it fails for all calls of the group, and what they did in memory is dropped.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from kms.audit import AuditEvent
from kms.records import Records, Row, event_from, event_text
from kms.state import State
from kms.store import EVERY_EVENT, EventFilter, Session, StoreError

T = TypeVar("T")

MAX_GROUP = 256
"""So many calls at most wait for the same commit."""


@dataclass(frozen=True, slots=True)
class Head:
    """Where a database stands: it changes its incarnation when other content is put into it."""

    incarnation: str
    revision: int
    last_hash: str


class Database(Protocol):
    """What a group needs of a database; used by one thread at a time."""

    def begin(self) -> Head:
        """Begin the only writing transaction that there is. Raises StoreError."""
        ...

    def rows_since(self, revision: int) -> Iterable[Row]:
        """Yield every record as it is now that was changed after a revision."""
        ...

    def write(self, rows: Iterable[Row], events: Iterable[tuple[AuditEvent, str]]) -> None:
        """Write records under the next revision, and append events."""
        ...

    def commit(self) -> None:
        """End the transaction; what it wrote is kept once this returns."""
        ...

    def rollback(self) -> None:
        """End the transaction as if it had not been."""
        ...

    def recover(self) -> None:
        """Get rid of a transaction whose end failed; never raises."""
        ...

    def events(self, where: EventFilter) -> Iterable[str]:
        """Yield the texts of the events that are wanted, oldest first; others may be among them."""
        ...

    def close(self) -> None:
        """Let go of the database."""
        ...


@dataclass
class _Group:
    """Calls that share a transaction: the state that the latest left, and what is to be written."""

    head: Head
    state: State
    last_hash: str
    rows: dict[tuple[str, str], Row] = field(default_factory=dict)
    events: list[tuple[AuditEvent, str]] = field(default_factory=list)
    size: int = 0
    ended: threading.Event = field(default_factory=threading.Event)
    failure: BaseException | None = None

    def wait(self) -> None:
        """Return once everything is kept. Raises StoreError if it was not."""
        self.ended.wait()
        if self.failure is not None:
            raise StoreError(f"the change was not kept: {self.failure}") from self.failure


class _Task(Generic[T]):
    """A job that waits for a thread to do it, and what became of it."""

    __slots__ = ("_error", "_group", "_job", "_result", "awake", "leads")

    def __init__(self, job: Callable[[Session], T]) -> None:
        self.awake = threading.Event()
        self.leads = False
        self._job = job
        self._group: _Group | None = None
        self._result: T | None = None
        self._error: Exception | None = StoreError("the call was interrupted before its turn")

    def run(self, group: _Group, session: Session) -> None:
        """Do the job; what it raises is kept for its caller."""
        self._group = group
        try:
            self._result, self._error = self._job(session), None
        except Exception as error:  # noqa: BLE001 - raised again by `outcome`, in its own thread
            self._error = error

    def outcome(self) -> T:
        """Return or raise what the job did, once the group is kept. Raises StoreError if not."""
        if self._group is not None:
            self._group.wait()
        if self._error is not None:
            raise self._error
        return self._result  # type: ignore[return-value]


class DurableStore:
    """Keeps one state and its events in a database; threads and processes may share it."""

    waits = True

    def __init__(self, database: Database, records: Records) -> None:
        self._database = database
        self._records = records
        self._turn = threading.Lock()
        self._door = threading.Lock()  # guards the next three
        self._wanting = 0
        self._tasks: deque[_Task[Any]] = deque()
        self._led = False
        self._group: _Group | None = None
        self._state = State()
        self._seen = Head("", 0, "")

    def glance(self) -> State:
        """Return the state as this process last saw it kept; an empty one before its first call."""
        return self._state

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Return the writer's turn; leaving it waits until the whole group is kept."""
        group: _Group | None = None
        try:
            with self._my_turn():
                group = self._joined()
                group.size += 1
                yield _DurableSession(group, self._records)
        finally:
            if group is not None:
                group.wait()

    def transact(self, job: Callable[[Session], T]) -> T:
        """Return what a job makes of a session of its own, once its group is kept.

        The jobs of callers that come at once are done by the thread of one of them, one after the
        other: to hand the turn from thread to thread would take about as long as the jobs do.
        """
        task = _Task(job)
        with self._door:
            self._tasks.append(task)
            task.leads, self._led = not self._led, True
        try:
            if not task.leads:
                task.awake.wait()
        except BaseException:
            self._withdraw(task)
            raise
        if task.leads:
            self._lead(task)
        return task.outcome()

    def _lead(self, own: _Task[Any]) -> None:
        """Do all jobs that wait, this one first, and let the next caller lead those that come."""
        batch: list[_Task[Any]] = []
        try:
            with self._my_turn():
                group = self._joined()
                while found := self._taken(MAX_GROUP - len(batch)):
                    batch += found
                    group.size += len(found)
                    for task in found:
                        task.run(group, _DurableSession(group, self._records))
            group.ended.wait()
        finally:
            for task in batch:
                task.awake.set()
            self._withdraw(own)

    def _taken(self, most: int) -> list[_Task[Any]]:
        with self._door:
            return [self._tasks.popleft() for _ in range(min(most, len(self._tasks)))]

    def _withdraw(self, task: _Task[Any]) -> None:
        """Take no further part; if it is this one's to lead, the next one leads."""
        with self._door:
            if task in self._tasks:
                self._tasks.remove(task)
            if task.leads and self._tasks:
                self._tasks[0].leads = True
                self._tasks[0].awake.set()
            elif task.leads:
                self._led = False

    def events(self, where: EventFilter = EVERY_EVENT) -> Sequence[AuditEvent]:
        """Return the events that are wanted, oldest first; only such as are kept."""
        found = (event_from(text) for text in self._database.events(where))
        return tuple(event for event in found if where.takes(event))

    def close(self) -> None:
        """Let go of the database, once the calls in flight have ended."""
        with self._my_turn():
            pass
        self._database.close()

    @contextmanager
    def _my_turn(self) -> Iterator[None]:
        with self._door:
            self._wanting += 1
        arrived = False
        try:
            with self._turn:
                arrived = self._arrived()
                try:
                    yield
                finally:
                    self._end_unless_followed()
        finally:
            if not arrived:  # interrupted while others counted on this call to end the group
                with self._turn:
                    self._arrived()
                    self._end_unless_followed()

    def _arrived(self) -> bool:
        with self._door:
            self._wanting -= 1
        return True

    def _end_unless_followed(self) -> None:
        """End the group, unless another call is about to join it."""
        with self._door:
            followed = self._wanting > 0
        if self._group is not None and not (followed and self._group.size < MAX_GROUP):
            self._end(self._group)

    def _joined(self) -> _Group:
        """Return the group that is open, or a new one; in one's turn only."""
        self._group = self._group or self._begun()
        return self._group

    def _begun(self) -> _Group:
        try:
            head = self._database.begin()
            self._catch_up(head)
        except BaseException:
            self._database.recover()
            raise
        return _Group(head, self._state, head.last_hash)

    def _catch_up(self, head: Head) -> None:
        """Bring in what other processes have changed: as much work as there are changes."""
        if head.incarnation != self._seen.incarnation:
            self._state, self._seen = State(), Head(head.incarnation, 0, "")
        if head.revision != self._seen.revision:
            rows = self._database.rows_since(self._seen.revision)
            self._state = self._records.applied(self._state, rows)
        self._seen = head

    def _end(self, group: _Group) -> None:
        self._group = None
        try:
            if group.rows or group.events:
                self._database.write(group.rows.values(), group.events)
                self._database.commit()
                self._keep(group)
            else:
                self._database.rollback()
        except BaseException as failure:
            group.failure = failure
            self._database.recover()
            if not isinstance(failure, Exception):
                raise
        finally:
            group.ended.set()

    def _keep(self, group: _Group) -> None:
        head, grown = group.head, bool(group.rows)
        self._state = group.state
        self._seen = Head(head.incarnation, head.revision + grown, group.last_hash)


class _DurableSession:
    def __init__(self, group: _Group, records: Records) -> None:
        self._group = group
        self._records = records
        self.state = group.state
        self.last_hash = group.last_hash

    def commit(self, state: State, events: Sequence[AuditEvent]) -> None:
        """Stage the next state and its events. What cannot be written fails this call alone."""
        group = self._group
        rows = {(row.kind, row.name): row for row in self._records.changes(group.state, state)}
        texts = [(event, event_text(event)) for event in events]
        group.rows |= rows
        group.events += texts
        group.state = self.state = state
        if texts:
            group.last_hash = self.last_hash = texts[-1][0].hash
