"""Text to tree for texts without a mistake: Lark with larger tokens that know their offsets only.

One regular expression, made of the terminals of the grammar, cuts the text. What a terminal holds
is flat and known to be good, so that simpler expressions take it apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from lark import Lark, Transformer, UnexpectedInput
from lark.common import LexerConf
from lark.lexer import Lexer

from policy.escapes import SURROGATE, resolved
from policy.source import Span
from policy.tree import Array, Boolean, Member, Node, Null, Number, Object, String

MAX_BRACKETS = 32
"""How many may be open around a token, which holds a few more. No policy comes near."""

_DEEPER = {
    "LBRACE": 1, "LBRACKET": 1, "NAMED_LBRACE": 1, "NAMED_LBRACKET": 1, "RBRACE": -1, "RBRACKET": -1
}  # fmt: skip
_BOOLEANS = {"true": True, "false": False}

_INNER = r'[^"\\]*+(?:\\.[^"\\]*+)*+'
_STRING = re.compile(f'"({_INNER})"')
_KINDS = rf"""(?:
    "({_INNER})"
  | (\[ (?: [^]"]++ | "{_INNER}" )*+ \])
  | ({{ (?: [^{{}}"]++ | "{_INNER}" | {{ (?: [^}}"]++ | "{_INNER}" )*+ }} )*+ }})
  | ([\w.+-]++)
)"""
_MEMBER = re.compile(rf'"({_INNER})" [ \t\r\n]*+ : [ \t\r\n]*+ {_KINDS}', re.VERBOSE)
_VALUE = re.compile(rf"() {_KINDS}", re.VERBOSE)  # counts its groups as _MEMBER does
_NAME, _TEXT, _TEXTS, _MEMBERS, _LITERAL = range(1, 6)


class StrictReader:
    """Reads texts by a grammar, `strict.lark`; says nothing about those that do not fit."""

    def __init__(self, grammar: str) -> None:
        self._lark = Lark(
            grammar, parser="lalr", lexer=_Lexer, start="document", transformer=_Build()
        )

    def tree(self, text: str) -> Node | None:
        """Return the tree of a JSON text without any mistake, None for all others.

        A repeated member and half of a surrogate pair are mistakes. None, too, for what nests
        more than `MAX_BRACKETS` deep.
        """
        try:
            tree: Node = self._lark.parse(text)  # type: ignore[assignment]
        except (UnexpectedInput, _RefusedError):
            return None
        return tree


class _RefusedError(Exception):
    """Raised for a mistake that no grammar can see."""


class _Token:
    """What Lark's parser asks of a token, and where it stands."""

    __slots__ = ("found", "type")
    start_pos = end_pos = line = column = end_line = end_column = None

    def __init__(self, type: str, found: re.Match[str]) -> None:
        self.type = type
        self.found = found


class _Lexer(Lexer):
    """Makes a token of every character; no rule takes a MISTAKE."""

    def __init__(self, conf: LexerConf) -> None:
        terminals = sorted(conf.terminals, key=lambda terminal: -terminal.priority)
        parts = [f"(?P<{t.name}>{t.pattern.to_regexp()})" for t in terminals]
        self._pattern = re.compile("|".join([*parts, r"(?P<MISTAKE>[\s\S])"]))

    def lex(self, text: str) -> Iterator[_Token]:  # type: ignore[override]
        start = len(text) - len(text.lstrip(" \t\r\n"))
        depth = 0
        for found in self._pattern.finditer(text, start):
            kind = found.lastgroup or ""
            depth += _DEEPER.get(kind, 0)
            if depth > MAX_BRACKETS:
                raise _RefusedError
            yield _Token(kind, found)


def _opened(token: _Token) -> int:
    return token.found.start()


def _closed(token: _Token) -> int:
    return token.found.start() + 1


def _named(token: _Token) -> tuple[String, int]:
    """Return the name of a member and where the bracket after it stands."""
    text, start = token.found.string, token.found.start()
    name = next(_STRING.finditer(text, start))
    bracket = "{" if token.type == "NAMED_LBRACE" else "["
    return _string(name, 1), text.index(bracket, name.end())


def _entry(token: _Token) -> Node:
    return _value(next(_VALUE.finditer(token.found.string, token.found.start())))


def _entries(token: _Token) -> list[Member]:
    return _members(token.found.string, *token.found.span())


class _Build(Transformer[Any, Node]):
    """Lark's callbacks, for terminals and for rules."""

    LBRACE = LBRACKET = staticmethod(_opened)
    RBRACE = RBRACKET = staticmethod(_closed)
    NAMED_LBRACE = NAMED_LBRACKET = staticmethod(_named)
    VALUE = staticmethod(_entry)
    MEMBERS = staticmethod(_entries)

    def object(self, children: list[Any]) -> Object:
        members = children[1] if len(children) == 3 else ()
        return _object(members, Span(children[0], children[-1]))

    def array(self, children: list[Any]) -> Array:
        start, items, end = children
        return Array(tuple(items), Span(start, end))

    def named_object(self, children: list[Any]) -> list[Member]:
        (name, start), members, end = children
        return [Member(name, _object(members, Span(start, end)))]

    def named_array(self, children: list[Any]) -> list[Member]:
        (name, start), items, end = children
        return [Member(name, Array(tuple(items), Span(start, end)))]

    def members(self, children: list[Any]) -> list[Member]:
        members: list[Member] = children[0]
        for more in children[1:]:
            members += more
        return members

    def items(self, children: list[Any]) -> list[Node]:
        if len(children) == 1:
            return children
        items: list[Node] = children[0]
        items.append(children[1])
        return items


def _members(text: str, start: int, end: int) -> list[Member]:
    return [
        Member(_string(found, _NAME), _value(found)) for found in _MEMBER.finditer(text, start, end)
    ]


def _value(found: re.Match[str]) -> Node:
    kind = found.lastindex or _LITERAL
    if kind == _TEXT:
        return _string(found, _TEXT)
    start, end = found.span(kind)
    span = Span(start, end)
    if kind == _TEXTS:
        items = _STRING.finditer(found.string, start, end)
        return Array(tuple([_string(item, 1) for item in items]), span)
    if kind == _MEMBERS:
        return _object(_members(found.string, start + 1, end), span)
    literal = found[_LITERAL]
    if literal in _BOOLEANS:
        return Boolean(_BOOLEANS[literal], span)
    return Null(span) if literal == "null" else Number(literal, span)


def _object(members: Sequence[Member], span: Span) -> Object:
    if len(members) > 1 and len({member.name.value for member in members}) < len(members):
        raise _RefusedError
    return Object(tuple(members), span)


def _string(found: re.Match[str], group: int) -> String:
    value = found[group]
    start, end = found.span(group)
    if "\\" in value:
        value = resolved(value)
        if SURROGATE.search(value) is not None:
            raise _RefusedError
    return String(value, Span(start - 1, end + 1))
