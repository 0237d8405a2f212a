"""What stands around the statements: Version, and that there are statements (AUTH B-4, B-6)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from policy.lint.fixes import member_added, rewritten
from policy.lint.rule import Edit, Fix, Hit, Severity, rule
from policy.lint.subject import Subject, opening
from policy.model import VERSION_2008, VERSION_2012
from policy.tree import String


@rule("KG109", "missing-version", Severity.WARNING, Fix.SAFE | Fix.UNSAFE)
def missing_version(subject: Subject) -> Iterator[Hit]:
    """The document does not say in which version of the policy language it is written.

    ## Why it matters
    It is then read as if it were from 2008. That language knows no policy variables: a condition
    on `${aws:username}` waits for a user context with a dollar sign in it.

    ## Example
    ```json
    {"Statement": {"Effect": "Deny", "Principal": "*",
                   "Action": "kms:PutKeyPolicy", "Resource": "*"}}
    ```

    ## Use instead
    ```json
    {"Version": "2012-10-17",
     "Statement": {"Effect": "Deny", "Principal": "*",
                   "Action": "kms:PutKeyPolicy", "Resource": "*"}}
    ```
    """
    root = subject.root
    if root and root.get("Version") is None and not subject.is_misspelt(root, "Version"):
        yield Hit(
            opening(root),
            f"no Version; the policy is read as {VERSION_2008} "
            "and policy variables are taken literally",
            f'add "Version": "{VERSION_2012}"',
            edits=member_added(subject.document.source, root, f'"Version": "{VERSION_2012}"'),
            fix=_of_version(subject),
        )


@rule("KG110", "invalid-version", Severity.ERROR, Fix.UNSAFE)
def invalid_version(subject: Subject) -> Iterator[Hit]:
    """Version is not one of the two dates that name a policy language.

    ## Why it matters
    The member looks like a place for the date of the last change, and is none. Any other value
    is refused.

    ## Example
    ```json
    {"Version": "2025-03-31",
     "Statement": {"Effect": "Deny", "Principal": "*",
                   "Action": "kms:PutKeyPolicy", "Resource": "*"}}
    ```

    ## Use instead
    ```json
    {"Version": "2012-10-17",
     "Id": "payroll-2025-03-31",
     "Statement": {"Effect": "Deny", "Principal": "*",
                   "Action": "kms:PutKeyPolicy", "Resource": "*"}}
    ```
    """
    version = subject.root.get("Version") if subject.root else None
    for hit in subject.reported("KG110"):
        edits = (Edit(version.span, f'"{VERSION_2012}"'),) if version is not None else ()
        yield replace(hit, edits=edits)


@rule("KG111", "outdated-version", Severity.WARNING, Fix.SAFE | Fix.UNSAFE)
def outdated_version(subject: Subject) -> Iterator[Hit]:
    """The document is written in the policy language of 2008.

    ## Why it matters
    Nothing speaks for the old language any more. The first policy variable that someone adds
    will silently be compared as text.

    ## Example
    ```json
    {"Version": "2008-10-17",
     "Statement": {"Effect": "Deny", "Principal": "*",
                   "Action": "kms:PutKeyPolicy", "Resource": "*"}}
    ```

    ## Use instead
    ```json
    {"Version": "2012-10-17",
     "Statement": {"Effect": "Deny", "Principal": "*",
                   "Action": "kms:PutKeyPolicy", "Resource": "*"}}
    ```
    """
    version = subject.root.get("Version") if subject.root else None
    if isinstance(version, String) and version.value == VERSION_2008:
        yield Hit(
            version.span,
            f"policy language {VERSION_2008} has no policy variables; use {VERSION_2012}",
            edits=(rewritten(subject.document.source, version, VERSION_2012),),
            fix=_of_version(subject),
        )


def _of_version(subject: Subject) -> Fix:
    """Return how safe a newer version is: it reads variables, where there may be some."""
    return Fix.UNSAFE if "${" in subject.document.source.text else Fix.SAFE


@rule("KG112", "missing-statement", Severity.ERROR)
def missing_statement(subject: Subject) -> Iterator[Hit]:
    """The document has no Statement, or an empty list of them.

    ## Why it matters
    A key has to have a policy that says something; an empty one is not accepted.

    ## Example
    ```json
    {"Version": "2012-10-17", "Id": "to be written", "Statement": []}
    ```

    ## Use instead
    ```json
    {"Version": "2012-10-17", "Id": "delegation only",
     "Statement": [{"Effect": "Allow",
                    "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
                    "Action": "kms:*", "Resource": "*"}]}
    ```
    """
    return subject.reported_missing("KG112", "Statement")
