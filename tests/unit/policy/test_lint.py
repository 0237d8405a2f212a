"""What `lint` makes of the rules: order, silence, options, and that it always answers."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy.lint import RULES, Document, Finding, LintOptions, Rule, Severity, lint
from policy.lint.fixes import applied
from policy.lint.subject import Subject
from policy.model import PolicyKind
from policy.reader import DOCUMENT_ELEMENTS, STATEMENT_ELEMENTS, decode, read
from policy.source import Source, Span
from policy.tree import Array, Boolean, Member, Null, Number, Object, String
from tests.lint_bench import judging

KEY, IDENTITY = PolicyKind.KEY_POLICY, PolicyKind.IDENTITY_POLICY


def findings(text: str, kind: PolicyKind = KEY) -> tuple[Finding, ...]:
    return lint(read(Source("policy.json", text), kind), rules=judging(""))


def codes(text: str, kind: PolicyKind = KEY) -> list[str]:
    return [finding.rule.code for finding in findings(text, kind)]


def statement(members: str) -> str:
    return f'{{"Version": "2012-10-17", "Statement": {{{members}}}}}'


# Order


def test_a_good_policy_has_no_findings() -> None:
    members = '"Effect": "Deny", "Principal": "*", "Action": "kms:*", "Resource": "*"'
    assert findings(statement(members)) == ()


def test_findings_come_in_the_order_of_the_text_and_of_the_codes() -> None:
    text = (
        '{"Statement": [{"Effect": "deny", "Principal": {}, "Action": [], "Sid": "€",},'
        ' {"Effect": "Allow"}]}'
    )
    found = findings(text)
    assert [finding.rule.code for finding in found] == [
        "KG109", "KG116", "KG114", "KG120", "KG123", "KG133", "KG102", "KG115", "KG116", "KG117",
    ]  # fmt: skip
    places = [(finding.span.start, finding.rule.code) for finding in found]
    assert places == sorted(places)


def test_a_finding_carries_its_rule_place_help_and_severity() -> None:
    text = '{"Statement": {"Effect": "Deny", "Action": "kms:*", "Resource": "*"}}'
    (finding,) = findings(text, IDENTITY)
    assert finding.rule.slug == "missing-version"
    assert finding.span == Span(0, 1)
    assert finding.severity is Severity.WARNING
    assert finding.help == 'add "Version": "2012-10-17"'
    assert finding.notes == ()


def test_everything_the_reader_has_to_say_is_handed_on() -> None:
    text = statement(
        '"Effect": "Allow", "Effect": 1, "Action": {}, "Resource": null, "What": 2,'
        ' "Principal": {"AWS": 1, "Who": "x"}, "NotPrincipal": "*",'
        ' "Condition": {"Equals": {"aws:userid": null}, "NullIfExists": []}'
    )
    document = read(Source("policy.json", text), KEY)
    said = {(f.rule.code, f.span, f.message, f.help, f.notes) for f in lint(document)}
    assert len(document.problems) > 8
    assert {(p.code, p.span, p.message, p.help, p.notes) for p in document.problems} <= said


# Silence


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # The more special rule of two at a place.
        (statement('"Effect": "Deny", "Action": ["kms:Sign",], "Resource": "*"'), ["KG102"]),
        ('[{"Effect": "Deny", "Action": "kms:Sign", "Resource": "*"}]', ["KG107"]),
        (statement('"Effect": "<Allow>", "Action": "kms:Sign", "Resource": "*"'), ["KG135"]),
        (statement('"Effect": "${aws:userid}", "Action": "*", "Resource": "*"'), ["KG129"]),
        (statement('"Sid": "${aws:userid}", "Effect": "Deny", "Action": "*", "Resource": "*"'),
         ["KG129"]),
        (statement('"Effect": "Deny", "Action": "*", "Resource": "*",'
                   ' "Condition": {"Null": {"aws:userid": "${aws:userid}"}}'), ["KG131"]),
        (statement('"Effect": "Deny", "Action": "*", "Resource": "*",'
                   ' "Condition": {"${Operator}": {"aws:userid": "x"}}'), ["KG208"]),
        # What is misspelt is not missing as well.
        ('{"version": "2012-10-17", "Statements": []}', ["KG108", "KG108"]),
        (statement('"effect": "Deny", "Actions": "kms:Sign", "NotResources": "*"'),
         ["KG108", "KG108", "KG108"]),
        (statement('"Effect": "Deny", "Note": "a", "Resource": "*"'), ["KG115", "KG108"]),
        ('{"version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "*",'
         ' "Resource": "${aws:username}"}}', ["KG108"]),
        # A version that is wrong already is not called outdated or missing, too.
        ('{"Version": 2008, "Statement": {"Effect": "Deny", "Action": "*",'
         ' "Resource": "${aws:username}"}}', ["KG120"]),
        # Elements that are refused as a whole are not looked into.
        (statement('"Effect": "Deny", "Action": "*", "Resource": "*", "Hint": "<text> ${X}"'),
         ["KG108"]),
    ],
)  # fmt: skip
def test_each_place_is_left_to_the_rule_that_says_most(text: str, expected: list[str]) -> None:
    assert codes(text, IDENTITY) == expected


def test_a_misspelt_principal_is_not_missing_as_well() -> None:
    text = statement('"Effect": "Deny", "principals": "*", "Action": "*", "Resource": "*"')
    assert codes(text) == ["KG108"]


def test_an_error_is_never_silenced_by_something_milder() -> None:
    text = statement('"Effect": "${Effect}", "Action": "kms:Sign", "Resource": "*"')
    (finding,) = findings(text, IDENTITY)
    assert finding.severity is Severity.ERROR


def test_one_wrong_element_does_not_hide_the_others() -> None:
    text = statement(
        '"Sid": "€", "Effect": "Alow", "Principal": {"Aws": "*"}, "Action": [],'
        ' "Resource": "arn:aws:kms:*:<id>:key/*"'
    )
    assert codes(text) == ["KG133", "KG114", "KG215", "KG123", "KG135"]


def test_a_text_that_breaks_off_is_left_to_the_parser() -> None:
    text = '{"Statement": [{"Effect": "Allow", "Principal": {}, "Resource": "<x>'
    assert set(codes(text)) == {"KG101"}


def test_what_a_syntax_error_damaged_does_not_hide_the_next_statement() -> None:
    text = (
        '{"Version": "2012-10-17", "Statement": ['
        '{"Effect": "Deny", "Action": "kms:Sign", "Resource": {"arn:aws:kms:*:*:key/<id>"}},'
        '{"Effect": "Deny", "Action": [], "Resource": "*"}]}'
    )
    assert codes(text, IDENTITY) == ["KG101", "KG123"]


# Options


def test_only_the_rules_that_are_given_are_run() -> None:
    text = '{"Statement": []}'
    document = read(Source("policy.json", text), KEY)
    chosen = [rule for rule in RULES if rule.slug == "missing-statement"]
    assert [finding.rule for finding in lint(document, rules=chosen)] == chosen
    assert lint(document, rules=()) == ()


def test_the_classic_language_of_scps_is_checked_only_on_demand() -> None:
    text = statement('"Effect": "Deny", "Action": "kms:*Key", "Resource": "*"')
    document = read(Source("scp.json", text), PolicyKind.SCP)
    assert lint(document) == ()
    classic = lint(document, options=LintOptions(scp_language="classic"))
    assert [finding.rule.code for finding in classic] == ["KG137"]


@pytest.mark.parametrize("kind", PolicyKind)
def test_a_rule_is_silent_about_kinds_that_it_does_not_know(kind: PolicyKind) -> None:
    document = read(Source("policy.json", '{"Statement": [{"Sid": "a b"}]}'), kind)
    options = LintOptions(scp_language="classic")
    assert all(kind in finding.rule.kinds for finding in lint(document, options=options))


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("KG101", ["KG101"]),
        ("kg101", ["KG101"]),
        ("KG11", [f"KG11{digit}" for digit in range(10)]),
        ("empty-sid", ["KG127"]),
        ("empty", []),
        ("K", []),
        ("", []),
    ],
)
def test_rules_are_selected_by_code_beginning_or_name(selector: str, expected: list[str]) -> None:
    assert [rule.code for rule in RULES if rule.is_selected_by(selector)] == expected


@pytest.mark.parametrize(
    ("threshold", "reached"),
    [
        (Severity.ERROR, 1),
        (Severity.SECURITY, 2),
        (Severity.WARNING, 3),
        (Severity.SUGGESTION, 4),
    ],
)
def test_severities_are_ordered_from_loud_to_mild(threshold: Severity, reached: int) -> None:
    assert [severity.reaches(threshold) for severity in Severity].count(True) == reached
    assert Severity.ERROR.reaches(threshold)


# Documents that do not come from JSON


def test_an_unquoted_account_of_a_yaml_file_is_a_number() -> None:
    text = "AWS: 012345678901, aws:SourceAccount: 012345678901"
    first, second = Span(5, 17), Span(38, 50)
    no = Span(0, 0)

    def word(text: str, span: Span = no) -> String:
        return String(text, span, plain=True)

    def obj(**members: Object | String) -> Object:
        named = [(name.replace("_", ":"), value) for name, value in members.items()]
        return Object(tuple(Member(word(name), value) for name, value in named), no)

    account = "012345678901"
    tree = obj(
        Version=word("2012-10-17"),
        Statement=obj(
            Effect=word("Deny"),
            Principal=obj(AWS=word(account, first)),
            Action=word("kms:Sign"),
            Resource=word("*"),
            Condition=obj(StringEquals=obj(aws_SourceAccount=word(account, second))),
        ),
    )
    found = lint(Document(Source("w.yaml", text), KEY, tree, None, ()), rules=judging(""))
    assert [(finding.rule.code, finding.span) for finding in found] == [
        ("KG122", first),
        ("KG122", second),
    ]
    assert {finding.message for finding in found} == {'quote the account ID "012345678901"'}


def test_a_place_inside_an_unquoted_string_is_found() -> None:
    text = "Resource: a${b"
    subject = Subject(Document(Source("w.yaml", text), KEY, None, None, ()))
    assert subject.within(String("a${b", Span(10, 14), plain=True), 1, 4) == Span(11, 14)


# It always answers

SAMPLES = [
    statement(
        '"Sid": "Use of the key", "Effect": "Allow", "Principal": {"AWS": ["111122223333",'
        ' "arn:aws:iam::444455556666:role/a"]}, "Action": ["kms:Encrypt", "kms:GenerateDataKey*"],'
        ' "Resource": "*", "Condition": {"StringEquals": {"kms:EncryptionContext:id":'
        ' "${aws:PrincipalTag/id, \'none\'}"}, "Bool": {"aws:SecureTransport": true},'
        ' "Null": {"kms:ViaService": "false"}}'
    ),
    '{"Id": "\\u00fc", "Statement": [{"NotPrincipal": {"Service": "s3.amazonaws.com"},'
    ' "Effect": "Deny", "NotAction": "kms:*", "NotResource": [], "Condition":'
    ' {"ForAllValues:StringLike": {"aws:TagKeys": [1, 2.5e3, null, {}, []]}}}]}',
]
PIECES = [
    *'{}[]",:\\$*<> \n\t/#\'', '""', "{}", "[]", "null", "true", "1", "-", "${", "}", "${aws:x}",
    "\\u0000", "\\ud800", "€", "“", "\ufeff", "\ud800", "<id>", "{{x}}", "//", "/*", "Statement",
    *(f'"{name}":' for name in (*DOCUMENT_ELEMENTS, *STATEMENT_ELEMENTS)), '"Null":', '"AWS":',
]  # fmt: skip
EDITS = st.lists(
    st.tuples(st.integers(0, 500), st.integers(0, 12), st.sampled_from(["", *PIECES])),
    min_size=1,
    max_size=6,
)
NAMES = st.sampled_from(
    [*DOCUMENT_ELEMENTS, *STATEMENT_ELEMENTS, "AWS", "Service", "effect", "StringEquals", "Null",
     "NullIfExists", "ForAnyValue:Null", "ForAllValues:StringNotLike", "Bool", "kms:ViaService",
     "aws:SourceAccount", "aws:sourceaccount", "${aws:userid}", "<x>", "é€", ""]
)  # fmt: skip
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["Allow", "Deny", "*", "2012-10-17", "2008-10-17", "${", "${X}", "${*}",
                     "${aws:TagKeys}", "arn:aws:kms:REGION:ACCOUNT_ID:key/key-id", "a b", " "]),
    st.text(max_size=8),
)  # fmt: skip
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=30,
)
CLASSIC = LintOptions(scp_language="classic")


TOLD = LintOptions(
    scp_language="classic", caller="arn:aws:iam::444455556666:role/a", max_principals=1
)


def check(source: Source, kind: PolicyKind | None) -> None:
    document = read(source, kind)
    found = lint(document, rules=RULES, options=TOLD)
    for finding in found:
        assert isinstance(applied(source.text, finding.edits), str)
        assert 0 <= finding.span.start <= finding.span.end <= len(source.text) + 1
        assert isinstance(source.excerpt(finding.span), str)
        assert finding.message
    places = [(finding.span.start, finding.rule.code) for finding in found]
    assert places == sorted(places)
    if document.policy is None:
        assert any(finding.severity is Severity.ERROR for finding in found)


@given(sample=st.sampled_from(SAMPLES), edits=EDITS, kind=st.none() | st.sampled_from(PolicyKind))
@settings(deadline=None, max_examples=300)
def test_no_edit_of_a_policy_makes_lint_raise_or_pass_over_an_error(
    sample: str, edits: list[tuple[int, int, str]], kind: PolicyKind | None
) -> None:
    text = sample
    for place, length, piece in edits:
        start = place % (len(text) + 1)
        text = text[:start] + piece + text[start + length :]
    check(Source("policy.json", text), kind)


@given(tree=TREES, kind=st.none() | st.sampled_from(PolicyKind))
@settings(deadline=None, max_examples=300)
def test_no_json_value_makes_lint_raise_or_pass_over_an_error(
    tree: object, kind: PolicyKind | None
) -> None:
    check(Source("policy.json", json.dumps({"Statement": tree})), kind)
    check(Source("policy.json", json.dumps(tree, ensure_ascii=False, indent=1)), kind)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
@pytest.mark.parametrize(
    "tree",
    [None, Null(Span(0, 1)), Number("1", Span(0, 1)), Boolean(value=True, span=Span(0, 1)),
     Array((), Span(0, 1)), Object((), Span(0, 1))],
    ids=lambda tree: type(tree).__name__,
)  # fmt: skip
def test_no_rule_minds_what_the_text_turned_out_to_be(rule: Rule, tree: None) -> None:
    for kind in rule.kinds:
        document = Document(Source("policy.json", "x"), kind, tree, None, ())
        assert len(list(rule.check(Subject(document, CLASSIC)))) <= 1


def test_bytes_that_are_no_text_are_a_finding_by_way_of_decode() -> None:
    with pytest.raises(ValueError, match="0xFF is not valid UTF-8") as caught:
        decode(b'{"Statement": \xff}', "policy.json")
    error = caught.value
    document = Document(error.source, KEY, None, None, error.problems)  # type: ignore[attr-defined]
    (finding,) = lint(document)
    assert (finding.rule.code, finding.span.start) == ("KG101", 14)


@pytest.mark.parametrize(
    "text",
    [
        statement('"Action": ["' + '", "'.join(["${"] * 20_000) + '"]'),
        statement('"Resource": "' + "<" * 200_000 + '"'),
        statement('"Resource": "' + "${a" * 60_000 + '"'),
        statement('"Resource": "' + "{{" * 100_000 + '"'),
        statement('"Resource": "arn:' + "key-" * 50_000 + '"'),
        statement('"Resource": "arn:' + "A_" * 100_000 + '"'),
        statement('"Resource": "arn:' + ":A" * 100_000 + '"'),
        statement('"Resource": "' + "A_" * 100_000 + '"'),
        statement('"Resource": "[' + "A_" * 100_000 + '"'),
        statement('"Resource": "YOUR' + "_A" * 100_000 + '"'),
        '{"Statement": [' + ", ".join(["{}"] * 20_000) + "]}",
    ],
    ids=range(11),
)
def test_even_a_hostile_text_is_checked_in_time_that_grows_with_its_length(text: str) -> None:
    start = time.perf_counter()
    findings(text)
    assert time.perf_counter() - start < 20
