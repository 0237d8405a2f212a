"""Organizations of a world: which policies hang at the levels above an account.

They are written once for all accounts, under `organizations`, or with a single account.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from kms.directory import Account
from kmsgate.scenario.fields import Fields, Item, listed, meant, short
from kmsgate.scenario.policies import Policies, managed_policy
from policy import Level, PolicyKind

PLACE_FIELDS = ("path", "scps", "rcps", "management")
ORGANIZATION_FIELDS = ("levels",)
LEVEL_FIELDS = ("scps", "rcps")
_FIELD = {PolicyKind.SCP: "scps", PolicyKind.RCP: "rcps"}


class Organizations:
    """What a world says of organizations; `items` are the entries of that section by id."""

    def __init__(self, items: Mapping[str, Item], policies: Policies) -> None:
        self.policies = policies
        self._items = items
        self._levels: dict[str, Fields] = {}
        self._shared: dict[str, dict[str, Fields]] = {}
        for name, item in items.items():
            fields = item.fields("an organization", ORGANIZATION_FIELDS)
            levels = fields["levels"].fields("the levels") if "levels" in fields else Fields()
            self._levels[name] = levels
            self._shared[name] = {
                target: level.fields("a level", LEVEL_FIELDS) for target, level in levels.items()
            }

    def placed(self, account: Account, item: Item) -> Account:
        """Return an account at the place that its own field `organization` tells."""
        fields = item.fields("an organization", PLACE_FIELDS)
        parts = [part for part in (fields.text("path") or "").split("/") if part]
        if len(parts) < 2 or not parts[0].startswith("o-"):
            item.complain(
                "an organization needs a path", "write path: o-a1b2c3d4e5/r-ab12/ou-ab12-prod"
            )
            return account
        account = replace(account, organization=parts[0], path="/".join(parts) + "/")
        scps = self.levels(fields.get("scps"), account, PolicyKind.SCP)
        rcps = self.levels(fields.get("rcps"), account, PolicyKind.RCP)
        if fields.flag("management"):  # AUTH L-1, L-2
            return account
        return replace(account, scps=scps, rcps=rcps)

    def levels(
        self, item: Item | None, account: Account, kind: PolicyKind
    ) -> tuple[Level, ...] | None:
        """Return what hangs at each level above an account; None where nothing is said of any.

        `item` is what is written with the account itself. A level is told in one place only.
        AUTH L-12: every level of SCPs that is left out has FullAWSAccess.
        """
        shared = self._shared.get(account.organization or "", {})
        if item is None and not any(_FIELD[kind] in level for level in shared.values()):
            return None
        targets = level_names(account)
        known = (*targets, "account")
        own = item.fields(f"the {kind}s", known) if item is not None else Fields()
        found = []
        for target in targets:
            entry = own.get(target) or (own.get("account") if target == account.id else None)
            common = shared.get(target, Fields()).get(_FIELD[kind])
            if entry is not None and common is not None:
                entry.complain_name(
                    f"the {kind}s of '{short(target)}' are defined twice",
                    notes=(common.far_note("first here"),),
                )
            chosen = entry or common
            if chosen is not None:
                policies = self.policies.all_of(chosen, kind)
            else:
                policies = (
                    (managed_policy("FullAWSAccess", kind),) if kind is PolicyKind.SCP else ()
                )
            found.append(Level(target, policies))
        return tuple(found)

    def check(self, accounts: Collection[Account]) -> None:
        """Complain about organizations and levels that no account is in: their policies are lost.

        A slip of the pen would take a guardrail away without a word.
        """
        for name, item in self._items.items():
            members = [account for account in accounts if account.organization == name]
            if not members:
                ids = {a.organization for a in accounts if a.organization is not None}
                item.complain_name(f"no account is in '{short(name)}'", meant(name, ids))
                continue
            known = {target for account in members for target in level_names(account)}
            for target, level in self._levels[name].items():
                if target not in known:
                    level.complain_name(
                        f"no account is below '{short(target)}'; known: {listed(known)}",
                        meant(target, known),
                    )


def level_names(account: Account) -> tuple[str, ...]:
    """Return the levels of an organization from its root down to an account."""
    parts = [part for part in (account.path or "").split("/") if part]
    return (*parts[1:], account.id)
