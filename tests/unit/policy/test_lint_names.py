"""Rules about names: the edges of what they find in a fragment."""

from __future__ import annotations

import pytest

from policy.model import PolicyKind
from tests.lint_bench import document, found_in, shown

KEY, IDENTITY = PolicyKind.KEY_POLICY, PolicyKind.IDENTITY_POLICY
SCP, RCP, ENDPOINT = PolicyKind.SCP, PolicyKind.RCP, PolicyKind.ENDPOINT_POLICY


def acting(actions: str, element: str = "Action", kind: PolicyKind = IDENTITY) -> str:
    who = '"Principal": "*", ' if kind.names_principals else ""
    return f'{{"Effect": "Deny", {who}"{element}": {actions}, "Resource": "*"}}'


# Actions: kind, what stands in Action, and what is found there

ACTIONS = [
    # KG201
    (IDENTITY, '["km:Decrypt", "foo:Bar", "Decrypt", "k*", ":Sign"]',
     [("KG201", '"km:Decrypt"'), ("KG201", '"foo:Bar"'), ("KG201", '"Decrypt"'),
      ("KG201", '"k*"'), ("KG201", '":Sign"')]),
    (IDENTITY, '["*", "s3:GetObject", "S3:Get*", "KMS:Sign", "ec2:*"]', []),
    (IDENTITY, '["${X}:Sign"]', [("KG132", "${X}")]),
    (KEY, '["*"]', []),
    (KEY, '["k*", "**"]', [("KG201", '"k*"'), ("KG201", '"**"')]),
    (IDENTITY, '["x*:Sign", "zz?:Sign"]',
     [("KG207", '"x*:Sign"'), ("KG201", '"zz?:Sign"')]),
    # KG202
    (KEY, '["KMS:SIGN", "kms:signs", "kms:", "kms:*"]',
     [("KG202", '"kms:signs"'), ("KG202", '"kms:"')]),
    # KG203
    (KEY, '["kms:REENCRYPT", "kms:ReEncryptFrom", "kms:ReEncrypt?*"]',
     [("KG203", '"kms:REENCRYPT"')]),
    # KG204
    (KEY, '["kms:Sign?", "kms:*Aliases", "kms:?ign", "kms:sig*n", "KMS:Crypt*"]',
     [("KG204", '"kms:Sign?"'), ("KG204", '"KMS:Crypt*"')]),
    # KG205
    (KEY, '["km:Decrypt", "s3:*", "s3*:Get?", "k?s:Sign", "*:Sign", ":x"]',
     [("KG205", '"km:Decrypt"'), ("KG205", '"s3:*"'), ("KG205", '"s3*:Get?"'), ("KG205", '":x"')]),
    # KG206: a pattern that also matches what a key is asked is fine
    (KEY, '["kms:ListAliases", "kms:retiregrant", "kms:List*", "kms:ListKey*"]',
     [("KG206", '"kms:ListAliases"'), ("KG206", '"kms:retiregrant"')]),
    (IDENTITY, '["kms:ListAliases", "kms:CreateKey"]', []),
    # KG207
    (SCP, '["k*:Sign", "*", "*:*", "kms:Sign*"]', [("KG207", '"k*:Sign"'), ("KG207", '"*:*"')]),
    # An element that is wrong already is left to what is wrong with it.
    (KEY, '["kms:<Action>", "${aws:userid}:Sign"]',
     [("KG135", "<Action>"), ("KG129", "${aws:userid}")]),
    (KEY, '[1, {}, null]', [("KG120", "1"), ("KG120", "{"), ("KG120", "null")]),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "actions", "expected"), ACTIONS)
def test_actions_have_exactly_these_findings(
    kind: PolicyKind, actions: str, expected: list[tuple[str, str]]
) -> None:
    for element in ("Action", "NotAction"):
        if element == "Action" or "KG206" not in dict(expected):
            assert shown(document(acting(actions, element, kind), kind), kind) == expected


def test_an_exception_that_no_key_is_asked_about_is_harmless() -> None:
    assert shown(document(acting('["kms:CreateKey"]', "NotAction", KEY), KEY), KEY) == []


@pytest.mark.parametrize(
    ("action", "meant"),
    [
        ("Decrypt", "kms:Decrypt"),
        ("generatemac", "kms:GenerateMac"),
        ("km:Sign", "kms:Sign"),
        ("kmss:Sing", "kms:Sing"),
        ("sqss:SendMessage", "sqs:SendMessage"),
        ("foo:Decrypt", "kms:Decrypt"),
        ("kms:Encrpyt", "kms:Encrypt"),
        ("kms:DeleteKey", "kms:ScheduleKeyDeletion"),
        ("kms:RotateKey", "kms:RotateKeyOnDemand"),
        ("foo:Bar", None),
        ("kms:Nothing", None),
        ("Nothing", None),
    ],
)
def test_the_nearest_name_is_offered(action: str, meant: str | None) -> None:
    (finding,) = found_in(document(acting(f'"{action}"'), IDENTITY), IDENTITY)
    assert finding.message.endswith(f"; did you mean '{meant}'?" if meant else f"'{action}'")
    assert bool(finding.edits) == bool(meant)
