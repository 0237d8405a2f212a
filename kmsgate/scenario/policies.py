"""The policies of a world: written where they are used, under a name, or in a file beside it."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Mapping
from dataclasses import replace

from kms.policy_checks import default_policy
from kmsgate.scenario.fields import Complaints, Item, UnreadableError, read_file
from kmsgate.scenario.json_text import json_text
from kmsgate.scenario.values import reference
from policy import Note, Policy, PolicyError, PolicyKind, parse
from policy.reader import decode, policy_from_tree, read
from policy.spelling import closest
from policy.tree import Array, Member, Node, Object, String

_ANYTHING = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"%s","Resource":"*"}]}'
MANAGED = {
    "FullAWSAccess": _ANYTHING % "*",
    "AdministratorAccess": _ANYTHING % "*",
    "AWSKeyManagementServicePowerUser": (
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["kms:CreateAlias",'
        '"kms:CreateKey","kms:DeleteAlias","kms:Describe*","kms:GenerateRandom","kms:Get*",'
        '"kms:List*","kms:TagResource","kms:UntagResource","iam:ListGroups","iam:ListRoles",'
        '"iam:ListUsers"],"Resource":"*"}]}'
    ),
}
"""Policies of AWS that a world may name."""

Facts = Mapping[str, object]
"""What a `$name` stands for, by name."""


class Policies:
    """Reads policies; `named` are those that a world defines, `facts` what `$name`s stand for."""

    def __init__(self, named: Mapping[str, Item], facts: Facts, log: Complaints) -> None:
        self.named = named
        self.facts = facts
        self.log = log
        self._used: set[str] = set()

    def all_of(self, item: Item | None, kind: PolicyKind) -> tuple[Policy, ...]:
        """Return the policies of a list; what is wrong with one is complained about."""
        entries = item.items("policies") if item is not None else ()
        found = [self.one(entry, kind) for entry in entries]
        return tuple(policy for policy in found if policy is not None)

    def one(self, item: Item, kind: PolicyKind) -> Policy | None:
        """Return a policy that is named, or written here, or stands in a file."""
        if not isinstance(item.node, String):
            return self._written(item, kind, None)
        name = item.node.value
        if name not in self.named:
            item.unknown("policy", name, self.named)
            return None
        self._used.add(name)
        defined = self.named[name]
        if isinstance(defined.node, String):
            return None  # complained about by check_unused
        return self._written(defined, kind, name, Note(f"used by {item.source.place(item.span)}"))

    def key_policy(self, item: Item | None, account: str) -> str:
        """Return the text that is put on a key: a file as it is, what YAML says as JSON."""
        if item is None or (isinstance(item.node, String) and item.node.value == "default"):
            return default_policy(account)
        policy = self.one(item, PolicyKind.KEY_POLICY)
        if policy is None:
            return default_policy(account)
        defined = self.named[item.node.value] if isinstance(item.node, String) else item
        if not isinstance(defined.node, Object) or defined.node.get("Statement") is None:
            return policy.source.text
        text = json_text(self.resolved(defined))
        try:
            parse(text)
        except PolicyError as error:  # YAML may hold more than fits into a policy
            item.complain(f"the key cannot have this policy: {error.problems[0].message}")
            return default_policy(account)
        return text

    def trust(self, item: Item) -> Policy | None:
        """Return the trust policy of a role; it speaks of the role and names no resource."""
        if not isinstance(item.node, Object):
            item.complain("the trust policy of a role is written out here")
            return None
        statements = item.node.get("Statement")
        for node in statements.items if isinstance(statements, Array) else (statements,):
            if isinstance(node, Object) and (node.get("Resource") or node.get("NotResource")):
                Item(node, item.source, item.log).complain("a trust policy names no resource")
        tree = _on_everything(self.resolved(item))
        kind = PolicyKind.RESOURCE_POLICY
        return self._parsed(lambda: policy_from_tree(tree, item.source, kind, "trust policy"))

    def statement(self, item: Item) -> None:
        """Complain about what is wrong with a statement for a key policy."""
        version = String("2012-10-17", item.span)
        node = self.resolved(item)
        if not isinstance(node, Object):
            item.complain("a statement must be an object")
            return
        members = (
            Member(String("Version", item.span), version),
            Member(String("Statement", item.span), node),
        )
        document = Object(members, node.span)
        self._parsed(
            lambda: policy_from_tree(document, item.source, PolicyKind.KEY_POLICY, "statement")
        )

    def check_unused(self) -> None:
        """Complain about named policies that no one else looked at."""
        for name, item in self.named.items():
            if isinstance(item.node, String):
                item.complain(
                    "a policy is written out here, or {file: …} or {managed: …}; not another name"
                )
            elif name not in self._used:
                self._written(item, _kind_of(item.node), name)

    def resolved(self, item: Item) -> Node:
        """Return a node with the facts of the world in the place of `$name`s."""
        return self._resolved(item.node, item)

    def _resolved(self, node: Node, item: Item) -> Node:
        if isinstance(node, Object):
            members = (Member(m.name, self._resolved(m.value, item)) for m in node.members)
            return Object(tuple(members), node.span)
        if isinstance(node, Array):
            return Array(tuple(self._resolved(entry, item) for entry in node.items), node.span)
        name = reference(node)
        if name is None:
            return node
        fact = self.facts.get(name)
        if not isinstance(fact, str):
            at = Item(node, item.source, item.log)
            near = closest(name, self.facts)
            at.complain(
                f"${name} is no fact of this world",
                f"did you mean '${near}'?" if near else "names have .arn, .id and .account",
            )
            return node
        return String(fact, node.span)

    def _written(
        self, item: Item, kind: PolicyKind, name: str | None, *notes: Note
    ) -> Policy | None:
        node = item.node
        if isinstance(node, Object) and node.get("file") is not None:
            return self._from_file(item, kind, name, *notes)
        if isinstance(node, Object) and node.get("managed") is not None:
            return self._managed(item, kind)
        tree = self.resolved(item)
        shown = name or (item.name.value if item.name is not None else "policy")
        return self._parsed(lambda: policy_from_tree(tree, item.source, kind, shown), *notes)

    def _managed(self, item: Item, kind: PolicyKind) -> Policy | None:
        field = item.fields("a managed policy", ("managed",))["managed"]
        name = field.choice("a managed policy", tuple(MANAGED))
        if name is None:
            return None
        if kind.names_principals:
            field.complain(f"'{name}' cannot be a {kind}: it has no principals")
            return None
        return managed_policy(name, kind)

    def _from_file(
        self, item: Item, kind: PolicyKind, name: str | None, *notes: Note
    ) -> Policy | None:
        field = item.fields("a policy file", ("file",))["file"]
        text = field.text("file")
        if text is None:
            return None
        path = item.beside(text)
        try:
            data = read_file(path)
        except UnreadableError as error:
            field.complain(f"cannot read '{text}': {error}", notes=notes)
            return None
        used = Note(f"used by {field.source.place(field.span)}")
        policy = self._parsed(lambda: _document(data, path, kind), used)
        return replace(policy, name=name or text) if policy is not None else None

    def _parsed(self, parse_it: Callable[[], Policy], *notes: Note) -> Policy | None:
        try:
            return parse_it()
        except PolicyError as error:
            self.log.note_all(error, *notes)
            return None


def _on_everything(document: Node) -> Node:
    """Return a document whose statements have the Resource that those of a trust policy lack."""
    if not isinstance(document, Object):
        return document
    members = [
        Member(member.name, _with_resource(member.value))
        if member.name.value == "Statement"
        else member
        for member in document.members
    ]
    return Object(tuple(members), document.span)


def _with_resource(node: Node) -> Node:
    if isinstance(node, Array):
        return Array(tuple(map(_with_resource, node.items)), node.span)
    if not isinstance(node, Object):
        return node
    resource = Member(String("Resource", node.span), String("*", node.span))
    return Object((*node.members, resource), node.span)


def managed_policy(name: str, kind: PolicyKind) -> Policy:
    """Return a policy of AWS by its name."""
    return parse(MANAGED[name], name=name, kind=kind)


def _document(data: bytes, path: str, kind: PolicyKind) -> Policy:
    document = read(decode(data.removeprefix(codecs.BOM_UTF8), path), kind)
    if document.policy is None:
        raise PolicyError(document.source, document.problems)
    return document.policy


def _kind_of(node: Node) -> PolicyKind:
    """Return what a policy that nobody uses is most likely meant to be."""
    statements = node.get("Statement") if isinstance(node, Object) else None
    entries = statements.items if isinstance(statements, Array) else (statements,)
    for entry in entries:
        if isinstance(entry, Object) and (entry.get("Principal") or entry.get("NotPrincipal")):
            return PolicyKind.KEY_POLICY
    return PolicyKind.IDENTITY_POLICY
