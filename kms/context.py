"""The request context of one check, from the caller, the call, the key and the world (AUTH J)."""

from __future__ import annotations

from collections.abc import Mapping

from kms.model import Key
from kms.operation import Call, Facts, Target
from kms.state import State
from policy import Context
from policy.request import Values, caller_facts
from policy.vocabulary import ResourceKind

_VIA = {"ebs": "ec2"}  # AUTH J-61: EBS appears as EC2


def context_of(call: Call, target: Target, state: State, own: Mapping[str, Values]) -> Context:
    """Return every condition key that a check carries.

    What the surface says (`call.facts`) may add keys, but not change what follows from the
    call itself (AUTH J-1).
    """
    facts = _call_facts(call, target, state)
    facts |= state.directory.organization_facts(target.resource.account, "Resource")
    if target.key is not None and target.resource.kind is ResourceKind.KEY:
        facts |= key_facts(target.key, tuple(state.aliases_of(target.key)))
    facts |= own
    derived = (*facts, *caller_facts(call.caller), "aws:ResourceAccount", "kms:CallerAccount")
    settled = {name.lower() for name in derived}
    said = {name: value for name, value in call.facts.items() if name.lower() not in settled}
    return Context({**said, **facts})


def _call_facts(call: Call, target: Target, state: State) -> Facts:
    """AUTH J-30 to J-38, J-61."""
    facts: Facts = {
        "aws:RequestedRegion": call.region,
        "aws:SecureTransport": Context(call.facts).get("aws:SecureTransport", "true"),
        "aws:ViaAWSService": "true" if call.via else "false",
    }
    if call.via:
        service = via_service(call)
        name = f"{service.split('.')[0]}.amazonaws.com"
        facts |= {
            "aws:CalledVia": (name,),
            "aws:CalledViaFirst": name,
            "aws:CalledViaLast": name,
        }
        if target.resource.kind is not ResourceKind.NONE or call.operation == "CreateKey":
            facts["kms:ViaService"] = service
    if call.endpoint:
        facts["aws:SourceVpce"] = call.endpoint
        endpoint = state.directory.endpoints.get(call.endpoint)
        if endpoint is not None:
            facts["aws:VpceAccount"] = endpoint.account
            if endpoint.vpc is not None:
                facts["aws:SourceVpc"] = endpoint.vpc
    return facts


def via_service(call: Call) -> str:
    """Return the value of `kms:ViaService` for a call made by a service (AUTH J-61)."""
    via = (call.via or "").removesuffix(".amazonaws.com")
    name, _, region = via.partition(".")
    return f"{_VIA.get(name, name)}.{region or call.region}.amazonaws.com"


def key_facts(key: Key, aliases: tuple[str, ...]) -> Facts:
    """Return the condition keys that describe a key (AUTH J-52, J-62 to J-67)."""
    facts = spec_facts(key.spec, key.usage, key.origin, multi_region=key.multi_region)
    facts |= {f"aws:ResourceTag/{tag}": value for tag, value in key.tags}
    if aliases:
        facts["kms:ResourceAliases"] = aliases
    return facts


def spec_facts(spec: str, usage: str, origin: str, *, multi_region: bool) -> Facts:
    """Return the keys that say what kind of key it is, or is to be (AUTH J-62 to J-66)."""
    facts: Facts = {
        "kms:KeySpec": spec,
        "kms:CustomerMasterKeySpec": spec,
        "kms:KeyUsage": usage,
        "kms:CustomerMasterKeyUsage": usage,
        "kms:KeyOrigin": origin,
        "kms:MultiRegion": "true" if multi_region else "false",
    }
    if multi_region:
        facts["kms:MultiRegionKeyType"] = "PRIMARY"
    return facts


def pairs_facts(pairs: Mapping[str, str] | None) -> Facts:
    """Return the keys that carry an encryption context (AUTH J-71, J-72)."""
    if not pairs:
        return {}
    facts: Facts = {f"kms:EncryptionContext:{name}": value for name, value in pairs.items()}
    facts["kms:EncryptionContextKeys"] = tuple(pairs)
    return facts


def alias_fact(target: Target) -> Facts:
    """Return the alias by which the request named the key (AUTH J-73)."""
    return {"kms:RequestAlias": target.alias} if target.alias is not None else {}
