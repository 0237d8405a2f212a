"""The grants of a decision request, as ListGrants shows them, with their tokens (AUTH N)."""

from __future__ import annotations

import datetime as dt
import re

from kmsgate.decision.fields import Field, FieldError, JsonNumber, Members, short, shown_path
from policy import Grant, GrantConstraints, Resource
from policy.spelling import closest
from policy.vocabulary import GRANT_OPERATIONS

_FIELDS = (
    "KeyId", "GrantId", "Name", "CreationDate", "GranteePrincipal", "GranteeServicePrincipal",
    "RetiringPrincipal", "RetiringServicePrincipal", "IssuingAccount", "Operations", "Constraints",
    "GrantTokens",
)  # fmt: skip
_EQUALS, _SUBSET, _SOURCE_ARN = "EncryptionContextEquals", "EncryptionContextSubset", "SourceArn"


def read_grants(members: Members, resource: Resource, at: dt.datetime | None) -> tuple[Grant, ...]:
    """Return the grants that a request brings along."""
    delay = _delay(members.get("grant_consistency_seconds"))
    return tuple(_grant(item, resource, delay, at) for item in members.items("grants", "grants"))


def _grant(field: Field, resource: Resource, delay: dt.timedelta, at: dt.datetime | None) -> Grant:
    grant = field.members(_FIELDS, "a grant, as ListGrants shows it")
    created = grant.get("CreationDate")
    constraints = grant.get("Constraints")
    return Grant(
        id=grant.text("GrantId") or shown_path(field.path),
        key_arn=_key_arn(grant.text("KeyId"), resource),
        grantee_principal=_grantee(field, grant),
        operations=_operations(grant),
        constraints=_constraints(constraints) if constraints is not None else GrantConstraints(),
        retiring_principal=_one_of(field, grant, "RetiringPrincipal", "RetiringServicePrincipal"),
        name=grant.text("Name"),
        issuing_account=grant.text("IssuingAccount"),
        created_at=created.time() if created is not None else None,
        effective_at=_effective_at(created, delay, at),
        tokens=grant.texts("GrantTokens"),
    )


def _delay(field: Field | None) -> dt.timedelta:
    if field is None:
        return dt.timedelta()
    if not isinstance(field.value, JsonNumber):
        raise field.expected("a whole number of seconds")
    text = field.value.text
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise field.error(f"must be a whole number of seconds, 0 or more, found {short(text)}")
    return dt.timedelta(seconds=int(text))


def _effective_at(
    created: Field | None, delay: dt.timedelta, at: dt.datetime | None
) -> dt.datetime | None:
    """Return from when a grant works without its token; None means always (AUTH N-30).

    Without a delay, a grant works in a request of unknown time: it was there to be listed.
    """
    if created is None or (at is None and not delay):
        return None
    try:
        return created.time() + delay
    except OverflowError:
        raise created.error("is too late for any request") from None


def _key_arn(key: str | None, resource: Resource) -> str:
    """Return the key that a grant is on: the resource, unless another one is named."""
    if key is None or (resource.arn is not None and key == resource.arn.name):
        return str(resource)
    return key


def _grantee(field: Field, grant: Members) -> str:
    found = _one_of(field, grant, "GranteePrincipal", "GranteeServicePrincipal")
    return found or grant.need("GranteePrincipal", "say who may use the grant").text()


def _one_of(field: Field, members: Members, *names: str) -> str | None:
    """Return the only one of several members that is there (AUTH N-7)."""
    found = [text for name in names if (text := members.text(name)) is not None]
    if len(found) > 1:
        raise field.error(f"must have only one of {' and '.join(names)}")
    return found[0] if found else None


def _operations(grant: Members) -> frozenset[str]:
    """AUTH N-5."""
    field = grant.need("Operations", 'say what it allows: ["Decrypt"]')
    items = field.items("operations")
    if not items:
        raise field.error("must name an operation")
    for item in items:
        text = item.text()
        if text not in GRANT_OPERATIONS:
            meant = closest(text, GRANT_OPERATIONS)
            hint = f"; did you mean '{meant}'?" if meant else ""
            raise item.error(f"'{short(text)}' is not an operation that can be granted{hint}")
    return frozenset(item.value for item in items)


def _constraints(field: Field) -> GrantConstraints:
    """AUTH N-8, N-9."""
    members = field.members((_EQUALS, _SUBSET, _SOURCE_ARN))
    equals, subset = members.get(_EQUALS), members.get(_SUBSET)
    if equals is not None and subset is not None:
        raise field.error(f"must have only one of {_EQUALS} and {_SUBSET}")
    return GrantConstraints(
        equals=equals.pairs() if equals is not None else None,
        subset=subset.pairs() if subset is not None else None,
        source_arn=members.text(_SOURCE_ARN),
    )


def retired_grant(
    members: Members, grants: tuple[Grant, ...], tokens: frozenset[str]
) -> Grant | None:
    """Return the grant that a RetireGrant call means: that of its token, or the only one."""
    named = tuple(grant for grant in grants if not grant.tokens.isdisjoint(tokens))
    meant = named or grants
    if len(meant) > 1:
        raise FieldError(
            "kms:RetireGrant ends one grant; give only that one, or its token in grant_tokens",
            (*members.path, "grants"),
        )
    return meant[0] if meant else None
