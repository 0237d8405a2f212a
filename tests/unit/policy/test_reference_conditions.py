"""Condition blocks, set operators and policy variables in decisions (AUTH F, G-16 to G-18, H)."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain, combinations

import pytest

from policy import Decision, Layer, Principal, Reason
from policy.operators import COMPARISONS, Comparison, Family
from policy.request import Values
from tests.cast import (
    ALICE,
    APP_ROLE,
    ROOT,
    A,
    Json,
    alice,
    allow,
    app,
    ask,
    deny,
    identity,
    key_policy,
    with_facts,
)

Context = Mapping[str, Values]


def decision(
    when: Json, context: Context | None = None, caller: Principal = alice, **more: str
) -> Decision:
    """Ask under one Allow statement that names everyone and has this condition block."""
    return ask(caller, context=context, key_policy=key_policy(allow(who="*", when=when), **more))


def holds(
    when: Json, context: Context | None = None, caller: Principal = alice, **more: str
) -> bool:
    return decision(when, context, caller, **more).allowed


# A value that each family reads, and one that differs from it.
SAMPLES = {
    Family.STRING: ("red", "blue"),
    Family.NUMERIC: ("7", "8"),
    Family.DATE: ("2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z"),
    Family.BOOL: ("true", "false"),
    Family.BINARY: ("QUI=", "QUM="),
    Family.IP: ("203.0.113.7", "203.0.113.8"),
    Family.ARN: (APP_ROLE, ALICE),
}
BASES = [c for c in COMPARISONS.values() if c.family is not Family.NULL]
POSITIVE = [c for c in BASES if not c.negated]
NEGATED = [c for c in BASES if c.negated]
EQUALITIES = [c for c in BASES if "Than" not in c.name]


@pytest.mark.parametrize("when", [None, {}, {"StringEquals": {}}])
def test_f1_no_condition_is_true(when: Json | None) -> None:
    assert ask(alice, key_policy=key_policy(allow(who="*", when=when))).allowed


@pytest.mark.parametrize(
    ("service", "account", "both"),
    [("s3", A, True), ("s3", "1", False), ("ebs", A, False), ("ebs", "1", False)],
)
@pytest.mark.parametrize("separate", [True, False])
def test_f2_every_operator_and_key_must_hold(
    service: str, account: str, both: bool, separate: bool
) -> None:
    one, other = {"kms:ViaService": "s3"}, {"aws:SourceAccount": A}
    when = {"StringEquals": one, "StringLike": other} if separate else {"StringEquals": one | other}

    assert holds(when, {"kms:ViaService": service, "aws:SourceAccount": account}) is both


@pytest.mark.parametrize("base", EQUALITIES, ids=lambda c: c.name)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_f3_f4_one_of_the_values_is_enough_to_match(base: Comparison, place: int) -> None:
    """A positive operator then holds, a negated one does not."""
    same, other = SAMPLES[base.family]
    values = [other, other, other]

    assert holds({base.name: {"example:Key": values}}, {"example:Key": same}) is base.negated
    values[place] = same
    assert holds({base.name: {"example:Key": values}}, {"example:Key": same}) is not base.negated


def test_b2_an_empty_list_of_values_matches_nothing() -> None:
    assert not holds({"StringEquals": {"example:Key": []}}, {"example:Key": "red"})
    assert holds({"StringNotEquals": {"example:Key": []}}, {"example:Key": "red"})


@pytest.mark.parametrize("base", BASES, ids=lambda c: c.name)
@pytest.mark.parametrize("effect", ["Allow", "Deny"])
def test_f5_without_the_key_only_a_negated_operator_holds(base: Comparison, effect: str) -> None:
    when = {base.name: {"example:Key": SAMPLES[base.family][0]}}
    statement = allow(who="*", when=when) if effect == "Allow" else deny(who="*", when=when)

    answer = ask(alice, key_policy=key_policy(allow("kms:ListGrants", "*"), statement))

    assert [s.applies for s in answer.layer_result(Layer.KEY_POLICY).statements] == [
        False,
        base.negated,
    ]


@pytest.mark.parametrize("base", BASES, ids=lambda c: c.name)
def test_f6_if_exists_holds_without_the_key_and_changes_nothing_with_it(
    base: Comparison,
) -> None:
    expected, other = SAMPLES[base.family]
    plain, if_exists = base.name, f"{base.name}IfExists"

    assert holds({if_exists: {"example:Key": expected}})
    for actual in (expected, other):
        context = {"example:Key": actual}
        assert holds({if_exists: {"example:Key": expected}}, context) is holds(
            {plain: {"example:Key": expected}}, context
        )


@pytest.mark.parametrize(
    ("values", "without", "present"),
    [
        ("true", True, False),
        ("false", False, True),
        (True, True, False),  # B-10
        ("TRUE", True, False),
        (["true", "false"], True, True),
        ([], False, False),
        ("yes", False, False),
    ],
)
def test_f7_null_asks_whether_a_key_is_absent(values: object, without: bool, present: bool) -> None:
    when = {"Null": {"example:Key": values}}

    assert holds(when) is without
    assert holds(when, {"example:Key": ()}) is without, "a key without values is absent"
    assert holds(when, {"example:Key": "red"}) is present
    assert holds(when, {"example:Key": ""}) is present, "an empty text is present"
    assert holds(when, {"example:Key": ("red",)}) is present


@pytest.mark.parametrize("context", [{}, {"example:Key": "red"}])
@pytest.mark.parametrize("value", ["true", "false"])
def test_null_with_a_set_operator_is_constant(context: Context, value: str) -> None:
    assert holds({"ForAllValues:Null": {"example:Key": value}}, context)
    assert not holds({"ForAnyValue:Null": {"example:Key": value}}, context)


@pytest.mark.parametrize("base", BASES, ids=lambda c: c.name)
@pytest.mark.parametrize(
    ("key", "plural"),
    [("aws:TagKeys", True), ("aws:tagkeys", True), ("aws:TagKeys", False), ("example:Key", True)],
)
@pytest.mark.parametrize("match", [True, False])
def test_f9_a_multivalued_key_needs_a_set_operator(
    base: Comparison, key: str, plural: bool, match: bool
) -> None:
    """Whether one value was sent or many: the key is multivalued by definition (F-8)."""
    same, other = SAMPLES[base.family]
    actual = same if match else other
    context: Context = {key: (actual,) if plural else actual}

    assert not holds({base.name: {key: same}}, context)
    assert not holds({f"{base.name}IfExists": {key: same}}, context)


@pytest.mark.parametrize("base", EQUALITIES, ids=lambda c: c.name)
@pytest.mark.parametrize("match", [True, False])
def test_f10_a_set_operator_takes_a_single_value_as_a_set_of_one(
    base: Comparison, match: bool
) -> None:
    same, other = SAMPLES[base.family]
    context = {"kms:ViaService": same if match else other}
    plain = holds({base.name: {"kms:ViaService": same}}, context)

    assert plain is (match != base.negated)
    for prefix in ("ForAllValues", "ForAnyValue"):
        assert holds({f"{prefix}:{base.name}": {"kms:ViaService": same}}, context) is plain


# F-11: what the request has, and the four columns of the table for the policy values a and b.
ABSENT = None
TRUTH = [
    #            any pos  all pos  any neg  all neg
    (ABSENT,     (False,  True,    False,   True)),
    ((),         (False,  True,    False,   True)),
    (("a",),     (True,   True,    False,   False)),
    (("a", "b"), (True,   True,    False,   False)),
    (("a", "c"), (True,   False,   True,    False)),
    (("c",),     (False,  False,   True,    True)),
    (("c", "d"), (False,  False,   True,    True)),
]  # fmt: skip
COLUMNS = [
    "ForAnyValue:StringEquals",
    "ForAllValues:StringEquals",
    "ForAnyValue:StringNotEquals",
    "ForAllValues:StringNotEquals",
]


@pytest.mark.parametrize(("present", "row"), TRUTH, ids=str)
@pytest.mark.parametrize("column", range(4), ids=COLUMNS.__getitem__)
def test_f11_set_operators_follow_their_truth_table(
    present: tuple[str, ...] | None, row: tuple[bool, ...], column: int
) -> None:
    context: Context = {} if present is ABSENT else {"aws:TagKeys": present}

    assert holds({COLUMNS[column]: {"aws:TagKeys": ["a", "b"]}}, context) is row[column]


def subsets(letters: str) -> list[tuple[str, ...]]:
    return list(chain.from_iterable(combinations(letters, n) for n in range(len(letters) + 1)))


@pytest.mark.parametrize("wanted", subsets("abc")[1:], ids="".join)
@pytest.mark.parametrize("found", subsets("abc"), ids="".join)
def test_f12_set_operators_are_the_relations_of_sets(
    wanted: tuple[str, ...], found: tuple[str, ...]
) -> None:
    r, p = set(found), set(wanted)
    expected = [bool(r & p), r <= p, not r <= p, not r & p]

    results = [
        holds({operator: {"aws:TagKeys": list(wanted)}}, {"aws:TagKeys": found})
        for operator in COLUMNS
    ]

    assert results == expected
    assert results[0] is not results[3], "complements"
    assert results[1] is not results[2], "complements"


def test_f13_for_all_values_is_satisfied_by_an_absent_key() -> None:
    when: Json = {"ForAllValues:StringEquals": {"kms:EncryptionContextKeys": ["Dept"]}}
    guarded = {**when, "Null": {"kms:EncryptionContextKeys": "false"}}

    assert holds(when)
    assert not holds(guarded)
    assert holds(guarded, {"kms:EncryptionContextKeys": ("Dept",)})


def test_f13_for_any_value_does_not_fire_in_a_deny_without_the_key() -> None:
    statement = deny(who="*", when={"ForAnyValue:StringNotEquals": {"aws:TagKeys": ["a"]}})

    assert ask(alice, key_policy=key_policy(allow(who="*"), statement)).allowed


@pytest.mark.parametrize("operator", COLUMNS)
@pytest.mark.parametrize(("present", "row"), TRUTH[1:], ids=str)
def test_f14_if_exists_decides_before_the_set_operator(
    operator: str, present: tuple[str, ...], row: tuple[bool, ...]
) -> None:
    """An absent key, or one without values, is enough; else nothing changes."""
    when = {f"{operator}IfExists": {"aws:TagKeys": ["a", "b"]}}

    assert holds(when)
    expected = row[COLUMNS.index(operator)] if present else True
    assert holds(when, {"aws:TagKeys": present}) is expected


@pytest.mark.parametrize(
    ("operator", "matches"),
    [
        ("StringEquals", False),
        ("StringLike", False),
        ("ArnEquals", False),
        ("StringEqualsIgnoreCase", True),
    ],
)
def test_f15_values_are_compared_with_regard_to_case(operator: str, matches: bool) -> None:
    assert holds({operator: {"example:Key": APP_ROLE}}, {"example:Key": APP_ROLE}) is True
    assert holds({operator: {"example:Key": APP_ROLE}}, {"example:Key": APP_ROLE.upper()}) is (
        matches
    )


@pytest.mark.parametrize("named", ["kms:ViaService", "KMS:VIASERVICE", "kms:viaservice"])
@pytest.mark.parametrize("sent", ["kms:ViaService", "Kms:viaService"])
def test_b13_key_names_are_compared_without_regard_to_case(named: str, sent: str) -> None:
    assert holds({"StringEquals": {named: "s3"}}, {sent: "s3"})


@pytest.mark.parametrize(
    ("named", "value"),
    [("Dept", "IT"), ("dept", "hr"), ("DEPT", "IT")],
)
def test_j100_an_encryption_context_key_is_found_in_its_exact_case_first(
    named: str, value: str
) -> None:
    context = {"kms:EncryptionContext:dept": "hr", "kms:EncryptionContext:Dept": "IT"}

    assert holds({"StringEquals": {f"kms:EncryptionContext:{named}": value}}, context)


def test_b13_two_spellings_of_one_key_must_both_hold() -> None:
    when = {"StringEquals": {"kms:ViaService": ["s3", "ebs"], "kms:viaservice": ["ebs", "rds"]}}

    assert holds(when, {"kms:ViaService": "ebs"})
    assert not holds(when, {"kms:ViaService": "s3"})


UNREADABLE = [
    ("Numeric", "abc", "7"),
    ("Numeric", "7", "abc"),
    ("Date", "soon", "2026-03-01"),
    ("Date", "2026-03-01", "soon"),
    ("Arn", "*", APP_ROLE),
    ("Arn", APP_ROLE, "app"),
]


@pytest.mark.parametrize(("family", "expected", "actual"), UNREADABLE)
def test_g16_what_cannot_be_read_makes_both_twins_false(
    family: str, expected: str, actual: str
) -> None:
    context = {"example:Key": actual}

    assert not holds({f"{family}Equals": {"example:Key": expected}}, context)
    assert not holds({f"{family}NotEquals": {"example:Key": expected}}, context)


@pytest.mark.parametrize(("expected", "actual"), [("203.0.113.*", "203.0.113.7"), ("::/0", "vpc")])
def test_g16_addresses_that_cannot_be_read_make_both_twins_false(
    expected: str, actual: str
) -> None:
    for operator in ("IpAddress", "NotIpAddress"):
        assert not holds({operator: {"aws:SourceIp": expected}}, {"aws:SourceIp": actual})


def test_g16_one_readable_value_is_enough_for_a_positive_operator() -> None:
    context = {"example:Key": "7"}

    assert holds({"NumericEquals": {"example:Key": ["abc", "7"]}}, context)
    assert not holds({"NumericNotEquals": {"example:Key": ["abc", "8"]}}, context)


def test_g12_an_address_of_the_other_family_is_outside_every_range() -> None:
    context = {"aws:SourceIp": "2001:db8::7"}

    assert not holds({"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}, context)
    assert holds({"NotIpAddress": {"aws:SourceIp": "0.0.0.0/0"}}, context)


@pytest.mark.parametrize(
    ("operator", "value", "sent"),
    [
        ("StringEquals", "true", "true"),
        ("StringLike", "20*", "2026"),
        ("NumericLessThan", "8", "7"),
        ("StringEquals", "7", "7"),
    ],
)
def test_g17_an_operator_of_another_type_reads_the_text_of_the_value(
    operator: str, value: str, sent: str
) -> None:
    assert holds({operator: {"kms:MultiRegion": value}}, {"kms:MultiRegion": sent})


@pytest.mark.parametrize("value", ["true", "false"])
def test_g18_bool_on_an_absent_key_is_false(value: str) -> None:
    assert not holds({"Bool": {"aws:MultiFactorAuthPresent": value}})
    assert holds({"BoolIfExists": {"aws:MultiFactorAuthPresent": value}})


@pytest.mark.parametrize(("written", "sent"), [(True, "true"), (7, "7"), (7.5, "7.5")])
def test_b10_numbers_and_booleans_need_no_quotes(written: object, sent: str) -> None:
    assert holds({"StringEquals": {"example:Key": written}}, {"example:Key": sent})


# Variables

RED = with_facts(alice, {"aws:PrincipalTag/team": "red"})
STAR = with_facts(alice, {"aws:PrincipalTag/team": "r*"})
TEAM = "${aws:PrincipalTag/team}"


@pytest.mark.parametrize(
    ("caller", "value", "sent", "matches"),
    [
        (RED, TEAM, "red", True),
        (RED, TEAM, "blue", False),
        (RED, "${AWS:principaltag/TEAM}", "red", True),  # H-2: names in any case
        (RED, f"team-{TEAM}-x", "team-red-x", True),
        (RED, "${aws:PrincipalTag/team, 'blue'}", "red", True),
        (alice, "${aws:PrincipalTag/team, 'blue'}", "blue", True),  # H-6
        (alice, "${aws:PrincipalTag/team,'blue'}", "blue", True),  # H-2
        (alice, TEAM, "red", False),
        (alice, TEAM, TEAM, False),
        (alice, TEAM, "", False),
        (alice, "${aws:username}", "alice", True),
        (RED, "${team}", "${team}", True),  # H-7
        (RED, "${$}{aws:username}", "${aws:username}", True),  # H-4
    ],
)
def test_h2_h6_a_variable_stands_for_a_fact(
    caller: Principal, value: str, sent: str, matches: bool
) -> None:
    when = {"StringEquals": {"example:Key": value}}

    assert holds(when, {"example:Key": sent}, caller) is matches


@pytest.mark.parametrize(
    ("caller", "value", "sent", "matches"),
    [
        (STAR, TEAM, "r*", True),
        (STAR, TEAM, "red", False),  # H-5: a wildcard inside a value is a sign
        (STAR, f"{TEAM}*", "r*x", True),
        (STAR, f"{TEAM}*", "redx", False),
        (RED, f"{TEAM}*", "reddish", True),  # the policy's own wildcard keeps its meaning
        (RED, "${*}", "*", True),
        (RED, "${*}", "red", False),
        (RED, "re${?}", "red", False),
    ],
)
def test_h4_h5_what_a_variable_yields_is_literal(
    caller: Principal, value: str, sent: str, matches: bool
) -> None:
    when = {"StringLike": {"example:Key": value}}

    assert holds(when, {"example:Key": sent}, caller) is matches


def test_h5_a_value_is_literal_in_an_arn_as_well() -> None:
    when = {"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{A}:user/{TEAM}"}}

    assert holds(when, caller=with_facts(alice, {"aws:PrincipalTag/team": "alice"}))
    assert not holds(when, caller=with_facts(alice, {"aws:PrincipalTag/team": "al*"}))


def test_h6_a_value_that_does_not_exist_blocks_no_negated_operator() -> None:
    for operator in ("StringNotEquals", "StringNotLike", "StringNotEqualsIgnoreCase"):
        assert holds({operator: {"example:Key": TEAM}}, {"example:Key": "red"})
        assert not holds({operator: {"example:Key": [TEAM, "red"]}}, {"example:Key": "red"})


def test_h6_an_empty_text_is_a_value() -> None:
    caller = with_facts(alice, {"aws:PrincipalTag/team": ""})
    when = {"StringEquals": {"example:Key": "${aws:PrincipalTag/team, 'blue'}"}}

    assert holds(when, {"example:Key": ""}, caller)
    assert not holds(when, {"example:Key": "blue"}, caller)


@pytest.mark.parametrize("sent", [("a",), "a"])
def test_h3_a_multivalued_key_has_no_value_in_a_text(sent: Values) -> None:
    context = {"aws:TagKeys": sent, "example:Key": "a"}

    assert not holds({"StringEquals": {"example:Key": "${aws:TagKeys}"}}, context)
    assert holds({"StringEquals": {"example:Key": "${aws:TagKeys, 'a'}"}}, context)


def test_b6_a_document_of_2008_has_no_variables() -> None:
    when = {"StringEquals": {"example:Key": TEAM}}

    assert not holds(when, {"example:Key": "red"}, RED, version="2008-10-17")
    assert holds(when, {"example:Key": TEAM}, RED, version="2008-10-17")


@pytest.mark.parametrize(
    ("operator", "fact"),
    [
        ("NumericEquals", "7"),
        ("DateEquals", "2026-03-01"),
        ("Bool", "true"),
        ("BinaryEquals", "QUI="),
        ("IpAddress", "203.0.113.7"),
    ],
)
def test_h1_other_operators_have_no_variables(operator: str, fact: str) -> None:
    caller = with_facts(alice, {"aws:PrincipalTag/team": fact})

    assert holds({operator: {"example:Key": fact}}, {"example:Key": fact}, caller)
    assert not holds({operator: {"example:Key": TEAM}}, {"example:Key": fact}, caller)


def test_h1_null_has_no_variables() -> None:
    caller = with_facts(alice, {"aws:PrincipalTag/team": "true"})

    assert not holds({"Null": {"example:Key": TEAM}}, caller=caller)


# Which layer sees which key (J-110), and what is filled in


@pytest.mark.parametrize(
    ("when", "context"),
    [
        ({"StringEquals": {"aws:ResourceTag/team": "red"}}, {"aws:ResourceTag/team": "red"}),
        (
            {"ForAnyValue:StringEquals": {"kms:ResourceAliases": "alias/app"}},
            {"kms:ResourceAliases": ("alias/app",)},
        ),
    ],
)
def test_j110_tags_and_aliases_are_facts_for_iam_policies_only(
    when: Json, context: Context
) -> None:
    own = key_policy(allow(who=ALICE, when=when))
    delegated: Json = {"key_policy": key_policy(ROOT), "identity": identity(allow(when=when))}

    assert not ask(alice, context=context, key_policy=own).allowed
    assert ask(alice, context=context, **delegated).allowed


@pytest.mark.parametrize(
    ("caller", "key", "value"),
    [
        (alice, "aws:PrincipalArn", ALICE),
        (app, "aws:PrincipalArn", APP_ROLE),
        (alice, "aws:PrincipalAccount", A),
        (alice, "aws:PrincipalType", "User"),
        (alice, "aws:username", "alice"),
        (alice, "kms:CallerAccount", A),
        (alice, "aws:ResourceAccount", A),
    ],
)
def test_facts_that_follow_from_the_question_are_filled_in(
    caller: Principal, key: str, value: str
) -> None:
    assert holds({"StringEquals": {key: value}}, caller=caller)
    assert not holds({"StringEquals": {key: value}}, {key: "other"}, caller)


# What the trace says of a condition


@pytest.mark.parametrize(
    ("when", "context", "reason", "why"),
    [
        (
            {"StringEquals": {"kms:ViaService": "s3"}},
            {"kms:ViaService": "ebs"},
            Reason.CONDITION,
            "StringEquals kms:ViaService: request has ebs, policy has s3",
        ),
        (
            {"StringEquals": {"kms:ViaService": ["s3", "rds"]}},
            {},
            Reason.KEY_ABSENT,
            "StringEquals kms:ViaService: request has no such key, policy has s3, rds",
        ),
        (
            {"StringEquals": {"aws:TagKeys": "a"}},
            {"aws:TagKeys": ("a", "b")},
            Reason.CONDITION,
            "StringEquals aws:TagKeys: request has [a, b], policy has a; "
            "a multivalued key needs ForAnyValue or ForAllValues",
        ),
        (
            {"Null": {"kms:ViaService": "true"}},
            {"kms:ViaService": ""},
            Reason.CONDITION,
            'Null kms:ViaService: request has "", policy has true',
        ),
        (
            {"StringEquals": {"kms:ViaService": []}},
            {"kms:ViaService": "s3"},
            Reason.CONDITION,
            "StringEquals kms:ViaService: request has s3, policy has nothing",
        ),
    ],
)
def test_the_trace_says_what_was_wanted_and_what_was_there(
    when: Json, context: Context, reason: Reason, why: str
) -> None:
    answer = decision(when, context)

    (trace,) = answer.layer_result(Layer.KEY_POLICY).statements
    step = trace.steps[-1]
    assert (step.matched, step.reason, step.why) == (False, reason, why)
    assert answer.reasons == {reason}


@pytest.mark.parametrize(
    ("operator", "listed", "matches"),
    [
        ("ForAllValues:StringEquals", ["${aws:username}"], False),
        ("ForAllValues:StringEquals", ["${aws:username}", "env"], True),
        ("ForAllValues:StringNotEquals", ["${aws:username}"], False),
        ("ForAllValues:StringNotEquals", ["${aws:userid}", "x"], True),
        ("ForAnyValue:StringEquals", ["${aws:username}"], True),
        ("ForAnyValue:StringNotEquals", ["${aws:username}", "env"], False),
        ("StringEquals", ["${aws:username}", "env"], False),
    ],
)
def test_f11_f12_h1_sets_are_compared_with_values_that_the_request_fills_in(
    operator: str, listed: list[str], matches: bool
) -> None:
    assert holds({operator: {"aws:TagKeys": listed}}, {"aws:TagKeys": ("alice", "env")}) is matches
