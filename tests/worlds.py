"""Whole worlds from a seed, fast enough for a million of them.

A world begins in agreement: some path allows its caller. Then a theme bends one layer, and noise
is added to the others, so that every outcome of every layer is common. Policies come from pools
that are parsed once.
"""

from __future__ import annotations

import datetime as dt
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from policy import (
    Arn,
    Context,
    Documents,
    Grant,
    GrantConstraints,
    Level,
    Policy,
    PolicyKind,
    Principal,
    PrincipalKind,
    Request,
    Resource,
    parse,
)
from policy.request import Values
from tests import cast

POOL = 400
NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
KEY = "1234abcd-12ab-34cd-56ef-1234567890ab"

_IDS = {"alice": "AIDAALICE", "app": "AROAAPP", "bob": "AIDABOB"}


def _with_id(principal: Principal, unique_id: str | None, **facts: Values) -> Principal:
    return replace(principal, unique_id=unique_id, facts=facts)


LINKED = replace(cast.session(cast.A, "linked"), service_linked=True)
FED_OF_ROOT = replace(cast.fed, issuer=cast.root_a.arn)
UNNAMED = replace(cast.app, arn=cast.app.issuer)
CALLERS: tuple[Principal, ...] = (
    _with_id(cast.alice, "AIDAALICE", **{"aws:PrincipalTag/team": "blue"}),
    cast.alice,
    _with_id(cast.app, "AROAAPP", **{"aws:PrincipalTag/team": "red"}),
    cast.app,
    cast.app_2,
    _with_id(cast.fed, "AIDAALICE"),
    FED_OF_ROOT,
    UNNAMED,
    LINKED,
    replace(cast.app, identity_provider="accounts.example.com"),
    cast.root_a,
    cast.bob_b,
    cast.bob_b,
    cast.app_b,
    cast.root_b,
    cast.fed_b,
    cast.logs,
    cast.logs,
    cast.anonymous,
)
ACTIONS = (
    "kms:Decrypt", "kms:Decrypt", "kms:Decrypt", "kms:Encrypt", "KMS:decrypt", "kms:DescribeKey",
    "kms:CreateGrant", "kms:ReEncryptFrom", "kms:DisableKey", "kms:PutKeyPolicy", "kms:RetireGrant",
)  # fmt: skip
PLAIN_ACTIONS = ("kms:ListKeys", "kms:CreateKey", "kms:GenerateRandom")
ALIAS_ACTIONS = ("kms:CreateAlias", "kms:DeleteAlias")

K = Arn("aws", "kms", "us-east-1", cast.A, f"key/{KEY}")
RESOURCES = {
    "key": Resource(K, cast.A),
    "managed": Resource(K, cast.A, aws_managed=True),
    "planned": Resource(K, cast.A, planned=True),
    "alias": Resource(replace(K, resource="alias/app"), cast.A),
    "reserved": Resource(replace(K, resource="alias/aws/s3"), cast.A),
    "china": Resource(replace(K, partition="aws-cn"), cast.A),
    "bucket": Resource(Arn("aws", "s3", "", "", "bucket/object"), cast.A),
}

_CONTEXT: dict[str, tuple[Values, ...]] = {
    "kms:ViaService": ("s3.us-east-1.amazonaws.com", "ec2.us-east-1.amazonaws.com", ""),
    "kms:EncryptionContext:Dept": ("IT", "HR", "it"),
    "kms:EncryptionContext:dept": ("IT", "x"),
    "kms:EncryptionContextKeys": (("Dept",), ("Dept", "App"), ()),
    "kms:MultiRegion": ("true", "false", "TRUE"),
    "kms:ScheduleKeyDeletionPendingWindowInDays": ("7", "30", "7.0", "soon"),
    "aws:SourceIp": ("203.0.113.7", "2001:db8::7", "vpc"),
    "aws:SourceArn": ("arn:aws:s3:::bucket", "arn:aws:s3:::other", "bucket"),
    "aws:TagKeys": (("env",), ("env", "cost"), ()),
    "aws:ResourceTag/team": ("blue", "red"),
    "aws:SourceVpce": ("blue", "vpce-1"),
    "kms:ResourceAliases": (
        ("alias/app",),
        ("alias/app", "alias/b"),
        tuple(f"alias/{n}" for n in range(51)),
    ),
    "aws:PrincipalOrgID": ("o-1", "o-2"),
    "aws:CurrentTime": ("2026-03-01T12:00:00Z", "2020-01-01"),
    "aws:PrincipalArn": ("arn:aws:iam::111122223333:role/app",),
    "kms:GrantConstraintType": ("EncryptionContextSubset",),
}
_OPERATORS: dict[str, tuple[str, ...]] = {
    "kms:ViaService": ("StringEquals", "StringLike", "StringNotEquals", "StringNotLike"),
    "kms:EncryptionContext:Dept": ("StringEquals", "StringEqualsIgnoreCase", "StringNotEquals"),
    "kms:EncryptionContext:DEPT": ("StringEquals", "StringNotEquals"),
    "kms:EncryptionContextKeys": ("StringEquals", "StringLike", "StringNotEquals"),
    "kms:MultiRegion": ("Bool", "StringEquals"),
    "kms:ScheduleKeyDeletionPendingWindowInDays": (
        "NumericEquals", "NumericLessThan", "NumericGreaterThanEquals", "NumericNotEquals",
    ),
    "aws:SourceIp": ("IpAddress", "NotIpAddress"),
    "aws:SourceArn": ("ArnLike", "ArnEquals", "ArnNotLike", "StringLike"),
    "aws:TagKeys": ("StringEquals", "StringNotEquals"),
    "aws:ResourceTag/team": ("StringEquals", "StringNotEquals"),
    "aws:SourceVpce": ("StringEquals", "StringNotEqualsIgnoreCase", "StringLike", "ArnLike"),
    "kms:ResourceAliases": ("StringEquals", "StringLike"),
    "aws:PrincipalOrgID": ("StringEquals", "StringNotEquals"),
    "aws:CurrentTime": ("DateLessThan", "DateGreaterThan", "DateNotEquals", "DateEquals"),
    "aws:PrincipalArn": ("ArnEquals", "StringLike", "ArnNotEquals"),
    "kms:CallerAccount": ("StringEquals", "StringNotEquals"),
    "aws:username": ("StringEquals", "BinaryEquals"),
}  # fmt: skip
_VALUES: dict[str, tuple[str, ...]] = {
    "kms:ViaService": ("s3.us-east-1.amazonaws.com", "s3.*", "ec2.?s-east-1.amazonaws.com", ""),
    "kms:EncryptionContext:Dept": ("IT", "HR", "it", "${aws:PrincipalTag/team, 'IT'}"),
    "kms:EncryptionContext:DEPT": ("IT", "x"),
    "kms:EncryptionContextKeys": ("Dept", "App", "D*"),
    "kms:MultiRegion": ("true", "false", "maybe"),
    "kms:ScheduleKeyDeletionPendingWindowInDays": ("7", "30", "1e1", "many"),
    "aws:SourceIp": ("203.0.113.0/24", "203.0.113.9/24", "2001:db8::/32", "nowhere"),
    "aws:SourceArn": ("arn:aws:s3:::*", "arn:*:s3:::bucket", "*", "bucket"),
    "aws:TagKeys": ("env", "team"),
    "aws:ResourceTag/team": ("blue", "${aws:PrincipalTag/team}", "${aws:PrincipalTag/none}"),
    "aws:SourceVpce": ("${aws:ResourceTag/team}", "${AWS:resourcetag/team, 'blue'}", "vpce-1"),
    "kms:ResourceAliases": ("alias/app", "alias/*"),
    "aws:PrincipalOrgID": ("o-1",),
    "aws:CurrentTime": ("2026-01-01T00:00:00Z", "1700000000", "2026-03-01T13:00:00+01:00", "now"),
    "aws:PrincipalArn": ("arn:aws:iam::111122223333:role/app", "arn:aws:iam::*:*"),
    "kms:CallerAccount": ("111122223333", "444455556666"),
    "aws:username": ("alice", "YWxpY2U="),
}
_PRINCIPALS: tuple[Any, ...] = (
    "*", {"AWS": "*"}, {"AWS": cast.A}, {"AWS": cast.A_ROOT}, {"AWS": cast.ALICE},
    {"AWS": cast.APP_ROLE}, {"AWS": [cast.APP_ROLE, cast.ALICE]}, {"AWS": cast.APP_SESSION},
    {"AWS": cast.FED}, {"AWS": cast.BOB}, {"AWS": [cast.B_ROOT, cast.A]}, {"AWS": cast.APP_ROLE_B},
    {"AWS": "AIDAALICE"}, {"AWS": "AROAAPP"}, {"Service": str(cast.logs)},
    {"Federated": "accounts.example.com"}, {"AWS": [cast.ALICE, cast.A]},
    {"AWS": [cast.APP_SESSION, cast.APP_ROLE, cast.A]}, {"AWS": []},
)  # fmt: skip
_PATTERNS = (
    "kms:*", "kms:*", "kms:Decrypt", "kms:De*", "*", "kms:*Encrypt*", "kms:D?crypt", "KMS:DECRYPT",
    "kms:Create*", "kms:List*", "kms:RetireGrant", "kms:Put*", "s3:*", "kms:", "kms:Dec rypt",
    "**", "kms:**", "kms:D**t", "k?s:*", "kms:????????",
)  # fmt: skip
_TARGETS = (
    "*", "*", "*", str(K), "arn:aws:kms:*:*:key/*", "arn:aws:kms:**:*:key/**",
    "arn:aws:kms:us-east-1:111122223333:*",
    "arn:aws:kms:*", KEY, "alias/app", "arn:aws:kms:us-east-1:111122223333:alias/*",
    "arn:aws:k*:*:*:key/*", "arn:aws:kms:*:*:key/${aws:username}", "arn:aws:s3:::*",
    "arn:aws:kms:*:*:key/${aws:ResourceTag/none, '*'}", "arn:aws:s3:::bucket/${aws:SourceVpce}*",
)  # fmt: skip


def _one_or_more(dice: random.Random, pool: Sequence[str]) -> Any:
    if dice.random() < 0.7:
        return dice.choice(pool)
    return dice.sample(pool, dice.randint(0, min(3, len(pool))))


def _condition(dice: random.Random) -> dict[str, Any]:
    block: dict[str, Any] = {}
    for _ in range(dice.choice((1, 1, 2, 3))):
        key = dice.choice(tuple(_OPERATORS))
        name = dice.choice(_OPERATORS[key])
        values: Any = _one_or_more(dice, _VALUES[key])
        prefix = dice.choice(("", "", "", "ForAllValues:", "ForAnyValue:"))
        suffix = dice.choice(("", "", "", "IfExists"))
        if dice.random() < 0.1:
            prefix, name, suffix = "", "Null", ""
            values = dice.choice(("true", "false", ["true", "false"]))
        block.setdefault(f"{prefix}{name}{suffix}", {})[key] = values
    return block


def statement(
    dice: random.Random, *, named: bool, effect: str, conditional: float = 0.4
) -> dict[str, Any]:
    """Return a random statement; `named` tells whether it has a principal."""
    made: dict[str, Any] = {"Effect": effect}
    if named:
        twin = "NotPrincipal" if dice.random() < 0.12 else "Principal"
        made[twin] = dice.choice(_PRINCIPALS)
    made["NotAction" if dice.random() < 0.1 else "Action"] = _one_or_more(dice, _PATTERNS)
    made["NotResource" if dice.random() < 0.1 else "Resource"] = _one_or_more(dice, _TARGETS)
    if dice.random() < 0.03:
        made.pop(dice.choice([n for n in made if n in ("Action", "Resource")] or ["Effect"]), None)
        made["Effect"] = effect
    if dice.random() < conditional:
        made["Condition"] = _condition(dice)
    return made


def _policy(kind: PolicyKind, statements: list[dict[str, Any]], name: str, version: str) -> Policy:
    return parse(json.dumps({"Version": version, "Statement": statements}), name=name, kind=kind)


@cache
def pool(kind: PolicyKind, sort: str) -> tuple[Policy, ...]:
    """Return policies of a kind: `open` allow all, `shut` allow nothing, `deny` deny, `noise`."""
    dice = random.Random(f"{kind}/{sort}")  # noqa: S311 - worlds, not secrets
    named = kind.names_principals
    everyone: dict[str, Any] = {"Principal": "*"} if named else {}
    allow_all = {"Effect": "Allow", "Action": "*", "Resource": "*", **everyone}
    made = []
    for number in range(POOL if sort != "open" else 1):
        version = "2012-10-17"
        if kind is not PolicyKind.RCP and dice.random() < 0.1:
            version = "2008-10-17"
        if sort == "open":
            statements = [allow_all]
        elif sort == "shut":
            statements = [{"Effect": "Allow", "Action": "s3:*", "Resource": "*", **everyone}]
        elif sort == "deny":
            statements = [statement(dice, named=named, effect="Deny", conditional=0.3), allow_all]
            if dice.random() < 0.6:
                statements[0] |= {"Action": "kms:*", "Resource": "*"}
                statements[0].pop("NotAction", None)
                statements[0].pop("NotResource", None)
                if named:
                    statements[0].pop("NotPrincipal", None)
                    statements[0]["Principal"] = "*"
        else:
            statements = [
                statement(dice, named=named, effect=dice.choice(("Allow", "Allow", "Deny")))
                for _ in range(dice.randint(1, 3))
            ]
        made.append(_policy(kind, statements, f"{kind} {sort} {number}", version))
    return tuple(made)


@cache
def _offering(form: str) -> tuple[Policy, ...]:
    """Return key policies that offer everything to callers of one form."""
    dice = random.Random(form)  # noqa: S311
    principals = {
        "account": [{"AWS": cast.A}, {"AWS": [cast.A_ROOT, cast.B_ROOT]}],
        "role": [
            {"AWS": cast.APP_ROLE}, {"AWS": [cast.APP_ROLE, cast.APP_ROLE_B]}, {"AWS": "AROAAPP"},
            {"AWS": f"arn:aws:iam::{cast.A}:role/linked"}, {"AWS": [cast.ALICE, cast.APP_ROLE]},
        ],
        "direct": [{"AWS": [cast.ALICE, cast.APP_SESSION, cast.FED]}, "*", {"AWS": "*"}],
        "foreign": [{"AWS": [cast.BOB, cast.APP_ROLE_B]}, {"AWS": cast.B}],
        "service": [{"Service": str(cast.logs)}],
        "nobody": [{"AWS": f"arn:aws:iam::{cast.A}:user/carol"}],
    }  # fmt: skip
    made = []
    for number in range(40):
        first: dict[str, Any] = {"Effect": "Allow", "Principal": dice.choice(principals[form])}
        first |= {"Action": dice.choice(("kms:*", "*", "kms:*")), "Resource": "*"}
        statements = [first]
        if dice.random() < 0.3:
            statements.append(statement(dice, named=True, effect="Allow"))
        made.append(
            _policy(PolicyKind.KEY_POLICY, statements, f"key policy {form} {number}", "2012-10-17")
        )
    return tuple(made)


@dataclass(frozen=True)
class World:
    """A question and the documents that may speak about it; `seed` makes it again."""

    seed: int
    request: Request
    documents: Documents


THEMES = (
    "plain", "plain", "plain", "grant", "grant", "grant", "grant", "alias", "other", "noise",
    "noise",
    *("deny scp", "deny rcp", "deny endpoint", "deny key_policy", "deny boundary") * 2,
    "deny session", "deny session", "deny identity", "shut scp", "shut endpoint", "shut identity",
    *("shut boundary", "shut session") * 2, "nobody", "service",
)  # fmt: skip


def world(seed: int) -> World:
    """Return the world of a seed."""
    dice = random.Random(seed)  # noqa: S311
    theme = dice.choice(THEMES)
    caller = _caller(dice, theme)
    resource, action = _question(dice, theme)
    documents = _documents(dice, theme, caller)
    if theme == "other" and dice.random() < 0.7:  # a bucket has a policy of its own kind
        shown = dice.choice(pool(PolicyKind.RESOURCE_POLICY, "noise"))
        documents = replace(documents, key_policy=shown)
    tokens = frozenset(dice.sample(("t0", "t1", "unknown"), dice.randint(0, 2)))
    request = Request(
        caller,
        action,
        resource,
        _context(dice),
        tokens,
        NOW if dice.random() < 0.9 else None,
        _subject(dice, action),
    )
    return World(seed, request, documents)


def _caller(dice: random.Random, theme: str) -> Principal:
    if theme.endswith(("boundary", "session")) and dice.random() < 0.8:
        return dice.choice(CALLERS[:9])
    return dice.choice(CALLERS)


def _question(dice: random.Random, theme: str) -> tuple[Resource, str]:
    if theme == "alias":
        if dice.random() < 0.5:
            return RESOURCES[dice.choice(("alias", "reserved"))], dice.choice(ALIAS_ACTIONS)
        return Resource(None, cast.A), dice.choice(PLAIN_ACTIONS)
    if theme == "service":
        kind = dice.choice(("managed", "china", "key"))
        return RESOURCES[kind], dice.choice(("kms:DisableKey", "kms:ListKeys", "kms:PutKeyPolicy"))
    if theme == "other":
        if dice.random() < 0.5:
            return RESOURCES["bucket"], "s3:GetObject"
        return RESOURCES["planned"], "kms:TagResource"
    return RESOURCES["key"], dice.choice(ACTIONS)


def _documents(dice: random.Random, theme: str, caller: Principal) -> Documents:
    bend, _, layer = theme.partition(" ")

    def one(kind: PolicyKind, name: str) -> Policy:
        sort = bend if layer == name else "noise" if dice.random() < 0.08 else "open"
        return dice.choice(pool(kind, sort))

    def levels(kind: PolicyKind, name: str) -> tuple[Level, ...] | None:
        if layer != name and dice.random() < 0.5:
            return None
        if dice.random() < 0.01:
            return ()
        count = dice.randint(1, 3)
        bent = dice.randrange(count)
        return tuple(
            Level(
                f"level {number}",
                (one(kind, name) if number == bent else dice.choice(pool(kind, "open")),),
            )
            for number in range(count)
        )

    def maybe(kind: PolicyKind, name: str, chance: float) -> Policy | None:
        return one(kind, name) if layer == name or dice.random() < chance else None

    identity_kind = PolicyKind.IDENTITY_POLICY
    identity = (
        [one(identity_kind, "identity")] if dice.random() < 0.9 or layer == "identity" else []
    )
    if dice.random() < 0.2:
        identity.append(dice.choice(pool(identity_kind, "noise")))
    session = maybe(identity_kind, "session", 0.3)
    return Documents(
        key_policy=_key_policy(dice, bend, layer, caller),
        grants=_grants(dice, theme),
        identity=tuple(identity),
        boundary=maybe(identity_kind, "boundary", 0.2),
        session=(session,) if session is not None else None,
        scps=levels(PolicyKind.SCP, "scp"),
        rcps=levels(PolicyKind.RCP, "rcp"),
        endpoint=maybe(PolicyKind.ENDPOINT_POLICY, "endpoint", 0.2),
        bound_ids=dice.choice(({}, {}, {}, {cast.APP_ROLE: "AROAAPP", cast.ALICE: "AIDAOLD"})),
    )


def _key_policy(dice: random.Random, bend: str, layer: str, caller: Principal) -> Policy | None:
    if layer == "key_policy" or bend == "noise":
        return dice.choice(pool(PolicyKind.KEY_POLICY, "deny" if layer else "noise"))
    if bend in ("nobody", "grant"):
        return dice.choice(_offering("nobody"))
    if caller.kind is PrincipalKind.SERVICE:
        return dice.choice(_offering("service"))
    if layer in ("boundary", "session") and bend == "shut":
        return dice.choice(_offering(dice.choice(("role", "account"))))
    if caller.account == cast.B:
        return dice.choice(_offering("foreign"))
    return dice.choice(_offering(dice.choice(("account", "account", "role", "direct"))))


_GRANTEES = (
    cast.ALICE, cast.APP_ROLE, cast.APP_SESSION, cast.FED, cast.BOB, cast.APP_ROLE_B, cast.A,
    cast.B, str(cast.logs), cast.A_ROOT,
)  # fmt: skip


def _constraints(dice: random.Random) -> GrantConstraints:
    roll = dice.random()
    if roll < 0.6:
        return GrantConstraints()
    if roll < 0.75:
        return GrantConstraints(equals={"Dept": "IT"})
    if roll < 0.9:
        return GrantConstraints(subset=dice.choice(({"Dept": "IT"}, {"dept": "IT"}, {})))
    return GrantConstraints(source_arn="arn:aws:s3:::bucket")


def _grant(dice: random.Random, number: int) -> Grant:
    operations = dice.choice(
        (["Decrypt"], ["Decrypt", "CreateGrant", "Encrypt"], ["DescribeKey", "RetireGrant"],
         ["Decrypt", "Encrypt", "DescribeKey", "ReEncryptFrom"])
    )  # fmt: skip
    late = dice.random() < 0.2
    return Grant(
        f"grant-{number}",
        str(K) if dice.random() < 0.95 else f"{K}0",
        dice.choice(_GRANTEES),
        frozenset(operations),
        _constraints(dice),
        retiring_principal=dice.choice((None, *_GRANTEES)),
        issuing_account=dice.choice((None, cast.A_ROOT, cast.B_ROOT)),
        effective_at=NOW + dt.timedelta(minutes=5) if late else None,
        ends_at=NOW if dice.random() < 0.05 else None,
        tokens=frozenset({f"t{number}"}),
        grantee_id=dice.choice((None, None, None, "AIDAOLD")),
    )


def _grants(dice: random.Random, theme: str) -> tuple[Grant, ...]:
    count = dice.randint(2, 5) if theme == "grant" else dice.choice((0, 0, 0, 1))
    return tuple(_grant(dice, number) for number in range(count))


def _subject(dice: random.Random, action: str) -> Grant | None:
    if action == "kms:RetireGrant" and dice.random() < 0.9:
        return _grant(dice, 9)
    if action == "kms:CreateGrant" and dice.random() < 0.9:
        return replace(_grant(dice, 9), id="")
    return None


def _context(dice: random.Random) -> Context:
    names = dice.sample(tuple(_CONTEXT), dice.randint(0, 6))
    values = {_spelled(dice, name): _typed(dice, dice.choice(_CONTEXT[name])) for name in names}
    barred = ("aws:principalarn", "AWS:CurrentTime", "kms:CallerAccount", "kms:ViaService")
    absent = (dice.choice(barred),) if dice.random() < 0.05 else ()
    return Context(values, absent=absent)


class _Word(str):
    """A text of another class, as the members of an enum are."""

    __slots__ = ()


def _typed(dice: random.Random, value: Values) -> Values:
    return _Word(value) if isinstance(value, str) and dice.random() < 0.05 else value


def _spelled(dice: random.Random, name: str) -> str:
    """Return a name as most surfaces write it, or with other capitals."""
    if dice.random() < 0.9:
        return name
    return dice.choice((name.lower(), name.upper(), name.title()))
