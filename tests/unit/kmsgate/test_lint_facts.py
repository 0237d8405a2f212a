"""What the user tells `kmsgate lint` besides the documents."""

from __future__ import annotations

from pathlib import Path

import pytest

from kmsgate.cli import run

ADMIN = "arn:aws:iam::210987654321:role/admin"
POLICY = """\
{"Version": "2012-10-17", "Statement": [
  {"Sid": "Own", "Effect": "Allow", "Principal": {"AWS": "210987654321"},
   "Action": "kms:*", "Resource": "*"},
  {"Sid": "Partner", "Effect": "Allow", "Principal": {"AWS": "345678901234"},
   "Action": "kms:Encrypt", "Resource": "*",
   "Condition": {"DateLessThan": {"aws:CurrentTime": "2030-01-01T00:00:00Z"}}}]}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run each test in a folder of its own, with a policy in it."""
    monkeypatch.chdir(tmp_path)
    Path("p.json").write_text(POLICY)


@pytest.mark.parametrize(
    ("options", "rule", "found"),
    [
        ((), "KG501", False),
        (("--account", "210987654321"), "KG501", False),
        (("--account", "345678901234"), "KG501", True),
        ((), "KG411", False),
        (("--trusted-account", "345678901234"), "KG411", False),
        (("--trusted-account", "210987654321"), "KG411", True),
        (("--caller", ADMIN), "KG504", False),
        (("--caller", ADMIN.replace("2109", "3456")), "KG504", True),
        (("--caller", "arn:aws:sts::210987654321:assumed-role/admin/me"), "KG504", False),
        (("--now", "2029-01-01"), "KG329", False),
        (("--now", "2031-01-01T12:00:00Z"), "KG329", True),
        ((), "KG614", False),
        (("--max-principals", "1"), "KG614", True),
    ],
)
def test_a_rule_hears_what_the_user_knows(
    capsys: pytest.CaptureFixture[str], options: tuple[str, ...], rule: str, found: bool
) -> None:
    code = run(["lint", "p.json", "-q", "--select", rule, "--fail-on", "suggestion", *options])
    assert code == found
    assert (rule in capsys.readouterr().out) is found


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--account", "1234"), "'1234' is not an account ID"),
        (("--trusted-account", "root"), "'root' is not an account ID"),
        (("--caller", "210987654321"), "'210987654321' is not the ARN of a caller"),
        (("--caller", "arn:aws:s3:::a"), "'arn:aws:s3:::a' is not the ARN of a caller"),
        (("--now", "tomorrow"), "'tomorrow' is not a date"),
        (("--max-principals", "0"), "max-principals"),
    ],
)
def test_what_nobody_can_know_is_wrong_usage(
    capsys: pytest.CaptureFixture[str], options: tuple[str, ...], told: str
) -> None:
    assert run(["lint", "p.json", *options]) == 2
    assert told in capsys.readouterr().err


def test_repairs_hear_it_as_well(capsys: pytest.CaptureFixture[str]) -> None:
    wanted = ("--account", "345678901234", "--select", "KG501", "--fix", "--unsafe-fixes")
    assert run(["lint", "p.json", *wanted]) == 0
    assert "1 fixed" in capsys.readouterr().out
    assert "arn:aws:iam::345678901234:root" in Path("p.json").read_text()


def test_what_a_document_was_before_shows_access_that_is_new(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("old.json").write_text(Path("p.json").read_text().replace("kms:*", "kms:Sign"))

    assert run(["lint", "p.json", "--against", "old.json", "--select", "KG442"]) == 1
    assert "newly allowed: " in capsys.readouterr().out
    assert run(["lint", "p.json", "--against", "p.json", "--select", "KG442"]) == 0
