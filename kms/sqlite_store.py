"""The durable store in one SQLite file: write-ahead log, every commit on disk before it returns."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from importlib.resources import files
from pathlib import Path

from kms import root_key
from kms.audit import AuditEvent
from kms.durable_store import DurableStore, Head
from kms.event_index import columns, conditions, plain
from kms.records import Records, Row, event_from
from kms.root_key import RootKey, Wrapped, sync_folder
from kms.runtime import Entropy, SystemEntropy
from kms.store import (
    DamagedStore,
    EventFilter,
    NewerStore,
    StoreBusy,
    StoreError,
)
from kms.vault import Vault

APPLICATION_ID = 0x6B6D7367
"""What marks the file as a store of kmsgate: the letters `kmsg`."""
PATIENCE_SECONDS = 30.0
STORE_KEY_BYTES = 32

_SETTINGS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA fullfsync = ON",  # where a plain fsync leaves data in the drive's cache
    "PRAGMA secure_delete = ON",  # CORE K-111
    "PRAGMA temp_store = MEMORY",
)
_PUT = """
    INSERT INTO records (kind, name, body, sealed, revision)
    VALUES (?, ?, ?, ?, (SELECT revision FROM store))
    ON CONFLICT (kind, name) DO UPDATE
    SET body = excluded.body, sealed = excluded.sealed, revision = excluded.revision
"""
_APPEND = """
    INSERT INTO events (number, at, operation, caller, error_code, account, region, text, hash)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


class SqliteStore(DurableStore):
    """A durable store in one file. `path` is that file."""

    def __init__(self, path: Path, database: SqliteDatabase, entropy: Entropy, key: bytes) -> None:
        super().__init__(database, Records(Vault(key, entropy)))
        self.path = path


def open_store(
    path: Path,
    root: RootKey,
    entropy: Entropy | None = None,
    patience: float = PATIENCE_SECONDS,
) -> SqliteStore:
    """Return the store in a file, which is made if it is missing and migrated if it is older.

    `patience` is how many seconds a call waits for other processes. Raises StoreError, and leaves
    the file as it was, if it cannot be opened.
    """
    entropy = entropy or SystemEntropy()
    if path.is_dir():
        raise StoreError(f"{path} is a folder")
    if not path.exists():
        _make(path, root, entropy)
    database = SqliteDatabase(path, patience)
    try:
        return SqliteStore(path, database, entropy, _unlocked(database, root, entropy))
    except BaseException:
        database.close()
        raise


def _make(path: Path, root: RootKey, entropy: Entropy) -> None:
    """Make a new store aside and put it in its place whole, unless another was faster."""
    with told():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = path.with_name(f"{path.name}.{entropy.uuid()}.new")
        private(draft)
        try:
            with closing(SqliteDatabase(draft, PATIENCE_SECONDS)) as database:
                _unlocked(database, root, entropy)
            with suppress(FileExistsError):
                os.link(draft, path)
            sync_folder(path.parent)
        finally:
            draft.unlink()


def _unlocked(database: SqliteDatabase, root: RootKey, entropy: Entropy) -> bytes:
    """Return the store key of a store of the newest schema, which is what it is after this."""
    with database.transaction() as connection:
        migrate(connection)
        wrapped = wrapped_key(connection)
        if wrapped is not None:
            return root_key.unwrap(wrapped, root)
        key = entropy.random_bytes(STORE_KEY_BYTES)
        _set_wrapped(connection, root_key.wrap(key, root, entropy)[0])
        connection.execute("INSERT INTO store VALUES (?, 0)", (entropy.uuid(),))
        return key


def is_store(path: Path) -> bool:
    """Tell whether a file is a database that says it is a store of kmsgate."""
    try:
        with path.open("rb") as file:
            head = file.read(72)
    except OSError:
        return False
    return head.startswith(b"SQLite format 3\0") and head[68:] == APPLICATION_ID.to_bytes(4, "big")


def read_events(path: Path) -> Iterator[AuditEvent]:
    """Yield the events of a store, oldest first; they are not locked with the root key.

    The store may be in use. Raises StoreError.
    """
    with told(), closing(connect(existing(path), read_only=True)) as connection:
        _check(connection)
        for (text,) in connection.execute("SELECT text FROM events ORDER BY number"):
            yield event_from(text)


def rotate_root_key(path: Path, old: RootKey, new: RootKey, entropy: Entropy | None = None) -> int:
    """Wrap the store key under a new root key; return its generation.

    Processes that have the store open go on undisturbed. Killed at any moment, this leaves a store
    that opens with the old root key or with the new; with a file, both are in it meanwhile.
    """
    entropy = entropy or SystemEntropy()
    with closing(SqliteDatabase(existing(path), PATIENCE_SECONDS)) as database:
        with database.transaction() as connection:
            migrate(connection)
            present = wrapped_key(connection)
            if present is None:
                raise DamagedStore(f"{path} has no root key yet")
            key = root_key.unwrap(present, old)
            wrapped, used = root_key.wrap(key, new, entropy, present)
            _set_wrapped(connection, wrapped)
        with database.transaction() as connection:  # nobody else changes root keys meanwhile
            if wrapped_key(connection) == wrapped:  # or who came later settles it
                new.settle(used)
        database.checkpoint()  # nothing wrapped under the old key stays in the log
    return wrapped.generation


# Schema


def steps() -> tuple[str, ...]:
    """Return the migrations, in order; the schema's version is how many were applied."""
    folder = files("kms") / "migrations" / "sqlite"
    found = sorted(step.name for step in folder.iterdir() if step.name.endswith(".sql"))
    return tuple((folder / name).read_text(encoding="utf-8") for name in found)


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the schema to the newest version, inside a transaction. Raises StoreError."""
    version = _check(connection)
    todo = steps()[version:]
    for step in todo:
        for statement in _statements(step):
            connection.execute(statement)
    if todo:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {version + len(todo)}")


def _check(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (mark,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    newest = len(steps())
    if mark == APPLICATION_ID and version > newest:
        raise NewerStore(f"its schema has version {version}, and this kmsgate knows {newest}")
    if mark != APPLICATION_ID and (tables or version):
        raise DamagedStore("the file is a database of something else")
    return int(version)


def _statements(script: str) -> Iterator[str]:
    """Yield the statements of a script; `executescript` would commit before it begins."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def wrapped_key(connection: sqlite3.Connection) -> Wrapped | None:
    """Return the wrapped store key of a database, or None where there is none yet."""
    row = connection.execute("SELECT generation, kind, parameters, wrapped FROM root_key")
    found = row.fetchone()
    return Wrapped(*found) if found is not None else None


def _set_wrapped(connection: sqlite3.Connection, made: Wrapped) -> None:
    connection.execute("DELETE FROM root_key")
    row = (made.generation, made.kind, made.parameters, made.wrapped)
    connection.execute("INSERT INTO root_key VALUES (?, ?, ?, ?)", row)


# The file


def private(path: Path) -> None:
    """Make a new file, empty, that only its owner may read."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


def existing(path: Path) -> Path:
    """Return the path if there is a file. Raises StoreError."""
    if not path.is_file():
        raise StoreError(f"there is no store at {path}")
    return path


@contextmanager
def told() -> Iterator[None]:
    """Turn the errors of SQLite and of the file system into ours."""
    try:
        yield
    except OSError as error:
        raise StoreError(f"{error.filename}: {error.strerror}") from error
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise StoreBusy("other processes hold the store") from error
        raise StoreError(str(error)) from error
    except sqlite3.DatabaseError as error:
        raise DamagedStore(str(error)) from error


def connect(
    path: Path, patience: float = PATIENCE_SECONDS, *, read_only: bool = False
) -> sqlite3.Connection:
    """Return a connection that begins transactions only when told to."""
    uri = f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rw'}"
    connection = sqlite3.connect(
        uri, uri=True, timeout=patience, isolation_level=None, check_same_thread=False
    )
    if not read_only:
        try:
            for setting in _SETTINGS:
                connection.execute(setting)
        except BaseException:
            connection.close()
            raise
    return connection


class SqliteDatabase:
    """The connection under a durable store."""

    def __init__(self, path: Path, patience: float) -> None:
        self._path = path
        self._patience = patience
        self._version = len(steps())
        with told():
            self._connection: sqlite3.Connection | None = connect(path, patience)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Keep what is done inside, or nothing of it after an error."""
        with told():
            connection = self._open()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                self.recover()
                raise

    def begin(self) -> Head:
        """Begin the only writing transaction that there is."""
        with told():
            connection = self._open()
            connection.execute("BEGIN IMMEDIATE")
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version != self._version:
                raise NewerStore(f"its schema has been migrated to version {version} meanwhile")
            incarnation, revision = connection.execute("SELECT * FROM store").fetchone()
            last = connection.execute("SELECT hash FROM events ORDER BY number DESC LIMIT 1")
            found = last.fetchone()
        return Head(incarnation, revision, found[0] if found is not None else "")

    def rows_since(self, revision: int) -> Iterable[Row]:
        """Yield every record as it is now that was changed after a revision."""
        with told():
            query = "SELECT kind, name, body, sealed FROM records WHERE revision > ?"
            for row in self._open().execute(query, (revision,)):
                yield Row(*row)

    def write(self, rows: Iterable[Row], events: Iterable[tuple[AuditEvent, str]]) -> None:
        """Write records under the next revision, and append events."""
        with told():
            connection = self._open()
            written = [(row.kind, row.name, row.body, row.sealed) for row in rows]
            if written:
                connection.execute("UPDATE store SET revision = revision + 1")
                connection.executemany(_PUT, written)
            (last,) = connection.execute("SELECT max(number) FROM events").fetchone()
            numbered = list(enumerate(events, (last or 0) + 1))
            connection.executemany(_APPEND, (columns(n, *each) for n, each in numbered))
            connection.executemany(
                "INSERT OR IGNORE INTO event_resources VALUES (?, ?)",
                ((plain(arn), n) for n, (event, _) in numbered for arn in event.resources),
            )

    def commit(self) -> None:
        """End the transaction; what it wrote is on disk once this returns."""
        with told():
            self._open().execute("COMMIT")

    def rollback(self) -> None:
        """End the transaction as if it had not been."""
        with told():
            self._open().execute("ROLLBACK")

    def recover(self) -> None:
        """Close the connection, which ends its transaction; the next call opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def events(self, where: EventFilter) -> Iterable[str]:
        """Yield the texts of the events that are wanted, oldest first."""
        wanted, values = conditions(where, "?")
        query = f"SELECT text FROM events WHERE {wanted} ORDER BY number"  # noqa: S608
        with told(), closing(connect(self._path, self._patience, read_only=True)) as connection:
            for (text,) in connection.execute(query, values):
                yield text

    def checkpoint(self) -> None:
        """Move what is in the log into the file, and empty the log if nobody reads it."""
        with told():
            self._open().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()

    def close(self) -> None:
        """Let go of the file."""
        self.recover()

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = connect(self._path, self._patience)
        return self._connection
