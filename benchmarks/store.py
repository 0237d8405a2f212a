"""What durability costs: calls of many callers, on disk before their replies, and bare inserts.

Bare inserts are rows as large as an event, with as many indexes, of as many callers, committed in
groups by the shortest code that does it: what SQLite gives on this disk before kmsgate does
anything. Times are those of a clock on the wall, since waiting for the disk is what it is about.
"""

from __future__ import annotations

import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path

from benchmarks.core import encrypt_on, service_on
from benchmarks.measure import Pace, Subject, Table, Timer, at_most, race, under
from kms import MemoryStore
from kms.root_key import FileRootKey
from kms.sqlite_store import open_store

CALLERS = 16
_TEXT = "x" * 700
"""About as long as the event of one Encrypt."""


def run(pace: Pace) -> list[Table]:
    """Measure Encrypt on stores of both kinds, and bare inserts beside them."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        bare = stack.enter_context(closing(_Bare(folder / "bare.db")))
        store = stack.enter_context(
            closing(open_store(folder / "state.db", FileRootKey(folder / "root.key")))
        )
        durable, memory = (encrypt_on(service_on(each, 1)) for each in (store, MemoryStore()))
        base = f"bare inserts, {CALLERS} callers"
        many = f"Encrypt, durable, {CALLERS} callers"
        subjects = [
            Subject(base, _callers(bare.insert, CALLERS), CALLERS),
            Subject(many, _callers(durable, CALLERS), CALLERS),
            Subject("Encrypt, durable, 1 caller", _callers(durable, 1)),
            Subject("Encrypt, in memory, 1 caller", _callers(memory, 1)),
        ]
        readings = race(subjects, pace)
    title = "store, wall time of one call"
    bars = under(title, at_most(3, many, base, readings))
    rate = 1 / next(each for each in readings if each.name == many).median
    note = f"({rate:,.0f} durable Encrypts a second; goal: 5,000, or a third of bare inserts)"
    return [Table(title, base, readings, bars, (note,))]


def _callers(call: Callable[[], object], count: int) -> Timer:
    """Return a timer of so many threads that each make a call a turn."""

    def seconds(turns: int) -> float:
        start = threading.Barrier(count + 1)

        def work() -> None:
            start.wait()
            for _ in range(turns):
                call()

        threads = [threading.Thread(target=work) for _ in range(count)]
        for each in threads:
            each.start()
        start.wait()
        begun = time.perf_counter()
        for each in threads:
            each.join()
        return time.perf_counter() - begun

    return seconds


class _Bare:
    """Rows of many callers in common commits, and nothing else."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        for statement in (
            "PRAGMA journal_mode = WAL",
            "PRAGMA synchronous = FULL",
            "CREATE TABLE rows (number INTEGER PRIMARY KEY, a TEXT, b TEXT, c TEXT, text TEXT)",
            *(f"CREATE INDEX by_{name} ON rows ({name})" for name in "abc"),
        ):
            self._connection.execute(statement)
        self._lock = threading.Lock()
        self._guard = threading.Lock()
        self._waiting: list[threading.Event] = []

    def insert(self) -> None:
        """Return once a row is on disk: whoever gets the lock writes for all that wait."""
        done = threading.Event()
        with self._guard:
            self._waiting.append(done)
        with self._lock:
            if done.is_set():
                return
            with self._guard:
                group, self._waiting = self._waiting, []
            rows = [("Encrypt", "arn:aws:iam::111122223333:user/admin", "x", _TEXT)] * len(group)
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany(
                "INSERT INTO rows (a, b, c, text) VALUES (?, ?, ?, ?)", rows
            )
            self._connection.execute("COMMIT")
            for each in group:
                each.set()

    def close(self) -> None:
        self._connection.close()
