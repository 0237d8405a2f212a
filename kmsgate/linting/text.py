"""Findings and repairs for people: excerpts, a summary line, and a patch."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Sequence

from kmsgate.linting.checking import Checked, counts_of, statements_in
from kmsgate.output import Screen, safe
from policy.lint import Finding, Fix, Severity
from policy.source import Source, printable

STYLES = {
    Severity.ERROR: "error",
    Severity.SECURITY: "error",
    Severity.WARNING: "warning",
    Severity.SUGGESTION: "note",
}


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
    what = out.paint(f"{finding.rule.code} {finding.severity}", STYLES[finding.severity])
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
    counts = counts_of(checked)
    found = [
        _count(counts[severity], f"{severity} finding" if severity == "security" else severity)
        for severity in Severity
        if counts[severity]
    ]
    number = sum(file.is_policy for file in checked)
    files, statements = _count(number, "file"), _count(statements_in(checked), "statement")
    summary = f"{files}, {statements}: {', '.join(found) or 'no findings'}."
    suppressed, known = (sum(counts) for counts in zip(*map(_left_out, checked), strict=True))
    summary += f" {suppressed} suppressed." if suppressed else ""
    summary += f" {known} known from the baseline." if known else ""
    return f"{summary}{_repairs(checked)}"


def _left_out(file: Checked) -> tuple[int, int]:
    return len(file.suppressed), file.known


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


def show_statistics(out: Screen, checked: Sequence[Checked]) -> None:
    """Write how often each rule found something, the most frequent first, and the summary."""
    counts = Counter(finding.rule.code for file in checked for finding in file.findings)
    rules = {finding.rule.code: finding.rule for file in checked for finding in file.findings}
    width = max((len(str(count)) for count in counts.values()), default=0)
    for code, count in sorted(counts.items(), key=lambda each: (-each[1], each[0])):
        rule = rules[code]
        what = out.paint(f"{code} {rule.severity}", STYLES[rule.severity])
        out.line(f"{count:>{width}} {what} {rule.slug}")
    if counts:
        out.line()
    out.line(_summary_line(checked))


def show_diff(out: Screen, texts: Iterable[tuple[str, str, str]]) -> int:
    """Write changes as a patch; return 1 if there are any. Of each: name, old and new text."""
    changes = False
    for name, *both in texts:
        old, new = (text.split("\n") for text in both)
        for line in difflib.unified_diff(old, new, name, name, lineterm=""):
            changes = True
            style = {"+": "good", "-": "bad", "@": "note"}.get(line[:1])
            shown = printable(line.removesuffix("\r"))
            out.line(out.paint(shown, style) if style else shown)
    out.flush()
    return int(changes)
