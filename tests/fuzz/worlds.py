"""Worlds: the two evaluators agree on the decision and on the whole way there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tests.property.test_differential import REACHABLE, agree
from tests.worlds import world


class Worlds:
    """Counts what occurs, since a share that vanishes would hide a hole."""

    name = "worlds"

    def __init__(self) -> None:
        self._shares: Counter[tuple[str, str]] = Counter()

    def attempt(self, seed: int) -> str | None:
        """Return what is wrong with the world of a seed, or None."""
        made = world(seed)
        same, expected, actual = agree(made.request, made.documents, whole=True)
        self._shares[str(expected.outcome), str(expected.layer)] += 1
        return None if same else f"{expected} is not {actual}, or not their traces"

    def told(self) -> Iterator[str]:
        """Yield the share of each outcome and deciding layer."""
        total = self._shares.total() or 1
        for (outcome, layer), times in self._shares.most_common():
            yield f"{100 * times / total:6.2f} %  {outcome} by {layer}"
        for outcome, layer in sorted(REACHABLE - set(self._shares)):
            yield f"  none    {outcome} by {layer}"
