"""Ways through a JSON text, and values that become trees with true places."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kmsgate.decision.fields import (
    Field,
    FieldError,
    JsonNumber,
    find,
    path_to,
    shown_path,
    value_of,
    written,
)
from policy.parser import parse_json
from policy.source import Source, Span
from policy.tree import Node

TEXT = '{"a": [{"b c": 1}, "x"], "d": {"e": null}}'


def tree(text: str) -> Node:
    found = parse_json(Source("t", text)).tree
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ((), ""),
        (("policies", "scps", 0, "target"), "policies.scps[0].target"),
        (("context", "aws:SourceIp"), 'context["aws:SourceIp"]'),
        (("context", ""), 'context[""]'),
        (("x" * 100,), "x" * 59 + "…"),
        (("a\x1b",), '["a\N{REPLACEMENT CHARACTER}"]'),
    ],
)
def test_a_way_is_shown_as_people_write_it(path: tuple[str | int, ...], shown: str) -> None:
    assert shown_path(path) == shown


@pytest.mark.parametrize(
    ("path", "start", "value"),
    [
        ((), TEXT, TEXT),
        (("a",), '"a"', '[{"b c": 1}, "x"]'),
        (("a", 0), '{"b c"', '{"b c": 1}'),
        (("a", 0, "b c"), '"b c"', "1"),
        (("a", 1), '"x"', '"x"'),
        (("d", "e"), '"e"', "null"),
        (("d", "missing"), '"d"', '{"e": null}'),
        (("a", 7), '"a"', '[{"b c": 1}, "x"]'),
    ],
)
def test_a_way_is_followed_as_far_as_it_leads(
    path: tuple[str | int, ...], start: str, value: str
) -> None:
    node, begin = find(tree(TEXT), path)
    assert TEXT[begin.start :].startswith(start)
    assert TEXT[node.span.start : node.span.end] == value


@pytest.mark.parametrize(
    ("place", "path"),
    [('"b c"', ("a", 0, "b c")), ("1", ("a", 0, "b c")), ('"x"', ("a", 1)), ("null", ("d", "e"))],
)
def test_the_way_to_a_place_is_found(place: str, path: tuple[str | int, ...]) -> None:
    start = TEXT.index(place)
    assert path_to(tree(TEXT), Span(start, start + len(place))) == path


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(VALUES)
def test_a_written_value_has_the_tree_of_its_text(value: Any) -> None:
    read = value_of(json.dumps(value))
    source, made = written(read, "t")
    assert json.loads(source.text) == value
    assert made == parse_json(source).tree


def test_numbers_are_kept_as_they_are_written() -> None:
    assert value_of("[1.50, -0, 1e3]") == [JsonNumber("1.50"), JsonNumber("-0"), JsonNumber("1e3")]
    assert written(value_of("[1.50, 1e3]"), "t")[0].text == "[1.50, 1e3]"


def test_a_value_that_is_too_deep_is_not_written() -> None:
    with pytest.raises(RecursionError, match="nested more than 64 deep"):
        written(value_of("[" * 65 + "]" * 65), "t")
    assert written(value_of("[" * 64 + "]" * 64), "t")[0].text == "[" * 64 + "]" * 64


def test_a_null_member_counts_as_absent() -> None:
    members = Field({"a": None, "b": ["x", "y"]}, ()).members(("a", "b", "c"))
    assert members.get("a") is None
    assert members.text("c") is None
    assert members.items("a", "things") == []
    assert members.texts("b") == frozenset({"x", "y"})
    with pytest.raises(FieldError, match=r"^a: is missing; say it$"):
        members.need("a", "say it")
