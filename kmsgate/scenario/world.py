"""The `world` of a scenario: accounts, identities, keys and grants, from text to state.

Sections of several files, and of a test's `given`, are laid over each other by name; the result
is built in one go, and every mistake in it is reported at its place.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from kms.directory import (
    ANONYMOUS,
    Account,
    Directory,
    Endpoint,
    Identity,
    Session,
    service_principal,
)
from kms.envelope import material_id
from kms.model import (
    SPECS,
    SYMMETRIC_DEFAULT,
    Alias,
    Key,
    KeyMaterial,
    KeyOrigin,
    KeyState,
    KeyUsage,
)
from kms.policy_checks import bound_ids, default_policy
from kms.runtime import Entropy, SeededEntropy
from kms.settings import Settings
from kms.state import State
from kmsgate.scenario import values
from kmsgate.scenario.fields import Complaints, Item
from kmsgate.scenario.json_text import json_text
from policy import (
    Arn,
    Grant,
    GrantConstraints,
    Level,
    Policy,
    PolicyError,
    PolicyKind,
    Principal,
    parse,
    root_arn,
)
from policy.arn import is_account_id
from policy.reader import decode, policy_from_tree, read
from policy.request import Values
from policy.spelling import closest
from policy.tree import Object, String
from policy.vocabulary import GRANT_OPERATIONS

NAMED = ("accounts", "policies", "groups", "users", "roles", "sessions", "endpoints", "keys")
SECTIONS = ("clock", "region", "grants", *NAMED)
SESSION_NAME = "session"
DEFAULT_REGION = "us-east-1"
DEFAULT_CLOCK = dt.datetime(2026, 1, 5, 9, 0, tzinfo=dt.UTC)

_ANYTHING = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"%s","Resource":"*"}]}'
MANAGED = {
    "FullAWSAccess": _ANYTHING % "*",
    "AdministratorAccess": _ANYTHING % "*",
    "AWSKeyManagementServicePowerUser": (
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["kms:CreateAlias",'
        '"kms:CreateKey","kms:DeleteAlias","kms:Describe*","kms:GenerateRandom","kms:Get*",'
        '"kms:List*","kms:TagResource","kms:UntagResource","iam:ListGroups","iam:ListRoles",'
        '"iam:ListUsers"],"Resource":"*"}]}'
    ),
}
"""Policies of AWS that a world may name."""


@dataclass(frozen=True)
class Sections:
    """What one or more files say of a world: the last word on every name, and all grants."""

    single: Mapping[str, Item] = field(default_factory=dict)
    named: Mapping[str, Mapping[str, Item]] = field(default_factory=dict)
    grants: tuple[Item, ...] = ()

    @classmethod
    def read(cls, item: Item) -> Sections:
        """Return the sections of one `world`."""
        found = item.fields("the world", SECTIONS)
        grants = tuple(found["grants"].items("grants")) if "grants" in found else ()
        return cls(
            {name: found[name] for name in ("clock", "region") if name in found},
            {name: found[name].fields(name) for name in NAMED if name in found},
            grants,
        )

    def under(self, other: Sections, *, twice_is_wrong: bool = False) -> Sections:
        """Return these sections with others laid over them.

        With `twice_is_wrong` a name that both define is complained about.
        """
        named: dict[str, dict[str, Item]] = {name: dict(e) for name, e in self.named.items()}
        for section, entries in other.named.items():
            mine = named.setdefault(section, {})
            for name, item in entries.items():
                if twice_is_wrong and name in mine:
                    first = mine[name]
                    where = first.name.span if first.name is not None else first.node.span
                    item.complain_name(
                        f"'{name}' is defined twice", f"first in {first.source.place(where)}"
                    )
                mine[name] = item
        return Sections({**self.single, **other.single}, named, self.grants + other.grants)


@dataclass(frozen=True)
class World:
    """A built world: the state to start from, and what the short names stand for."""

    state: State
    clock: dt.datetime
    region: str
    accounts: Mapping[str, str]
    arns: Mapping[str, Arn]
    keys: Mapping[str, Arn]
    callers: Mapping[str, Arn]
    grant_names: Mapping[str, str]
    settings: Settings
    seed: int

    @property
    def first_account(self) -> str:
        """The account that short names without a prefix belong to."""
        return next(iter(self.accounts.values()))

    def caller(self, name: str, directory: Directory) -> Principal | None:
        """Return the caller of a short name, an ARN, `service:…` or `anonymous`; else None."""
        if name == "anonymous":
            return ANONYMOUS
        if name.startswith("service:"):
            return service_principal(name.removeprefix("service:"))
        arn = Arn.parse(name) if name.startswith("arn:") else self.callers.get(name)
        return directory.principal(arn) if arn is not None else None

    def unknown_caller(self, name: str) -> tuple[str, str | None]:
        """Return what to say about a name that is no caller, and whom it may have meant."""
        known = ", ".join(sorted(n for n in self.callers if "/" not in n))
        meant = closest(name, self.callers)
        return (
            f"no identity '{name}'; known: {known}",
            f"did you mean '{meant}'?" if meant else None,
        )


def build(
    sections: Sections, settings: Settings, seed: int, log: Complaints, anchor: Item
) -> World | None:
    """Return the world that the sections describe, or None after complaining.

    `anchor` is where a complaint points that belongs to no single place.
    """
    before = len(log.found)
    world = _Builder(sections, settings, seed, log, anchor).build()
    return world if len(log.found) == before else None


def _unique_id(prefix: str, arn: Arn) -> str:
    digest = hashlib.sha256(str(arn).encode()).hexdigest().upper()
    return f"{prefix}{digest[:17]}"


class _Builder:
    def __init__(
        self, sections: Sections, settings: Settings, seed: int, log: Complaints, anchor: Item
    ) -> None:
        self.sections = sections
        self.settings = settings
        self.seed = seed
        self.log = log
        self.anchor = anchor
        self.entropy: Entropy = SeededEntropy(seed)
        self.accounts: dict[str, str] = {}
        self.directory = Directory()
        self.arns: dict[str, Arn] = {}
        self.callers: dict[str, Arn] = {}
        self.keys: dict[str, Arn] = {}
        self.grant_names: dict[str, str] = {}

    def build(self) -> World:
        clock = self._clock()
        region = self._region()
        self._accounts()
        for name, item in self._section("groups"):
            self._group(name, item)
        for name, item in self._section("users"):
            self._identity("user", name, item)
        for name, item in self._section("roles"):
            self._identity("role", name, item)
        for name, item in self._section("sessions"):
            self._session(name, item)
        for name, item in self._section("endpoints"):
            self._endpoint(name, item)
        state = State(directory=self.directory)
        for name, item in self._section("keys"):
            state = self._key(name, item, state, region, clock)
        for item in self.sections.grants:
            state = self._grant(item, state, clock)
        return World(
            state,
            clock,
            region,
            self.accounts,
            self.arns,
            self.keys,
            self.callers,
            self.grant_names,
            self.settings,
            self.seed,
        )

    def _section(self, name: str) -> Iterator[tuple[str, Item]]:
        yield from self.sections.named.get(name, {}).items()

    def _clock(self) -> dt.datetime:
        item = self.sections.single.get("clock")
        text = item.text("the clock") if item is not None else None
        if item is None or text is None:
            return DEFAULT_CLOCK
        at = values.read_time(text)
        if at is None:
            item.complain(f"'{text}' is not a time such as 2026-01-05T09:00:00Z")
        return at or DEFAULT_CLOCK

    def _region(self) -> str:
        item = self.sections.single.get("region")
        text = item.text("the region") if item is not None else None
        return text or DEFAULT_REGION

    # Accounts and the organization

    def _accounts(self) -> None:
        for name, item in self._section("accounts"):
            fields: dict[str, Item] = {}
            identifier: str | None
            if isinstance(item.node, Object):
                fields = item.fields("an account", ("id", "organization"))
                identifier = fields["id"].text("the id") if "id" in fields else None
            else:
                identifier = item.text("an account")
            if identifier is None or not is_account_id(identifier):
                item.complain(
                    f"account '{name}' needs an id of 12 digits",
                    'write it in quotes: "111122223333"',
                )
                continue
            self.accounts[name] = identifier
            account = Account(identifier, name)
            if "organization" in fields:
                account = self._organization(fields["organization"], account)
            self.directory = self.directory.with_account(account)
            root = root_arn(identifier)
            for short in self._short("root", name):
                self.callers[short] = self.arns[short] = root
            self.arns[name] = root
        if not self.accounts:
            self.anchor.complain(
                "the world has no accounts", 'write accounts: {main: "111122223333"}'
            )
            self.accounts["main"] = "111122223333"

    def _organization(self, item: Item, account: Account) -> Account:
        known = ("path", "scps", "rcps", "management")
        fields = item.fields("an organization", known)
        text = fields["path"].text("the path") if "path" in fields else None
        parts = [part for part in (text or "").split("/") if part]
        if len(parts) < 2 or not parts[0].startswith("o-"):
            item.complain(
                "an organization needs a path", "write path: o-a1b2c3d4e5/r-ab12/ou-ab12-prod"
            )
            return account
        levels = (*parts[1:], account.id)
        management = "management" in fields and fields["management"].boolean("management")
        scps = self._levels(fields.get("scps"), levels, PolicyKind.SCP)
        rcps = self._levels(fields.get("rcps"), levels, PolicyKind.RCP)
        return replace(
            account,
            organization=parts[0],
            path="/".join(parts) + "/",
            scps=None if management else scps,  # AUTH L-1
            rcps=None if management else rcps,  # AUTH L-2
        )

    def _levels(
        self, item: Item | None, levels: tuple[str, ...], kind: PolicyKind
    ) -> tuple[Level, ...] | None:
        """AUTH L-12: every level of SCPs begins with FullAWSAccess."""
        if item is None:
            return None
        given = item.fields(f"the {kind}s", (*levels, "account"))
        found = []
        for level in levels:
            entry = given.get(level) or (given.get("account") if level == levels[-1] else None)
            if entry is not None:
                policies = self._policies(entry, kind)
            else:
                policies = (_managed("FullAWSAccess", kind),) if kind is PolicyKind.SCP else ()
            found.append(Level(level, policies))
        return tuple(found)

    # Policies

    def _policies(self, item: Item, kind: PolicyKind) -> tuple[Policy, ...]:
        found = [self._policy(entry, kind) for entry in item.items("policies")]
        return tuple(policy for policy in found if policy is not None)

    def _policy(self, item: Item, kind: PolicyKind, name: str | None = None) -> Policy | None:
        """Return a policy that is named, or written here, or stands in a file."""
        if isinstance(item.node, String):
            text = item.node.value
            defined = self.sections.named.get("policies", {}).get(text)
            if defined is None:
                known = self.sections.named.get("policies", {})
                meant = closest(text, known)
                item.complain(
                    f"no policy '{text}'; known: {', '.join(sorted(known)) or 'none'}",
                    f"did you mean '{meant}'?" if meant else None,
                )
                return None
            return self._policy(defined, kind, text)
        if isinstance(item.node, Object) and item.node.get("file") is not None:
            return self._policy_file(item, kind, name)
        if isinstance(item.node, Object) and item.node.get("managed") is not None:
            fields = item.fields("a managed policy", ("managed",))
            managed = fields["managed"].choice("a managed policy", tuple(MANAGED))
            return _managed(managed, kind) if managed is not None else None
        shown = name or (item.name.value if item.name is not None else "policy")
        try:
            return policy_from_tree(item.node, item.source, kind, shown)
        except PolicyError as error:
            for problem in error.problems:
                self.log.note(
                    error.source, problem.span, problem.message, problem.help, problem.notes,
                    problem.code,
                )  # fmt: skip
            return None

    def _policy_file(self, item: Item, kind: PolicyKind, name: str | None) -> Policy | None:
        fields = item.fields("a policy file", ("file",))
        text = fields["file"].text("file")
        if text is None:
            return None
        path = Path(item.source.name).parent / text
        try:
            source = decode(path.read_bytes(), str(path))
        except OSError as error:
            fields["file"].complain(f"cannot read '{text}': {error.strerror}")
            return None
        except PolicyError as error:
            self._note_file(error, fields["file"])
            return None
        document = read(source, kind)
        if document.policy is None:
            self._note_file(PolicyError(source, document.problems), fields["file"])
            return None
        return replace(document.policy, name=name or text)

    def _note_file(self, error: PolicyError, used: Item) -> None:
        place = used.source.place(used.node.span)
        for problem in error.problems:
            self.log.note(
                error.source, problem.span, problem.message, problem.help or f"used by {place}",
                problem.notes, problem.code,
            )  # fmt: skip

    # Identities

    def _account_of(self, fields: Mapping[str, Item]) -> tuple[str, str]:
        """Return the name and id of the account that an entry belongs to."""
        item = fields.get("account")
        name = item.choice("an account", tuple(self.accounts)) if item is not None else None
        name = name or next(iter(self.accounts))
        return name, self.accounts[name]

    def _short(self, name: str, account: str) -> Iterator[str]:
        """Yield the names by which an identity can be called; `root` alone is the first one."""
        if name != "root" or account == next(iter(self.accounts)):
            yield name
        yield f"{account}/{name}"

    def _group(self, name: str, item: Item) -> None:
        fields = item.fields("a group", ("policies", "account"))
        account, _ = self._account_of(fields)
        policies = (
            self._policies(fields["policies"], PolicyKind.IDENTITY_POLICY)
            if "policies" in fields
            else ()
        )
        self.directory = self.directory.with_group(f"{account}/{name}", policies)

    def _identity(self, kind: str, name: str, item: Item) -> None:
        known = ("policies", "boundary", "tags", "account", "path", "unique_id")
        extra = ("groups",) if kind == "user" else ("service_linked",)
        fields = item.fields(f"a {kind}", (*known, *extra))
        account, identifier = self._account_of(fields)
        path = (fields["path"].text("the path") or "/") if "path" in fields else "/"
        arn = Arn("aws", "iam", "", identifier, f"{kind}{path}{name}")
        unique_id = fields["unique_id"].text("the unique id") if "unique_id" in fields else None
        boundary = fields.get("boundary")
        identity = Identity(
            arn,
            unique_id or _unique_id("AIDA" if kind == "user" else "AROA", arn),
            self._policies(fields["policies"], PolicyKind.IDENTITY_POLICY)
            if "policies" in fields
            else (),
            self._policy(boundary, PolicyKind.IDENTITY_POLICY) if boundary is not None else None,
            _texts(fields.get("tags"), "tags"),
            tuple(self._groups(fields.get("groups"), account)),
            "service_linked" in fields and bool(fields["service_linked"].boolean("service_linked")),
        )
        self.directory = self.directory.with_identity(identity)
        caller = arn
        if kind == "role":
            caller = Arn("aws", "sts", "", identifier, f"assumed-role/{name}/{SESSION_NAME}")
        for short in self._short(name, account):
            self._name(short, arn, caller, item)

    def _name(self, short: str, arn: Arn, caller: Arn, item: Item) -> None:
        if short in self.callers:
            item.complain_name(f"'{short}' already names {self.callers[short]}")
        self.arns[short], self.callers[short] = arn, caller

    def _groups(self, item: Item | None, account: str) -> Iterator[str]:
        for entry in item.items("groups") if item is not None else ():
            text = entry.text("a group")
            known = self.sections.named.get("groups", {})
            if text is not None and text not in known:
                entry.complain(f"no group '{text}'; known: {', '.join(sorted(known)) or 'none'}")
            elif text is not None:
                yield f"{account}/{text}"

    def _session(self, name: str, item: Item) -> None:
        known = (
            "role", "user", "root", "policies", "tags", "mfa", "source_identity", "provider",
            "account",
        )  # fmt: skip
        fields = item.fields("a session", known)
        issuer_field = next((fields[n] for n in ("role", "user", "root") if n in fields), None)
        if issuer_field is None:
            item.complain(f"session '{name}' needs a role, or the user who asked for it")
            return
        text = issuer_field.text("the issuer")
        issuer = self.arns.get(text or "")
        if issuer is None:
            issuer_field.complain(f"no identity '{text}' in this world")
            return
        federated = "role" not in fields
        resource = f"federated-user/{name}" if federated else f"assumed-role/{issuer.last}/{name}"
        arn = Arn("aws", "sts", "", issuer.account, resource)
        facts: dict[str, Values] = {}
        if "mfa" in fields:
            mfa = fields["mfa"].boolean("mfa")
            facts["aws:MultiFactorAuthPresent"] = "true" if mfa else "false"
        if "source_identity" in fields:
            facts["aws:SourceIdentity"] = fields["source_identity"].text("source_identity") or ""
        provider = fields["provider"].text("provider") if "provider" in fields else None
        policies = (
            self._policies(fields["policies"], PolicyKind.IDENTITY_POLICY)
            if "policies" in fields
            else None
        )
        self.directory = self.directory.with_session(
            Session(arn, issuer, policies, _texts(fields.get("tags"), "tags"), facts, provider)
        )
        account = next(n for n, i in self.accounts.items() if i == issuer.account)
        for short in self._short(name, account):
            self._name(short, arn, arn, item)

    def _endpoint(self, name: str, item: Item) -> None:
        fields = item.fields("an endpoint", ("policy", "vpc", "account"))
        _, identifier = self._account_of(fields)
        policy = (
            self._policy(fields["policy"], PolicyKind.ENDPOINT_POLICY)
            if "policy" in fields
            else None
        )
        vpc = fields["vpc"].text("vpc") if "vpc" in fields else None
        self.directory = self.directory.with_endpoint(Endpoint(name, identifier, vpc, policy))

    # Keys and grants

    def _key(self, name: str, item: Item, state: State, region: str, clock: dt.datetime) -> State:
        known = (
            "spec", "usage", "origin", "multi_region", "aliases", "policy", "tags", "state",
            "description", "account", "region", "id",
        )  # fmt: skip
        fields = item.fields("a key", known)
        _, account = self._account_of(fields)
        region = (fields["region"].text("region") if "region" in fields else None) or region
        spec = fields["spec"].choice("a spec", tuple(SPECS)) if "spec" in fields else None
        spec = spec or SYMMETRIC_DEFAULT
        usages = tuple(SPECS[spec])
        usage = fields["usage"].choice("a usage", usages) if "usage" in fields else None
        origins = ("AWS_KMS", "EXTERNAL")
        origin = fields["origin"].choice("an origin", origins) if "origin" in fields else None
        multi = "multi_region" in fields and bool(fields["multi_region"].boolean("multi_region"))
        identifier = fields["id"].text("the id") if "id" in fields else None
        if identifier is None:
            identifier = self.entropy.uuid()
            identifier = f"mrk-{identifier.replace('-', '')}" if multi else identifier
        arn = Arn("aws", "kms", region, account, f"key/{identifier}")
        text = self._key_policy(fields.get("policy"), account)
        material = self.entropy.material(spec)
        key = Key(
            arn,
            spec,
            KeyUsage(usage or usages[0]),
            KeyOrigin(origin or "AWS_KMS"),
            KeyState.ENABLED,
            text,
            clock,
            (KeyMaterial(material_id(material, identifier), material, clock),),
            bound_ids(text, self.directory),
            description=(fields["description"].text("description") or "")
            if "description" in fields
            else "",
            tags=tuple(_texts(fields.get("tags"), "tags").items()),
            multi_region=multi,
        )
        if key.origin is KeyOrigin.EXTERNAL:
            key = replace(key, state=KeyState.PENDING_IMPORT, materials=())
        if "state" in fields:
            key = _in_state(key, fields["state"], clock)
        state = state.with_key(key)
        for alias in fields["aliases"].items("aliases") if "aliases" in fields else ():
            alias_name = alias.text("an alias")
            if alias_name is None or not alias_name.startswith("alias/"):
                alias.complain(f"'{alias_name}' is not an alias name", "write alias/payroll")
                continue
            state = state.with_alias(
                Alias(replace(arn, resource=alias_name), str(arn), clock, clock)
            )
        self.keys[name] = self.arns[name] = arn
        return state

    def _key_policy(self, item: Item | None, account: str) -> str:
        """Return the text that is put on a key: a file as it is, what YAML says as JSON."""
        if item is None or (isinstance(item.node, String) and item.node.value == "default"):
            return default_policy(account)
        policy = self._policy(item, PolicyKind.KEY_POLICY)
        if policy is None:
            return default_policy(account)
        defined = item
        if isinstance(item.node, String):
            defined = self.sections.named["policies"][item.node.value]
        if isinstance(defined.node, Object) and defined.node.get("Statement") is not None:
            return json_text(defined.node)
        return policy.source.text

    def _grant(self, item: Item, state: State, clock: dt.datetime) -> State:
        known = (
            "name", "key", "grantee", "operations", "equals", "subset", "source_arn", "retiring",
            "effective", "token",
        )  # fmt: skip
        fields = item.fields("a grant", known)
        for required in ("key", "grantee", "operations"):
            if required not in fields:
                item.complain(f"a grant needs '{required}'")
                return state
        key_name = fields["key"].choice("a key", tuple(self.keys))
        grantee = self._principal(fields["grantee"])
        retiring = self._principal(fields["retiring"]) if "retiring" in fields else None
        operations = [
            entry.choice("an operation", sorted(GRANT_OPERATIONS))
            for entry in fields["operations"].items("operations")
        ]
        if key_name is None or grantee is None:
            return state
        effective: dt.datetime | None = clock + self.settings.grant_delay
        if "effective" in fields:
            word = fields["effective"].text("effective")
            effective = None if word == "now" else values.read_time(word or "")
            if word != "now" and effective is None:
                fields["effective"].complain(f"'{word}' is neither 'now' nor a time")
        constraints = GrantConstraints(
            _texts(fields.get("equals"), "equals") or None,
            _texts(fields.get("subset"), "subset") or None,
            fields["source_arn"].text("source_arn") if "source_arn" in fields else None,
        )
        name = fields["name"].text("name") if "name" in fields else None
        token = fields["token"].text("token") if "token" in fields else None
        key_arn = self.keys[key_name]
        grant = Grant(
            id=self.entropy.random_bytes(32).hex(),
            key_arn=str(key_arn),
            grantee_principal=grantee,
            operations=frozenset(name for name in operations if name is not None),
            constraints=constraints,
            retiring_principal=retiring,
            name=name,
            issuing_account=str(root_arn(key_arn.account)),
            created_at=clock,
            effective_at=effective,
            tokens=frozenset({token or self.entropy.random_bytes(48).hex()}),
            grantee_id=self.directory.unique_id(grantee),
            retiring_id=self.directory.unique_id(retiring) if retiring is not None else None,
        )
        if name is not None:
            self.grant_names[name] = grant.id
        return state.with_grant(grant)

    def _principal(self, item: Item) -> str | None:
        """Return the ARN of a short name; ARNs and account ids stand for themselves."""
        text = item.text("a principal")
        if text is None or text.startswith("arn:") or is_account_id(text):
            return text
        arn = self.arns.get(text)
        if arn is None:
            item.complain(f"no identity '{text}' in this world")
            return None
        return str(arn)


def _managed(name: str, kind: PolicyKind) -> Policy:
    return parse(MANAGED[name], name=name, kind=kind)


def _texts(item: Item | None, what: str) -> dict[str, str]:
    if item is None:
        return {}
    found = {name: entry.text(what) for name, entry in item.fields(what).items()}
    return {name: text for name, text in found.items() if text is not None}


def _in_state(key: Key, item: Item, clock: dt.datetime) -> Key:
    settable = ("Enabled", "Disabled", "PendingDeletion", "PendingImport")
    state = item.choice("a state", settable)
    if state is None:
        return key
    deletion_at = clock + dt.timedelta(days=30) if state == "PendingDeletion" else None
    materials = () if state == "PendingImport" else key.materials
    return replace(key, state=KeyState(state), deletion_at=deletion_at, materials=materials)
