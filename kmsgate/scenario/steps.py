"""Reading the steps of a test: calls, decisions, tables, and what they are to come to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from kms.operation import OPERATIONS
from kms.shapes import Kind, operation_names, request_kind
from kmsgate.scenario import values
from kmsgate.scenario.fields import Item
from kmsgate.scenario.model import (
    AdvanceStep,
    CallStep,
    Cell,
    ChangeStep,
    Expectation,
    LookStep,
    Step,
    TamperStep,
)
from kmsgate.scenario.world import World
from policy.decision import AllowPath, Layer, Reason
from policy.source import Span
from policy.spelling import closest
from policy.tree import Array, Object, String

_CALL_FIELDS = (
    "as", "with", "context", "via", "endpoint", "region", "dry_run", "expect", "save", "note",
)  # fmt: skip
_ACTIONS = ("call", "decide", "advance", "advance_to", "change", "look", "run", "do")
_STEP_FIELDS = (*_ACTIONS, *_CALL_FIELDS)
_EXPECT_FIELDS = (
    "allow", "deny", "layer", "by", "because", "error", "message", "output", "event",
)  # fmt: skip
_LATER_STEPS = {
    "who_can": "who_can steps come with a later version",
}


def check_caller(item: Item, name: str, world: World) -> None:
    if world.caller(name, world.state.directory) is None:
        message, help = world.unknown_caller(name)
        item.complain(message, help)


class Steps:
    """Reads the steps of one test in their order: a value must be saved before it is used."""

    def __init__(
        self, world: World, blocks: Mapping[str, Item], default: str | None, known: set[str]
    ) -> None:
        self.world = world
        self.blocks = blocks
        self.default = default
        self.known = known
        self.running: tuple[str, ...] = ()
        self.key = ""

    def read(self, item: Item) -> Iterator[Step]:
        for entry in item.items("steps"):
            yield from self._step(entry)

    def _step(self, item: Item) -> Iterator[Step]:
        if isinstance(item.node, Object):
            for name, why in _LATER_STEPS.items():
                if item.node.get(name) is not None:
                    item.complain(why)
                    return
        fields = item.fields("a step", _STEP_FIELDS)
        actions = [name for name in _ACTIONS if name in fields]
        if len(actions) != 1:
            if isinstance(item.node, Object):
                item.complain(
                    "a step needs exactly one of " + ", ".join(_ACTIONS),
                )
            return
        action = actions[0]
        if action in ("call", "decide"):
            step = self._call(item, fields, fields[action], only_decide=action == "decide")
            if step is not None:
                yield step
        elif action == "run":
            yield from self._run(fields["run"])
        elif action == "do":
            yield from self._do(item, fields)
        elif action in ("advance", "advance_to"):
            yield self._advance(item, fields)
        elif action == "change":
            known = ("key", "identity", "policy", "add_statement", "drop_statement", "tags",
                     "state", "policies", "recreate", "delete")  # fmt: skip
            yield ChangeStep(item, self._subject(fields["change"], known, ("key", "identity")))
        else:
            inner = fields["look"].fields("look")
            yield LookStep(item, self._subject(fields["look"], tuple(inner), _LOOKS))

    def _subject(
        self, item: Item, known: Sequence[str], subjects: Sequence[str]
    ) -> dict[str, Item]:
        fields = item.fields("this step", known)
        named = [name for name in subjects if name in fields]
        if len(named) != 1:
            item.complain(f"say which: {' or '.join(subjects)}")
            return fields
        subject = fields[named[0]]
        text = subject.text("the name")
        if text is not None and named[0] == "key" and text not in self.world.keys:
            meant = closest(text, self.world.keys)
            subject.complain(
                f"no key '{text}'; known: {', '.join(sorted(self.world.keys)) or 'none'}",
                f"did you mean '{meant}'?" if meant else None,
            )
        if text is not None and named[0] == "identity" and text not in self.world.arns:
            subject.complain(f"no identity '{text}' in this world")
        return fields

    def _run(self, item: Item) -> Iterator[Step]:
        name = item.text("a block")
        if name is None:
            return
        if name not in self.blocks:
            meant = closest(name, self.blocks)
            item.complain(f"no block '{name}'", f"did you mean '{meant}'?" if meant else None)
            return
        if name in self.running:
            item.complain(f"block '{name}' runs itself")
            return
        self.running = (*self.running, name)
        yield from self.read(self.blocks[name])
        self.running = self.running[:-1]

    def _do(self, item: Item, fields: Mapping[str, Item]) -> Iterator[Step]:
        what = fields["do"].text("do")
        if what != "tamper":
            fields["do"].complain(f"'do: {what}' is not known to this version", "known: do: tamper")
            return
        given = fields["with"].fields("with", ("value",)) if "with" in fields else {}
        if "value" not in given:
            item.complain("tamper needs 'with: {value: $blob}'")
            return
        self._references(given["value"])
        yield TamperStep(item, given["value"], self._save(fields, ("value",)))

    def _advance(self, item: Item, fields: Mapping[str, Item]) -> Step:
        if "advance_to" in fields:
            text = fields["advance_to"].text("a time")
            until = values.read_time(text or "")
            if text is not None and until is None:
                fields["advance_to"].complain(
                    f"'{text}' is not a time such as 2026-01-05T09:00:00Z"
                )
            return AdvanceStep(item, None, until)
        amount = fields["advance"]
        if isinstance(amount.node, Object):
            amount.fields("a span of time", values.UNIT_NAMES)
            self._references(amount)
        else:
            text = amount.text("a span of time")
            if text is not None and values.read_duration(text) is None:
                amount.complain(f"'{text}' is not a span of time", "write '5 minutes' or '7 days'")
        return AdvanceStep(item, amount, None)

    def _call(
        self, item: Item, fields: Mapping[str, Item], named: Item, *, only_decide: bool
    ) -> CallStep | None:
        operation = named.text("an operation")
        if operation is None or not _known_operation(named, operation):
            return None
        caller = fields["as"].text("as") if "as" in fields else self.default
        if caller is None:
            item.complain("nobody makes this call", "write 'as: NAME' in the step or the test")
            return None
        if caller.startswith("$"):
            self._references(fields.get("as", item))
        elif "as" in fields:
            check_caller(fields["as"], caller, self.world)
        parameters = fields.get("with")
        if parameters is not None:
            self._check(parameters, request_kind(operation), operation)
        save = self._save(fields, None)
        dry_run = "dry_run" in fields and bool(fields["dry_run"].boolean("dry_run"))
        expect = self._expect(fields.get("expect"))
        self.known |= set(save)
        facts = fields["context"].fields("context") if "context" in fields else {}
        return CallStep(
            item,
            operation,
            only_decide,
            caller,
            parameters,
            facts,
            fields["via"].text("via") if "via" in fields else None,
            fields["endpoint"].text("endpoint") if "endpoint" in fields else None,
            fields["region"].text("region") if "region" in fields else None,
            dry_run,
            expect,
            save,
        )

    def _save(self, fields: Mapping[str, Item], allowed: Sequence[str] | None) -> dict[str, str]:
        if "save" not in fields:
            return {}
        saved = {}
        for name, member in fields["save"].fields("save").items():
            text = member.text("an output member")
            if text is not None and allowed is not None and text not in allowed:
                member.complain(f"this step gives {', '.join(allowed)}, not '{text}'")
            elif text is not None:
                saved[name] = text
        self.known |= set(saved)
        return saved

    # What is written for a member

    def _check(self, item: Item, kind: Kind, what: str) -> None:
        """Complain about members that an operation does not have, and names not yet saved."""
        if _reference(item) is not None:
            self._references(item)
            return
        if kind.name == "structure":
            if not isinstance(item.node, Object):
                item.complain(f"{what} takes an object here")
                return
            for name, entry in item.fields(what).items():
                if name in kind.parts:
                    self._check(entry, kind.parts[name], name)
                else:
                    members = ", ".join(sorted(kind.parts))
                    meant = closest(name, kind.parts)
                    entry.complain_name(
                        f"{what} has no member '{name}'; members: {members}",
                        f"did you mean '{meant}'?" if meant else None,
                    )
        elif kind.name == "list" and kind.of is not None:
            for entry in item.items(what):
                self._check(entry, kind.of, what)
        elif kind.name == "map" and kind.of is not None:
            for entry in item.fields(what).values():
                self._check(entry, kind.of, what)
        elif kind.name == "blob":
            self._check_bytes(item, what)
        elif kind.name == "timestamp" and isinstance(item.node, Object):
            item.fields("a time", ("in",))
        elif kind.name == "integer":
            item.integer(what)
        elif kind.name == "boolean":
            item.boolean(what)
        elif not (what == "Policy" and isinstance(item.node, Object)):
            item.text(what)

    def _check_bytes(self, item: Item, what: str) -> None:
        known = ("text", "hex", "base64", "file", "random", "repeat", "length")
        if not isinstance(item.node, Object):
            item.complain(f"{what} takes bytes", "write {text: …}, {hex: …}, {base64: …} or $name")
            return
        for name, entry in item.fields("bytes", known).items():
            text = entry.text(name)
            if text is not None and name in ("hex", "repeat") and values.read_hex(text) is None:
                entry.complain(f"'{text}' is not hexadecimal")
            if text is not None and name == "base64" and values.read_base64(text) is None:
                entry.complain(f"'{text}' is not base64")

    def _references(self, item: Item) -> None:
        """Complain about `$name`s anywhere below that are not known yet."""
        name = _reference(item)
        if name is not None:
            if not self._is_known(name):
                known = [*sorted(self.known), *sorted(self.world.arns), "now"]
                meant = closest(name.partition(".")[0], known)
                item.complain(
                    f"${name} is not saved before this step",
                    f"did you mean '${meant}'?" if meant else None,
                )
            return
        if isinstance(item.node, Object):
            for entry in item.fields("this").values():
                self._references(entry)
        elif isinstance(item.node, Array):
            for entry in item.items("this"):
                self._references(entry)

    def _is_known(self, name: str) -> bool:
        if name in self.known or name == "now":
            return True
        thing, dot, fact = name.rpartition(".")
        return bool(dot) and fact in ("arn", "id", "account") and thing in self.world.arns

    # Expectations

    def _expect(self, item: Item | None) -> Expectation:
        if item is None:
            return Expectation(allow=True)
        if isinstance(item.node, String):
            known = {
                "allow": Expectation(allow=True, item=item),
                "deny": Expectation(deny="any", item=item),
                "explicit deny": Expectation(deny="explicit", item=item),
                "implicit deny": Expectation(deny="implicit", item=item),
            }
            word = item.choice("expect", tuple(known))
            return known.get(word or "", Expectation(item=item))
        fields = item.fields("expect", _EXPECT_FIELDS)
        texts: dict[str, str | None] = {
            name: fields[name].text(name) for name in ("error", "message") if name in fields
        }
        allow, paths = self._allow(fields.get("allow"))
        for name in ("by", "output", "event"):
            if name in fields:
                self._references(fields[name])
        return Expectation(
            allow=allow,
            paths=paths,
            deny=self._deny(fields.get("deny")),
            layer=_choice(fields.get("layer"), "a layer", [str(layer) for layer in Layer]),
            because=_choice(fields.get("because"), "a reason", [str(r) for r in Reason]),
            by=fields.get("by"),
            error=texts.get("error"),
            message=texts.get("message"),
            output=fields.get("output"),
            event=fields.get("event"),
            item=item,
        )

    def _allow(self, item: Item | None) -> tuple[bool, tuple[str, ...]]:
        if item is None:
            return False, ()
        if isinstance(item.node, String) and item.node.value == "true":
            return True, ()
        known = [str(path) for path in AllowPath]
        entries = item.items("allow") if isinstance(item.node, Array) else iter((item,))
        paths = [entry.choice("a path", known) for entry in entries]
        return True, tuple(path for path in paths if path is not None)

    def _deny(self, item: Item | None) -> str | None:
        if item is None:
            return None
        word = item.choice("deny", ("true", "explicit", "implicit"))
        return "any" if word == "true" else word

    # Tables

    def matrix(self, item: Item) -> Iterator[Step]:
        known = ("key", "context", "with", "table", "allow", "explicit_deny", "else")
        fields = item.fields("a matrix", known)
        if "key" not in fields:
            item.complain("a matrix needs a key")
            return
        key = fields["key"].choice("a key", tuple(self.world.keys))
        if key is None:
            return
        self.key = key
        if "table" in fields:
            yield from self._table(fields["table"], fields)
        else:
            yield from self._lists(item, fields)

    def _table(self, item: Item, fields: Mapping[str, Item]) -> Iterator[Step]:
        text = item.text("a table")
        rows = list(_rows(item)) if text is not None else []
        if not rows:
            item.complain("the table is empty")
            return
        (_, head_line), *lines = rows
        head = _cells(*rows[0])
        for column, span in head[1:]:
            if self.world.caller(column, self.world.state.directory) is None:
                message, help = self.world.unknown_caller(column)
                item.log.note(item.source, span, message, help)
                return
        head_span = Span(rows[0][0], rows[0][0] + len(head_line))
        for start, line in lines:
            cells = _cells(start, line)
            if len(cells) != len(head):
                span = Span(cells[0][1].start, cells[-1][1].end)
                message = f"this row has {len(cells)} cells, the head has {len(head)}"
                item.log.note(item.source, span, message)
                continue
            operation, where = cells[0]
            at = Item(String(operation, where), item.source, item.log)
            if not _known_operation(at, operation):
                continue
            for (sign, place), (column, _) in zip(cells[1:], head[1:], strict=True):
                if sign == "-":
                    continue
                if sign not in _CELLS:
                    message = f"'{sign}' is no cell; A allow, X explicit deny, . implicit deny, -"
                    item.log.note(item.source, place, message)
                    continue
                yield self._cell(item, fields, operation, column, _CELLS[sign], head_span, place)

    def _lists(self, item: Item, fields: Mapping[str, Item]) -> Iterator[Step]:
        """`{allow: {app: [Encrypt]}, explicit_deny: {…}, else: deny}`."""
        asked: dict[tuple[str, str], tuple[Expectation, Span]] = {}
        columns: set[str] = set()
        operations: list[str] = []
        for name, expect in (("allow", _CELLS["A"]), ("explicit_deny", _CELLS["X"])):
            for caller, entries in fields[name].fields(name).items() if name in fields else ():
                check_caller(entries, caller, self.world)
                columns.add(caller)
                for entry in entries.items("operations"):
                    operation = entry.text("an operation")
                    if operation is not None and _known_operation(entry, operation):
                        asked[operation, caller] = (expect, entry.node.span)
                        operations.append(operation)
        rest = fields["else"].choice("else", ("deny", "skip")) if "else" in fields else "skip"
        place = fields["else"].node.span if "else" in fields else item.node.span
        if rest == "deny":
            for operation in dict.fromkeys(operations):
                for caller in sorted(columns):
                    asked.setdefault((operation, caller), (Expectation(deny="any"), place))
        for (operation, caller), (expect, span) in asked.items():
            if self.world.caller(caller, self.world.state.directory) is not None:
                yield self._cell(item, fields, operation, caller, expect, span, span)

    def _cell(
        self, item: Item, fields: Mapping[str, Item], operation: str, caller: str,
        expect: Expectation, head: Span, place: Span,
    ) -> Cell:  # fmt: skip
        return Cell(
            item,
            operation,
            True,
            caller,
            fields.get("with"),
            fields["context"].fields("context") if "context" in fields else {},
            None,
            None,
            None,
            False,
            expect,
            {},
            key=self.key,
            title=f"{operation} by {caller}",
            head=head,
            place=place,
        )


_LOOKS = ("key", "alias", "grant", "event")
_CELLS = {
    "A": Expectation(allow=True),
    "X": Expectation(deny="explicit"),
    ".": Expectation(deny="implicit"),
}


def _choice(item: Item | None, what: str, known: Sequence[str]) -> str | None:
    return item.choice(what, known) if item is not None else None


def _known_operation(item: Item, name: str) -> bool:
    if name in OPERATIONS:
        return True
    if name in operation_names():
        item.complain(f"{name} is not supported by this version of kmsgate")
        return False
    meant = closest(name, OPERATIONS)
    item.complain(f"no operation '{name}'", f"did you mean '{meant}'?" if meant else None)
    return False


def _reference(item: Item) -> str | None:
    """Return the name that a `$name` stands for; quoted text is text."""
    node = item.node
    if isinstance(node, String) and node.plain and node.value.startswith("$"):
        return node.value[1:]
    return None


reference = _reference


def _rows(item: Item) -> Iterator[tuple[int, str]]:
    """Yield the lines of a block scalar that hold something, with their offset in the file."""
    span, text = item.node.span, item.source.text
    at = text.find("\n", span.start) + 1
    while 0 < at < span.end:
        end = text.find("\n", at)
        end = span.end if end < 0 else min(end, span.end)
        line = text[at:end]
        if line.strip():
            yield at, line
        at = end + 1


def _cells(start: int, line: str) -> list[tuple[str, Span]]:
    return [
        (found[0], Span(start + found.start(), start + found.end()))
        for found in re.finditer(r"\S+", line)
    ]
