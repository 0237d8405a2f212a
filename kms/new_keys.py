"""What a key gets when it is made: policy, description and tags, and room (CORE K-57, K-153)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from kms import managed_keys
from kms.errors import InvalidTags, LimitExceeded
from kms.model import Key
from kms.operation import Parameters, Scope
from kms.policy_checks import bound_ids, check_policy, default_policy

MAX_KEYS = 100_000
MAX_TAGS = 50
_TAG_TEXT = re.compile(r"[\w .:/=+\-@]*")

Tags = Sequence[Mapping[str, str]]


def check_tags(tags: Tags) -> None:
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


def check_new_tags(parameters: Parameters) -> None:
    """Raise InvalidTags for the tags of a key that is to be made, or for too many (K-169)."""
    tags = parameters.get("Tags", ())
    check_tags(tags)
    if len(tags) > MAX_TAGS:
        raise InvalidTags("Too many tags")


def furnished(key: Key, parameters: Parameters, scope: Scope) -> Key:
    """Return a key that is to be made with what the request gives it, and a policy in any case.

    Raises what the service answers to a policy that it does not take, or to one key too many.
    """
    text = parameters.get("Policy")
    key = replace(
        key,
        policy=text if text is not None else default_policy(key.account, key.arn.partition),
        description=parameters.get("Description", ""),
        tags=tuple((tag["TagKey"], tag["TagValue"]) for tag in parameters.get("Tags", ())),
    )
    if text is not None:
        check_policy(text, key, parameters, scope)
    _require_room(key, scope)
    return replace(key, bound_ids=bound_ids(key.policy, scope.state.directory))


def _require_room(key: Key, scope: Scope) -> None:
    """CORE K-22, K-53: replicas count where they are; AWS managed keys do not."""
    owned = len(scope.state.key_ids.get((key.account, key.region), ()))
    most = MAX_KEYS + managed_keys.count(scope.state, key.arn)
    if scope.settings.enforce_quotas and owned >= most:
        raise LimitExceeded
