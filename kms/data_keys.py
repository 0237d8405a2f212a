"""Data keys for use outside, and plain randomness (CORE K-68, K-70)."""

from __future__ import annotations

from kms.envelope import seal
from kms.errors import (
    CustomKeyStoreNotFound,
    InvalidKeyUsage,
    ValidationFailed,
)
from kms.model import KeyUsage
from kms.operation import (
    USABLE,
    Change,
    Need,
    Output,
    Parameters,
    Scope,
    operation,
)
from kms.sides import ONE, refuse_recipient

_NEED = Need(USABLE, KeyUsage.ENCRYPT_DECRYPT)
_SIZES = {"AES_128": 16, "AES_256": 32}


def _examine(parameters: Parameters, scope: Scope) -> None:
    """CORE K-68: checked once the key is found and allowed; (b) is part of its usage."""
    refuse_recipient(parameters)
    if ("KeySpec" in parameters) == ("NumberOfBytes" in parameters):
        raise ValidationFailed("Please specify either number of bytes or key spec.")
    if scope.key.usage is KeyUsage.ENCRYPT_DECRYPT and not scope.key.is_symmetric:
        raise InvalidKeyUsage("You cannot generate a data key with an asymmetric CMK")


def _data_key(parameters: Parameters, scope: Scope) -> tuple[bytes, Output]:
    """Return new random bytes and the output that seals them."""
    key = scope.key
    size = parameters.get("NumberOfBytes") or _SIZES[parameters["KeySpec"]]
    plaintext = scope.entropy.random_bytes(size)
    material = key.current_material
    pairs = parameters.get("EncryptionContext") or {}
    blob = seal(material.secret, key.id, plaintext, pairs, scope.entropy.random_bytes)
    return plaintext, {
        "CiphertextBlob": blob,
        "KeyId": str(key.arn),
        "KeyMaterialId": material.id,
    }


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
