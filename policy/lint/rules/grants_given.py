"""Actions by which a permission is passed on: grants, replicas, new keys, key policies."""

from __future__ import annotations

from collections.abc import Iterator

from policy.lint.parts import Clause, Entry
from policy.lint.permits import covering, gives_everything, names_accounts_only, owner, who
from policy.lint.reading import Reading
from policy.lint.repairs import parted, renamed, with_condition
from policy.lint.rule import Edit, Fix, Hit, Severity, rule
from policy.lint.subject import Subject, short
from policy.model import PolicyKind, PrincipalForm
from policy.operators import SetOperator, parse_operator

_ATTACHED = (PolicyKind.KEY_POLICY, PolicyKind.IDENTITY_POLICY)


@rule("KG413", "creategrant-unrestricted", Severity.SECURITY, Fix.UNSAFE, kinds=_ATTACHED)
def creategrant_unrestricted(subject: Subject) -> Iterator[Hit]:
    """Somebody may create any grant.

    The delegation to the key's own account is not reported. A pattern such as `kms:Create*` that
    only happens to include the action is a suggestion.

    ## Why it matters
    A grant gives any operation to anybody, even one that its creator does not have. This is nearly
    as much as writing the key policy.

    ## Example
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/billing"},
     "Action": ["kms:Decrypt", "kms:CreateGrant"], "Resource": "*"}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/billing"},
     "Action": "kms:CreateGrant", "Resource": "*",
     "Condition": {"Bool": {"kms:GrantIsForAWSResource": "true"}}}
    ```

    ## Sources
    - Grants in AWS KMS
    - Creating grants
    - Default key policy
    """
    for reading in subject.giving:
        entries = covering(reading, _CREATE_GRANT)
        if not entries or _is_own_delegation(subject, reading) or not reading.is_read_whole:
            continue
        if any(map(_limits_grants, reading.clauses)) or not _is_named(reading):
            continue
        literal = [entry for entry in entries if entry.text.lower() == "kms:creategrant"]
        entry = (literal or entries)[0]
        is_aside = not literal and gives_everything(reading) is None
        yield Hit(
            entry.node.span,
            f"{who(reading)} may create any grant on {_what(reading)}",
            severity=Severity.SUGGESTION if is_aside else None,
            edits=_for_services_only(subject, reading, entries),
        )


@rule("KG414", "creategrant-foranyvalue", Severity.SECURITY, Fix.UNSAFE, kinds=_ATTACHED)
def creategrant_foranyvalue(subject: Subject) -> Iterator[Hit]:
    """The operations of a grant are tested with ForAnyValue.

    ## Why it matters
    One of the listed operations is enough to pass, with any others beside it.

    ## Example
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/billing"},
     "Action": "kms:CreateGrant", "Resource": "*",
     "Condition": {"ForAnyValue:StringEquals": {"kms:GrantOperations": "Encrypt"},
                   "Bool": {"kms:GrantIsForAWSResource": "true"}}}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/billing"},
     "Action": "kms:CreateGrant", "Resource": "*",
     "Condition": {"ForAllValues:StringEquals": {"kms:GrantOperations": "Encrypt"},
                   "Bool": {"kms:GrantIsForAWSResource": "true"}}}
    ```

    ## Sources
    - AWS KMS condition keys
    """
    for reading in subject.giving:
        for clause in reading.clauses if covering(reading, _CREATE_GRANT) else ():
            operator = clause.operator
            if clause.key == "kms:GrantOperations" and operator.set_operator is SetOperator.ANY:
                all_values = parse_operator(str(operator).replace("ForAnyValue", "ForAllValues"))
                edits = renamed(reading, clause, all_values) if all_values is not None else ()
                yield Hit(
                    clause.block.name.span,
                    "ForAnyValue lets the grant contain further operations; use ForAllValues",
                    edits=edits,
                )


@rule(
    "KG423",
    "bypass-lockout-check",
    Severity.SECURITY,
    kinds=(PolicyKind.KEY_POLICY, PolicyKind.IDENTITY_POLICY, PolicyKind.SCP),
)
def bypass_lockout_check(subject: Subject) -> Iterator[Hit]:
    """A policy lets its key be put beyond everybody's control.

    It allows to skip the lock-out check; or, as a suggestion, it allows to create keys and does
    not speak of the check at all.

    ## Why it matters
    A key policy that allows nobody to change it stays for ever. The check refuses such policies.

    ## Example
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/keeper"},
     "Action": "kms:PutKeyPolicy", "Resource": "*",
     "Condition": {"Bool": {"kms:BypassPolicyLockoutSafetyCheck": "true"}}}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/keeper"},
     "Action": "kms:PutKeyPolicy", "Resource": "*",
     "Condition": {"Bool": {"kms:BypassPolicyLockoutSafetyCheck": "false"}}}
    ```

    ## Sources
    - AWS KMS condition keys
    - PutKeyPolicy (AWS KMS API Reference)
    """
    for reading in subject.giving:
        for clause in reading.clauses if covering(reading, _WITH_CHECK) else ():
            asks = any(value.text.lower() == "true" for value in clause.values)
            if clause.key == _BYPASS and clause.is_positive and asks:
                names = " and ".join(sorted(reading.kms_actions & _WITH_CHECK))
                yield Hit(clause.member.name.span, f"{names} may skip the lock-out check")
    speaks = any(clause.key == _BYPASS for each in subject.readings for clause in each.clauses)
    if subject.kind is PolicyKind.IDENTITY_POLICY and not speaks:
        creating = (e for r in subject.giving for e in covering(r, _CREATE_KEY))
        for entry in list(creating)[:1]:
            yield Hit(
                entry.node.span,
                f"{short(entry.text)} may skip the lock-out check",
                severity=Severity.SUGGESTION,
            )


@rule("KG439", "replication-unrestricted", Severity.SUGGESTION, kinds=_ATTACHED)
def replication_unrestricted(subject: Subject) -> Iterator[Hit]:
    """Somebody may take a key to any Region.

    The delegation to the key's own account is not reported.

    ## Why it matters
    A replica has a key policy of its own in a Region where nobody looks for it.

    ## Example
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/keeper"},
     "Action": "kms:ReplicateKey", "Resource": "*"}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/keeper"},
     "Action": "kms:ReplicateKey", "Resource": "*",
     "Condition": {"StringEquals": {"kms:ReplicaRegion": "eu-west-1"}}}
    ```

    ## Sources
    - Controlling access to multi-Region keys
    - AWS KMS condition keys
    """
    for reading in subject.giving:
        if _is_own_delegation(subject, reading) or _tests(reading, _OF_REGIONS):
            continue
        for entry in covering(reading, _REPLICATION):
            yield Hit(entry.node.span, f"limit the Regions for {short(entry.text)}")


@rule("KG440", "createkey-unrestricted", Severity.SUGGESTION, kinds=(PolicyKind.IDENTITY_POLICY,))
def createkey_unrestricted(subject: Subject) -> Iterator[Hit]:
    """Somebody may create keys of any kind.

    ## Why it matters
    Whoever creates a key writes its first policy. What keys there can be is easier to say before.

    ## Example
    ```json
    [{"Effect": "Allow", "Action": "kms:CreateKey", "Resource": "*"},
     {"Effect": "Deny", "Action": "kms:CreateKey", "Resource": "*",
      "Condition": {"Bool": {"kms:BypassPolicyLockoutSafetyCheck": "true"}}}]
    ```

    ## Use instead
    ```json
    [{"Effect": "Allow", "Action": "kms:CreateKey", "Resource": "*",
      "Condition": {"StringEquals": {"kms:KeySpec": "SYMMETRIC_DEFAULT"}}},
     {"Effect": "Deny", "Action": "kms:CreateKey", "Resource": "*",
      "Condition": {"Bool": {"kms:BypassPolicyLockoutSafetyCheck": "true"}}}]
    ```

    ## Sources
    - Best practices for IAM policies
    """
    for reading in subject.giving:
        if not _tests(reading, _OF_NEW_KEYS):
            for entry in covering(reading, _CREATE_KEY):
                yield Hit(entry.node.span, f"limit what keys {short(entry.text)} may create")


_CREATE_GRANT = frozenset({"CreateGrant"})
_CREATE_KEY = frozenset({"CreateKey"})
_WITH_CHECK = frozenset({"CreateKey", "PutKeyPolicy"})
_REPLICATION = frozenset({"ReplicateKey", "UpdatePrimaryRegion"})
_BYPASS = "kms:BypassPolicyLockoutSafetyCheck"
_OF_REGIONS = frozenset({"kms:ReplicaRegion", "kms:PrimaryRegion", "aws:RequestedRegion"})
_OF_NEW_KEYS = frozenset(
    {"kms:KeySpec", "kms:KeyUsage", "kms:KeyOrigin", "kms:MultiRegion", "aws:RequestTag/",
     "kms:ViaService", "kms:CustomerMasterKeySpec", "kms:CustomerMasterKeyUsage"}
)  # fmt: skip
_OF_GRANTS = frozenset({"kms:GranteePrincipal", "kms:GranteeServicePrincipal", "kms:ViaService"})


def _tests(reading: Reading, keys: frozenset[str]) -> bool:
    return any(clause.key in keys for clause in reading.clauses)


def _limits_grants(clause: Clause) -> bool:
    """Tell whether a clause limits what grants may be created, or by what way."""
    if clause.key == "kms:GrantIsForAWSResource":
        return clause.is_positive and any(v.text.lower() == "true" for v in clause.values)
    if clause.key == "kms:GrantOperations":
        return clause.operator.set_operator is SetOperator.ALL
    return clause.key in _OF_GRANTS and clause.is_positive


def _is_own_delegation(subject: Subject, reading: Reading) -> bool:
    """Tell whether a statement gives everything to the account of the key, as far as known."""
    if gives_everything(reading) is None or not names_accounts_only(reading):
        return False
    own = owner(subject)
    return own is None or {pattern.account for pattern, _ in reading.principals} == {own}


def _is_named(reading: Reading) -> bool:
    """Tell whether somebody is meant that there can be."""
    forms = {pattern.form for pattern, _ in reading.principals}
    return not reading.kind.names_principals or bool(forms - {PrincipalForm.INVALID})


def _what(reading: Reading) -> str:
    return "this key" if reading.kind is PolicyKind.KEY_POLICY else "these keys"


def _for_services_only(
    subject: Subject, reading: Reading, entries: tuple[Entry, ...]
) -> tuple[Edit, ...]:
    """Return the edits that leave only the grants that services need for their resources."""
    literal = tuple(entry for entry in entries if entry.text.lower() == "kms:creategrant")
    condition = with_condition(reading, '{"Bool": {"kms:GrantIsForAWSResource": "true"}}')
    if len(literal) < len(entries) or not condition:
        return ()
    if reading.kms_actions == _CREATE_GRANT and reading.is_kms_only:
        return condition
    return parted(subject, reading, literal, condition)
