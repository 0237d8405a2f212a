"""Everything that the service knows, as one immutable value.

Changes return the next state and share nearly all of it with the one before: a call costs the
same at ten and at a hundred thousand keys, and undo is free.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TypeVar

from kms.directory import Directory
from kms.model import Alias, Key, LastUse, WrappingKey
from kms.ordered import SortedSet
from kms.table import Table
from policy import Arn, Grant

Place = tuple[str, str]
"""An account and a Region."""

RetiredBy = tuple[str, str]
"""A Region, and the retiring principal of grants on keys there."""

Due = tuple[dt.datetime, str, str]
"""When, what, and of whom: the ARN of a key, and behind `#` the id of what hangs on it."""

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class KeyGrants:
    """The grants of one key, by id and in the order of their creation."""

    by_id: Table[str, Grant] = Table()
    order: SortedSet[tuple[str, str]] = SortedSet()


NO_GRANTS = KeyGrants()
"""The same object for every key without grants, so that nothing seems to have changed."""


@dataclass(frozen=True)  # without slots: see with_last_use
class State:
    """All accounts and Regions at one moment. ARNs are texts wherever they are names.

    `sets` are the Regions of multi-Region keys, by account and key id. `retirable` are grants by
    their retiring principals: creation, id and key, and `last_uses` are by key.

    `wrapping_keys` are by key and id; `token_key` authenticates import tokens and is made with
    the first of them (CORE K-131).
    """

    directory: Directory = Directory()
    keys: Table[str, Key] = Table()
    aliases: Table[str, Alias] = Table()
    grants: Table[str, KeyGrants] = Table()
    tokens: Table[str, tuple[str, str]] = field(default=Table(), repr=False)
    key_ids: Table[Place, SortedSet[str]] = Table()
    alias_names: Table[Place, SortedSet[str]] = Table()
    key_aliases: Table[str, SortedSet[str]] = Table()
    by_id: Table[Place, str] = Table()
    due: SortedSet[Due] = SortedSet()
    last_uses: Table[str, LastUse] = Table()
    retirable: Table[RetiredBy, SortedSet[tuple[str, str, str]]] = Table()
    sets: Table[tuple[str, str], SortedSet[str]] = Table()
    wrapping_keys: Table[str, Table[str, WrappingKey]] = Table()
    token_key: bytes | None = field(default=None, repr=False)

    def key(self, arn: Arn | str) -> Key | None:
        """Return the key of an ARN, or None."""
        return self.keys.get(str(arn))

    def key_by_id(self, region: str, key_id: str) -> Key | None:
        """Return the key of that id in a Region, in whichever account (CORE K-65)."""
        arn = self.by_id.get((region, key_id))
        return self.keys.get(arn) if arn is not None else None

    def aliases_of(self, key: Key) -> SortedSet[str]:
        """Return the names of the aliases that point at a key."""
        return self.key_aliases.get(str(key.arn), SortedSet())

    def grants_of(self, arn: str) -> KeyGrants:
        """Return the grants on a key."""
        return self.grants.get(arn, NO_GRANTS)

    def related(self, key: Key) -> tuple[Key, ...]:
        """Return all members of a key's multi-Region set, itself included, in Region order."""
        if not key.multi_region:
            return (key,)
        regions = self.sets.get((key.account, key.id), SortedSet())
        found = (self.keys.get(str(replace(key.arn, region=region))) for region in regions)
        return tuple(member for member in found if member is not None)

    def retirable_by(self, region: str, principal: str) -> SortedSet[tuple[str, str, str]]:
        """Return creation, id and key of the grants in a Region that a principal may retire."""
        return self.retirable.get((region, principal), SortedSet())

    def with_key(self, key: Key) -> State:
        """Return the state with a new or changed key."""
        arn, place = str(key.arn), (key.account, key.region)
        old = self.keys.get(arn)
        changed = replace(self, keys=self.keys.insert(arn, key), due=_due_again(self.due, old, key))
        if old is not None:
            return changed
        ids = self.key_ids.get(place, SortedSet()).add(key.id)
        sets = self.sets
        if key.multi_region:
            sets = _added(sets, (key.account, key.id), key.region)
        return replace(
            changed,
            sets=sets,
            key_ids=self.key_ids.insert(place, ids),
            by_id=self.by_id.insert((key.region, key.id), arn),
        )

    def with_set(self, key: Key) -> State:
        """Return the state with a changed key, and with what it shares in every related key.

        CORE K-124, K-152: a key without relatives changes alone.
        """
        state = self.with_key(key)
        for member in state.related(key):
            if member.arn != key.arn:
                state = state.with_key(member.sharing(key))
        return state

    def without_key(self, key: Key) -> State:
        """Return the state without a key and all that hangs on it (CORE K-146)."""
        arn, place = str(key.arn), (key.account, key.region)
        state = self
        for name in self.aliases_of(key):
            alias = self.aliases.get(str(replace(key.arn, resource=name)))
            if alias is not None:
                state = state.without_alias(alias)
        for grant in self.grants_of(arn).by_id.values():
            state = state.without_grant(grant)
        for wrapping_key in self.wrapping_keys.get(arn, NO_WRAPPING_KEYS).values():
            state = state.without_wrapping_key(wrapping_key)
        return replace(
            state,
            keys=state.keys.discard(arn),
            key_ids=state.key_ids.insert(place, state.key_ids[place].discard(key.id)),
            by_id=state.by_id.discard((key.region, key.id)),
            due=_due_again(state.due, key, None),
            sets=_discarded(state.sets, (key.account, key.id), key.region),
            last_uses=state.last_uses.discard(arn),
        )

    def with_last_use(self, arn: str, use: LastUse) -> State:
        """Return the state with the last use of a key."""
        # This is done by nearly every call, and `replace` takes ten times as long.
        state = object.__new__(State)
        state.__dict__.update(self.__dict__, last_uses=self.last_uses.insert(arn, use))
        return state

    def with_alias(self, alias: Alias) -> State:
        """Return the state with a new alias, or one that points elsewhere."""
        old = self.aliases.get(str(alias.arn))
        state = self.without_alias(old) if old is not None else self
        place, target = (alias.arn.account, alias.arn.region), alias.target_key_arn
        return replace(
            state,
            aliases=state.aliases.insert(str(alias.arn), alias),
            alias_names=_added(state.alias_names, place, alias.name),
            key_aliases=_added(state.key_aliases, target, alias.name),
        )

    def without_alias(self, alias: Alias) -> State:
        """Return the state without an alias."""
        place, target = (alias.arn.account, alias.arn.region), alias.target_key_arn
        return replace(
            self,
            aliases=self.aliases.discard(str(alias.arn)),
            alias_names=_discarded(self.alias_names, place, alias.name),
            key_aliases=_discarded(self.key_aliases, target, alias.name),
        )

    def with_grant(self, grant: Grant) -> State:
        """Return the state with a new or changed grant and its tokens."""
        grants = self.grants_of(grant.key_arn)
        old = grants.by_id.get(grant.id)
        tokens, due = self.tokens, self.due
        for token in grant.tokens:
            tokens = tokens.insert(token, (grant.key_arn, grant.id))
        if grant.ends_at is not None and (old is None or old.ends_at is None):
            due = due.add((grant.ends_at, END_GRANT, f"{grant.key_arn}#{grant.id}"))
        grants = KeyGrants(
            grants.by_id.insert(grant.id, grant), grants.order.add(creation_order(grant))
        )
        retirable = self.retirable
        if (by := _retired_by(grant)) is not None:
            listed = retirable.get(by, SortedSet())
            retirable = retirable.insert(by, listed.add((*creation_order(grant), grant.key_arn)))
        return replace(
            self,
            grants=self.grants.insert(grant.key_arn, grants),
            tokens=tokens,
            due=due,
            retirable=retirable,
        )

    def without_grant(self, grant: Grant) -> State:
        """Return the state without a grant and its tokens."""
        grants, tokens = self.grants_of(grant.key_arn), self.tokens
        for token in grant.tokens:
            tokens = tokens.discard(token)
        due = self.due
        if grant.ends_at is not None:
            due = due.discard((grant.ends_at, END_GRANT, f"{grant.key_arn}#{grant.id}"))
        by_id = grants.by_id.discard(grant.id)
        left = KeyGrants(by_id, grants.order.discard(creation_order(grant)))
        kept = (
            self.grants.insert(grant.key_arn, left)
            if by_id
            else (self.grants.discard(grant.key_arn))
        )
        retirable = self.retirable
        if (by := _retired_by(grant)) is not None:
            listed = retirable[by].discard((*creation_order(grant), grant.key_arn))
            retirable = retirable.insert(by, listed) if listed else retirable.discard(by)
        return replace(self, grants=kept, tokens=tokens, due=due, retirable=retirable)

    def wrapping_key(self, arn: str, identifier: str) -> WrappingKey | None:
        """Return the wrapping key of that id that was made for a key, while it is valid."""
        return self.wrapping_keys.get(arn, NO_WRAPPING_KEYS).get(identifier)

    def with_wrapping_key(self, wrapping_key: WrappingKey) -> State:
        """Return the state with a new wrapping key."""
        arn = wrapping_key.key_arn
        of_key = self.wrapping_keys.get(arn, NO_WRAPPING_KEYS)
        return replace(
            self,
            wrapping_keys=self.wrapping_keys.insert(
                arn, of_key.insert(wrapping_key.id, wrapping_key)
            ),
            due=self.due.add(_end_of(wrapping_key)),
        )

    def without_wrapping_key(self, wrapping_key: WrappingKey) -> State:
        """Return the state without a wrapping key."""
        arn = wrapping_key.key_arn
        left = self.wrapping_keys.get(arn, NO_WRAPPING_KEYS).discard(wrapping_key.id)
        kept = self.wrapping_keys.insert(arn, left) if left else self.wrapping_keys.discard(arn)
        return replace(self, wrapping_keys=kept, due=self.due.discard(_end_of(wrapping_key)))


NO_WRAPPING_KEYS: Table[str, WrappingKey] = Table()

# What can be due. At the same moment the order is that of the words.
DELETE_KEY = "delete key"
DROP_WRAPPING_KEY = "drop wrapping key"
END_GRANT = "end grant"
EXPIRE_MATERIAL = "expire material"
FINISH_ROTATION = "finish rotation"
ROTATE_KEY = "rotate key"
SETTLE_STATE = "settle state"


def _due_of(key: Key | None) -> Iterator[Due]:
    """Yield what is due of a key itself: at most one entry of each kind."""
    if key is None:
        return
    for what, at in (
        (DELETE_KEY, key.ends_at),
        (EXPIRE_MATERIAL, key.expires_at),
        (FINISH_ROTATION, key.finishes_at),
        (ROTATE_KEY, key.rotates_at),
        (SETTLE_STATE, key.settles_at if key.is_passing else None),
    ):
        if at is not None:
            yield at, what, str(key.arn)


def _due_again(due: SortedSet[Due], old: Key | None, new: Key | None) -> SortedSet[Due]:
    """Return what is due after a key has changed; the same object where nothing of it has."""
    before, after = set(_due_of(old)), set(_due_of(new))
    for entry in before - after:
        due = due.discard(entry)
    for entry in after - before:
        due = due.add(entry)
    return due


def _end_of(wrapping_key: WrappingKey) -> Due:
    return wrapping_key.valid_to, DROP_WRAPPING_KEY, f"{wrapping_key.key_arn}#{wrapping_key.id}"


def creation_order(grant: Grant) -> tuple[str, str]:
    """Return what sorts grants by their creation (CORE K-51)."""
    return (grant.created_at.isoformat() if grant.created_at else "", grant.id)


def _retired_by(grant: Grant) -> RetiredBy | None:
    by = grant.retiring_principal
    return (grant.key_arn.split(":")[3], by) if by is not None else None


def _added(index: Table[K, SortedSet[str]], key: K, name: str) -> Table[K, SortedSet[str]]:
    return index.insert(key, index.get(key, SortedSet()).add(name))


def _discarded(index: Table[K, SortedSet[str]], key: K, name: str) -> Table[K, SortedSet[str]]:
    names = index.get(key, SortedSet()).discard(name)
    return index.insert(key, names) if names else index.discard(key)
