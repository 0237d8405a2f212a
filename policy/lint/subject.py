"""One document as the rules see it: its statements, condition blocks and strings.

All of it is read from the tree, because rules also speak about documents that are no policies yet.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from policy.lint.meaning import Meaning, is_open, meaning_of, plainly_able
from policy.lint.options import DEFAULT_OPTIONS, LintOptions
from policy.lint.parts import Clause
from policy.lint.proofs import never_matches
from policy.lint.reading import Reading
from policy.lint.rule import Hit
from policy.model import VERSION_2008, ConditionValue, PolicyKind
from policy.operators import Family, Operator, parse_operator
from policy.reader import DOCUMENT_ELEMENTS, STATEMENT_ELEMENTS, Document
from policy.source import Span
from policy.spelling import closest
from policy.tree import Array, Member, Node, Object, String

if TYPE_CHECKING:
    from policy.lint.reach import Reach


@dataclass(frozen=True, slots=True)
class Text:
    """A string and the element that it belongs to, by the name that messages use.

    `takes_variables` tells whether policy variables mean anything there; `operator` is set for
    the values of a condition.
    """

    node: String
    element: str
    takes_variables: bool = False
    operator: Operator | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """An operator of a Condition and what stands behind it. `operator` is None if unknown."""

    name: String
    operator: Operator | None
    node: Node
    statement: Object

    @property
    def members(self) -> tuple[Member, ...]:
        """The condition keys with their values."""
        return _members(self.node)


@dataclass(frozen=True, slots=True)
class Entry:
    """A string in an element of a statement; `items` are it and its neighbours in the list.

    Of a principal, `element` is its type: AWS, Service, Federated or CanonicalUser.
    """

    statement: Object
    name: String
    node: String
    items: tuple[Node, ...]

    @property
    def element(self) -> str:
        """The name of the element."""
        return self.name.value

    @property
    def text(self) -> str:
        """What the string says."""
        return self.node.value


@dataclass(frozen=True, slots=True)
class Test:
    """A condition key under an operator that is known, with the values it is compared with."""

    block: Block
    operator: Operator
    name: String
    values: tuple[Node, ...]

    @property
    def key(self) -> str:
        """The condition key in lower case: case is no matter (AUTH B-13)."""
        return self.name.value.lower()


@dataclass(frozen=True)
class Subject:
    """A document and the options it is checked with."""

    document: Document
    options: LintOptions = field(default=DEFAULT_OPTIONS)

    @property
    def kind(self) -> PolicyKind:
        """The kind of policy that the document is taken for."""
        return self.document.kind

    @cached_property
    def root(self) -> Object | None:
        """The object that is the policy, or None where the text holds something else."""
        tree = self.document.tree
        if not isinstance(tree, Object):
            return None
        is_bare_statement = tree.get("Statement") is None and tree.get("Effect") is not None
        return None if is_bare_statement else tree

    @cached_property
    def statements(self) -> tuple[Object, ...]:
        """The statements, as far as they are objects."""
        node = self.root.get("Statement") if self.root else None
        return tuple(item for item in entries(node) if isinstance(item, Object))

    @cached_property
    def readings(self) -> tuple[Reading, ...]:
        """The statements again, each read as a whole."""
        variables = not self.is_without_variables
        return tuple(Reading(node, self.kind, variables) for node in self.statements)

    @cached_property
    def dead_statements(self) -> frozenset[Span]:
        """The places of statements that provably match no request."""
        return frozenset(each.node.span for each in self.readings if never_matches(each))

    @cached_property
    def giving(self) -> tuple[Reading, ...]:
        """The statements that give access: each Allow that can match, but none in an SCP or RCP."""
        if self.kind in (PolicyKind.SCP, PolicyKind.RCP):
            return ()
        dead = self.dead_statements
        return tuple(r for r in self.readings if r.allows and r.node.span not in dead)

    @cached_property
    def compared(self) -> tuple[tuple[Clause, ConditionValue, String], ...]:
        """The strings that condition keys are compared with, as far as they are written out.

        Left out are policy variables, and wildcards where the operator takes them for letters.
        """
        return tuple(
            (clause, value, node)
            for reading in self.readings
            for clause in reading.clauses
            if clause.family in (Family.STRING, Family.ARN)
            for value, node in zip(clause.values, clause.nodes, strict=True)
            if isinstance(node, String) and _is_written_out(clause, value)
        )

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """The operators of all conditions."""
        return tuple(
            Block(member.name, parse_operator(member.name.value), member.value, statement)
            for statement in self.statements
            for member in _members(statement.get("Condition"))
        )

    @cached_property
    def actions(self) -> tuple[Entry, ...]:
        """The strings of all Action and NotAction elements."""
        return tuple(self._entries("Action", "NotAction"))

    @cached_property
    def resources(self) -> tuple[Entry, ...]:
        """The strings of all Resource and NotResource elements."""
        return tuple(self._entries("Resource", "NotResource"))

    @cached_property
    def principal_types(self) -> tuple[String, ...]:
        """The names below all Principal and NotPrincipal elements: AWS, Service."""
        return tuple(member.name for _, member in self._principal_members())

    @cached_property
    def principals(self) -> tuple[Entry, ...]:
        """The strings below these names."""
        return tuple(
            found
            for statement, member in self._principal_members()
            for found in _strings_of(statement, member)
        )

    @cached_property
    def tests(self) -> tuple[Test, ...]:
        """The condition keys of all conditions, as far as their operators are known."""
        return tuple(
            Test(block, block.operator, member.name, entries(member.value))
            for block in self.blocks
            if block.operator is not None
            for member in block.members
        )

    @cached_property
    def texts(self) -> tuple[Text, ...]:
        """Every string in a known element, the names in Principal and Condition included."""
        return tuple(self._texts())

    @cached_property
    def is_without_variables(self) -> bool:
        """Whether the version is one in which variables are plain text (AUTH B-6).

        A version that is neither of the two is taken for a misspelt new one.
        """
        if self.root is None:
            return False
        version = self.root.get("Version")
        if version is None:
            return not self.is_misspelt(self.root, "Version")
        return isinstance(version, String) and version.value == VERSION_2008

    @cached_property
    def meaning(self) -> Meaning:
        """What the statements say, as far as each of them is in order."""
        return meaning_of(
            entries(self.root.get("Statement") if self.root else None),
            self.document,
            variables=not self.is_without_variables,
            account=self.options.account,
        )

    @cached_property
    def reach(self) -> Reach | None:
        """Whom the key policy can let do what.

        None where it plainly leaves everything to the account, and where not all of it could be
        read or there are too many to ask.
        """
        meaning = self.meaning
        if not meaning.is_whole or is_open(meaning):
            return None
        from policy.lint.reach import NO_ACCOUNT, Reach  # noqa: PLC0415 - brings the evaluator

        reach = Reach(meaning, meaning.account or NO_ACCOUNT)
        return None if reach.is_too_large else reach

    def anyone_can(self, *actions: str) -> bool:
        """Tell whether anybody can do one of these actions by the key policy, or nobody knows."""
        if any(plainly_able(self.meaning, action) for action in actions):
            return True
        return self.reach is None or self.reach.anyone(*actions)

    @property
    def heading(self) -> Span:
        """Where the name of the Statement element stands, for what concerns all of them."""
        for member in self.root.members if self.root else ():
            if member.name.value == "Statement":
                return member.name.span
        return Span(0, 1)

    def reported(self, code: str) -> Iterator[Hit]:
        """Yield what the parser and the reader found under a code."""
        for problem in self.document.problems:
            if problem.code == code:
                yield Hit(problem.span, problem.message, problem.help, problem.notes)

    def reported_missing(self, code: str, *names: str) -> Iterator[Hit]:
        """Yield the same, but where one of these elements is only misspelt."""
        for hit in self.reported(code):
            node = self._objects.get(hit.span.start)
            if node is None or not self.is_misspelt(node, *names):
                yield hit

    def lacking(self, *names: str) -> Iterator[Object]:
        """Yield the statements that have none of these elements, nor a misspelt one."""
        for statement in self.statements:
            has_one = any(statement.get(name) is not None for name in names)
            if not (has_one or self.is_misspelt(statement, *names)):
                yield statement

    def is_misspelt(self, node: Object, *names: str) -> bool:
        """Tell whether an unknown member of the object most likely stands for one of these."""
        known = DOCUMENT_ELEMENTS if node is self.root else STATEMENT_ELEMENTS
        unknown = (m.name.value for m in node.members if m.name.value not in known)
        return any(closest(name, known) in names for name in unknown)

    def within(self, node: String, start: int, end: int) -> Span:
        """Return the place of some characters of a string; all of it if the string has escapes."""
        written = self.document.source.text[node.span.start : node.span.end]
        if written == node.value:
            first = node.span.start
        elif written[1:-1] == node.value:
            first = node.span.start + 1
        else:
            return node.span
        return Span(first + start, first + end)

    @cached_property
    def _objects(self) -> dict[int, Object]:
        found = (self.root, *self.statements)
        return {node.span.start: node for node in found if node is not None}

    def _principal_members(self) -> Iterator[tuple[Object, Member]]:
        for statement in self.statements:
            for element in statement.members:
                if element.name.value in ("Principal", "NotPrincipal"):
                    for member in _members(element.value):
                        yield statement, member

    def _entries(self, *names: str) -> Iterator[Entry]:
        for statement in self.statements:
            for member in statement.members:
                if member.name.value in names:
                    yield from _strings_of(statement, member)

    def _texts(self) -> Iterator[Text]:
        for member in self.root.members if self.root else ():
            if member.name.value in ("Id", "Version"):
                yield from _plain(member.value, member.name.value)
        for statement in self.statements:
            for member in statement.members:
                name = member.name.value
                if name == "Condition":
                    yield from _condition_texts(member.value)
                elif name in STATEMENT_ELEMENTS:
                    takes_variables = name in ("Resource", "NotResource")
                    yield from _plain(member.value, name, takes_variables=takes_variables)


def entries(node: Node | None) -> tuple[Node, ...]:
    """Return the entries of a list, or the node itself where the list is left out."""
    if node is None:
        return ()
    return node.items if isinstance(node, Array) else (node,)


def strings(node: Node | None) -> Iterator[String]:
    """Yield every string below a node, the names of members included."""
    waiting = [] if node is None else [node]
    while waiting:
        node = waiting.pop()
        if isinstance(node, String):
            yield node
        elif isinstance(node, Array):
            waiting.extend(node.items)
        elif isinstance(node, Object):
            for member in node.members:
                yield member.name
                waiting.append(member.value)


def opening(node: Node) -> Span:
    """Return where a node begins: the bracket of a list or an object, all of anything else."""
    if isinstance(node, Object | Array):
        return Span(node.span.start, node.span.start + 1)
    return node.span


def short(text: str, limit: int = 60) -> str:
    """Return a text of the document as messages quote it."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _strings_of(statement: Object, member: Member) -> Iterator[Entry]:
    items = entries(member.value)
    for node in items:
        if isinstance(node, String):
            yield Entry(statement, member.name, node, items)


def _is_written_out(clause: Clause, value: ConditionValue) -> bool:
    if value.pattern.variables or "${" in value.text:
        return False
    is_pattern = clause.operator.base.wildcards or clause.family is Family.ARN
    return is_pattern or not any(sign in value.text for sign in "*?")


def _members(node: Node | None) -> tuple[Member, ...]:
    return node.members if isinstance(node, Object) else ()


def _plain(node: Node, element: str, *, takes_variables: bool = False) -> Iterator[Text]:
    for string in strings(node):
        yield Text(string, element, takes_variables)


def _condition_texts(node: Node) -> Iterator[Text]:
    if not isinstance(node, Object):
        yield from _plain(node, "Condition")
        return
    for block in node.members:
        yield Text(block.name, "an operator")
        operator = parse_operator(block.name.value)
        if not isinstance(block.value, Object):
            yield from _plain(block.value, "Condition")
            continue
        for member in block.value.members:
            yield Text(member.name, "the name of a condition key")
            for string in strings(member.value):
                yield Text(string, "a condition value", takes_variables=True, operator=operator)
