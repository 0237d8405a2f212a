"""Exports of accounts: what is read of them, and what is said about those that are wrong."""

# ruff: noqa: E501  (a row of a table stays on its line)

from __future__ import annotations

import copy
import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from kms.directory import Identity
from kmsgate import account_details
from kmsgate.scenario.files import load
from kmsgate.scenario.run import run
from kmsgate.scenario.world import World
from policy import Policy
from tests.scenario_text import said_about

ACCOUNT = "111122223333"
EXPORTS = Path(__file__).parents[2] / "exports"
ALLOW = {"Statement": [{"Sid": "S", "Effect": "Allow", "Action": "kms:*", "Resource": "*"}]}
BROKEN = {"Statement": [{"Effect": "allow", "Action": "kms:*", "Resource": "*"}]}

Json = dict[str, Any]


def user(name: str, path: str = "/", **more: Any) -> Json:
    arn = f"arn:aws:iam::{ACCOUNT}:user{path}{name}"
    return {"UserName": name, "UserId": f"AIDA{name.upper()}", "Arn": arn, **more}


def role(name: str, path: str = "/", **more: Any) -> Json:
    arn = f"arn:aws:iam::{ACCOUNT}:role{path}{name}"
    return {"RoleName": name, "RoleId": f"AROA{name.upper()}", "Arn": arn, **more}


def group(name: str, **more: Any) -> Json:
    return {"GroupName": name, "Arn": f"arn:aws:iam::{ACCOUNT}:group/{name}", **more}


def managed(arn: str, *documents: Any) -> Json:
    """Return a managed policy of which the last version is in force."""
    versions = [{"Document": d, "IsDefaultVersion": d is documents[-1]} for d in documents]
    return {"Arn": arn, "PolicyVersionList": versions}


def attached(*arns: str) -> list[Json]:
    return [{"PolicyName": "x", "PolicyArn": arn} for arn in arns]


def inline(document: Any, name: str = "mine") -> list[Json]:
    return [{"PolicyName": name, "PolicyDocument": document}]


def page(
    users: tuple[Json, ...] = (),
    roles: tuple[Json, ...] = (),
    groups: tuple[Json, ...] = (),
    policies: tuple[Json, ...] = (),
    **more: Any,
) -> Json:
    return {
        "UserDetailList": list(users), "GroupDetailList": list(groups),
        "RoleDetailList": list(roles), "Policies": list(policies), **more,
    }  # fmt: skip


POLICY = f"arn:aws:iam::{ACCOUNT}:policy/own"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def text_of(world: str = "", file: str = "d.json", step: str = "call: ListKeys, as: root") -> str:
    lines = "".join(f"  {line}\n" for line in world.splitlines())
    accounts = f'{{main: {{id: "{ACCOUNT}", iam: {{file: {file}}}}}, partner: "444455556666"}}'
    tests = f"tests:\n  - {{name: t, steps: [{{{step}}}]}}\n"
    return f"version: 1\nworld:\n  accounts: {accounts}\n{lines}{tests}"


Exported = Callable[..., World]


@pytest.fixture
def world_of(here: Path) -> Exported:
    """Return what builds a world of an export, and of what the world itself says."""

    def built(export: Any, world: str = "") -> World:
        (here / "d.json").write_text(json.dumps(export))
        return load("s.yaml", text_of(world).encode()).tests[0].world

    return built


@pytest.fixture
def said(here: Path) -> Callable[..., list[str]]:
    """Return what tells what is said about an export, and about a world that uses it."""

    def lines(export: Any, world: str = "", step: str = "call: ListKeys, as: root") -> list[str]:
        text = export if isinstance(export, str) else json.dumps(export, indent=1)
        (here / "d.json").write_text(text)
        return said_about(text_of(world, step=step))

    return lines


def identity_of(world: World, name: str) -> Identity:
    return world.state.directory.identities[str(world.arns[name])]


def policies_of(world: World, name: str) -> tuple[Policy, ...]:
    caller = world.caller(name, world.state.directory)
    assert caller is not None
    return world.state.directory.policies_of(caller)


def names_of(policies: tuple[Policy, ...]) -> list[str]:
    return [policy.name for policy in policies]


# What is read


def test_a_scenario_lives_in_an_account_that_was_exported() -> None:
    suite = load(str(EXPORTS / "payroll-account.scenario.yaml"))

    assert [result.failures for result in run(suite)] == [()] * 3


def test_users_and_roles_have_their_ids_tags_paths_and_kind(world_of: Exported) -> None:
    tags = [{"Key": "team", "Value": "a"}]
    path = "/aws-service-role/rds.amazonaws.com/"
    world = world_of(page((user("ann", "/x/", Tags=tags),), (role("job"), role("rds", path))))
    ann, job, rds = (identity_of(world, name) for name in ("ann", "job", "rds"))

    assert (str(ann.arn), ann.unique_id) == (f"arn:aws:iam::{ACCOUNT}:user/x/ann", "AIDAANN")
    assert (dict(ann.tags), dict(job.tags)) == ({"team": "a"}, {})
    assert [each.service_linked for each in (ann, job, rds)] == [False, False, True]
    caller = world.caller("job", world.state.directory)
    assert str(caller) == f"arn:aws:sts::{ACCOUNT}:assumed-role/job/session"


def test_policies_come_inline_attached_and_by_group(world_of: Exported) -> None:
    other = f"arn:aws:iam::{ACCOUNT}:policy/team/theirs"
    ann = user(
        "ann", UserPolicyList=inline(ALLOW), AttachedManagedPolicies=attached(POLICY),
        GroupList=["devs"], PermissionsBoundary={"PermissionsBoundaryArn": other},
    )  # fmt: skip
    devs = group(
        "devs", GroupPolicyList=inline(ALLOW, "ours"), AttachedManagedPolicies=attached(other)
    )
    job = role("job", RolePolicyList=inline(ALLOW, "jobs"))
    world = world_of(page((ann,), (job,), (devs,), (managed(POLICY, ALLOW), managed(other, ALLOW))))
    boundary = identity_of(world, "ann").boundary

    assert names_of(policies_of(world, "ann")) == ["mine", "own", "ours", "theirs"]
    assert names_of(policies_of(world, "job")) == ["jobs"]
    assert boundary is not None
    assert boundary.name == "theirs"
    assert identity_of(world, "job").boundary is None


def test_the_default_version_of_a_managed_policy_is_in_force(world_of: Exported) -> None:
    old = {"Statement": {"Sid": "Old", "Effect": "Deny", "Action": "*", "Resource": "*"}}
    ann = user("ann", AttachedManagedPolicies=attached(POLICY))
    (policy,) = policies_of(world_of(page((ann,), policies=(managed(POLICY, old, ALLOW),))), "ann")

    assert [statement.sid for statement in policy.statements] == ["S"]


@pytest.mark.parametrize("text", [quote(json.dumps(ALLOW), safe=""), json.dumps(ALLOW)])
def test_a_document_may_be_text_as_the_api_sends_it(world_of: Exported, text: str) -> None:
    (policy,) = policies_of(world_of(page((user("ann", UserPolicyList=inline(text)),))), "ann")

    assert [statement.sid for statement in policy.statements] == ["S"]


def test_percent_signs_of_a_document_that_is_plain_text_stay(world_of: Exported) -> None:
    document = json.dumps(
        {
            "Statement": {
                "Sid": "a",
                "Effect": "Allow",
                "Action": "*",
                "Resource": "arn:aws:s3:::%41",
            }
        }
    )
    (policy,) = policies_of(world_of(page((user("ann", UserPolicyList=inline(document)),))), "ann")

    assert "%41" in policy.source.text


def test_policies_of_aws_are_known_even_if_the_export_leaves_them_out(world_of: Exported) -> None:
    arn = "arn:aws:iam::aws:policy/AdministratorAccess"
    world = world_of(page((user("ann", AttachedManagedPolicies=attached(arn)),)))

    assert names_of(policies_of(world, "ann")) == ["AdministratorAccess"]


def test_members_that_nobody_knows_are_passed_over(world_of: Exported) -> None:
    ann = user("ann", LoginProfile={"new": [1]}, Tags=[{"Key": "k", "Value": "v", "Since": 3}])
    world = world_of(
        page((ann,), (role("job", AssumeRolePolicyDocument="not read"),), Added={"x": None})
    )

    assert dict(identity_of(world, "ann").tags) == {"k": "v"}


def test_a_policy_that_hangs_on_no_one_is_not_read(world_of: Exported) -> None:
    assert world_of(page(policies=(managed(POLICY, BROKEN),)))


def test_pages_are_one_file_each_or_a_list_in_one(here: Path) -> None:
    first, last = (
        page(
            (user("ann", AttachedManagedPolicies=attached(POLICY)),), Marker="m", IsTruncated=True
        ),
        page(policies=(managed(POLICY, ALLOW),), IsTruncated=False),
    )
    (here / "1.json").write_text(json.dumps(first))
    (here / "2.json").write_text("\ufeff" + json.dumps(last))
    (here / "all.json").write_text(json.dumps([first, last]))

    for file in ("[1.json, 2.json]", "all.json"):
        world = load("s.yaml", text_of(file=file).encode()).tests[0].world
        assert names_of(policies_of(world, "ann")) == ["own"]


def test_a_file_is_read_once_for_all_tests(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "d.json").write_text(json.dumps(page((user("ann"),))))
    parsed: list[str] = []
    parse_large = account_details.parse_large
    monkeypatch.setattr(
        account_details, "parse_large", lambda s: (parsed.append(s.name), parse_large(s))[1]
    )
    given = "  - {name: u, given: {roles: {x: {}}}, steps: [{call: ListKeys, as: ann}]}\n"

    assert len(load("s.yaml", (text_of() + given).encode()).tests) == 2
    assert parsed == ["d.json"]


# Whose names they are


def test_who_is_defined_in_the_world_stands_in_place_of_the_one_in_the_file(
    world_of: Exported,
) -> None:
    export = page(
        (user("ann", UserPolicyList=inline(ALLOW)),),
        (role("Job", "/x/", RolePolicyList=inline(ALLOW)),),
    )
    world = world_of(export, "users: {Ann: {}}\nroles: {job: {}}")

    assert policies_of(world, "Ann") == policies_of(world, "job") == ()
    assert sorted(world.state.directory.identities) == [
        f"arn:aws:iam::{ACCOUNT}:role/job", f"arn:aws:iam::{ACCOUNT}:user/Ann",
    ]  # fmt: skip


def test_groups_are_shared_and_replaced_by_name(world_of: Exported) -> None:
    export = page(
        (user("ann", GroupList=["devs", "ops"]),),
        groups=(
            group("devs", GroupPolicyList=inline(ALLOW, "file")),
            group("ops", GroupPolicyList=inline(ALLOW, "ops")),
        ),
    )
    world = world_of(export, "groups: {devs: {policies: []}}\nusers: {bob: {groups: [ops]}}")

    assert names_of(policies_of(world, "ann")) == ["ops"]
    assert names_of(policies_of(world, "bob")) == ["ops"]


def test_names_work_in_sessions_grants_facts_and_changes(said: Callable[..., list[str]]) -> None:
    world = (
        "sessions: {night: {role: job}, fed: {user: ann}}\nkeys: {k: {}}\n"
        "grants: [{key: k, grantee: ann, retiring: job, operations: [Decrypt]}]\n"
        "policies: {p: {Statement: {Effect: Deny, Principal: {AWS: $job.arn}, Action: '*', Resource: '*'}}}"
    )
    for step in ("call: ListKeys, as: main/ann", "change: {role: job, tags: {a: b}}"):
        assert said(page((user("ann"),), (role("job"),)), world, step) == []


def test_the_first_account_gives_a_name_that_several_have(here: Path) -> None:
    def of(export: str, account: str) -> str:
        return export.replace(ACCOUNT, account)

    text = json.dumps(page(roles=(role("app"),)))
    for name, account in (("a", "1" * 12), ("b", "2" * 12), ("c", "3" * 12)):
        (here / f"{name}.json").write_text(of(text, account))

    def world(*names: str) -> str:
        accounts = {"first": '"999999999999"'} if "a" not in names else {}
        ids = dict(zip("abc", ("1" * 12, "2" * 12, "3" * 12), strict=True))
        accounts |= {n: f'{{id: "{ids[n]}", iam: {{file: {n}.json}}}}' for n in names}
        listed = ", ".join(f"{n}: {entry}" for n, entry in accounts.items())
        return f"version: 1\nworld: {{accounts: {{{listed}}}}}\ntests: [{{name: t, as: app, steps: [{{call: ListKeys}}]}}]\n"

    assert (
        load("s.yaml", world("a", "b", "c").encode()).tests[0].world.arns["app"].account == "1" * 12
    )
    assert load("s.yaml", world("b").encode()).tests[0].world.arns["app"].account == "2" * 12
    assert said_about(world("b", "c")) == [
        "s.yaml:3:23: 'app' is the name of several; write b/role/app or c/role/app"
    ]


def test_a_user_and_a_role_of_one_name_are_told_apart(said: Callable[..., list[str]]) -> None:
    export = page((user("both"),), (role("both"),))

    assert said(export, step="call: ListKeys, as: both") == [
        "s.yaml:5:44: 'both' is the name of several; write main/user/both or main/role/both"
    ]
    for name in ("main/user/both", "main/role/both", f"arn:aws:iam::{ACCOUNT}:user/both"):
        assert said(export, step=f"call: ListKeys, as: '{name}'") == []


def test_a_session_of_a_name_that_is_ambiguous_knows_by_its_kind(world_of: Exported) -> None:
    world = world_of(
        page((user("both"),), (role("both"),)), "sessions: {s: {role: both}, f: {user: both}}"
    )
    sessions = world.state.directory.sessions

    assert sorted(str(session.issuer) for session in sessions.values()) == [
        f"arn:aws:iam::{ACCOUNT}:role/both", f"arn:aws:iam::{ACCOUNT}:user/both",
    ]  # fmt: skip


def test_a_name_of_the_world_cannot_be_that_of_the_other_kind_in_the_file(
    said: Callable[..., list[str]],
) -> None:
    assert said(page(roles=(role("app"),)), "users: {app: {}}") == [
        f"s.yaml:4:11: 'app' already names arn:aws:iam::{ACCOUNT}:role/app",
        "note: d.json:6:4: first here",
    ]


def test_a_name_of_another_account_goes_to_who_is_written_in_the_world(world_of: Exported) -> None:
    world = world_of(page(roles=(role("app"),)), "roles: {app: {account: partner}}")

    assert world.arns["app"].account == "444455556666"
    assert world.arns["main/app"].account == ACCOUNT


@pytest.mark.parametrize("section", ["keys", "sessions"])
def test_keys_and_sessions_need_names_of_their_own(
    section: str, said: Callable[..., list[str]]
) -> None:
    entry = {"keys": "{}", "sessions": "{role: app}"}[section]
    (line, note) = said(page(roles=(role("app"),)), f"{section}: {{app: {entry}}}")

    assert line.startswith(f"s.yaml:4:{len(section) + 6}: 'app' ")
    assert note == "note: d.json:6:4: first here"


def test_a_user_called_root_is_not_the_root_user(world_of: Exported) -> None:
    world = world_of(page((user("root"),)))

    assert str(world.arns["root"]) == f"arn:aws:iam::{ACCOUNT}:root"
    assert str(world.arns["main/user/root"]) == f"arn:aws:iam::{ACCOUNT}:user/root"


def test_a_user_called_anonymous_is_not_the_caller_without_a_name(world_of: Exported) -> None:
    world = world_of(page((user("anonymous"),)))

    assert "anonymous" not in world.arns
    assert str(world.arns["main/anonymous"]) == f"arn:aws:iam::{ACCOUNT}:user/anonymous"


# What is wrong


def test_an_export_of_another_account_is_told_once(said: Callable[..., list[str]]) -> None:
    text = json.dumps(page((user("ann"), user("bob")), (role("job"),)), indent=1)
    step = "call: ListKeys, as: ann"

    assert said(text.replace(ACCOUNT, "999999999999"), step=step) == [
        f"d.json:6:11: this export is of account 999999999999, not of main, {ACCOUNT}"
    ]
    assert said(text.replace("arn:aws:", "arn:aws-cn:"), step=step) == [
        "d.json:6:11: this export is of partition 'aws-cn', not of 'aws'"
    ]


def test_a_policy_that_the_export_leaves_out_is_told_once(said: Callable[..., list[str]]) -> None:
    arn = "arn:aws:iam::aws:policy/ReadOnlyAccess"
    export = page(
        (
            user("ann", AttachedManagedPolicies=attached(arn)),
            user("bob", PermissionsBoundary={"PermissionsBoundaryArn": arn}),
        )
    )

    assert said(export) == [
        f"d.json:10:19: policy '{arn}' is attached here, and the export does not hold it",
        "help: export without --filter, or with LocalManagedPolicy and AWSManagedPolicy, too",
    ]


def without(entry: Json, member: str) -> Json:
    return {name: value for name, value in entry.items() if name != member}


ANN = user("ann")
TWICE = (user("ann"), {**user("Ann"), "UserId": "AIDA2"})
WRONG: list[tuple[str, Any, list[str]]] = [
    ("a list is no list", {"UserDetailList": {}}, ["2:20: UserDetailList must be a list, found an object"]),
    ("a user is no object", page((3,)), ["3:3: a user must be an object, found a number"]),  # type: ignore[arg-type]
    ("a user is null", page((None,)), ["3:3: a user must be an object, found null"]),  # type: ignore[arg-type]
    ("no name", page((without(ANN, "UserName"),)), ["3:3: a user needs 'UserName'"]),
    ("no id", page((without(ANN, "UserId"),)), ["3:3: a user needs 'UserId'"]),
    ("no ARN", page((without(ANN, "Arn"),)), ["3:3: a user needs 'Arn'"]),
    ("a name that is no text", page(({**ANN, "UserName": []},)), ["4:16: UserName must be a text, found a list"]),
    ("a name that AWS refuses", page((user("a:b"),)), ["4:16: no user can have the name 'a:b'"]),
    ("an ARN of someone else", page(({**ANN, "Arn": user("bob")["Arn"]},)), [f"6:11: 'arn:aws:iam::{ACCOUNT}:user/bob' is not the ARN of user 'ann'"]),
    ("an ARN of another kind", page(({**ANN, "Arn": role("ann")["Arn"]},)), [f"6:11: 'arn:aws:iam::{ACCOUNT}:role/ann' is not the ARN of user 'ann'"]),
    ("no ARN at all", page(({**ANN, "Arn": "ann"},)), ["6:11: 'ann' is not the ARN of user 'ann'"]),
    ("a name twice", page(TWICE), ["9:16: user 'Ann' is given twice", " d.json:4:4: first here"]),
    ("an id twice", page((user("ann"), {**user("bob"), "UserId": "AIDAANN"})), ["10:14: id 'AIDAANN' is given twice", " d.json:5:4: first here"]),
    ("a policy twice", page(policies=(managed(POLICY, ALLOW), managed(POLICY, ALLOW))), [f"{{}}: policy '{POLICY}' is given twice", " d.json:7:4: first here"]),
    ("an unknown group", page((user("ann", GroupList=["devz"]),), groups=(group("devs"),)), ["8:5: no group 'devz'; known: devs", " did you mean 'devs'?"]),
    ("a tag without a key", page((user("ann", Tags=[{"Value": "v"}]),)), ["8:5: a tag needs 'Key'"]),
    ("a tag without a value", page((user("ann", Tags=[{"Key": "v"}]),)), ["8:5: a tag needs 'Value'"]),
    ("no document", page((user("ann", UserPolicyList=[{"PolicyName": "x"}]),)), ["8:5: a policy needs 'PolicyDocument'"]),
    ("no ARN of a policy", page((user("ann", AttachedManagedPolicies=[{}]),)), ["8:5: an attached policy needs 'PolicyArn'"]),
    ("no ARN of a boundary", page((user("ann", PermissionsBoundary={}),)), ["7:27: a permissions boundary needs 'PermissionsBoundaryArn'"]),
    ("no versions", page((user("ann", AttachedManagedPolicies=attached(POLICY)),), policies=({"Arn": POLICY},)), ["{}: this policy has no default version"]),
    ("two default versions", page((user("ann", AttachedManagedPolicies=attached(POLICY)),), policies=({"Arn": POLICY, "PolicyVersionList": [{"IsDefaultVersion": True, "Document": ALLOW}] * 2},)), ["{}: this policy has several default versions"]),
    ("a switch that is none", page((user("ann", AttachedManagedPolicies=attached(POLICY)),), policies=({"Arn": POLICY, "PolicyVersionList": [{"IsDefaultVersion": "yes", "Document": ALLOW}]},)), ["{}: IsDefaultVersion must be true or false, found 'yes'"]),
    ("a broken document", page((user("ann", UserPolicyList=inline(BROKEN)),)), ['13:19: KG114 error: Effect must be "Allow" or "Deny", not "allow"']),
    ("a broken text", page((user("ann", UserPolicyList=inline(quote(json.dumps(BROKEN), safe=""))),)), ['10:24: this document cannot be used: mine:1:27: KG114 Effect must be "Allow" or "Deny", not "allow"']),
    ("a text that is no JSON", page((user("ann", UserPolicyList=inline("%7B")),)), ["10:24: this document cannot be used: mine:1:2: KG101 syntax error: expected '}', found the end of the text"]),
    ("a text that is no UTF-8", page((user("ann", UserPolicyList=inline("%ff")),)), ["10:24: the percent signs of this document do not spell UTF-8"]),
    ("something else", {"Role": {}}, ["1:1: this is no export of an account: it has no UserDetailList", " write there what"]),
    ("a page that is a text", ["x"], ["2:2: an export must be an object, found a string"]),
    ("nothing but a number", 7, ["1:1: an export must be an object, found a number"]),
    ("a page that others follow", page(IsTruncated=True, Marker="m"), ["7:2: more pages follow this one, and they are not here", " write file: [page-1.json, page-2.json]"]),
    ("a page of the CLI that others follow", page(NextToken="n"), ["6:2: more pages follow this one, and they are not here"]),
    ("broken JSON", '{"UserDetailList": [,]}', ["1:21: expected a value or ']', found ','", " d.json:1:20: '[' opened here"]),
    ("two pages in a row", "{}\n{}", ["2:1: expected the end of the text, found '{'"]),
    ("a member twice", '{"Policies": [],\n "Policies": []}', ['2:2: "Policies" is given twice in this object', " d.json:1:2: first here"]),
    ("nothing", "", ["1:1: expected a value, found the end of the text"]),
]  # fmt: skip


@pytest.mark.parametrize(("export", "expected"), [w[1:] for w in WRONG], ids=[w[0] for w in WRONG])
def test_what_is_wrong_is_told_at_its_place(
    export: Any, expected: list[str], said: Callable[..., list[str]]
) -> None:
    lines = said(export)

    first, *more = expected
    if first.startswith("{}"):
        assert lines[0].startswith("d.json:")
        assert lines[0].endswith(first.removeprefix("{}"))
    else:
        assert lines[0] == f"d.json:{first}"
    for line, start in zip(lines[1:], more, strict=False):
        assert line.partition(":")[2].startswith(start)
    assert len([line for line in lines if line.startswith("d.json")]) == 1


@pytest.mark.parametrize(
    ("file", "lines"),
    [
        ("absent.json", ["s.yaml:3:53: cannot read 'absent.json': No such file or directory"]),
        (".", ["s.yaml:3:53: cannot read '.': it is a folder"]),
        ("[]", ["s.yaml:3:46: an export needs a file", "help: write iam: {file: details.json}"]),
        ("{a: b}", ["s.yaml:3:53: a file must be a text, found an object"]),
        ("bytes", ["bytes:1:2: byte 0xFF is not UTF-8", "help: save the file as UTF-8"]),
    ],
)
def test_a_file_that_cannot_be_read_is_told_where_it_is_named(
    file: str, lines: list[str], here: Path
) -> None:
    (here / "bytes").write_bytes(b"{\xff")

    assert said_about(text_of(file=file)) == lines


def test_an_unknown_field_beside_the_file_is_told(here: Path) -> None:
    (here / "d.json").write_text(json.dumps(page()))

    assert said_about(text_of(file="d.json, profile: x")) == [
        "s.yaml:3:61: unknown field 'profile' in the export",
        "help: did you mean 'file'?",
    ]


def test_all_pages_together_have_a_bound(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account_details, "MAX_BYTES", 200)
    (here / "1.json").write_text(json.dumps(page()) + " " * 60)
    (here / "2.json").write_text(json.dumps(page()) + " " * 60)
    (here / "big.json").write_text(json.dumps(page()) + " " * 200)

    assert said_about(text_of(file="1.json")) == []
    assert said_about(text_of(file="[1.json, 2.json]")) == [
        "s.yaml:3:62: cannot read '2.json': all pages have more than 200 bytes"
    ]
    assert said_about(text_of(file="big.json")) == [
        "s.yaml:3:53: cannot read 'big.json': it has more than 200 bytes"
    ]


def places(value: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the way to every value inside a value."""
    entries = value.items() if isinstance(value, dict) else enumerate(value)
    found = [way]
    for key, entry in entries:
        inner = isinstance(entry, dict | list)
        found += places(entry, (*way, key)) if inner else [(*way, key)]
    return found


EXAMPLE = json.loads((EXPORTS / "payroll-account.json").read_text("utf-8"))
SOMETHING = [None, True, 0, "", "x", "arn:aws:iam::aws:policy/x", [], {}, [[]], [None], {"": 1}]


def test_whatever_stands_in_an_export_is_read_or_told(here: Path) -> None:
    kinds = {tuple(key for key in way if isinstance(key, str)): way for way in places(EXAMPLE)}
    for way, other in zip(list(kinds.values())[1:], itertools.cycle(SOMETHING), strict=False):
        export = copy.deepcopy(EXAMPLE)
        home = export
        for key in way[:-1]:
            home = home[key]
        home[way[-1]] = other
        (here / "d.json").write_text(json.dumps(export))

        said_about(text_of())  # raises for anything but a complaint
