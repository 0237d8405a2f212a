"""decide(), read aloud: slow and direct, with the numbers of the specification in the margin.

Every layer is evaluated whole and every element of every statement is compared, also when the
answer is known already, since the trace is what people come for. Nothing here raises on odd
input, and nothing that is not understood is ever a reason to allow.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import TypeAlias

from policy.decision import (
    AllowPath,
    Decision,
    Documents,
    ElementName,
    GrantTrace,
    Layer,
    LayerResult,
    Level,
    MatchClass,
    Offer,
    Outcome,
    Reason,
    StatementTrace,
    Step,
)
from policy.grants import Grant, account_of
from policy.model import (
    Condition,
    ConditionValue,
    Effect,
    Element,
    Policy,
    PolicyKind,
    PrincipalForm,
    PrincipalPattern,
    Statement,
    TextPattern,
)
from policy.operators import COMPARISONS, Family, SetOperator
from policy.pattern import parse_pattern
from policy.principals import grant_principal
from policy.request import Context, Principal, PrincipalKind, Request, Values, caller_facts
from policy.source import Span
from policy.vocabulary import (
    ACTIONS,
    CONTEXT_FREE_GRANT_OPERATIONS,
    WITHOUT_CALLER_ACCOUNT,
    ResourceKind,
    hidden_from_key_policy,
    is_multivalued,
)


def decide(request: Request, documents: Documents) -> Decision:
    """Return what all applicable documents together say about one request; never raises."""
    return _Evaluation(_completed(request), documents).decide()


def _completed(request: Request) -> Request:
    """Fill in the facts that follow from the request itself (AUTH J-10 to J-30, J-50, J-60)."""
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
_LIMITS = {
    Layer.SCP: Reason.SCP,
    Layer.ENDPOINT: Reason.ENDPOINT,
    Layer.BOUNDARY: Reason.BOUNDARY,
    Layer.SESSION: Reason.SESSION,
}


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

    def __init__(self, request: Request, documents: Documents) -> None:
        self.request = request
        self.documents = documents
        self.caller = request.principal
        self.action = ACTIONS.get(request.action.lower())
        self._is_kms = request.action.lower().startswith("kms:")
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
        if not same and not foreign and caller.kind not in _ACCOUNTLESS:
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
            return self._allowed(AllowPath.DIRECT, found)  # L-31, A-12
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
        """AUTH L-40, L-41: `*` and aliases; key policies are not consulted."""
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
        if caller.kind in _ACCOUNTLESS:
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
            elif _entry_class(entry, caller, unique_id) is not None:
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
        """AUTH 11.1, 11.2: which documents apply, and what each layer says."""
        documents, caller = self.documents, self.caller
        kind = self.request.resource.kind
        signed = caller.kind not in _ACCOUNTLESS
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
        traces = tuple(self._grant(grant) for grant in grants)
        yield LayerResult(Layer.GRANT, bool(traces), grants=traces)

    @property
    def _has_boundary(self) -> bool:
        return (
            self.documents.boundary is not None
            and self.caller.kind not in _ACCOUNTLESS
            and self.caller.kind is not PrincipalKind.ROOT
            and not self.caller.service_linked
        )

    def _layer(
        self, layer: Layer, policies: Iterable[Policy], applies: bool, *, by_nature: bool = False
    ) -> LayerResult:
        traces = tuple(
            self._statement(layer, policy, statement)
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
            self._statement(layer, policy, statement, level.target)
            for policy in level.policies
            for statement in policy.statements
        ]

    def _offers(self) -> list[Offer]:
        """AUTH E-12, N-24: every Allow of the key's side."""
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
        """AUTH L-10, L-21: one Deny anywhere is enough; the order only picks the layer named."""
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
        reasons = frozenset() if outcome is Outcome.ALLOWED else frozenset(self._reasons(layer))
        return Decision(
            self.request, outcome, layer, path, by, tuple(self.layers.values()), blocked, reasons
        )

    def _reasons(self, layer: Layer) -> Iterator[Reason]:
        """Return why the nearest Allows did not let the request through."""
        if layer in _LIMITS:
            yield _LIMITS[layer]
        for side in dict.fromkeys((Layer.KEY_POLICY, Layer.IDENTITY, layer)):
            if side in self.layers:
                statements = self.layers[side].statements
                yield from _near(t.steps for t in statements if t.effect is Effect.ALLOW)
        yield from _near(trace.steps for trace in self.layers[Layer.GRANT].grants)
        if layer is Layer.KEY_POLICY and self.layers[Layer.IDENTITY].allows:
            yield Reason.NO_DELEGATION

    # One statement (AUTH A-8)

    def _statement(
        self, layer: Layer, policy: Policy, statement: Statement, level: str | None = None
    ) -> StatementTrace:
        context = self.request.context
        if layer is Layer.KEY_POLICY and self.request.resource.kind is ResourceKind.KEY:
            context = _without_hidden(context)  # J-110
        match_class: MatchClass | None = MatchClass.DIRECT
        steps = []
        if policy.kind.names_principals:
            bound = self.documents.bound_ids if layer is Layer.KEY_POLICY else {}  # E-20
            step, match_class = self._principal(statement, bound)
            steps.append(step)
        steps.append(self._action(statement.action))
        steps.append(self._resource(policy, statement.resource, context))
        steps += (_condition(condition, context) for condition in statement.conditions)  # F-2
        applies = all(step.matched for step in steps)
        return StatementTrace(
            layer,
            policy.name,
            statement.index,
            statement.sid,
            statement.effect,
            applies,
            match_class if applies else None,
            tuple(steps),
            policy.source,
            statement.span,
            level,
        )

    def _principal(
        self, statement: Statement, bound_ids: Mapping[str, str]
    ) -> tuple[Step, MatchClass | None]:
        element, caller = statement.principal, self.caller
        if element is None:  # B-7
            why = "the statement names no principal"
            return _step(ElementName.PRINCIPAL, None, "-", str(caller), why, Reason.PRINCIPAL), None
        expected = _texts(element)
        classes = {
            entry: _entry_class(entry, caller, bound_ids.get(entry.text))
            for entry in element.patterns
        }
        if element.negated:
            return self._not_principal(statement, element, expected, classes)
        matching = [(found, entry) for entry, found in classes.items() if found is not None]
        if not matching:
            why = f"{expected} does not name {caller}"
            return (
                _step(
                    ElementName.PRINCIPAL,
                    element.span,
                    expected,
                    str(caller),
                    why,
                    Reason.PRINCIPAL,
                ),
                None,
            )
        match_class, entry = max(matching, key=lambda pair: pair[0])  # E-12
        why = _principal_why(entry, match_class)
        return _step(ElementName.PRINCIPAL, entry.span, expected, str(caller), why), match_class

    def _not_principal(
        self,
        statement: Statement,
        element: Element[PrincipalPattern],
        expected: str,
        classes: _Classes,
    ) -> tuple[Step, MatchClass | None]:
        caller = self.caller
        if statement.effect is Effect.DENY and self._has_boundary:  # E-26
            why = "a NotPrincipal Deny hits every caller with a permissions boundary"
            matched = True
        elif statement.effect is Effect.DENY:  # E-25
            listed = {entry.form for entry, found in classes.items() if found is not None}
            unlisted = [name for name, forms in _chain(caller) if listed.isdisjoint(forms)]
            matched = bool(unlisted) and PrincipalForm.EVERYONE not in listed
            why = (
                f"the list does not name {' and '.join(unlisted)}"
                if matched
                else "the list names the caller and all that stands behind it"
            )
        else:  # E-24
            matched = all(found is None for found in classes.values())
            why = "the list does not name the caller" if matched else "the list names the caller"
        step = _step(
            ElementName.PRINCIPAL,
            element.span,
            f"everyone but {expected}",
            str(caller),
            why,
            None if matched else Reason.PRINCIPAL,
        )
        return step, MatchClass.DIRECT if matched else None

    def _action(self, element: Element[TextPattern] | None) -> Step:
        asked = self.request.action
        if element is None:  # B-12
            return _step(ElementName.ACTION, None, "-", asked, "the statement has no Action",
                         Reason.ACTION)  # fmt: skip
        expected = _texts(element)
        if not element.patterns:  # A-8, B-2
            return _step(ElementName.ACTION, element.span, "-", asked, "the list is empty",
                         Reason.ACTION)  # fmt: skip
        hits = [entry for entry in element.patterns if _action_matches(entry, asked)]
        matched = bool(hits) != element.negated  # C-4
        span = hits[0].span if hits else element.span
        return _step(
            ElementName.ACTION,
            span,
            f"anything but {expected}" if element.negated else expected,
            asked,
            _list_why(element, hits, asked),
            None if matched else Reason.ACTION,
        )

    def _resource(
        self, policy: Policy, element: Element[TextPattern] | None, context: Context
    ) -> Step:
        asked = str(self.request.resource)
        if element is None:  # B-12
            return _step(ElementName.RESOURCE, None, "-", asked, "the statement has no Resource",
                         Reason.RESOURCE)  # fmt: skip
        expected = _texts(element)
        if not element.patterns:  # A-8, B-2
            return _step(ElementName.RESOURCE, element.span, "-", asked, "the list is empty",
                         Reason.RESOURCE)  # fmt: skip
        hits = [
            entry
            for entry in element.patterns
            if _resource_matches(entry, self.request, policy, context)
        ]
        matched = bool(hits) != element.negated  # D-9
        span = hits[0].span if hits else element.span
        return _step(
            ElementName.RESOURCE,
            span,
            f"anything but {expected}" if element.negated else expected,
            asked,
            _list_why(element, hits, asked),
            None if matched else Reason.RESOURCE,
        )

    # One grant (AUTH N-20)

    def _grant(self, grant: Grant) -> GrantTrace:
        request, caller = self.request, self.caller
        steps = []
        operation = self.action.name if self.action else request.operation
        has = operation in grant.operations
        listed = ", ".join(sorted(grant.operations))
        steps.append(
            _step(
                ElementName.OPERATIONS,
                None,
                listed,
                operation,
                f"the grant {'has' if has else 'does not have'} {operation}",
                None if has else Reason.GRANT_OPERATION,
            )
        )
        entry = grant_principal(grant.grantee_principal)
        match_class = _entry_class(entry, caller, grant.grantee_id)  # N-21, N-24
        steps.append(
            _step(
                ElementName.GRANTEE,
                None,
                grant.grantee_principal,
                str(caller),
                "the grantee is the caller" if match_class else "the grantee is someone else",
                None if match_class else Reason.GRANT_GRANTEE,
            )
        )
        steps.append(self._grant_constraints(grant, operation))
        effective = grant.is_effective(request.at, request.grant_tokens)
        ended = grant.ends_at is not None and (request.at is None or request.at >= grant.ends_at)
        why = "the grant is effective"
        if ended:
            why = "the grant has ended"
        elif not effective:
            why = "the grant is new, and the request carries none of its tokens"  # N-30
        on_time = effective and not ended
        steps.append(
            _step(
                ElementName.TIME,
                None,
                str(grant.effective_at or "always"),
                str(request.at or "-"),
                why,
                None if on_time else Reason.GRANT_NOT_YET,
            )
        )
        if str(request.resource) != grant.key_arn:
            why = "the grant is on another key"
            steps.append(_step(ElementName.RESOURCE, None, grant.key_arn, str(request.resource),
                               why, Reason.RESOURCE))  # fmt: skip
        applies = all(step.matched for step in steps)
        return GrantTrace(grant, applies, match_class if applies else None, tuple(steps))

    def _grant_constraints(self, grant: Grant, operation: str) -> Step:
        request, constraints = self.request, grant.constraints
        shown = _constraints_text(grant)
        problem = None
        if operation == "CreateGrant":
            problem = _child_problem(request.subject, grant)  # N-14, N-15
        elif operation not in CONTEXT_FREE_GRANT_OPERATIONS:
            problem = constraints.unmet_by(request.context.encryption_context)  # N-22
        if (
            problem is None
            and constraints.source_arn is not None
            and self.caller.kind is PrincipalKind.SERVICE
            and not _source_arn_matches(constraints.source_arn, request.context)
        ):
            problem = f"aws:SourceArn must be {constraints.source_arn}"  # N-22
        return _step(
            ElementName.CONSTRAINTS,
            None,
            shown,
            str(request.context.encryption_context or "no encryption context"),
            problem or "the constraints hold",
            Reason.GRANT_CONSTRAINT if problem else None,
        )

    def _is(self, name: str) -> bool:
        return self.request.action.lower() == f"kms:{name.lower()}"


_ACCOUNTLESS = (PrincipalKind.SERVICE, PrincipalKind.ANONYMOUS)
_SESSIONS = (PrincipalKind.ROLE_SESSION, PrincipalKind.FEDERATED_USER)


def _near(traces: Iterable[tuple[Step, ...]]) -> Iterator[Reason]:
    """Return what failed in those of the traces that came closest to applying."""
    failures = [[step for step in steps if not step.matched] for steps in traces]
    missed = [steps for steps in failures if steps]
    least = min((len({step.element for step in steps}) for steps in missed), default=0)
    for steps in missed:
        if len({step.element for step in steps}) == least:
            yield from (step.reason for step in steps if step.reason is not None)


def _of(offers: Sequence[Offer], match_class: MatchClass) -> list[StatementTrace | GrantTrace]:
    return [offer.by for offer in offers if offer.match_class is match_class]


def _step(
    element: ElementName,
    span: Span | None,
    expected: str,
    actual: str,
    why: str,
    reason: Reason | None = None,
) -> Step:
    """Return a step; it matched unless there is a reason why not."""
    return Step(element, reason is None, expected, actual, why, span, reason)


def _texts(element: Element[TextPattern] | Element[PrincipalPattern]) -> str:
    shown = [entry.text for entry in element.patterns[:4]]
    if len(element.patterns) > 4:
        shown.append(f"{len(element.patterns) - 4} more")
    return ", ".join(shown) or "nobody"


def _list_why(element: Element[TextPattern], hits: Sequence[TextPattern], asked: str) -> str:
    if hits:
        return f"{element.name} {hits[0].text} covers {asked}"
    return f"{element.name} {_texts(element)} does not cover {asked}"


# Section 5: principals


def _entry_class(
    entry: PrincipalPattern, caller: Principal, bound_id: str | None
) -> MatchClass | None:
    """Return how closely one entry names the caller, or None (AUTH E-1 to E-11).

    `bound_id` is the unique id that a user or role ARN had when the policy was saved (E-20).
    """
    form, kind = entry.form, caller.kind
    if form is PrincipalForm.EVERYONE:  # E-1
        return MatchClass.DIRECT
    if form is PrincipalForm.ACCOUNT:  # E-2
        if caller.account is None or caller.account != entry.account:
            return None
        return MatchClass.DIRECT if kind is PrincipalKind.ROOT else MatchClass.ACCOUNT
    if form is PrincipalForm.SERVICE:  # E-9
        named = kind is PrincipalKind.SERVICE and caller.service == entry.text
        return MatchClass.DIRECT if named else None
    if form is PrincipalForm.PROVIDER:  # E-8
        named = caller.identity_provider is not None and caller.identity_provider == entry.text
        return MatchClass.DIRECT if named else None
    if form is PrincipalForm.UNIQUE_ID:  # E-11
        if caller.unique_id is None or caller.unique_id != entry.text:
            return None
        return MatchClass.DIRECT if kind is PrincipalKind.USER else MatchClass.ROLE_BOUND
    if form is PrincipalForm.SESSION or form is PrincipalForm.FEDERATED_USER:  # E-6, E-7
        return MatchClass.DIRECT if caller.arn == entry.arn else None
    if form is PrincipalForm.USER or form is PrincipalForm.ROLE:  # E-3, E-4, E-5
        named = entry.arn is not None and entry.arn in (caller.arn, caller.issuer)
        if not named or (bound_id is not None and caller.unique_id != bound_id):  # E-20
            return None
        own = form is PrincipalForm.USER and kind is PrincipalKind.USER
        return MatchClass.DIRECT if own else MatchClass.ROLE_BOUND
    return None  # E-10, E-13, E-14


def _principal_why(entry: PrincipalPattern, match_class: MatchClass) -> str:
    if entry.form is PrincipalForm.EVERYONE:
        return '"*" names every caller'
    if match_class is MatchClass.ACCOUNT:
        return f"{entry.text} names the caller's account, so identity policies may speak"
    if match_class is MatchClass.ROLE_BOUND:
        return f"{entry.text} stands behind the caller"
    return f"{entry.text} names the caller"


_Classes: TypeAlias = dict[PrincipalPattern, MatchClass | None]


def _chain(caller: Principal) -> list[tuple[str, tuple[PrincipalForm, ...]]]:
    """Return what a NotPrincipal Deny must list to spare a caller, and in which forms (E-25)."""
    account = (f"account {caller.account}", (PrincipalForm.ACCOUNT,))
    user = (PrincipalForm.USER, PrincipalForm.UNIQUE_ID)
    role = (PrincipalForm.ROLE, PrincipalForm.UNIQUE_ID)
    chains: dict[PrincipalKind, list[tuple[str, tuple[PrincipalForm, ...]]]] = {
        PrincipalKind.ROOT: [account],
        PrincipalKind.USER: [(str(caller), user), account],
        PrincipalKind.ROLE_SESSION: [
            (str(caller), (PrincipalForm.SESSION,)),
            (str(caller.issuer), role),
            account,
        ],
        PrincipalKind.FEDERATED_USER: [
            (str(caller), (PrincipalForm.FEDERATED_USER,)),
            (str(caller.issuer), user),
            account,
        ],
        PrincipalKind.SERVICE: [(str(caller), (PrincipalForm.SERVICE,))],
    }
    return chains.get(caller.kind, [(str(caller), ())])


# Sections 3 and 4: actions and resources


def _action_matches(entry: TextPattern, action: str) -> bool:
    """AUTH C-1 to C-4: without regard to case; white space or an empty name match nothing."""
    if entry.text == "*":
        return True
    service, _, name = entry.text.partition(":")
    if not service or not name or any(sign.isspace() or sign == "," for sign in entry.text):
        return False
    return entry.pattern.matches(action.lower())


def _resource_matches(
    entry: TextPattern, request: Request, policy: Policy, context: Context
) -> bool:
    """AUTH D-3 to D-10."""
    if entry.text == "*":
        return True  # D-4, D-6
    arn = request.resource.arn
    if arn is None:
        return False  # D-8
    segments = list(entry.segments)
    if len(segments) < 6:
        if not _may_be_short(entry.text, policy.kind):  # D-5
            return False
        segments += [_ANYTHING] * (6 - len(segments))
    if segments[2].has_wildcard:
        return False  # D-4
    values = ("arn", arn.partition, arn.service, arn.region, arn.account, arn.resource)
    for segment, value in zip(segments, values, strict=True):
        expanded = segment.expand(context.single)
        if expanded is None or not expanded.matches(value):
            return False  # D-10
    return True


def _may_be_short(text: str, kind: PolicyKind) -> bool:
    if not text.startswith("arn:"):
        return False  # D-7: a bare key id or alias name
    if kind is PolicyKind.IDENTITY_POLICY:
        return True
    if kind is PolicyKind.SCP:
        return text.endswith("*")
    return kind is not PolicyKind.RCP and ("*" in text or "?" in text)


_ANYTHING = parse_pattern("*")


def _source_arn_matches(expected: str, context: Context) -> bool:
    actual = context.single("aws:SourceArn")
    if actual is None:
        return False
    return COMPARISONS["arnlike"].test(parse_pattern(expected), actual) is True


def _child_problem(child: Grant | None, parent: Grant) -> str | None:
    """Return why a grant may not be made under this parent, or None (AUTH N-14)."""
    if child is None:
        return "a grant can be made under a grant only for known operations"
    beyond = child.operations - parent.operations
    if beyond:
        return f"the parent grant does not have {', '.join(sorted(beyond))}"
    if not child.constraints.at_least_as_strict_as(parent.constraints):
        return "the constraints are looser than those of the parent grant"
    return None


def _constraints_text(grant: Grant) -> str:
    parts = []
    if grant.constraints.equals:
        parts.append(f"EncryptionContextEquals {dict(grant.constraints.equals)}")
    if grant.constraints.subset:
        parts.append(f"EncryptionContextSubset {dict(grant.constraints.subset)}")
    if grant.constraints.source_arn:
        parts.append(f"SourceArn {grant.constraints.source_arn}")
    return ", ".join(parts) or "none"


# Sections 6 to 8: conditions


def _without_hidden(context: Context) -> Context:
    if not any(hidden_from_key_policy(name) for name in context):
        return context
    return Context({k: v for k, v in context.items() if not hidden_from_key_policy(k)})


def _condition(condition: Condition, context: Context) -> Step:
    """Compare one `(operator, key)` entry with the request (AUTH F)."""
    operator, key = condition.operator, condition.key
    present = context.get(key)
    if present == ():
        present = None  # F-7: a key without values counts as absent
    if operator.base.family is Family.NULL:
        matched = _null(condition, present)
    else:
        matched = _holds(condition, present, context)
    expected = ", ".join(value.text for value in condition.values[:6]) or "nothing"
    actual = _shown(present)
    why = f"{operator} {key}: request has {actual}, policy has {expected}"
    if _needs_set_operator(condition, present):
        why += "; a multivalued key needs ForAnyValue or ForAllValues"
    reason = None
    if not matched:
        reason = Reason.KEY_ABSENT if present is None else Reason.CONDITION
    return Step(ElementName.CONDITION, matched, expected, actual, why, condition.span, reason)


def _needs_set_operator(condition: Condition, present: Values | None) -> bool:
    operator = condition.operator
    if operator.set_operator is not None or operator.base.family is Family.NULL:
        return False
    return isinstance(present, tuple) or (present is not None and is_multivalued(condition.key))


def _shown(value: Values | None) -> str:
    if value is None:
        return "no such key"
    if isinstance(value, tuple):
        return f"[{', '.join(value)}]"
    return value or '""'


def _null(condition: Condition, present: Values | None) -> bool:
    """AUTH F-7: an empty text is present. With a set operator the result is constant."""
    if condition.operator.set_operator is not None:
        return condition.operator.set_operator is SetOperator.ALL
    shown = "true" if present is None else "false"
    return any(value.text.lower() == shown for value in condition.values)


def _holds(condition: Condition, present: Values | None, context: Context) -> bool:
    operator = condition.operator
    if present is None:
        if operator.if_exists:
            return True  # F-6, F-14
        if operator.set_operator is not None:
            return operator.set_operator is SetOperator.ALL  # F-11, F-13
        return operator.base.negated  # F-5
    if _needs_set_operator(condition, present):
        return False  # F-9
    values = (present,) if isinstance(present, str) else present  # F-10
    results = [_one(condition, value, context) for value in values]
    return any(results) if operator.set_operator is SetOperator.ANY else all(results)  # F-11


def _one(condition: Condition, actual: str, context: Context) -> bool:
    """Compare one request value with the listed ones (AUTH F-3, F-4, G-16)."""
    base = condition.operator.base
    outcomes = [_compare(condition, value, actual, context) for value in condition.values]
    if base.negated:
        return all(outcome is False for outcome in outcomes)  # F-4; G-16: unreadable is not false
    return any(outcome is True for outcome in outcomes)  # F-3


def _compare(
    condition: Condition, value: ConditionValue, actual: str, context: Context
) -> bool | None:
    """Return whether a policy value matches; None when either side cannot be read (G-16)."""
    expanded = value.pattern.expand(context.single)
    if expanded is None:
        return False  # H-6
    return condition.operator.base.test(expanded, actual)
