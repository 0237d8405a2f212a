"""What the questions of an operation are about: each finder takes one target from a request.

A finder asks for no more of a request than it needs, so that it also serves a decision without a
call. What it raises is told before anything is asked (AUTH Q-1).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

from kms.envelope import parse as parse_blob
from kms.errors import AccessDenied, InvalidCiphertext, InvalidGrantToken, ValidationFailed
from kms.operation import Parameters, Scope, Target, required
from kms.targets import (
    alias_and_key,
    alias_arn,
    home,
    is_key_id,
    live_grant,
    no_such_grant,
    of_key,
    resolve,
)
from policy import Grant, GrantConstraints, Resource
from policy.messages import unreachable_message

Finder: TypeAlias = Callable[[Parameters, Scope], Target]


def nothing(_parameters: Parameters, scope: Scope) -> Target:
    """Find `*`: the operation has no resource (AUTH D-8)."""
    return Target(Resource(None, scope.call.caller.account))


# Keys


def key_named(member: str, *, aliases: bool = False) -> Finder:
    """Return a finder of the key that a member names; `aliases` tells whether one may be used."""

    def find(parameters: Parameters, scope: Scope) -> Target:
        return resolve(required(parameters, member), scope, aliases=aliases)

    return find


def key_of_ciphertext(action: str, member: str) -> Finder:
    """Return a finder of the key that a member names, or else of the one that sealed the blob.

    CORE K-65: `action` is what the caller is not authorized to do where that key is not there.
    """

    def find(parameters: Parameters, scope: Scope) -> Target:
        named, blob = parameters.get(member), parameters.get("CiphertextBlob")
        if named is not None:
            return _foreign_by_id(named, blob, scope) or resolve(named, scope, aliases=True)
        header = parse_blob(blob) if blob is not None else None
        if header is None:
            raise InvalidCiphertext
        key = scope.state.key_by_id(scope.call.region, header.key_id)
        if key is None:  # CORE K-65.2
            caller = str(scope.call.caller)
            raise AccessDenied(unreachable_message(caller, action, by_ciphertext=True))
        return replace(of_key(key), by_ciphertext=True)

    return find


def _foreign_by_id(named: str, blob: bytes | None, scope: Scope) -> Target | None:
    """A short id of a foreign key is accepted where the blob says the same (CORE K-65.7)."""
    header = parse_blob(blob) if blob is not None and is_key_id(named) else None
    if header is None or header.key_id != named.lower():
        return None
    key = scope.state.key_by_id(scope.call.region, header.key_id)
    return of_key(key) if key is not None else None


re_encrypted_key = key_named("DestinationKeyId", aliases=True)
"""The key under which ReEncrypt seals."""

_opened_key = key_of_ciphertext("kms:ReEncryptFrom", "SourceKeyId")


def opened_key(parameters: Parameters, scope: Scope) -> Target:
    """Find the key under which ReEncrypt opens; the other one is the first to fail (CORE K-67)."""
    re_encrypted_key(parameters, scope)
    return _opened_key(parameters, scope)


# Aliases (AUTH K-63)


def alias_itself(parameters: Parameters, scope: Scope) -> Target:
    """Find the alias, whether or not it is there yet."""
    arn = alias_arn(parameters, scope)
    return Target(Resource(arn, arn.account))


def aliased_key(parameters: Parameters, scope: Scope) -> Target:
    """Find the key that the alias points at now."""
    return of_key(alias_and_key(parameters, scope)[1])


def key_to_alias(parameters: Parameters, scope: Scope) -> Target:
    """Find the key that the alias is to point at; it cannot be named by another (CORE K-163)."""
    named = required(parameters, "TargetKeyId")
    if named.startswith("alias/") or ":alias/" in named:
        raise ValidationFailed("Aliases must refer to keys. Not aliases")
    return resolve(named, scope, aliases=False)


# Keys that are to be made


def new_key(parameters: Parameters, scope: Scope) -> Target:
    """Find the key that is to be made: its ARN is known before it exists (AUTH K-66)."""
    identifier = scope.entropy.uuid()
    if parameters.get("MultiRegion"):
        identifier = f"mrk-{identifier.replace('-', '')}"  # CORE K-5
    arn = home(scope, f"key/{identifier}")
    return Target(Resource(arn, arn.account, planned=True))


_primary = key_named("KeyId")


def new_replica(parameters: Parameters, scope: Scope) -> Target:
    """Find the replica that is to be made: it has the primary's id in another Region."""
    primary, region = _primary(parameters, scope), required(parameters, "ReplicaRegion")
    planned = replace(_moved(primary.resource, region), planned=True)
    return Target(planned, region=region, replica_of=primary.key)


def room_for_replica(parameters: Parameters, scope: Scope) -> Target:
    """Find `*` in the Region of the replica that is to be made (AUTH K-67)."""
    return replace(new_replica(parameters, scope), resource=nothing(parameters, scope).resource)


def next_primary(parameters: Parameters, scope: Scope) -> Target:
    """Find the member of a multi-Region set in the Region that the request names (AUTH K-68).

    Where the set has no such member the target has no key; that is told later (CORE K-156).
    """
    primary, region = _primary(parameters, scope), required(parameters, "PrimaryRegion")
    resource = _moved(primary.resource, region)
    return Target(resource, scope.state.key(str(resource)), region=region)


def _moved(resource: Resource, region: str) -> Resource:
    """Return the key of the same account and id in another Region."""
    return replace(resource, arn=replace(resource.arn, region=region)) if resource.arn else resource


# Grants


def key_to_grant(parameters: Parameters, scope: Scope) -> Target:
    """Find the key, with the grant that the call wants to make (AUTH N-14)."""
    target = key_named("KeyId")(parameters, scope)
    given = parameters.get("Constraints", {})
    grant = Grant(
        id="",
        key_arn=str(target.resource),
        grantee_principal=parameters.get("GranteePrincipal", ""),
        operations=frozenset(parameters.get("Operations", ())),
        constraints=GrantConstraints(
            given.get("EncryptionContextEquals") or None,
            given.get("EncryptionContextSubset") or None,
            given.get("SourceArn"),
        ),
        retiring_principal=parameters.get("RetiringPrincipal"),
        name=parameters.get("Name"),
    )
    return replace(target, grant=grant)


def grant_to_retire(parameters: Parameters, scope: Scope) -> Target:
    """Find the grant by its token, or by key and id, and its key (AUTH N-50)."""
    token = parameters.get("GrantToken")
    if token is not None:
        known = scope.state.tokens.get(token)
        key = scope.state.key(known[0]) if known is not None else None
        if known is None or key is None or key.region != scope.call.region:
            raise InvalidGrantToken
        grant = live_grant(key, known[1], scope)
        if grant is None:  # AUTH N-33: it is ending
            raise InvalidGrantToken
        return replace(of_key(key), grant=grant)
    target = resolve(required(parameters, "KeyId"), scope, aliases=False)
    grant_id = required(parameters, "GrantId")
    if target.key is None:
        return target
    grant = live_grant(target.key, grant_id, scope)
    if grant is None and target.key.account == scope.call.caller.account:
        raise no_such_grant(grant_id)
    return replace(target, grant=grant)  # CORE K-8: of a foreign key the gate says no, as of none
