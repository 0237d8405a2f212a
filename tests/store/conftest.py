"""Fixtures of the tests of stores."""

from __future__ import annotations

import pytest

from kms import State, Store
from tests.store.stores import STORES, MakeStore, SqliteStores, sqlite

__all__ = ["SqliteStores", "sqlite"]


@pytest.fixture(params=STORES)
def make(request: pytest.FixtureRequest) -> MakeStore:
    """Make a store of each kind that holds a state."""
    return STORES[request.param](request)


@pytest.fixture
def store(make: MakeStore) -> Store:
    """A store of each kind, empty."""
    return make(State())
