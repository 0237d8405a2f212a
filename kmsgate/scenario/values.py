"""Values as scenario files write them: bytes, times, spans of time, and `$name`s."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import re
import warnings
from decimal import Decimal

from policy.operators import read_date
from policy.tree import Node, String

_AMOUNT = re.compile(r"([0-9]{1,9})\s*([a-z]+)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_REGION = re.compile(r"[a-z]{2,4}(-[a-z]{2,12}){1,3}-[0-9]{1,2}")
_SERVICE = re.compile(r"[a-z0-9-]{1,40}(\.[a-z0-9.-]{1,80})?")
_UNITS = {
    "second": dt.timedelta(seconds=1),
    "minute": dt.timedelta(minutes=1),
    "hour": dt.timedelta(hours=1),
    "day": dt.timedelta(days=1),
    "week": dt.timedelta(weeks=1),
}
UNIT_NAMES = tuple(f"{unit}s" for unit in _UNITS)
NOT_A_TIME = "is not a time such as 2026-01-05T09:00:00Z"
MAX_BYTES = 1 << 20
MAX_PATTERN = 1000
MAX_SPAN = dt.timedelta(days=366_000)
FIRST_TIME = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
LAST_TIME = dt.datetime(3000, 1, 1, tzinfo=dt.UTC)
"""Where clocks end, long before the calendar does: no sum of times can overflow."""


def reference(node: Node) -> str | None:
    """Return the name that a `$name` stands for; quoted text is text, `${key}` is for policies."""
    text = node.value if isinstance(node, String) and node.plain else ""
    return text[1:] if text.startswith("$") and not text.startswith("${") else None


def is_name(text: str) -> bool:
    """Tell whether a value can be saved under this name."""
    return _NAME.fullmatch(text) is not None and text != "now"


def is_region(text: str) -> bool:
    """Tell whether a text has the form of a Region: `eu-west-1`."""
    return _REGION.fullmatch(text) is not None


def is_service(text: str) -> bool:
    """Tell whether a text has the form of a service: `s3`, or `s3.eu-west-1.amazonaws.com`."""
    return _SERVICE.fullmatch(text) is not None


def read_duration(text: str) -> dt.timedelta | None:
    """Return the span of time that a text such as `5 minutes` spells, or None."""
    found = _AMOUNT.fullmatch(text.strip())
    return duration_of(found[1], found[2]) if found is not None else None


def duration_of(amount: str, unit: str) -> dt.timedelta | None:
    """Return a span of time by digits and unit (`days`), or None for what is none."""
    known = _UNITS.get(unit.removesuffix("s"))
    if known is None or not (amount.isascii() and amount.isdecimal()) or len(amount) > 12:
        return None
    return int(amount) * known if int(amount) <= MAX_SPAN // known else None


def read_time(text: str) -> dt.datetime | None:
    """Return the moment that an ISO 8601 text spells, in UTC, or None."""
    seconds = read_date(text)
    first, last = (Decimal((at - FIRST_TIME).days) * 86_400 for at in (FIRST_TIME, LAST_TIME))
    if seconds is None or not first <= seconds <= last:
        return None
    return FIRST_TIME + dt.timedelta(milliseconds=int(seconds * 1000))


def read_hex(text: str) -> bytes | None:
    """Return the bytes that hexadecimal digits spell, or None."""
    try:
        return bytes.fromhex(text)
    except ValueError:
        return None


def read_base64(text: str) -> bytes | None:
    """Return the bytes that a base64 text spells, or None."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def read_size(text: str) -> int | None:
    """Return a number of bytes, or None for what is none or too much."""
    if not (text.isascii() and text.isdecimal()) or len(text) > 9:
        return None
    return int(text) if int(text) <= MAX_BYTES else None


def read_regex(text: str) -> re.Pattern[str] | None:
    """Return a regular expression, or None for what is none."""
    if len(text) > MAX_PATTERN:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what may change in a later Python
            return re.compile(text)
    except (re.error, RecursionError, OverflowError):
        return None


def matches_stars(pattern: str, text: str) -> bool:
    """Tell whether a text fits a pattern in which `*` stands for anything."""
    first, *rest = pattern.split("*")
    if not rest:
        return text == pattern
    if not text.startswith(first):
        return False
    *middle, last = rest
    at = len(first)
    for part in middle:
        at = text.find(part, at)
        if at < 0:
            return False
        at += len(part)
    return len(text) - at >= len(last) and text.endswith(last)
