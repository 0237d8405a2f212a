"""The whole way to a decision, from compiled policies: the trace that the reference makes.

What does not depend on the context is made once for a residual, down to whole layers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeAlias

from policy import wording
from policy.callers import principal_key, reaches, unlisted
from policy.compiler import CompiledStatement, compiled, covering
from policy.decision import (
    Deciding,
    Decision,
    ElementName,
    GrantTrace,
    Layer,
    LayerResult,
    Level,
    MatchClass,
    Outcome,
    StatementTrace,
    Step,
    Trace,
)
from policy.grant_index import grantee_key
from policy.grants import Grant
from policy.model import Effect, Policy
from policy.request import PrincipalKind, Request
from policy.text_tests import Facts

if TYPE_CHECKING:
    from policy.residual import Residual

_ORDER = (
    Layer.SCP, Layer.RCP, Layer.ENDPOINT, Layer.KEY_POLICY, Layer.IDENTITY, Layer.BOUNDARY,
    Layer.SESSION,
)  # fmt: skip
_SWEEP = (
    Layer.RCP, Layer.SCP, Layer.ENDPOINT, Layer.KEY_POLICY, Layer.IDENTITY, Layer.BOUNDARY,
    Layer.SESSION,
)  # fmt: skip


MAX_SEEN = 16
"""How many traces of one statement, and of one layer, are kept."""


_Said: TypeAlias = dict[Layer, LayerResult]


class Tracing:
    """Makes the traces of one residual."""

    __slots__ = ("_layers", "_residual", "_tells_time")

    def __init__(self, residual: Residual) -> None:
        self._residual = residual
        self._layers = tuple(_LayerTracing(residual, layer) for layer in _ORDER)
        self._tells_time = any(
            statement.tells_time
            for layer in _ORDER
            for policy in residual.documents.policies[layer]
            for statement in compiled(policy).statements
        )

    def trace(self, decision: Decision) -> Trace:
        """Return the whole way to a decision of this residual."""
        request, residual = decision.request, self._residual
        facts = residual.facts(request, tells_time=self._tells_time)
        layers = [layer.result(facts) for layer in self._layers]
        layers.append(self._grants(request))
        said = {result.layer: result for result in layers}
        by = tuple([_deciding(said, found) for found in decision.deciding])
        blocked = () if decision.allowed else tuple(self._blocked(said, decision, facts))
        return Trace(tuple(layers), by, blocked)

    def _blocked(self, said: _Said, decision: Decision, facts: Facts) -> Iterator[Layer]:
        """Yield the layers that stop a request which the key's side would let through."""
        layer = decision.layer
        if decision.outcome is Outcome.EXPLICITLY_DENIED:
            yield from (each for each in _SWEEP if said[each].denying)
        elif decision.outcome is Outcome.ALLOWED or layer is Layer.KEY_POLICY:
            return
        elif layer not in (Layer.SCP, Layer.ENDPOINT):
            yield from self._missing(said, layer)
        elif self._residual.action == "kms:retiregrant":
            yield layer
        else:
            for each in (Layer.SCP, Layer.ENDPOINT):
                if said[each].applies and not said[each].allows:
                    yield each
            inner = self._residual.within_guardrails(decision.request, facts)
            yield from self._blocked(said, inner, facts)

    def _missing(self, said: _Said, layer: Layer) -> Iterator[Layer]:
        """Yield a layer that does not allow, with boundary and session if they do not either."""
        if layer not in (Layer.BOUNDARY, Layer.SESSION):
            yield layer
        if layer is Layer.SERVICE:
            return
        boundary, session = said[Layer.BOUNDARY], said[Layer.SESSION]
        if boundary.applies and not boundary.allows:
            yield Layer.BOUNDARY
        federated = self._residual.profile.principal.kind is PrincipalKind.FEDERATED_USER
        if not session.allows and (session.applies or federated):  # L-17
            yield Layer.SESSION

    # Grants

    def _grants(self, request: Request) -> LayerResult:
        residual = self._residual
        if not residual.layers[Layer.GRANT]:
            return LayerResult(Layer.GRANT, applies=False)
        keys = dict(residual.profile.keys)
        grants = residual.documents.documents.grants
        return LayerResult(
            Layer.GRANT, True, grants=tuple(self._grant(g, request, keys) for g in grants)
        )

    def _grant(self, grant: Grant, request: Request, keys: dict[str, MatchClass]) -> GrantTrace:
        residual, caller = self._residual, str(request.principal)
        key = grantee_key(grant.grantee_principal)
        match_class = keys.get(key)
        if key[:1] == "p" and grant.grantee_id not in (None, request.principal.unique_id):
            match_class = None  # N-6
        asked, operation = str(residual.resource), residual.operation
        ended = grant.ends_at is not None and (request.at is None or request.at >= grant.ends_at)
        effective = grant.is_effective(request.at, request.grant_tokens)
        steps = [
            wording.operations_step(grant, operation, matched=operation in grant.operations),
            wording.grantee_step(grant, caller, matched=match_class is not None),
            wording.constraints_step(
                grant, request.context.encryption_context, self._problem(grant, request)
            ),
            wording.time_step(grant, request, effective=effective, ended=ended),
        ]
        if asked != grant.key_arn:
            steps.append(wording.other_key_step(grant, asked))
        applies = all(step.matched for step in steps)
        return GrantTrace(grant, applies, match_class if applies else None, tuple(steps))

    def _problem(self, grant: Grant, request: Request) -> str | None:
        residual, constraints = self._residual, grant.constraints
        if residual.meets_constraints(grant, request):
            return None
        if residual.operation == "CreateGrant" and not residual.is_within(grant, request):
            return wording.child_problem(request.subject, grant)
        unmet = None
        if residual.compares_pairs:
            unmet = constraints.unmet_by(request.context.encryption_context)
        return unmet or wording.source_problem(constraints.source_arn or "")


def _deciding(said: _Said, found: Deciding) -> StatementTrace | GrantTrace:
    """Return the trace of what decided; of a grant that is retired nothing was compared."""
    if not isinstance(found, Grant):
        return said[found.layer].statements[found.position]
    whole = GrantTrace(found, applies=True, match_class=MatchClass.DIRECT, steps=())
    return next((each for each in said[Layer.GRANT].grants if each.grant is found), whole)


class _LayerTracing:
    """The statements of one layer, as far as they can be told without the context."""

    __slots__ = ("_by_nature", "_layer", "_levels", "_open", "_rows", "_seen", "_speaks")

    def __init__(self, residual: Residual, layer: Layer) -> None:
        self._layer = layer
        documents = residual.documents.documents
        self._speaks = residual.layers[layer]
        root = layer is Layer.IDENTITY and residual.profile.root_like
        self._by_nature = self._speaks and (layer is Layer.RCP or root)  # L-5, L-13
        levels: tuple[Level, ...] | None = None
        if self._speaks and layer in (Layer.SCP, Layer.RCP):
            levels = documents.scps if layer is Layer.SCP else documents.rcps
        self._levels = levels or ()
        rows: list[_Row | StatementTrace] = []
        if levels is not None:
            for level in levels:
                for policy in level.policies:
                    rows += _rows(residual, layer, policy, level.target)
        elif residual.speaks(layer):
            for policy in residual.documents.policies[layer]:
                rows += _rows(residual, layer, policy, None)
        self._rows = tuple(rows)
        self._open = tuple(row for row in rows if isinstance(row, _Row))
        self._seen: dict[tuple[int, ...], LayerResult] = {}

    def result(self, facts: Facts) -> LayerResult:
        """Return what the layer says."""
        made = [row.trace(facts) for row in self._open]
        # A kept result holds on to its traces, so that their ids stay theirs.
        at = tuple(map(id, made))
        found = self._seen.get(at)
        if found is None:
            if len(self._seen) >= MAX_SEEN:
                self._seen.clear()
            found = self._seen[at] = self._made(iter(made))
        return found

    def _made(self, made: Iterator[StatementTrace]) -> LayerResult:
        traces = tuple(row if isinstance(row, StatementTrace) else next(made) for row in self._rows)
        missing = tuple(self._missing(traces)) if self._layer is Layer.SCP else ()
        return LayerResult(
            self._layer, self._speaks, traces, missing=missing, allows_by_nature=self._by_nature
        )

    def _missing(self, traces: tuple[StatementTrace, ...]) -> Iterator[str]:
        """Yield the levels at which no SCP allows (AUTH L-12)."""
        at = 0
        for level in self._levels:
            end = at + sum(len(policy.statements) for policy in level.policies)
            here = traces[at:end]
            if not any(trace.applies and trace.effect is Effect.ALLOW for trace in here):
                yield level.target
            at = end


class _Row:
    """A statement whose resource or conditions depend on the context."""

    __slots__ = (
        "_depends", "_layer", "_level", "_match_class", "_policy", "_residual", "_seen",
        "_statement", "_steps",
    )  # fmt: skip

    def __init__(
        self,
        residual: Residual,
        layer: Layer,
        policy: Policy,
        level: str | None,
        statement: CompiledStatement,
        match_class: MatchClass | None,
        steps: tuple[Step, ...],
    ) -> None:
        self._residual = residual
        self._layer = layer
        self._policy = policy
        self._level = level
        self._statement = statement
        self._match_class = match_class
        self._steps = steps
        self._depends = statement.resource.depends(residual.segments)
        # Unless values of the request are compared with each other, the same values of its
        # condition keys make the same trace.
        is_moving = self._depends or any(c.is_moving for c in statement.conditions)
        self._seen: dict[tuple[object, ...], StatementTrace] | None = None if is_moving else {}

    @property
    def is_settled(self) -> bool:
        """Whether nothing in it depends on the context."""
        return not self._depends and not self._statement.conditions

    def trace(self, facts: Facts) -> StatementTrace:
        """Return what became of the statement."""
        if self._seen is None:
            return self._made(facts)
        values = tuple([condition.present(facts) for condition in self._statement.conditions])
        found = self._seen.get(values)
        if found is None:
            if len(self._seen) >= MAX_SEEN:
                self._seen.clear()
            found = self._seen[values] = self._made(facts)
        return found

    def _made(self, facts: Facts) -> StatementTrace:
        compiled_statement, steps = self._statement, self._steps
        statement = compiled_statement.statement
        if self._depends:
            steps += (_resource(self._residual, compiled_statement, facts),)
        steps += tuple(condition.step(facts) for condition in compiled_statement.conditions)
        applies = all(step.matched for step in steps)
        return StatementTrace(
            self._layer,
            self._policy.name,
            statement.index,
            statement.sid,
            statement.effect,
            applies,
            self._match_class if applies else None,
            steps,
            self._policy.source,
            statement.span,
            self._level,
        )


def _rows(
    residual: Residual, layer: Layer, policy: Policy, level: str | None
) -> Iterator[_Row | StatementTrace]:
    for statement in compiled(policy).statements:
        match_class: MatchClass | None = MatchClass.DIRECT
        steps = []
        if policy.kind.names_principals:
            step, match_class = _principal(residual, layer, statement)
            steps.append(step)
        steps.append(_action(residual, statement))
        if not statement.resource.depends(residual.segments):
            steps.append(_resource(residual, statement, {}))
        row = _Row(residual, layer, policy, level, statement, match_class, tuple(steps))
        yield row.trace({}) if row.is_settled else row


def _principal(
    residual: Residual, layer: Layer, compiled_statement: CompiledStatement
) -> tuple[Step, MatchClass | None]:
    statement, caller = compiled_statement.statement, residual.profile.principal
    element = statement.principal
    if element is None:
        return wording.no_principal_step(str(caller)), None
    keys = residual.keys_in(layer)
    if element.negated:
        deny, bounded = statement.effect is Effect.DENY, residual.layers[Layer.BOUNDARY]
        matched = reaches(element.patterns, keys, caller, deny=deny, bounded=bounded)
        if not deny:
            why = wording.allow_why(listed=not matched)
        elif bounded:
            why = wording.BOUNDARY_WHY
        else:
            why = wording.deny_why(unlisted(element.patterns, keys, caller) if matched else ())
        step = wording.spared_step(element, str(caller), matched=matched, why=why)
        return step, MatchClass.DIRECT if matched else None
    classes = dict(reversed(keys))
    named = [(entry, classes.get(principal_key(entry))) for entry in element.patterns]
    hits = [(entry, found) for entry, found in named if found is not None]
    hit = max(hits, key=lambda pair: pair[1], default=None)
    step = wording.principal_step(element, str(caller), hit)
    return step, hit[1] if hit is not None else None


def _action(residual: Residual, statement: CompiledStatement) -> Step:
    element, asked = statement.statement.action, residual.asked_action
    if element is None:
        return wording.no_element_step(ElementName.ACTION, asked)
    hit = covering(element, residual.action)
    return wording.list_step(ElementName.ACTION, element, hit, asked)


def _resource(residual: Residual, statement: CompiledStatement, facts: Facts) -> Step:
    element, asked = statement.statement.resource, str(residual.resource)
    if element is None:
        return wording.no_element_step(ElementName.RESOURCE, asked)
    hit = statement.resource.covering(residual.segments, facts)
    return wording.list_step(ElementName.RESOURCE, element, hit, asked)
