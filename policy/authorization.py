"""authorize(): the answers of the reference evaluator, from compiled policies (AUTH 11).

Documents are compiled once and planned once for each action; a request is read once. What comes
back names the outcome, the layer, the path and what decided. The whole trace is made by the
reference evaluator, when someone asks for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from policy.compiler import Bucket, CompiledPolicy, Hit, Keys, principal_key
from policy.decision import AllowPath, Decision, Documents, Layer, Level, MatchClass, Outcome
from policy.grants import Grant, GrantConstraints, account_of
from policy.model import Policy, PrincipalForm
from policy.operators import COMPARISONS
from policy.pattern import parse_pattern
from policy.principals import grant_principal
from policy.reference import decide as decide_by_reference
from policy.request import Principal, PrincipalKind, Request, Values, caller_facts
from policy.vocabulary import (
    ACTIONS,
    CONTEXT_FREE_GRANT_OPERATIONS,
    WITHOUT_CALLER_ACCOUNT,
    Action,
    ResourceKind,
)

DIRECT, ROLE_BOUND, ACCOUNT = MatchClass.DIRECT, MatchClass.ROLE_BOUND, MatchClass.ACCOUNT
By: TypeAlias = "tuple[Layer, str, int] | Grant"
"""A statement by layer, policy name and index, or a grant."""

MAX_KEPT = 4096
"""How many names, callers and plans are kept ready."""


class Verdict:
    """What was decided, by which layer, in which way, and by which statements or grants."""

    __slots__ = ("by", "documents", "layer", "outcome", "path", "request")

    def __init__(
        self,
        prepared: Prepared,
        documents: Documents,
        outcome: Outcome,
        layer: Layer,
        path: AllowPath | None = None,
        by: tuple[By, ...] = (),
    ) -> None:
        self.request = prepared.request
        self.documents = documents
        self.outcome = outcome
        self.layer = layer
        self.path = path
        self.by = by

    @property
    def allowed(self) -> bool:
        """Whether the request may go on."""
        return self.outcome is Outcome.ALLOWED

    def decision(self) -> Decision:
        """Return the decision with its whole trace, made by the reference evaluator."""
        return decide_by_reference(self.request, self.documents)


# The documents, compiled, and what an action needs of them


@dataclass(frozen=True, slots=True)
class CompiledDocuments:
    """The documents of a request, each compiled; None means that a layer does not apply."""

    source: Documents
    key_policy: CompiledPolicy | None
    identity: tuple[CompiledPolicy, ...]
    boundary: CompiledPolicy | None
    session: tuple[CompiledPolicy, ...] | None
    scps: tuple[tuple[CompiledPolicy, ...], ...] | None
    rcps: tuple[tuple[CompiledPolicy, ...], ...] | None
    endpoint: CompiledPolicy | None
    grants: GrantIndex
    plans: dict[str, Plan] = field(default_factory=dict, repr=False, compare=False)

    def plan(self, action: str) -> Plan:
        """Return what there is to ask about an action, given in lower case."""
        found = self.plans.get(action)
        if found is None:
            found = Plan(self, action)
            if len(self.plans) < MAX_KEPT:
                self.plans[action] = found
        return found


def compile_documents(documents: Documents) -> CompiledDocuments:
    """Return the documents ready to be asked many times."""

    def levels(given: tuple[Level, ...] | None) -> tuple[tuple[CompiledPolicy, ...], ...] | None:
        if given is None:
            return None
        return tuple(tuple(map(CompiledPolicy, level.policies)) for level in given)

    def one(policy: Policy | None) -> CompiledPolicy | None:
        return CompiledPolicy(policy) if policy is not None else None

    resource_policy = documents.key_policy
    return CompiledDocuments(
        documents,
        CompiledPolicy(resource_policy, hides=True) if resource_policy is not None else None,
        tuple(map(CompiledPolicy, documents.identity)),
        one(documents.boundary),
        tuple(map(CompiledPolicy, documents.session)) if documents.session is not None else None,
        levels(documents.scps),
        levels(documents.rcps),
        one(documents.endpoint),
        GrantIndex(documents.grants),
    )


Named: TypeAlias = tuple[str, Bucket]
"""A policy's name and its statements that matter."""


class Plan:
    """The statements of each layer that concern one action; layers without any are empty."""

    __slots__ = ("boundary", "denies", "endpoint", "identity", "key_policy", "scps", "session")

    def __init__(self, documents: CompiledDocuments, action: str) -> None:
        def allows(policies: Iterable[CompiledPolicy]) -> tuple[Named, ...]:
            found = ((p.policy.name, p.allows(action)) for p in policies)
            return tuple((name, bucket) for name, bucket in found if bucket)

        def denies(policies: Iterable[CompiledPolicy]) -> tuple[Named, ...]:
            found = ((p.policy.name, p.denies(action)) for p in policies)
            return tuple((name, bucket) for name, bucket in found if bucket)

        def one(policy: CompiledPolicy | None) -> tuple[CompiledPolicy, ...]:
            return (policy,) if policy is not None else ()

        def every(levels: tuple[tuple[CompiledPolicy, ...], ...] | None) -> list[CompiledPolicy]:
            return [policy for level in levels or () for policy in level]

        self.key_policy = allows(one(documents.key_policy))
        self.identity = allows(documents.identity)
        self.boundary = allows(one(documents.boundary))
        self.session = allows(documents.session or ())
        self.endpoint = allows(one(documents.endpoint))
        # A level that allows whatever the request says need not be asked (L-12).
        self.scps = tuple(
            found
            for found in map(allows, documents.scps or ())
            if not any(bucket.is_open for _, bucket in found)
        )
        swept = (
            (Layer.RCP, every(documents.rcps)),
            (Layer.SCP, every(documents.scps)),
            (Layer.ENDPOINT, one(documents.endpoint)),
            (Layer.KEY_POLICY, one(documents.key_policy)),
            (Layer.IDENTITY, documents.identity),
            (Layer.BOUNDARY, one(documents.boundary)),
            (Layer.SESSION, documents.session or ()),
        )  # L-21
        asked = ((layer, denies(policies)) for layer, policies in swept)
        self.denies = tuple((layer, found) for layer, found in asked if found)


class GrantIndex:
    """The grants on a key by what must fit first: key, operation and grantee (AUTH N-20)."""

    __slots__ = ("_found",)

    def __init__(self, grants: Iterable[Grant]) -> None:
        self._found: dict[tuple[str, str, str], list[Grant]] = {}
        for grant in grants:
            key = principal_key(grant_principal(grant.grantee_principal))
            if key:
                for operation in grant.operations:
                    at = (grant.key_arn, operation, key)
                    self._found.setdefault(at, []).append(grant)

    def __bool__(self) -> bool:
        return bool(self._found)

    def get(self, key_arn: str, operation: str, principal: str) -> Iterable[Grant]:
        """Return the grants that fit so far."""
        return self._found.get((key_arn, operation, principal), ())


# The caller and the request, read once


class Profile:
    """What follows from a caller alone: its keys, its condition keys, which layers it has."""

    __slots__ = ("bounded", "facts", "keys", "principal", "root_like", "sessions", "signed",
                 "under_scps")  # fmt: skip

    def __init__(self, caller: Principal) -> None:
        kind = caller.kind
        self.principal = caller
        self.keys = tuple(_caller_keys(caller))
        self.facts = {name.lower(): value for name, value in caller_facts(caller).items()}
        self.signed = caller.arn is not None
        self.under_scps = self.signed and not caller.service_linked  # L-1, L-52
        self.bounded = self.under_scps and kind is not PrincipalKind.ROOT  # L-6
        self.sessions = kind in (PrincipalKind.ROLE_SESSION, PrincipalKind.FEDERATED_USER)  # L-7
        self.root_like = kind is PrincipalKind.ROOT or (
            kind is PrincipalKind.FEDERATED_USER
            and caller.issuer is not None
            and caller.issuer.resource == "root"
        )  # L-5, L-55


_PROFILES: dict[int, Profile] = {}


def profile_of(caller: Principal) -> Profile:
    """Return a caller's profile; it is kept, together with the caller."""
    found = _PROFILES.get(id(caller))
    if found is None or found.principal is not caller:
        if len(_PROFILES) >= MAX_KEPT:
            _PROFILES.clear()
        found = _PROFILES[id(caller)] = Profile(caller)
    return found


def _caller_keys(caller: Principal) -> list[tuple[str, MatchClass]]:
    """Return the keys under which entries name a caller, the closest first (AUTH 5.1)."""
    keys = [("*", DIRECT)]
    kind = caller.kind
    if caller.arn is not None:
        if kind is PrincipalKind.USER:
            keys.append((f"p{caller.arn}", DIRECT))
        elif kind is not PrincipalKind.ROOT:
            keys.append((f"s{caller.arn}", DIRECT))
    if kind is PrincipalKind.SERVICE:
        keys.append((f"v{caller.service}", DIRECT))
    if caller.identity_provider is not None:
        keys.append((f"f{caller.identity_provider}", DIRECT))
    if caller.unique_id is not None:
        own = kind is PrincipalKind.USER
        keys.append((f"u{caller.unique_id}", DIRECT if own else ROLE_BOUND))
    if caller.issuer is not None:
        keys.append((f"p{caller.issuer}", ROLE_BOUND))
    if caller.account is not None:
        root = kind is PrincipalKind.ROOT
        keys.append((f"a{caller.account}", DIRECT if root else ACCOUNT))
    keys.sort(key=lambda pair: -pair[1])
    return keys


_NAMES: dict[str, tuple[str, bool]] = {}


def _folded(name: str) -> tuple[str, bool]:
    """Return a condition key in lower case, and whether its own spelling must be kept too."""
    found = _NAMES.get(name)
    if found is None:
        lower = name.lower()
        found = (lower, lower != name and ("/" in name or name.count(":") > 1))
        if len(_NAMES) < MAX_KEPT:
            _NAMES[name] = found
    return found


class Prepared:
    """A request, read once: names in lower case, what follows from it filled in."""

    __slots__ = ("action", "facts", "kind", "known", "profile", "request", "segments")

    def __init__(self, request: Request) -> None:
        self.request = request
        self.action = request.action.lower()
        self.known = ACTIONS.get(self.action)
        self.profile = profile_of(request.principal)
        self.kind = request.resource.kind
        arn = request.resource.arn
        self.segments = (
            ("arn", arn.partition, arn.service, arn.region, arn.account, arn.resource)
            if arn is not None
            else None
        )
        self.facts = _facts(request, self.known, self.profile)


def _facts(request: Request, action: Action | None, profile: Profile) -> dict[str, Values]:
    """Return the context by lower-case names, with what follows from the request (AUTH 9)."""
    context, resource = request.context, request.resource
    derived = dict(profile.facts)
    if request.at is not None:
        derived["aws:currenttime"] = request.at.strftime("%Y-%m-%dT%H:%M:%SZ")
        derived["aws:epochtime"] = str(int(request.at.timestamp()))
    if resource.account is not None:
        derived["aws:resourceaccount"] = resource.account
    arn = profile.principal.arn
    if arn is not None and action is not None and action.name not in WITHOUT_CALLER_ACCOUNT:
        derived["kms:calleraccount"] = arn.account
    for name in context.barred:
        derived.pop(name, None)
    given: dict[str, Values] = {}
    spelling: dict[str, str] = {}
    for name, value in context.values_by_name.items():
        lower, keep = _NAMES.get(name) or _folded(name)
        if keep:
            given[name] = value
        if lower in spelling and spelling[lower] < name:
            continue  # AUTH J-100: the first by code point order
        spelling[lower] = name
        given[lower] = value
    derived.update(given)
    return derived


# The procedure


def authorize(request: Request, documents: CompiledDocuments) -> Verdict:
    """Return what all applicable documents together say about one request; never raises."""
    return _Asking(Prepared(request), documents).verdict()


def authorize_prepared(prepared: Prepared, documents: CompiledDocuments) -> Verdict:
    """Return the same for a request that has been read before."""
    return _Asking(prepared, documents).verdict()


class _Asking:
    """One request on its way through the layers."""

    __slots__ = ("docs", "has_policy", "keys", "of", "plan", "profile", "retires")

    def __init__(self, prepared: Prepared, docs: CompiledDocuments) -> None:
        resource = prepared.request.resource
        self.of = prepared
        self.docs = docs
        self.profile = prepared.profile
        self.plan = docs.plan(prepared.action)
        self.retires = prepared.action == "kms:retiregrant"
        kind = prepared.kind
        self.has_policy = (kind is ResourceKind.KEY or kind is None) and not resource.planned
        keys = self.profile.keys
        bound = docs.source.bound_ids
        if bound:  # AUTH E-20: not those of an identity that was made anew
            mine = self.profile.principal.unique_id
            keys = tuple(k for k in keys if k[0][0] != "p" or bound.get(k[0][1:], mine) == mine)
        self.keys = keys

    # Which layers apply (AUTH 11.1)

    def _applies(self, layer: Layer) -> bool:
        profile, docs = self.profile, self.docs
        if layer is Layer.KEY_POLICY:
            return self.has_policy and not self.retires  # L-4, N-51
        if layer is Layer.IDENTITY:
            return profile.signed and not profile.root_like
        if layer is Layer.SCP:
            return profile.under_scps and docs.scps is not None
        if layer is Layer.SESSION:
            return profile.sessions and docs.session is not None
        if layer is Layer.BOUNDARY:
            return profile.bounded and docs.boundary is not None
        if layer is Layer.RCP:
            linked = profile.principal.service_linked
            exempt = self.of.request.resource.aws_managed or self.retires or linked
            return self.has_policy and not exempt  # L-2
        return docs.endpoint is not None

    # What documents say

    def _hits(self, bucket: Bucket, keys: Keys, *, deny: bool) -> list[Hit]:
        of = self.of
        if bucket.not_listed:
            caller = self.profile.principal
            bounded = self._applies(Layer.BOUNDARY)
            return bucket.hits_with_not_listed(
                keys, of.segments, of.facts, caller, deny=deny, bounded=bounded
            )
        return bucket.hits(keys, of.segments, of.facts)

    def _allowing(self, layer: Layer, found: tuple[Named, ...]) -> list[By]:
        keys = self.profile.keys
        return [
            (layer, name, hit[0])
            for name, bucket in found
            for hit in self._hits(bucket, keys, deny=False)
        ]

    def _sweep(self) -> Verdict | None:
        """AUTH L-10, L-21: one Deny anywhere is enough; the order picks the layer named."""
        for layer, found in self.plan.denies:
            if not self._applies(layer):
                continue
            keys = self.keys if layer is Layer.KEY_POLICY else self.profile.keys
            by = [
                (layer, name, hit[0])
                for name, bucket in found
                for hit in self._hits(bucket, keys, deny=True)
            ]
            if by:
                return self._answer(Outcome.EXPLICITLY_DENIED, layer, None, by)
        return None

    def _guardrail(self) -> Layer | None:
        """AUTH L-12, L-14, L-22: SCPs must allow at every level, and the endpoint policy too."""
        plan = self.plan
        if plan.scps and self.profile.under_scps:
            for level in plan.scps:
                if not self._allowing(Layer.SCP, level):
                    return Layer.SCP
        if self.docs.endpoint is not None and not self._allowing(Layer.ENDPOINT, plan.endpoint):
            return Layer.ENDPOINT
        return None

    # Answers

    def _answer(
        self, outcome: Outcome, layer: Layer, path: AllowPath | None, by: Iterable[By]
    ) -> Verdict:
        return Verdict(self.of, self.docs.source, outcome, layer, path, tuple(by))

    def _no(self, layer: Layer) -> Verdict:
        return Verdict(self.of, self.docs.source, Outcome.IMPLICITLY_DENIED, layer)

    def _yes(self, path: AllowPath, by: Iterable[By] = ()) -> Verdict:
        layer = _LAYERS.get(path, Layer.KEY_POLICY)
        return Verdict(self.of, self.docs.source, Outcome.ALLOWED, layer, path, tuple(by))

    # The procedure of section 11

    def verdict(self) -> Verdict:
        """AUTH section 11."""
        of = self.of
        resource, caller, known = of.request.resource, of.request.principal, of.known
        here = resource.arn.partition if resource.arn is not None else None
        if caller.arn is not None and here not in (None, caller.arn.partition):
            return self._no(Layer.SERVICE)
        kind = of.kind
        if kind is None:
            return self._other_service()
        if of.action.startswith("kms:") and (known is None or not known.is_checked_on(kind)):
            return self._sweep() or self._no(Layer.SERVICE)
        if kind is not ResourceKind.KEY or resource.planned:
            return self._plain()
        if self.retires:
            return self._retire()
        return self._key_check()

    def _key_check(self) -> Verdict:
        resource, known, profile = self.of.request.resource, self.of.known, self.profile
        same = profile.principal.account == resource.account
        foreign = known is not None and known.cross_account
        if not same and not foreign and profile.signed:
            return self._no(Layer.SERVICE)  # K-61
        denied = self._sweep()
        if denied is not None:
            return denied
        if resource.aws_managed and known is not None and known.fixed_on_aws_managed:
            return self._no(Layer.SERVICE)  # K-82
        guard = self._guardrail()
        if guard is not None:
            return self._no(guard)
        offers = self._offers()
        grants = self._grants() if self.docs.grants else []
        if not profile.signed:
            return self._unsigned([*(by for by, _ in offers), *(grant for grant, _ in grants)])
        return self._same(offers, grants) if same else self._cross(offers, grants)

    def _unsigned(self, by: list[By]) -> Verdict:
        """AUTH L-51, L-57: for services and anonymous callers the key's side is all there is."""
        if not by:
            return self._no(Layer.KEY_POLICY)
        service = self.profile.principal.kind is PrincipalKind.SERVICE
        return self._yes(AllowPath.SERVICE_PRINCIPAL if service else AllowPath.DIRECT, by)

    def _offers(self) -> list[tuple[By, MatchClass]]:
        if not self.has_policy:
            return []
        return [
            ((Layer.KEY_POLICY, name, index), match_class)
            for name, bucket in self.plan.key_policy
            for index, match_class in self._hits(bucket, self.keys, deny=False)
        ]

    def _bounded(self) -> bool:
        """Whether there is no boundary, or it allows."""
        if not self._applies(Layer.BOUNDARY):
            return True
        return bool(self._allowing(Layer.BOUNDARY, self.plan.boundary))

    def _session(self) -> tuple[bool, bool]:
        """Whether the session lets through what is delegated, and what names it (L-17, L-20)."""
        if self._applies(Layer.SESSION):
            says = bool(self._allowing(Layer.SESSION, self.plan.session))
            return says, says
        return self.profile.principal.kind is not PrincipalKind.FEDERATED_USER, True

    def _same(
        self, offers: list[tuple[By, MatchClass]], grants: list[tuple[Grant, MatchClass]]
    ) -> Verdict:
        """AUTH L-30 to L-35, N-24, N-25."""
        found = [by for by, match_class in offers if match_class is DIRECT]
        if found:
            return self._yes(AllowPath.DIRECT, found)
        roles = [by for by, match_class in offers if match_class is ROLE_BOUND]
        if not grants and not roles and not offers:
            return self._no(Layer.KEY_POLICY)
        bounded, session = self._bounded(), self._session()[0]
        within = bounded and session
        if roles and within:
            return self._yes(AllowPath.ROLE, roles)
        direct_grants = [g for g, match_class in grants if match_class is DIRECT]
        if direct_grants:
            return self._yes(AllowPath.GRANT, direct_grants)
        role_grants = [g for g, match_class in grants if match_class is ROLE_BOUND]
        if role_grants and within:
            return self._yes(AllowPath.GRANT, role_grants)
        accounts = [by for by, match_class in offers if match_class is ACCOUNT]
        account_grants = [g for g, match_class in grants if match_class is ACCOUNT]
        allows = False
        if accounts or account_grants:
            identity, allows = self._identity()
            if allows and within:
                if accounts:
                    return self._yes(AllowPath.ACCOUNT, [*accounts, *identity])
                return self._yes(AllowPath.GRANT, account_grants)
        if roles or role_grants:
            return self._no(Layer.SESSION if bounded else Layer.BOUNDARY)
        return self._no(_first_missing(allows, bounded))

    def _cross(
        self, offers: list[tuple[By, MatchClass]], grants: list[tuple[Grant, MatchClass]]
    ) -> Verdict:
        """AUTH L-36 to L-38, N-26."""
        bounded = self._bounded()
        session, plain = self._session()
        named = [g for g, c in grants if c is DIRECT] if plain else []
        named += [g for g, c in grants if c is ROLE_BOUND] if session else []
        if named and bounded:
            return self._yes(AllowPath.GRANT, named)
        identity, allows = self._identity()
        if not (allows and bounded and session):
            return self._no(_first_missing(allows, bounded))
        if offers:
            return self._yes(AllowPath.CROSS_ACCOUNT, [*(by for by, _ in offers), *identity])
        if grants:
            return self._yes(AllowPath.GRANT, [grant for grant, _ in grants])
        return self._no(Layer.KEY_POLICY)

    def _identity(self) -> tuple[list[By], bool]:
        """Return the identity statements that allow, and whether the layer does (L-5, L-15)."""
        if self.profile.root_like:
            return [], True
        if not self.profile.signed:
            return [], False
        found = self._allowing(Layer.IDENTITY, self.plan.identity)
        return found, bool(found)

    def _alone(self) -> Verdict:
        """The caller's side by itself: identity, boundary and session must allow."""
        identity, allows = self._identity()
        bounded, session = self._bounded(), self._session()[0]
        if allows and bounded and session:
            return self._yes(AllowPath.IDENTITY, identity)
        return self._no(_first_missing(allows, bounded))

    def _plain(self) -> Verdict:
        """AUTH L-40, L-41."""
        denied = self._sweep()
        if denied is not None:
            return denied
        resource, caller = self.of.request.resource, self.profile.principal
        if self.of.kind is ResourceKind.ALIAS:
            reserved = resource.arn is not None and resource.arn.resource.startswith("alias/aws/")
            if caller.account != resource.account or reserved:
                return self._no(Layer.SERVICE)  # L-41, K-64
        guard = self._guardrail()
        if guard is not None:
            return self._no(guard)
        if caller.kind is PrincipalKind.ROOT:
            return self._yes(AllowPath.ROOT)
        return self._alone() if self.profile.signed else self._no(Layer.IDENTITY)

    def _other_service(self) -> Verdict:
        """IAM's general rule: one account, either side; two accounts, both."""
        denied = self._sweep()
        if denied is not None:
            return denied
        guard = self._guardrail()
        if guard is not None:
            return self._no(guard)
        offers, profile = self._offers(), self.profile
        if not profile.signed:
            return self._unsigned([by for by, _ in offers])
        if profile.principal.account != self.of.request.resource.account:
            return self._cross(offers, [])
        direct = [by for by, match_class in offers if match_class is DIRECT]
        if direct:
            return self._yes(AllowPath.DIRECT, direct)
        roles = [by for by, match_class in offers if match_class is ROLE_BOUND]
        if roles and self._bounded() and self._session()[0]:
            return self._yes(AllowPath.ROLE, roles)
        if profile.principal.kind is PrincipalKind.ROOT:
            return self._yes(AllowPath.ROOT)
        return self._alone()

    # Grants

    def _grants(self) -> list[tuple[Grant, MatchClass]]:
        """AUTH N-20 to N-24."""
        if not self.has_policy:
            return []
        of, index = self.of, self.docs.grants
        operation = of.known.name if of.known is not None else of.request.operation
        arn, mine = str(of.request.resource), self.profile.principal.unique_id
        found = []
        for key, match_class in self.profile.keys:
            for grant in index.get(arn, operation, key):
                bound = key[0] == "p" and grant.grantee_id is not None
                if bound and grant.grantee_id != mine:
                    continue  # N-6
                if self._grant_holds(grant, operation):
                    found.append((grant, match_class))
        return found

    def _grant_holds(self, grant: Grant, operation: str) -> bool:
        request, ends = self.of.request, grant.ends_at
        if ends is not None and (request.at is None or request.at >= ends):
            return False
        if not grant.is_effective(request.at, request.grant_tokens):
            return False
        constraints = grant.constraints
        if operation == "CreateGrant":
            child = request.subject
            if child is None or child.operations - grant.operations:
                return False
            if not child.constraints.at_least_as_strict_as(constraints):
                return False
        elif operation not in CONTEXT_FREE_GRANT_OPERATIONS and not _pairs_hold(
            constraints, request.context.encryption_context
        ):
            return False
        caller = self.profile.principal
        if constraints.source_arn is None or caller.kind is not PrincipalKind.SERVICE:
            return True
        actual = request.context.single("aws:SourceArn")
        test = COMPARISONS["arnlike"].test
        return actual is not None and test(parse_pattern(constraints.source_arn), actual) is True

    def _retire(self) -> Verdict:
        """AUTH N-50 to N-52."""
        denied = self._sweep()
        if denied is not None:
            return denied
        if self.profile.under_scps:
            for level in self.plan.scps:
                if not self._allowing(Layer.SCP, level):
                    return self._no(Layer.SCP)
        caller, grant = self.profile.principal, self.of.request.subject
        if grant is None:
            return self._no(Layer.SERVICE)
        named = [(grant.retiring_principal, grant.retiring_id)]
        if "RetireGrant" in grant.operations:
            named.append((grant.grantee_principal, grant.grantee_id))
        accounts = {account_of(grant.issuing_account)} if grant.issuing_account else set()
        mine = {key for key, _ in self.profile.keys}
        for principal, unique_id in named:
            if principal is None:
                continue
            entry = grant_principal(principal)
            if entry.form is PrincipalForm.ACCOUNT:
                accounts.add(entry.account)
                continue
            key = principal_key(entry)
            bound = key[:1] == "p" and unique_id is not None
            if key in mine and not (bound and unique_id != caller.unique_id):
                return self._yes(AllowPath.GRANT, [grant])
        if caller.account is None or caller.account not in accounts:
            return self._no(Layer.SERVICE)
        if caller.kind is PrincipalKind.ROOT:
            return self._yes(AllowPath.GRANT)
        return self._alone()


_LAYERS = {
    AllowPath.GRANT: Layer.GRANT,
    AllowPath.IDENTITY: Layer.IDENTITY,
    AllowPath.ROOT: Layer.IDENTITY,
}


def _first_missing(identity: bool, boundary: bool) -> Layer:
    if not identity:
        return Layer.IDENTITY
    return Layer.SESSION if boundary else Layer.BOUNDARY


def _pairs_hold(constraints: GrantConstraints, pairs: Mapping[str, str]) -> bool:
    """AUTH N-22: names and values are compared as they are."""
    if constraints.equals and dict(constraints.equals) != dict(pairs):
        return False
    return all(pairs.get(k) == v for k, v in (constraints.subset or {}).items())
