"""Rules of style (KG701 to KG712): their edges, and what repairs them."""

from __future__ import annotations

import pytest

from policy.lint import RULES, Fix, lint
from policy.lint.fixes import applied
from policy.model import PolicyKind
from policy.reader import read
from policy.source import Source
from tests.lint_bench import decisions, document, found_in, repaired
from tests.lint_policies import (
    APP,
    DELEGATION,
    KEY,
    OPS,
    ROOT,
    allow,
    deny,
    listed,
    messages,
    pointed_at,
    where,
)
from tests.worlds import world

IDENTITY = PolicyKind.IDENTITY_POLICY


def named(sid: str, statement: str) -> str:
    return f'{{"Sid": "{sid}", {statement[1:]}'


BY_TAG = where("StringEquals", "aws:ResourceTag/Team", "a")
KEY_ONE = "1111abcd-12ab-34cd-56ef-1234567890ab"
ONE = f'"arn:aws:kms:eu-west-1:210987654321:key/{KEY_ONE}"'

# What a Sid says of a statement, and what the finding says about that
SIDS = [
    ("DenyAll", allow(OPS, "kms:Sign"), "it allows"),
    ("AllowAllDenyNone", allow(OPS, "kms:Sign"), None),
    ("Prevent deletion", allow(OPS, "kms:Sign"), "it allows"),
    ("Prevent deletion", deny("*", "kms:ScheduleKeyDeletion"), None),
    ("AllowSigning", deny(OPS, "kms:Sign"), "it denies"),
    ("AllowOnlySigning", deny(OPS, "kms:Sign"), None),
    ("DontAllowSigning", deny(OPS, "kms:Sign"), None),
    ("ReadOnly", allow(OPS, '["kms:Get*", "kms:Put*"]'), "it allows more than to look"),
    ("read-only", allow(OPS, '["kms:Get*", "kms:Describe*"]'), "it allows more than to look"),
    ("read-only", allow(OPS, '["kms:GetKeyPolicy", "kms:Describe*"]'), None),
    ("DecryptAndView", allow(OPS, '["kms:Get*", "kms:Decrypt"]'), None),
    ("KMSViewer", allow(OPS, "kms:Decrypt"), None),
    ("Enable IAM User Permissions", allow(OPS, "kms:*"), "it names no account"),
    ("Enable IAM User Permissions", DELEGATION, None),
    ("Enable IAM User Permissions", allow("ACCOUNT", "kms:*"), None),
    ("ByAlias", allow(OPS, "kms:Sign", BY_TAG), "it tests tags"),
    ("ByAlias", allow(OPS, "kms:UpdateAlias", BY_TAG), None),
    ("ByTag", allow(OPS, "kms:Sign", where("StringEquals", "kms:RequestAlias", "alias/a")),
     "it tests aliases"),
    ("ByTag", allow(OPS, "kms:Sign", BY_TAG), None),
    (f"Use of {KEY_ONE}", allow(OPS, "kms:Sign").replace('"Resource": "*"', f'"Resource": {ONE}'),
     None),
    (f"Use of {KEY_ONE}".replace("1111", "2222"),
     allow(OPS, "kms:Sign").replace('"Resource": "*"', f'"Resource": {ONE}'),
     "it is about another key"),
    (f"Use of {KEY_ONE}", allow(OPS, "kms:Sign"), None),
]  # fmt: skip


@pytest.mark.parametrize(("sid", "statement", "reason"), SIDS)
def test_a_sid_is_held_to_what_its_statement_does(
    sid: str, statement: str, reason: str | None
) -> None:
    said = [f"Sid '{sid}' does not describe this statement: {reason}"] if reason else []
    assert messages("KG702", listed(named(sid, statement))) == said


CASES = [
    # KG701: one statement alone is known by its document; an empty Sid is another rule's matter
    ("KG701", [DELEGATION], []),
    ("KG701", [DELEGATION, named("", DELEGATION)], ["{"]),
    # KG703
    ("KG703", [allow(OPS, '["KMS:Sign", "kms:sig*", "KMS:Get*", "s3:getObject", "kms:Nothing"]')],
     ['"KMS:Sign"', '"KMS:Get*"']),
    ("KG703", [allow(OPS, "kms:Sign", '{"stringEquals": {"aws:principaltag/team": "a",'
                     ' "aws:userid": "b", "custom:Key": "c"}}')],
     ['"stringEquals"', '"aws:principaltag/team"']),
    ("KG703", [allow(OPS, "kms:Sign", '{"ForAnyValue:StringLikeIfExists": {"aws:TagKeys": "a"}}')],
     []),
    # KG704
    ("KG704", [allow(OPS, "kms:Sign", '{"Bool": {"aws:SecureTransport": true}}')], []),
    ("KG704", [allow(OPS, "kms:Sign", '{"NumericLessThan": {"aws:MultiFactorAuthAge": 60}}'),
               deny("*", "kms:*", where("Bool", "aws:SecureTransport", "false"))], ["60"]),
    ("KG704", [allow(OPS, "kms:Sign", '{"StringEquals": {"kms:EncryptionContext:a": 1}}'),
               deny("*", "kms:*", where("Bool", "aws:SecureTransport", "false"))], []),
    # KG705
    ("KG705", [allow("111122223333", "kms:*"), allow(ROOT, "kms:*")], ['"111122223333"']),
    ("KG705", [allow("444455556666", "kms:*"), allow(ROOT, "kms:*")], []),
    # KG707 and KG708
    ("KG707", [allow(f'["{OPS}", "{APP}"]', '["kms:Sign", "kms:sign", "kms:Verify"]')], ["["]),
    ("KG708", [allow(f'["{OPS}"]', '["kms:Sign"]', '{"Bool": {"aws:SecureTransport": ["true"]}}')],
     ["[", "[", "["]),
    ("KG708", [allow(f'["{OPS}", "{APP}"]', "kms:Sign")], []),
    # KG709
    ("KG709", [allow(OPS, "kms:Sign", where("ArnLike", "aws:SourceArn",
                                            "arn:aws:s3:*:444455556666:a"))],
     ["111122223333", "444455556666"]),
    ("KG709", [allow("1111222233334", "kms:Sign")], []),
    ("KG709", [named("Of 111122223333", allow("210987654321", "kms:Sign"))], []),
    # KG710: one difference, in any order and form
    ("KG710", [allow(OPS, "kms:Sign"), allow(APP, "kms:Sign"), allow(OPS, "kms:Verify")],
     ["{", "{"]),
    ("KG710", [allow(OPS, "kms:Sign"), allow(APP, "kms:Verify")], []),
    ("KG710", [allow(OPS, "kms:Sign"), deny(OPS, "kms:Verify")], []),
    ("KG710", [allow(OPS, "kms:Sign"), allow(OPS, '["kms:Sign"]')], []),
    ("KG710", [allow(OPS, "kms:Sign", BY_TAG), allow(OPS, "kms:Verify")], []),
    ("KG710", [allow(f'["{OPS}", "{APP}"]', "kms:Sign"),
               allow(f'["{APP}", "{OPS}"]', "kms:Verify")], ["{"]),
]  # fmt: skip


@pytest.mark.parametrize(("code", "statements", "expected"), CASES)
def test_a_key_policy_has_exactly_these_findings(
    code: str, statements: list[str], expected: list[str]
) -> None:
    assert pointed_at(code, listed(*statements)) == expected


def test_the_order_of_a_document_counts_as_well() -> None:
    text = '{"Statement": [], "Version": "2012-10-17"}'
    assert pointed_at("KG706", text) == ['"Version"']
    assert pointed_at("KG706", '{"Statement": [], "Version": "2012-10-17", "Note": 1}') == []
    assert pointed_at("KG706", '{"Statement": [], "Version": "a", "Version": "b"}') == []


@pytest.mark.parametrize(
    ("name", "reported"),
    [
        ("policy.json", True),
        ("keys/examples.json", True),
        ("docs/Examples/policy.json", False),
        (r"my\samples\policy.json", False),
    ],
)
def test_examples_may_have_the_accounts_of_examples(name: str, reported: bool) -> None:
    found = lint(read(Source(name, listed(DELEGATION)), KEY))
    assert ("KG709" in {f.rule.code for f in found}) is reported


REPAIRS = [
    ("KG701", [DELEGATION, deny("*", '["kms:Disable*", "kms:ScheduleKeyDeletion"]')],
     [named("AllowAll", DELEGATION),
      named("DenyDisableAndScheduleKeyDeletion",
            deny("*", '["kms:Disable*", "kms:ScheduleKeyDeletion"]'))]),
    ("KG701", [named("AllowSign", allow(OPS, "kms:Sign")), allow(APP, "kms:Sign"),
               allow("*", '["kms:Sign", "kms:Sign", "kms:Verify", "kms:List*"]')],
     [named("AllowSign", allow(OPS, "kms:Sign")), named("AllowSign2", allow(APP, "kms:Sign")),
      named("AllowSignAndVerifyAndMore",
            allow("*", '["kms:Sign", "kms:Sign", "kms:Verify", "kms:List*"]'))]),
    ("KG703", [allow(OPS, '["KMS:sign", "Kms:Get*"]', where("stringlike", "AWS:userId", "a"))],
     [allow(OPS, '["kms:Sign", "kms:Get*"]', where("StringLike", "aws:userid", "a"))]),
    ("KG704", [allow(OPS, "kms:Sign", '{"Bool": {"aws:SecureTransport": [true, "false"]},'
                     ' "NumericLessThan": {"aws:MultiFactorAuthAge": 60}}')],
     [allow(OPS, "kms:Sign", '{"Bool": {"aws:SecureTransport": ["true", "false"]},'
            ' "NumericLessThan": {"aws:MultiFactorAuthAge": "60"}}')]),
    ("KG705", [allow("111122223333", "kms:*"), deny(ROOT, "kms:Sign")],
     [allow(ROOT, "kms:*"), deny(ROOT, "kms:Sign")]),
    ("KG706", ['{"Resource": "*", "Principal": "*", "Effect": "Allow", "Action": "kms:Sign"}'],
     ['{"Effect": "Allow", "Principal": "*", "Action": "kms:Sign", "Resource": "*"}']),
    ("KG707", [allow(OPS, '["kms:Verify", "kms:Sign", "kms:Decrypt"]')],
     [allow(OPS, '["kms:Decrypt", "kms:Sign", "kms:Verify"]')]),
    ("KG708", [allow(f'["{OPS}"]', '["kms:Sign"]', '{"Null": {"kms:ViaService": ["true"]}}')],
     [allow(OPS, "kms:Sign", where("Null", "kms:ViaService", "true"))]),
    ("KG710", [allow(OPS, "kms:Sign"), DELEGATION, allow(OPS, '["kms:Verify", "kms:Sign"]')],
     [allow(OPS, '["kms:Sign", "kms:Verify"]'), DELEGATION]),
    ("KG710", [allow(OPS, "kms:Sign"), allow(f'["{APP}"]', "kms:Sign")],
     [allow(f'["{OPS}", "{APP}"]', "kms:Sign")]),
]  # fmt: skip


@pytest.mark.parametrize(("code", "before", "after"), REPAIRS)
def test_the_edits_of_a_finding_repair_it(code: str, before: list[str], after: list[str]) -> None:
    text = listed(*before)
    done = repaired(text, KEY, code)
    assert done == listed(*after)
    assert pointed_at(code, done) == []
    if {f.fix for f in found_in(text, KEY, code) if f.rule.code == code} == {Fix.SAFE}:
        assert decisions(text, KEY, range(120)) == decisions(done, KEY, range(120))


def test_two_principals_that_are_not_of_one_kind_are_not_merged() -> None:
    service = allow(OPS, "kms:Sign").replace(f'"AWS": "{OPS}"', '"Service": "s3.amazonaws.com"')
    (found,) = (
        f
        for f in found_in(listed(allow(OPS, "kms:Sign"), service), KEY, "KG710")
        if f.rule.code == "KG710"
    )
    assert found.edits == ()


def test_a_pair_of_an_encryption_context_is_renamed_only_when_asked() -> None:
    """The name that a request spells exactly is looked for first (AUTH J-100)."""
    text = listed(allow(OPS, "kms:Sign", where("StringEquals", "kms:encryptionContext:App", "a")))
    (found,) = (f for f in found_in(text, KEY, "KG703") if f.rule.code == "KG703")
    assert found.fix is Fix.UNSAFE
    assert repaired(text, KEY, "KG703") == text.replace("encryptionC", "EncryptionC")


def test_a_sid_of_an_identity_policy_has_letters_and_digits() -> None:
    statement = '{"Effect": "Allow", "NotAction": "kms:Put?*", "Resource": "*"}'
    text = document(f"[{statement}, {statement}]", IDENTITY)
    done = repaired(text, IDENTITY, "KG701")
    assert '"Sid": "AllowAllButPut"' in done
    assert '"Sid": "AllowAllButPut2"' in done
    assert read(Source("p", done), IDENTITY).policy is not None


SAFE_ONES = tuple(rule for rule in RULES if rule.code >= "KG5" and Fix.SAFE in rule.fix)


def test_safe_fixes_of_generated_policies_leave_every_decision_as_it_is() -> None:
    made: set[str] = set()
    for seed in range(250):
        documents = world(seed).documents
        for policy in (documents.key_policy, *documents.identity):
            text = policy.source.text if policy is not None else ""
            if policy is None or not text:
                continue
            for finding in lint(read(Source("p", text), policy.kind), rules=SAFE_ONES):
                if finding.fix is Fix.SAFE:
                    done = applied(text, finding.edits)
                    before, after = (
                        decisions(each, policy.kind, range(30)) for each in (text, done)
                    )
                    assert before == after
                    made.add(finding.rule.code)
    assert made >= {"KG703", "KG705", "KG706", "KG707", "KG708"}
