"""Entries of lists that say what others say already."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

from policy.arn import Arn
from policy.errors import Note
from policy.lint.cover import Covering, covered, repeated
from policy.lint.parts import Entry, coverage
from policy.lint.repairs import without_items
from policy.lint.rule import Edit, Fix, Hit, Severity, rule
from policy.lint.subject import Subject, short
from policy.lint.summary import identity
from policy.model import PolicyKind, PrincipalForm, PrincipalPattern
from policy.pattern import Pattern, parse_pattern

_NAMES_RESOURCES = (
    PolicyKind.IDENTITY_POLICY, PolicyKind.SCP, PolicyKind.RCP, PolicyKind.ENDPOINT_POLICY,
)  # fmt: skip
_LISTS_PRINCIPALS = (PolicyKind.KEY_POLICY, PolicyKind.ENDPOINT_POLICY)


@rule("KG319", "redundant-action", Severity.SUGGESTION, Fix.SAFE)
def redundant_action(subject: Subject) -> Iterator[Hit]:
    """An action is in its list twice, or matched by a pattern of the same list.

    ## Why it matters
    The shorter list shows what is granted, and nobody takes the long one for a selection.

    ## Example
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/app"},
     "Action": ["kms:Describe*", "kms:DescribeKey", "kms:Sign"], "Resource": "*"}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/app"},
     "Action": ["kms:Describe*", "kms:Sign"], "Resource": "*"}
    ```

    ## Sources
    - Access Analyzer policy check reference
    """
    for reading in subject.readings:
        if reading.actions is not None and len(reading.actions.entries) > 1:
            sound = [each for each in reading.actions.entries if _is_action(each)]
            yield from _hits((each, Fix.SAFE) for each in covered(sound, _action_pattern))


@rule("KG320", "redundant-resource", Severity.SUGGESTION, Fix.SAFE, kinds=_NAMES_RESOURCES)
def redundant_resource(subject: Subject) -> Iterator[Hit]:
    """A resource is in its list twice, or covered by a wider entry.

    ## Why it matters
    One of the two is not what the author wanted, and the wider one is in force.

    ## Example
    ```json
    {"Effect": "Allow", "Action": "kms:Decrypt",
     "Resource": ["arn:aws:kms:*:111122223333:key/*",
                  "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"]}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Action": "kms:Decrypt",
     "Resource": "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"}
    ```

    ## Sources
    - Access Analyzer policy check reference
    """
    for reading in subject.readings:
        if reading.resources is not None:
            found = _covered_resources(reading.resources.entries)
            yield from _hits((each, Fix.SAFE) for each in found)


@rule(
    "KG321",
    "redundant-principal",
    Severity.SUGGESTION,
    Fix.SAFE | Fix.UNSAFE,
    kinds=_LISTS_PRINCIPALS,
)
def redundant_principal(subject: Subject) -> Iterator[Hit]:
    """A principal is named twice, beside everybody, or as a session of a role in the list.

    An account has two names: its number, and the ARN of its root user.

    ## Why it matters
    Beside `*` the other names only suggest a limit that is not there.

    ## Example
    ```json
    {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*",
     "Principal": {"AWS": ["arn:aws:iam::111122223333:root", "111122223333"]}}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*",
     "Principal": {"AWS": "arn:aws:iam::111122223333:root"}}
    ```

    ## Sources
    - AWS JSON policy elements: Principal
    - Access Analyzer policy check reference
    """
    for reading in subject.readings:
        named = [pair for pair in reading.principals if pair[0].form is not PrincipalForm.INVALID]
        found = [(each, Fix.SAFE) for each in repeated(named, lambda pair: identity(pair[0]))]
        if not reading.excludes_principals:
            firsts = list({identity(pair[0]): pair for pair in reversed(named)}.values())
            found += ((each, Fix.UNSAFE) for each in _covered_principals(firsts))
        yield from _hits((Covering(each.entry[1], each.other[1]), fix) for each, fix in found)


def _hits(found: Iterable[tuple[Covering[Entry], Fix]]) -> Iterator[Hit]:
    """Say what covers what; the edits of one list go together."""
    known = list(found)
    gone: defaultdict[int, set[int]] = defaultdict(set)
    for covering, _ in known:
        gone[id(covering.entry.items)].add(covering.entry.at)
    edits: dict[int, dict[int, tuple[Edit, ...]]] = {}
    for covering, fix in known:
        entry, other = covering.entry, covering.other
        key = id(entry.items)
        if key not in edits:
            edits[key] = without_items(entry.items, gone[key])
        yield Hit(
            entry.node.span,
            f"'{short(entry.text)}' is already covered by '{short(other.text)}'",
            notes=(Note("the other entry", other.node.span),),
            edits=edits[key][entry.at],
            fix=fix,
        )


def _is_action(entry: Entry) -> bool:
    what = coverage(entry.text)
    return what.others or bool(what.kms)


def _action_pattern(entry: Entry) -> Pattern:
    return parse_pattern(entry.text.lower())


# Resources


def _covered_resources(entries: tuple[Entry, ...]) -> Iterator[Covering[Entry]]:
    """AUTH D-3 to D-5: ARNs are compared segment by segment; wildcards never cross a colon."""
    yield from repeated(entries, lambda entry: entry.text)
    firsts = list({entry.text: entry for entry in reversed(entries)}.values())
    everything = next((entry for entry in firsts if entry.text == "*"), None)
    wide = [entry for entry in firsts if _is_wide(entry.text)][:_MAX_WIDE]
    for entry in sorted(firsts, key=lambda each: each.at):
        if everything is not None:
            if entry is not everything:
                yield Covering(entry, everything)
            continue
        other = next((each for each in wide if each is not entry and _includes(each, entry)), None)
        if other is not None:
            yield Covering(entry, other)


_MAX_WIDE = 64


def _is_wide(text: str) -> bool:
    """Tell whether an ARN may cover another; with a wildcard for its service it cannot (D-4)."""
    segments = text.split(":", 5)
    return len(segments) == 6 and not _WILD.search(segments[2]) and bool(_WILD.search(text))


_WILD = re.compile("[*?]")


def _includes(wide: Entry, entry: Entry) -> bool:
    segments = entry.text.split(":", 5)
    return len(segments) == 6 and all(
        _segment_includes(each, segment)
        for each, segment in zip(wide.text.split(":", 5), segments, strict=True)
    )


def _segment_includes(wide: str, segment: str) -> bool:
    if wide in ("*", segment):
        return True
    if "${" in wide:
        return False
    if wide.endswith("*") and not any(sign in wide[:-1] for sign in "*?"):
        return segment.startswith(wide[:-1])
    if any(sign in segment for sign in "*?$"):
        return False
    return parse_pattern(wide).matches(segment)


# Principals

_Named = tuple[PrincipalPattern, Entry]


def _covered_principals(named: list[_Named]) -> Iterator[Covering[_Named]]:
    everyone = next((pair for pair in named if pair[0].form is PrincipalForm.EVERYONE), None)
    roles: dict[tuple[str, str, str], _Named] = {}
    for pair in named:
        if pair[0].form is PrincipalForm.ROLE and pair[0].arn is not None:
            arn = pair[0].arn
            roles.setdefault((arn.partition, arn.account, arn.last), pair)
    for pair in named:
        pattern = pair[0]
        if everyone is not None and pattern.form in _ALSO_EVERYONE:
            yield Covering(pair, everyone)
        elif pattern.form is PrincipalForm.SESSION and pattern.arn is not None:
            role = roles.get(_role_of(pattern.arn))
            if role is not None:
                yield Covering(pair, role)


_ALSO_EVERYONE = (
    PrincipalForm.ACCOUNT, PrincipalForm.USER, PrincipalForm.ROLE, PrincipalForm.SESSION,
    PrincipalForm.FEDERATED_USER, PrincipalForm.UNIQUE_ID,
)  # fmt: skip


def _role_of(session: Arn) -> tuple[str, str, str]:
    return session.partition, session.account, session.name.partition("/")[0]
