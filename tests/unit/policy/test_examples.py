"""Contexts for which a condition holds or fails: guesses that the engine confirms."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import pytest

from policy import Context
from policy.examples import examples, is_fixed, known_facts, with_pairs
from policy.model import Condition
from policy.request import Values
from tests.cast import ALICE, alice, allow, ask, key_policy, request


def condition(operator: str, key: str, *values: str) -> Condition:
    policy = key_policy(allow(who=ALICE, when={operator: {key: list(values)}}))
    return policy.statements[0].conditions[0]


def holds(operator: str, key: str, values: tuple[str, ...], context: Context) -> bool:
    """Ask the engine."""
    policy = key_policy(allow(who=ALICE, when={operator: {key: list(values)}}))
    return ask(alice, key_policy=policy, context=dict(context)).allowed


SINGLE = [
    ("StringEquals", ("a", "b")),
    ("StringNotEquals", ("a", "b")),
    ("StringEqualsIfExists", ("a",)),
    ("StringNotEqualsIfExists", ("a",)),
    ("StringEqualsIgnoreCase", ("A",)),
    ("StringLike", ("a?c*",)),
    ("StringNotLike", ("a*",)),
    ("NumericEquals", ("7",)),
    ("NumericNotEquals", ("7",)),
    ("NumericLessThan", ("7",)),
    ("NumericLessThanEquals", ("7.5",)),
    ("NumericGreaterThan", ("7",)),
    ("NumericGreaterThanEquals", ("7",)),
    ("DateEquals", ("2026-01-01T00:00:00Z",)),
    ("DateNotEquals", ("2026-01-01T00:00:00Z",)),
    ("DateLessThan", ("2026-01-01",)),
    ("DateGreaterThan", ("1767225600",)),
    ("Bool", ("true",)),
    ("Bool", ("false",)),
    ("IpAddress", ("10.0.0.0/8",)),
    ("IpAddress", ("10.1.2.3",)),
    ("NotIpAddress", ("2001:db8::/32",)),
    ("ArnEquals", ("arn:aws:s3:::b*",)),
    ("ArnNotLike", ("arn:aws:s3:::b",)),
    ("BinaryEquals", ("QQ==",)),
    ("Null", ("true",)),
    ("Null", ("false",)),
]
SETS = [
    f"{quantifier}:{operator}"
    for quantifier in ("ForAllValues", "ForAnyValue")
    for operator in ("StringEquals", "StringNotEquals")
]
NAMES = "kms:EncryptionContextKeys"
Case: TypeAlias = tuple[str, str, tuple[str, ...], dict[str, Values]]


def cases() -> Iterator[Case]:
    """Yield each operator with a key that is absent, that matches, and that does not."""
    for operator, values in SINGLE:
        yield operator, "x:k", values, {}
        yield operator, "x:k", values, {"x:k": "zz"}
        yield operator, "x:k", values, {"x:k": values[0]}
    for operator in SETS:
        yield operator, NAMES, ("a", "b"), {}
        for name in ("a", "c"):
            pair: dict[str, Values] = {f"kms:EncryptionContext:{name}": "1"}
            yield operator, NAMES, ("a", "b"), {NAMES: (name,), **pair}


@pytest.mark.parametrize("wanted", [True, False])
@pytest.mark.parametrize(("operator", "key", "values", "context"), list(cases()))
def test_some_example_does_what_is_wanted(
    operator: str, key: str, values: tuple[str, ...], context: dict[str, Values], wanted: bool
) -> None:
    given = Context(context)
    if holds(operator, key, values, given) is wanted:
        return
    found = list(examples(condition(operator, key, *values), given, holds=wanted))
    answers = [holds(operator, key, values, example.context) for example in found]

    assert wanted in answers


@pytest.mark.parametrize(
    ("operator", "key", "value", "context", "wanted", "change"),
    [
        ("StringEquals", "aws:SourceVpce", "v-1", {}, True, "send the request through v-1"),
        ("StringEquals", "aws:sourcevpc", "v-1", {}, True, "send the request from v-1"),
        ("IpAddress", "aws:SourceIp", "10.0.0.0/8", {}, True, "send the request from 10.0.0.0/8"),
        ("StringLike", "kms:ViaService", "s3.*", {}, True, "let s3.* send the request"),
        ("Bool", "aws:MultiFactorAuthPresent", "true", {}, True, "sign in with MFA = true"),
        ("StringEquals", "kms:EncryptionContext:Dept", "IT", {}, True,
         "send the encryption context Dept = IT"),
        ("StringNotEquals", "kms:EncryptionContext:Dept", "IT",
         {"kms:EncryptionContext:dept": "IT"}, True,
         "send the encryption context Dept = another value than IT"),
        ("ForAnyValue:StringEquals", "kms:EncryptionContextKeys", "a", {}, True,
         "send an encryption context with the names a"),
        ("StringEquals", "aws:ResourceTag/team", "x", {}, True, "tag the key team = x"),
        ("StringEquals", "aws:PrincipalTag/team", "x", {}, True, "tag the caller team = x"),
        ("StringEquals", "x:k", "v", {}, True, "send the request with x:k = v"),
        ("StringEquals", "x:k", "v", {"x:k": "v"}, False,
         "send the request with x:k = another value than v"),
        ("Null", "x:k", "true", {"x:k": "v"}, True, "send the request without x:k"),
        ("Null", "x:k", "true", {}, False, "send the request with x:k = any value"),
        ("Null", "kms:EncryptionContext:a", "true", {"kms:EncryptionContext:a": "1"}, True,
         "leave a out of the encryption context"),
    ],
)  # fmt: skip
def test_a_change_is_told_as_something_to_do(
    operator: str, key: str, value: str, context: dict[str, Values], wanted: bool, change: str
) -> None:
    found = examples(condition(operator, key, value), Context(context), holds=wanted)

    assert next(found).change == change


@pytest.mark.parametrize("key", ["aws:PrincipalArn", "kms:CallerAccount", "kms:KeySpec"])
def test_what_follows_from_caller_and_resource_is_fixed(key: str) -> None:
    assert is_fixed(key)
    assert not is_fixed("aws:SourceVpce")


@pytest.mark.parametrize(
    ("operator", "value"),
    [
        ("NumericEquals", "many"),
        ("DateEquals", "soon"),
        ("DateGreaterThan", "99999999999999"),
        ("IpAddress", "here"),
        ("StringEquals", "${aws:username}"),
    ],
)
def test_values_that_cannot_be_read_are_passed_over(operator: str, value: str) -> None:
    assert list(examples(condition(operator, "x:k", value), Context(), holds=True)) == []


def test_the_end_of_all_addresses_has_nothing_outside() -> None:
    found = examples(condition("NotIpAddress", "x:k", "0.0.0.0/0"), Context(), holds=True)

    assert list(found) == []


def test_variables_are_filled_in() -> None:
    context = Context({"x:team": "blue"})
    (found,) = examples(condition("StringEquals", "x:k", "${x:team}"), context, holds=True)

    assert found.context["x:k"] == "blue"


def test_variables_may_name_facts_that_the_request_does_not_spell_out() -> None:
    asked = request(alice)
    test = condition("StringEquals", "x:k", "${aws:username}")
    (found,) = examples(test, asked.context, holds=True, known=known_facts(asked))

    assert dict(found.context) == {"x:k": "alice"}


# Encryption contexts


def test_the_list_of_names_is_kept_in_step_if_there_is_one() -> None:
    pairs = {"a": "1", "A": "2"}
    listed = Context({"kms:EncryptionContextKeys": ("x",), "KMS:EncryptionContext:x": "0"})

    assert with_pairs(Context(), pairs).encryption_context == pairs
    assert "kms:EncryptionContextKeys" not in with_pairs(Context(), pairs)
    changed = with_pairs(listed, pairs)
    assert changed.encryption_context == pairs
    assert changed["kms:EncryptionContextKeys"] == ("a", "A")


def test_one_pair_changes_and_the_others_stay() -> None:
    context = Context({"kms:EncryptionContext:a": "1", "kms:EncryptionContext:b": "2"})
    test = condition("StringEquals", "kms:EncryptionContext:A", "9")

    (found, *_) = examples(test, context, holds=True)
    assert found.context.encryption_context == {"A": "9", "b": "2"}


def test_names_that_are_asked_for_bring_pairs_along() -> None:
    context = Context({"kms:EncryptionContext:a": "1", "kms:EncryptionContext:c": "3"})
    test = condition("ForAllValues:StringEquals", "kms:EncryptionContextKeys", "a")

    (found, *_) = examples(test, context, holds=True)
    assert found.context.encryption_context == {"a": "1"}
    assert found.context["kms:EncryptionContextKeys"] == ("a",)


# Contexts with barred keys


def test_a_barred_key_is_not_filled_in_but_may_be_given() -> None:
    context = Context({"a:b": "1"}, absent=["aws:CurrentTime"])

    assert "aws:currenttime" not in context.with_defaults({"AWS:CurrentTime": "x"})
    filled = context.with_defaults({"c:d": "2", "a:B": "3"})
    assert dict(filled) == {"a:b": "1", "c:d": "2"}
    assert "aws:CurrentTime" not in filled.with_defaults({"aws:CurrentTime": "x"})
    assert context.replaced({"aws:CurrentTime": "now"})["aws:CurrentTime"] == "now"


def test_a_key_that_is_taken_away_stays_away() -> None:
    context = Context({"a:b": "1", "A:B": "2", "c:d": "3"}).replaced({"a:b": None, "e:f": "4"})

    assert dict(context) == {"c:d": "3", "e:f": "4"}
    assert "a:b" not in context.with_defaults({"a:b": "5"})
    assert repr(context) == "Context({'c:d': '3', 'e:f': '4'}, absent=['a:b'])"
