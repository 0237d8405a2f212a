"""Whom, what and which resource a statement speaks of, in decisions (AUTH C, D, E)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from policy import (
    Decision,
    Layer,
    MatchClass,
    PolicyKind,
    Principal,
    Reason,
    Resource,
    StatementTrace,
    principal_from_arn,
)
from policy.model import Policy
from tests.cast import (
    A_ROOT,
    ALIAS,
    ALICE,
    APP_ROLE,
    APP_SESSION,
    B_ROOT,
    FED,
    K_B,
    KEY_ID,
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
    fed,
    federated,
    identity,
    key,
    key_policy,
    label,
    logs,
    nothing,
    policy_of,
    rcps,
    root_a,
    root_b,
    scps,
    session,
    user,
    verdict,
)

DIRECT, ROLE_BOUND, ACCOUNT = MatchClass.DIRECT, MatchClass.ROLE_BOUND, MatchClass.ACCOUNT
LOGS = {"Service": "logs.us-east-1.amazonaws.com"}
EVERY_CALLER = {
    "alice": alice,
    "bob_b": bob_b,
    "app": app,
    "app_2": app_2,
    "app_b": app_b,
    "fed": fed,
    "root_a": root_a,
    "root_b": root_b,
    "logs": logs,
    "anonymous": anonymous,
}


def trace(decision: Decision, layer: Layer = Layer.KEY_POLICY, index: int = 0) -> StatementTrace:
    return decision.layer_result(layer).statements[index]


def match(who: object, caller: Principal, **more: object) -> MatchClass | None:
    """Return how closely an Allow for this principal names the caller."""
    documents = {"key_policy": key_policy(allow(who=who)), **more}
    return trace(ask(caller, "kms:Decrypt", None, None, **documents)).match_class


# Principals: who is named, and how closely


@pytest.mark.parametrize(
    ("who", "matching"),
    [
        ("*", dict.fromkeys(EVERY_CALLER, DIRECT)),  # E-1
        ({"AWS": "*"}, dict.fromkeys(EVERY_CALLER, DIRECT)),
        (A_ROOT, dict.fromkeys(["alice", "app", "app_2", "fed"], ACCOUNT) | {"root_a": DIRECT}),
        (A, dict.fromkeys(["alice", "app", "app_2", "fed"], ACCOUNT) | {"root_a": DIRECT}),  # E-2
        (B, dict.fromkeys(["bob_b", "app_b"], ACCOUNT) | {"root_b": DIRECT}),
        (ALICE, {"alice": DIRECT, "fed": ROLE_BOUND}),  # E-3, E-4
        (APP_ROLE, {"app": ROLE_BOUND, "app_2": ROLE_BOUND}),  # E-5
        (APP_SESSION, {"app": DIRECT}),  # E-6
        (FED, {"fed": DIRECT}),  # E-7
        (LOGS, {"logs": DIRECT}),  # E-9
        ({"Service": "*"}, {}),
        ({"AWS": "logs.us-east-1.amazonaws.com"}, {}),  # E-14
        ({"Federated": "accounts.google.com"}, {}),
        ({"CanonicalUser": "79a59df900b949e5"}, {}),  # E-10
        (f"arn:aws:iam::{A}:role/*", {}),  # E-13
        ("arn:aws:iam::*:root", {}),
        (f"arn:aws:iam::{A}:group/admins", {}),  # E-14
        (f"arn:aws-cn:iam::{A}:user/alice", {}),
        ({"AWS": []}, {}),
        ([APP_ROLE, ALICE, A_ROOT], {
            "alice": DIRECT, "fed": ROLE_BOUND, "app": ROLE_BOUND, "app_2": ROLE_BOUND,
            "root_a": DIRECT,
        }),  # E-12: the strongest class counts
    ],
    ids=label,
)  # fmt: skip
def test_an_entry_names_callers_in_a_class(who: object, matching: dict[str, MatchClass]) -> None:
    found = {name: match(who, caller) for name, caller in EVERY_CALLER.items()}

    assert {name: found for name, found in found.items() if found is not None} == matching


def test_e8_an_identity_provider_names_the_sessions_that_came_from_it() -> None:
    who = {"Federated": "accounts.google.com"}

    assert match(who, replace(app, identity_provider="accounts.google.com")) is DIRECT
    assert match(who, replace(app, identity_provider="other.example.com")) is None


@pytest.mark.parametrize(
    ("caller", "unique_id", "match_class"),
    [(alice, "AIDA1", DIRECT), (app, "AROA1", ROLE_BOUND), (fed, "AIDA1", ROLE_BOUND)],
    ids=label,
)
def test_e11_a_unique_id_names_the_live_identity(
    caller: Principal, unique_id: str, match_class: MatchClass
) -> None:
    entry = unique_id.ljust(20, "X")

    assert match(entry, replace(caller, unique_id=entry)) is match_class
    assert match(entry, replace(caller, unique_id=entry[:-1] + "Y")) is None
    assert match(entry, caller) is None


@pytest.mark.parametrize(
    ("who", "caller"),
    [
        (f"arn:aws:iam::{A}:user/Alice", alice),
        (f"arn:aws:iam::{A}:role/App", app),
        (f"arn:aws:sts::{A}:assumed-role/app/S1", app),
        (f"arn:aws:iam::{A}:user/team/alice", alice),
    ],
)
def test_e15_names_are_compared_with_regard_to_case_and_path(who: str, caller: Principal) -> None:
    assert match(who, caller) is None


def test_e15_a_role_with_a_path_is_compared_with_its_path() -> None:
    caller = session(A, "app", path="team/")

    assert match(f"arn:aws:iam::{A}:role/team/app", caller) is ROLE_BOUND
    assert match(APP_ROLE, caller) is None
    assert match(APP_SESSION, caller) is DIRECT, "E-16: the session's ARN has no path"


def test_a9_a_bare_role_is_a_session_of_unknown_name() -> None:
    caller = principal_from_arn(arn(APP_ROLE))
    assert caller is not None

    assert match(APP_ROLE, caller) is ROLE_BOUND
    assert match(A_ROOT, caller) is ACCOUNT
    assert match(APP_SESSION, caller) is None


@pytest.mark.parametrize(
    ("who", "caller"),
    [(ALICE, replace(alice, unique_id="AIDA2")), (APP_ROLE, replace(app, unique_id="AROA2"))],
    ids=label,
)
def test_e20_a_recreated_identity_is_another_one(who: str, caller: Principal) -> None:
    old = replace(caller, unique_id="OLD")

    assert match(who, caller, bound_ids={who: "OLD"}) is None
    assert match(who, old, bound_ids={who: "OLD"}) is not None
    assert match(who, caller) is not None, "E-23: without an identity store texts are compared"


@pytest.mark.parametrize("who", [APP_SESSION, A_ROOT, "*"])
def test_e21_other_forms_are_not_bound_to_an_id(who: str) -> None:
    assert match(who, replace(app, unique_id="AROA2"), bound_ids={APP_ROLE: "OLD"}) is not None


@pytest.mark.parametrize(
    ("who", "denied"),
    [
        (A_ROOT, {"alice", "app", "app_2", "fed", "root_a"}),
        (APP_ROLE, {"app", "app_2"}),
        (APP_SESSION, {"app"}),
        (ALICE, {"alice", "fed"}),
        ("*", set(EVERY_CALLER)),  # L-11: root users and services too
    ],
)
def test_e17_a_deny_hits_whom_it_names_in_any_class(who: str, denied: set[str]) -> None:
    policy = key_policy(allow(who="*"), deny(who=who))

    hit = {
        name
        for name, caller in EVERY_CALLER.items()
        if verdict(ask(caller, key_policy=policy)) == "ED key_policy"
    }

    assert hit == denied


# NotPrincipal


def test_e24_not_principal_in_an_allow_names_everyone_else_directly() -> None:
    policy = key_policy(allow(NotPrincipal={"AWS": [ALICE, APP_ROLE]}))

    found = {
        name: trace(ask(caller, key_policy=policy)).match_class
        for name, caller in EVERY_CALLER.items()
    }

    listed = {"alice", "fed", "app", "app_2"}
    assert found == {name: None if name in listed else DIRECT for name in EVERY_CALLER}


ALICE_CHAIN, APP_CHAIN = [ALICE, A_ROOT], [APP_SESSION, APP_ROLE, A_ROOT]
FED_CHAIN = [FED, ALICE, A_ROOT]


@pytest.mark.parametrize(
    ("caller", "listed", "denied"),
    [
        (alice, {"AWS": ALICE_CHAIN}, False),
        (alice, {"AWS": [ALICE]}, True),
        (alice, {"AWS": [A_ROOT]}, True),
        (app, {"AWS": APP_CHAIN}, False),
        (app, {"AWS": [APP_ROLE, A_ROOT]}, True),
        (app, {"AWS": [APP_SESSION, A_ROOT]}, True),
        (app, {"AWS": [APP_SESSION, APP_ROLE]}, True),
        (app_2, {"AWS": APP_CHAIN}, True),
        (fed, {"AWS": FED_CHAIN}, False),
        (fed, {"AWS": [FED, A_ROOT]}, True),
        (root_a, {"AWS": A}, False),
        (root_a, {"AWS": B}, True),
        (logs, LOGS, False),
        (logs, {"Service": "s3.amazonaws.com"}, True),
        (anonymous, {"AWS": A_ROOT}, True),
        (bob_b, {"AWS": ALICE_CHAIN}, True),
        (alice, {"AWS": "*"}, False),
        (anonymous, {"AWS": "*"}, False),
        (alice, LOGS, True),  # E-27: calls on behalf of a user are those of the user
        (alice, {"AWS": []}, True),
    ],
    ids=label,
)
def test_e25_a_not_principal_deny_spares_those_whose_whole_chain_is_listed(
    caller: Principal, listed: Json, denied: bool
) -> None:
    policy = key_policy(allow(who="*"), deny(NotPrincipal=listed))

    decision = ask(caller, key_policy=policy, identity=identity(allow()))

    assert trace(decision, index=1).applies is denied


def test_e25_a_chain_may_name_a_unique_id() -> None:
    caller = replace(alice, unique_id="AIDAJQABLZS4A3QDU576Q")
    policy = key_policy(allow(who="*"), deny(NotPrincipal={"AWS": [caller.unique_id, A]}))

    assert ask(caller, key_policy=policy).allowed


@pytest.mark.parametrize(
    ("caller", "listed"),
    [(alice, ALICE_CHAIN), (app, APP_CHAIN), (fed, FED_CHAIN)],
    ids=label,
)
def test_e26_a_boundary_ends_the_sparing(caller: Principal, listed: list[str]) -> None:
    policy = key_policy(allow(who="*"), deny(NotPrincipal={"AWS": listed}))

    assert verdict(ask(caller, key_policy=policy)) == "AL key_policy:direct"
    assert verdict(ask(caller, key_policy=policy, boundary=identity(allow()))) == "ED key_policy"


@pytest.mark.parametrize("caller", [root_a, replace(app, service_linked=True)], ids=label)
def test_e26_who_cannot_have_a_boundary_is_spared(caller: Principal) -> None:
    policy = key_policy(allow(who="*"), deny(NotPrincipal={"AWS": APP_CHAIN}))

    assert ask(caller, key_policy=policy, boundary=identity(allow())).allowed


def test_e26_an_allow_is_not_changed_by_a_boundary() -> None:
    policy = key_policy(allow(NotPrincipal={"AWS": ALICE}))

    assert not trace(ask(alice, key_policy=policy, boundary=identity(allow()))).applies


@pytest.mark.parametrize(
    ("statement", "caller", "why"),
    [
        (allow(who="*"), alice, '"*" names every caller'),
        (allow(who=ALICE), alice, f"{ALICE} names the caller"),
        (allow(who=APP_ROLE), app, f"{APP_ROLE} stands behind the caller"),
        (
            allow(who=A_ROOT),
            alice,
            f"{A_ROOT} names the caller's account, so identity policies may speak",
        ),
        (allow(who=[ALICE, FED]), app, f"{ALICE}, {FED} does not name {APP_SESSION}"),
        (allow(who={"AWS": []}), alice, f"nobody does not name {ALICE}"),
        (allow(who=list("12345")), alice, f"1, 2, 3, 4, 1 more does not name {ALICE}"),
        (allow(NotPrincipal={"AWS": FED}), alice, "the list does not name the caller"),
        (allow(NotPrincipal={"AWS": ALICE}), alice, "the list names the caller"),
        (
            deny(NotPrincipal={"AWS": APP_ROLE}),
            app,
            f"the list does not name {APP_SESSION} and account {A}",
        ),
        (
            deny(NotPrincipal={"AWS": APP_CHAIN}),
            app,
            "the list names the caller and all that stands behind it",
        ),
    ],
)
def test_the_trace_says_how_the_caller_is_named(
    statement: Json, caller: Principal, why: str
) -> None:
    assert trace(ask(caller, key_policy=key_policy(statement))).steps[0].why == why


def test_the_trace_says_that_a_boundary_ends_the_sparing() -> None:
    policy = key_policy(deny(NotPrincipal={"AWS": ALICE_CHAIN}))

    step = trace(ask(alice, key_policy=policy, boundary=identity(allow()))).steps[0]

    assert step.why == "a NotPrincipal Deny hits every caller with a permissions boundary"


# Actions


def allows(action: str | list[str], asked: str, *, element: str = "Action") -> bool:
    statement = allow(who=ALICE, **{element: action})  # type: ignore[arg-type]
    return ask(alice, asked, key_policy=key_policy(statement)).allowed


@pytest.mark.parametrize(
    ("pattern", "asked", "matches"),
    [
        ("kms:Encrypt", "kms:Encrypt", True),
        ("KMS:enCRYPT", "kms:Encrypt", True),  # C-1
        ("kms:Encrypt", "KMS:ENCRYPT", True),
        ("*", "kms:Encrypt", True),  # C-2
        ("kms:*", "kms:Encrypt", True),
        ("kms:Gen*", "kms:GenerateDataKey", True),
        ("kms:*Key", "kms:GenerateDataKey", True),
        ("kms:Sig?", "kms:Sign", True),
        ("kms:Sig?", "kms:Verify", False),
        ("k?s:Encrypt", "kms:Encrypt", True),
        ("*:Encrypt", "kms:Encrypt", True),
        ("s3:*", "kms:Encrypt", False),
        ("kms:ReEncrypt", "kms:ReEncryptFrom", False),  # C-6
        ("kms:ReEncrypt*", "kms:ReEncryptTo", True),
        ("kms:GenerateDataKey*", "kms:GenerateDataKeyPairWithoutPlaintext", True),  # C-7
        ("kms:Get*", "kms:DescribeKey", False),
        ("kms:List*", "kms:ListGrants", True),
        ("kms:Encrypt*", "kms:ReEncryptTo", False),
        ("kms:*Encrypt*", "kms:ReEncryptFrom", True),
        ("kms:Create*", "kms:CreateGrant", True),
        ("kms:*Grant*", "kms:RevokeGrant", True),
        ("${*}", "kms:Encrypt", False),  # C-3
        ("kms:${*}", "kms:Encrypt", False),
        ("kms:", "kms:Encrypt", False),  # C-4
        ("kms*", "kms:Encrypt", False),
        ("Encrypt", "kms:Encrypt", False),
        (":Encrypt", "kms:Encrypt", False),
        ("kms: Encrypt", "kms:Encrypt", False),
        ("kms:* ", "kms:Encrypt", False),
        ("kms:Encrypt,kms:*", "kms:Encrypt", False),
        ("kms:*,*", "kms:Encrypt", False),
        ("", "kms:Encrypt", False),
        (["kms:Sign", "kms:Encrypt"], "kms:Encrypt", True),
        (["kms:Sign", "kms:Verify"], "kms:Encrypt", False),
    ],
)
def test_c1_to_c7_an_action_matches_patterns_and_not_action_the_rest(
    pattern: str | list[str], asked: str, matches: bool
) -> None:
    assert allows(pattern, asked) is matches
    assert allows(pattern, asked, element="NotAction") is not matches


@pytest.mark.parametrize("sign", [" ", ",", "\t", "\u00a0"])
def test_c4_white_space_and_commas_match_nothing_not_even_themselves(sign: str) -> None:
    bucket = Resource(arn("arn:aws:s3:::bucket"), A)
    asked = f"s3:Get{sign}Object"

    assert ask(alice, asked, bucket, identity=identity(allow("s3:Get*"))).allowed
    assert not ask(alice, asked, bucket, identity=identity(allow(asked))).allowed
    assert not ask(alice, asked, bucket, identity=identity(allow(f"{asked[:-3]}*"))).allowed


def test_b2_an_empty_list_of_actions_never_applies() -> None:
    """Not even as NotAction (A-8)."""
    assert not allows([], "kms:Encrypt")
    assert not allows([], "kms:Encrypt", element="NotAction")


@pytest.mark.parametrize("element", ["Action", "Resource", "Principal"])
@pytest.mark.parametrize("effect", ["Allow", "Deny"])
def test_b7_b12_a_statement_that_lacks_an_element_never_applies(effect: str, element: str) -> None:
    statement = allow(who="*", Effect=effect)
    del statement[element]
    kind = PolicyKind.IDENTITY_POLICY if element == "Principal" else PolicyKind.KEY_POLICY
    policy = replace(policy_of(kind, statement), kind=PolicyKind.KEY_POLICY)

    found = trace(ask(alice, key_policy=policy))

    assert not found.applies
    (step,) = [step for step in found.steps if not step.matched]
    assert (step.element, step.span) == (element, None)


# Resources

OTHER_KEY = K.replace(KEY_ID, "0" * 36)


def identity_allows(
    resource: str | list[str],
    asked: Resource | None = None,
    action: str = "kms:Decrypt",
    caller: Principal = alice,
    element: str = "Resource",
) -> bool:
    statement = allow(**{element: resource})  # type: ignore[arg-type]
    decision = ask(caller, action, asked, key_policy=key_policy(ROOT), identity=identity(statement))
    return decision.allowed


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ("*", True),
        (K, True),
        (K.upper(), False),
        (OTHER_KEY, False),
        ("arn:aws:kms:*:111122223333:key/*", True),
        ("arn:*:kms:*:*:*", True),
        ("arn:aws:kms:us-????-1:*:key/1234*", True),
        (f"arn:aws:kms:us-east-1:{A}:*", True),
        (f"arn:aws:kms:us-east-1:{A}:alias/*", False),
        (f"arn:aws:kms:us-east-1:{B}:key/*", False),
        ("arn:aws:*:us-east-1:111122223333:key/*", False),  # D-4
        ("arn:aws:km?:us-east-1:111122223333:key/*", False),
        ("arn:aws:kms:us-*:key/*", False),  # D-3: a wildcard stays in its segment
        ("arn:aws:kms:us-east-1*", True),  # D-5: missing segments are read as a star
        ("arn:aws:kms", True),
        ("arn:aws:kms:eu-*", False),
        (f"arn:aws:kms:us-east-1:{A}", True),
        (KEY_ID, False),  # D-7
        (f"key/{KEY_ID}", False),
        ("alias/app", False),
        (ALIAS, False),
        ("**", False),
        ("", False),
        ([OTHER_KEY, K], True),
    ],
)
def test_d3_to_d7_a_resource_matches_patterns_and_not_resource_the_rest(
    pattern: str | list[str], matches: bool
) -> None:
    assert identity_allows(pattern) is matches
    assert identity_allows(pattern, element="NotResource") is not matches


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ("*", True),  # D-6
        (K, True),
        (OTHER_KEY, False),
        (ALIAS, False),
        (KEY_ID, False),
        ("arn:aws:kms:*:*:key/*", True),
        (f"arn:aws:kms:us-east-1:{A}", False),  # D-5: short patterns need a wildcard here
        ("arn:aws:kms:us-*", True),
    ],
)
def test_d6_the_star_in_a_key_policy_is_this_key(pattern: str, matches: bool) -> None:
    assert ask(alice, key_policy=key_policy(allow(who=ALICE, resource=pattern))).allowed is matches
    without = allow(who=ALICE, NotResource=pattern)
    assert ask(alice, key_policy=key_policy(without)).allowed is not matches, "D-9"


def test_b2_an_empty_list_of_resources_never_applies() -> None:
    assert not identity_allows([])
    assert not identity_allows([], element="NotResource")


@pytest.mark.parametrize(
    ("kind", "pattern", "matches"),
    [
        (PolicyKind.SCP, f"arn:aws:kms:us-east-1:{A}", False),
        (PolicyKind.SCP, "arn:aws:kms:*", True),
        (PolicyKind.SCP, "arn:aws:kms:us-*-1", False),  # the wildcard must be at the end
        (PolicyKind.RCP, "arn:aws:kms:*", False),
        (PolicyKind.RCP, "arn:aws:kms:*:*:*", True),
        (PolicyKind.ENDPOINT_POLICY, f"arn:aws:kms:us-east-1:{A}", False),
        (PolicyKind.ENDPOINT_POLICY, "arn:aws:kms:us-*", True),
        (PolicyKind.RESOURCE_POLICY, "arn:aws:kms:us-*", True),
    ],
)
def test_d5_short_patterns_are_read_as_their_kind_of_document_does(
    kind: PolicyKind, pattern: str, matches: bool
) -> None:
    who = "*" if kind.names_principals else None
    statement = deny(who=who, resource=pattern)
    documents: dict[str, object] = {"key_policy": key_policy(allow(who=ALICE))}
    if kind is PolicyKind.SCP:
        documents["scps"] = scps([allow(), statement])
    elif kind is PolicyKind.RCP:
        documents["rcps"] = rcps(statement)
    elif kind is PolicyKind.ENDPOINT_POLICY:
        documents["endpoint"] = policy_of(kind, allow(who="*"), statement)
    else:
        documents["key_policy"] = policy_of(kind, allow(who="*"), statement)

    assert verdict(ask(alice, "kms:Decrypt", None, None, **documents)).startswith("ED") is matches


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ("*", True),
        (f"arn:aws:kms:us-east-1:{A}:key/*", False),
        ("arn:aws:kms:*:*:*", False),
        (f"arn:aws:kms:us-east-1:{A}:*", False),  # U-3
        ("arn:*:*:*:*:*", False),
        ("**", False),
        ("?", False),
    ],
)
def test_d8_only_the_star_matches_where_there_is_no_resource(pattern: str, matches: bool) -> None:
    assert identity_allows(pattern, nothing(), "kms:CreateKey") is matches
    assert identity_allows(pattern, nothing(), "kms:CreateKey", element="NotResource") is (
        not matches
    )


def test_d7_an_alias_arn_matches_the_alias_only() -> None:
    alias = Resource(arn(ALIAS), A)

    assert identity_allows(ALIAS, alias, "kms:CreateAlias")
    assert not identity_allows(ALIAS, key(), "kms:CreateAlias")
    assert not identity_allows(K, alias, "kms:CreateAlias")


def test_d11_a_pattern_may_cover_all_regions_of_a_key() -> None:
    replica = f"arn:aws:kms:eu-west-1:{A}:key/mrk-{'0' * 32}"

    assert identity_allows(f"arn:aws:kms:*:{A}:key/mrk-{'0' * 32}", key(replica))


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        (f"arn:aws:kms:us-east-1:{A}:${{aws:PrincipalTag/what}}", True),
        (f"arn:aws:kms:us-east-1:{A}:key/${{aws:PrincipalTag/id}}", True),
        (f"arn:aws:kms:us-east-1:{A}:key/${{aws:PrincipalTag/star}}", False),  # H-5
        (f"arn:aws:kms:us-east-1:{A}:key/${{aws:none}}", False),
        (f"arn:aws:kms:us-east-1:{A}:key/${{aws:none, '{KEY_ID}'}}", True),
        (f"arn:aws:kms:us-east-1:${{aws:PrincipalAccount}}:key/{KEY_ID}", False),
        (f"arn:aws:kms:${{aws:RequestedRegion}}:{A}:key/*", False),
    ],
)
def test_d10_variables_are_expanded_in_the_last_segment(pattern: str, matches: bool) -> None:
    tags = {"what": f"key/{KEY_ID}", "id": KEY_ID, "star": "*"}
    facts = {f"aws:PrincipalTag/{name}": value for name, value in tags.items()}
    caller = replace(alice, facts=facts)

    assert identity_allows(pattern, caller=caller) is matches
    assert identity_allows(pattern, caller=caller, element="NotResource") is not matches


def test_b6_a_document_of_2008_has_no_variables_in_resources() -> None:
    statement = allow(resource=f"arn:aws:kms:us-east-1:{A}:key/${{aws:PrincipalTag/id}}")
    caller = replace(alice, facts={"aws:PrincipalTag/id": KEY_ID})

    for version, expected in (("2012-10-17", True), ("2008-10-17", False)):
        policy: Policy = identity(statement, version=version)
        assert ask(caller, key_policy=key_policy(ROOT), identity=policy).allowed is expected


@pytest.mark.parametrize(
    ("statement", "index", "reason", "why"),
    [
        (allow("kms:*", "*"), 1, None, "Action kms:* covers kms:Decrypt"),
        (allow(["kms:Sign", "kms:De*"], "*"), 1, None, "Action kms:De* covers kms:Decrypt"),
        (
            allow(["kms:Sign", "kms:Verify"], "*"),
            1,
            Reason.ACTION,
            "Action kms:Sign, kms:Verify does not cover kms:Decrypt",
        ),
        (allow(who="*", NotAction="kms:Sign"), 1, None,
         "NotAction kms:Sign does not cover kms:Decrypt"),
        (allow(who="*", NotAction="kms:*"), 1, Reason.ACTION,
         "NotAction kms:* covers kms:Decrypt"),
        (allow([], "*"), 1, Reason.ACTION, "the list is empty"),
        (allow(who="*", resource=K_B), 2, Reason.RESOURCE, f"Resource {K_B} does not cover {K}"),
        (allow(who="*", NotResource=K), 2, Reason.RESOURCE, f"NotResource {K} covers {K}"),
        (allow(who="*", resource=[]), 2, Reason.RESOURCE, "the list is empty"),
    ],
)  # fmt: skip
def test_the_trace_says_what_covers_the_question(
    statement: Json, index: int, reason: Reason | None, why: str
) -> None:
    step = trace(ask(alice, key_policy=key_policy(statement))).steps[index]

    assert (step.matched, step.reason, step.why) == (reason is None, reason, why)


def test_a_foreign_user_of_the_same_name_is_another_one() -> None:
    assert match(ALICE, user(B, "alice")) is None
    assert match(ALICE, federated(user(B, "alice"), "fed")) is None
    assert match(B_ROOT, alice) is None
