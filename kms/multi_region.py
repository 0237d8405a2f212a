"""Keys that have their like in other Regions: new replicas, and another primary (CORE 8)."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from kms.errors import AlreadyExists, NotFound, ValidationFailed
from kms.metadata import metadata
from kms.model import Key, KeyState
from kms.new_keys import check_new_tags, furnished
from kms.operation import (
    Beside,
    Change,
    Need,
    Output,
    Parameters,
    Scope,
    ServiceEvent,
    operation,
    require_primary,
)

_ENABLED = Need(frozenset({KeyState.ENABLED}))


def _examine(_parameters: Parameters, scope: Scope) -> None:
    require_primary(scope.key)


def _settles_at(scope: Scope) -> dt.datetime:
    return scope.now + dt.timedelta(seconds=scope.settings.transition_seconds)


# ReplicateKey


@operation("ReplicateKey", _ENABLED, Need(), Need(), examine=_examine)
def replicate_key(parameters: Parameters, scope: Scope) -> Change:
    """Make a related key in another Region: the same id and material, all else its own (K-153)."""
    primary, region = scope.key, parameters["ReplicaRegion"]
    if region not in scope.settings.regions:
        raise ValidationFailed(f"Region {region} is not supported by this endpoint.")
    arn = replace(primary.arn, region=region)
    if scope.state.key(arn) is not None:  # the primary itself, or a member in any state
        raise AlreadyExists(f"Key already exists in Region {region}")
    check_new_tags(parameters)
    replica = Key(
        arn=arn,
        spec=primary.spec,
        usage=primary.usage,
        origin=primary.origin,
        state=KeyState.CREATING,
        policy="",
        created_at=scope.now,
        multi_region=True,
        primary_region=primary.region,
        settles_at=_settles_at(scope),
    )
    replica = furnished(replica.sharing(primary), parameters, scope)
    state = scope.state.with_key(replica)
    output: Output = {
        "ReplicaKeyMetadata": metadata(replica, state),
        "ReplicaPolicy": replica.policy,
    }
    if replica.tags:
        output["ReplicaTags"] = [{"TagKey": name, "TagValue": v} for name, v in replica.tags]
    made = Beside("CreateKey", region, (str(arn),), {"KeyMetadata": output["ReplicaKeyMetadata"]})
    copied = Beside(  # CORE K-186
        ServiceEvent.SYNCHRONIZE_MULTI_REGION_KEY,
        region,
        (str(primary.arn),),
        details={"keyId": primary.id},
    )
    return Change(state, output, beside=(made, copied))


# UpdatePrimaryRegion


@operation("UpdatePrimaryRegion", _ENABLED, _ENABLED, examine=_examine)
def update_primary_region(parameters: Parameters, scope: Scope) -> Change:
    """Let a replica be the primary, and the primary a replica; nothing else changes (K-156)."""
    old, new = (target.key for target in scope.targets)
    region = parameters["PrimaryRegion"]
    if old is None or region == old.region:
        raise ValidationFailed(f"The primary key is in Region {region} already.")
    if new is None:
        raise NotFound(f"Key '{scope.targets[1].resource}' does not exist")
    state = scope.state
    for member in state.related(old):
        changed = replace(member, primary_region=None if member.region == region else region)
        if member.arn in (old.arn, new.arn):
            changed = replace(changed, state=KeyState.UPDATING, settles_at=_settles_at(scope))
        state = state.with_key(changed)
    # CORE K-184: the call is written down in both Regions, of each the key that is there.
    return Change(state, beside=(Beside("UpdatePrimaryRegion", region, (str(new.arn),)),))
