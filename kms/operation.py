"""What an operation is: the questions it asks the gate, and a pure function that does the work.

`@operation` is the only way into OPERATIONS and `Service.call` the only way out, so that an
operation without a gate cannot be written by accident.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, TypeAlias

from kms.errors import Disabled, InvalidKeyUsage, InvalidState, KmsError, ValidationFailed
from kms.model import Key, KeyState, KeyUsage
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
    the service that calls on the caller's behalf (`s3`), `endpoint` the id of the VPC endpoint.
    """

    caller: Principal
    operation: str
    parameters: Mapping[str, object] = field(repr=False)
    region: str
    facts: Mapping[str, Values] = field(default_factory=lambda: MappingProxyType({}))
    via: str | None = None
    endpoint: str | None = None
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """What one check is about.

    `key` is None where there is no key, or none that the caller may learn of. `alias` is the
    alias name by which the request named the key; `by_ciphertext` says that it did not name it.
    """

    resource: Resource
    key: Key | None = None
    alias: str | None = None
    by_ciphertext: bool = False
    grant: Grant | None = None

    @property
    def is_missing(self) -> bool:
        """Whether it should have a key, and there is none."""
        on_key = self.alias is not None or self.resource.kind is ResourceKind.KEY
        return self.key is None and on_key and not self.resource.planned


@dataclass(frozen=True, slots=True)
class Scope:
    """What an operation may use: the state, its targets, the caller, and the time of the call.

    `judge` decides what the caller could do with a key if the key were as given (AUTH P-20).
    """

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
        return next(target.key for target in self.targets if target.key is not None)

    def with_targets(self, targets: tuple[Target, ...]) -> Scope:
        """Return the scope with its targets found."""
        return replace(self, targets=targets)


@dataclass(frozen=True, slots=True)
class Change:
    """The next state and the output. `logged` goes into the event's response (CORE K-182)."""

    state: State
    output: Output = field(default_factory=dict, repr=False)
    logged: Output | None = None
    key: Key | None = None


def no_facts(_parameters: Parameters, _target: Target, _scope: Scope) -> Facts:
    """Return no condition keys besides those that follow from the key and the call."""
    return {}


ANY = frozenset(KeyState)
PENDING_DELETION = frozenset({KeyState.PENDING_DELETION, KeyState.PENDING_REPLICA_DELETION})
NOT_PENDING_DELETION = ANY - PENDING_DELETION
SWITCHABLE = frozenset({KeyState.ENABLED, KeyState.DISABLED})
USABLE = frozenset({KeyState.ENABLED, KeyState.UPDATING})
DELETABLE = NOT_PENDING_DELETION - {KeyState.UPDATING}


@dataclass(frozen=True, slots=True)
class Check:
    """One question to the gate, and what the key must be like once it says yes.

    `target` finds what the question is about; `facts` are the operation's own condition keys;
    `when` tells whether the question is asked at all; `subject` is the grant that the call makes.
    """

    action: str
    target: Callable[[Parameters, Scope], Target]
    facts: Callable[[Parameters, Target, Scope], Facts] = no_facts
    states: frozenset[KeyState] = ANY
    usage: KeyUsage | None = None
    when: Callable[[Parameters], bool] = lambda _parameters: True
    subject: Callable[[Parameters, Target], Grant | None] = lambda _parameters, target: target.grant


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation: what is asked first, and what is done then.

    `prepare` looks at the request alone; `examine` at request and targets, after the gate and
    before usage and state (CORE K-32, K-63).
    """

    name: str
    checks: tuple[Check, ...]
    run: Callable[[Parameters, Scope], Change]
    prepare: Callable[[Parameters], None] = lambda _parameters: None
    examine: Callable[[Parameters, Scope], None] = lambda _parameters, _scope: None


_OPERATIONS: dict[str, Operation] = {}
OPERATIONS: Mapping[str, Operation] = MappingProxyType(_OPERATIONS)
"""Every operation by name; grows at import only."""

Run: TypeAlias = Callable[[Parameters, Scope], Change]


def operation(
    name: str,
    *checks: Check,
    prepare: Callable[[Parameters], None] = lambda _parameters: None,
    examine: Callable[[Parameters, Scope], None] = lambda _parameters, _scope: None,
) -> Callable[[Run], Run]:
    """Register the decorated function as what the operation does once it is allowed."""
    if not checks:
        raise TypeError(f"operation {name} asks the gate nothing")

    def register(run: Run) -> Run:
        _OPERATIONS[name] = Operation(name, checks, run, prepare, examine)
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
