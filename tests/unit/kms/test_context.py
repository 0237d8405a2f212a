"""The condition keys of every check, captured at the gate (AUTH chapter 9)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from kms import OPERATIONS, Account, Endpoint, Key, Session
from kms.context import pairs_facts, spec_facts, via_service
from policy import Request, decide
from policy.decision import Documents
from policy.request import Values
from tests.kms_world import (
    ACCOUNT,
    ALLOW_ALL,
    DISABLED,
    ELSEWHERE,
    OTHER,
    PENDING_DELETION,
    REGION,
    ROOT,
    START,
    Json,
    RecordingGate,
    World,
    arn,
    document,
    key_statement,
    role_arn,
    user_arn,
)

Facts = dict[str, Values]

# What every call carries (AUTH J-31, J-32, J-37)
OF_THE_CALL: Facts = {
    "aws:RequestedRegion": REGION,
    "aws:SecureTransport": "true",
    "aws:ViaAWSService": "false",
}
# What every check on a symmetric key carries (AUTH J-62 to J-65)
OF_THE_KEY: Facts = {
    "kms:KeySpec": "SYMMETRIC_DEFAULT",
    "kms:CustomerMasterKeySpec": "SYMMETRIC_DEFAULT",
    "kms:KeyUsage": "ENCRYPT_DECRYPT",
    "kms:CustomerMasterKeyUsage": "ENCRYPT_DECRYPT",
    "kms:KeyOrigin": "AWS_KMS",
    "kms:MultiRegion": "false",
}
PAIRS = {"Tenant": "blue", "order": "17"}
PAIR_FACTS: Facts = {
    "kms:EncryptionContext:Tenant": "blue",
    "kms:EncryptionContext:order": "17",
    "kms:EncryptionContextKeys": ("Tenant", "order"),
}
SYMMETRIC: Facts = {"kms:EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}
OAEP = "RSAES_OAEP_SHA_256"
TAGS = [{"TagKey": "team", "TagValue": "blue"}, {"TagKey": "cost", "TagValue": "7"}]
TAG_FACTS: Facts = {
    "aws:RequestTag/team": "blue",
    "aws:RequestTag/cost": "7",
    "aws:TagKeys": ("team", "cost"),
}
NEW_KEY: Facts = OF_THE_KEY | {"kms:CallerAccount": ACCOUNT}


@dataclass(frozen=True)
class Row:
    """A request, and the exact operation-specific facts of each check that it leads to."""

    operation: str
    request: Callable[[World], Json]
    expected: tuple[Facts, ...]
    key_facts: tuple[Mapping[str, Values], ...] = (OF_THE_KEY,)
    via: str | None = None


def named(world: World, **more: Any) -> Json:
    return {"KeyId": world.key().id, **more}


def on_key(**more: Any) -> Callable[[World], Json]:
    return lambda world: named(world, **more)


def by_alias(alias_arn: bool = False, **more: Any) -> Callable[[World], Json]:
    def request(world: World) -> Json:
        alias = world.alias("alias/pay", world.key())
        return {"KeyId": str(alias.arn) if alias_arn else alias.name, **more}

    return request


ALIASED: Facts = {"kms:RequestAlias": "alias/pay"}
HAS_ALIAS: Facts = OF_THE_KEY | {"kms:ResourceAliases": ("alias/pay",)}
RSA: Facts = OF_THE_KEY | {"kms:KeySpec": "RSA_2048", "kms:CustomerMasterKeySpec": "RSA_2048"}


def rsa(**more: Any) -> Callable[[World], Json]:
    return lambda world: {"KeyId": world.key("RSA_2048").id, "EncryptionAlgorithm": OAEP, **more}


def _decrypt(world: World) -> Json:
    key = world.key()
    sealed = world.do("Encrypt", KeyId=key.id, Plaintext=b"x", EncryptionContext=PAIRS)
    return {"CiphertextBlob": sealed["CiphertextBlob"], "EncryptionContext": PAIRS}


def _decrypt_by_alias(world: World) -> Json:
    request = _decrypt(world)
    world.alias("alias/pay", next(iter(world.state.keys.values())))
    return {**request, "KeyId": "alias/pay"}


def _re_encrypt(*, same: bool = False, pairs: Mapping[str, str] | None = None) -> Any:
    def request(world: World) -> Json:
        opened = _decrypt(world)
        source = next(iter(world.state.keys.values()))
        return {
            "CiphertextBlob": opened["CiphertextBlob"],
            "SourceEncryptionContext": PAIRS,
            "DestinationKeyId": source.id if same else world.key().id,
            "DestinationEncryptionContext": dict(pairs or {}),
        }

    return request


def _re_encrypt_to_rsa_by_alias(world: World) -> Json:
    opened = _decrypt(world)
    world.alias("alias/pay", world.key("RSA_2048"))
    return {
        "CiphertextBlob": opened["CiphertextBlob"],
        "SourceEncryptionContext": PAIRS,
        "DestinationKeyId": "alias/pay",
        "DestinationEncryptionAlgorithm": OAEP,
    }


def _grant(**more: Any) -> Callable[[World], Json]:
    return on_key(GranteePrincipal=OTHER, Operations=["Decrypt", "DescribeKey"], **more)


GRANT_FACTS: Facts = {
    "kms:GrantIsForAWSResource": "false",
    "kms:GrantOperations": ("Decrypt", "DescribeKey"),
    "kms:GranteePrincipal": OTHER,
}


def _retire(**more: Any) -> Callable[[World], Json]:
    def request(world: World) -> Json:
        made = world.do("CreateGrant", **_grant(**more)(world))
        return {"GrantToken": made["GrantToken"]}

    return request


def _revoke(world: World) -> Json:
    request = _grant()(world)
    made = world.do("CreateGrant", **request)
    return {"KeyId": request["KeyId"], "GrantId": made["GrantId"]}


def _create_alias(world: World) -> Json:
    return {"AliasName": "alias/new", "TargetKeyId": world.key().id}


def _update_alias(world: World) -> Json:
    world.alias("alias/pay", world.key())
    return {"AliasName": "alias/pay", "TargetKeyId": world.key().id}


def _delete_alias(world: World) -> Json:
    world.alias("alias/pay", world.key())
    return {"AliasName": "alias/pay"}


POLICY = document(key_statement(principal=ROOT))
NOTHING: Facts = {}

ROWS: dict[str, Row] = {
    # AUTH K-1, K-14, K-17, K-27, K-34, K-37: nothing of their own
    "K-1 CancelKeyDeletion": Row(
        "CancelKeyDeletion", lambda w: {"KeyId": w.key(state=PENDING_DELETION).id}, (NOTHING,)
    ),
    "K-14 DisableKey": Row("DisableKey", on_key(), (NOTHING,)),
    "K-17 EnableKey": Row("EnableKey", lambda w: {"KeyId": w.key(state=DISABLED).id}, (NOTHING,)),
    "K-27 GetKeyPolicy": Row("GetKeyPolicy", on_key(), (NOTHING,)),
    "K-34 ListKeyPolicies": Row("ListKeyPolicies", on_key(), (NOTHING,)),
    "K-37 ListResourceTags": Row("ListResourceTags", on_key(), (NOTHING,)),
    # Aliases (K-3, K-8, K-49, J-69): the alias half has nothing of the key
    "K-3 CreateAlias": Row("CreateAlias", _create_alias, (NOTHING, NOTHING), ({}, OF_THE_KEY)),
    "K-8 DeleteAlias": Row("DeleteAlias", _delete_alias, (NOTHING, NOTHING), ({}, HAS_ALIAS)),
    "K-49 UpdateAlias": Row(
        "UpdateAlias", _update_alias, (NOTHING,) * 3, ({}, HAS_ALIAS, OF_THE_KEY)
    ),
    # `*` (J-102)
    "K-25 GenerateRandom": Row(
        "GenerateRandom", lambda _w: {"NumberOfBytes": 3}, (NOTHING,), ({},)
    ),
    "K-32 ListAliases": Row("ListAliases", lambda _w: {}, (NOTHING,), ({},)),
    "K-36 ListKeys": Row("ListKeys", lambda _w: {}, (NOTHING,), ({},)),
    # DescribeKey (K-13, J-73)
    "K-13 DescribeKey by id": Row("DescribeKey", on_key(), (NOTHING,)),
    "J-73 DescribeKey by alias": Row("DescribeKey", by_alias(), (ALIASED,), (HAS_ALIAS,)),
    "J-73 DescribeKey by alias ARN": Row(
        "DescribeKey", by_alias(alias_arn=True), (ALIASED,), (HAS_ALIAS,)
    ),
    # Encryption (K-7, K-19, K-40)
    "J-70 Encrypt": Row("Encrypt", on_key(Plaintext=b"x"), (SYMMETRIC,)),
    "J-71 Encrypt with a context": Row(
        "Encrypt", on_key(Plaintext=b"x", EncryptionContext=PAIRS), (SYMMETRIC | PAIR_FACTS,)
    ),
    "J-72 Encrypt with an empty context": Row(
        "Encrypt", on_key(Plaintext=b"x", EncryptionContext={}), (SYMMETRIC,)
    ),
    "J-73 Encrypt by alias": Row(
        "Encrypt", by_alias(Plaintext=b"x"), (SYMMETRIC | ALIASED,), (HAS_ALIAS,)
    ),
    "J-70 Encrypt with RSA": Row(
        "Encrypt", rsa(Plaintext=b"x"), ({"kms:EncryptionAlgorithm": OAEP},), (RSA,)
    ),
    "J-71 no context of an RSA key": Row(
        "Encrypt",
        rsa(Plaintext=b"x", EncryptionContext=PAIRS),
        ({"kms:EncryptionAlgorithm": OAEP},),
        (RSA,),
    ),
    "J-73 Decrypt without a KeyId": Row("Decrypt", _decrypt, (SYMMETRIC | PAIR_FACTS,)),
    "J-73 Decrypt by alias": Row(
        "Decrypt", _decrypt_by_alias, (SYMMETRIC | PAIR_FACTS | ALIASED,), (HAS_ALIAS,)
    ),
    "J-84 ReEncrypt": Row(
        "ReEncrypt",
        _re_encrypt(pairs={"stage": "two"}),
        (
            SYMMETRIC | PAIR_FACTS | {"kms:ReEncryptOnSameKey": "false"},
            SYMMETRIC
            | {
                "kms:ReEncryptOnSameKey": "false",
                "kms:EncryptionContext:stage": "two",
                "kms:EncryptionContextKeys": ("stage",),
            },
        ),
        (OF_THE_KEY, OF_THE_KEY),
    ),
    "J-84 ReEncrypt on the same key": Row(
        "ReEncrypt",
        _re_encrypt(same=True),
        (
            SYMMETRIC | PAIR_FACTS | {"kms:ReEncryptOnSameKey": "true"},
            SYMMETRIC | {"kms:ReEncryptOnSameKey": "true"},
        ),
        (OF_THE_KEY, OF_THE_KEY),
    ),
    "J-70 ReEncrypt to RSA by alias": Row(
        "ReEncrypt",
        _re_encrypt_to_rsa_by_alias,
        (
            SYMMETRIC | PAIR_FACTS | {"kms:ReEncryptOnSameKey": "false"},
            ALIASED | {"kms:EncryptionAlgorithm": OAEP, "kms:ReEncryptOnSameKey": "false"},
        ),
        (OF_THE_KEY, RSA | {"kms:ResourceAliases": ("alias/pay",)}),
    ),
    # Data keys (K-20, K-23)
    "K-20 GenerateDataKey": Row(
        "GenerateDataKey",
        on_key(KeySpec="AES_256", EncryptionContext=PAIRS),
        (SYMMETRIC | PAIR_FACTS,),
    ),
    "K-23 GenerateDataKeyWithoutPlaintext by alias": Row(
        "GenerateDataKeyWithoutPlaintext",
        by_alias(NumberOfBytes=3),
        (SYMMETRIC | ALIASED,),
        (HAS_ALIAS,),
    ),
    # Keys and tags (K-6, K-47, K-48, J-53, J-54, J-99, J-102)
    "J-99 CreateKey with all its defaults": Row("CreateKey", lambda _w: {}, (NEW_KEY,), ({},)),
    "J-102 CreateKey": Row(
        "CreateKey",
        lambda _w: {
            "KeySpec": "ECC_NIST_P256",
            "KeyUsage": "KEY_AGREEMENT",
            "Origin": "EXTERNAL",
            "MultiRegion": True,
            "Tags": TAGS,
            "BypassPolicyLockoutSafetyCheck": False,
        },
        (
            {
                "kms:KeySpec": "ECC_NIST_P256",
                "kms:CustomerMasterKeySpec": "ECC_NIST_P256",
                "kms:KeyUsage": "KEY_AGREEMENT",
                "kms:CustomerMasterKeyUsage": "KEY_AGREEMENT",
                "kms:KeyOrigin": "EXTERNAL",
                "kms:MultiRegion": "true",
                "kms:MultiRegionKeyType": "PRIMARY",
                "kms:CallerAccount": ACCOUNT,
                "kms:BypassPolicyLockoutSafetyCheck": "false",
            }
            | TAG_FACTS,
        )
        * 2,
        ({}, {}),
    ),
    "J-62 CreateKey by the old name": Row(
        "CreateKey",
        lambda _w: {"CustomerMasterKeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"},
        (
            NEW_KEY
            | {
                "kms:KeySpec": "HMAC_256",
                "kms:CustomerMasterKeySpec": "HMAC_256",
                "kms:KeyUsage": "GENERATE_VERIFY_MAC",
                "kms:CustomerMasterKeyUsage": "GENERATE_VERIFY_MAC",
            },
        ),
        ({},),
    ),
    "J-53 TagResource": Row("TagResource", on_key(Tags=TAGS), (TAG_FACTS,)),
    "J-54 TagResource without tags": Row("TagResource", on_key(Tags=[]), (NOTHING,)),
    "J-54 UntagResource": Row(
        "UntagResource", on_key(TagKeys=["team", "x"]), ({"aws:TagKeys": ("team", "x")},)
    ),
    # Policies and deletion (K-39, K-45, J-86, J-88)
    "J-88 PutKeyPolicy": Row("PutKeyPolicy", on_key(Policy=POLICY), (NOTHING,)),
    "J-88 PutKeyPolicy with the flag": Row(
        "PutKeyPolicy",
        on_key(Policy=POLICY, BypassPolicyLockoutSafetyCheck=True),
        ({"kms:BypassPolicyLockoutSafetyCheck": "true"},),
    ),
    "J-88 PutKeyPolicy without the flag": Row(
        "PutKeyPolicy",
        on_key(Policy=POLICY, BypassPolicyLockoutSafetyCheck=False),
        ({"kms:BypassPolicyLockoutSafetyCheck": "false"},),
    ),
    "J-86 ScheduleKeyDeletion": Row(
        "ScheduleKeyDeletion",
        on_key(PendingWindowInDays=7),
        ({"kms:ScheduleKeyDeletionPendingWindowInDays": "7"},),
    ),
    "J-99 ScheduleKeyDeletion by default": Row("ScheduleKeyDeletion", on_key(), (NOTHING,)),
    # Grants (K-5, K-33, K-42, K-43, J-89 to J-95)
    "J-92 CreateGrant": Row("CreateGrant", _grant(), (GRANT_FACTS,)),
    "J-94 CreateGrant with a retiring principal": Row(
        "CreateGrant",
        _grant(RetiringPrincipal=ROOT),
        (GRANT_FACTS | {"kms:RetiringPrincipal": ROOT},),
    ),
    "J-89 CreateGrant with a subset": Row(
        "CreateGrant",
        _grant(Constraints={"EncryptionContextSubset": PAIRS}),
        (GRANT_FACTS | PAIR_FACTS | {"kms:GrantConstraintType": "EncryptionContextSubset"},),
    ),
    "J-89 CreateGrant with a whole context": Row(
        "CreateGrant",
        _grant(Constraints={"EncryptionContextEquals": PAIRS}),
        (GRANT_FACTS | PAIR_FACTS | {"kms:GrantConstraintType": "EncryptionContextEquals"},),
    ),
    "J-90 CreateGrant with a source": Row(
        "CreateGrant",
        _grant(Constraints={"SourceArn": "arn:aws:ec2:eu-west-1:111122223333:instance/i-1"}),
        (
            GRANT_FACTS
            | {"kms:GrantConstraintSourceArn": "arn:aws:ec2:eu-west-1:111122223333:instance/i-1"},
        ),
    ),
    "J-91 CreateGrant by a service for its user": Row(
        "CreateGrant",
        _grant(),
        (
            GRANT_FACTS
            | {
                "kms:GrantIsForAWSResource": "true",
                "kms:ViaService": f"s3.{REGION}.amazonaws.com",
                "aws:CalledVia": ("s3.amazonaws.com",),
                "aws:CalledViaFirst": "s3.amazonaws.com",
                "aws:CalledViaLast": "s3.amazonaws.com",
            },
        ),
        (OF_THE_KEY,),
        "s3",
    ),
    "J-91 ListGrants": Row("ListGrants", on_key(), ({"kms:GrantIsForAWSResource": "false"},)),
    "J-91 RevokeGrant": Row("RevokeGrant", _revoke, ({"kms:GrantIsForAWSResource": "false"},)),
    "J-102 RetireGrant": Row("RetireGrant", _retire(), (NOTHING,)),
    "J-89 RetireGrant of a constrained grant": Row(
        "RetireGrant",
        _retire(Constraints={"EncryptionContextSubset": PAIRS}),
        (PAIR_FACTS | {"kms:GrantConstraintType": "EncryptionContextSubset"},),
    ),
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_a_check_carries_exactly_the_keys_of_its_operation(
    watched: World, gate: RecordingGate, row: Row
) -> None:
    """AUTH J-60 to J-102 and section 10."""
    parameters = row.request(watched)
    gate.requests.clear()

    watched.ask(row.operation, via=row.via, **parameters)

    call = dict(OF_THE_CALL) | {"aws:ViaAWSService": "true" if row.via else "false"}
    asked = gate.requests[: len(OPERATIONS[row.operation].checks)]
    assert len(asked) == len(row.expected)
    for request, expected, of_key in zip(asked, row.expected, row.key_facts, strict=True):
        known = {**call, **of_key}
        own = {name: value for name, value in request.context.items() if name not in known}
        assert own == expected
        assert {name: request.context[name] for name in known} == known


def test_every_operation_has_a_row() -> None:
    assert {row.operation for row in ROWS.values()} == set(OPERATIONS)


# What describes the key


def asked(world: World, gate: RecordingGate, operation: str, **more: Any) -> Request:
    gate.requests.clear()
    world.ask(operation, **more)
    return gate.requests[0]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, {"kms:MultiRegion": "false"}),
        ({"multi_region": True}, {"kms:MultiRegion": "true", "kms:MultiRegionKeyType": "PRIMARY"}),
        (
            {"tags": (("Team", "x"), ("b", ""))},
            {"aws:ResourceTag/Team": "x", "aws:ResourceTag/b": ""},
        ),
        ({"spec": "HMAC_512"}, {"kms:KeySpec": "HMAC_512", "kms:KeyUsage": "GENERATE_VERIFY_MAC"}),
    ],
)
def test_a_key_is_described_by_its_kind_and_its_tags(
    watched: World, gate: RecordingGate, more: dict[str, Any], expected: Facts
) -> None:
    """AUTH J-52, J-62 to J-66."""
    key = watched.key(**more)
    context = asked(watched, gate, "DescribeKey", KeyId=key.id).context

    assert {name: context.get(name) for name in expected} == expected
    assert ("kms:MultiRegionKeyType" in context) is key.multi_region


def test_a_key_carries_all_its_aliases(watched: World, gate: RecordingGate, key: Key) -> None:
    """AUTH J-67."""
    key = watched.key()
    assert "kms:ResourceAliases" not in asked(watched, gate, "DescribeKey", KeyId=key.id).context
    for name in ("alias/b", "alias/a"):
        watched.alias(name, key)

    context = asked(watched, gate, "DescribeKey", KeyId=key.id).context

    assert context["kms:ResourceAliases"] == ("alias/a", "alias/b")
    assert "kms:RequestAlias" not in context


def test_tags_count_as_they_were_before_the_call(watched: World, gate: RecordingGate) -> None:
    """AUTH J-56."""
    key = watched.key(tags=(("team", "old"),))
    context = asked(watched, gate, "TagResource", KeyId=key.id, Tags=TAGS).context

    assert context["aws:ResourceTag/team"] == "old"
    assert context["aws:RequestTag/team"] == "blue"
    assert "aws:ResourceTag/cost" not in context


# What describes the call


def completed(request: Request) -> Request:
    """Return the request as every layer sees it."""
    return decide(request, Documents()).request


def test_facts_of_the_caller_are_filled_in(watched: World, gate: RecordingGate) -> None:
    """AUTH J-10 to J-19."""
    request = completed(asked(watched, gate, "DescribeKey", KeyId=watched.key().id))

    assert request.context["aws:PrincipalArn"] == user_arn("admin")
    assert request.context["aws:username"] == "admin"
    assert request.context["aws:PrincipalAccount"] == ACCOUNT
    assert request.context["aws:PrincipalType"] == "User"
    assert request.context["aws:ResourceAccount"] == ACCOUNT
    assert request.context["kms:CallerAccount"] == ACCOUNT
    assert request.context["aws:CurrentTime"] == START.strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize("operation", ["ListKeys", "ListAliases", "GenerateRandom"])
def test_the_callers_account_is_no_key_of_plain_listings(
    watched: World, gate: RecordingGate, operation: str
) -> None:
    """AUTH J-60."""
    request = completed(asked(watched, gate, operation, NumberOfBytes=1))

    assert "kms:CallerAccount" not in request.context


def test_alias_halves_carry_the_callers_account(watched: World, gate: RecordingGate) -> None:
    """AUTH J-69."""
    parameters = _create_alias(watched)
    request = completed(asked(watched, gate, "CreateAlias", **parameters))

    assert str(request.resource).endswith(":alias/new")
    assert request.context["kms:CallerAccount"] == ACCOUNT
    assert "kms:KeySpec" not in request.context


def test_the_region_is_that_of_the_endpoint(watched: World, gate: RecordingGate) -> None:
    """AUTH J-32."""
    context = asked(watched, gate, "ListKeys", region=ELSEWHERE).context

    assert context["aws:RequestedRegion"] == ELSEWHERE


@pytest.mark.parametrize(
    ("via", "service", "called"),
    [
        ("s3", f"s3.{REGION}.amazonaws.com", "s3.amazonaws.com"),
        ("s3.amazonaws.com", f"s3.{REGION}.amazonaws.com", "s3.amazonaws.com"),
        ("ebs", f"ec2.{REGION}.amazonaws.com", "ec2.amazonaws.com"),
        ("dynamodb.us-west-2", "dynamodb.us-west-2.amazonaws.com", "dynamodb.amazonaws.com"),
        ("rds.us-west-2.amazonaws.com", "rds.us-west-2.amazonaws.com", "rds.amazonaws.com"),
    ],
)
def test_a_service_that_calls_for_its_user_is_named(
    watched: World, gate: RecordingGate, via: str, service: str, called: str
) -> None:
    """AUTH J-37, J-38, J-41, J-61."""
    key = watched.key()
    context = asked(watched, gate, "Encrypt", KeyId=key.id, Plaintext=b"x", via=via).context

    assert context["kms:ViaService"] == service
    assert via_service(watched.request("Encrypt", via=via)) == service
    assert context["aws:ViaAWSService"] == "true"
    assert context["aws:CalledVia"] == (called,)
    assert (context["aws:CalledViaFirst"], context["aws:CalledViaLast"]) == (called, called)


@pytest.mark.parametrize(
    ("operation", "named"),
    [("CreateKey", True), ("ListKeys", False), ("ListAliases", False), ("GenerateRandom", False)],
)
def test_without_a_key_only_a_new_one_is_asked_for_via_a_service(
    watched: World, gate: RecordingGate, operation: str, named: bool
) -> None:
    """AUTH J-61."""
    context = asked(watched, gate, operation, via="s3", NumberOfBytes=3).context

    assert ("kms:ViaService" in context) is named
    assert context["aws:ViaAWSService"] == "true"


def test_a_direct_call_is_via_no_service(watched: World, gate: RecordingGate) -> None:
    """AUTH J-37, J-61."""
    context = asked(watched, gate, "DescribeKey", KeyId=watched.key().id).context

    assert not {"kms:ViaService", "aws:CalledVia", "aws:CalledViaFirst"} & set(context)


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        (Endpoint("vpce-1", OTHER, "vpc-1"), {"aws:VpceAccount": OTHER, "aws:SourceVpc": "vpc-1"}),
        (Endpoint("vpce-1", OTHER), {"aws:VpceAccount": OTHER}),
        (Endpoint("vpce-2", OTHER, "vpc-2"), {}),
    ],
)
def test_a_call_through_an_endpoint_tells_what_is_known_of_it(
    watched: World, gate: RecordingGate, endpoint: Endpoint, expected: Facts
) -> None:
    """AUTH J-35, J-36."""
    watched.direct(lambda directory: directory.with_endpoint(endpoint))
    context = asked(watched, gate, "ListKeys", endpoint="vpce-1").context

    found = {name: value for name, value in context.items() if "pc" in name}
    assert found == {"aws:SourceVpce": "vpce-1"} | expected


def test_the_organization_of_the_keys_account_is_told(watched: World, gate: RecordingGate) -> None:
    """AUTH J-50, J-51."""
    account = Account(OTHER, organization="o-b", path="o-b/r-b/")
    watched.direct(lambda directory: directory.with_account(account))
    key = watched.key(account=OTHER)
    context = asked(watched, gate, "DescribeKey", KeyId=str(key.arn)).context

    assert context["aws:ResourceOrgID"] == "o-b"
    assert context["aws:ResourceOrgPaths"] == ("o-b/r-b/",)
    assert "aws:PrincipalOrgID" not in context


# What the surface says (AUTH J-1)


def test_the_surface_adds_facts_that_only_it_knows(watched: World, gate: RecordingGate) -> None:
    facts: Facts = {
        "aws:SourceIp": "198.51.100.7",
        "aws:UserAgent": "curl",
        "aws:SecureTransport": "false",
        "aws:MultiFactorAuthPresent": "true",
    }
    context = asked(watched, gate, "ListKeys", facts=facts).context

    assert {name: context[name] for name in facts} == facts


def test_the_surface_may_spell_its_facts_as_it_likes(watched: World, gate: RecordingGate) -> None:
    context = asked(watched, gate, "ListKeys", facts={"AWS:securetransport": "false"}).context

    assert context["aws:SecureTransport"] == "false"


DERIVED = {
    "aws:RequestedRegion": REGION,
    "aws:PrincipalArn": role_arn("worker"),
    "aws:PrincipalAccount": ACCOUNT,
    "aws:PrincipalTag/team": "blue",
    "aws:MultiFactorAuthPresent": "false",
    "aws:ViaAWSService": "false",
    "aws:ResourceAccount": ACCOUNT,
    "aws:ResourceTag/stage": "live",
    "kms:CallerAccount": ACCOUNT,
    "kms:KeySpec": "SYMMETRIC_DEFAULT",
    "kms:EncryptionAlgorithm": "SYMMETRIC_DEFAULT",
    "kms:EncryptionContext:tenant": "blue",
}


@pytest.mark.parametrize("spell", [str, str.upper, str.lower, str.swapcase])
@pytest.mark.parametrize("name", DERIVED)
def test_the_surface_cannot_change_what_follows_from_the_call(
    watched: World, gate: RecordingGate, name: str, spell: Callable[[str], str]
) -> None:
    """AUTH J-1: also not by another spelling, which a policy may use."""
    watched.session("worker", ALLOW_ALL, tags={"team": "blue"})
    session_arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/work"
    session = Session(
        arn(session_arn),
        arn(role_arn("worker")),
        facts={"aws:MultiFactorAuthPresent": "false"},
    )
    watched.direct(lambda directory: directory.with_session(session))
    key = watched.key(tags=(("stage", "live"),))

    reply = watched.ask(
        "Encrypt",
        watched.caller(session_arn),
        KeyId=key.id,
        Plaintext=b"x",
        EncryptionContext={"tenant": "blue"},
        facts={spell(name): "forged"},
    )

    assert reply.error is None
    context = completed(gate.requests[-1]).context
    assert context[name] == DERIVED[name]
    assert context[name.lower()] == DERIVED[name]
    assert context[name.upper()] == DERIVED[name]


# Small parts


def test_pairs_keep_the_spelling_of_their_names() -> None:
    """AUTH J-100."""
    assert pairs_facts({"A": "1", "a": "2"}) == {
        "kms:EncryptionContext:A": "1",
        "kms:EncryptionContext:a": "2",
        "kms:EncryptionContextKeys": ("A", "a"),
    }
    assert pairs_facts({}) == pairs_facts(None) == {}


def test_a_kind_of_key_is_told_under_both_names() -> None:
    """AUTH J-62, J-63."""
    facts = spec_facts("RSA_2048", "SIGN_VERIFY", "EXTERNAL", multi_region=False)

    assert facts["kms:KeySpec"] == facts["kms:CustomerMasterKeySpec"] == "RSA_2048"
    assert facts["kms:KeyUsage"] == facts["kms:CustomerMasterKeyUsage"] == "SIGN_VERIFY"
    assert facts["kms:KeyOrigin"] == "EXTERNAL"
