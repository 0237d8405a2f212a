"""Whether the account that owns a key has a hold on it (KG501, KG511, KG611)."""

from __future__ import annotations

import json
from collections.abc import Iterator

from policy.arn import Arn, root_arn
from policy.lint.duties import CRYPTOGRAPHIC
from policy.lint.fixes import removed
from policy.lint.insertions import statement_added
from policy.lint.meaning import CALLER_ACCOUNT_KEYS, MANAGING, Said
from policy.lint.rule import Edit, Fix, Hit, Severity, rule
from policy.lint.subject import Subject
from policy.model import Condition, PolicyKind, PrincipalPattern
from policy.tree import Object

KEY_POLICY = (PolicyKind.KEY_POLICY,)
_SID = "Enable IAM policies"


@rule("KG501", "no-account-delegation", Severity.WARNING, Fix.UNSAFE, kinds=KEY_POLICY)
def no_account_delegation(subject: Subject) -> Iterator[Hit]:
    """No statement lets the account that owns the key manage it.

    The owner is the account that is given as an option, or else the one that a statement lets
    manage the key, or the one that most principals belong to.

    ## Why it matters
    Other resources listen to identity policies of their account; a KMS key does so only where its
    key policy says so. When the named identities are gone, nobody gets in any more.

    ## Example
    ```json
    {"Version": "2012-10-17", "Statement": [
      {"Sid": "Administrators", "Effect": "Allow", "Principal": {"AWS": [
         "arn:aws:iam::111122223333:role/ops", "arn:aws:iam::111122223333:role/security"]},
       "Action": "kms:*", "Resource": "*"}]}
    ```

    ## Use instead
    ```json
    {"Version": "2012-10-17", "Statement": [
      {"Sid": "Enable IAM policies", "Effect": "Allow",
       "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
       "Action": "kms:*", "Resource": "*"}]}
    ```

    ## Sources
    - Default key policy
    """
    meaning = subject.meaning
    if not meaning.is_whole:
        return
    account = meaning.account
    for said in meaning.allows:
        to_account = account is not None and said.names_account(account)
        if said.actions >= MANAGING and (said.is_for_everyone or to_account):
            return
    yield Hit(
        subject.heading,
        "the account that owns the key has no access; "
        "IAM policies cannot allow anything and the key may become unmanageable",
        f"add a statement that allows kms:* to {root_arn(account)}" if account else None,
        edits=_delegating(subject, account) if account else (),
    )


def _delegating(subject: Subject, account: str) -> tuple[Edit, ...]:
    if any(said.model.sid == _SID for said in subject.meaning.said):
        return ()
    arns = (each.arn for said in subject.meaning.said for each in said.principals)
    partition = next((arn.partition for arn in arns if isinstance(arn, Arn)), "aws")
    statement = {
        "Sid": _SID,
        "Effect": "Allow",
        "Principal": {"AWS": str(root_arn(account, partition))},
        "Action": "kms:*",
        "Resource": "*",
    }
    return statement_added(subject, json.dumps(statement))


@rule("KG511", "conditional-account-delegation", Severity.WARNING, kinds=KEY_POLICY)
def conditional_account_delegation(subject: Subject) -> Iterator[Hit]:
    """The account can manage its key only under a condition, or only in part.

    A condition on the account of the caller is fine: it holds of the account's own identities.

    ## Why it matters
    A network that is rebuilt, a tag that is renamed, a day that passes: the condition fails, and
    with it everybody who could have changed the condition.

    ## Example
    ```json
    {"Sid": "Enable IAM policies", "Effect": "Allow",
     "Principal": {"AWS": "arn:aws:iam::111122223333:root"}, "Action": "kms:*", "Resource": "*",
     "Condition": {"StringEquals": {"aws:SourceVpc": "vpc-0a1b2c3d"}}}
    ```

    ## Use instead
    ```json
    {"Sid": "Enable IAM policies", "Effect": "Allow",
     "Principal": {"AWS": "arn:aws:iam::111122223333:root"}, "Action": "kms:*", "Resource": "*"}
    ```

    ## Sources
    - Default key policy
    """
    account = subject.meaning.account
    if account is None:
        return
    delegating = [
        said
        for said in subject.meaning.allows
        if said.names_account(account) and said.actions - CRYPTOGRAPHIC >= {"GetKeyPolicy"}
    ]
    if any("PutKeyPolicy" in s.actions and not _limits(s, account) for s in delegating):
        return
    for said in delegating:
        limits = _limits(said, account)
        if "PutKeyPolicy" not in said.actions and not said.actions & {"ScheduleKeyDeletion"}:
            continue
        if limits:
            names = " and ".join(f"{each.operator} {each.key}" for each in limits)
            yield Hit(
                said.key_place(limits[0]),
                f"identity policies can manage this key only while {names} holds",
            )
        elif "PutKeyPolicy" not in said.actions:
            yield Hit(
                said.entry_for(said.actions),
                "identity policies can manage this key only while its key policy stays as it is",
                "add kms:PutKeyPolicy",
            )


def _limits(said: Said, account: str) -> tuple[Condition, ...]:
    """Return the conditions that are not simply true of the account's identities."""
    return tuple(
        each
        for each in said.conditions
        if each.key.lower() not in CALLER_ACCOUNT_KEYS
        or each.operator.base.negated
        or all(value.text != account for value in each.values)
    )


@rule("KG611", "account-principal-as-user", Severity.SUGGESTION, Fix.UNSAFE, kinds=KEY_POLICY)
def account_principal_as_user(subject: Subject) -> Iterator[Hit]:
    """The account is listed among the users of its own key.

    Reported where another statement hands everything to the account anyway, and where all that
    the account is ever handed is cryptography.

    ## Why it matters
    It reads like "the root user", and means "whatever identity policies of the account say". By
    itself it lets no identity do anything.

    ## Example
    ```json
    {"Version": "2012-10-17", "Statement": [
      {"Sid": "Enable IAM policies", "Effect": "Allow", "Principal": {"AWS": "111122223333"},
       "Action": "kms:*", "Resource": "*"},
      {"Sid": "Users", "Effect": "Allow", "Principal": {"AWS": [
         "arn:aws:iam::111122223333:role/billing", "111122223333"]},
       "Action": ["kms:Encrypt", "kms:Decrypt"], "Resource": "*"}]}
    ```

    ## Use instead
    ```json
    {"Version": "2012-10-17", "Statement": [
      {"Sid": "Enable IAM policies", "Effect": "Allow", "Principal": {"AWS": "111122223333"},
       "Action": "kms:*", "Resource": "*"},
      {"Sid": "Users", "Effect": "Allow",
       "Principal": {"AWS": "arn:aws:iam::111122223333:role/billing"},
       "Action": ["kms:Encrypt", "kms:Decrypt"], "Resource": "*"}]}
    ```

    ## Sources
    - Creating a key policy
    """
    account = subject.meaning.account
    if account is None:
        return
    naming = [said for said in subject.meaning.allows if said.names_account(account)]
    is_delegated = any(said.is_about_everything and not said.conditions for said in naming)
    if not is_delegated and any(said.actions - CRYPTOGRAPHIC for said in naming):
        return
    for said in naming:
        entry = said.names_account(account)
        if entry is not None and not said.is_about_everything:
            yield Hit(
                entry.span,
                f"account principal in '{said.label}': "
                "this gives nothing to any identity by itself",
                edits=_without(subject, said, entry),
            )


def _without(subject: Subject, said: Said, entry: PrincipalPattern) -> tuple[Edit, ...]:
    """Return the edit that takes the account out, where somebody else is left in the list."""
    principal = said.node.get("Principal")
    if not isinstance(principal, Object):
        return ()
    for each in subject.principals:
        if each.node.span == entry.span and len(each.items) > 1:
            at = next(i for i, node in enumerate(each.items) if node.span == entry.span)
            edit = removed(each.items, {at}, at)
            return (edit,) if edit else ()
    return ()
