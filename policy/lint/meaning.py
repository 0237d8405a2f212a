"""What statements mean, each read by itself: a slip in one does not hide what the others say."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from policy.lint.duties import ALL_ACTIONS, actions_of, is_everything
from policy.model import (
    Condition,
    Effect,
    PrincipalForm,
    PrincipalPattern,
    Statement,
    TextPattern,
)
from policy.reader import Document, read_statement
from policy.source import Span
from policy.tree import Member, Node, Object, String

MANAGING = frozenset({"PutKeyPolicy", "GetKeyPolicy"})
"""What an account needs at least to keep a hold on a key policy."""

CALLER_ACCOUNT_KEYS = frozenset({"kms:calleraccount", "aws:principalaccount"})
"""Conditions that tell the account of a caller, in lower case."""


@dataclass(frozen=True, eq=False)
class Said:
    """One statement that is in order: where it stands, and what it says."""

    node: Object
    model: Statement

    @property
    def allows(self) -> bool:
        """Whether it is an Allow."""
        return self.model.effect is Effect.ALLOW

    @property
    def label(self) -> str:
        """How messages call it: its Sid, or its number."""
        return self.model.sid or f"statement {self.model.index + 1}"

    @property
    def place(self) -> Span:
        """Where it is named: its Sid, or its opening bracket."""
        sid = self.node.get("Sid")
        if isinstance(sid, String) and sid.value:
            return sid.span
        return Span(self.node.span.start, self.node.span.start + 1)

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """Its tests."""
        return self.model.conditions

    @cached_property
    def keys(self) -> frozenset[str]:
        """The condition keys that it tests, in lower case."""
        return frozenset(condition.key.lower() for condition in self.model.conditions)

    @cached_property
    def entries(self) -> tuple[TextPattern, ...]:
        """The entries of Action; those of NotAction are none."""
        action = self.model.action
        return () if action is None or action.negated else action.patterns

    @cached_property
    def actions(self) -> frozenset[str]:
        """The names of the KMS actions that it is about."""
        action = self.model.action
        if action is None:
            return frozenset()
        found = frozenset[str]().union(*(actions_of(entry.text) for entry in action.patterns))
        return ALL_ACTIONS - found if action.negated else found

    @cached_property
    def is_about_everything(self) -> bool:
        """Whether one entry covers all actions of KMS."""
        return any(is_everything(entry.text) for entry in self.entries)

    @property
    def principals(self) -> tuple[PrincipalPattern, ...]:
        """The entries of Principal; those of NotPrincipal are none."""
        principal = self.model.principal
        return () if principal is None or principal.negated else principal.patterns

    @property
    def is_for_everyone(self) -> bool:
        """Whether it is about every caller, as far as Principal tells."""
        if self.model.principal is None:
            return True
        return any(each.form is PrincipalForm.EVERYONE for each in self.principals)

    def entry_for(self, actions: frozenset[str]) -> Span:
        """Return where it names the first of some actions: the entry, or the whole element."""
        for entry in self.entries:
            if actions & actions_of(entry.text):
                return entry.span
        return self.model.action.span if self.model.action is not None else self.place

    def key_place(self, condition: Condition) -> Span:
        """Return where the key of one of its tests is named."""
        for block in _members(self.node.get("Condition")):
            for member in _members(block.value):
                if member.name.span.start == condition.span.start:
                    return member.name.span
        return condition.span

    def member(self, name: str) -> Member | None:
        """Return one of its elements with its name."""
        return next((member for member in self.node.members if member.name.value == name), None)

    def names_account(self, account: str) -> PrincipalPattern | None:
        """Return the entry of Principal that stands for a whole account, or None."""
        for each in self.principals:
            if each.form is PrincipalForm.ACCOUNT and each.account == account:
                return each
        return None


@dataclass(frozen=True, eq=False)
class Meaning:
    """The statements of a document that are in order; `is_complete` if that is all of them.

    `known_account` owns the keys if somebody has said so.
    """

    said: tuple[Said, ...]
    is_complete: bool
    known_account: str | None

    @cached_property
    def allows(self) -> tuple[Said, ...]:
        """The Allow statements."""
        return tuple(said for said in self.said if said.allows)

    @cached_property
    def denies(self) -> tuple[Said, ...]:
        """The Deny statements."""
        return tuple(said for said in self.said if not said.allows)

    @cached_property
    def is_whole(self) -> bool:
        """Whether all of a document is known, principals included, and there is something."""
        return (
            bool(self.said)
            and self.is_complete
            and not any(
                each.form is PrincipalForm.INVALID for said in self.said for each in said.principals
            )
        )

    @cached_property
    def accounts(self) -> tuple[str, ...]:
        """The accounts that may own the key, the likeliest first."""
        if self.known_account is not None:
            return (self.known_account,)
        delegated = dict.fromkeys(
            each.account
            for said in self.allows
            if said.actions >= MANAGING
            for each in said.principals
            if each.form is PrincipalForm.ACCOUNT and each.account is not None
        )
        counted = Counter(each.account for said in self.allows for each in said.principals)
        counted.update(_tested_accounts(self.allows))
        return tuple(dict.fromkeys((*delegated, *(a for a, _ in counted.most_common() if a))))

    @property
    def account(self) -> str | None:
        """The account that owns the key, as far as one can tell (KG501)."""
        return self.accounts[0] if self.accounts else None


CONTEXT_FREE_KEYS = CALLER_ACCOUNT_KEYS | {
    "aws:currenttime", "aws:epochtime", "aws:principalarn", "aws:principaltype"
}  # fmt: skip
"""Conditions that a caller and a time decide, in lower case; others may come out either way."""

_WANTED = frozenset(
    {
        "CancelKeyDeletion", "Decrypt", "EnableKey", "GetPublicKey", "ListGrants", "PutKeyPolicy",
        "ReEncryptFrom", "RevokeGrant", "Verify", "VerifyMac",
    }
)  # fmt: skip
"""What somebody should be able to do (KG502, KG503, KG512 to KG514)."""

_SINGLE = frozenset(
    {
        PrincipalForm.USER, PrincipalForm.ROLE, PrincipalForm.SESSION,
        PrincipalForm.FEDERATED_USER, PrincipalForm.SERVICE, PrincipalForm.UNIQUE_ID,
    }
)  # fmt: skip


def is_open(meaning: Meaning) -> bool:
    """Tell whether a key policy plainly leaves everything to the identity policies of an account.

    Nothing that somebody should be able to do is out of reach then, and the evaluator, which
    takes longer to load than to ask, need not be.
    """
    return not any(map(_may_bar_everybody, meaning.denies)) and any(
        said.is_about_everything
        and not said.conditions
        and _is_about_any_key(said)
        and (said.is_for_everyone or any(said.names_account(a) for a in meaning.accounts[:1]))
        for said in meaning.allows
    )


def plainly_able(meaning: Meaning, action: str) -> frozenset[str]:
    """Return identities and accounts that can do an action by an Allow without ifs and buts.

    Empty if a Deny is about the action. There may be others: this is only what needs no evaluator.
    """
    if any(action in deny.actions for deny in meaning.denies):
        return frozenset()
    return frozenset(
        each.text
        for said in meaning.allows
        if action in said.actions and not said.conditions and _is_about_any_key(said)
        for each in said.principals
        if each.form is PrincipalForm.EVERYONE
        or (each.form in _OF_ACCOUNT and each.account == meaning.account)
    )


_OF_ACCOUNT = frozenset({PrincipalForm.ACCOUNT, PrincipalForm.ROLE, PrincipalForm.USER})


def _may_bar_everybody(deny: Said) -> bool:
    is_for_some = bool(deny.principals) and all(each.form in _SINGLE for each in deny.principals)
    return not is_for_some and bool(deny.actions & _WANTED) and deny.keys <= CONTEXT_FREE_KEYS


def _is_about_any_key(said: Said) -> bool:
    resource = said.model.resource
    return resource is not None and any(each.text == "*" for each in resource.patterns)


def _members(node: Node | None) -> tuple[Member, ...]:
    return node.members if isinstance(node, Object) else ()


def _tested_accounts(allows: Sequence[Said]) -> Iterator[str]:
    for said in allows:
        for condition in said.conditions:
            if condition.key.lower() in CALLER_ACCOUNT_KEYS:
                yield from (value.text for value in condition.values)


def meaning_of(
    statements: Sequence[Node], document: Document, *, variables: bool, account: str | None
) -> Meaning:
    """Return what the statements of a document say, as far as each of them is in order."""
    policy = document.policy
    if policy is not None and len(policy.statements) == len(statements):
        objects = (node for node in statements if isinstance(node, Object))
        pairs = zip(objects, policy.statements, strict=True)
        return Meaning(
            tuple(itertools.starmap(Said, pairs)), is_complete=True, known_account=account
        )
    said = tuple(
        Said(node, model)
        for index, node in enumerate(statements)
        if isinstance(node, Object)
        and (model := _read(node, document, index, variables=variables)) is not None
    )
    lost = any(problem.code == "KG101" for problem in document.problems)
    return Meaning(said, len(said) == len(statements) and not lost, account)


def _read(node: Object, document: Document, index: int, *, variables: bool) -> Statement | None:
    return read_statement(node, document.source, document.kind, index, variables=variables)
