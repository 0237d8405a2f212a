"""What is left to ask once caller, action, resource and documents are known (AUTH 11).

A statement of which principal, action or resource do not match is gone; of the others there is
a test of what depends on the context, if anything does. Grants are found by key, operation and
grantee.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

from policy.callers import Keys, principal_key, profile_of
from policy.compiler import CompiledStatement, Segments, all_of
from policy.condition_tests import Test
from policy.decision import (
    AllowPath,
    Deciding,
    Decision,
    Documents,
    Layer,
    MatchClass,
    Outcome,
    StatementName,
    Trace,
)
from policy.grant_index import GrantGroup, is_in_time, pairs_hold
from policy.grants import Grant, account_of
from policy.model import PrincipalForm
from policy.operators import COMPARISONS
from policy.pattern import parse_pattern
from policy.planning import Found, applicable
from policy.principals import grant_principal
from policy.request import PrincipalKind, Request, Resource, Values
from policy.text_tests import Facts
from policy.tracing import Tracing
from policy.vocabulary import (
    ACTIONS,
    CONTEXT_FREE_GRANT_OPERATIONS,
    WITHOUT_CALLER_ACCOUNT,
    ResourceKind,
)

Candidates: TypeAlias = tuple[tuple[Test | None, StatementName], ...]
"""Statements that apply if their test holds; without a test they apply."""

_SWEEP = (
    Layer.RCP, Layer.SCP, Layer.ENDPOINT, Layer.KEY_POLICY, Layer.IDENTITY, Layer.BOUNDARY,
    Layer.SESSION,
)  # fmt: skip
# In Python 3.11 a member of an enum costs as much as a test when it is asked of its class.
_ALLOWED = Outcome.ALLOWED
_EXPLICITLY_DENIED = Outcome.EXPLICITLY_DENIED
_IMPLICITLY_DENIED = Outcome.IMPLICITLY_DENIED
_SCP, _ENDPOINT, _KEY_POLICY = Layer.SCP, Layer.ENDPOINT, Layer.KEY_POLICY
_IDENTITY, _BOUNDARY, _SESSION = Layer.IDENTITY, Layer.BOUNDARY, Layer.SESSION
_SERVICE = Layer.SERVICE
_DIRECT, _ROLE_BOUND, _ACCOUNT = MatchClass.DIRECT, MatchClass.ROLE_BOUND, MatchClass.ACCOUNT
_BY_DIRECT, _BY_ROLE, _BY_ACCOUNT = AllowPath.DIRECT, AllowPath.ROLE, AllowPath.ACCOUNT
_BY_CROSS_ACCOUNT, _BY_GRANT = AllowPath.CROSS_ACCOUNT, AllowPath.GRANT
_BY_SERVICE_PRINCIPAL = AllowPath.SERVICE_PRINCIPAL
_BY_IDENTITY, _BY_ROOT = AllowPath.IDENTITY, AllowPath.ROOT

_LAYERS = {
    **dict.fromkeys(AllowPath, Layer.KEY_POLICY),
    AllowPath.GRANT: Layer.GRANT,
    AllowPath.IDENTITY: Layer.IDENTITY,
    AllowPath.ROOT: Layer.IDENTITY,
}
"""The layer that allows on each path."""


def _holding(candidates: Candidates, facts: Facts) -> tuple[StatementName, ...]:
    return tuple([name for test, name in candidates if test is None or test(facts)])


def _any_holds(candidates: Candidates, facts: Facts) -> bool:
    for test, _ in candidates:  # noqa: SIM110 - a generator would cost as much again
        if test is None or test(facts):
            return True
    return False


class Residual:
    """The question about one caller, action and resource, as far as it is open."""

    __slots__ = (
        "_answer", "_asks", "_bounded_by", "_delegating", "_denies", "_denies_of", "_derived",
        "_direct", "_endpoint", "_grants", "_identity", "_is_unlimited", "_offers", "_role_bound",
        "_scps", "_session", "_tells_time", "_tracing", "_within", "action", "asked_action",
        "compares_pairs", "documents", "keys", "layers", "operation", "profile", "resource",
        "segments",
    )  # fmt: skip

    def __init__(self, request: Request, documents: Documents) -> None:
        self.profile = profile_of(request.principal)
        self.resource = request.resource
        self.asked_action = request.action
        self.action = request.action.lower()
        self.documents = applicable(documents)
        known = ACTIONS.get(self.action)
        self.operation = known.name if known is not None else request.operation
        self.compares_pairs = self.operation not in CONTEXT_FREE_GRANT_OPERATIONS  # N-22
        self.segments = _segments(request.resource)
        self.layers = self._layers()
        self.keys = self._bound_keys(documents.bound_ids)
        self._asks = self._tells_time = False
        self._tracing: Tracing | None = None
        self._plan()
        self._within = self._inner_procedure()
        self._answer = self._procedure()
        self._derived = self._derived_facts()

    def decide(self, request: Request) -> Decision:
        """AUTH section 11: one Deny anywhere is enough (L-10); then the procedure of the case."""
        if not self._asks:
            if self._denies:
                return self._denied(request, _NO_FACTS, self._denies[0][1].layer)
            return self._answer(request, _NO_FACTS)
        if self._tells_time:
            facts = self.facts(request, tells_time=True)
        else:
            facts = request.context.over(self._derived)
        for test, name in self._denies:
            if test is None or test(facts):
                return self._denied(request, facts, name.layer)
        return self._answer(request, facts)

    # Which layers apply (AUTH 11.1)

    def _layers(self) -> dict[Layer, bool]:
        profile, documents, resource = self.profile, self.documents.documents, self.resource
        kind = resource.kind
        has_policy = (kind is ResourceKind.KEY or kind is None) and not resource.planned
        retires = self.action == "kms:retiregrant"
        exempt = resource.aws_managed or retires or profile.principal.service_linked
        return {
            Layer.SCP: profile.under_scps and documents.scps is not None,
            Layer.RCP: has_policy and not exempt and documents.rcps is not None,  # L-2
            Layer.ENDPOINT: documents.endpoint is not None,
            Layer.KEY_POLICY: has_policy and not retires,  # L-4, N-51
            Layer.IDENTITY: profile.signed,
            Layer.BOUNDARY: profile.bounded and documents.boundary is not None,
            Layer.SESSION: profile.sessions and documents.session is not None,
            Layer.GRANT: has_policy and not retires and bool(documents.grants),  # L-8
        }

    def speaks(self, layer: Layer) -> bool:
        """Whether the documents of a layer are looked at; those of root users are not (L-5)."""
        return self.layers[layer] and not (layer is Layer.IDENTITY and self.profile.root_like)

    def _bound_keys(self, bound: Mapping[str, str]) -> Keys:
        """AUTH E-20: an ARN of the key policy does not name an identity that was made anew."""
        keys, mine = self.profile.keys, self.profile.principal.unique_id
        if not bound:
            return keys
        return tuple(k for k in keys if k[0][0] != "p" or bound.get(k[0][1:], mine) == mine)

    def keys_in(self, layer: Layer) -> Keys:
        """Return the keys under which the entries of a layer's policies name the caller."""
        return self.keys if layer is Layer.KEY_POLICY else self.profile.keys

    # Which statements are left

    def _plan(self) -> None:
        plan = self.documents.plan(self.action)

        def allowing(layer: Layer) -> Candidates:
            return _joined(self._left(layer, plan.allows.get(layer, ()), deny=False))

        self._denies_of = {
            layer: _joined(self._left(layer, plan.denies.get(layer, ()), deny=True))
            for layer in (() if self.is_refused else _SWEEP)
        }
        self._denies = tuple(pair for found in self._denies_of.values() for pair in found)
        levels = (plan.levels or ((),)) if self.layers[Layer.SCP] else ()  # no level allows nothing
        scps = (_joined(self._left(Layer.SCP, level, deny=False)) for level in levels)
        self._scps = tuple(level for level in scps if not any(test is None for test, _ in level))
        self._endpoint = allowing(Layer.ENDPOINT) if self.layers[Layer.ENDPOINT] else None
        offers = self._left(Layer.KEY_POLICY, plan.allows.get(Layer.KEY_POLICY, ()), deny=False)
        self._offers = _joined(offers)
        self._direct = _joined(offers, only=MatchClass.DIRECT)
        self._role_bound = _joined(offers, only=MatchClass.ROLE_BOUND)
        self._delegating = _joined(offers, only=MatchClass.ACCOUNT)
        self._identity = allowing(Layer.IDENTITY)
        self._bounded_by = allowing(Layer.BOUNDARY) if self.layers[Layer.BOUNDARY] else None
        self._session = allowing(Layer.SESSION) if self.layers[Layer.SESSION] else None
        federated = self.profile.principal.kind is PrincipalKind.FEDERATED_USER
        self._is_unlimited = self._bounded_by is None and self._session is None and not federated
        self._grants = tuple(self._fitting_grants()) if self.layers[Layer.GRANT] else ()

    def _left(self, layer: Layer, found: Iterable[Found], *, deny: bool) -> list[_Left]:
        left: list[_Left] = []
        if not self.speaks(layer):
            return left
        keys, caller = self.keys_in(layer), self.profile.principal
        bounded = self.layers[Layer.BOUNDARY]
        for each in found:
            for statement, match_class in each.bucket.reaching(
                keys, caller, deny=deny, bounded=bounded
            ):
                test = statement.test
                fits = statement.resource.fixed(self.segments)
                if fits is False:
                    continue
                if fits is None:
                    tests = (statement.resource.test(self.segments), test)
                    test = all_of(each for each in tests if each is not None)
                if test is not None:
                    self._asks = True
                    self._tells_time = self._tells_time or statement.tells_time
                name = _name(layer, each, statement)
                left.append((match_class, test, name))
        return left

    def _fitting_grants(self) -> Iterable[tuple[GrantGroup, MatchClass]]:
        """Yield the grants of which key, operation and grantee fit (AUTH N-20, N-21)."""
        arn, mine = str(self.resource), self.profile.principal.unique_id
        for key, match_class in self.profile.keys:
            group = self.documents.grants.get(arn, self.operation, key)
            if group is not None:
                yield group.bound_to(mine) if key[0] == "p" else group, match_class  # N-6

    # The context

    def _derived_facts(self) -> dict[str, Values]:
        """AUTH J-10 to J-19, J-50, J-60."""
        tells = self.action in ACTIONS and self.operation not in WITHOUT_CALLER_ACCOUNT
        return self.profile.derived(self.resource.account, tells_account=tells)

    def facts(self, request: Request, *, tells_time: bool) -> Facts:
        """Return the context of a request with what follows from it filled in (AUTH 9)."""
        derived = self._derived
        if tells_time and request.at is not None:  # J-30
            derived = {
                **derived,
                "aws:CurrentTime": request.at.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "aws:EpochTime": str(int(request.at.timestamp())),
            }
        return request.context.over(derived)

    # The procedure

    def _procedure(self) -> Procedure:
        """Return how such a request is decided where no Deny applies."""
        resource, caller = self.resource, self.profile.principal
        known, kind = ACTIONS.get(self.action), resource.kind
        if self.is_refused:
            return self._refused
        guarded = self._scps or self._endpoint is not None
        usual = self._guarded if guarded else self._within
        if kind is None:
            return usual
        if self.action.startswith("kms:") and (known is None or not known.is_checked_on(kind)):
            return self._refused  # no operation asks this
        if kind is not ResourceKind.KEY or resource.planned:
            foreign = caller.account != resource.account
            reserved = resource.arn is not None and resource.arn.resource.startswith("alias/aws/")
            is_alias = kind is ResourceKind.ALIAS
            return self._refused if is_alias and (foreign or reserved) else usual  # L-41, K-64
        if self.action == "kms:retiregrant":
            return self._retire
        if resource.aws_managed and known is not None and known.fixed_on_aws_managed:
            return self._refused  # K-82
        return usual

    @property
    def is_refused(self) -> bool:
        """Whether the service refuses before any policy is asked (AUTH A-10, K-61)."""
        resource, caller = self.resource, self.profile.principal
        here = resource.arn.partition if resource.arn is not None else None
        if caller.arn is not None and here not in (None, caller.arn.partition):
            return True
        known = ACTIONS.get(self.action)
        on_key = resource.kind is ResourceKind.KEY and not resource.planned
        foreign = self.profile.signed and caller.account != resource.account
        if not on_key or not foreign or self.action == "kms:retiregrant":
            return False
        if known is None or not known.is_checked_on(ResourceKind.KEY):
            return False
        return not known.cross_account

    def _refused(self, request: Request, _facts: Facts) -> Decision:
        return self._no(request, _SERVICE)

    def _guarded(self, request: Request, facts: Facts) -> Decision:
        for level in self._scps:  # L-12
            if not _any_holds(level, facts):
                return self._no(request, _SCP)
        if self._endpoint is not None and not _any_holds(self._endpoint, facts):  # L-14, L-22
            return self._no(request, _ENDPOINT)
        return self._within(request, facts)

    def _denied(self, request: Request, facts: Facts, layer: Layer) -> Decision:
        """AUTH L-21: all Denies of the first layer that has one."""
        by = _holding(self._denies_of[layer], facts)
        return Decision(request, _EXPLICITLY_DENIED, layer, None, by, self)

    def within_guardrails(self, request: Request, facts: Facts) -> Decision:
        """Return what is decided if no Deny applies, and SCPs and endpoint policy allow."""
        return self._within(request, facts)

    def _inner_procedure(self) -> Procedure:
        resource, profile = self.resource, self.profile
        if resource.kind is None:
            return self._other_service
        if resource.kind is not ResourceKind.KEY or resource.planned:
            return self._plain
        if not profile.signed:
            return self._unsigned
        if profile.principal.account != resource.account:
            return self._cross
        is_usual = self._is_unlimited and not self._grants
        return self._same_unlimited if is_usual else self._same

    def _same_unlimited(self, request: Request, facts: Facts) -> Decision:
        """The usual case of the next: no boundary, session policy or fitting grant."""
        by: tuple[StatementName, ...] = ()
        for test, name in self._direct:
            if test is None or test(facts):
                by += (name,)
        if by:
            return Decision(request, _ALLOWED, _KEY_POLICY, _BY_DIRECT, by, self)
        for test, name in self._role_bound:
            if test is None or test(facts):
                by += (name,)
        if by:
            return Decision(request, _ALLOWED, _KEY_POLICY, _BY_ROLE, by, self)
        for test, name in self._delegating:
            if test is None or test(facts):
                by += (name,)
        if not by:
            return Decision(request, _IMPLICITLY_DENIED, _KEY_POLICY, None, (), self)
        offers = by
        for test, name in self._identity:
            if test is None or test(facts):
                by += (name,)
        if by is offers:
            return Decision(request, _IMPLICITLY_DENIED, _IDENTITY, None, (), self)
        return Decision(request, _ALLOWED, _KEY_POLICY, _BY_ACCOUNT, by, self)

    def _same(self, request: Request, facts: Facts) -> Decision:
        """AUTH L-30 to L-35, N-24, N-25."""
        found = _holding(self._direct, facts)
        if found:
            return self._yes(request, _BY_DIRECT, found)
        roles, accounts = _holding(self._role_bound, facts), _holding(self._delegating, facts)
        grants = self._offering(request)
        if not roles and not accounts and not grants:
            return self._no(request, _KEY_POLICY)
        bounded, session = self._is_bounded(facts), self._is_in_session(facts)
        within = bounded and session
        if roles and within:
            return self._yes(request, _BY_ROLE, roles)
        direct_grants = _of(grants, _DIRECT)
        if direct_grants:
            return self._yes(request, _BY_GRANT, direct_grants)
        role_grants = _of(grants, _ROLE_BOUND)
        if role_grants and within:
            return self._yes(request, _BY_GRANT, role_grants)
        account_grants = _of(grants, _ACCOUNT)
        allows = False
        if accounts or account_grants:
            identity, allows = self._says_identity(facts)
            if allows and within:
                if accounts:
                    return self._yes(request, _BY_ACCOUNT, (*accounts, *identity))
                return self._yes(request, _BY_GRANT, account_grants)
        if roles or role_grants:
            return self._no(request, _SESSION if bounded else _BOUNDARY)
        return self._no(request, _first_missing(allows, bounded))

    def _cross(self, request: Request, facts: Facts) -> Decision:
        """AUTH L-36 to L-38, N-26."""
        bounded, session = self._is_bounded(facts), self._is_in_session(facts)
        grants = self._offering(request)
        plain = session or self._session is None
        named = _of(grants, _DIRECT) if plain else ()
        named += _of(grants, _ROLE_BOUND) if session else ()
        if named and bounded:
            return self._yes(request, _BY_GRANT, named)
        identity, allows = self._says_identity(facts)
        if not (allows and bounded and session):
            return self._no(request, _first_missing(allows, bounded))
        offers = self._all_offers(facts)
        if offers:
            return self._yes(request, _BY_CROSS_ACCOUNT, (*offers, *identity))
        if grants:
            return self._yes(request, _BY_GRANT, tuple(grant for grant, _ in grants))
        return self._no(request, _KEY_POLICY)

    def _unsigned(self, request: Request, facts: Facts) -> Decision:
        """AUTH L-51, L-57: for services and anonymous callers the key's side is all there is."""
        grants = tuple(grant for grant, _ in self._offering(request))
        by: tuple[Deciding, ...] = (*self._all_offers(facts), *grants)
        if not by:
            return self._no(request, _KEY_POLICY)
        service = self.profile.principal.kind is PrincipalKind.SERVICE
        return self._yes(request, _BY_SERVICE_PRINCIPAL if service else _BY_DIRECT, by)

    def _plain(self, request: Request, facts: Facts) -> Decision:
        """AUTH L-40: `*` and aliases; key policies are not consulted."""
        if self.profile.principal.kind is PrincipalKind.ROOT:
            return self._yes(request, _BY_ROOT, ())
        if not self.profile.signed:
            return self._no(request, _IDENTITY)
        return self._alone(request, facts)

    def _other_service(self, request: Request, facts: Facts) -> Decision:
        """IAM's general rule: one account, either side; two accounts, both."""
        if not self.profile.signed:
            return self._unsigned(request, facts)
        if self.profile.principal.account != self.resource.account:
            return self._cross(request, facts)
        direct = _holding(self._direct, facts)
        if direct:
            return self._yes(request, _BY_DIRECT, direct)
        roles = _holding(self._role_bound, facts)
        if roles and self._is_bounded(facts) and self._is_in_session(facts):
            return self._yes(request, _BY_ROLE, roles)
        if self.profile.principal.kind is PrincipalKind.ROOT:
            return self._yes(request, _BY_ROOT, ())
        return self._alone(request, facts)

    def _alone(self, request: Request, facts: Facts) -> Decision:
        """The caller's side by itself: identity, boundary and session must allow."""
        identity, allows = self._says_identity(facts)
        bounded = self._is_bounded(facts)
        if allows and bounded and self._is_in_session(facts):
            return self._yes(request, _BY_IDENTITY, identity)
        return self._no(request, _first_missing(allows, bounded))

    # What the sides say

    def _all_offers(self, facts: Facts) -> tuple[StatementName, ...]:
        return _holding(self._offers, facts)

    def _is_bounded(self, facts: Facts) -> bool:
        """Whether there is no boundary, or it allows."""
        return self._bounded_by is None or _any_holds(self._bounded_by, facts)

    def _is_in_session(self, facts: Facts) -> bool:
        """Whether the session lets through what is delegated or role-bound (L-17, L-20)."""
        if self._session is not None:
            return _any_holds(self._session, facts)
        return self.profile.principal.kind is not PrincipalKind.FEDERATED_USER

    def _says_identity(self, facts: Facts) -> tuple[tuple[StatementName, ...], bool]:
        """Return the identity statements that allow, and whether the layer does (L-5, L-15)."""
        if self.profile.root_like:
            return (), True
        found = _holding(self._identity, facts)
        return found, bool(found)

    # Grants

    def _offering(self, request: Request) -> list[tuple[Grant, MatchClass]]:
        """AUTH N-20 to N-24: the grants that match, in the order in which they were given."""
        if not self._grants:
            return []
        pairs = request.context.encryption_context if self.compares_pairs else None
        found = [
            (number, grant, match_class)
            for group, match_class in self._grants
            for number, grant in group.worth_a_look(pairs)
            if is_in_time(grant, request) and self.meets_constraints(grant, request)
        ]
        if len(found) > 1:
            found.sort(key=lambda each: each[0])
        return [(grant, match_class) for _, grant, match_class in found]

    def meets_constraints(self, grant: Grant, request: Request) -> bool:
        """Tell whether the constraints of a grant are met (AUTH N-14, N-22)."""
        constraints = grant.constraints
        if self.operation == "CreateGrant":
            if not self.is_within(grant, request):
                return False
        elif (
            constraints.names_context
            and self.compares_pairs
            and not pairs_hold(constraints, request.context.encryption_context)
        ):
            return False
        if constraints.source_arn is None:
            return True
        if self.profile.principal.kind is not PrincipalKind.SERVICE:
            return True
        actual = request.context.single("aws:SourceArn")
        test = COMPARISONS["arnlike"].test
        return actual is not None and test(parse_pattern(constraints.source_arn), actual) is True

    def is_within(self, parent: Grant, request: Request) -> bool:
        """Tell whether the grant that is to be made may be made under this one (AUTH N-14)."""
        child = request.subject
        if child is None or child.operations - parent.operations:
            return False
        return child.constraints.at_least_as_strict_as(parent.constraints)

    def _retire(self, request: Request, facts: Facts) -> Decision:
        """AUTH N-50 to N-52."""
        for level in self._scps:
            if not _any_holds(level, facts):
                return self._no(request, _SCP)
        caller, grant = self.profile.principal, request.subject
        if grant is None:
            return self._no(request, _SERVICE)
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
                return self._yes(request, _BY_GRANT, (grant,))
        if caller.account is None or caller.account not in accounts:
            return self._no(request, _SERVICE)
        if caller.kind is PrincipalKind.ROOT:
            return self._yes(request, _BY_GRANT, ())
        return self._alone(request, facts)

    # Answers

    def _no(self, request: Request, layer: Layer) -> Decision:
        return Decision(request, _IMPLICITLY_DENIED, layer, None, (), self)

    def _yes(self, request: Request, path: AllowPath, by: tuple[Deciding, ...]) -> Decision:
        return Decision(request, _ALLOWED, _LAYERS[path], path, by, self)

    def trace(self, decision: Decision) -> Trace:
        """Return the whole way to a decision."""
        if self._tracing is None:
            self._tracing = Tracing(self)
        return self._tracing.trace(decision)


Procedure: TypeAlias = Callable[[Request, Facts], Decision]

_NO_FACTS: Facts = {}

_Left: TypeAlias = tuple[MatchClass, Test | None, StatementName]


def _joined(left: Iterable[_Left], only: MatchClass | None = None) -> Candidates:
    return tuple((test, name) for found, test, name in left if only in (None, found))


def _name(layer: Layer, found: Found, compiled_statement: CompiledStatement) -> StatementName:
    statement = compiled_statement.statement
    position = found.start + compiled_statement.position
    return StatementName(layer, found.name, statement.index, statement.sid, position)


def _segments(resource: Resource) -> Segments:
    arn = resource.arn
    if arn is None:
        return None
    return ("arn", arn.partition, arn.service, arn.region, arn.account, arn.resource)


def _of(grants: Sequence[tuple[Grant, MatchClass]], wanted: MatchClass) -> tuple[Grant, ...]:
    return tuple([grant for grant, match_class in grants if match_class is wanted])


def _first_missing(identity: bool, boundary: bool) -> Layer:
    if not identity:
        return _IDENTITY
    return _SESSION if boundary else _BOUNDARY
