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
