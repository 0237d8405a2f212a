"""explain(): the first line, the four stages, the places and the rules of a decision."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from policy import Decision, Resource
from policy.explanation import Explanation, Line, Stage, explain
from tests.cast import (
    A_ROOT,
    ALIAS,
    ALICE,
    APP_ROLE,
    APP_SESSION,
    B_ROOT,
    BOB,
    NOON,
    ROOT,
    A,
    Json,
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
    logs,
    nothing,
    rcps,
    root_a,
    scps,
)

LATER = NOON + dt.timedelta(minutes=5)
USE = identity({"Sid": "Use", **allow("kms:Decrypt")}, name="use-keys")
S3_ONLY = identity(allow("s3:*"), name="only s3")
BUCKET = Resource(arn("arn:aws:s3:::b/o"), A)


def named(sid: str, statement: Json) -> Json:
    return {"Sid": sid, **statement}


def told(decision: Decision) -> Explanation:
    return explain(decision)


def cells(stage: Stage) -> list[tuple[str, ...]]:
    return [line.cells for line in stage.lines]


# The first line

HEADLINES: list[tuple[Decision, str]] = [
    (
        ask(app, key_policy=key_policy(named("App", allow("kms:Decrypt", APP_ROLE)))),
        "ALLOWED by the key policy, statement App (key_policy:role)",
    ),
    (
        ask(alice, key_policy=key_policy(ROOT), identity=USE),
        "ALLOWED by the key policy, statement 0 and by identity policy use-keys, statement Use "
        "(key_policy:account+identity)",
    ),
    (
        ask(alice, grants=grant(ALICE, "Decrypt", name="f" * 64)),
        "ALLOWED by grant ffffffff… (grant)",
    ),
    (
        ask(alice, grants=replace(grant(ALICE, "Decrypt", name="f" * 64), name="job")),
        "ALLOWED by grant job (grant)",
    ),
    (
        ask(root_a, "kms:ListKeys", nothing()),
        "ALLOWED by being the account's root user (root)",
    ),
    (
        ask(logs, key_policy=key_policy(allow(who={"Service": str(logs)}))),
        "ALLOWED by the key policy, statement 0 (key_policy:service_principal)",
    ),
    (
        ask(alice, "s3:GetObject", BUCKET, identity=identity(allow("s3:*"), name="identity[0]")),
        "ALLOWED by identity[0], statement 0 (identity)",
    ),
    (
        ask(alice, key_policy=key_policy(named("No", deny(who="*")), named("Nor", deny(who="*")))),
        "DENIED explicitly by the key policy, statement No and 1 more",
    ),
    (
        ask(alice, identity=identity(deny(), name="team")),
        "DENIED explicitly by identity policy team, statement 0",
    ),
    (
        ask(alice, scps=scps(deny())),
        "DENIED explicitly by SCP 0.0 at level-0, statement 0",
    ),
    (
        ask(alice, rcps=rcps(deny(who="*"))),
        "DENIED explicitly by RCP 0.0 at level-0, statement 0",
    ),
    (
        ask(app, boundary=identity(deny())),
        "DENIED explicitly by the permissions boundary, statement 0",
    ),
    (
        ask(app, session=identity(deny(), name="inline")),
        "DENIED explicitly by session policy inline, statement 0",
    ),
    (
        ask(app, endpoint=endpoint(deny(who="*"))),
        "DENIED explicitly by the VPC endpoint policy, statement 0",
    ),
    (
        ask(alice, "s3:GetObject", BUCKET, key_policy=key_policy(deny("s3:*", "*"))),
        "DENIED explicitly by the resource policy, statement 0",
    ),
    (
        ask(alice, key_policy=key_policy(allow(who=APP_ROLE))),
        "DENIED implicitly by the key policy: neither it nor a grant allows kms:Decrypt",
    ),
    (
        ask(alice, key_policy=key_policy(allow(who=APP_ROLE)), identity=USE),
        "DENIED implicitly by the key policy: it does not let identity policies speak",
    ),
    (
        ask(alice, grants=grant(ALICE, "Decrypt", effective_at=LATER), at=NOON),
        "DENIED implicitly by the key policy: a grant allows kms:Decrypt, but not yet",
    ),
    (
        ask(bob_b, key_policy=key_policy(ROOT), identity=USE),
        "DENIED implicitly by the key policy: it offers nothing to account 444455556666",
    ),
    (
        ask(alice, key_policy=key_policy(ROOT)),
        "DENIED implicitly by the identity policies: none allows kms:Decrypt",
    ),
    (
        ask(alice, key_policy=key_policy(ROOT), at=NOON,
            grants=grant(ALICE, "Decrypt", effective_at=LATER)),
        "DENIED implicitly by the identity policies: none allows kms:Decrypt, and a grant does not "
        "do so yet",
    ),
    (
        ask(app, key_policy=key_policy(allow(who=APP_ROLE)), boundary=S3_ONLY),
        "DENIED implicitly by the permissions boundary: it does not allow kms:Decrypt",
    ),
    (
        ask(app, key_policy=key_policy(allow(who=APP_ROLE)), session=S3_ONLY),
        "DENIED implicitly by the session policies: none allows kms:Decrypt",
    ),
    (
        ask(fed, key_policy=key_policy(ROOT), identity=USE),
        "DENIED implicitly by the session policies: a federated user needs one, and none allows "
        "kms:Decrypt",
    ),
    (
        ask(alice, key_policy=key_policy(allow(who=ALICE)), scps=scps(allow("*"), allow("s3:*"))),
        "DENIED implicitly by the SCPs: none allows kms:Decrypt at level-1",
    ),
    (
        ask(alice, key_policy=key_policy(allow(who=ALICE)), scps=()),
        "DENIED implicitly by the SCPs: none allows kms:Decrypt, since none is attached at any "
        "level",
    ),
    (
        ask(alice, key_policy=key_policy(allow(who=ALICE)), endpoint=endpoint(allow("s3:*", "*"))),
        "DENIED implicitly by the VPC endpoint policy: it does not allow kms:Decrypt",
    ),
    (
        ask(anonymous, "s3:GetObject", BUCKET),
        "DENIED implicitly by the resource policy: it does not allow s3:GetObject",
    ),
    (
        ask(bob_b, "kms:DisableKey", key_policy=key_policy(allow(who=B_ROOT))),
        "DENIED by the service, whatever the policies say: kms:DisableKey is only possible on a "
        "key of the caller's own account",
    ),
    (
        ask(alice, "kms:CreateAlias", key(ALIAS.replace("alias/app", "alias/aws/x"))),
        "DENIED by the service, whatever the policies say: nobody may change an alias of AWS",
    ),
    (
        ask(bob_b, "kms:CreateAlias", key(ALIAS)),
        "DENIED by the service, whatever the policies say: an alias is changed in its own account",
    ),
    (
        ask(alice, "kms:RetireGrant"),
        "DENIED by the service, whatever the policies say: only those whom the grant names may "
        "retire it",
    ),
    (
        ask(root_a, "kms:PutKeyPolicy", key(aws_managed=True)),
        "DENIED by the service, whatever the policies say: nobody may use kms:PutKeyPolicy on an "
        "AWS managed key",
    ),
    (
        ask(alice, resource=key(K.replace("arn:aws:", "arn:aws-cn:"))),
        "DENIED by the service, whatever the policies say: caller and resource are in different "
        "partitions",
    ),
    (
        ask(alice, "kms:ListKeys"),
        "DENIED by the service, whatever the policies say: no operation asks for kms:ListKeys on "
        "such a resource",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("decision", "headline"), HEADLINES)
def test_the_first_line_says_what_and_by_whom(decision: Decision, headline: str) -> None:
    assert told(decision).headline == headline


def test_the_first_line_points_at_the_statement_that_decided() -> None:
    policy = key_policy(ROOT, named("No", deny("kms:Decrypt", "*")))
    place = told(ask(alice, key_policy=policy)).place

    assert place is not None
    assert place.source is policy.source
    assert place.position == policy.source.position(policy.statements[1].span.start)


@pytest.mark.parametrize(
    "decision",
    [
        ask(alice),
        ask(alice, grants=grant(ALICE, "Decrypt")),
        ask(root_a, "kms:ListKeys", nothing()),
    ],
)
def test_what_no_statement_decided_has_no_place(decision: Decision) -> None:
    assert told(decision).place is None


@pytest.mark.parametrize(
    ("decision", "question"),
    [
        (ask(app), "role/app asks kms:Decrypt on key/1234abcd-12ab-34cd-56ef-1234567890ab"),
        (ask(root_a, "kms:ListKeys", nothing()), "root asks kms:ListKeys on *"),
        (ask(logs), f"{logs} asks kms:Decrypt on key/1234abcd-12ab-34cd-56ef-1234567890ab"),
        (ask(bob_b, "kms:CreateAlias", key(ALIAS)),
         "user/bob of account 444455556666 asks kms:CreateAlias on alias/app"),
        (ask(alice, "s3:GetObject", BUCKET), "user/alice asks s3:GetObject on arn:aws:s3:::b/o"),
    ],
)  # fmt: skip
def test_the_question_is_told_in_short_names(decision: Decision, question: str) -> None:
    assert told(decision).question == question


# The stages


def stages(decision: Decision) -> list[str]:
    return [f"{s.number} {s.title}: {s.verdict}" for s in told(decision).stages]


def test_an_explicit_deny_makes_the_offers_a_lesson_only() -> None:
    policy = key_policy(ROOT, named("No", deny("kms:Decrypt", "*")))

    assert stages(ask(alice, key_policy=policy, identity=USE)) == [
        "1 explicit deny anywhere?: yes, stops here",
        "2 guardrails: scp, rcp, vpce: none apply",
        "3 offers: (not needed any more; shown for learning)",
        "4 caller's side: identity: allows by use-keys: Use; boundary, session: none",
    ]


def test_each_guardrail_says_what_it_does() -> None:
    decision = ask(
        app,
        key_policy=key_policy(allow(who=APP_ROLE)),
        scps=scps(allow("*"), allow("s3:*")),
        rcps=rcps(deny("kms:Sign", "*")),
        endpoint=endpoint(allow("*", "*")),
        boundary=S3_ONLY,
        session=S3_ONLY,
    )

    assert stages(decision) == [
        "1 explicit deny anywhere?: no",
        "2 guardrails: scp: does not allow kms:Decrypt at level-1; rcp: denies nothing here; "
        "vpce: allows",
        "3 offers: (not needed any more; shown for learning)",
        "4 caller's side: identity: none; boundary, session: does not allow kms:Decrypt",
    ]


@pytest.mark.parametrize(
    ("decision", "verdict"),
    [
        (ask(alice), "no offers"),
        (ask(alice, key_policy=key_policy(ROOT)), "one offer"),
        (ask(alice, key_policy=key_policy(ROOT), grants=grant(ALICE, "Decrypt")), "two offers"),
        (ask(alice, key_policy=key_policy(*[ROOT] * 12)), "12 offers"),
        (ask(alice, "kms:ListKeys", nothing()), "none asked for: * has no policy of its own"),
        (ask(alice, "kms:CreateAlias", key(ALIAS)),
         "none asked for: an alias has no policy of its own"),
        (ask(alice, "kms:RetireGrant"), "none asked for: a grant says who may retire it"),
    ],
)  # fmt: skip
def test_offers_are_counted(decision: Decision, verdict: str) -> None:
    assert told(decision).stages[2].verdict == verdict


@pytest.mark.parametrize(
    ("decision", "verdict"),
    [
        (ask(alice), "identity, boundary, session: none"),
        (ask(logs), "identity, boundary, session: none"),
        (ask(root_a, key_policy=key_policy(ROOT)),
         "not needed; identity: the root user may do everything; boundary, session: none"),
        (ask(alice, key_policy=key_policy(allow(who=ALICE)), identity=S3_ONLY),
         "not needed; identity: no policy allows kms:Decrypt; boundary, session: none"),
        (ask(app, identity=USE, boundary=USE, session=identity(deny())),
         "identity: allows by use-keys: Use; boundary: allows by Use; session: denies"),
    ],
)  # fmt: skip
def test_the_callers_side_is_summed_up(decision: Decision, verdict: str) -> None:
    assert told(decision).stages[3].verdict == verdict


def test_offers_show_their_class_or_what_failed() -> None:
    condition = {"StringEquals": {"aws:SourceVpce": "vpce-1"}}
    policy = key_policy(
        named("Iam", ROOT),
        named("Role", allow(who=APP_ROLE)),
        named("Session", allow(who=APP_SESSION)),
        named("Other", allow("kms:Encrypt", ALICE)),
        named("When", allow(who=APP_ROLE, when=condition)),
    )
    decision = ask(app, key_policy=policy, context={"aws:SourceVpce": "vpce-2"})

    assert cells(told(decision).stages[2]) == [
        ("key_policy", "Iam", "ACCOUNT", "delegation; identity policies would have to allow"),
        ("key_policy", "Role", "ROLE_BOUND", "all three elements match"),
        ("key_policy", "Session", "DIRECT", "all three elements match"),
        ("key_policy", "Other", "no match",
         f"principal: {ALICE} does not name {APP_SESSION} (and 1 more)"),
        ("key_policy", "When", "no match",
         "condition: StringEquals aws:SourceVpce: request has vpce-2, policy has vpce-1"),
    ]  # fmt: skip


def test_delegation_says_that_the_identity_policies_allow_when_they_do() -> None:
    decision = ask(alice, key_policy=key_policy(ROOT), identity=USE)

    assert cells(told(decision).stages[2])[0][3] == "delegation; the identity policies allow"


def test_grants_are_told_one_by_one_if_they_match_and_together_if_not() -> None:
    decision = ask(
        app,
        at=NOON,
        context={"kms:EncryptionContext:a": "1"},
        grants=(
            grant(APP_ROLE, "Decrypt", name="good"),
            grant(ALICE, "Decrypt", name="hers"),
            grant(APP_ROLE, "Encrypt", name="sealing"),
            grant(APP_ROLE, "Decrypt", name="narrow", subset={"a": "2"}),
            grant(APP_ROLE, "Decrypt", name="new", effective_at=LATER),
            grant(APP_ROLE, "Decrypt", name="far", key_arn=f"{K}0"),
        ),
    )

    assert cells(told(decision).stages[2]) == [
        ("grant", "good", "ROLE_BOUND", "all four elements match"),
        (
            "grant",
            "1 of 6 match: hers is for user/alice, sealing has no Decrypt, narrow: the encryption "
            "context must include {a: 2}, new is new, and the request carries none of its tokens, "
            "far is on another key",
        ),
    ]


def test_deny_statements_are_all_looked_at_those_that_apply_first() -> None:
    policy = key_policy(named("Off", deny("kms:Sign", "*")), named("On", deny("kms:*", "*")))

    assert cells(told(ask(alice, key_policy=policy)).stages[0]) == [
        ("key_policy", "On", "Deny", "applies"),
        ("key_policy", "Off", "Deny", "no match, action: kms:Sign does not cover kms:Decrypt"),
    ]


def test_a_deny_that_the_service_does_not_wait_for_is_told_as_such() -> None:
    """AUTH K-61 comes before the sweep."""
    decision = ask(bob_b, "kms:DisableKey", key_policy=key_policy(deny(who="*")))

    assert told(decision).stages[0].verdict == "yes, but the service refuses anyway"


# Elements


def elements(line: Line) -> list[tuple[bool | None, tuple[str, ...]]]:
    return [(child.matched, child.cells) for child in line.children]


def test_each_element_has_a_mark_and_a_sentence() -> None:
    condition = {"StringNotEquals": {"aws:SourceVpce": "vpce-1"}}
    policy = key_policy(allow(["kms:Sign", "kms:Decrypt"], "*", resource=K, when=condition))
    decision = ask(alice, key_policy=policy, context={"aws:SourceVpce": "vpce-1"})
    (line,) = told(decision).stages[2].lines

    assert elements(line) == [
        (True, ("principal", '"*" names every caller')),
        (True, ("action", "kms:Decrypt")),
        (True, ("resource", f"{K} covers this key")),
        (False, ("condition",
                 "StringNotEquals aws:SourceVpce: request has vpce-1, policy has vpce-1")),
    ]  # fmt: skip


def test_each_element_knows_its_place() -> None:
    policy = key_policy(allow("kms:*", ALICE))
    (line,) = told(ask(alice, key_policy=policy)).stages[2].lines
    text = policy.source.text
    found = [text[child.place.span.start : child.place.span.end] for child in line.children
             if child.place is not None]  # fmt: skip

    assert found == [f'"{ALICE}"', '"kms:*"', '"*"']


def test_a_failed_statement_points_at_what_failed() -> None:
    policy = key_policy(allow("kms:Sign", ALICE))
    (line,) = told(ask(alice, key_policy=policy)).stages[2].lines

    assert line.place is not None
    assert policy.source.text[line.place.span.start :].startswith('"Action": "kms:Sign"')


def opened(decision: Decision) -> list[str]:
    return [
        line.cells[1] for stage in told(decision).stages for line in stage.lines if line.is_open
    ]


def test_what_decided_is_open() -> None:
    policy = key_policy(named("Iam", ROOT), named("Off", deny("kms:Sign", "*")))
    denied = key_policy(named("Iam", ROOT), named("No", deny("kms:Decrypt", "*")))

    assert opened(ask(alice, key_policy=policy, identity=USE)) == ["Iam", "use-keys: Use"]
    assert opened(ask(alice, key_policy=denied, identity=USE)) == ["No"]


def test_of_what_did_not_allow_the_nearest_is_open() -> None:
    policy = key_policy(
        named("Far", allow("kms:Sign", APP_ROLE)),
        named("Near", allow("kms:Sign", ALICE)),
        named("Never", deny("kms:Sign", "*")),
    )

    assert opened(ask(alice, key_policy=policy)) == ["Near"]


def test_not_more_than_three_near_misses_are_open() -> None:
    policy = key_policy(*(named(f"S{n}", allow("kms:Sign", ALICE)) for n in range(9)))

    assert opened(ask(alice, key_policy=policy)) == ["S0", "S1", "S2"]


def test_a_grant_that_lacks_one_thing_is_open() -> None:
    near = grant(ALICE, "Decrypt", name="near", effective_at=LATER)
    far = grant(APP_ROLE, "Encrypt", name="far")
    decision = ask(alice, key_policy=key_policy(ROOT), grants=(near, far), at=NOON)
    line = told(decision).stages[2].lines[-1]

    assert line.is_open
    assert [child.is_open for child in line.children] == [True, False]


def test_a_statement_is_named_with_its_policy_where_there_may_be_several() -> None:
    decision = ask(app, identity=(USE, identity(allow("s3:*"))), boundary=USE,
                   scps=scps(named("Full", allow("*"))))  # fmt: skip
    shown = told(decision)

    assert [line.cells[1] for line in shown.stages[1].lines] == ["SCP 0.0: Full"]
    assert [line.cells[1] for line in shown.stages[3].lines] == [
        "use-keys: Use",
        "identity policy[0]",
        "Use",
    ]


def test_a_bucket_has_a_resource_policy() -> None:
    decision = ask(alice, "s3:GetObject", BUCKET, key_policy=key_policy(allow("s3:*", ALICE)))

    assert cells(told(decision).stages[2])[0][0] == "resource_policy"


# Notes and rules

VPCE: dict[str, Any] = {"context": {"aws:SourceVpce": "vpce-1"}}
RULES: list[tuple[Decision, str]] = [
    (ask(alice, key_policy=key_policy(allow(who=ALICE))), "L-31"),
    (ask(root_a, key_policy=key_policy(ROOT)), "L-31 L-34"),
    (ask(app, key_policy=key_policy(allow(who=APP_ROLE))), "L-32"),
    (ask(alice, key_policy=key_policy(ROOT), identity=USE), "L-33"),
    (ask(bob_b, key_policy=key_policy(allow(who=BOB)), identity=USE), "L-36"),
    (ask(logs, key_policy=key_policy(allow(who="*"))), "E-19 L-51"),
    (ask(alice, grants=grant(ALICE, "Decrypt")), "N-25"),
    (ask(bob_b, grants=grant(BOB, "Decrypt")), "N-26"),
    (ask(alice, at=NOON, grant_tokens=frozenset({"t"}),
         grants=grant(ALICE, "Decrypt", effective_at=LATER, tokens=frozenset({"t"}))), "N-25 N-31"),
    (ask(alice, "kms:ListKeys", nothing(), identity=identity(allow())), "L-40"),
    (ask(root_a, "kms:ListKeys", nothing()), "L-40"),
    (ask(alice, "kms:RetireGrant", subject=grant("x", retiring_principal=ALICE)), "N-50"),
    (ask(alice, "s3:GetObject", BUCKET, identity=identity(allow("*"))), ""),
    (ask(alice, key_policy=key_policy(deny(who="*"))), "L-10 A-4 E-17"),
    (ask(alice, key_policy=key_policy(deny(NotPrincipal={"AWS": A_ROOT}))), "L-10 A-4 E-25"),
    (ask(alice, key_policy=key_policy(deny(NotPrincipal={"AWS": A_ROOT})), boundary=USE),
     "L-10 A-4 E-26"),
    (ask(alice, identity=identity(deny())), "L-10 A-4"),
    (ask(alice), "L-30 A-11"),
    (ask(bob_b, identity=USE), "L-36"),
    (ask(alice, key_policy=key_policy(ROOT)), "L-33"),
    (ask(bob_b), "L-37"),
    (ask(app, key_policy=key_policy(allow(who=APP_ROLE)), boundary=S3_ONLY), "L-32 L-16"),
    (ask(app, key_policy=key_policy(ROOT), identity=USE, session=S3_ONLY), "L-33 L-17"),
    (ask(alice, key_policy=key_policy(allow(who=ALICE)), scps=scps(allow("s3:*"))), "L-12"),
    (ask(alice, key_policy=key_policy(allow(who=ALICE)), endpoint=endpoint(allow("s3:*", "*"))),
     "L-14"),
    (ask(alice, "kms:ListKeys", nothing()), "L-40"),
    (ask(bob_b, "kms:DisableKey"), "K-61"),
    (ask(alice, "kms:ListKeys"), "K-62"),
    (ask(bob_b, "kms:CreateAlias", key(ALIAS)), "L-41"),
    (ask(alice, "kms:CreateAlias", key(ALIAS.replace("/app", "/aws/x"))), "K-64"),
    (ask(alice, "kms:RetireGrant"), "N-50"),
    (ask(root_a, "kms:PutKeyPolicy", key(aws_managed=True)), "K-82"),
    (ask(alice, resource=key(K.replace("arn:aws:", "arn:aws-cn:"))), "A-10"),
    (ask(alice, grants=grant(ALICE, "Decrypt", effective_at=LATER), at=NOON), "L-30 A-11 N-30"),
    (ask(alice, grants=grant(ALICE, "Decrypt", subset={"a": "1"})), "L-30 A-11 N-22"),
    (ask(alice, grants=grant(ALICE, "Encrypt")), "L-30 A-11 N-20"),
    (ask(alice, grants=grant(APP_ROLE, "Decrypt")), "L-30 A-11 N-21"),
    (ask(alice, key_policy=key_policy(
        allow(who=ALICE, when={"StringEquals": {"aws:SourceVpce": "v"}}))), "L-30 A-11 F-5"),
]  # fmt: skip


@pytest.mark.parametrize(("decision", "rules"), RULES)
def test_the_rules_that_decided_are_cited(decision: Decision, rules: str) -> None:
    assert told(decision).rules == tuple(rules.split())


@pytest.mark.parametrize(
    ("operator", "value", "context", "rules"),
    [
        ("StringEquals", "v", {"x:k": "v"}, "F-3 G-1"),
        ("StringNotEquals", "v", {"x:k": "w"}, "F-4 G-1"),
        ("StringNotEquals", "v", {}, "F-5 G-1"),
        ("StringEqualsIfExists", "v", {}, "F-6 G-1"),
        ("StringEqualsIgnoreCase", "v", {"x:k": "V"}, "F-3 G-2"),
        ("StringLike", "v*", {"x:k": "vw"}, "F-3 G-3"),
        ("NumericLessThan", "3", {"x:k": "2"}, "F-3 G-4"),
        ("DateGreaterThan", "2020-01-01", {"x:k": "2021-01-01"}, "F-3 G-5"),
        ("Bool", "true", {"x:k": "true"}, "F-3 G-6"),
        ("BinaryEquals", "QQ==", {"x:k": "QQ=="}, "F-3 G-7"),
        ("IpAddress", "10.0.0.0/8", {"x:k": "10.1.2.3"}, "F-3 G-8"),
        ("ArnLike", "arn:aws:s3:::*", {"x:k": "arn:aws:s3:::b"}, "F-3 G-9"),
        ("Null", "true", {}, "F-7"),
        ("ForAllValues:StringEquals", "v", {"x:k": ("v",)}, "F-11 G-1"),
    ],
)
def test_the_rules_of_deciding_conditions_are_cited(
    operator: str, value: str, context: dict[str, Any], rules: str
) -> None:
    policy = key_policy(allow(who=ALICE, when={operator: {"x:k": value}}))
    decision = ask(alice, key_policy=policy, context=context)

    assert decision.allowed
    assert told(decision).rules == ("L-31", *rules.split())


@pytest.mark.parametrize(
    ("decision", "note"),
    [
        (ask(alice, key_policy=key_policy(deny(who="*"))), "A grant would not help"),
        (ask(alice), "An identity policy alone would not help"),
        (ask(alice, "s3:GetObject", BUCKET), "Not a KMS key: in one account"),
        (ask(alice, key_policy=key_policy(allow(who=ALICE))), None),
        (ask(alice, key_policy=key_policy(ROOT)), None),
        (ask(alice, "kms:ListKeys", nothing()), None),
    ],
)
def test_a_note_says_what_people_try_in_vain(decision: Decision, note: str | None) -> None:
    found = told(decision).note

    assert found is None if note is None else str(found).startswith(note)


def test_the_caller_reads_what_the_service_tells_and_no_more() -> None:
    assert told(ask(alice, key_policy=key_policy(allow(who=ALICE)))).message is None
    message = told(ask(alice, key_policy=key_policy(named("Secret", deny(who="*"))))).message
    assert message is not None
    assert "Secret" not in message
