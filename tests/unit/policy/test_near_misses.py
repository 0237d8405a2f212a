"""What came closest to allowing, and with which value each failed element would have matched."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from policy import (
    Arn,
    Decision,
    Documents,
    Principal,
    PrincipalKind,
    Resource,
    StatementTrace,
    decide,
)
from policy.decision import ElementName
from policy.explanation import explain
from policy.near_misses import MAX_NEAR, NearMiss, near_misses
from policy.request import Request, principal_from_arn
from tests.cast import (
    ALICE,
    APP_ROLE,
    BOB,
    NOON,
    ROOT,
    Json,
    K,
    alice,
    allow,
    bob_b,
    deny,
    documents_of,
    grant,
    identity,
    key_policy,
    logs,
    nothing,
    request,
    scps,
)
from tests.worlds import world

LATER = NOON + dt.timedelta(minutes=5)
OTHER = "arn:aws:iam::111122223333:user/other"


def named(sid: str, statement: Json) -> Json:
    return {"Sid": sid, **statement}


def found(asked: Request, documents: Documents) -> tuple[NearMiss, ...]:
    return near_misses(decide(asked, documents), documents)


def names(near: tuple[NearMiss, ...]) -> list[str]:
    return [
        near.trace.name if isinstance(near.trace, StatementTrace) else near.trace.grant.id
        for near in near
    ]


def would_match(asked: Request, **documents: Any) -> list[tuple[str, str | None]]:
    """Return the failed elements of the first near miss, each with what would have matched."""
    near = found(asked, documents_of(**documents))[0]
    return [(failed.step.element.value, failed.would_match) for failed in near.failed]


# Which


def test_those_that_lack_the_least_are_near() -> None:
    policy = key_policy(
        named("Far", allow("kms:Sign", APP_ROLE)),
        named("Near", allow("kms:Sign", ALICE)),
        named("Never", deny("kms:Sign", "*")),
    )

    assert names(found(request(alice), documents_of(key_policy=policy))) == ["Near"]


def test_grants_that_lack_one_thing_are_near() -> None:
    documents = documents_of(
        grants=(
            grant(ALICE, "Sign", name="near"),
            grant(BOB, "Sign", name="far"),
            grant(ALICE, "Decrypt", name="elsewhere", key_arn=f"{K}0"),
        )
    )

    assert names(found(request(alice), documents)) == ["near", "elsewhere"]


def test_at_most_three_of_a_kind_are_near() -> None:
    policy = key_policy(*(named(f"S{n}", allow("kms:Sign", ALICE)) for n in range(9)))

    assert len(found(request(alice), documents_of(key_policy=policy))) == MAX_NEAR


def test_where_identity_denied_the_key_policy_may_have_been_near() -> None:
    """In one account the key policy alone could have allowed; for another account it could not."""
    policy = key_policy(
        ROOT, named("Other", allow("kms:Sign", ALICE)), named("Far", allow("kms:Sign", APP_ROLE))
    )
    foreign = key_policy(allow(who=BOB), named("Other", allow("kms:Sign", BOB)))

    assert names(found(request(alice), documents_of(key_policy=policy))) == ["Other"]
    assert found(request(bob_b), documents_of(key_policy=foreign)) == ()


def test_of_scps_those_at_a_level_that_does_not_allow_are_near() -> None:
    documents = documents_of(
        key_policy=key_policy(allow(who=ALICE)),
        scps=scps([named("Full", allow("*")), named("Aside", allow("s3:*"))],
                  named("Missing", allow("s3:*"))),
    )  # fmt: skip

    assert names(found(request(alice), documents)) == ["Missing"]


@pytest.mark.parametrize(
    "documents",
    [
        documents_of(key_policy=key_policy(allow(who=ALICE), allow("kms:Sign", ALICE))),
        documents_of(key_policy=key_policy(deny(who="*"), allow("kms:Sign", ALICE))),
    ],
)
def test_nothing_is_near_where_something_allowed_or_denied(documents: Documents) -> None:
    assert found(request(alice), documents) == ()


# What would have matched


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (allow(who=APP_ROLE), [("Principal", APP_ROLE)]),
        (allow(who="111122223333", NotAction="kms:*"), [("Action", None)]),
        (allow(who={"Service": str(logs)}), [("Principal", str(logs))]),
        (allow(who="444455556666"), [("Principal", "arn:aws:iam::444455556666:root")]),
        (allow(who="AIDA12345678"), [("Principal", "AIDA12345678")]),
        (allow(who="arn:aws:iam::*:user/x"), [("Principal", None)]),
        (allow(NotPrincipal={"AWS": ALICE}), [("Principal", OTHER)]),
        (allow("kms:Gen*", ALICE), [("Action", "kms:GenerateDataKey")]),
        (allow("KMS:sign", ALICE), [("Action", "kms:Sign")]),
        (allow("s3:*", ALICE), [("Action", None)]),
        (allow("kms:De crypt", ALICE), [("Action", None)]),
        (allow(who=ALICE, NotAction=["kms:De*", "kms:En*"]), [("Action", "kms:GenerateDataKey")]),
        (allow("kms:Sign", APP_ROLE), [("Principal", APP_ROLE), ("Action", "kms:Sign")]),
        (allow(who=ALICE, resource=f"{K}0"), [("Resource", None)]),
    ],
)  # fmt: skip
def test_a_statement_tells_whom_and_what_it_is_for(
    statement: Json, expected: list[tuple[str, str | None]]
) -> None:
    assert would_match(request(alice), key_policy=key_policy(statement)) == expected


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        ("arn:aws:kms:eu-west-1:*:key/*", K.replace("us-east-1", "eu-west-1")),
        ("arn:aws:kms:*:*:alias/*", K.rpartition(":")[0] + ":alias/x"),
        ("arn:aws:kms:*:*:key/${aws:username}", K.rpartition("/")[0] + "/alice"),
        ("alias/app", None),
    ],
)
def test_an_identity_policy_tells_on_what(resource: str, expected: str | None) -> None:
    mine = identity(allow(resource=resource))

    assert would_match(request(alice), key_policy=key_policy(ROOT), identity=mine) == [
        ("Resource", expected)
    ]


def test_a_resource_that_is_excepted_has_a_neighbour() -> None:
    mine = identity(allow(NotResource=K))

    assert would_match(request(alice), key_policy=key_policy(ROOT), identity=mine) == [
        ("Resource", K.rpartition("/")[0] + "/other")
    ]


def test_an_action_without_resource_can_be_asked_on_none() -> None:
    mine = identity(allow(resource=K))

    assert would_match(request(alice, "kms:ListKeys", nothing()), identity=mine) == [
        ("Resource", None)
    ]


@pytest.mark.parametrize(
    ("operator", "key_", "value", "has", "expected"),
    [
        ("StringEquals", "aws:SourceVpce", "v-1", "v-2", "v-1"),
        ("StringNotEquals", "aws:SourceVpce", "v-1", "v-1", "other"),
        ("NumericLessThan", "x:n", "7", "9", "6"),
        ("Null", "aws:SourceVpce", "true", "v-1", "no such key"),
        ("StringEquals", "aws:PrincipalOrgID", "o-1", "o-2", "o-1"),
        ("NumericEquals", "x:n", "many", "9", None),
        ("StringEquals", "aws:ResourceTag/team", "blue", "red", None),
    ],
)
def test_a_condition_tells_a_value_with_its_key(
    operator: str, key_: str, value: str, has: str, expected: str | None
) -> None:
    """AUTH J-110: a key policy sees no tags of the key, whatever they are."""
    policy = key_policy(allow(who=ALICE, when={operator: {key_: value}}))
    (near,) = found(request(alice, context={key_: has}), documents_of(key_policy=policy))

    assert [(f.key, f.would_match) for f in near.failed] == [(key_, expected)]


@pytest.mark.parametrize(
    ("grants", "expected"),
    [
        (grant(ALICE, "Sign", "Verify"), [("Operations", "Sign")]),
        (grant(APP_ROLE, "Decrypt"), [("GranteePrincipal", APP_ROLE)]),
        (grant(ALICE, "Decrypt", subset={"a": "1"}), [("Constraints", "{'b': '2', 'a': '1'}")]),
        (grant(ALICE, "Decrypt", equals={"a": "1"}), [("Constraints", "{'a': '1'}")]),
        (grant(ALICE, "Decrypt", effective_at=LATER), [("Effective", str(LATER))]),
        (grant(ALICE, "Decrypt", ends_at=NOON),
         [("Effective", str(NOON - dt.timedelta(seconds=1)))]),
        (grant(ALICE, "Decrypt", key_arn=f"{K}0"), [("Resource", f"{K}0")]),
        (grant("nobody", "Decrypt"), [("GranteePrincipal", None)]),
    ],
)  # fmt: skip
def test_a_grant_tells_for_whom_what_and_when_it_is(
    grants: Any, expected: list[tuple[str, str | None]]
) -> None:
    asked = request(alice, at=NOON, context={"kms:EncryptionContext:b": "2"})

    assert would_match(asked, grants=grants) == expected


def test_a_service_is_told_the_source_that_a_grant_wants() -> None:
    asked = request(logs)
    wants = grant(str(logs), "Decrypt", source_arn="arn:aws:s3:::b*")

    (near,) = found(asked, documents_of(grants=wants))
    (failed,) = near.failed
    assert failed.step.element is ElementName.CONSTRAINTS
    assert failed.would_match == "arn:aws:s3:::bx"


def test_an_arn_that_means_a_former_user_matches_with_no_name() -> None:
    """AUTH E-20: no value that can be told would match; the name is the same."""
    documents = documents_of(key_policy=key_policy(allow(who=ALICE)), bound_ids={ALICE: "AIDAGONE"})

    assert [f.would_match for f in found(request(alice), documents)[0].failed] == [None]


# In the explanation


def sentences(decision: Decision, near: tuple[NearMiss, ...]) -> list[str]:
    shown = explain(decision, near_misses=near)
    lines = [child for stage in shown.stages for line in stage.lines for child in line.children]
    return [child.cells[1] for child in lines if child.matched is False]


def test_a_sentence_tells_what_would_match_unless_it_names_it_already() -> None:
    policy = key_policy(
        allow("kms:Gen*", APP_ROLE, when={
            "StringEquals": {"aws:SourceVpce": "v-1"}, "Null": {"x:k": "true"},
        })
    )  # fmt: skip
    documents = documents_of(key_policy=policy)
    decision = decide(request(alice, context={"x:k": "1"}), documents)

    assert sentences(decision, near_misses(decision, documents)) == [
        f"{APP_ROLE} does not name {ALICE}",
        "kms:Gen* does not cover kms:Decrypt; kms:GenerateDataKey would match",
        "StringEquals aws:SourceVpce: request has no such key, policy has v-1",
        "Null x:k: request has 1, policy has true; its absence would match",
    ]


# Laws


def asked_with(
    asked: Request, element: ElementName, condition: str | None, value: str, unique_id: str | None
) -> Request:
    """Return the request with a value put in the place of the failed one, by other means.

    The unique id is that of whoever has a name now (AUTH E-20).
    """
    if element is ElementName.ACTION:
        return replace(asked, action=value)
    if element is ElementName.RESOURCE:
        arn = Arn.parse(value)
        assert arn is not None
        return replace(asked, resource=Resource(arn, arn.account))
    if element is ElementName.PRINCIPAL:
        arn = Arn.parse(value)
        if arn is not None:
            caller = principal_from_arn(arn)
            assert caller is not None
            return replace(asked, principal=replace(caller, unique_id=unique_id))
        if value.endswith(".amazonaws.com"):
            return replace(asked, principal=Principal(PrincipalKind.SERVICE, service=value))
        what = "identity_provider" if "." in value else "unique_id"
        return replace(asked, principal=replace(asked.principal, **{what: value}))
    assert condition is not None
    absent = value == "no such key"
    many = tuple(value[1:-1].split(", ")) if value.startswith("[") else value
    return replace(asked, context=asked.context.replaced({condition: None if absent else many}))


def test_in_generated_worlds_each_value_matches_when_the_whole_world_decides_again() -> None:
    tried: Counter[ElementName] = Counter()
    for seed in range(400):
        asked, documents = world(seed).request, world(seed).documents
        for near in found(asked, documents):
            for failed in near.failed:
                element, value = failed.step.element, failed.would_match
                if value is None or not isinstance(near.trace, StatementTrace):
                    continue
                other = decide(
                    asked_with(asked, element, failed.key, value, documents.bound_ids.get(value)),
                    documents,
                )
                trace = _again(other, near.trace)
                if trace is not None:
                    assert trace.steps[failed.position].matched, (seed, failed)
                    tried[element] += 1
    assert tried[ElementName.PRINCIPAL] > 20
    assert tried[ElementName.ACTION] > 5
    assert tried[ElementName.CONDITION]
    assert tried[ElementName.RESOURCE]


def _again(decision: Decision, trace: StatementTrace) -> StatementTrace | None:
    statements = decision.layer_result(trace.layer).statements
    same = (t for t in statements if (t.source, t.index, t.level) ==
            (trace.source, trace.index, trace.level))  # fmt: skip
    return next(same, None)
