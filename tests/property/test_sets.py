"""Multi-Region sets, whatever is done to them: one primary, one material, one key to open all."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kms import Key
from tests.kms_world import ENABLED, REGION, World

REGIONS = (REGION, "us-east-1", "us-west-2", "ap-southeast-1")
OPERATIONS = ("ReplicateKey", "UpdatePrimaryRegion", "RotateKeyOnDemand", "ScheduleKeyDeletion",
              "CancelKeyDeletion", "EnableKey", "DisableKey", "EnableKeyRotation", "Encrypt",
              "time")  # fmt: skip
STEPS = st.lists(
    st.tuples(st.sampled_from(OPERATIONS), st.sampled_from(REGIONS), st.sampled_from(REGIONS)),
    max_size=25,
)


def members(world: World, key_id: str) -> dict[str, Key]:
    world.service.settle()
    return {key.region: key for key in world.state.keys.values() if key.id == key_id}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(STEPS)
def test_any_member_opens_what_any_member_sealed_and_all_tell_one_set(
    steps: list[tuple[str, str, str]],
) -> None:
    """CORE K-124, K-144, K-152, K-155, K-156."""
    world = World()
    key_id = world.do("CreateKey", MultiRegion=True)["KeyMetadata"]["KeyId"]
    blobs = [world.do("Encrypt", KeyId=key_id, Plaintext=b"first")["CiphertextBlob"]]
    more = {
        "Encrypt": {"Plaintext": b"x"},
        "ScheduleKeyDeletion": {"PendingWindowInDays": 7},
        "EnableKeyRotation": {"RotationPeriodInDays": 90},
    }
    for operation, region, other in steps:
        if operation == "time":
            world.advance(days=5)
            continue
        parameters = dict(more.get(operation, {}))
        if operation == "ReplicateKey":
            parameters["ReplicaRegion"] = other
        if operation == "UpdatePrimaryRegion":
            parameters["PrimaryRegion"] = other
        reply = world.ask(operation, KeyId=key_id, region=region, **parameters)
        if operation == "Encrypt" and reply.output is not None:
            blobs.append(reply.output["CiphertextBlob"])

        there = members(world, key_id)
        primaries = [each.region for each in there.values() if each.is_primary]
        assert len(primaries) == (1 if there else 0)
        assert {each.primary_region for each in there.values()} <= {None, *primaries}
        assert len({each.materials for each in there.values()}) <= 1
        assert len({(each.rotation, each.on_demand) for each in there.values()}) <= 1
        for each in there.values():
            assert [key.region for key in world.state.related(each)] == sorted(there)

    for region, each in members(world, key_id).items():
        shown = world.do("DescribeKey", KeyId=key_id, region=region)["KeyMetadata"]
        told = shown["MultiRegionConfiguration"]
        listed = [told["PrimaryKey"]["Region"], *(key["Region"] for key in told["ReplicaKeys"])]
        assert sorted(listed) == sorted(members(world, key_id))
        for blob in blobs if each.state is ENABLED else ():
            opened = world.do("Decrypt", CiphertextBlob=blob, region=region)
            assert opened["KeyId"] == str(each.arn)
