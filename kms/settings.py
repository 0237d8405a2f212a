"""The knobs of the service, with the defaults of the specification (CORE 0)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    """How the simulated service behaves where AWS leaves a choice or takes its time.

    `transition_seconds` is how long a rotation on demand takes. AWS managed keys rotate every
    `aws_managed_rotation_days`: 365 as AWS does today, 1,095 as it did before (CORE K-126).
    """

    grant_consistency_seconds: int = 0
    deletion_extra_hours: int = 0
    transition_seconds: int = 0
    default_rotation_days: int = 365
    aws_managed_rotation_days: int = 365
    on_demand_rotation_limit: int = 25
    strict_principals: bool = True
    enforce_quotas: bool = True
    get_public_key_on_disabled: bool = True  # CORE K-30: measured; the guide says no
    event_version: str = "1.11"  # CORE K-173

    @property
    def grant_delay(self) -> dt.timedelta:
        """How long a new, retired or revoked grant takes to be known everywhere (AUTH N-30)."""
        return dt.timedelta(seconds=self.grant_consistency_seconds)
