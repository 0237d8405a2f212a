"""What each condition operator is called and what it compares (AUTH B-14, G)."""

from __future__ import annotations

from decimal import Decimal

import pytest

from policy.operators import (
    COMPARISONS,
    Family,
    SetOperator,
    arn_segments,
    parse_operator,
    parse_value,
    read_date,
    read_number,
)
from policy.pattern import parse_pattern

NAMES = {
    Family.STRING: """StringEquals StringNotEquals StringEqualsIgnoreCase
        StringNotEqualsIgnoreCase StringLike StringNotLike""",
    Family.NUMERIC: """NumericEquals NumericNotEquals NumericLessThan NumericLessThanEquals
        NumericGreaterThan NumericGreaterThanEquals""",
    Family.DATE: """DateEquals DateNotEquals DateLessThan DateLessThanEquals DateGreaterThan
        DateGreaterThanEquals""",
    Family.BOOL: "Bool",
    Family.BINARY: "BinaryEquals",
    Family.IP: "IpAddress NotIpAddress",
    Family.ARN: "ArnEquals ArnNotEquals ArnLike ArnNotLike",
    Family.NULL: "Null",
}
ALL = [name for names in NAMES.values() for name in names.split()]
NEGATED = {name for name in ALL if "Not" in name}


def compare(operator: str, expected: str, actual: str) -> bool | None:
    """Compare a policy value with a request value; None if one of them cannot be read."""
    parsed = parse_operator(operator)
    assert parsed is not None
    return parsed.base.test(parse_value(expected, parsed, variables=False), actual)


# Names


def test_the_operators_are_those_of_the_guide() -> None:
    assert {
        family: [c.name for c in COMPARISONS.values() if c.family is family] for family in Family
    } == {family: names.split() for family, names in NAMES.items()}


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("change", [str, str.upper, str.lower])
def test_b14_an_operator_is_found_in_any_case(name: str, change: type[str]) -> None:
    operator = parse_operator(change(name))

    assert operator is not None
    assert str(operator) == name
    assert operator.base.negated == (name in NEGATED), "F-4"
    assert (operator.set_operator, operator.if_exists) == (None, False)


@pytest.mark.parametrize("name", [name for name in ALL if name != "Null"])
@pytest.mark.parametrize("set_operator", [None, *SetOperator])
def test_f14_prefix_and_suffix_combine(name: str, set_operator: SetOperator | None) -> None:
    prefix = f"{set_operator}:" if set_operator else ""
    operator = parse_operator(f"{prefix}{name}IfExists")

    assert operator is not None
    assert str(operator) == f"{prefix}{name}IfExists"
    assert operator.base.name == name
    assert (operator.set_operator, operator.if_exists) == (set_operator, True)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "IfExists",
        "StringEqual",
        "StringEquals ",
        "NullIfExists",  # F-6: Null takes no suffix
        "ForAnyValue:NullIfExists",
        "BoolNotEquals",  # G-6: there is no negated Bool
        "StringEqualsIfExistsIfExists",
        "ForAllValues",
        "ForAllValues:",
        "ForAllValue:StringEquals",
        ":StringEquals",
        "ForAllValues:ForAnyValue:StringEquals",
        "ForAllValues: StringEquals",
    ],
)
def test_another_name_is_no_operator(name: str) -> None:
    assert parse_operator(name) is None


# Comparisons


@pytest.mark.parametrize(
    ("expected", "actual", "matches"),
    [
        ("a", "a", True),
        ("a", "A", False),  # F-15
        ("a*", "a*", True),
        ("a*", "ab", False),  # G-15
        ("?", "a", False),
        ("", "", True),
        ("é", "e\u0301", False),  # code points are compared, not what they look like
    ],
)
def test_g1_string_equals_compares_code_points(expected: str, actual: str, matches: bool) -> None:
    assert compare("StringEquals", expected, actual) is matches
    assert compare("StringNotEquals", expected, actual) is matches


@pytest.mark.parametrize(
    ("expected", "actual", "matches"),
    [
        ("Finance", "fiNANCE", True),
        ("ÉCOLE", "école", True),
        ("ΣΟΦΟΣ", "σοφος", True),
        ("a", "b", False),
        ("a*", "ab", False),
        ("straße", "STRASSE", False),  # simple case folding: no letter becomes two
        ("straße", "STRAẞE", True),
    ],
)
def test_g2_ignore_case_folds_letters_one_by_one(expected: str, actual: str, matches: bool) -> None:
    assert compare("StringEqualsIgnoreCase", expected, actual) is matches
    assert compare("StringEqualsIgnoreCase", actual, expected) is matches
    assert compare("StringNotEqualsIgnoreCase", expected, actual) is matches


@pytest.mark.parametrize(
    ("expected", "actual", "matches"),
    [
        ("s3.*.amazonaws.com", "s3.us-east-1.amazonaws.com", True),
        ("arn:aws:iam::*:role/x", "arn:aws:iam::1:user/y:role/x", True),  # G-14
        ("a?c", "abc", True),
        ("a?c", "ABC", False),  # F-15
        ("a*", "", False),
    ],
)
def test_g3_string_like_globs_the_whole_value(expected: str, actual: str, matches: bool) -> None:
    assert compare("StringLike", expected, actual) is matches
    assert compare("StringNotLike", expected, actual) is matches


@pytest.mark.parametrize(
    ("policy_value", "request_value", "order"),
    [
        ("7", "7", 0),
        ("7", "7.0", 0),
        ("7", "+7", 0),
        ("0.5", ".5", 0),
        ("1e2", "100", 0),
        ("-0", "0", 0),
        ("30", "7", -1),
        ("7", "30", 1),
        ("9", "10", 1),  # numbers, not texts
        ("-1", "-2", -1),
        ("0.1", "0.10000000000000000001", 1),
    ],
)
def test_g4_numbers_are_compared_as_numbers(
    policy_value: str, request_value: str, order: int
) -> None:
    """`order` is that of the request value to the policy value."""
    assert orders("Numeric", policy_value, request_value) == holding(order)


def orders(family: str, policy_value: str, request_value: str) -> dict[str, bool | None]:
    return {
        name: compare(f"{family}{name}", policy_value, request_value)
        for name in (
            "Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals",
        )
    }  # fmt: skip


def holding(order: int | None) -> dict[str, bool | None]:
    """Return what the six comparisons say; a negated one is tested for equality as well."""
    if order is None:
        return dict.fromkeys(orders("Numeric", "", ""), None)
    return {
        "Equals": order == 0,
        "NotEquals": order == 0,
        "LessThan": order < 0,
        "LessThanEquals": order <= 0,
        "GreaterThan": order > 0,
        "GreaterThanEquals": order >= 0,
    }


@pytest.mark.parametrize(
    ("policy_value", "request_value"),
    [("abc", "7"), ("7", "abc"), ("", "7"), ("7", ""), ("*", "7"), ("7", "0x7"), ("7", "7 ")],
)
def test_g16_a_text_that_is_no_number_cannot_be_compared(
    policy_value: str, request_value: str
) -> None:
    assert orders("Numeric", policy_value, request_value) == holding(None)


@pytest.mark.parametrize("text", ["٧", "1_000", "1,000", "NaN", "inf", "-", ".", "1e", "9" * 41])
def test_what_only_python_would_read_is_no_number(text: str) -> None:
    assert read_number(text) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-03-01T12:00:00Z", 1772366400),
        ("2026-03-01T12:00Z", 1772366400),
        ("2026-03-01T13:30:00+01:30", 1772366400),
        ("2026-03-01T04:00:00-08:00", 1772366400),
        ("2026-03-01", 1772323200),  # midnight UTC
        ("2026-03", 1772323200),  # the start of the period
        ("2026", 1767225600),
        ("1772366400", 1772366400),
        ("0", 0),
        ("1969-12-31T23:59:59Z", -1),
        ("2024-02-29", 1709164800),
    ],
)
def test_g11_a_date_is_read_as_an_instant(text: str, seconds: int) -> None:
    assert read_date(text) == seconds


def test_g11_fractions_of_a_second_count() -> None:
    assert read_date("2026-03-01T12:00:00.25Z") == Decimal("1772366400.25")
    assert read_date("1969-12-31T23:59:59.5Z") == Decimal("-0.5")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "today",
        "*",
        "2026-3-1",
        "2026-13-01",
        "2026-02-30",
        "2026-03-01T12:00:00",  # no zone
        "2026-03-01T12Z",
        "2026-03-01 12:00:00Z",
        "2026-03-01T24:00:00Z",
        "2026-03-01T12:00:00z",
        "2026-03-01T12:00:00+0100",
        "2026-03-01T12:00:00+99:00",
        "0000-01-01",
        "-5",
        "1772366400.5",
        "٢٠٢٦",
    ],
)
def test_g11_another_text_is_no_date(text: str) -> None:
    assert read_date(text) is None


@pytest.mark.parametrize(
    ("policy_value", "request_value", "order"),
    [
        ("2026-03-01", "2026-03-01T00:00:00Z", 0),
        ("2026-03-01T12:00:00Z", "2026-03-01T13:00:00+01:00", 0),
        ("2026-03-01T12:00:00Z", "1772366400", 0),
        ("2026-03-01T12:00:00Z", "2026-03-01T12:00:01Z", 1),
        ("2026-03-01T12:00:00Z", "2026-03-01T12:30:00+01:00", -1),
        ("2026-03-01", "9", -1),
        ("2026-03-01*", "2026-03-01", None),
        ("2026-03-01", "soon", None),
    ],
)
def test_g5_dates_are_compared_as_instants(
    policy_value: str, request_value: str, order: int | None
) -> None:
    assert orders("Date", policy_value, request_value) == holding(order)


@pytest.mark.parametrize(
    ("expected", "actual", "matches"),
    [
        ("true", "true", True),
        ("TRUE", "true", True),
        ("false", "False", True),
        ("true", "false", False),
        ("true", "1", False),
        ("1", "true", None),
        ("*", "true", None),
        ("", "", None),
    ],
)
def test_g6_bool_compares_true_and_false_in_any_case(
    expected: str, actual: str, matches: bool | None
) -> None:
    assert compare("Bool", expected, actual) is matches


@pytest.mark.parametrize(
    ("expected", "actual", "matches"),
    [
        ("QmluYXJ5", "QmluYXJ5", True),
        ("QmluYXJ5", "QmluYXJ6", False),
        ("QUI=", "QUI=", True),
        ("QUJ=", "QUI=", True),  # the same byte: unused bits do not count
        ("", "", True),
        ("QUI", "QUI=", None),
        ("a*", "QUI=", None),
        ("QUI=", "é", None),
    ],
)
def test_g7_binary_compares_bytes(expected: str, actual: str, matches: bool | None) -> None:
    assert compare("BinaryEquals", expected, actual) is matches


@pytest.mark.parametrize(
    ("expected", "actual", "matches"),
    [
        ("203.0.113.0/24", "203.0.113.77", True),
        ("203.0.113.0/24", "203.0.114.0", False),
        ("203.0.113.7", "203.0.113.7", True),  # no prefix is /32
        ("203.0.113.7", "203.0.113.8", False),
        ("203.0.113.77/24", "203.0.113.1", True),  # host bits are masked off
        ("0.0.0.0/0", "198.51.100.1", True),
        ("2001:db8::/32", "2001:db8:1::7", True),
        ("2001:DB8::1", "2001:db8:0::1", True),  # addresses, not texts
        ("2001:db8::1", "2001:db8::2", False),  # no prefix is /128
        ("0.0.0.0/0", "2001:db8::7", False),  # an IPv6 address is in no IPv4 range
        ("::/0", "203.0.113.7", False),
        ("203.0.113.0/33", "203.0.113.7", None),
        ("203.0.113.*", "203.0.113.7", None),
        ("203.0.113.0/24", "vpc-1", None),
        ("203.0.113.0/24", "203.0.113.0/24", None),
        ("", "203.0.113.7", None),
    ],
)
def test_g8_g12_addresses_are_compared_with_ranges(
    expected: str, actual: str, matches: bool | None
) -> None:
    assert compare("IpAddress", expected, actual) is matches
    assert compare("NotIpAddress", expected, actual) is matches


ROLE = "arn:aws:iam::111122223333:role/team/app"


@pytest.mark.parametrize("operator", ["ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike"])
@pytest.mark.parametrize(
    ("expected", "actual", "matches"),
    [
        (ROLE, ROLE, True),
        ("arn:aws:iam::*:role/team/app", ROLE, True),
        ("arn:*:*:*:*:*", ROLE, True),
        ("arn:aws:iam::111122223333:role/*", ROLE, True),
        ("arn:aws:iam::1111????3333:role/team/app", ROLE, True),
        ("arn:aws:iam::111122223333:role/TEAM/app", ROLE, False),
        ("ARN:aws:iam::111122223333:role/team/app", ROLE, False),
        ("arn:aws:*:role/team/app", ROLE, None),  # a wildcard stands for one segment only
        ("*", ROLE, None),
        ("arn:aws:iam::*", ROLE, None),
        (ROLE, "role/team/app", None),
        ("arn:aws:s3:::a:*", "arn:aws:s3:::a:b:c", True),  # the last segment spans colons
        ("arn:aws:s3:::a*", "arn:aws:s3:::a:b:c", True),
    ],
)
def test_g9_g13_arns_are_matched_segment_by_segment(
    operator: str, expected: str, actual: str, matches: bool | None
) -> None:
    assert compare(operator, expected, actual) is matches


def test_an_arn_pattern_splits_at_its_first_five_colons() -> None:
    pattern = parse_pattern("arn:*:kms:${aws:RequestedRegion}::key/?:*", variables=True)

    assert [segment.text for segment in arn_segments(pattern)] == [
        "arn", "*", "kms", "${aws:RequestedRegion}", "", "key/?:*",
    ]  # fmt: skip


# Values


@pytest.mark.parametrize("name", ALL)
def test_g15_only_like_and_arn_operators_have_wildcards(name: str) -> None:
    operator = parse_operator(name)
    assert operator is not None

    pattern = parse_value("a*", operator, variables=True)

    assert pattern.has_wildcard == ("Like" in name or "Arn" in name)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("version_has_variables", [True, False])
def test_h1_only_string_and_arn_operators_have_variables(
    name: str, version_has_variables: bool
) -> None:
    operator = parse_operator(name)
    assert operator is not None

    pattern = parse_value("${aws:username}", operator, variables=version_has_variables)

    allowed = version_has_variables and name.startswith(("String", "Arn"))
    assert bool(pattern.variables) == allowed
