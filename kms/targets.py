"""From what a request names to what is checked (CORE K-5 to K-11, AUTH D-2, Q-2 to Q-5)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from kms.envelope import parse as parse_blob
from kms.errors import AccessDenied, InvalidArn, InvalidCiphertext, NotFound
from kms.model import Key, KeyManager
from kms.operation import Parameters, Scope, Target, required
from policy import Arn, Resource
from policy.arn import is_account_id
from policy.messages import unreachable_message

_KEY_ID = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|mrk-[0-9a-f]{32}", re.IGNORECASE
)

Finder = Callable[[Parameters, Scope], Target]


def nothing(_parameters: Parameters, scope: Scope) -> Target:
    """Find `*`: the operation has no resource (AUTH D-8)."""
    return Target(Resource(None, scope.call.caller.account))


def key_named(member: str, *, aliases: bool = False) -> Finder:
    """Return a finder of the key that a member names; `aliases` tells whether one may be used."""

    def find(parameters: Parameters, scope: Scope) -> Target:
        return resolve(required(parameters, member), scope, aliases=aliases)

    return find


def key_of_ciphertext(blob_member: str, key_member: str) -> Finder:
    """Return a finder of the key that is named, or else of the one that sealed a blob (K-65)."""

    def find(parameters: Parameters, scope: Scope) -> Target:
        named = parameters.get(key_member)
        blob = parameters.get(blob_member)
        if named is not None:
            return _foreign_by_id(named, blob, scope) or resolve(named, scope, aliases=True)
        header = parse_blob(blob) if blob is not None else None
        if header is None:
            raise InvalidCiphertext
        key = scope.state.key_by_id(scope.call.region, header.key_id)
        if key is None:
            raise _unreachable(scope)
        return replace(of_key(key), by_ciphertext=True)

    return find


def _unreachable(scope: Scope) -> AccessDenied:
    """Return the denial for the key of a ciphertext that is not there (CORE K-65.2)."""
    operation = scope.call.operation
    action = f"kms:{'ReEncryptFrom' if operation == 'ReEncrypt' else operation}"
    return AccessDenied(unreachable_message(str(scope.call.caller), action, by_ciphertext=True))


def _foreign_by_id(named: str, blob: bytes | None, scope: Scope) -> Target | None:
    """A short id of a foreign key is accepted where the blob says the same (CORE K-65.7)."""
    header = parse_blob(blob) if blob is not None and _KEY_ID.fullmatch(named) else None
    if header is None or header.key_id != named.lower():
        return None
    key = scope.state.key_by_id(scope.call.region, header.key_id)
    return of_key(key) if key is not None else None


def of_key(key: Key, alias: str | None = None) -> Target:
    """Return the target that a key is."""
    managed = key.manager is KeyManager.AWS
    return Target(Resource(key.arn, key.account, aws_managed=managed), key, alias)


def resolve(identifier: str, scope: Scope, *, aliases: bool) -> Target:
    """Find the key of an id, ARN, alias name or alias ARN (CORE K-7, K-9).

    A key of another account that does not exist is a target without a key: what the caller is
    told must not depend on it (CORE K-8).
    """
    call, state = scope.call, scope.state
    account = call.caller.account or ""
    here = Arn("aws", "kms", call.region, account, "")
    if call.caller.arn is not None:
        here = replace(here, partition=call.caller.arn.partition)
    if identifier.startswith("arn:"):
        arn = Arn.parse(identifier)
        if arn is None or arn.service != "kms" or arn.partition != here.partition:
            raise InvalidArn(f"Invalid arn {identifier}")
        if not is_account_id(arn.account) or arn.type not in ("key", "alias"):
            raise InvalidArn(f"Invalid arn {identifier}")
        if arn.type == "alias" and not aliases:
            raise InvalidArn("Key Aliases are not supported for this operation.")
        if arn.region != call.region:
            raise NotFound(f"Invalid arn {arn.region}")
        if arn.type == "alias":
            return _alias(arn, scope)
        if not _KEY_ID.fullmatch(arn.name):
            raise NotFound(f"Invalid keyId {arn.name}")
        arn = replace(arn, resource=f"key/{arn.name.lower()}")
    elif identifier.startswith("alias/"):
        if not aliases:
            raise InvalidArn("Key Aliases are not supported for this operation.")
        return _alias(replace(here, resource=identifier), scope)
    elif _KEY_ID.fullmatch(identifier):
        arn = replace(here, resource=f"key/{identifier.lower()}")
    else:
        raise NotFound(f"Invalid keyId '{identifier}'")
    key = state.key(arn)
    if key is not None:
        return of_key(key)
    if arn.account != account:
        return Target(Resource(arn, arn.account))
    raise NotFound(f"Key '{arn}' does not exist")


def _alias(arn: Arn, scope: Scope) -> Target:
    alias = scope.state.aliases.get(str(arn))
    key = scope.state.key(alias.target_key_arn) if alias is not None else None
    if key is None:
        if arn.account != scope.call.caller.account:
            return Target(Resource(arn, arn.account), alias=arn.resource)
        raise NotFound(f"Alias {arn} is not found.")
    return of_key(key, alias=arn.resource)
