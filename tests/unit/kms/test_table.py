"""The map under the state: what it holds, and what it remembers of its past."""

from __future__ import annotations

from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kms.table import KEPT, Table
from tests.property.test_ordered import calls_made_by

NAMES = st.sampled_from("abcdef")
STEPS = st.lists(st.tuples(NAMES, st.one_of(st.none(), st.integers(0, 3))), max_size=12)


def changed(table: Table[str, int], steps: list[tuple[str, int | None]]) -> Table[str, int]:
    for name, value in steps:
        table = table.discard(name) if value is None else table.insert(name, value)
    return table


def numbered(table: Table[str, int], count: int) -> Table[str, int]:
    return reduce(lambda each, number: each.insert("x", 10_000 + number), range(count), table)


@given(STEPS, STEPS, STEPS)
def test_it_tells_what_differs_from_whatever_came_before(
    past: list[tuple[str, int | None]],
    steps: list[tuple[str, int | None]],
    aside: list[tuple[str, int | None]],
) -> None:
    earlier = changed(Table(), past)
    now, sibling = changed(earlier, steps), changed(earlier, aside)

    for other in (earlier, sibling, Table()):
        expected = {name for name in {*now, *other} if now.get(name) != other.get(name)}
        assert now.changed_since(other) == expected


@given(STEPS)
def test_it_holds_what_a_dict_holds(steps: list[tuple[str, int | None]]) -> None:
    model: dict[str, int] = {}
    for name, value in steps:
        if value is None:
            model.pop(name, None)
        else:
            model[name] = value
    table = changed(Table(), steps)

    assert dict(table) == model
    assert table == Table(model)
    assert len(table) == len(model)
    assert all((name in table) is (name in model) for name in "abcdef")
    assert [table.get(name, -1) for name in "abcdef"] == [model.get(n, -1) for n in "abcdef"]


def test_a_change_leaves_the_earlier_table_as_it_was() -> None:
    earlier = Table({"a": 1})

    assert earlier.insert("a", 2)["a"] == 2
    assert "a" not in earlier.discard("a")
    assert dict(earlier) == {"a": 1}


def test_a_change_that_changes_nothing_returns_the_same_table() -> None:
    value = 10_000
    table = Table({"a": value})

    assert table.insert("a", value) is table
    assert table.discard("b") is table


def test_an_entry_that_is_missing_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        Table({"a": 1})["b"]


def test_telling_what_changed_costs_as_much_as_has_changed() -> None:
    small = Table({str(number): number for number in range(10)})
    large = Table({str(number): number for number in range(20_000)})

    costs = [
        calls_made_by(lambda t=table: t.insert("0", -1).discard("1").changed_since(t))  # type: ignore[misc]
        for table in (small, large)
    ]

    assert costs[0] == costs[1]


@pytest.mark.parametrize("count", [KEPT - 1, KEPT, KEPT + 1, 2 * KEPT, 3 * KEPT + 7])
def test_history_is_cut_and_the_answer_stays_right(count: int) -> None:
    start = Table({"a": 1, "b": 2})
    earlier = numbered(start, 5)
    now = numbered(earlier, count).discard("b")

    assert now.changed_since(earlier) == {"b", "x"}
    marks, mark = 0, now._mark.before
    while mark is not None:
        marks, mark = marks + 1, mark.before
    assert marks <= 2 * KEPT
