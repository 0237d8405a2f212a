"""The first lines of an explanation: who asked what, what was decided, and by whom."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from policy.decision import (
    Decision,
    ElementName,
    GrantTrace,
    Layer,
    Outcome,
    Reason,
    StatementTrace,
)
from policy.near_misses import failed_elements
from policy.remedies import grant_name
from policy.request import PrincipalKind, Request
from policy.rulebook import hard_rule
from policy.vocabulary import ResourceKind

_POLICY_LAYERS = {
    Layer.IDENTITY: "identity policy",
    Layer.SESSION: "session policy",
    Layer.SCP: "SCP",
    Layer.RCP: "RCP",
}


def headline(decision: Decision) -> str:
    """Return the decision in one line, with the policies and statements that made it."""
    if decision.outcome is Outcome.EXPLICITLY_DENIED:
        return f"DENIED explicitly by {_named(decision, decision.by)}"
    if decision.outcome is Outcome.ALLOWED:
        by = _named(decision, decision.by) if decision.by else "being the account's root user"
        return f"ALLOWED by {by} ({decision.path})"
    if decision.layer is Layer.SERVICE:
        return f"DENIED by the service, whatever the policies say: {hard_rule(decision.request)[1]}"
    return f"DENIED implicitly by {_silence(decision)}"


def _named(decision: Decision, traces: Sequence[StatementTrace | GrantTrace]) -> str:
    """Name the policies and statements that decided: the first two, and how many more."""
    parts = []
    for holder, group in groupby(traces, lambda trace: _holder(decision.request, trace)):
        sids = [_statement(trace) for trace in group if isinstance(trace, StatementTrace)]
        more = f" and {len(sids) - 1} more" if len(sids) > 1 else ""
        parts.append(f"{holder}, {sids[0]}{more}" if sids else holder)
    more = f" and {len(parts) - 2} more" if len(parts) > 2 else ""
    return " and by ".join(parts[:2]) + more


def _holder(request: Request, trace: StatementTrace | GrantTrace) -> str:
    if isinstance(trace, GrantTrace):
        return f"grant {grant_name(trace.grant)}"
    fixed = _document_name(request, trace.layer)
    if fixed is not None:
        return fixed
    kind = _POLICY_LAYERS.get(trace.layer, "policy")
    name = trace.policy
    if not name.lower().startswith(kind.split()[0].lower()):
        name = f"{kind} {name}"
    at = f" at {trace.level}" if trace.level and trace.level not in name else ""
    return name + at


def _document_name(request: Request, layer: Layer) -> str | None:
    """Name the layers that have one document; None for the others."""
    if layer is Layer.KEY_POLICY:
        is_key = request.resource.kind is ResourceKind.KEY
        return "the key policy" if is_key else "the resource policy"
    return {
        Layer.BOUNDARY: "the permissions boundary",
        Layer.ENDPOINT: "the VPC endpoint policy",
    }.get(layer)


def _statement(trace: StatementTrace) -> str:
    return f"statement {trace.sid or trace.index}"


def _silence(decision: Decision) -> str:
    """Say which layer does not allow, and why that matters."""
    action, layer = decision.request.action, decision.layer
    if layer is Layer.KEY_POLICY:
        return f"{_document_name(decision.request, layer)}: {_no_offer(decision)}"
    if layer is Layer.SCP:
        levels = ", ".join(decision.layer_result(layer).missing)
        at = f" at {levels}" if levels else ", since none is attached at any level"
        return f"the SCPs: none allows {action}{at}"
    if layer is Layer.IDENTITY:
        waiting = ", and a grant does not do so yet" if _waiting(decision) else ""
        return f"the identity policies: none allows {action}{waiting}"
    if layer is Layer.SESSION:
        needs = "" if decision.layer_result(layer).applies else "a federated user needs one, and "
        return f"the session policies: {needs}none allows {action}"
    return f"{_document_name(decision.request, layer)}: it does not allow {action}"


def _no_offer(decision: Decision) -> str:
    request = decision.request
    if request.resource.kind is not ResourceKind.KEY:
        return f"it does not allow {request.action}"
    if _waiting(decision):
        return f"a grant allows {request.action}, but not yet"
    if request.principal.account not in (None, request.resource.account):
        return f"it offers nothing to account {request.principal.account}"
    if Reason.NO_DELEGATION in decision.reasons:
        return "it does not let identity policies speak"
    return f"neither it nor a grant allows {request.action}"


def _waiting(decision: Decision) -> bool:
    """Tell whether some grant lacks nothing but time."""
    return any(
        failed_elements(trace) == {ElementName.TIME}
        for trace in decision.layer_result(Layer.GRANT).grants
    )


def question(request: Request) -> str:
    """Return who asks what, in short names."""
    return f"{_caller_name(request)} asks {request.action} on {_resource_name(request)}"


def _caller_name(request: Request) -> str:
    caller = request.principal
    shown = caller.issuer if caller.kind is PrincipalKind.ROLE_SESSION else caller.arn
    name = shown.resource if shown is not None else str(caller)
    foreign = caller.account is not None and caller.account != request.resource.account
    return f"{name} of account {caller.account}" if foreign else name


def _resource_name(request: Request) -> str:
    arn = request.resource.arn
    return arn.resource if arn is not None and arn.service == "kms" else str(request.resource)
