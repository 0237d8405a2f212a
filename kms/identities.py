"""Who called, as events tell it: userIdentity, source address and user agent (CORE K-174)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kms.operation import Call
from policy import Principal, PrincipalKind
from policy.request import Values, caller_facts

Identity = Mapping[str, Any]

AWS_INTERNAL = "AWS Internal"
MAX_KEPT = 4096
MAX_AGENT = 1024
_DOMAIN = ".amazonaws.com"


class Teller:
    """What one call tells of its caller. Facts are compared without regard to case."""

    __slots__ = ("_facts", "call")

    def __init__(self, call: Call) -> None:
        self.call = call
        facts = call.facts
        self._facts = {name.lower(): value for name, value in facts.items()} if facts else {}

    def fact(self, name: str) -> str | None:
        """Return the value of a single-valued condition key that the surface gave."""
        value = self._facts.get(name)
        return value if isinstance(value, str) else None

    @property
    def service(self) -> str | None:
        """The service that calls: in its own name, or on the caller's behalf."""
        if self.call.via:
            return self.call.via.partition(".")[0] + _DOMAIN
        return self.call.caller.service

    def identity(self) -> Identity:
        """Return the userIdentity; equal callers get the same object, which nobody may change."""
        call, caller = self.call, self.call.caller
        session = tuple(map(self.fact, _OF_SESSION)) if self._facts else _UNTOLD
        at = (id(caller), call.access_key, call.via, session)
        kept = _IDENTITIES.get(at)
        if kept is None or kept[0] is not caller:
            if len(_IDENTITIES) >= MAX_KEPT:
                _IDENTITIES.clear()
            kept = _IDENTITIES[at] = (caller, self._made(session))
        return kept[1]

    def _made(self, session: tuple[str | None, ...]) -> Identity:
        caller = self.call.caller
        made = dict(_FORMS[caller.kind](caller, self.call.access_key, session))
        if self.call.via:
            made["invokedBy"] = self.service
        return _without_gaps(made)

    def source(self) -> str | None:
        """Return the sourceIPAddress; None when the surface does not know any (CORE K-173)."""
        return self.service or self.fact("aws:sourceip") or self.fact("aws:vpcsourceip")

    def agent(self) -> str | None:
        """Return the userAgent, the beginning of a long one (CORE K-173)."""
        if self.service is not None:
            return AWS_INTERNAL
        agent = self.fact("aws:useragent")
        return agent[:MAX_AGENT] if agent is not None else None


_OF_SESSION = ("aws:tokenissuetime", "aws:multifactorauthpresent", "aws:sourceidentity")
_UNTOLD: tuple[str | None, ...] = (None, None, None)
_IDENTITIES: dict[tuple[Any, ...], tuple[Principal, Identity]] = {}


def _without_gaps(made: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in made.items() if value is not None}


def _signed(kind: str, caller: Principal, access_key: str | None) -> dict[str, Any]:
    return {
        "type": kind,
        "principalId": caller_facts(caller).get("aws:userid") or caller.unique_id,
        "arn": str(caller.arn),
        "accountId": caller.account,
        "accessKeyId": access_key,
    }


def _user(caller: Principal, key: str | None, _session: tuple[str | None, ...]) -> dict[str, Any]:
    name = caller.arn.last if caller.arn is not None else None
    return {**_signed("IAMUser", caller, key), "userName": name}


def _root(caller: Principal, key: str | None, _session: tuple[str | None, ...]) -> dict[str, Any]:
    return _signed("Root", caller, key)


def _role(caller: Principal, key: str | None, session: tuple[str | None, ...]) -> dict[str, Any]:
    return {**_signed("AssumedRole", caller, key), "sessionContext": _context(caller, session)}


def _federated(
    caller: Principal, key: str | None, session: tuple[str | None, ...]
) -> dict[str, Any]:
    return {**_signed("FederatedUser", caller, key), "sessionContext": _context(caller, session)}


def _context(caller: Principal, session: tuple[str | None, ...]) -> dict[str, Any]:
    carried: dict[str, Values] = {name.lower(): v for name, v in caller.facts.items()}
    issued, factor, source = (
        own if isinstance(own := carried.get(name), str) else told
        for name, told in zip(_OF_SESSION, session, strict=True)
    )
    attributes = {
        "creationDate": issued,
        "mfaAuthenticated": "true" if factor == "true" else "false",
    }
    return _without_gaps(
        {
            "sessionIssuer": _issuer(caller),
            "attributes": _without_gaps(attributes),
            "sourceIdentity": source,
        }
    )


_ISSUERS = {"role": "Role", "user": "IAMUser", "root": "Root"}


def _issuer(caller: Principal) -> dict[str, Any] | None:
    issuer = caller.issuer
    if issuer is None:
        return None
    kind = _ISSUERS.get(issuer.type)
    return _without_gaps(
        {
            "type": kind,
            "principalId": issuer.account if kind == "Root" else caller.unique_id,
            "arn": str(issuer),
            "accountId": issuer.account,
            "userName": issuer.last if kind != "Root" else None,
        }
    )


def _service(
    caller: Principal, _key: str | None, _session: tuple[str | None, ...]
) -> dict[str, Any]:
    return {"type": "AWSService", "invokedBy": caller.service}


def _anonymous(
    _caller: Principal, _key: str | None, _session: tuple[str | None, ...]
) -> dict[str, Any]:
    return {"type": "AWSAccount", "principalId": "", "accountId": "ANONYMOUS_PRINCIPAL"}


_FORMS = {
    PrincipalKind.USER: _user,
    PrincipalKind.ROOT: _root,
    PrincipalKind.ROLE_SESSION: _role,
    PrincipalKind.FEDERATED_USER: _federated,
    PrincipalKind.SERVICE: _service,
    PrincipalKind.ANONYMOUS: _anonymous,
}


def reduced(identity: Identity) -> Identity:
    """Return what the owner of a key learns of a caller of another account: no names, no keys."""
    return _without_gaps(
        {
            "type": "AWSAccount",
            "principalId": identity.get("principalId"),
            "accountId": identity.get("accountId"),
        }
    )


def of_the_service(account: str) -> Identity:
    """Return the identity of what the service does by itself (CORE K-186)."""
    return {"accountId": account, "invokedBy": AWS_INTERNAL}
