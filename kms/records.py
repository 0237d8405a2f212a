"""The state as rows: which parts of it are kept, under which names, and how they come back.

Everything else in the state follows from these parts (indexes, tokens, what is due) and is made
again by the very methods that made it the first time.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import Any, TypeAlias, get_args, get_type_hints

from kms import hazmat
from kms.audit import AuditEvent
from kms.codec import Codec, UnknownMember, codec_of
from kms.directory import Directory
from kms.state import KeyGrants, State
from kms.store import DamagedStore, NewerStore
from kms.table import Table
from kms.vault import Vault
from policy import Arn

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
    """One kind of record: where it stands in the state, and how it gets there."""

    table: Callable[[State], Table[str, Any]]
    codec: Codec
    put: Put
    drop: Drop
    inner: bool = False
    """Whether the entries are themselves tables: the grants of a key."""

    def changes(self, before: State, after: State) -> Iterator[tuple[str, Any]]:
        """Yield the name and value of each record that differs; None for one that is gone."""
        old, new = self.table(before), self.table(after)
        if old is new:
            return
        for name in new.changed_since(old):
            if not self.inner:
                yield name, new.get(name)
                continue
            had, has = old.get(name, KeyGrants()).by_id, new.get(name, KeyGrants()).by_id
            for part in has.changed_since(had):
                yield f"{name}#{part}", has.get(part)


# How records get into the state


def _in(owner: type[Any], field: str) -> Kind:
    """Return a kind that is a table of the state or its directory, and nothing but a table."""
    in_directory = owner is Directory

    def table(state: State) -> Table[str, Any]:
        found: Table[str, Any] = getattr(state.directory if in_directory else state, field)
        return found

    def exchange(state: State, changed: Table[str, Any]) -> State:
        members: dict[str, Any] = {field: changed}
        if in_directory:
            return replace(state, directory=replace(state.directory, **members))
        return replace(state, **members)

    return Kind(
        table,
        codec_of(get_args(get_type_hints(owner)[field])[1]),
        lambda state, name, value: exchange(state, table(state).insert(name, value)),
        lambda state, name: exchange(state, table(state).discard(name)),
    )


def _indexed(field: str, put: Callable[..., State], drop: Callable[..., State]) -> Kind:
    """Return a kind of the state that other parts of the state follow from."""
    plain = _in(State, field)

    def dropped(state: State, name: str) -> State:
        value = plain.table(state).get(name)
        return drop(state, value) if value is not None else state

    return replace(plain, put=lambda state, _name, value: put(state, value), drop=dropped)


def _put_identity(state: State, _name: str, value: Any) -> State:
    return replace(state, directory=state.directory.with_identity(value))


def _drop_identity(state: State, name: str) -> State:
    identity = state.directory.identities.get(name)
    if identity is None:
        return state
    return replace(state, directory=state.directory.without_identity(identity.arn))


def _drop_grant(state: State, name: str) -> State:
    arn, _, identifier = name.rpartition("#")
    grant = state.grants_of(arn).by_id.get(identifier)
    return state.without_grant(grant) if grant is not None else state


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "account": _in(Directory, "accounts"),
        "identity": replace(_in(Directory, "identities"), put=_put_identity, drop=_drop_identity),
        "session": _in(Directory, "sessions"),
        "group": _in(Directory, "groups"),
        "endpoint": _in(Directory, "endpoints"),
        "key": _indexed("keys", State.with_key, State.without_key),
        "alias": _indexed("aliases", State.with_alias, State.without_alias),
        "grant": Kind(
            lambda state: state.grants,
            codec_of(get_args(get_type_hints(KeyGrants)["by_id"])[1]),
            lambda state, _name, value: state.with_grant(value),
            _drop_grant,
            inner=True,
        ),
    }
)
"""Every kind of record, by the word that stands in rows; a word never changes its meaning."""

FOLLOWING = frozenset(
    {"roles", "unique_ids", "tokens", "key_ids", "alias_names", "key_aliases", "by_id", "due"}
)
"""The parts of state and directory that no row holds: they follow from the others."""

_EVENT = codec_of(AuditEvent)
_UNREADABLE = (ValueError, TypeError, LookupError, AttributeError, RecursionError)
_json = partial(json.dumps, separators=(",", ":"))


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
