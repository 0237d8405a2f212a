"""Principals that do not last, or are many (KG506, KG507, KG610, KG614)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from policy.arn import Arn
from policy.lint.fixes import removed, rewritten
from policy.lint.rule import Edit, Fix, Hit, Severity, rule
from policy.lint.subject import Entry, Subject, short
from policy.model import PolicyKind, PrincipalForm
from policy.principals import principal_pattern
from policy.source import Span
from policy.tree import Object, String

KEY_POLICY = (PolicyKind.KEY_POLICY,)

_UNIQUE_ID = re.compile("(A(?:IDA|ROA|GPA|IPA|NPA|NVA|SIA|KIA))[A-Z0-9]{4,124}")
_TYPES = {
    "AIDA": "user",
    "AROA": "role",
    "AGPA": "group",
    "AIPA": "instance profile",
    "ANPA": "managed policy",
    "ANVA": "version of a managed policy",
    "ASIA": "temporary access key",
    "AKIA": "access key",
}
_PRINCIPAL_KEYS = frozenset(
    {"aws:principalarn", "aws:sourcearn", "kms:granteeprincipal", "kms:retiringprincipal"}
)
_PERMISSION_SET = re.compile("AWSReservedSSO_.+_[0-9a-f]{16}")


@rule(
    "KG506", "deleted-principal-id", Severity.WARNING, Fix.UNSAFE,
    kinds=(PolicyKind.KEY_POLICY, PolicyKind.ENDPOINT_POLICY),
)  # fmt: skip
def deleted_principal_id(subject: Subject) -> Iterator[Hit]:
    """A principal, or what is compared with one, is the unique ID of an identity.

    An error if it is the ID of an access key, which is nobody at all. Values of `aws:userid` are
    unique IDs by right and are not reported.

    ## Why it matters
    KMS shows the ID where it finds no identity of that name any more. A new one under the old
    name is somebody else, and a policy with the ID in it cannot be put again.

    ## Example
    ```json
    {"Sid": "Billing", "Effect": "Allow", "Principal": {"AWS": "AROAQ3EGRIG2EXAMPLE99"},
     "Action": "kms:Decrypt", "Resource": "*"}
    ```

    ## Use instead
    ```json
    {"Sid": "Billing", "Effect": "Allow",
     "Principal": {"AWS": "arn:aws:iam::111122223333:role/billing"},
     "Action": "kms:Decrypt", "Resource": "*"}
    ```

    ## Sources
    - Access Analyzer policy check reference
    - AWS JSON policy elements: Principal
    """
    for entry in subject.principals:
        found = _UNIQUE_ID.fullmatch(entry.text) if entry.element == "AWS" else None
        if found:
            yield _deleted(entry.node, found[1], _left_out(entry))
    for test in subject.tests:
        if test.key in _PRINCIPAL_KEYS:
            for value in test.values:
                found = _UNIQUE_ID.fullmatch(value.value) if isinstance(value, String) else None
                if found and isinstance(value, String):
                    yield _deleted(value, found[1], ())


def _deleted(node: String, prefix: str, edits: tuple[Edit, ...]) -> Hit:
    is_key = prefix in ("ASIA", "AKIA")
    end = "no principal" if is_key else "the principal was probably deleted"
    return Hit(
        node.span,
        f"'{short(node.value)}' is the unique ID of a {_TYPES[prefix]}; {end}",
        severity=Severity.ERROR if is_key else None,
        edits=edits,
    )


def _left_out(entry: Entry) -> tuple[Edit, ...]:
    """Return the edit that takes an ID out, where somebody who has a name is left."""
    gone = {
        at
        for at, node in enumerate(entry.items)
        if isinstance(node, String) and _UNIQUE_ID.fullmatch(node.value)
    }
    at = next(i for i, node in enumerate(entry.items) if node is entry.node)
    edit = removed(entry.items, gone, at)
    return (edit,) if edit else ()


@rule("KG507", "session-principal", Severity.WARNING, Fix.UNSAFE, kinds=KEY_POLICY)
def session_principal(subject: Subject) -> Iterator[Hit]:
    """A principal is one session, or a role whose name is generated.

    The role of a permission set of IAM Identity Center is a suggestion only.

    ## Why it matters
    The next session of the same role has another name. The role of a permission set has another
    one as soon as the set is taken away and assigned again.

    ## Example
    ```json
    {"Sid": "Billing", "Effect": "Allow",
     "Principal": {"AWS": "arn:aws:sts::111122223333:assumed-role/billing/i-0abc1234def567890"},
     "Action": "kms:Decrypt", "Resource": "*"}
    ```

    ## Use instead
    ```json
    {"Sid": "Billing", "Effect": "Allow",
     "Principal": {"AWS": "arn:aws:iam::111122223333:role/billing"},
     "Action": "kms:Decrypt", "Resource": "*"}
    ```

    ## Sources
    - AWS JSON policy elements: Principal
    """
    source = subject.document.source
    for entry in subject.principals:
        pattern = principal_pattern(entry.element, entry.text, Span(0, 0))
        arn = pattern.arn
        if arn is None:
            continue
        message = (
            f"'{short(entry.text, 120)}' names one session; "
            "use the role, or aws:PrincipalArn with a pattern"
        )
        if pattern.form is PrincipalForm.SESSION:
            role = Arn(arn.partition, "iam", "", arn.account, f"role/{arn.name.split('/')[0]}")
            yield Hit(entry.node.span, message, edits=(rewritten(source, entry.node, str(role)),))
        elif pattern.form is PrincipalForm.FEDERATED_USER:
            yield Hit(entry.node.span, message)
        elif pattern.form is PrincipalForm.ROLE and _PERMISSION_SET.fullmatch(arn.last):
            yield Hit(
                entry.node.span,
                f"'{short(arn.last)}' is the role of a permission set; "
                "use aws:PrincipalArn with a pattern",
                severity=Severity.SUGGESTION,
            )


@rule("KG610", "user-principal", Severity.SUGGESTION, kinds=KEY_POLICY)
def user_principal(subject: Subject) -> Iterator[Hit]:
    """A key policy lets a user of IAM in, rather than a role.

    ## Why it matters
    Users have keys that never end, and every colleague who comes or goes changes the key policy.

    ## Example
    ```json
    {"Sid": "Decrypt", "Effect": "Allow",
     "Principal": {"AWS": "arn:aws:iam::111122223333:user/erika"},
     "Action": "kms:Decrypt", "Resource": "*"}
    ```

    ## Use instead
    ```json
    {"Sid": "Decrypt", "Effect": "Allow",
     "Principal": {"AWS": "arn:aws:iam::111122223333:role/payroll-clerks"},
     "Action": "kms:Decrypt", "Resource": "*"}
    ```

    ## Sources
    - Security best practices in IAM
    """
    for said in subject.meaning.allows:
        for each in said.principals:
            if each.form is PrincipalForm.USER and each.arn is not None:
                yield Hit(each.span, f"prefer a role to the user '{short(each.arn.name)}'")


@rule("KG614", "too-many-direct-principals", Severity.SUGGESTION, kinds=KEY_POLICY)
def too_many_direct_principals(subject: Subject) -> Iterator[Hit]:
    """A key policy lists more principals than anybody reviews.

    More than 20 different ones in its Allow statements, unless another number is given.

    ## Why it matters
    A long list is copied and never read, and it grows towards a quota that cannot be raised.

    ## Example
    ```json
    {"Version": "2012-10-17", "Statement": [
      {"Sid": "Enable IAM policies", "Effect": "Allow", "Principal": {"AWS": "111122223333"},
       "Action": "kms:*", "Resource": "*"},
      {"Sid": "Customers", "Effect": "Allow", "Principal": {"AWS": [
         "444455550001", "444455550002", "444455550003", "444455550004", "444455550005",
         "444455550006", "444455550007", "444455550008", "444455550009", "444455550010",
         "444455550011", "444455550012", "444455550013", "444455550014", "444455550015",
         "444455550016", "444455550017", "444455550018", "444455550019", "444455550020"]},
       "Action": "kms:Encrypt", "Resource": "*"}]}
    ```

    ## Use instead
    ```json
    {"Version": "2012-10-17", "Statement": [
      {"Sid": "Enable IAM policies", "Effect": "Allow", "Principal": {"AWS": "111122223333"},
       "Action": "kms:*", "Resource": "*"},
      {"Sid": "Customers", "Effect": "Allow",
       "Principal": {"AWS": "arn:aws:iam::111122223333:role/customers"},
       "Action": "kms:Encrypt", "Resource": "*"}]}
    ```

    ## Sources
    - Resource quotas
    - Grants in AWS KMS
    """
    named = {each.text for said in subject.meaning.allows for each in said.principals}
    if len(named) <= subject.options.max_principals:
        return
    longest = max(subject.meaning.allows, key=lambda said: len(said.principals))
    who = longest.member("Principal")
    inner = who.value.members if who is not None and isinstance(who.value, Object) else ()
    place = inner[0].name.span if inner else longest.place
    yield Hit(
        place,
        f"{len(named)} principals are named; consider grants, a role, or aws:PrincipalTag",
    )
