"""The knobs of the service, with the defaults of the specification (CORE 0)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

REGIONS = (
    "af-south-1", "ap-east-1", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1",
    "ap-south-2", "ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ca-central-1",
    "eu-central-1", "eu-central-2", "eu-north-1", "eu-south-1", "eu-south-2", "eu-west-1",
    "eu-west-2", "eu-west-3", "il-central-1", "me-central-1", "me-south-1", "sa-east-1",
    "us-east-1", "us-east-2", "us-west-1", "us-west-2",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Settings:
    """How the simulated service behaves where AWS leaves a choice or takes its time.

    `regions` are those that it answers for. `transition_seconds` is how long a rotation on demand
    takes, a new replica and a change of the primary. AWS managed keys rotate every
    `aws_managed_rotation_days`: 365 as AWS does today, 1,095 as it did before (CORE K-126).
    """

    regions: tuple[str, ...] = REGIONS
    grant_consistency_seconds: int = 0
    deletion_extra_hours: int = 0
    transition_seconds: int = 0
    default_rotation_days: int = 365
    aws_managed_rotation_days: int = 365
    on_demand_rotation_limit: int = 25
    strict_principals: bool = True
    enforce_quotas: bool = True
    get_public_key_on_disabled: bool = True  # CORE K-30: measured; the guide says no
    enforce: bool = True
    """False does what policies deny; the decisions are in the reply all the same."""
    event_version: str = "1.11"  # CORE K-173
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
