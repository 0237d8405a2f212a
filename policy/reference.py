"""decide(), read aloud: slow and direct, with the numbers of the specification in the margin.

This file is the procedure of section 11: which documents apply, what each layer says, and what
follows from it. `matching.py` tells whether one statement or grant applies, `conditions.py` whether
one condition holds. Every layer is evaluated whole and every element is compared, also when the
answer is known already, since the trace is what people come for. Nothing raises on odd input, and
nothing that is not understood is ever a reason to allow.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from policy.decision import (
    AllowPath,
    Deciding,
    Decision,
    Documents,
    GrantTrace,
    Layer,
    LayerResult,
    Level,
    MatchClass,
    Offer,
    Outcome,
    StatementName,
    StatementTrace,
    Trace,
)
from policy.grants import account_of
from policy.matching import ACCOUNTLESS, Matching, names_caller
from policy.model import Effect, Policy, PrincipalForm
from policy.principals import grant_principal
from policy.request import PrincipalKind, Request, caller_facts
from policy.vocabulary import ACTIONS, WITHOUT_CALLER_ACCOUNT, ResourceKind


def decide(request: Request, documents: Documents) -> Decision:
    """Return what all applicable documents together say about one request; never raises."""
    return _Evaluation(request, documents).decide()


def completed(request: Request) -> Request:
    """Return a request with what follows from it filled in (AUTH J-10 to J-30, J-50, J-60)."""
    facts = caller_facts(request.principal)
    if request.at is not None:
        facts["aws:CurrentTime"] = request.at.strftime("%Y-%m-%dT%H:%M:%SZ")
        facts["aws:EpochTime"] = str(int(request.at.timestamp()))
    if request.resource.account is not None:
        facts["aws:ResourceAccount"] = request.resource.account
    action, account = ACTIONS.get(request.action.lower()), request.principal.account
    if account is not None and action is not None and action.name not in WITHOUT_CALLER_ACCOUNT:
        facts["kms:CallerAccount"] = account
    return replace(request, context=request.context.with_defaults(facts))


_SWEEP = (
    Layer.RCP, Layer.SCP, Layer.ENDPOINT, Layer.KEY_POLICY, Layer.IDENTITY, Layer.BOUNDARY,
    Layer.SESSION,
)  # fmt: skip


@dataclass(frozen=True)
class _Side:
    """Whether the caller's own policies let the request through (AUTH L-15 to L-20)."""

    identity: bool
    boundary: bool
    session: bool  # a federated user must have a session policy (L-17)
    session_plain: bool  # as an offer needs it that names the caller directly (L-20)

    @property
    def limits(self) -> tuple[Layer, ...]:
        """Which of boundary and session do not allow."""
        named = ((Layer.BOUNDARY, self.boundary), (Layer.SESSION, self.session))
        return tuple(layer for layer, allows in named if not allows)

    @property
    def missing(self) -> tuple[Layer, ...]:
        """Which layers do not allow, the one to name first: identity, boundary, session."""
        return self.limits if self.identity else (Layer.IDENTITY, *self.limits)


class _Evaluation:
    """One request against its documents."""

    def __init__(self, asked: Request, documents: Documents) -> None:
        self.asked = asked
        self.request = request = completed(asked)
        self.documents = documents
        self.caller = request.principal
        self.action = ACTIONS.get(request.action.lower())
        self._is_kms = request.action.lower().startswith("kms:")
        self.matching = Matching(request, documents.bound_ids, has_boundary=self._has_boundary)
        self.layers = {result.layer: result for result in self._layers()}

    def decide(self) -> Decision:
        """AUTH section 11."""
        resource = self.request.resource
        partition = resource.arn.partition if resource.arn else None
        if self.caller.arn is not None and partition not in (None, self.caller.arn.partition):
            return self._denied(Layer.SERVICE)
        if resource.kind is None:
            return self._other_service()
        if self._is_kms and (self.action is None or not self.action.is_checked_on(resource.kind)):
            # No operation asks this, so nothing that a policy says can matter.
            return self._explicit_deny() or self._denied(Layer.SERVICE)
        if resource.kind is not ResourceKind.KEY or resource.planned:
            return self._plain_check()
        if self._is("RetireGrant"):
            return self._retire()
        return self._key_check()

    # 11.3: a check on a key

    def _key_check(self) -> Decision:
        caller = self.caller
        same = caller.account == self.request.resource.account
        foreign = self.action is not None and self.action.cross_account
        if not same and not foreign and caller.kind not in ACCOUNTLESS:
            return self._denied(Layer.SERVICE)  # K-61
        denied = self._explicit_deny()
        if denied:
            return denied  # L-10, A-4
        fixed = self.action is not None and self.action.fixed_on_aws_managed
        if self.request.resource.aws_managed and fixed:
            return self._denied(Layer.SERVICE)  # K-82, P-5
        offers = self._offers()
        if caller.kind is PrincipalKind.SERVICE:  # E-19, L-51
            return self._guarded(self._one_of(offers, AllowPath.SERVICE_PRINCIPAL))
        if caller.kind is PrincipalKind.ANONYMOUS:  # L-57
            return self._guarded(self._one_of(offers, AllowPath.DIRECT))
        side = self._caller_side()
        if same:
            return self._guarded(self._same_account(offers, side))
        return self._guarded(self._cross_account(offers, side))

    def _guarded(self, decision: Decision) -> Decision:
        """AUTH L-12, L-22: SCPs and the endpoint policy must allow as well."""
        missing = [
            layer
            for layer in (Layer.SCP, Layer.ENDPOINT)
            if self.layers[layer].applies and not self.layers[layer].allows
        ]
        return self._denied(*missing, *decision.blocked_by) if missing else decision

    def _same_account(self, offers: Sequence[Offer], side: _Side) -> Decision:
        """AUTH L-30 to L-35, N-24, N-25."""
        statements = [offer for offer in offers if isinstance(offer.by, StatementTrace)]
        grants = [offer for offer in offers if isinstance(offer.by, GrantTrace)]
        within = side.boundary and side.session
        direct, role, account = MatchClass.DIRECT, MatchClass.ROLE_BOUND, MatchClass.ACCOUNT
        if found := _of(statements, direct):
            return self._allowed(AllowPath.DIRECT, found)  # L-31, A-12, E-18
        if within and (found := _of(statements, role)):
            return self._allowed(AllowPath.ROLE, found)  # L-32
        if found := _of(grants, direct):
            return self._allowed(AllowPath.GRANT, found)  # N-24
        if within and (found := _of(grants, role)):
            return self._allowed(AllowPath.GRANT, found)  # N-24
        delegated = side.identity and side.boundary and side.session
        if delegated and (found := _of(statements, account)):  # L-33
            return self._allowed(AllowPath.ACCOUNT, [*found, *self.layers[Layer.IDENTITY].allowing])
        if delegated and (found := _of(grants, account)):
            return self._allowed(AllowPath.GRANT, found)
        if _of(offers, role):
            return self._denied(*side.limits)
        if _of(offers, account):
            return self._denied(*side.missing)
        return self._denied(Layer.KEY_POLICY)

    def _cross_account(self, offers: Sequence[Offer], side: _Side) -> Decision:
        """AUTH L-36 to L-38, N-26."""
        statements = [offer for offer in offers if isinstance(offer.by, StatementTrace)]
        grants = [offer for offer in offers if isinstance(offer.by, GrantTrace)]
        named = _of(grants, MatchClass.DIRECT) if side.session_plain else []
        named += _of(grants, MatchClass.ROLE_BOUND) if side.session else []
        if named and side.boundary:
            return self._allowed(AllowPath.GRANT, named)  # N-26
        if side.missing:
            return self._denied(*side.missing)  # L-37
        identity = self.layers[Layer.IDENTITY].allowing
        if statements:
            return self._allowed(
                AllowPath.CROSS_ACCOUNT, [*(offer.by for offer in statements), *identity]
            )  # L-36
        if grants:
            return self._allowed(AllowPath.GRANT, [offer.by for offer in grants])  # N-26
        return self._denied(Layer.KEY_POLICY)

    # 11.6: a check without a key

    def _plain_check(self) -> Decision:
        """AUTH L-40 to L-42: `*` and aliases; key policies are not consulted."""
        resource, caller = self.request.resource, self.caller
        denied = self._explicit_deny()
        if denied:
            return denied
        if resource.kind is ResourceKind.ALIAS:
            if caller.account != resource.account:
                return self._denied(Layer.SERVICE)  # L-41
            if resource.arn is not None and resource.arn.resource.startswith("alias/aws/"):
                return self._denied(Layer.SERVICE)  # K-64
        if caller.kind is PrincipalKind.ROOT:
            return self._guarded(self._allowed(AllowPath.ROOT, []))
        if caller.kind in ACCOUNTLESS:
            return self._guarded(self._denied(Layer.IDENTITY))
        return self._guarded(self._identity_alone())

    def _identity_alone(self) -> Decision:
        side = self._caller_side()
        if side.missing:
            return self._denied(*side.missing)
        return self._allowed(AllowPath.IDENTITY, self.layers[Layer.IDENTITY].allowing)

    # 13.5: retiring a grant

    def _retire(self) -> Decision:
        """AUTH N-50 to N-52: the grant decides, not the key policy."""
        caller, grant = self.caller, self.request.subject
        denied = self._explicit_deny()
        if denied:
            return denied
        if self.layers[Layer.SCP].applies and not self.layers[Layer.SCP].allows:
            return self._denied(Layer.SCP)  # N-52
        if grant is None:
            return self._denied(Layer.SERVICE)
        may_grantee = "RetireGrant" in grant.operations
        named = [(grant.retiring_principal, grant.retiring_id)]
        named += [(grant.grantee_principal, grant.grantee_id)] if may_grantee else []
        accounts = {account_of(grant.issuing_account)} if grant.issuing_account else set()
        for principal, unique_id in named:
            if principal is None:
                continue
            entry = grant_principal(principal)
            if entry.form is PrincipalForm.ACCOUNT:
                accounts.add(entry.account)
            elif names_caller(entry, caller, unique_id) is not None:
                trace = GrantTrace(grant, applies=True, match_class=MatchClass.DIRECT, steps=())
                return self._allowed(AllowPath.GRANT, [trace])
        if caller.account is None or caller.account not in accounts:
            return self._denied(Layer.SERVICE)  # kms:RetireGrant in IAM alone is never enough
        if caller.kind is PrincipalKind.ROOT:
            return self._allowed(AllowPath.GRANT, [])
        return self._identity_alone()

    # Resources of other services: IAM's general rule

    def _other_service(self) -> Decision:
        """One account: an identity or a resource-policy allow suffices; two accounts: both."""
        caller = self.caller
        denied = self._explicit_deny()
        if denied:
            return denied
        offers = self._offers()
        if caller.kind is PrincipalKind.SERVICE:
            return self._guarded(self._one_of(offers, AllowPath.SERVICE_PRINCIPAL))
        if caller.kind is PrincipalKind.ANONYMOUS:
            return self._guarded(self._one_of(offers, AllowPath.DIRECT))
        side = self._caller_side()
        if caller.account != self.request.resource.account:
            return self._guarded(self._cross_account(offers, side))
        if found := _of(offers, MatchClass.DIRECT):
            return self._guarded(self._allowed(AllowPath.DIRECT, found))
        if not side.limits and (found := _of(offers, MatchClass.ROLE_BOUND)):
            return self._guarded(self._allowed(AllowPath.ROLE, found))
        if caller.kind is PrincipalKind.ROOT:
            return self._guarded(self._allowed(AllowPath.ROOT, []))
        return self._guarded(self._identity_alone())

    # What the layers say

    def _layers(self) -> Iterator[LayerResult]:
        """AUTH 11.1, 11.2: which documents apply, and what each layer says.

        Through a service, or from an identity provider, it is the same caller (L-50, L-54, L-56).
        """
        documents, caller = self.documents, self.caller
        kind = self.request.resource.kind
        signed = caller.kind not in ACCOUNTLESS
        retire = self._is("RetireGrant")

        has_policy = kind in (ResourceKind.KEY, None) and not self.request.resource.planned

        yield self._scps(documents.scps if signed and not caller.service_linked else None)
        exempt = self.request.resource.aws_managed or retire or caller.service_linked
        yield self._rcps(documents.rcps if has_policy and not exempt else None)  # L-2

        endpoint = documents.endpoint
        yield self._layer(
            Layer.ENDPOINT, () if endpoint is None else (endpoint,), endpoint is not None
        )
        resource_policy = documents.key_policy
        speaks = has_policy and not retire  # L-4, N-51
        yield self._layer(
            Layer.KEY_POLICY, (resource_policy,) if resource_policy and speaks else (), speaks
        )

        root = caller.kind is PrincipalKind.ROOT or (
            caller.kind is PrincipalKind.FEDERATED_USER
            and caller.issuer is not None
            and caller.issuer.resource == "root"
        )  # L-5, L-55
        identity = () if root or not signed else documents.identity
        yield self._layer(Layer.IDENTITY, identity, signed, by_nature=root)
        boundary = documents.boundary if self._has_boundary else None
        yield self._layer(
            Layer.BOUNDARY, () if boundary is None else (boundary,), boundary is not None
        )  # L-6
        session = documents.session if caller.kind in _SESSIONS else None  # L-7
        yield self._layer(Layer.SESSION, session or (), session is not None)

        grants = documents.grants if has_policy and not retire else ()  # L-8
        traces = tuple(self.matching.grant(grant) for grant in grants)
        yield LayerResult(Layer.GRANT, bool(traces), grants=traces)

    @property
    def _has_boundary(self) -> bool:
        return (
            self.documents.boundary is not None
            and self.caller.kind not in ACCOUNTLESS
            and self.caller.kind is not PrincipalKind.ROOT
            and not self.caller.service_linked
        )

    def _layer(
        self, layer: Layer, policies: Iterable[Policy], applies: bool, *, by_nature: bool = False
    ) -> LayerResult:
        traces = tuple(
            self.matching.statement(layer, policy, statement)
            for policy in policies
            for statement in policy.statements
        )
        return LayerResult(layer, applies, traces, allows_by_nature=by_nature)

    def _scps(self, levels: tuple[Level, ...] | None) -> LayerResult:
        """AUTH L-1, L-12, L-52: at every level some SCP must allow."""
        if levels is None:
            return LayerResult(Layer.SCP, applies=False)
        traces = [self._level(Layer.SCP, level) for level in levels]
        missing = tuple(
            level.target
            for level, here in zip(levels, traces, strict=True)
            if not any(trace.applies and trace.effect is Effect.ALLOW for trace in here)
        )
        return LayerResult(Layer.SCP, True, tuple(chain.from_iterable(traces)), missing=missing)

    def _rcps(self, levels: tuple[Level, ...] | None) -> LayerResult:
        """AUTH L-13: RCPFullAWSAccess is on every level, so RCPs can only deny."""
        if levels is None:
            return LayerResult(Layer.RCP, applies=False)
        traces = chain.from_iterable(self._level(Layer.RCP, level) for level in levels)
        return LayerResult(Layer.RCP, True, tuple(traces), allows_by_nature=True)

    def _level(self, layer: Layer, level: Level) -> list[StatementTrace]:
        return [
            self.matching.statement(layer, policy, statement, level.target)
            for policy in level.policies
            for statement in policy.statements
        ]

    def _offers(self) -> list[Offer]:
        """AUTH E-12, N-24: every Allow of the key's side; of several any will do (N-28, N-29)."""
        offers = [
            Offer(trace.match_class or MatchClass.DIRECT, trace)
            for trace in self.layers[Layer.KEY_POLICY].allowing
        ]
        offers += [
            Offer(trace.match_class, trace)
            for trace in self.layers[Layer.GRANT].grants
            if trace.match_class is not None
        ]
        return offers

    def _caller_side(self) -> _Side:
        boundary, session = self.layers[Layer.BOUNDARY], self.layers[Layer.SESSION]
        needs_session = self.caller.kind is PrincipalKind.FEDERATED_USER  # L-17
        return _Side(
            identity=self.layers[Layer.IDENTITY].allows,
            boundary=not boundary.applies or boundary.allows,
            session=session.allows or not (session.applies or needs_session),
            session_plain=session.allows or not session.applies,
        )

    # Answers

    def _explicit_deny(self) -> Decision | None:
        """AUTH L-10, L-11, L-21: one Deny anywhere is enough; the order only picks the layer named.

        It counts without delegation too, and against grants (A-13, N-27).
        """
        denying = [layer for layer in _SWEEP if self.layers[layer].denying]
        if not denying:
            return None
        first = denying[0]
        return self._decision(
            Outcome.EXPLICITLY_DENIED, first, None, self.layers[first].denying, tuple(denying)
        )

    def _one_of(self, offers: Sequence[Offer], path: AllowPath) -> Decision:
        if offers:
            return self._allowed(path, [offer.by for offer in offers])
        return self._denied(Layer.KEY_POLICY)

    def _allowed(self, path: AllowPath, by: Iterable[StatementTrace | GrantTrace]) -> Decision:
        layer = {
            AllowPath.GRANT: Layer.GRANT,
            AllowPath.IDENTITY: Layer.IDENTITY,
            AllowPath.ROOT: Layer.IDENTITY,
        }.get(path, Layer.KEY_POLICY)
        return self._decision(Outcome.ALLOWED, layer, path, tuple(by), ())

    def _denied(self, layer: Layer, *others: Layer) -> Decision:
        """Deny in the name of one layer, and of all that would have to allow besides it."""
        blocked = () if layer is Layer.KEY_POLICY else (layer, *others)
        return self._decision(Outcome.IMPLICITLY_DENIED, layer, None, (), blocked)

    def _decision(
        self,
        outcome: Outcome,
        layer: Layer,
        path: AllowPath | None,
        by: tuple[StatementTrace | GrantTrace, ...],
        blocked: tuple[Layer, ...],
    ) -> Decision:
        layers = tuple(self.layers.values())
        trace = Trace(layers, by, blocked)
        deciding = tuple(self._name_of(entry) for entry in by)
        return Decision(self.asked, outcome, layer, path, deciding, trace)

    def _name_of(self, by: StatementTrace | GrantTrace) -> Deciding:
        if isinstance(by, GrantTrace):
            return by.grant
        statements = self.layers[by.layer].statements
        position = next(at for at, statement in enumerate(statements) if statement is by)
        return StatementName(by.layer, by.policy, by.index, by.sid, position)

    def _is(self, name: str) -> bool:
        return self.request.action.lower() == f"kms:{name.lower()}"


_SESSIONS = (PrincipalKind.ROLE_SESSION, PrincipalKind.FEDERATED_USER)


def _of(offers: Sequence[Offer], match_class: MatchClass) -> list[StatementTrace | GrantTrace]:
    return [offer.by for offer in offers if offer.match_class is match_class]
