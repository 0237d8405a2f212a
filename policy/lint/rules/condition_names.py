"""The names of condition keys (AUTH B-13, J)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from policy.lint.fixes import rewritten
from policy.lint.rule import Edit, Fix, Hit, Severity, rule
from policy.lint.subject import Subject, short
from policy.model import PolicyKind
from policy.services import SERVICE_PREFIXES
from policy.spelling import closest
from policy.tree import Object, String
from policy.vocabulary import (
    CONDITION_KEYS,
    RECIPIENT_ATTESTATION,
    RENAMED_KEYS,
    condition_key,
    hidden_from_key_policy,
    is_measurement,
)

_SIGNS = re.compile("[/:]")
_FORMATS = {
    **{f"aws:{name.lower()}": f"aws:{name}/<tag key>"
       for name in ("PrincipalTag", "RequestTag", "ResourceTag")},
    "kms:encryptioncontext": "kms:EncryptionContext:<name>",
    "kms:recipientattestation": "kms:RecipientAttestation:ImageSha384 or …:PCR<number>",
}  # fmt: skip
"""How families of keys go on, by their names in lower case."""


@dataclass(frozen=True, slots=True)
class _Name:
    """A condition key as it is written; `taken` are the keys under the same operator."""

    node: String
    statement: Object
    taken: frozenset[str]

    @property
    def text(self) -> str:
        return self.node.value

    @property
    def key(self) -> str:
        return self.node.value.lower()

    @property
    def prefix(self) -> str:
        return self.key.partition(":")[0]

    @property
    def is_incomplete(self) -> bool:
        return ":" not in self.key or self.key.rstrip("/:") in _FORMATS


@rule("KG209", "unknown-global-condition-key", Severity.ERROR, Fix.UNSAFE)
def unknown_global_condition_key(subject: Subject) -> Iterator[Hit]:
    """No condition key of that name begins with `aws:`.

    ## Why it matters
    No request has it. A positive test of it never holds; a negated one, or one with `IfExists`,
    always does, and the limit that was meant is not there.

    ## Example
    ```json
    {"StringEquals": {"aws:ViaService": "s3.eu-west-1.amazonaws.com"}}
    ```

    ## Use instead
    ```json
    {"StringEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}}
    ```

    ## Sources
    - AWS global condition context keys
    - Access Analyzer policy check reference
    """
    for name in _names(subject):
        if name.prefix == "aws" and name.key not in RENAMED_KEYS and not _is_known(name):
            yield _unknown(subject, name, "condition key")


@rule("KG210", "unknown-kms-condition-key", Severity.ERROR, Fix.UNSAFE)
def unknown_kms_condition_key(subject: Subject) -> Iterator[Hit]:
    """No condition key of that name begins with `kms:`.

    ## Why it matters
    As for KG209: the request has no such fact, so the test is decided before any request comes.

    ## Example
    ```json
    {"StringEquals": {"kms:KeySpecs": "RSA_4096"}}
    ```

    ## Use instead
    ```json
    {"StringEquals": {"kms:KeySpec": "RSA_4096"}}
    ```

    ## Sources
    - AWS KMS condition keys
    - Access Analyzer policy check reference
    """
    for name in _names(subject):
        if name.prefix == "kms" and not _is_known(name):
            yield _unknown(subject, name, "KMS condition key")


@rule("KG211", "condition-key-format", Severity.ERROR)
def condition_key_format(subject: Subject) -> Iterator[Hit]:
    """A condition key breaks off: it has no service, or a family of keys no member.

    ## Why it matters
    Tags, encryption contexts and measurements have one condition key for each name, and the name
    is a part of the key. Without it nothing is compared, if the document is taken at all.

    ## Example
    ```json
    {"StringEquals": {"kms:EncryptionContext": "payroll"}}
    ```

    ## Use instead
    ```json
    {"StringEquals": {"kms:EncryptionContext:app": "payroll"}}
    ```

    ## Sources
    - Access Analyzer policy check reference
    - AWS KMS condition keys
    """
    for name in _names(subject):
        if name.is_incomplete:
            whole = _FORMATS.get(name.key.rstrip("/:")) or _with_prefix(name.text)
            yield Hit(name.node.span, f"'{short(name.text)}' is incomplete; write {whole}")


@rule("KG212", "deprecated-condition-key", Severity.WARNING, Fix.SAFE | Fix.UNSAFE)
def deprecated_condition_key(subject: Subject) -> Iterator[Hit]:
    """A condition key is used under its old name.

    ## Why it matters
    The old names still work, so that old policies do. New values and new pages of the guide only
    know the new ones.

    ## Example
    ```json
    {"StringEquals": {"kms:CustomerMasterKeyUsage": "ENCRYPT_DECRYPT"}}
    ```

    ## Use instead
    ```json
    {"StringEquals": {"kms:KeyUsage": "ENCRYPT_DECRYPT"}}
    ```

    ## Sources
    - AWS KMS condition keys
    - Access Analyzer policy check reference
    """
    for name in _names(subject):
        new = RENAMED_KEYS.get(name.key)
        if new:
            yield Hit(
                name.node.span,
                f"'{name.text}' is deprecated; use '{new}'",
                edits=_renamed(subject, name, new),
                fix=Fix.SAFE if name.prefix == "kms" else Fix.UNSAFE,
            )


@rule("KG213", "condition-key-of-other-service", Severity.WARNING)
def condition_key_of_other_service(subject: Subject) -> Iterator[Hit]:
    """A statement about KMS tests a condition key of another service.

    Keys of identity providers are left alone: they come with the caller.

    ## Why it matters
    A call of KMS carries no facts about buckets or queues. The Allow never matches, the Deny
    never protects.

    ## Example
    ```json
    {"Effect": "Deny", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*",
     "Condition": {"StringEquals": {"s3:x-amz-acl": "public-read"}}}
    ```

    ## Use instead
    ```json
    {"Effect": "Deny", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*",
     "Condition": {"StringEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}}}
    ```

    ## Sources
    - AWS KMS condition keys
    """
    about_kms: dict[int, bool] = {}
    for entry in subject.actions:
        is_kms = entry.element == "Action" and entry.text[:4].lower() == "kms:"
        place = id(entry.statement)
        about_kms[place] = about_kms.get(place, True) and is_kms
    for name in _names(subject):
        foreign = name.prefix in SERVICE_PREFIXES and name.prefix != "kms"
        if foreign and not condition_key(name.key) and about_kms.get(id(name.statement)):
            yield Hit(name.node.span, f"'{short(name.text)}' is never present in KMS requests")


@rule(
    "KG214", "key-not-usable-in-key-policy", Severity.WARNING, kinds=(PolicyKind.KEY_POLICY,)
)  # fmt: skip
def key_not_usable_in_key_policy(subject: Subject) -> Iterator[Hit]:
    """A key policy tests the tags or the aliases of its own key.

    ## Why it matters
    KMS does not show them to key policies: such a policy is about one key, which needs no
    telling from others.

    ## Example
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "kms:Decrypt",
     "Resource": "*", "Condition": {"StringEquals": {"aws:ResourceTag/team": "payroll"}}}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "kms:Decrypt",
     "Resource": "*", "Condition": {"StringEquals": {"aws:PrincipalTag/team": "payroll"}}}
    ```

    ## Sources
    - Using tags to control access to KMS keys
    - AWS KMS condition keys
    - ABAC for AWS KMS
    """
    for name in _names(subject):
        if hidden_from_key_policy(name.key):
            yield Hit(
                name.node.span, f"'{short(name.text)}' is supported only in identity policies"
            )


def _names(subject: Subject) -> Iterator[_Name]:
    """Yield every condition key, also below an unknown operator, that is no template."""
    for block in subject.blocks:
        taken = frozenset(member.name.value.lower() for member in block.members)
        for member in block.members:
            if "${" not in member.name.value:
                yield _Name(member.name, block.statement, taken)


def _is_known(name: _Name) -> bool:
    if name.is_incomplete:
        return True  # KG211 says what is missing
    if name.key.startswith(RECIPIENT_ATTESTATION):
        return is_measurement(name.key)
    return condition_key(name.key) is not None


def _unknown(subject: Subject, name: _Name, what: str) -> Hit:
    meant = _nearest(name.text)
    hint = f"; did you mean '{short(meant)}'?" if meant else ""
    return Hit(
        name.node.span,
        f"there is no {what} '{short(name.text)}'{hint}",
        edits=_renamed(subject, name, meant),
    )


def _renamed(subject: Subject, name: _Name, text: str | None) -> tuple[Edit, ...]:
    if text is None or text.lower() in name.taken:
        return ()
    return (rewritten(subject.document.source, name.node, text),)


_BASES = {
    prefix: {
        key.name.rstrip("/:"): key.name
        for key in CONDITION_KEYS.values()
        if key.name.startswith(f"{prefix}:")
    }
    for prefix in ("aws", "kms")
}
"""The known keys of a prefix: names without the sign that ends a family, and with it."""


@lru_cache(maxsize=4096)
def _nearest(text: str) -> str | None:
    """Return the key that was meant: of the other prefix, with the other sign, or the nearest."""
    prefix, _, name = text.partition(":")
    prefix = prefix.lower()
    if f"{prefix}:{name}".lower().startswith(RECIPIENT_ATTESTATION):
        return None
    for other in ("aws", "kms"):
        known = condition_key(f"{other}:{name}") if other != prefix else None
        if known:
            return _spelt(known.name, name)
    base = _SIGNS.split(name, maxsplit=1)[0]
    nearest = closest(f"{prefix}:{base}", _BASES[prefix])
    if nearest is None:
        return None
    found = _BASES[prefix][nearest]
    is_family = found != nearest
    return _spelt(found, name) if is_family == (base != name) else None


def _spelt(known: str, name: str) -> str | None:
    """Return a known key, with the member of `name` if it is a family."""
    if not known.endswith(("/", ":")):
        return known
    _, *member = _SIGNS.split(name, maxsplit=1)
    return known + member[0] if member and member[0] else None


def _with_prefix(name: str) -> str:
    for prefix in ("aws", "kms"):
        known = condition_key(f"{prefix}:{name}")
        if known:
            return f"'{_spelt(known.name, name)}'"
    return "its service and a colon before it"
