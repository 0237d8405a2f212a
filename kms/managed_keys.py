"""AWS managed keys: one per service, account and Region, made at first use (CORE K-18 to K-22).

Their names exist from the start. `ready` makes the key behind such a name before it is resolved;
what it made is kept only if the call succeeds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

from kms.condition_keys import via_service
from kms.envelope import material_id
from kms.material import calendar_of_aws
from kms.model import (
    SYMMETRIC_DEFAULT,
    Alias,
    Key,
    KeyManager,
    KeyMaterial,
    KeyOrigin,
    KeyState,
    KeyUsage,
)
from kms.operation import Parameters, Scope
from kms.state import State
from kms.targets import home
from policy import Arn, Decision, Layer, Outcome, root_arn
from policy.decision import Trace
from policy.vocabulary import ACTIONS

SERVICES = (
    "acm", "backup", "codecommit", "connect", "dynamodb", "ebs", "elasticfilesystem", "es", "fsx",
    "glue", "kinesis", "lambda", "rds", "redshift", "s3", "secretsmanager", "ses", "sns", "sqs",
    "ssm", "workspaces", "xray",
)  # fmt: skip
"""The services that have a key of their own in each account and Region (CORE K-19)."""

_PREFIX = "alias/aws/"
_NAMES = {f"{_PREFIX}{service}": service for service in sorted(SERVICES)}
_NAMING = ("KeyId", "SourceKeyId", "DestinationKeyId")
_USE = ("Encrypt", "Decrypt", "ReEncrypt*", "GenerateDataKey*", "CreateGrant", "DescribeKey")
_READ = ("Describe*", "Get*", "List*", "RevokeGrant")


def ready(parameters: Parameters, scope: Scope) -> Scope:
    """Return the scope with the keys that a request names by predefined aliases (CORE K-19).

    Only names of the caller's own account and Region count: other accounts never get at such a
    key, and must not learn whether it was used yet (CORE K-8).
    """
    for member in _NAMING:
        named = parameters.get(member)
        if named is None or _PREFIX not in named:
            continue
        prefix = str(home(scope))
        alias = home(scope, named.removeprefix(prefix))
        if alias.resource in _NAMES and str(alias) not in scope.state.aliases:
            scope = replace(scope, state=_made(alias, scope))
    return scope


def unused_names(state: State, place: Arn) -> Iterator[str]:
    """Yield, in order, the predefined aliases that no key stands behind yet (CORE K-167).

    `place` is any ARN of the account and Region.
    """
    for name in _NAMES:
        if str(replace(place, resource=name)) not in state.aliases:
            yield name


def count(state: State, place: Arn) -> int:
    """Return how many AWS managed keys an account has in a Region; no quota counts them (K-22)."""
    return len(_NAMES) - sum(1 for _ in unused_names(state, place))


def guarded(decision: Decision, key: Key | None) -> Decision:
    """Return the decision, or a denial where it would let someone change such a key.

    The second line of defence (CORE K-21): the first is that no policy allows it.
    """
    if not decision.allowed or not is_fixed(decision.request.action, key):
        return decision
    trace = Trace(decision.layers, blocked_by=(Layer.SERVICE,))
    return Decision(decision.request, Outcome.IMPLICITLY_DENIED, Layer.SERVICE, None, (), trace)


def is_fixed(action: str, key: Key | None) -> bool:
    """Tell whether nobody may do this to the key, since a service manages it (CORE K-21)."""
    if key is None or key.manager is not KeyManager.AWS:
        return False
    known = ACTIONS.get(action.lower())
    return known is None or known.fixed_on_aws_managed


def key_policy(service: str, arn: Arn) -> str:
    """Return the policy that a service writes for its key in an account (CORE K-20)."""
    conditions = {
        "kms:CallerAccount": arn.account,
        "kms:ViaService": via_service(service, arn.region),
    }
    through_service = {
        "Sid": "Use through the service",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": [f"kms:{name}" for name in _USE],
        "Resource": "*",
        "Condition": {"StringEquals": conditions},
    }
    reading = {
        "Sid": "Reading by the account",
        "Effect": "Allow",
        "Principal": {"AWS": str(root_arn(arn.account, arn.partition))},
        "Action": [f"kms:{name}" for name in _READ],
        "Resource": "*",
    }
    document = {
        "Version": "2012-10-17",
        "Id": f"auto-{service}-1",
        "Statement": [through_service, reading],
    }
    return json.dumps(document, indent=2)


def _made(name: Arn, scope: Scope) -> State:
    """Return the state with the key of a service, and the predefined alias pointing at it."""
    service = _NAMES[name.resource]
    arn = replace(name, resource=f"key/{scope.entropy.uuid()}")
    secret = scope.entropy.material(SYMMETRIC_DEFAULT)
    key = Key(
        arn=arn,
        spec=SYMMETRIC_DEFAULT,
        usage=KeyUsage.ENCRYPT_DECRYPT,
        origin=KeyOrigin.AWS_KMS,
        state=KeyState.ENABLED,
        policy=key_policy(service, arn),
        created_at=scope.now,
        materials=(KeyMaterial(material_id(secret, arn.name), secret, scope.now),),
        description=f"Default key of {service}",
        rotation=calendar_of_aws(scope.settings, scope.now),
        manager=KeyManager.AWS,
    )
    return scope.state.with_key(key).with_alias(Alias(name, str(arn), scope.now, scope.now))
