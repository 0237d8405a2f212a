"""Values as scenario files write them: bytes, times and spans of time."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import re
from decimal import Decimal

from policy.operators import read_date

_AMOUNT = re.compile(r"([0-9]{1,9})\s*([a-z]+)")
_UNITS = {
    "second": dt.timedelta(seconds=1),
    "minute": dt.timedelta(minutes=1),
    "hour": dt.timedelta(hours=1),
    "day": dt.timedelta(days=1),
    "week": dt.timedelta(weeks=1),
}
UNIT_NAMES = tuple(f"{unit}s" for unit in _UNITS)
MAX_BYTES = 1 << 20
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def read_duration(text: str) -> dt.timedelta | None:
    """Return the span of time that a text such as `5 minutes` spells, or None."""
    found = _AMOUNT.fullmatch(text.strip())
    unit = _UNITS.get(found[2].removesuffix("s")) if found is not None else None
    return int(found[1]) * unit if found is not None and unit is not None else None


def duration_of(amount: int, unit: str) -> dt.timedelta | None:
    """Return a span of time by number and unit (`days`), or None for an unknown unit."""
    known = _UNITS.get(unit.removesuffix("s"))
    return amount * known if known is not None else None


def read_time(text: str) -> dt.datetime | None:
    """Return the moment that an ISO 8601 text spells, in UTC, or None."""
    seconds = read_date(text)
    if seconds is None or abs(seconds) > Decimal(10) ** 11:
        return None
    return _EPOCH + dt.timedelta(milliseconds=int(seconds * 1000))


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
