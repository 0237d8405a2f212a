"""Multi-Region keys: what a set shares, what each member has for itself (CORE K-151 to K-160)."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from kms import Key, KeyState, Settings
from kms.policy_checks import default_policy
from tests.kms_world import (
    ACCOUNT,
    CREATING,
    DISABLED,
    ELSEWHERE,
    ENABLED,
    OTHER,
    PENDING_DELETION,
    PENDING_IMPORT,
    REGION,
    ROOT,
    START,
    UPDATING,
    Json,
    RecordingGate,
    World,
    document,
    key_statement,
)

THIRD = "us-west-2"
DAY = dt.timedelta(days=1)
MATERIAL, ANOTHER = bytes(range(32)), bytes(range(32, 64))
NOT_PRIMARY = "{} is not a multi-region primary key."


@pytest.fixture
def primary(world: World) -> Key:
    """The primary of a set of one."""
    return world.key(multi_region=True)


def replicate(world: World, key: Key, region: str = ELSEWHERE, **more: Any) -> Json:
    return world.do("ReplicateKey", KeyId=key.id, region=key.region, ReplicaRegion=region, **more)


def described(world: World, key: Key, region: str = REGION) -> Json:
    found: Json = world.do("DescribeKey", KeyId=key.id, region=region)["KeyMetadata"]
    return found


def place(key: Key, region: str) -> Json:
    return {"Arn": str(replace(key.arn, region=region)), "Region": region}


def member(world: World, key: Key, region: str) -> Key:
    found = world.state.key(replace(key.arn, region=region))
    assert found is not None
    return found


# ReplicateKey (CORE K-153, K-154)


def test_a_primary_is_alone_at_first(world: World) -> None:
    """CORE K-5, K-13, K-151."""
    made = world.do("CreateKey", MultiRegion=True)["KeyMetadata"]
    at = {"Arn": made["Arn"], "Region": REGION}

    assert made["KeyId"].startswith("mrk-")
    assert made["MultiRegionConfiguration"] == {
        "MultiRegionKeyType": "PRIMARY",
        "PrimaryKey": at,
        "ReplicaKeys": [],
    }


def test_a_new_replica_is_creating_and_names_its_set(world: World, primary: Key) -> None:
    """CORE K-28, K-154: whatever the time that it takes."""
    world.advance(days=1)
    output = replicate(world, primary)
    shown = output["ReplicaKeyMetadata"]

    assert set(output) == {"ReplicaKeyMetadata", "ReplicaPolicy"}
    assert output["ReplicaPolicy"] == default_policy(ACCOUNT)
    assert (shown["KeyState"], shown["Enabled"]) == ("Creating", False)
    assert (shown["KeyId"], shown["Arn"]) == (primary.id, place(primary, ELSEWHERE)["Arn"])
    assert shown["CreationDate"] == START + DAY
    assert "CurrentKeyMaterialId" not in shown
    assert shown["MultiRegionConfiguration"] == {
        "MultiRegionKeyType": "REPLICA",
        "PrimaryKey": place(primary, REGION),
        "ReplicaKeys": [place(primary, ELSEWHERE)],
    }


def test_a_replica_is_ready_with_the_material_of_its_primary(world: World, primary: Key) -> None:
    """CORE K-110, K-152, K-154."""
    replicate(world, primary)
    here, there = described(world, primary), described(world, primary, ELSEWHERE)

    assert (there["KeyState"], there["Enabled"]) == ("Enabled", True)
    assert there["CurrentKeyMaterialId"] == here["CurrentKeyMaterialId"]
    assert here["MultiRegionConfiguration"] == {
        "MultiRegionKeyType": "PRIMARY",
        "PrimaryKey": place(primary, REGION),
        "ReplicaKeys": [place(primary, ELSEWHERE)],
    }


def test_a_replica_takes_its_time_where_the_settings_say_so() -> None:
    """CORE K-28, K-29."""
    world = World(Settings(transition_seconds=60))
    key = world.key(multi_region=True)
    replicate(world, key)
    world.advance(seconds=60, milliseconds=-1)
    told = world.told("Encrypt", KeyId=key.id, Plaintext=b"x", region=ELSEWHERE)

    assert told == (
        "KMSInvalidStateException",
        f"{place(key, ELSEWHERE)['Arn']} is creating.",
    )
    assert "CurrentKeyMaterialId" not in described(world, key, ELSEWHERE)
    world.advance(milliseconds=1)
    assert described(world, key, ELSEWHERE)["KeyState"] == "Enabled"


def test_all_members_tell_the_same_set(world: World, primary: Key) -> None:
    """CORE K-13, K-152."""
    for region in (THIRD, ELSEWHERE):
        replicate(world, primary, region)

    for region in (REGION, ELSEWHERE, THIRD):
        shown = described(world, primary, region)["MultiRegionConfiguration"]
        assert shown.pop("MultiRegionKeyType") == ("PRIMARY" if region == REGION else "REPLICA")
        assert shown == {
            "PrimaryKey": place(primary, REGION),
            "ReplicaKeys": [place(primary, ELSEWHERE), place(primary, THIRD)],
        }


@pytest.mark.parametrize(
    ("spec", "usage"),
    [("RSA_2048", "SIGN_VERIFY"), ("ECC_NIST_P256", "KEY_AGREEMENT"),
     ("HMAC_256", "GENERATE_VERIFY_MAC")],
)  # fmt: skip
def test_keys_of_every_kind_have_replicas(world: World, spec: str, usage: str) -> None:
    """CORE K-151, K-152."""
    made = world.do("CreateKey", MultiRegion=True, KeySpec=spec, KeyUsage=usage)["KeyMetadata"]
    key = world.state.key(made["Arn"])
    assert key is not None
    shown = replicate(world, key)["ReplicaKeyMetadata"]

    assert (shown["KeySpec"], shown["KeyUsage"]) == (spec, usage)
    assert member(world, key, ELSEWHERE).materials == key.materials


def test_a_replica_has_what_the_request_gives_it_and_nothing_of_its_primary(world: World) -> None:
    """CORE K-152, K-153."""
    key = world.key(
        multi_region=True,
        policy=document(key_statement(principal=ROOT)),
        description="of the primary",
        tags=(("team", "blue"),),
    )
    world.alias("alias/a", key)
    world.do("CreateGrant", KeyId=key.id, GranteePrincipal=OTHER, Operations=["Decrypt"])
    text = document(key_statement(principal=ROOT), key_statement(principal=OTHER))
    tags = [{"TagKey": "stage", "TagValue": "live"}]
    plain = replicate(world, key)
    given = replicate(world, key, THIRD, Policy=text, Tags=tags, Description="of its own")

    assert (plain["ReplicaKeyMetadata"]["Description"], plain.get("ReplicaTags")) == ("", None)
    assert plain["ReplicaPolicy"] == default_policy(ACCOUNT)
    assert given["ReplicaPolicy"] == text
    assert given["ReplicaTags"] == tags
    assert given["ReplicaKeyMetadata"]["Description"] == "of its own"
    for region in (ELSEWHERE, THIRD):
        more: Json = {"KeyId": key.id, "region": region}
        assert world.do("ListGrants", **more)["Grants"] == []
        assert world.do("ListAliases", **more)["Aliases"] == []
    assert world.do("ListResourceTags", KeyId=key.id, region=THIRD)["Tags"] == tags
    assert world.do("GetKeyPolicy", KeyId=key.id, region=THIRD)["Policy"] == text


@pytest.mark.parametrize("member_of", ["no set", "a replica"])
def test_only_a_primary_is_replicated(world: World, primary: Key, member_of: str) -> None:
    """CORE K-153, Appendix B; before the state of the key."""
    key, region = world.key(state=DISABLED), REGION
    if member_of == "a replica":
        key, region = world.replica(primary, state=DISABLED), ELSEWHERE
    for operation, more in (
        ("ReplicateKey", {"ReplicaRegion": THIRD}),
        ("UpdatePrimaryRegion", {"PrimaryRegion": THIRD}),
    ):
        assert world.told(operation, KeyId=key.id, region=region, **more) == (
            "UnsupportedOperationException",
            NOT_PRIMARY.format(key.arn),
        )


def test_a_set_has_one_member_in_a_region(world: World, primary: Key) -> None:
    """CORE K-153: in whatever state."""
    world.replica(primary, state=PENDING_DELETION, deletion_at=START + 7 * DAY)

    for region in (REGION, ELSEWHERE):
        told = world.told("ReplicateKey", KeyId=primary.id, ReplicaRegion=region)
        assert told == ("AlreadyExistsException", f"Key already exists in Region {region}")


def test_a_region_must_be_one_of_the_settings(primary: Key) -> None:
    """CORE K-153."""
    world = World(Settings(regions=(REGION, ELSEWHERE)))
    world.put(primary)

    assert world.told("ReplicateKey", KeyId=primary.id, ReplicaRegion=THIRD) == (
        "ValidationException",
        f"Region {THIRD} is not supported by this endpoint.",
    )
    assert replicate(world, primary)
    assert {REGION, ELSEWHERE, THIRD, "ap-southeast-1"} <= set(Settings().regions)


def test_checks_of_a_replica_come_in_their_order(world: World, primary: Key) -> None:
    """CORE K-153: region, tags, policy, quota."""
    request: Json = {
        "KeyId": primary.id,
        "ReplicaRegion": REGION,
        "Tags": [{"TagKey": "aws:x", "TagValue": ""}],
        "Policy": document(key_statement(principal=OTHER)),
    }
    told = [world.told("ReplicateKey", **request)[0]]
    for change in (
        {"ReplicaRegion": ELSEWHERE},
        {"Tags": []},
        {"Policy": document(key_statement(principal=ROOT))},
    ):
        request |= change
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("kms.new_keys.MAX_KEYS", 0)
            told.append(world.told("ReplicateKey", **request)[0])

    assert told == [
        "AlreadyExistsException",
        "TagException",
        "MalformedPolicyDocumentException",
        "LimitExceededException",
    ]
    assert world.do("ReplicateKey", **request)


def test_a_replica_counts_where_it_is(
    world: World, primary: Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CORE K-53."""
    monkeypatch.setattr("kms.new_keys.MAX_KEYS", 1)
    replicate(world, primary)

    assert world.told("CreateKey", region=ELSEWHERE)[0] == "LimitExceededException"


def test_the_lockout_of_a_replica_is_judged_in_its_region(world: World, primary: Key) -> None:
    """CORE K-78, AUTH P-20."""
    there = {"StringEquals": {"aws:RequestedRegion": ELSEWHERE}}
    policy = document(key_statement(principal=ROOT, Condition=there))

    assert replicate(world, primary, Policy=policy)
    told = world.told("ReplicateKey", KeyId=primary.id, ReplicaRegion=THIRD, Policy=policy)
    assert told[0] == "MalformedPolicyDocumentException"


@pytest.mark.parametrize("denied", ["ReplicateKey", "CreateKey", "TagResource"])
def test_a_replica_needs_every_permission(world: World, primary: Key, denied: str) -> None:
    """AUTH K-67, CORE K-50."""
    bob = world.user("bob", _allow("kms:*"), _allow(f"kms:{denied}", "Deny"))
    before = world.state
    tags = [{"TagKey": "a", "TagValue": "b"}]
    told = world.told("ReplicateKey", bob, KeyId=primary.id, ReplicaRegion=ELSEWHERE, Tags=tags)

    assert told[0] == "AccessDeniedException"
    assert f"kms:{denied}" in str(told[1])
    assert world.state is before


def _allow(action: str, effect: str = "Allow") -> Json:
    return {"Effect": effect, "Action": action, "Resource": "*"}


def test_a_new_replica_is_written_down_in_both_regions(world: World, primary: Key) -> None:
    """CORE K-182, K-184, K-186."""
    there = place(primary, ELSEWHERE)["Arn"]
    reply = world.ask("ReplicateKey", KeyId=primary.id, ReplicaRegion=ELSEWHERE)
    own, made, copied = reply.events

    assert [(e.operation, e.region, e.resources) for e in reply.events] == [
        ("ReplicateKey", REGION, (str(primary.arn),)),
        ("CreateKey", ELSEWHERE, (there,)),
        ("SynchronizeMultiRegionKey", ELSEWHERE, (str(primary.arn),)),
    ]
    assert own.response is not None
    assert set(own.response) == {"replicaKeyMetadata", "replicaPolicy"}
    assert made.response == {"keyMetadata": own.response["replicaKeyMetadata"]}
    assert (copied.caller, copied.details) == ("AWS Internal", {"keyId": primary.id})
    assert made.request_id == own.request_id


def test_another_primary_is_written_down_in_both_regions(world: World, primary: Key) -> None:
    """CORE K-182, K-184."""
    replica = world.replica(primary)
    reply = world.ask("UpdatePrimaryRegion", KeyId=primary.id, PrimaryRegion=ELSEWHERE)

    assert [(e.operation, e.region, e.resources, e.response) for e in reply.events] == [
        ("UpdatePrimaryRegion", REGION, (str(primary.arn),), {"keyId": str(primary.arn)}),
        ("UpdatePrimaryRegion", ELSEWHERE, (str(replica.arn),), {"keyId": str(replica.arn)}),
    ]


# What a ciphertext opens with (CORE K-155)


def sealed(world: World, key: Key, region: str, **more: Any) -> bytes:
    blob: bytes = world.do("Encrypt", KeyId=key.id, Plaintext=b"x", region=region, **more)[
        "CiphertextBlob"
    ]
    return blob


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("opened_in", [REGION, ELSEWHERE, THIRD])
@pytest.mark.parametrize("sealed_in", [REGION, ELSEWHERE, THIRD])
def test_any_member_opens_what_any_other_has_sealed(
    world: World, primary: Key, sealed_in: str, opened_in: str, named: bool
) -> None:
    """CORE K-155."""
    for region in (ELSEWHERE, THIRD):
        replicate(world, primary, region)
    blob = sealed(world, primary, sealed_in, EncryptionContext={"a": "b"})
    name = {"KeyId": place(primary, opened_in)["Arn"]} if named else {}

    output = world.do(
        "Decrypt", CiphertextBlob=blob, EncryptionContext={"a": "b"}, region=opened_in, **name
    )

    assert output["Plaintext"] == b"x"
    assert output["KeyId"] == place(primary, opened_in)["Arn"]


def test_a_replica_opens_what_was_sealed_before_it_was_made(world: World, primary: Key) -> None:
    """CORE K-155: and before rotations."""
    old = sealed(world, primary, REGION)
    world.do("RotateKeyOnDemand", KeyId=primary.id)
    new = sealed(world, primary, REGION)
    replicate(world, primary)

    for blob in (old, new):
        assert world.do("Decrypt", CiphertextBlob=blob, region=ELSEWHERE)["Plaintext"] == b"x"


def test_the_arn_of_another_region_is_not_taken(world: World, primary: Key) -> None:
    """CORE K-7, K-155."""
    replicate(world, primary)
    blob = sealed(world, primary, REGION)
    told = world.told("Decrypt", CiphertextBlob=blob, KeyId=str(primary.arn), region=ELSEWHERE)

    assert told == ("NotFoundException", f"Invalid arn {REGION}")


def test_state_and_policy_of_the_used_member_count(world: World, primary: Key) -> None:
    """CORE K-155, K-160."""
    replicate(world, primary)
    blob = sealed(world, primary, REGION)
    world.do("DisableKey", KeyId=primary.id)
    replica = member(world, primary, ELSEWHERE)

    assert world.do("Decrypt", CiphertextBlob=blob, region=ELSEWHERE)["Plaintext"] == b"x"
    assert world.told("Decrypt", CiphertextBlob=blob)[0] == "DisabledException"
    world.set_policy(replica, key_statement(principal=ROOT), key_statement("Deny"))
    denied = world.told("Decrypt", CiphertextBlob=blob, region=ELSEWHERE)
    assert denied[0] == "AccessDeniedException"


# UpdatePrimaryRegion (CORE K-156, K-157)


def test_a_replica_takes_the_place_of_the_primary(world: World, primary: Key) -> None:
    """CORE K-156."""
    for region in (ELSEWHERE, THIRD):
        replicate(world, primary, region)
    before = {region: described(world, primary, region) for region in (REGION, ELSEWHERE, THIRD)}

    assert world.do("UpdatePrimaryRegion", KeyId=primary.id, PrimaryRegion=ELSEWHERE) == {}

    for region in (REGION, ELSEWHERE, THIRD):
        shown = described(world, primary, region)
        assert shown.pop("MultiRegionConfiguration") == {
            "MultiRegionKeyType": "PRIMARY" if region == ELSEWHERE else "REPLICA",
            "PrimaryKey": place(primary, ELSEWHERE),
            "ReplicaKeys": [place(primary, REGION), place(primary, THIRD)],
        }
        before[region].pop("MultiRegionConfiguration")
        assert shown == before[region]
    told = world.told("ReplicateKey", KeyId=primary.id, ReplicaRegion="eu-west-2")
    assert told[1] == NOT_PRIMARY.format(primary.arn)


def test_both_are_updating_for_as_long_as_it_takes() -> None:
    """CORE K-28, K-29, K-156, K-157."""
    world = World(Settings(transition_seconds=60))
    key = world.key(multi_region=True)
    other = world.replica(key)
    third = world.replica(key, THIRD)
    world.do("UpdatePrimaryRegion", KeyId=key.id, PrimaryRegion=ELSEWHERE)

    assert member(world, key, REGION).state is UPDATING
    assert member(world, key, ELSEWHERE).state is UPDATING
    assert member(world, key, THIRD).state is ENABLED
    told = world.told("UpdatePrimaryRegion", KeyId=key.id, PrimaryRegion=THIRD, region=ELSEWHERE)
    assert told == ("KMSInvalidStateException", f"{other.arn} is updating.")
    assert sealed(world, key, REGION)  # CORE K-29: it can be used
    world.advance(seconds=60)
    assert described(world, key, ELSEWHERE)["KeyState"] == "Enabled"
    assert described(world, third, THIRD)["KeyState"] == "Enabled"


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (DISABLED, "{} is disabled."),
        (PENDING_DELETION, "{} is pending deletion."),
        (PENDING_IMPORT, "{} is pending import."),
        (CREATING, "{} is creating."),
        (UPDATING, "{} is updating."),
    ],
)
def test_the_replica_must_be_enabled_too(
    world: World, primary: Key, state: KeyState, message: str
) -> None:
    """CORE K-29, K-156: the error names it."""
    replica = world.replica(primary, state=state)

    told = world.told("UpdatePrimaryRegion", KeyId=primary.id, PrimaryRegion=ELSEWHERE)

    assert told[1] == message.format(replica.arn)


def test_a_region_without_a_replica_cannot_have_the_primary(world: World, primary: Key) -> None:
    """CORE K-156, CORE 13."""
    told = world.told("UpdatePrimaryRegion", KeyId=primary.id, PrimaryRegion=ELSEWHERE)
    same = world.told("UpdatePrimaryRegion", KeyId=primary.id, PrimaryRegion=REGION)

    assert told == (
        "NotFoundException",
        f"Key '{place(primary, ELSEWHERE)['Arn']}' does not exist",
    )
    assert same == ("ValidationException", f"The primary key is in Region {REGION} already.")


@pytest.mark.parametrize("denying", [REGION, ELSEWHERE])
def test_both_policies_must_allow_another_primary(world: World, primary: Key, denying: str) -> None:
    """AUTH K-68."""
    world.replica(primary)
    closed = member(world, primary, denying)
    world.set_policy(closed, key_statement(principal=ROOT), key_statement("Deny"))
    told = world.told("UpdatePrimaryRegion", KeyId=primary.id, PrimaryRegion=ELSEWHERE)

    assert told[0] == "AccessDeniedException"
    assert str(closed.arn) in str(told[1])


# What the set shares (CORE K-124, K-125, K-152)


def rotation_of(world: World, key: Key, region: str) -> Json:
    status: Json = world.do("GetKeyRotationStatus", KeyId=key.id, region=region)
    status.pop("KeyId")
    return status


def test_rotation_is_of_the_whole_set(world: World, primary: Key) -> None:
    """CORE K-124: status, period, and the same material at the same moment."""
    replicate(world, primary)
    world.do("EnableKeyRotation", KeyId=primary.id, RotationPeriodInDays=90)
    assert rotation_of(world, primary, ELSEWHERE) == rotation_of(world, primary, REGION)
    old = sealed(world, primary, ELSEWHERE)
    world.advance(days=90)

    here, there = (described(world, primary, region) for region in (REGION, ELSEWHERE))
    assert here["CurrentKeyMaterialId"] == there["CurrentKeyMaterialId"]
    assert here["CurrentKeyMaterialId"] != primary.current_material.id
    rotations = [
        world.do("ListKeyRotations", KeyId=primary.id, region=region)["Rotations"]
        for region in (REGION, ELSEWHERE)
    ]
    assert rotations[0] == rotations[1]
    assert len(rotations[0]) == 1
    assert world.do("Decrypt", CiphertextBlob=old)["Plaintext"] == b"x"
    world.do("DisableKeyRotation", KeyId=primary.id)
    assert rotation_of(world, primary, ELSEWHERE) == {"KeyRotationEnabled": False}


def test_a_rotation_is_an_event_of_every_region(world: World, primary: Key) -> None:
    """CORE K-124, K-186: and so is that its material was copied, under the primary's name."""
    replicate(world, primary)
    world.do("RotateKeyOnDemand", KeyId=primary.id)
    before = len(world.events)
    world.service.settle()

    assert [(each.operation, each.region, each.resources) for each in world.events[before:]] == [
        ("RotateKey", REGION, (place(primary, REGION)["Arn"],)),
        ("SynchronizeMultiRegionKey", ELSEWHERE, (place(primary, REGION)["Arn"],)),
        ("RotateKey", ELSEWHERE, (place(primary, ELSEWHERE)["Arn"],)),
    ]


@pytest.mark.parametrize("region", [REGION, ELSEWHERE])
def test_a_set_rotates_once_wherever_its_primary_is(world: World, region: str) -> None:
    """CORE K-124: whichever member is the first in order."""
    key = world.key(multi_region=True, region=region)
    replicate(world, key, THIRD)
    replicate(world, key, ELSEWHERE if region == REGION else REGION)
    world.do("RotateKeyOnDemand", KeyId=key.id, region=region)

    for place_of in (REGION, ELSEWHERE, THIRD):
        listed = world.do("ListKeyRotations", KeyId=key.id, region=place_of)["Rotations"]
        assert len(listed) == 1


@pytest.mark.parametrize(
    ("operation", "more"),
    [("EnableKeyRotation", {}), ("DisableKeyRotation", {}), ("RotateKeyOnDemand", {})],
)
def test_a_replica_does_not_rotate_by_itself(
    world: World, primary: Key, operation: str, more: Json
) -> None:
    """CORE K-125."""
    replica = world.replica(primary)

    assert world.told(operation, KeyId=primary.id, region=ELSEWHERE, **more) == (
        "UnsupportedOperationException",
        NOT_PRIMARY.format(replica.arn),
    )


def test_the_calendar_goes_on_under_another_primary(world: World, primary: Key) -> None:
    """CORE K-124, K-156."""
    replicate(world, primary)
    world.do("EnableKeyRotation", KeyId=primary.id, RotationPeriodInDays=90)
    world.do("UpdatePrimaryRegion", KeyId=primary.id, PrimaryRegion=ELSEWHERE)
    world.advance(days=180)

    for region in (REGION, ELSEWHERE):
        rotations = world.do("ListKeyRotations", KeyId=primary.id, region=region)["Rotations"]
        assert len(rotations) == 2


def test_the_state_of_a_replica_does_not_stop_the_calendar(world: World, primary: Key) -> None:
    """CORE K-60, K-124: nor does switching one on move it."""
    replicate(world, primary)
    world.do("EnableKeyRotation", KeyId=primary.id, RotationPeriodInDays=90)
    world.do("DisableKey", KeyId=primary.id)
    world.advance(days=100)
    world.do("DisableKey", KeyId=primary.id, region=ELSEWHERE)
    world.do("EnableKey", KeyId=primary.id, region=ELSEWHERE)
    assert rotation_of(world, primary, REGION)["NextRotationDate"] == START + 90 * DAY
    assert world.do("ListKeyRotations", KeyId=primary.id)["Rotations"] == []

    world.do("EnableKey", KeyId=primary.id)
    for region in (REGION, ELSEWHERE):
        assert len(world.do("ListKeyRotations", KeyId=primary.id, region=region)["Rotations"]) == 1
        assert rotation_of(world, primary, region)["NextRotationDate"] == START + 190 * DAY


def test_each_member_has_its_own_state_description_and_tags(world: World, primary: Key) -> None:
    """CORE K-60, K-152."""
    replicate(world, primary)
    there: Json = {"KeyId": primary.id, "region": ELSEWHERE}
    before = described(world, primary)
    world.do("UpdateKeyDescription", Description="there", **there)
    world.do("TagResource", Tags=[{"TagKey": "a", "TagValue": "b"}], **there)
    world.do("DisableKey", **there)

    assert described(world, primary) == before
    assert world.do("ListResourceTags", KeyId=primary.id)["Tags"] == []


# The end of a set (CORE K-144, K-158)


def schedule(world: World, key: Key, region: str = REGION, days: int = 7) -> Json:
    return world.do("ScheduleKeyDeletion", KeyId=key.id, region=region, PendingWindowInDays=days)


def test_a_primary_waits_for_the_end_of_its_replicas(world: World, primary: Key) -> None:
    """CORE K-13, K-144, K-158: fourteen days at least."""
    replicate(world, primary)
    output = schedule(world, primary)

    assert output == {
        "KeyId": str(primary.arn),
        "KeyState": "PendingReplicaDeletion",
        "PendingWindowInDays": 7,
    }
    shown = described(world, primary)
    assert (shown["PendingDeletionWindowInDays"], shown["Enabled"]) == (7, False)
    assert "DeletionDate" not in shown
    world.advance(days=30)
    assert described(world, primary)["KeyState"] == "PendingReplicaDeletion"
    schedule(world, primary, ELSEWHERE)
    world.advance(days=7, milliseconds=-1)
    assert described(world, primary)["KeyState"] == "PendingReplicaDeletion"
    world.advance(milliseconds=1)
    shown = described(world, primary)
    assert (shown["KeyState"], shown["DeletionDate"]) == ("PendingDeletion", START + 44 * DAY)
    assert "PendingDeletionWindowInDays" not in shown
    assert shown["MultiRegionConfiguration"]["ReplicaKeys"] == []
    world.advance(days=7)
    assert world.told("DescribeKey", KeyId=primary.id)[0] == "NotFoundException"


def test_a_long_jump_ends_replicas_and_then_their_primary(world: World, primary: Key) -> None:
    """CORE K-35, K-144."""
    for region in (ELSEWHERE, THIRD):
        replicate(world, primary, region)
    schedule(world, primary, days=10)
    schedule(world, primary, ELSEWHERE, days=7)
    schedule(world, primary, THIRD, days=20)
    world.advance(days=100)
    world.service.settle()
    ends = [e for e in world.events if e.operation == "DeleteKey"]

    assert [(e.region, e.at - START) for e in ends] == [
        (ELSEWHERE, 7 * DAY),
        (THIRD, 20 * DAY),
        (REGION, 30 * DAY),
    ]
    assert len(world.state.keys) == len(world.state.sets) == 0


def test_the_end_of_a_primary_can_be_called_off(world: World, primary: Key) -> None:
    """CORE K-145."""
    replicate(world, primary)
    schedule(world, primary)
    assert world.told("ReplicateKey", KeyId=primary.id, ReplicaRegion=THIRD) == (
        "KMSInvalidStateException",
        f"{primary.arn} is pending replica deletion.",
    )
    world.do("CancelKeyDeletion", KeyId=primary.id)

    shown = described(world, primary)
    assert shown["KeyState"] == "Disabled"
    assert "PendingDeletionWindowInDays" not in shown
    schedule(world, primary, ELSEWHERE)
    world.advance(days=30)
    assert described(world, primary)["KeyState"] == "Disabled"


def test_a_replica_ends_by_itself_and_can_be_made_again(world: World, primary: Key) -> None:
    """CORE K-146, K-158."""
    replicate(world, primary)
    blob = sealed(world, primary, ELSEWHERE)
    assert schedule(world, primary, ELSEWHERE)["KeyState"] == "PendingDeletion"
    world.advance(days=7)

    assert described(world, primary)["MultiRegionConfiguration"]["ReplicaKeys"] == []
    told = world.told("Decrypt", CiphertextBlob=blob, region=ELSEWHERE)
    assert told[0] == "AccessDeniedException"
    replicate(world, primary)
    assert world.do("Decrypt", CiphertextBlob=blob, region=ELSEWHERE)["Plaintext"] == b"x"


def test_a_replica_that_is_being_created_may_be_scheduled() -> None:
    """CORE K-28, K-29."""
    world = World(Settings(transition_seconds=60))
    key = world.key(multi_region=True)
    replicate(world, key)
    schedule(world, key, ELSEWHERE)
    world.advance(seconds=120)

    assert described(world, key, ELSEWHERE)["KeyState"] == "PendingDeletion"


def test_a_scheduled_replica_does_not_stop_a_rotation_of_its_set() -> None:
    """CORE K-124, K-158."""
    world = World(Settings(transition_seconds=60))
    key = world.key(multi_region=True)
    world.replica(key)
    world.do("RotateKeyOnDemand", KeyId=key.id)
    schedule(world, key, ELSEWHERE)
    world.advance(seconds=60)

    assert len(world.do("ListKeyRotations", KeyId=key.id)["Rotations"]) == 1


def test_a_scheduled_primary_stops_the_rotation_of_its_set() -> None:
    """CORE K-123, K-124."""
    world = World(Settings(transition_seconds=60))
    key = world.key(multi_region=True)
    world.replica(key)
    world.do("RotateKeyOnDemand", KeyId=key.id)
    schedule(world, key)
    world.advance(seconds=60)

    for region in (REGION, ELSEWHERE):
        assert world.do("ListKeyRotations", KeyId=key.id, region=region)["Rotations"] == []
        assert "OnDemandRotationStartDate" not in rotation_of(world, key, region)


# Imported material (CORE K-159)


def external_set(world: World) -> tuple[Key, Key]:
    """Return primary and replica of a set whose material was imported into both."""
    key = world.external(MATERIAL, multi_region=True)
    return key, replicated(world, key)


def replicated(world: World, key: Key) -> Key:
    """Return a replica with the same bytes imported."""
    replicate(world, key)
    world.advance(seconds=world.service.settings.transition_seconds)
    world.service.settle()
    replica = member(world, key, ELSEWHERE)
    world.do("ImportKeyMaterial", region=ELSEWHERE, **world.bring(replica, MATERIAL))
    return member(world, key, ELSEWHERE)


def states(world: World, key: Key, region: str = REGION) -> list[str]:
    entries = world.do(
        "ListKeyRotations", KeyId=key.id, region=region, IncludeKeyMaterial="ALL_KEY_MATERIAL"
    )["Rotations"]
    return [entry["KeyMaterialState"] for entry in entries]


def bring_new(world: World, key: Key, kind: str = "NEW_KEY_MATERIAL") -> Json:
    request = world.bring(key, ANOTHER, ImportType=kind)
    return world.do("ImportKeyMaterial", region=key.region, **request)


def test_a_replica_of_imported_material_waits_for_the_same_bytes(world: World) -> None:
    """CORE K-154, K-159."""
    key = world.external(MATERIAL, multi_region=True)
    replicate(world, key)
    blob = sealed(world, key, REGION)
    shown = described(world, key, ELSEWHERE)
    assert shown["KeyState"] == "PendingImport"
    replica = member(world, key, ELSEWHERE)
    wrong = world.bring(replica, ANOTHER)
    assert world.told("ImportKeyMaterial", region=ELSEWHERE, **wrong) == (
        "IncorrectKeyMaterialException",
        None,
    )

    world.do("ImportKeyMaterial", region=ELSEWHERE, **world.bring(replica, MATERIAL))
    assert described(world, key, ELSEWHERE)["KeyState"] == "Enabled"
    assert world.do("Decrypt", CiphertextBlob=blob, region=ELSEWHERE)["Plaintext"] == b"x"


def test_new_material_comes_into_the_primary_first(world: World) -> None:
    """CORE K-159."""
    _, replica = external_set(world)
    request = world.bring(replica, ANOTHER, ImportType="NEW_KEY_MATERIAL")

    told = world.told("ImportKeyMaterial", region=ELSEWHERE, **request)

    assert told == ("IncorrectKeyMaterialException", None)


def test_new_material_is_rotated_to_once_every_replica_has_it(world: World) -> None:
    """CORE K-121, K-159."""
    key, replica = external_set(world)
    bring_new(world, key)
    assert states(world, key)[-1] == "PENDING_MULTI_REGION_IMPORT_AND_ROTATION"
    assert states(world, key, ELSEWHERE)[-1] == "PENDING_MULTI_REGION_IMPORT_AND_ROTATION"
    assert world.told("RotateKeyOnDemand", KeyId=key.id) == (
        "KMSInvalidStateException",
        f"No available key material pending rotation for the key: {key.arn}.",
    )
    bring_new(world, replica, "EXISTING_KEY_MATERIAL")
    assert states(world, key) == ["CURRENT", "PENDING_ROTATION"]
    world.do("RotateKeyOnDemand", KeyId=key.id)

    for region in (REGION, ELSEWHERE):
        assert states(world, key, region) == ["NON_CURRENT", "CURRENT"]
        assert described(world, key, region)["KeyState"] == "Enabled"
    assert world.do(
        "Decrypt", CiphertextBlob=sealed(world, key, ELSEWHERE), region=REGION
    )["Plaintext"] == b"x"  # fmt: skip


def test_pending_material_that_the_primary_loses_is_gone_everywhere(world: World) -> None:
    """CORE K-159."""
    key, replica = external_set(world)
    bring_new(world, key)
    made = bring_new(world, replica, "EXISTING_KEY_MATERIAL")["KeyMaterialId"]
    world.do("DeleteImportedKeyMaterial", KeyId=key.id, KeyMaterialId=made)

    for region in (REGION, ELSEWHERE):
        assert states(world, key, region) == ["CURRENT"]


def test_pending_material_that_a_replica_loses_is_missing_there_alone(world: World) -> None:
    """CORE K-159."""
    key, replica = external_set(world)
    bring_new(world, key)
    made = bring_new(world, replica, "EXISTING_KEY_MATERIAL")["KeyMaterialId"]
    world.do("DeleteImportedKeyMaterial", KeyId=key.id, KeyMaterialId=made, region=ELSEWHERE)

    for region in (REGION, ELSEWHERE):
        assert states(world, key, region) == [
            "CURRENT",
            "PENDING_MULTI_REGION_IMPORT_AND_ROTATION",
        ]
    pending = member(world, key, REGION).pending
    assert pending is not None
    assert pending.is_present


def test_pending_material_that_expires_at_the_primary_is_gone_everywhere(world: World) -> None:
    """CORE K-138, K-159."""
    key, replica = external_set(world)
    soon = world.bring(key, ANOTHER, ImportType="NEW_KEY_MATERIAL", ValidTo=START + DAY)
    world.do("ImportKeyMaterial", **soon)
    bring_new(world, replica, "EXISTING_KEY_MATERIAL")
    world.advance(days=1)

    for region in (REGION, ELSEWHERE):
        assert states(world, key, region) == ["CURRENT"]


def test_material_expires_in_each_region_by_itself(world: World) -> None:
    """CORE K-159."""
    key = world.external(MATERIAL, multi_region=True)
    replicate(world, key)
    replica = member(world, key, ELSEWHERE)
    short = world.bring(replica, MATERIAL, ValidTo=START + DAY)
    world.do("ImportKeyMaterial", region=ELSEWHERE, **short)
    world.advance(days=1)

    assert described(world, key, ELSEWHERE)["KeyState"] == "PendingImport"
    assert described(world, key)["KeyState"] == "Enabled"


def test_a_member_that_lost_the_next_material_in_between_waits_for_it() -> None:
    """CORE K-136, K-159: a key is in use only with all its material."""
    world = World(Settings(transition_seconds=60))
    key = world.external(MATERIAL, multi_region=True)
    replica = replicated(world, key)
    bring_new(world, key)
    made = bring_new(world, replica, "EXISTING_KEY_MATERIAL")["KeyMaterialId"]
    world.do("RotateKeyOnDemand", KeyId=key.id)
    world.do("DeleteImportedKeyMaterial", KeyId=key.id, KeyMaterialId=made, region=ELSEWHERE)
    world.advance(seconds=60)

    assert described(world, key)["KeyState"] == "Enabled"
    assert described(world, key, ELSEWHERE)["KeyState"] == "PendingImport"


# What policies see (AUTH J-65, J-66)


@pytest.mark.parametrize(("region", "role"), [(REGION, "PRIMARY"), (ELSEWHERE, "REPLICA")])
def test_the_role_of_a_member_is_a_condition_key(
    watched: World, gate: RecordingGate, region: str, role: str
) -> None:
    """AUTH J-66."""
    key = watched.key(multi_region=True)
    watched.replica(key)
    watched.do("DescribeKey", KeyId=key.id, region=region)

    assert gate.requests[-1].context["kms:MultiRegionKeyType"] == role
    assert gate.requests[-1].context["kms:MultiRegion"] == "true"


def test_members_of_two_accounts_are_of_two_sets(world: World, primary: Key) -> None:
    """CORE K-152: no id is in two accounts, but an index must not rely on it."""
    foreign = replace(
        primary, arn=replace(primary.arn, account=OTHER, region=THIRD), primary_region=None
    )
    world.put(foreign)

    assert world.state.related(primary) == (primary,)
    assert world.state.related(foreign) == (foreign,)
    single = world.key()
    assert world.state.related(single) == (single,)
