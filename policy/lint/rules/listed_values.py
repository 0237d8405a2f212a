"""Values of condition keys that can have some values only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from policy.lint.fixes import rewritten
from policy.lint.parts import Clause
from policy.lint.rule import Edit, Fix, Hit, Severity, rule
from policy.lint.subject import Subject, short
from policy.model import ConditionValue
from policy.spelling import closest
from policy.tree import String
from policy.value_lists import LISTED_VALUES
from policy.vocabulary import GRANT_OPERATIONS


@rule("KG228", "invalid-condition-value", Severity.ERROR, Fix.UNSAFE)
def invalid_condition_value(subject: Subject) -> Iterator[Hit]:
    """A value is none of those that its condition key can have.

    ## Why it matters
    A positive test of it never succeeds, a negated one always does.

    ## Example
    ```json
    {"StringEquals": {"kms:EncryptionAlgorithm": "RSAES_OAEP_SHA256"}}
    ```

    ## Use instead
    ```json
    {"StringEquals": {"kms:EncryptionAlgorithm": "RSAES_OAEP_SHA_256"}}
    ```

    ## Sources
    - AWS KMS condition keys
    """
    for clause, value, node in subject.compared:
        known = LISTED_VALUES.get(clause.key)
        if known is None or _is_prefixed(clause, value) or _can_be(clause, value, known):
            continue
        meant = _meant(value.text, known)
        question = f"; did you mean '{meant}'?" if meant else ""
        yield Hit(
            value.span,
            f"'{short(value.text)}' is not a value of {clause.key}{question}",
            edits=_replaced(subject, node, meant),
        )


@rule("KG229", "grant-operation-with-prefix", Severity.ERROR, Fix.UNSAFE)
def grant_operation_with_prefix(subject: Subject) -> Iterator[Hit]:
    """An operation of grants is written like an action of policies.

    ## Why it matters
    The operations of a grant have no `kms:` before them, and ReEncrypt is two of them. With
    ForAllValues no grant can be created at all; negated, every one.

    ## Example
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/billing"},
     "Action": "kms:CreateGrant", "Resource": "*",
     "Condition": {"ForAllValues:StringEquals": {"kms:GrantOperations": ["kms:Encrypt"]}}}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/billing"},
     "Action": "kms:CreateGrant", "Resource": "*",
     "Condition": {"ForAllValues:StringEquals": {"kms:GrantOperations": ["Encrypt"]}}}
    ```

    ## Sources
    - AWS KMS condition keys
    - Grants in AWS KMS
    """
    for clause, value, node in subject.compared:
        if not _is_prefixed(clause, value):
            continue
        name = value.text[len(_PREFIX) :] if value.text.lower().startswith(_PREFIX) else ""
        if name:
            message = f"grant operations are written without 'kms:': '{short(value.text)}'"
        else:
            message = "there is no grant operation 'ReEncrypt'; write ReEncryptFrom or ReEncryptTo"
        meant = name if name in GRANT_OPERATIONS else closest(name, GRANT_OPERATIONS)
        yield Hit(value.span, message, edits=_replaced(subject, node, meant))


_PREFIX = "kms:"


def _can_be(clause: Clause, value: ConditionValue, known: Iterable[str]) -> bool:
    if clause.operator.base.name.endswith("IgnoreCase"):
        return value.text.lower() in {name.lower() for name in known}
    return any(value.pattern.matches(name) for name in known)


def _is_prefixed(clause: Clause, value: ConditionValue) -> bool:
    if clause.key != "kms:GrantOperations":
        return False
    return value.text.lower().startswith(_PREFIX) or value.text == "ReEncrypt"


def _meant(text: str, known: frozenset[str]) -> str | None:
    begun = [name for name in known if text and name.startswith(text.upper().replace("-", "_"))]
    return begun[0] if len(begun) == 1 else closest(text, sorted(known))


def _replaced(subject: Subject, node: String, text: str | None) -> tuple[Edit, ...]:
    if text is None:
        return ()
    return (rewritten(subject.document.source, node, text),)
