"""The state as a value: what changes with a key, an alias and a grant, and what does not."""

from __future__ import annotations

import dataclasses
import datetime as dt
from dataclasses import replace

import pytest

from kms import Key, KeyState, State
from kms.model import Alias, AutomaticRotation, OnDemandRotation, WrappingKey
from kms.state import (
    DELETE_KEY,
    DROP_WRAPPING_KEY,
    END_GRANT,
    EXPIRE_MATERIAL,
    FINISH_ROTATION,
    ROTATE_KEY,
    creation_order,
)
from kms.table import Table
from policy import Arn, Grant
from tests.kms_world import (
    ACCOUNT,
    ELSEWHERE,
    OTHER,
    PENDING_DELETION,
    REGION,
    START,
    World,
)

LATER = START + dt.timedelta(days=7)


def alias(name: str, key: Key) -> Alias:
    return Alias(replace(key.arn, resource=name), str(key.arn), START, START)


def grant(key: Key, identifier: str = "g", **more: object) -> Grant:
    made = Grant(identifier, str(key.arn), OTHER, frozenset({"Decrypt"}), created_at=START)
    return replace(made, tokens=frozenset({f"token of {identifier}"}), **more)  # type: ignore[arg-type]


def scheduled(key: Key, at: dt.datetime = LATER) -> Key:
    return replace(key, state=PENDING_DELETION, deletion_at=at)


def test_a_state_cannot_be_changed(world: World) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        world.state.keys = State().keys  # type: ignore[misc]


def test_an_empty_state_knows_nothing(key: Key) -> None:
    empty = State()

    assert empty.key(key.arn) is None
    assert empty.key(str(key.arn)) is None
    assert empty.key_by_id(REGION, key.id) is None
    assert list(empty.aliases_of(key)) == []
    assert list(empty.grants_of(str(key.arn)).by_id) == []


# Keys


def test_a_key_is_found_by_arn_and_by_id_in_its_region(key: Key) -> None:
    state = State().with_key(key)

    assert state.key(key.arn) is key
    assert state.key(str(key.arn)) is key
    assert state.key_by_id(REGION, key.id) is key
    assert state.key_by_id(ELSEWHERE, key.id) is None
    assert list(state.key_ids[(ACCOUNT, REGION)]) == [key.id]


def test_the_state_before_stays_as_it_was(key: Key) -> None:
    before = State()
    before.with_key(key).with_alias(alias("alias/a", key)).with_grant(grant(key))

    assert before == State()


def test_a_changed_key_takes_the_place_of_the_old_one(key: Key) -> None:
    state = State().with_key(key)
    changed = state.with_key(replace(key, description="new"))

    found = changed.key(key.arn)
    assert found is not None
    assert found.description == "new"
    assert changed.key_ids is state.key_ids
    assert changed.by_id is state.by_id


def test_keys_are_listed_by_id_and_by_place(world: World) -> None:
    """CORE K-51."""
    here = [world.key() for _ in range(5)]
    there = world.key(region=ELSEWHERE)
    foreign = world.key(account=OTHER)

    assert list(world.state.key_ids[(ACCOUNT, REGION)]) == sorted(key.id for key in here)
    assert list(world.state.key_ids[(ACCOUNT, ELSEWHERE)]) == [there.id]
    assert list(world.state.key_ids[(OTHER, REGION)]) == [foreign.id]


def test_nothing_is_left_of_a_key_that_is_gone(world: World) -> None:
    """CORE K-146."""
    key, other = world.key(), world.key()
    kept = world.state.with_alias(alias("alias/kept", other)).with_grant(grant(other, "kept"))

    state = kept.with_key(scheduled(key))
    state = state.with_alias(alias("alias/a", key)).with_alias(alias("alias/b", key))
    state = state.with_grant(grant(key, "one")).with_grant(grant(key, "two", ends_at=LATER))
    state = state.with_wrapping_key(wrapping(key, "a")).with_wrapping_key(wrapping(key, "b"))
    left = state.without_key(scheduled(key))

    assert left == kept.without_key(key)
    assert list(left.keys) == [str(other.arn)]
    assert list(left.tokens) == ["token of kept"]
    assert len(left.due) == 0


# What is due


def test_a_scheduled_key_is_due_at_its_end(key: Key) -> None:
    state = State().with_key(scheduled(key))

    assert list(state.due) == [(LATER, DELETE_KEY, str(key.arn))]


def test_a_delay_moves_what_is_due_and_not_what_is_shown(key: Key) -> None:
    """CORE K-146."""
    delayed = replace(scheduled(key), deletion_delay=dt.timedelta(hours=24))
    state = State().with_key(delayed)

    assert list(state.due) == [(LATER + dt.timedelta(hours=24), DELETE_KEY, str(key.arn))]
    assert len(state.with_key(key).due) == 0
    assert len(state.without_key(delayed).due) == 0


def test_a_key_that_is_rescheduled_is_due_once(key: Key) -> None:
    other = LATER + dt.timedelta(days=1)
    state = State().with_key(scheduled(key)).with_key(scheduled(key, other))

    assert list(state.due) == [(other, DELETE_KEY, str(key.arn))]


def test_a_key_that_is_called_back_is_not_due(key: Key) -> None:
    state = State().with_key(scheduled(key)).with_key(replace(key, state=KeyState.DISABLED))

    assert len(state.due) == 0


def test_another_change_to_a_scheduled_key_leaves_it_due(key: Key) -> None:
    state = State().with_key(scheduled(key)).with_key(replace(scheduled(key), description="x"))

    assert list(state.due) == [(LATER, DELETE_KEY, str(key.arn))]


def test_a_key_is_due_once_for_everything_that_time_does_to_it(key: Key) -> None:
    """CORE K-35."""
    material = replace(key.materials[0], expires_at=LATER)
    full = replace(
        key,
        materials=(material, material),
        pending=material,
        rotation=AutomaticRotation(90, START, LATER),
        on_demand=OnDemandRotation(START, LATER),
    )
    state = State().with_key(key).with_key(full)

    assert [what for _, what, _ in state.due] == [EXPIRE_MATERIAL, FINISH_ROTATION, ROTATE_KEY]
    assert {(at, arn) for at, _, arn in state.due} == {(LATER, str(key.arn))}
    assert len(state.with_key(key).due) == 0
    assert len(state.without_key(full).due) == 0
    assert state.with_key(replace(full, description="x")).due is state.due


# Wrapping keys


def wrapping(key: Key, identifier: str) -> WrappingKey:
    return WrappingKey(identifier, str(key.arn), "RSAES_OAEP_SHA_1", b"secret", LATER)


def test_a_wrapping_key_is_found_by_key_and_id_and_is_due(world: World) -> None:
    """CORE K-130: any number of them."""
    key, other = world.key(), world.key()
    made = wrapping(key, "a")
    state = State().with_wrapping_key(made).with_wrapping_key(wrapping(key, "b"))

    assert state.wrapping_key(str(key.arn), "a") is made
    assert state.wrapping_key(str(key.arn), "c") is None
    assert state.wrapping_key(str(other.arn), "a") is None
    assert list(state.due) == [(LATER, DROP_WRAPPING_KEY, f"{key.arn}#{n}") for n in "ab"]


def test_a_wrapping_key_that_is_gone_leaves_no_trace(key: Key) -> None:
    one = State().with_wrapping_key(wrapping(key, "a"))

    assert one.with_wrapping_key(wrapping(key, "b")).without_wrapping_key(wrapping(key, "b")) == one
    assert one.without_wrapping_key(wrapping(key, "a")) == State()


def test_a_state_shows_neither_tokens_nor_what_authenticates_them(key: Key) -> None:
    """CORE K-109."""
    state = replace(State(token_key=b"secret"), tokens=Table({"secret": (str(key.arn), "g")}))

    assert "secret" not in repr(state)
    assert repr(state.tokens) == "Table(1 entries)"


# Aliases


def test_an_alias_is_found_by_arn_by_place_and_by_key(key: Key) -> None:
    state = State().with_key(key).with_alias(alias("alias/a", key))

    assert state.aliases[f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/a"].target_key_arn == str(key.arn)
    assert list(state.alias_names[(ACCOUNT, REGION)]) == ["alias/a"]
    assert list(state.aliases_of(key)) == ["alias/a"]


def test_an_alias_that_points_elsewhere_is_no_longer_of_the_old_key(world: World) -> None:
    """CORE K-161."""
    old, new = world.key(), world.key()
    state = world.state.with_alias(alias("alias/a", old)).with_alias(alias("alias/a", new))

    assert list(state.aliases_of(old)) == []
    assert list(state.aliases_of(new)) == ["alias/a"]
    assert list(state.alias_names[(ACCOUNT, REGION)]) == ["alias/a"]
    assert len(state.aliases) == 1


def test_the_same_name_may_exist_in_another_region_and_account(world: World) -> None:
    """CORE K-161."""
    keys = [world.key(), world.key(region=ELSEWHERE), world.key(account=OTHER)]
    state = world.state
    for key in keys:
        state = state.with_alias(alias("alias/a", key))
    left = state.without_alias(alias("alias/a", keys[0]))

    assert len(state.aliases) == 3
    assert [list(left.aliases_of(key)) for key in keys] == [[], ["alias/a"], ["alias/a"]]


def test_an_alias_that_is_gone_leaves_no_trace(key: Key) -> None:
    before = State().with_key(key)
    named = alias("alias/a", key)

    assert before.with_alias(named).without_alias(named) == before


# Grants


def test_a_grant_is_found_by_key_and_by_token(key: Key) -> None:
    made = grant(key)
    state = State().with_grant(made)

    assert state.grants_of(str(key.arn)).by_id["g"] is made
    assert state.tokens["token of g"] == (str(key.arn), "g")


def test_grants_are_in_the_order_of_their_creation(key: Key) -> None:
    """CORE K-51."""
    moments = {"c": 1, "a": 2, "d": 2, "b": 3}
    state = State()
    for name, seconds in reversed(moments.items()):
        at = START + dt.timedelta(seconds=seconds)
        state = state.with_grant(grant(key, name, created_at=at))

    assert [name for _, name in state.grants_of(str(key.arn)).order] == list(moments)


def test_moments_with_and_without_a_fraction_are_in_order(key: Key) -> None:
    """CORE K-51: the sort key is a text."""
    moments = [START + dt.timedelta(milliseconds=ms) for ms in (0, 1, 500, 1000, 1001)]
    orders = [creation_order(grant(key, created_at=at)) for at in moments]

    assert orders == sorted(orders)


def test_a_grant_with_one_more_token_stays_one_grant(key: Key) -> None:
    """AUTH N-10."""
    more = replace(grant(key), tokens=frozenset({"token of g", "another"}))
    state = State().with_grant(grant(key)).with_grant(more)

    assert set(state.tokens) == {"token of g", "another"}
    assert len(state.grants_of(str(key.arn)).order) == 1
    assert len(state.without_grant(more).tokens) == 0


def test_a_grant_that_ends_is_due_once(key: Key) -> None:
    ending = grant(key, ends_at=LATER)
    state = State().with_grant(grant(key)).with_grant(ending).with_grant(ending)

    assert list(state.due) == [(LATER, END_GRANT, f"{key.arn}#g")]
    assert len(state.without_grant(ending).due) == 0


def test_a_grant_that_is_gone_leaves_no_trace(key: Key) -> None:
    before = State().with_key(key)

    assert before.with_grant(grant(key)).without_grant(grant(key)) == before


def test_one_of_two_grants_leaves_the_other(key: Key) -> None:
    state = State().with_grant(grant(key, "a")).with_grant(grant(key, "b"))
    left = state.without_grant(grant(key, "a"))

    assert list(left.grants_of(str(key.arn)).by_id) == ["b"]
    assert list(left.tokens) == ["token of b"]


def test_a_grant_is_found_by_region_and_retiring_principal(world: World) -> None:
    """CORE K-87."""
    one, two = world.key(), world.key(account=OTHER)
    there = world.key(region=ELSEWHERE)
    state = State()
    for number, key in enumerate((two, one, there)):
        state = state.with_grant(grant(key, str(number), retiring_principal=OTHER))
    state = state.with_grant(grant(one, "other")).with_grant(grant(one, "1", ends_at=LATER))
    at = START.isoformat()

    assert list(state.retirable_by(REGION, OTHER)) == [
        (at, "0", str(two.arn)),
        (at, "1", str(one.arn)),
    ]
    assert list(state.retirable_by(ELSEWHERE, OTHER)) == [(at, "2", str(there.arn))]
    assert list(state.retirable_by(REGION, ACCOUNT)) == []


def test_nothing_is_left_of_a_retirable_grant(key: Key) -> None:
    before = State().with_key(key)
    made = grant(key, retiring_principal=OTHER)

    assert before.with_grant(made).without_grant(made) == before
    assert State().with_key(key).with_grant(made).without_key(key).retirable == State().retirable


def test_grants_of_another_key_are_not_touched(world: World) -> None:
    one, two = world.key(), world.key()
    state = State().with_grant(grant(one)).with_grant(grant(two))
    left = state.without_grant(grant(one))

    assert left.grants_of(str(two.arn)) is state.grants_of(str(two.arn))


def test_a_key_may_be_asked_for_by_a_text(key: Key) -> None:
    parsed = Arn.parse(str(key.arn))
    assert parsed is not None

    assert State().with_key(key).key(parsed) is key
