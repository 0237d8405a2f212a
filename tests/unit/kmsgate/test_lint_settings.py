"""What a configuration says about linting: rules, facts, suppressions, and a baseline."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kmsgate.cli import run

POLICY = """\
{
  "Version": "2008-10-17",
  "Statement": [
    {
      "Sid": "Delegate",
      "Effect": "Allow",
      "Principal": {"AWS": "arn:aws:iam::210987654321:root"},
      "Action": "kms:*",
      "Resource": "*"
    },
    {
      "Sid": "",
      "Effect": "allow",
      "Principal": {"AWS": "arn:aws:iam::210987654321:role/app"},
      "Action": "kms:Decrypt",
      "Resource": "*"
    }
  ]
}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "keys" / "old").mkdir(parents=True)
    (tmp_path / "keys" / "a.json").write_text(POLICY)
    (tmp_path / "keys" / "old" / "b.json").write_text(POLICY)
    return tmp_path


def configure(text: str, name: str = "kmsgate.toml") -> None:
    Path(name).write_text(text)


def lint(capsys: pytest.CaptureFixture[str], *more: str) -> tuple[int, list[str], str]:
    """Return the exit code, path and code of each finding, and the last line."""
    code = run(["lint", *(more or ("keys",)), "--color", "never"])
    lines = capsys.readouterr().out.splitlines()
    found = [line.split()[:2] for line in lines if " KG" in line and line[:1].isalnum()]
    return code, [f"{place.partition(':')[0]} {code}" for place, code in found], lines[-1]


BOTH = ["KG111", "KG127", "KG114"]


def of(path: str, *codes: str) -> list[str]:
    return [f"{path} {code}" for code in codes]


def test_without_a_configuration_everything_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    code, found, _ = lint(capsys)

    assert code == 1
    assert found == of("keys/a.json", *BOTH) + of("keys/old/b.json", *BOTH)


@pytest.mark.parametrize(
    ("name", "head"), [("kmsgate.toml", "[lint]"), ("kmsgate.toml", "[tool.kmsgate.lint]"),
                       ("pyproject.toml", "[tool.kmsgate.lint]")],
)  # fmt: skip
def test_rules_and_threshold_come_from_the_nearest_file(
    capsys: pytest.CaptureFixture[str], name: str, head: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(f'{head}\nselect = ["KG1"]\nignore = ["KG114"]\nfail-on = "error"\n', name)
    monkeypatch.chdir("keys/old")

    code, found, _ = lint(capsys, "b.json")

    assert (code, found) == (0, of("b.json", "KG111", "KG127"))


def test_a_project_file_of_others_is_passed_over(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    configure('[tool.kmsgate.lint]\nselect = ["KG127"]\n', "pyproject.toml")
    configure("[tool.other]\nx = 1\n", "keys/pyproject.toml")
    monkeypatch.chdir("keys")

    assert lint(capsys, "a.json")[:2] == (0, of("a.json", "KG127"))


def test_a_flag_counts_more_than_the_file(capsys: pytest.CaptureFixture[str]) -> None:
    configure('[lint]\nselect = ["KG127"]\nfail-on = "suggestion"\n')

    assert lint(capsys, "keys/a.json")[:2] == (1, of("keys/a.json", "KG127"))
    more = ("keys/a.json", "--select", "KG111", "--fail-on", "error")
    assert lint(capsys, *more)[:2] == (0, of("keys/a.json", "KG111"))


def test_a_configuration_can_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    configure('[lint]\nselect = ["KG127"]\n')
    configure('[lint]\nselect = ["KG111"]\n', "other.toml")

    assert lint(capsys, "keys/a.json", "--config", "other.toml")[1] == of("keys/a.json", "KG111")


def test_accounts_are_told_once_for_all(capsys: pytest.CaptureFixture[str]) -> None:
    configure('[lint]\naccount = "444455556666"\ntrusted-accounts = ["555566667777"]\n')
    told = lint(capsys, "keys/a.json")[1]
    run(["lint", "keys/a.json", "--account", "444455556666", "--trusted-account", "555566667777"])

    assert [each.split()[1] for each in told] == [
        line.split()[1] for line in capsys.readouterr().out.splitlines()
        if line.startswith("keys/a.json:")
    ]  # fmt: skip
    assert len(told) > len(BOTH)


def test_rules_can_be_left_out_for_some_files(capsys: pytest.CaptureFixture[str]) -> None:
    configure('[lint.per-file]\n"keys/old/*" = {ignore = ["KG111", "KG127"]}\n')

    assert lint(capsys)[1] == of("keys/a.json", *BOTH) + of("keys/old/b.json", "KG114")


SUPPRESS = """
[[lint.suppress]]
rule = "{rule}"
path = "{path}"
reason = "it is known"
"""


def test_what_is_suppressed_is_counted_and_not_told(capsys: pytest.CaptureFixture[str]) -> None:
    configure(SUPPRESS.format(rule="KG114", path="keys/old/*"))

    _, found, last = lint(capsys)

    assert found == of("keys/a.json", *BOTH) + of("keys/old/b.json", "KG111", "KG127")
    assert last.startswith("2 files, 4 statements: 1 error, 2 warnings, 2 suggestions. ")
    assert " 1 suppressed. " in last


def test_a_suppression_can_be_about_one_statement(capsys: pytest.CaptureFixture[str]) -> None:
    text = SUPPRESS.format(rule="KG114", path="keys/*")
    configure(text + 'sid = "Delegate"\n' + text.replace("KG114", "KG127") + 'sid = ""\n')

    _, found, _ = lint(capsys)

    assert "keys/a.json KG114" in found
    assert "keys/a.json KG127" not in found


def test_a_suppression_that_hides_nothing_is_found_where_it_stands(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure(
        SUPPRESS.format(rule="KG111", path="*") + SUPPRESS.format(rule="KG102", path="keys/*")
    )

    code = run(["lint", "keys", "--select", "KG111,KG102,KG711"])

    out = capsys.readouterr().out
    assert code == 1
    assert out.startswith(
        "kmsgate.toml:7:1: KG711 warning: suppression of KG102 is not used [unused-suppression]\n"
    )
    assert out.endswith("\n2 files, 4 statements: 1 warning. 2 suppressed.\n")


def test_a_suppression_for_other_files_may_wait_for_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure(SUPPRESS.format(rule="KG102", path="keys/old/*"))

    assert "kmsgate.toml KG711" not in lint(capsys, "keys/a.json")[1]
    assert "kmsgate.toml KG711" in lint(capsys, "keys/old/b.json")[1]


def test_what_is_suppressed_is_not_repaired(capsys: pytest.CaptureFixture[str]) -> None:
    configure(SUPPRESS.format(rule="KG111", path="keys/a.json"))

    lint(capsys, "keys/a.json", "--fix", "--select", "KG1")

    assert '"2008-10-17"' in Path("keys/a.json").read_text()
    assert '"allow"' not in Path("keys/a.json").read_text()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[lint", "kmsgate.toml is no TOML: "),
        ("[tool]\nkmsgate = 1", "kmsgate.toml: tool.kmsgate must be a table"),
        ("[lnt]", "kmsgate.toml: the file has no 'lnt'\nhelp: did you mean 'lint'?"),
        ("lint = 1", "kmsgate.toml: lint must be a table"),
        ("[lint]\nselct = []", "kmsgate.toml: lint has no 'selct'\nhelp: did you mean 'select'?"),
        ("[lint]\nselect = 'KG1'", "kmsgate.toml: lint.select must be a list of texts"),
        ("[lint]\nignore = ['KG999']", "kmsgate.toml: lint.ignore names no rule: 'KG999'"),
        ("[lint]\nfail-on = 'never'", "kmsgate.toml: lint.fail-on must be one of error, security,"),
        ("[lint]\naccount = 5", "kmsgate.toml: lint.account must be a text"),
        ("[lint]\naccount = '5'", "'5' is not an account ID"),
        ("[lint]\nmax-principals = 0", "kmsgate.toml: lint.max-principals must be a number"),
        ("[lint]\nper-file = 1", "kmsgate.toml: lint.per-file must be a table of paths"),
        ("[lint.per-file]\na = 1", "kmsgate.toml: lint.per-file.a must be a table"),
        ("[lint.per-file.a]\nselect = []", "kmsgate.toml: lint.per-file.a has no 'select'"),
        ("[lint]\nsuppress = {}", "kmsgate.toml: lint.suppress must be a list of tables"),
        ("[lint]\nsuppress = [1]", "kmsgate.toml: lint.suppress, entry 1, must be a table"),
        ("[[lint.suppress]]\nreason = 'x'", "kmsgate.toml: lint.suppress, entry 1, needs a 'rule'"),
        ("[[lint.suppress]]\nrule = 'KG1'",
         "kmsgate.toml: lint.suppress, entry 1, needs a 'reason'"),
        ("[[lint.suppress]]\nrule = 'KG102'\nreason = ' '",
         "kmsgate.toml: lint.suppress, entry 1, needs a 'reason'"),
        ("[[lint.suppress]]\nrule = 'trailing-coma'\nreason = 'x'",
         "kmsgate.toml: lint.suppress, entry 1, names no rule: 'trailing-coma'; did you mean "
         "'trailing-comma'?"),
        ("[[lint.suppress]]\nrule = 'KG102'\nreason = 'x'\nline = 1",
         "kmsgate.toml: lint.suppress, entry 1, has no 'line'"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_configuration_is_told(
    capsys: pytest.CaptureFixture[str], text: str, told: str
) -> None:
    configure(text)

    assert run(["lint", "keys"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"kmsgate: {told}")


# Baselines


def test_what_was_there_when_the_baseline_was_written_is_not_told_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["lint", "keys", "--write-baseline", "known.json"]) == 0
    assert capsys.readouterr().out == "6 findings are known from now on.\n"
    changed = POLICY.replace('  "Statement"', '\n\n  "Statement"').replace(
        "kms:Decrypt", "kms:decrypts"
    )
    Path("keys/a.json").write_text(changed)

    code, found, last = lint(capsys, "keys", "--baseline", "known.json")

    assert (code, found) == (1, of("keys/a.json", "KG202"))
    assert " 6 known from the baseline." in last


def test_one_finding_more_of_a_kind_is_new(capsys: pytest.CaptureFixture[str]) -> None:
    run(["lint", "keys/a.json", "--select", "KG127", "--write-baseline", "known.json"])
    capsys.readouterr()
    Path("keys/a.json").write_text(POLICY.replace('"Delegate"', '""'))

    more = ("keys/a.json", "--select", "KG127", "--baseline", "known.json")
    _, found, last = lint(capsys, *more)

    assert len(found) == 1
    assert " 1 known from the baseline." in last


def test_the_configuration_can_name_the_baseline(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run(["lint", "keys", "--write-baseline", "known.json"])
    capsys.readouterr()
    configure('[lint]\nbaseline = "known.json"\n')
    monkeypatch.chdir("keys")

    assert lint(capsys, "a.json")[:2] == (0, [])


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"version": 2, "findings": []}', '{"version": 1, "findings": [{}]}',
             "[" * 100_000],
)  # fmt: skip
def test_what_is_no_baseline_is_told(capsys: pytest.CaptureFixture[str], text: str) -> None:
    Path("known.json").write_text(text)

    assert run(["lint", "keys", "--baseline", "known.json"]) == 2
    assert capsys.readouterr().err.startswith("kmsgate: known.json is no baseline of kmsgate\n")


def test_a_baseline_holds_no_text_of_a_policy(capsys: pytest.CaptureFixture[str]) -> None:
    run(["lint", "keys", "--write-baseline", "known.json"])

    told = json.loads(Path("known.json").read_text())
    assert {name for each in told["findings"] for name in each} == {"path", "code", "text", "count"}
    assert "210987654321" not in Path("known.json").read_text()
