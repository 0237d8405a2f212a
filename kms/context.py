"""The request context of one check, from the caller, the call, the key and the world (AUTH J)."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from types import MappingProxyType
from typing import TypeAlias

from kms.condition_keys import Asked, request_facts, via_service
from kms.operation import Call, Facts
from kms.state import State
from policy import Context, PrincipalKind
from policy.request import Values, caller_facts
from policy.vocabulary import CONDITION_KEYS, RECIPIENT_ATTESTATION

_DOMAIN = ".amazonaws.com"
_NOTHING = Context()


def context_of(asked: Asked) -> Context:
    """Return every condition key that a check carries.

    What the surface says (`call.facts`) may add keys that only it can know, but not change what
    follows from the call itself (AUTH J-1).
    """
    call, target, state = asked.scope.call, asked.target, asked.scope.state
    facts = _call_facts(call, target.region or call.region)
    if call.endpoint:
        facts |= _endpoint_facts(call, state)
    if call.caller.kind is PrincipalKind.SERVICE:
        facts |= _service_facts(call, state)
    facts |= state.directory.organization_facts(target.resource.account, "Resource")  # J-51
    facts |= request_facts(asked)
    if call.facts:
        facts = {**_said(call, facts), **facts}
    return Context(facts)


def _said(call: Call, facts: Facts) -> Facts:
    """Return what the surface says and nothing else tells."""
    settled = (*facts, *caller_facts(call.caller))
    unsettled = _unsettled(tuple(call.facts), settled)
    return {name: call.facts[name] for name in unsettled if _is_possible(name, call)}


@lru_cache(maxsize=1024)
def _unsettled(names: tuple[str, ...], settled: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names that are not settled. Calls bear the same names again and again."""
    known = {name.lower() for name in settled}
    return tuple(name for name in names if name.lower() not in known)


# What follows from the call


def _call_facts(call: Call, region: str) -> Facts:
    """AUTH J-31, J-32, J-37, J-38."""
    facts: Facts = {
        "aws:RequestedRegion": region,
        "aws:SecureTransport": "true",
        "aws:ViaAWSService": "true" if call.via else "false",
    }
    given = Context(call.facts) if call.facts else _NOTHING
    if given:
        facts["aws:SecureTransport"] = given.get("aws:SecureTransport", "true")
    if call.via:
        last = via_service(call.via, call.region).partition(".")[0] + _DOMAIN
        chain = _values(given.get("aws:CalledVia"))
        if chain[-1:] != (last,):  # the surface may know the services before the last one
            chain = (last,)
        facts |= {
            "aws:CalledVia": chain,
            "aws:CalledViaFirst": chain[0],
            "aws:CalledViaLast": last,
        }
    return facts


def _endpoint_facts(call: Call, state: State) -> Facts:
    """AUTH J-35, J-36: what is known of the VPC endpoint that the call came through."""
    facts: Facts = {"aws:SourceVpce": call.endpoint or ""}
    endpoint = state.directory.endpoints.get(call.endpoint or "")
    if endpoint is None:
        return facts
    facts["aws:VpceAccount"] = endpoint.account
    if endpoint.vpc is not None:
        owner = state.directory.accounts.get(endpoint.account)
        partition = owner.partition if owner is not None else "aws"
        facts["aws:SourceVpc"] = endpoint.vpc
        facts["aws:SourceVpcArn"] = (
            f"arn:{partition}:ec2:{call.region}:{endpoint.account}:vpc/{endpoint.vpc}"
        )
    return facts | state.directory.organization_facts(endpoint.account, "Vpce")


def _service_facts(call: Call, state: State) -> Facts:
    """AUTH J-19, J-39: the names of a service that calls in its own name, and for whom it does."""
    name = call.caller.service
    if name is None:
        return {}
    names = [name]
    if name.endswith(_DOMAIN):
        service, _, its_region = name.removesuffix(_DOMAIN).partition(".")
        names += [f"{service}{_DOMAIN}", f"{service}.{its_region or call.region}{_DOMAIN}"]
    facts: Facts = {"aws:PrincipalServiceNamesList": tuple(dict.fromkeys(names))}
    source = Context({**call.facts, **call.caller.facts}).single("aws:SourceAccount")
    return facts | state.directory.organization_facts(source, "Source")


def _values(value: Values | None) -> tuple[str, ...]:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else value


# What only a surface knows (AUTH J-20 to J-40)

Possible: TypeAlias = Callable[[Call], bool]


def _always(_call: Call) -> bool:
    return True


def _of(*kinds: PrincipalKind) -> Possible:
    return lambda call: call.caller.kind in kinds


def _multi_factor(call: Call) -> bool:
    """AUTH J-20: of users, root and role sessions, unless an identity provider stands behind."""
    kinds = (PrincipalKind.USER, PrincipalKind.ROOT, PrincipalKind.ROLE_SESSION)
    return call.caller.kind in kinds and call.caller.identity_provider is None


def _multi_factor_used(call: Call) -> bool:
    known = Context({**call.facts, **call.caller.facts})
    return _multi_factor(call) and known.get("aws:MultiFactorAuthPresent") == "true"


def _temporary(call: Call) -> bool:
    return call.caller.kind not in (PrincipalKind.SERVICE, PrincipalKind.ANONYMOUS)


_THROUGH_ENDPOINT = (
    "aws:SourceVpc", "aws:SourceVpcArn", "aws:SourceVpce", "aws:VpcSourceIp", "aws:VpceAccount",
    "aws:VpceOrgID", "aws:VpceOrgPaths",
)  # fmt: skip
_OF_ENDPOINT = frozenset(name.lower() for name in _THROUGH_ENDPOINT)


def _not_through_endpoint(call: Call) -> bool:
    return not call.endpoint and _OF_ENDPOINT.isdisjoint(map(str.lower, call.facts))


def _given(*rows: tuple[str, Possible]) -> dict[str, Possible]:
    return {name.lower(): possible for names, possible in rows for name in names.split()}


GIVEN = MappingProxyType(
    _given(
        ("aws:MultiFactorAuthPresent", _multi_factor),  # J-20
        ("aws:MultiFactorAuthAge", _multi_factor_used),  # J-21
        ("aws:TokenIssueTime", _temporary),  # J-22
        ("aws:SourceIdentity", _of(PrincipalKind.ROLE_SESSION)),  # J-24
        ("aws:AssumedRoot", _of(PrincipalKind.ROOT)),  # J-25
        ("aws:CurrentTime aws:EpochTime", _always),  # J-30
        ("aws:SecureTransport", _always),  # J-31
        ("aws:UserAgent aws:Referer", _always),  # J-33
        ("aws:SourceIp", _not_through_endpoint),  # J-34
        (" ".join(_THROUGH_ENDPOINT), _always),  # J-35, J-36
        ("aws:CalledVia", lambda call: call.via is not None),  # J-38
        (  # J-39
            "aws:SourceArn aws:SourceAccount aws:SourceOrgID aws:SourceOrgPaths",
            _of(PrincipalKind.SERVICE),
        ),
        (  # J-40
            """lambda:SourceFunctionArn ec2:SourceInstanceARN aws:Ec2InstanceSourceVpc
            aws:Ec2InstanceSourcePrivateIPv4 identitystore:UserId aws:SignInSessionArn
            aws:ViaAWSMCPService aws:CalledViaAWSMCP aws:ChatbotSourceArn""",
            _always,
        ),
    )
)
"""The known condition keys that a surface may give, and for which calls (AUTH J-1).

All others follow from the call. A key that is not known at all, such as one of an identity
provider, is taken as it comes (J-27).
"""

_FAMILIES = tuple(name for name in CONDITION_KEYS if name.endswith(("/", ":")))


def can_be_given(name: str) -> bool:
    """Tell whether a surface may give a condition key, since it does not follow from the call."""
    name = name.lower()
    return name in GIVEN or name.startswith(RECIPIENT_ATTESTATION) or not _is_known(name)


def _is_known(name: str) -> bool:
    return name in CONDITION_KEYS or name.startswith(_FAMILIES)


def _is_possible(name: str, call: Call) -> bool:
    possible = GIVEN.get(name.lower())
    return possible(call) if possible is not None else not _is_known(name.lower())
