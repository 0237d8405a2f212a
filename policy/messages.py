"""The one line that a denied caller may read (AUTH section 12).

It names one kind of policy and nothing else: no ARN of a policy, no statement, no condition, no
other principal (AUTH M-17, M-22).
"""

from __future__ import annotations

from policy.decision import Decision, Layer, Outcome
from policy.request import PrincipalKind
from policy.vocabulary import ACTIONS, ResourceKind

# AUTH M-5 to M-11
_POLICY_NAMES = {
    Layer.SCP: "a service control policy",
    Layer.RCP: "a resource control policy",
    Layer.ENDPOINT: "a VPC endpoint policy",
    Layer.KEY_POLICY: "a resource-based policy",
    Layer.IDENTITY: "an identity-based policy",
    Layer.BOUNDARY: "a permissions boundary",
    Layer.SESSION: "a session policy",
    Layer.SERVICE: "a resource-based policy",  # M-20
    Layer.GRANT: "a resource-based policy",  # M-21
}
_UNREACHABLE = (
    "because the resource does not exist in this Region, no resource-based policies allow access, "
    "or a resource-based policy explicitly denies access"
)


def denial_message(decision: Decision, *, by_ciphertext: bool = False) -> str | None:
    """Return what the service tells the caller, or None for an allowed request.

    With `by_ciphertext` the key was found through a ciphertext and not named by the caller.
    """
    if decision.allowed:
        return None
    request, layer = decision.request, decision.layer
    foreign = request.principal.account != request.resource.account and (
        request.principal.kind is not PrincipalKind.SERVICE
    )
    who = str(request.principal)
    what = f"User: {who} is not authorized to perform: {_action(request.action)}"
    allows = f"because no {_POLICY_NAMES[layer].split(' ', 1)[1]} allows the"
    named = request.resource.kind in (ResourceKind.KEY, ResourceKind.ALIAS)
    if named and not request.resource.planned and foreign:
        if layer in (Layer.KEY_POLICY, Layer.SERVICE, Layer.RCP):  # M-12, M-13, M-20
            where = (
                "the resource associated with this ciphertext" if by_ciphertext else "this resource"
            )
            return f"{what} on {where} {_UNREACHABLE}"
        if layer is Layer.IDENTITY and decision.outcome is Outcome.IMPLICITLY_DENIED:  # M-14
            return f"{what} on this resource {allows} {_action(request.action)} action"
    on = "" if request.resource.planned else f" on resource: {request.resource}"  # M-16
    if decision.outcome is Outcome.EXPLICITLY_DENIED:
        return f"{what}{on} with an explicit deny in {_POLICY_NAMES[layer]}"  # M-4
    return f"{what}{on} {allows} {_action(request.action)} action"  # M-3, M-15, M-18


def unreachable_message(principal: str, action: str, *, by_ciphertext: bool = False) -> str:
    """Return the text for a key that is not there, or not for this caller (AUTH M-12, M-13)."""
    where = "the resource associated with this ciphertext" if by_ciphertext else "this resource"
    return f"User: {principal} is not authorized to perform: {action} on {where} {_UNREACHABLE}"


def _action(action: str) -> str:
    known = ACTIONS.get(action.lower())
    return str(known) if known is not None else action  # M-2
