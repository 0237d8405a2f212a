"""Custom key stores: there are none (CORE K-92)."""

from __future__ import annotations

import pytest

from tests.kms_world import ALLOW_ALL, World

NONE_MADE = (
    "UnsupportedOperationException",
    "Custom key stores are not supported by this endpoint.",
)
NOT_FOUND = ("CustomKeyStoreNotFoundException", None)
CHANGING = (
    "ConnectCustomKeyStore",
    "DeleteCustomKeyStore",
    "DisconnectCustomKeyStore",
    "UpdateCustomKeyStore",
)


def test_no_key_store_can_be_made(world: World) -> None:
    assert world.told("CreateCustomKeyStore", CustomKeyStoreName="store") == NONE_MADE


def test_who_may_make_none_is_told_so_first(world: World) -> None:
    """CORE K-92: after authorization."""
    told = world.told("CreateCustomKeyStore", world.user("bob"), CustomKeyStoreName="store")

    assert told[0] == "AccessDeniedException"


def test_none_are_listed(world: World) -> None:
    assert world.do("DescribeCustomKeyStores") == {"CustomKeyStores": [], "Truncated": False}
    assert world.do("DescribeCustomKeyStores", Limit=1) == world.do("DescribeCustomKeyStores")


@pytest.mark.parametrize("member", ["CustomKeyStoreId", "CustomKeyStoreName"])
def test_one_that_is_asked_for_is_not_found(world: World, member: str) -> None:
    assert world.told("DescribeCustomKeyStores", **{member: "store"}) == NOT_FOUND


def test_no_marker_continues_a_list_without_end(world: World) -> None:
    """CORE K-52."""
    told = world.told("DescribeCustomKeyStores", Marker="x")

    assert told == ("InvalidMarkerException", None)


@pytest.mark.parametrize("operation", CHANGING)
def test_none_can_be_changed(world: World, operation: str) -> None:
    assert world.told(operation, CustomKeyStoreId="cks-1") == NOT_FOUND
    assert world.told(operation, world.user("bob"), CustomKeyStoreId="cks-1")[0] == (
        "AccessDeniedException"
    )
    assert world.told(operation)[0] == "ValidationException"


def test_the_password_of_a_cluster_is_in_no_event(world: World) -> None:
    """CORE K-179."""
    world.user("admin", ALLOW_ALL)
    world.told("UpdateCustomKeyStore", CustomKeyStoreId="cks-1", KeyStorePassword="secret-word")

    assert world.events[-1].parameters == {"customKeyStoreId": "cks-1"}
