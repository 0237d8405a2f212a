"""Rounds, medians, tables. Subjects take turns round by round, so that noise hits all alike."""

from __future__ import annotations

import gc
import itertools
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

Timer: TypeAlias = Callable[[int], float]
"""Does so many turns and returns the CPU seconds that they took."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How long to measure: rounds, and the seconds that a round spends on each subject."""

    rounds: int = 9
    seconds: float = 0.04


QUICK = Pace(rounds=1, seconds=0.0)


@dataclass(frozen=True, slots=True)
class Subject:
    """Something that is timed; one turn is `per_turn` operations."""

    name: str
    timer: Timer
    per_turn: int = 1


@dataclass(frozen=True, slots=True)
class Reading:
    """Seconds of one operation: one value a round."""

    name: str
    rounds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle of all rounds."""
        return statistics.median(self.rounds)


@dataclass(frozen=True, slots=True)
class Bar:
    """A limit for a ratio, and what the run showed."""

    claim: str
    ratio: float
    limit: float
    is_floor: bool

    @property
    def met(self) -> bool:
        """Whether the ratio keeps to the limit."""
        return self.ratio >= self.limit if self.is_floor else self.ratio <= self.limit

    def __str__(self) -> str:
        sign = "≥" if self.is_floor else "≤"
        verdict = "met" if self.met else "NOT MET"
        return f"{sign} {self.limit:g}x {verdict}"


@dataclass(frozen=True, slots=True)
class Table:
    """What a section measured. Ratios are to the reading named in `base`."""

    title: str
    base: str
    readings: tuple[Reading, ...]
    bars: tuple[Bar, ...] = ()
    notes: tuple[str, ...] = ()


def in_process(call: Callable[[], object]) -> Timer:
    """Return a timer that makes a call again and again, with the garbage collector at rest."""

    def seconds(turns: int) -> float:
        repeat = itertools.repeat(None, turns)
        was_on = gc.isenabled()
        gc.disable()
        try:
            start = time.process_time()
            for _ in repeat:
                call()
            return time.process_time() - start
        finally:
            if was_on:
                gc.enable()

    return seconds


def race(subjects: Iterable[Subject], pace: Pace) -> tuple[Reading, ...]:
    """Measure all subjects in turn, round by round; the first turns only warm up."""
    field = [(subject, _turns(subject.timer, pace.seconds)) for subject in subjects]
    taken: dict[str, list[float]] = {subject.name: [] for subject, _ in field}
    for _ in range(pace.rounds):
        if pace.seconds:
            gc.collect()
        for subject, turns in field:
            each = subject.timer(turns) / (turns * subject.per_turn)
            taken[subject.name].append(each)
    return tuple(Reading(name, tuple(rounds)) for name, rounds in taken.items())


def _turns(timer: Timer, wanted: float) -> int:
    """Return how many turns take about the wanted time, and at least one."""
    turns = 1
    while (taken := timer(turns)) < wanted / 2:
        turns = max(turns * 2, min(turns * 100, int(turns * wanted / max(taken, 1e-6))))
    return max(1, round(turns * wanted / taken)) if wanted else 1


def ratio(slow: str, fast: str, readings: Sequence[Reading]) -> float:
    """Return how many times as long one subject takes as another."""
    medians = {reading.name: reading.median for reading in readings}
    return medians[slow] / (medians[fast] or 1e-9)


def has(name: str, readings: Sequence[Reading]) -> bool:
    """Tell whether a subject was measured."""
    return any(reading.name == name for reading in readings)


def at_least(limit: float, slow: str, fast: str, readings: Sequence[Reading]) -> tuple[Bar, ...]:
    """Return the bar `fast` is so many times as fast as `slow`; none if that was not measured."""
    if not has(slow, readings):
        return ()
    return (Bar(f"{fast} vs {slow}", ratio(slow, fast, readings), limit, is_floor=True),)


def at_most(limit: float, slow: str, fast: str, readings: Sequence[Reading]) -> Bar:
    """Return the bar `slow` takes at most so many times as long as `fast`."""
    return Bar(f"{slow} vs {fast}", ratio(slow, fast, readings), limit, is_floor=False)


def under(title: str, *bars: Bar) -> tuple[Bar, ...]:
    """Return the bars with the section's title before each claim."""
    return tuple(replace(bar, claim=f"{title}: {bar.claim}") for bar in bars)


# Plain text


def columns(rows: Sequence[Sequence[str]], left: frozenset[int] = frozenset({0})) -> list[str]:
    """Return the rows as lines, each column as wide as its widest cell."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if index in left else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def micros(seconds: float) -> str:
    """Return a time in microseconds."""
    return _digits(seconds * 1e6)


def _digits(value: float) -> str:
    """Return a number with three digits that count, or all before the point."""
    return f"{value:,.0f}" if value >= 100 else f"{value:#.3g}"


def lines(table: Table) -> list[str]:
    """Return a section as text."""
    rows = [("", "median µs", "min … max µs", "ratio")]
    for reading in table.readings:
        low, high = micros(min(reading.rounds)), micros(max(reading.rounds))
        times = ratio(reading.name, table.base, table.readings)
        rows.append((reading.name, micros(reading.median), f"{low} … {high}", _digits(times)))
    out = [table.title, *(f"  {line}" for line in columns(rows))]
    out += (f"  {note}" for note in table.notes)
    return out


def bar_lines(bars: Sequence[Bar]) -> list[str]:
    """Return all bars as text, one a line, each with its ratio."""
    rows = [(bar.claim, f"{_digits(bar.ratio)}x", str(bar)) for bar in bars]
    return [f"  {line}" for line in columns(rows, frozenset({0, 2}))] if rows else []
