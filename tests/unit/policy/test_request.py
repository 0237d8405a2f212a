"""Questions: callers, resources and the facts about them (AUTH A-9, J)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from policy import Context, Principal, PrincipalKind, Resource, principal_from_arn
from policy.request import Values, caller_facts
from policy.vocabulary import ResourceKind
from tests.cast import (
    A_ROOT,
    ALIAS,
    ALICE,
    APP_ROLE,
    APP_SESSION,
    FED,
    A,
    K,
    alice,
    anonymous,
    app,
    arn,
    fed,
    key,
    label,
    logs,
    nothing,
    request,
    root_a,
    session,
    with_facts,
)

# Contexts


def test_b13_a_condition_key_is_found_in_any_case() -> None:
    context = Context({"kms:ViaService": "s3"})

    assert context["KMS:VIASERVICE"] == context["kms:viaservice"] == "s3"
    assert "kms:VIAservice" in context
    assert "kms:Via" not in context


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("kms:EncryptionContext:dept", "lower"),  # the exact name comes first
        ("kms:EncryptionContext:Dept", "title"),
        ("kms:EncryptionContext:DEPT", "title"),  # then the first by code point order
        ("KMS:encryptioncontext:dept", "title"),
    ],
)
def test_j100_of_two_spellings_the_exact_one_wins(asked: str, found: str) -> None:
    names = {"kms:EncryptionContext:dept": "lower", "kms:EncryptionContext:Dept": "title"}

    assert Context(names)[asked] == found
    assert Context(dict(reversed(names.items())))[asked] == found


def test_a_context_is_a_mapping_of_the_names_that_were_sent() -> None:
    context = Context({"b:B": "1", "a:A": ("2",)})

    assert list(context) == ["b:B", "a:A"]
    assert len(context) == 2
    assert dict(context) == {"b:B": "1", "a:A": ("2",)}
    assert repr(context) == "Context({'b:B': '1', 'a:A': ('2',)})"
    assert Context() == Context({}) == {}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("aws:username", "alice"),
        ("AWS:USERNAME", "alice"),
        ("aws:SourceVpc", ""),
        ("example:List", None),
        ("aws:TagKeys", None),  # multivalued by definition, whatever was sent
        ("aws:none", None),
    ],
)
def test_h3_only_a_single_value_can_be_put_into_a_text(key: str, value: str | None) -> None:
    context = Context(
        {"aws:username": "alice", "aws:SourceVpc": "", "example:List": ("a",), "aws:TagKeys": "a"}
    )

    assert context.single(key) == value


def test_facts_are_filled_in_where_they_are_absent() -> None:
    context = Context({"aws:Username": "bob", "aws:TagKeys": ()})

    filled = context.with_defaults({"aws:username": "alice", "aws:tagkeys": ("a",), "aws:b": "c"})

    assert dict(filled) == {"aws:Username": "bob", "aws:TagKeys": (), "aws:b": "c"}
    assert dict(context) == {"aws:Username": "bob", "aws:TagKeys": ()}


def test_a_fact_that_is_barred_is_not_filled_in() -> None:
    context = Context({"aws:a": "1"}, absent=["aws:PrincipalArn"])

    filled = context.with_defaults({"AWS:PRINCIPALARN": ALICE, "aws:b": "2"})

    assert dict(filled) == {"aws:a": "1", "aws:b": "2"}
    assert dict(filled.with_defaults({"aws:PrincipalArn": ALICE})) == dict(filled)
    assert "absent=['aws:principalarn']" in repr(filled)


def test_the_encryption_context_keeps_the_case_of_its_names() -> None:
    context = Context(
        {
            "KMS:EncryptionContext:Dept": "IT",
            "kms:encryptioncontext:dept": "it",
            "kms:EncryptionContext:a:b/c": "",
            "kms:EncryptionContextKeys": ("Dept", "dept", "a:b/c"),
            "kms:ViaService": "s3",
        }
    )

    assert context.encryption_context == {"Dept": "IT", "dept": "it", "a:b/c": ""}


# Callers


@pytest.mark.parametrize(
    ("text", "kind", "issuer"),
    [
        (A_ROOT, PrincipalKind.ROOT, None),
        (ALICE, PrincipalKind.USER, None),
        (f"arn:aws:iam::{A}:user/team/alice", PrincipalKind.USER, None),
        (APP_SESSION, PrincipalKind.ROLE_SESSION, APP_ROLE),
        (f"arn:aws-cn:sts::{A}:assumed-role/x/s", PrincipalKind.ROLE_SESSION,
         f"arn:aws-cn:iam::{A}:role/x"),
        (APP_ROLE, PrincipalKind.ROLE_SESSION, APP_ROLE),
        (FED, PrincipalKind.FEDERATED_USER, None),
    ],
)  # fmt: skip
def test_a9_an_arn_names_a_caller(text: str, kind: PrincipalKind, issuer: str | None) -> None:
    caller = principal_from_arn(arn(text))

    assert caller is not None
    assert (caller.kind, caller.issuer) == (kind, issuer and arn(issuer))
    assert (str(caller), caller.account) == (text, A)
    assert caller.is_unnamed_session == (text == APP_ROLE)


def test_e15_the_role_of_a_session_may_have_a_path() -> None:
    role = arn(f"arn:aws:iam::{A}:role/team/app")

    assert principal_from_arn(arn(APP_SESSION), role) == session(A, "app", path="team/")


@pytest.mark.parametrize(
    "text",
    [
        K,
        f"arn:aws:iam::{A}:group/admins",
        f"arn:aws:iam::{A}:user",
        f"arn:aws:iam::{A}:user/",
        f"arn:aws:iam::{A}:role/",
        f"arn:aws:sts::{A}:assumed-role/app",
        f"arn:aws:sts::{A}:assumed-role/app/s1/x",
        f"arn:aws:sts::{A}:user/alice",
        f"arn:aws:iam::{A}:assumed-role/app/s1",
    ],
)
def test_another_arn_names_no_caller(text: str) -> None:
    assert principal_from_arn(arn(text)) is None


def test_callers_without_an_arn_have_no_account() -> None:
    assert (logs.account, anonymous.account) == (None, None)
    assert (str(logs), str(anonymous)) == ("logs.us-east-1.amazonaws.com", "anonymous")


def facts_of(kind: str, arn: str, **more: str) -> dict[str, str]:
    common = {"aws:PrincipalIsAWSService": "false", "aws:PrincipalAccount": A}
    named = {f"aws:{name}": value for name, value in more.items()}
    return {**common, "aws:PrincipalType": kind, "aws:PrincipalArn": arn, **named}


@pytest.mark.parametrize(
    ("caller", "facts"),
    [
        (root_a, facts_of("Account", A_ROOT, userid=A)),
        (alice, facts_of("User", ALICE, username="alice")),
        (
            replace(alice, arn=arn(f"arn:aws:iam::{A}:user/team/alice"), unique_id="AIDA1"),
            facts_of("User", f"arn:aws:iam::{A}:user/team/alice", username="alice", userid="AIDA1"),
        ),
        (app, facts_of("AssumedRole", APP_ROLE)),
        (replace(app, unique_id="AROA1"), facts_of("AssumedRole", APP_ROLE, userid="AROA1:s1")),
        (
            session(A, "app", path="team/"),
            facts_of("AssumedRole", f"arn:aws:iam::{A}:role/team/app"),
        ),
        (fed, facts_of("FederatedUser", FED, userid=f"{A}:fed")),
        (
            logs,
            {
                "aws:PrincipalIsAWSService": "true",
                "aws:PrincipalServiceName": "logs.us-east-1.amazonaws.com",
            },
        ),
        (
            anonymous,
            {
                "aws:PrincipalAccount": "anonymous",
                "aws:PrincipalType": "Anonymous",
                "aws:userid": "anonymous",
            },
        ),
    ],
    ids=label,
)
def test_j10_to_j19_a_caller_comes_with_facts(caller: Principal, facts: dict[str, Values]) -> None:
    assert caller_facts(caller) == facts


def test_j13_an_unnamed_session_has_no_user_id() -> None:
    some = principal_from_arn(arn(APP_ROLE))
    assert some is not None

    assert "aws:userid" not in caller_facts(replace(some, unique_id="AROA1"))


def test_j15_the_facts_of_a_caller_itself_win() -> None:
    tagged = with_facts(alice, {"aws:PrincipalTag/team": "red", "aws:PrincipalType": "Other"})

    facts = caller_facts(tagged)

    assert (facts["aws:PrincipalTag/team"], facts["aws:PrincipalType"]) == ("red", "Other")


# Resources and requests


@pytest.mark.parametrize(
    ("resource", "kind", "text"),
    [
        (key(), ResourceKind.KEY, K),
        (Resource(arn(ALIAS), A), ResourceKind.ALIAS, ALIAS),
        (nothing(), ResourceKind.NONE, "*"),
        (Resource(arn("arn:aws:s3:::bucket"), A), None, "arn:aws:s3:::bucket"),
    ],
)
def test_a_resource_has_a_kind(resource: Resource, kind: ResourceKind | None, text: str) -> None:
    assert (resource.kind, str(resource)) == (kind, text)


def test_an_operation_is_an_action_without_its_service() -> None:
    assert request(alice, "kms:Decrypt").operation == "Decrypt"
