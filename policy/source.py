"""Texts with names, and places in them."""

from __future__ import annotations

import bisect
import re
from dataclasses import dataclass, field
from typing import Final

MAX_EXCERPT_COLUMNS = 160
"""Longer lines are clipped around the place that an excerpt points at."""


@dataclass(slots=True, order=True, unsafe_hash=True)
class Span:
    """A half-open range of characters, counted from 0; read-only as the nodes of a tree are."""

    start: Final[int]
    end: Final[int]


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A line and a column, both counted from 1; columns count characters."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Source:
    """A text and the name that the user knows it by."""

    name: str
    text: str = field(repr=False)
    _hidden: list[Span] = field(init=False, repr=False, compare=False, default_factory=list)
    _starts: list[int] = field(init=False, repr=False, compare=False, default_factory=list)

    def _lines(self) -> list[int]:
        """Return where each line starts; found when first asked for, as most texts are good."""
        if not self._starts:
            ends = (found.end() for found in re.finditer("\n", self.text))
            self._starts[:] = (0, *ends)
        return self._starts

    def position(self, offset: int) -> Position:
        """Return the line and column of a character."""
        starts = self._lines()
        line = bisect.bisect_right(starts, offset)
        return Position(line, offset - starts[line - 1] + 1)

    def hide(self, span: Span) -> None:
        """Keep a secret out of lines and excerpts from now on."""
        if span not in self._hidden:
            self._hidden.append(span)

    def line(self, number: int) -> str:
        """Return the text of one line, without its end, and with dots for what is hidden."""
        starts = self._lines()
        start = starts[number - 1]
        end = starts[number] if number < len(starts) else len(self.text)
        line = self.text[start:end].rstrip("\r\n")
        for span in self._hidden:
            left, right = max(0, span.start - start), min(len(line), span.end - start)
            if left < right:
                line = f"{line[:left]}{'•' * (right - left)}{line[right:]}"
        return line

    def place(self, span: Span) -> str:
        """Return `name:line:column`, the form in which editors can jump."""
        at = self.position(span.start)
        return f"{self.name}:{at.line}:{at.column}"

    def excerpt(self, span: Span) -> str:
        """Return the line of a span with carets under it, clipped and safe to print."""
        at = self.position(span.start)
        line = self.line(at.line)
        start = min(at.column - 1, len(line))
        width = max(1, min(span.end - span.start, len(line) - start))
        if len(line) > MAX_EXCERPT_COLUMNS:
            left = max(0, min(start - 40, len(line) - MAX_EXCERPT_COLUMNS))
            right = left + MAX_EXCERPT_COLUMNS
            width = max(1, min(width, right - start))
            head, tail = "…" if left else "", "…" if right < len(line) else ""
            start += len(head) - left
            line = f"{head}{line[left:right]}{tail}"
        number = str(at.line)
        gutter = " " * len(number) + " |"
        lead = "".join("\t" if sign == "\t" else " " for sign in line[:start])
        return f"{gutter}\n{number} | {printable(line)}\n{gutter} {lead}{'^' * width}"


def printable(text: str) -> str:
    """Return the text with control and lone surrogate characters made harmless, length kept."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\t" else "\N{REPLACEMENT CHARACTER}" for c in text)
