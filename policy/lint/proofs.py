"""What can be proved of one statement: that its conditions exclude each other, or its principals.

Nothing is guessed. A proof tries every value that could make a difference: where a condition lists
the values of a key, these; where it draws bounds, a value on and next to each of them.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import itertools
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from policy.conditions import compare
from policy.lint.parts import Clause
from policy.lint.reading import Callers, Reading
from policy.model import Effect, PrincipalForm, PrincipalPattern
from policy.operators import Family, read_date, read_number
from policy.request import Context
from policy.vocabulary import ENCRYPTION_CONTEXT, ValueType

MAX_COMPARISONS = 10_000
"""For one key of one statement; what would take more is not proved."""

_SAME_FACT = {
    "kms:CustomerMasterKeySpec": "kms:KeySpec",
    "kms:CustomerMasterKeyUsage": "kms:KeyUsage",
    "kms:CallerAccount": "aws:PrincipalAccount",
}
"""Keys that have the value of another one wherever they have any (AUTH J-60 to J-63)."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two clauses of one statement that no request can meet together."""

    first: Clause
    second: Clause


def conflict(reading: Reading) -> Conflict | None:
    """Return two clauses that exclude each other, as far as that can be proved."""
    groups: defaultdict[str, list[Clause]] = defaultdict(list)
    for clause in reading.clauses:
        groups[_fact(clause)].append(clause)
    for clauses in groups.values():
        found = _absent_and_present(clauses) or _no_common_value(clauses)
        if found is not None:
            return found
    return None


def _fact(clause: Clause) -> str:
    """Return what names the fact that a clause is about; two clauses with one name share it."""
    known, name = clause.known, clause.name
    if known is None or name.lower().startswith(ENCRYPTION_CONTEXT):
        return name  # an encryption context may hold names that differ by case (AUTH J-100)
    return _SAME_FACT.get(known.name, name.lower() if known.name[-1] in "/:" else known.name)


def _absent_and_present(clauses: list[Clause]) -> Conflict | None:
    forbids = next((clause for clause in clauses if clause.holds_only_without_key), None)
    demands = next((clause for clause in clauses if not clause.holds_without_key), None)
    if forbids is None or demands is None or forbids.key != demands.key:
        return None
    first, second = sorted((forbids, demands), key=lambda clause: clause.member.name.span)
    return Conflict(first, second)


def _no_common_value(clauses: list[Clause]) -> Conflict | None:
    usable = [clause for clause in clauses if _is_plain(clause)]
    if len({clause.key for clause in usable}) > 1:  # absent where the other is not
        usable = [c for c in usable if c.key not in _SAME_FACT or not c.holds_without_key]
    if len(usable) < 2:
        return None
    values = candidates(usable)
    if values is None:
        return None
    work = len(values) * sum(len(clause.values) for clause in usable)
    if work > MAX_COMPARISONS:
        return None
    held = [frozenset(v for v in values if holds(clause, v)) for clause in usable]
    if frozenset.intersection(*held):
        return None
    if not all(some or _holds_of_own(c) for c, some in zip(usable, held, strict=True)):
        return None  # a clause that never holds by itself is another rule's matter
    for at, second in enumerate(held):
        for before in range(at):
            if not held[before] & second:
                return Conflict(usable[before], usable[at])
    return Conflict(usable[0], usable[-1])


def _is_plain(clause: Clause) -> bool:
    known = clause.known
    return known is not None and not known.multivalued and not clause.has_variables


def holds(clause: Clause, value: str | None) -> bool:
    """Tell whether a clause without variables holds of a value; None is no value."""
    context = Context({clause.name: value}) if value is not None else Context()
    return compare(clause.test, context, Effect.DENY).matched


def _holds_of_own(clause: Clause) -> bool:
    """Tell whether a clause holds of what it lists; a pattern matches its own text."""
    return any(holds(clause, value.text) for value in clause.values)


def candidates(clauses: Sequence[Clause]) -> tuple[str | None, ...] | None:
    """Return values of which one meets all clauses if any value does; None if that is not known.

    None among the values stands for the absence of the key.
    """
    exact = [clause for clause in clauses if _lists_all(clause)]
    if exact:
        shortest = min(exact, key=lambda clause: len(clause.values))
        return (*(_literal(value.pattern.parts) for value in shortest.values), None)
    known = clauses[0].known
    if known is not None and known.type is ValueType.BOOL:
        return ("true", "false", None)
    families = {clause.family for clause in clauses} - {Family.NULL}
    if len(families) != 1:
        return None
    read = _READERS.get(families.pop())
    if read is None:
        return None
    texts = [
        v.text for clause in clauses if clause.family is not Family.NULL for v in clause.values
    ]
    found = read(texts)
    return (*found, None) if found is not None else None


def _lists_all(clause: Clause) -> bool:
    """Tell whether a clause holds of no value but those it lists."""
    base = clause.operator.base
    if base.negated or base.family not in (Family.STRING, Family.ARN):
        return False
    if base.name == "StringEqualsIgnoreCase":
        return False
    return not any(value.pattern.has_wildcard for value in clause.values)


def _literal(parts: Sequence[object]) -> str:
    return "".join(map(str, parts))


def _numbers(texts: Sequence[str]) -> tuple[str, ...] | None:
    found = [read_number(text) for text in texts if len(text) <= _MAX_DIGITS]
    numbers = [number for number in found if number is not None]
    if len(numbers) != len(texts):
        return None
    return tuple(f"{number:f}" for number in _around(numbers, Decimal(1)))


def _dates(texts: Sequence[str]) -> tuple[str, ...] | None:
    found = [read_date(text) for text in texts]
    moments = [moment for moment in found if moment is not None]
    if len(moments) != len(texts):
        return None
    try:
        times = [_EPOCH + dt.timedelta(seconds=float(m)) for m in _around(moments, Decimal(1))]
    except OverflowError:
        return None
    shown = tuple(time.isoformat(timespec="microseconds") for time in times)
    return shown if all(read_date(text) is not None for text in shown) else None


def _around(numbers: Sequence[Decimal], step: Decimal) -> list[Decimal]:
    """Return the numbers, one between each two neighbours, one below and one above all."""
    ordered = sorted(set(numbers))
    between = [(low + high) / 2 for low, high in itertools.pairwise(ordered)]
    return [ordered[0] - step, *ordered, *between, ordered[-1] + step]


def _addresses(texts: Sequence[str]) -> tuple[str, ...] | None:
    """Return the first address of every range and the first one after it."""
    found: set[str] = {"0.0.0.0", "::"}  # noqa: S104 - the lowest address, nothing is bound to it
    for text in texts:
        network = read_network(text)
        if network is None:
            return None
        found.add(str(network.network_address))
        if int(network.broadcast_address) < 2**network.max_prefixlen - 1:
            found.add(str(network.broadcast_address + 1))
    return tuple(found)


Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def read_network(text: str) -> Network | None:
    """Return the range of addresses that a text spells, host bits masked off (AUTH G-12)."""
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


_READERS = {Family.NUMERIC: _numbers, Family.DATE: _dates, Family.IP: _addresses}
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MAX_DIGITS = 20


# Principals against conditions


def excluded_principals(reading: Reading) -> tuple[Clause, ...]:
    """Return the clauses that between them let none of the named principals through.

    Empty unless every principal is refused by a clause about the account or ARN it must have.
    """
    if reading.callers is not Callers.IAM or not reading.principals:
        return ()
    clauses = [c for c in reading.clauses if _fact(c) in _OF_PRINCIPALS and not c.has_variables]
    if not clauses:
        return ()
    work = len(reading.principals) * sum(len(clause.values) for clause in clauses)
    if work > MAX_COMPARISONS:
        return ()
    refusing: dict[int, Clause] = {}
    for pattern, _ in reading.principals:
        facts = _facts(pattern)
        clause = next((c for c in clauses if not _passes(c, facts)), None)
        if clause is None:
            return ()
        refusing[id(clause)] = clause
    return tuple(refusing.values())


def _passes(clause: Clause, facts: dict[str, str]) -> bool:
    value = facts.get(_fact(clause))
    if value is not None and holds(clause, value):
        return True
    if value is None:
        return True
    # the account of a service's own call is not told to every clause (AUTH J-60)
    return clause.key == "kms:CallerAccount" and holds(clause, None)


def is_implied_by_principals(reading: Reading, clause: Clause) -> bool:
    """Tell whether every principal that a statement names passes a clause anyway."""
    if reading.callers is not Callers.IAM or not reading.principals or clause.has_variables:
        return False
    if len(reading.principals) * len(clause.values) > MAX_COMPARISONS:
        return False
    values = (_facts(pattern).get(_fact(clause)) for pattern, _ in reading.principals)
    return all(value is not None and holds(clause, value) for value in values)


def _facts(pattern: PrincipalPattern) -> dict[str, str]:
    """Return the condition keys that follow from a principal's name (AUTH J-10, J-11).

    A user's name stands for its federated sessions as well, which have other ARNs (AUTH E-4).
    """
    account = pattern.account
    facts = {"aws:PrincipalAccount": account} if account is not None else {}
    if pattern.form in (PrincipalForm.ROLE, PrincipalForm.FEDERATED_USER):
        facts["aws:PrincipalArn"] = str(pattern.arn)
    return facts


_OF_PRINCIPALS = ("aws:PrincipalAccount", "aws:PrincipalArn")


# Whether it matches at all


def absent_key(reading: Reading) -> Clause | None:
    """Return a clause that needs a key which none of the statement's actions carries."""
    if not reading.kms_actions:
        return None
    for clause in reading.clauses:
        if is_never_carried(reading, clause) and not clause.holds_without_key:
            return clause
    return None


def is_never_carried(reading: Reading, clause: Clause) -> bool:
    """Tell whether no action of a statement can carry the key of a clause."""
    if not reading.kms_actions or reading.carriers(clause) != frozenset():
        return False
    return reading.is_kms_only or clause.name.lower().startswith("kms:")


def never_matches(reading: Reading) -> bool:
    """Tell whether it is proved that a statement matches no request."""
    return bool(
        absent_key(reading) is not None
        or conflict(reading) is not None
        or excluded_principals(reading)
    )
