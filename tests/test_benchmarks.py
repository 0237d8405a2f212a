"""The benchmarks still run and ask what they claim to ask. What they measure decides no test."""

from __future__ import annotations

from collections import Counter

import pytest

from benchmarks import cases, decision, engine
from benchmarks.__main__ import SECTIONS, main
from benchmarks.measure import QUICK, Bar, Pace, Subject, race
from benchmarks.parsing import SIZES, policy_text
from policy import Outcome, decide, parse


class Contrarian:
    """A peer that denies everything."""

    name = "contrarian 1.0"

    def outcomes(self, questions: tuple[cases.Question, ...]) -> list[str]:
        return [Outcome.EXPLICITLY_DENIED] * len(questions)

    def subjects(self, questions: tuple[cases.Question, ...]) -> list[Subject]:
        raise AssertionError("nothing is measured once engines disagree")

    def close(self) -> None:
        """Nothing was started."""


def test_every_section_runs_without_peers(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--quick"]) == 0

    told = capsys.readouterr().out
    for title in (
        "decision, mix of 64",
        "full trace",
        "all 45 actions",
        "compile",
        "parse, 32 KB",
        "core, Encrypt",
        "store,",
        "endpoint, 8 connections, wall time",
        "endpoint, 32 connections, CPU time",
        "endpoint, one client",
        "endpoint, start",
    ):
        assert title in told
    assert set(SECTIONS) == {
        "decision", "trace", "actions", "compile", "statements", "grants", "parse", "core",
        "store", "endpoint",
    }  # fmt: skip


def test_one_section_can_be_chosen(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--quick", "compile"]) == 0

    told = capsys.readouterr().out
    assert "compile, and the first decision" in told
    assert "parse, " not in told


def test_a_section_that_does_not_exist_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["speed"])

    assert "no section is called speed" in capsys.readouterr().err


def test_the_standard_case_is_what_it_claims_to_be() -> None:
    documents, question = cases.documents(), cases.standard()
    asked = engine.request(question, engine.caller(question.caller_arn), engine.key())
    answer = engine.by_reference(asked, documents)

    assert documents.key_policy is not None
    assert documents.scps is not None
    assert len(documents.key_policy.statements) == 5
    assert [len(policy.statements) for policy in documents.identity] == [4]
    assert len(documents.scps) == 1
    assert len(asked.context) == 12
    assert asked.context.encryption_context == {"department": "payroll", "project": "billing-eu"}
    assert answer.allowed


def test_the_mix_is_the_same_every_time_and_has_every_outcome() -> None:
    documents = cases.documents()
    found = Counter(
        decide(engine.request(q, engine.caller(q.caller_arn), engine.key()), documents).outcome
        for q in cases.mix()
    )

    assert cases.mix() == cases.mix()
    assert found.total() == 64
    assert 24 <= found[Outcome.ALLOWED] <= 40
    assert min(found[Outcome.EXPLICITLY_DENIED], found[Outcome.IMPLICITLY_DENIED]) >= 5


def test_an_engine_that_disagrees_stops_the_run_and_the_question_is_named() -> None:
    expected = r"contrarian 1\.0 says ExplicitlyDenied where kmsgate says Allowed: standard, .*"

    with pytest.raises(cases.DisagreementError, match=expected):
        decision.single([Contrarian()], QUICK)


def test_subjects_take_turns_round_by_round() -> None:
    turns: list[str] = []

    def subject(name: str) -> Subject:
        def timer(_: int) -> float:
            turns.append(name)
            return 2.0

        return Subject(name, timer, per_turn=4)

    readings = race([subject("a"), subject("b")], Pace(rounds=3, seconds=0.0))

    assert turns[-6:] == ["a", "b", "a", "b", "a", "b"]
    assert [reading.median for reading in readings] == [0.5, 0.5]


@pytest.mark.parametrize(
    ("ratio", "is_floor", "met"), [(20.0, True, True), (19.0, True, False), (21.0, False, False)]
)
def test_a_bar_is_met_on_its_own_side_of_the_limit(ratio: float, is_floor: bool, met: bool) -> None:
    assert Bar("a claim", ratio, 20, is_floor).met is met


@pytest.mark.parametrize("size", SIZES.values())
def test_the_policies_to_parse_have_the_size_they_are_named_by(size: int) -> None:
    text = policy_text(size)

    assert size - 100 < len(text.encode()) <= size
    assert parse(text).statements
