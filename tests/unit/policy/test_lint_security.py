"""Rules about security: the edges of what they find, and what they leave alone."""

from __future__ import annotations

import json

import pytest

from policy.lint import LintOptions, Severity, lint
from policy.model import PolicyKind
from policy.reader import read
from policy.source import Source
from tests.lint_bench import document, found_in, repaired, shown
from tests.lint_statements import (
    ENDPOINT,
    IDENTITY,
    KEY,
    KEY_ARN,
    RCP,
    ROLE,
    ROOT,
    SCP,
    SERVICE,
    found,
    statement,
)

OTHER_ROOT = "arn:aws:iam::444455556666:root"
CONTEXT = "kms:EncryptionContext:tenant"
PCR0 = "kms:RecipientAttestation:PCR0"
PCR8 = "kms:RecipientAttestation:PCR8"
MEASURED = {"StringEqualsIgnoreCase": {PCR0: "7fb5c55bc2ecbb68"}}
MFA = "aws:MultiFactorAuthPresent"


def equals(**keys: object) -> dict[str, object]:
    """Return a condition that these keys, with __ for a colon, have these values."""
    return {"StringEquals": {key.replace("__", ":"): value for key, value in keys.items()}}


def when(operator: str, key: str, value: object) -> dict[str, object]:
    return {operator: {key: value}}


def all_of(*statements: str) -> str:
    return f"[{', '.join(statements)}]"


# One statement: rule, kind, text, what it points at

STATEMENTS: list[tuple[str, PolicyKind, str, list[str]]] = [
    # everybody
    ("KG401", KEY, statement(who="*"), ['"*"']),
    ("KG401", KEY, statement(who={"AWS": ["*", ROLE]}), ['"*"']),
    ("KG401", KEY, statement(who="*", effect="Deny"), []),
    ("KG401", ENDPOINT, statement(who="*", kind=ENDPOINT), []),
    ("KG401", KEY, statement(who="*", condition=equals(kms__CallerAccount="111122223333")), []),
    ("KG402", KEY, statement(who="*", condition=when("IpAddress", "aws:SourceIp", "0.0.0.0/1")),
     ['"*"']),
    ("KG402", KEY, statement(who="*", condition=when("IpAddress", "aws:SourceIp",
     "203.0.113.0/24")),
     []),
    ("KG402", KEY, statement(who="*", condition=when("StringLike", "kms:CallerAccount", "1111*")),
     ['"*"']),
    ("KG402", KEY, statement(who="*", condition=when(
        "ArnLike", "aws:PrincipalArn", "arn:aws:iam::*:role/app")), ['"*"']),
    ("KG402", KEY, statement(who="*", condition=when(
        "ArnLike", "aws:PrincipalArn", "arn:aws:iam::111122223333:role/*")), []),
    ("KG402", KEY, statement(who="*", condition=when(
        "StringEqualsIfExists", "aws:SourceVpce", "vpce-1a2b3c4d")), ['"*"']),
    ("KG402", KEY, statement(who="*", condition=when(
        "StringNotEquals", "aws:PrincipalAccount", "111122223333")), ['"*"']),
    ("KG402", KEY, statement(who="*", condition=when(
        "ForAnyValue:StringLike", "aws:PrincipalOrgPaths", "o-a1b2c3d4e5/*")), []),
    ("KG402", KEY, statement(who="*", condition=when(
        "ForAllValues:StringLike", "aws:PrincipalOrgPaths", "o-a1b2c3d4e5/*")), ['"*"']),
    ("KG421", KEY, statement(who="*", condition=equals(aws__PrincipalOrgID="o-a1b2c3d4e5")),
     ['"*"']),
    ("KG421", KEY, statement("kms:DescribeKey", who="*",
                             condition=equals(aws__PrincipalOrgID="o-a1b2c3d4e5")), []),
    ("KG421", KEY, statement(who="*", condition=equals(
        aws__PrincipalOrgID="o-a1b2c3d4e5", kms__EncryptionContext__tenant="a")), []),
    ("KG403", ENDPOINT, statement(kind=ENDPOINT, NotPrincipal={"AWS": ROLE}), ['"NotPrincipal"']),
    ("KG404", KEY, statement(effect="Deny", NotPrincipal={"AWS": ROLE}), ['"NotPrincipal"']),
    ("KG405", RCP, statement(who={"Service": "*"}, kind=RCP), []),
    # services
    ("KG406", KEY, statement(who=SERVICE), ['"delivery.logs.amazonaws.com"']),
    ("KG406", KEY, statement(who=SERVICE, condition=equals(aws__SourceOrgID="o-a1b2c3d4e5")), []),
    ("KG406", KEY, statement(who=SERVICE, condition=when("ArnLike", "aws:SourceArn",
                                                         "arn:aws:s3:::reports")),
     ['"delivery.logs.amazonaws.com"']),
    ("KG406", KEY, statement(who=SERVICE, condition=when(
        "StringLike", CONTEXT, "arn:aws:logs:*:111122223333:log-group:a")), []),
    ("KG406", KEY, statement(who=SERVICE, condition=when("StringEquals", CONTEXT, "a")),
     ['"delivery.logs.amazonaws.com"']),
    ("KG406", KEY, statement(who=SERVICE, effect="Deny"), []),
    ("KG406", KEY, statement(who=SERVICE, condition=when("ArnLike", "aws:SourceArn", "*")), []),
    ("KG407", KEY, statement(who=SERVICE, condition=when(
        "StringEqualsIfExists", "aws:SourceAccount", "111122223333")), ['"111122223333"']),
    ("KG407", KEY, statement(who=SERVICE, condition=when(
        "ArnLike", "aws:SourceArn", "arn:aws:s3:::reports")), []),
    ("KG407", KEY, statement(who=SERVICE, condition={
        "ArnLike": {"aws:SourceArn": "arn:aws:logs:*:*:*"},
        "StringEquals": {"aws:SourceAccount": "111122223333"}}), []),
    ("KG408", KEY, statement(who=SERVICE, condition=equals(
        aws__Referer="111122223333", aws__SourceAccount="111122223333")), []),
    ("KG409", KEY, statement(who={"Service": "sns.amazonaws.com"},
                             condition=equals(aws__SourceAccount="111122223333")), []),
    ("KG409", KEY, statement("kms:DescribeKey", who={"Service": "cloudtrail.amazonaws.com"},
                             condition=equals(aws__SourceAccount="111122223333")), []),
    # passing on
    ("KG413", KEY, statement("kms:CreateGrant"), ['"kms:CreateGrant"']),
    ("KG413", KEY, statement("kms:*", who={"AWS": ROOT}), []),
    ("KG413", KEY, statement("kms:CreateGrant", who={"AWS": ROOT}), ['"kms:CreateGrant"']),
    ("KG413", KEY, statement("kms:CreateGrant", when("Bool", "kms:GrantIsForAWSResource", "false")),
     ['"kms:CreateGrant"']),
    ("KG413", KEY, statement("kms:CreateGrant", when(
        "ForAllValues:StringEquals", "kms:GrantOperations", "Decrypt")), []),
    ("KG413", KEY, statement("kms:CreateGrant", when(
        "ForAnyValue:StringEquals", "kms:GrantOperations", "Decrypt")), ['"kms:CreateGrant"']),
    ("KG413", IDENTITY, statement("kms:Create*", kind=IDENTITY), ['"kms:Create*"']),
    ("KG413", SCP, statement("kms:*", kind=SCP), []),
    ("KG414", KEY, statement("kms:Decrypt", when(
        "ForAnyValue:StringEquals", "kms:GrantOperations", "Decrypt")), []),
    ("KG423", KEY, statement("kms:PutKeyPolicy", when(
        "BoolIfExists", "kms:BypassPolicyLockoutSafetyCheck", "false")), []),
    ("KG423", IDENTITY, statement("kms:CreateKey", kind=IDENTITY), ['"kms:CreateKey"']),
    ("KG439", KEY, statement("kms:*", who={"AWS": ROOT}), []),
    ("KG439", KEY, statement("kms:UpdatePrimaryRegion"), ['"kms:UpdatePrimaryRegion"']),
    ("KG440", IDENTITY, statement(["kms:CreateKey", "kms:ListKeys"],
     equals(kms__KeySpec="HMAC_256"),
                                  kind=IDENTITY), []),
    # too broad
    ("KG415", KEY, statement("*", who=SERVICE), ['"*"']),
    ("KG415", KEY, statement("kms:*", who={"AWS": ROOT}), []),
    ("KG415", KEY, statement("kms:*", effect="Deny"), []),
    ("KG416", KEY, statement(NotAction="kms:*"), []),
    ("KG416", KEY, statement(NotAction="kms:PutKeyPolicy"), ['"NotAction"']),
    ("KG417", IDENTITY, statement("s3:GetObject", kind=IDENTITY, NotResource="arn:aws:s3:::a"), []),
    ("KG418", IDENTITY, statement(kind=IDENTITY), ['"kms:Decrypt"']),
    ("KG418", IDENTITY, statement("kms:DescribeKey", kind=IDENTITY), []),
    ("KG418", IDENTITY, statement(kind=IDENTITY, Resource=KEY_ARN), []),
    ("KG418", IDENTITY, statement(kind=IDENTITY, Resource="arn:aws:kms:*:*:key/*"),
     ['"kms:Decrypt"']),
    ("KG419", IDENTITY, statement("kms:*", kind=IDENTITY, Resource=KEY_ARN), []),
    ("KG419", IDENTITY, statement("*", kind=IDENTITY), ['"*"']),
    ("KG420", IDENTITY, statement(kind=IDENTITY, Resource="arn:aws:kms:*:1111*:key/*"),
     ['"arn:aws:kms:*:1111*:key/*"']),
    ("KG420", IDENTITY, statement(kind=IDENTITY, effect="Deny", Resource="arn:aws:kms:*:*:key/*"),
     []),
    ("KG422", KEY, statement(condition=when("StringLike", "kms:ViaService", "s3.*.amazonaws.com")),
     []),
    # weak tests
    ("KG424", KEY, statement(condition=when("BoolIfExists", MFA, "true")), ['"BoolIfExists"']),
    ("KG424", KEY, statement(condition=when("Bool", MFA, "true")), []),
    ("KG424", KEY, statement(condition=when("Null", MFA, "false")), ['"Null"']),
    ("KG424", KEY, statement(condition=when("Bool", MFA, "false")), ['"Bool"']),
    ("KG424", KEY, statement(effect="Deny", condition=when("Null", MFA, "true")), ['"Null"']),
    ("KG424", KEY, statement(effect="Deny", condition=when("BoolIfExists", MFA, "false")), []),
    ("KG425", KEY, statement(condition=when("StringEqualsIfExists", "kms:KeySpec", "HMAC_256")),
     []),
    ("KG425", KEY, statement(effect="Deny", condition=when(
        "StringEqualsIfExists", "kms:ViaService", "s3.eu-west-1.amazonaws.com")), []),
    ("KG425", KEY, statement(condition={
        "StringEqualsIfExists": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"},
        "StringEquals": {CONTEXT: "a"}}), []),
    ("KG426", KEY, statement("kms:Sign", {
        "StringNotEquals": {"kms:SigningAlgorithm": "ECDSA_SHA_256"},
        "StringEquals": {"kms:KeySpec": "ECC_NIST_P256"}}), []),
    ("KG426", KEY, statement("kms:Sign", effect="Deny", condition=when(
        "StringNotEquals", "kms:SigningAlgorithm", "ECDSA_SHA_256")), []),
    ("KG427", SCP, statement(kind=SCP, effect="Deny", condition=when(
        "StringNotLike", "aws:UserAgent", "app*")), ['"aws:UserAgent"']),
    ("KG427", SCP, statement(kind=SCP, effect="Deny", condition=when(
        "StringLike", "aws:UserAgent", "app*")), []),
    ("KG438", RCP, statement(kind=RCP, who="*", effect="Deny", condition={
        "StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"},
        "Bool": {"aws:PrincipalIsAWSService": "false"}}), ['"Bool"']),
    # attestation and algorithms
    ("KG436", KEY, statement(condition=when("StringEqualsIgnoreCase", PCR8, "0000")), []),
    ("KG437", KEY, statement(who="*", condition={"StringEqualsIgnoreCase": {PCR0: "ab",
     PCR8: "c"}}),
     []),
    ("KG437", KEY, statement(condition=MEASURED), []),
    ("KG441", KEY, statement("kms:Encrypt", equals(kms__KeySpec=["RSA_2048", "RSA_4096"])),
     ['"RSA_2048"']),
    ("KG441", KEY, statement("kms:Encrypt", equals(kms__KeySpec="RSA_2048")), []),
    ("KG441", KEY, statement("kms:Encrypt", effect="Deny", condition=equals(
        kms__EncryptionAlgorithm="RSAES_OAEP_SHA_1")), []),
]  # fmt: skip


@pytest.mark.parametrize(("code", "kind", "text", "expected"), STATEMENTS)
def test_statements_have_exactly_these_findings(
    code: str, kind: PolicyKind, text: str, expected: list[str]
) -> None:
    assert found(code, text, kind) == expected


# Several statements: rule, kind, statements, how many findings

OUTSIDERS = {"StringNotEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}
BY_TAG = when("StringEquals", "aws:ResourceTag/team", "a")
DOCUMENTS: list[tuple[str, PolicyKind, list[str], int]] = [
    ("KG401", KEY, [statement(who="*"), statement(who="*", effect="Deny", condition=OUTSIDERS)], 0),
    ("KG401", KEY, [statement(who="*"), statement("kms:Sign", who="*", effect="Deny",
                                                  condition=OUTSIDERS)], 1),
    ("KG401", KEY, [statement(who="*"), statement(who={"AWS": ROLE}, effect="Deny")], 1),
    ("KG401", KEY, [statement(who="*"), statement(who="*", effect="Deny", condition=when(
        "Bool", "aws:SecureTransport", "false"))], 1),
    ("KG406", KEY, [statement(who=SERVICE), statement(who="*", effect="Deny", condition=when(
        "StringNotEquals", "aws:SourceAccount", "111122223333"))], 0),
    ("KG410", KEY, [statement("kms:*", who={"AWS": ROOT}),
                    statement(["kms:Decrypt", "kms:Sign"], who={"AWS": OTHER_ROOT})], 0),
    ("KG412", KEY, [statement("kms:*", who={"AWS": ROOT}), statement(who={"AWS": ROOT})], 0),
    ("KG412", KEY, [statement(who={"AWS": OTHER_ROOT})], 0),
    ("KG423", IDENTITY, [statement("kms:CreateKey", kind=IDENTITY),
                         statement("kms:Create*", kind=IDENTITY)], 1),
    ("KG428", IDENTITY, [statement(kind=IDENTITY, condition=BY_TAG),
                         statement("kms:UntagResource", kind=IDENTITY)], 1),
    ("KG428", IDENTITY, [statement(kind=IDENTITY, condition=BY_TAG), statement(kind=IDENTITY),
                         statement("kms:UntagResource", kind=IDENTITY)], 0),
    ("KG428", IDENTITY, [statement(kind=IDENTITY, condition=BY_TAG),
                         statement("kms:TagResource", kind=IDENTITY, condition=when(
                             "ForAllValues:StringEquals", "aws:TagKeys", "cost"))], 0),
    ("KG429", KEY, [statement("kms:CreateGrant"), statement("kms:Decrypt")], 0),
    ("KG429", KEY, [statement("kms:CreateGrant"), statement("kms:Decrypt", who={"AWS": ROOT})], 1),
    ("KG434", KEY, [statement(condition=MEASURED), statement("kms:*")], 1),
    ("KG434", KEY, [statement(condition=MEASURED), statement("kms:*", who={"AWS": ROOT})], 0),
    ("KG434", KEY, [statement(condition=MEASURED), statement(),
                    statement("kms:*", who="*", effect="Deny",
                              condition=when("Null", PCR0, "true"))], 0),
    ("KG435", KEY, [statement("kms:*", who={"AWS": ROOT}), statement()], 0),
    ("KG435", KEY, [statement(condition=MEASURED), statement("kms:ReEncryptFrom")], 1),
]  # fmt: skip


@pytest.mark.parametrize(("code", "kind", "statements", "expected"), DOCUMENTS)
def test_documents_have_so_many_findings(
    code: str, kind: PolicyKind, statements: list[str], expected: int
) -> None:
    assert len(found(code, all_of(*statements), kind)) == expected


# How loud it is, and where


@pytest.mark.parametrize(
    ("code", "kind", "text", "severity"),
    [
        ("KG404", KEY, statement(effect="Deny", NotPrincipal={"AWS": ROLE}), Severity.ERROR),
        ("KG404", KEY, statement(effect="Deny", NotPrincipal={"AWS": [ROLE, ROOT]}),
         Severity.WARNING),
        ("KG413", KEY, statement("kms:Create*"), Severity.SUGGESTION),
        ("KG413", KEY, statement(["kms:Create*", "kms:CreateGrant"]), Severity.SECURITY),
        ("KG418", IDENTITY, statement(kind=IDENTITY), Severity.SECURITY),
        ("KG418", IDENTITY, statement(kind=IDENTITY,
                                      condition=equals(aws__ResourceAccount="111122223333")),
         Severity.SUGGESTION),
        ("KG423", IDENTITY, statement("kms:CreateKey", kind=IDENTITY), Severity.SUGGESTION),
    ],
)  # fmt: skip
def test_some_cases_are_milder_or_louder(
    code: str, kind: PolicyKind, text: str, severity: Severity
) -> None:
    here = [f for f in found_in(document(text, kind), kind, code) if f.rule.code == code]
    assert [finding.severity for finding in here] == [severity]


def test_a_statement_that_never_matches_gives_nothing_away() -> None:
    nobody = statement("kms:DescribeKey", equals(kms__EncryptionContext__tenant="a"), who="*")
    assert found("KG402", statement("kms:Decrypt", when("StringEquals", CONTEXT, "a"), who="*"))
    assert {code for code, _ in shown(document(nobody, KEY), KEY, "KG4")} == {"KG308"}


def test_the_account_of_the_key_can_be_said() -> None:
    text = document(statement("kms:*", who={"AWS": OTHER_ROOT}), KEY)
    options = LintOptions(account="111122223333")
    codes = {f.rule.code for f in lint(read(Source("p.json", text), KEY), options=options)}
    assert {"KG410", "KG412", "KG413"} <= codes


def test_conditions_name_accounts_as_well_as_principals() -> None:
    texts = {
        statement(who="*", condition=equals(kms__CallerAccount=["444455556666", "777788889999"])),
        statement(who=SERVICE, condition=when(
            "ArnLike", "aws:SourceArn", "arn:aws:logs:*:777788889999:*")),
    }  # fmt: skip
    for text in texts:
        (place,) = found("KG411", text)
        assert "777788889999" in place


# Repairs


@pytest.mark.parametrize(
    ("code", "kind", "before", "after"),
    [
        ("KG404", KEY, statement(effect="Deny",
             NotPrincipal={"AWS": "arn:aws:iam::111122223333:user/a"}),
         {"Effect": "Deny", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*",
          "Condition": when("ArnNotEquals", "aws:PrincipalArn",
               "arn:aws:iam::111122223333:user/a")}),
        ("KG413", KEY, statement("kms:CreateGrant"),
         json.loads(statement("kms:CreateGrant",
                              when("Bool", "kms:GrantIsForAWSResource", "true")))),
        ("KG414", KEY, statement("kms:CreateGrant", when(
            "ForAnyValue:StringEquals", "kms:GrantOperations", "Decrypt")),
         json.loads(statement("kms:CreateGrant", when(
             "ForAllValues:StringEquals", "kms:GrantOperations", "Decrypt")))),
        ("KG424", KEY, statement(effect="Deny", condition=when("Bool", MFA, "false")),
         json.loads(statement(effect="Deny", condition=when("BoolIfExists", MFA, "false")))),
        ("KG425", KEY, statement(condition=when("StringEqualsIfExists", CONTEXT, "a")),
         json.loads(statement(condition=when("StringEquals", CONTEXT, "a")))),
        ("KG438", RCP, statement(kind=RCP, who="*", effect="Deny", condition=OUTSIDERS),
         json.loads(statement(kind=RCP, who="*", effect="Deny", condition=OUTSIDERS | when(
             "BoolIfExists", "aws:PrincipalIsAWSService", "false")))),
    ],
)  # fmt: skip
def test_repairs_write_what_the_page_says(
    code: str, kind: PolicyKind, before: str, after: object
) -> None:
    text = repaired(document(before, kind), kind, code)
    assert json.loads(text)["Statement"] == [after]
    assert code not in {finding.rule.code for finding in found_in(text, kind, code)}
