"""What the SQLite store adds to the contract: files, groups, secrets, damage."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kms import FixedClock, Gate, MemoryStore, Service, State, SystemEntropy
from kms.durable_store import _Task
from kms.root_key import FileRootKey, PassphraseRootKey
from kms.sqlite_store import SqliteDatabase, SqliteStore, open_store, rotate_root_key, steps
from kms.store import DamagedStore, NewerStore, Session, StoreBusy, StoreError, WrongRootKey
from tests.kms_world import ALLOW_ALL, START, World
from tests.store.stores import OTHER_ROOT_KEY, ROOT_KEY, SqliteStores, after_first_transaction
from tests.store.test_contract import event, names, state_of, with_user
from tests.unit.kms.test_records import busy_world, shape

PATIENCE = 20


def rows(path: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def grow(store: SqliteStore, name: str, number: int = 1) -> None:
    with store.session() as session:
        session.commit(with_user(session.state, name), [event(number, session.last_hash)])


# What is kept


def test_everything_is_there_when_it_is_opened_again(sqlite: SqliteStores) -> None:
    state = busy_world().state
    first = sqlite.make(state)
    grow(first, "ada")
    first.close()
    second = sqlite.again()

    assert shape(state_of(second)) == shape(with_user(state, "ada"))
    assert list(second.events()) == [event(1)]
    with second.session() as session:
        assert session.last_hash == event(1).hash


def test_a_ciphertext_opens_after_a_restart(sqlite: SqliteStores) -> None:
    world = World()
    key = world.key()
    services = [
        Service(store, Gate(), FixedClock(START), SystemEntropy())
        for store in (sqlite.make(world.state), sqlite.again())
    ]
    named = {"KeyId": str(key.arn)}
    sealed = services[0].call(world.request("Encrypt", **named, Plaintext=b"note")).unwrap()
    blob = sealed["CiphertextBlob"]
    opened = services[1].call(world.request("Decrypt", CiphertextBlob=blob)).unwrap()

    assert opened["Plaintext"] == b"note"


def test_only_what_changed_is_written(sqlite: SqliteStores) -> None:
    store = sqlite.make(busy_world().state)
    grow(store, "ada")
    grow(store, "bob", 2)

    later = "SELECT kind, revision FROM records WHERE revision > 1 ORDER BY revision"
    assert rows(store.path, later) == [("identity", 2), ("identity", 3)]


def test_a_deleted_key_leaves_its_name_and_nothing_else(sqlite: SqliteStores) -> None:
    """CORE K-111."""
    world = World()
    key = world.key(description="Remarkable")
    store = sqlite.make(world.state)
    with store.session() as session:
        session.commit(session.state.without_key(key), [])
    store._database.checkpoint()  # type: ignore[attr-defined]

    found = rows(store.path, "SELECT name, body, sealed FROM records WHERE kind = 'key'")
    assert found == [(str(key.arn), None, None)]
    assert b"Remarkable" not in store.path.read_bytes()


# Groups


class Doorbell:
    """A lock that says when somebody stands before it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.rung = threading.Semaphore(0)

    def __enter__(self) -> None:
        self.rung.release()
        self.lock.acquire()

    def __exit__(self, *_: object) -> None:
        self.lock.release()


class Group:
    """Callers of one store, all of whom wait while the first one has his turn."""

    def __init__(self, store: SqliteStore, count: int) -> None:
        self.store = store
        self.count = count
        self.bell = Doorbell()
        store._turn = self.bell  # type: ignore[assignment]
        self.first_is_in = threading.Event()

    def first(self) -> None:
        with self.store.session() as session:
            self.first_is_in.set()
            for _ in range(self.count + 1):
                assert self.bell.rung.acquire(timeout=PATIENCE)
            session.commit(with_user(session.state, "first"), [event(0, session.last_hash)])

    def other(self, number: int) -> None:
        self.first_is_in.wait(PATIENCE)
        with self.store.session() as session:
            state = with_user(session.state, f"u{number}")
            session.commit(state, [event(number, session.last_hash)])

    def run(self) -> list[BaseException | None]:
        with ThreadPoolExecutor(self.count + 1) as pool:
            done = [pool.submit(self.first)]
            done += [pool.submit(self.other, number + 1) for number in range(self.count)]
            return [each.exception(PATIENCE) for each in done]


@pytest.fixture
def commits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many commits there were: one entry each."""
    done: list[int] = []
    commit = SqliteDatabase.commit

    def counted(self: SqliteDatabase) -> None:
        commit(self)
        done.append(1)

    monkeypatch.setattr(SqliteDatabase, "commit", counted)
    return done


def test_calls_that_wait_share_one_commit(sqlite: SqliteStores, commits: list[int]) -> None:
    store = sqlite.make(State())

    assert Group(store, 5).run() == [None] * 6
    assert len(commits) == 1
    assert len(names(state_of(store))) == 6
    assert [each.is_intact() for each in store.events()] == [True] * 6


def test_a_call_alone_commits_alone(sqlite: SqliteStores, commits: list[int]) -> None:
    store = sqlite.make(State())
    grow(store, "ada")
    grow(store, "bob", 2)
    state_of(store)

    assert len(commits) == 2


def test_when_a_commit_fails_every_call_of_the_group_fails(
    sqlite: SqliteStores, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = sqlite.make(with_user(State(), "before"))

    def full(_self: SqliteDatabase) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(SqliteDatabase, "commit", full)
        failures = Group(store, 3).run()

    assert [type(each) for each in failures] == [StoreError] * 4
    assert "disk is full" in str(failures[0])
    assert names(state_of(store)) == {"before"}
    assert list(store.events()) == []
    grow(store, "after")
    assert names(state_of(sqlite.again())) == {"before", "after"}


def test_a_full_disk_loses_the_change_and_nothing_else(sqlite: SqliteStores) -> None:
    store = sqlite.make(State())
    grow(store, "ada")
    connection = store._database._open()  # type: ignore[attr-defined]
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")

    def fill() -> None:
        for number in range(200):
            grow(store, f"u{number}", number + 2)

    with pytest.raises(StoreError, match=r"the change was not kept: .*full"):
        fill()

    kept = [each.id for each in store.events()]
    assert len(names(state_of(store))) == len(kept)
    grow(store, "later", 999)
    assert [each.id for each in sqlite.again().events()] == [*kept, "999"]


def test_a_call_that_cannot_be_written_fails_alone(sqlite: SqliteStores) -> None:
    store = sqlite.make(State())
    broken = replace(event(1), parameters={"odd": object()})

    with pytest.raises(TypeError, match="no event may hold object"), store.session() as session:
        session.commit(with_user(session.state, "eve"), [broken])
    grow(store, "ada")

    assert names(state_of(store)) == {"ada"}


def test_whoever_is_interrupted_while_waiting_leaves_nobody_behind(sqlite: SqliteStores) -> None:
    store = sqlite.make(State())

    class Interrupted:
        """A lock whose second visitor is interrupted before he gets in."""

        def __init__(self) -> None:
            self.lock = threading.Lock()
            self.visits = 0
            self.second_waits = threading.Event()

        def __enter__(self) -> None:
            self.visits += 1
            if self.visits == 2:
                self.second_waits.set()
                first_left.wait(PATIENCE)
                raise KeyboardInterrupt
            self.lock.acquire()

        def __exit__(self, *_: object) -> None:
            self.lock.release()
            first_left.set()

    first_left = threading.Event()
    lock = Interrupted()
    store._turn = lock  # type: ignore[assignment]

    def first() -> None:
        with store.session() as session:
            inside.set()
            assert lock.second_waits.wait(PATIENCE)
            session.commit(with_user(session.state, "ada"), [])

    inside = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(first)
        inside.wait(PATIENCE)
        with pytest.raises(KeyboardInterrupt), store.session():
            raise AssertionError("never gets in")
        done.result(PATIENCE)

    assert names(state_of(sqlite.again())) == {"ada"}


# Jobs


class Queue(deque[Any]):
    """A queue that says when somebody joins it."""

    def __init__(self) -> None:
        super().__init__()
        self.joined = threading.Semaphore(0)

    def append(self, each: Any) -> None:
        super().append(each)
        self.joined.release()


class Jobs:
    """Callers whose jobs have to wait, one behind the other, until all of them are there."""

    def __init__(self, store: SqliteStore, jobs: int) -> None:
        self.store = store
        self.jobs = jobs
        self.threads: list[int] = []
        store._tasks = self.queue = Queue()

    def run(self) -> list[BaseException | None]:
        with ThreadPoolExecutor(self.jobs) as pool:
            done = []
            with self.store._turn:
                for number in range(self.jobs):
                    done.append(pool.submit(self.enlist, number))
                    assert self.queue.joined.acquire(timeout=PATIENCE)
            return [each.exception(PATIENCE) for each in done]

    def enlist(self, number: int) -> None:
        def job(session: Session) -> None:
            self.threads.append(threading.get_ident())
            state = with_user(session.state, f"u{number}")
            session.commit(state, [event(number, session.last_hash)])

        self.store.transact(job)


def test_jobs_that_wait_are_done_by_one_thread_in_one_commit(
    sqlite: SqliteStores, commits: list[int]
) -> None:
    store = sqlite.make(State())
    jobs = Jobs(store, 5)

    assert jobs.run() == [None] * 5
    assert len(set(jobs.threads)) == 1
    assert len(commits) == 1
    assert len(names(state_of(store))) == len(store.events()) == 5
    grow(store, "later", 9)  # and nobody is left who leads


def test_more_jobs_than_a_group_holds_are_led_by_one_after_the_other(
    sqlite: SqliteStores, commits: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kms.durable_store.MAX_GROUP", 2)
    store = sqlite.make(State())
    jobs = Jobs(store, 5)

    assert jobs.run() == [None] * 5
    assert len(commits) >= 3
    assert len(set(jobs.threads)) >= 3
    assert len(names(state_of(store))) == 5


def test_when_a_commit_fails_every_job_of_the_group_fails(
    sqlite: SqliteStores, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = sqlite.make(State())

    def full(_self: SqliteDatabase) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(SqliteDatabase, "commit", full)
        failures = Jobs(store, 3).run()

    assert [type(each) for each in failures] == [StoreError] * 3
    assert names(state_of(store)) == set()
    assert Jobs(store, 3).run() == [None] * 3


def test_a_job_that_cannot_begin_says_so_and_the_next_one_can(sqlite: SqliteStores) -> None:
    store = sqlite.make(State())
    hasty = open_store(store.path, ROOT_KEY, patience=0)
    with closing(hasty):
        with store.session(), pytest.raises(StoreBusy):
            hasty.transact(lambda session: session.state)
        assert hasty.transact(lambda session: session.state) == State()


def test_an_interrupted_leader_fails_the_jobs_that_it_had_not_done(
    sqlite: SqliteStores, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = sqlite.make(State())
    run = _Task.run
    calls: list[object] = []

    def interrupted(self: Any, *arguments: Any) -> None:
        calls.append(self)
        if len(calls) == 2:
            raise KeyboardInterrupt
        run(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(_Task, "run", interrupted)
        failures = Jobs(store, 4).run()

    assert type(failures[0]) is KeyboardInterrupt  # the leader, in whose thread it happened
    assert [type(each) for each in failures[1:]] == [StoreError] * 3
    assert names(state_of(store)) == {"u0"}
    assert Jobs(store, 2).run() == [None] * 2


# Several handles on one file: what several processes do


def test_what_another_one_commits_is_seen_by_the_next_session(sqlite: SqliteStores) -> None:
    first, second = sqlite.make(State()), sqlite.again()
    grow(first, "ada")
    grow(second, "bob", 2)
    grow(first, "eve", 3)

    assert names(state_of(second)) == {"ada", "bob", "eve"}
    hashes = [each.previous_hash for each in first.events()]
    assert hashes == ["", *(each.hash for each in list(first.events())[:-1])]


def test_bringing_in_a_change_reads_that_change_alone(
    sqlite: SqliteStores, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = sqlite.make(busy_world().state), sqlite.again()
    state_of(second)
    grow(first, "ada")
    read: list[str] = []
    rows_since = SqliteDatabase.rows_since

    def counted(self: SqliteDatabase, revision: int) -> Any:
        for row in rows_since(self, revision):
            read.append(row.name)
            yield row

    monkeypatch.setattr(SqliteDatabase, "rows_since", counted)
    state_of(second)
    state_of(second)
    assert len(read) == 1

    grow(second, "bob", 2)
    state_of(second)
    assert len(read) == 1  # what it wrote itself it does not read again


def test_a_store_that_others_hold_is_busy_and_unchanged(sqlite: SqliteStores) -> None:
    store = sqlite.make(State())
    hasty = open_store(store.path, ROOT_KEY, patience=0)
    with closing(hasty), store.session() as session:
        with pytest.raises(StoreBusy, match="other processes hold the store"):
            grow(hasty, "eve")
        session.commit(with_user(session.state, "ada"), [])

    assert names(state_of(store)) == {"ada"}


# Files that are something else


def test_another_root_key_does_not_open_it(sqlite: SqliteStores) -> None:
    store = sqlite.make(busy_world().state)

    with pytest.raises(WrongRootKey):
        open_store(store.path, OTHER_ROOT_KEY)
    with pytest.raises(WrongRootKey, match="from the environment, not from a file"):
        open_store(store.path, FileRootKey(sqlite.folder / "root.key"))
    assert not (sqlite.folder / "root.key").exists()


def test_a_newer_schema_is_told_and_left_alone(sqlite: SqliteStores) -> None:
    store = sqlite.make(State())
    newest = len(steps())
    change(store.path, f"PRAGMA user_version = {newest + 1}")
    with pytest.raises(NewerStore, match=f"has version {newest + 1}, and this kmsgate knows"):
        sqlite.again()
    with pytest.raises(NewerStore, match="has been migrated"):
        grow(store, "ada")

    assert rows(store.path, "PRAGMA user_version") == [(newest + 1,)]
    assert rows(store.path, "SELECT * FROM records") == []


def test_an_older_schema_is_brought_up_whole_or_not_at_all(
    sqlite: SqliteStores, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = sqlite.make(busy_world().state)
    state = shape(state_of(store))
    version, path = len(steps()), store.path
    good = "-- One; more.\nCREATE TABLE more (x TEXT DEFAULT ';') STRICT;\n"

    monkeypatch.setattr("kms.sqlite_store.steps", lambda: (*steps(), good, "DROP TABLE absent;"))
    with pytest.raises(StoreError, match="no such table: absent"):
        sqlite.again()
    assert rows(path, "PRAGMA user_version") == [(version,)]
    assert rows(path, "SELECT 1 FROM sqlite_schema WHERE name = 'more'") == []

    monkeypatch.setattr("kms.sqlite_store.steps", lambda: (*steps(), good))
    assert shape(state_of(sqlite.again())) == state
    assert rows(path, "PRAGMA user_version") == [(version + 1,)]
    with pytest.raises(NewerStore, match="meanwhile"):
        grow(store, "ada")  # what had it open before knows the older schema only


def test_another_database_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "1.db"
    change(path, "CREATE TABLE mine (x)")
    before = rows(path, "SELECT sql FROM sqlite_schema")

    with pytest.raises(DamagedStore, match="a database of something else"):
        open_store(path, ROOT_KEY)
    assert rows(path, "SELECT sql FROM sqlite_schema") == before


def test_what_is_no_database_is_told(tmp_path: Path) -> None:
    path = tmp_path / "1.db"
    path.write_bytes(b"a letter to a friend\n" * 500)

    with pytest.raises(DamagedStore, match="file is not a database"):
        open_store(path, ROOT_KEY)
    assert path.read_bytes().startswith(b"a letter")


def test_a_record_that_was_changed_from_outside_is_told(sqlite: SqliteStores) -> None:
    store = sqlite.make(busy_world().state)
    change(store.path, "UPDATE records SET body = replace(body, 'Enabled', 'Disabled')")

    with pytest.raises(DamagedStore, match="the record of key"):
        state_of(sqlite.again())


def test_an_empty_file_becomes_a_store(tmp_path: Path) -> None:
    (tmp_path / "1.db").touch()

    with closing(open_store(tmp_path / "1.db", ROOT_KEY)) as store:
        grow(store, "ada")
        assert len(store.events()) == 1


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(StoreError, match="file"):
        open_store(tmp_path / "file" / "1.db", ROOT_KEY)


def test_a_store_that_could_not_be_made_leaves_nothing(tmp_path: Path) -> None:
    class NoKey(FileRootKey):
        def new(self, entropy: Any, present: Any) -> Any:
            raise StoreError("no key today")

    with pytest.raises(StoreError, match="no key today"):
        open_store(tmp_path / "1.db", NoKey(tmp_path / "root.key"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="modes of files are a matter of POSIX")
def test_the_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "state.db"
    with closing(open_store(path, ROOT_KEY)) as store:
        grow(store, "ada")

        assert path.parent.stat().st_mode & 0o777 == 0o700
        assert {each.stat().st_mode & 0o777 for each in path.parent.iterdir()} == {0o600}


def test_an_event_can_neither_be_changed_nor_removed(sqlite: SqliteStores) -> None:
    store = sqlite.make(State())
    grow(store, "ada")

    for statement in ("UPDATE events SET caller = 'eve'", "DELETE FROM events"):
        with pytest.raises(sqlite3.IntegrityError, match="events are never"):
            change(store.path, statement)


def test_settings_are_those_of_a_store_that_loses_nothing(sqlite: SqliteStores) -> None:
    connection = sqlite.make(State())._database._open()  # type: ignore[attr-defined]

    asked = ("journal_mode", "synchronous", "secure_delete")
    found = [connection.execute(f"PRAGMA {each}").fetchone()[0] for each in asked]
    assert found == ["wal", 2, 1]


# The root key


def test_the_root_key_is_rotated_while_the_store_is_in_use(sqlite: SqliteStores) -> None:
    world = World()
    store = sqlite.make(world.state)
    (before,) = rows(store.path, "SELECT wrapped FROM root_key")
    new = PassphraseRootKey("correct horse", log_n=10)

    assert rotate_root_key(store.path, ROOT_KEY, new) == 2

    with store.session() as session:  # whoever has it open goes on, with new material too
        key = World(seed=5).key()
        session.commit(session.state.with_key(key), [])
    with closing(open_store(store.path, new)) as again:
        assert state_of(again).key(key.arn) == key
    with pytest.raises(WrongRootKey):
        open_store(store.path, ROOT_KEY)
    held = b"".join(each.read_bytes() for each in sqlite.folder.iterdir())
    assert before[0] not in held


def test_a_rotation_that_fails_leaves_the_old_key_in_force(
    sqlite: SqliteStores, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = sqlite.make(State())
    with pytest.raises(WrongRootKey):
        rotate_root_key(store.path, OTHER_ROOT_KEY, ROOT_KEY)
    with pytest.raises(StoreError, match="is the present one"):
        rotate_root_key(store.path, ROOT_KEY, ROOT_KEY)
    with pytest.raises(StoreError, match="there is no store"):
        rotate_root_key(sqlite.folder / "other.db", ROOT_KEY, OTHER_ROOT_KEY)

    assert state_of(sqlite.again()) == State()


@pytest.mark.parametrize("moment", ["COMMIT", "settle", "checkpoint"])
def test_a_rotation_may_be_killed_at_any_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    path, file = tmp_path / "1.db", FileRootKey(tmp_path / "root.key")
    with closing(open_store(path, file)) as store:
        grow(store, "ada")

    class Killed(BaseException):
        pass

    def kill(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        if moment == "COMMIT":
            patch.setattr("kms.sqlite_store._set_wrapped", kill)
        elif moment == "settle":
            patch.setattr(FileRootKey, "settle", kill)
        else:
            patch.setattr(SqliteDatabase, "checkpoint", kill)
        with pytest.raises(Killed):
            rotate_root_key(path, file, file)

    with closing(open_store(path, file)) as store:
        assert names(state_of(store)) == {"ada"}
    rotate_root_key(path, file, file)
    assert len(file.keys({})) == 1
    with closing(open_store(path, file)) as store:
        assert names(state_of(store)) == {"ada"}


def test_two_rotations_at_once_leave_the_key_that_opens_the_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first is overtaken by the second before it forgets the keys that are used no more."""
    path, file = tmp_path / "1.db", FileRootKey(tmp_path / "root.key")
    with closing(open_store(path, file)) as store:
        grow(store, "ada")
    after_first_transaction(monkeypatch, SqliteDatabase, lambda: rotate_root_key(path, file, file))

    assert rotate_root_key(path, file, file) == 2

    assert len(file.keys({})) == 1
    with closing(open_store(path, file)) as store:
        assert names(state_of(store)) == {"ada"}


def test_memory_and_file_hold_the_same_after_the_same_calls(sqlite: SqliteStores) -> None:
    """One world of calls, twice: what differs would be lost by a restart."""
    states = []
    for make in (MemoryStore, sqlite.make):
        world = World(seed=9)
        world.user("ada", ALLOW_ALL)
        store = make(world.state)
        service = Service(store, Gate(), world.clock, world.entropy)
        key = service.call(world.request("CreateKey")).unwrap()["KeyMetadata"]["KeyId"]
        for operation, more in (
            ("CreateAlias", {"AliasName": "alias/a", "TargetKeyId": key}),
            ("DisableKey", {"KeyId": key}),
            ("ScheduleKeyDeletion", {"KeyId": key}),
        ):
            assert service.call(world.request(operation, **more)).error is None
        states.append((shape(state_of(store)), list(store.events())))

    assert states[0] == states[1]
    assert shape(state_of(sqlite.again())) == states[0][0]
