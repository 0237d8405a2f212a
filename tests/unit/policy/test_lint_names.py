"""Rules about names: the edges of what they find in a fragment."""

from __future__ import annotations

import pytest

from policy.lint import Severity
from policy.model import PolicyKind
from tests.lint_bench import document, found_in
from tests.lint_bench import shown as shown_of_all

KEY, IDENTITY = PolicyKind.KEY_POLICY, PolicyKind.IDENTITY_POLICY
SCP, RCP, ENDPOINT = PolicyKind.SCP, PolicyKind.RCP, PolicyKind.ENDPOINT_POLICY


def shown(text: str, kind: PolicyKind) -> list[tuple[str, str]]:
    """Return what is found of the names, and not what is found of their meaning."""
    return [found for found in shown_of_all(text, kind) if found[0] < "KG3"]


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


# Principals: kind, what stands in Principal, and what is found there


def naming(principal: str, element: str = "Principal") -> str:
    return f'{{"Effect": "Deny", "{element}": {principal}, "Action": "kms:Sign", "Resource": "*"}}'


PRINCIPALS = [
    # KG216: what is right
    (KEY, '{"AWS": ["*", "111122223333", "arn:aws:iam::111122223333:root",'
          ' "arn:aws-cn:iam::111122223333:user/x/y", "arn:aws:iam::111122223333:role/x",'
          ' "arn:aws:sts::111122223333:assumed-role/x/y", "AROAEXAMPLEID12345",'
          ' "arn:aws:sts::111122223333:federated-user/x"]}', []),
    # and what is not
    (KEY, '{"AWS": ["arn:aws:iam::111122223333:policy/x", "arn:aws:iam::111122223333:role/"]}',
     [("KG216", '"arn:aws:iam::111122223333:policy/x"'),
      ("KG216", '"arn:aws:iam::111122223333:role/"')]),
    (IDENTITY, "{}", [("KG118", '"Principal"'), ("KG124", "{}")]),
    (RCP, '{"AWS": "x"}', [("KG136", "{")]),
    # KG217 goes before KG216 and KG218
    (KEY, '{"AWS": ["arn:aws:iam::111122223333:group/a", "arn:aws:iam::111122223333:group/*"]}',
     [("KG217", '"arn:aws:iam::111122223333:group/a"'),
      ("KG217", '"arn:aws:iam::111122223333:group/*"')]),
    # KG218
    (ENDPOINT, '{"AWS": "arn:aws:iam::*:root", "Service": "*.amazonaws.com", "Federated": "a?"}',
     [("KG218", '"arn:aws:iam::*:root"'), ("KG218", '"*.amazonaws.com"'), ("KG218", '"a?"')]),
    (KEY, '{"Service": "s3.*.amazonaws.com"}', [("KG218", '"s3.*.amazonaws.com"')]),
    # KG219
    (KEY, '{"Federated": "*", "CanonicalUser": ["a", "b"]}',
     [("KG219", '"Federated"'), ("KG219", '"CanonicalUser"')]),
    (ENDPOINT, '{"Federated": "cognito-identity.amazonaws.com"}', []),
    # KG220
    (KEY, '{"Service": ["*", "delivery.logs.amazonaws.com", "s3.eu-west-1.amazonaws.com",'
          ' "ec2.amazonaws.com.cn", "dnssec-route53.amazonaws.com"]}', []),
    (KEY, '{"Service": ["S3.amazonaws.com", "s3", "", "s3.amazonaws.com.de", "x.amazonaws.com",'
          ' "eu-west-1.amazonaws.com"]}',
     [("KG220", '"S3.amazonaws.com"'), ("KG220", '"s3"'), ("KG220", '""'),
      ("KG220", '"s3.amazonaws.com.de"'), ("KG220", '"x.amazonaws.com"'),
      ("KG220", '"eu-west-1.amazonaws.com"')]),
    # Templates are left to what knows them.
    (KEY, '{"AWS": "arn:aws:iam::${AWS::AccountId}:root", "Service": "${S}"}',
     [("KG132", "${AWS::AccountId}"), ("KG132", "${S}")]),
    (KEY, '{"AWS": "<account-id>"}', [("KG135", "<account-id>")]),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "principal", "expected"), PRINCIPALS)
def test_principals_have_exactly_these_findings(
    kind: PolicyKind, principal: str, expected: list[tuple[str, str]]
) -> None:
    assert shown(document(naming(principal), kind), kind) == expected


@pytest.mark.parametrize(
    ("principal", "reason"),
    [
        ("1111", "an account ID has 12 digits, this has 4"),
        ("1111-2222-3333", "an account ID has no hyphens"),
        ("alice", "expected an account ID, an ARN or *"),
        ("arn:aws:iam:111122223333:root", "an ARN has 6 fields, this has 5"),
        ("arn:aws:iam::1111:root", "an account ID has 12 digits, this has 4"),
        ("arn:aws:iam::aws:role/a", "it names no account"),
        ("arn:aws:iam:us-east-1:111122223333:root", "iam ARNs have no Region"),
        ("arn:aws:s3:::bucket", "only iam and sts have principals"),
        (
            "arn:aws:iam::111122223333:roles/a",
            "an IAM principal is root, user/<name> or role/<name>",
        ),
        (
            "arn:aws:sts::111122223333:assumed-role/a",
            "an STS principal is assumed-role/<role>/<session> or federated-user/<name>",
        ),
    ],
)
def test_a_principal_is_refused_for_a_reason(principal: str, reason: str) -> None:
    for element in ("Principal", "NotPrincipal"):
        text = document(naming(f'{{"AWS": "{principal}"}}', element), KEY)
        (finding,) = found_in(text, KEY)
        assert finding.message == f"'{principal}' is not a principal: {reason}"


@pytest.mark.parametrize(
    ("principal", "severity", "meant"),
    [
        ("cloudtrial.amazonaws.com", Severity.WARNING, "cloudtrail.amazonaws.com"),
        ("s3", Severity.ERROR, "s3.amazonaws.com"),
        ("Logs.amazonaws.com.cn", Severity.ERROR, "logs.amazonaws.com.cn"),
        ("s3.aws.amazon.com", Severity.ERROR, "s3.amazonaws.com"),
        ("brandnew.amazonaws.com", Severity.WARNING, None),
        ("nothing at all", Severity.ERROR, None),
    ],
)
def test_a_service_that_only_is_not_known_is_milder(
    principal: str, severity: Severity, meant: str | None
) -> None:
    (finding,) = found_in(document(naming(f'{{"Service": "{principal}"}}'), KEY), KEY)
    assert (finding.rule.code, finding.severity) == ("KG220", severity)
    assert [edit.text for edit in finding.edits] == ([f'"{meant}"'] if meant else [])


@pytest.mark.parametrize(
    "statement",
    [
        naming('{"AWS": ["arn:aws:iam::111122223333:role/a*", "444455556666"]}'),
        naming('{"AWS": "arn:aws:iam::111122223333:role/a*", "Service": "s3.amazonaws.com"}'),
        naming('{"AWS": "arn:aws:iam::111122223333:role/a*"}', "NotPrincipal"),
        naming('{"AWS": "arn:aws:iam::111122223333:role/a*"}')[:-1]
        + ', "Condition": {"Bool": {"aws:SecureTransport": "true"}}}',
        naming('{"AWS": "arn:aws:sts::111122223333:assumed-role/a/*"}'),
        naming('{"AWS": "arn:aws:iam::*:root"}'),
    ],
)
def test_a_pattern_becomes_a_condition_only_where_nobody_else_is_meant(statement: str) -> None:
    (finding,) = found_in(document(statement, KEY), KEY)
    assert (finding.rule.code, finding.edits) == ("KG218", ())


# ARNs: kind, what stands in Resource, and what is found there


def on(resources: str, element: str = "Resource", kind: PolicyKind = IDENTITY) -> str:
    who = '"Principal": "*", ' if kind.names_principals else ""
    return f'{{"Effect": "Deny", {who}"Action": "kms:Sign", "{element}": {resources}}}'


UUID = "1234abcd-12ab-34cd-56ef-1234567890ab"
MRK = "mrk-1234abcd12ab34cd56ef1234567890ab"
RESOURCES = [
    # What is right
    (IDENTITY, f'["*", "arn:aws:kms:*:*:*", "arn:aws:kms:us-east-1:111122223333:key/{UUID}",'
               f' "arn:*:kms:us-*:1111*:key/{MRK}", "arn:aws:kms:eu-west-?:*:k*",'
               ' "arn:aws:s3:::a b/c d", "arn:aws:iam::aws:policy/x", "arn:aws:s3:::b",'
               ' "arn:aws:logs:us-east-1:111122223333:log-group:a:*",'
               ' "arn:aws:kms:us-east-1:111122223333:alias/${aws:username}",'
               ' "arn:aws:kms:${aws:PrincipalTag/r}:${aws:PrincipalAccount}:key/*",'
               ' "arn:aws:kms:us-east-1:111122223333:*/a", "${aws:PrincipalTag/arn}"]', []),
    # KG221
    (SCP, '["arn:aws:kms:*", "foo", "*:key/*", "arn:aws:kms:us-east-1::key/*"]',
     [("KG221", '"arn:aws:kms:*"'), ("KG221", '"foo"'), ("KG221", '"*:key/*"'),
      ("KG221", '"arn:aws:kms:us-east-1::key/*"')]),
    (IDENTITY, '["arn:aws:kms:us-east-1:111122223333:key/ *", "arn:aws:iam::1111:role/a",'
               ' "arn:aws:iam:::111122223333:role/a", "arn:aws:kms:*:x:key/*"]',
     [("KG221", '"arn:aws:kms:us-east-1:111122223333:key/ *"'),
      ("KG221", '"arn:aws:iam::1111:role/a"'), ("KG221", '"arn:aws:iam:::111122223333:role/a"'),
      ("KG221", '"arn:aws:kms:*:x:key/*"')]),
    # KG222
    (IDENTITY, '["arn:aws:kms:us-west:*:key/*", "arn:aws-cn:kms:us-west-1:*:key/*",'
               ' "arn:aws:kms::*:key/*", "arn:amazon:s3:::b", "arn:aws:kms:xx-*:*:key/*",'
               ' "arn:aws*:kms:cn-north-1:*:key/*"]',
     [("KG222", '"arn:aws:kms:us-west:*:key/*"'), ("KG222", '"arn:aws-cn:kms:us-west-1:*:key/*"'),
      ("KG222", '"arn:aws:kms::*:key/*"'), ("KG222", '"arn:amazon:s3:::b"'),
      ("KG222", '"arn:aws:kms:xx-*:*:key/*"')]),
    # KG223
    (IDENTITY, '["arn:aws:Kms:*:*:key/*", "arn:aws:S4:::b"]',
     [("KG223", '"arn:aws:Kms:*:*:key/*"')]),
    # KG224
    (ENDPOINT, '["arn:aws:kms:*:*:keys/*", "arn:aws:kms:*:*:ke?s", "arn:aws:kms:*:*:grant/x",'
               ' "arn:aws:kms:*:*:key", "arn:aws:kms:*:*:ALIAS/*"]',
     [("KG224", '"arn:aws:kms:*:*:keys/*"'), ("KG224", '"arn:aws:kms:*:*:grant/x"'),
      ("KG224", '"arn:aws:kms:*:*:key"'), ("KG224", '"arn:aws:kms:*:*:ALIAS/*"')]),
    # KG225 goes before KG221
    (IDENTITY, f'["{UUID}", "{MRK}", "alias/a", "alias/*", "key/{UUID}"]',
     [("KG225", f'"{UUID}"'), ("KG225", f'"{MRK}"'), ("KG225", '"alias/a"'),
      ("KG225", '"alias/*"'), ("KG225", f'"key/{UUID}"')]),
    # KG226 goes before the others
    (KEY, '"*"', []),
    (KEY, '["*"]', []),
    (KEY, f'["{UUID}", "arn:aws:KMS:x::key/a", "arn:aws:kms:us-east-1:111122223333:key/a", "*"]',
     [("KG226", f'"{UUID}"'), ("KG226", '"arn:aws:KMS:x::key/a"'),
      ("KG226", '"arn:aws:kms:us-east-1:111122223333:key/a"')]),
    # KG227
    (IDENTITY, '["arn:aws:kms:*:*:key/a", "arn:aws:kms:*:*:key/mrk-12", "arn:aws:kms:*:*:key/a*",'
               f' "arn:aws:kms:*:*:key/{UUID[:-1]}?", "arn:aws:kms:*:*:key/{UUID.upper()}"]',
     [("KG227", '"arn:aws:kms:*:*:key/a"'), ("KG227", '"arn:aws:kms:*:*:key/mrk-12"'),
      ("KG227", f'"arn:aws:kms:*:*:key/{UUID.upper()}"')]),
    # An element that is wrong already
    (IDENTITY, '["arn:aws:kms:<region>:111:keys/x"]', [("KG135", "<region>")]),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "resources", "expected"), RESOURCES)
def test_resources_have_exactly_these_findings(
    kind: PolicyKind, resources: str, expected: list[tuple[str, str]]
) -> None:
    assert shown(document(on(resources, "Resource", kind), kind), kind) == expected
    if kind is not KEY:
        assert shown(document(on(resources, "NotResource", kind), kind), kind) == expected


VALUES = [
    ('{"ArnEquals": {"aws:SourceArn": ["*", "arn:aws:s3:::*", "arn:aws:S3:::a",'
     ' "arn:aws:kms:eu:111122223333:key/*", "arn:aws:kms:*:111122223333:key/a"]}}',
     [("KG221", '"*"'), ("KG223", '"arn:aws:S3:::a"'),
      ("KG222", '"arn:aws:kms:eu:111122223333:key/*"'),
      ("KG227", '"arn:aws:kms:*:111122223333:key/a"')]),
    # Under String operators a star crosses the colons.
    ('{"StringLike": {"aws:SourceArn": ["*", "arn:aws:*", "arn*bucket"]}}', []),
    ('{"StringEquals": {"aws:SourceArn": ["bucket", "${aws:PrincipalTag/arn}"]}}',
     [("KG221", '"bucket"')]),
    ('{"Null": {"aws:SourceArn": "true"}, "StringEquals": {"aws:Referer": "bucket"}}', []),
    # KG222
    ('{"StringEqualsIgnoreCase": {"aws:RequestedRegion": ["EU-WEST-1", "eu-west", "us-*"]},'
     ' "ForAllValues:StringNotLike": {"kms:ReplicaRegion": ["us-*", "xx-*", "${aws:userid}"]},'
     ' "Null": {"kms:PrimaryRegion": "false"}}',
     [("KG222", '"eu-west"'), ("KG222", '"xx-*"')]),
]  # fmt: skip


@pytest.mark.parametrize(("block", "expected"), VALUES)
def test_values_have_exactly_these_findings(block: str, expected: list[tuple[str, str]]) -> None:
    for kind in (KEY, IDENTITY):
        assert shown(document(block, kind), kind) == expected


@pytest.mark.parametrize(
    ("arn", "message"),
    [
        ("arn:aws:kms:eu-north:*:key/*",
         "'eu-north' is not a Region of partition aws; did you mean 'eu-north-1'?"),
        ("arn:aws:kms:cn-north-1:*:key/*", "'cn-north-1' is not a Region of partition aws"),
        ("arn:aws_cn:s3:::b", "'aws_cn' is not a partition of AWS; did you mean 'aws-cn'?"),
        ("arn:aws:kms:*::key/*", "malformed ARN 'arn:aws:kms:*::key/*': it has no account ID"),
        ("arn:aws:iam::1-2:role/a",
         "malformed ARN 'arn:aws:iam::1-2:role/a': '1-2' is not an account ID"),
        ("arn:aws:kms:*", "malformed ARN 'arn:aws:kms:*': an ARN has 6 fields, this has 4"),
        ("kms:key", "malformed ARN 'kms:key': it does not begin with arn:"),
        (" arn:aws:s3:::b", "malformed ARN ' arn:aws:s3:::b': it does not begin with arn:"),
        ("arn:aws:s3 :::b", "malformed ARN 'arn:aws:s3 :::b': there is white space in it"),
    ],
)  # fmt: skip
def test_a_wrong_arn_is_told_with_the_reason(arn: str, message: str) -> None:
    (finding,) = found_in(document(on(f'"{arn}"'), IDENTITY), IDENTITY)
    assert finding.message == message


@pytest.mark.parametrize(
    ("resource", "severity"),
    [
        ("arn:aws:kms:*:111122223333:key/*", Severity.WARNING),
        ("arn:aws:kms:${AWS::Region}:111122223333:key/*", Severity.WARNING),
        ("${KeyArn}", Severity.WARNING),
        ("arn:*:kms:*:*:*", Severity.WARNING),
        ("arn:aws:kms:*:111122223333:alias/a", Severity.ERROR),
        ("arn:aws:kms:xx-east-1:111122223333:key/*", Severity.ERROR),
        ("arn:aws:s3:::bucket", Severity.ERROR),
        ("arn:aws:kms:*::key/*", Severity.ERROR),
        (UUID, Severity.ERROR),
    ],
)
def test_a_resource_that_no_key_has_is_an_error_in_a_key_policy(
    resource: str, severity: Severity
) -> None:
    found = found_in(document(on(f'"{resource}"', "Resource", KEY), KEY), KEY)
    assert [f.severity for f in found if f.rule.code == "KG226"] == [severity]
