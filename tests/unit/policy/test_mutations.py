"""Edits of policies: which there are, and that every edited document is a policy again."""

# ruff: noqa: E501  (a row of a table stays on its line)

from __future__ import annotations

import json
from typing import Any

import pytest

from policy import PolicyKind, parse
from policy.mutations import as_document, mutations

ALLOW = {"Sid": "A", "Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*"}


def edited(statement: dict[str, Any], *others: dict[str, Any]) -> dict[str, Any]:
    """Return the statement after each edit, by what the edit is called; None if it is gone."""
    document = {"Version": "2012-10-17", "Statement": [statement, *others]}
    found = {}
    for mutation in mutations(document):
        if mutation.index == 0:
            left = mutation.document["Statement"]
            found[mutation.edit] = left[0] if len(left) == 1 + len(others) else None
    return found


def test_a_statement_is_dropped_turned_and_widened() -> None:
    assert edited(ALLOW, ALLOW) == {
        "dropped": None,
        "Effect turned into Deny": {**ALLOW, "Effect": "Deny"},
        "Action widened to *": {**ALLOW, "Action": "*"},
    }


def test_the_only_statement_stays_and_speaks_of_nothing() -> None:
    dropped = edited(ALLOW)["dropped"]

    assert dropped["Resource"].endswith("000000000000:key/00000000-0000-4000-8000-000000000000")
    assert "NotResource" not in edited({**ALLOW, "NotResource": "x"})["dropped"]


def test_lists_lose_one_value_at_a_time() -> None:
    found = edited({**ALLOW, "Action": ["kms:Sign", "kms:Verify"], "Resource": ["a", "b"]})

    assert found["kms:Sign dropped"]["Action"] == ["kms:Verify"]
    assert found["kms:Verify dropped"]["Action"] == ["kms:Sign"]
    assert found["a dropped"]["Resource"] == ["b"]
    assert found["Resource widened to *"]["Resource"] == "*"


def test_what_is_not_meant_is_narrowed_but_not_widened() -> None:
    found = edited({"Effect": "Allow", "NotAction": ["kms:Sign", "kms:Verify"], "Resource": "*"})

    assert found["kms:Sign dropped"]["NotAction"] == ["kms:Verify"]
    assert not any("NotAction widened" in edit for edit in found)


def test_principals_are_dropped_and_widened() -> None:
    named = {"AWS": ["111122223333", "444455556666"], "Service": "s3.amazonaws.com"}
    found = edited({**ALLOW, "Principal": named})

    assert found["principal 444455556666 dropped"]["Principal"] == {
        "AWS": ["111122223333"],
        "Service": ["s3.amazonaws.com"],
    }
    assert found["principal s3.amazonaws.com dropped"]["Principal"] == {"AWS": named["AWS"]}
    assert found["Principal widened to *"]["Principal"] == "*"
    assert not any("Principal" in edit for edit in edited({**ALLOW, "Principal": "*"}))
    assert not any("Principal" in edit for edit in edited({**ALLOW, "Principal": {"AWS": ["*"]}}))


@pytest.mark.parametrize(
    ("operator", "value", "negated"),
    [
        ("StringEquals", "a", {"StringNotEquals": {"aws:x": ["a"]}}),
        ("StringNotLike", "a", {"StringLike": {"aws:x": ["a"]}}),
        ("NotIpAddress", "10.0.0.0/8", {"IpAddress": {"aws:x": ["10.0.0.0/8"]}}),
        ("IpAddress", "10.0.0.0/8", {"NotIpAddress": {"aws:x": ["10.0.0.0/8"]}}),
        ("NumericLessThan", "3", {"NumericGreaterThanEquals": {"aws:x": ["3"]}}),
        ("DateGreaterThanEquals", "2026-01-01T00:00:00Z", {"DateLessThan": {"aws:x": ["2026-01-01T00:00:00Z"]}}),
        ("NumericEquals", "3", {"NumericNotEquals": {"aws:x": ["3"]}}),
        ("Bool", "true", {"Bool": {"aws:x": ["false"]}}),
        ("Null", "false", {"Null": {"aws:x": ["true"]}}),
        ("ForAllValues:ArnLikeIfExists", "a", {"ForAllValues:ArnNotLikeIfExists": {"aws:x": ["a"]}}),
        ("StringEqualsIgnoreCase", "a", {"StringNotEqualsIgnoreCase": {"aws:x": ["a"]}}),
        ("BinaryEquals", "YQ==", None),
        ("Bool", "maybe", None),
    ],
)  # fmt: skip
def test_each_operator_has_its_contrary(operator: str, value: str, negated: object) -> None:
    found = edited({**ALLOW, "Condition": {operator: {"aws:x": value}}})

    after = found.get(f"{operator} aws:x negated")
    assert (after["Condition"] if after is not None else None) == negated
    assert "Condition" not in found[f"condition {operator} aws:x dropped"]
    loosened = found.get(f"{operator} aws:x loosened by IfExists")
    assert (loosened is None) == (operator == "Null" or operator.endswith("IfExists"))
    if loosened is not None:
        assert loosened["Condition"] == {f"{operator}IfExists": {"aws:x": [value]}}


def test_other_conditions_stay_and_values_go_one_by_one() -> None:
    condition = {
        "StringEquals": {"aws:x": ["a", "b"], "aws:y": "c"},
        "StringNotEquals": {"aws:z": "d"},
    }
    found = edited({**ALLOW, "Condition": condition})

    assert found["value a of StringEquals aws:x dropped"]["Condition"] == {
        "StringEquals": {"aws:y": "c", "aws:x": ["b"]}, "StringNotEquals": {"aws:z": "d"},
    }  # fmt: skip
    assert found["StringEquals aws:y negated"]["Condition"] == {
        "StringEquals": {"aws:x": ["a", "b"]}, "StringNotEquals": {"aws:z": "d", "aws:y": ["c"]},
    }  # fmt: skip
    assert condition["StringEquals"]["aws:x"] == ["a", "b"]  # what is written stays as it is


def test_a_policy_and_its_document_say_the_same() -> None:
    document = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "One",
                "Effect": "Deny",
                "NotPrincipal": {"AWS": ["111122223333"], "Service": ["s3.amazonaws.com"]},
                "NotAction": ["kms:Sign"],
                "Resource": ["*"],
                "Condition": {"ForAnyValue:StringLikeIfExists": {"aws:x": ["a*", "b"]}},
            },
            {"Effect": "Allow", "Principal": {"AWS": ["*"]}, "Action": ["*"], "NotResource": ["a"]},
        ],
    }  # fmt: skip
    policy = parse(json.dumps(document), kind=PolicyKind.RESOURCE_POLICY)

    assert as_document(policy) == document
