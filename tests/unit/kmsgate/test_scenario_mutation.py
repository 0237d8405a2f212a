"""Mutants: which slips a suite notices, which change nothing, and the steps that it lacks."""

# ruff: noqa: E501  (a row of a table, or of a scenario, stays on its line)

from __future__ import annotations

import functools
import json
from dataclasses import replace
from pathlib import Path

import pytest

from kmsgate.cli import run
from kmsgate.scenario import mutation
from kmsgate.scenario.files import load
from kmsgate.scenario.mutation import Judged, judged
from kmsgate.scenario.run import run as run_suite
from tests.scenario_text import ran, suite_text

ROOT = Path(__file__).parents[3]
PAYROLL = "payroll.scenario.yaml"
HEAD = """\
version: 1
world:
  accounts: {main: "111122223333", partner: "444455556666"}
  policies:
    office:
      Version: "2012-10-17"
      Statement:
        - {Sid: AtHome, Effect: Allow, Action: kms:Decrypt, Resource: "*", Condition: {StringEquals: {"aws:UserAgent": home}}}
        - {Sid: Names, Effect: Allow, Action: kms:ListAliases, Resource: "*"}
    limit:
      Version: "2012-10-17"
      Statement: [{Effect: Allow, Action: [kms:Decrypt, kms:ListAliases], Resource: "*"}]
  users: {ann: {policies: [office], boundary: limit}}
  roles: {app: {}}
  keys:
    payroll: {policy: default}
    orders:
      policy:
        Version: "2012-10-17"
        Statement:
          - {Sid: Delegate, Effect: Allow, Principal: {AWS: "111122223333"}, Action: "kms:*", Resource: "*"}
          - {Sid: Blue, Effect: Allow, Principal: {AWS: $app.arn}, Action: kms:Encrypt, Resource: "*", Condition: {StringEquals: {"kms:EncryptionContext:tenant": blue}}}
  grants:
    - {name: job, key: orders, grantee: app, operations: [Sign, Verify, Decrypt], subset: {order: "17"}, effective: now}
"""
NOTHING = "- {call: ListKeys, as: root}"


@functools.cache
def of(*steps: str, head: str = HEAD) -> Judged:
    found = ran(suite_text("\n".join(steps), head=head))
    assert not found.failed
    return judged(found.results)


def labels(found: Judged) -> list[str]:
    return [each.mutant.label for each in found.survivors]


def test_what_is_asked_is_noticed() -> None:
    before, after = of(NOTHING), of("- {as: ann, call: ListAliases}")

    assert "office: Names, dropped" in labels(before)
    assert "office: Names, dropped" in [each.label for each in after.noticed]
    assert before.count == after.count


def test_default_policies_have_no_mutants() -> None:
    found = of(NOTHING)

    assert not any(label.startswith("payroll: ") for label in labels(found))
    assert {each.mutant.home for each in found.survivors} == {"orders", "office", "limit", "grant"}


def test_each_survivor_has_a_step_that_holds_as_written_and_fails_with_the_slip() -> None:
    found = of(NOTHING)

    assert len(found.survivors) >= 25
    for each in found.survivors:
        assert each.step is not None, each.mutant.label
        suite = load("s.yaml", suite_text(f"- {each.step}", head=HEAD).encode())
        (test,) = suite.tests
        world = each.mutant.applied(test.world)
        assert world is not None
        slipped = replace(suite, tests=(replace(test, world=world),))
        assert all(result.passed for result in run_suite(suite)), each
        assert not any(result.passed for result in run_suite(slipped)), each


def test_the_steps_of_all_survivors_together_leave_none() -> None:
    steps = [f"- {each.step}" for each in of(NOTHING).survivors]

    assert labels(of(*dict.fromkeys(steps))) == []


def test_steps_meet_conditions_and_constraints() -> None:
    steps = {each.mutant.label: each.step for each in of(NOTHING).survivors}

    assert steps["orders: Blue, dropped"] == (
        "{as: app, decide: Encrypt, with: {KeyId: $orders.arn, EncryptionContext: {tenant: blue}}, expect: allow}"
    )
    assert steps["office: AtHome, condition StringEquals aws:UserAgent dropped"] == (
        "{as: ann, decide: Decrypt, with: {KeyId: $payroll.arn}, expect: implicit deny}"
    )
    assert steps["grant: job, operation Decrypt dropped"] == (
        "{as: app, decide: Decrypt, with: {KeyId: $orders.arn, EncryptionContext: {order: 17}}, expect: allow}"
    )


def test_mutants_that_change_no_answer_do_not_count() -> None:
    found = of(NOTHING)

    assert "orders: Delegate, Action widened to *" in [each.label for each in found.same]
    assert found.count == len(found.noticed) + len(found.survivors)


def test_what_cannot_be_compared_to_the_end_is_no_equal(monkeypatch: pytest.MonkeyPatch) -> None:
    head = HEAD.replace(
        '{StringEquals: {"aws:UserAgent": home}}',
        "{StringLike: {\"aws:UserAgent\": ['a*b', 'b*a', 'a*b']}}",
    )
    monkeypatch.setattr(mutation, "MAX_REQUESTS", 1)
    survivors = of(NOTHING, head=head).survivors
    of.cache_clear()

    unsettled = {key for each in survivors if each.step is None for key in each.unsettled}
    assert {"aws:UserAgent", "more than 1 kinds of request"} <= unsettled


def test_a_test_that_failed_notices_nothing() -> None:
    found = ran(suite_text("- {as: ann, call: ListAliases, expect: deny}", head=HEAD))

    assert judged(found.results) == Judged()


def test_without_mutants_the_score_is_whole() -> None:
    assert Judged().score == 100.0
    assert (Judged() + Judged()).count == 0


def test_a_suite_that_asks_who_can_notices_who_else_can() -> None:
    step = "- who_can: {action: kms:Encrypt, key: orders, exactly: [root, app]}"

    assert "orders: Blue, Principal widened to *" in [each.label for each in of(step).noticed]


# The command


def write_thin_suite(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write the payroll suite without its second table, and go there."""
    text = (ROOT / "scenarios" / PAYROLL).read_text(encoding="utf-8")
    head, _, rest = text.partition("  - name: what else")
    monkeypatch.chdir(folder)
    Path(PAYROLL).write_text(head + rest[rest.index("  - name: ") :], encoding="utf-8")


def test_the_command_shows_the_score_and_the_steps(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_thin_suite(tmp_path, monkeypatch)

    assert run(["test", PAYROLL, "--mutate", "--min-mutation", "90"]) == 1
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert (
        lines[2]
        == "Mutants: 24 of 29 noticed, score 83 %. Survivors, each with a step that would notice it:"
    )
    assert (
        "  payroll: Administer, kms:DisableKey dropped    → {as: key-admin, decide: DisableKey, with: {KeyId: $payroll.arn}, expect: allow}"
        in lines
    )
    assert err == "82.8 % of the mutants are noticed, 90 % should\n"
    assert run(["test", PAYROLL, "--min-mutation", "80"]) == 0


def test_programs_get_survivors_with_place_and_step(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_thin_suite(tmp_path, monkeypatch)

    run(["test", PAYROLL, "--mutate", "--format", "json"])
    found = json.loads(capsys.readouterr().out)["mutation"]
    assert (found["mutants"], found["noticed"], found["score"]) == (29, 24, 82.76)
    assert found["same"] == ["payroll: Delegate, Action widened to *"]
    assert found["survivors"][-1] == {
        "mutant": "use-payroll: Use, kms:GenerateDataKey dropped",
        "place": f"{PAYROLL}:10:11",
        "step": "{as: developer, decide: GenerateDataKey, with: {KeyId: $payroll.arn}, expect: allow}",
        "unsettled": [],
    }
