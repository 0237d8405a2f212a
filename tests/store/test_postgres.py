"""What the PostgreSQL store adds to the contract: other processes, root keys, schemas."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import pytest

from kms import State
from kms.root_key import FileRootKey, PassphraseRootKey
from kms.store import NewerStore, Session, StoreBusy, StoreError, WrongRootKey
from kmsgate.cli import run
from tests.store.postgres import PostgresStores
from tests.store.stores import OTHER_ROOT_KEY, ROOT_KEY, after_first_transaction
from tests.store.test_contract import event, names, state_of, with_user
from tests.unit.kms.test_records import busy_world, shape


def grow(store: object, name: str, number: int = 1) -> None:
    with store.session() as session:  # type: ignore[attr-defined]
        session.commit(with_user(session.state, name), [event(number, session.last_hash)])


def test_everything_is_there_when_it_is_opened_again(postgres: PostgresStores) -> None:
    state = busy_world().state
    first = postgres.make(state)
    grow(first, "ada")
    first.close()
    second = postgres.again()

    assert shape(state_of(second)) == shape(with_user(state, "ada"))
    assert list(second.events()) == [event(1)]


def test_what_another_one_commits_is_seen_by_the_next_session(postgres: PostgresStores) -> None:
    first, second = postgres.make(State()), postgres.again()
    grow(first, "ada")
    grow(second, "bob", 2)
    grow(first, "eve", 3)

    assert names(state_of(second)) == {"ada", "bob", "eve"}
    hashes = [each.previous_hash for each in first.events()]
    assert hashes == ["", *(each.hash for each in list(first.events())[:-1])]


def test_a_store_that_others_hold_is_busy_and_unchanged(postgres: PostgresStores) -> None:
    store = postgres.make(State())
    hasty = postgres.again(patience=0.05)
    with store.session() as session:
        with pytest.raises(StoreBusy, match="other processes hold the store"):
            grow(hasty, "eve")
        session.commit(with_user(session.state, "ada"), [])

    assert names(state_of(hasty)) == {"ada"}


def test_the_root_key_is_rotated_while_the_store_is_in_use(postgres: PostgresStores) -> None:
    from kms.postgres_store import rotate_root_key

    store = postgres.make(busy_world().state)
    new = PassphraseRootKey("correct horse", log_n=10)
    with pytest.raises(WrongRootKey):
        postgres.again(root=OTHER_ROOT_KEY)

    assert rotate_root_key(postgres.dsn, ROOT_KEY, new, schema=postgres.schema) == 2

    grow(store, "ada")
    assert "ada" in names(state_of(postgres.again(root=new)))
    with pytest.raises(WrongRootKey):
        postgres.again()


def test_two_rotations_at_once_leave_the_key_that_opens_the_store(
    postgres: PostgresStores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kms.postgres_store import PostgresDatabase, rotate_root_key

    file = FileRootKey(tmp_path / "root.key")
    postgres.make(State())
    rotate_root_key(postgres.dsn, ROOT_KEY, file, schema=postgres.schema)
    after_first_transaction(
        monkeypatch,
        PostgresDatabase,
        lambda: rotate_root_key(postgres.dsn, file, file, schema=postgres.schema),
    )

    assert rotate_root_key(postgres.dsn, file, file, schema=postgres.schema) == 3

    assert len(file.keys({})) == 1
    assert state_of(postgres.again(root=file)) == State()


def test_a_newer_schema_is_told_and_left_alone(postgres: PostgresStores) -> None:
    store = postgres.make(State())
    postgres.execute(f"UPDATE {postgres.schema}.store SET version = 99")  # noqa: S608

    with pytest.raises(NewerStore, match="has version 99"):
        postgres.again()
    with pytest.raises(NewerStore, match="has been migrated to version 99"):
        grow(store, "ada")


@pytest.mark.parametrize(
    "statement", ["UPDATE {}.events SET caller = 'eve'", "DELETE FROM {}.events"]
)
def test_an_event_can_neither_be_changed_nor_removed(
    postgres: PostgresStores, statement: str
) -> None:
    import psycopg

    grow(postgres.make(State()), "ada")

    with pytest.raises(psycopg.Error, match="never changed or removed"):
        postgres.execute(statement.format(postgres.schema))


def test_a_connection_that_was_lost_loses_one_change_and_is_made_again(
    postgres: PostgresStores,
) -> None:
    store = postgres.make(State())
    pid = store._database._connection.info.backend_pid  # type: ignore[attr-defined]

    def lose(session: Session) -> None:
        session.commit(with_user(session.state, "ada"), [event(1)])
        postgres.execute(f"SELECT pg_terminate_backend({pid})")

    with pytest.raises(StoreError, match="was not kept"):
        store.transact(lose)
    grow(store, "bob")

    assert names(state_of(store)) == {"bob"}


def test_a_server_that_is_not_there_is_told() -> None:
    postgres_store = pytest.importorskip("kms.postgres_store", exc_type=ImportError)

    with pytest.raises(StoreError):
        postgres_store.open_store("host=/nowhere dbname=x", ROOT_KEY)


def test_the_root_key_of_a_store_on_a_server_is_rotated(
    postgres_dsn: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if "KMSGATE_POSTGRES" in os.environ:
        pytest.skip("the command works in the schema `kmsgate`, which may be somebody's")
    from kms import postgres_store

    root = FileRootKey(tmp_path / "root.key")
    with (
        closing(postgres_store.open_store(postgres_dsn, root)) as store,
        store.session() as session,
    ):
        session.commit(with_user(session.state, "ada"), [])
    key = f"file:{tmp_path / 'root.key'}"

    assert run(["store", "rotate-root-key", "--store", postgres_dsn, "--root-key", key]) == 0

    assert capsys.readouterr().out == "the store in PostgreSQL has root key 2 now\n"
    with closing(postgres_store.open_store(postgres_dsn, root)) as store:
        assert names(state_of(store)) == {"ada"}
