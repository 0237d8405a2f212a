"""What the short names of a world stand for: found first, so that policies may speak of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from kms.directory import is_iam_name
from kms.runtime import Entropy
from kmsgate.account_details import AccountDetails, AccountFiles
from kmsgate.scenario import values
from kmsgate.scenario.fields import Fields, Item
from policy import Arn, root_arn
from policy.arn import is_account_id
from policy.tree import Object

SESSION_NAME = "session"
_IAM_PATH = re.compile(r"/([!-~]+/)*")
_KEY_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_MULTI_REGION_KEY_ID = re.compile(r"mrk-[0-9a-f]{32}")
_NO_ACCOUNT = "000000000000"

ACCOUNT_FIELDS = ("id", "organization", "iam")
IDENTITY_FIELDS = ("policies", "boundary", "tags", "account", "path", "unique_id")
USER_FIELDS = (*IDENTITY_FIELDS, "groups", "access_keys")
ROLE_FIELDS = (*IDENTITY_FIELDS, "service_linked", "trust")
SESSION_FIELDS = (
    "role", "user", "root", "policies", "tags", "mfa", "source_identity", "provider", "account",
)  # fmt: skip
KEY_FIELDS = (
    "spec", "usage", "origin", "manager", "multi_region", "aliases", "policy", "tags", "state",
    "description", "account", "region", "id", "rotation_days",
)  # fmt: skip


@dataclass(frozen=True)
class Named:
    """An entry of a section that has an ARN by now: its fields, and the account it belongs to."""

    item: Item
    fields: Fields
    account: str
    arn: Arn


@dataclass
class Names:
    """The names of a world. `facts` are what `$name`s stand for.

    `details` is what accounts have of a file, without whom the world itself defines;
    `ambiguous` are the short names of several of them, with the names that tell these apart.
    """

    accounts: dict[str, str] = field(default_factory=dict)
    arns: dict[str, Arn] = field(default_factory=dict)
    callers: dict[str, Arn] = field(default_factory=dict)
    keys: dict[str, Arn] = field(default_factory=dict)
    grants: dict[str, str] = field(default_factory=dict)
    facts: dict[str, object] = field(default_factory=dict)
    details: dict[str, AccountDetails] = field(default_factory=dict)
    ambiguous: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _issuers: dict[Arn, Arn] = field(default_factory=dict)
    _entries: dict[str, dict[str, Named]] = field(default_factory=dict)
    _places: dict[str, Item] = field(default_factory=dict)

    def of(self, section: str) -> Mapping[str, Named]:
        """Return the entries of a section."""
        return self._entries.get(section, {})

    @property
    def first_account(self) -> str:
        """The name of the account that short names without a prefix belong to."""
        return next(iter(self.accounts))

    # Accounts

    def add_account(self, name: str, item: Item) -> None:
        """Name an account and its root."""
        is_object = isinstance(item.node, Object)
        fields = item.fields("an account", ACCOUNT_FIELDS) if is_object else Fields()
        identifier = fields.text("id") if is_object else item.text("an account")
        if identifier is None or not is_account_id(identifier):
            item.complain(
                f"account '{name}' needs an id of 12 digits",
                'write it in quotes: "111122223333"',
            )
            identifier = _NO_ACCOUNT
        elif identifier in self.accounts.values():
            item.complain(f"two accounts have the id {identifier}")
        self.accounts[name] = identifier
        root = root_arn(identifier)
        self._entries.setdefault("accounts", {})[name] = Named(item, fields, name, root)
        for short in self._shorts("root", name):
            self.callers[short] = root
            self._add_facts(short, root)
        self._add_facts(name, root)
        self.facts[f"{name}.id"] = identifier

    def account_of(self, fields: Fields) -> str:
        """Return the name of the account that an entry belongs to."""
        return fields.choice("account", tuple(self.accounts)) or self.first_account

    def _shorts(self, name: str, account: str) -> Iterator[str]:
        """Yield the names by which an identity can be called; `root` alone is the first one."""
        if name != "root" or account == self.first_account:
            yield name
        yield f"{account}/{name}"

    # Identities and sessions

    def add_identity(self, kind: str, name: str, item: Item) -> None:
        """Name a user or role. A role is called by a session of it."""
        fields = item.fields(f"a {kind}", USER_FIELDS if kind == "user" else ROLE_FIELDS)
        account = self.account_of(fields)
        path = fields.text("path") or "/"
        if not _IAM_PATH.fullmatch(path):
            fields["path"].complain(f"'{path}' is not a path such as /team/")
            path = "/"  # so that the name stands for somebody, and this is told once
        identifier = self.accounts[account]
        arn = Arn("aws", "iam", "", identifier, f"{kind}{path}{name}")
        self._add(f"{kind}s", name, Named(item, fields, account, arn), _caller_of(arn))

    def add_details(self, files: AccountFiles) -> None:
        """Name the users and roles that accounts have of a file; call it behind `add_identity`.

        Whom the world itself defines goes first: by the same kind and name in place of the one
        of the file, and else by its short name. Of those in files, the first account goes first.
        """
        for account, entry in self.of("accounts").items():
            if "iam" in entry.fields and self.accounts[account] != _NO_ACCOUNT:
                found = files.details(entry.fields["iam"], account, self.accounts[account])
                self.details[account] = self._without_replaced(found)
        candidates: dict[str, list[tuple[str, Arn]]] = {}
        for account, details in self.details.items():
            for identity in details.identities.values():
                arn, name = identity.arn, identity.arn.last
                self._name_found(f"{account}/{arn.type}/{name}", arn)
                candidates.setdefault(f"{account}/{name}", []).append((account, arn))
                candidates.setdefault(name, []).append((account, arn))
        for short, bearers in candidates.items():
            self._choose(short, bearers)

    def _without_replaced(self, details: AccountDetails) -> AccountDetails:
        """Return details without whom the world defines; names of IAM have no case."""
        mine = {
            (entry.arn.account, entry.arn.type, entry.arn.last.lower())
            for section in ("users", "roles")
            for entry in self.of(section).values()
        }
        kept = {
            text: identity
            for text, identity in details.identities.items()
            if (identity.arn.account, identity.arn.type, identity.arn.last.lower()) not in mine
        }
        return replace(details, identities=kept)

    def _choose(self, short: str, bearers: list[tuple[str, Arn]]) -> None:
        """Let a short name stand for the one that it can mean, if that is clear."""
        own = self._places.get(short)
        if own is not None:
            same = [arn for _, arn in bearers if arn.account == self.arns[short].account]
            if same and "/" not in short:  # A user and a role: either could be meant.
                own.complain_name(
                    f"'{short}' already names {same[0]}",
                    notes=(self._place_of(same[0]).far_note("first here"),),
                )
            return
        if short in self.callers or short == "anonymous":  # root
            return
        first = [arn for account, arn in bearers if account == self.first_account]
        meant = first or [arn for _, arn in bearers]
        if len(meant) == 1:
            self._name_found(short, meant[0])
            return
        self.ambiguous[short] = tuple(
            f"{account}/{arn.type}/{arn.last}" for account, arn in bearers if arn in meant
        )

    def _name_found(self, short: str, arn: Arn) -> None:
        self.callers[short] = _caller_of(arn)
        self._places[short] = self._place_of(arn)
        self._add_facts(short, arn)

    def _place_of(self, arn: Arn) -> Item:
        account = next(name for name, number in self.accounts.items() if number == arn.account)
        return self.details[account].places[str(arn)]

    def told_ambiguous(self, short: str) -> str:
        """Return what to say of a name that several of a file have."""
        return f"'{short}' is the name of several; write {' or '.join(self.ambiguous[short])}"

    def add_session(self, name: str, item: Item) -> None:
        """Name a session of a role, or of a user or root who asked for federation."""
        fields = item.fields("a session", SESSION_FIELDS)
        issuers = [n for n in ("role", "user", "root") if n in fields]
        issuer = None
        if len(issuers) != 1:
            item.complain(f"session '{name}' needs a role, or the user who asked for it")
        else:
            issuer = self._issuer(issuers[0], fields[issuers[0]])
        if issuer is None:  # Something must stand for the name, or each use is one more error.
            self.callers[name] = root_arn(_NO_ACCOUNT)
            self._add_facts(name, root_arn(_NO_ACCOUNT))
            return
        account = next(n for n, i in self.accounts.items() if i == issuer.account)
        if "account" in fields and self.account_of(fields) != account:
            fields["account"].complain(f"the session belongs to account '{account}'")
        resource = f"assumed-role/{issuer.last}/{name}"
        if issuers[0] != "role":
            resource = f"federated-user/{name}"
        arn = Arn("aws", "sts", "", issuer.account, resource)
        self._issuers[arn] = issuer
        self._add("sessions", name, Named(item, fields, account, arn), arn)

    def issuer_of(self, session: Arn) -> Arn:
        """Return who is behind a session that has been named."""
        return self._issuers[session]

    def _issuer(self, kind: str, item: Item) -> Arn | None:
        text = item.text(f"the {kind}")
        if text is None:
            return None
        known = {n: arn for n, arn in self.arns.items() if arn.service == "iam"}
        arn = known.get(text)
        if text in self.ambiguous:
            names = [name for name in self.ambiguous[text] if known[name].type == kind]
            if len(names) == 1:  # There is a user of that name, but a role is asked for.
                return known[names[0]]
            item.complain(self.told_ambiguous(text))
        elif arn is None:
            item.unknown(
                kind, text, [n for n, a in known.items() if a.type == kind and "/" not in n]
            )
        elif arn.type != kind:
            item.complain(f"'{text}' is a {arn.type}, not a {kind}")
            return None
        return arn

    def _add(self, section: str, name: str, entry: Named, caller: Arn) -> None:
        if not is_iam_name(name) or name == "anonymous":
            entry.item.complain_name(
                f"'{name}' cannot be the name of an identity",
                "names have up to 64 letters, digits and +=,.@_-",
            )
        self._entries.setdefault(section, {})[name] = entry
        shorts = list(self._shorts(name, entry.account))
        taken = next((short for short in shorts if short in self.callers), None)
        if taken is not None:
            first = self._places.get(taken)
            entry.item.complain_name(
                f"'{taken}' already names {self.callers[taken]}",
                notes=(first.far_note("first here"),) if first is not None else (),
            )
        for short in shorts:
            self.callers[short] = caller
            self._places[short] = entry.item
            self._add_facts(short, entry.arn)

    def _add_facts(self, name: str, arn: Arn) -> None:
        self.arns[name] = arn
        self.facts[f"{name}.arn"] = str(arn)
        self.facts[f"{name}.id"] = arn.last
        self.facts[f"{name}.account"] = arn.account

    # Keys and grants

    def add_key(self, name: str, item: Item, region: str, entropy: Entropy) -> None:
        """Name a key: its id is the one that is written, or one of the seed."""
        fields = item.fields("a key", KEY_FIELDS)
        account = self.account_of(fields)
        own = region_of(fields.get("region"))
        identifier = fields.text("id")
        made = entropy.uuid()
        multi = fields.flag("multi_region")
        if identifier is None:
            identifier = f"mrk-{made.replace('-', '')}" if multi else made
        elif not (_MULTI_REGION_KEY_ID if multi else _KEY_ID).fullmatch(identifier):
            fields["id"].complain(
                f"'{identifier}' is not the id of a key",
                "write mrk- and 32 hexadecimal digits" if multi
                else "write 1234abcd-12ab-34cd-56ef-1234567890ab",
            )  # fmt: skip
        arn = Arn("aws", "kms", own or region, self.accounts[account], f"key/{identifier}")
        for other, taken in self.keys.items():
            if (taken.region, taken.resource) == (arn.region, arn.resource):
                fields.get("id", item).complain(f"key '{other}' has this id")
        if name in self._places:
            first = self._places[name].far_note("first here")
            item.complain_name(f"'{name}' is defined twice", notes=(first,))
        self._entries.setdefault("keys", {})[name] = Named(item, fields, account, arn)
        self._places[name] = item
        self.keys[name] = arn
        self._add_facts(name, arn)

    def add_grant(self, name: str, grant_id: str, token: str) -> None:
        """Name a grant; a key or an identity of that name keeps its facts."""
        self.grants[name] = grant_id
        self.facts.setdefault(f"{name}.id", grant_id)
        self.facts.setdefault(f"{name}.token", token)


def _caller_of(arn: Arn) -> Arn:
    """Return who calls by the name of a user or role: of a role, a session of it."""
    if arn.type == "user":
        return arn
    return Arn("aws", "sts", "", arn.account, f"assumed-role/{arn.last}/{SESSION_NAME}")


def region_of(item: Item | None) -> str | None:
    """Return the Region that is written somewhere."""
    text = item.text("region") if item is not None else None
    if item is not None and text is not None and not values.is_region(text):
        item.complain(f"'{text}' is not a Region such as eu-west-1")
        return None
    return text
