"""Findings as JUnit XML."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree

from kmsgate.linting.checking import Checked
from kmsgate.output import Screen, safe
from policy.lint import Finding, Severity
from policy.source import Source


def show_junit(out: Screen, checked: Sequence[Checked], fail_on: Severity) -> None:
    """Write a test suite for each file; findings below the threshold are told, and pass."""
    suites = ElementTree.Element("testsuites", name="kmsgate lint")
    for file in checked:
        failed = [each for each in file.findings if each.severity.reaches(fail_on)]
        suite = ElementTree.SubElement(
            suites,
            "testsuite",
            name=safe(file.source.name),
            tests=str(len(file.findings) or 1),
            failures=str(len(failed)),
        )
        for finding in file.findings:
            _case(suite, file.source, finding, fails=finding in failed)
        if not file.findings:
            ElementTree.SubElement(
                suite, "testcase", classname=safe(file.source.name), name="no findings"
            )
    ElementTree.indent(suites)
    out.line("<?xml version='1.0' encoding='utf-8'?>")
    out.line(ElementTree.tostring(suites, encoding="unicode"))


def _case(suite: ElementTree.Element, source: Source, finding: Finding, *, fails: bool) -> None:
    place, name = safe(source.place(finding.span)), f"{finding.rule.code} {finding.rule.slug}"
    case = ElementTree.SubElement(
        suite, "testcase", classname=safe(source.name), name=f"{name} {place}"
    )
    lines = [f"{place}: {safe(finding.message)}"]
    lines += [f"help: {safe(finding.help)}"] if finding.help else []
    if fails:
        more = {"type": finding.severity.value, "message": safe(finding.message)}
        ElementTree.SubElement(case, "failure", more).text = "\n".join(lines)
    else:
        ElementTree.SubElement(case, "system-out").text = "\n".join(lines)
