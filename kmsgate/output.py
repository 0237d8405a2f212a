"""How results look: signs, colours, and where they go. Nothing else prints.

Colour adds to words and never replaces them. User text is made harmless before it is shown.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import IO

import click

from policy.source import printable

_UNICODE = {
    "ok": "✓", "no": "✗", "arrow": "→", "branch": "├─", "last": "└─", "bar": "│", "dash": "─",
}  # fmt: skip
_ASCII = {
    "ok": "ok", "no": "x", "arrow": "->", "branch": "|-", "last": "'-", "bar": "|", "dash": "-",
}  # fmt: skip
_STYLES = {
    "good": {"fg": "green"},
    "bad": {"fg": "red"},
    "error": {"fg": "red", "bold": True},
    "warning": {"fg": "yellow"},
    "note": {"fg": "cyan"},
    "strong": {"bold": True},
    "faint": {"dim": True},
}


@dataclass(frozen=True)
class Screen:
    """A place to write to, and what it can show."""

    stream: IO[str]
    color: bool
    glyphs: dict[str, str]

    def glyph(self, name: str) -> str:
        """Return a sign, or what stands for it where the terminal cannot show it."""
        return self.glyphs[name]

    def paint(self, text: str, style: str) -> str:
        """Return the text in a style, or as it is where there is no colour."""
        return click.style(text, **_STYLES[style]) if self.color else text  # type: ignore[arg-type]

    def line(self, text: str = "") -> None:
        """Write one line; the text may hold painted parts."""
        self.stream.write(text.rstrip() + "\n")

    def flush(self) -> None:
        """Hand everything on, so that a reader at the other end of a pipe sees it."""
        self.stream.flush()


def screen(stream: IO[str] | None = None, color: str = "auto") -> Screen:
    """Return a screen on a stream (standard output unless said), by what it can show.

    `color` is auto, always or never; NO_COLOR, TERM=dumb and pipes get none on auto.
    """
    stream = stream or sys.stdout
    wanted = color == "always" or (
        color == "auto"
        and stream.isatty()
        and not os.environ.get("NO_COLOR")
        and os.environ.get("TERM") != "dumb"
    )
    return Screen(stream, wanted, _UNICODE if _can_show(stream) else _ASCII)


def _can_show(stream: IO[str]) -> bool:
    try:
        "".join(_UNICODE.values()).encode(getattr(stream, "encoding", None) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def safe(text: str) -> str:
    """Return user text on one line, control characters made harmless."""
    return printable(text.replace("\n", " ").replace("\t", " "))
