"""The edits that repair conditions and lists; none where the text to write is not known."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence

from policy.lint.fixes import applied, removed
from policy.lint.parts import Clause, Entry
from policy.lint.reading import Reading
from policy.lint.rule import Edit
from policy.lint.subject import Subject
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


def parted(
    subject: Subject, reading: Reading, gone: Sequence[Entry], changes: Sequence[Edit]
) -> tuple[Edit, ...]:
    """Return the edits that move actions into a statement of their own, right behind.

    The new statement is a copy without Sid, in which `changes` are made. None where no action
    would be left, or the statement is not written in braces.
    """
    text, span = subject.document.source.text, reading.node.span
    listed = reading.node.get("Action")
    edits = without_items(gone[0].items, {entry.at for entry in gone})
    if text[span.start] != "{" or listed is None or not all(edits.values()):
        return ()
    names = [quoted(entry.text) for entry in gone]
    action = names[0] if len(names) == 1 else f"[{', '.join(names)}]"
    sid = [m.name.value for m in reading.node.members].index("Sid") if reading.sid else None
    unnamed = _without_member(reading.node, sid) if sid is not None else ()
    made = (*unnamed, Edit(listed.span, action), *changes)
    shifted = [Edit(_moved(edit.span, -span.start), edit.text) for edit in made]
    copy = applied(text[span.start : span.end], shifted)
    before: tuple[Edit, ...] = ()
    after = Edit(Span(span.end, span.end), f", {copy}")
    if subject.root is not None and subject.root.get("Statement") is reading.node:
        before = (Edit(Span(span.start, span.start), "["),)
        after = Edit(after.span, f"{after.text}]")
    taken = tuple(edit for each in edits.values() for edit in each)
    return (*before, *taken, after)


def with_condition(reading: Reading, condition: str) -> tuple[Edit, ...]:
    """Return the edit that gives a Condition to a statement that has none."""
    if reading.node.get("Condition") is not None:
        return ()
    end = reading.node.members[-1].value.span.end
    return (Edit(Span(end, end), f', "Condition": {condition}'),)


def _moved(span: Span, by: int) -> Span:
    return Span(span.start + by, span.end + by)
