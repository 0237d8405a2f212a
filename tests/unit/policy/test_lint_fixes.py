"""Edits of findings: how they are applied, what they repair, and what they leave as it was."""

from __future__ import annotations

import pytest

from policy.lint import RULES, Edit, Fix, lint
from policy.lint.fixes import applied, removed, rewritten
from policy.lint.repair import repair
from policy.model import PolicyKind
from policy.reader import read
from policy.source import Source, Span
from policy.tree import Null, String
from tests.lint_bench import decisions, document, found_in, named, repaired

KEY, IDENTITY = PolicyKind.KEY_POLICY, PolicyKind.IDENTITY_POLICY

_KEY = (
    '{{"Effect": "Allow", "Principal": {{"AWS": "111122223333"}}, "Action": {}, "Resource": "*"}}'
)
_IDENTITY = '{{"Effect": "Allow", "Action": {}, "Resource": "*"}}'


def key(actions: str) -> str:
    return _KEY.format(actions)


def identity(actions: str) -> str:
    return _IDENTITY.format(actions)


def naming(principal: str, *more: str) -> str:
    members = ('"Effect": "Allow"', f'"Principal": {principal}', '"Action": "kms:Sign"',
               '"Resource": "*"', *more)  # fmt: skip
    return "{" + ", ".join(members) + "}"


def on(resources: str) -> str:
    return f'{{"Effect": "Allow", "Action": "kms:Sign", "Resource": {resources}}}'


def granting(resources: str) -> str:
    return on(resources).replace('"Action"', '"Principal": {"AWS": "111122223333"}, "Action"')


# Code, kind, a fragment, and what the edits of all its findings make of it.
REPAIRS = [
    ("KG201", KEY, key('["kms:Sign", "decrypt"]'), key('["kms:Sign", "kms:Decrypt"]')),
    ("KG201", IDENTITY, identity('"km:Get*"'), identity('"kms:Get*"')),
    ("KG202", KEY, key('"kms:GenerateDatakeys"'), key('"kms:GenerateDataKey"')),
    ("KG203", KEY, key('["KMS:reencrypt"]'), key('["kms:ReEncrypt*"]')),
    ("KG205", KEY, key('["s3:GetObject", "kms:*", "ec2:*" , "sqs:Get*"]'), key('["kms:*"]')),
    ("KG205", KEY, key('["s3:GetObject", "kms:ListKeys", "kms:Sign"]'),
     key('["kms:ListKeys", "kms:Sign"]')),
    ("KG206", KEY, key('["kms:Sign",\n  "kms:ListKeys",\n  "kms:retiregrant"]'),
     key('["kms:Sign"]')),
    ("KG206", KEY, key('["s3:*", "kms:CreateKey", "kms:Sign"]'), key('["s3:*", "kms:Sign"]')),
    ("KG207", IDENTITY, identity('"*k?s:Sign"'), identity('"kms:Sign"')),
    ("KG208", KEY, '{"stringequalIfExists": {"aws:userid": "a"}}',
     '{"StringEqualsIfExists": {"aws:userid": "a"}}'),
    ("KG208", KEY, '{"foranyvalue:StringLikes": {"aws:TagKeys": "a"}}',
     '{"ForAnyValue:StringLike": {"aws:TagKeys": "a"}}'),
    ("KG209", KEY, '{"StringEquals": {"aws:requesttags/Team": "a"}}',
     '{"StringEquals": {"aws:RequestTag/Team": "a"}}'),
    ("KG210", KEY, '{"StringEquals": {"kms:SourceAccount": "111122223333"}}',
     '{"StringEquals": {"aws:SourceAccount": "111122223333"}}'),
    ("KG212", KEY, '{"StringEquals": {"kms:customermasterkeyspec": "RSA_2048"}}',
     '{"StringEquals": {"kms:KeySpec": "RSA_2048"}}'),
    ("KG212", KEY, '{"StringEquals": {"aws:SourceOwner": "111122223333"}}',
     '{"StringEquals": {"aws:SourceAccount": "111122223333"}}'),
    ("KG215", KEY, key('"kms:Sign"').replace('"AWS"', '"aws"'), key('"kms:Sign"')),
    ("KG218", KEY, naming('{"AWS": ["arn:aws:iam::111122223333:user/*"]}'),
     naming('{"AWS": ["arn:aws:iam::111122223333:root"]}',
            '"Condition": {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::111122223333:user/*"}}')),
    ("KG218", KEY, naming('{"AWS": "arn:aws:iam::*:role/a"}'),
     naming('{"AWS": "*"}',
            '"Condition": {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/a"}}')),
    ("KG220", KEY, naming('{"Service": ["CloudTrail.amazonaws.com", "logs"]}'),
     naming('{"Service": ["cloudtrail.amazonaws.com", "logs.amazonaws.com"]}')),
    ("KG221", IDENTITY, on('"arn:aws:kms:eu-west-1::111122223333:key/*"'),
     on('"arn:aws:kms:eu-west-1:111122223333:key/*"')),
    ("KG221", IDENTITY, on('"arn::aws:iam::111122223333:role/a"'),
     on('"arn:aws:iam::111122223333:role/a"')),
    ("KG223", IDENTITY, on('["arn:aws:KMS:*:111122223333:key/KMS"]'),
     on('["arn:aws:kms:*:111122223333:key/KMS"]')),
    ("KG223", KEY, naming('{"AWS": "arn:aws:IAM::111122223333:root"}'),
     naming('{"AWS": "arn:aws:iam::111122223333:root"}')),
    ("KG224", IDENTITY, on('["arn:aws:kms:*:*:Alias/a/b", "arn:aws:kms:*:*:keys/*"]'),
     on('["arn:aws:kms:*:*:alias/a/b", "arn:aws:kms:*:*:key/*"]')),
    ("KG224", IDENTITY, on('"arn:aws:kms:*:*:1234abcd-12ab-34cd-56ef-1234567890ab"'),
     on('"arn:aws:kms:*:*:key/1234abcd-12ab-34cd-56ef-1234567890ab"')),
    ("KG226", KEY, granting('["*", "arn:aws:kms:*:111122223333:key/*"]'), granting('"*"')),
    ("KG226", KEY, granting('"arn:*:kms:*:*:key/*"'), granting('"*"')),
    ("KG226", KEY, granting('["arn:aws:kms:*:*:key/*", "alias/a"]'), granting('"*"')),
    ("KG228", KEY, '{"StringEquals": {"kms:KeyUsage": ["sign", "ENCRYPT-DECRYPT"]}}',
     '{"StringEquals": {"kms:KeyUsage": ["SIGN_VERIFY", "ENCRYPT_DECRYPT"]}}'),
    ("KG229", KEY, '{"ForAllValues:StringEquals": {"kms:GrantOperations": ["kms:decrypt"]}}',
     '{"ForAllValues:StringEquals": {"kms:GrantOperations": ["Decrypt"]}}'),
    ("KG230", KEY, '{"StringLike": {"kms:RequestAlias": ["arn:aws:kms:*:1:alias/a", "b*"]}}',
     '{"StringLike": {"kms:RequestAlias": ["alias/a", "alias/b*"]}}'),
    ("KG234", KEY, '{"StringEquals": {"aws:SourceAccount":'
                   ' ["1111-2222-3333", "arn:aws:iam::444455556666:root"]}}',
     '{"StringEquals": {"aws:SourceAccount": ["111122223333", "444455556666"]}}'),
    ("KG236", KEY,
     '{"ArnLike": {"aws:PrincipalArn": "arn:aws:sts::111122223333:assumed-role/a/s"}}',
     '{"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::111122223333:role/a"}}'),
]  # fmt: skip

_DOCUMENT = """{{
  {}
  "Statement": [{}]
}}
"""
_STATEMENT = (
    '{"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "kms:Sign", '
    '"Resource": "*"}'
)


def of(version: str, statement: str = _STATEMENT) -> str:
    return _DOCUMENT.format(version, statement).replace("{\n  \n", "{\n")


VERSION = '"Version": "2012-10-17",'
OLD = '"Version": "2008-10-17",'
VARIABLE = _STATEMENT.replace(
    "}, ", '}, "Condition": {"StringEquals": {"aws:userid": "${aws:username}"}}, ', 1
)

# Code, a whole document, what repairs make of it, and whether they are safe.
WHOLE = [
    ("KG102", of(VERSION, _STATEMENT.replace('"kms:Sign"', '["kms:Sign",]')),
     of(VERSION, _STATEMENT.replace('"kms:Sign"', '["kms:Sign"]')), Fix.SAFE),
    ("KG103", of(VERSION[:-1]), of(VERSION), Fix.SAFE),
    ("KG109", of(""), of(VERSION), Fix.SAFE),
    ("KG109", of("", VARIABLE), of(VERSION, VARIABLE), Fix.UNSAFE),
    (
        "KG109",
        f'{{"Statement": {_STATEMENT}}}',
        f'{{{VERSION} "Statement": {_STATEMENT}}}',
        Fix.SAFE,
    ),
    ("KG111", of(OLD), of(VERSION), Fix.SAFE),
    ("KG111", of(OLD, VARIABLE), of(VERSION, VARIABLE), Fix.UNSAFE),
    ("KG114", of(VERSION, _STATEMENT.replace("Allow", " allow")), of(VERSION), Fix.SAFE),
    ("KG127", of(VERSION, '{"Sid": "", ' + _STATEMENT[1:]), of(VERSION), Fix.SAFE),
    ("KG127", of(VERSION, _STATEMENT[:-1] + ', "Sid": " "}'), of(VERSION), Fix.SAFE),
]  # fmt: skip

RCP, ENDPOINT = PolicyKind.RCP, PolicyKind.ENDPOINT_POLICY
_ONE = '"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "kms:Sign"'


def one(*more: str) -> str:
    return of(VERSION, "{" + ", ".join((_ONE, *more, '"Resource": "*"')) + "}")


def when(condition: str) -> str:
    return one(f'"Condition": {condition}')


def mine(*members: str) -> str:
    return of(VERSION, "{" + ", ".join((*members, '"Action": "kms:Sign", "Resource": "*"')) + "}")


# Code, kind, a whole document, what repairs make of it, and whether they are safe.
WRONG = [
    ("KG104", KEY, one("'Sid': \"a\""), one('"Sid": "a"'), Fix.SAFE),
    ("KG104", KEY, one('"Sid": \u201ca b\u201d'), one('"Sid": "a b"'), Fix.SAFE),
    ("KG104", KEY, one('/* one */"Sid": "a"'), one('"Sid": "a"'), Fix.UNSAFE),
    ("KG104", KEY, one('"Sid": "a" // one\n'), one('"Sid": "a" \n'), Fix.UNSAFE),
    ("KG104", KEY, one('"Sid": None'), None, Fix.NONE),
    ("KG105", KEY, one('"Effect": "Allow"'), one(), Fix.SAFE),
    ("KG105", KEY, one('"Effect": "Deny"'), None, Fix.NONE),
    ("KG105", KEY, one('"Action": ["kms:Verify", "kms:Sign"]'),
     one().replace('"kms:Sign"', '["kms:Sign", "kms:Verify"]'), Fix.UNSAFE),
    ("KG105", KEY, when('{"Null": {"aws:a": "true"}, "Null": {"aws:b": "true"}}'), None, Fix.NONE),
    ("KG106", KEY, when('{"StringEquals": {"aws:userid": "a", "AWS:userid": ["b", "a"]}}'),
     when('{"StringEquals": {"aws:userid": ["a", "b"]}}'), Fix.UNSAFE),
    ("KG107", KEY, "{" + _ONE + ', "Resource": "*"}',
     '{"Version": "2012-10-17", "Statement": [{' + _ONE + ', "Resource": "*"}]}', Fix.SAFE),
    ("KG107", IDENTITY, '[{"Effect": "Deny", "Action": "kms:*", "Resource": "*"}]',
     '{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "kms:*", '
     '"Resource": "*"}]}', Fix.SAFE),
    ("KG107", KEY, '["kms:Sign"]', None, Fix.NONE),
    ("KG108", KEY, one('"Conditions": {"Null": {"aws:userid": "true"}}'),
     one('"Condition": {"Null": {"aws:userid": "true"}}'), Fix.UNSAFE),
    ("KG108", KEY, one('"Actions": "kms:Sign"'), None, Fix.NONE),
    ("KG108", KEY, of('"version": "2012-10-17",'), of(VERSION), Fix.UNSAFE),
    ("KG110", KEY, of('"Version": "2012-10-18",'), of(VERSION), Fix.UNSAFE),
    ("KG116", KEY, of(VERSION, "{" + _ONE + "}"), one(), Fix.UNSAFE),
    ("KG116", ENDPOINT, of(VERSION, "{" + _ONE + "}"), None, Fix.NONE),
    ("KG118", IDENTITY, mine('"Effect": "Allow"', '"Principal": "*"'),
     mine('"Effect": "Allow"'), Fix.UNSAFE),
    ("KG121", KEY, when('{"NumericEquals": {"kms:RotationPeriodInDays": ["90", 365]}}'),
     when('{"NumericEquals": {"kms:RotationPeriodInDays": ["90", "365"]}}'), Fix.SAFE),
    ("KG122", KEY, one().replace('"111122223333"', "111122223333"), one(), Fix.SAFE),
    ("KG122", KEY, one().replace('"111122223333"', "11122223333"),
     one().replace('"111122223333"', '"011122223333"'), Fix.UNSAFE),
    ("KG122", KEY, when('{"StringEquals": {"kms:CallerAccount": 111122223333}}'),
     when('{"StringEquals": {"kms:CallerAccount": "111122223333"}}'), Fix.SAFE),
    ("KG122", KEY, one().replace('"111122223333"', "1111222233334"), None, Fix.NONE),
    ("KG124", KEY, when("{}"), one(), Fix.SAFE),
    ("KG124", KEY, when('{"StringEquals": {}}'), one(), Fix.SAFE),
    ("KG124", KEY, when('{"StringEquals": {}, "Null": {"aws:userid": "true"}}'),
     when('{"Null": {"aws:userid": "true"}}'), Fix.SAFE),
    ("KG125", IDENTITY, mine('"Sid": "read the  reports"', '"Effect": "Allow"'),
     mine('"Sid": "ReadTheReports"', '"Effect": "Allow"'), Fix.SAFE),
    ("KG126", IDENTITY,
     of(VERSION, ", ".join(f'{{"Sid": "{sid}", "Effect": "Allow", "Action": "{action}", '
                           '"Resource": "*"}' for sid, action in
                           [("a", "kms:Sign"), ("a2", "kms:Verify"), ("a", "kms:Encrypt")])),
     of(VERSION, ", ".join(f'{{"Sid": "{sid}", "Effect": "Allow", "Action": "{action}", '
                           '"Resource": "*"}' for sid, action in
                           [("a", "kms:Sign"), ("a2", "kms:Verify"), ("a3", "kms:Encrypt")])),
     Fix.UNSAFE),
    ("KG128", KEY, when('{"StringEquals": {"aws:userid": "a${aws:username"}}'),
     when('{"StringEquals": {"aws:userid": "a${aws:username}"}}'), Fix.SAFE),
    ("KG128", KEY, when('{"StringEquals": {"aws:userid": "${aws:user name}"}}'), None, Fix.NONE),
    ("KG130", KEY, of(OLD, VARIABLE), of(VERSION, VARIABLE), Fix.UNSAFE),
    ("KG130", KEY, of("", VARIABLE), of(VERSION, VARIABLE), Fix.UNSAFE),
    ("KG133", KEY, one('"Sid": "keys \u2013 \u201call\u201d"'), one(r'"Sid": "keys - \"all\""'),
     Fix.SAFE),
    ("KG133", KEY, one('"Sid": "\u2013 \u4e00"'), None, Fix.NONE),
    ("KG133", KEY, when('{"StringEquals": {"aws:userid": "\u2013"}}'), None, Fix.NONE),
    ("KG134", KEY, when('{"ForAllValues:Null": {"aws:TagKeys": "true"}}'),
     when('{"Null": {"aws:TagKeys": "true"}}'), Fix.UNSAFE),
    ("KG134", KEY, when('{"NullIfExists": {"aws:TagKeys": "true"}}'),
     when('{"Null": {"aws:TagKeys": "true"}}'), Fix.UNSAFE),
    ("KG136", RCP, mine('"Effect": "Deny"', '"Principal": {"AWS": ["*"]}'),
     mine('"Effect": "Deny"', '"Principal": "*"'), Fix.SAFE),
    ("KG136", RCP, mine('"Effect": "Deny"', '"Principal": {"AWS": "111122223333"}'), None,
     Fix.NONE),
]  # fmt: skip


@pytest.mark.parametrize(("code", "kind", "before", "after", "fix"), WRONG)
def test_what_can_be_repaired_of_form_and_structure_is(
    code: str, kind: PolicyKind, before: str, after: str | None, fix: Fix
) -> None:
    found = [finding for finding in found_in(before, kind) if finding.rule.code == code]
    assert {finding.fix for finding in found} == {fix}
    allowed = Fix.SAFE | Fix.UNSAFE
    only = (named(code),)
    done = repair(
        read(Source("p", before), kind),
        lambda each: lint(each, rules=only),
        lambda text: read(Source("p", text), kind),
        allowed,
    )
    assert done.document.source.text == (before if after is None else after)
    assert [each.fix for each in done.left] == ([fix] * len(found) if after is None else [])


def test_every_rule_of_form_and_structure_that_can_be_repaired_is_repaired_here() -> None:
    fixable = {rule.code for rule in RULES if rule.fix and rule.code < "KG2"}
    assert fixable == {code for code, *_ in (*WRONG, *WHOLE)}


@pytest.mark.parametrize(("code", "before", "after", "fix"), WHOLE)
def test_what_is_wrong_with_a_document_is_repaired(
    code: str, before: str, after: str, fix: Fix
) -> None:
    (found,) = (finding for finding in found_in(before, KEY) if finding.rule.code == code)
    assert applied(before, found.edits) == after
    assert found.fix is fix
    assert [each for each in found_in(after, KEY) if each.rule.code == code] == []


# Safe because the service refuses what they repair, or no request has it: we match it with nothing.
REFUSED = {"KG201", "KG221", "KG223", "KG230", "KG234"}


@pytest.mark.parametrize(("code", "kind", "before", "after"), REPAIRS)
def test_the_edits_of_a_finding_repair_it(
    code: str, kind: PolicyKind, before: str, after: str
) -> None:
    text = document(before, kind)
    done = repaired(text, kind, code)
    assert done == document(after, kind)
    assert [finding for finding in found_in(done, kind) if finding.rule.code == code] == []


@pytest.mark.parametrize(("code", "kind", "before", "after"), REPAIRS)
def test_a_safe_fix_leaves_every_decision_as_it_is(
    code: str, kind: PolicyKind, before: str, after: str
) -> None:
    text = document(before, kind)
    fixes = {finding.fix for finding in found_in(text, kind) if finding.rule.code == code}
    if Fix.SAFE in fixes and code not in REFUSED and read(Source("p", text), kind).policy:
        done = document(after, kind)
        assert decisions(text, kind, range(120)) == decisions(done, kind, range(120))


def test_every_rule_of_names_that_can_be_repaired_is_repaired_here() -> None:
    fixable = {rule.code for rule in RULES if rule.fix and "KG2" <= rule.code < "KG3"}
    assert fixable == {code for code, *_ in REPAIRS}


def test_a_finding_without_edits_has_no_fix_whatever_its_rule_has() -> None:
    text = document(key('["s3:GetObject", "kms:ListKeys"]'), KEY)
    found = found_in(text, KEY)
    assert [(f.rule.code, f.edits, f.fix) for f in found] == [
        ("KG205", (), Fix.NONE),
        ("KG206", (), Fix.NONE),
    ]
    assert named("KG205").fix is Fix.SAFE


def test_edits_are_applied_from_the_end_whatever_their_order() -> None:
    edits = [Edit(Span(0, 1), "long"), Edit(Span(3, 3), "!"), Edit(Span(1, 2), "")]
    assert applied("abc", edits) == "longc!"
    assert applied("abc", []) == "abc"


def test_edits_that_overlap_are_refused() -> None:
    with pytest.raises(ValueError, match="overlap"):
        applied("abc", [Edit(Span(0, 2), "x"), Edit(Span(1, 3), "y")])


@pytest.mark.parametrize(
    ("text", "plain", "expected"),
    [('"a"', False, r'"say \"é\""'), ("'a'", False, "'say \"é\"'"), ("a", True, 'say "é"')],
)
def test_a_string_keeps_the_quotes_of_its_author(text: str, plain: bool, expected: str) -> None:
    node = String("a", Span(0, len(text)), plain=plain)
    assert applied(text, [rewritten(Source("f", text), node, 'say "é"')]) == expected


def test_single_quotes_are_doubled_inside_of_single_quotes() -> None:
    edit = rewritten(Source("f", "'a'"), String("a", Span(0, 3)), "it's")
    assert edit.text == "'it''s'"


@pytest.mark.parametrize("gone", [{0}, {1}, {3}, {0, 1}, {1, 2}, {0, 2}, {0, 1, 3}, {1, 2, 3}])
def test_entries_are_taken_out_with_their_commas_however_many_go(gone: set[int]) -> None:
    text = "[0, 1, 2, 3]"
    items = [Null(Span(1 + 3 * at, 2 + 3 * at)) for at in range(4)]
    edits = [removed(items, gone, at) for at in gone]
    left = [str(at) for at in range(4) if at not in gone]
    assert applied(text, [edit for edit in edits if edit]) == f"[{', '.join(left)}]"


def test_a_list_is_never_emptied() -> None:
    items = [Null(Span(1, 2)), Null(Span(4, 5))]
    assert removed(items, {0, 1}, 0) is None


@pytest.mark.parametrize(
    ("resources", "fix"),
    [
        ('"arn:*:kms:*:*:*"', Fix.SAFE),
        ('"arn:*:kms:*:*:key/*"', Fix.SAFE),
        ('["arn:aws:kms:*:*:key/*", "*"]', Fix.SAFE),
        ('"arn:aws:kms:*:*:key/*"', Fix.UNSAFE),
        ('"arn:*:kms:*:*:alias/*"', Fix.UNSAFE),
        ('"arn:*:*:*:*:*"', Fix.UNSAFE),
        ('"arn:*:kms:*:*:key/${aws:username}"', Fix.UNSAFE),
    ],
)
def test_a_star_is_a_safe_fix_only_where_the_key_was_matched_anyway(
    resources: str, fix: Fix
) -> None:
    (finding,) = found_in(document(granting(resources), KEY), KEY)
    assert (finding.rule.code, finding.fix) == ("KG226", fix)


@pytest.mark.parametrize(
    ("operator", "fix"),
    [
        ("ForAllValues:StringEquals", Fix.UNSAFE),
        ("ForAllValues:StringNotEquals", Fix.SAFE),
        ("ForAllValues:StringEqualsIfExists", Fix.SAFE),
        ("ForAnyValue:StringEquals", Fix.SAFE),
        ("ForAnyValue:StringNotEquals", Fix.UNSAFE),
        ("ForAnyValue:StringNotEqualsIfExists", Fix.SAFE),
    ],
)
@pytest.mark.parametrize("effect", ["Allow", "Deny"])
def test_a_set_operator_is_safely_removed_where_requests_without_the_key_are_judged_alike(
    operator: str, fix: Fix, effect: str
) -> None:
    """AUTH F-10, F-11."""
    text = when(f'{{"{operator}": {{"kms:ViaService": "s3.eu-west-1.amazonaws.com"}}}}')
    found = found_in(text.replace('"Allow"', f'"{effect}"'), KEY)

    assert [each.fix for each in found if each.rule.code == "KG305"] == [fix]
