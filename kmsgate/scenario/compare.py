"""Writing values for a call and comparing what came back with a pattern."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any

from kms.runtime import Entropy
from kms.shapes import Kind
from kmsgate.scenario import values
from kmsgate.scenario.fields import Fields, Item, UnreadableError, read_file, short
from kmsgate.scenario.json_text import plain
from kmsgate.scenario.members import SPECIAL, wants_absence
from policy.tree import Array, Object, kind_name

MAX_SHOWN = 300


class StepError(Exception):
    """A step that cannot be done as it is written; says why at its place."""

    def __init__(self, item: Item, message: str) -> None:
        super().__init__(message)
        self.item = item
        self.message = message


class Values:
    """Turns what a file writes into values: references, bytes, times and numbers."""

    def __init__(self, bindings: Mapping[str, Any], now: dt.datetime, entropy: Entropy) -> None:
        self.bindings = bindings
        self.now = now
        self.entropy = entropy

    def of(self, item: Item, kind: Kind) -> Any:
        """Return the value of a request's member, by its type in the service model."""
        name = values.reference(item.node)
        if name is not None:
            return _typed(self.saved(item, name), kind)
        if kind.name == "structure":
            return {
                name: self.of(entry, kind.parts[name])
                for name, entry in item.fields("a structure").items()
                if name in kind.parts and not entry.is_null
            }
        if kind.name == "list" and kind.of is not None:
            return [self.of(entry, kind.of) for entry in item.items("a list")]
        if kind.name == "map" and kind.of is not None:
            return {n: self.of(entry, kind.of) for n, entry in item.fields("a map").items()}
        if kind.name == "blob":
            return self.octets(item)
        if kind.name == "timestamp" and isinstance(item.node, Object):
            return self.now + self.duration(item.fields("a time", ("in",))["in"])
        if isinstance(item.node, Object):
            return self.document(item)  # a policy, written as it reads best
        return _typed(item.text("a value"), kind)

    def document(self, item: Item) -> str:
        """Return the JSON text of a policy that YAML spells."""
        return json.dumps(self.plain(item), indent=2, ensure_ascii=False)

    def plain(self, item: Item) -> Any:
        """Return a part of a policy as Python has it, with what each `$name` stands for."""
        if isinstance(item.node, Object):
            return {n: self.plain(entry) for n, entry in item.fields("a policy").items()}
        if isinstance(item.node, Array):
            return [self.plain(entry) for entry in item.items("a list")]
        name = values.reference(item.node)
        return self.text(item) if name is not None else plain(item.node)

    def saved(self, item: Item, name: str) -> Any:
        """Return what a `$name` stands for."""
        if name not in self.bindings:
            raise StepError(item, f"${short(name)} is not saved before this step")
        return self.bindings[name]

    def text(self, item: Item) -> str:
        """Return a text, or the text that a `$name` stands for."""
        name = values.reference(item.node)
        if name is None:
            text = item.text("a text") if item.is_scalar else None
            if text is None:
                raise StepError(item, f"a text stands here, not {kind_name(item.node)}")
            return text
        found = self.saved(item, name)
        if isinstance(found, bytes | list | tuple | Mapping):
            raise StepError(item, f"${short(name)} does not hold a text")
        return shown(found)

    def duration(self, item: Item) -> dt.timedelta:
        """Return a span of time: `5 minutes`, or `{days: $days}`."""
        if isinstance(item.node, Object):
            total = dt.timedelta()
            for unit, entry in item.fields("a span of time", values.UNIT_NAMES).items():
                text = self.text(entry)
                span = values.duration_of(text, unit)
                if span is None:
                    raise StepError(entry, f"'{short(text)}' {unit} is not a span of time")
                total += span
            return total
        text = self.text(item)
        span = values.read_duration(text)
        if span is None:
            raise StepError(item, f"'{short(text)}' is not a span of time")
        return span

    def moment(self, item: Item) -> dt.datetime:
        """Return a point in time, or the one that a `$name` stands for."""
        name = values.reference(item.node)
        found = self.saved(item, name) if name is not None else None
        at = found if isinstance(found, dt.datetime) else values.read_time(self.text(item))
        if at is None:
            raise StepError(item, f"'{short(self.text(item))}' {values.NOT_A_TIME}")
        return at

    def octets(self, item: Item) -> bytes:
        """Return bytes in any of their forms."""
        name = values.reference(item.node)
        if name is not None:
            found = self.saved(item, name)
            if not isinstance(found, bytes):
                raise StepError(item, f"${short(name)} does not hold bytes")
            return found
        fields = item.fields("bytes")
        for form in ("text", "hex", "base64", "file", "random", "repeat"):
            if form in fields:
                found = self._in_form(form, fields)
                if found is None:
                    raise StepError(fields[form], f"this is not {form} for bytes")
                return found
        raise StepError(item, "bytes stand here: {text: …}, {hex: …}, {base64: …}, {file: …}, …")

    def _in_form(self, form: str, fields: Fields) -> bytes | None:
        """Return bytes in one form, or None for what they cannot be."""
        item = fields[form]
        text = self.text(item)
        if form == "text":
            return text.encode()
        if form == "hex":
            return values.read_hex(text)
        if form == "base64":
            return values.read_base64(text)
        if form == "random":
            size = values.read_size(text)
            return self.entropy.random_bytes(size) if size is not None else None
        if form == "repeat":
            unit, length = values.read_hex(text), fields.get("length")
            size = values.read_size(self.text(length)) if length is not None else None
            return (unit * (size // len(unit) + 1))[:size] if unit and size is not None else None
        try:
            return read_file(item.beside(text), values.MAX_BYTES)
        except UnreadableError as error:
            raise StepError(item, f"cannot read '{short(text)}': {error}") from None

    # Patterns

    def difference(self, item: Item, actual: Any, path: str = "") -> tuple[Item, str] | None:
        """Return where a value first departs from a pattern, and how; None if it does not."""
        name = values.reference(item.node)
        if name is not None:
            wanted = self.saved(item, name)
            same = wanted == actual or (
                _is_scalar(wanted, actual) and shown(wanted) == shown(actual)
            )
            return None if same else (item, _unlike(path, wanted, actual))
        if isinstance(item.node, Array):
            return self._list_difference(item, actual, path)
        if isinstance(item.node, Object):
            return self._object_difference(item, actual, path)
        if item.is_null:
            return None if actual is None else (item, _unlike(path, None, actual))
        wanted = self.text(item)
        if isinstance(actual, dt.datetime):
            same = values.read_time(wanted) == actual
        else:
            same = _is_scalar(actual) and wanted == shown(actual)
        return None if same else (item, _unlike(path, wanted, actual))

    def _list_difference(self, item: Item, actual: Any, path: str) -> tuple[Item, str] | None:
        entries = list(item.items("a list"))
        if not isinstance(actual, list | tuple):
            return item, f"{path or 'it'} is {shown(actual, path)}, not a list"
        if len(actual) != len(entries):
            return item, f"{path or 'it'} has {len(actual)} entries, not {len(entries)}"
        for index, (entry, value) in enumerate(zip(entries, actual, strict=True)):
            found = self.difference(entry, value, f"{path}[{index}]")
            if found is not None:
                return found
        return None

    def _object_difference(self, item: Item, actual: Any, path: str) -> tuple[Item, str] | None:
        fields = item.fields("a pattern")
        if len(fields) == 1 and set(fields) <= set(SPECIAL):
            return self._special_difference(item, fields, actual, path)
        if isinstance(actual, bytes):
            wanted = self.octets(item)
            return None if wanted == actual else (item, _unlike(path, wanted, actual))
        if not isinstance(actual, Mapping):
            return item, f"{path or 'it'} is {shown(actual, path)}, not an object"
        for name, entry in fields.items():
            inner = f"{path}.{name}" if path else name
            if wants_absence(entry):
                if name in actual:
                    return entry, f"{inner} is there: {shown(actual[name], inner)}"
                continue
            if name not in actual:
                return entry, f"there is no {inner}"
            found = self.difference(entry, actual[name], inner)
            if found is not None:
                return found
        return None

    def _special_difference(
        self, item: Item, fields: Fields, actual: Any, path: str
    ) -> tuple[Item, str] | None:
        """`{length: n}`, `{matches: "…"}`, `{contains: …}`, `{absent: true}` and `{not: …}`."""
        what = path or "it"
        if "not" in fields:
            if self.difference(fields["not"], actual, path) is not None:
                return None
            return item, f"{what} is {shown(actual, path)}, which it must not be"
        if "absent" in fields:
            return item, f"{what} is there: {shown(actual, path)}"
        if "contains" in fields:
            if _holds(actual, self._part(fields["contains"])):
                return None
            return item, f"{what} is {shown(actual, path)}, which does not contain it"
        if "length" in fields:
            wanted = self.text(fields["length"])
            if not isinstance(actual, str | bytes | list | tuple | Mapping):
                return item, f"{what} is {shown(actual, path)}, which has no length"
            if wanted != str(len(actual)):
                return item, f"{what} has length {len(actual)}, not {short(wanted)}"
            return None
        regex = values.read_regex(self.text(fields["matches"]))
        if regex is None:
            raise StepError(fields["matches"], "this is not a regular expression")
        if _is_scalar(actual) and regex.search(shown(actual)):
            return None
        return item, f"{what} is {shown(actual, path)}, which does not match"

    def _part(self, item: Item) -> bytes:
        """Return the bytes of which a value is to contain some; a text is its UTF-8."""
        name = values.reference(item.node)
        found = self.saved(item, name) if name is not None else None
        part = found.encode() if isinstance(found, str) else self.octets(item)
        if not part:
            raise StepError(item, "nothing at all is in every value")
        return part


def _holds(value: object, part: bytes) -> bool:
    """Tell whether bytes occur in a value, at any depth, as they are or as text."""
    if isinstance(value, Mapping):
        return any(_holds(entry, part) for entry in value.values())
    if isinstance(value, list | tuple):
        return any(_holds(entry, part) for entry in value)
    return part in (value if isinstance(value, bytes) else shown(value).encode())


def _typed(value: Any, kind: Kind) -> Any:
    """Return a text as a number, a switch or a moment, where the member takes one."""
    if not isinstance(value, str):
        return value
    digits = value.removeprefix("-")
    if kind.name == "integer" and digits.isascii() and digits.isdecimal() and len(digits) < 19:
        return int(value)
    if kind.name == "boolean" and value in ("true", "false"):
        return value == "true"
    if kind.name == "timestamp":
        return values.read_time(value) or value
    return value


def _is_scalar(*found: object) -> bool:
    return all(isinstance(value, str | int | dt.datetime) for value in found)


def _unlike(path: str, wanted: object, actual: object) -> str:
    return f"{path or 'it'} is {shown(actual, path)}, not {shown(wanted, path)}"


def shown(value: object, path: str = "") -> str:
    """Return a value as messages show it; of secrets only what kind of thing they are.

    `path` is where the value stands: grant tokens are texts, and yet they open something.
    """
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dt.datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    if value is None:
        return "nothing"
    if "granttoken" in path.lower():
        return "a grant token"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(shown(entry, path) for entry in value) + "]"
    if isinstance(value, Mapping):
        pairs = (f"{name}: {shown(entry, f'{path}.{name}')}" for name, entry in value.items())
        return "{" + ", ".join(pairs) + "}"
    return str(value)
