"""What is said about scenario files that are wrong, and where: the table in tests/corpus."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.scenario_text import said_about

TABLE = Path(__file__).parents[2] / "corpus" / "broken-scenarios.yaml"
CASES: list[dict[str, Any]] = yaml.safe_load(TABLE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_a_mistake_is_told_at_its_place_and_nothing_else_is(case: dict[str, Any]) -> None:
    assert said_about(case["text"]) == case["said"]


def test_the_table_has_at_least_sixty_files_and_none_of_them_twice() -> None:
    assert len({case["text"] for case in CASES}) == len(CASES) >= 60
