"""What is written down of every call: who, what, on which key, and how it ended (CORE 10).

Secrets never reach an event: the members that may hold one are left out by name (CORE K-179).
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from kms.errors import AccessDenied, KmsError
from kms.shapes import secret_members

SERVICE_EVENT = "AWS Internal"


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One call, allowed or not, or one thing that the service did by itself.

    `parameters` are the request's members without those that may hold secrets, or None.
    `response` holds what CORE K-182 lists, `details` what the service tells of what it did by
    itself (CORE K-186). Each event carries the hash of the one before it.
    """

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
    context: Mapping[str, Any] = field(default_factory=dict)
    details: Mapping[str, Any] | None = None
    previous_hash: str = ""
    hash: str = ""

    def chained(self, previous_hash: str) -> AuditEvent:
        """Return the event with its place in the chain: its hash covers the one before it."""
        event = replace(self, previous_hash=previous_hash, hash="")
        return replace(event, hash=_digest(event))

    def is_intact(self) -> bool:
        """Tell whether nothing of the event was changed since it was chained."""
        return self.hash == _digest(replace(self, hash=""))


def _digest(event: AuditEvent) -> str:
    values = {name: getattr(event, name) for name in event.__dataclass_fields__}
    text = json.dumps(values, sort_keys=True, separators=(",", ":"), default=_plain)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _plain(value: object) -> object:
    if isinstance(value, dt.datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    return str(value)


def logged_parameters(operation: str, parameters: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the request as events show it: first letters lowered, secrets left out (K-178)."""
    if operation in ("GenerateRandom", "RetireGrant"):
        return None  # CORE K-180
    secret = secret_members(operation)
    return {_lowered(k): _inner(v) for k, v in parameters.items() if k not in secret}


def _inner(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [
            {_lowered(k): v for k, v in item.items()} if isinstance(item, Mapping) else item
            for item in value
        ]
    if isinstance(value, Mapping):
        return {_constraint(k): _inner(v) for k, v in value.items()}
    return value


def _constraint(name: str) -> str:
    known = ("EncryptionContextSubset", "EncryptionContextEquals", "SourceArn")
    return _lowered(name) if name in known else name


def _lowered(name: str) -> str:
    return name[:1].lower() + name[1:]


def outcome_of(error: KmsError | None) -> str:
    """Return the word for how a call ended."""
    if error is None:
        return "success"
    return "denied" if isinstance(error, AccessDenied) else "failure"


def error_code_of(error: KmsError | None) -> str | None:
    """Return the code as events show it: denials without their suffix (CORE K-175)."""
    if error is None:
        return None
    return "AccessDenied" if isinstance(error, AccessDenied) else error.code
