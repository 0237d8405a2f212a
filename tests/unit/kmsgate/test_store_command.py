"""`kmsgate store`: what it says, what it leaves, and how it ends."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from kms.root_key import EnvironmentRootKey, FileRootKey, PassphraseRootKey
from kms.sqlite_store import open_store
from kmsgate.cli import run
from tests.store.test_contract import names, state_of, with_user

KEY = "5a" * 32


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store in the default place of an otherwise empty folder."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / ".kmsgate" / "state.db"
    grown(path, "ada")
    return path


def root_key(path: Path) -> FileRootKey:
    return FileRootKey(path.with_name("root.key"))


def grown(path: Path, name: str) -> None:
    with closing(open_store(path, root_key(path))) as store, store.session() as session:
        session.commit(with_user(session.state, name), [])


def people(path: Path) -> set[str]:
    with closing(open_store(path, root_key(path))) as store:
        return names(state_of(store))


def test_a_backup_is_restored(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["store", "backup", "kept.db"]) == 0
    grown(path, "later")
    assert run(["store", "restore", "kept.db"]) == 2
    assert run(["store", "restore", "kept.db", "--replace"]) == 0

    assert people(path) == {"ada"}
    told = capsys.readouterr()
    assert told.out.splitlines() == [
        "backed up .kmsgate/state.db to kept.db, without its root key",
        "restored .kmsgate/state.db from kept.db",
    ]
    assert told.err == "kmsgate: there is a store at .kmsgate/state.db already\n"


def test_a_backup_is_restored_elsewhere_with_a_key_that_is_named(path: Path) -> None:
    run(["store", "backup", "kept.db"])
    named = ["--store", "new/state.db", "--root-key", "file:.kmsgate/root.key"]

    assert run(["store", "restore", "kept.db", *named]) == 0
    with closing(open_store(Path("new/state.db"), root_key(path))) as store:
        assert names(state_of(store)) == {"ada"}


def test_the_root_key_is_changed_in_its_place(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = path.with_name("root.key").read_text()

    assert run(["store", "rotate-root-key"]) == 0
    assert capsys.readouterr().out == ".kmsgate/state.db has root key 2 now\n"
    assert path.with_name("root.key").read_text() != before
    assert people(path) == {"ada"}


def test_the_root_key_moves_to_the_environment_and_to_a_passphrase(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = partial(PassphraseRootKey, log_n=10)
    monkeypatch.setattr("kmsgate.commands.root_keys.PassphraseRootKey", quick)
    monkeypatch.setenv("THE_KEY", KEY)
    monkeypatch.setenv("KMSGATE_NEW_PASSPHRASE", "correct horse")
    rotate = ["store", "rotate-root-key"]

    assert run([*rotate, "--new-root-key", "env:THE_KEY"]) == 0
    with closing(open_store(path, EnvironmentRootKey("THE_KEY", KEY))) as store:
        assert names(state_of(store)) == {"ada"}
    assert run([*rotate, "--root-key", "env:THE_KEY", "--new-root-key", "passphrase"]) == 0
    monkeypatch.setenv("KMSGATE_PASSPHRASE", "correct horse")
    assert run([*rotate, "--root-key", "passphrase", "--new-root-key", "env:THE_KEY"]) == 0


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["backup", ".kmsgate/state.db"], "exists already"),
        (["backup", "kept.db", "--store", "none.db"], "there is no store at none.db"),
        (["restore", "none.db", "--replace"], "there is no store at none.db"),
        (["rotate-root-key", "--root-key", "env:NOT_SET"], "the variable NOT_SET is not set"),
        (["rotate-root-key", "--root-key", "tape"], "'tape' is no root key"),
        (["rotate-root-key", "--root-key", "file:none.key"], "none.key is missing"),
        (["rotate-root-key", "--new-root-key", "env:SHORT"], "SHORT holds no root key"),
    ],
)
def test_what_cannot_be_done_is_told_and_ends_with_2(
    path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    complaint: str,
) -> None:
    monkeypatch.setenv("SHORT", "abc")

    assert run(["store", *arguments]) == 2
    assert complaint in capsys.readouterr().err
    assert people(path) == {"ada"}


# In PostgreSQL


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["backup", "x.db"], "is not a file"),
        (["restore", "x.db"], "is not a file"),
        (["rotate-root-key"], "no default for the root key"),
    ],
)
def test_what_is_not_done_on_a_server_is_told(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["store", *arguments, "--store", "postgresql://me:secret@host/db"]) == 2

    said = capsys.readouterr().err
    assert told in said
    assert "secret" not in said
