"""What was decided about the last calls, so that it can be explained as it was decided."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from kms.audit import AuditEvent
from policy import Decision, Documents

MAX_KEPT = 1000


@dataclass(slots=True)
class Course:
    """What was decided about one call, on which documents, and the event that tells of it."""

    decisions: tuple[Decision, ...] = ()
    documents: tuple[Documents, ...] = field(default=(), repr=False)
    event: AuditEvent | None = None


class Journal:
    """The courses of the last calls, by their request ids. Older ones are forgotten."""

    def __init__(self, limit: int = MAX_KEPT) -> None:
        self._limit = limit
        self._courses: dict[str, Course] = {}
        self._lock = threading.Lock()

    def keep(self, request_id: str, course: Course) -> None:
        """Keep the course of one call."""
        with self._lock:
            self._courses[request_id] = course
            if len(self._courses) > self._limit:
                del self._courses[next(iter(self._courses))]

    def find(self, request_id: str) -> Course | None:
        """Return the course of a call; None for one that was not asked here, or long ago."""
        return self._courses.get(request_id)
