"""Who and what a request names, how it is shown, and pages."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kms.directory import Directory, IamEntry, Identity
from kmsgate.iam.desk import Desk, Output, Subject
from kmsgate.iam.model import IamError
from kmsgate.scenario.policies import MANAGED
from policy import Arn, Policy

AWS_MANAGED = "arn:aws:iam::aws:policy/"
OF_AWS = {name: text for name, text in MANAGED.items() if name != "FullAWSAccess"}
"""The policies that AWS manages, as far as they are known here; the one left out is an SCP."""
PAGE = 100
LONG_AGO = dt.datetime(2015, 1, 1, tzinfo=dt.UTC)
"""When those came into being who were not made by IAM, but by a world."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One of the three kinds to which policies are attached; `room` is that of inline ones."""

    word: str
    prefix: str
    room: int

    @property
    def noun(self) -> str:
        """The word in messages and ARNs."""
        return self.word.lower()

    @property
    def member(self) -> str:
        """The member of requests and responses that has the name."""
        return f"{self.word}Name"


USER, ROLE, GROUP = (
    Kind("User", "AIDA", 2048),
    Kind("Role", "AROA", 10_240),
    Kind("Group", "AGPA", 5120),
)
KINDS = (USER, ROLE, GROUP)


# Finding


def known(directory: Directory, kind: Kind, account: str) -> Iterator[Arn]:
    """Yield the ARNs of all of a kind in an account."""
    if kind is GROUP:
        found = (Arn.parse(text) for text in directory.groups)
        yield from (arn for arn in found if arn is not None and arn.account == account)
        return
    for identity in directory.identities.values():
        if identity.arn.account == account and identity.arn.type == kind.noun:
            yield identity.arn


def seen(desk: Desk, kind: Kind, name: str) -> Arn | None:
    """Return the ARN of somebody by name, whose case does not matter; None for nobody."""
    straight = desk.arn(f"{kind.noun}/{name}")
    table = desk.directory.groups if kind is GROUP else desk.directory.identities
    if str(straight) in table:
        return straight
    everybody = known(desk.directory, kind, desk.account)
    return next((arn for arn in everybody if arn.last.lower() == name.lower()), None)


def name_of(desk: Desk, kind: Kind) -> str:
    """Return the name in a request; that of the caller where a user need not give his."""
    name = desk.parameters.get(kind.member)
    if name is None and kind is USER and desk.caller.type == "user":
        name = desk.caller.last
    if name is None:
        raise IamError(
            "ValidationError", "Must specify userName when calling with non-User credentials"
        )
    return str(name)


def named(desk: Desk, kind: Kind) -> Arn:
    """Return the ARN of whom a request names; raises NoSuchEntity."""
    name = name_of(desk, kind)
    arn = seen(desk, kind, name)
    if arn is None:
        raise IamError("NoSuchEntity", f"The {kind.noun} with name {name} cannot be found.")
    return arn


def identity_named(desk: Desk, kind: Kind) -> Identity:
    """Return the user or role that a request names; raises NoSuchEntity."""
    return desk.directory.identities[str(named(desk, kind))]


# What requests are about, for the engine


def of_kind(kind: Kind) -> Subject:
    """Return what finds the resource of a request about one of a kind, which may not be there."""

    def subject(desk: Desk) -> Arn:
        name = name_of(desk, kind)
        return seen(desk, kind, name) or desk.arn(f"{kind.noun}{path_in(desk)}{name}")

    return subject


def all_of(noun: str) -> Subject:
    """Return the resource of a request about all of a kind."""
    return lambda desk: desk.arn(f"{noun}/")


def path_in(desk: Desk) -> str:
    """Return the path in a request, with a slash at both ends."""
    return str(desk.parameters.get("Path", "/"))


# Showing


def path_of(arn: Arn) -> str:
    """Return the path of a user, role, group or policy."""
    middle = arn.resource.split("/")[1:-1]
    return f"/{'/'.join(middle)}/" if middle else "/"


def entry_of(directory: Directory, arn: Arn) -> IamEntry:
    """Return what IAM tells of somebody."""
    return directory.iam.get(str(arn)) or IamEntry(LONG_AGO)


def unique_id(prefix: str, seed: bytes) -> str:
    """Return an id of a user, role, group or policy, made of some bytes."""
    return prefix + base64.b32encode(hashlib.sha256(seed).digest()).decode()[:17]


def attached_arn(policy: Policy) -> str | None:
    """Return the ARN of a policy that is attached; None for one that is inline."""
    if policy.name in OF_AWS:
        return AWS_MANAGED + policy.name
    return policy.name if policy.name.startswith("arn:") else None


def tags_in(desk: Desk) -> dict[str, str]:
    """Return the tags in a request; raises for two of the same key."""
    given = desk.parameters.get("Tags", [])
    found = {tag["Key"]: tag.get("Value", "") for tag in given}
    if len({key.lower() for key in found}) < len(given):
        raise IamError("InvalidInput", "Duplicate tag keys found.")
    return found


def shown_tags(tags: Mapping[str, str]) -> list[Mapping[str, str]] | None:
    """Return tags as responses have them; None where there are none."""
    return [{"Key": key, "Value": tags[key]} for key in sorted(tags)] or None


def page(desk: Desk, member: str, things: Mapping[str, Any], shown: Callable[[Any], Any]) -> Output:
    """Return a page of things in the order of their names, from the Marker of the request on."""
    marker = desk.parameters.get("Marker")
    last = _unmarked(marker) if marker is not None else ""
    names = sorted(name for name in things if name > last or marker is None)
    size = desk.parameters.get("MaxItems", PAGE)
    is_cut = len(names) > size
    return {
        member: [shown(things[name]) for name in names[:size]],
        "IsTruncated": is_cut,
        "Marker": base64.b64encode(names[size - 1].encode()).decode() if is_cut else None,
    }


def _unmarked(marker: str) -> str:
    try:
        return base64.b64decode(marker, validate=True).decode()
    except (binascii.Error, ValueError):
        raise IamError("ValidationError", "Invalid Marker.") from None
