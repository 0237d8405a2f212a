"""What actions are for: using a key, administering it, or only looking at it."""

from __future__ import annotations

from functools import lru_cache

from policy.pattern import parse_pattern
from policy.vocabulary import ACTIONS, ResourceKind

ALL_ACTIONS: frozenset[str] = frozenset(action.name for action in ACTIONS.values())
"""The names of all actions, without the service."""

KEY_ACTIONS: frozenset[str] = frozenset(
    action.name for action in ACTIONS.values() if action.resource is ResourceKind.KEY
)
"""Those that are checked on a key."""

READING: frozenset[str] = frozenset(
    {"Decapsulate", "Decrypt", "DeriveSharedSecret", "ReEncryptFrom"}
)
"""What gets at data under a key."""

CRYPTOGRAPHIC: frozenset[str] = READING | {
    "Encapsulate", "Encrypt", "GenerateDataKey", "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext", "GenerateDataKeyWithoutPlaintext", "GenerateMac",
    "ReEncryptTo", "Sign", "Verify", "VerifyMac",
}  # fmt: skip
"""What uses the material of a key."""

DESTRUCTIVE: frozenset[str] = frozenset(
    {"DeleteImportedKeyMaterial", "DisableKey", "ScheduleKeyDeletion"}
)
"""After these, data is out of reach, for a time or for ever."""

ALIASING: frozenset[str] = frozenset({"CreateAlias", "DeleteAlias", "UpdateAlias"})

TAGGING: frozenset[str] = frozenset({"TagResource", "UntagResource"})

ADMINISTRATIVE: frozenset[str] = (
    DESTRUCTIVE
    | ALIASING
    | TAGGING
    | {
        "CreateGrant", "DisableKeyRotation", "EnableKeyRotation", "GetParametersForImport",
        "ImportKeyMaterial", "PutKeyPolicy", "RotateKeyOnDemand",
    }
)  # fmt: skip
"""What changes a key, or who may use it."""

INVENTORY: frozenset[str] = frozenset(
    name for name in ALL_ACTIONS if name.startswith(("Describe", "Get", "List"))
) - {"GetParametersForImport"}
"""What only looks."""


@lru_cache(maxsize=4096)
def actions_of(pattern: str) -> frozenset[str]:
    """Return the names of the KMS actions that an entry of Action matches (AUTH C-1 to C-7)."""
    parsed = parse_pattern(pattern.lower())
    return frozenset(action.name for key, action in ACTIONS.items() if parsed.matches(key))


def is_everything(pattern: str) -> bool:
    """Tell whether an entry of Action covers all of KMS: `*`, `kms:*` or the like."""
    return len(actions_of(pattern)) == len(ALL_ACTIONS)


def listed(names: frozenset[str], limit: int = 6) -> str:
    """Return actions as messages list them."""
    ordered = sorted(names)
    shown = ordered if len(ordered) <= limit else ordered[: limit - 1]
    rest = len(ordered) - len(shown)
    return ", ".join(shown) + (f" and {rest} more" if rest else "")
