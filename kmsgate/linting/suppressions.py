"""Findings that somebody has looked at: what is left out, why, and what no longer needs to be."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from kmsgate.configuration import Configuration
from policy.lint import Finding, Severity
from policy.lint.rule import Hit, rule
from policy.lint.subject import Subject
from policy.reader import Document
from policy.source import Source, Span
from policy.tree import String

_ENTRY = re.compile(r"^[ \t]*\[\[[ \t]*(?:tool\.kmsgate\.)?lint\.suppress[ \t]*\]\]", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Suppression:
    """What is not reported: a rule, in files of some path, in statements of one Sid."""

    rule: str
    reason: str
    path: str = "*"
    sid: str | None = None

    def covers(self, name: str) -> bool:
        """Tell whether it is about a file, by its path from the configuration's folder."""
        return fnmatchcase(name, self.path)

    def hides(self, finding: Finding, name: str, document: Document) -> bool:
        """Tell whether a finding of a file is left out."""
        return (
            finding.rule.is_selected_by(self.rule)
            and self.covers(name)
            and (self.sid is None or self.sid == _sid_at(finding.span, document))
        )


def _sid_at(span: Span, document: Document) -> str | None:
    for statement in Subject(document).statements:
        if statement.span.start <= span.start < statement.span.end:
            sid = statement.get("Sid")
            return sid.value if isinstance(sid, String) else None
    return None


def name_in(folder: Path, path: str) -> str:
    """Return how suppressions call a file: its path from a folder, with slashes."""
    whole = Path(path).absolute()
    return (whole.relative_to(folder) if whole.is_relative_to(folder) else whole).as_posix()


@rule("KG711", "unused-suppression", Severity.WARNING)
def unused_suppression(_: Subject) -> Iterator[Hit]:
    """A suppression of the configuration hides nothing, though files of its path were checked.

    It is found by a run over files, not in a document.

    ## Why it matters
    What was suppressed has been repaired, or the code was never right. As it stands, the entry
    would hide the next finding, which nobody has looked at.

    ## Example
    ```toml
    [[tool.kmsgate.lint.suppress]]
    rule = "KG413"
    path = "keys/payroll.json"
    reason = "the key administrators make grants for backups"
    ```

    ## Use instead
    Nothing: delete the entry.
    """
    return iter(())


def unused(
    suppressions: Sequence[Suppression],
    used: set[Suppression],
    names: Sequence[str],
    configuration: Configuration,
) -> Iterator[Finding]:
    """Yield a finding in the configuration for each entry that some file gave a chance, in vain."""
    places = [found.span() for found in _ENTRY.finditer(configuration.text)]
    for number, entry in enumerate(suppressions):
        if entry not in used and any(entry.covers(name) for name in names):
            at = Span(*places[number]) if len(places) == len(suppressions) else Span(0, 0)
            message = f"suppression of {entry.rule} is not used"
            yield Finding(unused_suppression, message, at, Severity.WARNING, "delete it")


def configuration_document(configuration: Configuration, like: Document) -> Document:
    """Return the configuration as something in which there can be findings."""
    return Document(Source(str(configuration.path), configuration.text), like.kind, None, None, ())
