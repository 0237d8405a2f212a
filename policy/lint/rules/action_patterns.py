"""Patterns of actions that mean more than was meant, or less than they seem (KG604 to KG606)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from policy.lint.duties import (
    ADMINISTRATIVE,
    CRYPTOGRAPHIC,
    DESTRUCTIVE,
    INVENTORY,
    actions_of,
    is_everything,
    listed,
)
from policy.lint.fixes import rewritten
from policy.lint.rule import Edit, Fix, Hit, Severity, rule
from policy.lint.subject import Entry, Subject, short
from policy.model import PolicyKind
from policy.tree import Array, String
from policy.vocabulary import ACTIONS

KEY_AND_IDENTITY = (PolicyKind.KEY_POLICY, PolicyKind.IDENTITY_POLICY)

_VERB = re.compile(
    r"kms:(?:create|get|list|put|update|delete|enable|disable|describe|revoke)\*", re.IGNORECASE
)
_ASKED_OF_KEYS = frozenset(action.name for action in ACTIONS.values() if action.obeys_key_policy)


@rule("KG604", "pattern-crosses-duties", Severity.WARNING, Fix.UNSAFE, kinds=KEY_AND_IDENTITY)
def pattern_crosses_duties(subject: Subject) -> Iterator[Hit]:
    """A pattern matches actions of different duties.

    Cryptographic ones together with administrative ones, or some that only look together with
    some after which data is out of reach. `kms:*` is left to KG415.

    ## Why it matters
    A short beginning is more than its author had in mind: whoever wrote `kms:De*` thought of
    decryption, and allowed the deletion of key material.

    ## Example
    ```json
    {"Sid": "App", "Effect": "Allow", "Principal": {"AWS": "111122223333"},
     "Action": "kms:De*", "Resource": "*"}
    ```

    ## Use instead
    ```json
    {"Sid": "App", "Effect": "Allow", "Principal": {"AWS": "111122223333"},
     "Action": ["kms:Decrypt", "kms:DescribeKey"], "Resource": "*"}
    ```

    ## Sources
    - IAM JSON policy elements: Action
    - Default key policy
    """
    for entry in _patterns(subject):
        names = _matched(subject, entry)
        crosses = names & CRYPTOGRAPHIC and names & ADMINISTRATIVE
        if crosses or (names & INVENTORY and names & DESTRUCTIVE):
            yield Hit(
                entry.node.span,
                f"'{short(entry.text)}' matches {listed(names)}",
                edits=_written_out(subject, entry, names),
            )


@rule("KG605", "pattern-grows", Severity.SUGGESTION, Fix.UNSAFE, kinds=KEY_AND_IDENTITY)
def pattern_grows(subject: Subject) -> Iterator[Hit]:
    """A pattern stands for a verb, such as `kms:Get*`.

    ## Why it matters
    AWS adds operations. One with the same verb is allowed from its first day on, and nobody has
    decided so.

    ## Example
    ```json
    {"Sid": "Look", "Effect": "Allow", "Principal": {"AWS": "111122223333"},
     "Action": "kms:Describe*", "Resource": "*"}
    ```

    ## Use instead
    ```json
    {"Sid": "Look", "Effect": "Allow", "Principal": {"AWS": "111122223333"},
     "Action": "kms:DescribeKey", "Resource": "*"}
    ```

    ## Sources
    - Default key policy
    """
    for entry in _patterns(subject):
        if _VERB.fullmatch(entry.text):
            names = _matched(subject, entry)
            yield Hit(
                entry.node.span,
                f"'{short(entry.text)}' today matches {listed(names)} and will match new actions",
                edits=_written_out(subject, entry, names),
            )


@rule("KG606", "useless-wildcard", Severity.SUGGESTION, Fix.SAFE)
def useless_wildcard(subject: Subject) -> Iterator[Hit]:
    """A star stands behind the whole name of an action, and matches no other one.

    ## Why it matters
    All that it adds are actions that do not exist yet.

    ## Example
    ```json
    {"Sid": "App", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/app"},
     "Action": ["kms:Encrypt*", "kms:Decrypt"], "Resource": "*"}
    ```

    ## Use instead
    ```json
    {"Sid": "App", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/app"},
     "Action": ["kms:Encrypt", "kms:Decrypt"], "Resource": "*"}
    ```

    ## Sources
    - IAM JSON policy elements: Action
    """
    if subject.kind in (PolicyKind.SCP, PolicyKind.RCP):
        return
    for entry in _patterns(subject):
        bare = entry.text.rstrip("*")
        action = ACTIONS.get(bare.lower())
        if action is not None and bare != entry.text and actions_of(entry.text) == {action.name}:
            yield Hit(
                entry.node.span,
                f"'{short(entry.text)}' matches only {action}",
                edits=(rewritten(subject.document.source, entry.node, bare),),
            )


def _patterns(subject: Subject) -> Iterator[Entry]:
    """Yield the entries of Action of Allow statements that have a wildcard and are not all."""
    for entry in subject.actions:
        effect = entry.statement.get("Effect")
        if (
            entry.element == "Action"
            and isinstance(effect, String)
            and effect.value == "Allow"
            and ("*" in entry.text or "?" in entry.text)
            and not is_everything(entry.text)
        ):
            yield entry


def _matched(subject: Subject, entry: Entry) -> frozenset[str]:
    names = actions_of(entry.text)
    return names & _ASKED_OF_KEYS if subject.kind is PolicyKind.KEY_POLICY else names


def _written_out(subject: Subject, entry: Entry, names: frozenset[str]) -> tuple[Edit, ...]:
    """Return the edit that puts a list of names in the place of a pattern, in a JSON document."""
    if subject.document.source.text[entry.node.span.start] != '"' or entry.text[:4] != "kms:":
        return ()
    others = {
        item.value.lower()
        for item in entry.items
        if isinstance(item, String) and item is not entry.node
    }
    missing = [f"kms:{name}" for name in sorted(names) if f"kms:{name}".lower() not in others]
    text = ", ".join(json.dumps(name) for name in missing)
    if not missing:
        return ()
    is_listed = isinstance(entry.statement.get("Action"), Array)
    return (Edit(entry.node.span, text if is_listed or len(missing) == 1 else f"[{text}]"),)
