"""What an operation is: what keys must be like for it, and a pure function that does the work.

`@operation` is the only way into OPERATIONS and `Service.call` the only way out. What the gate is
asked is no matter of the operation: the service asks what `kms.questions` says, or does nothing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, TypeAlias

from kms.errors import (
    Disabled,
    InvalidKeyUsage,
    InvalidState,
    KmsError,
    UnsupportedOperation,
    ValidationFailed,
)
from kms.model import Key, KeyOrigin, KeyState, KeyUsage
from kms.runtime import Entropy
from kms.settings import Settings
from kms.state import State
from policy import Decision, Grant, Principal, Resource
from policy.request import Values
from policy.vocabulary import ResourceKind

Parameters: TypeAlias = Mapping[str, Any]
"""A request by the names of the wire (`KeyId`), checked against the service model."""

Output: TypeAlias = dict[str, Any]
"""A response by the names of the wire; bytes are bytes and instants are datetimes."""

Facts: TypeAlias = dict[str, Values]
"""Condition keys and their values."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call as a surface hands it over.

    `facts` are condition keys that only the surface knows, such as the source address. `via` is
    the service that calls on the caller's behalf (`s3`), `endpoint` the id of the VPC endpoint,
    `access_key` the id of the key that signed the call.
    """

    caller: Principal
    operation: str
    parameters: Mapping[str, object] = field(repr=False)
    region: str
    facts: Mapping[str, Values] = field(default_factory=lambda: MappingProxyType({}))
    via: str | None = None
    endpoint: str | None = None
    request_id: str | None = None
    access_key: str | None = None


@dataclass(slots=True)  # see Scope
class Target:
    """What one check is about.

    `key` is None where there is no key, or none that the caller may learn of. `alias` is the
    alias name by which the request named the key; `by_ciphertext` says that it did not name it.
    `grant` is the grant that the call would make or end. `region` is where the check takes place,
    unless it is where the call came in; `replica_of` is the primary of a replica to be made.
    """

    resource: Resource
    key: Key | None = None
    alias: str | None = None
    by_ciphertext: bool = False
    grant: Grant | None = None
    region: str | None = None
    replica_of: Key | None = None

    @property
    def is_missing(self) -> bool:
        """Whether it should have a key, and there is none."""
        if self.key is not None or self.resource.planned:
            return False
        return self.alias is not None or self.resource.kind is ResourceKind.KEY


@dataclass(slots=True)
class Scope:
    """What an operation may use: the state, its targets, the caller, and the time of the call.

    `judge` decides what the caller could do with a key if the key were as given (AUTH P-20).
    """

    # Nobody changes it but `Service`, which finds the targets. It is not frozen, nor is what else
    # is made for each call alone: a frozen dataclass takes four times as long to make.

    state: State
    call: Call
    now: dt.datetime
    entropy: Entropy
    settings: Settings
    judge: Callable[[Key, str], Decision]
    targets: tuple[Target, ...] = ()

    @property
    def key(self) -> Key:
        """The key of the first target that has one."""
        for target in self.targets:
            if target.key is not None:
                return target.key
        raise LookupError("no target of the call has a key")


class ServiceEvent(StrEnum):
    """Something that the service does when its time has come (CORE K-186)."""

    ROTATE_KEY = "RotateKey"
    DELETE_KEY = "DeleteKey"
    DELETE_EXPIRED_KEY_MATERIAL = "DeleteExpiredKeyMaterial"
    SYNCHRONIZE_MULTI_REGION_KEY = "SynchronizeMultiRegionKey"


@dataclass(frozen=True, slots=True)
class Beside:
    """What a call did in another Region or under another name: an event of its own (CORE K-184).

    `resources` are ARNs, that of the key in question first. The response is made from `output`
    as for any event of the operation. With `details` it is the service that did it (CORE K-186).
    """

    operation: str
    region: str
    resources: tuple[str, ...]
    output: Output = field(default_factory=dict, repr=False)
    details: Output | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """The next state and the output.

    The event's response is made from the output and the key; `logged` adds what neither tells
    (CORE K-182). `key` is a key that was made, `beside` is what happened besides.
    """

    state: State
    output: Output = field(default_factory=dict, repr=False)
    logged: Output | None = None
    key: Key | None = None
    beside: tuple[Beside, ...] = ()


ANY = frozenset(KeyState)
PENDING_DELETION = frozenset({KeyState.PENDING_DELETION, KeyState.PENDING_REPLICA_DELETION})
NOT_PENDING_DELETION = ANY - PENDING_DELETION
SWITCHABLE = frozenset({KeyState.ENABLED, KeyState.DISABLED})
USABLE = frozenset({KeyState.ENABLED, KeyState.UPDATING})
DELETABLE = NOT_PENDING_DELETION - {KeyState.UPDATING}


@dataclass(frozen=True, slots=True)
class Need:
    """What the key of a target must be like once the gate says yes."""

    states: frozenset[KeyState] = ANY
    usage: KeyUsage | None = None


Run: TypeAlias = Callable[[Parameters, Scope], Change]


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation: what is done once every question of its name has got a yes.

    `needs` are in the order of the questions; an operation that takes its keys as they are has
    none. `prepare` looks at the request alone; `examine` at request and targets, after the gate
    and before usage and state (CORE K-32, K-63).
    """

    name: str
    run: Run
    needs: tuple[Need, ...] = ()
    prepare: Callable[[Parameters], None] = lambda _parameters: None
    examine: Callable[[Parameters, Scope], None] = lambda _parameters, _scope: None


_OPERATIONS: dict[str, Operation] = {}
OPERATIONS: Mapping[str, Operation] = MappingProxyType(_OPERATIONS)
"""Every operation that can be executed, by name; grows at import only."""


def operation(
    name: str,
    *needs: Need,
    prepare: Callable[[Parameters], None] = lambda _parameters: None,
    examine: Callable[[Parameters, Scope], None] = lambda _parameters, _scope: None,
) -> Callable[[Run], Run]:
    """Register the decorated function as what the operation does once it is allowed."""

    def register(run: Run) -> Run:
        _OPERATIONS[name] = Operation(name, run, needs, prepare, examine)
        return run

    return register


def required(parameters: Parameters, member: str) -> Any:
    """Return a member that finding the target needs, also where only a decision is asked for."""
    if member not in parameters:
        path = member[:1].lower() + member[1:]
        raise ValidationFailed(
            f"1 validation error detected: Value null at '{path}' failed to satisfy constraint: "
            "Member must not be null"
        )
    return parameters[member]


def require_usage(key: Key, usage: KeyUsage, operation_name: str) -> None:
    """Raise InvalidKeyUsage unless the key is meant for this (CORE K-63)."""
    if key.usage is not usage:
        raise InvalidKeyUsage(
            f"{key.arn} key usage is {key.usage} which is not valid for {operation_name}."
        )


def require_origin(key: Key, origin: KeyOrigin) -> None:
    """Raise UnsupportedOperation unless the key's material has that origin (CORE K-29)."""
    if key.origin is not origin:
        raise UnsupportedOperation(
            f"{key.arn} origin is {key.origin} which is not valid for this operation."
        )


def require_primary(key: Key) -> None:
    """Raise UnsupportedOperation unless the key is the primary of a set (CORE K-153)."""
    if not key.is_primary:
        raise UnsupportedOperation(f"{key.arn} is not a multi-region primary key.")


def require_algorithm(key: Key, algorithm: str) -> None:
    """Raise InvalidKeyUsage unless the algorithm is one of the key's (CORE K-63)."""
    if algorithm not in key.algorithms:
        raise InvalidKeyUsage(f"Algorithm {algorithm} is incompatible with key spec {key.spec}.")


def require_state(key: Key, states: frozenset[KeyState]) -> None:
    """Raise the error of the key's state unless it is one of those (CORE K-29)."""
    if key.state not in states:
        raise _state_error(key, states)


_STATE_WORDS = {
    KeyState.PENDING_DELETION: "pending deletion",
    KeyState.PENDING_REPLICA_DELETION: "pending replica deletion",
    KeyState.PENDING_IMPORT: "pending import",
    KeyState.UNAVAILABLE: "unavailable",
    KeyState.CREATING: "creating",
    KeyState.UPDATING: "updating",
}


def _state_error(key: Key, states: frozenset[KeyState]) -> KmsError:
    if states <= PENDING_DELETION:
        return InvalidState(f"{key.arn} is not pending deletion.")
    if key.state is KeyState.DISABLED:
        return Disabled(f"{key.arn} is disabled.")
    return InvalidState(f"{key.arn} is {_STATE_WORDS[key.state]}.")
