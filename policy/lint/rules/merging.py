"""Statements that could be one (KG710)."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterator

from policy.lint.fixes import removed
from policy.lint.meaning import Said
from policy.lint.rule import Edit, Fix, Hit, Severity, rule
from policy.lint.subject import Subject, entries
from policy.reader import value_text
from policy.source import Span
from policy.tree import Array, Member, Node, Object, String

_ELEMENTS = ("Action", "Principal", "Resource")


@rule("KG710", "mergeable-statements", Severity.SUGGESTION, Fix.UNSAFE)
def mergeable_statements(subject: Subject) -> Iterator[Hit]:
    """Two statements differ in their actions only, or only in their principals or resources.

    ## Why it matters
    One statement is shorter, and a reader need not look for the difference.

    ## Example
    ```json
    [{"Sid": "Write", "Effect": "Allow",
      "Principal": {"AWS": "arn:aws:iam::210987654321:role/app"},
      "Action": "kms:Encrypt", "Resource": "*"},
     {"Sid": "Read", "Effect": "Allow",
      "Principal": {"AWS": "arn:aws:iam::210987654321:role/app"},
      "Action": "kms:Decrypt", "Resource": "*"}]
    ```

    ## Use instead
    ```json
    {"Sid": "Use", "Effect": "Allow",
     "Principal": {"AWS": "arn:aws:iam::210987654321:role/app"},
     "Action": ["kms:Encrypt", "kms:Decrypt"], "Resource": "*"}
    ```

    ## Sources
    - Resource quotas
    """
    first: dict[Hashable, Said] = {}
    whole: set[Hashable] = set()
    for said in subject.meaning.said:
        parts = {member.name.value: _shape(member.value) for member in said.node.members}
        parts.pop("Sid", None)
        same = frozenset(parts.items())
        if same in whole:
            continue  # a repetition is another rule's matter (KG318)
        whole.add(same)
        found: tuple[str, Said] | None = None
        for element in _ELEMENTS:
            if element in parts:
                rest = element, frozenset(i for i in parts.items() if i[0] != element)
                other = first.setdefault(rest, said)
                if other is not said and found is None:
                    found = element, other
        if found is not None:
            element, other = found
            yield Hit(
                said.place,
                f"'{other.label}' and '{said.label}' can be one statement",
                edits=_merged(subject, element, other, said),
            )


def _shape(node: Node) -> frozenset[Hashable]:
    """Return what a node says, wherever it stands; lists are sets, and one value is a list."""
    if isinstance(node, Object):
        return frozenset((member.name.value, _shape(member.value)) for member in node.members)
    if isinstance(node, Array):
        return frozenset[Hashable]().union(*map(_shape, node.items))
    return frozenset((value_text(node),))


def _merged(subject: Subject, element: str, one: Said, other: Said) -> tuple[Edit, ...]:
    """Return the edits that take one statement into another, in a document in JSON."""
    root = subject.root
    statements = root.get("Statement") if root is not None else None
    values = _values(one, element), _values(other, element)
    if not isinstance(statements, Array) or values[0] is None or values[1] is None:
        return ()
    place, texts = values[0]
    texts = (*texts, *(text for text in values[1][1] if text not in texts))
    at = next(i for i, node in enumerate(statements.items) if node is other.node)
    gone = removed(statements.items, {at}, at)
    source = subject.document.source.text
    if gone is None or source[statements.span.start : statements.span.start + 1] != "[":
        return ()
    return Edit(place, json.dumps(texts, ensure_ascii=False)), gone


def _values(said: Said, element: str) -> tuple[Span, tuple[str, ...]] | None:
    """Return where the values of an element stand, and what they are, if they are one list."""
    node = said.node.get(element)
    if element == "Principal":
        members: tuple[Member, ...] = node.members if isinstance(node, Object) else ()
        if len(members) != 1 or members[0].name.value != "AWS":
            return None
        node = members[0].value
    items = entries(node)
    texts = tuple(item.value for item in items if isinstance(item, String))
    return (node.span, texts) if node is not None and len(texts) == len(items) else None
