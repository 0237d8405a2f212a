"""Every store there is, made for a test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeAlias

import pytest

from kms import MemoryStore, State, Store
from kms.root_key import EnvironmentRootKey
from kms.sqlite_store import SqliteStore, open_store

MakeStore: TypeAlias = Callable[[State], Store]

ROOT_KEY = EnvironmentRootKey("KMSGATE_ROOT_KEY", "5a" * 32)
OTHER_ROOT_KEY = EnvironmentRootKey("OTHER_ROOT_KEY", "a5" * 32)


def filled(store: Store, state: State) -> None:
    """Put a state into a store as it is."""
    if state != State():
        with store.session() as session:
            session.commit(state, [])


class SqliteStores:
    """Stores in files of a folder. `make` makes a new one; `again` opens the latest once more."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.count = 0
        self.opened = ExitStack()

    def make(self, state: State) -> SqliteStore:
        self.count += 1
        store = self.again()
        filled(store, state)
        return store

    def again(self) -> SqliteStore:
        store = open_store(self.folder / f"{self.count}.db", ROOT_KEY)
        self.opened.callback(store.close)
        return store


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[SqliteStores]:
    stores = SqliteStores(tmp_path)
    with stores.opened:
        yield stores


def _memory(_request: pytest.FixtureRequest) -> MakeStore:
    return MemoryStore


def _sqlite(request: pytest.FixtureRequest) -> MakeStore:
    stores: SqliteStores = request.getfixturevalue("sqlite")
    return stores.make


def _postgres(request: pytest.FixtureRequest) -> MakeStore:
    make: MakeStore = request.getfixturevalue("postgres").make
    return make


STORES: dict[str, Callable[[pytest.FixtureRequest], MakeStore]] = {
    "memory": _memory,
    "sqlite": _sqlite,
    "postgres": _postgres,
}


def after_first_transaction(
    monkeypatch: pytest.MonkeyPatch, database: type, do: Callable[[], object]
) -> None:
    """Do something once, as soon as a database has ended its next transaction."""
    original, left = database.transaction, [do]  # type: ignore[attr-defined]

    @contextmanager
    def transaction(self: object) -> Iterator[object]:
        with original(self) as connection:
            yield connection
        if left:
            left.pop()()

    monkeypatch.setattr(database, "transaction", transaction)
