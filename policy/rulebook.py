"""Which rules of the authorization specification decided, for people who want to look them up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from policy.decision import (
    AllowPath,
    Decision,
    ElementName,
    GrantTrace,
    Layer,
    MatchClass,
    Outcome,
    Reason,
    StatementTrace,
    Step,
)
from policy.operators import Family, Operator, parse_operator
from policy.request import PrincipalKind, Request
from policy.vocabulary import ACTIONS, ResourceKind

_PATHS = {
    AllowPath.DIRECT: ("L-31",),
    AllowPath.ROLE: ("L-32",),
    AllowPath.ACCOUNT: ("L-33",),
    AllowPath.CROSS_ACCOUNT: ("L-36",),
    AllowPath.SERVICE_PRINCIPAL: ("E-19", "L-51"),
    AllowPath.ROOT: ("L-40",),
}
_FAMILIES = {
    Family.NUMERIC: "G-4",
    Family.DATE: "G-5",
    Family.BOOL: "G-6",
    Family.BINARY: "G-7",
    Family.IP: "G-8",
    Family.ARN: "G-9",
    Family.NULL: "F-7",
}
_GRANT_REASONS = {
    ElementName.OPERATIONS: "N-20",
    ElementName.GRANTEE: "N-21",
    ElementName.CONSTRAINTS: "N-22",
    ElementName.TIME: "N-30",
}


def rules_of(decision: Decision) -> tuple[str, ...]:
    """Return the numbers of the rules that made a decision what it is, the weightiest first."""
    if decision.outcome is Outcome.EXPLICITLY_DENIED:
        found = _explicit(decision)
    elif decision.outcome is Outcome.ALLOWED:
        found = _allowed(decision)
    else:
        found = _implicit(decision)
    return tuple(dict.fromkeys(found))


def _explicit(decision: Decision) -> Iterator[str]:
    yield from ("L-10", "A-4")
    for trace in decision.by:
        if isinstance(trace, StatementTrace):
            yield from _principal_rules(trace)
            yield from _condition_rules(trace.steps)


def _principal_rules(trace: StatementTrace) -> Iterator[str]:
    step = next((s for s in trace.steps if s.element is ElementName.PRINCIPAL), None)
    if step is not None:
        negated = step.expected.startswith("everyone but ")
        yield ("E-26" if "boundary" in step.why else "E-25") if negated else "E-17"


def _allowed(decision: Decision) -> Iterator[str]:
    request, path = decision.request, decision.path
    if request.resource.kind is None:  # IAM's general rule, which has no number here
        yield from ("L-36",) if path is AllowPath.CROSS_ACCOUNT else ()
    elif path is AllowPath.GRANT:
        yield from _grant_rules(decision)
    elif path is AllowPath.IDENTITY:
        yield "N-50" if request.action == "kms:RetireGrant" else "L-40"
    elif path is not None:
        yield from _PATHS[path]
        if path is AllowPath.DIRECT and request.principal.kind is PrincipalKind.ROOT:
            yield "L-34"
    for trace in decision.by:
        yield from _condition_rules(trace.steps)


def _grant_rules(decision: Decision) -> Iterator[str]:
    if decision.request.action == "kms:RetireGrant":
        yield "N-50"
        return
    same = decision.request.principal.account == decision.request.resource.account
    yield "N-25" if same else "N-26"
    for trace in decision.by:
        if isinstance(trace, GrantTrace) and not trace.grant.is_effective(
            decision.request.at, frozenset()
        ):
            yield "N-31"


def _implicit(decision: Decision) -> Iterator[str]:
    request, layer = decision.request, decision.layer
    same = request.principal.account == request.resource.account
    if layer is Layer.KEY_POLICY and request.resource.kind is ResourceKind.KEY:
        yield from ("L-30", "A-11") if same else ("L-36",)
    elif layer is Layer.SCP:
        yield "L-12"
    elif layer is Layer.ENDPOINT:
        yield "L-14"
    elif layer is Layer.SERVICE:
        yield hard_rule(request)[0]
    elif request.resource.kind is ResourceKind.KEY:
        yield ("L-32" if _bound_to_role(decision) else "L-33") if same else "L-37"
    elif request.resource.kind is not None:
        yield "L-40"
    if layer is Layer.BOUNDARY:
        yield "L-16"
    if layer is Layer.SESSION:
        yield "L-17"
    if layer in (Layer.KEY_POLICY, Layer.IDENTITY):
        yield from _near_grants(decision)
    if Reason.KEY_ABSENT in decision.reasons:
        yield "F-5"


def _bound_to_role(decision: Decision) -> bool:
    return decision.layer is not Layer.IDENTITY and any(
        trace.match_class is MatchClass.ROLE_BOUND
        for trace in decision.layer_result(Layer.KEY_POLICY).allowing
    )


def _near_grants(decision: Decision) -> Iterator[str]:
    """Yield what keeps a grant from matching that lacks only one thing."""
    for trace in decision.layer_result(Layer.GRANT).grants:
        failed = {step.element for step in trace.steps if not step.matched}
        if len(failed) == 1:
            yield from (_GRANT_REASONS[name] for name in failed if name in _GRANT_REASONS)


def hard_rule(request: Request) -> tuple[str, str]:
    """Return the rule of the service that denies a request whatever the policies say.

    It has a number, and words for people.
    """
    resource, caller, asked = request.resource, request.principal, request.action
    action = ACTIONS.get(asked.lower())
    if resource.arn and caller.arn and resource.arn.partition != caller.arn.partition:
        return "A-10", "caller and resource are in different partitions"
    if resource.kind is None or action is None or not action.is_checked_on(resource.kind):
        return "K-62", f"no operation asks for {asked} on such a resource"
    if action.name == "RetireGrant":
        return "N-50", "only those whom the grant names may retire it"
    if resource.kind is ResourceKind.ALIAS and caller.account != resource.account:
        return "L-41", "an alias is changed in its own account"
    if resource.kind is ResourceKind.ALIAS:
        return "K-64", "nobody may change an alias of AWS"
    if resource.aws_managed and caller.account == resource.account:
        return "K-82", f"nobody may use {asked} on an AWS managed key"
    return "K-61", f"{asked} is only possible on a key of the caller's own account"


def _condition_rules(steps: Iterable[Step]) -> Iterator[str]:
    for step in steps:
        if step.element is ElementName.CONDITION:
            # `why` begins with the operator, as the policy's author would write it.
            operator = parse_operator(step.why.partition(" ")[0])
            if operator is not None:
                yield from _operator_rules(operator, present=step.actual != "no such key")


def _operator_rules(operator: Operator, *, present: bool) -> Iterator[str]:
    base = operator.base
    if base.family is not Family.NULL:
        if operator.if_exists and not present:
            yield "F-6"
        elif operator.set_operator is not None:
            yield "F-11"
        elif not present:
            yield "F-5"
        else:
            yield "F-4" if base.negated else "F-3"
    if base.family is not Family.STRING:
        yield _FAMILIES[base.family]
    elif "IgnoreCase" in base.name:
        yield "G-2"
    else:
        yield "G-3" if base.wildcards else "G-1"
