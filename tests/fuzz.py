"""`make fuzz`: compare the two evaluators on new worlds for a while, and tell what occurred.

python -m tests.fuzz [SECONDS [FIRST_SEED]]
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Sequence

from tests.property.test_differential import REACHABLE, agree
from tests.worlds import world

SECONDS = 60
FIRST_SEED = 1_000_000
MAX_SHOWN = 10


def main(arguments: Sequence[str]) -> int:
    """Return 1 if a world was decided differently; its seed is printed."""
    seconds = float(arguments[0]) if arguments else SECONDS
    first = int(arguments[1]) if len(arguments) > 1 else FIRST_SEED
    shares: Counter[tuple[str, str]] = Counter()
    wrong = 0
    seed, end = first, time.monotonic() + seconds
    while time.monotonic() < end:
        made = world(seed)
        same, expected, actual = agree(made.request, made.documents, whole=True)
        shares[str(expected.outcome), str(expected.layer)] += 1
        if not same:
            wrong += 1
            if wrong <= MAX_SHOWN:
                print(f"seed {seed}: {expected} is not {actual}, or not their traces")
        seed += 1
    count = seed - first
    for (outcome, layer), times in shares.most_common():
        print(f"{100 * times / count:6.2f} %  {outcome} by {layer}")
    for outcome, layer in sorted(REACHABLE - set(shares)):
        print(f"  none    {outcome} by {layer}")
    print(f"{count:,} worlds from seed {first}: {wrong} decided differently")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
