"""What would make a denied request allowed: tried, in order, and never more than was tried."""

from __future__ import annotations

import datetime as dt
import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy import Decision, Documents, Layer, Outcome, Principal, Request, Resource, decide
from policy.edits import without
from policy.explanation import explain
from policy.remedies import MAX_REMEDIES, MAX_TRIES, remedies
from policy.request import PrincipalKind, Values
from tests.cast import (
    A_ROOT,
    ALICE,
    APP_ROLE,
    BOB,
    NOON,
    ROOT,
    A,
    Json,
    alice,
    allow,
    anonymous,
    app,
    arn,
    bob_b,
    deny,
    documents_of,
    endpoint,
    fed,
    grant,
    identity,
    key_policy,
    logs,
    nothing,
    rcps,
    request,
    root_a,
    scps,
)
from tests.worlds import World, world

LATER = NOON + dt.timedelta(minutes=5)
USE = identity(allow("kms:Decrypt"), name="use")
S3_ONLY = identity(allow("s3:*"), name="s3")
PAIR = "kms:EncryptionContext:"
BUCKET = Resource(arn("arn:aws:s3:::b/o"), A)


def named(sid: str, statement: Json) -> Json:
    return {"Sid": sid, **statement}


def when(operator: str, key: str, value: object) -> Json:
    return {operator: {key: value}}


def tried(asked: Request, documents: Documents) -> list[tuple[str, str]]:
    return [(found.change, found.result) for found in remedies(asked, documents)]


NAME_ALICE = "name user/alice in a statement of the key policy that allows kms:Decrypt"
NAME_APP = "name role/app in a statement of the key policy that allows kms:Decrypt"
DELEGATE = "let the key policy delegate kms:Decrypt to account 111122223333"
ALLOW_ALICE = "allow kms:Decrypt in an identity policy of user/alice"

FROM_OUTSIDE = key_policy(
    named("Outside", deny(who="*", when=when("StringNotEquals", "aws:SourceVpce", "v-1"))),
    named("App", allow("kms:Decrypt", APP_ROLE)),
)
CASES: list[tuple[Request, Documents, list[tuple[str, str]]]] = [
    # a Deny with a way around it, and one without
    (
        request(app, context={"aws:SourceVpce": "v-2"}),
        documents_of(key_policy=FROM_OUTSIDE),
        [
            ("send the request through v-1", "allowed, key_policy:role by App"),
            ("drop statement Outside", "allowed, key_policy:role by App"),
        ],
    ),
    (
        request(alice),
        documents_of(
            key_policy=key_policy(named("Iam", ROOT), named("No", deny(who="*"))),
            identity=identity(named("Nor", deny()), named("Use", allow())),
        ),
        [("drop statements No and Nor", "allowed, key_policy:account+identity by Iam, Use")],
    ),
    (
        request(alice),
        documents_of(key_policy=key_policy(named("No", deny(who="*")))),
        [(f"drop statement No and {NAME_ALICE}", "allowed, key_policy:direct")],
    ),
    # nothing offers
    (
        request(alice),
        documents_of(identity=identity(named("Use", allow()))),
        [
            (NAME_ALICE, "allowed, key_policy:direct"),
            ("create a grant of Decrypt for user/alice", "allowed, grant"),
            (DELEGATE, "allowed, key_policy:account+identity by Use"),
        ],
    ),
    (
        request(alice),
        documents_of(),
        [
            (NAME_ALICE, "allowed, key_policy:direct"),
            ("create a grant of Decrypt for user/alice", "allowed, grant"),
            (f"{DELEGATE} and {ALLOW_ALICE}", "allowed, key_policy:account+identity"),
        ],
    ),
    # an offer, and nothing on the caller's side
    (
        request(alice),
        documents_of(key_policy=key_policy(named("Iam", ROOT))),
        [
            (ALLOW_ALICE, "allowed, key_policy:account+identity by Iam"),
            (NAME_ALICE, "allowed, key_policy:direct"),
            ("create a grant of Decrypt for user/alice", "allowed, grant"),
        ],
    ),
    (
        request(bob_b),
        documents_of(key_policy=key_policy(named("Bob", allow(who=BOB)))),
        [
            (
                "allow kms:Decrypt in an identity policy of user/bob",
                "allowed, key_policy:cross_account+identity by Bob",
            ),
            ("create a grant of Decrypt for user/bob", "allowed, grant"),
        ],
    ),
    (
        request(app),
        documents_of(key_policy=key_policy(named("App", allow(who=APP_ROLE))), boundary=S3_ONLY),
        [("allow kms:Decrypt in the permissions boundary", "allowed, key_policy:role by App")],
    ),
    (
        request(fed),
        documents_of(key_policy=key_policy(named("Iam", ROOT)), identity=USE),
        [
            (
                "allow kms:Decrypt in a session policy",
                "allowed, key_policy:account+identity by Iam, use[0]",
            )
        ],
    ),
    # guardrails
    (
        request(alice),
        documents_of(
            key_policy=key_policy(named("Alice", allow(who=ALICE))),
            scps=scps(allow("*"), allow("s3:*"), []),
        ),
        [("allow kms:Decrypt in an SCP at level-1 and level-2",
          "allowed, key_policy:direct by Alice")],
    ),
    (
        request(alice),
        documents_of(
            key_policy=key_policy(named("Alice", allow(who=ALICE))),
            endpoint=endpoint(allow("s3:*", "*")),
        ),
        [("allow kms:Decrypt in the VPC endpoint policy", "allowed, key_policy:direct by Alice")],
    ),
    (
        request(alice),
        documents_of(
            key_policy=key_policy(named("Alice", allow(who=ALICE))),
            rcps=rcps(named("Org", deny("kms:*", "*"))),
        ),
        [("drop statement Org", "allowed, key_policy:direct by Alice")],
    ),
    # grants that lack one thing
    (
        request(alice, at=NOON),
        documents_of(grants=grant(ALICE, "Decrypt", name="job", effective_at=LATER,
                                  tokens=frozenset({"t"}))),
        [
            ("send the grant token of job", "allowed, grant by job"),
            ("wait until 2026-03-01T12:05:00Z", "allowed, grant by job"),
            (NAME_ALICE, "allowed, key_policy:direct"),
            ("create a grant of Decrypt for user/alice", "allowed, grant"),
            (f"{DELEGATE} and {ALLOW_ALICE}", "allowed, key_policy:account+identity"),
        ],
    ),
    (
        request(alice, context={f"{PAIR}b": "2", "kms:EncryptionContextKeys": ("b",)}),
        documents_of(grants=grant(ALICE, "Decrypt", name="job", subset={"a": "1"})),
        [
            ("send the encryption context a = 1", "allowed, grant by job"),
            (NAME_ALICE, "allowed, key_policy:direct"),
            ("create a grant of Decrypt for user/alice", "allowed, grant"),
            (f"{DELEGATE} and {ALLOW_ALICE}", "allowed, key_policy:account+identity"),
        ],
    ),
    # conditions that fail
    (
        request(app),
        documents_of(key_policy=key_policy(
            named("App", allow(who=APP_ROLE, when={
                **when("StringEquals", "kms:ViaService", ["s3.eu.amazonaws.com", "x"]),
                **when("Bool", "aws:SecureTransport", "true"),
            })))),
        [
            ("let s3.eu.amazonaws.com send the request and send the request with TLS = true",
             "allowed, key_policy:role by App"),
            (NAME_APP, "allowed, key_policy:role"),
            ("create a grant of Decrypt for role/app", "allowed, grant"),
            (f"{DELEGATE} and allow kms:Decrypt in an identity policy of role/app",
             "allowed, key_policy:account+identity"),
        ],
    ),
    # others
    (
        request(logs),
        documents_of(),
        [(f"name {logs} in a statement of the key policy that allows kms:Decrypt",
          "allowed, key_policy:service_principal")],
    ),
    (
        request(root_a, "kms:PutKeyPolicy"),
        documents_of(),
        [("name root in a statement of the key policy that allows kms:PutKeyPolicy",
          "allowed, key_policy:direct")],
    ),
    (
        request(alice, "kms:ListKeys", nothing()),
        documents_of(),
        [("allow kms:ListKeys in an identity policy of user/alice", "allowed, identity")],
    ),
    (
        request(alice, "s3:GetObject", BUCKET),
        documents_of(),
        [
            ("allow s3:GetObject in an identity policy of user/alice", "allowed, identity"),
            ("name user/alice in a statement of the resource policy that allows s3:GetObject",
             "allowed, key_policy:direct"),
        ],
    ),
    (request(anonymous), documents_of(), []),
    (request(bob_b, "kms:DisableKey"), documents_of(), []),
    (request(alice), documents_of(key_policy=key_policy(allow(who=ALICE))), []),
]  # fmt: skip


@pytest.mark.parametrize(("asked", "documents", "expected"), CASES)
def test_the_smallest_changes_come_first(
    asked: Request, documents: Documents, expected: list[tuple[str, str]]
) -> None:
    assert tried(asked, documents) == expected


@pytest.mark.parametrize(("asked", "documents", "_expected"), CASES)
def test_every_remedy_was_decided_and_is_allowed(
    asked: Request, documents: Documents, _expected: object
) -> None:
    found = remedies(asked, documents)

    assert all(remedy.decision.allowed for remedy in found)
    assert not found or not decide(asked, documents).allowed
    assert len({remedy.change for remedy in found}) == len(found) <= MAX_REMEDIES


def test_what_a_change_does_not_need_is_left_out() -> None:
    """Delegation helps, but only together with a change that is enough alone."""
    documents = documents_of(key_policy=key_policy(ROOT))
    changes = [change for change, _ in tried(request(alice), documents)]

    assert ALLOW_ALICE in changes
    assert not [change for change in changes if DELEGATE in change]


def test_nothing_is_suggested_that_another_deny_undoes() -> None:
    """Each Deny alone can be avoided, but not both at once with one value."""
    policy = key_policy(
        named("One", deny(who="*", when=when("StringNotEquals", "aws:SourceVpce", "v-1"))),
        named("Two", deny(who="*", when=when("StringEquals", "aws:SourceVpce", "v-1"))),
        named("App", allow(who=APP_ROLE)),
    )
    asked = request(app, context={"aws:SourceVpce": "v-2"})

    assert tried(asked, documents_of(key_policy=policy)) == [
        ("drop statement One", "allowed, key_policy:role by App")
    ]


def test_one_policy_at_two_levels_is_changed_at_both() -> None:
    (level,) = scps([named("Full", allow("*")), named("No", deny("kms:*"))])
    documents = documents_of(
        key_policy=key_policy(named("Alice", allow(who=ALICE))),
        scps=(level, replace(level, target="level-1")),
    )

    assert tried(request(alice), documents)[0] == (
        "drop statement No",
        "allowed, key_policy:direct by Alice",
    )


def test_a_request_of_unknown_time_may_wait_as_well() -> None:
    late = grant(ALICE, "Decrypt", name="job", effective_at=LATER.replace(microsecond=1))
    changes = [change for change, _ in tried(request(alice), documents_of(grants=late))]

    assert changes[0] == "wait until 2026-03-01T12:05:01Z"


def test_a_grant_that_wants_exactly_one_context_says_so() -> None:
    narrow = grant(ALICE, "Decrypt", name="job", equals={"b": "2", "a": "1"})
    asked = request(alice, context={"kms:EncryptionContext:c": "3"})

    assert tried(asked, documents_of(grants=narrow))[0] == (
        "send only the encryption context a = 1, b = 2",
        "allowed, grant by job",
    )


def test_facts_about_the_caller_are_not_to_be_changed() -> None:
    """Whoever asks as somebody else is another caller."""
    condition = when("StringEquals", "aws:PrincipalOrgID", "o-1")
    policy = key_policy(allow(who=ALICE, when=condition))

    assert tried(request(alice), documents_of(key_policy=policy))[0][0] == NAME_ALICE


def test_of_several_listed_values_one_is_proposed_that_no_other_condition_forbids() -> None:
    both = {
        "StringEquals": {"aws:SourceVpce": ["v-1", "v-2"]},
        "StringNotEquals": {"aws:SourceVpce": "v-1"},
    }
    documents = documents_of(key_policy=key_policy(named("App", allow(who=APP_ROLE, when=both))))

    assert tried(request(app), documents)[0] == (
        "send the request through v-2",
        "allowed, key_policy:role by App",
    )


def test_two_denies_are_escaped_with_one_request_if_that_is_possible() -> None:
    policy = key_policy(
        named("Net", deny(who="*", when=when("StringNotEquals", "aws:SourceVpce", "v-1"))),
        named("Tls", deny(who="*", when=when("Bool", "aws:SecureTransport", "false"))),
        named("App", allow(who=APP_ROLE)),
    )
    asked = request(app, context={"aws:SecureTransport": "false"})

    assert tried(asked, documents_of(key_policy=policy))[0] == (
        "send the request through v-1 and send the request with TLS = true",
        "allowed, key_policy:role by App",
    )


def test_another_request_may_need_another_policy_as_well() -> None:
    policy = key_policy(
        named("Iam", {**ROOT, "Condition": when("StringEquals", "aws:SourceVpce", "v-1")})
    )

    assert (
        f"send the request through v-1 and {ALLOW_ALICE}",
        "allowed, key_policy:account+identity by Iam",
    ) in tried(request(alice), documents_of(key_policy=policy))


def test_a_change_that_moves_nothing_is_not_part_of_a_remedy() -> None:
    """AUTH E-20: the name stands for a user who is gone; the grant is for whoever has it now."""
    policy = key_policy(named("No", deny(who="*")))
    documents = documents_of(key_policy=policy, bound_ids={ALICE: "AIDAGONE"})

    assert tried(request(alice), documents) == [
        ("drop statement No and create a grant of Decrypt for user/alice", "allowed, grant")
    ]


def test_the_search_ends_however_many_statements_there_are() -> None:
    unmet = {
        "StringEquals": {f"x:{i}": ["a", "b", "c"] for i in range(5)},
        "StringLike": {"x:0": "z"},
    }
    many = [named(f"S{n}", allow(who=APP_ROLE, when=unmet)) for n in range(200)]
    decided = 0

    def counting(asked: Request, documents: Documents) -> Decision:
        nonlocal decided
        decided += 1
        return decide(asked, documents)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("policy.remedies.decide", counting)
        remedies(request(app), documents_of(key_policy=key_policy(*many)))

    assert decided <= 2 * MAX_TRIES + 1


# Laws

CONDITIONS: list[Json | None] = [
    None,
    when("StringEquals", "aws:SourceVpce", ["v-1", "v-*"]),
    when("StringNotLikeIfExists", "aws:SourceVpce", "v-*"),
    when("ForAllValues:StringEquals", "kms:EncryptionContextKeys", ["a"]),
    when("StringEquals", "kms:EncryptionContext:a", "${aws:PrincipalAccount}"),
    when("Null", "aws:SourceVpce", "true"),
    when("NumericLessThan", "kms:RotationPeriodInDays", "90"),
]
PEOPLE = ["*", ALICE, APP_ROLE, A_ROOT, BOB, {"Service": str(logs)}]


@st.composite
def statements(draw: st.DrawFn, *, names_principals: bool) -> list[Json]:
    """Return statements of one policy, few enough to be near misses often."""
    found = []
    for number in range(draw(st.integers(1, 3))):
        make = draw(st.sampled_from([allow, allow, deny]))
        action = draw(st.sampled_from(["kms:*", "kms:Decrypt", "kms:Sign", "*"]))
        who = draw(st.sampled_from(PEOPLE)) if names_principals else None
        made = make(action, who, when=draw(st.sampled_from(CONDITIONS)))
        found.append(named(f"S{number}", made))
    return found


@st.composite
def worlds(draw: st.DrawFn) -> Documents:
    mine = statements(names_principals=False)
    boundary, session = draw(st.none() | mine), draw(st.none() | mine)
    levels = draw(st.none() | st.lists(mine, min_size=1, max_size=2))
    delayed = st.sampled_from([None, LATER])
    return documents_of(
        key_policy=key_policy(*draw(statements(names_principals=True))),
        identity=identity(*draw(mine)),
        boundary=None if boundary is None else identity(*boundary, name="boundary"),
        session=None if session is None else identity(*session, name="session"),
        scps=None if levels is None else scps(*levels),
        grants=grant(draw(st.sampled_from([ALICE, APP_ROLE, BOB])), "Decrypt",
                     effective_at=draw(delayed), tokens=frozenset({"t"}),
                     subset=draw(st.sampled_from([None, {"a": "1"}]))),
    )  # fmt: skip


@given(
    worlds(),
    st.sampled_from([alice, app, fed, bob_b, root_a, logs, anonymous]),
    st.sampled_from([{}, {"aws:SourceVpce": "v-2"}, {"kms:EncryptionContextKeys": ("b",)}]),
)
def test_in_any_world_what_is_suggested_helps(
    documents: Documents, caller: Principal, context: dict[str, Values]
) -> None:
    asked = request(caller, context=context, at=NOON)
    decision = decide(asked, documents)
    found = remedies(asked, documents)
    told = explain(decision, found)

    assert all(remedy.decision.allowed for remedy in found)
    assert bool(found) <= (not decision.allowed)
    assert len(told.stages) == 4
    assert told.headline.startswith("ALLOWED" if decision.allowed else "DENIED")


def denied_worlds(count: int) -> Iterator[World]:
    """Yield the first worlds in which somebody is denied."""
    denied = (
        w for w in map(world, itertools.count()) if not decide(w.request, w.documents).allowed
    )
    return itertools.islice(denied, count)


def is_hopeless(asked: Request, documents: Documents) -> bool:
    """Whether no change to request or policies could help this caller.

    The service refuses by itself, if need be once no deny is in the way; it alone says who retires
    a grant (AUTH N-50); services and anonymous callers have no policies of their own, and nobody
    should be told to let everyone in.
    """
    denying = [trace for result in decide(asked, documents).layers for trace in result.denying]
    undenied = decide(asked, without(documents, denying))
    retires = asked.action.lower() == "kms:retiregrant"
    return undenied.layer is Layer.SERVICE or retires or asked.principal.kind in (
        PrincipalKind.SERVICE, PrincipalKind.ANONYMOUS,
    )  # fmt: skip


def test_every_denial_of_generated_worlds_has_remedies_that_hold_when_decided_again() -> None:
    counts: Counter[tuple[Outcome, Layer]] = Counter()
    for given_world in denied_worlds(300):
        asked, documents = given_world.request, given_world.documents
        decision, found = decide(asked, documents), remedies(asked, documents)

        assert all(decide(remedy.request, remedy.documents).allowed for remedy in found)
        assert all(remedy.request.principal == asked.principal for remedy in found)
        assert found or is_hopeless(asked, documents), given_world.seed
        counts[decision.outcome, decision.layer] += bool(found)

    explicit, implicit = Outcome.EXPLICITLY_DENIED, Outcome.IMPLICITLY_DENIED
    swept = (Layer.SCP, Layer.RCP, Layer.ENDPOINT, Layer.KEY_POLICY, Layer.IDENTITY,
             Layer.BOUNDARY, Layer.SESSION)  # fmt: skip
    assert all(counts[explicit, layer] for layer in swept)
    assert all(counts[implicit, layer] for layer in swept if layer is not Layer.RCP)
