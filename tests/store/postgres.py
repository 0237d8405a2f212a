"""A PostgreSQL server for tests: the one that KMSGATE_POSTGRES names, or one of our own."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from kms import State
from kms.durable_store import DurableStore
from tests.store.stores import ROOT_KEY, filled

_NUMBERS = itertools.count(1)


class NoServerError(Exception):
    """There is no PostgreSQL to test with; says what is missing."""


@contextmanager
def server() -> Iterator[str]:
    """Give the DSN of a server; raises NoServerError where there is none."""
    if find_spec("psycopg") is None:
        raise NoServerError("the extra `postgres` is not installed")
    if given := os.environ.get("KMSGATE_POSTGRES"):
        yield given
        return
    if shutil.which("initdb") is None or shutil.which("pg_ctl") is None:
        raise NoServerError("neither KMSGATE_POSTGRES nor the programs initdb and pg_ctl")
    # The server refuses to run as root; the package of the system brings a user for it.
    user: dict[str, Any] = {"user": "postgres"} if os.geteuid() == 0 else {}
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        folder = Path(name)
        if user:
            shutil.chown(folder, "postgres")
        data = str(folder / "data")
        initdb = ["initdb", "-D", data, "-U", "kmsgate", "-A", "trust", "-E", "UTF8", "--no-locale"]
        options = f"-c fsync=off -c listen_addresses='' -c unix_socket_directories={folder}"
        start = ["pg_ctl", "-D", data, "-w", "-o", options, "-l", str(folder / "log"), "start"]
        for command in (initdb, start):
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=folder, **user)
        try:
            yield f"postgresql://kmsgate@/postgres?host={folder}"
        finally:
            stop = ["pg_ctl", "-D", data, "-m", "immediate", "stop"]
            subprocess.run(stop, check=True, stdout=subprocess.DEVNULL, cwd=folder, **user)


@pytest.fixture(scope="session")
def postgres_dsn() -> Iterator[str]:
    """The DSN of a server; the test is skipped, and says so, where there is none."""
    with ExitStack() as stack:
        try:
            dsn = stack.enter_context(server())
        except NoServerError as missing:
            pytest.skip(f"no PostgreSQL: {missing}")
        yield dsn


class PostgresStores:
    """Stores in schemas of one server. `make` makes a new one; `again` opens the latest again."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self.schema = ""
        self.opened = ExitStack()

    def make(self, state: State) -> DurableStore:
        self.schema = f"kmsgate_test_{os.getpid()}_{next(_NUMBERS)}"
        self.opened.callback(self.execute, f"DROP SCHEMA IF EXISTS {self.schema} CASCADE")
        store = self.again()
        filled(store, state)
        return store

    def again(self, **more: Any) -> DurableStore:
        from kms.postgres_store import open_store

        root = more.pop("root", ROOT_KEY)
        store = open_store(self.dsn, root, schema=self.schema, **more)
        self.opened.callback(store.close)
        return store

    def execute(self, statement: str) -> None:
        import psycopg

        with psycopg.connect(self.dsn, autocommit=True) as connection:
            connection.execute(statement)


@pytest.fixture
def postgres(postgres_dsn: str) -> Iterator[PostgresStores]:
    stores = PostgresStores(postgres_dsn)
    with stores.opened:
        yield stores
