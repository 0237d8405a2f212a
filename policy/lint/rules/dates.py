"""Moments that have passed, where it is known what time it is."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from policy.lint.parts import Clause
from policy.lint.reading import Reading
from policy.lint.rule import Hit, Severity, rule
from policy.lint.subject import Subject, short
from policy.model import ConditionValue
from policy.operators import Family, read_date, read_number


@rule("KG329", "date-passed", Severity.WARNING)
def date_passed(subject: Subject) -> Iterator[Hit]:
    """A statement is limited in time, and that time is over, or has begun long since.

    Needs to be told the time.

    ## Why it matters
    Access that has expired piles up, and a Deny that has expired protects nothing.

    ## Example
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/billing"},
     "Action": "kms:Decrypt", "Resource": "*",
     "Condition": {"DateLessThan": {"aws:CurrentTime": "2019-12-31T23:59:59Z"}}}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/billing"},
     "Action": "kms:Decrypt", "Resource": "*",
     "Condition": {"DateLessThan": {"aws:CurrentTime": "2039-12-31T23:59:59Z"}}}
    ```

    ## Sources
    - AWS KMS condition keys
    - AWS global condition context keys
    """
    if subject.options.now is None:
        return
    now = Decimal(str(subject.options.now))
    for reading in subject.readings:
        for clause in reading.clauses:
            for value, consequence in _over(reading, clause, now):
                yield Hit(
                    value.span, f"{short(value.text)} has passed; the statement {consequence}"
                )


_MOMENTS = frozenset({"aws:CurrentTime", "aws:EpochTime", "aws:TokenIssueTime", "kms:ValidTo"})
_UPPER = ("LessThan", "LessThanEquals", "Equals")
_LOWER = ("GreaterThan", "GreaterThanEquals")


def _over(reading: Reading, clause: Clause, now: Decimal) -> Iterator[tuple[ConditionValue, str]]:
    """Yield the bounds of a clause that have passed, and what follows."""
    if clause.key not in _MOMENTS or clause.family not in (Family.DATE, Family.NUMERIC):
        return
    if clause.operator.set_operator is not None or reading.effect is None:
        return
    bound = clause.operator.base.name.removeprefix("Date").removeprefix("Numeric")
    passed = [value for value in clause.values if _is_before(value, now)]
    if bound in _UPPER and len(passed) == len(clause.values):
        consequence = "never matches" if reading.allows else "denies nothing any more"
        yield from ((value, consequence) for value in passed[:1])
    elif bound in _LOWER and passed:
        yield passed[0], "is no longer limited by it"


def _is_before(value: ConditionValue, now: Decimal) -> bool:
    moment = read_date(value.text)
    if moment is None:
        moment = read_number(value.text)
    return moment is not None and not value.pattern.variables and moment < now
