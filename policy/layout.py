"""The one way to set a policy: order of elements, indentation, what shares a line.

Works on the tree, so that everything that is written stays, also what no policy should have.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from policy.reader import DOCUMENT_ELEMENTS, STATEMENT_ELEMENTS
from policy.tree import Array, Boolean, Member, Node, Null, Number, Object, String

WIDTH = 100
"""A list or an object of one member stays on one line that is not longer than this."""

INDENT = "  "


def laid_out(tree: Node) -> str:
    """Return the text of a document, which ends with a newline.

    The text says what the tree says. To lay it out again changes nothing.
    """
    return _text(_ordered(tree), "", 0) + "\n"


def _ordered(tree: Node) -> Node:
    """Return a document with its elements, and those of its statements, in the usual order."""
    if not isinstance(tree, Object):
        return tree
    members = []
    for member in _sorted(tree.members, DOCUMENT_ELEMENTS):
        value = member.value
        if member.name.value == "Statement":
            value = _statements(value)
        members.append(Member(member.name, value))
    return Object(tuple(members), tree.span)


def _statements(node: Node) -> Node:
    if isinstance(node, Array):
        return Array(tuple(_statements(item) for item in node.items), node.span)
    if isinstance(node, Object):
        return Object(tuple(_sorted(node.members, STATEMENT_ELEMENTS)), node.span)
    return node


def _sorted(members: Sequence[Member], order: Sequence[str]) -> list[Member]:
    """Return members in an order; unknown ones keep their place behind the others."""
    places = {name: place for place, name in enumerate(order)}
    return sorted(members, key=lambda member: places.get(member.name.value, len(order)))


def _text(node: Node, indent: str, used: int) -> str:
    """Return a node; `used` signs stand before it on its line, and one may come behind it."""
    short = _on_one_line(node)
    if short is not None and used + len(short) < WIDTH:
        return short
    if isinstance(node, Array):
        return _block("[]", (_text(item, indent + INDENT, len(indent) + 2) for item in node.items),
                      indent)  # fmt: skip
    if isinstance(node, Object):
        return _block("{}", (_member(member, indent + INDENT) for member in node.members), indent)
    return _scalar(node)


def _member(member: Member, indent: str) -> str:
    name = f"{_string(member.name.value)}: "
    return name + _text(member.value, indent, len(indent) + len(name))


def _block(brackets: str, parts: Iterator[str], indent: str) -> str:
    inner = f",\n{indent}{INDENT}".join(parts)
    return f"{brackets[0]}\n{indent}{INDENT}{inner}\n{indent}{brackets[1]}"


def _on_one_line(node: Node) -> str | None:
    """Return what may share a line: scalars, lists of them, objects of one member like that."""
    if isinstance(node, Array):
        if any(isinstance(item, Array | Object) for item in node.items):
            return None
        return f"[{', '.join(map(_scalar, node.items))}]"
    if isinstance(node, Object):
        if len(node.members) > 1:
            return None
        inner = [(m.name.value, _on_one_line(m.value)) for m in node.members]
        if any(text is None for _, text in inner):
            return None
        return f"{{{''.join(f'{_string(name)}: {text}' for name, text in inner)}}}"
    return _scalar(node)


def _scalar(node: Node) -> str:
    match node:
        case String():
            return _string(node.value)
        case Number():
            return node.text
        case Boolean():
            return "true" if node.value else "false"
        case Null():
            return "null"
        case _:
            raise TypeError(f"{type(node).__name__} is no scalar")


def _string(value: str) -> str:
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a pair, which only an escape can say
        return json.dumps(value)
    return text
