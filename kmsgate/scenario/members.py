"""What is written for the members of a request, checked against the service model."""

from __future__ import annotations

import kms.service  # noqa: F401 - registers the operations
from kms.context import can_be_given
from kms.operation import OPERATIONS
from kms.questions import QUESTIONS
from kms.shapes import Kind
from kmsgate.scenario import values
from kmsgate.scenario.fields import Item, UnreadableError, listed, meant, read_file, short
from kmsgate.scenario.references import References
from policy.tree import Array, Object

BYTES_FIELDS = ("text", "hex", "base64", "file", "random", "repeat", "length")
BYTES_FORMS = (
    "write {text: …}, {hex: …}, {base64: …}, {file: …}, {random: 32}, "
    '{repeat: "5a", length: 32} or $name'
)


def is_operation(item: Item, name: str, *, only_decide: bool) -> bool:
    """Tell whether a name is that of an operation; complains if it is not.

    A decision can be asked of every operation, also of those that cannot be called yet.
    """
    known = QUESTIONS if only_decide else OPERATIONS
    if name in known:
        return True
    if name in QUESTIONS:
        item.complain(f"{name} is not supported by this version of kmsgate")
    else:
        item.complain(f"no operation '{short(name)}'", meant(name, known))
    return False


def check_members(item: Item, kind: Kind, what: str, names: References) -> None:
    """Complain about members that there are not, values of another type, and unset names."""
    if values.reference(item.node) is not None:
        names.check(item)
    elif kind.name == "structure":
        if not isinstance(item.node, Object):
            item.complain(f"{what} takes an object here")
            return
        for name, entry in item.fields(what).items():
            if name in kind.parts:
                check_members(entry, kind.parts[name], name, names)
            else:
                no_member(entry, name, kind, what)
    elif kind.name == "list" and kind.of is not None:
        for entry in item.items(what):
            check_members(entry, kind.of, what, names)
    elif kind.name == "map" and kind.of is not None:
        for entry in item.fields(what).values():
            check_members(entry, kind.of, what, names)
    elif kind.name == "blob":
        check_bytes(item, what, names)
    elif kind.name == "timestamp":
        _check_time(item, what, names)
    elif kind.name == "integer":
        item.integer(what)
    elif kind.name == "boolean":
        item.boolean(what)
    elif what == "Policy" and isinstance(item.node, Object):
        names.check(item)
    else:
        item.text(what)


def no_member(item: Item, name: str, kind: Kind, what: str) -> None:
    """Say that a request or response has no such member."""
    item.complain_name(
        f"{what} has no member '{short(name)}'; members: {listed(kind.parts)}",
        meant(name, kind.parts),
    )


def check_bytes(item: Item, what: str, names: References) -> None:
    """Complain about bytes that are written in no form, or in more than one."""
    if values.reference(item.node) is not None:
        names.check(item)
        return
    if not isinstance(item.node, Object):
        item.complain(f"{what} takes bytes", BYTES_FORMS)
        return
    fields = item.fields("bytes", BYTES_FIELDS)
    forms = {name for name in fields if name != "length"}
    if len(forms) != 1 or ("repeat" in fields) != ("length" in fields):
        if len(fields) == len(item.node.members):
            item.complain(f"{what} takes bytes in one form", BYTES_FORMS)
        return
    for name, entry in fields.items():
        if values.reference(entry.node) is not None:
            names.check(entry)
        elif (text := entry.text(name)) is not None:
            _check_form(entry, name, text)


def _check_form(item: Item, name: str, text: str) -> None:
    if name in ("hex", "repeat") and values.read_hex(text) is None:
        item.complain(f"'{short(text)}' is not hexadecimal")
    elif name == "repeat" and not text:
        item.complain("there is nothing to repeat")
    elif name == "base64" and values.read_base64(text) is None:
        item.complain(f"'{short(text)}' is not base64")
    elif name in ("random", "length") and values.read_size(text) is None:
        item.complain(f"'{short(text)}' is not a size up to {values.MAX_BYTES:,}")
    elif name == "file":
        try:
            read_file(item.beside(text), values.MAX_BYTES)
        except UnreadableError as error:
            item.complain(f"cannot read '{short(text)}': {error}")


def _check_time(item: Item, what: str, names: References) -> None:
    if isinstance(item.node, Object):
        fields = item.fields("a time", ("in",))
        if "in" in fields:
            check_duration(fields["in"], names)
        elif not item.node.members:
            item.complain(f"{what} takes a time", "write 2026-01-05T09:00:00Z or {in: 30 days}")
    else:
        check_time(item, what)


def check_time(item: Item, what: str) -> None:
    """Complain about what is no moment."""
    text = item.text(what)
    if text is not None and values.read_time(text) is None:
        item.complain(f"'{short(text)}' {values.NOT_A_TIME}")


def check_duration(item: Item, names: References) -> None:
    """Complain about what is no span of time: `5 minutes`, `{days: $days}` or a name."""
    if values.reference(item.node) is not None:
        names.check(item)
    elif isinstance(item.node, Object):
        fields = item.fields("a span of time", values.UNIT_NAMES)
        if not item.node.members:
            item.complain("this span of time is empty", "write '5 minutes' or '7 days'")
        for unit, entry in fields.items():
            if values.reference(entry.node) is not None:
                names.check(entry)
                continue
            text = entry.text(unit)
            if text is not None and values.duration_of(text, unit) is None:
                entry.complain(f"'{short(text)}' {unit} is not a span of time")
    else:
        text = item.text("a span of time")
        if text is not None and values.read_duration(text) is None:
            item.complain(f"'{short(text)}' is not a span of time", "write '5 minutes' or '7 days'")


def check_text(item: Item, what: str, names: References) -> None:
    """Complain about what is neither a text nor a known name."""
    if values.reference(item.node) is not None:
        names.check(item)
    else:
        item.text(what)


def check_facts(item: Item | None, names: References) -> dict[str, Item]:
    """Return condition keys by name; each has a text, or a list of texts.

    Complains about a key that follows from the call: what a file said of it would not count.
    """
    facts = item.fields("context") if item is not None else {}
    for name, entry in facts.items():
        what = f"'{short(name)}'"
        if not can_be_given(name):
            entry.complain_name(f"{what} follows from the call and cannot be given")
        if isinstance(entry.node, Array):
            for value in entry.items(what):
                check_text(value, what, names)
        else:
            check_text(entry, what, names)
    return dict(facts)


def check_pattern(item: Item, kind: Kind | None, what: str, names: References) -> None:
    """Complain about patterns that no value can fit; without a kind, any value may come."""
    node = item.node
    if values.reference(node) is not None:
        names.check(item)
    elif isinstance(node, Object) and _is_special(node):
        _check_special(item, kind, names)
    elif isinstance(node, Object) and kind is not None and kind.name == "blob":
        check_bytes(item, what, names)
    elif isinstance(node, Object):
        for name, entry in item.fields(what).items():
            missing = kind is not None and kind.name == "structure" and name not in kind.parts
            if missing and kind is not None and not wants_absence(entry):
                no_member(entry, name, kind, what)
            else:
                check_pattern(entry, _inner(kind, name), name, names)
    elif isinstance(node, Array):
        for entry in item.items(what):
            check_pattern(entry, _inner(kind), what, names)
    elif kind is not None and kind.name == "blob" and item.is_scalar:
        item.complain(f"{what} is compared with bytes", BYTES_FORMS)


def wants_absence(item: Item) -> bool:
    """Tell whether a pattern says `{absent: true}`."""
    node = item.node
    return isinstance(node, Object) and [m.name.value for m in node.members] == ["absent"]


def _inner(kind: Kind | None, name: str | None = None) -> Kind | None:
    """Return the type of a member, or of what a list or map holds."""
    if kind is None:
        return None
    return kind.parts.get(name, kind.of) if name is not None else kind.of


SPECIAL = ("length", "matches", "contains", "absent", "not")


def _is_special(node: Object) -> bool:
    return len(node.members) == 1 and node.members[0].name.value in SPECIAL


def _check_special(item: Item, kind: Kind | None, names: References) -> None:
    ((name, entry),) = item.fields("a pattern").items()
    if name == "not":
        check_pattern(entry, kind, name, names)
        return
    if name == "contains":
        check_bytes(entry, name, names)
        return
    if name == "absent":
        if entry.boolean("absent") is False:
            entry.complain("absent can only be true")
        return
    if values.reference(entry.node) is not None:
        names.check(entry)
        return
    text = entry.text(name)
    if text is None:
        return
    if name == "length" and values.read_size(text) is None:
        entry.complain(f"'{short(text)}' is not a length")
    elif name == "matches" and values.read_regex(text) is None:
        entry.complain("this is not a regular expression of up to 1,000 characters")
