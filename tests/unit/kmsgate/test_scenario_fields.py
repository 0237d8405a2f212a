"""Items of a file: what they give, and what is kept of everything that is wrong."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kmsgate import yaml_reader
from kmsgate.scenario.fields import (
    Complaints,
    FarNote,
    FileError,
    Item,
    UnreadableError,
    listed,
    meant,
    read_file,
    short,
)
from policy.errors import Note
from policy.source import Source, Span


def item(text: str, name: str = "f.yaml") -> Item:
    source = Source(name, text)
    return Item(yaml_reader.read(source), source, Complaints())


def said(of: Item) -> list[str]:
    """Return what has been complained about, position first."""
    try:
        of.log.check()
    except FileError as error:
        return [f"{source.place(found.span)}: {found.message}" for source, found in error.found]
    return []


def test_fields_are_given_by_name_and_type() -> None:
    root = item("{name: app, count: 7, on: true, list: [a, b], tags: {x: y}, nothing: }")
    fields = root.fields("it")

    assert fields.text("name") == "app"
    assert fields.integer("count") == 7
    assert fields.flag("on") is True
    assert [entry.text("it") for entry in fields.entries("list")] == ["a", "b"]
    assert fields.texts("tags") == {"x": "y"}
    assert fields["nothing"].is_null
    assert said(root) == []


def test_a_field_that_is_not_there_gives_nothing_and_is_no_mistake() -> None:
    root = item("{a: b}")
    fields = root.fields("it")

    assert fields.text("x") is None
    assert fields.integer("x") is None
    assert fields.choice("x", ["a"]) is None
    assert fields.flag("x") is False
    assert fields.texts("x") == {}
    assert list(fields.entries("x")) == []
    assert list(fields.one_or_more("x")) == []
    assert said(root) == []


@pytest.mark.parametrize(
    ("text", "asked", "complaint"),
    [
        ("{v: [a]}", "text", "f.yaml:1:5: v must be a text, found a list"),
        ("{v: {a: b}}", "text", "f.yaml:1:5: v must be a text, found an object"),
        ("{v: }", "text", "f.yaml:1:5: v must be a text, found null"),
        ("{v: 1.5}", "integer", "f.yaml:1:5: v must be a whole number, found '1.5'"),
        ("{v: '１２'}", "integer", "f.yaml:1:5: v must be a whole number, found '１２'"),
        ("{v: --1}", "integer", "f.yaml:1:5: v must be a whole number, found '--1'"),
        ("{v: yes}", "flag", "f.yaml:1:5: v must be true or false, found 'yes'"),
        ("{v: a}", "texts", "f.yaml:1:5: v must be an object, found a string"),
    ],
)
def test_a_value_of_another_type_is_told_at_its_place(
    text: str, asked: str, complaint: str
) -> None:
    root = item(text)
    getattr(root.fields("it"), asked)("v")

    assert said(root) == [complaint]


def test_numbers_keep_within_what_a_machine_counts() -> None:
    root = item("{a: 999999999999999999, b: 9999999999999999999, c: -5}")
    fields = root.fields("it")

    assert fields.integer("a") == 999999999999999999
    assert fields.integer("b") is None
    assert fields.integer("c") == -5


def test_an_unknown_field_is_told_with_the_one_that_was_meant() -> None:
    root = item("{expct: allow}")
    root.fields("a step", ("expect", "call"))

    with pytest.raises(FileError) as caught:
        root.log.check()
    ((_, problem),) = caught.value.found
    assert problem.message == "unknown field 'expct' in a step"
    assert problem.help == "did you mean 'expect'?"
    assert problem.span == Span(1, 6)


def test_a_field_like_no_other_is_told_with_those_that_are_known() -> None:
    root = item("{zzz: allow}")
    root.fields("a step", ("expect", "call"))

    with pytest.raises(FileError) as caught:
        root.log.check()
    assert caught.value.found[0][1].help == "known: call, expect"


def test_nothing_written_is_an_empty_object_and_an_empty_list() -> None:
    root = item("{a: , b: }")
    fields = root.fields("it")

    assert fields["a"].fields("a") == {}
    assert list(fields["b"].items("b")) == []
    assert said(root) == []


def test_the_same_words_at_the_same_place_are_told_once() -> None:
    root = item("{a: b}")
    for _ in range(3):
        root.complain("this is wrong")

    assert said(root) == ["f.yaml:1:1: this is wrong"]
    assert len(root.log) == 1


def test_complaints_are_told_file_by_file_from_top_to_bottom() -> None:
    log = Complaints()
    one, two = Source("one.yaml", "abc\ndef"), Source("two.yaml", "xyz")
    for source, at in ((one, 4), (two, 0), (one, 1)):
        log.note(source, Span(at, at + 1), "wrong")

    with pytest.raises(FileError) as caught:
        log.check()
    places = [source.place(problem.span) for source, problem in caught.value.found]
    assert places == ["one.yaml:1:2", "one.yaml:2:1", "two.yaml:1:1"]


def test_a_note_may_point_into_another_file() -> None:
    first = item("{app: 1}", "one.yaml").fields("it")["app"]

    note = first.far_note("first here")
    assert isinstance(note, FarNote)
    assert isinstance(note, Note)
    assert note.source is not None
    assert note.span is not None
    assert note.source.place(note.span) == "one.yaml:1:2"


def test_one_or_more_takes_a_list_or_a_single_value() -> None:
    fields = item("{a: x, b: [x, y]}").fields("it")

    assert [entry.text("it") for entry in fields.one_or_more("a")] == ["x"]
    assert [entry.text("it") for entry in fields.one_or_more("b")] == ["x", "y"]


def test_long_texts_and_long_lists_are_cut_in_messages() -> None:
    assert short("a" * 60) == "a" * 60
    assert short("a" * 61) == "a" * 59 + "…"
    assert listed([]) == "none"
    assert listed(["b", "a"]) == "a, b"
    assert listed([f"n{number:03}" for number in range(99)]).endswith("n039, … (99 in all)")
    assert meant("a" * 100, ["a" * 99]) is None


def test_only_ordinary_files_are_read(tmp_path: Path) -> None:
    good = tmp_path / "good"
    good.write_bytes(b"abc")
    os.mkfifo(tmp_path / "pipe")

    assert read_file(str(good)) == b"abc"
    for path, why in (
        (tmp_path, "it is a folder"),
        (tmp_path / "none", "No such file or directory"),
        (tmp_path / "pipe", "it is not an ordinary file"),
        ("/dev/zero", "it is not an ordinary file"),
        ("a\0b", "no file can have this name"),
        ("a" * 5000, "File name too long"),
    ):
        with pytest.raises(UnreadableError) as caught:
            read_file(str(path))
        assert str(caught.value) == why


def test_a_file_is_read_up_to_a_limit(tmp_path: Path) -> None:
    path = tmp_path / "big"
    path.write_bytes(b"abcd")

    assert read_file(str(path), 4) == b"abcd"
    with pytest.raises(UnreadableError, match="it has more than 3 bytes"):
        read_file(str(path), 3)
