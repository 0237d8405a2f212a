"""What Resource and NotResource name (AUTH D-1 to D-9)."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from itertools import chain

from policy.arn import is_account_id
from policy.lint.arns import (
    ArnText,
    arn_fault,
    arn_text,
    has_wildcard,
    matched,
    regions_of,
    resource_arns,
    value_arns,
)
from policy.lint.fixes import rewritten
from policy.lint.rule import Edit, Fix, Hit, Severity, rule
from policy.lint.subject import Entry, Subject, short
from policy.model import PolicyKind
from policy.spelling import closest
from policy.tree import Node

NOT_KEY_POLICIES = (
    PolicyKind.IDENTITY_POLICY, PolicyKind.SCP, PolicyKind.RCP, PolicyKind.ENDPOINT_POLICY
)  # fmt: skip

_TYPES = ("key", "alias")
_STEMS = tuple(f"{kind}/" for kind in _TYPES)
_LITERAL = re.compile(r"[^*?]*")
_KEY_ID = re.compile(
    "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|mrk-[0-9a-f]{32}"
)


@rule(
    "KG224", "unknown-kms-resource-type", Severity.ERROR, Fix.UNSAFE, kinds=NOT_KEY_POLICIES
)  # fmt: skip
def unknown_kms_resource_type(subject: Subject) -> Iterator[Hit]:
    """A KMS ARN names something that is neither a key nor an alias.

    ## Why it matters
    These two are all the resources that KMS has in policies. Anything else never matches.

    ## Example
    ```json
    {"Effect": "Allow", "Action": "kms:Decrypt",
     "Resource": "arn:aws:kms:eu-west-1:111122223333:keys/*"}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Action": "kms:Decrypt",
     "Resource": "arn:aws:kms:eu-west-1:111122223333:key/*"}
    ```

    ## Sources
    - AWS KMS permissions
    - Specifying KMS keys in IAM policy statements
    """
    for arn in resource_arns(subject):
        if arn.is_kms and ":" not in arn.resource and not _may_be(arn.resource, *_STEMS):
            yield Hit(
                arn.node.span,
                f"KMS resources are key/<key-id> and alias/<name>, not '{short(arn.resource)}'",
                edits=_with_type(subject, arn),
            )


def _with_type(subject: Subject, arn: ArnText) -> tuple[Edit, ...]:
    written, slash, name = arn.resource.partition("/")
    if _KEY_ID.fullmatch(arn.resource):
        resource = f"key/{arn.resource}"
    else:
        meant = closest(written, _TYPES)
        resource = f"{meant}/{name}" if meant and slash else ""
    if not resource or arn.has_variable:
        return ()
    text = arn.text.removesuffix(arn.resource) + resource
    return (rewritten(subject.document.source, arn.node, text),)


@rule("KG225", "key-id-or-alias-as-resource", Severity.ERROR, kinds=NOT_KEY_POLICIES)
def key_id_or_alias_as_resource(subject: Subject) -> Iterator[Hit]:
    """A resource is a bare key ID or the name of an alias.

    ## Why it matters
    Calls of KMS take either. A policy compares ARNs, and neither is one.

    ## Example
    ```json
    {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "alias/payroll"}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Action": "kms:Decrypt",
     "Resource": "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"}
    ```

    ## Sources
    - Specifying KMS keys in IAM policy statements
    - Best practices for IAM policies
    """
    for entry in subject.resources:
        if entry.text.startswith(_STEMS) or _KEY_ID.fullmatch(entry.text.lower()):
            message = f"a policy names a KMS key by its key ARN, not by '{short(entry.text)}'"
            yield Hit(entry.node.span, message)


@rule(
    "KG226", "key-policy-resource-not-star", Severity.WARNING, Fix.SAFE | Fix.UNSAFE,
    kinds=(PolicyKind.KEY_POLICY,),
)  # fmt: skip
def key_policy_resource_not_star(subject: Subject) -> Iterator[Hit]:
    """A key policy names a resource other than `*`.

    An error where the resource cannot be a KMS key at all.

    ## Why it matters
    In a key policy the star is this one key. An ARN works only as long as it happens to be the
    key's own: a copy of the policy is dead on the next key, and a pattern promises a reach that
    no key policy has.

    ## Example
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "kms:Sign",
     "Resource": "arn:aws:kms:*:111122223333:key/*"}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "kms:Sign",
     "Resource": "*"}
    ```

    ## Sources
    - Creating a key policy
    """
    message = 'in a key policy write "Resource": "*", which means this KMS key'
    elements: defaultdict[int, list[Entry]] = defaultdict(list)
    for entry in subject.resources:
        elements[entry.name.span.start].append(entry)
    for found in elements.values():
        name, value = found[0].name, _value(found[0])
        if name.value == "NotResource":
            yield Hit(name.span, message)
            continue
        fix = Fix.SAFE if any(_is_every_key(entry) for entry in found) else Fix.UNSAFE
        edits: tuple[Edit, ...] = (Edit(value.span, '"*"'),)
        for entry in found:
            if entry.text != "*":
                severity = None if _may_be_key(arn_text(entry.node)) else Severity.ERROR
                yield Hit(entry.node.span, message, severity=severity, edits=edits, fix=fix)
                edits = ()


def _value(entry: Entry) -> Node:
    """Return the whole of the element that an entry belongs to."""
    members = (m for m in entry.statement.members if m.name is entry.name)
    return next(members).value


def _is_every_key(entry: Entry) -> bool:
    """Tell whether an entry is sure to match the key that has the policy."""
    arn = arn_text(entry.node)
    if entry.text == "*":
        return True
    stars = (arn.partition, arn.region, arn.account) if arn.is_whole else ()
    return (
        stars == ("*", "*", "*")
        and arn.service == "kms"
        and arn.resource in ("*", "key/*")
        and not arn.has_variable
    )


def _may_be_key(arn: ArnText) -> bool:
    if not arn.is_whole:
        return arn.has_variable
    return (
        arn_fault(arn.text) is None
        and arn.service == "kms"
        and matched(arn.region, regions_of(arn.partition))
        and (has_wildcard(arn.account) or is_account_id(arn.account))
        and _may_be(arn.resource, "key/")
    )


@rule("KG227", "key-id-format", Severity.SUGGESTION)
def key_id_format(subject: Subject) -> Iterator[Hit]:
    """What follows `key/` is no key ID.

    ## Why it matters
    Key IDs are made by KMS: a UUID, or `mrk-` and 32 hexadecimal digits. A name that somebody
    chose is an alias, or was left over from an example.

    ## Example
    ```json
    {"ArnEquals": {"aws:SourceArn": "arn:aws:kms:eu-west-1:111122223333:key/payroll"}}
    ```

    ## Use instead
    ```json
    {"ArnEquals": {"aws:SourceArn":
     "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"}}
    ```

    ## Sources
    - Specifying KMS keys in IAM policy statements
    """
    for arn in chain(resource_arns(subject), value_arns(subject)):
        if arn.is_kms and arn.resource.startswith("key/"):
            key_id = arn.resource.removeprefix("key/")
            if not has_wildcard(key_id) and not _KEY_ID.fullmatch(key_id):
                yield Hit(arn.node.span, f"'{short(key_id)}' does not look like a key ID")


def _may_be(resource: str, *stems: str) -> bool:
    """Tell whether a pattern may match a resource that begins with one of the stems."""
    found = _LITERAL.match(resource)
    head = found[0] if found else ""
    open_end = len(head) < len(resource)
    return head.startswith(stems) or (open_end and any(stem.startswith(head) for stem in stems))
