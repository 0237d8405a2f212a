"""A run as continuous integration reads it: JUnit XML, and annotations of GitHub."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent

from kmsgate.output import safe, screen
from kmsgate.scenario.fields import FileError
from kmsgate.scenario.report import Ran, show_failures, show_file_error
from kmsgate.scenario.run import Result


def as_junit(all_ran: Sequence[Ran], errors: Sequence[FileError]) -> str:
    """Return the text of a JUnit file: a suite a file, a file that cannot be used as an error."""
    root = Element("testsuites", name="kmsgate")
    for ran in all_ran:
        suite = SubElement(
            root,
            "testsuite",
            name=safe(ran.suite.path),
            tests=str(len(ran.results)),
            failures=str(ran.failed),
            errors="0",
            time=f"{ran.seconds:.3f}",
        )
        for result in ran.results:
            _add_case(suite, ran, result)
    for error in errors:
        path = safe(error.found[0][0].name)
        counts = {"tests": "1", "failures": "0", "errors": "1", "time": "0.000"}
        suite = SubElement(root, "testsuite", {"name": path, **counts})
        case = SubElement(suite, "testcase", classname=path, name="the file", time="0.000")
        told = io.StringIO()
        show_file_error(screen(told), error)
        found = SubElement(case, "error", message=safe(error.found[0][1].message))
        found.text = _legible(told.getvalue())
    indent(root)
    written = io.BytesIO()
    ElementTree(root).write(written, encoding="utf-8", xml_declaration=True)
    return written.getvalue().decode()


def _add_case(suite: Element, ran: Ran, result: Result) -> None:
    case = SubElement(
        suite,
        "testcase",
        classname=safe(ran.suite.path),
        name=safe(result.test.name),
        time=f"{result.seconds:.3f}",
    )
    if result.failures:
        told = io.StringIO()
        show_failures(screen(told), Ran(ran.suite, (result,)))
        failure = SubElement(case, "failure", message=safe(result.failures[0].message))
        failure.text = _legible(told.getvalue())


def _legible(text: str) -> str:
    return "\n".join(map(safe, text.strip().splitlines()))


def as_github(all_ran: Sequence[Ran], errors: Sequence[FileError]) -> Iterator[str]:
    """Yield an annotation for each failure, and for each mistake in a file."""
    for error in errors:
        for source, problem in error.found:
            help = f" ({problem.help})" if problem.help else ""
            yield _annotation(source.place(problem.span), "mistake", problem.message + help)
    for ran in all_ran:
        for result in ran.results:
            for failure in result.failures:
                title = f"{result.test.name} / {failure.title}".removesuffix(" / ")
                yield _annotation(failure.item.source.place(failure.span), title, failure.message)


def _annotation(place: str, title: str, message: str) -> str:
    path, line, column = place.rsplit(":", 2)
    at = f"file={_property(path)},line={line},col={column},title={_property(title)}"
    return f"::error {at}::{_escaped(message)}"


def _escaped(text: str) -> str:
    return safe(text.replace("%", "%25"))


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")
