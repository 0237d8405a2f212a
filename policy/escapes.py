"""The escapes of JSON strings."""

from __future__ import annotations

import re

ESCAPE = re.compile(
    r"\\(?:u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|(.))"
)
"""One escape, or the two that spell one character: high half, low half, code, sign."""

SURROGATE = re.compile("[\ud800-\udfff]")
"""Half of a pair, which is no character."""

_SIGNS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def resolved(text: str) -> str:
    """Return the text with its escapes replaced; those that JSON does not know stay as written."""
    return ESCAPE.sub(_character, text) if "\\" in text else text


def _character(found: re.Match[str]) -> str:
    high, low, single, sign = found.groups()
    if high is not None:
        return chr(0x10000 + ((int(high, 16) - 0xD800) << 10) + (int(low, 16) - 0xDC00))
    if single is not None:
        return chr(int(single, 16))
    return _SIGNS.get(sign, sign)
