"""The one way to set a policy: what it says stays, and setting it again changes nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy import PolicyKind, parse
from policy.layout import WIDTH, laid_out
from policy.parser import parse_json
from policy.source import Source
from policy.tree import Node
from tests.strategies import World, worlds
from tests.unit.policy.test_formatter import said

SET = """\
{
  "Version": "2012-10-17",
  "Id": "keys",
  "Statement": [
    {
      "Sid": "Users",
      "Effect": "Allow",
      "Principal": {"AWS": ["111122223333", "444455556666"]},
      "Action": [
        "kms:Decrypt",
        "kms:DescribeKey",
        "kms:Encrypt",
        "kms:GenerateDataKey*",
        "kms:ReEncrypt*"
      ],
      "Resource": "*",
      "Condition": {
        "StringEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"},
        "Bool": {"aws:SecureTransport": true}
      }
    }
  ]
}
"""


KINDS = {
    "key_policy": PolicyKind.KEY_POLICY,
    "endpoint": PolicyKind.ENDPOINT_POLICY,
    "scps": PolicyKind.SCP,
    "rcps": PolicyKind.RCP,
    **dict.fromkeys(("identity", "boundary", "session"), PolicyKind.IDENTITY_POLICY),
}


def tree_of(text: str) -> Node:
    tree = parse_json(Source("p.json", text)).tree
    assert tree is not None
    return tree


def laid(text: str) -> str:
    return laid_out(tree_of(text))


def shuffled(value: Any, turn: int) -> Any:
    """Return the same JSON with its members turned round."""
    if isinstance(value, list):
        return [shuffled(item, turn) for item in value]
    if isinstance(value, dict):
        items = [(name, shuffled(item, turn)) for name, item in value.items()]
        return dict(items[turn % len(items) :] + items[: turn % len(items)]) if items else {}
    return value


def test_a_policy_is_set_with_its_elements_in_order_and_what_is_short_on_one_line() -> None:
    assert laid(SET) == SET
    assert laid(json.dumps(json.loads(SET))) == SET
    turned = shuffled({"Statement": json.loads(SET)["Statement"], "Id": "keys",
                       "Version": "2012-10-17"}, 0)  # fmt: skip
    assert laid(json.dumps(turned, indent=8)) == SET


def test_elements_that_nobody_knows_stay_behind_the_others_in_their_order() -> None:
    text = laid('{"Statement": {"b": 1, "Effect": "Deny", "a": [], "Sid": "s"}, "x": {}}')

    assert list(json.loads(text)) == ["Statement", "x"]
    assert list(json.loads(text)["Statement"]) == ["Sid", "Effect", "b", "a"]


def test_the_order_of_conditions_and_lists_is_the_authors() -> None:
    condition = '{"Null": {"b": "true", "a": "true"}}'
    text = f'{{"Statement": [{{"Condition": {condition}, "Action": ["z", "a"]}}]}}'
    statement = json.loads(laid(text))["Statement"][0]

    assert list(statement["Condition"]["Null"]) == ["b", "a"]
    assert statement["Action"] == ["z", "a"]


@pytest.mark.parametrize("length", [WIDTH - 16, WIDTH - 15])
def test_a_list_is_broken_where_it_would_not_fit(length: int) -> None:
    """Two signs before the name, eight of it, the brackets and quotes, and a comma behind."""
    text = laid(json.dumps({"Action": ["a" * length], "B": 1}))
    longest = max(map(len, text.splitlines()))

    assert longest <= WIDTH
    assert ("[\n" in text) == (length > WIDTH - 17)


def test_numbers_and_signs_are_written_as_they_were() -> None:
    assert laid('{"a": 1.50E+2, "c": null}') == '{\n  "a": 1.50E+2,\n  "c": null\n}\n'
    assert laid('{"b": "\\u00e9"}') == '{"b": "é"}\n'
    half = r'{"b": "\u00e9\ud800"}' + "\n"
    assert laid(half) == half


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=40),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=30,
)


@given(json_values)
def test_any_json_says_the_same_and_is_set_once_and_for_all(value: Any) -> None:
    once = laid(json.dumps(value))

    assert json.loads(once) == value
    assert laid(once) == once


@given(worlds())
def test_no_policy_of_a_generated_world_says_anything_else(world: World) -> None:
    """What is parsed is equal, so that every decision is."""
    for layer, documents in world.documents.items():
        kind = KINDS[layer]
        for statements in documents:
            text = json.dumps({"Statement": list(statements), "Version": "2012-10-17"})
            before, after = (parse(each, kind=kind) for each in (text, laid(text)))
            assert said(before) == said(after)
