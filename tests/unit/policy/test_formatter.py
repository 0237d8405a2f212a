"""A policy as text: what is parsed from it is the policy again, places aside."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from typing import Any

import pytest
from hypothesis import given

from policy import Policy, PolicyKind, parse
from policy.formatter import format_policy
from policy.source import Span
from tests.strategies import World, worlds


def said(value: Any) -> Any:
    """Return what a part of a policy says, without where it says so."""
    if isinstance(value, Span):
        return None
    if isinstance(value, tuple):
        return tuple(map(said, value))
    if isinstance(value, Policy):
        return value.name, value.kind, value.version, value.id, said(value.statements)
    if is_dataclass(value):
        parts = fields(value)
        return type(value), tuple(said(getattr(value, part.name)) for part in parts if part.compare)
    return value


def comes_back(policy: Policy) -> bool:
    again = parse(format_policy(policy), name=policy.name, kind=policy.kind)
    return bool(said(again) == said(policy))


@given(worlds())
def test_generated_policies_come_back(world: World) -> None:
    made = world._policies()
    levels = [level.policies for name in ("scps", "rcps") for level in made.get(name, ())]
    lists = [made.get(name, ()) for name in ("identity", "session")]
    single = [made[name] for name in ("key_policy", "boundary", "endpoint") if name in made]

    for policy in (*sum(levels, ()), *sum(map(tuple, lists), ()), *single):
        assert comes_back(policy)


PRINCIPALS = {
    "AWS": ["*", "111122223333", "arn:aws:iam::111122223333:role/x", "AIDAEXAMPLE", "nonsense"],
    "Service": "logs.amazonaws.com",
    "Federated": ["cognito-identity.amazonaws.com", "accounts.google.com"],
    "CanonicalUser": "79a59d",
}


@pytest.mark.parametrize(
    "members",
    [
        {"Principal": "*"},
        {"Principal": PRINCIPALS},
        {"NotPrincipal": PRINCIPALS},
        {"Sid": "", "Principal": "*"},
        {"Principal": "*", "Condition": {}},
        {"Principal": "*", "Condition": {"StringEquals": {"aws:x": []}}},
        {"Principal": "*", "Condition": {"NumericLessThanEquals": {"aws:x": [1, 2.5, "3"]}}},
        {"Principal": "*", "Condition": {"ForAllValues:StringLikeIfExists": {"aws:x": "${a:b}*"}}},
        {"Principal": "*", "Condition": {"Bool": {"a:x": True}, "Null": {"a:x": "false"}}},
        {
            "Principal": "*",
            "Condition": {
                "StringEquals": {"a:x": "1", "A:X": "2"},
                "stringequals": {"a:x": "3"},
                "STRINGEQUALS": {"a:x": "4", "a:y": "5"},
            },
        },
    ],
)
def test_every_element_comes_back(members: dict[str, Any]) -> None:
    statement = {"Effect": "Deny", "Action": ["KMS:De*", "*"], "Resource": "*", **members}
    document = {"Version": "2008-10-17", "Id": "é", "Statement": statement}

    assert comes_back(parse(json.dumps(document)))


def test_what_a_statement_lacks_is_left_out() -> None:
    statement = {"Effect": "Allow", "NotAction": ["kms:*"], "NotResource": ["*"]}
    document = {"Version": "2012-10-17", "Statement": [statement]}

    policy = parse(json.dumps(document), kind=PolicyKind.IDENTITY_POLICY)

    assert comes_back(policy)
    assert json.loads(format_policy(policy)) == document
