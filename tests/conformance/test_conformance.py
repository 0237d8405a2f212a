"""Every case below this folder, through the runner that users have.

A case is one test of a scenario file. Its name begins with the number of the rule or worked
example that it shows, and `rules` lists all that it rests on. Nothing in a case knows this
project's code: whoever implements `decide` once more adds a line to EVALUATORS, and is held to
the same cases. `cases.py` reads them as they are written, and knows the rules.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TypeAlias

import pytest

from kmsgate.scenario.fields import FileError
from kmsgate.scenario.files import load
from kmsgate.scenario.model import Suite
from kmsgate.scenario.run import Failure, path_of, run
from policy import Decision, Documents, Request, authorization, reference
from tests.conformance.cases import (
    CASES,
    COVERED,
    EXPECTED_FAILURES,
    FILES,
    NUMBERS,
    WITHOUT_CASE,
    Case,
    numbers,
    texts,
    written,
)

Decide: TypeAlias = Callable[[Request, Documents], Decision]


EVALUATORS: dict[str, Decide] = {"reference": reference.decide, "compiled": authorization.decide}

# The cases, run


def runs() -> Iterator[object]:
    """Yield one item for each case and evaluator."""
    for evaluator, decide in EVALUATORS.items():
        for case in CASES:
            reason = EXPECTED_FAILURES.get(case.name)
            marks = [pytest.mark.xfail(reason=reason, strict=True)] if reason else []
            shown = case.name if len(EVALUATORS) == 1 else f"{case.name} [{evaluator}]"
            yield pytest.param(case, decide, id=shown, marks=marks)


@functools.cache
def suite(file: str) -> Suite:
    """Return a file, ready to run; read once for all of its cases."""
    return load(str(FILES[file]))


@pytest.mark.parametrize(("case", "decide"), list(runs()))
def test_the_case_comes_out_as_it_says(
    case: Case, decide: Decide, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kms.gate.decide", decide)
    try:
        results = list(run(suite(case.file), case.is_written_as))
    except FileError as error:
        problems = [f"{file.place(found.span)}: {found.message}" for file, found in error.found]
        pytest.fail("\n".join(problems), pytrace=False)
    failures = [told(failure) for result in results for failure in result.failures]
    if failures:
        pytest.fail("\n".join(failures), pytrace=False)
    assert results


def told(failure: Failure) -> str:
    """Return where a case went wrong, how, and which way the decision took."""
    place = failure.item.source.place(failure.span)
    path = f"\npath: {path_of(failure.decision)}" if failure.decision is not None else ""
    return f"{place}: {failure.message}{path}"


# The cases, counted


def test_each_worked_example_has_exactly_one_case() -> None:
    shown = Counter(case.number for case in CASES if case.number.startswith("X-"))

    assert shown == Counter(numbers("X"))


def test_the_first_sixty_worked_examples_are_expected_to_pass() -> None:
    for case in CASES:
        chapter, _, number = case.number.partition("-")
        if chapter == "X" and int(number) <= 60:
            assert case.name not in EXPECTED_FAILURES


def test_every_rule_that_is_cited_exists() -> None:
    known = {number for chapter in NUMBERS for number in numbers(chapter)}
    cited = {rule for case in CASES for rule in case.cited}
    cited |= {rule for file in FILES for rule in texts(written(file), "rules")}

    assert cited <= known


def test_each_case_cites_rules_and_tells_in_words_what_it_shows() -> None:
    for case in CASES:
        assert re.fullmatch(r"[A-Z]-[0-9]+ \S.*[^.]", case.name), case
        assert case.rules, case


def test_each_rule_of_the_covered_chapters_has_a_case() -> None:
    shown = {rule for case in CASES for rule in case.cited}
    rules = {number for chapter in COVERED for number in numbers(chapter)}

    assert rules - shown == set(WITHOUT_CASE)


def test_expected_failures_are_cases() -> None:
    assert EXPECTED_FAILURES.keys() <= {case.name for case in CASES}
