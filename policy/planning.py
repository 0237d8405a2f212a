"""What there is to ask about an action: the documents by layer, and the statements that concern it.

Made once for the documents and each action; the caller comes later (`residual.py`).
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from policy.compiler import Bucket, compiled, principal_key
from policy.decision import Documents, Layer, Level
from policy.grants import Grant
from policy.model import Policy
from policy.principals import grant_principal

MAX_KEPT = 4096
"""How many plans are kept with the documents."""


class Applicable:
    """The documents of a request by layer: each layer's policies in order, with their levels."""

    __slots__ = ("documents", "grants", "plans", "policies")

    def __init__(self, documents: Documents) -> None:
        def one(policy: Policy | None) -> tuple[Policy, ...]:
            return (policy,) if policy is not None else ()

        self.documents = documents
        self.policies: dict[Layer, tuple[Policy, ...]] = {
            Layer.SCP: _every(documents.scps),
            Layer.RCP: _every(documents.rcps),
            Layer.ENDPOINT: one(documents.endpoint),
            Layer.KEY_POLICY: one(documents.key_policy),
            Layer.IDENTITY: documents.identity,
            Layer.BOUNDARY: one(documents.boundary),
            Layer.SESSION: documents.session or (),
        }
        self.grants = GrantIndex(documents.grants)
        self.plans: dict[str, Plan] = {}

    def plan(self, action: str) -> Plan:
        """Return what there is to ask about an action, given in lower case."""
        found = self.plans.get(action)
        if found is None:
            found = Plan(self, action)
            if len(self.plans) < MAX_KEPT:
                self.plans[action] = found
        return found


def _every(levels: tuple[Level, ...] | None) -> tuple[Policy, ...]:
    return tuple(policy for level in levels or () for policy in level.policies)


def applicable(documents: Documents) -> Applicable:
    """Return the documents in order; this is kept with them."""
    found: Applicable | None = documents.memo.get("applicable")
    if found is None:
        found = documents.memo["applicable"] = Applicable(documents)
    return found


class Found:
    """The statements of one policy that concern an action.

    `start` is the position of the policy's first statement among those of its layer.
    """

    __slots__ = ("bucket", "name", "start")

    def __init__(self, name: str, start: int, bucket: Bucket) -> None:
        self.name = name
        self.start = start
        self.bucket = bucket


class Plan:
    """The statements that concern one action, by layer; layers without any are left out."""

    __slots__ = ("allows", "denies", "levels")

    def __init__(self, documents: Applicable, action: str) -> None:
        self.allows: dict[Layer, list[Found]] = {}
        self.denies: dict[Layer, list[Found]] = {}
        allowing: dict[int, Found] = {}  # by the position of the policy among the SCPs
        for layer, policies in documents.policies.items():
            start = 0
            for number, policy in enumerate(policies):
                ready = compiled(policy)
                for kept, bucket in (
                    (self.allows, ready.allows(action)),
                    (self.denies, ready.denies(action)),
                ):
                    if bucket:
                        found = Found(policy.name, start, bucket)
                        kept.setdefault(layer, []).append(found)
                        if layer is Layer.SCP and kept is self.allows:
                            allowing[number] = found
                start += len(ready.statements)
        self.levels: tuple[tuple[Found, ...], ...] = ()
        """The SCPs that may allow, level by level (AUTH L-12)."""
        number = 0
        for level in documents.documents.scps or ():
            numbers = range(number, number + len(level.policies))
            self.levels += (tuple(allowing[n] for n in numbers if n in allowing),)
            number += len(level.policies)


Numbered: TypeAlias = tuple[int, Grant]
"""A grant with its place among all grants."""

_Pair: TypeAlias = tuple[str, str]


class GrantGroup:
    """Grants of one key, operation and grantee, by the encryption context that they ask for.

    One that asks for exactly some pairs is found by all of them, one that asks for some among
    others by its first pair; the rest is worth a look for every request (AUTH N-22).
    """

    __slots__ = ("_equals", "_others", "_subset", "all")

    def __init__(self, grants: Iterable[Numbered] = ()) -> None:
        self.all: list[Numbered] = []
        self._equals: dict[frozenset[_Pair], list[Numbered]] = {}
        self._subset: dict[_Pair, list[Numbered]] = {}
        self._others: list[Numbered] = []
        for numbered in grants:
            self.add(numbered)

    def add(self, numbered: Numbered) -> None:
        """Put a grant where requests find it."""
        constraints = numbered[1].constraints
        self.all.append(numbered)
        if constraints.equals:
            pairs = frozenset(constraints.equals.items())
            self._equals.setdefault(pairs, []).append(numbered)
        elif constraints.subset:
            pair = next(iter(constraints.subset.items()))
            self._subset.setdefault(pair, []).append(numbered)
        else:
            self._others.append(numbered)

    def bound_to(self, unique_id: str | None) -> GrantGroup:
        """Return those that an identity of this id may use: not those of a namesake (AUTH N-6)."""
        if all(grant.grantee_id in (None, unique_id) for _, grant in self.all):
            return self
        return GrantGroup(each for each in self.all if each[1].grantee_id in (None, unique_id))

    def worth_a_look(self, pairs: Mapping[str, str] | None) -> Sequence[Numbered]:
        """Return the grants that these pairs may satisfy; all, where pairs are not compared."""
        if pairs is None:
            return self.all
        found = self._others
        if self._equals:
            found = found + self._equals.get(frozenset(pairs.items()), [])
        if self._subset:
            for pair in pairs.items():
                if pair in self._subset:
                    found = found + self._subset[pair]
        return found


class GrantIndex:
    """The grants on a key by grantee; of each also by key and operation, once asked (AUTH N-20)."""

    __slots__ = ("_by_grantee", "_groups")

    def __init__(self, grants: Iterable[Grant]) -> None:
        self._by_grantee: dict[str, list[Numbered]] = {}
        for number, grant in enumerate(grants):
            key = grantee_key(grant.grantee_principal)
            self._by_grantee.setdefault(key, []).append((number, grant))
        self._by_grantee.pop("", None)
        self._groups: dict[tuple[str, str, str], GrantGroup] = {}

    def get(self, key_arn: str, operation: str, principal: str) -> GrantGroup | None:
        """Return the grants that fit so far, or None."""
        given = self._by_grantee.get(principal)
        if given is None:
            return None
        at = (key_arn, operation, principal)
        found = self._groups.get(at)
        if found is None:
            found = GrantGroup(
                each
                for each in given
                if operation in each[1].operations and each[1].key_arn == key_arn
            )
            if len(self._groups) < MAX_KEPT:
                self._groups[at] = found
        return found if found.all else None


@functools.lru_cache(maxsize=1 << 16)
def grantee_key(text: str) -> str:
    """Return the key under which callers look a grantee up; empty for one that is nobody."""
    return principal_key(grant_principal(text))
