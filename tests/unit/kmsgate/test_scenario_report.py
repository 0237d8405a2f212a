"""What is printed of a run: a line a file, failures with their place, and the last line."""

# ruff: noqa: E501  (a row of a table, or of a scenario, stays on its line)

from __future__ import annotations

import io
import json
import re
from dataclasses import replace

import pytest

from kmsgate.output import Screen, screen
from kmsgate.scenario.files import load
from kmsgate.scenario.report import Ran, as_json, show_failures, show_suite, show_total
from kmsgate.scenario.run import Result
from tests.scenario_text import WORLD, Paper, plain_screen, ran, report_of, suite_text, written

MATRIX = f"""\
{WORLD}tests:
  - name: who may do what
    matrix:
      key: payroll
      table: |
        operation            admin  app  auditor  outsider  root
        DescribeKey          A      .    A        .         A
        Decrypt              .      A    X        .         A
"""


def results(pattern: str) -> Ran:
    """Return a run with a test for each letter: `o` passed, `x` failed."""
    text = suite_text("- {call: ListKeys, as: root}")
    (test,) = load("scenarios/payroll.scenario.yaml", text.encode()).tests
    bad = ran(MATRIX).results[0].failures
    made = tuple(Result(test, () if sign == "o" else bad, 0.025) for sign in pattern)
    return Ran(load("scenarios/payroll.scenario.yaml", text.encode()), made)


def line_of(pattern: str, out: Screen | None = None, name: str | None = None) -> str:
    out = out or plain_screen()
    show_suite(out, results(pattern), name)
    return written(out).rstrip("\n")


def test_the_line_of_a_file_has_signs_counts_and_time_in_columns() -> None:
    assert line_of("xo") == (
        "scenarios/payroll.scenario.yaml      ✗ ✓                                    "
        "1 passed, 1 failed   0.05 s"
    )
    assert line_of("o") == (
        "scenarios/payroll.scenario.yaml      ✓                                               "
        " 1 passed   0.03 s"
    )


@pytest.mark.parametrize(
    ("profile", "told"),
    [
        ("course", ["  profile course: aws_managed_rotation_days 1095, usually 365"]),
        ("realistic", ["  profile realistic: grant_consistency_seconds 300, usually 0"]),
        ("default", []),
    ],
)
def test_another_profile_is_told_with_what_is_usual(profile: str, told: list[str]) -> None:
    """CORE K-126."""
    text = suite_text(
        "- {call: ListKeys, as: root}", head=f"{WORLD}settings: {{profile: {profile}}}\n"
    )
    out = plain_screen()
    show_suite(out, ran(text))

    assert written(out).splitlines()[1:] == told
    assert as_json([ran(text)], [])["files"][0]["profile"] == profile


@pytest.mark.parametrize("count", [1, 2, 9, 18, 19, 20, 37, 38, 40, 400])
def test_lines_keep_their_columns_however_many_tests_there_are(count: int) -> None:
    for pattern in ("o" * count, "o" * (count - 1) + "x"):
        line = line_of(pattern)
        assert re.search(r"(passed|failed) {1,3}[0-9]+[.][0-9]{2} s$", line)
        assert len(line) == 103


def test_many_signs_lose_their_blanks_and_very_many_are_counted() -> None:
    assert " ".join("✓" * 18) in line_of("o" * 18)
    assert " " + "✓" * 35 + "✗ " in line_of("o" * 35 + "x")
    assert "  ✓ 38  ✗ 2  " in line_of("o" * 38 + "xx")
    assert "  ✓ 40  " in line_of("o" * 40)


def test_signs_have_a_form_in_ascii() -> None:
    ascii_screen = screen(io.TextIOWrapper(io.BytesIO(), "ascii"), "never")
    few, many = results("ox"), results("o" * 30 + "x")

    for what, sign in ((few, " ok x "), (many, " ok 30  x 1 ")):
        out = replace(ascii_screen, stream=io.StringIO())
        show_suite(out, what)
        assert sign in written(out)
        assert written(out).isascii()


def test_a_file_may_go_by_another_name_and_a_long_one_moves_the_rest() -> None:
    assert line_of("o", name="payroll").startswith("payroll                              ✓ ")
    assert line_of("o", name="x" * 80).startswith("x" * 80 + " ✓    1 passed ")


def test_a_wrong_cell_shows_head_row_and_caret() -> None:
    assert report_of(MATRIX) == [
        "",
        "FAILED s.yaml:27:30: who may do what / Decrypt by admin",
        "   |",
        "25 |         operation            admin  app  auditor  outsider  root",
        "27 |         Decrypt              .      A    X        .         A",
        "   |                              ^ expected implicit deny, decision is allow",
        "path:  key_policy:account+identity: Delegate (key payroll) offers the account, "
        "Use (policy may-use) allows",
    ]


def test_a_failed_step_shows_its_line() -> None:
    step = "- {as: auditor, decide: Decrypt, with: {KeyId: $payroll.arn}, expect: allow}"

    assert report_of(suite_text(step)) == [
        "",
        "FAILED s.yaml:24:77: t",
        "   |",
        f"24 |       {step}",
        "   | " + " " * 76 + "^ expected allow, decision is explicit deny by key_policy",
        "path:  ExplicitlyDenied by key_policy: NoAuditors (key payroll) denies",
    ]


def test_a_grant_that_decided_is_named() -> None:
    given = "    given: {grants: [{name: job, key: payroll, grantee: outsider, operations: [Encrypt]}]}\n"
    step = "- {as: outsider, decide: Encrypt, with: {KeyId: $payroll.arn}, expect: deny}"

    assert report_of(suite_text(step, more=given))[-1] == "path:  grant: grant job allows"


def test_a_failure_without_a_decision_has_no_path() -> None:
    lines = report_of(suite_text("- look: {key: payroll, Enabled: false}"))

    assert lines[-1].endswith("^ Enabled is true, not false")


def test_long_lines_are_clipped_alike_so_that_cells_stay_below_their_column() -> None:
    blanks = " " * 300
    text = (
        f"{WORLD}tests:\n  - name: m\n    matrix:\n      key: payroll\n      table: |\n"
        f"        operation{blanks}app\n        Encrypt  {blanks}.\n"
    )
    _, _, _, head, row, caret, _ = report_of(text)

    assert max(len(head), len(row)) < 180
    assert head.index("app") == row.index(".") == caret.index("^")


def test_a_row_with_tabs_has_its_caret_below_the_cell() -> None:
    text = (
        f"{WORLD}tests:\n  - name: m\n    matrix:\n      key: payroll\n      table: |\n"
        "        operation\tapp\n        Encrypt\t.\n"
    )
    *_, row, caret, _ = report_of(text)

    assert row.replace("26 |", "   |").partition(".")[0] == "   |         Encrypt\t"
    assert caret.partition("^")[0] == "   |                \t"


def test_names_and_texts_of_the_user_never_reach_the_terminal_raw() -> None:
    evil = '"\\e[31mred\\u0007\\n\\tnext"'
    step = f"- {{as: root, call: ListKeys, expect: {{message: {evil}}}}}"
    text = suite_text(step).replace("name: t", f"name: {evil}")

    for line in report_of(text):
        assert line.replace("\t", "").isprintable(), line
    assert "red" in "".join(report_of(text))


def test_a_long_message_is_cut() -> None:
    look = f"- look: {{key: payroll, Description: '{'x' * 5000}'}}"
    lines = report_of(suite_text(look))

    assert any("…" in line for line in lines)
    assert max(map(len, lines)) < 600


@pytest.mark.parametrize(
    ("patterns", "errors", "line"),
    [
        (["o"], 0, "1 test: 1 passed in 0.03 s"),
        (["oo", "o"], 0, "3 tests: 3 passed in 0.08 s"),
        (["ox"], 0, "2 tests: 1 passed, 1 failed in 0.05 s"),
        ([], 1, "0 tests: 0 passed, 1 file could not be read in 0.00 s"),
        (["o"], 2, "1 test: 1 passed, 2 files could not be read in 0.03 s"),
    ],
)
def test_the_last_line_counts_everything(patterns: list[str], errors: int, line: str) -> None:
    out = plain_screen()
    show_total(out, [results(pattern) for pattern in patterns], errors)

    assert written(out).strip("\n") == line


def test_colour_adds_to_words_and_never_replaces_them() -> None:
    plain, painted = plain_screen(), screen(Paper(), "always")
    for out in (plain, painted):
        show_suite(out, results("xo"))
        show_failures(out, ran(MATRIX))

    import click

    assert "\x1b[" in written(painted)
    assert click.unstyle(written(painted)) == written(plain)


def test_a_run_can_be_handed_on_as_json() -> None:
    told = as_json([ran(MATRIX)], [])

    assert json.loads(json.dumps(told)) == told
    assert told["failed"] == 1
    (failure, *_) = told["files"][0]["tests"][0]["failures"]
    assert failure == {
        "place": "s.yaml:27:30",
        "title": "Decrypt by admin",
        "message": "expected implicit deny, decision is allow",
    }
