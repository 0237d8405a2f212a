"""The repairs of the rules about meaning and security, tried on their own pages."""

from __future__ import annotations

import pytest

from policy.lint import RULES, Finding, Fix, Rule
from policy.lint.fixes import applied
from tests.lint_bench import decisions, example_of, found_in

FIXABLE = [rule for rule in RULES if rule.fix and "KG3" <= rule.code < "KG5"]

# What has to be moved into a statement of its own is left to the author.
TO_BE_SPLIT = {"KG309", "KG333", "KG334", "KG413"}

# Requests always have the key; generated ones may leave it out.
ABOUT_PRESENT_KEYS = {"KG343"}
SEEDS = range(120)


def findings_of(rule: Rule) -> tuple[str, list[Finding]]:
    text, kind = example_of(rule)
    return text, [each for each in found_in(text, kind, rule.code) if each.rule is rule]


@pytest.mark.parametrize("rule", FIXABLE, ids=lambda rule: rule.code)
def test_the_edits_repair_the_example_of_the_page(rule: Rule) -> None:
    text, found = findings_of(rule)
    _, kind = example_of(rule)
    edits = [edit for finding in found for edit in finding.edits]
    if rule.code in TO_BE_SPLIT:
        assert edits == []
        return
    done = applied(text, edits)
    assert done != text
    assert found_in(done, kind, rule.code) == ()


@pytest.mark.parametrize("rule", FIXABLE, ids=lambda rule: rule.code)
def test_a_safe_edit_changes_no_decision(rule: Rule) -> None:
    text, found = findings_of(rule)
    _, kind = example_of(rule)
    safe = [each for each in found if each.fix is Fix.SAFE]
    if not safe or rule.code in ABOUT_PRESENT_KEYS:
        return
    done = applied(text, (edit for finding in safe for edit in finding.edits))
    assert decisions(text, kind, SEEDS) == decisions(done, kind, SEEDS)
