"""DeriveSharedSecret, and its younger kin Encapsulate and Decapsulate.

CORE K-73 for the first; of the others the specification is silent, and they follow the service
model's documentation: the common order (CORE K-63), and an InvalidCiphertext only for a length.
"""

from __future__ import annotations

from kms import hazmat
from kms.errors import InvalidCiphertext, ValidationFailed
from kms.model import KeyUsage
from kms.operation import (
    USABLE,
    Change,
    Need,
    Parameters,
    Scope,
    operation,
    require_algorithm,
)
from kms.sides import refuse_recipient


def _examine(parameters: Parameters, _scope: Scope) -> None:
    refuse_recipient(parameters)


@operation("DeriveSharedSecret", Need(USABLE, KeyUsage.KEY_AGREEMENT), examine=_examine)
def derive_shared_secret(parameters: Parameters, scope: Scope) -> Change:
    """Give the raw secret that the key shares with the owner of another one on its curve."""
    key, algorithm = scope.key, parameters["KeyAgreementAlgorithm"]
    require_algorithm(key, algorithm)
    try:
        secret = hazmat.agree(key.current_material.secret, parameters["PublicKey"])
    except ValueError:  # CORE 13
        raise ValidationFailed(f"PublicKey is not valid for key spec {key.spec}.") from None
    return Change(
        scope.state,
        {
            "KeyId": str(key.arn),
            "SharedSecret": secret,
            "KeyAgreementAlgorithm": algorithm,
            "KeyOrigin": str(key.origin),
        },
    )


_KEM = Need(USABLE, KeyUsage.ENCAPSULATE_DECAPSULATE)


@operation("Encapsulate", _KEM)
def encapsulate(parameters: Parameters, scope: Scope) -> Change:
    """Give a new secret, plain and in the form that only this key can open."""
    key, algorithm = scope.key, parameters["EncapsulationAlgorithm"]
    require_algorithm(key, algorithm)
    secret, ciphertext = hazmat.encapsulate(hazmat.public_key(key.current_material.secret))
    return Change(
        scope.state,
        {
            "KeyId": str(key.arn),
            "SharedSecret": secret,
            "SharedSecretCiphertextBlob": ciphertext,
            "EncapsulationAlgorithm": algorithm,
        },
    )


@operation("Decapsulate", _KEM)
def decapsulate(parameters: Parameters, scope: Scope) -> Change:
    """Give the secret in a ciphertext; what was changed or made for another key gives noise."""
    key, algorithm = scope.key, parameters["EncapsulationAlgorithm"]
    require_algorithm(key, algorithm)
    ciphertext = parameters["SharedSecretCiphertextBlob"]
    try:
        secret = hazmat.decapsulate(key.current_material.secret, ciphertext)
    except hazmat.Unauthentic:
        raise InvalidCiphertext from None
    return Change(
        scope.state,
        {
            "KeyId": str(key.arn),
            "SharedSecret": secret,
            "EncapsulationAlgorithm": algorithm,
        },
    )
