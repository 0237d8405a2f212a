"""Values of condition keys that have a form: aliases, services, networks, accounts, principals."""

from __future__ import annotations

import re
from collections.abc import Iterator

from policy.lint.fixes import rewritten
from policy.lint.rule import Edit, Fix, Hit, Severity, rule
from policy.lint.subject import Subject, short
from policy.model import PrincipalForm
from policy.principals import principal_pattern
from policy.services import VIA_SERVICES
from policy.source import Span
from policy.tree import String


@rule("KG230", "alias-value-format", Severity.ERROR, Fix.SAFE)
def alias_value_format(subject: Subject) -> Iterator[Hit]:
    """An alias is not written with its name.

    ## Why it matters
    KMS compares names such as `alias/app`. A bare name or an alias ARN never matches.

    ## Example
    ```json
    {"StringEquals": {"kms:RequestAlias": "arn:aws:kms:eu-west-1:111122223333:alias/bills"}}
    ```

    ## Use instead
    ```json
    {"StringEquals": {"kms:RequestAlias": "alias/bills"}}
    ```

    ## Sources
    - AWS KMS condition keys
    - Using aliases to control access to KMS keys
    """
    for clause, value, node in subject.compared:
        if clause.key not in ("kms:RequestAlias", "kms:ResourceAliases"):
            continue
        text = value.text
        if text.startswith("alias/") or _may_begin(text, "alias/"):
            continue
        name = text.rpartition(":")[2] if text.startswith("arn:") else f"alias/{text}"
        known = name if name.startswith("alias/") else None
        yield Hit(
            value.span,
            f"{clause.key} takes an alias name such as alias/app, not '{short(text)}'",
            edits=_written(subject, node, known),
        )


@rule("KG231", "via-service-format", Severity.ERROR)
def via_service_format(subject: Subject) -> Iterator[Hit]:
    """A value of `kms:ViaService` is not a service with its Region.

    ## Why it matters
    KMS puts `s3.eu-west-1.amazonaws.com` there, with this ending in all partitions. A service
    principal is another name.

    ## Example
    ```json
    {"StringEquals": {"kms:ViaService": "rds.amazonaws.com"}}
    ```

    ## Use instead
    ```json
    {"StringEquals": {"kms:ViaService": "rds.eu-west-1.amazonaws.com"}}
    ```

    ## Sources
    - AWS KMS condition keys
    - Access Analyzer policy check reference
    """
    for clause, value, _ in subject.compared:
        if clause.key == "kms:ViaService" and not _is_via(value.text):
            yield Hit(
                value.span,
                f"kms:ViaService takes <service>.<region>.amazonaws.com, not '{short(value.text)}'",
            )


@rule("KG232", "unknown-via-service", Severity.SUGGESTION)
def unknown_via_service(subject: Subject) -> Iterator[Hit]:
    """A service in `kms:ViaService` is none that is known to pass calls on to KMS.

    ## Why it matters
    Some go by other names there: volumes of EBS come through `ec2`, EFS is `elasticfilesystem`. A
    guess never matches.

    ## Example
    ```json
    {"StringEquals": {"kms:ViaService": "efs.eu-west-1.amazonaws.com"}}
    ```

    ## Use instead
    ```json
    {"StringEquals": {"kms:ViaService": "elasticfilesystem.eu-west-1.amazonaws.com"}}
    ```

    ## Sources
    - AWS KMS condition keys
    """
    for clause, value, _ in subject.compared:
        if clause.key != "kms:ViaService" or not _is_via(value.text):
            continue
        service = value.text.partition(".")[0]
        if not _has_wildcard(service) and service not in VIA_SERVICES:
            yield Hit(
                value.span, f"'{short(service)}' is not known to call KMS with kms:ViaService"
            )


@rule("KG233", "network-id-format", Severity.ERROR)
def network_id_format(subject: Subject) -> Iterator[Hit]:
    """The ID of a VPC or of an endpoint has another form.

    ## Why it matters
    The condition never matches. Negated in a Deny it shuts everybody out.

    ## Example
    ```json
    {"StringEquals": {"aws:SourceVpce": "vpc-0a1b2c3d"}}
    ```

    ## Use instead
    ```json
    {"StringEquals": {"aws:SourceVpce": "vpce-0a1b2c3d"}}
    ```

    ## Sources
    - Access Analyzer policy check reference
    - Connecting to AWS KMS through a VPC endpoint
    """
    for clause, value, _ in subject.compared:
        prefix, kind = _NETWORKS.get(clause.key, ("", ""))
        if not prefix:
            continue
        if _has_wildcard(value.text):
            is_one = value.text.startswith(prefix) or _may_begin(value.text, prefix)
        else:
            is_one = _NETWORK_ID.fullmatch(value.text.removeprefix(prefix)) is not None
            is_one = is_one and value.text.startswith(prefix)
        if not is_one:
            yield Hit(value.span, f"'{short(value.text)}' is not a {kind} ID")


@rule("KG234", "account-or-org-id-format", Severity.ERROR, Fix.SAFE)
def account_or_org_id_format(subject: Subject) -> Iterator[Hit]:
    """The ID of an account or organization, or a path in one, has another form.

    ## Why it matters
    The condition never matches. Account IDs are written without hyphens, and not as an ARN.

    ## Example
    ```json
    {"StringEquals": {"kms:CallerAccount": "1111-2222-3333"}}
    ```

    ## Use instead
    ```json
    {"StringEquals": {"kms:CallerAccount": "111122223333"}}
    ```

    ## Sources
    - AWS KMS condition keys
    - AWS global condition context keys
    """
    for clause, value, node in subject.compared:
        text = value.text
        if clause.key in _OF_ACCOUNTS:
            if not _has_wildcard(text) and not _ACCOUNT.fullmatch(text):
                yield Hit(
                    value.span,
                    f"'{short(text)}' is not an account ID",
                    edits=_written(subject, node, _account_in(text)),
                )
        elif clause.key in _OF_ORGANIZATIONS:
            if not _has_wildcard(text) and not _PARTS[0].fullmatch(text):
                yield Hit(value.span, f"'{short(text)}' is not an organization ID")
        elif clause.key in _OF_PATHS and not _is_path(text):
            yield Hit(value.span, f"'{short(text)}' is not a path in an organization")


@rule("KG235", "attestation-value-format", Severity.ERROR)
def attestation_value_format(subject: Subject) -> Iterator[Hit]:
    """A measurement is not 96 hexadecimal digits.

    Also reported: capitals where the operator minds them, and, as a suggestion, a leading `0x`.

    ## Why it matters
    Measurements are digests of 384 bits in lower case. Nothing else ever matches.

    ## Example
    ```json
    {"StringEqualsIgnoreCase": {"kms:RecipientAttestation:PCR1": "1de4f2dc"}}
    ```

    ## Use instead
    ```json
    {"StringEqualsIgnoreCase": {"kms:RecipientAttestation:PCR1":
      "1de4f2dcf774f6e3b679f62e5f120065b2e408dcea327bd1c9dddaea6664e7af7935581474844767453082c6f1586116"}}
    ```

    ## Sources
    - AWS KMS condition keys for AWS Nitro Enclaves
    """
    for clause, value, _ in subject.compared:
        if not _MEASUREMENT.fullmatch(clause.name) or _has_wildcard(value.text):
            continue
        digits = value.text.removeprefix("0x")
        ignores_case = clause.operator.base.name.endswith("IgnoreCase")
        if not _DIGEST.fullmatch(digits):
            found = f"found {len(digits)}" if _HEXADECIMAL.fullmatch(digits) else "found others"
            yield Hit(value.span, f"a measurement has 96 hexadecimal digits, {found}")
        elif digits != value.text:
            message = "a measurement is written without 0x"
            yield Hit(value.span, message, severity=Severity.SUGGESTION)
        elif digits != digits.lower() and not ignores_case:
            yield Hit(value.span, "a measurement is in lower case; use StringEqualsIgnoreCase")


@rule("KG236", "principal-value-format", Severity.ERROR, Fix.UNSAFE)
def principal_value_format(subject: Subject) -> Iterator[Hit]:
    """A condition compares a principal with what is none, or with a session of a role.

    ## Why it matters
    In the sessions of a role `aws:PrincipalArn` is the ARN of the role.

    ## Example
    ```json
    {"ArnEquals": {"aws:PrincipalArn": "arn:aws:sts::111122223333:assumed-role/billing/i-0a1b2c"}}
    ```

    ## Use instead
    ```json
    {"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::111122223333:role/billing"}}
    ```

    ## Sources
    - AWS global condition context keys
    - AWS KMS condition keys
    """
    for clause, value, node in subject.compared:
        if clause.key not in _OF_PRINCIPALS:
            continue
        session = _SESSION.fullmatch(value.text)
        if session and clause.key == "aws:PrincipalArn":
            role = f"{session['start']}:iam::{session['account']}:role/{session['role']}"
            reason, edits = "sessions have the ARN of their role", _written(subject, node, role)
        elif _has_wildcard(value.text) or _is_principal(value.text, value.span):
            continue
        else:
            reason, edits = "it is not the ARN of a principal", ()
        yield Hit(
            value.span, f"'{short(value.text)}' never equals {clause.key}: {reason}", edits=edits
        )


_NETWORKS = {"aws:SourceVpc": ("vpc-", "VPC"), "aws:SourceVpce": ("vpce-", "VPC endpoint")}
_NETWORK_ID = re.compile(r"[0-9a-f]{8}(?:[0-9a-f]{9})?")

_OF_ACCOUNTS = frozenset(
    {"kms:CallerAccount", "aws:PrincipalAccount", "aws:SourceAccount", "aws:ResourceAccount"}
)
_OF_ORGANIZATIONS = frozenset({"aws:PrincipalOrgID", "aws:SourceOrgID", "aws:ResourceOrgID"})
_OF_PATHS = frozenset({"aws:PrincipalOrgPaths", "aws:SourceOrgPaths", "aws:ResourceOrgPaths"})
_ACCOUNT = re.compile(r"\d{12}")
_ROOT_ARN = re.compile(r"arn:[a-z-]+:iam::(\d{12}):root")
_PARTS = (
    re.compile(r"o-[a-z0-9]{10,32}"),
    re.compile(r"r-[a-z0-9]{4,32}"),
    re.compile(r"ou-[a-z0-9]{4,32}-[a-z0-9]{8,32}"),
)
"""What stands between the slashes of a path: an organization, its root, units in units."""

_MEASUREMENT = re.compile(
    r"kms:RecipientAttestation:(?:ImageSha384|(?:NitroTPM)?PCR\d{1,2})", re.IGNORECASE
)
_HEXADECIMAL = re.compile(r"[0-9a-fA-F]*")
_DIGEST = re.compile(r"[0-9a-fA-F]{96}")

_OF_PRINCIPALS = frozenset({"aws:PrincipalArn", "kms:GranteePrincipal", "kms:RetiringPrincipal"})
_SESSION = re.compile(
    r"(?P<start>arn:[a-z-]+):sts::(?P<account>[^:]*):assumed-role/(?P<role>[^/]+)(?:/.*)?"
)
_VIA = re.compile(r"[a-z0-9-?]+\.[a-z0-9-?]+\.amazonaws\.com")
_VIA_END = ".amazonaws.com"


def _has_wildcard(text: str) -> bool:
    return "*" in text or "?" in text


def _may_begin(text: str, prefix: str) -> bool:
    """Tell whether a pattern whose wildcard comes early can match something with this prefix."""
    fixed = re.split(r"[*?]", text, maxsplit=1)[0]
    return fixed != text and prefix.startswith(fixed)


def _is_via(text: str) -> bool:
    if "*" not in text:
        return _VIA.fullmatch(text) is not None
    tail = text.rpartition("*")[2]
    return text == text.lower() and (tail.endswith(_VIA_END) or _VIA_END.endswith(tail))


def _account_in(text: str) -> str | None:
    root = _ROOT_ARN.fullmatch(text)
    plain = root[1] if root else text.replace("-", "")
    return plain if _ACCOUNT.fullmatch(plain) else None


def _is_path(text: str) -> bool:
    whole = re.split(r"[*?]", text, maxsplit=1)[0]
    parts = whole.split("/")
    done = parts[:-1] if len(parts) > 1 or whole != text else parts
    return all(_PARTS[min(at, 2)].fullmatch(part) for at, part in enumerate(done)) and (
        len(parts) > 1 or whole != text
    )


def _is_principal(text: str, span: Span) -> bool:
    form = principal_pattern("AWS", text, span).form
    return text.startswith("arn:") and form is not PrincipalForm.INVALID


def _written(subject: Subject, node: String, text: str | None) -> tuple[Edit, ...]:
    if text is None:
        return ()
    return (rewritten(subject.document.source, node, text),)
