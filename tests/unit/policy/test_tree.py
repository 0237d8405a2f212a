"""The tree that documents are read into."""

from __future__ import annotations

import pytest

from policy.parser import parse_json
from policy.source import Source, Span
from policy.tree import Array, Boolean, Member, Node, Null, Number, Object, String, kind_name

HERE = Span(0, 0)


@pytest.mark.parametrize(
    ("node", "name"),
    [
        (String("a", HERE), "a string"),
        (Number("1", HERE), "a number"),
        (Boolean(True, HERE), "a boolean"),
        (Null(HERE), "null"),
        (Array((), HERE), "a list"),
        (Object((), HERE), "an object"),
    ],
)
def test_messages_have_a_word_for_each_type(node: Node, name: str) -> None:
    assert kind_name(node) == name


def test_nodes_are_equal_when_their_kind_and_all_that_they_hold_are() -> None:
    assert Array((), HERE) != Object((), HERE)
    assert String("a", HERE) != String("a", Span(0, 1))
    assert String("a", HERE) != String("a", HERE, plain=True)
    tree = Object((Member(String("a", HERE), Null(HERE)),), HERE)
    assert {tree} == {Object((Member(String("a", Span(0, 0)), Null(HERE)),), HERE)}


def test_an_object_is_asked_by_name() -> None:
    one, two = Number("1", HERE), Number("2", HERE)
    tree = Object((Member(String("a", HERE), one), Member(String("a", HERE), two)), HERE)

    assert tree.get("a") is one, "the first of two is taken; readers report the other"
    assert tree.get("A") is None


def test_a_tree_says_where_each_part_stands() -> None:
    tree = parse_json(Source("x", '{"a": [true, null]}')).tree

    assert tree == Object(
        (
            Member(
                String("a", Span(1, 4)),
                Array((Boolean(True, Span(7, 11)), Null(Span(13, 17))), Span(6, 18)),
            ),
        ),
        Span(0, 19),
    )
