"""The values that condition keys are compared with."""

from __future__ import annotations

from collections.abc import Iterator

from policy.lint.reading import Clause
from policy.lint.subject import Subject
from policy.model import ConditionValue
from policy.operators import Family
from policy.tree import String


def compared_values(subject: Subject) -> Iterator[tuple[Clause, ConditionValue, String]]:
    """Yield the strings that condition keys are compared with, as far as they are written out.

    Left out are policy variables, and wildcards where the operator takes them for letters.
    """
    for reading in subject.readings:
        for clause in reading.clauses:
            if clause.family not in (Family.STRING, Family.ARN):
                continue
            is_pattern = clause.operator.base.wildcards or clause.family is Family.ARN
            for value, node in zip(clause.values, clause.nodes, strict=True):
                is_plain = not any(sign in value.text for sign in "*?")
                if not isinstance(node, String):
                    continue
                is_filled_in = value.pattern.variables or "${" in value.text
                if (is_plain or is_pattern) and not is_filled_in:
                    yield clause, value, node
