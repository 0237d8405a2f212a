"""Which requests carry a condition key, and whether they always do (AUTH 9).

The facts are those of AUTH J-10 to J-102. Where the published table of the service lists a key for
an action whose requests have none, the action is in `LISTED_ONLY`: nothing follows from it there.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from enum import StrEnum

from policy.vocabulary import ACTIONS, WITHOUT_CALLER_ACCOUNT, ResourceKind, condition_key


class Presence(StrEnum):
    """How sure it is that a request has a key, if its action carries the key at all."""

    ALWAYS = "always"
    SIGNED = "when an IAM principal calls"
    SOMETIMES = "sometimes"


@dataclass(frozen=True, slots=True)
class Carried:
    """The actions whose requests can have a condition key, by their names without `kms:`."""

    actions: frozenset[str]
    presence: Presence


ON_KEYS = frozenset(each.name for each in ACTIONS.values() if each.resource is ResourceKind.KEY)
ON_ALIASES = frozenset(
    each.name for each in ACTIONS.values() if each.is_checked_on(ResourceKind.ALIAS)
)
"""Actions that are also checked on an alias, which has no properties of a key (AUTH J-69)."""

GRANT_CONTEXTS = frozenset({"CreateGrant", "RetireGrant"})
"""Actions whose encryption context is that of a grant's constraints (AUTH J-71)."""

_ALL = frozenset(each.name for each in ACTIONS.values())
_NEW = frozenset({"CreateKey"})
_DATA_KEY_PAIRS = "GenerateDataKeyPair GenerateDataKeyPairWithoutPlaintext"
_DATA_KEYS = f"GenerateDataKey GenerateDataKeyWithoutPlaintext {_DATA_KEY_PAIRS}"
_SYMMETRIC = f"Encrypt Decrypt ReEncryptFrom ReEncryptTo {_DATA_KEYS}"
_CRYPTOGRAPHIC = f"""{_SYMMETRIC} Sign Verify GenerateMac VerifyMac DeriveSharedSecret
    Encapsulate Decapsulate"""
_KIND = (
    "kms:KeySpec kms:CustomerMasterKeySpec kms:KeyUsage kms:CustomerMasterKeyUsage kms:KeyOrigin"
)


def _carried() -> dict[str, Carried]:
    """The rows of AUTH 9.3 to 9.5: keys, the actions that carry them."""
    on_kind = (ON_KEYS | _NEW) - {"RetireGrant"}  # J-102
    always: tuple[tuple[str, str | frozenset[str]], ...] = (
        (f"{_KIND} kms:MultiRegion", on_kind),  # J-62 to J-65
        ("kms:EncryptionAlgorithm", _SYMMETRIC),  # J-70
        ("kms:DataKeyPairSpec", _DATA_KEY_PAIRS),  # J-74
        ("kms:KeyAgreementAlgorithm", "DeriveSharedSecret"),  # J-75
        ("kms:MacAlgorithm", "GenerateMac VerifyMac"),  # J-76
        ("kms:SigningAlgorithm kms:MessageType", "Sign Verify"),  # J-77, J-78
        ("kms:WrappingAlgorithm kms:WrappingKeySpec", "GetParametersForImport"),  # J-79
        ("kms:PrimaryRegion", "UpdatePrimaryRegion"),  # J-82
        ("kms:ReplicaRegion", "ReplicateKey"),  # J-83
        ("kms:ReEncryptOnSameKey", "ReEncryptFrom ReEncryptTo"),  # J-84
        ("kms:GrantIsForAWSResource", "CreateGrant ListGrants RevokeGrant"),  # J-91
        ("kms:GrantOperations", "CreateGrant"),  # J-92
    )
    sometimes: tuple[tuple[str, str | frozenset[str]], ...] = (
        ("aws:ResourceTag/ kms:ResourceAliases", ON_KEYS),  # J-52, J-67
        ("aws:RequestTag/", "CreateKey TagResource"),  # J-53
        ("aws:TagKeys", "CreateKey TagResource UntagResource"),  # J-54
        ("kms:ViaService", ON_KEYS | _NEW),  # J-61
        ("kms:MultiRegionKeyType", on_kind),  # J-66
        ("kms:EncryptionContext: kms:EncryptionContextKeys",
         frozenset(_SYMMETRIC.split()) | GRANT_CONTEXTS),  # J-71, J-72
        ("kms:RequestAlias", f"{_CRYPTOGRAPHIC} DescribeKey GetPublicKey"),  # J-73
        ("kms:ExpirationModel kms:ValidTo", "ImportKeyMaterial"),  # J-80, J-81
        ("kms:RotationPeriodInDays", "EnableKeyRotation"),  # J-85
        ("kms:ScheduleKeyDeletionPendingWindowInDays", "ScheduleKeyDeletion"),  # J-86
        ("kms:TrailingDaysWithoutKeyUsage", "DisableKey ScheduleKeyDeletion"),  # J-87
        ("kms:BypassPolicyLockoutSafetyCheck", "CreateKey TagResource PutKeyPolicy"),  # J-88
        ("kms:GrantConstraintType", GRANT_CONTEXTS),  # J-89
        ("kms:GrantConstraintSourceArn", "CreateGrant"),  # J-90
        ("kms:GranteePrincipal kms:RetiringPrincipal", "CreateGrant"),  # J-93, J-94
        ("kms:GranteeServicePrincipal kms:RetiringServicePrincipal", "CreateGrant"),  # J-95
        ("kms:RecipientAttestation:",  # J-96 to J-98
         "Decrypt DeriveSharedSecret GenerateDataKey GenerateDataKeyPair GenerateRandom"),
    )  # fmt: skip
    table = {"kms:CallerAccount": Carried(_ALL - WITHOUT_CALLER_ACCOUNT, Presence.SIGNED)}  # J-60
    for rows, presence in ((always, Presence.ALWAYS), (sometimes, Presence.SOMETIMES)):
        for keys, actions in rows:
            names = frozenset(actions.split()) if isinstance(actions, str) else actions
            table |= {key: Carried(names, presence) for key in keys.split()}
    return table


CARRIED: dict[str, Carried] = _carried()
"""What describes the key, its tags and the request, by its name or the name of its family."""

LISTED_ONLY: dict[str, frozenset[str]] = {
    "aws:ResourceTag/": _NEW,
    "kms:PolicyName": frozenset({"GetKeyPolicy", "PutKeyPolicy"}),
    **dict.fromkeys(
        (*_KIND.split(), "kms:MultiRegion", "kms:MultiRegionKeyType"), frozenset({"RetireGrant"})
    ),
}
"""Actions of the Service Authorization Reference whose requests lack the key (AUTH J-52, J-102)."""

_PRESENCE = {
    **dict.fromkeys(
        ("aws:CurrentTime", "aws:EpochTime", "aws:SecureTransport", "aws:RequestedRegion",
         "aws:ViaAWSService"),
        Presence.ALWAYS,
    ),  # J-30 to J-32, J-37
    **dict.fromkeys(
        ("aws:PrincipalArn", "aws:PrincipalAccount", "aws:PrincipalType", "aws:userid",
         "aws:PrincipalIsAWSService"),
        Presence.SIGNED,
    ),  # J-10 to J-13, J-18
    "aws:ResourceAccount": Presence.SIGNED,  # J-50
}  # fmt: skip


@functools.lru_cache(maxsize=1024)
def may_carry(name: str) -> frozenset[str] | None:
    """Return the actions that can carry a key, without `kms:`; None if that depends on no action.

    Case is no matter. Actions for which the key is only listed are among them.
    """
    family = _family(name)
    carried = CARRIED.get(family)
    listed = LISTED_ONLY.get(family, frozenset())
    return listed or None if carried is None else carried.actions | listed


@functools.lru_cache(maxsize=1024)
def presence_of(name: str) -> Presence:
    """Return how sure it is that a request has a known key, if its action carries it."""
    family = _family(name)
    carried = CARRIED.get(family)
    return carried.presence if carried else _PRESENCE.get(family, Presence.SOMETIMES)


def _family(name: str) -> str:
    known = condition_key(name)
    return known.name if known is not None else name
