"""Rules about key policies as a whole (KG501 to KG517): their edges, and what repairs them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy.lint import Fix, LintOptions, Severity, lint
from policy.lint.meaning import is_open, plainly_able
from policy.lint.reach import Reach
from policy.lint.subject import Subject
from policy.model import PolicyKind
from policy.reader import read
from policy.source import Source
from tests.lint_bench import document, found_in, judging, repaired
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

IDENTITY = PolicyKind.IDENTITY_POLICY
SCP = PolicyKind.SCP
FOREIGN = "arn:aws:iam::444455556666:role/app"
MANAGE = '["kms:PutKeyPolicy", "kms:GetKeyPolicy"]'
ALIEN = '"AIDAEXAMPLEID12345"'
HEADING = ['"Statement"']

CASES = [
    # KG501: the account in either form, everyone, or in part
    ("KG501", [allow("111122223333", "*")], []),
    ("KG501", [allow("*", "kms:*", where("StringEquals", "kms:CallerAccount", "111122223333"))],
     []),
    ("KG501", [allow(ROOT, MANAGE)], []),
    ("KG501", [allow(ROOT, "kms:PutKeyPolicy")], HEADING),
    ("KG501", [allow(ROOT, "kms:*"), deny("*", "kms:*")], []),
    ("KG501", [allow(f'["{OPS}", "{APP}"]', "kms:*"), allow("444455556666", "kms:Decrypt")],
     HEADING),
    # of a principal that cannot be read nobody knows whose it is
    ("KG501", [allow("ACCOUNT", "kms:*")], []),
    # KG502: every way in, and what closes it
    ("KG502", [allow(APP, "kms:Decrypt")], HEADING),
    ("KG502", [allow(APP, "kms:Put*")], []),
    ("KG502", [allow("*", "kms:PutKeyPolicy")], []),
    ("KG502", [allow(FOREIGN, "kms:*")], []),
    ("KG502", [DELEGATION, deny("*", "kms:PutKeyPolicy")], HEADING),
    ("KG502", [DELEGATION, deny("*", "kms:*", where("Bool", "aws:SecureTransport", "false"))], []),
    ("KG502", [DELEGATION, deny(OPS, "kms:*")], []),
    ("KG502", [allow(OPS, "kms:*"), deny(OPS, "kms:PutKeyPolicy")], HEADING),
    ("KG502", [allow(OPS, "kms:*", where("ArnNotLike", "aws:PrincipalArn", "*role/ops"))], HEADING),
    ("KG502", [DELEGATION, deny("*", "kms:*", where("ArnNotEquals", "aws:PrincipalArn", OPS))],
     []),
    ("KG502", [DELEGATION,
               deny("*", "kms:*", where("ArnNotLike", "aws:PrincipalArn",
     "arn:aws:iam::*:role/o*"))],
     []),
    ("KG502", [DELEGATION,
               deny("*", "kms:*", where("ArnLike", "aws:PrincipalArn", "arn:aws:iam::*:*"))],
     HEADING),
    ("KG502", [DELEGATION, deny("*", "kms:*", "", '"arn:aws:kms:*:*:key/other"')], []),
    ("KG502", [DELEGATION, deny("*", "kms:*", "", '"arn:aws:kms:us-east-1:*:key/*"')], []),
    ("KG502",
     [allow(OPS, "kms:*", where("StringEquals", "aws:PrincipalArn", "${aws:PrincipalTag/arn}"))],
     []),
    # KG503: one identity, however often it is named
    ("KG503", [allow(OPS, "kms:*"), allow(OPS, "kms:PutKeyPolicy")], [f'"{OPS}"']),
    ("KG503", [allow(OPS, "kms:*"), allow(APP, "kms:PutKeyPolicy")], []),
    ("KG503", [allow(OPS, "kms:*"), allow(ROOT, "kms:*")], []),
    ("KG503", [allow(f'["{OPS}", "{APP}"]', "kms:*"), deny(APP, "kms:Put*")], [f'"{OPS}"']),
    ("KG503", [DELEGATION, deny("*", "kms:*", where("ArnNotEquals", "aws:PrincipalArn", OPS))],
     HEADING),
    # KG505: for everybody, and under what can be true of everybody
    ("KG505", [deny("*", "kms:Put*")], ['"kms:Put*"']),
    ("KG505", [deny(OPS, "kms:Put*")], []),
    ("KG505", [deny("*", "kms:Decrypt")], []),
    ("KG505", [deny("*", "kms:*", where("StringNotEquals", "aws:SourceVpce", "vpce-0a1b2c3d"))],
     ['"kms:*"']),
    ("KG505", [deny("*", "kms:*", where("StringEquals", "aws:SourceVpce", "vpce-0a1b2c3d"))], []),
    ("KG505", [deny("*", "kms:*", where("StringEqualsIfExists", "kms:ViaService", "a"))],
     ['"kms:*"']),
    ("KG505", [deny("*", "kms:*", where("Null", "aws:SourceVpc", "true"))], ['"kms:*"']),
    ("KG505", [deny("*", "kms:*", where("Null", "aws:SourceVpc", "false"))], []),
    ("KG505", [deny("*", "kms:*", where("DateGreaterThan", "aws:CurrentTime", "2031-01-01"))],
     ['"kms:*"']),
    ("KG505", [deny("*", "kms:*", where("StringNotEquals", "aws:PrincipalTag/a", "b"))], []),
    ("KG505", [deny("*", "kms:*", '{"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"},'
                    ' "Bool": {"aws:ViaAWSService": "false"}}')], ['"kms:*"']),
    ("KG505", [deny("*", "kms:*", where("Bool", "aws:ViaAWSService", "true"))], []),
    # KG506
    ("KG506", [allow(f'[{ALIEN}, "111122223333"]', "kms:Sign")], [ALIEN]),
    ("KG506", [allow("*", "kms:Sign", where("ArnLike", "aws:PrincipalArn", "AROAEXAMPLEID12345"))],
     ['"AROAEXAMPLEID12345"']),
    ("KG506", [allow("*", "kms:Sign", where("StringLike", "aws:userid", "AROAEXAMPLEID12345"))],
     []),
    ("KG506", [allow("AROAexample", "kms:Sign")], []),
    # KG507
    ("KG507", [allow("arn:aws:sts::111122223333:federated-user/a", "kms:Sign")],
     ['"arn:aws:sts::111122223333:federated-user/a"']),
    ("KG507", [allow(OPS, "kms:Sign")], []),
    # KG508: only what a service may need, outside of a network, with no way out
    ("KG508", [deny("*", "kms:CreateGrant", where("StringNotEquals", "aws:sourcevpc", "vpc-1"))],
     ['"aws:sourcevpc"']),
    ("KG508", [deny("*", "kms:PutKeyPolicy", where("StringNotEquals", "aws:SourceVpc", "vpc-1"))],
     []),
    ("KG508", [deny("*", "kms:Decrypt", where("StringEquals", "aws:SourceVpc", "vpc-1"))], []),
    ("KG508", [deny("*", "kms:Decrypt", '{"StringNotEquals": {"aws:SourceVpc": "vpc-1"},'
                    ' "Null": {"kms:ViaService": "true"}}')], []),
    ("KG508", [allow("*", "kms:Decrypt", where("StringNotEquals", "aws:SourceVpc", "vpc-1"))], []),
    # KG509
    ("KG509", [deny("*", "kms:*", where("ArnNotLike", "aws:SourceArn", "arn:aws:s3:::a"))],
     ['"aws:SourceArn"']),
    ("KG509", [deny("*", "kms:*", where("StringEquals", "aws:SourceAccount", "111122223333"))], []),
    ("KG509", [deny("*", "kms:*", '{"StringNotEquals": {"aws:SourceAccount": "111122223333"},'
                    ' "Null": {"aws:SourceAccount": "false"}}')], []),
    ("KG509", [deny("*", "kms:*", '{"StringNotEquals": {"aws:SourceAccount": "111122223333"},'
                    ' "Null": {"aws:SourceAccount": "true"}}')], ['"aws:SourceAccount"']),
    # KG511: unless another statement is unconditional
    ("KG511", [allow(ROOT, "kms:*", where("Bool", "aws:MultiFactorAuthPresent", "true"))],
     ['"aws:MultiFactorAuthPresent"']),
    ("KG511", [allow(ROOT, "kms:*", where("Bool", "aws:MultiFactorAuthPresent", "true")),
               DELEGATION], []),
    ("KG511", [allow(ROOT, "kms:*", where("StringEquals", "kms:CallerAccount", "111122223333"))],
     []),
    ("KG511", [allow(ROOT, '["kms:Get*", "kms:ScheduleKeyDeletion"]')], ['"kms:Get*"']),
    ("KG511", [allow(ROOT, '["kms:Get*", "kms:Decrypt"]')], []),
    # KG512
    ("KG512", [allow(ROOT, "kms:*", where("DateGreaterThan", "aws:CurrentTime", "2031-01-01"))],
     []),
    ("KG512", [allow(ROOT, "kms:*", where("DateLessThan", "aws:CurrentTime", "2031-01-01")),
               allow(OPS, "kms:*")], []),
    ("KG512", [DELEGATION, deny("*", "kms:Put*", where("DateGreaterThan", "aws:EpochTime",
     "1924992000"))],
     ['"aws:EpochTime"']),
    ("KG512", [allow(ROOT, "kms:*", where("DateLessThan", "aws:CurrentTime", "2031-01-01")),
               allow(OPS, "kms:*", where("DateLessThan", "aws:CurrentTime", "2032-01-01"))],
     ['"aws:CurrentTime"']),
    # KG513 and KG514
    ("KG513", [allow(ROOT, '["kms:ScheduleKeyDeletion", "kms:CreateGrant", "kms:ListGrants"]')],
     ['"kms:ScheduleKeyDeletion"', '"kms:CreateGrant"']),
    ("KG513", [allow(ROOT, '["kms:*KeyDeletion", "kms:*Grant*"]')], []),
    ("KG513", [allow(ROOT, "kms:*"), deny("*", "kms:EnableKey")], ['"kms:*"']),
    ("KG514", [allow(ROOT, '["kms:Sign", "kms:GenerateMac", "kms:Encrypt"]')],
     ['"kms:Sign"', '"kms:GenerateMac"', '"kms:Encrypt"']),
    ("KG514", [allow(ROOT, '["kms:Sign", "kms:GetPublicKey", "kms:CreateGrant"]')], []),
    ("KG514", [allow(ROOT, "kms:Encrypt"), allow(FOREIGN, "kms:Decrypt")], []),
    # KG515
    ("KG515", [allow(OPS, "kms:ReEncryptTo"), allow(APP, "kms:ReEncryptFrom")],
     ['"kms:ReEncryptTo"', '"kms:ReEncryptFrom"']),
    ("KG515", [allow(OPS, "kms:ReEncryptTo"), allow(f'["{APP}", "{OPS}"]', "kms:ReEncryptFrom")],
     ['"kms:ReEncryptFrom"']),
    ("KG515", [allow(OPS, "kms:GenerateDataKey",
                     where("StringEquals", "kms:ViaService", "s3.eu-west-1.amazonaws.com"))],
     ['"kms:GenerateDataKey"']),
    ("KG515", [allow(OPS, '["kms:ReplicateKey", "kms:GenerateDataKey"]')], []),
    # KG517
    ("KG517", [deny("*", "kms:Put*", where("StringEquals", "kms:PolicyName", "default"))],
     ['"kms:PolicyName"']),
    ("KG517", [deny("*", "kms:Put*", where("StringNotEquals", "kms:PolicyName", "default"))], []),
    ("KG517", [deny("*", "kms:Put*", '{"StringEquals": {"kms:PolicyName": "default"},'
                    ' "Bool": {"aws:SecureTransport": "false"}}')], []),
    ("KG517", [allow("*", "kms:Put*", where("StringLike", "kms:policyname", "def*"))], []),
    ("KG517", [allow("*", "kms:Get*", where("StringEquals", "kms:PolicyName", "AWS_RAM"))], []),
]  # fmt: skip


@pytest.mark.parametrize(("code", "statements", "expected"), CASES)
def test_a_key_policy_has_exactly_these_findings(
    code: str, statements: list[str], expected: list[str]
) -> None:
    assert pointed_at(code, listed(*statements)) == expected


def test_of_a_policy_that_cannot_be_read_whole_nobody_says_who_is_missing() -> None:
    good = allow(APP, "kms:Decrypt")
    for bad in (
        "null",
        '{"Effect": "Allow"}',
        good.replace("Allow", "allow"),
        good[:-1] + ', "A": 1}',
    ):
        text = document(f"[{good}, {bad}]", KEY)
        assert {f.rule.code for f in found_in(text, KEY, "KG502")} & {"KG501", "KG502"} == set()


def test_what_the_others_say_is_judged_where_one_statement_is_wrong() -> None:
    text = document(f'[{deny("*", "kms:Put*")}, {{"Effect": "Allow"}}]', KEY)
    assert pointed_at("KG505", text) == ['"kms:Put*"']


def test_the_owner_is_the_account_that_is_given() -> None:
    text = listed(DELEGATION)
    for account, expected in (("111122223333", set()), ("444455556666", {"KG501", "KG502"})):
        found = lint(read(Source("p", text), KEY), options=LintOptions(account=account))
        assert {f.rule.code for f in found} & {"KG501", "KG502"} == expected


@pytest.mark.parametrize(
    ("caller", "statements", "refused"),
    [
        (OPS, [DELEGATION], False),
        (OPS, [allow(APP, "kms:*")], True),
        (OPS, [allow(APP, "kms:*"), allow(OPS, "kms:Put*")], False),
        (OPS, [DELEGATION, deny(OPS, "kms:*")], True),
        (FOREIGN, [DELEGATION], True),
        ("arn:aws:sts::111122223333:assumed-role/ops/me", [allow(OPS, "kms:*")], False),
        ("nobody", [allow(APP, "kms:*")], False),
    ],
)
def test_a_caller_is_told_that_it_would_be_locked_out(
    caller: str, statements: list[str], refused: bool
) -> None:
    options = LintOptions(caller=caller)
    found = lint(read(Source("p", listed(*statements)), KEY), options=options)
    assert ("KG504" in {f.rule.code for f in found}) is refused


def test_an_organization_can_be_locked_out_as_well() -> None:
    statement = '{"Effect": "Deny", "Action": "kms:*", "Resource": "*"}'
    assert pointed_at("KG505", document(statement, SCP), SCP) == ['"kms:*"']
    one = statement.replace('"*"}', '"arn:aws:kms:eu-west-1:111122223333:key/k"}')
    assert pointed_at("KG505", document(one, SCP), SCP) == []


def test_the_id_of_an_access_key_is_an_error() -> None:
    (found,) = found_in(listed(allow("AKIAEXAMPLEID12345", "kms:Sign")), KEY, "KG506")[-1:]
    assert (found.rule.code, found.severity) in (
        ("KG506", Severity.ERROR),
        ("KG216", Severity.ERROR),
    )


def test_the_role_of_a_permission_set_is_a_suggestion() -> None:
    role = "arn:aws:iam::111122223333:role/aws-reserved/AWSReservedSSO_Admin_0123456789abcdef"
    (found,) = found_in(listed(allow(role, "kms:Sign")), KEY, "KG507")
    assert (found.rule.code, found.severity) == ("KG507", Severity.SUGGESTION)


@pytest.mark.parametrize(
    ("kind", "size", "severity"),
    [
        (KEY, 29_000, None),
        (KEY, 29_500, Severity.WARNING),
        (KEY, 32_768, Severity.WARNING),
        (KEY, 32_769, Severity.ERROR),
        (SCP, 4_600, None),
        (SCP, 4_700, Severity.WARNING),
        (SCP, 5_121, Severity.ERROR),
        (PolicyKind.RESOURCE_POLICY, 99_000, None),
    ],
)
def test_a_document_is_measured_as_its_quota_is(
    kind: PolicyKind, size: int, severity: Severity | None
) -> None:
    text = '{"Version":"2012-10-17","Id":"x","Statement":[]}'
    text = text.replace("x", "x" * (size - len(text) + 1))
    spaced = text if kind is KEY else text.replace(",", ", \n")
    found = [f for f in found_in(spaced, kind, "KG510") if f.rule.code == "KG510"]
    assert [f.severity for f in found] == ([severity] if severity else [])


def test_another_quota_can_be_configured() -> None:
    text = '{"Version": "2012-10-17", "Statement": []}'
    options = LintOptions(quotas={IDENTITY: 20})
    found = lint(read(Source("p", text), IDENTITY), options=options)
    assert "39 of 20 characters" in {f.message for f in found}


ALIASES = '"Condition": {"ForAnyValue:StringLike": {"kms:ResourceAliases": "alias/a*"}}'
IDENTITY_CASES = [
    ("KG516", f'{{"Effect": "Allow", "Action": "kms:Sign", "Resource": "*", {ALIASES}}}',
     ['"kms:ResourceAliases"']),
    ("KG516", f'[{{"Effect": "Allow", "Action": "kms:Sign", "Resource": "*", {ALIASES}}},'
              ' {"Effect": "Allow", "Action": "kms:Verify", "Resource": "*"}]', []),
    ("KG516", f'[{{"Effect": "Allow", "Action": "kms:Sign", "Resource": "*", {ALIASES}}},'
              ' {"Effect": "Allow", "Action": "kms:ListKeys", "Resource": "*"}]',
     ['"kms:ResourceAliases"']),
    ("KG515", '{"Effect": "Allow", "Action": "kms:ReplicateKey", "Resource": "*"}',
     ['"kms:ReplicateKey"']),
    ("KG515", '{"Effect": "Allow", "Action": "kms:CreateKey", "Resource": "*",'
              ' "Condition": {"StringEquals": {"aws:RequestTag/Team": "a"}}}', ['"kms:CreateKey"']),
]  # fmt: skip


@pytest.mark.parametrize(("code", "fragment", "expected"), IDENTITY_CASES)
def test_an_identity_policy_has_exactly_these_findings(
    code: str, fragment: str, expected: list[str]
) -> None:
    assert pointed_at(code, document(fragment, IDENTITY), IDENTITY) == expected


def test_dates_and_reasons_are_told() -> None:
    dated = '{"DateLessThan": {"aws:CurrentTime": ["2031-01-01", "2031-06-30T12:00:00Z"]}}'
    assert messages("KG512", listed(allow(ROOT, "kms:*", dated))) == [
        "after 2031-06-30T12:00:00Z nobody can call PutKeyPolicy or Decrypt"
    ]
    guest = deny(OPS, "kms:Sign", where("DateGreaterThan", "aws:CurrentTime", "2035-01-01"))
    until = where("DateLessThan", "aws:CurrentTime", "2031-01-01")
    assert messages("KG512", listed(allow(ROOT, "kms:*", until), guest)) == [
        "after 2031-01-01T00:00:00Z nobody can call PutKeyPolicy or Decrypt"
    ]
    assert messages("KG513", listed(allow(ROOT, "kms:CreateGrant"))) == [
        "CreateGrant is allowed, but nobody may RevokeGrant or ListGrants"
    ]
    outside = where("NotIpAddress", "aws:SourceIp", "10.0.0.0/8")
    assert messages("KG508", listed(deny(OPS, "kms:Sign", outside))) == [
        f"this Deny also stops AWS services that use the key for {OPS}"
    ]


# Repairs

IP = where("NotIpAddress", "aws:SourceIp", "10.0.0.0/8")
SOURCE = (
    '{"StringNotEquals": {"aws:SourceAccount": "111122223333"},'
    ' "bool": {"aws:SecureTransport": "true"}}'
)
NEW = (
    '{"Sid": "Enable IAM policies", "Effect": "Allow", '
    f'"Principal": {{"AWS": "{ROOT}"}}, "Action": "kms:*", "Resource": "*"}}'
)

REPAIRS = [
    ("KG501", [allow(f'["{OPS}", "{APP}"]', "kms:*")],
     [NEW, allow(f'["{OPS}", "{APP}"]', "kms:*")]),
    ("KG506", [allow(f'["AIDAEXAMPLEID12345", "{OPS}"]', "kms:Sign")],
     [allow(f'["{OPS}"]', "kms:Sign")]),
    ("KG507", [allow("arn:aws:sts::111122223333:assumed-role/ops/me", "kms:Sign")],
     [allow(OPS, "kms:Sign")]),
    ("KG508", [deny("*", "kms:Sign", IP)],
     [deny("*", "kms:Sign", IP[:-1] + ', "Bool": {"aws:ViaAWSService": "false"}}')]),
    ("KG509", [deny("*", "kms:Sign", SOURCE)],
     [deny("*", "kms:Sign", SOURCE[:-2] + ', "aws:PrincipalIsAWSService": "true"},'
           ' "Null": {"aws:SourceAccount": "false"}}')]),
]  # fmt: skip


@pytest.mark.parametrize(("code", "before", "after"), REPAIRS)
def test_the_edits_of_a_finding_repair_it(code: str, before: list[str], after: list[str]) -> None:
    done = repaired(listed(*before), KEY, code)
    assert done == listed(*after)
    assert pointed_at(code, done) == []


def test_a_statement_without_a_list_gets_one() -> None:
    text = f'{{"Version": "2012-10-17",\n "Statement": {allow(OPS, "kms:*")}\n}}'
    assert repaired(text, KEY, "KG501") == (
        f'{{"Version": "2012-10-17",\n "Statement": [{NEW}, {allow(OPS, "kms:*")}]\n}}'
    )


def test_a_new_statement_stands_like_the_others() -> None:
    text = f'{{"Version": "2012-10-17", "Statement": [\n    {allow(OPS, "kms:*")}\n]}}'
    assert repaired(text, KEY, "KG501") == text.replace("[\n    {", f"[\n    {NEW},\n    {{", 1)


def test_the_white_space_of_a_large_key_policy_can_go() -> None:
    text = listed(allow(f'["{OPS}",\n{" " * 33_000}"{APP} x"]', "kms:*"))
    (found,) = (f for f in found_in(text, KEY, "KG510") if f.rule.code == "KG510")
    assert (found.severity, found.fix) == (Severity.ERROR, Fix.UNSAFE)
    done = repaired(text, KEY, "KG510")
    assert done == text.replace(" ", "").replace("\n", "").replace("appx", "app x")


def test_a_policy_with_very_many_callers_is_left_alone() -> None:
    many = ", ".join(f'"arn:aws:iam::111122223333:role/r{n}"' for n in range(400))
    text = listed(allow(f"[{many}]", "kms:Decrypt"))
    assert pointed_at("KG502", text) == []


@pytest.mark.parametrize(
    ("bars", "asked"),
    [
        (deny(OPS, "kms:*"), False),
        (deny("*", "kms:Sign"), False),
        (deny("*", "kms:*", where("Bool", "aws:SecureTransport", "false")), False),
        (deny(ROOT, "kms:Decrypt"), True),
        (deny("*", "kms:*", where("ArnNotEquals", "aws:PrincipalArn", OPS)), True),
        (deny("*", "kms:*", where("DateGreaterThan", "aws:CurrentTime", "2031-01-01")), True),
        (deny(OPS, "kms:*").replace("Principal", "NotPrincipal"), True),
    ],
)
def test_the_evaluator_is_asked_only_where_a_deny_may_bar_everybody(bars: str, asked: bool) -> None:
    subject = Subject(read(Source("p", listed(DELEGATION, bars)), KEY))
    assert (subject.reach is not None) is asked


def test_rules_that_are_opted_into_are_off_by_default() -> None:
    text = listed(DELEGATION, allow(OPS, "kms:ReEncryptTo"))
    assert "KG515" not in {f.rule.code for f in lint(read(Source("p", text), KEY))}
    assert "KG515" in {rule.code for rule in judging("KG515")}


POOL = [
    DELEGATION,
    allow(OPS, "kms:*"),
    allow(ROOT, "kms:*", where("Bool", "aws:MultiFactorAuthPresent", "true")),
    allow("*", "*"),
    deny(OPS, "kms:*"),
    deny(ROOT, "kms:Decrypt"),
    deny("*", "kms:Put*"),
    deny("*", "kms:Put*", where("ArnNotLike", "aws:PrincipalArn", "arn:aws:iam::*:role/ops")),
    deny("*", "kms:*", where("StringNotEquals", "kms:CallerAccount", "111122223333")),
    deny("*", "kms:*", where("DateLessThan", "aws:CurrentTime", "2031-01-01")),
    deny(ROOT, "kms:*").replace("Principal", "NotPrincipal"),
    deny("*", "kms:*").replace("Action", "NotAction"),
]


@given(statements=st.lists(st.sampled_from(POOL), min_size=1, max_size=4))
@settings(deadline=None, max_examples=150)
def test_where_the_evaluator_is_not_asked_it_would_find_everything_in_reach(
    statements: list[str],
) -> None:
    meaning = Subject(read(Source("p", listed(*statements)), KEY)).meaning
    if is_open(meaning):
        reach = Reach(meaning, "111122223333")
        for action in ("PutKeyPolicy", "Decrypt", "EnableKey", "CancelKeyDeletion", "ListGrants"):
            able = list(reach.who(action))
            assert able
            assert not all(map(reach.is_sole_identity, able))


@given(statements=st.lists(st.sampled_from(POOL), min_size=1, max_size=4))
@settings(deadline=None, max_examples=150)
def test_who_is_plainly_able_is_found_able_by_the_evaluator(statements: list[str]) -> None:
    meaning = Subject(read(Source("p", listed(*statements)), KEY)).meaning
    reach = Reach(meaning, meaning.account or "111122223333")
    for action in ("PutKeyPolicy", "Decrypt", "EnableKey"):
        assert len(plainly_able(meaning, action)) <= len(list(reach.who(action)))
