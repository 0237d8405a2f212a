"""Reading files that people write: every field has its place, every complaint is kept.

A reader walks the tree with `Item`s. Nothing raises on the way; at the end `Complaints.check`
raises one `FileError` with all that was wrong.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from policy.errors import Note, Problem
from policy.source import Source, Span
from policy.spelling import closest
from policy.tree import Array, Boolean, Member, Node, Null, Number, Object, String, kind_name


class FileError(Exception):
    """Files that cannot be used; `found` pairs each problem with the file it lies in."""

    def __init__(self, found: list[tuple[Source, Problem]]) -> None:
        super().__init__(found)
        self.found = found


@dataclass
class Complaints:
    """What is wrong so far."""

    found: list[tuple[Source, Problem]] = field(default_factory=list)

    def note(
        self,
        source: Source,
        span: Span,
        message: str,
        help: str | None = None,
        notes: tuple[Note, ...] = (),
        code: str = "",
    ) -> None:
        """Keep one complaint; the same words at the same place are kept once."""
        entry = (source, Problem(code, message, span, help, notes))
        if entry not in self.found:
            self.found.append(entry)

    def check(self) -> None:
        """Raise FileError if there is any complaint."""
        if self.found:
            raise FileError(self.found)


@dataclass(frozen=True)
class Item:
    """A node of a file, with the file and the list of complaints at hand."""

    node: Node
    source: Source
    log: Complaints
    name: String | None = None

    def complain(self, message: str, help: str | None = None, notes: tuple[Note, ...] = ()) -> None:
        """Say what is wrong with this node."""
        self.log.note(self.source, _first_line(self.node), message, help, notes)

    def complain_name(self, message: str, help: str | None = None) -> None:
        """Say what is wrong with the name under which this node stands."""
        span = self.name.span if self.name is not None else self.node.span
        self.log.note(self.source, span, message, help)

    @property
    def is_null(self) -> bool:
        """Whether nothing is written here."""
        return isinstance(self.node, Null)

    def fields(self, what: str, known: Collection[str] | None = None) -> dict[str, Item]:
        """Return the members by name; complains about unknown ones when `known` is given."""
        if isinstance(self.node, Null):
            return {}
        if not isinstance(self.node, Object):
            self.complain(f"{what} must be an object, found {kind_name(self.node)}")
            return {}
        found = {}
        for member in self.node.members:
            name = member.name.value
            if known is not None and name not in known:
                self._unknown(member, what, known)
                continue
            found[name] = self._child(member)
        return found

    def _unknown(self, member: Member, what: str, known: Collection[str]) -> None:
        meant = closest(member.name.value, known)
        help = f"did you mean '{meant}'?" if meant else f"known: {', '.join(sorted(known))}"
        self.log.note(
            self.source, member.name.span, f"unknown field '{member.name.value}' in {what}", help
        )

    def _child(self, member: Member) -> Item:
        return Item(member.value, self.source, self.log, member.name)

    def items(self, what: str) -> Iterator[Item]:
        """Yield the entries of a list; anything else is complained about."""
        if isinstance(self.node, Null):
            return
        if not isinstance(self.node, Array):
            self.complain(f"{what} must be a list, found {kind_name(self.node)}")
            return
        for node in self.node.items:
            yield Item(node, self.source, self.log, self.name)

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

    def integer(self, what: str) -> int | None:
        """Return the whole number that is written here."""
        text = self.text(what)
        if text is None:
            return None
        if not text.removeprefix("-").isdecimal() or len(text) > 18:
            self.complain(f"{what} must be a whole number, found '{text}'")
            return None
        return int(text)

    def boolean(self, what: str) -> bool | None:
        """Return what `true` or `false` says."""
        text = self.text(what)
        if text is None:
            return None
        if text not in ("true", "false"):
            self.complain(f"{what} must be true or false, found '{text}'")
            return None
        return text == "true"

    def choice(self, what: str, known: Collection[str]) -> str | None:
        """Return the text if it is one of the known ones."""
        text = self.text(what)
        if text is None or text in known:
            return text
        meant = closest(text, known)
        help = f"did you mean '{meant}'?" if meant else None
        self.complain(f"{what} is '{text}'; known: {', '.join(sorted(known))}", help)
        return None


def _first_line(node: Node) -> Span:
    """Return where to point: the whole of a scalar, the beginning of anything longer."""
    if isinstance(node, Array | Object):
        return Span(node.span.start, node.span.start + 1)
    return node.span
