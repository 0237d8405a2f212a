"""Rules that rest on facts from outside a statement: kinds of keys, the time, key policies."""

from __future__ import annotations

import json

import pytest

from policy.lint import LintOptions, lint
from policy.reader import read
from policy.source import Source
from tests.lint_bench import document, found_in
from tests.lint_statements import IDENTITY, KEY, found, statement


def when(operator: str, key: str, value: object) -> dict[str, object]:
    return {operator: {key: value}}


# Kinds of keys: actions, condition, the actions that are pointed at

KEY_TYPES: list[tuple[list[str], dict[str, object], list[str]]] = [
    (["kms:Sign", "kms:Decrypt"], when("StringEquals", "kms:KeyUsage", "SIGN_VERIFY"),
     ["kms:Decrypt"]),
    (["kms:GenerateDataKey", "kms:Decrypt"], when("StringLike", "kms:KeySpec", "RSA_*"),
     ["kms:GenerateDataKey"]),
    (["kms:Decrypt"], when("StringEquals", "kms:KeySpec", ["RSA_2048", "HMAC_256"]), []),
    (["kms:Decrypt"], when("StringNotEquals", "kms:KeyUsage", "ENCRYPT_DECRYPT"), []),
    (["kms:Decrypt"], when("StringEqualsIfExists", "kms:KeyUsage", "SIGN_VERIFY"), []),
    (["kms:Decrypt"], when("StringEquals", "kms:KeyUsage", "SIGNING"), []),
    (["kms:*"], when("StringEquals", "kms:KeyUsage", "SIGN_VERIFY"), []),
    (["kms:EnableKeyRotation"], when("StringEquals", "kms:CustomerMasterKeySpec", "HMAC_256"),
     ["kms:EnableKeyRotation"]),
    (["kms:ReplicateKey", "kms:Sign"], when("Bool", "kms:MultiRegion", "false"),
     ["kms:ReplicateKey"]),
    (["kms:ImportKeyMaterial"], when("StringEquals", "kms:KeyOrigin", "AWS_KMS"),
     ["kms:ImportKeyMaterial"]),
    (["kms:ImportKeyMaterial"], when("StringEquals", "kms:KeyOrigin", "EXTERNAL"), []),
]  # fmt: skip


@pytest.mark.parametrize(("actions", "condition", "expected"), KEY_TYPES)
def test_actions_that_a_kind_of_key_cannot_perform_are_found(
    actions: list[str], condition: dict[str, object], expected: list[str]
) -> None:
    assert found("KG313", statement(actions, condition)) == list(map(json.dumps, expected))


# Dates, in March 2030: effect, operator, key, values, what is said

PAST, LATER = "2029-01-01T00:00:00Z", "2031-01-01T00:00:00Z"
DATES: list[tuple[str, str, str, object, str | None]] = [
    ("Allow", "DateLessThan", "aws:CurrentTime", PAST, "never matches"),
    ("Deny", "DateLessThanEquals", "aws:CurrentTime", PAST, "denies nothing any more"),
    ("Allow", "DateLessThan", "aws:CurrentTime", LATER, None),
    ("Allow", "DateLessThan", "aws:CurrentTime", [PAST, LATER], None),
    ("Allow", "DateGreaterThan", "aws:CurrentTime", PAST, "is no longer limited by it"),
    ("Allow", "DateGreaterThan", "aws:CurrentTime", LATER, None),
    ("Allow", "NumericLessThan", "aws:EpochTime", "1546257599", "never matches"),
    ("Allow", "DateNotEquals", "aws:CurrentTime", PAST, None),
    ("Allow", "DateLessThan", "aws:SourceAccount", PAST, None),
]


@pytest.mark.parametrize(("effect", "operator", "key", "values", "said"), DATES)
def test_dates_that_have_passed_are_found(
    effect: str, operator: str, key: str, values: object, said: str | None
) -> None:
    text = document(statement(condition=when(operator, key, values), effect=effect), KEY)
    here = [each.message for each in found_in(text, KEY, "KG329") if each.rule.code == "KG329"]
    assert [message.rpartition("the statement ")[2] for message in here] == [said] * bool(said)


def test_without_the_time_no_date_has_passed() -> None:
    text = document(statement(condition=when("DateLessThan", "aws:CurrentTime", PAST)), KEY)
    codes = {finding.rule.code for finding in lint(read(Source("p.json", text), KEY))}
    assert "KG329" not in codes


# Key policies: the bench tells of a key that only its keeper has, and one that delegates

CLOSED = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
OPEN = "arn:aws:kms:eu-west-1:111122223333:key/0987dcba-09fe-87dc-65ba-ab0987654321"
FOREIGN = "arn:aws:kms:eu-west-1:444455556666:key/1234abcd-12ab-34cd-56ef-1234567890ab"


@pytest.mark.parametrize(
    ("code", "action", "resource", "count"),
    [
        ("KG341", "kms:Decrypt", CLOSED, 1),
        ("KG341", "kms:Decrypt", OPEN, 0),
        ("KG341", "kms:Decrypt", "arn:aws:kms:*:111122223333:key/*", 1),
        ("KG341", "kms:ListKeys", "*", 0),
        ("KG342", "kms:Sign", FOREIGN, 1),
        ("KG342", "kms:Decrypt", FOREIGN, 0),
        ("KG342", "kms:Sign", CLOSED, 0),
    ],
)
def test_identity_policies_are_held_against_key_policies(
    code: str, action: str, resource: str, count: int
) -> None:
    text = statement(action, kind=IDENTITY, Resource=resource)
    assert len(found(code, text, IDENTITY)) == count


def test_without_key_policies_nothing_is_said_of_them() -> None:
    text = document(statement(kind=IDENTITY, Resource=CLOSED), IDENTITY)
    options = LintOptions(account="111122223333")
    codes = {each.rule.code for each in lint(read(Source("p", text), IDENTITY), options=options)}
    assert not codes & {"KG341", "KG342"}
