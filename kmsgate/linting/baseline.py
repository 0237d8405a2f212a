"""Findings that were there when linting began: known, counted, and not reported again."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kmsgate.errors import UsageError
from kmsgate.linting.suppressions import name_in
from kmsgate.output import safe
from policy.lint import Finding
from policy.source import Source

VERSION = 1
MAX_BYTES = 64 << 20
Mark = tuple[str, str, str]
"""A finding as a baseline knows it: file, code, and a digest of the text that it points at.

Lines do not count, so that a change elsewhere in the file makes nothing new.
"""


def mark(finding: Finding, source: Source, folder: Path) -> Mark:
    """Return how a baseline in a folder knows a finding."""
    text = source.text[finding.span.start : finding.span.end]
    digest = hashlib.sha256(f"{finding.message}\n{text}".encode("utf-8", "surrogatepass"))
    return name_in(folder, source.name), finding.rule.code, digest.hexdigest()[:16]


@dataclass(slots=True)
class Baseline:
    """What is known, how often. `take` uses it up: one finding more than known is new."""

    folder: Path
    left: Counter[Mark]

    def take(self, finding: Finding, source: Source) -> bool:
        """Tell whether a finding is known, and count it."""
        found = mark(finding, source, self.folder)
        if self.left[found] > 0:
            self.left[found] -= 1
            return True
        return False


def read_baseline(path: Path) -> Baseline:
    """Return a baseline; raises UsageError for a file that is none."""
    try:
        data = path.read_bytes()
    except OSError as error:
        advice = "make it with --write-baseline"
        raise UsageError(f"cannot read {safe(str(path))}: {error.strerror}", advice) from error
    try:
        if len(data) > MAX_BYTES:
            raise ValueError("too long")
        told: Any = json.loads(data)
        if told["version"] != VERSION:
            raise ValueError("another version")
        counts = Counter(
            {
                (str(each["path"]), str(each["code"]), str(each["text"])): int(each["count"])
                for each in told["findings"]
            }
        )
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        advice = "make it again with --write-baseline"
        raise UsageError(f"{safe(str(path))} is no baseline of kmsgate", advice) from error
    return Baseline(path.absolute().parent, counts)


def keep_baseline(path: Path, found: Iterable[tuple[Source, Finding]]) -> int:
    """Write all that was found down as known; return how much that is."""
    counts = Counter(mark(finding, source, path.absolute().parent) for source, finding in found)
    findings = [
        {"path": name, "code": code, "text": text, "count": counts[name, code, text]}
        for name, code, text in sorted(counts)
    ]
    draft = path.with_name(f".{path.name}.new")
    try:
        text = json.dumps({"version": VERSION, "findings": findings}, indent=1) + "\n"
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise UsageError(f"cannot write {safe(str(path))}: {error.strerror}") from error
    return sum(counts.values())
