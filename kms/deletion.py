"""Scheduling the end of a key, and calling it off (CORE K-143 to K-147)."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from kms.material import awaits_import
from kms.model import KeyState
from kms.operation import (
    DELETABLE,
    PENDING_DELETION,
    Change,
    Need,
    Parameters,
    Scope,
    operation,
)

DEFAULT_WINDOW_DAYS = 30


@operation("ScheduleKeyDeletion", Need(DELETABLE))
def schedule_key_deletion(parameters: Parameters, scope: Scope) -> Change:
    """Let a key end after 7 to 30 days; until then it cannot be used (CORE K-143)."""
    days = parameters.get("PendingWindowInDays", DEFAULT_WINDOW_DAYS)
    deletion_at = scope.now + dt.timedelta(days=days)
    key = replace(
        scope.key,
        state=KeyState.PENDING_DELETION,
        deletion_at=deletion_at,
        deletion_delay=dt.timedelta(hours=scope.settings.deletion_extra_hours),
        on_demand=None,  # CORE K-123: a key that is to end is not rotated
    )
    output = {
        "KeyId": str(key.arn),
        "DeletionDate": deletion_at,
        "KeyState": str(key.state),
        "PendingWindowInDays": days,
    }
    logged = {
        "keyId": str(key.arn),
        "keyState": str(key.state),
        "deletionDate": deletion_at,
        "pendingWindowInDays": days,
    }
    return Change(scope.state.with_key(key), output, logged)


@operation("CancelKeyDeletion", Need(PENDING_DELETION))
def cancel_key_deletion(_parameters: Parameters, scope: Scope) -> Change:
    """Call the end off; the key stays switched off until someone enables it (CORE K-145)."""
    state = KeyState.PENDING_IMPORT if awaits_import(scope.key) else KeyState.DISABLED
    key = replace(scope.key, state=state, deletion_at=None)
    return Change(
        scope.state.with_key(key), {"KeyId": str(key.arn)}, logged={"keyId": str(key.arn)}
    )
