"""The policies of a decision request, each read once however often it is given."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from kmsgate.decision.fields import (
    TOO_DEEP,
    Field,
    FieldError,
    Value,
    find,
    path_to,
    shown_path,
    value_of,
    written,
)
from policy import (
    Documents,
    Level,
    Policy,
    PolicyError,
    PolicyKind,
    PolicyStructureError,
    PolicySyntaxError,
    Resource,
    Source,
)
from policy.model import VERSION_2012
from policy.parser import parse_json
from policy.reader import policy_from_tree
from policy.tree import Array, Node, Object
from policy.vocabulary import ResourceKind

MAX_CACHED = 1000
MAX_CACHED_CHARACTERS = 1 << 15
"""Longer policies, which no service takes, are read again each time."""

_FIELDS = (
    "identity", "permissions_boundary", "session", "resource", "scps", "rcps", "vpc_endpoint",
)  # fmt: skip
_A_LEVEL = 'an object such as {"target": "r-ab12", "policies": []}'
_A_POLICY = 'a policy document, its JSON text or {"name", "document"}'


def read_policies(
    field: Field | None, resource: Resource, source: Source, tree: Node | None
) -> Documents:
    """Return the documents that a request brings along, without its grants.

    With the tree of the request's text, policies that stand there as objects know their places.
    """
    if field is None:
        return Documents()
    members, reader = field.members(_FIELDS), _Reader(source, tree)
    is_key = resource.kind is ResourceKind.KEY
    kind = PolicyKind.KEY_POLICY if is_key else PolicyKind.RESOURCE_POLICY
    name = "key policy" if is_key else "resource policy"
    mine, endpoint = PolicyKind.IDENTITY_POLICY, PolicyKind.ENDPOINT_POLICY
    return Documents(
        key_policy=reader.one(members.get("resource"), kind, name),
        identity=reader.several(members.get("identity"), mine, "identity"),
        boundary=reader.one(members.get("permissions_boundary"), mine, "permissions boundary"),
        session=reader.several(members.get("session"), mine, "session") or None,
        scps=reader.levels(members.items("scps", "levels"), PolicyKind.SCP, "scp"),
        rcps=reader.levels(members.items("rcps", "levels"), PolicyKind.RCP, "rcp"),
        endpoint=reader.one(members.get("vpc_endpoint"), endpoint, "VPC endpoint policy"),
    )


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads the policies of one text."""

    source: Source
    tree: Node | None

    def one(self, field: Field | None, kind: PolicyKind, name: str) -> Policy | None:
        """Return one policy; None if it is absent, which an empty list says as well."""
        return None if field is None or field.value == [] else self._policy(field, kind, name)

    def several(self, field: Field | None, kind: PolicyKind, name: str) -> tuple[Policy, ...]:
        """Return a list of policies, called by their place in it unless they have names."""
        items = field.items("policies") if field is not None else ()
        return tuple(
            self._policy(item, kind, f"{name}[{index}]") for index, item in enumerate(items)
        )

    def levels(self, items: list[Field], kind: PolicyKind, name: str) -> tuple[Level, ...] | None:
        """Return the levels of an organization; None if there are none, so that none apply."""
        found = []
        for item in items:
            level = item.members(("target", "policies"), _A_LEVEL)
            target = level.need("target", "say which level it is, as r-ab12").text()
            attached = self.several(level.get("policies"), kind, f"{name} {target}")
            found.append(Level(target, attached))
        return tuple(found) or None

    def _policy(self, field: Field, kind: PolicyKind, name: str) -> Policy:
        value = field.value
        if isinstance(value, dict) and ("name" in value or "document" in value):
            members = field.members(("name", "document"))
            name = members.text("name") or name
            field = members.need("document", "give the policy itself")
        if not isinstance(field.value, str | dict):
            raise field.expected(_A_POLICY)
        try:
            found = self._read(field, kind, name)
        except RecursionError:
            raise field.error(f"{name}: the policy is {TOO_DEEP}") from None
        if isinstance(found, str):
            raise field.error(found)
        return found

    def _read(self, field: Field, kind: PolicyKind, name: str) -> Policy | str:
        """Return a policy, or what is wrong with it."""
        value = field.value
        if self.tree is None:
            given = _Given(value)
            return (_cached if given.is_short else _quickly)(given, kind, name)
        if isinstance(value, str):
            return _carefully(value, kind, name)
        try:
            return _policy_of(find(self.tree, field.path)[0], self.source, kind, name)
        except PolicyError as error:
            return f"{name}: {_problem(error)}"


class _Given:
    """A policy as it was given, as the key of a cache: equal ones are read once."""

    __slots__ = ("_key", "value")

    def __init__(self, value: Value) -> None:
        self.value = value
        self._key = (isinstance(value, str), value if isinstance(value, str) else repr(value))

    def __hash__(self) -> int:
        return hash(self._key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Given) and self._key == other._key

    @property
    def is_short(self) -> bool:
        """Whether it is worth keeping."""
        return len(self._key[1]) <= MAX_CACHED_CHARACTERS


def _quickly(given: _Given, kind: PolicyKind, name: str) -> Policy | str:
    """Return a policy, its text written anew on one line, or what is wrong with it."""
    text = given.value if isinstance(given.value, str) else None
    try:
        source, tree = written(given.value if text is None else value_of(text), name)
    except (FieldError, RecursionError):
        if text is None:
            raise
        return _carefully(text, kind, name)
    try:
        return _policy_of(tree, source, kind, name)
    except PolicyStructureError as error:
        if text is not None:
            return _carefully(text, kind, name)
        where = shown_path(path_to(tree, error.problems[0].span))
        return f"{name}{', ' if where else ''}{where}: {_problem(error)}"


_cached = functools.lru_cache(maxsize=MAX_CACHED)(_quickly)


def _carefully(text: str, kind: PolicyKind, name: str) -> Policy | str:
    """Return the policy of a text, with its places there, or what is wrong with it and where."""
    source = Source(name, text)
    parsed = parse_json(source)
    try:
        if parsed.problems or parsed.tree is None:
            raise PolicySyntaxError(source, parsed.problems)
        return _policy_of(parsed.tree, source, kind, name)
    except PolicyError as error:
        return f"{source.place(error.problems[0].span)}: {_problem(error)}"


def _policy_of(tree: Node, source: Source, kind: PolicyKind, name: str) -> Policy:
    """Return the policy of a tree. One with an empty list of statements says nothing."""
    try:
        return policy_from_tree(tree, source, kind, name)
    except PolicyStructureError as error:
        statements = tree.get("Statement") if isinstance(tree, Object) else None
        if not isinstance(statements, Array) or statements.items:
            raise
        others = [problem for problem in error.problems if problem.code != "KG112"]
        if others:
            raise PolicyStructureError(source, others) from None
    return Policy(name, kind, VERSION_2012, None, (), source)


def _problem(error: PolicyError) -> str:
    first, more = error.problems[0], len(error.problems) - 1
    return f"{first.code} {first.message}" + (f" (and {more} more)" if more else "")
