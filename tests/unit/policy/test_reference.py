"""How the layers decide together (AUTH section 11, A-7 to A-14, K-61 to K-66, K-82)."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, product
from typing import Any

import pytest

from policy import (
    Effect,
    Layer,
    Policy,
    PolicyKind,
    Principal,
    Reason,
    Resource,
    StatementTrace,
    authorization,
    reference,
)
from policy.decision import Decision, ElementName
from policy.vocabulary import ACTIONS, Action
from tests.cast import (
    A_ROOT,
    ALIAS,
    ALICE,
    APP_ROLE,
    APP_ROLE_B,
    APP_SESSION,
    B_ROOT,
    BOB,
    FED,
    NOON,
    ROOT,
    A,
    B,
    Json,
    K,
    alice,
    allow,
    anonymous,
    app,
    app_2,
    app_b,
    arn,
    ask,
    bob_b,
    deny,
    documents_of,
    endpoint,
    fed,
    fed_b,
    federated,
    grant,
    identity,
    key,
    key_policy,
    label,
    logs,
    names,
    nothing,
    policy_of,
    rcps,
    request,
    root,
    root_a,
    root_b,
    scps,
    verdict,
)

EVERYTHING = identity(allow("*"))
NOTHING = identity(allow("sts:*"))
SCP_NOTHING = scps(allow("sts:*"))
ENDPOINT_NOTHING = endpoint(allow("sts:*", "*"))
OPEN = key_policy(allow(who="*"))


def decided(caller: Principal, action: str = "kms:Decrypt", /, **documents: Any) -> str:
    return verdict(ask(caller, action, **documents))


# 11.8: the matrix, and its twin for two accounts


LIMITS: dict[str, Policy | None] = {"absent": None, "allows": EVERYTHING, "silent": NOTHING}
MATRIX = list(product(["none", "direct", "role", "account"], ["policy", "grant"], [True, False],
                      LIMITS, LIMITS))  # fmt: skip


def offered(offer: str, source: str, names: dict[str, str]) -> dict[str, Any]:
    """Return the documents of the key's side: one offer of a kind from a source."""
    if offer == "none":
        return {"key_policy": key_policy(allow(who=f"arn:aws:iam::{A}:user/someone"))}
    if source == "policy":
        return {"key_policy": key_policy(allow(who=names[offer]))}
    return {
        "key_policy": key_policy(allow("kms:Sign", "*")),
        "grants": grant(names[offer], "Decrypt"),
    }


def caller_side(allowed: bool, boundary: str, session: str) -> dict[str, Any]:
    limit = LIMITS[session]
    return {
        "identity": EVERYTHING if allowed else NOTHING,
        "boundary": LIMITS[boundary],
        "session": None if limit is None else (limit,),
    }


@pytest.mark.parametrize(("offer", "source", "allowed", "boundary", "session"), MATRIX)
def test_l30_to_l33_the_matrix_of_one_account(
    offer: str, source: str, allowed: bool, boundary: str, session: str
) -> None:
    entries = {"direct": APP_SESSION, "role": APP_ROLE, "account": A_ROOT}
    decision = ask(
        app, **offered(offer, source, entries), **caller_side(allowed, boundary, session)
    )

    limits = [
        layer
        for layer, state in ((Layer.BOUNDARY, boundary), (Layer.SESSION, session))
        if state == "silent"
    ]
    missing = {
        "direct": [],
        "role": limits,
        "account": limits if allowed else [Layer.IDENTITY, *limits],
    }.get(offer)
    path = {"direct": "direct", "role": "role", "account": "account+identity"}.get(offer)
    if missing is None:
        assert (verdict(decision), decision.blocked_by) == ("ID key_policy", ())
    elif missing:
        assert (verdict(decision), decision.blocked_by) == (f"ID {missing[0]}", tuple(missing))
    else:
        assert verdict(decision) == ("AL grant" if source == "grant" else f"AL key_policy:{path}")
        assert decision.blocked_by == ()


@pytest.mark.parametrize(("offer", "source", "allowed", "boundary", "session"), MATRIX)
def test_l36_l37_n26_the_matrix_of_two_accounts(
    offer: str, source: str, allowed: bool, boundary: str, session: str
) -> None:
    entries = {"direct": str(app_b), "role": APP_ROLE_B, "account": B_ROOT}
    decision = ask(
        app_b, **offered(offer, source, entries), **caller_side(allowed, boundary, session)
    )

    limits = [
        layer
        for layer, state in ((Layer.BOUNDARY, boundary), (Layer.SESSION, session))
        if state == "silent"
    ]
    named_by_grant = source == "grant" and offer in ("direct", "role")
    missing = limits if allowed else [Layer.IDENTITY, *limits]
    if named_by_grant and not limits:
        assert verdict(decision) == "AL grant"
    elif missing:  # named before the key policy, so that nobody learns which keys exist
        assert (verdict(decision), decision.blocked_by) == (f"ID {missing[0]}", tuple(missing))
    elif offer == "none":
        assert (verdict(decision), decision.blocked_by) == ("ID key_policy", ())
    elif source == "grant":
        assert verdict(decision) == "AL grant"
    else:
        assert verdict(decision) == "AL key_policy:cross_account+identity"


# Federated users (L-17, L-20)


@pytest.mark.parametrize("source", ["policy", "grant"])
@pytest.mark.parametrize(
    ("offer", "session", "result"),
    [
        ("none", "allows", "ID key_policy"),
        ("direct", "absent", "AL"),
        ("direct", "allows", "AL"),
        ("direct", "silent", "AL"),
        ("role", "absent", "ID session"),  # E-4 requires a session policy
        ("role", "allows", "AL"),
        ("role", "silent", "ID session"),
        ("account", "absent", "ID session"),
        ("account", "allows", "AL"),
        ("account", "silent", "ID session"),
    ],
)
def test_l17_l20_a_federated_user_needs_a_session_policy_unless_named(
    offer: str, session: str, result: str, source: str
) -> None:
    entries = {"direct": FED, "role": ALICE, "account": A_ROOT}
    documents = offered(offer, source, entries) | caller_side(True, "absent", session)

    decision = ask(fed, **documents)

    assert verdict(decision).startswith(result)
    if result == "AL" and source == "policy":
        paths = {"direct": "direct", "role": "role", "account": "account+identity"}
        assert decision.path == f"key_policy:{paths[offer]}"


def test_l20_a_federated_user_of_another_account_is_held_to_the_same() -> None:
    """A grant for its user needs the session policy, also beside a statement that names it."""
    documents = {
        "key_policy": key_policy(allow(who=str(fed_b))),
        "grants": grant(BOB, "Decrypt"),
        "identity": EVERYTHING,
    }

    assert decided(fed_b, **documents) == "ID session"
    assert decided(fed_b, **documents, session=EVERYTHING) == "AL grant"


def test_l20_a_grant_that_names_a_foreign_federated_user_needs_no_session_policy() -> None:
    assert decided(fed_b, grants=grant(str(fed_b), "Decrypt")) == "AL grant"


def test_l55_a_federated_user_of_root_is_limited_by_its_session_only() -> None:
    caller = federated(root_a, "fed")

    assert decided(caller, key_policy=key_policy(ROOT)) == "ID session"
    assert decided(caller, key_policy=key_policy(ROOT), session=NOTHING) == "ID session"
    assert decided(caller, key_policy=key_policy(ROOT), session=EVERYTHING) == (
        "AL key_policy:account+identity"
    )


# Offers in one account


def test_a11_identity_policies_alone_are_never_enough() -> None:
    assert decided(alice, key_policy=key_policy(allow(who=APP_ROLE)), identity=EVERYTHING) == (
        "ID key_policy"
    )
    assert decided(alice, identity=EVERYTHING) == "ID key_policy"


def test_a12_a_key_policy_that_names_the_caller_is_enough() -> None:
    assert decided(alice, key_policy=key_policy(allow(who=ALICE))) == "AL key_policy:direct"


def test_a13_a_deny_counts_without_delegation() -> None:
    documents = {"key_policy": key_policy(allow(who=ALICE)), "identity": identity(deny())}

    assert decided(alice, **documents) == "ED identity"


def test_l33_the_delegating_statement_must_match_by_itself() -> None:
    described = key_policy(allow("kms:Describe*", A_ROOT))
    through_s3 = key_policy(
        allow(who=A_ROOT, when={"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}})
    )

    assert decided(alice, key_policy=described, identity=EVERYTHING) == "ID key_policy"
    assert decided(alice, "kms:DescribeKey", key_policy=described, identity=EVERYTHING) == (
        "AL key_policy:account+identity"
    )
    assert decided(alice, key_policy=through_s3, identity=EVERYTHING) == "ID key_policy"


@pytest.mark.parametrize(
    ("statement", "result"),
    [
        (ROOT, "AL key_policy:direct"),
        (allow(who="*"), "AL key_policy:direct"),
        (allow(NotPrincipal={"AWS": ALICE}), "AL key_policy:direct"),
        (allow(who=ALICE), "ID key_policy"),
        (allow("kms:Sign", A_ROOT), "ID key_policy"),
    ],
)
def test_l34_the_root_user_needs_an_offer_like_anyone(statement: Json, result: str) -> None:
    assert decided(root_a, key_policy=key_policy(statement)) == result


def test_l35_the_closest_class_of_a_statement_counts() -> None:
    assert decided(alice, key_policy=key_policy(allow(who=[A_ROOT, ALICE]))) == (
        "AL key_policy:direct"
    )


def test_e18_everyone_is_named_directly() -> None:
    documents = {"key_policy": OPEN, "boundary": NOTHING, "session": NOTHING}

    assert decided(app, **documents) == "AL key_policy:direct"
    assert decided(app_b, key_policy=OPEN) == "ID identity"


def test_n16_a_policy_is_named_before_a_grant() -> None:
    documents = {"key_policy": key_policy(allow(who=APP_ROLE)), "grants": grant(A, "Decrypt")}

    assert decided(app, **documents, identity=EVERYTHING) == "AL key_policy:role"


def test_n29_a_grant_helps_where_the_policy_falls_short() -> None:
    documents: dict[str, Any] = {"key_policy": key_policy(ROOT), "identity": NOTHING}

    assert decided(app, **documents) == "ID identity"
    assert decided(app, **documents, grants=grant(APP_ROLE, "Decrypt")) == "AL grant"


ON_KEYS = [a for a in ACTIONS.values() if a.resource == "key" and a.name != "RetireGrant"]


@pytest.mark.parametrize("action", ON_KEYS, ids=label)
def test_k61_what_does_not_work_across_accounts_is_refused(action: Action) -> None:
    policy = key_policy(allow(who=B_ROOT), allow(who=A_ROOT))

    foreign = decided(bob_b, str(action), key_policy=policy, identity=EVERYTHING)
    own = decided(alice, str(action), key_policy=policy, identity=EVERYTHING)

    assert own == "AL key_policy:account+identity"
    assert foreign == (
        "AL key_policy:cross_account+identity" if action.cross_account else "ID service"
    )


def test_k61_is_decided_before_any_deny() -> None:
    assert decided(bob_b, "kms:DisableKey", key_policy=key_policy(deny(who="*"))) == "ID service"


def test_l38_a_foreign_root_user_needs_the_offer_only() -> None:
    assert decided(root_b, key_policy=key_policy(allow(who=B_ROOT))) == (
        "AL key_policy:cross_account+identity"
    )
    assert decided(root_b, key_policy=key_policy(ROOT)) == "ID key_policy"


def test_a10_partitions_never_mix() -> None:
    caller = replace(alice, arn=arn(f"arn:aws-cn:iam::{A}:user/alice"))

    assert decided(caller, key_policy=OPEN, identity=EVERYTHING) == "ID service"
    assert verdict(ask(caller, "kms:CreateKey", nothing(), identity=EVERYTHING)) == "AL identity"


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("kms:ReEncrypt", key()),  # C-6: no such action
        ("kms:Nonsense", key()),
        ("kms:CreateKey", key()),
        ("kms:Decrypt", nothing()),
        ("kms:Decrypt", Resource(arn(ALIAS), A)),
    ],
)
def test_what_no_operation_asks_is_refused(action: str, resource: Resource) -> None:
    documents: Json = {"key_policy": OPEN, "identity": EVERYTHING}

    assert verdict(ask(root_a, action, resource, **documents)) == "ID service"
    assert verdict(ask(alice, action, resource, **documents)) == "ID service"
    denying = identity(deny("*"))
    assert verdict(ask(alice, action, resource, identity=denying)) == "ED identity"


# AWS managed keys


@pytest.mark.parametrize("action", ["kms:PutKeyPolicy", "kms:DisableKey", "kms:TagResource"])
def test_k82_nobody_changes_an_aws_managed_key(action: str) -> None:
    managed = key(aws_managed=True)

    assert verdict(ask(root_a, action, managed, key_policy=OPEN)) == "ID service"
    assert verdict(ask(root_a, action, managed, key_policy=key_policy(deny(who="*")))) == (
        "ED key_policy"
    )
    assert verdict(ask(root_a, action, key_policy=OPEN)) == "AL key_policy:direct"


def test_k83_an_aws_managed_key_can_be_used_and_read() -> None:
    for action in ("kms:Decrypt", "kms:GetKeyPolicy"):
        assert verdict(ask(root_a, action, key(aws_managed=True), key_policy=OPEN)) == (
            "AL key_policy:direct"
        )


# 11.1: which documents apply


LINKED = replace(app, service_linked=True)
CALLERS = {
    "alice": alice, "app": app, "fed": fed, "root_a": root_a, "linked": LINKED, "logs": logs,
    "anonymous": anonymous,
}  # fmt: skip
RETIRE, CREATE, ALIASED = "kms:RetireGrant", "kms:CreateKey", "kms:CreateAlias"
ALL_DOCUMENTS: dict[str, Any] = {
    "key_policy": OPEN,
    "grants": grant(ALICE, "Decrypt"),
    "identity": EVERYTHING,
    "boundary": EVERYTHING,
    "session": EVERYTHING,
    "scps": scps(allow("*")),
    "rcps": rcps(deny("s3:*", "*")),
    "endpoint": endpoint(allow("*", "*")),
}


@pytest.mark.parametrize(
    ("layer", "callers"),
    [
        (Layer.SCP, {"alice", "app", "fed", "root_a"}),  # L-1, L-52
        (Layer.RCP, {"alice", "app", "fed", "root_a", "logs", "anonymous"}),  # L-2, L-52
        (Layer.ENDPOINT, set(CALLERS)),  # L-3
        (Layer.KEY_POLICY, set(CALLERS)),  # L-4
        (Layer.IDENTITY, {"alice", "app", "fed", "root_a", "linked"}),  # L-5
        (Layer.BOUNDARY, {"alice", "app", "fed"}),  # L-6, L-52
        (Layer.SESSION, {"app", "fed", "linked"}),  # L-7
        (Layer.GRANT, set(CALLERS)),  # L-8
    ],
)
def test_l1_to_l8_a_layer_applies_to_some_callers(layer: Layer, callers: set[str]) -> None:
    found = {
        name
        for name, caller in CALLERS.items()
        if ask(caller, **ALL_DOCUMENTS).layer_result(layer).applies
    }

    assert found == callers


@pytest.mark.parametrize(
    ("layer", "questions"),
    [
        (Layer.SCP, {"key", "managed", "retire", "alias", "none", "planned"}),
        (Layer.RCP, {"key"}),  # L-2
        (Layer.ENDPOINT, {"key", "managed", "retire", "alias", "none", "planned"}),
        (Layer.KEY_POLICY, {"key", "managed"}),  # L-4, N-51
        (Layer.IDENTITY, {"key", "managed", "retire", "alias", "none", "planned"}),
        (Layer.GRANT, {"key", "managed"}),  # L-8
    ],
)
def test_l1_to_l8_a_layer_applies_to_some_resources(layer: Layer, questions: set[str]) -> None:
    resources = {
        "key": ("kms:Decrypt", key()),
        "managed": ("kms:Decrypt", key(aws_managed=True)),
        "retire": (RETIRE, key()),
        "alias": (ALIASED, Resource(arn(ALIAS), A)),
        "none": (CREATE, nothing()),
        "planned": ("kms:TagResource", key(planned=True)),
    }

    found = {
        name
        for name, (action, resource) in resources.items()
        if ask(alice, action, resource, **ALL_DOCUMENTS).layer_result(layer).applies
    }

    assert found == questions


def test_documents_that_are_not_there_make_no_layer() -> None:
    decision = ask(alice)

    assert {r.layer for r in decision.layers if r.applies} == {Layer.KEY_POLICY, Layer.IDENTITY}
    assert not decision.layer_result(Layer.SERVICE).applies


def test_l5_a_root_user_has_no_identity_policies() -> None:
    decision = ask(root_a, key_policy=key_policy(ROOT), identity=identity(deny()))

    assert verdict(decision) == "AL key_policy:direct"
    assert decision.layer_result(Layer.IDENTITY).statements == ()
    assert decision.layer_result(Layer.IDENTITY).allows


# Explicit denies


DENYING: dict[Layer, dict[str, Any]] = {
    Layer.RCP: {"rcps": rcps(deny(who="*"))},
    Layer.SCP: {"scps": scps([allow("*"), deny()])},
    Layer.ENDPOINT: {"endpoint": endpoint(allow(who="*"), deny(who="*"))},
    Layer.KEY_POLICY: {"key_policy": key_policy(allow(who="*"), deny(who="*"))},
    Layer.IDENTITY: {"identity": identity(allow("*"), deny())},
    Layer.BOUNDARY: {"boundary": identity(allow("*"), deny())},
    Layer.SESSION: {"session": identity(allow("*"), deny())},
}
SUBSETS = [s for n in (1, 2, 7) for s in combinations(DENYING, n)]


@pytest.mark.parametrize("layers", SUBSETS, ids=" ".join)
def test_l10_l21_any_deny_is_enough_and_the_first_of_the_order_is_named(
    layers: tuple[Layer, ...],
) -> None:
    documents = dict(ALL_DOCUMENTS)
    for layer in layers:
        documents |= DENYING[layer]

    decision = ask(app, **documents)

    assert verdict(decision) == f"ED {layers[0]}"
    assert decision.blocked_by == layers
    (trace,) = decision.by
    assert isinstance(trace, StatementTrace)
    assert (trace.layer, trace.effect) == (layers[0], Effect.DENY)


@pytest.mark.parametrize("layer", DENYING)
def test_n27_a_deny_beats_a_grant(layer: Layer) -> None:
    documents = {**DENYING[layer], "grants": grant(APP_SESSION, "Decrypt")}

    assert decided(app, **documents) == f"ED {layer}"


def test_a_deny_that_does_not_match_denies_nothing() -> None:
    documents = {
        "key_policy": key_policy(allow(who=ALICE), deny("kms:Sign", ALICE)),
        "identity": identity(deny(resource="arn:aws:s3:::bucket")),
        "scps": scps([allow("*"), deny(when={"Bool": {"aws:SecureTransport": "false"}})]),
    }

    assert decided(alice, **documents) == "AL key_policy:direct"


def test_l9_denies_of_both_accounts_count() -> None:
    documents: dict[str, Any] = {"key_policy": key_policy(allow(who=BOB)), "identity": EVERYTHING}

    assert decided(bob_b, **documents) == "AL key_policy:cross_account+identity"
    assert decided(bob_b, **documents, rcps=rcps(deny(who="*"))) == "ED rcp"
    assert decided(bob_b, **documents, scps=scps([allow("*"), deny()])) == "ED scp"


# Combining documents


@pytest.mark.parametrize(
    ("levels", "missing"),
    [
        ([allow("*")], ()),
        ([allow("*"), allow("kms:*"), allow("kms:De*")], ()),
        ([allow("*"), allow("s3:*"), allow("kms:*")], ("level-1",)),
        ([allow("s3:*"), allow("*"), allow("s3:*")], ("level-0", "level-2")),
        ([[allow("s3:*"), allow("kms:*")]], ()),
        ([[]], ("level-0",)),
        ([[], allow("*")], ("level-0",)),
        ([allow(NotAction="kms:*"), allow("*")], ("level-0",)),
    ],
)
def test_l12_an_scp_must_allow_at_every_level(levels: list[Any], missing: tuple[str, ...]) -> None:
    decision = ask(alice, key_policy=key_policy(allow(who=ALICE)), scps=scps(*levels))

    assert decision.layer_result(Layer.SCP).missing == missing
    assert verdict(decision) == ("ID scp" if missing else "AL key_policy:direct")


def test_l12_an_organization_without_scps_allows_nothing() -> None:
    assert decided(alice, key_policy=key_policy(allow(who=ALICE)), scps=()) == "ID scp"


@pytest.mark.parametrize("level", range(3))
def test_l12_a_deny_at_any_level_is_enough(level: int) -> None:
    levels: list[list[Json]] = [[allow("*")], [allow("*")], [allow("*")]]
    levels[level].append(deny("kms:Decrypt"))

    decision = ask(alice, key_policy=key_policy(allow(who=ALICE)), scps=scps(*levels))

    assert verdict(decision) == "ED scp"
    (trace,) = decision.by
    assert isinstance(trace, StatementTrace)
    assert trace.level == f"level-{level}"


def test_l12_scps_never_grant() -> None:
    assert decided(alice, scps=scps(allow("*"))) == "ID key_policy"


def test_l13_rcps_can_only_deny() -> None:
    documents: dict[str, Any] = {"key_policy": key_policy(allow(who=ALICE))}

    assert decided(alice, **documents, rcps=()) == "AL key_policy:direct"
    assert decided(alice, **documents, rcps=rcps([])) == "AL key_policy:direct"
    assert decided(alice, **documents, rcps=rcps(deny("kms:Sign", "*"))) == "AL key_policy:direct"
    assert decided(alice, rcps=rcps(deny("kms:Sign", "*"))) == "ID key_policy"


@pytest.mark.parametrize(
    ("statement", "result"),
    [
        (allow(who="*"), "AL key_policy:role"),
        (allow(who=A_ROOT), "AL key_policy:role"),
        (allow(who=APP_ROLE), "AL key_policy:role"),
        (allow(who=ALICE), "ID vpce"),
        (allow("kms:Encrypt", "*"), "ID vpce"),
        (allow(who="*", resource=K), "AL key_policy:role"),
    ],
)
def test_l14_an_endpoint_policy_must_allow(statement: Json, result: str) -> None:
    documents = {"key_policy": key_policy(allow(who=APP_ROLE)), "endpoint": endpoint(statement)}

    assert decided(app, **documents) == result


@pytest.mark.parametrize("layer", ["identity", "session"])
def test_l15_l17_one_document_of_several_is_enough(layer: str) -> None:
    documents = {
        "key_policy": key_policy(ROOT),
        "identity": EVERYTHING,
        layer: (NOTHING, EVERYTHING, NOTHING),
    }

    assert decided(app, **documents) == "AL key_policy:account+identity"


@pytest.mark.parametrize("layer", ["identity", "boundary", "session"])
def test_l16_l17_limits_never_grant(layer: str) -> None:
    assert decided(app, **{layer: EVERYTHING}) == "ID key_policy"


def test_l17_session_policies_that_are_none_allow_nothing() -> None:
    documents = {"key_policy": key_policy(ROOT), "identity": EVERYTHING, "session": ()}

    assert decided(app, **documents) == "ID session"


@pytest.mark.parametrize(
    ("offer", "result", "blocked"),
    [
        (APP_SESSION, "ID scp", (Layer.SCP, Layer.ENDPOINT)),
        (APP_ROLE, "ID scp", (Layer.SCP, Layer.ENDPOINT, Layer.BOUNDARY)),
        (A_ROOT, "ID scp", (Layer.SCP, Layer.ENDPOINT, Layer.IDENTITY, Layer.BOUNDARY)),
        (ALICE, "ID scp", (Layer.SCP, Layer.ENDPOINT)),
    ],
)
def test_l22_guardrails_are_named_first_and_with_what_else_is_missing(
    offer: str, result: str, blocked: tuple[Layer, ...]
) -> None:
    decision = ask(
        app,
        key_policy=key_policy(allow(who=offer)),
        scps=SCP_NOTHING,
        endpoint=ENDPOINT_NOTHING,
        boundary=NOTHING,
    )

    assert (verdict(decision), decision.blocked_by) == (result, blocked)


@pytest.mark.parametrize("guardrail", [{"scps": SCP_NOTHING}, {"endpoint": ENDPOINT_NOTHING}])
@pytest.mark.parametrize(
    ("caller", "action", "resource"),
    [
        (alice, "kms:Decrypt", key()),
        (bob_b, "kms:Decrypt", key()),
        (root_a, "kms:Decrypt", key()),
        (alice, "kms:CreateKey", nothing()),
        (root_a, "kms:CreateKey", nothing()),
        (alice, "s3:GetObject", Resource(arn("arn:aws:s3:::bucket/a"), A)),
    ],
    ids=label,
)
def test_n27_l40_guardrails_stop_every_path(
    guardrail: dict[str, Any], caller: Principal, action: str, resource: Resource
) -> None:
    documents: Json = {
        "key_policy": key_policy(allow("*", "*")),
        "grants": grant(str(caller), "Decrypt"),
        "identity": EVERYTHING,
    }

    assert ask(caller, action, resource, **documents).allowed
    layer = "scp" if "scps" in guardrail else "vpce"
    assert verdict(ask(caller, action, resource, **documents, **guardrail)) == f"ID {layer}"


# Checks without a key


@pytest.mark.parametrize(
    ("caller", "documents", "result"),
    [
        (alice, {"identity": EVERYTHING}, "AL identity"),
        (alice, {"identity": NOTHING}, "ID identity"),
        (alice, {"identity": EVERYTHING, "boundary": NOTHING}, "ID boundary"),
        (app, {"identity": EVERYTHING, "session": NOTHING}, "ID session"),
        (app, {"identity": EVERYTHING, "session": EVERYTHING}, "AL identity"),
        (fed, {"identity": EVERYTHING}, "ID session"),
        (fed, {"identity": EVERYTHING, "session": EVERYTHING}, "AL identity"),
        (root_a, {}, "AL root"),
        (root_a, {"scps": SCP_NOTHING}, "ID scp"),
        (logs, {"identity": EVERYTHING}, "ID identity"),
        (anonymous, {"identity": EVERYTHING}, "ID identity"),
        (alice, {"key_policy": OPEN, "grants": grant(ALICE, "Decrypt")}, "ID identity"),
        (alice, {"identity": EVERYTHING, "key_policy": key_policy(deny("*", "*"))}, "AL identity"),
        (alice, {"identity": EVERYTHING, "rcps": rcps(deny("*", "*"))}, "AL identity"),
        (alice, {"identity": identity(allow("*"), deny("kms:*"))}, "ED identity"),
    ],
    ids=label,
)
@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("kms:CreateKey", nothing()),
        ("kms:ListRetirableGrants", nothing()),  # L-42
        ("kms:CreateAlias", Resource(arn(ALIAS), A)),
        ("kms:TagResource", key(planned=True)),  # K-66
    ],
    ids=label,
)
def test_l40_a_check_without_a_key_asks_the_callers_side(
    caller: Principal, documents: dict[str, Any], result: str, action: str, resource: Resource
) -> None:
    if resource.kind == "alias" and caller.account is None:
        result = "ID service"  # L-41: it cannot be in the caller's account

    assert verdict(ask(caller, action, resource, **documents)) == result


def test_l41_an_alias_of_another_account_is_refused() -> None:
    alias = Resource(arn(ALIAS), A)

    assert verdict(ask(bob_b, "kms:CreateAlias", alias, identity=EVERYTHING)) == "ID service"
    assert verdict(ask(bob_b, "kms:CreateAlias", alias, identity=identity(deny()))) == (
        "ED identity"
    )


@pytest.mark.parametrize("action", ["kms:CreateAlias", "kms:UpdateAlias", "kms:DeleteAlias"])
def test_k64_reserved_aliases_cannot_be_touched(action: str) -> None:
    alias = Resource(arn(f"arn:aws:kms:us-east-1:{A}:alias/aws/s3"), A)

    assert verdict(ask(root_a, action, alias)) == "ID service"
    assert verdict(ask(alice, action, alias, identity=identity(deny()))) == "ED identity"


def test_l42_the_account_of_a_caller_shows_in_most_checks_without_a_key() -> None:
    """J-60: not in those that have global keys only."""
    mine = identity(allow(when={"StringEquals": {"kms:CallerAccount": A}}))

    assert verdict(ask(alice, "kms:CreateKey", nothing(), identity=mine)) == "AL identity"
    for action in ("ListKeys", "ListAliases", "ListRetirableGrants", "GenerateRandom"):
        assert verdict(ask(alice, f"kms:{action}", nothing(), identity=mine)) == "ID identity"


# Particular callers


@pytest.mark.parametrize(
    ("statement", "result"),
    [
        (allow(who={"Service": str(logs)}), "AL key_policy:service_principal"),
        (allow(who="*"), "AL key_policy:service_principal"),
        (allow(NotPrincipal={"AWS": ALICE}), "AL key_policy:service_principal"),
        (allow(who={"Service": "s3.amazonaws.com"}), "ID key_policy"),
        (ROOT, "ID key_policy"),
    ],
)
@pytest.mark.parametrize("action", ["kms:Decrypt", "kms:DisableKey"])
def test_l51_a_service_needs_the_key_policy_alone(
    action: str, statement: Json, result: str
) -> None:
    """E-19; and what does not work across accounts (K-61) works for services."""
    documents = {"key_policy": key_policy(statement), "identity": NOTHING, "scps": SCP_NOTHING}

    assert decided(logs, action, **documents) == result


def test_l51_rcps_and_endpoints_hold_for_services() -> None:
    documents: dict[str, Any] = {"key_policy": OPEN}

    assert decided(logs, **documents, rcps=rcps(deny(who="*"))) == "ED rcp"
    assert decided(logs, **documents, endpoint=ENDPOINT_NOTHING) == "ID vpce"


def test_l51_a_grant_can_name_a_service() -> None:
    assert decided(logs, grants=grant(str(logs), "Decrypt")) == "AL key_policy:service_principal"


def test_l52_a_service_linked_role_is_free_of_guardrails() -> None:
    documents = {
        "key_policy": key_policy(allow(who=APP_ROLE)),
        "scps": SCP_NOTHING,
        "rcps": rcps(deny(who="*")),
        "boundary": NOTHING,
    }

    assert decided(LINKED, **documents) == "AL key_policy:role"
    assert decided(app, **documents) == "ED rcp"


@pytest.mark.parametrize(
    ("statement", "result"),
    [
        (allow(who="*"), "AL key_policy:direct"),
        (allow(NotPrincipal={"AWS": ALICE}), "AL key_policy:direct"),
        (ROOT, "ID key_policy"),
    ],
)
def test_l57_an_unsigned_request_is_let_in_by_those_who_name_everyone(
    statement: Json, result: str
) -> None:
    assert decided(anonymous, key_policy=key_policy(statement)) == result


# Resources of other services


BUCKET = Resource(arn("arn:aws:s3:::bucket/a"), A)
BUCKET_ALLOWS = {who: policy_of(PolicyKind.RESOURCE_POLICY, allow("s3:*", who))
                 for who in (ALICE, APP_ROLE, A_ROOT, BOB, B_ROOT, "*")}  # fmt: skip
BUCKET_DENIES = policy_of(PolicyKind.RESOURCE_POLICY, deny("s3:*", "*"))


@pytest.mark.parametrize(
    ("caller", "documents", "result"),
    [
        (alice, {}, "ID identity"),
        (alice, {"identity": EVERYTHING}, "AL identity"),  # no delegation is needed
        (alice, {"key_policy": BUCKET_ALLOWS[ALICE]}, "AL key_policy:direct"),
        (alice, {"key_policy": BUCKET_ALLOWS[A_ROOT]}, "ID identity"),
        (alice, {"identity": EVERYTHING, "boundary": NOTHING}, "ID boundary"),
        (app, {"key_policy": BUCKET_ALLOWS[APP_ROLE]}, "AL key_policy:role"),
        (app, {"key_policy": BUCKET_ALLOWS[APP_ROLE], "boundary": NOTHING}, "ID identity"),
        (app, {"identity": EVERYTHING, "session": NOTHING}, "ID session"),
        (fed, {"identity": EVERYTHING}, "ID session"),
        (root_a, {}, "AL root"),
        (bob_b, {"identity": EVERYTHING}, "ID key_policy"),
        (bob_b, {"key_policy": BUCKET_ALLOWS[BOB]}, "ID identity"),
        (bob_b, {"key_policy": BUCKET_ALLOWS[B_ROOT], "identity": EVERYTHING},
         "AL key_policy:cross_account+identity"),
        (logs, {}, "ID key_policy"),
        (logs, {"key_policy": BUCKET_ALLOWS["*"]}, "AL key_policy:service_principal"),
        (anonymous, {"key_policy": BUCKET_ALLOWS["*"]}, "AL key_policy:direct"),
        (alice, {"identity": EVERYTHING, "key_policy": BUCKET_DENIES}, "ED key_policy"),
        (alice, {"identity": EVERYTHING, "scps": SCP_NOTHING}, "ID scp"),
        (alice, {"identity": EVERYTHING, "rcps": rcps(deny("s3:*", "*"))}, "ED rcp"),
    ],
    ids=label,
)  # fmt: skip
def test_another_service_follows_the_general_rule_of_iam(
    caller: Principal, documents: dict[str, Any], result: str
) -> None:
    """One account: an identity or a resource policy suffices; two accounts: both are needed."""
    assert verdict(ask(caller, "s3:GetObject", BUCKET, **documents)) == result


# The trace


def everything_at_once() -> Decision:
    when: Json = {"StringEquals": {"kms:ViaService": "s3"}, "Bool": {"aws:SecureTransport": True}}
    return ask(
        app,
        key_policy=key_policy(
            allow("kms:Sign", ALICE, resource=[], when=when, Sid="NoPart"), allow(who="*")
        ),
        identity=(
            identity(allow("kms:Decrypt", Sid="Use"), allow("kms:Sign"), name="first"),
            identity(allow("s3:*", when=when), name="second"),
        ),
        boundary=identity(allow("*"), name="limit"),
        session=(identity(allow("*"), name="inline"), identity(allow("s3:*"), name="managed")),
        scps=scps([allow("*"), deny("s3:*")], allow("kms:*")),
        rcps=rcps(deny("kms:Sign", "*", when=when)),
        endpoint=endpoint(allow(who="*"), deny("kms:Sign", "*")),
        grants=(grant(APP_ROLE, "Decrypt", name="g1"), grant(ALICE, "Sign", name="g2")),
    )


def test_every_statement_of_every_layer_is_in_the_trace() -> None:
    decision = everything_at_once()

    found = {
        result.layer: [(s.policy, s.index, s.sid, s.level, s.applies) for s in result.statements]
        for result in decision.layers
        if result.statements
    }
    assert found == {
        Layer.SCP: [
            ("SCP 0.0", 0, None, "level-0", True),
            ("SCP 0.1", 0, None, "level-0", False),
            ("SCP 1.0", 0, None, "level-1", True),
        ],
        Layer.RCP: [("RCP 0.0", 0, None, "level-0", False)],
        Layer.ENDPOINT: [
            ("VPC endpoint policy", 0, None, None, True),
            ("VPC endpoint policy", 1, None, None, False),
        ],
        Layer.KEY_POLICY: [
            ("key policy", 0, "NoPart", None, False),
            ("key policy", 1, None, None, True),
        ],
        Layer.IDENTITY: [
            ("first", 0, "Use", None, True),
            ("first", 1, None, None, False),
            ("second", 0, None, None, False),
        ],
        Layer.BOUNDARY: [("limit", 0, None, None, True)],
        Layer.SESSION: [("inline", 0, None, None, True), ("managed", 0, None, None, False)],
    }
    assert [g.grant.id for g in decision.layer_result(Layer.GRANT).grants] == ["g1", "g2"]


def test_every_element_and_condition_has_a_step_also_after_a_mismatch() -> None:
    decision = everything_at_once()

    for result in decision.layers:
        for trace in result.statements:
            named = trace.layer in (Layer.KEY_POLICY, Layer.RCP, Layer.ENDPOINT)
            elements = [step.element for step in trace.steps]
            conditions = elements.count(ElementName.CONDITION)
            head = [ElementName.ACTION, ElementName.RESOURCE]
            assert elements == (
                ([ElementName.PRINCIPAL] if named else [])
                + head
                + [ElementName.CONDITION] * conditions
            )
            text = trace.source.text[trace.span.start : trace.span.end]
            assert conditions == text.count("kms:ViaService") + text.count("aws:SecureTransport")
            assert trace.applies == all(step.matched for step in trace.steps)
            assert all((step.reason is None) == step.matched for step in trace.steps)
        for grant_trace in result.grants:
            assert [step.element for step in grant_trace.steps] == [
                ElementName.OPERATIONS,
                ElementName.GRANTEE,
                ElementName.CONSTRAINTS,
                ElementName.TIME,
            ]


def test_steps_point_into_the_text() -> None:
    decision = everything_at_once()

    (no_part, _) = decision.layer_result(Layer.KEY_POLICY).statements
    shown = [
        no_part.source.text[step.span.start : step.span.end] for step in no_part.steps if step.span
    ]
    assert shown == [
        f'"Principal": {{"AWS": "{ALICE}"}}',
        '"Action": "kms:Sign"',
        '"Resource": []',
        '"kms:ViaService": "s3"',
        '"aws:SecureTransport": true',
    ]


def test_a_statement_is_called_by_its_sid_or_its_place() -> None:
    decision = everything_at_once()

    called = [s.name for r in decision.layers for s in r.statements if r.layer is Layer.IDENTITY]
    assert called == ["Use", "first[1]", "second[0]"]


@pytest.mark.parametrize(
    ("caller", "documents", "by"),
    [
        (alice, {"key_policy": key_policy(allow(who=ALICE, Sid="One"), ROOT)}, ["One"]),
        (app, {"key_policy": key_policy(allow(who=APP_ROLE), allow(who=APP_ROLE))},
         ["key policy[0]", "key policy[1]"]),
        (alice, {"key_policy": key_policy(ROOT), "identity": EVERYTHING},
         ["key policy[0]", "identity policy[0]"]),
        (bob_b, {"key_policy": key_policy(allow(who=BOB)), "identity": EVERYTHING},
         ["key policy[0]", "identity policy[0]"]),
        (alice, {"grants": (grant(ALICE, "Sign", name="g1"), grant(ALICE, "Decrypt", name="g2"))},
         ["g2"]),
        (logs, {"key_policy": key_policy(allow(who="*", Sid="All"))}, ["All"]),
        (alice, {"key_policy": key_policy(allow(who=ALICE), deny(who="*", Sid="No"))}, ["No"]),
        (alice, {"key_policy": key_policy(allow("kms:Sign", ALICE))}, []),
        (alice, {"key_policy": key_policy(ROOT), "identity": NOTHING}, []),
    ],
    ids=label,
)  # fmt: skip
def test_what_decided_is_named(caller: Principal, documents: dict[str, Any], by: list[str]) -> None:
    assert names(ask(caller, **documents)) == by


def test_what_decided_without_a_key_is_named() -> None:
    decision = ask(alice, "kms:CreateKey", nothing(), identity=(NOTHING, EVERYTHING))

    assert names(decision) == ["identity policy[0]"]
    assert names(ask(root_a, "kms:CreateKey", nothing())) == []


@pytest.mark.parametrize(
    ("documents", "reasons"),
    [
        ({"key_policy": key_policy(allow(who=FED))}, {Reason.PRINCIPAL}),
        ({"key_policy": key_policy(allow("kms:Sign", ALICE))}, {Reason.ACTION}),
        ({"key_policy": key_policy(allow(who=ALICE, resource=[]))}, {Reason.RESOURCE}),
        # Only the statements that came closest say why.
        (
            {"key_policy": key_policy(allow("kms:Sign", FED), allow("kms:Sign", ALICE))},
            {Reason.ACTION},
        ),
        (
            {"key_policy": key_policy(allow("kms:Sign", ALICE), allow(who=FED))},
            {Reason.ACTION, Reason.PRINCIPAL},
        ),
        # A Deny that misses explains no denial.
        ({"key_policy": key_policy(allow("kms:Sign", ALICE), deny(who=FED))}, {Reason.ACTION}),
        (
            {"key_policy": key_policy(allow(who=FED)), "identity": EVERYTHING},
            {Reason.PRINCIPAL, Reason.NO_DELEGATION},
        ),
        ({"key_policy": key_policy(ROOT), "identity": NOTHING}, {Reason.ACTION}),
        ({"key_policy": key_policy(allow(who=ALICE)), "scps": SCP_NOTHING},
         {Reason.SCP, Reason.ACTION}),
        ({"key_policy": key_policy(allow(who=ALICE)), "endpoint": ENDPOINT_NOTHING},
         {Reason.ENDPOINT, Reason.ACTION}),
        (
            {"key_policy": key_policy(ROOT), "identity": EVERYTHING, "boundary": NOTHING},
            {Reason.BOUNDARY, Reason.ACTION},
        ),
        ({"grants": grant(ALICE, "Sign")}, {Reason.GRANT_OPERATION}),
        ({"grants": grant(FED, "Decrypt")}, {Reason.GRANT_GRANTEE}),
        ({"grants": grant(ALICE, "Decrypt", equals={"a": "1"})}, {Reason.GRANT_CONSTRAINT}),
        ({"grants": grant(ALICE, "Decrypt", effective_at=NOON)}, {Reason.GRANT_NOT_YET}),
        ({"key_policy": key_policy(allow(who=ALICE))}, set()),
    ],
    ids=label,
)  # fmt: skip
def test_reasons_say_why_the_nearest_allow_did_not_help(
    documents: dict[str, Any], reasons: set[Reason]
) -> None:
    assert ask(alice, **documents).reasons == reasons


def test_a_session_that_says_nothing_is_a_reason() -> None:
    decision = ask(app, key_policy=key_policy(allow(who=APP_ROLE)), session=NOTHING)

    assert decision.reasons >= {Reason.SESSION}
    assert decision.blocked_by == (Layer.SESSION,)


def test_a_decision_keeps_its_question_as_it_was_asked() -> None:
    asked = request(alice, at=NOON)

    for decide in (authorization.decide, reference.decide):
        assert decide(asked, documents_of(key_policy=OPEN)).request is asked


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("aws:CurrentTime", "2026-03-01T12:00:00Z"),
        ("aws:EpochTime", "1772366400"),
        ("kms:CallerAccount", A),
        ("aws:ResourceAccount", A),
    ],
)
def test_the_facts_that_follow_from_a_request_are_filled_in(key: str, value: str) -> None:
    policy = key_policy(allow(who=ALICE, when={"StringEquals": {key: value}}))

    (trace,) = ask(alice, at=NOON, key_policy=policy).layer_result(Layer.KEY_POLICY).statements

    assert trace.applies
    assert trace.steps[-1].actual == value


def test_z1_layers_do_not_stop_each_other() -> None:
    """Every layer is evaluated whole, also when the answer is known already."""
    decision = ask(app, **ALL_DOCUMENTS | DENYING[Layer.RCP] | DENYING[Layer.SESSION])

    assert [r.layer for r in decision.layers if r.denying] == [Layer.RCP, Layer.SESSION]
    assert decision.layer_result(Layer.KEY_POLICY).allowing


def test_callers_of_the_same_name_in_two_accounts_are_kept_apart() -> None:
    policy = key_policy(allow(who=APP_ROLE))

    assert decided(app_2, key_policy=policy, identity=EVERYTHING) == "AL key_policy:role"
    assert decided(app_b, key_policy=policy, identity=EVERYTHING) == "ID key_policy"
    assert decided(root(B), key_policy=policy) == "ID key_policy"
