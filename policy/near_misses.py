"""What came closest to allowing a denied request: which element failed, what would have matched.

A value is told only after the statement or grant, all by itself, was matched again with it.
"""

from __future__ import annotations

import datetime as dt
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TypeAlias

from policy.arn import Arn, root_arn
from policy.authorization import decide
from policy.decision import (
    Decision,
    Documents,
    ElementName,
    GrantTrace,
    Layer,
    Level,
    Outcome,
    StatementTrace,
    Step,
)
from policy.edits import Originals
from policy.examples import examples, known_facts, with_pairs
from policy.grants import Grant
from policy.model import (
    Condition,
    Effect,
    Element,
    Policy,
    PrincipalForm,
    PrincipalPattern,
    Statement,
    TextPattern,
)
from policy.pattern import Pattern, Wildcard, parse_pattern
from policy.principals import grant_principal
from policy.request import Principal, PrincipalKind, Request, Resource, principal_from_arn
from policy.vocabulary import ACTIONS

MAX_NEAR = 3
"""So many near misses of one kind are worth their elements."""
MAX_FAILED = 6
"""So many failed elements of one near miss are looked into."""
MAX_VALUES = 4
"""So many values are tried for one element."""


@dataclass(frozen=True, slots=True)
class Failed:
    """An element that did not match: the step at a position, and what would have matched.

    `would_match` is told as the step tells `actual`; None if no other request is known to match.
    `key` is the condition key of a condition.
    """

    position: int
    step: Step
    would_match: str | None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class NearMiss:
    """An Allow statement or grant that lacks little, and what it lacks."""

    trace: StatementTrace | GrantTrace
    failed: tuple[Failed, ...]


def failed_elements(trace: StatementTrace | GrantTrace) -> set[ElementName]:
    """Return the parts of a statement or grant that do not match."""
    return {step.element for step in trace.steps if not step.matched}


def closest(decision: Decision) -> Iterator[StatementTrace | GrantTrace]:
    """Yield the Allows of the layer that denied implicitly, and the grants, that lack the least.

    Where the identity policies denied, the key policy could have allowed instead: what lacks one
    element there is near as well.
    """
    if decision.outcome is not Outcome.IMPLICITLY_DENIED:
        return
    missed = [(len(failed_elements(trace)), trace) for trace in _missed(decision, decision.layer)]
    least = min((count for count, _ in missed), default=0)
    yield from islice((trace for count, trace in missed if count == least), MAX_NEAR)
    if decision.layer not in (Layer.KEY_POLICY, Layer.IDENTITY):
        return
    request = decision.request
    if decision.layer is Layer.IDENTITY and request.principal.account == request.resource.account:
        offers = _missed(decision, Layer.KEY_POLICY)
        yield from islice((t for t in offers if len(failed_elements(t)) == 1), MAX_NEAR)
    grants = decision.layer_result(Layer.GRANT).grants
    yield from islice((trace for trace in grants if len(failed_elements(trace)) == 1), MAX_NEAR)


def _missed(decision: Decision, layer: Layer) -> Iterator[StatementTrace]:
    result = decision.layer_result(layer)
    for trace in result.statements:
        needed = trace.level is None or trace.level in result.missing  # AUTH L-12
        if needed and trace.effect is Effect.ALLOW and not trace.applies:
            yield trace


def near_misses(decision: Decision, documents: Documents) -> tuple[NearMiss, ...]:
    """Return what came closest, with a value for each failed element that would have matched."""
    originals = Originals(documents)
    found = []
    for trace in closest(decision):
        prober: _Prober
        if isinstance(trace, StatementTrace):
            prober = _StatementProber(decision.request, documents, trace, *originals.of(trace))
        else:
            prober = _GrantProber(decision.request, documents, trace)
        found.append(NearMiss(trace, tuple(islice(prober.failed(), MAX_FAILED))))
    return tuple(found)


# Trying values

Try: TypeAlias = tuple[Request, str | None]
"""A request, and what is to be told of it if not what the trace tells."""


class _Prober(ABC):
    """Matches one statement or grant, alone, with other requests."""

    def __init__(self, request: Request, trace: StatementTrace | GrantTrace, alone: Documents):
        self.request = request
        self.trace = trace
        self.alone = alone

    def failed(self) -> Iterator[Failed]:
        """Yield the elements that failed."""
        for position, step in enumerate(self.trace.steps):
            if not step.matched:
                yield Failed(position, step, self._would_match(position), self.key(position))

    def key(self, _position: int) -> str | None:
        """Return the condition key that an element compares, if it is a condition."""
        return None

    @abstractmethod
    def tries(self, position: int) -> Iterator[Try]:
        """Yield requests with which the element should match."""

    @abstractmethod
    def traces(self, decision: Decision) -> Sequence[StatementTrace | GrantTrace]:
        """Return what became of the one statement or grant in a decision."""

    def _would_match(self, position: int) -> str | None:
        """Return what a request has with which the element does match."""
        for request, told in islice(self.tries(position), MAX_VALUES):
            for trace in self.traces(decide(request, self.alone)):
                if position >= len(trace.steps):  # a grant compares the key only if it must
                    return str(request.resource)
                step, before = trace.steps[position], self.trace.steps[position].actual
                value = told or step.actual
                if step.matched and value != before:
                    return value
        return None


class _StatementProber(_Prober):
    def __init__(
        self,
        request: Request,
        documents: Documents,
        trace: StatementTrace,
        policy: Policy,
        statement: Statement,
    ) -> None:
        self.layer = trace.layer
        self.statement = statement
        self.bound_ids = documents.bound_ids if trace.layer is Layer.KEY_POLICY else {}
        policy = replace(policy, statements=(statement,))
        super().__init__(request, trace, _alone(policy, trace, documents))

    def key(self, position: int) -> str | None:
        condition = self._condition(position)
        return condition.key if condition is not None else None

    def traces(self, decision: Decision) -> Sequence[StatementTrace]:
        return decision.layer_result(self.layer).statements

    def tries(self, position: int) -> Iterator[Try]:
        condition, statement = self._condition(position), self.statement
        if condition is not None:
            known = known_facts(self.request)
            for example in examples(condition, self.request.context, holds=True, known=known):
                yield replace(self.request, context=example.context), None
            return
        name = self.trace.steps[position].element
        if name is ElementName.PRINCIPAL and statement.principal is not None:
            yield from self._principals(statement.principal)
        elif name is ElementName.ACTION and statement.action is not None:
            yield from self._actions(statement.action)
        elif name is ElementName.RESOURCE and statement.resource is not None:
            yield from self._resources(statement.resource)

    def _condition(self, position: int) -> Condition | None:
        """Return the condition of a step: they come last."""
        conditions = self.statement.conditions
        index = position - (len(self.trace.steps) - len(conditions))
        return conditions[index] if index >= 0 else None

    def _principals(self, element: Element[PrincipalPattern]) -> Iterator[Try]:
        if element.negated:
            arn = Arn("aws", "iam", "", self.request.resource.account or "", "user/other")
            yield replace(self.request, principal=Principal(PrincipalKind.USER, arn)), None
            return
        for entry in element.patterns[:MAX_VALUES]:
            bound = self.bound_ids.get(entry.text)
            yield from _asked_by(entry, bound, self.request)

    def _actions(self, element: Element[TextPattern]) -> Iterator[Try]:
        """Yield requests for the known actions that are listed, or, by NotAction, are not."""
        for entry in element.patterns[:MAX_VALUES] if not element.negated else ():
            known = [name for name in self._known() if entry.pattern.matches(name.lower())]
            is_one = not entry.pattern.has_wildcard
            for name in known[:2] or ([entry.text] if is_one else []):
                yield replace(self.request, action=name), None
        if element.negated:
            for name in self._known():
                if not any(entry.pattern.matches(name.lower()) for entry in element.patterns):
                    yield replace(self.request, action=name), None

    def _known(self) -> list[str]:
        """Return the actions of KMS, those first that are checked on such a resource."""
        kind = self.request.resource.kind
        # N-51: no key policy has a say in RetireGrant.
        actions = [action for action in ACTIONS.values() if action.name != "RetireGrant"]
        apt = [str(a) for a in actions if kind is not None and a.is_checked_on(kind)]
        return [*apt, *(name for name in map(str, actions) if name not in apt)]

    def _resources(self, element: Element[TextPattern]) -> Iterator[Try]:
        """Yield requests on resources that are listed, or, by NotResource, are not."""
        arn = self.request.resource.arn
        if arn is None or self.layer is Layer.KEY_POLICY:
            return  # D-6, D-8: of this action or policy there is no other resource
        if element.negated:
            yield self._on(replace(arn, resource=f"{arn.type}/other"))
        for entry in element.patterns[:MAX_VALUES] if not element.negated else ():
            given = ("arn", arn.partition, arn.service, arn.region, arn.account, arn.resource)
            known = known_facts(self.request)
            parts = []
            for index, value in enumerate(given):
                pattern = entry.segments[index] if index < len(entry.segments) else None
                expanded = pattern.expand(known.single) if pattern is not None else None
                fits = expanded is None or expanded.matches(value)
                parts.append(value if expanded is None or fits else _filled(expanded))
            found = Arn.parse(":".join(parts))
            if found is not None:
                yield self._on(found)

    def _on(self, arn: Arn) -> Try:
        account = arn.account or self.request.resource.account
        return replace(self.request, resource=Resource(arn, account)), None


class _GrantProber(_Prober):
    def __init__(self, request: Request, documents: Documents, trace: GrantTrace) -> None:
        self.grant = trace.grant
        super().__init__(request, trace, Documents(grants=(trace.grant,)))

    def traces(self, decision: Decision) -> Sequence[GrantTrace]:
        return decision.layer_result(Layer.GRANT).grants

    def tries(self, position: int) -> Iterator[Try]:
        request, grant = self.request, self.grant
        name = self.trace.steps[position].element
        if name is ElementName.OPERATIONS:
            for operation in sorted(grant.operations - {"RetireGrant"}):
                yield replace(request, action=f"kms:{operation}"), None
        elif name is ElementName.GRANTEE:
            entry = grant_principal(grant.grantee_principal)
            yield from _asked_by(entry, grant.grantee_id, request)
        elif name is ElementName.CONSTRAINTS:
            changed, source = meeting(grant, request), "aws:SourceArn"
            told = changed.context.single(source)
            yield changed, told if told != request.context.single(source) else None
        elif name is ElementName.TIME:
            yield from ((replace(request, at=at), None) for at in _times(grant))
        elif name is ElementName.RESOURCE:
            arn = Arn.parse(grant.key_arn)
            if arn is not None:
                yield replace(request, resource=Resource(arn, arn.account)), None


def _alone(policy: Policy, trace: StatementTrace, documents: Documents) -> Documents:
    """Return a policy as the only document of its layer."""
    layer, levels = trace.layer, (Level(trace.level or "", (policy,)),)
    if layer is Layer.KEY_POLICY:
        return Documents(key_policy=policy, bound_ids=documents.bound_ids)
    return {
        Layer.IDENTITY: Documents(identity=(policy,)),
        Layer.BOUNDARY: Documents(boundary=policy),
        Layer.SESSION: Documents(session=(policy,)),
        Layer.ENDPOINT: Documents(endpoint=policy),
        Layer.SCP: Documents(scps=levels),
        Layer.RCP: Documents(rcps=levels),
    }[layer]


def _asked_by(entry: PrincipalPattern, bound_id: str | None, request: Request) -> Iterator[Try]:
    """Yield the request as somebody would send it whom the entry names."""
    named = _named_by(entry, request.principal)
    if named is not None:
        bound = replace(named, unique_id=bound_id) if bound_id is not None else named
        told = entry.text if str(named) == str(request.principal) and bound_id is None else None
        yield replace(request, principal=bound), told


def _named_by(entry: PrincipalPattern, caller: Principal) -> Principal | None:
    """Return a caller whom an entry names, if need be this one with another id; None if nobody."""
    if entry.form is PrincipalForm.ACCOUNT and entry.account is not None:
        partition = entry.arn.partition if entry.arn is not None else "aws"
        return Principal(PrincipalKind.ROOT, root_arn(entry.account, partition))
    if entry.form is PrincipalForm.SERVICE:
        return Principal(PrincipalKind.SERVICE, service=entry.text)
    if entry.form is PrincipalForm.UNIQUE_ID:
        return replace(caller, unique_id=entry.text)
    if entry.form is PrincipalForm.PROVIDER:
        return replace(caller, identity_provider=entry.text)
    return principal_from_arn(entry.arn) if entry.arn is not None else None


def meeting(grant: Grant, request: Request) -> Request:
    """Return the request with what the constraints of a grant insist on (AUTH N-22)."""
    constraints, context = grant.constraints, request.context
    if constraints.equals:
        context = with_pairs(context, constraints.equals)
    elif constraints.subset:
        context = with_pairs(context, {**context.encryption_context, **constraints.subset})
    if constraints.source_arn is not None and request.principal.kind is PrincipalKind.SERVICE:
        source = _filled(parse_pattern(constraints.source_arn))
        context = context.replaced({"aws:SourceArn": source})
    return replace(request, context=context)


def effective_from(grant: Grant) -> dt.datetime | None:
    """Return the first whole second in which a grant works for everybody; None if it always did."""
    at = grant.effective_at
    return at + dt.timedelta(microseconds=-at.microsecond % 10**6) if at is not None else None


def _times(grant: Grant) -> Iterator[dt.datetime]:
    start = effective_from(grant)
    if start is not None:
        yield start
    if grant.ends_at is not None:
        yield grant.ends_at - dt.timedelta(seconds=1)


def _filled(pattern: Pattern) -> str:
    """Return a text that the pattern matches."""
    return "".join("x" if isinstance(part, Wildcard) else str(part) for part in pattern.parts)
