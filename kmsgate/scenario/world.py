"""The `world` of a scenario: accounts, identities, keys, grants and alarms, from text to state.

Sections of several files, and of a test's `given`, are laid over each other by name; the result
is built in one go, and every mistake in it is reported at its place.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from kms.alarms import AlarmRule
from kms.directory import ANONYMOUS, Directory, service_principal
from kms.runtime import SeededEntropy
from kms.settings import Settings
from kms.state import State
from kmsgate.scenario import values
from kmsgate.scenario.alarms import read_alarms
from kmsgate.scenario.fields import Complaints, Item, listed, meant, short
from kmsgate.scenario.names import Names, region_of
from kmsgate.scenario.people import People
from kmsgate.scenario.policies import Policies
from kmsgate.scenario.things import Things
from policy import Arn, Principal

NAMED = (
    "accounts", "policies", "groups", "users", "roles", "sessions", "endpoints", "keys", "alarms",
)  # fmt: skip
SECTIONS = ("clock", "region", "grants", *NAMED)
DEFAULT_REGION = "us-east-1"
DEFAULT_CLOCK = dt.datetime(2026, 1, 5, 9, 0, tzinfo=dt.UTC)


@dataclass(frozen=True)
class Sections:
    """What one or more files say of a world: the last word on every name, and all grants."""

    single: Mapping[str, Item] = field(default_factory=dict)
    named: Mapping[str, Mapping[str, Item]] = field(default_factory=dict)
    grants: tuple[Item, ...] = ()

    @classmethod
    def read(cls, item: Item) -> Sections:
        """Return the sections of one `world`."""
        found = item.fields("the world", SECTIONS)
        return cls(
            {name: found[name] for name in ("clock", "region") if name in found},
            {name: found[name].fields(name) for name in NAMED if name in found},
            tuple(found.entries("grants")),
        )

    def under(self, other: Sections, *, twice_is_wrong: bool = False) -> Sections:
        """Return these sections with others laid over them.

        With `twice_is_wrong` a name that both define is complained about.
        """
        named: dict[str, dict[str, Item]] = {name: dict(e) for name, e in self.named.items()}
        for section, entries in other.named.items():
            mine = named.setdefault(section, {})
            for name, item in entries.items():
                if twice_is_wrong and name in mine:
                    first = mine[name].far_note("first here")
                    item.complain_name(f"'{short(name)}' is defined twice", notes=(first,))
                mine[name] = item
        return Sections({**self.single, **other.single}, named, self.grants + other.grants)

    def section(self, name: str) -> dict[str, Item]:
        """Return the entries of a section by name."""
        return dict(self.named.get(name, {}))


@dataclass(frozen=True)
class World:
    """A built world: the state to start from, and what the short names stand for.

    `facts` are what `$name`s stand for; `policies` and `people` read what a test changes later.
    """

    state: State
    clock: dt.datetime
    region: str
    names: Names
    policies: Policies
    people: People
    settings: Settings
    seed: int
    alarms: Mapping[str, AlarmRule]

    @property
    def arns(self) -> Mapping[str, Arn]:
        """The ARNs of accounts, identities and keys by their short names."""
        return self.names.arns

    @property
    def keys(self) -> Mapping[str, Arn]:
        """The ARNs of the keys."""
        return self.names.keys

    @property
    def facts(self) -> Mapping[str, object]:
        """What `$name`s stand for before anything is saved."""
        return self.names.facts

    @property
    def first_account(self) -> str:
        """The id of the account that short names without a prefix belong to."""
        return self.names.accounts[self.names.first_account]

    @property
    def identities(self) -> Collection[str]:
        """The short names of callers, without those that have a prefix."""
        return [name for name in self.names.callers if "/" not in name]

    def caller(self, name: str, directory: Directory) -> Principal | None:
        """Return the caller of a short name, an ARN, `service:…` or `anonymous`; else None."""
        if name == "anonymous":
            return ANONYMOUS
        if name.startswith("service:") and len(name) > len("service:"):
            return service_principal(name.removeprefix("service:"))
        arn = Arn.parse(name) if name.startswith("arn:") else self.names.callers.get(name)
        return directory.principal(arn) if arn is not None else None

    def unknown_caller(self, name: str) -> tuple[str, str | None]:
        """Return what to say about a name that is no caller, and whom it may have meant."""
        known = self.names.callers
        message = f"no identity '{short(name)}'; known: {listed(self.identities)}"
        return message, meant(name, known)


def check_caller(item: Item, world: World) -> None:
    """Complain about a name that is no caller of a world."""
    name = item.text("a caller")
    if name is not None and world.caller(name, world.state.directory) is None:
        message, help = world.unknown_caller(name)
        item.complain(message, help)


def build(
    sections: Sections, settings: Settings, seed: int, log: Complaints, anchor: Item
) -> World:
    """Return the world that the sections describe.

    What is wrong with it is complained about; names that are in use stand for something even
    then, so that one mistake is not told again at each of them. `anchor` is where a complaint
    points that belongs to no single place.
    """
    clock = _clock(sections.single.get("clock"))
    region = region_of(sections.single.get("region")) or DEFAULT_REGION
    entropy = SeededEntropy(seed)
    names = _names(sections, region, entropy, anchor)
    policies = Policies(sections.section("policies"), names.facts, log)
    people = People(names, policies)
    directory = people.directory(sections.section("groups"), sections.section("endpoints"))
    state = State(directory=directory)
    things = Things(names, policies, settings, entropy, clock)
    for entry in names.of("keys").values():
        state = things.with_key(state, entry)
    for item in sections.grants:
        state = things.with_grant(state, item)
    policies.check_unused()
    alarms = read_alarms(sections.section("alarms"), names)
    return World(state, clock, region, names, policies, people, settings, seed, alarms)


def _clock(item: Item | None) -> dt.datetime:
    text = item.text("clock") if item is not None else None
    if item is None or text is None:
        return DEFAULT_CLOCK
    at = values.read_time(text)
    if at is None:
        item.complain(f"'{short(text)}' {values.NOT_A_TIME}")
    return at or DEFAULT_CLOCK


def _names(sections: Sections, region: str, entropy: SeededEntropy, anchor: Item) -> Names:
    names = Names()
    for name, item in sections.section("accounts").items():
        names.add_account(name, item)
    if not names.accounts:
        anchor.complain("the world has no accounts", 'write accounts: {main: "111122223333"}')
        names.accounts["main"] = "111122223333"
    for kind in ("user", "role"):
        for name, item in sections.section(f"{kind}s").items():
            names.add_identity(kind, name, item)
    for name, item in sections.section("sessions").items():
        names.add_session(name, item)
    for name, item in sections.section("keys").items():
        names.add_key(name, item, region, entropy)
    return names
