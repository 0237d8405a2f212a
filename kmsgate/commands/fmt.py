"""`kmsgate fmt`: policies set in the one usual way."""

from __future__ import annotations

import rich_click as click

from kmsgate.commands.options import color_option
from kmsgate.errors import UsageError
from kmsgate.linting.checking import files_below, read_document, write_document
from kmsgate.linting.text import show_diff
from kmsgate.output import safe, screen
from policy.layout import laid_out
from policy.reader import NOT_JSON


@click.command()
@click.argument("paths", metavar="PATH...", nargs=-1, required=True)
@click.option("--check", is_flag=True, help="Change nothing; name the files that would change.")
@click.option("--diff", is_flag=True, help="Change nothing; show what would change.")
@color_option
def command(paths: tuple[str, ...], check: bool, diff: bool, color: str) -> int:
    """Set policy documents in the one usual way.

    PATH is a file, a folder (every *.json file below it), or - for standard input, which is
    written to standard output. Only the order of elements, spaces and lines change: no decision
    does. With --check and --diff the exit code is 1 if anything would.
    """
    out = screen(color=color)
    texts = [(name, *_texts(name)) for name in files_below(paths)]  # all are read before any write
    changed = [(name, old, new) for name, old, new in texts if old != new]
    if diff:
        return show_diff(out, changed)
    if check:
        for name, _, _ in changed:
            out.line(f"{safe(name)} would be set otherwise")
        out.flush()
        return int(bool(changed))
    for name, old, new in texts:
        if name == "-":
            out.stream.write(new)
        elif old != new:
            write_document(name, new)
    out.flush()
    return 0


def _texts(path: str) -> tuple[str, str]:
    """Return the text of a file, and the text as it should be; raises UsageError."""
    document = read_document(path)
    broken = next((each for each in document.problems if each.code in NOT_JSON), None)
    if broken is not None or document.tree is None:
        where = document.source.place(broken.span) if broken else path
        what = broken.message if broken else "there is nothing in it"
        raise UsageError(f"{safe(where)}: {safe(what)}", f"kmsgate lint {safe(path)}")
    return document.source.text, laid_out(document.tree)
