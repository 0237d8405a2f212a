"""From what a request names to what is there (CORE K-5 to K-11, AUTH D-2, Q-2 to Q-5)."""

from __future__ import annotations

import re
from dataclasses import replace

from kms.errors import InvalidArn, InvalidGrantId, KmsError, NotFound
from kms.kept import Kept
from kms.model import Alias, Key, KeyManager
from kms.operation import Parameters, Scope, Target, required
from policy import Arn, Grant, Resource
from policy.arn import is_account_id

_KEY_ID = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|mrk-[0-9a-f]{32}", re.IGNORECASE
)
_GRANT_ID = re.compile(r"[0-9a-f]{64}")


def home(scope: Scope, resource: str = "") -> Arn:
    """Return the ARN of a resource of the caller's account, in the Region of the endpoint."""
    caller = scope.call.caller
    partition = caller.arn.partition if caller.arn is not None else "aws"
    return Arn(partition, "kms", scope.call.region, caller.account or "", resource)


# Keys


def of_key(key: Key, alias: str | None = None) -> Target:
    """Return the target that a key is."""
    return Target(_resource_of(key), key, alias)


def _resource(key: Key) -> Resource:
    return Resource(key.arn, key.account, aws_managed=key.manager is KeyManager.AWS)


_resource_of = Kept(_resource)


def is_key_id(text: str) -> bool:
    """Tell whether a text has the form of a key id."""
    return _KEY_ID.fullmatch(text) is not None


def resolve(identifier: str, scope: Scope, *, aliases: bool) -> Target:
    """Find the key of an id, ARN, alias name or alias ARN (CORE K-7, K-9).

    A key of another account that does not exist is a target without a key: what the caller is
    told must not depend on it (CORE K-8).
    """
    known = _own_key(identifier, scope)
    if known is not None:
        return of_key(known)
    here = home(scope)
    if identifier.startswith("arn:"):
        arn = Arn.parse(identifier)
        if arn is None or arn.service != "kms" or arn.partition != here.partition:
            raise InvalidArn(f"Invalid arn {identifier}")
        if not is_account_id(arn.account) or arn.type not in ("key", "alias"):
            raise InvalidArn(f"Invalid arn {identifier}")
        if arn.type == "alias" and not aliases:
            raise InvalidArn("Key Aliases are not supported for this operation.")
        if arn.region != here.region:
            raise NotFound(f"Invalid arn {arn.region}")
        if arn.type == "alias":
            return _of_alias(arn, scope)
        if not is_key_id(arn.name):
            raise NotFound(f"Invalid keyId {arn.name}")
        arn = replace(arn, resource=f"key/{arn.name.lower()}")
    elif identifier.startswith("alias/"):
        if not aliases:
            raise InvalidArn("Key Aliases are not supported for this operation.")
        return _of_alias(replace(here, resource=identifier), scope)
    elif is_key_id(identifier):
        arn = replace(here, resource=f"key/{identifier.lower()}")
    else:
        raise NotFound(f"Invalid keyId '{identifier}'")
    key = scope.state.key(arn)
    if key is not None:
        return of_key(key)
    if arn.account != here.account:
        return Target(Resource(arn, arn.account))
    raise NotFound(f"Key '{arn}' does not exist")


def _own_key(identifier: str, scope: Scope) -> Key | None:
    """Return a key of the caller's account in the Region of the endpoint, by id or ARN as it is.

    The rest of `resolve` would come to the same key; most calls need not go there.
    """
    region = scope.call.region
    key = scope.state.keys.get(identifier) or scope.state.key_by_id(region, identifier)
    own = key is not None and key.region == region and key.account == scope.call.caller.account
    return key if own else None


def _of_alias(arn: Arn, scope: Scope) -> Target:
    alias = scope.state.aliases.get(str(arn))
    key = scope.state.key(alias.target_key_arn) if alias is not None else None
    if key is None:
        if arn.account != scope.call.caller.account:
            return Target(Resource(arn, arn.account), alias=arn.resource)
        raise NotFound(f"Alias {arn} is not found.")
    return of_key(key, alias=arn.resource)


# Aliases


def alias_arn(parameters: Parameters, scope: Scope) -> Arn:
    """Return the ARN of the alias that an operation on aliases names."""
    return home(scope, required(parameters, "AliasName"))


def alias_and_key(parameters: Parameters, scope: Scope) -> tuple[Alias, Key]:
    """Return the alias that a request names and the key that it points at; NotFound for none."""
    arn = alias_arn(parameters, scope)
    alias = scope.state.aliases.get(str(arn))
    key = scope.state.key(alias.target_key_arn) if alias is not None else None
    if alias is None or key is None:
        raise NotFound(f"Alias {arn} is not found.")
    return alias, key


# Grants


def live_grant(key: Key, grant_id: str, scope: Scope) -> Grant | None:
    """Return a grant on a key, unless it is ending (AUTH N-35)."""
    grant = scope.state.grants_of(str(key.arn)).by_id.get(grant_id)
    return grant if grant is not None and grant.ends_at is None else None


def no_such_grant(grant_id: str) -> KmsError:
    """Return what is said of a grant that is not there (AUTH N-53)."""
    if not _GRANT_ID.fullmatch(grant_id):
        return InvalidGrantId()
    return NotFound(f"Grant ID {grant_id} not found")
