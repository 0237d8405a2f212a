"""Statement ids: what they may hold, and that they tell statements apart (AUTH B-9)."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterator

from policy.errors import Note
from policy.lint.fixes import member_removed, rewritten
from policy.lint.rule import Edit, Fix, Hit, Severity, rule
from policy.lint.subject import Subject, short
from policy.model import PolicyKind
from policy.tree import String

_PLAIN = re.compile(r"[A-Za-z0-9]*")
_WORD = re.compile(r"[A-Za-z0-9]+")


@rule(
    "KG125",
    "sid-characters",
    Severity.ERROR,
    Fix.SAFE,
    kinds=(PolicyKind.IDENTITY_POLICY, PolicyKind.SCP, PolicyKind.RCP),
)
def sid_characters(subject: Subject) -> Iterator[Hit]:
    """A Sid outside a key policy holds something else than letters and digits.

    ## Why it matters
    Key policies take sentences as Sids, and those that KMS writes itself have some. Copied into
    an identity policy, the same statement is refused.

    ## Example
    ```json
    {"Sid": "Read sealed reports", "Effect": "Allow", "Action": "kms:Decrypt",
     "Resource": "arn:aws:kms:eu-west-1:111122223333:key/*"}
    ```

    ## Use instead
    ```json
    {"Sid": "ReadSealedReports", "Effect": "Allow", "Action": "kms:Decrypt",
     "Resource": "arn:aws:kms:eu-west-1:111122223333:key/*"}
    ```
    """
    for sid in _sids(subject):
        if not _PLAIN.fullmatch(sid.value):
            words = _WORD.findall(sid.value)
            joined = "".join(word[0].upper() + word[1:] for word in words)
            advice = f'write "{short(joined)}"' if joined else None
            message = f"a Sid in an {subject.kind} may only have letters and digits"
            edits = (rewritten(subject.document.source, sid, joined),) if joined else ()
            yield Hit(sid.span, message, advice, edits=edits)


@rule("KG126", "duplicate-sid", Severity.ERROR, Fix.UNSAFE)
def duplicate_sid(subject: Subject) -> Iterator[Hit]:
    """Several statements have the same Sid.

    ## Why it matters
    A decision is explained, logged and reviewed by Sid, and tools that merge policies replace
    statements by it. IAM and Organizations insist that it is unique; in a key policy, which may
    repeat it, this is only a warning.

    ## Example
    ```json
    [{"Sid": "Service", "Effect": "Allow", "Principal": {"Service": "logs.amazonaws.com"},
      "Action": "kms:Encrypt", "Resource": "*"},
     {"Sid": "Service", "Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"},
      "Action": "kms:Decrypt", "Resource": "*"}]
    ```

    ## Use instead
    ```json
    [{"Sid": "Logs", "Effect": "Allow", "Principal": {"Service": "logs.amazonaws.com"},
      "Action": "kms:Encrypt", "Resource": "*"},
     {"Sid": "Sns", "Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"},
      "Action": "kms:Decrypt", "Resource": "*"}]
    ```
    """
    by_text: defaultdict[str, list[String]] = defaultdict(list)
    for sid in _sids(subject):
        by_text[sid.value].append(sid)
    mild = Severity.WARNING if subject.kind is PolicyKind.KEY_POLICY else None
    for text, same in by_text.items():
        if len(same) > 1 and text.strip():
            message = f"Sid '{short(text)}' is used by {len(same)} statements"
            first, second, *rest = (sid.span for sid in same)
            notes = (Note("first here", first), *(Note("and here", span) for span in rest))
            edits = tuple(_numbered(subject, same, taken=by_text.keys()))
            yield Hit(second, message, notes=notes, severity=mild, edits=edits)


@rule("KG127", "empty-sid", Severity.SUGGESTION, Fix.SAFE)
def empty_sid(subject: Subject) -> Iterator[Hit]:
    """A Sid is there and says nothing.

    ## Why it matters
    It helps no reader, and not every kind of policy accepts it.

    ## Example
    ```json
    {"Sid": "", "Effect": "Deny", "Principal": "*",
     "Action": "kms:UpdatePrimaryRegion", "Resource": "*"}
    ```

    ## Use instead
    ```json
    {"Sid": "PrimaryStaysHere", "Effect": "Deny", "Principal": "*",
     "Action": "kms:UpdatePrimaryRegion", "Resource": "*"}
    ```
    """
    for statement in subject.statements:
        sid = statement.get("Sid")
        if isinstance(sid, String) and not sid.value.strip():
            yield Hit(sid.span, "empty Sid", edits=member_removed(statement, "Sid"))


def _numbered(subject: Subject, same: list[String], taken: Collection[str]) -> Iterator[Edit]:
    """Yield edits that give all but the first of these Sids a number that no other Sid has."""
    number = 1
    for sid in same[1:]:
        number += 1
        while f"{sid.value}{number}" in taken:
            number += 1
        yield rewritten(subject.document.source, sid, f"{sid.value}{number}")


def _sids(subject: Subject) -> Iterator[String]:
    for statement in subject.statements:
        sid = statement.get("Sid")
        if isinstance(sid, String):
            yield sid
