"""Whom a policy names: accounts, identities of IAM and services (AUTH E-1 to E-14)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import lru_cache

from policy.arn import SEGMENTS, Arn, is_account_id, root_arn
from policy.lint.arns import account_fault, has_wildcard
from policy.lint.fixes import rewritten
from policy.lint.rule import Edit, Fix, Hit, Severity, rule
from policy.lint.subject import Entry, Subject, short
from policy.model import PolicyKind, PrincipalForm
from policy.principals import principal_pattern
from policy.regions import PARTITION_OF
from policy.services import PRINCIPAL_NAMES
from policy.source import Span
from policy.spelling import closest
from policy.tree import Object

KEY_AND_ENDPOINT = (PolicyKind.KEY_POLICY, PolicyKind.ENDPOINT_POLICY)

_SUFFIXES = (".amazonaws.com", ".amazonaws.com.cn")
_SERVICE = re.compile(r"([a-z0-9-]+(?:\.[a-z0-9-]+)*)\.amazonaws\.com(?:\.cn)?")
_ENDING = re.compile(r"\.(?:aws|amazon|amazonaws)\b.*|\.com$", re.DOTALL)

_RESOURCES = {
    "iam": "an IAM principal is root, user/<name> or role/<name>",
    "sts": "an STS principal is assumed-role/<role>/<session> or federated-user/<name>",
}


@rule("KG216", "invalid-principal-format", Severity.ERROR, kinds=KEY_AND_ENDPOINT)
def invalid_principal_format(subject: Subject) -> Iterator[Hit]:
    """An AWS principal has a form that no principal has.

    ## Why it matters
    KMS looks every principal up when the policy is stored, and refuses the whole policy for one
    that cannot exist.

    ## Example
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::11112222333:role/billing"},
     "Action": "kms:Decrypt", "Resource": "*"}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/billing"},
     "Action": "kms:Decrypt", "Resource": "*"}
    ```

    ## Sources
    - AWS JSON policy elements: Principal
    - PutKeyPolicy (AWS KMS API Reference)
    """
    for entry in _aws(subject):
        fault = None if has_wildcard(entry.text) or _is_group(entry.text) else _fault(entry.text)
        if fault:
            yield Hit(entry.node.span, f"'{short(entry.text)}' is not a principal: {fault}")


def _fault(text: str) -> str | None:
    """Return what keeps a text without wildcards from being an AWS principal."""
    form = principal_pattern("AWS", text, Span(0, 0)).form
    if form in (PrincipalForm.ACCOUNT, PrincipalForm.UNIQUE_ID) and text[:4] != "arn:":
        return None
    fields = text.split(":", SEGMENTS - 1)
    if fields[0] != "arn":
        return account_fault(text.replace("-", "")) or _no_form(text)
    if len(fields) < SEGMENTS:
        return f"an ARN has {SEGMENTS} fields, this has {len(fields)}"
    _, _, service, region, account, resource = fields
    if service not in _RESOURCES:
        return "only iam and sts have principals"
    if region:
        return f"{service} ARNs have no Region"
    if not is_account_id(account):
        return account_fault(account) or "it names no account"
    is_session = form is PrincipalForm.SESSION
    if form is PrincipalForm.INVALID or (is_session and resource.count("/") != 2):
        return _RESOURCES[service]
    return None


def _no_form(text: str) -> str:
    if is_account_id(text.replace("-", "")):
        return "an account ID has no hyphens"
    return "expected an account ID, an ARN or *"


@rule("KG217", "group-principal", Severity.ERROR, kinds=KEY_AND_ENDPOINT)
def group_principal(subject: Subject) -> Iterator[Hit]:
    """A principal is a group of IAM.

    ## Why it matters
    A group never makes a call; its members do, each as a user. The policy is refused.

    ## Example
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:group/auditors"},
     "Action": "kms:DescribeKey", "Resource": "*"}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/auditors"},
     "Action": "kms:DescribeKey", "Resource": "*"}
    ```

    ## Sources
    - Creating a key policy
    - AWS JSON policy elements: Principal
    """
    for entry in _aws(subject):
        if _is_group(entry.text):
            advice = "name the role that its members assume"
            yield Hit(entry.node.span, "an IAM group cannot be a principal", advice)


@rule("KG218", "wildcard-inside-principal", Severity.ERROR, Fix.UNSAFE, kinds=KEY_AND_ENDPOINT)
def wildcard_inside_principal(subject: Subject) -> Iterator[Hit]:
    """A principal has a wildcard beside other characters.

    ## Why it matters
    In a principal a star stands alone and means everybody. Many identities of an account are
    named by the account and a condition on `aws:PrincipalArn`.

    ## Example
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/batch-*"},
     "Action": "kms:Decrypt", "Resource": "*"}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
     "Action": "kms:Decrypt", "Resource": "*",
     "Condition": {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::111122223333:role/batch-*"}}}
    ```

    ## Sources
    - AWS JSON policy elements: Principal
    - Access Analyzer policy check reference
    """
    for entry in _literal(subject, "AWS", "Service", "Federated"):
        if has_wildcard(entry.text) and entry.text != "*":
            message = f"a principal cannot contain a wildcard: '{short(entry.text)}'"
            advice = 'write the account and a condition on "aws:PrincipalArn" with ArnLike'
            yield Hit(
                entry.node.span,
                message,
                advice if entry.element == "AWS" else None,
                edits=_as_condition(subject, entry),
            )


def _as_condition(subject: Subject, entry: Entry) -> tuple[Edit, ...]:
    """Return the edits that move a pattern to a condition, where nobody else is meant by it."""
    statement, arn = entry.statement, Arn.parse(entry.text)
    who = statement.get("Principal")
    alone = isinstance(who, Object) and len(who.members) == 1 and len(entry.items) == 1
    source = subject.document.source
    if (
        not alone
        or statement.get("NotPrincipal") is not None
        or statement.get("Condition") is not None
        or source.text[statement.span.start : statement.span.start + 1] != "{"
        or arn is None
        or (arn.service, arn.type) not in (("iam", "user"), ("iam", "role"))
        or has_wildcard(arn.partition)
        or not (is_account_id(arn.account) or has_wildcard(arn.account))
    ):
        return ()
    account = arn.account
    everyone = str(root_arn(account, arn.partition)) if is_account_id(account) else "*"
    end = statement.members[-1].value.span.end
    condition = f', "Condition": {{"ArnLike": {{"aws:PrincipalArn": {json.dumps(entry.text)}}}}}'
    return rewritten(source, entry.node, everyone), Edit(Span(end, end), condition)


@rule("KG219", "unusable-principal-type", Severity.ERROR, kinds=(PolicyKind.KEY_POLICY,))
def unusable_principal_type(subject: Subject) -> Iterator[Hit]:
    """A key policy names an identity provider or a canonical user.

    ## Why it matters
    Who signs in through a provider calls KMS as a role, and that role is the principal.
    Canonical users are a notion of Amazon S3.

    ## Example
    ```json
    {"Effect": "Allow",
     "Principal": {"Federated": "arn:aws:iam::111122223333:saml-provider/intranet"},
     "Action": "kms:Decrypt", "Resource": "*"}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/intranet"},
     "Action": "kms:Decrypt", "Resource": "*"}
    ```

    ## Sources
    - Access Analyzer policy check reference
    - Creating a key policy
    """
    for name in subject.principal_types:
        if name.value in ("Federated", "CanonicalUser"):
            yield Hit(name.span, f"a key policy does not support {name.value} principals")


@rule(
    "KG220", "invalid-service-principal", Severity.ERROR, Fix.UNSAFE,
    kinds=(PolicyKind.KEY_POLICY, PolicyKind.RCP),
)  # fmt: skip
def invalid_service_principal(subject: Subject) -> Iterator[Hit]:
    """A service principal is misspelt, or of no service that is known.

    Only a warning where the form is right: AWS adds services.

    ## Why it matters
    A service calls under one exact name. With another one the policy is refused, or the service
    is, on the day it first needs the key.

    ## Example
    ```json
    {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazon.com"},
     "Action": "kms:GenerateDataKey*", "Resource": "*"}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"},
     "Action": "kms:GenerateDataKey*", "Resource": "*"}
    ```

    ## Sources
    - AWS JSON policy elements: Principal
    - Access Analyzer policy check reference
    """
    for entry in _literal(subject, "Service"):
        if entry.text == "*" or _is_known_service(entry.text):
            continue
        meant = _nearest_service(entry.text)
        yield Hit(
            entry.node.span,
            f"'{short(entry.text)}' is not a service principal",
            f'write "{meant}"' if meant else "write <service>.amazonaws.com, in lower case",
            severity=Severity.WARNING if _SERVICE.fullmatch(entry.text) else None,
            edits=(rewritten(subject.document.source, entry.node, meant),) if meant else (),
        )


def _is_known_service(text: str) -> bool:
    found = _SERVICE.fullmatch(text)
    labels = found[1].split(".") if found else []
    if len(labels) > 1 and labels[-1] in PARTITION_OF:
        labels.pop()
    return bool(labels) and labels[-1] in PRINCIPAL_NAMES


@lru_cache(maxsize=4096)
def _nearest_service(text: str) -> str | None:
    written = text.lower()
    name = closest(_ENDING.sub("", written), PRINCIPAL_NAMES)
    return f"{name}{_SUFFIXES[written.endswith('.cn')]}" if name else None


def _aws(subject: Subject) -> Iterator[Entry]:
    return _literal(subject, "AWS")


def _literal(subject: Subject, *types: str) -> Iterator[Entry]:
    """Yield the principals of these types that are no template."""
    for entry in subject.principals:
        if entry.element in types and "${" not in entry.text:
            yield entry


def _is_group(text: str) -> bool:
    arn = Arn.parse(text)
    return arn is not None and (arn.service, arn.type) == ("iam", "group")
