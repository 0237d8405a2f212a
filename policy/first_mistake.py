"""Where a text departs from JSON, for texts that are too long to be mended.

Only the first mistake is told; `policy.parser` tells all of them where a text is short enough.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from policy.errors import Note, Problem
from policy.escapes import SURROGATE, resolved
from policy.source import Span
from policy.strict import MAX_BRACKETS

_TOKEN = re.compile(
    r"""[ \t\r\n]*+(?:
    (?P<string>"(?:[^"\\\x00-\x1f\ud800-\udfff]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+")
  | (?P<literal>(?:true|false|null|-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+(?:[eE][-+]?[0-9]++)?+)
      (?![\w.+-]))
  | (?P<sign>[][{},:])
  | (?P<end>\Z)
  | (?P<mistake>"|[^"\s,:{}\[\]]{1,40}+|.)
)""",
    re.VERBOSE | re.DOTALL,
)
_CLOSERS = {"{": "}", "[": "]"}
_WANTED = {
    "value": "a value",
    "value or ]": "a value or ']'",
    "name": "a string in quotes",
    "name or }": "a string in quotes or '}'",
    "colon": "':'",
    "end": "the end of the text",
}


@dataclass(slots=True)
class _Frame:
    """A bracket that is open, and where the names of its members stand."""

    sign: str
    start: int
    names: dict[str, Span] = field(default_factory=dict)


def first_mistake(text: str) -> Problem | None:
    """Return the first thing that keeps a text from being JSON, in one pass; None if it is JSON.

    A repeated member, half of a surrogate pair, and more than `MAX_BRACKETS` open brackets are
    mistakes, too. The problem has no code: the text need not be a policy.
    """
    opened: list[_Frame] = []
    wanted = "value"
    for found in _TOKEN.finditer(text):
        kind = found.lastgroup or ""
        word, span = found[kind], Span(*found.span(kind))
        if kind == "end" and wanted == "end":
            return None
        if kind == "string":
            problem = _in_string(word, span, opened[-1] if "name" in wanted else None)
            if problem is not None:
                return problem
        after = _after(kind, word, wanted, opened)
        if after is None:
            return _unexpected(kind, word, span, wanted, opened)
        wanted = after
        if word in _CLOSERS and kind == "sign":
            opened.append(_Frame(word, span.start))
            if len(opened) > MAX_BRACKETS:
                return Problem("", f"brackets are nested more than {MAX_BRACKETS} deep", span)
        elif wanted == "closed":
            opened.pop()
            wanted = "more" if opened else "end"
    raise AssertionError("the last token is the end")  # pragma: no cover


def _after(kind: str, word: str, wanted: str, opened: list[_Frame]) -> str | None:
    """Return what is wanted behind a token, or None where it cannot stand."""
    inner = opened[-1].sign if opened else ""
    if kind == "sign":
        if wanted.startswith("value") and word in _CLOSERS:
            return "name or }" if word == "{" else "value or ]"
        if word == _CLOSERS.get(inner) and (wanted == "more" or wanted.endswith(word)):
            return "closed"
        if word == "," and wanted == "more":
            return "name" if inner == "{" else "value"
        return "value" if word == ":" and wanted == "colon" else None
    if kind == "string" and wanted.startswith("name"):
        return "colon"
    if kind in ("string", "literal") and wanted.startswith("value"):
        return "more" if opened else "end"
    return None


def _in_string(word: str, span: Span, frame: _Frame | None) -> Problem | None:
    """Return what is wrong with a string; with a frame, it is the name of a member there."""
    value = resolved(word[1:-1])
    if SURROGATE.search(value) is not None:
        return Problem("", "an escape here is half of a surrogate pair, not a character", span)
    if frame is None:
        return None
    first = frame.names.setdefault(value, span)
    if first is not span:
        note = Note("first here", first)
        return Problem("", f"{_short(word)} is given twice in this object", span, None, (note,))
    return None


def _unexpected(kind: str, word: str, span: Span, wanted: str, opened: list[_Frame]) -> Problem:
    notes: tuple[Note, ...] = ()
    expected = f"',' or '{_CLOSERS[opened[-1].sign]}'" if wanted == "more" else _WANTED[wanted]
    if opened:
        opener = opened[-1]
        notes = (Note(f"'{opener.sign}' opened here", Span(opener.start, opener.start + 1)),)
    shown = "the end of the text" if kind == "end" else f"'{_short(word)}'"
    if word == '"' and kind == "mistake":
        return Problem("", "this string is not one of JSON: its end or an escape is wrong", span)
    return Problem("", f"expected {expected}, found {shown}", span, None, notes)


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"
