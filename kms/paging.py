"""Lists in pages: a limit, an opaque marker, and an order that never changes (CORE K-51, K-52)."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

from kms.errors import InvalidMarker
from kms.operation import Output, Parameters

T = TypeVar("T")

MAX_MARKER = 1024


def start_of(parameters: Parameters, *bound_to: str, parts: int = 1) -> Any | None:
    """Return the sort key after which the page begins, or None for the first page.

    A sort key is a text, or a tuple of so many `parts`. Raises InvalidMarker for a marker that
    was not made for this very list.
    """
    marker = parameters.get("Marker")
    if marker is None:
        return None
    if len(marker) > MAX_MARKER:
        raise InvalidMarker
    try:
        read = json.loads(base64.urlsafe_b64decode(marker.encode("ascii")))
        *bound, last = read
    except (binascii.Error, UnicodeError, ValueError, TypeError, RecursionError):
        raise InvalidMarker from None
    texts = [last] if parts == 1 else last
    if bound != list(bound_to) or not isinstance(texts, list) or len(texts) != parts:
        raise InvalidMarker
    if not all(isinstance(text, str) for text in texts):
        raise InvalidMarker
    return last if parts == 1 else tuple(texts)


def page(
    parameters: Parameters, items: Iterable[tuple[Any, T]], default: int, most: int, *bound_to: str
) -> tuple[list[T], Output]:
    """Return the items of one page, and the members that say whether there is more.

    `items` are pairs of sort key and item, from the start of the page on. A limit above `most`
    is taken as `most` (CORE K-45).
    """
    limit = min(parameters.get("Limit", default), most)
    iterator: Iterator[tuple[Any, T]] = iter(items)
    taken = list(islice(iterator, limit))
    more = next(iterator, None) is not None
    paging: Output = {"Truncated": more}
    if more and taken:
        # Letters are not escaped: a marker has little room, and tags have long names.
        text = json.dumps([*bound_to, taken[-1][0]], separators=(",", ":"), ensure_ascii=False)
        paging["NextMarker"] = base64.urlsafe_b64encode(text.encode()).decode("ascii")
    return [item for _, item in taken], paging
