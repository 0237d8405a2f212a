"""What an event holds of a call, what it never holds, and the chain of hashes (CORE 10)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import fields, replace
from types import MappingProxyType
from typing import Any

import pytest

from kms import AuditEvent, Key, shapes
from kms.audit import error_code_of, outcome_of
from kms.errors import (
    AccessDenied,
    Disabled,
    DryRunOperation,
    Internal,
    KmsError,
    NotFound,
    ValidationFailed,
)
from kms.recording import MAX_PARAMETERS, logged_parameters, long_time
from tests.kms_world import ACCOUNT, DISABLED, OTHER, REGION, START, World, arn, document, user_arn

EVENT = AuditEvent(
    id="e",
    at=START,
    request_id="r",
    caller=user_arn("admin"),
    caller_kind="user",
    account=ACCOUNT,
    operation="Encrypt",
    region=REGION,
    resources=("arn:key",),
    outcome="success",
    path="grant",
    parameters={"encryptionContext": {"a": "b"}},
    response={"keyId": "x"},
)
CHANGED: dict[str, Any] = {
    "id": "f",
    "at": START + dt.timedelta(milliseconds=1),
    "request_id": "s",
    "caller": user_arn("eve"),
    "caller_kind": "root",
    "account": OTHER,
    "operation": "Decrypt",
    "region": "us-east-1",
    "resources": ("arn:key", "arn:other"),
    "outcome": "denied",
    "path": None,
    "error_code": "AccessDenied",
    "error_message": "no",
    "parameters": {"encryptionContext": {"a": "c"}},
    "response": None,
    "additional": {"keyMaterialId": "m"},
    "identity": {"type": "Root"},
    "source": "192.0.2.1",
    "agent": "Boto3",
    "read_only": True,
    "details": {},
    "shared_id": "t",
    "endpoint": "vpce-1",
    "version": "1.08",
    "previous_hash": "00",
}


# The chain


def test_a_chained_event_is_intact_and_knows_the_one_before() -> None:
    event = replace(EVENT).chained("before")

    assert event.previous_hash == "before"
    assert event.is_intact()
    assert len(event.hash) == 64
    assert not EVENT.is_intact()


def test_every_part_of_an_event_is_covered() -> None:
    assert set(CHANGED) == {each.name for each in fields(AuditEvent)} - {"hash"}


@pytest.mark.parametrize("part", CHANGED)
def test_a_change_to_any_part_breaks_the_event(part: str) -> None:
    changed = replace(replace(EVENT).chained("before"), **{part: CHANGED[part]})

    assert not changed.is_intact()
    assert replace(changed, hash="").chained(changed.previous_hash).hash != changed.hash


def test_a_changed_hash_breaks_the_event() -> None:
    assert not replace(replace(EVENT).chained(""), hash="0" * 64).is_intact()


def test_the_same_event_in_another_place_has_another_hash() -> None:
    assert replace(EVENT).chained("a").hash != replace(EVENT).chained("b").hash
    assert replace(EVENT).chained("a") == replace(EVENT).chained("a")


def test_an_event_is_chained_once() -> None:
    with pytest.raises(ValueError, match="has its place"):
        replace(EVENT).chained("a").chained("b")


def test_events_without_an_equal_text_have_an_equal_hash_only_if_they_are_equal() -> None:
    """Parts do not run into each other."""
    one = replace(EVENT, caller="ab", operation="c").chained("")
    two = replace(EVENT, caller="a", operation="bc").chained("")

    assert one.hash != two.hash


def test_any_kind_of_mapping_has_the_hash_of_a_dict_and_nothing_else_can_be_chained() -> None:
    """A store may give back mappings that nobody can change."""
    frozen = replace(EVENT, parameters=MappingProxyType(dict(EVENT.parameters or {})))

    assert frozen.chained("").hash == replace(EVENT).chained("").hash
    with pytest.raises(TypeError, match="no event may hold bytes"):
        replace(EVENT, parameters={"plaintext": b"x"}).chained("")


@pytest.mark.parametrize("text", ["é", "\ud800", "\x00", "名"])
def test_odd_letters_can_be_chained(text: str) -> None:
    assert replace(EVENT, parameters={"a": text}).chained("").is_intact()


# Parameters


def test_members_begin_in_lower_case_and_stay_as_they_were_sent() -> None:
    """CORE K-178."""
    logged = logged_parameters(
        "ScheduleKeyDeletion", {"KeyId": "alias/x", "PendingWindowInDays": 7}
    )

    assert logged == {"keyId": "alias/x", "pendingWindowInDays": 7}


def test_names_inside_of_lists_and_constraints_begin_in_lower_case() -> None:
    """CORE K-178."""
    tags = logged_parameters("TagResource", {"Tags": [{"TagKey": "A", "TagValue": "B"}]})
    grant = logged_parameters(
        "CreateGrant",
        {
            "Operations": ["Decrypt"],
            "Constraints": {"EncryptionContextSubset": {"Tenant": "Blue"}, "SourceArn": "arn"},
        },
    )

    assert tags == {"tags": [{"tagKey": "A", "tagValue": "B"}]}
    assert grant == {
        "operations": ["Decrypt"],
        "constraints": {"encryptionContextSubset": {"Tenant": "Blue"}, "sourceArn": "arn"},
    }


def test_names_of_an_encryption_context_stay_as_they_are() -> None:
    """CORE K-66."""
    logged = logged_parameters("GenerateDataKey", {"EncryptionContext": {"Tenant": "Blue"}})

    assert logged == {"encryptionContext": {"Tenant": "Blue"}}


# CORE K-178: operation, what was sent, what is filled in
FILLED_IN: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (
        "CreateKey",
        {},
        {
            "description": "",
            "keyUsage": "ENCRYPT_DECRYPT",
            "customerMasterKeySpec": "SYMMETRIC_DEFAULT",
            "keySpec": "SYMMETRIC_DEFAULT",
            "origin": "AWS_KMS",
            "bypassPolicyLockoutSafetyCheck": False,
            "multiRegion": False,
        },
    ),
    ("Encrypt", {}, {"encryptionAlgorithm": "SYMMETRIC_DEFAULT"}),
    ("Decrypt", {}, {"encryptionAlgorithm": "SYMMETRIC_DEFAULT"}),
    (
        "ReEncrypt",
        {"SourceEncryptionAlgorithm": "RSAES_OAEP_SHA_256"},
        {
            "sourceEncryptionAlgorithm": "RSAES_OAEP_SHA_256",
            "destinationEncryptionAlgorithm": "SYMMETRIC_DEFAULT",
        },
    ),
    ("Sign", {}, {"messageType": "RAW"}),
    ("Verify", {"MessageType": "DIGEST"}, {"messageType": "DIGEST"}),
    ("ScheduleKeyDeletion", {}, {"pendingWindowInDays": 30}),
    (
        "ReplicateKey",
        {"ReplicaRegion": "eu-west-3"},
        {
            "replicaRegion": "eu-west-3",
            "description": "",
            "bypassPolicyLockoutSafetyCheck": False,
        },
    ),
    ("GetKeyPolicy", {}, {"policyName": "default"}),
    ("PutKeyPolicy", {"Policy": "{}"}, {"policyName": "default", "policy": "{}"}),
    ("DescribeKey", {}, {}),
]


@pytest.mark.parametrize(
    ("operation", "sent", "logged"), FILLED_IN, ids=[row[0] for row in FILLED_IN]
)
def test_what_the_service_fills_in_is_written_down(
    operation: str, sent: dict[str, Any], logged: dict[str, Any]
) -> None:
    """CORE K-178."""
    assert logged_parameters(operation, sent) == logged


@pytest.mark.parametrize("member", ["KeySpec", "CustomerMasterKeySpec"])
def test_either_name_of_the_key_spec_stands_for_both(member: str) -> None:
    """CORE K-178."""
    logged = logged_parameters("CreateKey", {member: "RSA_2048"}) or {}

    assert (logged["keySpec"], logged["customerMasterKeySpec"]) == ("RSA_2048", "RSA_2048")


def test_instants_of_a_request_are_written_as_texts() -> None:
    """CORE K-181."""
    at = dt.datetime(2022, 8, 10, 22, 38, 27, tzinfo=dt.UTC)

    assert logged_parameters("ImportKeyMaterial", {"ValidTo": at}) == {
        "validTo": "Aug 10, 2022, 10:38:27 PM"
    }


@pytest.mark.parametrize(
    ("hour", "text"),
    [(0, "12:05:09 AM"), (9, "9:05:09 AM"), (12, "12:05:09 PM"), (13, "1:05:09 PM")],
)
def test_noon_and_midnight_are_twelve(hour: int, text: str) -> None:
    """CORE K-181."""
    at = dt.datetime(2026, 5, 1, hour, 5, 9, tzinfo=dt.UTC)

    assert long_time(at) == f"May 1, 2026, {text}"


@pytest.mark.parametrize("operation", ["GenerateRandom", "RetireGrant"])
def test_of_some_operations_no_parameters_are_kept(operation: str) -> None:
    """CORE K-180."""
    assert logged_parameters(operation, {"KeyId": "x", "NumberOfBytes": 3}) is None


# CORE K-179
SECRET_MEMBERS = {
    "Plaintext", "CiphertextBlob", "Message", "Signature", "Mac", "PublicKey", "ImportToken",
    "EncryptedKeyMaterial", "GrantTokens", "GrantToken", "Recipient",
}  # fmt: skip


EMPTY: dict[str, Any] = {"timestamp": START, "structure": {}, "list": [], "map": {}}


@pytest.mark.parametrize("operation", sorted(shapes.operation_names()))
def test_members_that_may_hold_a_secret_are_left_out(operation: str) -> None:
    """CORE K-179."""
    kinds = shapes.request_kind(operation).parts
    sent = {name: EMPTY.get(kind.name, "x") for name, kind in kinds.items()}
    logged = logged_parameters(operation, sent) or {}

    assert not {name for name in SECRET_MEMBERS if name[0].lower() + name[1:] in logged}


def test_what_is_in_the_clear_by_design_is_kept(world: World) -> None:
    """CORE K-179: contexts, descriptions, tags and policies."""
    policy = document({"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"})
    tags = [{"TagKey": "a", "TagValue": "b"}]
    world.do("CreateKey", Description="mine", Tags=tags, Policy=policy)

    logged = world.events[-1].parameters
    assert (logged["description"], logged["policy"]) == ("mine", policy)
    assert logged["tags"] == [{"tagKey": "a", "tagValue": "b"}]


# Outcomes


@pytest.mark.parametrize(
    ("error", "outcome", "code"),
    [
        (None, "success", None),
        (AccessDenied("no"), "denied", "AccessDenied"),  # CORE K-175
        (Disabled("x"), "failure", "DisabledException"),
        (DryRunOperation(), "failure", "DryRunOperationException"),  # CORE K-177
        (Internal(), "failure", "KMSInternalException"),
        (NotFound("x"), "failure", "NotFoundException"),
        (ValidationFailed("x"), "failure", "ValidationException"),
    ],
)
def test_an_outcome_is_one_of_three_words(
    error: KmsError | None, outcome: str, code: str | None
) -> None:
    assert error_code_of(error) == code
    assert outcome_of(code) == outcome


# Events of calls


def test_an_event_says_who_did_what_where_and_when(world: World, key: Key) -> None:
    world.advance(seconds=5)
    reply = world.ask("DescribeKey", KeyId=key.id)
    event = world.events[-1]

    assert reply.event == event
    assert event.at == START + dt.timedelta(seconds=5)
    assert (event.caller, event.caller_kind) == (user_arn("admin"), "user")
    assert (event.account, event.region, event.operation) == (ACCOUNT, REGION, "DescribeKey")
    assert event.resources == (str(key.arn),)
    assert event.parameters == {"keyId": key.id}
    assert event.path == "key_policy:account+identity"


def test_a_request_id_of_the_surface_is_kept_and_otherwise_made(world: World) -> None:
    """CORE K-194."""
    call = world.request("ListKeys")
    world.service.call(replace(call, request_id="from the surface"))
    world.service.call(call)
    world.service.call(call)

    first, second, third = world.events
    assert first.request_id == "from the surface"
    assert second.request_id
    assert second.request_id != third.request_id
    assert len({event.id for event in world.events}) == 3


def test_a_failure_keeps_its_parameters_and_the_key_that_was_found(world: World) -> None:
    """CORE K-175."""
    key = world.key(state=DISABLED)
    world.refused("Encrypt", KeyId=key.id, Plaintext=b"x", EncryptionContext={"a": "b"})
    event = world.events[-1]

    assert (event.outcome, event.error_code) == ("failure", "DisabledException")
    assert event.error_message == f"{key.arn} is disabled."
    assert event.parameters == {
        "keyId": key.id,
        "encryptionContext": {"a": "b"},
        "encryptionAlgorithm": "SYMMETRIC_DEFAULT",
    }
    assert event.resources == (str(key.arn),)
    assert event.response is None


def test_a_key_that_is_not_found_is_no_resource(world: World) -> None:
    """CORE K-176."""
    world.refused("DescribeKey", KeyId="1234abcd-12ab-34cd-56ef-1234567890ab")

    assert world.events[-1].resources == ()


def test_a_call_of_no_operation_leaves_an_event_too(world: World) -> None:
    world.refused("NoSuchOperation", KeyId="x")
    event = world.events[-1]

    assert (event.operation, event.outcome, event.parameters) == (
        "NoSuchOperation",
        "failure",
        None,
    )


def test_a_broken_request_leaves_an_event(world: World) -> None:
    """CORE K-176."""
    world.refused("Encrypt", KeyId="", EncryptionContext={"a": "b"})
    event = world.events[-1]

    assert event.error_code == "ValidationException"
    assert event.parameters == {
        "keyId": "",
        "encryptionContext": {"a": "b"},
        "encryptionAlgorithm": "SYMMETRIC_DEFAULT",
    }


def test_members_of_a_wrong_type_are_left_out_and_the_others_kept(world: World) -> None:
    """CORE K-176: as far as it can be read."""
    world.refused("CreateAlias", AliasName="alias/a", TargetKeyId=7, Nonsense="x")
    event = world.events[-1]

    assert event.error_code == "SerializationException"
    assert event.parameters == {"aliasName": "alias/a"}


def test_parameters_of_a_refused_call_that_are_too_long_are_left_out(world: World) -> None:
    world.refused("Encrypt", KeyId="x" * MAX_PARAMETERS, Plaintext=b"x")
    assert world.events[-1].parameters is None

    world.refused("Encrypt", KeyId="x" * (MAX_PARAMETERS // 2), Plaintext=b"x")
    assert world.events[-1].parameters is not None


def test_an_error_without_a_message_leaves_none(world: World, key: Key) -> None:
    """CORE K-175."""
    world.refused("Decrypt", CiphertextBlob=b"x", KeyId=key.id)

    assert world.events[-1].error_code == "InvalidCiphertextException"
    assert world.events[-1].error_message is None


def test_a_dry_run_is_written_down_as_the_failure_that_it_is(world: World, key: Key) -> None:
    """CORE K-177."""
    world.refused("Encrypt", KeyId=key.id, Plaintext=b"x", DryRun=True)
    event = world.events[-1]

    assert (event.outcome, event.error_code) == ("failure", "DryRunOperationException")
    assert event.parameters == {
        "keyId": key.id,
        "encryptionAlgorithm": "SYMMETRIC_DEFAULT",
        "dryRun": True,
    }


# CORE K-182: what comes back into the event; all others leave nothing
def test_operations_that_change_a_key_leave_its_arn(world: World, key: Key) -> None:
    arn_of = str(key.arn)
    tags = [{"TagKey": "a", "TagValue": "b"}]
    calls: list[tuple[str, dict[str, Any]]] = [
        ("EnableKey", {}),
        ("DisableKey", {}),
        ("TagResource", {"Tags": tags}),
        ("UntagResource", {"TagKeys": ["a"]}),
        ("PutKeyPolicy", {"Policy": key.policy}),
    ]
    for operation, parameters in calls:
        assert world.do(operation, KeyId=key.id, **parameters) == {}
        assert world.events[-1].response == {"keyId": arn_of}


def test_a_scheduled_deletion_leaves_when_and_in_which_state(world: World, key: Key) -> None:
    """CORE K-182."""
    world.do("ScheduleKeyDeletion", KeyId=key.id, PendingWindowInDays=7)

    assert world.events[-1].response == {
        "keyId": str(key.arn),
        "keyState": "PendingDeletion",
        "deletionDate": "Mar 8, 2026, 8:00:00 AM",
        "pendingWindowInDays": 7,
    }
    world.do("CancelKeyDeletion", KeyId=key.id)
    assert world.events[-1].response == {"keyId": str(key.arn)}
    assert all(event.is_intact() for event in world.events)


def test_grants_leave_their_id_and_never_their_token(world: World, key: Key) -> None:
    """CORE K-182."""
    made = [
        world.do("CreateGrant", KeyId=key.id, GranteePrincipal=OTHER, Operations=["Decrypt"])
        for _ in range(2)
    ]
    assert world.events[-1].response == {"grantId": made[1]["GrantId"], "keyId": str(key.arn)}

    world.do("RetireGrant", GrantToken=made[0]["GrantToken"])
    assert world.events[-1].response == {"keyId": str(key.arn)}
    assert world.events[-1].parameters is None
    assert world.events[-1].resources == (str(key.arn),)
    world.do("RevokeGrant", KeyId=key.id, GrantId=made[1]["GrantId"])
    assert world.events[-1].response == {"keyId": str(key.arn)}


QUIET: dict[str, Callable[[Key], dict[str, Any]]] = {
    "Encrypt": lambda key: {"KeyId": key.id, "Plaintext": b"x"},
    "GenerateDataKey": lambda key: {"KeyId": key.id, "KeySpec": "AES_128"},
    "GenerateDataKeyWithoutPlaintext": lambda key: {"KeyId": key.id, "KeySpec": "AES_128"},
    "GenerateRandom": lambda _key: {"NumberOfBytes": 3},
    "DescribeKey": lambda key: {"KeyId": key.id},
    "GetKeyPolicy": lambda key: {"KeyId": key.id},
    "ListKeyPolicies": lambda key: {"KeyId": key.id},
    "ListResourceTags": lambda key: {"KeyId": key.id},
    "ListGrants": lambda key: {"KeyId": key.id},
    "ListKeys": lambda _key: {},
    "ListAliases": lambda _key: {},
}


@pytest.mark.parametrize("operation", QUIET)
def test_operations_that_only_use_or_read_leave_no_response(
    world: World, key: Key, operation: str
) -> None:
    """CORE K-182."""
    parameters = QUIET[operation](key)
    world.do(operation, **parameters)

    assert world.events[-1].response is None
    assert world.events[-1].resources == ((str(key.arn),) if "KeyId" in parameters else ())


def test_a_new_key_is_the_resource_of_its_making(world: World) -> None:
    """CORE K-182."""
    made = world.do("CreateKey", Tags=[{"TagKey": "a", "TagValue": "b"}])["KeyMetadata"]

    assert world.events[-1].resources == (made["Arn"],)


def test_a_key_that_was_not_made_is_no_resource(world: World) -> None:
    tags = [{"TagKey": "a", "TagValue": "b"}]
    world.refused("CreateKey", world.user("nobody"), Tags=tags)

    assert world.events[-1].resources == ()


def test_alias_operations_leave_alias_and_keys(world: World) -> None:
    """CORE K-182."""
    one, two = world.key(), world.key()
    alias = f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/a"

    world.do("CreateAlias", AliasName="alias/a", TargetKeyId=one.id)
    assert world.events[-1].resources == (alias, str(one.arn))
    world.do("UpdateAlias", AliasName="alias/a", TargetKeyId=two.id)
    assert world.events[-1].resources == (alias, str(one.arn), str(two.arn))
    world.do("DeleteAlias", AliasName="alias/a")
    assert world.events[-1].resources == (alias, str(two.arn))


def test_re_encryption_leaves_both_keys_source_first(world: World) -> None:
    """CORE K-182."""
    one, two = world.key(), world.key()
    blob = world.do("Encrypt", KeyId=one.id, Plaintext=b"x")["CiphertextBlob"]

    world.do("ReEncrypt", CiphertextBlob=blob, DestinationKeyId=two.id)
    assert world.events[-1].resources == (str(one.arn), str(two.arn))
    world.do("ReEncrypt", CiphertextBlob=blob, DestinationKeyId=one.id)
    assert world.events[-1].resources == (str(one.arn),)


def test_an_identifier_is_kept_as_it_was_sent_beside_the_arn_that_it_meant(
    world: World, key: Key
) -> None:
    """CORE K-168."""
    world.alias("alias/a", key)
    world.do("DescribeKey", KeyId="alias/a")

    assert world.events[-1].parameters == {"keyId": "alias/a"}
    assert world.events[-1].resources == (str(key.arn),)


def test_callers_are_named_by_their_own_arn(world: World, key: Key) -> None:
    session = world.session("worker")
    world.ask("DescribeKey", session, KeyId=key.id)
    event = world.events[-1]

    assert event.caller == f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/work"
    assert event.caller_kind == "role_session"
    assert arn(event.caller).account == event.account
