"""Whether one condition holds: sections 6 to 8, with their numbers in the margin.

No condition at all is true (F-1). Nothing here raises (F-17), and a key that KMS never has is
just absent (F-16).
"""

from __future__ import annotations

from policy.decision import Step
from policy.model import Condition, ConditionValue, Effect
from policy.operators import Family, SetOperator
from policy.request import Context, Values
from policy.vocabulary import allows_nothing
from policy.wording import condition_step, needs_set_operator, too_many_step


def compare(condition: Condition, context: Context, effect: Effect) -> Step:
    """Compare one `(operator, key)` entry with the request (AUTH F)."""
    present = context.get(condition.key)
    if effect is Effect.ALLOW and allows_nothing(condition.key, present):
        return too_many_step(condition)  # J-68
    if present == ():
        present = None  # F-7: a key without values counts as absent
    if condition.operator.base.family is Family.NULL:
        matched = _null(condition, present)
    else:
        matched = _holds(condition, present, context)
    return condition_step(condition, present, matched=matched)


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
        return operator.base.negated  # F-5, G-18
    if needs_set_operator(condition, present):
        return False  # F-9
    values = (present,) if isinstance(present, str) else present  # F-10
    results = [_one(condition, value, context) for value in values]
    return any(results) if operator.set_operator is SetOperator.ANY else all(results)  # F-11, F-12


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
