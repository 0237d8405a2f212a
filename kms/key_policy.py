"""Reading and replacing the one policy of a key (CORE K-76, K-77)."""

from __future__ import annotations

from dataclasses import replace

from kms import paging
from kms.errors import NotFound
from kms.operation import Change, Parameters, Scope, operation
from kms.policy_checks import bound_ids, check_policy

POLICY_NAME = "default"


def _require_default(parameters: Parameters, _scope: Scope) -> None:
    if parameters.get("PolicyName", POLICY_NAME) != POLICY_NAME:
        raise NotFound("No such policy exists")


@operation("GetKeyPolicy", examine=_require_default)
def get_key_policy(_parameters: Parameters, scope: Scope) -> Change:
    """Give the policy back, byte for byte (CORE K-23)."""
    return Change(scope.state, {"Policy": scope.key.policy, "PolicyName": POLICY_NAME})


@operation("ListKeyPolicies")
def list_key_policies(parameters: Parameters, scope: Scope) -> Change:
    """Name the only policy that a key has."""
    bound = ("ListKeyPolicies", str(scope.key.arn))
    start = paging.start_of(parameters, *bound)
    entries = [(POLICY_NAME, POLICY_NAME)] if start is None else []
    names, more = paging.page(parameters, entries, 100, 1000, *bound)
    return Change(scope.state, {"PolicyNames": names, **more})


@operation("PutKeyPolicy", examine=_require_default)
def put_key_policy(parameters: Parameters, scope: Scope) -> Change:
    """Replace the whole policy, unless the caller would lock himself out (CORE K-78)."""
    text = parameters["Policy"]
    check_policy(text, scope.key, parameters, scope)
    key = replace(scope.key, policy=text, bound_ids=bound_ids(text, scope.state.directory))
    return Change(scope.state.with_key(key), logged={"keyId": str(key.arn)})
