"""What follows from a caller alone: under which keys entries name it, and its condition keys."""

from __future__ import annotations

from policy.decision import MatchClass
from policy.request import Principal, PrincipalKind, Values, caller_facts
from policy.vocabulary import canonical_key

MAX_KEPT = 4096
"""How many callers are kept ready."""


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
