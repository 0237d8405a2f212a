"""What people see of a test run: a line a file, and for each failure the place and the reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kmsgate.output import Screen, safe
from kmsgate.scenario.fields import FileError
from kmsgate.scenario.model import Suite
from kmsgate.scenario.run import Failure, Result, path_of
from policy.source import Source, Span, printable

NAME_WIDTH = 36


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


def show_suite(screen: Screen, ran: Ran) -> None:
    """Write the line of one file."""
    signs = " ".join(
        screen.paint(screen.glyph("ok"), "good")
        if result.passed
        else screen.paint(screen.glyph("no"), "bad")
        for result in ran.results
    )
    width = 2 * len(ran.results) - 1 if ran.results else 0
    counts = f"{ran.passed} passed" + (f", {ran.failed} failed" if ran.failed else "")
    gap = " " * max(2, 40 - width - len(counts) + 20)
    name = safe(ran.suite.path).ljust(NAME_WIDTH)
    screen.line(f"{name} {signs}{gap}{counts}{ran.seconds:>9.2f} s")


def show_failures(screen: Screen, ran: Ran) -> None:
    """Write every failure of one file."""
    for result in ran.results:
        for failure in result.failures:
            _show_failure(screen, result, failure)


def _show_failure(screen: Screen, result: Result, failure: Failure) -> None:
    source = failure.item.source
    name = safe(result.test.name)
    title = f"{name} / {failure.title}" if failure.title else name
    screen.line()
    failed = screen.paint("FAILED", "error")
    screen.line(f"{failed} {safe(source.place(failure.span))}: {title}")
    for line in _excerpt(source, failure.span, failure.head, failure.message):
        screen.line(line)
    if failure.decision is not None:
        screen.line(f"path:  {safe(path_of(failure.decision))}")


def _excerpt(source: Source, span: Span, head: Span | None, message: str) -> Sequence[str]:
    """Return the line of a failure with a caret and the message; of a table also its head."""
    at = source.position(span.start)
    width = len(str(at.line))
    lines = [" " * width + " |"]
    if head is not None and source.position(head.start).line != at.line:
        first = source.position(head.start).line
        lines.append(f"{str(first).rjust(width)} | {printable(source.line(first))}"[:200])
    lines.append(f"{at.line} | {printable(source.line(at.line))}"[:200])
    lines.append(f"{' ' * width} | {' ' * (at.column - 1)}^ {printable(message)}")
    return lines


def show_total(screen: Screen, all_ran: Sequence[Ran], errors: int) -> None:
    """Write the last line."""
    tests = sum(len(ran.results) for ran in all_ran)
    passed, failed = sum(r.passed for r in all_ran), sum(r.failed for r in all_ran)
    seconds = sum(ran.seconds for ran in all_ran)
    counts = f"{tests} {'test' if tests == 1 else 'tests'}: {passed} passed"
    if failed:
        counts += f", {failed} failed"
    if errors:
        counts += f", {errors} {'file' if errors == 1 else 'files'} could not be read"
    screen.line(f"{counts} in {seconds:.2f} s")


def show_file_error(screen: Screen, error: FileError) -> None:
    """Write everything that is wrong with a file, position first."""
    for source, problem in error.found:
        code = f"{problem.code} error: " if problem.code else ""
        screen.line(f"{safe(source.place(problem.span))}: {code}{printable(problem.message)}")
        for note in problem.notes:
            place = f"{safe(source.place(note.span))}: " if note.span is not None else ""
            screen.line(f"note: {place}{printable(note.message)}")
        if problem.help:
            screen.line(f"help: {printable(problem.help)}")
