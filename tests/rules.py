"""`make rules`: every rule of AUTH, where the code carries it, and the cases that show it.

python -m tests.rules [CHAPTER | RULE ...]
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tests.citations import AUTH, citations
from tests.conformance.cases import (
    CASES,
    COVERED,
    EXPECTED_FAILURES,
    WITHOUT_CASE,
    Case,
    numbers,
)


@dataclass(frozen=True)
class Line:
    """One rule of the list: its places in the code, and its cases, its own before others."""

    rule: str
    places: tuple[str, ...]
    cases: tuple[Case, ...]

    def __str__(self) -> str:
        code = ", ".join(self.places) or "no code"
        shown = "; ".join(_told(case) for case in self.cases)
        return f"{self.rule:<6}{code} | {shown or f'no case: {WITHOUT_CASE.get(self.rule)}'}"


def _told(case: Case) -> str:
    note = " (fails for now)" if case.name in EXPECTED_FAILURES else ""
    return f"{case.file}: {case.name}{note}"


def lines() -> Iterator[Line]:
    """Yield the rules of all covered chapters in order."""
    places, cases = _places(), _cases()
    for chapter in COVERED:
        for rule in numbers(chapter):
            own = [case for case in cases[rule] if case.number == rule]
            others = [case for case in cases[rule] if case.number != rule]
            yield Line(rule, tuple(places[rule]), (*own, *others))


def _places() -> Mapping[str, Sequence[str]]:
    places: dict[str, list[str]] = defaultdict(list)
    for found in sorted(citations()):
        place = f"{found.file}:{found.line}"
        if found.document == AUTH and place not in places[found.rule]:
            places[found.rule].append(place)
    return places


def _cases() -> Mapping[str, Sequence[Case]]:
    cases: dict[str, list[Case]] = defaultdict(list)
    for case in CASES:
        for rule in case.cited:
            cases[rule].append(case)
    return cases


def main(wanted: Sequence[str]) -> int:
    """Print the rules that are wanted, all without a wish; 2 if a wish names none."""
    known = list(lines())
    chosen = [line for line in known if not wanted or {line.rule, line.rule[0]} & set(wanted)]
    if not chosen:
        print("no such rule or chapter; write for example: J K-61", file=sys.stderr)
        return 2
    for line in chosen:
        print(line)
    coded = sum(bool(line.places) for line in chosen)
    shown = sum(bool(line.cases) for line in chosen)
    neither = sum(not line.places and not line.cases for line in chosen)
    cases = {case for line in chosen for case in line.cases}
    print(
        f"{len(chosen)} rules: {coded} named in the code, {shown} with a case, {neither} with "
        f"neither; {len(cases)} cases"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
