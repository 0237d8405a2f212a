"""Tree to policy: the grammar of AUTH section 2, with every departure from it reported at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from policy.errors import PolicyStructureError, PolicySyntaxError, Problem
from policy.model import (
    VERSION_2008,
    VERSION_2012,
    VERSIONS,
    Condition,
    ConditionValue,
    Effect,
    Element,
    Policy,
    PolicyKind,
    PrincipalForm,
    PrincipalPattern,
    Statement,
    TextPattern,
)
from policy.operators import COMPARISONS, Operator, parse_operator, parse_value
from policy.parser import MAX_PROBLEMS, Parsed, parse_json
from policy.pattern import parse_pattern
from policy.principals import PRINCIPAL_KEYS, principal_pattern
from policy.source import Source, Span
from policy.spelling import closest
from policy.tree import Array, Boolean, Member, Node, Number, Object, String, kind_name

NOT_JSON = ("KG101", "KG102", "KG103", "KG104")
"""Problems of a text that is not JSON: its tree may lack what stands there."""

DOCUMENT_ELEMENTS = ("Version", "Id", "Statement")
STATEMENT_ELEMENTS = (
    "Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource",
    "NotResource", "Condition",
)  # fmt: skip
_EFFECTS = {effect.value: effect for effect in Effect}


@dataclass(frozen=True, slots=True)
class Document:
    """All that could be learned from a text, good or bad.

    `policy` is None unless the text is free of problems; `tree` is what could be read of it, and
    `damaged` are the places in it that a syntax error touched.
    """

    source: Source
    kind: PolicyKind
    tree: Node | None
    policy: Policy | None
    problems: tuple[Problem, ...]
    damaged: tuple[Span, ...] = ()


def parse(text: str, *, name: str = "<policy>", kind: PolicyKind = PolicyKind.KEY_POLICY) -> Policy:
    """Return the policy that a text spells.

    Raises PolicySyntaxError when the text is not JSON, PolicyStructureError when it is JSON but
    no policy of that kind; either carries every problem of the text.
    """
    return _required(read(Source(name, text), kind))


def policy_from_tree(tree: Node, source: Source, kind: PolicyKind, name: str) -> Policy:
    """Return the policy that a part of a larger file spells; raises PolicyStructureError."""
    return _required(_read(Parsed(tree, ()), source, kind, name))


def read(source: Source, kind: PolicyKind | None = None) -> Document:
    """Return what a text says and everything that is wrong with it; never raises.

    Without a kind, a text that names principals is taken as a key policy, others as an identity
    policy.
    """
    return _read(parse_json(source), source, kind, source.name)


def read_statement(
    node: Object, source: Source, kind: PolicyKind, index: int, *, variables: bool = True
) -> Statement | None:
    """Return what one statement of a document says, or None if anything is wrong with it."""
    version = VERSION_2012 if variables else VERSION_2008
    reader = _Reader(source, kind, version=version)
    statement = reader.statement(node, index)
    return None if reader.problems else statement


def decode(data: bytes, name: str) -> Source:
    """Return the text of a file in UTF-8; raises PolicySyntaxError at the first bad byte."""
    try:
        return Source(name, data.decode("utf-8"))
    except UnicodeDecodeError as error:
        source = Source(name, data[: error.start].decode("utf-8"))
        at = len(source.text)
        message = f"syntax error: byte 0x{data[error.start]:02X} is not valid UTF-8"
        problem = Problem("KG101", message, Span(at, at + 1), "save the file as UTF-8")
        raise PolicySyntaxError(source, (problem,)) from None


def _required(document: Document) -> Policy:
    if document.policy is not None:
        return document.policy
    syntax = any(p.code in (*NOT_JSON, "KG105") for p in document.problems)
    error = PolicySyntaxError if syntax else PolicyStructureError
    raise error(document.source, document.problems)


def _read(parsed: Parsed, source: Source, kind: PolicyKind | None, name: str) -> Document:
    tree = parsed.tree
    if kind is None:
        kind = _kind_of(tree)
    problems = list(parsed.problems)
    policy = None
    if tree is not None:
        reader = _Reader(source, kind)
        policy = reader.document(tree, name)
        problems += (
            problem
            for problem in reader.problems
            if not any(_overlap(problem.span, damage) for damage in parsed.damaged)
        )
        problems.sort(key=lambda problem: (problem.span.start, problem.code))
    policy = None if problems else policy
    return Document(source, kind, tree, policy, tuple(problems), parsed.damaged)


def _overlap(one: Span, other: Span) -> bool:
    return one.start < other.end and other.start < max(one.end, one.start + 1)


def _kind_of(tree: Node | None) -> PolicyKind:
    statements = tree.get("Statement") if isinstance(tree, Object) else None
    entries = statements.items if isinstance(statements, Array) else (statements,)
    for entry in entries:
        if isinstance(entry, Object) and (entry.get("Principal") or entry.get("NotPrincipal")):
            return PolicyKind.KEY_POLICY
    return PolicyKind.IDENTITY_POLICY


@dataclass
class _Reader:
    source: Source
    kind: PolicyKind
    problems: list[Problem] = field(default_factory=list)
    version: str = VERSION_2008

    def document(self, tree: Node, name: str) -> Policy | None:
        if not isinstance(tree, Object):
            self._not_a_document(tree)
            return None
        if tree.get("Statement") is None and tree.get("Effect") is not None:
            self._note(
                "KG107",
                "expected a policy document, found a bare statement",
                Span(tree.span.start, tree.span.start + 1),
                'put it into {"Version": "2012-10-17", "Statement": [...]}',
            )
            return None
        self._unknown(tree, DOCUMENT_ELEMENTS)
        self.version = self._version(tree)
        identifier = self._optional_text(tree, "Id")  # B-8
        statements = tree.get("Statement")
        if statements is None:
            # AUTH B-4
            self._note("KG112", "the policy has no statement", _opening(tree))
            return None
        entries: tuple[Node, ...]
        if isinstance(statements, Array):
            entries = statements.items
            if not entries:  # AUTH B-2
                self._note("KG112", "the policy has no statement", statements.span)
        elif isinstance(statements, Object):
            entries = (statements,)
        else:
            self._type("Statement", "an object or a list of objects", statements)
            return None
        read = [self.statement(entry, index) for index, entry in enumerate(entries)]
        if self.problems:
            return None
        kept = tuple(statement for statement in read if statement is not None)
        return Policy(name, self.kind, self.version, identifier, kept, self.source)

    def _not_a_document(self, tree: Node) -> None:
        found = kind_name(tree)
        if isinstance(tree, Array) and any(isinstance(item, Object) for item in tree.items):
            found = "a bare list of statements"
        span = _opening(tree) if isinstance(tree, Array) else tree.span
        self._note("KG107", f"expected a policy document, found {found}", span)

    def _version(self, tree: Object) -> str:
        node = tree.get("Version")
        if node is None:
            return VERSION_2008  # AUTH B-6
        if not isinstance(node, String):
            self._type("Version", "a string", node)
            return VERSION_2012
        wanted = (VERSION_2012,) if self.kind is PolicyKind.RCP else VERSIONS
        if node.value not in wanted:
            if node.value in VERSIONS:
                self._note("KG110", 'an RCP must have Version "2012-10-17"', node.span)
            else:
                self._note(
                    "KG110",
                    f"'{_short(node.value)}' is not a policy language version; "
                    f'use "{VERSION_2012}"',
                    node.span,
                )
            return VERSION_2012
        return node.value

    def statement(self, node: Node, index: int) -> Statement | None:
        """Return what a statement says; None, or problems, if it is none."""
        if not isinstance(node, Object):
            self._type("Statement", "an object or a list of objects", node)
            return None
        self._unknown(node, STATEMENT_ELEMENTS)
        sid = self._optional_text(node, "Sid")
        effect = self._effect(node)
        principal = self._principal(node)
        action = self._element(node, "Action", self._action)
        resource = self._element(node, "Resource", self._resource)
        conditions = tuple(self._conditions(node))
        if effect is None:
            return None
        return Statement(index, sid, effect, principal, action, resource, conditions, node.span)

    def _effect(self, node: Object) -> Effect | None:
        value = node.get("Effect")
        if value is None:
            self._note("KG113", "the statement has no Effect", _opening(node))
            return None
        if not isinstance(value, String):
            self._type("Effect", 'the string "Allow" or "Deny"', value)
            return None
        if value.value in _EFFECTS:
            return _EFFECTS[value.value]
        meant = value.value.strip().capitalize()
        self._note(
            "KG114",
            f'Effect must be "Allow" or "Deny", not "{_short(value.value)}"',
            value.span,
            f'write "{meant}"' if meant in _EFFECTS else None,
        )
        return None

    # Elements and their Not twins

    def _twins(self, node: Object, name: str) -> tuple[Member | None, bool]:
        """Return the member that holds an element and whether it is the negated twin."""
        plain = _member(node, name)
        negated = _member(node, f"Not{name}")
        if plain is not None and negated is not None:  # AUTH B-5
            self._note(
                "KG119",
                f"'{name}' and 'Not{name}' cannot be used in the same statement",
                max(plain, negated, key=lambda member: member.name.span).name.span,
            )
        return plain or negated, plain is None

    def _element(
        self, node: Object, name: str, entry: Callable[[String], TextPattern]
    ) -> Element[TextPattern] | None:
        member, negated = self._twins(node, name)
        if member is None:
            return None  # AUTH B-12
        label = member.name.value
        texts = self._texts(label, member.value)
        span = Span(member.name.span.start, member.value.span.end)
        return Element(label, tuple(entry(text) for text in texts), negated, span)

    def _action(self, node: String) -> TextPattern:
        # AUTH C-1, C-3: case is no matter, and there are no variables
        return TextPattern(node.value, parse_pattern(node.value.lower()), node.span)

    def _resource(self, node: String) -> TextPattern:
        """AUTH D-3, D-10: six segments; variables in the last one only."""
        variables = self.version == VERSION_2012
        parts = node.value.split(":", 5)
        segments = tuple(
            parse_pattern(part, variables=variables and index == 5)
            for index, part in enumerate(parts)
        )
        return TextPattern(node.value, parse_pattern(node.value), node.span, segments)

    def _principal(self, node: Object) -> Element[PrincipalPattern] | None:
        member, negated = self._twins(node, "Principal")
        if not self.kind.names_principals:
            if member is not None:  # AUTH B-7
                self._note(
                    "KG118",
                    f"{_a(self.kind)} cannot have {member.name.value}; "
                    "the principal is the identity it is attached to",
                    member.name.span,
                )
            return None
        if member is None:  # AUTH B-7, P-9
            self._note(
                "KG117",
                f"a statement of {_a(self.kind)} must have a Principal",
                _opening(node),
                'say who: "Principal": {"AWS": "arn:aws:iam::111122223333:role/app"}',
            )
            return None
        label, value = member.name.value, member.value
        span = Span(member.name.span.start, value.span.end)
        if isinstance(value, String) and value.value == "*":
            everyone = PrincipalPattern(PrincipalForm.EVERYONE, "*", value.span)
            return Element(label, (everyone,), negated, span)
        if isinstance(value, Number):
            self._account_number(value)
            return None
        if not isinstance(value, Object):
            expected = '"*" or an object such as {"AWS": "111122223333"}'
            if isinstance(value, String):
                message = f"'{label}' must be {expected}, found \"{_short(value.value)}\""
                self._note("KG120", message, value.span)
            else:
                self._type(label, expected, value)
            return None
        if not value.members:  # one entry at least (AUTH 2): NotPrincipal {} would name everyone
            self._note("KG120", f"'{label}' must name someone, found an empty object", value.span)
        return Element(label, tuple(self._principal_map(value)), negated, span)

    def _principal_map(self, node: Object) -> Iterator[PrincipalPattern]:
        for member in node.members:
            key = member.name.value
            if key not in PRINCIPAL_KEYS:
                message = f"unknown principal type '{_short(key)}'"
                self._suggest("KG215", message, member.name, PRINCIPAL_KEYS)
                continue
            entries = member.value.items if isinstance(member.value, Array) else (member.value,)
            for entry in entries:
                if isinstance(entry, Number):
                    self._account_number(entry)
                elif isinstance(entry, String):
                    yield principal_pattern(key, entry.value, entry.span)
                else:
                    self._type(key, "a string or a list of strings", entry)

    def _account_number(self, node: Number) -> None:
        digits = node.text.rjust(12, "0") if node.text.isdigit() else node.text
        self._note("KG122", f'quote the account ID "{_short(digits)}"', node.span)

    # Conditions

    def _conditions(self, node: Object) -> Iterator[Condition]:
        block = node.get("Condition")
        if block is None:
            return
        if not isinstance(block, Object):
            self._type("Condition", "an object", block)
            return
        for member in block.members:
            name = member.name.value
            operator = parse_operator(name)
            if operator is None:
                self._unknown_operator(member.name)
            if not isinstance(member.value, Object):
                self._type(name, "an object of condition keys", member.value)
                continue
            for entry in member.value.members:
                condition = self._condition(operator, entry)
                if condition is not None:
                    yield condition

    def _condition(self, operator: Operator | None, member: Member) -> Condition | None:
        entries = member.value.items if isinstance(member.value, Array) else (member.value,)
        values = []
        for entry in entries:
            text = value_text(entry)
            if text is None:  # AUTH B-10
                self._type(
                    member.name.value, "a string, number or boolean, or a list of them", entry
                )
            elif operator is not None:
                variables = self.version == VERSION_2012
                pattern = parse_value(text, operator, variables=variables)
                values.append(ConditionValue(pattern, entry.span))
        if operator is None:
            return None
        span = Span(member.name.span.start, member.value.span.end)
        return Condition(operator, member.name.value, tuple(values), span)

    def _unknown_operator(self, name: String) -> None:
        prefix, colon, base = name.value.rpartition(":")
        if base.lower() == "nullifexists" or base.lower().removesuffix("ifexists") == "null":
            self._note("KG134", f"{name.value} is not valid; Null takes no suffix", name.span,
                       f'write "{prefix}{colon}Null"')  # fmt: skip
            return
        known = [comparison.name for comparison in COMPARISONS.values()]
        bare = base[:-8] if base.lower().endswith("ifexists") else base
        self._suggest(
            "KG208", f"unknown condition operator '{_short(name.value)}'", name, known, bare
        )

    # Shared checks

    def _texts(self, label: str, node: Node) -> Iterator[String]:
        for entry in node.items if isinstance(node, Array) else (node,):
            if isinstance(entry, String):
                yield entry
            else:
                self._type(label, "a string or a list of strings", entry)

    def _optional_text(self, node: Object, name: str) -> str | None:
        value = node.get(name)
        if value is None or isinstance(value, String):
            return value.value if value is not None else None
        self._type(name, "a string", value)
        return None

    def _unknown(self, node: Object, known: tuple[str, ...]) -> None:
        for member in node.members:
            if member.name.value not in known:  # AUTH B-3, B-4
                name = _short(member.name.value)
                self._suggest("KG108", f"unknown policy element '{name}'", member.name, known)

    def _suggest(
        self, code: str, message: str, node: String, known: tuple[str, ...] | list[str],
        text: str | None = None,
    ) -> None:  # fmt: skip
        meant = closest(text or node.value, known)
        hint = f"; did you mean '{meant}'?" if meant else ""
        self._note(code, message + hint, node.span, None if meant else f"known: {', '.join(known)}")

    def _type(self, label: str, expected: str, node: Node) -> None:
        message = f"'{_short(label)}' must be {expected}, found {kind_name(node)}"
        span = _opening(node) if isinstance(node, Object | Array) else node.span
        self._note("KG120", message, span)

    def _note(self, code: str, message: str, span: Span, help: str | None = None) -> None:
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(Problem(code, message, span, help))


def value_text(node: Node) -> str | None:
    """Return the text of a condition value, or None for what cannot be one (AUTH B-10)."""
    if isinstance(node, String):
        return node.value
    if isinstance(node, Number):
        return node.text
    if isinstance(node, Boolean):
        return "true" if node.value else "false"
    return None


def _member(node: Object, name: str) -> Member | None:
    for member in node.members:
        if member.name.value == name:
            return member
    return None


def _opening(node: Object | Array) -> Span:
    return Span(node.span.start, node.span.start + 1)


def _a(kind: PolicyKind) -> str:
    return f"an {kind}" if kind.value[0] in "iSR" else f"a {kind}"


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"
