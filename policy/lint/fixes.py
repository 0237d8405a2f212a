"""Edits: how a finding makes them, and how they are applied to a text."""

from __future__ import annotations

import itertools
import json
from collections.abc import Collection, Iterable, Sequence

from policy.lint.rule import Edit
from policy.source import Source, Span
from policy.tree import Array, Node, Null, Object, String


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


def quoted(source: Source, node: Node) -> Edit:
    """Return the edit that puts what is written at a node into quotes."""
    return Edit(node.span, json.dumps(source.text[node.span.start : node.span.end]))


def member_appended(source: Source, node: Object, member: str) -> tuple[Edit, ...]:
    """Return the edit that puts a member behind the others of an object, set as the last of them.

    `member` is its text. None where there are no others, or no braces.
    """
    if not node.members or source.text[node.span.start : node.span.start + 1] != "{":
        return ()
    before = node.members[-2].value.span.end if len(node.members) > 1 else node.span.start
    between = source.text[before : node.members[-1].name.span.start].lstrip("{,")
    space = between if between and not between.strip() else " "
    end = node.members[-1].value.span.end
    return (Edit(Span(end, end), f",{space}{member}"),)


def merged(source: Source, node: Object, first: int, second: int) -> tuple[Edit, ...]:
    """Return the edits that put the values of two members into one list at the first of them.

    None where a value is neither text, number nor boolean, nor a list of these.
    """
    members = node.members
    items = [item for at in (first, second) for item in _items(members[at].value)]
    if not items or any(isinstance(item, Object | Array | Null) for item in items):
        return ()
    texts = dict.fromkeys(source.text[item.span.start : item.span.end] for item in items)
    gone = Span(members[second - 1].value.span.end, members[second].value.span.end)
    change = Edit(members[first].value.span, f"[{', '.join(texts)}]")
    return (change, Edit(gone, ""))


def _items(node: Node) -> tuple[Node, ...]:
    return node.items if isinstance(node, Array) else (node,)


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
