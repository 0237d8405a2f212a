"""`kmsgate lint`: findings about policy documents, each with its place, an excerpt and advice."""

from __future__ import annotations

import importlib
from pathlib import Path

import rich_click as click

from kmsgate.commands.options import color_option, format_option
from kmsgate.configuration import configuration
from kmsgate.errors import UsageError
from kmsgate.linting.baseline import keep_baseline, read_baseline
from kmsgate.linting.checking import (
    Judges,
    check,
    checked_configuration,
    files_below,
    mended,
    repaired,
    select_rules,
    without_known,
)
from kmsgate.linting.facts import facts_options, lint_options
from kmsgate.linting.settings import lint_settings
from kmsgate.linting.text import show_diff, show_statistics, show_text
from kmsgate.output import screen
from policy.lint import Fix, LintOptions, Severity
from policy.model import PolicyKind

KINDS = {
    "key-policy": PolicyKind.KEY_POLICY,
    "identity": PolicyKind.IDENTITY_POLICY,
    "scp": PolicyKind.SCP,
    "rcp": PolicyKind.RCP,
    "endpoint": PolicyKind.ENDPOINT_POLICY,
    "resource": PolicyKind.RESOURCE_POLICY,
}


FORMATS = (
    "json",
    "sarif",
    "github",
    "junit",
)  # each in a module of its own


@click.command()
@click.argument("paths", metavar="PATH...", nargs=-1, required=True)
@click.option(
    "--kind",
    type=click.Choice(list(KINDS)),
    help="What the documents are; without it, those with principals are key policies.",
)
@click.option(
    "--select",
    multiple=True,
    metavar="RULE",
    help="Run these rules only: a code, the beginning of one, or a name.",
)
@click.option("--ignore", multiple=True, metavar="RULE", help="Leave these rules out.")
@facts_options
@click.option(
    "--fail-on",
    type=click.Choice([s.value for s in Severity]),
    help="The mildest severity that makes the exit code 1.  [default: warning]",
)
@click.option(
    "--config",
    "given",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="This configuration instead of the nearest kmsgate.toml or pyproject.toml.",
)
@click.option(
    "--baseline",
    type=click.Path(path_type=Path),
    help="Do not report the findings of this file again.",
)
@click.option(
    "--write-baseline",
    type=click.Path(path_type=Path),
    help="Write all findings into this file, as a baseline, and report none.",
)
@click.option("--fix", is_flag=True, help="Repair what can be repaired safely, in the files.")
@click.option(
    "--unsafe-fixes",
    is_flag=True,
    help="With --fix or --diff: also make repairs that may change decisions.",
)
@click.option("--diff", is_flag=True, help="Show what --fix would change, and change nothing.")
@format_option("the findings", *FORMATS[1:])
@click.option("--statistics", is_flag=True, help="Count the findings of each rule instead.")
@color_option
@click.option("-q", "--quiet", is_flag=True, help="One line for each finding, and no summary.")
def command(
    paths: tuple[str, ...],
    kind: str | None,
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    account: str | None,
    trusted_account: tuple[str, ...],
    caller: str | None,
    now: str | None,
    max_principals: int | None,
    fail_on: str | None,
    given: Path | None,
    baseline: Path | None,
    write_baseline: Path | None,
    fix: bool,
    unsafe_fixes: bool,
    diff: bool,
    style: str,
    statistics: bool,
    color: str,
    quiet: bool,
) -> int:  # fmt: skip
    """Find what is wrong with policy documents.

    PATH is a file, a folder (every *.json file below it), or - for standard input.

    Repairs leave everything else as its author wrote it. A safe one leaves every decision as it is.
    """
    settings = lint_settings(configuration(Path.cwd(), given))
    told = lint_options(
        account or settings.account,
        trusted_account or settings.trusted_accounts,
        caller or settings.caller,
        now,
        max_principals or settings.max_principals or LintOptions().max_principals,
    )
    rules = select_rules(select or settings.select, ignore or settings.ignore)
    judges = Judges(rules, told, settings)
    checked = [check(path, KINDS[kind] if kind else None, judges) for path in files_below(paths)]
    out = screen(color=color)
    allowed = Fix.SAFE | Fix.UNSAFE if unsafe_fixes else Fix.SAFE
    if unsafe_fixes and not (fix or diff):
        raise UsageError("--unsafe-fixes does nothing by itself", "add --fix or --diff")
    if diff:
        pairs = [(file.source, repaired(file, judges, allowed).source) for file in checked]
        return show_diff(out, [(old.name, old.text, new.text) for old, new in pairs])
    if fix:
        checked = [mended(file, judges, allowed) for file in checked]
    checked += checked_configuration(judges, checked)
    if write_baseline is not None:
        found = [(file.source, each) for file in checked for each in file.findings]
        out.line(f"{keep_baseline(write_baseline, found)} findings are known from now on.")
        out.flush()
        return 0
    known = baseline or (settings.baseline and settings.configuration.folder / settings.baseline)
    if known:
        checked = without_known(checked, read_baseline(Path(known)))
    threshold = Severity(fail_on or settings.fail_on or "warning")
    if statistics:
        show_statistics(out, checked)
    elif style in FORMATS:
        room = importlib.import_module(f"kmsgate.linting.as_{style}")
        getattr(room, f"show_{style}")(out, checked, threshold)
    else:
        show_text(out, checked, quiet=quiet)
    out.flush()
    return int(any(f.severity.reaches(threshold) for file in checked for f in file.findings))
