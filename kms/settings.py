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
    get_public_key_on_disabled: bool = True  # CORE K-30: measured; the guide says no

    @property
    def grant_delay(self) -> dt.timedelta:
        """How long a new, retired or revoked grant takes to be known everywhere (AUTH N-30)."""
        return dt.timedelta(seconds=self.grant_consistency_seconds)
