"""The events of a call: copies for other accounts, other Regions, and what happened besides."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kms import AuditEvent, Key, KeyUsage, Reply, operation
from kms.audit import record
from kms.directory import ANONYMOUS, service_principal
from kms.errors import Disabled
from kms.operation import Beside, Change, Operation, Parameters, Scope
from tests.kms_world import (
    ACCOUNT,
    ALLOW_ALL,
    DISABLED,
    ELSEWHERE,
    OTHER,
    REGION,
    World,
    document,
    key_statement,
    user_arn,
)

THIRD = "777788889999"
OPEN = document(key_statement(principal={"AWS": [ACCOUNT, OTHER, THIRD]}))
UNIQUE = ("id", "account", "caller", "caller_kind", "identity", "previous_hash", "hash")


@pytest.fixture
def shared(world: World) -> Key:
    """A key of one account that the other may use."""
    return world.key(policy=OPEN)


def far(world: World) -> Any:
    return world.user("far", ALLOW_ALL, account=OTHER)


def encrypted(world: World, key: Key, caller: Any, **more: Any) -> Reply:
    return world.ask("Encrypt", caller, KeyId=str(key.arn), Plaintext=b"x", **more)


def differing(one: AuditEvent, two: AuditEvent) -> set[str]:
    names = AuditEvent.__dataclass_fields__
    return {name for name in names if getattr(one, name) != getattr(two, name)}


# Copies (CORE K-183)


def test_a_call_of_another_account_stands_in_both_logs(world: World, shared: Key) -> None:
    reply = encrypted(world, shared, far(world))
    own, copy = reply.events

    assert reply.event is own
    assert world.events[-2:] == [own, copy]
    assert (own.account, copy.account) == (OTHER, ACCOUNT)
    assert own.shared_id == copy.shared_id is not None
    assert own.request_id == copy.request_id
    assert differing(own, copy) <= set(UNIQUE)
    assert own.id != copy.id
    assert copy.previous_hash == own.hash
    assert own.is_intact()
    assert copy.is_intact()


def test_the_owner_of_a_key_reads_the_account_of_the_caller_and_no_name(
    world: World, shared: Key
) -> None:
    own, copy = encrypted(world, shared, far(world)).events

    assert own.caller == user_arn("far", OTHER)
    assert (copy.caller, copy.caller_kind, copy.is_copy) == (OTHER, "account", True)
    assert set(copy.identity) == {"type", "principalId", "accountId"}
    assert "far" not in str(record(copy))
    assert not own.is_copy


def test_a_denied_call_of_another_account_stands_in_the_callers_log_alone(world: World) -> None:
    key = world.key()

    (own,) = encrypted(world, key, far(world)).events

    assert (own.outcome, own.account, own.shared_id) == ("denied", OTHER, None)
    assert own.resources == (str(key.arn),)


def test_a_call_that_fails_otherwise_stands_in_both_logs(world: World, shared: Key) -> None:
    world.put(replace(shared, state=DISABLED))

    events = encrypted(world, shared, far(world)).events

    assert [event.error_code for event in events] == [Disabled.code, Disabled.code]


def test_a_dry_run_stands_in_both_logs(world: World, shared: Key) -> None:
    """CORE K-177: as a failure that is no denial."""
    assert len(encrypted(world, shared, far(world), DryRun=True).events) == 2


def test_a_call_at_home_stands_in_one_log(world: World, shared: Key) -> None:
    (own,) = encrypted(world, shared, world.admin).events

    assert (own.account, own.shared_id) == (ACCOUNT, None)


def test_a_call_with_keys_of_two_other_accounts_stands_in_three_logs(world: World) -> None:
    one, two = world.key(policy=OPEN), world.key(policy=OPEN, account=OTHER)
    blob = world.do("Encrypt", KeyId=one.id, Plaintext=b"x")["CiphertextBlob"]
    third = world.user("third", ALLOW_ALL, account=THIRD)

    reply = world.ask("ReEncrypt", third, CiphertextBlob=blob, DestinationKeyId=str(two.arn))

    assert [event.account for event in reply.events] == [THIRD, ACCOUNT, OTHER]
    assert len({event.shared_id for event in reply.events}) == 1
    assert len({event.id for event in reply.events}) == 3


def test_a_service_has_no_log_of_its_own(world: World) -> None:
    """CORE K-183: the owner of the key reads of it, and there is a shared id."""
    key = world.key(policy=document(key_statement(principal={"Service": "s3.amazonaws.com"})))

    (event,) = encrypted(world, key, service_principal("s3.amazonaws.com")).events

    assert (event.account, event.caller) == (ACCOUNT, "s3.amazonaws.com")
    assert event.shared_id is not None
    assert event.identity == {"type": "AWSService", "invokedBy": "s3.amazonaws.com"}


def test_what_a_service_was_denied_stands_in_the_log_of_the_first_owner_alone(
    world: World,
) -> None:
    one, two = world.key(), world.key(policy=OPEN, account=OTHER)
    blob = world.do("Encrypt", KeyId=one.id, Plaintext=b"x")["CiphertextBlob"]
    service = service_principal("s3.amazonaws.com")

    reply = world.ask("ReEncrypt", service, CiphertextBlob=blob, DestinationKeyId=str(two.arn))

    assert [(event.outcome, event.account) for event in reply.events] == [("denied", ACCOUNT)]


@pytest.mark.parametrize("name", ["GenerateRandom", "Encrypt"])
def test_a_caller_without_an_account_leaves_an_event_that_stands_in_no_log(
    world: World, name: str
) -> None:
    (event,) = world.ask(name, ANONYMOUS, KeyId=user_arn("x"), NumberOfBytes=3).events

    assert event.account == ""
    assert "recipientAccountId" not in record(event)


# What a denied caller must not learn (CORE K-8)


def test_a_foreign_key_that_was_not_named_is_in_no_log_of_who_was_denied(world: World) -> None:
    key = world.key()
    alias = world.alias("alias/a", key)
    blob = world.do("Encrypt", KeyId=key.id, Plaintext=b"x")["CiphertextBlob"]
    outsider = far(world)

    for asked in (
        world.ask("Encrypt", outsider, KeyId=str(alias.arn), Plaintext=b"x"),
        world.ask("Decrypt", outsider, CiphertextBlob=blob),
    ):
        (event,) = asked.events
        assert (event.outcome, event.resources) == ("denied", ())
        assert key.id not in str(record(event))


def test_a_key_of_ones_own_account_is_listed_however_it_was_found(world: World, key: Key) -> None:
    world.alias("alias/a", key)

    event = world.ask("Encrypt", world.user("bob"), KeyId="alias/a", Plaintext=b"x").event

    assert event is not None
    assert (event.outcome, event.resources) == ("denied", (str(key.arn),))


# Additional data and responses (CORE K-182)


def test_symmetric_use_names_the_material(world: World, key: Key) -> None:
    made = world.ask("Encrypt", KeyId=key.id, Plaintext=b"x")
    material = {"keyMaterialId": key.current_material.id}
    assert made.event is not None
    assert made.event.additional == material

    opened = world.ask("Decrypt", CiphertextBlob=made.unwrap()["CiphertextBlob"])
    assert opened.event is not None
    assert opened.event.additional == material

    refused = world.ask("Encrypt", KeyId=key.id, Plaintext=b"x", DryRun=True)
    assert refused.event is not None
    assert refused.event.additional is None


def test_asymmetric_use_names_no_material(world: World) -> None:
    key = world.key("RSA_2048", KeyUsage.ENCRYPT_DECRYPT)

    event = world.ask(
        "Encrypt", KeyId=key.id, Plaintext=b"x", EncryptionAlgorithm="RSAES_OAEP_SHA_256"
    ).event

    assert event is not None
    assert (event.outcome, event.additional) == ("success", None)


def test_re_encryption_names_both_materials(world: World) -> None:
    one, two = world.key(), world.key()
    blob = world.do("Encrypt", KeyId=one.id, Plaintext=b"x")["CiphertextBlob"]

    event = world.ask("ReEncrypt", CiphertextBlob=blob, DestinationKeyId=two.id).event

    assert event is not None
    assert event.additional == {
        "sourceKeyMaterialId": one.current_material.id,
        "destinationKeyMaterialId": two.current_material.id,
    }


def test_a_retired_grant_is_named(world: World, key: Key) -> None:
    made = world.do("CreateGrant", KeyId=key.id, GranteePrincipal=OTHER, Operations=["Decrypt"])

    event = world.ask("RetireGrant", GrantToken=made["GrantToken"]).event

    assert event is not None
    assert event.additional == {"grantId": made["GrantId"]}
    assert made["GrantToken"] not in str(record(event))


def test_a_new_key_comes_back_with_its_metadata(world: World) -> None:
    """CORE K-181, K-182."""
    made = world.ask("CreateKey", Description="mine")
    assert made.event is not None
    assert made.event.response is not None
    described = made.event.response["keyMetadata"]

    assert described["aWSAccountId"] == ACCOUNT
    assert described["creationDate"] == "Mar 1, 2026, 8:00:00 AM"
    assert described["encryptionAlgorithms"] == ["SYMMETRIC_DEFAULT"]
    assert set(made.event.response) == {"keyMetadata"}


# Besides (CORE K-184)


def beside(world: World, monkeypatch: pytest.MonkeyPatch, *happened: Beside) -> Reply:
    """Return what is written of a call that does something besides."""

    def run(_parameters: Parameters, scope: Scope) -> Change:
        return Change(scope.state, beside=happened)

    changed = Operation("ReplicateKey", run)
    monkeypatch.setitem(operation._OPERATIONS, "ReplicateKey", changed)
    key = world.key(multi_region=True)
    return world.ask("ReplicateKey", KeyId=key.id, ReplicaRegion=ELSEWHERE)


REPLICA = f"arn:aws:kms:{ELSEWHERE}:{ACCOUNT}:key/mrk-{'0' * 32}"


def test_what_a_call_does_elsewhere_is_an_event_there(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Beside("CreateKey", ELSEWHERE, (REPLICA,), {"KeyMetadata": {"KeyId": "x"}})

    own, there = beside(world, monkeypatch, made).events

    assert (own.operation, own.region, there.operation, there.region) == (
        "ReplicateKey",
        REGION,
        "CreateKey",
        ELSEWHERE,
    )
    assert there.resources == (REPLICA,)
    assert there.response == {"keyMetadata": {"keyId": "x"}}
    assert there.parameters is None
    assert (there.caller, there.request_id) == (own.caller, own.request_id)
    assert there.id != own.id
    assert world.events[-2:] == [own, there]
    assert there.is_intact()


def test_the_same_operation_elsewhere_has_the_same_request(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, there = beside(world, monkeypatch, Beside("ReplicateKey", ELSEWHERE, (REPLICA,))).events

    assert there.parameters == own.parameters is not None


def test_what_the_service_does_besides_is_its_own_event(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CORE K-186."""
    details = {"keyId": REPLICA.rpartition("/")[2]}
    synchronized = Beside("SynchronizeMultiRegionKey", ELSEWHERE, (REPLICA,), details=details)

    _, there = beside(world, monkeypatch, synchronized).events
    written = record(there)

    assert written["eventType"] == "AwsServiceEvent"
    assert written["userIdentity"] == {"accountId": ACCOUNT, "invokedBy": "AWS Internal"}
    assert written["serviceEventDetails"] == details
    assert (there.parameters, there.response, there.path) == (None, None, None)


def test_what_did_not_happen_leaves_nothing_besides(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world, "admin", world.user("bob"))

    reply = beside(world, monkeypatch, Beside("CreateKey", ELSEWHERE, (REPLICA,)))

    assert len(reply.events) == 1
