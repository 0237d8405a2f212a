"""CreateKey, DescribeKey, ListKeys, EnableKey, DisableKey and tags (CORE K-57 to K-60, 9.2)."""

from __future__ import annotations

import datetime as dt
import json
import re
from dataclasses import replace
from typing import Any

import pytest

from kms import Key, KeyOrigin, KeyState, Settings, hazmat, keys
from kms.model import SPECS, KeyManager
from tests.kms_world import (
    ACCOUNT,
    ALLOW_ALL,
    DISABLED,
    ELSEWHERE,
    ENABLED,
    OTHER,
    PENDING_DELETION,
    PENDING_IMPORT,
    PRODUCED_STATES,
    REGION,
    START,
    Json,
    World,
    document,
    key_statement,
    user_arn,
)

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
MRK = re.compile(r"mrk-[0-9a-f]{32}")
NO_USAGE = "You must specify a KeyUsage value for an asymmetric CMK."
BOTH_SPECS = (
    "You cannot specify KeySpec and CustomerMasterKeySpec in the same request. "
    "CustomerMasterKeySpec is deprecated."
)


def created(world: World, **parameters: Any) -> Json:
    metadata: Json = world.do("CreateKey", **parameters)["KeyMetadata"]
    return metadata


def tag(key: str, value: str = "") -> Json:
    return {"TagKey": key, "TagValue": value}


# KeyMetadata (CORE K-10, K-12, K-13, K-14)


def test_a_new_key_is_described_by_exactly_these_members(world: World) -> None:
    """CORE K-12, K-13, K-57."""
    world.advance(milliseconds=1234)
    output = world.do("CreateKey", Description="mine")
    metadata = output["KeyMetadata"]
    key_id = metadata["KeyId"]
    key = next(iter(world.state.keys.values()))

    assert set(output) == {"KeyMetadata"}
    assert UUID.fullmatch(key_id)
    assert metadata == {
        "AWSAccountId": ACCOUNT,
        "KeyId": key_id,
        "Arn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{key_id}",
        "CreationDate": START + dt.timedelta(milliseconds=1234),
        "Enabled": True,
        "Description": "mine",
        "KeyUsage": "ENCRYPT_DECRYPT",
        "KeyState": "Enabled",
        "Origin": "AWS_KMS",
        "KeyManager": "CUSTOMER",
        "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT",
        "KeySpec": "SYMMETRIC_DEFAULT",
        "EncryptionAlgorithms": ["SYMMETRIC_DEFAULT"],
        "MultiRegion": False,
        "CurrentKeyMaterialId": key.current_material.id,
    }
    assert re.fullmatch(r"[0-9a-f]{64}", metadata["CurrentKeyMaterialId"])
    assert world.do("DescribeKey", KeyId=key_id) == output


def test_a_key_without_a_description_has_an_empty_one(world: World) -> None:
    """CORE K-12."""
    assert created(world)["Description"] == ""


LISTS = {
    "ENCRYPT_DECRYPT": "EncryptionAlgorithms",
    "SIGN_VERIFY": "SigningAlgorithms",
    "GENERATE_VERIFY_MAC": "MacAlgorithms",
    "KEY_AGREEMENT": "KeyAgreementAlgorithms",
    "ENCAPSULATE_DECAPSULATE": "EncapsulationAlgorithms",
}
KINDS = [(spec, usage) for spec, usages in SPECS.items() for usage in usages]


@pytest.mark.parametrize(("spec", "usage"), KINDS)
def test_a_key_shows_the_algorithms_of_its_usage_alone(world: World, spec: str, usage: Any) -> None:
    """CORE K-12, K-13, 1.3."""
    key = world.key(spec, usage, PENDING_IMPORT, origin=KeyOrigin.EXTERNAL)
    metadata = world.do("DescribeKey", KeyId=key.id)["KeyMetadata"]

    assert metadata[LISTS[usage]] == list(SPECS[spec][usage])
    assert set(LISTS.values()) & set(metadata) == {LISTS[usage]}
    assert metadata["KeySpec"] == metadata["CustomerMasterKeySpec"] == spec
    assert metadata["KeyUsage"] == usage


@pytest.mark.parametrize("state", PRODUCED_STATES)
def test_only_an_enabled_key_is_enabled(world: World, state: KeyState) -> None:
    """CORE K-12, K-13."""
    key = world.key(state=state)
    metadata = world.do("DescribeKey", KeyId=key.id)["KeyMetadata"]

    assert metadata["KeyState"] == state
    assert metadata["Enabled"] is (state is ENABLED)
    assert ("DeletionDate" in metadata) is (key.deletion_at is not None)
    assert metadata.get("DeletionDate") == key.deletion_at


def test_only_a_symmetric_key_with_material_shows_its_id(world: World) -> None:
    """CORE K-13."""
    shown = world.key()
    hidden = [
        world.key(state=PENDING_IMPORT, origin=KeyOrigin.EXTERNAL),
        world.key("HMAC_256"),
        world.key("ECC_NIST_P256"),
        world.key("RSA_2048"),
    ]

    metadata = world.do("DescribeKey", KeyId=shown.id)["KeyMetadata"]
    assert metadata["CurrentKeyMaterialId"] == shown.materials[0].id
    for key in hidden:
        assert "CurrentKeyMaterialId" not in world.do("DescribeKey", KeyId=key.id)["KeyMetadata"]


def test_metadata_never_shows_aliases_tags_policy_or_grants(world: World) -> None:
    """CORE K-14."""
    plain = world.key()
    before = world.do("DescribeKey", KeyId=plain.id)
    world.alias("alias/a", plain)
    world.do("TagResource", KeyId=plain.id, Tags=[tag("a")])
    world.do("CreateGrant", KeyId=plain.id, GranteePrincipal=OTHER, Operations=["Decrypt"])

    assert world.do("DescribeKey", KeyId=plain.id) == before


def test_a_key_is_described_by_its_arn_however_it_was_named(world: World, key: Key) -> None:
    """CORE K-10, 13."""
    world.alias("alias/a", key)
    metadata = world.do("DescribeKey", KeyId="alias/a")["KeyMetadata"]

    assert (metadata["KeyId"], metadata["Arn"]) == (key.id, str(key.arn))


def test_a_key_of_aws_says_so(world: World) -> None:
    """CORE K-12, K-18."""
    key = world.key(manager=KeyManager.AWS)

    assert world.do("DescribeKey", KeyId=key.id)["KeyMetadata"]["KeyManager"] == "AWS"


# CreateKey, branch by branch (CORE K-57)


REFUSED: dict[str, tuple[Json, str, str | None]] = {
    "1 both specs": (
        {"KeySpec": "SYMMETRIC_DEFAULT", "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT"},
        "ValidationException",
        BOTH_SPECS,
    ),
    "1 both specs, before the usage": (
        {"KeySpec": "RSA_2048", "CustomerMasterKeySpec": "RSA_2048"},
        "ValidationException",
        BOTH_SPECS,
    ),
    "2 no usage, RSA": ({"KeySpec": "RSA_2048"}, "ValidationException", NO_USAGE),
    "2 no usage, HMAC": ({"KeySpec": "HMAC_256"}, "ValidationException", NO_USAGE),
    "2 no usage, old name": (
        {"CustomerMasterKeySpec": "ECC_NIST_P256"},
        "ValidationException",
        NO_USAGE,
    ),
    "3 usage and spec": (
        {"KeySpec": "RSA_2048", "KeyUsage": "GENERATE_VERIFY_MAC"},
        "ValidationException",
        "KeyUsage GENERATE_VERIFY_MAC is not compatible with KeySpec RSA_2048",
    ),
    "3 usage and curve": (
        {"KeySpec": "ECC_SECG_P256K1", "KeyUsage": "KEY_AGREEMENT"},
        "ValidationException",
        "KeyUsage KEY_AGREEMENT is not compatible with KeySpec ECC_SECG_P256K1",
    ),
    "3 usage and HMAC": (
        {"KeySpec": "HMAC_224", "KeyUsage": "ENCRYPT_DECRYPT"},
        "ValidationException",
        "KeyUsage ENCRYPT_DECRYPT is not compatible with KeySpec HMAC_224",
    ),
    "3 usage of a symmetric key": (
        {"KeyUsage": "SIGN_VERIFY"},
        "ValidationException",
        "The operation failed because the KeyUsage value of the CMK is SIGN_VERIFY. To perform "
        "this operation, the KeyUsage value must be ENCRYPT_DECRYPT.",
    ),
    "K-16 SM2": (
        {"KeySpec": "SM2", "KeyUsage": "SIGN_VERIFY"},
        "UnsupportedOperationException",
        None,
    ),
    "K-92 CloudHSM": (
        {"Origin": "AWS_CLOUDHSM"},
        "ValidationException",
        "You must specify a CustomKeyStoreId when Origin is AWS_CLOUDHSM.",
    ),
    "K-92 external key store": (
        {"Origin": "EXTERNAL_KEY_STORE"},
        "ValidationException",
        "You must specify a CustomKeyStoreId when Origin is EXTERNAL_KEY_STORE.",
    ),
    "K-92 no such store": (
        {"Origin": "AWS_CLOUDHSM", "CustomKeyStoreId": "cks-1"},
        "CustomKeyStoreNotFoundException",
        None,
    ),
    "K-92 store without its origin": (
        {"CustomKeyStoreId": "cks-1"},
        "ValidationException",
        "You cannot specify CustomKeyStoreId when Origin is AWS_KMS.",
    ),
    "K-92 external key without its origin": (
        {"XksKeyId": "x", "Origin": "EXTERNAL"},
        "ValidationException",
        "You cannot specify XksKeyId when Origin is EXTERNAL.",
    ),
    "4 multi-Region in a store": (
        {"Origin": "AWS_CLOUDHSM", "MultiRegion": True, "CustomKeyStoreId": "cks-1"},
        "UnsupportedOperationException",
        None,
    ),
    "5 reserved tag": (
        {"Tags": [tag("aws:x")]},
        "TagException",
        "Tags beginning with aws: are reserved",
    ),
    "5 repeated tag": ({"Tags": [tag("a"), tag("a")]}, "TagException", "Duplicate tag keys"),
    "5 too many tags": (
        {"Tags": [tag(f"t{number}") for number in range(51)]},
        "TagException",
        "Too many tags",
    ),
    "5 long description": (
        {"Description": "x" * 8193},
        "ValidationException",
        f"1 validation error detected: Value '{'x' * 2047}…' at 'description' failed to satisfy "
        "constraint: Member must have length less than or equal to 8192",
    ),
}


@pytest.mark.parametrize(("parameters", "code", "message"), REFUSED.values(), ids=REFUSED)
def test_a_key_that_cannot_be_is_refused_and_not_made(
    world: World, parameters: Json, code: str, message: str | None
) -> None:
    """CORE K-57."""
    before = world.state

    assert world.told("CreateKey", **parameters) == (code, message)
    assert world.state is before


@pytest.mark.parametrize("parameters", [each[0] for each in REFUSED.values()], ids=REFUSED)
def test_what_needs_no_key_to_be_seen_is_told_before_anyone_is_asked(
    world: World, parameters: Json
) -> None:
    """CORE K-32.5."""
    assert world.ask("CreateKey", world.user("nobody"), **parameters).decisions == ()


@pytest.mark.parametrize("origin", ["AWS_KMS", "EXTERNAL"])
@pytest.mark.parametrize("spec", ["ML_KEM_512", "ML_DSA_44"])
def test_a_spec_that_the_library_does_not_know_is_not_supported(
    world: World, monkeypatch: pytest.MonkeyPatch, spec: str, origin: str
) -> None:
    """CORE K-104, 13: nor is there a key that waits for material which nothing can load."""
    monkeypatch.delitem(hazmat._GENERATORS, spec, raising=False)
    (usage,) = SPECS[spec]

    assert world.told("CreateKey", KeySpec=spec, KeyUsage=usage, Origin=origin) == (
        "UnsupportedOperationException",
        None,
    )


NEWER = (
    "ECC_NIST_EDWARDS25519", "ML_DSA_44", "ML_DSA_65", "ML_DSA_87", "ML_KEM_512", "ML_KEM_768",
    "ML_KEM_1024",
)  # fmt: skip
"""The specs that the old member `CustomerMasterKeySpec` does not know."""
MADE = [
    (member, spec, usage)
    for member in ("KeySpec", "CustomerMasterKeySpec")
    for spec, usage in KINDS
    if not spec.startswith("RSA_") and (member == "KeySpec" or spec not in NEWER)
    if hazmat.can_make(spec)
]


@pytest.mark.parametrize(("member", "spec", "usage"), MADE)
def test_every_kind_of_key_can_be_made(world: World, member: str, spec: str, usage: str) -> None:
    """CORE K-57.1, 1.3."""
    metadata = created(world, **{member: spec}, KeyUsage=usage)

    assert (metadata["KeySpec"], metadata["KeyUsage"]) == (spec, usage)
    assert metadata["KeyState"] == "Enabled"
    (key,) = world.state.keys.values()
    if spec in hazmat.MATERIAL_BYTES:
        assert len(key.current_material.secret) == hazmat.MATERIAL_BYTES[spec]
    else:
        assert hazmat.public_key(key.current_material.secret)


@pytest.mark.parametrize("usage", ["ENCRYPT_DECRYPT", "SIGN_VERIFY"])
def test_an_rsa_key_can_be_made(world: World, usage: str) -> None:
    assert created(world, KeySpec="RSA_2048", KeyUsage=usage)["KeySpec"] == "RSA_2048"


def test_a_spec_that_the_library_lacks_is_not_supported(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CORE K-104."""

    def material(spec: str) -> bytes:
        raise hazmat.UnsupportedAlgorithm(spec)

    monkeypatch.setattr(world.entropy, "material", material)

    assert world.told("CreateKey", KeySpec="ML_DSA_44", KeyUsage="SIGN_VERIFY") == (
        "UnsupportedOperationException",
        None,
    )
    assert len(world.state.keys) == 0


def test_a_key_may_name_the_usage_that_it_has_anyway(world: World) -> None:
    assert created(world, KeyUsage="ENCRYPT_DECRYPT")["KeyUsage"] == "ENCRYPT_DECRYPT"


def test_a_key_for_imported_material_waits_for_it(world: World) -> None:
    """CORE K-28, K-141."""
    metadata = created(world, Origin="EXTERNAL")

    assert (metadata["KeyState"], metadata["Enabled"]) == ("PendingImport", False)
    assert metadata["Origin"] == "EXTERNAL"
    assert "CurrentKeyMaterialId" not in metadata
    assert "ExpirationModel" not in metadata
    assert next(iter(world.state.keys.values())).materials == ()


def test_a_multi_region_key_is_a_lone_primary(world: World) -> None:
    """CORE K-5, K-13, K-151."""
    metadata = created(world, MultiRegion=True)
    arn = metadata["Arn"]

    assert MRK.fullmatch(metadata["KeyId"])
    assert metadata["MultiRegion"] is True
    assert metadata["MultiRegionConfiguration"] == {
        "MultiRegionKeyType": "PRIMARY",
        "PrimaryKey": {"Arn": arn, "Region": REGION},
        "ReplicaKeys": [],
    }
    assert world.do("Encrypt", KeyId=arn, Plaintext=b"x")


def test_making_a_key_is_never_idempotent(world: World) -> None:
    """CORE K-55, K-57."""
    made = [created(world, Description="same") for _ in range(3)]

    assert len({metadata["KeyId"] for metadata in made}) == 3
    assert len({metadata["CurrentKeyMaterialId"] for metadata in made}) == 3


def test_a_key_without_a_policy_gets_the_default_one(world: World) -> None:
    """CORE K-23, AUTH K-80."""
    key_id = created(world)["KeyId"]
    policy = world.do("GetKeyPolicy", KeyId=key_id)["Policy"]

    assert json.loads(policy) == {
        "Version": "2012-10-17",
        "Id": "key-default-1",
        "Statement": [
            {
                "Sid": "Enable IAM User Permissions",
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
                "Action": "kms:*",
                "Resource": "*",
            }
        ],
    }


def test_a_key_with_a_policy_keeps_it_byte_for_byte(world: World) -> None:
    """CORE K-23."""
    policy = "\t" + document(key_statement(Sid="é")) + " \r\n"

    assert (
        world.do("GetKeyPolicy", KeyId=created(world, Policy=policy)["KeyId"])["Policy"] == policy
    )


def test_a_policy_that_locks_its_maker_out_makes_no_key(world: World) -> None:
    """CORE K-57.6, AUTH P-20."""
    world.user("bob")
    policy = document(key_statement(principal=user_arn("bob")))

    assert world.told("CreateKey", Policy=policy) == (
        "MalformedPolicyDocumentException",
        "The new key policy will not allow you to update the key policy in the future.",
    )
    assert created(world, Policy=policy, BypassPolicyLockoutSafetyCheck=True)
    assert len(world.state.keys) == 1


def test_a_bad_policy_is_told_before_the_quota(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CORE K-57, 6 before 7."""
    monkeypatch.setattr(keys, "MAX_KEYS", 0)

    assert world.told("CreateKey", Policy="{}")[0] == "MalformedPolicyDocumentException"
    assert world.told("CreateKey")[0] == "LimitExceededException"


def test_an_account_has_so_many_keys_in_a_region_and_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """CORE K-53: keys in every state count, other accounts and regions do not."""
    assert keys.MAX_KEYS == 100_000
    monkeypatch.setattr(keys, "MAX_KEYS", 2)
    world = World()
    world.key(state=PENDING_DELETION)
    world.key(region=ELSEWHERE)
    world.key(account=OTHER)

    assert created(world)
    assert world.told("CreateKey") == ("LimitExceededException", None)
    assert created(world, region=ELSEWHERE)
    free = World(Settings(enforce_quotas=False), state=world.state, seed=2)
    assert free.do("CreateKey")


def test_tags_of_a_new_key_need_a_permission_of_their_own(world: World) -> None:
    """AUTH K-66, M-16."""
    bob = world.user("bob", {**ALLOW_ALL, "Action": "kms:CreateKey"})

    assert world.ask("CreateKey", bob).error is None
    assert world.ask("CreateKey", bob, Tags=[]).error is None
    assert world.told("CreateKey", bob, Tags=[tag("a")]) == (
        "AccessDeniedException",
        f"User: {user_arn('bob')} is not authorized to perform: kms:TagResource because no "
        "identity-based policy allows the kms:TagResource action",
    )


@pytest.mark.parametrize(
    ("resource", "allowed"),
    [
        ("*", True),
        (f"arn:aws:kms:{REGION}:{ACCOUNT}:key/*", True),
        (f"arn:aws:kms:{ELSEWHERE}:{ACCOUNT}:key/*", False),
        (f"arn:aws:kms:{REGION}:{OTHER}:key/*", False),
    ],
)
def test_tags_of_a_new_key_are_checked_on_the_key_to_be(
    world: World, resource: str, allowed: bool
) -> None:
    """AUTH K-66."""
    bob = world.user(
        "bob",
        {**ALLOW_ALL, "Action": "kms:CreateKey"},
        {**ALLOW_ALL, "Action": "kms:TagResource", "Resource": resource},
    )

    assert (world.ask("CreateKey", bob, Tags=[tag("a")]).error is None) is allowed


def test_who_may_not_make_keys_is_told_of_every_resource(world: World) -> None:
    """AUTH M-16, CORE K-49."""
    assert world.told("CreateKey", world.user("bob"))[1] == (
        f"User: {user_arn('bob')} is not authorized to perform: kms:CreateKey on resource: * "
        "because no identity-based policy allows the kms:CreateKey action"
    )


# ListKeys (CORE K-51, K-59)


def test_keys_are_listed_by_id_with_id_and_arn_in_every_state(world: World) -> None:
    """CORE K-10, K-51, K-59."""
    mine = [world.key(state=state) for state in PRODUCED_STATES]
    world.key(region=ELSEWHERE)
    world.key(account=OTHER)

    output = world.do("ListKeys")

    expected = [{"KeyId": key.id, "KeyArn": str(key.arn)} for key in mine]
    assert output == {"Keys": sorted(expected, key=lambda e: e["KeyId"]), "Truncated": False}


def pages(world: World, operation: str, member: str, **parameters: Any) -> list[list[Any]]:
    """Follow the markers to the end."""
    shown: list[list[Any]] = []
    while True:
        output = world.do(operation, **parameters)
        shown.append(output[member])
        assert set(output) == {member, "Truncated"} | (
            {"NextMarker"} if output["Truncated"] else set()
        )
        if not output["Truncated"]:
            return shown
        parameters["Marker"] = output["NextMarker"]


def test_keys_come_in_pages(world: World) -> None:
    """CORE K-51."""
    made = sorted(world.key().id for _ in range(7))

    shown = pages(world, "ListKeys", "Keys", Limit=3)

    assert [len(page) for page in shown] == [3, 3, 1]
    assert [entry["KeyId"] for page in shown for entry in page] == made
    assert [len(page) for page in pages(world, "ListKeys", "Keys", Limit=7)] == [7]


def test_a_page_of_keys_has_a_hundred_by_default(world: World) -> None:
    """CORE K-45."""
    for _ in range(101):
        world.key()

    assert [len(page) for page in pages(world, "ListKeys", "Keys")] == [100, 1]


def test_a_key_that_ends_between_two_pages_does_not_disturb(world: World) -> None:
    """CORE K-52."""
    made = sorted((world.key() for _ in range(5)), key=lambda key: key.id)
    first = world.do("ListKeys", Limit=2)
    world.change(lambda state: state.without_key(made[1]).without_key(made[2]))

    second = world.do("ListKeys", Marker=first["NextMarker"])

    assert [entry["KeyId"] for entry in second["Keys"]] == [made[3].id, made[4].id]


def test_a_marker_of_another_region_or_account_is_invalid(world: World) -> None:
    """CORE K-52."""
    for _ in range(2):
        world.key()
    marker = world.do("ListKeys", Limit=1)["NextMarker"]
    stranger = world.user("stranger", ALLOW_ALL, account=OTHER)

    assert world.told("ListKeys", Marker=marker, region=ELSEWHERE) == (
        "InvalidMarkerException",
        None,
    )
    assert world.told("ListKeys", stranger, Marker=marker)[0] == "InvalidMarkerException"
    assert world.told("ListAliases", Marker=marker)[0] == "InvalidMarkerException"
    assert world.told("ListKeys", Marker="x" * 1025)[0] == "InvalidMarkerException"


# EnableKey and DisableKey (CORE K-60)


def test_keys_are_switched_on_and_off_as_often_as_one_likes(world: World, key: Key) -> None:
    """CORE K-28, K-55, K-60."""
    for operation, state in (
        ("EnableKey", ENABLED),
        ("DisableKey", DISABLED),
        ("DisableKey", DISABLED),
        ("EnableKey", ENABLED),
    ):
        assert world.do(operation, KeyId=key.id) == {}
        assert world.found(key).state is state
    assert world.found(key) == key


def test_a_key_that_is_off_keeps_what_hangs_on_it(world: World, key: Key) -> None:
    """CORE K-31."""
    world.alias("alias/a", key)
    blob = world.do("Encrypt", KeyId=key.id, Plaintext=b"x")["CiphertextBlob"]
    world.do("CreateGrant", KeyId=key.id, GranteePrincipal=OTHER, Operations=["Decrypt"])
    world.do("DisableKey", KeyId=key.id)

    assert world.told("Decrypt", CiphertextBlob=blob) == (
        "DisabledException",
        f"{key.arn} is disabled.",
    )
    assert len(world.do("ListGrants", KeyId=key.id)["Grants"]) == 1
    assert len(world.do("ListAliases", KeyId=key.id)["Aliases"]) == 1
    world.do("EnableKey", KeyId=key.id)
    assert world.do("Decrypt", CiphertextBlob=blob)["Plaintext"] == b"x"


def test_switching_one_key_leaves_the_others(world: World) -> None:
    one, two = world.key(), world.key()
    world.do("DisableKey", KeyId=one.id)

    assert world.found(two) is two


# UpdateKeyDescription (CORE K-61)


@pytest.mark.parametrize("text", ["of the payroll", "", "ü" * 8192])
def test_a_key_is_described_anew(world: World, key: Key, text: str) -> None:
    """CORE K-12, K-55, K-61, K-182: an empty text clears it."""
    for _ in range(2):
        assert world.do("UpdateKeyDescription", KeyId=key.id, Description=text) == {}

    assert world.do("DescribeKey", KeyId=key.id)["KeyMetadata"]["Description"] == text
    assert world.found(key) == replace(key, description=text)
    assert world.events[-2].response == {"keyId": str(key.arn)}


def test_a_description_has_an_end(world: World, key: Key) -> None:
    """CORE K-61."""
    message = world.told("UpdateKeyDescription", KeyId=key.id, Description="x" * 8193)[1]

    assert "Member must have length less than or equal to 8192" in str(message)


# Tags (CORE K-169, K-170)


def tags_of(world: World, key: Key) -> list[tuple[str, str]]:
    shown = world.do("ListResourceTags", KeyId=key.id)["Tags"]
    return [(each["TagKey"], each["TagValue"]) for each in shown]


def test_tags_of_a_new_key_are_stored_in_order(world: World) -> None:
    """CORE K-57.8, K-170."""
    made = created(world, Tags=[tag("b", "1"), tag("a", "2"), tag("B", "3")])
    (key,) = world.state.keys.values()

    assert key.id == made["KeyId"]
    assert tags_of(world, key) == [("b", "1"), ("a", "2"), ("B", "3")]


def test_a_tag_that_is_overwritten_keeps_its_place(world: World, key: Key) -> None:
    """CORE K-170."""
    world.do("TagResource", KeyId=key.id, Tags=[tag("a", "1"), tag("b", "2")])
    assert world.do("TagResource", KeyId=key.id, Tags=[tag("c", "3"), tag("a", "4")]) == {}

    assert tags_of(world, key) == [("a", "4"), ("b", "2"), ("c", "3")]


def test_tags_are_taken_away_by_key_and_unknown_ones_do_not_matter(world: World, key: Key) -> None:
    """CORE K-55, K-170."""
    world.do("TagResource", KeyId=key.id, Tags=[tag("a"), tag("b"), tag("c")])
    for _ in range(2):
        assert world.do("UntagResource", KeyId=key.id, TagKeys=["b", "unknown", "A"]) == {}

    assert tags_of(world, key) == [("a", ""), ("c", "")]


def test_a_key_without_tags_lists_none(world: World, key: Key) -> None:
    """CORE K-56."""
    assert world.do("ListResourceTags", KeyId=key.id) == {"Tags": [], "Truncated": False}


BAD_TAGS: dict[str, tuple[list[Json], str]] = {
    "reserved": ([tag("aws:x")], "Tags beginning with aws: are reserved"),
    "reserved in capitals": ([tag("AWS:x")], "Tags beginning with aws: are reserved"),
    "reserved in any case": ([tag("ok"), tag("aWs:")], "Tags beginning with aws: are reserved"),
    "repeated": ([tag("a", "1"), tag("a", "2")], "Duplicate tag keys"),
    "sign in the key": ([tag("a#")], "A tag has characters that are not allowed"),
    "sign in the value": ([tag("a", "<b>")], "A tag has characters that are not allowed"),
    "line end": ([tag("a\n")], "A tag has characters that are not allowed"),
    "tab": ([tag("a", "b\tc")], "A tag has characters that are not allowed"),
}


@pytest.mark.parametrize(("tags", "message"), BAD_TAGS.values(), ids=BAD_TAGS)
@pytest.mark.parametrize("operation", ["TagResource", "CreateKey"])
def test_a_tag_that_cannot_be_is_refused(
    world: World, key: Key, operation: str, tags: list[Json], message: str
) -> None:
    """CORE K-45, K-169."""
    named = {"KeyId": key.id} if operation == "TagResource" else {}

    assert world.told(operation, **named, Tags=tags) == ("TagException", message)
    assert world.found(key).tags == ()


@pytest.mark.parametrize(
    "tags",
    [
        [tag("a", "1"), tag("A", "2")],
        [tag("awsx"), tag("aws"), tag("xaws:y")],
        [tag("a b_.:/=+-@9", "é Ж 名 9")],
        [tag("k" * 128, "v" * 256)],
    ],
)
def test_a_tag_that_can_be_is_taken(world: World, key: Key, tags: list[Json]) -> None:
    """CORE K-169: keys are case-sensitive."""
    world.do("TagResource", KeyId=key.id, Tags=tags)

    assert tags_of(world, key) == [(each["TagKey"], each["TagValue"]) for each in tags]


@pytest.mark.parametrize(
    ("tags", "path"),
    [
        ([tag("ok"), tag("")], "tags.2.member.tagKey"),
        ([tag("k" * 129)], "tags.1.member.tagKey"),
        ([tag("k", "v" * 257)], "tags.1.member.tagValue"),
    ],
)
def test_lengths_of_tags_are_told_with_their_place(
    world: World, key: Key, tags: list[Json], path: str
) -> None:
    """CORE K-37, K-170."""
    code, message = world.told("TagResource", KeyId=key.id, Tags=tags)

    assert code == "ValidationException"
    assert f"at '{path}' failed to satisfy constraint: Member must have length" in str(message)


def test_a_key_has_fifty_tags_and_no_more(world: World, key: Key) -> None:
    """CORE K-53, K-169."""
    fifty = [tag(f"t{number}") for number in range(50)]
    world.do("TagResource", KeyId=key.id, Tags=fifty)

    assert world.told("TagResource", KeyId=key.id, Tags=[tag("more")]) == (
        "LimitExceededException",
        None,
    )
    world.do("TagResource", KeyId=key.id, Tags=[tag("t7", "changed")])
    assert len(created(world, Tags=fifty))
    free = World(Settings(enforce_quotas=False), state=world.state, seed=2)
    free.do("TagResource", KeyId=key.id, Tags=[tag("more")])
    assert [len(page) for page in pages(free, "ListResourceTags", "Tags", KeyId=key.id)] == [50, 1]


def test_tags_come_in_pages(world: World, key: Key) -> None:
    """CORE K-51."""
    names = ["z", "a", "y", "b", "é"]
    world.do("TagResource", KeyId=key.id, Tags=[tag(name) for name in names])

    shown = pages(world, "ListResourceTags", "Tags", KeyId=key.id, Limit=2)

    assert [[each["TagKey"] for each in page] for page in shown] == [["z", "a"], ["y", "b"], ["é"]]


def test_tags_with_long_names_come_in_pages_too(world: World, key: Key) -> None:
    """CORE K-52, K-169."""
    names = [letter * 128 for letter in "名é字"]
    world.do("TagResource", KeyId=key.id, Tags=[tag(name) for name in names])

    shown = pages(world, "ListResourceTags", "Tags", KeyId=key.id, Limit=1)

    assert [page[0]["TagKey"] for page in shown] == names


def test_a_tag_that_goes_between_two_pages_loses_none_of_the_others(world: World, key: Key) -> None:
    """CORE K-52: the place of a lost tag is lost; nothing that is left may be."""
    world.do("TagResource", KeyId=key.id, Tags=[tag(name) for name in "abcdef"])
    first = world.do("ListResourceTags", KeyId=key.id, Limit=3)
    seen = {each["TagKey"] for each in first["Tags"]}
    world.do("UntagResource", KeyId=key.id, TagKeys=["c", "d"])

    rest = pages(
        world, "ListResourceTags", "Tags", KeyId=key.id, Limit=3, Marker=first["NextMarker"]
    )

    assert seen | {each["TagKey"] for page in rest for each in page} == set("abcdef") - {"d"}


def test_a_marker_of_another_key_is_invalid(world: World) -> None:
    """CORE K-52."""
    one, two = world.key(), world.key()
    for key in (one, two):
        world.do("TagResource", KeyId=key.id, Tags=[tag("a"), tag("b")])
    marker = world.do("ListResourceTags", KeyId=one.id, Limit=1)["NextMarker"]

    assert (
        world.told("ListResourceTags", KeyId=two.id, Marker=marker)[0] == "InvalidMarkerException"
    )


def test_tags_count_for_access_at_once(world: World, key: Key) -> None:
    """CORE K-171, AUTH J-52, J-56."""
    condition = {"StringEquals": {"aws:ResourceTag/team": "blue"}}
    bob = world.user("bob", {**ALLOW_ALL, "Condition": condition})
    own = [tag("team", "blue")]

    assert world.told("DescribeKey", bob, KeyId=key.id)[0] == "AccessDeniedException"
    assert world.told("TagResource", bob, KeyId=key.id, Tags=own)[0] == "AccessDeniedException"
    world.do("TagResource", KeyId=key.id, Tags=own)
    assert world.do("DescribeKey", bob, KeyId=key.id)
    world.do("UntagResource", bob, KeyId=key.id, TagKeys=["team"])
    assert world.told("DescribeKey", bob, KeyId=key.id)[0] == "AccessDeniedException"


def test_material_of_a_key_is_named_after_key_and_bytes(world: World) -> None:
    """CORE K-110."""
    one, two = (world.key("RSA_2048") for _ in range(2))

    assert one.current_material.secret == two.current_material.secret
    assert one.current_material.id != two.current_material.id
