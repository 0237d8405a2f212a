"""Condition keys that a request does not have, or always has (AUTH F-5, F-6, 9)."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from policy.carriers import Presence, may_carry, presence_of
from policy.errors import Note
from policy.lint.parts import Clause, Entry, coverage
from policy.lint.proofs import is_never_carried
from policy.lint.reading import Reading
from policy.lint.repairs import parted, renamed, without_clause
from policy.lint.rule import Fix, Hit, Severity, rule
from policy.lint.subject import Subject, short
from policy.source import Span


@rule("KG308", "condition-key-never-present", Severity.ERROR)
def condition_key_never_present(subject: Subject) -> Iterator[Hit]:
    """A condition tests a key that no request for these actions has.

    ## Why it matters
    What a request lacks, it can neither match nor fail to match as the author thought: the
    permission is refused, or the restriction is missing, and nothing says so.

    ## Example
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/app"},
     "Action": ["kms:DescribeKey", "kms:Sign"], "Resource": "*",
     "Condition": {"StringEquals": {"kms:EncryptionContext:tenant": "blue"}}}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/app"},
     "Action": "kms:Decrypt", "Resource": "*",
     "Condition": {"StringEquals": {"kms:EncryptionContext:tenant": "blue"}}}
    ```

    ## Sources
    - AWS KMS condition keys
    - Permissions for AWS services in key policies
    """
    for reading in subject.readings:
        for clause in reading.clauses:
            if is_never_carried(reading, clause):
                consequence = "never matches"
                if clause.holds_without_key:
                    consequence = "matches as if it were not tested"
                name = short(clause.name)
                yield Hit(
                    clause.member.name.span,
                    f"none of the actions carries {name}; the statement {consequence}",
                    notes=_listed(reading),
                )


@rule("KG309", "condition-key-partly-present", Severity.WARNING, Fix.UNSAFE)
def condition_key_partly_present(subject: Subject) -> Iterator[Hit]:
    """A condition tests a key that requests for some of the actions never have.

    ## Why it matters
    For those actions the statement says something else than for the others. The usual case is
    `kms:DescribeKey` in the company of cryptographic actions and an encryption context.

    ## Example
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/app"},
     "Action": ["kms:Decrypt", "kms:DescribeKey"], "Resource": "*",
     "Condition": {"StringEquals": {"kms:EncryptionContext:tenant": "blue"}}}
    ```

    ## Use instead
    ```json
    [{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/app"},
      "Action": "kms:Decrypt", "Resource": "*",
      "Condition": {"StringEquals": {"kms:EncryptionContext:tenant": "blue"}}},
     {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/app"},
      "Action": "kms:DescribeKey", "Resource": "*"}]
    ```

    ## Sources
    - Access Analyzer policy check reference
    - AWS KMS condition keys
    - Permissions for AWS services in key policies
    """
    for reading in subject.readings:
        found: dict[frozenset[str] | None, list[Entry]] = {}
        for clause in reading.clauses:
            if clause.operator.if_exists or not reading.carriers(clause):
                continue
            if clause.holds_only_without_key:  # that is what it asks for
                continue
            carriers = may_carry(clause.name)
            if carriers not in found:
                found[carriers] = _lacking(reading, carriers)
            lacking = found[carriers]
            if lacking:
                first, *others = (entry.node.span for entry in lacking[: _MAX_NOTES + 1])
                message = (
                    f"{_named(lacking)} never carry {short(clause.name)}; "
                    "move them to a statement without it"
                )
                notes = [Note("the condition key", clause.member.name.span)]
                notes += (Note("and this one", span) for span in others)
                apart = without_clause(reading, clause)  # in a Deny it would deny to everybody
                edits = parted(subject, reading, lacking, apart) if reading.allows else ()
                yield Hit(first, message, notes=tuple(notes), edits=edits)


@rule("KG310", "negated-test-on-optional-key", Severity.SECURITY)
def negated_test_on_optional_key(subject: Subject) -> Iterator[Hit]:
    """A negated operator is true of the requests that lack the key.

    In a Deny this is reported for keys that are ordinarily absent, and only where nothing else in
    the condition shows that this was thought of.

    ## Why it matters
    "Not through this service" includes "through no service at all". An Allow covers more than
    it names, and a Deny hits every direct call.

    ## Example
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/app"},
     "Action": "kms:Decrypt", "Resource": "*",
     "Condition": {"StringNotEquals": {"kms:EncryptionContext:stage": "production"}}}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/app"},
     "Action": "kms:Decrypt", "Resource": "*",
     "Condition": {"StringNotEquals": {"kms:EncryptionContext:stage": "production"},
                   "Null": {"kms:EncryptionContext:stage": "false"}}}
    ```

    ## Sources
    - IAM JSON policy elements: Condition operators
    - AWS KMS condition keys
    """
    for reading in subject.readings:
        for clause in reading.clauses:
            if not _is_open_negation(reading, clause):
                continue
            severity, consequence = Severity.SECURITY, "this Allow covers requests without it"
            if not reading.allows:
                if not reading.denies or not _is_unconsidered(reading, clause):
                    continue
                severity, consequence = Severity.WARNING, "this Deny hits every request without it"
            yield Hit(
                clause.block.name.span,
                f"{clause.operator} on {short(clause.name)} is true when the key is absent; "
                f"{consequence}",
                notes=(Note("the condition key", clause.member.name.span),),
                severity=severity,
            )


@rule("KG343", "ifexists-on-present-key", Severity.SUGGESTION, Fix.SAFE)
def ifexists_on_present_key(subject: Subject) -> Iterator[Hit]:
    """IfExists asks whether a key is there that always is.

    ## Why it matters
    The reader looks for the case in which the key is missing. There is none.

    ## Example
    ```json
    {"BoolIfExists": {"aws:SecureTransport": "false"}}
    ```

    ## Use instead
    ```json
    {"Bool": {"aws:SecureTransport": "false"}}
    ```

    ## Sources
    - IAM JSON policy elements: Condition operators
    """
    for reading in subject.readings:
        for clause in reading.clauses:
            if clause.operator.if_exists and reading.always_has(clause):
                plain = dataclasses.replace(clause.operator, if_exists=False)
                yield Hit(
                    clause.block.name.span,
                    f"{short(clause.name)} is always present; IfExists has no effect",
                    notes=(Note("the condition key", clause.member.name.span),),
                    edits=renamed(reading, clause, plain),
                )


_MAX_NOTES = 4


def _listed(reading: Reading) -> tuple[Note, ...]:
    """Point at the actions of a statement."""
    listing = reading.actions
    if listing is None:
        return ()
    first, last = listing.entries[0].node.span, listing.entries[-1].node.span
    return (Note("for these actions", Span(first.start, last.end)),)


def _lacking(reading: Reading, carriers: frozenset[str] | None) -> list[Entry]:
    """Return the entries of Action of which no action is among these carriers of a key."""
    listing = reading.actions
    if carriers is None or listing is None or listing.negated:
        return []
    covered = ((entry, coverage(entry.text)) for entry in listing.entries)
    return [
        entry
        for entry, what in covered
        if what.kms and not what.others and what.kms.isdisjoint(carriers)
    ]


def _named(entries: list[Entry]) -> str:
    texts = [short(entry.text) for entry in entries[:_MAX_NOTES]]
    more = len(entries) - len(texts)
    if more:
        texts.append(f"{more} more")
    return " and ".join((", ".join(texts[:-1]), texts[-1])) if len(texts) > 1 else texts[0]


def _is_open_negation(reading: Reading, clause: Clause) -> bool:
    """Tell whether a negated test meets requests without its key, which some of them are."""
    if not clause.operator.base.negated or clause.operator.set_operator is not None:
        return False
    if clause.known is None or presence_of(clause.name) is not Presence.SOMETIMES:
        return False
    demanded = clause.name.lower() in reading.required_keys
    return not (demanded or is_never_carried(reading, clause))


_ORDINARILY_ABSENT = frozenset(
    {
        "kms:ViaService",
        "kms:EncryptionContext:",
        "aws:SourceVpce",
        "aws:SourceArn",
        "aws:CalledVia",
    }
)


def _is_unconsidered(reading: Reading, clause: Clause) -> bool:
    """Tell whether nothing shows that a Deny means the requests without the key as well.

    Whatever else is tested beside it, or a NotPrincipal, carves something out.
    """
    if clause.key not in _ORDINARILY_ABSENT or clause.operator.if_exists:
        return False
    alone = len(reading.clauses) == 1 and reading.is_read_whole
    return alone and not reading.excludes_principals
