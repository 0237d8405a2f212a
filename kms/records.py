"""The state as rows: which parts of it are kept, under which names, and how they come back.

Everything else in the state follows from these parts (indexes, tokens, what is due) and is made
again by the very methods that made it the first time.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from operator import attrgetter
from types import MappingProxyType
from typing import Any, TypeAlias, get_args, get_type_hints

from kms import hazmat
from kms.audit import AuditEvent
from kms.codec import Codec, UnknownMember, codec_of
from kms.directory import Directory
from kms.model import WrappingKey
from kms.state import NO_GRANTS, NO_WRAPPING_KEYS, State
from kms.store import DamagedStore, NewerStore
from kms.table import Table
from kms.vault import Vault
from policy import Arn, Grant

Changes: TypeAlias = Callable[[State, State], Iterator[tuple[str, Any]]]
Put: TypeAlias = Callable[[State, str, Any], State]
Drop: TypeAlias = Callable[[State, str], State]


@dataclass(frozen=True, slots=True)
class Row:
    """One record as a store keeps it; `body` is None once the record is gone (CORE K-111)."""

    kind: str
    name: str
    body: str | None
    sealed: bytes | None = None


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of record: how it is found in the state, and how it gets there.

    `part` is the field of the state or its directory that holds it. `changes` yields the name and
    value of each record that differs between two states; None stands for one that is gone.
    """

    part: str
    codec: Codec
    changes: Changes
    put: Put
    drop: Drop


def _changed(old: Table[str, Any], new: Table[str, Any]) -> Iterator[tuple[str, Any]]:
    if old is not new:
        yield from ((name, new.get(name)) for name in new.changed_since(old))


def _changed_within(
    old: Table[str, Any], new: Table[str, Any], inner: Callable[[Any], Table[str, Any]], none: Any
) -> Iterator[tuple[str, Any]]:
    for name, entry in _changed(old, new):
        had = inner(old.get(name, none))
        for part, value in _changed(had, inner(entry if entry is not None else none)):
            yield f"{name}#{part}", value


def _hint(owner: type[Any], part: str) -> Any:
    return get_type_hints(owner)[part]


def _table(part: str) -> Kind:
    """Return the kind of a table of the directory that nothing else follows from."""
    found = attrgetter(part)

    def exchange(state: State, table: Table[str, Any]) -> State:
        members: dict[str, Any] = {part: table}
        return replace(state, directory=replace(state.directory, **members))

    return Kind(
        part,
        codec_of(get_args(_hint(Directory, part))[1]),
        lambda old, new: _changed(found(old.directory), found(new.directory)),
        lambda state, name, value: exchange(state, found(state.directory).insert(name, value)),
        lambda state, name: exchange(state, found(state.directory).discard(name)),
    )


def _indexed(part: str, put: Callable[..., State], drop: Callable[..., State]) -> Kind:
    """Return the kind of a table of the state that other parts follow from."""
    found = attrgetter(part)

    def dropped(state: State, name: str) -> State:
        value = found(state).get(name)
        return drop(state, value) if value is not None else state

    return Kind(
        part,
        codec_of(get_args(_hint(State, part))[1]),
        lambda old, new: _changed(found(old), found(new)),
        lambda state, _name, value: put(state, value),
        dropped,
    )


def _named(part: str, put: Put) -> Kind:
    """Return the kind of a table of the state whose entries do not know their names."""
    found = attrgetter(part)

    def dropped(state: State, name: str) -> State:
        members: dict[str, Any] = {part: found(state).discard(name)}
        return replace(state, **members)

    codec = codec_of(get_args(_hint(State, part))[1])
    return Kind(part, codec, lambda old, new: _changed(found(old), found(new)), put, dropped)


def _nested(
    part: str,
    hint: Any,
    inner: Callable[[Any], Table[str, Any]],
    none: Any,
    put: Callable[..., State],
    drop: Callable[..., State],
) -> Kind:
    """Return the kind of what belongs to keys: a record is named `<key ARN>#<id>`."""
    found = attrgetter(part)

    def dropped(state: State, name: str) -> State:
        arn, _, identifier = name.rpartition("#")
        value = inner(found(state).get(arn, none)).get(identifier)
        return drop(state, value) if value is not None else state

    return Kind(
        part,
        codec_of(hint),
        lambda old, new: _changed_within(found(old), found(new), inner, none),
        lambda state, _name, value: put(state, value),
        dropped,
    )


def _single(part: str) -> Kind:
    """Return the kind of a part that is one value, or None; its record has no name."""
    found = attrgetter(part)

    def put(state: State, _name: str, value: Any) -> State:
        members: dict[str, Any] = {part: value}
        return replace(state, **members)

    def changes(old: State, new: State) -> Iterator[tuple[str, Any]]:
        if found(old) != found(new):
            yield "", found(new)

    codec = codec_of(_hint(State, part))
    return Kind(part, codec, changes, put, lambda state, name: put(state, name, None))


def _put_identity(state: State, _name: str, value: Any) -> State:
    return replace(state, directory=state.directory.with_identity(value))


def _drop_identity(state: State, name: str) -> State:
    identity = state.directory.identities.get(name)
    if identity is None:
        return state
    return replace(state, directory=state.directory.without_identity(identity.arn))


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "account": _table("accounts"),
        "identity": replace(_table("identities"), put=_put_identity, drop=_drop_identity),
        "session": _table("sessions"),
        "group": _table("groups"),
        "iam entry": _table("iam"),
        "managed policy": _table("managed_policies"),
        "temporary key": _table("temporary_keys"),
        "endpoint": _table("endpoints"),
        "key": _indexed("keys", State.with_key, State.without_key),
        "alias": _indexed("aliases", State.with_alias, State.without_alias),
        "grant": _nested(
            "grants", Grant, attrgetter("by_id"), NO_GRANTS, State.with_grant, State.without_grant
        ),
        "wrapping key": _nested(
            "wrapping_keys",
            WrappingKey,
            lambda table: table,
            NO_WRAPPING_KEYS,
            State.with_wrapping_key,
            State.without_wrapping_key,
        ),
        "token key": _single("token_key"),
        "last use": _named("last_uses", State.with_last_use),
    }
)
"""Every kind of record, by the word that stands in rows; a word never changes its meaning."""

FOLLOWING = frozenset(
    {
        "access_keys", "alias_names", "by_id", "due", "key_aliases", "key_ids", "retirable",
        "roles", "sets", "tokens", "unique_ids",
    }
)  # fmt: skip
"""The parts of state and directory that no row holds: they follow from the others."""

_EVENT = codec_of(AuditEvent)
_UNREADABLE = (ValueError, TypeError, LookupError, AttributeError, RecursionError)
_json = json.JSONEncoder(separators=(",", ":")).encode


class Records:
    """Turns states into rows and back; secrets are sealed in a vault on the way."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def changes(self, before: State, after: State) -> Iterator[Row]:
        """Yield a row for every record in which two states differ; costs as much as differs."""
        for word, kind in KINDS.items():
            for name, value in kind.changes(before, after):
                yield self._row(word, kind, name, value)

    def _row(self, word: str, kind: Kind, name: str, value: Any) -> Row:
        if value is None:
            return Row(word, name, None)
        secrets: list[bytes] = []
        body = _json(kind.codec.encode(value, secrets))
        if not secrets:
            return Row(word, name, body)
        # The whole record is bound: material moves neither to another key nor under another policy.
        return Row(word, name, body, self._vault.seal(secrets, _domain(name), word, name, body))

    def applied(self, state: State, rows: Iterable[Row]) -> State:
        """Return the state with all rows in it. Raises DamagedStore or NewerStore."""
        for row in rows:
            kind = KINDS.get(row.kind)
            if kind is None:
                raise NewerStore(f"it holds a kind of record that is unknown here: {row.kind}")
            if row.body is None:
                state = kind.drop(state, row.name)
            else:
                state = kind.put(state, row.name, self._value(kind, row, row.body))
        return state

    def _value(self, kind: Kind, row: Row, body: str) -> Any:
        try:
            secrets: tuple[bytes, ...] = ()
            if row.sealed is not None:
                domain = _domain(row.name)
                secrets = self._vault.open(row.sealed, domain, row.kind, row.name, body)
            return kind.codec.decode(json.loads(body), secrets)
        except UnknownMember as unknown:
            raise NewerStore(f"the record of {row.kind} {row.name}: {unknown}") from None
        except (hazmat.Unauthentic, *_UNREADABLE):
            # Whatever it is, its text could show what the record holds.
            raise DamagedStore(f"the record of {row.kind} {row.name} was changed") from None


def event_text(event: AuditEvent) -> str:
    """Return an event as a store keeps it."""
    secrets: list[bytes] = []
    text = _json(_EVENT.encode(event, secrets))
    if secrets:
        raise TypeError("an event holds no bytes of its own")  # CORE K-109
    return text


def event_from(text: str) -> AuditEvent:
    """Return the event that was kept. Raises DamagedStore or NewerStore."""
    try:
        event: AuditEvent = _EVENT.decode(json.loads(text), ())
    except UnknownMember as unknown:
        raise NewerStore(f"an event: {unknown}") from None
    except _UNREADABLE:
        raise DamagedStore("an event cannot be read") from None
    return event


def _domain(name: str) -> str:
    """Return what shares a key: an account in a Region, or a set of multi-Region keys."""
    arn = Arn.parse(name.partition("#")[0])
    if arn is None:
        return ""
    if arn.type == "key" and arn.name.startswith("mrk-"):
        return arn.name
    return f"{arn.account}/{arn.region}"
