"""Where long texts depart from JSON: one mistake, at its place, in one pass."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.first_mistake import first_mistake
from policy.parser import MAX_CHARACTERS, parse_json, parse_large
from policy.source import Source, Span
from policy.strict import MAX_BRACKETS
from policy.tree import Object

STRING = "this string is not one of JSON: its end or an escape is wrong"
HALF = "an escape here is half of a surrogate pair, not a character"
MISTAKES = [
    ("", 0, "expected a value, found the end of the text"),
    ("  ", 2, "expected a value, found the end of the text"),
    ("{", 1, "expected a string in quotes or '}', found the end of the text"),
    ("[1, 2", 5, "expected ',' or ']', found the end of the text"),
    ("[1,]", 3, "expected a value, found ']'"),
    ('{"a": 1,}', 8, "expected a string in quotes, found '}'"),
    ('{"a" 1}', 5, "expected ':', found '1'"),
    ("[1 2]", 3, "expected ',' or ']', found '2'"),
    ('{"a": [1}}', 8, "expected ',' or ']', found '}'"),
    ('{"a": 1]', 7, "expected ',' or '}', found ']'"),
    ("{} {}", 3, "expected the end of the text, found '{'"),
    ("1]", 1, "expected the end of the text, found ']'"),
    ("[01]", 1, "expected a value or ']', found '01'"),
    ("[1.]", 1, "expected a value or ']', found '1.'"),
    ("[True]", 1, "expected a value or ']', found 'True'"),
    ("{'a': 1}", 1, "expected a string in quotes or '}', found ''a''"),
    ("{1: 1}", 1, "expected a string in quotes or '}', found '1'"),
    ("// x\n{}", 0, "expected a value, found '//'"),
    ('["abc', 1, STRING),
    ('["a\nb"]', 1, STRING),
    ('["\\q"]', 1, STRING),
    ('["\ud800"]', 1, STRING),
    ('["\\ud800"]', 1, HALF),
    ('{"a": 1, "\\u0061": 2}', 9, '"\\u0061" is given twice in this object'),
    ("[" * 40, MAX_BRACKETS, f"brackets are nested more than {MAX_BRACKETS} deep"),
]


@pytest.mark.parametrize(("text", "at", "message"), MISTAKES)
def test_the_first_mistake_is_told_at_its_place(text: str, at: int, message: str) -> None:
    found = parse_large(Source("x", text))

    assert found.tree is None
    assert [(p.code, p.message, p.span.start) for p in found.problems] == [("", message, at)]


def test_a_name_that_is_given_twice_is_told_with_its_first_place() -> None:
    problem = first_mistake('{"a": {"a": 1}, "a": 2}')

    assert problem is not None
    assert problem.span == Span(16, 19)
    assert [note.span for note in problem.notes] == [Span(1, 4)]


def test_a_bracket_that_is_never_closed_is_told_with_where_it_was_opened() -> None:
    problem = first_mistake('{"a": [1')

    assert problem is not None
    assert [(note.message, note.span) for note in problem.notes] == [
        ("'[' opened here", Span(6, 7))
    ]


def test_a_long_text_is_read_with_its_places() -> None:
    text = json.dumps({"list": ["x" * 100] * 5_000, "last": "here"})
    assert len(text) > MAX_CHARACTERS
    tree = parse_large(Source("x", text)).tree

    assert isinstance(tree, Object)
    last = tree.get("last")
    assert last is not None
    assert text[last.span.start : last.span.end] == '"here"'


def test_a_long_text_is_read_once_up_to_its_mistake() -> None:
    text = "[" + '{"a": ["b"]},' * 20_000  # quadratic readers take minutes

    problem = first_mistake(text)
    assert problem is not None
    assert problem.span == Span(len(text), len(text))


@given(st.text('[]{},:"\\ \n01.e-+truefalsnud', max_size=20))
def test_both_readers_agree_on_what_is_json(text: str) -> None:
    assert (parse_json(Source("x", text)).problems == ()) == (first_mistake(text) is None)
