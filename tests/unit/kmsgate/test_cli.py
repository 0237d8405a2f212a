"""The command line as a whole: how errors of every kind end, and what is printed of them."""

from __future__ import annotations

import errno
import os
import sys

import click
import pytest

from kmsgate import __version__, cli
from kmsgate.cli import COMMANDS, run
from kmsgate.errors import UsageError


@pytest.fixture
def raised(monkeypatch: pytest.MonkeyPatch) -> list[BaseException]:
    """What the command `test` raises, once the list holds it."""
    waiting: list[BaseException] = []

    @click.command()
    def command() -> int:
        raise waiting[0]

    monkeypatch.setattr("kmsgate.commands.test.command", command)
    return waiting


def test_help_and_version_go_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    out, err = capsys.readouterr()
    assert all(f" {name} " in out for name in COMMANDS)
    assert err == ""

    assert run(["--version"]) == 0
    assert __version__ in capsys.readouterr().out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_page(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([name, "--help"]) == 0
    assert f"kmsgate {name}" in capsys.readouterr().out


def test_without_a_command_there_is_help_and_nothing_on_standard_output(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run([]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "Usage" in err


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        (["tset"], ["kmsgate: no command is called 'tset'", "help: did you mean 'test'?"]),
        (
            ["zzz"],
            [
                "kmsgate: no command is called 'zzz'",
                f"help: known: {', '.join(COMMANDS)}",
            ],
        ),
        (["-x"], ["kmsgate: No such option '-x'.", "help: kmsgate --help"]),
        (
            ["test", "--formt", "json"],
            [
                "kmsgate test: No such option '--formt'. Did you mean '--format'?",
                "help: kmsgate test --help",
            ],
        ),
    ],
)
def test_a_slip_on_the_command_line_is_told_in_two_lines(
    arguments: list[str], lines: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert [line.replace("(Possible options: ", "") for line in err.splitlines()] == lines


def test_a_usage_error_has_a_message_and_advice(
    raised: list[BaseException], capsys: pytest.CaptureFixture[str]
) -> None:
    raised.append(UsageError("no \x1b[31mfile\nhere", "look\x07 elsewhere"))

    assert run(["test"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "kmsgate: no \N{REPLACEMENT CHARACTER}[31mfile here",
        "help: look\N{REPLACEMENT CHARACTER} elsewhere",
    ]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort()])
def test_an_interrupt_ends_with_130_and_without_a_word(
    error: BaseException, raised: list[BaseException], capsys: pytest.CaptureFixture[str]
) -> None:
    raised.append(error)

    assert run(["test"]) == 130
    out, err = capsys.readouterr()
    assert out == ""
    assert err.strip() == ""


@pytest.mark.parametrize("error", [KeyError("x"), RuntimeError("oops"), OSError(errno.EIO, "bad")])
def test_a_bug_is_a_traceback_and_70(
    error: BaseException, raised: list[BaseException], capsys: pytest.CaptureFixture[str]
) -> None:
    raised.append(error)

    assert run(["test"]) == 70
    assert "Traceback (most recent call last)" in capsys.readouterr().err


def test_a_reader_who_has_heard_enough_is_no_bug(
    raised: list[BaseException],
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    raised.append(BrokenPipeError())
    gone: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "dup2", lambda one, other: gone.append((one, other)))
    monkeypatch.setattr(sys, "stdout", sys.__stdout__)

    assert run(["test"]) == 3
    assert capfd.readouterr().err == ""
    assert len(gone) == 1


def test_a_process_without_standard_output_can_still_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    monkeypatch.setattr(sys, "argv", ["kmsgate", "--version"])

    with pytest.raises(SystemExit) as caught:
        cli.main()
    sys.stdout.close()

    assert caught.value.code == 0
