"""The condition keys of every check, captured at the gate (AUTH chapter 9)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest

from kms import QUESTIONS, Account, Endpoint, Key, Session
from kms.condition_keys import ROWS as TABLE
from kms.condition_keys import Asked, kind_facts, pairs_facts, via_service
from kms.context import GIVEN, can_be_given, context_of
from kms.directory import ANONYMOUS, service_principal
from policy import Context, Principal, Request
from policy.reference import completed
from policy.request import Values
from policy.vocabulary import ACTIONS, CONDITION_KEYS
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


@dataclass(frozen=True)
class Row:
    """A request, and the exact operation-specific facts of each check that it leads to."""

    operation: str
    request: Callable[[World], Json]
    expected: tuple[Facts, ...]
    key_facts: tuple[Mapping[str, Values], ...] = (OF_THE_KEY,)
    via: str | None = None
    said: Mapping[str, Values] | None = None


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
IDLE: Facts = {"kms:TrailingDaysWithoutKeyUsage": "0"}

# Operations that the core cannot execute yet, asked as decisions


def _mac(**more: Any) -> Callable[[World], Json]:
    return on_key(MacAlgorithm="HMAC_SHA_256", Message=b"x", **more)


def _sign(**more: Any) -> Callable[[World], Json]:
    return on_key(SigningAlgorithm="ECDSA_SHA_256", Message=b"x", **more)


SIGNING: Facts = {"kms:SigningAlgorithm": "ECDSA_SHA_256", "kms:MessageType": "RAW"}
DATA_KEY_PAIR: Facts = SYMMETRIC | {"kms:DataKeyPairSpec": "ECC_NIST_P256"}
AGREEMENT: Facts = {"kms:KeyAgreementAlgorithm": "ECDH"}
PCRS: Facts = {
    "kms:RecipientAttestation:ImageSha384": "ab" * 48,
    "kms:RecipientAttestation:PCR3": "cd" * 48,
    "kms:recipientattestation:NitroTPMPCR7": "ef" * 48,
}
ENCLAVE: Json = {"Recipient": {"AttestationDocument": b"x"}}
PRIMARY: Facts = OF_THE_KEY | {"kms:MultiRegion": "true", "kms:MultiRegionKeyType": "PRIMARY"}
REPLICA: Facts = PRIMARY | {"kms:MultiRegionKeyType": "REPLICA"}
THERE: Facts = {"aws:RequestedRegion": ELSEWHERE}


def _multi_region(**more: Any) -> Callable[[World], Json]:
    return lambda world: {"KeyId": world.key(multi_region=True).id, **more}


def _with_replica(world: World) -> Json:
    key = world.key(multi_region=True)
    world.put(replace(key, arn=replace(key.arn, region=ELSEWHERE), tags=(("stage", "two"),)))
    return {"KeyId": key.id, "PrimaryRegion": ELSEWHERE}


MORE: dict[str, Row] = {
    **{
        f"{name} has nothing of its own": Row(name, on_key(), (NOTHING,))
        for name in (
            "DeleteImportedKeyMaterial",
            "DisableKeyRotation",
            "GetKeyLastUsage",
            "GetKeyRotationStatus",
            "ListKeyRotations",
            "RotateKeyOnDemand",
            "UpdateKeyDescription",
        )
    },
    **{
        f"J-102 {name} is about no key": Row(name, lambda _w: {}, (NOTHING,), ({},))
        for name in (
            "ConnectCustomKeyStore",
            "CreateCustomKeyStore",
            "DeleteCustomKeyStore",
            "DescribeCustomKeyStores",
            "DisconnectCustomKeyStore",
            "ListRetirableGrants",
            "UpdateCustomKeyStore",
        )
    },
    "K-30 GetPublicKey": Row("GetPublicKey", on_key(), (NOTHING,)),
    "J-73 GetPublicKey by alias": Row("GetPublicKey", by_alias(), (ALIASED,), (HAS_ALIAS,)),
    "J-74 GenerateDataKeyPair": Row(
        "GenerateDataKeyPair",
        on_key(KeyPairSpec="ECC_NIST_P256", EncryptionContext=PAIRS),
        (DATA_KEY_PAIR | PAIR_FACTS,),
    ),
    "J-74 GenerateDataKeyPairWithoutPlaintext by alias": Row(
        "GenerateDataKeyPairWithoutPlaintext",
        by_alias(KeyPairSpec="ECC_NIST_P256"),
        (DATA_KEY_PAIR | ALIASED,),
        (HAS_ALIAS,),
    ),
    "J-74 GenerateDataKeyPair without a spec": Row("GenerateDataKeyPair", on_key(), (SYMMETRIC,)),
    "J-75 DeriveSharedSecret": Row(
        "DeriveSharedSecret", on_key(KeyAgreementAlgorithm="ECDH", PublicKey=b"x"), (AGREEMENT,)
    ),
    "J-73 DeriveSharedSecret by alias": Row(
        "DeriveSharedSecret",
        by_alias(KeyAgreementAlgorithm="ECDH"),
        (AGREEMENT | ALIASED,),
        (HAS_ALIAS,),
    ),
    "J-76 GenerateMac": Row("GenerateMac", _mac(), ({"kms:MacAlgorithm": "HMAC_SHA_256"},)),
    "J-76 VerifyMac": Row("VerifyMac", _mac(), ({"kms:MacAlgorithm": "HMAC_SHA_256"},)),
    "J-73 GenerateMac by alias": Row("GenerateMac", by_alias(), (ALIASED,), (HAS_ALIAS,)),
    "J-73 VerifyMac by alias": Row("VerifyMac", by_alias(), (ALIASED,), (HAS_ALIAS,)),
    "J-78 Sign by default": Row("Sign", _sign(), (SIGNING,)),
    "J-78 Sign a digest": Row(
        "Sign", _sign(MessageType="DIGEST"), (SIGNING | {"kms:MessageType": "DIGEST"},)
    ),
    "J-77 Verify": Row("Verify", _sign(Signature=b"x"), (SIGNING,)),
    "J-73 Sign by alias": Row(
        "Sign", by_alias(), (ALIASED | {"kms:MessageType": "RAW"},), (HAS_ALIAS,)
    ),
    "J-73 Verify by alias": Row(
        "Verify", by_alias(), (ALIASED | {"kms:MessageType": "RAW"},), (HAS_ALIAS,)
    ),
    "J-73 Encapsulate by alias": Row("Encapsulate", by_alias(), (ALIASED,), (HAS_ALIAS,)),
    "J-73 Decapsulate by alias": Row("Decapsulate", by_alias(), (ALIASED,), (HAS_ALIAS,)),
    "J-79 GetParametersForImport": Row(
        "GetParametersForImport",
        on_key(WrappingAlgorithm="RSAES_OAEP_SHA_256", WrappingKeySpec="RSA_4096"),
        ({"kms:WrappingAlgorithm": "RSAES_OAEP_SHA_256", "kms:WrappingKeySpec": "RSA_4096"},),
    ),
    "J-80 ImportKeyMaterial": Row(
        "ImportKeyMaterial",
        on_key(ExpirationModel="KEY_MATERIAL_EXPIRES", ValidTo=START),
        (
            {
                "kms:ExpirationModel": "KEY_MATERIAL_EXPIRES",
                "kms:ValidTo": str(int(START.timestamp())),
            },
        ),
    ),
    "J-99 ImportKeyMaterial by default": Row("ImportKeyMaterial", on_key(), (NOTHING,)),
    "J-85 EnableKeyRotation": Row(
        "EnableKeyRotation",
        on_key(RotationPeriodInDays=180),
        ({"kms:RotationPeriodInDays": "180"},),
    ),
    "J-99 EnableKeyRotation by default": Row("EnableKeyRotation", on_key(), (NOTHING,)),
    # AUTH K-67: the second question is about another Region, and about the key that is to be
    "J-83 ReplicateKey": Row(
        "ReplicateKey",
        _multi_region(ReplicaRegion=ELSEWHERE, BypassPolicyLockoutSafetyCheck=True),
        ({"kms:ReplicaRegion": ELSEWHERE}, NOTHING),
        (PRIMARY, REPLICA | THERE),
    ),
    "J-53 ReplicateKey with tags": Row(
        "ReplicateKey",
        _multi_region(ReplicaRegion=ELSEWHERE, Tags=TAGS),
        ({"kms:ReplicaRegion": ELSEWHERE}, TAG_FACTS, TAG_FACTS),
        (PRIMARY, REPLICA | THERE, REPLICA | THERE),
    ),
    # AUTH K-68: both keys, each in its Region
    "J-82 UpdatePrimaryRegion": Row(
        "UpdatePrimaryRegion",
        _with_replica,
        ({"kms:PrimaryRegion": ELSEWHERE},) * 2,
        (PRIMARY, PRIMARY | THERE | {"aws:ResourceTag/stage": "two"}),
    ),
    "J-82 UpdatePrimaryRegion without a replica": Row(
        "UpdatePrimaryRegion",
        _multi_region(PrimaryRegion=ELSEWHERE),
        ({"kms:PrimaryRegion": ELSEWHERE},),
        (PRIMARY,),
    ),
    # J-95: the service model knows the members, the core does not make such grants
    "J-95 CreateGrant for a service": Row(
        "CreateGrant",
        on_key(
            GranteeServicePrincipal="logs.amazonaws.com",
            RetiringServicePrincipal="rds.amazonaws.com",
        ),
        (
            {
                "kms:GrantIsForAWSResource": "false",
                "kms:GranteeServicePrincipal": "logs.amazonaws.com",
                "kms:RetiringServicePrincipal": "rds.amazonaws.com",
            },
        ),
    ),
    "J-93 CreateGrant with a service for a grantee": Row(
        "CreateGrant",
        on_key(GranteePrincipal="logs.amazonaws.com"),
        ({"kms:GrantIsForAWSResource": "false"},),
    ),
    "J-101 CreateGrant for an account id": Row(
        "CreateGrant",
        on_key(GranteePrincipal=OTHER),
        ({"kms:GrantIsForAWSResource": "false", "kms:GranteePrincipal": OTHER},),
    ),
    # J-96 to J-98: digests count where the request has a document to have them from
    "J-96 Decrypt in an enclave": Row("Decrypt", on_key(**ENCLAVE), (SYMMETRIC | PCRS,), said=PCRS),
    "J-96 GenerateDataKey in an enclave": Row(
        "GenerateDataKey", on_key(**ENCLAVE), (SYMMETRIC | PCRS,), said=PCRS
    ),
    "J-96 GenerateDataKeyPair in an enclave": Row(
        "GenerateDataKeyPair", on_key(**ENCLAVE), (SYMMETRIC | PCRS,), said=PCRS
    ),
    "J-96 DeriveSharedSecret in an enclave": Row(
        "DeriveSharedSecret", on_key(**ENCLAVE), (PCRS,), said=PCRS
    ),
    "J-96 GenerateRandom in an enclave": Row(
        "GenerateRandom", lambda _w: dict(ENCLAVE), (PCRS,), ({},), said=PCRS
    ),
    "J-96 Decrypt without a document": Row("Decrypt", on_key(), (SYMMETRIC,), said=PCRS),
    "J-96 Encrypt knows no recipient": Row("Encrypt", on_key(**ENCLAVE), (SYMMETRIC,), said=PCRS),
}

ROWS: dict[str, Row] = {
    # AUTH K-1, K-14, K-17, K-27, K-34, K-37: nothing of their own
    "K-1 CancelKeyDeletion": Row(
        "CancelKeyDeletion", lambda w: {"KeyId": w.key(state=PENDING_DELETION).id}, (NOTHING,)
    ),
    "K-14 DisableKey": Row("DisableKey", on_key(), (IDLE,)),
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
    "J-99 CreateKey with all its defaults": Row("CreateKey", lambda _w: {}, (NOTHING,)),
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
            OF_THE_KEY
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
        (IDLE | {"kms:ScheduleKeyDeletionPendingWindowInDays": "7"},),
    ),
    "J-99 ScheduleKeyDeletion by default": Row("ScheduleKeyDeletion", on_key(), (IDLE,)),
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
    # J-102: what kind of key it is does not matter
    "J-102 RetireGrant": Row("RetireGrant", _retire(), (NOTHING,), ({},)),
    "J-89 RetireGrant of a constrained grant": Row(
        "RetireGrant",
        _retire(Constraints={"EncryptionContextSubset": PAIRS}),
        (PAIR_FACTS | {"kms:GrantConstraintType": "EncryptionContextSubset"},),
        ({},),
    ),
    **MORE,
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_a_check_carries_exactly_the_keys_of_its_operation(
    watched: World, gate: RecordingGate, row: Row
) -> None:
    """AUTH J-60 to J-102 and section 10."""
    parameters = row.request(watched)
    gate.requests.clear()

    watched.decide(row.operation, via=row.via, facts=row.said, **parameters)

    call = dict(OF_THE_CALL) | {"aws:ViaAWSService": "true" if row.via else "false"}
    for request, expected, of_key in zip(gate.requests, row.expected, row.key_facts, strict=True):
        known = {**call, **of_key}
        own = {name: value for name, value in request.context.items() if name not in known}
        assert own == expected
        assert {name: request.context[name] for name in known} == known


def test_every_operation_has_a_row() -> None:
    assert {row.operation for row in ROWS.values()} == set(QUESTIONS)


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
    assert via_service(via, REGION) == service
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
        (
            Endpoint("vpce-1", OTHER, "vpc-1"),
            {
                "aws:VpceAccount": OTHER,
                "aws:SourceVpc": "vpc-1",
                "aws:SourceVpcArn": f"arn:aws:ec2:{REGION}:{OTHER}:vpc/vpc-1",
            },
        ),
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


@pytest.mark.parametrize(
    "name",
    [
        "kms:ViaService", "aws:CalledViaFirst", "aws:CalledViaLast", "aws:PrincipalTag/team",
        "aws:PrincipalOrgID", "aws:ResourceTag/stage", "aws:RequestTag/team", "aws:TagKeys",
        "kms:ResourceAliases", "kms:RequestAlias", "kms:EncryptionContext:tenant",
        "kms:EncryptionContext:", "KMS:encryptioncontextkeys", "kms:MultiRegionKeyType",
        "kms:GrantIsForAWSResource", "kms:TrailingDaysWithoutKeyUsage", "aws:PrincipalServiceName",
    ],
)  # fmt: skip
def test_the_surface_cannot_add_what_would_follow_from_the_call(
    watched: World, gate: RecordingGate, name: str
) -> None:
    """AUTH J-1: what does not follow from the call is absent."""
    key = watched.key()
    request = asked(watched, gate, "Encrypt", KeyId=key.id, Plaintext=b"x", facts={name: "x"})

    assert name not in request.context
    assert not can_be_given(name)


@pytest.mark.parametrize("name", ["sts:ExternalId", "saml:aud", "accounts.google.com:sub", "x:y"])
def test_a_key_that_nobody_knows_is_taken_as_it_comes(
    watched: World, gate: RecordingGate, name: str
) -> None:
    """AUTH J-27."""
    assert asked(watched, gate, "ListKeys", facts={name: "x"}).context[name] == "x"
    assert can_be_given(name)


def of_provider(world: World) -> Principal:
    world.session("web", ALLOW_ALL)
    session = Session(
        arn(f"arn:aws:sts::{ACCOUNT}:assumed-role/web/one"),
        arn(role_arn("web")),
        identity_provider="accounts.google.com",
    )
    world.direct(lambda directory: directory.with_session(session))
    return world.caller(str(session.arn))


def federated(world: World) -> Principal:
    session = Session(arn(f"arn:aws:sts::{ACCOUNT}:federated-user/ann"), arn(user_arn("admin")))
    world.direct(lambda directory: directory.with_session(session))
    return world.caller(str(session.arn))


CALLERS: dict[str, Callable[[World], Principal]] = {
    "user": lambda world: world.admin,
    "root": lambda world: world.root(),
    "session": lambda world: world.session("worker", ALLOW_ALL),
    "session of a provider": of_provider,
    "federated user": federated,
    "service": lambda _world: service_principal("logs.amazonaws.com"),
    "anonymous": lambda _world: ANONYMOUS,
}
EVERYBODY = frozenset(CALLERS)
WITH_MFA = frozenset({"user", "root", "session"})
SESSIONS = frozenset({"session", "session of a provider"})
SERVICE = frozenset({"service"})

# AUTH J-20 to J-40: what a surface may say, and of whom
SAID: dict[str, tuple[frozenset[str], Values]] = {
    "aws:MultiFactorAuthPresent": (WITH_MFA, "true"),
    "aws:MultiFactorAuthAge": (WITH_MFA, "60"),
    "aws:TokenIssueTime": (EVERYBODY - {"service", "anonymous"}, "2026-03-01T07:00:00Z"),
    "aws:SourceIdentity": (SESSIONS, "ann"),
    "aws:AssumedRoot": (frozenset({"root"}), "true"),
    "aws:CurrentTime": (EVERYBODY, "2026-03-01T07:00:00Z"),
    "aws:EpochTime": (EVERYBODY, "1"),
    "aws:SecureTransport": (EVERYBODY, "false"),
    "aws:UserAgent": (EVERYBODY, "curl"),
    "aws:Referer": (EVERYBODY, "https://example.com/"),
    "aws:SourceIp": (EVERYBODY, "198.51.100.7"),
    "aws:SourceVpc": (EVERYBODY, "vpc-1"),
    "aws:SourceVpcArn": (EVERYBODY, "arn:aws:ec2:eu-west-1:111122223333:vpc/vpc-1"),
    "aws:SourceVpce": (EVERYBODY, "vpce-1"),
    "aws:VpcSourceIp": (EVERYBODY, "10.0.0.7"),
    "aws:VpceAccount": (EVERYBODY, OTHER),
    "aws:VpceOrgID": (EVERYBODY, "o-a"),
    "aws:VpceOrgPaths": (EVERYBODY, ("o-a/r-a/",)),
    "aws:CalledVia": (frozenset(), ("s3.amazonaws.com",)),
    "aws:SourceArn": (SERVICE, "arn:aws:logs:eu-west-1:111122223333:log-group:x"),
    "aws:SourceAccount": (SERVICE, ACCOUNT),
    "aws:SourceOrgID": (SERVICE, "o-a"),
    "aws:SourceOrgPaths": (SERVICE, ("o-a/r-a/",)),
    "lambda:SourceFunctionArn": (EVERYBODY, "arn:aws:lambda:eu-west-1:111122223333:function:f"),
    "ec2:SourceInstanceArn": (EVERYBODY, "arn:aws:ec2:eu-west-1:111122223333:instance/i-1"),
    "aws:Ec2InstanceSourceVpc": (EVERYBODY, "vpc-1"),
    "aws:Ec2InstanceSourcePrivateIPv4": (EVERYBODY, "10.0.0.7"),
    "identitystore:UserId": (EVERYBODY, "u-1"),
    "aws:SignInSessionArn": (EVERYBODY, "arn:aws:signin:eu-west-1:111122223333:session/x"),
    "aws:ViaAWSMCPService": (EVERYBODY, "true"),
    "aws:CalledViaAWSMCP": (EVERYBODY, "aws-mcp.amazonaws.com"),
    "aws:ChatbotSourceArn": (EVERYBODY, "arn:aws:chatbot::111122223333:chat-configuration/x"),
}


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("name", SAID)
def test_what_a_surface_says_counts_only_of_whom_it_can_be_true(
    watched: World, gate: RecordingGate, name: str, caller: str
) -> None:
    """AUTH J-20 to J-25, J-30 to J-40."""
    whose, value = SAID[name]
    facts: Facts = {name: value}
    if name == "aws:MultiFactorAuthAge":
        facts["aws:MultiFactorAuthPresent"] = "true"
    watched.decide("ListKeys", CALLERS[caller](watched), facts=facts)

    context = gate.requests[0].context
    assert context.get(name) == (value if caller in whose else None)
    assert can_be_given(name)


def test_every_key_that_may_be_given_is_in_the_table() -> None:
    assert set(GIVEN) == {name.lower() for name in SAID}


@pytest.mark.parametrize("used", ["false", None])
def test_without_multi_factor_authentication_it_has_no_age(
    watched: World, gate: RecordingGate, used: str | None
) -> None:
    """AUTH J-21."""
    facts: Facts = {"aws:MultiFactorAuthAge": "60"}
    if used is not None:
        facts["aws:MultiFactorAuthPresent"] = used

    assert "aws:MultiFactorAuthAge" not in asked(watched, gate, "ListKeys", facts=facts).context


def test_what_a_session_carries_says_whether_the_age_counts(
    watched: World, gate: RecordingGate
) -> None:
    """AUTH J-20, J-21."""
    watched.session("worker", ALLOW_ALL)
    text = f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/mfa"
    session = Session(
        arn(text), arn(role_arn("worker")), facts={"aws:MultiFactorAuthPresent": "true"}
    )
    watched.direct(lambda directory: directory.with_session(session))
    watched.decide("ListKeys", watched.caller(text), facts={"aws:MultiFactorAuthAge": "60"})

    assert completed(gate.requests[0]).context["aws:MultiFactorAuthAge"] == "60"


@pytest.mark.parametrize(
    ("endpoint", "facts"),
    [
        ("vpce-1", {}),
        (None, {"aws:SourceVpce": "vpce-1"}),
        (None, {"AWS:sourcevpc": "vpc-1"}),
        (None, {"aws:VpcSourceIp": "10.0.0.7"}),
    ],
)
def test_a_call_through_an_endpoint_has_no_public_address(
    watched: World, gate: RecordingGate, endpoint: str | None, facts: Facts
) -> None:
    """AUTH J-34."""
    said = {**facts, "aws:SourceIp": "198.51.100.7"}
    context = asked(watched, gate, "ListKeys", endpoint=endpoint, facts=said).context

    assert "aws:SourceIp" not in context
    assert all(name in context for name in facts)


def test_an_endpoint_is_as_the_world_knows_it(watched: World, gate: RecordingGate) -> None:
    """AUTH J-1, J-35, J-36: whatever the surface says."""
    organized = Account(OTHER, organization="o-b", path="o-b/r-b/")
    watched.direct(
        lambda directory: directory.with_account(organized).with_endpoint(
            Endpoint("vpce-1", OTHER, "vpc-1")
        )
    )
    forged = dict.fromkeys(
        ("aws:SourceVpce", "aws:SourceVpc", "aws:SourceVpcArn", "aws:VpceAccount",
         "aws:VpceOrgID", "aws:VpceOrgPaths"), "forged",
    )  # fmt: skip
    context = asked(watched, gate, "ListKeys", endpoint="vpce-1", facts=forged).context

    assert {name: context[name] for name in forged} == {
        "aws:SourceVpce": "vpce-1",
        "aws:SourceVpc": "vpc-1",
        "aws:SourceVpcArn": f"arn:aws:ec2:{REGION}:{OTHER}:vpc/vpc-1",
        "aws:VpceAccount": OTHER,
        "aws:VpceOrgID": "o-b",
        "aws:VpceOrgPaths": ("o-b/r-b/",),
    }


@pytest.mark.parametrize(
    ("said", "chain"),
    [
        (
            ("cloudformation.amazonaws.com", "dynamodb.amazonaws.com"),
            ("cloudformation.amazonaws.com", "dynamodb.amazonaws.com"),
        ),
        ("dynamodb.amazonaws.com", ("dynamodb.amazonaws.com",)),
        (("dynamodb.amazonaws.com", "s3.amazonaws.com"), ("dynamodb.amazonaws.com",)),
        ((), ("dynamodb.amazonaws.com",)),
    ],
)
def test_the_surface_may_know_the_services_before_the_last_one(
    watched: World, gate: RecordingGate, said: Values, chain: tuple[str, ...]
) -> None:
    """AUTH J-38."""
    context = asked(
        watched, gate, "ListKeys", via="dynamodb", facts={"aws:CalledVia": said}
    ).context

    assert context["aws:CalledVia"] == chain
    assert context["aws:CalledViaFirst"] == chain[0]
    assert context["aws:CalledViaLast"] == "dynamodb.amazonaws.com"


@pytest.mark.parametrize(
    ("service", "names"),
    [
        ("logs.amazonaws.com", ("logs.amazonaws.com", f"logs.{REGION}.amazonaws.com")),
        (
            f"logs.{ELSEWHERE}.amazonaws.com",
            (f"logs.{ELSEWHERE}.amazonaws.com", "logs.amazonaws.com"),
        ),
        ("example.org", ("example.org",)),
    ],
)
def test_a_service_is_known_by_all_its_names(
    watched: World, gate: RecordingGate, service: str, names: tuple[str, ...]
) -> None:
    """AUTH J-18, J-19."""
    watched.decide("ListKeys", service_principal(service))
    context = completed(gate.requests[0]).context

    assert context["aws:PrincipalServiceNamesList"] == names
    assert context["aws:PrincipalServiceName"] == service
    assert context["aws:PrincipalIsAWSService"] == "true"


def test_nobody_else_has_names_of_a_service(watched: World, gate: RecordingGate) -> None:
    """AUTH J-19."""
    context = completed(asked(watched, gate, "ListKeys", via="s3")).context

    assert "aws:PrincipalServiceNamesList" not in context
    assert "aws:PrincipalServiceName" not in context


def test_the_organization_of_a_source_follows_from_its_account(
    watched: World, gate: RecordingGate
) -> None:
    """AUTH J-39."""
    organized = Account(OTHER, organization="o-b", path="o-b/r-b/")
    watched.direct(lambda directory: directory.with_account(organized))
    facts: Facts = {"aws:SourceAccount": OTHER, "aws:SourceOrgID": "forged"}
    watched.decide("ListKeys", service_principal("logs.amazonaws.com"), facts=facts)

    context = gate.requests[0].context
    assert context["aws:SourceOrgID"] == "o-b"
    assert context["aws:SourceOrgPaths"] == ("o-b/r-b/",)


# The table


def is_one_of(name: str, keys: Collection[str]) -> bool:
    """Tell whether a condition key is in a list, or of a family that is."""
    families = tuple(key.lower() for key in keys if key.endswith(("/", ":")))
    return name.lower() in {key.lower() for key in keys} or name.lower().startswith(families)


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_a_row_of_the_table_derives_no_key_but_its_own(
    watched: World, monkeypatch: pytest.MonkeyPatch, row: Row
) -> None:
    seen: list[Asked] = []

    def context(asked: Asked) -> Context:
        seen.append(asked)
        return context_of(asked)

    monkeypatch.setattr("kms.service.context_of", context)
    watched.decide(row.operation, via=row.via, facts=row.said, **row.request(watched))

    for question in seen:
        for entry in TABLE:
            if question.action in entry.actions:
                assert all(is_one_of(name, entry.keys) for name in entry.derive(question))


def test_the_table_speaks_of_actions_and_keys_that_policies_know() -> None:
    for entry in TABLE:
        assert {action.lower() for action in entry.actions} <= set(ACTIONS)
        assert {key.lower() for key in entry.keys} <= set(CONDITION_KEYS)


FROM_CALLER_AND_CALL = """
    aws:PrincipalArn aws:PrincipalAccount aws:PrincipalType aws:userid aws:username
    aws:PrincipalTag/ aws:PrincipalOrgID aws:PrincipalOrgPaths aws:PrincipalIsAWSService
    aws:PrincipalServiceName aws:PrincipalServiceNamesList aws:RequestedRegion aws:ViaAWSService
    aws:CalledViaFirst aws:CalledViaLast aws:ResourceAccount aws:ResourceOrgID aws:ResourceOrgPaths
    aws:FederatedProvider kms:CallerAccount
"""
NEVER_THERE = {
    "kms:policyname",  # not in chapter 9
}


def test_every_known_condition_key_has_one_source() -> None:
    """AUTH chapter 9: from the caller and the call, from the table, or from the surface."""
    sources = [
        *FROM_CALLER_AND_CALL.lower().split(),
        *GIVEN,
        *{key.lower() for entry in TABLE for key in entry.keys},
        *NEVER_THERE,
    ]

    assert Counter(sources) == Counter(dict.fromkeys(CONDITION_KEYS, 1))


# Small parts


def test_pairs_keep_the_spelling_of_their_names() -> None:
    """AUTH J-100."""
    assert pairs_facts({"A": "1", "a": "2"}) == {
        "kms:EncryptionContext:A": "1",
        "kms:EncryptionContext:a": "2",
        "kms:EncryptionContextKeys": ("A", "a"),
    }
    assert pairs_facts({}) == {}


def test_a_kind_of_key_is_told_under_both_names() -> None:
    """AUTH J-62, J-63."""
    facts = kind_facts("RSA_2048", "SIGN_VERIFY", "EXTERNAL", None)

    assert facts["kms:KeySpec"] == facts["kms:CustomerMasterKeySpec"] == "RSA_2048"
    assert facts["kms:KeyUsage"] == facts["kms:CustomerMasterKeyUsage"] == "SIGN_VERIFY"
    assert facts["kms:KeyOrigin"] == "EXTERNAL"
