"""What falls due is done in the order of its time, at the next call (CORE K-35, K-146)."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from kms import AuditEvent, Key, KeyOrigin, SeededEntropy, Settings, State
from kms.material import calendar
from kms.model import OnDemandRotation, WrappingKey
from kms.settle import settle
from kms.state import Due
from tests.kms_world import DISABLED, ELSEWHERE, OTHER, PENDING_DELETION, START, World

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


# Rotation and imported material; what they mean is told in test_rotation.py and test_imports.py


def expiring(world: World, days: int, **more: Any) -> Key:
    key = world.key(origin=KeyOrigin.EXTERNAL, **more)
    material = replace(key.materials[0], expires_at=START + days * DAY)
    key = replace(key, materials=(material,))
    world.put(key)
    return key


def test_everything_is_done_in_the_order_of_its_time(world: World) -> None:
    """CORE K-35."""
    rotating = world.key(rotation=calendar(3, START))
    asked = world.key(on_demand=OnDemandRotation(START, START + 4 * DAY))
    expired = expiring(world, 5)
    ended = ends(world, 7)

    state, events = settled(world, 8 * DAY)

    assert [(event.operation, event.at - START) for event in events] == [
        ("RotateKey", 3 * DAY),
        ("RotateKey", 4 * DAY),
        ("DeleteExpiredKeyMaterial", 5 * DAY),
        ("RotateKey", 6 * DAY),
        ("DeleteKey", 7 * DAY),
    ]
    assert [event.resources[0] for event in events] == [
        str(key.arn) for key in (rotating, asked, expired, rotating, ended)
    ]
    assert len({event.id for event in events}) == 5
    assert [at - START for at, _, _ in state.due] == [9 * DAY]


def test_the_end_of_a_key_is_the_end_of_its_calendar(world: World) -> None:
    """CORE K-123, K-146."""
    world.key(state=DISABLED, rotation=calendar(90, START))
    key = ends(world, 7, rotation=calendar(90, START))

    state, events = settled(world, 400 * DAY)

    assert [event.operation for event in events] == ["DeleteKey"]
    assert state.key(key.arn) is None
    assert len(state.due) == 0


def test_a_wrapping_key_goes_without_an_event(world: World) -> None:
    """CORE K-131."""
    key = world.external()
    made = WrappingKey("1", str(key.arn), "RSAES_OAEP_SHA_1", b"secret", START + DAY)
    world.change(lambda state: state.with_wrapping_key(made))

    early, late = settled(world, DAY - dt.timedelta(milliseconds=1)), settled(world, DAY)

    assert early == (world.state, ())
    assert late[0].wrapping_key(str(key.arn), "1") is None
    assert (len(late[0].due), late[1]) == (0, ())


def test_new_material_comes_from_the_chance_that_is_given(world: World) -> None:
    """CORE K-2: and so the same life can be lived twice."""
    world.key(rotation=calendar(90, START))

    def lived(seed: int) -> tuple[State, tuple[AuditEvent, ...]]:
        return settle(world.state, START + 400 * DAY, SeededEntropy(seed))

    assert lived(1) == lived(1)
    assert lived(1)[0] != lived(2)[0]


class Watched:
    """The keys of a state, which write down who is looked at, and cannot be gone through."""

    def __init__(self, keys: Any, touched: list[str]) -> None:
        self._keys, self._touched = keys, touched

    def __getitem__(self, arn: str) -> Key:
        self._touched.append(arn)
        found: Key = self._keys[arn]
        return found

    def get(self, arn: str) -> Key | None:
        return self[arn] if arn in self._keys else None

    def insert(self, arn: str, key: Key) -> Watched:
        self._touched.append(arn)
        return Watched(self._keys.insert(arn, key), self._touched)

    def discard(self, arn: str) -> Watched:
        self._touched.append(arn)
        return Watched(self._keys.discard(arn), self._touched)


def test_ten_years_over_ten_thousand_keys_touch_only_what_is_due(world: World) -> None:
    """CORE K-35: what it costs is counted, not clocked."""
    key = world.key()
    state = world.state
    for number in range(10_000):
        arn = replace(key.arn, resource=f"key/00000000-0000-4000-8000-{number:012x}")
        state = state.with_key(replace(key, arn=arn))
    world.change(lambda _: state)
    due = {
        str(each.arn)
        for each in (
            world.key(rotation=calendar(2560, START)),
            world.key(on_demand=OnDemandRotation(START, START + DAY)),
            expiring(world, 30),
            ends(world, 7),
        )
    }
    not_yet: list[Due] = [
        (START + 3651 * DAY, "rotate key", str(world.key(rotation=calendar(3651, START)).arn))
    ]
    touched: list[str] = []
    watched = replace(world.state, keys=Watched(world.state.keys, touched))

    settled_state, events = settle(watched, START + 3650 * DAY, SeededEntropy(9))

    assert set(touched) == due
    assert len(touched) <= 4 * len(events)
    assert len(events) == 4
    assert [entry for entry in settled_state.due if entry in not_yet] == not_yet
    assert len(settled_state.due) == 2
