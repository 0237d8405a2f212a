"""Accounts as AWS exports them: what `aws iam get-account-authorization-details` prints, as data.

Users, roles and groups come with the policies that hang on them. Members that are not known are
passed over, since AWS adds some now and then; trust policies are not read, as nothing here
assumes a role.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import unquote

from kms.directory import Identity, is_iam_name
from kmsgate import yaml_reader
from kmsgate.scenario.fields import Fields, Item, UnreadableError, read_file, short
from kmsgate.scenario.policies import MANAGED, managed_policy
from policy import Arn, Policy, PolicyError, PolicyKind, parse
from policy.parser import parse_large
from policy.reader import policy_from_tree
from policy.tree import Array, Object, String

MAX_BYTES = 64 << 20
"""How much all pages of an account may hold."""

IAM_FIELDS = ("file",)
USERS, GROUPS, ROLES, POLICIES = LISTS = (
    "UserDetailList", "GroupDetailList", "RoleDetailList", "Policies",
)  # fmt: skip
_AWS_MANAGED = {f"arn:aws:iam::aws:policy/{name}": name for name in MANAGED}
_SERVICE_LINKED = "role/aws-service-role/"


@dataclass(frozen=True)
class AccountDetails:
    """What an export says of an account.

    `identities` are its users and roles by the text of their ARN, `places` where each stands in
    the file; `groups` have their policies by `account name/group name`, the form in which an
    identity refers to them.
    """

    identities: Mapping[str, Identity] = field(default_factory=dict)
    places: Mapping[str, Item] = field(default_factory=dict)
    groups: Mapping[str, tuple[Policy, ...]] = field(default_factory=dict)


class AccountFiles:
    """Reads exports, each once: worlds that are laid over each other share what was read."""

    def __init__(self) -> None:
        self._read: dict[tuple[tuple[str, ...], str, str], AccountDetails] = {}

    def details(self, item: Item, name: str, account: str) -> AccountDetails:
        """Return what the files of an `iam` field hold, for the account of that name and id.

        `file` names one file, or several that are pages or differently filtered. What is wrong
        with them is complained about, at its place; what could be read is returned even then.
        """
        files = list(item.fields("the export", IAM_FIELDS).one_or_more("file"))
        if not files:
            item.complain("an export needs a file", "write iam: {file: details.json}")
            return AccountDetails()
        texts = [file.text("a file") for file in files]
        paths = tuple(item.beside(text) for text in texts if text is not None)
        known = (paths, name, account)
        if known not in self._read:
            pages = list(_pages([file for file in files if file.is_scalar]))
            self._read[known] = _Reader(name, account, pages).details()
        return self._read[known]


def _pages(files: list[Item]) -> Iterator[Item]:
    """Yield the pages of some files; a file is a page, or a list of pages."""
    size = 0
    pages: list[Item] = []
    for file in files:
        text = file.text("a file") or ""
        path = file.beside(text)
        try:
            data = read_file(path, MAX_BYTES)
            size += len(data)
            if size > MAX_BYTES:
                raise UnreadableError(f"all pages have more than {MAX_BYTES:,} bytes")
            source = yaml_reader.decode(data, path)
        except UnreadableError as error:
            file.complain(f"cannot read '{short(text)}': {error}")
            return
        except PolicyError as error:
            file.log.note_all(error)
            return
        parsed = parse_large(source)
        for problem in parsed.problems:
            file.log.note(source, problem.span, problem.message, problem.help, problem.notes)
        if parsed.tree is not None:
            root = Item(parsed.tree, source, file.log)
            pages += root.items("pages") if isinstance(root.node, Array) else [root]
    if pages and isinstance(pages[-1].node, Object):
        _check_last(pages[-1].fields("a page"))
    yield from pages


def _check_last(page: Fields) -> None:
    """Complain about a page that says that others follow it."""
    goes_on = next((page[n] for n in ("NextToken", "Marker") if n in page), None)
    if page.flag("IsTruncated") or "NextToken" in page:
        place = goes_on or page["IsTruncated"]
        place.complain_name(
            "more pages follow this one, and they are not here",
            "write file: [page-1.json, page-2.json], or export without --max-items",
        )


class _Reader:
    """One reading of all pages of an account."""

    def __init__(self, name: str, account: str, pages: list[Item]) -> None:
        self.name = name
        self.account = account
        self._pages = [(page, page.members("an export")) for page in pages]
        self._policies: dict[str, Fields] = {}
        self._managed: dict[str, Policy | None] = {}
        self._groups: dict[str, tuple[Policy, ...]] = {}
        self._places: dict[str, Item] = {}
        self._is_foreign = False

    def details(self) -> AccountDetails:
        for page, fields in self._pages:
            if isinstance(page.node, Object) and not any(name in fields for name in LISTS):
                page.complain(
                    f"this is no export of an account: it has no {USERS}",
                    "write there what aws iam get-account-authorization-details prints",
                )
        for item in self._entries(POLICIES):
            fields = item.members("a policy")
            arn = self._required(fields, item, "a policy", "Arn")
            if arn is not None and _once(
                self._places, f"policy {arn}", fields["Arn"], "policy", arn
            ):
                self._policies[arn] = fields
        for item in self._entries(GROUPS):
            self._group(item)
        identities: dict[str, Identity] = {}
        places: dict[str, Item] = {}
        ids: dict[str, Item] = {}
        for section, kind in ((USERS, "user"), (ROLES, "role")):
            for item in self._entries(section):
                identity = self._identity(kind, item)
                if identity is None:
                    continue
                place = item.fields(f"a {kind}")[f"{kind.capitalize()}Id"]
                _once(ids, identity.unique_id, place, "id", identity.unique_id)
                text = str(identity.arn)
                identities[text] = identity
                places[text] = self._places[f"{kind} {identity.arn.last.lower()}"]
        return AccountDetails(identities, places, self._groups)

    def _entries(self, section: str) -> Iterator[Item]:
        for _, fields in self._pages:
            yield from fields.entries(section)

    # Who there is

    def _identity(self, kind: str, item: Item) -> Identity | None:
        word = kind.capitalize()
        fields = item.members(f"a {kind}")
        arn = self._arn(kind, word, fields, item)
        unique_id = self._required(fields, item, f"a {kind}", f"{word}Id")
        policies = self._policies_of(fields, f"{word}PolicyList")
        boundary = self._boundary(fields)
        groups = tuple(self._groups_of(fields))
        if arn is None or not unique_id:
            return None
        return Identity(
            arn,
            unique_id,
            policies,
            boundary,
            dict(self._tags(fields)),
            groups,
            service_linked=arn.resource.startswith(_SERVICE_LINKED),
        )

    def _group(self, item: Item) -> None:
        fields = item.members("a group")
        arn = self._arn("group", "Group", fields, item)
        policies = self._policies_of(fields, "GroupPolicyList")
        if arn is not None:
            self._groups[f"{self.name}/{arn.last}"] = policies

    def _arn(self, kind: str, word: str, fields: Fields, item: Item) -> Arn | None:
        """Return the ARN of an entry, in this account whatever it says; None without a name."""
        name = self._required(fields, item, f"a {kind}", f"{word}Name")
        text = self._required(fields, item, f"a {kind}", "Arn")
        if name is None or text is None:
            return None
        arn = Arn.parse(text)
        if kind != "group" and not is_iam_name(name):
            fields[f"{word}Name"].complain(f"no {kind} can have the name '{short(name)}'")
            return None
        if arn is None or (arn.service, arn.type, arn.last) != ("iam", kind, name):
            fields["Arn"].complain(f"'{short(text)}' is not the ARN of {kind} '{short(name)}'")
            return None
        _once(self._places, f"{kind} {name.lower()}", fields[f"{word}Name"], kind, name)
        self._check_home(arn, fields["Arn"])
        return replace(arn, partition="aws", account=self.account)

    def _check_home(self, arn: Arn, item: Item) -> None:
        """Complain, once, about an export of another account than this one."""
        if self._is_foreign or (arn.partition, arn.account) == ("aws", self.account):
            return
        self._is_foreign = True
        if arn.account == self.account:
            item.complain(f"this export is of partition '{short(arn.partition)}', not of 'aws'")
        else:
            found = short(arn.account)
            item.complain(f"this export is of account {found}, not of {self.name}, {self.account}")

    def _groups_of(self, fields: Fields) -> Iterator[str]:
        for entry in fields.entries("GroupList"):
            text = entry.text("a group")
            if text is not None and f"{self.name}/{text}" not in self._groups:
                known = [name.partition("/")[2] for name in self._groups]
                entry.unknown("group", text, known)
            elif text is not None:
                yield f"{self.name}/{text}"

    def _tags(self, fields: Fields) -> Iterator[tuple[str, str]]:
        for entry in fields.entries("Tags"):
            tag = entry.members("a tag")
            key = self._required(tag, entry, "a tag", "Key")
            value = self._required(tag, entry, "a tag", "Value")
            if key is not None and value is not None:
                yield key, value

    # What hangs on them

    def _policies_of(self, fields: Fields, inline: str) -> tuple[Policy, ...]:
        found: list[Policy | None] = []
        for entry in fields.entries(inline):
            own = entry.members("a policy")
            name = self._required(own, entry, "a policy", "PolicyName")
            if self._required_item(own, entry, "a policy", "PolicyDocument") is not None:
                found.append(_document(own["PolicyDocument"], name or inline))
        for entry in fields.entries("AttachedManagedPolicies"):
            attached = entry.members("an attached policy")
            arn = self._required_item(attached, entry, "an attached policy", "PolicyArn")
            if arn is not None:
                found.append(self._attached(arn))
        return tuple(policy for policy in found if policy is not None)

    def _boundary(self, fields: Fields) -> Policy | None:
        item = fields.get("PermissionsBoundary")
        if item is None or item.is_null:
            return None
        what = "a permissions boundary"
        arn = self._required_item(item.members(what), item, what, "PermissionsBoundaryArn")
        return self._attached(arn) if arn is not None else None

    def _attached(self, item: Item) -> Policy | None:
        """Return a managed policy by its ARN; each is read once, and missed once."""
        text = item.text("the ARN of a policy")
        if text is None:
            return None
        if text not in self._managed:
            self._managed[text] = self._managed_policy(text, item)
        return self._managed[text]

    def _managed_policy(self, arn: str, item: Item) -> Policy | None:
        detail = self._policies.get(arn)
        if detail is not None:
            document = self._default_version(detail)
            return _document(document, arn.rpartition("/")[2]) if document is not None else None
        if arn in _AWS_MANAGED:
            return managed_policy(_AWS_MANAGED[arn], PolicyKind.IDENTITY_POLICY)
        item.complain(
            f"policy '{short(arn)}' is attached here, and the export does not hold it",
            "export without --filter, or with LocalManagedPolicy and AWSManagedPolicy, too",
        )
        return None

    def _default_version(self, fields: Fields) -> Item | None:
        """Return the document of the one version of a policy that is in force."""
        documents = []
        for entry in fields.entries("PolicyVersionList"):
            version = entry.members("a version")
            word = version.get("IsDefaultVersion")
            is_default = word.boolean("IsDefaultVersion") if word is not None else False
            if is_default is None:
                return None
            if is_default:
                document = self._required_item(version, entry, "a version", "Document")
                documents.append(document)
        if len(documents) != 1:
            count = "no default version" if not documents else "several default versions"
            fields.get("PolicyVersionList", fields["Arn"]).complain(f"this policy has {count}")
            return None
        return documents[0]

    # Members that must be there

    def _required_item(self, fields: Fields, item: Item, what: str, name: str) -> Item | None:
        if isinstance(item.node, Object) and name not in fields:
            item.complain(f"{what} needs '{name}'")
        return fields.get(name)

    def _required(self, fields: Fields, item: Item, what: str, name: str) -> str | None:
        found = self._required_item(fields, item, what, name)
        return found.text(name) if found is not None else None


def _once(known: dict[str, Item], key: str, item: Item, what: str, name: str) -> bool:
    """Remember where something stands; complain, and return False, if it was there before."""
    first = known.setdefault(key, item)
    if first is not item:
        message = f"{what} '{short(name)}' is given twice"
        item.complain(message, notes=(first.far_note("first here"),))
    return first is item


def _document(item: Item, name: str) -> Policy | None:
    """Return the policy of a document: an object, as the CLI prints it, or text as in the API.

    That text is JSON with percent signs (RFC 3986), or without. A mistake in it is told at the
    text's own place, with its line and column inside of the text.
    """
    kind = PolicyKind.IDENTITY_POLICY
    try:
        if not isinstance(item.node, String):
            return policy_from_tree(item.node, item.source, kind, name)
        text = item.node.value
        plain = text if text.lstrip().startswith("{") else unquote(text, errors="strict")
        return parse(plain, name=name, kind=kind)
    except UnicodeDecodeError:
        item.complain("the percent signs of this document do not spell UTF-8")
    except PolicyError as error:
        if isinstance(item.node, String):
            item.complain(f"this document cannot be used: {error}")
        else:
            item.log.note_all(error)
    return None
