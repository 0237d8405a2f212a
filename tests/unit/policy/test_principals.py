"""The forms in which principals are named (AUTH E-1 to E-14, N-6, N-7)."""

from __future__ import annotations

import pytest

from policy.model import PrincipalForm
from policy.principals import grant_principal, principal_pattern
from policy.source import Span
from tests.cast import A_ROOT, ALICE, APP_ROLE, APP_SESSION, FED, A, K

HERE = Span(3, 9)
F = PrincipalForm


@pytest.mark.parametrize(
    ("key", "text", "form"),
    [
        ("AWS", "*", F.EVERYONE),  # E-1
        ("AWS", A, F.ACCOUNT),  # E-2
        ("AWS", A_ROOT, F.ACCOUNT),
        ("AWS", f"arn:aws-cn:iam::{A}:root", F.ACCOUNT),
        ("AWS", ALICE, F.USER),  # E-3
        ("AWS", f"arn:aws:iam::{A}:user/team/alice", F.USER),
        ("AWS", APP_ROLE, F.ROLE),  # E-5
        ("AWS", f"arn:aws:iam::{A}:role/aws-service-role/x.amazonaws.com/Linked", F.ROLE),
        ("AWS", APP_SESSION, F.SESSION),  # E-6
        ("AWS", FED, F.FEDERATED_USER),  # E-7
        ("Federated", "accounts.google.com", F.PROVIDER),  # E-8
        ("Federated", f"arn:aws:iam::{A}:saml-provider/idp", F.PROVIDER),
        ("Service", "logs.us-east-1.amazonaws.com", F.SERVICE),  # E-9
        ("Service", "*", F.SERVICE),  # the name of no service: it is not everyone
        ("CanonicalUser", "79a59df900b949e5", F.CANONICAL_USER),  # E-10
        ("AWS", "AIDAJQABLZS4A3QDU576Q", F.UNIQUE_ID),  # E-11
        ("AWS", "AROAJQABLZS4A3QDU576Q", F.UNIQUE_ID),
    ],
)
def test_an_entry_has_a_form(key: str, text: str, form: PrincipalForm) -> None:
    entry = principal_pattern(key, text, HERE)

    assert (entry.form, entry.text, entry.span) == (form, text, HERE)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "alice",
        "11112222333",
        "111122223333 ",
        f"arn:aws:iam::{A}:role/app-*",  # E-13
        f"arn:aws:iam::{A}:role/?",
        "arn:aws:iam::*:root",
        "arn:aws:iam::111:root",
        f"arn:aws:iam::{A}:group/admins",  # E-14
        f"arn:aws:iam::{A}:instance-profile/web",
        f"arn:aws:organizations::{A}:ou/o-1/ou-1",
        "logs.amazonaws.com",
        f"arn:aws:iam::{A}:role/",
        f"arn:aws:iam::{A}:user",
        f"arn:aws:sts::{A}:assumed-role/",
        f"arn:aws:sts::{A}:root",
        f"arn:aws:sts::{A}:user/alice",
        f"arn:aws:iam::{A}:assumed-role/app/s1",
        K,
        "AIDA",
        "aidajqablzs4a3qdu576q",
        "AKIAIOSFODNN7EXAMPLE",
    ],
)
def test_e13_e14_other_texts_name_nobody(text: str) -> None:
    entry = principal_pattern("AWS", text, HERE)

    assert (entry.form, entry.arn, entry.account) == (F.INVALID, None, None)


@pytest.mark.parametrize(
    ("text", "account"),
    [(A, A), (A_ROOT, A), (ALICE, A), (APP_SESSION, A), ("*", None), ("AIDAJQABLZS4A3Q", None)],
)
def test_an_entry_knows_its_account(text: str, account: str | None) -> None:
    assert principal_pattern("AWS", text, HERE).account == account


@pytest.mark.parametrize(
    ("text", "form"),
    [
        (A, F.ACCOUNT),
        (A_ROOT, F.ACCOUNT),
        (ALICE, F.USER),
        (APP_ROLE, F.ROLE),
        (APP_SESSION, F.SESSION),
        (FED, F.FEDERATED_USER),
        ("ebs.amazonaws.com", F.SERVICE),  # N-7
        ("*", F.INVALID),  # N-6: a grant names somebody
        ("AIDAJQABLZS4A3QDU576Q", F.INVALID),
        (f"arn:aws:iam::{A}:group/admins", F.INVALID),
        (f"arn:aws:iam::{A}:role/a.b-*", F.INVALID),
        ("alice", F.INVALID),
    ],
)
def test_n6_the_principal_of_a_grant_has_a_form(text: str, form: PrincipalForm) -> None:
    assert grant_principal(text).form is form
