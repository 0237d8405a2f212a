"""What would make a denied request allowed: changes found near the trace, each tried before told.

A change is made to the request, to its time or to one of the documents, and the changed question
is decided. Only what is allowed then is returned, the smallest changes first.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from policy.arn import root_arn
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
)
from policy.examples import examples, with_pairs
from policy.grants import Grant
from policy.model import Effect, Policy, PolicyKind, Statement
from policy.reader import parse
from policy.request import PrincipalKind, Request
from policy.vocabulary import ACTIONS, ResourceKind

MAX_REMEDIES = 5
MAX_TRIES = 60
"""So many changes are tried at most; each costs one decision."""

_MAX_EDITS = 4
_ADDED = "added to see what it would change"
_POLICY_COST = 10
"""A policy is changed by someone else than the caller: that is never the smaller change."""


@dataclass(frozen=True, slots=True)
class Remedy:
    """A change, as something to do, and what would be decided then: always Allowed."""

    change: str
    decision: Decision

    @property
    def by(self) -> tuple[str, ...]:
        """The statements and grants that would allow, without those that the change added."""
        names = (
            (trace.grant.name or trace.grant.id) if isinstance(trace, GrantTrace) else trace.name
            for trace in self._kept()
        )
        return tuple(dict.fromkeys(names))

    @property
    def result(self) -> str:
        """What would be decided, in one phrase."""
        names = (
            grant_name(trace.grant) if isinstance(trace, GrantTrace) else trace.name
            for trace in self._kept()
        )
        by = ", ".join(dict.fromkeys(names))
        return f"allowed, {self.decision.path}{' by ' if by else ''}{by}"

    def _kept(self) -> Iterator[StatementTrace | GrantTrace]:
        return (trace for trace in self.decision.by if not _is_added(trace))


def grant_name(grant: Grant) -> str:
    """Return how people call a grant: by its name, or by the beginning of its id."""
    return grant.name or (grant.id if len(grant.id) <= 16 else f"{grant.id[:8]}…")


def _is_added(trace: StatementTrace | GrantTrace) -> bool:
    return (trace.grant.id if isinstance(trace, GrantTrace) else trace.sid) == _ADDED


@dataclass(frozen=True, slots=True)
class _Question:
    """What is asked of which documents, after some changes. The cost orders the changes."""

    request: Request
    documents: Documents
    changes: tuple[str, ...] = ()
    cost: int = 0

    def asking(self, change: str, cost: int, request: Request) -> _Question:
        return _Question(request, self.documents, (*self.changes, change), self.cost + cost)

    def given(self, change: str, documents: Documents) -> _Question:
        cost = self.cost + _POLICY_COST
        return _Question(self.request, documents, (*self.changes, change), cost)


def remedies(request: Request, documents: Documents) -> tuple[Remedy, ...]:
    """Return up to five changes; each of them, made alone, has a denied request allowed."""
    decision = decide(request, documents)
    if decision.allowed:
        return ()
    candidates = islice(_candidates(_Question(request, documents), decision), MAX_TRIES)
    found: dict[frozenset[str], Remedy] = {}
    for candidate in sorted(candidates, key=lambda candidate: candidate.cost):
        changes = frozenset(candidate.changes)
        if any(smaller <= changes for smaller in found):
            continue  # what it adds is not needed
        outcome = decide(candidate.request, candidate.documents)
        if outcome.allowed:
            found[changes] = Remedy(" and ".join(candidate.changes), outcome)
        if len(found) == MAX_REMEDIES:
            break
    return tuple(found.values())


def _candidates(question: _Question, decision: Decision) -> Iterator[_Question]:
    if decision.outcome is Outcome.EXPLICITLY_DENIED:
        yield from _escapes(question, decision)
        yield from _completed(_without_denies(question, decision))
        return
    yield from _by_grants(question, decision)
    yield from _by_conditions(question, decision)
    for edited in _edits(question, decision):
        yield from _completed(edited)


# Another request


def _by_grants(question: _Question, decision: Decision) -> Iterator[_Question]:
    """Yield what would make grants match that lack one thing only."""
    for trace in decision.layer_result(Layer.GRANT).grants:
        failed = {step.element for step in trace.steps if not step.matched}
        if failed == {ElementName.TIME}:
            yield from _by_time(question, trace.grant)
        elif failed == {ElementName.CONSTRAINTS}:
            yield _by_pairs(question, trace.grant)


def _by_time(question: _Question, grant: Grant) -> Iterator[_Question]:
    """AUTH N-30, N-31."""
    request = question.request
    for token in sorted(grant.tokens)[:1]:
        carrying = replace(request, grant_tokens=request.grant_tokens | {token})
        yield question.asking(f"send the grant token of {grant_name(grant)}", 1, carrying)
    if grant.effective_at is not None:
        at = grant.effective_at + dt.timedelta(microseconds=-grant.effective_at.microsecond % 10**6)
        change = f"wait until {at.strftime('%Y-%m-%dT%H:%M:%SZ')}"
        yield question.asking(change, 2, replace(request, at=at))


def _by_pairs(question: _Question, grant: Grant) -> _Question:
    """AUTH N-22."""
    context, equals = question.request.context, grant.constraints.equals
    wanted = equals or grant.constraints.subset or {}
    pairs = dict(wanted) if equals else {**context.encryption_context, **wanted}
    shown = ", ".join(f"{name} = {value}" for name, value in sorted(wanted.items()))
    change = f"send {'only ' if equals else ''}the encryption context {shown}"
    request = replace(question.request, context=with_pairs(context, pairs))
    return question.asking(change, len(wanted), request)


def _by_conditions(question: _Question, decision: Decision) -> Iterator[_Question]:
    """Yield what would satisfy the Allow statements of which nothing but conditions failed."""
    for trace, statement in _traced(decision, question.documents):
        failed = {step.element for step in trace.steps if not step.matched}
        if trace.effect is Effect.ALLOW and failed == {ElementName.CONDITION}:
            yield from _satisfying(question, trace, statement)


def _satisfying(
    question: _Question, trace: StatementTrace, statement: Statement
) -> Iterator[_Question]:
    steps = trace.steps[-len(statement.conditions) :]
    for condition, step in zip(statement.conditions, steps, strict=True):
        if not step.matched:
            request = question.request
            example = next(examples(condition, request.context, holds=True), None)
            if example is None:
                return
            changed = replace(request, context=example.context)
            question = question.asking(example.change, 1, changed)
    yield question


def _escapes(question: _Question, decision: Decision) -> Iterator[_Question]:
    """Yield requests that a Deny would not catch."""
    request = question.request
    for trace, statement in _traced(decision, question.documents):
        if trace.effect is Effect.DENY and trace.applies:
            for condition in statement.conditions:
                for example in examples(condition, request.context, holds=False):
                    changed = replace(request, context=example.context)
                    yield question.asking(example.change, 1, changed)


def _traced(decision: Decision, documents: Documents) -> Iterator[tuple[StatementTrace, Statement]]:
    """Yield each trace with the statement that it is about."""
    known = {
        (id(policy.source), statement.span): statement
        for policy in _policies(documents)
        for statement in policy.statements
    }
    for result in decision.layers:
        for trace in result.statements:
            yield trace, known[id(trace.source), trace.span]


def _policies(documents: Documents) -> Iterator[Policy]:
    single = (documents.key_policy, documents.boundary, documents.endpoint)
    yield from (policy for policy in single if policy is not None)
    yield from documents.identity
    yield from documents.session or ()
    for level in (*(documents.scps or ()), *(documents.rcps or ())):
        yield from level.policies


# Other documents


def _without_denies(question: _Question, decision: Decision) -> _Question:
    """Drop every Deny statement that applies: one of them left would be enough."""
    denying = [trace for result in decision.layers for trace in result.denying]
    dropped = {(id(trace.source), trace.span) for trace in denying}
    names = list(dict.fromkeys(trace.name for trace in denying))

    def kept(policy: Policy) -> Policy:
        source = id(policy.source)
        left = tuple(s for s in policy.statements if (source, s.span) not in dropped)
        return replace(policy, statements=left)

    word = "statement" if len(names) == 1 else "statements"
    return question.given(f"drop {word} {_listed(names)}", _mapped(question.documents, kept))


def _mapped(documents: Documents, change: Callable[[Policy], Policy]) -> Documents:
    """Return the documents with each policy changed."""

    def one(policy: Policy | None) -> Policy | None:
        return change(policy) if policy is not None else None

    def several(levels: tuple[Level, ...] | None) -> tuple[Level, ...] | None:
        if levels is None:
            return None
        return tuple(Level(level.target, tuple(map(change, level.policies))) for level in levels)

    return replace(
        documents,
        key_policy=one(documents.key_policy),
        identity=tuple(map(change, documents.identity)),
        boundary=one(documents.boundary),
        session=tuple(map(change, documents.session)) if documents.session is not None else None,
        scps=several(documents.scps),
        rcps=several(documents.rcps),
        endpoint=one(documents.endpoint),
    )


def _completed(question: _Question) -> Iterator[_Question]:
    """Yield the question with as many policies more changed as it needs, if that leads anywhere."""
    for _ in range(_MAX_EDITS):
        decision = decide(question.request, question.documents)
        if decision.allowed:
            yield question
            return
        edited = next(_edits(question, decision), None)
        if decision.outcome is Outcome.EXPLICITLY_DENIED or edited is None:
            return
        question = edited


def _edits(question: _Question, decision: Decision) -> Iterator[_Question]:
    """Yield the changes of one document after which the layer that denied would allow."""
    request, documents = question.request, question.documents
    action, layer = request.action, decision.layer
    if layer is Layer.IDENTITY:
        change = f"allow {action} in an identity policy of {_caller(request)}"
        identity = (*documents.identity, _adding(None, request, PolicyKind.IDENTITY_POLICY))
        yield question.given(change, replace(documents, identity=identity))
    if layer is Layer.BOUNDARY:
        boundary = _adding(documents.boundary, request, PolicyKind.IDENTITY_POLICY)
        change = f"allow {action} in the permissions boundary"
        yield question.given(change, replace(documents, boundary=boundary))
    if layer is Layer.SESSION:
        added = _adding(None, request, PolicyKind.IDENTITY_POLICY)
        session = (*(documents.session or ()), added)
        change = f"allow {action} in a session policy"
        yield question.given(change, replace(documents, session=session))
    if layer is Layer.ENDPOINT:
        endpoint = _adding(documents.endpoint, request, PolicyKind.ENDPOINT_POLICY, "*")
        change = f"allow {action} in the VPC endpoint policy"
        yield question.given(change, replace(documents, endpoint=endpoint))
    if layer is Layer.SCP:
        yield _with_scps(question, decision)
    if layer in (Layer.KEY_POLICY, Layer.IDENTITY) and request.resource.kind in (
        ResourceKind.KEY, None,
    ):  # fmt: skip
        yield from _offers(question)


def _with_scps(question: _Question, decision: Decision) -> _Question:
    """AUTH L-12: every level must allow."""
    missing = decision.layer_result(Layer.SCP).missing
    added = _adding(None, question.request, PolicyKind.SCP)
    scps = tuple(
        Level(level.target, (*level.policies, added)) if level.target in missing else level
        for level in question.documents.scps or ()
    )
    change = f"allow {question.request.action} in an SCP at {_listed(missing)}"
    return question.given(change, replace(question.documents, scps=scps))


def _offers(question: _Question) -> Iterator[_Question]:
    """Yield what the key's side could do: name the caller, grant, or delegate to its account."""
    request, documents = question.request, question.documents
    action, caller = request.action, request.principal
    is_key = request.resource.kind is ResourceKind.KEY
    kind = PolicyKind.KEY_POLICY if is_key else PolicyKind.RESOURCE_POLICY
    holder = "key policy" if is_key else "resource policy"
    named = caller.issuer or caller.arn
    principals = {"AWS": str(named)} if named is not None else {"Service": str(caller.service)}
    if caller.kind is PrincipalKind.ANONYMOUS:
        return
    policy = _adding(documents.key_policy, request, kind, principals)
    change = f"name {_caller(request)} in a statement of the {holder} that allows {action}"
    yield question.given(change, replace(documents, key_policy=policy))
    known = ACTIONS.get(action.lower())
    if is_key and named is not None and known is not None and known.grantable:
        grant = Grant(_ADDED, str(request.resource), str(named), frozenset({known.name}))
        change = f"create a grant of {known.name} for {_caller(request)}"
        yield question.given(change, replace(documents, grants=(*documents.grants, grant)))
    if named is not None and caller.kind is not PrincipalKind.ROOT:
        account = {"AWS": str(root_arn(named.account, named.partition))}
        policy = _adding(documents.key_policy, request, kind, account)
        change = f"let the {holder} delegate {action} to account {named.account}"
        yield question.given(change, replace(documents, key_policy=policy))


def _adding(
    policy: Policy | None,
    request: Request,
    kind: PolicyKind,
    principal: str | dict[str, str] | None = None,
) -> Policy:
    """Return a policy with one statement more, which allows the request; a new one if need be."""
    statement = {
        "Sid": _ADDED,
        "Effect": "Allow",
        "Action": request.action,
        "Resource": "*" if kind is PolicyKind.KEY_POLICY else str(request.resource),
    }
    named = {"Principal": principal} if principal is not None else {}
    document = {"Version": "2012-10-17", "Statement": [{**statement, **named}]}
    added = parse(json.dumps(document), name=_ADDED, kind=kind)
    if policy is None:
        return added
    return replace(policy, statements=(*policy.statements, *added.statements))


def _caller(request: Request) -> str:
    caller = request.principal
    named = caller.issuer or caller.arn
    return named.resource if named is not None else str(caller)


def _listed(names: Sequence[str]) -> str:
    return " and ".join((", ".join(names[:-1]), names[-1])) if len(names) > 1 else names[0]
