"""A statement read as a whole: what its elements cover together, for rules about its meaning.

Elements that the grammar refuses are left out, so that the rest of a statement is still read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from functools import cached_property

from policy.carriers import Presence, may_carry, presence_of
from policy.lint.parts import EVERY_ACTION, Clause, Entry, Listing, coverage
from policy.model import (
    Condition,
    ConditionValue,
    Effect,
    PolicyKind,
    PrincipalForm,
    PrincipalPattern,
)
from policy.operators import Family, Operator, parse_operator, parse_value
from policy.principals import PRINCIPAL_KEYS, principal_pattern
from policy.reader import value_text
from policy.source import Span
from policy.tree import Array, Member, Node, Object, String
from policy.vocabulary import ACTIONS


class Callers(Enum):
    """Who a statement can be about, as far as its Principal tells."""

    IAM = auto()
    SERVICES = auto()
    ANYONE = auto()


_IAM_FORMS = frozenset(
    {
        PrincipalForm.ACCOUNT,
        PrincipalForm.USER,
        PrincipalForm.ROLE,
        PrincipalForm.SESSION,
        PrincipalForm.FEDERATED_USER,
        PrincipalForm.UNIQUE_ID,
    }
)


@dataclass(frozen=True)
class Reading:
    """One statement. `variables` tells whether its document's language has policy variables."""

    node: Object
    kind: PolicyKind
    variables: bool

    @cached_property
    def effect(self) -> Effect | None:
        """What it does, or None if it does not say so clearly."""
        value = self.node.get("Effect")
        known = isinstance(value, String) and value.value in ("Allow", "Deny")
        return Effect(value.value) if isinstance(value, String) and known else None

    @property
    def allows(self) -> bool:
        """Whether it is an Allow."""
        return self.effect is Effect.ALLOW

    @property
    def denies(self) -> bool:
        """Whether it is a Deny."""
        return self.effect is Effect.DENY

    @cached_property
    def sid(self) -> str:
        """Its Sid, or an empty text."""
        value = self.node.get("Sid")
        return value.value if isinstance(value, String) else ""

    # Actions and resources

    @cached_property
    def actions(self) -> Listing | None:
        """Action or NotAction."""
        return self._listing("Action")

    @cached_property
    def resources(self) -> Listing | None:
        """Resource or NotResource."""
        return self._listing("Resource")

    @cached_property
    def kms_actions(self) -> frozenset[str]:
        """The names of the KMS actions that it is about, patterns expanded."""
        if self.actions is None:
            return frozenset()
        covered = frozenset[str]().union(
            *(coverage(entry.text).kms for entry in self.actions.entries)
        )
        return EVERY_ACTION - covered if self.actions.negated else covered

    @cached_property
    def is_kms_only(self) -> bool:
        """Whether it is about no action of another service."""
        listing = self.actions
        if listing is None or listing.negated:
            return False
        return not any(coverage(entry.text).others for entry in listing.entries)

    @cached_property
    def literal_actions(self) -> tuple[tuple[str, Entry], ...]:
        """The KMS actions that Action spells out, by name, with their places."""
        listing = self.actions
        if listing is None or listing.negated:
            return ()
        found = ((ACTIONS.get(entry.text.lower()), entry) for entry in listing.entries)
        return tuple((action.name, entry) for action, entry in found if action is not None)

    # Principals

    @cached_property
    def principal(self) -> Member | None:
        """Principal or NotPrincipal."""
        return self._twin("Principal")

    @property
    def excludes_principals(self) -> bool:
        """Whether it has NotPrincipal."""
        return self.principal is not None and self.principal.name.value == "NotPrincipal"

    @cached_property
    def principals(self) -> tuple[tuple[PrincipalPattern, Entry], ...]:
        """The entries of Principal or NotPrincipal, each as decisions see it, and where it is."""
        return tuple(self._principals())

    @cached_property
    def callers(self) -> Callers:
        """Who it can be about."""
        if not self.kind.names_principals:
            return Callers.IAM
        forms = {pattern.form for pattern, _ in self.principals}
        if not forms or self.excludes_principals:
            return Callers.ANYONE
        if forms <= _IAM_FORMS:
            return Callers.IAM
        return Callers.SERVICES if forms == {PrincipalForm.SERVICE} else Callers.ANYONE

    # Conditions

    @cached_property
    def is_unconditional(self) -> bool:
        """Whether it has no Condition, or an empty one."""
        node = self.node.get("Condition")
        return node is None or (isinstance(node, Object) and not node.members)

    @cached_property
    def condition_member(self) -> Member | None:
        """The Condition with its name."""
        return next((m for m in self.node.members if m.name.value == "Condition"), None)

    @cached_property
    def condition(self) -> Object | None:
        """The Condition."""
        node = self.node.get("Condition")
        return node if isinstance(node, Object) else None

    @cached_property
    def clauses(self) -> tuple[Clause, ...]:
        """The parts of its Condition that have a known operator and values to compare with."""
        return tuple(self._clauses())

    @cached_property
    def is_read_whole(self) -> bool:
        """Whether every part of its Condition is among the clauses."""
        node = self.node.get("Condition")
        if node is None:
            return True
        members = node.members if isinstance(node, Object) else ()
        blocks = [m.value for m in members if isinstance(m.value, Object)]
        return len(blocks) == len(members) and len(self.clauses) == sum(
            len(block.members) for block in blocks
        )

    def carriers(self, clause: Clause) -> frozenset[str] | None:
        """Return those of its KMS actions that can carry a key; None if all do or nobody knows."""
        carriers = may_carry(clause.name)
        return None if carriers is None else self.kms_actions & carriers

    def always_has(self, clause: Clause) -> bool:
        """Tell whether every request that gets to the condition has the key."""
        return self.ordinarily_has(clause) and (
            presence_of(clause.name) is Presence.ALWAYS or self.callers is Callers.IAM
        )

    def ordinarily_has(self, clause: Clause) -> bool:
        """Tell the same, but of the requests of users and roles where anyone may call."""
        if presence_of(clause.name) is Presence.SOMETIMES or not self.kms_actions:
            return False
        if any(pattern.form is PrincipalForm.SERVICE for pattern, _ in self.principals):
            return False
        if not (self.is_kms_only or self.kind is PolicyKind.KEY_POLICY):
            return False
        carriers = may_carry(clause.name)
        return carriers is None or self.kms_actions <= carriers - _SOMETIMES_WITHOUT

    @cached_property
    def required_keys(self) -> frozenset[str]:
        """Keys, in lower case, without which some clause is false."""
        return frozenset(c.name.lower() for c in self.clauses if not c.holds_without_key)

    @cached_property
    def required_families(self) -> frozenset[str]:
        """The same keys by the known name of the key or its family."""
        return frozenset(c.key for c in self.clauses if not c.holds_without_key)

    @cached_property
    def null_keys(self) -> frozenset[str]:
        """Keys, in lower case, whose absence is asked for or ruled out."""
        return frozenset(c.name.lower() for c in self.clauses if c.family is Family.NULL)

    @cached_property
    def operators(self) -> dict[str, Member]:
        """The operators of its Condition with what stands behind them, by name in lower case."""
        members = self.condition.members if self.condition is not None else ()
        return {member.name.value.lower(): member for member in members}

    # How it is read

    def _twin(self, name: str) -> Member | None:
        found = [m for m in self.node.members if m.name.value in (name, f"Not{name}")]
        return found[0] if len(found) == 1 else None

    def _listing(self, name: str) -> Listing | None:
        member = self._twin(name)
        if member is None:
            return None
        entries = tuple(_entries(member.value))
        negated = member.name.value != name
        return Listing(member.name, entries, negated) if entries else None

    def _principals(self) -> Iterator[tuple[PrincipalPattern, Entry]]:
        member = self.principal
        if member is None:
            return
        if isinstance(member.value, String) and member.value.value == "*":
            for entry in _entries(member.value):
                yield PrincipalPattern(PrincipalForm.EVERYONE, "*", entry.node.span), entry
        elif isinstance(member.value, Object):
            for each in member.value.members:
                if each.name.value in PRINCIPAL_KEYS:
                    for entry in _entries(each.value):
                        found = principal_pattern(each.name.value, entry.text, entry.node.span)
                        yield found, entry

    def _clauses(self) -> Iterator[Clause]:
        for outer, block in enumerate(self.condition.members if self.condition else ()):
            operator = parse_operator(block.name.value)
            if operator is None or not isinstance(block.value, Object):
                continue
            for inner, member in enumerate(block.value.members):
                nodes = _items(member.value)
                values = [self._value(node, operator) for node in nodes]
                read = tuple(value for value in values if value is not None)
                if values and len(read) == len(values):
                    span = Span(member.name.span.start, member.value.span.end)
                    test = Condition(operator, member.name.value, read, span)
                    yield Clause(block, member, nodes, test, (outer, inner))

    def _value(self, node: Node, operator: Operator) -> ConditionValue | None:
        text = value_text(node)
        if text is None:
            return None
        return ConditionValue(parse_value(text, operator, variables=self.variables), node.span)


_SOMETIMES_WITHOUT = frozenset({"CreateAlias", "UpdateAlias", "DeleteAlias", "RetireGrant"})
"""Actions that are checked on an alias as well (AUTH J-69), or carry less (AUTH J-102)."""


def _items(node: Node) -> tuple[Node, ...]:
    return node.items if isinstance(node, Array) else (node,)


def _entries(node: Node) -> Iterator[Entry]:
    items = _items(node)
    for at, item in enumerate(items):
        if isinstance(item, String):
            yield Entry(item, items, at)
