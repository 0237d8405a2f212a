"""Whether one statement or grant applies to a request, element by element (AUTH 3 to 5, 13.3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from policy.conditions import condition_step
from policy.decision import (
    ElementName,
    GrantTrace,
    Layer,
    MatchClass,
    Reason,
    StatementTrace,
    Step,
)
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
from policy.source import Span
from policy.vocabulary import (
    ACTIONS,
    CONTEXT_FREE_GRANT_OPERATIONS,
    ResourceKind,
    hidden_from_key_policy,
)

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
        if layer is Layer.KEY_POLICY and self.request.resource.kind is ResourceKind.KEY:
            context = _without_hidden(context)  # J-110
        match_class: MatchClass | None = MatchClass.DIRECT
        steps = []
        if policy.kind.names_principals:
            bound = self.bound_ids if layer is Layer.KEY_POLICY else {}  # E-20
            step, match_class = self._principal(statement, bound)
            steps.append(step)
        steps.append(self._action(statement.action))
        steps.append(self._resource(policy, statement.resource, context))
        steps += (condition_step(condition, context) for condition in statement.conditions)  # F-2
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
            entry: names_caller(entry, caller, bound_ids.get(entry.text))
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
        if statement.effect is Effect.DENY and self.has_boundary:  # E-26
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
        hits = [entry for entry in element.patterns if _action_matches(entry, asked)]
        return _list_step(ElementName.ACTION, element, hits, asked, Reason.ACTION)  # C-4

    def _resource(
        self, policy: Policy, element: Element[TextPattern] | None, context: Context
    ) -> Step:
        asked = str(self.request.resource)
        if element is None:  # B-12
            return _step(ElementName.RESOURCE, None, "-", asked, "the statement has no Resource",
                         Reason.RESOURCE)  # fmt: skip
        hits = [
            entry
            for entry in element.patterns
            if _resource_matches(entry, self.request, policy, context)
        ]
        return _list_step(ElementName.RESOURCE, element, hits, asked, Reason.RESOURCE)  # D-9

    # One grant (AUTH N-20)

    def grant(self, grant: Grant) -> GrantTrace:
        """Return what becomes of one grant (AUTH N-20)."""
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
        match_class = names_caller(entry, caller, grant.grantee_id)  # N-21, N-24
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


def _list_step(
    name: ElementName,
    element: Element[TextPattern],
    hits: Sequence[TextPattern],
    asked: str,
    reason: Reason,
) -> Step:
    """Return the step of an Action or Resource list of which `hits` match what is asked."""
    expected = _texts(element)
    if not element.patterns:  # A-8, B-2
        return _step(name, element.span, "-", asked, "the list is empty", reason)
    return _step(
        name,
        hits[0].span if hits else element.span,
        f"anything but {expected}" if element.negated else expected,
        asked,
        _list_why(element, hits, asked),
        None if bool(hits) != element.negated else reason,
    )


def _list_why(element: Element[TextPattern], hits: Sequence[TextPattern], asked: str) -> str:
    if hits:
        return f"{element.name} {hits[0].text} covers {asked}"
    return f"{element.name} {_texts(element)} does not cover {asked}"


# Section 5: principals


def names_caller(
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


def _without_hidden(context: Context) -> Context:
    if not any(hidden_from_key_policy(name) for name in context):
        return context
    return Context({k: v for k, v in context.items() if not hidden_from_key_policy(k)})
