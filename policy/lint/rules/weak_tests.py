"""Conditions that restrict less than they seem to: absent keys, exclusions, words of the caller."""

from __future__ import annotations

from collections.abc import Iterator

from policy.lint.parts import Clause
from policy.lint.permits import (
    ACCOUNT_KEYS,
    BOUNDING_KEYS,
    ORGANIZATION_KEYS,
    services,
    spelled,
)
from policy.lint.reading import Reading
from policy.lint.repairs import renamed
from policy.lint.rule import Edit, Fix, Hit, Severity, rule
from policy.lint.subject import Subject, short
from policy.model import PolicyKind
from policy.operators import Family, parse_operator
from policy.source import Span

_GIVING = (PolicyKind.KEY_POLICY, PolicyKind.IDENTITY_POLICY, PolicyKind.ENDPOINT_POLICY)


@rule("KG424", "mfa-antipattern", Severity.SECURITY, Fix.UNSAFE)
def mfa_antipattern(subject: Subject) -> Iterator[Hit]:
    """A test of `aws:MultiFactorAuthPresent` passes callers without MFA.

    ## Why it matters
    The key is there for temporary credentials only, and may be "false". Requests that are signed
    with long-term keys do not have it at all.

    ## Example
    ```json
    {"Effect": "Deny", "Principal": "*", "Action": "kms:ScheduleKeyDeletion", "Resource": "*",
     "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "false"}}}
    ```

    ## Use instead
    ```json
    {"Effect": "Deny", "Principal": "*", "Action": "kms:ScheduleKeyDeletion", "Resource": "*",
     "Condition": {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}}
    ```

    ## Sources
    - AWS global condition context keys
    """
    for reading in subject.readings:
        clauses = [c for c in reading.clauses if c.key == "aws:MultiFactorAuthPresent"]
        for clause in clauses if reading.effect is not None else ():
            reason = _mfa_fault(reading, clause, alone=len(clauses) == 1)
            if reason is not None:
                edits: tuple[Edit, ...] = ()
                operator = parse_operator(f"{clause.operator}IfExists")
                if reading.denies and reason == _LONG_TERM_ESCAPES and operator is not None:
                    edits = renamed(reading, clause, operator)
                message = f"this test does not require MFA: {reason}"
                yield Hit(clause.block.name.span, message, edits=edits)


@rule("KG425", "ifexists-weakens-allow", Severity.SECURITY, Fix.UNSAFE)
def ifexists_weakens_allow(subject: Subject) -> Iterator[Hit]:
    """All that bounds an Allow is a test with IfExists of a key that can be absent.

    ## Why it matters
    Without the key the restriction is gone, and calling directly is the ordinary case.

    ## Example
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/billing"},
     "Action": "kms:Decrypt", "Resource": "*",
     "Condition": {"StringEqualsIfExists": {"kms:ViaService": "rds.eu-west-1.amazonaws.com"}}}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/billing"},
     "Action": "kms:Decrypt", "Resource": "*",
     "Condition": {"StringEquals": {"kms:ViaService": "rds.eu-west-1.amazonaws.com"}}}
    ```

    ## Sources
    - IAM JSON policy elements: Condition operators
    - Access Analyzer policy check reference
    """
    for reading in subject.giving:
        bounds = [clause for clause in reading.clauses if clause.key in _BOUNDS]
        if services(reading) or any(clause.is_positive for clause in bounds):
            continue
        for clause in bounds:
            operator = clause.operator
            if not operator.if_exists or operator.base.negated or reading.always_has(clause):
                continue
            if clause.name.lower() in reading.null_keys:
                continue
            plain = parse_operator(str(operator).removesuffix("IfExists"))
            yield Hit(
                clause.block.name.span,
                f"{operator} on {short(clause.name)} also allows requests without the key",
                edits=renamed(reading, clause, plain) if plain is not None else (),
            )


@rule("KG426", "allow-with-negated-bound", Severity.SECURITY, kinds=_GIVING)
def allow_with_negated_bound(subject: Subject) -> Iterator[Hit]:
    """All that an Allow says of its requests is what they may not be.

    ## Why it matters
    A new value is allowed at once. Exceptions belong into a Deny.

    ## Example
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/billing"},
     "Action": "kms:Sign", "Resource": "*",
     "Condition": {"StringNotEquals": {"kms:SigningAlgorithm": "RSASSA_PKCS1_V1_5_SHA_256"}}}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/billing"},
     "Action": "kms:Sign", "Resource": "*",
     "Condition": {"StringEquals": {"kms:SigningAlgorithm": "RSASSA_PSS_SHA_256"}}}
    ```

    ## Sources
    - IAM JSON policy elements: Condition operators
    - Infrastructure security in AWS Key Management Service
    """
    for reading in subject.giving:
        clauses = reading.clauses
        if not clauses or not reading.is_read_whole:
            continue
        if all(clause.operator.base.negated for clause in clauses):
            excluded = spelled(value.text for clause in clauses for value in clause.values)
            yield Hit(
                clauses[0].block.name.span,
                f"the Allow covers everything except {excluded}; state what is allowed",
            )


@rule("KG427", "forgeable-condition", Severity.SECURITY)
def forgeable_condition(subject: Subject) -> Iterator[Hit]:
    """Access depends on what the caller says of itself.

    Reported of `aws:UserAgent` and `aws:Referer` where they give access or lift a Deny.

    ## Why it matters
    Both are headers that any caller sets as it likes.

    ## Example
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/billing"},
     "Action": "kms:Decrypt", "Resource": "*",
     "Condition": {"StringLike": {"aws:UserAgent": "billing/*"}}}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/billing"},
     "Action": "kms:Decrypt", "Resource": "*"}
    ```

    ## Sources
    - AWS global condition context keys
    """
    for reading in subject.readings:
        for clause in reading.clauses:
            if clause.key not in _OF_CALLERS or clause.family is Family.NULL:
                continue
            lifts = reading.denies and clause.operator.base.negated
            if lifts or (reading.allows and not clause.operator.base.negated):
                yield Hit(clause.member.name.span, f"{clause.key} is chosen by the caller")


@rule(
    "KG438",
    "rcp-without-service-exception",
    Severity.SECURITY,
    Fix.UNSAFE,
    kinds=(PolicyKind.RCP,),
)
def rcp_without_service_exception(subject: Subject) -> Iterator[Hit]:
    """A resource control policy denies strangers, and the services of AWS with them.

    ## Why it matters
    A service that calls in its own name is in no organization. Logs and backups stop.

    ## Example
    ```json
    {"Effect": "Deny", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*",
     "Condition": {"StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}}
    ```

    ## Use instead
    ```json
    {"Effect": "Deny", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*",
     "Condition": {"StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"},
                   "BoolIfExists": {"aws:PrincipalIsAWSService": "false"}}}
    ```

    ## Sources
    - RCP syntax (AWS Organizations User Guide)
    """
    for reading in subject.readings:
        if not reading.denies or not reading.kms_actions:
            continue
        sparing = [c for c in reading.clauses if c.key in _OF_OWN and c.operator.base.negated]
        exempting = [c for c in reading.clauses if c.key == "aws:PrincipalIsAWSService"]
        if not sparing or any(clause.operator.if_exists for clause in exempting):
            continue
        if exempting:
            yield Hit(
                exempting[0].block.name.span,
                "this Deny lets requests without a signature escape; use BoolIfExists",
                edits=_with_if_exists(reading, exempting[0]),
            )
        else:
            yield Hit(
                sparing[0].member.name.span,
                "this Deny also hits AWS services that use keys of the organization",
                edits=_with_exception(reading),
            )


_LONG_TERM_ESCAPES = "requests signed with long-term access keys do not have the key"
_OF_CALLERS = frozenset({"aws:UserAgent", "aws:Referer"})
_OF_OWN = ORGANIZATION_KEYS | {"aws:PrincipalAccount"}
_BOUNDS = (
    (BOUNDING_KEYS - ACCOUNT_KEYS)
    | {
        "aws:CalledVia", "aws:CalledViaFirst", "aws:CalledViaLast", "aws:PrincipalAccount",
        "aws:PrincipalTag/", "aws:VpcSourceIp", "kms:EncryptionContext:",
        "kms:EncryptionContextKeys", "kms:GranteePrincipal", "kms:GranteeServicePrincipal",
        "kms:ViaService",
    }
)  # fmt: skip
"""What bounds the caller, the source of a request, or its way."""


def _mfa_fault(reading: Reading, clause: Clause, *, alone: bool) -> str | None:
    """Return why a test of MFA does not do what it is for, or None."""
    wants = {value.text.lower() for value in clause.values}
    if clause.family is Family.NULL:
        if not alone:
            return None
        if reading.allows:
            return 'a key that is present may be "false"' if wants == {"false"} else _ABSENT
        return 'a key that is present may be "false"' if wants == {"true"} else None
    if clause.family is not Family.BOOL or clause.operator.set_operator is not None:
        return None
    if reading.allows:
        if "false" in wants:
            return 'it asks for the value "false"'
        return _ABSENT if clause.operator.if_exists else None
    if wants == {"false"} and not clause.operator.if_exists:
        return _LONG_TERM_ESCAPES if alone else None
    return None


_ABSENT = "it is true of requests without the key"


def _with_if_exists(reading: Reading, clause: Clause) -> tuple[Edit, ...]:
    operator = parse_operator(f"{clause.operator}IfExists")
    return renamed(reading, clause, operator) if operator is not None else ()


def _with_exception(reading: Reading) -> tuple[Edit, ...]:
    condition = reading.condition
    if condition is None or "boolifexists" in reading.operators:
        return ()
    end = condition.members[-1].value.span.end
    return (Edit(Span(end, end), ', "BoolIfExists": {"aws:PrincipalIsAWSService": "false"}'),)
