"""What can be wrong with a document.

PolicyError              source, problems; str() gives the first one on a line
├── PolicySyntaxError    not JSON, or a repeated member (AUTH P-6)
└── PolicyStructureError JSON, yet not a policy (AUTH P-7)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from policy.source import Source, Span, printable


@dataclass(frozen=True, slots=True)
class Note:
    """A second place that a problem speaks of."""

    message: str
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: the rule that says so, what, where, and what to do.

    `code` is a rule of the lint catalogue (`KG103`), or empty for files that are no policies.
    """

    code: str
    message: str
    span: Span
    help: str | None = None
    notes: tuple[Note, ...] = ()


class PolicyError(ValueError):
    """A document that cannot be used; carries every problem that was found, in text order."""

    def __init__(self, source: Source, problems: Sequence[Problem]) -> None:
        self.source = source
        self.problems = tuple(problems)
        super().__init__(source, self.problems)

    def __str__(self) -> str:
        first = self.problems[0]
        more = f" (and {len(self.problems) - 1} more)" if len(self.problems) > 1 else ""
        code = f"{first.code} " if first.code else ""
        return f"{self.source.place(first.span)}: {code}{printable(first.message)}{more}"


class PolicySyntaxError(PolicyError):
    """The text is not one JSON value without repeated members."""


class PolicyStructureError(PolicyError):
    """The text is JSON, but not a policy."""
