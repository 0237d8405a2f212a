"""From a call and how it ended to the events of it, one for each log (CORE K-173 to K-184)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from types import MappingProxyType
from typing import Any, TypeAlias

from kms import shapes
from kms.audit import OTHER_ACCOUNT, AuditEvent, canonical, error_code_of, outcome_of
from kms.audit_table import DEFAULTS, ROWS, SAME, UNKNOWN, WITHOUT_PARAMETERS, Listed, Row
from kms.errors import AccessDenied, KmsError
from kms.identities import AWS_INTERNAL, Teller, of_the_service, reduced
from kms.model import Key
from kms.operation import Beside, Call, Change, Output, Parameters, Target
from kms.runtime import Entropy
from kms.state import State
from policy import Decision, Documents, PrincipalKind

MAX_PARAMETERS = 100_000
"""How many characters the parameters of a refused call may have as JSON; more are left out."""

Shown: TypeAlias = Callable[[Any], Any]
Member: TypeAlias = tuple[str, str, Shown | None]


# Values as events show them


def _shown(value: Any) -> Any:
    """Return a value of a response: names in lower case, instants as texts (CORE K-181)."""
    if isinstance(value, dt.datetime):
        return long_time(value)
    if isinstance(value, Mapping):
        return {lowered(name): _shown(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_shown(part) for part in value]
    return value


_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


def long_time(at: dt.datetime) -> str:
    """Return an instant as `Aug 10, 2022, 10:38:27 PM` (CORE K-181)."""
    half = "AM" if at.hour < 12 else "PM"
    clock = f"{at.hour % 12 or 12}:{at.minute:02}:{at.second:02}"
    return f"{_MONTHS[at.month - 1]} {at.day}, {at.year}, {clock} {half}"


def lowered(name: str) -> str:
    """Return the name of a member as events spell it (CORE K-178)."""
    return name[:1].lower() + name[1:]


# The request


def logged_parameters(operation: str, parameters: Parameters) -> dict[str, Any] | None:
    """Return the request as events show it: secrets left out, defaults filled in (K-178)."""
    if operation in WITHOUT_PARAMETERS or not shapes.is_operation(operation):
        return None
    defaults = DEFAULTS.get(operation, {})
    logged: dict[str, Any] = {}
    for member, name, shown in _members(operation):
        value = parameters.get(member)
        if value is None and member in SAME:
            value = parameters.get(SAME[member])
        if value is None:
            value = defaults.get(member)
        if value is not None:
            logged[name] = value if shown is None else shown(value)
    return logged


@cache
def _members(operation: str) -> tuple[Member, ...]:
    """Return the members of a request that may be seen, and how each is shown (CORE K-179)."""
    parts, secret = shapes.request_kind(operation).parts, shapes.secret_members(operation)
    return tuple(
        (member, lowered(member), _shower(kind))
        for member, kind in parts.items()
        if member not in secret
    )


def _shower(kind: shapes.Kind) -> Shown | None:
    """Return what shows a value of this type; None where it is shown as it is."""
    if kind.name == "timestamp":
        return long_time
    if kind.name == "structure":
        parts = [(member, lowered(member), _shower(part)) for member, part in kind.parts.items()]
        return lambda value: {
            name: shown(value[member]) if shown is not None else value[member]
            for member, name, shown in parts
            if member in value
        }
    if kind.name == "list" and kind.of is not None and (of := _shower(kind.of)) is not None:
        return lambda value: [of(part) for part in value]
    return None  # the names in a map are nobody's to change


def _request_of(call: Call, course: Course) -> dict[str, Any] | None:
    """Return the logged parameters; of what was refused as far as it can be read (CORE K-176)."""
    operation, parameters = call.operation, course.parameters
    if parameters is None:
        parameters = shapes.legible(operation, call.parameters)
    logged = logged_parameters(operation, parameters)
    if course.error is not None and logged and len(canonical(logged)) > MAX_PARAMETERS:
        return None
    return logged


# The event


@dataclass(slots=True)
class Course:
    """What is known of a call so far; its events are written from it, however the call ends."""

    state: State
    request_id: str
    parameters: Parameters | None = field(default=None, repr=False)
    decisions: tuple[Decision, ...] = ()
    documents: tuple[Documents, ...] = field(default=(), repr=False)
    targets: tuple[Target, ...] = ()
    resources: tuple[str, ...] = ()
    change: Change | None = None
    error: KmsError | None = None

    def found(self, targets: tuple[Target, ...]) -> None:
        """Take the targets in; `resources` are the keys among them, and aliases (CORE K-182)."""
        self.targets = targets
        listed = [
            str(each.resource)
            for each in targets
            if not (each.is_missing or each.resource.planned or each.resource.arn is None)
        ]
        self.resources = tuple(dict.fromkeys(listed)) if len(listed) > 1 else tuple(listed)


def events_of(
    call: Call, course: Course, at: dt.datetime, entropy: Entropy, version: str
) -> list[AuditEvent]:
    """Return the events of a call, unchained: that of the caller's log first (CORE K-183).

    There is always one. Owners of keys in other accounts get copies, unless the call was denied;
    what the call did elsewhere follows (CORE K-184).
    """
    row = ROWS.get(call.operation, UNKNOWN)
    error, caller = course.error, call.caller
    code = error_code_of(error)
    change = course.change if error is None else None  # a dry run has both
    resources = _resources(call, course, row, change)
    owners = dict.fromkeys(arn.split(":", 5)[4] for arn in resources)
    home = caller.account or next(iter(owners), "")
    denied = isinstance(error, AccessDenied)
    teller = Teller(call)
    own = AuditEvent(
        id=entropy.uuid(),
        at=at,
        request_id=course.request_id,
        caller=str(caller),
        caller_kind=caller.kind,
        account=home,
        operation=call.operation,
        region=call.region,
        resources=resources,
        outcome=outcome_of(code),
        path=course.decisions[-1].path if course.decisions else None,
        error_code=code,
        error_message=error.message if error is not None else None,
        parameters=_request_of(call, course),
        response=_response(row, course, change) if change is not None else None,
        additional=_additional(row, course, change) if change is not None else None,
        identity=teller.identity(),
        source=teller.source(),
        agent=teller.agent(),
        read_only=row.read_only,
        shared_id=entropy.uuid() if _is_shared(call, home, owners, denied) else None,
        endpoint=call.endpoint,
        version=version,
    )
    events = [own]
    if own.shared_id is not None and not denied:
        events += [_copy(own, owner, entropy) for owner in owners if owner != home]
    if change is not None:
        events += [_beside(own, beside, entropy) for beside in change.beside]
    return events


def _resources(call: Call, course: Course, row: Row, change: Change | None) -> tuple[str, ...]:
    if row.resources is Listed.NONE:
        return ()
    if row.resources is Listed.MADE:
        return (str(change.key.arn),) if change is not None and change.key is not None else ()
    found = course.resources
    if row.resources is Listed.HERE:
        found = tuple(arn for arn in found if arn.split(":", 4)[3] == call.region)
    if isinstance(course.error, AccessDenied):
        hidden = _hidden(call, course)
        found = tuple(arn for arn in found if arn not in hidden)
    return found


def _hidden(call: Call, course: Course) -> frozenset[str]:
    """Return the keys that a denied caller must not learn of, nor read in his log (CORE K-8).

    A service has no log: what it was denied stands in that of the owner.
    """
    home = call.caller.account
    if home is None:
        return frozenset()
    return frozenset(
        str(target.resource)
        for target in course.targets
        if target.resource.account != home and (target.alias or target.by_ciphertext)
    )


def _is_shared(call: Call, home: str, owners: Iterable[str], denied: bool) -> bool:
    """Tell whether an event has an id that its copies share (CORE K-183)."""
    if call.caller.kind is PrincipalKind.SERVICE:
        return True
    return not denied and any(owner != home for owner in owners)


def _copy(own: AuditEvent, owner: str, entropy: Entropy) -> AuditEvent:
    """Return the copy for the owner of a key, who learns little of a foreign caller."""
    event = replace(own, id=entropy.uuid(), account=owner)
    if own.caller_kind == PrincipalKind.SERVICE:
        return event
    identity = reduced(own.identity)
    return replace(event, caller=own.account, caller_kind=OTHER_ACCOUNT, identity=identity)


def _beside(own: AuditEvent, beside: Beside, entropy: Entropy) -> AuditEvent:
    """Return the event of what a call did in another Region, or under another name."""
    row = ROWS.get(beside.operation, UNKNOWN)
    event = replace(
        own,
        id=entropy.uuid(),
        operation=beside.operation,
        region=beside.region,
        resources=beside.resources,
        parameters=own.parameters if beside.operation == own.operation else None,
        response=_elements(row, beside.output, beside.resources[0]),
        additional=None,
        shared_id=None,
        read_only=row.read_only,
    )
    if beside.details is None:
        return event
    account = beside.resources[0].split(":", 5)[4]
    return replace(
        event,
        caller=AWS_INTERNAL,
        caller_kind="service",
        account=account,
        path=None,
        parameters=None,
        response=None,
        identity=of_the_service(account),
        source=AWS_INTERNAL,
        agent=AWS_INTERNAL,
        endpoint=None,
        details=beside.details,
    )


# The response (CORE K-182)


def _response(row: Row, course: Course, change: Change) -> dict[str, Any] | None:
    if not row.response:
        return None
    key = _key(course)
    output = change.output if change.logged is None else {**change.output, **_raised(change.logged)}
    return _elements(row, output, str(key.arn) if key is not None else None)


def _elements(row: Row, output: Output, key_arn: str | None) -> dict[str, Any] | None:
    """Return the response elements of a row; anything else that is in the output is left out."""
    found = {name: output.get(name[0].upper() + name[1:]) for name in row.response}
    if "keyId" in found and key_arn is not None:
        found["keyId"] = key_arn
    return {name: _shown(value) for name, value in found.items() if value is not None} or None


def _raised(logged: Output) -> Output:
    return {name[:1].upper() + name[1:]: value for name, value in logged.items()}


def _additional(row: Row, course: Course, change: Change) -> dict[str, Any] | None:
    if not row.additional:
        return None
    found = {}
    for name, member in row.additional:
        value = change.output.get(member)
        if value is None and member in _BY_TARGET:
            value = _BY_TARGET[member](course)
        if value is not None:
            found[name] = value
    return found or None


def _key(course: Course) -> Key | None:
    for target in course.targets:
        if target.key is not None:
            return target.key
    return None


def _material(course: Course) -> str | None:
    """Return the material that a key of one target seals with; only symmetric keys show it."""
    key = _key(course)
    return key.current_material.id if key is not None and key.is_symmetric else None


def _grant(course: Course) -> str | None:
    grant = course.targets[0].grant
    return grant.id if grant is not None else None


_BY_TARGET: Mapping[str, Callable[[Course], str | None]] = MappingProxyType(
    {"GrantId": _grant, "KeyMaterialId": _material}
)
"""What follows from the target where the output does not tell it."""
