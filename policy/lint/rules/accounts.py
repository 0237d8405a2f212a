"""Account IDs: in two forms, and from the documentation (KG705, KG709)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from policy.lint.fixes import rewritten
from policy.lint.rule import Fix, Hit, Severity, rule
from policy.lint.subject import Subject
from policy.model import PolicyKind, PrincipalForm
from policy.principals import principal_pattern
from policy.source import Span

_EXAMPLES = re.compile(
    r"(?<![0-9a-zA-Z])(?:111122223333|444455556666|123456789012|777788889999|888888888888"
    r"|999999999999|000000000000|111111111111"
    r"|1234abcd-12ab-34cd-56ef-1234567890ab|0987dcba-09fe-87dc-65ba-ab0987654321"
    r"|mrk-1234abcd12ab34cd56ef1234567890ab)(?![0-9a-zA-Z])"
)
_FOLDERS = frozenset({"demo", "demos", "example", "examples", "sample", "samples"})
_ELEMENTS = frozenset({"Principal", "NotPrincipal", "Resource", "NotResource", "a condition value"})


@rule(
    "KG705", "account-principal-form", Severity.SUGGESTION, Fix.SAFE,
    kinds=(PolicyKind.KEY_POLICY, PolicyKind.ENDPOINT_POLICY),
)  # fmt: skip
def account_principal_form(subject: Subject) -> Iterator[Hit]:
    """One account is a principal as twelve digits here and as an ARN there.

    ## Why it matters
    Both mean the same. Statements that are equal do not look so.

    ## Example
    ```json
    [{"Sid": "Own", "Effect": "Allow", "Principal": {"AWS": "210987654321"},
      "Action": "kms:*", "Resource": "*"},
     {"Sid": "NoDeletion", "Effect": "Deny",
      "Principal": {"AWS": "arn:aws:iam::210987654321:root"},
      "Action": "kms:ScheduleKeyDeletion", "Resource": "*"}]
    ```

    ## Use instead
    ```json
    [{"Sid": "Own", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::210987654321:root"},
      "Action": "kms:*", "Resource": "*"},
     {"Sid": "NoDeletion", "Effect": "Deny",
      "Principal": {"AWS": "arn:aws:iam::210987654321:root"},
      "Action": "kms:ScheduleKeyDeletion", "Resource": "*"}]
    ```

    ## Sources
    - AWS JSON policy elements: Principal
    """
    found = [
        (entry, principal_pattern(entry.element, entry.text, Span(0, 0)))
        for entry in subject.principals
    ]
    roots = {
        pattern.account: entry.text
        for entry, pattern in found
        if pattern.form is PrincipalForm.ACCOUNT and pattern.arn is not None
    }
    for entry, pattern in found:
        other = roots.get(entry.text) if pattern.form is PrincipalForm.ACCOUNT else None
        if other is not None:
            yield Hit(
                entry.node.span,
                f"account {entry.text} is also written {other}",
                edits=(rewritten(subject.document.source, entry.node, other),),
                fix=Fix.UNSAFE if entry.statement.get("NotPrincipal") is not None else None,
            )


@rule("KG709", "documentation-account-id", Severity.WARNING)
def documentation_account_id(subject: Subject) -> Iterator[Hit]:
    """An account ID or a key ID is one that the documentation of AWS uses.

    Off below a folder that is called examples, samples or demo.

    ## Why it matters
    Somebody owns the account, most likely not you. A policy that was copied and not filled in
    lets them in.

    ## Example
    ```json
    {"Sid": "Own", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
     "Action": "kms:*", "Resource": "*"}
    ```

    ## Use instead
    ```json
    {"Sid": "Own", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::210987654321:root"},
     "Action": "kms:*", "Resource": "*"}
    ```

    ## Sources
    - Permissions for AWS services in key policies
    """
    *folders, _ = re.split(r"[/\\]", subject.document.source.name)
    if _FOLDERS.intersection(map(str.lower, folders)):
        return
    for text in subject.texts:
        found = _EXAMPLES.search(text.node.value) if text.element in _ELEMENTS else None
        if found:
            yield Hit(
                subject.within(text.node, found.start(), found.end()),
                f"'{found[0]}' is an example from the documentation",
            )
