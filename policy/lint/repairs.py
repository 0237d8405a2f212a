"""The edits that repair conditions and lists; none where the text to write is not known."""

from __future__ import annotations

import json
from collections.abc import Collection

from policy.lint.fixes import removed
from policy.lint.reading import Clause, Reading
from policy.lint.rule import Edit
from policy.operators import Operator
from policy.source import Span
from policy.tree import Array, Node, Object


def quoted(text: str) -> str:
    """Return a JSON string that says this."""
    return json.dumps(text, ensure_ascii=False)


def renamed(reading: Reading, clause: Clause, operator: Operator) -> tuple[Edit, ...]:
    """Return the edit that puts another operator in place of a clause's.

    None where other keys stand under the operator, or where the new one is there already.
    """
    block = clause.block.value
    if not isinstance(block, Object) or len(block.members) > 1:
        return ()
    if str(operator).lower() in reading.operators:
        return ()
    return (Edit(clause.block.name.span, quoted(str(operator))),)


def without_items(items: tuple[Node, ...], gone: Collection[int]) -> dict[int, tuple[Edit, ...]]:
    """Return, for each place in a list that is to go, the edit that takes the item out.

    No two of them overlap. None where nothing would be left.
    """
    edits = {at: removed(items, gone, at) for at in gone}
    return {at: (edit,) if edit is not None else () for at, edit in edits.items()}


def without_clause(reading: Reading, clause: Clause) -> tuple[Edit, ...]:
    """Return the edit that takes a clause out of its condition; with the last one goes that."""
    block, condition = clause.block.value, reading.condition
    if not isinstance(block, Object) or condition is None:
        return ()
    outer, inner = clause.places
    if len(block.members) > 1:
        return _without_member(block, inner)
    if len(condition.members) > 1:
        return _without_member(condition, outer)
    names = [member.name.value for member in reading.node.members]
    return _without_member(reading.node, names.index("Condition"))


def _without_member(node: Object, at: int) -> tuple[Edit, ...]:
    members = node.members
    if len(members) < 2:
        return ()
    if at:
        return (Edit(Span(members[at - 1].value.span.end, members[at].value.span.end), ""),)
    return (Edit(Span(members[0].name.span.start, members[1].name.span.start), ""),)


def with_null_false(reading: Reading, key: str) -> tuple[Edit, ...]:
    """Return the edit that lets a condition demand a key."""
    null, condition = reading.operators.get("null"), reading.condition
    if null is None and condition is not None:
        end = condition.members[-1].value.span.end
        return (Edit(Span(end, end), f', "Null": {{{quoted(key)}: "false"}}'),)
    if null is None or not isinstance(null.value, Object) or not null.value.members:
        return ()
    end = null.value.members[-1].value.span.end
    return (Edit(Span(end, end), f', {quoted(key)}: "false"'),)


def with_values(clause: Clause, texts: tuple[str, ...]) -> Edit:
    """Return the edit that gives a clause these values."""
    node = clause.member.value
    if len(texts) == 1 and not isinstance(node, Array):
        return Edit(node.span, quoted(texts[0]))
    return Edit(node.span, f"[{', '.join(map(quoted, texts))}]")
