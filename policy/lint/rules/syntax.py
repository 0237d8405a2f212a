"""The text is not JSON, or not one policy (AUTH B-1, P-6)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import TypeGuard

from policy.lint.fixes import merged
from policy.lint.rule import Edit, Fix, Hit, Severity, rule
from policy.lint.subject import Subject
from policy.model import VERSION_2012
from policy.source import Span
from policy.tree import Array, Node, Object, says_the_same

_SINGLE = ("Version", "Id", "Sid", "Effect")
_QUOTES = "'\u2018\u2019\u201c\u201d"
_QUOTED = re.compile(rf'[{_QUOTES}]([^"\\{_QUOTES}]*)[{_QUOTES}]')


@rule("KG101", "json-syntax-error", Severity.ERROR)
def json_syntax_error(subject: Subject) -> Iterator[Hit]:
    """The text is not JSON, and nothing more special can be said about the place.

    ## Why it matters
    A policy is one JSON value or nothing: the service turns the whole text down, statements far
    away from the slip included. Reading goes on behind the place, so that one run shows all of
    them.

    ## Example
    ```text
    {"Version": "2012-10-17",
     "Statement": [
       {"Effect": "Deny", "Principal": "*", "Action": "kms:DisableKey", "Resource": "*"}
    }
    ```

    ## Use instead
    ```json
    {"Version": "2012-10-17",
     "Statement": [
       {"Effect": "Deny", "Principal": "*", "Action": "kms:DisableKey", "Resource": "*"}
    ]}
    ```
    """
    return subject.reported("KG101")


@rule("KG102", "trailing-comma", Severity.ERROR, Fix.SAFE)
def trailing_comma(subject: Subject) -> Iterator[Hit]:
    """A comma stands behind the last entry of a list or an object.

    ## Why it matters
    JavaScript, Python and HCL shrug at it; JSON does not. It is what remains when the last line
    of a list is deleted, and it costs the whole document.

    ## Example
    ```text
    {"Effect": "Allow",
     "Principal": {"AWS": "arn:aws:iam::111122223333:role/reports"},
     "Action": ["kms:Decrypt", "kms:DescribeKey",],
     "Resource": "*"}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow",
     "Principal": {"AWS": "arn:aws:iam::111122223333:role/reports"},
     "Action": ["kms:Decrypt", "kms:DescribeKey"],
     "Resource": "*"}
    ```
    """
    for hit in subject.reported("KG102"):
        yield replace(hit, edits=(Edit(hit.span, ""),))


@rule("KG103", "missing-comma", Severity.ERROR, Fix.SAFE)
def missing_comma(subject: Subject) -> Iterator[Hit]:
    """Two entries follow each other without a comma.

    ## Why it matters
    A member that is added at the end of an object needs a comma behind its predecessor. Without
    it there is no JSON and no policy.

    ## Example
    ```text
    {"Sid": "Rotate"
     "Effect": "Allow",
     "Principal": {"AWS": "arn:aws:iam::111122223333:role/custodian"},
     "Action": "kms:RotateKeyOnDemand",
     "Resource": "*"}
    ```

    ## Use instead
    ```json
    {"Sid": "Rotate",
     "Effect": "Allow",
     "Principal": {"AWS": "arn:aws:iam::111122223333:role/custodian"},
     "Action": "kms:RotateKeyOnDemand",
     "Resource": "*"}
    ```
    """
    for hit in subject.reported("KG103"):
        at = hit.span.start
        yield replace(hit, edits=(Edit(Span(at, at), ","),))


@rule("KG104", "non-json-construct", Severity.ERROR, Fix.SAFE | Fix.UNSAFE)
def non_json_construct(subject: Subject) -> Iterator[Hit]:
    """Something is written as other languages write it: a comment, other quotes, `None`, `+1`.

    ## Why it matters
    Quotes from a word processor look like quotes, and a comment does no harm in a YAML file.
    Neither is JSON, so the document is turned down. What a comment has to say can go into a Sid.

    ## Example
    ```text
    {"Effect": "Deny", // nobody deletes this key
     "Principal": '*',
     "Action": "kms:ScheduleKeyDeletion",
     "Resource": "*"}
    ```

    ## Use instead
    ```json
    {"Sid": "Nobody deletes this key",
     "Effect": "Deny",
     "Principal": "*",
     "Action": "kms:ScheduleKeyDeletion",
     "Resource": "*"}
    ```
    """
    for hit in subject.reported("KG104"):
        written = subject.document.source.text[hit.span.start : hit.span.end]
        found = _QUOTED.fullmatch(written)
        if found:  # quotes of other kinds
            text = json.dumps(found[1], ensure_ascii=False)
            yield replace(hit, edits=(Edit(hit.span, text),), fix=Fix.SAFE)
        elif written.startswith(("//", "#", "/*")):
            yield replace(hit, edits=(Edit(hit.span, ""),), fix=Fix.UNSAFE)
        else:
            yield hit


@rule("KG105", "duplicate-member", Severity.ERROR, Fix.SAFE | Fix.UNSAFE)
def duplicate_member(subject: Subject) -> Iterator[Hit]:
    """An object has two members of the same name.

    ## Why it matters
    The service refuses it. Most JSON tools on the way there do not: they keep one of the two,
    and a principal or a condition is gone before anyone reads the policy.

    ## Example
    ```text
    {"Effect": "Allow",
     "Principal": {"AWS": "arn:aws:iam::111122223333:role/reader",
                   "AWS": "arn:aws:iam::111122223333:role/writer"},
     "Action": "kms:Decrypt",
     "Resource": "*"}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow",
     "Principal": {"AWS": ["arn:aws:iam::111122223333:role/reader",
                           "arn:aws:iam::111122223333:role/writer"]},
     "Action": "kms:Decrypt",
     "Resource": "*"}
    ```
    """
    members = {
        member.name.span: (node, at)
        for node in _objects(subject.document.tree)
        for at, member in enumerate(node.members)
    }
    for hit in subject.reported("KG105"):
        node, at = members.get(hit.span, (None, 0))
        yield _without_repeat(hit, subject, node, at) if node else hit


def _objects(tree: Node | None) -> Iterator[Object]:
    waiting = [] if tree is None else [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Object):
            yield node
            waiting += [member.value for member in node.members]
        elif isinstance(node, Array):
            waiting += node.items


def _without_repeat(hit: Hit, subject: Subject, node: Object, at: int) -> Hit:
    """Return the hit with an edit that drops what was said before, or puts both into a list."""
    again = node.members[at]
    first = next(i for i, m in enumerate(node.members) if m.name.value == again.name.value)
    if first == at:
        return hit
    if says_the_same(node.members[first].value, again.value):
        gone = Span(node.members[at - 1].value.span.end, again.value.span.end)
        return replace(hit, edits=(Edit(gone, ""),), fix=Fix.SAFE)
    if again.name.value in _SINGLE:
        return hit
    edits = merged(subject.document.source, node, first, at)
    return replace(hit, edits=edits, fix=Fix.UNSAFE)


@rule("KG107", "not-a-policy-document", Severity.ERROR, Fix.SAFE)
def not_a_policy_document(subject: Subject) -> Iterator[Hit]:
    """The JSON is something else than a policy: a single statement, a list, several values.

    ## Why it matters
    Guides and colleagues hand out statements. A statement takes effect only inside the
    `Statement` list of a document.

    ## Example
    ```json
    [{"Effect": "Allow", "Principal": {"AWS": "111122223333"},
      "Action": "kms:*", "Resource": "*"}]
    ```

    ## Use instead
    ```json
    {"Version": "2012-10-17",
     "Statement": [{"Effect": "Allow", "Principal": {"AWS": "111122223333"},
                    "Action": "kms:*", "Resource": "*"}]}
    ```
    """
    tree = subject.document.tree
    for hit in subject.reported("KG107"):
        edits: tuple[Edit, ...] = ()
        if _is_statement(tree) or (isinstance(tree, Array) and all(map(_is_statement, tree.items))):
            start, end = tree.span.start, tree.span.end
            opened, closed = ("[", "]") if isinstance(tree, Object) else ("", "")
            edits = (
                Edit(Span(start, start), f'{{"Version": "{VERSION_2012}", "Statement": {opened}'),
                Edit(Span(end, end), f"{closed}}}"),
            )
        yield replace(hit, edits=edits)


def _is_statement(node: Node | None) -> TypeGuard[Object]:
    return isinstance(node, Object) and node.get("Effect") is not None
