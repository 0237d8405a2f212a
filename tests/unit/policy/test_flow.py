"""flow(): the way of a decision as a Mermaid flowchart, and names that cannot break it."""

from __future__ import annotations

import datetime as dt
import html
import itertools
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy import Documents, Request, decide
from policy.explanation import Line, Place, Reach, explain
from policy.flow import MAX_LINES, MAX_TEXT, escaped, flow
from policy.near_misses import near_misses
from policy.source import Source, Span
from tests.cast import (
    ALICE,
    APP_ROLE,
    BOB,
    NOON,
    ROOT,
    Json,
    alice,
    allow,
    app,
    bob_b,
    deny,
    documents_of,
    endpoint,
    grant,
    identity,
    key_policy,
    nothing,
    request,
    root_a,
    scps,
)
from tests.worlds import world

USE = identity({"Sid": "Use", **allow("kms:Decrypt")}, name="use")
S3_ONLY = identity(allow("s3:*"), name="s3")
MERMAID_LIMIT = 50_000

_ID = r"(?:ask|answer|stage[1-4](?:_(?:[1-4]|rest))?)"
_TEXT = r"(?:[A-Za-z0-9 /,]|#[0-9]+;|<br/>)+"
GRAMMAR = re.compile(
    rf"flowchart TD\n"
    rf"(?:  (?:{_ID}(?:\[\"{_TEXT}\"\]|\(\[\"{_TEXT}\"\]\))"
    rf"|{_ID} --- {_ID}|{_ID} (?:==>|-\.->)(?:\|\"[a-z ]+\"\|)? {_ID}"
    rf"|classDef [a-z]+ [a-z0-9#:,. -]+|class [a-z0-9_,]+ [a-z]+)\n)+"
)
"""A part of Mermaid's grammar, in which nothing but labels can hold what users wrote."""


EXPLICIT_DENY = """\
flowchart TD
  ask(["role/app asks kms:Decrypt on key/1234abcd-12ab-34cd-56ef-1234567890ab"])
  stage1["1 explicit deny anywhere?<br/>yes, stops here<br/>decided here"]
  stage1_1["key_policy Net<br/>Deny, applies<br/>decides<br/>key policy line 1"]
  stage1 --- stage1_1
  stage2["2 guardrails<br/>scp, rcp, vpce: none apply<br/>not needed"]
  stage3["3 offers<br/>(not needed any more; shown for learning)<br/>not needed"]
  stage3_1["key_policy Iam<br/>ACCOUNT, delegation; identity policies would have to allow<br/>key policy line 1"]
  stage3 --- stage3_1
  stage3_2["key_policy App<br/>ROLE_BOUND, all three elements match<br/>key policy line 1"]
  stage3 --- stage3_2
  stage4["4 caller's side<br/>identity, boundary, session: none<br/>not needed"]
  answer(["DENIED explicitly by the key policy, statement Net"])
  ask ==> stage1
  stage1 ==>|"denied"| answer
  stage1 -.->|"not needed"| stage2
  stage2 -.->|"not needed"| stage3
  stage3 -.->|"not needed"| stage4
  classDef denied fill:#fde7e4,stroke:#a4241a,stroke-width:3px,color:#55100a
  class stage1_1,answer denied
  classDef taken fill:#e4edfb,stroke:#1f4f99,stroke-width:2px,color:#0c2448
  class ask,stage1 taken
  classDef skipped fill:#f3f3f3,stroke:#767676,stroke-dasharray:5 4,color:#4a4a4a
  class stage2,stage3,stage3_1,stage3_2,stage4 skipped
"""  # noqa: E501


def named(sid: str, statement: Json) -> Json:
    return {"Sid": sid, **statement}


def drawn(asked: Request, documents: Documents) -> str:
    decision = decide(asked, documents)
    return flow(explain(decision, near_misses=near_misses(decision, documents)))


def read(chart: str) -> str:
    """Return the chart as it is shown: the codes as what they stand for."""
    return html.unescape(re.sub(r"#([0-9]+);", r"&#\1;", chart))


def test_a_denial_is_drawn_with_its_way_and_its_words() -> None:
    policy = key_policy(
        named("Net", deny(who="*", when={"StringNotEquals": {"aws:SourceVpce": "v-1"}})),
        named("Iam", ROOT),
        named("App", allow("kms:Decrypt", APP_ROLE)),
    )

    assert read(drawn(request(app), documents_of(key_policy=policy))) == EXPLICIT_DENY


def test_a_near_miss_is_drawn_with_what_failed() -> None:
    policy = key_policy(named("When", allow(who=ALICE, when={"Null": {"x:k": "false"}})))
    chart = read(drawn(request(alice), documents_of(key_policy=policy)))

    assert (
        'stage3_1["key_policy When<br/>near miss<br/>condition, Null x:k: request has no such key, '
        'policy has false; x would match<br/>key policy line 1"]'
    ) in chart
    assert "class stage3_1 near" in chart


def test_others_are_counted() -> None:
    policy = key_policy(
        *(named(f"Near{n}", allow("kms:Sign", ALICE)) for n in range(9)),
        *(named(f"Deny{n}", deny("kms:Sign", "*")) for n in range(5)),
    )
    chart = drawn(request(alice), documents_of(key_policy=policy))

    assert 'stage1_rest["5 looked at, no match"]' in chart
    assert 'stage3_rest["6 more, no match"]' in chart
    many = key_policy(*(named(f"S{n}", allow(who=ALICE)) for n in range(9)))
    chart = drawn(request(alice), documents_of(key_policy=many))
    assert f'stage3_rest["{9 - MAX_LINES} more"]' in chart


# The way

PASSED, DECIDED, SKIPPED = Reach.PASSED, Reach.DECIDED, Reach.SKIPPED
WAYS: list[tuple[Request, Documents, str]] = [
    (request(alice), documents_of(key_policy=key_policy(allow(who=ALICE))), "1 2 3"),
    (request(app), documents_of(key_policy=key_policy(allow(who=APP_ROLE))), "1 2 3 4"),
    (request(alice), documents_of(key_policy=key_policy(ROOT), identity=USE), "1 2 3 4"),
    (request(bob_b), documents_of(key_policy=key_policy(allow(who=BOB)), identity=USE), "1 2 3 4"),
    (request(alice), documents_of(grants=grant(ALICE, "Decrypt")), "1 2 3"),
    (request(app), documents_of(grants=grant(APP_ROLE, "Decrypt")), "1 2 3 4"),
    (request(bob_b), documents_of(grants=grant(BOB, "Decrypt")), "1 2 3 4"),
    (request(alice, "kms:ListKeys", nothing()), documents_of(identity=identity(allow())), "1 2 4"),
    (request(root_a, "kms:ListKeys", nothing()), documents_of(), "1 2 4"),
    (request(alice), documents_of(key_policy=key_policy(deny(who="*"))), "1"),
    (request(alice), documents_of(scps=scps(allow("s3:*"))), "1 2"),
    (request(alice), documents_of(endpoint=endpoint(allow("s3:*", "*"))), "1 2"),
    (request(alice), documents_of(), "1 2 3"),
    (request(alice), documents_of(key_policy=key_policy(ROOT)), "1 2 3 4"),
    (request(app), documents_of(key_policy=key_policy(allow(who=APP_ROLE)), boundary=S3_ONLY),
     "1 2 3 4"),
    (request(alice, "kms:ListKeys", nothing()), documents_of(), "1 2 4"),
    (request(bob_b, "kms:DisableKey"), documents_of(), ""),
]  # fmt: skip


@pytest.mark.parametrize(("asked", "documents", "way"), WAYS)
def test_the_way_leads_from_the_question_to_the_answer(
    asked: Request, documents: Documents, way: str
) -> None:
    decision = decide(asked, documents)
    told = explain(decision)
    arrows = re.findall(r"^  (\w+) ==>(?:\|\"([a-z ]+)\"\|)? (\w+)$", flow(told), re.MULTILINE)
    stops = ["ask", *(f"stage{number}" for number in way.split()), "answer"]

    assert [(before, after) for before, _, after in arrows] == list(itertools.pairwise(stops))
    outcome = "allowed" if decision.allowed else "denied" if way else "refused by the service"
    assert arrows[-1][1] == outcome
    reached = [stage.reach for stage in told.stages if stage.reach is not SKIPPED]
    assert reached == [PASSED] * (len(reached) - 1) + [DECIDED] * bool(reached)


# Hostile texts

ODD = st.text(max_size=40) | st.sampled_from(
    [
        '"]; click ask "javascript:x"', "end", "%%{init: {}}%%", "`**x**`", "1. x", "- x", "&lt;",
        "#quot;", "#35;", "<script>x</script>", "A-->B", "style x: a#b;", "classDef x: fill#a;",
        "\u202e", "\ud800", "😀" * 500, "x" * 5000, "\n---\n", "|a|", "{{x}}", "ﬂ°°34¶ß", "",
    ]
)  # fmt: skip


@given(ODD)
def test_a_label_is_plain_and_says_the_same(text: str) -> None:
    label = escaped(text)

    assert re.fullmatch(rf"(?:{_TEXT})?", label)
    shown = read(label)
    assert len(shown) <= MAX_TEXT
    if len(" ".join(text.split())) < MAX_TEXT and text.isprintable():
        assert shown == " ".join(text.split())


@given(ODD, ODD, ODD)
def test_no_name_breaks_a_chart(sid: str, grant_name: str, value: str) -> None:
    statements = [
        named(sid, deny(who="*", when={"StringEquals": {f"x:{value}": value}})),
        named(sid, allow("kms:*", APP_ROLE, when={"StringEquals": {"x:k": value}})),
        *[named(sid, allow(value or "kms:Sign", ALICE))] * 6,
    ]
    if any("\ud800" <= sign <= "\udfff" for sign in sid + value):
        return  # no JSON text holds it
    granted = replace(grant(ALICE, "Sign", effective_at=NOON + dt.timedelta(1)), name=grant_name)
    documents = documents_of(
        key_policy=key_policy(*statements),
        identity=(identity(named(sid, allow("s3:*")), name=value or "i"),) * 5,
        grants=(granted,) * 7,
    )
    chart = drawn(request(app, at=NOON, context={"x:k": "?"}), documents)

    assert GRAMMAR.fullmatch(chart)
    assert len(chart) < MERMAID_LIMIT


def test_the_largest_chart_is_within_what_mermaid_reads() -> None:
    """Every label is full, and every sign takes a code of nine characters."""
    odd = "\N{GRINNING FACE}" * 500
    place = Place(Source(odd, odd), Span(0, 1))
    failed = (Line((odd, odd), matched=False), Line((odd, odd), matched=False))
    near = Line((odd, odd, odd, odd), False, place, failed, is_open=True)
    told = explain(decide(request(alice), documents_of()))
    stages = tuple(
        replace(stage, title=odd, verdict=odd, lines=(near,) * 9) for stage in told.stages
    )
    chart = flow(replace(told, headline=odd, question=odd, stages=stages))

    assert GRAMMAR.fullmatch(chart)
    assert MERMAID_LIMIT / 2 < len(chart) < MERMAID_LIMIT


@pytest.mark.parametrize("seed", range(60))
def test_every_world_can_be_drawn(seed: int) -> None:
    chart = drawn(world(seed).request, world(seed).documents)
    nodes = set(re.findall(r"^  (\w+)[\[(]", chart, re.MULTILINE))
    ends = re.findall(r"^  (\w+) (?:---|==>|-\.->)(?:\|[^|]*\|)? (\w+)$", chart, re.MULTILINE)

    assert GRAMMAR.fullmatch(chart)
    assert {name for pair in ends for name in pair} == nodes
    classed = ",".join(re.findall(r"^  class (\S+) ", chart, re.MULTILINE)).split(",")
    assert sorted(classed) == sorted(nodes)
