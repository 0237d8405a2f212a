"""`kmsgate decide`: decision requests in, decisions out, JSON on both sides."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

import rich_click as click

from kmsgate.decision.fields import MAX_BYTES
from kmsgate.decision.request import RequestError, answer, error_answer, parse_request
from kmsgate.errors import UsageError
from kmsgate.output import safe, screen
from policy import Outcome


@click.command()
@click.argument("file", metavar="[FILE]", default="-")
@click.option("--jsonl", is_flag=True, help="One request a line, one answer a line, in order.")
@click.option("--brief", is_flag=True, help="Leave out what became of the single statements.")
@click.option("--pretty", is_flag=True, help="Print the answer indented.")
def command(file: str, *, jsonl: bool, brief: bool, pretty: bool) -> int:
    """Answer decision requests, one JSON object each.

    FILE holds one request, or with --jsonl one a line; - is standard input. Blank lines are passed
    over. Each answer is handed on at once, so that a program can ask, read and ask again. A line
    that is no valid request is answered with an error, and the next one is read.

    Exit code: 0 allowed, 1 denied, 2 not a valid request. With --jsonl 0, or 2 if any line was not
    a valid request.
    """
    if jsonl and pretty:
        raise UsageError("--jsonl prints one answer a line", "leave --pretty out")
    with open_input(file) as stream:
        return _answer_lines(stream, brief) if jsonl else _answer_one(stream, brief, pretty)


@contextmanager
def open_input(path: str) -> Iterator[IO[bytes]]:
    """Open a file, or standard input for `-`; raises UsageError if it cannot be opened."""
    if path == "-":
        yield sys.stdin.buffer
        return
    with ExitStack() as stack:
        try:
            stream = stack.enter_context(Path(path).open("rb"))
        except OSError as error:
            raise UsageError(f"cannot read {safe(path)}: {error.strerror}") from error
        yield stream


def _answer_one(stream: IO[bytes], brief: bool, pretty: bool) -> int:
    reply = _reply(stream.read(MAX_BYTES + 1), brief)
    _write(reply, indent=2 if pretty else None)
    if "error" in reply:
        return 2
    return 0 if reply["decision"] == Outcome.ALLOWED else 1


def _answer_lines(stream: IO[bytes], brief: bool) -> int:
    any_bad = False
    for line in _lines(stream):
        reply = _reply(line, brief)
        any_bad = any_bad or "error" in reply
        _write(reply)
    return 2 if any_bad else 0


def _lines(stream: IO[bytes]) -> Iterator[bytes]:
    """Yield the lines that are not blank; of one that is too long, enough to see that it is."""
    while line := stream.readline(MAX_BYTES + 2):  # a line's end may take two bytes
        rest = line
        while rest and not rest.endswith(b"\n"):
            rest = stream.readline(MAX_BYTES)
        if line.strip():
            yield line.rstrip(b"\r\n")


def _reply(data: bytes, brief: bool) -> dict[str, Any]:
    try:
        return answer(parse_request(data), brief=brief)
    except RequestError as error:
        return error_answer(error)


def _write(reply: dict[str, Any], indent: int | None = None) -> None:
    out = screen(color="never")
    out.line(json.dumps(reply, indent=indent))
    out.flush()
