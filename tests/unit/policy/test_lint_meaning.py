"""Rules about what statements mean: the edges of what they find, and what they leave alone."""

from __future__ import annotations

import pytest

from policy.lint import Severity, lint
from policy.model import PolicyKind
from policy.reader import read
from policy.source import Source
from tests.lint_bench import document, found_in
from tests.lint_statements import (
    ALIAS,
    IDENTITY,
    KEY,
    KEY_ARN,
    ROLE,
    ROOT,
    SCP,
    SERVICE,
    found,
    statement,
)

# Conditions of one statement: what is in it, and what a rule points at

CONTEXT = "kms:EncryptionContext:tenant"

CONDITIONS: list[tuple[str, object, list[str]]] = [
    ("KG311", {"StringEquals": {"kms:KeyUsage": "SIGN_VERIFY", CONTEXT: "a"}}, [f'"{CONTEXT}"']),
    ("KG311", {"StringEquals": {"kms:KeySpec": ["RSA_2048", "SYMMETRIC_DEFAULT"], CONTEXT: "a"}},
     []),
    ("KG311", {"StringLike": {"kms:KeySpec": "*", CONTEXT: "a"}}, []),
    ("KG311", {"StringEqualsIfExists": {"kms:KeySpec": "RSA_2048"},
     "StringEquals": {CONTEXT: "a"}}, []),
    ("KG312", {"StringEquals": {CONTEXT: "a"}, "ForAnyValue:StringEqualsIgnoreCase":
               {"kms:EncryptionContextKeys": "Tenant"}}, []),
    ("KG314", {"StringEquals": {"kms:KeySpec": "RSA_2048"}, "StringLike": {"kms:KeySpec": "ECC_*"}},
     []),  # KG344 says it
    ("KG314", {"StringEquals": {"kms:KeySpec": "RSA_2048"}, "StringLike": {"kms:KeySpec": "RSA_*"}},
     []),
    ("KG314", {"StringEquals": {"kms:CallerAccount": "111122223333"},
               "StringNotEquals": {"aws:PrincipalAccount": "111122223333"}},
     ['"aws:PrincipalAccount"']),
    ("KG314", {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"},
               "NotIpAddress": {"aws:SourceIp": "203.0.0.0/16"}}, ['"aws:SourceIp"']),
    ("KG314", {"IpAddress": {"aws:SourceIp": "203.0.0.0/16"},
               "NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}, []),
    ("KG314", {"Null": {"aws:SourceVpce": "true"}, "StringLike": {"aws:SourceVpce": "vpce-*"}},
     ['"aws:SourceVpce"']),
    ("KG314", {"DateGreaterThan": {"aws:CurrentTime": "2027-01-01T00:00:00Z"},
               "DateLessThan": {"aws:CurrentTime": "2027-01-01T00:00:00.5Z"}}, []),
    ("KG315", {"Null": {"kms:CallerAccount": "false"}}, ['"kms:CallerAccount"']),
    ("KG315", {"StringLike": {"kms:ViaService": "*"}}, []),
    ("KG315", {"StringEquals": {"aws:PrincipalAccount": "111122223333"}},
     ['"aws:PrincipalAccount"']),
    ("KG316", {"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::111122223333:role/other"}},
     ['"aws:PrincipalArn"']),
    ("KG316", {"ArnEquals": {"aws:PrincipalArn": ROLE}}, []),
    ("KG338", {"StringEqualsIfExists": {"aws:SourceAccount": "111122223333"}}, []),
    ("KG338", {"StringEquals": {"aws:SourceAccount": "111122223333"}}, ['"aws:SourceAccount"']),
    ("KG344", {"StringEquals": {"kms:KeySpec": "RSA_2048"}, "StringLike": {"kms:KeySpec": "ECC_*"}},
     ['"kms:KeySpec"']),
    ("KG344", {"StringEquals": {"kms:KeySpec": "RSA_2048"},
               "StringNotEquals": {"kms:KeySpec": "RSA_2048"}}, []),
]  # fmt: skip


@pytest.mark.parametrize(("code", "condition", "expected"), CONDITIONS)
def test_conditions_have_exactly_these_findings(
    code: str, condition: object, expected: list[str]
) -> None:
    assert found(code, statement(condition=condition)) == expected


# Other elements

STATEMENTS: list[tuple[str, PolicyKind, str, list[str]]] = [
    ("KG332", KEY, statement("kms:PutKeyPolicy"), []),
    ("KG333", IDENTITY, statement("kms:CreateKey", kind=IDENTITY, Resource=KEY_ARN),
     ['"kms:CreateKey"']),
    ("KG333", IDENTITY, statement("kms:CreateKey", kind=IDENTITY, Resource=[KEY_ARN, "*"]), []),
    ("KG333", IDENTITY, statement("kms:List*", kind=IDENTITY, Resource=KEY_ARN), []),
    ("KG333", IDENTITY,
     statement("kms:ListKeys", kind=IDENTITY, Resource="arn:aws:kms:*:111122223333:*"), []),
    ("KG334", IDENTITY, statement("kms:DescribeKey", kind=IDENTITY, Resource=ALIAS),
     [f'"{ALIAS}"']),
    ("KG334", IDENTITY, statement("kms:CreateAlias", kind=IDENTITY, Resource=ALIAS), []),
    ("KG334", SCP,
     statement(["kms:CreateAlias", "kms:Decrypt"], kind=SCP, Resource=[ALIAS, KEY_ARN]), []),
    ("KG335", IDENTITY, statement("kms:DeleteAlias", kind=IDENTITY, Resource=KEY_ARN),
     ['"kms:DeleteAlias"']),
    ("KG335", IDENTITY, statement("kms:DeleteAlias", kind=IDENTITY), []),
    ("KG335", IDENTITY,
     statement("kms:DeleteAlias", kind=IDENTITY, effect="Deny", Resource=KEY_ARN), []),
    ("KG336", IDENTITY, statement("kms:UpdateAlias", {"StringEquals": {"kms:KeyOrigin": "AWS_KMS"}},
                                  kind=IDENTITY, Resource=[ALIAS, KEY_ARN]), []),
    ("KG337", KEY, statement(condition={"StringEquals": {"aws:username": "a"}}, who=SERVICE),
     ['"aws:username"']),
    ("KG337", KEY, statement(condition={"StringEqualsIfExists": {"aws:username": "a"}},
     who=SERVICE),
     []),
    ("KG337", KEY, statement(condition={"StringEquals": {"aws:username": "a"}},
                             who={"AWS": ROLE} | SERVICE), []),
    ("KG338", KEY, statement(condition={"StringEquals": {"aws:SourceAccount": "111122223333"}},
                             who=SERVICE), []),
    ("KG339", KEY, statement("kms:DisableKey",
                             {"StringLike": {"kms:ViaService": "cloudformation.*.amazonaws.com"}}),
     []),
    ("KG339", KEY, statement("kms:CreateGrant",
                             {"StringEquals": {"kms:ViaService": "ec2.eu-west-1.amazonaws.com"}}),
     []),
    ("KG340", KEY, statement(effect="Deny", NotAction="kms:*"), ['"kms:*"']),
    ("KG340", IDENTITY, statement(kind=IDENTITY, effect="Deny", NotAction="kms:*"), []),
    ("KG340", IDENTITY, statement(kind=IDENTITY, effect="Deny", NotResource="*"), ['"*"']),
    ("KG340", KEY, statement(effect="Deny", NotPrincipal="*"), ['"*"']),
    ("KG340", KEY, statement(who="*", effect="Deny",
                             condition={"StringNotLike": {"kms:ViaService": "*"}}), []),
    ("KG344", KEY, statement(Sid="BlueOrGreen", condition={"StringEquals":
        {CONTEXT: "a", "kms:EncryptionContext:app": "b"}}), ['"kms:EncryptionContext:app"']),
    ("KG344", KEY, statement(Sid="BlueOrder", condition={"StringEquals":
        {CONTEXT: "a", "kms:EncryptionContext:app": "b"}}), []),
]  # fmt: skip


@pytest.mark.parametrize(("code", "kind", "text", "expected"), STATEMENTS)
def test_statements_have_exactly_these_findings(
    code: str, kind: PolicyKind, text: str, expected: list[str]
) -> None:
    assert found(code, text, kind) == expected


# Statements of one document

PAIRS: list[tuple[str, list[str], int]] = [
    ("KG317", [statement(), statement(who="*", effect="Deny", action="kms:*")], 1),
    ("KG317", [statement(), statement(who="*", effect="Deny",
                                      condition={"Bool": {"aws:SecureTransport": "false"}})], 0),
    ("KG317", [statement(["kms:Decrypt", "kms:Sign"]), statement(who="*", effect="Deny")], 0),
    ("KG317", [statement(), statement(who={"AWS": ROOT}, effect="Deny")], 0),
    ("KG318", [statement(), statement()], 1),
    ("KG318", [statement("kms:*"), statement()], 1),
    ("KG318", [statement("kms:*", who={"AWS": ROOT}), statement()], 0),
    ("KG318", [statement(), statement(effect="Deny")], 0),
    ("KG318", [statement(), statement(condition={"StringEquals": {CONTEXT: "a"}})], 0),
    ("KG332", [statement("kms:*", who={"AWS": ROOT}), statement("kms:PutKeyPolicy")], 0),
    ("KG345", [statement(who="*", effect="Deny",
     condition={"StringNotEquals": {"kms:KeySpec": spec}})
               for spec in ("RSA_2048", "RSA_4096")], 1),
    ("KG345", [statement(who="*", effect="Deny",
     condition={"StringNotEquals": {"kms:KeySpec": spec}})
               for spec in ("RSA_2048", ["RSA_2048", "RSA_4096"])], 0),
]  # fmt: skip


@pytest.mark.parametrize(("code", "statements", "expected"), PAIRS)
def test_documents_have_so_many_findings(code: str, statements: list[str], expected: int) -> None:
    assert len(found(code, f"[{', '.join(statements)}]")) == expected


# What consoles and guides write

DEFAULT_KEY_POLICY = statement("kms:*", who={"AWS": ROOT}, Sid="Enable IAM User Permissions")
USES = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]
ADMINISTRATION = [
    f"kms:{name}"
    for name in ("Create*", "Describe*", "Enable*", "List*", "Put*", "Update*", "Revoke*",
                 "Disable*", "Get*", "Delete*", "TagResource", "UntagResource",
                 "ScheduleKeyDeletion", "CancelKeyDeletion", "RotateKeyOnDemand")
]  # fmt: skip
ATTACHMENT = statement(
    ["kms:CreateGrant", "kms:ListGrants", "kms:RevokeGrant"],
    {"Bool": {"kms:GrantIsForAWSResource": "true"}},
    Sid="Allow attachment of persistent resources",
)
CONSOLE_KEY_POLICY = [
    DEFAULT_KEY_POLICY,
    statement(
        ADMINISTRATION,
        who={"AWS": "arn:aws:iam::111122223333:role/keeper"},
        Sid="Allow access for Key Administrators",
    ),
    statement(USES, Sid="Allow use of the key"),
    ATTACHMENT,
]


@pytest.mark.parametrize("statements", [[DEFAULT_KEY_POLICY], CONSOLE_KEY_POLICY])
def test_the_default_key_policies_raise_no_warning(statements: list[str]) -> None:
    text = document(f"[{', '.join(statements)}]", KEY).replace("111122223333", "210987654321")
    every = lint(read(Source("policy.json", text), KEY))
    loud = [finding for finding in every if finding.severity.reaches(Severity.WARNING)]
    assert [(f.rule.code, f.message) for f in loud] == []


@pytest.mark.parametrize(
    ("wide", "covers"),
    [("arn:*:kms:*:*:key/*", True), ("arn:aws:k*:*:*:key/*", False), ("arn:aws:km?:*:*:*", False)],
)
def test_a_pattern_of_services_makes_no_resource_redundant(wide: str, covers: bool) -> None:
    """It matches nothing (AUTH D-4), so that the other one is all there is."""
    one = "arn:aws:kms:eu-west-1:111122223333:key/*"
    text = document(
        f'{{"Effect": "Deny", "Action": "kms:Sign", "Resource": ["{one}", "{wide}"]}}',
        PolicyKind.IDENTITY_POLICY,
    )
    found = found_in(text, PolicyKind.IDENTITY_POLICY, "KG320")
    assert ("KG320" in {finding.rule.code for finding in found}) is covers
