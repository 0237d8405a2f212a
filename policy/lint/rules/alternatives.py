"""Conditions that were meant as alternatives and have to hold together (AUTH F-2, F-3)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from policy.errors import Note
from policy.lint.parts import Clause
from policy.lint.proofs import conflict
from policy.lint.reading import Reading
from policy.lint.repairs import with_values, without_clause
from policy.lint.rule import Edit, Fix, Hit, Severity, rule
from policy.lint.subject import Subject, short
from policy.operators import Family
from policy.vocabulary import ENCRYPTION_CONTEXT


@rule("KG344", "alternatives-written-as-and", Severity.WARNING, Fix.UNSAFE)
def alternatives_written_as_and(subject: Subject) -> Iterator[Hit]:
    """The values of one key were split into two operators, or the Sid says "or" of two keys.

    ## Why it matters
    Values of a key are alternatives. Operators and keys are not: all of them have to hold, and a
    key with one value cannot be both things.

    ## Example
    ```json
    {"StringEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"},
     "StringLike": {"kms:ViaService": "rds.*.amazonaws.com"}}
    ```

    ## Use instead
    ```json
    {"StringLike": {"kms:ViaService": ["s3.eu-west-1.amazonaws.com", "rds.*.amazonaws.com"]}}
    ```

    ## Sources
    - Creating a condition with multiple keys or values
    - AWS KMS condition keys
    """
    for reading in subject.readings:
        found = conflict(reading)
        if found is not None and _are_split(found.first, found.second):
            edits = _merged(reading, found.first, found.second)
            yield _hit(found.first, found.second, str(found.first), str(found.second), edits)
            continue
        if _SAYS_OR.search(reading.sid):
            pairs = [c for c in reading.clauses if _tests_pair(c)]
            names = {clause.name.lower() for clause in pairs}
            if len(names) > 1:
                first = pairs[0]
                second = next(c for c in pairs if c.name.lower() != first.name.lower())
                yield _hit(first, second, short(first.name), short(second.name))


_SAYS_OR = re.compile(r"(?<![a-z])(?:[Ee]ither|or)(?![a-z])|(?<=[a-z0-9])Or(?=[A-Z0-9])")
"""The words "or" and "either", also inside of names such as `BlueOrGreen`."""


def _are_split(first: Clause, second: Clause) -> bool:
    if first.name.lower() != second.name.lower() or first.family is not second.family:
        return False
    if first.family not in (Family.STRING, Family.ARN):
        return False
    return first.is_positive and second.is_positive


def _tests_pair(clause: Clause) -> bool:
    return clause.is_positive and clause.name.lower().startswith(ENCRYPTION_CONTEXT)


def _hit(first: Clause, second: Clause, one: str, other: str, edits: tuple[Edit, ...] = ()) -> Hit:
    return Hit(
        second.member.name.span,
        f"all conditions of a statement must hold; {one} and {other} are not alternatives",
        notes=(Note("the other condition", first.member.name.span),),
        edits=edits,
    )


def _merged(reading: Reading, *clauses: Clause) -> tuple[Edit, ...]:
    """Return the edits that put all values below the Like operator, if there is one."""
    like = [clause for clause in clauses if clause.operator.base.wildcards]
    exact = [clause for clause in clauses if clause.operator.base.name == "StringEquals"]
    if len(like) != 1 or len(exact) != 1:
        return ()
    if any(sign in value.text for value in exact[0].values for sign in "*?$"):
        return ()
    gone = without_clause(reading, exact[0])
    texts = dict.fromkeys(value.text for clause in clauses for value in clause.values)
    return (with_values(like[0], tuple(texts)), *gone) if gone else ()
