"""What rules are told beside a document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from policy.model import Policy, PolicyKind


@dataclass(frozen=True, slots=True)
class LintOptions:
    """What the rules cannot learn from a document.

    `scp_language` is "classic" where SCPs are limited to the syntax from before 2025. `account`
    owns the keys, as far as that is known, and `caller` is the ARN of who will put a key policy.
    `trusted_accounts` are the others that may have access; None if nobody made a list. `now` is the
    moment that dates are compared with, in seconds. `key_policies` are those of keys, by their
    ARNs, for identity policies to be held against. `quotas` are characters of identity policies,
    SCPs and RCPs where these have other limits.
    """

    scp_language: Literal["full", "classic"] = "full"
    account: str | None = None
    trusted_accounts: frozenset[str] | None = None
    now: float | None = None
    key_policies: Mapping[str, Policy] = field(default_factory=lambda: MappingProxyType({}))
    caller: str | None = None
    max_principals: int = 20
    quotas: Mapping[PolicyKind, int] = field(default_factory=lambda: MappingProxyType({}))


DEFAULT_OPTIONS = LintOptions()
