"""Scenario files under pytest: what is collected, chosen, told; and the fixtures."""

from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from kmsgate import pytest_plugin
from kmsgate.scenario.files import SUFFIX

pytest_plugins = ["pytester"]
PLUGIN = ("-p", "kmsgate.pytest_plugin", "-p", "no:randomly", "-p", "no:cacheprovider")
ROOT = Path(__file__).parents[3]
SUITE = """\
version: 1
story: who may use the key
rules: [L-31]
world:
  accounts: {main: "111122223333"}
  roles: {app: {}}
  keys: {payroll: {policy: default, aliases: [alias/payroll]}}
tests:
  - name: the table
    matrix:
      key: payroll
      table: |
        operation    root  app
        Encrypt      A     .
        Decrypt      A     CELL
  - name: a window
    as: root
    each: {days: [7, 30]}
    steps:
      - call: ScheduleKeyDeletion
        with: {KeyId: $payroll.id, PendingWindowInDays: $days}
        expect: {output: {KeyState: PendingDeletion}}
"""


@pytest.fixture(autouse=True)
def _this_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let processes find the code that is under test."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


def written(pytester: pytest.Pytester, text: str) -> Path:
    path = pytester.path / f"payroll{SUFFIX}"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def good(pytester: pytest.Pytester) -> Path:
    return written(pytester, SUITE.replace("CELL", "."))


@pytest.fixture
def bad(pytester: pytest.Pytester) -> Path:
    return written(pytester, SUITE.replace("CELL", "A"))


def test_the_plugin_looks_for_the_files_of_the_language() -> None:
    assert pytest_plugin.SUFFIX == SUFFIX


def test_importing_the_plugin_imports_nothing_of_the_core() -> None:
    code = (
        "import sys, kmsgate.pytest_plugin as _\n"
        "print(sorted(m for m in sys.modules if m.split('.')[0] in {'kms', 'policy', 'kmsgate'}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )

    assert done.stdout.strip() == "['kmsgate', 'kmsgate.pytest_plugin']"


@pytest.mark.usefixtures("good")
def test_every_case_is_a_node_of_its_own(pytester: pytest.Pytester) -> None:
    found = pytester.runpytest_inprocess(*PLUGIN, "--collect-only", "-q")

    assert found.outlines[:6] == [
        "payroll.scenario.yaml::the table[Encrypt by root]",
        "payroll.scenario.yaml::the table[Encrypt by app]",
        "payroll.scenario.yaml::the table[Decrypt by root]",
        "payroll.scenario.yaml::the table[Decrypt by app]",
        "payroll.scenario.yaml::a window[days=7]",
        "payroll.scenario.yaml::a window[days=30]",
    ]


@pytest.mark.usefixtures("good")
@pytest.mark.parametrize(
    ("arguments", "passed"),
    [
        ((), 6),
        (("-k", "Decrypt"), 2),
        (("-k", "L-31"), 6),
        (("payroll.scenario.yaml::a window",), 2),
        (("payroll.scenario.yaml::a window[days=30]",), 1),
        (("payroll.scenario.yaml::the table[Encrypt by app]",), 1),
    ],
)
def test_tests_can_be_chosen_as_others_are(
    arguments: tuple[str, ...], passed: int, pytester: pytest.Pytester
) -> None:
    pytester.runpytest_inprocess(*PLUGIN, *arguments).assert_outcomes(
        passed=passed, deselected=6 - passed if "-k" in arguments else 0
    )


@pytest.mark.usefixtures("bad")
def test_a_failure_shows_the_line_what_was_expected_and_the_way_of_the_decision(
    pytester: pytest.Pytester,
) -> None:
    ran = pytester.runpytest_inprocess(*PLUGIN)

    ran.assert_outcomes(passed=5, failed=1)
    ran.stdout.fnmatch_lines(
        [
            "*the table?Decrypt by app? *",
            "expected allow, decision is implicit deny by identity",
            "FAILED payroll.scenario.yaml:15:28: the table / Decrypt by app",
            "   |",
            "13 |         operation    root  app",
            "15 |         Decrypt      A     A",
            "   | *            ^ expected allow, decision is implicit deny by identity",
            "path:  ImplicitlyDenied by identity",
        ],
        consecutive=True,
    )
    ran.stdout.no_fnmatch_line("*Traceback*")
    ran.stdout.no_fnmatch_line("*pytest_plugin.py*")


def test_the_failed_tests_of_the_last_run_are_run_again(
    pytester: pytest.Pytester, bad: Path
) -> None:
    arguments = ("-p", "kmsgate.pytest_plugin", "-p", "no:randomly", "--lf")
    pytester.runpytest_inprocess(*arguments).assert_outcomes(passed=5, failed=1)
    pytester.runpytest_inprocess(*arguments).assert_outcomes(failed=1)
    bad.write_text(SUITE.replace("CELL", "."), encoding="utf-8")
    pytester.runpytest_inprocess(*arguments).assert_outcomes(passed=1)


@pytest.mark.usefixtures("bad")
def test_several_processes_share_the_tests_and_the_report_is_one(
    pytester: pytest.Pytester,
) -> None:
    pytest.importorskip("xdist", reason="pytest-xdist is not installed (extra dev)")
    ran = pytester.runpytest_subprocess(*PLUGIN, "-n", "2", "--junit-xml", "report.xml")

    ran.assert_outcomes(passed=5, failed=1)
    report = ET.parse(pytester.path / "report.xml")  # noqa: S314 - our own
    (failed,) = [case for case in report.iter("testcase") if case.find("failure") is not None]
    told = failed.find("failure")
    assert failed.get("name") == "the table[Decrypt by app]"
    assert told is not None
    assert "expected allow, decision is implicit deny" in (told.text or "")


def test_a_broken_file_is_an_error_of_collection_in_its_own_words(
    pytester: pytest.Pytester,
) -> None:
    written(pytester, SUITE.replace("each:", "eech:").replace("CELL", "?"))
    ran = pytester.runpytest_inprocess(*PLUGIN)

    ran.assert_outcomes(errors=1)
    ran.stdout.fnmatch_lines(
        [
            "payroll.scenario.yaml:15:28: '?' is no cell",
            "payroll.scenario.yaml:18:5: unknown field 'eech' in a test",
            "help: did you mean 'each'?",
        ]
    )
    ran.stdout.no_fnmatch_line("*Traceback*")


# Fixtures

PYTHON = """\
import pytest
from botocore.exceptions import ClientError

WORLD

def test_only_the_app_may_encrypt(kms_client):
    kms_client("role/app").encrypt(KeyId="alias/payroll", Plaintext=b"x")
    with pytest.raises(ClientError, match="AccessDenied"):
        kms_client("guest").encrypt(KeyId="alias/payroll", Plaintext=b"x")

def test_a_key_is_made(kms_client):
    kms_client("root").create_key()

def test_each_test_has_a_fresh_world(kms_client, kms_endpoint):
    assert len(kms_client("root").list_keys()["Keys"]) == 1
    assert kms_client("role/app", "sts").get_caller_identity()["Arn"].endswith("role/app/session")
    with pytest.raises(LookupError):
        kms_endpoint.credentials("user/app")
"""
WORLD = """\
version: 1
world:
  accounts: {main: "111122223333"}
  policies:
    all: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: "kms:*", Resource: "*"}]}
  roles: {app: {policies: [all]}}
  users: {guest: {}}
  keys: {payroll: {policy: default, aliases: [alias/payroll]}}
"""


def test_clients_of_fixtures_call_as_somebody_of_a_world(pytester: pytest.Pytester) -> None:
    pytest.importorskip("boto3", reason="boto3 is not installed (extra dev)")
    pytest.importorskip("uvicorn", reason="uvicorn is not installed (extra serve)")
    (pytester.path / "my.world.yaml").write_text(WORLD, encoding="utf-8")
    world = "@pytest.fixture\ndef kms_world(): return 'my.world.yaml'"
    pytester.makepyfile(PYTHON.replace("WORLD", world))

    ran = pytester.runpytest_subprocess(*PLUGIN, "-W", "error")

    ran.assert_outcomes(passed=3)
