"""What a document is after its findings have been repaired, as far as their edits go."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from policy.lint.fixes import applied
from policy.lint.rule import Finding, Fix
from policy.reader import Document

MAX_ROUNDS = 16
"""So often at most is a document read again; one repair may bring another finding to light."""

Check = Callable[[Document], Sequence[Finding]]


@dataclass(frozen=True, slots=True)
class Repair:
    """A document as its repairs left it, what was repaired, and what is still found."""

    document: Document
    made: tuple[Finding, ...]
    left: tuple[Finding, ...]


def repair(
    document: Document, check: Check, read_again: Callable[[str], Document], allowed: Fix
) -> Repair:
    """Return what a document becomes when its findings are repaired, again until none is left.

    Only fixes of an allowed kind are made. Where the edits of two findings overlap the first one
    is made, and the other found again. What would break the syntax of a document is not made.
    """
    found = tuple(check(document))
    made: list[Finding] = []
    for _ in range(MAX_ROUNDS):
        chosen = tuple(_compatible(each for each in found if each.edits and each.fix in allowed))
        if not chosen:
            break
        edits = (edit for finding in chosen for edit in finding.edits)
        changed = read_again(applied(document.source.text, edits))
        if _is_broken(changed) and not _is_broken(document):
            break
        document, found = changed, tuple(check(changed))
        made += chosen
    return Repair(document, tuple(made), found)


def _is_broken(document: Document) -> bool:
    return any(problem.code == "KG101" for problem in document.problems)


def _compatible(found: Iterable[Finding]) -> Iterator[Finding]:
    """Yield findings, in their order, whose edits have a place that no earlier one has changed."""
    taken: list[tuple[int, int]] = []
    for finding in found:
        places = [(edit.span.start, edit.span.end) for edit in finding.edits]
        if not any(_touches(taken, place) for place in places):
            for place in places:
                insort(taken, place)
            yield finding


def _touches(taken: Sequence[tuple[int, int]], place: tuple[int, int]) -> bool:
    """Tell whether a place shares a character with one that is taken, or is the same place.

    Two insertions at one place: which comes first is nobody's to say.
    """
    at = bisect_left(taken, place)
    return any(
        place == other or (place[0] < other[1] and other[0] < place[1])
        for other in taken[max(0, at - 1) : at + 1]
    )
