"""What Allow statements give away, and what bounds who gets it, for the rules about security."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from policy.lint.parts import Clause, Entry, coverage
from policy.lint.proofs import read_network
from policy.lint.reading import Callers, Reading
from policy.lint.subject import Subject, short
from policy.lint.summary import is_about_everyone, is_about_everything
from policy.model import PolicyKind, PrincipalForm
from policy.operators import Family
from policy.vocabulary import CONTEXT_FREE_GRANT_OPERATIONS, GRANT_OPERATIONS

CRYPTOGRAPHIC = GRANT_OPERATIONS - CONTEXT_FREE_GRANT_OPERATIONS - {"GetPublicKey"}
"""The actions that use the material of a key."""

EVERYTHING = ("*", "kms:*")
"""The entries of Action, in lower case, that give every action of KMS."""

ACCOUNT_KEYS = frozenset({"kms:CallerAccount", "aws:PrincipalAccount"})
ORGANIZATION_KEYS = frozenset({"aws:PrincipalOrgID", "aws:PrincipalOrgPaths"})
SOURCE_KEYS = frozenset(
    {"aws:SourceAccount", "aws:SourceArn", "aws:SourceOrgID", "aws:SourceOrgPaths"}
)
BOUNDING_KEYS = (
    ACCOUNT_KEYS
    | ORGANIZATION_KEYS
    | SOURCE_KEYS
    | {
        "aws:FederatedProvider", "aws:PrincipalArn", "aws:PrincipalServiceName",
        "aws:PrincipalServiceNamesList", "aws:SourceIp", "aws:SourceVpc", "aws:SourceVpcArn",
        "aws:SourceVpce", "aws:VpceAccount", "aws:VpceOrgID", "aws:VpceOrgPaths", "aws:userid",
        "ec2:SourceInstanceARN", "lambda:SourceFunctionArn",
    }
)  # fmt: skip
"""The keys whose values tell one customer's callers from another's."""

WIDE_NETWORKS = {4: 8, 6: 16}
"""A network with fewer bits in its prefix bounds nobody."""

MAX_DENIES = 64
"""So many different sets of denied actions are held against what is allowed."""

ACCOUNT = re.compile(r"(?<!\d)\d{12}(?!\d)")


def owner(subject: Subject) -> str | None:
    """Return the account of a key: as said, else the one to which its policy gives everything."""
    if subject.options.account is not None or subject.kind is not PolicyKind.KEY_POLICY:
        return subject.options.account
    owners = {
        pattern.account
        for reading in subject.readings
        if is_delegation(reading)
        for pattern, _ in reading.principals
    }
    return owners.pop() if len(owners) == 1 else None


def is_delegation(reading: Reading) -> bool:
    """Tell whether a statement leaves everything to the identity policies of accounts."""
    return (
        reading.allows
        and reading.is_unconditional
        and gives_everything(reading) is not None
        and names_accounts_only(reading)
    )


def names_accounts_only(reading: Reading) -> bool:
    """Tell whether all principals of a statement are accounts."""
    forms = {pattern.form for pattern, _ in reading.principals}
    return not reading.excludes_principals and forms == {PrincipalForm.ACCOUNT}


def gives_everything(reading: Reading) -> Entry | None:
    """Return the entry of Action that gives every action of KMS, or None."""
    listing = reading.actions
    if listing is None or listing.negated:
        return None
    return next((each for each in listing.entries if each.text.lower() in EVERYTHING), None)


def covering(reading: Reading, wanted: frozenset[str]) -> tuple[Entry, ...]:
    """Return the entries of Action that give some of these actions; none for NotAction."""
    listing = reading.actions
    if listing is None or listing.negated or reading.kms_actions.isdisjoint(wanted):
        return ()
    return tuple(each for each in listing.entries if coverage(each.text).kms & wanted)


def everyone(reading: Reading) -> Entry | None:
    """Return the `*` of an AWS principal or of all, or None."""
    if reading.excludes_principals:
        return None
    return next((e for p, e in reading.principals if p.form is PrincipalForm.EVERYONE), None)


def bounds_caller(reading: Reading, clause: Clause) -> bool:
    """Tell whether a clause lets only callers of one customer, or of some, through."""
    if clause.key not in BOUNDING_KEYS or clause.operator.base.negated:
        return False
    if clause.family is Family.NULL or not (clause.is_positive or reading.ordinarily_has(clause)):
        return False
    return all(
        value.pattern.variables or _is_bound(clause.key, value.text) for value in clause.values
    )


def _is_bound(key: str, text: str) -> bool:
    if key == "aws:SourceIp":
        return not _is_wide(text)
    if text.startswith("arn:"):
        fields = text.split(":", 5)
        if len(fields) == 6 and fields[4]:
            return not has_wildcard(fields[4])
        return len(fields) == 6 and fields[2] != "*" and not has_wildcard(fields[5][:1])
    if key.endswith("OrgPaths"):
        return not has_wildcard(text.partition("/")[0])
    if key == "aws:userid":
        return not has_wildcard(text.partition(":")[0])
    return not has_wildcard(text)


def _is_wide(text: str) -> bool:
    network = read_network(text)
    return network is not None and network.prefixlen < WIDE_NETWORKS[network.version]


def has_wildcard(text: str) -> bool:
    """Tell whether a text has a `*` or `?`."""
    return "*" in text or "?" in text


def denied_to_others(subject: Subject) -> tuple[frozenset[str], ...]:
    """Return what is denied to strangers, for each Deny that does so: the names of KMS actions.

    Such a Deny is about everyone and every resource, and its conditions do not spare but callers
    that are named. Of many different ones, those with the most actions are returned.
    """
    found = {
        deny.kms_actions
        for deny in subject.readings
        if deny.denies
        and deny.is_read_whole
        and is_about_everyone(deny)
        and is_about_everything(deny)
        and _spares_only_named(deny)
    }
    return tuple(sorted(found, key=len, reverse=True)[:MAX_DENIES])


def _spares_only_named(deny: Reading) -> bool:
    sparing = [c for c in deny.clauses if c.key != "aws:PrincipalIsAWSService"]
    return all(
        clause.operator.base.negated
        and clause.key in BOUNDING_KEYS
        and clause.holds_without_key
        and all(_is_bound(clause.key, value.text) for value in clause.values)
        for clause in sparing
    )


def spelled(texts: Iterable[str], limit: int = 4) -> str:
    """Return some names as a sentence lists them: `a, b and 3 more`."""
    found = list(dict.fromkeys(texts))
    shown = [short(text) for text in found[:limit]]
    if len(found) > limit:
        shown.append(f"{len(found) - limit} more")
    return " and ".join((", ".join(shown[:-1]), shown[-1])) if len(shown) > 1 else "".join(shown)


def actions_of(reading: Reading, wanted: frozenset[str] | None = None) -> str:
    """Return the actions of a statement as it spells them; with `wanted`, those that give some."""
    listing = reading.actions
    if listing is None:
        return "nothing"
    if listing.negated:
        return f"all actions but {spelled(each.text for each in listing.entries)}"
    entries: Sequence[Entry] = listing.entries if wanted is None else covering(reading, wanted)
    return spelled(each.text for each in entries)


def who(reading: Reading) -> str:
    """Return the principals of a statement as it spells them."""
    if not reading.kind.names_principals:
        return "whoever has this policy"
    return spelled((pattern.text for pattern, _ in reading.principals), 2) or "everybody"


def services(reading: Reading) -> tuple[Entry, ...]:
    """Return the services among the principals of a statement."""
    if reading.callers is Callers.IAM or reading.excludes_principals:
        return ()
    return tuple(entry for p, entry in reading.principals if p.form is PrincipalForm.SERVICE)
