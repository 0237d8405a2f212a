"""Text to tree: what JSON is, and how a text that is not quite JSON is mended (AUTH B-1, P-6)."""

from __future__ import annotations

import json

import pytest

from policy.parser import MAX_DEPTH, MAX_PROBLEMS, Parsed, parse_json, unescape
from policy.source import Source, Span
from policy.tree import Array, Boolean, Null, Number, Object, String


def parsed(text: str) -> Parsed:
    return parse_json(Source("x", text))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r'"plain"', "plain"),
        (r'""', ""),
        (r'"\"\\\/\b\f\n\r\t"', '"\\/\b\f\n\r\t'),
        (r'"\u00e9\u6771"', "é東"),
        (r'"\uD83D\uDD11"', "🔑"),
        (r'"\ud83d\udd11"', "🔑"),
        (r'"\u0000"', "\0"),
        ('"é東🔑"', "é東🔑"),
        ('"\x7f\u2028\u00a0"', "\x7f\u2028\u00a0"),
        (r'"\\u0041"', r"\u0041"),
        ('"// no comment, # none either"', "// no comment, # none either"),
        ('"it\'s a “quote”, or not"', "it's a “quote”, or not"),
        ('"a, "', "a, "),
        ('"${aws:username}"', "${aws:username}"),
    ],
)
def test_a_string_yields_its_value(text: str, value: str) -> None:
    assert parsed(text) == Parsed(String(value, Span(0, len(text))), ())


@pytest.mark.parametrize(
    "text", ["0", "-0", "7", "-12.50", "1e5", "1E+05", "0.0e-1", "111122223333", "9" * 400]
)
def test_a_number_is_kept_as_it_is_written(text: str) -> None:
    assert parsed(text) == Parsed(Number(text, Span(0, len(text))), ())


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("true", Boolean(True, Span(0, 4))),
        ("false", Boolean(False, Span(0, 5))),
        ("null", Null(Span(0, 4))),
        (" [ ] ", Array((), Span(1, 4))),
        ("\t{\r\n}", Object((), Span(1, 5))),
        ("[1,[2]]", Array(
            (Number("1", Span(1, 2)), Array((Number("2", Span(4, 5)),), Span(3, 6))), Span(0, 7)
        )),
    ],
)  # fmt: skip
def test_values_know_their_places(text: str, tree: object) -> None:
    assert parsed(text) == Parsed(tree, ())  # type: ignore[arg-type]


def test_a_repeated_member_is_kept_and_reported() -> None:
    result = parsed('{"a": 1, "a": 2}')

    assert isinstance(result.tree, Object)
    assert [m.value for m in result.tree.members] == [
        Number("1", Span(6, 7)),
        Number("2", Span(14, 15)),
    ]
    (problem,) = result.problems
    assert (problem.code, problem.span) == ("KG105", Span(9, 12))
    assert [(note.message, note.span) for note in problem.notes] == [("first here", Span(1, 4))]


def test_names_that_differ_by_case_are_two_members() -> None:
    assert parsed('{"a": 1, "A": 2}').problems == ()


@pytest.mark.parametrize("opener", ["[", '{"a":'])
def test_nesting_is_bounded(opener: str) -> None:
    closer = "]" if opener == "[" else "}"

    assert parsed(opener * MAX_DEPTH + "1" + closer * MAX_DEPTH).problems == ()
    (problem,) = parsed(opener * (MAX_DEPTH + 1) + "1" + closer * (MAX_DEPTH + 1)).problems
    assert problem.message == "syntax error: nested more than 64 deep"
    assert problem.span.start == MAX_DEPTH * len(opener)


@pytest.mark.parametrize("inside", ["[]", '["a"]', '{"a": 1}', '{"a": {"b": ["c"]}}'])
def test_flat_parts_count_as_levels_too(inside: str) -> None:
    levels = inside.count("[") + inside.count("{")

    def nested(depth: int) -> str:
        return "[" * (depth - levels) + inside + "]" * (depth - levels)

    assert parsed(nested(MAX_DEPTH)).problems == ()
    (problem,) = parsed(nested(MAX_DEPTH + 1)).problems
    assert problem.message == "syntax error: nested more than 64 deep"


@pytest.mark.parametrize("text", ["[" + "x y " * 500 + "]", "\ud800" * 500, "[" + "1 " * 500 + "]"])
def test_the_number_of_problems_is_bounded(text: str) -> None:
    assert len(parsed(text).problems) == MAX_PROBLEMS


@pytest.mark.parametrize(
    ("broken", "meant"),
    [
        ("[1,]", "[1]"),
        ("[1,,]", "[1]"),
        ("[,1]", "[1]"),
        ("[1,,2]", "[1,2]"),
        ("[1 2]", "[1,2]"),
        ("[1;2]", "[1,2]"),
        ('{"a" 1}', '{"a":1}'),
        ('{"a" = 1}', '{"a":1}'),
        ('{"a":: 1}', '{"a":1}'),
        ('{"a": 1,, "b": 2}', '{"a":1,"b":2}'),
        ("{a: 'x'}", '{"a":"x"}'),
        ("[“x”, ‘y’, “z\"]", '["x","y","z"]'),
        ('["x”, "y"]', '["x","y"]'),
        ("[x, $y]", '["x","$y"]'),
        ("[True, FALSE, None, nil, undefined]", "[true,false,null,null,null]"),
        ("[1, # one\n 2 /* two */] // end", "[1,2]"),
        ('["a, "b", "c"]', '["a","b","c"]'),
        ('["a", b", "c"]', '["a","b","c"]'),
        ('["a,\n"b"]', '["a","b"]'),
        ('["a\n]', '["a"]'),
        ('[{"a": 1]', '[{"a":1}]'),
        ('{"a": [1}, "b": 2}', '{"a":[1],"b":2}'),
        ('{"a": [1]], "b": 2}', '{"a":[1],"b":2}'),
        ('{"a": [1', '{"a":[1]}'),
    ],
)  # fmt: skip
def test_a_slip_is_mended_as_it_was_meant(broken: str, meant: str) -> None:
    """So that what follows is judged as it would be without the slip."""
    result = parsed(broken)

    assert result.problems
    assert value(result.tree) == json.loads(meant)


def value(node: object) -> object:
    """Return the tree as `json` would."""
    match node:
        case Object():
            return {member.name.value: value(member.value) for member in node.members}
        case Array():
            return [value(item) for item in node.items]
        case Number():
            return json.loads(node.text)
        case String() | Boolean():
            return node.value
    return None


@pytest.mark.parametrize(
    ("text", "help"),
    [
        ("[1,]", "delete the comma"),
        ("[1 2]", "insert a comma"),
        ("[1] // one", "delete it"),
        ("['a']", 'use " quotes'),
        ("[“a”]", 'use " quotes'),
        ("[a]", 'put it in " quotes'),
        ("[TRUE]", "write true"),
        ("[None]", "write null"),
        ("[${a}]", "render the template first"),
        ('["a "b" c"]', 'write \\"'),
        ('{"Bool": "a:b": true}', 'put braces around the pair: {"a:b": ...}'),
        ("Version: 2012-10-17", "a policy is a JSON object, in { }"),
    ],
)  # fmt: skip
def test_a_mistake_comes_with_advice(text: str, help: str) -> None:
    (problem,) = parsed(text).problems

    assert problem.help == help


def test_a_wrong_bracket_points_at_the_one_that_it_should_close() -> None:
    (problem,) = parsed('{"a": [1}}').problems

    assert problem.span == Span(8, 9)
    assert [(note.message, note.span) for note in problem.notes] == [
        ("'[' opened here", Span(6, 7))
    ]


def test_what_was_mended_is_marked_as_damaged() -> None:
    """So that nobody complains about values that the parser made up."""
    result = parsed('{"a": , "b": 1}')

    assert [problem.message for problem in result.problems] == [
        "syntax error: expected a value, found ','"
    ]
    assert value(result.tree) == {"a": None, "b": 1}
    assert result.damaged == (Span(6, 7),)


def test_a_long_token_is_shortened_in_a_message() -> None:
    (problem,) = parsed(f"[{'x' * 300}]").problems

    assert problem.message == f"the unquoted string '{'x' * 39}…' is not allowed in JSON"
    assert problem.span == Span(1, 301)


def test_problems_come_in_the_order_of_the_text() -> None:
    text = '{"a": 1, "a": "\\ud800", \'b\': [1,], // c\n"d" 2}'

    starts = [problem.span.start for problem in parsed(text).problems]

    assert starts == sorted(starts)
    assert [problem.code for problem in parsed(text).problems] == [
        "KG105", "KG101", "KG104", "KG102", "KG104", "KG101",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("literal", "value"),
    [
        ('"a"', "a"),
        ("'a'", "a"),
        ("“a”", "a"),
        ('"a', "a"),
        ('a"', "a"),
        ("a", "a"),
        (r"'\''", "'"),
    ],
)
def test_a_literal_of_any_kind_has_a_value(literal: str, value: str) -> None:
    assert unescape(literal) == value
