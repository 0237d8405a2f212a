"""Comparing what came of a call or decision with what a step expects of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from kms.errors import AccessDenied, DryRunOperation, KmsError
from kms.service import Reply
from kmsgate.scenario import values
from kmsgate.scenario.fields import Item
from kmsgate.scenario.model import Expectation
from policy import Decision, Outcome
from policy.decision import StatementTrace

Text = Callable[[Item], str]


def verdict(
    expect: Expectation, reply: Reply, grant_names: Mapping[str, str], text: Text
) -> str | None:
    """Return the first thing that is otherwise than expected, or None.

    Output and event are not looked at here. `grant_names` are the names of a world's grants by
    their ids; `text` reads a name in the file.
    """
    return (
        _outcome(expect, reply)
        or _decision(expect, reply, grant_names, text)
        or _error(expect, reply)
    )


def _outcome(expect: Expectation, reply: Reply) -> str | None:
    """A denial is never satisfied by a state or validation error, nor the other way round."""
    error = reply.error
    denied = isinstance(error, AccessDenied)
    if expect.deny is not None:
        wanted = "deny" if expect.deny == "any" else f"{expect.deny} deny"
        kind = "explicit" if _is_explicit(reply) else "implicit"
        if not denied or expect.deny not in ("any", kind):
            return f"expected {wanted}, {what_happened(reply)}"
        return None
    told = expect.error is not None or expect.message is not None
    succeeded = error is None or isinstance(error, DryRunOperation)
    if expect.allow:
        allowed = succeeded or (told and not denied and bool(reply.decisions))
        return None if allowed else f"expected allow, {what_happened(reply)}"
    if expect.output is not None and error is not None:
        return f"expected an output, {what_happened(reply)}"
    asks = expect.layer is not None or expect.because is not None or bool(expect.by)
    if asks and not told and not (succeeded or denied):
        return f"expected a decision and nothing after it, {what_happened(reply)}"
    return None


def _decision(
    expect: Expectation, reply: Reply, grant_names: Mapping[str, str], text: Text
) -> str | None:
    if expect.paths:
        paths = tuple(str(decision.path) for decision in reply.decisions)
        if paths[-len(expect.paths) :] != expect.paths:
            wanted, found = ", ".join(expect.paths), ", ".join(paths) or "nothing"
            return f"expected allow by {wanted}, the path is {found}"
    if expect.layer is None and expect.because is None and not expect.by:
        return None
    if not reply.decisions:
        return f"there is no decision: {what_happened(reply)}"
    decision = reply.decisions[-1]
    if expect.layer is not None and decision.layer != expect.layer:
        return f"expected layer {expect.layer}, {what_happened(reply)}"
    if expect.because is not None and expect.because not in decision.reasons:
        found = ", ".join(sorted(decision.reasons)) or "none"
        return f"expected because {expect.because}, the reasons are {found}"
    names = set(_names(decision, grant_names))
    for wanted in map(text, expect.by):
        if wanted not in names:
            return f"expected by {wanted}, it is by {', '.join(sorted(names)) or 'nothing'}"
    return None


def _error(expect: Expectation, reply: Reply) -> str | None:
    error = reply.error
    if expect.error is not None and (error is None or error.code != expect.error):
        return f"expected error {expect.error}, {what_happened(reply)}"
    if expect.message is not None:
        message = error.message if error is not None else None
        if message is None or not values.matches_stars(expect.message, message):
            read = f"it reads '{message}'" if message is not None else "there is no message"
            return f"expected message '{expect.message}', {read}"
    return None


def _is_explicit(reply: Reply) -> bool:
    decisions = reply.decisions
    return bool(decisions) and decisions[-1].outcome is Outcome.EXPLICITLY_DENIED


def _names(decision: Decision, grant_names: Mapping[str, str]) -> Iterator[str]:
    """Yield every name of what decided: Sid, `policy[index]`, grant id and grant name."""
    for by in decision.by:
        if isinstance(by, StatementTrace):
            yield f"{by.policy}[{by.index}]"
            if by.sid is not None:
                yield by.sid
        else:
            yield by.grant.id
            if by.grant.id in grant_names:
                yield grant_names[by.grant.id]
            if by.grant.name is not None:
                yield by.grant.name


def what_happened(reply: Reply) -> str:
    """Say in a few words how a call or decision came out."""
    error = reply.error
    if error is None or isinstance(error, DryRunOperation):
        return "decision is allow"
    if isinstance(error, AccessDenied) and reply.decisions:
        kind = "explicit" if _is_explicit(reply) else "implicit"
        return f"decision is {kind} deny by {reply.decisions[-1].layer}"
    return f"it failed with {_error_text(error)}"


def _error_text(error: KmsError) -> str:
    return f"{error.code}: {error.message}" if error.message else error.code
