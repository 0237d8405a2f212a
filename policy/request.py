"""The question: who asks to do what, on which resource, in which circumstances."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TypeAlias

from policy.arn import Arn
from policy.grants import Grant
from policy.vocabulary import ENCRYPTION_CONTEXT, ResourceKind, canonical_key, is_multivalued

Values: TypeAlias = str | tuple[str, ...]
"""A single value, or the set of values of a multivalued key (AUTH F-8)."""


class PrincipalKind(StrEnum):
    """What kind of caller it is (AUTH A-9)."""

    ROOT = "root"
    USER = "user"
    ROLE_SESSION = "role_session"
    FEDERATED_USER = "federated_user"
    SERVICE = "service"
    ANONYMOUS = "anonymous"


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller of a request.

    `arn` is the caller's own ARN: user, session, federated user or root; None for services and
    anonymous callers. `issuer` is the role of a session (with its path) or the user who asked
    for a federation token. `unique_id` is the id of the user, or of the issuer of a session.
    """

    kind: PrincipalKind
    arn: Arn | None = None
    issuer: Arn | None = None
    unique_id: str | None = None
    service: str | None = None
    identity_provider: str | None = None
    service_linked: bool = False
    facts: Mapping[str, Values] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def account(self) -> str | None:
        """The caller's account; None for services and anonymous callers."""
        return self.arn.account if self.arn is not None else None

    @property
    def is_unnamed_session(self) -> bool:
        """Whether it stands for some session of a role, its name unknown (AUTH A-9)."""
        return self.kind is PrincipalKind.ROLE_SESSION and self.arn == self.issuer

    def __str__(self) -> str:
        if self.arn is not None:
            return str(self.arn)
        return self.service or "anonymous"


@functools.lru_cache(maxsize=4096)
def principal_from_arn(arn: Arn, role: Arn | None = None) -> Principal | None:
    """Return the caller that an ARN names, or None if it names no caller (AUTH A-9).

    Of a role session the role's ARN is assumed to have no path unless it is given. A bare role
    stands for some session of it.
    """
    if arn.service == "iam" and arn.resource == "root":
        return Principal(PrincipalKind.ROOT, arn)
    if not arn.name or not arn.last:
        return None
    if (arn.service, arn.type) == ("iam", "user"):
        return Principal(PrincipalKind.USER, arn)
    if (arn.service, arn.type) == ("iam", "role"):
        return Principal(PrincipalKind.ROLE_SESSION, arn, issuer=arn)
    if (arn.service, arn.type) == ("sts", "federated-user"):
        return Principal(PrincipalKind.FEDERATED_USER, arn)
    if (arn.service, arn.type) == ("sts", "assumed-role") and arn.resource.count("/") == 2:
        name = arn.resource.split("/")[1]
        issuer = role or Arn(arn.partition, "iam", "", arn.account, f"role/{name}")
        return Principal(PrincipalKind.ROLE_SESSION, arn, issuer=issuer)
    return None


TWIN = "AS WRITTEN "
"""What stands before a name as written; the canonical spelling of no key begins so."""

_NONE_BARRED: frozenset[str] = frozenset()


@functools.lru_cache(maxsize=1024)
def _fold(names: tuple[str, ...]) -> Mapping[str, str]:
    """Return the names by their lower case; of several, the first by code point (AUTH J-100)."""
    return {name.lower(): name for name in sorted(names, reverse=True)}


@functools.lru_cache(maxsize=1024)
def _renames(names: tuple[str, ...]) -> tuple[tuple[str, str], ...] | None:
    """Return the names that are not canonical, each with its canonical spelling.

    None if two of them have the same. Surfaces send the same names again and again.
    """
    canonical = [(name, canonical_key(name)) for name in names]
    if len({spelling for _, spelling in canonical}) < len(names):
        return None
    return tuple((name, spelling) for name, spelling in canonical if name != spelling)


@functools.lru_cache(maxsize=1024)
def _pair_names(names: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Return the names that carry a pair of the encryption context, each with the pair's name."""
    size = len(ENCRYPTION_CONTEXT)
    return tuple((name, name[size:]) for name in names if name[:size].lower() == ENCRYPTION_CONTEXT)


class Context(Mapping[str, Values]):
    """Facts of a request by condition key; names are compared without regard to case.

    Where two names differ only by case, as those of an encryption context may, the exact one is
    found first, then the first by code point order (AUTH J-100). Keys that are named in `absent`
    are not filled in where a fact of the request would do so.
    """

    __slots__ = ("_absent", "_all", "_derived", "_folded", "_pairs", "_values")

    def __init__(
        self, values: Mapping[str, Values] | None = None, *, absent: Iterable[str] = ()
    ) -> None:
        self._values: dict[str, Values] = dict(values) if values else {}
        self._absent = frozenset(map(str.lower, absent)) if absent else _NONE_BARRED
        self._folded: Mapping[str, str] | None = None  # made when a name is not there as written
        self._derived: Mapping[str, Values] | None = None
        self._all: dict[str, Values] = {}
        self._pairs: dict[str, str] | None = None

    def __getitem__(self, key: str) -> Values:
        found = self._values.get(key)
        if found is not None:
            return found
        if self._folded is None:
            self._folded = _fold(tuple(self._values))
        return self._values[self._folded[key.lower()]]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        barred = f", absent={sorted(self._absent)!r}" if self._absent else ""
        return f"Context({self._values!r}{barred})"

    def single(self, key: str) -> str | None:
        """Return the value of a single-valued key, or None (AUTH H-3)."""
        value = self.get(key)
        return value if isinstance(value, str) and not is_multivalued(key) else None

    def with_defaults(self, values: Mapping[str, Values]) -> Context:
        """Return a context in which these keys are filled in, unless they are there or barred."""
        added = {
            key: value
            for key, value in values.items()
            if key not in self and key.lower() not in self._absent
        }
        return Context({**self._values, **added}, absent=self._absent) if added else self

    def replaced(self, changes: Mapping[str, Values | None]) -> Context:
        """Return a context with these values; a key that gets None is absent, and stays so."""
        names = {name.lower() for name in changes}
        values = {name: value for name, value in self._values.items() if name.lower() not in names}
        values |= {name: value for name, value in changes.items() if value is not None}
        removed = (name for name, value in changes.items() if value is None)
        return Context(values, absent=self._absent.union(removed))

    @property
    def values_by_name(self) -> Mapping[str, Values]:
        """The facts by their names as written."""
        return self._values

    def over(self, derived: Mapping[str, Values]) -> dict[str, Values]:
        """Return all facts by canonical names, the derived ones where they are not barred.

        Where names differ by nothing but case, each fact is there as written as well, behind TWIN.
        The same object asked for twice gets the same answer: `derived` must not change.
        """
        if self._derived is derived:
            return self._all
        values, kept = self._values, derived
        if self._absent:
            kept = {name: v for name, v in derived.items() if name.lower() not in self._absent}
        facts = {**kept, **values}
        renames = _renames(tuple(values))
        if renames is None:
            first = sorted(values, reverse=True)  # AUTH J-100: it overwrites the others
            named = {canonical_key(name): values[name] for name in first}
            facts = {**kept, **named, **{TWIN + name: value for name, value in values.items()}}
        elif renames:
            for name, spelling in renames:
                facts[spelling] = facts.pop(name)
        self._derived, self._all = derived, facts
        return facts

    @property
    def barred(self) -> frozenset[str]:
        """The keys, in lower case, that are absent whatever would fill them in."""
        return self._absent

    @property
    def encryption_context(self) -> Mapping[str, str]:
        """The pairs of the request's encryption context, names as they were sent."""
        if self._pairs is None:
            found = ((pair, self._values[name]) for name, pair in _pair_names(tuple(self._values)))
            self._pairs = {pair: value for pair, value in found if isinstance(value, str)}
        return self._pairs


@dataclass(frozen=True, slots=True)
class Resource:
    """What the action is checked on; `arn` is None for `*` (AUTH D-2, D-8).

    `account` owns it; of `*` that is the caller's account (AUTH A-10). A `planned` key is one
    that the call would create: it has no policy yet (AUTH K-66).
    """

    arn: Arn | None
    account: str | None
    aws_managed: bool = False
    planned: bool = False

    @property
    def kind(self) -> ResourceKind | None:
        """Key, alias or none; None for a resource of another service."""
        if self.arn is None:
            return ResourceKind.NONE
        if self.arn.service != "kms":
            return None
        return ResourceKind.ALIAS if self.arn.type == "alias" else ResourceKind.KEY

    def __str__(self) -> str:
        return str(self.arn) if self.arn is not None else "*"


@dataclass(frozen=True, slots=True)
class Request:
    """One authorization check (AUTH A-2).

    `grant_tokens` are those that the call carries. `subject` is the grant that a RetireGrant
    call wants to end, or that a CreateGrant call wants to make (AUTH N-14, N-50).
    """

    principal: Principal
    action: str
    resource: Resource
    context: Context = field(default_factory=Context)
    grant_tokens: frozenset[str] = field(default=frozenset(), repr=False)  # CORE K-109
    at: dt.datetime | None = None
    subject: Grant | None = None

    @property
    def operation(self) -> str:
        """The action's name without its service."""
        return self.action.partition(":")[2]


def caller_facts(principal: Principal) -> dict[str, Values]:
    """Return the condition keys that follow from the caller (AUTH J-10 to J-19, J-23).

    A fact that the principal carries itself, such as its tags, wins.
    """
    facts: dict[str, Values] = {}
    kind, arn = principal.kind, principal.arn
    if kind is PrincipalKind.ANONYMOUS:
        facts = {
            "aws:PrincipalAccount": "anonymous",
            "aws:PrincipalType": "Anonymous",
            "aws:userid": "anonymous",
        }
    elif kind is PrincipalKind.SERVICE:
        facts["aws:PrincipalIsAWSService"] = "true"
        if principal.service is not None:
            facts["aws:PrincipalServiceName"] = principal.service
    elif arn is not None:
        facts["aws:PrincipalIsAWSService"] = "false"
        facts["aws:PrincipalAccount"] = arn.account
        facts["aws:PrincipalType"] = _TYPES[kind]
        shown = principal.issuer if kind is PrincipalKind.ROLE_SESSION else arn
        facts["aws:PrincipalArn"] = str(shown)
        if kind is PrincipalKind.USER:
            facts["aws:username"] = arn.last
        user_id = _user_id(principal)
        if user_id is not None:
            facts["aws:userid"] = user_id
        if principal.identity_provider is not None:
            facts["aws:FederatedProvider"] = principal.identity_provider
    return {**facts, **principal.facts}


_TYPES = {
    PrincipalKind.ROOT: "Account",
    PrincipalKind.USER: "User",
    PrincipalKind.ROLE_SESSION: "AssumedRole",
    PrincipalKind.FEDERATED_USER: "FederatedUser",
}


def _user_id(principal: Principal) -> str | None:
    """AUTH J-13."""
    arn = principal.arn
    if arn is None:
        return None
    if principal.kind is PrincipalKind.ROOT:
        return arn.account
    if principal.kind is PrincipalKind.FEDERATED_USER:
        return f"{arn.account}:{arn.last}"
    if principal.kind is PrincipalKind.USER or principal.unique_id is None:
        return principal.unique_id
    return None if principal.is_unnamed_session else f"{principal.unique_id}:{arn.last}"
