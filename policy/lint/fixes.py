"""Edits: how a finding makes them, and how they are applied to a text."""

from __future__ import annotations

import itertools
import json
from collections.abc import Collection, Iterable, Sequence

from policy.lint.rule import Edit
from policy.source import Source, Span
from policy.tree import Node, Object, String


def applied(text: str, edits: Iterable[Edit]) -> str:
    """Return the text with all edits made, whose places are those of the text as it was.

    Raises ValueError if two of them overlap. Edits that only touch do not.
    """
    ordered = sorted(edits, key=lambda edit: edit.span)
    for before, after in itertools.pairwise(ordered):
        if after.span.start < before.span.end:
            raise ValueError("two edits overlap")
    parts: list[str] = []
    kept = 0
    for edit in ordered:
        parts += (text[kept : edit.span.start], edit.text)
        kept = edit.span.end
    return "".join((*parts, text[kept:]))


def rewritten(source: Source, node: String, text: str) -> Edit:
    """Return the edit that makes a string say something else, in the quotes of its author."""
    quote = source.text[node.span.start : node.span.start + 1]
    if node.plain or quote not in ('"', "'"):
        return Edit(node.span, text)
    if quote == "'":  # YAML
        return Edit(node.span, "'" + text.replace("'", "''") + "'")
    return Edit(node.span, json.dumps(text, ensure_ascii=False))


def removed(items: Sequence[Node], gone: Collection[int], at: int) -> Edit | None:
    """Return the edit that takes one entry out of a list of which all of `gone` will go.

    The edits of one list never overlap. None if nothing would be left.
    """
    first_kept = next((i for i in range(len(items)) if i not in gone), None)
    if first_kept is None:
        return None
    if at < first_kept:
        return Edit(Span(items[at].span.start, items[at + 1].span.start), "")
    return Edit(Span(items[at - 1].span.end, items[at].span.end), "")


def member_removed(node: Object, name: str) -> tuple[Edit, ...]:
    """Return the edit that takes a member out of an object; none for the only one."""
    members = node.members
    at = next(i for i, member in enumerate(members) if member.name.value == name)
    if len(members) == 1:
        return ()
    if at + 1 < len(members):
        return (Edit(Span(members[at].name.span.start, members[at + 1].name.span.start), ""),)
    return (Edit(Span(members[at - 1].value.span.end, members[at].value.span.end), ""),)


def member_added(source: Source, node: Object, member: str) -> tuple[Edit, ...]:
    """Return the edit that puts a member before the others of an object, set as they are.

    `member` is its text. None where there are no others, or no braces.
    """
    start = node.span.start
    if not node.members or source.text[start : start + 1] != "{":
        return ()
    space = source.text[start + 1 : node.members[0].name.span.start]
    if space.strip():  # a comment
        space = " "
    text = f"{space}{member}," if space else f"{member}, "
    return (Edit(Span(start + 1, start + 1), text),)
