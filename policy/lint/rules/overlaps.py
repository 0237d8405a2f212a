"""Statements of one document that undo or repeat each other (AUTH A-7)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from policy.errors import Note
from policy.lint.parts import Clause
from policy.lint.reading import Reading
from policy.lint.repairs import with_values, without_items
from policy.lint.rule import Edit, Fix, Hit, Severity, rule
from policy.lint.subject import Subject, opening, short
from policy.lint.summary import (
    ALL_ACTIONS,
    Scope,
    is_about_everyone,
    is_about_everything,
    scope,
    tokens,
)
from policy.model import Effect
from policy.operators import Family
from policy.source import Span
from policy.tree import Array


@rule("KG317", "allow-fully-denied", Severity.WARNING)
def allow_fully_denied(subject: Subject) -> Iterator[Hit]:
    """All that an Allow gives is denied by the same document.

    Reported for a Deny without a condition that is about everybody and every resource, or about
    exactly the same ones as the Allow.

    ## Why it matters
    A Deny always wins. One of the two statements is a mistake, and it is not said which.

    ## Example
    ```json
    [{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/app"},
      "Action": "kms:Decrypt", "Resource": "*"},
     {"Sid": "NoDeletion", "Effect": "Deny", "Principal": "*", "Action": "kms:De*",
      "Resource": "*"}]
    ```

    ## Use instead
    ```json
    [{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/app"},
      "Action": "kms:Decrypt", "Resource": "*"},
     {"Sid": "NoDeletion", "Effect": "Deny", "Principal": "*", "Action": "kms:Delete*",
      "Resource": "*"}]
    ```

    ## Sources
    - Policy evaluation logic
    """
    everywhere: dict[str, int] = {}
    by_scope: defaultdict[Scope | None, dict[str, int]] = defaultdict(dict)
    for index, reading in enumerate(subject.readings):
        denied = tokens(reading) if reading.denies and reading.is_unconditional else None
        known = everywhere
        if denied and not (is_about_everyone(reading) and is_about_everything(reading)):
            known = by_scope[scope(reading)]
        for token in denied or ():
            known.setdefault(token, index)
    if not everywhere and not by_scope:
        return
    by_scope.pop(None, None)
    for reading in subject.readings:
        given = tokens(reading) if reading.allows else None
        if not given:
            continue
        same = by_scope.get(_unconditional(scope(reading)), {})
        deniers = {_denier(token, everywhere, same) for token in given}
        if None not in deniers:
            denier = min(index for index in deniers if index is not None)
            yield Hit(
                _effect_span(reading),
                f"this Allow never takes effect: {_called(subject, [denier])} denies all it allows",
                notes=(Note("the Deny", opening(subject.readings[denier].node)),),
            )


@rule("KG318", "redundant-statement", Severity.SUGGESTION, Fix.SAFE | Fix.UNSAFE)
def redundant_statement(subject: Subject) -> Iterator[Hit]:
    """A statement says nothing that others do not say for the same principals and resources.

    ## Why it matters
    When one of the copies is edited later, the other keeps the old permission alive.

    ## Example
    ```json
    [{"Sid": "All", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/app"},
      "Action": "kms:*", "Resource": "*"},
     {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/app"},
      "Action": "kms:Decrypt", "Resource": "*"}]
    ```

    ## Use instead
    ```json
    {"Sid": "All", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/app"},
     "Action": "kms:*", "Resource": "*"}
    ```

    ## Sources
    - Access Analyzer policy check reference
    """
    scopes: defaultdict[tuple[Effect, Scope], list[int]] = defaultdict(list)
    for index, reading in enumerate(subject.readings):
        where = scope(reading)
        if where is not None and reading.effect is not None:
            scopes[reading.effect, where].append(index)
    together = [index for members in scopes.values() if len(members) > 1 for index in members]
    found = {index: tokens(subject.readings[index]) for index in together}
    actions = {index: each for index, each in found.items() if each}
    groups = {key: [i for i in members if i in actions] for key, members in scopes.items()}
    repeated = {
        index: others
        for members in groups.values()
        if len(members) > 1
        for index, others in _covered(members, actions)
    }
    edits = _deletions(subject, repeated)
    for index, others in sorted(repeated.items()):
        is_copy = any(actions[other] == actions[index] for other in others)
        yield Hit(
            opening(subject.readings[index].node),
            f"this statement adds nothing to {_called(subject, others)}",
            notes=tuple(
                Note("which says it as well", opening(subject.readings[other].node))
                for other in others[:_MAX_NAMED]
            ),
            edits=edits.get(index, ()),
            fix=Fix.SAFE if is_copy else Fix.UNSAFE,
        )


@rule("KG345", "negated-list-confusion", Severity.WARNING, Fix.UNSAFE)
def negated_list_confusion(subject: Subject) -> Iterator[Hit]:
    """Several Deny statements each spare one value, and deny those of the others.

    ## Why it matters
    Together they deny every value. Within one list, values of a negated test are joined: none of
    them is denied.

    ## Example
    ```json
    [{"Effect": "Deny", "Principal": "*", "Action": "kms:ReplicateKey", "Resource": "*",
      "Condition": {"StringNotEquals": {"kms:ReplicaRegion": "eu-west-1"}}},
     {"Effect": "Deny", "Principal": "*", "Action": "kms:ReplicateKey", "Resource": "*",
      "Condition": {"StringNotEquals": {"kms:ReplicaRegion": "eu-central-1"}}}]
    ```

    ## Use instead
    ```json
    {"Effect": "Deny", "Principal": "*", "Action": "kms:ReplicateKey", "Resource": "*",
     "Condition": {"StringNotEquals": {"kms:ReplicaRegion": ["eu-west-1", "eu-central-1"]}}}
    ```

    ## Sources
    - Creating a condition with multiple keys or values
    """
    groups: defaultdict[object, list[tuple[int, Clause]]] = defaultdict(list)
    for index, reading in enumerate(subject.readings):
        if reading.denies and len(reading.clauses) == 1 and _spares_listed(reading.clauses[0]):
            clause, where, what = reading.clauses[0], scope(reading), tokens(reading)
            if where is not None and what:
                test = (str(clause.operator), clause.name.lower())
                groups[(where.who, where.except_resources, where.resources, what, test)].append(
                    (index, clause)
                )
    for members in groups.values():
        spared = frozenset.intersection(*(_texts(clause) for _, clause in members))
        if len(members) < 2 or spared:
            continue
        first = members[0][1]
        edits = _merged(subject, members) if len(members) == 2 else ()
        for _, clause in members[1:]:
            yield Hit(
                clause.member.value.span,
                "together these Deny statements deny every value; "
                "put the allowed values into one list",
                notes=(Note("the other values", first.member.value.span),),
                edits=edits,
            )


_MAX_NAMED = 3


def _called(subject: Subject, indexes: Iterable[int]) -> str:
    """Return how a message calls statements: by their Sids, else by their numbers."""
    sids = [(index, subject.readings[index].sid) for index in indexes]
    return ", ".join(
        f"'{short(sid)}'" if sid else f"statement {index + 1}" for index, sid in sids[:_MAX_NAMED]
    )


def _effect_span(reading: Reading) -> Span:
    node = reading.node.get("Effect")
    return node.span if node is not None else opening(reading.node)


def _unconditional(where: Scope | None) -> Scope | None:
    if where is None:
        return None
    return Scope(where.who, where.except_resources, where.resources, frozenset())


def _denier(token: str, *known: dict[str, int]) -> int | None:
    """Return the statement that denies what a token stands for."""
    for denied in known:
        if token in denied:
            return denied[token]
        if ALL_ACTIONS in denied:
            return denied[ALL_ACTIONS]
    return None


def _covered(
    members: list[int], actions: dict[int, frozenset[str]]
) -> Iterator[tuple[int, list[int]]]:
    """Return statements of one scope that the rest of it makes superfluous, the last ones first."""
    holders: defaultdict[str, dict[int, None]] = defaultdict(dict)
    for index in members:
        for token in actions[index]:
            holders[token][index] = None
    for index in reversed(members):
        if all(len(holders[token]) > 1 for token in actions[index]):
            others = set()
            for token in actions[index]:
                del holders[token][index]
                others.add(next(iter(holders[token])))
            yield index, sorted(others)


def _deletions(subject: Subject, gone: Iterable[int]) -> dict[int, tuple[Edit, ...]]:
    """Return for each statement the edit that deletes it."""
    node = subject.root.get("Statement") if subject.root is not None else None
    if not isinstance(node, Array):
        return {}
    places = {id(item): at for at, item in enumerate(node.items)}
    wanted = {index: places[id(subject.readings[index].node)] for index in gone}
    edits = without_items(node.items, set(wanted.values()))
    return {index: edits[at] for index, at in wanted.items()}


def _spares_listed(clause: Clause) -> bool:
    """Tell whether a clause is false of the values that it lists, and of no others."""
    base = clause.operator.base
    if not base.negated or clause.operator.set_operator is not None:
        return False
    if base.family not in (Family.STRING, Family.ARN) or clause.has_variables:
        return False
    return not any(value.pattern.has_wildcard for value in clause.values)


def _texts(clause: Clause) -> frozenset[str]:
    fold = clause.operator.base.name.endswith("IgnoreCase")
    return frozenset(v.text.lower() if fold else v.text for v in clause.values)


def _merged(subject: Subject, members: list[tuple[int, Clause]]) -> tuple[Edit, ...]:
    (_, first), (index, second) = members
    deletion = _deletions(subject, [index]).get(index, ())
    texts = dict.fromkeys(value.text for value in (*first.values, *second.values))
    return (with_values(first, tuple(texts)), *deletion) if deletion else ()
