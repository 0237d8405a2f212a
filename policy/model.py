"""What a policy says, once it is read: values only, each with its place in the text."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Generic, TypeVar

from policy.arn import Arn
from policy.operators import Operator
from policy.pattern import Pattern
from policy.source import Source, Span


class Effect(StrEnum):
    """What a statement does when it applies."""

    ALLOW = "Allow"
    DENY = "Deny"


class PolicyKind(StrEnum):
    """Where a document is attached; decides which elements it may have (AUTH B-7)."""

    KEY_POLICY = "key policy"
    RESOURCE_POLICY = "resource-based policy"
    IDENTITY_POLICY = "identity policy"
    SCP = "SCP"
    RCP = "RCP"
    ENDPOINT_POLICY = "VPC endpoint policy"

    @property
    def names_principals(self) -> bool:
        """Whether its statements have a Principal element."""
        return self not in (PolicyKind.IDENTITY_POLICY, PolicyKind.SCP)


VERSION_2008 = "2008-10-17"
VERSION_2012 = "2012-10-17"
VERSIONS = (VERSION_2012, VERSION_2008)


class PrincipalForm(StrEnum):
    """How an entry of a Principal element names a caller (AUTH E-1 to E-14)."""

    EVERYONE = "everyone"
    ACCOUNT = "account"
    USER = "user"
    ROLE = "role"
    SESSION = "role session"
    FEDERATED_USER = "federated user"
    PROVIDER = "identity provider"
    SERVICE = "service"
    CANONICAL_USER = "canonical user"
    UNIQUE_ID = "unique id"
    INVALID = "no principal"


@dataclass(frozen=True, slots=True)
class PrincipalPattern:
    """One entry of a Principal element. `arn` is set for the forms that are ARNs."""

    form: PrincipalForm
    text: str
    span: Span
    arn: Arn | None = None

    @property
    def account(self) -> str | None:
        """The account of an account entry or an ARN."""
        if self.arn is not None:
            return self.arn.account
        return self.text if self.form is PrincipalForm.ACCOUNT else None


@dataclass(frozen=True, slots=True)
class TextPattern:
    """An action or resource entry: as written, and as it matches.

    The pattern of an action is in lower case. `segments` are those of a resource ARN (AUTH D-3).
    """

    text: str
    pattern: Pattern
    span: Span
    segments: tuple[Pattern, ...] = ()


T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Element(Generic[T_co]):
    """Principal, Action or Resource, or its Not twin when `negated`."""

    name: str
    patterns: tuple[T_co, ...]
    negated: bool
    span: Span


@dataclass(frozen=True, slots=True)
class ConditionValue:
    """One value that a condition compares with."""

    pattern: Pattern
    span: Span

    @property
    def text(self) -> str:
        """The value as written; numbers and booleans as their JSON text (AUTH B-10)."""
        return self.pattern.text


@dataclass(frozen=True, slots=True)
class Condition:
    """One test: an operator, a condition key and the values it is compared with."""

    operator: Operator
    key: str
    values: tuple[ConditionValue, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Statement:
    """One entry of a policy. Elements that the text lacks are None."""

    index: int
    sid: str | None
    effect: Effect
    principal: Element[PrincipalPattern] | None
    action: Element[TextPattern] | None
    resource: Element[TextPattern] | None
    conditions: tuple[Condition, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Policy:
    """A document that kept to the grammar (AUTH B). `name` is how explanations call it."""

    name: str
    kind: PolicyKind
    version: str
    id: str | None
    statements: tuple[Statement, ...]
    source: Source
    memo: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
    """What an evaluator makes of the policy, kept with it; no part of its value."""
