"""Operators and condition keys, as they are written (AUTH B-13, B-14, F-7)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from policy.errors import Note
from policy.lint.fixes import merged, rewritten
from policy.lint.rule import Edit, Fix, Hit, Severity, rule
from policy.lint.subject import Block, Subject, entries, short
from policy.operators import COMPARISONS, Family, SetOperator, parse_operator
from policy.reader import value_text
from policy.spelling import closest
from policy.tree import Object


@rule("KG106", "duplicate-condition-key-case", Severity.ERROR, Fix.UNSAFE)
def duplicate_condition_key_case(subject: Subject) -> Iterator[Hit]:
    """An operator has a condition key twice, with other capitals.

    ## Why it matters
    Capitals do not tell condition keys apart. Both entries speak of the same fact and both have
    to hold, so two lists that were meant as alternatives exclude each other.

    ## Example
    ```json
    {"StringEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com",
                      "kms:viaService": "ec2.eu-west-1.amazonaws.com"}}
    ```

    ## Use instead
    ```json
    {"StringEquals": {"kms:ViaService": ["s3.eu-west-1.amazonaws.com",
                                         "ec2.eu-west-1.amazonaws.com"]}}
    ```
    """
    for block in subject.blocks:
        first: dict[str, int] = {}
        exact: set[str] = set()
        for at, entry in enumerate(block.members):
            name = entry.name
            before = first.setdefault(name.value.lower(), at)
            other = block.members[before].name
            if other is not name and name.value not in exact:
                message = (
                    f"condition key '{short(name.value)}' repeats '{short(other.value)}' "
                    "with other capitals"
                )
                notes = (Note("first here", other.span),)
                edits: tuple[Edit, ...] = ()
                if isinstance(block.node, Object):
                    edits = merged(subject.document.source, block.node, before, at)
                yield Hit(name.span, message, notes=notes, edits=edits)
            exact.add(name.value)


@rule("KG134", "null-operator-misuse", Severity.ERROR, Fix.UNSAFE)
def null_operator_misuse(subject: Subject) -> Iterator[Hit]:
    """Null has a prefix or a suffix, or a value that is neither true nor false.

    ## Why it matters
    Null asks one thing: is the key absent? `IfExists` would make the question pointless, and
    with `ForAllValues` or `ForAnyValue` the answer is the same for every request.

    ## Example
    ```json
    {"NullIfExists": {"kms:ViaService": "true"}}
    ```

    ## Use instead
    ```json
    {"Null": {"kms:ViaService": "true"}}
    ```
    """
    names = {block.name.span: block.name for block in subject.blocks}
    for hit in subject.reported("KG134"):
        name = names.get(hit.span)
        edits = (rewritten(subject.document.source, name, "Null"),) if name else ()
        yield replace(hit, edits=edits)
    for block in subject.blocks:
        operator = block.operator
        if operator is None or operator.base.family is not Family.NULL:
            continue
        if operator.set_operator is not None:
            constant = "true" if operator.set_operator is SetOperator.ALL else "false"
            message = f"{operator} is not valid; it is {constant} for every request"
            edits = (rewritten(subject.document.source, block.name, "Null"),)
            yield Hit(block.name.span, message, 'write "Null"', edits=edits)
        yield from _null_values(block)


def _null_values(block: Block) -> Iterator[Hit]:
    for entry in block.members:
        for value in entries(entry.value):
            text = value_text(value)
            if text is not None and text.lower() not in ("true", "false"):
                message = f"Null is not valid; its value is '{short(text)}', not true or false"
                yield Hit(value.span, message)


@rule("KG208", "unknown-operator", Severity.ERROR, Fix.UNSAFE)
def unknown_operator(subject: Subject) -> Iterator[Hit]:
    """A condition has an operator that does not exist.

    ## Why it matters
    The service refuses the document. Close misses are common: a missing `s`, `StringMatches`,
    `IfExists` in front.

    ## Example
    ```json
    {"StringEqual": {"kms:CallerAccount": "111122223333"}}
    ```

    ## Use instead
    ```json
    {"StringEquals": {"kms:CallerAccount": "111122223333"}}
    ```

    ## Sources
    - IAM JSON policy elements: Condition operators
    - Access Analyzer policy check reference
    """
    names = {block.name.span: block.name for block in subject.blocks}
    for hit in subject.reported("KG208"):
        name = names.get(hit.span)
        meant = _nearest_operator(name.value) if name else None
        edits = (rewritten(subject.document.source, name, meant),) if name and meant else ()
        yield replace(hit, edits=edits)


def _nearest_operator(name: str) -> str | None:
    prefix, colon, base = name.rpartition(":")
    suffix = "IfExists" if base.lower().endswith("ifexists") else ""
    bare = base[: len(base) - len(suffix)]
    meant = closest(bare, (comparison.name for comparison in COMPARISONS.values()))
    whole = f"{prefix}{colon}{meant}{suffix}"
    return str(parse_operator(whole)) if meant and parse_operator(whole) else None
