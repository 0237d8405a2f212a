"""`kmsgate fmt`: files are set in place, whole or not at all, and only those that are JSON."""

from __future__ import annotations

import io
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from kmsgate.cli import run

LOOSE = '{"Statement":[],"Version":"2012-10-17"}'
SET = '{\n  "Version": "2012-10-17",\n  "Statement": []\n}\n'


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("loose.json").write_text(LOOSE)
    Path("set.json").write_text(SET)
    return tmp_path


def test_files_are_set_in_place_and_nothing_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    Path("loose.json").chmod(0o640)
    before = Path("set.json").stat()

    assert run(["fmt", "."]) == 0

    assert capsys.readouterr() == ("", "")
    assert Path("loose.json").read_text() == SET
    assert Path("loose.json").stat().st_mode & 0o777 == 0o640
    after = Path("set.json").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert sorted(path.name for path in Path().iterdir()) == ["loose.json", "set.json"]


def test_a_check_names_what_would_change_and_changes_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["fmt", "--check", "."]) == 1
    assert capsys.readouterr().out == "loose.json would be set otherwise\n"
    assert Path("loose.json").read_text() == LOOSE

    assert run(["fmt", "--check", "set.json"]) == 0
    assert capsys.readouterr().out == ""


def test_a_difference_is_shown_and_nothing_is_changed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["fmt", "--diff", "."]) == 1
    out = capsys.readouterr().out
    assert out.startswith(f"--- loose.json\n+++ loose.json\n@@ -1 +1,5 @@\n-{LOOSE}\n+{{\n")
    assert Path("loose.json").read_text() == LOOSE

    assert run(["fmt", "--diff", "set.json"]) == 0


def test_standard_input_goes_to_standard_output(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(LOOSE.encode())))

    assert run(["fmt", "-"]) == 0
    assert capsys.readouterr().out == SET


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"Statement": [],}', "a.json:1:17: trailing comma before '}'"),
        ("{'Statement': []}", "a.json:1:2: a single-quoted string is not allowed in JSON"),
        ("", "a.json:1:1: syntax error: "),
    ],
)
def test_where_one_text_is_no_json_no_file_is_changed(
    text: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("a.json").write_text(text)

    assert run(["fmt", "loose.json", "a.json"]) == 2

    assert capsys.readouterr().err.startswith(f"kmsgate: {told}")
    assert Path("loose.json").read_text() == LOOSE


def test_what_lint_would_complain_of_is_set_as_well() -> None:
    Path("odd.json").write_text('{"Statemet": [1, {"Effect": "maybe", "Sid": 3}], "Statemet": 2}')

    assert run(["fmt", "odd.json"]) == 0

    again = json.loads(Path("odd.json").read_text(), object_pairs_hook=lambda pairs: pairs)
    assert [name for name, _ in again] == ["Statemet", "Statemet"]


def test_a_file_that_is_not_there_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["fmt", "nowhere.json"]) == 2
    assert capsys.readouterr().err == "kmsgate: no such file or folder: nowhere.json\n"
