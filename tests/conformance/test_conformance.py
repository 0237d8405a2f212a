"""Every case below this folder, through the runner that users have.

A case is one test of a scenario file. Its name begins with the number of the rule or worked
example that it shows, and `rules` lists all that it rests on. Nothing in a case knows this
project's code: whoever implements `decide` once more adds a line to EVALUATORS, and is held to
the same cases.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import pytest

from kmsgate import yaml_reader
from kmsgate.scenario.fields import FileError
from kmsgate.scenario.files import SUFFIX, load
from kmsgate.scenario.model import Suite, Test
from kmsgate.scenario.run import Failure, path_of, run
from policy import Decision, Documents, Request, authorization, reference
from policy.tree import Array, Node, Object, String

Decide: TypeAlias = Callable[[Request, Documents], Decision]


EVALUATORS: dict[str, Decide] = {"reference": reference.decide, "compiled": authorization.decide}

EXPECTED_FAILURES: dict[str, str] = {}
"""Cases that fail for now, and why."""

NUMBERS = {
    "A": "1-15",
    "B": "1-14",
    "C": "1-7",
    "D": "1-11",
    "E": "1-27",
    "F": "1-17",
    "G": "1-18",
    "H": "1-8",
    "J": "1-3 10-25 27-28 30-41 50-56 60-103 110-111",
    "K": "1-55 60-73 80-84",
    "L": "1-18 20-22 30-42 50-57",
    "M": "1-22",
    "N": "1-10 12-18 20-22 24-35 50-56 60",
    "P": "1-16 20-25",
    "Q": "1-8",
    "R": "1-20",
    "U": "1-45",
    "X": "1-170",
    "Z": "1-4",
}
"""The numbers that the specification has, chapter by chapter; some leave gaps."""

COVERED = "BCDEFGHL"
"""The chapters of which each rule has a case: documents and all they consist of, and decisions."""

WITHOUT_CASE = {
    "E-23": "a world always knows its identities",
    "L-18": "a session does not say from which other session it came",
    "L-39": "a world does not say which Regions an account has switched on",
    "L-53": "such sessions are refused as a configuration, not denied",
}
"""Rules of those chapters that no case shows, and why."""


def numbers(chapter: str) -> Iterator[str]:
    """Yield the rules of a chapter: `B-1`, `B-2`, …"""
    for part in NUMBERS[chapter].split():
        first, _, last = part.partition("-")
        yield from (f"{chapter}-{n}" for n in range(int(first), int(last or first) + 1))


# The cases as they are written

FOLDER = Path(__file__).parent
FILES = {path.relative_to(FOLDER).as_posix(): path for path in sorted(FOLDER.rglob(f"*{SUFFIX}"))}


@dataclass(frozen=True)
class Case:
    """A test of a scenario file, as it is written."""

    file: str
    name: str
    rules: tuple[str, ...]

    @property
    def number(self) -> str:
        """The rule or worked example that it shows."""
        return self.name.partition(" ")[0]

    def is_written_as(self, test: Test) -> bool:
        """Tell whether a test is this one, or one of those that its `each` makes of it."""
        return test.name == self.name or test.name.startswith(f"{self.name} [")


def written(file: str) -> Node:
    """Return the tree of a file."""
    return yaml_reader.read(yaml_reader.decode(FILES[file].read_bytes(), file))


def entries(node: Node, member: str) -> tuple[Node, ...]:
    """Return the entries of a list, or none where there is no such list."""
    found = node.get(member) if isinstance(node, Object) else None
    return found.items if isinstance(found, Array) else ()


def texts(node: Node, member: str) -> tuple[str, ...]:
    """Return the texts of a list."""
    return tuple(entry.value for entry in entries(node, member) if isinstance(entry, String))


def cases(file: str) -> Iterator[Case]:
    """Yield the cases of a file."""
    for test in entries(written(file), "tests"):
        name = test.get("name") if isinstance(test, Object) else None
        yield Case(file, name.value if isinstance(name, String) else "", texts(test, "rules"))


CASES = tuple(case for file in FILES for case in cases(file))


# The cases, run


def runs() -> Iterator[object]:
    """Yield one item for each case and evaluator."""
    for evaluator, decide in EVALUATORS.items():
        for case in CASES:
            reason = EXPECTED_FAILURES.get(case.name)
            marks = [pytest.mark.xfail(reason=reason, strict=True)] if reason else []
            shown = case.name if len(EVALUATORS) == 1 else f"{case.name} [{evaluator}]"
            yield pytest.param(case, decide, id=shown, marks=marks)


@functools.cache
def suite(file: str) -> Suite:
    """Return a file, ready to run; read once for all of its cases."""
    return load(str(FILES[file]))


@pytest.mark.parametrize(("case", "decide"), list(runs()))
def test_the_case_comes_out_as_it_says(
    case: Case, decide: Decide, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kms.gate.decide", decide)
    try:
        results = list(run(suite(case.file), case.is_written_as))
    except FileError as error:
        problems = [f"{file.place(found.span)}: {found.message}" for file, found in error.found]
        pytest.fail("\n".join(problems), pytrace=False)
    failures = [told(failure) for result in results for failure in result.failures]
    if failures:
        pytest.fail("\n".join(failures), pytrace=False)
    assert results


def told(failure: Failure) -> str:
    """Return where a case went wrong, how, and which way the decision took."""
    place = failure.item.source.place(failure.span)
    path = f"\npath: {path_of(failure.decision)}" if failure.decision is not None else ""
    return f"{place}: {failure.message}{path}"


# The cases, counted


def test_each_worked_example_has_exactly_one_case() -> None:
    shown = Counter(case.number for case in CASES if case.number.startswith("X-"))

    assert shown == Counter(numbers("X"))


def test_the_first_sixty_worked_examples_are_expected_to_pass() -> None:
    for case in CASES:
        chapter, _, number = case.number.partition("-")
        if chapter == "X" and int(number) <= 60:
            assert case.name not in EXPECTED_FAILURES


def test_every_rule_that_is_cited_exists() -> None:
    known = {number for chapter in NUMBERS for number in numbers(chapter)}
    cited = {case.number for case in CASES} | {rule for case in CASES for rule in case.rules}
    cited |= {rule for file in FILES for rule in texts(written(file), "rules")}

    assert cited <= known


def test_each_case_cites_rules_and_tells_in_words_what_it_shows() -> None:
    for case in CASES:
        assert re.fullmatch(r"[A-Z]-[0-9]+ \S.*[^.]", case.name), case
        assert case.rules, case


def test_each_rule_of_the_covered_chapters_has_a_case() -> None:
    shown = {case.number for case in CASES} | {rule for case in CASES for rule in case.rules}
    rules = {number for chapter in COVERED for number in numbers(chapter)}

    assert rules - shown == set(WITHOUT_CASE)


def test_expected_failures_are_cases() -> None:
    assert EXPECTED_FAILURES.keys() <= {case.name for case in CASES}
