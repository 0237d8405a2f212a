"""Scenario files, read: what can be wrong with one is found here, before a step runs.

Unknown fields, operations, members and names, tables that do not add up: all of it is reported
at once, each at its place.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from kms.settings import Settings
from kms.shapes import limits
from kmsgate import yaml_reader
from kmsgate.account_details import AccountFiles
from kmsgate.scenario import values
from kmsgate.scenario.fields import (
    Complaints,
    Fields,
    Item,
    UnreadableError,
    read_file,
    short,
)
from kmsgate.scenario.model import Suite, Test
from kmsgate.scenario.steps import Steps
from kmsgate.scenario.world import Sections, World, build
from policy.errors import PolicyError
from policy.source import Source, Span
from policy.tree import Object, String, kind_name

SUFFIX = ".scenario.yaml"
WORLD_SUFFIX = ".world.yaml"
MAX_TESTS = 10_000
MAX_INCLUDES = 100
WORLD_FIELDS = ("version", "include", "settings", "world", "blocks")
FILE_FIELDS = (*WORLD_FIELDS, "story", "rules", "tests")
TEST_FIELDS = ("name", "rules", "given", "as", "each", "only_if", "steps", "matrix")
MAX_SETTING = 86_400
_PERIOD = limits("EnableKeyRotation", "RotationPeriodInDays")
NUMBER_SETTINGS = {
    "grant_consistency_seconds": (0, MAX_SETTING),
    "deletion_extra_hours": (0, MAX_SETTING),
    "transition_seconds": (0, MAX_SETTING),
    "default_rotation_days": _PERIOD,
    "aws_managed_rotation_days": _PERIOD,
    "on_demand_rotation_limit": (0, MAX_SETTING),
}
FLAG_SETTINGS = ("strict_principals", "enforce_quotas")
SETTINGS = ("seed", "profile", *NUMBER_SETTINGS, *FLAG_SETTINGS)
DEFAULT_PROFILE = "default"
PROFILES = {
    DEFAULT_PROFILE: Settings(),
    "course": Settings(aws_managed_rotation_days=1095),  # CORE K-126
    "realistic": Settings(grant_consistency_seconds=300),
}
_RULE = re.compile(r"(?:[A-HJ-NPQRUXZ]-[0-9]{1,3}|C-[0-9]{1,2}|(?:AUTH|CORE) [A-Z]-[0-9]{1,3})")


def load(path: str, text: bytes | None = None) -> Suite:
    """Return the suite of a file; raises FileError with everything that is wrong with it."""
    log = Complaints()
    suite = _Loader(log).suite(path, text)
    log.check()
    assert suite is not None  # noqa: S101 - without a complaint there is a suite
    return suite


def load_world(path: str) -> World:
    """Return the world that a file describes; raises FileError as `load` does."""
    log = Complaints()
    world = _Loader(log).world(path)
    log.check()
    assert world is not None  # noqa: S101 - without a complaint there is a world
    return world


@dataclass
class _Loaded:
    """One file and what its includes add to it."""

    sections: Sections = field(default_factory=Sections)
    settings: Fields = field(default_factory=Fields)
    blocks: Fields = field(default_factory=Fields)

    def under(self, over: _Loaded) -> _Loaded:
        """Return this with another file laid over it; no name may be defined by both."""
        for name, item in over.blocks.items():
            if name in self.blocks:
                first = self.blocks[name].far_note("first here")
                item.complain_name(f"'{short(name)}' is defined twice", notes=(first,))
        return _Loaded(
            self.sections.under(over.sections, twice_is_wrong=True),
            Fields({**self.settings, **over.settings}),
            Fields({**self.blocks, **over.blocks}),
        )


@dataclass(frozen=True)
class _Base:
    """What all tests of a file share."""

    loaded: _Loaded
    settings: Settings
    seed: int
    profile: str
    world: World


class _Loader:
    def __init__(self, log: Complaints) -> None:
        self.log = log
        self.account_files = AccountFiles()
        self.included: set[Path] = set()
        self.ran: set[str] = set()

    def suite(self, path: str, data: bytes | None) -> Suite | None:
        root = self._root(path, data)
        if root is None:
            return None
        fields = root.fields("a scenario file", FILE_FIELDS)
        _check_version(root, fields)
        story = fields.text("story") or ""
        rules = tuple(_rules(fields))
        base = self._base(root, fields, path)
        tests = tuple(self._tests(fields, base))
        self._check_blocks(root, base)
        if "tests" not in fields:
            root.complain("a scenario file needs tests", f"a file of worlds ends in {WORLD_SUFFIX}")
        return Suite(path, root.source, story, rules, tests, base.profile)

    def world(self, path: str) -> World | None:
        root = self._root(path, None)
        if root is None:
            return None
        fields = root.fields("a world file", WORLD_FIELDS)
        return self._base(root, fields, path).world

    def _base(self, root: Item, fields: Fields, path: str) -> _Base:
        self.included.add(_real(path))
        loaded = self._merged(fields, path, (path,))
        settings, seed, profile = _settings(loaded.settings)
        world = build(loaded.sections, settings, seed, self.log, root, self.account_files)
        return _Base(loaded, settings, seed, profile, world)

    # Files

    def _root(self, path: str, data: bytes | None, used: Item | None = None) -> Item | None:
        try:
            source = yaml_reader.decode(data if data is not None else read_file(path), path)
            root = Item(yaml_reader.read(source), source, self.log)
            if isinstance(root.node, Object):
                return root
            root.complain(f"the file must hold an object, not {kind_name(root.node)}")
        except UnreadableError as error:
            if used is None:
                self.log.note(Source(path, ""), Span(0, 0), f"cannot read this file: {error}")
            else:
                used.complain(f"cannot read '{short(path)}': {error}")
        except PolicyError as error:
            self.log.note_all(error)
        return None

    def _merged(self, fields: Fields, path: str, stack: tuple[str, ...]) -> _Loaded:
        """Return the file's own sections on top of those that it includes."""
        merged = _Loaded()
        for item in fields.entries("include"):
            included = self._included(item, stack)
            if included is not None:
                merged = merged.under(included)
        own = _Loaded(
            Sections.read(fields["world"]) if "world" in fields else Sections(),
            fields["settings"].fields("the settings", SETTINGS)
            if "settings" in fields
            else Fields(),
            fields["blocks"].fields("blocks") if "blocks" in fields else Fields(),
        )
        return merged.under(own)

    def _included(self, item: Item, stack: tuple[str, ...]) -> _Loaded | None:
        """Return what a file adds; nothing if it has been included before."""
        text = item.text("a file")
        if text is None:
            return None
        path = item.beside(text)
        real = _real(path)
        if real in map(_real, stack):
            way = " -> ".join([*stack, path])
            item.complain(f"'{short(text)}' includes itself: {way}")
            return None
        if real in self.included:
            return None
        if len(self.included) > MAX_INCLUDES:
            item.complain(f"more than {MAX_INCLUDES} files are included")
            return None
        self.included.add(real)
        root = self._root(path, None, item)
        if root is None:
            return None
        fields = root.fields("a world file", WORLD_FIELDS)
        if "version" in fields:
            _check_version(root, fields)
        return self._merged(fields, path, (*stack, path))

    # Tests

    def _tests(self, fields: Fields, base: _Base) -> Iterator[Test]:
        names: set[str] = set()
        count = 0
        for item in fields.entries("tests"):
            for test in self._variants(item, base):
                count += 1
                if count > MAX_TESTS:
                    item.complain(f"more than {MAX_TESTS:,} tests in one file")
                    return
                if test.name in names and test.name:
                    item.complain(f"two tests are called '{short(test.name)}'")
                names.add(test.name)
                yield test
        if "tests" in fields:
            fields["tests"].check_filled("tests")

    def _variants(self, item: Item, base: _Base) -> Iterator[Test]:
        """Yield a test for each combination of the values of `each`."""
        fields = item.fields("a test", TEST_FIELDS)
        name = fields.text("name")
        if "name" not in fields:
            item.complain("a test needs a name")
        list(_rules(fields))
        world = base.world
        if "given" in fields:
            sections = base.loaded.sections.under(Sections.read(fields["given"]))
            world = build(sections, base.settings, base.seed, self.log, item, self.account_files)
        if ("steps" in fields) == ("matrix" in fields):
            item.complain("a test needs either steps or a matrix")
        if "steps" in fields:
            fields["steps"].check_filled("steps")
        for bindings in _each(fields):
            if not _wanted(fields, {**bindings, "profile": base.profile}):
                continue
            reader = Steps(world, base.loaded.blocks, fields.get("as"), bindings)
            steps = reader.of_test(fields)
            self.ran |= reader.ran
            shown = ", ".join(f"{key}={value}" for key, value in bindings.items())
            full_name = f"{name} [{shown}]" if shown else name or ""
            yield Test(full_name, item, world, steps, bindings)

    def _check_blocks(self, root: Item, base: _Base) -> None:
        """Check the blocks of this file that no test has run."""
        anybody = Item(String("anonymous", root.span), root.source, self.log)
        reader = Steps(base.world, base.loaded.blocks, anybody, {})
        reader.ran |= self.ran
        for name, item in base.loaded.blocks.items():
            if item.source is root.source:
                reader.check_block(name)


def _real(path: str) -> Path:
    """Return a path by which a file is known, however it is spelled."""
    try:
        return Path(path).resolve()
    except (OSError, RuntimeError, ValueError):  # a loop of links, or no name of a file
        return Path(path)


def _check_version(root: Item, fields: Fields) -> None:
    version = fields.text("version")
    if "version" not in fields:
        root.complain("a scenario file needs 'version: 1'")
    elif version not in (None, "1"):
        fields["version"].complain(f"version {short(version or '')} is not known; write 1")


def _settings(items: Fields) -> tuple[Settings, int, str]:
    """Return the settings of the core, the seed and the name of the profile."""
    profile = items.choice("profile", tuple(PROFILES)) or DEFAULT_PROFILE
    changed: dict[str, int | bool] = {}
    for name, (least, most) in NUMBER_SETTINGS.items():
        number = items.integer(name)
        if number is not None and not least <= number <= most:
            items[name].complain(f"{name} must be between {least:,} and {most:,}")
        elif number is not None:
            changed[name] = number
    for name in FLAG_SETTINGS:
        if name in items:
            changed[name] = items.flag(name)
    seed = items.integer("seed")
    settings: Settings = replace(PROFILES[profile], **changed)  # type: ignore[arg-type]
    return settings, 1 if seed is None else seed, profile


def _rules(fields: Fields) -> Iterator[str]:
    for entry in fields.entries("rules"):
        text = entry.text("a rule")
        if text is not None and not _RULE.fullmatch(text):
            entry.complain(
                f"'{short(text)}' is not the number of a rule", "write L-33, K-65 or C-22"
            )
        elif text is not None:
            yield text


def _each(fields: Fields) -> Iterator[dict[str, str]]:
    """Yield every combination of the named values."""
    if "each" not in fields:
        yield {}
        return
    lists: dict[str, list[str]] = {}
    for name, item in fields["each"].fields("each").items():
        if not values.is_name(name):
            item.complain_name(f"'{short(name)}' cannot be the name of a value", "as in $days")
        found = [entry.text(name) for entry in item.items(name)]
        lists[name] = [text for text in found if text is not None]
        item.check_filled("values")
    if math.prod(map(len, lists.values())) > MAX_TESTS:
        fields["each"].complain(f"more than {MAX_TESTS:,} tests in one file")
        return
    for chosen in itertools.product(*lists.values()):
        yield dict(zip(lists, chosen, strict=True))


def _wanted(fields: Fields, known: Mapping[str, str]) -> bool:
    """Tell whether a test is to be run with these values."""
    wanted = fields["only_if"].fields("only_if", tuple(known)) if "only_if" in fields else {}
    return all(
        known[name] in [entry.text(name) for entry in item.one_or_more(name)]
        for name, item in wanted.items()
    )
