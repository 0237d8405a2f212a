"""`kmsgate rules`: the rules of the linter, and the page of each."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import rich_click as click

from kmsgate.commands.options import color_option, format_option
from kmsgate.linting.checking import EVERY_RULE, select_rules
from kmsgate.linting.text import STYLES
from kmsgate.output import Screen, screen
from policy.lint import Rule
from policy.model import PolicyKind


@click.command()
@click.argument("selectors", metavar="[RULE]...", nargs=-1)
@format_option("the rules", "markdown")
@color_option
def command(selectors: tuple[str, ...], style: str, color: str) -> int:
    """List the rules of the linter, or print the page of some.

    RULE is a code (KG309), the beginning of one (KG3) or a name (trailing-comma).
    """
    out = screen(color=color)
    rules = select_rules(selectors, ()) if selectors else EVERY_RULE
    if style == "json":
        out.line(json.dumps([_as_json(rule) for rule in rules], indent=2))
    elif style == "markdown":
        _write_book(out, rules)
    elif selectors:
        _show_pages(out, rules)
    else:
        _show_list(out, rules)
    out.flush()
    return 0


def _show_list(out: Screen, rules: Sequence[Rule]) -> None:
    width = max(len(rule.slug) for rule in rules)
    for rule in rules:
        severity = out.paint(f"{rule.severity:<10}", STYLES[rule.severity])
        fix = rule.fix.label
        summary = rule.page.partition("\n")[0]
        out.line(
            f"{out.paint(rule.code, 'strong')} {severity} {rule.slug:<{width}} {fix:<11} {summary}"
        )


def _show_pages(out: Screen, rules: Sequence[Rule]) -> None:
    for number, rule in enumerate(rules):
        if number:
            out.line()
        title = out.paint(f"{rule.code} {rule.slug}", "strong")
        out.line(f"{title} ({_facts(rule)})")
        out.line()
        for line in rule.page.split("\n"):
            out.line(out.paint(line, "strong") if line.startswith("## ") else line)


def _write_book(out: Screen, rules: Sequence[Rule]) -> None:
    out.line("# Rules of `kmsgate lint`")
    out.line()
    out.line("Written by `kmsgate rules --format markdown`; the pages are those of the code.")
    out.line()
    out.line("| Code | Name | Severity | Applies to | Fix |")
    out.line("|---|---|---|---|---|")
    for rule in rules:
        anchor = f"{rule.code}-{rule.slug}".lower()
        cells = [f"[{rule.code}](#{anchor})", rule.slug, rule.severity.value, _kinds(rule)]
        out.line(f"| {' | '.join([*cells, rule.fix.label])} |")
    for rule in rules:
        out.line()
        out.line(f"## {rule.code} {rule.slug}")
        out.line()
        out.line(f"*{_facts(rule)}.*")
        out.line()
        for line in rule.page.split("\n"):
            out.line(f"#{line}" if line.startswith("## ") else line)


def _facts(rule: Rule) -> str:
    asked = "; only when selected" if rule.opt_in else ""
    return f"{rule.severity}; {_kinds(rule)}; fix: {rule.fix.label}; since {rule.since}{asked}"


def _kinds(rule: Rule) -> str:
    if len(rule.kinds) == len(PolicyKind):
        return "every kind of policy"
    return ", ".join(kind.value for kind in PolicyKind if kind in rule.kinds)


def _as_json(rule: Rule) -> dict[str, Any]:
    return {
        "code": rule.code,
        "slug": rule.slug,
        "severity": rule.severity.value,
        "kinds": [kind.value for kind in PolicyKind if kind in rule.kinds],
        "fix": rule.fix.label,
        "since": rule.since,
        "opt_in": rule.opt_in,
        "page": rule.page,
    }
