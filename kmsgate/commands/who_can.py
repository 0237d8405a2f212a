"""`kmsgate who-can ACTION --key NAME`: every caller of a world who has a way, and which."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

import rich_click as click

from kms.runtime import FixedClock, SeededEntropy
from kmsgate.commands.options import color_option, format_option
from kmsgate.errors import UsageError
from kmsgate.output import Screen, safe, screen
from kmsgate.resources import sample_world
from kmsgate.scenario.fields import FileError, listed, meant, short
from kmsgate.scenario.files import load_world
from kmsgate.scenario.reach import OPERATIONS, Reach, told, who_can
from kmsgate.scenario.report import show_file_error
from kmsgate.scenario.world import World
from policy import Arn, GrantTrace

_HEAD = ("Caller", "Path", "By", "For example with")


@click.command()
@click.argument("action", metavar="ACTION")
@click.option("--key", required=True, metavar="NAME", help="A key of the world, its alias or ARN.")
@click.option("--world", metavar="FILE", help="Accounts, users, roles and keys; a sample without.")
@format_option("the callers")
@color_option
def command(action: str, key: str, world: str | None, style: str, color: str) -> int:
    """Find all who can do something on a key.

    Every root, user, role and session of the world is tried with requests that differ in all that
    the policies and grants compare: encryption context, members, VPC endpoint, services in
    between, and what a surface knows. The last column is what the plainest allowed one has.

    Exit code: 0 all is settled, 2 a wrong name or file, 3 for some not all requests could be tried.
    """
    try:
        built = load_world(world or str(sample_world()))
    except FileError as error:
        show_file_error(screen(sys.stderr, color), error)
        return 2
    arn = _key(key, built)
    asked = next((known for known in OPERATIONS if known.lower() == action.lower()), None)
    if asked is None:
        raise UsageError(
            f"no operation asks '{short(action)}' on a key that it names",
            meant(action, OPERATIONS) or f"known: {listed(OPERATIONS)}",
        )
    clock = FixedClock(built.clock)
    found = list(who_can(asked, arn, built, built.state, clock, SeededEntropy(built.seed)))
    if style == "json":
        screen().line(json.dumps(_as_json(asked, arn, found), indent=2))
    else:
        _show(screen(color=color), found)
    return 3 if any(each.unsettled for each in found) else 0


def _key(name: str, world: World) -> Arn:
    if name in world.keys:
        return world.keys[name]
    for arn in world.keys.values():
        if name == str(arn) or name in world.state.key_aliases.get(str(arn), ()):
            return arn
    aliases = [a for arn in world.keys.values() for a in world.state.key_aliases.get(str(arn), ())]
    known = [*world.keys, *aliases]
    raise UsageError(f"no key '{short(name)}' in this world", f"known: {listed(known)}")


def _show(out: Screen, found: Sequence[Reach]) -> None:
    rows = [_HEAD]
    for each in found:
        if each.decision is not None:
            by = ", ".join(_names(each))
            rows.append((each.name, str(each.decision.path), by, told(each.choices)))
    shown = [tuple(map(safe, row)) for row in rows]
    widths = [max(map(len, column)) + 2 for column in zip(*shown, strict=True)]
    for row in shown:
        out.line("".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)))
    for each in found:
        if each.unsettled:
            out.line(f"{safe(each.name)}: not settled: {safe(', '.join(each.unsettled))}")
    able = sum(each.can for each in found)
    tried = sum(each.requests for each in found)
    open_ones = sum(bool(each.unsettled) for each in found)
    more = f", {open_ones} not settled" if open_ones else ""
    out.line(f"{able} of {len(found)} callers of the world{more}; {tried:,} requests tried.")


def _names(found: Reach) -> list[str]:
    by = found.decision.by if found.decision is not None else ()
    return [
        f"grant {each.grant.name or each.grant.id[:8]}"
        if isinstance(each, GrantTrace)
        else each.name
        for each in by
    ]


def _as_json(action: str, key: Arn, found: Sequence[Reach]) -> dict[str, Any]:
    return {
        "action": action,
        "key": str(key),
        "callers": [
            {
                "name": each.name,
                "arn": str(each.arn),
                "can": each.can if not each.unsettled else None,
                "path": each.decision.path if each.decision is not None else None,
                "by": _names(each),
                "with": [choice.text for choice in each.choices],
                "unsettled": list(each.unsettled),
            }
            for each in found
        ],
    }
