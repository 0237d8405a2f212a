"""Files and rules of one run: what is checked, with what, and how files are mended."""

from __future__ import annotations

import os
import shutil
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from operator import attrgetter
from pathlib import Path

from kmsgate.errors import UsageError
from kmsgate.linting.baseline import Baseline
from kmsgate.linting.settings import LintSettings
from kmsgate.linting.suppressions import (
    Suppression,
    configuration_document,
    name_in,
    unused,
    unused_suppression,
)
from kmsgate.output import safe
from policy.errors import PolicySyntaxError, Problem
from policy.lint import DEFAULT_RULES, RULES, Finding, Fix, LintOptions, Rule, Severity, lint
from policy.lint.options import DEFAULT_OPTIONS
from policy.lint.repair import repair
from policy.lint.subject import Subject
from policy.model import PolicyKind
from policy.reader import Document, decode, read
from policy.source import Source, Span
from policy.spelling import closest

MAX_BYTES = 1 << 20  # no character takes more than four bytes: beyond this nothing is a policy
_RULE_NAMES = "rules have codes such as KG101 and names such as trailing-comma"
_HEAD = 160  # as much as an excerpt shows

EVERY_RULE = tuple(sorted((*RULES, unused_suppression), key=attrgetter("code")))
"""The rules of documents, and the one about a run over files."""


@dataclass(frozen=True, slots=True)
class Checked:
    """One file and what was found in it; after repairs, what is left, and how many were made."""

    document: Document
    findings: tuple[Finding, ...]
    repaired: int = 0
    suppressed: tuple[Suppression, ...] = ()  # what hid each finding that was left out
    known: int = 0  # findings that a baseline has
    is_policy: bool = True  # and not the configuration

    @property
    def source(self) -> Source:
        """The text, named as the user did."""
        return self.document.source

    @property
    def statements(self) -> int:
        """How many statements it has."""
        return len(Subject(self.document).statements)


@dataclass(frozen=True, slots=True)
class Judges:
    """The rules of a run, and what they are told beside the documents."""

    rules: tuple[Rule, ...]
    options: LintOptions = DEFAULT_OPTIONS
    settings: LintSettings = field(default_factory=LintSettings)

    def find(self, document: Document) -> tuple[Finding, ...]:
        """Return what the rules find in a document, and nobody has suppressed."""
        return self.sift(document)[0]

    def sift(self, document: Document) -> tuple[tuple[Finding, ...], tuple[Suppression, ...]]:
        """Return the same, and for each other finding what suppressed it."""
        name = self.name_of(document)
        left_out = [
            selector
            for path, selectors in self.settings.per_file.items()
            if fnmatchcase(name, path)
            for selector in selectors
        ]
        rules = [rule for rule in self.rules if not any(map(rule.is_selected_by, left_out))]
        kept: list[Finding] = []
        hidden: list[Suppression] = []
        for finding in lint(document, rules=rules, options=self.options):
            entries = self.settings.suppress
            by = next((each for each in entries if each.hides(finding, name, document)), None)
            if by is None:
                kept.append(finding)
            else:
                hidden.append(by)
        return tuple(kept), tuple(hidden)

    def name_of(self, document: Document) -> str:
        """Return how the configuration calls a document."""
        return name_in(self.settings.configuration.folder, document.source.name)


def counts_of(checked: Sequence[Checked]) -> Counter[Severity]:
    """Return how many findings there are of each severity."""
    return Counter(finding.severity for file in checked for finding in file.findings)


def statements_in(checked: Sequence[Checked]) -> int:
    """Return how many statements the files have together."""
    return sum(file.statements for file in checked)


# Which rules, which files


def select_rules(select: Sequence[str], ignore: Sequence[str]) -> tuple[Rule, ...]:
    """Return the rules that were asked for; raises UsageError for a name that fits none."""
    wanted = _named(select) if select else {*DEFAULT_RULES, unused_suppression}
    wanted -= _named(ignore)
    return tuple(rule for rule in EVERY_RULE if rule in wanted)


def _named(selectors: Sequence[str]) -> set[Rule]:
    named: set[Rule] = set()
    for selector in (part.strip() for text in selectors for part in text.split(",")):
        rules = {rule for rule in EVERY_RULE if rule.is_selected_by(selector)}
        if not rules:
            meant = closest(
                selector, [name for rule in EVERY_RULE for name in (rule.code, rule.slug)]
            )
            advice = f"did you mean '{meant}'?" if meant else _RULE_NAMES
            raise UsageError(f"no rule is called '{safe(selector)}'", advice)
        named |= rules
    return named


def files_below(paths: Sequence[str]) -> list[str]:
    """Return the files that the paths stand for, each of them once."""
    missing = [safe(path) for path in paths if path != "-" and not Path(path).exists()]
    if missing:
        raise UsageError(f"no such file or folder: {', '.join(missing)}")
    found: dict[str, None] = {}
    for path in paths:
        if path == "-" or not Path(path).is_dir():
            found[path] = None
            continue
        below = sorted(_below(path))
        if not below:
            raise UsageError(f"no *.json file below {safe(path)}")
        found |= dict.fromkeys(below)
    return list(found)


def _below(folder: str) -> Iterator[str]:
    for here, folders, files in os.walk(folder, onerror=_unreadable):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (str(Path(here, name)) for name in files if name.endswith(".json"))


def _unreadable(error: OSError) -> None:
    raise UsageError(f"cannot read {safe(str(error.filename))}: {error.strerror}") from error


# One file


def check(path: str, kind: PolicyKind | None, judges: Judges) -> Checked:
    """Return what the rules find in a file; raises UsageError if it cannot be opened."""
    document = read_document(path, kind)
    kept, hidden = judges.sift(document)
    return Checked(document, kept, suppressed=hidden)


def checked_configuration(judges: Judges, checked: Sequence[Checked]) -> Iterator[Checked]:
    """Yield the configuration, if there are suppressions in it that hid nothing in these files."""
    if unused_suppression not in judges.rules:
        return
    settings = judges.settings
    used = {entry for file in checked for entry in file.suppressed}
    names = [judges.name_of(file.document) for file in checked]
    found = tuple(unused(settings.suppress, used, names, settings.configuration))
    if found:
        document = configuration_document(settings.configuration, checked[0].document)
        yield Checked(document, found, is_policy=False)


def without_known(checked: Sequence[Checked], baseline: Baseline) -> list[Checked]:
    """Return files without the findings that a baseline knows."""
    made = []
    for file in checked:
        new = tuple(each for each in file.findings if not baseline.take(each, file.source))
        known = len(file.findings) - len(new)
        made.append(replace(file, findings=new, known=known))
    return made


def read_document(path: str, kind: PolicyKind | None = None) -> Document:
    """Return what a file says, or standard input; raises UsageError if it cannot be opened."""
    try:
        if path == "-":
            data = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            with Path(path).open("rb") as file:
                data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"cannot read {safe(path)}: {error.strerror}") from error
    return _document(data, path, kind)


def write_document(path: str, text: str) -> None:
    """Put a text into a file, whole or not at all; raises UsageError.

    The file keeps its mode; through a link, the file that it names is changed.
    """
    here = Path(path)
    draft = here.with_name(f".{here.name}.{os.getpid()}.new")
    try:
        draft.write_bytes(text.encode("utf-8"))
        shutil.copymode(here, draft)
        draft.replace(here.resolve())
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise UsageError(f"cannot write {safe(path)}: {error.strerror}") from error


def repaired(file: Checked, judges: Judges, allowed: Fix) -> Checked:
    """Return a file as its repairs would leave it; nothing is written."""
    document = file.document
    kind = document.kind  # what it was taken for, also if a repair should change what it looks like
    done = repair(
        document,
        judges.find,
        lambda text: read(Source(document.source.name, text), kind),
        allowed,
    )
    return replace(file, document=done.document, findings=done.left, repaired=len(done.made))


def mended(file: Checked, judges: Judges, allowed: Fix) -> Checked:
    """Return a file after its repairs, which are in the file whole or not at all."""
    done = repaired(file, judges, allowed)
    if not done.repaired:
        return file
    if file.source.name == "-":
        raise UsageError("standard input cannot be repaired", "use --diff, or name the file")
    write_document(file.source.name, done.source.text)
    return done


def _document(data: bytes, path: str, kind: PolicyKind | None) -> Document:
    if len(data) > MAX_BYTES:
        source = Source(path, data[:_HEAD].decode("utf-8", "replace"))
        message = f"the file has more than {MAX_BYTES:,} bytes, too much for a policy"
        problems: Iterable[Problem] = [Problem("KG101", message, Span(0, 1))]
    else:
        try:
            return read(decode(data, path), kind)
        except PolicySyntaxError as error:
            source, problems = error.source, error.problems
    return Document(source, kind or PolicyKind.KEY_POLICY, None, None, tuple(problems))
