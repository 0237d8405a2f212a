"""The knobs of the service, with the defaults of the specification (CORE 0)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    """How the simulated service behaves where AWS leaves a choice or takes its time."""

    grant_consistency_seconds: int = 0
    deletion_extra_hours: int = 0
    strict_principals: bool = True
    enforce_quotas: bool = True
    usage_tracking_start: dt.datetime | None = None
    """Since when the use of keys is tracked; None is since the service was made."""

    @property
    def grant_delay(self) -> dt.timedelta:
        """How long a new, retired or revoked grant takes to be known everywhere (AUTH N-30)."""
        return dt.timedelta(seconds=self.grant_consistency_seconds)

    def tracked_since(self, created_at: dt.datetime) -> dt.datetime:
        """Return since when the use of a key is tracked that was made then (CORE K-62)."""
        start = self.usage_tracking_start
        return created_at if start is None else max(start, created_at)
