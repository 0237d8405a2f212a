"""Grants by themselves: constraints, parents, time and tokens (AUTH N)."""

from __future__ import annotations

import datetime as dt

import pytest

from policy.grants import GrantConstraints, account_of
from tests.cast import A_ROOT, ALICE, NOON, A, grant

DAY = dt.timedelta(days=1)
NONE = GrantConstraints()


def equals(**pairs: str) -> GrantConstraints:
    return GrantConstraints(equals=pairs)


def subset(**pairs: str) -> GrantConstraints:
    return GrantConstraints(subset=pairs)


@pytest.mark.parametrize(
    ("constraints", "pairs", "problem"),
    [
        (NONE, {}, None),
        (NONE, {"a": "1"}, None),
        (equals(a="1"), {"a": "1"}, None),
        (equals(a="1", b="2"), {"b": "2", "a": "1"}, None),
        (equals(a="1"), {}, "the encryption context must be exactly {a: 1}"),
        (equals(a="1"), {"a": "2"}, "the encryption context must be exactly {a: 1}"),
        (equals(a="1"), {"a": "1", "b": "2"}, "the encryption context must be exactly {a: 1}"),
        (equals(a="x"), {"a": "X"}, "the encryption context must be exactly {a: x}"),
        (equals(a="x"), {"A": "x"}, "the encryption context must be exactly {a: x}"),
        (subset(a="1"), {"a": "1"}, None),
        (subset(a="1"), {"a": "1", "b": "2"}, None),
        (subset(a="1", b="2"), {"a": "1"}, "the encryption context must include {b: 2}"),
        (subset(a="1"), {}, "the encryption context must include {a: 1}"),
        (subset(a="x"), {"A": "x"}, "the encryption context must include {a: x}"),
        (equals(), {"a": "1"}, None),  # N-9: an empty map is no constraint
        (subset(), {}, None),
        (GrantConstraints(source_arn="arn:aws:s3:::b"), {}, None),
    ],
)
def test_n22_an_encryption_context_meets_constraints_or_lacks_something(
    constraints: GrantConstraints, pairs: dict[str, str], problem: str | None
) -> None:
    assert constraints.unmet_by(pairs) == problem


BUCKET = GrantConstraints(source_arn="arn:aws:s3:::bucket")


@pytest.mark.parametrize(
    ("parent", "child", "is_inside"),
    [
        (NONE, NONE, True),
        (NONE, equals(a="1"), True),
        (NONE, subset(a="1"), True),
        (NONE, BUCKET, True),
        (subset(a="1"), NONE, False),
        (subset(a="1"), subset(a="1"), True),
        (subset(a="1"), subset(a="1", b="2"), True),
        (subset(a="1", b="2"), subset(a="1"), False),
        (subset(a="1"), subset(a="2"), False),
        (subset(a="1"), equals(a="1"), True),
        (subset(a="1"), equals(a="1", b="2"), True),
        (subset(a="1"), equals(b="2"), False),
        (equals(a="1"), equals(a="1"), True),
        (equals(a="1"), equals(a="1", b="2"), False),
        (equals(a="1"), subset(a="1"), False),
        (equals(a="1"), NONE, False),
        (BUCKET, BUCKET, True),
        (BUCKET, NONE, False),
        (BUCKET, GrantConstraints(source_arn="arn:aws:s3:::other"), False),
        (
            GrantConstraints(subset={"a": "1"}, source_arn="arn:aws:s3:::bucket"),
            subset(a="1"),
            False,
        ),
    ],
)
def test_n14_a_child_is_at_least_as_strict_as_its_parent(
    parent: GrantConstraints, child: GrantConstraints, is_inside: bool
) -> None:
    assert child.at_least_as_strict_as(parent) is is_inside


@pytest.mark.parametrize(
    ("constraints", "names"),
    [
        (NONE, False),
        (equals(), False),
        (BUCKET, False),
        (equals(a="1"), True),
        (subset(a="1"), True),
    ],
)
def test_n9_an_empty_map_constrains_nothing(constraints: GrantConstraints, names: bool) -> None:
    assert constraints.names_context is names


@pytest.mark.parametrize(
    ("effective_at", "at", "sent", "counts"),
    [
        (None, None, set(), True),
        (None, NOON, set(), True),
        (NOON, NOON, set(), True),
        (NOON, NOON - DAY, set(), False),
        (NOON, NOON + DAY, set(), True),
        (NOON, None, set(), False),  # a time that nobody knows is not late enough
        (NOON, NOON - DAY, {"token"}, True),  # N-31
        (NOON, None, {"token", "other"}, True),
        (NOON, NOON - DAY, {"other"}, False),
    ],
)
def test_n30_a_grant_works_after_a_delay_or_with_its_token(
    effective_at: dt.datetime | None, at: dt.datetime | None, sent: set[str], counts: bool
) -> None:
    made = grant(ALICE, "Decrypt", effective_at=effective_at, tokens=frozenset({"token"}))

    assert made.is_effective(at, frozenset(sent)) is counts


@pytest.mark.parametrize(
    ("principal", "account"),
    [(A, A), (A_ROOT, A), (ALICE, None), ("ebs.amazonaws.com", None), ("", None)],
)
def test_n6_an_account_is_named_by_its_id_or_its_root(principal: str, account: str | None) -> None:
    assert account_of(principal) == account
