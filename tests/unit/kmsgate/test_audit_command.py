"""`kmsgate audit` as people and programs see it: folders, filters, broken chains, exit codes."""

from __future__ import annotations

import gzip
import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from kms.audit import entries, record
from kms.root_key import FileRootKey
from kms.sqlite_store import SqliteStore, open_store
from kms.trail import EventSource
from kmsgate import log_files
from kmsgate.cli import run
from kmsgate.log_files import LogFiles, write_log
from tests.kms_world import ACCOUNT, ALLOW_ALL, OTHER, World, document, key_statement

LAST = "2026-03-01T08:00:03Z"


@pytest.fixture
def world() -> World:
    """A world with five events: an owner reads of a stranger, and somebody was denied."""
    made = World()
    key = made.key(policy=document(key_statement(principal={"AWS": [ACCOUNT, OTHER]})))
    made.do("Encrypt", KeyId=key.id, Plaintext=b"x")
    made.refused("DescribeKey", made.user("bob"), KeyId=key.id)
    made.advance(seconds=3)
    far = made.user("far", ALLOW_ALL, account=OTHER)
    made.do("Encrypt", far, KeyId=str(key.arn), Plaintext=b"x")
    made.do("ListKeys")
    return made


@pytest.fixture
def logs(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of log files, and the place where commands run."""
    monkeypatch.chdir(tmp_path)
    write_log(entries(world.events), tmp_path / "logs")
    return tmp_path / "logs"


Told = Callable[..., tuple[int, str, str]]


@pytest.fixture
def audit(capsys: pytest.CaptureFixture[str]) -> Told:
    def told(*arguments: str) -> tuple[int, str, str]:
        code = run(["audit", *arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return told


def file_of(logs: Path, account: str) -> Path:
    (found,) = (logs / "AWSLogs" / account).rglob("*.json.gz")
    return found


def rewrite(path: Path, change: Callable[[str], str]) -> None:
    path.write_bytes(gzip.compress(change(gzip.decompress(path.read_bytes()).decode()).encode()))


# list


def test_events_are_listed_one_a_line(logs: Path, world: World, audit: Told) -> None:
    key = f"key/{world.events[0].resources[0].rpartition('/')[2]}"

    code, out, _ = audit("list", str(logs))

    assert code == 0
    assert out.splitlines() == [
        f"2026-03-01T08:00:00Z  Encrypt      ok            user/admin    {key}",
        f"2026-03-01T08:00:00Z  DescribeKey  AccessDenied  user/bob      {key}",
        f"2026-03-01T08:00:03Z  Encrypt      ok            user/far      {key}",
        f"2026-03-01T08:00:03Z  Encrypt      ok            {OTHER}  {key}",
        "2026-03-01T08:00:03Z  ListKeys     ok            user/admin    -",
        "5 events",
    ]


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        (["--operation", "Encrypt"], 3),
        (["--operation", "Encrypt", "--account", OTHER], 1),
        (["--caller", f"arn:aws:iam::{ACCOUNT}:user/bob"], 1),
        (["--error", "AccessDenied"], 1),
        (["--since", LAST], 3),
        (["--until", LAST], 2),
        (["--since", "2027"], 0),
        (["--region", "eu-west-1"], 5),
        (["--region", "us-east-1"], 0),
        (["--key", "alias/none"], 0),
        (["--limit", "2"], 2),
    ],
)
def test_filters_leave_what_fits_all_of_them(
    logs: Path, audit: Told, filters: list[str], count: int
) -> None:
    code, out, _ = audit("list", str(logs), *filters, "--format", "json")

    assert code == 0
    assert len(json.loads(out)["Records"]) == count
    noun = "event" if count == 1 else "events"
    assert audit("list", str(logs), *filters)[1].splitlines()[-1] == f"{count} {noun}"


def test_a_key_is_found_by_its_id(logs: Path, world: World, audit: Told) -> None:
    name = world.events[0].resources[0].rpartition("/")[2]

    assert audit("list", str(logs), "--key", name)[1].endswith("4 events\n")


def test_listed_as_json_it_is_a_log_file_again(logs: Path, world: World, audit: Told) -> None:
    _, out, _ = audit("list", str(logs), "--format", "json")
    Path("again.json").write_text(out, encoding="utf-8")

    assert json.loads(out) == {"Records": [record(event) for event in world.events]}
    assert audit("list", "again.json", "--format", "json")[1] == out


def test_json_lines_are_read_too(world: World, tmp_path: Path, audit: Told) -> None:
    path = tmp_path / "events.jsonl"
    lines = [json.dumps(record(event)) for event in world.events]
    path.write_text("\n\n".join(lines), encoding="utf-8")

    assert audit("list", str(path))[1].endswith("5 events\n")


def test_what_a_name_would_do_to_a_terminal_it_does_not(
    world: World, tmp_path: Path, audit: Told
) -> None:
    path = tmp_path / "odd.json"
    odd = {**record(world.events[0]), "eventName": "\x1b[31mred\nline"}
    path.write_text(json.dumps({"Records": [odd]}), encoding="utf-8")

    _, out, _ = audit("list", str(path))

    assert "\x1b" not in out
    assert len(out.splitlines()) == 2


# verify


def test_a_whole_chain_tells_its_last_hash(logs: Path, world: World, audit: Told) -> None:
    last = world.events[-1].hash

    assert audit("verify", str(logs)) == (0, f"whole: 5 events; the last hash is {last}\n", "")
    assert audit("verify", str(logs), "--last", last)[0] == 0
    assert audit("verify", str(logs), "--last", world.events[1].hash)[0] == 0


def test_a_changed_event_is_named_with_its_place(logs: Path, world: World, audit: Told) -> None:
    path = file_of(logs, OTHER)
    rewrite(path, lambda text: text.replace("user/far", "user/bar"))

    code, out, _ = audit("verify", str(logs))

    assert code == 1
    assert out.splitlines() == [
        "broken at event 3: the event was changed",
        f"  Encrypt {world.events[2].id} in {path}, record 1",
    ]


def test_a_log_file_that_is_gone_is_noticed(logs: Path, world: World, audit: Told) -> None:
    file_of(logs, OTHER).unlink()

    code, out, _ = audit("verify", str(logs))

    assert code == 1
    assert out.splitlines() == [
        "broken at event 3: the record of the event is missing",
        f"  {world.events[2].id}",
    ]
    assert audit("list", str(logs))[1].endswith("4 events\n")


def test_an_end_that_is_cut_off_is_noticed_by_who_noted_the_last_hash(
    logs: Path, world: World, audit: Told
) -> None:
    lines = (logs / "chain.jsonl").read_text().splitlines(keepends=True)
    (logs / "chain.jsonl").write_text("".join(lines[:-1]))
    rewrite(file_of(logs, ACCOUNT), _without_last)

    assert audit("verify", str(logs))[0] == 0
    code, out, _ = audit("verify", str(logs), "--last", world.events[-1].hash)
    assert code == 1
    assert out == f"broken: no event has the hash {world.events[-1].hash}\n"


def _without_last(text: str) -> str:
    return json.dumps({"Records": json.loads(text)["Records"][:-1]})


def test_without_a_chain_nothing_can_be_said(logs: Path, audit: Told) -> None:
    (logs / "chain.jsonl").rename(logs.parent / "kept.jsonl")

    code, _, err = audit("verify", str(logs))
    assert code == 2
    assert err.startswith(f"kmsgate: there is no chain of hashes with {logs}\n")
    assert audit("verify", str(logs), "--chain", "kept.jsonl")[0] == 0


def test_a_log_without_events_is_whole(tmp_path: Path, audit: Told) -> None:
    (tmp_path / "chain.jsonl").write_text("")

    assert audit("verify", str(tmp_path))[1] == "whole: 0 events; the last hash is none\n"


# export


def test_what_is_exported_is_what_was_read(logs: Path, audit: Told) -> None:
    code, out, _ = audit("export", str(logs), "--output", "copy")

    assert (code, out) == (0, "3 files in copy\n")
    names = sorted(path.relative_to(logs) for path in logs.rglob("*"))
    assert names == sorted(path.relative_to("copy") for path in Path("copy").rglob("*"))
    for name in names:
        if (logs / name).is_file():
            assert (logs / name).read_bytes() == Path("copy", name).read_bytes()
    assert audit("verify", "copy")[0] == 0


def test_a_broken_log_stays_broken(logs: Path, audit: Told) -> None:
    file_of(logs, OTHER).unlink()

    assert audit("export", str(logs), "--output", "copy")[0] == 0
    assert audit("verify", "copy")[0] == 1


def test_nothing_is_written_over(logs: Path, audit: Told) -> None:
    code, _, err = audit("export", str(logs), "--output", str(logs))

    assert (code, err.splitlines()[0]) == (2, f"kmsgate: {logs} is there already")
    Path("empty").mkdir()
    assert audit("export", str(logs), "--output", "empty")[0] == 0


# What cannot be read


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.json", b"{", "x.json is not JSON"),
        ("x.json", b"[" * 100_000, "x.json is not JSON"),
        ("x.json", b"[]", "x.json is no log file"),
        ("x.json", b'{"Records": {}}', "x.json is no log file"),
        ("x.json", b'{"Records": [1]}', "x.json, record 1 is not an object"),
        ("x.jsonl", b"{}\n{", "x.jsonl:2 is not JSON"),
        ("x.json.gz", b"\x1f\x8bnonsense", "x.json.gz is no gzip file"),
        (
            "x.json.gz",
            gzip.compress(b"{}", mtime=0)[:-3],
            "x.json.gz does not end where its data end",
        ),
        (
            "x.json.gz",
            gzip.compress(b"{}", mtime=0) * 2,
            "x.json.gz does not end where its data end",
        ),
        ("x.json", b"{" + b" " * 200 + b"}", "x.json has more than 0 MiB"),
        ("x.json.gz", gzip.compress(b" " * 200, mtime=0), "x.json.gz has more than 0 MiB"),
        (
            "x.json",
            b'{"Records": [{"eventSource": "kms.amazonaws.com", "eventTime": 3}]}',
            "x.json: eventTime is not a text",
        ),
    ],
)
def test_what_is_no_log_is_told_with_its_place(
    name: str,
    content: bytes,
    message: str,
    tmp_path: Path,
    audit: Told,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    if "0 MiB" in message:
        monkeypatch.setattr(log_files, "MAX_BYTES", 100)
    Path(name).write_bytes(content)

    code, _, err = audit("list", name)

    assert (code, err.splitlines()[0]) == (2, f"kmsgate: {message}")


def test_what_is_not_there_is_told(tmp_path: Path, audit: Told) -> None:
    gone = tmp_path / "gone"

    assert audit("list", str(gone))[2] == f"kmsgate: no such file or folder: {gone}\n"
    assert (
        audit("list", str(tmp_path), "--chain", str(gone))[2] == f"kmsgate: no such file: {gone}\n"
    )


@pytest.mark.parametrize("option", ["--since", "--until"])
def test_what_is_no_time_is_told(option: str, logs: Path, audit: Told) -> None:
    code, _, err = audit("list", str(logs), option, "soon")

    assert (code, err) == (
        2,
        f"kmsgate: {option}: 'soon' is not a time such as 2026-01-05T09:00:00Z\n",
    )


def test_a_folder_of_logs_is_a_source_of_events(logs: Path, world: World) -> None:
    source: EventSource = LogFiles(logs)

    assert [entry.event for entry in source.entries()] == world.events


def test_hidden_files_and_other_files_are_passed_over(logs: Path, audit: Told) -> None:
    (logs / ".hidden.json").write_text("{")
    (logs / "notes.txt").write_text("{")
    (logs / ".git").mkdir()
    (logs / ".git" / "x.json").write_text("{")

    assert audit("list", str(logs))[1].endswith("5 events\n")


# Stores


@pytest.fixture
def store(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SqliteStore]:
    """A store that is in use, with the events of the world."""
    monkeypatch.chdir(tmp_path)
    with closing(open_store(tmp_path / "state.db", FileRootKey(tmp_path / "root.key"))) as opened:
        with opened.session() as session:
            session.commit(session.state, world.events)
        yield opened


def test_the_events_of_a_store_are_those_of_its_log_files(
    store: SqliteStore, logs: Path, audit: Told
) -> None:
    assert audit("list", "state.db") == audit("list", str(logs))
    assert audit("verify", "state.db") == audit("verify", str(logs))
    audit("export", "state.db", "--output", "out")
    written = {each.relative_to(logs): each.read_bytes() for each in logs.rglob("*.json*")}
    assert written
    out = Path("out")
    assert {each.relative_to(out): each.read_bytes() for each in out.rglob("*.json*")} == written


def test_a_changed_event_of_a_store_is_named_with_its_number(
    store: SqliteStore, audit: Told
) -> None:
    with closing(sqlite3.connect(store.path)) as connection:
        connection.execute("DROP TRIGGER IF EXISTS events_stay")
        connection.execute("UPDATE events SET text = replace(text, 'bob', 'eve') WHERE number = 2")
        connection.commit()

    code, out, _ = audit("verify", "state.db")

    assert code == 1
    assert out.splitlines()[0] == "broken at event 2: the event was changed"
    assert out.splitlines()[1].endswith("in state.db, event 2")


def test_a_damaged_store_is_told(store: SqliteStore, audit: Told) -> None:
    with closing(sqlite3.connect(store.path)) as connection:
        connection.execute("DROP TRIGGER IF EXISTS events_stay")
        connection.execute("UPDATE events SET text = '[' WHERE number = 2")
        connection.commit()

    code, _, err = audit("list", "state.db")

    assert (code, err) == (2, "kmsgate: state.db: an event cannot be read\n")
