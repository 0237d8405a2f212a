"""Automatic rotation, rotation on demand, and what is shown of both (CORE 5)."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from kms import Key, KeyOrigin, Settings
from kms.material import calendar, calendar_of_aws
from kms.model import SPECS, KeyManager, KeyState
from tests.kms_world import (
    ALLOW_ALL,
    DISABLED,
    ENABLED,
    PENDING_DELETION,
    PENDING_REPLICA_DELETION,
    REGION,
    START,
    UPDATING,
    Json,
    World,
    user_arn,
)

DAY = dt.timedelta(days=1)
UNSUPPORTED = ("UnsupportedOperationException", None)
UNROTATABLE = sorted(set(SPECS) - {"SYMMETRIC_DEFAULT", "RSA_3072", "RSA_4096"})


def status(world: World, key: Key) -> Json:
    """Return the rotation status without the key's ARN."""
    shown = world.do("GetKeyRotationStatus", KeyId=key.id)
    assert shown.pop("KeyId") == str(key.arn)
    return shown


def rotations(world: World, key: Key, **more: Any) -> list[Json]:
    listed: list[Json] = world.do("ListKeyRotations", KeyId=key.id, **more)["Rotations"]
    return listed


def all_material(world: World, key: Key) -> list[Json]:
    return rotations(world, key, IncludeKeyMaterial="ALL_KEY_MATERIAL")


def current(world: World, key: Key) -> str:
    shown: str = world.do("DescribeKey", KeyId=key.id)["KeyMetadata"]["CurrentKeyMaterialId"]
    return shown


# Switching it on and off


def test_a_new_key_does_not_rotate(world: World, key: Key) -> None:
    """CORE K-119."""
    assert status(world, key) == {"KeyRotationEnabled": False}


@pytest.mark.parametrize(
    ("given", "days"),
    [({}, 365), ({"RotationPeriodInDays": 90}, 90), ({"RotationPeriodInDays": 2560}, 2560)],
)
def test_a_key_that_is_to_rotate_says_when(world: World, key: Key, given: Json, days: int) -> None:
    """CORE K-117, K-119."""
    assert world.do("EnableKeyRotation", KeyId=key.id, **given) == {}

    assert world.events[-1].response == {"keyId": str(key.arn)}
    assert status(world, key) == {
        "KeyRotationEnabled": True,
        "RotationPeriodInDays": days,
        "NextRotationDate": START + days * DAY,
    }


def test_the_period_without_one_is_a_setting() -> None:
    """CORE 0."""
    world = World(Settings(default_rotation_days=180))
    key = world.key()
    world.do("EnableKeyRotation", KeyId=key.id)

    assert status(world, key)["RotationPeriodInDays"] == 180


@pytest.mark.parametrize(
    ("days", "wrong"),
    [(89, "greater than or equal to 90"), (2561, "less than or equal to 2560")],
)
def test_a_period_out_of_range_is_told_before_the_key_is_looked_for(
    world: World, days: int, wrong: str
) -> None:
    """CORE K-45, K-117."""
    told = world.told("EnableKeyRotation", KeyId="no key", RotationPeriodInDays=days)

    assert told == (
        "ValidationException",
        f"1 validation error detected: Value '{days}' at 'rotationPeriodInDays' failed to satisfy "
        f"constraint: Member must have value {wrong}",
    )


def test_the_same_period_again_keeps_the_schedule(world: World, key: Key) -> None:
    """CORE K-55, K-117."""
    world.do("EnableKeyRotation", KeyId=key.id, RotationPeriodInDays=100)
    world.advance(days=30)
    world.do("EnableKeyRotation", KeyId=key.id, RotationPeriodInDays=100)

    assert status(world, key)["NextRotationDate"] == START + 100 * DAY


@pytest.mark.parametrize(("days", "next_day"), [(200, 200), (100, 120), (90, 120)])
def test_another_period_counts_from_where_the_present_one_began(
    world: World, key: Key, days: int, next_day: int
) -> None:
    """CORE K-117: and a date that would be past is now."""
    world.do("EnableKeyRotation", KeyId=key.id)
    world.advance(days=120)
    world.do("EnableKeyRotation", KeyId=key.id, RotationPeriodInDays=days)

    assert world.found(key).rotation == replace(
        calendar(days, START), next_at=START + next_day * DAY
    )


def test_another_period_counts_from_the_last_rotation(world: World, key: Key) -> None:
    """CORE K-117: rotations on demand do not count."""
    world.do("EnableKeyRotation", KeyId=key.id, RotationPeriodInDays=100)
    world.advance(days=110)
    world.do("RotateKeyOnDemand", KeyId=key.id)
    world.advance(days=1)
    world.do("EnableKeyRotation", KeyId=key.id, RotationPeriodInDays=90)

    assert status(world, key)["NextRotationDate"] == START + 190 * DAY


def test_a_period_that_would_have_ended_rotates_at_once(world: World, key: Key) -> None:
    """CORE K-117, K-122."""
    world.do("EnableKeyRotation", KeyId=key.id)
    world.advance(days=120)
    world.do("EnableKeyRotation", KeyId=key.id, RotationPeriodInDays=90)

    assert [entry["RotationDate"] for entry in rotations(world, key)] == [START + 120 * DAY]
    assert status(world, key)["NextRotationDate"] == START + 210 * DAY


def test_rotation_that_is_off_is_off_for_good(world: World, key: Key) -> None:
    """CORE K-118: the period is forgotten."""
    world.do("EnableKeyRotation", KeyId=key.id, RotationPeriodInDays=90)
    world.do("DisableKeyRotation", KeyId=key.id)
    world.do("DisableKeyRotation", KeyId=key.id)  # CORE K-55

    assert world.events[-1].response == {"keyId": str(key.arn)}
    assert status(world, key) == {"KeyRotationEnabled": False}
    world.advance(days=1000)
    assert rotations(world, key) == []
    world.do("EnableKeyRotation", KeyId=key.id)
    assert status(world, key)["RotationPeriodInDays"] == 365


# Which keys rotate


@pytest.mark.parametrize("spec", UNROTATABLE)
def test_only_symmetric_encryption_keys_rotate(world: World, spec: str) -> None:
    """CORE K-116 to K-121."""
    key = world.key(spec)

    for operation in ("EnableKeyRotation", "RotateKeyOnDemand", "ListKeyRotations"):
        assert world.told(operation, KeyId=key.id) == UNSUPPORTED
    assert world.do("DisableKeyRotation", KeyId=key.id) == {}
    assert status(world, key) == {"KeyRotationEnabled": False}


def test_the_state_is_told_before_the_spec(world: World) -> None:
    """CORE K-117, K-120."""
    key = world.key("RSA_2048", state=DISABLED)

    for operation in ("EnableKeyRotation", "DisableKeyRotation", "RotateKeyOnDemand"):
        assert world.told(operation, KeyId=key.id) == (
            "DisabledException",
            f"{key.arn} is disabled.",
        )
    assert world.told("ListKeyRotations", KeyId=key.id) == UNSUPPORTED


@pytest.mark.parametrize("spec", ["SYMMETRIC_DEFAULT", "HMAC_256", "ECC_NIST_P256"])
@pytest.mark.parametrize("state", [ENABLED, DISABLED, PENDING_DELETION])
def test_the_origin_is_told_before_state_and_spec(world: World, spec: str, state: Any) -> None:
    """CORE K-117 to K-119, K-128."""
    key = world.key(spec, state=state, origin=KeyOrigin.EXTERNAL)

    for operation in ("EnableKeyRotation", "DisableKeyRotation", "GetKeyRotationStatus"):
        assert world.told(operation, KeyId=key.id) == (
            "UnsupportedOperationException",
            f"{key.arn} origin is EXTERNAL which is not valid for this operation.",
        )


# By the calendar


def test_at_its_date_a_key_gets_new_material_and_nothing_else_changes(
    world: World, key: Key
) -> None:
    """CORE K-115, K-122, C-41."""
    world.alias("alias/a", key)
    world.do("EnableKeyRotation", KeyId=key.id, RotationPeriodInDays=90)
    before, old = world.found(key), world.do("DescribeKey", KeyId=key.id)["KeyMetadata"]
    world.advance(days=90, milliseconds=-1)
    assert current(world, key) == old["CurrentKeyMaterialId"]
    world.advance(milliseconds=1)

    new = world.do("DescribeKey", KeyId=key.id)["KeyMetadata"]

    assert new.pop("CurrentKeyMaterialId") != old.pop("CurrentKeyMaterialId")
    assert new == old
    now = world.found(key)
    assert now.materials[0] is before.materials[0]
    assert replace(now, materials=before.materials, rotation=before.rotation) == before
    assert status(world, key)["NextRotationDate"] == START + 180 * DAY


def test_new_material_encrypts_and_all_material_decrypts(world: World, key: Key) -> None:
    """CORE K-98, K-115, C-42."""
    world.do("EnableKeyRotation", KeyId=key.id, RotationPeriodInDays=90)
    blobs, ids = [], []
    for _ in range(4):
        blobs.append(world.do("Encrypt", KeyId=key.id, Plaintext=b"x")["CiphertextBlob"])
        ids.append(current(world, key))
        world.advance(days=90)

    opened = [world.do("Decrypt", CiphertextBlob=blob)["KeyMaterialId"] for blob in blobs]

    assert opened == ids
    assert len(set(ids)) == 4
    data_key = world.do("GenerateDataKey", KeyId=key.id, KeySpec="AES_256")
    assert data_key["KeyMaterialId"] == current(world, key) not in ids


def test_a_long_jump_makes_every_rotation_of_the_meantime(world: World, key: Key) -> None:
    """CORE K-35."""
    world.do("EnableKeyRotation", KeyId=key.id, RotationPeriodInDays=100)
    world.advance(days=1050)

    listed = rotations(world, key)

    assert [entry["RotationDate"] for entry in listed] == [
        START + days * DAY for days in range(100, 1001, 100)
    ]
    assert {entry["RotationType"] for entry in listed} == {"AUTOMATIC"}
    assert len({entry["KeyMaterialId"] for entry in listed}) == 10
    assert status(world, key)["NextRotationDate"] == START + 1100 * DAY


def test_a_rotation_is_an_event_of_the_service_at_its_due_time(world: World, key: Key) -> None:
    """CORE K-35, K-186."""
    world.do("EnableKeyRotation", KeyId=key.id, RotationPeriodInDays=90)
    first = current(world, key)
    world.advance(days=200)
    third = current(world, key)

    events = world.events[-3:-1]

    assert [event.at for event in events] == [START + 90 * DAY, START + 180 * DAY]
    second = rotations(world, key)[0]["KeyMaterialId"]
    shared = {"keyId": key.id, "keyOrigin": "AWS_KMS", "rotationType": "AUTOMATIC"}
    assert [event.details for event in events] == [
        {**shared, "previousKeyMaterialId": first, "currentKeyMaterialId": second},
        {**shared, "previousKeyMaterialId": second, "currentKeyMaterialId": third},
    ]
    for event in events:
        assert (event.operation, event.caller, event.outcome) == (
            "RotateKey",
            "AWS Internal",
            "success",
        )
        assert event.resources == (str(key.arn),)
        assert (event.parameters, event.response) == (None, None)


def test_a_disabled_key_waits_and_rotates_once_it_is_on_again(world: World, key: Key) -> None:
    """CORE K-60, K-123, C-45: at once, and from then on anew."""
    world.do("EnableKeyRotation", KeyId=key.id, RotationPeriodInDays=90)
    world.advance(days=10)
    world.do("DisableKey", KeyId=key.id)
    world.advance(days=300)
    assert rotations(world, key) == []
    assert status(world, key) == {
        "KeyRotationEnabled": True,
        "RotationPeriodInDays": 90,
        "NextRotationDate": START + 90 * DAY,
    }

    world.do("EnableKey", KeyId=key.id)

    assert [entry["RotationDate"] for entry in rotations(world, key)] == [START + 310 * DAY]
    assert status(world, key)["NextRotationDate"] == START + 400 * DAY
    assert [event.operation for event in world.events[-4:]] == [
        "EnableKey",
        "RotateKey",
        "ListKeyRotations",
        "GetKeyRotationStatus",
    ]


def test_a_key_that_was_off_only_between_dates_keeps_its_schedule(world: World, key: Key) -> None:
    """CORE K-123."""
    world.do("EnableKeyRotation", KeyId=key.id, RotationPeriodInDays=90)
    world.do("DisableKey", KeyId=key.id)
    world.advance(days=89)
    world.do("EnableKey", KeyId=key.id)

    assert status(world, key)["NextRotationDate"] == START + 90 * DAY
    assert rotations(world, key) == []


def test_a_key_that_is_to_end_does_not_rotate_and_remembers_that_it_would(
    world: World, key: Key
) -> None:
    """CORE K-119, K-123, C-57."""
    world.do("EnableKeyRotation", KeyId=key.id, RotationPeriodInDays=90)
    world.advance(days=80)
    world.do("ScheduleKeyDeletion", KeyId=key.id, PendingWindowInDays=30)
    assert status(world, key) == {"KeyRotationEnabled": False}
    world.advance(days=20)
    world.do("CancelKeyDeletion", KeyId=key.id)

    assert rotations(world, key) == []
    assert status(world, key)["NextRotationDate"] == START + 90 * DAY
    world.do("EnableKey", KeyId=key.id)
    assert [entry["RotationDate"] for entry in rotations(world, key)] == [START + 100 * DAY]


@pytest.mark.parametrize("state", KeyState)
def test_only_a_key_that_is_on_rotates_by_the_calendar(world: World, state: KeyState) -> None:
    """CORE K-123."""
    key = replace(world.key(), state=state, rotation=calendar(90, START))
    world.put(key)
    world.advance(days=90)
    world.service.settle()

    assert len(world.found(key).materials) == (2 if state in (ENABLED, UPDATING) else 1)


@pytest.mark.parametrize("state", [PENDING_DELETION, PENDING_REPLICA_DELETION])
def test_the_status_of_a_key_that_is_to_end_is_off(world: World, state: Any) -> None:
    """CORE K-119."""
    key = world.key(state=state, rotation=calendar(90, START))

    assert status(world, key) == {"KeyRotationEnabled": False}


# Keys of AWS


@pytest.mark.parametrize(
    ("settings", "days"), [(Settings(), 365), (Settings(aws_managed_rotation_days=1095), 1095)]
)
def test_keys_of_aws_rotate_by_a_setting(settings: Settings, days: int) -> None:
    """CORE K-119, K-126, C-46, C-47."""
    world = World(settings)
    key = world.key(manager=KeyManager.AWS, rotation=calendar_of_aws(settings, START))

    assert status(world, key) == {
        "KeyRotationEnabled": True,
        "RotationPeriodInDays": days,
        "NextRotationDate": START + days * DAY,
    }
    world.advance(days=days - 1)
    assert rotations(world, key) == []
    world.advance(days=1)
    assert len(rotations(world, key)) == 1


@pytest.mark.parametrize(
    "operation", ["EnableKeyRotation", "DisableKeyRotation", "RotateKeyOnDemand"]
)
def test_nobody_manages_the_rotation_of_a_key_of_aws(world: World, operation: str) -> None:
    """CORE K-21, K-126, C-46."""
    key = world.key(manager=KeyManager.AWS, rotation=calendar(365, START))

    for caller in (world.admin, world.root()):
        assert world.told(operation, caller, KeyId=key.id)[0] == "AccessDeniedException"


# On demand


def test_a_rotation_on_demand_is_through_with_the_next_call(world: World, key: Key) -> None:
    """CORE K-10, K-115, K-120."""
    old = key.current_material
    blob = world.do("Encrypt", KeyId=key.id, Plaintext=b"x")["CiphertextBlob"]

    assert world.do("RotateKeyOnDemand", KeyId=key.id) == {"KeyId": str(key.arn)}

    assert world.events[-1].response == {"keyId": str(key.arn)}
    assert world.found(key).materials == (old,)
    (entry,) = rotations(world, key)
    assert entry == {
        "KeyId": key.id,
        "KeyMaterialId": current(world, key),
        "KeyMaterialState": "CURRENT",
        "RotationDate": START,
        "RotationType": "ON_DEMAND",
    }
    assert world.do("Decrypt", CiphertextBlob=blob)["KeyMaterialId"] == old.id
    assert status(world, key) == {"KeyRotationEnabled": False}
    event = next(event for event in world.events if event.operation == "RotateKey")
    assert event.details is not None
    assert (event.at, event.details["rotationType"]) == (START, "ON_DEMAND")


def test_a_rotation_on_demand_may_take_its_time() -> None:
    """CORE K-119, K-120."""
    world = World(Settings(transition_seconds=600))
    key = world.key()
    world.do("RotateKeyOnDemand", KeyId=key.id)
    world.advance(seconds=599)

    assert status(world, key) == {"KeyRotationEnabled": False, "OnDemandRotationStartDate": START}
    assert current(world, key) == key.current_material.id
    assert rotations(world, key) == []
    assert world.told("RotateKeyOnDemand", KeyId=key.id) == ("ConflictException", None)
    world.advance(seconds=1)
    assert status(world, key) == {"KeyRotationEnabled": False}
    assert current(world, key) != key.current_material.id
    assert rotations(world, key)[0]["RotationDate"] == START + dt.timedelta(seconds=600)


def test_a_rotation_on_demand_does_not_move_the_schedule(world: World, key: Key) -> None:
    """CORE K-120."""
    world.do("EnableKeyRotation", KeyId=key.id, RotationPeriodInDays=90)
    world.advance(days=50)
    world.do("RotateKeyOnDemand", KeyId=key.id)
    assert status(world, key)["NextRotationDate"] == START + 90 * DAY
    world.advance(days=40)

    assert [(e["RotationType"], e["RotationDate"]) for e in rotations(world, key)] == [
        ("ON_DEMAND", START + 50 * DAY),
        ("AUTOMATIC", START + 90 * DAY),
    ]


@pytest.mark.parametrize(("minutes", "conflict"), [(21, False), (20, True), (1, True)])
def test_so_near_to_an_automatic_rotation_there_is_none_on_demand(
    world: World, key: Key, minutes: int, conflict: bool
) -> None:
    """CORE K-120."""
    world.do("EnableKeyRotation", KeyId=key.id, RotationPeriodInDays=90)
    world.advance(days=90, minutes=-minutes)

    reply = world.ask("RotateKeyOnDemand", KeyId=key.id)

    assert (reply.error is not None and reply.error.code == "ConflictException") is conflict


def test_a_key_rotates_on_demand_so_often_and_no_more(world: World, key: Key) -> None:
    """CORE K-53, K-120: the calendar does not count."""
    world.do("EnableKeyRotation", KeyId=key.id, RotationPeriodInDays=90)
    world.advance(days=100)
    for _ in range(25):
        world.do("RotateKeyOnDemand", KeyId=key.id)

    assert world.told("RotateKeyOnDemand", KeyId=key.id) == ("LimitExceededException", None)
    world.advance(days=100)
    assert len(rotations(world, key)) == 27
    free = World(Settings(enforce_quotas=False), state=world.state, seed=2)
    assert free.do("RotateKeyOnDemand", KeyId=key.id)


def test_the_limit_is_a_setting_and_told_before_a_rotation_that_runs() -> None:
    """CORE 0, K-120."""
    world = World(Settings(on_demand_rotation_limit=1, transition_seconds=60))
    key = world.key()
    world.do("RotateKeyOnDemand", KeyId=key.id)
    assert world.told("RotateKeyOnDemand", KeyId=key.id) == ("ConflictException", None)
    world.advance(seconds=60)

    assert world.told("RotateKeyOnDemand", KeyId=key.id) == ("LimitExceededException", None)


@pytest.mark.parametrize("operation", ["DisableKey", "DisableKeyRotation"])
def test_a_rotation_that_runs_goes_through_also_with_the_key_off(operation: str) -> None:
    """CORE K-120."""
    world = World(Settings(transition_seconds=60))
    key = world.key()
    world.do("RotateKeyOnDemand", KeyId=key.id)
    world.do(operation, KeyId=key.id)
    world.advance(seconds=60)

    assert len(rotations(world, key)) == 1


def test_a_rotation_that_runs_ends_with_the_scheduling_of_the_end() -> None:
    """CORE K-123."""
    world = World(Settings(transition_seconds=60))
    key = world.key()
    world.do("RotateKeyOnDemand", KeyId=key.id)
    world.do("ScheduleKeyDeletion", KeyId=key.id)
    world.advance(seconds=60)

    assert rotations(world, key) == []
    assert status(world, key) == {"KeyRotationEnabled": False}
    world.do("CancelKeyDeletion", KeyId=key.id)
    world.do("EnableKey", KeyId=key.id)
    assert world.do("RotateKeyOnDemand", KeyId=key.id)


# The list


def test_a_key_that_never_rotated_lists_nothing_or_its_first_material(
    world: World, key: Key
) -> None:
    """CORE K-121."""
    assert world.do("ListKeyRotations", KeyId=key.id) == {"Rotations": [], "Truncated": False}
    assert all_material(world, key) == [
        {
            "KeyId": key.id,
            "KeyMaterialId": key.current_material.id,
            "KeyMaterialState": "CURRENT",
        }
    ]


def test_all_material_is_listed_oldest_first(world: World, key: Key) -> None:
    """CORE K-51, K-121."""
    world.do("EnableKeyRotation", KeyId=key.id, RotationPeriodInDays=90)
    world.advance(days=200)

    entries = all_material(world, key)

    assert [entry["KeyMaterialState"] for entry in entries] == [
        "NON_CURRENT",
        "NON_CURRENT",
        "CURRENT",
    ]
    assert entries[0]["KeyMaterialId"] == key.current_material.id
    assert "RotationDate" not in entries[0]
    assert "RotationType" not in entries[0]
    assert entries[1:] == rotations(world, key)
    assert entries[-1]["KeyMaterialId"] == current(world, key)


def test_rotations_come_in_pages(world: World, key: Key) -> None:
    """CORE K-51, K-52."""
    world.do("EnableKeyRotation", KeyId=key.id, RotationPeriodInDays=90)
    world.advance(days=450)
    every, marker, found = all_material(world, key), {}, []
    while True:
        page = world.do(
            "ListKeyRotations",
            KeyId=key.id,
            IncludeKeyMaterial="ALL_KEY_MATERIAL",
            Limit=2,
            **marker,
        )
        found.append(page["Rotations"])
        if not page["Truncated"]:
            break
        marker = {"Marker": page["NextMarker"]}
        world.do("RotateKeyOnDemand", KeyId=key.id)  # what comes between two pages comes last

    assert [len(part) for part in found] == 5 * [2]
    ids = [entry["KeyMaterialId"] for part in found for entry in part]
    assert ids[:6] == [entry["KeyMaterialId"] for entry in every]
    assert ids == [entry["KeyMaterialId"] for entry in all_material(world, key)]


def test_a_page_of_rotations_has_a_hundred_by_default_and_at_most_a_thousand(
    world: World, key: Key
) -> None:
    """CORE K-45."""
    world.do("EnableKeyRotation", KeyId=key.id, RotationPeriodInDays=90)
    world.advance(days=90 * 101)

    page = world.do("ListKeyRotations", KeyId=key.id)

    assert (len(page["Rotations"]), page["Truncated"]) == (100, True)
    assert len(rotations(world, key, Limit=1000)) == 101


def test_a_marker_belongs_to_key_and_kind_of_list(world: World, key: Key) -> None:
    """CORE K-52."""
    other = world.key()
    world.do("EnableKeyRotation", KeyId=key.id, RotationPeriodInDays=90)
    world.advance(days=400)
    marker = world.do("ListKeyRotations", KeyId=key.id, Limit=1)["NextMarker"]

    for wrong in ({"KeyId": other.id}, {"IncludeKeyMaterial": "ALL_KEY_MATERIAL"}):
        request = {"KeyId": key.id, "Marker": marker, **wrong}
        assert world.told("ListKeyRotations", **request) == ("InvalidMarkerException", None)


# Permission


def test_the_status_may_be_asked_for_from_another_account(world: World, key: Key) -> None:
    """CORE K-50."""
    statement = {**ALLOW_ALL, "Principal": "*", "Action": "kms:Get*"}
    world.set_policy(key, statement)
    bob = world.user("bob", ALLOW_ALL, account="444455556666")

    assert world.do("GetKeyRotationStatus", bob, KeyId=str(key.arn))["KeyId"] == str(key.arn)
    assert world.told("ListKeyRotations", bob, KeyId=str(key.arn))[0] == "AccessDeniedException"


def test_the_period_can_be_asked_for_by_policies(world: World, key: Key) -> None:
    """AUTH J-85."""
    condition = {"NumericGreaterThan": {"kms:RotationPeriodInDays": "365"}}
    bob = world.user("bob", ALLOW_ALL, {**ALLOW_ALL, "Effect": "Deny", "Condition": condition})

    told = world.told("EnableKeyRotation", bob, KeyId=key.id, RotationPeriodInDays=400)
    assert told[0] == "AccessDeniedException"
    assert world.do("EnableKeyRotation", bob, KeyId=key.id, RotationPeriodInDays=365) == {}
    assert (user_arn("bob"), REGION) == (world.events[-1].caller, world.events[-1].region)
