"""What events hold of each operation: a table of all of them (CORE K-178 to K-182)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from kms.model import SYMMETRIC_DEFAULT, KeyOrigin, KeyUsage


class Listed(StrEnum):
    """Which resources an event lists."""

    TOUCHED = "the keys, and aliases that are changed"
    HERE = "those of them in the Region of the event"
    MADE = "the key that was made"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Row:
    """What events hold of one operation, as far as it succeeds.

    `response` are the names of the response elements, none of which may ever be a secret;
    `additional` are names in additionalEventData, each with the member of the output it shows.
    """

    read_only: bool
    response: tuple[str, ...] = ()
    resources: Listed = Listed.TOUCHED
    additional: tuple[tuple[str, str], ...] = ()


def _rows(row: Row, operations: str) -> dict[str, Row]:
    return dict.fromkeys(operations.split(), row)


_SEALED = (("keyMaterialId", "KeyMaterialId"),)
_RE_SEALED = (
    ("sourceKeyMaterialId", "SourceKeyMaterialId"),
    ("destinationKeyMaterialId", "DestinationKeyMaterialId"),
)

ROWS: Mapping[str, Row] = MappingProxyType(
    {
        "CreateKey": Row(False, ("keyMetadata",), Listed.MADE),
        "ReplicateKey": Row(False, ("replicaKeyMetadata", "replicaPolicy", "replicaTags")),
        "UpdatePrimaryRegion": Row(False, ("keyId",), Listed.HERE),
        **_rows(
            Row(False, ("keyId",)),
            """CancelKeyDeletion DisableKey DisableKeyRotation EnableKey EnableKeyRotation
            PutKeyPolicy RevokeGrant RotateKeyOnDemand TagResource UntagResource
            UpdateKeyDescription""",
        ),
        "ScheduleKeyDeletion": Row(
            False, ("keyId", "keyState", "deletionDate", "pendingWindowInDays")
        ),
        "CreateGrant": Row(False, ("grantId", "keyId")),
        "RetireGrant": Row(False, ("keyId",), additional=(("grantId", "GrantId"),)),
        **_rows(
            Row(False, ("keyId", "keyMaterialId")), "DeleteImportedKeyMaterial ImportKeyMaterial"
        ),
        **_rows(Row(False), "CreateAlias DeleteAlias UpdateAlias"),
        **_rows(
            Row(True, additional=_SEALED),
            """Decapsulate Decrypt DeriveSharedSecret Encapsulate Encrypt GenerateDataKey
            GenerateDataKeyPair GenerateDataKeyPairWithoutPlaintext GenerateDataKeyWithoutPlaintext
            GenerateMac Sign Verify VerifyMac""",
        ),
        "ReEncrypt": Row(True, additional=_RE_SEALED),
        **_rows(
            Row(True),
            """DescribeKey GetKeyLastUsage GetKeyPolicy GetKeyRotationStatus
            GetParametersForImport GetPublicKey ListGrants ListKeyPolicies ListKeyRotations
            ListResourceTags""",
        ),
        **_rows(
            Row(True, resources=Listed.NONE),
            "DescribeCustomKeyStores GenerateRandom ListAliases ListKeys ListRetirableGrants",
        ),
        **_rows(
            Row(False, resources=Listed.NONE),
            """ConnectCustomKeyStore CreateCustomKeyStore DeleteCustomKeyStore
            DisconnectCustomKeyStore UpdateCustomKeyStore""",
        ),
    }
)
"""The row of every operation of the service model, by its name (CORE K-182)."""

UNKNOWN = Row(False)
"""The row of what is no operation, and of what the service does by itself."""

WITHOUT_PARAMETERS = frozenset({"GenerateRandom", "RetireGrant"})  # CORE K-180

_ALGORITHM = MappingProxyType({"EncryptionAlgorithm": SYMMETRIC_DEFAULT})
_MESSAGE = MappingProxyType({"MessageType": "RAW"})
_POLICY = MappingProxyType({"PolicyName": "default"})

DEFAULTS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "CreateKey": MappingProxyType(
            {
                "KeySpec": SYMMETRIC_DEFAULT,
                "CustomerMasterKeySpec": SYMMETRIC_DEFAULT,
                "KeyUsage": str(KeyUsage.ENCRYPT_DECRYPT),
                "Origin": str(KeyOrigin.AWS_KMS),
                "Description": "",
                "BypassPolicyLockoutSafetyCheck": False,
                "MultiRegion": False,
            }
        ),
        "Decrypt": _ALGORITHM,
        "Encrypt": _ALGORITHM,
        "GetKeyPolicy": _POLICY,
        "PutKeyPolicy": _POLICY,
        "ReEncrypt": MappingProxyType(
            {
                "SourceEncryptionAlgorithm": SYMMETRIC_DEFAULT,
                "DestinationEncryptionAlgorithm": SYMMETRIC_DEFAULT,
            }
        ),
        "ReplicateKey": MappingProxyType(
            {"Description": "", "BypassPolicyLockoutSafetyCheck": False}
        ),
        "ScheduleKeyDeletion": MappingProxyType({"PendingWindowInDays": 30}),
        "Sign": _MESSAGE,
        "Verify": _MESSAGE,
    }
)
"""What the service fills in where a request says nothing, by operation (CORE K-178)."""

SAME = MappingProxyType({"KeySpec": "CustomerMasterKeySpec", "CustomerMasterKeySpec": "KeySpec"})
"""Two names of one member of CreateKey: either stands for both."""
