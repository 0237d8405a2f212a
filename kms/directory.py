"""Who exists: accounts, identities, sessions, the organization, and VPC endpoints.

The directory turns an ARN into a caller, and tells which policies hang on whom.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from rpds import HashTrieMap

from kms.table import Table
from policy import Arn, Level, Policy, Principal, PrincipalKind, principal_from_arn
from policy.model import PrincipalForm
from policy.principals import principal_pattern
from policy.request import Values
from policy.source import Span

Tags = Mapping[str, str]
SWEEP_EVERY = 256
"""Temporary credentials that ended are looked for whenever there are so many more."""
_NO_TAGS: HashTrieMap[str, str] = HashTrieMap()
_IAM_NAME = re.compile("[A-Za-z0-9+=,.@_-]{1,64}")
_ACCESS_KEY_ID = re.compile("AKIA[A-Z2-7]{16}")
_SECRET = re.compile("[A-Za-z0-9+/]{40}")


@dataclass(frozen=True, slots=True)
class AccessKey:
    """Long-term credentials of a user. The secret, which is ASCII, is in no `repr`.

    It is bytes, so that a durable store seals it under its root key (CORE K-202). One that is not
    active signs nothing.
    """

    id: str
    secret: bytes = field(repr=False)
    created_at: dt.datetime | None = None
    active: bool = True


@dataclass(frozen=True, slots=True)
class Identity:
    """An IAM user or role: what hangs on it. `unique_id` is its AIDA or AROA id.

    `trust` tells who may assume a role; without it, nobody. As for any policy on a resource, its
    statements have a Resource, which is `*`.
    """

    arn: Arn
    unique_id: str
    policies: tuple[Policy, ...] = ()
    boundary: Policy | None = None
    tags: Tags = _NO_TAGS
    groups: tuple[str, ...] = ()
    service_linked: bool = False
    access_keys: tuple[AccessKey, ...] = ()
    trust: Policy | None = None


@dataclass(frozen=True, slots=True)
class IamEntry:
    """What IAM tells of a user, role or group and no decision depends on."""

    created_at: dt.datetime
    unique_id: str = ""
    description: str = ""
    max_session_seconds: int = 3600


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """One version of a managed policy: `v1`, and the document as it came."""

    id: str
    text: str
    created_at: dt.datetime


@dataclass(frozen=True, slots=True)
class ManagedPolicy:
    """A policy that an account manages. Where it is attached, its ARN is the policy's name."""

    arn: Arn
    unique_id: str
    created_at: dt.datetime
    versions: tuple[PolicyVersion, ...]
    default: str
    made: int = 1
    description: str = ""
    tags: Tags = _NO_TAGS

    @property
    def text(self) -> str:
        """The document of the default version."""
        return next(each.text for each in self.versions if each.id == self.default)


@dataclass(frozen=True, slots=True)
class Session:
    """A role session, or a federated user, with what it was given when it began.

    `issuer` is the role's ARN, or the ARN of the user or root that asked for federation.
    """

    arn: Arn
    issuer: Arn
    policies: tuple[Policy, ...] | None = None
    tags: Tags = _NO_TAGS
    facts: Mapping[str, Values] = HashTrieMap()
    identity_provider: str | None = None


@dataclass(frozen=True, slots=True)
class TemporaryKey:
    """Credentials that end: of a session, or of a user or root with a session token (CORE K-211).

    `arn` is the caller's. `owner_id` is the unique id of the user or role behind it, None for root:
    for another of the same name they are not. What a session was given when it began is `session`;
    what else is known of the credentials is `facts`. Secret and token are ASCII.
    """

    id: str
    secret: bytes = field(repr=False)
    token: bytes = field(repr=False)
    arn: Arn
    owner_id: str | None
    expires_at: dt.datetime
    session: Session | None = None
    facts: Mapping[str, Values] = HashTrieMap()


@dataclass(frozen=True, slots=True)
class Account:
    """An account, and its place in an organization.

    `organization` is the id (`o-…`); `scps` and `rcps` are the levels from the organization's
    root down to the account, None where they are not enabled or do not bind this account, as
    for the management account (AUTH L-1, L-2). `path` is `aws:PrincipalOrgPaths`.
    """

    id: str
    name: str = ""
    partition: str = "aws"
    organization: str | None = None
    path: str | None = None
    scps: tuple[Level, ...] | None = None
    rcps: tuple[Level, ...] | None = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A VPC interface endpoint for KMS. Without a policy it lets everything through."""

    id: str
    account: str
    vpc: str | None = None
    policy: Policy | None = None


@dataclass(frozen=True, slots=True)
class Directory:
    """All of it, immutable. Identities and sessions are kept by the text of their ARN."""

    accounts: Table[str, Account] = Table()
    identities: Table[str, Identity] = Table()
    sessions: Table[str, Session] = Table()
    groups: Table[str, tuple[Policy, ...]] = Table()
    endpoints: Table[str, Endpoint] = Table()
    roles: Table[tuple[str, str], Arn] = Table()
    unique_ids: Table[str, str] = Table()
    access_keys: Table[str, str] = Table()
    temporary_keys: Table[str, TemporaryKey] = Table()
    iam: Table[str, IamEntry] = Table()
    managed_policies: Table[str, ManagedPolicy] = Table()

    def with_account(self, account: Account) -> Directory:
        """Return the directory with an account."""
        return replace(self, accounts=self.accounts.insert(account.id, account))

    def with_identity(self, identity: Identity) -> Directory:
        """Return the directory with a user or role, new or changed.

        No one else may have its unique id or one of its access keys.
        """
        arn, roles = identity.arn, self.roles
        if arn.type == "role":
            roles = roles.insert((arn.account, arn.last.lower()), arn)  # AUTH E-15
        cleared = self.without_identity(arn)
        access_keys = cleared.access_keys
        for key in identity.access_keys:
            access_keys = access_keys.insert(key.id, str(arn))
        return replace(
            cleared,
            identities=cleared.identities.insert(str(arn), identity),
            roles=roles,
            unique_ids=cleared.unique_ids.insert(identity.unique_id, str(arn)),
            access_keys=access_keys,
        )

    def without_identity(self, arn: Arn) -> Directory:
        """Return the directory without a user or role; its access keys are gone with it."""
        old, roles = self.identities.get(str(arn)), self.roles
        if old is None:
            return self
        if arn.type == "role":
            roles = roles.discard((arn.account, arn.last.lower()))
        access_keys = self.access_keys
        for key in old.access_keys:
            access_keys = access_keys.discard(key.id)
        return replace(
            self,
            identities=self.identities.discard(str(arn)),
            roles=roles,
            unique_ids=self.unique_ids.discard(old.unique_id),
            access_keys=access_keys,
        )

    def with_session(self, session: Session) -> Directory:
        """Return the directory with a session."""
        return replace(self, sessions=self.sessions.insert(str(session.arn), session))

    def with_temporary_key(self, key: TemporaryKey, now: dt.datetime) -> Directory:
        """Return the directory with temporary credentials; now and then, those that ended go."""
        keys = self.temporary_keys
        if len(keys) % SWEEP_EVERY == SWEEP_EVERY - 1:
            for old in [each.id for each in keys.values() if each.expires_at <= now]:
                keys = keys.discard(old)
        return replace(self, temporary_keys=keys.insert(key.id, key))

    def with_group(self, arn: str, policies: tuple[Policy, ...]) -> Directory:
        """Return the directory with a group and its policies."""
        return replace(self, groups=self.groups.insert(arn, policies))

    def without_group(self, arn: str) -> Directory:
        """Return the directory without a group."""
        return replace(self, groups=self.groups.discard(arn), iam=self.iam.discard(arn))

    def with_iam(self, arn: Arn, entry: IamEntry | None) -> Directory:
        """Return the directory with what IAM tells of somebody, or without it."""
        name = str(arn)
        iam = self.iam.insert(name, entry) if entry is not None else self.iam.discard(name)
        return replace(self, iam=iam)

    def with_managed_policy(self, policy: ManagedPolicy) -> Directory:
        """Return the directory with a managed policy, new or changed."""
        policies = self.managed_policies.insert(str(policy.arn), policy)
        return replace(self, managed_policies=policies)

    def without_managed_policy(self, arn: Arn) -> Directory:
        """Return the directory without a managed policy."""
        return replace(self, managed_policies=self.managed_policies.discard(str(arn)))

    def with_endpoint(self, endpoint: Endpoint) -> Directory:
        """Return the directory with a VPC endpoint."""
        return replace(self, endpoints=self.endpoints.insert(endpoint.id, endpoint))

    def principal(self, arn: Arn) -> Principal | None:
        """Return the caller that an ARN names, with all facts that are known of it.

        None when the ARN names no kind of caller, or an identity that an account of this
        directory does not have.
        """
        session = self.sessions.get(str(arn))
        if session is not None:
            return self._with_facts(_of_session(session), session)
        principal = principal_from_arn(arn, self._role_of(arn))
        if principal is None:
            return None
        owner = self.identity_of(principal)
        known = arn.account in self.accounts
        if owner is None and known and principal.kind is not PrincipalKind.ROOT:
            return None
        return self._with_facts(principal, None)

    def _role_of(self, arn: Arn) -> Arn | None:
        """Return the ARN of a session's role, path and all (AUTH E-15)."""
        if (arn.service, arn.type) != ("sts", "assumed-role"):
            return None
        return self.roles.get((arn.account, arn.resource.split("/")[1].lower()))

    def identity_of(self, principal: Principal) -> Identity | None:
        """Return the user or role behind a caller: itself, its role, or its federating user."""
        arn = principal.issuer or principal.arn
        return self.identities.get(str(arn)) if arn is not None else None

    def session_of(self, principal: Principal, access_key: str | None = None) -> Session | None:
        """Return what is known of a caller's session: that of its credentials, or of its ARN."""
        key = self.temporary_keys.get(access_key) if access_key is not None else None
        if key is not None:
            return key.session
        return self.sessions.get(str(principal.arn)) if principal.arn is not None else None

    def policies_of(self, principal: Principal) -> tuple[Policy, ...]:
        """Return all identity policies of a caller, those of its groups included (AUTH L-5)."""
        identity = self.identity_of(principal)
        if identity is None:
            return ()
        of_groups = tuple(p for group in identity.groups for p in self.groups.get(group, ()))
        return identity.policies + of_groups

    def unique_id(self, arn: str) -> str | None:
        """Return the unique id that a user or role ARN stands for now, or None."""
        identity = self.identities.get(arn)
        return identity.unique_id if identity is not None else None

    def access_key(self, key_id: str) -> tuple[Identity, AccessKey] | None:
        """Return whose an access key is, and the key; None for an id that nobody has."""
        owner = self.access_keys.get(key_id)
        if owner is None:
            return None
        identity = self.identities[owner]
        return identity, next(key for key in identity.access_keys if key.id == key_id)

    def holder(self, key: TemporaryKey) -> Principal | None:
        """Return whose temporary credentials these are; None once nobody of that id is there."""
        if key.session is not None:
            holder = self._with_facts(_of_session(key.session), key.session)
        else:
            known = self.principal(key.arn)
            if known is None:
                return None
            holder = replace(known, facts={**known.facts, **key.facts})
        return holder if holder.unique_id == key.owner_id else None

    def knows(self, principal: str) -> bool:
        """Tell whether a principal of a policy or grant exists (AUTH P-12, P-14).

        Principals of accounts that are not simulated are taken to exist (CORE K-78).
        """
        entry = principal_pattern("AWS", principal, Span(0, 0))
        if entry.form in (PrincipalForm.USER, PrincipalForm.ROLE):
            return entry.account not in self.accounts or entry.text in self.identities
        if entry.form is PrincipalForm.UNIQUE_ID:
            return entry.text in self.unique_ids
        return True

    def organization_facts(self, account: str | None, prefix: str) -> dict[str, Values]:
        """Return the organization keys of an account (AUTH J-16, J-17, J-51)."""
        found = self.accounts.get(account) if account is not None else None
        if found is None or found.organization is None:
            return {}
        facts: dict[str, Values] = {f"aws:{prefix}OrgID": found.organization}
        if found.path is not None:
            facts[f"aws:{prefix}OrgPaths"] = (found.path,)
        return facts

    def _with_facts(self, principal: Principal, session: Session | None) -> Principal:
        identity = self.identity_of(principal)
        facts: dict[str, Values] = self.organization_facts(principal.account, "Principal")
        tags = dict(identity.tags) if identity is not None else {}
        if session is not None:
            tags |= session.tags  # AUTH J-15: the session's tag wins
            facts |= session.facts
        facts |= {f"aws:PrincipalTag/{key}": value for key, value in tags.items()}
        return replace(
            principal,
            unique_id=identity.unique_id if identity is not None else None,
            service_linked=identity is not None and identity.service_linked,
            facts=facts,
        )


def _of_session(session: Session) -> Principal:
    federated = session.arn.type == "federated-user"
    kind = PrincipalKind.FEDERATED_USER if federated else PrincipalKind.ROLE_SESSION
    return Principal(
        kind, session.arn, issuer=session.issuer, identity_provider=session.identity_provider
    )


def is_iam_name(text: str) -> bool:
    """Tell whether a user or role can have this name."""
    return _IAM_NAME.fullmatch(text) is not None


def is_access_key_id(text: str) -> bool:
    """Tell whether a text has the form of the id of long-term credentials (CORE K-202)."""
    return _ACCESS_KEY_ID.fullmatch(text) is not None


def is_secret(text: str) -> bool:
    """Tell whether a text has the form of a secret access key: 40 characters of Base64."""
    return _SECRET.fullmatch(text) is not None


def service_principal(name: str, facts: Mapping[str, Values] | None = None) -> Principal:
    """Return an AWS service that calls in its own name (AUTH E-9)."""
    return Principal(PrincipalKind.SERVICE, service=name, facts=dict(facts or {}))


ANONYMOUS = Principal(PrincipalKind.ANONYMOUS)
