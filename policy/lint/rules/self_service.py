"""Permissions from which their holders can make themselves more."""

from __future__ import annotations

from collections.abc import Iterator

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
    giving = subject.giving
    for use in giving:
        tested = next((c for c in use.clauses if _attribute(c) is not None), None)
        wanted = use.kms_actions & CRYPTOGRAPHIC
        if tested is None or not wanted:
            continue
        if any(r.is_unconditional and _meet(use, r) and wanted <= r.kms_actions for r in giving):
            continue
        changing = _attribute(tested) or frozenset()
        for other in giving:
            if not _meet(use, other) or any(_bounds_tags(clause) for clause in other.clauses):
                continue
            for entry in covering(other, changing):
                yield Hit(
                    entry.node.span,
                    f"{who(other)} can give itself access by {short(entry.text)}",
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
    giving = subject.giving
    for reading in giving:
        literal = [e for name, e in reading.literal_actions if name == "CreateGrant"]
        if not literal or not reading.is_read_whole or not _may_grant_itself(reading):
            continue
        if any(_meet(reading, other) and other.kms_actions & CRYPTOGRAPHIC for other in giving):
            continue
        yield Hit(
            literal[0].node.span,
            f"{who(reading)} can obtain kms:Decrypt: kms:CreateGrant for itself, kms:Decrypt",
        )


def _attribute(clause: Clause) -> frozenset[str] | None:
    """Return the actions that change what a clause rests on, or None."""
    return _CHANGED_BY.get(clause.key) if clause.is_positive else None


_CHANGED_BY = {
    "aws:ResourceTag/": frozenset({"TagResource", "UntagResource"}),
    "kms:ResourceAliases": ON_ALIASES,
    "kms:RequestAlias": ON_ALIASES,
}


def _bounds_tags(clause: Clause) -> bool:
    return clause.key in ("aws:RequestTag/", "aws:TagKeys")


def _meet(first: Reading, second: Reading) -> bool:
    """Tell whether somebody that the first statement is about is named by the second."""
    if not first.kind.names_principals:
        return True
    if first.excludes_principals or second.excludes_principals:
        return False
    named = {identity(pattern) for pattern, _ in first.principals}
    return any(
        identity(pattern) in named or pattern.form is PrincipalForm.EVERYONE
        for pattern, _ in second.principals
    )


def _may_grant_itself(reading: Reading) -> bool:
    """Tell whether nothing but the names of its own principals limits the grants."""
    own = {pattern.text for pattern, _ in reading.principals}
    return all(
        clause.key == "kms:GranteePrincipal" and own <= {v.text for v in clause.values}
        for clause in reading.clauses
    )
