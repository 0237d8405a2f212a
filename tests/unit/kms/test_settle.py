"""What falls due is done in the order of its time, at the next call (CORE K-35, K-146)."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from kms import AuditEvent, Key, SeededEntropy, Settings, State
from kms.settle import settle
from tests.kms_world import ELSEWHERE, OTHER, PENDING_DELETION, START, World

DAY = dt.timedelta(days=1)


def ends(world: World, days: int, **more: Any) -> Key:
    return world.key(state=PENDING_DELETION, deletion_at=START + days * DAY, **more)


def settled(world: World, after: dt.timedelta) -> tuple[State, tuple[AuditEvent, ...]]:
    return settle(world.state, START + after, SeededEntropy(9))


def test_nothing_is_due_nothing_changes(world: World) -> None:
    ends(world, 7)
    world.key()

    state, events = settled(world, 6 * DAY)

    assert state is world.state
    assert events == ()


def test_a_key_ends_at_the_very_moment_it_is_due(world: World) -> None:
    key = ends(world, 7)

    assert settled(world, 7 * DAY - dt.timedelta(milliseconds=1))[0].key(key.arn) is not None
    assert settled(world, 7 * DAY)[0].key(key.arn) is None


def test_the_event_of_an_end_bears_the_time_at_which_it_was_due(world: World) -> None:
    """CORE K-35, K-146, K-186."""
    key = ends(world, 7, account=OTHER, region=ELSEWHERE)

    (event,) = settled(world, 90 * DAY)[1]

    assert event.at == START + 7 * DAY
    assert (event.operation, event.outcome) == ("DeleteKey", "success")
    assert (event.caller, event.caller_kind) == ("AWS Internal", "service")
    assert (event.account, event.region) == (OTHER, ELSEWHERE)
    assert event.resources == (str(key.arn),)
    assert (event.parameters, event.response, event.error_code) == (None, None, None)
    assert event.id
    assert event.id != event.request_id


def test_a_long_jump_ends_everything_in_the_order_of_its_time(world: World) -> None:
    keys = {days: ends(world, days) for days in (9, 7, 30, 8)}

    state, events = settled(world, 20 * DAY)

    assert [event.resources[0] for event in events] == [str(keys[d].arn) for d in (7, 8, 9)]
    assert [event.at for event in events] == [START + days * DAY for days in (7, 8, 9)]
    assert list(state.keys) == [str(keys[30].arn)]
    assert len(state.due) == 1


def test_ends_at_the_same_moment_all_come(world: World) -> None:
    for _ in range(3):
        ends(world, 7)

    state, events = settled(world, 7 * DAY)

    assert (len(state.keys), len(events), len(state.due)) == (0, 3, 0)


def test_a_key_takes_its_aliases_and_grants_along(world: World) -> None:
    """CORE K-146."""
    key, other = world.key(), world.key()
    world.alias("alias/a", key)
    world.alias("alias/b", other)
    grantee = {"GranteePrincipal": OTHER, "Operations": ["Decrypt"]}
    world.do("CreateGrant", KeyId=key.id, **grantee)
    kept = world.do("CreateGrant", KeyId=other.id, **grantee)
    world.put(replace(key, state=PENDING_DELETION, deletion_at=START + DAY))

    state, _ = settled(world, DAY)

    assert [alias.name for alias in state.aliases.values()] == ["alias/b"]
    assert list(state.grants) == [str(other.arn)]
    assert list(state.tokens) == [kept["GrantToken"]]
    assert list(state.key_aliases) == [str(other.arn)]


def test_a_key_that_was_called_back_does_not_end(world: World) -> None:
    key = ends(world, 7)
    world.do("CancelKeyDeletion", KeyId=key.id)

    assert settled(world, 30 * DAY) == (world.state, ())


def test_settling_is_done_by_the_next_call_and_only_once(world: World) -> None:
    key = ends(world, 7)
    world.clock.advance(8 * DAY)
    assert world.state.key(key.arn) is not None  # CORE K-1: moving a clock runs nothing

    assert world.do("ListKeys")["Keys"] == []
    world.do("ListKeys")

    assert [event.operation for event in world.events] == ["DeleteKey", "ListKeys", "ListKeys"]
    assert world.events[0].at == START + 7 * DAY
    assert world.events[1].at == START + 8 * DAY
    assert world.events[1].previous_hash == world.events[0].hash
    assert all(event.is_intact() for event in world.events)


def test_what_is_due_is_settled_also_when_the_call_fails(world: World) -> None:
    key = ends(world, 7)
    world.clock.advance(8 * DAY)

    message = world.told("DescribeKey", KeyId=key.id)[1]

    assert message == f"Key '{key.arn}' does not exist"
    assert world.state.key(key.arn) is None
    assert [event.operation for event in world.events] == ["DeleteKey", "DescribeKey"]


@pytest.mark.parametrize("seconds", [60, 300])
def test_a_grant_that_ends_goes_without_an_event(seconds: int) -> None:
    """AUTH N-35."""
    world = World(Settings(grant_consistency_seconds=seconds))
    key = world.key()
    grant = world.do("CreateGrant", KeyId=key.id, GranteePrincipal=OTHER, Operations=["Decrypt"])
    world.do("RevokeGrant", KeyId=key.id, GrantId=grant["GrantId"])

    early = settled(world, dt.timedelta(seconds=seconds - 1))
    late = settled(world, dt.timedelta(seconds=seconds))

    assert early == (world.state, ())
    assert (len(late[0].grants), len(late[0].tokens), len(late[0].due)) == (0, 0, 0)
    assert late[1] == ()


def test_a_key_that_ends_before_its_grant_takes_that_end_along() -> None:
    world = World(Settings(grant_consistency_seconds=300))
    key = world.key()
    grant = world.do("CreateGrant", KeyId=key.id, GranteePrincipal=OTHER, Operations=["Decrypt"])
    world.do("RevokeGrant", KeyId=key.id, GrantId=grant["GrantId"])
    at = START + dt.timedelta(seconds=10)
    world.put(replace(key, state=PENDING_DELETION, deletion_at=at))

    state, events = settled(world, DAY)

    assert (len(state.keys), len(state.due), len(events)) == (0, 0, 1)
