"""Operators and values of the type that the condition key has (AUTH G-4 to G-16, J-3)."""

from __future__ import annotations

import base64
import binascii
import dataclasses
from collections.abc import Callable, Iterator

from policy.errors import Note
from policy.lint.parts import Clause
from policy.lint.proofs import read_network
from policy.lint.reading import Reading
from policy.lint.repairs import renamed
from policy.lint.rule import Edit, Fix, Hit, Severity, rule
from policy.lint.subject import Subject, short
from policy.operators import COMPARISONS, Family, read_date, read_number
from policy.vocabulary import ValueType


@rule("KG301", "operator-key-type", Severity.WARNING, Fix.SAFE)
def operator_key_type(subject: Subject) -> Iterator[Hit]:
    """An operator compares another type of value than the condition key has.

    An ARN under a String operator is only a suggestion. An Arn operator is fine with a key that
    holds text, as long as every value is the pattern of an ARN.

    ## Why it matters
    Either no request ever compares, or the outcome hangs on how a value happens to be written:
    `True` is not `true` to a String operator.

    ## Example
    ```json
    {"StringEquals": {"aws:SecureTransport": "false"}}
    ```

    ## Use instead
    ```json
    {"Bool": {"aws:SecureTransport": "false"}}
    ```

    ## Sources
    - Access Analyzer policy check reference
    - AWS KMS condition keys
    - IAM JSON policy elements: Condition operators
    """
    for reading in subject.readings:
        for clause in reading.clauses:
            known, family = clause.known, clause.family
            if known is None or family is Family.NULL or family in _FITTING[known.type]:
                continue
            if known.type is ValueType.STRING and family is Family.ARN and _all_arns(clause):
                continue
            severity = None
            if known.type is ValueType.ARN and family is Family.STRING:
                severity = Severity.SUGGESTION
            families = " or ".join(_OPERATORS[each] for each in _FITTING[known.type])
            yield Hit(
                clause.block.name.span,
                f"{short(clause.name)} is of type {known.type}; "
                f"use {families} instead of {clause.operator}",
                notes=(Note("the condition key", clause.member.name.span),),
                severity=severity,
                edits=_as_bool(reading, clause),
            )


@rule("KG302", "value-operator-type", Severity.ERROR)
def value_operator_type(subject: Subject) -> Iterator[Hit]:
    """A value is not of the type that its operator compares.

    ## Why it matters
    The service refuses the document, or the comparison is true of no request. Only the first
    hours of debugging show which.

    ## Example
    ```json
    {"DateLessThan": {"aws:CurrentTime": "1 July 2027"}}
    ```

    ## Use instead
    ```json
    {"DateLessThan": {"aws:CurrentTime": "2027-07-01T00:00:00Z"}}
    ```

    ## Sources
    - Access Analyzer policy check reference
    - IAM JSON policy elements: Condition operators
    """
    for reading in subject.readings:
        for clause in reading.clauses:
            what, reads = _READERS.get(clause.family, ("", None))
            if reads is None:
                continue
            for value in clause.values:
                if value.pattern.variables or "${" in value.text or reads(value.text):
                    continue
                message = f"'{short(value.text)}' is not {what} for {clause.operator}"
                yield Hit(value.span, message)
            if clause.family is Family.BOOL and {"true", "false"} <= _lowered(clause):
                message = f"'true' and 'false' is not one truth value for {clause.operator}"
                yield Hit(clause.member.value.span, message)


_FITTING = {
    ValueType.STRING: (Family.STRING,),
    ValueType.NUMERIC: (Family.NUMERIC,),
    ValueType.BOOL: (Family.BOOL,),
    ValueType.DATE: (Family.DATE, Family.NUMERIC),
    ValueType.ARN: (Family.ARN,),
    ValueType.IP: (Family.IP,),
}
_OPERATORS = {
    Family.STRING: "StringEquals or StringLike",
    Family.NUMERIC: "a Numeric operator",
    Family.BOOL: "Bool",
    Family.DATE: "a Date operator",
    Family.ARN: "ArnLike",
    Family.IP: "IpAddress",
}


def _as_bool(reading: Reading, clause: Clause) -> tuple[Edit, ...]:
    """Return the edit that compares a truth value as one, where nothing changes by it."""
    known, base = clause.known, clause.operator.base
    if known is None or known.type is not ValueType.BOOL or base.negated:
        return ()
    exact = base.name in ("StringEquals", "StringLike") and len(clause.values) == 1
    if not exact or clause.values[0].text not in ("true", "false"):
        return ()
    return renamed(reading, clause, dataclasses.replace(clause.operator, base=COMPARISONS["bool"]))


def _all_arns(clause: Clause) -> bool:
    return all(value.pattern.variables or _is_arn(value.text) for value in clause.values)


def _lowered(clause: Clause) -> set[str]:
    return {value.text.lower() for value in clause.values}


def _is_truth(text: str) -> bool:
    return text.lower() in ("true", "false")


def _is_number(text: str) -> bool:
    return read_number(text) is not None


def _is_date(text: str) -> bool:
    return read_date(text) is not None


def _is_network(text: str) -> bool:
    return read_network(text) is not None


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


def _is_arn(text: str) -> bool:
    parts = text.split(":", 5)
    return len(parts) == 6 and (parts[0] == "arn" or "*" in parts[0] or "?" in parts[0])


_READERS: dict[Family, tuple[str, Callable[[str], bool]]] = {
    Family.BOOL: ("true or false", _is_truth),
    Family.NUMERIC: ("a number", _is_number),
    Family.DATE: ("a date or time of ISO 8601", _is_date),
    Family.IP: ("an address or a range of addresses", _is_network),
    Family.BINARY: ("base64", _is_base64),
    Family.ARN: ("the pattern of an ARN", _is_arn),
}
