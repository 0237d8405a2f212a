"""Running the tests of a suite: each in a fresh copy of its world, every step for real."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from kms.gate import Gate
from kms.operation import Call
from kms.runtime import FixedClock, SeededEntropy
from kms.service import Reply, Service
from kms.shapes import request_kind
from kms.store import MemoryStore
from kmsgate.scenario import values
from kmsgate.scenario.changes import changed
from kmsgate.scenario.compare import MAX_SHOWN, StepError, Values, shown
from kmsgate.scenario.fields import Item, short
from kmsgate.scenario.judge import verdict
from kmsgate.scenario.members import wants_absence
from kmsgate.scenario.model import (
    AdvanceStep,
    CallStep,
    Cell,
    ChangeStep,
    LookStep,
    Step,
    Suite,
    Test,
    WhoCanStep,
    WorkStep,
)
from kmsgate.scenario.reach import about, told, who_can
from kmsgate.scenario.views import (
    View,
    alarm_view,
    alias_view,
    event_view,
    events_view,
    grant_view,
    key_view,
    last_event,
)
from kmsgate.scenario.work import WorkFailed, done
from policy import Arn, Decision
from policy.decision import GrantTrace, Layer, MatchClass, StatementTrace
from policy.model import Effect
from policy.request import Values as FactValues
from policy.source import Span
from policy.tree import Array


@dataclass(frozen=True)
class Failure:
    """What went otherwise than a test says: where, what, and how the decision came about.

    Of a cell of a matrix, `title` names row and column and `head` is the first line of the table;
    `key` is the name of the key that the decision was about.
    """

    item: Item
    span: Span
    message: str
    title: str = ""
    head: Span | None = None
    decision: Decision | None = None
    key: str | None = None


@dataclass(frozen=True)
class Result:
    """What became of one test. `told` are the outcomes of its calls, for documents."""

    test: Test
    failures: tuple[Failure, ...]
    seconds: float
    told: tuple[tuple[Item, Reply], ...] = field(default=(), repr=False)

    @property
    def passed(self) -> bool:
        """Whether everything went as the test says."""
        return not self.failures


def run(
    suite: Suite,
    wanted: Callable[[Test], bool] = lambda _test: True,
    timer: Callable[[], float] = time.perf_counter,
) -> Iterator[Result]:
    """Yield what becomes of each wanted test of a suite, in order."""
    for test in suite.tests:
        if wanted(test):
            began = timer()
            course = _Course(test)
            failures = tuple(course.run())
            yield Result(test, failures, timer() - began, tuple(course.told))


def fails(test: Test) -> bool:
    """Tell whether something in a test goes otherwise than it says; the first is enough."""
    return next(_Course(test).run(), None) is not None


class _Course:
    """One test on its way."""

    def __init__(self, test: Test) -> None:
        world = test.world
        self.test = test
        self.world = world
        self.clock = FixedClock(world.clock)
        self.entropy = SeededEntropy(world.seed + 1)
        self.store = MemoryStore(world.state)
        self.service = Service(self.store, Gate(), self.clock, self.entropy, world.settings)
        self.bindings: dict[str, Any] = {**world.facts, **test.bindings}
        self.grant_names = {grant_id: name for name, grant_id in world.names.grants.items()}
        self.tokens = set(world.state.tokens)
        self.told: list[tuple[Item, Reply]] = []

    @property
    def values(self) -> Values:
        now = self.clock.now()
        return Values({**self.bindings, "now": now}, now, self.entropy)

    def run(self) -> Iterator[Failure]:
        """Take the steps; a matrix goes on after a wrong cell, other tests stop at the first."""
        for step in self.test.steps:
            try:
                failure = self._take(step)
            except StepError as error:
                failure = self._failure(error.item, error.message)
            if failure is not None:
                yield failure
                if not isinstance(step, Cell):
                    return

    def _take(self, step: Step) -> Failure | None:
        if isinstance(step, CallStep):
            return self._call(step)
        if isinstance(step, AdvanceStep):
            self._advance(step)
        elif isinstance(step, ChangeStep):
            with self.store.session() as session:
                session.commit(changed(step, session.state, self.world, self.values), ())
        elif isinstance(step, LookStep):
            return self._look(step)
        elif isinstance(step, WhoCanStep):
            return self._who_can(step)
        elif isinstance(step, WorkStep):
            return self._work(step)
        return None

    def _failure(self, item: Item, message: str, reply: Reply | None = None) -> Failure:
        decision = reply.decisions[-1] if reply is not None and reply.decisions else None
        key = self._key_of(decision)
        return Failure(item, item.span, self._discreet(message), decision=decision, key=key)

    def _discreet(self, message: str) -> str:
        """Return a message without the tokens of any grant, however they came into it."""
        for token in self.tokens:
            message = message.replace(token, "(a grant token)")
        return message if len(message) <= MAX_SHOWN else message[: MAX_SHOWN - 1] + "…"

    def _key_of(self, decision: Decision | None) -> str | None:
        """Return the name in this world of the key that a decision is about."""
        arn = decision.request.resource.arn if decision is not None else None
        return next((name for name, key in self.world.keys.items() if key == arn), None)

    # Calls

    def _call(self, step: CallStep) -> Failure | None:
        call = self._made(step)
        reply = self.service.decide(call) if step.only_decide else self.service.call(call)
        self.told.append((step.item, reply))
        self.tokens |= set(_tokens_in(reply.output))
        return self._judge(step, reply) or self._save(step, reply)

    def _made(self, step: CallStep) -> Call:
        kind = request_kind(step.operation)
        parameters = self.values.of(step.parameters, kind) if step.parameters is not None else {}
        region = self.values.text(step.region) if step.region is not None else self.world.region
        if isinstance(step, Cell):
            key = self.world.keys[step.key]
            parameters = {**about(step.operation, key, self.store.state), **parameters}
            region = key.region
        if step.dry_run:
            parameters["DryRun"] = True
        if step.region is not None and not values.is_region(region):
            raise StepError(step.region, f"'{short(region)}' is not a Region such as eu-west-1")
        name = self.values.text(step.caller)
        caller = self.world.caller(name, self.store.state.directory)
        if caller is None:
            raise StepError(step.caller, self.world.unknown_caller(name)[0])
        return Call(
            caller,
            step.operation,
            parameters,
            region,
            {name: self._fact(item) for name, item in step.facts.items()},
            self.values.text(step.via) if step.via is not None else None,
            self.values.text(step.endpoint) if step.endpoint is not None else None,
        )

    def _fact(self, item: Item) -> FactValues:
        if isinstance(item.node, Array):
            return tuple(self.values.text(entry) for entry in item.items("a context key"))
        return self.values.text(item)

    def _judge(self, step: CallStep, reply: Reply) -> Failure | None:
        """Compare a reply with what was expected; the first difference counts."""
        expect, at = step.expect, step.expect.item or step.item
        wrong = verdict(expect, reply, self.grant_names, self.values.text)
        if wrong is not None and isinstance(step, Cell):
            failure = self._failure(step.item, wrong, reply)
            return replace(failure, span=step.place, title=step.title, head=step.head)
        if wrong is not None:
            return self._failure(at, wrong, reply)
        found = None
        if expect.output is not None:
            found = self.values.difference(expect.output, reply.output)
        if expect.event is not None and found is None:
            found = self.values.difference(expect.event, event_view(reply.event))
        return self._failure(*found, reply) if found is not None else None

    def _save(self, step: CallStep, reply: Reply) -> Failure | None:
        for name, path in step.save.items():
            value: Any = reply.output or {}
            for member in path.split("."):
                value = value.get(member) if isinstance(value, Mapping) else None
            if value is None:
                message = f"the output has no {path} to save as ${name}"
                return self._failure(step.expect.item or step.item, message, reply)
            self.bindings[name] = value
        return None

    # Who can

    def _who_can(self, step: WhoCanStep) -> Failure | None:
        """Compare those who can with those who are named; who is not settled counts as neither."""
        named: dict[Arn, Item] = {}
        for entry in step.callers:
            name = self.values.text(entry)
            if name not in self.world.names.callers:
                raise StepError(entry, self.world.unknown_caller(name)[0])
            named[self.world.names.callers[name]] = entry
        fixed = SeededEntropy(self.world.seed)
        key, state = self.world.keys[step.key], self.store.state
        for found in who_can(step.action, key, self.world, state, self.clock, fixed):
            item = named.get(found.arn)
            if found.can and item is None and step.relation != "at_least":
                extra = f" with {told(found.choices)}" if found.choices else ""
                failure = self._failure(step.named, f"{found.name} can {step.action}{extra}")
                return replace(failure, decision=found.decision, key=step.key)
            if found.unsettled and (item is not None or step.relation != "at_least"):
                why = ", ".join(found.unsettled)
                message = f"whether {found.name} can {step.action} is not settled: {why}"
                return self._failure(item or step.named, message)
            if not found.can and item is not None and step.relation != "at_most":
                return self._failure(item, f"{found.name} cannot {step.action} by any request")
        return None

    # Work outside

    def _work(self, step: WorkStep) -> Failure | None:
        try:
            output = done(step, self.values)
        except WorkFailed as failed:
            if step.error == failed.code:
                return None
            return self._failure(step.item, f"{step.work} failed, {failed.code}: {failed}")
        if step.error is not None:
            return self._failure(step.item, f"expected {step.error}, {step.work} succeeded")
        self.bindings |= {name: output[member] for name, member in step.save.items()}
        found = self.values.difference(step.output, output) if step.output is not None else None
        return self._failure(*found) if found is not None else None

    # Time and looks

    def _advance(self, step: AdvanceStep) -> None:
        now = self.clock.now()
        if step.until is not None:
            at = self.values.moment(step.until)
            if at < now:
                raise StepError(step.until, f"it is {shown(now)} already")
            self.clock.move_to(at)
        elif step.amount is not None:
            span = self.values.duration(step.amount)
            if span > values.LAST_TIME - now:
                raise StepError(step.amount, f"clocks end in the year {values.LAST_TIME.year}")
            self.clock.advance(span)
        self.service.settle()

    def _look(self, step: LookStep) -> Failure | None:
        if step.subject != "event":
            self.service.settle()  # as a call would that looks; its events would be the last ones
        view = self._view(step)
        for name, item in step.fields.items():
            if wants_absence(item):
                if name in view:
                    return self._failure(item, f"{name} is there: {shown(view[name], name)}")
                continue
            if not view:
                return self._failure(step.named, f"there is no such {step.subject} now")
            if name not in view:
                return self._failure(item, f"there is no {name}")
            path = name if step.subject != "value" else ""  # it has no other name
            found = self.values.difference(item, view[name], path)
            if found is not None:
                return self._failure(*found)
        return None

    def _view(self, step: LookStep) -> View:
        if step.query is not None:
            return events_view(step.query, self.store.events())
        if step.subject == "value":
            return {"is": self._value(step.named)}
        text, state = self.values.text(step.named), self.store.state
        if step.subject == "event":
            return event_view(last_event(self.store.events()))
        if step.subject == "alarm":
            return alarm_view(self.world.alarms[text], self.store.events(), self.clock.now())
        if step.subject == "alias":
            arn = Arn("aws", "kms", self.world.region, self.world.first_account, text)
            return alias_view(state.aliases.get(str(arn)))
        if step.subject == "grant":
            return grant_view(self.world.names.grants.get(text, text), state)
        return key_view(state.key(self.world.keys[text]), state)

    def _value(self, item: Item) -> Any:
        name = values.reference(item.node)
        return self.values.saved(item, name) if name is not None else self.values.octets(item)


def _tokens_in(output: object) -> Iterator[str]:
    """Yield the grant tokens of an output."""
    if isinstance(output, Mapping) and isinstance(output.get("GrantToken"), str):
        yield output["GrantToken"]


def path_of(decision: Decision, key: str | None = None) -> str:
    """Return the way of a decision on one line: its path or layer, and what decided.

    `key` is the name of the key, for its policy.
    """
    way = decision.path or f"{decision.outcome} by {decision.layer}"
    by = [_role_of(entry, key) for entry in decision.by]
    return f"{way}: {', '.join(by)}" if by else str(way)


def _role_of(by: StatementTrace | GrantTrace, key: str | None) -> str:
    """Say what a statement or grant did: `Delegate (key payroll) offers the account`."""
    if isinstance(by, GrantTrace):
        return f"grant {by.grant.name or by.grant.id[:8]} allows"
    on_key = by.layer is Layer.KEY_POLICY
    home = (f"key {key}" if key is not None else by.policy) if on_key else f"policy {by.policy}"
    did = "offers the account" if by.match_class is MatchClass.ACCOUNT else "allows"
    return f"{by.name} ({home}) {'denies' if by.effect is Effect.DENY else did}"
