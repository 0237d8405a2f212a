"""Reading files that people write: every field has its place, every complaint is kept.

A reader walks the tree with `Item`s. Nothing raises on the way; at the end `Complaints.check`
raises one `FileError` with all that was wrong.
"""

from __future__ import annotations

import stat
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from policy.errors import Note, PolicyError, Problem
from policy.source import Source, Span
from policy.spelling import closest
from policy.tree import Array, Boolean, Member, Node, Null, Number, Object, String, kind_name

MAX_FILE_BYTES = 4 << 20
_MAX_SHOWN = 60
_MAX_LISTED = 40


class FileError(Exception):
    """Files that cannot be used; `found` pairs each problem with the file it lies in."""

    def __init__(self, found: list[tuple[Source, Problem]]) -> None:
        super().__init__(found)
        self.found = found


class UnreadableError(Exception):
    """A file that cannot be read; says why."""


@dataclass(frozen=True, slots=True)
class FarNote(Note):
    """A note whose place may be in another file than the problem's own."""

    source: Source | None = None


class Complaints:
    """What is wrong so far; the same words at the same place are kept once."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str, Span], tuple[Source, Problem]] = {}

    def __len__(self) -> int:
        return len(self._found)

    def note(
        self,
        source: Source,
        span: Span,
        message: str,
        help: str | None = None,
        notes: tuple[Note, ...] = (),
        code: str = "",
    ) -> None:
        """Keep one complaint."""
        entry = (source, Problem(code, message, span, help, notes))
        self._found.setdefault((source.name, message, span), entry)

    def note_all(self, error: PolicyError, *notes: Note) -> None:
        """Keep everything that is wrong with a document."""
        for problem in error.problems:
            more = (*problem.notes, *notes)
            self.note(error.source, problem.span, problem.message, problem.help, more, problem.code)

    def check(self) -> None:
        """Raise FileError if there is any complaint: file by file, from top to bottom."""
        if self._found:
            found = list(self._found.values())
            files = {name: at for at, name in enumerate(dict.fromkeys(s.name for s, _ in found))}
            found.sort(key=lambda entry: (files[entry[0].name], entry[1].span))
            raise FileError(found)


@dataclass(frozen=True)
class Item:
    """A node of a file, with the file and the list of complaints at hand."""

    node: Node
    source: Source
    log: Complaints
    name: String | None = None

    def complain(self, message: str, help: str | None = None, notes: tuple[Note, ...] = ()) -> None:
        """Say what is wrong with this node."""
        self.log.note(self.source, self.span, message, help, notes)

    def complain_name(
        self, message: str, help: str | None = None, notes: tuple[Note, ...] = ()
    ) -> None:
        """Say what is wrong with the name under which this node stands."""
        self.log.note(self.source, self._name_span, message, help, notes)

    def unknown(self, what: str, text: str, known: Collection[str]) -> None:
        """Say that a name stands for nothing: `no key 'paroll'; known: payroll`."""
        self.complain(f"no {what} '{short(text)}'; known: {listed(known)}", meant(text, known))

    def far_note(self, message: str) -> FarNote:
        """Return a note that points at the name under which this node stands."""
        return FarNote(message, self._name_span, self.source)

    @property
    def span(self) -> Span:
        """Where to point: the whole of a scalar, the beginning of anything longer."""
        span = self.node.span
        if isinstance(self.node, Array | Object):
            return Span(span.start, span.start + 1)
        return span

    @property
    def _name_span(self) -> Span:
        return self.name.span if self.name is not None else self.span

    @property
    def is_null(self) -> bool:
        """Whether nothing is written here."""
        return isinstance(self.node, Null)

    @property
    def is_scalar(self) -> bool:
        """Whether a text, a number or a switch is written here."""
        return isinstance(self.node, String | Number | Boolean)

    def fields(self, what: str, known: Collection[str] | None = None) -> Fields:
        """Return the members by name; complains about unknown ones when `known` is given."""
        found = Fields()
        if isinstance(self.node, Null):
            return found
        if not isinstance(self.node, Object):
            self.complain(f"{what} must be an object, found {kind_name(self.node)}")
            return found
        for member in self.node.members:
            name = member.name.value
            if known is not None and name not in known:
                self._unknown(member, what, known)
                continue
            found[name] = self._child(member)
        return found

    def _unknown(self, member: Member, what: str, known: Collection[str]) -> None:
        name = member.name.value
        help = meant(name, known) or f"known: {listed(known)}"
        self.log.note(
            self.source, member.name.span, f"unknown field '{short(name)}' in {what}", help
        )

    def _child(self, member: Member) -> Item:
        return Item(member.value, self.source, self.log, member.name)

    def members(self, what: str, known: Collection[str] | None = None) -> Fields:
        """Return the members of an object that must be there, unlike `fields`."""
        if self.is_null:
            self.complain(f"{what} must be an object, found null")
        return self.fields(what, known)

    def check_filled(self, what: str) -> None:
        """Complain about a list that holds nothing."""
        if self.is_null or (isinstance(self.node, Array) and not self.node.items):
            self.complain(f"there are no {what} here")

    def items(self, what: str) -> Iterator[Item]:
        """Yield the entries of a list; anything else is complained about."""
        if isinstance(self.node, Null):
            return
        if not isinstance(self.node, Array):
            self.complain(f"{what} must be a list, found {kind_name(self.node)}")
            return
        for node in self.node.items:
            yield Item(node, self.source, self.log, self.name)

    def one_or_more(self, what: str) -> Iterator[Item]:
        """Yield the entries of a list, or what stands here without a list."""
        if isinstance(self.node, Array):
            yield from self.items(what)
        else:
            yield self

    def text(self, what: str) -> str | None:
        """Return the text that is written here; complains about lists and objects."""
        node = self.node
        if isinstance(node, String):
            return node.value
        if isinstance(node, Number):
            return node.text
        if isinstance(node, Boolean):
            return "true" if node.value else "false"
        self.complain(f"{what} must be a text, found {kind_name(node)}")
        return None

    def texts(self, what: str) -> dict[str, str]:
        """Return the texts of an object by name."""
        found = {name: entry.text(what) for name, entry in self.fields(what).items()}
        return {name: text for name, text in found.items() if text is not None}

    def integer(self, what: str) -> int | None:
        """Return the whole number that is written here."""
        text = self.text(what)
        if text is None:
            return None
        digits = text.removeprefix("-")
        if not (digits.isascii() and digits.isdecimal()) or len(text) > 18:
            self.complain(f"{what} must be a whole number, found '{short(text)}'")
            return None
        return int(text)

    def boolean(self, what: str) -> bool | None:
        """Return what `true` or `false` says."""
        text = self.text(what)
        if text is None:
            return None
        if text not in ("true", "false"):
            self.complain(f"{what} must be true or false, found '{short(text)}'")
            return None
        return text == "true"

    def choice(self, what: str, known: Collection[str]) -> str | None:
        """Return the text if it is one of the known ones."""
        text = self.text(what)
        if text is None or text in known:
            return text
        self.complain(f"{what} is '{short(text)}'; known: {listed(known)}", meant(text, known))
        return None

    def beside(self, text: str) -> str:
        """Return the path of a file that is named relative to this one."""
        return str(Path(self.source.name).parent / text)


class Fields(dict[str, Item]):
    """The fields of an object; each can be asked for by its type, and is None if not there."""

    def text(self, name: str) -> str | None:
        """Return the text of a field."""
        return self[name].text(name) if name in self else None

    def integer(self, name: str) -> int | None:
        """Return the whole number of a field."""
        return self[name].integer(name) if name in self else None

    def flag(self, name: str) -> bool:
        """Tell whether a field says true."""
        return bool(self[name].boolean(name)) if name in self else False

    def choice(self, name: str, known: Collection[str]) -> str | None:
        """Return the text of a field if it is one of the known ones."""
        return self[name].choice(name, known) if name in self else None

    def texts(self, name: str) -> dict[str, str]:
        """Return the texts of an object by name."""
        return self[name].texts(name) if name in self else {}

    def entries(self, name: str) -> Iterator[Item]:
        """Yield the entries of a field that is a list."""
        if name in self:
            yield from self[name].items(name)

    def one_or_more(self, name: str) -> Iterator[Item]:
        """Yield the entries of a field, or its value where that is no list."""
        if name in self:
            yield from self[name].one_or_more(name)


def read_file(path: str, limit: int = MAX_FILE_BYTES) -> bytes:
    """Return what is in an ordinary file; raises UnreadableError for anything else."""
    try:
        status = Path(path).stat()
        if stat.S_ISDIR(status.st_mode):
            raise UnreadableError("it is a folder")
        if not stat.S_ISREG(status.st_mode):  # A pipe or a device may never end.
            raise UnreadableError("it is not an ordinary file")
        with Path(path).open("rb") as stream:
            data = stream.read(limit + 1)
    except OSError as error:
        raise UnreadableError(error.strerror or "no reason is given") from None
    except ValueError:
        raise UnreadableError("no file can have this name") from None
    if len(data) > limit:
        raise UnreadableError(f"it has more than {limit:,} bytes")
    return data


def short(text: str) -> str:
    """Return the beginning of a long text, for messages."""
    return text if len(text) <= _MAX_SHOWN else text[: _MAX_SHOWN - 1] + "…"


def listed(known: Collection[str]) -> str:
    """Return known names for a message, in order."""
    names = sorted(known)
    more = f", … ({len(names)} in all)" if len(names) > _MAX_LISTED else ""
    return ", ".join(names[:_MAX_LISTED]) + more if names else "none"


def meant(text: str, known: Collection[str]) -> str | None:
    """Return the advice of a slip of the pen, or None."""
    found = closest(text, known)
    return f"did you mean '{found}'?" if found is not None else None
