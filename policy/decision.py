"""The answer, and how it came about. The trace is made once and only read afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from types import MappingProxyType
from typing import Any, Protocol, TypeAlias

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
    memo: dict[object, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
    """What an evaluator makes of the documents, kept with them; no part of their value."""


@dataclass(frozen=True, slots=True)
class StatementName:
    """A statement by where it stands.

    `index` counts within its policy, `position` within all statements of the layer.
    """

    layer: Layer
    policy: str
    index: int
    sid: str | None
    position: int


Deciding: TypeAlias = StatementName | Grant
"""What decided: a statement by its name, or a grant."""


@dataclass(frozen=True, slots=True)
class Trace:
    """The whole way to a decision: what every statement and grant came to.

    `by` are the statements or grants that decided; `blocked_by` the layers that stop a request
    which the key's side would let through.
    """

    layers: tuple[LayerResult, ...]
    by: tuple[StatementTrace | GrantTrace, ...] = ()
    blocked_by: tuple[Layer, ...] = ()

    def layer_result(self, layer: Layer) -> LayerResult:
        """Return what one layer said."""
        for result in self.layers:
            if result.layer is layer:
                return result
        return LayerResult(layer, applies=False)


class Tracer(Protocol):
    """Makes the trace of a decision when someone asks for it."""

    def trace(self, decision: Decision) -> Trace:
        """Return the whole way to a decision."""
        ...


class Decision:
    """Whether the request may go on, which layer said so, and what decided.

    The trace, and all that is read from it, is made when it is first asked for; it is the same
    whichever evaluator decided.
    """

    __slots__ = ("_trace", "deciding", "layer", "outcome", "path", "request")

    def __init__(
        self,
        request: Request,
        outcome: Outcome,
        layer: Layer,
        path: AllowPath | None,
        deciding: tuple[Deciding, ...],
        trace: Trace | Tracer,
    ) -> None:
        self.request = request
        self.outcome = outcome
        self.layer = layer
        self.path = path
        self.deciding = deciding
        self._trace = trace

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Decision):
            return NotImplemented
        mine = (self.request, self.outcome, self.layer, self.path, self.trace)
        return mine == (other.request, other.outcome, other.layer, other.path, other.trace)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        how = f", {self.path}" if self.path is not None else ""
        return f"<Decision {self.outcome} by {self.layer}{how}: {self.request.action}>"

    @property
    def allowed(self) -> bool:
        """Whether the request may go on."""
        return self.outcome is Outcome.ALLOWED

    @property
    def trace(self) -> Trace:
        """The whole way to the decision."""
        found = self._trace
        if not isinstance(found, Trace):
            found = self._trace = found.trace(self)
        return found

    @property
    def layers(self) -> tuple[LayerResult, ...]:
        """What each layer said."""
        return self.trace.layers

    @property
    def by(self) -> tuple[StatementTrace | GrantTrace, ...]:
        """The statements or grants that decided, with all that was compared."""
        return self.trace.by

    @property
    def blocked_by(self) -> tuple[Layer, ...]:
        """The layers that stop a request which the key's side would let through."""
        return self.trace.blocked_by

    @property
    def reasons(self) -> frozenset[Reason]:
        """The causes of a denial that a scenario can name: why the nearest Allows did not allow."""
        return frozenset() if self.allowed else frozenset(_reasons(self.trace, self.layer))

    def layer_result(self, layer: Layer) -> LayerResult:
        """Return what one layer said."""
        return self.trace.layer_result(layer)


_LIMITS = {
    Layer.SCP: Reason.SCP,
    Layer.ENDPOINT: Reason.ENDPOINT,
    Layer.BOUNDARY: Reason.BOUNDARY,
    Layer.SESSION: Reason.SESSION,
}


def _reasons(trace: Trace, layer: Layer) -> Iterator[Reason]:
    if layer in _LIMITS:
        yield _LIMITS[layer]
    for side in dict.fromkeys((Layer.KEY_POLICY, Layer.IDENTITY, layer)):
        statements = trace.layer_result(side).statements
        yield from _near(t.steps for t in statements if t.effect is Effect.ALLOW)
    yield from _near(found.steps for found in trace.layer_result(Layer.GRANT).grants)
    if layer is Layer.KEY_POLICY and trace.layer_result(Layer.IDENTITY).allows:
        yield Reason.NO_DELEGATION


def _near(traces: Iterable[tuple[Step, ...]]) -> Iterator[Reason]:
    """Return what failed in those of the traces that came closest to applying."""
    failures = [[step for step in steps if not step.matched] for steps in traces]
    missed = [steps for steps in failures if steps]
    least = min((len({step.element for step in steps}) for steps in missed), default=0)
    for steps in missed:
        if len({step.element for step in steps}) == least:
            yield from (step.reason for step in steps if step.reason is not None)
