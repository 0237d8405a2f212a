"""The durable store in PostgreSQL, for an installation that several machines share.

The same records and events as in a file, in a schema of their own. Who writes holds the lock on the
one row of the table `store`, so that calls of all processes take turns. Needs the extra `postgres`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.resources import files
from typing import Any

import psycopg
from psycopg import errors, sql

from kms import root_key
from kms.audit import AuditEvent
from kms.durable_store import DurableStore, Head
from kms.event_index import columns, conditions, plain
from kms.records import Records, Row
from kms.root_key import RootKey, Wrapped
from kms.runtime import Entropy, SystemEntropy
from kms.store import (
    DamagedStore,
    EventFilter,
    NewerStore,
    StoreBusy,
    StoreError,
)
from kms.vault import Vault

SCHEMA = "kmsgate"
PATIENCE_SECONDS = 30.0
STORE_KEY_BYTES = 32
_OPENING = 0x6B6D7367
"""The advisory lock under which a store is made or migrated."""

_PUT = """
    INSERT INTO records (kind, name, body, sealed, revision)
    VALUES (%s, %s, %s, %s, (SELECT revision FROM store))
    ON CONFLICT (kind, name) DO UPDATE
    SET body = excluded.body, sealed = excluded.sealed, revision = excluded.revision
"""
_APPEND = """
    INSERT INTO events (number, at, operation, caller, error_code, account, region, text, hash)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
"""


def open_store(
    dsn: str,
    root: RootKey,
    *,
    schema: str = SCHEMA,
    entropy: Entropy | None = None,
    patience: float = PATIENCE_SECONDS,
) -> DurableStore:
    """Return the store in a schema, which is made if it is missing and migrated if it is older.

    `dsn` is what libpq takes; `patience` is how many seconds a call waits for other processes.
    Raises StoreError, and changes nothing, if it cannot be opened.
    """
    entropy = entropy or SystemEntropy()
    database = PostgresDatabase(dsn, schema, patience)
    try:
        with database.transaction() as connection:
            _migrate(connection, schema, entropy)
            wrapped = _wrapped(connection)
            if wrapped is None:
                key = entropy.random_bytes(STORE_KEY_BYTES)
                _set_wrapped(connection, root_key.wrap(key, root, entropy)[0])
            else:
                key = root_key.unwrap(wrapped, root)
        return DurableStore(database, Records(Vault(key, entropy)))
    except BaseException:
        database.close()
        raise


def rotate_root_key(
    dsn: str, old: RootKey, new: RootKey, *, schema: str = SCHEMA, entropy: Entropy | None = None
) -> int:
    """Wrap the store key under a new root key; return its generation.

    As for a store in a file: others go on undisturbed, and to be killed half-way does no harm.
    """
    entropy = entropy or SystemEntropy()
    database = PostgresDatabase(dsn, schema, PATIENCE_SECONDS)
    try:
        with database.transaction() as connection:
            _migrate(connection, schema, entropy)
            present = _wrapped(connection)
            if present is None:
                raise StoreError(f"there is no store in the schema {schema}")
            key = root_key.unwrap(present, old)
            wrapped, used = root_key.wrap(key, new, entropy, present)
            _set_wrapped(connection, wrapped)
        with database.transaction() as connection:
            _lock(connection)  # nobody else changes root keys meanwhile
            if _wrapped(connection) == wrapped:  # or who came later settles it
                new.settle(used)
    finally:
        database.close()
    return wrapped.generation


def steps() -> tuple[str, ...]:
    """Return the migrations, in order; the schema's version is how many were applied."""
    folder = files("kms") / "migrations" / "postgres"
    found = sorted(step.name for step in folder.iterdir() if step.name.endswith(".sql"))
    return tuple((folder / name).read_text(encoding="utf-8") for name in found)


def _migrate(connection: Any, schema: str, entropy: Entropy) -> None:
    """Bring the schema to the newest version, inside a transaction. Raises NewerStore."""
    _lock(connection)
    connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(schema)))
    known = connection.execute(
        "SELECT 1 FROM pg_tables WHERE schemaname = %s AND tablename = 'store'", (schema,)
    ).fetchone()
    (version,) = connection.execute("SELECT version FROM store").fetchone() if known else (0,)
    newest = len(steps())
    if version > newest:
        raise NewerStore(f"its schema has version {version}, and this kmsgate knows {newest}")
    for step in steps()[version:]:
        connection.execute(step)
    if not known:
        connection.execute("INSERT INTO store VALUES (%s, %s, 0)", (newest, entropy.uuid()))
    elif version < newest:
        connection.execute("UPDATE store SET version = %s", (newest,))


def _lock(connection: Any) -> None:
    """Let nobody else open a store or rotate its root key until the transaction ends."""
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (_OPENING,))


def _wrapped(connection: Any) -> Wrapped | None:
    row = connection.execute("SELECT generation, kind, parameters, wrapped FROM root_key")
    found = row.fetchone()
    return Wrapped(*found) if found is not None else None


def _set_wrapped(connection: Any, made: Wrapped) -> None:
    connection.execute("DELETE FROM root_key")
    row = (made.generation, made.kind, made.parameters, made.wrapped)
    connection.execute("INSERT INTO root_key VALUES (%s, %s, %s, %s)", row)


@contextmanager
def _told() -> Iterator[None]:
    """Turn the errors of PostgreSQL into ours; those of the server quote no values."""
    try:
        yield
    except errors.LockNotAvailable as error:
        raise StoreBusy("other processes hold the store") from error
    except (errors.UndefinedTable, errors.UndefinedColumn, errors.DataCorrupted) as error:
        raise DamagedStore(str(error.diag.message_primary)) from error
    except psycopg.Error as error:
        raise StoreError(str(error.diag.message_primary or error)) from error


class PostgresDatabase:
    """The connection under a durable store."""

    def __init__(self, dsn: str, schema: str, patience: float) -> None:
        self._dsn = dsn
        self._schema = schema
        self._patience = patience
        self._version = len(steps())
        with _told():
            self._connection: Any = self._connect()

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        """Keep what is done inside, or nothing of it after an error."""
        with _told():
            connection = self._open()
            connection.execute("BEGIN")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                self.recover()
                raise

    def begin(self) -> Head:
        """Begin a transaction that holds the lock of writers."""
        with _told():
            connection = self._open()
            connection.execute("BEGIN")
            row = connection.execute("SELECT version, incarnation, revision FROM store FOR UPDATE")
            version, incarnation, revision = row.fetchone()
            if version != self._version:
                raise NewerStore(f"its schema has been migrated to version {version} meanwhile")
            last = connection.execute("SELECT hash FROM events ORDER BY number DESC LIMIT 1")
            found = last.fetchone()
        return Head(incarnation, revision, found[0] if found is not None else "")

    def rows_since(self, revision: int) -> Iterable[Row]:
        """Yield every record as it is now that was changed after a revision."""
        with _told():
            query = "SELECT kind, name, body, sealed FROM records WHERE revision > %s"
            for row in self._open().execute(query, (revision,)):
                yield Row(*row)

    def write(self, rows: Iterable[Row], events: Iterable[tuple[AuditEvent, str]]) -> None:
        """Write records under the next revision, and append events."""
        with _told(), self._open().cursor() as cursor:
            written = [(row.kind, row.name, row.body, row.sealed) for row in rows]
            if written:
                cursor.execute("UPDATE store SET revision = revision + 1")
                cursor.executemany(_PUT, written)
            last = cursor.execute("SELECT max(number) FROM events").fetchone()
            numbered = list(enumerate(events, (last[0] or 0) + 1))
            cursor.executemany(_APPEND, [columns(n, *each) for n, each in numbered])
            cursor.executemany(
                "INSERT INTO event_resources VALUES (%s, %s) ON CONFLICT DO NOTHING",
                [(plain(arn), n) for n, (event, _) in numbered for arn in event.resources],
            )

    def commit(self) -> None:
        """End the transaction; what it wrote is kept once this returns."""
        with _told():
            self._open().execute("COMMIT")

    def rollback(self) -> None:
        """End the transaction as if it had not been."""
        with _told():
            self._open().execute("ROLLBACK")

    def recover(self) -> None:
        """Close the connection, which ends its transaction; the next call opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def events(self, where: EventFilter) -> Iterable[str]:
        """Yield the texts of the events that are wanted, oldest first."""
        wanted, values = conditions(where, "%s")
        query = f"SELECT text FROM events WHERE {wanted} ORDER BY number"  # noqa: S608
        with _told(), self._connect() as connection:
            for (text,) in connection.execute(query, values):
                yield text

    def close(self) -> None:
        """Let go of the database."""
        self.recover()

    def _open(self) -> Any:
        if self._connection is None:
            self._connection = self._connect()
        return self._connection

    def _connect(self) -> Any:
        connection = psycopg.connect(self._dsn, autocommit=True)
        connection.execute(sql.SQL("SET search_path TO {}").format(sql.Identifier(self._schema)))
        connection.execute("SET synchronous_commit TO on")
        milliseconds = max(1, int(self._patience * 1000))  # 0 would be for ever
        connection.execute("SELECT set_config('lock_timeout', %s, false)", (str(milliseconds),))
        return connection
