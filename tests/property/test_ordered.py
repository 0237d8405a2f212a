"""SortedSet against a plain sorted list, and what adding to it costs."""

from __future__ import annotations

import bisect
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import cache, partial
from types import FrameType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from kms import State, ordered
from kms.ordered import MAX_ROW, SortedSet
from kms.table import Table
from tests.kms_world import REGION, Json, World

VALUES = st.text("abc", max_size=4)


class AgainstAList(RuleBasedStateMachine):
    """A set and a list go through the same changes; rows are kept short so that they split."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(ordered, "MAX_ROW", 3)
        self.set: SortedSet[str] = SortedSet()
        self.list: list[str] = []
        self.past: list[tuple[SortedSet[str], list[str]]] = []

    def teardown(self) -> None:
        self.patch.undo()

    def remember(self) -> None:
        self.past.append((self.set, list(self.list)))

    @rule(value=VALUES)
    def add(self, value: str) -> None:
        self.remember()
        self.set = self.set.add(value)
        if value not in self.list:
            bisect.insort(self.list, value)

    @rule(value=VALUES)
    def discard(self, value: str) -> None:
        self.remember()
        self.set = self.set.discard(value)
        if value in self.list:
            self.list.remove(value)

    @rule(data=st.data())
    def discard_one_that_is_there(self, data: st.DataObject) -> None:
        if self.list:
            self.discard(data.draw(st.sampled_from(self.list)))

    @rule(value=VALUES)
    def look_for(self, value: str) -> None:
        assert (value in self.set) is (value in self.list)
        assert list(self.set.after(value)) == [each for each in self.list if each > value]

    @invariant()
    def both_hold_the_same(self) -> None:
        assert list(self.set) == self.list
        assert len(self.set) == len(self.list)
        assert bool(self.set) is bool(self.list)
        assert self.set.first() == (self.list[0] if self.list else None)
        assert list(self.set.after(None)) == self.list

    @invariant()
    def rows_are_short_and_never_empty(self) -> None:
        assert all(0 < len(row) <= 3 for row in self.set._rows)

    @invariant()
    def the_past_stays_as_it_was(self) -> None:
        for was, held in self.past[-3:]:
            assert list(was) == held


TestAgainstAList = AgainstAList.TestCase
TestAgainstAList.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


@given(st.lists(st.tuples(st.text("ab", max_size=2), st.text("ab", max_size=2))))
def test_pairs_are_kept_in_order_as_well(pairs: list[tuple[str, str]]) -> None:
    values: SortedSet[tuple[str, str]] = SortedSet()
    for pair in pairs:
        values = values.add(pair)

    assert list(values) == sorted(set(pairs))


# Cost


def filled(count: int) -> SortedSet[str]:
    values: SortedSet[str] = SortedSet()
    for number in range(count):
        values = values.add(f"{number * 7919 % 100_003:06}")
    return values


def new_rows(before: SortedSet[str], after: SortedSet[str]) -> int:
    known = {id(row) for row in before._rows}
    return sum(id(row) not in known for row in after._rows)


@pytest.mark.parametrize("count", [0, 1, MAX_ROW, MAX_ROW + 1, 5_000])
def test_a_change_copies_no_more_than_one_row(count: int) -> None:
    values = filled(count)
    for value in ("", "050000x", "999999"):
        added = values.add(value)
        removed = added.discard(value)

        split = len(added._rows) > len(values._rows) and len(values._rows) > 0
        assert new_rows(values, added) == (2 if split else 1)
        assert new_rows(added, removed) <= 1
        assert max(len(row) for row in added._rows) <= MAX_ROW


def test_adding_what_is_there_and_removing_what_is_not_copies_nothing() -> None:
    values = filled(1_000)

    assert values.add(next(iter(values))) is values
    assert values.discard("absent") is values


class Watched:
    """A map of the state in the hands of a test: whoever looks at an entry makes a call."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        def work(*arguments: Any) -> Any:
            result = getattr(self.inner, name)(*arguments)
            if isinstance(result, Table):
                return Watched(result)
            return self.each(result) if name in ("keys", "values", "items") else result

        return work

    def __iter__(self) -> Iterator[Any]:
        return self.each(self.inner)

    def each(self, entries: Iterable[Any]) -> Iterator[Any]:
        yield from (entry for entry in entries)

    def __getitem__(self, name: Any) -> Any:
        return self.inner[name]

    def __contains__(self, name: object) -> bool:
        return name in self.inner

    def __len__(self) -> int:
        return len(self.inner)


def watched(state: State) -> State:
    maps = {
        name: Watched(value)
        for name in state.__dataclass_fields__
        if isinstance(value := getattr(state, name), Table)
    }
    made: State = replace(state, **maps)  # type: ignore[arg-type]
    return made


def calls_made_by(work: Callable[[], object]) -> int:
    """Return how many functions are called, Python's own and those of libraries alike."""
    count = 0

    def watch(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    previous = sys.getprofile()
    sys.setprofile(watch)
    try:
        work()
    finally:
        sys.setprofile(previous)
    return count


@cache
def crowd(count: int) -> State:
    """Return a state with so many keys, each with an alias; there is a grant on the first."""
    world = World()
    first = world.key()
    world.alias("alias/first", first)
    world.do("CreateGrant", KeyId=first.id, GranteePrincipal="444455556666", Operations=["Encrypt"])
    for number in range(1, count):
        world.alias(f"alias/{number}", world.key())
    return world.state


def crowded(count: int) -> World:
    return World(state=crowd(count), seed=2)


def requests_of(world: World) -> list[tuple[str, Json]]:
    key = world.state.aliases[f"arn:aws:kms:{REGION}:111122223333:alias/first"].target_key_arn
    named = {"KeyId": key}
    return [
        ("Encrypt", {**named, "Plaintext": b"x"}),
        ("GenerateDataKey", {**named, "KeySpec": "AES_256"}),
        ("DescribeKey", {"KeyId": "alias/first"}),
        ("CreateKey", {}),
        ("CreateAlias", {"AliasName": "alias/another", "TargetKeyId": key}),
        ("ListKeys", {"Limit": 5}),
        ("ListAliases", {"Limit": 5}),
        ("ListGrants", named),
        ("TagResource", {**named, "Tags": [{"TagKey": "a", "TagValue": "b"}]}),
        ("CreateGrant", {**named, "GranteePrincipal": "444455556666", "Operations": ["Decrypt"]}),
        ("DeleteAlias", {"AliasName": "alias/another"}),
        ("ScheduleKeyDeletion", named),
    ]


SMALL, LARGE = 10, 5_000


def test_the_work_of_a_call_does_not_grow_with_the_number_of_keys() -> None:
    """Counted, not timed: only the halving steps of a search may be more."""
    counts: list[list[int]] = []
    for size in (SMALL, LARGE):
        world, each = crowded(size), []
        crowded(size).do("Encrypt", **requests_of(world)[0][1])  # what follows from keys is kept
        world.change(watched)
        for operation, parameters in requests_of(world):
            call = world.request(operation, **parameters)
            world.service.decide(call)  # parsed policies and plans are kept
            each.append(calls_made_by(partial(world.service.call, call)))
        assert [event.outcome for event in world.events] == ["success"] * len(each)
        counts.append(each)
    few, many = counts

    assert len(crowd(LARGE).keys) == LARGE
    for (operation, _), small, large in zip(requests_of(crowded(1)), few, many, strict=True):
        assert large <= small + 20, operation


def test_looking_at_every_key_would_be_counted() -> None:
    state = watched(crowded(SMALL).state)

    for look in (list, sorted, lambda keys: [*keys.values()]):
        assert calls_made_by(partial(look, state.keys)) >= SMALL


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_a_call_leaves_everything_else_in_place(size: int) -> None:
    world = crowded(size)
    for operation, parameters in requests_of(world):
        before = world.state

        world.do(operation, **parameters)

        changed = [
            name
            for name in before.__dataclass_fields__
            if getattr(before, name) is not getattr(world.state, name)
        ]
        for name in changed:
            was: Any = getattr(before, name)
            now: Any = getattr(world.state, name)
            if isinstance(was, SortedSet):
                assert new_rows(was, now) <= 2, (operation, name)
                continue
            fresh = [entry for entry in now if now[entry] is not was.get(entry)]
            assert len(fresh) <= 1, (operation, name)
            for entry in fresh:
                if isinstance(now[entry], SortedSet):
                    assert new_rows(was.get(entry, SortedSet()), now[entry]) <= 2
