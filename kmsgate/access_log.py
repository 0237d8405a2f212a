"""One line for every request that was answered: who, what, and how it ended; nothing secret.

Access key ids and request ids may be told; signatures, tokens and bodies are not known here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import IO, Any

from kms.audit import event_time
from kms.errors import KmsError
from kms.runtime import Clock
from kms.service import Reply
from policy import Principal


@dataclass(slots=True)
class Entry:
    """What is known of one request, filled in on its way."""

    request_id: str
    operation: str | None = None
    caller: Principal | None = None
    access_key: str | None = None
    reply: Reply | None = None
    error: KmsError | None = None


class AccessLog:
    """Writes entries to a stream as lines of JSON, by a clock."""

    def __init__(self, stream: IO[str], clock: Clock) -> None:
        self._stream = stream
        self._clock = clock

    def write(self, entry: Entry, status: int) -> None:
        """Write one line."""
        self._stream.write(json.dumps(self._members(entry, status)) + "\n")

    def _members(self, entry: Entry, status: int) -> dict[str, Any]:
        reply = entry.reply
        error = reply.error if reply is not None else entry.error
        decision = reply.decisions[-1] if reply is not None and reply.decisions else None
        members = {
            "at": event_time(self._clock.now()),
            "request": entry.request_id,
            "operation": entry.operation,
            "caller": str(entry.caller) if entry.caller is not None else None,
            "access_key": entry.access_key,
            "status": status,
            "error": error.code if error is not None else None,
            "decision": decision.outcome if decision is not None else None,
            "by": (decision.path or decision.layer) if decision is not None else None,
        }
        return {name: value for name, value in members.items() if value is not None}
