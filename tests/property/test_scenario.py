"""Laws of scenario files: whatever is written, a file is refused in words or its tests run."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kmsgate import yaml_reader
from kmsgate.scenario.expectations import EXPECT_FIELDS
from kmsgate.scenario.fields import FileError
from kmsgate.scenario.files import FILE_FIELDS, SUFFIX, TEST_FIELDS, load
from kmsgate.scenario.model import Suite
from kmsgate.scenario.names import KEY_FIELDS, SESSION_FIELDS, USER_FIELDS
from kmsgate.scenario.report import Ran, show_failures, show_file_error, show_suite, show_total
from kmsgate.scenario.run import run
from kmsgate.scenario.steps import ACTIONS, CALL_FIELDS, CHANGES
from kmsgate.scenario.things import GRANT_FIELDS
from kmsgate.scenario.world import SECTIONS
from policy.errors import PolicyError
from policy.source import Source
from policy.tree import Array, Node, Object, String
from tests.scenario_text import plain_screen, written

FOLDER = Path(__file__).parents[2] / "scenarios"
MAX_LENGTH = 7_000

NAMES = (
    *FILE_FIELDS, *TEST_FIELDS, *SECTIONS, *USER_FIELDS, *SESSION_FIELDS, *KEY_FIELDS,
    *GRANT_FIELDS, *ACTIONS, *CALL_FIELDS, *EXPECT_FIELDS, *CHANGES, "add_statement",
    "drop_statement", "recreate", "delete", "grant", "alias", "event", "KeyId", "Plaintext",
    "CiphertextBlob", "text", "hex", "base64", "file", "random", "repeat", "length", "table", "key",
    "allow", "else", "who_can", "do", "<<",
)  # fmt: skip
"""Names that mean something somewhere."""

VALUES = (
    "null", "[]", "{}", "[1]", "[[]]", "{a: b}", "true", "false", "0", "-1", "1e999", "9" * 30, "é",
    '"\\0"', '"\\e[31m"', '""', "'$x'", "$x", "$", "$now", "$payroll.arn", "${aws:username}",
    "app", "root", "anonymous", '"service:"', "service:s3.amazonaws.com", '"arn:"', "alias/x",
    "arn:aws:iam::111122223333:root", "{file: .}", "{file: /dev/zero}", '{file: "a\\0b"}',
    "{text: x}", "{text: ''}", "{hex: zz}", "{random: 99999999}", "{repeat: 5a, length: 5}",
    "{repeat: '', length: 3}", "{managed: FullAWSAccess}", "default", "{in: 3 days}", "{in: [1]}",
    "{days: $x}", "5 minutes", "900000 weeks", "9999-12-31T00:00:00Z", "0001-01-01",
    "{absent: true}", "{absent: false}", "{length: 3}", '{matches: "(((("}', "{not: {not: 3}}",
    "PendingDeletion", "PendingImport", "EXTERNAL", "Encrypt", "Decrypt", "CreateKey", "ListKeys",
    "PutKeyPolicy", "CreateGrant", "RetireGrant", "DeleteAlias", "ScheduleKeyDeletion",
    "{Statement: []}",
    '{Statement: {Effect: Allow, Principal: "*", Action: "kms:*", Resource: "*"}}',
    "{app: [Encrypt]}", "{Sid: x, Effect: Deny, Principal: '*', Action: '*', Resource: '*'}",
    "explicit deny", "{deny: true}", "{message: '*'}", "{key: payroll, state: Disabled}",
)  # fmt: skip
"""Values that are right somewhere and wrong nearly everywhere."""


@cache
def originals() -> Sequence[tuple[str, str]]:
    """Return scenario files that load quickly, with their paths."""
    texts = [(str(path), path.read_text("utf-8")) for path in sorted(FOLDER.rglob(f"*{SUFFIX}"))]
    return [(path, text) for path, text in texts if len(text) < MAX_LENGTH and "RSA_" not in text]


def nodes(text: str) -> tuple[list[Node], list[String]]:
    """Return all nodes of a YAML text, and all names in it; none of what is not YAML."""
    try:
        waiting = [yaml_reader.read(Source("s.yaml", text))]
    except PolicyError:
        return [], []
    found: list[Node] = []
    names: list[String] = []
    while waiting:
        node = waiting.pop()
        found.append(node)
        if isinstance(node, Object):
            names += (member.name for member in node.members)
            waiting += (member.value for member in node.members)
        elif isinstance(node, Array):
            waiting += node.items
    return found, names


def with_other_lines(text: str, dice: random.Random) -> str:
    """Return a text with a line left out, written twice, or swapped with another."""
    lines = text.split("\n")
    at, other = dice.randrange(len(lines)), dice.randrange(len(lines))
    match dice.randrange(4):
        case 0:
            del lines[at]
        case 1:
            lines.insert(at, lines[at])
        case 2:
            lines.insert(other, lines.pop(at))
        case _:
            lines[at] = lines[at][: dice.randrange(len(lines[at]) + 1)]
    return "\n".join(lines)


def with_other_nodes(text: str, dice: random.Random) -> str:
    """Return a text with a name or value replaced, copied elsewhere, or added."""
    found, names = nodes(text)
    if not found or not names:
        return with_other_lines(text, dice)
    node, name = dice.choice(found), dice.choice(names)
    start, end = node.span.start, node.span.end
    match dice.randrange(5):
        case 0:
            return text[: name.span.start] + dice.choice(NAMES) + text[name.span.end :]
        case 1:
            other = dice.choice(found).span
            return text[:start] + text[other.start : other.end] + text[end:]
        case 2:
            added = f"{dice.choice(NAMES)}: {dice.choice(VALUES)}{dice.choice([', ', chr(10)])}"
            return text[: name.span.start] + added + text[name.span.start :]
        case _:
            is_block = isinstance(node, Object | Array) and text[start : start + 1] not in (
                "[",
                "{",
            )
            return f"{text[:start]}{dice.choice(VALUES)}{chr(10) if is_block else ''}{text[end:]}"


def with_other_scalars(text: str, dice: random.Random) -> str:
    """Return a text in which a value stands where another of its kind did: most of these run."""
    found, _ = nodes(text)
    scalars = [node for node in found if isinstance(node, String) and node.plain]
    if not scalars:
        return text
    node, other = dice.choice(scalars), dice.choice(scalars)
    return text[: node.span.start] + other.value + text[node.span.end :]


@st.composite
def changed_files(draw: st.DrawFn, *, gently: bool) -> tuple[str, str]:
    """Draw a scenario file that something has happened to."""
    path, text = draw(st.sampled_from(originals()))
    dice = draw(st.randoms(use_true_random=False))
    for _ in range(draw(st.integers(1, 3))):
        if gently:
            text = with_other_scalars(text, dice)
        else:
            text = dice.choice([with_other_nodes, with_other_nodes, with_other_lines])(text, dice)
    return path, text


def said_about(path: str, text: str) -> Iterator[str]:
    """Yield all that is printed about a file, whether it can be used or not."""
    out = plain_screen()
    try:
        suite = load(path, text.encode("utf-8", "surrogatepass"))
    except FileError as error:
        show_file_error(out, error)
    else:
        ran = Ran(suite, tuple(run(suite)))
        show_suite(out, ran)
        show_failures(out, ran)
        show_total(out, [ran], 0)
    yield from written(out).split("\n")


def is_harmless(line: str) -> bool:
    return line.replace("\t", " ").isprintable()


QUICK = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@QUICK
@given(changed_files(gently=False))
def test_a_broken_file_is_refused_in_words_or_runs(file: tuple[str, str]) -> None:
    lines = list(said_about(*file))

    assert any(lines)
    assert all(map(is_harmless, lines))


@QUICK
@given(changed_files(gently=True))
def test_a_file_with_other_values_is_refused_in_words_or_runs(file: tuple[str, str]) -> None:
    assert all(map(is_harmless, said_about(*file)))


@QUICK
@given(st.text(alphabet=st.sampled_from("abc:-[]{}&*!|>'\"%@`,#? \n\t$<~é\0\x1b"), max_size=60))
def test_any_text_is_refused_in_words(text: str) -> None:
    lines = list(said_about("s.yaml", text))

    assert lines[0].startswith("s.yaml:")
    assert all(map(is_harmless, lines))


@QUICK
@given(st.binary(max_size=40))
def test_any_bytes_are_refused_in_words(data: bytes) -> None:
    with pytest.raises(FileError):
        load("s.yaml", data)


@pytest.mark.parametrize("number", range(3))
def test_the_order_of_tests_does_not_matter(number: int) -> None:
    dice = random.Random(number)  # noqa: S311 - nothing secret
    for path, text in originals()[number::3]:
        suite = load(path, text.encode())
        mixed = list(suite.tests)
        dice.shuffle(mixed)
        other = Suite(suite.path, suite.source, suite.story, suite.rules, tuple(mixed), "default")

        assert outcomes(other) == outcomes(suite)


def outcomes(suite: Suite) -> dict[str, list[str]]:
    """Return what becomes of each test by name, whatever the order."""
    return {r.test.name: [failure.message for failure in r.failures] for r in run(suite)}
