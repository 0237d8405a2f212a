"""What a lint rule is, and what it finds."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from enum import Flag, StrEnum, auto
from typing import TYPE_CHECKING, TypeAlias

from policy.errors import Note
from policy.model import PolicyKind
from policy.source import Span

if TYPE_CHECKING:
    from policy.lint.subject import Subject


class Severity(StrEnum):
    """How loud a finding is, the loudest first."""

    ERROR = "error"
    SECURITY = "security"
    WARNING = "warning"
    SUGGESTION = "suggestion"

    def reaches(self, threshold: Severity) -> bool:
        """Tell whether this is as loud as the threshold, or louder."""
        order = tuple(Severity)
        return order.index(self) <= order.index(threshold)


class Fix(Flag):
    """Whether a finding can be repaired without its author; some rules have cases of both kinds.

    A safe fix leaves every decision as it is; an unsafe one may change some.
    """

    NONE = 0
    SAFE = auto()
    UNSAFE = auto()

    @property
    def label(self) -> str:
        """How it is called: none, safe, unsafe or safe/unsafe."""
        return "/".join(kind.name.lower() for kind in self if kind.name) or "none"


@dataclass(frozen=True, slots=True)
class Edit:
    """Other text for a place of a document; an empty place is where the text goes in."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Hit:
    """What a check says; the rule's severity holds unless the hit brings its own.

    `edits` repair it, all together; `fix` tells of which kind they are where the rule has both.
    """

    span: Span
    message: str
    help: str | None = None
    notes: tuple[Note, ...] = ()
    severity: Severity | None = None
    edits: tuple[Edit, ...] = ()
    fix: Fix | None = None


Check: TypeAlias = "Callable[[Subject], Iterator[Hit]]"

ALL_KINDS = frozenset(PolicyKind)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of the catalogue.

    One that is `opt_in` runs only where somebody asks for it.
    """

    code: str
    slug: str
    severity: Severity
    fix: Fix
    kinds: frozenset[PolicyKind]
    since: str
    check: Check = field(repr=False)
    opt_in: bool = False

    @property
    def page(self) -> str:
        """What it does, why it matters, an example, what to use instead, and the sources."""
        return inspect.getdoc(self.check) or ""

    def is_selected_by(self, selector: str) -> bool:
        """Tell whether a code, the beginning of a code, or a slug stands for this rule."""
        return selector == self.slug or (
            selector.upper().startswith("KG") and self.code.startswith(selector.upper())
        )

    def findings(self, subject: Subject) -> Iterator[Finding]:
        """Yield what the rule finds in a document of one of its kinds."""
        if subject.kind not in self.kinds:
            return
        for hit in self.check(subject):
            severity = hit.severity or self.severity
            fix = (hit.fix or self.fix) if hit.edits else Fix.NONE
            yield Finding(
                self, hit.message, hit.span, severity, hit.help, hit.notes, hit.edits, fix
            )


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a rule found, and where. `severity` may be milder than the rule's.

    `edits` repair it, in the way that `fix` tells; without them its author has to.
    """

    rule: Rule
    message: str
    span: Span
    severity: Severity
    help: str | None = None
    notes: tuple[Note, ...] = ()
    edits: tuple[Edit, ...] = ()
    fix: Fix = Fix.NONE


def rule(
    code: str,
    slug: str,
    severity: Severity,
    fix: Fix = Fix.NONE,
    *,
    kinds: Collection[PolicyKind] = ALL_KINDS,
    since: str = "0.1",
    opt_in: bool = False,
) -> Callable[[Check], Rule]:
    """Turn a check into a rule."""

    def decorate(check: Check) -> Rule:
        return Rule(code, slug, severity, fix, frozenset(kinds), since, check, opt_in)

    return decorate
