"""The one line that a denied caller may read, to the letter (AUTH section 12)."""

from __future__ import annotations

from typing import Any

import pytest

from policy import Outcome, Principal, Resource, denial_message
from policy.decision import Decision, Layer, Trace
from policy.messages import unreachable_message
from tests.cast import (
    A_ROOT,
    ALIAS,
    ALICE,
    APP_ROLE,
    APP_SESSION,
    BOB,
    FED,
    ROOT,
    A,
    K,
    alice,
    allow,
    anonymous,
    app,
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
    nothing,
    rcps,
    request,
    root_a,
    scps,
)

EVERYTHING = identity(allow("*"))
NOTHING = identity(allow("sts:*"))
UNREACHABLE = (
    "because the resource does not exist in this Region, no resource-based policies allow access, "
    "or a resource-based policy explicitly denies access"
)


def said(caller: Principal, action: str = "kms:Decrypt", /, **documents: Any) -> str | None:
    return denial_message(ask(caller, action, **documents))


def test_an_allowed_request_has_no_message() -> None:
    assert said(alice, key_policy=key_policy(allow(who=ALICE))) is None


@pytest.mark.parametrize(
    ("documents", "kind"),
    [
        ({"scps": scps(allow("sts:*"))}, "service control policy"),  # M-5
        ({"endpoint": endpoint(allow("sts:*", "*"))}, "VPC endpoint policy"),  # M-7
        ({}, "resource-based policy"),  # M-8
        ({"key_policy": key_policy(ROOT)}, "identity-based policy"),  # M-9
        (
            {"key_policy": key_policy(ROOT), "identity": EVERYTHING, "boundary": NOTHING},
            "permissions boundary",  # M-10
        ),
        (
            {"key_policy": key_policy(ROOT), "identity": EVERYTHING, "session": NOTHING},
            "session policy",  # M-11
        ),
        ({"grants": grant(APP_ROLE, "Sign")}, "resource-based policy"),  # M-21
    ],
)
def test_m3_an_implicit_denial_names_the_kind_of_policy_that_does_not_allow(
    documents: dict[str, Any], kind: str
) -> None:
    assert said(app, **documents) == (
        f"User: {APP_SESSION} is not authorized to perform: kms:Decrypt on resource: {K} "
        f"because no {kind} allows the kms:Decrypt action"
    )


@pytest.mark.parametrize(
    ("documents", "kind"),
    [
        ({"scps": scps([allow("*"), deny()])}, "a service control policy"),  # M-5
        ({"rcps": rcps(deny(who="*"))}, "a resource control policy"),  # M-6
        ({"endpoint": endpoint(deny(who="*"))}, "a VPC endpoint policy"),  # M-7
        ({"key_policy": key_policy(deny(who="*"))}, "a resource-based policy"),  # M-8
        ({"identity": identity(deny())}, "an identity-based policy"),  # M-9
        ({"boundary": identity(deny())}, "a permissions boundary"),  # M-10
        ({"session": identity(deny())}, "a session policy"),  # M-11
    ],
)
def test_m4_an_explicit_denial_names_the_kind_of_policy_that_denies(
    documents: dict[str, Any], kind: str
) -> None:
    assert said(app, **documents) == (
        f"User: {APP_SESSION} is not authorized to perform: kms:Decrypt on resource: {K} "
        f"with an explicit deny in {kind}"
    )


@pytest.mark.parametrize(
    ("caller", "shown"),
    [
        (alice, ALICE),
        (app, APP_SESSION),  # the session, not its role
        (fed, FED),
        (root_a, A_ROOT),
        (logs, "logs.us-east-1.amazonaws.com"),
    ],
    ids=label,
)
def test_m2_the_caller_is_shown_by_its_own_arn(caller: Principal, shown: str) -> None:
    assert said(caller, key_policy=key_policy(deny(who="*"))) == (
        f"User: {shown} is not authorized to perform: kms:Decrypt on resource: {K} "
        "with an explicit deny in a resource-based policy"
    )


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ("kms:decrypt", "kms:Decrypt"),
        ("KMS:GENERATEDATAKEY", "kms:GenerateDataKey"),
        ("kms:ReEncrypt", "kms:ReEncrypt"),  # no such action: shown as it was asked
    ],
)
def test_m2_the_action_is_shown_in_its_own_case(asked: str, shown: str) -> None:
    message = said(alice, asked)

    assert message is not None
    assert f" to perform: {shown} on resource: " in message
    assert message.endswith(f" allows the {shown} action")


@pytest.mark.parametrize(
    "documents",
    [
        {"identity": EVERYTHING},
        {"identity": EVERYTHING, "key_policy": key_policy(deny(who="*"))},
        {"identity": EVERYTHING, "key_policy": key_policy(allow(who=ALICE))},
        # An RCP belongs to the account of the key (L-9).
        {"identity": EVERYTHING, "key_policy": key_policy(allow(who=BOB)),
         "rcps": rcps(deny(who="*"))},
    ],
)  # fmt: skip
def test_m12_all_denials_of_a_foreign_key_read_alike(documents: dict[str, Any]) -> None:
    """So that nobody learns whether the key exists."""
    assert said(bob_b, **documents) == (
        f"User: {BOB} is not authorized to perform: kms:Decrypt on this resource {UNREACHABLE}"
    )


def test_m12_a_key_that_does_not_exist_reads_the_same() -> None:
    assert unreachable_message(BOB, "kms:Decrypt") == said(bob_b, identity=EVERYTHING)


def test_m13_a_foreign_key_behind_a_ciphertext_is_not_named() -> None:
    expected = (
        f"User: {BOB} is not authorized to perform: kms:Decrypt on the resource associated with "
        f"this ciphertext {UNREACHABLE}"
    )

    decision = ask(bob_b, identity=EVERYTHING)
    assert denial_message(decision, by_ciphertext=True) == expected
    assert unreachable_message(BOB, "kms:Decrypt", by_ciphertext=True) == expected


def test_m14_a_foreign_caller_without_identity_policy_is_told_so() -> None:
    assert said(bob_b, key_policy=key_policy(allow(who=BOB))) == (
        f"User: {BOB} is not authorized to perform: kms:Decrypt on this resource because no "
        "identity-based policy allows the kms:Decrypt action"
    )


@pytest.mark.parametrize(
    ("documents", "rest"),
    [
        ({"boundary": NOTHING}, "because no permissions boundary allows the kms:Decrypt action"),
        ({"scps": scps(allow("sts:*"))},
         "because no service control policy allows the kms:Decrypt action"),
        ({"boundary": identity(deny())}, "with an explicit deny in a permissions boundary"),
    ],
)  # fmt: skip
def test_limits_of_a_foreign_caller_are_named_as_at_home(
    documents: dict[str, Any], rest: str
) -> None:
    documents = {"key_policy": key_policy(allow(who=BOB)), "identity": EVERYTHING, **documents}

    assert said(bob_b, **documents) == (
        f"User: {BOB} is not authorized to perform: kms:Decrypt on resource: {K} {rest}"
    )


def test_m15_at_home_a_ciphertext_does_not_hide_its_key() -> None:
    decision = ask(alice)

    assert denial_message(decision, by_ciphertext=True) == denial_message(decision)
    assert K in (denial_message(decision) or "")


def test_m16_a_key_that_would_be_created_has_no_name_yet() -> None:
    decision = ask(alice, "kms:TagResource", key(planned=True))

    assert denial_message(decision) == (
        f"User: {ALICE} is not authorized to perform: kms:TagResource because no identity-based "
        "policy allows the kms:TagResource action"
    )


def test_m16_an_action_without_resource_is_denied_on_a_star() -> None:
    assert denial_message(ask(alice, "kms:CreateKey", nothing())) == (
        f"User: {ALICE} is not authorized to perform: kms:CreateKey on resource: * because no "
        "identity-based policy allows the kms:CreateKey action"
    )


def test_m18_an_scp_that_says_nothing_is_told_as_an_implicit_denial() -> None:
    decision = ask(alice, key_policy=key_policy(allow(who=ALICE)), scps=())

    assert decision.outcome is Outcome.IMPLICITLY_DENIED
    assert "because no service control policy allows" in (denial_message(decision) or "")


def test_m20_a_hard_rule_reads_as_a_resource_policy_at_home() -> None:
    decision = ask(root_a, "kms:PutKeyPolicy", key(aws_managed=True))

    assert decision.layer is Layer.SERVICE
    assert denial_message(decision) == (
        f"User: {A_ROOT} is not authorized to perform: kms:PutKeyPolicy on resource: {K} because "
        "no resource-based policy allows the kms:PutKeyPolicy action"
    )


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("kms:DisableKey", key()),  # K-61
        ("kms:CreateAlias", Resource(arn(ALIAS), A)),  # L-41
    ],
)
def test_m20_a_hard_rule_reads_as_an_unknown_resource_from_abroad(
    action: str, resource: Resource
) -> None:
    decision = ask(bob_b, action, resource, identity=EVERYTHING)

    assert decision.layer is Layer.SERVICE
    assert denial_message(decision) == (
        f"User: {BOB} is not authorized to perform: {action} on this resource {UNREACHABLE}"
    )


def test_an_unsigned_caller_learns_no_more_than_a_foreign_one() -> None:
    assert denial_message(ask(anonymous)) == (
        f"User: anonymous is not authorized to perform: kms:Decrypt on this resource {UNREACHABLE}"
    )


@pytest.mark.parametrize("layer", Layer)
@pytest.mark.parametrize("outcome", [Outcome.IMPLICITLY_DENIED, Outcome.EXPLICITLY_DENIED])
@pytest.mark.parametrize("caller", [alice, bob_b])
def test_every_layer_has_a_message(layer: Layer, outcome: Outcome, caller: Principal) -> None:
    decision = Decision(request(caller), outcome, layer, None, (), Trace(()))

    assert (denial_message(decision) or "").startswith(f"User: {caller} is not authorized to")


def test_m22_a_message_tells_nothing_of_statements_conditions_or_others() -> None:
    when = {"StringEquals": {"kms:ViaService": "secret-service"}}
    policy = key_policy(
        allow(who=FED, when=when, Sid="SecretAllow"),
        deny(who=ALICE, Sid="SecretDeny"),
    )

    message = said(alice, key_policy=policy, identity=identity(allow(), name="secret-policy"))

    assert message is not None
    assert "ecret" not in message
    assert FED not in message
