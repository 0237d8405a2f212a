"""The directory of a world: organizations, groups, users, roles, sessions and endpoints."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from kms.directory import (
    AccessKey,
    Account,
    Directory,
    Endpoint,
    Identity,
    Session,
    is_access_key_id,
    is_secret,
)
from kmsgate.scenario.fields import Fields, Item, listed
from kmsgate.scenario.names import Named, Names
from kmsgate.scenario.organizations import Organizations
from kmsgate.scenario.policies import Policies
from policy import Arn, PolicyKind
from policy.request import Values
from policy.tree import String

GROUP_FIELDS = ("policies", "account")
ENDPOINT_FIELDS = ("policy", "vpc", "account")


@dataclass
class People:
    """Builds the directory from what has been named."""

    names: Names
    policies: Policies

    def directory(
        self, organizations: dict[str, Item], groups: dict[str, Item], endpoints: dict[str, Item]
    ) -> Directory:
        """Return who exists, with the policies that hang on them."""
        built = Directory()
        known = Organizations(organizations, self.policies)
        for name, entry in self.names.of("accounts").items():
            built = built.with_account(self._account(name, entry, known))
        known.check(built.accounts.values())
        for details in self.names.details.values():
            for group, policies in details.groups.items():
                built = built.with_group(group, policies)
            for identity in details.identities.values():
                built = built.with_identity(identity)
        for name, item in groups.items():
            fields = item.fields("a group", GROUP_FIELDS)
            home = self.names.account_of(fields)
            policies = self.policies.all_of(fields.get("policies"), PolicyKind.IDENTITY_POLICY)
            built = built.with_group(f"{home}/{name}", policies)
        for kind in ("user", "role"):
            for entry in self.names.of(f"{kind}s").values():
                built = built.with_identity(self._identity(kind, entry, built))
        for entry in self.names.of("sessions").values():
            built = built.with_session(self._session(entry))
        for name, item in endpoints.items():
            built = built.with_endpoint(self._endpoint(name, item))
        return built

    def _account(self, name: str, entry: Named, organizations: Organizations) -> Account:
        account = Account(self.names.accounts[name], name)
        if "organization" not in entry.fields:
            return account
        return organizations.placed(account, entry.fields["organization"])

    # Identities

    def _identity(self, kind: str, entry: Named, built: Directory) -> Identity:
        fields, identity = entry.fields, PolicyKind.IDENTITY_POLICY
        boundary = fields.get("boundary")
        keys, trust = fields.get("access_keys"), fields.get("trust")
        return Identity(
            entry.arn,
            fields.text("unique_id") or _unique_id("AIDA" if kind == "user" else "AROA", entry.arn),
            self.policies.all_of(fields.get("policies"), identity),
            self.policies.one(boundary, identity) if boundary is not None else None,
            fields.texts("tags"),
            tuple(self._groups(fields, entry.account, built)),
            fields.flag("service_linked"),
            tuple(_access_keys(keys, built)) if keys is not None else (),
            self.policies.trust(trust) if trust is not None else None,
        )

    def _groups(self, fields: Fields, account: str, built: Directory) -> Iterator[str]:
        homes: dict[str, list[str]] = {}
        for known in built.groups if "groups" in fields else ():
            home, _, name = known.partition("/")
            homes.setdefault(name, []).append(home)
        for entry in fields.entries("groups"):
            text = entry.text("a group")
            if text is not None and text not in homes:
                entry.unknown("group", text, homes)
            elif text is not None and account not in homes[text]:
                entry.complain(f"group '{text}' belongs to account '{listed(homes[text])}'")
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
        issuer = self.names.issuer_of(entry.arn)
        tags = fields.texts("tags")
        return Session(entry.arn, issuer, policies, tags, facts, fields.text("provider"))

    def _endpoint(self, name: str, item: Item) -> Endpoint:
        fields = item.fields("an endpoint", ENDPOINT_FIELDS)
        account = self.names.accounts[self.names.account_of(fields)]
        policy = None
        if "policy" in fields:
            policy = self.policies.one(fields["policy"], PolicyKind.ENDPOINT_POLICY)
        return Endpoint(name, account, fields.text("vpc"), policy)


def _access_keys(item: Item, built: Directory) -> Iterator[AccessKey]:
    """Yield the access keys of a user; no complaint says what could be a secret (CORE K-202)."""
    item.source.hide(item.node.span)
    for key_id, entry in item.fields("the access keys").items():
        secret = entry.node.value if isinstance(entry.node, String) else ""
        if not is_access_key_id(key_id):
            entry.complain_name(
                "this is not the id of an access key",
                "write AKIA and 16 more of the letters A to Z and the digits 2 to 7",
            )
        elif not is_secret(secret):
            entry.complain(
                "this is not a secret access key", "write 40 letters, digits, '+' and '/'"
            )
        elif built.access_key(key_id) is not None:
            entry.complain_name(f"another user has the access key {key_id}")
        else:
            yield AccessKey(key_id, secret.encode())


def _unique_id(prefix: str, arn: Arn) -> str:
    digest = hashlib.sha256(str(arn).encode()).hexdigest().upper()
    return f"{prefix}{digest[:17]}"
