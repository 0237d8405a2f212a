"""What would make a denied request allowed: changes found near the trace, each tried before told.

A change is made to the request, to its time or to one of the documents, and the changed question
is decided. Only what is allowed then is returned, the smallest changes first. The caller stays
who it is: the documents at hand are this caller's, and say nothing about another one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
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
from policy.edits import ADDED, Originals, adding, without
from policy.examples import examples, is_fixed, known_facts
from policy.grants import Grant
from policy.model import Condition, Effect, PolicyKind, Statement
from policy.near_misses import effective_from, failed_elements, meeting
from policy.request import PrincipalKind, Request
from policy.vocabulary import ACTIONS, ResourceKind

MAX_REMEDIES = 5
MAX_TRIES = 60
"""So many changes are tried at most while they are looked for, and so many in the end."""

_MAX_EDITS = 4
_MAX_ESCAPES = 3
_MAX_NEAR = 12
_MAX_FAILED = 6
_MAX_WAYS = 9
_POLICY_COST = 10
"""A policy is changed by someone else than the caller: that is never the smaller change."""


@dataclass(frozen=True, slots=True)
class Remedy:
    """A change, as something to do, and what would be decided then: always Allowed.

    `request` and `documents` are the changed ones, for whoever wants to decide again.
    """

    change: str
    decision: Decision
    request: Request = field(repr=False)
    documents: Documents = field(repr=False)

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
    return (trace.grant.id if isinstance(trace, GrantTrace) else trace.sid) == ADDED


@dataclass(frozen=True, slots=True)
class _Question:
    """What is asked of which documents, after some changes. The cost orders the changes.

    `keys` are the condition keys that were given another value.
    """

    request: Request
    documents: Documents
    changes: tuple[str, ...] = ()
    cost: int = 0
    keys: frozenset[str] = frozenset()

    def asking(self, change: str, cost: int, request: Request) -> _Question:
        changes, cost = (*self.changes, change), self.cost + cost
        return replace(self, request=request, changes=changes, cost=cost)

    def given(self, change: str, documents: Documents) -> _Question:
        changes, cost = (*self.changes, change), self.cost + _POLICY_COST
        return replace(self, documents=documents, changes=changes, cost=cost)


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
            change = " and ".join(candidate.changes)
            found[changes] = Remedy(change, outcome, candidate.request, candidate.documents)
        if len(found) == MAX_REMEDIES:
            break
    return tuple(found.values())


def _candidates(question: _Question, decision: Decision) -> Iterator[_Question]:
    search = _Search(decision)
    if decision.outcome is Outcome.EXPLICITLY_DENIED:
        yield from _escapes(search, question, decision)
        yield from islice(search.completed(_without_denies(question, decision)), 1)
        return
    yield from _by_grants(question, decision)
    yield from _by_conditions(search, question, decision)
    for edited in _edits(question, decision):
        yield from islice(search.completed(edited, decision.layer), 1)


@dataclass
class _Search:
    """Decides changed questions while it may; after that, all are denied as the first was."""

    denied: Decision
    left: int = MAX_TRIES

    def decide(self, question: _Question) -> Decision:
        if not self.left:
            return self.denied
        self.left -= 1
        return decide(question.request, question.documents)

    def completed(
        self, question: _Question, mended: Layer | None = None, edits: int = _MAX_EDITS
    ) -> Iterator[_Question]:
        """Yield the question with as many policies more changed as it needs to be allowed.

        A change that was to mend a layer and leaves it denying leads nowhere.
        """
        decision = self.decide(question)
        if decision.allowed:
            yield question
        elif decision.outcome is Outcome.IMPLICITLY_DENIED and decision.layer is not mended:
            for edited in _edits(question, decision) if edits else ():
                yield from self.completed(edited, decision.layer, edits - 1)


# Another request


def _by_grants(question: _Question, decision: Decision) -> Iterator[_Question]:
    """Yield what would make grants match that lack one thing only."""
    for trace in decision.layer_result(Layer.GRANT).grants:
        failed = failed_elements(trace)
        if failed == {ElementName.TIME}:
            yield from _by_time(question, trace.grant)
        elif failed == {ElementName.CONSTRAINTS}:
            yield _by_constraints(question, trace.grant)


def _by_time(question: _Question, grant: Grant) -> Iterator[_Question]:
    """AUTH N-30, N-31."""
    request = question.request
    for token in sorted(grant.tokens)[:1]:
        carrying = replace(request, grant_tokens=request.grant_tokens | {token})
        yield question.asking(f"send the grant token of {grant_name(grant)}", 1, carrying)
    at = effective_from(grant)
    if at is not None:
        change = f"wait until {at.strftime('%Y-%m-%dT%H:%M:%SZ')}"
        yield question.asking(change, 2, replace(request, at=at))


def _by_constraints(question: _Question, grant: Grant) -> _Question:
    """AUTH N-22."""
    request, equals = question.request, grant.constraints.equals
    wanted = equals or grant.constraints.subset or {}
    changed = meeting(grant, request)
    shown = ", ".join(f"{name} = {value}" for name, value in sorted(wanted.items()))
    parts = [f"send {'only ' if equals else ''}the encryption context {shown}"] if wanted else []
    source = changed.context.get("aws:SourceArn")
    if source != request.context.get("aws:SourceArn"):
        parts.append(f"send the request with aws:SourceArn = {source}")
    return question.asking(" and ".join(parts), len(wanted) + len(parts) - bool(wanted), changed)


def _by_conditions(search: _Search, question: _Question, decision: Decision) -> Iterator[_Question]:
    """Yield what would satisfy the Allow statements of which nothing but conditions failed."""
    near = (
        (trace, statement)
        for trace, statement in _traced(decision, question.documents, Effect.ALLOW)
        if failed_elements(trace) == {ElementName.CONDITION}
    )
    for trace, statement in islice(near, _MAX_NEAR):
        steps = trace.steps[-len(statement.conditions) :]
        pairs = zip(statement.conditions, steps, strict=True)
        failed = [condition for condition, step in pairs if not step.matched]
        if len(failed) > _MAX_FAILED or not all(
            any(True for _ in _by_examples(question, c, holds=True)) for c in failed
        ):
            continue
        ways = list(islice(_satisfying(question, failed), _MAX_WAYS))
        allowed = next((way for way in ways if search.decide(way).allowed), None)
        if allowed is not None:
            yield allowed
        elif ways:
            yield from islice(search.completed(ways[0]), 1)


def _satisfying(question: _Question, conditions: Sequence[Condition]) -> Iterator[_Question]:
    """Yield questions with an example for each condition, the likeliest first."""
    if not conditions:
        yield question
    elif conditions[0].key.lower() in question.keys:  # deciding tells whether both hold
        yield from _satisfying(question, conditions[1:])
    else:
        for changed in _by_examples(question, conditions[0], holds=True):
            yield from _satisfying(changed, conditions[1:])


def _by_examples(question: _Question, condition: Condition, *, holds: bool) -> Iterator[_Question]:
    """Yield the question with other values of a condition's key; each key is changed once."""
    key = condition.key.lower()
    if is_fixed(key) or key in question.keys:
        return
    request = question.request
    known = known_facts(request)
    for example in examples(condition, request.context, holds=holds, known=known):
        changed = replace(request, context=example.context)
        yield replace(question.asking(example.change, 1, changed), keys=question.keys | {key})


def _escapes(
    search: _Search, question: _Question, decision: Decision, left: int = _MAX_ESCAPES
) -> Iterator[_Question]:
    """Yield requests that no Deny would catch."""
    denying = (
        pair for pair in _traced(decision, question.documents, Effect.DENY) if pair[0].applies
    )
    for _, statement in islice(denying, 1):  # each of them must be escaped: begin with the first
        for condition in statement.conditions[:_MAX_NEAR]:
            for changed in _by_examples(question, condition, holds=False):
                outcome = search.decide(changed)
                if outcome.outcome is not Outcome.EXPLICITLY_DENIED:
                    yield from islice(search.completed(changed), 1)
                elif left > 1:
                    yield from _escapes(search, changed, outcome, left - 1)


def _traced(
    decision: Decision, documents: Documents, effect: Effect
) -> Iterator[tuple[StatementTrace, Statement]]:
    """Yield each trace with the statement that it is about."""
    originals = Originals(documents)
    for result in decision.layers:
        for trace in result.statements:
            if trace.effect is effect:
                yield trace, originals.of(trace)[1]


# Other documents


def _without_denies(question: _Question, decision: Decision) -> _Question:
    """Drop every Deny statement that applies: one of them left would be enough."""
    denying = [trace for result in decision.layers for trace in result.denying]
    change = f"drop {counted('statement', [trace.name for trace in denying])}"
    return question.given(change, without(question.documents, denying))


def _edits(question: _Question, decision: Decision) -> Iterator[_Question]:
    """Yield the changes of one document after which the layer that denied would allow."""
    request, documents = question.request, question.documents
    action, layer = request.action, decision.layer
    if layer is Layer.IDENTITY:
        change = f"allow {action} in an identity policy of {_caller(request)}"
        identity = (*documents.identity, adding(None, request, PolicyKind.IDENTITY_POLICY))
        yield question.given(change, replace(documents, identity=identity))
    if layer is Layer.BOUNDARY:
        boundary = adding(documents.boundary, request, PolicyKind.IDENTITY_POLICY)
        change = f"allow {action} in the permissions boundary"
        yield question.given(change, replace(documents, boundary=boundary))
    if layer is Layer.SESSION:
        added = adding(None, request, PolicyKind.IDENTITY_POLICY)
        session = (*(documents.session or ()), added)
        change = f"allow {action} in a session policy"
        yield question.given(change, replace(documents, session=session))
    if layer is Layer.ENDPOINT:
        endpoint = adding(documents.endpoint, request, PolicyKind.ENDPOINT_POLICY, "*")
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
    added, action = adding(None, question.request, PolicyKind.SCP), question.request.action
    if not missing:  # nothing is attached anywhere
        alone = (Level(question.request.principal.account or "", (added,)),)
        change = f"attach an SCP that allows {action}"
        return question.given(change, replace(question.documents, scps=alone))
    scps = tuple(
        Level(level.target, (*level.policies, added)) if level.target in missing else level
        for level in question.documents.scps or ()
    )
    change = f"allow {action} in an SCP at {listed(missing)}"
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
    policy = adding(documents.key_policy, request, kind, principals)
    change = f"name {_caller(request)} in a statement of the {holder} that allows {action}"
    yield question.given(change, replace(documents, key_policy=policy))
    known = ACTIONS.get(action.lower())
    if is_key and named is not None and known is not None and known.grantable:
        grant = Grant(ADDED, str(request.resource), str(named), frozenset({known.name}))
        change = f"create a grant of {known.name} for {_caller(request)}"
        yield question.given(change, replace(documents, grants=(*documents.grants, grant)))
    if named is not None and caller.kind is not PrincipalKind.ROOT:
        account = {"AWS": str(root_arn(named.account, named.partition))}
        policy = adding(documents.key_policy, request, kind, account)
        change = f"let the {holder} delegate {action} to account {named.account}"
        yield question.given(change, replace(documents, key_policy=policy))


def _caller(request: Request) -> str:
    caller = request.principal
    named = caller.issuer or caller.arn
    return named.resource if named is not None else str(caller)


def listed(names: Sequence[str]) -> str:
    """Return `a, b and c`."""
    return " and ".join((", ".join(names[:-1]), names[-1])) if len(names) > 1 else names[0]


def counted(noun: str, names: Sequence[str]) -> str:
    """Return `statement a` or `statements a and b`, each name once."""
    once = list(dict.fromkeys(names))
    return f"{noun}{'s'[: len(once) != 1]} {listed(once)}"
