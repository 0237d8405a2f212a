"""One decision next to the peers, with its full trace, for all actions at once, and compiling."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from benchmarks import cases, engine
from benchmarks.cases import Question
from benchmarks.engine import Ask
from benchmarks.measure import (
    Bar,
    Pace,
    Reading,
    Subject,
    Table,
    at_least,
    at_most,
    in_process,
    race,
    under,
)
from benchmarks.peers import Peer
from policy import Context, Principal, Request, decide

RAW = "kmsgate, raw request"
FROM_ARNS = "kmsgate, raw, caller and key from ARNs"
WITH_TRACE = "kmsgate, raw request, full trace"
PREPARED = "kmsgate, prepared request"
REFERENCE = "kmsgate, reference evaluator"
CEDAR_RAW, CEDAR_READY = "cedarpy, context as a dict", "cedarpy, context as JSON"
TOO_NEW = frozenset({"kms:Encapsulate", "kms:Decapsulate"})
"""Actions that iam-simulate has not heard of."""
SIMULATE = "iam-simulate, runSimulation"


def agree(peers: Sequence[Peer], questions: Sequence[Question]) -> None:
    """Have all engines answer all questions; raises DisagreementError at the first other answer."""
    who, what = _callers(questions), engine.key()
    documents = cases.documents()
    requests = [engine.request(q, who[q.session], what) for q in questions]
    wanted = [engine.by_reference(request, documents).outcome for request in requests]
    mine = [decide(request, documents).outcome for request in requests]
    cases.check_agreement("the fast evaluator", questions, wanted, mine)
    for peer in peers:
        cases.check_agreement(peer.name, questions, wanted, peer.outcomes(questions))


def single(peers: Sequence[Peer], pace: Pace) -> list[Table]:
    """Measure the standard case and the mix."""
    tables = []
    situations = {"standard case": (cases.standard(),), "mix of 64": cases.mix()}
    agree(peers, [question for asked in situations.values() for question in asked])
    for situation, questions in situations.items():
        title = f"decision, {situation}"
        subjects = [*_own(questions), *(s for peer in peers for s in peer.subjects(questions))]
        readings = race(subjects, pace)
        allowed = sum(map(_is_allowed, questions))
        note = f"{len(questions)} asked, {allowed} allowed; all engines agree"
        tables.append(Table(title, RAW, readings, _bars(title, readings), (note,)))
    return tables


def _is_allowed(question: Question) -> bool:
    asked = engine.request(question, engine.caller(question.caller_arn), engine.key())
    return decide(asked, cases.documents()).allowed


def _bars(title: str, readings: Sequence[Reading]) -> tuple[Bar, ...]:
    found = (
        *at_least(20, CEDAR_RAW, RAW, readings),
        *at_least(50, CEDAR_READY, PREPARED, readings),
        *at_least(100, SIMULATE, RAW, readings),
    )
    return under(title, *found)


def _callers(questions: Sequence[Question]) -> dict[str, Principal]:
    return {q.session: engine.caller(q.caller_arn) for q in questions}


def _own(questions: Sequence[Question]) -> list[Subject]:
    documents = cases.documents()

    def from_arns() -> None:
        for question in questions:
            who = engine.caller(question.caller_arn)
            _ = decide(engine.request(question, who, engine.key()), documents).deciding

    who, what = _callers(questions), engine.key()
    requests = [engine.request(q, who[q.session], what) for q in questions]

    def prepared() -> None:
        for request in requests:
            _ = decide(request, documents).deciding

    runs = {
        RAW: _run(questions, engine.deciding),
        FROM_ARNS: from_arns,
        PREPARED: prepared,
        REFERENCE: _run(questions, engine.by_reference),
    }
    return [Subject(name, in_process(run), len(questions)) for name, run in runs.items()]


def _run(questions: Sequence[Question], ask: Ask) -> Callable[[], None]:
    """Return one turn over raw requests, for which callers and the key are at hand."""
    who, what = _callers(questions), engine.key()
    documents = cases.documents()

    def run() -> None:
        for question in questions:
            ask(engine.request(question, who[question.session], what), documents)

    return run


def trace(pace: Pace) -> list[Table]:
    """Measure the full trace next to the decision alone."""
    tables = []
    situations = {"standard case": (cases.standard(),), "mix of 64": cases.mix()}
    for situation, questions in situations.items():
        title = f"full trace, {situation}"
        readings = race(_traced(questions), pace)
        bar = at_most(5, WITH_TRACE, RAW, readings)
        tables.append(Table(title, RAW, readings, under(title, bar)))
    return tables


def _traced(questions: Sequence[Question]) -> list[Subject]:
    ways: dict[str, Ask] = {
        RAW: engine.deciding,
        WITH_TRACE: engine.traced,
        REFERENCE: engine.by_reference,
    }
    return [
        Subject(name, in_process(_run(questions, ask)), len(questions))
        for name, ask in ways.items()
    ]


def every_action(peers: Sequence[Peer], pace: Pace) -> list[Table]:
    """Measure what one caller may do with one key: all actions, one context."""
    start = cases.standard()
    known = [action for action in cases.key_actions() if action not in TOO_NEW]
    questions = tuple(replace(start, name=action, action=action) for action in known)
    agree(peers, questions)
    documents, what = cases.documents(), engine.key()
    who = engine.caller(start.caller_arn)

    def run() -> None:
        context = Context(dict(start.facts))
        for question in questions:
            _ = decide(Request(who, question.action, what, context), documents).deciding

    requests = [engine.request(question, who, what) for question in questions]

    def prepared() -> None:
        for request in requests:
            _ = decide(request, documents).deciding

    own = "kmsgate, one context"
    subjects = [
        Subject(own, in_process(run)),
        Subject(PREPARED, in_process(prepared)),
        *(replace(s, per_turn=1) for peer in peers for s in peer.subjects(questions)),
    ]
    title = f"all {len(questions)} actions on a key for one caller (time of all together)"
    return [Table(title, own, race(subjects, pace))]


def compiling(pace: Pace) -> list[Table]:
    """Measure the first decision over documents that were just read, which compiles them."""
    documents, question = cases.documents(), cases.standard()
    asked = engine.request(question, engine.caller(question.caller_arn), engine.key())
    subjects = [
        Subject("a later decision, same request", in_process(lambda: decide(asked, documents))),
        Subject(
            "compile, and the first decision", in_process(lambda: engine.first(asked, documents))
        ),
        Subject("parse the three documents", in_process(cases.documents.__wrapped__)),
    ]
    return [Table("compile, 5 + 4 + 2 statements", subjects[0].name, race(subjects, pace))]
