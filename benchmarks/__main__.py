"""`python -m benchmarks [SECTION …]`: measure, and print tables and bars."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version

from benchmarks import core, decision, endpoint, growth, parsing, peers, store
from benchmarks.cases import DisagreementError
from benchmarks.measure import QUICK, Bar, Pace, Table, bar_lines, lines
from benchmarks.peers import MissingPeerError, Peer

PACKAGES = ("kmsgate", "lark", "parliament")
Run = Callable[[Sequence[Peer], bool], list[Table]]

STEADY = Pace(rounds=9, seconds=0.04)
CROWDED = Pace(rounds=9, seconds=0.1)
"""For sections with peers that take milliseconds."""
SLOW = Pace(rounds=7, seconds=0.3)
"""For sections that wait for the disk."""
LOADED = Pace(rounds=7, seconds=1.0)
"""For servers under load."""


def _pace(usual: Pace, quick: bool) -> Pace:
    return QUICK if quick else usual


def _statements(_: Sequence[Peer], quick: bool) -> list[Table]:
    return growth.statements(_pace(STEADY, quick), 50 if quick else growth.STATEMENTS)


def _grants(_: Sequence[Peer], quick: bool) -> list[Table]:
    return growth.grants(_pace(STEADY, quick), 500 if quick else growth.GRANTS)


def _core(_: Sequence[Peer], quick: bool) -> list[Table]:
    return core.run(_pace(STEADY, quick), 100 if quick else core.MANY)


SECTIONS: dict[str, tuple[bool, Run]] = {
    "decision": (True, lambda found, quick: decision.single(found, _pace(CROWDED, quick))),
    "trace": (False, lambda _, quick: decision.trace(_pace(STEADY, quick))),
    "actions": (True, lambda found, quick: decision.every_action(found, _pace(CROWDED, quick))),
    "compile": (False, lambda _, quick: decision.compiling(_pace(STEADY, quick))),
    "statements": (False, _statements),
    "grants": (False, _grants),
    "parse": (False, lambda _, quick: parsing.run(_pace(STEADY, quick), peers=not quick)),
    "core": (False, _core),
    "store": (False, lambda _, quick: store.run(_pace(SLOW, quick))),
    "endpoint": (False, lambda _, quick: endpoint.run(_pace(LOADED, quick), peers=not quick)),
}
"""Each section: whether peers take part, and how it is run."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run sections; returns 0 whatever the bars say, 1 if engines disagree."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("section", nargs="*", help=f"of {', '.join(SECTIONS)}; all by default")
    parser.add_argument("--quick", action="store_true", help="one round, no peers: does it run?")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.section if name not in SECTIONS]
    if unknown:
        parser.error(f"no section is called {unknown[0]}; there are {', '.join(SECTIONS)}")
    chosen = [name for name in SECTIONS if not options.section or name in options.section]
    started = time.monotonic()
    print("\n".join(_machine()), flush=True)
    bars: list[Bar] = []
    try:
        wanted = not options.quick and any(SECTIONS[name][0] for name in chosen)
        with _peers(wanted) as found:
            for name in chosen:
                for table in SECTIONS[name][1](found, options.quick):
                    print("", *lines(table), sep="\n", flush=True)
                    bars += table.bars
    except DisagreementError as problem:
        print(f"\nnot measured: {problem}", file=sys.stderr)
        return 1
    if bars:
        title = "bars (of one round: they say nothing)" if options.quick else "bars"
        print(f"\n{title}", *bar_lines(bars), sep="\n")
    print(f"\n{time.monotonic() - started:.0f} s")
    return 0


def _machine() -> Iterator[str]:
    python = f"{platform.python_implementation()} {platform.python_version()}"
    yield f"{python}, {platform.system()} {platform.machine()}, {os.cpu_count()} CPUs"
    yield ", ".join(f"{name} {_version(name)}" for name in PACKAGES)
    yield "median of rounds in which all take turns; CPU time; ratios to the first line of a table"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


@contextmanager
def _peers(wanted: bool) -> Iterator[list[Peer]]:
    """Start the peers that can be started; say why the others cannot."""
    found: list[Peer] = []
    try:
        for name in peers.NAMES if wanted else ():
            try:
                found.append(peers.load(name))
                print(f"peer {found[-1].name}", flush=True)
            except MissingPeerError as missing:
                print(f"peer {name}: {missing}", flush=True)
        yield found
    finally:
        for peer in found:
            peer.close()


if __name__ == "__main__":
    sys.exit(main())
