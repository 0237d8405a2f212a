"""Would the tests notice a slip? Each mutant is put to the tests, then to every request.

A mutant that fails a test is noticed. One that does not is compared with the world as written, by
all callers, operations and keys, and all values that policies and grants compare. If no answer
differs, the two are the same and the mutant does not count; else the first request that is
answered in another way is the step that would notice it.
"""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from kms.errors import AccessDenied
from kms.gate import Gate
from kms.operation import Call
from kms.questions import QUESTIONS
from kms.runtime import FixedClock, SeededEntropy
from kms.service import Reply, Service
from kms.shapes import operation_names, takes
from kms.state import State
from kms.store import MemoryStore
from kmsgate.scenario.model import Cell, ChangeStep, Test, WhoCanStep
from kmsgate.scenario.mutants import Mutant, mutants
from kmsgate.scenario.reach import about, combinations
from kmsgate.scenario.run import Result, fails
from kmsgate.scenario.varying import Choice, Varying, varying, with_choices
from kmsgate.scenario.world import World
from policy import Arn, Documents, Outcome

MAX_REQUESTS = 2_000
"""So many requests of one caller for one operation on one key are compared."""

_PLAIN = re.compile(r"[A-Za-z$][A-Za-z0-9_./$-]*(?::[A-Za-z0-9_./-]+)*(?: [a-z]+)*")
_NOT_TEXT = ("true", "false", "null", "yes", "no", "on", "off")


@dataclass(frozen=True)
class Survivor:
    """A mutant that no test noticed; `step` is one that would, as it is written in a file.

    Where there is none, `unsettled` says what could not be tried to the end.
    """

    mutant: Mutant
    step: str | None
    unsettled: tuple[str, ...] = ()


@dataclass(frozen=True)
class Judged:
    """What became of the mutants of a suite. `same` changed nothing that can be asked."""

    noticed: tuple[Mutant, ...] = ()
    survivors: tuple[Survivor, ...] = ()
    same: tuple[Mutant, ...] = ()

    def __add__(self, other: Judged) -> Judged:
        return Judged(
            self.noticed + other.noticed,
            self.survivors + other.survivors,
            self.same + other.same,
        )

    @property
    def count(self) -> int:
        """How many mutants there are that differ from what is written."""
        return len(self.noticed) + len(self.survivors)

    def as_json(self) -> dict[str, Any]:
        """Return the counts, and the survivors, as plain values."""
        return {
            "mutants": self.count,
            "noticed": len(self.noticed),
            "score": round(self.score, 2),
            "same": [mutant.label for mutant in self.same],
            "survivors": [
                {
                    "mutant": each.mutant.label,
                    "place": str(each.mutant.place) if each.mutant.place is not None else None,
                    "step": each.step,
                    "unsettled": list(each.unsettled),
                }
                for each in self.survivors
            ],
        }

    @property
    def score(self) -> float:
        """How many of a hundred were noticed; all, where there is none."""
        return 100.0 * len(self.noticed) / self.count if self.count else 100.0


def judged(results: Sequence[Result]) -> Judged:
    """Return what becomes of the mutants of the tests' worlds; who passed can notice one."""
    passed = [_Passed(result) for result in results if result.passed]
    worlds = list({id(each.test.world): each.test.world for each in passed}.values())
    sides: dict[int, _Side] = {}
    noticed: list[Mutant] = []
    survivors: list[Survivor] = []
    same: list[Mutant] = []
    for mutant in mutants(worlds):
        if any(each.notices(mutant) for each in passed):
            noticed.append(mutant)
            continue
        survivor = _difference(mutant, worlds, sides)
        if survivor.step is None and not survivor.unsettled:
            same.append(mutant)
        else:
            survivors.append(survivor)
    return Judged(tuple(noticed), tuple(survivors), tuple(same))


class _Passed:
    """A test that passed, and which keys the gate was asked about in it."""

    def __init__(self, result: Result) -> None:
        self.test: Test = result.test
        self.asked: set[Arn | None] = {
            decision.request.resource.arn
            for _, reply in result.told
            for decision in reply.decisions
        }
        self.sees_all = any(isinstance(s, WhoCanStep | ChangeStep) for s in self.test.steps)

    def notices(self, mutant: Mutant) -> bool:
        """Tell whether the test fails with a mutant; what cannot differ is not run again."""
        key = self.test.world.keys.get(mutant.key) if mutant.key is not None else None
        if key is not None and key not in self.asked and not self.sees_all:
            return False
        steps = self.test.steps
        if all(isinstance(step, Cell) for step in steps):  # they do not disturb each other
            steps = tuple(s for s in steps if isinstance(s, Cell) and _asks(s.operation, mutant))
        world = mutant.applied(self.test.world) if steps else None
        return world is not None and fails(replace(self.test, world=world, steps=steps))


def _asks(operation: str, mutant: Mutant) -> bool:
    """Tell whether an operation asks about an action that a mutant can matter to."""
    return any(mutant.concerns(each.action.lower()) for each in QUESTIONS[operation])


# Comparison


def _difference(mutant: Mutant, worlds: Iterable[World], sides: dict[int, _Side]) -> Survivor:
    """Return the first step that is answered in another way with the mutant, if there is one.

    `sides` keeps what is known of the worlds as written.
    """
    unsettled: dict[str, None] = {}
    operations = [each for each in sorted(operation_names()) if _asks(each, mutant)]
    for world in worlds:
        changed = mutant.applied(world)
        if changed is not None:
            before = sides.setdefault(id(world), _Side(world))
            keys = [mutant.key] if mutant.key is not None else [*world.keys]
            comparison = _Comparison(before, _Side(changed))
            found = comparison.first(operations, keys)
            if found is not None:
                return Survivor(mutant, found)
            unsettled |= comparison.unsettled
    return Survivor(mutant, None, tuple(unsettled))


@dataclass
class _Side:
    """One of two worlds that are asked the same."""

    world: World
    state: State = field(init=False)
    service: Service = field(init=False)

    def __post_init__(self) -> None:
        store = MemoryStore(self.world.state)
        clock, entropy = FixedClock(self.world.clock), SeededEntropy(self.world.seed)
        self.service = Service(store, Gate(), clock, entropy, self.world.settings)
        self.service.settle()
        self.state = store.state

    def documents(self, call: Call, reply: Reply) -> list[Documents]:
        """Return what spoke about a call, a question after the other."""
        found = []
        for decision in reply.decisions:
            arn = decision.request.resource.arn
            key = self.state.key(arn) if arn is not None else None
            found.append(self.service.gate.documents(decision.request, key, call, self.state))
        return found

    def varying(self, call: Call, reply: Reply) -> Varying:
        """Return in what calls like this one can differ for these documents."""
        groups: list[tuple[Choice, ...]] = []
        unsettled: list[str] = []
        documents = self.documents(call, reply)
        for decision, each in zip(reply.decisions, documents, strict=True):
            found = varying(call, decision, each, self.state)
            groups += found.groups
            unsettled += found.unsettled
        return Varying(tuple(groups), tuple(unsettled))


class _Comparison:
    def __init__(self, before: _Side, after: _Side) -> None:
        self.before, self.after, self.world = before, after, before.world
        self.unsettled: dict[str, None] = {}
        facts = self.world.facts
        named = [*self.world.keys, *self.world.names.grants]
        parts = [f"{name}.{part}" for part in ("token", "id", "arn") for name in named]
        self.references = {str(facts[part]): f"${part}" for part in parts if part in facts}

    def first(self, operations: Sequence[str], keys: Sequence[str]) -> str | None:
        """Return the first step that tells the two worlds apart."""
        names: dict[Arn, str] = {}
        for name, arn in self.world.names.callers.items():
            names.setdefault(arn, name)
        for operation in operations:
            for key in keys if _is_on_key(operation) else keys[:1]:
                for name in names.values():
                    found = self._compared(operation, self.world.keys[key], name)
                    if found is not None:
                        return found
        return None

    def _compared(self, operation: str, key: Arn, name: str) -> str | None:
        state = self.before.state
        caller = self.world.caller(name, state.directory)
        if caller is None:
            return None
        for members in _requests(operation, key, state):
            plain = Call(caller, operation, members, key.region)
            replies = self.before.service.decide(plain), self.after.service.decide(plain)
            if _outcome(replies[0]) != _outcome(replies[1]):
                return self._step(name, plain, replies[0])
            if self._is_same(plain, replies):
                continue
            more = self._varying(plain, replies)
            self.unsettled |= dict.fromkeys(more.unsettled)
            if math.prod(len(group) + 1 for group in more.groups) > MAX_REQUESTS:
                self.unsettled[f"more than {MAX_REQUESTS:,} kinds of request"] = None
            for choices in itertools.islice(combinations(more), MAX_REQUESTS):
                call = with_choices(plain, choices)
                first = self.before.service.decide(call)
                if _outcome(first) != _outcome(self.after.service.decide(call)):
                    return self._step(name, call, first)
        return None

    def _is_same(self, plain: Call, replies: tuple[Reply, Reply]) -> bool:
        """Tell whether the same documents speak on both sides, whatever is varied."""
        before, after = self.before, self.after
        endpoints = before.state.directory.endpoints is after.state.directory.endpoints
        return endpoints and before.documents(plain, replies[0]) == after.documents(
            plain, replies[1]
        )

    def _varying(self, plain: Call, replies: tuple[Reply, Reply]) -> Varying:
        """Return what either side compares, each group of choices once."""
        sides = self.before.varying(plain, replies[0]), self.after.varying(plain, replies[1])
        groups: dict[str, dict[str, Choice]] = {}
        for group in (group for side in sides for group in side.groups if group):
            about_it = group[0].text.partition(" = ")[0]
            groups.setdefault(about_it, {}).update({choice.text: choice for choice in group})
        unsettled = tuple(name for side in sides for name in side.unsettled)
        return Varying(tuple(tuple(group.values()) for group in groups.values()), unsettled)

    # Steps

    def _step(self, name: str, call: Call, reply: Reply) -> str:
        """Return a call as a step that expects what it comes to in the world as written."""
        fields: dict[str, Any] = {"as": name, "decide": call.operation}
        if call.parameters:
            fields["with"] = call.parameters
        if call.facts:
            fields["context"] = call.facts
        if call.via:
            fields["via"] = call.via
        if call.endpoint:
            fields["endpoint"] = call.endpoint
        if call.region != self.world.region:
            fields["region"] = call.region
        return self._flow({**fields, "expect": _expectation(reply)})

    def _flow(self, value: Any) -> str:
        if isinstance(value, Mapping):
            return "{" + ", ".join(f"{_scalar(k)}: {self._flow(v)}" for k, v in value.items()) + "}"
        if isinstance(value, list | tuple):
            return "[" + ", ".join(map(self._flow, value)) + "]"
        if isinstance(value, bool):
            return str(value).lower()
        return _scalar(self.references.get(str(value), str(value)))


def _scalar(text: str) -> str:
    plain = _PLAIN.fullmatch(text) and text.lower() not in _NOT_TEXT
    return text if plain or text.isdecimal() else json.dumps(text, ensure_ascii=False)


def _is_on_key(operation: str) -> bool:
    return any(takes(operation, m) for m in ("KeyId", "SourceKeyId", "TargetKeyId", "AliasName"))


def _requests(operation: str, key: Arn, state: State) -> Iterator[dict[str, Any]]:
    """Yield the plainest requests of an operation about a key: one, or one for each grant."""
    members = about(operation, key, state)
    for name in ("ReplicaRegion", "PrimaryRegion"):
        if takes(operation, name):
            members[name] = "eu-central-1" if key.region != "eu-central-1" else "eu-west-1"
    if operation == "RetireGrant":
        yield from ({**members, "GrantId": grant} for grant in state.grants_of(str(key)).by_id)
    elif operation == "CreateKey":
        yield from (members, {**members, "Tags": [{"TagKey": "team", "TagValue": "any"}]})
    else:
        yield members


def _outcome(reply: Reply) -> str:
    """Return what a step can expect: allow, a kind of denial, or the code of an error."""
    error = reply.error
    if error is None:
        return "allow"
    if isinstance(error, AccessDenied) and reply.decisions:
        explicit = reply.decisions[-1].outcome is Outcome.EXPLICITLY_DENIED
        return "explicit deny" if explicit else "implicit deny"
    return error.code


def _expectation(reply: Reply) -> str | dict[str, str]:
    found = _outcome(reply)
    return found if " " in found or found == "allow" else {"error": found}
