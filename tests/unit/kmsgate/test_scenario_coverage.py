"""What tests reach of policies: counts of statements and conditions, and how they are shown."""

# ruff: noqa: E501  (a row of a table, or of a scenario, stays on its line)

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kmsgate.cli import run
from kmsgate.scenario.coverage import Coverage
from kmsgate.scenario.files import load
from kmsgate.scenario.run import run as run_suite
from tests.scenario_text import ran, suite_text

ROOT = Path(__file__).parents[3]
PAYROLL = "scenarios/payroll.scenario.yaml"
HEAD = """\
version: 1
world:
  accounts: {main: "111122223333"}
  policies:
    office:
      Version: "2012-10-17"
      Statement:
        - {Sid: AtHome, Effect: Allow, Action: kms:Decrypt, Resource: "*", Condition: {StringEquals: {"aws:UserAgent": home}}}
        - {Effect: Deny, Action: kms:Encrypt, Resource: "*"}
    all: {managed: AdministratorAccess}
  groups: {staff: {policies: [office]}}
  users: {ann: {groups: [staff]}, bob: {policies: [all]}}
  roles: {app: {boundary: office}}
  keys:
    payroll: {policy: default}
    orders:
      policy:
        Version: "2012-10-17"
        Statement:
          - {Effect: Allow, Principal: {AWS: "111122223333"}, Action: "kms:*", Resource: "*"}
          - {Sid: Extra, Effect: Allow, Principal: {AWS: $app.arn}, Action: kms:Sign, Resource: "*"}
"""
ASK = "- {as: ann, decide: Decrypt, with: {KeyId: $orders.id}%s}"
AT_HOME = ASK % ", context: {aws:UserAgent: home}"
ELSEWHERE = ASK % ", context: {aws:UserAgent: train}, expect: deny"


def reached(*steps: str, head: str = HEAD) -> Coverage:
    coverage = Coverage()
    coverage.add(ran(suite_text("\n".join(steps), head=head)).results)
    return coverage


def counts(coverage: Coverage) -> dict[str, tuple[int, int]]:
    return {each.label: (each.applied, each.decided) for each in coverage.statements.values()}


def test_every_statement_of_the_world_counts_but_those_that_aws_wrote() -> None:
    assert list(counts(reached("- {call: ListKeys, as: bob}"))) == [
        "payroll: Enable IAM User Permissions",
        "orders: [0]",
        "orders: Extra",
        "office: AtHome",
        "office: [1]",
    ]


def test_statements_apply_and_decide() -> None:
    found = counts(
        reached(
            AT_HOME,
            "- {as: ann, decide: Encrypt, with: {KeyId: $orders.id}, expect: explicit deny}",
        )
    )

    assert found["office: AtHome"] == (1, 1)
    assert found["office: [1]"] == (1, 1)
    assert found["orders: [0]"] == (2, 1)
    assert found["orders: Extra"] == (0, 0)


def test_conditions_are_seen_both_ways_where_all_else_matches() -> None:
    other = "- {as: ann, decide: Sign, with: {KeyId: $orders.id}, expect: deny}"
    assert reached(AT_HOME).outcomes == (1, 2)
    assert reached(ELSEWHERE).outcomes == (1, 2)
    assert reached(AT_HOME, ELSEWHERE).outcomes == (2, 2)
    assert reached(other).outcomes == (0, 2)


def test_paths_and_operations_are_those_of_calls_that_were_made() -> None:
    found = reached(
        "- {call: ListKeys, as: bob}",
        AT_HOME,
        "- {call: ListKeys, as: ann, expect: allow}",
        "- {call: CreateKey}",
    )

    assert found.operations == {"ListKeys", "Decrypt"}
    assert found.paths == {"identity", "key_policy:account+identity"}


def test_statements_of_a_changed_key_policy_are_known_by_their_sid() -> None:
    change = "- change: {key: orders, add_statement: {Sid: New, Effect: Allow, Principal: '*', Action: kms:Verify, Resource: '*'}}"
    sign = "- {decide: Sign, with: {KeyId: $orders.id}, expect: deny}"
    found = counts(reached(change, sign))

    assert found["orders: Extra"] == (1, 0)
    assert found["orders: [0]"] == (0, 0)
    assert "orders: New" not in found


def test_statements_have_the_places_where_they_were_written() -> None:
    places = {each.label: str(each.place) for each in reached(AT_HOME).statements.values()}

    assert places["office: AtHome"] == "s.yaml:8:11"
    assert places["orders: Extra"] == "s.yaml:21:13"
    assert places["payroll: Enable IAM User Permissions"] == "None"


def test_a_policy_in_a_file_has_its_places_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    text = suite_text(
        "- {call: ListKeys, as: root}",
        head='version: 1\nworld:\n  accounts: {main: "111122223333", partner: "444455556666"}\n  roles: {app: {}}\n  keys: {payroll: {policy: {file: payroll-key.json}}}\n',
    )
    suite = load("scenarios/demo/s.yaml", text.encode())
    coverage = Coverage()
    coverage.add(run_suite(suite))

    lines = list(coverage.as_lcov())
    assert lines[1] == "SF:scenarios/demo/payroll-key.json"
    assert [line for line in lines if line.startswith("LF")] == ["LF:4"]


def test_several_runs_are_counted_together() -> None:
    coverage = Coverage()
    for steps in (AT_HOME, AT_HOME, ELSEWHERE):
        coverage.add(ran(suite_text(steps, head=HEAD)).results)

    assert counts(coverage)["office: AtHome"] == (2, 2)
    assert coverage.outcomes == (2, 2)
    assert len(coverage.statements) == 5


def test_lcov_has_a_line_a_statement_and_a_branch_an_outcome() -> None:
    assert list(reached(AT_HOME).as_lcov()) == [
        "TN:",
        "SF:s.yaml",
        "BRDA:8,2,0,0",
        "BRDA:8,2,1,1",
        "BRF:2",
        "BRH:1",
        "DA:8,1",
        "DA:9,0",
        "DA:20,1",
        "DA:21,0",
        "LF:4",
        "LH:2",
        "end_of_record",
    ]


# The command


def test_the_command_shows_the_table_and_the_sums(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)

    assert run(["test", PAYROLL, "--coverage", "--min-coverage", "100"]) == 0
    assert capsys.readouterr().out.splitlines()[2:-1] == [
        "Statements              applied  decided   never seen",
        "payroll: Delegate            44       10",
        "payroll: Administer           5        5",
        "payroll: UseKey               7        7",
        "payroll: NoAuditorData        2        2",
        "use-payroll: Use              4        2",
        "Coverage: 5 of 5 statements, no conditions, 3 of 8 allow paths, 8 of 56 operations",
    ]


def test_too_little_coverage_fails_and_says_where_to_look(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("s.scenario.yaml").write_text(suite_text(AT_HOME, head=HEAD), encoding="utf-8")
    ask = ["test", "s.scenario.yaml", "--coverage", "--lcov", "out.info", "--min-coverage"]

    assert run([*ask, "60"]) == 1
    out, err = capsys.readouterr()
    assert ["orders:", "Extra", "0", "0", "s.scenario.yaml:21:13"] in map(
        str.split, out.splitlines()
    )
    assert err == "40.0 % of the statements apply, 60 % should\n"
    assert run([*ask, "40"]) == 0
    assert Path("out.info").read_text(encoding="utf-8").startswith("TN:\nSF:s.scenario.yaml\n")
    assert run(["test", "s.scenario.yaml", "--lcov", "."]) == 2


def test_programs_get_every_count(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    run(["test", PAYROLL, "--coverage", "--format", "json"])

    found = json.loads(capsys.readouterr().out)["coverage"]
    assert found["statements"][0] == {
        "statement": "payroll: Delegate",
        "place": f"{PAYROLL}:22:13",
        "applied": 44,
        "decided": 10,
        "conditions": [],
    }
    assert found["percent"] == 100.0
    assert len(found["operations"]["seen"]) + len(found["operations"]["never"]) == 56
    assert "grant" in found["allow_paths"]["never"]
