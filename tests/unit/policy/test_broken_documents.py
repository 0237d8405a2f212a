"""What is said about documents that are wrong, and where: the table in tests/corpus/broken.yaml."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

import policy
from policy import PolicyError, PolicyKind, PolicySyntaxError, Source, parse, read
from policy.parser import MAX_CHARACTERS
from policy.reader import decode

CORPUS = Path(__file__).parents[2] / "corpus" / "broken.yaml"
SYNTAX = {"KG101", "KG102", "KG103", "KG104", "KG105"}


@dataclass(frozen=True)
class Broken:
    name: str
    text: str
    problems: list[tuple[str, int, int, str]]
    kind: str = "key policy"


CASES = [Broken(**case) for case in yaml.safe_load(CORPUS.read_text("utf-8"))]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_mistake_is_named_where_it_stands(case: Broken) -> None:
    source = Source("broken.json", case.text)

    found = read(source, PolicyKind(case.kind))

    places = [
        (problem.code, position.line, position.column)
        for problem in found.problems
        for position in [source.position(problem.span.start)]
    ]
    assert places == [(code, line, column) for code, line, column, _ in case.problems]
    for problem, (*_, part) in zip(found.problems, case.problems, strict=True):
        assert part in problem.message
    assert found.policy is None


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_parse_raises_and_says_the_first_mistake_on_a_line(case: Broken) -> None:
    with pytest.raises(PolicyError) as caught:
        parse(case.text, name="broken.json", kind=PolicyKind(case.kind))

    code, line, column, part = case.problems[0]
    said = str(caught.value)
    assert said.startswith(f"broken.json:{line}:{column}: {code} ")
    assert part in said
    assert said.endswith(f" (and {len(case.problems) - 1} more)") == (len(case.problems) > 1)
    assert "\n" not in said
    is_syntax = any(code in SYNTAX for code, *_ in case.problems)
    assert isinstance(caught.value, PolicySyntaxError) == is_syntax


def test_every_rule_that_reading_applies_has_a_document() -> None:
    folder = Path(policy.__file__).parent
    applied = {
        code
        for module in ("parser.py", "reader.py")
        for code in re.findall(r'"(KG\d{3})"', (folder / module).read_text("utf-8"))
    }

    assert applied == {code for case in CASES for code, *_ in case.problems}


def test_every_document_has_a_name_of_its_own() -> None:
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize(
    ("data", "line", "column", "byte"),
    [
        (b'{"Statement": [],\n "Id": "caf\xe9"}', 2, 12, "0xE9"),
        ('{"Id": "東京"}'.encode() + b"\xff", 1, 13, "0xFF"),
        ("{}".encode("utf-16"), 1, 1, "0xFF"),
        ('{"Id": "東"}'.encode()[:-3], 1, 9, "0xE6"),
    ],
)
def test_bytes_that_are_no_utf8_are_refused_at_the_first_of_them(
    data: bytes, line: int, column: int, byte: str
) -> None:
    with pytest.raises(PolicySyntaxError) as caught:
        decode(data, "keys/app.json")

    assert str(caught.value) == (
        f"keys/app.json:{line}:{column}: KG101 syntax error: byte {byte} is not valid UTF-8"
    )


@pytest.mark.parametrize("size", [MAX_CHARACTERS + 1, 10_000_000])
def test_a_text_that_is_too_long_is_refused_unread(size: int) -> None:
    (problem,) = read(Source("big.json", "[" * size)).problems

    assert (problem.code, problem.span.start) == ("KG101", 0)
    assert f"the text has {size:,} characters, more than 262,144" == problem.message


def test_a_text_of_the_longest_length_is_read() -> None:
    text = '{"Statement": {"Effect": "Deny", "Principal": "*", "Action": "kms:*", "Resource": "*"}}'

    assert parse(text.ljust(MAX_CHARACTERS)).statements
