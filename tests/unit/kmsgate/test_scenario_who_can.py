"""`who_can`: everybody of a world who can do something, over all requests that he could make."""

# ruff: noqa: E501  (a row of a table, or of a scenario, stays on its line)

from __future__ import annotations

import pytest

from kms.runtime import FixedClock, SeededEntropy
from kmsgate.scenario import reach
from kmsgate.scenario.files import load
from kmsgate.scenario.reach import Reach, told, who_can
from tests.scenario_text import messages_of, report_of, suite_text

HEAD = """\
version: 1
world:
  accounts: {main: "111122223333", partner: "444455556666"}
  roles: {app: {}, other: {}}
  users: {guest: {account: partner}}
  endpoints: {vpce-1a2b3c4d5e6f70809: {vpc: vpc-1a2b3c4d}}
  keys:
    payroll:
      aliases: [alias/payroll]
      policy:
        Version: "2012-10-17"
        Statement: [{Effect: Allow, Principal: {AWS: $app.arn}, Action: "kms:*", Resource: "*", Condition: CONDITION}]
"""


def reached(condition: str, action: str = "kms:Decrypt", more: str = "") -> dict[str, Reach]:
    """Return what becomes of the callers where a statement for `app` has a condition."""
    suite = load(
        "s.yaml",
        suite_text(
            "- {call: ListKeys}", head=HEAD.replace("CONDITION", condition), more=more
        ).encode(),
    )
    world = suite.tests[0].world
    found = who_can(
        action, world.keys["payroll"], world, world.state, FixedClock(world.clock), SeededEntropy(1)
    )
    return {each.name: each for each in found}


def test_all_callers_are_asked_the_roots_and_those_of_other_accounts_too() -> None:
    found = reached("{}")

    assert list(found) == ["root", "partner/root", "guest", "app", "other"]
    assert [name for name, each in found.items() if each.can] == ["app"]


@pytest.mark.parametrize(
    ("condition", "action", "with_"),
    [
        (
            "{StringEquals: {'kms:EncryptionContext:tenant': blue}}",
            "kms:Decrypt",
            "encryption context tenant = blue",
        ),
        (
            "{'ForAnyValue:StringEquals': {'kms:EncryptionContextKeys': tenant}}",
            "kms:Decrypt",
            "encryption context tenant = other",
        ),
        (
            "{StringEquals: {'aws:SourceVpce': vpce-9f8e7d6c5b4a32100}}",
            "kms:Decrypt",
            "through vpce-9f8e7d6c5b4a32100",
        ),
        (
            "{StringEquals: {'kms:ViaService': s3.us-east-1.amazonaws.com}}",
            "kms:Decrypt",
            "by way of s3.us-east-1.amazonaws.com",
        ),
        ("{Bool: {'aws:ViaAWSService': 'true'}}", "kms:Decrypt", "by way of s3"),
        ("{IpAddress: {'aws:SourceIp': 10.0.0.0/8}}", "kms:Decrypt", "aws:SourceIp = 10.0.0.0"),
        (
            "{NumericLessThan: {'kms:ScheduleKeyDeletionPendingWindowInDays': '10'}}",
            "kms:ScheduleKeyDeletion",
            "PendingWindowInDays = 9",
        ),
        (
            "{StringEquals: {'kms:EncryptionAlgorithm': RSAES_OAEP_SHA_256}}",
            "kms:Encrypt",
            "EncryptionAlgorithm = RSAES_OAEP_SHA_256",
        ),
        (
            "{StringEquals: {'kms:RequestAlias': alias/payroll}}",
            "kms:Decrypt",
            "named as alias/payroll",
        ),
        (
            "{StringLike: {'aws:UserAgent': 'a*z'}, StringEquals: {'aws:SourceVpc': vpc-1}}",
            "kms:Decrypt",
            "aws:UserAgent = axz, aws:SourceVpc = vpc-1",
        ),
    ],
)
def test_what_a_request_must_have_is_found(condition: str, action: str, with_: str) -> None:
    app = reached(condition, action)["app"]

    assert app.can
    assert told(app.choices) == with_


@pytest.mark.parametrize(
    "condition",
    [
        "{StringEquals: {'kms:EncryptionContext:tenant': blue}, 'Null': {'kms:EncryptionContextKeys': 'true'}}",
        "{StringEquals: {'aws:PrincipalAccount': '999999999999'}}",
        "{Bool: {'aws:ViaAWSService': 'false'}, StringEquals: {'kms:ViaService': s3.us-east-1.amazonaws.com}}",
        "{StringEquals: {'kms:SigningAlgorithm': RSASSA_PSS_SHA_256}}",
    ],
)
def test_what_no_request_can_have_is_settled_as_a_no(condition: str) -> None:
    app = reached(condition)["app"]

    assert not app.can
    assert app.unsettled == ()


def test_what_cannot_be_tried_to_the_end_is_not_settled() -> None:
    app = reached(
        "{StringLike: {'aws:UserAgent': ['a*b', 'b*a']}, Bool: {'aws:SecureTransport': maybe}}"
    )["app"]

    assert not app.can
    assert "aws:UserAgent" in app.unsettled


def test_too_many_kinds_of_request_are_not_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach, "MAX_REQUESTS", 3)
    app = reached(
        "{IpAddress: {'aws:SourceIp': 10.0.0.0/8}, Bool: {'aws:SecureTransport': maybe}}"
    )["app"]

    assert app.unsettled == ("more than 3 kinds of request",)
    assert app.requests == 4


GRANT = "    given: {grants: [{name: job, key: payroll, grantee: other, operations: [Decrypt], effective: EFFECTIVE, subset: {order: '17'}}]}\n"


def test_constraints_of_grants_are_met_and_tokens_sent() -> None:
    now = reached("{}", more=GRANT.replace("EFFECTIVE", "now"))["other"]
    later = reached("{}", more=GRANT.replace("EFFECTIVE", "2026-02-01T00:00:00Z"))["other"]

    assert told(now.choices) == "encryption context order = 17"
    assert told(later.choices) == "the token of job, encryption context order = 17"
    assert later.decision is not None
    assert later.decision.path == "grant"


# As a step

STEP = "- who_can: {action: kms:Decrypt, key: payroll, %s}"


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("exactly: [root, app, admin]", None),
        ("exactly: [main/root, main/app, admin]", None),
        ("exactly: [root, app]", "admin can kms:Decrypt"),
        ("exactly: [root, app, admin, outsider]", "outsider cannot kms:Decrypt by any request"),
        ("at_least: [app]", None),
        ("at_least: [app, auditor]", "auditor cannot kms:Decrypt by any request"),
        ("at_most: [root, app, admin, auditor]", None),
        ("at_most: [root, app]", "admin can kms:Decrypt"),
        ("at_most: []", "root can kms:Decrypt"),
    ],
)
def test_a_step_compares_who_can_with_who_is_named(said: str, message: str | None) -> None:
    assert messages_of(STEP % said) == ([message] if message else [])


def test_a_step_sees_what_others_have_changed() -> None:
    steps = f"""
    - change: {{key: payroll, drop_statement: UseKey}}
    - change: {{role: admin, delete: true}}
    {STEP % "exactly: [root]"}
    """
    assert messages_of(steps) == []


def test_a_failure_points_at_the_name_and_tells_the_way() -> None:
    assert report_of(suite_text(STEP % "exactly: [root, admin]"))[1:] == [
        "FAILED s.yaml:24:63: t",
        "   |",
        "24 |       - who_can: {action: kms:Decrypt, key: payroll, exactly: [root, admin]}",
        "   |                                                               ^ app can kms:Decrypt",
        "path:  key_policy:role: UseKey (key payroll) allows",
    ]


def test_what_is_not_settled_fails_and_says_why() -> None:
    head = HEAD.replace(
        "CONDITION",
        "{StringLike: {'aws:UserAgent': ['a*b', 'b*a']}, Bool: {'aws:SecureTransport': maybe}}",
    )

    assert messages_of(STEP % "exactly: []", head=head) == [
        "whether app can kms:Decrypt is not settled: aws:UserAgent"
    ]
    assert messages_of(STEP % "at_least: [app]", head=head) == [
        "whether app can kms:Decrypt is not settled: aws:UserAgent"
    ]
