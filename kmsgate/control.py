"""What test suites may tell the endpoint: go back to the start, move the clock on.

`POST /kmsgate/reset` and `POST /kmsgate/advance` with `{"seconds": 3600}`; whoever asks shows the
control token, which is made anew at each start, as `Authorization: Bearer TOKEN`.
"""

from __future__ import annotations

import datetime as dt
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from kms.audit import event_time
from kms.errors import AccessDenied, UnknownOperation, ValidationFailed
from kms.runtime import Clock
from kmsgate.simulator import Simulator

PREFIX = "/kmsgate/"
MAX_SECONDS = 10 * 366 * 86_400


class MovableClock(Clock, Protocol):
    """A clock that can be moved on."""

    def advance(self, by: dt.timedelta) -> None:
        """Move it on."""
        ...


@dataclass(frozen=True)
class Control:
    """The control routes of one simulator."""

    simulator: Simulator
    token: str = field(repr=False)
    clock: MovableClock | None = None

    def answer(self, path: str, headers: Mapping[bytes, bytes], body: bytes) -> bytes:
        """Do what a route says; return the body of the answer. Raises KmsError."""
        given = headers.get(b"authorization", b"")
        if not hmac.compare_digest(given, f"Bearer {self.token}".encode()):
            raise AccessDenied("This needs the control token of the endpoint.")
        action = _ACTIONS.get(path.removeprefix(PREFIX))
        if action is None:
            raise UnknownOperation
        action(self, body)
        now = event_time(self.simulator.service.clock.now())
        return json.dumps({"now": now}).encode()

    def _reset(self, _body: bytes) -> None:
        self.simulator.reset()

    def _advance(self, body: bytes) -> None:
        seconds = _seconds(body)
        if self.clock is None:
            raise ValidationFailed("the clock of this endpoint cannot be moved")
        self.clock.advance(dt.timedelta(seconds=seconds))
        self.simulator.service.settle()


_ACTIONS: Mapping[str, Callable[[Control, bytes], None]] = {
    "reset": Control._reset,
    "advance": Control._advance,
}


def _seconds(body: bytes) -> float:
    try:
        seconds = json.loads(body)["seconds"]
        if type(seconds) in (int, float) and 0 <= seconds <= MAX_SECONDS:
            return float(seconds)
    except (ValueError, TypeError, LookupError, RecursionError):
        pass  # told below, whatever it is
    raise ValidationFailed(f'write {{"seconds": N}} with a number from 0 to {MAX_SECONDS}')
