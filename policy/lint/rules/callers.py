"""Statements about callers that cannot call like that (AUTH J-14 to J-21, J-39, J-61, K)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from policy.errors import Note
from policy.lint.parts import Clause, Entry
from policy.lint.reading import Callers
from policy.lint.repairs import quoted, without_items
from policy.lint.rule import Edit, Fix, Hit, Severity, rule
from policy.lint.subject import Subject, short
from policy.model import PolicyKind, PrincipalForm
from policy.pattern import Pattern
from policy.vocabulary import ACTIONS

_ATTACHED_TO_KEYS_OR_CALLERS = (PolicyKind.KEY_POLICY, PolicyKind.IDENTITY_POLICY)


@rule(
    "KG332",
    "not-effective-cross-account",
    Severity.WARNING,
    Fix.UNSAFE,
    kinds=_ATTACHED_TO_KEYS_OR_CALLERS,
)
def not_effective_cross_account(subject: Subject) -> Iterator[Hit]:
    """Principals of another account are allowed what only the key's own account can do.

    The account of the key is that to which the policy delegates all of `kms:*`.

    ## Why it matters
    The policy is saved, and every such call fails all the same. Using a key works across
    accounts, and so do grants; administration does not.

    ## Example
    ```json
    [{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
      "Action": "kms:*", "Resource": "*"},
     {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::444455556666:root"},
      "Action": ["kms:Decrypt", "kms:EnableKeyRotation"], "Resource": "*"}]
    ```

    ## Use instead
    ```json
    [{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
      "Action": "kms:*", "Resource": "*"},
     {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::444455556666:root"},
      "Action": "kms:Decrypt", "Resource": "*"}]
    ```

    ## Sources
    - Allowing users in other accounts to use a KMS key
    - AWS KMS permissions
    """
    owner = _owner(subject)
    if owner is None:
        return
    for reading in subject.readings:
        accounts = {pattern.account for pattern, _ in reading.principals}
        if not reading.allows or reading.callers is not Callers.IAM or {None, owner} & accounts:
            continue
        useless = [
            entry for name, entry in reading.literal_actions if name in _KEEPING_TO_ONE_ACCOUNT
        ]
        if useless:
            account = ", ".join(sorted(str(each) for each in accounts)[:_MAX_NAMED])
            gone = {entry.at for entry in useless}
            edits = without_items(useless[0].items, gone)
            yield _about(
                useless,
                f"{_named(useless)} cannot be used by principals of account {account}",
                edits=tuple(edit for at in sorted(gone) for edit in edits[at]),
            )


@rule(
    "KG337",
    "principal-keys-with-service",
    Severity.ERROR,
    Fix.UNSAFE,
    kinds=(PolicyKind.KEY_POLICY, PolicyKind.RCP),
)
def principal_keys_with_service(subject: Subject) -> Iterator[Hit]:
    """A statement about a service tests what only users and roles have.

    ## Why it matters
    A service belongs to no organization and no account of yours, it has no tags and no MFA. The
    statement never matches. What the service acts for is in the `aws:Source` keys.

    ## Example
    ```json
    {"Effect": "Allow", "Principal": {"Service": "delivery.logs.amazonaws.com"},
     "Action": "kms:GenerateDataKey*", "Resource": "*",
     "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Principal": {"Service": "delivery.logs.amazonaws.com"},
     "Action": "kms:GenerateDataKey*", "Resource": "*",
     "Condition": {"StringEquals": {"aws:SourceOrgID": "o-a1b2c3d4e5"}}}
    ```

    ## Sources
    - Access Analyzer policy check reference
    - Permissions for AWS services in key policies
    """
    for reading in subject.readings:
        if reading.callers is not Callers.SERVICES:
            continue
        service = reading.principals[0][0].text
        for clause in reading.clauses:
            if clause.key in _OF_PRINCIPALS and not clause.holds_without_key:
                name = clause.member.name
                edits: tuple[Edit, ...] = ()
                if clause.key == "aws:PrincipalOrgID":
                    edits = (Edit(name.span, quoted("aws:SourceOrgID")),)
                yield Hit(
                    name.span,
                    f"{short(clause.name)} is not present when {short(service)} calls; "
                    "use aws:SourceAccount, aws:SourceArn or aws:SourceOrgID",
                    edits=edits,
                )


@rule(
    "KG338",
    "source-keys-with-iam-principal",
    Severity.WARNING,
    kinds=_ATTACHED_TO_KEYS_OR_CALLERS,
)
def source_keys_with_iam_principal(subject: Subject) -> Iterator[Hit]:
    """An Allow for users and roles tests for which resource a service calls.

    ## Why it matters
    The `aws:Source` keys are in a request when a service calls in its own name. When it passes a
    user's request on, `kms:ViaService` tells.

    ## Example
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/app"},
     "Action": "kms:Decrypt", "Resource": "*",
     "Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:s3:::reports"}}}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/app"},
     "Action": "kms:Decrypt", "Resource": "*",
     "Condition": {"StringEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}}}
    ```

    ## Sources
    - Permissions for AWS services in key policies
    - AWS global condition context keys
    """
    for reading in subject.readings:
        if not reading.allows or reading.callers is not Callers.IAM or not reading.kms_actions:
            continue
        for clause in reading.clauses:
            if clause.key in _OF_SOURCES and clause.is_positive:
                yield Hit(
                    clause.member.name.span,
                    f"{short(clause.name)} is set only when a service principal calls; "
                    "this Allow never matches",
                )


@rule(
    "KG339",
    "via-service-on-admin-action",
    Severity.SUGGESTION,
    kinds=_ATTACHED_TO_KEYS_OR_CALLERS,
)
def via_service_on_admin_action(subject: Subject) -> Iterator[Hit]:
    """An Allow gives administration of a key, but only through a service.

    CloudFormation, which does administer keys, is not reported.

    ## Why it matters
    Services pass on what uses a key. They do not disable it or write its policy for somebody, so
    these permissions are never used.

    ## Example
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "111122223333"},
     "Action": ["kms:Decrypt", "kms:DisableKey"], "Resource": "*",
     "Condition": {"StringEquals": {"kms:ViaService": "rds.eu-west-1.amazonaws.com"}}}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "111122223333"},
     "Action": "kms:Decrypt", "Resource": "*",
     "Condition": {"StringEquals": {"kms:ViaService": "rds.eu-west-1.amazonaws.com"}}}
    ```

    ## Sources
    - AWS KMS condition keys
    """
    for reading in subject.readings:
        if not reading.allows:
            continue
        via = next((c for c in reading.clauses if _names_services(c)), None)
        unused = [entry for name, entry in reading.literal_actions if name in _ADMINISTRATION]
        if via is not None and unused:
            message = f"{_named(unused)} are not called through {short(via.values[0].text)}"
            yield _about(unused, message)


_KEEPING_TO_ONE_ACCOUNT = frozenset(
    action.name
    for action in ACTIONS.values()
    if action.resource.value == "key" and not action.cross_account
)
_ADMINISTRATION = frozenset(
    action.name for action in ACTIONS.values() if action.fixed_on_aws_managed
)
"""What changes a key: no service does that to a key of its customers."""

_OF_PRINCIPALS = frozenset(
    {
        "aws:PrincipalOrgID",
        "aws:PrincipalOrgPaths",
        "aws:PrincipalTag/",
        "aws:PrincipalAccount",
        "aws:userid",
        "aws:username",
        "aws:MultiFactorAuthPresent",
        "aws:MultiFactorAuthAge",
    }
)
_OF_SOURCES = frozenset(
    {"aws:SourceArn", "aws:SourceAccount", "aws:SourceOrgID", "aws:SourceOrgPaths"}
)
_MAX_NAMED = 4


def _owner(subject: Subject) -> str | None:
    """Return the account to which a key policy gives everything, if there is one such account."""
    if subject.kind is not PolicyKind.KEY_POLICY:
        return None
    owners = {
        pattern.account
        for reading in subject.readings
        if reading.allows
        and reading.is_unconditional
        and not reading.excludes_principals
        and reading.actions is not None
        and not reading.actions.negated
        and any(entry.text.lower() in ("kms:*", "*") for entry in reading.actions.entries)
        for pattern, _ in reading.principals
        if pattern.form is PrincipalForm.ACCOUNT
    }
    return owners.pop() if len(owners) == 1 else None


def _names_services(clause: Clause) -> bool:
    """Tell whether a clause asks for services none of which is CloudFormation."""
    if clause.key != "kms:ViaService" or not clause.is_positive:
        return False
    return not any(_may_be_cloudformation(value.pattern) for value in clause.values)


def _may_be_cloudformation(pattern: Pattern) -> bool:
    if pattern.variables:
        return True
    service = pattern.text.partition(".")[0]
    return service == "cloudformation" or "*" in service or "?" in service


def _named(entries: Sequence[Entry]) -> str:
    texts = [short(entry.text) for entry in entries[:_MAX_NAMED]]
    if len(entries) > _MAX_NAMED:
        texts.append(f"{len(entries) - _MAX_NAMED} more")
    return " and ".join((", ".join(texts[:-1]), texts[-1])) if len(texts) > 1 else texts[0]


def _about(entries: Sequence[Entry], message: str, edits: tuple[Edit, ...] = ()) -> Hit:
    """Point at the first of some actions, and at a few more."""
    first, *others = (entry.node.span for entry in entries[: _MAX_NAMED + 1])
    notes = tuple(Note("and this one", span) for span in others)
    return Hit(first, message, notes=notes, edits=edits)
