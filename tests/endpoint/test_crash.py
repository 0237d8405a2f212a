"""A few rounds of the kills that `make crash` makes through the endpoint."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("boto3", reason="boto3 is not installed (extra dev)")
pytest.importorskip("uvicorn", reason="uvicorn is not installed (extra serve)")

from tests.endpoint.crash import run

ROUNDS = 3


def test_what_clients_were_told_survives_when_the_server_is_killed(tmp_path: Path) -> None:
    *_, last = run(tmp_path, ROUNDS, seed=7)

    assert last.endswith(f"of {ROUNDS} rounds are all there")
    assert int(last.split()[0]) >= ROUNDS
