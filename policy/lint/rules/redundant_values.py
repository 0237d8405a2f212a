"""Values of conditions that say what others of their list say already (AUTH F-3, F-4)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from decimal import Decimal

from policy.errors import Note
from policy.lint.cover import covered, repeated
from policy.lint.parts import Clause
from policy.lint.proofs import Network, read_network
from policy.lint.repairs import without_items
from policy.lint.rule import Fix, Hit, Severity, rule
from policy.lint.subject import Subject, short
from policy.operators import Family, read_date, read_number


@rule("KG322", "redundant-condition-value", Severity.SUGGESTION, Fix.SAFE)
def redundant_condition_value(subject: Subject) -> Iterator[Hit]:
    """A value of a condition is listed twice, or another value of the list includes it.

    ## Why it matters
    As with actions: a list that says everything once can be reviewed.

    ## Example
    ```json
    {"StringLike": {"kms:ViaService": ["s3.*.amazonaws.com", "s3.eu-west-1.amazonaws.com"]}}
    ```

    ## Use instead
    ```json
    {"StringLike": {"kms:ViaService": "s3.*.amazonaws.com"}}
    ```

    ## Sources
    - Access Analyzer policy check reference
    """
    for reading in subject.readings:
        for clause in reading.clauses:
            if len(clause.values) < 2:
                continue
            found = list(_dominated(clause))
            edits = without_items(clause.nodes, {at for at, _ in found})
            for at, by in found:
                value, other = clause.values[at], clause.values[by]
                yield Hit(
                    value.span,
                    f"value '{short(value.text)}' is covered by '{short(other.text)}'",
                    notes=(Note("the other value", other.span),),
                    edits=edits[at],
                )


def _dominated(clause: Clause) -> Iterator[tuple[int, int]]:
    """Return the places of values that say nothing, each with the place of one that says it."""
    base, places = clause.operator.base, range(len(clause.values))
    if base.family is Family.STRING and base.wildcards:
        for found in covered(places, lambda at: clause.values[at].pattern):
            yield found.entry, found.other
        return
    if base.family is Family.IP:
        yield from _contained(clause)
        return
    keep = _EXTREMES.get(base.name.removeprefix(base.family))
    if keep is not None:
        yield from _beyond(clause, largest=keep == "largest")
        return
    for found in repeated(places, lambda at: _compared(clause, at)):
        yield found.entry, found.other


_EXTREMES = {
    "LessThan": "largest",
    "LessThanEquals": "largest",
    "GreaterThan": "smallest",
    "GreaterThanEquals": "smallest",
}


def _compared(clause: Clause, at: int) -> str:
    text, base = clause.values[at].text, clause.operator.base
    if base.family is Family.BOOL or base.name.endswith("IgnoreCase"):
        return text.lower()
    return text


def _beyond(clause: Clause, *, largest: bool) -> Iterator[tuple[int, int]]:
    read = read_date if clause.family is Family.DATE else read_number
    found = [(read(value.text), at) for at, value in enumerate(clause.values)]
    numbers: list[tuple[Decimal, int]] = [(n, at) for n, at in found if n is not None]
    if len(numbers) < 2:
        return
    sign = -1 if largest else 1
    _, kept = min(numbers, key=lambda pair: (sign * pair[0], pair[1]))
    yield from ((at, kept) for _, at in numbers if at != kept)


def _contained(clause: Clause) -> Iterator[tuple[int, int]]:
    """Sort ranges so that each comes after those it may lie in, and look at the last such one."""
    networks: list[tuple[Network, int]] = []
    for at, value in enumerate(clause.values):
        network = read_network(value.text)
        if network is not None:
            networks.append((network, at))
    networks.sort(
        key=lambda pair: (
            pair[0].version, int(pair[0].network_address), pair[0].prefixlen, pair[1]
        )
    )  # fmt: skip
    outer: tuple[Network, int] | None = None
    for network, at in networks:
        if outer is not None and _lies_in(network, outer[0]):
            yield at, outer[1]
        else:
            outer = network, at


def _lies_in(network: Network, outer: Network) -> bool:
    if isinstance(network, ipaddress.IPv4Network):
        return isinstance(outer, ipaddress.IPv4Network) and network.subnet_of(outer)
    return isinstance(outer, ipaddress.IPv6Network) and network.subnet_of(outer)
