"""Texts with wildcards and policy variables, parsed once and matched in linear time.

A `*` stands for any number of characters, a `?` for one (AUTH C-2, D-3, G-3). A variable
`${key}` or `${key, 'default'}` stands for a fact of the request (AUTH H-1 to H-8).
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias


class Wildcard(Enum):
    """A part that stands for other characters."""

    ANY = "*"
    ONE = "?"


@dataclass(frozen=True, slots=True)
class Variable:
    """A reference to a condition key; `default` is used when the key is absent (AUTH H-2)."""

    key: str
    default: str | None
    text: str


Part: TypeAlias = str | Wildcard | Variable
Lookup: TypeAlias = Callable[[str], str | None]

MAX_REMEMBERED = 128
"""Characters: policies repeat the names of actions; longer texts would only fill the memory."""

# AUTH H-2: the space before a default may be missing. H-7: anything else is literal text.
_VARIABLE = re.compile(
    r"\$\{(?:([*?$])|([^\s{},':]+:[^{},']*?[^\s{},'])\s*(?:,\s*'([^'}]*)'\s*)?)\}"
)
_WILDCARDS = re.compile(r"([*?])")
_SIGNS = {wildcard.value: wildcard for wildcard in Wildcard}


@dataclass(frozen=True, slots=True)
class Pattern:
    """A text of a policy, split into literals, wildcards and variables."""

    text: str
    parts: tuple[Part, ...]

    @property
    def variables(self) -> tuple[Variable, ...]:
        """The references in it, in order."""
        return tuple(part for part in self.parts if isinstance(part, Variable))

    @property
    def has_wildcard(self) -> bool:
        """Whether it can match more than one text."""
        return any(isinstance(part, Wildcard) for part in self.parts)

    def expand(self, lookup: Lookup) -> Pattern | None:
        """Return the pattern with its variables replaced, or None if one has no value.

        What a variable yields is literal, also `*` and `?` in it (AUTH H-5).
        """
        if not self.variables:
            return self
        parts: list[Part] = []
        for part in self.parts:
            if not isinstance(part, Variable):
                parts.append(part)
                continue
            value = lookup(part.key)
            if value is None:
                value = part.default
            if value is None:
                return None  # AUTH H-6
            parts.append(value)
        return Pattern(self.text, _joined(parts))

    def matches(self, value: str) -> bool:
        """Tell whether the whole value is matched; variables must have been expanded."""
        if not self.has_wildcard:
            return value == "".join(str(part) for part in self.parts)
        runs = _runs(self.parts)
        if len(runs) == 1:
            return len(value) == len(runs[0]) and _at(runs[0], value, 0)
        head, *middle, tail = runs
        end = len(value) - len(tail)
        if len(head) > end or not _at(head, value, 0) or not _at(tail, value, end):
            return False
        at = len(head)
        for run in middle:  # the leftmost place is always good enough, so nothing is tried twice
            at = _find(run, value, at, end)
            if at < 0:
                return False
            at += len(run)
        return True


def parse_pattern(text: str, *, wildcards: bool = True, variables: bool = False) -> Pattern:
    """Return the pattern that a text of a policy spells; every text is one.

    With `variables` the escapes `${*}`, `${?}` and `${$}` yield those signs (AUTH H-4).
    """
    parse = _remembered if len(text) <= MAX_REMEMBERED else _parsed
    return parse(text, wildcards, variables)


def _parsed(text: str, wildcards: bool, variables: bool) -> Pattern:
    if not variables or "${" not in text:
        return Pattern(text, tuple([part for part in _split(text, wildcards=wildcards) if part]))
    parts: list[Part] = []
    at = 0
    for found in _VARIABLE.finditer(text):
        parts += _split(text[at : found.start()], wildcards=wildcards)
        sign, key, default = found.groups()
        parts.append(sign or Variable(key, default, found[0]))
        at = found.end()
    parts += _split(text[at:], wildcards=wildcards)
    return Pattern(text, _joined(parts))


_remembered = functools.lru_cache(maxsize=1024)(_parsed)


def literal(text: str) -> Pattern:
    """Return the pattern that matches this text only."""
    return Pattern(text, (text,) if text else ())


def _split(text: str, *, wildcards: bool) -> list[Part]:
    if not wildcards:
        return [text]
    return [_SIGNS.get(part, part) for part in _WILDCARDS.split(text)]


def _joined(parts: list[Part]) -> tuple[Part, ...]:
    """Return the parts with neighbouring literals joined and empty ones dropped."""
    joined: list[Part] = []
    for part in parts:
        if isinstance(part, str) and joined and isinstance(joined[-1], str):
            joined[-1] += part
        elif part != "":
            joined.append(part)
    return tuple(joined)


_Run: TypeAlias = list[str | None]  # one entry a character; None is any character


def _runs(parts: tuple[Part, ...]) -> list[_Run]:
    """Return the stretches between the stars."""
    runs: list[_Run] = [[]]
    for part in parts:
        if part is Wildcard.ANY:
            runs.append([])
        elif part is Wildcard.ONE:
            runs[-1].append(None)
        else:
            runs[-1].extend(str(part))
    return runs


def _at(run: _Run, value: str, start: int) -> bool:
    return all(sign is None or value[start + i] == sign for i, sign in enumerate(run))


def _find(run: _Run, value: str, start: int, end: int) -> int:
    """Return the leftmost place of a run, or -1.

    With `?` in it every place is tried at once: bit i of `reached` says that the signs read last
    are the first i + 1 of the run.
    """
    if None not in run:
        return value.find("".join(sign for sign in run if sign is not None), start, end)
    free = sum(1 << i for i, sign in enumerate(run) if sign is None)
    fitting: dict[str, int] = {}
    for i, sign in enumerate(run):
        if sign is not None:
            fitting[sign] = fitting.get(sign, free) | 1 << i
    reached, whole = 0, 1 << len(run) - 1
    for at in range(start, end):
        reached = (reached << 1 | 1) & fitting.get(value[at], free)
        if reached & whole:
            return at - len(run) + 1
    return -1
