"""Permissions from which their holders can make themselves more."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import TypeAlias

from policy.carriers import ON_ALIASES
from policy.errors import Note
from policy.lint.parts import Clause
from policy.lint.permits import CRYPTOGRAPHIC, covering, who
from policy.lint.reading import Reading
from policy.lint.rule import Hit, Severity, rule
from policy.lint.subject import Subject, short
from policy.lint.summary import identity
from policy.model import PolicyKind, PrincipalForm

_ATTACHED = (PolicyKind.KEY_POLICY, PolicyKind.IDENTITY_POLICY)


@rule("KG428", "attribute-self-service", Severity.SECURITY, kinds=_ATTACHED)
def attribute_self_service(subject: Subject) -> Iterator[Hit]:
    """Somebody has access by tag or alias, and may change the tag or the alias.

    Reported where one document gives both to the same principal, and the same use not otherwise.

    ## Why it matters
    Where tags and aliases decide, managing them is managing access.

    ## Example
    ```json
    [{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/billing"},
      "Action": "kms:Encrypt", "Resource": "*",
      "Condition": {"StringEquals": {"kms:RequestAlias": "alias/bills"}}},
     {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/billing"},
      "Action": "kms:UpdateAlias", "Resource": "*"}]
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/billing"},
     "Action": "kms:Encrypt", "Resource": "*",
     "Condition": {"StringEquals": {"kms:RequestAlias": "alias/bills"}}}
    ```

    ## Sources
    - ABAC for AWS KMS
    - Using tags to control access to KMS keys
    - Using aliases to control access to KMS keys
    """
    direct = _given(each for each in subject.giving if each.is_unconditional)
    waiting: defaultdict[Holder, dict[str, Clause]] = defaultdict(dict)
    for use in subject.giving:
        tested = next((c for c in use.clauses if c.is_positive and c.key in _CHANGED_BY), None)
        wanted = use.kms_actions & CRYPTOGRAPHIC
        for holder in _holders(use) if tested is not None and wanted else ():
            if tested is not None and not wanted <= direct[holder] | direct[_EVERYONE]:
                waiting[holder].setdefault(tested.key, tested)
    everybody = sorted(waiting)
    for reading in subject.giving if waiting else ():
        if any(map(_bounds_tags, reading.clauses)) or reading.kms_actions.isdisjoint(_CHANGING):
            continue
        holders = _holders(reading)
        named = everybody if _EVERYONE in holders else sorted(holders & waiting.keys())
        tests = [waiting[holder] for holder in named[:_MAX_HOLDERS]]
        found = {key: tested for known in tests for key, tested in known.items()}
        for key, tested in found.items():
            for entry in covering(reading, _CHANGED_BY[key]):
                yield Hit(
                    entry.node.span,
                    f"{who(reading)} can give itself access by {short(entry.text)}",
                    notes=(Note("access depends on this", tested.member.name.span),),
                )


@rule("KG429", "escalation-path", Severity.SECURITY, kinds=_ATTACHED)
def escalation_path(subject: Subject) -> Iterator[Hit]:
    """A principal that may not use a key can give itself the use of it.

    Reported of one step: a principal that a statement lets create any grant by name, and no
    statement of the document lets use the key. Patterns and longer chains are not looked at.

    ## Why it matters
    No single statement shows it.

    ## Example
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/operator"},
     "Action": "kms:CreateGrant", "Resource": "*",
     "Condition": {"StringEquals": {"kms:GranteePrincipal":
                                    "arn:aws:iam::111122223333:role/operator"}}}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/operator"},
     "Action": ["kms:DescribeKey", "kms:ListGrants"], "Resource": "*"}
    ```

    ## Sources
    - Default key policy
    - Grants in AWS KMS
    - ABAC for AWS KMS
    """
    using = _given(subject.giving)
    users = {holder for holder, actions in using.items() if actions & CRYPTOGRAPHIC}
    for reading in subject.giving:
        literal = [e for name, e in reading.literal_actions if name == "CreateGrant"]
        if not literal or not reading.is_read_whole or not _may_grant_itself(reading):
            continue
        if _EVERYONE in users or not users.isdisjoint(_holders(reading)):
            continue
        yield Hit(
            literal[0].node.span,
            f"{who(reading)} can obtain kms:Decrypt: kms:CreateGrant for itself, kms:Decrypt",
        )


Holder: TypeAlias = tuple[str, str]
"""A principal by form and name; that of an identity policy is whoever has it."""

_EVERYONE: Holder = (PrincipalForm.EVERYONE, "*")
_WHOEVER: Holder = ("", "")
_MAX_HOLDERS = 64
"""Of so many principals that a statement names, it is asked what they could change."""

_CHANGED_BY = {
    "aws:ResourceTag/": frozenset({"TagResource", "UntagResource"}),
    "kms:ResourceAliases": ON_ALIASES,
    "kms:RequestAlias": ON_ALIASES,
}
_CHANGING = frozenset[str]().union(*_CHANGED_BY.values())


def _bounds_tags(clause: Clause) -> bool:
    return clause.key in ("aws:RequestTag/", "aws:TagKeys")


def _holders(reading: Reading) -> frozenset[Holder]:
    """Return whom a statement is about; nobody for NotPrincipal."""
    if not reading.kind.names_principals:
        return frozenset({_WHOEVER})
    if reading.excludes_principals:
        return frozenset()
    return frozenset(identity(pattern) for pattern, _ in reading.principals)


def _given(readings: Iterable[Reading]) -> defaultdict[Holder, frozenset[str]]:
    """Return the KMS actions that statements give to each principal that they name."""
    given: defaultdict[Holder, frozenset[str]] = defaultdict(frozenset)
    for reading in readings:
        for holder in _holders(reading):
            given[holder] |= reading.kms_actions
    return given


def _may_grant_itself(reading: Reading) -> bool:
    """Tell whether nothing but the names of its own principals limits the grants."""
    own = {pattern.text for pattern, _ in reading.principals}
    return all(
        clause.key == "kms:GranteePrincipal" and own <= {v.text for v in clause.values}
        for clause in reading.clauses
    )
