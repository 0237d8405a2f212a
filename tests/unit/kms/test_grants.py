"""Grants: made, used, listed, retired and revoked (CORE K-79 to K-90, AUTH chapter 13)."""

from __future__ import annotations

import base64
import datetime as dt
import re
from typing import Any

import pytest

from kms import AccessDenied, Key, KeyUsage, Settings, grants
from kms.directory import service_principal
from kms.grants import grantable
from policy import Grant, GrantConstraints, Principal
from policy.decision import AllowPath
from policy.vocabulary import GRANT_OPERATIONS
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
    role_arn,
    user_arn,
)

UNREACHABLE = "because the resource does not exist in this Region"
PAIRS = {"tenant": "blue", "order": "17"}
CONTEXT_ON_ASYMMETRIC = (
    "EncryptionContext is supported only when creating a grant for a symmetric encryption KMS key."
)
NOT_A_PRINCIPAL = ("InvalidArnException", "ARN does not refer to a valid principal.")
WHICH_GRANT = (
    "ValidationException",
    "You must specify either a grant token, or both a key ARN and a grant ID.",
)
UNKNOWN_ID = "ab" * 32
DENIED = "AccessDeniedException"


@pytest.fixture
def bob(world: World) -> Principal:
    """A user who may do nothing but what a grant lets him do."""
    return world.user("bob")


@pytest.fixture
def slow() -> World:
    """A world in which grants take five minutes to be known (AUTH N-30)."""
    world = World(Settings(grant_consistency_seconds=300))
    world.user("bob")
    return world


def grant(
    world: World,
    key: Key,
    *operations: str,
    to: str = user_arn("bob"),
    by: Principal | None = None,
    **more: Any,
) -> Json:
    given = list(operations or ("Decrypt",))
    return world.do(
        "CreateGrant", by, KeyId=str(key.arn), GranteePrincipal=to, Operations=given, **more
    )


def refused(
    world: World, key: Key, *operations: str, to: str = user_arn("bob"), **more: Any
) -> tuple[str, str | None]:
    given = list(operations or ("Decrypt",))
    return world.told("CreateGrant", KeyId=key.id, GranteePrincipal=to, Operations=given, **more)


def stored(world: World, key: Key) -> list[Grant]:
    return list(world.state.grants_of(str(key.arn)).by_id.values())


def listed(world: World, key: Key, **more: Any) -> list[Json]:
    entries: list[Json] = world.do("ListGrants", KeyId=key.id, **more)["Grants"]
    return entries


def may(world: World, caller: Principal, key: Key, operation: str = "Encrypt", **more: Any) -> bool:
    rest: dict[str, Json] = {
        "Encrypt": {"Plaintext": b"x"},
        "GenerateDataKey": {"KeySpec": "AES_128"},
    }
    request = {"KeyId": str(key.arn), **rest.get(operation, {}), **more}
    reply = world.ask(operation, caller, **request)
    assert reply.error is None or isinstance(reply.error, AccessDenied), reply.error
    return reply.error is None


# CreateGrant: output (CORE K-82)


def test_a_new_grant_is_an_id_and_a_token(world: World, key: Key, bob: Principal) -> None:
    """CORE K-82."""
    output = grant(world, key)

    assert set(output) == {"GrantId", "GrantToken"}
    assert re.fullmatch(r"[0-9a-f]{64}", output["GrantId"])
    assert len(base64.urlsafe_b64decode(output["GrantToken"])) >= 64
    assert len(output["GrantToken"]) <= 8192


def test_a_new_grant_is_kept_with_all_that_it_says(world: World, key: Key, bob: Principal) -> None:
    """AUTH N-1, N-6."""
    carol = world.user("carol")
    world.advance(seconds=5)
    output = grant(
        world,
        key,
        "Decrypt",
        "DescribeKey",
        RetiringPrincipal=user_arn("carol"),
        Name="job",
        Constraints={"EncryptionContextSubset": PAIRS},
    )
    (made,) = stored(world, key)

    assert (made.id, set(made.tokens)) == (output["GrantId"], {output["GrantToken"]})
    assert made.operations == {"Decrypt", "DescribeKey"}
    assert (made.grantee_principal, made.grantee_id) == (user_arn("bob"), bob.unique_id)
    assert (made.retiring_principal, made.retiring_id) == (user_arn("carol"), carol.unique_id)
    assert (made.name, made.issuing_account) == ("job", ROOT)
    assert made.created_at == made.effective_at == START + dt.timedelta(seconds=5)
    assert dict(made.constraints.subset or {}) == PAIRS


# CreateGrant: what cannot be (CORE K-79, K-80, AUTH N-4 to N-9)


TABLE: dict[tuple[str, KeyUsage], set[str]] = {
    ("SYMMETRIC_DEFAULT", KeyUsage.ENCRYPT_DECRYPT): {
        "Encrypt", "Decrypt", "ReEncryptFrom", "ReEncryptTo", "GenerateDataKey",
        "GenerateDataKeyWithoutPlaintext", "GenerateDataKeyPair",
        "GenerateDataKeyPairWithoutPlaintext",
    },
    ("RSA_2048", KeyUsage.ENCRYPT_DECRYPT): {
        "Encrypt", "Decrypt", "ReEncryptFrom", "ReEncryptTo", "GetPublicKey",
    },
    ("RSA_2048", KeyUsage.SIGN_VERIFY): {"Sign", "Verify", "GetPublicKey"},
    ("ECC_SECG_P256K1", KeyUsage.SIGN_VERIFY): {"Sign", "Verify", "GetPublicKey"},
    ("ECC_NIST_P256", KeyUsage.KEY_AGREEMENT): {"DeriveSharedSecret", "GetPublicKey"},
    ("ML_KEM_768", KeyUsage.ENCAPSULATE_DECAPSULATE): {
        "Encapsulate", "Decapsulate", "GetPublicKey",
    },
    ("HMAC_384", KeyUsage.GENERATE_VERIFY_MAC): {"GenerateMac", "VerifyMac"},
}  # fmt: skip
ANY_KIND = {"CreateGrant", "DescribeKey", "RetireGrant"}
ALL = {*ANY_KIND, *(name for names in TABLE.values() for name in names)}


def test_there_are_seventeen_grant_operations_and_two_newer_ones() -> None:
    """AUTH N-5."""
    assert len(ALL) == 17 + 2
    assert ALL == GRANT_OPERATIONS


@pytest.mark.parametrize("kind", TABLE, ids="-".join)
def test_a_grant_lets_do_what_the_key_can_do(
    world: World, bob: Principal, kind: tuple[str, KeyUsage]
) -> None:
    """CORE K-80, AUTH N-4."""
    key = world.key(*kind)
    allowed = TABLE[kind] | ANY_KIND

    assert set(grantable(key)) == allowed
    assert grant(world, key, *sorted(allowed))
    for name in sorted(ALL - allowed):
        assert refused(world, key, "DescribeKey", name) == (
            "ValidationException",
            f"Operation {name} is not supported for key spec {key.spec}.",
        )


@pytest.mark.parametrize("name", ["ReEncrypt", "decrypt", "kms:Decrypt", "*", "PutKeyPolicy"])
def test_other_words_are_no_grant_operations(
    world: World, key: Key, bob: Principal, name: str
) -> None:
    """AUTH N-5."""
    code, message = refused(world, key, name)

    assert code == "ValidationException"
    assert "at 'operations.1.member' failed to satisfy constraint" in str(message)


def test_a_grant_needs_an_operation(world: World, key: Key, bob: Principal) -> None:
    """CORE K-79."""
    told = world.told("CreateGrant", KeyId=key.id, GranteePrincipal=user_arn("bob"), Operations=[])

    assert told == ("ValidationException", "Operations must not be empty.")


@pytest.mark.parametrize("operations", [["CreateGrant"], ["CreateGrant", "CreateGrant"]])
def test_a_grant_to_grant_alone_is_refused(
    world: World, key: Key, bob: Principal, operations: list[str]
) -> None:
    """CORE K-79."""
    assert refused(world, key, *operations) == (
        "ValidationException",
        "Grants must not contain only the CreateGrant operation.",
    )
    assert grant(world, key, "CreateGrant", "RetireGrant")


@pytest.mark.parametrize("constraint", ["EncryptionContextEquals", "EncryptionContextSubset"])
@pytest.mark.parametrize("spec", ["RSA_2048", "HMAC_256", "ECC_NIST_P256"])
def test_only_a_symmetric_key_has_a_context_to_insist_on(
    world: World, bob: Principal, spec: str, constraint: str
) -> None:
    """CORE K-79, AUTH N-8, Appendix B."""
    key = world.key(spec)

    told = refused(world, key, "DescribeKey", Constraints={constraint: PAIRS})
    assert told == ("ValidationException", CONTEXT_ON_ASYMMETRIC)
    assert grant(world, key, "DescribeKey", Constraints={constraint: {}})  # AUTH N-9


def test_a_grant_insists_on_one_kind_of_context(world: World, key: Key, bob: Principal) -> None:
    """AUTH N-8, N-9."""
    both = {"EncryptionContextEquals": PAIRS, "EncryptionContextSubset": PAIRS}

    assert refused(world, key, Constraints=both)[0] == "ValidationException"
    one = both | {"EncryptionContextSubset": {}}
    assert grant(world, key, Constraints=one)


@pytest.mark.parametrize("constraint", ["EncryptionContextEquals", "EncryptionContextSubset"])
def test_a_constraint_has_few_pairs_with_short_values(
    world: World, key: Key, bob: Principal, constraint: str
) -> None:
    """CORE K-79, AUTH N-3."""
    eight = {f"k{number}": "v" * 384 for number in range(8)}

    assert grant(world, key, Constraints={constraint: eight})
    for pairs in (eight | {"one": "more"}, {"k": "v" * 385}):
        told = refused(world, key, Constraints={constraint: pairs})
        assert told[0] == "ValidationException"


PRINCIPALS: dict[str, str] = {
    "account": OTHER,
    "account root": ROOT,
    "user": user_arn("bob"),
    "role": role_arn("worker"),
    "session": f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/work",
    "session of no role": f"arn:aws:sts::{ACCOUNT}:assumed-role/nobody/work",
    "federated user": f"arn:aws:sts::{ACCOUNT}:federated-user/fed",
    "user of an unknown account": user_arn("x", "9" * 12),
}
NO_PRINCIPALS: dict[str, str] = {
    "nobody": user_arn("nobody"),
    "no role": role_arn("nobody"),
    "user elsewhere": user_arn("bob", OTHER),
    "group": f"arn:aws:iam::{ACCOUNT}:group/devs",
    "service": "s3.amazonaws.com",
    "unique id": "AIDABOB",
    "word": "bob",
    "short account": "12345",
    "key": f"arn:aws:kms:us-east-1:{ACCOUNT}:key/x",
    "nameless user": f"arn:aws:iam::{ACCOUNT}:user/",
}


@pytest.mark.parametrize("principal", PRINCIPALS.values(), ids=PRINCIPALS)
def test_a_grantee_is_an_account_a_user_a_role_or_a_session(
    world: World, key: Key, bob: Principal, principal: str
) -> None:
    """AUTH N-6."""
    world.session("worker")

    assert grant(world, key, to=principal)
    assert grant(world, key, RetiringPrincipal=principal)


@pytest.mark.parametrize("principal", NO_PRINCIPALS.values(), ids=NO_PRINCIPALS)
def test_a_grantee_must_exist_and_be_of_such_a_kind(
    world: World, key: Key, bob: Principal, principal: str
) -> None:
    """CORE K-79, 13, AUTH N-6."""
    assert refused(world, key, to=principal) == NOT_A_PRINCIPAL
    assert refused(world, key, RetiringPrincipal=principal) == NOT_A_PRINCIPAL


def test_principals_need_not_exist_unless_one_is_strict() -> None:
    """CORE 0."""
    world = World(Settings(strict_principals=False))
    key = world.key()

    assert grant(world, key, to=user_arn("nobody"))
    assert refused(world, key, to="bob") == NOT_A_PRINCIPAL


@pytest.mark.parametrize("member", ["GranteeServicePrincipal", "RetiringServicePrincipal"])
def test_services_are_not_named_in_grants(
    world: World, key: Key, bob: Principal, member: str
) -> None:
    """AUTH N-7."""
    told = refused(world, key, **{member: "s3.amazonaws.com"})

    assert told == ("ValidationException", f"{member} is not supported by this endpoint.")


def test_a_grant_needs_a_grantee(world: World, key: Key) -> None:
    """AUTH N-7."""
    assert world.told("CreateGrant", KeyId=key.id, Operations=["Decrypt"]) == (
        "ValidationException",
        "1 validation error detected: Value null at 'granteePrincipal' failed to satisfy "
        "constraint: Member must not be null",
    )


def test_each_check_has_its_turn(
    world: World, bob: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CORE K-79: state, operations, context, principal, quota."""
    monkeypatch.setattr(grants, "MAX_GRANTS", 0)
    off, hmac, key = world.key("HMAC_256", state=DISABLED), world.key("HMAC_256"), world.key()
    constraint: Json = {"Constraints": {"EncryptionContextSubset": PAIRS}}
    nobody = user_arn("nobody")

    told = [
        refused(world, off, "Sign", to=nobody, **constraint),
        refused(world, hmac, "Sign", to=nobody, **constraint),
        refused(world, hmac, "CreateGrant", to=nobody, **constraint),
        refused(world, hmac, "DescribeKey", to=nobody, **constraint),
        refused(world, key, "DescribeKey", to=nobody, **constraint),
        refused(world, key, "DescribeKey", **constraint),
    ]

    assert [code for code, _ in told] == [
        "DisabledException",
        "ValidationException",
        "ValidationException",
        "ValidationException",
        "InvalidArnException",
        "LimitExceededException",
    ]
    assert [str(message)[:15] for _, message in told[1:4]] == [
        "Operation Sign ",
        "Grants must not",
        "EncryptionConte",
    ]


def test_a_key_has_so_many_grants_and_no_more(
    world: World, key: Key, bob: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CORE K-53, AUTH N-3."""
    assert grants.MAX_GRANTS == 50_000
    monkeypatch.setattr(grants, "MAX_GRANTS", 2)
    first = grant(world, key, Name="job")
    grant(world, key)

    assert refused(world, key) == ("LimitExceededException", None)
    assert grant(world, key, Name="job")["GrantId"] == first["GrantId"]
    free = World(Settings(enforce_quotas=False), state=world.state, seed=2)
    assert grant(free, key)


# CreateGrant: once more (CORE K-81, AUTH N-10)


def test_the_same_grant_of_a_name_is_made_once_and_gets_a_new_token(
    world: World, key: Key, bob: Principal
) -> None:
    """CORE K-55, K-81, AUTH N-10."""
    given: Json = {"Name": "job", "Constraints": {"EncryptionContextSubset": PAIRS}}
    first = grant(world, key, "Encrypt", "Decrypt", **given)
    world.advance(seconds=5)
    second = grant(world, key, "Decrypt", "Encrypt", "Decrypt", **given)

    assert second["GrantId"] == first["GrantId"]
    assert second["GrantToken"] != first["GrantToken"]
    (made,) = stored(world, key)
    assert made.tokens == {first["GrantToken"], second["GrantToken"]}
    assert made.created_at == START
    assert len(listed(world, key)) == 1


DIFFERENT: dict[str, Json] = {
    "name": {"Name": "other"},
    "no name": {"Name": None},
    "grantee": {"to": OTHER},
    "retiring principal": {"RetiringPrincipal": ROOT},
    "constraint": {"Constraints": {"EncryptionContextSubset": {"tenant": "red"}}},
    "kind of constraint": {"Constraints": {"EncryptionContextEquals": {"tenant": "blue"}}},
    "no constraint": {"Constraints": None},
}


@pytest.mark.parametrize("different", DIFFERENT.values(), ids=DIFFERENT)
def test_the_same_name_with_anything_else_different_is_another_grant(
    world: World, key: Key, bob: Principal, different: Json
) -> None:
    """CORE K-81, AUTH N-10."""
    given: Json = {
        "Name": "job",
        "Constraints": {"EncryptionContextSubset": {"tenant": "blue"}},
    }
    first = grant(world, key, **given)

    second = grant(world, key, **{**given, **different})

    assert second["GrantId"] != first["GrantId"]
    assert len(stored(world, key)) == 2


def test_the_same_name_with_other_operations_is_another_grant(
    world: World, key: Key, bob: Principal
) -> None:
    """CORE K-81."""
    first = grant(world, key, "Decrypt", Name="job")

    assert grant(world, key, "Decrypt", "Encrypt", Name="job")["GrantId"] != first["GrantId"]


def test_without_a_name_every_grant_is_a_new_one(world: World, key: Key, bob: Principal) -> None:
    """CORE K-81."""
    assert grant(world, key)["GrantId"] != grant(world, key)["GrantId"]


def test_the_same_name_on_another_key_is_another_grant(world: World, bob: Principal) -> None:
    """AUTH N-10."""
    made = [grant(world, world.key(), Name="job") for _ in range(2)]

    assert made[0]["GrantId"] != made[1]["GrantId"]


def test_a_grant_to_a_role_made_anew_is_another_grant(world: World, key: Key) -> None:
    """AUTH N-6, N-10, E-20: the old one would be of no use to it."""
    world.session("worker")
    first = grant(world, key, "Encrypt", to=role_arn("worker"), Name="job")
    anew = world.session("worker")
    assert not may(world, anew, key)

    second = grant(world, key, "Encrypt", to=role_arn("worker"), Name="job")

    assert second["GrantId"] != first["GrantId"]
    assert may(world, anew, key)


def test_a_grant_that_is_ending_is_not_taken_up_again(slow: World) -> None:
    """AUTH N-35."""
    key = slow.key()
    first = grant(slow, key, Name="job")
    slow.do("RevokeGrant", KeyId=key.id, GrantId=first["GrantId"])

    assert grant(slow, key, Name="job")["GrantId"] != first["GrantId"]


# Grants at work (AUTH N-20 to N-28)


def test_a_grant_lets_its_grantee_do_what_it_names_and_no_more(
    world: World, key: Key, bob: Principal
) -> None:
    """AUTH N-20, N-25."""
    grant(world, key, "Encrypt")
    reply = world.ask("Encrypt", bob, KeyId=key.id, Plaintext=b"x")

    assert reply.decisions[0].path is AllowPath.GRANT
    assert reply.event is not None
    assert reply.event.path == "grant"
    assert not may(world, bob, key, "GenerateDataKey")
    assert not may(world, world.user("carol"), key)
    assert not may(world, bob, world.key())


def test_an_operation_named_alike_is_not_granted_with_it(
    world: World, key: Key, bob: Principal
) -> None:
    """AUTH N-5."""
    grant(world, key, "GenerateDataKeyWithoutPlaintext", "ReEncryptFrom")
    blob = world.do("Encrypt", KeyId=key.id, Plaintext=b"x")["CiphertextBlob"]

    assert not may(world, bob, key, "GenerateDataKey")
    message = world.told("ReEncrypt", bob, CiphertextBlob=blob, DestinationKeyId=key.id)[1]
    assert "kms:ReEncryptTo" in str(message)
    grant(world, key, "ReEncryptTo")
    assert world.do("ReEncrypt", bob, CiphertextBlob=blob, DestinationKeyId=key.id)


CONTEXTS: list[tuple[str, Json, Json, bool]] = [
    ("Equals", PAIRS, PAIRS, True),
    ("Equals", PAIRS, dict(reversed(PAIRS.items())), True),
    ("Equals", PAIRS, PAIRS | {"more": "x"}, False),
    ("Equals", PAIRS, {"tenant": "blue"}, False),
    ("Subset", PAIRS, PAIRS | {"more": "x"}, True),
    ("Subset", PAIRS, PAIRS, True),
    ("Subset", PAIRS, {"tenant": "blue"}, False),
    ("Subset", PAIRS, {}, False),
    ("Subset", PAIRS, PAIRS | {"tenant": "Blue"}, False),
    ("Subset", PAIRS, {"Tenant": "blue", "order": "17"}, False),
    ("Subset", {}, {}, True),
]


@pytest.mark.parametrize(("kind", "wanted", "given", "allowed"), CONTEXTS)
def test_a_grant_insists_on_its_context(
    world: World, key: Key, bob: Principal, kind: str, wanted: Json, given: Json, allowed: bool
) -> None:
    """AUTH N-22."""
    grant(world, key, "Encrypt", "DescribeKey", Constraints={f"EncryptionContext{kind}": wanted})

    assert may(world, bob, key, EncryptionContext=given) is allowed
    assert may(world, bob, key, "DescribeKey")


def test_a_role_grant_is_of_all_its_sessions(world: World, key: Key) -> None:
    """AUTH N-21."""
    session = world.session("worker")
    grant(world, key, "Encrypt", to=role_arn("worker"))
    other = world.caller(f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/other")

    assert may(world, session, key)
    assert may(world, other, key)


def test_a_session_grant_is_of_that_session_alone(world: World, key: Key) -> None:
    """AUTH N-21."""
    session = world.session("worker")
    grant(world, key, "Encrypt", to=str(session))
    other = world.caller(f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/other")

    assert may(world, session, key)
    assert not may(world, other, key)


def test_an_account_grant_needs_an_identity_policy(world: World) -> None:
    """AUTH N-21, N-26."""
    key = world.key(account=OTHER)
    owner = world.user("owner", ALLOW_ALL, account=OTHER)
    grant(world, key, "Encrypt", to=ACCOUNT, by=owner)

    assert may(world, world.admin, key)
    assert not may(world, world.user("bob"), key)


def test_a_grant_to_a_user_of_another_account_is_enough(world: World, bob: Principal) -> None:
    """AUTH N-12, N-26."""
    key = world.key(account=OTHER)
    owner = world.user("owner", ALLOW_ALL, account=OTHER)
    grant(world, key, "Encrypt", by=owner)

    assert may(world, bob, key)


def test_a_grantee_made_anew_has_no_grant(world: World, key: Key, bob: Principal) -> None:
    """AUTH N-6, E-20."""
    grant(world, key, "Encrypt")
    anew = world.user("bob")

    assert not may(world, anew, key)
    assert may(world, bob, key)


def test_a_denial_beats_a_grant(world: World, key: Key, bob: Principal) -> None:
    """AUTH N-27."""
    grant(world, key, "Encrypt", "DescribeKey")
    world.set_policy(
        key, key_statement(principal=ROOT), key_statement("Deny", Action="kms:Encrypt")
    )

    assert not may(world, bob, key)
    assert may(world, bob, key, "DescribeKey")


def test_a_grant_outlives_the_policy_under_which_it_was_made(
    world: World, key: Key, bob: Principal
) -> None:
    """AUTH N-2, N-28."""
    grant(world, key, "Encrypt")
    world.set_policy(key, key_statement(principal=OTHER))
    world.user("admin")

    assert may(world, bob, key)


def test_grants_have_no_say_on_keys_that_are_off(world: World, key: Key, bob: Principal) -> None:
    """AUTH N-28."""
    grant(world, key, "Encrypt")
    world.do("DisableKey", KeyId=key.id)

    assert world.told("Encrypt", bob, KeyId=key.id, Plaintext=b"x")[0] == "DisabledException"


def test_a_maker_may_grant_what_he_lacks(world: World, key: Key, bob: Principal) -> None:
    """CORE K-83, AUTH N-13."""
    carol = world.user("carol", {**ALLOW_ALL, "Action": "kms:CreateGrant"})
    assert not may(world, carol, key)

    grant(world, key, "Encrypt", by=carol)

    assert may(world, bob, key)


def test_grants_are_made_in_another_account_by_arn(world: World, bob: Principal) -> None:
    """AUTH N-1, N-12."""
    key = world.key(account=OTHER, policy=document(key_statement(principal=ROOT)))
    grant(world, key, "Encrypt")

    assert may(world, bob, key)
    assert stored(world, key)[0].issuing_account == ROOT


def test_a_service_acts_for_its_user(world: World) -> None:
    """AUTH N-60, J-91."""
    condition = {"Bool": {"kms:GrantIsForAWSResource": "true"}}
    world.user("bob")
    statement = key_statement(
        principal=user_arn("bob"), Action="kms:CreateGrant", Condition=condition
    )
    bob = world.caller(user_arn("bob"))
    key = world.key(policy=document(key_statement(principal=ROOT), statement))
    request = {"KeyId": key.id, "GranteePrincipal": OTHER, "Operations": ["Decrypt"]}

    assert world.told("CreateGrant", bob, **request)[0] == DENIED
    assert world.do("CreateGrant", bob, via="ec2", **request)


# Child grants (CORE K-84, AUTH N-14 to N-17)


def parent(world: World, key: Key, *operations: str, **constraints: Any) -> Principal:
    """Let a user make grants through a grant, and return him."""
    maker = world.user("maker")
    more: Json = {"Constraints": constraints} if constraints else {}
    grant(world, key, "CreateGrant", *operations, to=user_arn("maker"), **more)
    return maker


def child(world: World, key: Key, maker: Principal, *operations: str, **constraints: Any) -> bool:
    more = {"Constraints": constraints} if constraints else {}
    request = {
        "KeyId": key.id,
        "GranteePrincipal": user_arn("bob"),
        "Operations": list(operations),
    }
    reply = world.ask("CreateGrant", maker, **request, **more)
    assert reply.error is None or isinstance(reply.error, AccessDenied), reply.error
    return reply.error is None


@pytest.mark.parametrize(
    ("operations", "allowed"),
    [
        (["Encrypt"], True),
        (["Encrypt", "DescribeKey"], True),
        (["Encrypt", "CreateGrant"], True),
        (["Decrypt"], False),
        (["Encrypt", "Decrypt"], False),
        (["Encrypt", "RetireGrant"], False),
    ],
)
def test_a_child_grant_names_no_more_operations(
    world: World, key: Key, bob: Principal, operations: list[str], allowed: bool
) -> None:
    """CORE K-84, AUTH N-14 (a), N-15."""
    maker = parent(world, key, "Encrypt", "DescribeKey")

    assert child(world, key, maker, *operations) is allowed
    assert may(world, bob, key) is (allowed and "Encrypt" in operations)


SUB, EQ = "EncryptionContextSubset", "EncryptionContextEquals"
TWO, ONE = {"a": "1", "b": "2"}, {"a": "1"}
SOURCE = "arn:aws:ec2:eu-west-1:111122223333:instance/i-1"
STRICTNESS: list[tuple[Json, Json, bool]] = [
    ({}, {}, True),
    ({}, {EQ: TWO}, True),
    ({SUB: ONE}, {SUB: ONE}, True),
    ({SUB: ONE}, {SUB: TWO}, True),
    ({SUB: ONE}, {EQ: TWO}, True),
    ({SUB: TWO}, {SUB: ONE}, False),
    ({SUB: TWO}, {EQ: ONE}, False),
    ({SUB: ONE}, {SUB: {"a": "2"}}, False),
    ({SUB: ONE}, {}, False),
    ({EQ: TWO}, {EQ: TWO}, True),
    ({EQ: TWO}, {EQ: ONE}, False),
    ({EQ: ONE}, {EQ: TWO}, False),
    ({EQ: TWO}, {SUB: TWO}, False),
    ({EQ: TWO}, {}, False),
    ({"SourceArn": SOURCE}, {"SourceArn": SOURCE}, True),
    ({"SourceArn": SOURCE}, {}, False),
    ({"SourceArn": SOURCE}, {"SourceArn": SOURCE + "2"}, False),
]


@pytest.mark.parametrize(("wanted", "given", "allowed"), STRICTNESS)
def test_a_child_grant_is_as_strict_as_its_parent(
    world: World, key: Key, bob: Principal, wanted: Json, given: Json, allowed: bool
) -> None:
    """CORE K-84, AUTH N-14 (b)."""
    maker = parent(world, key, "Encrypt", **wanted)

    assert child(world, key, maker, "Encrypt", **given) is allowed


def test_a_policy_frees_a_maker_of_the_limits_of_his_grant(
    world: World, key: Key, bob: Principal
) -> None:
    """AUTH N-16."""
    maker = parent(world, key, "Encrypt", EncryptionContextEquals=ONE)
    assert not child(world, key, maker, "Decrypt")
    world.set_policy(key, key_statement(principal=ROOT), key_statement(principal=user_arn("maker")))

    assert child(world, key, maker, "Decrypt")


def test_other_permissions_of_the_maker_do_not_widen_a_child(
    world: World, key: Key, bob: Principal
) -> None:
    """AUTH N-14."""
    maker = parent(world, key, "Encrypt")
    world.set_policy(
        key,
        key_statement(principal=ROOT),
        key_statement(principal=user_arn("maker"), Action="kms:Decrypt"),
    )

    assert not child(world, key, maker, "Decrypt")


def test_children_stay_when_their_parent_goes(world: World, key: Key, bob: Principal) -> None:
    """CORE K-84, AUTH N-17."""
    maker = parent(world, key, "Encrypt")
    (above,) = stored(world, key)
    assert child(world, key, maker, "Encrypt")
    world.do("RevokeGrant", KeyId=key.id, GrantId=above.id)

    assert may(world, bob, key)
    assert not child(world, key, maker, "Encrypt")


# Consistency and tokens (CORE K-85, K-90, AUTH N-30 to N-35)


def test_a_grant_is_effective_at_once_by_default(world: World, key: Key, bob: Principal) -> None:
    """AUTH N-30."""
    grant(world, key, "Encrypt")

    assert may(world, bob, key)


def test_a_new_grant_works_with_its_token_and_later_without(slow: World) -> None:
    """CORE K-82, K-85, AUTH N-30, N-31."""
    bob, key = slow.caller(user_arn("bob")), slow.key()
    token = grant(slow, key, "Encrypt")["GrantToken"]

    assert not may(slow, bob, key)
    assert may(slow, bob, key, GrantTokens=[token])
    slow.advance(seconds=299)
    assert not may(slow, bob, key)
    slow.advance(seconds=1)
    assert may(slow, bob, key)
    assert may(slow, bob, key, GrantTokens=[token])


def test_a_token_adds_nothing_but_the_moment(slow: World) -> None:
    """CORE K-82, AUTH N-31: grantee, operation, key and constraint must still match."""
    bob, carol, key = slow.caller(user_arn("bob")), slow.user("carol"), slow.key()
    constraint = {"EncryptionContextSubset": {"tenant": "blue"}}
    tokens: Json = {
        "GrantTokens": [grant(slow, key, "Encrypt", Constraints=constraint)["GrantToken"]]
    }
    right: Json = {**tokens, "EncryptionContext": {"tenant": "blue"}}

    assert may(slow, bob, key, **right)
    assert not may(slow, bob, key, **tokens)
    assert not may(slow, carol, key, **right)
    assert not may(slow, bob, slow.key(), **right)
    assert not may(slow, bob, key, "GenerateDataKey", **right)


def test_any_token_of_a_grant_will_do(slow: World) -> None:
    """CORE K-82, AUTH N-10."""
    bob, key = slow.caller(user_arn("bob")), slow.key()
    tokens = [grant(slow, key, "Encrypt", Name="job")["GrantToken"] for _ in range(3)]

    for token in tokens:
        assert may(slow, bob, key, GrantTokens=[token])


def test_tokens_of_others_and_of_other_keys_do_no_harm(slow: World) -> None:
    """CORE K-90, AUTH N-32."""
    bob, key = slow.caller(user_arn("bob")), slow.key()
    mine = grant(slow, key, "Encrypt")["GrantToken"]
    foreign = [
        grant(slow, key, "Encrypt", to=OTHER)["GrantToken"],
        grant(slow, slow.key(), "Encrypt")["GrantToken"],
    ]

    assert may(slow, bob, key, GrantTokens=[*foreign, mine])
    assert not may(slow, bob, key, GrantTokens=foreign)


def test_ten_tokens_are_taken_and_no_more(world: World, key: Key, bob: Principal) -> None:
    """AUTH N-3."""
    tokens = [grant(world, key, "Encrypt")["GrantToken"] for _ in range(11)]

    assert may(world, bob, key, GrantTokens=tokens[:10])
    code, message = world.told("DescribeKey", KeyId=key.id, GrantTokens=tokens)
    assert code == "ValidationException"
    assert not any(token in str(message) for token in tokens)


@pytest.mark.parametrize("operation", ["RevokeGrant", "RetireGrant"])
def test_an_ended_grant_works_until_everyone_knows(slow: World, operation: str) -> None:
    """CORE K-85, AUTH N-35."""
    bob, key = slow.caller(user_arn("bob")), slow.key()
    made = grant(slow, key, "Encrypt")
    slow.advance(seconds=400)
    end = {"KeyId": key.id, "GrantId": made["GrantId"]}
    slow.do(operation, **end)

    assert may(slow, bob, key)
    assert may(slow, bob, key, GrantTokens=[made["GrantToken"]])
    assert listed(slow, key) == []
    assert slow.told(operation, **end)[1] == f"Grant ID {made['GrantId']} not found"
    token = slow.told("RetireGrant", GrantToken=made["GrantToken"])
    assert token == ("InvalidGrantTokenException", None)
    slow.advance(seconds=299)
    assert may(slow, bob, key)
    slow.advance(seconds=1)
    assert not may(slow, bob, key)
    gone = slow.told("DescribeKey", KeyId=key.id, GrantTokens=[made["GrantToken"]])
    assert gone == ("InvalidGrantTokenException", None)


def test_an_ended_grant_is_gone_at_once_by_default(world: World, key: Key, bob: Principal) -> None:
    """AUTH N-33, N-35."""
    made = grant(world, key, "Encrypt")
    world.do("RevokeGrant", KeyId=key.id, GrantId=made["GrantId"])

    assert not may(world, bob, key)
    told = world.told("DescribeKey", KeyId=key.id, GrantTokens=[made["GrantToken"]])
    assert told == ("InvalidGrantTokenException", None)


# ListGrants (CORE K-86)


def test_an_entry_has_exactly_these_members(world: World, key: Key, bob: Principal) -> None:
    """CORE K-10, K-86."""
    plain = grant(world, key, "Encrypt", "Decrypt")
    whole = grant(
        world,
        key,
        Name="job",
        RetiringPrincipal=ROOT,
        Constraints={"EncryptionContextSubset": PAIRS, "SourceArn": SOURCE},
    )
    entries = {entry["GrantId"]: entry for entry in listed(world, key)}

    assert entries[plain["GrantId"]] == {
        "KeyId": str(key.arn),
        "GrantId": plain["GrantId"],
        "Name": "",
        "CreationDate": START,
        "GranteePrincipal": user_arn("bob"),
        "IssuingAccount": ROOT,
        "Operations": ["Decrypt", "Encrypt"],
    }
    assert entries[whole["GrantId"]] == {
        "KeyId": str(key.arn),
        "GrantId": whole["GrantId"],
        "Name": "job",
        "CreationDate": START,
        "GranteePrincipal": user_arn("bob"),
        "RetiringPrincipal": ROOT,
        "IssuingAccount": ROOT,
        "Operations": ["Decrypt"],
        "Constraints": {"EncryptionContextSubset": PAIRS, "SourceArn": SOURCE},
    }


def test_a_listing_shows_no_token(world: World, key: Key, bob: Principal) -> None:
    """CORE K-86, AUTH N-34."""
    token = grant(world, key)["GrantToken"]

    assert token not in str(listed(world, key))


def test_grants_are_listed_by_their_creation(world: World, key: Key, bob: Principal) -> None:
    """CORE K-51."""
    made = []
    for _ in range(5):
        made.append(grant(world, key)["GrantId"])
        world.advance(milliseconds=500)

    assert [entry["GrantId"] for entry in listed(world, key)] == made


def test_a_listing_can_be_narrowed(world: World, key: Key, bob: Principal) -> None:
    """CORE K-86: by both filters, AND, by exact text."""
    one, two = grant(world, key), grant(world, key, to=OTHER)
    by_bob = {"GranteePrincipal": user_arn("bob")}

    assert [e["GrantId"] for e in listed(world, key, **by_bob)] == [one["GrantId"]]
    assert [e["GrantId"] for e in listed(world, key, GrantId=two["GrantId"])] == [two["GrantId"]]
    assert listed(world, key, GrantId=two["GrantId"], **by_bob) == []
    assert listed(world, key, GranteePrincipal=user_arn("bo")) == []
    assert listed(world, key, GrantId=UNKNOWN_ID) == []


def test_grants_come_in_pages_though_some_go_between(
    world: World, key: Key, bob: Principal
) -> None:
    """CORE K-51, K-52."""
    made = [grant(world, key)["GrantId"] for _ in range(5)]
    made.sort()
    seen: list[str] = []
    parameters: Json = {"KeyId": key.id, "Limit": 2}
    while True:
        output = world.do("ListGrants", **parameters)
        seen += [entry["GrantId"] for entry in output["Grants"]]
        if not output["Truncated"]:
            break
        parameters["Marker"] = output["NextMarker"]
        world.do("RevokeGrant", KeyId=key.id, GrantId=seen[-1])

    assert seen == made
    assert "NextMarker" not in output


def test_filtered_grants_come_in_pages(world: World, key: Key, bob: Principal) -> None:
    """CORE K-51, K-52."""
    for number in range(6):
        grant(world, key, to=user_arn("bob") if number % 2 else OTHER)
    filtered: Json = {"KeyId": key.id, "GranteePrincipal": OTHER, "Limit": 2}
    first = world.do("ListGrants", **filtered)
    second = world.do("ListGrants", **filtered, Marker=first["NextMarker"])

    assert (len(first["Grants"]), len(second["Grants"])) == (2, 1)
    assert second["Truncated"] is False
    marker = {"KeyId": key.id, "Marker": first["NextMarker"]}
    assert world.told("ListGrants", **marker) == ("InvalidMarkerException", None)


def test_a_page_of_grants_has_fifty_by_default_and_a_hundred_at_most(
    world: World, key: Key, bob: Principal
) -> None:
    """CORE K-45, AUTH N-3."""
    for _ in range(101):
        grant(world, key)

    assert len(listed(world, key)) == 50
    assert len(listed(world, key, Limit=1000)) == 100


def test_grants_of_a_key_are_listed_from_another_account(world: World) -> None:
    """CORE K-50."""
    key = world.key(account=OTHER, policy=document(key_statement(principal=ROOT)))

    assert world.do("ListGrants", KeyId=str(key.arn)) == {"Grants": [], "Truncated": False}


# ListRetirableGrants (CORE K-87)


def retirable(world: World, by: str = ROOT, **more: Any) -> list[Json]:
    entries: list[Json] = world.do("ListRetirableGrants", RetiringPrincipal=by, **more)["Grants"]
    return entries


def test_grants_are_listed_by_exactly_their_retiring_principal(
    world: World, key: Key, bob: Principal
) -> None:
    """CORE K-87: on keys of any account; nothing is asked of the keys."""
    foreign = world.key(account=OTHER, policy=document(key_statement(principal=[ACCOUNT, OTHER])))
    mine = grant(world, key, RetiringPrincipal=ROOT)
    theirs = grant(world, foreign, RetiringPrincipal=ROOT)
    by_bob = grant(world, key, RetiringPrincipal=user_arn("bob"))
    grant(world, key)
    world.set_policy(foreign, key_statement("Deny"))

    assert {e["GrantId"] for e in retirable(world)} == {mine["GrantId"], theirs["GrantId"]}
    assert {e["KeyId"] for e in retirable(world)} == {str(key.arn), str(foreign.arn)}
    assert [e["GrantId"] for e in retirable(world, user_arn("bob"))] == [by_bob["GrantId"]]
    assert retirable(world, ACCOUNT) == []  # another text for the same account


def test_a_retirable_grant_is_shown_as_among_the_grants_of_its_key(
    world: World, key: Key, bob: Principal
) -> None:
    """CORE K-10, K-87: the same entry, and no token."""
    token = grant(world, key, Name="job", RetiringPrincipal=ROOT)["GrantToken"]

    assert retirable(world) == listed(world, key)
    assert token not in str(retirable(world))


def test_retirable_grants_are_of_one_region(world: World, key: Key, bob: Principal) -> None:
    """CORE K-87."""
    grant(world, key, RetiringPrincipal=ROOT)

    assert retirable(world, region=ELSEWHERE) == []


def test_a_retiring_principal_is_of_the_caller_s_account(world: World) -> None:
    """CORE K-87: whoever it is elsewhere, the answer is the same."""
    for principal in (OTHER, user_arn("x", OTHER), "nobody", "s3.amazonaws.com"):
        told = world.told("ListRetirableGrants", RetiringPrincipal=principal)
        assert told == NOT_A_PRINCIPAL
    assert retirable(world, user_arn("not-there")) == []


def test_a_retiring_principal_must_be_given(world: World) -> None:
    assert world.told("ListRetirableGrants")[1] == (
        "1 validation error detected: Value null at 'retiringPrincipal' failed to satisfy "
        "constraint: Member must not be null"
    )
    told = world.told("ListRetirableGrants", RetiringServicePrincipal="s3.amazonaws.com")
    assert told[1] == "RetiringServicePrincipal is not supported by this endpoint."


def test_retirable_grants_come_in_pages_by_their_creation(world: World, bob: Principal) -> None:
    """CORE K-51, K-52."""
    made = []
    for _ in range(5):
        made.append(grant(world, world.key(), RetiringPrincipal=ROOT)["GrantId"])
        world.advance(milliseconds=500)
    seen: list[str] = []
    parameters: Json = {"RetiringPrincipal": ROOT, "Limit": 2}
    while True:
        output = world.do("ListRetirableGrants", **parameters)
        seen += [entry["GrantId"] for entry in output["Grants"]]
        if not output["Truncated"]:
            break
        parameters["Marker"] = output["NextMarker"]
        last = output["Grants"][-1]
        world.do("RevokeGrant", KeyId=last["KeyId"], GrantId=last["GrantId"])

    assert seen == made
    other = {"RetiringPrincipal": user_arn("bob"), "Marker": parameters["Marker"]}
    assert world.told("ListRetirableGrants", **other) == ("InvalidMarkerException", None)


def test_a_page_of_retirable_grants_has_a_hundred_at_most(
    world: World, key: Key, bob: Principal
) -> None:
    """CORE K-45."""
    for _ in range(101):
        grant(world, key, RetiringPrincipal=ROOT)

    assert len(retirable(world)) == 50
    assert len(retirable(world, Limit=1000)) == 100


def test_a_grant_that_is_ending_is_retirable_no_more(slow: World) -> None:
    """AUTH N-35."""
    key = slow.key()
    made = grant(slow, key, RetiringPrincipal=ROOT)
    slow.do("RevokeGrant", KeyId=key.id, GrantId=made["GrantId"])

    assert retirable(slow) == []


# RetireGrant (CORE K-88, AUTH N-50 to N-56)


def test_a_grant_is_retired_by_token_or_by_key_and_id(
    world: World, key: Key, bob: Principal
) -> None:
    """CORE K-88, K-89: no output."""
    one, two = grant(world, key, "Encrypt"), grant(world, key, "Encrypt")

    assert world.do("RetireGrant", GrantToken=one["GrantToken"]) == {}
    assert may(world, bob, key)
    assert world.do("RetireGrant", KeyId=str(key.arn), GrantId=two["GrantId"]) == {}
    assert not may(world, bob, key)
    assert stored(world, key) == []


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"KeyId": "K"},
        {"GrantId": "G"},
        {"GrantToken": "T", "KeyId": "K"},
        {"GrantToken": "T", "GrantId": "G"},
        {"GrantToken": "T", "KeyId": "K", "GrantId": "G"},
    ],
)
def test_a_grant_is_named_in_exactly_one_way(world: World, parameters: Json) -> None:
    """CORE K-88, AUTH N-54."""
    assert world.told("RetireGrant", **parameters) == WHICH_GRANT


def test_a_token_that_is_none_retires_nothing(world: World) -> None:
    """CORE K-88, K-90."""
    assert world.told("RetireGrant", GrantToken="x") == ("InvalidGrantTokenException", None)


def test_a_token_of_another_region_is_none_here(world: World, bob: Principal) -> None:
    """AUTH N-33."""
    key = world.key(region=ELSEWHERE)
    there: Json = {"KeyId": key.id, "GranteePrincipal": user_arn("bob"), "Operations": ["Decrypt"]}
    token = world.do("CreateGrant", region=ELSEWHERE, **there)["GrantToken"]

    assert world.told("RetireGrant", GrantToken=token) == ("InvalidGrantTokenException", None)
    assert world.do("RetireGrant", region=ELSEWHERE, GrantToken=token) == {}


@pytest.mark.parametrize("operation", ["RetireGrant", "RevokeGrant"])
@pytest.mark.parametrize(
    ("grant_id", "expected"),
    [
        (UNKNOWN_ID, ("NotFoundException", f"Grant ID {UNKNOWN_ID} not found")),
        ("job", ("InvalidGrantIdException", None)),
        ("AB" * 32, ("InvalidGrantIdException", None)),
        ("ab" * 31, ("InvalidGrantIdException", None)),
    ],
)
def test_an_unknown_grant_is_not_found_and_a_malformed_id_is_told(
    world: World, key: Key, operation: str, grant_id: str, expected: Any
) -> None:
    """CORE K-88, K-89, AUTH N-53, Appendix A."""
    assert world.told(operation, KeyId=key.id, GrantId=grant_id) == expected


def test_a_grant_of_another_key_is_not_found(world: World, key: Key, bob: Principal) -> None:
    made, other = grant(world, key), world.key()
    for operation in ("RetireGrant", "RevokeGrant"):
        told = world.told(operation, KeyId=other.id, GrantId=made["GrantId"])
        assert told[0] == "NotFoundException"


def retire(world: World, caller: Principal, key: Key, *operations: str, **more: Any) -> Any:
    """Make a grant and let somebody retire it; return the path, or the error's text."""
    made = grant(world, key, *operations, **more)
    reply = world.ask("RetireGrant", caller, KeyId=str(key.arn), GrantId=made["GrantId"])
    if reply.error is not None:
        assert reply.error.code == DENIED
        assert len(stored(world, key)) == 1
        return reply.error.message
    assert stored(world, key) == []
    return reply.decisions[0].path


def test_the_retiring_principal_may_retire(world: World, key: Key, bob: Principal) -> None:
    """AUTH N-50."""
    carol = world.user("carol")

    assert retire(world, carol, key, RetiringPrincipal=user_arn("carol")) is AllowPath.GRANT


def test_a_retiring_role_means_any_of_its_sessions(world: World, key: Key, bob: Principal) -> None:
    """AUTH N-52."""
    session = world.session("worker")

    assert retire(world, session, key, RetiringPrincipal=role_arn("worker")) is AllowPath.GRANT


def test_a_grantee_may_retire_if_the_grant_says_so(world: World, key: Key, bob: Principal) -> None:
    """AUTH N-50."""
    assert retire(world, bob, key, "Decrypt", "RetireGrant") is AllowPath.GRANT
    assert "because no identity-based policy allows" in str(retire(world, bob, key, "Decrypt"))


def test_the_issuing_account_may_retire_where_iam_allows(
    world: World, key: Key, bob: Principal
) -> None:
    """AUTH N-50, N-56."""
    carol = world.user("carol", {**ALLOW_ALL, "Action": "kms:RetireGrant"})

    assert retire(world, world.root(), key) is AllowPath.GRANT
    assert retire(world, world.admin, key) is AllowPath.IDENTITY
    assert retire(world, carol, key) is AllowPath.IDENTITY
    assert "kms:RetireGrant" in str(retire(world, bob, key))


def test_an_account_may_retire_that_is_grantee_or_retiring_principal(world: World) -> None:
    """AUTH N-50."""
    key = world.key(account=OTHER)
    owner = world.user("owner", ALLOW_ALL, account=OTHER)
    given = {"by": owner, "to": ACCOUNT}

    assert retire(world, world.admin, key, "Decrypt", "RetireGrant", **given) is AllowPath.IDENTITY
    assert retire(world, world.admin, key, RetiringPrincipal=ACCOUNT, **given) is AllowPath.IDENTITY
    assert UNREACHABLE in str(retire(world, world.admin, key, **given))


def test_the_right_in_iam_alone_is_never_enough(world: World, key: Key, bob: Principal) -> None:
    """AUTH N-50: a stranger to the grant."""
    stranger = world.user("stranger", ALLOW_ALL, account=OTHER)

    assert UNREACHABLE in str(retire(world, stranger, key))


@pytest.mark.parametrize("effect", ["Allow", "Deny"])
def test_a_key_policy_has_no_say_in_retiring(
    world: World, key: Key, bob: Principal, effect: str
) -> None:
    """CORE K-88, AUTH N-51."""
    carol = world.user("carol")
    statement = key_statement(effect, Action="kms:RetireGrant")
    world.set_policy(key, key_statement(principal=ROOT), statement)

    if effect == "Deny":
        assert retire(world, carol, key, RetiringPrincipal=user_arn("carol")) is AllowPath.GRANT
    else:
        assert isinstance(retire(world, carol, key), str)


def test_a_denial_in_iam_does(world: World, key: Key, bob: Principal) -> None:
    """CORE K-88, AUTH N-50, N-51, J-89."""
    condition = {"StringEquals": {"kms:EncryptionContext:tenant": "blue"}}
    deny = {**ALLOW_ALL, "Effect": "Deny", "Condition": condition}
    carol = world.user("carol", deny)
    retiring = {"RetiringPrincipal": user_arn("carol")}

    assert retire(world, carol, key, **retiring) is AllowPath.GRANT
    message = retire(world, carol, key, **retiring, Constraints={"EncryptionContextSubset": PAIRS})
    assert str(message).endswith("with an explicit deny in an identity-based policy")


def test_a_retiring_principal_made_anew_may_not(world: World, key: Key, bob: Principal) -> None:
    """AUTH N-6."""
    world.session("worker")
    made = grant(world, key, RetiringPrincipal=role_arn("worker"))
    anew = world.session("worker")

    told = world.told("RetireGrant", anew, GrantToken=made["GrantToken"])
    assert told[0] == DENIED


def test_a_new_grant_can_be_retired_by_its_token_at_once(slow: World) -> None:
    """AUTH N-30."""
    key = slow.key()
    made = grant(slow, key, "Decrypt", "RetireGrant")

    assert slow.do("RetireGrant", slow.caller(user_arn("bob")), GrantToken=made["GrantToken"]) == {}


# RevokeGrant (CORE K-89, AUTH N-53)


def test_a_grant_is_revoked_by_whom_the_policies_let(
    world: World, key: Key, bob: Principal
) -> None:
    """CORE K-89, AUTH N-53: not by grants, not by its grantee."""
    made = grant(world, key, "Encrypt", "RetireGrant", RetiringPrincipal=user_arn("bob"))
    request = {"KeyId": key.id, "GrantId": made["GrantId"]}

    assert world.told("RevokeGrant", bob, **request)[0] == DENIED
    assert world.do("RevokeGrant", **request) == {}
    assert not may(world, bob, key)


def test_grants_are_revoked_in_another_account_by_arn(world: World, bob: Principal) -> None:
    """AUTH N-53."""
    key = world.key(account=OTHER, policy=document(key_statement(principal=ROOT)))
    made = grant(world, key)

    assert world.do("RevokeGrant", KeyId=str(key.arn), GrantId=made["GrantId"]) == {}


def test_who_may_not_revoke_learns_nothing_of_grants(world: World, key: Key) -> None:
    """CORE K-33."""
    carol = world.user("carol")
    made = grant(world, key, to=OTHER)
    told = {
        world.told("RevokeGrant", carol, KeyId=key.id, GrantId=each)
        for each in (made["GrantId"], UNKNOWN_ID, "job")
    }

    assert {code for code, _ in told} == {DENIED}
    assert len(told) == 1


@pytest.mark.parametrize("operation", ["RetireGrant", "RevokeGrant"])
def test_ending_a_grant_twice_does_not_work(
    world: World, key: Key, bob: Principal, operation: str
) -> None:
    """CORE K-55."""
    request = {"KeyId": key.id, "GrantId": grant(world, key)["GrantId"]}
    world.do(operation, **request)

    assert world.told(operation, **request)[0] == "NotFoundException"


@pytest.mark.parametrize(
    ("source", "allowed"), [(SOURCE, True), (SOURCE + "2", False), (None, False)]
)
def test_a_service_uses_a_grant_for_its_source_alone(
    world: World, key: Key, source: str | None, allowed: bool
) -> None:
    """AUTH N-7, N-22: such grants are made by services; here, from outside."""
    made = Grant(
        UNKNOWN_ID,
        str(key.arn),
        "s3.amazonaws.com",
        frozenset({"Encrypt"}),
        GrantConstraints(source_arn=SOURCE),
        created_at=START,
    )
    world.change(lambda state: state.with_grant(made))
    facts = {"aws:SourceArn": source} if source else {}

    assert may(world, service_principal("s3.amazonaws.com"), key, facts=facts) is allowed
    assert listed(world, key)[0]["GranteePrincipal"] == "s3.amazonaws.com"
