"""Every scenario file runs as `kmsgate test` runs it, and would notice a broken world."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from kmsgate import yaml_reader
from kmsgate.scenario.fields import FileError
from kmsgate.scenario.files import SUFFIX, load
from kmsgate.scenario.model import CallStep, Cell, Expectation, LookStep, Step, Suite, Test
from kmsgate.scenario.run import Result, run
from policy.source import Span
from policy.tree import Array, Node, Object, String

FOLDER = Path(__file__).parents[2] / "scenarios"
FILES = sorted(FOLDER.rglob(f"*{SUFFIX}"))
COURSE = sorted((FOLDER / "course").glob(f"*{SUFFIX}"))
CLAIMS = [f"C-{number}" for number in range(22, 40)]


@functools.cache
def read(path: Path) -> Suite | str:
    """Return the suite of a file, or what is wrong with the file."""
    try:
        return load(str(path))
    except FileError as error:
        return "\n".join(f"{source.place(p.span)}: {p.message}" for source, p in error.found)


def suite_of(path: Path) -> Suite:
    suite = read(path)
    assert isinstance(suite, Suite), suite
    return suite


def short(path: Path) -> str:
    return str(path.relative_to(FOLDER)).removesuffix(SUFFIX)


def each_test() -> Iterator[object]:
    for path in FILES:
        suite = read(path)
        for test in suite.tests if isinstance(suite, Suite) else ():
            yield pytest.param(path, test, id=f"{short(path)}: {test.name}")


def told(result: Result) -> str:
    return "\n".join(
        f"{failure.item.source.place(failure.span)}: {failure.title} {failure.message}"
        for failure in result.failures
    )


@pytest.mark.parametrize("path", FILES, ids=short)
def test_a_file_can_be_read_and_has_tests(path: Path) -> None:
    assert suite_of(path).tests


@pytest.mark.parametrize(("path", "test"), list(each_test()))
def test_a_scenario_goes_as_it_says(path: Path, test: Test) -> None:
    (result,) = run(suite_of(path), lambda other: other is test)
    assert result.passed, told(result)


# What scenarios say


def says_something(step: Step) -> bool:
    """Whether a step has an expectation of its own, beyond that a call succeeds."""
    if isinstance(step, CallStep):
        return isinstance(step, Cell) or replace(step.expect, item=None) != Expectation(allow=True)
    return isinstance(step, LookStep)


@pytest.mark.parametrize(("path", "test"), list(each_test()))
def test_every_test_expects_something_in_so_many_words(path: Path, test: Test) -> None:
    assert any(
        says_something(step) or (isinstance(step, CallStep) and step.expect.item is not None)
        for step in test.steps
    ), f"{short(path)} only lets things happen"


@pytest.mark.parametrize(("path", "test"), list(each_test()))
def test_no_step_has_an_expectation_that_cannot_fail(path: Path, test: Test) -> None:
    for step in test.steps:
        where = step.item.source.place(step.item.node.span)
        if isinstance(step, CallStep):
            expect = step.expect
            assert replace(expect, item=None) != Expectation(), f"{where}: expects nothing"
            if expect.layer or expect.by or expect.because:
                assert expect.allow or expect.deny, f"{where}: neither allowed nor denied"
        if isinstance(step, LookStep):
            assert step.fields, f"{where}: looks at nothing"


# The course


@pytest.mark.parametrize("claim", CLAIMS)
def test_every_claim_of_the_course_is_shown(claim: str) -> None:
    assert [short(path) for path in COURSE if claim in suite_of(path).rules]


def test_the_course_has_an_order_without_gaps() -> None:
    assert [path.name[:3] for path in COURSE] == [f"{n:02}-" for n in range(1, len(COURSE) + 1)]


@pytest.mark.parametrize("path", COURSE, ids=short)
def test_a_lesson_is_short_and_says_what_is_true_today(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith(f"# Lesson {int(path.name[:2])}: ")
    assert any(line.startswith("# Today: ") for line in lines)
    assert 40 <= len(lines) <= 140
    assert max(map(len, lines)) <= 115


# Broken worlds

ELSEWHERE = '"arn:aws:kms:us-east-1:000000000000:key/00000000-0000-4000-8000-000000000000"'
"""A key that no world has: a statement about it is as good as taken away."""


@dataclass(frozen=True)
class Break:
    """One edit of a file that takes a statement's or a grant's effect away."""

    span: Span
    replacement: str
    name: str

    def apply(self, text: str) -> str:
        return text[: self.span.start] + self.replacement + text[self.span.end :]


def breaks(node: Node) -> Iterator[Break]:
    """Yield an edit for every statement and every grant that takes effect, below a node."""
    if isinstance(node, Array):
        for item in node.items:
            yield from breaks(item)
    elif isinstance(node, Object):
        resource, operations = node.get("Resource"), node.get("operations")
        if node.get("Effect") is not None and isinstance(resource, String):
            yield Break(resource.span, ELSEWHERE, named(node, "Sid"))
        if node.get("grantee") is not None and operations is not None:
            yield Break(operations.span, "[RetireGrant]", named(node, "name"))
        expect = node.get("expect")
        refused = isinstance(expect, Object) and expect.get("error") is not None
        for member in node.members:
            if not (refused and member.name.value == "with"):
                yield from breaks(member.value)


def named(node: Object, member: str) -> str:
    name = node.get(member)
    return name.value if isinstance(name, String) else ""


def all_breaks() -> Iterator[object]:
    for path in COURSE:
        suite = read(path)
        if not isinstance(suite, Suite):
            continue
        for edit in dict.fromkeys(breaks(yaml_reader.read(suite.source))):
            line = suite.source.position(edit.span.start).line
            yield pytest.param(path, edit, id=f"{short(path)}:{line}: {edit.name}")


@pytest.mark.parametrize(("path", "edit"), list(all_breaks()))
def test_a_lesson_notices_when_a_statement_or_grant_is_taken_away(path: Path, edit: Break) -> None:
    suite = suite_of(path)
    broken = load(suite.path, edit.apply(suite.source.text).encode())
    failed = [result.test.name for result in run(broken) if not result.passed]
    if edit.name.startswith("NoEffect"):  # as the lesson itself says
        assert not failed
    else:
        assert failed
