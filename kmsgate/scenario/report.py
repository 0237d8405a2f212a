"""What people see of a test run: a line a file, and for each failure the place and the reason."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from kmsgate.output import Screen, safe
from kmsgate.scenario.coverage import Coverage
from kmsgate.scenario.fields import FarNote, FileError
from kmsgate.scenario.files import DEFAULT_PROFILE, PROFILES
from kmsgate.scenario.model import Suite
from kmsgate.scenario.mutation import Judged
from kmsgate.scenario.run import Failure, Result, path_of
from policy.errors import Note, Problem
from policy.source import MAX_EXCERPT_COLUMNS, Source, Span, printable

NAME_WIDTH = 36
COUNTS_END = 94
MAX_MUTANT_WIDTH = 60
_SIGNS_WIDTH = COUNTS_END - NAME_WIDTH - len(" " + "  36 passed, 1 failed")


@dataclass(frozen=True)
class Ran:
    """A suite and what became of its tests."""

    suite: Suite
    results: tuple[Result, ...]

    @property
    def passed(self) -> int:
        """How many tests passed."""
        return sum(result.passed for result in self.results)

    @property
    def failed(self) -> int:
        """How many tests failed."""
        return len(self.results) - self.passed

    @property
    def seconds(self) -> float:
        """How long the tests took."""
        return sum(result.seconds for result in self.results)


def show_suite(screen: Screen, ran: Ran, name: str | None = None) -> None:
    """Write the line of one file, and one more where another profile is in force than usual.

    `name` stands for its path.
    """
    signs, width = _signs(screen, ran)
    counts = f"{ran.passed} passed" + (f", {ran.failed} failed" if ran.failed else "")
    shown = safe(name if name is not None else ran.suite.path).ljust(NAME_WIDTH)
    gap = " " * max(2, COUNTS_END - len(shown) - 1 - width - len(counts))
    screen.line(f"{shown} {signs}{gap}{counts}{ran.seconds:>7.2f} s")
    if ran.suite.profile != DEFAULT_PROFILE:
        screen.line(screen.paint(f"  {profile_text(ran.suite.profile)}", "faint"))


def profile_text(name: str) -> str:
    """Say in what a profile differs from the usual settings: both facts (CORE K-126)."""
    usual, own = asdict(PROFILES[DEFAULT_PROFILE]), asdict(PROFILES[name])
    told = (
        f"{part} {own[part]}, usually {usual[part]}" for part in own if own[part] != usual[part]
    )
    return f"profile {name}: {'; '.join(told)}"


def _signs(screen: Screen, ran: Ran) -> tuple[str, int]:
    """Return a sign for each test, and how wide they are; runs of many are counted instead."""
    good, bad = screen.glyph("ok"), screen.glyph("no")
    plain = [good if result.passed else bad for result in ran.results]
    styles = {good: "good", bad: "bad"}
    between = " "
    if len(" ".join(plain)) > _SIGNS_WIDTH and len(good) == 1:
        between = ""
    if len(between.join(plain)) > _SIGNS_WIDTH:
        between = "  "
        plain = [
            f"{sign} {count}" for sign, count in ((good, ran.passed), (bad, ran.failed)) if count
        ]
    painted = (screen.paint(sign, styles[sign.split(" ")[0]]) for sign in plain)
    return between.join(painted), len(between.join(plain))


def show_failures(screen: Screen, ran: Ran) -> None:
    """Write every failure of one file."""
    for result in ran.results:
        for failure in result.failures:
            _show_failure(screen, result, failure)


def _show_failure(screen: Screen, result: Result, failure: Failure) -> None:
    source = failure.item.source
    name = safe(result.test.name)
    title = f"{name} / {safe(failure.title)}" if failure.title else name
    screen.line()
    failed = screen.paint("FAILED", "error")
    screen.line(f"{failed} {safe(source.place(failure.span))}: {title}")
    for line in _excerpt(source, failure.span, failure.head, failure.message):
        screen.line(line)
    if failure.decision is not None:
        screen.line(f"path:  {safe(path_of(failure.decision, failure.key))}")


def _excerpt(source: Source, span: Span, head: Span | None, message: str) -> Iterator[str]:
    """Yield the line of a failure with a caret and the message; of a table also its head.

    Lines that are too long are clipped alike, so that cells stay below their column.
    """
    at = source.position(span.start)
    numbers = [at.line]
    if head is not None and source.position(head.start).line != at.line:
        numbers.insert(0, source.position(head.start).line)
    width = len(str(at.line))
    left = 0
    if len(source.line(at.line)) > MAX_EXCERPT_COLUMNS:
        left = max(0, at.column - 1 - MAX_EXCERPT_COLUMNS // 2)
    gutter = " " * width + " |"
    yield gutter
    for number in numbers:
        yield f"{str(number).rjust(width)} | {printable(_clipped(source.line(number), left))}"
    lead = _clipped(source.line(at.line), left)[: at.column - 1 - left]
    blank = "".join("\t" if sign == "\t" else " " for sign in lead)
    yield f"{gutter} {blank}^ {safe(message)}"


def _clipped(line: str, left: int) -> str:
    """Return the part of a line that is shown, with a sign where something is left out."""
    shown = line[left : left + MAX_EXCERPT_COLUMNS]
    if left and shown:
        shown = "…" + shown[1:]
    return shown + ("…" if len(line) > left + MAX_EXCERPT_COLUMNS else "")


def show_coverage(screen: Screen, coverage: Coverage, *, only_missing: bool) -> None:
    """Write a table of statements, and the sums; with `only_missing` those that never applied."""
    found = coverage.statements.values()
    rows = [each for each in found if not (only_missing and each.applied)]
    width = max([len("Statements"), *(len(safe(each.label)) for each in rows)])
    screen.line()
    if rows:
        head = f"{'Statements'.ljust(width)}  {'applied':>7}  {'decided':>7}   never seen"
        screen.line(screen.paint(head, "strong"))
    for each in rows:
        never = "" if each.applied else str(each.place or "by default")
        counts = f"{each.applied:>7}  {each.decided:>7}   {safe(never)}"
        screen.line(f"{safe(each.label).ljust(width)}  {counts}")
    screen.line(f"Coverage: {coverage.summary()}")


def show_mutants(screen: Screen, judged: Judged) -> None:
    """Write how many mutants were noticed, and each other one with the step that it takes."""
    head = f"Mutants: {len(judged.noticed)} of {judged.count} noticed, score {judged.score:.0f} %."
    more = " Survivors, each with a step that would notice it:" if judged.survivors else ""
    screen.line()
    screen.line(f"{head}{more}")
    width = min(
        MAX_MUTANT_WIDTH, max((len(safe(s.mutant.label)) for s in judged.survivors), default=0)
    )
    for each in judged.survivors:
        step = each.step or f"no step was found; not settled: {', '.join(each.unsettled)}"
        label = safe(each.mutant.label).ljust(width)
        screen.line(f"  {label}  {screen.glyph('arrow')} {safe(step)}")


def show_total(screen: Screen, all_ran: Sequence[Ran], errors: int) -> None:
    """Write the last line."""
    tests = sum(len(ran.results) for ran in all_ran)
    passed, failed = sum(r.passed for r in all_ran), sum(r.failed for r in all_ran)
    seconds = sum(ran.seconds for ran in all_ran)
    counts = f"{tests} {'test' if tests == 1 else 'tests'}: {passed} passed"
    if failed:
        counts += f", {failed} failed"
        screen.line()
    if errors:
        counts += f", {errors} {'file' if errors == 1 else 'files'} could not be read"
    screen.line(f"{counts} in {seconds:.2f} s")


def show_file_error(screen: Screen, error: FileError) -> None:
    """Write everything that is wrong with a file, position first."""
    for source, problem in error.found:
        code = f"{problem.code} error: " if problem.code else ""
        screen.line(f"{safe(source.place(problem.span))}: {code}{safe(problem.message)}")
        for note in problem.notes:
            place = _place_of(note, source)
            screen.line(f"note: {f'{place}: ' if place else ''}{safe(note.message)}")
        if problem.help:
            screen.line(f"help: {safe(problem.help)}")


def _place_of(note: Note, source: Source) -> str | None:
    """Return where a note points, or None for one that points nowhere."""
    if note.span is None:
        return None
    home = note.source if isinstance(note, FarNote) and note.source is not None else source
    return safe(home.place(note.span))


# For programs


def as_json(all_ran: Sequence[Ran], errors: Sequence[FileError]) -> dict[str, Any]:
    """Return a run as plain values."""
    return {
        "files": [_suite_json(ran) for ran in all_ran],
        "errors": [
            _problem_json(source, problem) for error in errors for source, problem in error.found
        ],
        "passed": sum(ran.passed for ran in all_ran),
        "failed": sum(ran.failed for ran in all_ran),
    }


def _suite_json(ran: Ran) -> dict[str, Any]:
    return {
        "path": ran.suite.path,
        "story": ran.suite.story,
        "rules": list(ran.suite.rules),
        "profile": ran.suite.profile,
        "tests": [
            {
                "name": result.test.name,
                "passed": result.passed,
                "failures": [
                    {
                        "place": failure.item.source.place(failure.span),
                        "title": failure.title,
                        "message": failure.message,
                    }
                    for failure in result.failures
                ],
            }
            for result in ran.results
        ],
    }


def _problem_json(source: Source, problem: Problem) -> dict[str, Any]:
    notes = [{"place": _place_of(note, source), "message": note.message} for note in problem.notes]
    return {
        "place": source.place(problem.span),
        "code": problem.code or None,
        "message": problem.message,
        "help": problem.help,
        "notes": notes,
    }
