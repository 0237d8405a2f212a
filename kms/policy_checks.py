"""What a key policy must be like before it is saved (CORE K-78, AUTH 14)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

from kms.directory import Directory
from kms.errors import InvalidArn, LimitExceeded, MalformedPolicy
from kms.model import Key
from kms.operation import Parameters, Scope
from policy import Policy, PolicyError, PolicyKind, parse, root_arn
from policy.model import PrincipalForm, PrincipalPattern
from policy.operators import SetOperator
from policy.source import printable

MAX_BYTES = 32_768
_LOCKOUT = "The new key policy will not allow you to update the key policy in the future."
_INVALID_PRINCIPALS = "Policy contains a statement with one or more invalid principals."
_OVERLY_PERMISSIVE = (
    "OverlyPermissiveCondition: Using the ForAllValues set operator with a single-valued condition "
    "key matches requests without the specified [encryption context or tag] or with an unspecified "
    "[encryption context or tag]. To fix, remove ForAllValues."
)


def default_policy(account: str, partition: str = "aws") -> str:
    """Return the text of the policy that a key gets when none is given (CORE K-23)."""
    root = json.dumps(str(root_arn(account, partition)))
    return (
        "{\n"
        '  "Version" : "2012-10-17",\n'
        '  "Id" : "key-default-1",\n'
        '  "Statement" : [ {\n'
        '    "Sid" : "Enable IAM User Permissions",\n'
        '    "Effect" : "Allow",\n'
        '    "Principal" : {\n'
        f'      "AWS" : {root}\n'
        "    },\n"
        '    "Action" : "kms:*",\n'
        '    "Resource" : "*"\n'
        "  } ]\n"
        "}"
    )


def check_policy(text: str, key: Key, parameters: Parameters, scope: Scope) -> None:
    """Raise what the service answers to a policy that it does not take (CORE K-78).

    `key` is the key as it would be; only its policy is in question.
    """
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise LimitExceeded(f"The policy is larger than {MAX_BYTES} bytes")  # AUTH P-4
    try:
        policy = parse(text, name="key policy", kind=PolicyKind.KEY_POLICY)
    except PolicyError as error:
        raise MalformedPolicy(_first(error)) from None  # AUTH P-6, P-7
    _check_statements(policy)
    _check_principals(policy, scope)
    if not parameters.get("BypassPolicyLockoutSafetyCheck"):
        changed = replace(key, policy=text, bound_ids=bound_ids(text, scope.state.directory))
        if not scope.judge(changed, "kms:PutKeyPolicy").allowed:  # AUTH P-20
            raise MalformedPolicy(_LOCKOUT)


def bound_ids(text: str, directory: Directory) -> dict[str, str]:
    """Return the unique ids of the users and roles that a policy names now (AUTH E-20)."""
    ids = {}
    for entry in _principals(parse(text, name="key policy", kind=PolicyKind.KEY_POLICY)):
        unique_id = directory.unique_id(entry.text)
        if unique_id is not None:
            ids[entry.text] = unique_id
    return ids


def _first(error: PolicyError) -> str:
    problem = error.problems[0]
    at = error.source.position(problem.span.start)
    return f"line {at.line}, column {at.column}: {printable(problem.message)}"


def _principals(policy: Policy) -> Iterator[PrincipalPattern]:
    for statement in policy.statements:
        if statement.principal is not None:
            yield from statement.principal.patterns


def _check_statements(policy: Policy) -> None:
    for statement in policy.statements:
        for entry in statement.action.patterns if statement.action is not None else ():
            if entry.text != "*" and ":" not in entry.text:  # AUTH P-10
                raise MalformedPolicy(f"Action '{printable(entry.text)}' has no service prefix")
        for condition in statement.conditions:
            name = condition.key.lower()
            if condition.operator.set_operator is SetOperator.ALL and name.startswith(
                ("kms:encryptioncontext:", "aws:requesttag/")
            ):
                raise MalformedPolicy(_OVERLY_PERMISSIVE)  # AUTH P-15


def _check_principals(policy: Policy, scope: Scope) -> None:
    """AUTH P-11 to P-14, CORE K-78: bad ARNs first, then principals that do not exist."""
    for entry in _principals(policy):
        if entry.form is PrincipalForm.INVALID and not _is_partial(entry.text):
            raise InvalidArn("An ARN in the specified key policy is invalid.")
    for entry in _principals(policy):
        if entry.form in (PrincipalForm.INVALID, PrincipalForm.CANONICAL_USER):
            raise MalformedPolicy(_INVALID_PRINCIPALS)
        if scope.settings.strict_principals and not scope.state.directory.knows(entry.text):
            raise MalformedPolicy(_INVALID_PRINCIPALS)


def _is_partial(text: str) -> bool:
    """Whether it would be an ARN but for a wildcard, or names a group (AUTH E-13, E-14)."""
    return text.startswith("arn:") and ("*" in text or "?" in text or ":group/" in text)
