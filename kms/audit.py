"""What is written down: events in the shape of CloudTrail, and their chain of hashes (CORE 10).

An event holds values that JSON can hold, so that any store can keep it. `record` is its public
shape. The chain covers the event's parts, from which the record follows, in one compact text: it
is written for every call and must cost little.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from operator import attrgetter
from typing import Any

from kms.audit_table import ROWS, UNKNOWN
from kms.errors import AccessDenied, KmsError
from kms.identities import AWS_INTERNAL, of_the_service
from kms.model import Key
from kms.operation import ServiceEvent
from kms.resources import shipped
from kms.runtime import Entropy

SERVICE_EVENT = AWS_INTERNAL
IAM_MODEL = "iam-2010-05-08.json"
EVENT_SOURCE, IAM_SOURCE = "kms.amazonaws.com", "iam.amazonaws.com"
DENIED = "AccessDenied"
OTHER_ACCOUNT = "account"
"""The kind of caller of which the log of another account tells no more than the account."""


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One copy of what is written down of a call, or of a thing that the service did by itself.

    `account` is the account whose log it stands in, empty if it stands in none. `caller` is the
    ARN of who called, or the name of a service; in the log of another account that owns the key
    it is the caller's account. `resources` are ARNs. `parameters` are the request's members
    without those that may hold secrets. `response` holds what CORE K-182 lists. `details` are
    those of a service event. Each event carries the hash of the one before it.
    """

    # Defaults never change: a store may leave them out, and the hash covers them.

    id: str
    at: dt.datetime
    request_id: str
    caller: str
    caller_kind: str
    account: str
    operation: str
    region: str
    resources: tuple[str, ...]
    outcome: str
    path: str | None = None
    error_code: str | None = None
    error_message: str | None = None
    parameters: Mapping[str, Any] | None = None
    response: Mapping[str, Any] | None = None
    additional: Mapping[str, Any] | None = None
    identity: Mapping[str, Any] = field(default_factory=dict)
    source: str | None = None
    agent: str | None = None
    read_only: bool = False
    details: Mapping[str, Any] | None = None
    shared_id: str | None = None
    endpoint: str | None = None
    version: str = "1.11"
    previous_hash: str = ""
    hash: str = ""

    def chained(self, previous_hash: str) -> AuditEvent:
        """Give the event its place in the chain and return it: its hash covers the one before.

        Raises ValueError if it has one: there it stays.
        """
        if self.hash:
            raise ValueError("the event has its place in a chain")
        # The last step of making an event, before anyone sees it; a copy would cost as much again.
        digest = _digest(_unchained(self), previous_hash)
        object.__setattr__(self, "previous_hash", previous_hash)
        object.__setattr__(self, "hash", digest)
        return self

    @property
    def is_copy(self) -> bool:
        """Whether it is the copy for the owner of a key, who is not the caller (CORE K-183)."""
        return self.caller_kind == OTHER_ACCOUNT

    def is_intact(self) -> bool:
        """Tell whether nothing of the event was changed since it was chained."""
        return self.hash == _digest(_unchained(self), self.previous_hash)


_unchained: Callable[[AuditEvent], tuple[Any, ...]] = attrgetter(
    *(part.name for part in fields(AuditEvent)[:-2])
)


def record(event: AuditEvent) -> dict[str, Any]:
    """Return the event as a CloudTrail record, members in their order (CORE K-173)."""
    own = event.details is not None
    made: dict[str, Any] = {
        "eventVersion": event.version,
        "userIdentity": event.identity,
        "eventTime": event_time(event.at),
        "eventSource": IAM_SOURCE if event.operation in iam_operations() else EVENT_SOURCE,
        "eventName": event.operation,
        "awsRegion": event.region,
    }
    if event.source is not None:
        made["sourceIPAddress"] = event.source
    if event.agent is not None:
        made["userAgent"] = event.agent
    if event.error_code is not None:
        made["errorCode"] = event.error_code
    if event.error_message is not None:
        made["errorMessage"] = event.error_message
    made["requestParameters"] = event.parameters
    made["responseElements"] = event.response
    if event.additional is not None:
        made["additionalEventData"] = event.additional
    made["requestID"] = event.request_id
    made["eventID"] = event.id
    made["readOnly"] = event.read_only
    made["resources"] = [_resource(arn) for arn in event.resources]
    made["eventType"] = "AwsServiceEvent" if own else "AwsApiCall"
    made["managementEvent"] = True
    if event.account:
        made["recipientAccountId"] = event.account
    if own:
        made["serviceEventDetails"] = event.details
    if event.shared_id is not None:
        made["sharedEventID"] = event.shared_id
    if event.endpoint is not None:
        made["vpcEndpointId"] = event.endpoint
    made["eventCategory"] = "Management"
    return made


@cache
def iam_operations() -> frozenset[str]:
    """Return the operations of IAM of which events tell; none of them is one of KMS."""
    text = (shipped("kms", "schemas") / IAM_MODEL).read_text(encoding="utf-8")
    return frozenset(json.loads(text)["operations"])


def event_time(at: dt.datetime) -> str:
    """Return an instant as events write it, to the second: `2026-01-05T09:00:00Z`."""
    return f"{at.isoformat()[:19]}Z"


def _resource(arn: str) -> dict[str, str]:
    _, _, _, _, account, resource = arn.split(":", 5)
    kind = "AWS::KMS::Alias" if resource.startswith("alias/") else "AWS::KMS::Key"
    return {"accountId": account, "type": kind, "ARN": arn}


# Outcomes


def outcome_of(code: str | None) -> str:
    """Return the word for how a call ended whose event has this error code."""
    if code is None:
        return "success"
    return "denied" if code == DENIED else "failure"


def error_code_of(error: KmsError | None) -> str | None:
    """Return the code as events show it: denials without their suffix (CORE K-175)."""
    if error is None:
        return None
    return DENIED if isinstance(error, AccessDenied) else error.code


# The chain (CORE K-185)


def as_plain(value: object) -> dict[Any, Any]:
    """Return what stands for a mapping in JSON; events that a store returns may hold any kind."""
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"no event may hold {type(value).__name__}")


_encode = json.JSONEncoder(
    separators=(",", ":"),
    sort_keys=True,
    default=as_plain,
    check_circular=False,  # what an event holds was read from a text, or made here
).encode


def canonical(value: object) -> str:
    """Return the one JSON text of a value: names sorted, no blanks, ASCII only."""
    return _encode(value)


def _digest(parts: tuple[Any, ...], previous_hash: str) -> str:
    """Return the SHA-256 of the canonical JSON of all parts in order, the hash before in front."""
    identifier, at, *rest = parts
    text = _encode((previous_hash, identifier, at.isoformat(), rest))
    return hashlib.sha256(text.encode("ascii")).hexdigest()


@dataclass(frozen=True, slots=True)
class Entry:
    """An event as it is found in a log, with the record of it and where that stands.

    The record is None where the chain tells of an event whose record is gone.
    """

    event: AuditEvent
    record: Mapping[str, Any] | None
    place: str = ""


def entries(events: Iterable[AuditEvent]) -> Iterator[Entry]:
    """Yield an entry for each event, its record made from it."""
    for event in events:
        yield Entry(event, record(event))


@dataclass(frozen=True, slots=True)
class Break:
    """The first place where a chain is not what it was: how many events are before it, and why."""

    number: int
    entry: Entry
    reason: str


def first_break(found: Iterable[Entry]) -> Break | None:
    """Return where a chain is broken, or None; the first event follows on nothing."""
    last = ""
    for number, entry in enumerate(found):
        event = entry.event
        if entry.record is None:
            return Break(number, entry, "the record of the event is missing")
        if not event.hash:
            return Break(number, entry, "the event stands in no chain")
        if event.previous_hash != last:
            missing = "an event before this one is missing, or their order was changed"
            return Break(number, entry, missing)
        if not event.is_intact() or record(event) != entry.record:
            return Break(number, entry, "the event was changed")
        last = event.hash
    return None


# What the service does by itself


def service_event(
    kind: ServiceEvent,
    key: Key,
    at: dt.datetime,
    details: Mapping[str, Any],
    entropy: Entropy,
    *,
    about: str | None = None,
) -> AuditEvent:
    """Return the event of what was done to a key, in the key's account and Region (CORE K-186).

    `details` are added to the key's id; `about` is the ARN to list instead of the key's own.
    """
    return AuditEvent(
        id=entropy.uuid(),
        at=at,
        request_id=entropy.uuid(),
        caller=SERVICE_EVENT,
        caller_kind="service",
        account=key.account,
        operation=str(kind),
        region=key.region,
        resources=(about or str(key.arn),),
        outcome="success",
        identity=of_the_service(key.account),
        source=AWS_INTERNAL,
        agent=AWS_INTERNAL,
        read_only=ROWS.get(kind, UNKNOWN).read_only,
        details={"keyId": key.id, **details},
    )
