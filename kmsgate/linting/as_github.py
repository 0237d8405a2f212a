"""Findings as workflow commands of GitHub Actions, which become annotations of a change."""

from __future__ import annotations

from collections.abc import Sequence

from kmsgate.linting.as_json import place_as_json
from kmsgate.linting.checking import Checked
from kmsgate.output import Screen, safe
from policy.lint import Severity

_COMMANDS = {
    Severity.ERROR: "error",
    Severity.SECURITY: "error",
    Severity.WARNING: "warning",
    Severity.SUGGESTION: "notice",
}


def show_github(out: Screen, checked: Sequence[Checked], _: Severity) -> None:
    """Write one workflow command for each finding."""
    for file in checked:
        for finding in file.findings:
            place = place_as_json(file.source, finding.span)
            members = {
                "file": file.source.name,
                "line": place["line"],
                "endLine": place["end_line"],
                "col": place["column"],
                "endColumn": place["end_column"],
                "title": f"{finding.rule.code} {finding.rule.slug}",
            }
            told = ",".join(f"{name}={_escaped(value)}" for name, value in members.items())
            lines = [safe(finding.message)]
            lines += [f"help: {safe(finding.help)}"] if finding.help else []
            message = _escaped("\n".join(lines), everywhere=False)
            out.line(f"::{_COMMANDS[finding.severity]} {told}::{message}")


def _escaped(value: object, *, everywhere: bool = True) -> str:
    """Return a text as a command takes it; in members colons and commas are told otherwise too."""
    text = str(value).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return text.replace(":", "%3A").replace(",", "%2C") if everywhere else text
