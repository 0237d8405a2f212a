"""The keys and grants of a world, from text to state."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, replace

from kms import hazmat
from kms.directory import Directory
from kms.envelope import material_id
from kms.material import calendar, calendar_of_aws, without_material
from kms.model import (
    SPECS,
    SYMMETRIC_DEFAULT,
    Alias,
    AutomaticRotation,
    Key,
    KeyManager,
    KeyMaterial,
    KeyOrigin,
    KeyState,
    KeyUsage,
)
from kms.policy_checks import bound_ids
from kms.runtime import Entropy
from kms.settings import Settings
from kms.shapes import limits
from kms.state import State
from kmsgate.scenario import values
from kmsgate.scenario.fields import Fields, Item, short
from kmsgate.scenario.names import Named, Names
from kmsgate.scenario.policies import Policies
from policy import Arn, Grant, GrantConstraints, root_arn
from policy.arn import is_account_id
from policy.vocabulary import GRANT_OPERATIONS

GRANT_FIELDS = (
    "name", "key", "grantee", "operations", "equals", "subset", "source_arn", "retiring",
    "effective", "token",
)  # fmt: skip
ORIGINS = ("AWS_KMS", "EXTERNAL")
STATES = ("Enabled", "Disabled", "PendingDeletion", "PendingImport")
DELETION_WINDOW = dt.timedelta(days=30)
_ALIAS = re.compile(r"alias/[A-Za-z0-9/_-]{1,250}")


@dataclass
class Things:
    """Builds keys and grants from what has been named."""

    names: Names
    policies: Policies
    settings: Settings
    entropy: Entropy
    clock: dt.datetime

    # Keys

    def with_key(self, state: State, entry: Named) -> State:
        """Return the state with a key and its aliases."""
        fields, arn = entry.fields, entry.arn
        key = self._key(entry, state.directory)
        origin = fields.choice("origin", ORIGINS)
        if origin == "EXTERNAL":
            key = replace(key, origin=KeyOrigin.EXTERNAL)
        item = fields.get("state")
        word = item.choice("state", STATES) if item is not None else None
        if word == "PendingImport" and origin != "EXTERNAL" and item is not None:
            item.complain("only a key of origin EXTERNAL waits for an import")
            word = None
        default = "PendingImport" if origin == "EXTERNAL" else "Enabled"
        key = replace(key, rotation=self._calendar(fields, key))
        if (word or default) == "PendingImport":
            key = replace(key, materials=())  # never imported, which is more than gone
        state = state.with_key(in_state(key, KeyState(word or default), self.clock))
        for alias in fields.entries("aliases"):
            name = alias.text("an alias")
            if name is None:
                continue
            made = Alias(replace(arn, resource=name), str(arn), self.clock, self.clock)
            if not _ALIAS.fullmatch(name):
                alias.complain(f"'{short(name)}' is not an alias name", "write alias/payroll")
            elif str(made.arn) in state.aliases:
                alias.complain(f"'{name}' is taken already")
            else:
                state = state.with_alias(made)
        return state

    def _key(self, entry: Named, directory: Directory) -> Key:
        """Return a key that is switched on, with material."""
        fields, arn = entry.fields, entry.arn
        spec = fields.choice("spec", tuple(SPECS)) or SYMMETRIC_DEFAULT
        known = tuple(SPECS[spec])
        bad_spec = "spec" in fields and fields["spec"].text("spec") != spec
        usage = fields.choice("usage", tuple(KeyUsage) if bad_spec else known)
        text = self.policies.key_policy(fields.get("policy"), arn.account)
        try:
            material = self.entropy.material(spec)
        except hazmat.UnsupportedAlgorithm:
            fields["spec"].complain(f"the cryptography of this machine has no {spec}")
            material = b""
        return Key(
            arn,
            spec,
            KeyUsage(usage) if usage in known else known[0],
            KeyOrigin.AWS_KMS,
            KeyState.ENABLED,
            text,
            self.clock,
            (KeyMaterial(material_id(material, arn.name), material, self.clock),),
            bound_ids(text, directory),
            description=fields.text("description") or "",
            tags=tuple(fields.texts("tags").items()),
            manager=KeyManager(fields.choice("manager", tuple(KeyManager)) or "CUSTOMER"),
            multi_region=fields.flag("multi_region"),
        )

    def _calendar(self, fields: Fields, key: Key) -> AutomaticRotation | None:
        """Return how a key rotates by itself, if it does (CORE K-116, K-126)."""
        item, days = fields.get("rotation_days"), fields.integer("rotation_days")
        if key.manager is KeyManager.AWS:
            if item is not None:
                item.complain_name(
                    "nobody sets the rotation of a key of AWS", "see aws_managed_rotation_days"
                )
            return calendar_of_aws(self.settings, self.clock)
        if item is None or days is None:
            return None
        if not key.is_symmetric or key.origin is not KeyOrigin.AWS_KMS:
            item.complain_name("only symmetric keys whose material AWS makes rotate by themselves")
            return None
        least, most = limits("EnableKeyRotation", "RotationPeriodInDays")
        if not least <= days <= most:
            item.complain(f"rotation_days must be between {least:,} and {most:,}")
            return None
        return calendar(days, self.clock)

    # Grants

    def with_grant(self, state: State, item: Item) -> State:
        """Return the state with a grant; without a name it can only be found by listing."""
        fields = item.fields("a grant", GRANT_FIELDS)
        missing = [name for name in ("key", "grantee", "operations") if name not in fields]
        if missing:
            item.complain(f"a grant needs '{missing[0]}'")
            return state
        key_name = fields["key"].text("key")
        if key_name is not None and key_name not in self.names.keys:
            fields["key"].unknown("key", key_name, self.names.keys)
        grantee = self._principal(fields["grantee"])
        retiring = self._principal(fields["retiring"]) if "retiring" in fields else None
        entries = fields["operations"].items("operations")
        fields["operations"].check_filled("operations")
        operations = [entry.choice("an operation", sorted(GRANT_OPERATIONS)) for entry in entries]
        if key_name not in self.names.keys or grantee is None:
            return state
        key, grant_id = self.names.keys[key_name], self.entropy.random_bytes(32).hex()
        token = self._token(fields, state)
        grant = Grant(
            id=grant_id,
            key_arn=str(key),
            grantee_principal=grantee,
            operations=frozenset(name for name in operations if name is not None),
            constraints=GrantConstraints(
                fields.texts("equals") or None,
                fields.texts("subset") or None,
                fields.text("source_arn"),
            ),
            retiring_principal=retiring,
            name=fields.text("name"),
            issuing_account=str(root_arn(key.account)),
            created_at=self.clock,
            effective_at=self._effective(fields),
            tokens=frozenset({token}),
            grantee_id=state.directory.unique_id(grantee),
            retiring_id=state.directory.unique_id(retiring) if retiring is not None else None,
        )
        if grant.name is not None:
            if grant.name in self.names.grants:
                fields["name"].complain(f"two grants are called '{short(grant.name)}'")
            self.names.add_grant(grant.name, grant_id, token)
        return state.with_grant(grant)

    def _token(self, fields: Fields, state: State) -> str:
        made, written = self.entropy.random_bytes(48).hex(), fields.text("token")
        if written is not None and (not written or written in state.tokens):
            fields["token"].complain("each grant needs a token of its own")
        return written or made

    def _effective(self, fields: Fields) -> dt.datetime | None:
        """Return when a grant begins to work; None means that it always has (AUTH N-30)."""
        if "effective" not in fields:
            return self.clock + self.settings.grant_delay
        word = fields.text("effective")
        at = values.read_time(word) if word is not None else None
        if word not in (None, "now") and at is None:
            fields["effective"].complain(f"'{word}' is neither 'now' nor a time")
        return at

    def _principal(self, item: Item) -> str | None:
        """Return the ARN of a short name; ARNs and account ids stand for themselves."""
        name = values.reference(item.node)
        if name is not None:
            fact = self.names.facts.get(name)
            if not isinstance(fact, str):
                item.complain(f"${short(name)} is no fact of this world")
                return None
            return fact
        text = item.text("a principal")
        if text is None or Arn.parse(text) is not None or is_account_id(text):
            return text
        known = {n: arn for n, arn in self.names.arns.items() if arn.service != "kms"}
        if text not in known:
            item.unknown("identity", text, [name for name in known if "/" not in name])
            return None
        return str(known[text])


def in_state(key: Key, state: KeyState, now: dt.datetime) -> Key:
    """Return a key at another stage of its life, with all that belongs to it."""
    if state is KeyState.PENDING_IMPORT:
        for material in key.materials:
            key = without_material(key, material.id)
    return replace(
        key,
        state=state,
        deletion_at=now + DELETION_WINDOW if state is KeyState.PENDING_DELETION else None,
    )
