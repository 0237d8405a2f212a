"""The short way of the parser: what it takes, what it leaves to the long way, and who decides."""

from __future__ import annotations

import json
from importlib import resources

import pytest

from policy import parser
from policy.parser import MAX_DEPTH, parse_json, parse_mending
from policy.source import Source, Span
from policy.strict import MAX_BRACKETS, StrictReader
from policy.tree import Array, Boolean, Member, Null, Number, Object, String

STRICT = StrictReader(resources.files("policy").joinpath("strict.lark").read_text("utf-8"))

GOOD = [
    # scalars
    '""', '"a"', "0", "-0", "-12.50e+7", "9" * 400, "true", "false", "null", " \t\r\n7\r\n",
    # strings
    r'"\"\\\/\b\f\n\r\t"', r'"\u00e9\u6771\u0000"', r'"\ud83d\udd11"', '"é東🔑"',
    '"\x7f\u2028\xa0"', '"[{,:}]"', r'"\\"', r'"\\u0041"', r'["\\", "]", "\"]"]',
    r'{"\"}": {"}\"": "{", "{": "\\"}}',
    # lists
    "[]", "[ ]", '["a"]', '[ "a" , "b" ]', "[1]", '["a", 1, true, null]', "[[]]", '[["a"], [[1]]]',
    "[{}]", '[{}, {"a": []}, "b", ["c"], [1], [{}]]',
    # objects
    "{}", "{ }", '{"a": 1}', '{ "a" : "b" , "c" : [ ] , "d" : { } }', '{"": {"": {"": ""}}}',
    '{"a": {"b": {"c": {"d": {"e": {}}}}}}', '{"a": [1]}', '{"a": [[]], "b": {"c": [2]}, "d": 3}',
    '{"a": {"x": 1}, "b": {"x": {"x": 1}}, "c": {"x": {"x": {"x": 1}}}}',
    '{"a": 1, "b": [{"a": 1}, {"b": 2}], "c": 3, "d": 4, "e": [5], "f": 6}',
]  # fmt: skip


@pytest.mark.parametrize("text", GOOD)
def test_a_text_without_a_mistake_is_read_as_the_long_way_reads_it(text: str) -> None:
    long = parse_mending(Source("x", text))

    assert long.problems == ()
    assert STRICT.tree(text) == long.tree
    assert parse_json(Source("x", text)) == long


@pytest.mark.parametrize(
    "text",
    [
        # nothing, or more than one value
        "", " ", "\ufeff{}", "{} x", "{} {}", "1 2", "1,", "1, 2", "{},", "1]", "{}}", '"a" "b"',
        # brackets, commas and colons
        "[", "]", "{", "}", "[}", "{]", "[1", '{"a": 1', '{"a": [1}', '{"a": {"b": [1]}', "[1,]",
        "[,1]", "[1,,2]", "[1 2]", '["a",]', '["a" "b"]', '["a":1]', "{,}", '{"a"}', '{"a":}',
        '{"a" 1}', '{"a": 1,}', '{"a": 1 "b": 2}', '{"a": {"b": 1,}}', '{"a": {"b": {"c": 1,}}}',
        '{1: 2}', '{a: 1}', '{["a"]: 1}', '[{"a": [1],}]', '{"a": [[1],]}', ",", ":",
        # scalars
        "01", "1.", ".5", "+1", "1e", "0x1", "-", "--1", "NaN", "Infinity", "-Infinity", "True",
        "nul", "nulls", "[truefalse]", "'a'", "“a”", '"a', 'a"', '"\t"', '"\n"', '"\x00"', r'"\x"',
        r'"\u12"', '"\\', r'"\"', "[1\xa0]", "[1]\x0c", "\v1",
        # comments
        "1 // one", "/* one */ 1", "# one",
        # repeated members, at every level
        '{"a": 1, "a": 2}', '{"a": {"b": 1, "b": 2}}', '{"a": {"b": {"c": 1, "c": 2}}}',
        '{"a": {"b": {"c": {"d": 1, "d": 2}}}}', '[{"a": 1, "a": 2}]', '{"a": 1, "b": [1], "a": 2}',
        '{"a": [1], "a": [1]}', r'{"a": 1, "\u0061": 2}',
        # halves of surrogate pairs
        r'"\ud800"', r'"\udd11\ud83d"', r'["\ud83d"]', r'{"\udd11": 1}', r'{"a": {"b": "\ud83d "}}',
        r'{"\ud83d": [1]}', '"\ud800"', '["\udd11"]',
    ],
)  # fmt: skip
def test_a_text_with_a_mistake_is_left_to_the_long_way(text: str) -> None:
    assert STRICT.tree(text) is None
    assert parse_json(Source("x", text)) == parse_mending(Source("x", text))
    assert parse_json(Source("x", text)).problems != ()


def test_a_good_text_is_not_read_the_long_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parser, "parse_mending", lambda _: pytest.fail("taken"))

    assert [parse_json(Source("x", text)).problems for text in GOOD] == [()] * len(GOOD)


def test_each_part_knows_its_place() -> None:
    text = ' {"a":[true , {"b" : "\\n"}],"c":{"d":{"e":["f",null,-1]}}}'

    assert STRICT.tree(text) == Object(
        (
            Member(
                String("a", Span(2, 5)),
                Array(
                    (
                        Boolean(True, Span(7, 11)),
                        Object(
                            (Member(String("b", Span(15, 18)), String("\n", Span(21, 25))),),
                            Span(14, 26),
                        ),
                    ),
                    Span(6, 27),
                ),
            ),
            Member(
                String("c", Span(28, 31)),
                Object(
                    (
                        Member(
                            String("d", Span(33, 36)),
                            Object(
                                (
                                    Member(
                                        String("e", Span(38, 41)),
                                        Array(
                                            (
                                                String("f", Span(43, 46)),
                                                Null(Span(47, 51)),
                                                Number("-1", Span(52, 54)),
                                            ),
                                            Span(42, 55),
                                        ),
                                    ),
                                ),
                                Span(37, 56),
                            ),
                        ),
                    ),
                    Span(32, 57),
                ),
            ),
        ),
        Span(1, 58),
    )


@pytest.mark.parametrize("inside", ["1", '["a"]', '{"b": {"c": ["d"]}}'])
@pytest.mark.parametrize(("opener", "closer"), [("[", "]"), ('{"a": ', "}")])
def test_what_nests_deeper_than_any_policy_is_left_to_the_long_way(
    opener: str, closer: str, inside: str
) -> None:
    def nested(depth: int) -> str:
        return opener * depth + inside + closer * depth

    assert STRICT.tree(nested(MAX_BRACKETS - 1)) is not None
    assert STRICT.tree(nested(MAX_BRACKETS + 5)) is None
    assert parse_json(Source("x", nested(MAX_BRACKETS + 5))).problems == ()
    assert STRICT.tree(nested(MAX_DEPTH + 1)) is None


def test_depth_is_that_of_open_brackets_only() -> None:
    text = json.dumps([[{"a": [1]}, {}]] * (MAX_DEPTH * 2))

    assert STRICT.tree(text) is not None
