"""The course: all claims, in order, by lessons that would notice a broken world.

Every lesson fails if one statement or grant of its world loses its effect, if one of its
expectations is turned round, and if a step is left out that only does something.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from kmsgate import yaml_reader
from kmsgate.scenario.fields import Item
from kmsgate.scenario.files import SUFFIX, load
from kmsgate.scenario.members import BYTES_FIELDS, SPECIAL
from kmsgate.scenario.model import (
    AdvanceStep,
    CallStep,
    Cell,
    Expectation,
    LookStep,
    Step,
    Suite,
    Test,
    WorkStep,
)
from kmsgate.scenario.run import run
from kmsgate.scenario.work import WorkError
from policy.source import Span
from policy.tree import Array, Member, Node, Object, String
from tests.scenarios.suites import FOLDER, read, says_something, short, suite_of

COURSE = sorted((FOLDER / "course").rglob(f"*{SUFFIX}"))
CHAPTERS = {
    "1-encryption": range(1, 11),
    "2-components": range(11, 22),
    "3-permissions": range(22, 40),
    "4-key-management": range(40, 61),
}
"""The chapters of the course, each with the numbers of the claims that it proves."""


def lessons(chapter: str) -> list[Path]:
    return [path for path in COURSE if path.parent.name == chapter]


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_claim_of_a_chapter_is_shown_in_it(chapter: str) -> None:
    shown = {rule for path in lessons(chapter) for rule in suite_of(path).rules}

    assert [n for n in CHAPTERS[chapter] if f"C-{n}" not in shown] == []


def test_the_course_shows_exactly_the_sixty_claims() -> None:
    shown = {rule for path in COURSE for rule in suite_of(path).rules if rule.startswith("C-")}

    assert shown == {f"C-{number}" for number in range(1, 61)}


def test_the_course_has_chapters_and_lessons_without_gaps() -> None:
    assert list(dict.fromkeys(path.parent.name for path in COURSE)) == list(CHAPTERS)
    for chapter in CHAPTERS:
        numbers = [path.name[:3] for path in lessons(chapter)]
        assert numbers == [f"{n:02}-" for n in range(1, len(numbers) + 1)]


@pytest.mark.parametrize("path", COURSE, ids=short)
def test_a_lesson_is_short_and_says_what_is_true_today(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith(f"# Lesson {path.parent.name[0]}.{int(path.name[:2])}: ")
    assert any(line.startswith("# Today: ") for line in lines)
    assert 40 <= len(lines) <= 140
    assert max(map(len, lines)) <= 115


@pytest.mark.parametrize("path", COURSE, ids=short)
def test_a_lesson_refers_only_to_lessons_that_there_are(path: Path) -> None:
    known = {f"{each.parent.name[0]}.{int(each.name[:2])}" for each in COURSE}
    referred = re.findall(r"[Ll]essons? ([0-9]+(?:\.[0-9]+)?)", path.read_text(encoding="utf-8"))

    assert set(referred) <= known


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


# Turned round


def other(value: str | None, *values: str) -> str:
    """Return the first of the values that is another."""
    return next(each for each in values if each != value)


def turned(expect: Expectation) -> Iterator[Expectation]:
    """Yield an expectation with each single thing in it turned into its contrary."""
    said = replace(expect, item=None)
    if said in (Expectation(allow=True), Expectation(deny="any")):
        yield replace(expect, allow=not expect.allow, deny=None if expect.deny else "any")
    elif expect.deny is not None:
        yield replace(expect, deny=other(expect.deny, "explicit", "implicit"))
    for index, path in enumerate(expect.paths):
        paths = (*expect.paths[:index], other(path, "grant", "root"), *expect.paths[index + 1 :])
        yield replace(expect, paths=paths)
    for index, item in enumerate(expect.by):
        nobody = replace(item, node=String("nobody", item.node.span))
        yield replace(expect, by=(*expect.by[:index], nobody, *expect.by[index + 1 :]))
    if expect.layer is not None:
        yield replace(expect, layer=other(expect.layer, "scp", "vpce"))
    if expect.because is not None:
        yield replace(expect, because=other(expect.because, "scp", "vpce"))
    if expect.error is not None:
        yield replace(expect, error="KMSInternalException")
    if expect.message is not None:
        yield replace(expect, message="another message")
    for item in turned_items(expect.output):
        yield replace(expect, output=item)
    for item in turned_items(expect.event):
        yield replace(expect, event=item)


def turned_items(item: Item | None) -> Iterator[Item]:
    for node in turned_patterns(item.node) if item is not None else ():
        yield Item(node, item.source, item.log, item.name)


def turned_patterns(node: Node) -> Iterator[Node]:
    """Yield a pattern with each of its leaves made one that nothing fits, or without its `not`."""
    names = {member.name.value for member in node.members} if isinstance(node, Object) else set()
    if isinstance(node, Object) and names == {"not"}:
        yield node.members[0].value
    elif isinstance(node, Object) and names and not names <= {*BYTES_FIELDS, *SPECIAL}:
        for index, member in enumerate(node.members):
            for value in turned_patterns(member.value):
                changed = Member(member.name, value)
                members = (*node.members[:index], changed, *node.members[index + 1 :])
                yield Object(members, node.span)
    elif isinstance(node, Array) and node.items:
        for index, item in enumerate(node.items):
            for value in turned_patterns(item):
                yield Array((*node.items[:index], value, *node.items[index + 1 :]), node.span)
    else:
        name = String("text", node.span)
        yield Object((Member(name, String("what nothing is", node.span)),), node.span)


def turned_steps(step: Step) -> Iterator[Step]:
    """Yield a step with each single thing that it expects turned into its contrary."""
    if isinstance(step, CallStep):
        said = says_something(step) or step.expect.item is not None
        for expect in turned(step.expect) if said else ():
            yield replace(step, expect=expect)
    elif isinstance(step, LookStep):
        for name, item in step.fields.items():
            for changed in turned_items(item):
                yield replace(step, fields={**step.fields, name: changed})
    elif isinstance(step, WorkStep):
        if says_something(step) and step.output is None:
            yield replace(step, error=other(step.error, *WorkError))
        for changed in turned_items(step.output):
            yield replace(step, output=changed)


@pytest.mark.parametrize("path", COURSE, ids=short)
def test_a_lesson_fails_if_any_of_its_expectations_is_turned_round(path: Path) -> None:
    """A step of a block counts where one of the tests that take it fails."""
    suite = suite_of(path)
    noticed: dict[tuple[Span, int], bool] = {}
    for test in suite.tests:
        for index, step in enumerate(test.steps):
            span = step.place if isinstance(step, Cell) else step.item.node.span
            for number, changed in enumerate(turned_steps(step)):
                if not noticed.get((span, number)):
                    noticed[span, number] = fails(suite, test, index, (changed,))

    assert noticed
    assert [suite.source.place(span) for (span, _), seen in noticed.items() if not seen] == []


# Left out


def is_bare(step: Step) -> bool:
    """Tell whether a step only does something: what it is good for must show later."""
    if says_something(step) or (isinstance(step, CallStep) and step.expect.item is not None):
        return False
    return not (isinstance(step, CallStep | WorkStep) and step.save)


@pytest.mark.parametrize("path", COURSE, ids=short)
def test_a_lesson_fails_if_a_step_is_left_out_that_only_does_something(path: Path) -> None:
    """Of waiting it is enough that it must not be longer: in the meantime nothing may happen.

    A step of a block counts where one of the tests that take it needs it.
    """
    suite = suite_of(path)
    needed: dict[Span, bool] = {}
    for test in suite.tests:
        for index, step in enumerate(test.steps):
            span = step.item.node.span
            if is_bare(step) and not needed.get(span):
                instead = [(), (step,) * 20] if isinstance(step, AdvanceStep) else [()]
                needed[span] = any(fails(suite, test, index, steps) for steps in instead)

    assert [suite.source.place(span) for span, is_needed in needed.items() if not is_needed] == []


def fails(suite: Suite, test: Test, index: int, instead: tuple[Step, ...]) -> bool:
    """Tell whether a test fails when it takes other steps in place of one."""
    steps = (*test.steps[:index], *instead, *test.steps[index + 1 :])
    (result,) = run(replace(suite, tests=(replace(test, steps=steps),)))
    return not result.passed
