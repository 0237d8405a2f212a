"""Values as files write them: each form, what is none of it, and what is too much."""

from __future__ import annotations

import datetime as dt

import pytest

from kmsgate.scenario import values
from policy.source import Span
from policy.tree import Null, String


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("5 minutes", dt.timedelta(minutes=5)),
        ("1 minute", dt.timedelta(minutes=1)),
        ("90seconds", dt.timedelta(seconds=90)),
        (" 7 days ", dt.timedelta(days=7)),
        ("2 weeks", dt.timedelta(weeks=2)),
        ("0 hours", dt.timedelta()),
    ],
)
def test_a_span_of_time_is_a_number_and_a_unit(text: str, span: dt.timedelta) -> None:
    assert values.read_duration(text) == span


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5",
        "days",
        "-5 days",
        "5.5 days",
        "5 parsecs",
        "５ days",
        "999999999 weeks",
        "5 days 3 h",
    ],
)
def test_anything_else_is_no_span_of_time(text: str) -> None:
    assert values.read_duration(text) is None


@pytest.mark.parametrize("amount", ["", "-1", "x", "9" * 5000, "１", "99999999999"])
def test_amounts_that_no_calendar_has_are_refused(amount: str) -> None:
    assert values.duration_of(amount, "weeks") is None


def test_an_amount_and_a_unit_make_a_span() -> None:
    assert values.duration_of("3", "days") == dt.timedelta(days=3)
    assert values.duration_of("3", "moons") is None


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-01-05T09:00:00Z", dt.datetime(2026, 1, 5, 9, tzinfo=dt.UTC)),
        ("2026-01-05", dt.datetime(2026, 1, 5, tzinfo=dt.UTC)),
        ("2026-01-05T09:00:00.5+01:00", dt.datetime(2026, 1, 5, 8, 0, 0, 500000, tzinfo=dt.UTC)),
        ("0", dt.datetime(1970, 1, 1, tzinfo=dt.UTC)),
    ],
)
def test_a_time_is_iso_8601_or_epoch_seconds(text: str, at: dt.datetime) -> None:
    assert values.read_time(text) == at


@pytest.mark.parametrize(
    "text",
    ["", "now", "yesterday", "0001-01-01", "9999-12-31T00:00:00Z", "9" * 400, "-5", "2026-13-01"],
)
def test_moments_outside_the_clock_are_none(text: str) -> None:
    assert values.read_time(text) is None


def test_bytes_are_read_strictly() -> None:
    assert values.read_hex("5a 5B") == b"Z["
    assert values.read_hex("zz") is None
    assert values.read_hex("5") is None
    assert values.read_base64("aGk=") == b"hi"
    assert values.read_base64("aGk") is None
    assert values.read_base64("a-_=") is None
    assert values.read_base64("é") is None


def test_sizes_end_at_a_mebibyte() -> None:
    assert values.read_size("0") == 0
    assert values.read_size(str(1 << 20)) == 1 << 20
    assert values.read_size(str((1 << 20) + 1)) is None
    assert values.read_size("-1") is None
    assert values.read_size("9" * 5000) is None


@pytest.mark.parametrize("text", ["(", "(" * 900, "a{99999999999999}", "a" * 1001, "(?P<1>a)"])
def test_what_is_no_regular_expression_is_told_apart(text: str) -> None:
    assert values.read_regex(text) is None


def test_a_regular_expression_is_taken_also_where_python_warns() -> None:
    regex = values.read_regex("[[a]")

    assert regex is not None
    assert regex.search("a")


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("abc", "abc", True),
        ("abc", "abcd", False),
        ("*", "", True),
        ("a*", "abc", True),
        ("*c", "abc", True),
        ("a*c", "ac", True),
        ("a*c", "a", False),
        ("aa*aa", "aaa", False),
        ("a*b*c", "axxbyyc", True),
        ("a*c*b", "abc", False),
        ("a?c", "abc", False),
        ("a?c", "a?c", True),
        ("[a]", "[a]", True),
        ("* is pending import.", "arn:x is pending import.", True),
        ("**", "x", True),
    ],
)
def test_a_star_stands_for_anything_and_nothing_else_is_special(
    pattern: str, text: str, fits: bool
) -> None:
    assert values.matches_stars(pattern, text) is fits


def test_many_stars_cost_no_time() -> None:
    assert not values.matches_stars("*a" * 500 + "b", "a" * 20_000)


@pytest.mark.parametrize(
    ("text", "plain", "name"),
    [
        ("$blob", True, "blob"),
        ("$payroll.arn", True, "payroll.arn"),
        ("$partner/app.arn", True, "partner/app.arn"),
        ("$blob", False, None),
        ("${aws:username}", True, None),
        ("a$blob", True, None),
    ],
)
def test_a_whole_plain_value_with_a_dollar_is_a_reference(
    text: str, plain: bool, name: str | None
) -> None:
    assert values.reference(String(text, Span(0, 1), plain)) == name


def test_nothing_is_no_reference() -> None:
    assert values.reference(Null(Span(0, 0))) is None


def test_names_of_values_are_simple_words() -> None:
    assert values.is_name("blob_2")
    assert values.is_name("a-b")
    for text in ("", "now", "2a", "a.b", "a b", "$a", "a" * 65):
        assert not values.is_name(text)


def test_regions_and_services_have_a_form() -> None:
    for text in ("us-east-1", "eu-west-1", "us-gov-west-1", "eusc-de-east-1", "ap-southeast-12"):
        assert values.is_region(text)
    for text in ("mars", "eu:west:1", "eu-west", "EU-WEST-1", "", "eu-west-1 "):
        assert not values.is_region(text)
    for text in ("s3", "dynamodb", "s3.eu-west-1.amazonaws.com"):
        assert values.is_service(text)
    for text in ("", "S 3", "s3:x", "\x1b"):
        assert not values.is_service(text)
