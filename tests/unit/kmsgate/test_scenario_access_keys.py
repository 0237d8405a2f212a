"""Access keys of a world: who has them, and that no one reads their secrets (CORE K-202)."""

from __future__ import annotations

import json

import pytest

from kms.runtime import SeededEntropy
from kmsgate.scenario.changes import changed
from kmsgate.scenario.compare import Values
from kmsgate.scenario.fields import FileError
from kmsgate.scenario.files import load
from kmsgate.scenario.model import ChangeStep
from kmsgate.scenario.report import as_json
from tests.scenario_text import report_of, said_about

ID, SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


def text_of(keys: str, more: str = "", step: str = "call: ListKeys, as: root") -> str:
    return (
        "version: 1\nworld:\n  accounts: {main: '111122223333'}\n"
        f"  users: {{ann: {{access_keys: {keys}}}{more}}}\n"
        f"tests: [{{name: t, steps: [{{{step}}}]}}]\n"
    )


def test_a_user_has_its_access_keys() -> None:
    world = load("s.yaml", text_of(f"{{{ID}: {SECRET}}}").encode()).tests[0].world
    found = world.state.directory.access_key(ID)

    assert found is not None
    assert found[0].arn == world.arns["ann"]
    assert found[1].secret == SECRET.encode()
    assert SECRET not in repr(world.state)


def test_a_user_that_is_made_again_has_none_of_the_access_keys() -> None:
    text = text_of(f"{{{ID}: {SECRET}}}", step="change: {user: ann, recreate: true}")
    (test,) = load("s.yaml", text.encode()).tests
    (step,) = test.steps
    assert isinstance(step, ChangeStep)
    values = Values({}, test.world.clock, SeededEntropy(1))

    state = changed(step, test.world.state, test.world, values)
    assert state.directory.access_key(ID) is None


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (f"{{{ID}X: {SECRET}}}", "31: this is not the id of an access key"),
        (f"{{ASIAIOSFODNN7EXAMPLE: {SECRET}}}", "31: this is not the id of an access key"),
        (f"{{{SECRET}: {ID}}}", "31: this is not the id of an access key"),
        (f"{{{ID}:{SECRET}}}", "31: this is not the id of an access key"),
        (f"{{{ID}: {SECRET}x}}", "53: this is not a secret access key"),
        (f"{{{ID}: [{SECRET}]}}", "53: this is not a secret access key"),
        (f"{{{ID}: }}", "53: this is not a secret access key"),
        (f"[{ID}, {SECRET}]", "30: the access keys must be an object, found a list"),
        (f"{ID} {SECRET}", "30: the access keys must be an object, found a string"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_without_the_secret(keys: str, message: str) -> None:
    lines = said_about(text_of(keys))

    assert lines[0] == f"s.yaml:4:{message}"
    assert SECRET not in "\n".join(lines)
    with pytest.raises(FileError) as error:
        load("s.yaml", text_of(keys).encode())
    assert SECRET not in json.dumps(as_json([], [error.value]))


def test_two_users_cannot_have_one_access_key() -> None:
    keys = f"{{{ID}: {SECRET}}}"

    (line, *_) = said_about(text_of(keys, f", bob: {{access_keys: {keys}}}"))
    assert line.endswith(f"another user has the access key {ID}")


def test_a_failure_on_the_line_of_a_secret_does_not_print_it() -> None:
    text = (
        '{version: 1, world: {accounts: {main: "111122223333"}, users: {ann: {access_keys: {'
        f"{ID}: {SECRET}"
        "}}}}, tests: [{name: t, steps: [{call: ListKeys, as: ann, expect: allow}]}]}\n"
    )
    report = "\n".join(report_of(text))

    assert "•••" in report
    assert not any(SECRET[start : start + 5] in report for start in range(36))
