"""pytest collects `*.scenario.yaml`: a test of the file is a test of pytest.

Every combination of `each` and every cell of a matrix is a node of its own. For tests in Python
there are the fixtures `kms_world`, `kms_endpoint` and `kms_client`. pytest loads this module
wherever kmsgate is installed, so nothing of the core is imported before a file or a fixture
needs it. PYTEST_DONT_REWRITE: there is no assertion in here.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from kmsgate.scenario.model import Suite, Test
    from kmsgate.scenario.run import Result
    from kmsgate.testing import Endpoint

SUFFIX = ".scenario.yaml"
"""As in kmsgate.scenario.files, which imports much."""


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect scenario files."""
    if not file_path.name.endswith(SUFFIX):
        return None
    return ScenarioFile.from_parent(parent, path=file_path)


class ScenarioFile(pytest.File):
    """A scenario file. One that cannot be used is an error of collection, in the file's words."""

    def collect(self) -> Iterator[ScenarioItem]:
        """Yield the tests of the file in order."""
        from kmsgate.output import screen  # noqa: PLC0415
        from kmsgate.scenario.fields import FileError  # noqa: PLC0415
        from kmsgate.scenario.files import load  # noqa: PLC0415
        from kmsgate.scenario.report import show_file_error  # noqa: PLC0415

        shown = os.path.relpath(self.path, self.config.invocation_params.dir)
        try:
            suite = load(shown)
        except FileError as error:
            told = io.StringIO()
            show_file_error(screen(told), error)
            raise self.CollectError(told.getvalue().rstrip()) from None
        for test in suite.tests:
            for name, part in _parts(test):
                nodeid = f"{self.nodeid}::{name}"  # pytest finds the brackets in it by itself
                yield ScenarioItem.from_parent(
                    self, name=name, nodeid=nodeid, suite=suite, test=part
                )


def _parts(test: Test) -> Iterator[tuple[str, Test]]:
    """Yield the nodes of a test, named as pytest names parameters; cells do not disturb others."""
    from kmsgate.output import safe  # noqa: PLC0415
    from kmsgate.scenario.model import Cell  # noqa: PLC0415

    chosen = ", ".join(f"{name}={value}" for name, value in test.bindings.items())
    plain = test.name.removesuffix(f" [{chosen}]") if chosen else test.name
    seen: dict[str, int] = {}
    for step in test.steps:
        if not isinstance(step, Cell):
            yield safe(f"{plain}[{chosen}]" if chosen else plain), test
            return
        case = ", ".join(filter(None, (chosen, step.title)))
        seen[case] = seen.get(case, 0) + 1
        again = f" {seen[case]}" if seen[case] > 1 else ""
        yield safe(f"{plain}[{case}{again}]"), replace(test, steps=(step,))


class ScenarioFailed(Exception):  # noqa: N818 - what it holds is a result
    """A test that went otherwise than its file says."""

    def __init__(self, result: Result) -> None:
        super().__init__(result)
        self.result = result


class ScenarioItem(pytest.Item):
    """One test of a scenario file. `-k` also takes the numbers of the file's rules."""

    def __init__(self, *, suite: Suite, test: Test, **more: Any) -> None:
        super().__init__(**more)
        self.suite = suite
        self.test = test
        self.extra_keyword_matches.update(suite.rules)

    def runtest(self) -> None:
        """Take the steps of the test in a fresh copy of its world."""
        from kmsgate.scenario.run import run  # noqa: PLC0415

        for result in run(replace(self.suite, tests=(self.test,))):
            if not result.passed:
                raise ScenarioFailed(result)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Show the line of the file, what was expected and what came; of a bug its traceback.

        The first line is what a summary shows.
        """
        if not isinstance(excinfo.value, ScenarioFailed):
            return super().repr_failure(excinfo, style)
        from kmsgate.output import safe, screen  # noqa: PLC0415
        from kmsgate.scenario.report import Ran, show_failures  # noqa: PLC0415

        result, told = excinfo.value.result, io.StringIO()
        show_failures(screen(told), Ran(self.suite, (result,)))
        return f"{safe(result.failures[0].message)}\n{told.getvalue().strip()}"

    def reportinfo(self) -> tuple[Path, int, str]:
        """Return where the test stands."""
        item = self.test.item
        return self.path, item.source.position(item.span.start).line - 1, self.name


# Fixtures


@pytest.fixture
def kms_world() -> str | Path | None:
    """The file of the world behind `kms_endpoint`; a test or conftest.py may return another.

    None is the sample world of kmsgate: `admin`, `guest` and the key `alias/app`.
    """
    return None


@pytest.fixture
def kms_endpoint(kms_world: str | Path | None) -> Iterator[Endpoint]:
    """A running endpoint with a fresh copy of the world (needs the extra `serve`)."""
    from kmsgate.testing import server  # noqa: PLC0415

    with server(kms_world) as endpoint:
        yield endpoint


@pytest.fixture
def kms_client(kms_endpoint: Endpoint) -> Iterator[Callable[..., Any]]:
    """Make clients of boto3 that call as somebody of the world: `kms_client("role/app")`.

    A second argument is the service (`kms`, `sts`); others go to `boto3.client`.
    """
    made: list[Any] = []

    def client(caller: str, service: str = "kms", **more: Any) -> Any:
        made.append(kms_endpoint.client(service, caller, **more))
        return made[-1]

    yield client
    for each in made:
        each.close()
