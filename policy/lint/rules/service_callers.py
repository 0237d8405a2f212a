"""Services as principals: for whom they work, and how that is bound."""

from __future__ import annotations

from collections.abc import Iterator

from policy.errors import Note
from policy.lint.parts import Clause
from policy.lint.permits import (
    ACCOUNT,
    SOURCE_KEYS,
    denied_to_others,
    has_wildcard,
    services,
    spelled,
)
from policy.lint.reading import Reading
from policy.lint.rule import Hit, Severity, rule
from policy.lint.subject import Subject, short
from policy.model import ConditionValue, PolicyKind
from policy.vocabulary import ENCRYPTION_CONTEXT

_KEY_POLICY = (PolicyKind.KEY_POLICY,)


@rule("KG406", "confused-deputy", Severity.SECURITY, kinds=_KEY_POLICY)
def confused_deputy(subject: Subject) -> Iterator[Hit]:
    """A service may use the key, whichever customer it works for.

    The customer is fixed by a test of an `aws:Source` key, or of an encryption context that holds
    an account ID.

    ## Why it matters
    Somebody else can make the service act on a resource of theirs with this key.

    ## Example
    ```json
    {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"},
     "Action": "kms:GenerateDataKey*", "Resource": "*"}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"},
     "Action": "kms:GenerateDataKey*", "Resource": "*",
     "Condition": {"ArnEquals": {"aws:SourceArn": "arn:aws:sns:eu-west-1:111122223333:bills"}}}
    ```

    ## Sources
    - Permissions for AWS services in key policies
    - The confused deputy problem
    - Access Analyzer policy check reference
    """
    for reading in _serving_anyone(subject):
        if any(_open_values(reading)):
            continue
        for entry in services(reading):
            yield Hit(
                entry.node.span,
                f"{short(entry.text)} may use this key for any AWS customer; "
                "add aws:SourceAccount or aws:SourceArn",
            )


@rule("KG407", "confused-deputy-open-source", Severity.SECURITY, kinds=_KEY_POLICY)
def confused_deputy_open_source(subject: Subject) -> Iterator[Hit]:
    """A test for whom a service works holds for every customer.

    The account in `aws:SourceArn` is a pattern, or the test is negated or has IfExists.

    ## Why it matters
    The condition is there in name only.

    ## Example
    ```json
    {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "kms:Decrypt",
     "Resource": "*", "Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:sns:*:*:bills"}}}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "kms:Decrypt",
     "Resource": "*",
     "Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:sns:*:111122223333:bills"}}}
    ```

    ## Sources
    - Permissions for AWS services in key policies
    - The confused deputy problem
    """
    for reading in _serving_anyone(subject):
        for clause, value in _open_values(reading):
            yield Hit(
                value.span,
                f"{short(clause.name)} '{short(value.text)}' does not fix the account",
            )


@rule("KG408", "weak-source-key", Severity.SUGGESTION, kinds=_KEY_POLICY)
def weak_source_key(subject: Subject) -> Iterator[Hit]:
    """A service is bound only by where its request comes from.

    ## Why it matters
    Services call from networks of their own: these keys are absent, or say what the caller likes.

    ## Example
    ```json
    {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "kms:Decrypt",
     "Resource": "*", "Condition": {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "kms:Decrypt",
     "Resource": "*", "Condition": {"StringEquals": {"aws:SourceAccount": "111122223333"}}}
    ```

    ## Sources
    - Access Analyzer policy check reference
    - The confused deputy problem
    """
    for reading in subject.giving:
        named = services(reading)
        if not named or not reading.clauses or not reading.is_read_whole:
            continue
        if all(clause.key in _WEAK_SOURCES for clause in reading.clauses):
            clause = reading.clauses[0]
            yield Hit(
                clause.member.name.span,
                f"restrict {spelled((each.text for each in named), 2)} with aws:SourceArn or "
                f"aws:SourceAccount rather than {clause.key}",
            )


@rule("KG409", "service-without-encryption-context", Severity.SUGGESTION, kinds=_KEY_POLICY)
def service_without_encryption_context(subject: Subject) -> Iterator[Hit]:
    """A service may read data, and its encryption context is not asked for.

    Reported of services whose context is known, and which are bound to a source already.

    ## Why it matters
    The context is sealed into the ciphertext: nothing else ties a permission to some data.

    ## Example
    ```json
    {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"},
     "Action": "kms:GenerateDataKey", "Resource": "*",
     "Condition": {"StringEquals": {"aws:SourceAccount": "111122223333"}}}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"},
     "Action": "kms:GenerateDataKey", "Resource": "*",
     "Condition": {"StringEquals": {"aws:SourceAccount": "111122223333"},
                   "StringLike": {"kms:EncryptionContext:aws:cloudtrail:arn":
                                  "arn:aws:cloudtrail:*:111122223333:trail/*"}}}
    ```

    ## Sources
    - Permissions for AWS services in key policies
    """
    for reading in subject.giving:
        if not reading.kms_actions & _WITH_CONTEXT or any(map(_is_of_context, reading.clauses)):
            continue
        sources = [clause for clause in reading.clauses if _fixes_customer(clause)]
        if not sources:
            continue
        for entry in services(reading):
            context = CONTEXT_OF_SERVICES.get(_service(entry.text))
            if context is not None:
                yield Hit(
                    entry.node.span,
                    f"also require the encryption context '{context}' that "
                    f"{short(entry.text)} uses",
                    notes=(Note("what binds it so far", sources[0].member.name.span),),
                )


# The user guides of the services, where they tell of their use of KMS.
CONTEXT_OF_SERVICES = {
    "cloudtrail": "aws:cloudtrail:arn",
    "logs": "aws:logs:arn",
    "secretsmanager": "SecretARN",
    "ses": "aws:ses:message-id",
}
"""The name in the encryption context of a service that the service always gives."""

_WITH_CONTEXT = frozenset({"Decrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext"})
_WEAK_SOURCES = frozenset({"aws:Referer", "aws:UserAgent", "aws:SourceIp", "aws:SourceVpc"})


def _service(text: str) -> str:
    """Return the service that a principal such as `logs.eu-west-1.amazonaws.com` stands for."""
    return text.partition(".")[0]


def _serving_anyone(subject: Subject) -> Iterator[Reading]:
    """Yield what services may do for customers that are not named."""
    denied = denied_to_others(subject)
    for reading in subject.giving:
        if not services(reading) or not reading.is_read_whole:
            continue
        is_fixed = any(map(_fixes_customer, reading.clauses))
        if not is_fixed and not any(reading.kms_actions <= each for each in denied):
            yield reading


def _fixes_customer(clause: Clause) -> bool:
    if not clause.is_positive:
        return False
    if clause.has_variables:
        return clause.key in SOURCE_KEYS
    if clause.key == "aws:SourceArn":
        return all(_account(value.text) is not None for value in clause.values)
    if clause.key in SOURCE_KEYS:
        return not any(has_wildcard(value.text.partition("/")[0]) for value in clause.values)
    return _is_of_context(clause) and all(ACCOUNT.search(v.text) for v in clause.values)


def _account(text: str) -> str | None:
    """Return the account in an ARN, or None if it is a pattern or there is none."""
    fields = text.split(":", 5)
    found = len(fields) == 6 and ACCOUNT.fullmatch(fields[4])
    return fields[4] if found else None


def _is_of_context(clause: Clause) -> bool:
    return clause.name.lower().startswith(ENCRYPTION_CONTEXT)


def _open_values(reading: Reading) -> Iterator[tuple[Clause, ConditionValue]]:
    """Yield the values of tests on sources that let every customer through."""
    for clause in reading.clauses:
        if clause.key in SOURCE_KEYS and clause.values:
            if not clause.is_positive:
                yield clause, clause.values[0]
            elif clause.key == "aws:SourceArn":
                for value in clause.values:
                    fields = value.text.split(":", 5)
                    if value.text == "*" or (len(fields) == 6 and has_wildcard(fields[4])):
                        yield clause, value
