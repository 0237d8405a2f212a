"""The rules that the code names have cases, and the list of rules tells both."""

from __future__ import annotations

import pytest

from tests import rules
from tests.citations import AUTH, CORE, Citation, citations, citations_in
from tests.conformance.cases import CASES, COVERED, NUMBERS, WITHOUT_CASE, numbers

CITED = tuple(citations())


def told(source: str, usual: str = AUTH) -> list[str]:
    """Return what a text cites: `AUTH L-33 at 1`."""
    return [f"{c.document} {c.rule} at {c.line}" for c in citations_in(source, "a.py", usual)]


# The code


def test_every_rule_that_the_code_names_has_a_case() -> None:
    shown = {rule for case in CASES for rule in case.cited} | WITHOUT_CASE.keys()
    without = [c for c in CITED if c.document == AUTH and c.rule[0] in COVERED]

    assert [c for c in without if c.rule not in shown] == []


def test_every_rule_that_the_code_names_exists() -> None:
    known = {(AUTH, rule) for chapter in NUMBERS for rule in numbers(chapter)}

    assert [c for c in CITED if c.document == AUTH and (AUTH, c.rule) not in known] == []


def test_all_three_packages_name_rules() -> None:
    assert {c.file.partition("/")[0] for c in CITED} == {"policy", "kms", "kmsgate"}


# Reading citations


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("x = 1  # L-33", ["AUTH L-33 at 1"]),
        ("x = 1  # L-10, A-4", ["AUTH L-10 at 1", "AUTH A-4 at 1"]),
        ("x = 1  # F-4; G-16: unreadable is not false", ["AUTH F-4 at 1", "AUTH G-16 at 1"]),
        ("# AUTH K-61, CORE K-66, K-67", ["AUTH K-61 at 1", "CORE K-66 at 1", "CORE K-67 at 1"]),
        ('def f():\n    """Do it.\n\n    As AUTH N-30 says.\n    """\n', ["AUTH N-30 at 4"]),
        ('"""Of a module (AUTH 13, N-2)."""\n', ["AUTH N-2 at 1"]),
        ('X = 1\n"""What X is (AUTH J-60)."""\n', ["AUTH J-60 at 2"]),
        ('class C:\n    x: int\n    """Of x (E-5)."""\n', ["AUTH E-5 at 3"]),
        ('yield "L-33"', ["AUTH L-33 at 1"]),
        ("RULES = {A: ('L-31',)}", ["AUTH L-31 at 1"]),
        ("# CORE K-65.2", ["CORE K-65 at 1"]),
    ],
)
def test_rules_are_named_in_comments_docstrings_and_bare_numbers(
    source: str, found: list[str]
) -> None:
    assert told(source) == found


@pytest.mark.parametrize(
    "source",
    [
        'print("write L-33, K-65 or C-22")',
        'x = f"{name} (L-33)"',
        "x = L-33",
        "# UTF-8, AES-256 and HMAC-SHA-256",
        "# see KG114, us-east-1 and o-1",
        "# pages A-Z",
    ],
)
def test_other_texts_name_no_rule(source: str) -> None:
    assert told(source) == []


def test_a_range_names_the_rules_in_it_and_leaves_gaps_out() -> None:
    assert told("# L-20 to L-30") == [f"AUTH L-{n} at 1" for n in (20, 21, 22, 30)]


def test_a_range_goes_on_in_the_next_line_of_a_comment_or_docstring() -> None:
    assert told("# AUTH J-62 to\n# J-64") == [f"AUTH J-{n} at 1" for n in (62, 63, 64)]
    assert told('"""AUTH J-62 to\nJ-64."""') == [f"AUTH J-{n} at 1" for n in (62, 63, 64)]


def test_a_range_whose_ends_are_unknown_is_its_ends() -> None:
    assert told("# L-20 to L-999") == ["AUTH L-20 at 1", "AUTH L-999 at 1"]


def test_the_word_in_front_counts_to_the_end_of_the_comment() -> None:
    assert told("x = 1  # CORE K-5\ny = 2  # K-6") == ["CORE K-5 at 1", "AUTH K-6 at 2"]
    assert told("# CORE K-5\n# and K-6\n\n# K-7") == [
        "CORE K-5 at 1",
        "CORE K-6 at 2",
        "AUTH K-7 at 4",
    ]


def test_outside_policy_a_bare_number_of_chapter_k_is_one_of_core() -> None:
    assert told("# K-65, AUTH K-66", CORE) == ["CORE K-65 at 1", "AUTH K-66 at 1"]
    assert told("# J-52, CORE K-66, L-9", CORE) == [
        "AUTH J-52 at 1",
        "CORE K-66 at 1",
        "AUTH L-9 at 1",
    ]


# The list


def test_the_list_has_one_line_for_each_rule_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    assert rules.main([]) == 0

    *listed, total = capsys.readouterr().out.splitlines()
    expected = [rule for chapter in COVERED for rule in numbers(chapter)]
    assert [line.split()[0] for line in listed] == expected
    assert total.startswith(f"{len(expected)} rules: ")


def test_a_line_tells_code_and_cases_or_why_there_is_none(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rules.main(["L-33", "A-1"])

    without, line, total = capsys.readouterr().out.splitlines()
    assert without.endswith(f"| no case: {WITHOUT_CASE['A-1']}")
    place = next(c for c in CITED if (c.document, c.rule) == (AUTH, "L-33"))
    assert f"{place.file}:{place.line}" in line
    assert "policy/worked-examples-key-policy.scenario.yaml: X-" in line
    assert total.startswith("2 rules: ")


def test_a_wish_that_names_no_rule_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert rules.main(["Y"]) == 2
    assert "no such rule" in capsys.readouterr().err


def test_citations_say_where() -> None:
    (found,) = citations_in("\n\nx = 1  # L-33\n", "policy/a.py", AUTH)

    assert found == Citation(AUTH, "L-33", "policy/a.py", 3)
