"""GetKeyPolicy, PutKeyPolicy and ListKeyPolicies (CORE K-76, K-77)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kms import Key
from tests.kms_world import (
    ALLOW_ALL,
    ROOT,
    Json,
    World,
    document,
    key_statement,
    role_arn,
    user_arn,
)

POLICY = document(key_statement(principal=ROOT, Sid="new"))


def test_the_policy_of_a_key_is_given_back(world: World, key: Key) -> None:
    """CORE K-76."""
    for name in ({}, {"PolicyName": "default"}):
        output = world.do("GetKeyPolicy", KeyId=key.id, **name)

        assert output == {"Policy": key.policy, "PolicyName": "default"}
    assert json.loads(key.policy)["Id"] == "key-default-1"


def test_a_policy_is_replaced_as_a_whole_byte_for_byte(world: World, key: Key) -> None:
    """CORE K-23, K-77, AUTH P-25."""
    text = f" {POLICY}\n\t"

    for name in ({}, {"PolicyName": "default"}):
        assert world.do("PutKeyPolicy", KeyId=key.id, Policy=text, **name) == {}
        assert world.do("GetKeyPolicy", KeyId=key.id)["Policy"] == text


NAMED: dict[str, Json] = {"GetKeyPolicy": {}, "PutKeyPolicy": {"Policy": POLICY}}


@pytest.mark.parametrize("operation", NAMED)
@pytest.mark.parametrize("name", ["other", "Default", "default_"])
def test_a_key_has_no_policy_of_another_name(
    world: World, key: Key, operation: str, name: str
) -> None:
    """CORE K-76, K-77, K-172."""
    told = world.told(operation, KeyId=key.id, PolicyName=name, **NAMED[operation])

    assert told == ("NotFoundException", "No such policy exists")
    assert world.found(key) is key


@pytest.mark.parametrize("operation", NAMED)
def test_who_may_not_is_not_told_which_policies_there_are(
    world: World, key: Key, operation: str
) -> None:
    """CORE K-33."""
    told = world.told(
        operation, world.user("bob"), KeyId=key.id, PolicyName="other", **NAMED[operation]
    )

    assert told[0] == "AccessDeniedException"


def test_the_name_is_told_before_the_document_is_read(world: World, key: Key) -> None:
    told = world.told("PutKeyPolicy", KeyId=key.id, PolicyName="other", Policy="{")

    assert told[0] == "NotFoundException"


def test_policies_are_listed_as_the_only_one(world: World, key: Key) -> None:
    """CORE K-76."""
    output = world.do("ListKeyPolicies", KeyId=key.id, Limit=1)

    assert output == {"PolicyNames": ["default"], "Truncated": False}


@pytest.mark.parametrize("marker", ["x", "W10="])
def test_a_list_of_one_page_has_no_markers(world: World, key: Key, marker: str) -> None:
    """CORE K-52."""
    assert world.told("ListKeyPolicies", KeyId=key.id, Marker=marker) == (
        "InvalidMarkerException",
        None,
    )


def test_a_new_policy_counts_at_once_for_everyone(world: World, key: Key) -> None:
    """CORE K-77."""
    bob = world.user("bob")
    assert world.told("DescribeKey", bob, KeyId=key.id)[0] == "AccessDeniedException"
    statement = key_statement(principal=user_arn("bob"))
    world.do(
        "PutKeyPolicy", KeyId=key.id, Policy=document(key_statement(principal=ROOT), statement)
    )
    assert world.do("DescribeKey", bob, KeyId=key.id)

    world.do("PutKeyPolicy", KeyId=key.id, Policy=POLICY)

    assert world.told("DescribeKey", bob, KeyId=key.id)[0] == "AccessDeniedException"


def test_only_the_policy_changes(world: World, key: Key) -> None:
    world.alias("alias/a", key)
    before = world.do("DescribeKey", KeyId=key.id)
    world.do("PutKeyPolicy", KeyId=key.id, Policy=POLICY)

    assert world.do("DescribeKey", KeyId=key.id) == before
    assert world.found(key).materials == key.materials
    assert len(world.do("ListAliases", KeyId=key.id)["Aliases"]) == 1


def bound(world: World, key: Key, policy: str) -> Any:
    world.do("PutKeyPolicy", KeyId=key.id, Policy=policy)
    return dict(world.found(key).bound_ids)


def test_saving_binds_the_names_of_a_policy_anew(world: World, key: Key) -> None:
    """AUTH E-20."""
    policy = document(key_statement(principal=ROOT), key_statement(principal=role_arn("worker")))
    first = world.session("worker").unique_id
    assert bound(world, key, policy) == {role_arn("worker"): first}

    second = world.session("worker").unique_id

    assert dict(world.found(key).bound_ids) == {role_arn("worker"): first}
    assert bound(world, key, policy) == {role_arn("worker"): second}
    assert bound(world, key, POLICY) == {}


def test_making_a_key_binds_the_names_of_its_policy(world: World) -> None:
    """AUTH E-20."""
    unique_id = world.session("worker").unique_id
    policy = document(key_statement(principal=ROOT), key_statement(principal=role_arn("worker")))
    world.do("CreateKey", Policy=policy)
    (key,) = world.state.keys.values()

    assert dict(key.bound_ids) == {role_arn("worker"): unique_id}


def test_an_administrator_of_policies_can_let_himself_in(world: World, key: Key) -> None:
    """CORE K-26."""
    bob = world.user("bob", {**ALLOW_ALL, "Action": "kms:PutKeyPolicy"})
    assert world.told("Encrypt", bob, KeyId=key.id, Plaintext=b"x")[0] == "AccessDeniedException"
    world.do("PutKeyPolicy", bob, KeyId=key.id, Policy=document(key_statement()))

    assert world.do("Encrypt", bob, KeyId=key.id, Plaintext=b"x")
