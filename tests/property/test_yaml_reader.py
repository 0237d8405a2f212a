"""Laws of the YAML reader: no text surprises it, and JSON reads as it is written."""

from __future__ import annotations

import json
from typing import TypeAlias

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kmsgate import yaml_reader
from kmsgate.yaml_reader import YamlError, decode, read
from policy.source import Source
from policy.tree import Array, Node, Object, String

Json: TypeAlias = "str | list[Json] | dict[str, Json]"

LOADERS: list[type] = [yaml.SafeLoader, *([yaml.CSafeLoader] if yaml.__with_libyaml__ else [])]

FRAGMENTS = (
    *(
        "a",
        "b",
        "é",
        "\N{LOCK}",
        " ",
        "  ",
        "\n",
        "\n  ",
        "\r\n",
        "\r",
        "\t",
        ":",
        ": ",
        "- ",
        "? ",
    ),
    *(
        ", ",
        "[",
        "]",
        "{",
        "}",
        "'",
        '"',
        "|\n",
        ">-\n",
        " #c\n",
        "&x ",
        "&y ",
        "*x ",
        "*y",
        "<<: ",
    ),
    *(
        "!",
        "!!str ",
        "!!map ",
        "!e!f ",
        "%",
        "%TAG ! x\n",
        "%YAML 1.2\n",
        "---\n",
        "...\n",
        "~",
        "null",
    ),
    *(
        "\\",
        "\\q",
        "\\u12",
        "\\ud800",
        "\\UFFFFFFFF",
        "@",
        "`",
        "\ufeff",
        "\0",
        "\x85",
        "\u2028",
        "\ud800",
    ),
)
"""What YAML gives a meaning to, and what it cannot read."""

texts = st.one_of(
    st.text(st.characters()),
    st.lists(st.sampled_from(FRAGMENTS), max_size=30).map("".join),
)


def strings(**characters: object) -> st.SearchStrategy[str]:
    return st.text(st.characters(**characters), max_size=30)  # type: ignore[arg-type]


def documents(leaves: st.SearchStrategy[str]) -> st.SearchStrategy[Json]:
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=5) | st.dictionaries(leaves, inner, max_size=5),
        max_leaves=30,
    )


escaped = strings(max_codepoint=0xFFFF, exclude_categories=["Cs"])
"""What JSON may write with one escape each: YAML has no escapes that come in pairs."""

visible = strings(
    exclude_categories=["Cs", "Cc", "Zl", "Zp"], exclude_characters="\ufeff\ufffe\uffff"
)


def read_as(loader: type, text: str) -> Node:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(yaml_reader, "LOADER", loader)
        return read(Source("s.yaml", text))


def check_places(node: Node, text: str) -> None:
    """Check that every node stands inside the text, and plain text where it is written."""
    written = text[node.span.start : node.span.end]
    assert 0 <= node.span.start <= node.span.end <= len(text)
    match node:
        case String(value, plain=True) if not set(written) & {"\n", "\r"}:
            assert written == value
        case Array(items):
            for item in items:
                check_places(item, text)
        case Object(members):
            for member in members:
                check_places(member.name, text)
                check_places(member.value, text)


def check_error(error: YamlError, text: str) -> None:
    """Check that an error can be shown: its problems stand in the text, and in its order."""
    spans = [problem.span for problem in error.problems]
    assert spans == sorted(spans)
    assert all(0 <= span.start <= span.end and span.start <= len(text) for span in spans)
    assert all("^" in error.source.excerpt(span) for span in spans)
    assert str(error).startswith("s.yaml:")


def check_writing(node: Node, value: Json, text: str) -> None:
    """Check that a tree says what a JSON text says, each part in its place."""
    written = text[node.span.start : node.span.end]
    assert json.loads(written) == value
    match node:
        case String():
            assert (node.value, node.plain) == (value, False)
        case Array():
            assert isinstance(value, list)
            for item, expected in zip(node.items, value, strict=True):
                check_writing(item, expected, text)
        case Object():
            assert isinstance(value, dict)
            for member, (name, expected) in zip(node.members, value.items(), strict=True):
                check_writing(member.name, name, text)
                check_writing(member.value, expected, text)
        case _:
            pytest.fail(f"{node} is not in a document of strings")


@pytest.mark.parametrize("loader", LOADERS)
@given(text=texts)
def test_every_text_is_a_tree_or_a_yaml_error(loader: type, text: str) -> None:
    try:
        node = read_as(loader, text)
    except YamlError as error:
        check_error(error, text)
    else:
        check_places(node, text)


@given(data=st.binary() | st.text().map(str.encode))
def test_all_bytes_are_a_text_or_a_yaml_error(data: bytes) -> None:
    try:
        source = decode(data, "s.yaml")
    except YamlError as error:
        check_error(error, error.source.text)
    else:
        assert source.text.encode() == data.removeprefix(b"\xef\xbb\xbf")


@pytest.mark.parametrize("loader", LOADERS)
@given(value=documents(escaped), indent=st.sampled_from([None, 0, 2]))
def test_json_with_escapes_is_read_as_it_is_written(
    loader: type, value: Json, indent: int | None
) -> None:
    text = json.dumps(value, indent=indent)
    check_writing(read_as(loader, text), value, text)


@pytest.mark.parametrize("loader", LOADERS)
@given(value=documents(visible), indent=st.sampled_from([None, 0, 2]))
def test_json_without_escapes_is_read_as_it_is_written(
    loader: type, value: Json, indent: int | None
) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    check_writing(read_as(loader, text), value, text)


@pytest.mark.parametrize("loader", LOADERS)
@given(value=documents(visible), before=visible)
def test_json_inside_yaml_points_into_the_yaml(loader: type, value: Json, before: str) -> None:
    text = f"# {before}\nk:\n  - policy: {json.dumps(value, ensure_ascii=False)}\n"
    root = read_as(loader, text)
    assert isinstance(root, Object)
    assert isinstance(root.members[0].value, Array)
    inner = root.members[0].value.items[0]
    assert isinstance(inner, Object)
    check_writing(inner.members[0].value, value, text)
