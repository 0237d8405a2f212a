"""Grants in decisions: matching, parents, tokens and retiring (AUTH section 13)."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from policy import Layer, MatchClass, Principal, Reason, principal_from_arn
from policy.decision import ElementName, GrantTrace
from policy.grants import Grant
from policy.vocabulary import GRANT_OPERATIONS
from tests.cast import (
    A_ROOT,
    ALICE,
    APP_ROLE,
    APP_SESSION,
    B_ROOT,
    BOB,
    FED,
    K_B,
    NOON,
    ROOT,
    A,
    B,
    Json,
    alice,
    allow,
    app,
    app_2,
    app_b,
    arn,
    ask,
    bob_b,
    deny,
    endpoint,
    fed,
    grant,
    identity,
    key,
    key_policy,
    label,
    logs,
    names,
    rcps,
    root_a,
    root_b,
    scps,
    verdict,
)

EVERYTHING = identity(allow("*"))
NOTHING = identity(allow("sts:*"))
SECOND = dt.timedelta(seconds=1)


def trace_of(
    made: Grant, caller: Principal = alice, action: str = "kms:Decrypt", **more: Any
) -> GrantTrace:
    (trace,) = ask(caller, action, **more, grants=made).layer_result(Layer.GRANT).grants
    return trace


def applies(
    made: Grant, caller: Principal = alice, action: str = "kms:Decrypt", **more: Any
) -> bool:
    return trace_of(made, caller, action, **more).applies


def pairs(**encryption_context: str) -> dict[str, str]:
    return {f"kms:EncryptionContext:{k}": value for k, value in encryption_context.items()}


# Matching


@pytest.mark.parametrize("operation", sorted(GRANT_OPERATIONS - {"RetireGrant", "CreateGrant"}))
def test_n20_a_grant_allows_the_operations_it_lists(operation: str) -> None:
    made = grant(ALICE, operation)

    assert applies(made, action=f"kms:{operation}")
    assert applies(made, action=f"KMS:{operation.upper()}"), "C-1: actions are named in any case"
    others = GRANT_OPERATIONS - {operation, "RetireGrant"}
    assert not any(applies(made, action=f"kms:{other}") for other in others)


def test_n20_what_cannot_be_granted_is_not_allowed_by_a_grant() -> None:
    assert not applies(grant(ALICE, "Decrypt"), action="kms:RevokeGrant")
    assert verdict(ask(alice, "kms:RevokeGrant", grants=grant(ALICE, "Decrypt"))) == (
        "ID key_policy"
    )


def test_n2_n20_a_grant_belongs_to_one_key() -> None:
    trace = trace_of(grant(BOB, "Decrypt", key_arn=K_B), bob_b)

    assert not trace.applies
    (step,) = [step for step in trace.steps if not step.matched]
    assert (step.element, step.reason) == (ElementName.RESOURCE, Reason.RESOURCE)
    assert step.why == "the grant is on another key"


@pytest.mark.parametrize(
    ("grantee", "caller", "match_class"),
    [
        (ALICE, alice, MatchClass.DIRECT),
        (ALICE, fed, MatchClass.ROLE_BOUND),
        (ALICE, app, None),
        (APP_ROLE, app, MatchClass.ROLE_BOUND),
        (APP_ROLE, app_2, MatchClass.ROLE_BOUND),
        (APP_ROLE, app_b, None),
        (APP_SESSION, app, MatchClass.DIRECT),
        (APP_SESSION, app_2, None),
        (FED, fed, MatchClass.DIRECT),
        (A, alice, MatchClass.ACCOUNT),
        (A_ROOT, app, MatchClass.ACCOUNT),
        (A_ROOT, root_a, MatchClass.DIRECT),
        (A_ROOT, bob_b, None),
        (str(logs), logs, MatchClass.DIRECT),
        ("s3.amazonaws.com", logs, None),
        ("*", alice, None),
        ("alice", alice, None),
    ],
    ids=label,
)
def test_n21_n24_a_grantee_is_the_caller_in_a_class(
    grantee: str, caller: Principal, match_class: MatchClass | None
) -> None:
    trace = trace_of(grant(grantee, "Decrypt"), caller)

    assert trace.match_class is match_class
    assert trace.applies == (match_class is not None)


def test_a9_a_bare_role_is_the_grantee_of_its_grants() -> None:
    caller = principal_from_arn(arn(APP_ROLE))
    assert caller is not None

    assert applies(grant(APP_ROLE, "Decrypt"), caller)
    assert not applies(grant(APP_SESSION, "Decrypt"), caller)


def test_n6_a_recreated_grantee_is_another_one() -> None:
    made = grant(ALICE, "Decrypt", grantee_id="AIDA1")

    assert applies(made, replace(alice, unique_id="AIDA1"))
    assert not applies(made, replace(alice, unique_id="AIDA2"))


# Constraints


@pytest.mark.parametrize(
    ("constraint", "context", "holds"),
    [
        ({"equals": {"Dept": "IT"}}, pairs(Dept="IT"), True),
        ({"equals": {"Dept": "IT"}}, pairs(Dept="IT", App="x"), False),
        ({"equals": {"Dept": "IT"}}, {}, False),
        ({"equals": {"Dept": "IT"}}, pairs(dept="IT"), False),  # U-15
        ({"subset": {"Dept": "IT"}}, pairs(App="x", Dept="IT"), True),
        ({"subset": {"Dept": "IT"}}, pairs(Dept="it"), False),
        ({"subset": {"Dept": "IT"}}, {}, False),
        ({"equals": {}}, pairs(Dept="IT"), True),  # N-9
        ({}, pairs(Dept="IT"), True),
    ],
)
def test_n22_the_encryption_context_must_meet_the_constraint(
    constraint: Json, context: dict[str, str], holds: bool
) -> None:
    made = grant(ALICE, "Decrypt", "GenerateDataKey", **constraint)

    assert applies(made, context=context) is holds
    assert applies(made, action="kms:GenerateDataKey", context=context) is holds


@pytest.mark.parametrize("constraint", ["equals", "subset"])
def test_n22_describe_key_has_no_encryption_context(constraint: str) -> None:
    made = grant(ALICE, "DescribeKey", "Decrypt", **{constraint: {"Dept": "IT"}})  # type: ignore[arg-type]

    assert applies(made, action="kms:DescribeKey")
    assert not applies(made)


@pytest.mark.parametrize(
    ("caller", "grantee", "context", "holds"),
    [
        (alice, ALICE, {}, True),  # it is compared for services only
        (logs, str(logs), {"aws:SourceArn": "arn:aws:s3:::bucket"}, True),
        (logs, str(logs), {"aws:SourceArn": "arn:aws:s3:::other"}, False),
        (logs, str(logs), {"aws:SourceArn": "bucket"}, False),
        (logs, str(logs), {}, False),
    ],
    ids=label,
)
@pytest.mark.parametrize("wanted", ["arn:aws:s3:::bucket", "arn:aws:s3:::buck*"])
def test_n22_a_source_arn_is_compared_for_services(
    caller: Principal, grantee: str, context: Json, holds: bool, wanted: str
) -> None:
    made = grant(grantee, "Decrypt", source_arn=wanted)

    assert applies(made, caller, context=context) is holds


# Time and tokens


@pytest.mark.parametrize(
    ("at", "tokens", "result"),
    [
        (NOON - SECOND, set(), "ID key_policy"),
        (NOON, set(), "AL grant"),
        (None, set(), "ID key_policy"),
        (NOON - SECOND, {"token"}, "AL grant"),  # N-31
        (NOON - SECOND, {"other", "token"}, "AL grant"),  # N-32
        (NOON - SECOND, {"other"}, "ID key_policy"),
    ],
)
def test_n30_a_new_grant_needs_its_token(
    at: dt.datetime | None, tokens: set[str], result: str
) -> None:
    made = grant(ALICE, "Decrypt", effective_at=NOON, tokens=frozenset({"token"}))

    decision = ask(alice, grants=made, at=at, grant_tokens=frozenset(tokens))

    assert verdict(decision) == result
    assert decision.reasons == (set() if decision.allowed else {Reason.GRANT_NOT_YET})


@pytest.mark.parametrize(
    ("made", "caller", "action"),
    [
        (grant(APP_SESSION, "Decrypt"), alice, "kms:Decrypt"),
        (grant(ALICE, "Decrypt"), alice, "kms:Encrypt"),
        (grant(ALICE, "Decrypt", key_arn=K_B), alice, "kms:Decrypt"),
        (grant(ALICE, "Decrypt", equals={"Dept": "IT"}), alice, "kms:Decrypt"),
    ],
)
def test_n31_a_token_adds_nothing_else(made: Grant, caller: Principal, action: str) -> None:
    made = replace(made, effective_at=NOON, tokens=frozenset({"token"}))

    assert not applies(made, caller, action, at=NOON - SECOND, grant_tokens=frozenset({"token"}))


def test_n31_a_token_makes_its_own_grant_effective_only() -> None:
    one = grant(ALICE, "Decrypt", name="one", effective_at=NOON, tokens=frozenset({"1"}))
    two = grant(ALICE, "Decrypt", name="two", effective_at=NOON, tokens=frozenset({"2"}))

    decision = ask(alice, grants=(one, two), grant_tokens=frozenset({"2"}))

    assert names(decision) == ["two"]


@pytest.mark.parametrize(
    ("at", "holds"), [(NOON - SECOND, True), (NOON, False), (NOON + SECOND, False), (None, False)]
)
def test_n35_a_revoked_grant_goes_on_until_its_end(at: dt.datetime | None, holds: bool) -> None:
    made = grant(ALICE, "Decrypt", ends_at=NOON, tokens=frozenset({"token"}))

    assert applies(made, at=at) is holds
    assert applies(made, at=at, grant_tokens=frozenset({"token"})) is holds


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (grant(ALICE, "Decrypt"), "the grant is effective"),
        (grant(ALICE, "Decrypt", ends_at=NOON), "the grant has ended"),
        (
            grant(ALICE, "Decrypt", effective_at=NOON + SECOND),
            "the grant is new, and the request carries none of its tokens",
        ),
    ],
)
def test_the_trace_says_when_a_grant_counts(made: Grant, why: str) -> None:
    step = trace_of(made, at=NOON).steps[-1]

    assert (step.element, step.why) == (ElementName.TIME, why)


def test_the_trace_says_why_a_grant_does_not_help() -> None:
    trace = trace_of(grant(FED, "Sign", "Verify", subset={"Dept": "IT"}))

    assert [(step.matched, step.why) for step in trace.steps] == [
        (False, "the grant does not have Decrypt"),
        (False, "the grantee is someone else"),
        (False, "the encryption context must include {Dept: IT}"),
        (True, "the grant is effective"),
    ]
    assert [step.expected for step in trace.steps[:3]] == [
        "Sign, Verify",
        FED,
        "EncryptionContextSubset {'Dept': 'IT'}",
    ]


# Grants beside policies


def test_n25_a_grant_needs_no_policy_in_one_account() -> None:
    assert verdict(ask(alice, grants=grant(ALICE, "Decrypt"))) == "AL grant"
    assert verdict(ask(app, grants=grant(APP_ROLE, "Decrypt"))) == "AL grant"
    assert verdict(ask(app, grants=grant(A, "Decrypt"))) == "ID identity"


def test_n26_a_grant_across_accounts_needs_no_identity_policy_unless_it_names_the_account() -> None:
    assert verdict(ask(bob_b, grants=grant(BOB, "Decrypt"))) == "AL grant"
    assert verdict(ask(bob_b, grants=grant(B, "Decrypt"))) == "ID identity"
    assert verdict(ask(bob_b, grants=grant(B, "Decrypt"), identity=EVERYTHING)) == "AL grant"
    assert verdict(ask(root_b, grants=grant(B_ROOT, "Decrypt"))) == "AL grant"


@pytest.mark.parametrize("limit", ["boundary", "session"])
def test_n26_limits_hold_for_a_grant_across_accounts(limit: str) -> None:
    documents: Json = {"grants": grant(str(app_b), "Decrypt"), limit: NOTHING}

    assert verdict(ask(app_b, **documents, identity=EVERYTHING)) == f"ID {limit}"


@pytest.mark.parametrize(
    ("documents", "result"),
    [
        ({"key_policy": key_policy(deny(who="*"))}, "ED key_policy"),
        ({"identity": identity(deny())}, "ED identity"),
        ({"scps": scps(allow("sts:*"))}, "ID scp"),
        ({"endpoint": endpoint(allow("sts:*", "*"))}, "ID vpce"),
        ({"boundary": NOTHING}, "AL grant"),
        ({"key_policy": key_policy(allow(who=ALICE, when={"Bool": {"a:b": "true"}}))}, "AL grant"),
    ],
)
def test_n27_n28_denies_and_guardrails_matter_and_missing_allows_do_not(
    documents: Json, result: str
) -> None:
    assert verdict(ask(alice, **documents, grants=grant(ALICE, "Decrypt"))) == result


# Grants made under grants


PARENT = grant(ALICE, "Decrypt", "CreateGrant", name="parent")


def create(parent: Grant, child: Grant | None, **documents: Any) -> str:
    return verdict(ask(alice, "kms:CreateGrant", grants=parent, subject=child, **documents))


@pytest.mark.parametrize(
    ("operations", "result"),
    [
        (["Decrypt"], "AL grant"),
        (["Decrypt", "CreateGrant"], "AL grant"),
        (["Encrypt"], "ID key_policy"),
        (["Decrypt", "Encrypt"], "ID key_policy"),
    ],
)
def test_n14_a_child_has_no_operation_that_its_parent_lacks(
    operations: list[str], result: str
) -> None:
    assert create(PARENT, grant(BOB, *operations, name="child")) == result


@pytest.mark.parametrize(
    ("constraint", "result"),
    [
        ({"equals": {"a": "1", "b": "2"}}, "AL grant"),
        ({"subset": {"a": "1"}}, "AL grant"),
        ({"subset": {"b": "2"}}, "ID key_policy"),
        ({}, "ID key_policy"),
    ],
)
def test_n14_a_child_is_at_least_as_strict(constraint: Json, result: str) -> None:
    parent = grant(ALICE, "Decrypt", "CreateGrant", subset={"a": "1"})

    assert create(parent, grant(BOB, "Decrypt", **constraint)) == result


def test_n14_only_a_grant_with_create_grant_is_a_parent() -> None:
    assert create(grant(ALICE, "Decrypt"), grant(BOB, "Decrypt")) == "ID key_policy"


def test_n15_a_child_that_is_not_known_is_not_made_under_a_grant() -> None:
    assert create(PARENT, None) == "ID key_policy"


def test_n14_other_permissions_do_not_widen_the_parent() -> None:
    policy = key_policy(allow("kms:Encrypt", ALICE))

    assert create(PARENT, grant(BOB, "Encrypt"), key_policy=policy) == "ID key_policy"


def test_n16_a_creator_allowed_by_policy_is_not_limited() -> None:
    policy = key_policy(allow("kms:CreateGrant", ALICE))

    assert create(PARENT, grant(BOB, "Encrypt"), key_policy=policy) == "AL key_policy:direct"


@pytest.mark.parametrize(
    ("child", "why"),
    [
        (None, "a grant can be made under a grant only for known operations"),
        (grant(BOB, "Sign", "Verify"), "the parent grant does not have Sign, Verify"),
        (grant(BOB, "Decrypt"), "the constraints are looser than those of the parent grant"),
        (grant(BOB, "Decrypt", subset={"a": "1"}), "the constraints hold"),
    ],
)
def test_n15_the_trace_says_why_a_child_may_not_be_made(child: Grant | None, why: str) -> None:
    parent = grant(ALICE, "Decrypt", "CreateGrant", subset={"a": "1"})

    steps = trace_of(parent, action="kms:CreateGrant", subject=child).steps

    assert [step.why for step in steps if step.element is ElementName.CONSTRAINTS] == [why]


# Retiring


def retire(caller: Principal, subject: Grant | None, **documents: Any) -> str:
    return verdict(ask(caller, "kms:RetireGrant", key(), subject=subject, **documents))


@pytest.mark.parametrize(
    ("retiring", "caller", "result"),
    [
        (ALICE, alice, "AL grant"),
        (ALICE, fed, "AL grant"),
        (ALICE, bob_b, "ID service"),
        (APP_ROLE, app, "AL grant"),  # N-52
        (APP_ROLE, app_2, "AL grant"),
        (APP_SESSION, app_2, "ID service"),
        (FED, fed, "AL grant"),
        (BOB, bob_b, "AL grant"),
        (str(logs), logs, "AL grant"),
        (A_ROOT, root_a, "AL grant"),
        (A_ROOT, alice, "ID identity"),
        (B, root_b, "AL grant"),
        (None, alice, "ID service"),
    ],
    ids=label,
)
def test_n50_the_retiring_principal_may_retire(
    retiring: str | None, caller: Principal, result: str
) -> None:
    assert retire(caller, grant(FED + "x", "Decrypt", retiring_principal=retiring)) == result


@pytest.mark.parametrize(
    ("grantee", "operations", "caller", "documents", "result"),
    [
        (ALICE, ["RetireGrant"], alice, {}, "AL grant"),
        (ALICE, ["Decrypt"], alice, {}, "ID service"),
        (B, ["RetireGrant"], bob_b, {}, "ID identity"),
        (B, ["RetireGrant"], bob_b, {"identity": EVERYTHING}, "AL identity"),
        (B, ["RetireGrant"], root_b, {}, "AL grant"),
        (B, ["Decrypt"], bob_b, {"identity": EVERYTHING}, "ID service"),
        (APP_ROLE, ["RetireGrant"], app_2, {}, "AL grant"),
    ],
    ids=label,
)
def test_n50_the_grantee_may_retire_if_the_grant_says_so(
    grantee: str, operations: list[str], caller: Principal, documents: Json, result: str
) -> None:
    assert retire(caller, grant(grantee, *operations), **documents) == result


@pytest.mark.parametrize(
    ("caller", "documents", "result"),
    [
        (alice, {"identity": EVERYTHING}, "AL identity"),  # N-56
        (alice, {"identity": NOTHING}, "ID identity"),
        (alice, {"identity": EVERYTHING, "boundary": NOTHING}, "ID boundary"),
        (app, {"identity": EVERYTHING, "session": NOTHING}, "ID session"),
        (root_a, {}, "AL grant"),
        (bob_b, {"identity": EVERYTHING}, "ID service"),
        (logs, {"identity": EVERYTHING}, "ID service"),
    ],
    ids=label,
)
@pytest.mark.parametrize("issuer", [A, A_ROOT])
def test_n50_the_issuing_account_may_retire(
    issuer: str, caller: Principal, documents: Json, result: str
) -> None:
    made = grant(f"arn:aws:iam::{B}:role/x", "Decrypt", issuing_account=issuer)

    assert retire(caller, made, **documents) == result


@pytest.mark.parametrize(
    ("documents", "result"),
    [
        ({"identity": identity(deny("kms:RetireGrant"))}, "ED identity"),
        ({"boundary": identity(deny())}, "ED boundary"),
        ({"scps": scps([allow("*"), deny()])}, "ED scp"),
        ({"endpoint": endpoint(deny(who="*"))}, "ED vpce"),
        ({"scps": scps(allow("sts:*"))}, "ID scp"),  # N-52
        ({"boundary": NOTHING}, "AL grant"),
        ({"key_policy": key_policy(deny(who="*"))}, "AL grant"),  # N-51
        ({"rcps": rcps(deny(who="*"))}, "AL grant"),
        ({"key_policy": key_policy(allow(who=FED))}, "AL grant"),
    ],
)
def test_n50_n51_denies_count_but_not_those_of_the_key(documents: Json, result: str) -> None:
    assert retire(alice, grant(BOB, "Decrypt", retiring_principal=ALICE), **documents) == result


def test_n51_a_key_policy_cannot_allow_retiring() -> None:
    documents: Json = {"key_policy": key_policy(allow(who="*"), ROOT), "identity": EVERYTHING}

    assert retire(alice, grant(BOB, "Decrypt"), **documents) == "ID service"
    assert retire(alice, None, **documents) == "ID service"


def test_n51_constraints_do_not_matter_for_retiring() -> None:
    made = grant(BOB, "Decrypt", retiring_principal=ALICE, equals={"Dept": "IT"})

    assert retire(alice, made) == "AL grant"


def test_n50_a_recreated_retiring_principal_is_another_one() -> None:
    made = grant(BOB, "Decrypt", retiring_principal=ALICE, retiring_id="AIDA1")

    assert retire(replace(alice, unique_id="AIDA1"), made) == "AL grant"
    assert retire(replace(alice, unique_id="AIDA2"), made) == "ID service"


def test_n50_the_grant_that_was_retired_is_named() -> None:
    decision = ask(
        alice, "kms:RetireGrant", subject=grant(BOB, "Decrypt", name="g7", retiring_principal=ALICE)
    )

    assert names(decision) == ["g7"]
