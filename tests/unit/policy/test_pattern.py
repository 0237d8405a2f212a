"""Wildcards and policy variables (AUTH C-2, D-3, G-3, H)."""

from __future__ import annotations

import pytest

from policy.pattern import MAX_REMEMBERED, Part, Pattern, Variable, Wildcard, literal, parse_pattern

ANY, ONE = Wildcard.ANY, Wildcard.ONE
USER = Variable("aws:username", None, "${aws:username}")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ()),
        ("kms:Decrypt", ("kms:Decrypt",)),
        ("kms:*", ("kms:", ANY)),
        ("*", (ANY,)),
        ("?*?", (ONE, ANY, ONE)),
        ("a*b?c", ("a", ANY, "b", ONE, "c")),
        ("${aws:username}", ("${aws:username}",)),
        ("\\*", ("\\", ANY)),  # C-3: there is no escape with a backslash
    ],
)
def test_a_pattern_has_literal_and_wild_parts(text: str, parts: tuple[Part, ...]) -> None:
    pattern = parse_pattern(text)

    assert (pattern.text, pattern.parts) == (text, parts)
    assert pattern.has_wildcard == any(isinstance(part, Wildcard) for part in parts)
    assert pattern.variables == ()


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("${aws:username}", (USER,)),
        ("home/${aws:username}/*", ("home/", USER, "/", ANY)),
        ("${aws:username}${aws:username}", (USER, USER)),
        (
            "${aws:PrincipalTag/cost center}",
            (Variable("aws:PrincipalTag/cost center", None, "${aws:PrincipalTag/cost center}"),),
        ),
        (
            "${kms:EncryptionContext:a:b}",
            (Variable("kms:EncryptionContext:a:b", None, "${kms:EncryptionContext:a:b}"),),
        ),
        (
            "${aws:username, 'nobody'}",
            (Variable("aws:username", "nobody", "${aws:username, 'nobody'}"),),
        ),
        (
            "${aws:username,'a, *'}",
            (Variable("aws:username", "a, *", "${aws:username,'a, *'}"),),
        ),
        ("${aws:username, ''}", (Variable("aws:username", "", "${aws:username, ''}"),)),
    ],
)
def test_h2_a_variable_names_a_key_and_perhaps_a_default(
    text: str, parts: tuple[Part, ...]
) -> None:
    pattern = parse_pattern(text, variables=True)

    assert pattern.parts == parts
    assert pattern.variables == tuple(part for part in parts if isinstance(part, Variable))


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("${*}", ("*",)),
        ("${?}", ("?",)),
        ("${$}{aws:username}", ("${aws:username}",)),
        ("a${*}b*", ("a*b", ANY)),
    ],
)
def test_h4_an_escape_yields_a_sign_without_its_meaning(text: str, parts: tuple[Part, ...]) -> None:
    assert parse_pattern(text, variables=True).parts == parts


@pytest.mark.parametrize(
    "text",
    [
        "${",
        "${}",
        "${aws:username",
        "$aws:username}",
        "${username}",
        "${ aws:username}",
        "${aws:username, nobody}",
        "${aws:username 'nobody'}",
        "${aws:}",
        "${aws:username, 'nobody'",
    ],
)
def test_h7_a_malformed_reference_is_literal(text: str) -> None:
    pattern = parse_pattern(text, variables=True)

    assert pattern.parts == (text,)
    assert pattern.matches(text)


@pytest.mark.parametrize("variables", [True, False])
def test_g15_without_wildcards_the_signs_are_literal(variables: bool) -> None:
    pattern = parse_pattern("a*?", wildcards=False, variables=variables)

    assert pattern.parts == ("a*?",)
    assert pattern.matches("a*?")
    assert not pattern.matches("abc")


VALUES = {"aws:username": "alice", "aws:PrincipalTag/team": "a*b?", "aws:empty": ""}


@pytest.mark.parametrize(
    ("text", "matching", "other"),
    [
        ("${aws:username}", "alice", "bob"),
        ("home/${aws:username}/*", "home/alice/x", "home/bob/x"),
        ("${aws:PrincipalTag/team}", "a*b?", "axbc"),  # H-5: what a value holds is literal
        ("${aws:PrincipalTag/team}*", "a*b?c", "axbcc"),
        ("${aws:username, 'nobody'}", "alice", "nobody"),  # H-6: the default is not needed
        ("${aws:none, 'nobody'}", "nobody", "alice"),
        ("${aws:none, '*'}", "*", "alice"),
        ("${aws:empty, 'nobody'}-", "-", "nobody-"),  # H-6: an empty text is a value
    ],
)
def test_h5_h6_variables_are_replaced_by_values(text: str, matching: str, other: str) -> None:
    pattern = parse_pattern(text, variables=True).expand(VALUES.get)

    assert pattern is not None
    assert pattern.text == text
    assert pattern.matches(matching)
    assert not pattern.matches(other)


@pytest.mark.parametrize("text", ["${aws:none}", "a${aws:username}b${aws:none}"])
def test_h6_a_pattern_without_a_value_does_not_exist(text: str) -> None:
    assert parse_pattern(text, variables=True).expand(VALUES.get) is None


def test_a_pattern_without_variables_needs_no_values() -> None:
    pattern = parse_pattern("kms:*", variables=True)

    assert pattern.expand(pytest.fail) is pattern


@pytest.mark.parametrize(
    ("text", "matching", "other"),
    [
        ("", ["", ""], ["a"]),
        ("abc", ["abc"], ["", "ab", "abcd", "ABC", "xabc"]),
        ("*", ["", "a", "a\nb", "*"], []),
        ("**", ["", "ab"], []),
        ("?", ["a", "🔑", "\n", "?"], ["", "ab"]),
        ("??", ["ab"], ["a", "abc"]),
        ("a*", ["a", "abc", "a*"], ["", "ba"]),
        ("*a", ["a", "cba", "aa"], ["", "ab"]),
        ("a*a", ["aa", "aba"], ["a", "ab"]),
        ("*a*", ["a", "xay"], ["", "xy"]),
        ("a*b*c", ["abc", "axbyc", "abbcc"], ["ac", "acb", "abcd"]),
        ("a?c", ["abc"], ["ac", "abbc"]),
        ("*?", ["a", "ab"], [""]),
        ("?*?", ["ab", "abc"], ["a", ""]),
        ("a*?c", ["abc", "abbc"], ["ac", "bc"]),
        ("*b?d*f", ["abcdef", "bcdf", "bbcdxf"], ["bcf", "bcdefg"]),
        ("a.c", ["a.c"], ["abc"]),
        ("[a]", ["[a]"], ["a"]),
        ("kms:*/x:?", ["kms:a/b:c/x:y", "kms:/x:y"], ["kms:/x:"]),
    ],
)
def test_a_pattern_matches_the_whole_value(
    text: str, matching: list[str], other: list[str]
) -> None:
    pattern = parse_pattern(text)

    assert [value for value in matching if not pattern.matches(value)] == []
    assert [value for value in other if pattern.matches(value)] == []


@pytest.mark.parametrize("text", ["", "abc", "a*?"])
def test_a_literal_matches_itself_only(text: str) -> None:
    assert literal(text).matches(text)
    assert not literal(text).matches(text + "x")
    assert literal(text) == Pattern(text, (text,) if text else ())


def test_short_texts_are_parsed_once_and_long_ones_are_not_kept() -> None:
    short, long = "*" * MAX_REMEMBERED, "*" * (MAX_REMEMBERED + 1)

    assert parse_pattern(short) is parse_pattern(short)
    assert parse_pattern(short) != parse_pattern(short, wildcards=False)
    assert parse_pattern("${*}") != parse_pattern("${*}", variables=True)
    assert parse_pattern(long) is not parse_pattern(long)
    assert parse_pattern(long) == parse_pattern(long)
