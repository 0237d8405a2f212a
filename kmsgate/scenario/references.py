"""The `$name`s that a step may use, and what is said about those that stand for nothing."""

from __future__ import annotations

from collections.abc import Mapping

from kmsgate.scenario import values
from kmsgate.scenario.fields import Item, meant, short
from policy.tree import Array, Object


class References:
    """Facts of the world, the values of `each`, and what the steps so far have saved."""

    def __init__(self, facts: Mapping[str, object], bindings: Mapping[str, str]) -> None:
        self.bindings = bindings
        self._facts = facts
        self._saved: dict[str, Item] = {}
        self._unset: list[tuple[Item, str]] = []

    def save(self, name: str, item: Item) -> None:
        """Remember that a step saves a value under a name."""
        if not values.is_name(name):
            item.complain_name(f"'{short(name)}' cannot be the name of a value", "as in $blob_2")
        self._saved.setdefault(name, item)

    def check(self, item: Item) -> None:
        """Remember every `$name` in here that stands for nothing yet."""
        name = values.reference(item.node)
        if name is not None:
            if not self.is_known(name):
                self._unset.append((item, name))
        elif isinstance(item.node, Object):
            for entry in item.fields("an object").values():
                self.check(entry)
        elif isinstance(item.node, Array):
            for entry in item.items("a list"):
                self.check(entry)

    def is_known(self, name: str) -> bool:
        """Tell whether a `$name` stands for something by now."""
        return name == "now" or name in self._saved or self.is_fixed(name)

    def is_fixed(self, name: str) -> bool:
        """Tell whether a `$name` stands for the same text throughout the test."""
        return name in self.bindings or name in self._facts

    def report(self) -> None:
        """Complain about the names that were used too early, or stand for nothing at all."""
        known = [*self._saved, *self.bindings, *self._facts, "now"]
        for item, name in self._unset:
            message, saved = f"${short(name)} is not saved before this step", self._saved.get(name)
            if saved is not None:
                item.complain(message, notes=(saved.far_note("saved here, later"),))
            else:
                help = meant(name, known)
                item.complain(message, help.replace("'", "'$", 1) if help else None)
