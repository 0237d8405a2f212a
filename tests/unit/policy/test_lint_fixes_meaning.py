"""The repairs of the rules about meaning and security, tried on their own pages."""

from __future__ import annotations

import pytest

from policy.lint import RULES, Finding, Fix, Rule
from policy.lint.fixes import applied
from policy.model import PolicyKind
from tests.lint_bench import decisions, example_of, found_in, repaired

FIXABLE = [rule for rule in RULES if rule.fix and "KG3" <= rule.code < "KG5"]

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


# Statements that are parted

LISTED = '"Action": ["kms:ListKeys", "kms:Sign", "kms:ListAliases"], "Resource": "{}"'
ONE_KEY = LISTED.format("arn:aws:kms:eu-west-1:111122223333:key/*")


def alone(statement: str) -> str:
    return f'{{"Version": "2012-10-17", "Statement": {statement}}}'


def test_a_statement_that_is_no_list_becomes_one_and_its_name_stays_with_the_rest() -> None:
    before = alone(f'{{"Sid": "Use", "Effect": "Allow", {ONE_KEY}}}')
    kept = ONE_KEY.replace('"kms:ListKeys", "kms:Sign", "kms:ListAliases"', '"kms:Sign"')
    moved = '"Action": ["kms:ListKeys", "kms:ListAliases"], "Resource": "*"'

    assert repaired(before, PolicyKind.IDENTITY_POLICY, "KG333") == alone(
        f'[{{"Sid": "Use", "Effect": "Allow", {kept}}}, {{"Effect": "Allow", {moved}}}]'
    )


@pytest.mark.parametrize(
    ("code", "kind", "statement"),
    [
        # nothing would be left
        ("KG333", PolicyKind.IDENTITY_POLICY, '{"Effect": "Allow", "Action": "kms:ListKeys",'
         ' "Resource": "arn:aws:kms:eu-west-1:111122223333:key/*"}'),
        # it would deny more than anybody wrote
        ("KG309", PolicyKind.KEY_POLICY, '{"Effect": "Deny", "Principal": "*", "Action":'
         ' ["kms:Decrypt", "kms:DescribeKey"], "Resource": "*", "Condition":'
         ' {"StringEquals": {"kms:EncryptionContext:tenant": "a"}}}'),
        # what is there already may be meant to limit grants
        ("KG413", PolicyKind.KEY_POLICY, '{"Effect": "Allow", "Principal": {"AWS":'
         ' "arn:aws:iam::111122223333:role/app"}, "Action": ["kms:Sign", "kms:CreateGrant"],'
         ' "Resource": "*", "Condition": {"Bool": {"kms:MultiRegion": "true"}}}'),
    ],
)  # fmt: skip
def test_some_statements_are_left_to_their_author(
    code: str, kind: PolicyKind, statement: str
) -> None:
    found = [each for each in found_in(alone(statement), kind, code) if each.rule.code == code]
    assert [finding.edits for finding in found] == [()]
