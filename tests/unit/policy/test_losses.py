"""What would make an allowed request denied: what is dropped is needed, and was tried."""

from __future__ import annotations

import pytest

from policy import Documents, PrincipalKind, Request, decide
from policy.losses import MAX_LOSSES, losses
from tests.cast import (
    ALICE,
    APP_ROLE,
    ROOT,
    Json,
    alice,
    allow,
    app,
    deny,
    documents_of,
    grant,
    identity,
    key_policy,
    nothing,
    request,
    root_a,
)
from tests.worlds import world


def named(sid: str, statement: Json) -> Json:
    return {"Sid": sid, **statement}


USE = identity(named("Use", allow("kms:Decrypt")), name="use")
ALLOWING = named("App", allow(who=APP_ROLE))
CASES: list[tuple[Request, Documents, list[tuple[str, str]]]] = [
    (
        request(app),
        documents_of(key_policy=key_policy(ALLOWING)),
        [("drop statement App", "denied implicitly, key_policy")],
    ),
    # two sides, each of which is needed
    (
        request(alice),
        documents_of(key_policy=key_policy(named("Iam", ROOT)), identity=USE),
        [
            ("drop statement Iam", "denied implicitly, key_policy"),
            ("drop statement Use", "denied implicitly, identity"),
        ],
    ),
    # any of two would do
    (
        request(app),
        documents_of(key_policy=key_policy(ALLOWING, named("Too", allow(who=APP_ROLE)))),
        [("drop statements App and Too", "denied implicitly, key_policy")],
    ),
    # another way would be open
    (
        request(alice),
        documents_of(
            key_policy=key_policy(named("Alice", allow(who=ALICE)), named("Iam", ROOT)),
            identity=USE,
            grants=grant(ALICE, "Decrypt", name="job"),
        ),
        [("drop statements Alice, Iam and Use and revoke grant job",
          "denied implicitly, key_policy")],
    ),
    (
        request(alice),
        documents_of(grants=grant(ALICE, "Decrypt", name="job")),
        [("revoke grant job", "denied implicitly, key_policy")],
    ),
    # nothing that could be dropped
    (request(root_a, "kms:ListKeys", nothing()), documents_of(), []),
    (request(alice), documents_of(key_policy=key_policy(deny(who="*"))), []),
]  # fmt: skip


@pytest.mark.parametrize(("asked", "documents", "expected"), CASES)
def test_what_is_dropped_was_needed(
    asked: Request, documents: Documents, expected: list[tuple[str, str]]
) -> None:
    assert [(loss.change, loss.result) for loss in losses(asked, documents)] == expected


def test_in_generated_worlds_every_loss_is_a_denial_when_decided_again() -> None:
    allowed = 0
    for seed in range(300):
        asked, documents = world(seed).request, world(seed).documents
        decision, found = decide(asked, documents), losses(asked, documents)
        if not decision.allowed:
            assert found == ()
            continue
        allowed += 1
        assert len(found) <= MAX_LOSSES
        assert all(not decide(asked, loss.documents).allowed for loss in found)
        retires = asked.action.lower() == "kms:retiregrant"  # N-50: the grant itself says who may
        root = asked.principal.kind is PrincipalKind.ROOT  # needs nothing that could be dropped
        assert found or retires or root, seed
    assert allowed > 50
