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


# Condition keys: a block of conditions, and what is found in it

KEYS = [
    # KG209
    (KEY, '{"StringEquals": {"aws:Nothing": "a", "AWS:sourceip": "a",'
          ' "aws:PrincipalTag/x/y": "a"}}',
     [("KG209", '"aws:Nothing"')]),
    (KEY, '{"Null": {"aws:requesttag:Team": "true"}}', [("KG209", '"aws:requesttag:Team"')]),
    (KEY, '{"StringEqual": {"aws:Nothing": "a"}}',
     [("KG208", '"StringEqual"'), ("KG209", '"aws:Nothing"')]),
    # KG210: registers are numbered from 0 to 31, those of a NitroTPM to 23
    (KEY, '{"Null": {"kms:RecipientAttestation:PCR31": "true", "kms:RecipientAttestation:pcr32":'
          ' "true", "kms:RecipientAttestation:NitroTPMPCR24": "true",'
          ' "kms:RecipientAttestation:PCR01": "true", "kms:RecipientAttestation:Image": "true"}}',
     [("KG210", '"kms:RecipientAttestation:pcr32"'),
      ("KG210", '"kms:RecipientAttestation:NitroTPMPCR24"'),
      ("KG210", '"kms:RecipientAttestation:PCR01"'),
      ("KG210", '"kms:RecipientAttestation:Image"')]),
    (KEY, '{"StringEquals": {"kms:EncryptionContext/app": "a", "kms:EncryptionContext:a:b": "a"}}',
     [("KG210", '"kms:EncryptionContext/app"')]),
    # KG211
    (IDENTITY, '{"Null": {"SourceIp": "true", "aws:ResourceTag": "true", "aws:requesttag/": "true",'
               ' "kms:EncryptionContext:": "true", "kms:RecipientAttestation": "true"}}',
     [("KG211", '"SourceIp"'), ("KG211", '"aws:ResourceTag"'), ("KG211", '"aws:requesttag/"'),
      ("KG211", '"kms:EncryptionContext:"'), ("KG211", '"kms:RecipientAttestation"')]),
    (KEY, '{"Null": {"aws:ResourceTag/": "true"}}', [("KG211", '"aws:ResourceTag/"')]),
    # KG212
    (KEY, '{"ArnEquals": {"aws:arn": "arn:aws:iam::111122223333:role/a"}}',
     [("KG212", '"aws:arn"')]),
    # KG213
    (KEY, '{"StringEquals": {"S3:prefix": "a", "sts:ExternalId": "a", "saml:sub": "a",'
          ' "accounts.google.com:aud": "a", "identitystore:userid": "a"}}',
     [("KG213", '"S3:prefix"'), ("KG213", '"sts:ExternalId"')]),
    (IDENTITY, '{"Effect": "Deny", "Action": ["kms:Sign", "s3:GetObject"], "Resource": "*",'
               ' "Condition": {"StringEquals": {"s3:prefix": "a"}}}', []),
    (IDENTITY, '{"Effect": "Deny", "NotAction": "kms:Sign", "Resource": "*",'
               ' "Condition": {"StringEquals": {"s3:prefix": "a"}}}', []),
    # KG214
    (KEY, '{"ForAnyValue:StringEquals": {"kms:resourcealiases": "alias/a"}}',
     [("KG214", '"kms:resourcealiases"')]),
    (IDENTITY, '{"ForAnyValue:StringEquals": {"kms:ResourceAliases": "alias/a"}}', []),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "fragment", "expected"), KEYS)
def test_condition_keys_have_exactly_these_findings(
    kind: PolicyKind, fragment: str, expected: list[tuple[str, str]]
) -> None:
    assert shown(document(fragment, kind), kind) == expected


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("aws:ResourceAliases", "kms:ResourceAliases"),
        ("kms:PrincipalTag/a:b", "aws:PrincipalTag/a:b"),
        ("aws:PrincipalTag:a/b", "aws:PrincipalTag/a/b"),
        ("kms:EncryptionContexts:a", "kms:EncryptionContext:a"),
        ("kms:GrantOperation", "kms:GrantOperations"),
        ("aws:SourceIp/24", None),
        ("aws:PrincipleTag", None),
        ("kms:Whatever", None),
        ("kms:RecipientAttestation:PCR99", None),
    ],
)
def test_the_nearest_condition_key_is_offered(key: str, meant: str | None) -> None:
    (finding,) = found_in(document(f'{{"Null": {{"{key}": "true"}}}}', IDENTITY), IDENTITY)
    assert finding.message.endswith(f"; did you mean '{meant}'?" if meant else f"'{key}'")
    assert bool(finding.edits) == bool(meant)


@pytest.mark.parametrize(
    ("key", "whole"),
    [
        ("SourceIp", "'aws:SourceIp'"),
        ("viaservice", "'kms:ViaService'"),
        ("something", "its service and a colon before it"),
        ("aws:PrincipalTag", "aws:PrincipalTag/<tag key>"),
    ],
)
def test_an_incomplete_key_is_shown_whole(key: str, whole: str) -> None:
    (finding,) = found_in(document(f'{{"Null": {{"{key}": "true"}}}}', KEY), KEY)
    assert finding.message == f"'{key}' is incomplete; write {whole}"


def test_a_key_is_not_renamed_to_one_that_stands_beside_it() -> None:
    block = '{"StringEquals": {"kms:CustomerMasterKeySpec": "SM2", "kms:keyspec": "SM2"}}'
    (finding,) = found_in(document(block, KEY), KEY)
    assert (finding.rule.code, finding.edits) == ("KG212", ())
