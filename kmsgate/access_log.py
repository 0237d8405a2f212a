"""One line for every request that was answered: who, what, and how it ended; nothing secret.

Access key ids and request ids may be told; signatures, tokens and bodies are not known here.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import IO, Any

from kms.audit import event_time
from kms.runtime import Clock
from kms.service import Reply
from policy import Decision, Principal

_KEY_ID = re.compile("[A-Z0-9]{16,128}")
_UNTOLD = "malformed"


@dataclass(slots=True)
class Entry:
    """What is known of one request, filled in on its way. `access_key` is as it was claimed."""

    request_id: str
    operation: str | None = None
    caller: Principal | None = None
    access_key: str | None = None
    reply: Reply | None = None
    code: str | None = None


class AccessLog:
    """Writes entries to a stream as lines of JSON, by a clock."""

    def __init__(self, stream: IO[str], clock: Clock) -> None:
        self._stream = stream
        self._clock = clock

    def write(self, entry: Entry, status: int) -> None:
        """Write one line; one that fails is told of by its code, a denial by what decided."""
        reply = entry.reply
        error = reply.error if reply is not None else None
        decisions = reply.decisions if reply is not None else ()
        members = {
            "at": event_time(self._clock.now()),
            "request": entry.request_id,
            "operation": entry.operation,
            "caller": str(entry.caller) if entry.caller is not None else None,
            "access_key": _shown(entry.access_key),
            "status": status,
            "error": error.code if error is not None else entry.code,
            **_told(decisions),
        }
        told = {name: value for name, value in members.items() if value is not None}
        self._stream.write(json.dumps(told) + "\n")
        self._stream.flush()


def _told(decisions: tuple[Decision, ...]) -> dict[str, Any]:
    """Return the decision that matters: the first denial, which may have been let pass."""
    if not decisions:
        return {}
    decision = next((each for each in decisions if not each.allowed), decisions[-1])
    resource = str(decision.request.resource)
    by = decision.path if decision.allowed else decision.layer
    return {"decision": decision.outcome, "resource": resource, "by": by}


def _shown(key_id: str | None) -> str | None:
    """Return an access key id; what cannot be one may be a secret in the wrong place."""
    if key_id is None:
        return None
    return key_id if _KEY_ID.fullmatch(key_id) else _UNTOLD
