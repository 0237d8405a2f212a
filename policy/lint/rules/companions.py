"""Actions that come in pairs, and the one key policy there is (KG515, KG517)."""

from __future__ import annotations

from collections.abc import Iterator

from policy.lint.meaning import Said
from policy.lint.rule import Hit, Severity, rule
from policy.lint.subject import Subject
from policy.model import Condition, Effect, PolicyKind

KEY_AND_IDENTITY = (PolicyKind.KEY_POLICY, PolicyKind.IDENTITY_POLICY)


@rule("KG515", "companion-action-missing", Severity.SUGGESTION, kinds=KEY_AND_IDENTITY, opt_in=True)
def companion_action_missing(subject: Subject) -> Iterator[Hit]:
    """One of two actions that are needed together is allowed alone.

    Re-encryption in one direction; replication without `kms:CreateKey`, and new keys with tags
    without `kms:TagResource`, in identity policies; data keys through Amazon S3 without
    `kms:Decrypt`, which uploads in several parts need. Off unless it is selected.

    ## Why it matters
    Half of a pair is refused in use, and the message names the half that was forgotten only then.

    ## Example
    ```json
    {"Sid": "Rewrap", "Effect": "Allow",
     "Principal": {"AWS": "arn:aws:iam::111122223333:role/rewrap"},
     "Action": "kms:ReEncryptFrom", "Resource": "*"}
    ```

    ## Use instead
    ```json
    {"Sid": "Rewrap", "Effect": "Allow",
     "Principal": {"AWS": "arn:aws:iam::111122223333:role/rewrap"},
     "Action": ["kms:ReEncryptFrom", "kms:ReEncryptTo"], "Resource": "*"}
    ```

    ## Sources
    - AWS KMS condition keys
    - Controlling access to multi-Region keys
    """
    for said in subject.meaning.allows:
        given = _given_with(subject, said)
        for action, other in _pairs(subject, said):
            if action in said.actions and other not in given:
                yield Hit(
                    said.entry_for(frozenset({action})),
                    f"kms:{action} usually also needs kms:{other}",
                )


def _pairs(subject: Subject, said: Said) -> Iterator[tuple[str, str]]:
    yield "ReEncryptFrom", "ReEncryptTo"
    yield "ReEncryptTo", "ReEncryptFrom"
    if subject.kind is PolicyKind.IDENTITY_POLICY:
        yield "ReplicateKey", "CreateKey"
        if any(key == "aws:tagkeys" or key.startswith("aws:requesttag/") for key in said.keys):
            yield "CreateKey", "TagResource"
    if any(
        value.text.startswith("s3.")
        for condition in said.conditions
        if condition.key.lower() == "kms:viaservice"
        for value in condition.values
    ):
        yield "GenerateDataKey", "Decrypt"


def _given_with(subject: Subject, said: Said) -> frozenset[str]:
    """Return what the principals of a statement are given by all statements together."""
    found = said.actions
    who = {each.text for each in said.principals}
    for other in subject.meaning.allows:
        covers = other.is_for_everyone or who <= {each.text for each in other.principals}
        found = found | other.actions if covers else found
    return found


@rule(
    "KG517", "policy-name-value", Severity.WARNING,
    kinds=(PolicyKind.KEY_POLICY, PolicyKind.IDENTITY_POLICY, PolicyKind.SCP),
)  # fmt: skip
def policy_name_value(subject: Subject) -> Iterator[Hit]:
    """A condition on `kms:PolicyName` keeps the key policy from being put.

    ## Why it matters
    The policy of a key is called `default`. The only other one, `AWS_RAM`, belongs to AWS
    Resource Access Manager. Who may put no `default` may change nothing.

    ## Example
    ```json
    {"Sid": "Policy", "Effect": "Allow", "Principal": {"AWS": "111122223333"},
     "Action": "kms:PutKeyPolicy", "Resource": "*",
     "Condition": {"StringEquals": {"kms:PolicyName": "AWS_RAM"}}}
    ```

    ## Use instead
    ```json
    {"Sid": "Policy", "Effect": "Allow", "Principal": {"AWS": "111122223333"},
     "Action": "kms:PutKeyPolicy", "Resource": "*",
     "Condition": {"StringEquals": {"kms:PolicyName": "default"}}}
    ```

    ## Sources
    - PutKeyPolicy (AWS KMS API Reference)
    """
    for said in subject.meaning.said:
        if "PutKeyPolicy" not in said.actions or "kms:policyname" not in said.keys:
            continue
        tests = [each for each in said.conditions if each.key.lower() == "kms:policyname"]
        failing = [test for test in tests if not _holds_of_default(test, said.model.effect)]
        is_denied = not said.allows and not failing and len(tests) == len(said.conditions)
        if is_denied or (said.allows and failing):
            yield Hit(
                said.key_place((failing or tests)[0]),
                "PutKeyPolicy can only set the policy named default",
            )


def _holds_of_default(test: Condition, effect: Effect) -> bool:
    from policy.conditions import compare  # noqa: PLC0415 - not needed for most policies
    from policy.request import Context  # noqa: PLC0415

    return compare(test, Context({"kms:PolicyName": "default"}), effect).matched
