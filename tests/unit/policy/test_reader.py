"""Tree to policy: what a document may say and what becomes of it (AUTH section 2)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from policy import (
    Effect,
    Policy,
    PolicyKind,
    PolicyStructureError,
    PolicySyntaxError,
    Problem,
    Source,
    Span,
    Statement,
    parse,
    read,
)
from policy.model import PrincipalForm
from policy.parser import parse_json
from policy.pattern import Variable, Wildcard
from policy.reader import decode, policy_from_tree, value_text
from policy.tree import Object
from tests.cast import Json, allow, document

KINDS_WITH_PRINCIPALS = [kind for kind in PolicyKind if kind.names_principals]


def only(statement: Json, *, version: str = "2012-10-17") -> Statement:
    (read,) = parse(document(statement, version=version)).statements
    return read


# Documents


def test_a_policy_knows_its_name_kind_version_and_id() -> None:
    policy = parse(document(allow(who="*"), Id="key-default-1"), name="keys/app.json")

    assert (policy.name, policy.kind) == ("keys/app.json", PolicyKind.KEY_POLICY)
    assert (policy.version, policy.id) == ("2012-10-17", "key-default-1")
    assert policy.source.text == document(allow(who="*"), Id="key-default-1")


def test_b2_a_single_statement_needs_no_list() -> None:
    alone = parse(json.dumps({"Statement": allow(who="*")}))

    assert [(s.index, s.effect) for s in alone.statements] == [(0, Effect.ALLOW)]


def test_statements_are_numbered_from_zero() -> None:
    policy = parse(document(allow(who="*", Sid="One"), allow(who="*", Sid="Two")))

    assert [(s.index, s.sid) for s in policy.statements] == [(0, "One"), (1, "Two")]


def test_b2_the_order_of_elements_is_free() -> None:
    statement = allow("kms:Decrypt", "*", Sid="One", when={"Bool": {"aws:SecureTransport": "true"}})
    forwards = parse(json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    backwards = parse(
        json.dumps({"Statement": [dict(reversed(statement.items()))], "Version": "2012-10-17"})
    )

    assert texts(forwards) == texts(backwards)


def texts(policy: Policy) -> object:
    """Return what a policy says, without the places."""
    return [
        (
            s.sid,
            s.effect,
            s.principal and (s.principal.name, [entry.text for entry in s.principal.patterns]),
            s.action and (s.action.name, [entry.text for entry in s.action.patterns]),
            s.resource and (s.resource.name, [entry.text for entry in s.resource.patterns]),
            [(str(c.operator), c.key, [v.text for v in c.values]) for c in s.conditions],
        )
        for s in policy.statements
    ]


def test_b6_a_document_without_version_is_of_2008() -> None:
    assert parse(json.dumps({"Statement": [allow(who="*")]})).version == "2008-10-17"


@pytest.mark.parametrize("kind", PolicyKind)
def test_b7_principals_are_named_where_a_document_guards_a_resource(kind: PolicyKind) -> None:
    guards = kind not in (PolicyKind.IDENTITY_POLICY, PolicyKind.SCP)

    with_one = read(Source("x", document(allow(who="*"))), kind)
    without = read(Source("x", document(allow())), kind)

    assert [p.code for p in with_one.problems] == ([] if guards else ["KG118"])
    assert [p.code for p in without.problems] == (["KG117"] if guards else [])


@pytest.mark.parametrize(
    ("statements", "kind"),
    [
        ([allow(who="*")], PolicyKind.KEY_POLICY),
        ([allow(), allow(NotPrincipal={"AWS": "*"})], PolicyKind.KEY_POLICY),
        ([allow()], PolicyKind.IDENTITY_POLICY),
        ([], PolicyKind.IDENTITY_POLICY),
    ],
)
def test_the_kind_of_a_text_is_told_by_its_principals(
    statements: list[Json], kind: PolicyKind
) -> None:
    assert read(Source("x", document(*statements))).kind is kind


def test_the_kind_of_a_single_statement_is_told_as_well() -> None:
    assert (
        read(Source("x", json.dumps({"Statement": allow(who="*")}))).kind is PolicyKind.KEY_POLICY
    )


# Elements


@pytest.mark.parametrize("name", ["Action", "NotAction"])
@pytest.mark.parametrize("value", ["kms:Decrypt", ["kms:Decrypt"]])
def test_b2_a_list_of_one_needs_no_brackets(name: str, value: Any) -> None:
    action = only(allow(who="*", **{name: value})).action

    assert action is not None
    assert (action.name, action.negated) == (name, name == "NotAction")
    assert [entry.text for entry in action.patterns] == ["kms:Decrypt"]


def test_b2_an_empty_list_is_read() -> None:
    statement = only(allow([], "*", resource=[], when={"StringEquals": {"kms:ViaService": []}}))

    assert statement.action is not None
    assert statement.resource is not None
    assert statement.action.patterns == statement.resource.patterns == ()
    assert statement.conditions[0].values == ()


def test_b12_a_statement_may_lack_action_and_resource() -> None:
    statement = only({"Effect": "Allow", "Principal": "*"})

    assert (statement.action, statement.resource) == (None, None)


def test_c1_an_action_is_kept_as_written_and_matched_in_small_letters() -> None:
    action = only(allow("KMS:GenerateDataKey*", "*")).action

    assert action is not None
    (entry,) = action.patterns
    assert entry.text == "KMS:GenerateDataKey*"
    assert entry.pattern.parts == ("kms:generatedatakey", Wildcard.ANY)


def test_c3_an_action_has_no_variables() -> None:
    action = only(allow("kms:${aws:username}", "*")).action

    assert action is not None
    assert action.patterns[0].pattern.parts == ("kms:${aws:username}",)


def test_d3_a_resource_is_split_at_its_first_five_colons() -> None:
    resource = only(allow(who="*", resource="arn:aws:kms:*:111122223333:key/a:b")).resource

    assert resource is not None
    assert [segment.text for segment in resource.patterns[0].segments] == [
        "arn", "aws", "kms", "*", "111122223333", "key/a:b",
    ]  # fmt: skip


@pytest.mark.parametrize(("version", "expands"), [("2012-10-17", True), ("2008-10-17", False)])
def test_b6_d10_variables_stand_in_the_last_segment_of_new_documents(
    version: str, expands: bool
) -> None:
    text = "arn:aws:kms:${aws:RequestedRegion}:111122223333:key/${aws:username}"
    resource = only(allow(who="*", resource=text), version=version).resource

    assert resource is not None
    segments = resource.patterns[0].segments
    assert segments[3].variables == ()
    assert bool(segments[5].variables) == expands


@pytest.mark.parametrize(("version", "expands"), [("2012-10-17", True), ("2008-10-17", False)])
def test_b6_condition_values_have_variables_in_new_documents(version: str, expands: bool) -> None:
    when = {"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}}

    (condition,) = only(allow(who="*", when=when), version=version).conditions

    variable = Variable("aws:PrincipalTag/team", None, "${aws:PrincipalTag/team}")
    assert condition.values[0].pattern.variables == ((variable,) if expands else ())


@pytest.mark.parametrize(
    ("principal", "entries"),
    [
        ("*", [(PrincipalForm.EVERYONE, "*")]),
        ({"AWS": "*"}, [(PrincipalForm.EVERYONE, "*")]),
        ({"AWS": ["111122223333"]}, [(PrincipalForm.ACCOUNT, "111122223333")]),
        (
            {"Service": "logs.amazonaws.com", "AWS": ["*", "x"]},
            [
                (PrincipalForm.SERVICE, "logs.amazonaws.com"),
                (PrincipalForm.EVERYONE, "*"),
                (PrincipalForm.INVALID, "x"),
            ],
        ),
    ],
)
@pytest.mark.parametrize("name", ["Principal", "NotPrincipal"])
def test_principals_of_all_kinds_are_gathered_in_one_element(
    name: str, principal: Any, entries: list[tuple[PrincipalForm, str]]
) -> None:
    element = only(allow(**{name: principal})).principal

    assert element is not None
    assert (element.name, element.negated) == (name, name == "NotPrincipal")
    assert [(entry.form, entry.text) for entry in element.patterns] == entries


# Conditions


def test_each_operator_and_key_is_one_condition() -> None:
    when = {
        "StringEquals": {"kms:ViaService": ["a", "b"], "kms:CallerAccount": "111122223333"},
        "forallvalues:STRINGLIKEIFEXISTS": {"aws:TagKeys": "team*"},
    }

    conditions = only(allow(who="*", when=when)).conditions

    assert [(str(c.operator), c.key, [v.text for v in c.values]) for c in conditions] == [
        ("StringEquals", "kms:ViaService", ["a", "b"]),
        ("StringEquals", "kms:CallerAccount", ["111122223333"]),
        ("ForAllValues:StringLikeIfExists", "aws:TagKeys", ["team*"]),
    ]


def test_b13_two_spellings_of_a_key_are_two_conditions() -> None:
    when = {"StringEquals": {"aws:SourceVpc": "vpc-1", "aws:sourcevpc": "vpc-2"}}

    assert [c.key for c in only(allow(who="*", when=when)).conditions] == [
        "aws:SourceVpc",
        "aws:sourcevpc",
    ]


@pytest.mark.parametrize("when", [{}, {"StringEquals": {}}])
def test_f1_an_empty_condition_block_is_none(when: Json) -> None:
    assert only(allow(who="*", when=when)).conditions == ()


@pytest.mark.parametrize(
    ("written", "text"),
    [("true", "true"), ("false", "false"), ("7", "7"), ("7.50", "7.50"), ('"a"', "a")],
)
def test_b10_numbers_and_booleans_are_read_as_their_text(written: str, text: str) -> None:
    tree = parse_json(Source("x", written)).tree

    assert tree is not None
    assert value_text(tree) == text


@pytest.mark.parametrize("written", ["null", "[]", "{}"])
def test_b10_other_values_have_no_text(written: str) -> None:
    tree = parse_json(Source("x", written)).tree

    assert tree is not None
    assert value_text(tree) is None


# Places


def test_every_part_of_a_policy_knows_where_it_stands() -> None:
    text = (
        '{"Version": "2012-10-17", "Statement": [{"Sid": "One", "Effect": "Allow",\n'
        ' "Principal": {"AWS": ["111122223333", "*"]}, "NotAction": "kms:*",\n'
        ' "Resource": ["*"], "Condition": {"Bool": {"aws:SecureTransport": [true]}}}]}'
    )

    (statement,) = parse(text).statements

    def shown(span: Span) -> str:
        return text[span.start : span.end]

    assert shown(statement.span) == text[text.index('{"Sid') : -2]
    assert statement.principal is not None
    assert statement.action is not None
    assert statement.resource is not None
    assert shown(statement.principal.span) == '"Principal": {"AWS": ["111122223333", "*"]}'
    assert [shown(e.span) for e in statement.principal.patterns] == ['"111122223333"', '"*"']
    assert shown(statement.action.span) == '"NotAction": "kms:*"'
    assert shown(statement.action.patterns[0].span) == '"kms:*"'
    assert shown(statement.resource.span) == '"Resource": ["*"]'
    assert shown(statement.resource.patterns[0].span) == '"*"'
    (condition,) = statement.conditions
    assert shown(condition.span) == '"aws:SecureTransport": [true]'
    assert shown(condition.values[0].span) == "true"


# Answers


def test_a_good_text_has_a_policy_and_no_problems() -> None:
    found = read(Source("x", document(allow(who="*"))))

    assert found.problems == ()
    assert found.policy is not None


def test_a_bad_text_has_a_tree_and_no_policy() -> None:
    found = read(Source("x", document(allow(who="*", Effect="allow"))))

    assert found.policy is None
    assert isinstance(found.tree, Object)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("{", PolicySyntaxError),
        ('{"Statement": [],}', PolicySyntaxError),
        ('{"Statement": [], "Statement": []}', PolicySyntaxError),
        ('{"Statement": []}', PolicyStructureError),
        ("[]", PolicyStructureError),
    ],
)
def test_not_json_and_not_a_policy_are_two_errors(text: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        parse(text)


def test_an_error_carries_the_source_and_every_problem() -> None:
    with pytest.raises(PolicyStructureError) as caught:
        parse(document({"Sid": 1}), name="keys/app.json")

    assert caught.value.source.name == "keys/app.json"
    assert [problem.code for problem in caught.value.problems] == ["KG113", "KG117", "KG120"]
    assert str(caught.value) == (
        "keys/app.json:1:41: KG113 the statement has no Effect (and 2 more)"
    )


def test_an_error_is_one_printable_line_and_a_value_error() -> None:
    source = Source("x", "{}")
    error = PolicyStructureError(source, (Problem("", "bad\x1b[31m", Span(0, 1)),))

    assert isinstance(error, ValueError)
    assert str(error) == "x:1:1: bad�[31m"


def test_bytes_in_utf8_become_a_text() -> None:
    assert decode("é東🔑".encode(), "x") == Source("x", "é東🔑")


def test_a_policy_can_be_a_part_of_a_larger_file() -> None:
    source = Source("world.json", '{"keys": {"policy": ' + document(allow(who="*")) + "}}")
    world = parse_json(source).tree
    assert isinstance(world, Object)
    keys = world.get("keys")
    assert isinstance(keys, Object)
    part = keys.get("policy")
    assert part is not None

    policy = policy_from_tree(part, source, PolicyKind.KEY_POLICY, "app key")

    assert (policy.name, policy.source) == ("app key", source)
    span = policy.statements[0].span
    assert source.text[span.start : span.end] == json.dumps(allow(who="*"))


def test_a_part_that_is_no_policy_is_refused_where_it_stands() -> None:
    source = Source("world.json", '{"policy":\n  {"Statement": []}}')
    world = parse_json(source).tree
    assert isinstance(world, Object)
    part = world.get("policy")
    assert part is not None

    with pytest.raises(PolicyStructureError, match=r"^world\.json:2:17: KG112"):
        policy_from_tree(part, source, PolicyKind.KEY_POLICY, "app key")


@pytest.mark.parametrize("kind", PolicyKind)
def test_messages_call_each_kind_with_its_article(kind: PolicyKind) -> None:
    wrong = allow() if kind.names_principals else allow(who="*")
    (problem,) = read(Source("x", document(wrong)), kind).problems

    article = {"S": "an", "R": "an", "i": "an"}.get(kind.value[0], "a")
    assert f"{article} {kind}" in problem.message
