"""A node of a document as JSON text: how a policy written in YAML is put on a key."""

from __future__ import annotations

import json
from typing import Any

from policy.tree import Array, Boolean, Node, Null, Number, Object, String


def plain(node: Node) -> Any:
    """Return the values of a tree as Python has them; YAML scalars are texts."""
    if isinstance(node, Object):
        return {member.name.value: plain(member.value) for member in node.members}
    if isinstance(node, Array):
        return [plain(item) for item in node.items]
    if isinstance(node, String):
        return node.value
    if isinstance(node, Boolean):
        return node.value
    if isinstance(node, Number):
        return json.loads(node.text)
    assert isinstance(node, Null)  # noqa: S101 - there are no other nodes
    return None


def json_text(node: Node) -> str:
    """Return a tree as indented JSON."""
    return json.dumps(plain(node), indent=2, ensure_ascii=False)
