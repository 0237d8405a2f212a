"""Pages: limits, markers that belong to one list, and broken ones (CORE K-45, K-51, K-52)."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from kms import paging
from kms.errors import InvalidMarker
from kms.operation import Parameters

BOUND = ("ListKeys", "111122223333", "eu-west-1")
LETTERS = [(letter, letter.upper()) for letter in "abcdefg"]


def encoded(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


def page(parameters: Parameters, default: int = 3, most: int = 5) -> tuple[list[str], Any]:
    start = paging.start_of(parameters, *BOUND)
    items = (pair for pair in LETTERS if start is None or pair[0] > start)
    return paging.page(parameters, items, default, most, *BOUND)


def test_a_page_is_as_long_as_the_default_without_a_limit() -> None:
    shown, more = page({})

    assert shown == ["A", "B", "C"]
    assert more["Truncated"] is True


@pytest.mark.parametrize(("limit", "count"), [(1, 1), (5, 5), (6, 5), (1000, 5)])
def test_a_limit_is_kept_and_a_large_one_is_cut(limit: int, count: int) -> None:
    """CORE K-45."""
    assert len(page({"Limit": limit})[0]) == count


def test_the_last_page_says_so_and_has_no_marker() -> None:
    """CORE K-51."""
    assert page({}, default=7, most=10) == (list("ABCDEFG"), {"Truncated": False})
    assert page({}, default=8, most=10) == (list("ABCDEFG"), {"Truncated": False})


def test_an_empty_list_is_one_page() -> None:
    assert paging.page({}, [], 3, 5, *BOUND) == ([], {"Truncated": False})


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5])
def test_markers_lead_through_the_whole_list_once(limit: int) -> None:
    seen: list[str] = []
    parameters: dict[str, Any] = {"Limit": limit}
    while True:
        shown, more = page(parameters)
        seen += shown
        if not more["Truncated"]:
            break
        parameters["Marker"] = more["NextMarker"]

    assert seen == list("ABCDEFG")


def test_a_marker_is_opaque_text_for_a_url() -> None:
    assert set(page({})[1]["NextMarker"]) <= set(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_="
    )


def test_a_sort_key_of_several_parts_comes_back_as_it_was() -> None:
    order = ("2026-03-01T08:00:00+00:00", "ab" * 32)
    _, more = paging.page({"Limit": 1}, [(order, 1), (("x", "y"), 2)], 3, 5, *BOUND)

    assert paging.start_of({"Marker": more["NextMarker"]}, *BOUND, parts=2) == order


@pytest.mark.parametrize("name", ["é" * 128, "名" * 128, "😀" * 64, "\u00ff" * 128])
def test_the_marker_of_a_long_name_is_not_too_long(name: str) -> None:
    """CORE K-52, K-169: a tag key has 128 letters of any script, a marker 1024 characters."""
    bound = ("ListResourceTags", "arn:aws:kms:ap-southeast-1:111122223333:key/mrk-" + "0" * 32)
    _, more = paging.page({"Limit": 1}, [(name, 1), ("x", 2)], 50, 50, *bound)

    assert len(more["NextMarker"]) <= paging.MAX_MARKER
    assert paging.start_of({"Marker": more["NextMarker"]}, *bound) == name


def test_without_a_marker_a_list_begins_at_its_start() -> None:
    assert paging.start_of({}, *BOUND) is None


BROKEN = {
    "no base64": "%%%",
    "base64 cut short": encoded([*BOUND, "a"])[:-3],
    "no text": base64.urlsafe_b64encode(b"\xff\xfe\xfd").decode(),
    "no JSON": base64.urlsafe_b64encode(b"[").decode(),
    "not ASCII": "é",
    "empty list": encoded([]),
    "a number": encoded(3),
    "null": encoded(None),
    "an object": encoded({"a": 1}),
    "a text": encoded("abc"),
    "too few parts": encoded(list(BOUND)),
    "another operation": encoded(["ListAliases", *BOUND[1:], "a"]),
    "another account": encoded([BOUND[0], "444455556666", BOUND[2], "a"]),
    "another region": encoded([*BOUND[:2], "us-east-1", "a"]),
    "too many parts": encoded([*BOUND, "", "a"]),
    "a number to go on from": encoded([*BOUND, 3]),
    "nothing to go on from": encoded([*BOUND, None]),
    "an object to go on from": encoded([*BOUND, {}]),
    "a list to go on from": encoded([*BOUND, ["a"]]),
    "two texts to go on from": encoded([*BOUND, ["a", "b"]]),
    "deep nesting": base64.urlsafe_b64encode(b"[" * 700).decode(),
    "too long": encoded([*BOUND, "a" * 1024]),
}


@pytest.mark.parametrize("marker", BROKEN.values(), ids=BROKEN)
def test_a_marker_that_was_not_made_for_this_list_is_invalid(marker: str) -> None:
    """CORE K-52."""
    with pytest.raises(InvalidMarker) as caught:
        paging.start_of({"Marker": marker}, *BOUND)

    assert caught.value.message is None
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("last", ["a", [], ["a"], ["a", "b", "c"], ["a", 1], [None, "b"], {}])
def test_a_marker_for_a_sort_key_of_two_parts_has_two_texts(last: Any) -> None:
    with pytest.raises(InvalidMarker):
        paging.start_of({"Marker": encoded([*BOUND, last])}, *BOUND, parts=2)
