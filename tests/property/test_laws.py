"""Laws of the decision, tried on many worlds (AUTH A-4, A-7, B-9, B-13, C-1, F-11, Z-3)."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from policy import Layer, Outcome, PrincipalKind
from policy.decision import AllowPath, Decision, StatementTrace
from policy.request import Values
from tests.cast import Json, alice, allow, ask, key_policy
from tests.strategies import (
    CONDITION_VALUES,
    CONTEXT_VALUES,
    CONTEXTS,
    LAYERS,
    NAMED,
    NEGATED,
    POSITIVE,
    World,
    operators,
    statements,
    worlds,
)

WORLDS = worlds()


def said(decision: Decision) -> tuple[object, ...]:
    """Return all of an answer that does not name statements by their place."""
    return (
        decision.outcome,
        decision.layer,
        decision.path,
        decision.blocked_by,
        decision.reasons,
        bool(decision.by),
    )


def rewritten(world: World, change: Callable[[list[Json]], list[Json]]) -> World:
    """Return the world with each of its documents changed."""
    return replace(
        world,
        documents={
            layer: tuple(tuple(change(list(document))) for document in documents)
            for layer, documents in world.documents.items()
        },
    )


def test_the_worlds_are_such_that_nearly_every_answer_occurs() -> None:
    """Or the laws below would be tried on next to nothing."""
    allowed: set[AllowPath | None] = set()
    denied: set[tuple[Outcome, Layer]] = set()

    @settings(max_examples=400, derandomize=True, database=None)
    @given(WORLDS)
    def look(world: World) -> None:
        decision = world.decision()
        if decision.allowed:
            allowed.add(decision.path)
        else:
            denied.add((decision.outcome, decision.layer))

    look()

    assert allowed == {*AllowPath} - {AllowPath.IDENTITY, AllowPath.ROOT}, "these need no key"
    assert len(denied) >= 11, "of 14: two outcomes by nine layers, less the impossible ones"


@given(WORLDS)
def test_explicit_deny_wins(world: World) -> None:
    """A-4: whatever else is allowed. Only a hard rule of the service speaks before it (K-61)."""
    decision = world.decision()
    denying = [result.layer for result in decision.layers if result.denying]

    if denying:
        assert not decision.allowed
        assert decision.layer is Layer.SERVICE or decision.outcome is Outcome.EXPLICITLY_DENIED
    else:
        assert decision.outcome is not Outcome.EXPLICITLY_DENIED
    if decision.outcome is Outcome.EXPLICITLY_DENIED:
        assert set(decision.blocked_by) == set(denying)


@given(WORLDS)
def test_silence_is_denial(world: World) -> None:
    """A-4, L-30: without an Allow on the key's side nothing is allowed."""
    decision = world.decision()
    offers = [
        *decision.layer_result(Layer.KEY_POLICY).allowing,
        *(trace for trace in decision.layer_result(Layer.GRANT).grants if trace.applies),
    ]

    if not offers:
        assert not decision.allowed
    if decision.allowed:
        assert decision.by
        assert all(trace.applies for trace in decision.by)
    silent = replace(world, documents={}, grants=())
    assert silent.decision().outcome is Outcome.IMPLICITLY_DENIED


@given(WORLDS, st.randoms(use_true_random=False))
def test_statement_order_is_irrelevant(world: World, chance: random.Random) -> None:
    def shuffled(document: list[Json]) -> list[Json]:
        chance.shuffle(document)
        return document

    other = rewritten(world, shuffled)
    several = {
        layer: documents if layer in ("scps", "rcps") else tuple(reversed(documents))
        for layer, documents in other.documents.items()
    }
    other = replace(other, documents=several, grants=tuple(reversed(world.grants)))

    assert said(other.decision()) == said(world.decision())


@given(WORLDS, st.sampled_from(LAYERS), st.data())
def test_a_new_deny_never_allows(world: World, layer: str, data: st.DataObject) -> None:
    new = data.draw(statements(named=layer in NAMED, effect="Deny"))
    before, after = world.decision(), world.adding(layer, new).decision()

    if not before.allowed:
        assert not after.allowed
    if before.outcome is Outcome.EXPLICITLY_DENIED:
        assert after.outcome is Outcome.EXPLICITLY_DENIED
    if after.allowed:
        assert said(after) == said(before)
    elif before.allowed:
        assert after.outcome is Outcome.EXPLICITLY_DENIED


@given(WORLDS, st.sampled_from(LAYERS), st.data())
def test_a_new_allow_never_denies(world: World, layer: str, data: st.DataObject) -> None:
    """The other direction of the law above: allows of all layers only help."""
    new = data.draw(statements(named=layer in NAMED, effect="Allow"))
    before, after = world.decision(), world.adding(layer, new).decision()

    if before.allowed:
        assert after.allowed
    assert (before.outcome is Outcome.EXPLICITLY_DENIED) == (
        after.outcome is Outcome.EXPLICITLY_DENIED
    )


@given(WORLDS)
def test_duplicates_change_nothing(world: World) -> None:
    twice = rewritten(world, lambda document: document * 2)
    twice = replace(twice, grants=world.grants * 2)

    assert said(twice.decision()) == said(world.decision())


def other_case(document: list[Json]) -> list[Json]:
    """Return the statements with the case of actions, operators and condition keys turned."""
    changed = []
    for statement in document:
        copy = dict(statement)
        for name in ("Action", "NotAction"):
            if name in copy:
                entries = copy[name]
                copy[name] = (
                    entries.swapcase()
                    if isinstance(entries, str)
                    else [entry.swapcase() for entry in entries]
                )
        if "Condition" in copy:
            copy["Condition"] = {
                operator.swapcase(): {key.swapcase(): value for key, value in keys.items()}
                for operator, keys in copy["Condition"].items()
            }
        changed.append(copy)
    return changed


@given(WORLDS)
def test_case_of_actions_and_condition_keys_is_irrelevant(world: World) -> None:
    """B-13, B-14, C-1: in the policies, and in the request."""
    other = rewritten(world, other_case)

    assert said(other.decision()) == said(world.decision())
    # The names of an encryption context keep their case: grants compare them with it (N-22).
    context = {
        name if "EncryptionContext:" in name else name.swapcase(): value
        for name, value in world.context.items()
    }
    other = replace(other, action=world.action.swapcase(), context=context)
    assert said(other.decision()) == said(world.decision())


@given(WORLDS, st.sampled_from(["Renamed", None]))
def test_sid_and_id_are_irrelevant(world: World, sid: str | None) -> None:
    """B-8, B-9."""

    def renamed(document: list[Json]) -> list[Json]:
        plain = [{k: v for k, v in s.items() if k != "Sid"} for s in document]
        return plain if sid is None else [{"Sid": sid, **statement} for statement in plain]

    assert said(rewritten(world, renamed).decision()) == said(world.decision())


@given(WORLDS, st.sampled_from(["scps", "rcps", "endpoint", "boundary", "session"]))
def test_guardrails_and_limits_never_grant(world: World, layer: str) -> None:
    """Z-3: what is allowed with them is allowed without them.

    A session policy opens the identity path of federated users, which are not looked at here.
    """
    if layer == "session" and world.caller.kind is PrincipalKind.FEDERATED_USER:
        return

    if world.decision().allowed:
        assert world.without(layer).decision().allowed


@given(WORLDS)
def test_an_allow_in_a_guardrail_or_limit_alone_never_allows(world: World) -> None:
    """Z-3: where the key's side offers nothing, no other layer can help."""
    decision = world.decision()
    offers = [
        *decision.layer_result(Layer.KEY_POLICY).allowing,
        *(trace for trace in decision.layer_result(Layer.GRANT).grants if trace.applies),
    ]
    if offers:
        return
    for layer in ("scps", "rcps", "endpoint", "boundary", "session", "identity"):
        world = world.adding(layer, allow("*", "*" if layer in NAMED else None))

    assert not world.decision().allowed


@given(WORLDS)
def test_a_decision_is_made_of_its_trace(world: World) -> None:
    """What decided is in the trace, and a statement applies if all of its steps match."""
    decision = world.decision()

    for result in decision.layers:
        for trace in result.statements:
            assert trace.applies == all(step.matched for step in trace.steps)
            assert (trace.match_class is not None) == trace.applies
    all_statements = [trace for result in decision.layers for trace in result.statements]
    for by in decision.by:
        if isinstance(by, StatementTrace):
            assert any(by is trace for trace in all_statements)
    assert decision.allowed == (decision.path is not None)
    assert not (decision.allowed and (decision.reasons or decision.blocked_by))


# Conditions


def holds(when: Json, context: Mapping[str, Values]) -> bool:
    return ask(alice, context=context, key_policy=key_policy(allow(who="*", when=when))).allowed


KEYS = st.sampled_from(list(CONTEXT_VALUES))
VALUES = st.lists(CONDITION_VALUES, max_size=3)


@given(operators(POSITIVE), KEYS, VALUES, CONDITION_VALUES, CONTEXTS)
def test_another_value_only_helps_a_positive_operator(
    operator: str, key: str, values: list[str], more: str, context: dict[str, Values]
) -> None:
    if holds({operator: {key: values}}, context):
        assert holds({operator: {key: [*values, more]}}, context)


@given(operators(NEGATED), KEYS, VALUES, CONDITION_VALUES, CONTEXTS)
def test_another_value_only_hinders_a_negated_operator(
    operator: str, key: str, values: list[str], more: str, context: dict[str, Values]
) -> None:
    if holds({operator: {key: [*values, more]}}, context):
        assert holds({operator: {key: values}}, context)


# Families of which every text can be read: elsewhere both twins may be false (G-16).
TWINS = st.sampled_from(
    [
        ("StringEquals", "StringNotEquals"),
        ("StringLike", "StringNotLike"),
        ("StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase"),
    ]
)


@given(TWINS, KEYS, VALUES, CONTEXTS)
def test_complementary_set_operators_are_complements(
    twins: tuple[str, str], key: str, values: list[str], context: dict[str, Values]
) -> None:
    """F-11: all of R are in P, or some of R are not."""
    positive, negated = twins

    for one, other in ((positive, negated), (negated, positive)):
        every = holds({f"ForAllValues:{one}": {key: values}}, context)
        some = holds({f"ForAnyValue:{other}": {key: values}}, context)
        assert every is not some


@given(st.dictionaries(operators(POSITIVE + NEGATED), st.dictionaries(KEYS, VALUES), max_size=3),
       CONTEXTS)  # fmt: skip
def test_a_block_holds_if_each_of_its_entries_does(
    when: dict[str, Any], context: dict[str, Values]
) -> None:
    """F-2."""
    entries = [{operator: {key: v}} for operator, keys in when.items() for key, v in keys.items()]

    assert holds(when, context) == all(holds(entry, context) for entry in entries)
