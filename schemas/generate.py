"""Write the service models that requests are checked with: all of KMS, and the part of IAM served.

    python schemas/generate.py            write schemas/kms-2014-11-01.json and iam-2010-05-08.json
    python schemas/generate.py --check    fail when they are not what botocore says today

Names, types and limits are taken from the installed botocore; its documentation is left out. This
is a tool for developers: the product reads the JSON file and never imports botocore.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
_IAM = """
AddUserToGroup AttachGroupPolicy AttachRolePolicy AttachUserPolicy CreateAccessKey CreateGroup
CreatePolicy CreatePolicyVersion CreateRole CreateUser DeleteAccessKey DeleteGroup
DeleteGroupPolicy DeletePolicy DeletePolicyVersion DeleteRole DeleteRolePermissionsBoundary
DeleteRolePolicy DeleteUser DeleteUserPermissionsBoundary DeleteUserPolicy DetachGroupPolicy
DetachRolePolicy DetachUserPolicy GetGroup GetGroupPolicy GetPolicy GetPolicyVersion GetRole
GetRolePolicy GetUser GetUserPolicy ListAccessKeys ListAttachedGroupPolicies
ListAttachedRolePolicies ListAttachedUserPolicies ListEntitiesForPolicy ListGroupPolicies ListGroups
ListGroupsForUser ListInstanceProfilesForRole ListPolicies ListPolicyTags ListPolicyVersions
ListRolePolicies ListRoleTags ListRoles ListUserPolicies ListUserTags ListUsers PutGroupPolicy
PutRolePermissionsBoundary PutRolePolicy PutUserPermissionsBoundary PutUserPolicy
RemoveUserFromGroup SetDefaultPolicyVersion TagPolicy TagRole TagUser UntagPolicy UntagRole
UntagUser UpdateAccessKey UpdateAssumeRolePolicy UpdateRole
"""
MODELS: Mapping[str, list[str] | None] = {"kms": None, "iam": _IAM.split()}
"""The services, and which of their operations; None is every one."""

METADATA = ("apiVersion", "protocol", "jsonVersion", "targetPrefix", "xmlNamespace")
CONSTRAINTS = ("enum", "min", "max", "pattern", "sensitive", "exception", "fault")


def service_model(name: str) -> Mapping[str, Any]:
    """Return a model of the installed botocore."""
    try:
        from botocore.loaders import Loader  # type: ignore[import-untyped]  # noqa: PLC0415
    except ModuleNotFoundError:
        sys.exit("schemas/generate.py reads the model of botocore, which is not installed")
    model: Mapping[str, Any] = Loader().load_service_model(name, "service-2")
    return model


def metadata(model: Mapping[str, Any]) -> dict[str, str]:
    """Return what a client and a server must agree on before they speak."""
    source = model["metadata"]
    # The name that signatures are scoped to is only spelled out when it is not the prefix.
    signing_name = source.get("signingName", source["endpointPrefix"])
    found = {name: source[name] for name in METADATA if name in source}
    return {**found, "signingName": signing_name}


def operation(source: Mapping[str, Any]) -> dict[str, Any]:
    """Return the shapes of one operation: what goes in, what comes out, what can go wrong."""
    shapes = {way: source[way]["shape"] for way in ("input", "output") if way in source}
    wrapper = source.get("output", {}).get("resultWrapper")
    wrapped = {"resultWrapper": wrapper} if wrapper is not None else {}
    return {**shapes, **wrapped, "errors": sorted(error["shape"] for error in source["errors"])}


def shape(name: str, source: Mapping[str, Any]) -> dict[str, Any]:
    """Return one shape; the order of members and of enum values is the model's own."""
    result: dict[str, Any] = {"type": source["type"]}
    if source.get("required"):
        result["required"] = list(source["required"])
    if "members" in source:
        result["members"] = {member: target(ref) for member, ref in source["members"].items()}
    for part in ("member", "key", "value"):
        if part in source:
            result[part] = target(source[part])
    for constraint in CONSTRAINTS:
        if constraint in source:
            result[constraint] = source[constraint]
    if source.get("exception"):
        error = source.get("error", {})
        result["code"] = error.get("code", name)
        if "httpStatusCode" in error:
            result["status"] = error["httpStatusCode"]
    return result


def target(reference: Mapping[str, Any]) -> dict[str, str]:
    """Return which shape a member has, and its name on the wire when that is another one."""
    return {key: reference[key] for key in ("shape", "locationName") if key in reference}


def block(entries: Mapping[str, Any]) -> str:
    """Return a JSON object with one entry a line."""
    lines = (f"{json.dumps(name)}: {json.dumps(value)}" for name, value in entries.items())
    return "{\n" + ",\n".join(lines) + "\n}"


def reached(operations: Mapping[str, Any], shapes: Mapping[str, Any]) -> set[str]:
    """Return the names of all shapes that operations lead to."""
    waiting = [
        name
        for each in operations.values()
        for name in (each.get("input"), each.get("output"), *each["errors"])
        if name is not None
    ]
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            source = shapes[name]
            parts = [
                *source.get("members", {}).values(),
                *map(source.get, ("member", "key", "value")),
            ]
            waiting += [part["shape"] for part in parts if part is not None]
    return found


def render(model: Mapping[str, Any], wanted: list[str] | None = None) -> str:
    """Return the text of the file: one operation or shape a line, sorted by name."""
    names = sorted(wanted or model["operations"])
    operations = {name: operation(model["operations"][name]) for name in names}
    all_shapes = model["shapes"]
    kept = reached(operations, all_shapes) if wanted is not None else all_shapes
    shapes = {name: shape(name, all_shapes[name]) for name in sorted(kept)}
    parts: dict[str, Mapping[str, Any]] = {
        "metadata": metadata(model),
        "operations": operations,
        "shapes": shapes,
    }
    body = ",\n".join(f'"{name}": {block(part)}' for name, part in parts.items())
    return f"{{\n{body}\n}}\n"


def main() -> None:
    """Write the file, or tell that it is stale."""
    parser = argparse.ArgumentParser(description="Write the service model from botocore's.")
    parser.add_argument("--check", action="store_true", help="fail when the file is stale")
    arguments = parser.parse_args()
    for service, operations in MODELS.items():
        model = service_model(service)
        text = render(model, operations)
        file = FOLDER / f"{service}-{model['metadata']['apiVersion']}.json"
        if not arguments.check:
            file.write_text(text, encoding="utf-8")
        elif not file.is_file() or file.read_text(encoding="utf-8") != text:
            sys.exit(f"{file.name} is stale: run python schemas/generate.py and review the changes")


if __name__ == "__main__":
    main()
