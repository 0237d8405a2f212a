"""Actions and the resources that they act on: keys, aliases, or none in particular (AUTH D, K)."""

from __future__ import annotations

from collections.abc import Iterator

from policy.carriers import ON_ALIASES, ON_KEYS
from policy.errors import Note
from policy.lint.parts import Entry, coverage
from policy.lint.reading import Reading
from policy.lint.repairs import parted, quoted, with_condition
from policy.lint.rule import Edit, Fix, Hit, Severity, rule
from policy.lint.subject import Subject, short
from policy.model import PolicyKind
from policy.vocabulary import ResourceKind

_NAMES_RESOURCES = (
    PolicyKind.IDENTITY_POLICY, PolicyKind.SCP, PolicyKind.RCP, PolicyKind.ENDPOINT_POLICY,
)  # fmt: skip


@rule("KG333", "action-resource-mismatch", Severity.ERROR, Fix.UNSAFE, kinds=_NAMES_RESOURCES)
def action_resource_mismatch(subject: Subject) -> Iterator[Hit]:
    """An action that acts on no key stands in a statement about keys or aliases.

    ## Why it matters
    Lists, new keys, random bytes and key stores are asked on `*`. For such an action the
    statement does nothing at all.

    ## Example
    ```json
    {"Effect": "Allow", "Action": ["kms:Decrypt", "kms:ListKeys"],
     "Resource": "arn:aws:kms:eu-west-1:111122223333:key/*"}
    ```

    ## Use instead
    ```json
    [{"Effect": "Allow", "Action": "kms:Decrypt",
      "Resource": "arn:aws:kms:eu-west-1:111122223333:key/*"},
     {"Effect": "Allow", "Action": "kms:ListKeys", "Resource": "*"}]
    ```

    ## Sources
    - Best practices for IAM policies
    - Specifying KMS keys in IAM policy statements
    """
    for reading in subject.readings:
        resources = _resources(reading)
        if not resources or not all(_is_specific(entry.text) for entry in resources):
            continue
        first, useless = resources[0], tuple(_on_nothing(reading))
        edits = _on_everything(subject, reading, useless)
        for entry in useless:
            yield Hit(
                entry.node.span,
                f'{short(entry.text)} does not act on {short(first.text)}; it needs Resource "*"',
                notes=(Note("the resource", first.node.span),),
                edits=edits if entry is useless[0] else (),
            )


@rule("KG334", "alias-arn-for-key-action", Severity.ERROR, Fix.UNSAFE, kinds=_NAMES_RESOURCES)
def alias_arn_for_key_action(subject: Subject) -> Iterator[Hit]:
    """A statement names an alias where its actions act on the key.

    ## Why it matters
    KMS asks about the key that an alias stands for. The permission is never used, and a Deny
    written so protects nothing.

    ## Example
    ```json
    {"Effect": "Allow", "Action": ["kms:Encrypt", "kms:Decrypt"],
     "Resource": "arn:aws:kms:eu-west-1:111122223333:alias/mail"}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Action": ["kms:Encrypt", "kms:Decrypt"],
     "Resource": "arn:aws:kms:eu-west-1:111122223333:key/*",
     "Condition": {"ForAnyValue:StringEquals": {"kms:ResourceAliases": "alias/mail"}}}
    ```

    ## Sources
    - Specifying KMS keys in IAM policy statements
    - ABAC for AWS KMS
    """
    for reading in subject.readings:
        aliases = [entry for entry in _resources(reading) if _kinds(entry.text) == _ALIAS]
        if not aliases or not reading.kms_actions & ON_KEYS:
            continue
        message = (
            "an alias ARN stands for the alias, not for its key; use the key ARN, "
            "or kms:ResourceAliases / kms:RequestAlias"
        )
        if not reading.kms_actions & ON_ALIASES:
            for entry in aliases:
                yield Hit(entry.node.span, message, edits=_by_alias(reading, entry))
        elif len(aliases) == len(_resources(reading)):
            on_keys = [(name, entry) for name, entry in reading.literal_actions if name in ON_KEYS]
            useless = next((entry for name, entry in on_keys if name not in ON_ALIASES), None)
            if useless is not None:
                note = Note("this action is asked on the key", useless.node.span)
                yield Hit(aliases[0].node.span, message, notes=(note,))


@rule("KG335", "half-of-alias-permission", Severity.SUGGESTION, kinds=(PolicyKind.IDENTITY_POLICY,))
def half_of_alias_permission(subject: Subject) -> Iterator[Hit]:
    """A policy allows an action on aliases for the alias only, or for the key only.

    ## Why it matters
    Both are asked. The other half may stand in the key policy or in another document.

    ## Example
    ```json
    {"Effect": "Allow", "Action": "kms:CreateAlias",
     "Resource": "arn:aws:kms:*:111122223333:alias/mail*"}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Action": "kms:CreateAlias",
     "Resource": ["arn:aws:kms:*:111122223333:alias/mail*", "arn:aws:kms:*:111122223333:key/*"]}
    ```

    ## Sources
    - Controlling access to aliases
    """
    given: dict[str, frozenset[ResourceKind]] = {}
    first: dict[str, Entry] = {}
    for reading in subject.readings:
        listing = reading.actions
        if not reading.allows or listing is None or not reading.kms_actions & ON_ALIASES:
            continue
        kinds = _given_kinds(reading)
        for name in reading.kms_actions & ON_ALIASES:
            given[name] = given.get(name, frozenset()) | kinds
        for entry in listing.entries if not listing.negated else ():
            for name in coverage(entry.text).kms & ON_ALIASES:
                first.setdefault(name, entry)
    lacking = {entry.node.span: (entry, _HALVES.get(given[name])) for name, entry in first.items()}
    for span, (entry, half) in lacking.items():
        if half is not None:
            yield Hit(
                span,
                f"{short(entry.text)} needs permission on the alias and on the key; "
                f"only the {half} is given here",
            )


@rule(
    "KG336",
    "key-condition-on-alias",
    Severity.WARNING,
    kinds=(PolicyKind.IDENTITY_POLICY, PolicyKind.SCP),
)
def key_condition_on_alias(subject: Subject) -> Iterator[Hit]:
    """A statement about aliases tests a property of keys.

    ## Why it matters
    An alias has no spec, no origin and no tags. What limits aliases is their ARN; the condition
    belongs to the statement for the key.

    ## Example
    ```json
    {"Effect": "Deny", "Action": "kms:DeleteAlias",
     "Resource": "arn:aws:kms:eu-west-1:111122223333:alias/*",
     "Condition": {"StringEquals": {"kms:KeyUsage": "SIGN_VERIFY"}}}
    ```

    ## Use instead
    ```json
    {"Effect": "Deny", "Action": "kms:DeleteAlias",
     "Resource": "arn:aws:kms:eu-west-1:111122223333:alias/signing*"}
    ```

    ## Sources
    - Controlling access to aliases
    """
    for reading in subject.readings:
        resources = _resources(reading)
        if not resources or any(_kinds(entry.text) != _ALIAS for entry in resources):
            continue
        if not reading.kms_actions & ON_ALIASES:
            continue
        for clause in reading.clauses:
            if clause.key in _OF_KEYS:
                message = "condition keys are not evaluated for an alias resource"
                yield Hit(clause.member.name.span, message)


_OF_KEYS = frozenset(
    {
        "kms:KeySpec",
        "kms:CustomerMasterKeySpec",
        "kms:KeyUsage",
        "kms:CustomerMasterKeyUsage",
        "kms:KeyOrigin",
        "kms:MultiRegion",
        "kms:MultiRegionKeyType",
        "kms:ResourceAliases",
        "aws:ResourceTag/",
    }
)
_KEY = frozenset({ResourceKind.KEY})
_ALIAS = frozenset({ResourceKind.ALIAS})
_BOTH = _KEY | _ALIAS
_HALVES = {_KEY: "key", _ALIAS: "alias"}


def _resources(reading: Reading) -> tuple[Entry, ...]:
    listing = reading.resources
    return () if listing is None or listing.negated else listing.entries


def _kinds(text: str) -> frozenset[ResourceKind]:
    """Return whether a resource may be a key, an alias or both; neither if it is of no KMS."""
    if text == "*":
        return _BOTH
    parts = text.split(":", 5)
    if len(parts) < 6:
        return _BOTH if text.startswith("arn:") and "*" in text else frozenset()
    if parts[2] != "kms":
        return frozenset()
    start = min((at for at in map(parts[5].find, "*?$") if at >= 0), default=len(parts[5]))
    is_open, fixed = start < len(parts[5]), parts[5][:start]
    return frozenset(
        kind
        for kind, prefix in ((ResourceKind.KEY, "key/"), (ResourceKind.ALIAS, "alias/"))
        if fixed.startswith(prefix) or (is_open and prefix.startswith(fixed))
    )


def _is_specific(text: str) -> bool:
    """Tell whether a resource is the ARN of one kind of KMS resource only."""
    return len(_kinds(text)) == 1


def _on_everything(
    subject: Subject, reading: Reading, useless: tuple[Entry, ...]
) -> tuple[Edit, ...]:
    """Return the edits that give actions on no key a statement about every resource."""
    resource = reading.node.get("Resource")
    if resource is None or not useless:
        return ()
    return parted(subject, reading, useless, (Edit(resource.span, quoted("*")),))


def _by_alias(reading: Reading, entry: Entry) -> tuple[Edit, ...]:
    """Return the edits that ask for the alias of a key in place of naming the alias."""
    if len(entry.items) > 1:
        return ()
    start, _, alias = entry.text.rpartition(":")
    operator = "StringLike" if "*" in alias or "?" in alias else "StringEquals"
    test = f'{{"ForAnyValue:{operator}": {{"kms:ResourceAliases": {quoted(alias)}}}}}'
    condition = with_condition(reading, test)
    return (Edit(entry.node.span, quoted(f"{start}:key/*")), *condition) if condition else ()


def _on_nothing(reading: Reading) -> Iterator[Entry]:
    for name, entry in reading.literal_actions:
        if name not in ON_KEYS:
            yield entry
    listing = reading.actions
    for entry in listing.entries if listing is not None and not listing.negated else ():
        if entry.text.lower() in _OTHERS_ON_NOTHING:
            yield entry


_OTHERS_ON_NOTHING = frozenset({"tag:getresources"})
"""Actions of other services that stand beside those of KMS, and act on no key."""


def _given_kinds(reading: Reading) -> frozenset[ResourceKind]:
    resources = _resources(reading)
    if not resources:
        return _BOTH
    return frozenset[ResourceKind]().union(*(_kinds(entry.text) for entry in resources))
