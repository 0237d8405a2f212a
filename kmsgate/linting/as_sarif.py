"""Findings as a SARIF 2.1.0 log.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from kmsgate import __version__
from kmsgate.linting.as_json import place_as_json
from kmsgate.linting.checking import Checked
from kmsgate.output import Screen
from policy.lint import Finding, Rule, Severity
from policy.source import Source, Span

_LEVELS = {
    Severity.ERROR: "error",
    Severity.SECURITY: "error",
    Severity.WARNING: "warning",
    Severity.SUGGESTION: "note",
}


def show_sarif(out: Screen, checked: Sequence[Checked], _: Severity) -> None:
    """Write the findings as a SARIF log: one run, with every rule that found something."""
    found = {finding.rule.code: finding.rule for file in checked for finding in file.findings}
    rules = [found[code] for code in sorted(found)]
    places = {rule.code: index for index, rule in enumerate(rules)}
    driver = {
        "name": "kmsgate",
        "semanticVersion": __version__,
        "rules": [_rule_in_sarif(rule) for rule in rules],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [
            _result(file.source, finding, places[finding.rule.code])
            for file in checked
            for finding in file.findings
        ],
    }
    log = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [run],
    }
    out.line(json.dumps(log, indent=2))


def _rule_in_sarif(rule: Rule) -> dict[str, Any]:
    summary, _, rest = rule.page.partition("\n")
    return {
        "id": rule.code,
        "name": rule.slug,
        "shortDescription": {"text": summary},
        "help": {"text": rest.strip() or summary, "markdown": rest.strip() or summary},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        "properties": {"severity": rule.severity.value},
    }


def _result(source: Source, finding: Finding, index: int) -> dict[str, Any]:
    told = f"{finding.message} ({finding.help})" if finding.help else finding.message
    result: dict[str, Any] = {
        "ruleId": finding.rule.code,
        "ruleIndex": index,
        "level": _LEVELS[finding.severity],
        "message": {"text": told},
        "locations": [_location(source, finding.span)],
    }
    notes = [note for note in finding.notes if note.span]
    if notes:
        result["relatedLocations"] = [
            {**_location(source, note.span), "message": {"text": note.message}}
            for note in notes
            if note.span
        ]
    if finding.edits:
        replacements = [
            {
                "deletedRegion": _region(source, edit.span),
                "insertedContent": {"text": edit.text},
            }
            for edit in finding.edits
        ]
        change = {"artifactLocation": _artifact(source), "replacements": replacements}
        fix: dict[str, Any] = {"artifactChanges": [change]}
        if finding.help:
            fix["description"] = {"text": finding.help}
        result["fixes"] = [fix]
    return result


def _location(source: Source, span: Span) -> dict[str, Any]:
    return {
        "physicalLocation": {
            "artifactLocation": _artifact(source),
            "region": _region(source, span),
        }
    }


def _artifact(source: Source) -> dict[str, str]:
    path = Path(source.name)
    return {"uri": path.as_uri() if path.is_absolute() else quote(path.as_posix())}


def _region(source: Source, span: Span) -> dict[str, int]:
    place = place_as_json(source, span)
    return {
        "startLine": place["line"],
        "startColumn": place["column"],
        "endLine": place["end_line"],
        "endColumn": place["end_column"],
    }
