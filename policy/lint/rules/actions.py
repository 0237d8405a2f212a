"""The actions that statements name (AUTH C, section 10)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import lru_cache

from policy.lint.arns import has_wildcard
from policy.lint.fixes import removed, rewritten
from policy.lint.rule import Edit, Fix, Hit, Severity, rule
from policy.lint.subject import Entry, Subject, short
from policy.model import PolicyKind
from policy.pattern import parse_pattern
from policy.services import SERVICE_PREFIXES
from policy.spelling import closest
from policy.vocabulary import ACTIONS

NOT_KEY_POLICIES = (
    PolicyKind.IDENTITY_POLICY, PolicyKind.SCP, PolicyKind.RCP, PolicyKind.ENDPOINT_POLICY
)  # fmt: skip

_NAMES = {action.name.lower(): action.name for action in ACTIONS.values()}
_MEANT = {
    "deletekey": "ScheduleKeyDeletion",
    "rotatekey": "RotateKeyOnDemand",
    "setkeypolicy": "PutKeyPolicy",
    "updatekeypolicy": "PutKeyPolicy",
}
"""Names that people expect; the nearest spelling would be something else."""


@rule("KG201", "unknown-service-prefix", Severity.ERROR, Fix.SAFE | Fix.UNSAFE)
def unknown_service_prefix(subject: Subject) -> Iterator[Hit]:
    """An action begins with no service of AWS, or with none at all.

    In a key policy, actions of anything but KMS are left to KG205.

    ## Why it matters
    No request ever has such an action: nothing is allowed by it, and nothing denied.

    ## Example
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "111122223333"},
     "Action": ["kms:DescribeKey", "Sign"], "Resource": "*"}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "111122223333"},
     "Action": ["kms:DescribeKey", "kms:Sign"], "Resource": "*"}
    ```

    ## Sources
    - IAM JSON policy elements: Action
    - Access Analyzer policy check reference
    """
    is_key_policy = subject.kind is PolicyKind.KEY_POLICY
    for entry in subject.actions:
        prefix, colon, name = entry.text.partition(":")
        if entry.text == "*" or _is_open(entry.text):
            continue
        if not colon:
            yield _unknown_prefix(subject, entry, "", entry.text)
        elif not is_key_policy and not _services(prefix.lower()):
            yield _unknown_prefix(subject, entry, prefix, name)


def _unknown_prefix(subject: Subject, entry: Entry, prefix: str, name: str) -> Hit:
    known = _NAMES.get(name.lower())
    service = "kms" if known else _nearest_service(prefix)
    meant = f"{service}:{known or name}" if service else None
    return Hit(
        entry.node.span,
        f"unknown service prefix '{short(prefix)}' in action '{short(entry.text)}'"
        + _did_you_mean(meant),
        edits=_edits(subject, entry, meant),
        fix=Fix.SAFE if known and not prefix else Fix.UNSAFE,
    )


@rule("KG202", "unknown-action", Severity.ERROR, Fix.UNSAFE)
def unknown_action(subject: Subject) -> Iterator[Hit]:
    """KMS has no action of that name.

    ## Why it matters
    The service stores the policy without a word. The Allow gives nothing, the Deny protects
    nothing, and both look as if they did.

    ## Example
    ```json
    {"Effect": "Deny", "Principal": "*", "Action": "kms:DeleteKey", "Resource": "*"}
    ```

    ## Use instead
    ```json
    {"Effect": "Deny", "Principal": "*", "Action": "kms:ScheduleKeyDeletion", "Resource": "*"}
    ```

    ## Sources
    - Access Analyzer policy check reference
    - AWS KMS permissions
    """
    for entry in _kms(subject):
        text = entry.text
        if not has_wildcard(text) and text.lower() not in ACTIONS:
            name = text.partition(":")[2]
            found = _MEANT.get(name.lower()) or closest(name, _NAMES.values())
            meant = f"kms:{found}" if found else None
            message = f"there is no KMS action '{short(text)}'" + _did_you_mean(meant)
            yield Hit(entry.node.span, message, edits=_edits(subject, entry, meant))


@rule("KG203", "reencrypt-without-direction", Severity.ERROR, Fix.UNSAFE)
def reencrypt_without_direction(subject: Subject) -> Iterator[Hit]:
    """`kms:ReEncrypt` is an operation, but no action.

    ## Why it matters
    The operation asks two questions: may the caller re-encrypt from the one key, and to the
    other? Each has an action, and the operation's own name answers neither.

    ## Example
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "111122223333"},
     "Action": ["kms:Decrypt", "kms:ReEncrypt"], "Resource": "*"}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "111122223333"},
     "Action": ["kms:Decrypt", "kms:ReEncrypt*"], "Resource": "*"}
    ```

    ## Sources
    - AWS KMS condition keys
    - PutKeyPolicy (AWS KMS API Reference)
    """
    for entry in _kms(subject):
        if entry.text.lower() == "kms:reencrypt":
            yield Hit(
                entry.node.span,
                "'kms:ReEncrypt' matches nothing; "
                "use kms:ReEncryptFrom, kms:ReEncryptTo or kms:ReEncrypt*",
                edits=_edits(subject, entry, "kms:ReEncrypt*"),
            )


@rule("KG204", "pattern-matches-no-action", Severity.ERROR)
def pattern_matches_no_action(subject: Subject) -> Iterator[Hit]:
    """No action of KMS fits a pattern with wildcards.

    ## Why it matters
    It is a misspelt name once more, and harder to see: a wildcard looks as if it covered the
    small differences.

    ## Example
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "111122223333"},
     "Action": "kms:GenerateKey*", "Resource": "*"}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "111122223333"},
     "Action": "kms:GenerateDataKey*", "Resource": "*"}
    ```

    ## Sources
    - IAM JSON policy elements: Action
    """
    for entry in _kms(subject):
        if has_wildcard(entry.text) and not _matched(entry.text.lower()):
            yield Hit(entry.node.span, f"'{short(entry.text)}' matches no KMS action")


@rule(
    "KG205", "foreign-action-in-key-policy", Severity.ERROR, Fix.SAFE,
    kinds=(PolicyKind.KEY_POLICY,),
)  # fmt: skip
def foreign_action_in_key_policy(subject: Subject) -> Iterator[Hit]:
    """A key policy names an action of another service.

    ## Why it matters
    A key policy is asked about KMS actions on its own key and about nothing else. Rights on a
    bucket or a queue belong into an identity policy.

    ## Example
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "111122223333"},
     "Action": ["kms:GenerateDataKey", "s3:PutObject"], "Resource": "*"}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "111122223333"},
     "Action": ["kms:GenerateDataKey"], "Resource": "*"}
    ```

    ## Sources
    - Key policies in AWS KMS
    - Access Analyzer policy check reference
    """
    for entry, edits in _out_of_place(subject, _is_foreign):
        yield Hit(
            entry.node.span, f"'{short(entry.text)}' has no effect in a key policy", edits=edits
        )


@rule(
    "KG206", "action-not-effective-in-key-policy", Severity.WARNING, Fix.SAFE,
    kinds=(PolicyKind.KEY_POLICY,),
)  # fmt: skip
def action_not_effective_in_key_policy(subject: Subject) -> Iterator[Hit]:
    """A key policy names an action that no key is asked about.

    ## Why it matters
    Making a key, listing keys or drawing random bytes happens before there is a key, or without
    one, and grants are retired by what the grant says. Whoever is allowed here is still refused.

    ## Example
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "111122223333"},
     "Action": ["kms:GetKeyPolicy", "kms:ListKeys"], "Resource": "*"}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "111122223333"},
     "Action": ["kms:GetKeyPolicy"], "Resource": "*"}
    ```

    ## Sources
    - Default key policy
    - Managing grants
    - AWS KMS permissions
    """
    for entry, edits in _out_of_place(subject, _is_unasked):
        if entry.element == "Action":
            message = (
                f"'{short(entry.text)}' is not authorized by a key policy; "
                "put it in an identity policy"
            )
            yield Hit(entry.node.span, message, edits=edits)


@rule(
    "KG207", "wildcard-in-service-prefix", Severity.SUGGESTION, Fix.UNSAFE,
    kinds=NOT_KEY_POLICIES,
)  # fmt: skip
def wildcard_in_service_prefix(subject: Subject) -> Iterator[Hit]:
    """A wildcard stands in the name of a service.

    ## Why it matters
    The statement reaches other services as well: those that fit today and those that AWS will
    name tomorrow.

    ## Example
    ```json
    {"Effect": "Deny", "Action": "k*:DisableKey", "Resource": "*"}
    ```

    ## Use instead
    ```json
    {"Effect": "Deny", "Action": "kms:DisableKey", "Resource": "*"}
    ```

    ## Sources
    - Access Analyzer policy check reference
    """
    for entry in subject.actions:
        prefix, colon, name = entry.text.partition(":")
        if not colon or not has_wildcard(prefix) or _is_open(entry.text):
            continue
        services = _services(prefix.lower())
        meant = "kms" if "kms" in services else services[0] if len(services) == 1 else None
        yield Hit(
            entry.node.span,
            f"the service prefix '{short(prefix)}' is a pattern; "
            f"write {meant or 'the name of the service'}",
            edits=_edits(subject, entry, f"{meant}:{name}" if meant else None),
        )


def _kms(subject: Subject) -> Iterator[Entry]:
    """Yield the entries that name KMS, as far as they are no template."""
    for entry in subject.actions:
        if entry.text[:4].lower() == "kms:" and not _is_open(entry.text):
            yield entry


def _is_open(text: str) -> bool:
    """Tell whether a variable stands in a text, so that nobody knows what it will say."""
    return "${" in text


@lru_cache(maxsize=4096)
def _matched(pattern: str) -> tuple[str, ...]:
    """Return the actions that a pattern in lower case matches."""
    parsed = parse_pattern(pattern)
    return tuple(name for name in ACTIONS if parsed.matches(name))


@lru_cache(maxsize=4096)
def _services(prefix: str) -> tuple[str, ...]:
    """Return the services that a prefix in lower case stands for."""
    if not has_wildcard(prefix):
        return (prefix,) if prefix in SERVICE_PREFIXES else ()
    parsed = parse_pattern(prefix)
    return tuple(name for name in sorted(SERVICE_PREFIXES) if parsed.matches(name))


@lru_cache(maxsize=4096)
def _nearest_service(prefix: str) -> str | None:
    return closest(prefix, ("kms",)) or closest(prefix, SERVICE_PREFIXES)


@lru_cache(maxsize=4096)
def _is_foreign(text: str) -> bool:
    prefix, colon, _ = text.partition(":")
    return bool(colon) and not parse_pattern(prefix.lower()).matches("kms")


def _is_unasked(text: str) -> bool:
    action = ACTIONS.get(text.lower())
    return action is not None and not action.obeys_key_policy


def _out_of_place(
    subject: Subject, test: Callable[[str], bool]
) -> Iterator[tuple[Entry, tuple[Edit, ...]]]:
    """Yield the entries that a key policy should not have, and what takes them out.

    The list may lose all of them at once, so the edits are only made where something else stays.
    """
    lists: defaultdict[int, list[Entry]] = defaultdict(list)
    for entry in subject.actions:
        if not _is_open(entry.text):
            lists[entry.name.span.start].append(entry)
    for found in lists.values():
        items = found[0].items
        useless = {id(e.node) for e in found if _is_foreign(e.text) or _is_unasked(e.text)}
        gone = {i for i, item in enumerate(items) if id(item) in useless}
        places = {id(item): i for i, item in enumerate(items)}
        for entry in found:
            if test(entry.text):
                edit = removed(items, gone, places[id(entry.node)]) if len(items) > 1 else None
                yield entry, (edit,) if edit else ()


def _edits(subject: Subject, entry: Entry, text: str | None) -> tuple[Edit, ...]:
    if text is None:
        return ()
    return (rewritten(subject.document.source, entry.node, text),)


def _did_you_mean(text: str | None) -> str:
    return f"; did you mean '{short(text)}'?" if text else ""
