"""What users of a key are better not given (KG607 to KG609, KG612, KG613)."""

from __future__ import annotations

from collections.abc import Iterator

from policy.lint.duties import ALIASING, DESTRUCTIVE, TAGGING
from policy.lint.holders import Gift, Holder, holders, people
from policy.lint.meaning import Said
from policy.lint.rule import Hit, Severity, rule
from policy.lint.subject import Subject, short
from policy.model import PolicyKind, PrincipalForm

KEY_AND_IDENTITY = (PolicyKind.KEY_POLICY, PolicyKind.IDENTITY_POLICY)

_WINDOWS = frozenset(
    {"kms:schedulekeydeletionpendingwindowindays", "kms:trailingdayswithoutkeyusage"}
)
_SENSITIVE = (
    "PutKeyPolicy", "ScheduleKeyDeletion", "CreateGrant", "ReplicateKey",
    "DeleteImportedKeyMaterial",
)  # fmt: skip
_BINDINGS = ("kms:encryptioncontext", "kms:viaservice", "kms:requestalias")
_IDENTITIES = frozenset(
    {
        PrincipalForm.USER, PrincipalForm.ROLE, PrincipalForm.SESSION,
        PrincipalForm.FEDERATED_USER, PrincipalForm.UNIQUE_ID,
    }
)  # fmt: skip


@rule("KG607", "users-may-delete", Severity.WARNING, kinds=KEY_AND_IDENTITY)
def users_may_delete(subject: Subject) -> Iterator[Hit]:
    """Somebody who uses a key may also put it out of use.

    By one statement or several. `kms:*` is left to KG415.

    ## Why it matters
    What goes with the key is every byte under it. An application that can do so needs only one
    bug, or one visitor.

    ## Example
    ```json
    {"Sid": "App", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/app"},
     "Action": ["kms:Decrypt", "kms:DisableKey"], "Resource": "*"}
    ```

    ## Use instead
    ```json
    {"Sid": "App", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/app"},
     "Action": "kms:Decrypt", "Resource": "*"}
    ```

    ## Sources
    - Controlling access to key deletion
    """
    for holder, gift in _given_to_users(subject, DESTRUCTIVE):
        for action in sorted(gift.actions & DESTRUCTIVE):
            yield Hit(
                gift.said.entry_for(frozenset({action})),
                f"key user {short(holder.name, 100)} may {action}",
            )


@rule("KG609", "users-may-tag", Severity.WARNING, kinds=KEY_AND_IDENTITY)
def users_may_tag(subject: Subject) -> Iterator[Hit]:
    """Somebody who uses a key may also change its tags or aliases, whichever they are.

    Fine under a condition on `aws:RequestTag` or `aws:TagKeys`. `kms:*` is left to KG415.

    ## Why it matters
    Policies decide by tags and aliases. Who can put them on a key can put it into the reach of
    somebody else, or into their own.

    ## Example
    ```json
    {"Sid": "App", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/app"},
     "Action": ["kms:Decrypt", "kms:TagResource"], "Resource": "*"}
    ```

    ## Use instead
    ```json
    {"Sid": "App", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/app"},
     "Action": "kms:Decrypt", "Resource": "*"}
    ```

    ## Sources
    - Controlling access to tags
    - ABAC for AWS KMS
    """
    marking = TAGGING | ALIASING
    for holder, gift in _given_to_users(subject, marking):
        if not any(key.startswith(("aws:requesttag/", "aws:tagkeys")) for key in gift.said.keys):
            yield Hit(
                gift.said.entry_for(gift.actions & marking),
                f"key user {short(holder.name, 100)} may change tags or aliases, "
                "which can decide about access",
            )


def _given_to_users(subject: Subject, actions: frozenset[str]) -> Iterator[tuple[Holder, Gift]]:
    """Yield who uses a key and is given one of these actions on it, once for each statement."""
    reported: set[int] = set()
    for holder in holders(subject.meaning):
        for gift in holder.gifts:
            if (
                gift.actions & actions
                and gift.said.model.index not in reported
                and holder.uses_key_of(gift)
            ):
                reported.add(gift.said.model.index)
                yield holder, gift


@rule(
    "KG608", "deletion-window-unbounded", Severity.SUGGESTION,
    kinds=(PolicyKind.KEY_POLICY, PolicyKind.IDENTITY_POLICY, PolicyKind.SCP),
)  # fmt: skip
def deletion_window_unbounded(subject: Subject) -> Iterator[Hit]:
    """Somebody may schedule the deletion of a key for any day from a week on.

    Silent where a Deny of the same document bounds it. An Allow of an SCP gives nothing and is
    not reported.

    ## Why it matters
    A key that is needed once a month is not missed within seven days.

    ## Example
    ```json
    {"Sid": "Admins", "Effect": "Allow",
     "Principal": {"AWS": "arn:aws:iam::111122223333:role/key-admin"},
     "Action": "kms:ScheduleKeyDeletion", "Resource": "*"}
    ```

    ## Use instead
    ```json
    {"Sid": "Admins", "Effect": "Allow",
     "Principal": {"AWS": "arn:aws:iam::111122223333:role/key-admin"},
     "Action": "kms:ScheduleKeyDeletion", "Resource": "*",
     "Condition": {"NumericGreaterThanEquals": {
       "kms:ScheduleKeyDeletionPendingWindowInDays": "30"}}}
    ```

    ## Sources
    - Controlling access to key deletion
    - Schedule key deletion
    """
    meaning = subject.meaning
    if subject.kind is PolicyKind.SCP or any(
        "ScheduleKeyDeletion" in said.actions and (said.keys & _WINDOWS or not said.conditions)
        for said in meaning.denies
    ):
        return
    for said in meaning.allows:
        bounded = "ScheduleKeyDeletion" not in said.actions or said.keys & _WINDOWS
        if not bounded and people(said, meaning.account):
            yield Hit(
                said.entry_for(frozenset({"ScheduleKeyDeletion"})),
                "require a waiting period or a period without use for kms:ScheduleKeyDeletion",
            )


@rule(
    "KG612", "sensitive-action-in-identity-policy", Severity.SUGGESTION,
    kinds=(PolicyKind.IDENTITY_POLICY,),
)  # fmt: skip
def sensitive_action_in_identity_policy(subject: Subject) -> Iterator[Hit]:
    """An identity policy gives a sensitive action on more than listed keys.

    Key policies, deletion, grants, replicas and imported material.

    ## Why it matters
    Such an action concerns one key, and the policy of that key is where its owner looks for it.
    Through an identity policy with a wildcard it reaches every key that trusts the account.

    ## Example
    ```json
    {"Effect": "Allow", "Action": "kms:PutKeyPolicy",
     "Resource": "arn:aws:kms:*:111122223333:key/*"}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Action": "kms:PutKeyPolicy",
     "Resource": "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"}
    ```

    ## Sources
    - Best practices for IAM policies
    """
    for said in subject.meaning.allows:
        resource = said.model.resource
        found = [name for name in _SENSITIVE if name in said.actions]
        if not found or resource is None:
            continue
        wide = [each.text for each in resource.patterns if "*" in each.text or "?" in each.text]
        if wide or resource.negated:
            reach = short(wide[0]) if wide else "all but some resources"
            yield Hit(
                said.entry_for(frozenset(found)),
                f"give kms:{found[0]} in the key policy rather than for {reach}",
            )


@rule(
    "KG613", "context-free-data-use", Severity.SUGGESTION, kinds=(PolicyKind.KEY_POLICY,),
    opt_in=True,
)  # fmt: skip
def context_free_data_use(subject: Subject) -> Iterator[Hit]:
    """A named identity may decrypt anything, or make any data key.

    Fine under a condition on the encryption context, `kms:ViaService` or `kms:RequestAlias`. The
    key is taken for a symmetric one. Off unless it is selected.

    ## Why it matters
    An encryption context ties a permission to the data that it was given for. Without one, the
    backup of another application opens as well.

    ## Example
    ```json
    {"Sid": "App", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/app"},
     "Action": "kms:Decrypt", "Resource": "*"}
    ```

    ## Use instead
    ```json
    {"Sid": "App", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/app"},
     "Action": "kms:Decrypt", "Resource": "*",
     "Condition": {"StringEquals": {"kms:EncryptionContext:app": "billing"}}}
    ```

    ## Sources
    - Permissions for AWS services in key policies
    - AWS KMS condition keys
    """
    for said in subject.meaning.allows:
        found = said.actions & {"Decrypt", "GenerateDataKey"}
        if found and _names_identity(said) and not _is_bound(said):
            names = " and ".join(f"kms:{name}" for name in sorted(found))
            yield Hit(said.entry_for(found), f"bind {names} to an encryption context")


def _names_identity(said: Said) -> bool:
    return any(each.form in _IDENTITIES for each in said.principals)


def _is_bound(said: Said) -> bool:
    return any(key.startswith(_BINDINGS) for key in said.keys)
