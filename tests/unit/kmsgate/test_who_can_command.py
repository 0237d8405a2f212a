"""`kmsgate who-can`: its table, its JSON, its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kmsgate.cli import run

DEMO = str(Path(__file__).parents[3] / "scenarios" / "demo" / "demo.world.yaml")
ASK = ("who-can", "kms:Decrypt", "--world", DEMO, "--key")
WORLD = """\
version: 1
world:
  accounts: {main: "111122223333"}
  policies:
    maybe:
      Version: "2012-10-17"
      Statement:
        - {Sid: Some, Effect: Allow, Action: "kms:*", Resource: "*",
           Condition: {StringLike: {"aws:UserAgent": ["a*b", "b*a"]}, "Null": {"aws:UserAgent": "true"}}}
  roles: {app: {policies: [maybe]}}
  keys: {payroll: {policy: default}}
"""  # noqa: E501


@pytest.mark.parametrize(
    "key",
    [
        "payroll",
        "alias/payroll",
        "arn:aws:kms:eu-west-1:111122223333:key/0dd0fc4e-7937-48e1-8b18-b7cb13b1be41",
    ],
)
def test_a_key_goes_by_any_of_its_names(key: str, capsys: pytest.CaptureFixture[str]) -> None:
    if key.startswith("arn:"):
        run([*ASK, "payroll", "--format", "json"])
        key = json.loads(capsys.readouterr().out)["key"]

    assert run([*ASK, key]) == 0
    out = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in out[1:-1]] == [
        ["root", "key_policy:direct"],
        ["payroll-app", "key_policy:role"],
    ]
    assert out[2].endswith("  encryption context department = payroll")
    assert out[-1].startswith("2 of 7 callers of the world; ")


def test_programs_get_everybody_with_way_and_example(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*ASK, "payroll", "--format", "json"]) == 0

    found = {each["name"]: each for each in json.loads(capsys.readouterr().out)["callers"]}
    assert found["payroll-app"] == {
        "name": "payroll-app",
        "arn": "arn:aws:sts::111122223333:assumed-role/payroll-app/session",
        "can": True,
        "path": "key_policy:role",
        "by": ["UseForPayroll"],
        "with": ["encryption context department = payroll"],
        "unsettled": [],
    }
    assert found["outsider"]["can"] is False


def test_what_is_not_settled_has_an_exit_code_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "w.world.yaml"
    path.write_text(WORLD, encoding="utf-8")
    ask = ["who-can", "kms:Decrypt", "--world", str(path), "--key", "payroll"]

    assert run(ask) == 3
    out = capsys.readouterr().out
    assert "app: not settled: aws:UserAgent\n" in out
    assert "1 of 2 callers of the world, 1 not settled; " in out
    run([*ask, "--format", "json"])
    assert json.loads(capsys.readouterr().out)["callers"][1]["can"] is None


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["kms:Decryp", "--key", "alias/app"], "kmsgate: no operation asks 'kms:Decryp' on a key"),
        (["kms:Decrypt", "--key", "ap"], "kmsgate: no key 'ap' in this world\nhelp: known: alias/"),
        (["kms:Decrypt", "--key", "app", "--world", "none.yaml"], "none.yaml:1:1: cannot read"),
    ],
)
def test_wrong_names_are_told(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["who-can", *arguments]) == 2
    assert capsys.readouterr().err.startswith(complaint)
