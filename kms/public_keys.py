"""GetPublicKey: what may be known of a key pair (CORE K-74)."""

from __future__ import annotations

from kms import hazmat
from kms.errors import UnsupportedOperation
from kms.model import ALGORITHM_LISTS, KeyState
from kms.operation import USABLE, Change, Need, Parameters, Scope, operation, require_state


@operation("GetPublicKey", Need(USABLE | {KeyState.DISABLED}))
def get_public_key(_parameters: Parameters, scope: Scope) -> Change:
    """Give the public key in DER, with everything needed to use it as the key may be used."""
    key = scope.key
    if not scope.settings.get_public_key_on_disabled:  # CORE K-30
        require_state(key, USABLE)
    if key.spec in hazmat.MATERIAL_BYTES:
        raise UnsupportedOperation
    return Change(
        scope.state,
        {
            "KeyId": str(key.arn),
            "PublicKey": hazmat.public_key(key.current_material.secret),
            "CustomerMasterKeySpec": key.spec,
            "KeySpec": key.spec,
            "KeyUsage": str(key.usage),
            ALGORITHM_LISTS[key.usage]: list(key.algorithms),
        },
    )
