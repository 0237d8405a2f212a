"""Fixtures of the tests of stores."""

from __future__ import annotations

import pytest

from kms import State, Store
from tests.store.postgres import postgres, postgres_dsn
from tests.store.stores import STORES, MakeStore, sqlite

__all__ = ["postgres", "postgres_dsn", "sqlite"]


@pytest.fixture(params=STORES)
def make(request: pytest.FixtureRequest) -> MakeStore:
    """Make a store of each kind that holds a state."""
    return STORES[request.param](request)


@pytest.fixture
def store(make: MakeStore) -> Store:
    """A store of each kind, empty."""
    return make(State())
