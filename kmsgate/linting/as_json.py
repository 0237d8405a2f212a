"""Findings for programs, as one JSON object."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from kmsgate.linting.checking import Checked, counts_of, statements_in
from kmsgate.output import Screen
from policy.lint import Finding, Severity
from policy.source import Source, Span


def show_json(out: Screen, checked: Sequence[Checked], _: Severity) -> None:
    """Write the findings for programs, as one JSON object."""
    counts = counts_of(checked)
    summary = {
        "files": sum(file.is_policy for file in checked),
        "statements": statements_in(checked),
    }
    summary |= {severity.value: counts[severity] for severity in Severity}
    findings = [_as_json(file.source, finding) for file in checked for finding in file.findings]
    out.line(json.dumps({"findings": findings, "summary": summary}, indent=2))


def _as_json(source: Source, finding: Finding) -> dict[str, Any]:
    return {
        "path": source.name,
        **place_as_json(source, finding.span),
        "code": finding.rule.code,
        "slug": finding.rule.slug,
        "severity": finding.severity.value,
        "message": finding.message,
        "help": finding.help,
        "fix": finding.fix.label,
        "edits": [
            {**place_as_json(source, edit.span), "text": edit.text} for edit in finding.edits
        ],
        "notes": [
            {"message": note.message, **(place_as_json(source, note.span) if note.span else {})}
            for note in finding.notes
        ],
    }


def place_as_json(source: Source, span: Span) -> dict[str, int]:
    """Lines and columns count from 1; the end is that of the first character behind."""
    start, end = source.position(span.start), source.position(span.end)
    return {
        "line": start.line,
        "column": start.column,
        "end_line": end.line,
        "end_column": end.column,
    }
