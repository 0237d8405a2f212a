"""Who may do something: each caller of a world, over all requests that he could make now.

A caller can if one request of his is allowed, and cannot if all are denied that differ for the
policies in force. Requests are tried from the plainest on, so that what is shown with a yes is as
little as it takes. Where not all can be tried, the answer is that it is not settled.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from kms.gate import Gate
from kms.operation import Call
from kms.questions import QUESTIONS
from kms.runtime import Clock, Entropy
from kms.service import Service
from kms.shapes import takes
from kms.state import State
from kms.store import MemoryStore
from kmsgate.scenario.varying import Choice, Varying, varying, with_choices
from kmsgate.scenario.world import World
from policy import Arn, Decision
from policy.vocabulary import ACTIONS, ResourceKind

MAX_REQUESTS = 20_000
"""So many requests are tried for one caller."""

_KEY_MEMBERS = ("KeyId", "SourceKeyId", "DestinationKeyId", "TargetKeyId")


def _operations() -> dict[str, str]:
    """Return the actions that an operation asks first, and once, on a key that it names."""
    found = {}
    for operation, questions in QUESTIONS.items():
        first, rest = questions[0].action, [question.action for question in questions[1:]]
        on_key = ACTIONS[first.lower()].resource is ResourceKind.KEY
        if on_key and first not in rest and any(takes(operation, m) for m in _KEY_MEMBERS):
            found[first] = operation
    del found["kms:RetireGrant"]  # who may retire a grant is a matter of that grant
    return found


OPERATIONS: Mapping[str, str] = _operations()
"""The actions of which it can be asked who can, each with an operation that asks it."""


def about(operation: str, key: Arn, state: State) -> dict[str, Any]:
    """Return the members with which a request names a key, and an alias where it takes one."""
    members: dict[str, Any] = {m: str(key) for m in _KEY_MEMBERS if takes(operation, m)}
    if takes(operation, "AliasName"):
        aliases = state.key_aliases.get(str(key), ())
        members["AliasName"] = next(iter(aliases), "alias/matrix")
    return members


@dataclass(frozen=True, slots=True)
class Reach:
    """What one caller can do, under the shortest of the names that he has in the world.

    `decision` is that of the plainest request that is allowed, `choices` what it must have
    beyond the plainest of all. Without a decision he cannot, unless `unsettled` says what
    could not be tried to the end.
    """

    name: str
    arn: Arn
    decision: Decision | None
    choices: tuple[Choice, ...] = ()
    unsettled: tuple[str, ...] = ()
    requests: int = field(default=0, compare=False)

    @property
    def can(self) -> bool:
        """Whether some request of this caller is allowed."""
        return self.decision is not None


def who_can(
    action: str, key: Arn, world: World, state: State, clock: Clock, entropy: Entropy
) -> Iterator[Reach]:
    """Yield what each caller of a world can do on a key in a state: root, users, sessions.

    Callers that have been deleted cannot do anything. `action` is one of OPERATIONS.
    """
    store = MemoryStore(state)
    service = Service(store, Gate(), clock, entropy, world.settings)
    service.settle()
    names: dict[Arn, str] = {}
    for name, arn in world.names.callers.items():
        names.setdefault(arn, name)
    for arn, name in names.items():
        yield _Search(service, store.state, action, key, world).reach(name, arn)


class _Search:
    def __init__(self, service: Service, state: State, action: str, key: Arn, world: World) -> None:
        self.service, self.state, self.world = service, state, world
        self.action, self.key = action, key
        self.requests = 0

    def reach(self, name: str, arn: Arn) -> Reach:
        """Return what one caller can do."""
        operation, state = OPERATIONS[self.action], self.state
        caller = self.world.caller(name, state.directory)
        if caller is None:
            return Reach(name, arn, None)
        plain = Call(caller, operation, about(operation, self.key, state), self.key.region)
        asked = self._decision(plain)
        if asked is None:
            return Reach(name, arn, None, (), (f"{operation} on this key",), self.requests)
        if asked.allowed:
            return Reach(name, arn, asked, (), (), self.requests)
        documents = self.service.gate.documents(asked.request, state.key(self.key), plain, state)
        more = varying(plain, asked, documents, state)
        size = 1
        for group in more.groups:
            size *= len(group) + 1
        unsettled = more.unsettled
        if size > MAX_REQUESTS:
            unsettled = (*unsettled, f"more than {MAX_REQUESTS:,} kinds of request")
        for choices in itertools.islice(combinations(more), MAX_REQUESTS):
            decision = self._decision(with_choices(plain, choices))
            if decision is not None and decision.allowed:
                return Reach(name, arn, decision, choices, (), self.requests)
        return Reach(name, arn, None, (), unsettled, self.requests)

    def _decision(self, call: Call) -> Decision | None:
        """Return the first decision about the action; None if the call does not get so far."""
        self.requests += 1
        decisions = self.service.decide(call).decisions
        return next((each for each in decisions if each.request.action == self.action), None)


def combinations(more: Varying) -> Iterator[tuple[Choice, ...]]:
    """Yield all combinations, those of few choices first."""
    for size in range(1, len(more.groups) + 1):
        for groups in itertools.combinations(more.groups, size):
            yield from itertools.product(*groups)


def told(choices: Iterable[Choice]) -> str:
    """Say in words what a request has beyond the plainest one."""
    return ", ".join(choice.text for choice in choices)
