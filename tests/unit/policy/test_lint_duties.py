"""Rules about duties and least privilege (KG601 to KG614): their edges, and what repairs them."""

from __future__ import annotations

import pytest

from policy.lint import Fix, LintOptions, Severity, lint
from policy.model import PolicyKind
from policy.reader import read
from policy.source import Source
from tests.lint_bench import decisions, document, found_in, repaired
from tests.lint_policies import (
    APP,
    DELEGATION,
    KEY,
    OPS,
    ROOT,
    allow,
    deny,
    listed,
    messages,
    pointed_at,
    where,
)

IDENTITY, SCP = PolicyKind.IDENTITY_POLICY, PolicyKind.SCP
BOTH = f'["{APP}", "{OPS}"]'
WRAP = where("StringEquals", "kms:ViaService", "s3.eu-west-1.amazonaws.com")
RESOURCES = where("Bool", "kms:GrantIsForAWSResource", "true")
CONSOLE = (
    '["kms:Create*", "kms:Describe*", "kms:Enable*", "kms:List*", "kms:Put*", "kms:Update*",'
    ' "kms:Revoke*", "kms:Disable*", "kms:Get*", "kms:Delete*", "kms:TagResource",'
    ' "kms:UntagResource", "kms:ScheduleKeyDeletion", "kms:CancelKeyDeletion"]'
)

CASES = [
    # KG601: whose duty it is
    ("KG601", [allow(OPS, '["kms:Disable*", "kms:Sign"]')], ['"kms:Sign"']),
    ("KG601", [allow(OPS, '["kms:GetKeyPolicy", "kms:DescribeKey", "kms:Sign"]')], []),
    ("KG601", [allow(OPS, "kms:*")], []),
    ("KG601", [allow(ROOT, '["kms:PutKeyPolicy", "kms:Sign"]')], []),
    ("KG601", [allow("*", '["kms:PutKeyPolicy", "kms:Sign"]')], []),
    ("KG601", [deny(OPS, '["kms:PutKeyPolicy", "kms:Sign"]')], []),
    ("KG601", [allow(OPS, '["kms:CreateGrant", "kms:Sign"]')], ['"kms:Sign"']),
    ("KG601", [allow(OPS, '["kms:CreateGrant", "kms:Sign"]', RESOURCES)], []),
    ("KG601", [DELEGATION, allow("444455556666", '["kms:PutKeyPolicy", "kms:Sign"]')],
     ['"kms:Sign"']),
    # KG602
    ("KG602", [allow(OPS, "kms:Put*"), allow(APP, "kms:Sign")], []),
    ("KG602", [allow(BOTH, "kms:Sign"), allow(OPS, "kms:Put*")], [f'"{OPS}"']),
    ("KG602", [allow(OPS, "kms:*"), allow(OPS, "kms:Sign")], []),
    ("KG602", [allow(OPS, '["kms:Put*", "kms:Sign"]'), allow(OPS, "kms:Sign")], []),
    ("KG602", [allow(OPS, "kms:Put*"), allow(OPS, "kms:Sign"), deny(OPS, "kms:Sign")], []),
    ("KG602", [allow(OPS, "kms:Put*"), allow(OPS, "kms:Sign"), deny("*", "kms:Put*")], []),
    ("KG602", [allow(OPS, "kms:Put*"), allow(OPS, "kms:Sign"), deny(OPS, "kms:Sign", WRAP)],
     [f'"{OPS}"']),
    # KG603
    ("KG603", [allow(OPS, '["kms:*Grant", "kms:PutKeyPolicy"]')], ['"kms:*Grant"']),
    ("KG603", [allow(OPS, '["kms:CreateGrant", "kms:PutKeyPolicy"]')], []),
    ("KG603", [allow(OPS, '["kms:Create*", "kms:PutKeyPolicy"]', RESOURCES)], []),
    ("KG603", [allow(OPS, '["kms:Create*", "kms:PutKeyPolicy", "kms:Sign"]')], []),
    ("KG603", [allow(OPS, "kms:*Grant")], []),
    ("KG603", [allow(ROOT, '["kms:Create*", "kms:PutKeyPolicy"]')], []),
    # KG604: two duties, or looking and destroying
    ("KG604", [allow(OPS, '["kms:Re*", "kms:G*", "kms:*Key*", "kms:D*", "kms:De*"]')],
     ['"kms:G*"', '"kms:*Key*"', '"kms:D*"', '"kms:De*"']),
    ("KG604", [allow(OPS, '["kms:*", "*", "kms:Get*", "kms:GenerateDataKey*", "kms:ReEncrypt*"]')],
     []),
    ("KG604", [deny("*", "kms:De*")], []),
    # KG605
    ("KG605", [allow(OPS, '["kms:put*", "kms:ReEncrypt*", "kms:List?*", "kms:Lis*"]')],
     ['"kms:put*"']),
    ("KG605", [deny(OPS, "kms:Put*")], []),
    # KG606
    ("KG606", [allow(OPS, '["kms:encrypt**", "kms:GenerateDataKey*", "kms:Encryp*"]')],
     ['"kms:encrypt**"']),
    ("KG606", [deny(OPS, "kms:Encrypt*")], []),
    # KG607
    ("KG607", [allow(OPS, "kms:ScheduleKeyDeletion"), allow(OPS, "kms:Sign")],
     ['"kms:ScheduleKeyDeletion"']),
    ("KG607", [allow(OPS, "kms:ScheduleKeyDeletion"), allow(APP, "kms:Sign")], []),
    ("KG607", [allow(OPS, "kms:*")], []),
    ("KG607", [allow(BOTH, '["kms:Sign", "kms:D*Key*"]')], ['"kms:D*Key*"'] * 2),
    # KG608
    ("KG608", [allow(OPS, "kms:Schedule*")], ['"kms:Schedule*"']),
    ("KG608", [allow(ROOT, "kms:Schedule*")], []),
    ("KG608", [allow(OPS, "kms:Schedule*", where("NumericGreaterThan",
                                                 "kms:TrailingDaysWithoutKeyUsage", "90"))], []),
    ("KG608", [allow(OPS, "kms:Schedule*"),
               deny("*", "kms:Schedule*", where(
                   "NumericLessThan", "kms:scheduleKeyDeletionPendingWindowInDays", "30"))], []),
    ("KG608", [allow(OPS, "kms:Schedule*"), deny("*", "kms:Schedule*", WRAP)],
     ['"kms:Schedule*"']),
    # KG609
    ("KG609", [allow(OPS, "kms:UpdateAlias"), allow(OPS, "kms:Sign")], ['"kms:UpdateAlias"']),
    ("KG609", [allow(OPS, '["kms:Sign", "kms:TagResource"]',
                     where("StringEquals", "aws:RequestTag/Team", "a"))], []),
    # KG611
    ("KG611", [allow(ROOT, "kms:Sign")], [f'"{ROOT}"']),
    ("KG611", [allow(ROOT, '["kms:Sign", "kms:PutKeyPolicy"]')], []),
    ("KG611", [DELEGATION, allow("111122223333", "kms:PutKeyPolicy")], ['"111122223333"']),
    ("KG611", [DELEGATION, allow("444455556666", "kms:Sign")], []),
    # KG613
    ("KG613", [allow(OPS, '["kms:GenerateDataKey*", "kms:Decrypt"]')],
     ['"kms:GenerateDataKey*"']),
    ("KG613", [allow(OPS, "kms:Decrypt", WRAP), allow(ROOT, "kms:Decrypt")], []),
    ("KG613", [allow(OPS, "kms:GenerateDataKeyPair")], []),
]  # fmt: skip


@pytest.mark.parametrize(("code", "statements", "expected"), CASES)
def test_a_key_policy_has_exactly_these_findings(
    code: str, statements: list[str], expected: list[str]
) -> None:
    assert pointed_at(code, listed(*statements)) == expected


ONE = '"arn:aws:kms:eu-west-1:111122223333:key/one"'
TWO = '"arn:aws:kms:eu-west-1:111122223333:key/two"'


def can(action: str, resource: str = '"*"') -> str:
    return f'{{"Effect": "Allow", "Action": "{action}", "Resource": {resource}}}'


IDENTITY_CASES = [
    ("KG602", [can("kms:Put*"), can("kms:Sign")], 1),
    ("KG602", [can("kms:Put*", ONE), can("kms:Sign", TWO)], 0),
    ("KG602", [can("kms:Put*", ONE), can("kms:Sign", f"[{TWO}, {ONE}]")], 1),
    ("KG602", [can("kms:Put*", ONE), can("kms:Sign")], 1),
    ("KG607", [can("kms:DisableKey", ONE), can("kms:Sign", TWO)], 0),
    ("KG607", [can("kms:DisableKey", ONE), can("kms:Sign", ONE)], 1),
    ("KG612", [can("kms:Put*", ONE)], 0),
    ("KG612", [can("kms:Put*", f"[{ONE}, {TWO[:-1]}*\"]")], 1),
    ("KG612", [can("kms:Put*", ONE).replace("Resource", "NotResource")], 1),
    ("KG612", [can("kms:Sign")], 0),
    ("KG608", [can("kms:ScheduleKeyDeletion", ONE)], 1),
]  # fmt: skip


@pytest.mark.parametrize(("code", "statements", "number"), IDENTITY_CASES)
def test_an_identity_policy_gives_to_one_identity(
    code: str, statements: list[str], number: int
) -> None:
    text = document(f"[{', '.join(statements)}]", IDENTITY)
    assert len(pointed_at(code, text, IDENTITY)) == number


def test_what_an_scp_allows_is_given_to_nobody() -> None:
    text = document(f"[{can('kms:ScheduleKeyDeletion')}, {can('kms:Encrypt*')}]", SCP)
    assert [f for f in found_in(text, SCP, "KG608") if f.rule.code >= "KG6"] == []


def test_who_is_meant_is_told() -> None:
    text = document(f"[{can('kms:Put*', ONE)}, {can('kms:Sign', ONE)}]", IDENTITY)
    assert messages("KG602", text, IDENTITY) == [
        "this identity administers by 'statement 1' and uses by 'statement 2'"
    ]
    assert messages("KG601", listed(allow(BOTH, '["kms:Put*", "kms:Sign", "kms:Verify"]'))) == [
        f"{APP}, {OPS} may both administer (PutKeyPolicy) and use (Sign, Verify) the key"
    ]


def test_the_key_policy_of_the_console_is_fine_but_for_suggestions() -> None:
    use = '["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*",'
    text = listed(
        DELEGATION,
        allow(OPS, CONSOLE),
        allow(APP, use + ' "kms:DescribeKey"]'),
        allow(APP, '["kms:CreateGrant", "kms:ListGrants", "kms:RevokeGrant"]', RESOURCES),
    ).replace("111122223333", "210987654321")
    found = lint(read(Source("policy.json", text), KEY))
    assert {f.severity for f in found} == {Severity.SUGGESTION}
    assert {"KG603", "KG605", "KG608"} <= {f.rule.code for f in found}
    milder = text.replace("kms:Describe*", "kms:DescribeKey")
    assert "KG603" in {
        f.rule.code
        for f in lint(read(Source("policy.json", milder), KEY))
        if f.severity is Severity.WARNING
    }


def test_the_number_of_principals_can_be_configured() -> None:
    text = listed(allow(BOTH, "kms:Sign"))
    for most, expected in ((1, True), (2, False)):
        options = LintOptions(max_principals=most)
        found = lint(read(Source("p", text), KEY), options=options)
        assert ("KG614" in {f.rule.code for f in found}) is expected


REPAIRS = [
    ("KG603", allow(OPS, '["kms:Create*", "kms:PutKeyPolicy"]'),
     allow(OPS, '["kms:CreateAlias", "kms:PutKeyPolicy"]')),
    ("KG604", allow(OPS, "kms:D*Data*"), allow(OPS, "kms:D*Data*")),
    ("KG604", allow(OPS, "kms:*cryptTo"), allow(OPS, "kms:*cryptTo")),
    ("KG604", allow(OPS, "kms:De*t*"),
     allow(OPS, '["kms:Decapsulate", "kms:Decrypt", "kms:DeleteAlias",'
                ' "kms:DeleteImportedKeyMaterial", "kms:DeriveSharedSecret"]')),
    ("KG605", allow(OPS, '["kms:Revoke*", "kms:Sign"]'),
     allow(OPS, '["kms:RevokeGrant", "kms:Sign"]')),
    ("KG605", allow(OPS, "kms:Update*"),
     allow(OPS, '["kms:UpdateAlias", "kms:UpdateKeyDescription", "kms:UpdatePrimaryRegion"]')),
    ("KG605", allow(OPS, '["kms:Create*", "kms:createGrant"]'),
     allow(OPS, '["kms:CreateAlias", "kms:createGrant"]')),
    ("KG606", allow(OPS, '["kms:Sign*", "kms:decrypt*"]'),
     allow(OPS, '["kms:Sign", "kms:decrypt"]')),
    ("KG611", allow(f'["{APP}", "{ROOT}"]', "kms:Sign"), allow(f'["{APP}"]', "kms:Sign")),
]  # fmt: skip


@pytest.mark.parametrize(("code", "before", "after"), REPAIRS)
def test_the_edits_of_a_finding_repair_it(code: str, before: str, after: str) -> None:
    text = listed(DELEGATION, before)
    if before == after:
        assert pointed_at(code, text) == []
        return
    done = repaired(text, KEY, code)
    assert done == listed(DELEGATION, after)
    assert pointed_at(code, done) == []


def test_a_star_less_leaves_every_decision_as_it_is() -> None:
    text = listed(DELEGATION, allow("*", '["kms:Encrypt*", "kms:Decrypt*"]'))
    (found, _) = (f for f in found_in(text, KEY, "KG606") if f.rule.code == "KG606")
    assert found.fix is Fix.SAFE
    done = repaired(text, KEY, "KG606")
    assert decisions(text, KEY, range(120)) == decisions(done, KEY, range(120))
