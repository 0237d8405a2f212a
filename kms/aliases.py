"""Names for keys: made, pointed elsewhere, deleted and listed (CORE 9.1)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from heapq import merge
from typing import Any

from kms import managed_keys, paging
from kms.errors import (
    AlreadyExists,
    LimitExceeded,
    NotAuthorized,
    NotFound,
    ValidationFailed,
)
from kms.model import Alias, Key
from kms.operation import (
    NOT_PENDING_DELETION,
    Change,
    Need,
    Parameters,
    Scope,
    operation,
)
from kms.ordered import SortedSet
from kms.state import State
from kms.targets import alias_and_key, alias_arn, home, resolve

MAX_ALIASES = 50
_PREFIX = "alias/"
_RESERVED = "alias/aws/"


def _check_name(parameters: Parameters) -> None:
    """CORE K-162, after length and pattern."""
    name = parameters["AliasName"]
    if not name.startswith(_PREFIX):
        raise ValidationFailed(
            'Alias must start with the prefix "alias/". Please see '
            "https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html"
        )
    if name == _PREFIX:
        raise ValidationFailed(f"{name} contains invalid characters for an alias")
    if name.startswith(_RESERVED):
        raise NotAuthorized
    if ":" in name:
        raise ValidationFailed(f"{name} contains invalid characters for an alias")


@operation(
    "CreateAlias",
    Need(),
    Need(NOT_PENDING_DELETION),
    prepare=_check_name,
)
def create_alias(parameters: Parameters, scope: Scope) -> Change:
    """Give a key one more name (CORE K-164)."""
    arn, key = alias_arn(parameters, scope), scope.key
    if str(arn) in scope.state.aliases:
        raise AlreadyExists(f"An alias with the name {arn} already exists")
    _require_room(key, scope)
    alias = Alias(arn, str(key.arn), scope.now, scope.now)
    return Change(scope.state.with_alias(alias))


def _examine_update(parameters: Parameters, scope: Scope) -> None:
    """CORE K-165: both keys are of one kind and usage; told before the state of the new one."""
    alias, old = alias_and_key(parameters, scope)
    new = _replacement(scope)
    if (old.usage, _kind(old)) != (new.usage, _kind(new)):
        was, to = (old.usage, new.usage) if old.usage is not new.usage else (_kind(old), _kind(new))
        raise ValidationFailed(
            f"Alias {alias.arn} cannot be changed from a CMK with key usage {was} to a CMK with "
            f"key usage {to}. The key usage of the current CMK and the new CMK must be the same."
        )


def _replacement(scope: Scope) -> Key:
    new = scope.targets[2].key
    assert new is not None  # noqa: S101 - the gate allows nothing on a key that is not there
    return new


@operation(
    "UpdateAlias",
    Need(),
    Need(),
    Need(NOT_PENDING_DELETION),
    prepare=_check_name,
    examine=_examine_update,
)
def update_alias(parameters: Parameters, scope: Scope) -> Change:
    """Point an alias at another key of the same kind and usage (CORE K-165)."""
    alias, old = alias_and_key(parameters, scope)
    new = _replacement(scope)
    if old.arn != new.arn:
        _require_room(new, scope)
    alias = replace(alias, target_key_arn=str(new.arn), updated_at=scope.now)
    return Change(scope.state.with_alias(alias))


@operation("DeleteAlias", prepare=_check_name)
def delete_alias(parameters: Parameters, scope: Scope) -> Change:
    """Take a name away; the key stays as it is (CORE K-166)."""
    return Change(scope.state.without_alias(alias_and_key(parameters, scope)[0]))


@operation("ListAliases")
def list_aliases(parameters: Parameters, scope: Scope) -> Change:
    """List the aliases of the caller's account in the Region, or those of one key (K-167)."""
    account, region = scope.call.caller.account or "", scope.call.region
    named = parameters.get("KeyId")
    names = scope.state.alias_names.get((account, region), SortedSet())
    unused: Iterator[str] = managed_keys.unused_names(scope.state, home(scope))
    if named is not None:
        key = resolve(named, scope, aliases=False).key
        if key is None or key.account != account:
            raise NotFound(f"Key '{named}' does not exist")
        names, unused = scope.state.aliases_of(key), iter(())
    bound = ("ListAliases", account, region, named or "")
    start = paging.start_of(parameters, *bound)
    rest = (name for name in unused if start is None or name > start)
    prefix = str(home(scope))
    entries = (
        (name, _entry(prefix + name, scope.state)) for name in merge(names.after(start), rest)
    )
    shown, more = paging.page(parameters, entries, 50, 100, *bound)
    return Change(scope.state, {"Aliases": shown, **more})


def _entry(arn: str, state: State) -> dict[str, Any]:
    alias = state.aliases.get(arn)
    if alias is None:  # CORE K-19: there from the start, but for no key yet
        return {"AliasName": arn.rpartition(":")[2], "AliasArn": arn}
    return {
        "AliasName": alias.name,
        "AliasArn": str(alias.arn),
        "TargetKeyId": alias.target_key_arn.rpartition("/")[2],
        "CreationDate": alias.created_at,
        "LastUpdatedDate": alias.updated_at,
    }


def _require_room(key: Key, scope: Scope) -> None:
    if scope.settings.enforce_quotas and len(scope.state.aliases_of(key)) >= MAX_ALIASES:
        raise LimitExceeded


def _kind(key: Key) -> str:
    """Tell symmetric encryption, HMAC and asymmetric keys apart."""
    if key.is_symmetric:
        return "SYMMETRIC"
    return "HMAC" if key.spec.startswith("HMAC_") else "ASYMMETRIC"
