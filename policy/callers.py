"""Callers as compiled policies know them: the keys under which entries name them, their facts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from policy.decision import MatchClass
from policy.model import PrincipalForm, PrincipalPattern
from policy.request import Principal, PrincipalKind, Values, caller_facts
from policy.vocabulary import canonical_key

MAX_KEPT = 4096
"""How many callers are kept ready."""

Keys: TypeAlias = Sequence[tuple[str, MatchClass]]
"""The names under which entries find a caller, the closest first."""


class Profile:
    """What follows from a caller alone: its keys, its condition keys, which layers it has."""

    __slots__ = (
        "_derived", "bounded", "facts", "keys", "principal", "root_like", "sessions", "signed",
        "under_scps",
    )  # fmt: skip

    def __init__(self, caller: Principal) -> None:
        kind = caller.kind
        self.principal = caller
        self.keys = tuple(_caller_keys(caller))
        self.facts = {canonical_key(name): v for name, v in caller_facts(caller).items()}
        self._derived: dict[tuple[str | None, bool], dict[str, Values]] = {}
        self.signed = caller.arn is not None
        self.under_scps = self.signed and not caller.service_linked  # L-1, L-52
        self.bounded = self.under_scps and kind is not PrincipalKind.ROOT  # L-6
        self.sessions = kind in (PrincipalKind.ROLE_SESSION, PrincipalKind.FEDERATED_USER)  # L-7
        self.root_like = kind is PrincipalKind.ROOT or (
            kind is PrincipalKind.FEDERATED_USER
            and caller.issuer is not None
            and caller.issuer.resource == "root"
        )  # L-5, L-55

    def derived(self, owner: str | None, *, tells_account: bool) -> dict[str, Values]:
        """Return the condition keys that follow from the caller and the resource's account.

        They are the same object every time, which `Context.over` remembers (AUTH J-50, J-60).
        """
        found = self._derived.get((owner, tells_account))
        if found is None:
            found = dict(self.facts)
            if owner is not None:
                found["aws:ResourceAccount"] = owner
            if tells_account and self.principal.account is not None:
                found["kms:CallerAccount"] = self.principal.account
            if len(self._derived) < MAX_KEPT:
                self._derived[owner, tells_account] = found
        return found


_PROFILES: dict[int, Profile] = {}


def profile_of(caller: Principal) -> Profile:
    """Return a caller's profile; it is kept, together with the caller."""
    found = _PROFILES.get(id(caller))
    if found is None or found.principal is not caller:
        if len(_PROFILES) >= MAX_KEPT:
            _PROFILES.clear()
        found = _PROFILES[id(caller)] = Profile(caller)
    return found


def _caller_keys(caller: Principal) -> list[tuple[str, MatchClass]]:
    """Return the keys under which entries name a caller, the closest first (AUTH 5.1)."""
    direct, role_bound, account = MatchClass.DIRECT, MatchClass.ROLE_BOUND, MatchClass.ACCOUNT
    keys = [("*", direct)]
    kind = caller.kind
    if caller.arn is not None:
        if kind is PrincipalKind.USER:
            keys.append((f"p{caller.arn}", direct))
        elif kind is not PrincipalKind.ROOT:
            keys.append((f"s{caller.arn}", direct))
    if kind is PrincipalKind.SERVICE:
        keys.append((f"v{caller.service}", direct))
    if caller.identity_provider is not None:
        keys.append((f"f{caller.identity_provider}", direct))
    if caller.unique_id is not None:
        own = kind is PrincipalKind.USER
        keys.append((f"u{caller.unique_id}", direct if own else role_bound))
    if caller.issuer is not None:
        keys.append((f"p{caller.issuer}", role_bound))
    if caller.account is not None:
        root = kind is PrincipalKind.ROOT
        keys.append((f"a{caller.account}", direct if root else account))
    keys.sort(key=lambda pair: -pair[1])
    return keys


# Entries

_KEY_LETTERS = {
    PrincipalForm.USER: "p",
    PrincipalForm.ROLE: "p",
    PrincipalForm.SESSION: "s",
    PrincipalForm.FEDERATED_USER: "s",
    PrincipalForm.PROVIDER: "f",
    PrincipalForm.SERVICE: "v",
    PrincipalForm.UNIQUE_ID: "u",
}


def principal_key(entry: PrincipalPattern) -> str:
    """Return the key under which callers look an entry up; empty for one that names nobody."""
    if entry.form is PrincipalForm.EVERYONE:
        return "*"
    if entry.form is PrincipalForm.ACCOUNT:
        return f"a{entry.account}"
    letter = _KEY_LETTERS.get(entry.form)
    return f"{letter}{entry.arn or entry.text}" if letter is not None else ""


# Who is spared (AUTH E-24 to E-27)


def reaches(
    entries: Sequence[PrincipalPattern], keys: Keys, caller: Principal, *, deny: bool, bounded: bool
) -> bool:
    """Tell whether a statement that spares these callers reaches one (AUTH E-24 to E-26)."""
    listed = _listed(entries, keys)
    if not deny:
        return not listed
    if bounded:
        return True
    if PrincipalForm.EVERYONE in listed:
        return False
    return any(listed.isdisjoint(forms) for _, forms in _CHAINS[caller.kind])


def unlisted(entries: Sequence[PrincipalPattern], keys: Keys, caller: Principal) -> tuple[str, ...]:
    """Return what a NotPrincipal Deny would have to list besides, to spare a caller (AUTH E-25)."""
    listed = _listed(entries, keys)
    chain = _CHAINS[caller.kind]
    return tuple(name(caller) for name, forms in chain if listed.isdisjoint(forms))


def _listed(entries: Sequence[PrincipalPattern], keys: Keys) -> set[PrincipalForm]:
    mine = {key for key, _ in keys}
    return {entry.form for entry in entries if principal_key(entry) in mine}


_Link: TypeAlias = tuple[Callable[[Principal], str], tuple[PrincipalForm, ...]]


def _account_of(caller: Principal) -> str:
    return f"account {caller.account}"


def _issuer_of(caller: Principal) -> str:
    return str(caller.issuer)


_USER_FORMS = (PrincipalForm.USER, PrincipalForm.UNIQUE_ID)
_ROLE_FORMS = (PrincipalForm.ROLE, PrincipalForm.UNIQUE_ID)
_ACCOUNT: _Link = (_account_of, (PrincipalForm.ACCOUNT,))
_CHAINS: dict[PrincipalKind, tuple[_Link, ...]] = {
    PrincipalKind.ROOT: (_ACCOUNT,),
    PrincipalKind.USER: ((str, _USER_FORMS), _ACCOUNT),
    PrincipalKind.ROLE_SESSION: (
        (str, (PrincipalForm.SESSION,)), (_issuer_of, _ROLE_FORMS), _ACCOUNT,
    ),
    PrincipalKind.FEDERATED_USER: (
        (str, (PrincipalForm.FEDERATED_USER,)), (_issuer_of, _USER_FORMS), _ACCOUNT,
    ),
    PrincipalKind.SERVICE: ((str, (PrincipalForm.SERVICE,)),),
    PrincipalKind.ANONYMOUS: ((str, ()),),
}  # fmt: skip
"""What a Deny must list, each in one of these forms, to spare a caller (AUTH E-25)."""
