"""The words of a trace: one comparison in, one Step out, whichever evaluator compared.

Nothing is decided here: each function is told what came out, and says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from policy.decision import ElementName, MatchClass, Reason, Step
from policy.grants import Grant
from policy.model import Condition, Element, PrincipalForm, PrincipalPattern, TextPattern
from policy.operators import Family
from policy.request import Request, Values
from policy.source import Span
from policy.vocabulary import MAX_RESOURCE_ALIASES, is_multivalued

_SHOWN_ENTRIES = 4
_SHOWN_VALUES = 6


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
    shown = [entry.text for entry in element.patterns[:_SHOWN_ENTRIES]]
    if len(element.patterns) > _SHOWN_ENTRIES:
        shown.append(f"{len(element.patterns) - _SHOWN_ENTRIES} more")
    return ", ".join(shown) or "nobody"


# Statements


def no_principal_step(caller: str) -> Step:
    """Say that a statement names no principal (AUTH B-7)."""
    why = "the statement names no principal"
    return _step(ElementName.PRINCIPAL, None, "-", caller, why, Reason.PRINCIPAL)


def principal_step(
    element: Element[PrincipalPattern],
    caller: str,
    hit: tuple[PrincipalPattern, MatchClass] | None,
) -> Step:
    """Say which entry names the caller most closely, or that none does (AUTH E-12)."""
    expected = _texts(element)
    if hit is None:
        why = f"{expected} does not name {caller}"
        return _step(ElementName.PRINCIPAL, element.span, expected, caller, why, Reason.PRINCIPAL)
    entry, match_class = hit
    why = _principal_why(entry, match_class)
    return _step(ElementName.PRINCIPAL, entry.span, expected, caller, why)


def _principal_why(entry: PrincipalPattern, match_class: MatchClass) -> str:
    if entry.form is PrincipalForm.EVERYONE:
        return '"*" names every caller'
    if match_class is MatchClass.ACCOUNT:
        return f"{entry.text} names the caller's account, so identity policies may speak"
    if match_class is MatchClass.ROLE_BOUND:
        return f"{entry.text} stands behind the caller"
    return f"{entry.text} names the caller"


def spared_step(
    element: Element[PrincipalPattern], caller: str, *, matched: bool, why: str
) -> Step:
    """Say whether a statement with NotPrincipal reaches the caller (AUTH E-24 to E-26)."""
    reason = None if matched else Reason.PRINCIPAL
    expected = f"everyone but {_texts(element)}"
    return _step(ElementName.PRINCIPAL, element.span, expected, caller, why, reason)


BOUNDARY_WHY = "a NotPrincipal Deny hits every caller with a permissions boundary"


def deny_why(unlisted: Sequence[str]) -> str:
    """Say what a NotPrincipal Deny does not list of those that stand behind a caller."""
    if not unlisted:
        return "the list names the caller and all that stands behind it"
    return f"the list does not name {' and '.join(unlisted)}"


def allow_why(*, listed: bool) -> str:
    """Say whether a NotPrincipal Allow lists the caller."""
    return f"the list {'names' if listed else 'does not name'} the caller"


def no_element_step(name: ElementName, asked: str) -> Step:
    """Say that a statement lacks an Action or Resource (AUTH B-12)."""
    return _step(name, None, "-", asked, f"the statement has no {name}", _LIST_REASONS[name])


def list_step(
    name: ElementName, element: Element[TextPattern], hit: TextPattern | None, asked: str
) -> Step:
    """Say which entry of an Action or Resource list covers what is asked, if any does."""
    expected, reason = _texts(element), _LIST_REASONS[name]
    if not element.patterns:  # A-8, B-2
        return _step(name, element.span, "-", asked, "the list is empty", reason)
    if hit is not None:
        why = f"{element.name} {hit.text} covers {asked}"
    else:
        why = f"{element.name} {expected} does not cover {asked}"
    return _step(
        name,
        hit.span if hit is not None else element.span,
        f"anything but {expected}" if element.negated else expected,
        asked,
        why,
        None if (hit is not None) != element.negated else reason,
    )


_LIST_REASONS = {ElementName.ACTION: Reason.ACTION, ElementName.RESOURCE: Reason.RESOURCE}


def condition_step(condition: Condition, present: Values | None, *, matched: bool) -> Step:
    """Say how the request's value of a key compares with the policy's; None is no value."""
    expected, actual = _expected(condition), _shown(present)
    operator, key = condition.operator, condition.key
    why = f"{operator} {key}: request has {actual}, policy has {expected}"
    if needs_set_operator(condition, present):
        why += "; a multivalued key needs ForAnyValue or ForAllValues"
    reason = None
    if not matched:
        reason = Reason.KEY_ABSENT if present is None else Reason.CONDITION
    return Step(ElementName.CONDITION, matched, expected, actual, why, condition.span, reason)


def too_many_step(condition: Condition) -> Step:
    """Say that a key has too many aliases to be allowed by one of them (AUTH J-68)."""
    expected = _expected(condition)
    actual = f"more than {MAX_RESOURCE_ALIASES} aliases"
    why = f"{condition.operator} {condition.key}: the key has {actual}, so that none of them allows"
    return Step(
        ElementName.CONDITION, False, expected, actual, why, condition.span, Reason.CONDITION
    )


def _expected(condition: Condition) -> str:
    return ", ".join(value.text for value in condition.values[:_SHOWN_VALUES]) or "nothing"


def needs_set_operator(condition: Condition, present: Values | None) -> bool:
    """Tell whether a plain operator meets a key with several values (AUTH F-9)."""
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


# Grants


def operations_step(grant: Grant, operation: str, *, matched: bool) -> Step:
    """Say whether a grant has an operation (AUTH N-20)."""
    listed = ", ".join(sorted(grant.operations))
    why = f"the grant {'has' if matched else 'does not have'} {operation}"
    reason = None if matched else Reason.GRANT_OPERATION
    return _step(ElementName.OPERATIONS, None, listed, operation, why, reason)


def grantee_step(grant: Grant, caller: str, *, matched: bool) -> Step:
    """Say whether a grant is for the caller (AUTH N-21)."""
    why = "the grantee is the caller" if matched else "the grantee is someone else"
    reason = None if matched else Reason.GRANT_GRANTEE
    return _step(ElementName.GRANTEE, None, grant.grantee_principal, caller, why, reason)


def constraints_step(grant: Grant, pairs: Mapping[str, str], problem: str | None) -> Step:
    """Say what of a grant's constraints is not met; None is nothing (AUTH N-22)."""
    return _step(
        ElementName.CONSTRAINTS,
        None,
        _constraints_text(grant),
        str(pairs or "no encryption context"),
        problem or "the constraints hold",
        Reason.GRANT_CONSTRAINT if problem else None,
    )


def source_problem(expected: str) -> str:
    """Say that the source that a service calls for is another one (AUTH N-22)."""
    return f"aws:SourceArn must be {expected}"


def child_problem(child: Grant | None, parent: Grant) -> str:
    """Say why a grant may not be made under this parent (AUTH N-14)."""
    if child is None:
        return "a grant can be made under a grant only for known operations"
    beyond = child.operations - parent.operations
    if beyond:
        return f"the parent grant does not have {', '.join(sorted(beyond))}"
    return "the constraints are looser than those of the parent grant"


def time_step(grant: Grant, request: Request, *, effective: bool, ended: bool) -> Step:
    """Say whether a grant counts at the time of the request (AUTH N-30)."""
    why = "the grant is effective"
    if ended:
        why = "the grant has ended"
    elif not effective:
        why = "the grant is new, and the request carries none of its tokens"
    reason = None if effective and not ended else Reason.GRANT_NOT_YET
    since, at = str(grant.effective_at or "always"), str(request.at or "-")
    return _step(ElementName.TIME, None, since, at, why, reason)


def other_key_step(grant: Grant, asked: str) -> Step:
    """Say that a grant is on another key."""
    why = "the grant is on another key"
    return _step(ElementName.RESOURCE, None, grant.key_arn, asked, why, Reason.RESOURCE)


def _constraints_text(grant: Grant) -> str:
    parts = []
    if grant.constraints.equals:
        parts.append(f"EncryptionContextEquals {dict(grant.constraints.equals)}")
    if grant.constraints.subset:
        parts.append(f"EncryptionContextSubset {dict(grant.constraints.subset)}")
    if grant.constraints.source_arn:
        parts.append(f"SourceArn {grant.constraints.source_arn}")
    return ", ".join(parts) or "none"
