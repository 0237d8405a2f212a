"""The directory of a world: organizations, groups, users, roles, sessions and endpoints."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

from kms.directory import Account, Directory, Endpoint, Identity, Session
from kmsgate.scenario.fields import Fields, Item
from kmsgate.scenario.names import Named, Names
from kmsgate.scenario.policies import Policies, managed_policy
from policy import Arn, Level, PolicyKind
from policy.request import Values

ORGANIZATION_FIELDS = ("path", "scps", "rcps", "management")
GROUP_FIELDS = ("policies", "account")
ENDPOINT_FIELDS = ("policy", "vpc", "account")


@dataclass
class People:
    """Builds the directory from what has been named."""

    names: Names
    policies: Policies

    def directory(self, groups: dict[str, Item], endpoints: dict[str, Item]) -> Directory:
        """Return who exists, with the policies that hang on them."""
        built = Directory()
        for name, entry in self.names.of("accounts").items():
            built = built.with_account(self._account(name, entry))
        homes = {}
        for name, item in groups.items():
            fields = item.fields("a group", GROUP_FIELDS)
            homes[name] = self.names.account_of(fields)
            policies = self.policies.all_of(fields.get("policies"), PolicyKind.IDENTITY_POLICY)
            built = built.with_group(f"{homes[name]}/{name}", policies)
        for kind in ("user", "role"):
            for entry in self.names.of(f"{kind}s").values():
                built = built.with_identity(self._identity(kind, entry, homes))
        for entry in self.names.of("sessions").values():
            built = built.with_session(self._session(entry))
        for name, item in endpoints.items():
            built = built.with_endpoint(self._endpoint(name, item))
        return built

    # Accounts and the organization

    def _account(self, name: str, entry: Named) -> Account:
        account = Account(self.names.accounts[name], name)
        if "organization" not in entry.fields:
            return account
        item = entry.fields["organization"]
        fields = item.fields("an organization", ORGANIZATION_FIELDS)
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
        """Return what hangs at each level above an account, by what a file says of them.

        AUTH L-12: every level of SCPs that it leaves out has FullAWSAccess.
        """
        if item is None:
            return None
        targets = level_names(account)
        given = item.fields(f"the {kind}s", (*targets, "account"))
        found = []
        for target in targets:
            entry = given.get(target) or (given.get("account") if target == account.id else None)
            if entry is not None:
                policies = self.policies.all_of(entry, kind)
            else:
                policies = (
                    (managed_policy("FullAWSAccess", kind),) if kind is PolicyKind.SCP else ()
                )
            found.append(Level(target, policies))
        return tuple(found)

    # Identities

    def _identity(self, kind: str, entry: Named, homes: dict[str, str]) -> Identity:
        fields, identity = entry.fields, PolicyKind.IDENTITY_POLICY
        boundary = fields.get("boundary")
        return Identity(
            entry.arn,
            fields.text("unique_id") or _unique_id("AIDA" if kind == "user" else "AROA", entry.arn),
            self.policies.all_of(fields.get("policies"), identity),
            self.policies.one(boundary, identity) if boundary is not None else None,
            fields.texts("tags"),
            tuple(self._groups(fields, entry.account, homes)),
            fields.flag("service_linked"),
        )

    def _groups(self, fields: Fields, account: str, homes: dict[str, str]) -> Iterator[str]:
        for entry in fields.entries("groups"):
            text = entry.text("a group")
            if text is not None and text not in homes:
                entry.unknown("group", text, homes)
            elif text is not None and homes[text] != account:
                entry.complain(f"group '{text}' belongs to account '{homes[text]}'")
            elif text is not None:
                yield f"{account}/{text}"

    def _session(self, entry: Named) -> Session:
        fields = entry.fields
        facts: dict[str, Values] = {}
        if "mfa" in fields:
            facts["aws:MultiFactorAuthPresent"] = "true" if fields.flag("mfa") else "false"
        if "source_identity" in fields:
            facts["aws:SourceIdentity"] = fields.text("source_identity") or ""
        policies = None
        if "policies" in fields:
            policies = self.policies.all_of(fields["policies"], PolicyKind.IDENTITY_POLICY)
        issuer = self.names.issuer_of(fields)
        tags = fields.texts("tags")
        return Session(entry.arn, issuer, policies, tags, facts, fields.text("provider"))

    def _endpoint(self, name: str, item: Item) -> Endpoint:
        fields = item.fields("an endpoint", ENDPOINT_FIELDS)
        account = self.names.accounts[self.names.account_of(fields)]
        policy = None
        if "policy" in fields:
            policy = self.policies.one(fields["policy"], PolicyKind.ENDPOINT_POLICY)
        return Endpoint(name, account, fields.text("vpc"), policy)


def level_names(account: Account) -> tuple[str, ...]:
    """Return the levels of an organization from its root down to an account."""
    parts = [part for part in (account.path or "").split("/") if part]
    return (*parts[1:], account.id)


def _unique_id(prefix: str, arn: Arn) -> str:
    digest = hashlib.sha256(str(arn).encode()).hexdigest().upper()
    return f"{prefix}{digest[:17]}"
