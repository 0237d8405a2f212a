"""Every operation in every state of its keys: the table of `core/states.yaml` (CORE K-27 to K-31).

The keys have lived into their states, and the requests are ones that an enabled key serves.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import product

import pytest

from kms import OPERATIONS, KeyOrigin, KeyState, KeyUsage, shapes
from tests.conformance.states import CELLS, COLUMNS, DATA, NO_SUCH_KEY, ORIGINS, Cell, scene

DRY_RUN = (
    "DryRunOperationException",
    "The request would have succeeded, but the DryRun option is set.",
)
REAL = [cell for cell in CELLS if cell.says != NO_SUCH_KEY]


@pytest.mark.parametrize("cell", REAL, ids=str)
def test_every_cell_of_the_table_of_states_is_kept(cell: Cell) -> None:
    """CORE K-28, K-29."""
    here = scene(cell)
    here.enter(cell.state)
    before = here.world.state
    for request in here.requests:
        here.world.change(lambda _: before)

        error = here.world.ask(cell.operation, **request).error

        told = (error.code, error.message) if error is not None else None
        assert told == cell.answer(here.key)
        assert here.world.found(here.key).state is cell.then()


@pytest.mark.parametrize(
    "cell", [cell for cell in REAL if shapes.takes(cell.operation, "DryRun")], ids=str
)
def test_a_dry_run_answers_as_the_call_would_and_changes_nothing(cell: Cell) -> None:
    """CORE K-46."""
    here = scene(cell)
    here.enter(cell.state)
    here.world.service.settle()
    for request in here.requests:
        before, written = here.world.state, len(here.world.events)

        reply = here.world.ask(cell.operation, **request, DryRun=True)

        assert reply.error is not None
        told = (reply.error.code, reply.error.message)
        assert told == (cell.answer(here.key) or DRY_RUN)
        assert reply.output is None
        assert here.world.state is before
        assert len(here.world.events) == written + 1


@pytest.mark.parametrize(
    "cell", [cell for cell in REAL if cell.operation != "RetireGrant"], ids=str
)
def test_who_may_not_learns_nothing_of_state_and_usage(cell: Cell) -> None:
    """CORE K-33. Who may retire a grant needs no permission (K-88)."""
    here = scene(cell)
    nobody = here.world.user("nobody")

    def told() -> list[tuple[str, str | None]]:
        return [here.world.told(cell.operation, nobody, **request) for request in here.requests]

    known = told()
    assert {code for code, _ in known} == {"AccessDeniedException"}
    here.enter(cell.state)
    assert told() == known
    key = here.world.found(here.key)
    here.world.put(replace(key, spec="HMAC_256", usage=KeyUsage.GENERATE_VERIFY_MAC))
    assert told() == known


# The table is whole


def test_the_table_has_every_operation_and_every_state() -> None:
    with_key = {cell.operation for cell in CELLS}

    assert with_key | set(DATA["no_key"]) == shapes.operation_names() == set(OPERATIONS)
    assert not with_key & set(DATA["no_key"])
    assert {*COLUMNS, *DATA["never"]} == set(KeyState)
    assert not set(COLUMNS) & set(DATA["never"])


def test_an_operation_on_several_keys_has_a_row_for_each() -> None:
    """CORE K-50: every question that is asked on a key, the alias itself excepted."""
    rows = Counter(row.partition(",")[0] for row in DATA["rows"])

    assert {name: times for name, times in rows.items() if times > 1} == {
        "ReEncrypt": 2,
        "UpdateAlias": 2,
        "UpdatePrimaryRegion": 2,
    }


def test_an_operation_without_a_key_names_none() -> None:
    for name in DATA["no_key"]:
        members = set(shapes.request_kind(name).parts)
        assert not members & {"KeyId", "TargetKeyId", "AliasName", "GrantToken", "CiphertextBlob"}


def test_there_is_a_reason_where_there_is_no_key() -> None:
    missing = {(cell.row, cell.origin, cell.state) for cell in CELLS if cell.says == NO_SUCH_KEY}

    explained = {
        (row, KeyOrigin(origin), KeyState(state))
        for each in DATA["impossible"]
        for row, origin, state in product(
            each.get("rows", DATA["rows"]), each.get("origins", ORIGINS), each["states"]
        )
    }
    assert missing == explained
    assert all(each["why"] for each in DATA["impossible"])


def test_every_answer_and_every_move_of_the_table_is_used() -> None:
    said = {cell.says for cell in CELLS}
    fine = {(cell.row, cell.state) for cell in CELLS if cell.says == "ok"}

    assert said == {"ok", NO_SUCH_KEY, *DATA["answers"]}
    assert {(row, state) for row, moves in DATA["moves"].items() for state in moves} <= fine


def test_no_move_leads_where_no_key_ever_is() -> None:
    """CORE K-27."""
    reached = {state for moves in DATA["moves"].values() for state in moves.values()}

    assert not reached & set(DATA["never"])
