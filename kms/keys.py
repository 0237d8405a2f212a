"""Making, describing, listing, switching and tagging keys (CORE K-57 to K-60, 9.2)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from kms import hazmat, paging
from kms.condition_keys import spec_and_usage
from kms.errors import (
    CustomKeyStoreNotFound,
    InvalidTags,
    LimitExceeded,
    UnsupportedOperation,
    ValidationFailed,
)
from kms.material import expiry_of, new_material
from kms.model import (
    ALGORITHM_LISTS,
    SPECS,
    SYMMETRIC_DEFAULT,
    Key,
    KeyOrigin,
    KeyState,
    KeyUsage,
)
from kms.operation import (
    NOT_PENDING_DELETION,
    SWITCHABLE,
    Change,
    Need,
    Output,
    Parameters,
    Scope,
    operation,
)
from kms.policy_checks import bound_ids, check_policy, default_policy
from kms.targets import home

MAX_KEYS = 100_000
MAX_TAGS = 50


def _prepare_create(parameters: Parameters) -> None:
    """CORE K-57, steps 1 to 5."""
    if "KeySpec" in parameters and "CustomerMasterKeySpec" in parameters:
        raise ValidationFailed(
            "You cannot specify KeySpec and CustomerMasterKeySpec in the same request. "
            "CustomerMasterKeySpec is deprecated."
        )
    spec, usage = spec_and_usage(parameters)
    if spec != SYMMETRIC_DEFAULT and "KeyUsage" not in parameters:
        raise ValidationFailed("You must specify a KeyUsage value for an asymmetric CMK.")
    if spec not in SPECS:
        raise UnsupportedOperation  # CORE K-16
    if usage not in SPECS[spec]:
        if spec == SYMMETRIC_DEFAULT:
            raise ValidationFailed(
                f"The operation failed because the KeyUsage value of the CMK is {usage}. "
                "To perform this operation, the KeyUsage value must be ENCRYPT_DECRYPT."
            )
        raise ValidationFailed(f"KeyUsage {usage} is not compatible with KeySpec {spec}")
    _refuse_key_stores(parameters)
    _check_tags(parameters.get("Tags", ()))
    if len(parameters.get("Tags", ())) > MAX_TAGS:
        raise InvalidTags("Too many tags")


def _refuse_key_stores(parameters: Parameters) -> None:
    """CORE K-92: there are no custom key stores."""
    origin = parameters.get("Origin", KeyOrigin.AWS_KMS)
    in_store = origin in (KeyOrigin.AWS_CLOUDHSM, KeyOrigin.EXTERNAL_KEY_STORE)
    if in_store and parameters.get("MultiRegion"):
        raise UnsupportedOperation
    if in_store and "CustomKeyStoreId" not in parameters:
        raise ValidationFailed(f"You must specify a CustomKeyStoreId when Origin is {origin}.")
    if in_store:
        raise CustomKeyStoreNotFound
    for member in ("XksKeyId", "CustomKeyStoreId"):
        if member in parameters:
            raise ValidationFailed(f"You cannot specify {member} when Origin is {origin}.")


@operation("CreateKey", prepare=_prepare_create)
def create_key(parameters: Parameters, scope: Scope) -> Change:
    """Make a key with new material, unless that is to be imported (CORE K-57)."""
    planned = scope.targets[1].resource.arn
    assert planned is not None  # noqa: S101 - a key that is to be made has one
    spec, usage = spec_and_usage(parameters)
    text = parameters.get("Policy")
    key = Key(
        arn=planned,
        spec=spec,
        usage=KeyUsage(usage),
        origin=KeyOrigin(parameters.get("Origin", KeyOrigin.AWS_KMS)),
        state=KeyState.ENABLED,
        policy=text if text is not None else default_policy(planned.account, planned.partition),
        created_at=scope.now,
        description=parameters.get("Description", ""),
        tags=tuple((tag["TagKey"], tag["TagValue"]) for tag in parameters.get("Tags", ())),
        multi_region=parameters.get("MultiRegion", False),
    )
    if text is not None:
        check_policy(text, key, parameters, scope)
    key = replace(key, bound_ids=bound_ids(key.policy, scope.state.directory))
    if scope.settings.enforce_quotas:
        owned = scope.state.key_ids.get((key.account, key.region), ())
        if len(owned) >= MAX_KEYS:
            raise LimitExceeded
    key = with_material(key, scope)
    output = {"KeyMetadata": metadata(key)}
    return Change(scope.state.with_key(key), output, logged=None, key=key)


def with_material(key: Key, scope: Scope) -> Key:
    """Return the key with its first material, or waiting for an import."""
    if not hazmat.can_make(key.spec):
        raise UnsupportedOperation  # CORE K-104, 13: nor could such material be imported
    if key.origin is KeyOrigin.EXTERNAL:
        return replace(key, state=KeyState.PENDING_IMPORT)
    try:
        return replace(key, materials=(new_material(key, scope.entropy, scope.now),))
    except hazmat.UnsupportedAlgorithm:
        raise UnsupportedOperation from None  # CORE K-104


def metadata(key: Key) -> Output:
    """Return the KeyMetadata structure of a key (CORE K-12, K-13)."""
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
    if key.multi_region:
        primary = {"Arn": str(key.arn), "Region": key.region}
        described["MultiRegionConfiguration"] = {
            "MultiRegionKeyType": "PRIMARY",
            "PrimaryKey": primary,
            "ReplicaKeys": [],
        }
    if key.is_symmetric and key.materials:
        described["CurrentKeyMaterialId"] = key.current_material.id
    if key.origin is KeyOrigin.EXTERNAL and key.is_complete:
        expiries = [m.expires_at for m in key.materials if m.expires_at is not None]
        described |= expiry_of(min(expiries, default=None))
    return described


@operation("DescribeKey")
def describe_key(_parameters: Parameters, scope: Scope) -> Change:
    """Tell what a key is and how it stands (CORE K-58)."""
    return Change(scope.state, {"KeyMetadata": metadata(scope.key)})


@operation("ListKeys")
def list_keys(parameters: Parameters, scope: Scope) -> Change:
    """List the keys of the caller's account in the Region, in every state (CORE K-59)."""
    account, region = scope.call.caller.account or "", scope.call.region
    bound = ("ListKeys", account, region)
    ids = scope.state.key_ids.get((account, region))
    start = paging.start_of(parameters, *bound)
    prefix = str(home(scope, "key/"))
    found = ids.after(start) if ids is not None else ()
    entries = ((key_id, {"KeyId": key_id, "KeyArn": prefix + key_id}) for key_id in found)
    keys, more = paging.page(parameters, entries, 100, 1000, *bound)
    return Change(scope.state, {"Keys": keys, **more})


@operation("EnableKey", Need(SWITCHABLE))
def enable_key(_parameters: Parameters, scope: Scope) -> Change:
    """Switch a key on; nothing happens if it is on (CORE K-60).

    A rotation that was due while the key was off is due now (CORE K-123).
    """
    rotation = scope.key.rotation
    if rotation is not None:
        rotation = replace(rotation, next_at=max(rotation.next_at, scope.now))
    return _changed(replace(scope.key, state=KeyState.ENABLED, rotation=rotation), scope)


@operation("DisableKey", Need(SWITCHABLE))
def disable_key(_parameters: Parameters, scope: Scope) -> Change:
    """Switch a key off; nothing happens if it is off (CORE K-60)."""
    return _changed(replace(scope.key, state=KeyState.DISABLED), scope)


@operation("UpdateKeyDescription", Need(NOT_PENDING_DELETION))
def update_key_description(parameters: Parameters, scope: Scope) -> Change:
    """Describe a key in other words, or with none (CORE K-61)."""
    return _changed(replace(scope.key, description=parameters["Description"]), scope)


def _changed(key: Key, scope: Scope) -> Change:
    return Change(scope.state.with_key(key), logged={"keyId": str(key.arn)})


# Tags

_TAG_TEXT = re.compile(r"[\w .:/=+\-@]*")


def _check_tags(tags: Sequence[dict[str, str]]) -> None:
    """Raise InvalidTags for names and values that tags cannot have (CORE K-45, K-169)."""
    names = [tag["TagKey"] for tag in tags]
    for name in names:
        if name.lower().startswith("aws:"):
            raise InvalidTags("Tags beginning with aws: are reserved")
    if len(set(names)) != len(names):
        raise InvalidTags("Duplicate tag keys")
    for tag in tags:
        if not (_TAG_TEXT.fullmatch(tag["TagKey"]) and _TAG_TEXT.fullmatch(tag["TagValue"])):
            raise InvalidTags("A tag has characters that are not allowed")


@operation(
    "TagResource",
    Need(NOT_PENDING_DELETION),
    prepare=lambda parameters: _check_tags(parameters["Tags"]),
)
def tag_resource(parameters: Parameters, scope: Scope) -> Change:
    """Add tags, or change their values in place (CORE K-170)."""
    tags = dict(scope.key.tags)
    tags |= {tag["TagKey"]: tag["TagValue"] for tag in parameters["Tags"]}
    if len(tags) > MAX_TAGS and scope.settings.enforce_quotas:
        raise LimitExceeded
    return _tagged(scope, tags)


@operation("UntagResource", Need(NOT_PENDING_DELETION))
def untag_resource(parameters: Parameters, scope: Scope) -> Change:
    """Take tags away; names that are not there do not matter (CORE K-170)."""
    gone = set(parameters["TagKeys"])
    return _tagged(scope, {k: v for k, v in scope.key.tags if k not in gone})


def _tagged(scope: Scope, tags: dict[str, str]) -> Change:
    return _changed(replace(scope.key, tags=tuple(tags.items())), scope)


@operation("ListResourceTags")
def list_resource_tags(parameters: Parameters, scope: Scope) -> Change:
    """List the tags of a key in the order in which they came (CORE K-170)."""
    bound = ("ListResourceTags", str(scope.key.arn))
    start = paging.start_of(parameters, *bound)
    tags = list(scope.key.tags)
    names = [name for name, _ in tags]
    first = names.index(start) + 1 if start in names else 0
    entries: list[tuple[str, Any]] = [
        (name, {"TagKey": name, "TagValue": value}) for name, value in tags[first:]
    ]
    shown, more = paging.page(parameters, entries, 50, 50, *bound)
    return Change(scope.state, {"Tags": shown, **more})
