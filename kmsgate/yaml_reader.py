"""YAML texts as the trees of `policy.tree`: text stays text, and every node knows its place.

`decode` makes a text of the bytes of a file; `read` makes a tree of it, or tells all its problems.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import islice, zip_longest
from typing import Any, Final, Literal, NamedTuple

import yaml

from policy.errors import Note, PolicyError, Problem
from policy.source import Source, Span
from policy.tree import Array, Member, Node, Null, Object, String, kind_name

MAX_CHARACTERS: Final = 4 * 1024 * 1024
MAX_DEPTH: Final = 100
"""How many lists and objects may stand inside each other, aliases expanded."""
MAX_NODES: Final = 200_000
"""How many nodes a document may have, names included and aliases expanded."""

LOADER: type[yaml.CSafeLoader | yaml.SafeLoader] = (
    yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
)

_BOM = "\ufeff"
_MERGE = "<<"
_NULLS = ("", "~", "null")
_TAGS = {
    "tag:yaml.org,2002:str": yaml.ScalarEvent,
    "tag:yaml.org,2002:seq": yaml.SequenceStartEvent,
    "tag:yaml.org,2002:map": yaml.MappingStartEvent,
}
_MAX_UNREADABLE = 20  # A binary file has one cause, not thousands.
_MAX_QUOTED = 60
_TOO_DEEP = f"lists and objects stand more than {MAX_DEPTH} deep here"
_QUOTES = "put text that starts with '{sign}' in quotes"

# YAML's own set without U+0085, U+2028 and U+2029: they end a line in YAML 1.1, which the loaders
# follow, but not in YAML 1.2, so that a comment to one reader is content to another. And without
# U+FEFF, which cannot be seen; one at the start is dropped before.
_UNREADABLE = re.compile(
    "[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]+"
)
_SURROGATE = re.compile("[\ud800-\udfff]")
_HEAD = re.compile(r"(?:[ \t]*+(?:#[^\r\n]*+)?[\r\n]|%[^\r\n]*+(?:[\r\n]|\Z))*+")
_DIRECTIVE = re.compile(r"(?<![^\r\n])%(?!YAML 1\.[12][ \t]*(?:#.*)?(?:[\r\n]|\Z))[^\r\n]*+")
_TAG = re.compile(r"\S*+")
_GAP = re.compile(r"(?:\s++|#[^\r\n]*+)*+")
_TRAILER = re.compile(r"(?:\s++|#[^\r\n]*+|(?<![^\r\n])\.\.\.(?!\S))*+")


class YamlError(PolicyError):
    """A text that is not one YAML document of texts, lists and objects."""


def decode(data: bytes, name: str) -> Source:
    """Return the UTF-8 text of a file, without byte order mark; other bytes raise YamlError."""
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        return Source(name, data.decode())
    except UnicodeDecodeError as error:
        at = len(data[: error.start].decode())
        message = f"byte 0x{data[error.start]:02X} is not UTF-8"
        problem = Problem("", message, Span(at, at + 1), help="save the file as UTF-8")
        raise YamlError(Source(name, data.decode(errors="replace")), [problem]) from None


def read(source: Source) -> Node:
    """Return the one document of a YAML text, with aliases and merge keys resolved.

    A plain scalar is the text that is written, whatever it looks like; only nothing, `~` and
    `null` are Null. An alias is the node of its anchor itself, so its span is over there.
    Raises YamlError with all problems; broken syntax hides those behind it.
    """
    return _Reader(source).read()


@dataclass(frozen=True, slots=True)
class _Part:
    """A finished node with its place, which is the alias's own where it comes from an alias.

    `size` and `height` are those of the expanded node. `node` is None after a reported problem.
    """

    node: Node | None
    span: Span
    size: int = 1
    height: int = 0


@dataclass(slots=True, eq=False)
class _Frame:
    """A list or an object that is still open; an object's parts are names and values in turn."""

    start: int
    anchor: str | None
    is_object: bool
    has_bracket: bool
    parts: list[_Part] = field(default_factory=list)

    @property
    def awaits_name(self) -> bool:
        return self.is_object and len(self.parts) % 2 == 0


class _Reader:
    """One reading of one text."""

    # Events, and not yaml.compose: they carry the same marks, and with a stack of our own no text
    # can make us recurse, and depth and size are known before a tree of that size exists.

    def __init__(self, source: Source) -> None:
        self._source = source
        self._text = source.text
        self._base = 0
        self._problems: list[Problem] = []
        self._is_garbled = False
        self._is_done = False
        self._open: list[_Frame] = []
        self._anchors: dict[str, _Part | _Frame] = {}
        self._size = 0
        self._root: _Part | None = None

    def read(self) -> Node:
        if len(self._text) > MAX_CHARACTERS:
            self._report(Span(0, 1), f"the text has more than {MAX_CHARACTERS:,} characters")
        else:
            self._read_document()
        root = self._root
        if not self._problems and (root is None or _is_nothing(root)):
            self._report(root.span if root else Span(0, 0), "the document is empty")
        if self._problems or root is None or root.node is None:
            problems = sorted(self._problems, key=lambda problem: problem.span)
            raise YamlError(self._source, problems)
        return root.node

    def _report(self, span: Span, message: str, advice: str | None = None, *notes: Note) -> None:
        self._problems.append(Problem("", message, span, advice, notes))

    def _offset(self, mark: Any) -> int:
        """Return the place of a yaml mark in the source."""
        return self._base + int(mark.index)

    # What the loaders get to see.

    def _loadable(self) -> str:
        """Return the text with stand-ins, of the same length, for what no loader must see."""
        # The C loader does not count a byte order mark, the Python loader does.
        text = self._text.lstrip(_BOM)
        self._base = len(self._text) - len(text)
        for unreadable in islice(_UNREADABLE.finditer(text), _MAX_UNREADABLE):
            self._report_unreadable(unreadable)
        text = _UNREADABLE.sub(lambda found: "\ufffd" * len(found[0]), text)
        # libyaml compares every %TAG line with all before it: minutes, within MAX_CHARACTERS.
        head = text[: _end_of(_HEAD, text, 0)]
        if directive := _DIRECTIVE.search(head):
            span = Span(self._base + directive.start(), self._base + directive.end())
            self._report(span, "a line that starts with '%' is not read here", "leave it out")
        return _DIRECTIVE.sub(lambda found: "#" * len(found[0]), head) + text[len(head) :]

    def _report_unreadable(self, found: re.Match[str]) -> None:
        self._is_garbled = True
        span = Span(self._base + found.start(), self._base + found.end())
        code = ord(found[0][0])
        escape = f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
        advice = None if _SURROGATE.match(found[0]) else f'write "{escape}", in double quotes'
        self._report(span, f"the character U+{code:04X} cannot stand here", advice)

    def _events(self) -> Iterator[yaml.Event]:
        """Yield the events of the text up to broken syntax, which is reported."""
        text = self._loadable()
        end = self._base
        try:
            for event in yaml.parse(text, Loader=LOADER):
                end = self._offset(event.end_mark)
                yield event
        except yaml.MarkedYAMLError as error:
            if not self._is_garbled:  # An unreadable character may well have caused it.
                self._problems.append(_explain(error, self._text, self._base, self._bracket()))
        except (ValueError, OverflowError):
            # The Python loader hands what follows \U to chr() as it is.
            at = max(end, self._text.find("\\U", end))
            self._report(Span(at, at + 2), "this escape names no character")

    def _bracket(self) -> int | None:
        """Return the place of the innermost bracket that is still open."""
        return next((frame.start for frame in reversed(self._open) if frame.has_bracket), None)

    # Events become parts, parts become nodes.

    def _read_document(self) -> None:
        for event in self._events():
            self._take(event)
            if self._is_done:
                break
        while self._open:
            self._close(None)

    def _take(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.ScalarEvent):
            self._add(self._scalar(event))
        elif isinstance(event, yaml.AliasEvent):
            self._add(self._alias(event))
        elif isinstance(event, yaml.CollectionStartEvent):
            self._begin(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            start, end = self._offset(event.start_mark), self._offset(event.end_mark)
            self._close(end if start < end else None)
        elif isinstance(event, yaml.DocumentEndEvent):
            self._end_document(self._offset(event.end_mark))

    def _add(self, part: _Part) -> None:
        if self._open:
            self._open[-1].parts.append(part)
        else:
            self._root = part

    def _grow(self, span: Span, size: int = 1, height: int = 0) -> None:
        """Count what stands at a place; stop where it is too much."""
        self._size += size
        if len(self._open) + height > MAX_DEPTH:
            self._is_done = True
            self._report(span, _TOO_DEEP)
        elif self._size > MAX_NODES:
            self._is_done = True
            self._report(span, f"the document grows beyond {MAX_NODES:,} nodes here")

    def _scalar(self, event: yaml.ScalarEvent) -> _Part:
        start = self._after_properties(event)
        end = self._offset(event.end_mark)
        if not event.value and not event.style:
            start = self._offset(event.start_mark)
        span = Span(start, start + len(self._text[start:end].rstrip(" \t\r\n")))
        self._grow(span)
        if _SURROGATE.search(event.value):
            self._report(span, "an escape in this text names no character")
        is_plain = not event.style and event.tag is None
        is_name = bool(self._open) and self._open[-1].awaits_name
        is_null = is_plain and not is_name and event.value in _NULLS
        part = _Part(Null(span) if is_null else String(event.value, span, is_plain), span)
        if event.anchor:
            self._anchors[event.anchor] = part
        return part

    def _after_properties(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> int:
        """Return where a node begins, behind its anchor and tag; report a tag without use."""
        at = self._offset(event.start_mark)
        for _ in filter(None, (event.anchor, event.tag)):
            if event.anchor and self._text.startswith("&", at):
                end = at + 1 + len(event.anchor)
            else:
                end = _end_of(_TAG, self._text, at)
                self._check_tag(event, Span(at, min(end, self._offset(event.end_mark))))
            at = _end_of(_GAP, self._text, end)
        return at

    def _check_tag(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent, span: Span) -> None:
        if event.tag not in _TAGS or not isinstance(event, _TAGS[event.tag]):
            tag = _quoted(self._text[span.start : span.end])
            self._report(span, f"the tag {tag} has no meaning here", "leave it out")

    def _alias(self, event: yaml.AliasEvent) -> _Part:
        span = Span(self._offset(event.start_mark), self._offset(event.end_mark))
        name = event.anchor or ""
        target = self._anchors.get(name)
        if target is None:
            advice = _QUOTES.replace("{sign}", "*")
            self._report(span, f"no anchor is named {_quoted(name)}", advice)
            return _Part(None, span)
        if isinstance(target, _Frame):
            note = Note("it starts here", Span(target.start, target.start + 1))
            self._report(span, f"{_quoted(name)} stands inside itself", None, note)
            return _Part(None, span)
        self._grow(span, target.size, target.height)
        return replace(target, span=span)

    def _begin(self, event: yaml.CollectionStartEvent) -> None:
        frame = _Frame(
            start=self._after_properties(event),
            anchor=event.anchor,
            is_object=isinstance(event, yaml.MappingStartEvent),
            has_bracket=bool(event.flow_style)
            and self._offset(event.start_mark) < self._offset(event.end_mark),
        )
        self._open.append(frame)
        if frame.anchor:
            self._anchors[frame.anchor] = frame
        self._grow(Span(frame.start, frame.start + 1))

    def _close(self, end: int | None) -> None:
        """Finish the innermost frame; without a closing bracket it ends with its last part."""
        frame = self._open.pop()
        parts = frame.parts
        if end is None:
            end = parts[-1].span.end if parts else frame.start
        span = Span(frame.start, end)
        part = _Part(
            self._object(parts, span) if frame.is_object else _array(parts, span),
            span,
            size=1 + sum(part.size for part in parts),
            height=1 + max((part.height for part in parts), default=0),
        )
        # The anchor may name a later node by now, one inside this frame.
        if frame.anchor and self._anchors[frame.anchor] is frame:
            self._anchors[frame.anchor] = part
        self._add(part)

    def _object(self, parts: list[_Part], span: Span) -> Object:
        """Return the object of these names and values; merged members stand where `<<` does."""
        entries = self._entries(parts)
        taken = {name.value for name, _ in entries if not _is_merge(name)}
        members: list[Member] = []
        for name, value in entries:
            if not _is_merge(name):
                if value.node is not None:
                    members.append(Member(name, value.node))
                continue
            for member in self._merged(value):
                if member.name.value not in taken:
                    taken.add(member.name.value)
                    members.append(member)
        return Object(tuple(members), span)

    def _entries(self, parts: list[_Part]) -> list[tuple[String, _Part]]:
        """Return the entries whose names are good and new; the others are reported."""
        entries: dict[tuple[str, bool], tuple[String, _Part]] = {}
        no_value = _Part(None, Span(0, 0))  # Broken syntax may come right behind a name.
        for key, value in zip_longest(parts[::2], parts[1::2], fillvalue=no_value):
            name = self._name(key)
            if name is None:
                continue
            first = entries.setdefault((name.value, _is_merge(name)), (name, value))[0]
            if first is not name:
                note = Note("first here", first.span)
                self._report(name.span, f"{_quoted(name.value)} is defined twice", None, note)
        return list(entries.values())

    def _name(self, key: _Part) -> String | None:
        """Return a name with the place where it stands, or report that it is none."""
        if not isinstance(key.node, String):
            if key.node is not None:
                self._report(key.span, f"a name must be a string, not {kind_name(key.node)}")
            return None
        if key.node.plain and not key.node.value:
            self._report(key.span, "a name is missing here")
            return None
        return String(key.node.value, key.span, key.node.plain)

    def _merged(self, part: _Part) -> Iterator[Member]:
        """Yield what `<<` brings in, the first source first; report what cannot be merged."""
        if isinstance(part.node, Object):
            yield from part.node.members
        elif isinstance(part.node, Array):
            for number, item in enumerate(part.node.items, start=1):
                if isinstance(item, Object):
                    yield from item.members
                else:
                    what = f"item {number} of this list is {kind_name(item)}"
                    self._report(part.span, f"'<<' merges objects, and {what}")
        elif part.node is not None:
            what = f"an object or a list of objects, not {kind_name(part.node)}"
            self._report(part.span, f"'<<' merges {what}")

    # Where reading ends.

    def _end_document(self, at: int) -> None:
        """Stop behind the first document and report what follows it.

        The loader is not asked: it would read the directives of the next document.
        """
        self._is_done = True
        at = _end_of(_TRAILER, self._text, at)
        if at == len(self._text):
            return
        if self._text.startswith(("---", "%"), at):
            span, message = Span(at, at + 3), "a second document starts here"
            self._report(span, message, "keep one document in a file")
        else:
            self._report(Span(at, at + 1), "nothing can follow the end of the document")


def _end_of(pattern: re.Pattern[str], text: str, at: int) -> int:
    """Return where the match of a pattern that starts here ends; here, if there is none."""
    found = pattern.match(text, at)
    return found.end() if found else at


def _array(parts: list[_Part], span: Span) -> Array:
    return Array(tuple(part.node for part in parts if part.node is not None), span)


def _is_nothing(part: _Part) -> bool:
    return isinstance(part.node, Null) and part.span.start == part.span.end


def _is_merge(name: String) -> bool:
    return name.plain and name.value == _MERGE


def _quoted(name: str) -> str:
    return f"'{name}'" if len(name) <= _MAX_QUOTED else f"'{name[:_MAX_QUOTED]}…'"


class _Wording(NamedTuple):
    """What we say, and about which place, when a loader complains."""

    complaint: str
    message: str
    help: str | None = None
    about: Literal["problem", "context", "escape"] = "problem"


_TAB = _Wording("", "a tab stands where YAML takes only spaces", "indent with spaces")
_BRACKET = _Wording("", "this '{sign}' is never closed")
# The two loaders differ in their words: each row knows both. The first that fits counts.
_WORDINGS = (
    _Wording("nesting depth", _TOO_DEEP),
    _Wording("any token", "text cannot start with '{sign}'", _QUOTES),
    _Wording(
        "mapping values",
        "a ':' cannot stand here",
        "check the indentation; text that holds ': ' needs quotes",
    ),
    _Wording("sequence entries", "a list cannot start here", "start it on a line of its own"),
    _Wording("mapping keys", "a name cannot start here", _QUOTES),
    _Wording("expected ':'", "this name is not followed by ': '", about="context"),
    _Wording("quoted scalar: found unexpected", "this quote is never closed", about="context"),
    _Wording(
        "unknown escape",
        "this backslash starts no escape",
        r"write '\\' for a backslash, or put the text in single quotes",
        about="escape",
    ),
    _Wording(
        "quoted scalar: .*(Unicode|hex)",
        "this escape names no character",
        "write the character itself",
        about="escape",
    ),
    _Wording("',' or", "a comma or a closing bracket is missing before this"),
    _Wording(
        "expected key|<block end>|'-' indicator",
        "this does not continue what stands before it",
        "check the indentation here, and the quotes of the line before",
    ),
    _Wording("node content", "a value is missing before this", _QUOTES),
    _Wording("alias: ", "only a name can follow this '*'", _QUOTES, about="context"),
    _Wording("anchor: ", "only a name can follow this '&'", _QUOTES, about="context"),
    _Wording("scanning a directive", "a line cannot start with '%'", _QUOTES, about="context"),
    _Wording("tag", "this tag cannot be read", _QUOTES, about="context"),
    _Wording("block scalar", "only a line end can follow this '{sign}'", _QUOTES, about="context"),
)
_OPENINGS = {
    "while parsing a block mapping": "the object starts here",
    "while parsing a flow mapping": "the object starts here",
    "while parsing a block collection": "the list starts here",
    "while parsing a flow sequence": "the list starts here",
}


def _explain(error: yaml.MarkedYAMLError, text: str, base: int, bracket: int | None) -> Problem:
    """Return broken syntax as a problem in our words, at the place of its cause."""
    complaint = f"{error.context}: {error.problem}"
    at = base + error.problem_mark.index if error.problem_mark else base
    context = base + error.context_mark.index if error.context_mark else at
    notes: tuple[Note, ...] = ()
    if context < at and error.context in _OPENINGS:
        notes = (Note(_OPENINGS[error.context], Span(context, context + 1)),)
    wording = _wording(complaint, text.startswith("\t", at))
    if bracket is not None and at >= len(text.rstrip()) and "flow" in complaint:
        wording, at, notes = _BRACKET, bracket, ()
    elif wording.about == "context":
        at = context
    elif wording.about == "escape":
        at = text.rfind("\\", 0, at + 1)
    sign = text[at : at + 1]
    advice = wording.help and wording.help.replace("{sign}", sign)
    span = Span(at, min(at + 1, len(text)))
    return Problem("", wording.message.replace("{sign}", sign), span, advice, notes)


def _wording(complaint: str, is_tab: bool) -> _Wording:
    if is_tab and re.search("tab|any token", complaint):
        return _TAB
    fallback = _Wording("", f"this is not YAML: {complaint.partition(': ')[2]}")
    return next((row for row in _WORDINGS if re.search(row.complaint, complaint)), fallback)
