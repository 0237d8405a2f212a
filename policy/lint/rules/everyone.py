"""Access for everybody, and for everybody who is not named."""

from __future__ import annotations

import json
from collections.abc import Iterator

from policy.lint.permits import (
    ACCOUNT_KEYS,
    CRYPTOGRAPHIC,
    ORGANIZATION_KEYS,
    actions_of,
    bounds_caller,
    denied_to_others,
    everyone,
    spelled,
)
from policy.lint.reading import Reading
from policy.lint.rule import Edit, Fix, Hit, Severity, rule
from policy.lint.subject import Subject
from policy.model import PolicyKind, PrincipalForm
from policy.source import Span

_ON_KEYS_AND_ENDPOINTS = (PolicyKind.KEY_POLICY, PolicyKind.ENDPOINT_POLICY)


@rule("KG401", "public-key", Severity.SECURITY, kinds=(PolicyKind.KEY_POLICY,))
def public_key(subject: Subject) -> Iterator[Hit]:
    """Everybody may do something with the key, on no condition.

    Reported unless a Deny without a condition, or one that spares only callers of named accounts,
    organizations or sources, takes it back.

    ## Why it matters
    Any identity of any account needs no more than a permission of its own account.

    ## Example
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "kms:Decrypt", "Resource": "*"}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/billing"},
     "Action": "kms:Decrypt", "Resource": "*"}
    ```

    ## Sources
    - Creating a key policy
    - Allowing users in other accounts to use a KMS key
    """
    denied = denied_to_others(subject)
    for reading in subject.giving:
        star = everyone(reading)
        if star is None or not reading.is_unconditional or not reading.kms_actions:
            continue
        if not any(reading.kms_actions <= each for each in denied):
            yield Hit(
                star.node.span, f"every AWS principal may call {actions_of(reading)} on this key"
            )


@rule("KG402", "public-key-weak-condition", Severity.SECURITY, kinds=(PolicyKind.KEY_POLICY,))
def public_key_weak_condition(subject: Subject) -> Iterator[Hit]:
    """Everybody may do something with the key, on a condition that any stranger can meet.

    Only a test that names accounts, organizations, principals, networks, endpoints or sources
    bounds who calls.

    ## Why it matters
    `kms:ViaService` says how a request comes, not from whom: another customer's bucket uses the
    same service.

    ## Example
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "kms:Decrypt", "Resource": "*",
     "Condition": {"StringEquals": {"kms:ViaService": "sqs.eu-west-1.amazonaws.com"}}}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "kms:Decrypt", "Resource": "*",
     "Condition": {"StringEquals": {"kms:ViaService": "sqs.eu-west-1.amazonaws.com",
                                    "kms:CallerAccount": "111122223333"}}}
    ```

    ## Sources
    - Creating a key policy
    - AWS KMS condition keys
    """
    denied = denied_to_others(subject)
    for reading in subject.giving:
        star = everyone(reading)
        if star is None or not reading.clauses or not reading.is_read_whole:
            continue
        if not reading.kms_actions or any(bounds_caller(reading, c) for c in reading.clauses):
            continue
        if not any(reading.kms_actions <= each for each in denied):
            keys = spelled(clause.name for clause in reading.clauses)
            yield Hit(
                star.node.span,
                f"the conditions on this Allow for everybody do not limit the caller: {keys}",
            )


@rule("KG403", "allow-notprincipal", Severity.SECURITY, kinds=_ON_KEYS_AND_ENDPOINTS)
def allow_notprincipal(subject: Subject) -> Iterator[Hit]:
    """An Allow names those who do not get it.

    ## Why it matters
    All others do: strangers, services and callers without a name.

    ## Example
    ```json
    {"Effect": "Allow", "NotPrincipal": {"AWS": "arn:aws:iam::111122223333:user/guest"},
     "Action": "kms:Decrypt", "Resource": "*"}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/billing"},
     "Action": "kms:Decrypt", "Resource": "*"}
    ```

    ## Sources
    - AWS JSON policy elements: NotPrincipal
    - Access Analyzer policy check reference
    """
    for reading in subject.giving:
        if reading.excludes_principals and reading.principal is not None:
            yield Hit(
                reading.principal.name.span,
                "Allow with NotPrincipal allows everybody who is not listed",
            )


@rule("KG404", "deny-notprincipal", Severity.WARNING, Fix.UNSAFE, kinds=_ON_KEYS_AND_ENDPOINTS)
def deny_notprincipal(subject: Subject) -> Iterator[Hit]:
    """A Deny spares the principals that it names in NotPrincipal.

    It is an error to list a role without its account: the role's own sessions are denied then.

    ## Why it matters
    Each name that a caller goes by has to be listed: its account, its role and its session. One
    that is left out locks it out.

    ## Example
    ```json
    {"Effect": "Deny",
     "NotPrincipal": {"AWS": ["arn:aws:iam::111122223333:root",
                              "arn:aws:iam::111122223333:user/keeper"]},
     "Action": "kms:PutKeyPolicy", "Resource": "*"}
    ```

    ## Use instead
    ```json
    {"Effect": "Deny", "Principal": "*", "Action": "kms:PutKeyPolicy", "Resource": "*",
     "Condition": {"ArnNotEquals": {"aws:PrincipalArn": "arn:aws:iam::111122223333:user/keeper"}}}
    ```

    ## Sources
    - AWS JSON policy elements: NotPrincipal
    """
    for reading in subject.readings:
        principal = reading.principal
        if not reading.denies or not reading.excludes_principals or principal is None:
            continue
        patterns = [pattern for pattern, _ in reading.principals]
        accounts = {p.account for p in patterns if p.form is PrincipalForm.ACCOUNT}
        roles = {p.account for p in patterns if p.form is PrincipalForm.ROLE}
        yield Hit(
            principal.name.span,
            'use Principal "*" with ArnNotEquals on aws:PrincipalArn instead of NotPrincipal',
            severity=Severity.ERROR if roles - accounts else None,
            edits=_with_condition(reading),
        )


@rule(
    "KG405",
    "any-service-principal",
    Severity.SECURITY,
    kinds=(PolicyKind.KEY_POLICY, PolicyKind.RCP),
)
def any_service_principal(subject: Subject) -> Iterator[Hit]:
    """An Allow is for all services of AWS.

    ## Why it matters
    Every service can be asked to work by every customer, and no condition is known to all of
    them. Name the services.

    ## Example
    ```json
    {"Effect": "Allow", "Principal": {"Service": "*"}, "Action": "kms:Decrypt", "Resource": "*",
     "Condition": {"StringEquals": {"aws:SourceAccount": "111122223333"}}}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "kms:Decrypt",
     "Resource": "*", "Condition": {"StringEquals": {"aws:SourceAccount": "111122223333"}}}
    ```

    ## Sources
    - AWS JSON policy elements: Principal
    - Permissions for AWS services in key policies
    """
    for reading in subject.giving:
        for pattern, entry in reading.principals:
            is_any = pattern.form is PrincipalForm.SERVICE and pattern.text == "*"
            if is_any and not reading.excludes_principals:
                yield Hit(entry.node.span, f"every AWS service may call {actions_of(reading)}")


@rule(
    "KG421", "account-wide-use-without-service", Severity.SECURITY, kinds=(PolicyKind.KEY_POLICY,)
)
def account_wide_use_without_service(subject: Subject) -> Iterator[Hit]:
    """Everybody of an account or organization may use the key, without a permission of their own.

    ## Why it matters
    Where the account is the principal, its identity policies decide. Here every user and role has
    access at once. Keys that services manage are shared like that, but only through the service.

    ## Example
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "kms:Decrypt", "Resource": "*",
     "Condition": {"StringEquals": {"kms:CallerAccount": "111122223333"}}}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "kms:Decrypt", "Resource": "*",
     "Condition": {"StringEquals": {"kms:CallerAccount": "111122223333",
                                    "kms:ViaService": "rds.eu-west-1.amazonaws.com"}}}
    ```

    ## Sources
    - AWS KMS condition keys
    """
    for reading in subject.giving:
        star = everyone(reading)
        if star is None or not reading.is_read_whole or not reading.kms_actions & CRYPTOGRAPHIC:
            continue
        bounds = [clause for clause in reading.clauses if bounds_caller(reading, clause)]
        keys = {clause.key for clause in reading.clauses} - _OPEN_TO_ALL
        if bounds and keys <= ACCOUNT_KEYS | ORGANIZATION_KEYS:
            scope = spelled((v.text for clause in bounds for v in clause.values), 2)
            yield Hit(
                star.node.span,
                f"every identity of {scope} may call {actions_of(reading, CRYPTOGRAPHIC)} directly",
            )


_OPEN_TO_ALL = frozenset(
    {"aws:SecureTransport", "aws:UserAgent", "aws:Referer", "aws:RequestedRegion"}
)
"""What narrows a statement for nobody who wants to meet it."""


def _with_condition(reading: Reading) -> tuple[Edit, ...]:
    """Return the edits that put the names of users and roles into a condition."""
    principal = reading.principal
    listed = [pattern for pattern, _ in reading.principals]
    named = [p.text for p in listed if p.form in (PrincipalForm.USER, PrincipalForm.ROLE)]
    others = [p for p in listed if p.form not in _NAMED_BY_ARN]
    if principal is None or reading.node.get("Condition") is not None or others or not named:
        return ()
    end = reading.node.members[-1].value.span.end
    arns = json.dumps(named if len(named) > 1 else named[0], ensure_ascii=False)
    condition = f', "Condition": {{"ArnNotEquals": {{"aws:PrincipalArn": {arns}}}}}'
    everybody = Edit(Span(principal.name.span.start, principal.value.span.end), '"Principal": "*"')
    if principal is reading.node.members[-1]:
        return (Edit(everybody.span, everybody.text + condition),)
    return (everybody, Edit(Span(end, end), condition))


_NAMED_BY_ARN = frozenset({PrincipalForm.USER, PrincipalForm.ROLE, PrincipalForm.ACCOUNT})
