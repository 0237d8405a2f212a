"""Organizations of a world: policies that are told once for all accounts below a level."""

# ruff: noqa: E501  (a row of a table, or of a scenario, stays on its line)

from __future__ import annotations

import textwrap

import pytest

from kms.directory import Account
from kmsgate.scenario.files import load
from policy import Level
from tests.scenario_text import messages, said_about

ACCOUNTS = """\
accounts:
  main: {id: "111122223333", organization: {path: o-a1/r-ab12/ou-ab12-prod}}
  partner: {id: "444455556666", organization: {path: o-a1/r-ab12/ou-ab12-prod/ou-ab12-eu, %s}}
  outer: "777788889999"
policies:
  no-s3: {Statement: {Effect: Deny, Action: "s3:*", Resource: "*"}}
  all: {Statement: {Effect: Allow, Action: "*", Resource: "*"}}
  keep: {Version: "2012-10-17", Statement: {Effect: Deny, Principal: "*", Action: "kms:ReEncrypt*", Resource: "*"}}
"""
TEST = "tests: [{name: t, as: root, steps: [{call: ListKeys}]}]\n"


def text_of(world: str, own: str = "", tests: str = TEST) -> str:
    body = textwrap.indent(ACCOUNTS % own + world + "\n", "  ")
    return f"version: 1\nworld:\n{body}{tests}"


def account(name: str, world: str, own: str = "") -> Account:
    built = load("s.yaml", text_of(world, own).encode()).tests[0].world
    return built.state.directory.accounts[built.names.accounts[name]]


def told(levels: tuple[Level, ...] | None) -> list[tuple[str, list[str]]] | None:
    if levels is None:
        return None
    return [(level.target, [policy.name for policy in level.policies]) for level in levels]


SHARED = (
    "organizations: {o-a1: {levels: {r-ab12: {scps: [all, no-s3]}, ou-ab12-prod: {rcps: [keep]}}}}"
)
FULL = ["FullAWSAccess"]


def test_a_level_binds_every_account_below_it() -> None:
    assert told(account("main", SHARED).scps) == [
        ("r-ab12", ["all", "no-s3"]), ("ou-ab12-prod", FULL), ("111122223333", FULL),
    ]  # fmt: skip
    assert told(account("partner", SHARED).scps) == [
        ("r-ab12", ["all", "no-s3"]), ("ou-ab12-prod", FULL), ("ou-ab12-eu", FULL), ("444455556666", FULL),
    ]  # fmt: skip
    assert told(account("main", SHARED).rcps) == [
        ("r-ab12", []), ("ou-ab12-prod", ["keep"]), ("111122223333", []),
    ]  # fmt: skip
    assert account("outer", SHARED).scps is None


def test_what_no_level_speaks_of_is_not_enabled() -> None:
    world = "organizations: {o-a1: {levels: {r-ab12: {scps: [all]}}}}"

    assert account("main", world).rcps is None
    assert account("main", "organizations: {o-a1: {}}").scps is None


def test_policies_of_one_level_enable_them_for_the_whole_organization() -> None:
    world = "organizations: {o-a1: {levels: {ou-ab12-eu: {scps: [all]}}}}"

    assert told(account("main", world).scps) == [
        ("r-ab12", FULL), ("ou-ab12-prod", FULL), ("111122223333", FULL),
    ]  # fmt: skip


def test_an_account_can_be_a_level_and_can_add_its_own() -> None:
    world = 'organizations: {o-a1: {levels: {"111122223333": {scps: [no-s3]}}}}'

    assert told(account("main", world).scps) == [
        ("r-ab12", FULL), ("ou-ab12-prod", FULL), ("111122223333", ["no-s3"]),
    ]  # fmt: skip
    assert told(account("partner", world, "scps: {account: [all]}").scps) == [
        ("r-ab12", FULL), ("ou-ab12-prod", FULL), ("ou-ab12-eu", FULL), ("444455556666", ["all"]),
    ]  # fmt: skip


def test_no_policy_of_an_organization_binds_the_management_account() -> None:
    management = account("partner", SHARED, "management: true")

    assert (management.scps, management.rcps) == (None, None)
    assert management.organization == "o-a1"


def test_a_guardrail_of_a_unit_decides_and_can_be_changed_for_one_account() -> None:
    world = (
        "policies: {no-kms: {Statement: {Sid: No, Effect: Deny, Action: 'kms:*', Resource: '*'}}}\n"
        "organizations: {o-a1: {levels: {ou-ab12-prod: {scps: [no-kms]}}}}\n"
    )
    accounts = (
        '  accounts: {main: {id: "111122223333", organization: {path: o-a1/r-ab12/ou-ab12-prod}}}\n'
    )
    steps = (
        "tests:\n  - name: t\n    as: root\n    steps:\n"
        "      - {call: ListKeys, expect: {deny: explicit, layer: scp, by: No}}\n"
        "      - {change: {scp: main, policies: {ou-ab12-prod: [{managed: FullAWSAccess}]}}}\n"
        "      - {call: ListKeys, expect: {allow: true}}\n"
    )
    text = f"version: 1\nworld:\n{accounts}{textwrap.indent(world, '  ')}{steps}"

    assert messages(text) == []


def said(world: str, own: str = "") -> list[str]:
    return [line.partition("s.yaml:")[2] or line for line in said_about(text_of(world, own))]


@pytest.mark.parametrize(
    ("world", "lines"),
    [
        (
            "organizations: {o-a2: {levels: {}}}",
            ["11:19: no account is in 'o-a2'", "help: did you mean 'o-a1'?"],
        ),
        (
            "organizations: {o-a1: {levels: {ou-ab12-prd: {scps: [all]}}}}",
            [
                "11:35: no account is below 'ou-ab12-prd'; known: 111122223333, 444455556666, ou-ab12-eu, ou-ab12-prod, r-ab12",
                "help: did you mean 'ou-ab12-prod'?",
            ],
        ),
        (
            "organizations: {o-a1: {level: {}}}",
            ["11:26: unknown field 'level' in an organization", "help: did you mean 'levels'?"],
        ),
        (
            "organizations: {o-a1: {levels: {r-ab12: {scp: []}}}}",
            ["11:44: unknown field 'scp' in a level", "help: did you mean 'scps'?"],
        ),
        (
            "organizations: {o-a1: {levels: {r-ab12: {scps: [nobody]}}}}",
            ["11:51: no policy 'nobody'; known: all, keep, no-s3"],
        ),
        (
            "organizations: {o-a1: {levels: []}}",
            ["11:34: the levels must be an object, found a list"],
        ),
        ("organizations: [o-a1]", ["11:18: organizations must be an object, found a list"]),
    ],
)
def test_what_is_wrong_is_told_at_its_place(world: str, lines: list[str]) -> None:
    assert said(world) == lines


def test_a_level_is_told_in_one_place_only() -> None:
    assert said(SHARED, "scps: {r-ab12: [all]}") == [
        "5:100: the SCPs of 'r-ab12' are defined twice",
        "11:44: first here",
    ]
