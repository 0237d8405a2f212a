"""Numbers and dates in conditions (AUTH G-4, G-11, J-21, J-85 to J-87)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from policy.lint.parts import Clause
from policy.lint.proofs import holds
from policy.lint.repairs import quoted
from policy.lint.rule import Edit, Fix, Hit, Severity, rule
from policy.lint.subject import Subject, short
from policy.operators import Family, read_number


@rule("KG330", "epoch-date", Severity.SUGGESTION, Fix.SAFE)
def epoch_date(subject: Subject) -> Iterator[Hit]:
    """A date is given as seconds since 1970.

    ## Why it matters
    Nobody can tell by looking at it whether the day has come.

    ## Example
    ```json
    {"DateLessThan": {"aws:CurrentTime": "1830297599"}}
    ```

    ## Use instead
    ```json
    {"DateLessThan": {"aws:CurrentTime": "2027-12-31T23:59:59Z"}}
    ```

    ## Sources
    - Access Analyzer policy check reference
    """
    for reading in subject.readings:
        for clause in reading.clauses:
            if clause.family is not Family.DATE:
                continue
            for value in clause.values:
                iso = _iso(value.text)
                if iso is not None:
                    edit = Edit(value.span, quoted(iso))
                    yield Hit(value.span, f"write the date as {iso}", edits=(edit,))


@rule("KG331", "number-out-of-range", Severity.WARNING)
def number_out_of_range(subject: Subject) -> Iterator[Hit]:
    """A bound lies so that every value the key can have is on the same side of it.

    ## Why it matters
    A deletion window below seven days is refused by KMS anyway. A Deny of less than seven
    protects nothing, and a Deny of thirty days or less would stop them all.

    ## Example
    ```json
    {"Effect": "Deny", "Principal": "*", "Action": "kms:ScheduleKeyDeletion", "Resource": "*",
     "Condition": {"NumericLessThan": {"kms:ScheduleKeyDeletionPendingWindowInDays": "7"}}}
    ```

    ## Use instead
    ```json
    {"Effect": "Deny", "Principal": "*", "Action": "kms:ScheduleKeyDeletion", "Resource": "*",
     "Condition": {"NumericLessThan": {"kms:ScheduleKeyDeletionPendingWindowInDays": "30"}}}
    ```

    ## Sources
    - Controlling access to key deletion
    - Rotating AWS KMS keys
    """
    for reading in subject.readings:
        for clause in reading.clauses:
            bounds = RANGES.get(clause.key)
            if bounds is None or clause.family is not Family.NUMERIC:
                continue
            outcome = _outcome(clause, bounds)
            if outcome is None or (outcome == "never" and clause.operator.if_exists):
                continue
            message = (
                f"{short(clause.name)} ranges from {bounds.lowest} to {bounds.shown_highest}; "
                f"the condition is {outcome} true"
            )
            yield Hit(clause.member.value.span, message)


@dataclass(frozen=True, slots=True)
class Range:
    """The whole numbers that a key can have; without `highest` there is no end to them."""

    lowest: int
    highest: int | None = None

    @property
    def shown_highest(self) -> str:
        """The end of the range, in words."""
        return "any number" if self.highest is None else str(self.highest)


RANGES = {
    "kms:ScheduleKeyDeletionPendingWindowInDays": Range(7, 30),
    "kms:RotationPeriodInDays": Range(90, 2560),
    "kms:TrailingDaysWithoutKeyUsage": Range(0),
    "aws:MultiFactorAuthAge": Range(0, 129_600),  # seconds: GetSessionToken gives 36 hours at most
}


def _outcome(clause: Clause, bounds: Range) -> str | None:
    """Return whether a clause holds of all values of a range ("always") or of none ("never")."""
    numbers = [read_number(value.text) for value in clause.values]
    if len(numbers) > _MAX_VALUES or any(n is None or abs(n) > _HUGE for n in numbers):
        return None
    points = {bounds.lowest, bounds.highest}
    for number in numbers:
        if number is not None:
            points.update((int(number) - 1, int(number), int(number) + 1))
    if bounds.highest is None:
        points.discard(None)
        points.add(max(point for point in points if point is not None) + 1)
    within = [
        point
        for point in points
        if point is not None
        and point >= bounds.lowest
        and (bounds.highest is None or point <= bounds.highest)
    ]
    held = {holds(clause, str(point)) for point in within}
    if len(held) > 1:
        return None
    return "always" if held.pop() else "never"


_MAX_VALUES = 100
_HUGE = Decimal(10**12)


def _iso(text: str) -> str | None:
    """Return the date of a number of seconds, or None for any other text."""
    if not (text.isascii() and text.isdigit()) or len(text) == 4 or len(text) > 12:
        return None
    try:
        moment = dt.datetime.fromtimestamp(int(text), dt.UTC)
    except (OverflowError, ValueError, OSError):
        return None
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
