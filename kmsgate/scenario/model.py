"""What a scenario file says, once it is read: suites, tests and steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kms.trail import Query
from kmsgate.scenario.fields import Item
from kmsgate.scenario.world import World
from policy import Level, Policy
from policy.source import Source, Span


@dataclass(frozen=True)
class Expectation:
    """What a call or decision must come to. Fields that are None were not said.

    `allow` with `paths` names the paths of the last checks in order; `deny` is any, explicit or
    implicit; `by` are names that must all be among what decided.
    """

    allow: bool = False
    paths: tuple[str, ...] = ()
    deny: str | None = None
    layer: str | None = None
    by: tuple[Item, ...] = ()
    because: str | None = None
    error: str | None = None
    message: str | None = None
    output: Item | None = None
    event: Item | None = None
    item: Item | None = None


@dataclass(frozen=True)
class Step:
    """Something that happens; `item` is where it stands in the file."""

    item: Item


@dataclass(frozen=True, kw_only=True)
class CallStep(Step):
    """A call that is made, or with `only_decide` a decision that is asked for.

    `facts` are condition keys; `save` maps names of values to members of the output.
    """

    operation: str
    only_decide: bool
    caller: Item
    expect: Expectation
    parameters: Item | None = None
    facts: Mapping[str, Item] = field(default_factory=dict)
    via: Item | None = None
    endpoint: Item | None = None
    region: Item | None = None
    dry_run: bool = False
    save: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Cell(CallStep):
    """One cell of a matrix: a decision with its row, column and place."""

    key: str
    title: str
    head: Span
    place: Span


@dataclass(frozen=True)
class AdvanceStep(Step):
    """The clock moves on by a span of time, or to a moment."""

    amount: Item | None = None
    until: Item | None = None


@dataclass(frozen=True, kw_only=True)
class ChangeStep(Step):
    """The world is edited from outside: `subject` is a key, an identity and so on, by its name.

    What `fields` say of policies has been read: lists of them and levels of an organization.
    """

    subject: str
    name: str
    fields: Mapping[str, Item]
    policies: tuple[Policy, ...] = ()
    boundary: Policy | None = None
    levels: Mapping[str, Level] = field(default_factory=dict)


@dataclass(frozen=True)
class LookStep(Step):
    """A key, alias, grant, alarm, value or some events are compared with a pattern.

    `query` says which events.
    """

    subject: str
    named: Item
    fields: Mapping[str, Item]
    query: Query | None = None


RELATIONS = ("exactly", "at_least", "at_most")
"""How the callers that a test names are to compare with those who can."""


@dataclass(frozen=True, kw_only=True)
class WhoCanStep(Step):
    """All who can do something on a key are compared with a list: `relation` is of RELATIONS."""

    action: str
    key: str
    relation: str
    named: Item
    callers: tuple[Item, ...]


@dataclass(frozen=True, kw_only=True)
class WorkStep(Step):
    """A client works by itself, outside the service (see `kmsgate.scenario.work`).

    `form` is the member that tells one way to do it from the others. `error` is the code of a
    failure that must happen, `output` a pattern; `save` maps names of values to what it gives.
    """

    work: str
    form: str
    given: Mapping[str, Item]
    error: str | None = None
    output: Item | None = None
    save: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Test:
    """One test: a fresh copy of a world, and the steps to take in it."""

    __test__ = False  # not for pytest to collect

    name: str
    item: Item
    world: World
    steps: tuple[Step, ...]
    bindings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Suite:
    """One scenario file, with its tests in order; those that `only_if` leaves out are not there."""

    path: str
    source: Source
    story: str
    rules: tuple[str, ...]
    tests: tuple[Test, ...]
    profile: str
