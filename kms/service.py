"""The pipeline that every call goes through, once, from top to bottom (CORE K-32)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from kms import (
    aliases,
    data_keys,
    deletion,
    encryption,
    grants,
    imports,
    key_policy,
    key_stores,
    keys,
    last_usage,
    macs,
    managed_keys,
    multi_region,
    public_keys,
    rotation,
    settle,
    shapes,
    shared_secrets,
    signing,
)
from kms.audit import AuditEvent
from kms.condition_keys import Asked
from kms.context import context_of
from kms.errors import (
    AccessDenied,
    DryRunOperation,
    Internal,
    InvalidGrantToken,
    KmsError,
    UnknownOperation,
)
from kms.gate import Gate
from kms.model import Key, LastUse
from kms.operation import (
    OPERATIONS,
    Call,
    Change,
    Need,
    Operation,
    Output,
    Parameters,
    Scope,
    Target,
    require_state,
    require_usage,
)
from kms.questions import QUESTIONS, Question
from kms.recording import Course, events_of
from kms.runtime import Clock, Entropy
from kms.settings import Settings
from kms.state import State
from kms.store import Session, Store
from kms.targets import of_key
from policy import Decision, Documents, Request, denial_message
from policy.messages import unreachable_message

ROOMS = (
    aliases,
    data_keys,
    deletion,
    encryption,
    grants,
    imports,
    key_policy,
    key_stores,
    keys,
    last_usage,
    multi_region,
    macs,
    public_keys,
    rotation,
    shared_secrets,
    signing,
)
"""The modules that hold the operations; importing them registers what they do."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of one call: an output or an error, the decisions, and the event.

    `event` is that of the caller's log; `events` begin with it and have its copies for the logs
    of other accounts, and those of other Regions (CORE K-183, K-184). `documents` are what each
    decision was made on.
    """

    output: Output | None = field(repr=False)  # CORE K-109
    error: KmsError | None
    decisions: tuple[Decision, ...] = field(repr=False)
    event: AuditEvent | None
    events: tuple[AuditEvent, ...] = ()
    documents: tuple[Documents, ...] = field(default=(), repr=False)

    def unwrap(self) -> Output:
        """Return the output, or raise the error."""
        if self.error is not None:
            raise self.error
        return self.output if self.output is not None else {}


_BUG = Internal()
"""What a call ended with, until it has ended in another way."""


class Service:
    """A key management service: every operation passes the gate, and every call is written down."""

    def __init__(
        self,
        store: Store,
        gate: Gate,
        clock: Clock,
        entropy: Entropy,
        settings: Settings | None = None,
    ) -> None:
        self.store = store
        self.gate = gate
        self.clock = clock
        self.entropy = entropy
        self.settings = settings or Settings()
        if self.settings.usage_tracking_start is None:
            self.settings = replace(self.settings, usage_tracking_start=clock.now())

    def call(self, call: Call) -> Reply:
        """Do what is asked, or say why not. A KmsError is in the reply, it is not raised."""
        return self.store.transact(partial(self._answer, call))

    def _answer(self, call: Call, session: Session) -> Reply:
        now = self.clock.now()
        settled, own_events = settle.settle(session.state, now, self.entropy)
        course = Course(settled, call.request_id or self.entropy.uuid(), error=_BUG)
        try:
            self._run(call, course, now)
            course.error = None
        except KmsError as error:
            course.error = error
        finally:
            # A bug leaves Internal as the error: it is written down, then surfaces.
            events = events_of(call, course, now, self.entropy, self.settings.event_version)
            kept = course.change if course.error is None else None  # a dry run has both
            next_state = _kept(call, kept, course, events) if kept is not None else settled
            chained = _chained([*own_events, *events], session.last_hash)
            session.commit(next_state, chained)
        output = kept.output if kept is not None else None
        written = tuple(chained[len(own_events) :])
        return Reply(output, course.error, course.decisions, written[0], written, course.documents)

    def settle(self) -> None:
        """Do what has fallen due by now, as the next call would, and write it down (CORE K-35)."""
        with self.store.session() as session:
            state, events = settle.settle(session.state, self.clock.now(), self.entropy)
            session.commit(state, _chained(events, session.last_hash))

    def decide(self, call: Call) -> Reply:
        """Return what the gate would say, without doing anything (no event, no output)."""
        with self.store.session() as session:
            now = self.clock.now()
            settled, _ = settle.settle(session.state, now, self.entropy)
        course = Course(settled, call.request_id or "")
        try:
            questions = _questions(call.operation)
            parameters = shapes.check(call.operation, call.parameters, partial=True)
            scope = self._scope(call, course, now)
            self._authorize(questions, parameters, scope, course)
        except KmsError as error:
            course.error = error
        return Reply(None, course.error, course.decisions, None)

    def _run(self, call: Call, course: Course, now: dt.datetime) -> None:
        questions, operation = _questions(call.operation), OPERATIONS[call.operation]
        parameters = shapes.check(call.operation, call.parameters)
        course.parameters = parameters
        operation.prepare(parameters)
        scope = self._authorize(questions, parameters, self._scope(call, course, now), course)
        operation.examine(parameters, scope)
        if operation.needs:
            for need, target in zip(operation.needs, scope.targets, strict=True):
                _require(need, target, operation)
        course.change = operation.run(parameters, scope)
        if parameters.get("DryRun"):
            raise DryRunOperation  # CORE K-46: run is pure, so nothing has happened

    def _authorize(
        self,
        questions: tuple[Question, ...],
        parameters: Parameters,
        scope: Scope,
        course: Course,
    ) -> Scope:
        """Find the targets, then ask the gate every question; the first no ends the call."""
        scope = managed_keys.ready(parameters, scope)
        scope.targets = tuple([each.find(parameters, scope) for each in questions])
        course.found(scope.targets)
        tokens = _grant_tokens(parameters, scope)
        for question, target in zip(questions, scope.targets, strict=True):
            if not question.when(parameters, target):
                continue
            decision = self._ask(Asked(question.action, parameters, target, scope), tokens)
            course.decisions += (decision,)
            course.documents += (
                self.gate.documents(decision.request, target.key, scope.call, scope.state),
            )
            denied = not decision.allowed and self._is_enforced(decision, target)
            if denied or target.is_missing:
                raise AccessDenied(_denial(decision, target, scope), decision)
        return scope

    def _is_enforced(self, decision: Decision, target: Target) -> bool:
        return self.settings.enforce or managed_keys.is_fixed(decision.request.action, target.key)

    def _ask(self, asked: Asked, tokens: frozenset[str] = frozenset()) -> Decision:
        scope, target = asked.scope, asked.target
        request = Request(
            scope.call.caller,
            asked.action,
            target.resource,
            context_of(asked),
            tokens,
            scope.now,
            target.grant,
        )
        decision = self.gate.decide(request, target.key, scope.call, scope.state)
        return managed_keys.guarded(decision, target.key)

    def _scope(self, call: Call, course: Course, now: dt.datetime) -> Scope:
        def judge(key: Key, action: str) -> Decision:
            target = replace(of_key(key), region=key.region)
            return self._ask(Asked(action, {}, target, scope))

        scope = Scope(course.state, call, now, self.entropy, self.settings, judge)
        return scope


def _kept(call: Call, change: Change, course: Course, events: Sequence[AuditEvent]) -> State:
    """Return the state after a call that succeeded; each use of a key is recorded (CORE K-62).

    It bears the id of the event in the log of the key's owner.
    """
    state = change.state
    if last_usage.is_tracked(call.operation):
        for arn in course.resources:
            event = events[0]
            if len(events) > 1:
                owner = arn.split(":", 5)[4]
                event = next((each for each in events if each.account == owner), event)
            use = LastUse(call.operation, event.at, event.id, event.request_id)
            state = state.with_last_use(arn, use)
    return state


def _questions(name: str) -> tuple[Question, ...]:
    found = QUESTIONS.get(name)
    if not found:
        raise UnknownOperation  # whatever may be registered: what asks nothing is not done
    return found


def _require(need: Need, target: Target, operation: Operation) -> None:
    if target.key is not None:
        if need.usage is not None:
            require_usage(target.key, need.usage, operation.name)
        require_state(target.key, need.states)


def _grant_tokens(parameters: Parameters, scope: Scope) -> frozenset[str]:
    """Return the tokens that the request carries; raises for one that is none (AUTH N-33)."""
    tokens = frozenset(parameters.get("GrantTokens", ()))
    for token in tokens:
        known = scope.state.tokens.get(token)
        if known is None or known[0].split(":")[3] != scope.call.region:
            raise InvalidGrantToken
    return tokens


def _denial(decision: Decision, target: Target, scope: Scope) -> str | None:
    """Return what a denied caller is told; of a foreign key that he did not name, nothing."""
    hidden = target.alias is not None or target.by_ciphertext or decision.allowed
    if hidden and target.resource.account != scope.call.caller.account:  # CORE K-8, K-65.2
        caller = str(scope.call.caller)
        return unreachable_message(
            caller, decision.request.action, by_ciphertext=target.by_ciphertext
        )
    return denial_message(decision, by_ciphertext=target.by_ciphertext)


def _chained(events: Sequence[AuditEvent], last_hash: str) -> list[AuditEvent]:
    chained = []
    for event in events:
        chained.append(event.chained(last_hash))
        last_hash = chained[-1].hash
    return chained
