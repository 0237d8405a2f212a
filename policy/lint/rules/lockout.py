"""Who can still change a key policy once it is in force (KG502 to KG505)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from policy.arn import Arn
from policy.lint.meaning import Said, is_open, plainly_able
from policy.lint.rule import Hit, Severity, rule
from policy.lint.subject import Subject, short
from policy.model import Condition, PolicyKind, PrincipalForm
from policy.operators import Family, SetOperator
from policy.source import Span

if TYPE_CHECKING:
    from policy.request import Principal

KEY_POLICY = (PolicyKind.KEY_POLICY,)


@rule("KG502", "nobody-can-change-policy", Severity.ERROR, kinds=KEY_POLICY)
def nobody_can_change_policy(subject: Subject) -> Iterator[Hit]:
    """No identity of the account is left that could put another key policy.

    Decided by the evaluator for everybody whom the policy names and for identities that it does
    not name. Each is thought to have an identity policy that allows everything; conditions of an
    Allow are thought to hold, those of a Deny not to. Whoever is refused even so stays refused.

    ## Why it matters
    Such a key can be recovered by AWS Support only. KMS refuses the policy unless its safety
    check is switched off.

    ## Example
    ```json
    {"Version": "2012-10-17", "Statement": [
      {"Sid": "Application", "Effect": "Allow",
       "Principal": {"AWS": "arn:aws:iam::111122223333:role/billing"},
       "Action": ["kms:Encrypt", "kms:Decrypt", "kms:DescribeKey"], "Resource": "*"}]}
    ```

    ## Use instead
    ```json
    {"Version": "2012-10-17", "Statement": [
      {"Sid": "Enable IAM policies", "Effect": "Allow",
       "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
       "Action": "kms:*", "Resource": "*"},
      {"Sid": "Application", "Effect": "Allow",
       "Principal": {"AWS": "arn:aws:iam::111122223333:role/billing"},
       "Action": ["kms:Encrypt", "kms:Decrypt", "kms:DescribeKey"], "Resource": "*"}]}
    ```

    ## Sources
    - Default key policy
    - PutKeyPolicy (AWS KMS API Reference)
    """
    reach = None if subject.anyone_can("PutKeyPolicy") else subject.reach
    if reach is None:
        return
    owners = (reach.of(account) for account in subject.meaning.accounts[1:])
    if not any(owner.anyone("PutKeyPolicy") for owner in owners):
        yield Hit(subject.heading, "nobody can change this key policy any more")


@rule("KG503", "single-policy-administrator", Severity.WARNING, kinds=KEY_POLICY)
def single_policy_administrator(subject: Subject) -> Iterator[Hit]:
    """One user or role alone can change the key policy.

    Decided by the evaluator, as KG502 is.

    ## Why it matters
    Identities are deleted, and one that is made again under the same name is another one. Then
    nobody can change the policy any more.

    ## Example
    ```json
    {"Version": "2012-10-17", "Statement": [
      {"Sid": "Administrator", "Effect": "Allow",
       "Principal": {"AWS": "arn:aws:iam::111122223333:role/security"},
       "Action": ["kms:GetKeyPolicy", "kms:PutKeyPolicy"], "Resource": "*"}]}
    ```

    ## Use instead
    ```json
    {"Version": "2012-10-17", "Statement": [
      {"Sid": "Administrators", "Effect": "Allow", "Principal": {"AWS": [
         "arn:aws:iam::111122223333:role/security", "arn:aws:iam::111122223333:root"]},
       "Action": ["kms:GetKeyPolicy", "kms:PutKeyPolicy"], "Resource": "*"}]}
    ```

    ## Sources
    - Default key policy
    """
    plain = plainly_able(subject.meaning, "PutKeyPolicy")
    if len(plain) > 1 or subject.reach is None:
        return
    found: dict[str, Principal] = {}
    for caller in subject.reach.who("PutKeyPolicy"):
        if not subject.reach.is_sole_identity(caller):
            return
        found.setdefault(str(caller.issuer or caller.arn), caller)
        if len(found) > 1:
            return
    for name in found:
        yield Hit(
            _named_at(subject, name),
            f"only {short(name, 120)} can change this key policy; "
            "if it is deleted the key is unmanageable",
        )


def _named_at(subject: Subject, name: str) -> Span:
    for said in subject.meaning.allows:
        if "PutKeyPolicy" in said.actions:
            for each in said.principals:
                if each.text == name:
                    return each.span
    return subject.heading


@rule("KG504", "caller-would-be-locked-out", Severity.ERROR, kinds=KEY_POLICY)
def caller_would_be_locked_out(subject: Subject) -> Iterator[Hit]:
    """Whoever puts the policy could not put another one afterwards.

    Only where the caller's ARN is given as an option; in the example it is that of `role/deploy`.
    Decided by the evaluator, as KG502 is.

    ## Why it matters
    CreateKey and PutKeyPolicy refuse such a policy unless their safety check is switched off. It
    is better to know before the deployment.

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
       "Action": "kms:*", "Resource": "*"},
      {"Sid": "Administrators", "Effect": "Allow", "Principal": {"AWS": [
         "arn:aws:iam::111122223333:role/ops", "arn:aws:iam::111122223333:role/deploy"]},
       "Action": "kms:*", "Resource": "*"}]}
    ```

    ## Sources
    - PutKeyPolicy (AWS KMS API Reference)
    - Default key policy
    """
    arn = Arn.parse(subject.options.caller) if subject.options.caller else None
    meaning = subject.meaning
    if arn is None or not meaning.is_whole:
        return
    if is_open(meaning) and not meaning.denies and arn.account in meaning.accounts[:1]:
        return
    from policy.lint.reach import Reach  # noqa: PLC0415 - brings the evaluator
    from policy.request import principal_from_arn  # noqa: PLC0415

    caller = principal_from_arn(arn)
    account = meaning.known_account or arn.account
    if caller is not None and not Reach(meaning, account).can(caller, "PutKeyPolicy"):
        yield Hit(
            subject.heading,
            f"KMS will refuse this policy for {short(str(arn), 120)}: "
            "it could not change the policy again",
        )


@rule(
    "KG505", "deny-locks-out", Severity.ERROR,
    kinds=(PolicyKind.KEY_POLICY, PolicyKind.SCP, PolicyKind.RCP),
)  # fmt: skip
def deny_locks_out(subject: Subject) -> Iterator[Hit]:
    """A Deny can stop everybody at once from changing a key policy.

    Reported in special cases: a Deny of `kms:PutKeyPolicy` for everybody with no condition, or
    with conditions that are dates, networks, or tests that hold because such a call lacks the
    key. A condition on who calls, or on which key, is taken for a way out.

    ## Why it matters
    Nothing overrules a Deny in a key policy. Once everybody is outside of the network that it
    names, or past its date, the policy stays as it is for ever.

    ## Example
    ```json
    {"Version": "2012-10-17", "Statement": [
      {"Sid": "Enable IAM policies", "Effect": "Allow", "Principal": {"AWS": "111122223333"},
       "Action": "kms:*", "Resource": "*"},
      {"Sid": "OnlyForStorage", "Effect": "Deny", "Principal": "*",
       "Action": "kms:*", "Resource": "*",
       "Condition": {"StringNotEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}}}]}
    ```

    ## Use instead
    ```json
    {"Version": "2012-10-17", "Statement": [
      {"Sid": "Enable IAM policies", "Effect": "Allow", "Principal": {"AWS": "111122223333"},
       "Action": "kms:*", "Resource": "*"},
      {"Sid": "OnlyForStorage", "Effect": "Deny", "Principal": "*",
       "Action": ["kms:Decrypt", "kms:GenerateDataKey*"], "Resource": "*",
       "Condition": {"StringNotEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}}}]}
    ```

    ## Sources
    - Default key policy
    - Policy evaluation logic
    """
    for said in subject.meaning.denies:
        if (
            "PutKeyPolicy" in said.actions
            and _is_for_all(said)
            and _is_about_all_keys(said)
            and all(_can_hold_for_all(condition) for condition in said.conditions)
        ):
            yield Hit(
                said.entry_for(frozenset({"PutKeyPolicy"})),
                f"'{said.label}' can deny PutKeyPolicy to everybody, "
                "including the account's administrators",
            )


def _is_for_all(said: Said) -> bool:
    principal = said.model.principal
    if principal is not None and principal.negated:
        return all(each.form is PrincipalForm.SERVICE for each in principal.patterns)
    return said.is_for_everyone


def _is_about_all_keys(said: Said) -> bool:
    resource = said.model.resource
    return (
        resource is not None
        and any(each.text == "*" or each.text.endswith(":key/*") for each in resource.patterns)
        is not resource.negated
    )


_NETWORKS = frozenset(
    {
        "aws:sourceip", "aws:sourcevpc", "aws:sourcevpcarn", "aws:sourcevpce", "aws:vpceaccount",
        "aws:vpceorgid", "aws:vpceorgpaths", "aws:vpcsourceip",
    }
)  # fmt: skip
_DATES = frozenset({"aws:currenttime", "aws:epochtime"})
_NEVER_THERE = (
    "aws:calledvia", "aws:requesttag/", "aws:sourceaccount", "aws:sourcearn", "aws:sourceorgid",
    "aws:sourceorgpaths", "aws:tagkeys", "kms:encryptionalgorithm", "kms:encryptioncontext",
    "kms:grant", "kms:messagetype", "kms:recipientattestation:", "kms:requestalias",
    "kms:retiring", "kms:viaservice",
)  # fmt: skip
"""How keys begin that no administrator's own PutKeyPolicy call carries."""

_FALSE_OF_PEOPLE = frozenset({"aws:principalisawsservice", "aws:viaawsservice"})


def _can_hold_for_all(condition: Condition) -> bool:
    key, base = condition.key.lower(), condition.operator.base
    if key in _DATES:
        return True
    if key in _FALSE_OF_PEOPLE:
        return base.family is Family.BOOL and any(v.text == "false" for v in condition.values)
    if key in _NETWORKS or key.startswith(_NEVER_THERE):
        if base.family is Family.NULL:
            return any(value.text == "true" for value in condition.values)
        if condition.operator.set_operator is SetOperator.ANY:
            return condition.operator.if_exists
        return base.negated or condition.operator.if_exists
    return False
