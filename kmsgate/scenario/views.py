"""What patterns look at: keys, aliases, grants and events by the names of the wire, alarms,
and values that were saved.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from kms.alarms import AlarmRule, state_of
from kms.audit import AuditEvent, record
from kms.metadata import metadata
from kms.model import Alias, Key
from kms.state import State
from kms.trail import Query
from policy import Grant

View = dict[str, Any]

LOOK_FIELDS: Mapping[str, tuple[str, ...]] = {
    "key": (
        "AWSAccountId", "Aliases", "Arn", "CreationDate", "CurrentKeyMaterialId",
        "CustomerMasterKeySpec", "DeletionDate", "Description", "Enabled", "EncryptionAlgorithms",
        "ExpirationModel", "Grants", "KeyAgreementAlgorithms", "KeyId", "KeyManager", "KeySpec",
        "KeyState", "KeyUsage", "MacAlgorithms", "MultiRegion", "MultiRegionConfiguration",
        "Origin", "PendingDeletionWindowInDays", "SigningAlgorithms", "Tags", "ValidTo",
    ),
    "alias": ("AliasArn", "AliasName", "CreationDate", "LastUpdatedDate", "TargetKeyId"),
    "grant": (
        "Constraints", "CreationDate", "GrantId", "GranteePrincipal", "IssuingAccount", "KeyId",
        "Name", "Operations", "RetiringPrincipal",
    ),
    "event": (
        "additionalEventData", "awsRegion", "errorCode", "errorMessage", "eventID", "eventName",
        "eventTime", "eventType", "outcome", "readOnly", "recipientAccountId", "requestID",
        "requestParameters", "resources", "responseElements", "serviceEventDetails",
        "sharedEventID", "sourceIPAddress", "userAgent", "userIdentity", "vpcEndpointId",
    ),
    "events": ("found",),
    "alarm": ("state",),
    "value": ("is",),
}  # fmt: skip
"""What can be looked at, and what there is to see of it."""


def key_view(key: Key | None, state: State) -> View:
    """Return a key as DescribeKey shows it, with its tags, aliases and number of grants."""
    if key is None:
        return {}
    grants = state.grants_of(str(key.arn)).by_id
    aliases = list(state.aliases_of(key))
    shown = {"Tags": dict(key.tags), "Aliases": aliases, "Grants": len(grants)}
    return {**metadata(key, state), **shown}


def alias_view(alias: Alias | None) -> View:
    """Return an alias as ListAliases shows it."""
    if alias is None:
        return {}
    return {
        "AliasArn": str(alias.arn),
        "AliasName": alias.name,
        "CreationDate": alias.created_at,
        "LastUpdatedDate": alias.updated_at,
        "TargetKeyId": alias.target_key_arn.rpartition("/")[2],
    }


def grant_view(grant_id: str, state: State) -> View:
    """Return a grant as ListGrants shows it, without its tokens; nothing once it has ended."""
    for grants in state.grants.values():
        grant = grants.by_id.get(grant_id)
        if grant is not None:
            return _grant(grant)
    return {}


def _grant(grant: Grant) -> View:
    constraints = {
        "EncryptionContextEquals": grant.constraints.equals,
        "EncryptionContextSubset": grant.constraints.subset,
        "SourceArn": grant.constraints.source_arn,
    }
    view = {
        "Constraints": {name: value for name, value in constraints.items() if value},
        "CreationDate": grant.created_at,
        "GrantId": grant.id,
        "GranteePrincipal": grant.grantee_principal,
        "IssuingAccount": grant.issuing_account,
        "KeyId": grant.key_arn,
        "Name": grant.name,
        "Operations": sorted(grant.operations),
        "RetiringPrincipal": grant.retiring_principal,
    }
    return {name: value for name, value in view.items() if value not in (None, {})}


def event_view(event: AuditEvent | None) -> View:
    """Return an event by the names of CloudTrail, its time as an instant (CORE K-173)."""
    if event is None:
        return {}
    return {**record(event), "eventTime": event.at, "outcome": event.outcome}


def last_event(events: Sequence[AuditEvent]) -> AuditEvent | None:
    """Return the event of the last call; the copies for owners of keys are passed over."""
    return next((event for event in reversed(events) if not event.is_copy), None)


def events_view(query: Query, events: Sequence[AuditEvent]) -> View:
    """Return the events that match, oldest first; copies for owners of keys are passed over."""
    found = [event for event in events if query.matches(event) and not event.is_copy]
    return {"found": [event_view(event) for event in found]}


def alarm_view(rule: AlarmRule, events: Sequence[AuditEvent], now: dt.datetime) -> View:
    """Return how an alarm stands after these events."""
    return {"state": str(state_of(rule, events, now))}
