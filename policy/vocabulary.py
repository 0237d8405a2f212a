"""The words of the field as tables: actions and condition keys (AUTH J, K)."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class ResourceKind(StrEnum):
    """What an action is checked on."""

    KEY = "key"
    ALIAS = "alias"
    NONE = "*"


@dataclass(frozen=True, slots=True)
class Action:
    """One IAM action of KMS (AUTH section 10)."""

    name: str
    resource: ResourceKind
    cross_account: bool = False
    grantable: bool = False
    fixed_on_aws_managed: bool = False

    def is_checked_on(self, kind: ResourceKind) -> bool:
        """Tell whether some operation asks this action on such a resource."""
        if kind is ResourceKind.ALIAS:
            return self.name in ("CreateAlias", "DeleteAlias", "UpdateAlias")  # AUTH K-63
        return self.resource is kind

    @property
    def obeys_key_policy(self) -> bool:
        """Whether a key policy is ever asked about it (AUTH L-4)."""
        return self.resource is not ResourceKind.NONE and self.name != "RetireGrant"

    def __str__(self) -> str:
        return f"kms:{self.name}"


def _actions() -> dict[str, Action]:
    """The rows K-1 to K-55, by what they have in common."""
    use = """Decrypt DeriveSharedSecret DescribeKey Encrypt GenerateDataKey GenerateDataKeyPair
        GenerateDataKeyPairWithoutPlaintext GenerateDataKeyWithoutPlaintext GenerateMac GetPublicKey
        ReEncryptFrom ReEncryptTo Sign Verify VerifyMac CreateGrant RetireGrant Encapsulate
        Decapsulate"""
    foreign = "GetKeyRotationStatus ListGrants RevokeGrant"
    own = """GetKeyLastUsage GetKeyPolicy ListKeyPolicies ListKeyRotations ListResourceTags
        SynchronizeMultiRegionKey"""
    # AUTH K-82: what no policy allows on an AWS managed key
    change = """CancelKeyDeletion DeleteImportedKeyMaterial DisableKey DisableKeyRotation EnableKey
        EnableKeyRotation GetParametersForImport ImportKeyMaterial PutKeyPolicy ReplicateKey
        RotateKeyOnDemand ScheduleKeyDeletion TagResource UntagResource UpdateKeyDescription
        UpdatePrimaryRegion CreateAlias DeleteAlias UpdateAlias"""
    plain = """ConnectCustomKeyStore CreateCustomKeyStore CreateKey DeleteCustomKeyStore
        DescribeCustomKeyStores DisconnectCustomKeyStore GenerateRandom ListAliases ListKeys
        ListRetirableGrants UpdateCustomKeyStore"""
    key = ResourceKind.KEY
    rows = [
        *(Action(name, key, cross_account=True, grantable=True) for name in use.split()),
        *(Action(name, key, cross_account=True) for name in foreign.split()),
        *(Action(name, key) for name in own.split()),
        *(Action(name, key, fixed_on_aws_managed=True) for name in change.split()),
        *(Action(name, ResourceKind.NONE) for name in plain.split()),
    ]
    return {str(action).lower(): action for action in rows}


ACTIONS: dict[str, Action] = _actions()
"""Every action of KMS, by `kms:name` in lower case."""

GRANT_OPERATIONS: frozenset[str] = frozenset(
    action.name for action in ACTIONS.values() if action.grantable
)
"""What a grant may contain (AUTH N-5), with the two operations of the newest service model."""

CONTEXT_FREE_GRANT_OPERATIONS = frozenset({"DescribeKey", "RetireGrant", "CreateGrant"})
"""Grant operations on which no encryption context is compared (AUTH N-22)."""


WITHOUT_CALLER_ACCOUNT = frozenset(
    {"GenerateRandom", "ListAliases", "ListKeys", "ListRetirableGrants"}
)
"""Actions whose context lacks `kms:CallerAccount` (AUTH J-60)."""


class ValueType(StrEnum):
    """The type of a condition key's values (AUTH J-3)."""

    STRING = "String"
    NUMERIC = "Numeric"
    BOOL = "Bool"
    DATE = "Date"
    ARN = "ARN"
    IP = "IPAddress"


@dataclass(frozen=True, slots=True)
class ConditionKey:
    """One condition key; a name that ends in `/` or `:` stands for a family of keys."""

    name: str
    type: ValueType = ValueType.STRING
    multivalued: bool = False


def _condition_keys() -> dict[str, ConditionKey]:
    many = """aws:CalledVia aws:PrincipalOrgPaths aws:PrincipalServiceNamesList aws:ResourceOrgPaths
        aws:SourceOrgPaths aws:TagKeys aws:VpceOrgPaths kms:EncryptionContextKeys
        kms:GrantOperations kms:ResourceAliases"""
    one = """aws:CalledViaAWSMCP aws:CalledViaFirst aws:CalledViaLast aws:Ec2InstanceSourceVpc
        aws:FederatedProvider aws:PrincipalAccount aws:PrincipalOrgID aws:PrincipalServiceName
        aws:PrincipalTag/ aws:PrincipalType aws:Referer aws:RequestTag/ aws:RequestedRegion
        aws:ResourceAccount aws:ResourceOrgID aws:ResourceTag/ aws:SourceAccount aws:SourceIdentity
        aws:SourceOrgID aws:SourceVpc aws:SourceVpce aws:UserAgent aws:VpceAccount aws:VpceOrgID
        aws:userid aws:username identitystore:UserId kms:CallerAccount kms:CustomerMasterKeySpec
        kms:CustomerMasterKeyUsage kms:DataKeyPairSpec kms:EncryptionAlgorithm
        kms:EncryptionContext: kms:ExpirationModel kms:GrantConstraintType kms:GranteePrincipal
        kms:GranteeServicePrincipal kms:KeyAgreementAlgorithm kms:KeyOrigin kms:KeySpec kms:KeyUsage
        kms:MacAlgorithm kms:MessageType kms:MultiRegionKeyType kms:PolicyName kms:PrimaryRegion
        kms:RecipientAttestation: kms:ReplicaRegion kms:RequestAlias kms:RetiringPrincipal
        kms:RetiringServicePrincipal kms:SigningAlgorithm kms:ViaService kms:WrappingAlgorithm
        kms:WrappingKeySpec"""
    typed = {
        ValueType.ARN: """aws:ChatbotSourceArn aws:PrincipalArn aws:SignInSessionArn aws:SourceArn
            aws:SourceVpcArn ec2:SourceInstanceARN kms:GrantConstraintSourceArn
            lambda:SourceFunctionArn""",
        ValueType.BOOL: """aws:AssumedRoot aws:MultiFactorAuthPresent aws:PrincipalIsAWSService
            aws:SecureTransport aws:ViaAWSMCPService aws:ViaAWSService
            kms:BypassPolicyLockoutSafetyCheck kms:GrantIsForAWSResource kms:MultiRegion
            kms:ReEncryptOnSameKey""",
        ValueType.DATE: "aws:CurrentTime aws:EpochTime aws:TokenIssueTime kms:ValidTo",
        ValueType.IP: "aws:Ec2InstanceSourcePrivateIPv4 aws:SourceIp aws:VpcSourceIp",
        ValueType.NUMERIC: """aws:MultiFactorAuthAge kms:RotationPeriodInDays
            kms:ScheduleKeyDeletionPendingWindowInDays kms:TrailingDaysWithoutKeyUsage""",
    }
    keys = [
        *(ConditionKey(name, multivalued=True) for name in many.split()),
        *(ConditionKey(name) for name in one.split()),
        *(ConditionKey(name, kind) for kind, names in typed.items() for name in names.split()),
    ]
    return {key.name.lower(): key for key in keys}


CONDITION_KEYS: dict[str, ConditionKey] = _condition_keys()
"""Every known condition key and family of keys, by its name in lower case."""


@functools.lru_cache(maxsize=4096)
def condition_key(name: str) -> ConditionKey | None:
    """Return what is known of a condition key, or None; case is no matter (AUTH B-13)."""
    name = name.lower()
    found = CONDITION_KEYS.get(name)
    if found is not None:
        return None if name.endswith(("/", ":")) else found
    service, colon, rest = name.partition(":")
    for sign in "/:":
        family, sign_found, _ = rest.partition(sign)
        found = CONDITION_KEYS.get(f"{service}{colon}{family}{sign}") if sign_found else None
        if found is not None:
            return found
    return None


@functools.lru_cache(maxsize=4096)
def canonical_key(name: str) -> str:
    """Return the one spelling under which a key is kept, whatever its case (AUTH B-13).

    Known keys are spelled as AWS does; of a family the rest is in lower case, as unknown keys are.
    """
    known = condition_key(name)
    if known is None:
        return name.lower()
    if known.name.endswith(("/", ":")):
        return known.name + name.lower()[len(known.name) :]
    return known.name


def is_multivalued(name: str) -> bool:
    """Tell whether a key holds a set by definition (AUTH F-8)."""
    key = condition_key(name)
    return key is not None and key.multivalued


ENCRYPTION_CONTEXT = "kms:encryptioncontext:"
"""The prefix, in lower case, of the keys that carry one pair each (AUTH J-71)."""

RECIPIENT_ATTESTATION = "kms:recipientattestation:"
"""The prefix, in lower case, of the keys that an attestation document gives (AUTH J-96 to J-98)."""

_MEASUREMENT = re.compile(
    RECIPIENT_ATTESTATION + "(?:imagesha384|pcr(?:[12]?[0-9]|3[01])|nitrotpmpcr(?:1?[0-9]|2[0-3]))"
)


def is_measurement(name: str) -> bool:
    """Tell whether a key holds a measurement that there is (AUTH J-96 to J-98)."""
    return _MEASUREMENT.fullmatch(name.lower()) is not None


RENAMED_KEYS: Mapping[str, str] = MappingProxyType(
    {
        "kms:customermasterkeyspec": "kms:KeySpec",
        "kms:customermasterkeyusage": "kms:KeyUsage",
        "aws:arn": "aws:PrincipalArn",
        "aws:sourceowner": "aws:SourceAccount",
    }
)
"""What took the place of old condition keys, by the old name in lower case."""

ACCOUNT_KEYS = frozenset(
    {"kms:calleraccount", "aws:sourceaccount", "aws:principalaccount", "aws:resourceaccount"}
)
"""The keys, in lower case, whose values are account IDs."""


MAX_RESOURCE_ALIASES = 50
"""With more aliases than this a key is allowed by none of them (AUTH J-68)."""


def allows_nothing(name: str, value: object) -> bool:
    """Tell whether a key's value keeps a statement from allowing, whatever it says (AUTH J-68)."""
    if not isinstance(value, tuple) or len(value) <= MAX_RESOURCE_ALIASES:
        return False
    return name.lower() == "kms:resourcealiases"


def hidden_from_key_policy(name: str) -> bool:
    """Tell whether key policies are not shown a key (AUTH J-110)."""
    name = name.lower()
    return name == "kms:resourcealiases" or name.startswith("aws:resourcetag/")
