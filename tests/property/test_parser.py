"""Any text at all: what reading it may and may not do (AUTH B-1, P-6)."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any, NoReturn

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from policy import PolicyError, PolicyKind, Source, read
from policy.parser import MAX_DEPTH, MAX_PROBLEMS, parse_json, parse_mending
from policy.reader import decode
from policy.strict import StrictReader
from policy.tree import Array, Boolean, Node, Null, Number, Object, String
from tests.cast import ROOT, allow, document
from tests.strategies import JSON_VALUES, NEARLY_JSON, damaged

POLICY = document(
    ROOT,
    allow(
        ["kms:Encrypt", "kms:Decrypt"],
        "arn:aws:iam::111122223333:role/app",
        Sid="use, of: the key",
        when={"StringEquals": {"kms:ViaService": ["s3", "ebs"]}, "Bool": {"kms:MultiRegion": True}},
    ),
)
PRETTY = json.dumps(json.loads(POLICY), indent=2)
TEXTS = NEARLY_JSON | st.text(max_size=40) | damaged(POLICY) | damaged(PRETTY)

STRICT = StrictReader(resources.files("policy").joinpath("strict.lark").read_text("utf-8"))
SPACES = st.sampled_from(["", "", " ", "\n", "\r\n\t", "  "])
STRINGS = st.lists(
    st.sampled_from(
        ["a", "b", " ", "/", "'", "é", "東", "🔑", "\x7f", "\u2028", "[", "]", "{", "}", ",", ":",
         r"\"", r"\\", r"\/", r"\b", r"\f", r"\n", r"\r", r"\t", r"\u0041", r"\u0000", r"\u00E9",
         r"\ud83d\udd11", r"\uD83D\uDD11"]
    ),
    max_size=4,
).map(lambda parts: f'"{"".join(parts)}"')  # fmt: skip
NUMBERS = st.sampled_from(["0", "-0", "7", "-12.50", "1e5", "1E+05", "0.0e-1", "9" * 40])


def _spaced(parts: list[str]) -> st.SearchStrategy[str]:
    spaces = st.lists(SPACES, min_size=len(parts) + 1, max_size=len(parts) + 1)
    return spaces.map(
        lambda found: found[0] + "".join(p + s for p, s in zip(parts, found[1:], strict=True))
    )


def _between(brackets: str, entries: list[list[str]]) -> list[str]:
    commas = [part for entry in entries for part in (",", *entry)]
    return [brackets[0], *commas[1:], brackets[1]]


def _nested(inner: st.SearchStrategy[list[str]]) -> st.SearchStrategy[list[str]]:
    items = st.lists(inner, max_size=3)
    members = st.lists(st.tuples(STRINGS, inner), max_size=3)
    return items.map(lambda found: _between("[]", found)) | members.map(
        lambda found: _between("{}", [[name, ":", *value] for name, value in found])
    )


GRAMMATICAL = st.recursive(
    (STRINGS | NUMBERS | st.sampled_from(["true", "false", "null"])).map(lambda sign: [sign]),
    _nested,
    max_leaves=20,
).flatmap(_spaced)
"""Texts of the grammar of JSON, in any layout; a member may stand twice."""


@given(TEXTS, st.sampled_from([None, *PolicyKind]))
@example("{" * 100, None)
@example('{"a": "\\ud800', None)
def test_reading_never_fails_and_says_what_is_wrong(text: str, kind: PolicyKind | None) -> None:
    found = read(Source("x", text), kind)

    assert (found.policy is None) == bool(found.problems)
    starts = [problem.span.start for problem in found.problems]
    assert starts == sorted(starts)
    for problem in found.problems:
        assert problem.code.startswith("KG")
        assert 0 <= problem.span.start <= problem.span.end
        assert problem.span.start <= len(text)
        assert problem.message
        assert "\n" not in found.source.place(problem.span)
        assert len(found.source.excerpt(problem.span).split("\n")) == 3
    if found.problems:
        assert str(PolicyError(found.source, found.problems))


@given(TEXTS)
@example('{"a": 1, "a": 2}')
@example("[1, NaN]")
@example("[1e5, -0.0E+2]")
@example('"a"b, "c"')
@example('["a, "b", "c,\n"]')
def test_a_text_is_accepted_exactly_when_it_is_strict_json(text: str) -> None:
    assert (not parse_json(Source("x", text)).problems) == is_strict_json(text)


@given(GRAMMATICAL | GRAMMATICAL.flatmap(damaged) | TEXTS)
@example('{"a": {"b": {"c": ["d"], "c": 1}}}')
@example('[{"a": "\\ud800"}]')
@example('{"a": [1, {"b": []}, {}, []], "c": {"d": {"e": {"f": {}}}}}')
def test_the_short_way_takes_what_the_long_way_takes_and_builds_the_same(text: str) -> None:
    long = parse_mending(Source("x", text))

    assert STRICT.tree(text) == (None if long.problems else long.tree)


@given(GRAMMATICAL)
def test_the_short_way_reads_as_the_standard_library_does(text: str) -> None:
    tree = STRICT.tree(text)

    assert (tree is not None) == is_strict_json(text)
    if tree is not None:
        assert pairs_of(tree) == json.loads(text, object_pairs_hook=tuple)
        for node in nodes(tree):
            part = text[node.span.start : node.span.end]
            assert part == part.strip()
            assert json.loads(part, object_pairs_hook=tuple) == pairs_of(node)


def pairs_of(node: Node) -> object:
    """Return the value with objects as pairs, so that their order counts."""
    if isinstance(node, Object):
        return tuple((member.name.value, pairs_of(member.value)) for member in node.members)
    if isinstance(node, Array):
        return [pairs_of(item) for item in node.items]
    return value_of(node)


def is_strict_json(text: str) -> bool:
    """Ask the standard library, and look for what it lets pass."""

    def refuse(constant: str) -> NoReturn:
        raise ValueError(constant)

    def pairs(members: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({name for name, _ in members}) < len(members):
            raise ValueError("a repeated member")
        return dict(members)

    try:
        value = json.loads(text, parse_constant=refuse, object_pairs_hook=pairs)
        text.encode()
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, UnicodeEncodeError):
        return False
    return depth(value) <= MAX_DEPTH


def depth(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth, value), default=0)
    return 0


def value_of(node: Node) -> object:
    match node:
        case Object():
            return {member.name.value: value_of(member.value) for member in node.members}
        case Array():
            return [value_of(item) for item in node.items]
        case Number():
            return json.loads(node.text)
        case String() | Boolean():
            return node.value
        case Null():
            return None


def nodes(node: Node) -> list[Node]:
    if isinstance(node, Object):
        inner = [part for member in node.members for part in (member.name, member.value)]
    else:
        inner = list(node.items) if isinstance(node, Array) else []
    return [node, *(found for part in inner for found in nodes(part))]


LAYOUTS = st.sampled_from(
    [{}, {"indent": 2}, {"indent": "\t"}, {"separators": (",", ":")}, {"ensure_ascii": False}]
)


@given(JSON_VALUES, LAYOUTS, st.sampled_from(["", " ", "\r\n\t"]))
def test_json_yields_its_value_and_each_part_its_place(
    value: object, layout: dict[str, Any], space: str
) -> None:
    text = space + json.dumps(value, **layout) + space
    result = parse_json(Source("x", text))

    assert result.problems == ()
    assert result.damaged == ()
    assert result.tree is not None
    assert value_of(result.tree) == value
    for node in nodes(result.tree):
        part = text[node.span.start : node.span.end]
        assert part == part.strip()
        assert json.loads(part) == value_of(node)


@given(st.binary(max_size=30))
@example(b"\xef\xbb\xbf{}")
@example(b"{}\xff")
def test_bytes_are_a_text_or_an_error_at_their_first_bad_byte(data: bytes) -> None:
    whole = data.decode(errors="replace")
    good = next(n for n in range(len(data), -1, -1) if is_utf8(data[:n]))
    if good == len(data):
        assert decode(data, "x") == Source("x", whole)
        return
    with pytest.raises(PolicyError) as caught:
        decode(data, "x")

    (problem,) = caught.value.problems
    assert (problem.code, problem.span.start) == ("KG101", len(caught.value.source.text))
    assert caught.value.source.text.encode() == data[:good]


def is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


SIZE = 40_000


@pytest.mark.parametrize(
    "piece",
    [
        '"', '"a', '"a"b ', '"a, "b ', '", ', '"\na', '"a"b"', '"\t', '["a"},', '{"a":1,', "[", "]",
        "[}", "{]", "[{", '["a",', '{"a":{"b":["c"],', '"a":[1],', ",", ":", "\\", "'", "“", "/*",
        "*/", "//", "a ", "a: ", "1,", "${", ".", "\x00", "\xa0",
    ],
)  # fmt: skip
def test_repetition_costs_no_more_than_its_length(piece: str) -> None:
    """A size at which anything but a linear effort would not come to an end."""
    for text in (piece * (SIZE // len(piece)), '"' + piece * (SIZE // len(piece))):
        assert 0 < len(parse_json(Source("x", text)).problems) <= MAX_PROBLEMS
