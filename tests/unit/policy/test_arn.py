"""ARNs (AUTH D-1, D-3)."""

from __future__ import annotations

import pytest

from policy.arn import Arn, is_account_id, root_arn
from tests.cast import ALIAS, APP_SESSION, A, K


@pytest.mark.parametrize(
    "text",
    [
        K,
        ALIAS,
        APP_SESSION,
        "arn:aws-us-gov:iam::111122223333:root",
        "arn:aws:s3:::bucket/path/to:an:object",  # D-3: the last segment may hold anything
    ],
)
def test_an_arn_is_printed_as_it_was_written(text: str) -> None:
    assert str(Arn.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "*",
        "alias/app",
        "arn:aws:kms:us-east-1:111122223333",
        "arn::kms:us-east-1:111122223333:key/x",
        "arn:aws::us-east-1:111122223333:key/x",
        "arn:aws:kms:us-east-1:111122223333:",
        "ARN:aws:kms:us-east-1:111122223333:key/x",
        "urn:aws:kms:us-east-1:111122223333:key/x",
    ],
)
def test_what_lacks_a_segment_is_no_arn(text: str) -> None:
    assert Arn.parse(text) is None


def test_the_resource_part_has_a_type_a_name_and_a_last_component() -> None:
    role = Arn.parse("arn:aws:iam::111122223333:role/team/app")

    assert role is not None
    assert (role.type, role.name, role.last) == ("role", "team/app", "app")


def test_a_resource_without_a_slash_has_no_name() -> None:
    root = root_arn(A)

    assert (root.type, root.name, root.last) == ("root", "", "root")


def test_the_root_of_an_account_has_an_arn_in_each_partition() -> None:
    assert str(root_arn(A)) == "arn:aws:iam::111122223333:root"
    assert str(root_arn(A, "aws-cn")) == "arn:aws-cn:iam::111122223333:root"


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("111122223333", True),
        ("000000000000", True),
        ("11112222333", False),
        ("1111222233334", False),
        ("11112222333a", False),
        ("١١١١٢٢٢٢٣٣٣٣", False),  # digits, but not those of an account id
        ("", False),
    ],
)
def test_an_account_id_has_twelve_digits(text: str, is_one: bool) -> None:
    assert is_account_id(text) is is_one
