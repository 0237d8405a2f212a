"""Actions that the kind of key in the condition cannot perform."""

from __future__ import annotations

from collections.abc import Iterator

from policy.errors import Note
from policy.lint.parts import Clause
from policy.lint.proofs import holds
from policy.lint.reading import Reading
from policy.lint.repairs import without_items
from policy.lint.rule import Edit, Fix, Hit, Severity, rule
from policy.lint.subject import Subject, short
from policy.model import PolicyKind
from policy.operators import Family


@rule(
    "KG313",
    "action-impossible-for-key-type",
    Severity.WARNING,
    Fix.UNSAFE,
    kinds=(PolicyKind.KEY_POLICY, PolicyKind.IDENTITY_POLICY),
)
def action_impossible_for_key_type(subject: Subject) -> Iterator[Hit]:
    """A statement names an action that its condition's kind of key cannot perform.

    ## Why it matters
    The entry does nothing. Often the policy was copied from another kind of key.

    ## Example
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/billing"},
     "Action": ["kms:Sign", "kms:DeriveSharedSecret"], "Resource": "*",
     "Condition": {"StringEquals": {"kms:KeyUsage": "SIGN_VERIFY"}}}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/billing"},
     "Action": ["kms:Sign", "kms:Verify"], "Resource": "*",
     "Condition": {"StringEquals": {"kms:KeyUsage": "SIGN_VERIFY"}}}
    ```

    ## Sources
    - Key type reference
    """
    for reading in subject.readings:
        if not reading.clauses:
            continue
        useless = [
            (entry, clause)
            for name, entry in reading.literal_actions
            if (clause := _excluding(reading, name)) is not None
        ]
        gone = {entry.at for entry, _ in useless}
        for entry, clause in useless:
            edits: dict[int, tuple[Edit, ...]] = without_items(entry.items, gone)
            yield Hit(
                entry.node.span,
                f"{short(entry.text)} cannot be used with {_described(clause)}",
                notes=(Note("the kind of key", clause.member.name.span),),
                edits=edits[entry.at],
            )


_RSA = frozenset({"RSA_2048", "RSA_3072", "RSA_4096"})
_AGREEING = frozenset({"ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521", "SM2"})
_SIGNING = (
    _RSA
    | _AGREEING
    | {"ECC_SECG_P256K1", "ECC_NIST_EDWARDS25519", "ML_DSA_44", "ML_DSA_65", "ML_DSA_87"}
)
_MACS = frozenset({"HMAC_224", "HMAC_256", "HMAC_384", "HMAC_512"})
_ENCAPSULATING = frozenset({"ML_KEM_512", "ML_KEM_768", "ML_KEM_1024"})
_SYMMETRIC = frozenset({"SYMMETRIC_DEFAULT"})

# AWS KMS Developer Guide, "Key type reference": actions, their usages, their specs.
_ROWS: tuple[tuple[str, frozenset[str], frozenset[str]], ...] = (
    ("Encrypt Decrypt ReEncryptFrom ReEncryptTo", frozenset({"ENCRYPT_DECRYPT"}),
     _SYMMETRIC | _RSA | {"SM2"}),
    ("GenerateDataKey GenerateDataKeyPair GenerateDataKeyPairWithoutPlaintext "
     "GenerateDataKeyWithoutPlaintext EnableKeyRotation DisableKeyRotation ListKeyRotations "
     "RotateKeyOnDemand", frozenset({"ENCRYPT_DECRYPT"}), _SYMMETRIC),
    ("Sign Verify", frozenset({"SIGN_VERIFY"}), _SIGNING),
    ("GenerateMac VerifyMac", frozenset({"GENERATE_VERIFY_MAC"}), _MACS),
    ("DeriveSharedSecret", frozenset({"KEY_AGREEMENT"}), _AGREEING),
    ("Encapsulate Decapsulate", frozenset({"ENCAPSULATE_DECAPSULATE"}), _ENCAPSULATING),
    ("GetPublicKey",
     frozenset({"ENCRYPT_DECRYPT", "SIGN_VERIFY", "KEY_AGREEMENT", "ENCAPSULATE_DECAPSULATE"}),
     _SIGNING | _ENCAPSULATING),
)  # fmt: skip

_EXTERNAL = frozenset({"EXTERNAL"})
_USABLE: dict[str, dict[str, frozenset[str]]] = {
    "kms:KeyUsage": {name: usages for names, usages, _ in _ROWS for name in names.split()},
    "kms:KeySpec": {name: specs for names, _, specs in _ROWS for name in names.split()},
    "kms:KeyOrigin": dict.fromkeys(
        ("DeleteImportedKeyMaterial", "GetParametersForImport", "ImportKeyMaterial"), _EXTERNAL
    ),
    "kms:MultiRegion": dict.fromkeys(
        ("ReplicateKey", "SynchronizeMultiRegionKey", "UpdatePrimaryRegion"), frozenset({"true"})
    ),
}
"""With which values of a condition key an action can be used, where not with all."""

_KNOWN: dict[str, frozenset[str]] = {
    "kms:KeyUsage": frozenset().union(*_USABLE["kms:KeyUsage"].values()),
    "kms:KeySpec": frozenset().union(*_USABLE["kms:KeySpec"].values()),
    "kms:KeyOrigin": _EXTERNAL | {"AWS_KMS", "AWS_CLOUDHSM", "EXTERNAL_KEY_STORE"},
    "kms:MultiRegion": frozenset({"true", "false"}),
}
"""The values there are; a condition that holds of none of them is another rule's matter."""

_SAME = {
    "kms:CustomerMasterKeySpec": "kms:KeySpec",
    "kms:CustomerMasterKeyUsage": "kms:KeyUsage",
}


def _excluding(reading: Reading, action: str) -> Clause | None:
    """Return a clause that holds of no key with which an action can be used."""
    for clause in reading.clauses:
        key = _SAME.get(clause.key, clause.key)
        usable = _USABLE.get(key, {}).get(action)
        if usable is None or not clause.is_positive or clause.has_variables:
            continue
        met = {value for value in _KNOWN[key] if holds(clause, value)}
        if met and not met & usable:
            return clause
    return None


def _described(clause: Clause) -> str:
    if clause.family is Family.BOOL:
        return "a single-Region key"
    listed = " or ".join(value.text for value in clause.values[:3])
    return f"a key whose {clause.key.removeprefix('kms:')} is {short(listed)}"
