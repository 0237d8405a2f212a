"""Accounts, identities and sessions: who an ARN names, and what is known of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kms import Account, Directory, Endpoint, Identity, Session
from kms.directory import ANONYMOUS, AccessKey, is_access_key_id, is_secret, service_principal
from policy import Principal, PrincipalKind, root_arn
from policy.request import caller_facts
from tests.kms_world import ACCOUNT, ALLOW_ALL, OTHER, arn, identity_policy, role_arn, user_arn

ALICE, APP = user_arn("alice"), f"arn:aws:iam::{ACCOUNT}:role/team/App"
APP_SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/App/work"
FEDERATED = f"arn:aws:sts::{ACCOUNT}:federated-user/fed"
POLICY = identity_policy(ALLOW_ALL)


def directory() -> Directory:
    made = Directory().with_account(Account(ACCOUNT)).with_account(Account(OTHER))
    made = made.with_identity(Identity(arn(ALICE), "AIDAALICE", (POLICY,)))
    return made.with_identity(Identity(arn(APP), "AROAROLEAPP", (POLICY,)))


def caller(text: str, known: Directory | None = None) -> Principal:
    found = (known or directory()).principal(arn(text))
    assert found is not None
    return found


# Who an ARN names (AUTH A-9)


@pytest.mark.parametrize(
    ("text", "kind", "issuer", "unique_id"),
    [
        (ALICE, PrincipalKind.USER, None, "AIDAALICE"),
        (APP, PrincipalKind.ROLE_SESSION, APP, "AROAROLEAPP"),
        (APP_SESSION, PrincipalKind.ROLE_SESSION, APP, "AROAROLEAPP"),
        (str(root_arn(ACCOUNT)), PrincipalKind.ROOT, None, None),
    ],
)
def test_an_arn_names_a_caller(
    text: str, kind: PrincipalKind, issuer: str | None, unique_id: str | None
) -> None:
    found = caller(text)

    assert (str(found), found.kind, found.unique_id) == (text, kind, unique_id)
    assert found.issuer == (arn(issuer) if issuer else None)


@pytest.mark.parametrize(
    "text",
    [
        user_arn("nobody"),
        role_arn("Nobody"),
        f"arn:aws:sts::{ACCOUNT}:assumed-role/Nobody/work",
        f"arn:aws:sts::{ACCOUNT}:federated-user/nobody",
        f"arn:aws:iam::{ACCOUNT}:group/devs",
        f"arn:aws:iam::{ACCOUNT}:user/",
        f"arn:aws:sts::{ACCOUNT}:assumed-role/App",
        "arn:aws:kms:eu-west-1:111122223333:key/x",
    ],
)
def test_an_arn_that_names_nobody_here_is_no_caller(text: str) -> None:
    assert directory().principal(arn(text)) is None


@pytest.mark.parametrize("text", [user_arn("x", "999999999999"), role_arn("x", "999999999999")])
def test_identities_of_accounts_that_are_not_simulated_are_taken_to_exist(text: str) -> None:
    """CORE K-78."""
    assert str(caller(text)) == text


def test_a_session_finds_its_role_with_path_and_in_any_case() -> None:
    """AUTH E-15, J-10."""
    found = caller(f"arn:aws:sts::{ACCOUNT}:assumed-role/aPP/work")

    assert str(found.issuer) == APP
    assert caller_facts(found)["aws:PrincipalArn"] == APP


# Identities come and go


def test_an_identity_that_is_gone_is_nobody() -> None:
    left = directory().without_identity(arn(APP))

    assert left.principal(arn(APP)) is None
    assert left.principal(arn(APP_SESSION)) is None
    assert left.unique_id(APP) is None
    assert not left.knows(APP)
    assert not left.knows("AROAROLEAPP")
    assert left.knows(ALICE)


def test_a_user_who_goes_does_not_take_a_role_of_that_name_along() -> None:
    """AUTH E-15: a user and a role may have the same name."""
    known = directory().with_identity(Identity(arn(user_arn("app")), "AIDAAPP"))
    left = known.without_identity(arn(user_arn("app")))

    assert str(caller(APP_SESSION, left).issuer) == APP


def test_an_identity_made_anew_has_another_unique_id() -> None:
    """AUTH E-20."""
    anew = directory().with_identity(Identity(arn(APP), "AROAROLENEW"))

    assert anew.unique_id(APP) == "AROAROLENEW"
    assert caller(APP_SESSION, anew).unique_id == "AROAROLENEW"
    assert anew.knows("AROAROLENEW")
    assert not anew.knows("AROAROLEAPP")
    assert str(caller(APP_SESSION, anew).issuer) == APP


def test_taking_nobody_away_changes_nothing() -> None:
    known = directory()

    assert known.without_identity(arn(user_arn("nobody"))) is known


# Which principals exist (AUTH P-12, P-14)


@pytest.mark.parametrize(
    "principal",
    [
        ALICE, APP, "AIDAALICE", "AROAROLEAPP", "*", ACCOUNT, "999999999999",
        str(root_arn(ACCOUNT)), APP_SESSION, f"arn:aws:sts::{ACCOUNT}:assumed-role/Nobody/x",
        FEDERATED, user_arn("x", "999999999999"), "ec2.amazonaws.com",
    ],
)  # fmt: skip
def test_a_principal_that_exists_or_need_not_is_known(principal: str) -> None:
    assert directory().knows(principal)


@pytest.mark.parametrize(
    "principal", [user_arn("nobody"), role_arn("App"), user_arn("alice", OTHER), "AIDANOBODY"]
)
def test_a_principal_of_a_simulated_account_must_exist(principal: str) -> None:
    assert not directory().knows(principal)


# What is known of a caller


def test_a_user_has_the_policies_of_its_groups_too() -> None:
    """AUTH L-5."""
    group = identity_policy({**ALLOW_ALL, "Action": "kms:List*"}, name="group")
    known = directory().with_group("arn:group", (group,))
    known = known.with_identity(
        Identity(arn(ALICE), "AIDAALICE", (POLICY,), groups=("arn:group", "arn:unknown"))
    )

    assert known.policies_of(caller(ALICE, known)) == (POLICY, group)


def test_a_session_has_the_policies_of_its_role() -> None:
    assert directory().policies_of(caller(APP_SESSION)) == (POLICY,)


@pytest.mark.parametrize("who", [ANONYMOUS, service_principal("s3.amazonaws.com")])
def test_callers_without_an_account_have_no_policies(who: Principal) -> None:
    known = directory()

    assert known.policies_of(who) == ()
    assert known.identity_of(who) is None
    assert known.session_of(who) is None
    assert who.account is None


def test_the_root_user_has_no_policies() -> None:
    assert directory().policies_of(caller(str(root_arn(ACCOUNT)))) == ()


def test_tags_of_the_session_win_over_those_of_the_role() -> None:
    """AUTH J-15."""
    known = directory().with_identity(
        Identity(arn(APP), "AROAROLEAPP", tags={"team": "role", "stage": "test"})
    )
    known = known.with_session(Session(arn(APP_SESSION), arn(APP), tags={"team": "session"}))

    facts = caller(APP_SESSION, known).facts

    assert facts["aws:PrincipalTag/team"] == "session"
    assert facts["aws:PrincipalTag/stage"] == "test"


def test_a_session_brings_its_facts_and_policies() -> None:
    """AUTH J-20, L-7."""
    session = Session(
        arn(APP_SESSION),
        arn(APP),
        (POLICY,),
        facts={"aws:MultiFactorAuthPresent": "true"},
        identity_provider="cognito-identity.amazonaws.com",
    )
    known = directory().with_session(session)
    found = caller(APP_SESSION, known)

    assert found.facts["aws:MultiFactorAuthPresent"] == "true"
    assert found.identity_provider == "cognito-identity.amazonaws.com"
    assert found.unique_id == "AROAROLEAPP"
    assert known.session_of(found) == session


def test_a_federated_user_stands_on_the_user_who_asked() -> None:
    """AUTH L-5, E-4."""
    known = directory().with_session(Session(arn(FEDERATED), arn(ALICE)))
    found = caller(FEDERATED, known)

    assert (found.kind, str(found.issuer)) == (PrincipalKind.FEDERATED_USER, ALICE)
    assert found.unique_id == "AIDAALICE"
    assert known.policies_of(found) == (POLICY,)


def test_a_service_linked_role_is_marked() -> None:
    """AUTH L-52."""
    known = directory().with_identity(Identity(arn(APP), "AROAROLEAPP", service_linked=True))

    assert caller(APP_SESSION, known).service_linked
    assert not caller(APP_SESSION).service_linked


def test_the_organization_of_an_account_becomes_facts() -> None:
    """AUTH J-16, J-17, J-51."""
    inside = Account(ACCOUNT, organization="o-a", path="o-a/r-a/ou-x/")
    known = directory().with_account(inside)

    assert known.organization_facts(ACCOUNT, "Resource") == {
        "aws:ResourceOrgID": "o-a",
        "aws:ResourceOrgPaths": ("o-a/r-a/ou-x/",),
    }
    assert caller(ALICE, known).facts["aws:PrincipalOrgID"] == "o-a"
    assert known.organization_facts(OTHER, "Resource") == {}
    assert known.organization_facts("999999999999", "Resource") == {}
    assert known.organization_facts(None, "Principal") == {}


def test_an_organization_without_a_path_is_told_by_its_id_alone() -> None:
    known = Directory().with_account(Account(ACCOUNT, organization="o-a"))

    assert known.organization_facts(ACCOUNT, "Principal") == {"aws:PrincipalOrgID": "o-a"}


def test_endpoints_are_kept_by_their_id() -> None:
    endpoint = Endpoint("vpce-1", ACCOUNT)

    assert Directory().with_endpoint(endpoint).endpoints["vpce-1"] is endpoint


def test_a_directory_does_not_change_when_another_is_made_of_it() -> None:
    before = directory()
    before.with_identity(Identity(arn(user_arn("bob")), "AIDABOB"))
    before.without_identity(arn(ALICE))

    assert before == directory()


# Access keys (CORE K-202)

SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
KEY = AccessKey("AKIAIOSFODNN7EXAMPLE", SECRET.encode())


def with_key() -> Directory:
    return Directory().with_identity(Identity(arn(ALICE), "AIDAALICE", access_keys=(KEY,)))


def test_an_access_key_leads_to_its_user() -> None:
    found = with_key().access_key(KEY.id)

    assert found is not None
    assert (str(found[0].arn), found[1]) == (ALICE, KEY)
    assert with_key().access_key("AKIAIOSFODNN7EXAMPL2") is None


def test_a_user_that_changes_keeps_its_access_keys_and_loses_those_that_are_taken_away() -> None:
    (alice, _) = with_key().access_key(KEY.id) or pytest.fail("nobody has the key")

    changed = with_key().with_identity(replace(alice, tags={"a": "b"}))
    assert changed.access_key(KEY.id) is not None
    assert with_key().with_identity(replace(alice, access_keys=())).access_key(KEY.id) is None


def test_the_access_keys_of_a_user_are_gone_with_it() -> None:
    gone = with_key().without_identity(arn(ALICE))

    assert gone.access_key(KEY.id) is None
    assert gone.with_identity(Identity(arn(ALICE), "AIDANEW")).access_key(KEY.id) is None


def test_no_repr_holds_a_secret() -> None:
    for shown in (repr(with_key()), repr(KEY)):
        assert SECRET not in shown
    assert KEY.id in repr(KEY)


@pytest.mark.parametrize(
    ("text", "is_id"),
    [
        ("AKIAIOSFODNN7EXAMPLE", True),
        ("AKIA" + "A2" * 8, True),
        ("ASIAIOSFODNN7EXAMPLE", False),
        ("AKIAIOSFODNN7EXAMPL", False),
        ("AKIAIOSFODNN7EXAMPLEX", False),
        ("AKIAIOSFODNN1EXAMPLE", False),
        ("akiaiosfodnn7example", False),
        ("AKIAIOSFODNN7EXAMPLE\n", False),
        ("", False),
    ],
)
def test_ids_of_access_keys_have_a_form(text: str, is_id: bool) -> None:
    assert is_access_key_id(text) is is_id


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        (SECRET, True),
        ("a+/9" * 10, True),
        (SECRET[1:], False),
        (SECRET + "a", False),
        ("-" * 40, False),
        ("a" * 39 + "\n", False),
        ("", False),
    ],
)
def test_secrets_have_a_form(text: str, is_one: bool) -> None:
    assert is_secret(text) is is_one
