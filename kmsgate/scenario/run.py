"""Running the tests of a suite: each in a fresh copy of its world, every step for real."""

from __future__ import annotations

import fnmatch
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from kms.audit import AuditEvent
from kms.directory import Identity
from kms.errors import AccessDenied, KmsError
from kms.gate import Gate
from kms.keys import metadata
from kms.model import Key, KeyState
from kms.operation import Call
from kms.policy_checks import bound_ids
from kms.runtime import FixedClock, SeededEntropy
from kms.service import Reply, Service
from kms.shapes import request_kind, takes
from kms.state import State
from kms.store import MemoryStore
from kmsgate.scenario.compare import StepError, Values
from kmsgate.scenario.fields import Item
from kmsgate.scenario.json_text import json_text, plain
from kmsgate.scenario.model import (
    AdvanceStep,
    CallStep,
    Cell,
    ChangeStep,
    Expectation,
    LookStep,
    Step,
    Suite,
    TamperStep,
    Test,
)
from policy import Arn, Decision, Outcome
from policy.decision import GrantTrace, StatementTrace
from policy.request import Values as FactValues
from policy.source import Span
from policy.tree import Array, Object


@dataclass(frozen=True)
class Failure:
    """What went otherwise than a test says: where, what, and how the decision came about."""

    item: Item
    span: Span
    message: str
    title: str = ""
    head: Span | None = None
    decision: Decision | None = None


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
        self.bindings: dict[str, Any] = dict(test.bindings)
        for name, arn in world.arns.items():
            self.bindings |= {
                f"{name}.arn": str(arn),
                f"{name}.id": arn.last,
                f"{name}.account": arn.account,
            }
        self.grant_names = dict(world.grant_names)
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
                failure = Failure(error.item, error.item.node.span, error.message)
            if failure is not None:
                yield failure
                if not isinstance(step, Cell):
                    return

    def _take(self, step: Step) -> Failure | None:
        if isinstance(step, CallStep):
            return self._call(step)
        if isinstance(step, AdvanceStep):
            return self._advance(step)
        if isinstance(step, ChangeStep):
            return self._change(step)
        if isinstance(step, LookStep):
            return self._look(step)
        if isinstance(step, TamperStep):
            blob = bytearray(self.values.octets(step.value))
            blob[-1] ^= 1
            self.bindings |= dict.fromkeys(step.save, bytes(blob))
        return None

    # Calls

    def _call(self, step: CallStep) -> Failure | None:
        call = self._made(step)
        reply = self.service.decide(call) if step.only_decide else self.service.call(call)
        self.told.append((step.item, reply))
        failure = self._judge(step, reply)
        if failure is not None:
            return failure
        for name, member in step.save.items():
            output = reply.output or {}
            if member not in output:
                return self._failed(step, f"the output has no {member} to save as ${name}", reply)
            self.bindings[name] = output[member]
        return None

    def _made(self, step: CallStep) -> Call:
        name = step.caller
        if name.startswith("$"):
            name = str(self.values.saved(step.item, name[1:]))
        caller = self.world.caller(name, self.store.state.directory)
        if caller is None:
            raise StepError(step.item, self.world.unknown_caller(name)[0])
        kind = request_kind(step.operation)
        parameters = self.values.of(step.parameters, kind) if step.parameters is not None else {}
        if isinstance(step, Cell):
            parameters = {**self._about(step), **parameters}
        if step.dry_run:
            parameters["DryRun"] = True
        facts = {name: self._fact(item) for name, item in step.facts.items()}
        return Call(
            caller,
            step.operation,
            parameters,
            step.region or self.world.region,
            facts,
            step.via,
            step.endpoint,
        )

    def _about(self, cell: Cell) -> dict[str, Any]:
        """Return the members with which a cell of a matrix names its key."""
        arn = str(self.world.keys[cell.key])
        members = ("KeyId", "SourceKeyId", "DestinationKeyId", "TargetKeyId")
        about: dict[str, Any] = {m: arn for m in members if takes(cell.operation, m)}
        if takes(cell.operation, "AliasName"):
            about["AliasName"] = "alias/matrix"
        return about

    def _fact(self, item: Item) -> FactValues:
        if isinstance(item.node, Array):
            return tuple(self.values.text(entry) for entry in item.items("a context key"))
        return self.values.text(item)

    # Expectations

    def _judge(self, step: CallStep, reply: Reply) -> Failure | None:
        """Compare a reply with what was expected; the first difference counts."""
        expect = step.expect
        wrong = (
            self._judge_outcome(expect, reply)
            or self._judge_decision(expect, reply)
            or self._judge_error(expect, reply)
        )
        if wrong is not None:
            return self._failed(step, wrong, reply)
        for pattern, actual in (
            (expect.output, reply.output),
            (expect.event, event_view(reply.event) if reply.event is not None else None),
        ):
            if pattern is not None:
                found = self.values.difference(pattern, actual)
                if found is not None:
                    return self._failed(step, found[1], reply, found[0])
        return None

    def _judge_outcome(self, expect: Expectation, reply: Reply) -> str | None:
        error = reply.error
        denied = isinstance(error, AccessDenied)
        said_allow = expect.allow or (expect.output is not None and expect.deny is None)
        if expect.deny is not None:
            if not denied:
                return f"expected {_words(expect)}, {_what_happened(reply)}"
            outcome = _last(reply).outcome if reply.decisions else Outcome.IMPLICITLY_DENIED
            explicit = outcome is Outcome.EXPLICITLY_DENIED
            if expect.deny == "explicit" and not explicit:
                return f"expected explicit deny, {_what_happened(reply)}"
            if expect.deny == "implicit" and explicit:
                return f"expected implicit deny, {_what_happened(reply)}"
        elif said_allow and (denied or (error is not None and expect.error is None)):
            return f"expected allow, {_what_happened(reply)}"
        return None

    def _judge_decision(self, expect: Expectation, reply: Reply) -> str | None:
        if expect.paths:
            paths = tuple(str(d.path) for d in reply.decisions)
            wanted = expect.paths
            if paths[-len(wanted) :] != wanted:
                return f"expected allow by {', '.join(wanted)}, the path is {', '.join(paths)}"
        asked = expect.layer or expect.because or expect.by is not None
        if not asked:
            return None
        if not reply.decisions:
            return f"there is no decision: {_what_happened(reply)}"
        decision = _last(reply)
        if expect.layer is not None and decision.layer != expect.layer:
            return f"expected layer {expect.layer}, {_what_happened(reply)}"
        if expect.because is not None and expect.because not in decision.reasons:
            found = ", ".join(sorted(decision.reasons)) or "none"
            return f"expected because {expect.because}, the reasons are {found}"
        if expect.by is not None:
            wanted_by = self.values.text(expect.by)
            names = set(self._names(decision))
            if wanted_by not in names:
                return f"expected by {wanted_by}, it is by {', '.join(sorted(names)) or 'nothing'}"
        return None

    def _judge_error(self, expect: Expectation, reply: Reply) -> str | None:
        error = reply.error
        if expect.error is not None and (error is None or error.code != expect.error):
            return f"expected error {expect.error}, {_what_happened(reply)}"
        if expect.message is not None:
            text = error.message if error is not None else None
            if text is None or not fnmatch.fnmatchcase(text, expect.message.replace("[", "[[]")):
                return f"expected message '{expect.message}', it reads '{text or ''}'"
        return None

    def _names(self, decision: Decision) -> Iterator[str]:
        """Yield every name of what decided: Sid, `policy[index]`, grant id and grant name."""
        by_id = {grant_id: name for name, grant_id in self.grant_names.items()}
        for by in decision.by:
            if isinstance(by, StatementTrace):
                yield f"{by.policy}[{by.index}]"
                if by.sid is not None:
                    yield by.sid
            else:
                yield by.grant.id
                if by.grant.id in by_id:
                    yield by_id[by.grant.id]
                if by.grant.name is not None:
                    yield by.grant.name

    def _failed(
        self, step: CallStep, message: str, reply: Reply, at: Item | None = None
    ) -> Failure:
        decision = _last(reply) if reply.decisions else None
        if isinstance(step, Cell):
            return Failure(step.item, step.place, message, step.title, step.head, decision)
        item = at or step.expect.item or step.item
        span = item.node.span
        if isinstance(item.node, Object | Array):
            span = Span(span.start, span.start + 1)
        return Failure(item, span, message, decision=decision)

    # Time, outside changes, looks

    def _advance(self, step: AdvanceStep) -> Failure | None:
        if step.until is not None:
            try:
                self.clock.move_to(step.until)
            except ValueError as error:
                raise StepError(step.item, f"{error}") from None
        elif step.amount is not None:
            self.clock.advance(self.values.duration(step.amount))
        return None

    def _change(self, step: ChangeStep) -> Failure | None:
        state = self.store.state
        if "key" in step.fields:
            state = state.with_key(self._changed_key(step, state))
        else:
            state = self._changed_identity(step, state)
        with self.store.session() as session:
            session.commit(state, ())
        return None

    def _changed_key(self, step: ChangeStep, state: State) -> Key:
        fields = step.fields
        key = state.key(self.world.keys[self.values.text(fields["key"])])
        if key is None:
            raise StepError(fields["key"], "the key is gone")
        if "policy" in fields:
            key = _with_policy(key, json_text(fields["policy"].node), state)
        if "add_statement" in fields or "drop_statement" in fields:
            document = json.loads(key.policy)
            statements = document["Statement"]
            statements = statements if isinstance(statements, list) else [statements]
            if "drop_statement" in fields:
                sid = self.values.text(fields["drop_statement"])
                kept = [s for s in statements if s.get("Sid") != sid]
                if len(kept) == len(statements):
                    raise StepError(fields["drop_statement"], f"there is no statement '{sid}'")
                statements = kept
            if "add_statement" in fields:
                statements = [*statements, plain(fields["add_statement"].node)]
            text = json.dumps({**document, "Statement": statements}, indent=2)
            key = _with_policy(key, text, state)
        if "tags" in fields:
            tags = fields["tags"].fields("tags").items()
            key = replace(key, tags=tuple((name, self.values.text(item)) for name, item in tags))
        if "state" in fields:
            key = replace(key, state=KeyState(self.values.text(fields["state"])))
        return key

    def _changed_identity(self, step: ChangeStep, state: State) -> State:
        """`recreate`: the same name with another unique id (AUTH E-20); `delete`: gone."""
        arn = self.world.arns[self.values.text(step.fields["identity"])]
        directory = state.directory
        old = directory.identities.get(str(arn))
        if old is None:
            raise StepError(step.fields["identity"], "the identity is gone")
        if "delete" in step.fields:
            directory = directory.without_identity(arn)
        if "recreate" in step.fields:
            directory = directory.without_identity(arn).with_identity(
                Identity(arn, f"{old.unique_id[:4]}NEW{old.unique_id[7:]}", old.policies)
            )
        if "tags" in step.fields:
            items = step.fields["tags"].fields("tags").items()
            tags = {name: self.values.text(item) for name, item in items}
            directory = directory.with_identity(replace(old, tags=tags))
        return replace(state, directory=directory)

    def _look(self, step: LookStep) -> Failure | None:
        fields = dict(step.fields)
        state = self.store.state
        subject = next(name for name in ("key", "alias", "grant", "event") if name in fields)
        named = fields.pop(subject)
        view = self._view(subject, named, state)
        for name, item in fields.items():
            if name not in view:
                if _wants_absence(item):
                    continue
                return Failure(item, item.node.span, f"there is no {name}")
            if _wants_absence(item):
                return Failure(item, item.node.span, f"{name} is there")
            found = self.values.difference(item, view[name], name)
            if found is not None:
                return Failure(found[0], found[0].node.span, found[1])
        return None

    def _view(self, subject: str, named: Item, state: State) -> Mapping[str, Any]:
        text = self.values.text(named)
        if subject == "event":
            events = self.store.events()
            return event_view(events[-1]) if events else {}
        if subject == "alias":
            arn = Arn("aws", "kms", self.world.region, self.world.first_account, text)
            alias = state.aliases.get(str(arn))
            target = alias.target_key_arn if alias is not None else None
            return {"TargetKeyId": target.rpartition("/")[2]} if target is not None else {}
        if subject == "grant":
            grant_id = self.grant_names.get(text, text)
            for grants in state.grants.values():
                if grant_id in grants.by_id:
                    grant = grants.by_id[grant_id]
                    return {"GrantId": grant.id, "GranteePrincipal": grant.grantee_principal}
            return {}
        key = state.key(self.world.keys[text])
        if key is None:
            return {}
        tags = dict(key.tags)
        aliases = list(state.aliases_of(key))
        grants_on_key = len(state.grants_of(str(key.arn)).by_id)
        return {**metadata(key), "Tags": tags, "Aliases": aliases, "Grants": grants_on_key}


def _wants_absence(item: Item) -> bool:
    return isinstance(item.node, Object) and item.node.get("absent") is not None


def _with_policy(key: Key, text: str, state: State) -> Key:
    return replace(key, policy=text, bound_ids=bound_ids(text, state.directory))


def _last(reply: Reply) -> Decision:
    return reply.decisions[-1]


def _words(expect: Expectation) -> str:
    return "deny" if expect.deny == "any" else f"{expect.deny} deny"


def _what_happened(reply: Reply) -> str:
    """Say in a few words how a call or decision came out."""
    error = reply.error
    if error is None:
        return "decision is allow"
    if isinstance(error, AccessDenied) and reply.decisions:
        decision = _last(reply)
        explicit = decision.outcome is Outcome.EXPLICITLY_DENIED
        return f"decision is {'explicit' if explicit else 'implicit'} deny by {decision.layer}"
    return f"it failed with {_error_text(error)}"


def _error_text(error: KmsError) -> str:
    return f"{error.code}: {error.message}" if error.message else error.code


def path_of(decision: Decision) -> str:
    """Return the way of a decision on one line: its path or layer, and what decided."""
    names = []
    for by in decision.by:
        if isinstance(by, GrantTrace):
            names.append(f"grant {by.grant.name or by.grant.id[:8]}")
        else:
            names.append(f"{by.name} ({by.policy})")
    way = decision.path or f"{decision.outcome} by {decision.layer}"
    return f"{way}: {', '.join(names)}" if names else str(way)


def event_view(event: AuditEvent) -> dict[str, Any]:
    """Return an event by the names of CloudTrail (CORE K-173), for patterns to look at."""
    view: dict[str, Any] = {
        "eventName": event.operation,
        "eventTime": event.at,
        "awsRegion": event.region,
        "requestID": event.request_id,
        "eventID": event.id,
        "userIdentity": {"arn": event.caller, "accountId": event.account},
        "resources": [{"ARN": arn} for arn in event.resources],
        "outcome": event.outcome,
        "requestParameters": event.parameters,
        "responseElements": event.response,
    }
    if event.error_code is not None:
        view["errorCode"] = event.error_code
    if event.error_message is not None:
        view["errorMessage"] = event.error_message
    return view
