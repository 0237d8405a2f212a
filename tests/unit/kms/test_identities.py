"""userIdentity by the kind of caller, source address and user agent (CORE K-174)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from kms import Account, Call, Directory, Identity, Session
from kms.directory import ANONYMOUS, service_principal
from kms.identities import MAX_AGENT, Teller, of_the_service, reduced
from kms.identities import Identity as UserIdentity
from policy import Principal, PrincipalKind, principal_from_arn
from policy.request import Values
from tests.kms_world import ACCOUNT, OTHER, REGION, arn

ROLE = f"arn:aws:iam::{ACCOUNT}:role/app/Billing"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/Billing/batch-7"
USER = f"arn:aws:iam::{ACCOUNT}:user/team/ann"
FEDERATED = f"arn:aws:sts::{ACCOUNT}:federated-user/guest"

PEOPLE = (
    Directory()
    .with_account(Account(ACCOUNT))
    .with_identity(Identity(arn(ROLE), "AROAROLE"))
    .with_identity(Identity(arn(USER), "AIDAANN"))
)


def caller(text: str, directory: Directory = PEOPLE) -> Principal:
    found = directory.principal(arn(text))
    assert found is not None
    return found


def call(who: Principal, **more: Any) -> Call:
    return Call(who, "ListKeys", {}, REGION, **more)


def told(who: Principal, **more: Any) -> UserIdentity:
    return Teller(call(who, **more)).identity()


def session(**more: Any) -> Principal:
    made = Session(arn(SESSION), arn(ROLE), **more)
    return caller(SESSION, PEOPLE.with_session(made))


def test_of_a_user_there_is_the_name_and_the_key_that_signed() -> None:
    assert told(caller(USER), access_key="AKIAEXAMPLE") == {
        "type": "IAMUser",
        "principalId": "AIDAANN",
        "arn": USER,
        "accountId": ACCOUNT,
        "accessKeyId": "AKIAEXAMPLE",
        "userName": "ann",
    }


def test_of_a_role_session_there_is_the_role_with_its_path() -> None:
    who = session(
        facts={
            "aws:TokenIssueTime": "2026-03-01T08:00:00Z",
            "aws:MultiFactorAuthPresent": "true",
            "aws:SourceIdentity": "ann",
        }
    )

    assert told(who, access_key="ASIAEXAMPLE") == {
        "type": "AssumedRole",
        "principalId": "AROAROLE:batch-7",
        "arn": SESSION,
        "accountId": ACCOUNT,
        "accessKeyId": "ASIAEXAMPLE",
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role",
                "principalId": "AROAROLE",
                "arn": ROLE,
                "accountId": ACCOUNT,
                "userName": "Billing",
            },
            "attributes": {"creationDate": "2026-03-01T08:00:00Z", "mfaAuthenticated": "true"},
            "sourceIdentity": "ann",
        },
    }


def test_what_is_not_known_of_a_session_is_left_out() -> None:
    context = told(session())["sessionContext"]

    assert context["attributes"] == {"mfaAuthenticated": "false"}
    assert "sourceIdentity" not in context


def test_what_the_surface_knows_of_a_session_is_told_unless_the_session_says_otherwise() -> None:
    facts = {"AWS:tokenissuetime": "2026-03-01T08:00:00Z", "aws:SourceIdentity": "eve"}
    who = session(facts={"aws:SourceIdentity": "ann"})

    context = told(who, facts=facts)["sessionContext"]

    assert context["attributes"]["creationDate"] == "2026-03-01T08:00:00Z"
    assert context["sourceIdentity"] == "ann"


def test_of_root_there_is_the_account_and_no_name() -> None:
    assert told(caller(f"arn:aws:iam::{ACCOUNT}:root")) == {
        "type": "Root",
        "principalId": ACCOUNT,
        "arn": f"arn:aws:iam::{ACCOUNT}:root",
        "accountId": ACCOUNT,
    }


@pytest.mark.parametrize(
    ("issuer", "told_of"),
    [
        (USER, {"type": "IAMUser", "principalId": "AIDAANN", "arn": USER, "userName": "ann"}),
        (
            f"arn:aws:iam::{ACCOUNT}:root",
            {"type": "Root", "principalId": ACCOUNT, "arn": f"arn:aws:iam::{ACCOUNT}:root"},
        ),
    ],
)
def test_of_a_federated_user_there_is_who_asked_for_federation(
    issuer: str, told_of: Mapping[str, Any]
) -> None:
    made = Session(arn(FEDERATED), arn(issuer))

    identity = told(caller(FEDERATED, PEOPLE.with_session(made)))

    assert (identity["type"], identity["principalId"]) == ("FederatedUser", f"{ACCOUNT}:guest")
    assert identity["sessionContext"]["sessionIssuer"] == {**told_of, "accountId": ACCOUNT}


def test_a_service_is_told_by_its_name_alone() -> None:
    assert told(service_principal("s3.amazonaws.com")) == {
        "type": "AWSService",
        "invokedBy": "s3.amazonaws.com",
    }


@pytest.mark.parametrize("via", ["s3", "s3.eu-west-1.amazonaws.com"])
def test_who_calls_through_a_service_stays_who_he_is(via: str) -> None:
    identity = told(caller(USER), via=via)

    assert (identity["type"], identity["arn"]) == ("IAMUser", USER)
    assert identity["invokedBy"] == "s3.amazonaws.com"


def test_nobody_is_called_nobody() -> None:
    assert told(ANONYMOUS) == {
        "type": "AWSAccount",
        "principalId": "",
        "accountId": "ANONYMOUS_PRINCIPAL",
    }


def test_an_identity_that_is_not_simulated_has_no_unique_id() -> None:
    who = principal_from_arn(arn(f"arn:aws:iam::{OTHER}:user/x"))
    assert who is not None

    assert "principalId" not in told(who)


def test_an_unnamed_session_of_a_role_has_the_id_of_the_role() -> None:
    who = Principal(PrincipalKind.ROLE_SESSION, arn(ROLE), issuer=arn(ROLE), unique_id="AROAROLE")

    assert told(who)["principalId"] == "AROAROLE"


def test_the_owner_of_a_key_learns_no_names_and_no_keys() -> None:
    """CORE K-174, K-183."""
    identity = told(session(), access_key="ASIAEXAMPLE", via="s3")

    assert reduced(identity) == {
        "type": "AWSAccount",
        "principalId": "AROAROLE:batch-7",
        "accountId": ACCOUNT,
    }


def test_the_service_itself_has_no_type() -> None:
    """CORE K-186."""
    assert of_the_service(ACCOUNT) == {"accountId": ACCOUNT, "invokedBy": "AWS Internal"}


# What is kept between calls


def test_equal_callers_are_told_alike_and_others_are_not() -> None:
    ann, key = caller(USER), "AKIAEXAMPLE"
    plain = told(ann)

    assert told(ann) is plain
    assert told(ann, access_key=key)["accessKeyId"] == key
    assert "accessKeyId" not in told(ann)
    assert told(replace(ann, unique_id="AIDANEW"))["principalId"] == "AIDANEW"


def test_a_caller_is_never_taken_for_one_that_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept goes by the identity of the object, and another object may get the same."""
    ann = caller(USER)
    kept: dict[Any, Any] = {}
    monkeypatch.setattr("kms.identities._IDENTITIES", kept)
    own = told(ann)
    (at,) = kept
    kept[at] = (replace(ann, unique_id="AIDAGONE"), {"type": "another"})

    assert told(ann) == own


# Source address and user agent


@pytest.mark.parametrize(
    ("who", "more", "source", "agent"),
    [
        (USER, {}, None, None),
        (
            USER,
            {"facts": {"aws:sourceIP": "198.51.100.7", "aws:UserAgent": "Boto3"}},
            "198.51.100.7",
            "Boto3",
        ),
        (USER, {"facts": {"aws:VpcSourceIp": "10.0.0.7"}, "endpoint": "vpce-1"}, "10.0.0.7", None),
        (
            USER,
            {"via": "s3", "facts": {"aws:SourceIp": "198.51.100.7"}},
            "s3.amazonaws.com",
            "AWS Internal",
        ),
        (None, {}, "s3.amazonaws.com", "AWS Internal"),
        (USER, {"facts": {"aws:SourceIp": ("198.51.100.7",)}}, None, None),
    ],
)
def test_where_a_call_comes_from(
    who: str | None, more: Mapping[str, Any], source: str | None, agent: str | None
) -> None:
    """CORE K-173."""
    principal = caller(who) if who is not None else service_principal("s3.amazonaws.com")
    teller = Teller(call(principal, **more))

    assert (teller.source(), teller.agent()) == (source, agent)


def test_of_a_long_user_agent_the_beginning_is_kept() -> None:
    facts: Mapping[str, Values] = {"aws:UserAgent": "x" * 5000}

    assert Teller(call(caller(USER), facts=facts)).agent() == "x" * MAX_AGENT
