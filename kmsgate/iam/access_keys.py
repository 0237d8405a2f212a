"""Access keys of users: the one response with a secret in it is that of CreateAccessKey."""

from __future__ import annotations

from dataclasses import replace

from kms.directory import AccessKey, Identity
from kmsgate.credentials import new_access_key
from kmsgate.iam.common import LONG_AGO, USER, identity_named, of_kind, page
from kmsgate.iam.desk import Desk, Output, operation
from kmsgate.iam.model import IamError

MAX_KEYS = 2
_STATUS = {True: "Active", False: "Inactive"}


@operation("CreateAccessKey", of_kind(USER))
def _create(desk: Desk) -> Output:
    user = identity_named(desk, USER)
    if len(user.access_keys) >= MAX_KEYS:
        raise IamError("LimitExceeded", f"Cannot exceed quota for AccessKeysPerUser: {MAX_KEYS}")
    made = replace(new_access_key(desk.service.entropy), created_at=desk.now)
    _keep(desk, user, (*user.access_keys, made))
    return {"AccessKey": {**_shown(user, made), "SecretAccessKey": made.secret.decode()}}


@operation("ListAccessKeys", of_kind(USER))
def _list(desk: Desk) -> Output:
    user = identity_named(desk, USER)
    found = {key.id: key for key in user.access_keys}
    return page(desk, "AccessKeyMetadata", found, lambda key: _shown(user, key))


@operation("UpdateAccessKey", of_kind(USER))
def _update(desk: Desk) -> Output:
    user, key = _found(desk)
    changed = replace(key, active=desk.parameters["Status"] == _STATUS[True])
    _keep(desk, user, tuple(changed if each is key else each for each in user.access_keys))
    return {}


@operation("DeleteAccessKey", of_kind(USER))
def _delete(desk: Desk) -> Output:
    user, key = _found(desk)
    _keep(desk, user, tuple(each for each in user.access_keys if each is not key))
    return {}


def _found(desk: Desk) -> tuple[Identity, AccessKey]:
    user, wanted = identity_named(desk, USER), desk.parameters["AccessKeyId"]
    for key in user.access_keys:
        if key.id == wanted:
            return user, key
    raise IamError("NoSuchEntity", f"The Access Key with id {wanted} cannot be found.")


def _keep(desk: Desk, user: Identity, keys: tuple[AccessKey, ...]) -> None:
    desk.directory = desk.directory.with_identity(replace(user, access_keys=keys))


def _shown(user: Identity, key: AccessKey) -> dict[str, object]:
    return {
        "UserName": user.arn.last,
        "AccessKeyId": key.id,
        "Status": _STATUS[key.active],
        "CreateDate": key.created_at or LONG_AGO,
    }
