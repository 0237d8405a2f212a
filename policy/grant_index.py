"""Grants for many decisions: found by what they ask for, and whether they hold for a request."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from policy.callers import principal_key
from policy.grants import Grant, GrantConstraints
from policy.principals import grant_principal
from policy.request import Request

MAX_KEPT = 4096
"""How many groups are kept with an index."""

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


def is_in_time(grant: Grant, request: Request) -> bool:
    """Tell whether a grant has begun to count for a request, and has not ended (AUTH N-30)."""
    ends = grant.ends_at
    if ends is not None and (request.at is None or request.at >= ends):
        return False
    return grant.is_effective(request.at, request.grant_tokens)


def pairs_hold(constraints: GrantConstraints, pairs: Mapping[str, str]) -> bool:
    """Tell whether an encryption context is as constraints want it, to the letter (AUTH N-22)."""
    if constraints.equals and dict(constraints.equals) != dict(pairs):
        return False
    return all(pairs.get(k) == v for k, v in (constraints.subset or {}).items())
