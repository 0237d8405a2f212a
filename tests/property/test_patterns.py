"""Patterns against regular expressions, and what a match costs (AUTH C-2, D-3, G-3, G-9, H-5)."""

from __future__ import annotations

import re
from typing import Any, SupportsIndex

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from policy.operators import COMPARISONS
from policy.pattern import parse_pattern
from policy.text_tests import wildcard_test

# Few letters make matches likely; the others mean something to regular expressions.
SIGNS = st.sampled_from("aaabbb***??.\n[]()+^$\\|{}/:")
PATTERNS = st.text(SIGNS, max_size=12)
VALUES = st.text(st.sampled_from("aaaabbb.\n[]$\\*?/:é"), max_size=16)


def oracle(pattern: str) -> re.Pattern[str]:
    wild = {"*": ".*", "?": "."}
    return re.compile("".join(wild.get(sign) or re.escape(sign) for sign in pattern), re.DOTALL)


@given(PATTERNS, VALUES)
@example("*a?b*", "aab")
@example("a*a", "a")
@example("*?*?", "a")
def test_a_pattern_matches_as_its_regular_expression_does(pattern: str, value: str) -> None:
    expected = bool(oracle(pattern).fullmatch(value))

    assert parse_pattern(pattern).matches(value) == expected
    assert wildcard_test(parse_pattern(pattern))(value) == expected


@given(st.lists(VALUES, min_size=1, max_size=4), st.lists(st.sampled_from("*?"), max_size=4))
def test_a_pattern_made_from_a_value_matches_it(pieces: list[str], wild: list[str]) -> None:
    """Pieces of a value with wildcards for what stands between them."""
    pattern, value = "", ""
    for index, piece in enumerate(pieces):
        literal = piece.replace("*", "x").replace("?", "x")
        sign = wild[index] if index < len(wild) else ""
        pattern += literal + sign
        value += literal + {"*": "anything", "?": "é", "": ""}[sign]

    assert parse_pattern(pattern).matches(value)


@given(PATTERNS, PATTERNS, VALUES, VALUES)
def test_an_arn_pattern_matches_as_its_six_regular_expressions_do(
    fourth: str, last: str, region: str, resource: str
) -> None:
    fourth, region = fourth.replace(":", ""), region.replace(":", "")
    pattern = parse_pattern(f"arn:aws:kms:{fourth}::{last}")

    matched = COMPARISONS["arnlike"].test(pattern, f"arn:aws:kms:{region}::{resource}")

    expected = oracle(fourth).fullmatch(region) and oracle(last).fullmatch(resource)
    assert matched is bool(expected)


@given(VALUES, VALUES)
def test_what_a_variable_yields_matches_itself_only(value: str, other: str) -> None:
    """H-5."""
    pattern = parse_pattern("<${aws:username}>", variables=True).expand(lambda _: value)

    assert pattern is not None
    assert pattern.matches(f"<{value}>")
    assert pattern.matches(f"<{other}>") == (value == other)


@given(st.text(max_size=30))
def test_every_text_is_a_pattern(text: str) -> None:
    for variables in (True, False):
        pattern = parse_pattern(text, variables=variables)
        assert pattern.text == text
        pattern.matches(text)
    assert parse_pattern(text, wildcards=False).matches(text)


class Counted(str):
    """A text that counts how often it is looked at."""

    __slots__ = ("looks",)
    looks: int

    def __new__(cls, text: str) -> Counted:
        self = super().__new__(cls, text)
        self.looks = 0
        return self

    def __getitem__(self, key: SupportsIndex | slice) -> str:
        self.looks += 1
        return super().__getitem__(key)

    def find(self, *arguments: Any) -> int:
        self.looks += 1
        return super().find(*arguments)


@pytest.mark.parametrize(
    ("pattern", "value"),
    [
        ("*a" * 40 + "b", "a" * 3000),
        ("a*" * 40 + "b", "a" * 3000),
        ("*a?" * 40 + "b", "a" * 3000),
        ("*?" * 60 + "b", "a" * 1000),
        ("?*" * 200, "a" * 150),
        ("*" * 2000, "a" * 2000),
        ("*" + "a?" * 40 + "b", "a" * 3000),
        ("*" + "?" * 500 + "*", "a" * 499),
        ("*" + "a" * 500 + "?b*", "a" * 3000),
    ],
)
def test_no_pattern_is_dear_to_match(pattern: str, value: str) -> None:
    """At most two looks for each sign of the value, and one for each of the pattern."""
    counted = Counted(value)

    matched = parse_pattern(pattern).matches(counted)

    assert counted.looks <= 2 * len(value) + len(pattern) + 4
    if "b" in pattern:
        assert not matched


@pytest.mark.parametrize("stars", [1, 10, 100])
def test_more_stars_do_not_make_a_match_dearer(stars: int) -> None:
    """Each stretch between two stars is looked for once."""
    counted = Counted("ab" * 1000)

    assert parse_pattern("*ab" * stars + "*").matches(counted)
    assert counted.looks <= stars + 4
