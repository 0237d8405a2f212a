"""New material for a key, by the calendar or on demand (CORE 5).

The material itself changes in `kms.settle`, when it is due: a rotation that is asked for now is
due now, or when the settings say so.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

from kms import paging
from kms.errors import Conflict, InvalidState, LimitExceeded, UnsupportedOperation
from kms.material import calendar, expiry_of
from kms.model import (
    Key,
    KeyMaterial,
    KeyOrigin,
    KeyState,
    MaterialState,
    OnDemandRotation,
    RotationType,
)
from kms.operation import (
    PENDING_DELETION,
    USABLE,
    Change,
    Need,
    Output,
    Parameters,
    Scope,
    operation,
    require_origin,
)

NEAR = dt.timedelta(minutes=20)
"""An automatic rotation so near is as good as in progress (CORE K-120)."""


def _refuse_imported(_parameters: Parameters, scope: Scope) -> None:
    """CORE K-128: told before the state of the key."""
    require_origin(scope.key, KeyOrigin.AWS_KMS)


def _require_rotatable(key: Key) -> None:
    """CORE K-116: only symmetric encryption keys rotate."""
    if not key.is_symmetric:
        raise UnsupportedOperation


# Automatic rotation


@operation("EnableKeyRotation", Need(USABLE), examine=_refuse_imported)
def enable_key_rotation(parameters: Parameters, scope: Scope) -> Change:
    """Let a key rotate every so many days, or change how many (CORE K-117).

    A new period counts from where the present one began, and does not end in the past. The same
    period again changes nothing.
    """
    key, old = scope.key, scope.key.rotation
    _require_rotatable(key)
    days = parameters.get("RotationPeriodInDays", scope.settings.default_rotation_days)
    new = calendar(days, old.since if old is not None else scope.now)
    if old is not None and old.period_days == days:
        new = old
    new = replace(new, next_at=max(new.next_at, scope.now))
    return _changed(replace(key, rotation=new), scope)


@operation("DisableKeyRotation", Need(USABLE), examine=_refuse_imported)
def disable_key_rotation(_parameters: Parameters, scope: Scope) -> Change:
    """Stop rotating by the calendar; of a key that cannot rotate nothing changes (CORE K-118)."""
    return _changed(replace(scope.key, rotation=None), scope)


def _changed(key: Key, scope: Scope) -> Change:
    return Change(scope.state.with_key(key), logged={"keyId": str(key.arn)})


@operation("GetKeyRotationStatus", examine=_refuse_imported)
def get_key_rotation_status(_parameters: Parameters, scope: Scope) -> Change:
    """Tell whether and when a key rotates by itself; one that is to end does not (CORE K-119)."""
    key = scope.key
    output: Output = {"KeyId": str(key.arn), "KeyRotationEnabled": False}
    if key.rotation is not None and key.state not in PENDING_DELETION:
        output["KeyRotationEnabled"] = True
        output["RotationPeriodInDays"] = key.rotation.period_days
        output["NextRotationDate"] = key.rotation.next_at
    if key.on_demand is not None:
        output["OnDemandRotationStartDate"] = key.on_demand.started_at
    return Change(scope.state, output)


# Rotation on demand


@operation("RotateKeyOnDemand", Need(frozenset({KeyState.ENABLED})))
def rotate_key_on_demand(_parameters: Parameters, scope: Scope) -> Change:
    """Begin a rotation that the calendar does not know of (CORE K-120)."""
    key, now, settings = scope.key, scope.now, scope.settings
    _require_rotatable(key)
    if key.origin is KeyOrigin.EXTERNAL and key.pending is None:
        raise InvalidState(f"No available key material pending rotation for the key: {key.arn}.")
    if key.rotation is not None and key.rotation.next_at - now <= NEAR:
        raise Conflict
    made = sum(material.rotation is RotationType.ON_DEMAND for material in key.materials)
    if made >= settings.on_demand_rotation_limit and settings.enforce_quotas:
        raise LimitExceeded
    if key.on_demand is not None:
        raise Conflict
    ends_at = now + dt.timedelta(seconds=settings.transition_seconds)
    key = replace(key, on_demand=OnDemandRotation(now, ends_at))
    return Change(
        scope.state.with_key(key), {"KeyId": str(key.arn)}, logged={"keyId": str(key.arn)}
    )


# The list


@operation("ListKeyRotations")
def list_key_rotations(parameters: Parameters, scope: Scope) -> Change:
    """List the rotations that are through, oldest first, or all material (CORE K-121).

    A pending material is the last one, since it will be.
    """
    key = scope.key
    _require_rotatable(key)
    every = parameters.get("IncludeKeyMaterial") == "ALL_KEY_MATERIAL"
    bound = ("ListKeyRotations", str(key.arn), str(every))
    start = paging.start_of(parameters, *bound) or ""
    entries = [(f"{n:08}", _entry(key, material)) for n, material in enumerate(key.materials)]
    if not every:
        entries = [(place, entry) for place, entry in entries if "RotationDate" in entry]
    elif key.pending is not None:
        entries.append((f"{len(key.materials):08}", _entry(key, key.pending)))
    rest = ((place, entry) for place, entry in entries if place > start)
    shown, more = paging.page(parameters, rest, 100, 1000, *bound)
    return Change(scope.state, {"Rotations": shown, **more})


def _entry(key: Key, material: KeyMaterial) -> dict[str, Any]:
    entry: Output = {
        "KeyId": key.id,
        "KeyMaterialId": material.id,
        "KeyMaterialState": str(_material_state(key, material)),
    }
    if key.origin is KeyOrigin.EXTERNAL:
        entry |= _import_of(material)
    if material.rotated_at is not None and material.rotation is not None:
        entry["RotationDate"] = material.rotated_at
        entry["RotationType"] = str(material.rotation)
    return entry


def _material_state(key: Key, material: KeyMaterial) -> MaterialState:
    if material is key.pending:
        return MaterialState.PENDING_ROTATION
    current = material is key.current_material
    return MaterialState.CURRENT if current else MaterialState.NON_CURRENT


def _import_of(material: KeyMaterial) -> Output:
    """CORE K-121, K-138: what has gone has neither model nor date of its end."""
    entry: Output = {"ImportState": "IMPORTED" if material.is_present else "PENDING_IMPORT"}
    if material.is_present:
        entry |= expiry_of(material.expires_at)
    if material.description:
        entry["KeyMaterialDescription"] = material.description
    return entry
