"""What every operation asks the gate: actions, and what each is asked on (AUTH K-1 to K-70).

All operations of the service model are here, those included that the core cannot execute: whether
a call would be allowed can be asked of each of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from kms import finders
from kms.finders import Finder, key_named, nothing
from kms.operation import Parameters, Target


@dataclass(frozen=True, slots=True)
class Question:
    """One question to the gate: the action, and the finder of what it is asked on.

    `when` tells whether it is asked at all. The target is found in any case.
    """

    action: str
    find: Finder
    when: Callable[[Parameters, Target], bool] = lambda _parameters, _target: True


def _asking(find: Finder, operations: str) -> dict[str, tuple[Question, ...]]:
    """Return operations that ask one question: the action of the same name."""
    return {name: (Question(f"kms:{name}", find),) for name in operations.split()}


def _has_tags(parameters: Parameters, _target: Target) -> bool:
    return bool(parameters.get("Tags"))


def _is_there(_parameters: Parameters, target: Target) -> bool:
    return target.key is not None


QUESTIONS: Mapping[str, tuple[Question, ...]] = MappingProxyType(
    {
        **_asking(
            key_named("KeyId"),
            """CancelKeyDeletion DeleteImportedKeyMaterial DisableKey DisableKeyRotation EnableKey
            EnableKeyRotation GetKeyLastUsage GetKeyPolicy GetKeyRotationStatus
            GetParametersForImport ImportKeyMaterial ListGrants ListKeyPolicies ListKeyRotations
            ListResourceTags PutKeyPolicy RevokeGrant RotateKeyOnDemand ScheduleKeyDeletion
            TagResource UntagResource UpdateKeyDescription""",
        ),
        **_asking(
            key_named("KeyId", aliases=True),
            """Decapsulate DeriveSharedSecret DescribeKey Encapsulate Encrypt GenerateDataKey
            GenerateDataKeyPair GenerateDataKeyPairWithoutPlaintext GenerateDataKeyWithoutPlaintext
            GenerateMac GetPublicKey Sign Verify VerifyMac""",
        ),
        **_asking(
            nothing,
            """ConnectCustomKeyStore CreateCustomKeyStore DeleteCustomKeyStore
            DescribeCustomKeyStores DisconnectCustomKeyStore GenerateRandom ListAliases ListKeys
            ListRetirableGrants UpdateCustomKeyStore""",
        ),
        **_asking(finders.key_of_ciphertext("kms:Decrypt", "KeyId"), "Decrypt"),
        **_asking(finders.key_to_grant, "CreateGrant"),
        **_asking(finders.grant_to_retire, "RetireGrant"),
        "ReEncrypt": (  # AUTH K-65
            Question("kms:ReEncryptFrom", finders.opened_key),
            Question("kms:ReEncryptTo", finders.re_encrypted_key),
        ),
        "CreateAlias": (  # AUTH K-63: the alias first, then the keys
            Question("kms:CreateAlias", finders.alias_itself),
            Question("kms:CreateAlias", finders.key_to_alias),
        ),
        "UpdateAlias": (
            Question("kms:UpdateAlias", finders.alias_itself),
            Question("kms:UpdateAlias", finders.aliased_key),
            Question("kms:UpdateAlias", finders.key_to_alias),
        ),
        "DeleteAlias": (
            Question("kms:DeleteAlias", finders.alias_itself),
            Question("kms:DeleteAlias", finders.aliased_key),
        ),
        "CreateKey": (  # AUTH K-66
            Question("kms:CreateKey", nothing),
            Question("kms:TagResource", finders.new_key, _has_tags),
        ),
        "ReplicateKey": (  # AUTH K-67
            Question("kms:ReplicateKey", key_named("KeyId")),
            Question("kms:CreateKey", finders.room_for_replica),
            Question("kms:TagResource", finders.new_replica, _has_tags),
        ),
        "UpdatePrimaryRegion": (  # AUTH K-68
            Question("kms:UpdatePrimaryRegion", key_named("KeyId")),
            Question("kms:UpdatePrimaryRegion", finders.next_primary, _is_there),
        ),
    }
)
"""The questions of each operation by its name, in the order in which they are asked."""
