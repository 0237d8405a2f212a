"""Whoever administers a key does not use it (KG601 to KG603)."""

from __future__ import annotations

from collections.abc import Iterator

from policy.lint.duties import ADMINISTRATIVE, CRYPTOGRAPHIC, actions_of, listed
from policy.lint.fixes import rewritten
from policy.lint.holders import Gift, Holder, holders, is_about_same_key, people
from policy.lint.meaning import Said
from policy.lint.rule import Edit, Fix, Hit, Severity, rule
from policy.lint.subject import Subject, short
from policy.model import PolicyKind, TextPattern

KEY_AND_IDENTITY = (PolicyKind.KEY_POLICY, PolicyKind.IDENTITY_POLICY)

_LIMITS_GRANTS = ("kms:grant", "kms:retiring", "kms:viaservice", "aws:viaawsservice")
"""How the keys begin that bound what grants somebody may make."""

_CONSOLE = frozenset(
    f"kms:{name}".lower()
    for name in (
        "Create*", "Describe*", "Enable*", "List*", "Put*", "Update*", "Revoke*", "Disable*",
        "Get*", "Delete*", "ScheduleKeyDeletion", "CancelKeyDeletion",
    )
)  # fmt: skip
_CONSOLE_TOO = _CONSOLE | {
    f"kms:{name}".lower()
    for name in (
        "TagResource", "UntagResource", "RotateKeyOnDemand", "ImportKeyMaterial", "ReplicateKey",
        "UpdatePrimaryRegion", "SynchronizeMultiRegionKey",
    )
}  # fmt: skip
"""What the console gives to key administrators: always, and for some kinds of keys."""


@rule("KG601", "administer-and-use-in-statement", Severity.WARNING, kinds=KEY_AND_IDENTITY)
def administer_and_use_in_statement(subject: Subject) -> Iterator[Hit]:
    """One statement lets somebody both administer a key and use it.

    `kms:*` is left to KG415. Services and the account that owns the key are not meant, nor is
    `kms:CreateGrant` under a condition on the grant.

    ## Why it matters
    Who looks after a key need not read what it protects. With both in one hand, nobody else
    notices.

    ## Example
    ```json
    {"Sid": "Ops", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/ops"},
     "Action": ["kms:PutKeyPolicy", "kms:Decrypt"], "Resource": "*"}
    ```

    ## Use instead
    ```json
    [{"Sid": "Ops", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/ops"},
      "Action": "kms:PutKeyPolicy", "Resource": "*"},
     {"Sid": "App", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/app"},
      "Action": "kms:Decrypt", "Resource": "*"}]
    ```

    ## Sources
    - Default key policy
    """
    for said in subject.meaning.allows:
        who = people(said, subject.meaning.account)
        administers, uses = _administers(said, said.actions), said.actions & CRYPTOGRAPHIC
        if who and administers and uses and not said.is_about_everything:
            yield Hit(
                said.entry_for(uses),
                f"{', '.join(who[:3])} may both administer ({listed(administers, 3)}) "
                f"and use ({listed(uses, 3)}) the key",
            )


@rule("KG602", "administer-and-use-across-statements", Severity.WARNING, kinds=KEY_AND_IDENTITY)
def administer_and_use_across_statements(subject: Subject) -> Iterator[Hit]:
    """Two statements of a document let somebody both administer a key and use it.

    Reported where both name the same principal, and in identity policies the same resource; what
    a Deny takes away under all circumstances is not counted.

    ## Why it matters
    As of KG601, but a review of one statement after the other passes it over.

    ## Example
    ```json
    [{"Sid": "Ops", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/ops"},
      "Action": "kms:PutKeyPolicy", "Resource": "*"},
     {"Sid": "Users", "Effect": "Allow", "Principal": {"AWS": [
        "arn:aws:iam::111122223333:role/app", "arn:aws:iam::111122223333:role/ops"]},
      "Action": "kms:Decrypt", "Resource": "*"}]
    ```

    ## Use instead
    ```json
    [{"Sid": "Ops", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/ops"},
      "Action": "kms:PutKeyPolicy", "Resource": "*"},
     {"Sid": "Users", "Effect": "Allow",
      "Principal": {"AWS": "arn:aws:iam::111122223333:role/app"},
      "Action": "kms:Decrypt", "Resource": "*"}]
    ```

    ## Sources
    - Default key policy
    """
    for holder in holders(subject.meaning):
        found = _apart(holder)
        if found is not None:
            administering, using = found
            later = max(found, key=lambda gift: gift.said.model.index)
            yield Hit(
                later.place or later.said.place,
                f"{short(holder.name, 100)} administers by '{administering.said.label}' "
                f"and uses by '{using.said.label}'",
            )


def _apart(holder: Holder) -> tuple[Gift, Gift] | None:
    """Return by what a holder administers and by what it uses a key, if that is two statements."""
    administering = [gift for gift in holder.gifts if _administers(gift.said, gift.actions)]
    using = holder.uses if administering else ()
    if any(gift in using for gift in administering):
        return None
    for one in administering:
        for other in using:
            if is_about_same_key(one.said, other.said):
                return one, other
    return None


def _administers(said: Said, actions: frozenset[str]) -> frozenset[str]:
    found = actions & ADMINISTRATIVE
    return found - {"CreateGrant"} if _bounds_grants(said) else found


def _bounds_grants(said: Said) -> bool:
    return any(key.startswith(_LIMITS_GRANTS) for key in said.keys)


@rule(
    "KG603", "administrator-can-create-grants", Severity.WARNING, Fix.UNSAFE,
    kinds=(PolicyKind.KEY_POLICY,),
)  # fmt: skip
def administrator_can_create_grants(subject: Subject) -> Iterator[Hit]:
    """A pattern in a statement for administrators covers `kms:CreateGrant`.

    A suggestion where the statement is the one that the console writes.

    ## Why it matters
    A grant lets its grantee use the key, and whoever makes it chooses the grantee. An
    administrator who was not to decrypt does so one call later.

    ## Example
    ```json
    {"Sid": "Admins", "Effect": "Allow",
     "Principal": {"AWS": "arn:aws:iam::111122223333:role/key-admin"},
     "Action": ["kms:Cr*", "kms:PutKeyPolicy"], "Resource": "*"}
    ```

    ## Use instead
    ```json
    {"Sid": "Admins", "Effect": "Allow",
     "Principal": {"AWS": "arn:aws:iam::111122223333:role/key-admin"},
     "Action": ["kms:CreateAlias", "kms:PutKeyPolicy"], "Resource": "*"}
    ```

    ## Sources
    - Default key policy
    - Grants in AWS KMS
    """
    for said in subject.meaning.allows:
        who = people(said, subject.meaning.account)
        if not who or said.actions & CRYPTOGRAPHIC or _bounds_grants(said):
            continue
        if not said.actions & ADMINISTRATIVE - {"CreateGrant"}:
            continue
        for entry in said.entries:
            if "*" in entry.text and "CreateGrant" in actions_of(entry.text):
                yield Hit(
                    entry.span,
                    f"{short(entry.text)} includes kms:CreateGrant, "
                    f"by which {', '.join(who[:3])} can give themselves use of the key",
                    severity=Severity.SUGGESTION if _is_of_console(said) else None,
                    edits=_without_grants(subject, said, entry),
                )


def _is_of_console(said: Said) -> bool:
    written = {entry.text.lower() for entry in said.entries}
    return _CONSOLE <= written <= _CONSOLE_TOO


def _without_grants(subject: Subject, said: Said, entry: TextPattern) -> tuple[Edit, ...]:
    written = {each.text.lower() for each in said.entries}
    matched = actions_of(entry.text) - {"CreateCustomKeyStore", "CreateKey"}
    if matched != {"CreateAlias", "CreateGrant"} or "kms:createalias" in written:
        return ()
    node = next(each.node for each in subject.actions if each.node.span == entry.span)
    return (rewritten(subject.document.source, node, "kms:CreateAlias"),)
