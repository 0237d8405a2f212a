"""What a decision costs when a key has many statements, or many grants, that do not matter."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

from benchmarks import cases, engine
from benchmarks.cases import ACCOUNT, KEY_ARN, KEY_POLICY, ROLE, DisagreementError, Question
from benchmarks.measure import Pace, Subject, Table, at_most, in_process, race, under
from policy import Documents, Grant, GrantConstraints, Outcome, decide, parse

STATEMENTS, GRANTS = 500, 50_000

Json: TypeAlias = dict[str, Any]
Worlds: TypeAlias = Mapping[str, Documents]


def statements(pace: Pace, count: int = STATEMENTS) -> list[Table]:
    """Measure many statements of other actions, principals and contexts next to five."""
    worlds = {
        "5 statements": cases.documents(),
        f"{count} statements, others of other actions": _with_statements(count, _other_action),
        f"{count} statements, others of other principals": _with_statements(count, _stranger),
        f"{count} statements, others differ in conditions": _with_statements(count, _condition),
    }
    base, actions, principals, _ = worlds
    readings = race(_subjects(worlds, cases.standard(), Outcome.ALLOWED), pace)
    bars = tuple(at_most(2, name, base, readings) for name in (actions, principals))
    note = "(statements that differ in conditions alone could each apply; no bar)"
    return [Table("growth, statements of the key policy", base, readings, bars, (note,))]


def grants(pace: Pace, count: int = GRANTS) -> list[Table]:
    """Measure many grants next to none, where grants do not matter and where they decide."""
    plenty = f"{count:,} grants"
    standard, none = cases.standard(), cases.documents()
    unmet = replace(
        standard,
        action="kms:ReEncryptTo",
        facts=tuple((n, "none" if n.endswith(":project") else v) for n, v in standard.facts),
    )
    mine = _grant(count, ROLE)
    others = tuple(_grant(number, f"app-{number}") for number in range(count))
    elsewhere = tuple(
        replace(_grant(number, ROLE), constraints=GrantConstraints(subset={"id": str(number)}))
        for number in range(count)
    )
    to_others = replace(none, grants=others)
    situations: tuple[tuple[str, Question, Outcome, Worlds], ...] = (
        (
            "the key policy allows",
            standard,
            Outcome.ALLOWED,
            {"no grants": none, f"{plenty} to others": to_others},
        ),
        (
            "nothing allows",
            unmet,
            Outcome.IMPLICITLY_DENIED,
            {
                "no grants": none,
                f"{plenty} to others": to_others,
                f"{plenty} to the caller for other contexts": replace(none, grants=elsewhere),
            },
        ),
        (
            "a grant allows",
            unmet,
            Outcome.ALLOWED,
            {
                "1 grant": replace(none, grants=(mine,)),
                f"that grant among {plenty}": replace(none, grants=(*others, mine)),
            },
        ),
    )
    return [
        *(
            _table(f"growth, grants: {title}", question, outcome, worlds, pace)
            for title, question, outcome, worlds in situations
        ),
        _first({"no grants": none, f"{plenty} to others": to_others}, standard, pace),
    ]


def _first(worlds: Worlds, question: Question, pace: Pace) -> Table:
    asked = engine.request(question, engine.caller(question.caller_arn), engine.key())

    def subject(name: str, documents: Documents) -> Subject:
        return Subject(name, in_process(lambda: engine.first(asked, documents)))

    readings = race([subject(name, documents) for name, documents in worlds.items()], pace)
    return Table("growth, grants: first decision, with compiling", next(iter(worlds)), readings)


def _table(title: str, question: Question, outcome: Outcome, worlds: Worlds, pace: Pace) -> Table:
    base, *grown = worlds
    readings = race(_subjects(worlds, question, outcome), pace)
    bars = tuple(at_most(2, name, base, readings) for name in grown)
    return Table(title, base, readings, under(title, *bars))


def _subjects(worlds: Worlds, question: Question, outcome: Outcome) -> list[Subject]:
    who, what = engine.caller(question.caller_arn), engine.key()

    def subject(name: str, documents: Documents) -> Subject:
        asked = engine.request(question, who, what)
        if decide(asked, documents).outcome is not outcome:
            raise DisagreementError(f"with {name} the question is not {outcome}")

        def run() -> None:
            engine.deciding(engine.request(question, who, what), documents)

        return Subject(name, in_process(run))

    return [subject(name, documents) for name, documents in worlds.items()]


# Statements and grants to add


def _with_statements(count: int, make: Callable[[int], Json]) -> Documents:
    written = json.loads(KEY_POLICY)
    more = count - len(written["Statement"])
    written["Statement"] += (make(number) for number in range(more))
    text = json.dumps(written)
    return replace(cases.documents(), key_policy=parse(text, name="key policy"))


def _statement(number: int, role: str, action: str) -> Json:
    return {
        "Sid": f"More{number}",
        "Effect": "Deny" if number % 2 else "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/{role}"},
        "Action": action,
        "Resource": "*",
        "Condition": {"StringEquals": {"kms:EncryptionContext:number": str(number)}},
    }


def _other_action(number: int) -> Json:
    actions = [name for name in cases.key_actions() if name != "kms:Decrypt"]
    return _statement(number, ROLE, actions[number % len(actions)])


def _stranger(number: int) -> Json:
    return _statement(number, f"app-{number}", "kms:Decrypt")


def _condition(number: int) -> Json:
    return _statement(number, ROLE, "kms:Decrypt")


def _grant(number: int, role: str) -> Grant:
    return Grant(
        id=f"{number:064x}",
        key_arn=KEY_ARN,
        grantee_principal=f"arn:aws:iam::{ACCOUNT}:role/{role}",
        operations=frozenset({"Encrypt", "Decrypt", "GenerateDataKey", "ReEncryptTo"}),
    )
