"""Backups: taken and put back while the store is in use."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from kms import State
from kms.root_key import PassphraseRootKey
from kms.sqlite_backup import back_up, restore
from kms.sqlite_store import open_store, rotate_root_key
from kms.store import DamagedStore, NewerStore, StoreError, WrongRootKey
from tests.store.stores import OTHER_ROOT_KEY, ROOT_KEY, SqliteStores
from tests.store.test_contract import event, names, state_of
from tests.store.test_sqlite import change, grow
from tests.unit.kms.test_records import busy_world, shape


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "kept" / "backup.db"


def test_a_backup_is_a_store_with_everything_in_it(sqlite: SqliteStores, target: Path) -> None:
    store = sqlite.make(busy_world().state)
    grow(store, "ada")
    back_up(store.path, target)
    grow(store, "later", 2)

    with closing(open_store(target, ROOT_KEY)) as copy:
        assert "ada" in names(state_of(copy))
        assert "later" not in names(state_of(copy))
        assert list(copy.events()) == [event(1)]
    with pytest.raises(WrongRootKey):
        open_store(target, OTHER_ROOT_KEY)


def test_a_backup_is_one_file_for_its_owner(sqlite: SqliteStores, target: Path) -> None:
    back_up(sqlite.make(State()).path, target)

    assert [each.name for each in target.parent.iterdir()] == ["backup.db"]
    if os.name == "posix":
        assert target.stat().st_mode & 0o777 == 0o600


def test_a_backup_overwrites_nothing(sqlite: SqliteStores, target: Path) -> None:
    store = sqlite.make(State())
    target.parent.mkdir()
    target.write_text("a letter")

    with pytest.raises(StoreError, match="exists already"):
        back_up(store.path, target)
    assert target.read_text() == "a letter"
    with pytest.raises(StoreError, match="there is no store"):
        back_up(sqlite.folder / "none.db", sqlite.folder / "kept.db")
    assert not (sqlite.folder / "kept.db").exists()


def test_a_backup_is_put_where_there_is_no_store(sqlite: SqliteStores, target: Path) -> None:
    state = busy_world().state
    back_up(sqlite.make(state).path, target)
    path = sqlite.folder / "new" / "state.db"

    restore(target, path, ROOT_KEY)

    with closing(open_store(path, ROOT_KEY)) as store:
        assert shape(state_of(store)) == shape(state)
    assert {each.name for each in path.parent.iterdir()} == {"state.db"}


def test_a_store_in_use_is_put_back_to_what_it_was(sqlite: SqliteStores, target: Path) -> None:
    first, second = sqlite.make(State()), sqlite.again()
    grow(first, "ada")
    back_up(first.path, target)
    for number in range(4):
        grow(second, f"later{number}", number + 2)
    with pytest.raises(StoreError, match="there is a store at"):
        restore(target, first.path, ROOT_KEY)
    assert len(names(state_of(first))) == 5

    restore(target, first.path, ROOT_KEY, replace=True)

    for store in (first, second):
        assert names(state_of(store)) == {"ada"}
    grow(second, "bob", 2)
    assert names(state_of(first)) == {"ada", "bob"}
    previous = [each.previous_hash for each in first.events()]
    assert previous == ["", event(1).hash]
    assert sorted(each.name for each in sqlite.folder.iterdir() if each.name.endswith(".new")) == []


def test_only_a_backup_of_the_same_store_replaces_it(sqlite: SqliteStores, target: Path) -> None:
    back_up(sqlite.make(State()).path, target)
    other = sqlite.make(State())
    grow(other, "ada")

    with pytest.raises(StoreError, match="is no backup of the store"):
        restore(target, other.path, ROOT_KEY, replace=True)
    assert names(state_of(other)) == {"ada"}


def test_a_backup_needs_the_root_key_of_its_time(sqlite: SqliteStores, target: Path) -> None:
    store = sqlite.make(State())
    back_up(store.path, target)
    new = PassphraseRootKey("correct horse", log_n=10)
    rotate_root_key(store.path, ROOT_KEY, new)

    with pytest.raises(WrongRootKey):
        restore(target, sqlite.folder / "new.db", new)
    assert not (sqlite.folder / "new.db").exists()
    restore(target, sqlite.folder / "new.db", ROOT_KEY)


def test_what_is_damaged_newer_or_no_store_is_not_put_back(
    sqlite: SqliteStores, target: Path
) -> None:
    store = sqlite.make(busy_world().state)
    path = sqlite.folder / "new.db"
    back_up(store.path, target)
    whole = target.read_bytes()

    target.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DamagedStore):
        restore(target, path, ROOT_KEY)
    target.write_bytes(b"a letter to a friend\n" * 500)
    with pytest.raises(DamagedStore):
        restore(target, path, ROOT_KEY)
    target.write_bytes(whole)
    change(target, "PRAGMA user_version = 99")
    with pytest.raises(NewerStore):
        restore(target, path, ROOT_KEY)
    target.unlink()
    with closing(sqlite3.connect(target)) as connection:
        connection.execute("CREATE TABLE mine (x)")
    with pytest.raises(DamagedStore, match="something else"):
        restore(target, path, ROOT_KEY)
    with pytest.raises(StoreError, match="there is no store"):
        restore(sqlite.folder / "none.db", path, ROOT_KEY)
    assert not path.exists()
    assert not list(sqlite.folder.glob("*.new*"))
