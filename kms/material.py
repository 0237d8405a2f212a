"""How the material of a key comes and goes; each function returns the key as it is afterwards.

Nobody is asked here and nothing is written down: operations do the one, `kms.settle` and the
service the other.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from kms import hazmat
from kms.envelope import material_id
from kms.hazmat import MATERIAL_BYTES
from kms.model import (
    AutomaticRotation,
    ExpirationModel,
    Key,
    KeyMaterial,
    KeyOrigin,
    KeyState,
    RotationType,
)
from kms.runtime import Entropy
from kms.settings import Settings

# States in which a key that has all its material stands still, and leaves when it loses some.
_COMPLETE = frozenset({KeyState.ENABLED, KeyState.DISABLED, KeyState.UPDATING})


def new_material(key: Key, entropy: Entropy, at: dt.datetime) -> KeyMaterial:
    """Return fresh material for a key; raises hazmat.UnsupportedAlgorithm for its spec."""
    secret = entropy.material(key.spec)
    return KeyMaterial(material_id(secret, key.id), secret, at)


# Rotation


def calendar(days: int, since: dt.datetime) -> AutomaticRotation:
    """Return the calendar of a key whose period of so many days begins then (CORE K-117)."""
    if days < 1:
        raise ValueError("a period has at least a day")  # else a rotation would make itself due
    return AutomaticRotation(days, since, since + dt.timedelta(days=days))


def calendar_of_aws(settings: Settings, since: dt.datetime) -> AutomaticRotation:
    """Return the calendar that every AWS managed key has from its creation on (CORE K-126)."""
    return calendar(settings.aws_managed_rotation_days, since)


def rotated_by_calendar(key: Key, at: dt.datetime, entropy: Entropy) -> Key:
    """Return the key with new material, and its next date a period later (CORE K-115, K-122)."""
    if key.rotation is None:
        raise ValueError("only a key with a calendar rotates by it")
    days = key.rotation.period_days
    key = _rotated(key, new_material(key, entropy, at), at, RotationType.AUTOMATIC)
    return replace(key, rotation=calendar(days, at))


def rotated_on_demand(key: Key, at: dt.datetime, entropy: Entropy) -> Key:
    """Return the key with the material that waited for this, or new one (CORE K-120, K-135)."""
    material = key.pending or new_material(key, entropy, at)
    key = _rotated(key, material, at, RotationType.ON_DEMAND)
    return replace(key, pending=None, on_demand=None)


def _rotated(key: Key, material: KeyMaterial, at: dt.datetime, by: RotationType) -> Key:
    material = replace(material, rotated_at=at, rotation=by)
    return replace(key, materials=(*key.materials, material))


# Imported material


def imported_form(spec: str, octets: bytes) -> bytes | None:
    """Return imported bytes as a key of that spec keeps them, or None when they do not suit it.

    CORE K-133: raw bytes of the exact length, or a private key in PKCS#8 DER of the exact kind.
    """
    if spec in MATERIAL_BYTES:
        return octets if len(octets) == MATERIAL_BYTES[spec] else None
    found = hazmat.imported_private_key(octets)
    return found[1] if found is not None and found[0] == spec else None


def with_first(key: Key, material: KeyMaterial) -> Key:
    """Return a key that never had material with its first (CORE K-135)."""
    return _restated(replace(key, materials=(material,)))


def with_copy(key: Key, material: KeyMaterial) -> Key:
    """Return the key with bytes, expiry and description of a material that it knows (K-135)."""

    def renewed(known: KeyMaterial) -> KeyMaterial:
        if known.id != material.id:
            return known
        description = known.description if material.description is None else material.description
        return replace(
            known, octets=material.octets, expires_at=material.expires_at, description=description
        )

    return _restated(_each(key, renewed))


def without_material(key: Key, identifier: str) -> Key:
    """Return the key without the bytes of one material (CORE K-138, K-139).

    One that belongs to the key for good leaves its id behind, and the key waits for it. A pending
    one was not missed by anybody: it is gone, and a rotation to it with it (CORE K-136).
    """
    if key.pending is not None and key.pending.id == identifier:
        return replace(key, pending=None, on_demand=None)

    def lost(known: KeyMaterial) -> KeyMaterial:
        return replace(known, octets=None, expires_at=None) if known.id == identifier else known

    return _restated(_each(key, lost))


def _each(key: Key, change: Callable[[KeyMaterial], KeyMaterial]) -> Key:
    return replace(
        key,
        materials=tuple(change(material) for material in key.materials),
        pending=change(key.pending) if key.pending is not None else None,
    )


def _restated(key: Key) -> Key:
    """Return the key in the state that its material leads to (CORE K-28, K-136, K-137)."""
    if key.is_complete and key.state is KeyState.PENDING_IMPORT:
        return replace(key, state=KeyState.ENABLED)
    if not key.is_complete and key.state in _COMPLETE:
        return replace(key, state=KeyState.PENDING_IMPORT)
    return key


def expiry_of(at: dt.datetime | None) -> dict[str, Any]:
    """Return the members that say when imported material expires, or that it does not."""
    if at is None:
        return {"ExpirationModel": str(ExpirationModel.KEY_MATERIAL_DOES_NOT_EXPIRE)}
    return {"ExpirationModel": str(ExpirationModel.KEY_MATERIAL_EXPIRES), "ValidTo": at}


def awaits_import(key: Key) -> bool:
    """Tell whether a key lacks material that only its owner can bring (CORE K-136, K-145)."""
    return key.origin is KeyOrigin.EXTERNAL and not key.is_complete
