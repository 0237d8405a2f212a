"""Every cryptographic operation on every kind of key: what each usage is for (CORE K-63, 1.3)."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from kms import OPERATIONS, Key, KeyUsage, hazmat
from kms.envelope import Sealer
from kms.model import SPECS
from tests.kms_world import DISABLED, Json, World

Told = tuple[str, str | None]

ENCRYPTING = KeyUsage.ENCRYPT_DECRYPT
KINDS = [
    (spec, usage)
    for spec, usages in SPECS.items()
    for usage in usages
    if hazmat.can_make(spec) and spec not in ("RSA_3072", "RSA_4096")  # as RSA_2048
]
NEEDS: Mapping[str, KeyUsage] = {
    "Encrypt": ENCRYPTING,
    "Decrypt": ENCRYPTING,
    "ReEncrypt": ENCRYPTING,
    "GenerateDataKey": ENCRYPTING,
    "GenerateDataKeyWithoutPlaintext": ENCRYPTING,
    "GenerateDataKeyPair": ENCRYPTING,
    "GenerateDataKeyPairWithoutPlaintext": ENCRYPTING,
    "Sign": KeyUsage.SIGN_VERIFY,
    "Verify": KeyUsage.SIGN_VERIFY,
    "GenerateMac": KeyUsage.GENERATE_VERIFY_MAC,
    "VerifyMac": KeyUsage.GENERATE_VERIFY_MAC,
    "DeriveSharedSecret": KeyUsage.KEY_AGREEMENT,
    "Encapsulate": KeyUsage.ENCAPSULATE_DECAPSULATE,
    "Decapsulate": KeyUsage.ENCAPSULATE_DECAPSULATE,
}
"""The fourteen that the service model calls cryptographic, and the usage of each."""

DATA_KEYS = [name for name in NEEDS if name.startswith("GenerateDataKey")]
P256 = hazmat.public_key(hazmat.ec_private_key("ECC_NIST_P256", bytes(range(32))))

# Requests whose algorithm fits no key but the first one, so that only the usage can be told.
REQUESTS: Mapping[str, Json] = {
    "Encrypt": {"Plaintext": b"x"},
    "Decrypt": {},
    "ReEncrypt": {},
    "GenerateDataKey": {"KeySpec": "AES_128"},
    "GenerateDataKeyWithoutPlaintext": {"KeySpec": "AES_128"},
    "GenerateDataKeyPair": {"KeyPairSpec": "ECC_NIST_P256"},
    "GenerateDataKeyPairWithoutPlaintext": {"KeyPairSpec": "ECC_NIST_P256"},
    "Sign": {"Message": b"x", "SigningAlgorithm": "SM2DSA"},
    "Verify": {"Message": b"x", "SigningAlgorithm": "SM2DSA", "Signature": b"x"},
    "GenerateMac": {"Message": b"x", "MacAlgorithm": "HMAC_SHA_224"},
    "VerifyMac": {"Message": b"x", "MacAlgorithm": "HMAC_SHA_224", "Mac": b"x"},
    "DeriveSharedSecret": {"KeyAgreementAlgorithm": "ECDH", "PublicKey": P256},
    "Encapsulate": {"EncapsulationAlgorithm": "ML_KEM"},
    "Decapsulate": {"EncapsulationAlgorithm": "ML_KEM", "SharedSecretCiphertextBlob": b"x"},
}


def request(world: World, name: str, key: Key) -> Json:
    if name == "Decrypt":
        return {"CiphertextBlob": blob_of(world, key), "KeyId": key.id}
    if name == "ReEncrypt":
        blob = blob_of(world, key)
        return {
            "CiphertextBlob": blob,
            "SourceKeyId": key.id,
            "DestinationKeyId": world.key().id,
        }
    return {"KeyId": key.id, **REQUESTS[name]}


def blob_of(world: World, key: Key) -> bytes:
    """Return a blob that names the key, whatever kind of key that is."""
    return Sealer(bytes(32), key.id).seal(b"x", {}, world.entropy.random_bytes)


CELLS = [
    pytest.param(name, spec, usage, id=f"{name}-{spec}-{usage}")
    for name in NEEDS
    for spec, usage in KINDS
]


def expected(name: str, key: Key) -> Told | None:
    """Return what K-63 (b) and K-68 (b) answer, None where the usage is right."""
    if name in DATA_KEYS and key.usage is ENCRYPTING and not key.is_symmetric:
        return ("InvalidKeyUsageException", "You cannot generate a data key with an asymmetric CMK")
    if key.usage is NEEDS[name]:
        return None
    return (
        "InvalidKeyUsageException",
        f"{key.arn} key usage is {key.usage} which is not valid for {name}.",
    )


@pytest.mark.parametrize(("name", "spec", "usage"), CELLS)
def test_a_key_does_what_its_usage_says_and_nothing_else(
    world: World, name: str, spec: str, usage: KeyUsage
) -> None:
    """CORE K-63 (b): and before its state is looked at (c)."""
    on, off = world.key(spec, usage), world.key(spec, usage, DISABLED)
    wanted = expected(name, off)

    if wanted is not None:
        assert world.told(name, **request(world, name, on)) == expected(name, on)
        assert world.told(name, **request(world, name, off)) == wanted
    else:
        assert world.told(name, **request(world, name, off)) == (
            "DisabledException",
            f"{off.arn} is disabled.",
        )
        error = world.ask(name, **request(world, name, on)).error
        assert error is None or "key usage is" not in str(error)


def test_a_destination_is_told_its_usage_as_a_source_is(world: World) -> None:
    """CORE K-63, K-67."""
    key, mac = world.key(), world.key("HMAC_256")
    blob = world.do("Encrypt", KeyId=key.id, Plaintext=b"x")["CiphertextBlob"]

    assert world.told("ReEncrypt", CiphertextBlob=blob, DestinationKeyId=mac.id) == (
        "InvalidKeyUsageException",
        f"{mac.arn} key usage is GENERATE_VERIFY_MAC which is not valid for ReEncrypt.",
    )


def test_the_table_is_whole() -> None:
    assert set(NEEDS) == set(REQUESTS)
    assert {name: {need.usage for need in OPERATIONS[name].needs} for name in NEEDS} == {
        name: {usage} for name, usage in NEEDS.items()
    }
    assert {each.name for each in OPERATIONS.values() if any(n.usage for n in each.needs)} == set(
        NEEDS
    )
