"""Reading a matrix: a table of operations and callers, or lists of what is allowed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from kms.shapes import request_kind
from kmsgate.scenario.fields import Fields, Item, short
from kmsgate.scenario.members import check_facts, check_members, is_operation
from kmsgate.scenario.model import Cell, Expectation
from kmsgate.scenario.references import References
from kmsgate.scenario.world import World, check_caller
from policy.source import Span
from policy.tree import String

MATRIX_FIELDS = ("key", "context", "with", "table", "allow", "explicit_deny", "else")
REST = ("deny", "skip")
SIGNS = {
    "A": Expectation(allow=True),
    "X": Expectation(deny="explicit"),
    ".": Expectation(deny="implicit"),
}
_NOT_ASKED = "-"


@dataclass(frozen=True)
class _Asked:
    """One question of a matrix, and the answer that it is to get."""

    operation: str
    caller: Item
    expect: Expectation
    place: Span
    head: Span


@dataclass
class Matrix:
    """One matrix of a test; its cells are decisions that do not disturb each other."""

    item: Item
    world: World
    names: References
    operations: set[str] = field(default_factory=set)

    def cells(self) -> Iterator[Cell]:
        """Yield the cells, row by row."""
        item, fields = self.item, self.item.fields("a matrix", MATRIX_FIELDS)
        if "key" not in fields:
            item.complain("a matrix needs a key")
        key = fields.text("key") or ""
        if "key" in fields and fields["key"].is_scalar and key not in self.world.keys:
            fields["key"].unknown("key", key, self.world.keys)
        lists = [name for name in ("allow", "explicit_deny", "else") if name in fields]
        if ("table" in fields) == bool(lists):
            item.complain("a matrix needs either a table, or allow and explicit_deny")
        facts = check_facts(fields.get("context"), self.names)
        asked = list(self._table(fields["table"]) if "table" in fields else self._lists(fields))
        self._check_members(fields)
        for question in asked:
            yield Cell(
                item,
                operation=question.operation,
                only_decide=True,
                caller=question.caller,
                parameters=fields.get("with"),
                facts=facts,
                expect=question.expect,
                key=key,
                title=f"{question.operation} by {question.caller.text('a caller')}",
                head=question.head,
                place=question.place,
            )

    def _check_members(self, fields: Fields) -> None:
        """Complain about members that no operation of the matrix has."""
        kinds = [request_kind(operation) for operation in sorted(self.operations)]
        given = fields["with"].fields("with") if "with" in fields else {}
        for name, entry in given.items():
            suited = [kind.parts[name] for kind in kinds if name in kind.parts]
            if suited:
                check_members(entry, suited[0], name, self.names)
            elif kinds:
                entry.complain_name(f"no operation of this matrix has a member '{short(name)}'")

    # A table

    def _table(self, item: Item) -> Iterator[_Asked]:
        text = item.text("a table")
        if text is None:
            return
        rows = list(_rows(item))
        if not rows:
            item.complain("the table is empty", "write 'table: |' and the rows below it")
            return
        _, *columns = rows[0].cells
        for column in columns:
            check_caller(column, self.world)
        for row in rows[1:]:
            if len(row.cells) != len(rows[0].cells):
                odd = row.cells[min(len(rows[0].cells), len(row.cells) - 1)]  # too many, or last
                odd.complain(
                    f"this row has {len(row.cells)} cells, the head has {len(rows[0].cells)}"
                )
                continue
            named, *cells = row.cells
            operation = self._operation(named)
            for cell, column in zip(cells, columns, strict=True):
                sign = cell.text("a cell") or ""
                if sign not in (*SIGNS, _NOT_ASKED):
                    cell.complain(
                        f"'{short(sign)}' is no cell",
                        "A allow, X explicit deny, . implicit deny, - not asked",
                    )
                elif operation is not None and sign != _NOT_ASKED:
                    yield _Asked(operation, column, SIGNS[sign], cell.span, rows[0].span)

    def _operation(self, item: Item) -> str | None:
        name = item.text("an operation")
        if name is None or not is_operation(item, name, only_decide=True):
            return None
        self.operations.add(name)
        return name

    # Lists

    def _lists(self, fields: Fields) -> Iterator[_Asked]:
        """`{allow: {app: [Encrypt]}, explicit_deny: {…}, else: deny}`."""
        asked: dict[tuple[str, str], _Asked] = {}
        callers: dict[str, Item] = {}
        for name, sign in (("allow", "A"), ("explicit_deny", "X")):
            for caller, entries in fields[name].fields(name).items() if name in fields else ():
                column = _name_of(entries)
                check_caller(column, self.world)
                callers.setdefault(caller, column)
                for entry in entries.items("operations"):
                    operation = self._operation(entry)
                    if operation is None:
                        continue
                    if (operation, caller) in asked:
                        entry.complain(f"{operation} by {short(caller)} is listed twice")
                    place = entry.span
                    asked[operation, caller] = _Asked(operation, column, SIGNS[sign], place, place)
        if fields.choice("else", REST) == "deny":
            place = fields["else"].span
            for operation in sorted(self.operations):
                for caller in sorted(callers):
                    rest = Expectation(deny="any")
                    asked.setdefault(
                        (operation, caller),
                        _Asked(operation, callers[caller], rest, place, place),
                    )
        yield from asked.values()


@dataclass(frozen=True)
class _Row:
    """A line of a table: its cells, and the whole of it."""

    cells: tuple[Item, ...]
    span: Span


def _rows(item: Item) -> Iterator[_Row]:
    """Yield the lines of a block scalar that hold something."""
    span, text = item.node.span, item.source.text
    at = text.find("\n", span.start) + 1
    while 0 < at < span.end:
        end = text.find("\n", at)
        end = span.end if end < 0 else min(end, span.end)
        cells = tuple(
            Item(String(found[0], place), item.source, item.log)
            for found in re.finditer(r"\S+", text[at:end])
            for place in (Span(at + found.start(), at + found.end()),)
        )
        if cells:
            yield _Row(cells, Span(cells[0].span.start, cells[-1].span.end))
        at = end + 1


def _name_of(item: Item) -> Item:
    """Return the name under which something stands, as an item of its own."""
    node = item.name if item.name is not None else item.node
    return Item(node, item.source, item.log)
