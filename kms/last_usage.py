"""When a key was last used, and for what (CORE K-62)."""

from __future__ import annotations

from kms import shapes
from kms.operation import Change, Output, Parameters, Scope, operation


def is_tracked(name: str) -> bool:
    """Tell whether an operation counts as a use of its keys: the cryptographic ones do."""
    return name in shapes.enumeration("KeyLastUsageTrackingOperation")


@operation("GetKeyLastUsage")
def get_key_last_usage(_parameters: Parameters, scope: Scope) -> Change:
    """Tell of the last successful cryptographic use of a key, and since when that is tracked."""
    key, use = scope.key, scope.state.last_uses.get(str(scope.key.arn))
    last: Output = {}
    if use is not None:
        last = {
            "Operation": use.operation,
            "Timestamp": use.at,
            "CloudTrailEventId": use.event_id,
            "KmsRequestId": use.request_id,
        }
    output: Output = {
        "KeyId": key.id,
        "KeyLastUsage": last,
        "TrackingStartDate": scope.settings.tracked_since(key.created_at),
        "KeyCreationDate": key.created_at,
    }
    return Change(scope.state, output)
