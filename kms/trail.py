"""Events that have been written: finding them, reading and writing log files, passing them on.

Nothing here touches a file: log files are names and bytes (CORE K-185).
"""

from __future__ import annotations

import datetime as dt
import gzip
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from kms.audit import (
    DENIED,
    EVENT_SOURCE,
    IAM_SOURCE,
    AuditEvent,
    Entry,
    as_plain,
    canonical,
    event_time,
    iam_operations,
    outcome_of,
)
from kms.operation import ServiceEvent
from policy.arn import is_account_id


class EventSource(Protocol):
    """Whatever keeps events and can hand them out: a store, or a folder of log files.

    `has_chain` tells whether it keeps their chain of hashes as well.
    """

    @property
    def has_chain(self) -> bool:
        """Whether changes can be noticed."""
        ...

    def entries(self) -> Iterable[Entry]:
        """Return every event with its record, oldest first."""
        ...


# Finding


@dataclass(frozen=True, slots=True)
class Query:
    """What events to find; whatever is None does not matter.

    `key` is the ARN or the id of a resource. `caller` is the name of a service, an account, or an
    ARN; the ARN of a role stands for all its sessions. `error` is a code, `message` a part of an
    error message. `since` is included, `until` is not. `account` is the account of the log.
    """

    key: str | None = None
    caller: str | None = None
    operation: str | None = None
    error: str | None = None
    message: str | None = None
    since: dt.datetime | None = None
    until: dt.datetime | None = None
    account: str | None = None
    region: str | None = None

    def matches(self, event: AuditEvent) -> bool:
        """Tell whether an event is one of those."""
        return (
            (self.operation is None or event.operation == self.operation)
            and (self.error is None or _is_code(event.error_code, self.error))
            and (self.message is None or self.message in (event.error_message or ""))
            and (self.account is None or event.account == self.account)
            and (self.region is None or event.region == self.region)
            and (self.since is None or event.at >= self.since)
            and (self.until is None or event.at < self.until)
            and (self.key is None or any(_names(arn, self.key) for arn in event.resources))
            and (self.caller is None or self.caller in _callers(event))
        )


def _is_code(code: str | None, wanted: str) -> bool:
    """Tell whether a code is the wanted one; that of denials has a suffix everywhere but here."""
    return code == wanted or (code == DENIED and wanted == f"{DENIED}Exception")


def _names(arn: str, key: str) -> bool:
    return arn == key or arn.split(":", 5)[5] in (key, f"key/{key}")


def _callers(event: AuditEvent) -> Iterator[str]:
    """Yield everything that stands for the caller of an event."""
    identity = event.identity
    yield event.caller
    yield from (identity[part] for part in ("accountId", "principalId") if part in identity)
    issuer = identity.get("sessionContext", {}).get("sessionIssuer", {})
    yield from (issuer[part] for part in ("arn", "principalId") if part in issuer)
    if "invokedBy" in identity:
        yield identity["invokedBy"]


def select(
    events: Iterable[AuditEvent],
    *,
    key: str | None = None,
    caller: str | None = None,
    operation: str | None = None,
    error: str | None = None,
    message: str | None = None,
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
    account: str | None = None,
    region: str | None = None,
) -> Iterator[AuditEvent]:
    """Yield the events that a `Query` of these words matches, in their order."""
    query = Query(key, caller, operation, error, message, since, until, account, region)
    return filter(query.matches, events)


# Log files

CHAIN_FILE = "chain.jsonl"
MAX_RECORDS = 10_000
"""How many records a log file has at most."""

_REGION = re.compile(r"[a-z0-9-]{1,40}")


def log_files(found: Iterable[Entry]) -> Iterator[tuple[str, bytes]]:
    """Yield the paths and contents of the log files that hold these events, and their chain.

    The layout is that of CloudTrail: one folder a day for each account and Region. The chain
    stands beside the records, not in them (CORE K-185): a line for each event, in order. The
    same events give the same bytes.
    """
    folders: dict[str, list[Entry]] = {}
    chain = []
    for entry in found:
        if entry.record is not None:
            folders.setdefault(_folder(entry.event), []).append(entry)
        if entry.event.hash:
            chain.append(canonical(link(entry.event)) + "\n")
    for folder, kept in sorted(folders.items()):
        for first in range(0, len(kept), MAX_RECORDS):
            yield _log_file(folder, kept[first : first + MAX_RECORDS])
    if chain:
        yield CHAIN_FILE, "".join(chain).encode("ascii")


def _place(event: AuditEvent) -> tuple[str, str]:
    account = event.account if is_account_id(event.account) else "none"
    return account, event.region if _REGION.fullmatch(event.region) else "none"


def _folder(event: AuditEvent) -> str:
    account, region = _place(event)
    return f"AWSLogs/{account}/CloudTrail/{region}/{event.at:%Y/%m/%d}"


def _log_file(folder: str, kept: list[Entry]) -> tuple[str, bytes]:
    first = kept[0].event
    account, region = _place(first)
    records = {"Records": [entry.record for entry in kept]}
    text = json.dumps(records, separators=(",", ":"), default=as_plain).encode("ascii")
    unique = hashlib.sha256(text).hexdigest()[:16]
    name = f"{account}_CloudTrail_{region}_{first.at:%Y%m%dT%H%MZ}_{unique}.json.gz"
    return f"{folder}/{name}", gzip.compress(text, mtime=0)


def link(event: AuditEvent) -> dict[str, Any]:
    """Return what the chain file holds of an event: its hash, and what the record does not tell."""
    return {
        "eventID": event.id,
        "at": event.at.isoformat(),
        "caller": event.caller,
        "callerKind": event.caller_kind,
        "path": event.path,
        "hash": event.hash,
    }


# Reading log files


@dataclass(frozen=True, slots=True)
class Written:
    """A record as it was read, and where it stands."""

    record: Mapping[str, Any]
    place: str


def read_log(records: Iterable[Written], chain: Iterable[Mapping[str, Any]]) -> Iterator[Entry]:
    """Yield the entries of a log, in the order of its chain, then by time what stands in none.

    Records of other services are passed over. Raises MalformedRecordError.
    """
    waiting: dict[str, Written] = {}
    for each in records:
        if not _is_ours(each.record):
            continue
        name = _part(each.record, "eventID", str, "")
        if name in waiting:
            raise MalformedRecordError(f"event {name} stands in {waiting[name].place} too")
        waiting[name] = each
    last = ""
    for line in chain:
        found = waiting.pop(_part(line, "eventID", str, ""), None)
        if found is None:
            lost = {"eventID": line.get("eventID")}
            yield Entry(event_of(lost, line, last), None)
        else:
            yield Entry(event_of(found.record, line, last), found.record, found.place)
        last = _part(line, "hash", str, "")
    rest = [Entry(event_of(each.record), each.record, each.place) for each in waiting.values()]
    yield from sorted(rest, key=lambda entry: entry.event.at)


def _is_ours(written: Mapping[str, Any]) -> bool:
    source = written.get("eventSource")
    is_iam = source == IAM_SOURCE and written.get("eventName") in iam_operations()
    return is_iam or source == EVENT_SOURCE


class MalformedRecordError(ValueError):
    """A record that is not one of an event; says why."""


def event_of(
    written: Mapping[str, Any],
    chained: Mapping[str, Any] | None = None,
    previous_hash: str = "",
) -> AuditEvent:
    """Return the event that a record tells of; raises MalformedRecordError.

    With `chained`, its line of the chain file, and the hash before it, it is the event as it was;
    `record` of it is then the record, unless one of them was changed. Members of other services
    and later versions of CloudTrail do not matter.
    """
    link = chained if chained is not None else {}
    identity = _part(written, "userIdentity", dict, {})
    code = _part(written, "errorCode", str)
    caller = _part(identity, "arn", str) or _part(identity, "invokedBy", str)
    own = _part(written, "serviceEventDetails", dict)
    if written.get("eventType") == "AwsServiceEvent" and own is None:
        own = {}
    return AuditEvent(
        id=_part(written, "eventID", str, ""),
        at=_time(_part(link, "at", str) or _part(written, "eventTime", str, "")),
        request_id=_part(written, "requestID", str, ""),
        caller=_part(link, "caller", str) or caller or _part(identity, "accountId", str, ""),
        caller_kind=_part(link, "callerKind", str) or _part(identity, "type", str, "service"),
        account=_part(written, "recipientAccountId", str, ""),
        operation=_part(written, "eventName", str, ""),
        region=_part(written, "awsRegion", str, ""),
        resources=tuple(_arn(each) for each in _part(written, "resources", list, [])),
        outcome=outcome_of(code),
        path=_part(link, "path", str),
        error_code=code,
        error_message=_part(written, "errorMessage", str),
        parameters=_part(written, "requestParameters", dict),
        response=_part(written, "responseElements", dict),
        additional=_part(written, "additionalEventData", dict),
        identity=identity,
        source=_part(written, "sourceIPAddress", str),
        agent=_part(written, "userAgent", str),
        read_only=_part(written, "readOnly", bool, False),
        details=own,
        shared_id=_part(written, "sharedEventID", str),
        endpoint=_part(written, "vpcEndpointId", str),
        version=_part(written, "eventVersion", str, ""),
        previous_hash=previous_hash,
        hash=_part(link, "hash", str, ""),
    )


def _part(written: Mapping[str, Any], name: str, kind: type, default: Any = None) -> Any:
    value = written.get(name)
    if value is None:
        return default
    if not isinstance(value, kind):
        raise MalformedRecordError(f"{name} is not {_KINDS[kind]}")
    return value


_KINDS = {str: "a text", dict: "an object", list: "a list", bool: "true or false"}


def _time(text: str) -> dt.datetime:
    try:
        at = dt.datetime.fromisoformat(text)
        if at.utcoffset() is not None:
            return at.astimezone(dt.UTC)
    except (ValueError, OverflowError):  # the first or last day there is, in another zone
        pass
    raise MalformedRecordError(f"'{text[:40]}' is not a time such as 2026-01-05T09:00:00Z")


def _arn(resource: object) -> str:
    arn = resource.get("ARN") if isinstance(resource, dict) else None
    if not isinstance(arn, str) or arn.count(":") < 5:
        raise MalformedRecordError("resources has an entry without an ARN")
    return arn


# Notifications (CORE K-187)

_DETAIL_TYPES: Mapping[str, str] = {
    ServiceEvent.ROTATE_KEY: "KMS CMK Rotation",
    ServiceEvent.DELETE_EXPIRED_KEY_MATERIAL: "KMS Imported Key Material Expiration",
    ServiceEvent.DELETE_KEY: "KMS CMK Deletion",
}


def notifications(events: Iterable[AuditEvent]) -> Iterator[dict[str, Any]]:
    """Yield what an event bus hears of the events: rotation, expiry and deletion of keys."""
    for event in events:
        kind = _DETAIL_TYPES.get(event.operation) if event.details is not None else None
        if kind is not None and event.details is not None:
            yield {
                "version": "0",
                "id": event.id,
                "detail-type": kind,
                "source": "aws.kms",
                "account": event.account,
                "time": event_time(event.at),
                "region": event.region,
                "resources": list(event.resources),
                "detail": {"key-id": event.details["keyId"]},
            }
