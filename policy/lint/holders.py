"""Who is given what by all Allow statements of a document together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from policy.lint.duties import CRYPTOGRAPHIC
from policy.lint.meaning import Meaning, Said
from policy.lint.subject import short
from policy.model import PrincipalForm, PrincipalPattern
from policy.source import Span

IDENTITY = "this identity"
"""How messages call who has an identity policy."""

_NOT_PEOPLE = frozenset(
    {PrincipalForm.EVERYONE, PrincipalForm.SERVICE, PrincipalForm.INVALID, PrincipalForm.PROVIDER}
)


@dataclass(frozen=True, slots=True)
class Gift:
    """What one statement gives to a holder; `place` is where it names the holder, if it does."""

    said: Said
    actions: frozenset[str]
    place: Span | None


@dataclass(frozen=True, slots=True)
class Holder:
    """An identity, or another account, and all that it is given."""

    name: str
    gifts: tuple[Gift, ...]

    @property
    def uses(self) -> tuple[Gift, ...]:
        """The gifts with which the key can be used."""
        return tuple(gift for gift in self.gifts if gift.actions & CRYPTOGRAPHIC)

    def uses_key_of(self, gift: Gift) -> bool:
        """Tell whether the holder can also use a key that a gift is about."""
        return any(is_about_same_key(gift.said, other.said) for other in self.uses)


@lru_cache(maxsize=4)
def holders(meaning: Meaning) -> tuple[Holder, ...]:
    """Return everybody whom Allow statements of a document give something, in order.

    Without the account that owns the key, services and everybody; without what a Deny takes away
    for certain; and without statements that give all of KMS, which are another rule's matter.
    """
    gifts: dict[str, list[Gift]] = {}
    for said in meaning.allows:
        if not said.is_about_everything:
            for name, place in _named(said, meaning.account):
                actions = said.actions - _denied(meaning, name)
                gifts.setdefault(name, []).append(Gift(said, actions, place))
    return tuple(Holder(name, tuple(given)) for name, given in gifts.items())


def people(said: Said, account: str | None) -> tuple[str, ...]:
    """Return whom a statement names besides the account that owns the key, as messages do."""
    return tuple(short(name, 100) for name, _ in _named(said, account))


def is_about_same_key(one: Said, other: Said) -> bool:
    """Tell whether two statements are about one key at least, for certain."""
    resources = one.model.resource, other.model.resource
    if one is other or any(each is None for each in resources):
        return one is other
    texts = [
        {entry.text for entry in each.patterns} for each in resources if each and not each.negated
    ]
    return len(texts) == 2 and ("*" in texts[0] | texts[1] or not texts[0].isdisjoint(texts[1]))


def _named(said: Said, account: str | None) -> Iterator[tuple[str, Span | None]]:
    if said.model.principal is None:
        yield IDENTITY, None
    for each in said.principals:
        if each.form not in _NOT_PEOPLE and not _is_owner(each, account):
            yield each.text, each.span


def _is_owner(each: PrincipalPattern, account: str | None) -> bool:
    return each.form is PrincipalForm.ACCOUNT and each.account == account


def _denied(meaning: Meaning, name: str) -> frozenset[str]:
    """Return what is denied to a holder under all circumstances."""
    found = frozenset[str]()
    for said in meaning.denies:
        resource = said.model.resource
        is_certain = not said.conditions and resource is not None and not resource.negated
        if is_certain and resource is not None and any(r.text == "*" for r in resource.patterns):
            named = any(each.text == name for each in said.principals)
            if named or said.is_for_everyone:
                found |= said.actions
    return found
