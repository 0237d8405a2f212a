"""`kmsgate test PATH…`: run scenario files and say what went otherwise than they claim."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import rich_click as click

from kmsgate.errors import UsageError
from kmsgate.output import screen
from kmsgate.resources import bundled_scenarios
from kmsgate.scenario.fields import FileError
from kmsgate.scenario.files import SUFFIX, load
from kmsgate.scenario.model import Suite, Test
from kmsgate.scenario.report import (
    Ran,
    show_failures,
    show_file_error,
    show_suite,
    show_total,
)
from kmsgate.scenario.run import run

MAX_FILE_BYTES = 4 << 20


@click.command()
@click.argument("paths", nargs=-1, metavar="PATH...")
@click.option(
    "-k", "words", metavar="TEXT", help="Run only tests whose file or name has this text."
)
@click.option("--bundled", is_flag=True, help="Run the scenarios that come with kmsgate.")
@click.option("--format", "layout", type=click.Choice(["text", "json"]), default="text")
@click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto")
@click.option("-q", "--quiet", is_flag=True, help="Only failures and the last line.")
def command(
    paths: Sequence[str], words: str | None, bundled: bool, layout: str, color: str, quiet: bool
) -> int:
    """Run scenario files (*.scenario.yaml, or every one below a folder).

    Exit code 0 if all tests passed, 1 if one failed, 2 if a file cannot be used.
    """
    files = list(_files([*paths, *(str(p) for p in bundled_scenarios())] if bundled else paths))
    if not files:
        raise UsageError("no scenario files given", f"name files that end in {SUFFIX}, or a folder")
    out, complaints = screen(color=color), screen(sys.stderr, color)
    all_ran: list[Ran] = []
    errors = 0
    for path in files:
        try:
            suite = load(path)
        except FileError as error:
            show_file_error(complaints, error)
            errors += 1
            continue
        ran = _ran(suite, words)
        if words and not ran.results:
            continue
        all_ran.append(ran)
        if layout == "text" and not quiet:
            show_suite(out, ran)
            out.flush()
    if layout == "json":
        out.line(json.dumps(_as_json(all_ran), indent=2))
    else:
        for ran in all_ran:
            show_failures(out, ran)
        show_total(out, all_ran, errors)
    if errors:
        return 2
    if words and not any(ran.results for ran in all_ran):
        raise UsageError(f"no test has '{words}' in its name")
    return 1 if any(ran.failed for ran in all_ran) else 0


def _ran(suite: Suite, words: str | None) -> Ran:
    def wanted(test: Test) -> bool:
        return words is None or words.lower() in f"{suite.path}::{test.name}".lower()

    return Ran(suite, tuple(run(suite, wanted)))


def _files(paths: Sequence[str]) -> Iterator[str]:
    """Yield the scenario files of the paths, folders searched, in order."""
    for text in paths:
        path = Path(text)
        if path.is_dir():
            found = sorted(p for p in path.rglob(f"*{SUFFIX}") if not _hidden(p.relative_to(path)))
            if not found:
                raise UsageError(f"no *{SUFFIX} below '{text}'")
            yield from (str(p) for p in found)
        elif not path.is_file():
            raise UsageError(f"cannot read '{text}': no such file or folder")
        elif path.stat().st_size > MAX_FILE_BYTES:
            raise UsageError(f"'{text}' is larger than {MAX_FILE_BYTES:,} bytes")
        else:
            yield text


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _as_json(all_ran: Sequence[Ran]) -> dict[str, object]:
    return {
        "files": [
            {
                "path": ran.suite.path,
                "story": ran.suite.story,
                "rules": list(ran.suite.rules),
                "tests": [
                    {
                        "name": result.test.name,
                        "passed": result.passed,
                        "failures": [
                            {
                                "place": failure.item.source.place(failure.span),
                                "title": failure.title,
                                "message": failure.message,
                            }
                            for failure in result.failures
                        ],
                    }
                    for result in ran.results
                ],
            }
            for ran in all_ran
        ],
        "passed": sum(ran.passed for ran in all_ran),
        "failed": sum(ran.failed for ran in all_ran),
    }
