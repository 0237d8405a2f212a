"""The YAML reader: what it makes of a text, where each part stands, and what it refuses."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeAlias

import pytest
import yaml

from kmsgate import yaml_reader
from kmsgate.yaml_reader import YamlError, decode, read
from policy.errors import PolicyError, Problem
from policy.source import Position, Source, Span
from policy.tree import Array, Node, Null, Object, String

Shape: TypeAlias = "str | list[Shape] | list[tuple[str, Shape]] | None"

BOM = "\ufeff"
ASTRAL = "\N{OLD ITALIC LETTER A}\N{LOCK}"
LOADERS: dict[str, type] = {"python": yaml.SafeLoader}
if yaml.__with_libyaml__:
    LOADERS["c"] = yaml.CSafeLoader


@pytest.fixture(params=sorted(LOADERS), autouse=True)
def loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run each test on every loader that PyYAML has here: they must not be told apart."""
    monkeypatch.setattr(yaml_reader, "LOADER", LOADERS[request.param])


def tree(text: str) -> Node:
    return read(Source("s.yaml", text))


def value_of(text: str, name: str = "k") -> Node:
    """Return the value of a member of the object that a text is."""
    root = tree(text)
    assert isinstance(root, Object)
    value = root.get(name)
    assert value is not None
    return value


def shape(node: Node) -> Shape:
    """Return a tree without places; objects become pairs, so that order and repetition show."""
    match node:
        case String(value):
            return value
        case Null():
            return None
        case Array(items):
            return [shape(item) for item in items]
        case Object(members):
            return [(member.name.value, shape(member.value)) for member in members]
    raise AssertionError(node)


def written(text: str, node: Node) -> str:
    return text[node.span.start : node.span.end]


def problems(text: str) -> list[Problem]:
    with pytest.raises(YamlError) as caught:
        tree(text)
    assert all(problem.code == "" for problem in caught.value.problems)
    return list(caught.value.problems)


def lines(text: str) -> list[str]:
    """Return each problem of a text as `line:column: message`, its notes behind it."""
    source = Source("s.yaml", text)

    def line(span: Span, message: str) -> str:
        return f"{source.place(span).removeprefix('s.yaml:')}: {message}"

    said = []
    for problem in problems(text):
        said.append(line(problem.span, problem.message))
        said.extend(f"note: {line(note.span, note.message)}" for note in problem.notes if note.span)
    return said


# Scalars.


@pytest.mark.parametrize(
    "text",
    [
        "no",
        "yes",
        "on",
        "true",
        "False",
        "012345678901",
        "0o17",
        "0x1F",
        "12:30",
        "1e3",
        "1_000",
        "-5",
        ".inf",
        ".nan",
        "2026-01-05",
        "2026-01-05T09:00:00Z",
        "5 minutes",
        "=",
        "<<",
        "NULL",
        "Null",
        "nil",
        "arn:aws:kms:eu-west-1:111122223333:key/*",
        "kms:Decrypt*",
        "$orders.arn",
        "it's",
    ],
)
def test_a_plain_scalar_is_the_text_that_is_written(text: str) -> None:
    assert value_of(f"k: {text}\n") == String(text, Span(3, 3 + len(text)), plain=True)


@pytest.mark.parametrize("text", ["", "~", "null"])
def test_nothing_and_tilde_and_null_are_null(text: str) -> None:
    at = 3 if text else 2
    assert value_of(f"k: {text}") == Null(Span(at, at + len(text)))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("'null'", "null"),
        ('"~"', "~"),
        ("''", ""),
        ("'it''s'", "it's"),
        (r'"tab\t, \"quoted\", \u00e9, \U0001f512, \0"', 'tab\t, "quoted", é, \U0001f512, \0'),
        ("'two\n  lines'", "two lines"),
        ('"one\\\n  line"', "oneline"),
        ("|\n  a\n   b\n", "a\n b\n"),
        ("|-\n  a\n", "a"),
        ("|+\n  a\n\n", "a\n\n"),
        (">\n  a\n  b\n", "a b\n"),
        ("|2\n   a\n", " a\n"),
    ],
)
def test_a_quoted_or_block_scalar_is_a_text_and_not_plain(text: str, value: str) -> None:
    node = value_of(f"k: {text}")
    assert isinstance(node, String)
    assert (node.value, node.plain) == (value, False)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("k: plain # remark", "plain"),
        ("k:   'single'  ", "'single'"),
        ('k: "dou\\"ble"', '"dou\\"ble"'),
        ("k: two\n  lines   \n\nz: 1", "two\n  lines"),
        ("k: 'two\n  lines'\nz: 1", "'two\n  lines'"),
        ("k: |\n  a\n\n  b\n\n\nz: 1", "|\n  a\n\n  b"),
        ("k: >- # remark\n  a\n # remark\nz: 1", ">- # remark\n  a"),
        ("k: |\nz: 1", "|"),
        ("k: ~\n", "~"),
        ("k:\nz: 1", ""),
        ("{k: a, z: b}", "a"),
        ("{k: , z: b}", ""),
        ("k: &x a", "a"),
        ("k: !!str a", "a"),
        ("k: &x !!str 'a'", "'a'"),
        ("k: !!str &x # remark\n\n  a", "a"),
        ("k: &x\nz: 1", "&x"),
        ("k: &x [a, b] # remark", "[a, b]"),
        ("k: [a,\n  b,\n]", "[a,\n  b,\n]"),
        ("k: {}", "{}"),
        ("k: &x\n  - a\n  - b # remark\nz: 1", "- a\n  - b"),
        ("k:\n- a\n- b\n\nz: 1", "- a\n- b"),
        ("k:\n  a: 1\n  b:\n\nz: 1", "a: 1\n  b:"),
        ("k: &x\n  &y a: 1\nz: 1", "&y a: 1"),
        ("k: [a: b]", "[a: b]"),
        ("z: &x [a, b]\nk: [c, *x]\n", "[c, *x]"),
        ("z: &x [a, b]\nk:\n- c\n- *x\n", "- c\n- *x"),
    ],
)
def test_a_span_covers_the_node_as_it_is_written(text: str, expected: str) -> None:
    assert written(text, value_of(text)) == expected


def test_a_pair_inside_a_list_is_an_object_without_brackets() -> None:
    text = "[a: b , 'c': [d]]"
    root = tree(text)
    assert isinstance(root, Array)
    assert [written(text, item) for item in root.items] == ["a: b", "'c': [d]"]


@pytest.mark.parametrize(
    "before",
    [
        "",
        BOM,
        BOM + BOM,
        f"# {ASTRAL}\n",
        f"{BOM}# {ASTRAL}\r\n",
        f"{ASTRAL}: é\n",
        f"'{ASTRAL}{ASTRAL}': |\n  {ASTRAL}\n",
        "a: b\rc: d\r\n",
        "a: x\u00a0y\n",
    ],
)
def test_offsets_count_characters_whatever_stands_before(before: str) -> None:
    text = f"{before}k: ['{ASTRAL}', here]\n"
    node = value_of(text)
    assert isinstance(node, Array)
    assert [written(text, item) for item in node.items] == [f"'{ASTRAL}'", "here"]


def test_problems_behind_characters_outside_the_basic_plane_have_the_right_column() -> None:
    text = f"{BOM}# {ASTRAL}\n'{ASTRAL}': {ASTRAL}\n'{ASTRAL}': {ASTRAL}{ASTRAL} : x\n"
    assert lines(text)[0] == f"3:1: '{ASTRAL}' is defined twice"
    assert lines(text)[-1] == "3:12: a ':' cannot stand here"


# Lists, objects and their names.


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- a\n- [b, 'c']\n- {d: e}\n-\n", ["a", ["b", "c"], [("d", "e")], None]),
        ("a: 1\nb:\n  c: {}\n  d: []\n", [("a", "1"), ("b", [("c", []), ("d", [])])]),
        ('{"a":"b", c: }', [("a", "b"), ("c", None)]),
        ("--- a\n", "a"),
        ("%YAML 1.2\n---\na\n...\n# the end\n", "a"),
        ("%YAML 1.1 # old\r\n--- a\r\n", "a"),
        (
            "null: 1\n~: 2\nNull: 3\ntrue: 4\n",
            [("null", "1"), ("~", "2"), ("Null", "3"), ("true", "4")],
        ),
        ("'': 1\n'a b': 2\n? c\n: 3\n", [("", "1"), ("a b", "2"), ("c", "3")]),
        ("- &a x\n- *a : y\n", ["x", [("x", "y")]]),
    ],
)
def test_lists_and_objects_keep_the_order_of_the_text(text: str, expected: Shape) -> None:
    assert shape(tree(text)) == expected


def test_a_name_is_plain_or_not_as_a_value_is() -> None:
    root = tree("a: 1\n'b': 2\n")
    assert isinstance(root, Object)
    assert [member.name for member in root.members] == [
        String("a", Span(0, 1), plain=True),
        String("b", Span(5, 8), plain=False),
    ]


def test_a_name_given_by_an_alias_stands_where_the_alias_does() -> None:
    text = "- &a x\n- *a : y\n- *a : z\n"
    root = tree(text)
    assert isinstance(root, Array)
    names = [item.members[0].name for item in root.items if isinstance(item, Object)]
    assert [name.span for name in names] == [Span(9, 11), Span(18, 20)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("? [a]\n: b\n", ["1:3: a name must be a string, not a list"]),
        ("a: b\n{c: d}: e\n", ["2:1: a name must be a string, not an object"]),
        ("- &x\n- *x : y\n", ["2:3: a name must be a string, not null"]),
        ("? \n: x\n", ["1:2: a name is missing here"]),
        ("a: 1\nb: 2\na: 3\n", ["3:1: 'a' is defined twice", "note: 1:1: first here"]),
        ("{a: 1, 'a': 2}", ["1:8: 'a' is defined twice", "note: 1:2: first here"]),
        (
            "a:\n  b: 1\n  b: 2\n  b: 3\n",
            [
                "3:3: 'b' is defined twice",
                "note: 2:3: first here",
                "4:3: 'b' is defined twice",
                "note: 2:3: first here",
            ],
        ),
        ("- &a x\n- {x: 1, *a : 2}", ["2:10: 'x' is defined twice", "note: 2:4: first here"]),
        ("<<: {}\n<<: {}\n", ["2:1: '<<' is defined twice", "note: 1:1: first here"]),
        (
            f"{'x' * 99}: 1\n{'x' * 99}: 2\n",
            [f"2:1: '{'x' * 60}…' is defined twice", "note: 1:1: first here"],
        ),
    ],
)
def test_a_name_is_one_string_and_stands_once_in_its_object(text: str, expected: list[str]) -> None:
    assert lines(text) == expected


def test_the_same_name_may_stand_in_two_objects() -> None:
    assert shape(tree("[{a: 1}, {a: 2}]")) == [[("a", "1")], [("a", "2")]]


# Merge keys.


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<<: {a: 1, b: 2}\nc: 3\n", [("a", "1"), ("b", "2"), ("c", "3")]),
        ("c: 3\n<<: {a: 1}\nd: 4\n", [("c", "3"), ("a", "1"), ("d", "4")]),
        ("<<: {a: 1, b: 2}\na: own\n", [("b", "2"), ("a", "own")]),
        ("a: own\n<<: {a: 1}\n", [("a", "own")]),
        ("<<: [{a: 1}, {a: 2, b: 2}]\n", [("a", "1"), ("b", "2")]),
        ("<<: []\n", []),
        ("<<: {<<: {a: 1, b: 1}, b: 2}\n", [("a", "1"), ("b", "2")]),
        ("'<<': {a: 1}\n", [("<<", [("a", "1")])]),
        ("!!str <<: a\n", [("<<", "a")]),
        ("'<<': 1\n<<: {a: 2}\n", [("<<", "1"), ("a", "2")]),
    ],
)
def test_merged_members_stand_where_the_merge_key_does_and_own_ones_win(
    text: str, expected: Shape
) -> None:
    assert shape(tree(text)) == expected


def test_a_merge_through_aliases_shares_the_members_with_their_places() -> None:
    text = "base: &base {a: [1]}\nmore: &more {a: 2, b: 3}\nk: {<<: [*base, *more], c: 4}\n"
    merged = value_of(text)
    assert shape(merged) == [("a", ["1"]), ("b", "3"), ("c", "4")]
    base = value_of(text, "base")
    assert isinstance(merged, Object)
    assert isinstance(base, Object)
    assert merged.members[0] == base.members[0]
    assert written(text, merged.members[0].value) == "[1]"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<<: a\n", "1:5: '<<' merges an object or a list of objects, not a string"),
        ("<<:\n", "1:4: '<<' merges an object or a list of objects, not null"),
        ("<<: [{a: 1}, [b]]\n", "1:5: '<<' merges objects, and item 2 of this list is a list"),
        ("- &x a\n- <<: *x\n", "2:7: '<<' merges an object or a list of objects, not a string"),
    ],
)
def test_only_objects_can_be_merged(text: str, expected: str) -> None:
    assert lines(text) == [expected]


def test_a_merge_of_something_that_is_wrong_already_is_not_reported_again() -> None:
    assert lines("<<: *x\n") == ["1:5: no anchor is named 'x'"]
    assert lines("<<: [*x, {a: 1}]\n") == ["1:6: no anchor is named 'x'"]


# Anchors and aliases.


def test_an_alias_is_the_node_of_its_anchor() -> None:
    root = tree("- &x {a: [b]}\n- *x\n- [*x]\n")
    assert isinstance(root, Array)
    first, second, third = root.items
    assert second is first
    assert isinstance(third, Array)
    assert third.items[0] is first


def test_an_alias_names_the_last_anchor_before_it() -> None:
    assert shape(tree("[&x a, *x, &x b, *x]")) == ["a", "a", "b", "b"]
    assert shape(tree("[&x [&x a, *x], *x]")) == [["a", "a"], "a"]


@pytest.mark.parametrize("text", ["&x [*x]", "&x [a, {b: *x}]", "&x {a: *x}", "&x {<<: *x}"])
def test_an_alias_inside_its_own_anchor_is_a_problem(text: str) -> None:
    column = text.index("*") + 1
    assert lines(text) == [f"1:{column}: 'x' stands inside itself", "note: 1:4: it starts here"]


def test_an_unknown_anchor_is_a_problem_that_offers_quotes() -> None:
    (problem,) = problems("Action: *Decrypt\n")
    assert problem.message == "no anchor is named 'Decrypt'"
    assert problem.span == Span(8, 16)
    assert problem.help == "put text that starts with '*' in quotes"


# Tags.


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("!!map {a: !!seq [!!str b]}", [("a", ["b"])]),
        ("!!seq\n- !!str 'a'\n- &x !!str b\n", ["a", "b"]),
        ("!<tag:yaml.org,2002:str> a", "a"),
    ],
)
def test_tags_that_say_what_is_there_anyway_change_nothing(text: str, expected: Shape) -> None:
    assert shape(tree(text)) == expected


@pytest.mark.parametrize(
    ("text", "value"), [("!!str 12", "12"), ("!!str null", "null"), ("!!str", "")]
)
def test_a_scalar_with_the_text_tag_is_text_as_in_quotes(text: str, value: str) -> None:
    node = value_of(f"k: {text}\n")
    assert isinstance(node, String)
    assert (node.value, node.plain) == (value, False)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: !foo b", ["1:4: the tag '!foo' has no meaning here"]),
        ("a: &x !foo b", ["1:7: the tag '!foo' has no meaning here"]),
        ("a: ! b", ["1:4: the tag '!' has no meaning here"]),
        ("a: !!binary |\n  QQ==\n", ["1:4: the tag '!!binary' has no meaning here"]),
        ("a: !!int 3", ["1:4: the tag '!!int' has no meaning here"]),
        ("a: !!map [b]", ["1:4: the tag '!!map' has no meaning here"]),
        ("a: !!str {b: c}", ["1:4: the tag '!!str' has no meaning here"]),
        (
            "a: !<tag:yaml.org,2002:set> {b}",
            ["1:4: the tag '!<tag:yaml.org,2002:set>' has no meaning here"],
        ),
        (
            "!!python/object/apply:os.system\n- !x\n- !y z\n",
            [
                "1:1: the tag '!!python/object/apply:os.system' has no meaning here",
                "2:3: the tag '!x' has no meaning here",
                "3:3: the tag '!y' has no meaning here",
            ],
        ),
    ],
)
def test_other_tags_are_problems(text: str, expected: list[str]) -> None:
    assert lines(text) == expected


# Documents.


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "1:1: the document is empty"),
        (BOM, "1:1: the document is empty"),
        ("\n# only remarks\n", "1:1: the document is empty"),
        ("---\n", "2:1: the document is empty"),
        ("--- # nothing\n...\n", "2:1: the document is empty"),
        ("a: 1\n---\nb: 2\n", "2:1: a second document starts here"),
        ("a: 1\n...\n\n--- b\n", "4:1: a second document starts here"),
        ("a: 1\n...\n%YAML 1.2\n--- b\n", "3:1: a second document starts here"),
        ("a: 1\n...\nb: 2\n", "3:1: nothing can follow the end of the document"),
        ("[a] b\n", "1:5: nothing can follow the end of the document"),
        ("# x\n%TAG ! tag:x:\n%FOO\n--- a\n", "2:1: a line that starts with '%' is not read here"),
        ("%YAML 2.0\n--- a\n", "1:1: a line that starts with '%' is not read here"),
        ("%FOO", "1:1: a line that starts with '%' is not read here"),
    ],
)
def test_a_file_holds_one_document(text: str, expected: str) -> None:
    assert lines(text)[0] == expected


def test_the_first_of_two_documents_is_read_all_the_same() -> None:
    assert lines("a: *x\n---\nb: *y\n") == [
        "1:4: no anchor is named 'x'",
        "2:1: a second document starts here",
    ]


# Limits.


def laughs(levels: int) -> str:
    """Return a document of nine to the power of `levels` texts."""
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, levels)]
    return "\n".join(rows)


def merging_laughs(levels: int) -> str:
    rows = ["a0: &a0 {x: y}"]
    rows += [f"a{i}: &a{i} {{<<: *a{i - 1}, p: *a{i - 1}, q: *a{i - 1}}}" for i in range(1, levels)]
    return "\n".join(rows)


def test_aliases_may_expand_up_to_the_limit_of_nodes() -> None:
    per_alias = 101
    text = "- &x [" + ", ".join(["a"] * (per_alias - 1)) + "]\n"
    most = yaml_reader.MAX_NODES // per_alias
    assert isinstance(tree(text + "- *x\n" * (most - 1)), Array)
    assert lines(text + "- *x\n" * most) == [
        f"{most + 1}:3: the document grows beyond 200,000 nodes here"
    ]


@pytest.mark.parametrize("text", [laughs(40), merging_laughs(90)])
def test_a_bomb_of_aliases_is_refused_at_once(text: str) -> None:
    started = time.perf_counter()
    assert [problem.message for problem in problems(text)] == [
        "the document grows beyond 200,000 nodes here"
    ]
    assert time.perf_counter() - started < 1


def test_many_nodes_are_refused_where_the_limit_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml_reader, "MAX_NODES", 5)
    assert shape(tree("{a: b, c: d}")) == [("a", "b"), ("c", "d")]
    assert lines("{a: b,\n c: [d]}") == ["2:6: the document grows beyond 5 nodes here"]


def flow_lists(depth: int) -> str:
    return "[\n" * depth + "]" * depth


def flow_objects(depth: int) -> str:
    return "{a:\n" * depth + "}" * depth


def block_lists(depth: int) -> str:
    return "- " * depth + "a"


def chained_aliases(depth: int) -> str:
    rows = [f"- &a{i} [*a{i - 1}]" for i in range(1, depth - 1)]
    return "\n".join(["- &a0 []", *rows, ""]) if depth > 1 else "[]"


@pytest.mark.parametrize("nest", [flow_lists, flow_objects, block_lists, chained_aliases])
def test_nesting_is_bounded(nest: Callable[[int], str]) -> None:
    assert isinstance(tree(nest(yaml_reader.MAX_DEPTH)), Array | Object)
    for depth in (yaml_reader.MAX_DEPTH + 1, 5000):
        assert [problem.message for problem in problems(nest(depth))] == [
            "lists and objects stand more than 100 deep here"
        ]


@pytest.mark.parametrize("text", ["[" * 100_000, "? " * 100_000, "- ? " * 50_000, "[{a: " * 50_000])
def test_deep_nesting_never_reaches_the_limit_of_recursion(text: str) -> None:
    assert "lists and objects stand more than 100 deep here" in {
        problem.message for problem in problems(text)
    }


def test_nesting_is_refused_where_the_limit_is() -> None:
    assert lines(flow_lists(200)) == ["101:1: lists and objects stand more than 100 deep here"]
    aliased = "- &x [[[a]]]\n- " + "[" * 96 + "\n*x " + "]" * 96
    assert isinstance(tree(aliased), Array)
    aliased = "- &x [[[a]]]\n- " + "[" * 97 + "\n*x " + "]" * 97
    assert lines(aliased) == ["3:1: lists and objects stand more than 100 deep here"]


def test_a_long_text_is_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml_reader, "MAX_CHARACTERS", 8)
    assert shape(tree("a: bcdef")) == [("a", "bcdef")]
    assert lines("a: bcdefg") == ["1:1: the text has more than 8 characters"]


# Broken syntax.


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\n\tb: 2\n", "2:1: a tab stands where YAML takes only spaces"),
        ("a:\n\tb: 1\n", "2:1: a tab stands where YAML takes only spaces"),
        ("a:\n  - b\n\t- c\n", "3:1: a tab stands where YAML takes only spaces"),
        ("a: |\n  b\n\tc\n", "3:1: a tab stands where YAML takes only spaces"),
        ("a: @b\n", "1:4: text cannot start with '@'"),
        ("a: `b`\n", "1:4: text cannot start with '`'"),
        ("a: %b\n", "1:4: text cannot start with '%'"),
        ("a: b: c\n", "1:5: a ':' cannot stand here"),
        ("a: b\n  c: d\n", "2:4: a ':' cannot stand here"),
        ("a: - b\n", "1:4: a list cannot start here"),
        ("a: ? b\n", "1:4: a name cannot start here"),
        ("a: 1\n'b' 2\n", "2:1: this name is not followed by ': '"),
        ("a: 'b\nc: d\n", "1:4: this quote is never closed"),
        ('a: "b\n---\n', "1:4: this quote is never closed"),
        ('a: "\\q"\n', "1:5: this backslash starts no escape"),
        ('a: "\\\\\\q"\n', "1:7: this backslash starts no escape"),
        ('a: "\\xZZ"\n', "1:5: this escape names no character"),
        ('a: "\\UFFFFFFFF"\n', "1:5: this escape names no character"),
        ("a: [b, c\n", "1:4: this '[' is never closed"),
        ("a: [b, {c: \n", "1:8: this '{' is never closed"),
        ("[a: ", "1:1: this '[' is never closed"),
        ("a: ]\n", "1:4: a value is missing before this"),
        ("a: [b, , c]\n", "1:8: a value is missing before this"),
        ("Resource: *\n", "1:11: only a name can follow this '*'"),
        ("Action: *:Decrypt\n", "1:9: only a name can follow this '*'"),
        ("a: &/ b\n", "1:4: only a name can follow this '&'"),
        ("a: !e!foo b\n", "1:4: this tag cannot be read"),
        ("a: !<foo b\n", "1:4: this tag cannot be read"),
        ("a: |x\n  b\n", "1:4: only a line end can follow this '|'"),
    ],
)
def test_broken_syntax_is_said_in_our_words_at_its_cause(text: str, expected: str) -> None:
    assert lines(text) == [expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "x:\n  a: 1\n  - b\n",
            [
                "3:3: this does not continue what stands before it",
                "note: 2:3: the object starts here",
            ],
        ),
        (
            "- a\nb: c\n",
            [
                "2:1: this does not continue what stands before it",
                "note: 1:1: the list starts here",
            ],
        ),
        (
            "a: 'b'c\n",
            [
                "1:7: this does not continue what stands before it",
                "note: 1:1: the object starts here",
            ],
        ),
        (
            "a: [b, c\nd: e\n",
            [
                "2:2: a comma or a closing bracket is missing before this",
                "note: 1:4: the list starts here",
            ],
        ),
        (
            "a: {b: 1\nc: 2\n",
            [
                "2:2: a comma or a closing bracket is missing before this",
                "note: 1:4: the object starts here",
            ],
        ),
    ],
)
def test_broken_syntax_points_to_the_start_of_what_it_breaks(
    text: str, expected: list[str]
) -> None:
    assert lines(text) == expected


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("a:\n\tb: 1\n", "indent with spaces"),
        ("a: @b\n", "put text that starts with '@' in quotes"),
        ("a: *\n", "put text that starts with '*' in quotes"),
        ("a: b: c\n", "check the indentation; text that holds ': ' needs quotes"),
    ],
)
def test_broken_syntax_comes_with_help(text: str, advice: str) -> None:
    assert [problem.help for problem in problems(text)] == [advice]


def test_a_line_of_content_that_starts_with_a_percent_sign_is_a_problem() -> None:
    assert lines("- b\n%c\n") in (
        ["2:1: a line cannot start with '%'"],
        ["2:1: a second document starts here"],
    )


@pytest.mark.parametrize("text", [r'"\ud83d\ude00"', r'"\udc00"'])
def test_an_escape_that_is_half_a_character_is_a_problem(text: str) -> None:
    (problem,) = problems(f"a: {text}")
    assert problem.message.endswith("names no character")


def test_a_problem_of_the_loader_that_we_have_no_words_for_is_quoted() -> None:
    assert lines("%YAML 1.2\n%YAML 1.2\n--- a\n")[0].startswith(
        "2:1: this is not YAML: found duplicate "
    )


# Characters and bytes.


@pytest.mark.parametrize(
    ("text", "expected", "advice"),
    [
        (
            "a: \x07b",
            "1:4: the character U+0007 cannot stand here",
            'write "\\u0007", in double quotes',
        ),
        (
            "a: b\n# \x00",
            "2:3: the character U+0000 cannot stand here",
            'write "\\u0000", in double quotes',
        ),
        (
            "a: \x7f",
            "1:4: the character U+007F cannot stand here",
            'write "\\u007f", in double quotes',
        ),
        (
            "# a\u2028b: c\nd: e",
            "1:4: the character U+2028 cannot stand here",
            'write "\\u2028", in double quotes',
        ),
        (
            "a: b\x85c: d",
            "1:5: the character U+0085 cannot stand here",
            'write "\\u0085", in double quotes',
        ),
        (
            f"a: b{BOM}c",
            "1:5: the character U+FEFF cannot stand here",
            'write "\\ufeff", in double quotes',
        ),
        (
            "a: \ufffe",
            "1:4: the character U+FFFE cannot stand here",
            'write "\\ufffe", in double quotes',
        ),
        ("a: \ud800", "1:4: the character U+D800 cannot stand here", None),
        (
            "a:\n\f\nb: c",
            "2:1: the character U+000C cannot stand here",
            'write "\\u000c", in double quotes',
        ),
    ],
)
def test_a_character_that_cannot_be_seen_is_a_problem(
    text: str, expected: str, advice: str | None
) -> None:
    assert lines(text) == [expected]
    assert problems(text)[0].help == advice


def test_characters_that_stand_together_are_one_problem() -> None:
    assert [problem.span for problem in problems("a: \x00\x01\x02b\x03")] == [
        Span(3, 6),
        Span(7, 8),
    ]


def test_a_binary_file_does_not_drown_its_reader() -> None:
    assert len(problems("\x00a" * 1000)) == 20


def test_a_byte_order_mark_at_the_start_is_no_problem() -> None:
    assert shape(tree(f"{BOM}a: b\n")) == [("a", "b")]


def test_decode_drops_the_byte_order_mark_and_keeps_line_ends() -> None:
    source = decode(b"\xef\xbb\xbfa: \xf0\x9f\x94\x92\r\n", "s.yaml")
    assert source == Source("s.yaml", "a: \N{LOCK}\r\n")


@pytest.mark.parametrize(
    ("data", "position", "message"),
    [
        (b"\xff\xfea\x00", Position(1, 1), "byte 0xFF is not UTF-8"),
        ("a: b\né: x".encode() + b"\xe9\n", Position(2, 5), "byte 0xE9 is not UTF-8"),
        (b"\xef\xbb\xbf\xf0\x9f\x94\x92\xc3", Position(1, 2), "byte 0xC3 is not UTF-8"),
        (b"a: \xed\xa0\x80", Position(1, 4), "byte 0xED is not UTF-8"),
    ],
)
def test_decode_tells_where_the_first_bad_byte_is(
    data: bytes, position: Position, message: str
) -> None:
    with pytest.raises(YamlError) as caught:
        decode(data, "s.yaml")
    (problem,) = caught.value.problems
    assert (problem.message, problem.help) == (message, "save the file as UTF-8")
    assert caught.value.source.position(problem.span.start) == position


# All at once.


def test_independent_problems_are_reported_together_in_the_order_of_the_text() -> None:
    text = """\
app: *nobody
tests: !steps
  - name: one
    name: two
    <<: three
  - ? [four]
    : five
  - loop: &loop [*loop]
app: 'six
"""
    assert lines(text) == [
        "1:6: no anchor is named 'nobody'",
        "2:8: the tag '!steps' has no meaning here",
        "4:5: 'name' is defined twice",
        "note: 3:5: first here",
        "5:9: '<<' merges an object or a list of objects, not a string",
        "6:7: a name must be a string, not a list",
        "8:18: 'loop' stands inside itself",
        "note: 8:17: it starts here",
        "9:1: 'app' is defined twice",
        "note: 1:1: first here",
        "9:6: this quote is never closed",
    ]


def test_an_unreadable_character_hides_broken_syntax_but_nothing_else() -> None:
    assert lines("a: 1\n\x0c: 'x\n") == ["2:1: the character U+000C cannot stand here"]
    assert lines("a: \x07\na: 2\n") == [
        "1:4: the character U+0007 cannot stand here",
        "2:1: 'a' is defined twice",
        "note: 1:1: first here",
    ]


def test_the_error_is_a_policy_error_that_reads_as_one_line() -> None:
    with pytest.raises(PolicyError) as caught:
        tree("a: 1\na: 2\na: 3\n")
    assert str(caught.value) == "s.yaml:2:1: 'a' is defined twice (and 1 more)"
    assert caught.value.source.name == "s.yaml"
