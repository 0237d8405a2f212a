"""Fixtures of the core's tests."""

from __future__ import annotations

import pytest

from kms import Key
from tests.kms_world import RecordingGate, World


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def gate() -> RecordingGate:
    return RecordingGate()


@pytest.fixture
def watched(gate: RecordingGate) -> World:
    """A world whose gate remembers what it was asked."""
    return World(gate=gate)


@pytest.fixture
def key(world: World) -> Key:
    """A symmetric encryption key under the default policy."""
    return world.key()
