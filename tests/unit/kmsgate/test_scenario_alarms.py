"""Alarms of a world: what they count, what is refused, and how they stand in a test."""

# ruff: noqa: E501  (a row of a table, or of a scenario, stays on its line)

from __future__ import annotations

import datetime as dt

import pytest

from kms.alarms import AlarmRule
from kms.trail import Query
from kmsgate.scenario.files import load
from tests.scenario_text import WORLD, messages_of, said_about, suite_text

STEP = "- {call: ListKeys, as: root}"
KEY = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
APP = "arn:aws:iam::111122223333:role/app"


def world(alarm: str) -> str:
    return f"{WORLD}  alarms: {{siren: {alarm}}}\n"


def rule(alarm: str) -> AlarmRule:
    return (
        load("s.yaml", suite_text(STEP, head=world(alarm)).encode()).tests[0].world.alarms["siren"]
    )


def said(alarm: str) -> list[str]:
    """Return what is said about an alarm, without places, excerpts and help."""
    lines = said_about(suite_text(STEP, head=world(alarm)))
    return [line.split(": ", 1)[1] for line in lines if line.startswith("s.yaml:")]


@pytest.mark.parametrize(
    ("match", "query"),
    [
        ("error_message_contains: is pending deletion", Query(message="is pending deletion")),
        ("operation: Decrypt, error_code: AccessDenied", Query(operation="Decrypt", error="AccessDenied")),
        ("operation: DeleteKey", Query(operation="DeleteKey")),
        ("error_code: AccessDeniedException", Query(error="AccessDeniedException")),
        ("caller: app, key: payroll", Query(caller=APP, key=KEY)),
        (f"caller: '{APP}', key: '{KEY}'", Query(caller=APP, key=KEY)),
        ("caller: 'service:s3.amazonaws.com'", Query(caller="s3.amazonaws.com")),
        ("caller: root", Query(caller="arn:aws:iam::111122223333:root")),
    ],
)  # fmt: skip
def test_a_rule_says_what_it_counts(match: str, query: Query) -> None:
    assert rule(f"{{match: {{{match}}}}}") == AlarmRule("siren", query, 1, dt.timedelta(minutes=5))


def test_a_rule_says_how_much_is_too_much() -> None:
    found = rule("{match: {caller: app}, at_least: 3, within: 1 hour}")

    assert (found.at_least, found.within) == (3, dt.timedelta(hours=1))


@pytest.mark.parametrize(
    ("alarm", "complaint"),
    [
        ("{}", "an alarm needs 'match'"),
        ("{match: {}}", "match says nothing"),
        ("{match: {error: x}}", "unknown field 'error' in match"),
        ("{matches: {}, match: {caller: app}}", "unknown field 'matches' in an alarm"),
        ("{match: {operation: Decript}}", "operation is 'Decript', which is none"),
        ("{match: {error_code: Denied}}", "error_code is 'Denied', which is none"),
        ("{match: {caller: ap}}", "no identity 'ap'; known: admin, app, auditor, main, outsider, partner, root"),
        ("{match: {caller: payroll}}", "no identity 'payroll'; known: admin, app, auditor, main, outsider, partner, root"),
        ("{match: {key: paroll}}", "no key 'paroll'; known: payroll"),
        ("{match: {caller: [app]}}", "identity must be a text, found a list"),
        ("{match: {caller: app}, at_least: 0}", "at_least must be from 1 to 1,000"),
        ("{match: {caller: app}, at_least: 1001}", "at_least must be from 1 to 1,000"),
        ("{match: {caller: app}, at_least: many}", "at_least must be a whole number, found 'many'"),
        ("{match: {caller: app}, within: soon}", "'soon' is not a span of time"),
        ("{match: {caller: app}, within: 0 minutes}", "'0 minutes' is not a span of time"),
    ],
)  # fmt: skip
def test_what_is_no_rule_is_told(alarm: str, complaint: str) -> None:
    assert said(alarm) == [complaint]


PENDING = """
    - {call: Encrypt, with: {KeyId: $payroll.id, Plaintext: {text: hello}}, save: {blob: CiphertextBlob}}
    - {as: root, call: ScheduleKeyDeletion, with: {KeyId: $payroll.id, PendingWindowInDays: 7}}
    - look: {alarm: siren, state: OK}
    """


def test_use_of_a_key_that_is_pending_deletion_raises_the_alarm_for_a_while() -> None:
    """CORE K-148, C-59."""
    steps = (
        PENDING
        + """
    - {as: root, call: DescribeKey, with: {KeyId: $payroll.id}}
    - look: {alarm: siren, state: OK}
    - {call: Decrypt, with: {CiphertextBlob: $blob}, expect: {error: KMSInvalidStateException}}
    - look: {alarm: siren, state: ALARM}
    - {advance: 4 minutes}
    - look: {alarm: siren, state: ALARM}
    - {advance: 1 minute}
    - look: {alarm: siren, state: OK}
    """
    )
    head = world("{match: {error_message_contains: is pending deletion}}")

    assert messages_of(steps, head=head) == []


def test_three_denials_within_an_hour_are_too_many() -> None:
    head = world(
        "{match: {caller: auditor, error_code: AccessDenied}, at_least: 3, within: 1 hour}"
    )
    denied = """
    - {as: auditor, call: Decrypt, with: {CiphertextBlob: $blob}, expect: deny}
    - {advance: 40 minutes}
    """
    steps = """
    - {call: Encrypt, with: {KeyId: $payroll.id, Plaintext: {text: hello}}, save: {blob: CiphertextBlob}}
    """ + denied * 4 + """
    - look: {alarm: siren, state: OK}
    """ + denied.replace("40", "10") * 2 + """
    - look: {alarm: siren, state: OK}
    """ + denied.replace("40", "10") + """
    - look: {alarm: siren, state: ALARM}
    """  # fmt: skip

    assert messages_of(steps, head=head) == []


def test_how_an_alarm_stands_otherwise_is_told() -> None:
    head = world("{match: {caller: app}}")

    assert messages_of("- look: {alarm: siren, state: ALARM}", head=head) == [
        "state is OK, not ALARM"
    ]
