"""JSON texts as fields that know the way to themselves, so that each error names its field.

The decoder of the standard library reads the text, which is fast; `policy.parser`, which knows
where everything stands, is asked only when something is wrong or when places are wanted.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn, TypeAlias

from policy.operators import read_date, read_number
from policy.parser import MAX_CHARACTERS, MAX_DEPTH, parse_json
from policy.source import Position, Source, Span, printable
from policy.spelling import closest
from policy.tree import Array, Boolean, Member, Node, Null, Number, Object, String

MAX_BYTES = 1 << 20
"""How long one text may be."""

Path: TypeAlias = tuple[str | int, ...]
Value: TypeAlias = Any
"""What JSON holds: dict, list, str, `JsonNumber`, bool or None; told apart by isinstance."""

TOO_DEEP = f"nested more than {MAX_DEPTH} deep"


@dataclass(frozen=True, slots=True)
class JsonNumber:
    """A number of the text, as it is written (AUTH B-10)."""

    text: str


class FieldError(ValueError):
    """A text that is not JSON, or a field that is not what it must be.

    `problem` says what is wrong, in one line; `field` is the way to it as people write it
    (`policies.scps[0].target`), None if no field is to blame. `position` is the place in the
    text, where it is known. `message` begins with the field or else the place.
    """

    def __init__(
        self, problem: str, path: Path | None = None, position: Position | None = None
    ) -> None:
        self.problem = printable(problem)
        self.path = path
        self.field = shown_path(path) if path else None
        self.position = position
        where = self.field or (_shown_position(position) if position is not None else "")
        self.message = f"{where}: {self.problem}" if where else self.problem
        super().__init__(self.message)


def _shown_position(at: Position) -> str:
    return f"line {at.line}, column {at.column}" if at.line > 1 else f"column {at.column}"


# The text

_SURROGATE = re.compile("[\ud800-\udfff]")


def decoded(data: str | bytes) -> str:
    """Return the text of bytes in UTF-8, without byte order mark; raises FieldError."""
    if len(data) > MAX_BYTES:
        raise FieldError(f"the text is longer than {MAX_BYTES:,} bytes")
    if isinstance(data, str):
        return data.removeprefix("\ufeff")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FieldError(f"byte 0x{data[error.start]:02X} is not valid UTF-8") from None


def value_of(text: str) -> Value:
    """Return what a JSON text holds; raises FieldError with its first problem."""
    try:
        value = _DECODER.decode(text)
    except RecursionError:
        raise FieldError(f"the text is {TOO_DEEP}") from None
    except ValueError as error:
        raise _first_problem(text) or FieldError(f"not JSON: {error}") from None
    if _may_hold_half_a_pair(text) and any(map(_SURROGATE.search, _strings(value))):
        raise _first_problem(text) or FieldError("half of a surrogate pair is not a character")
    return value


def tree_of(source: Source) -> Node | None:
    """Return the tree of a good text, or None if it is too large for one."""
    return parse_json(source).tree


def _may_hold_half_a_pair(text: str) -> bool:
    """Tell whether the decoder may have taken half of a surrogate pair for a character."""
    if "\\ud" in text or "\\uD" in text:
        return True
    return not text.isascii() and _SURROGATE.search(text) is not None


def _strings(value: Value) -> Iterator[str]:
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, list):
            waiting.extend(value)
        elif isinstance(value, dict):
            yield from value
            waiting.extend(value.values())


def _members(pairs: list[tuple[str, Value]]) -> dict[str, Value]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member is given twice in one object")
    return members


def _refuse(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a number in JSON")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_members,
    parse_int=JsonNumber,
    parse_float=JsonNumber,
    parse_constant=_refuse,
)


def _first_problem(text: str) -> FieldError | None:
    """Return the first problem that the careful parser finds in a text that it can take."""
    source = Source("", text)
    problems = parse_json(source).problems if len(text) <= MAX_CHARACTERS else ()
    if not problems:
        return None
    first = problems[0]
    message = first.message
    if first.code == "KG105":
        message = f"{text[first.span.start : first.span.end]} is given twice in this object"
    elif first.code == "KG107":
        message = "expected the end of the text, found another value"
    return FieldError(message, position=source.position(first.span.start))


# Ways through a text

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_MAX_SHOWN = 60


def short(text: str) -> str:
    """Return the beginning of a text that may be long."""
    return text if len(text) <= _MAX_SHOWN else text[: _MAX_SHOWN - 1] + "…"


def shown_path(path: Path) -> str:
    """Return a way as people write it: `policies.scps[0].target`, `context["aws:SourceIp"]`."""
    shown = ""
    for step in path:
        if isinstance(step, int):
            shown += f"[{step}]"
        elif _PLAIN.fullmatch(step):
            shown += f".{short(step)}"
        else:
            shown += f'["{short(step)}"]'
    return printable(shown.removeprefix("."))


def find(tree: Node, path: Path) -> tuple[Node, Span]:
    """Return the node at the end of a way, or the last one before it, and where that begins.

    What has a name begins with its name.
    """
    node, span = tree, tree.span
    for step in path:
        for name, child, start in _children(node):
            if name == step:
                node, span = child, start
                break
        else:
            break
    return node, span


def path_to(tree: Node, span: Span) -> Path:
    """Return the way to the innermost node that holds a place."""
    path: list[str | int] = []
    inner: Node | None = tree
    while inner is not None:
        node, inner = inner, None
        for name, child, start in _children(node):
            if start.start <= span.start and span.end <= child.span.end:
                path.append(name)
                inner = child
                break
    return tuple(path)


def _children(node: Node) -> Iterator[tuple[str | int, Node, Span]]:
    if isinstance(node, Array):
        for index, item in enumerate(node.items):
            yield index, item, item.span
    elif isinstance(node, Object):
        for member in node.members:
            yield member.name.value, member.value, member.name.span


# Values as trees


def written(value: Value, name: str) -> tuple[Source, Node]:
    """Return a value as a text on one line, and the tree of that text.

    Raises RecursionError when the value is nested deeper than policies may be.
    """
    writer = _Writer()
    tree = writer.node(value, 0)
    return Source(name, "".join(writer.parts)), tree


_encode = json.JSONEncoder(ensure_ascii=False).encode


class _Writer:
    """Writes a value, and makes the tree of what it writes on the way."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self._at = 0

    def node(self, value: Value, depth: int) -> Node:
        if isinstance(value, str):
            return self._string(value)
        if isinstance(value, JsonNumber):
            return Number(value.text, self._put(value.text))
        if isinstance(value, bool):
            return Boolean(value, self._put("true" if value else "false"))
        if value is None:
            return Null(self._put("null"))
        if depth >= MAX_DEPTH:
            raise RecursionError(TOO_DEEP)
        start = self._at
        if isinstance(value, list):
            items = tuple(self._items(value, depth))
            return Array(items, Span(start, self._at))
        members = tuple(self._members(value, depth))
        return Object(members, Span(start, self._at))

    def _items(self, value: list[Value], depth: int) -> Iterator[Node]:
        self._put("[")
        for index, item in enumerate(value):
            if index:
                self._put(", ")
            yield self.node(item, depth + 1)
        self._put("]")

    def _members(self, value: dict[str, Value], depth: int) -> Iterator[Member]:
        self._put("{")
        for index, (name, member) in enumerate(value.items()):
            if index:
                self._put(", ")
            label = self._string(name)
            self._put(": ")
            yield Member(label, self.node(member, depth + 1))
        self._put("}")

    def _string(self, value: str) -> String:
        return String(value, self._put(_encode(value)))

    def _put(self, text: str) -> Span:
        start = self._at
        self.parts.append(text)
        self._at += len(text)
        return Span(start, self._at)


# Fields

_A_TIME = "a time such as 2026-01-01T00:00:10Z"
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_KINDS: dict[type, str] = {
    dict: "an object", list: "a list", str: "a string", JsonNumber: "a number", bool: "a boolean",
    type(None): "null",
}  # fmt: skip


class Field(NamedTuple):
    """A value of the text, and the way to it."""

    value: Value
    path: Path

    def error(self, problem: str) -> FieldError:
        """Return an error about this field."""
        return FieldError(problem, self.path)

    def expected(self, what: str) -> FieldError:
        """Return the error for a value of another type."""
        return self.error(f"must be {what}, found {_KINDS[type(self.value)]}")

    def members(self, known: Sequence[str], what: str = "an object") -> Members:
        """Return the members of an object that must have known ones only."""
        if not isinstance(self.value, dict):
            raise self.expected(what)
        for name in self.value:
            if name not in known:
                raise FieldError(_unknown_field(name, known), (*self.path, name))
        return Members(self.value, self.path)

    def text(self) -> str:
        """Return a string that is not empty."""
        if not isinstance(self.value, str):
            raise self.expected("a string")
        if not self.value:
            raise self.error("must not be empty")
        return self.value

    def time(self) -> dt.datetime:
        """Return a time that is given as ISO 8601 text or in epoch seconds."""
        if isinstance(self.value, JsonNumber):
            text, seconds = self.value.text, read_number(self.value.text)
        elif isinstance(self.value, str):
            text, seconds = self.value, read_date(self.value)
        else:
            raise self.expected(_A_TIME)
        try:
            if seconds is not None:
                return _EPOCH + dt.timedelta(microseconds=int(seconds * 1_000_000))
        except OverflowError:
            pass
        raise self.error(f"'{short(text)}' is not {_A_TIME}")

    def items(self, what: str) -> list[Field]:
        """Return the items of a list."""
        if not isinstance(self.value, list):
            raise self.expected(f"a list of {what}")
        return [Field(item, (*self.path, index)) for index, item in enumerate(self.value)]

    def entries(self, what: str) -> list[tuple[str, Field]]:
        """Return the members of an object that may have any."""
        if not isinstance(self.value, dict):
            raise self.expected(what)
        return [(name, Field(value, (*self.path, name))) for name, value in self.value.items()]

    def pairs(self) -> dict[str, str]:
        """Return an object of strings, which may be empty."""
        found = {}
        for name, entry in self.entries("an object of strings"):
            if not isinstance(entry.value, str):
                raise entry.expected("a string")
            found[name] = entry.value
        return found


class Members(NamedTuple):
    """The members of an object; one that is null counts as absent."""

    values: dict[str, Value]
    path: Path

    def get(self, name: str) -> Field | None:
        """Return a member, or None."""
        value = self.values.get(name)
        return None if value is None else Field(value, (*self.path, name))

    def need(self, name: str, advice: str) -> Field:
        """Return a member that must be there; the advice says what to write."""
        found = self.get(name)
        if found is None:
            raise FieldError(f"is missing; {advice}", (*self.path, name))
        return found

    def text(self, name: str) -> str | None:
        """Return a member that is a string, or None."""
        found = self.get(name)
        return None if found is None else found.text()

    def items(self, name: str, what: str) -> list[Field]:
        """Return the items of a member; none if it is absent."""
        found = self.get(name)
        return [] if found is None else found.items(what)

    def texts(self, name: str) -> frozenset[str]:
        """Return the strings in a member; none if it is absent."""
        return frozenset(item.text() for item in self.items(name, "strings"))


def _unknown_field(name: str, known: Iterable[str]) -> str:
    meant = closest(name, known)
    hint = f"did you mean '{meant}'?" if meant else f"known here: {', '.join(known)}"
    return f"unknown field; {hint}"
