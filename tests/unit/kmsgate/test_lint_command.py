"""`kmsgate lint` as people and programs see it: layout, exit codes, inputs."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path

import pytest

from kmsgate.cli import run
from kmsgate.linting.checking import MAX_BYTES, Judges, check, select_rules
from kmsgate.linting.suppressions import unused_suppression
from kmsgate.linting.text import show_text
from kmsgate.output import screen
from policy.lint import DEFAULT_RULES

GOOD = """\
{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "Delegate",
      "Effect": "Allow",
      "Principal": {"AWS": "210987654321"},
      "Action": "kms:*",
      "Resource": "*"
    }
  ]
}
"""
SLIPS = """\
{
  "Version": "2012-10-17",
  "Statement": [{"Sid": "Own", "Effect": "Allow", "Principal": {"AWS": "210987654321"}, \
"Action": "kms:*", "Resource": "*"},
    {"Sid": "Use", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::210987654321:role/app"},
     "Action": ["kms:Decrypt", "kms:Encrypt",], "Resource": "*"},
    {"Sid": "", "Effect": "Deny", "Principal": "*",
\t "Action": "kms:ScheduleKeyDeletion"},
    {"Sid": "Use", "Effect": "Deny", "Principal": "*", "Action": "kms:Sign", "Resource": "*"}
  ]
}
"""
SLIPS_SHOWN = """\
slips.json:5:45: KG102 error: trailing comma before ']' [trailing-comma] (fixable)
  |
5 |      "Action": ["kms:Decrypt", "kms:Encrypt",], "Resource": "*"},
  |                                             ^
help: delete the comma
slips.json:6:5: KG116 error: the statement has no Resource and does not apply to any KMS key \
[missing-resource]
  |
6 |     {"Sid": "", "Effect": "Deny", "Principal": "*",
  |     ^
help: write "Resource": "*", which stands for the key that has the policy (--unsafe-fixes)
slips.json:6:13: KG127 suggestion: empty Sid [empty-sid] (fixable)
  |
6 |     {"Sid": "", "Effect": "Deny", "Principal": "*",
  |             ^^
slips.json:8:13: KG126 warning: Sid 'Use' is used by 2 statements [duplicate-sid]
  |
8 |     {"Sid": "Use", "Effect": "Deny", "Principal": "*", "Action": "kms:Sign", "Resource": "*"}
  |             ^^^^^
note: slips.json:4:13: first here

1 file, 4 statements: 2 errors, 1 warning, 1 suggestion. \
2 can be fixed with --fix, 2 more with --unsafe-fixes.
"""
OLD = '{"Version": "2008-10-17", "Statement": []}'
MILD = GOOD.replace('"Delegate"', '" "')


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Run each test in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(name: str, text: str | bytes) -> str:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return name


def lint(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = run(["lint", *arguments])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def feed(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


# Layout


def test_a_good_file_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = lint(capsys, write("good.json", GOOD))
    assert (code, err) == (0, "")
    assert out == "1 file, 1 statement: no findings.\n"


def test_findings_are_laid_out_to_the_letter(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = lint(capsys, write("slips.json", SLIPS))
    assert (code, err) == (1, "")
    assert out == SLIPS_SHOWN


def test_a_tab_before_the_place_does_not_move_the_carets(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = GOOD.replace('      "Effect": "Allow"', '\t"Effect": "allow"')
    code, out, _ = lint(capsys, write("tabs.json", text))
    assert code == 1
    assert out == (
        'tabs.json:6:12: KG114 error: Effect must be "Allow" or "Deny", not "allow" '
        "[invalid-effect] (fixable)\n"
        "  |\n"
        '6 | \t"Effect": "allow",\n'
        "  | \t          ^^^^^^^\n"
        'help: write "Allow"\n'
        "\n"
        "1 file, 1 statement: 1 error. 1 can be fixed with --fix.\n"
    )


def test_several_files_are_counted_together(capsys: pytest.CaptureFixture[str]) -> None:
    write("a/one.json", GOOD)
    write("a/two.json", OLD)
    code, out, _ = lint(capsys, "a", "-q")
    assert code == 1
    assert out == (
        "a/two.json:1:13: KG111 warning: policy language 2008-10-17 has no policy variables; "
        "use 2012-10-17 [outdated-version] (fixable)\n"
        "a/two.json:1:40: KG112 error: the policy has no statement [missing-statement]\n"
    )
    _, out, _ = lint(capsys, "a")
    assert out.endswith(
        "\n\n2 files, 1 statement: 1 error, 1 warning. 1 can be fixed with --fix.\n"
    )


def test_quiet_says_nothing_about_good_files(capsys: pytest.CaptureFixture[str]) -> None:
    assert lint(capsys, write("good.json", GOOD), "--quiet") == (0, "", "")


def test_what_a_file_holds_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    text = GOOD.replace('"Delegate"', '"\x1b[31mred\\u001b[2J\\n"')
    name = write("bad\x1b[1m.json", text.replace("kms:*", "${\x9b1m"))
    _, out, _ = lint(capsys, name)
    assert "\x1b" not in out
    assert "\x9b" not in out
    assert "bad\N{REPLACEMENT CHARACTER}[1m.json:5:" in out


def test_a_message_with_a_line_end_stays_on_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = lint(capsys, write("n.json", GOOD.replace('"Allow"', '"Al\\nlow"')), "-q")
    assert out == (
        'n.json:6:17: KG114 error: Effect must be "Allow" or "Deny", not "Al low" '
        "[invalid-effect]\n"
    )


class _Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def test_colour_is_for_terminals_and_adds_nothing_but_colour(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    checked = [check(write("slips.json", SLIPS), None, Judges(DEFAULT_RULES))]
    plain, colored, dumb, forced = io.StringIO(), _Terminal(), _Terminal(), io.StringIO()
    show_text(screen(plain), checked)
    show_text(screen(colored), checked)
    show_text(screen(forced, color="always"), checked)
    monkeypatch.setenv("NO_COLOR", "1")
    show_text(screen(dumb), checked)
    assert plain.getvalue() == dumb.getvalue() == SLIPS_SHOWN
    assert colored.getvalue() == forced.getvalue() != SLIPS_SHOWN
    assert _without_colour(colored.getvalue()) == SLIPS_SHOWN
    assert "\x1b[31m\x1b[1mKG102 error\x1b[0m" in colored.getvalue()


def _without_colour(text: str) -> str:
    import click

    return click.unstyle(text)


def test_colour_can_be_asked_for_and_turned_off(capsys: pytest.CaptureFixture[str]) -> None:
    name = write("slips.json", SLIPS)
    assert "\x1b[" in lint(capsys, name, "--color", "always")[1]
    assert lint(capsys, name, "--color", "never")[1] == SLIPS_SHOWN


# Exit codes and the choice of rules


@pytest.mark.parametrize(
    ("text", "fail_on", "code"),
    [
        (SLIPS, "error", 1),
        (MILD, "suggestion", 1),
        (MILD, "warning", 0),
        (GOOD.replace("2012", "2008"), "warning", 1),
        (GOOD.replace("2012", "2008"), "security", 0),
        (GOOD, "suggestion", 0),
    ],
)
def test_the_exit_code_depends_on_the_loudest_finding(
    capsys: pytest.CaptureFixture[str], text: str, fail_on: str, code: int
) -> None:
    assert lint(capsys, write("p.json", text), "--fail-on", fail_on)[0] == code


def test_suggestions_alone_do_not_fail_unless_asked_to(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = lint(capsys, write("p.json", MILD))
    assert code == 0
    assert out.endswith("1 file, 1 statement: 1 suggestion. 1 can be fixed with --fix.\n")


@pytest.mark.parametrize(
    ("options", "codes"),
    [
        ((), ["KG102", "KG116", "KG127", "KG126"]),
        (("--select", "KG12"), ["KG127", "KG126"]),
        (("--select", "KG127,KG102"), ["KG102", "KG127"]),
        (("--select", "trailing-comma", "--select", "KG116"), ["KG102", "KG116"]),
        (("--ignore", "KG12"), ["KG102", "KG116"]),
        (("--select", "KG1", "--ignore", "empty-sid", "--ignore", "kg102"), ["KG116", "KG126"]),
        (("--select", "KG2"), []),
    ],
)
def test_rules_can_be_selected_and_ignored(
    capsys: pytest.CaptureFixture[str], options: tuple[str, ...], codes: list[str]
) -> None:
    code, out, _ = lint(capsys, write("p.json", SLIPS), "-q", *options)
    assert [line.split()[1] for line in out.splitlines()] == codes
    assert code == bool(codes)


@pytest.mark.parametrize(
    ("selector", "advice"),
    [
        ("KG999", "rules have codes"),
        ("trailing-coma", "did you mean 'trailing-comma'?"),
        ("", "rules have codes"),
        ("\x1b[2J", "rules have codes"),
    ],
)
def test_a_rule_that_does_not_exist_is_wrong_usage(
    capsys: pytest.CaptureFixture[str], selector: str, advice: str
) -> None:
    code, out, err = lint(capsys, write("p.json", GOOD), "--ignore", selector)
    assert (code, out) == (2, "")
    assert err.startswith("kmsgate: no rule is called '")
    assert advice in err
    assert "\x1b" not in err


def test_without_a_choice_every_rule_runs() -> None:
    assert set(select_rules((), ())) == {*DEFAULT_RULES, unused_suppression}


@pytest.mark.parametrize("option", ["--kind", "--fail-on", "--format", "--color"])
def test_an_unknown_choice_is_wrong_usage(capsys: pytest.CaptureFixture[str], option: str) -> None:
    code, out, err = lint(capsys, write("p.json", GOOD), option, "other")
    assert (code, out) == (2, "")
    assert option in err


# Inputs


@pytest.mark.parametrize(
    ("kind", "codes"),
    [
        ("key-policy", []),
        ("identity", ["KG118"]),
        ("scp", ["KG118"]),
        ("rcp", ["KG136", "KG136"]),
        ("endpoint", []),
        ("resource", []),
    ],
)
def test_the_kind_of_the_documents_can_be_said(
    capsys: pytest.CaptureFixture[str], kind: str, codes: list[str]
) -> None:
    _, out, _ = lint(capsys, write("p.json", GOOD), "-q", "--kind", kind, "--select", "KG1")
    assert [line.split()[1] for line in out.splitlines()] == codes


def test_without_a_kind_principals_make_a_key_policy(capsys: pytest.CaptureFixture[str]) -> None:
    identity = GOOD.replace('      "Principal": {"AWS": "210987654321"},\n', "")
    assert lint(capsys, write("p.json", identity), "--select", "KG1")[0] == 0
    assert lint(capsys, "p.json", "--select", "KG1", "--kind", "key-policy")[0] == 1


def test_standard_input_is_read_for_a_dash(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    feed(monkeypatch, OLD.encode())
    code, out, _ = lint(capsys, "-", "-q", "--select", "KG111")
    assert code == 1
    assert out.startswith("-:1:13: KG111 warning: ")


def test_a_folder_stands_for_its_json_files_and_a_file_is_read_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("f/b.json", "f/a/c.json", "f/a.json", "f/.git/d.json", "f/a/.x/e.json"):
        write(name, OLD)
    write("f/notes.txt", "not a policy")
    write("f/single", GOOD)
    _, out, _ = lint(capsys, "f/b.json", "f", "f/single", "-q", "--select", "KG111")
    assert [line.split(":")[0] for line in out.splitlines()] == [
        "f/b.json", "f/a.json", "f/a/c.json",
    ]  # fmt: skip
    _, out, _ = lint(capsys, "f/b.json", "f", "f/single")
    assert "\n4 files, 1 statement: " in out


def test_a_folder_without_policies_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    write("f/.hidden/p.json", GOOD)
    code, out, err = lint(capsys, "f")
    assert (code, out) == (2, "")
    assert err == "kmsgate: no *.json file below f\n"


def test_missing_paths_are_wrong_usage_and_named_together(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, out, err = lint(capsys, "no.json", write("p.json", SLIPS), "nothing")
    assert (code, out) == (2, "")
    assert err == "kmsgate: no such file or folder: no.json, nothing\n"


def test_no_path_at_all_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert lint(capsys)[0] == 2


def test_a_file_that_cannot_be_opened_is_wrong_usage(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    name = write("locked.json", GOOD)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", name)

    monkeypatch.setattr(Path, "open", refuse)
    code, out, err = lint(capsys, name)
    assert (code, out) == (2, "")
    assert err == "kmsgate: cannot read locked.json: Permission denied\n"


def test_a_folder_that_cannot_be_listed_is_wrong_usage(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write("f/p.json", GOOD)

    def refuse(path: str) -> None:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "scandir", refuse)
    code, out, err = lint(capsys, "f")
    assert (code, out) == (2, "")
    assert err == "kmsgate: cannot read f: Permission denied\n"


@pytest.mark.parametrize("data", [b"", b" \n", b"not a policy", b"[]", b"7", b"\xef\xbb\xbf{}"])
def test_a_file_that_is_no_policy_is_a_finding(
    capsys: pytest.CaptureFixture[str], data: bytes
) -> None:
    code, out, err = lint(capsys, write("p.json", data))
    assert (code, err) == (1, "")
    assert out.startswith("p.json:1:1: KG1")
    assert out.splitlines()[-1].startswith("1 file, 0 statements: ")


def test_a_binary_file_is_a_finding_at_its_first_bad_byte(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, out, err = lint(capsys, write("p.json", b'{\n "Id": "\xff\x00\x1b\x9b"}'))
    assert (code, err) == (1, "")
    assert out == (
        "p.json:2:9: KG101 error: syntax error: byte 0xFF is not valid UTF-8 "
        "[json-syntax-error]\n"
        "  |\n"
        '2 |  "Id": "\n'
        "  |         ^\n"
        "help: save the file as UTF-8\n"
        "\n"
        "1 file, 0 statements: 1 error.\n"
    )


@pytest.mark.parametrize("sign", [b" ", b"\xff"])
def test_a_huge_file_is_a_finding_and_not_read_to_its_end(
    capsys: pytest.CaptureFixture[str], sign: bytes
) -> None:
    code, out, err = lint(capsys, write("huge.json", sign * 10_000_000))
    assert (code, err) == (1, "")
    first = out.splitlines()[0]
    assert first == (
        f"huge.json:1:1: KG101 error: the file has more than {MAX_BYTES:,} bytes, "
        "too much for a policy [json-syntax-error]"
    )
    assert len(out) < 1000


def test_an_endless_input_is_not_read_to_its_end(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    feed(monkeypatch, b"[" * (MAX_BYTES + 2))
    code, out, _ = lint(capsys, "-", "-q")
    assert code == 1
    assert out.startswith("-:1:1: KG101 error: the file has more than ")
    assert sys.stdin.buffer.read() == b"["


# JSON


def test_json_has_one_object_for_each_finding_and_a_summary(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, out, err = lint(capsys, write("slips.json", SLIPS), "--format", "json")
    assert (code, err) == (1, "")
    report = json.loads(out)
    assert set(report) == {"findings", "summary"}
    assert report["summary"] == {
        "files": 1, "statements": 4, "error": 2, "security": 0, "warning": 1, "suggestion": 1,
    }  # fmt: skip
    assert report["findings"][0] == {
        "path": "slips.json",
        "line": 5,
        "column": 45,
        "end_line": 5,
        "end_column": 46,
        "code": "KG102",
        "slug": "trailing-comma",
        "severity": "error",
        "message": "trailing comma before ']'",
        "help": "delete the comma",
        "fix": "safe",
        "edits": [{"line": 5, "column": 45, "end_line": 5, "end_column": 46, "text": ""}],
        "notes": [],
    }
    assert report["findings"][3]["help"] is None
    assert report["findings"][3]["severity"] == "warning"
    assert report["findings"][3]["notes"] == [
        {"message": "first here", "line": 4, "column": 13, "end_line": 4, "end_column": 18}
    ]
    assert {tuple(finding) for finding in report["findings"]} == {
        ("path", "line", "column", "end_line", "end_column", "code", "slug", "severity",
         "message", "help", "fix", "edits", "notes")
    }  # fmt: skip


def test_json_of_good_files_has_no_findings(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = lint(capsys, write("good.json", GOOD), "--format", "json")
    assert code == 0
    assert json.loads(out)["findings"] == []


def test_json_is_ascii_whatever_the_file_holds(capsys: pytest.CaptureFixture[str]) -> None:
    text = GOOD.replace("Delegate", "\\ud800 € \x1b")
    _, out, _ = lint(capsys, write("ä.json", text), "--format", "json")
    assert out.isascii()
    assert "\x1b" not in out
    assert {finding["path"] for finding in json.loads(out)["findings"]} == {"ä.json"}


# Repairs

BROKEN = GOOD.replace('"Delegate"', '""').replace('"kms:*",', '["kms:*", "kms:encrypts",],')
MENDED = GOOD.replace('      "Sid": "Delegate",\n', "").replace(
    '"kms:*"', '["kms:*", "kms:encrypts"]'
)
FORM = ("--select", "KG1,KG2")


def test_safe_repairs_are_made_in_the_file_and_the_rest_is_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, out, _ = lint(capsys, write("p.json", BROKEN), "--fix", *FORM)

    assert Path("p.json").read_text() == MENDED
    assert code == 1
    assert out.splitlines()[-1] == (
        "1 file, 1 statement: 1 error. 2 fixed. 1 can be fixed with --fix --unsafe-fixes."
    )
    assert list(Path().iterdir()) == [Path("p.json")]


def test_unsafe_repairs_are_made_when_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = lint(capsys, write("p.json", BROKEN), "--fix", "--unsafe-fixes", *FORM)

    assert Path("p.json").read_text() == MENDED.replace("encrypts", "Encrypt")
    assert (code, out) == (0, "1 file, 1 statement: no findings. 3 fixed.\n")


def test_a_patch_is_shown_and_nothing_changed(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = lint(capsys, write("p.json", BROKEN), "--diff")

    assert Path("p.json").read_text() == BROKEN
    assert code == 1
    assert out.splitlines()[:4] == [
        "--- p.json",
        "+++ p.json",
        "@@ -2,10 +2,9 @@",
        '   "Version": "2012-10-17",',
    ]
    assert '-      "Sid": "",' in out.splitlines()


def test_a_patch_of_nothing_is_empty(capsys: pytest.CaptureFixture[str]) -> None:
    assert lint(capsys, write("p.json", GOOD), "--diff") == (0, "", "")


def test_line_ends_and_the_mode_of_a_file_stay_as_they_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    write("p.json", BROKEN.replace("\n", "\r\n"))
    Path("p.json").chmod(0o640)
    lint(capsys, "p.json", "--fix")

    assert Path("p.json").read_bytes() == MENDED.replace("\n", "\r\n").encode()
    assert Path("p.json").stat().st_mode & 0o777 == 0o640


def test_only_selected_rules_repair(capsys: pytest.CaptureFixture[str]) -> None:
    lint(capsys, write("p.json", BROKEN), "--fix", "--select", "KG102")

    assert Path("p.json").read_text() == BROKEN.replace(",],", "],")


def test_what_could_be_repaired_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = lint(capsys, write("p.json", BROKEN))

    assert out.splitlines()[-1].endswith("2 can be fixed with --fix, 1 more with --unsafe-fixes.")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["p.json", "--unsafe-fixes"], "--unsafe-fixes does nothing by itself"),
        (["-", "--fix"], "standard input cannot be repaired"),
    ],
)
def test_repairs_that_cannot_be_made_are_wrong_usage(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    told: str,
) -> None:
    write("p.json", BROKEN)
    feed(monkeypatch, BROKEN.encode())
    code, _, err = lint(capsys, *arguments)

    assert code == 2
    assert told in err
    assert Path("p.json").read_text() == BROKEN


def test_a_file_that_cannot_be_written_stays_as_it_was(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    write("p.json", BROKEN)
    monkeypatch.setattr("shutil.copymode", refuse)
    code, _, err = lint(capsys, "p.json", "--fix")

    assert (code, err) == (2, "kmsgate: cannot write p.json: Permission denied\n")
    assert list(Path().iterdir()) == [Path("p.json")]
    assert Path("p.json").read_text() == BROKEN
