"""Sign and Verify (CORE K-71, K-101 to K-104)."""

from __future__ import annotations

from kms import hazmat
from kms.errors import InvalidSignature, UnsupportedOperation, ValidationFailed
from kms.model import Key, KeyUsage
from kms.operation import (
    USABLE,
    Change,
    Need,
    Parameters,
    Scope,
    operation,
    require_algorithm,
)

_NEED = Need(USABLE, KeyUsage.SIGN_VERIFY)
_RAW, _DIGEST, _EXTERNAL_MU = "RAW", "DIGEST", "EXTERNAL_MU"
_HASHED = frozenset({_RAW, _DIGEST})
_FORMS = {
    "ED25519_SHA_512": frozenset({_RAW}),
    "ED25519_PH_SHA_512": frozenset({_DIGEST}),
    "ML_DSA_SHAKE_256": frozenset({_RAW, _EXTERNAL_MU}),
}
_DIGEST_BYTES = {"SHA_256": 32, "SHA_384": 48, "SHA_512": 64, "SHAKE_256": 64}


def _form(parameters: Parameters, key: Key) -> str:
    """Return the form of the message; raises what the service says of one that does not suit."""
    algorithm, form = parameters["SigningAlgorithm"], parameters.get("MessageType", _RAW)
    require_algorithm(key, algorithm)
    if form not in _FORMS.get(algorithm, _HASHED):
        by_algorithm = algorithm.startswith("ED25519") and form in _HASHED
        whom = f"algorithm {algorithm}" if by_algorithm else f"key spec {key.spec}"
        raise ValidationFailed(f"Message type {form} is incompatible with {whom}.")
    size = next(size for end, size in _DIGEST_BYTES.items() if algorithm.endswith(end))
    if form != _RAW and len(parameters["Message"]) != size:
        raise ValidationFailed(f"Digest is invalid length for algorithm {algorithm}.")
    return str(form)


@operation("Sign", _NEED)
def sign(parameters: Parameters, scope: Scope) -> Change:
    """Sign a message, its digest or its representative μ."""
    key, algorithm = scope.key, parameters["SigningAlgorithm"]
    form = _form(parameters, key)
    private = key.current_material.secret
    try:
        signature = hazmat.sign(private, algorithm, form, parameters["Message"])
    except hazmat.UnsupportedAlgorithm:
        raise UnsupportedOperation from None  # CORE K-103, K-104
    return Change(
        scope.state,
        {"KeyId": str(key.arn), "Signature": signature, "SigningAlgorithm": algorithm},
    )


@operation("Verify", _NEED)
def verify(parameters: Parameters, scope: Scope) -> Change:
    """Say that a signature fits; one that does not is an error, which never tells why."""
    key, algorithm = scope.key, parameters["SigningAlgorithm"]
    form = _form(parameters, key)
    public = hazmat.public_key(key.current_material.secret)
    try:
        hazmat.verify(public, algorithm, form, parameters["Message"], parameters["Signature"])
    except hazmat.Unauthentic:
        raise InvalidSignature from None
    except hazmat.UnsupportedAlgorithm:
        raise UnsupportedOperation from None
    return Change(
        scope.state,
        {"KeyId": str(key.arn), "SignatureValid": True, "SigningAlgorithm": algorithm},
    )
