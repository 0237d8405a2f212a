"""What has fallen due by now, done in the order of its time (CORE K-35)."""

from __future__ import annotations

import datetime as dt

from kms.audit import AuditEvent, ServiceEvent, service_event
from kms.runtime import Entropy
from kms.state import DELETE_KEY, State


def settle(
    state: State, now: dt.datetime, entropy: Entropy
) -> tuple[State, tuple[AuditEvent, ...]]:
    """Return the state with everything due done, and the service's own events of it.

    Costs as much as there is due; nothing else is looked at.
    """
    events = []
    while (first := state.due.first()) is not None and first[0] <= now:
        at, what, name = first
        if what == DELETE_KEY:
            key = state.keys[name]
            state = state.without_key(key)
            events.append(
                service_event(ServiceEvent.DELETE_KEY, key, at, {}, entropy)
            )  # CORE K-146
        else:
            key_arn, _, grant_id = name.partition("#")
            state = state.without_grant(state.grants[key_arn].by_id[grant_id])
    return state, tuple(events)
