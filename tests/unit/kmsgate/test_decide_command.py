"""`kmsgate decide`: one request, or a stream in which nobody waits for anybody."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, TypeAlias

import pytest

from kmsgate.cli import run
from kmsgate.decision.fields import MAX_BYTES

KEY = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
ROLE = "arn:aws:iam::111122223333:role/app"
KEY_POLICY = {
    "Version": "2012-10-17",
    "Statement": {
        "Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": "kms:Decrypt", "Resource": "*",
    },
}  # fmt: skip

Capture: TypeAlias = "pytest.CaptureFixture[str]"


def asked(id: str, action: str = "kms:Decrypt") -> str:
    """Return a request that is allowed, or denied for any other action, on one line."""
    request = {
        "id": id,
        "principal": {"arn": ROLE},
        "action": action,
        "resource": {"arn": KEY},
        "policies": {"resource": KEY_POLICY},
    }
    return json.dumps(request)


ALLOWED, DENIED, BAD = asked("yes"), asked("no", "kms:Encrypt"), '{"id": "bad", "acton": 1}'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def give(monkeypatch: pytest.MonkeyPatch, text: str | bytes) -> None:
    """Put a text on standard input."""
    data = text.encode() if isinstance(text, str) else text
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


def answers(capsys: Capture) -> list[dict[str, Any]]:
    out, err = capsys.readouterr()
    assert err == ""
    return [json.loads(line) for line in out.splitlines()]


# One request


@pytest.mark.parametrize(
    ("text", "code", "decision"),
    [
        (ALLOWED, 0, "Allowed"),
        (DENIED, 1, "ImplicitlyDenied"),
        (BAD, 2, None),
        ("", 2, None),
        (json.dumps(json.loads(ALLOWED), indent=2), 0, "Allowed"),
    ],
)
@pytest.mark.parametrize("from_file", [True, False])
def test_the_exit_code_tells_the_decision(
    text: str, code: int, decision: str | None, from_file: bool,
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture,
) -> None:  # fmt: skip
    (folder / "ask.json").write_text(text)
    give(monkeypatch, text)
    assert run(["decide", *(["ask.json"] if from_file else [])]) == code
    (answer,) = answers(capsys)
    assert answer.get("decision") == decision
    assert ("error" in answer) == (code == 2)


def test_a_bad_request_is_answered_with_its_field(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    give(monkeypatch, BAD)
    assert run(["decide", "-"]) == 2
    assert answers(capsys) == [
        {
            "id": "bad",
            "error": "acton: unknown field; did you mean 'action'?",
            "field": "acton",
        }
    ]


def test_pretty_indents_and_brief_leaves_the_reasons_out(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    give(monkeypatch, ALLOWED)
    run(["decide", "--pretty", "--brief"])
    assert capsys.readouterr().out.splitlines()[:3] == [
        "{",
        '  "id": "yes",',
        '  "decision": "Allowed",',
    ]
    give(monkeypatch, ALLOWED)
    run(["decide", "--brief"])
    assert answers(capsys)[0]["reasons"] == []
    give(monkeypatch, ALLOWED)
    run(["decide"])
    assert len(answers(capsys)[0]["reasons"]) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["decide", "missing.json"], "kmsgate: cannot read missing.json: No such file"),
        (["decide", "."], "kmsgate: cannot read .: Is a directory"),
        (["decide", "--jsonl", "--pretty"], "kmsgate: --jsonl prints one answer a line\nhelp: "),
        (["decide", "a", "b"], "unexpected extra argument"),
    ],
)
def test_wrong_usage_is_told_on_standard_error(
    arguments: list[str], message: str, folder: Path, capsys: Capture
) -> None:
    assert run(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err


# A stream


def test_a_stream_is_answered_in_order_and_goes_on_after_a_bad_line(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    lines = [ALLOWED, "", BAD, "   ", DENIED + "\r", "not json", ALLOWED]
    give(monkeypatch, "\n".join(lines))
    assert run(["decide", "--jsonl", "-"]) == 2
    found = answers(capsys)
    assert [answer["id"] for answer in found] == ["yes", "bad", "no", None, "yes"]
    assert [answer.get("decision") for answer in found] == [
        "Allowed", None, "ImplicitlyDenied", None, "Allowed",
    ]  # fmt: skip


@pytest.mark.parametrize(("lines", "code"), [([ALLOWED, DENIED], 0), ([], 0), ([BAD], 2)])
def test_a_stream_fails_only_for_lines_that_are_no_requests(
    lines: list[str], code: int, folder: Path, capsys: Capture
) -> None:
    (folder / "ask.jsonl").write_text("".join(f"{line}\n" for line in lines))
    assert run(["decide", "--jsonl", "ask.jsonl", "--brief"]) == code
    assert len(answers(capsys)) == len(lines)


def test_a_line_that_is_too_long_is_answered_and_passed_over(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    fits = ALLOWED[:-1] + " " * (MAX_BYTES - len(ALLOWED)) + "}"
    give(monkeypatch, "\n".join([fits, fits + " ", "[" * (3 * MAX_BYTES), DENIED]))
    assert run(["decide", "--jsonl"]) == 2
    found = answers(capsys)
    too_long = {"id": None, "error": "the text is longer than 1,048,576 bytes", "field": None}
    assert [answer.get("decision") for answer in found] == [
        "Allowed", None, None, "ImplicitlyDenied",
    ]  # fmt: skip
    assert found[1:3] == [too_long, too_long]


def test_a_line_of_the_greatest_length_may_end_in_two_bytes(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    fits = ALLOWED[:-1] + " " * (MAX_BYTES - len(ALLOWED)) + "}"
    give(monkeypatch, f"{fits}\r\n{DENIED}\r\n")
    assert run(["decide", "--jsonl"]) == 0
    assert [answer["id"] for answer in answers(capsys)] == ["yes", "no"]


def test_a_line_that_is_not_utf_8_is_answered(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    give(monkeypatch, b"\xff\n\xef\xbb\xbf" + ALLOWED.encode())
    assert run(["decide", "--jsonl"]) == 2
    found = answers(capsys)
    assert found[0]["error"] == "byte 0xFF is not valid UTF-8"
    assert found[1]["decision"] == "Allowed"


def test_answers_are_ascii_whatever_is_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    give(monkeypatch, asked("\N{LOCK}\N{LINE SEPARATOR}"))
    run(["decide"])
    out = capsys.readouterr().out
    assert out.isascii()
    assert json.loads(out)["id"] == "\N{LOCK}\N{LINE SEPARATOR}"


@pytest.fixture
def partner() -> Iterator[subprocess.Popen[str]]:
    """A `kmsgate decide --jsonl -` at the other end of two pipes."""
    command = [sys.executable, "-m", "kmsgate", "decide", "--jsonl", "-"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        cwd=Path(__file__).parents[3],
    ) as process:  # fmt: skip
        yield process
        process.kill()


def test_a_program_gets_each_answer_before_it_asks_again(partner: subprocess.Popen[str]) -> None:
    """Were anything held back, this would wait for ever: the next line depends on the answer."""

    def ask(line: str) -> dict[str, Any]:
        to, back = _pipes(partner)
        to.write(line + "\n")
        to.flush()
        reply: dict[str, Any] = json.loads(back.readline())
        return reply

    first = ask(asked("0"))
    for number in range(1, 20):
        action = "kms:Encrypt" if first["decision"] == "Allowed" else "kms:Decrypt"
        first = ask(asked(str(number), action))
        assert first["id"] == str(number)
        assert (first["decision"] == "Allowed") == (number % 2 == 0)
    assert "error" in ask("no request")
    to, back = _pipes(partner)
    to.close()
    assert back.read() == ""
    assert partner.wait() == 2


def _pipes(process: subprocess.Popen[str]) -> tuple[IO[str], IO[str]]:
    assert process.stdin is not None
    assert process.stdout is not None
    return process.stdin, process.stdout


def test_a_reader_that_has_heard_enough_ends_the_stream_without_complaint(
    partner: subprocess.Popen[str],
) -> None:
    to, back = _pipes(partner)
    to.write(f"{ALLOWED}\n")
    to.flush()
    assert json.loads(back.readline())["id"] == "yes"
    back.close()
    to.write(f"{ALLOWED}\n" * 3)
    to.close()
    assert partner.stderr is not None
    assert partner.stderr.read() == ""
    partner.wait()
