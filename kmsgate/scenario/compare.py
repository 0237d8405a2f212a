"""Writing values for a call and comparing what came back with a pattern."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kms.runtime import Entropy
from kms.shapes import Kind
from kmsgate.scenario import values
from kmsgate.scenario.fields import Item
from kmsgate.scenario.json_text import json_text
from kmsgate.scenario.steps import reference
from policy.tree import Array, Object

MAX_PATTERN = 1000


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
        name = reference(item)
        if name is not None:
            return self._typed(self.saved(item, name), kind)
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
            return json_text(item.node)  # a policy, written as it reads best
        return self._typed(item.text("a value"), kind)

    def _typed(self, value: Any, kind: Kind) -> Any:
        if not isinstance(value, str):
            return value
        if kind.name == "integer" and value.removeprefix("-").isdecimal():
            return int(value)
        if kind.name == "boolean" and value in ("true", "false"):
            return value == "true"
        if kind.name == "timestamp":
            return values.read_time(value) or value
        return value

    def saved(self, item: Item, name: str) -> Any:
        """Return what a `$name` stands for."""
        if name not in self.bindings:
            raise StepError(item, f"${name} is not saved before this step")
        return self.bindings[name]

    def text(self, item: Item) -> str:
        """Return a text, or the text that a `$name` stands for."""
        name = reference(item)
        found = self.saved(item, name) if name is not None else item.text("a text")
        return found if isinstance(found, str) else str(found)

    def duration(self, item: Item) -> dt.timedelta:
        """Return a span of time: `5 minutes`, or `{days: $days}`."""
        if isinstance(item.node, Object):
            total = dt.timedelta()
            for unit, entry in item.fields("a span of time", values.UNIT_NAMES).items():
                text = self.text(entry)
                span = values.duration_of(int(text), unit) if text.isdecimal() else None
                if span is None:
                    raise StepError(entry, f"'{text}' {unit} is not a span of time")
                total += span
            return total
        text = self.text(item)
        span = values.read_duration(text)
        if span is None:
            raise StepError(item, f"'{text}' is not a span of time")
        return span

    def octets(self, item: Item) -> bytes:
        """Return bytes in any of their forms."""
        name = reference(item)
        if name is not None:
            found = self.saved(item, name)
            if not isinstance(found, bytes):
                raise StepError(item, f"${name} does not hold bytes")
            return found
        fields = item.fields("bytes")
        texts = {n: self.text(entry) for n, entry in fields.items()}
        if "text" in texts:
            return texts["text"].encode()
        if "hex" in texts:
            return values.read_hex(texts["hex"]) or b""
        if "base64" in texts:
            return values.read_base64(texts["base64"]) or b""
        if "file" in texts:
            return self._file(fields["file"], texts["file"])
        if "random" in texts:
            return self.entropy.random_bytes(self._size(fields["random"], texts["random"]))
        if "repeat" in texts and "length" in texts:
            unit = values.read_hex(texts["repeat"]) or b"\0"
            size = self._size(fields["length"], texts["length"])
            return (unit * (size // len(unit) + 1))[:size]
        raise StepError(
            item, "bytes are {text}, {hex}, {base64}, {file}, {random} or {repeat, length}"
        )

    def _file(self, item: Item, text: str) -> bytes:
        path = Path(item.source.name).parent / text
        try:
            if path.stat().st_size > values.MAX_BYTES:
                raise StepError(item, f"'{text}' is larger than {values.MAX_BYTES:,} bytes")
            return path.read_bytes()
        except OSError as error:
            raise StepError(item, f"cannot read '{text}': {error.strerror}") from None

    def _size(self, item: Item, text: str) -> int:
        if not text.isdecimal() or not 0 <= int(text) <= values.MAX_BYTES:
            raise StepError(item, f"'{text}' is not a size up to {values.MAX_BYTES:,}")
        return int(text)

    # Patterns

    def difference(self, item: Item, actual: Any, path: str = "") -> tuple[Item, str] | None:
        """Return where a value first departs from a pattern, and how; None if it does not."""
        name = reference(item)
        if name is not None:
            wanted = self.saved(item, name)
            return None if wanted == actual else (item, _unlike(path, wanted, actual))
        if isinstance(item.node, Array):
            return self._list_difference(item, actual, path)
        if isinstance(item.node, Object):
            return self._object_difference(item, actual, path)
        if item.is_null:
            return None if actual is None else (item, _unlike(path, None, actual))
        wanted = self.text(item)
        same = wanted == shown(actual) or (
            isinstance(actual, dt.datetime) and values.read_time(wanted) == actual
        )
        return None if same else (item, _unlike(path, wanted, actual))

    def _list_difference(self, item: Item, actual: Any, path: str) -> tuple[Item, str] | None:
        entries = list(item.items("a list"))
        if not isinstance(actual, list | tuple) or len(actual) != len(entries):
            return item, f"{path or 'it'} has {_size_of(actual)}, not {len(entries)} entries"
        for index, (entry, value) in enumerate(zip(entries, actual, strict=True)):
            found = self.difference(entry, value, f"{path}[{index}]")
            if found is not None:
                return found
        return None

    def _object_difference(self, item: Item, actual: Any, path: str) -> tuple[Item, str] | None:
        fields = item.fields("a pattern")
        special = self._special(item, fields, actual, path)
        if special is not _ORDINARY:
            return special  # type: ignore[return-value]
        if isinstance(actual, bytes):
            wanted = self.octets(item)
            return None if wanted == actual else (item, _unlike(path, wanted, actual))
        if not isinstance(actual, Mapping):
            return item, f"{path or 'it'} is {shown(actual)}, not an object"
        for name, entry in fields.items():
            inner = f"{path}.{name}" if path else name
            if _is_absent(entry):
                if name in actual:
                    return entry, f"{inner} is there: {shown(actual[name])}"
                continue
            if name not in actual:
                return entry, f"there is no {inner}"
            found = self.difference(entry, actual[name], inner)
            if found is not None:
                return found
        return None

    def _special(
        self, item: Item, fields: Mapping[str, Item], actual: Any, path: str
    ) -> tuple[Item, str] | object | None:
        """`{length: n}`, `{matches: "…"}` and `{contains: …}` look at a value as a whole."""
        if set(fields) == {"length"}:
            wanted = self.text(fields["length"])
            size = len(actual) if hasattr(actual, "__len__") else -1
            return (
                None if wanted == str(size) else (item, f"{path} has length {size}, not {wanted}")
            )
        if set(fields) == {"matches"} and not isinstance(actual, Mapping):
            wanted = self.text(fields["matches"])
            try:
                hit = len(wanted) <= MAX_PATTERN and re.search(wanted, shown(actual))
            except re.error as error:
                raise StepError(fields["matches"], f"not a regular expression: {error}") from None
            return None if hit else (item, f"{path} is {shown(actual)}, which does not match")
        if set(fields) == {"absent"}:
            return item, f"{path} is there: {shown(actual)}"
        return _ORDINARY


_ORDINARY = object()


def _is_absent(item: Item) -> bool:
    node = item.node
    return isinstance(node, Object) and [m.name.value for m in node.members] == ["absent"]


def _unlike(path: str, wanted: object, actual: object) -> str:
    return f"{path or 'it'} is {shown(actual)}, not {shown(wanted)}"


def _size_of(actual: Any) -> str:
    return f"{len(actual)} entries" if isinstance(actual, list | tuple) else shown(actual)


def shown(value: object) -> str:
    """Return a value as messages show it; bytes by their size only, since they may be secret."""
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dt.datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    if value is None:
        return "nothing"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(shown(entry) for entry in value) + "]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{k}: {shown(v)}" for k, v in value.items()) + "}"
    return str(value)
