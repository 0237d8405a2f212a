"""What the tests of the endpoint share: a served world of the core, and requests signed by hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from kmsgate.credentials import Credentials
from kmsgate.simulator import Simulator
from tests.kms_world import REGION, World

boto3 = pytest.importorskip("boto3", reason="boto3 is not installed (extra dev)")
pytest.importorskip("uvicorn", reason="uvicorn is not installed (extra serve)")

from botocore.config import Config  # noqa: E402

from kmsgate.testing import Endpoint, serving  # noqa: E402

UNCHECKED = Config(parameter_validation=False, retries={"total_max_attempts": 1})


def simulator_of(world: World) -> Simulator:
    """Return a simulator on top of a world of the core's tests."""
    return Simulator(world.service, Credentials(world.store, world.clock))


@contextmanager
def served(world: World) -> Iterator[Endpoint]:
    with serving(simulator_of(world), region=REGION) as endpoint:
        yield endpoint
