"""Findings for programs: SARIF, annotations of GitHub, JUnit, and counts by rule."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from kmsgate.cli import run

BROKEN = """{
  "Version": "2012-10-17",
  "Statement": [
    {"Sid": "", "Effect": "allow", "Principal": {"AWS": "111122223333"},
     "Action": ["kms:Sign", "kms:Sign",], "Resource": "*"}
  ]
}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a, b%").mkdir()
    (tmp_path / "a, b%" / "ü.json").write_text(BROKEN, encoding="utf-8")
    return tmp_path


def lint(capsys: pytest.CaptureFixture[str], *more: str) -> tuple[int, str]:
    code = run(["lint", *more])
    return code, capsys.readouterr().out


def sarif(capsys: pytest.CaptureFixture[str], *more: str) -> dict[str, Any]:
    log: dict[str, Any] = json.loads(lint(capsys, "--format", "sarif", *more)[1])
    assert (log["version"], len(log["runs"])) == ("2.1.0", 1)
    found: dict[str, Any] = log["runs"][0]
    return found


def test_a_log_has_each_rule_once_and_results_name_theirs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    told = sarif(capsys, "a, b%")
    rules = told["tool"]["driver"]["rules"]

    assert [rule["id"] for rule in rules] == sorted({rule["id"] for rule in rules})
    assert {"KG102", "KG114", "KG127"} <= {rule["id"] for rule in rules}
    assert told["columnKind"] == "unicodeCodePoints"
    for result in told["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
    levels = {result["ruleId"]: result["level"] for result in told["results"]}
    assert (levels["KG114"], levels["KG127"]) == ("error", "note")


def test_places_of_a_log_are_addresses_and_regions(capsys: pytest.CaptureFixture[str]) -> None:
    results = {each["ruleId"]: each for each in sarif(capsys, "a, b%")["results"]}

    place = results["KG114"]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "a%2C%20b%25/%C3%BC.json"}
    assert place["region"] == {"startLine": 4, "startColumn": 27, "endLine": 4, "endColumn": 34}


def test_a_file_with_a_whole_path_has_a_whole_address(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    path = folder / "a, b%" / "ü.json"
    result = sarif(capsys, str(path))["results"][0]

    address = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert address == path.as_uri()


def test_what_would_be_repaired_stands_in_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    results = {each["ruleId"]: each for each in sarif(capsys, "a, b%")["results"]}

    (fix,) = results["KG114"]["fixes"]
    (change,) = fix["artifactChanges"]
    assert change["replacements"] == [
        {
            "deletedRegion": {"startLine": 4, "startColumn": 27, "endLine": 4, "endColumn": 34},
            "insertedContent": {"text": '"Allow"'},
        }
    ]


def test_a_log_without_findings_is_whole(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    (folder / "good.json").write_text(
        BROKEN.replace("allow", "Allow").replace(',]', "]").replace('"Sid": "", ', "")
        .replace('"kms:Sign", "kms:Sign"', '"kms:Sign"')
    )  # fmt: skip
    told = sarif(capsys, "good.json", "--select", "KG1")

    assert told["results"] == []
    assert told["tool"]["driver"]["rules"] == []


def test_github_gets_one_command_a_finding_with_its_signs_told_otherwise(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, out = lint(capsys, "a, b%", "--format", "github", "--select", "KG114,KG127")

    assert code == 1
    assert out.splitlines() == [
        "::notice file=a%2C b%25/ü.json,line=4,endLine=4,col=13,endColumn=15,"
        "title=KG127 empty-sid::empty Sid",
        "::error file=a%2C b%25/ü.json,line=4,endLine=4,col=27,endColumn=34,"
        'title=KG114 invalid-effect::Effect must be "Allow" or "Deny", not "allow"'
        '%0Ahelp: write "Allow"',
    ]


def test_junit_has_a_suite_for_each_file_and_a_case_for_each_finding(
    capsys: pytest.CaptureFixture[str],
) -> None:
    _, out = lint(capsys, "a, b%", "--format", "junit", "--select", "KG114,KG127")
    (suite,) = ElementTree.fromstring(out.encode())  # noqa: S314 - written by us

    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    mild, loud = suite
    assert mild.find("failure") is None
    assert mild.findtext("system-out") == "a, b%/ü.json:4:13: empty Sid"
    failure = loud.find("failure")
    assert failure is not None
    assert failure.get("message") == 'Effect must be "Allow" or "Deny", not "allow"'


def test_what_fails_in_junit_is_what_fails_the_command(
    capsys: pytest.CaptureFixture[str],
) -> None:
    more = ("a, b%", "--format", "junit", "--select", "KG127")

    code, out = lint(capsys, *more)
    assert (code, out.count("<failure")) == (0, 0)
    code, out = lint(capsys, *more, "--fail-on", "suggestion")
    assert (code, out.count("<failure")) == (1, 1)


def test_a_file_without_findings_is_a_case_that_passes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    _, out = lint(capsys, "a, b%", "--format", "junit", "--select", "KG101")
    (suite,) = ElementTree.fromstring(out.encode())  # noqa: S314 - written by us

    assert [case.get("name") for case in suite] == ["no findings"]


def test_statistics_count_what_each_rule_found(capsys: pytest.CaptureFixture[str]) -> None:
    two = BROKEN.replace('{"Sid": "",', '{"Sid": "", "Sid": "",')
    Path("two.json").write_text(two)
    code, out = lint(
        capsys, "a, b%", "two.json", "--statistics", "--select", "KG105,KG114"
    )  # fmt: skip

    assert code == 1
    assert out.splitlines()[:3] == [
        "2 KG114 error invalid-effect",
        "1 KG105 error duplicate-member",
        "",
    ]
    assert out.splitlines()[3].startswith("2 files, 2 statements: 3 errors.")
