"""Names in encryption contexts: their capitals matter in one place and not in another."""

from __future__ import annotations

from collections.abc import Iterator

from policy.errors import Note
from policy.lint.parts import Clause
from policy.lint.repairs import quoted
from policy.lint.rule import Edit, Fix, Hit, Severity, rule
from policy.lint.subject import Subject, short
from policy.operators import Family
from policy.source import Span
from policy.vocabulary import ENCRYPTION_CONTEXT


@rule("KG312", "encryption-context-key-case", Severity.WARNING, Fix.UNSAFE)
def encryption_context_key_case(subject: Subject) -> Iterator[Hit]:
    """A document writes the same name in an encryption context with different capitals.

    ## Why it matters
    Inside a condition key capitals do not count; among the values of `kms:EncryptionContextKeys`,
    in grants and for the cipher itself they do. One of the two spellings fails somewhere.

    ## Example
    ```json
    {"StringEquals": {"kms:EncryptionContext:tenant": "blue"},
     "ForAnyValue:StringEquals": {"kms:EncryptionContextKeys": "Tenant"}}
    ```

    ## Use instead
    ```json
    {"StringEquals": {"kms:EncryptionContext:Tenant": "blue"},
     "ForAnyValue:StringEquals": {"kms:EncryptionContextKeys": "Tenant"}}
    ```

    ## Sources
    - AWS KMS condition keys
    - Creating grants
    """
    first: dict[str, tuple[str, Span]] = {}
    for reading in subject.readings:
        for clause in reading.clauses:
            for name, span, prefix in _names(clause):
                other, where = first.setdefault(name.lower(), (name, span))
                if other != name:
                    yield Hit(
                        span,
                        f"encryption context key '{short(name)}' is written "
                        f"'{short(other)}' elsewhere",
                        notes=(Note("here", where),),
                        edits=(Edit(span, quoted(prefix + other)),),
                    )


def _names(clause: Clause) -> Iterator[tuple[str, Span, str]]:
    """Yield names of an encryption context, where they stand, and what stands before them."""
    size = len(ENCRYPTION_CONTEXT)
    if clause.name.lower().startswith(ENCRYPTION_CONTEXT):
        yield clause.name[size:], clause.member.name.span, clause.name[:size]
    elif clause.key == "kms:EncryptionContextKeys" and _minds_case(clause):
        for value in clause.values:
            if not (value.pattern.has_wildcard or value.pattern.variables):
                yield value.text, value.span, ""


def _minds_case(clause: Clause) -> bool:
    base = clause.operator.base
    return base.family is Family.STRING and not base.name.endswith("IgnoreCase")
