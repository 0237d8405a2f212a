"""What test suites may tell and ask the endpoint: go back to the start, move the clock on, explain.

`POST /kmsgate/reset`, `POST /kmsgate/advance` with `{"seconds": 3600}`, and `POST /kmsgate/explain`
with `{"request": ID}`; whoever asks shows the control token, which is made anew at each start, as
`Authorization: Bearer TOKEN`.
"""

from __future__ import annotations

import datetime as dt
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from kms.audit import as_plain, event_time, record
from kms.errors import AccessDenied, NotFound, UnknownOperation, ValidationFailed
from kms.runtime import Clock
from kmsgate.commands.explain import explained_text, explanation_as_json
from kmsgate.journal import Journal
from kmsgate.simulator import Simulator

Told: TypeAlias = Mapping[str, Any]

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
    journal: Journal | None = None

    def answer(self, path: str, headers: Mapping[bytes, bytes], body: bytes) -> bytes:
        """Do what a route says; return the body of the answer. Raises KmsError."""
        given = headers.get(b"authorization", b"")
        if not hmac.compare_digest(given, f"Bearer {self.token}".encode()):
            raise AccessDenied("This needs the control token of the endpoint.")
        action = _ACTIONS.get(path.removeprefix(PREFIX))
        if action is None:
            raise UnknownOperation
        told = action(self, body)
        now = event_time(self.simulator.service.clock.now())
        return json.dumps({"now": now, **told}, default=as_plain).encode()

    def _reset(self, _body: bytes) -> Told:
        self.simulator.reset()
        return {}

    def _advance(self, body: bytes) -> Told:
        seconds = _seconds(body)
        if self.clock is None:
            raise ValidationFailed("the clock of this endpoint cannot be moved")
        self.clock.advance(dt.timedelta(seconds=seconds))
        self.simulator.service.settle()
        return {}

    def _explain(self, body: bytes) -> Told:
        """Return the event of a call, and each decision about it, as text and as JSON."""
        question = _question(body)
        course = self.journal.find(question["request"]) if self.journal is not None else None
        if course is None or course.event is None:
            raise NotFound("no call of this id is kept here")
        is_verbose = question.get("verbose") is True
        return {
            "event": record(course.event),
            "decisions": [
                {
                    "text": explained_text(decision, documents, verbose=is_verbose),
                    **explanation_as_json(decision, documents),
                }
                for decision, documents in zip(course.decisions, course.documents, strict=True)
            ],
        }


_ACTIONS: Mapping[str, Callable[[Control, bytes], Told]] = {
    "reset": Control._reset,
    "advance": Control._advance,
    "explain": Control._explain,
}


def _question(body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(body)
        if isinstance(found, dict) and isinstance(found.get("request"), str):
            return found
    except (ValueError, RecursionError):
        pass  # told below, whatever it is
    raise ValidationFailed('write {"request": ID} with the id of a request')


def _seconds(body: bytes) -> float:
    try:
        seconds = json.loads(body)["seconds"]
        if type(seconds) in (int, float) and 0 <= seconds <= MAX_SECONDS:
            return float(seconds)
    except (ValueError, TypeError, LookupError, RecursionError):
        pass  # told below, whatever it is
    raise ValidationFailed(f'write {{"seconds": N}} with a number from 0 to {MAX_SECONDS}')
