"""`kmsgate lint`: findings about policy documents, each with its place, an excerpt and advice."""

from __future__ import annotations

import difflib
import json
import os
import shutil
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
from policy.lint import RULES, Finding, Fix, Rule, Severity, lint
from policy.lint.repair import repair
from policy.lint.subject import Subject
from policy.model import PolicyKind
from policy.reader import Document, decode, read
from policy.source import Source, Span, printable
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
    """One file and what was found in it; after repairs, what is left, and how many were made."""

    document: Document
    findings: tuple[Finding, ...]
    repaired: int = 0

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
@click.option("--fix", is_flag=True, help="Repair what can be repaired safely, in the files.")
@click.option(
    "--unsafe-fixes",
    is_flag=True,
    help="With --fix or --diff: also make repairs that may change decisions.",
)
@click.option("--diff", is_flag=True, help="Show what --fix would change, and change nothing.")
@format_option("the findings")
@color_option
@click.option("-q", "--quiet", is_flag=True, help="One line for each finding, and no summary.")
def command(
    paths: tuple[str, ...],
    kind: str | None,
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    fail_on: str,
    fix: bool,
    unsafe_fixes: bool,
    diff: bool,
    style: str,
    color: str,
    quiet: bool,
) -> int:  # fmt: skip
    """Find what is wrong with policy documents.

    PATH is a file, a folder (every *.json file below it), or - for standard input.

    Repairs leave everything else as its author wrote it. A safe one leaves every decision as it is.
    """
    rules = select_rules(select, ignore)
    checked = [check(path, KINDS[kind] if kind else None, rules) for path in _files(paths)]
    out = screen(color=color)
    allowed = Fix.SAFE | Fix.UNSAFE if unsafe_fixes else Fix.SAFE
    if unsafe_fixes and not (fix or diff):
        raise UsageError("--unsafe-fixes does nothing by itself", "add --fix or --diff")
    if diff:
        return show_diff(out, [(file, repaired(file, rules, allowed)) for file in checked])
    if fix:
        checked = [_fixed(file, rules, allowed) for file in checked]
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
    wanted = _named(select) if select else set(RULES)
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


def repaired(file: Checked, rules: Sequence[Rule], allowed: Fix) -> Checked:
    """Return a file as its repairs would leave it; nothing is written."""
    document = file.document
    kind = document.kind  # what it was taken for, also if a repair should change what it looks like
    done = repair(
        document,
        lambda each: lint(each, rules=rules),
        lambda text: read(Source(document.source.name, text), kind),
        allowed,
    )
    return Checked(done.document, done.left, len(done.made))


def _fixed(file: Checked, rules: Sequence[Rule], allowed: Fix) -> Checked:
    """Return a file after its repairs, which are in the file whole or not at all."""
    done = repaired(file, rules, allowed)
    if not done.repaired:
        return file
    path = Path(file.source.name)
    if file.source.name == "-":
        raise UsageError("standard input cannot be repaired", "use --diff, or name the file")
    draft = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        draft.write_bytes(done.source.text.encode("utf-8"))
        shutil.copymode(path, draft)
        draft.replace(path.resolve())  # through a link, the file that it names
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise UsageError(f"cannot write {safe(str(path))}: {error.strerror}") from error
    return done


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


def show_diff(out: Screen, files: Sequence[tuple[Checked, Checked]]) -> int:
    """Write what repairs would change, as a patch; return 1 if there is anything."""
    changes = False
    for before, after in files:
        old, new = (each.source.text.split("\n") for each in (before, after))
        name = before.source.name
        for line in difflib.unified_diff(old, new, name, name, lineterm=""):
            changes = True
            style = {"+": "good", "-": "bad", "@": "note"}.get(line[:1])
            shown = printable(line.removesuffix("\r"))
            out.line(out.paint(shown, style) if style else shown)
    out.flush()
    return int(changes)


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
    fixable = " (fixable)" if finding.fix is Fix.SAFE else ""
    out.line(f"{place}: {what}: {safe(finding.message)} {slug}{fixable}")
    if quiet:
        return
    for line in source.excerpt(finding.span).split("\n"):
        out.line(line)
    for note in finding.notes:
        where = f"{safe(source.place(note.span))}: " if note.span else ""
        out.line(f"{out.paint('note', 'note')}: {where}{safe(note.message)}")
    if finding.help:
        unsafe = " (--unsafe-fixes)" if finding.fix is Fix.UNSAFE else ""
        out.line(f"{out.paint('help', 'note')}: {safe(finding.help)}{unsafe}")


def _summary_line(checked: Sequence[Checked]) -> str:
    counts = _counts(checked)
    found = [
        _count(counts[severity], f"{severity} finding" if severity == "security" else severity)
        for severity in Severity
        if counts[severity]
    ]
    files, statements = _count(len(checked), "file"), _count(_statements(checked), "statement")
    summary = f"{files}, {statements}: {', '.join(found) or 'no findings'}."
    return f"{summary}{_repairs(checked)}"


def _repairs(checked: Sequence[Checked]) -> str:
    """Say what was repaired, and what else could be."""
    fixes = Counter(finding.fix for file in checked for finding in file.findings)
    made = sum(file.repaired for file in checked)
    safe_ones, more = fixes[Fix.SAFE], fixes[Fix.UNSAFE]
    told = f" {made} fixed." if made else ""
    if safe_ones:
        told += f" {safe_ones} can be fixed with --fix"
        told += f", {more} more with --unsafe-fixes." if more else "."
    elif more:
        told += f" {more} can be fixed with --fix --unsafe-fixes."
    return told


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
        "fix": _FIXES[finding.fix],
        "edits": [
            {**_place_as_json(source, edit.span), "text": edit.text} for edit in finding.edits
        ],
        "notes": [
            {"message": note.message, **(_place_as_json(source, note.span) if note.span else {})}
            for note in finding.notes
        ],
    }


_FIXES = {Fix.NONE: "none", Fix.SAFE: "safe", Fix.UNSAFE: "unsafe"}


def _place_as_json(source: Source, span: Span) -> dict[str, int]:
    """Lines and columns count from 1; the end is that of the first character behind."""
    start, end = source.position(span.start), source.position(span.end)
    return {
        "line": start.line,
        "column": start.column,
        "end_line": end.line,
        "end_column": end.column,
    }
