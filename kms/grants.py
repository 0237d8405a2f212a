"""Grants: made, listed, retired and revoked (CORE K-79 to K-90, AUTH 13)."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from kms import paging
from kms.errors import (
    InvalidArn,
    LimitExceeded,
    ValidationFailed,
)
from kms.model import Key, KeyUsage
from kms.operation import (
    USABLE,
    Change,
    Need,
    Parameters,
    Scope,
    operation,
)
from kms.state import State
from kms.targets import live_grant, no_such_grant
from policy import Grant, root_arn
from policy.model import PrincipalForm
from policy.principals import grant_principal

MAX_GRANTS = 50_000
MAX_PAIRS = 8
MAX_PAIR_VALUE = 384
_ALWAYS = frozenset({"CreateGrant", "DescribeKey", "RetireGrant"})
_ENCRYPTION = frozenset({"Encrypt", "Decrypt", "ReEncryptFrom", "ReEncryptTo"})
_DATA_KEYS = frozenset(
    {
        "GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "GenerateDataKeyPair",
        "GenerateDataKeyPairWithoutPlaintext",
    }
)  # fmt: skip
_BY_USAGE = {
    KeyUsage.ENCRYPT_DECRYPT: _ENCRYPTION | {"GetPublicKey"},
    KeyUsage.SIGN_VERIFY: frozenset({"Sign", "Verify", "GetPublicKey"}),
    KeyUsage.GENERATE_VERIFY_MAC: frozenset({"GenerateMac", "VerifyMac"}),
    KeyUsage.KEY_AGREEMENT: frozenset({"DeriveSharedSecret", "GetPublicKey"}),
    KeyUsage.ENCAPSULATE_DECAPSULATE: frozenset({"Encapsulate", "Decapsulate", "GetPublicKey"}),
}


def grantable(key: Key) -> frozenset[str]:
    """Return the operations that a grant on this key may contain (AUTH N-4, CORE K-80)."""
    if key.is_symmetric:
        return _ENCRYPTION | _DATA_KEYS | _ALWAYS
    return _BY_USAGE[key.usage] | _ALWAYS


# CreateGrant


def _prepare_create(parameters: Parameters) -> None:
    """AUTH N-7 to N-9: what needs no key to be seen."""
    for member in ("GranteeServicePrincipal", "RetiringServicePrincipal"):
        if member in parameters:
            raise ValidationFailed(f"{member} is not supported by this endpoint.")
    if "GranteePrincipal" not in parameters:
        raise ValidationFailed(
            "1 validation error detected: Value null at 'granteePrincipal' failed to satisfy "
            "constraint: Member must not be null"
        )
    given = parameters.get("Constraints", {})
    if given.get("EncryptionContextEquals") and given.get("EncryptionContextSubset"):
        raise ValidationFailed(
            "A grant takes one of EncryptionContextEquals and EncryptionContextSubset."
        )
    for member in ("EncryptionContextEquals", "EncryptionContextSubset"):
        pairs = given.get(member) or {}
        if len(pairs) > MAX_PAIRS:
            raise ValidationFailed(f"{member} has more than {MAX_PAIRS} pairs.")
        if any(len(value) > MAX_PAIR_VALUE for value in pairs.values()):
            raise ValidationFailed(f"{member} has a value longer than {MAX_PAIR_VALUE} characters.")


@operation("CreateGrant", Need(USABLE), prepare=_prepare_create)
def create_grant(_parameters: Parameters, scope: Scope) -> Change:
    """Let another principal use the key, from now on with the token (CORE K-79 to K-82)."""
    key, proposed = scope.key, _subject(scope)
    _require_operations(key, proposed)
    if proposed.constraints.names_context and not key.is_symmetric:
        raise ValidationFailed(
            "EncryptionContext is supported only when creating a grant for a symmetric "
            "encryption KMS key."
        )
    for principal in (proposed.grantee_principal, proposed.retiring_principal):
        if principal is not None:
            _require_principal(principal, scope)
    directory, retiring = scope.state.directory, proposed.retiring_principal
    proposed = replace(  # AUTH N-6
        proposed,
        grantee_id=directory.unique_id(proposed.grantee_principal),
        retiring_id=directory.unique_id(retiring) if retiring is not None else None,
    )
    token = base64.urlsafe_b64encode(scope.entropy.random_bytes(96)).decode("ascii")
    twin = _twin(proposed, scope.state)
    if twin is not None:  # AUTH N-10
        grant = replace(twin, tokens=twin.tokens | {token})
    else:
        held = scope.state.grants_of(str(key.arn)).by_id
        if scope.settings.enforce_quotas and len(held) >= MAX_GRANTS:
            raise LimitExceeded
        grant = replace(
            proposed,
            id=scope.entropy.random_bytes(32).hex(),
            issuing_account=str(
                root_arn(scope.call.caller.account or key.account, key.arn.partition)
            ),
            created_at=scope.now,
            effective_at=scope.now + scope.settings.grant_delay,  # AUTH N-30
            tokens=frozenset({token}),
        )
    output = {"GrantToken": token, "GrantId": grant.id}
    logged = {"grantId": grant.id, "keyId": str(key.arn)}
    return Change(scope.state.with_grant(grant), output, logged)


def _require_operations(key: Key, proposed: Grant) -> None:
    if not proposed.operations:
        raise ValidationFailed("Operations must not be empty.")
    for name in sorted(proposed.operations - grantable(key)):
        raise ValidationFailed(f"Operation {name} is not supported for key spec {key.spec}.")
    if proposed.operations == {"CreateGrant"}:
        raise ValidationFailed("Grants must not contain only the CreateGrant operation.")


def _require_principal(principal: str, scope: Scope) -> None:
    """AUTH N-6: an account, user, role or session; one that exists where that is known."""
    form = grant_principal(principal).form
    known = not scope.settings.strict_principals or scope.state.directory.knows(principal)
    if form in (PrincipalForm.INVALID, PrincipalForm.SERVICE) or not known:
        raise InvalidArn("ARN does not refer to a valid principal.")


def _twin(proposed: Grant, state: State) -> Grant | None:
    if proposed.name is None:
        return None
    for grant in state.grants_of(proposed.key_arn).by_id.values():
        same = (
            grant.name == proposed.name
            and grant.grantee_principal == proposed.grantee_principal
            and grant.retiring_principal == proposed.retiring_principal
            and grant.grantee_id == proposed.grantee_id
            and grant.retiring_id == proposed.retiring_id
            and grant.operations == proposed.operations
            and grant.constraints == proposed.constraints
            and grant.ends_at is None
        )
        if same:
            return grant
    return None


# ListGrants and ListRetirableGrants


@operation("ListGrants")
def list_grants(parameters: Parameters, scope: Scope) -> Change:
    """List the grants on a key, never their tokens (CORE K-86)."""
    grantee, grant_id = parameters.get("GranteePrincipal"), parameters.get("GrantId")
    arn = str(scope.key.arn)
    bound = ("ListGrants", arn, grantee or "", grant_id or "")
    start = paging.start_of(parameters, *bound, parts=2)
    grants = scope.state.grants_of(arn)

    def entries() -> Iterator[tuple[Any, dict[str, Any]]]:
        for order in grants.order.after(start):
            grant = grants.by_id[order[1]]
            wanted = grantee in (None, grant.grantee_principal) and grant_id in (None, grant.id)
            if wanted and grant.ends_at is None:
                yield order, _entry(grant)

    shown, more = paging.page(parameters, entries(), 50, 100, *bound)
    return Change(scope.state, {"Grants": shown, **more})


def _prepare_list_retirable(parameters: Parameters) -> None:
    if "RetiringServicePrincipal" in parameters:
        raise ValidationFailed("RetiringServicePrincipal is not supported by this endpoint.")
    if "RetiringPrincipal" not in parameters:
        raise ValidationFailed(
            "1 validation error detected: Value null at 'retiringPrincipal' failed to satisfy "
            "constraint: Member must not be null"
        )


@operation("ListRetirableGrants", prepare=_prepare_list_retirable)
def list_retirable_grants(parameters: Parameters, scope: Scope) -> Change:
    """List the grants that a principal of the caller's account may retire (CORE K-87).

    They may be on keys of any account, but only in this Region.
    """
    principal, account = parameters["RetiringPrincipal"], scope.call.caller.account
    named = grant_principal(principal)
    if named.form in (PrincipalForm.INVALID, PrincipalForm.SERVICE) or named.account != account:
        raise InvalidArn("ARN does not refer to a valid principal.")
    bound = ("ListRetirableGrants", scope.call.region, principal)
    start = paging.start_of(parameters, *bound, parts=3)

    def entries() -> Iterator[tuple[Any, dict[str, Any]]]:
        for order in scope.state.retirable_by(scope.call.region, principal).after(start):
            grant = scope.state.grants_of(order[2]).by_id[order[1]]
            if grant.ends_at is None:
                yield order, _entry(grant)

    shown, more = paging.page(parameters, entries(), 50, 100, *bound)
    return Change(scope.state, {"Grants": shown, **more})


def _entry(grant: Grant) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "KeyId": grant.key_arn,
        "GrantId": grant.id,
        "Name": grant.name or "",
        "CreationDate": grant.created_at,
        "GranteePrincipal": grant.grantee_principal,
        "IssuingAccount": grant.issuing_account,
        "Operations": sorted(grant.operations),
    }
    if grant.retiring_principal is not None:
        entry["RetiringPrincipal"] = grant.retiring_principal
    constraints = {
        "EncryptionContextEquals": grant.constraints.equals,
        "EncryptionContextSubset": grant.constraints.subset,
        "SourceArn": grant.constraints.source_arn,
    }
    given = {
        name: value if isinstance(value, str) else dict(value)
        for name, value in constraints.items()
        if value
    }
    if given:
        entry["Constraints"] = given
    return entry


# RetireGrant and RevokeGrant


def _prepare_retire(parameters: Parameters) -> None:
    by_token = "GrantToken" in parameters
    by_id = "KeyId" in parameters and "GrantId" in parameters
    either = "KeyId" in parameters or "GrantId" in parameters
    if by_token == by_id or (by_token and either):
        raise ValidationFailed(
            "You must specify either a grant token, or both a key ARN and a grant ID."
        )


@operation("RetireGrant", prepare=_prepare_retire)
def retire_grant(_parameters: Parameters, scope: Scope) -> Change:
    """End a grant, for those whom the grant itself lets end it (CORE K-88)."""
    return _ended(_subject(scope), scope)


@operation("RevokeGrant")
def revoke_grant(parameters: Parameters, scope: Scope) -> Change:
    """End a grant, for those who administer the key (CORE K-89)."""
    grant = live_grant(scope.key, parameters["GrantId"], scope)
    if grant is None:
        raise no_such_grant(parameters["GrantId"])
    return _ended(grant, scope)


def _subject(scope: Scope) -> Grant:
    """Return the grant that the call would make or end."""
    grant = scope.targets[0].grant
    assert grant is not None  # noqa: S101 - the gate lets nobody retire what is not there
    return grant


def _ended(grant: Grant, scope: Scope) -> Change:
    """AUTH N-35: gone at once, or when everyone has heard of it."""
    logged = {"keyId": grant.key_arn}
    if not scope.settings.grant_delay:
        return Change(scope.state.without_grant(grant), logged=logged)
    ending = replace(grant, ends_at=scope.now + scope.settings.grant_delay)
    return Change(scope.state.with_grant(ending), logged=logged)
