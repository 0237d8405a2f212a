"""`kmsgate rules`: the list, the page of a rule, and the book that is kept of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kmsgate.cli import run
from kmsgate.linting.checking import EVERY_RULE

ROOT = Path(__file__).resolve().parents[3]


def rules(capsys: pytest.CaptureFixture[str], *more: str) -> str:
    assert run(["rules", *more]) == 0
    return capsys.readouterr().out


def test_every_rule_has_a_line_with_its_first_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    lines = rules(capsys).splitlines()

    assert len(lines) == len(EVERY_RULE)
    for line, rule in zip(lines, EVERY_RULE, strict=True):
        assert line.split()[:4] == [rule.code, rule.severity, rule.slug, rule.fix.label]
        assert line.endswith(rule.page.partition("\n")[0])


@pytest.mark.parametrize("name", ["KG102", "trailing-comma", "kg102"])
def test_a_rule_that_is_named_prints_its_page(
    capsys: pytest.CaptureFixture[str], name: str
) -> None:
    out = rules(capsys, name)

    assert out.startswith(
        "KG102 trailing-comma (error; every kind of policy; fix: safe; since 0.1)\n\n"
        "A comma stands behind the last entry"
    )
    assert "\n## Use instead\n" in out


def test_several_rules_can_be_named_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    out = rules(capsys, "KG102", "KG103")

    assert out.index("KG102 trailing-comma (") < out.index("\n\nKG103 missing-comma (")


def test_a_name_that_no_rule_has_is_told_with_what_was_meant(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["rules", "trailing-coma"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert (
        err == "kmsgate: no rule is called 'trailing-coma'\nhelp: did you mean 'trailing-comma'?\n"
    )


def test_programs_get_every_fact(capsys: pytest.CaptureFixture[str]) -> None:
    (told,) = json.loads(rules(capsys, "KG125", "--format", "json"))

    assert told.pop("page").startswith("A Sid outside a key policy")
    assert told == {
        "code": "KG125",
        "slug": "sid-characters",
        "severity": "error",
        "kinds": ["identity policy", "SCP", "RCP"],
        "fix": "safe",
        "since": "0.1",
        "opt_in": False,
    }


def test_the_book_of_rules_is_what_the_command_writes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    book = (ROOT / "RULES.md").read_text(encoding="utf-8")

    assert book == rules(capsys, "--format", "markdown"), (
        "write it again: kmsgate rules --format markdown > RULES.md"
    )
