"""The scenario files of this project, read once, and what their tests say."""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path

from kmsgate.scenario.fields import FileError
from kmsgate.scenario.files import SUFFIX, load
from kmsgate.scenario.model import CallStep, Cell, Expectation, LookStep, Step, Suite, WorkStep

FOLDER = Path(__file__).parents[2] / "scenarios"
FILES = sorted(FOLDER.rglob(f"*{SUFFIX}"))


@functools.cache
def read(path: Path) -> Suite | str:
    """Return the suite of a file, or what is wrong with the file."""
    try:
        return load(str(path))
    except FileError as error:
        return "\n".join(f"{source.place(p.span)}: {p.message}" for source, p in error.found)


def suite_of(path: Path) -> Suite:
    suite = read(path)
    assert isinstance(suite, Suite), suite
    return suite


def short(path: Path) -> str:
    return str(path.relative_to(FOLDER)).removesuffix(SUFFIX)


def says_something(step: Step) -> bool:
    """Whether a step has an expectation of its own, beyond that a call succeeds."""
    if isinstance(step, CallStep):
        return isinstance(step, Cell) or replace(step.expect, item=None) != Expectation(allow=True)
    if isinstance(step, WorkStep):
        return step.error is not None or step.output is not None or step.work == "verify_local"
    return isinstance(step, LookStep)
