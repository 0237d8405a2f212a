"""Names that people read: Sids and Ids (KG701, KG702, KG712)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from policy.lint.duties import ALIASING, INVENTORY
from policy.lint.insertions import first_member
from policy.lint.meaning import Said
from policy.lint.rule import Edit, Fix, Hit, Severity, rule
from policy.lint.subject import Subject, entries, opening, short
from policy.model import PolicyKind, PrincipalForm
from policy.tree import Object, String

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_KEY_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|mrk-[0-9a-f]{32}")
_EXCEPTIONS = frozenset({"but", "dont", "except", "not", "only", "unless", "without"})
_MAX_NAMED = 3


@rule("KG701", "missing-sid", Severity.SUGGESTION, Fix.UNSAFE)
def missing_sid(subject: Subject) -> Iterator[Hit]:
    """One of several statements has no Sid.

    ## Why it matters
    Logs, explanations and reviews call a statement by its Sid. Without one it is "the third", until
    somebody puts another one before it.

    ## Example
    ```json
    {"Version": "2012-10-17", "Statement": [
      {"Sid": "Own", "Effect": "Allow", "Principal": {"AWS": "210987654321"},
       "Action": "kms:*", "Resource": "*"},
      {"Effect": "Deny", "Principal": "*", "Action": "kms:ScheduleKeyDeletion", "Resource": "*"}]}
    ```

    ## Use instead
    ```json
    {"Version": "2012-10-17", "Statement": [
      {"Sid": "Own", "Effect": "Allow", "Principal": {"AWS": "210987654321"},
       "Action": "kms:*", "Resource": "*"},
      {"Sid": "NoDeletion", "Effect": "Deny", "Principal": "*",
       "Action": "kms:ScheduleKeyDeletion", "Resource": "*"}]}
    ```

    ## Sources
    - Creating a key policy
    """
    if len(subject.statements) < 2:
        return
    sids = (statement.get("Sid") for statement in subject.statements)
    taken = {sid.value for sid in sids if isinstance(sid, String)}
    for statement in subject.lacking("Sid"):
        sid = _sid_for(statement, taken)
        taken.add(sid)
        edits: tuple[Edit, ...] = ()
        if sid:
            edits = first_member(subject, statement, f'"Sid": "{sid}"')
        yield Hit(opening(statement), "give this statement a Sid", edits=edits)


def _sid_for(statement: Object, taken: set[str]) -> str:
    """Return a Sid that no statement has, by what a statement does; empty if that is unknown."""
    effect = statement.get("Effect")
    member = next((m for m in statement.members if m.name.value in ("Action", "NotAction")), None)
    if not isinstance(effect, String) or effect.value not in ("Allow", "Deny") or member is None:
        return ""
    actions = [node.value for node in entries(member.value) if isinstance(node, String)]
    names = [re.sub("[^A-Za-z0-9]", "", text.partition(":")[2]) or "All" for text in actions]
    named = "And".join(dict.fromkeys(names[:_MAX_NAMED]))
    more = "AndMore" if len(names) > _MAX_NAMED else ""
    other = "AllBut" if member.name.value == "NotAction" else ""
    sid = f"{effect.value}{other}{named}{more}"
    number = 1
    while sid + str(number) * (number > 1) in taken:
        number += 1
    return sid + str(number) * (number > 1)


@rule("KG702", "misleading-sid", Severity.SUGGESTION)
def misleading_sid(subject: Subject) -> Iterator[Hit]:
    """A Sid says something else than its statement does.

    "Deny" or "prevent" on an Allow, "allow" on a Deny (but not "allow only"), "read only" or
    "view" where more is allowed, "enable IAM" without the account, an alias where tags are
    tested, tags where an alias is, another key's ID.

    ## Why it matters
    Reviewers read the Sid and believe it.

    ## Example
    ```json
    {"Sid": "DenyDecryption", "Effect": "Allow",
     "Principal": {"AWS": "arn:aws:iam::210987654321:role/app"},
     "Action": "kms:Decrypt", "Resource": "*"}
    ```

    ## Use instead
    ```json
    {"Sid": "AllowDecryption", "Effect": "Allow",
     "Principal": {"AWS": "arn:aws:iam::210987654321:role/app"},
     "Action": "kms:Decrypt", "Resource": "*"}
    ```

    ## Sources
    - Creating a key policy
    """
    for said in subject.meaning.said:
        reason = _contradiction(said) if said.model.sid else None
        if reason is not None:
            name = short(said.model.sid or "")
            yield Hit(said.place, f"Sid '{name}' does not describe this statement: {reason}")


def _contradiction(said: Said) -> str | None:
    sid = said.model.sid or ""
    words = [word.lower() for word in _WORD.findall(sid.replace("'", ""))]
    known, joined = frozenset(words), " ".join(words)
    if said.allows and known & {"deny", "denies", "prevent", "prevents"} and "allow" not in known:
        return "it allows"
    if not said.allows and known & {"allow", "allows"} and not known & (_EXCEPTIONS | {"deny"}):
        return "it denies"
    looks = "read only" in joined or "readonly" in known or ("view" in known and "and" not in known)
    if said.allows and looks and said.actions - INVENTORY:
        return "it allows more than to look"
    if joined.startswith("enable iam") and said.allows and not _names_account(said):
        return "it names no account"
    return _other_fact(said, known) or _other_key(said, sid)


def _names_account(said: Said) -> bool:
    if said.model.principal is None or said.is_for_everyone:
        return True
    forms = {each.form for each in said.principals}
    return not forms.isdisjoint({PrincipalForm.ACCOUNT, PrincipalForm.INVALID})


def _other_fact(said: Said, words: frozenset[str]) -> str | None:
    """Return how a statement tells keys apart, where its Sid says otherwise."""
    by_tag = any(key.startswith(("aws:resourcetag/", "aws:requesttag/")) for key in said.keys)
    by_alias = bool(said.keys & {"kms:resourcealiases", "kms:requestalias"})
    resource = said.model.resource
    names_alias = resource is not None and any(":alias/" in r.text for r in resource.patterns)
    if "alias" in words and by_tag and not (by_alias or names_alias or said.actions & ALIASING):
        return "it tests tags"
    if words & {"tag", "tags"} and by_alias and not (by_tag or "aws:tagkeys" in said.keys):
        return "it tests aliases"
    return None


def _other_key(said: Said, sid: str) -> str | None:
    found = _KEY_ID.search(sid)
    resource = said.model.resource
    if found is None or resource is None:
        return None
    named = [each.text for each in resource.patterns if _KEY_ID.search(each.text)]
    return "it is about another key" if named and not any(found[0] in t for t in named) else None


@rule(
    "KG712", "missing-policy-id", Severity.SUGGESTION, kinds=(PolicyKind.KEY_POLICY,), opt_in=True
)
def missing_policy_id(subject: Subject) -> Iterator[Hit]:
    """A key policy has no Id. Off unless it is selected.

    ## Why it matters
    By the Id one sees on a deployed policy which template it came from.

    ## Example
    ```json
    {"Version": "2012-10-17", "Statement": [
      {"Sid": "Own", "Effect": "Allow", "Principal": {"AWS": "210987654321"},
       "Action": "kms:*", "Resource": "*"}]}
    ```

    ## Use instead
    ```json
    {"Version": "2012-10-17", "Id": "billing-key-2", "Statement": [
      {"Sid": "Own", "Effect": "Allow", "Principal": {"AWS": "210987654321"},
       "Action": "kms:*", "Resource": "*"}]}
    ```

    ## Sources
    - Creating a key policy
    """
    root = subject.root
    if root is not None and root.get("Id") is None and not subject.is_misspelt(root, "Id"):
        yield Hit(opening(root), "give the key policy an Id")
