"""SortedSet by example; its laws are in tests/property/test_ordered.py."""

from __future__ import annotations

import dataclasses

import pytest

from kms.ordered import MAX_ROW, SortedSet


def of(*values: str) -> SortedSet[str]:
    made: SortedSet[str] = SortedSet()
    for value in values:
        made = made.add(value)
    return made


def test_an_empty_set_holds_nothing() -> None:
    empty: SortedSet[str] = SortedSet()

    assert list(empty) == []
    assert len(empty) == 0
    assert empty.first() is None
    assert "a" not in empty
    assert list(empty.after("a")) == []
    assert empty.discard("a") is empty


def test_values_come_in_order() -> None:
    assert list(of("b", "c", "a", "b")) == ["a", "b", "c"]
    assert of("b", "a").first() == "a"


def test_a_set_does_not_change_when_another_is_made_of_it() -> None:
    before = of("a", "c")

    assert list(before.add("b")) == ["a", "b", "c"]
    assert list(before.discard("a")) == ["c"]
    assert list(before) == ["a", "c"]


def test_nobody_can_change_a_set_in_place() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        of("a")._rows = ()  # type: ignore[misc]


@pytest.mark.parametrize("value", ["b", "bb"])
def test_what_comes_after_a_value_does_not_need_the_value(value: str) -> None:
    """CORE K-52: a page goes on where an item was that is there no longer."""
    assert list(of("a", "b", "c", "d").after(value)) == ["c", "d"]


def test_the_last_value_leaves_an_empty_set() -> None:
    assert list(of("a").discard("a")) == []
    assert not of("a").discard("a")


def test_rows_split_when_they_are_full() -> None:
    full = of(*(f"{number:04}" for number in range(MAX_ROW)))

    assert len(full._rows) == 1
    assert [len(row) for row in full.add("9999")._rows] == [MAX_ROW // 2, MAX_ROW // 2 + 1]
    assert len(full.add("9999")) == MAX_ROW + 1


def test_sets_of_the_same_values_made_the_same_way_are_equal() -> None:
    assert of("a", "b") == of("a", "b")
    assert of("a") != of("b")
