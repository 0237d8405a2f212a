"""ForAllValues and ForAnyValue: missing, misplaced, or true of no values (AUTH F-8 to F-13)."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator

from policy.carriers import Presence, presence_of
from policy.errors import Note
from policy.lint.parts import Clause
from policy.lint.reading import Reading
from policy.lint.repairs import renamed, with_null_false
from policy.lint.rule import Edit, Fix, Hit, Severity, rule
from policy.lint.subject import Subject, short
from policy.operators import Family, SetOperator
from policy.vocabulary import ENCRYPTION_CONTEXT


@rule("KG303", "missing-set-operator", Severity.ERROR)
def missing_set_operator(subject: Subject) -> Iterator[Hit]:
    """A key that holds several values is compared as if it held one.

    ## Why it matters
    "Any of them" and "all of them" are different questions, and neither is asked. The comparison
    fails for every request, so that an Allow gives nothing and a Deny protects nothing.

    ## Example
    ```json
    {"StringEquals": {"kms:EncryptionContextKeys": ["tenant", "region"]}}
    ```

    ## Use instead
    ```json
    {"ForAnyValue:StringEquals": {"kms:EncryptionContextKeys": ["tenant", "region"]}}
    ```

    ## Sources
    - Access Analyzer policy check reference
    - AWS KMS condition keys
    """
    for _, clause in _clauses(subject):
        if clause.operator.set_operator is None and _is_multivalued(clause):
            message = f"{short(clause.name)} has several values; use ForAnyValue: or ForAllValues:"
            yield _at_operator(clause, message)


@rule("KG304", "forallvalues-refused", Severity.ERROR, Fix.SAFE | Fix.UNSAFE)
def forallvalues_refused(subject: Subject) -> Iterator[Hit]:
    """ForAllValues stands before a pair of the encryption context or a tag of the request.

    ## Why it matters
    It is true where the pair or the tag is missing, which is rarely meant. KMS does not save such
    a key policy; it answers with OverlyPermissiveCondition.

    ## Example
    ```json
    {"ForAllValues:StringEquals": {"kms:EncryptionContext:tenant": "blue"}}
    ```

    ## Use instead
    ```json
    {"StringEquals": {"kms:EncryptionContext:tenant": "blue"}}
    ```

    ## Sources
    - AWS KMS condition keys
    """
    for reading, clause in _clauses(subject):
        if clause.operator.set_operator is SetOperator.ALL and _is_refused(clause):
            message = f"KMS refuses ForAllValues with {short(clause.name)}; remove the set operator"
            edits = _without_prefix(reading, clause)
            fix = Fix.SAFE if reading.allows else Fix.UNSAFE
            yield _at_operator(clause, message, edits=edits, fix=fix)


@rule("KG305", "set-operator-on-single-value", Severity.SECURITY, Fix.SAFE | Fix.UNSAFE)
def set_operator_on_single_value(subject: Subject) -> Iterator[Hit]:
    """ForAllValues or ForAnyValue stands before a key that has one value.

    ## Why it matters
    ForAllValues is true of requests that lack the key. An Allow that looks narrow then covers
    them as well; anywhere else the prefix is only noise.

    ## Example
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/mailer"},
     "Action": "kms:Decrypt", "Resource": "*",
     "Condition": {"ForAllValues:StringEquals": {"kms:ViaService": "ses.eu-west-1.amazonaws.com"}}}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/mailer"},
     "Action": "kms:Decrypt", "Resource": "*",
     "Condition": {"StringEquals": {"kms:ViaService": "ses.eu-west-1.amazonaws.com"}}}
    ```

    ## Sources
    - Access Analyzer policy check reference
    - Creating a condition with multiple keys or values
    - AWS KMS condition keys
    """
    for reading, clause in _clauses(subject):
        prefix, known = clause.operator.set_operator, clause.known
        if prefix is None or known is None or known.multivalued:
            continue
        if prefix is SetOperator.ALL and _is_refused(clause):
            continue
        severity = Severity.WARNING
        if prefix is SetOperator.ALL and reading.allows:
            severity = Severity.SECURITY
        widens = prefix is SetOperator.ANY and clause.operator.base.negated
        fix = Fix.SAFE if reading.allows and not widens else Fix.UNSAFE
        yield _at_operator(
            clause,
            f"{short(clause.name)} has one value; remove {prefix}",
            severity=severity,
            edits=_without_prefix(reading, clause),
            fix=fix,
        )


@rule("KG306", "forallvalues-allow-empty", Severity.SECURITY, Fix.UNSAFE)
def forallvalues_allow_empty(subject: Subject) -> Iterator[Hit]:
    """An Allow with ForAllValues does not ask that there is a value.

    ## Why it matters
    All of no values are in any list: a request without an encryption context, without tags or
    for a key without aliases passes.

    ## Example
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/app"},
     "Action": "kms:Decrypt", "Resource": "*",
     "Condition": {"ForAllValues:StringEquals": {"kms:EncryptionContextKeys": ["tenant"]}}}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/app"},
     "Action": "kms:Decrypt", "Resource": "*",
     "Condition": {"ForAllValues:StringEquals": {"kms:EncryptionContextKeys": ["tenant"]},
                   "Null": {"kms:EncryptionContextKeys": "false"}}}
    ```

    ## Sources
    - AWS KMS condition keys
    - Creating a condition with multiple keys or values
    - Controlling access to tags
    """
    for reading, clause in _clauses(subject):
        if not reading.allows or clause.operator.set_operator is not SetOperator.ALL:
            continue
        if not _can_be_empty(reading, clause) or _is_demanded(reading, clause):
            continue
        name = clause.name
        message = (
            f"this Allow also matches requests without {short(name)}; "
            f'add "Null": {{"{short(name)}": "false"}}'
        )
        yield _at_operator(clause, message, edits=with_null_false(reading, name))


@rule("KG307", "foranyvalue-deny-empty", Severity.WARNING)
def foranyvalue_deny_empty(subject: Subject) -> Iterator[Hit]:
    """A Deny with ForAnyValue spares the requests that have no value at all.

    This is reported for negated operators, and for others where the Sid speaks of what is missing.

    ## Why it matters
    None of no values is wrong. Whoever leaves the tags or the encryption context out is not
    denied, although the statement reads as if it asked for the right ones.

    ## Example
    ```json
    {"Effect": "Deny", "Principal": "*", "Action": "kms:TagResource", "Resource": "*",
     "Condition": {"ForAnyValue:StringNotEquals": {"aws:TagKeys": "project"}}}
    ```

    ## Use instead
    ```json
    {"Effect": "Deny", "Principal": "*", "Action": "kms:TagResource", "Resource": "*",
     "Condition": {"ForAnyValue:StringNotEquals": {"aws:TagKeys": "project"},
                   "Null": {"aws:TagKeys": "false"}}}
    ```

    ## Sources
    - Creating a condition with multiple keys or values
    - Controlling access to tags
    """
    denied_without = {
        clause.name.lower()
        for reading in subject.readings
        if reading.denies
        for clause in reading.clauses
        if clause.holds_only_without_key
    }
    for reading, clause in _clauses(subject):
        operator, name = clause.operator, clause.name.lower()
        if not reading.denies or operator.set_operator is not SetOperator.ANY:
            continue
        if operator.if_exists or name in denied_without or not _can_be_empty(reading, clause):
            continue
        if not (operator.base.negated or _SPEAKS_OF_ABSENCE.search(reading.sid)):
            continue
        if name not in reading.null_keys:
            message = f"this Deny does not match requests without {short(clause.name)}"
            yield _at_operator(clause, message)


_SPEAKS_OF_ABSENCE = re.compile(r"without|missing|untagged", re.IGNORECASE)


def _clauses(subject: Subject) -> Iterator[tuple[Reading, Clause]]:
    for reading in subject.readings:
        for clause in reading.clauses:
            if clause.family is not Family.NULL:
                yield reading, clause


def _at_operator(
    clause: Clause,
    message: str,
    *,
    severity: Severity | None = None,
    edits: tuple[Edit, ...] = (),
    fix: Fix | None = None,
) -> Hit:
    key = Note("the condition key", clause.member.name.span)
    span = clause.block.name.span
    return Hit(span, message, notes=(key,), severity=severity, edits=edits, fix=fix)


def _is_multivalued(clause: Clause) -> bool:
    return clause.known is not None and clause.known.multivalued


def _is_refused(clause: Clause) -> bool:
    return clause.name.lower().startswith((ENCRYPTION_CONTEXT, "aws:requesttag/"))


def _without_prefix(reading: Reading, clause: Clause) -> tuple[Edit, ...]:
    return renamed(reading, clause, dataclasses.replace(clause.operator, set_operator=None))


def _can_be_empty(reading: Reading, clause: Clause) -> bool:
    """Tell whether requests that the statement is about may lack a key with several values."""
    if not _is_multivalued(clause) or presence_of(clause.name) is not Presence.SOMETIMES:
        return False
    return reading.carriers(clause) != frozenset()


def _is_demanded(reading: Reading, clause: Clause) -> bool:
    if clause.name.lower() in reading.required_keys:
        return True
    return _IMPLIED_BY.get(clause.key) in reading.required_families


_IMPLIED_BY = {
    "kms:EncryptionContextKeys": "kms:EncryptionContext:",
    "aws:TagKeys": "aws:RequestTag/",
    "kms:ResourceAliases": "kms:RequestAlias",
}
"""Keys and families that no request has without the other key."""
