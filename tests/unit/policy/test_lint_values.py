"""Rules about the values of condition keys: the edges of what they find."""

from __future__ import annotations

import json

import pytest

from kms.shapes import enumeration
from policy.lint import Severity
from policy.value_lists import LISTED_VALUES
from tests.lint_bench import document, found_in
from tests.lint_statements import KEY, found

DIGEST = "1de4f2dcf774f6e3b679f62e5f120065b2e408dcea327bd1c9dddaea6664e7af" + "7935581474844767" * 2
PCR8 = "kms:RecipientAttestation:PCR8"
PATHS = "aws:PrincipalOrgPaths"

# Rule, operator, key, values, those of them that the rule points at

VALUES: list[tuple[str, str, str, list[str], list[str]]] = [
    ("KG228", "StringEquals", "kms:KeySpec", ["RSA_2048", "RSA-4096", "ML_KEM_512"], ["RSA-4096"]),
    ("KG228", "StringLike", "kms:KeySpec", ["RSA_*", "RSA2*", "*"], ["RSA2*"]),
    ("KG228", "StringEqualsIgnoreCase", "kms:MessageType", ["raw", "text"], ["text"]),
    ("KG228", "StringEquals", "kms:MessageType", ["raw", "RA*", "${aws:PrincipalTag/a}"], ["raw"]),
    ("KG228", "StringNotEquals", "kms:KeyUsage", ["SIGN"], ["SIGN"]),
    ("KG228", "ForAnyValue:StringEquals", "kms:GrantOperations", ["kms:Sign", "PutKeyPolicy"],
     ["PutKeyPolicy"]),
    ("KG229", "ForAnyValue:StringEquals", "kms:GrantOperations",
     ["KMS:Sign", "ReEncrypt", "ReEncryptTo", "ReEncrypts"], ["KMS:Sign", "ReEncrypt"]),
    ("KG230", "StringLike", "kms:RequestAlias", ["alias/a", "a*ias/b", "*", "?lias/a", "bills*"],
     ["bills*"]),
    ("KG230", "ForAnyValue:StringEquals", "kms:ResourceAliases", ["alias/*", "bills"], ["bills"]),
    ("KG231", "StringLike", "kms:ViaService",
     ["s3.*.amazonaws.com", "*", "*.amazonaws.com", "s3.*", "ec2.eu-west-1.amazonaws.com.cn",
      "s3", "S3.eu-west-1.amazonaws.com", "s3.*.amazonaws.com.cn"],
     ["ec2.eu-west-1.amazonaws.com.cn", "s3", "S3.eu-west-1.amazonaws.com",
      "s3.*.amazonaws.com.cn"]),
    ("KG232", "StringLike", "kms:ViaService", ["ebs.*.amazonaws.com", "e*.eu-west-1.amazonaws.com"],
     ["ebs.*.amazonaws.com"]),
    ("KG232", "StringEquals", "kms:ViaService", ["ebs.amazonaws.com"], []),
    ("KG233", "StringLike", "aws:SourceVpc",
     ["vpc-0a1b2c3d", "vpc-0a1b2c3d4e5f60718", "vpc-0a1b2c3", "vpc-*", "v*", "vpce-*",
          "VPC-0a1b2c3d"],
     ["vpc-0a1b2c3", "vpce-*", "VPC-0a1b2c3d"]),
    ("KG234", "StringLike", "aws:SourceAccount", ["111122223333", "1111*", "11112222333"],
     ["11112222333"]),
    ("KG234", "StringEquals", "aws:PrincipalOrgID", ["o-a1b2c3d4e5", "o-short", "a1b2c3d4e5f6"],
     ["o-short", "a1b2c3d4e5f6"]),
    ("KG234", "ForAnyValue:StringLike", PATHS,
     ["o-a1b2c3d4e5/*", "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/", "o-*/r-ab12/*", "r-ab12/*",
      "o-a1b2c3d4e5/ou-ab12-11111111/*", "o-a1b2c3d4e5"],
     ["r-ab12/*", "o-a1b2c3d4e5/ou-ab12-11111111/*", "o-a1b2c3d4e5"]),
    ("KG235", "StringEqualsIgnoreCase", PCR8, [DIGEST, DIGEST.upper(), f"0x{DIGEST}", DIGEST[1:]],
     [f"0x{DIGEST}", DIGEST[1:]]),
    ("KG235", "StringEquals", PCR8, [DIGEST.upper()], [DIGEST.upper()]),
    ("KG236", "ArnLike", "aws:PrincipalArn",
     ["arn:aws:iam::111122223333:role/*", "arn:aws:iam::111122223333:user/a",
      "arn:aws:sts::111122223333:assumed-role/a/*", "arn:aws:s3:::reports"],
     ["arn:aws:sts::111122223333:assumed-role/a/*", "arn:aws:s3:::reports"]),
    ("KG236", "StringEquals", "kms:GranteePrincipal",
     ["arn:aws:sts::111122223333:assumed-role/a/s", "111122223333"], ["111122223333"]),
]  # fmt: skip


@pytest.mark.parametrize(("code", "operator", "key", "values", "expected"), VALUES)
def test_values_have_exactly_these_findings(
    code: str, operator: str, key: str, values: list[str], expected: list[str]
) -> None:
    text = json.dumps({operator: {key: values}})
    assert found(code, text) == [json.dumps(value) for value in expected]


def test_a_measurement_behind_0x_is_a_suggestion() -> None:
    text = document(json.dumps({"StringEquals": {PCR8: f"0x{DIGEST}"}}), KEY)
    (finding,) = (each for each in found_in(text, KEY) if each.rule.code == "KG235")
    assert finding.severity is Severity.SUGGESTION


# The lists

SHAPES = {
    "kms:KeySpec": "KeySpec",
    "kms:CustomerMasterKeySpec": "KeySpec",
    "kms:KeyUsage": "KeyUsageType",
    "kms:CustomerMasterKeyUsage": "KeyUsageType",
    "kms:KeyOrigin": "OriginType",
    "kms:EncryptionAlgorithm": "EncryptionAlgorithmSpec",
    "kms:SigningAlgorithm": "SigningAlgorithmSpec",
    "kms:MacAlgorithm": "MacAlgorithmSpec",
    "kms:MessageType": "MessageType",
    "kms:DataKeyPairSpec": "DataKeyPairSpec",
    "kms:WrappingAlgorithm": "AlgorithmSpec",
    "kms:WrappingKeySpec": "WrappingKeySpec",
    "kms:ExpirationModel": "ExpirationModelType",
    "kms:MultiRegionKeyType": "MultiRegionKeyType",
    "kms:KeyAgreementAlgorithm": "KeyAgreementAlgorithmSpec",
    "kms:GrantOperations": "GrantOperation",
}


def test_the_lists_are_those_of_the_service_model() -> None:
    listed = {key: LISTED_VALUES[key] for key in SHAPES}
    assert listed == {key: enumeration(name) for key, name in SHAPES.items()}
    assert LISTED_VALUES.keys() - SHAPES == {"kms:GrantConstraintType"}
