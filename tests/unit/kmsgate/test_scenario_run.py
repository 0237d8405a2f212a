"""Running tests: what each expectation is satisfied by, time, outside changes, and fresh worlds."""

# ruff: noqa: E501  (a row of a table, or of a scenario, stays on its line)

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from kms.shapes import operation_names
from kmsgate.scenario.files import load
from kmsgate.scenario.run import run
from tests.scenario_text import WORLD, failures, messages, messages_of, ran, suite_text

ENCRYPT = "call: Encrypt, with: {KeyId: alias/payroll, Plaintext: {text: a}}"
SEALED = f"- {{{ENCRYPT}, save: {{blob: CiphertextBlob}}}}\n"

OUTCOMES = {
    "allowed": f"{ENCRYPT}",
    "decided": "decide: Encrypt, with: {KeyId: alias/payroll}",
    "dry": f"{ENCRYPT}, dry_run: true",
    "explicit": "as: auditor, decide: Decrypt, with: {KeyId: $payroll.arn}",
    "implicit": "as: outsider, decide: Encrypt, with: {KeyId: $payroll.arn}",
    "disabled": f"{ENCRYPT}",
    "invalid": "call: Encrypt, with: {KeyId: alias/payroll}",
    "missing": "decide: Encrypt, with: {KeyId: alias/nowhere}",
}
"""Calls that come out in every way there is; that of `disabled` meets a key that is switched off."""


def messages_about(outcome: str, expect: str) -> list[str]:
    before = "- {change: {key: payroll, state: Disabled}}\n" if outcome == "disabled" else ""
    return messages_of(f"{before}- {{{OUTCOMES[outcome]}, expect: {expect}}}")


SATISFIED = {
    "allow": "allowed decided dry",
    "deny": "explicit implicit",
    "explicit deny": "explicit",
    "implicit deny": "implicit",
    "{allow: true}": "allowed decided dry",
    "{deny: true}": "explicit implicit",
    "{deny: explicit}": "explicit",
    "{deny: implicit}": "implicit",
    '{allow: "key_policy:role"}': "allowed decided dry",
    '{allow: ["key_policy:role"]}': "allowed decided dry",
    "{allow: grant}": "",
    "{layer: key_policy}": "allowed decided dry explicit implicit",
    "{layer: scp}": "",
    "{by: UseKey}": "allowed decided dry",
    "{by: NoAuditors}": "explicit",
    '{by: "key policy[2]"}': "explicit",
    "{by: [UseKey]}": "allowed decided dry",
    "{by: [UseKey, Delegate]}": "",
    "{because: principal-mismatch}": "explicit implicit",
    "{error: AccessDeniedException}": "explicit implicit",
    "{error: DisabledException}": "disabled",
    "{error: ValidationException}": "invalid",
    "{error: NotFoundException}": "missing",
    "{error: DryRunOperationException}": "dry",
    "{allow: true, error: DisabledException}": "disabled",
    "{allow: true, error: ValidationException}": "",
    "{allow: true, error: DryRunOperationException}": "dry",
    "{by: UseKey, error: DisabledException}": "disabled",
    '{message: "* is disabled."}': "disabled",
    '{message: "*"}': "explicit implicit disabled invalid missing dry",
    '{message: "*explicit deny*"}': "explicit",
    "{deny: true, error: AccessDeniedException}": "explicit implicit",
}


@pytest.mark.parametrize("expect", SATISFIED)
def test_an_expectation_is_satisfied_by_these_outcomes_and_no_others(expect: str) -> None:
    satisfied = {outcome for outcome in OUTCOMES if not messages_about(outcome, expect)}

    assert satisfied == set(SATISFIED[expect].split())


@pytest.mark.parametrize(
    ("outcome", "expect", "message"),
    [
        ("allowed", "deny", "expected deny, decision is allow"),
        ("decided", "implicit deny", "expected implicit deny, decision is allow"),
        ("explicit", "allow", "expected allow, decision is explicit deny by key_policy"),
        ("explicit", "implicit deny", "expected implicit deny, decision is explicit deny by key_policy"),
        ("implicit", "explicit deny", "expected explicit deny, decision is implicit deny by key_policy"),
        ("implicit", "{layer: scp}", "expected layer scp, decision is implicit deny by key_policy"),
        ("missing", "deny", "expected deny, it failed with NotFoundException: Alias arn:aws:kms:us-east-1:111122223333:alias/nowhere is not found."),
        ("missing", "{by: UseKey}", "expected a decision and nothing after it, it failed with NotFoundException: Alias arn:aws:kms:us-east-1:111122223333:alias/nowhere is not found."),
        ("disabled", "allow", "expected allow, it failed with DisabledException: arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab is disabled."),
        ("disabled", "{output: {}}", "expected an output, it failed with DisabledException: arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab is disabled."),
        ("allowed", "{allow: grant}", "expected allow by grant, the path is key_policy:role"),
        ("allowed", "{by: Delegate}", "expected by Delegate, it is by UseKey, key policy[1]"),
        ("implicit", "{by: UseKey}", "expected by UseKey, it is by nothing"),
        ("allowed", "{because: scp}", "expected because scp, the reasons are none"),
        ("allowed", "{error: NotFoundException}", "expected error NotFoundException, decision is allow"),
        ("allowed", "{message: x}", "expected message 'x', there is no message"),
        ("disabled", "{message: x}", "expected message 'x', it reads 'arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab is disabled.'"),
    ],
)  # fmt: skip
def test_what_went_otherwise_is_told_in_one_sentence(
    outcome: str, expect: str, message: str
) -> None:
    assert messages_about(outcome, expect) == [message]


def test_without_a_word_the_call_must_succeed() -> None:
    assert messages_of(f"- {{{ENCRYPT}}}") == []
    assert messages_of("- {as: outsider, decide: Encrypt, with: {KeyId: $payroll.arn}}") == [
        "expected allow, decision is implicit deny by key_policy"
    ]


def test_several_paths_are_those_of_the_last_checks_in_order() -> None:
    step = (
        SEALED + "- {as: admin, call: ReEncrypt, with: {CiphertextBlob: $blob, "
        "DestinationKeyId: $payroll.arn}, expect: {allow: [%s]}}"
    )
    account = '"key_policy:account+identity"'

    assert messages_of(step % f"{account}, {account}") == []
    assert messages_of(step % account) == []
    assert messages_of(step % f"grant, {account}") == [
        "expected allow by grant, key_policy:account+identity, the path is "
        "key_policy:account+identity, key_policy:account+identity"
    ]


def test_grants_go_by_name_and_by_id() -> None:
    given = "    given: {grants: [{name: job, key: payroll, grantee: outsider, operations: [Encrypt]}]}\n"
    step = "- {as: outsider, decide: Encrypt, with: {KeyId: $payroll.arn}, expect: {by: %s}}"

    assert messages_of(step % "job", more=given) == []
    assert messages_of(step % "$job.id", more=given) == []
    assert len(messages_of(step % "other", more=given)) == 1


def test_a_test_stops_at_its_first_failure() -> None:
    steps = f"- {{{ENCRYPT}, expect: deny}}\n- {{{ENCRYPT}, expect: deny}}"

    assert messages_of(steps) == ["expected deny, decision is allow"]


# Outputs, events, saved values


def test_output_and_event_are_compared() -> None:
    step = f"- {{{ENCRYPT}, expect: %s}}"

    assert messages_of(step % "{output: {KeyId: $payroll.arn}}") == []
    assert messages_of(step % "{output: {KeyId: x}}") == [
        "KeyId is arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab, "
        "not x"
    ]
    assert messages_of(step % "{event: {eventName: Encrypt, outcome: success}}") == []
    assert messages_of(step % "{event: {errorCode: {absent: true}}}") == []
    assert messages_of(step % "{event: {eventName: Decrypt}}") == [
        "eventName is Encrypt, not Decrypt"
    ]


def test_the_event_of_a_refusal_can_be_expected() -> None:
    step = (
        "- {as: outsider, call: DescribeKey, with: {KeyId: $payroll.arn}, "
        "expect: {deny: true, event: {errorCode: AccessDenied, outcome: denied}}}"
    )

    assert messages_of(step) == []


def test_members_of_the_output_are_saved_also_from_inside() -> None:
    steps = """
        - {as: root, call: CreateKey, with: {Description: mine}, save: {id: KeyMetadata.KeyId, arn: KeyMetadata.Arn}}
        - {as: root, call: DescribeKey, with: {KeyId: $id}, expect: {output: {KeyMetadata: {Arn: $arn, Description: mine}}}}
        """

    assert messages_of(steps) == []


def test_a_member_that_did_not_come_cannot_be_saved() -> None:
    step = "- {as: root, call: ListKeys, save: {more: NextMarker}}"

    assert messages_of(step) == ["the output has no NextMarker to save as $more"]


def test_a_number_that_was_saved_can_be_sent_and_expected_again() -> None:
    steps = """
        - call: ScheduleKeyDeletion
          as: root
          with: {KeyId: $payroll.id, PendingWindowInDays: $days}
          expect: {output: {PendingWindowInDays: $days}}
          save: {window: PendingWindowInDays}
        - {as: root, call: CancelKeyDeletion, with: {KeyId: $payroll.id}}
        - call: ScheduleKeyDeletion
          as: root
          with: {KeyId: $payroll.id, PendingWindowInDays: $window}
          expect: {output: {PendingWindowInDays: 7}}
        - advance: {days: $window}
        - look: {key: payroll, KeyState: {absent: true}}
        """

    assert messages_of(steps, more="    each: {days: [7]}\n") == []


def test_a_value_of_another_type_is_told_when_it_is_used() -> None:
    steps = SEALED + "- {%s}"

    assert messages_of(steps % "as: $blob, call: ListKeys") == ["$blob does not hold a text"]
    assert messages_of(steps % "advance: $blob") == ["$blob does not hold a text"]


def test_a_caller_that_is_nobody_when_it_is_used_is_told() -> None:
    steps = "- {as: root, call: ListKeys, save: {t: Truncated}}\n- {as: $t, call: ListKeys}"

    assert messages_of(steps) == ["no identity 'false'; known: admin, app, auditor, outsider, root"]


# The way of a call


def test_context_via_endpoint_and_region_reach_the_policies() -> None:
    statement = (
        "{Sid: No, Effect: Deny, Principal: '*', Action: 'kms:*', Resource: '*', "
        "Condition: {StringEquals: {%s: %s}}}"
    )
    decide = "decide: Encrypt, with: {KeyId: $payroll.arn}"
    for key, value, fields in (
        ("aws:SourceIp", "10.0.0.1", "context: {aws:SourceIp: 10.0.0.1}"),
        ("kms:ViaService", "s3.us-east-1.amazonaws.com", "via: s3"),
        ("aws:SourceVpce", "vpce-1a", "endpoint: vpce-1a"),
        ("aws:SourceVpce", "vpce-1a", "endpoint: $door"),
        ("kms:ViaService", "s3.us-east-1.amazonaws.com", "via: $service"),
    ):
        change = f"- {{change: {{key: payroll, add_statement: {statement % (key, value)}}}}}\n"
        each = "    each: {door: [vpce-1a], service: [s3]}\n"
        denied = f"- {{{decide}, {fields}, expect: {{by: No}}}}"
        allowed = f"- {{{decide}, expect: allow}}\n"
        assert messages_of(change + allowed + denied, more=each) == []


def test_a_key_of_another_region_is_not_found_here() -> None:
    decide = "decide: Encrypt, with: {KeyId: $payroll.id}"

    assert messages_of(f"- {{{decide}, region: us-east-1}}") == []
    (message,) = messages_of(f"- {{{decide}, region: eu-west-1}}")
    assert "NotFoundException" in message


def test_a_region_that_comes_from_each_has_the_form_of_one() -> None:
    step = "- {call: ListKeys, as: root, region: $where}"

    assert messages_of(step, more="    each: {where: [mars]}\n") == [
        "'mars' is not a Region such as eu-west-1"
    ]


def test_a_dry_run_changes_nothing() -> None:
    steps = """
        - {as: root, call: CreateGrant, dry_run: true, with: {KeyId: $payroll.id, GranteePrincipal: $app.arn, Operations: [Decrypt]}, expect: allow}
        - look: {key: payroll, Grants: 0}
        """

    assert messages_of(steps) == []


# Time


def test_time_goes_on_by_spans_and_to_moments() -> None:
    steps = """
        - {as: root, call: ScheduleKeyDeletion, with: {KeyId: $payroll.id, PendingWindowInDays: 7}}
        - advance: 6 days
        - advance: {hours: 23, minutes: 59}
        - look: {key: payroll, KeyState: PendingDeletion}
        - advance_to: 2026-01-12T09:00:00Z
        - {as: root, decide: DescribeKey, with: {KeyId: $payroll.id}, expect: {error: NotFoundException}}
        """

    assert messages_of(steps) == []


def test_a_clock_is_never_moved_back_nor_beyond_its_end() -> None:
    assert messages_of("- advance_to: 2026-01-01") == ["it is 2026-01-05T09:00:00Z already"]
    assert messages_of("- advance: 52000 weeks\n- advance: 52000 weeks") == [
        "clocks end in the year 3000"
    ]
    assert messages_of("- advance_to: $now") == []


# Outside changes


def test_statements_are_added_and_dropped_from_outside() -> None:
    steps = """
        - {decide: Encrypt, with: {KeyId: $payroll.arn}, expect: allow}
        - change: {key: payroll, drop_statement: UseKey}
        - {decide: Encrypt, with: {KeyId: $payroll.arn}, expect: implicit deny}
        - change: {key: payroll, add_statement: {Sid: New, Effect: Allow, Principal: {AWS: $app.arn}, Action: kms:Encrypt, Resource: "*"}}
        - {decide: Encrypt, with: {KeyId: $payroll.arn}, expect: {allow: true, by: New}}
        - change: {key: payroll, policy: default}
        - {decide: Encrypt, with: {KeyId: $payroll.arn}, expect: implicit deny}
        """

    assert messages_of(steps) == []


def test_a_statement_that_is_not_there_cannot_be_dropped() -> None:
    assert messages_of("- change: {key: payroll, drop_statement: Nobody}") == [
        "there is no statement 'Nobody'"
    ]


def test_a_policy_cannot_lose_its_last_statement() -> None:
    steps = """
        - change: {key: payroll, drop_statement: UseKey}
        - change: {key: payroll, drop_statement: NoAuditors}
        - change: {key: payroll, drop_statement: Delegate}
        """

    assert messages_of(steps) == ["the key cannot have this policy: the policy has no statement"]


def test_a_policy_with_a_saved_value_is_checked_when_it_is_put() -> None:
    steps = """
        - {as: root, call: ListKeys, save: {t: Truncated}}
        - change: {key: payroll, add_statement: {Effect: $t, Principal: "*", Action: "*", Resource: "*"}}
        """

    (message,) = messages_of(steps)
    assert message.startswith('the key cannot have this policy: Effect must be "Allow"')


def test_a_key_that_is_gone_cannot_be_changed() -> None:
    steps = """
        - {as: root, call: ScheduleKeyDeletion, with: {KeyId: $payroll.id, PendingWindowInDays: 7}}
        - advance: 7 days
        - {as: root, call: ListKeys}
        - change: {key: payroll, state: Enabled}
        """

    assert messages_of(steps) == ["key 'payroll' is gone"]


@pytest.mark.parametrize("state", ["Disabled", "PendingDeletion", "PendingImport"])
def test_a_key_goes_to_any_state_from_outside(state: str) -> None:
    steps = f"""
        - change: {{key: payroll, state: {state}}}
        - look: {{key: payroll, KeyState: {state}}}
        - {{call: Encrypt, with: {{KeyId: alias/payroll, Plaintext: {{text: a}}}}, expect: {{message: "*"}}}}
        - {{decide: Encrypt, with: {{KeyId: alias/payroll}}, expect: allow}}
        """

    assert messages_of(steps) == []


def test_a_look_sees_what_is_due_and_an_event_before_it() -> None:
    """CORE K-35, K-120."""
    steps = """
        - look: {key: payroll, CurrentKeyMaterialId: {length: 64}}
        - {as: root, call: DescribeKey, with: {KeyId: $payroll.id}, save: {old: KeyMetadata.CurrentKeyMaterialId}}
        - {as: root, call: RotateKeyOnDemand, with: {KeyId: $payroll.id}}
        - look: {event: last, eventName: RotateKeyOnDemand}
        - look: {key: payroll, CurrentKeyMaterialId: $old}
        """

    (message,) = messages_of(steps)
    assert message.startswith("CurrentKeyMaterialId")


def test_a_key_without_material_cannot_be_switched_on() -> None:
    steps = """
        - change: {key: payroll, state: PendingImport}
        - change: {key: payroll, state: Enabled}
        """

    assert messages_of(steps) == ["key 'payroll' has no material for this state"]


def test_tags_of_keys_and_identities_change_from_outside() -> None:
    condition = "Condition: {StringEquals: {'aws:ResourceTag/team': '${aws:PrincipalTag/team}'}}"
    team = f"{{Sid: Team, Effect: Allow, Action: kms:Encrypt, Resource: '*', {condition}}}"
    steps = f"""
        - change: {{role: admin, policies: [{{Version: "2012-10-17", Statement: {team}}}]}}
        - {{as: admin, decide: Encrypt, with: {{KeyId: $payroll.arn}}, expect: implicit deny}}
        - change: {{key: payroll, tags: {{team: red}}}}
        - change: {{role: admin, tags: {{team: red}}}}
        - {{as: admin, decide: Encrypt, with: {{KeyId: $payroll.arn}}, expect: {{by: Team}}}}
        """

    assert messages_of(steps) == []


def test_policies_and_boundaries_of_identities_change_from_outside() -> None:
    nothing = "{Statement: {Effect: Allow, Action: 's3:*', Resource: '*'}}"
    steps = f"""
        - {{as: admin, decide: Encrypt, with: {{KeyId: $payroll.arn}}, expect: allow}}
        - change: {{identity: admin, boundary: {nothing}}}
        - {{as: admin, decide: Encrypt, with: {{KeyId: $payroll.arn}}, expect: {{deny: implicit, because: boundary}}}}
        - change: {{identity: admin, policies: []}}
        - {{as: admin, decide: Encrypt, with: {{KeyId: $payroll.arn}}, expect: {{deny: implicit, layer: identity}}}}
        """

    assert messages_of(steps) == []


def test_who_is_deleted_is_nobody_and_who_is_made_again_is_somebody_else() -> None:
    steps = """
        - {decide: Encrypt, with: {KeyId: $payroll.arn}, expect: allow}
        - change: {identity: app, recreate: true}
        - {decide: Encrypt, with: {KeyId: $payroll.arn}, expect: implicit deny}
        - change: {identity: admin, delete: true}
        - {as: admin, decide: Encrypt, with: {KeyId: $payroll.arn}, expect: deny}
        """

    assert messages_of(steps) == ["no identity 'admin'; known: admin, app, auditor, outsider, root"]


def test_who_was_deleted_can_only_be_made_again() -> None:
    steps = """
        - change: {identity: admin, delete: true}
        - change: {identity: admin, %s}
        """

    assert messages_of(steps % "recreate: true") == []
    assert messages_of(steps % "tags: {a: b}") == ["'admin' is gone"]
    assert messages_of(steps % "delete: true") == ["'admin' is gone"]


ORGANIZATION = WORLD.replace(
    'main: "111122223333"',
    'main: {id: "111122223333", organization: {path: o-a1/r-ab12/ou-ab12-prod, scps: {}}}',
)


def test_guardrails_and_endpoint_policies_change_from_outside() -> None:
    deny = "{Statement: {Effect: Deny, Action: 'kms:Encrypt', Resource: '*'}}"
    some = "{Statement: {Effect: Allow, Principal: '*', Action: 'kms:Decrypt', Resource: '*'}}"
    decide = "decide: Encrypt, endpoint: office, with: {KeyId: $payroll.arn}"
    steps = f"""
        - {{{decide}, expect: allow}}
        - change: {{endpoint: office, policy: {some}}}
        - {{{decide}, expect: {{deny: implicit, because: vpce}}}}
        - change: {{scp: main, policies: {{ou-ab12-prod: [{{managed: FullAWSAccess}}, {deny}]}}}}
        - {{{decide}, expect: {{deny: explicit, layer: scp}}}}
        - change: {{scp: main, policies: {{account: [], ou-ab12-prod: [{{managed: FullAWSAccess}}]}}}}
        - {{{decide}, expect: {{deny: implicit, because: scp}}}}
        """
    head = ORGANIZATION.replace("  roles:", "  endpoints: {office: {}}\n  roles:")

    assert messages_of(steps, head=head) == []


def test_guardrails_that_do_not_bind_an_account_cannot_be_changed() -> None:
    assert messages_of("- change: {rcp: main, policies: {}}", head=ORGANIZATION) == [
        "no rcp binds account 'main'"
    ]


# Looks


def test_looks_see_keys_aliases_grants_and_the_last_event() -> None:
    steps = """
        - as: app
          call: CreateGrant
          with: {KeyId: $payroll.id, GranteePrincipal: $admin.arn, Operations: [Decrypt], Name: job}
          save: {grant: GrantId}
        - look: {key: payroll, Grants: 1, Enabled: true, Aliases: [alias/payroll], DeletionDate: {absent: true}}
        - look: {alias: alias/payroll, TargetKeyId: $payroll.id}
        - look: {alias: alias/nowhere, TargetKeyId: {absent: true}}
        - look: {grant: $grant, Name: job, Operations: [Decrypt], GranteePrincipal: $admin.arn}
        - look: {event: last, eventName: CreateGrant, eventTime: $now}
        - {as: app, call: RevokeGrant, with: {KeyId: $payroll.id, GrantId: $grant}, expect: deny}
        - {as: root, call: RevokeGrant, with: {KeyId: $payroll.id, GrantId: $grant}}
        - look: {grant: $grant, Name: {absent: true}}
        """

    assert messages_of(steps) == []


def test_the_last_event_is_that_of_the_caller_and_not_the_copy_for_the_owner_of_the_key() -> None:
    """CORE K-183."""
    steps = """
        - change:
            key: payroll
            add_statement: {Effect: Allow, Principal: {AWS: $outsider.arn}, Action: kms:Encrypt, Resource: "*"}
        - {as: outsider, call: Encrypt, with: {KeyId: $payroll.arn, Plaintext: {text: x}}, context: {"aws:SourceIp": 192.0.2.1}}
        - look:
            event: last
            userIdentity: {type: IAMUser, arn: $outsider.arn}
            recipientAccountId: $partner.id
            sharedEventID: {length: 36}
            sourceIPAddress: 192.0.2.1
            readOnly: true
            additionalEventData: {keyMaterialId: {length: 64}}
            errorCode: {absent: true}
        """

    assert messages_of(steps) == []


@pytest.mark.parametrize(
    ("look", "message"),
    [
        ("{key: payroll, Enabled: false}", "Enabled is true, not false"),
        ("{key: payroll, KeyId: {absent: true}}", "KeyId is there: 1234abcd-12ab-34cd-56ef-1234567890ab"),
        ("{key: payroll, DeletionDate: 2026-01-01}", "there is no DeletionDate"),
        ("{alias: alias/nowhere, TargetKeyId: x}", "there is no such alias now"),
        ("{event: last, eventName: Encrypt}", "there is no such event now"),
        ("{key: payroll, Tags: [a]}", "Tags is {}, not a list"),
    ],
)  # fmt: skip
def test_what_looks_otherwise_is_told(look: str, message: str) -> None:
    assert messages_of(f"- look: {look}") == [message]


# Other events than the last, and values


EVENTS = f"""\
{SEALED}
- {{as: admin, call: DescribeKey, with: {{KeyId: alias/payroll}}}}
- {{call: Decrypt, with: {{CiphertextBlob: $blob}}}}
- {{as: outsider, call: DescribeKey, with: {{KeyId: $payroll.arn}}, expect: deny}}
"""


@pytest.mark.parametrize(
    ("match", "found"),
    [
        ("{caller: app}", "[{eventName: Encrypt}, {eventName: Decrypt}]"),
        ("{key: payroll, operation: DescribeKey}", "[{errorCode: {absent: true}}, {errorCode: AccessDenied}]"),
        ("{error_code: AccessDenied}", "{length: 1}"),
        ("{caller: auditor}", "[]"),
    ],
)  # fmt: skip
def test_events_are_found_by_what_they_are_about(match: str, found: str) -> None:
    assert messages_of(f"{EVENTS}- look: {{events: {match}, found: {found}}}") == []


def test_an_event_of_two_accounts_is_found_once() -> None:
    """CORE K-183: the copy for the owner of the key is the same call."""
    steps = """\
        - change: {key: payroll, policy: {Version: "2012-10-17", Statement: [{Effect: Allow, Principal: "*", Action: "kms:*", Resource: "*"}]}}
        - {as: outsider, call: DescribeKey, with: {KeyId: $payroll.arn}}
        - look: {events: {operation: DescribeKey}, found: {length: 1}}
    """

    assert messages_of(steps) == []


@pytest.mark.parametrize(
    ("look", "message"),
    [
        ("{events: {caller: app}, found: []}", "found has 2 entries, not 0"),
        ("{events: {caller: app}, found: [{eventName: Decrypt}, {}]}", "found[0].eventName is Encrypt, not Decrypt"),
        ("{value: $blob, is: {length: 3}}", "it has length 97, not 3"),
        ("{value: {hex: 5a}, is: {not: {hex: 5a}}}", "it is 1 bytes, which it must not be"),
    ],
)  # fmt: skip
def test_events_and_values_that_are_otherwise_are_told(look: str, message: str) -> None:
    assert messages_of(f"{EVENTS}- look: {look}") == [message]


def test_a_value_is_looked_at_as_it_was_saved() -> None:
    steps = """\
        - {call: Encrypt, with: {KeyId: alias/payroll, Plaintext: {text: secret}}, save: {blob: CiphertextBlob, key: KeyId}}
        - look: {value: $blob, is: {not: {contains: {text: secret}}}}
        - look: {value: $key, is: $payroll.arn}
        - look: {value: {text: secret}, is: {contains: {text: cre}}}
    """

    assert messages_of(steps) == []


# Matrices

MATRIX = f"""\
{WORLD}tests:
  - name: who may do what
    matrix:
      key: payroll
      table: |
        operation    app  admin  auditor  root
        Encrypt      A    .      A        A
        Decrypt      A    A      X        .
        DescribeKey  .    A      A        A
"""


def test_a_matrix_goes_on_after_a_wrong_cell() -> None:
    found = [(failure.title, failure.message) for failure in failures(MATRIX)]

    assert found == [
        ("Encrypt by admin", "expected implicit deny, decision is allow"),
        ("Decrypt by root", "expected implicit deny, decision is allow"),
    ]


def test_cells_do_not_disturb_each_other_and_every_operation_can_be_asked() -> None:
    rows = "".join(f"        {name}  A\n" for name in sorted(operation_names()))
    regions = "{ReplicaRegion: eu-west-1, PrimaryRegion: eu-west-1}"
    text = f"{WORLD}tests:\n  - name: m\n    matrix:\n      key: payroll\n"
    text += f"      with: {regions}\n      table: |\n"
    told = [
        failure.message
        for failure in failures(f"{text}        operation root\n{rows}")
        if not failure.message.startswith("expected allow, decision is implicit deny")
    ]

    assert [message for message in told if "NotFound" in message or "failed" not in message] == []


def test_a_matrix_asks_in_the_region_and_context_of_its_key() -> None:
    world = WORLD.replace("    payroll:\n", "    payroll:\n      region: eu-west-1\n")
    matrix = "{key: payroll, allow: {app: [Encrypt]}, context: {aws:SourceIp: 10.0.0.1}, with: {EncryptionContext: {a: b}}}"

    assert messages(f"{world}tests:\n  - name: m\n    matrix: {matrix}\n") == []


def test_each_also_varies_a_matrix() -> None:
    world = f"{WORLD}tests:\n  - name: m\n    each: {{ip: [10.0.0.1, 10.0.0.2]}}\n"
    matrix = "{key: payroll, allow: {app: [Encrypt, ScheduleKeyDeletion, Decrypt, CancelKeyDeletion]}, context: {aws:SourceIp: $ip}}"
    assert [failure.title for failure in failures(f"{world}    matrix: {matrix}\n")] == [
        "ScheduleKeyDeletion by app",
        "CancelKeyDeletion by app",
    ] * 2


# Worlds are fresh


def test_each_test_starts_from_a_fresh_world_whatever_ran_before() -> None:
    kinds = {
        "spoils": "[{change: {key: payroll, state: Disabled}}, {advance: 40 days}]",
        "grants": "[{as: root, call: CreateGrant, with: {KeyId: $payroll.id, GranteePrincipal: $app.arn, Operations: [Decrypt]}}]",
        "deletes": "[{change: {identity: app, delete: true}}]",
        "works": f"[{{{ENCRYPT}, expect: {{event: {{eventTime: 2026-01-05T09:00:00Z}}}}}}, {{look: {{key: payroll, Grants: 0}}}}]",
    }  # fmt: skip
    tests = "".join(f"  - {{name: {n}, as: app, steps: {steps}}}\n" for n, steps in kinds.items())
    suite = load("s.yaml", f"{WORLD}tests:\n{tests}".encode())

    for order in itertools.permutations(suite.tests):
        results = run(replace(suite, tests=order))
        assert {result.test.name: result.passed for result in results} == dict.fromkeys(kinds, True)


def test_the_same_file_gives_the_same_values_every_time() -> None:
    steps = (
        SEALED + "- {call: Decrypt, with: {CiphertextBlob: $blob}, expect: {output: {KeyId: x}}}"
    )
    text = suite_text(steps)

    first, second = load("s.yaml", text.encode()), load("s.yaml", text.encode())
    told = [
        [(reply.output, reply.event) for result in run(suite) for _, reply in result.told]
        for suite in (first, first, second)
    ]
    assert told[0] == told[1] == told[2]


def test_only_wanted_tests_run() -> None:
    text = suite_text(f"- {{{ENCRYPT}}}", more="    each: {n: [1, 2, 3]}\n")
    suite = load("s.yaml", text.encode())

    results = list(run(suite, lambda test: "2" in test.name))
    assert [result.test.name for result in results] == ["t [n=2]"]


# Secrets


def test_no_message_shows_a_token_a_plaintext_or_a_ciphertext() -> None:
    token = "a-token-that-opens-something"
    given = (
        "    given: {grants: [{name: job, key: payroll, grantee: app, operations: [Decrypt], "
        f"token: {token}}}]}}\n"
    )
    grant = "call: CreateGrant, with: {KeyId: $payroll.id, GranteePrincipal: $app.arn, Operations: [Decrypt]}"
    for steps in (
        f"- {{as: root, {grant}, expect: {{output: {{GrantToken: x}}}}}}",
        f"- {{as: root, {grant}, expect: {{output: {{GrantToken: {{absent: true}}}}}}}}",
        f"- {{as: root, {grant}, expect: {{output: {{GrantToken: {{matches: '^$'}}}}}}}}",
        f"- {{as: root, {grant}, expect: {{output: {{GrantToken: {{a: b}}}}}}}}",
        f"- {{as: root, {grant}, save: {{t: GrantToken}}}}\n- {{decide: Encrypt, with: {{KeyId: $payroll.arn}}, expect: {{by: $t}}}}",
        f"- {{as: root, {grant}, save: {{t: GrantToken}}}}\n- {{as: $t, call: ListKeys}}",
        f"- {{as: root, {grant}, save: {{t: GrantToken}}}}\n- {{as: root, call: DescribeKey, with: {{KeyId: $t}}}}",
        f"- {{as: root, {grant}, save: {{t: GrantToken}}}}\n- {{advance: $t}}",
        f"- {{as: root, {grant}, save: {{t: GrantToken}}}}\n- {{as: root, {grant}, expect: {{output: {{GrantId: $t}}}}}}",
        "- {decide: Encrypt, with: {KeyId: $payroll.arn}, expect: {by: $job.token}}",
        "- {as: root, call: DescribeKey, with: {KeyId: $job.token}}",
    ):
        suite = load("s.yaml", suite_text(steps, more=given).encode())
        for result in run(suite):
            made = [reply.output["GrantToken"] for _, reply in result.told
                    if reply.output and "GrantToken" in reply.output]  # fmt: skip
            assert result.failures
            for failure in result.failures:
                assert not any(secret in failure.message for secret in (*made, token))


def test_bytes_are_shown_by_their_size_only() -> None:
    steps = (
        SEALED
        + "- {call: Decrypt, with: {CiphertextBlob: $blob}, expect: {output: {Plaintext: %s}}}"
    )

    assert messages_of(steps % "{text: salaries}") == ["Plaintext is 1 bytes, not 8 bytes"]
    assert messages_of(steps % "{absent: true}") == ["Plaintext is there: 1 bytes"]
    (message,) = messages_of(steps % "$blob")
    assert message.startswith("Plaintext is 1 bytes, not ")


def test_a_failure_names_the_key_of_its_decision() -> None:
    (failure,) = failures(suite_text(f"- {{{ENCRYPT}, expect: deny}}"))

    assert failure.key == "payroll"
    assert failure.decision is not None
    assert ran(MATRIX).failed == 1
