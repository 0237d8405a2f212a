"""Access for other accounts than that of the key, where this one is known."""

from __future__ import annotations

from collections.abc import Iterator

from policy.lint.parts import coverage
from policy.lint.permits import (
    ACCOUNT,
    ACCOUNT_KEYS,
    ORGANIZATION_KEYS,
    bounds_caller,
    owner,
)
from policy.lint.reading import Reading
from policy.lint.rule import Hit, Severity, rule
from policy.lint.subject import Subject
from policy.model import PolicyKind, PrincipalForm
from policy.source import Span

_KEY_POLICY = (PolicyKind.KEY_POLICY,)


@rule("KG410", "foreign-account-full-access", Severity.SECURITY, kinds=_KEY_POLICY)
def foreign_account_full_access(subject: Subject) -> Iterator[Hit]:
    """Another account gets every action, or a pattern that stands for more than fifteen.

    The account of the key is that to which its policy gives everything, unless it is said.

    ## Why it matters
    The administrators of that account then decide who uses the key, and may pass it on by grants.

    ## Example
    ```json
    [{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
      "Action": "kms:*", "Resource": "*"},
     {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::444455556666:root"},
      "Action": "kms:*e*", "Resource": "*",
      "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"},
                    "Bool": {"kms:GrantIsForAWSResource": "true"}}}]
    ```

    ## Use instead
    ```json
    [{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
      "Action": "kms:*", "Resource": "*"},
     {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::444455556666:root"},
      "Action": ["kms:Decrypt", "kms:DescribeKey"], "Resource": "*",
      "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}}]
    ```

    ## Sources
    - Allowing users in other accounts to use a KMS key
    """
    own = owner(subject)
    for reading in subject.giving if own is not None else ():
        listing = reading.actions
        foreign = _foreign(reading, own)
        if not foreign or listing is None or listing.negated:
            continue
        for entry in listing.entries:
            count = len(coverage(entry.text).kms)
            if count > MANY_ACTIONS:
                account = min(foreign)
                message = f"account {account} gets {count} actions on this key"
                yield Hit(entry.node.span, message)


@rule(
    "KG411",
    "foreign-account-not-trusted",
    Severity.SECURITY,
    kinds=(PolicyKind.KEY_POLICY, PolicyKind.ENDPOINT_POLICY),
)
def foreign_account_not_trusted(subject: Subject) -> Iterator[Hit]:
    """Something is allowed to an account that is not on the list of those that are trusted.

    Needs the list. Looks at principals, and at conditions on the account of callers and sources.

    ## Why it matters
    Former vendors and slips in account IDs look like any other number. Only a list tells.

    ## Example
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::777788889999:role/billing"},
     "Action": "kms:Decrypt", "Resource": "*"}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::444455556666:role/billing"},
     "Action": "kms:Decrypt", "Resource": "*"}
    ```

    ## Sources
    - Allowing users in other accounts to use a KMS key
    """
    listed = subject.options.trusted_accounts
    if listed is None:
        return
    trusted = listed | {owner(subject)}
    for reading in subject.giving:
        for account, span in _accounts(reading):
            if account not in trusted:
                yield Hit(span, f"account {account} is not in trusted-accounts")


@rule("KG412", "foreign-account-without-organization", Severity.SUGGESTION, kinds=_KEY_POLICY)
def foreign_account_without_organization(subject: Subject) -> Iterator[Hit]:
    """Another account as a whole may use the key.

    ## Why it matters
    Every administrator of that account decides who uses the key. The ARN of a principal, an
    organization or the service that it has to come through makes this smaller.

    ## Example
    ```json
    [{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
      "Action": "kms:*", "Resource": "*"},
     {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::444455556666:root"},
      "Action": "kms:Decrypt", "Resource": "*"}]
    ```

    ## Use instead
    ```json
    [{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
      "Action": "kms:*", "Resource": "*"},
     {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::444455556666:root"},
      "Action": "kms:Decrypt", "Resource": "*",
      "Condition": {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::444455556666:role/billing"}}}]
    ```

    ## Sources
    - Allowing users in other accounts to use a KMS key
    """
    own = owner(subject)
    for reading in subject.giving if own is not None else ():
        narrowing = (c for c in reading.clauses if c.key in _NARROWING and c.is_positive)
        if not reading.is_read_whole or any(narrowing):
            continue
        for pattern, entry in reading.principals:
            account = pattern.account
            is_whole = pattern.form is PrincipalForm.ACCOUNT and not reading.excludes_principals
            if is_whole and account != own:
                yield Hit(
                    entry.node.span,
                    f"narrow the access of account {account} by principal ARN or organization",
                )


MANY_ACTIONS = 15
"""A pattern that stands for more actions than these is as good as all of them."""

_NARROWING = ORGANIZATION_KEYS | {"aws:PrincipalArn", "kms:ViaService"}
_WITH_ACCOUNTS = ACCOUNT_KEYS | {"aws:SourceAccount", "aws:SourceArn", "aws:PrincipalArn"}


def _foreign(reading: Reading, own: str | None) -> set[str]:
    if reading.excludes_principals:
        return set()
    accounts = {pattern.account for pattern, _ in reading.principals}
    return {account for account in accounts if account is not None and account != own}


def _accounts(reading: Reading) -> Iterator[tuple[str, Span]]:
    """Yield the accounts that a statement lets in, and where they are named."""
    if not reading.excludes_principals:
        for pattern, entry in reading.principals:
            if pattern.account is not None:
                yield pattern.account, entry.node.span
    for clause in reading.clauses:
        if clause.key in _WITH_ACCOUNTS and bounds_caller(reading, clause):
            for value in clause.values:
                fields = value.text.split(":", 5)
                account = fields[4] if len(fields) == 6 else value.text
                if ACCOUNT.fullmatch(account):
                    yield account, value.span
