"""What can be done with a key for ever, undone, and read again (KG512 to KG514)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import TYPE_CHECKING

from policy.lint.meaning import Said
from policy.lint.rule import Hit, Severity, rule
from policy.lint.subject import Subject
from policy.model import Condition, PolicyKind
from policy.source import Span

if TYPE_CHECKING:
    from policy.lint.reach import Reach

KEY_POLICY = (PolicyKind.KEY_POLICY,)

_UNDONE_BY = {
    "ScheduleKeyDeletion": ("CancelKeyDeletion",),
    "DisableKey": ("EnableKey",),
    "CreateGrant": ("RevokeGrant", "ListGrants"),
}


@rule("KG512", "expiring-administration", Severity.WARNING, kinds=KEY_POLICY)
def expiring_administration(subject: Subject) -> Iterator[Hit]:
    """After some date nobody can change the key policy, or nobody can decrypt.

    Decided by the evaluator, as KG502 is, right after each date that a condition on
    `aws:CurrentTime` or `aws:EpochTime` names.

    ## Why it matters
    A last day suits a guest. On the only administrator it is a lock-out that waits.

    ## Example
    ```json
    {"Version": "2012-10-17", "Statement": [
      {"Sid": "Administrators", "Effect": "Allow", "Principal": {"AWS": [
         "arn:aws:iam::111122223333:role/ops", "arn:aws:iam::111122223333:role/security"]},
       "Action": "kms:*", "Resource": "*",
       "Condition": {"DateLessThan": {"aws:CurrentTime": "2031-03-31T00:00:00Z"}}}]}
    ```

    ## Use instead
    ```json
    {"Version": "2012-10-17", "Statement": [
      {"Sid": "Administrators", "Effect": "Allow", "Principal": {"AWS": [
         "arn:aws:iam::111122223333:role/ops", "arn:aws:iam::111122223333:role/security"]},
       "Action": "kms:*", "Resource": "*"}]}
    ```

    ## Sources
    - Default key policy
    - AWS global condition context keys
    """
    if not any(_DATED & said.keys for said in subject.meaning.said) or subject.reach is None:
        return
    ends: dict[tuple[dt.datetime, Condition], list[str]] = {}
    for action in ("PutKeyPolicy", "Decrypt"):
        end = _end(subject.reach, action)
        if end is not None:
            ends.setdefault(end, []).append(action)
    for (moment, condition), actions in ends.items():
        date = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
        message = f"after {date} nobody can call {' or '.join(actions)}"
        yield Hit(_place(subject, condition), message)


_DATED = frozenset({"aws:currenttime", "aws:epochtime"})


def _end(reach: Reach, action: str) -> tuple[dt.datetime, Condition] | None:
    """Return from when on nobody can call an action that somebody can call before."""
    if not reach.anyone(action):
        return None
    last: tuple[dt.datetime, Condition] | None = None
    for moment, condition in reversed(reach.ends):
        if reach.anyone(action, at=moment + dt.timedelta(seconds=1)):
            break
        last = moment, condition
    return last


def _place(subject: Subject, condition: Condition) -> Span:
    said = next(said for said in subject.meaning.said if condition in said.conditions)
    return said.key_place(condition)


@rule("KG513", "no-way-back", Severity.SUGGESTION, kinds=KEY_POLICY)
def no_way_back(subject: Subject) -> Iterator[Hit]:
    """Somebody may do what nobody may undo.

    Deletion that is scheduled and not cancelled, a key that is disabled and not enabled, grants
    that are made and not listed or revoked. Decided by the evaluator, as KG502 is.

    ## Why it matters
    The slip is noticed, and first somebody has to change the key policy before it can be mended.

    ## Example
    ```json
    {"Version": "2012-10-17", "Statement": [
      {"Sid": "Administrators", "Effect": "Allow",
       "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
       "Action": ["kms:GetKeyPolicy", "kms:PutKeyPolicy", "kms:DisableKey"],
       "Resource": "*"}]}
    ```

    ## Use instead
    ```json
    {"Version": "2012-10-17", "Statement": [
      {"Sid": "Administrators", "Effect": "Allow",
       "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
       "Action": ["kms:GetKeyPolicy", "kms:PutKeyPolicy", "kms:DisableKey", "kms:EnableKey"],
       "Resource": "*"}]}
    ```

    ## Sources
    - Controlling access to key deletion
    - Managing grants
    """
    for action, reverse in _UNDONE_BY.items():
        said = _allowing(subject, action)
        if said is None or not subject.anyone_can(action):
            continue
        missing = [name for name in reverse if not subject.anyone_can(name)]
        if missing:
            message = f"{action} is allowed, but nobody may {' or '.join(missing)}"
            yield Hit(said.entry_for(frozenset({action})), message)


@rule("KG514", "write-only-key", Severity.SUGGESTION, kinds=KEY_POLICY)
def write_only_key(subject: Subject) -> Iterator[Hit]:
    """Somebody may produce what nobody may ever read or check.

    Encryption without decryption, signatures without verification or the public key, MACs without
    verification. Decided by the evaluator, as KG502 is; silent where somebody may make grants.

    ## Why it matters
    Most often the other half was forgotten. It is noticed when the first backup is needed.

    ## Example
    ```json
    {"Version": "2012-10-17", "Statement": [
      {"Sid": "Administrators", "Effect": "Allow",
       "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
       "Action": ["kms:GetKeyPolicy", "kms:PutKeyPolicy"], "Resource": "*"},
      {"Sid": "Application", "Effect": "Allow",
       "Principal": {"AWS": "arn:aws:iam::111122223333:role/billing"},
       "Action": "kms:Encrypt", "Resource": "*"}]}
    ```

    ## Use instead
    ```json
    {"Version": "2012-10-17", "Statement": [
      {"Sid": "Administrators", "Effect": "Allow",
       "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
       "Action": ["kms:GetKeyPolicy", "kms:PutKeyPolicy"], "Resource": "*"},
      {"Sid": "Application", "Effect": "Allow",
       "Principal": {"AWS": "arn:aws:iam::111122223333:role/billing"},
       "Action": ["kms:Encrypt", "kms:Decrypt"], "Resource": "*"}]}
    ```

    ## Sources
    - Key type reference
    - Default key policy
    """
    if subject.anyone_can("CreateGrant"):
        return
    for making, using, written, read in _HALVES:
        for action in making:
            said = _allowing(subject, action)
            if said is not None and subject.anyone_can(action):
                if not subject.anyone_can(*using):
                    message = f"data can be {written} with this key but not {read}"
                    yield Hit(said.entry_for(frozenset({action})), message)
                break


_HALVES = (
    (
        ("Encrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext"),
        ("Decrypt", "ReEncryptFrom"),
        "encrypted",
        "decrypted",
    ),
    (("Sign",), ("Verify", "GetPublicKey"), "signed", "verified"),
    (("GenerateMac",), ("VerifyMac",), "authenticated", "verified"),
)
"""What writes, what reads it again, and how both are called."""


def _allowing(subject: Subject, action: str) -> Said | None:
    return next((said for said in subject.meaning.allows if action in said.actions), None)
