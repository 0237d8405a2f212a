"""Which elements a statement has, and of what JSON type they are (AUTH B-2 to B-7, B-12)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from policy.lint.fixes import member_appended, member_removed, rewritten
from policy.lint.rule import Edit, Fix, Hit, Severity, rule
from policy.lint.subject import Subject, opening
from policy.model import PolicyKind
from policy.principals import PRINCIPAL_KEYS
from policy.reader import DOCUMENT_ELEMENTS, STATEMENT_ELEMENTS
from policy.spelling import closest

NAMES_PRINCIPALS = frozenset(kind for kind in PolicyKind if kind.names_principals)


@rule("KG108", "unknown-element", Severity.ERROR, Fix.UNSAFE)
def unknown_element(subject: Subject) -> Iterator[Hit]:
    """The document or a statement has a member that the policy language does not know.

    ## Why it matters
    Elements are spelt exactly, capitals and singular included. The service refuses what it does
    not know, and says little about where it stands.

    ## Example
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "111122223333"},
     "Action": "kms:*", "Resources": "*"}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "111122223333"},
     "Action": "kms:*", "Resource": "*"}
    ```
    """
    objects = [each for each in (subject.root, *subject.statements) if each is not None]
    names = {member.name.span: (node, member.name) for node in objects for member in node.members}
    for hit in subject.reported("KG108"):
        node, name = names.get(hit.span, (None, None))
        edits: tuple[Edit, ...] = ()
        if node is not None and name is not None:
            known = DOCUMENT_ELEMENTS if node is subject.root else STATEMENT_ELEMENTS
            meant = closest(name.value, known)
            if meant and node.get(meant) is None:
                edits = (rewritten(subject.document.source, name, meant),)
        yield replace(hit, edits=edits)


@rule("KG113", "missing-effect", Severity.ERROR)
def missing_effect(subject: Subject) -> Iterator[Hit]:
    """A statement does not say whether it allows or denies.

    ## Why it matters
    There is nothing that a statement does by default, so the document is refused.

    ## Example
    ```json
    {"Principal": {"AWS": "111122223333"}, "Action": "kms:*", "Resource": "*"}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "kms:*", "Resource": "*"}
    ```
    """
    return subject.reported_missing("KG113", "Effect")


@rule("KG114", "invalid-effect", Severity.ERROR, Fix.SAFE)
def invalid_effect(subject: Subject) -> Iterator[Hit]:
    """Effect is neither `Allow` nor `Deny`, letter by letter.

    ## Why it matters
    Capitals count here, other than in the names of actions. Another spelling is refused.

    ## Example
    ```json
    {"Effect": "DENY", "Principal": "*", "Action": "kms:DisableKey", "Resource": "*"}
    ```

    ## Use instead
    ```json
    {"Effect": "Deny", "Principal": "*", "Action": "kms:DisableKey", "Resource": "*"}
    ```
    """
    for hit in subject.reported("KG114"):
        written = subject.document.source.text[hit.span.start : hit.span.end]
        meant = written.strip("\"'").strip().capitalize()
        edits = (Edit(hit.span, f'"{meant}"'),) if meant in ("Allow", "Deny") else ()
        yield replace(hit, edits=edits)


@rule("KG115", "missing-action", Severity.ERROR)
def missing_action(subject: Subject) -> Iterator[Hit]:
    """A statement names no action, neither in Action nor in NotAction.

    ## Why it matters
    A key policy with such a statement is accepted and the statement does nothing. A Deny that
    was meant to protect the key is then missing without a trace.

    ## Example
    ```json
    {"Sid": "NobodyDeletes", "Effect": "Deny", "Principal": "*", "Resource": "*"}
    ```

    ## Use instead
    ```json
    {"Sid": "NobodyDeletes", "Effect": "Deny", "Principal": "*",
     "Action": ["kms:ScheduleKeyDeletion", "kms:DeleteImportedKeyMaterial"], "Resource": "*"}
    ```
    """
    for statement in subject.lacking("Action", "NotAction"):
        yield Hit(opening(statement), "the statement has no Action and therefore no effect")


@rule(
    "KG116",
    "missing-resource",
    Severity.ERROR,
    Fix.UNSAFE,
    kinds=frozenset(PolicyKind) - {PolicyKind.RESOURCE_POLICY},
)
def missing_resource(subject: Subject) -> Iterator[Hit]:
    """A statement names no resource, neither in Resource nor in NotResource.

    ## Why it matters
    The calls that store a key policy accept it, and the statement then applies to no key: not
    even to the one that the policy belongs to.

    ## Example
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/backup"},
     "Action": "kms:CreateGrant"}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/backup"},
     "Action": "kms:CreateGrant", "Resource": "*"}
    ```
    """
    advice = None
    if subject.kind is PolicyKind.KEY_POLICY:
        advice = 'write "Resource": "*", which stands for the key that has the policy'
    for statement in subject.lacking("Resource", "NotResource"):
        message = "the statement has no Resource and does not apply to any KMS key"
        edits: tuple[Edit, ...] = ()
        if advice:
            edits = member_appended(subject.document.source, statement, '"Resource": "*"')
        yield Hit(opening(statement), message, advice, edits=edits)


@rule("KG117", "missing-principal", Severity.ERROR, kinds=NAMES_PRINCIPALS)
def missing_principal(subject: Subject) -> Iterator[Hit]:
    """A statement of a resource's policy does not say whom it is about.

    ## Why it matters
    In an identity policy the owner is the subject; a key has no owner to fall back on. The
    service refuses the document. Often the statement was written for an identity policy.

    ## Example
    ```json
    {"Effect": "Allow", "Action": ["kms:Encrypt", "kms:Decrypt"], "Resource": "*"}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/mailer"},
     "Action": ["kms:Encrypt", "kms:Decrypt"], "Resource": "*"}
    ```
    """
    return subject.reported_missing("KG117", "Principal", "NotPrincipal")


@rule(
    "KG118",
    "principal-not-allowed",
    Severity.ERROR,
    Fix.UNSAFE,
    kinds=frozenset(PolicyKind) - NAMES_PRINCIPALS,
)
def principal_not_allowed(subject: Subject) -> Iterator[Hit]:
    """A policy that is attached to identities names principals.

    ## Why it matters
    It speaks about those it is attached to, and nobody else; with a Principal it is refused. To
    narrow an SCP to some callers, test `aws:PrincipalArn` in a condition.

    ## Example
    ```json
    {"Effect": "Deny", "Principal": {"AWS": "arn:aws:iam::111122223333:role/intern"},
     "Action": "kms:CreateGrant", "Resource": "*"}
    ```

    ## Use instead
    ```json
    {"Effect": "Deny", "Action": "kms:CreateGrant", "Resource": "*",
     "Condition": {"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::111122223333:role/intern"}}}
    ```
    """
    names = {m.name.span: (s, m.name.value) for s in subject.statements for m in s.members}
    for hit in subject.reported("KG118"):
        found = names.get(hit.span)
        yield replace(hit, edits=member_removed(*found)) if found else hit


@rule("KG119", "conflicting-elements", Severity.ERROR)
def conflicting_elements(subject: Subject) -> Iterator[Hit]:
    """A statement has an element together with its Not twin.

    ## Why it matters
    "These" and "all but these" do not combine; the document is refused. Usually one of the two
    was left behind by an edit.

    ## Example
    ```json
    {"Effect": "Deny", "Principal": "*", "NotPrincipal": {"AWS": "111122223333"},
     "Action": "kms:Decrypt", "Resource": "*"}
    ```

    ## Use instead
    ```json
    {"Effect": "Deny", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*",
     "Condition": {"StringNotEquals": {"aws:PrincipalAccount": "111122223333"}}}
    ```
    """
    return subject.reported("KG119")


@rule("KG120", "wrong-json-type", Severity.ERROR)
def wrong_json_type(subject: Subject) -> Iterator[Hit]:
    """An element holds another type of JSON value than the policy language has for it.

    ## Why it matters
    A list in place of an object, or `null` for "none", is refused with the whole document.

    ## Example
    ```json
    {"Effect": "Deny", "Principal": "*", "Action": "kms:Sign", "Resource": "*",
     "Condition": [{"Bool": {"aws:SecureTransport": "false"}}]}
    ```

    ## Use instead
    ```json
    {"Effect": "Deny", "Principal": "*", "Action": "kms:Sign", "Resource": "*",
     "Condition": {"Bool": {"aws:SecureTransport": "false"}}}
    ```
    """
    return subject.reported("KG120")


@rule("KG215", "invalid-principal-key", Severity.ERROR, Fix.SAFE, kinds=NAMES_PRINCIPALS)
def invalid_principal_key(subject: Subject) -> Iterator[Hit]:
    """A Principal has a member that is no type of principal.

    ## Why it matters
    There are four: `AWS`, `Service`, `Federated` and `CanonicalUser`, spelt exactly so. The
    service refuses any other.

    ## Example
    ```json
    {"Effect": "Allow", "Principal": {"service": "backup.amazonaws.com"},
     "Action": "kms:DescribeKey", "Resource": "*"}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Principal": {"Service": "backup.amazonaws.com"},
     "Action": "kms:DescribeKey", "Resource": "*"}
    ```

    ## Sources
    - AWS JSON policy elements: Principal
    - Access Analyzer policy check reference
    """
    canonical = {name.lower(): name for name in PRINCIPAL_KEYS}
    names = {name.span: name for name in subject.principal_types}
    for hit in subject.reported("KG215"):
        name = names.get(hit.span)
        meant = canonical.get(name.value.lower()) if name else None
        edits = (rewritten(subject.document.source, name, meant),) if name and meant else ()
        yield replace(hit, edits=edits)
