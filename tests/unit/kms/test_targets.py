"""From identifiers to keys, and what is said of those that are not there (CORE K-7 to K-11)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from kms import OPERATIONS, Account, Key, Settings, State
from kms.directory import service_principal
from kms.model import KeyManager
from kms.targets import of_key
from policy import Principal, PrincipalKind
from tests.kms_world import (
    ACCOUNT,
    ALLOW_ALL,
    ELSEWHERE,
    OTHER,
    PENDING_DELETION,
    REGION,
    ROOT,
    World,
    arn,
    document,
    key_statement,
    user_arn,
)

FRESH = "1234abcd-12ab-34cd-56ef-1234567890ab"
FRESH_MRK = "mrk-" + "0123456789abcdef" * 2
HERE = f"arn:aws:kms:{REGION}:{ACCOUNT}"

# CORE K-9: all four forms; every other operation with a key takes id and ARN only
WITH_ALIASES = {
    "DescribeKey", "Encrypt", "Decrypt", "ReEncrypt", "GenerateDataKey",
    "GenerateDataKeyWithoutPlaintext", "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext", "Sign", "Verify", "GenerateMac", "VerifyMac",
    "DeriveSharedSecret", "GetPublicKey", "Encapsulate", "Decapsulate",
}  # fmt: skip

REST: dict[str, dict[str, Any]] = {
    "CancelKeyDeletion": {},
    "CreateAlias": {"AliasName": "alias/new"},
    "CreateGrant": {"GranteePrincipal": ROOT, "Operations": ["DescribeKey"]},
    "Decapsulate": {"SharedSecretCiphertextBlob": b"x" * 768, "EncapsulationAlgorithm": "ML_KEM"},
    "Decrypt": {"CiphertextBlob": b"x"},
    "DeriveSharedSecret": {"KeyAgreementAlgorithm": "ECDH", "PublicKey": b"x"},
    "DescribeKey": {},
    "DisableKey": {},
    "EnableKey": {},
    "Encapsulate": {"EncapsulationAlgorithm": "ML_KEM"},
    "Encrypt": {"Plaintext": b"x"},
    "GenerateDataKey": {"KeySpec": "AES_128"},
    "GenerateDataKeyPair": {"KeyPairSpec": "ECC_NIST_P256"},
    "GenerateDataKeyPairWithoutPlaintext": {"KeyPairSpec": "ECC_NIST_P256"},
    "GenerateDataKeyWithoutPlaintext": {"KeySpec": "AES_128"},
    "GenerateMac": {"Message": b"x", "MacAlgorithm": "HMAC_SHA_256"},
    "GetKeyPolicy": {},
    "GetPublicKey": {},
    "ListAliases": {},
    "ListGrants": {},
    "DeleteImportedKeyMaterial": {},
    "DisableKeyRotation": {},
    "EnableKeyRotation": {},
    "GetKeyRotationStatus": {},
    "GetParametersForImport": {
        "WrappingAlgorithm": "RSAES_OAEP_SHA_1",
        "WrappingKeySpec": "RSA_2048",
    },
    "ImportKeyMaterial": {
        "ImportToken": b"x",
        "EncryptedKeyMaterial": b"x",
        "ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE",
    },
    "ListKeyRotations": {},
    "RotateKeyOnDemand": {},
    "UpdateKeyDescription": {"Description": "x"},
    "ListKeyPolicies": {},
    "ListResourceTags": {},
    "PutKeyPolicy": {"Policy": document(key_statement(principal=ROOT))},
    "ReEncrypt": {"CiphertextBlob": b"x"},
    "RetireGrant": {"GrantId": "ab" * 32},
    "RevokeGrant": {"GrantId": "ab" * 32},
    "ScheduleKeyDeletion": {},
    "Sign": {"Message": b"x", "SigningAlgorithm": "ECDSA_SHA_256"},
    "TagResource": {"Tags": [{"TagKey": "a", "TagValue": "b"}]},
    "UntagResource": {"TagKeys": ["a"]},
    "UpdateAlias": {"AliasName": "alias/old"},
    "Verify": {"Message": b"x", "SigningAlgorithm": "ECDSA_SHA_256", "Signature": b"x"},
    "VerifyMac": {"Message": b"x", "MacAlgorithm": "HMAC_SHA_256", "Mac": b"x"},
}
MEMBERS = {"CreateAlias": "TargetKeyId", "UpdateAlias": "TargetKeyId"}
KEYLESS = {"CreateKey", "DeleteAlias", "GenerateRandom", "ListKeys"}
NAMING = sorted(REST)
# CORE K-163: the words of alias operations are their own
KEY_ONLY = sorted(set(REST) - WITH_ALIASES - set(MEMBERS))


def naming(operation: str, identifier: str, member: str | None = None) -> dict[str, Any]:
    """Return a request of the operation that names this key."""
    return {**REST[operation], member or MEMBERS.get(operation, "KeyId"): identifier}


def naming_all(operation: str, identifier: str) -> list[dict[str, Any]]:
    """Return the requests that name the key in every member that can."""
    if operation != "ReEncrypt":
        return [naming(operation, identifier)]
    return [
        naming(operation, identifier, "DestinationKeyId"),
        naming(operation, identifier, "SourceKeyId") | {"DestinationKeyId": identifier},
    ]


def test_every_operation_that_names_a_key_is_tried() -> None:
    assert set(REST) | KEYLESS == set(OPERATIONS)


# What names a key


def described(world: World, identifier: str, **more: Any) -> str:
    arn_of: str = world.do("DescribeKey", KeyId=identifier, **more)["KeyMetadata"]["Arn"]
    return arn_of


FORMS: dict[str, Callable[[Key], str]] = {
    "id": lambda key: key.id,
    "id in capitals": lambda key: key.id.upper(),
    "ARN": lambda key: str(key.arn),
    "ARN with an id in capitals": lambda key: str(key.arn).replace(key.id, key.id.upper()),
    "alias name": lambda _key: "alias/a",
    "alias ARN": lambda _key: f"{HERE}:alias/a",
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("multi_region", [False, True])
def test_a_key_is_found_by_id_arn_alias_name_and_alias_arn(
    world: World, form: Callable[[Key], str], multi_region: bool
) -> None:
    """CORE K-5, K-7, K-11."""
    key = world.key(multi_region=multi_region)
    world.alias("alias/a", key)
    world.key()

    assert described(world, form(key)) == str(key.arn)


def test_alias_names_are_case_sensitive(world: World, key: Key) -> None:
    """CORE K-161."""
    world.alias("alias/Pay", key)

    assert world.told("DescribeKey", KeyId="alias/pay") == (
        "NotFoundException",
        f"Alias {HERE}:alias/pay is not found.",
    )


def test_a_short_id_means_the_callers_account_and_region(world: World) -> None:
    """CORE K-7.3, K-11: members of one set share their id."""
    here = world.key(multi_region=True)
    there = replace(here, arn=replace(here.arn, region=ELSEWHERE))
    foreign = replace(here, arn=replace(here.arn, account=OTHER))
    for key in (there, foreign):
        world.put(key)

    assert described(world, here.id) == str(here.arn)
    assert described(world, here.id, region=ELSEWHERE) == str(there.arn)


def test_an_alias_name_means_the_callers_account_and_region(world: World) -> None:
    """CORE K-7.2."""
    here, there, foreign = world.key(), world.key(region=ELSEWHERE), world.key(account=OTHER)
    for key in (here, there, foreign):
        world.alias("alias/a", key)

    assert described(world, "alias/a") == str(here.arn)
    assert described(world, "alias/a", region=ELSEWHERE) == str(there.arn)


# What names none: code and text, where the operation takes all four forms
REFUSED: dict[str, tuple[str, str, str]] = {
    "K-7.4 word": ("foo", "NotFoundException", "Invalid keyId 'foo'"),
    "K-7.4 uuid without dashes": ("0" * 32, "NotFoundException", f"Invalid keyId '{'0' * 32}'"),
    "K-7.4 short mrk": ("mrk-12", "NotFoundException", "Invalid keyId 'mrk-12'"),
    "K-7.4 alias without prefix": ("my-alias", "NotFoundException", "Invalid keyId 'my-alias'"),
    "K-7.4 key/id": (f"key/{FRESH}", "NotFoundException", f"Invalid keyId 'key/{FRESH}'"),
    "K-7.4 blank before": (f" {FRESH}", "NotFoundException", f"Invalid keyId ' {FRESH}'"),
    "K-7.4 line after": (f"{FRESH}\n", "NotFoundException", f"Invalid keyId '{FRESH}\n'"),
    "K-7.5 id": (FRESH, "NotFoundException", f"Key '{HERE}:key/{FRESH}' does not exist"),
    "K-7.5 id in capitals": (
        FRESH.upper(),
        "NotFoundException",
        f"Key '{HERE}:key/{FRESH}' does not exist",
    ),
    "K-7.5 mrk": (FRESH_MRK, "NotFoundException", f"Key '{HERE}:key/{FRESH_MRK}' does not exist"),
    "K-7.5 ARN": (
        f"{HERE}:key/{FRESH}",
        "NotFoundException",
        f"Key '{HERE}:key/{FRESH}' does not exist",
    ),
    "K-7.1 bad id in ARN": (f"{HERE}:key/foo", "NotFoundException", "Invalid keyId foo"),
    "K-7.1 other region": (
        f"arn:aws:kms:{ELSEWHERE}:{ACCOUNT}:key/{FRESH}",
        "NotFoundException",
        f"Invalid arn {ELSEWHERE}",
    ),
    "K-7.1 other region and a bad id": (
        f"arn:aws:kms:{ELSEWHERE}:{ACCOUNT}:key/foo",
        "NotFoundException",
        f"Invalid arn {ELSEWHERE}",
    ),
    "Q-4 other region and account": (
        f"arn:aws:kms:{ELSEWHERE}:{OTHER}:key/{FRESH}",
        "NotFoundException",
        f"Invalid arn {ELSEWHERE}",
    ),
    "K-7.1 other partition": (
        f"arn:aws-cn:kms:{REGION}:{ACCOUNT}:key/{FRESH}",
        "InvalidArnException",
        f"Invalid arn arn:aws-cn:kms:{REGION}:{ACCOUNT}:key/{FRESH}",
    ),
    "K-7.1 other service": (
        f"arn:aws:s3:{REGION}:{ACCOUNT}:key/{FRESH}",
        "InvalidArnException",
        f"Invalid arn arn:aws:s3:{REGION}:{ACCOUNT}:key/{FRESH}",
    ),
    "K-7.1 too few parts": ("arn:aws:kms", "InvalidArnException", "Invalid arn arn:aws:kms"),
    "13 other kind": (f"{HERE}:grant/x", "InvalidArnException", f"Invalid arn {HERE}:grant/x"),
    "13 no account": (
        f"arn:aws:kms:{REGION}::key/{FRESH}",
        "InvalidArnException",
        f"Invalid arn arn:aws:kms:{REGION}::key/{FRESH}",
    ),
}
ALIASES_REFUSED: dict[str, tuple[str, str, str]] = {
    "K-7.2 alias": ("alias/none", "NotFoundException", f"Alias {HERE}:alias/none is not found."),
    "K-7.1 alias ARN": (
        f"{HERE}:alias/none",
        "NotFoundException",
        f"Alias {HERE}:alias/none is not found.",
    ),
    "K-7.1 alias in another region": (
        f"arn:aws:kms:{ELSEWHERE}:{ACCOUNT}:alias/none",
        "NotFoundException",
        f"Invalid arn {ELSEWHERE}",
    ),
}


def reach(world: World, operation: str) -> None:
    """Make what the operation needs besides the key."""
    if operation == "UpdateAlias":
        world.alias("alias/old", world.key())


@pytest.mark.parametrize(("identifier", "code", "message"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("operation", NAMING)
def test_what_names_no_key_is_refused_alike_by_every_operation(
    world: World, operation: str, identifier: str, code: str, message: str
) -> None:
    """CORE K-7, AUTH Q-3, Q-4: answered without an authorization check."""
    reach(world, operation)
    for parameters in naming_all(operation, identifier):
        reply = world.ask(operation, **parameters)

        assert reply.error is not None
        assert (reply.error.code, reply.error.message) == (code, message)
        # The key of ListAliases is but a filter: it is looked up by whoever may list.
        assert len(reply.decisions) == (1 if operation == "ListAliases" else 0)


@pytest.mark.parametrize(
    ("identifier", "code", "message"), ALIASES_REFUSED.values(), ids=ALIASES_REFUSED
)
@pytest.mark.parametrize("operation", sorted(WITH_ALIASES))
def test_an_alias_that_is_not_there_is_not_found(
    world: World, operation: str, identifier: str, code: str, message: str
) -> None:
    """CORE K-7."""
    for parameters in naming_all(operation, identifier):
        assert world.told(operation, **parameters) == (code, message)


@pytest.mark.parametrize(
    "identifier",
    ["alias/a", "alias/none", f"{HERE}:alias/a", f"arn:aws:kms:{REGION}:{OTHER}:alias/a"],
)
@pytest.mark.parametrize("operation", KEY_ONLY)
def test_where_only_keys_may_stand_an_alias_is_refused_unseen(
    world: World, key: Key, operation: str, identifier: str
) -> None:
    """CORE K-9: before the alias is looked up."""
    world.alias("alias/a", key)

    assert world.told(operation, **naming(operation, identifier)) == (
        "InvalidArnException",
        "Key Aliases are not supported for this operation.",
    )


@pytest.mark.parametrize("identifier", ["alias/a", f"{HERE}:alias/a", "alias/none"])
@pytest.mark.parametrize("operation", sorted(MEMBERS))
def test_an_alias_must_point_at_a_key(
    world: World, key: Key, operation: str, identifier: str
) -> None:
    """CORE K-163."""
    world.alias("alias/a", key)
    reach(world, operation)

    assert world.told(operation, **naming(operation, identifier)) == (
        "ValidationException",
        "Aliases must refer to keys. Not aliases",
    )


def test_an_alias_without_its_key_is_not_found(world: World, key: Key) -> None:
    """AUTH Q-5."""
    world.alias("alias/a", key)
    world.change(lambda state: replace(state, keys=state.keys.discard(str(key.arn))))

    assert world.told("DescribeKey", KeyId="alias/a") == (
        "NotFoundException",
        f"Alias {HERE}:alias/a is not found.",
    )


def test_a_caller_of_another_partition_has_keys_there(world: World) -> None:
    """CORE K-6."""
    china = Principal(PrincipalKind.ROOT, arn(f"arn:aws-cn:iam::{ACCOUNT}:root"))

    made = world.do("CreateKey", china)["KeyMetadata"]["Arn"]

    assert made.startswith(f"arn:aws-cn:kms:{REGION}:{ACCOUNT}:key/")
    assert (
        f'"arn:aws-cn:iam::{ACCOUNT}:root"' in world.do("GetKeyPolicy", china, KeyId=made)["Policy"]
    )
    assert world.do("DescribeKey", china, KeyId=made)["KeyMetadata"]["Arn"] == made
    assert world.do("ListKeys", china)["Keys"][0]["KeyArn"] == made
    world.do("CreateAlias", china, AliasName="alias/a", TargetKeyId=made)
    assert world.do("ListAliases", china)["Aliases"][0]["AliasArn"].startswith("arn:aws-cn:kms:")
    world.do("CreateGrant", china, KeyId=made, GranteePrincipal=OTHER, Operations=["Decrypt"])
    grant = world.do("ListGrants", china, KeyId=made)["Grants"][0]
    assert grant["IssuingAccount"] == f"arn:aws-cn:iam::{ACCOUNT}:root"


def test_callers_without_an_account_name_keys_by_their_arn(world: World) -> None:
    """AUTH E-9."""
    name = "s3.amazonaws.com"
    key = world.key(policy=document(key_statement(principal={"Service": name})))
    service = service_principal(name)

    assert world.do("DescribeKey", service, KeyId=str(key.arn))["KeyMetadata"]["KeyId"] == key.id
    assert world.told("DescribeKey", service, KeyId=key.id)[0] == "NotFoundException"


# Keys of other accounts (CORE K-8)

FOREIGN_FORMS: dict[str, Callable[[Key], str]] = {
    "ARN": lambda key: str(key.arn),
    "alias ARN": lambda key: f"arn:aws:kms:{REGION}:{key.account}:alias/a",
}
SIDES: dict[str, tuple[tuple[dict[str, Any], ...], str]] = {
    # What the caller may do in the own account, and what a foreign key policy says.
    "nobody allows": ((), document(key_statement(principal=f"arn:aws:iam::{OTHER}:root"))),
    "only the caller's side allows": (
        (ALLOW_ALL,),
        document(key_statement(principal=f"arn:aws:iam::{OTHER}:root")),
    ),
    "only the key's side allows": ((), document(key_statement())),
    "the key's side denies": (
        (ALLOW_ALL,),
        document(key_statement(), key_statement("Deny")),
    ),
    "the caller's side denies": (
        (ALLOW_ALL, {**ALLOW_ALL, "Effect": "Deny"}),
        document(key_statement()),
    ),
}


def answers(world: World, operation: str, identifier: str, stranger: Principal) -> list[Any]:
    return [
        world.told(operation, stranger, **parameters)
        for parameters in naming_all(operation, identifier)
    ]


FOREIGN = [
    (operation, form)
    for operation in NAMING
    for form in FOREIGN_FORMS
    if form == "ARN" or operation in WITH_ALIASES
]


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(("operation", "form"), FOREIGN)
def test_a_foreign_key_that_denies_looks_like_one_that_is_not_there(
    operation: str, form: str, side: str
) -> None:
    """CORE K-8, AUTH M-12, M-14, L-37."""
    statements, policy = SIDES[side]

    def told(there: bool) -> list[Any]:
        world = World()
        stranger = world.user("stranger", *statements)
        key = world.key(account=OTHER, policy=policy)
        world.alias("alias/a", key)
        if operation == "UpdateAlias":
            world.alias("alias/old", world.key(policy=document(key_statement())))
        if not there:
            world.change(lambda state: state.without_key(key))
        return answers(world, operation, FOREIGN_FORMS[form](key), stranger)

    assert told(there=True) == told(there=False)


UNREACHABLE = (
    "because the resource does not exist in this Region, no resource-based policies allow access, "
    "or a resource-based policy explicitly denies access"
)


@pytest.mark.parametrize("form", FOREIGN_FORMS.values(), ids=FOREIGN_FORMS)
@pytest.mark.parametrize("there", [True, False])
def test_the_denial_for_a_foreign_key_has_the_words_of_the_service(
    world: World, form: Callable[[Key], str], there: bool
) -> None:
    """CORE K-8."""
    key = world.key(account=OTHER)
    world.alias("alias/a", key)
    if not there:
        world.change(lambda state: state.without_key(key))

    assert world.told("Encrypt", KeyId=form(key), Plaintext=b"x") == (
        "AccessDeniedException",
        f"User: {user_arn('admin')} is not authorized to perform: kms:Encrypt on this resource "
        f"{UNREACHABLE}",
    )


@pytest.mark.parametrize("there", [True, False])
def test_operations_that_stay_at_home_deny_a_foreign_key_whatever_its_policy(
    world: World, there: bool
) -> None:
    """CORE K-8, AUTH K-61."""
    key = world.key(account=OTHER, policy=document(key_statement()))
    if not there:
        world.change(lambda state: state.without_key(key))

    assert world.told("DisableKey", KeyId=str(key.arn))[1] == (
        f"User: {user_arn('admin')} is not authorized to perform: kms:DisableKey on this resource "
        f"{UNREACHABLE}"
    )


@pytest.mark.parametrize("there", [True, False])
def test_the_destination_of_a_re_encryption_is_denied_by_its_own_name(
    world: World, there: bool
) -> None:
    """AUTH K-65."""
    mine, key = world.key(), world.key(account=OTHER)
    world.alias("alias/a", key)
    blob = world.do("Encrypt", KeyId=mine.id, Plaintext=b"x")["CiphertextBlob"]
    if not there:
        world.change(lambda state: state.without_key(key))

    for form in FOREIGN_FORMS.values():
        message = world.told("ReEncrypt", CiphertextBlob=blob, DestinationKeyId=form(key))[1]

        assert message == (
            f"User: {user_arn('admin')} is not authorized to perform: kms:ReEncryptTo on this "
            f"resource {UNREACHABLE}"
        )


def test_a_foreign_key_that_allows_can_be_used_by_arn_and_alias_arn(world: World) -> None:
    """CORE K-8, AUTH L-36."""
    key = world.key(account=OTHER, policy=document(key_statement(principal=ROOT)))
    world.alias("alias/a", key)

    for form in FOREIGN_FORMS.values():
        assert world.do("Encrypt", KeyId=form(key), Plaintext=b"x")["KeyId"] == str(key.arn)
    assert world.told("Encrypt", KeyId=key.id, Plaintext=b"x")[0] == "NotFoundException"
    assert world.told("Encrypt", KeyId="alias/a", Plaintext=b"x")[0] == "NotFoundException"


def test_listing_the_aliases_of_a_foreign_key_finds_no_key(world: World) -> None:
    """CORE K-167."""
    key = world.key(account=OTHER, policy=document(key_statement()))
    before = world.told("ListAliases", KeyId=str(key.arn))
    world.change(lambda state: state.without_key(key))

    assert before == world.told("ListAliases", KeyId=str(key.arn))
    assert before == ("NotFoundException", f"Key '{key.arn}' does not exist")


@pytest.mark.parametrize("grants", [0, 1])
def test_the_grants_of_a_foreign_key_stay_unseen(world: World, grants: int) -> None:
    """CORE K-8: retiring an unknown grant tells nothing of the key."""
    owner = world.user("owner", ALLOW_ALL, account=OTHER)
    key = world.key(account=OTHER)
    for _ in range(grants):
        world.do("CreateGrant", owner, KeyId=key.id, GranteePrincipal=OTHER, Operations=["Decrypt"])
    parameters = {"KeyId": str(key.arn), "GrantId": "ab" * 32}
    before = [world.told(operation, **parameters) for operation in ("RetireGrant", "RevokeGrant")]
    world.change(lambda state: state.without_key(key))

    after = [world.told(operation, **parameters) for operation in ("RetireGrant", "RevokeGrant")]
    assert before == after
    assert {code for code, _ in before} == {"AccessDeniedException"}


# Keys that are found through a ciphertext (CORE K-65.2)


def sealed(world: World, account: str) -> tuple[Key, bytes]:
    root = f"arn:aws:iam::{account}:root"
    key = world.key(account=account, policy=document(key_statement(principal=root)))
    owner = world.user("owner", ALLOW_ALL, account=account)
    return key, world.do("Encrypt", owner, KeyId=key.id, Plaintext=b"x")["CiphertextBlob"]


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("operation", ["Decrypt", "ReEncrypt"])
def test_a_ciphertext_of_a_foreign_key_does_not_tell_whether_the_key_is_there(
    operation: str, side: str
) -> None:
    """CORE K-65.2, AUTH M-13, M-15."""
    statements, policy = SIDES[side]
    action = "ReEncryptFrom" if operation == "ReEncrypt" else operation

    def told(there: bool) -> Any:
        world = World()
        stranger = world.user("stranger", *statements)
        key, blob = sealed(world, OTHER)
        mine = world.key(policy=document(key_statement(principal=user_arn("stranger"))))
        world.put(replace(world.found(key), policy=policy, bound_ids={}))
        if not there:
            world.change(lambda state: state.without_key(key))
        more = {"DestinationKeyId": mine.id} if operation == "ReEncrypt" else {}
        return world.told(operation, stranger, CiphertextBlob=blob, **more)

    assert told(there=True) == told(there=False)
    assert told(there=True) == (
        "AccessDeniedException",
        f"User: {user_arn('stranger')} is not authorized to perform: kms:{action} on the resource "
        f"associated with this ciphertext {UNREACHABLE}",
    )


def test_a_ciphertext_of_a_deleted_key_is_denied_to_its_owner_too(world: World) -> None:
    """CORE K-65.2, K-146, Appendix B."""
    key = world.key()
    blob = world.do("Encrypt", KeyId=key.id, Plaintext=b"x")["CiphertextBlob"]
    world.do("ScheduleKeyDeletion", KeyId=key.id, PendingWindowInDays=7)
    world.advance(days=7)

    assert world.told("Decrypt", CiphertextBlob=blob) == (
        "AccessDeniedException",
        f"User: {user_arn('admin')} is not authorized to perform: kms:Decrypt on the resource "
        f"associated with this ciphertext {UNREACHABLE}",
    )
    assert world.told("Decrypt", CiphertextBlob=blob, KeyId=key.id) == (
        "NotFoundException",
        f"Key '{key.arn}' does not exist",
    )


def test_a_denial_through_a_ciphertext_names_the_key_at_home(world: World) -> None:
    """AUTH M-15."""
    key = world.key()
    blob = world.do("Encrypt", KeyId=key.id, Plaintext=b"x")["CiphertextBlob"]

    assert world.told("Decrypt", world.user("bob"), CiphertextBlob=blob)[1] == (
        f"User: {user_arn('bob')} is not authorized to perform: kms:Decrypt on resource: {key.arn} "
        "because no identity-based policy allows the kms:Decrypt action"
    )


def test_a_ciphertext_of_another_region_finds_no_key_here(world: World) -> None:
    key = world.key(region=ELSEWHERE)
    blob = world.do("Encrypt", region=ELSEWHERE, KeyId=key.id, Plaintext=b"x")["CiphertextBlob"]

    assert world.told("Decrypt", CiphertextBlob=blob)[0] == "AccessDeniedException"


def test_the_bare_id_of_a_foreign_key_will_do_where_the_ciphertext_says_the_same(
    world: World,
) -> None:
    """CORE K-65.7, AUTH K-69."""
    key, blob = sealed(world, OTHER)
    world.set_policy(key, key_statement(principal=ROOT))
    mine, named = world.key(), {"CiphertextBlob": blob, "DestinationKeyId": world.key().id}

    assert world.do("Decrypt", CiphertextBlob=blob, KeyId=key.id)["Plaintext"] == b"x"
    assert world.do("Decrypt", CiphertextBlob=blob, KeyId=key.id.upper())["KeyId"] == str(key.arn)
    assert world.do("ReEncrypt", SourceKeyId=key.id, **named)["SourceKeyId"] == str(key.arn)
    assert world.told("Decrypt", CiphertextBlob=blob, KeyId=mine.id)[0] == "IncorrectKeyException"
    assert world.told("Decrypt", CiphertextBlob=blob, KeyId=FRESH)[0] == "NotFoundException"


# AWS managed keys (CORE K-21)


def test_the_target_of_a_key_says_who_manages_it(key: Key) -> None:
    managed = replace(key, manager=KeyManager.AWS)

    assert not of_key(key).resource.aws_managed
    assert of_key(managed).resource.aws_managed


@pytest.mark.parametrize(
    "operation",
    ["CancelKeyDeletion", "CreateAlias", "DisableKey", "EnableKey", "PutKeyPolicy",
     "ScheduleKeyDeletion", "TagResource", "UntagResource", "UpdateAlias"],
)  # fmt: skip
def test_nobody_changes_a_key_that_aws_manages(world: World, operation: str) -> None:
    """CORE K-21, K-163, K-169; AUTH K-82, P-5."""
    open_to_all = document(key_statement())
    key = world.key(policy=open_to_all, manager=KeyManager.AWS)
    if operation == "UpdateAlias":
        world.alias("alias/old", world.key())

    for caller in (world.admin, world.root()):
        code, message = world.told(operation, caller, **naming(operation, key.id))
        assert code == "AccessDeniedException"
        assert message is not None
        assert message.endswith(f"no resource-based policy allows the kms:{operation} action")
    assert world.found(key) == key


def test_a_key_that_is_pending_deletion_still_exists(world: World) -> None:
    key = world.key(state=PENDING_DELETION)

    assert described(world, key.id) == str(key.arn)


def test_a_world_without_accounts_resolves_as_well() -> None:
    """CORE K-78: the directory only knows simulated accounts."""
    world = World(Settings(), state=State())
    root = world.root("999999999999")

    made = world.do("CreateKey", root)["KeyMetadata"]["KeyId"]

    assert "999999999999" not in world.state.directory.accounts
    assert Account(ACCOUNT).organization is None
    assert world.do("DescribeKey", root, KeyId=made)["KeyMetadata"]["AWSAccountId"] == "9" * 12
