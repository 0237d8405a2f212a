"""Whether one statement or grant applies to a request, element by element (AUTH 3 to 5, 13.3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from policy import wording
from policy.conditions import compare
from policy.decision import ElementName, GrantTrace, Layer, MatchClass, StatementTrace, Step
from policy.grants import Grant
from policy.model import (
    Effect,
    Element,
    Policy,
    PolicyKind,
    PrincipalForm,
    PrincipalPattern,
    Statement,
    TextPattern,
)
from policy.operators import COMPARISONS
from policy.pattern import parse_pattern
from policy.principals import grant_principal
from policy.request import Context, Principal, PrincipalKind, Request
from policy.vocabulary import ACTIONS, CONTEXT_FREE_GRANT_OPERATIONS, hidden_from_key_policy

ACCOUNTLESS = (PrincipalKind.SERVICE, PrincipalKind.ANONYMOUS)
"""Callers that belong to no account."""


class Matching:
    """Compares the statements and grants of one request.

    `bound_ids` are the unique ids that the ARNs of the key policy had when it was saved.
    """

    def __init__(
        self, request: Request, bound_ids: Mapping[str, str], *, has_boundary: bool
    ) -> None:
        self.request = request
        self.caller = request.principal
        self.action = ACTIONS.get(request.action.lower())
        self.bound_ids = bound_ids
        self.has_boundary = has_boundary

    def statement(
        self, layer: Layer, policy: Policy, statement: Statement, level: str | None = None
    ) -> StatementTrace:
        """Return what becomes of one statement (AUTH A-8)."""
        context = self.request.context
        if policy.kind is PolicyKind.KEY_POLICY:
            context = _without_hidden(context)  # J-110; request tags stay (J-55)
        match_class: MatchClass | None = MatchClass.DIRECT
        steps = []
        if policy.kind.names_principals:
            bound = self.bound_ids if layer is Layer.KEY_POLICY else {}  # E-20
            step, match_class = self._principal(statement, bound)
            steps.append(step)
        steps.append(self._action(statement.action))
        steps.append(self._resource(policy, statement.resource, context))
        steps += (compare(each, context, statement.effect) for each in statement.conditions)  # F-2
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
            return wording.no_principal_step(str(caller)), None
        classes = {
            entry: names_caller(entry, caller, bound_ids.get(entry.text))
            for entry in element.patterns
        }
        if element.negated:
            return self._not_principal(statement, element, classes)
        matching = [(entry, found) for entry, found in classes.items() if found is not None]
        hit = max(matching, key=lambda pair: pair[1], default=None)  # E-12
        step = wording.principal_step(element, str(caller), hit)
        return step, hit[1] if hit is not None else None

    def _not_principal(
        self, statement: Statement, element: Element[PrincipalPattern], classes: _Classes
    ) -> tuple[Step, MatchClass | None]:
        caller = self.caller
        if statement.effect is Effect.DENY and self.has_boundary:  # E-26
            matched, why = True, wording.BOUNDARY_WHY
        elif statement.effect is Effect.DENY:  # E-25
            listed = {entry.form for entry, found in classes.items() if found is not None}
            unlisted = [name for name, forms in _chain(caller) if listed.isdisjoint(forms)]
            matched = bool(unlisted) and PrincipalForm.EVERYONE not in listed
            why = wording.deny_why(unlisted if matched else ())
        else:  # E-24
            matched = all(found is None for found in classes.values())
            why = wording.allow_why(listed=not matched)
        step = wording.spared_step(element, str(caller), matched=matched, why=why)
        return step, MatchClass.DIRECT if matched else None

    def _action(self, element: Element[TextPattern] | None) -> Step:
        asked = self.request.action
        if element is None:  # B-12
            return wording.no_element_step(ElementName.ACTION, asked)
        hits = (entry for entry in element.patterns if _action_matches(entry, asked))
        return wording.list_step(ElementName.ACTION, element, next(hits, None), asked)  # C-4

    def _resource(
        self, policy: Policy, element: Element[TextPattern] | None, context: Context
    ) -> Step:
        asked = str(self.request.resource)
        if element is None:  # B-12
            return wording.no_element_step(ElementName.RESOURCE, asked)
        hits = (
            entry
            for entry in element.patterns
            if _resource_matches(entry, self.request, policy, context)
        )
        return wording.list_step(ElementName.RESOURCE, element, next(hits, None), asked)  # D-9

    # One grant (AUTH N-20)

    def grant(self, grant: Grant) -> GrantTrace:
        """Return what becomes of one grant (AUTH N-20)."""
        request, caller = self.request, self.caller
        operation = self.action.name if self.action else request.operation
        entry = grant_principal(grant.grantee_principal)
        match_class = names_caller(entry, caller, grant.grantee_id)  # N-21, N-24
        effective = grant.is_effective(request.at, request.grant_tokens)
        ended = grant.ends_at is not None and (request.at is None or request.at >= grant.ends_at)
        steps = [
            wording.operations_step(grant, operation, matched=operation in grant.operations),
            wording.grantee_step(grant, str(caller), matched=match_class is not None),
            wording.constraints_step(
                grant, request.context.encryption_context, self._problem(grant, operation)
            ),
            wording.time_step(grant, request, effective=effective, ended=ended),
        ]
        if str(request.resource) != grant.key_arn:
            steps.append(wording.other_key_step(grant, str(request.resource)))
        applies = all(step.matched for step in steps)
        return GrantTrace(grant, applies, match_class if applies else None, tuple(steps))

    def _problem(self, grant: Grant, operation: str) -> str | None:
        """Return what of a grant's constraints is not met, or None."""
        request, constraints = self.request, grant.constraints
        problem = None
        if operation == "CreateGrant":  # N-14, N-15
            if not _is_within(request.subject, grant):
                problem = wording.child_problem(request.subject, grant)
        elif operation not in CONTEXT_FREE_GRANT_OPERATIONS:
            problem = constraints.unmet_by(request.context.encryption_context)  # N-22
        if (
            problem is None
            and constraints.source_arn is not None
            and self.caller.kind is PrincipalKind.SERVICE
            and not _source_arn_matches(constraints.source_arn, request.context)
        ):
            problem = wording.source_problem(constraints.source_arn)  # N-22
        return problem


# Section 5: principals


def names_caller(
    entry: PrincipalPattern, caller: Principal, bound_id: str | None
) -> MatchClass | None:
    """Return how closely one entry names the caller, or None (AUTH E-1 to E-11, E-16, E-21).

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
    """AUTH C-1 to C-7: without regard to case; white space or an empty name match nothing."""
    if entry.text == "*":
        return True
    service, _, name = entry.text.partition(":")
    if not service or not name or any(sign.isspace() or sign == "," for sign in entry.text):
        return False
    return entry.pattern.matches(action.lower())


def _resource_matches(
    entry: TextPattern, request: Request, policy: Policy, context: Context
) -> bool:
    """AUTH D-3 to D-11."""
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


def _is_within(child: Grant | None, parent: Grant) -> bool:
    """Tell whether a grant may be made under this parent (AUTH N-14)."""
    if child is None or not child.operations <= parent.operations:
        return False
    return child.constraints.at_least_as_strict_as(parent.constraints)


def _without_hidden(context: Context) -> Context:
    if not any(hidden_from_key_policy(name) for name in context):
        return context
    return Context({k: v for k, v in context.items() if not hidden_from_key_policy(k)})
