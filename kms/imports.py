"""Bringing one's own material: parameters to wrap it, the import, and taking it away (CORE 6).

An import token is good for one key, and says by itself until when:

    offset  bytes                                                          # CORE K-131
         0      1  version, 0x01
         1     16  id of the wrapping key
        17      8  end of its validity, in milliseconds since 1970
        25     32  HMAC-SHA-256 over all of that and the ARN of the key

The private half of the wrapping key stays in the state under that id, with its algorithm. Once it
has expired only the token is left, which is enough to say so.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from enum import StrEnum
from uuid import UUID

from kms import hazmat
from kms.envelope import material_id
from kms.errors import (
    ExpiredImportToken,
    IncorrectKeyMaterial,
    InvalidCiphertext,
    InvalidImportToken,
    InvalidState,
    NotFound,
    UnsupportedOperation,
    ValidationFailed,
)
from kms.material import imported_form, with_copy, with_first, without_material
from kms.model import ExpirationModel, Key, KeyMaterial, KeyOrigin, KeyState, WrappingKey
from kms.operation import (
    PENDING_DELETION,
    SWITCHABLE,
    Change,
    Need,
    Output,
    Parameters,
    Scope,
    operation,
    require_origin,
)

VALIDITY = dt.timedelta(hours=24)
LONGEST = dt.timedelta(days=365)
"""How far away the end of imported material may be (CORE K-134)."""

_RECEIVING = SWITCHABLE | {KeyState.PENDING_IMPORT}


class ImportType(StrEnum):
    """Whether a key has had the material before."""

    NEW_KEY_MATERIAL = "NEW_KEY_MATERIAL"
    EXISTING_KEY_MATERIAL = "EXISTING_KEY_MATERIAL"


def _require_external(_parameters: Parameters, scope: Scope) -> None:
    """CORE K-29 NX: told before the state of the key."""
    require_origin(scope.key, KeyOrigin.EXTERNAL)


_WRAPPING_SPECS = frozenset({"RSA_2048", "RSA_3072", "RSA_4096"})


def _suits(algorithm: str, wrapping_spec: str, key: Key) -> bool:
    """Tell whether the material of a key goes through such a wrapping (CORE K-130)."""
    if algorithm not in hazmat.WRAPPINGS or wrapping_spec not in _WRAPPING_SPECS:
        return False
    too_long = key.spec.startswith("RSA_") or (
        (key.spec, wrapping_spec) == ("ECC_NIST_P521", "RSA_2048")
    )
    return algorithm in hazmat.IN_TWO_LAYERS or not too_long


@operation("GetParametersForImport", Need(_RECEIVING), examine=_require_external)
def get_parameters_for_import(parameters: Parameters, scope: Scope) -> Change:
    """Give a public key to wrap material with, and a token to bring it by (CORE K-130).

    Each call makes a new pair; those made before stay good until their own end.
    """
    key, algorithm = scope.key, parameters["WrappingAlgorithm"]
    if not _suits(algorithm, parameters["WrappingKeySpec"], key):
        raise UnsupportedOperation
    wrapping_key = WrappingKey(
        id=scope.entropy.uuid(),
        key_arn=str(key.arn),
        algorithm=algorithm,
        private_key=scope.entropy.material(parameters["WrappingKeySpec"]),
        valid_to=scope.now + VALIDITY,
    )
    token_key = scope.state.token_key or scope.entropy.random_bytes(32)
    state = replace(scope.state.with_wrapping_key(wrapping_key), token_key=token_key)
    output: Output = {
        "KeyId": str(key.arn),
        "ImportToken": _token(wrapping_key, token_key),
        "PublicKey": hazmat.public_key(wrapping_key.private_key),
        "ParametersValidTo": wrapping_key.valid_to,
    }
    return Change(state, output)


# Tokens

_VERSION = b"\x01"
_ID, _END, _MAC = slice(1, 17), slice(17, 25), slice(25, 57)
_TOKEN_BYTES = 57
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MILLISECOND = dt.timedelta(milliseconds=1)


def _token(wrapping_key: WrappingKey, token_key: bytes) -> bytes:
    end = (wrapping_key.valid_to - _EPOCH) // _MILLISECOND
    said = _VERSION + UUID(wrapping_key.id).bytes + end.to_bytes(8, "big")
    return said + _authentication(said, wrapping_key.key_arn, token_key)


def _authentication(said: bytes, key_arn: str, token_key: bytes) -> bytes:
    message = b"kmsgate/import-token/v1" + said + key_arn.encode()
    return hazmat.mac(token_key, message, "HMAC_SHA_256")


def _wrapping_key_of(token: bytes, scope: Scope) -> WrappingKey:
    """Return the wrapping key of a token that was made for the key of the call (CORE K-131)."""
    arn, token_key, said = str(scope.key.arn), scope.state.token_key, token[: _MAC.start]
    if token_key is None or len(token) != _TOKEN_BYTES or token[:1] != _VERSION:
        raise InvalidImportToken
    if not hazmat.same(token[_MAC], _authentication(said, arn, token_key)):
        raise InvalidImportToken
    wrapping_key = scope.state.wrapping_key(arn, str(UUID(bytes=token[_ID])))
    if wrapping_key is not None:
        return wrapping_key
    # Its end is in whole milliseconds, so it is not after that of the wrapping key.
    if _EPOCH + int.from_bytes(token[_END], "big") * _MILLISECOND <= scope.now:
        raise ExpiredImportToken
    raise InvalidImportToken


def _unwrapped(wrapped: bytes, wrapping_key: WrappingKey) -> bytes:
    """Return what was wrapped; every failure is the same InvalidCiphertext (CORE K-132)."""
    try:
        return hazmat.unwrap(wrapping_key.private_key, wrapping_key.algorithm, wrapped)
    except hazmat.Unauthentic:
        raise InvalidCiphertext from None


# The import


def _prepare_import(parameters: Parameters) -> None:
    """CORE K-134: what can be told from the request alone."""
    model = parameters.get("ExpirationModel", ExpirationModel.KEY_MATERIAL_EXPIRES)
    expires = model == ExpirationModel.KEY_MATERIAL_EXPIRES
    if expires and "ValidTo" not in parameters:
        raise ValidationFailed(f"A validTo date must be set if the ExpirationModel is {model}")
    if not expires and "ValidTo" in parameters:
        raise ValidationFailed(f"A validTo date cannot be set if the ExpirationModel is {model}")


def _examine_import(parameters: Parameters, scope: Scope) -> None:
    """CORE K-134: what needs the time or the key, and neither origin nor state."""
    key, valid_to = scope.key, parameters.get("ValidTo")
    if valid_to is not None and valid_to <= scope.now:
        raise ValidationFailed("ValidTo must be in the future")
    if valid_to is not None and valid_to > scope.now + LONGEST:
        raise ValidationFailed(f"ValidTo must be at most {LONGEST.days} days in the future")
    for member in ("ImportType", "KeyMaterialId", "KeyMaterialDescription"):
        if member in parameters and not key.is_symmetric:
            raise ValidationFailed(f"{member} is supported only for symmetric encryption keys.")
    is_new = _import_type(parameters, key) is ImportType.NEW_KEY_MATERIAL
    if is_new and "KeyMaterialId" in parameters:
        raise ValidationFailed("KeyMaterialId cannot be specified for new key material.")
    require_origin(key, KeyOrigin.EXTERNAL)


def _import_type(parameters: Parameters, key: Key) -> ImportType:
    """Return what the request says of the material, or what goes without saying (CORE K-135)."""
    if "ImportType" in parameters:
        return ImportType(parameters["ImportType"])
    return ImportType.EXISTING_KEY_MATERIAL if key.materials else ImportType.NEW_KEY_MATERIAL


@operation(
    "ImportKeyMaterial",
    Need(_RECEIVING | {KeyState.UPDATING}),
    prepare=_prepare_import,
    examine=_examine_import,
)
def import_key_material(parameters: Parameters, scope: Scope) -> Change:
    """Take material in: the first, a copy of what is known, or one to rotate to (CORE K-134)."""
    key = scope.key
    wrapping_key = _wrapping_key_of(parameters["ImportToken"], scope)
    octets = imported_form(key.spec, _unwrapped(parameters["EncryptedKeyMaterial"], wrapping_key))
    if octets is None:
        raise IncorrectKeyMaterial
    material = KeyMaterial(
        material_id(octets, key.id),
        octets,
        scope.now,
        expires_at=parameters.get("ValidTo"),
        description=parameters.get("KeyMaterialDescription"),
    )
    if parameters.get("KeyMaterialId", material.id) != material.id:
        raise IncorrectKeyMaterial
    return _told(_imported(key, material, _import_type(parameters, key)), material.id, scope)


def _imported(key: Key, material: KeyMaterial, kind: ImportType) -> Key:
    """CORE K-135. Bringing the same bytes once more is never an error by itself (K-55)."""
    is_new = kind is ImportType.NEW_KEY_MATERIAL
    belongs = key.material(material.id) is not None
    waits = key.pending is not None and key.pending.id == material.id
    if belongs if is_new else not (belongs or waits):
        raise IncorrectKeyMaterial
    if is_new and key.is_replica:
        raise IncorrectKeyMaterial  # CORE K-159: what is new comes into the primary first
    if belongs or waits:
        return with_copy(key, material)
    if not key.materials:
        return with_first(key, material)
    if key.pending is not None:
        raise InvalidState(
            f"New key material (id: {material.id}) cannot be imported into KMS key {key.arn}, "
            f"because another key material (id: {key.pending.id}) is pending rotation."
        )
    return replace(key, pending=material)


# Taking it away


@operation(
    "DeleteImportedKeyMaterial",
    Need(_RECEIVING | PENDING_DELETION),
    examine=_require_external,
)
def delete_imported_key_material(parameters: Parameters, scope: Scope) -> Change:
    """Destroy the bytes of a material, the current one unless told; they may return (K-139)."""
    key, identifier = scope.key, parameters.get("KeyMaterialId")
    if identifier is None:
        if not key.materials:
            return _told(key, None, scope)
        identifier = key.current_material.id
    elif not (key.is_symmetric and _knows(key, identifier)):  # CORE K-110: others show no ids
        raise NotFound(f"Key material {identifier} does not exist")
    return _told(without_material(key, identifier), identifier, scope)


def _knows(key: Key, identifier: str) -> bool:
    waits = key.pending is not None and key.pending.id == identifier
    return waits or key.material(identifier) is not None


def _told(key: Key, identifier: str | None, scope: Scope) -> Change:
    """Return the change to a key; only symmetric keys show which material it was."""
    output, logged = {"KeyId": str(key.arn)}, {"keyId": str(key.arn)}
    if key.is_symmetric and identifier is not None:
        output["KeyMaterialId"] = logged["keyMaterialId"] = identifier
    # CORE K-159: what the primary knows, its replicas wait for; what they have is their own.
    return Change(scope.state.with_set(key), output, logged)
