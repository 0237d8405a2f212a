"""Data keys, key pairs, their silent twins, and GenerateRandom (CORE K-68 to K-70)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from kms import Key, KeyUsage, envelope, hazmat
from kms.resources import shipped
from tests.kms_world import DISABLED, PENDING_IMPORT, Json, World, secret

PLAIN, SILENT = "GenerateDataKey", "GenerateDataKeyWithoutPlaintext"
BOTH = pytest.mark.parametrize("operation", [PLAIN, SILENT])
NEITHER_OR_BOTH = (
    "ValidationException",
    "Please specify either number of bytes or key spec.",
)
ASYMMETRIC = (
    "InvalidKeyUsageException",
    "You cannot generate a data key with an asymmetric CMK",
)


@pytest.mark.parametrize(
    ("asked", "size"),
    [
        ({"KeySpec": "AES_128"}, 16),
        ({"KeySpec": "AES_256"}, 32),
        ({"NumberOfBytes": 1}, 1),
        ({"NumberOfBytes": 1024}, 1024),
    ],
)
def test_a_data_key_comes_plain_and_sealed(world: World, key: Key, asked: Json, size: int) -> None:
    """CORE K-10, K-68."""
    output = world.do(PLAIN, KeyId=key.id, **asked)

    blob, plaintext = output.pop("CiphertextBlob"), output.pop("Plaintext")
    assert output == {"KeyId": str(key.arn), "KeyMaterialId": key.current_material.id}
    assert len(plaintext) == size
    assert world.do("Decrypt", CiphertextBlob=blob)["Plaintext"] == plaintext


def test_the_silent_twin_keeps_the_plaintext_to_itself(world: World, key: Key) -> None:
    """CORE K-68."""
    output = world.do(SILENT, KeyId=key.id, KeySpec="AES_256")

    assert set(output) == {"CiphertextBlob", "KeyId", "KeyMaterialId"}
    assert len(world.do("Decrypt", CiphertextBlob=output["CiphertextBlob"])["Plaintext"]) == 32


@BOTH
def test_data_keys_never_come_twice_and_are_not_the_key(
    world: World, key: Key, operation: str
) -> None:
    """CORE K-68: unrelated to the KMS key."""
    blobs = [
        world.do(operation, KeyId=key.id, KeySpec="AES_256")["CiphertextBlob"] for _ in range(20)
    ]
    opened = {world.do("Decrypt", CiphertextBlob=blob)["Plaintext"] for blob in blobs}

    assert len(opened) == 20
    assert key.current_material.secret not in opened


@BOTH
def test_a_data_key_is_bound_to_its_context(world: World, key: Key, operation: str) -> None:
    """CORE K-66, K-68."""
    pairs = {"a": "b"}
    blob = world.do(operation, KeyId=key.id, NumberOfBytes=9, EncryptionContext=pairs)[
        "CiphertextBlob"
    ]

    assert world.told("Decrypt", CiphertextBlob=blob)[0] == "InvalidCiphertextException"
    assert world.do("Decrypt", CiphertextBlob=blob, EncryptionContext=pairs)


@BOTH
def test_a_context_that_is_too_large_is_refused(world: World, key: Key, operation: str) -> None:
    """CORE 13."""
    pairs = {"a": "b" * envelope.MAX_CONTEXT_BYTES}
    told = world.told(operation, KeyId=key.id, NumberOfBytes=9, EncryptionContext=pairs)

    assert told == ("ValidationException", "EncryptionContext is too large.")


@BOTH
@pytest.mark.parametrize("asked", [{}, {"KeySpec": "AES_256", "NumberOfBytes": 32}])
def test_a_size_is_asked_for_in_one_way(
    world: World, key: Key, operation: str, asked: Json
) -> None:
    """CORE K-68 (a), Appendix B."""
    assert world.told(operation, KeyId=key.id, **asked) == NEITHER_OR_BOTH


@BOTH
@pytest.mark.parametrize("size", [0, 1025])
def test_a_size_is_within_the_model(world: World, key: Key, operation: str, size: int) -> None:
    assert world.told(operation, KeyId=key.id, NumberOfBytes=size)[0] == "ValidationException"


@BOTH
def test_each_check_has_its_turn(world: World, operation: str) -> None:
    """CORE K-63, K-68: (a) after the gate and before the usage, the usage before the state."""
    hmac = world.key("HMAC_256", state=DISABLED)
    rsa = world.key("RSA_2048", state=DISABLED)
    off = world.key(state=DISABLED)

    assert world.told(operation, KeyId="foo") == ("NotFoundException", "Invalid keyId 'foo'")
    assert world.told(operation, world.user("bob"), KeyId=hmac.id)[0] == "AccessDeniedException"
    for key in (hmac, rsa, off):
        assert world.told(operation, KeyId=key.id) == NEITHER_OR_BOTH
    assert world.told(operation, KeyId=hmac.id, NumberOfBytes=1) == (
        "InvalidKeyUsageException",
        f"{hmac.arn} key usage is GENERATE_VERIFY_MAC which is not valid for {operation}.",
    )
    assert world.told(operation, KeyId=rsa.id, NumberOfBytes=1) == ASYMMETRIC
    assert world.told(operation, KeyId=off.id, NumberOfBytes=1)[0] == "DisabledException"


@BOTH
@pytest.mark.parametrize("state", [None, DISABLED, PENDING_IMPORT])
def test_an_asymmetric_key_makes_no_data_key(world: World, operation: str, state: Any) -> None:
    """CORE K-68 (b), Appendix B."""
    key = world.key("RSA_2048", **({"state": state} if state else {}))

    assert world.told(operation, KeyId=key.id, KeySpec="AES_256") == ASYMMETRIC


@BOTH
def test_a_signing_key_is_told_its_usage(world: World, operation: str) -> None:
    """CORE K-63."""
    key = world.key("RSA_2048", KeyUsage.SIGN_VERIFY)

    assert world.told(operation, KeyId=key.id, KeySpec="AES_256") == (
        "InvalidKeyUsageException",
        f"{key.arn} key usage is SIGN_VERIFY which is not valid for {operation}.",
    )


@BOTH
@pytest.mark.parametrize("form", ["{0.id}", "{0.arn}", "alias/a"])
def test_a_key_may_be_named_in_any_form(world: World, key: Key, operation: str, form: str) -> None:
    """CORE K-9, K-10."""
    world.alias("alias/a", key)

    output = world.do(operation, KeyId=form.format(key), NumberOfBytes=1)

    assert output["KeyId"] == str(key.arn)


# Key pairs

PAIR, SILENT_PAIR = "GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext"
BOTH_PAIRS = pytest.mark.parametrize("operation", [PAIR, SILENT_PAIR])
MODEL = json.loads((shipped("kms", "schemas") / "kms-2014-11-01.json").read_text())["shapes"]
PAIR_SPECS = tuple(MODEL["DataKeyPairSpec"]["enum"])
MADE = [
    spec for spec in PAIR_SPECS if hazmat.can_make(spec) and spec not in ("RSA_3072", "RSA_4096")
]


def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make large RSA keys from the tests' own: new ones take seconds."""
    for spec in ("RSA_3072", "RSA_4096"):
        key = serialization.load_der_private_key(
            secret(spec), None, unsafe_skip_rsa_key_validation=True
        )
        monkeypatch.setitem(hazmat._GENERATORS, spec, lambda key=key: key)


@pytest.mark.parametrize("spec", [s for s in PAIR_SPECS if hazmat.can_make(s)])
def test_a_key_pair_comes_public_plain_and_sealed(
    world: World, key: Key, spec: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CORE K-10, K-69, K-107."""
    quick(monkeypatch)
    output = world.do(PAIR, KeyId=key.id, KeyPairSpec=spec)
    blob, private = output.pop("PrivateKeyCiphertextBlob"), output.pop("PrivateKeyPlaintext")
    loaded = serialization.load_der_private_key(private, None, unsafe_skip_rsa_key_validation=True)
    public = serialization.load_der_public_key(output.pop("PublicKey"))

    assert output == {
        "KeyId": str(key.arn),
        "KeyPairSpec": spec,
        "KeyMaterialId": key.current_material.id,
    }
    assert public == loaded.public_key()
    assert len(blob) <= 6144
    assert world.do("Decrypt", CiphertextBlob=blob)["Plaintext"] == private
    if isinstance(public, rsa.RSAPublicKey):
        assert (public.key_size, public.public_numbers().e) == (int(spec[4:]), 65537)


@pytest.mark.parametrize("spec", MADE)
def test_the_silent_twin_keeps_the_private_key_to_itself(world: World, key: Key, spec: str) -> None:
    """CORE K-69."""
    output = world.do(SILENT_PAIR, KeyId=key.id, KeyPairSpec=spec)
    blob = output.pop("PrivateKeyCiphertextBlob")

    assert set(output) == {"KeyId", "KeyPairSpec", "KeyMaterialId", "PublicKey"}
    private = world.do("Decrypt", CiphertextBlob=blob)["Plaintext"]
    assert hazmat.public_key(private) == output["PublicKey"]


@BOTH_PAIRS
def test_key_pairs_never_come_twice(world: World, key: Key, operation: str) -> None:
    """CORE K-69."""
    made = [world.do(operation, KeyId=key.id, KeyPairSpec="ECC_NIST_P256") for _ in range(20)]

    assert len({output["PublicKey"] for output in made}) == 20


@BOTH_PAIRS
def test_a_key_pair_is_bound_to_its_context(world: World, key: Key, operation: str) -> None:
    """CORE K-66, K-69."""
    pairs = {"a": "b"}
    blob = world.do(operation, KeyId=key.id, KeyPairSpec="ECC_NIST_P256", EncryptionContext=pairs)[
        "PrivateKeyCiphertextBlob"
    ]
    large = {"a": "b" * envelope.MAX_CONTEXT_BYTES}

    assert world.told("Decrypt", CiphertextBlob=blob)[0] == "InvalidCiphertextException"
    assert world.do("Decrypt", CiphertextBlob=blob, EncryptionContext=pairs)
    told = world.told(operation, KeyId=key.id, KeyPairSpec="ECC_NIST_P256", EncryptionContext=large)
    assert told == ("ValidationException", "EncryptionContext is too large.")


@BOTH_PAIRS
@pytest.mark.parametrize("spec", [s for s in PAIR_SPECS if not hazmat.can_make(s)])
def test_a_pair_that_cannot_be_made_is_not_supported(
    world: World, key: Key, operation: str, spec: str
) -> None:
    """CORE K-16, and ML-KEM where the library lacks it; only those who may ask learn of it."""
    asked = {"KeyId": key.id, "KeyPairSpec": spec}

    assert world.told(operation, **asked) == ("UnsupportedOperationException", None)
    assert world.told(operation, world.user("bob"), **asked)[0] == "AccessDeniedException"


@BOTH_PAIRS
def test_a_pair_needs_a_spec(world: World, key: Key, operation: str) -> None:
    """CORE K-38, K-69."""
    assert world.told(operation, KeyId=key.id) == (
        "ValidationException",
        "1 validation error detected: Value null at 'keyPairSpec' failed to satisfy constraint: "
        "Member must not be null",
    )


@BOTH_PAIRS
def test_a_pair_is_sealed_under_a_symmetric_key_alone(world: World, operation: str) -> None:
    """CORE K-63, K-69: told before the state, as of data keys."""
    rsa_key = world.key("RSA_2048", state=DISABLED)
    mac, off = world.key("HMAC_256", state=DISABLED), world.key(state=DISABLED)

    def told(key: Key) -> tuple[str, str | None]:
        return world.told(operation, KeyId=key.id, KeyPairSpec="SM2")

    assert told(rsa_key) == ASYMMETRIC
    assert told(mac) == (
        "InvalidKeyUsageException",
        f"{mac.arn} key usage is GENERATE_VERIFY_MAC which is not valid for {operation}.",
    )
    assert told(off) == ("DisabledException", f"{off.arn} is disabled.")


# GenerateRandom


@pytest.mark.parametrize("size", [1, 1024])
def test_random_bytes_come_alone(world: World, size: int) -> None:
    """CORE K-70."""
    output = world.do("GenerateRandom", NumberOfBytes=size)

    assert set(output) == {"Plaintext"}
    assert len(output["Plaintext"]) == size


def test_random_bytes_never_come_twice(world: World) -> None:
    made = {world.do("GenerateRandom", NumberOfBytes=16)["Plaintext"] for _ in range(50)}

    assert len(made) == 50


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, "NumberOfBytes is required."),
        (
            {"NumberOfBytes": 1025},
            "1 validation error detected: Value '1025' at 'numberOfBytes' failed to satisfy "
            "constraint: Member must have value less than or equal to 1024",
        ),
    ],
)
def test_a_number_of_random_bytes_is_asked_for(
    world: World, parameters: Json, message: str
) -> None:
    """CORE K-45, Appendix B."""
    assert world.told("GenerateRandom", **parameters) == ("ValidationException", message)


def test_there_are_no_key_stores_to_take_randomness_from(world: World) -> None:
    """CORE K-92."""
    told = world.told("GenerateRandom", NumberOfBytes=1, CustomKeyStoreId="cks-1")

    assert told == ("CustomKeyStoreNotFoundException", None)


@pytest.mark.parametrize("operation", [PLAIN, PAIR, "GenerateRandom"])
def test_enclaves_are_not_supported_and_only_the_allowed_learn_it(
    world: World, key: Key, operation: str
) -> None:
    """CORE K-75: also before what else is wrong."""
    request = {"Recipient": {"AttestationDocument": b"x" * 40}, "NumberOfBytes": 1}
    if operation != "GenerateRandom":
        request |= {"KeyId": key.id, "KeySpec": "AES_128", "KeyPairSpec": "SM2"}

    assert world.told(operation, **request) == (
        "UnsupportedOperationException",
        "Recipient is not supported by this endpoint.",
    )
    assert world.told(operation, world.user("bob"), **request)[0] == "AccessDeniedException"
