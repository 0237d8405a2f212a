"""Scenario files, read: what can be wrong with one is found here, before a step runs.

Unknown fields, operations, members and names, tables that do not add up: all of it is reported
at once, each at its place.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from kms.settings import Settings
from kmsgate import yaml_reader
from kmsgate.scenario.fields import Complaints, FileError, Item
from kmsgate.scenario.model import Suite, Test
from kmsgate.scenario.steps import Steps, check_caller
from kmsgate.scenario.world import Sections, World, build
from policy.errors import PolicyError
from policy.tree import Array

SUFFIX = ".scenario.yaml"
WORLD_SUFFIX = ".world.yaml"
MAX_TESTS = 10_000
MAX_INCLUDES = 100
MAX_SETTING = 86_400
_FILE_FIELDS = ("version", "story", "rules", "include", "settings", "world", "blocks", "tests")
_WORLD_FIELDS = ("version", "include", "settings", "world", "blocks")
_TEST_FIELDS = ("name", "rules", "given", "as", "each", "only_if", "steps", "matrix")
_SETTINGS = ("seed", "profile", "grant_consistency_seconds", "deletion_extra_hours",
             "strict_principals", "enforce_quotas")  # fmt: skip
_PROFILES = {
    "default": Settings(),
    "course": Settings(),
    "realistic": Settings(grant_consistency_seconds=300),
}
_RULE = re.compile(r"(?:[A-HJ-NPQRUXZ]-[0-9]{1,3}|C-[0-9]{1,2}|(?:AUTH|CORE) [A-Z]-[0-9]{1,3})")


def load(path: str, text: bytes | None = None) -> Suite:
    """Return the suite of a file; raises FileError with everything that is wrong with it."""
    log = Complaints()
    loader = _Loader(log)
    suite = loader.suite(path, text)
    log.check()
    assert suite is not None  # noqa: S101 - without a complaint there is a suite
    return suite


@dataclass
class _Loaded:
    """One file and what its includes add to it."""

    sections: Sections
    settings: dict[str, Item]
    blocks: dict[str, Item]


class _Loader:
    def __init__(self, log: Complaints) -> None:
        self.log = log
        self.count = 0

    def suite(self, path: str, text: bytes | None) -> Suite | None:
        root = self._root(path, text, None)
        if root is None:
            return None
        fields = root.fields("a scenario file", _FILE_FIELDS)
        version = fields["version"].text("version") if "version" in fields else None
        if version != "1":
            root.complain("a scenario file needs 'version: 1'")
        story = fields["story"].text("story") if "story" in fields else ""
        rules = tuple(self._rules(fields.get("rules")))
        loaded = self._merged(fields, path, (path,))
        settings, seed, profile = self._settings(loaded.settings)
        base = build(loaded.sections, settings, seed, self.log, root)
        if "tests" not in fields:
            root.complain("a scenario file needs tests", f"a file of worlds ends in {WORLD_SUFFIX}")
            return None
        tests: list[Test] = []
        names: set[str] = set()
        for item in fields["tests"].items("tests"):
            for test in self._tests(item, loaded, base, settings, seed, profile):
                if test.name in names:
                    item.complain(f"two tests are called '{test.name}'")
                names.add(test.name)
                tests.append(test)
                if len(tests) > MAX_TESTS:
                    item.complain(f"more than {MAX_TESTS:,} tests in one file")
                    return None
        return Suite(path, root.source, story or "", rules, tuple(tests), profile)

    # Files

    def _root(self, path: str, data: bytes | None, used: Item | None) -> Item | None:
        try:
            source = yaml_reader.decode(data if data is not None else Path(path).read_bytes(), path)
            return Item(yaml_reader.read(source), source, self.log)
        except OSError as error:
            if used is None:
                raise FileError([]) from error
            used.complain(f"cannot read '{path}': {error.strerror}")
        except PolicyError as error:
            for problem in error.problems:
                self.log.note(
                    error.source, problem.span, problem.message, problem.help, problem.notes
                )
        return None

    def _merged(self, fields: Mapping[str, Item], path: str, stack: tuple[str, ...]) -> _Loaded:
        """Return the file's own sections on top of those that it includes."""
        merged = _Loaded(Sections(), {}, {})
        for item in fields["include"].items("include") if "include" in fields else ():
            included = self._included(item, path, stack)
            if included is not None:
                merged = self._laid_over(merged, included)
        own = _Loaded(
            Sections.read(fields["world"]) if "world" in fields else Sections(),
            fields["settings"].fields("the settings", _SETTINGS) if "settings" in fields else {},
            fields["blocks"].fields("blocks") if "blocks" in fields else {},
        )
        return self._laid_over(merged, own)

    def _included(self, item: Item, path: str, stack: tuple[str, ...]) -> _Loaded | None:
        text = item.text("a file")
        if text is None:
            return None
        name = str(Path(path).parent / text)
        self.count += 1
        if name in stack:
            item.complain(f"'{text}' includes itself: {' -> '.join([*stack, name])}")
            return None
        if self.count > MAX_INCLUDES:
            item.complain(f"more than {MAX_INCLUDES} files are included")
            return None
        root = self._root(name, None, item)
        if root is None:
            return None
        return self._merged(root.fields("a world file", _WORLD_FIELDS), name, (*stack, name))

    def _laid_over(self, under: _Loaded, over: _Loaded) -> _Loaded:
        for name, item in over.blocks.items():
            if name in under.blocks:
                item.complain_name(f"block '{name}' is defined twice")
        return _Loaded(
            under.sections.under(over.sections, twice_is_wrong=True),
            {**under.settings, **over.settings},
            {**under.blocks, **over.blocks},
        )

    def _settings(self, items: Mapping[str, Item]) -> tuple[Settings, int, str]:
        profile = "default"
        if "profile" in items:
            profile = items["profile"].choice("a profile", tuple(_PROFILES)) or profile
        seed = items["seed"].integer("the seed") if "seed" in items else 1
        settings = _PROFILES[profile]
        number, flag = self._number, self._flag
        settings = replace(
            settings,
            grant_consistency_seconds=number(
                items.get("grant_consistency_seconds"), settings.grant_consistency_seconds
            ),
            deletion_extra_hours=number(
                items.get("deletion_extra_hours"), settings.deletion_extra_hours
            ),
            strict_principals=flag(items.get("strict_principals"), settings.strict_principals),
            enforce_quotas=flag(items.get("enforce_quotas"), settings.enforce_quotas),
        )
        return settings, seed or 0, profile

    def _number(self, item: Item | None, default: int) -> int:
        number = item.integer("the setting") if item is not None else None
        if item is None or number is None:
            return default
        if not 0 <= number <= MAX_SETTING:
            item.complain(f"the setting must be between 0 and {MAX_SETTING:,}")
        return number

    def _flag(self, item: Item | None, default: bool) -> bool:
        flag = item.boolean("the setting") if item is not None else None
        return default if flag is None else flag

    def _rules(self, item: Item | None) -> Iterator[str]:
        for entry in item.items("rules") if item is not None else ():
            text = entry.text("a rule")
            if text is not None and not _RULE.fullmatch(text):
                entry.complain(f"'{text}' is not the number of a rule", "write L-33, K-65 or C-22")
            elif text is not None:
                yield text

    # Tests

    def _tests(
        self, item: Item, loaded: _Loaded, base: World | None, settings: Settings, seed: int,
        profile: str,
    ) -> Iterator[Test]:  # fmt: skip
        fields = item.fields("a test", _TEST_FIELDS)
        name = fields["name"].text("name") if "name" in fields else None
        if name is None:
            item.complain("a test needs a name")
            return
        list(self._rules(fields.get("rules")))
        world = base
        if "given" in fields:
            sections = loaded.sections.under(Sections.read(fields["given"]))
            world = build(sections, settings, seed, self.log, item)
        if world is None:
            return
        if ("steps" in fields) == ("matrix" in fields):
            item.complain("a test needs either steps or a matrix")
            return
        default = fields["as"].text("as") if "as" in fields else None
        if default is not None and not default.startswith("$"):
            check_caller(fields["as"], default, world)
        for bindings in self._each(fields.get("each")):
            if not self._wanted(fields.get("only_if"), bindings, profile):
                continue
            shown = ", ".join(f"{key}={value}" for key, value in bindings.items())
            steps = Steps(world, loaded.blocks, default, set(bindings))
            if "steps" in fields:
                made = tuple(steps.read(fields["steps"]))
            else:
                made = tuple(steps.matrix(fields["matrix"]))
            yield Test(f"{name} [{shown}]" if shown else name, item, world, made, bindings)

    def _each(self, item: Item | None) -> Iterator[dict[str, str]]:
        """Yield every combination of the named values."""
        if item is None:
            yield {}
            return
        lists = {
            name: [entry.text(name) or "" for entry in values_.items(name)]
            for name, values_ in item.fields("each").items()
        }
        for chosen in itertools.product(*lists.values()):
            yield dict(zip(lists, chosen, strict=True))

    def _wanted(self, item: Item | None, bindings: Mapping[str, str], profile: str) -> bool:
        if item is None:
            return True
        known = {**bindings, "profile": profile}
        for name, wanted in item.fields("only_if", tuple(known)).items():
            accepted = (
                [entry.text(name) for entry in wanted.items(name)]
                if isinstance(wanted.node, Array)
                else [wanted.text(name)]
            )
            if known[name] not in accepted:
                return False
        return True
