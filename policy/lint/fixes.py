"""Edits: how a finding makes them, and how they are applied to a text."""

from __future__ import annotations

import itertools
import json
from collections.abc import Collection, Iterable, Sequence

from policy.lint.rule import Edit
from policy.source import Source, Span
from policy.tree import Node, String


def applied(text: str, edits: Iterable[Edit]) -> str:
    """Return the text with all edits made, whose places are those of the text as it was.

    Raises ValueError if two of them overlap. Edits that only touch do not.
    """
    ordered = sorted(edits, key=lambda edit: edit.span)
    for before, after in itertools.pairwise(ordered):
        if after.span.start < before.span.end:
            raise ValueError("two edits overlap")
    for edit in reversed(ordered):
        text = text[: edit.span.start] + edit.text + text[edit.span.end :]
    return text


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
