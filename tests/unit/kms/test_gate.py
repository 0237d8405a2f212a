"""Which documents the gate brings to a decision (AUTH 11.1)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kms import AccessDenied, Account, Endpoint, Gate, Key, Session
from kms.directory import service_principal
from kms.gate import key_policy
from policy import Layer, Level, Policy, PolicyKind, Principal, parse
from policy.decision import AllowPath
from tests.kms_world import (
    ACCOUNT,
    ALLOW_ALL,
    OTHER,
    ROOT,
    Json,
    World,
    arn,
    document,
    identity_policy,
    key_statement,
    role_arn,
    user_arn,
)

DENY_ALL: Json = {**ALLOW_ALL, "Effect": "Deny"}
LIST_ONLY = identity_policy({**ALLOW_ALL, "Action": "kms:List*"})


def of_kind(kind: PolicyKind, *statements: Json) -> Policy:
    return parse(document(*statements), name=str(kind), kind=kind)


def path(world: World, key: Key, caller: Principal | None = None, **more: Any) -> AllowPath | None:
    reply = world.ask("DescribeKey", caller, KeyId=str(key.arn), **more)
    assert reply.error is None, reply.error
    return reply.decisions[-1].path


def denied_by(world: World, key: Key, caller: Principal | None = None, **more: Any) -> Layer:
    error = world.refused("DescribeKey", caller, KeyId=str(key.arn), **more)
    assert isinstance(error, AccessDenied)
    assert error.decision is not None
    return error.decision.layer


# Key policy and identity


def test_the_key_policy_of_the_key_in_question_is_asked(world: World) -> None:
    """AUTH L-4, L-31."""
    mine = world.key(policy=document(key_statement(principal=user_arn("admin"))))
    other = world.key(policy=document(key_statement(principal=OTHER)))

    assert path(world, mine) is AllowPath.DIRECT
    assert denied_by(world, other) is Layer.KEY_POLICY


def test_delegation_needs_an_identity_policy(world: World, key: Key) -> None:
    """AUTH L-33."""
    assert path(world, key) is AllowPath.ACCOUNT
    assert denied_by(world, key, world.user("bob")) is Layer.IDENTITY


def test_group_policies_count(world: World, key: Key) -> None:
    """AUTH L-5."""
    world.direct(lambda d: d.with_group("devs", (identity_policy(ALLOW_ALL),)))
    bob = world.user("bob", groups=("devs",))

    assert path(world, key, bob) is AllowPath.ACCOUNT


def test_the_root_user_needs_no_identity_policy(world: World, key: Key) -> None:
    """AUTH L-34."""
    assert path(world, key, world.root()) is AllowPath.DIRECT


def test_a_service_is_let_in_by_the_key_policy_alone(world: World) -> None:
    """AUTH E-19."""
    service = service_principal("s3.amazonaws.com")
    key = world.key(policy=document(key_statement(principal={"Service": "s3.amazonaws.com"})))

    assert path(world, key, service) is AllowPath.SERVICE_PRINCIPAL
    assert denied_by(world, world.key(), service) is Layer.KEY_POLICY


def test_two_accounts_must_both_allow(world: World) -> None:
    """AUTH L-36, L-37."""
    key = world.key(account=OTHER, policy=document(key_statement(principal=ROOT)))

    assert path(world, key) is AllowPath.CROSS_ACCOUNT
    assert denied_by(world, key, world.user("bob")) is Layer.IDENTITY


# Limits of the caller


def test_a_boundary_limits(world: World, key: Key) -> None:
    """AUTH L-6."""
    limited = world.user("bob", ALLOW_ALL, boundary=LIST_ONLY)

    assert denied_by(world, key, limited) is Layer.BOUNDARY
    assert world.do("ListKeys", limited)["Keys"]


def test_the_boundary_of_a_role_limits_its_sessions(world: World, key: Key) -> None:
    """AUTH L-6."""
    session = world.session("worker", ALLOW_ALL, boundary=LIST_ONLY)

    assert denied_by(world, key, session) is Layer.BOUNDARY


@pytest.mark.parametrize(
    ("policies", "layer"), [(None, None), ((), Layer.SESSION), ((LIST_ONLY,), Layer.SESSION)]
)
def test_session_policies_limit_where_there_are_any(
    world: World, key: Key, policies: tuple[Policy, ...] | None, layer: Layer | None
) -> None:
    """AUTH L-7, L-17."""
    session = world.session("worker", ALLOW_ALL)
    assert session.arn is not None
    known = Session(session.arn, arn(role_arn("worker")), policies)
    world.direct(lambda directory: directory.with_session(known))

    if layer is None:
        assert path(world, key, session) is AllowPath.ACCOUNT
    else:
        assert denied_by(world, key, session) is layer


# Organizations


def in_organization(world: World, account: str, **more: Any) -> None:
    world.direct(lambda d: d.with_account(Account(account, organization="o-a", **more)))


def level(kind: PolicyKind, *statements: Json) -> tuple[Level, ...]:
    return (Level("root", (of_kind(kind, *statements),)),)


def test_scps_of_the_callers_account_limit(world: World) -> None:
    """AUTH L-1, L-9."""
    foreign = world.key(account=OTHER, policy=document(key_statement(principal=ROOT)))
    mine = world.key()
    in_organization(world, OTHER, scps=level(PolicyKind.SCP, DENY_ALL))
    assert path(world, foreign) is AllowPath.CROSS_ACCOUNT

    in_organization(world, ACCOUNT, scps=level(PolicyKind.SCP, DENY_ALL))
    assert denied_by(world, mine) is Layer.SCP
    assert denied_by(world, mine, world.root()) is Layer.SCP
    assert denied_by(world, foreign) is Layer.SCP


def test_an_organization_without_scps_does_not_limit(world: World, key: Key) -> None:
    """AUTH L-1: as for the management account."""
    in_organization(world, ACCOUNT)

    assert path(world, key) is AllowPath.ACCOUNT


RCP = {"Effect": "Deny", "Principal": "*", "Action": "kms:DescribeKey", "Resource": "*"}


def test_rcps_of_the_keys_account_deny(world: World) -> None:
    """AUTH L-2, L-9."""
    foreign = world.key(account=OTHER, policy=document(key_statement(principal=ROOT)))
    mine = world.key()
    in_organization(world, ACCOUNT, rcps=level(PolicyKind.RCP, RCP))
    assert path(world, foreign) is AllowPath.CROSS_ACCOUNT
    assert denied_by(world, mine) is Layer.RCP

    in_organization(world, OTHER, rcps=level(PolicyKind.RCP, RCP))
    assert denied_by(world, foreign) is Layer.RCP


# Endpoints


@pytest.mark.parametrize(
    ("policy", "layer"),
    [
        (None, None),
        (of_kind(PolicyKind.ENDPOINT_POLICY, key_statement()), None),
        (of_kind(PolicyKind.ENDPOINT_POLICY, key_statement(principal=OTHER)), Layer.ENDPOINT),
        (of_kind(PolicyKind.ENDPOINT_POLICY, key_statement("Deny")), Layer.ENDPOINT),
    ],
)
def test_an_endpoint_has_a_say_in_what_comes_through_it(
    world: World, key: Key, policy: Policy | None, layer: Layer | None
) -> None:
    """AUTH L-3, L-14."""
    endpoint = Endpoint("vpce-1", ACCOUNT, policy=policy)
    world.direct(lambda directory: directory.with_endpoint(endpoint))

    assert path(world, key) is AllowPath.ACCOUNT
    assert path(world, key, endpoint="vpce-2") is AllowPath.ACCOUNT
    if layer is None:
        assert path(world, key, endpoint="vpce-1") is AllowPath.ACCOUNT
    else:
        assert denied_by(world, key, endpoint="vpce-1") is layer


# Grants


def test_only_grants_on_the_key_count(world: World) -> None:
    """AUTH L-8, N-20."""
    bob = world.user("bob")
    one, two = world.key(), world.key()
    grant = {"GranteePrincipal": user_arn("bob"), "Operations": ["DescribeKey"]}
    world.do("CreateGrant", KeyId=one.id, **grant)

    assert path(world, one, bob) is AllowPath.GRANT
    assert denied_by(world, two, bob) is Layer.IDENTITY


# Identities that come anew (AUTH E-20)


def replaced(world: World, name: str, *statements: Json) -> Principal:
    """Delete a role and make another one of the same name."""
    world.direct(lambda directory: directory.without_identity(arn(role_arn(name))))
    return world.session(name, *statements)


def test_a_role_made_anew_is_another_one_until_the_policy_is_saved_again(world: World) -> None:
    """AUTH E-20."""
    session = world.session("worker")
    key = world.key()
    policy = document(key_statement(principal=ROOT), key_statement(principal=role_arn("worker")))
    world.do("PutKeyPolicy", KeyId=key.id, Policy=policy)
    assert path(world, key, session) is AllowPath.ROLE

    anew = replaced(world, "worker")
    assert denied_by(world, key, anew) is Layer.IDENTITY

    world.do("PutKeyPolicy", KeyId=key.id, Policy=policy)
    assert path(world, key, anew) is AllowPath.ROLE
    assert denied_by(world, key, session) is Layer.IDENTITY


def test_a_denial_of_a_deleted_role_does_not_hit_its_successor(world: World) -> None:
    """AUTH E-20."""
    session = world.session("worker", ALLOW_ALL)
    policy = document(
        key_statement(principal=ROOT),
        key_statement("Deny", role_arn("worker"), Action="kms:DescribeKey"),
    )
    key = world.key(policy=policy)
    assert denied_by(world, key, session) is Layer.KEY_POLICY

    assert path(world, key, replaced(world, "worker", ALLOW_ALL)) is AllowPath.ACCOUNT


def test_names_in_conditions_follow_an_identity_made_anew(world: World) -> None:
    """AUTH E-21."""
    condition = {"ArnEquals": {"aws:PrincipalArn": role_arn("worker")}}
    world.session("worker")
    key = world.key(policy=document(key_statement(Condition=condition)))

    assert path(world, key, replaced(world, "worker")) is AllowPath.DIRECT


# The gate itself


def test_parsed_policies_are_kept_by_their_text() -> None:
    text = document(key_statement())

    assert key_policy(text) is key_policy(text)
    assert key_policy(text).kind is PolicyKind.KEY_POLICY


def test_two_gates_decide_alike(world: World, key: Key) -> None:
    request = world.ask("DescribeKey", KeyId=key.id).decisions[0].request
    call = world.request("DescribeKey", KeyId=key.id)

    first = Gate().decide(request, key, call, world.state)
    assert first == Gate().decide(request, key, call, world.state)
    assert first.allowed


def test_a_new_policy_counts_at_once(world: World, key: Key) -> None:
    """CORE K-77."""
    bob = world.user("bob")
    assert denied_by(world, key, bob) is Layer.IDENTITY
    world.put(replace(key, policy=document(key_statement(principal=user_arn("bob")))))

    assert path(world, key, bob) is AllowPath.DIRECT
