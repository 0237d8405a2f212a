"""Trust policies of a world's roles: what they say, and what is wrong with them."""

from __future__ import annotations

import pytest

from kmsgate.scenario.files import load
from policy import Policy
from tests.scenario_text import said_about

STATEMENT = "{Effect: Allow, Principal: {AWS: '111122223333'}, Action: 'sts:AssumeRole'}"


def text_of(trust: str) -> str:
    return (
        "version: 1\nworld:\n  accounts: {main: '111122223333'}\n"
        f"  roles: {{app: {{trust: {trust}}}}}\n"
        "tests: [{name: t, steps: [{call: ListKeys, as: root}]}]\n"
    )


def trust_of(trust: str) -> Policy | None:
    world = load("s.yaml", text_of(trust).encode()).tests[0].world
    return world.state.directory.identities[str(world.arns["app"])].trust


@pytest.mark.parametrize("statements", [STATEMENT, f"[{STATEMENT}, {STATEMENT}]"])
def test_a_role_has_its_trust_policy(statements: str) -> None:
    found = trust_of(f"{{Version: '2012-10-17', Statement: {statements}}}")

    assert found is not None
    assert found.name == "trust policy"
    for statement in found.statements:
        assert statement.resource is not None
        assert [entry.text for entry in statement.resource.patterns] == ["*"]


@pytest.mark.parametrize(
    ("trust", "message"),
    [
        ("anybody", "the trust policy of a role is written out here"),
        ("[]", "the trust policy of a role is written out here"),
        ("{Version: '2012-10-17', Statement: 3}", "Statement"),
        ("{Version: '2012-10-17', Statement: [3]}", "'Statement' must be"),
        ("{Version: '2012-10-17'}", "no statement"),
        ("{Version: '2012-10-17', Statement: {Effect: Allow, Action: 'sts:*'}}", "Principal"),
        (
            f"{{Version: '2012-10-17', Statement: {STATEMENT[:-1]}, Resource: '*'}}}}",
            "a trust policy names no resource",
        ),
    ],
)
def test_what_is_no_trust_policy_is_told(trust: str, message: str) -> None:
    assert message in said_about(text_of(trust))[0]
