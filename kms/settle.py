"""What has fallen due by now, done in the order of its time (CORE K-35)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

from kms.audit import AuditEvent, ServiceEvent, service_event
from kms.material import rotated_by_calendar, rotated_on_demand, without_material
from kms.model import Key
from kms.runtime import Entropy
from kms.state import (
    DELETE_KEY,
    DROP_WRAPPING_KEY,
    END_GRANT,
    EXPIRE_MATERIAL,
    FINISH_ROTATION,
    ROTATE_KEY,
    State,
)

Events: TypeAlias = tuple[AuditEvent, ...]


def settle(state: State, now: dt.datetime, entropy: Entropy) -> tuple[State, Events]:
    """Return the state with everything due done, and the service's own events of it.

    What is done may itself make something due: after a long time each rotation of the meantime
    takes place. Costs as much as there is due; nothing else is looked at. New material comes from
    `entropy`.
    """
    events: list[AuditEvent] = []
    while (first := state.due.first()) is not None and first[0] <= now:
        at, what, name = first
        state, told = _WORK[what](state, name, at, entropy)
        events += told
    return state, tuple(events)


Work: TypeAlias = Callable[[State, str, dt.datetime, Entropy], tuple[State, Events]]
"""Does what is due of one thing, by the name under which it is due: so it is due no longer."""


def _delete_key(state: State, arn: str, at: dt.datetime, entropy: Entropy) -> tuple[State, Events]:
    """CORE K-146."""
    key = state.keys[arn]
    return state.without_key(key), (service_event(ServiceEvent.DELETE_KEY, key, at, {}, entropy),)


def _end_grant(
    state: State, name: str, _at: dt.datetime, _entropy: Entropy
) -> tuple[State, Events]:
    """AUTH N-35."""
    arn, _, grant_id = name.partition("#")
    return state.without_grant(state.grants[arn].by_id[grant_id]), ()


def _drop_wrapping_key(
    state: State, name: str, _at: dt.datetime, _entropy: Entropy
) -> tuple[State, Events]:
    """CORE K-131: its token can only say by now that it has expired."""
    arn, _, identifier = name.partition("#")
    return state.without_wrapping_key(state.wrapping_keys[arn][identifier]), ()


def _expire_material(
    state: State, arn: str, at: dt.datetime, entropy: Entropy
) -> tuple[State, Events]:
    """CORE K-138: every material has its own end, and its own event."""
    key, events = state.keys[arn], []
    pending = (key.pending,) if key.pending is not None else ()
    for material in (*key.materials, *pending):
        if material.expires_at is not None and material.expires_at <= at:
            key = without_material(key, material.id)
            shown = {"keyMaterialId": material.id} if key.is_symmetric else {}
            what = ServiceEvent.DELETE_EXPIRED_KEY_MATERIAL
            events.append(service_event(what, key, at, shown, entropy))
    return state.with_key(key), tuple(events)


def _rotate_key(state: State, arn: str, at: dt.datetime, entropy: Entropy) -> tuple[State, Events]:
    """CORE K-122."""
    key = state.keys[arn]
    return _rotated(state, key, rotated_by_calendar(key, at, entropy), at, entropy)


def _finish_rotation(
    state: State, arn: str, at: dt.datetime, entropy: Entropy
) -> tuple[State, Events]:
    """CORE K-120."""
    key = state.keys[arn]
    return _rotated(state, key, rotated_on_demand(key, at, entropy), at, entropy)


def _rotated(
    state: State, old: Key, new: Key, at: dt.datetime, entropy: Entropy
) -> tuple[State, Events]:
    details = {
        "rotationType": str(new.current_material.rotation),
        "keyOrigin": str(new.origin),
        "previousKeyMaterialId": old.current_material.id,
        "currentKeyMaterialId": new.current_material.id,
    }
    event = service_event(ServiceEvent.ROTATE_KEY, new, at, details, entropy)
    return state.with_key(new), (event,)


_WORK: Mapping[str, Work] = MappingProxyType(
    {
        DELETE_KEY: _delete_key,
        DROP_WRAPPING_KEY: _drop_wrapping_key,
        END_GRANT: _end_grant,
        EXPIRE_MATERIAL: _expire_material,
        FINISH_ROTATION: _finish_rotation,
        ROTATE_KEY: _rotate_key,
    }
)
