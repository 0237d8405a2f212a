"""Characters and markers that cannot be meant to stay in a policy (AUTH B-11)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from policy.errors import Note
from policy.lint.fixes import rewritten
from policy.lint.rule import Edit, Fix, Hit, Severity, rule
from policy.lint.subject import Subject, Text, strings
from policy.model import PolicyKind
from policy.tree import String

_FORBIDDEN = re.compile(r"[^\t\n\r\x20-\xff]")
_PLAINER = {
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
    **dict.fromkeys("\u2018\u2019\u201a\u2032", "'"),
    **dict.fromkeys("\u201c\u201d\u201e\u2033", '"'),
    **dict.fromkeys("\u2002\u2003\u2009\u202f\u3000", " "),
}

_MARKERS = re.compile(
    r"<[A-Za-z][^<>]{0,80}>"
    r"|\[[A-Z][A-Z0-9]*(?:[ _-][A-Z0-9]+)+\]"
    r"|\{\{[^{}]{1,80}\}\}"
    r"|\bACCOUNT-ID-WITHOUT-HYPHENS\b"
    r"|\b(?:REPLACE|CHANGE)[_-]?(?:ME|WITH[_-][A-Z0-9_-]+)\b"
    r"|\bYOUR(?:[_-][A-Z0-9]+)+\b"
    r"|\bo-exampleorgid\b"
)
_KEY_ID_MARKER = re.compile(r":key/((?:[a-z]+[_-])*key[_-]?id)\b", re.IGNORECASE)
_ARN_MARKER = re.compile(
    r"(?<=[:/])(?:[A-Z0-9]+[_-])*"
    r"(?:ACCOUNT|ACCOUNT[_-]?ID|ACCOUNT[_-]NUMBER|REGION|(?:ROLE|USER|KEY|ALIAS)[_-]NAME)(?=[:/]|$)"
)
_WHOLE_ARN_MARKER = re.compile(r"[A-Z0-9]+(?:_[A-Z0-9]+)*_ARN")


@rule("KG133", "forbidden-character", Severity.ERROR, Fix.SAFE)
def forbidden_character(subject: Subject) -> Iterator[Hit]:
    """A key policy holds a character beyond Latin-1, or a control character.

    A byte order mark before the text is reported in every kind of policy: it is not JSON.

    ## Why it matters
    KMS takes tabs, line ends and U+0020 to U+00FF, also where a character is written as an
    escape. One character outside of that range and the policy cannot be stored.

    ## Example
    ```json
    {"Sid": "Zahlungen \\u2013 nur lesen", "Effect": "Allow", "Principal": {"AWS": "111122223333"},
     "Action": "kms:Decrypt", "Resource": "*"}
    ```

    ## Use instead
    ```json
    {"Sid": "Zahlungen - nur lesen", "Effect": "Allow", "Principal": {"AWS": "111122223333"},
     "Action": "kms:Decrypt", "Resource": "*"}
    ```
    """
    yield from subject.reported("KG133")
    if subject.kind is not PolicyKind.KEY_POLICY:
        return
    titles = {text.node.span for text in subject.texts if text.element in ("Sid", "Id")}
    for string in strings(subject.document.tree):
        found = _FORBIDDEN.findall(string.value)
        if found:
            hit = _forbidden(subject, string, found)
            is_title = string.span in titles and all(sign in _PLAINER for sign in found)
            yield replace(hit, edits=(_plainer(subject, string),)) if is_title else hit


def _plainer(subject: Subject, string: String) -> Edit:
    text = "".join(_PLAINER.get(sign, sign) for sign in string.value)
    return rewritten(subject.document.source, string, text)


def _forbidden(subject: Subject, string: String, found: list[str]) -> Hit:
    first = found[0]
    at = string.value.index(first)
    plainer = _PLAINER.get(first)
    more = len(found) - 1
    rest = "1 more of this text is" if more == 1 else f"{more} more of this text are"
    return Hit(
        subject.within(string, at, at + 1),
        f"character U+{ord(first):04X} cannot be used in a key policy",
        f"write {plainer!r} in its place" if plainer else None,
        (Note(f"{rest} out of range, too"),) if more else (),
    )


@rule("KG135", "unresolved-placeholder", Severity.ERROR)
def unresolved_placeholder(subject: Subject) -> Iterator[Hit]:
    """A text still has a marker from an example or a template in it.

    Sid and Id are left alone: there, brackets may be part of a title.

    ## Why it matters
    Nobody's account is called `<account-id>`. What holds the marker matches nothing, or the
    policy is refused.

    ## Example
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::<account-id>:role/deployer"},
     "Action": "kms:GenerateMac", "Resource": "*"}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/deployer"},
     "Action": "kms:GenerateMac", "Resource": "*"}
    ```
    """
    for text in subject.texts:
        if text.element not in ("Sid", "Id"):
            for start, end in _markers(text):
                marker = text.node.value[start:end]
                span = subject.within(text.node, start, end)
                yield Hit(span, f"unresolved placeholder '{marker}'")


def _markers(text: Text) -> Iterator[tuple[int, int]]:
    value = text.node.value
    for found in _MARKERS.finditer(value):
        yield found.span()
    if value.startswith("arn:"):
        for found in _KEY_ID_MARKER.finditer(value):
            yield found.span(1)
        for found in _ARN_MARKER.finditer(value):
            yield found.span()
    elif text.takes_variables and _WHOLE_ARN_MARKER.fullmatch(value):
        yield 0, len(value)
