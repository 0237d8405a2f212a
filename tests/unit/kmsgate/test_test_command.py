"""`kmsgate test` as people and programs see it: inputs, layouts, exit codes, terminals."""

# ruff: noqa: E501  (a row of a table, or of a scenario, stays on its line)

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from kmsgate.cli import run
from tests.scenario_text import suite_text

GOOD = suite_text("- {call: ListKeys, as: root}")
FAILING = suite_text("- {call: ListKeys, as: root, expect: deny}")
BROKEN = "version: 1\nstry: x\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, and the place where commands run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NO_COLOR", raising=False)
    return tmp_path


def write(**files: str) -> None:
    """Write scenario files; `__` in a name stands for a slash."""
    for name, text in files.items():
        path = Path(f"{name.replace('__', '/')}.scenario.yaml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def without_times(text: str) -> str:
    return re.sub(r" +[0-9]+\.[0-9]{2} s", " TIME", text)


def kmsgate(
    *arguments: str, environment: Mapping[str, str] | None = None, stdout: int = subprocess.PIPE
) -> subprocess.CompletedProcess[bytes]:
    """Run the command as a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "kmsgate", *arguments],
        stdout=stdout,
        stderr=subprocess.PIPE,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3]), **(environment or {})},
        timeout=60,
    )


# Exit codes


@pytest.mark.parametrize(
    ("names", "code"),
    [
        (["good"], 0),
        (["failing"], 1),
        (["good", "failing"], 1),
        (["broken"], 2),
        (["good", "broken"], 2),
        (["failing", "broken"], 2),
    ],
)
def test_the_exit_code_tells_what_became_of_it(names: list[str], code: int, folder: Path) -> None:
    write(good=GOOD, failing=FAILING, broken=BROKEN)

    assert run(["test", *(f"{name}.scenario.yaml" for name in names)]) == code


def test_a_file_that_cannot_be_used_goes_to_standard_error_only(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(a=BROKEN, b=GOOD)

    assert run(["test", "."]) == 2
    out, err = capsys.readouterr()
    assert err.splitlines()[-2:] == [
        "a.scenario.yaml:2:1: unknown field 'stry' in a scenario file",
        "help: did you mean 'story'?",
    ]
    assert without_times(out).splitlines()[1:] == [
        "1 test: 1 passed, 1 file could not be read in TIME"
    ]


def test_failures_are_shown_below_all_files(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(a=FAILING, b=GOOD)

    assert run(["test", "a.scenario.yaml", "b.scenario.yaml"]) == 1
    lines = without_times(capsys.readouterr().out).splitlines()
    assert [line.split(" ")[0] for line in lines[:2]] == ["a.scenario.yaml", "b.scenario.yaml"]
    assert lines[2:4] == ["", "FAILED a.scenario.yaml:24:44: t"]
    assert lines[-2:] == ["", "2 tests: 1 passed, 1 failed in TIME"]


# Which files, which tests


def test_folders_are_searched_in_order_hidden_ones_left_out(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(z=GOOD, a__b=GOOD, a__c__d=GOOD, __hidden=GOOD)
    for name in (".git", "a/.cache"):
        Path(name).mkdir()
        Path(name, "x.scenario.yaml").write_text(BROKEN, encoding="utf-8")
    Path("a/other.yaml").write_text(BROKEN, encoding="utf-8")
    Path("hidden.scenario.yaml").unlink(missing_ok=True)

    assert run(["test", "."]) == 0
    names = [line.split(" ")[0] for line in capsys.readouterr().out.splitlines()[:-1]]
    assert names == ["a/b.scenario.yaml", "a/c/d.scenario.yaml", "z.scenario.yaml"]


def test_a_file_that_is_named_twice_runs_once(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(a=GOOD)

    assert run(["test", "a.scenario.yaml", ".", "./a.scenario.yaml"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("1 test: 1 passed")


def test_a_file_need_not_have_the_ending_to_be_run(folder: Path) -> None:
    Path("mine.yaml").write_text(GOOD, encoding="utf-8")

    assert run(["test", "mine.yaml"]) == 0


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        ([], ["kmsgate: no scenario files given", "help: name files that end in .scenario.yaml, or a folder"]),
        (["nowhere"], ["kmsgate: no such file or folder: nowhere"]),
        (["empty"], ["kmsgate: no *.scenario.yaml below 'empty'"]),
        (["a.scenario.yaml", "-k", "zzz"], ["kmsgate: no test has 'zzz' in its name"]),
        (["--color", "red"], ["kmsgate test: Invalid value for '--color': 'red' is not one of 'auto', 'always', 'never'.", "help: kmsgate test --help"]),
    ],
)  # fmt: skip
def test_wrong_usage_says_so_and_prints_no_results(
    arguments: list[str], lines: list[str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(a=GOOD)
    Path("empty").mkdir()

    assert run(["test", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == lines


def test_words_choose_tests_by_file_and_name_whatever_their_case(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(apples=GOOD.replace("name: t", "name: Red"), pears=GOOD)

    for words, count in (("red", 1), ("APPLES", 1), ("scenario.yaml::", 2), ("pears.scenario", 1)):
        assert run(["test", ".", "-k", words]) == 0
        tests = "test" if count == 1 else "tests"
        last = capsys.readouterr().out.splitlines()[-1]
        assert last.startswith(f"{count} {tests}: {count} passed in ")


def test_the_scenarios_that_come_with_the_command_pass(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["test", "--bundled", "-q"]) == 0
    assert re.fullmatch(r"[0-9]+ tests: [0-9]+ passed in .*\n", capsys.readouterr().out)


def test_quiet_leaves_failures_and_the_last_line(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(a=FAILING, b=GOOD)

    assert run(["test", "-q", "."]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["", "FAILED a.scenario.yaml:24:44: t"]
    assert lines[-1].startswith("2 tests: 1 passed, 1 failed in ")


def test_json_holds_results_and_mistakes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(a=FAILING, b=GOOD, c=BROKEN)

    assert run(["test", "--format", "json", "."]) == 2
    told = json.loads(capsys.readouterr().out)
    assert (told["passed"], told["failed"]) == (1, 1)
    assert [file["path"] for file in told["files"]] == ["a.scenario.yaml", "b.scenario.yaml"]
    assert told["files"][0]["tests"][0]["failures"] == [
        {
            "place": "a.scenario.yaml:24:44",
            "title": "",
            "message": "expected deny, decision is allow",
        }
    ]
    assert told["errors"][-1] == {
        "place": "c.scenario.yaml:2:1",
        "code": None,
        "message": "unknown field 'stry' in a scenario file",
        "help": "did you mean 'story'?",
        "notes": [],
    }


# Terminals


def test_user_text_with_escapes_never_reaches_the_terminal_raw(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evil = '"\\e[31m\\u0007x[bold]"'
    write(a=FAILING.replace("name: t", f"name: {evil}"), b=f"version: 1\n{evil}: 1\n")
    Path("\x1b[31mred.scenario.yaml").write_text(FAILING, encoding="utf-8")

    run(["test", "."])
    run(["test", "\x1b[31mnowhere"])
    run(["test", "a.scenario.yaml", "-k", "\x1b[31m"])
    run(["test", "--\x1b[31m"])
    run(["\x1b[31m"])
    out, err = capsys.readouterr()
    for line in (out + err).splitlines():
        assert line.isprintable(), line
    assert "x[bold]" in out


@pytest.mark.parametrize(
    ("arguments", "environment", "painted"),
    [
        ([], {}, False),
        (["--color", "always"], {}, True),
        (["--color", "always"], {"NO_COLOR": "1"}, True),
        (["--color", "never"], {}, False),
    ],
)
def test_pipes_get_no_colour_unless_it_is_asked_for(
    arguments: list[str],
    environment: dict[str, str],
    painted: bool,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write(a=FAILING)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    run(["test", "a.scenario.yaml", *arguments])
    assert ("\x1b[" in capsys.readouterr().out) is painted


def test_a_terminal_that_knows_ascii_only_gets_ascii(folder: Path) -> None:
    write(a=FAILING.replace("name: t", "name: für alle"))

    done = kmsgate("test", "a.scenario.yaml", environment={"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 1
    assert done.stderr == b""
    first, *rest = done.stdout.decode("ascii").splitlines()
    assert first.startswith("a.scenario.yaml                      x   ")
    assert "FAILED a.scenario.yaml:24:44: f?r alle" in rest


def test_a_reader_who_has_gone_is_no_success_and_no_traceback(folder: Path) -> None:
    write(a=GOOD)
    ours, theirs = os.pipe()
    os.close(ours)
    try:
        done = kmsgate("test", ".", stdout=theirs)
    finally:
        os.close(theirs)

    assert done.returncode == 3
    assert done.stderr == b""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_no_success_and_no_traceback(folder: Path) -> None:
    write(a=GOOD)
    with Path("/dev/full").open("wb") as full:
        done = kmsgate("test", ".", stdout=full.fileno())

    assert done.returncode == 3
    assert done.stderr == b"kmsgate: the output could not be written: No space left on device\n"
