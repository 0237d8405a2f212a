"""Statements that give more actions, or more keys, than anybody listed."""

from __future__ import annotations

from collections.abc import Iterator

from policy.errors import Note
from policy.lint.parts import Entry
from policy.lint.permits import (
    CRYPTOGRAPHIC,
    actions_of,
    covering,
    gives_everything,
    has_wildcard,
)
from policy.lint.reading import Reading
from policy.lint.rule import Hit, Severity, rule
from policy.lint.subject import Subject, short
from policy.model import PolicyKind, PrincipalForm
from policy.operators import Family

_IDENTITY = (PolicyKind.IDENTITY_POLICY,)
_WITH_RESOURCES = (PolicyKind.IDENTITY_POLICY, PolicyKind.ENDPOINT_POLICY)


@rule("KG415", "all-actions-for-identity", Severity.SECURITY, kinds=(PolicyKind.KEY_POLICY,))
def all_actions_for_identity(subject: Subject) -> Iterator[Hit]:
    """A user, a role, a session or a service gets every action on the key.

    ## Why it matters
    Only the delegation to the key's own account needs all of them. Whoever else has them uses the
    key, rewrites its policy and deletes it.

    ## Example
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/billing"},
     "Action": "kms:*", "Resource": "*"}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/billing"},
     "Action": ["kms:Decrypt", "kms:GenerateDataKey"], "Resource": "*"}
    ```

    ## Sources
    - Default key policy
    - Best practices for IAM policies
    """
    for reading in subject.giving:
        entry = gives_everything(reading)
        if entry is None or reading.excludes_principals:
            continue
        for pattern, named in reading.principals:
            if pattern.form in _IDENTITIES:
                yield Hit(
                    entry.node.span,
                    f"{short(pattern.text)} gets every KMS action on this key",
                    notes=(Note("the principal", named.node.span),),
                )
                break


@rule(
    "KG416",
    "allow-notaction",
    Severity.SECURITY,
    kinds=(PolicyKind.KEY_POLICY, PolicyKind.IDENTITY_POLICY, PolicyKind.ENDPOINT_POLICY),
)
def allow_notaction(subject: Subject) -> Iterator[Hit]:
    """An Allow lists the actions that it does not give.

    ## Why it matters
    A new action of the service is given on the day it appears.

    ## Example
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/billing"},
     "NotAction": ["kms:PutKeyPolicy", "kms:Create*"], "Resource": "*"}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/billing"},
     "Action": ["kms:Decrypt", "kms:Encrypt"], "Resource": "*"}
    ```

    ## Sources
    - IAM JSON policy elements: NotAction
    """
    for reading in subject.giving:
        listing, given = reading.actions, reading.kms_actions
        if listing is not None and listing.negated and given:
            telling = [name for name in _TELLING if name in given] or sorted(given)
            examples = " and ".join(f"kms:{name}" for name in telling[:2])
            yield Hit(
                listing.name.span,
                f"Allow with NotAction grants {len(given)} KMS actions, among them {examples}",
            )


@rule("KG417", "allow-notresource", Severity.SECURITY, kinds=_WITH_RESOURCES)
def allow_notresource(subject: Subject) -> Iterator[Hit]:
    """An Allow lists the keys that it does not give.

    ## Why it matters
    It covers keys that do not exist yet, and keys of strangers who permit it.

    ## Example
    ```json
    {"Effect": "Allow", "Action": "kms:DescribeKey",
     "NotResource": "arn:aws:kms:eu-west-1:111122223333:key/*"}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Action": "kms:DescribeKey",
     "Resource": "arn:aws:kms:eu-central-1:111122223333:key/*"}
    ```

    ## Sources
    - IAM JSON policy elements: NotResource
    - Best practices for IAM policies
    """
    for reading in subject.giving:
        resources, actions = reading.resources, reading.actions
        if resources is None or actions is None or not resources.negated:
            continue
        if reading.kms_actions:
            message = "Allow with NotResource reaches every other KMS key, also in other accounts"
            more = ", with every action that NotAction does not list" if actions.negated else ""
            yield Hit(resources.name.span, message + more)


@rule("KG418", "decrypt-on-all-keys", Severity.SECURITY, kinds=_IDENTITY)
def decrypt_on_all_keys(subject: Subject) -> Iterator[Hit]:
    """An identity policy lets every key be used, whosever it is.

    A test of the key's account, organization, aliases or tags makes this a suggestion.

    ## Why it matters
    Every key that delegates can be read with, and a stranger's key policy can have data encrypted
    under a key that is not yours.

    ## Example
    ```json
    {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*"}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Action": "kms:Decrypt",
     "Resource": "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"}
    ```

    ## Sources
    - Best practices for IAM policies
    """
    for reading in subject.giving:
        resource = next((e for e in _resources(reading) if _is_any_key(e.text)), None)
        entries = covering(reading, _USE)
        if resource is None or not entries:
            continue
        is_narrowed = any(c.key in _OF_RESOURCES and c.is_positive for c in reading.clauses)
        yield Hit(
            entries[0].node.span,
            f"{actions_of(reading, _USE)} are allowed on every KMS key of every account",
            notes=(Note("every key", resource.node.span),),
            severity=Severity.SUGGESTION if is_narrowed else None,
        )


@rule("KG419", "full-kms-in-identity-policy", Severity.SECURITY, kinds=_IDENTITY)
def full_kms_in_identity_policy(subject: Subject) -> Iterator[Hit]:
    """An identity policy allows everything on every key.

    ## Why it matters
    Deletion, policies and decryption are in one hand, for all keys that delegate.

    ## Example
    ```json
    [{"Effect": "Allow", "Action": "kms:*", "Resource": "*"},
     {"Effect": "Deny", "Action": "kms:CreateKey", "Resource": "*",
      "Condition": {"Bool": {"kms:BypassPolicyLockoutSafetyCheck": "true"}}}]
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Action": ["kms:DescribeKey", "kms:ListResourceTags"],
     "Resource": "arn:aws:kms:*:111122223333:key/*"}
    ```

    ## Sources
    - Best practices for IAM policies
    """
    for reading in subject.giving:
        entry = gives_everything(reading)
        if entry is not None and any(each.text == "*" for each in _resources(reading)):
            yield Hit(entry.node.span, "this identity policy allows all KMS actions on all keys")


@rule("KG420", "any-account-key-arn", Severity.SECURITY, kinds=_WITH_RESOURCES)
def any_account_key_arn(subject: Subject) -> Iterator[Hit]:
    """An Allow names keys by an ARN whose account is a pattern.

    ## Why it matters
    It looks narrower than `*` and is not.

    ## Example
    ```json
    {"Effect": "Allow", "Action": "kms:DescribeKey", "Resource": "arn:aws:kms:eu-west-1:*:key/*"}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Action": "kms:DescribeKey",
     "Resource": "arn:aws:kms:eu-west-1:111122223333:key/*"}
    ```

    ## Sources
    - Best practices for IAM policies
    """
    for reading in subject.giving:
        for entry in _resources(reading):
            fields = entry.text.split(":", 5)
            if len(fields) < 6 or fields[2] != "kms" or not has_wildcard(fields[4]):
                continue
            if not fields[5].startswith("alias/"):
                yield Hit(entry.node.span, f"'{short(entry.text)}' includes keys of other accounts")


@rule(
    "KG422",
    "via-service-pattern",
    Severity.WARNING,
    kinds=(PolicyKind.KEY_POLICY, PolicyKind.IDENTITY_POLICY),
)
def via_service_pattern(subject: Subject) -> Iterator[Hit]:
    """The service in a test of `kms:ViaService` is a pattern.

    ## Why it matters
    Any service that the principal may use is a way around the restriction.

    ## Example
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/billing"},
     "Action": "kms:Decrypt", "Resource": "*",
     "Condition": {"StringLike": {"kms:ViaService": "*.eu-west-1.amazonaws.com"}}}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/billing"},
     "Action": "kms:Decrypt", "Resource": "*",
     "Condition": {"StringLike": {"kms:ViaService": "rds.*.amazonaws.com"}}}
    ```

    ## Sources
    - AWS KMS condition keys
    """
    for reading in subject.giving:
        for clause in reading.clauses:
            if clause.key != "kms:ViaService" or clause.family is Family.NULL:
                continue
            if clause.operator.base.negated:
                continue
            for value in clause.values:
                if value.pattern.has_wildcard and has_wildcard(value.text.partition(".")[0]):
                    yield Hit(value.span, f"'{short(value.text)}' allows every integrated service")


_IDENTITIES = frozenset(
    {
        PrincipalForm.USER,
        PrincipalForm.ROLE,
        PrincipalForm.SESSION,
        PrincipalForm.FEDERATED_USER,
        PrincipalForm.SERVICE,
    }
)
_USE = CRYPTOGRAPHIC | {"CreateGrant"}
_TELLING = ("PutKeyPolicy", "ScheduleKeyDeletion", "CreateGrant", "Decrypt")
_OF_RESOURCES = frozenset(
    {"aws:ResourceAccount", "aws:ResourceOrgID", "kms:ResourceAliases", "aws:ResourceTag/"}
)


def _resources(reading: Reading) -> tuple[Entry, ...]:
    listing = reading.resources
    return () if listing is None or listing.negated else listing.entries


def _is_any_key(text: str) -> bool:
    """Tell whether a resource may be every key of some account that is not named."""
    if text == "*":
        return True
    fields = text.split(":", 5)
    if len(fields) < 6 or fields[2] not in ("kms", "*"):
        return False
    return has_wildcard(fields[4]) and fields[5] in ("*", "key/*")
