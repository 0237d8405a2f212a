"""What the configuration says about linting: rules, facts, and findings that are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kmsgate.configuration import Configuration
from kmsgate.linting.suppressions import Suppression
from policy.lint import RULES, Severity
from policy.spelling import closest

KEYS = (
    "select", "ignore", "fail-on", "account", "trusted-accounts", "caller", "max-principals",
    "per-file", "suppress", "baseline",
)  # fmt: skip
_SUPPRESSION = ("rule", "path", "sid", "reason")


@dataclass(frozen=True, slots=True)
class LintSettings:
    """The table `lint` of a configuration; what it leaves out is empty or None here."""

    configuration: Configuration = field(default_factory=Configuration)
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    fail_on: str | None = None
    account: str | None = None
    trusted_accounts: tuple[str, ...] = ()
    caller: str | None = None
    max_principals: int | None = None
    per_file: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    suppress: tuple[Suppression, ...] = ()
    baseline: str | None = None


def lint_settings(found: Configuration) -> LintSettings:
    """Return the settings; raises UsageError for what is unknown or of another type."""
    table = found.section("lint", KEYS)
    return LintSettings(
        found,
        select=_rules(found, table, "select"),
        ignore=_rules(found, table, "ignore"),
        fail_on=_one_of(found, table, "fail-on", tuple(severity.value for severity in Severity)),
        account=_text(found, "lint.account", table.get("account")),
        trusted_accounts=_texts(found, "lint.trusted-accounts", table.get("trusted-accounts")),
        caller=_text(found, "lint.caller", table.get("caller")),
        max_principals=_number(found, "lint.max-principals", table.get("max-principals")),
        per_file=_per_file(found, table.get("per-file", {})),
        suppress=_suppressions(found, table.get("suppress", [])),
        baseline=_text(found, "lint.baseline", table.get("baseline")),
    )


def _per_file(found: Configuration, table: Any) -> dict[str, tuple[str, ...]]:
    if not isinstance(table, dict):
        raise found.error("lint.per-file", "must be a table of paths")
    ignored = {}
    for path, entry in table.items():
        where = f"lint.per-file.{path}"
        if not isinstance(entry, dict):
            raise found.error(where, "must be a table with 'ignore'")
        found.require_known(where, entry, ("ignore",))
        ignored[path] = _rules(found, entry, "ignore", where)
    return ignored


def _suppressions(found: Configuration, entries: Any) -> tuple[Suppression, ...]:
    if not isinstance(entries, list):
        raise found.error("lint.suppress", "must be a list of tables")
    made = []
    for number, entry in enumerate(entries, 1):
        where = f"lint.suppress, entry {number},"
        if not isinstance(entry, dict):
            raise found.error(where, "must be a table")
        found.require_known(where, entry, _SUPPRESSION)
        given = {name: _text(found, f"{where} '{name}'", entry.get(name)) for name in _SUPPRESSION}
        rule, reason = given["rule"], given["reason"]
        if rule is None:
            raise found.error(where, "needs a 'rule'")
        if reason is None or not reason.strip():
            raise found.error(where, "needs a 'reason', for whoever reads it next")
        _require_rule(found, where, rule)
        made.append(Suppression(rule, reason, given["path"] or "*", given["sid"]))
    return tuple(made)


def _rules(
    found: Configuration, table: Mapping[str, Any], key: str, where: str = "lint"
) -> tuple[str, ...]:
    selectors = _texts(found, f"{where}.{key}", table.get(key))
    for selector in selectors:
        _require_rule(found, f"{where}.{key}", selector)
    return selectors


def _require_rule(found: Configuration, where: str, selector: str) -> None:
    if not any(rule.is_selected_by(selector) for rule in RULES):
        meant = closest(selector, [name for rule in RULES for name in (rule.code, rule.slug)])
        advice = f"; did you mean '{meant}'?" if meant else ""
        raise found.error(where, f"names no rule: '{selector}'{advice}")


def _one_of(
    found: Configuration, table: Mapping[str, Any], key: str, known: tuple[str, ...]
) -> str | None:
    text = _text(found, f"lint.{key}", table.get(key))
    if text is not None and text not in known:
        raise found.error(f"lint.{key}", f"must be one of {', '.join(known)}")
    return text


def _text(found: Configuration, where: str, value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise found.error(where, "must be a text")
    return value


def _texts(found: Configuration, where: str, value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise found.error(where, "must be a list of texts")
    return tuple(value)


def _number(found: Configuration, where: str, value: Any) -> int | None:
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
        raise found.error(where, "must be a number from 1 on")
    return value
