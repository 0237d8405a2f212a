"""`kmsgate audit`: find events, check that none was changed, write them as CloudTrail files."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import rich_click as click

from kms.audit import Entry, as_plain, event_time, first_break, record
from kms.sqlite_store import is_store, read_events
from kms.store import StoreError
from kms.trail import EventSource, Query
from kmsgate.commands.options import color_option, format_option
from kmsgate.errors import UsageError
from kmsgate.log_files import LogFiles, write_log
from kmsgate.output import Screen, safe, screen
from kmsgate.scenario.values import NOT_A_TIME, read_time

F = TypeVar("F", bound=Callable[..., Any])
_STYLES = {"success": "good", "denied": "bad", "failure": "warning"}


@click.group(cls=click.RichGroup)
def command() -> None:
    """Read the audit events of a store, or of log files.

    PATH is the file of a store, which may be in use; or a folder (every .json, .json.gz and .jsonl
    file below it) or one such file, in the form in which CloudTrail delivers it. Records of other
    services are passed over.
    """


def _path(function: F) -> F:
    chain = click.option(
        "--chain",
        metavar="FILE",
        help="The chain of hashes; chain.jsonl in the folder, or beside the file, without it.",
    )
    return click.argument("path", metavar="PATH")(chain(function))


@dataclass(frozen=True)
class _Store:
    """The file of a store: a source of events, always with their chain."""

    path: Path
    has_chain = True

    def entries(self) -> Iterator[Entry]:
        """Yield every event with its record; raises UsageError for a store that is damaged."""
        try:
            for number, event in enumerate(read_events(self.path), 1):
                yield Entry(event, record(event), f"{self.path}, event {number}")
        except StoreError as error:
            raise UsageError(f"{safe(str(self.path))}: {safe(str(error))}") from error


def _source(path: str, chain: str | None) -> EventSource:
    if chain is None and is_store(Path(path)):
        return _Store(Path(path))
    return LogFiles(Path(path), Path(chain) if chain is not None else None)


# list


def _filters(function: F) -> F:
    for name, help in reversed(
        (
            ("--key", "Events about this key: an ARN or a key id."),
            ("--caller", "Events of this caller: an ARN (that of a role for all its sessions), …"),
            ("--operation", "Events of this name: Decrypt."),
            ("--error", "Events with this error code: AccessDenied."),
            ("--since", "Events from this moment on: 2026-01-05T09:00:00Z, or 2026-01-05."),
            ("--until", "Events before this moment."),
            ("--account", "Events in the log of this account."),
            ("--region", "Events in this Region."),
        )
    ):
        function = click.option(name, metavar="TEXT", help=help)(function)
    return function


@command.command("list")
@_path
@_filters
@click.option("--limit", type=click.IntRange(min=1), help="Only so many events, the last ones.")
@format_option("the events")
@color_option
def list_events(
    path: str,
    chain: str | None,
    *,
    key: str | None,
    caller: str | None,
    operation: str | None,
    error: str | None,
    since: str | None,
    until: str | None,
    account: str | None,
    region: str | None,
    limit: int | None,
    style: str,
    color: str,
) -> int:
    """List events, the oldest first.

    All filters must fit. As JSON it is a log file again: {"Records": […]}.
    """
    begin, end = _moment("--since", since), _moment("--until", until)
    query = Query(key, caller, operation, error, None, begin, end, account, region)
    found = list(_matching(_source(path, chain), query))
    found = found[-limit:] if limit is not None else found
    out = screen(color=color)
    if style == "json":
        records = {"Records": [entry.record for entry in found]}
        out.line(json.dumps(records, indent=2, default=as_plain))
    else:
        _table(out, found)
    return 0


def _matching(source: EventSource, query: Query) -> Iterator[Entry]:
    for entry in source.entries():
        if entry.record is not None and query.matches(entry.event):
            yield entry


def _moment(option: str, text: str | None) -> dt.datetime | None:
    if text is None:
        return None
    at = read_time(text)
    if at is None:
        raise UsageError(f"{option}: '{safe(text)}' {NOT_A_TIME}")
    return at


def _table(out: Screen, found: Sequence[Entry]) -> None:
    rows = [_row(entry) for entry in found]
    widths = [max(map(len, column), default=0) for column in zip(*rows, strict=True)]
    for entry, row in zip(found, rows, strict=True):
        cells = [text.ljust(width) for text, width in zip(row, widths, strict=True)]
        cells[2] = out.paint(cells[2], _STYLES[entry.event.outcome])
        out.line("  ".join(cells))
    noun = "event" if len(found) == 1 else "events"
    out.line(f"{len(found)} {noun}")


def _row(entry: Entry) -> tuple[str, ...]:
    event = entry.event
    about = ", ".join(arn.split(":", 5)[5] for arn in event.resources) or "-"
    who = event.caller.split(":", 5)[-1] if event.caller.startswith("arn:") else event.caller
    told = event.error_code or "ok"
    return tuple(map(safe, (event_time(event.at), event.operation, told, who or "-", about)))


# verify


@command.command("verify")
@_path
@click.option("--last", metavar="HASH", help="What an earlier verify has printed at the end.")
@color_option
def verify(path: str, chain: str | None, *, last: str | None, color: str) -> int:
    """Check that no event was changed, taken away or put in since it was written.

    Who can write all files can write all hashes anew: note the last hash elsewhere, and name it
    with --last, the next time too. It must then be part of the chain.

    Exit code: 0 the chain is whole, 1 it is broken, 2 there is none.
    """
    source = _source(path, chain)
    if not source.has_chain:
        raise UsageError(
            f"there is no chain of hashes with {safe(path)}",
            "it is chain.jsonl in the folder, or the file that --chain names",
        )
    found = list(source.entries())
    out = screen(color=color)
    broken = first_break(found)
    if broken is not None:
        event, place = broken.entry.event, broken.entry.place
        told = f"{event.operation} {event.id}".strip()
        out.line(f"{out.paint('broken', 'bad')} at event {broken.number + 1}: {broken.reason}")
        out.line(f"  {safe(told)}{f' in {safe(place)}' if place else ''}")
        return 1
    if last is not None and last not in {entry.event.hash for entry in found}:
        out.line(f"{out.paint('broken', 'bad')}: no event has the hash {safe(last)}")
        return 1
    noun = "event" if len(found) == 1 else "events"
    end = found[-1].event.hash if found else "none"
    out.line(f"{out.paint('whole', 'good')}: {len(found)} {noun}; the last hash is {end}")
    return 0


# export


@command.command("export")
@_path
@click.option("--output", metavar="FOLDER", required=True, help="A new or an empty folder.")
def export(path: str, chain: str | None, *, output: str) -> int:
    """Write all events as CloudTrail log files, with their chain beside them.

    FOLDER/AWSLogs/ACCOUNT/CloudTrail/REGION/YYYY/MM/DD/NAME.json.gz, and FOLDER/chain.jsonl. The
    same events give the same bytes.
    """
    entries: Iterable[Entry] = list(_source(path, chain).entries())
    count = write_log(entries, Path(output))
    screen(color="never").line(f"{count} files in {safe(output)}")
    return 0
