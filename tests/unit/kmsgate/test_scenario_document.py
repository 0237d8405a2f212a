"""A run as a document: the text of the files, and below each claim what was proved."""

# ruff: noqa: E501  (a row of a table, or of a scenario, stays on its line)

from __future__ import annotations

from pathlib import Path

import pytest

from kmsgate.cli import run
from kmsgate.scenario.document import document
from tests.scenario_text import WORLD, ran

ROOT = Path(__file__).parents[3]
HEAD = """\
# yaml-language-server: $schema=x
# Lesson 9.1: who may <use> a key
#
# First paragraph, first line
# and second.
#
# Today: as taught.
"""
TESTS = """\
story: users use | nobody else
rules: [C-22, L-31]
tests:
  # Predict each cell.
  - name: the table
    matrix:
      key: payroll
      table: |
        operation  app  auditor  admin
        Decrypt    A    X        -
  - name: the steps
    as: app
    steps:
      - {call: Encrypt, with: {KeyId: alias/payroll, Plaintext: {text: a`b|c}}, save: {blob: CiphertextBlob}}
      # A comment on a step.
      - advance: 5 minutes
      - {call: Decrypt, as: admin, via: s3, with: {CiphertextBlob: $blob, EncryptionContext: {a: b}}, expect: {error: InvalidCiphertextException}}
      - change: {key: payroll, drop_statement: UseKey}
      - {decide: Decrypt, with: {KeyId: $payroll.arn}, context: {aws:SourceIp: 10.0.0.1}, expect: deny}
      - look: {key: payroll, KeyState: Enabled}
      - who_can: {action: kms:Decrypt, key: payroll, at_most: [root, admin]}
      - {call: Decrypt, with: {CiphertextBlob: $blob}, expect: allow}
      - {call: ListKeys}
"""


def told(head: str = HEAD + WORLD, tests: str = TESTS) -> list[str]:
    return list(document([ran(head + tests)]))


def test_the_comment_at_the_top_is_the_text_and_the_story_the_claim() -> None:
    assert told()[:10] == [
        "## Lesson 9.1: who may &lt;use> a key",
        "",
        "First paragraph, first line",
        "and second.",
        "",
        "> Today: as taught.",
        "",
        "**Claim (C-22):** users use \\| nobody else.",
        "",
        "### the table",
    ]


def test_a_table_shows_what_came_of_each_cell() -> None:
    lines = told()

    assert lines[lines.index("### the table") :][:9] == [
        "### the table",
        "",
        "Predict each cell.",
        "",
        "| on key `payroll` | `app` | `auditor` |",
        "| --- | --- | --- |",
        "| `Decrypt` | ✓ allowed | ✗ denied explicitly |",
        "",
        "*Proved.*",
    ]


def test_every_step_is_told_with_its_outcome_up_to_a_failure() -> None:
    lines = told()

    assert lines[lines.index("### the steps") + 2 :] == [
        "1. `app` calls **Encrypt** with `{KeyId: alias/payroll, Plaintext: {text: a'b¦c}}` → ✓ allowed, `key_policy:role: UseKey (key payroll) allows`",
        "   A comment on a step.",
        "",
        "2. *5 minutes pass*",
        "3. `admin` calls **Decrypt** with `{CiphertextBlob: $blob, EncryptionContext: {a: b}}` by way of `s3` → `InvalidCiphertextException`",
        "4. *key* `payroll` *is changed:* `{drop_statement: UseKey}`",
        "5. `app` asks whether it may **Decrypt** with `{KeyId: $payroll.arn}` where `{aws:SourceIp: 10.0.0.1}` → – denied, `by identity`",
        "6. *key* `payroll` *has* `{KeyState: Enabled}`",
        "7. **kms:Decrypt** *on* `payroll` *can* at most `root`, `admin`",
        "8. `app` calls **Decrypt** with `{CiphertextBlob: $blob}` → – denied, `by identity`",
        "",
        "**FAILED** `s.yaml:48:64`: expected allow, decision is implicit deny by identity",
        "",
        "Proved by execution: 1 of 2 tests.",
    ]


def test_the_course_becomes_a_document_with_its_chapters_and_claims(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    chapter = "scenarios/course/2-components"

    assert run(["test", chapter, "--format", "markdown"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "# 2. Components"
    assert sum(line.startswith("## Lesson 2.") for line in lines) == len(
        list((ROOT / chapter).iterdir())
    )
    assert all(f"C-{n}" in "\n".join(lines) for n in range(11, 22))
    assert lines[-1].startswith("Proved by execution: ")
    assert not any("FAILED" in line for line in lines)
