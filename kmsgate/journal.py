"""What was decided about the last calls, so that it can be explained as it was decided."""

from __future__ import annotations

import threading

from kms.service import Reply

MAX_KEPT = 1000


class Journal:
    """The replies to the last calls, by their request ids. Older ones are forgotten."""

    def __init__(self, limit: int = MAX_KEPT) -> None:
        self._limit = limit
        self._replies: dict[str, Reply] = {}
        self._lock = threading.Lock()

    def keep(self, request_id: str, reply: Reply) -> None:
        """Keep the reply to one call."""
        with self._lock:
            self._replies[request_id] = reply
            if len(self._replies) > self._limit:
                del self._replies[next(iter(self._replies))]

    def find(self, request_id: str) -> Reply | None:
        """Return the reply to a call; None for one that was not asked here, or long ago."""
        return self._replies.get(request_id)
