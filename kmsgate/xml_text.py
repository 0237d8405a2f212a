"""Text inside of XML."""

from __future__ import annotations

import re
from xml.sax.saxutils import escape

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def printable(text: str) -> str:
    """Return a text as it may stand in XML, which knows no control characters."""
    return escape(_NOT_XML.sub("\ufffd", text))
