"""What operations are made of: checks, scopes, usages and the errors of states."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kms import Key, KeyState, KeyUsage
from kms.errors import Disabled, InvalidKeyUsage, InvalidState, ValidationFailed
from kms.model import Key as KeyOfModel
from kms.operation import (
    ANY,
    PENDING_DELETION,
    USABLE,
    Call,
    Change,
    Need,
    Operation,
    Parameters,
    Scope,
    Target,
    require_state,
    require_usage,
    required,
)
from policy import Resource
from tests.kms_world import ACCOUNT, START, World, arn

E, D = KeyState.ENABLED, KeyState.DISABLED
PD, PRD = KeyState.PENDING_DELETION, KeyState.PENDING_REPLICA_DELETION
PI, UN = KeyState.PENDING_IMPORT, KeyState.UNAVAILABLE
CR, UP = KeyState.CREATING, KeyState.UPDATING


WORDS = {
    PD: "is pending deletion.",
    PRD: "is pending replica deletion.",
    PI: "is pending import.",
    UN: "is unavailable.",
    CR: "is creating.",
    UP: "is updating.",
}


@pytest.mark.parametrize("state", WORDS)
def test_a_key_that_cannot_be_used_says_in_which_state_it_is(key: Key, state: KeyState) -> None:
    """CORE K-29."""
    with pytest.raises(InvalidState) as caught:
        require_state(replace(key, state=state), ANY - {state})

    assert caught.value.message == f"{key.arn} {WORDS[state]}"


def test_a_disabled_key_has_an_error_of_its_own(key: Key) -> None:
    """CORE K-29 D."""
    with pytest.raises(Disabled) as caught:
        require_state(replace(key, state=D), USABLE)

    assert caught.value.message == f"{key.arn} is disabled."


@pytest.mark.parametrize("state", sorted(ANY - PENDING_DELETION))
def test_what_needs_a_pending_deletion_says_that_there_is_none(key: Key, state: KeyState) -> None:
    """CORE K-29 NP: whatever the state."""
    with pytest.raises(InvalidState) as caught:
        require_state(replace(key, state=state), PENDING_DELETION)

    assert caught.value.message == f"{key.arn} is not pending deletion."


@pytest.mark.parametrize("state", sorted(ANY))
def test_a_state_that_is_asked_for_is_fine(key: Key, state: KeyState) -> None:
    require_state(replace(key, state=state), frozenset({state}))


@pytest.mark.parametrize("usage", KeyUsage)
def test_a_key_for_something_else_says_what_it_is_for(world: World, usage: KeyUsage) -> None:
    """CORE K-63, AUTH Q-8."""
    key = world.key("HMAC_256")
    if usage is KeyUsage.GENERATE_VERIFY_MAC:
        require_usage(key, usage, "GenerateMac")
        return

    with pytest.raises(InvalidKeyUsage) as caught:
        require_usage(key, usage, "SomeOperation")

    assert caught.value.message == (
        f"{key.arn} key usage is GENERATE_VERIFY_MAC which is not valid for SomeOperation."
    )


def test_a_member_that_is_needed_is_asked_for_in_the_words_of_the_service() -> None:
    """CORE K-38."""
    with pytest.raises(ValidationFailed) as caught:
        required({}, "DestinationKeyId")

    assert caught.value.message == (
        "1 validation error detected: Value null at 'destinationKeyId' failed to satisfy "
        "constraint: Member must not be null"
    )
    assert required({"KeyId": "x"}, "KeyId") == "x"


# Targets and scopes


def target(key: KeyOfModel | None = None, text: str | None = None, **more: Any) -> Target:
    return Target(Resource(arn(text) if text else None, ACCOUNT), key, **more)


@pytest.mark.parametrize(
    ("text", "alias", "missing"),
    [
        (None, None, False),
        ("arn:aws:kms:eu-west-1:111122223333:alias/a", None, False),
        ("arn:aws:kms:eu-west-1:111122223333:alias/a", "alias/a", True),
        ("arn:aws:kms:eu-west-1:111122223333:key/x", None, True),
    ],
)
def test_a_target_is_missing_when_it_should_have_a_key(
    key: Key, text: str | None, alias: str | None, missing: bool
) -> None:
    assert target(None, text, alias=alias).is_missing is missing
    assert not target(key, text, alias=alias).is_missing


def test_a_key_that_is_to_be_made_is_not_missing() -> None:
    planned = Resource(arn("arn:aws:kms:eu-west-1:111122223333:key/x"), ACCOUNT, planned=True)

    assert not Target(planned).is_missing


def test_the_key_of_a_scope_is_that_of_the_first_target_with_one(world: World) -> None:
    one, two = world.key(), world.key()
    judge: Any = None
    scope = Scope(
        world.state,
        world.request("X"),
        START,
        world.entropy,
        world.service.settings,
        judge,
        (target(), target(one), target(two)),
    )

    assert scope.key is one
    scope.targets = (target(two),)
    assert scope.key is two
    scope.targets = (target(),)
    with pytest.raises(LookupError):
        _ = scope.key


def test_calls_and_changes_do_not_show_what_they_carry(world: World) -> None:
    """CORE K-109."""
    call = Call(world.admin, "Encrypt", {"Plaintext": b"very secret"}, "eu-west-1")
    change = Change(world.state, {"Plaintext": b"very secret"})

    assert "very secret" not in repr(call)
    assert "very secret" not in repr(change)


def test_an_operation_may_look_at_nothing_before_it_runs() -> None:
    def run(_parameters: Parameters, scope: Scope) -> Change:
        return Change(scope.state)

    made = Operation("X", run)
    scope: Any = None

    made.prepare({})
    made.examine({}, scope)
    assert made.needs == ()
    assert Need() == Need(states=ANY, usage=None)
