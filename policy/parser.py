"""Text to tree: JSON with positions, and with a word about each of the usual mistakes.

A text without a mistake is read the short way, by `policy.strict`. If that refuses, the text is
read once more from its start to tell why: where it departs from strict JSON, the parser notes the
problem, mends the token stream as the author most likely meant it, and goes on, so that one pass
reports everything. A text with any problem is never handed on as good.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from importlib import resources
from typing import Any

from lark import Lark, Token, Transformer, UnexpectedToken
from lark.parsers.lalr_interactive_parser import InteractiveParser

from policy.errors import Note, Problem
from policy.escapes import ESCAPE, SURROGATE, resolved
from policy.first_mistake import first_mistake
from policy.source import Source, Span
from policy.strict import StrictReader
from policy.tree import Array, Boolean, Member, Node, Null, Number, Object, String

MAX_CHARACTERS = 1 << 18  # twice what the service takes (AUTH P-3)
MAX_DEPTH = 64
MAX_PROBLEMS = 100
MAX_LOOKAHEAD = 5_000  # tokens, when brackets do not match

_OPENERS = {"LBRACE": "RBRACE", "LBRACKET": "RBRACKET"}
_CLOSERS = {closer: opener for opener, closer in _OPENERS.items()}
_SIGNS = {
    "LBRACE": "{", "RBRACE": "}", "LBRACKET": "[", "RBRACKET": "]", "COMMA": ",", "COLON": ":",
}  # fmt: skip
_SCALARS = frozenset({"STRING", "NUMBER", "TRUE", "FALSE", "NULL"})
_VALUES = _SCALARS | _OPENERS.keys()
_ENDS = _SCALARS | _CLOSERS.keys()
_BAD_IN_STRING = re.compile(r'\r?\n|[\x00-\x1f]|\\(?!["\\/bfnrt]|u[0-9a-fA-F]{4})')
_TYPOGRAPHIC = "“”‘’"
_SPELLINGS = {"none": "null", "nil": "null", "undefined": "null"}
_SIGNS_MEANT = {"=": "COLON", ";": "COMMA"}


@dataclass(frozen=True, slots=True)
class Parsed:
    """What could be read. `damaged` are the places that a mended syntax error touched."""

    tree: Node | None
    problems: tuple[Problem, ...]
    damaged: tuple[Span, ...] = ()


def parse_json(source: Source) -> Parsed:
    """Return the tree of a JSON text and every syntax problem in it; never raises."""
    size = len(source.text)
    if size > MAX_CHARACTERS:
        message = f"the text has {size:,} characters, more than {MAX_CHARACTERS:,}"
        problem = Problem("KG101", message, Span(0, 1), "split it, or lint its parts")
        return Parsed(None, (problem,))
    tree = _strict().tree(source.text)
    return parse_mending(source) if tree is None else Parsed(tree, ())


def parse_large(source: Source) -> Parsed:
    """Return the tree of a JSON text of any length, or its first mistake; never raises.

    The caller bounds the text. Time is linear in it; the problem has no code of the catalogue.
    """
    tree = _strict().tree(source.text)
    if tree is not None:
        return Parsed(tree, ())
    problem = first_mistake(source.text)
    assert problem is not None  # noqa: S101 - what the strict reader refuses has a mistake
    return Parsed(None, (problem,))


def parse_mending(source: Source) -> Parsed:
    """Return what `parse_json` returns, always the long way; the text is within its bound."""
    text = source.text
    start = Span(0, 1)
    problems = []
    if text.startswith("\N{ZERO WIDTH NO-BREAK SPACE}"):
        problems.append(
            Problem(
                "KG133",
                "character U+FEFF (byte order mark) cannot be used in a policy",
                start,
                "save the file as UTF-8 without a byte order mark",
            )
        )
    for found in SURROGATE.finditer(text):
        message = f"character U+{ord(found[0]):04X} is half of a surrogate pair, not a character"
        problems.append(Problem("KG101", message, Span(*found.span())))
        if len(problems) >= MAX_PROBLEMS:
            break
    repair = _Repair(source, problems)
    tree = repair.run()
    if tree is not None:
        problems += _in_tree(tree, text)
    problems.sort(key=lambda problem: problem.span.start)
    return Parsed(tree, tuple(problems[:MAX_PROBLEMS]), tuple(repair.damaged))


@functools.cache
def _strict() -> StrictReader:
    return StrictReader(_text_of("strict.lark"))


@functools.cache
def _grammar() -> Lark:
    return Lark(
        _text_of("grammar.lark"),
        parser="lalr",
        lexer="basic",
        start=["document", "mistake"],
        transformer=_Build(),
        maybe_placeholders=False,
    )


def _text_of(grammar: str) -> str:
    return resources.files("policy").joinpath(grammar).read_text("utf-8")


class _Build(Transformer[Token, Node]):
    """Lark's callbacks: each one makes a node of `policy.tree`."""

    def document(self, children: list[Node]) -> Node:
        return children[0]

    def object(self, children: list[Any]) -> Object:
        members = tuple(child for child in children if isinstance(child, Member))
        return Object(members, _between(children))

    def array(self, children: list[Any]) -> Array:
        items = tuple(child for child in children if not isinstance(child, Token))
        return Array(items, _between(children))

    def member(self, children: list[Any]) -> Member:
        return Member(_string(children[0]), children[-1])

    def string(self, children: list[Token]) -> String:
        return _string(children[0])

    def number(self, children: list[Token]) -> Number:
        return Number(str(children[0]), _span(children[0]))

    def true(self, children: list[Token]) -> Boolean:
        return Boolean(value=True, span=_span(children[0]))

    def false(self, children: list[Token]) -> Boolean:
        return Boolean(value=False, span=_span(children[0]))

    def null(self, children: list[Token]) -> Null:
        return Null(_span(children[0]))


@dataclass
class _Repair:
    """Feeds the tokens of one text to the parser, mending what does not fit."""

    source: Source
    problems: list[Problem]
    damaged: list[Span] = field(default_factory=list)
    open: list[Token] = field(default_factory=list)
    previous: Token | None = None
    tokens: list[Token] = field(default_factory=list)
    at: int = 0
    done: bool = False

    def run(self) -> Node | None:
        text = self.source.text
        first = 1 if text.startswith("\N{ZERO WIDTH NO-BREAK SPACE}") else 0
        parser = _grammar().parse_interactive(start="document")
        self.tokens = self._significant(_grammar().lex(text) if not first else _blanked(text))
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            self.at += 1
            if len(self.problems) >= MAX_PROBLEMS or not self._take(parser, token):
                return None
            if self.done:
                break
        return self._end(parser)

    def _significant(self, tokens: Iterable[Token]) -> list[Token]:
        """Return the tokens that count, each mistake noted and replaced by what it stands for."""
        kept = []
        for token in tokens:
            if token.type not in _MISTAKES:
                kept.append(token)
            elif len(self.problems) < MAX_PROBLEMS:
                meant = self._mistake(token)
                if not kept and _is_prose(token, meant):
                    last = self.problems[-1]
                    self.problems[-1] = replace(last, help="a policy is a JSON object, in { }")
                    return []
                if meant is not None:
                    kept.append(_as(token, meant))
        return kept

    def _mistake(self, token: Token) -> str | None:
        """Note what is wrong with a token; return the terminal that it stands for."""
        text, kind = str(token), token.type
        if kind == "COMMENT":
            self._note("KG104", "a comment is not allowed in JSON", token, "delete it")
            return None
        if kind == "SINGLE_QUOTED":
            self._note(
                "KG104", "a single-quoted string is not allowed in JSON", token, 'use " quotes'
            )
            return "STRING"
        if kind == "CURLY_QUOTED":
            sign = f"typographic quote U+{ord(text[0]):04X}"
            self._note("KG104", f"a {sign} is not allowed in JSON", token, 'use " quotes')
            return "STRING"
        if kind == "PLACEHOLDER":
            self._note("KG104", "a template placeholder is not allowed in JSON", token,
                       "render the template first")  # fmt: skip
            self.damaged.append(_span(token))
            return "STRING"
        if kind == "BAD_NUMBER":
            self._note("KG104", f"'{_short(text)}' is not a number in JSON", token,
                       'write another number, or put it in " quotes')  # fmt: skip
            self.damaged.append(_span(token))
            return "NUMBER"
        if kind == "WORD":
            meant = _SPELLINGS.get(text.lower(), text.lower())
            if meant in ("true", "false", "null"):
                self._note("KG104", f"'{text}' is not allowed in JSON", token, f"write {meant}")
                return meant.upper()
            self._note("KG104", f"the unquoted string '{_short(text)}' is not allowed in JSON",
                       token, 'put it in " quotes')  # fmt: skip
            return "STRING"
        if kind == "UNCLOSED" and text[-1] in _TYPOGRAPHIC:
            at = (token.end_pos or 0) - 1
            message = f"a typographic quote U+{ord(text[-1]):04X} is not allowed in JSON"
            self.problems.append(Problem("KG104", message, Span(at, at + 1), 'use " quotes'))
            return "STRING"
        if kind in ("OPEN_STRING", "UNCLOSED"):
            follows = self.source.text[token.end_pos or 0 :][:1]
            place = f"'{follows}'" if kind == "UNCLOSED" else "the end of the line"
            self._note("KG101", f"syntax error: expected '\"' before {place}, found none", token)
            return "STRING"
        if kind == "UNOPENED":
            self._note(
                "KG101", f"syntax error: expected '\"' before {_short(text)}, found none", token
            )
            return "STRING"
        if kind == "INNER_QUOTE":
            at = (token.start_pos or 0) + text.index('"', 1)
            message = "syntax error: a quote inside a string must be escaped"
            self.problems.append(Problem("KG101", message, Span(at, at + 1), 'write \\"'))
            return "STRING"
        if kind == "BAD_STRING":
            for found in _BAD_IN_STRING.finditer(text):
                start = (token.start_pos or 0) + found.start()
                if found[0] == "\\":
                    escape = text[found.start() : found.start() + 2]
                    message = f"syntax error: '{escape}' is not an escape of JSON"
                elif found[0].endswith("\n"):
                    message = "syntax error: a line break inside a string must be escaped"
                else:
                    message = f"syntax error: character U+{ord(found[0]):04X} must be escaped"
                self.problems.append(Problem("KG101", message, Span(start, start + 1)))
            return "STRING"
        shown = f"'{_short(text)}'" if text.isprintable() else f"character U+{ord(text[0]):04X}"
        self._note("KG101", f"syntax error: unexpected {shown}", token)
        return _SIGNS_MEANT.get(text)

    def _take(self, parser: InteractiveParser, token: Token) -> bool:
        """Feed one token, mended if need be; tell whether reading can go on."""
        kind = token.type
        if kind == "COMMA" and self.previous is not None and self.previous.type in _ENDS:
            following = self._after_commas()
            if following is None or following.type in _CLOSERS:
                closer = "the end of the text" if following is None else f"'{following}'"
                self._note("KG102", f"trailing comma before {closer}", token, "delete the comma")
                return True
        if not self.open and self.previous is not None:
            self._several(token)
            self.done = True
            return True
        if kind in _CLOSERS and (not self.open or self.open[-1].type != _CLOSERS[kind]):
            return self._wrong_closer(parser, token)
        if kind not in _choices(parser):
            return self._mend(parser, token)
        if kind in _OPENERS:
            if len(self.open) >= MAX_DEPTH:
                self._note("KG101", f"syntax error: nested more than {MAX_DEPTH} deep", token)
                return False
            self.open.append(token)
        elif kind in _CLOSERS:
            self.open.pop()
        self._feed(parser, token)
        return True

    def _mend(self, parser: InteractiveParser, token: Token) -> bool:
        kind, choices = token.type, _choices(parser)
        if "COMMA" in choices and kind in _VALUES and self.previous is not None:
            self._missing_comma(parser, self.previous, token)
            return self._take(parser, token)
        if "COLON" in choices and kind in _VALUES:
            self._expected("':'", token)
            self._feed(parser, _made("COLON", token))
            return self._take(parser, token)
        if kind == "COLON" and self.previous is not None and "COMMA" in choices:
            self._braces_missing(self.previous, token)
            return True
        if "COLON" in choices and kind in ("RBRACE", "COMMA"):
            self._no_value(parser, token)
            return self._take(parser, token)
        self._expected(_wanted(choices), token)
        if kind in _SIGNS and "NULL" in choices and self.previous is not None:
            if kind != "COLON" and self.previous.type == "COLON":
                self.damaged.append(_span(token))
                self._feed(parser, _made("NULL", token))
                return self._take(parser, token)
        elif kind in _SCALARS and "STRING" in choices:
            self.damaged.append(_span(token))
            self._feed(parser, _as(token, "STRING"))
        elif kind in _OPENERS and "STRING" in choices:
            self.damaged.append(Span(self.open[-1].start_pos or 0, token.end_pos or 0))
            self._feed(parser, _made("STRING", token))
            self._feed(parser, _made("COLON", token))
            return self._take(parser, token)
        return True  # a comma or colon too many

    def _missing_comma(self, parser: InteractiveParser, previous: Token, token: Token) -> None:
        end = previous.end_pos or 0
        self.problems.append(
            Problem(
                "KG103",
                f"missing ',' after {_short(str(previous))}",
                Span(end, end + 1),
                "insert a comma",
            )
        )
        self._feed(parser, _made("COMMA", token))

    def _braces_missing(self, previous: Token, token: Token) -> None:
        """`"Bool": "kms:MultiRegion": true`: note it, and pass over the value."""
        closer = _SIGNS[_OPENERS[self.open[-1].type]]
        pair = f"{{{_short(str(previous))}: ...}}"
        self._expected(f"',' or '{closer}'", token, f"put braces around the pair: {pair}")
        self.damaged.append(_span(previous))
        self._skip(token)

    def _no_value(self, parser: InteractiveParser, token: Token) -> None:
        """`{"string"}`: a name without a value."""
        self._expected(
            "':' and a value",
            token,
            "braces hold 'name: value' members; write a list in [ ], a single string without them",
        )
        opener = self.open[-1]
        self.damaged.append(Span(opener.start_pos or 0, token.end_pos or 0))
        self._feed(parser, _made("COLON", token))
        self._feed(parser, _made("NULL", token))

    def _wrong_closer(self, parser: InteractiveParser, token: Token) -> bool:
        wanted = _OPENERS[self.open[-1].type] if self.open else None
        notes = tuple(Note(f"'{o}' opened here", _span(o)) for o in self.open[-1:])
        expected = f"'{_SIGNS[wanted]}'" if wanted else "the end of the text"
        self._expected(expected, token, notes=notes)
        inner = [opener.type for opener in reversed(self.open)]
        closing = [0]  # it is one too many,
        if inner:
            closing.append(1)  # or it has the wrong shape,
        if _CLOSERS[token.type] in inner:
            closing.append(inner.index(_CLOSERS[token.type]) + 1)  # or others are missing
        best = max(closing, key=lambda count: (self._agreeing(count), count))
        if best == 1:
            self._close(parser, token)
            return True
        for _ in range(best - 1):
            self._close(parser, token)
        return best == 0 or self._take(parser, token)

    def _agreeing(self, closing: int) -> int:
        """Return how many of the next tokens fit, once that many brackets are closed."""
        left = [opener.type for opener in self.open[: len(self.open) - closing]]
        tokens = self.tokens[self.at : self.at + MAX_LOOKAHEAD]
        for count, token in enumerate(tokens):
            if not left:
                return count
            if token.type in _OPENERS:
                left.append(token.type)
            elif token.type in _CLOSERS and left.pop() != _CLOSERS[token.type]:
                return count
        return len(tokens) + (not left)

    def _close(self, parser: InteractiveParser, token: Token) -> None:
        """Close the innermost bracket that the text left open."""
        choices = _choices(parser)
        if "COLON" in choices:
            self._feed(parser, _made("COLON", token))
            choices = _choices(parser)
        closer = _OPENERS[self.open[-1].type]
        if closer not in choices:
            if "LBRACE" not in choices:  # after a comma: a whole member is missing
                self._feed(parser, _made("STRING", token))
                self._feed(parser, _made("COLON", token))
            self._feed(parser, _made("NULL", token))
        opener = self.open.pop()
        self.damaged.append(Span(opener.start_pos or 0, token.end_pos or 0))
        self._feed(parser, _made(closer, token))

    def _after_commas(self) -> Token | None:
        at = self.at
        while at < len(self.tokens) and self.tokens[at].type == "COMMA":
            at += 1
        return self.tokens[at] if at < len(self.tokens) else None

    def _several(self, token: Token) -> None:
        value = self._after_commas() if token.type == "COMMA" else token
        if value is None or value.type not in _VALUES:
            self._expected("the end of the text", token)
        else:
            self._note("KG107", "expected a policy document, found several values", value)

    def _end(self, parser: InteractiveParser) -> Node | None:
        size = len(self.source.text)
        end = Token("$END", "", start_pos=size, end_pos=size)
        if self.previous is None:
            if not self.problems:
                message = "syntax error: expected a JSON object, found nothing"
                self.problems.append(Problem("KG101", message, Span(0, 1)))
            return None
        if self.open:
            wanted = f"'{_SIGNS[_OPENERS[self.open[-1].type]]}'"
            note = Note(f"'{self.open[-1]}' opened here", _span(self.open[-1]))
            at = self.tokens[-1].end_pos or 0
            self._expected(wanted, Token("$END", "", start_pos=at, end_pos=at + 1), notes=(note,))
            while self.open:
                self._close(parser, end)
        try:
            tree: Node = parser.feed_token(end)
        except UnexpectedToken:
            if not self.problems:
                self._expected("a value", self.tokens[-1])
            return None
        return tree

    def _skip(self, token: Token) -> None:
        """Pass over everything up to the next comma or bracket that closes this level."""
        depth, first = 0, token.start_pos or 0
        while self.at < len(self.tokens):
            kind = self.tokens[self.at].type
            if depth == 0 and (kind == "COMMA" or kind in _CLOSERS):
                break
            depth += (kind in _OPENERS) - (kind in _CLOSERS)
            self.at += 1
        last = self.tokens[self.at - 1]
        self.damaged.append(Span(first, last.end_pos or first))

    def _feed(self, parser: InteractiveParser, token: Token) -> None:
        parser.feed_token(token)
        self.previous = token

    def _expected(
        self, wanted: str, token: Token, help: str | None = None, notes: tuple[Note, ...] = ()
    ) -> None:
        found = "the end of the text" if token.type == "$END" else _short(str(token))
        if token.type in _SIGNS:
            found = f"'{found}'"
        message = f"syntax error: expected {wanted}, found {found}"
        self.problems.append(Problem("KG101", message, _span(token), help, notes))

    def _note(self, code: str, message: str, token: Token, help: str | None = None) -> None:
        self.problems.append(Problem(code, message, _span(token), help))


_MISTAKES = frozenset(
    {
        "COMMENT", "SINGLE_QUOTED", "CURLY_QUOTED", "BAD_STRING", "OPEN_STRING", "UNCLOSED",
        "UNOPENED", "INNER_QUOTE", "BAD_NUMBER", "PLACEHOLDER", "WORD", "OTHER",
    }
)  # fmt: skip


def _choices(parser: InteractiveParser) -> dict[str, object]:
    """Return the terminals that the parser may take next."""
    choices: dict[str, object] = parser.choices()  # type: ignore[no-untyped-call]
    return choices


def _blanked(text: str) -> Iterable[Token]:
    return _grammar().lex(" " + text[1:])


def _wanted(choices: Iterable[str]) -> str:
    kinds = set(choices)
    if "NULL" in kinds:
        return "a value"
    if "STRING" in kinds:
        return "a string in quotes"
    signs = sorted(f"'{_SIGNS[kind]}'" for kind in kinds if kind in _SIGNS)
    return " or ".join(signs) or "the end of the text"


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"


def _span(token: Token) -> Span:
    return Span(token.start_pos or 0, token.end_pos or 0)


def _between(children: list[Any]) -> Span:
    return Span(children[0].start_pos, children[-1].end_pos)


def _as(token: Token, kind: str) -> Token:
    return Token(kind, str(token), start_pos=token.start_pos, end_pos=token.end_pos)


def _made(kind: str, token: Token) -> Token:
    """Return a token that the text lacks, placed before the given one."""
    return Token(kind, _SIGNS.get(kind, ""), start_pos=token.start_pos, end_pos=token.start_pos)


def _string(token: Token) -> String:
    return String(unescape(str(token)), _span(token))


def unescape(text: str) -> str:
    """Return the value of a string literal; escapes that JSON does not know stay as written."""
    quote = text[:1]
    closed = len(text) > 1 and text[-1] in "\"'”’“‘" and quote in "\"'“‘”’"
    return resolved(text[1:-1] if closed else text.strip("\"'“‘”’"))


def _is_prose(token: Token, meant: str | None) -> bool:
    """Tell whether a text that starts with this token was never meant as JSON."""
    return (token.type == "WORD" and meant == "STRING") or (
        token.type == "OTHER" and str(token).isprintable()
    )


def _in_tree(tree: Node, text: str) -> list[Problem]:
    """Return a problem for each member name that an object repeats, and for lone escapes."""
    problems: list[Problem] = []
    waiting: list[Node] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Object):
            first: dict[str, String] = {}
            for member in node.members:
                name = member.name
                problems += _lone_escapes(name, text)
                if name.span.start == name.span.end:
                    pass  # made by the parser
                elif name.value in first:
                    problems.append(
                        Problem(
                            "KG105",
                            f"'{_short(name.value)}' is given twice in this object; "
                            "only one of them is used",
                            name.span,
                            notes=(Note("first here", first[name.value].span),),
                        )
                    )
                else:
                    first[name.value] = name
                waiting.append(member.value)
        elif isinstance(node, Array):
            waiting.extend(node.items)
        elif isinstance(node, String):
            problems += _lone_escapes(node, text)
    return problems


def _lone_escapes(node: String, text: str) -> Iterator[Problem]:
    if SURROGATE.search(node.value) is None:
        return
    for found in ESCAPE.finditer(text, node.span.start, node.span.end):
        if found[3] is not None and SURROGATE.match(chr(int(found[3], 16))):
            message = f"the escape {found[0]} is half of a surrogate pair, not a character"
            yield Problem("KG101", message, Span(*found.span()))
