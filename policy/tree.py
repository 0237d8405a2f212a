"""The tree of a document: what the text says, and where each part of it stands.

JSON policies and the policies inside YAML files become the same tree, so that everything that
reads a document points into the file that its author wrote.

Nodes are read-only by type (`Final`) and not frozen: a document is hundreds of them, and freezing
each one makes reading a third slower.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

from policy.source import Span


@dataclass(slots=True, unsafe_hash=True)
class String:
    """A text; `span` covers its quotes. `plain` marks an unquoted YAML scalar."""

    value: Final[str]
    span: Final[Span]
    plain: Final[bool] = False


@dataclass(slots=True, unsafe_hash=True)
class Number:
    """A number, kept as it is written."""

    text: Final[str]
    span: Final[Span]


@dataclass(slots=True, unsafe_hash=True)
class Boolean:
    """`true` or `false`."""

    value: Final[bool]
    span: Final[Span]


@dataclass(slots=True, unsafe_hash=True)
class Null:
    """`null`, or a YAML value that is not there."""

    span: Final[Span]


@dataclass(slots=True, unsafe_hash=True)
class Array:
    """A list of nodes."""

    items: Final[tuple[Node, ...]]
    span: Final[Span]


@dataclass(slots=True, unsafe_hash=True)
class Member:
    """One entry of an object."""

    name: Final[String]
    value: Final[Node]


@dataclass(slots=True, unsafe_hash=True)
class Object:
    """Named nodes, in the order of the text. A name may stand twice; readers report that."""

    members: Final[tuple[Member, ...]]
    span: Final[Span]

    def get(self, name: str) -> Node | None:
        """Return the value of the first member of that name."""
        for member in self.members:
            if member.name.value == name:
                return member.value
        return None


Node: TypeAlias = String | Number | Boolean | Null | Array | Object

KIND_NAMES: dict[type, str] = {
    String: "a string",
    Number: "a number",
    Boolean: "a boolean",
    Null: "null",
    Array: "a list",
    Object: "an object",
}


def kind_name(node: Node) -> str:
    """Return how a message calls the type of a node: 'a string', 'a list'."""
    return KIND_NAMES[type(node)]


def says_the_same(one: Node, other: Node) -> bool:
    """Tell whether two nodes are equal, wherever they stand and however they are quoted."""
    waiting = [(one, other)]
    while waiting:
        left, right = waiting.pop()
        if isinstance(left, Object) and isinstance(right, Object):
            names = [[member.name.value for member in node.members] for node in (left, right)]
            if names[0] != names[1]:
                return False
            waiting += [
                (a.value, b.value) for a, b in zip(left.members, right.members, strict=True)
            ]
        elif isinstance(left, Array) and isinstance(right, Array):
            if len(left.items) != len(right.items):
                return False
            waiting += zip(left.items, right.items, strict=True)
        elif type(left) is not type(right) or _scalar(left) != _scalar(right):
            return False
    return True


def _scalar(node: Node) -> str | bool | None:
    if isinstance(node, Number):
        return node.text
    return node.value if isinstance(node, String | Boolean) else None
