"""`kmsgate test PATH…`: run scenario files and say what went otherwise than they claim."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import rich_click as click

from kmsgate.commands.options import color_option, format_option
from kmsgate.errors import UsageError
from kmsgate.output import safe, screen
from kmsgate.resources import bundled_scenarios
from kmsgate.scenario.ci import as_github, as_junit
from kmsgate.scenario.coverage import Coverage
from kmsgate.scenario.document import document
from kmsgate.scenario.fields import FileError
from kmsgate.scenario.files import SUFFIX, load
from kmsgate.scenario.model import Suite, Test
from kmsgate.scenario.mutation import Judged, judged
from kmsgate.scenario.report import (
    Ran,
    as_json,
    show_coverage,
    show_failures,
    show_file_error,
    show_mutants,
    show_suite,
    show_total,
)
from kmsgate.scenario.run import run


@click.command()
@click.argument("paths", nargs=-1, metavar="PATH...")
@click.option(
    "-k", "words", metavar="TEXT", help="Run only tests whose file or name has this text."
)
@click.option("--bundled", is_flag=True, help="Run the scenarios that come with kmsgate.")
@click.option("--coverage", is_flag=True, help="Show which statements the tests reach.")
@click.option("--lcov", metavar="FILE", help="Write the coverage to a file in lcov's format.")
@click.option(
    "--min-coverage",
    type=click.FloatRange(0, 100),
    metavar="PERCENT",
    help="Fail if fewer statements apply to any request.",
)
@click.option("--mutate", is_flag=True, help="Try which slips in policies no test would notice.")
@click.option(
    "--min-mutation",
    type=click.FloatRange(0, 100),
    metavar="PERCENT",
    help="Fail if fewer mutants are noticed.",
)
@format_option("the results", "markdown", "junit", "github")
@color_option
@click.option("-q", "--quiet", is_flag=True, help="Only failures and the last line.")
def command(
    paths: Sequence[str],
    words: str | None,
    bundled: bool,
    coverage: bool,
    lcov: str | None,
    min_coverage: float | None,
    mutate: bool,
    min_mutation: float | None,
    style: str,
    color: str,
    quiet: bool,
) -> int:
    """Run scenario files.

    PATH is a file, or a folder (every *.scenario.yaml file below it). As markdown, what the files
    tell becomes a document, with what was proved below each claim.

    A mutant is one slip in one policy or grant: something dropped, widened, negated. One that no
    test notices is shown with a step that would.

    Exit code: 0 all tests passed, 1 a test failed, or too little is covered or noticed, 2 a file
    cannot be used.
    """
    files = _files([*paths, *(str(p) for p in bundled_scenarios())] if bundled else paths)
    if not files:
        raise UsageError("no scenario files given", f"name files that end in {SUFFIX}, or a folder")
    out, complaints = screen(color=color), screen(sys.stderr, color)
    all_ran: list[Ran] = []
    errors: list[FileError] = []
    for path in files:
        try:
            suite = load(path)
        except FileError as error:
            show_file_error(complaints, error)
            errors.append(error)
            continue
        ran = _ran(suite, words)
        if words and not ran.results:
            continue
        all_ran.append(ran)
        if style == "text" and not quiet:
            show_suite(out, ran)
            out.flush()
    if words and not all_ran and not errors:
        raise UsageError(f"no test has '{words}' in its name")
    covered = _covered(all_ran) if coverage or lcov or min_coverage is not None else None
    noticed = _judged(all_ran) if mutate or min_mutation is not None else None
    if style == "json":
        told = as_json(all_ran, errors)
        if covered is not None:
            told["coverage"] = covered.as_json()
        if noticed is not None:
            told["mutation"] = noticed.as_json()
        out.line(json.dumps(told, indent=2))
    elif style == "junit":
        out.line(as_junit(all_ran, errors))
    elif style == "github":
        for line in as_github(all_ran, errors):
            out.line(line)
    elif style == "markdown":
        for line in document(all_ran):
            out.line(line)
    else:
        for ran in all_ran:
            show_failures(out, ran)
        if covered is not None:
            show_coverage(out, covered, only_missing=len(all_ran) > 1 or quiet)
        if noticed is not None:
            show_mutants(out, noticed)
        show_total(out, all_ran, len(errors))
    if covered is not None and lcov is not None:
        _write(lcov, covered)
    if errors:
        return 2
    too_little = False
    if covered is not None and min_coverage is not None and covered.percent < min_coverage:
        apply = f"{covered.percent:.1f} % of the statements apply"
        complaints.line(f"{apply}, {min_coverage:g} % should")
        too_little = True
    if noticed is not None and min_mutation is not None and noticed.score < min_mutation:
        complaints.line(
            f"{noticed.score:.1f} % of the mutants are noticed, {min_mutation:g} % should"
        )
        too_little = True
    return 1 if too_little or any(ran.failed for ran in all_ran) else 0


def _covered(all_ran: Sequence[Ran]) -> Coverage:
    covered = Coverage()
    for ran in all_ran:
        covered.add(ran.results)
    return covered


def _judged(all_ran: Sequence[Ran]) -> Judged:
    return sum((judged(ran.results) for ran in all_ran), Judged())


def _write(path: str, covered: Coverage) -> None:
    try:
        Path(path).write_text("".join(f"{line}\n" for line in covered.as_lcov()), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write '{safe(path)}': {error.strerror}") from error


def _ran(suite: Suite, words: str | None) -> Ran:
    def wanted(test: Test) -> bool:
        return words is None or words.lower() in f"{suite.path}::{test.name}".lower()

    return Ran(suite, tuple(run(suite, wanted)))


def _files(paths: Sequence[str]) -> list[str]:
    """Return the scenario files of the paths, folders searched, each of them once."""
    found: dict[str, str] = {}
    for path in paths:
        below = sorted(_below(path)) if Path(path).is_dir() else [path]
        if not below:
            raise UsageError(f"no *{SUFFIX} below '{safe(path)}'")
        if not Path(path).exists():
            raise UsageError(f"no such file or folder: {safe(path)}")
        for file in below:
            found.setdefault(os.path.realpath(file), file)
    return list(found.values())


def _below(folder: str) -> Iterator[str]:
    """Yield the scenario files below a folder; those below hidden folders are left out."""
    for here, folders, files in os.walk(folder, onerror=_unreadable):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            if name.endswith(SUFFIX) and not name.startswith("."):
                yield str(Path(here, name))


def _unreadable(error: OSError) -> None:
    raise UsageError(f"cannot read '{safe(str(error.filename))}': {error.strerror}") from error
