"""Two mistakes that simulators of policies make, by name, for each evaluator.

A pair of the encryption context that gets lost on its way to the policies, and a variable in a
condition value that is compared as it is written.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import pytest

import policy
from policy import Decision, Documents, Request, reference
from policy.request import Values
from tests.cast import (
    ALICE,
    ROOT,
    Json,
    alice,
    allow,
    deny,
    documents_of,
    grant,
    identity,
    key_policy,
    request,
)

Decide: TypeAlias = Callable[[Request, Documents], Decision]

both = pytest.mark.parametrize("decide", [policy.decide, reference.decide])

PAIRS = {
    "plain": "x",
    "app.name": "x",
    "path/to/it": "x",
    "urn:of:it": "x",
    "UPPER": "X",
    "under_score-dash": "x",
    "two words": "two words",
    "größe": "weiß",
    "ключ": "значение",
    "kms:EncryptionContext:": "x",
    "kms:EncryptionContext:nested": "x",
    "aws:username": "nobody",
    "aws:RequestTag/team": "x",
    "${aws:username}": "x",
    "empty": "",
    "star": "*",
    "variable": "${aws:username}",
}
"""Pairs as applications send them; KMS takes any text for both."""


def context_of(pairs: dict[str, str]) -> dict[str, Values]:
    """Return the condition keys of an encryption context (AUTH J-71, J-72)."""
    keys: dict[str, Values] = {f"kms:EncryptionContext:{name}": pairs[name] for name in pairs}
    return keys | {"kms:EncryptionContextKeys": tuple(pairs)}


def literal(text: str) -> str:
    """Return a policy value that stands for a text, whatever signs are in it (AUTH H-4)."""
    return text.replace("$", "${$}")


def allowed(
    decide: Decide, *statements: Json, context: dict[str, Values], **documents: object
) -> bool:
    """Tell whether alice may decrypt under these statements of the key policy."""
    given = documents_of(key_policy=key_policy(*statements), **documents)
    return decide(request(alice, context=context), given).allowed


# A pair that gets lost


@both
@pytest.mark.parametrize("name", PAIRS)
def test_no_pair_is_lost_to_an_allow(decide: Decide, name: str) -> None:
    key, value = f"kms:EncryptionContext:{name}", literal(PAIRS[name])
    statement = allow("kms:Decrypt", ALICE, when={"StringEquals": {key: value}})

    assert allowed(decide, statement, context=context_of(PAIRS))
    assert not allowed(decide, statement, context=context_of({**PAIRS, name: "other"}))
    without = {other: PAIRS[other] for other in PAIRS if other != name}
    assert not allowed(decide, statement, context=context_of(without))


@both
@pytest.mark.parametrize("name", PAIRS)
def test_no_pair_is_lost_to_a_deny(decide: Decide, name: str) -> None:
    key, value = f"kms:EncryptionContext:{name}", literal(PAIRS[name])
    anyway = allow("kms:Decrypt", ALICE)

    hit = deny("kms:Decrypt", ALICE, when={"StringEquals": {key: value}})
    assert not allowed(decide, anyway, hit, context=context_of(PAIRS))
    spared = deny("kms:Decrypt", ALICE, when={"StringNotEquals": {key: value}})
    assert allowed(decide, anyway, spared, context=context_of(PAIRS))


@both
@pytest.mark.parametrize("name", PAIRS)
def test_a_pair_is_there_whatever_its_name_and_value(decide: Decide, name: str) -> None:
    there = {"Null": {f"kms:EncryptionContext:{name}": "false"}}

    assert allowed(decide, allow("kms:Decrypt", ALICE, when=there), context=context_of(PAIRS))


@both
@pytest.mark.parametrize("name", PAIRS)
def test_the_list_of_names_has_each_name_as_it_was_sent(decide: Decide, name: str) -> None:
    some = {"ForAnyValue:StringEquals": {"kms:EncryptionContextKeys": literal(name)}}
    listed = [literal(other) for other in PAIRS if other != name]
    all_others = {"ForAllValues:StringEquals": {"kms:EncryptionContextKeys": listed}}

    assert allowed(decide, allow("kms:Decrypt", ALICE, when=some), context=context_of(PAIRS))
    assert not allowed(
        decide, allow("kms:Decrypt", ALICE, when=all_others), context=context_of(PAIRS)
    )


@both
def test_of_two_names_that_differ_by_case_neither_hides_the_other(decide: Decide) -> None:
    pairs = {"tenant": "a", "Tenant": "b", "TENANT": "c"}
    for name, value in pairs.items():
        when = {"StringEquals": {f"kms:EncryptionContext:{name}": value}}
        statement = allow("kms:Decrypt", ALICE, when=when)
        assert allowed(decide, statement, context=context_of(pairs)), name
        assert not allowed(decide, statement, context=context_of({**pairs, name: "d"})), name
    every = {"ForAllValues:StringEquals": {"kms:EncryptionContextKeys": ["tenant", "Tenant"]}}
    assert not allowed(decide, allow("kms:Decrypt", ALICE, when=every), context=context_of(pairs))


@both
@pytest.mark.parametrize("name", PAIRS)
def test_no_pair_is_lost_to_the_constraint_of_a_grant(decide: Decide, name: str) -> None:
    nothing = allow("kms:Sign", ALICE)
    changed = context_of({**PAIRS, name: "other"})
    for given in (
        grant(ALICE, "Decrypt", equals=PAIRS),
        grant(ALICE, "Decrypt", subset={name: PAIRS[name]}),
    ):
        assert allowed(decide, nothing, context=context_of(PAIRS), grants=given)
        assert not allowed(decide, nothing, context=changed, grants=given)


# A variable that is not expanded

FACTS: dict[str, Values] = {
    "aws:PrincipalTag/team": "blue",
    "kms:EncryptionContext:tenant": "t-1",
    "kms:EncryptionContextKeys": ("tenant",),
    "aws:ResourceTag/team": "blue",
    "aws:SourceIdentity": "ALICE",
    "aws:FederatedProvider": "alice",
    "aws:SourceArn": f"{ALICE}/thing",
    "kms:ViaService": "blue-t-1.alice",
}


def with_facts(decide: Decide, when: Json, changes: dict[str, Values] | None = None) -> bool:
    """Tell whether an identity policy with a condition allows what the key policy delegates."""
    own = identity(allow("kms:Decrypt", when=when))
    return allowed(decide, ROOT, context={**FACTS, **(changes or {})}, identity=own)


@both
@pytest.mark.parametrize(
    ("operator", "key", "value"),
    [
        ("StringEquals", "aws:ResourceTag/team", "${aws:PrincipalTag/team}"),
        ("StringEquals", "kms:EncryptionContext:tenant", "t-${kms:EncryptionContext:n, '1'}"),
        ("StringEquals", "aws:FederatedProvider", "${aws:username}"),
        ("StringEquals", "aws:FederatedProvider", "${AWS:UserName}"),
        ("StringEquals", "aws:ResourceTag/team", "${aws:PrincipalTag/none, 'blue'}"),
        ("StringEquals", "aws:ResourceTag/team", "${aws:PrincipalTag/team, 'red'}"),
        ("StringEqualsIfExists", "aws:ResourceTag/team", "${aws:PrincipalTag/team}"),
        ("StringEqualsIgnoreCase", "aws:SourceIdentity", "${aws:username}"),
        ("StringLike", "kms:ViaService", "${aws:PrincipalTag/team}-*"),
        (
            "StringLike",
            "kms:ViaService",
            "${aws:PrincipalTag/team}-${kms:EncryptionContext:tenant}.${aws:username}",
        ),
        (
            "ForAnyValue:StringEquals",
            "kms:EncryptionContextKeys",
            "${aws:PrincipalTag/n, 'tenant'}",
        ),
        ("ForAllValues:StringLike", "kms:EncryptionContextKeys", "${aws:PrincipalTag/n, 'ten'}*"),
        ("ArnLike", "aws:SourceArn", "arn:aws:iam::*:user/${aws:username}/*"),
        ("ArnEquals", "aws:PrincipalArn", "arn:aws:iam::${aws:PrincipalAccount}:user/alice"),
    ],
)
def test_a_variable_is_expanded_before_values_are_compared(
    decide: Decide, operator: str, key: str, value: str
) -> None:
    assert with_facts(decide, {operator: {key: value}})
    assert with_facts(decide, {operator: {key: ["nothing", value]}})


@both
@pytest.mark.parametrize(
    ("operator", "key", "value"),
    [
        ("StringEquals", "aws:ResourceTag/team", "${aws:PrincipalTag/team}"),
        ("StringLike", "aws:ResourceTag/team", "${aws:username}"),
        ("StringEqualsIgnoreCase", "aws:ResourceTag/team", "${kms:EncryptionContext:tenant}"),
    ],
)
def test_a_text_that_looks_like_the_variable_is_not_its_value(
    decide: Decide, operator: str, key: str, value: str
) -> None:
    assert not with_facts(decide, {operator: {key: value}}, {key: value})


@both
@pytest.mark.parametrize(
    ("operator", "key", "value"),
    [
        ("StringNotEquals", "aws:ResourceTag/team", "${aws:PrincipalTag/team}"),
        ("StringNotEquals", "aws:FederatedProvider", "${aws:username}"),
        ("StringNotEqualsIgnoreCase", "aws:SourceIdentity", "${aws:username}"),
        ("StringNotLike", "kms:ViaService", "*-${kms:EncryptionContext:tenant}.*"),
        ("StringNotEquals", "aws:ResourceTag/team", "${aws:PrincipalTag/none, 'blue'}"),
        ("ArnNotLike", "aws:SourceArn", "arn:aws:iam::*:user/${aws:username}/*"),
        (
            "ForAnyValue:StringNotEquals",
            "kms:EncryptionContextKeys",
            "${aws:PrincipalTag/n, 'tenant'}",
        ),
    ],
)
def test_a_variable_is_expanded_in_negated_operators_too(
    decide: Decide, operator: str, key: str, value: str
) -> None:
    assert not with_facts(decide, {operator: {key: value}})


@both
def test_the_value_of_a_variable_is_that_of_the_request_and_not_of_another(decide: Decide) -> None:
    same_team = {"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}}

    assert with_facts(decide, same_team)
    assert not with_facts(decide, same_team, {"aws:PrincipalTag/team": "red"})
    both_red = {"aws:PrincipalTag/team": "red", "aws:ResourceTag/team": "red"}
    assert with_facts(decide, same_team, both_red)
    assert with_facts(decide, same_team)
