"""Every scenario file runs as `kmsgate test` runs it, and says what it expects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kmsgate.scenario.model import CallStep, Expectation, LookStep, Suite, Test
from kmsgate.scenario.run import Result, run
from tests.scenarios.suites import FILES, read, says_something, short, suite_of


def each_test() -> Iterator[object]:
    for path in FILES:
        suite = read(path)
        for test in suite.tests if isinstance(suite, Suite) else ():
            yield pytest.param(path, test, id=f"{short(path)}: {test.name}")


def told(result: Result) -> str:
    return "\n".join(
        f"{failure.item.source.place(failure.span)}: {failure.title} {failure.message}"
        for failure in result.failures
    )


@pytest.mark.parametrize("path", FILES, ids=short)
def test_a_file_can_be_read_and_has_tests(path: Path) -> None:
    assert suite_of(path).tests


@pytest.mark.parametrize(("path", "test"), list(each_test()))
def test_a_scenario_goes_as_it_says(path: Path, test: Test) -> None:
    (result,) = run(suite_of(path), lambda other: other is test)
    assert result.passed, told(result)


# What scenarios say


@pytest.mark.parametrize(("path", "test"), list(each_test()))
def test_every_test_expects_something_in_so_many_words(path: Path, test: Test) -> None:
    assert any(
        says_something(step) or (isinstance(step, CallStep) and step.expect.item is not None)
        for step in test.steps
    ), f"{short(path)} only lets things happen"


@pytest.mark.parametrize(("path", "test"), list(each_test()))
def test_no_step_has_an_expectation_that_cannot_fail(path: Path, test: Test) -> None:
    for step in test.steps:
        where = step.item.source.place(step.item.node.span)
        if isinstance(step, CallStep):
            expect = step.expect
            assert replace(expect, item=None) != Expectation(), f"{where}: expects nothing"
            if expect.layer or expect.by or expect.because:
                assert expect.allow or expect.deny, f"{where}: neither allowed nor denied"
        if isinstance(step, LookStep):
            assert step.fields, f"{where}: looks at nothing"
