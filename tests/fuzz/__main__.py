"""`make fuzz`: new worlds, texts and requests for a while; what is wrong is named by its seed.

python -m tests.fuzz [SECONDS] [--seed FIRST] [worlds|texts|requests ...]
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Protocol

from tests.fuzz.requests import Requests
from tests.fuzz.texts import Texts
from tests.fuzz.worlds import Worlds

FIRST_SEED = 1_000_000
MAX_SHOWN = 10


class Target(Protocol):
    """Something that can be tried with any seed."""

    name: str

    def attempt(self, seed: int) -> str | None:
        """Return what is wrong, or None. What raises is wrong as well."""

    def told(self) -> Iterator[str]:
        """Yield what occurred, in a few lines."""


TARGETS: dict[str, type[Worlds | Texts | Requests]] = {
    target.name: target for target in (Worlds, Texts, Requests)
}


def run(target: Target, seconds: float, first: int) -> int:
    """Try seeds for that long; return how many went wrong."""
    wrong, seed, end = 0, first, time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            problem = target.attempt(seed)
        except Exception as error:  # noqa: BLE001 - that nothing raises is what is tested
            problem = f"{type(error).__name__}: {error}"
        if problem is not None:
            wrong += 1
            if wrong <= MAX_SHOWN:
                print(f"{target.name}, seed {seed}: {problem}")
        seed += 1
    for line in target.told():
        print(line)
    print(f"{seed - first:,} {target.name} from seed {first}: {wrong} wrong", flush=True)
    return wrong


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 1 if anything was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("seconds", nargs="?", type=float, default=60)
    parser.add_argument("targets", nargs="*", metavar="|".join(TARGETS))
    parser.add_argument("--seed", type=int, default=FIRST_SEED)
    options = parser.parse_args(arguments)
    chosen = options.targets or list(TARGETS)
    if unknown := [name for name in chosen if name not in TARGETS]:
        parser.error(f"there is no {unknown[0]}; there are {', '.join(TARGETS)}")
    share = options.seconds / len(chosen)
    return 1 if sum(run(TARGETS[name](), share, options.seed) for name in chosen) else 0


if __name__ == "__main__":
    sys.exit(main())
