"""What could be wrong with a document: rules, each with a page of its own, and their findings."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence

from policy.lint.options import DEFAULT_OPTIONS, LintOptions
from policy.lint.rule import Edit, Finding, Fix, Rule, Severity
from policy.lint.rules import DEFAULT_RULES, RULES
from policy.lint.subject import Subject
from policy.reader import Document
from policy.source import Span

__all__ = [
    "DEFAULT_RULES",
    "RULES",
    "Document",
    "Edit",
    "Finding",
    "Fix",
    "LintOptions",
    "Rule",
    "Severity",
    "lint",
]

SILENCED_BY = {
    "KG101": ("KG102", "KG103", "KG104"),
    "KG108": ("KG135",),
    "KG109": ("KG107",),
    "KG110": ("KG129", "KG135"),
    "KG111": ("KG110",),
    "KG114": ("KG129", "KG135"),
    "KG124": ("KG120",),
    "KG125": ("KG129",),
    "KG127": ("KG125",),
    "KG128": ("KG135",),
    "KG130": ("KG131",),
    "KG132": ("KG110", "KG114", "KG125", "KG134", "KG135", "KG208", "KG215"),
    "KG133": ("KG101",),
    "KG134": ("KG131", "KG135"),
    "KG202": ("KG203",),
    "KG207": ("KG201",),
    "KG214": ("KG211",),
    "KG216": ("KG223",),
    "KG218": ("KG217",),
    "KG220": ("KG218",),
    "KG221": ("KG225", "KG226", "KG334", "KG340"),
    "KG222": ("KG226",),
    "KG223": ("KG226",),
    "KG227": ("KG226",),
    "KG236": ("KG221", "KG222", "KG223"),
    "KG302": ("KG128", "KG131", "KG135", "KG340"),
    "KG305": ("KG304",),
    "KG309": ("KG308",),
    "KG312": ("KG106",),
    "KG314": ("KG106", "KG344"),
    "KG315": ("KG302", "KG331"),
    "KG316": ("KG308", "KG314", "KG337"),
    "KG333": ("KG225", "KG334"),
    "KG402": ("KG401",),
    "KG406": ("KG405", "KG407"),
    "KG413": ("KG415", "KG419"),
    "KG418": ("KG419",),
    "KG421": ("KG401",),
    "KG426": ("KG310",),
    "KG429": ("KG428",),
    "KG439": ("KG410", "KG415", "KG419"),
    "KG440": ("KG419",),
    "KG601": ("KG415",),
    "KG605": ("KG415",),
}
"""What says less than another rule at the same place, and is left out there."""

FIRST_GROUP = "KG1"
"""Errors of syntax and structure: where there is one, nothing else is said of the element."""

OF_EFFECTS = ("KG4", "KG6")
"""The groups that speak of what statements do: not where a statement does nothing."""


def lint(
    document: Document,
    *,
    rules: Sequence[Rule] = DEFAULT_RULES,
    options: LintOptions = DEFAULT_OPTIONS,
) -> tuple[Finding, ...]:
    """Return what the rules find in a document, in the order of its text; never raises.

    Each place is left to the rule that says most about it, and places that a syntax error
    damaged to the parser.
    """
    subject = Subject(document, options)
    found = [finding for rule in rules for finding in rule.findings(subject)]
    reported = {(problem.code, problem.span) for problem in document.problems}
    damage = _Places(document.damaged)
    found = [
        finding
        for finding in found
        if (finding.rule.code, finding.span) in reported or not damage.touch(finding.span)
    ]
    if any(finding.rule.code.startswith(OF_EFFECTS) for finding in found):
        dead = _Places(subject.dead_statements)
        found = [
            finding
            for finding in found
            if not finding.rule.code.startswith(OF_EFFECTS) or not dead.touch(finding.span)
        ]
    return tuple(sorted(_without_repeats(found), key=_order))


def _order(finding: Finding) -> tuple[int, str, int]:
    return finding.span.start, finding.rule.code, finding.span.end


class _Places:
    """A set of spans that tells quickly whether another one touches any of them."""

    def __init__(self, spans: Iterable[Span]) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        for span in sorted(spans):
            if self._ends and span.start < self._ends[-1]:
                self._ends[-1] = max(self._ends[-1], span.end)
            else:
                self._starts.append(span.start)
                self._ends.append(span.end)

    def touch(self, span: Span) -> bool:
        """Tell whether a span shares a character with one of the set."""
        at = bisect_left(self._starts, span.end) - 1
        return at >= 0 and span.start < self._ends[at]


def _without_repeats(found: list[Finding]) -> list[Finding]:
    spans: defaultdict[str, list[Span]] = defaultdict(list)
    for finding in found:
        spans[finding.rule.code].append(finding.span)
    places = {code: _Places(where) for code, where in spans.items()}
    broken = _Places(
        finding.span
        for finding in found
        if finding.rule.code.startswith(FIRST_GROUP) and finding.severity is Severity.ERROR
    )
    return [
        finding
        for finding in found
        if (finding.rule.code.startswith(FIRST_GROUP) or not broken.touch(finding.span))
        and not any(
            code in places and places[code].touch(finding.span)
            for code in SILENCED_BY.get(finding.rule.code, ())
        )
    ]
