"""Wildcards in condition values: where they are none, and where none are (AUTH G-1, G-3, H-4)."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from policy.lint.parts import Clause
from policy.lint.reading import Reading
from policy.lint.repairs import quoted, renamed
from policy.lint.rule import Edit, Fix, Hit, Severity, rule
from policy.lint.subject import Subject, short
from policy.model import ConditionValue
from policy.operators import COMPARISONS, Comparison
from policy.pattern import parse_pattern
from policy.tree import String
from policy.vocabulary import ENCRYPTION_CONTEXT


@rule("KG323", "wildcard-without-like", Severity.WARNING, Fix.UNSAFE)
def wildcard_without_like(subject: Subject) -> Iterator[Hit]:
    """A value has a wildcard, and its operator takes it literally.

    ## Why it matters
    StringEquals looks for the star itself. No key has that in its spec or its account, so an
    Allow never applies, and a negated test always holds.

    ## Example
    ```json
    {"StringEquals": {"kms:KeySpec": "RSA_*"}}
    ```

    ## Use instead
    ```json
    {"StringLike": {"kms:KeySpec": "RSA_*"}}
    ```

    ## Sources
    - Access Analyzer policy check reference
    - IAM JSON policy elements: Condition operators
    """
    for reading in subject.readings:
        for clause in reading.clauses:
            like = _LIKE.get(clause.operator.base.name)
            if like is None:
                continue
            wanted = dataclasses.replace(clause.operator, base=like)
            for value in clause.values:
                if _has_wildcard(value.text):
                    keeps_case = clause.operator.base.name in _KEEPING_CASE
                    yield Hit(
                        value.span,
                        f"{clause.operator} compares '{short(value.text)}' literally; use {wanted}",
                        edits=renamed(reading, clause, wanted) if keeps_case else (),
                    )


@rule("KG324", "like-without-wildcard", Severity.SUGGESTION, Fix.SAFE)
def like_without_wildcard(subject: Subject) -> Iterator[Hit]:
    """A Like operator, and no value below it with a wildcard or a policy variable.

    ## Why it matters
    The exact operator says what is meant, and stays exact when somebody adds a value that has a
    star in it by accident.

    ## Example
    ```json
    {"StringLike": {"kms:ViaService": "ec2.eu-west-1.amazonaws.com"}}
    ```

    ## Use instead
    ```json
    {"StringEquals": {"kms:ViaService": "ec2.eu-west-1.amazonaws.com"}}
    ```

    ## Sources
    - IAM JSON policy elements: Condition operators
    """
    for reading in subject.readings:
        open_blocks = {
            clause.places[0]
            for clause in reading.clauses
            if any("${" in v.text or v.pattern.has_wildcard for v in clause.values)
        }
        seen: set[int] = set()
        for clause in reading.clauses:
            equals, outer = _EQUALS.get(clause.operator.base.name), clause.places[0]
            if equals is None or outer in open_blocks or outer in seen:
                continue
            seen.add(outer)
            wanted = dataclasses.replace(clause.operator, base=equals)
            message = f"no value has a wildcard; {wanted} is enough"
            edits = _renamed_block(reading, clause, str(wanted))
            yield Hit(clause.block.name.span, message, edits=edits)


@rule("KG325", "escaped-wildcard-confusion", Severity.SUGGESTION, Fix.SAFE)
def escaped_wildcard_confusion(subject: Subject) -> Iterator[Hit]:
    """A backslash stands before a wildcard, as if it could take its meaning away.

    ## Why it matters
    There is no such escape. The pattern asks for a backslash and then lets anything follow.

    ## Example
    ```json
    {"StringLike": {"kms:EncryptionContext:path": "reports/\\\\*/2027"}}
    ```

    ## Use instead
    ```json
    {"StringLike": {"kms:EncryptionContext:path": "reports/${*}/2027"}}
    ```

    ## Sources
    - IAM policy elements: Variables and tags
    """
    for reading in subject.readings:
        for clause in reading.clauses:
            if clause.operator.base.name not in _EQUALS or not _holds_text(clause):
                continue
            for value, node in zip(clause.values, clause.nodes, strict=True):
                if isinstance(node, String) and ("\\*" in value.text or "\\?" in value.text):
                    message = "write ${*} or ${?} for a literal wildcard character"
                    yield Hit(value.span, message, edits=_escaped(reading, value))


_EQUALS: dict[str, Comparison] = {
    "StringLike": COMPARISONS["stringequals"],
    "StringNotLike": COMPARISONS["stringnotequals"],
}
_LIKE: dict[str, Comparison] = {
    "StringEquals": COMPARISONS["stringlike"],
    "StringEqualsIgnoreCase": COMPARISONS["stringlike"],
    "StringNotEquals": COMPARISONS["stringnotlike"],
    "StringNotEqualsIgnoreCase": COMPARISONS["stringnotlike"],
}
_KEEPING_CASE = ("StringEquals", "StringNotEquals")


def _has_wildcard(text: str) -> bool:
    """Tell whether a text has a wildcard that is not written as `${*}` or `${?}`."""
    return parse_pattern(text, variables=True).has_wildcard


def _renamed_block(reading: Reading, clause: Clause, name: str) -> tuple[Edit, ...]:
    if name.lower() in reading.operators:
        return ()
    return (Edit(clause.block.name.span, quoted(name)),)


def _holds_text(clause: Clause) -> bool:
    """Tell whether the key holds what people write: an encryption context or a tag."""
    name = clause.name.lower()
    tags = ("aws:requesttag/", "aws:resourcetag/", "aws:principaltag/")
    return name.startswith((ENCRYPTION_CONTEXT, *tags))


def _escaped(reading: Reading, value: ConditionValue) -> tuple[Edit, ...]:
    if not reading.variables:
        return ()
    text = value.text.replace("\\*", "${*}").replace("\\?", "${?}")
    return (Edit(value.span, quoted(text)),)
