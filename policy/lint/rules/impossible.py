"""Conditions that no request meets, or every one does, and exceptions that leave nothing."""

from __future__ import annotations

from collections.abc import Iterator

from policy.errors import Note
from policy.lint.parts import Clause, Listing
from policy.lint.proofs import (
    absent_key,
    conflict,
    excluded_principals,
    is_implied_by_principals,
)
from policy.lint.repairs import without_clause
from policy.lint.rule import Fix, Hit, Severity, rule
from policy.lint.subject import Subject
from policy.model import PolicyKind, PrincipalForm
from policy.operators import Family
from policy.vocabulary import ENCRYPTION_CONTEXT


@rule("KG311", "encryption-context-on-wrong-key", Severity.ERROR)
def encryption_context_on_wrong_key(subject: Subject) -> Iterator[Hit]:
    """A condition asks for an encryption context, and for a key that takes none.

    ## Why it matters
    Only symmetric encryption has a context. With RSA, elliptic curve or HMAC keys it is in no
    request, and the two tests never hold together.

    ## Example
    ```json
    {"StringEquals": {"kms:KeySpec": "RSA_2048", "kms:EncryptionContext:tenant": "blue"}}
    ```

    ## Use instead
    ```json
    {"StringEquals": {"kms:KeySpec": "SYMMETRIC_DEFAULT", "kms:EncryptionContext:tenant": "blue"}}
    ```

    ## Sources
    - AWS KMS condition keys
    """
    for reading in subject.readings:
        other_key = next((c for c in reading.clauses if _excludes_symmetric(c)), None)
        if other_key is None:
            continue
        for clause in reading.clauses:
            name = clause.name.lower()
            if name.startswith(ENCRYPTION_CONTEXT) or name == "kms:encryptioncontextkeys":
                consequence = "always holds" if clause.holds_without_key else "never holds"
                yield Hit(
                    clause.member.name.span,
                    "an encryption context exists only for symmetric encryption keys; "
                    f"this condition {consequence}",
                    notes=(Note("the kind of key", other_key.member.name.span),),
                )


@rule("KG314", "contradictory-conditions", Severity.ERROR)
def contradictory_conditions(subject: Subject) -> Iterator[Hit]:
    """Two conditions of a statement exclude each other.

    Reported where it can be proved: values that have none in common, bounds with nothing between
    them, ranges of addresses apart from each other, a key that has to be absent and present.

    ## Why it matters
    All conditions have to hold at once. The statement never matches.

    ## Example
    ```json
    {"NumericLessThan": {"aws:MultiFactorAuthAge": "300"},
     "NumericGreaterThan": {"aws:MultiFactorAuthAge": "3600"}}
    ```

    ## Use instead
    ```json
    {"NumericLessThan": {"aws:MultiFactorAuthAge": "300"}}
    ```

    ## Sources
    - IAM JSON policy elements: Condition
    """
    for reading in subject.readings:
        found = conflict(reading)
        if found is not None:
            yield Hit(
                found.second.member.name.span,
                f"these conditions exclude each other: {found.first} and {found.second}",
                notes=(Note("the other condition", found.first.member.name.span),),
            )


@rule("KG315", "condition-always-true", Severity.WARNING, Fix.UNSAFE)
def condition_always_true(subject: Subject) -> Iterator[Hit]:
    """A condition holds of every request that can get to it.

    Reported for `*` and for the demand to be present where a key always is, and for what follows
    from the Principal.

    ## Why it matters
    It looks like a restriction and is none.

    ## Example
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
     "Action": "kms:Decrypt", "Resource": "*",
     "Condition": {"StringLike": {"kms:CallerAccount": "*"}}}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
     "Action": "kms:Decrypt", "Resource": "*",
     "Condition": {"StringEquals": {"aws:PrincipalTag/team": "billing"}}}
    ```

    ## Sources
    - IAM JSON policy elements: Condition
    - IAM JSON policy elements: Condition operators
    """
    for reading in subject.readings:
        for clause in reading.clauses:
            if not reading.ordinarily_has(clause) or clause.operator.set_operator is not None:
                continue
            if _accepts_everything(clause) or is_implied_by_principals(reading, clause):
                yield Hit(
                    clause.member.name.span,
                    "this condition is always true",
                    edits=without_clause(reading, clause),
                )


@rule("KG316", "statement-never-matches", Severity.WARNING)
def statement_never_matches(subject: Subject) -> Iterator[Hit]:
    """None of the principals of a statement can meet its condition.

    ## Why it matters
    A statement without effect hides what a policy does. Often the account of a copied policy was
    replaced in one place only.

    ## Example
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/app"},
     "Action": "kms:Decrypt", "Resource": "*",
     "Condition": {"StringEquals": {"aws:PrincipalAccount": "444455556666"}}}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/app"},
     "Action": "kms:Decrypt", "Resource": "*"}
    ```

    ## Sources
    - Policy evaluation logic
    """
    for reading in subject.readings:
        refusing = excluded_principals(reading)
        if refusing and absent_key(reading) is None and conflict(reading) is None:
            first, *others = refusing
            principal = reading.principal
            notes = [Note("this as well", clause.member.name.span) for clause in others[:3]]
            if principal is not None:
                notes.insert(0, Note("the principals", principal.name.span))
            span = first.member.name.span
            yield Hit(span, "no request can match this statement", notes=tuple(notes))


@rule("KG340", "exception-covers-everybody", Severity.ERROR)
def exception_covers_everybody(subject: Subject) -> Iterator[Hit]:
    """An exception names everything, so that the statement is about nothing.

    ## Why it matters
    A Deny for all but everybody denies nobody.

    ## Example
    ```json
    {"Effect": "Deny", "Principal": "*", "Action": "kms:ScheduleKeyDeletion", "Resource": "*",
     "Condition": {"ArnNotLike": {"aws:PrincipalArn": "*"}}}
    ```

    ## Use instead
    ```json
    {"Effect": "Deny", "Principal": "*", "Action": "kms:ScheduleKeyDeletion", "Resource": "*",
     "Condition": {"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::111122223333:role/keeper"}}}
    ```

    ## Sources
    - AWS JSON policy elements: NotPrincipal
    - IAM JSON policy elements: NotAction
    - IAM JSON policy elements: NotResource
    """
    everything = ("*", "kms:*") if subject.kind is PolicyKind.KEY_POLICY else ("*",)
    for reading in subject.readings:
        yield from _empty_listing(reading.actions, everything)
        yield from _empty_listing(reading.resources, ("*",))
        if reading.excludes_principals:
            for pattern, entry in reading.principals:
                if pattern.form is PrincipalForm.EVERYONE:
                    yield Hit(entry.node.span, _nothing_left("NotPrincipal"))
        if reading.denies and len(reading.clauses) == 1 and reading.is_read_whole:
            clause = reading.clauses[0]
            if clause.operator.base.name in ("StringNotLike", "ArnNotLike"):
                for value in clause.values:
                    if value.text == "*" and reading.ordinarily_has(clause):
                        yield Hit(value.span, _nothing_left(str(clause.operator)))


def _excludes_symmetric(clause: Clause) -> bool:
    """Tell whether a clause holds only of keys that do not encrypt symmetrically."""
    wanted = _SYMMETRIC.get(clause.key)
    if wanted is None or not clause.is_positive or clause.family is not Family.STRING:
        return False
    if clause.has_variables or clause.operator.set_operator is not None:
        return False
    return not any(
        value.text.lower() == wanted.lower() or value.pattern.matches(wanted)
        for value in clause.values
    )


_SYMMETRIC = {
    "kms:KeySpec": "SYMMETRIC_DEFAULT",
    "kms:CustomerMasterKeySpec": "SYMMETRIC_DEFAULT",
    "kms:KeyUsage": "ENCRYPT_DECRYPT",
    "kms:CustomerMasterKeyUsage": "ENCRYPT_DECRYPT",
}


def _accepts_everything(clause: Clause) -> bool:
    if clause.family is Family.NULL:
        return any(value.text.lower() == "false" for value in clause.values)
    base = clause.operator.base
    if base.name == "StringLike":
        return any(set(value.text) == {"*"} for value in clause.values)
    return base.name in ("ArnLike", "ArnEquals") and any(
        value.text == "arn:*:*:*:*:*" for value in clause.values
    )


def _empty_listing(listing: Listing | None, everything: tuple[str, ...]) -> Iterator[Hit]:
    if listing is not None and listing.negated:
        for entry in listing.entries:
            if entry.text.lower() in everything:
                yield Hit(entry.node.span, _nothing_left(listing.name.value, entry.text))


def _nothing_left(element: str, text: str = "*") -> str:
    return f'the exception {element} "{text}" leaves nothing; the statement has no effect'
