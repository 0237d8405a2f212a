"""Edits that put something new into a document: a statement, a condition."""

from __future__ import annotations

import json

from policy.lint.meaning import Said
from policy.lint.rule import Edit
from policy.lint.subject import Subject
from policy.source import Span
from policy.tree import Array, Object


def condition_added(said: Said, operator: str, key: str, value: str) -> Edit:
    """Return the edit that adds one test to a statement of a JSON document.

    It joins the other keys of the operator if there are some.
    """
    test = f"{json.dumps(key)}: {json.dumps(value)}"
    condition = said.node.get("Condition")
    if not isinstance(condition, Object):
        return _behind_last(said.node, f'"Condition": {{"{operator}": {{{test}}}}}')
    for block in condition.members:
        if block.name.value.lower() == operator.lower() and isinstance(block.value, Object):
            return _behind_last(block.value, test)
    return _behind_last(condition, f'"{operator}": {{{test}}}')


def statement_added(subject: Subject, statement: str) -> tuple[Edit, ...]:
    """Return the edits that put a statement before all others of a JSON document."""
    node = subject.root.get("Statement") if subject.root else None
    text = subject.document.source.text
    if isinstance(node, Object) and text[node.span.start : node.span.start + 1] == "{":
        start, end = node.span.start, node.span.end
        return Edit(Span(start, start), f"[{statement}, "), Edit(Span(end, end), "]")
    if not isinstance(node, Array) or not node.items or text[node.span.start] != "[":
        return ()
    first = node.items[0].span.start
    space = text[node.span.start + 1 : first]
    if not space or space.strip():
        space = " "
    return (Edit(Span(first, first), f"{statement},{space}"),)


def is_json(subject: Subject, node: Object) -> bool:
    """Tell whether an object is written in braces, as in JSON."""
    return subject.document.source.text[node.span.start : node.span.start + 1] == "{"


def _behind_last(node: Object, member: str) -> Edit:
    if not node.members:
        return Edit(Span(node.span.end - 1, node.span.end - 1), member)
    end = node.members[-1].value.span.end
    return Edit(Span(end, end), f", {member}")


def first_member(subject: Subject, node: Object, member: str) -> tuple[Edit, ...]:
    """Return the edit that puts a member before the others of an object in braces."""
    if not node.members or not is_json(subject, node):
        return ()
    start, first = node.span.start + 1, node.members[0].name.span.start
    space = subject.document.source.text[start:first]
    if not space or space.strip():
        space = " "
    return (Edit(Span(first, first), f"{member},{space}"),)
