"""Texts and places: what an editor and a person see."""

from __future__ import annotations

import pytest

from policy.source import MAX_EXCERPT_COLUMNS, Position, Source, Span, printable

TEXT = Source("keys/app.json", "{\n  'a': 1,\r\n\n\té東🔑: 2\n}")


@pytest.mark.parametrize(
    ("offset", "line", "column"),
    [
        (0, 1, 1),
        (1, 1, 2),  # the line feed belongs to the line that it ends
        (2, 2, 1),
        (11, 2, 10),
        (13, 3, 1),
        (14, 4, 1),
        (18, 4, 5),  # one column for each character, however wide or long in UTF-8
        (22, 5, 1),
        (23, 5, 2),  # the end of the text
    ],
)
def test_a_position_counts_lines_and_characters_from_one(
    offset: int, line: int, column: int
) -> None:
    assert TEXT.position(offset) == Position(line, column)


def test_an_empty_text_has_one_line() -> None:
    assert Source("x", "").position(0) == Position(1, 1)
    assert Source("x", "").line(1) == ""


@pytest.mark.parametrize(
    ("number", "line"), [(1, "{"), (2, "  'a': 1,"), (3, ""), (4, "\té東🔑: 2"), (5, "}")]
)
def test_a_line_comes_without_its_end(number: int, line: str) -> None:
    assert TEXT.line(number) == line


def test_a_place_is_what_editors_can_jump_to() -> None:
    assert TEXT.place(Span(4, 7)) == "keys/app.json:2:3"


def test_the_text_is_not_shown_with_its_source() -> None:
    assert repr(TEXT) == "Source(name='keys/app.json')"


def test_an_excerpt_underlines_the_span() -> None:
    assert TEXT.excerpt(Span(4, 7)) == "  |\n2 |   'a': 1,\n  |   ^^^"


def test_an_excerpt_indents_with_the_tabs_of_the_line() -> None:
    assert TEXT.excerpt(Span(15, 18)) == "  |\n4 | \té東🔑: 2\n  | \t^^^"


def test_an_excerpt_of_many_lines_shows_the_first() -> None:
    assert TEXT.excerpt(Span(4, 20)) == "  |\n2 |   'a': 1,\n  |   ^^^^^^^"


def test_an_excerpt_of_nothing_still_points_somewhere() -> None:
    assert TEXT.excerpt(Span(23, 24)) == "  |\n5 | }\n  |  ^"
    assert TEXT.excerpt(Span(22, 22)) == "  |\n5 | }\n  | ^"


def test_the_gutter_is_as_wide_as_the_number() -> None:
    source = Source("x", "\n" * 99 + "ab")

    assert source.excerpt(Span(100, 101)) == "    |\n100 | ab\n    |  ^"


@pytest.mark.parametrize(
    ("start", "end", "left", "right"),
    [(3, 6, False, True), (500, 510, True, True), (990, 1000, True, False), (0, 1000, False, True)],
)
def test_a_long_line_is_clipped_around_the_span(
    start: int, end: int, left: bool, right: bool
) -> None:
    source = Source("x", "".join(chr(ord("a") + i % 26) for i in range(1000)))

    _, line, carets = source.excerpt(Span(start, end)).split("\n")
    shown = line.removeprefix("1 | ")

    assert (shown.startswith("…"), shown.endswith("…")) == (left, right)
    assert len(shown.strip("…")) == MAX_EXCERPT_COLUMNS
    marked = "".join(a for a, b in zip(line, carets, strict=False) if b == "^")
    assert marked
    assert source.text[start:end].startswith(marked)


def test_an_excerpt_is_safe_to_print() -> None:
    source = Source("x", "a\x1b[31mb\ud800")

    assert source.excerpt(Span(6, 7)) == "  |\n1 | a�[31mb�\n  |       ^"


@pytest.mark.parametrize(
    ("text", "shown"),
    [("plain é東🔑", "plain é東🔑"), ("a\tb", "a\tb"), ("\x00\x7f\x9b", "���"), ("\udfff", "�")],
)
def test_printable_keeps_the_length_and_drops_what_terminals_obey(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert len(printable(text)) == len(text)


def test_spans_and_positions_are_ordered_as_the_text_is() -> None:
    assert sorted([Span(5, 6), Span(0, 9), Span(0, 2)]) == [Span(0, 2), Span(0, 9), Span(5, 6)]
    assert Position(2, 1) > Position(1, 99)


def test_what_is_hidden_is_in_no_line_and_no_excerpt() -> None:
    source = Source("x", "a: secret, b: 1\nrest: secret\nlast")
    source.hide(Span(3, 9))
    source.hide(Span(22, 30))

    assert [source.line(number) for number in (1, 2, 3)] == [
        "a: ••••••, b: 1",
        "rest: ••••••",
        "•ast",
    ]
    assert source.excerpt(Span(14, 15)) == "  |\n1 | a: ••••••, b: 1\n  |               ^"
    assert "secret" not in repr(source)
