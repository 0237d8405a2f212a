"""The condition keys that describe a key and a request: who carries them, and whence they come.

A table (AUTH 9.3 to 9.5): no operation types its condition keys by hand. Which actions carry a key
is told by `policy.carriers`. A key that a row cannot derive is absent, never empty (AUTH J-2).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from kms.kept import Kept
from kms.model import SYMMETRIC_DEFAULT, Key, KeyOrigin, KeyUsage
from kms.operation import Facts, Parameters, Scope, Target
from kms.sides import DESTINATION, ONE, SOURCE
from policy import GrantConstraints
from policy.carriers import CARRIED, GRANT_CONTEXTS
from policy.model import PrincipalForm
from policy.principals import grant_principal
from policy.vocabulary import ACTIONS, RECIPIENT_ATTESTATION

_VIA = {"ebs": "ec2"}  # AUTH J-61: EBS appears as EC2


@dataclass(slots=True)  # made for every check: see Scope
class Asked:
    """One question about one target, and the request that it comes from."""

    action: str
    parameters: Parameters = field(repr=False)
    target: Target
    scope: Scope


Derive: TypeAlias = Callable[[Asked], Facts]


@dataclass(frozen=True, slots=True)
class Row:
    """Condition keys, or families of keys, and the actions whose checks carry them."""

    keys: frozenset[str]
    actions: frozenset[str]
    derive: Derive


def _row(keys: str, derive: Derive, actions: frozenset[str] | None = None) -> Row:
    """Return the row of keys that the same actions carry: all that do, unless some are named."""
    names = tuple(keys.split())
    carried = CARRIED[names[0]].actions if actions is None else actions
    return Row(frozenset(names), frozenset(f"kms:{name}" for name in carried), derive)


def _member(key: str, member: str, default: object = None) -> Row:
    """Return the row of a condition key that is a member of the request, or its default (J-99)."""

    def derive(asked: Asked) -> Facts:
        value = asked.parameters.get(member, default)
        return {key: _text(value)} if value is not None else {}

    return _row(key, derive)


def _text(value: Any) -> str:
    if isinstance(value, dt.datetime):
        return str(int(value.timestamp()))  # AUTH J-81
    return str(value).lower() if isinstance(value, bool) else str(value)


# What describes the key


def spec_and_usage(parameters: Parameters) -> tuple[str, str]:
    """Return the spec and usage that a CreateKey request asks for, defaults filled in (K-57)."""
    spec = parameters.get("KeySpec") or parameters.get("CustomerMasterKeySpec")
    return spec or SYMMETRIC_DEFAULT, parameters.get("KeyUsage") or KeyUsage.ENCRYPT_DECRYPT


def _kind(asked: Asked) -> Facts:
    """AUTH J-62 to J-66: of the key, or of what is to be made; nothing of an alias (J-69)."""
    target, parameters = asked.target, asked.parameters
    if target.key is not None:
        return _kind_of_key(target.key)
    if target.replica_of is not None:
        return _kind_of(target.replica_of, "REPLICA")
    if asked.action == "kms:CreateKey" or target.resource.planned:
        spec, usage = spec_and_usage(parameters)
        origin = parameters.get("Origin", KeyOrigin.AWS_KMS)
        return kind_facts(spec, usage, origin, "PRIMARY" if parameters.get("MultiRegion") else None)
    return {}


def _kind_of(key: Key, role: str) -> Facts:
    return kind_facts(key.spec, key.usage, key.origin, role if key.multi_region else None)


_kind_of_key = Kept[Key, Facts](
    lambda key: _kind_of(key, "REPLICA" if key.is_replica else "PRIMARY")
)


def kind_facts(spec: str, usage: str, origin: str, role: str | None) -> Facts:
    """Return the keys that say what kind of key it is; `role` is that in a multi-Region set."""
    facts: Facts = {
        "kms:KeySpec": spec,
        "kms:CustomerMasterKeySpec": spec,
        "kms:KeyUsage": usage,
        "kms:CustomerMasterKeyUsage": usage,
        "kms:KeyOrigin": origin,
        "kms:MultiRegion": "true" if role is not None else "false",
    }
    if role is not None:
        facts["kms:MultiRegionKeyType"] = role
    return facts


def _resource_tags(asked: Asked) -> Facts:
    key = asked.target.key
    if key is None or not key.tags:
        return {}
    return {f"aws:ResourceTag/{tag}": value for tag, value in key.tags}


def _resource_aliases(asked: Asked) -> Facts:
    key = asked.target.key
    names = tuple(asked.scope.state.aliases_of(key)) if key is not None else ()
    return {"kms:ResourceAliases": names} if names else {}


# What describes the request


def via_service(via: str, region: str) -> str:
    """Return the value of `kms:ViaService` for a call that a service makes (AUTH J-61)."""
    name, _, its_region = via.removesuffix(".amazonaws.com").partition(".")
    return f"{_VIA.get(name, name)}.{its_region or region}.amazonaws.com"


def _via(asked: Asked) -> Facts:
    call = asked.scope.call
    return {"kms:ViaService": via_service(call.via, call.region)} if call.via else {}


def _request_tags(asked: Asked) -> Facts:
    return {f"aws:RequestTag/{tag['TagKey']}": tag["TagValue"] for tag in _tags(asked)}


def _tag_keys(asked: Asked) -> Facts:
    names = tuple(tag["TagKey"] for tag in _tags(asked))
    names = names or tuple(asked.parameters.get("TagKeys", ()))
    return {"aws:TagKeys": names} if names else {}


def _tags(asked: Asked) -> Sequence[Mapping[str, str]]:
    tags: Sequence[Mapping[str, str]] = asked.parameters.get("Tags", ())
    return tags


_SIDES = {"kms:ReEncryptFrom": SOURCE, "kms:ReEncryptTo": DESTINATION}


def _algorithm(asked: Asked) -> Facts:
    side = _SIDES.get(asked.action, ONE)
    return {"kms:EncryptionAlgorithm": side.algorithm_of(asked.parameters)}


def _pairs(asked: Asked) -> Facts:
    key = asked.target.key
    if key is not None and not key.is_symmetric:
        return {}
    return pairs_facts(_SIDES.get(asked.action, ONE).pairs_of(asked.parameters))


def pairs_facts(pairs: Mapping[str, str]) -> Facts:
    """Return the keys that carry an encryption context (AUTH J-71, J-72)."""
    if not pairs:
        return {}
    facts: Facts = {f"kms:EncryptionContext:{name}": value for name, value in pairs.items()}
    facts["kms:EncryptionContextKeys"] = tuple(pairs)
    return facts


def _alias(asked: Asked) -> Facts:
    alias = asked.target.alias
    return {"kms:RequestAlias": alias} if alias is not None else {}


def _on_same_key(asked: Asked) -> Facts:
    opened, sealed = (target.resource.arn for target in asked.scope.targets)
    return {"kms:ReEncryptOnSameKey": _text(opened == sealed)}


def _idle_days(asked: Asked) -> Facts:
    """AUTH J-87: since the last use, or since uses are tracked if there was none."""
    key, scope = asked.target.key, asked.scope
    if key is None:
        return {}
    use = scope.state.last_uses.get(str(key.arn))
    since = use.at if use is not None else scope.settings.tracked_since(key.created_at)
    return {"kms:TrailingDaysWithoutKeyUsage": str(max(scope.now - since, dt.timedelta()).days)}


def _bypass(asked: Asked) -> Facts:
    value = asked.parameters.get("BypassPolicyLockoutSafetyCheck")
    if value is None or asked.target.replica_of is not None:  # AUTH J-88: not of ReplicateKey
        return {}
    return {"kms:BypassPolicyLockoutSafetyCheck": _text(value)}


def _attestation(asked: Asked) -> Facts:
    """AUTH J-96 to J-98: what the surface has read from the request's attestation document."""
    if not asked.parameters.get("Recipient", {}).get("AttestationDocument"):
        return {}
    facts = asked.scope.call.facts
    return {n: v for n, v in facts.items() if n.lower().startswith(RECIPIENT_ATTESTATION)}


# Grants


def _constraints(asked: Asked) -> GrantConstraints:
    grant = asked.target.grant
    return grant.constraints if grant is not None else GrantConstraints()


def _constrained_pairs(asked: Asked) -> Facts:
    constraints = _constraints(asked)
    return pairs_facts({**(constraints.subset or {}), **(constraints.equals or {})})


def _constraint_type(asked: Asked) -> Facts:
    constraints = _constraints(asked)
    if not constraints.names_context:
        return {}
    kind = "Equals" if constraints.equals else "Subset"
    return {"kms:GrantConstraintType": f"EncryptionContext{kind}"}


def _constraint_source(asked: Asked) -> Facts:
    source = _constraints(asked).source_arn
    return {"kms:GrantConstraintSourceArn": source} if source is not None else {}


def _for_service(asked: Asked) -> Facts:
    return {"kms:GrantIsForAWSResource": _text(asked.scope.call.via is not None)}


def _grant_operations(asked: Asked) -> Facts:
    operations = tuple(asked.parameters.get("Operations", ()))
    return {"kms:GrantOperations": operations} if operations else {}


def _grantee(asked: Asked) -> Facts:
    grantee = asked.parameters.get("GranteePrincipal")
    if grantee is None or grant_principal(grantee).form is PrincipalForm.SERVICE:
        return {}
    return {"kms:GranteePrincipal": grantee}


# The table


_PAIRS = "kms:EncryptionContext: kms:EncryptionContextKeys"
_KIND = """kms:KeySpec kms:CustomerMasterKeySpec kms:KeyUsage kms:CustomerMasterKeyUsage
    kms:KeyOrigin kms:MultiRegion kms:MultiRegionKeyType"""

ROWS: tuple[Row, ...] = (
    _row("aws:ResourceTag/", _resource_tags),  # J-52, J-56
    _row("aws:RequestTag/", _request_tags),  # J-53
    _row("aws:TagKeys", _tag_keys),  # J-54
    _row("kms:ViaService", _via),  # J-61
    _row(_KIND, _kind),  # J-62 to J-66, J-102
    _row("kms:ResourceAliases", _resource_aliases),  # J-67
    _row("kms:EncryptionAlgorithm", _algorithm),  # J-70
    _row(_PAIRS, _pairs, CARRIED["kms:EncryptionContext:"].actions - GRANT_CONTEXTS),  # J-71, J-72
    _row(_PAIRS, _constrained_pairs, GRANT_CONTEXTS),
    _row("kms:RequestAlias", _alias),  # J-73
    _member("kms:DataKeyPairSpec", "KeyPairSpec"),  # J-74
    _member("kms:KeyAgreementAlgorithm", "KeyAgreementAlgorithm"),  # J-75
    _member("kms:MacAlgorithm", "MacAlgorithm"),  # J-76
    _member("kms:SigningAlgorithm", "SigningAlgorithm"),  # J-77
    _member("kms:MessageType", "MessageType", "RAW"),  # J-78
    _member("kms:WrappingAlgorithm", "WrappingAlgorithm"),  # J-79
    _member("kms:WrappingKeySpec", "WrappingKeySpec"),
    _member("kms:ExpirationModel", "ExpirationModel"),  # J-80
    _member("kms:ValidTo", "ValidTo"),  # J-81
    _member("kms:PrimaryRegion", "PrimaryRegion"),  # J-82
    _member("kms:ReplicaRegion", "ReplicaRegion"),  # J-83
    _row("kms:ReEncryptOnSameKey", _on_same_key),  # J-84
    _member("kms:RotationPeriodInDays", "RotationPeriodInDays"),  # J-85
    _member("kms:ScheduleKeyDeletionPendingWindowInDays", "PendingWindowInDays"),  # J-86
    _row("kms:TrailingDaysWithoutKeyUsage", _idle_days),  # J-87
    _row("kms:BypassPolicyLockoutSafetyCheck", _bypass),  # J-88
    _row("kms:GrantConstraintType", _constraint_type),  # J-89
    _row("kms:GrantConstraintSourceArn", _constraint_source),  # J-90
    _row("kms:GrantIsForAWSResource", _for_service),  # J-91
    _row("kms:GrantOperations", _grant_operations),  # J-92
    _row("kms:GranteePrincipal", _grantee),  # J-93, J-101
    _member("kms:RetiringPrincipal", "RetiringPrincipal"),  # J-94, J-101
    _member("kms:GranteeServicePrincipal", "GranteeServicePrincipal"),  # J-95
    _member("kms:RetiringServicePrincipal", "RetiringServicePrincipal"),
    _row("kms:RecipientAttestation:", _attestation),  # J-96 to J-98
)
"""AUTH J-52 to J-54 and J-61 to J-98."""

_BY_ACTION = {
    str(action): tuple(row.derive for row in ROWS if str(action) in row.actions)
    for action in ACTIONS.values()
}


def request_facts(asked: Asked) -> Facts:
    """Return every condition key that describes the key and the request of one check."""
    facts: Facts = {}
    for derive in _BY_ACTION[asked.action]:
        facts |= derive(asked)
    return facts
