"""Results for continuous integration: JUnit XML and annotations."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from kmsgate.cli import run
from tests.scenario_text import suite_text

GOOD = suite_text("- {call: ListKeys, as: root}")
BAD = suite_text('- {call: ListKeys, as: root, expect: {message: "100% <a>, b: c"}}')
BROKEN = "version: 1\nstry: x\n"


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write a good, a failing and a broken file, and go where they are."""
    monkeypatch.chdir(tmp_path)
    for name, text in (("a,good", GOOD), ("bad", BAD), ("broken", BROKEN)):
        Path(f"{name}.scenario.yaml").write_text(text, encoding="utf-8")


def told(style: str, capsys: pytest.CaptureFixture[str], *files: str) -> tuple[int, str]:
    code = run(["test", *files, "--format", style])
    return code, capsys.readouterr().out


def test_junit_has_a_suite_a_file_and_a_case_a_test(capsys: pytest.CaptureFixture[str]) -> None:
    code, text = told("junit", capsys, ".")
    root = ET.fromstring(text)  # noqa: S314 - our own

    assert code == 2
    assert [(s.get("name"), s.get("tests"), s.get("failures"), s.get("errors")) for s in root] == [
        ("a,good.scenario.yaml", "1", "0", "0"),
        ("bad.scenario.yaml", "1", "1", "0"),
        ("broken.scenario.yaml", "1", "0", "1"),
    ]
    (failure,), (error,) = root.iter("failure"), root.iter("error")
    assert (failure.get("message") or "").startswith("expected message '100% <a>, b: c'")
    assert (failure.text or "").startswith("FAILED bad.scenario.yaml:24:")
    assert "did you mean 'story'?" in (error.text or "")


def test_annotations_point_at_lines_and_nothing_is_said_of_what_is_good(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, text = told("github", capsys, "bad.scenario.yaml", "a,good.scenario.yaml")

    assert code == 1
    (line,) = text.splitlines()
    assert line.startswith("::error file=bad.scenario.yaml,line=24,col=")
    assert ",title=t::expected message '100%25 <a>, b: c'" in line


def test_mistakes_in_files_are_annotations_too(capsys: pytest.CaptureFixture[str]) -> None:
    code, text = told("github", capsys, "broken.scenario.yaml")

    assert code == 2
    assert (
        "::error file=broken.scenario.yaml,line=2,col=1,title=mistake::unknown field 'stry' "
        in text
    )
    assert "(did you mean 'story'?)" in text


def test_names_of_files_cannot_end_a_property(capsys: pytest.CaptureFixture[str]) -> None:
    Path("a,good.scenario.yaml").write_text(BAD, encoding="utf-8")

    _, text = told("github", capsys, "a,good.scenario.yaml")
    assert text.startswith("::error file=a%2Cgood.scenario.yaml,line=24,")
