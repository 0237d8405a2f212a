"""The rules are those of the catalogue: names, severities, kinds of document and fixes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from policy.lint import RULES, Fix, Rule
from policy.model import PolicyKind

CATALOGUE: dict[str, dict[str, Any]] = yaml.safe_load(
    Path(__file__).with_name("catalogue.yaml").read_text("utf-8")
)
FIXES = {
    "none": Fix.NONE,
    "safe": Fix.SAFE,
    "unsafe": Fix.UNSAFE,
    "safe/unsafe": Fix.SAFE | Fix.UNSAFE,
}
# The catalogue knows policies of keys only; those of other resources are a kind of our own.
KINDS = frozenset(PolicyKind) - {PolicyKind.RESOURCE_POLICY}

# A byte order mark is no JSON, whatever the kind of policy.
WIDER = {"KG133"}


def test_the_catalogue_is_whole() -> None:
    assert len(CATALOGUE) == 223
    assert list(CATALOGUE) == sorted(CATALOGUE)
    assert len({row["slug"] for row in CATALOGUE.values()}) == 223


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_a_rule_is_as_the_catalogue_has_it(rule: Rule) -> None:
    row = CATALOGUE[rule.code]
    assert (rule.slug, rule.severity) == (row["slug"], row["severity"])
    assert rule.fix == FIXES[row["fix"]]
    everywhere = row["applies"] == ["all"] or rule.code in WIDER
    assert rule.kinds & KINDS == (KINDS if everywhere else set(row["applies"]) & KINDS)
