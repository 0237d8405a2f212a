"""The compiled evaluator and the reference agree on everything.

`HYPOTHESIS`-drawn worlds shrink to something readable; seeded worlds are many. A disagreement
names its seed: `tests.worlds.world(seed)` makes it again, and it belongs into SEEDS_ONCE_WRONG.
"""

from __future__ import annotations

import os
from collections import Counter

from hypothesis import given

from policy import authorization, reference
from policy.decision import Decision, Documents
from policy.request import Request
from tests.cast import documents_of, request
from tests.strategies import World as DrawnWorld
from tests.strategies import worlds
from tests.worlds import world

WORLDS = int(os.environ.get("KMSGATE_WORLDS", "20000"))
LEAST_SHARE = 0.02
SEEDS_ONCE_WRONG: tuple[int, ...] = (9598, 12935, 21284, 23249)
REACHABLE = {
    *(("Allowed", layer) for layer in ("key_policy", "grant", "identity")),
    *(
        ("ExplicitlyDenied", layer)
        for layer in ("rcp", "scp", "vpce", "key_policy", "identity", "boundary", "session")
    ),
    *(
        ("ImplicitlyDenied", layer)
        for layer in ("scp", "vpce", "key_policy", "identity", "boundary", "session", "service")
    ),
}


def told(decision: Decision, *, whole: bool) -> tuple[object, ...]:
    """Return what the two evaluators must agree on; `whole` is with everything traced."""
    deciding = (decision.outcome, decision.layer, decision.path, decision.deciding)
    return (*deciding, decision.trace, decision.reasons) if whole else deciding


def agree(asked: Request, documents: Documents, *, whole: bool) -> tuple[bool, Decision, Decision]:
    """Decide twice by compiled policies, as the first and as a later request of its kind."""
    expected = reference.decide(asked, documents)
    actual = authorization.decide(asked, documents)
    again = authorization.decide(asked, documents)
    same = told(expected, whole=whole) == told(actual, whole=whole)
    return same and told(actual, whole=False) == told(again, whole=False), expected, actual


@given(worlds())
def test_both_evaluators_agree_on_drawn_worlds(drawn: DrawnWorld) -> None:
    asked = request(drawn.caller, drawn.action, context=drawn.context)
    documents = documents_of(grants=drawn.grants, **drawn._policies())

    same, expected, actual = agree(asked, documents, whole=True)

    assert same, f"{told(expected, whole=True)} is not {told(actual, whole=True)}"


def test_both_evaluators_agree_on_many_worlds_and_every_outcome_is_common() -> None:
    shares: Counter[tuple[str, str]] = Counter()
    for seed in range(WORLDS):
        made = world(seed)
        same, expected, actual = agree(made.request, made.documents, whole=True)
        assert same, f"seed {seed}: {expected} is not {actual}, or not their traces"
        shares[str(expected.outcome), str(expected.layer)] += 1

    rare = {
        pair: round(100 * shares[pair] / WORLDS, 2)
        for pair in REACHABLE
        if shares[pair] < LEAST_SHARE * WORLDS
    }
    assert not rare, f"too rare, in per cent: {rare}"


def test_worlds_that_were_once_decided_differently_are_decided_alike() -> None:
    for seed in SEEDS_ONCE_WRONG:
        made = world(seed)
        same, expected, actual = agree(made.request, made.documents, whole=True)
        assert same, f"seed {seed}: {expected} is not {actual}, or not their traces"
