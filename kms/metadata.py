"""The KeyMetadata structure: how a key stands, as its owner may see it (CORE 1.2)."""

from __future__ import annotations

from kms.material import expiry_of
from kms.model import ALGORITHM_LISTS, Key, KeyOrigin, KeyState
from kms.operation import Output
from kms.state import State


def metadata(key: Key, state: State) -> Output:
    """Return the KeyMetadata structure of a key, which the state holds (CORE K-12, K-13)."""
    described: Output = {
        "AWSAccountId": key.account,
        "KeyId": key.id,
        "Arn": str(key.arn),
        "CreationDate": key.created_at,
        "Enabled": key.state is KeyState.ENABLED,
        "Description": key.description,
        "KeyUsage": str(key.usage),
        "KeyState": str(key.state),
        "Origin": str(key.origin),
        "KeyManager": str(key.manager),
        "CustomerMasterKeySpec": key.spec,
        "KeySpec": key.spec,
        ALGORITHM_LISTS[key.usage]: list(key.algorithms),
        "MultiRegion": key.multi_region,
    }
    if key.deletion_at is not None:
        described["DeletionDate"] = key.deletion_at
    if key.window_days is not None:
        described["PendingDeletionWindowInDays"] = key.window_days
    if key.multi_region:
        described["MultiRegionConfiguration"] = _configuration(key, state)
    if key.is_symmetric and key.materials and key.state is not KeyState.CREATING:
        described["CurrentKeyMaterialId"] = key.current_material.id
    if key.origin is KeyOrigin.EXTERNAL and key.is_complete:
        expiries = [m.expires_at for m in key.materials if m.expires_at is not None]
        described |= expiry_of(min(expiries, default=None))
    return described


def _configuration(key: Key, state: State) -> Output:
    """Return the set of a multi-Region key, as every member of it tells (CORE K-151, K-154)."""
    places = {
        member.region: {"Arn": str(member.arn), "Region": member.region}
        for member in state.related(key)
    }
    primary = places.pop(key.primary_region or key.region)
    return {
        "MultiRegionKeyType": "REPLICA" if key.is_replica else "PRIMARY",
        "PrimaryKey": primary,
        "ReplicaKeys": list(places.values()),
    }
