"""ScheduleKeyDeletion and CancelKeyDeletion, and the end of a key (CORE K-143 to K-147)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from kms import Key, KeyOrigin, Settings
from tests.kms_world import (
    ACCOUNT,
    DISABLED,
    ELSEWHERE,
    OTHER,
    PENDING_DELETION,
    PENDING_IMPORT,
    PENDING_REPLICA_DELETION,
    REGION,
    START,
    World,
)

DAY = dt.timedelta(days=1)


@pytest.mark.parametrize(("given", "days"), [({}, 30), ({"PendingWindowInDays": 7}, 7)])
def test_a_key_that_shall_end_says_when(
    world: World, key: Key, given: dict[str, int], days: int
) -> None:
    """CORE K-10, K-143."""
    output = world.do("ScheduleKeyDeletion", KeyId=key.id, **given)

    assert output == {
        "KeyId": str(key.arn),
        "DeletionDate": START + days * DAY,
        "KeyState": "PendingDeletion",
        "PendingWindowInDays": days,
    }
    metadata = world.do("DescribeKey", KeyId=key.id)["KeyMetadata"]
    assert (metadata["KeyState"], metadata["Enabled"]) == ("PendingDeletion", False)
    assert metadata["DeletionDate"] == START + days * DAY
    assert "PendingDeletionWindowInDays" not in metadata


@pytest.mark.parametrize("days", [1, 6, 31, 365])
def test_a_window_is_of_seven_to_thirty_days(world: World, key: Key, days: int) -> None:
    """CORE K-45."""
    assert world.told("ScheduleKeyDeletion", KeyId=key.id, PendingWindowInDays=days) == (
        "ValidationException",
        "PendingWindowInDays must be between 7 and 30",
    )


@pytest.mark.parametrize("days", [7, 30])
def test_the_ends_of_the_window_are_fine(world: World, key: Key, days: int) -> None:
    """CORE K-45."""
    output = world.do("ScheduleKeyDeletion", KeyId=key.id, PendingWindowInDays=days)

    assert output["PendingWindowInDays"] == days


@pytest.mark.parametrize("days", [0, 366])
def test_outside_of_the_model_the_model_speaks(world: World, key: Key, days: int) -> None:
    """CORE K-45."""
    message = world.told("ScheduleKeyDeletion", KeyId=key.id, PendingWindowInDays=days)[1]

    assert str(message).startswith(f"1 validation error detected: Value '{days}'")


def test_a_second_schedule_fails_and_changes_nothing(world: World, key: Key) -> None:
    """CORE K-55, K-143."""
    world.do("ScheduleKeyDeletion", KeyId=key.id)
    before = world.state

    assert world.told("ScheduleKeyDeletion", KeyId=key.id, PendingWindowInDays=7) == (
        "KMSInvalidStateException",
        f"{key.arn} is pending deletion.",
    )
    assert world.state is before


# Calling it off


@pytest.mark.parametrize("state", [PENDING_DELETION, PENDING_REPLICA_DELETION])
def test_a_key_that_is_called_back_is_disabled(world: World, state: Any) -> None:
    """CORE K-10, K-145."""
    key = world.key(state=state)

    assert world.do("CancelKeyDeletion", KeyId=key.id) == {"KeyId": str(key.arn)}

    metadata = world.do("DescribeKey", KeyId=key.id)["KeyMetadata"]
    assert (metadata["KeyState"], metadata["Enabled"]) == ("Disabled", False)
    assert "DeletionDate" not in metadata
    world.advance(days=90)
    assert world.do("EnableKey", KeyId=key.id) == {}


def test_a_key_without_its_material_waits_for_it_again(world: World) -> None:
    """CORE K-145, 13."""
    key = world.key(state=PENDING_DELETION, origin=KeyOrigin.EXTERNAL, materials=())
    imported = world.key(state=PENDING_DELETION, origin=KeyOrigin.EXTERNAL)

    for each in (key, imported):
        world.do("CancelKeyDeletion", KeyId=each.id)

    assert world.found(key).state is PENDING_IMPORT
    assert world.found(imported).state is DISABLED


def test_a_key_can_be_scheduled_called_back_and_scheduled_again(world: World, key: Key) -> None:
    world.do("ScheduleKeyDeletion", KeyId=key.id, PendingWindowInDays=7)
    world.advance(days=6)
    world.do("CancelKeyDeletion", KeyId=key.id)
    world.do("ScheduleKeyDeletion", KeyId=key.id, PendingWindowInDays=7)
    world.advance(days=6)
    assert world.do("DescribeKey", KeyId=key.id)
    world.advance(days=1)

    assert world.told("DescribeKey", KeyId=key.id)[0] == "NotFoundException"


# The end


def test_at_its_date_a_key_and_all_that_hangs_on_it_is_gone(world: World, key: Key) -> None:
    """CORE K-146."""
    world.alias("alias/a", key)
    grant = world.do("CreateGrant", KeyId=key.id, GranteePrincipal=OTHER, Operations=["Decrypt"])
    world.do("ScheduleKeyDeletion", KeyId=key.id, PendingWindowInDays=7)
    world.advance(days=7, milliseconds=-1)
    assert world.do("DescribeKey", KeyId=key.id)
    world.advance(milliseconds=1)

    assert world.told("DescribeKey", KeyId=key.id) == (
        "NotFoundException",
        f"Key '{key.arn}' does not exist",
    )
    assert world.told("DescribeKey", KeyId="alias/a") == (
        "NotFoundException",
        f"Alias arn:aws:kms:{REGION}:{ACCOUNT}:alias/a is not found.",
    )
    assert world.told("RetireGrant", GrantToken=grant["GrantToken"]) == (
        "InvalidGrantTokenException",
        None,
    )
    assert world.told("CancelKeyDeletion", KeyId=key.id)[0] == "NotFoundException"
    assert world.do("ListKeys")["Keys"] == []
    assert not [e for e in world.do("ListAliases")["Aliases"] if "TargetKeyId" in e]


def test_the_end_is_an_event_of_the_service_at_its_due_time(world: World, key: Key) -> None:
    """CORE K-35, K-146, K-186."""
    world.do("ScheduleKeyDeletion", KeyId=key.id, PendingWindowInDays=7)
    world.advance(days=100)
    world.do("ListKeys")

    event = world.events[-2]
    assert (event.operation, event.caller, event.at) == (
        "DeleteKey",
        "AWS Internal",
        START + 7 * DAY,
    )
    assert event.resources == (str(key.arn),)
    assert (event.account, event.region) == (ACCOUNT, REGION)


def test_a_name_is_free_again_after_its_key(world: World, key: Key) -> None:
    """CORE K-146, K-161."""
    world.alias("alias/a", key)
    world.do("ScheduleKeyDeletion", KeyId=key.id, PendingWindowInDays=7)
    world.advance(days=7)
    new = world.key()

    assert world.do("CreateAlias", AliasName="alias/a", TargetKeyId=new.id) == {}
    assert world.do("DescribeKey", KeyId="alias/a")["KeyMetadata"]["KeyId"] == new.id


def test_aws_may_take_a_day_longer_and_does_not_show_it() -> None:
    """CORE 0, K-143, K-146."""
    world = World(Settings(deletion_extra_hours=24))
    key = world.key()
    shown = world.do("ScheduleKeyDeletion", KeyId=key.id, PendingWindowInDays=7)["DeletionDate"]
    world.advance(days=7, hours=23)

    metadata = world.do("DescribeKey", KeyId=key.id)["KeyMetadata"]

    assert metadata["DeletionDate"] == shown == START + 7 * DAY
    world.advance(hours=1)
    assert world.told("DescribeKey", KeyId=key.id)[0] == "NotFoundException"
    assert world.events[-2].at == START + 8 * DAY


def test_a_key_that_is_called_back_late_is_not_gone_later() -> None:
    """CORE K-146."""
    world = World(Settings(deletion_extra_hours=24))
    key = world.key()
    world.do("ScheduleKeyDeletion", KeyId=key.id, PendingWindowInDays=7)
    world.advance(days=7, hours=12)
    world.do("CancelKeyDeletion", KeyId=key.id)
    world.advance(days=90)

    assert world.do("DescribeKey", KeyId=key.id)["KeyMetadata"]["KeyState"] == "Disabled"


def test_what_the_key_protected_is_lost_to_its_administrators_too(world: World, key: Key) -> None:
    """CORE K-146."""
    blob = world.do("Encrypt", KeyId=key.id, Plaintext=b"x")["CiphertextBlob"]
    world.do("ScheduleKeyDeletion", KeyId=key.id, PendingWindowInDays=7)
    assert world.told("Decrypt", CiphertextBlob=blob)[1] == f"{key.arn} is pending deletion."
    world.advance(days=7)

    for caller in (world.admin, world.root()):
        code, message = world.told("Decrypt", caller, CiphertextBlob=blob)
        assert code == "AccessDeniedException"
        assert "on the resource associated with this ciphertext" in str(message)


def test_the_members_of_a_set_end_each_for_itself(world: World) -> None:
    """CORE K-158."""
    here = world.key(multi_region=True)
    world.replica(here)
    world.do("ScheduleKeyDeletion", KeyId=here.id, region=ELSEWHERE, PendingWindowInDays=7)
    world.advance(days=7)

    assert world.told("DescribeKey", KeyId=here.id, region=ELSEWHERE)[0] == "NotFoundException"
    assert world.do("DescribeKey", KeyId=here.id)


def test_the_window_can_be_asked_for_by_policies(world: World, key: Key) -> None:
    """AUTH J-86."""
    condition = {"NumericLessThan": {"kms:ScheduleKeyDeletionPendingWindowInDays": "30"}}
    deny = {"Effect": "Deny", "Action": "kms:*", "Resource": "*", "Condition": condition}
    bob = world.user("bob", {**deny, "Effect": "Allow", "Condition": {}}, deny)

    for days in (7, 29):
        told = world.told("ScheduleKeyDeletion", bob, KeyId=key.id, PendingWindowInDays=days)
        assert told[0] == "AccessDeniedException"
    assert world.do("ScheduleKeyDeletion", bob, KeyId=key.id, PendingWindowInDays=30)
