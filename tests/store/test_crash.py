"""A few rounds of `make crash`, and a check that it would notice what it looks for."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.crash import Broken, Place, check, prepare, run, service_on, told

ROUNDS = 4


def test_what_was_acknowledged_survives_being_killed(tmp_path: Path) -> None:
    *_, last = run(Place(tmp_path), ROUNDS, seed=7)

    assert last.endswith(f"of {ROUNDS} rounds are all there")


def test_what_was_acknowledged_survives_on_a_server_too(tmp_path: Path, postgres_dsn: str) -> None:
    *_, last = run(Place(tmp_path, postgres_dsn), ROUNDS, seed=7)

    assert last.endswith(f"of {ROUNDS} rounds are all there")


def lost(table: str, condition: str) -> Callable[[Path], None]:
    def lose(path: Path) -> None:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("DROP TRIGGER events_remain")
            connection.execute(f"DELETE FROM {table} WHERE {condition}")  # noqa: S608
            connection.commit()

    return lose


@pytest.mark.parametrize(
    ("table", "condition"),
    [
        ("events", "operation = 'DescribeKey'"),
        ("events", "operation = 'Encrypt'"),
        ("events", "operation = 'CreateAlias'"),
        ("records", "kind = 'key'"),
        ("records", "kind = 'alias'"),
        ("records", "kind = 'grant'"),
    ],
)
def test_a_loss_is_noticed(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    table: str,
    condition: str,
) -> None:
    place = Place(tmp_path)
    prepare(place)
    replies: list[dict[str, object]] = []
    monkeypatch.setattr("tests.crash.say", replies.append)
    with closing(place.opened()) as store:
        service = service_on(store)
        key = told(service, "CreateKey")["KeyMetadata"]["Arn"]
        told(service, "CreateAlias", AliasName="alias/a", TargetKeyId=key)
        told(service, "TagResource", KeyId=key, Tags=[{"TagKey": "a", "TagValue": "x"}])
        told(
            service, "CreateGrant",
            KeyId=key, GranteePrincipal="111122223333", Operations=["Decrypt"],
        )  # fmt: skip
        told(service, "DescribeKey", KeyId=key)
        told(service, "Encrypt", KeyId=key, Plaintext=b"x")
    assert check(place, replies) == 6

    lost(table, condition)(tmp_path / "state.db")
    with pytest.raises(Broken):
        check(place, replies)
