"""What has fallen due by now, done in the order of its time (CORE K-35)."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from kms.audit import SERVICE_EVENT, AuditEvent
from kms.model import Key, KeyState
from kms.runtime import Entropy
from kms.state import DELETE_KEY, SETTLE_STATE, State


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
            state = _alone(state.without_key(key), key, at)
            events.append(_deleted(key, at, entropy))
        elif what == SETTLE_STATE:
            state = state.with_key(_settled(state.keys[name]))
        else:
            key_arn, _, grant_id = name.partition("#")
            state = state.without_grant(state.grants[key_arn].by_id[grant_id])
    return state, tuple(events)


def _settled(key: Key) -> Key:
    """End Creating or Updating (CORE K-28)."""
    state = KeyState.ENABLED if key.is_complete else KeyState.PENDING_IMPORT
    return replace(key, state=state, settles_at=None)


def _alone(state: State, gone: Key, at: dt.datetime) -> State:
    """Let a primary that waits for the end of its replicas begin to end itself (CORE K-144)."""
    match state.related(gone):
        case (Key(state=KeyState.PENDING_REPLICA_DELETION, window_days=int(days)) as primary,):
            ending = replace(
                primary,
                state=KeyState.PENDING_DELETION,
                deletion_at=at + dt.timedelta(days=days),
                window_days=None,
            )
            return state.with_key(ending)
        case _:
            return state


def _deleted(key: Key, at: dt.datetime, entropy: Entropy) -> AuditEvent:
    """CORE K-146, K-186."""
    return AuditEvent(
        id=entropy.uuid(),
        at=at,
        request_id=entropy.uuid(),
        caller=SERVICE_EVENT,
        caller_kind="service",
        account=key.account,
        operation="DeleteKey",
        region=key.region,
        resources=(str(key.arn),),
        outcome="success",
    )
