"""Requests against the service model: what is refused, in which words, and what is let through."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator
from hypothesis import given, settings
from hypothesis import strategies as st

from kms.errors import KmsError, SerializationFailed, UnknownOperation, ValidationFailed
from kms.resources import shipped
from kms.shapes import (
    MAX_SHOWN_CHARACTERS,
    MAX_SHOWN_VIOLATIONS,
    check,
    limits,
    operation_names,
    secret_members,
    takes,
)

SERVICE_MODEL = json.loads((shipped("kms", "schemas") / "kms-2014-11-01.json").read_text())
KEY = "1234abcd-12ab-34cd-56ef-1234567890ab"
NOT_NULL = "Member must not be null"
AT_LEAST_1 = "Member must have length greater than or equal to 1"
ASCII = r"Member must satisfy regular expression pattern: ^\p{ASCII}+$"
ALIAS = "Member must satisfy regular expression pattern: ^[a-zA-Z0-9:/_-]+$"
SIGNING = (
    "[RSASSA_PSS_SHA_256, RSASSA_PSS_SHA_384, RSASSA_PSS_SHA_512, RSASSA_PKCS1_V1_5_SHA_256, "
    "RSASSA_PKCS1_V1_5_SHA_384, RSASSA_PKCS1_V1_5_SHA_512, ECDSA_SHA_256, ECDSA_SHA_384, "
    "ECDSA_SHA_512, ED25519_SHA_512, ED25519_PH_SHA_512, SM2DSA, ML_DSA_SHAKE_256]"
)
KEY_SPECS = (
    "[RSA_2048, RSA_3072, RSA_4096, ECC_NIST_P256, ECC_NIST_P384, ECC_NIST_P521, ECC_SECG_P256K1, "
    "ECC_NIST_EDWARDS25519, SYMMETRIC_DEFAULT, HMAC_224, HMAC_256, HMAC_384, HMAC_512, SM2, "
    "ML_DSA_44, ML_DSA_65, ML_DSA_87]"
)


def value(shown: object, path: str, constraint: str) -> str:
    return f"Value '{shown}' at '{path}' failed to satisfy constraint: {constraint}"


def null(path: str) -> str:
    return f"Value null at '{path}' failed to satisfy constraint: {NOT_NULL}"


def unseen(path: str, constraint: str) -> str:
    return f"Value at '{path}' failed to satisfy constraint: {constraint}"


def refusal(operation: str, parameters: dict[str, Any]) -> str:
    with pytest.raises(ValidationFailed) as caught:
        check(operation, parameters)
    assert caught.value.message is not None
    return caught.value.message


ONE = [
    pytest.param("Encrypt", {"Plaintext": b"x"}, null("keyId"), id="K-38-null"),
    pytest.param(
        "GenerateRandom",
        {"NumberOfBytes": 1025},
        value(1025, "numberOfBytes", "Member must have value less than or equal to 1024"),
        id="K-38-value-above",
    ),
    pytest.param(
        "EnableKeyRotation",
        {"KeyId": KEY, "RotationPeriodInDays": 89},
        value(89, "rotationPeriodInDays", "Member must have value greater than or equal to 90"),
        id="K-45-rotation-period-below",
    ),
    pytest.param(
        "EnableKeyRotation",
        {"KeyId": KEY, "RotationPeriodInDays": 2561},
        value(2561, "rotationPeriodInDays", "Member must have value less than or equal to 2560"),
        id="K-45-rotation-period-above",
    ),
    pytest.param(
        "ScheduleKeyDeletion",
        {"KeyId": KEY, "PendingWindowInDays": 366},
        value(366, "pendingWindowInDays", "Member must have value less than or equal to 365"),
        id="K-38-window-beyond-the-model",
    ),
    pytest.param(
        "TagResource",
        {"KeyId": KEY, "Tags": [{"TagKey": "a", "TagValue": ""}, {"TagKey": "", "TagValue": ""}]},
        value("", "tags.2.member.tagKey", AT_LEAST_1),
        id="K-37-K-170-path-into-a-list",
    ),
    pytest.param(
        "TagResource",
        {"KeyId": KEY, "Tags": [{"TagKey": "a"}]},
        null("tags.1.member.tagValue"),
        id="K-37-null-inside-a-list",
    ),
    pytest.param(
        "UntagResource",
        {"KeyId": KEY, "TagKeys": ["a", "b" * 129]},
        value("b" * 129, "tagKeys.2.member", "Member must have length less than or equal to 128"),
        id="K-38-too-long-in-a-list",
    ),
    pytest.param(
        "CreateAlias",
        {"AliasName": "alias/ä", "TargetKeyId": KEY},
        value("alias/ä", "aliasName", ALIAS),
        id="K-162-characters-of-an-alias",
    ),
    pytest.param(
        "CreateAlias",
        {"AliasName": "alias/x\n", "TargetKeyId": KEY},
        value("alias/x\N{REPLACEMENT CHARACTER}", "aliasName", ALIAS),
        id="K-38-patterns-match-whole-texts",
    ),
    pytest.param(
        "GetKeyPolicy",
        {"KeyId": KEY, "PolicyName": "défaut"},
        value("défaut", "policyName", r"Member must satisfy regular expression pattern: [\w]+"),
        id="K-38-word-characters-are-ascii",
    ),
    pytest.param(
        "ListKeys",
        {"ResourceOwners": ["SELF", "SELF", "SELF"]},
        value(
            "[SELF, SELF, SELF]",
            "resourceOwners",
            "Member must have length less than or equal to 2",
        ),
        id="K-38-list-too-long",
    ),
    pytest.param(
        "DescribeKey", {"KeyId": "キー"}, value("キー", "keyId", ASCII), id="K-40-key-id-is-ascii"
    ),
    pytest.param(
        "CreateAlias",
        {"AliasName": "alias/x", "TargetKeyId": "é"},
        value("é", "targetKeyId", ASCII),
        id="K-40-every-member-that-names-a-key",
    ),
    pytest.param(
        "UpdateKeyDescription",
        {"KeyId": KEY, "Description": "\U0001f511" * 4097},
        value(
            "\U0001f511" * (MAX_SHOWN_CHARACTERS - 1) + "…",
            "description",
            "Member must have length less than or equal to 8192",
        ),
        id="K-41-utf-16-code-units-count",
    ),
    pytest.param(
        "Encrypt", {"KeyId": KEY}, unseen("plaintext", NOT_NULL), id="K-39-null-sensitive"
    ),
    pytest.param(
        "Encrypt",
        {"KeyId": KEY, "Plaintext": b""},
        unseen("plaintext", AT_LEAST_1),
        id="K-39-empty-sensitive",
    ),
    pytest.param(
        "Encrypt",
        {"KeyId": KEY, "Plaintext": bytes(4097)},
        unseen("plaintext", "Member must have length less than or equal to 4096"),
        id="K-39-K-64-long-plaintext",
    ),
    pytest.param(
        "Verify",
        {"KeyId": KEY, "Message": b"x", "SigningAlgorithm": "ECDSA_SHA_256"},
        null("signature"),
        id="K-39-null-blob",
    ),
    pytest.param(
        "Verify",
        {"KeyId": KEY, "Message": b"x", "Signature": b"", "SigningAlgorithm": "ECDSA_SHA_256"},
        unseen("signature", AT_LEAST_1),
        id="K-39-empty-blob",
    ),
    pytest.param(
        "UpdateCustomKeyStore",
        {"CustomKeyStoreId": "cks-1", "KeyStorePassword": "secret"},
        unseen("keyStorePassword", "Member must have length greater than or equal to 7"),
        id="K-39-sensitive-text",
    ),
    pytest.param(
        "RetireGrant",
        {"GrantToken": "t" * 8193},
        unseen("grantToken", "Member must have length less than or equal to 8192"),
        id="K-179-grant-token",
    ),
    pytest.param(
        "DescribeKey",
        {"KeyId": KEY, "GrantTokens": ["t"] * 11},
        unseen("grantTokens", "Member must have length less than or equal to 10"),
        id="K-179-grant-tokens",
    ),
    pytest.param(
        "Sign",
        {"KeyId": KEY, "Message": b"x", "MessageType": "FOO", "SigningAlgorithm": "ECDSA_SHA_256"},
        value(
            "FOO", "messageType", "Member must satisfy enum value set: [RAW, DIGEST, EXTERNAL_MU]"
        ),
        id="K-42-message-type",
    ),
    pytest.param(
        "Sign",
        {"KeyId": KEY, "Message": b"x", "SigningAlgorithm": "FOO"},
        value("FOO", "signingAlgorithm", f"Member must satisfy enum value set: {SIGNING}"),
        id="K-42-signing-algorithm",
    ),
    pytest.param(
        "ReEncrypt",
        {
            "CiphertextBlob": b"x",
            "DestinationKeyId": KEY,
            "DestinationEncryptionAlgorithm": "FOO",
        },
        value(
            "FOO",
            "destinationEncryptionAlgorithm",
            "Member must satisfy enum value set: "
            "[RSAES_OAEP_SHA_1, RSAES_OAEP_SHA_256, SM2PKE, SYMMETRIC_DEFAULT]",
        ),
        id="K-42-encryption-algorithm",
    ),
    pytest.param(
        "GenerateMac",
        {"KeyId": KEY, "Message": b"x", "MacAlgorithm": "FOO"},
        value(
            "FOO",
            "macAlgorithm",
            "Member must satisfy enum value set: "
            "[HMAC_SHA_384, HMAC_SHA_256, HMAC_SHA_224, HMAC_SHA_512]",
        ),
        id="K-42-mac-algorithm",
    ),
    pytest.param(
        "GenerateDataKey",
        {"KeyId": KEY, "KeySpec": "AES-256"},
        value("AES-256", "keySpec", f"Member must satisfy enum value set: {KEY_SPECS}"),
        id="K-42-data-key-spec",
    ),
    pytest.param(
        "GenerateDataKeyWithoutPlaintext",
        {"KeyId": KEY, "KeySpec": "RSA_2048"},
        value("RSA_2048", "keySpec", f"Member must satisfy enum value set: {KEY_SPECS}"),
        id="K-42-data-key-spec-that-only-seems-allowed",
    ),
    pytest.param(
        "ListKeyRotations",
        {"KeyId": KEY, "IncludeKeyMaterial": "SOME"},
        value(
            "SOME",
            "includeKeyMaterial",
            "Member must satisfy enum value set: [ALL_KEY_MATERIAL, ROTATIONS_ONLY]",
        ),
        id="K-42-otherwise-the-order-of-the-model",
    ),
    pytest.param("Decrypt", {"KeyId": KEY}, null("ciphertextBlob"), id="K-47-decrypt"),
    pytest.param(
        "ReEncrypt", {"DestinationKeyId": KEY}, null("ciphertextBlob"), id="K-47-re-encrypt"
    ),
    pytest.param(
        "Decrypt",
        {"DryRunModifiers": ["IGNORE_CIPHERTEXT"]},
        null("ciphertextBlob"),
        id="K-47-modifier-without-dry-run",
    ),
    pytest.param(
        "Decrypt",
        {"DryRun": True, "DryRunModifiers": ["IGNORE_CIPHERTEXT"], "CiphertextBlob": b"x"},
        null("keyId"),
        id="K-47-the-key-instead-of-the-ciphertext",
    ),
    pytest.param(
        "ReEncrypt",
        {"DryRun": True, "DryRunModifiers": ["IGNORE_CIPHERTEXT"], "DestinationKeyId": KEY},
        null("sourceKeyId"),
        id="K-47-the-source-key-instead-of-the-ciphertext",
    ),
]


@pytest.mark.parametrize(("operation", "parameters", "violation"), ONE)
def test_a_broken_constraint_is_told_in_the_words_of_the_service(
    operation: str, parameters: dict[str, Any], violation: str
) -> None:
    assert refusal(operation, parameters) == f"1 validation error detected: {violation}"


def test_an_empty_key_id_breaks_two_constraints() -> None:
    """CORE K-40."""
    assert refusal("DescribeKey", {"KeyId": ""}) == (
        "2 validation errors detected: "
        "Value '' at 'keyId' failed to satisfy constraint: "
        "Member must have length greater than or equal to 1; "
        "Value '' at 'keyId' failed to satisfy constraint: "
        r"Member must satisfy regular expression pattern: ^\p{ASCII}+$"
    )


def test_all_violations_are_told_in_the_order_of_the_model() -> None:
    """CORE K-43: those of one member stay together, whatever the order of the request."""
    parameters = {"TargetKeyId": "", "AliasName": "ä" * 257}
    assert refusal("CreateAlias", parameters) == "4 validation errors detected: " + "; ".join(
        [
            value("ä" * 257, "aliasName", "Member must have length less than or equal to 256"),
            value("ä" * 257, "aliasName", ALIAS),
            value("", "targetKeyId", AT_LEAST_1),
            value("", "targetKeyId", ASCII),
        ]
    )


@pytest.mark.parametrize(
    ("operation", "parameters", "message"),
    [
        ("GenerateRandom", {}, "NumberOfBytes is required."),
        (
            "ScheduleKeyDeletion",
            {"KeyId": KEY, "PendingWindowInDays": 6},
            "PendingWindowInDays must be between 7 and 30",
        ),
        (
            "ScheduleKeyDeletion",
            {"KeyId": KEY, "PendingWindowInDays": 31},
            "PendingWindowInDays must be between 7 and 30",
        ),
    ],
)
def test_the_service_knows_more_than_its_model(
    operation: str, parameters: dict[str, Any], message: str
) -> None:
    """CORE K-45."""
    assert refusal(operation, parameters) == message


def test_dry_run_modifiers_need_a_dry_run() -> None:
    """CORE K-47."""
    parameters = {"CiphertextBlob": b"x", "DryRunModifiers": ["IGNORE_CIPHERTEXT"]}
    assert "DryRun" in refusal("Decrypt", parameters)


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        ("ListKeys", {}),
        ("GenerateRandom", {"NumberOfBytes": 1}),
        ("GenerateRandom", {"NumberOfBytes": 1024}),
        ("GenerateDataKey", {"KeyId": KEY, "KeySpec": "AES_256"}),
        ("Encrypt", {"KeyId": KEY, "Plaintext": bytes(4096), "EncryptionContext": {"": ""}}),
        ("EnableKeyRotation", {"KeyId": KEY, "RotationPeriodInDays": 90}),
        ("EnableKeyRotation", {"KeyId": KEY, "RotationPeriodInDays": 2560}),
        ("ScheduleKeyDeletion", {"KeyId": KEY, "PendingWindowInDays": 7}),
        ("ScheduleKeyDeletion", {"KeyId": KEY, "PendingWindowInDays": 30}),
        ("UpdateKeyDescription", {"KeyId": KEY, "Description": "\U0001f511" * 4096}),
        ("Decrypt", {"CiphertextBlob": b"x", "DryRunModifiers": []}),
        (
            "Decrypt",
            {"KeyId": KEY, "DryRun": True, "DryRunModifiers": ["IGNORE_CIPHERTEXT"]},
        ),
    ],
)
def test_a_good_request_comes_back_as_it_was(operation: str, parameters: dict[str, Any]) -> None:
    assert check(operation, parameters) == parameters


def test_a_marker_of_any_length_is_left_to_the_listing() -> None:
    """CORE K-52: too long a marker is an invalid marker, not a broken constraint."""
    assert check("ListKeys", {"Marker": "m" * 1025})
    assert AT_LEAST_1 in refusal("ListKeys", {"Marker": ""})


def test_unknown_members_and_null_are_dropped_at_every_depth() -> None:
    """CORE K-44."""
    parameters = {
        "KeyId": KEY,
        "GranteePrincipal": None,
        "Nonsense": object(),
        "Operations": [None, "Decrypt"],
        "Constraints": {
            "EncryptionContextSubset": {"a": None, "b": "c"},
            "SourceArn": None,
            "Nonsense": 1,
        },
    }
    assert check("CreateGrant", parameters) == {
        "KeyId": KEY,
        "Operations": ["Decrypt"],
        "Constraints": {"EncryptionContextSubset": {"b": "c"}},
    }


def test_the_result_shares_no_list_and_no_dict_with_the_request() -> None:
    tag = {"TagKey": "a", "TagValue": "b"}
    tags = [tag]
    checked = check("TagResource", {"KeyId": KEY, "Tags": tags})
    tag["TagKey"] = "c"
    tags.clear()
    assert checked["Tags"] == [{"TagKey": "a", "TagValue": "b"}]


def test_instants_arrive_in_utc() -> None:
    blob = {"ImportToken": b"x", "EncryptedKeyMaterial": b"x"}
    there = datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=1)))
    checked = check("ImportKeyMaterial", {"KeyId": KEY, "ValidTo": there, **blob})
    assert checked["ValidTo"] == datetime(2026, 1, 1, tzinfo=UTC)
    assert checked["ValidTo"].tzinfo is UTC


@pytest.mark.parametrize(
    ("operation", "parameters", "message"),
    [
        ("DescribeKey", {"KeyId": 7}, "`keyId` must be a Unicode string"),
        ("DescribeKey", {"KeyId": b"7"}, "`keyId` must be a Unicode string"),
        ("DescribeKey", {"KeyId": "\ud800"}, "`keyId` must be a Unicode string"),
        ("GenerateRandom", {"NumberOfBytes": "7"}, "`numberOfBytes` must be a 32-bit integer"),
        ("GenerateRandom", {"NumberOfBytes": True}, "`numberOfBytes` must be a 32-bit integer"),
        ("GenerateRandom", {"NumberOfBytes": 7.0}, "`numberOfBytes` must be a 32-bit integer"),
        ("GenerateRandom", {"NumberOfBytes": 2**31}, "`numberOfBytes` must be a 32-bit integer"),
        (
            "GenerateRandom",
            {"NumberOfBytes": 10**5000},
            "`numberOfBytes` must be a 32-bit integer",
        ),
        ("CreateKey", {"MultiRegion": "true"}, "`multiRegion` must be true or false"),
        ("CreateKey", {"MultiRegion": 1}, "`multiRegion` must be true or false"),
        ("Encrypt", {"Plaintext": "text"}, "`plaintext` must be bytes"),
        ("TagResource", {"Tags": {"a": "b"}}, "`tags` must be a list"),
        ("UntagResource", {"TagKeys": "ab"}, "`tagKeys` must be a list"),
        ("TagResource", {"Tags": ["a"]}, "`tags.1.member` must be an object"),
        ("UntagResource", {"TagKeys": ["a", 2]}, "`tagKeys.2.member` must be a Unicode string"),
        ("Encrypt", {"EncryptionContext": [1]}, "`encryptionContext` must be an object"),
        (
            "Encrypt",
            {"EncryptionContext": {"a": 1}},
            "`encryptionContext.a.member` must be a Unicode string",
        ),
        (
            "Encrypt",
            {"EncryptionContext": {1: "a"}},
            "`encryptionContext` must be a Unicode string",
        ),
        (
            "ImportKeyMaterial",
            {"ValidTo": datetime(2026, 1, 1)},  # noqa: DTZ001
            "`validTo` must be a point in time with a time zone",
        ),
        (
            "ImportKeyMaterial",
            {"ValidTo": datetime.max.replace(tzinfo=timezone(timedelta(hours=-1)))},
            "`validTo` must be a point in time with a time zone",
        ),
        ("ImportKeyMaterial", {"ValidTo": 0}, "`validTo` must be a point in time with a time zone"),
    ],
)
def test_a_wrong_type_is_told_by_member_and_never_by_value(
    operation: str, parameters: dict[str, Any], message: str
) -> None:
    """CORE K-44; wrong types come before broken constraints."""
    with pytest.raises(SerializationFailed) as caught:
        check(operation, parameters)
    assert caught.value.message == message


def test_a_request_that_is_no_object_cannot_be_read() -> None:
    with pytest.raises(SerializationFailed, match="the request must be an object"):
        check("ListKeys", [])  # type: ignore[arg-type]


def test_an_unknown_operation_is_an_error_without_a_message() -> None:
    """CORE K-189."""
    for ask in (
        lambda: check("Foo", {}),
        lambda: takes("Foo", "KeyId"),
        lambda: secret_members("Foo"),
    ):
        with pytest.raises(UnknownOperation) as caught:
            ask()
        assert caught.value.message is None


def test_a_message_stays_small_whatever_is_sent() -> None:
    policy = "\N{SNOWMAN}" * 100_000
    message = refusal("PutKeyPolicy", {"KeyId": KEY, "Policy": policy})
    assert len(message) < MAX_SHOWN_CHARACTERS + 300
    message = refusal("UntagResource", {"KeyId": KEY, "TagKeys": [""] * 10_000})
    assert message.startswith("10000 validation errors detected: ")
    assert message.count("tagKeys") == MAX_SHOWN_VIOLATIONS


def test_control_characters_do_not_reach_the_message() -> None:
    message = refusal("PutKeyPolicy", {"KeyId": KEY, "Policy": "\x1b[2J\N{SNOWMAN}"})
    assert message.isprintable()


@pytest.mark.parametrize(
    ("operation", "members"),
    [
        ("Encrypt", {"Plaintext", "GrantTokens"}),
        ("Decrypt", {"CiphertextBlob", "GrantTokens", "Recipient"}),
        ("ReEncrypt", {"CiphertextBlob", "GrantTokens"}),
        ("Sign", {"Message", "GrantTokens"}),
        ("Verify", {"Message", "Signature", "GrantTokens"}),
        ("GenerateMac", {"Message", "GrantTokens"}),
        ("VerifyMac", {"Message", "Mac", "GrantTokens"}),
        ("GenerateDataKeyPair", {"GrantTokens", "Recipient"}),
        ("Encapsulate", {"GrantTokens"}),
        ("DeriveSharedSecret", {"PublicKey", "GrantTokens", "Recipient"}),
        ("Decapsulate", {"SharedSecretCiphertextBlob", "GrantTokens"}),
        ("GenerateRandom", {"Recipient"}),
        ("ImportKeyMaterial", {"ImportToken", "EncryptedKeyMaterial"}),
        ("RetireGrant", {"GrantToken"}),
        ("CreateCustomKeyStore", {"KeyStorePassword", "XksProxyAuthenticationCredential"}),
        ("UpdateCustomKeyStore", {"KeyStorePassword", "XksProxyAuthenticationCredential"}),
        ("CreateKey", set()),
        ("PutKeyPolicy", set()),
        ("TagResource", set()),
    ],
)
def test_what_must_never_be_logged(operation: str, members: set[str]) -> None:
    """CORE K-179; encryption contexts, descriptions, tags and policies are logged by design."""
    assert secret_members(operation) == members


@pytest.mark.parametrize("operation", sorted(operation_names()))
def test_the_grant_tokens_of_every_operation_are_secret(operation: str) -> None:
    """CORE K-179."""
    assert takes(operation, "GrantTokens") == ("GrantTokens" in secret_members(operation))


def test_an_operation_takes_its_own_members_only() -> None:
    assert takes("Encrypt", "DryRun")
    assert not takes("DescribeKey", "DryRun")
    assert not takes("Encrypt", "keyId")


# Whatever arrives, the answer is a request that the service's own model agrees with, or one of
# two errors


SHAPES = SERVICE_MODEL["shapes"]

STRANGE: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.just("half a surrogate pair: \ud800"),
    st.binary(max_size=3),
    st.datetimes(),
    st.lists(st.text(max_size=2), max_size=2),
    st.dictionaries(st.text(max_size=2) | st.integers(), st.text(max_size=2), max_size=2),
)


@cache
def nearly(name: str) -> st.SearchStrategy[Any]:
    """Values that mostly suit a shape of the model."""
    shape = SHAPES[name]
    least, most = shape.get("min", 0), shape.get("max", 4)
    good: st.SearchStrategy[Any]
    match shape["type"]:
        case "structure":
            members = {member: nearly(ref["shape"]) for member, ref in shape["members"].items()}
            required = {member: members.pop(member) for member in shape.get("required", ())}
            good = st.fixed_dictionaries(required, optional=members)
        case "list":
            good = st.lists(nearly(shape["member"]["shape"]), min_size=least, max_size=3)
        case "map":
            good = st.dictionaries(st.text(max_size=3), nearly(shape["value"]["shape"]), max_size=2)
        case "string" if "enum" in shape:
            good = st.sampled_from(shape["enum"])
        case "string":
            good = st.text("abc019:/.-", min_size=least, max_size=min(most, least + 4))
        case "blob":
            good = st.binary(min_size=least, max_size=4)
        case "integer":
            good = st.integers(least, most)
        case "boolean":
            good = st.booleans()
        case "timestamp":
            good = st.datetimes(timezones=st.just(UTC))
    return st.integers(0, 9).flatmap(lambda dice: good if dice else STRANGE)


def requests(operation: str) -> st.SearchStrategy[tuple[str, Any]]:
    shape = SERVICE_MODEL["operations"][operation]["input"]
    return st.tuples(st.just(operation), nearly(shape))


@cache
def botocore_model() -> ServiceModel:
    return ServiceModel(Loader().load_service_model("kms", "service-2"), "kms")


def outcome(operation: str, parameters: Any) -> dict[str, Any] | KmsError:
    try:
        return check(operation, parameters)
    except KmsError as error:
        return error


@settings(deadline=None)  # the first example also loads two models
@given(st.sampled_from(sorted(operation_names())).flatmap(requests))
def test_whatever_is_accepted_suits_the_model_and_the_rest_is_refused(
    sent: tuple[str, Any],
) -> None:
    operation, parameters = sent
    result = outcome(operation, parameters)
    if isinstance(result, KmsError):
        assert isinstance(result, SerializationFailed | ValidationFailed)
        assert str(result).isprintable()
        return
    assert check(operation, result) == result
    oracle = botocore_model().operation_model(operation).input_shape
    assert not ParamValidator().validate(result, oracle).has_errors()


def test_the_limits_of_a_number_are_those_of_the_model() -> None:
    """CORE K-3."""
    assert limits("EnableKeyRotation", "RotationPeriodInDays") == (90, 2560)
    assert limits("GenerateRandom", "NumberOfBytes") == (1, 1024)
