"""Grants as the policy engine knows them: what they allow, to whom, and from when (AUTH N)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

from policy.arn import Arn


@dataclass(frozen=True, slots=True)
class GrantConstraints:
    """What a grant insists on. An empty map of pairs constrains nothing (AUTH N-8, N-9)."""

    equals: Mapping[str, str] | None = None
    subset: Mapping[str, str] | None = None
    source_arn: str | None = None

    @property
    def names_context(self) -> bool:
        """Whether the encryption context matters."""
        return bool(self.equals) or bool(self.subset)

    def unmet_by(self, pairs: Mapping[str, str]) -> str | None:
        """Return what an encryption context lacks, or None; case matters (AUTH N-22)."""
        if self.equals and dict(self.equals) != dict(pairs):
            return f"the encryption context must be exactly {_shown(self.equals)}"
        missing = {k: v for k, v in (self.subset or {}).items() if pairs.get(k) != v}
        if missing:
            return f"the encryption context must include {_shown(missing)}"
        return None

    def at_least_as_strict_as(self, parent: GrantConstraints) -> bool:
        """Tell whether a child grant with these constraints stays inside the parent (N-14)."""
        if parent.source_arn is not None and self.source_arn != parent.source_arn:
            return False
        if parent.equals and dict(self.equals or {}) != dict(parent.equals):
            return False
        wanted = (parent.subset or {}).items()
        return wanted <= {**(self.subset or {}), **(self.equals or {})}.items()


def _shown(pairs: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{name}: {value}" for name, value in sorted(pairs.items())) + "}"


@dataclass(frozen=True, slots=True)
class Grant:
    """A permission attached to one key: it only allows (AUTH N-1, N-2).

    Without one of its tokens a grant works from `effective_at` on; None means always. A retired
    or revoked grant goes on working until `ends_at` (AUTH N-35). `grantee_id` is the unique id
    that the grantee had when the grant was made (AUTH N-6).
    """

    id: str
    key_arn: str
    grantee_principal: str
    operations: frozenset[str]
    constraints: GrantConstraints = GrantConstraints()
    retiring_principal: str | None = None
    name: str | None = None
    issuing_account: str | None = None
    created_at: dt.datetime | None = None
    effective_at: dt.datetime | None = None
    ends_at: dt.datetime | None = None
    tokens: frozenset[str] = field(default=frozenset(), repr=False)
    parent: str | None = None
    grantee_id: str | None = None
    retiring_id: str | None = None

    def is_effective(self, at: dt.datetime | None, tokens: frozenset[str]) -> bool:
        """Tell whether the grant counts for a request at that time with those tokens (N-30)."""
        if not self.tokens.isdisjoint(tokens):
            return True  # AUTH N-31; other tokens are no matter (N-32)
        if self.effective_at is None:
            return True
        return at is not None and at >= self.effective_at


def account_of(principal: str) -> str | None:
    """Return the account that an account entry of a grant stands for, or None (AUTH N-6)."""
    if principal.isdigit():
        return principal
    arn = Arn.parse(principal)
    return arn.account if arn is not None and arn.resource == "root" else None
