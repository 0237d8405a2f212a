"""Published policies under the linter: errors where there are some, and nowhere else.

The corpus is a folder with an `index.json` that names the kind of each document; the environment
variable KMSGATE_CORPUS says where it is.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from policy.lint import DEFAULT_RULES, Rule, Severity, lint
from policy.model import PolicyKind
from policy.reader import read
from policy.source import Source
from tests.lint_bench import WHOLE

CORPUS = os.environ.get("KMSGATE_CORPUS")

pytestmark = pytest.mark.skipif(
    not CORPUS, reason="KMSGATE_CORPUS does not name a folder with published policies"
)

KINDS = {
    "key-policy": PolicyKind.KEY_POLICY,
    "identity-policy": PolicyKind.IDENTITY_POLICY,
    "scp": PolicyKind.SCP,
    "rcp": PolicyKind.RCP,
    "vpce-policy": PolicyKind.ENDPOINT_POLICY,
}
FORMS = ("document", "statement", "statement-list")

# What is wrong with the published texts, found by reading them.
EXPECTED: dict[str, list[str]] = {
    # written without a Principal, though shown for a key policy
    "docs/conditions-kms-02.json": ["KG117"],
    # slips of the page: a comma too few, a comma too many
    "docs/conditions-kms-44.json": ["KG103"],
    "docs/kms-vpc-endpoint-05.json": ["KG102"],
    "docs/access-analyzer-resources-02.json": ["KG102"],
    # Resource in braces around a string; Bool without its inner object
    "docs/multi-region-keys-auth-01.json": ["KG101"],
    "docs/multi-region-keys-auth-03.json": ["KG101"],
    "docs/multi-region-keys-auth-06.json": ["KG101"],
    "docs/multi-region-keys-auth-07.json": ["KG101"],
    "docs/multi-region-keys-auth-08.json": ["KG101", "KG101"],
    # markers for the reader of the page to replace
    "docs/services-ses-01.json": ["KG135"],
    # shown without the statements for administrators: KMS would refuse these key policies
    "docs/conditions-kms-29.json": ["KG502"],
    "docs/conditions-kms-35.json": ["KG502"],
    "docs/infrastructure-security-01.json": ["KG502"],
    "docs/key-policy-overview-01.json": ["KG502"],
    "docs/key-policy-services-02.json": ["KG502"],
    "docs/services-wm-01.json": ["KG502"],
    "docs/access-analyzer-policy-generation-01.json": ["KG135", "KG234", "KG502"],
    "collected/service-control-policy-examples--"
    "deny-access-to-aws-based-on-the-requested-aws-region.json": ["KG135"],
    "collected/resource-control-policy-examples--"
    "kms-deny-the-accidental-or-intentional-deletion-of-a-kms-key-and-only-.json": ["KG135"],
    "collected/data-perimeter-policy-examples--network-perimeter-vpceorgid-rcp.json": ["KG135"] * 6,
    "collected/data-perimeter-policy-examples--network-perimeter-vpceorgid-scp.json": ["KG135"] * 4,
    "collected/aws-security-reference-architecture-examples--sra-kms-keys.json": ["KG135"] * 3,
    # account IDs of nine digits
    "collected/aws-cloudformation-iam-policy-validator--kms.json": ["KG216"] * 2,
    # the word "region" in place of a Region
    "docs/reference_policies_condition-keys-01.json": ["KG222"],
    "docs/reference_policies_condition-keys-02.json": ["KG222"],
    # measurements of 128 digits
    "docs/conditions-nitro-enclaves-01.json": ["KG235"],
    "docs/conditions-nitro-enclaves-04.json": ["KG235"],
    # actions that act on no key and no alias, asked for on one
    "docs/alias-access-04.json": ["KG333"] * 2,
    "docs/kms-vpc-endpoint-02.json": ["KG333"] * 2,
    "docs/customer-managed-policies-01.json": ["KG333"],
    # templates: functions in place of values, variables in place of lists
    "collected/landing-zone-accelerator-on-aws--applicationebs.json": ["KG120"] * 3,
    "collected/landing-zone-accelerator-on-aws--data-perimeter.json": ["KG104"] * 3,
    "collected/modernisation-platform-environments--ecs-secrets-access.json": ["KG104"],
}


def entries() -> list[dict[str, Any]]:
    """Return the policies of the corpus that are written in JSON."""
    if not CORPUS:
        return []
    index = json.loads(Path(CORPUS, "index.json").read_text("utf-8"))
    return [
        entry
        for part in ("docs", "collected")
        for entry in index[part]
        if entry["file"].endswith(".json")
        and kind_of(entry) is not None
        and entry.get("form", "document") in FORMS
    ]


def kind_of(entry: dict[str, Any]) -> PolicyKind | None:
    return KINDS.get(entry["kind"]) or KINDS.get(entry.get("fragment_of", ""))


def text_of(entry: dict[str, Any]) -> str:
    assert CORPUS
    text = Path(CORPUS, entry["file"]).read_text("utf-8")
    if entry.get("form", "document") == "document":
        return text
    return f'{{"Version": "2012-10-17", "Statement": [\n{text}\n]}}'


def rules_for(entry: dict[str, Any]) -> tuple[Rule, ...]:
    """Return the rules that a text is held to: parts of policies cannot be complete."""
    is_part = entry.get("form", "document") != "document" or entry["kind"] == "fragment"
    return tuple(rule for rule in DEFAULT_RULES if not (is_part and rule.code in WHOLE))


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry["file"])
def test_a_published_policy_has_the_errors_that_are_known_of_it(entry: dict[str, Any]) -> None:
    document = read(Source(entry["file"], text_of(entry)), kind_of(entry))
    found = lint(document, rules=rules_for(entry))
    errors = [finding.rule.code for finding in found if finding.severity is Severity.ERROR]
    assert Counter(errors) == Counter(EXPECTED.get(entry["file"], []))


def test_every_file_with_known_errors_is_in_the_corpus() -> None:
    assert set(EXPECTED) <= {entry["file"] for entry in entries()}
    assert len(entries()) > 150
