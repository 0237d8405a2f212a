"""Attestation of enclaves and other machines, and algorithms that are out of date."""

from __future__ import annotations

from collections.abc import Iterator

from policy.lint.parts import Clause
from policy.lint.permits import (
    bounds_caller,
    covering,
    gives_everything,
    names_accounts_only,
    spelled,
    who,
)
from policy.lint.reading import Callers, Reading
from policy.lint.rule import Hit, Severity, rule
from policy.lint.subject import Subject, short
from policy.lint.summary import identity, is_about_everyone
from policy.model import PolicyKind, PrincipalForm
from policy.operators import Family

_KEY_POLICY = (PolicyKind.KEY_POLICY,)


@rule("KG434", "attestation-not-required", Severity.SECURITY, kinds=_KEY_POLICY)
def attestation_not_required(subject: Subject) -> Iterator[Hit]:
    """A principal that may read data with an attestation may do so without one as well.

    ## Why it matters
    The way without makes the measured one pointless.

    ## Example
    ```json
    [{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/enclave"},
      "Action": "kms:Decrypt", "Resource": "*",
      "Condition": {"StringEqualsIgnoreCase": {"kms:RecipientAttestation:PCR0":
        "7fb5c55bc2ecbb68ed99a13d7122abfc0666b926a79d5379bc58b9445c84217f59cfdd36c08b2c79552928702efe23e4"}}},
     {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/enclave"},
      "Action": ["kms:DescribeKey", "kms:GenerateDataKey"], "Resource": "*"}]
    ```

    ## Use instead
    ```json
    [{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/enclave"},
      "Action": "kms:Decrypt", "Resource": "*",
      "Condition": {"StringEqualsIgnoreCase": {"kms:RecipientAttestation:PCR0":
        "7fb5c55bc2ecbb68ed99a13d7122abfc0666b926a79d5379bc58b9445c84217f59cfdd36c08b2c79552928702efe23e4"}}},
     {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/enclave"},
      "Action": "kms:DescribeKey", "Resource": "*"}]
    ```

    ## Sources
    - AWS KMS condition keys for AWS Nitro Enclaves
    """
    attested = [each for each in subject.giving if _attests(each)]
    measured = {identity(pattern) for each in attested for pattern, _ in each.principals}
    if not measured or _denied_unattested(subject) >= _READING:
        return
    for reading in subject.giving:
        if _attests(reading) or reading.excludes_principals:
            continue
        same = [p for p, _ in reading.principals if identity(p) in measured]
        same += [p for p, _ in reading.principals if p.form is PrincipalForm.EVERYONE]
        for entry in covering(reading, _READING) if same else ():
            yield Hit(
                entry.node.span,
                f"{short(same[0].text)} can call {short(entry.text)} without attestation",
            )


@rule("KG435", "attestation-bypass", Severity.SECURITY, kinds=_KEY_POLICY)
def attestation_bypass(subject: Subject) -> Iterator[Hit]:
    """A key policy asks for attestation, and leaves other ways to the data open.

    Reported of the delegation to identity policies, and of grants and re-encryption that are
    allowed without attestation, unless a Deny without attestation covers them.

    ## Why it matters
    The weakest way decides. One Deny closes all of them.

    ## Example
    ```json
    [{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
      "Action": "kms:*", "Resource": "*"},
     {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/enclave"},
      "Action": "kms:Decrypt", "Resource": "*",
      "Condition": {"StringEqualsIgnoreCase": {"kms:RecipientAttestation:PCR0":
        "7fb5c55bc2ecbb68ed99a13d7122abfc0666b926a79d5379bc58b9445c84217f59cfdd36c08b2c79552928702efe23e4"}}}]
    ```

    ## Use instead
    ```json
    [{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
      "Action": "kms:*", "Resource": "*"},
     {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/enclave"},
      "Action": "kms:Decrypt", "Resource": "*",
      "Condition": {"StringEqualsIgnoreCase": {"kms:RecipientAttestation:PCR0":
        "7fb5c55bc2ecbb68ed99a13d7122abfc0666b926a79d5379bc58b9445c84217f59cfdd36c08b2c79552928702efe23e4"}}},
     {"Effect": "Deny", "Principal": "*",
      "Action": ["kms:Decrypt", "kms:ReEncryptFrom", "kms:CreateGrant"], "Resource": "*",
      "Condition": {"Null": {"kms:RecipientAttestation:PCR0": "true"}}}]
    ```

    ## Sources
    - AWS KMS condition keys for AWS Nitro Enclaves
    - Default key policy
    """
    if not any(_attests(each) for each in subject.giving):
        return
    denied = _denied_unattested(subject)
    for reading in subject.giving:
        if _attests(reading) or reading.excludes_principals:
            continue
        if names_accounts_only(reading):
            ways, path = _AROUND | {"Decrypt"}, "identity policies of the account can allow {}"
        else:
            ways, path = _AROUND, f"{who(reading)} may call {{}}"
        open_ways = sorted((ways & reading.kms_actions) - denied)
        entries = covering(reading, frozenset(open_ways))
        if entries:
            names = spelled(f"kms:{name}" for name in open_ways)
            place = (gives_everything(reading) or entries[0]).node.span
            yield Hit(place, f"attestation can be bypassed: {path.format(names)}")


@rule("KG436", "debug-measurement", Severity.SECURITY)
def debug_measurement(subject: Subject) -> Iterator[Hit]:
    """An attestation is compared with a measurement of zeros only.

    ## Why it matters
    That is what every enclave in debug mode shows, and debug mode lets its memory be read.

    ## Example
    ```json
    {"Null": {"aws:TokenIssueTime": "true"}, "StringEqualsIgnoreCase":
     {"kms:RecipientAttestation:PCR0":
      "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"}}
    ```

    ## Use instead
    ```json
    {"Null": {"aws:TokenIssueTime": "true"}, "StringEqualsIgnoreCase":
     {"kms:RecipientAttestation:PCR0":
      "7fb5c55bc2ecbb68ed99a13d7122abfc0666b926a79d5379bc58b9445c84217f59cfdd36c08b2c79552928702efe23e4"}}
    ```

    ## Sources
    - AWS KMS condition keys for AWS Nitro Enclaves
    """
    for reading in subject.readings:
        for clause in reading.clauses:
            if _measure(clause) not in _OF_IMAGE or clause.family is Family.NULL:
                continue
            for value in clause.values:
                if value.text and not value.text.strip("0"):
                    yield Hit(
                        value.span, "an all-zero measurement is that of an enclave in debug mode"
                    )


@rule("KG437", "attestation-without-deployment", Severity.SUGGESTION, kinds=_KEY_POLICY)
def attestation_without_deployment(subject: Subject) -> Iterator[Hit]:
    """Everybody may use a key from an image that is measured, wherever it runs.

    Not reported where the Principal or a condition bounds the caller's account.

    ## Why it matters
    The measurement of an image goes where the image goes. The role of the instance (PCR3), the
    instance itself (PCR4) or the signature (PCR8) tell whose it is.

    ## Example
    ```json
    {"Effect": "Allow", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*",
     "Condition": {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"},
      "StringEqualsIgnoreCase": {"kms:RecipientAttestation:PCR0":
       "7fb5c55bc2ecbb68ed99a13d7122abfc0666b926a79d5379bc58b9445c84217f59cfdd36c08b2c79552928702efe23e4"}}}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/enclave"},
     "Action": "kms:Decrypt", "Resource": "*",
     "Condition": {"StringEqualsIgnoreCase": {"kms:RecipientAttestation:PCR0":
       "7fb5c55bc2ecbb68ed99a13d7122abfc0666b926a79d5379bc58b9445c84217f59cfdd36c08b2c79552928702efe23e4"}}}
    ```

    ## Sources
    - AWS KMS condition keys for AWS Nitro Enclaves
    """
    for reading in subject.giving:
        measures = [clause for clause in reading.clauses if _measure(clause)]
        if not measures or reading.callers is not Callers.ANYONE:
            continue
        bounds = (c for c in reading.clauses if c.key != "aws:SourceIp")
        if any(bounds_caller(reading, clause) for clause in bounds):
            continue
        if {_measure(clause) for clause in measures} <= _OF_IMAGE:
            yield Hit(
                measures[0].member.name.span,
                "the same image elsewhere satisfies this condition; add PCR3, PCR4 or PCR8",
            )


@rule("KG441", "weak-algorithm", Severity.WARNING)
def weak_algorithm(subject: Subject) -> Iterator[Hit]:
    """A condition lets a weak algorithm pass.

    Reported of padding without OAEP, of OAEP with SHA-1, and of RSA with 2,048 bits beside longer
    keys.

    ## Why it matters
    Conditions on algorithms are there to keep these out.

    ## Example
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/keeper"},
     "Action": "kms:GetParametersForImport", "Resource": "*",
     "Condition": {"StringEquals": {"kms:WrappingAlgorithm": "RSAES_OAEP_SHA_1"}}}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/keeper"},
     "Action": "kms:GetParametersForImport", "Resource": "*",
     "Condition": {"StringEquals": {"kms:WrappingAlgorithm": "RSAES_OAEP_SHA_256"}}}
    ```

    ## Sources
    - AWS KMS condition keys
    - Importing key material in AWS KMS keys
    """
    for reading in subject.readings:
        for clause in reading.clauses:
            lets_pass = reading.denies if clause.operator.base.negated else reading.allows
            if not lets_pass or clause.family is not Family.STRING:
                continue
            listed = {value.text for value in clause.values}
            weak = _WEAK.get(clause.key, frozenset())
            if clause.key in _OF_SPECS and listed & {"RSA_3072", "RSA_4096"}:
                weak = frozenset({"RSA_2048"})
            for value in clause.values:
                if value.text in weak:
                    yield Hit(
                        value.span, f"'{short(value.text)}' is a weak choice for {clause.key}"
                    )


_READING = frozenset(
    {"Decrypt", "DeriveSharedSecret", "GenerateDataKey", "GenerateDataKeyPair", "GenerateRandom"}
)
"""The actions that take an attestation (AUTH J-96 to J-98)."""

_AROUND = frozenset({"CreateGrant", "ReEncryptFrom"})
_OF_IMAGE = frozenset({"imagesha384", "pcr0", "pcr1", "pcr2"})
_FAMILY = "kms:recipientattestation:"
_WEAK = {
    "kms:WrappingAlgorithm": frozenset({"RSAES_PKCS1_V1_5", "RSAES_OAEP_SHA_1"}),
    "kms:EncryptionAlgorithm": frozenset({"RSAES_OAEP_SHA_1"}),
}
_OF_SPECS = frozenset({"kms:KeySpec", "kms:DataKeyPairSpec", "kms:WrappingKeySpec"})


def _measure(clause: Clause) -> str:
    """Return what a clause asks of an attestation, in lower case; empty if nothing."""
    name = clause.name.lower()
    return name.removeprefix(_FAMILY) if name.startswith(_FAMILY) else ""


def _attests(reading: Reading) -> bool:
    return any(_measure(c) and not c.holds_without_key for c in reading.clauses)


def _denied_unattested(subject: Subject) -> frozenset[str]:
    """Return the actions that are denied to everybody where there is no attestation."""
    return frozenset[str]().union(
        *(
            deny.kms_actions
            for deny in subject.readings
            if deny.denies
            and is_about_everyone(deny)
            and deny.is_read_whole
            and all(_measure(clause) and clause.holds_without_key for clause in deny.clauses)
        )
    )
