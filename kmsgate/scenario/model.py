"""What a scenario file says, once it is read: suites, tests and steps."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

from kmsgate.scenario.fields import Item
from kmsgate.scenario.world import World
from policy.source import Source, Span


@dataclass(frozen=True)
class Expectation:
    """What a call or decision must come to. Fields that are None were not said.

    `allow` is True, or the paths of the checks in order; `deny` is any, explicit or implicit.
    """

    allow: bool = False
    paths: tuple[str, ...] = ()
    deny: str | None = None
    layer: str | None = None
    by: Item | None = None
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


@dataclass(frozen=True)
class CallStep(Step):
    """A call that is made, or with `only_decide` a decision that is asked for."""

    operation: str
    only_decide: bool
    caller: str
    parameters: Item | None
    facts: Mapping[str, Item]
    via: str | None
    endpoint: str | None
    region: str | None
    dry_run: bool
    expect: Expectation
    save: Mapping[str, str]


@dataclass(frozen=True)
class AdvanceStep(Step):
    """The clock moves on by a span of time, or to a moment."""

    amount: Item | None
    until: dt.datetime | None


@dataclass(frozen=True)
class ChangeStep(Step):
    """The world is edited from outside."""

    fields: Mapping[str, Item]


@dataclass(frozen=True)
class LookStep(Step):
    """A key, alias, grant or event is compared with a pattern."""

    fields: Mapping[str, Item]


@dataclass(frozen=True)
class TamperStep(Step):
    """A client changes one bit of a saved value."""

    value: Item
    save: Mapping[str, str]


@dataclass(frozen=True)
class Cell(CallStep):
    """One cell of a matrix: a decision with its row, column and place."""

    key: str
    title: str
    head: Span
    place: Span


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
    """One scenario file. `skipped` are the tests that `only_if` left out."""

    path: str
    source: Source
    story: str
    rules: tuple[str, ...]
    tests: tuple[Test, ...]
    profile: str
