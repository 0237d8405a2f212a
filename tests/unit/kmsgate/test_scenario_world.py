"""Worlds: what short names stand for, what is built, and what is refused."""

# ruff: noqa: E501  (a row of a table, or of a scenario, stays on its line)

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from kms.material import calendar
from kms.model import Key, KeyOrigin, KeyState
from kms.runtime import SeededEntropy
from kmsgate.scenario.files import load
from kmsgate.scenario.world import World
from policy import Grant, PrincipalKind
from tests.scenario_text import messages, said_about

ACCOUNTS = '  accounts: {main: "111122223333", partner: "444455556666"}\n'
ANYONE = "{Statement: {Effect: Allow, Principal: '*', Action: 'kms:*', Resource: '*'}}"
ANYTHING = "{Statement: {Effect: Allow, Action: '*', Resource: '*'}}"


def text_of(world: str, accounts: str = ACCOUNTS) -> str:
    lines = "".join(f"  {line}\n" for line in world.splitlines())
    tests = "tests:\n  - {name: t, as: root, steps: [{call: ListKeys}]}\n"
    return f"version: 1\nworld:\n{accounts}{lines}{tests}"


def built(world: str, accounts: str = ACCOUNTS) -> World:
    return load("s.yaml", text_of(world, accounts).encode()).tests[0].world


def said(world: str, accounts: str = ACCOUNTS) -> list[str]:
    """Return what is said about a world, without the name of the file and the line."""
    lines = said_about(text_of(world, accounts))
    return [line.removeprefix("s.yaml:").partition(":")[2] or line for line in lines]


def key_of(world: World, name: str) -> Key:
    key = world.state.key(world.keys[name])
    assert key is not None
    return key


def grants_of(world: World, key: str) -> list[Grant]:
    return list(world.state.grants_of(str(world.keys[key])).by_id.values())


# Names


def test_a_short_name_is_an_identity_of_whichever_account_has_it() -> None:
    world = built("roles: {app: {}, far: {account: partner}}\nusers: {ann: {path: /team/}}")

    assert str(world.arns["app"]) == "arn:aws:iam::111122223333:role/app"
    assert world.arns["main/app"] == world.arns["app"]
    assert str(world.arns["far"]) == "arn:aws:iam::444455556666:role/far"
    assert world.arns["partner/far"] == world.arns["far"]
    assert str(world.arns["ann"]) == "arn:aws:iam::111122223333:user/team/ann"


def test_root_without_an_account_is_that_of_the_first_one() -> None:
    world = built("")

    assert str(world.arns["root"]) == "arn:aws:iam::111122223333:root"
    assert str(world.arns["partner/root"]) == "arn:aws:iam::444455556666:root"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("app", PrincipalKind.ROLE_SESSION),
        ("ann", PrincipalKind.USER),
        ("root", PrincipalKind.ROOT),
        ("partner/root", PrincipalKind.ROOT),
        ("night", PrincipalKind.ROLE_SESSION),
        ("fed", PrincipalKind.FEDERATED_USER),
        ("anonymous", PrincipalKind.ANONYMOUS),
        ("service:s3.amazonaws.com", PrincipalKind.SERVICE),
        ("arn:aws:iam::999999999999:user/x", PrincipalKind.USER),
    ],
)
def test_callers_go_by_short_names_and_by_arns(name: str, kind: PrincipalKind) -> None:
    world = built(
        "users: {ann: {}}\nroles: {app: {}}\nsessions: {night: {role: app}, fed: {user: ann}}"
    )
    caller = world.caller(name, world.state.directory)

    assert caller is not None
    assert caller.kind is kind


@pytest.mark.parametrize(
    "name", ["nobody", "", "service:", "arn:", "arn:aws:kms:us-east-1:111122223333:key/x", "$x"]
)
def test_other_names_are_no_callers(name: str) -> None:
    world = built("roles: {app: {}}")

    assert world.caller(name, world.state.directory) is None


def test_an_arn_of_an_account_of_this_world_must_name_somebody() -> None:
    world = built("")

    assert world.caller("arn:aws:iam::111122223333:user/x", world.state.directory) is None


def test_facts_are_arn_id_and_account_of_everything_that_has_a_name() -> None:
    world = built(
        "roles: {app: {}}\nkeys: {k: {id: 1234abcd-12ab-34cd-56ef-1234567890ab}}\n"
        "grants: [{name: job, key: k, grantee: app, operations: [Decrypt], token: abc}]"
    )

    assert world.facts["app.id"] == "app"
    assert world.facts["app.account"] == "111122223333"
    assert world.facts["k.id"] == "1234abcd-12ab-34cd-56ef-1234567890ab"
    assert world.facts["k.arn"] == str(world.keys["k"])
    assert world.facts["partner.id"] == "444455556666"
    assert world.facts["partner.arn"] == "arn:aws:iam::444455556666:root"
    assert world.facts["job.token"] == "abc"
    assert world.facts["job.id"] == grants_of(world, "k")[0].id


def test_two_identities_cannot_have_one_short_name() -> None:
    assert said("users: {app: {}}\nroles: {app: {account: partner}}") == [
        "11: 'app' already names arn:aws:iam::111122223333:user/app",
        " s.yaml:4:11: first here",
    ]


def test_a_key_cannot_have_the_name_of_an_identity() -> None:
    assert said("roles: {app: {}}\nkeys: {app: {}}") == [
        "10: 'app' is defined twice",
        " s.yaml:4:11: first here",
    ]


@pytest.mark.parametrize("name", ["a/b", "anonymous", "a b", '"a:b"', "é", '"\\e[31m"', "x" * 65])
def test_names_of_identities_are_those_that_aws_takes(name: str) -> None:
    (line, *_) = said(f"roles: {{{name}: {{}}}}")

    assert line.endswith("cannot be the name of an identity")


def test_a_role_cannot_be_called_root() -> None:
    assert said("roles: {root: {}}") == ["11: 'root' already names arn:aws:iam::111122223333:root"]


# Accounts and organizations


@pytest.mark.parametrize("wrong", ["12", "[]", "", "{id: 1}", "{}", '"１１１１２２２２３３３３"'])
def test_an_account_has_an_id_of_twelve_digits(wrong: str) -> None:
    lines = said("", accounts=f"  accounts: {{main: {wrong}}}\n")

    assert any("account 'main' needs an id of 12 digits" in line for line in lines)


def test_two_accounts_cannot_have_one_id() -> None:
    accounts = '  accounts: {a: "111122223333", b: "111122223333"}\n'

    assert said("", accounts) == ["36: two accounts have the id 111122223333"]


ORGANIZATION = (
    '  accounts: {main: {id: "111122223333", organization: {path: o-a1/r-ab12/ou-ab12-prod, %s}}}\n'
)


def test_levels_that_an_organization_leaves_out_allow_everything() -> None:
    world = built("", ORGANIZATION % "scps: {ou-ab12-prod: []}")
    account = world.state.directory.accounts["111122223333"]

    assert account.path == "o-a1/r-ab12/ou-ab12-prod/"
    assert account.scps is not None
    levels = {level.target: [policy.name for policy in level.policies] for level in account.scps}
    assert levels == {
        "r-ab12": ["FullAWSAccess"],
        "ou-ab12-prod": [],
        "111122223333": ["FullAWSAccess"],
    }
    assert account.rcps is None


def test_no_organization_policy_binds_the_management_account() -> None:
    world = built("", ORGANIZATION % "scps: {account: []}, management: true")

    assert world.state.directory.accounts["111122223333"].scps is None


def test_the_levels_of_an_organization_are_those_of_its_path() -> None:
    lines = said("", ORGANIZATION % "scps: {ou-x: []}")

    assert lines[0].endswith("unknown field 'ou-x' in the SCPs")
    assert said("", '  accounts: {m: {id: "111122223333", organization: {path: x}}}\n') == [
        "52: an organization needs a path",
        " write path: o-a1b2c3d4e5/r-ab12/ou-ab12-prod",
    ]


# Policies


def test_policies_are_named_written_in_place_in_a_file_or_managed_by_aws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("p.json").write_text(
        '{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}', encoding="utf-8"
    )
    world = built(
        f"policies: {{use: {ANYTHING}, disk: {{file: p.json}}}}\n"
        f"roles: {{app: {{policies: [use, disk, {ANYTHING}, {{file: p.json}}, "
        "{managed: AdministratorAccess}]}}"
    )
    identity = world.state.directory.identities["arn:aws:iam::111122223333:role/app"]

    assert [policy.name for policy in identity.policies] == [
        "use",
        "disk",
        "policies",
        "p.json",
        "AdministratorAccess",
    ]


def test_a_policy_may_speak_of_names_of_the_world() -> None:
    world = built(
        "roles: {app: {policies: [{Statement: {Effect: Allow, Action: '*', Resource: $k.arn}}]}}\n"
        "keys: {k: {policy: {Statement: {Effect: Allow, Principal: {AWS: $app.arn}, Action: '*', "
        "Resource: '*'}}}}"
    )
    key = key_of(world, "k")
    identity = world.state.directory.identities["arn:aws:iam::111122223333:role/app"]

    assert '"AWS": "arn:aws:iam::111122223333:role/app"' in key.policy
    assert dict(key.bound_ids) == {"arn:aws:iam::111122223333:role/app": identity.unique_id}
    resource = identity.policies[0].statements[0].resource
    assert resource is not None
    assert resource.patterns[0].text == str(key.arn)


def test_a_policy_cannot_speak_of_what_a_step_will_save() -> None:
    policy = "{Statement: {Effect: Allow, Principal: {AWS: $blob}, Action: '*', Resource: '*'}}"

    assert said(f"keys: {{k: {{policy: {policy}}}}}") == [
        "67: $blob is no fact of this world",
        " names have .arn, .id and .account",
    ]


@pytest.mark.parametrize(
    ("world", "lines"),
    [
        ("policies: {a: b, b: a}", 2),  # once endless
        ("policies: {unused: {Statement: 3}}", 1),
        ("roles: {app: {boundary: 3}}", 1),
        ("roles: {app: {boundary: }}", 1),
        ("roles: {app: {policies: [[]]}}", 1),
        ("roles: {app: {policies: {}}}", 1),
        ("keys: {k: {policy: []}}", 1),
        ("keys: {k: {policy: {managed: FullAWSAccess}}}", 1),
        ("keys: {k: {policy: {managed: Nothing}}}", 1),
        ("keys: {k: {policy: {file: [x]}}}", 1),
        ('keys: {k: {policy: {file: "a\\0b"}}}', 1),
        ("keys: {k: {policy: {file: .}}}", 1),
        ("endpoints: {vpce-1: {policy: x}}", 1),
    ],
)
def test_what_is_no_policy_is_told_once(world: str, lines: int) -> None:
    found = [line for line in said_about(text_of(world)) if line.startswith("s.yaml")]

    assert len(found) == lines


def test_a_policy_that_is_too_long_for_a_key_is_told() -> None:
    actions = ", ".join(["kms:Encrypt"] * 14_000)
    statement = f"{{Effect: Allow, Principal: '*', Action: [{actions}], Resource: '*'}}"

    (line,) = said(f"keys: {{k: {{policy: {{Statement: {statement}}}}}}}")
    assert "the key cannot have this policy" in line


# Users, roles, groups, sessions, endpoints


def test_members_of_a_group_have_its_policies() -> None:
    world = built(
        f"policies: {{use: {ANYTHING}}}\ngroups: {{staff: {{policies: [use]}}}}\n"
        "users: {ann: {groups: [staff]}}"
    )
    caller = world.caller("ann", world.state.directory)

    assert caller is not None
    assert [p.name for p in world.state.directory.policies_of(caller)] == ["use"]


def test_groups_are_those_of_the_users_account() -> None:
    world = "groups: {far: {account: partner}}\nusers: {ann: {groups: [far, none]}}"

    assert said(world) == [
        "26: group 'far' belongs to account 'partner'",
        "31: no group 'none'; known: far",
    ]


def test_a_session_carries_what_it_was_given() -> None:
    world = built(
        "roles: {app: {tags: {team: a, kind: b}}}\n"
        "sessions: {s1: {role: app, tags: {team: x}, mfa: true, source_identity: ann}}"
    )
    caller = world.caller("s1", world.state.directory)

    assert caller is not None
    assert str(caller) == "arn:aws:sts::111122223333:assumed-role/app/s1"
    assert caller.facts["aws:PrincipalTag/team"] == "x"
    assert caller.facts["aws:PrincipalTag/kind"] == "b"
    assert caller.facts["aws:MultiFactorAuthPresent"] == "true"
    assert caller.facts["aws:SourceIdentity"] == "ann"


@pytest.mark.parametrize(
    ("session", "complaint"),
    [
        ("{}", "session 's1' needs a role, or the user who asked for it"),
        ("{role: app, user: ann}", "session 's1' needs a role, or the user who asked for it"),
        ("{role: nobody}", "no role 'nobody'; known: app"),
        ("{role: ann}", "'ann' is a user, not a role"),
        ("{user: k}", "no user 'k'; known: ann"),
        ("{role: [app]}", "the role must be a text, found a list"),
        ("{role: app, account: partner}", "the session belongs to account 'main'"),
        ("{role: app, mfa: perhaps}", "mfa must be true or false, found 'perhaps'"),
    ],
)
def test_a_session_belongs_to_somebody(session: str, complaint: str) -> None:
    world = f"users: {{ann: {{}}}}\nroles: {{app: {{}}}}\nkeys: {{k: {{}}}}\nsessions: {{s1: {session}}}"

    assert said(world)[0].partition(": ")[2] == complaint


def test_a_broken_session_is_told_once_however_often_it_is_used() -> None:
    text = text_of("sessions: {s1: {role: nobody}}").replace(
        "as: root, steps: [",
        "as: s1, steps: [{as: s1, call: DescribeKey, with: {KeyId: $s1.arn}}, ",
    )

    assert said_about(text) == ["s.yaml:4:25: no role 'nobody'; known: none"]


# Keys


@pytest.mark.parametrize(
    ("fields", "state", "has_material"),
    [
        ("", KeyState.ENABLED, True),
        ("state: Disabled", KeyState.DISABLED, True),
        ("state: PendingDeletion", KeyState.PENDING_DELETION, True),
        ("origin: EXTERNAL", KeyState.PENDING_IMPORT, False),
        ("origin: EXTERNAL, state: PendingImport", KeyState.PENDING_IMPORT, False),
        ("origin: EXTERNAL, state: Enabled", KeyState.ENABLED, True),
        ("origin: EXTERNAL, state: Disabled", KeyState.DISABLED, True),
    ],
)
def test_a_key_starts_at_any_stage_of_its_life(
    fields: str, state: KeyState, has_material: bool
) -> None:
    world = built(f"keys: {{k: {{{fields}}}}}")
    key = key_of(world, "k")

    assert key.state is state
    assert bool(key.materials) is has_material
    assert (key.deletion_at is not None) is (state is KeyState.PENDING_DELETION)
    assert (key.origin is KeyOrigin.EXTERNAL) is ("EXTERNAL" in fields)


def test_a_key_rotates_from_the_beginning_on() -> None:
    """CORE K-117."""
    world = built("keys: {k: {rotation_days: 90}, l: {}}")

    assert key_of(world, "k").rotation == calendar(90, world.clock)
    assert key_of(world, "l").rotation is None
    assert len(world.state.due) == 1


@pytest.mark.parametrize(
    ("settings", "days"),
    [
        ("", 365),
        ("profile: course", 1095),
        ("profile: course, aws_managed_rotation_days: 730", 730),
    ],
)
def test_keys_of_aws_rotate_as_the_settings_say(settings: str, days: int) -> None:
    """CORE K-126."""
    text = f"settings: {{{settings}}}\n{text_of('keys: {k: {manager: AWS}}')}"
    world = load("s.yaml", text.encode()).tests[0].world

    assert key_of(world, "k").rotation == calendar(days, world.clock)


def test_an_imported_key_can_be_used_at_once() -> None:
    text = text_of("keys: {k: {origin: EXTERNAL, state: Enabled}}").replace(
        "{call: ListKeys}", "{call: Encrypt, with: {KeyId: $k.id, Plaintext: {text: a}}}"
    )

    assert messages(text) == []


def test_imported_material_that_goes_leaves_its_id() -> None:
    """CORE K-136."""
    looks = "KeyState: PendingImport, CurrentKeyMaterialId: {length: 64}"
    text = text_of("keys: {k: {origin: EXTERNAL, state: Enabled}}").replace(
        "{call: ListKeys}",
        f"{{change: {{key: k, state: PendingImport}}}}, {{look: {{key: k, {looks}}}}}",
    )

    assert messages(text) == []


def test_keys_have_spec_usage_tags_aliases_region_and_account() -> None:
    world = built(
        "region: eu-west-1\nkeys:\n"
        "  a: {spec: ECC_NIST_P256, usage: KEY_AGREEMENT, tags: {x: y}, description: d}\n"
        "  b: {multi_region: true, region: us-east-1, account: partner, aliases: [alias/b]}"
    )
    a, b = key_of(world, "a"), key_of(world, "b")

    assert (a.spec, a.usage, a.tags) == ("ECC_NIST_P256", "KEY_AGREEMENT", (("x", "y"),))
    assert (a.region, a.account, a.description) == ("eu-west-1", "111122223333", "d")
    assert b.id.startswith("mrk-")
    assert (b.region, b.account) == ("us-east-1", "444455556666")
    assert list(world.state.aliases_of(b)) == ["alias/b"]


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ("id: abc", "'abc' is not the id of a key"),
        ("id: 1234ABCD-12ab-34cd-56ef-1234567890ab", "'1234ABCD-12ab-34cd-56ef-1234567890ab' is not the id of a key"),
        ("id: [x]", "id must be a text, found a list"),
        ("multi_region: true, id: 1234abcd-12ab-34cd-56ef-1234567890ab", "'1234abcd-12ab-34cd-56ef-1234567890ab' is not the id of a key"),
        ("usage: SIGN_VERIFY", "usage is 'SIGN_VERIFY'; known: ENCRYPT_DECRYPT"),
        ("origin: AWS_CLOUDHSM", "origin is 'AWS_CLOUDHSM'; known: AWS_KMS, EXTERNAL"),
        ("state: PendingImport", "only a key of origin EXTERNAL waits for an import"),
        ("state: Creating", "state is 'Creating'; known: Disabled, Enabled, PendingDeletion, PendingImport"),
        ("aliases: [payroll]", "'payroll' is not an alias name"),
        ("aliases: [alias/a b]", "'alias/a b' is not an alias name"),
        ("aliases: [alias/x, alias/x]", "'alias/x' is taken already"),
        ("aliases: [[]]", "an alias must be a text, found a list"),
        ("account: nowhere", "account is 'nowhere'; known: main, partner"),
        ("region: mars", "'mars' is not a Region such as eu-west-1"),
        ("rotation_days: 89", "rotation_days must be between 90 and 2,560"),
        ("rotation_days: 2561", "rotation_days must be between 90 and 2,560"),
        ("rotation_days: soon", "rotation_days must be a whole number, found 'soon'"),
        ("rotation_days: 90, spec: HMAC_256", "only symmetric keys whose material AWS makes rotate by themselves"),
        ("rotation_days: 90, origin: EXTERNAL", "only symmetric keys whose material AWS makes rotate by themselves"),
        ("rotation_days: 90, manager: AWS", "nobody sets the rotation of a key of AWS"),
        ("rotation: 90", "unknown field 'rotation' in a key"),
    ],
)  # fmt: skip
def test_what_a_key_cannot_be_is_told(fields: str, complaint: str) -> None:
    lines = said_about(text_of(f"keys: {{k: {{{fields}}}}}"))

    assert [x.partition(" ")[2] for x in lines if x.startswith("s.yaml")] == [complaint]


def test_a_spec_that_there_is_not_says_nothing_about_the_usage() -> None:
    lines = said("keys: {k: {spec: RSA_204, usage: SIGN_VERIFY}}")

    assert [line.partition(";")[0] for line in lines] == [
        "20: spec is 'RSA_204'",
        " did you mean 'RSA_2048'?",
    ]


def test_ids_and_aliases_of_keys_are_their_own() -> None:
    same = "id: 1234abcd-12ab-34cd-56ef-1234567890ab, aliases: [alias/a]"

    assert said(f"keys: {{a: {{{same}}}, b: {{{same}}}}}") == [
        "85: key 'a' has this id",
        "133: 'alias/a' is taken already",
    ]


def test_a_key_of_another_region_may_have_the_same_id_and_alias() -> None:
    same = "id: 1234abcd-12ab-34cd-56ef-1234567890ab, aliases: [alias/a]"

    assert said(f"keys: {{a: {{{same}}}, b: {{region: eu-west-1, {same}}}}}") == []


def test_a_spec_that_this_machine_cannot_make_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from kms import hazmat

    def cannot(_self: SeededEntropy, spec: str) -> bytes:
        raise hazmat.UnsupportedAlgorithm(spec)

    monkeypatch.setattr(SeededEntropy, "material", cannot)

    assert said("keys: {k: {spec: ML_DSA_44}}") == [
        "20: the cryptography of this machine has no ML_DSA_44"
    ]


def test_the_same_seed_gives_the_same_world_and_another_seed_another() -> None:
    def key(seed: int) -> Key:
        text = f"settings: {{seed: {seed}}}\n{text_of('keys: {k: {}}')}"
        return key_of(load("s.yaml", text.encode()).tests[0].world, "k")

    assert key(1) == key(1)
    assert key(1).arn != key(2).arn
    assert key(1).materials[0].secret != key(2).materials[0].secret


# Grants


def test_grants_carry_what_is_written() -> None:
    world = built(
        "roles: {app: {}, admin: {}}\nkeys: {k: {}}\ngrants:\n"
        "  - {name: job, key: k, grantee: app, operations: [Decrypt, Encrypt], subset: {a: b},\n"
        "     retiring: admin, effective: now, source_arn: x}\n"
        '  - {key: k, grantee: "444455556666", operations: [Decrypt], effective: 2026-02-01}\n'
        "  - {key: k, grantee: $app.arn, operations: [Decrypt], equals: {c: d}}\n"
    )
    found = {grant.grantee_principal: grant for grant in grants_of(world, "k") if not grant.name}
    (job,) = (grant for grant in grants_of(world, "k") if grant.name == "job")

    assert job.operations == {"Decrypt", "Encrypt"}
    assert job.retiring_principal == "arn:aws:iam::111122223333:role/admin"
    assert job.effective_at is None
    assert job.constraints.subset == {"a": "b"}
    assert job.constraints.source_arn == "x"
    assert found["444455556666"].effective_at == dt.datetime(2026, 2, 1, tzinfo=dt.UTC)
    assert found["arn:aws:iam::111122223333:role/app"].effective_at == world.clock
    assert found["arn:aws:iam::111122223333:role/app"].constraints.equals == {"c": "d"}


@pytest.mark.parametrize(
    ("grant", "complaints"),
    [
        ("{}", ["a grant needs 'key'"]),
        ("3", ["a grant must be an object, found a string", "a grant needs 'key'"]),
        ("{key: x, grantee: y, operations: [Sing]}", ["no key 'x'; known: k", "no identity 'y'; known: app, main, partner, root", "an operation is 'Sing'; known: "]),
        ("{key: k, grantee: app, operations: Decrypt}", ["operations must be a list, found a string"]),
        ("{key: k, grantee: app, operations: []}", ["there are no operations here"]),
        ("{key: [k], grantee: {a: b}, operations: [Decrypt]}", ["key must be a text, found a list", "a principal must be a text, found an object"]),
        ("{key: k, grantee: 'arn:x', operations: [Decrypt]}", ["no identity 'arn:x'; known: app, main, partner, root"]),
        ("{key: k, grantee: $nobody.arn, operations: [Decrypt]}", ["$nobody.arn is no fact of this world"]),
        ("{key: k, grantee: app, operations: [Decrypt], effective: soon}", ["'soon' is neither 'now' nor a time"]),
        ("{key: k, grantee: app, operations: [Decrypt], effective: [x]}", ["effective must be a text, found a list"]),
        ("{key: k, grantee: app, operations: [Decrypt], token: ''}", ["each grant needs a token of its own"]),
    ],
)  # fmt: skip
def test_what_a_grant_cannot_be_is_told(grant: str, complaints: list[str]) -> None:
    world = f"roles: {{app: {{}}}}\nkeys: {{k: {{}}}}\ngrants: [{grant}]"
    lines = [x.partition(" ")[2] for x in said_about(text_of(world)) if x.startswith("s.yaml")]

    assert len(lines) == len(complaints)
    assert all(x.startswith(y) for x, y in zip(lines, complaints, strict=True)), lines


def test_names_and_tokens_of_grants_are_their_own() -> None:
    grant = "{name: job, key: k, grantee: app, operations: [Decrypt], token: abc}"

    assert said(f"roles: {{app: {{}}}}\nkeys: {{k: {{}}}}\ngrants: [{grant}, {grant}]") == [
        "89: two grants are called 'job'",
        "146: each grant needs a token of its own",
    ]


# Clock and region


@pytest.mark.parametrize("clock", ["yesterday", "[]", "9999-12-31", "0001-01-01", "1e99"])
def test_a_clock_shows_a_time_that_scenarios_can_live_in(clock: str) -> None:
    assert len(said(f"clock: {clock}")) == 1


@pytest.mark.parametrize("region", ["mars", "{a: b}", '"a:b-c-1"', "eu-west-1x", ""])
def test_a_region_has_the_form_of_one(region: str) -> None:
    assert len(said(f"region: {region}")) == 1


def test_a_world_that_says_nothing_has_a_clock_and_a_region() -> None:
    world = built("")

    assert world.clock == dt.datetime(2026, 1, 5, 9, tzinfo=dt.UTC)
    assert world.region == "us-east-1"
