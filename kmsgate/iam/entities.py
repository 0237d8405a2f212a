"""Users, roles and groups: made, shown, tagged, put together and taken away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from kms.directory import IamEntry, Identity
from kmsgate.iam.common import (
    GROUP,
    ROLE,
    USER,
    Kind,
    all_of,
    attached_arn,
    entry_of,
    identity_named,
    known,
    named,
    of_kind,
    page,
    path_in,
    path_of,
    seen,
    shown_tags,
    tags_in,
    unique_id,
)
from kmsgate.iam.desk import Desk, Output, operation
from kmsgate.iam.model import IamError
from kmsgate.iam.policies import policies_of, policy_at, trust_document, trust_of
from policy import Arn, PrincipalKind

MAX_TAGS = 50
MAX_GROUPS = 10


# Making


def _new(desk: Desk, kind: Kind) -> tuple[Arn, str]:
    """Return the ARN and the id of somebody new; raises EntityAlreadyExists."""
    name = desk.parameters[kind.member]
    if seen(desk, kind, name) is not None:
        raise IamError("EntityAlreadyExists", f"{kind.word} with name {name} already exists.")
    identifier = unique_id(kind.prefix, desk.service.entropy.random_bytes(16))
    return desk.arn(f"{kind.noun}{path_in(desk)}{name}"), identifier


@operation("CreateUser", of_kind(USER))
def _create_user(desk: Desk) -> Output:
    arn, identifier = _new(desk, USER)
    user = _with_boundary(desk, Identity(arn, identifier, tags=tags_in(desk)))
    desk.directory = desk.directory.with_identity(user).with_iam(arn, IamEntry(desk.now))
    return {"User": _shown(desk, USER, arn)}


@operation("CreateRole", of_kind(ROLE))
def _create_role(desk: Desk) -> Output:
    arn, identifier = _new(desk, ROLE)
    trust = trust_of(desk.parameters["AssumeRolePolicyDocument"])
    role = _with_boundary(desk, Identity(arn, identifier, tags=tags_in(desk), trust=trust))
    entry = _with_details(desk, IamEntry(desk.now))
    desk.directory = desk.directory.with_identity(role).with_iam(arn, entry)
    return {"Role": _shown(desk, ROLE, arn)}


@operation("CreateGroup", of_kind(GROUP))
def _create_group(desk: Desk) -> Output:
    arn, identifier = _new(desk, GROUP)
    entry = IamEntry(desk.now, identifier)
    desk.directory = desk.directory.with_group(str(arn), ()).with_iam(arn, entry)
    return {"Group": _shown(desk, GROUP, arn)}


def _with_boundary(desk: Desk, identity: Identity) -> Identity:
    boundary = desk.parameters.get("PermissionsBoundary")
    return replace(identity, boundary=policy_at(desk, boundary)) if boundary else identity


def _with_details(desk: Desk, entry: IamEntry) -> IamEntry:
    given = desk.parameters
    return replace(
        entry,
        description=given.get("Description", entry.description),
        max_session_seconds=given.get("MaxSessionDuration", entry.max_session_seconds),
    )


@operation("UpdateRole", of_kind(ROLE))
def _update_role(desk: Desk) -> Output:
    arn = named(desk, ROLE)
    entry = _with_details(desk, entry_of(desk.directory, arn))
    desk.directory = desk.directory.with_iam(arn, entry)
    return {}


# Showing


def _shown(desk: Desk, kind: Kind, arn: Arn, *, whole: bool = True) -> dict[str, Any]:
    """Return somebody as responses show them; lists leave tags and boundaries out."""
    entry = entry_of(desk.directory, arn)
    made = {
        "Path": path_of(arn),
        kind.member: arn.last,
        f"{kind.word}Id": entry.unique_id or unique_id(kind.prefix, str(arn).encode()),
        "Arn": str(arn),
        "CreateDate": entry.created_at,
    }
    if kind is GROUP:
        return made
    identity = desk.directory.identities[str(arn)]
    made[f"{kind.word}Id"] = identity.unique_id
    if kind is ROLE:
        trust = identity.trust
        made["AssumeRolePolicyDocument"] = trust_document(trust) if trust is not None else None
        made["Description"] = entry.description or None
        made["MaxSessionDuration"] = entry.max_session_seconds
    if whole:
        boundary = identity.boundary
        if boundary is not None:
            made["PermissionsBoundary"] = {
                "PermissionsBoundaryType": "PermissionsBoundaryPolicy",
                "PermissionsBoundaryArn": attached_arn(boundary) or boundary.name,
            }
        made["Tags"] = shown_tags(identity.tags)
    return made


@operation("GetUser", of_kind(USER))
def _get_user(desk: Desk) -> Output:
    if "UserName" not in desk.parameters and desk.call.signer.principal.kind is PrincipalKind.ROOT:
        told = "Must specify userName when calling with non-User credentials"
        raise IamError("ValidationError", told)
    return {"User": _shown(desk, USER, named(desk, USER))}


@operation("GetRole", of_kind(ROLE))
def _get_role(desk: Desk) -> Output:
    return {"Role": _shown(desk, ROLE, named(desk, ROLE))}


@operation("GetGroup", of_kind(GROUP))
def _get_group(desk: Desk) -> Output:
    arn = named(desk, GROUP)
    users = {each.arn.last: each.arn for each in _members(desk, arn)}
    found = page(desk, "Users", users, lambda user: _shown(desk, USER, user, whole=False))
    return {"Group": _shown(desk, GROUP, arn), **found}


def _list(kind: Kind, desk: Desk) -> Output:
    prefix = desk.parameters.get("PathPrefix", "/")
    found = {
        arn.last: arn
        for arn in known(desk.directory, kind, desk.account)
        if path_of(arn).startswith(prefix)
    }
    return page(desk, f"{kind.word}s", found, lambda arn: _shown(desk, kind, arn, whole=False))


# Taking away


def _delete(kind: Kind, desk: Desk) -> Output:
    arn = named(desk, kind)
    found = policies_of(desk.directory, arn)
    if any(attached_arn(each) is not None for each in found):
        _conflict("must detach all policies first.")
    if found:
        _conflict("must delete policies first.")
    if kind is GROUP:
        if _members(desk, arn):
            _conflict("must remove users from group first.")
        desk.directory = desk.directory.without_group(str(arn))
        return {}
    identity = desk.directory.identities[str(arn)]
    if identity.access_keys:
        _conflict("must delete access keys first.")
    if identity.groups:
        _conflict("must remove users from group first.")
    desk.directory = desk.directory.without_identity(arn).with_iam(arn, None)
    return {}


def _conflict(what: str) -> None:
    raise IamError("DeleteConflict", f"Cannot delete entity, {what}")


# Groups


def _members(desk: Desk, group: Arn) -> list[Identity]:
    return [each for each in desk.directory.identities.values() if str(group) in each.groups]


@operation("AddUserToGroup", of_kind(GROUP))
def _add_to_group(desk: Desk) -> Output:
    group, user = str(named(desk, GROUP)), identity_named(desk, USER)
    groups = (*(each for each in user.groups if each != group), group)
    if len(groups) > MAX_GROUPS:
        raise IamError("LimitExceeded", f"Cannot exceed quota for GroupsPerUser: {MAX_GROUPS}")
    desk.directory = desk.directory.with_identity(replace(user, groups=groups))
    return {}


@operation("RemoveUserFromGroup", of_kind(GROUP))
def _remove_from_group(desk: Desk) -> Output:
    group, user = str(named(desk, GROUP)), identity_named(desk, USER)
    groups = tuple(each for each in user.groups if each != group)
    desk.directory = desk.directory.with_identity(replace(user, groups=groups))
    return {}


@operation("ListGroupsForUser", of_kind(USER))
def _groups_of_user(desk: Desk) -> Output:
    found = map(Arn.parse, identity_named(desk, USER).groups)
    groups = {arn.last: arn for arn in found if arn is not None}
    return page(desk, "Groups", groups, lambda arn: _shown(desk, GROUP, arn))


@operation("ListInstanceProfilesForRole", of_kind(ROLE))
def _instance_profiles(desk: Desk) -> Output:
    """There are none: machines are not simulated. Tools ask before they delete a role."""
    named(desk, ROLE)
    return {"InstanceProfiles": [], "IsTruncated": False}


# Tags


def changed_tags(present: Mapping[str, str], desk: Desk) -> dict[str, str]:
    """Return tags with those of a request; raises LimitExceeded."""
    tags = {**present, **tags_in(desk)}
    if len(tags) > MAX_TAGS:
        raise IamError("LimitExceeded", f"Cannot exceed quota for TagsPerResource: {MAX_TAGS}")
    return tags


def left_tags(present: Mapping[str, str], desk: Desk) -> dict[str, str]:
    """Return tags without those that a request names."""
    gone = frozenset(desk.parameters["TagKeys"])
    return {key: value for key, value in present.items() if key not in gone}


def listed_tags(present: Mapping[str, str], desk: Desk) -> Output:
    """Return a page of tags."""
    pairs = {key: {"Key": key, "Value": value} for key, value in present.items()}
    return page(desk, "Tags", pairs, dict)


def _tag(kind: Kind, desk: Desk) -> Output:
    identity = identity_named(desk, kind)
    tags = changed_tags(identity.tags, desk)
    desk.directory = desk.directory.with_identity(replace(identity, tags=tags))
    return {}


def _untag(kind: Kind, desk: Desk) -> Output:
    identity = identity_named(desk, kind)
    tags = left_tags(identity.tags, desk)
    desk.directory = desk.directory.with_identity(replace(identity, tags=tags))
    return {}


def _list_tags(kind: Kind, desk: Desk) -> Output:
    return listed_tags(identity_named(desk, kind).tags, desk)


for _kind in (USER, ROLE, GROUP):
    operation(f"Delete{_kind.word}", of_kind(_kind))(partial(_delete, _kind))
    operation(f"List{_kind.word}s", all_of(_kind.noun))(partial(_list, _kind))
for _kind in (USER, ROLE):
    operation(f"Tag{_kind.word}", of_kind(_kind))(partial(_tag, _kind))
    operation(f"Untag{_kind.word}", of_kind(_kind))(partial(_untag, _kind))
    operation(f"List{_kind.word}Tags", of_kind(_kind))(partial(_list_tags, _kind))
