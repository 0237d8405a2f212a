"""The suites that others learn from notice nearly every slip in their own policies and grants."""

from __future__ import annotations

from pathlib import Path

import pytest

from kmsgate.scenario.mutation import Judged, judged
from kmsgate.scenario.run import run
from tests.scenarios.suites import FOLDER, suite_of
from tests.scenarios.test_course import CHAPTERS, lessons

SUITES = {
    "payroll": [FOLDER / "payroll.scenario.yaml"],
    "grants": [FOLDER / "grants.scenario.yaml"],
    **{chapter: lessons(chapter) for chapter in CHAPTERS},
}


@pytest.mark.parametrize("name", SUITES)
def test_nine_of_ten_mutants_are_noticed(name: str) -> None:
    found = sum((of(path) for path in SUITES[name]), Judged())

    assert found.count
    assert found.score >= 90, "\n".join(f"{s.mutant.label} → {s.step}" for s in found.survivors)


def of(path: Path) -> Judged:
    return judged(tuple(run(suite_of(path))))
