"""Values of one condition key that fall on every side of everything it is compared with.

Whoever tries them all, and the key's absence, has tried every value there is: two values that
agree in all comparisons are the same to a policy. Where that cannot be promised, it is said.
"""

from __future__ import annotations

import ipaddress
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from policy.examples import instant
from policy.model import Condition
from policy.operators import Family, read_date, read_number
from policy.pattern import Lookup, Pattern, Wildcard

_OTHERS = ("other", "0", "~", "arn:aws:other:::other")
_SIGNS = "xqzjkvw0123456789abcdefghilmnoprstuy-_.~^"
_ADDRESSES = ("0.0.0.0", "::")  # noqa: S104 - compared, not listened on


@dataclass(frozen=True, slots=True)
class Samples:
    """Values to try. `complete` says that no other value would be judged in another way."""

    values: tuple[str, ...]
    complete: bool


def samples(conditions: Iterable[Condition], lookup: Lookup) -> Samples:
    """Return values for the one key of all these conditions; `lookup` finds policy variables.

    They are complete but for keys that are compared as values of several types, for variables
    that have no value by now, and for several patterns of which none contains the other.
    """
    families: dict[Family, list[Pattern]] = {}
    found: list[str] = []
    complete = True
    for condition in conditions:
        family = condition.operator.base.family
        if family is Family.NULL:
            continue
        patterns = families.setdefault(family, [])
        for value in condition.values:
            expanded = value.pattern.expand(lookup)
            if expanded is None:
                complete = False
                continue
            patterns.append(expanded)
            if "IgnoreCase" in condition.operator.base.name:
                found.append(_filled(expanded).swapcase())
    for family, patterns in families.items():
        found += _of(family, patterns)
        complete = complete and _is_divided(family, patterns)
    return Samples(tuple(dict.fromkeys([*found, *_OTHERS])), complete and len(families) <= 1)


def _of(family: Family, patterns: Sequence[Pattern]) -> Iterator[str]:
    texts = ["".join(p for p in pattern.parts if isinstance(p, str)) for pattern in patterns]
    if family is Family.BOOL:
        yield from ("true", "false")
    elif family is Family.NUMERIC:
        yield from map(str, _around(sorted({n for n in map(read_number, texts) if n is not None})))
    elif family is Family.DATE:
        for second in (n for n in map(read_date, texts) if n is not None):
            yield from filter(None, map(instant, (second - 1, second, second + 1)))
    elif family is Family.IP:
        yield from _ADDRESSES
        for text in texts:
            yield from _borders(text)
    else:
        fresh = _fresh(texts)
        yield from (_filled(pattern, fresh) for pattern in patterns)


def _around(numbers: Sequence[Decimal]) -> Iterator[Decimal]:
    """Yield sorted numbers, one between each two of them, one below and one above all."""
    if numbers:
        yield from (numbers[0] - 1, *numbers, numbers[-1] + 1)
        yield from ((low + high) / 2 for low, high in itertools.pairwise(numbers))


def _borders(text: str) -> Iterator[str]:
    """Yield the first address of a network, and the first one behind it."""
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return
    behind = int(network.broadcast_address) + 1
    yield str(network.network_address)
    if behind < 2**network.max_prefixlen:
        yield str(type(network.network_address)(behind))


def _filled(pattern: Pattern, sign: str = "x") -> str:
    """Return a text that a pattern matches, with a sign for each of its wildcards."""
    return "".join(sign if isinstance(part, Wildcard) else str(part) for part in pattern.parts)


def _fresh(texts: Sequence[str]) -> str:
    """Return a sign that stands in none of these texts.

    What it fills is none of the texts, nor does it begin as a longer pattern does.
    """
    used = set("".join(texts).lower())
    return next((sign for sign in _SIGNS if sign not in used), "x")


def _is_divided(family: Family, patterns: Sequence[Pattern]) -> bool:
    """Tell whether every combination of these patterns that a text can match has a sample.

    So it is with one pattern, and with beginnings (`a*`), which contain or exclude each other.
    """
    if family is Family.DATE:
        seconds = (read_date(_filled(pattern)) for pattern in patterns)
        return all(second is None or second == int(second) for second in seconds)
    wild = {pattern.parts for pattern in patterns if pattern.has_wildcard}
    return len(wild) <= 1 or all(
        parts[-1:] == (Wildcard.ANY,) and all(isinstance(part, str) for part in parts[:-1])
        for parts in wild
    )
