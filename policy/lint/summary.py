"""Statements reduced to what can be compared: whom, what and when, each as a value.

Two statements with the same scope differ in their actions only. Nothing here guesses: what is not
written the same way is not taken for the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from policy.lint.parts import Clause, Listing, coverage
from policy.lint.reading import Reading
from policy.model import PrincipalForm, PrincipalPattern
from policy.vocabulary import ENCRYPTION_CONTEXT

Who: TypeAlias = tuple[bool, frozenset[tuple[str, str]]]
"""Whether it is an exception, and the principals, by form and name."""

EVERYWHERE = frozenset({"*"})
ALL_ACTIONS = "*"
"""The token of an action element that covers every action of every service."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Whom a statement is about, on which resources, and under which conditions."""

    who: Who | None
    except_resources: bool
    resources: frozenset[str]
    conditions: frozenset[tuple[str, str, frozenset[str]]]


def scope(reading: Reading) -> Scope | None:
    """Return the scope of a statement, or None if part of it could not be read."""
    resources = reading.resources
    if resources is None or not reading.is_read_whole:
        return None
    who = _who(reading)
    if reading.kind.names_principals and who is None:
        return None
    return Scope(
        who,
        resources.negated,
        frozenset(entry.text for entry in resources.entries),
        frozenset(map(_condition, reading.clauses)),
    )


def is_about_everyone(reading: Reading) -> bool:
    """Tell whether a statement excepts no caller."""
    if not reading.kind.names_principals:
        return True
    forms = (pattern.form for pattern, _ in reading.principals)
    return not reading.excludes_principals and PrincipalForm.EVERYONE in forms


def is_about_everything(reading: Reading) -> bool:
    """Tell whether a statement excepts no resource."""
    resources = reading.resources
    return (
        resources is not None
        and not resources.negated
        and any(entry.text == "*" for entry in resources.entries)
    )


def tokens(reading: Reading) -> frozenset[str] | None:
    """Return what stands for the actions of a statement: KMS actions by name, others as written.

    None for NotAction. A token that both of two statements have stands for the same in both.
    """
    listing = reading.actions
    return None if listing is None or listing.negated else frozenset(_tokens(listing))


def _tokens(listing: Listing) -> Iterator[str]:
    for entry in listing.entries:
        what = coverage(entry.text)
        yield from what.kms
        if what.others:
            yield entry.text.lower()


def _who(reading: Reading) -> Who | None:
    if not reading.principals:
        return None
    named = frozenset(identity(pattern) for pattern, _ in reading.principals)
    return reading.excludes_principals, named


def identity(pattern: PrincipalPattern) -> tuple[str, str]:
    """Return what two entries that name the same principal have in common."""
    if pattern.form is PrincipalForm.ACCOUNT:
        return pattern.form, pattern.account or ""  # AUTH E-2: two names of one account
    return pattern.form, pattern.text


def _condition(clause: Clause) -> tuple[str, str, frozenset[str]]:
    name = clause.name
    if not name.lower().startswith(ENCRYPTION_CONTEXT):
        name = name.lower()  # AUTH B-13, J-100
    return str(clause.operator), name, frozenset(value.text for value in clause.values)
