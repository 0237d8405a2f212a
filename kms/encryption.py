"""Encrypt, Decrypt and ReEncrypt: small texts sealed under a key (CORE K-63 to K-67)."""

from __future__ import annotations

from collections.abc import Mapping

from kms import envelope, hazmat
from kms.errors import (
    IncorrectKey,
    InvalidCiphertext,
    ValidationFailed,
)
from kms.model import SYMMETRIC_DEFAULT, Key, KeyUsage
from kms.operation import (
    USABLE,
    Change,
    Need,
    Output,
    Parameters,
    Scope,
    operation,
    require_algorithm,
)
from kms.sides import DESTINATION, ONE, SOURCE, refuse_recipient, sealers

_NEED = Need(USABLE, KeyUsage.ENCRYPT_DECRYPT)
_OAEP_OVERHEAD = {"RSAES_OAEP_SHA_1": 42, "RSAES_OAEP_SHA_256": 66}


def _require_algorithm(key: Key, algorithm: str, pairs: Mapping[str, str], doing: str) -> None:
    """Raise what the service answers to an algorithm or context that does not suit the key."""
    require_algorithm(key, algorithm)
    if algorithm != SYMMETRIC_DEFAULT and pairs:  # CORE K-64, K-65.4
        raise ValidationFailed(
            f"EncryptionContext is not supported when {doing} with asymmetric CMKs."
        )


def _ciphertext(parameters: Parameters) -> bytes | None:
    """Return the ciphertext, or None in a dry run that ignores it (CORE K-47)."""
    if "IGNORE_CIPHERTEXT" in parameters.get("DryRunModifiers", ()):
        return None
    blob: bytes = parameters["CiphertextBlob"]
    return blob


def seal(
    key: Key, algorithm: str, plaintext: bytes, pairs: Mapping[str, str], scope: Scope
) -> tuple[bytes, str | None]:
    """Return the ciphertext under the current material, and that material's id if it is shown.

    Raises what the service answers to an unsuitable algorithm or a text too long (CORE K-64).
    """
    _require_algorithm(key, algorithm, pairs, "encrypting")
    material = key.current_material
    if algorithm == SYMMETRIC_DEFAULT:
        blob = sealers(key)[material.id].seal(plaintext, pairs, scope.entropy.random_bytes)
        return blob, material.id
    most = int(key.spec.removeprefix("RSA_")) // 8 - _OAEP_OVERHEAD[algorithm]
    if len(plaintext) > most:
        raise ValidationFailed(
            f"Algorithm {algorithm} and key spec {key.spec} cannot encrypt data larger than "
            f"{most} bytes."
        )
    public = hazmat.public_key(material.secret)
    return hazmat.oaep_encrypt(public, algorithm, plaintext), None


def open_blob(
    key: Key, algorithm: str, blob: bytes, pairs: Mapping[str, str]
) -> tuple[bytes, str | None]:
    """Return the plaintext, and the id of the material that sealed it if it is shown.

    Every failure of the cryptography is the same InvalidCiphertext (CORE K-97).
    """
    _require_algorithm(key, algorithm, pairs, "decrypting")
    try:
        if algorithm != SYMMETRIC_DEFAULT:
            return hazmat.oaep_decrypt(key.current_material.secret, algorithm, blob), None
        header = envelope.parse(blob)
        # CORE K-136: a key that may decrypt has all its material, so another id is a changed one.
        material = key.material(header.material_id) if header is not None else None
        if material is None:
            raise InvalidCiphertext
        return sealers(key)[material.id].open(blob, pairs), material.id
    except hazmat.Unauthentic:
        raise InvalidCiphertext from None


def _require_same_key(blob: bytes | None, algorithm: str, key: Key) -> None:
    """CORE K-65.3: decided before usage and state, whatever the named key is."""
    if blob is None or algorithm != SYMMETRIC_DEFAULT:
        return
    header = envelope.parse(blob)
    if header is None:
        raise InvalidCiphertext
    if header.key_id != key.id:
        raise IncorrectKey


# Encrypt


@operation(
    "Encrypt",
    _NEED,
    prepare=ONE.check_size,
)
def encrypt(parameters: Parameters, scope: Scope) -> Change:
    """Seal a small text under the newest material of a key (CORE K-64)."""
    key, algorithm = scope.key, ONE.algorithm_of(parameters)
    pairs = ONE.pairs_of(parameters)
    blob, _ = seal(key, algorithm, parameters["Plaintext"], pairs, scope)
    return Change(
        scope.state,
        {"CiphertextBlob": blob, "KeyId": str(key.arn), "EncryptionAlgorithm": algorithm},
    )


# Decrypt


def _examine_decrypt(parameters: Parameters, scope: Scope) -> None:
    refuse_recipient(parameters)
    _require_same_key(_ciphertext(parameters), ONE.algorithm_of(parameters), scope.key)


@operation(
    "Decrypt",
    _NEED,
    prepare=ONE.check_size,
    examine=_examine_decrypt,
)
def decrypt(parameters: Parameters, scope: Scope) -> Change:
    """Open what the key has sealed, under the same encryption context only (CORE K-65)."""
    key, algorithm = scope.key, ONE.algorithm_of(parameters)
    pairs, blob = ONE.pairs_of(parameters), _ciphertext(parameters)
    output: Output = {"KeyId": str(key.arn), "EncryptionAlgorithm": algorithm}
    if blob is None:
        _require_algorithm(key, algorithm, pairs, "decrypting")
        return Change(scope.state, output)
    output["Plaintext"], material = open_blob(key, algorithm, blob, pairs)
    if material is not None:
        output["KeyMaterialId"] = material
    return Change(scope.state, output)


# ReEncrypt


def _prepare_re_encrypt(parameters: Parameters) -> None:
    SOURCE.check_size(parameters)
    DESTINATION.check_size(parameters)


def _keys(scope: Scope) -> tuple[Key, Key]:
    source, destination = (target.key for target in scope.targets)
    if source is None or destination is None:
        raise InvalidCiphertext
    return source, destination


def _examine_re_encrypt(parameters: Parameters, scope: Scope) -> None:
    algorithm = SOURCE.algorithm_of(parameters)
    _require_same_key(_ciphertext(parameters), algorithm, _keys(scope)[0])


@operation(
    "ReEncrypt",
    _NEED,
    _NEED,
    prepare=_prepare_re_encrypt,
    examine=_examine_re_encrypt,
)
def re_encrypt(parameters: Parameters, scope: Scope) -> Change:
    """Open under one key and seal under another; the plaintext never leaves (CORE K-67)."""
    source, destination = _keys(scope)
    from_algorithm = SOURCE.algorithm_of(parameters)
    to_algorithm = DESTINATION.algorithm_of(parameters)
    output: Output = {
        "SourceKeyId": str(source.arn),
        "KeyId": str(destination.arn),
        "SourceEncryptionAlgorithm": from_algorithm,
        "DestinationEncryptionAlgorithm": to_algorithm,
    }
    from_pairs, to_pairs = SOURCE.pairs_of(parameters), DESTINATION.pairs_of(parameters)
    blob = _ciphertext(parameters)
    if blob is None:
        _require_algorithm(source, from_algorithm, from_pairs, "decrypting")
        _require_algorithm(destination, to_algorithm, to_pairs, "encrypting")
        return Change(scope.state, output)
    plaintext, from_material = open_blob(source, from_algorithm, blob, from_pairs)
    output["CiphertextBlob"], to_material = seal(
        destination, to_algorithm, plaintext, to_pairs, scope
    )
    if from_material is not None:
        output["SourceKeyMaterialId"] = from_material
    if to_material is not None:
        output["DestinationKeyMaterialId"] = to_material
    return Change(scope.state, output)
