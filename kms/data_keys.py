"""Data keys and key pairs for use outside, and plain randomness (CORE K-68 to K-70)."""

from __future__ import annotations

from kms import hazmat
from kms.errors import (
    CustomKeyStoreNotFound,
    InvalidKeyUsage,
    UnsupportedOperation,
    ValidationFailed,
)
from kms.model import Key, KeyUsage
from kms.operation import (
    USABLE,
    Change,
    Need,
    Output,
    Parameters,
    Scope,
    operation,
)
from kms.sides import ONE, refuse_recipient, sealers

_NEED = Need(USABLE, KeyUsage.ENCRYPT_DECRYPT)
_SIZES = {"AES_128": 16, "AES_256": 32}


def _examine(parameters: Parameters, scope: Scope) -> None:
    """CORE K-68: checked once the key is found and allowed; (b) is part of its usage."""
    refuse_recipient(parameters)
    if ("KeySpec" in parameters) == ("NumberOfBytes" in parameters):
        raise ValidationFailed("Please specify either number of bytes or key spec.")
    _refuse_asymmetric(scope.key)


def _refuse_asymmetric(key: Key) -> None:
    if key.usage is KeyUsage.ENCRYPT_DECRYPT and not key.is_symmetric:
        raise InvalidKeyUsage("You cannot generate a data key with an asymmetric CMK")


def _sealed(
    member: str, plaintext: bytes, parameters: Parameters, scope: Scope
) -> dict[str, bytes | str]:
    """Return the output in which `member` is what the key seals, and only the key can open."""
    key = scope.key
    material, pairs = key.current_material, ONE.pairs_of(parameters)
    blob = sealers(key)[material.id].seal(plaintext, pairs, scope.entropy.random_bytes)
    return {member: blob, "KeyId": str(key.arn), "KeyMaterialId": material.id}


def _data_key(parameters: Parameters, scope: Scope) -> tuple[bytes, Output]:
    """Return new random bytes and the output that seals them."""
    size = parameters.get("NumberOfBytes") or _SIZES[parameters["KeySpec"]]
    plaintext = scope.entropy.random_bytes(size)
    return plaintext, _sealed("CiphertextBlob", plaintext, parameters, scope)


@operation("GenerateDataKey", _NEED, prepare=ONE.check_size, examine=_examine)
def generate_data_key(parameters: Parameters, scope: Scope) -> Change:
    """Give a new data key, plain and sealed (CORE K-68)."""
    plaintext, output = _data_key(parameters, scope)
    return Change(scope.state, {**output, "Plaintext": plaintext})


@operation(
    "GenerateDataKeyWithoutPlaintext",
    _NEED,
    prepare=ONE.check_size,
    examine=_examine,
)
def generate_data_key_without_plaintext(parameters: Parameters, scope: Scope) -> Change:
    """Give a new data key, sealed only (CORE K-68)."""
    return Change(scope.state, _data_key(parameters, scope)[1])


# Key pairs


def _examine_pair(parameters: Parameters, scope: Scope) -> None:
    refuse_recipient(parameters)
    _refuse_asymmetric(scope.key)


def _key_pair(parameters: Parameters, scope: Scope) -> tuple[bytes, Output]:
    """Return a new private key in PKCS#8, and the output that seals it."""
    spec = parameters["KeyPairSpec"]
    if not hazmat.can_make(spec):
        raise UnsupportedOperation  # CORE K-16
    private = scope.entropy.material(spec)
    return private, {
        **_sealed("PrivateKeyCiphertextBlob", private, parameters, scope),
        "PublicKey": hazmat.public_key(private),
        "KeyPairSpec": spec,
    }


@operation("GenerateDataKeyPair", _NEED, prepare=ONE.check_size, examine=_examine_pair)
def generate_data_key_pair(parameters: Parameters, scope: Scope) -> Change:
    """Give a new key pair, its private key plain and sealed (CORE K-69)."""
    private, output = _key_pair(parameters, scope)
    return Change(scope.state, {**output, "PrivateKeyPlaintext": private})


@operation(
    "GenerateDataKeyPairWithoutPlaintext",
    _NEED,
    prepare=ONE.check_size,
    examine=_examine_pair,
)
def generate_data_key_pair_without_plaintext(parameters: Parameters, scope: Scope) -> Change:
    """Give a new key pair, its private key sealed only (CORE K-69)."""
    return Change(scope.state, _key_pair(parameters, scope)[1])


# Randomness


def _examine_random(parameters: Parameters, _scope: Scope) -> None:
    refuse_recipient(parameters)
    if "CustomKeyStoreId" in parameters:
        raise CustomKeyStoreNotFound  # CORE K-92


@operation("GenerateRandom", examine=_examine_random)
def generate_random(parameters: Parameters, scope: Scope) -> Change:
    """Give random bytes; no key takes part (CORE K-70)."""
    return Change(
        scope.state, {"Plaintext": scope.entropy.random_bytes(parameters["NumberOfBytes"])}
    )
