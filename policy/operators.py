"""The names of condition operators, and what each of them compares (AUTH G).

A name is `[ForAllValues:|ForAnyValue:]Base[IfExists]`; case is no matter (AUTH B-14).
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from policy.pattern import Pattern, Wildcard, parse_pattern


class SetOperator(StrEnum):
    """How the values of a multivalued key are quantified."""

    ALL = "ForAllValues"
    ANY = "ForAnyValue"


class Family(StrEnum):
    """What type of value an operator compares."""

    STRING = "String"
    NUMERIC = "Numeric"
    DATE = "Date"
    BOOL = "Bool"
    BINARY = "Binary"
    IP = "IpAddress"
    ARN = "Arn"
    NULL = "Null"


@dataclass(frozen=True, slots=True)
class Comparison:
    """One base operator.

    `test(policy value, request value)` is the positive comparison; it returns None when one of
    the two cannot be read as the operator's type, whatever type the key has (AUTH G-16, G-17). A
    negated operator compares with the same test.
    """

    name: str
    family: Family
    test: Callable[[Pattern, str], bool | None]
    negated: bool = False
    wildcards: bool = False

    @property
    def variables(self) -> bool:
        """Whether policy variables are replaced in its values (AUTH H-1)."""
        return self.family in (Family.STRING, Family.ARN)


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator as a policy names it."""

    base: Comparison
    set_operator: SetOperator | None = None
    if_exists: bool = False

    def __str__(self) -> str:
        prefix = f"{self.set_operator}:" if self.set_operator else ""
        return f"{prefix}{self.base.name}{'IfExists' if self.if_exists else ''}"


def parse_operator(name: str) -> Operator | None:
    """Return the operator that a policy names, or None if there is none of that name."""
    prefix, colon, rest = name.rpartition(":")
    set_operator = None
    if colon:
        set_operator = _SET_OPERATORS.get(prefix.lower())
        if set_operator is None:
            return None
    rest = rest.lower()
    base = COMPARISONS.get(rest)
    if base is not None:
        return Operator(base, set_operator)
    base = COMPARISONS.get(rest.removesuffix("ifexists"))
    if base is None or base.family is Family.NULL or not rest.endswith("ifexists"):
        return None  # AUTH F-6: Null takes no suffix
    return Operator(base, set_operator, if_exists=True)


_SET_OPERATORS = {operator.lower(): operator for operator in SetOperator}


def _plain(value: Pattern) -> str:
    return "".join(str(part) for part in value.parts)


def _string_equals(expected: Pattern, actual: str) -> bool:
    return _plain(expected) == actual  # AUTH G-1


def _string_equals_ignore_case(expected: Pattern, actual: str) -> bool:
    return _folded(_plain(expected)) == _folded(actual)


def _folded(text: str) -> str:
    """AUTH G-2: simple case folding, by which no letter becomes two."""
    return "".join(
        next((sign for sign in (c.casefold(), c.lower()) if len(sign) == 1), c) for c in text
    )


def _string_like(expected: Pattern, actual: str) -> bool:
    return expected.matches(actual)  # AUTH G-3, G-14, F-15


def _arn_like(expected: Pattern, actual: str) -> bool | None:
    """AUTH G-9, G-13: six segments on both sides, each matched by itself."""
    wanted, found = arn_segments(expected), actual.split(":", 5)
    if len(wanted) != 6 or len(found) != 6:
        return None
    return all(pattern.matches(text) for pattern, text in zip(wanted, found, strict=True))


def arn_segments(pattern: Pattern) -> tuple[Pattern, ...]:
    """Return the pattern split at its first five colons; wildcards never cross one."""
    segments: list[list[Any]] = [[]]
    for part in pattern.parts:
        rest: Any = part
        while isinstance(rest, str) and ":" in rest and len(segments) < 6:
            before, _, rest = rest.partition(":")
            segments[-1].append(before)
            segments.append([])
        segments[-1].append(rest)
    return tuple(
        Pattern("".join(map(_shown, parts)), tuple(p for p in parts if p != ""))
        for parts in segments
    )


def _shown(part: Any) -> str:
    return part.value if isinstance(part, Wildcard) else getattr(part, "text", part)


_NUMBER = re.compile(
    r"[+-]?(?:[0-9]{1,40}(?:\.[0-9]{0,40})?|\.[0-9]{1,40})(?:[eE][+-]?[0-9]{1,3})?"
)


def read_number(text: str) -> Decimal | None:
    """Return the number that a text spells, or None (AUTH G-4)."""
    return Decimal(text) if _NUMBER.fullmatch(text) else None


_DATE = re.compile(
    r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2})"
    r"(?:T([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,9}))?)?(Z|[+-][0-9]{2}:[0-9]{2}))?)?)?"
)


def read_date(text: str) -> Decimal | None:
    """Return the epoch seconds of the instant that a text spells, or None (AUTH G-11)."""
    if text.isascii() and text.isdigit() and len(text) != 4:
        return read_number(text)
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    try:
        at = dt.datetime(
            int(year), int(month or 1), int(day or 1), int(hour or 0), int(minute or 0),
            int(second or 0), tzinfo=dt.UTC if zone in (None, "Z") else _zone(zone),
        )  # fmt: skip
    except ValueError:
        return None
    whole = (at - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(seconds=1)
    return Decimal(whole) + Decimal(f"0.{fraction or 0}")


def _zone(text: str) -> dt.timezone:
    minutes = int(text[1:3]) * 60 + int(text[4:6])
    return dt.timezone(dt.timedelta(minutes=minutes if text[0] == "+" else -minutes))


def _ordered(
    read: Callable[[str], Decimal | None], test: Callable[[Decimal, Decimal], bool]
) -> Callable[[Pattern, str], bool | None]:
    def compare(expected: Pattern, actual: str) -> bool | None:
        wanted, found = read(_plain(expected)), read(actual)
        return None if wanted is None or found is None else test(found, wanted)

    return compare


def _bool(expected: Pattern, actual: str) -> bool | None:
    wanted, found = _plain(expected).lower(), actual.lower()  # AUTH G-6
    return None if wanted not in ("true", "false") else wanted == found


def _binary(expected: Pattern, actual: str) -> bool | None:
    try:  # AUTH G-7
        wanted = base64.b64decode(_plain(expected), validate=True)
        return wanted == base64.b64decode(actual, validate=True)
    except (binascii.Error, ValueError):
        return None


def _ip(expected: Pattern, actual: str) -> bool | None:
    try:  # AUTH G-8, G-12: compared as addresses; host bits of a range are masked off
        network = ipaddress.ip_network(_plain(expected), strict=False)
        address = ipaddress.ip_address(actual)
    except ValueError:
        return None
    return network.version == address.version and address in network


def _null(expected: Pattern, actual: str) -> bool | None:
    """`actual` says whether the key is absent (AUTH F-7, G-10)."""
    return _bool(expected, actual)


def _pair(
    name: str, negated: str, family: Family, test: Callable[[Pattern, str], bool | None],
    *, wildcards: bool = False,
) -> tuple[Comparison, Comparison]:  # fmt: skip
    return (
        Comparison(name, family, test, wildcards=wildcards),
        Comparison(negated, family, test, negated=True, wildcards=wildcards),
    )


def _orders(family: Family, read: Callable[[str], Decimal | None]) -> tuple[Comparison, ...]:
    return (
        *_pair(f"{family}Equals", f"{family}NotEquals", family, _ordered(read, Decimal.__eq__)),
        Comparison(f"{family}LessThan", family, _ordered(read, Decimal.__lt__)),
        Comparison(f"{family}LessThanEquals", family, _ordered(read, Decimal.__le__)),
        Comparison(f"{family}GreaterThan", family, _ordered(read, Decimal.__gt__)),
        Comparison(f"{family}GreaterThanEquals", family, _ordered(read, Decimal.__ge__)),
    )


COMPARISONS: dict[str, Comparison] = {
    comparison.name.lower(): comparison
    for comparison in (
        *_pair("StringEquals", "StringNotEquals", Family.STRING, _string_equals),
        *_pair(
            "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", Family.STRING,
            _string_equals_ignore_case,
        ),
        *_pair("StringLike", "StringNotLike", Family.STRING, _string_like, wildcards=True),
        *_orders(Family.NUMERIC, read_number),
        *_orders(Family.DATE, read_date),
        Comparison("Bool", Family.BOOL, _bool),
        Comparison("BinaryEquals", Family.BINARY, _binary),
        *_pair("IpAddress", "NotIpAddress", Family.IP, _ip),
        *_pair("ArnEquals", "ArnNotEquals", Family.ARN, _arn_like, wildcards=True),
        *_pair("ArnLike", "ArnNotLike", Family.ARN, _arn_like, wildcards=True),
        Comparison("Null", Family.NULL, _null),
    )
}  # fmt: skip
"""Every base operator, by its name in lower case."""


def parse_value(text: str, operator: Operator, *, variables: bool) -> Pattern:
    """Return a value of a condition as its operator reads it (AUTH G-15, H-1)."""
    base = operator.base
    return parse_pattern(text, wildcards=base.wildcards, variables=variables and base.variables)
