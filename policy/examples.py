"""Requests that a condition would judge otherwise: one value of one key is changed.

These are guesses, made from the values that the policy lists. Whoever uses one decides again.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice

from policy.model import Condition
from policy.operators import Comparison, Family, SetOperator, read_date, read_number
from policy.pattern import Pattern, Wildcard
from policy.request import Context, Request, Values, caller_facts
from policy.vocabulary import ENCRYPTION_CONTEXT, is_multivalued

MAX_VALUES = 3
"""So many of the listed values are turned into examples."""

_PAIR_NAMES = "kms:encryptioncontextkeys"
_FIXED_NAMES = """aws:principalarn aws:principalaccount aws:principaltype aws:principalorgid
    aws:principalorgpaths aws:principalisawsservice aws:principalservicename
    aws:principalservicenameslist aws:userid aws:username aws:federatedprovider
    aws:resourceaccount aws:resourceorgid aws:resourceorgpaths kms:calleraccount kms:keyspec
    kms:keyusage kms:keyorigin kms:multiregion kms:multiregionkeytype kms:primaryregion
    kms:customermasterkeyspec kms:customermasterkeyusage"""
_FIXED = frozenset(_FIXED_NAMES.split())
"""What no other request of the same caller on the same resource can change."""


@dataclass(frozen=True, slots=True)
class Example:
    """A changed context, and the change as something to do."""

    context: Context
    change: str


def is_fixed(key: str) -> bool:
    """Tell whether every request of one caller on one resource has the same value of a key."""
    return key.lower() in _FIXED


def known_facts(request: Request) -> Context:
    """Return the context with what follows from the caller: what policy variables may name."""
    return request.context.with_defaults(caller_facts(request.principal))


def examples(
    condition: Condition, context: Context, *, holds: bool, known: Context | None = None
) -> Iterator[Example]:
    """Yield contexts for which a condition should hold, or should not hold.

    Policy variables take their values from `known`, which is the context unless said otherwise.
    """
    key = condition.key
    for text, value in _values(condition, context, known or context, holds=holds):
        yield Example(_changed(context, key, value), _phrase(key, text, value))


def with_pairs(context: Context, pairs: Mapping[str, str]) -> Context:
    """Return a context with this encryption context, its list of names kept in step."""
    changes: dict[str, Values | None] = {
        name: None for name in context if name.lower().startswith(ENCRYPTION_CONTEXT)
    }
    changes |= {f"kms:EncryptionContext:{name}": value for name, value in pairs.items()}
    if _PAIR_NAMES in context:
        changes["kms:EncryptionContextKeys"] = tuple(pairs)
    return context.replaced(changes)


def _changed(context: Context, key: str, value: Values | None) -> Context:
    pairs = context.encryption_context
    if key.lower() == _PAIR_NAMES:
        names = value if isinstance(value, tuple) else ()
        changed = with_pairs(context, {name: pairs.get(name, "x") for name in names})
        return changed.replaced({key: value})
    if not key.lower().startswith(ENCRYPTION_CONTEXT):
        return context.replaced({key: value})
    name = key[len(ENCRYPTION_CONTEXT) :]
    pairs = {k: v for k, v in pairs.items() if k.lower() != name.lower()}
    if isinstance(value, str):
        pairs[name] = value
    return with_pairs(context, pairs)


# Values


def _values(
    condition: Condition, context: Context, known: Context, *, holds: bool
) -> Iterator[tuple[str, Values | None]]:
    """Yield values of the key, each with the text that it stands for; None is no value."""
    operator, present = condition.operator, known.get(condition.key)
    if operator.base.family is Family.NULL:
        yield from _presence(condition, holds=holds)
        return
    should_match = holds != operator.base.negated
    many = operator.set_operator is not None and (
        isinstance(present, tuple) or is_multivalued(condition.key)
    )
    for text, value in islice(_listed(condition, known, should_match), MAX_VALUES):
        yield text, (value,) if many else value
    if present is not None and not (holds and operator.set_operator is SetOperator.ANY):
        yield "", None


def _presence(condition: Condition, *, holds: bool) -> Iterator[tuple[str, Values | None]]:
    """AUTH F-7."""
    wants_absent = {value.text.lower() == "true" for value in condition.values}
    if len(wants_absent) == 1:
        is_absent = wants_absent.pop() is holds
        multivalued = is_multivalued(condition.key)
        yield ("", None) if is_absent else ("any value", ("x",) if multivalued else "x")


def _listed(condition: Condition, known: Context, should_match: bool) -> Iterator[tuple[str, str]]:
    base = condition.operator.base
    for value in condition.values:
        expanded = value.pattern.expand(known.single)
        if expanded is None:
            continue
        found = _matching(base, expanded) if should_match else _other(base, expanded)
        if found is not None:
            shown = found if base.family is Family.BOOL else _written(expanded)
            is_clear = should_match or base.family is Family.BOOL
            yield (shown if is_clear else f"another value than {shown}"), found


def _matching(base: Comparison, pattern: Pattern) -> str | None:
    """Return a value that compares as true."""
    text = "".join(part if isinstance(part, str) else "x" for part in pattern.parts)
    if base.family in (Family.NUMERIC, Family.DATE):
        return _number(base, text, _STEPS[_order(base)][0])
    if base.family is Family.IP:
        network = _network(text)
        return str(network[min(1, network.num_addresses - 1)]) if network is not None else None
    return text


def _other(base: Comparison, pattern: Pattern) -> str | None:
    """Return a value that compares as false."""
    text = "".join(str(part) for part in pattern.parts if isinstance(part, str))
    if base.family is Family.BOOL:
        return "false" if text.lower() == "true" else "true"
    if base.family in (Family.NUMERIC, Family.DATE):
        return _number(base, text, _STEPS[_order(base)][1])
    if base.family is Family.IP:
        network = _network(text)
        last = int(network.broadcast_address) if network is not None else -1
        outside = network is not None and last + 1 < 2**network.max_prefixlen
        return str(type(network.network_address)(last + 1)) if network and outside else None
    if base.family is Family.ARN:
        return "arn:aws:other:::other"
    return "other" if base.family is Family.STRING else None


def _written(pattern: Pattern) -> str:
    signs = (part.value if isinstance(part, Wildcard) else str(part) for part in pattern.parts)
    return "".join(signs)


_STEPS = {
    "Equals": (0, 1),
    "LessThan": (-1, 0),
    "LessThanEquals": (0, 1),
    "GreaterThan": (1, 0),
    "GreaterThanEquals": (0, -1),
}
"""How far from the listed number a value lies that compares as true, and one that does not."""


def _order(base: Comparison) -> str:
    return base.name.removeprefix(base.family.value).removeprefix("Not")


def _number(base: Comparison, text: str, step: int) -> str | None:
    read = read_date if base.family is Family.DATE else read_number
    number = read(text)
    if number is None:
        return None
    return instant(number + step) if base.family is Family.DATE else str(number + step)


def instant(seconds: Decimal) -> str | None:
    try:
        at = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=int(seconds))
    except OverflowError:
        return None
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


# Words

_PHRASES = {
    "aws:sourcevpce": "send the request through {}",
    "aws:sourcevpc": "send the request from {}",
    "aws:sourceip": "send the request from {}",
    "aws:vpcsourceip": "send the request from {}",
    "aws:currenttime": "send the request at {}",
    "kms:viaservice": "let {} send the request",
    "aws:multifactorauthpresent": "sign in with MFA = {}",
    "aws:securetransport": "send the request with TLS = {}",
    _PAIR_NAMES: "send an encryption context with the names {}",
}
_FAMILIES = {
    ENCRYPTION_CONTEXT: "send the encryption context {name} = {}",
    "aws:principaltag/": "tag the caller {name} = {}",
    "aws:resourcetag/": "tag the key {name} = {}",
}


def _phrase(key: str, text: str, value: Values | None) -> str:
    """Say in words how a request gets this value."""
    folded = key.lower()
    if value is None:
        if folded.startswith(ENCRYPTION_CONTEXT):
            return f"leave {key[len(ENCRYPTION_CONTEXT) :]} out of the encryption context"
        return f"send the request without {key}"
    for prefix, phrase in _FAMILIES.items():
        if folded.startswith(prefix):
            return phrase.format(text, name=key[len(prefix) :])
    return _PHRASES.get(folded, "send the request with {key} = {}").format(text, key=key)
