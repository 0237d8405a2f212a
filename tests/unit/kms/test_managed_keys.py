"""AWS managed keys: there at first use, for their service alone (CORE K-18 to K-22)."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from kms import Gate, Key, managed_keys
from kms.directory import ANONYMOUS, service_principal
from kms.managed_keys import SERVICES, key_policy
from kms.model import KeyManager
from policy import Arn, Decision, Layer, Outcome, Principal, Request
from policy.decision import Trace
from tests.kms_world import (
    ACCOUNT,
    ALLOW_ALL,
    ELSEWHERE,
    OTHER,
    REGION,
    ROOT,
    Json,
    World,
    document,
    key_statement,
)

HERE = f"arn:aws:kms:{REGION}:{ACCOUNT}"
S3 = "alias/aws/s3"


def described(world: World, name: str = S3) -> Json:
    found: Json = world.do("DescribeKey", KeyId=name)["KeyMetadata"]
    return found


def managed(world: World, name: str = S3) -> Key:
    shown = described(world, name)
    key = world.state.key(shown["Arn"])
    assert key is not None
    return key


def listed(world: World) -> dict[str, str | None]:
    entries = world.do("ListAliases")["Aliases"]
    return {entry["AliasName"]: entry.get("TargetKeyId") for entry in entries}


# The first use


def test_describing_a_predefined_alias_makes_its_key(world: World) -> None:
    """CORE K-18, K-19, K-58."""
    assert listed(world)[S3] is None
    assert world.do("ListKeys")["Keys"] == []

    shown = described(world)

    assert (shown["KeyManager"], shown["KeySpec"]) == ("AWS", "SYMMETRIC_DEFAULT")
    assert (shown["KeyUsage"], shown["Origin"]) == ("ENCRYPT_DECRYPT", "AWS_KMS")
    assert (shown["KeyState"], shown["MultiRegion"]) == ("Enabled", False)
    assert listed(world)[S3] == shown["KeyId"]
    assert world.do("ListKeys")["Keys"] == [{"KeyId": shown["KeyId"], "KeyArn": shown["Arn"]}]


@pytest.mark.parametrize("form", [S3, f"{HERE}:{S3}"])
def test_the_key_is_made_once(world: World, form: str) -> None:
    first = described(world, form)

    assert described(world, S3) == described(world, f"{HERE}:{S3}") == first
    assert len(world.state.keys) == 1


def test_the_event_names_the_key_that_was_made(world: World) -> None:
    shown = described(world)

    assert world.events[-1].resources == (shown["Arn"],)


def test_every_service_of_the_list_has_a_name_in_every_account_and_region(world: World) -> None:
    """CORE K-19."""
    stranger = world.user("stranger", ALLOW_ALL, account=OTHER)
    names = [f"alias/aws/{service}" for service in sorted(SERVICES)]

    for caller, region in ((None, REGION), (None, ELSEWHERE), (stranger, REGION)):
        entries = world.do("ListAliases", caller, region=region)["Aliases"]
        assert [entry["AliasName"] for entry in entries] == names
        assert {frozenset(entry) for entry in entries} == {frozenset({"AliasName", "AliasArn"})}


def test_each_account_and_region_has_a_key_of_its_own(world: World) -> None:
    """CORE K-18."""
    stranger = world.user("stranger", ALLOW_ALL, account=OTHER)
    keys = {
        described(world)["Arn"],
        world.do("DescribeKey", region=ELSEWHERE, KeyId=S3)["KeyMetadata"]["Arn"],
        world.do("DescribeKey", stranger, KeyId=S3)["KeyMetadata"]["Arn"],
        described(world, "alias/aws/ebs")["Arn"],
    }

    assert len(keys) == 4


@pytest.mark.parametrize("name", ["alias/aws/x", "alias/aws/S3", "alias/aws/s3x", "alias/aws/"])
def test_an_unknown_service_has_no_alias(world: World, name: str) -> None:
    """CORE K-19."""
    assert world.told("DescribeKey", KeyId=name) == (
        "NotFoundException",
        f"Alias {HERE}:{name} is not found.",
    )


@pytest.mark.parametrize("operation", ["DisableKey", "GetKeyPolicy", "ScheduleKeyDeletion"])
def test_an_operation_that_takes_no_alias_makes_no_key(world: World, operation: str) -> None:
    """CORE K-9."""
    assert world.told(operation, KeyId=S3)[0] == "InvalidArnException"
    assert len(world.state.keys) == 0


def test_a_call_that_fails_makes_no_key(world: World) -> None:
    """CORE K-34."""
    before = world.state
    denied = world.told("Encrypt", KeyId=S3, Plaintext=b"x")
    dry = world.told("Encrypt", KeyId=S3, Plaintext=b"x", via="s3", DryRun=True)
    asked = world.decide("DescribeKey", KeyId=S3)

    assert (denied[0], dry[0]) == ("AccessDeniedException", "DryRunOperationException")
    assert asked.error is None
    assert world.state is before


def test_a_key_of_another_account_is_neither_made_nor_told_of(world: World) -> None:
    """CORE K-8."""
    foreign = f"arn:aws:kms:{REGION}:{OTHER}:{S3}"
    before = world.told("DescribeKey", KeyId=foreign)
    owner = world.user("owner", ALLOW_ALL, account=OTHER)
    world.do("DescribeKey", owner, KeyId=S3)

    assert before[0] == "AccessDeniedException"
    assert world.told("DescribeKey", KeyId=foreign) == before


@pytest.mark.parametrize("caller", [ANONYMOUS, service_principal("s3.amazonaws.com")])
def test_who_has_no_account_has_no_managed_keys(world: World, caller: Principal) -> None:
    code, _ = world.told("DescribeKey", caller, KeyId=S3)

    assert code == "AccessDeniedException"
    assert len(world.state.keys) == 0


def test_the_key_rotates_every_year_by_itself(world: World) -> None:
    """CORE K-119, K-126."""
    key = managed(world)
    old = described(world)["CurrentKeyMaterialId"]
    status = world.do("GetKeyRotationStatus", KeyId=key.id)
    world.advance(days=365)

    assert (status["KeyRotationEnabled"], status["RotationPeriodInDays"]) == (True, 365)
    assert described(world)["CurrentKeyMaterialId"] != old


# Its use and its policy


def test_the_service_uses_the_key_for_everyone_in_the_account(world: World) -> None:
    """CORE K-20, AUTH K-83."""
    bob = world.user("bob")
    blob = world.do("Encrypt", bob, KeyId=S3, Plaintext=b"x", via="s3")["CiphertextBlob"]

    assert world.do("Decrypt", bob, CiphertextBlob=blob, via="s3")["Plaintext"] == b"x"
    assert described(world)["KeyManager"] == "AWS"
    for via in (None, "rds"):
        told = world.told("Decrypt", CiphertextBlob=blob, via=via)
        assert told[0] == "AccessDeniedException"


def test_both_sides_of_a_re_encryption_may_be_managed(world: World) -> None:
    blob = world.do("Encrypt", KeyId=S3, Plaintext=b"x", via="s3")["CiphertextBlob"]
    world.set_policy(managed(world), key_statement())
    output = world.do(
        "ReEncrypt", CiphertextBlob=blob, SourceKeyId=S3, DestinationKeyId=S3, via="s3"
    )

    assert output["SourceKeyId"] == output["KeyId"] == described(world)["Arn"]


def test_direct_management_is_denied_in_the_words_of_the_service(world: World) -> None:
    """CORE K-20."""
    key = managed(world)
    told = world.told(
        "CreateGrant", KeyId=key.id, GranteePrincipal=ROOT, Operations=["DescribeKey"]
    )

    assert told == (
        "AccessDeniedException",
        f"User: {world.admin} is not authorized to perform: kms:CreateGrant on resource: {key.arn}"
        " because no resource-based policy allows the kms:CreateGrant action",
    )


def test_the_policy_is_the_service_s_own(world: World) -> None:
    """CORE K-20."""
    policy = json.loads(world.do("GetKeyPolicy", KeyId=managed(world).id)["Policy"])
    through, reading = policy["Statement"]

    assert policy["Id"] == "auto-s3-1"
    assert through["Principal"] == {"AWS": "*"}
    assert through["Action"] == [
        f"kms:{name}"
        for name in ("Encrypt", "Decrypt", "ReEncrypt*", "GenerateDataKey*", "CreateGrant",
                     "DescribeKey")
    ]  # fmt: skip
    assert through["Condition"] == {
        "StringEquals": {
            "kms:CallerAccount": ACCOUNT,
            "kms:ViaService": f"s3.{REGION}.amazonaws.com",
        }
    }
    assert reading["Principal"] == {"AWS": ROOT}
    assert reading["Action"] == [f"kms:{n}" for n in ("Describe*", "Get*", "List*", "RevokeGrant")]
    assert "Condition" not in reading


def test_the_key_of_ebs_is_used_through_ec2() -> None:
    """CORE K-20."""
    text = key_policy("ebs", Arn("aws", "kms", REGION, ACCOUNT, "key/x"))

    assert f"ec2.{REGION}.amazonaws.com" in text
    assert json.loads(text)["Id"] == "auto-ebs-1"


# What it is not


def test_managed_keys_do_not_count_against_the_quota(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CORE K-22, K-53."""
    monkeypatch.setattr("kms.new_keys.MAX_KEYS", 1)
    described(world)
    described(world, "alias/aws/rds")

    world.do("CreateKey")
    assert world.told("CreateKey") == ("LimitExceededException", None)


def test_no_alias_is_made_for_a_managed_key(world: World) -> None:
    """CORE K-163."""
    told = world.told("CreateAlias", AliasName="alias/mine", TargetKeyId=managed(world).id)

    assert told[0] == "AccessDeniedException"


class _Generous(Gate):
    """A gate that says yes to everything, as none should."""

    def decide(self, request: Request, *rest: object) -> Decision:
        return Decision(request, Outcome.ALLOWED, Layer.IDENTITY, None, (), Trace(()))


@pytest.mark.parametrize(
    ("operation", "more"),
    [
        ("DisableKey", {}),
        ("EnableKey", {}),
        ("PutKeyPolicy", {"Policy": document(key_statement())}),
        ("ScheduleKeyDeletion", {}),
        ("TagResource", {"Tags": []}),
    ],
)
def test_even_a_gate_that_allows_everything_lets_nobody_change_one(
    operation: str, more: Json
) -> None:
    """CORE K-21."""
    world = World()
    key = managed(world)
    generous = World(gate=_Generous(), state=world.state)

    assert generous.told(operation, generous.root(), KeyId=key.id, **more) == (
        "AccessDeniedException",
        f"User: {ROOT} is not authorized to perform: kms:{operation} on resource: {key.arn} "
        f"because no resource-based policy allows the kms:{operation} action",
    )
    assert generous.ask("DescribeKey", generous.root(), KeyId=key.id).error is None
    assert generous.found(key) == key


def test_what_its_service_may_do_is_left_to_the_gate(world: World) -> None:
    key = world.key()
    (reading,) = world.ask("DescribeKey", KeyId=key.id).decisions
    (changing,) = world.ask("DisableKey", KeyId=key.id).decisions
    its_own = replace(key, manager=KeyManager.AWS)

    assert managed_keys.guarded(reading, its_own) is reading
    assert managed_keys.guarded(changing, key) is changing
    assert managed_keys.guarded(changing, None) is changing
    assert not managed_keys.guarded(changing, its_own).allowed
