"""The answer, and how it came about. The trace is made once and only read afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from types import MappingProxyType

from policy.grants import Grant
from policy.model import Effect, Policy
from policy.request import Request
from policy.source import Source, Span


class Outcome(StrEnum):
    """Allowed, or one of the two ways to be denied (AUTH A-3)."""

    ALLOWED = "Allowed"
    EXPLICITLY_DENIED = "ExplicitlyDenied"
    IMPLICITLY_DENIED = "ImplicitlyDenied"


class Layer(StrEnum):
    """A kind of policy that may speak (AUTH A-5)."""

    SCP = "scp"
    RCP = "rcp"
    ENDPOINT = "vpce"
    KEY_POLICY = "key_policy"
    IDENTITY = "identity"
    BOUNDARY = "boundary"
    SESSION = "session"
    GRANT = "grant"
    SERVICE = "service"


class AllowPath(StrEnum):
    """The way in which a request was allowed (AUTH A-6)."""

    DIRECT = "key_policy:direct"
    ROLE = "key_policy:role"
    ACCOUNT = "key_policy:account+identity"
    CROSS_ACCOUNT = "key_policy:cross_account+identity"
    SERVICE_PRINCIPAL = "key_policy:service_principal"
    GRANT = "grant"
    IDENTITY = "identity"
    ROOT = "root"


class MatchClass(IntEnum):
    """How closely an entry names the caller; the larger, the closer (AUTH E-12)."""

    ACCOUNT = 1
    ROLE_BOUND = 2
    DIRECT = 3


class ElementName(StrEnum):
    """The parts of a statement or grant that can match or not."""

    PRINCIPAL = "Principal"
    ACTION = "Action"
    RESOURCE = "Resource"
    CONDITION = "Condition"
    OPERATIONS = "Operations"
    GRANTEE = "GranteePrincipal"
    CONSTRAINTS = "Constraints"
    TIME = "Effective"


class Reason(StrEnum):
    """Why something does not match, or which limit stops a request."""

    PRINCIPAL = "principal-mismatch"
    ACTION = "action-mismatch"
    RESOURCE = "resource-mismatch"
    CONDITION = "condition-mismatch"
    KEY_ABSENT = "context-key-absent"
    GRANT_NOT_YET = "grant-not-yet-effective"
    GRANT_CONSTRAINT = "grant-constraint"
    GRANT_OPERATION = "grant-operation"
    GRANT_GRANTEE = "grant-grantee"
    NO_DELEGATION = "no-delegation"
    BOUNDARY = "boundary"
    SESSION = "session"
    SCP = "scp"
    ENDPOINT = "vpce"


@dataclass(frozen=True, slots=True)
class Step:
    """One comparison: did this element match, what was wanted, what was there.

    `why` says so in a sentence, without a final period.
    """

    element: ElementName
    matched: bool
    expected: str
    actual: str
    why: str
    span: Span | None = None
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class StatementTrace:
    """What became of one statement. `match_class` is None when it does not apply."""

    layer: Layer
    policy: str
    index: int
    sid: str | None
    effect: Effect
    applies: bool
    match_class: MatchClass | None
    steps: tuple[Step, ...]
    source: Source = field(repr=False)
    span: Span
    level: str | None = None

    @property
    def name(self) -> str:
        """How people call the statement: its Sid, or the policy and the index."""
        return self.sid or f"{self.policy}[{self.index}]"


@dataclass(frozen=True, slots=True)
class GrantTrace:
    """What became of one grant on the key."""

    grant: Grant
    applies: bool
    match_class: MatchClass | None
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Offer:
    """An Allow on the key's side: a statement of the key policy, or a grant (AUTH L-30)."""

    match_class: MatchClass
    by: StatementTrace | GrantTrace


@dataclass(frozen=True, slots=True)
class LayerResult:
    """What one kind of policy says about the request, all its documents together (AUTH A-7).

    A layer that does not apply neither allows nor denies. `missing` names the levels of an
    organization at which nothing allows (AUTH L-12).
    """

    layer: Layer
    applies: bool
    statements: tuple[StatementTrace, ...] = ()
    grants: tuple[GrantTrace, ...] = ()
    missing: tuple[str, ...] = ()
    allows_by_nature: bool = False

    @property
    def denying(self) -> tuple[StatementTrace, ...]:
        """The Deny statements that apply."""
        return tuple(s for s in self.statements if s.applies and s.effect is Effect.DENY)

    @property
    def allowing(self) -> tuple[StatementTrace, ...]:
        """The Allow statements that apply."""
        return tuple(s for s in self.statements if s.applies and s.effect is Effect.ALLOW)

    @property
    def allows(self) -> bool:
        """Whether some statement allows, at every level where there are several."""
        return self.allows_by_nature or (bool(self.allowing) and not self.missing)


@dataclass(frozen=True, slots=True)
class Level:
    """One level of an organization, from its root down to an account, and what hangs there."""

    target: str
    policies: tuple[Policy, ...]


@dataclass(frozen=True, slots=True)
class Documents:
    """Everything that may speak about one request (AUTH A-1).

    None means that a layer does not apply; an empty tuple, that it applies and says nothing.
    `bound_ids` maps the user and role ARNs of the key policy to the unique ids that they had
    when it was saved; ARNs that are not in it are compared as text (AUTH E-20, E-23).
    """

    key_policy: Policy | None = None
    grants: tuple[Grant, ...] = ()
    identity: tuple[Policy, ...] = ()
    boundary: Policy | None = None
    session: tuple[Policy, ...] | None = None
    scps: tuple[Level, ...] | None = None
    rcps: tuple[Level, ...] | None = None
    endpoint: Policy | None = None
    bound_ids: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether the request may go on, which layer said so, and the whole way there.

    `by` are the statements or grants that decided; `blocked_by` the layers that stop a request
    which the key's side would let through; `reasons` the causes that a scenario can name.
    """

    request: Request
    outcome: Outcome
    layer: Layer
    path: AllowPath | None
    by: tuple[StatementTrace | GrantTrace, ...]
    layers: tuple[LayerResult, ...]
    blocked_by: tuple[Layer, ...] = ()
    reasons: frozenset[Reason] = frozenset()

    @property
    def allowed(self) -> bool:
        """Whether the request may go on."""
        return self.outcome is Outcome.ALLOWED

    def layer_result(self, layer: Layer) -> LayerResult:
        """Return what one layer said."""
        for result in self.layers:
            if result.layer is layer:
                return result
        return LayerResult(layer, applies=False)
