"""`kmsgate lint`: findings about policy documents, each with its place, an excerpt and advice."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rich_click as click

from kmsgate.commands.options import color_option, format_option
from kmsgate.errors import UsageError
from kmsgate.output import Screen, safe, screen
from policy.errors import PolicySyntaxError, Problem
from policy.lint import DEFAULT_RULES, RULES, Finding, Rule, Severity, lint
from policy.lint.subject import Subject
from policy.model import PolicyKind
from policy.reader import Document, decode, read
from policy.source import Source, Span
from policy.spelling import closest

MAX_BYTES = 1 << 20  # no character takes more than four bytes: beyond this nothing is a policy
_RULE_NAMES = "rules have codes such as KG101 and names such as trailing-comma"
_HEAD = 160  # as much as an excerpt shows

KINDS = {
    "key-policy": PolicyKind.KEY_POLICY,
    "identity": PolicyKind.IDENTITY_POLICY,
    "scp": PolicyKind.SCP,
    "rcp": PolicyKind.RCP,
    "endpoint": PolicyKind.ENDPOINT_POLICY,
    "resource": PolicyKind.RESOURCE_POLICY,
}
_STYLES = {
    Severity.ERROR: "error",
    Severity.SECURITY: "error",
    Severity.WARNING: "warning",
    Severity.SUGGESTION: "note",
}


@dataclass(frozen=True, slots=True)
class Checked:
    """One file and what was found in it."""

    document: Document
    findings: tuple[Finding, ...]

    @property
    def source(self) -> Source:
        """The text, named as the user did."""
        return self.document.source


@click.command()
@click.argument("paths", metavar="PATH...", nargs=-1, required=True)
@click.option(
    "--kind",
    type=click.Choice(list(KINDS)),
    help="What the documents are; without it, those with principals are key policies.",
)
@click.option(
    "--select",
    multiple=True,
    metavar="RULE",
    help="Run these rules only: a code, the beginning of one, or a name.",
)
@click.option("--ignore", multiple=True, metavar="RULE", help="Leave these rules out.")
@click.option(
    "--fail-on",
    type=click.Choice([s.value for s in Severity]),
    default="warning",
    show_default=True,
    help="The mildest severity that makes the exit code 1.",
)
@format_option("the findings")
@color_option
@click.option("-q", "--quiet", is_flag=True, help="One line for each finding, and no summary.")
def command(
    paths: tuple[str, ...],
    kind: str | None,
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    fail_on: str,
    style: str,
    color: str,
    quiet: bool,
) -> int:  # fmt: skip
    """Find what is wrong with policy documents.

    PATH is a file, a folder (every *.json file below it), or - for standard input.
    """
    rules = select_rules(select, ignore)
    checked = [check(path, KINDS[kind] if kind else None, rules) for path in _files(paths)]
    out = screen(color=color)
    if style == "json":
        show_json(out, checked)
    else:
        show_text(out, checked, quiet=quiet)
    out.flush()
    threshold = Severity(fail_on)
    return int(any(f.severity.reaches(threshold) for file in checked for f in file.findings))


# Which rules, which files


def select_rules(select: Sequence[str], ignore: Sequence[str]) -> tuple[Rule, ...]:
    """Return the rules that were asked for; raises UsageError for a name that fits none."""
    wanted = _named(select) if select else set(DEFAULT_RULES)
    wanted -= _named(ignore)
    return tuple(rule for rule in RULES if rule in wanted)


def _named(selectors: Sequence[str]) -> set[Rule]:
    named: set[Rule] = set()
    for selector in (part.strip() for text in selectors for part in text.split(",")):
        rules = {rule for rule in RULES if rule.is_selected_by(selector)}
        if not rules:
            meant = closest(selector, [name for rule in RULES for name in (rule.code, rule.slug)])
            advice = f"did you mean '{meant}'?" if meant else _RULE_NAMES
            raise UsageError(f"no rule is called '{safe(selector)}'", advice)
        named |= rules
    return named


def _files(paths: Sequence[str]) -> list[str]:
    """Return the files that the paths stand for, each of them once."""
    missing = [safe(path) for path in paths if path != "-" and not Path(path).exists()]
    if missing:
        raise UsageError(f"no such file or folder: {', '.join(missing)}")
    found: dict[str, None] = {}
    for path in paths:
        if path == "-" or not Path(path).is_dir():
            found[path] = None
            continue
        below = sorted(_below(path))
        if not below:
            raise UsageError(f"no *.json file below {safe(path)}")
        found |= dict.fromkeys(below)
    return list(found)


def _below(folder: str) -> Iterator[str]:
    for here, folders, files in os.walk(folder, onerror=_unreadable):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (str(Path(here, name)) for name in files if name.endswith(".json"))


def _unreadable(error: OSError) -> None:
    raise UsageError(f"cannot read {safe(str(error.filename))}: {error.strerror}") from error


# One file


def check(path: str, kind: PolicyKind | None, rules: Sequence[Rule]) -> Checked:
    """Return what the rules find in a file; raises UsageError if it cannot be opened."""
    try:
        if path == "-":
            data = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            with Path(path).open("rb") as file:
                data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"cannot read {safe(path)}: {error.strerror}") from error
    document = _document(data, path, kind)
    return Checked(document, lint(document, rules=rules))


def _document(data: bytes, path: str, kind: PolicyKind | None) -> Document:
    if len(data) > MAX_BYTES:
        source = Source(path, data[:_HEAD].decode("utf-8", "replace"))
        message = f"the file has more than {MAX_BYTES:,} bytes, too much for a policy"
        problems: Iterable[Problem] = [Problem("KG101", message, Span(0, 1))]
    else:
        try:
            return read(decode(data, path), kind)
        except PolicySyntaxError as error:
            source, problems = error.source, error.problems
    return Document(source, kind or PolicyKind.KEY_POLICY, None, None, tuple(problems))


# Output


def show_text(out: Screen, checked: Sequence[Checked], *, quiet: bool = False) -> None:
    """Write the findings for people and editors: place first, then excerpt, notes and help."""
    for file in checked:
        for finding in file.findings:
            _show_finding(out, file.source, finding, quiet=quiet)
    if quiet:
        return
    if any(file.findings for file in checked):
        out.line()
    out.line(_summary_line(checked))


def _show_finding(out: Screen, source: Source, finding: Finding, *, quiet: bool) -> None:
    place = out.paint(safe(source.place(finding.span)), "strong")
    what = out.paint(f"{finding.rule.code} {finding.severity}", _STYLES[finding.severity])
    slug = out.paint(f"[{finding.rule.slug}]", "faint")
    out.line(f"{place}: {what}: {safe(finding.message)} {slug}")
    if quiet:
        return
    for line in source.excerpt(finding.span).split("\n"):
        out.line(line)
    for note in finding.notes:
        where = f"{safe(source.place(note.span))}: " if note.span else ""
        out.line(f"{out.paint('note', 'note')}: {where}{safe(note.message)}")
    if finding.help:
        out.line(f"{out.paint('help', 'note')}: {safe(finding.help)}")


def _summary_line(checked: Sequence[Checked]) -> str:
    counts = _counts(checked)
    found = [
        _count(counts[severity], f"{severity} finding" if severity == "security" else severity)
        for severity in Severity
        if counts[severity]
    ]
    files, statements = _count(len(checked), "file"), _count(_statements(checked), "statement")
    return f"{files}, {statements}: {', '.join(found) or 'no findings'}."


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _counts(checked: Sequence[Checked]) -> Counter[Severity]:
    return Counter(finding.severity for file in checked for finding in file.findings)


def _statements(checked: Sequence[Checked]) -> int:
    return sum(len(Subject(file.document).statements) for file in checked)


def show_json(out: Screen, checked: Sequence[Checked]) -> None:
    """Write the findings for programs, as one JSON object."""
    counts = _counts(checked)
    summary = {"files": len(checked), "statements": _statements(checked)}
    summary |= {severity.value: counts[severity] for severity in Severity}
    findings = [_as_json(file.source, finding) for file in checked for finding in file.findings]
    out.line(json.dumps({"findings": findings, "summary": summary}, indent=2))


def _as_json(source: Source, finding: Finding) -> dict[str, Any]:
    return {
        "path": source.name,
        **_place_as_json(source, finding.span),
        "code": finding.rule.code,
        "slug": finding.rule.slug,
        "severity": finding.severity.value,
        "message": finding.message,
        "help": finding.help,
        "notes": [
            {"message": note.message, **(_place_as_json(source, note.span) if note.span else {})}
            for note in finding.notes
        ],
    }


def _place_as_json(source: Source, span: Span) -> dict[str, int]:
    """Lines and columns count from 1; the end is that of the first character behind."""
    start, end = source.position(span.start), source.position(span.end)
    return {
        "line": start.line,
        "column": start.column,
        "end_line": end.line,
        "end_column": end.column,
    }
