"""The fields of ARNs, wherever they stand (AUTH D-1, D-3, G-9)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from policy.lint.arns import (
    ArnText,
    arn_fault,
    has_wildcard,
    matched,
    principal_arns,
    regions_of,
    resource_arns,
    value_arns,
    without_doubled_colon,
)
from policy.lint.fixes import rewritten
from policy.lint.rule import Fix, Hit, Severity, rule
from policy.lint.subject import Subject, short
from policy.operators import Family
from policy.regions import PARTITION_OF, REGIONS
from policy.services import SERVICE_PREFIXES
from policy.spelling import closest
from policy.tree import String

_REGION_KEYS = frozenset({"aws:requestedregion", "kms:replicaregion", "kms:primaryregion"})


@rule("KG221", "malformed-arn", Severity.ERROR, Fix.SAFE)
def malformed_arn(subject: Subject) -> Iterator[Hit]:
    """A resource, or the value of a key that holds ARNs, is no ARN.

    ## Why it matters
    An ARN is compared field by field. With a colon too many or too few each field is compared
    with its neighbour, and nothing ever matches.

    ## Example
    ```json
    {"ArnLike": {"aws:SourceArn": "arn:aws:cloudtrail:*::111122223333:trail/audit"}}
    ```

    ## Use instead
    ```json
    {"ArnLike": {"aws:SourceArn": "arn:aws:cloudtrail:*:111122223333:trail/audit"}}
    ```

    ## Sources
    - Access Analyzer policy check reference
    - IAM identifiers
    """
    for arn in chain(resource_arns(subject), value_arns(subject)):
        fault = arn_fault(arn.text)
        if fault and (arn.is_whole or not arn.has_variable):
            whole = without_doubled_colon(arn.text)
            yield Hit(
                arn.node.span,
                f"malformed ARN '{short(arn.text)}': {fault}",
                edits=(rewritten(subject.document.source, arn.node, whole),) if whole else (),
            )


@rule("KG222", "unknown-partition-or-region", Severity.ERROR)
def unknown_partition_or_region(subject: Subject) -> Iterator[Hit]:
    """A Region does not exist, or not in the partition that is named with it.

    Looked at are the partitions of all ARNs, the Regions of KMS ARNs, and the values of
    `aws:RequestedRegion`, `kms:ReplicaRegion` and `kms:PrimaryRegion`.

    ## Why it matters
    Each key is in one Region. A statement about a Region that is none applies to no key and to
    no request.

    ## Example
    ```json
    {"StringEquals": {"aws:RequestedRegion": "eu-west"}}
    ```

    ## Use instead
    ```json
    {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}
    ```

    ## Sources
    - Access Analyzer policy check reference
    - AWS KMS condition keys
    """
    for arn in chain(resource_arns(subject), value_arns(subject), principal_arns(subject)):
        if arn.is_whole:
            message = _partition_fault(arn) or (_region_fault(arn) if arn.is_kms else None)
            if message:
                yield Hit(arn.node.span, message)
    for test in subject.tests:
        base = test.operator.base
        if test.key not in _REGION_KEYS or base.family is not Family.STRING:
            continue
        for value in test.values:
            if isinstance(value, String) and _is_no_region(value.value, wildcards=base.wildcards):
                meant = closest(value.value, PARTITION_OF)
                message = f"'{short(value.value)}' is not a Region of any partition"
                yield Hit(value.span, message + _did_you_mean(meant))


def _partition_fault(arn: ArnText) -> str | None:
    if matched(arn.partition, REGIONS):
        return None
    meant = closest(arn.partition, REGIONS)
    return f"'{short(arn.partition)}' is not a partition of AWS{_did_you_mean(meant)}"


def _region_fault(arn: ArnText) -> str | None:
    regions = regions_of(arn.partition)
    if matched(arn.region, regions):
        return None
    meant = None if arn.region in PARTITION_OF else closest(arn.region, regions)
    return (
        f"'{short(arn.region)}' is not a Region of partition {arn.partition}{_did_you_mean(meant)}"
    )


def _is_no_region(text: str, *, wildcards: bool) -> bool:
    text = text.lower()
    if "${" in text or (has_wildcard(text) and not wildcards):
        return False
    return not matched(text, PARTITION_OF)


@rule("KG223", "arn-service-case", Severity.ERROR, Fix.SAFE)
def arn_service_case(subject: Subject) -> Iterator[Hit]:
    """The service of an ARN has capitals.

    ## Why it matters
    Actions may be written in any case, ARNs may not: every letter is compared.

    ## Example
    ```json
    {"ArnLike": {"aws:SourceArn": "arn:aws:S3:::payroll-archive"}}
    ```

    ## Use instead
    ```json
    {"ArnLike": {"aws:SourceArn": "arn:aws:s3:::payroll-archive"}}
    ```

    ## Sources
    - Access Analyzer policy check reference
    """
    for arn in chain(resource_arns(subject), value_arns(subject), principal_arns(subject)):
        if not arn.is_whole or arn.service == arn.service.lower():
            continue
        service = arn.service.lower()
        if service in SERVICE_PREFIXES:
            text = arn.text.replace(f":{arn.service}:", f":{service}:", 1)
            yield Hit(
                arn.node.span,
                f"write the ARN service in lower case: '{service}'",
                edits=(rewritten(subject.document.source, arn.node, text),),
            )


def _did_you_mean(text: str | None) -> str:
    return f"; did you mean '{text}'?" if text else ""
