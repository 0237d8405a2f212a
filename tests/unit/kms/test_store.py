"""What MemoryStore adds to the contract of stores (tests/store/test_contract.py)."""

from __future__ import annotations

import threading

import pytest

from kms import MemoryStore, State
from tests.kms_world import World


def test_a_memory_store_is_empty_without_a_state() -> None:
    store = MemoryStore()

    assert store.state == State()
    assert store.events() == ()


def test_its_state_is_the_very_one_that_was_committed(world: World) -> None:
    state = world.state
    store = MemoryStore(state)
    assert store.state is state

    later = World().state
    with store.session() as session:
        session.commit(later, ())

    assert store.state is later


def test_two_stores_share_nothing(world: World) -> None:
    other = World()
    world.do("CreateKey")

    assert len(world.store.events()) == 1
    assert other.store.events() == ()
    assert len(other.state.keys) == 0


def test_readers_do_not_wait_for_a_writer(world: World) -> None:
    """The state is immutable: looking at it takes no turn."""
    before = world.state
    seen: list[object] = []
    with world.store.session():
        reader = threading.Thread(
            target=lambda: seen.extend([world.store.state, world.store.events()])
        )
        reader.start()
        reader.join(10)

    assert seen == [before, ()]


def test_events_are_handed_out_as_a_value(world: World) -> None:
    world.do("ListKeys")
    events = world.store.events()

    with pytest.raises(TypeError):
        events[0] = None  # type: ignore[index]
