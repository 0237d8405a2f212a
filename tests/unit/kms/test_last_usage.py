"""When a key was last used, as the service saw it (CORE K-62, AUTH J-87)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from kms import OPERATIONS, Key, Settings, shapes
from kms.last_usage import is_tracked
from tests.kms_world import (
    ACCOUNT,
    ALLOW_ALL,
    DISABLED,
    ELSEWHERE,
    OTHER,
    ROOT,
    START,
    Json,
    World,
    document,
    key_statement,
)

DAY = dt.timedelta(days=1)


def usage(world: World, key: Key) -> Json:
    output: Json = world.do("GetKeyLastUsage", KeyId=key.id)
    return output


def last(world: World, key: Key) -> Json:
    used: Json = usage(world, key)["KeyLastUsage"]
    return used


def encrypt(world: World, key: Key, **more: Any) -> bytes:
    blob: bytes = world.do("Encrypt", KeyId=key.id, Plaintext=b"x", **more)["CiphertextBlob"]
    return blob


def test_a_key_that_was_never_used_has_no_last_use(world: World, key: Key) -> None:
    assert usage(world, key) == {
        "KeyId": key.id,
        "KeyLastUsage": {},
        "TrackingStartDate": START,
        "KeyCreationDate": START,
    }


def test_the_last_use_bears_the_ids_of_its_event(world: World, key: Key) -> None:
    """CORE K-62, K-194."""
    world.advance(days=3)
    reply = world.ask("Encrypt", KeyId=key.id, Plaintext=b"x")
    assert reply.event is not None
    world.advance(days=3)

    assert last(world, key) == {
        "Operation": "Encrypt",
        "Timestamp": START + 3 * DAY,
        "CloudTrailEventId": reply.event.id,
        "KmsRequestId": reply.event.request_id,
    }


def test_a_later_use_takes_the_place_of_the_one_before(world: World, key: Key) -> None:
    blob = encrypt(world, key)
    world.advance(days=1)
    world.do("Decrypt", CiphertextBlob=blob)

    assert last(world, key)["Operation"] == "Decrypt"
    assert last(world, key)["Timestamp"] == START + DAY


COUNTED = sorted(shapes.enumeration("KeyLastUsageTrackingOperation"))
USES: dict[str, Callable[[World, Key], Json]] = {
    "Encrypt": lambda _w, key: {"KeyId": key.id, "Plaintext": b"x"},
    "Decrypt": lambda w, key: {"CiphertextBlob": encrypt(w, key)},
    "GenerateDataKey": lambda _w, key: {"KeyId": key.id, "KeySpec": "AES_256"},
    "GenerateDataKeyPair": lambda _w, key: {"KeyId": key.id, "KeyPairSpec": "ECC_NIST_P256"},
    "GenerateDataKeyPairWithoutPlaintext": lambda _w, key: {
        "KeyId": key.id,
        "KeyPairSpec": "ECC_NIST_P256",
    },
    "GenerateDataKeyWithoutPlaintext": lambda _w, key: {"KeyId": key.id, "KeySpec": "AES_256"},
    "ReEncrypt": lambda w, key: {
        "CiphertextBlob": encrypt(w, key),
        "DestinationKeyId": w.key().id,
    },
}


@pytest.mark.parametrize("operation", COUNTED)
def test_a_use_is_recorded_under_the_name_of_its_operation(world: World, operation: str) -> None:
    key = world.key_for(operation)
    parameters = USES[operation](world, key) if operation in USES else world.use(operation, key)
    world.advance(days=1)
    world.do(operation, **parameters)

    assert (last(world, key)["Operation"], last(world, key)["Timestamp"]) == (
        operation,
        START + DAY,
    )


def test_the_operations_that_count_are_those_of_the_model() -> None:
    """CORE K-3, K-62."""
    assert {name for name in OPERATIONS if is_tracked(name)} == set(COUNTED)
    assert not set(COUNTED) & {"DescribeKey", "GetPublicKey", "CreateGrant", "GenerateRandom"}


def test_a_re_encryption_uses_both_keys(world: World) -> None:
    source, destination = world.key(), world.key()
    blob = encrypt(world, source)
    world.advance(days=1)
    world.do("ReEncrypt", CiphertextBlob=blob, DestinationKeyId=destination.id)

    for key in (source, destination):
        assert last(world, key)["Operation"] == "ReEncrypt"
        assert last(world, key)["Timestamp"] == START + DAY


def test_what_is_no_cryptography_is_no_use(world: World, key: Key) -> None:
    world.do("DescribeKey", KeyId=key.id)
    world.do("GetKeyPolicy", KeyId=key.id)
    world.do("CreateGrant", KeyId=key.id, GranteePrincipal=OTHER, Operations=["Decrypt"])
    world.do("DisableKey", KeyId=key.id)

    assert last(world, key) == {}


def test_failures_dry_runs_and_denials_are_no_use(world: World, key: Key) -> None:
    blob = encrypt(world, world.key())
    world.told("Encrypt", KeyId=key.id, Plaintext=b"x", DryRun=True)
    world.told("Encrypt", world.user("bob"), KeyId=key.id, Plaintext=b"x")
    world.told("Decrypt", KeyId=key.id, CiphertextBlob=blob)
    world.put(replace(key, state=DISABLED))
    world.told("Encrypt", KeyId=key.id, Plaintext=b"x")

    assert last(world, key) == {}


def test_a_use_by_another_account_counts_and_is_shown_to_the_owner_alone(world: World) -> None:
    """CORE K-62: own account only."""
    key = world.key(account=OTHER, policy=document(key_statement(principal=[ACCOUNT, OTHER])))
    owner = world.user("owner", ALLOW_ALL, account=OTHER)
    reply = world.ask("Encrypt", KeyId=str(key.arn), Plaintext=b"x")
    copy = next(event for event in reply.events if event.account == OTHER)

    used = world.do("GetKeyLastUsage", owner, KeyId=key.id)["KeyLastUsage"]

    assert used["Operation"] == "Encrypt"
    assert used["CloudTrailEventId"] == copy.id  # that of the owner's log
    assert world.told("GetKeyLastUsage", KeyId=str(key.arn))[0] == "AccessDeniedException"


def test_an_alias_does_not_name_the_key(world: World, key: Key) -> None:
    """CORE K-9."""
    world.alias("alias/a", key)

    assert world.told("GetKeyLastUsage", KeyId="alias/a") == (
        "InvalidArnException",
        "Key Aliases are not supported for this operation.",
    )


def test_tracking_begins_with_the_setting_or_with_the_key() -> None:
    began = START + 5 * DAY
    world = World(Settings(usage_tracking_start=began))
    old = world.key()
    world.advance(days=9)
    new = world.key()

    assert usage(world, old)["TrackingStartDate"] == began
    assert usage(world, new)["TrackingStartDate"] == START + 9 * DAY
    assert usage(world, old)["KeyCreationDate"] == START


def test_without_the_setting_tracking_begins_with_the_service(world: World) -> None:
    key = world.key()
    world.put(replace(key, created_at=START - 9 * DAY))

    assert usage(world, key)["TrackingStartDate"] == START


def test_the_members_of_a_set_are_tracked_by_themselves(world: World) -> None:
    """CORE K-62, K-152."""
    here = world.key(multi_region=True)
    there = replace(here, arn=replace(here.arn, region=ELSEWHERE), primary_region=here.region)
    world.put(there)
    encrypt(world, here)

    assert last(world, here)["Operation"] == "Encrypt"
    assert world.do("GetKeyLastUsage", region=ELSEWHERE, KeyId=here.id)["KeyLastUsage"] == {}


def test_a_use_changes_nothing_of_the_key_itself(world: World, key: Key) -> None:
    """What the gate has worked out about a key is kept as long as the key is the same object."""
    encrypt(world, key)

    assert world.found(key) is key


def test_nothing_is_left_of_the_use_of_a_key_that_is_gone(world: World, key: Key) -> None:
    """CORE K-146."""
    encrypt(world, key)
    world.do("ScheduleKeyDeletion", KeyId=key.id, PendingWindowInDays=7)
    world.advance(days=7)
    world.do("ListKeys")

    assert list(world.state.last_uses) == []


# kms:TrailingDaysWithoutKeyUsage (AUTH J-87)


def idle_world(days: int) -> tuple[World, Key]:
    """Return a world whose key may be disabled after so many days without use."""
    world = World()
    too_soon = {"NumericLessThan": {"kms:TrailingDaysWithoutKeyUsage": str(days)}}
    policy = document(
        key_statement(principal=ROOT),
        key_statement("Deny", Action=["kms:Disable*", "kms:Schedule*"], Condition=too_soon),
    )
    return world, world.key(policy=policy)


@pytest.mark.parametrize("operation", ["DisableKey", "ScheduleKeyDeletion"])
def test_days_without_use_are_whole_days_since_the_last_one(operation: str) -> None:
    world, key = idle_world(10)
    world.advance(days=5)
    encrypt(world, key)
    world.advance(days=10, milliseconds=-1)
    assert world.told(operation, KeyId=key.id)[0] == "AccessDeniedException"
    world.advance(milliseconds=1)

    assert world.ask(operation, KeyId=key.id).error is None


def test_a_key_that_was_never_used_counts_from_its_creation() -> None:
    world, key = idle_world(10)
    world.advance(days=9)
    assert world.told("DisableKey", KeyId=key.id)[0] == "AccessDeniedException"
    world.advance(days=1)

    assert world.ask("DisableKey", KeyId=key.id).error is None


def test_a_key_older_than_the_tracking_counts_from_there() -> None:
    world, key = idle_world(10)
    old = replace(key, created_at=START - 100 * DAY)
    world.put(old)

    assert world.told("DisableKey", KeyId=key.id)[0] == "AccessDeniedException"
    world.advance(days=10)
    assert world.ask("DisableKey", KeyId=key.id).error is None
