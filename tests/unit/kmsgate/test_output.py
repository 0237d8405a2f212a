"""Screens: who gets colour, which signs can be shown, and what user text becomes."""

from __future__ import annotations

import io

import pytest

from kmsgate.output import safe, screen


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    encoding = "utf-8"  # type: ignore[assignment]

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")


@pytest.mark.parametrize(
    ("color", "environment", "is_terminal", "painted"),
    [
        ("auto", {}, True, True),
        ("auto", {}, False, False),
        ("auto", {"NO_COLOR": "1"}, True, False),
        ("auto", {"NO_COLOR": ""}, True, True),
        ("auto", {"TERM": "dumb"}, True, False),
        ("always", {}, False, True),
        ("always", {"NO_COLOR": "1", "TERM": "dumb"}, False, True),
        ("never", {}, True, False),
    ],
)
def test_colour_goes_to_those_who_can_and_want_to_see_it(
    color: str,
    environment: dict[str, str],
    is_terminal: bool,
    painted: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    out = screen(Terminal() if is_terminal else io.StringIO(), color)

    assert (out.paint("words", "error") != "words") is painted
    assert "words" in out.paint("words", "error")


@pytest.mark.parametrize(
    ("encoding", "sign"),
    [("utf-8", "✓"), ("utf-16", "✓"), ("ascii", "ok"), ("latin-1", "ok"), ("no-such-code", "ok")],
)
def test_ascii_stands_in_for_signs_that_a_terminal_cannot_show(encoding: str, sign: str) -> None:
    stream = io.StringIO()
    named = type("Stream", (io.StringIO,), {"encoding": encoding})()

    assert screen(named).glyph("ok") == sign
    assert screen(stream).glyph("ok") == "ok"  # one that does not say what it can show


def test_a_line_ends_without_blanks() -> None:
    out = screen(io.StringIO())
    out.line("words   ")
    out.line()

    assert isinstance(out.stream, io.StringIO)
    assert out.stream.getvalue() == "words\n\n"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("für 鍵", "für 鍵"),
        ("a\nb\tc", "a b c"),
        ("\x1b[31mred\x07", "\N{REPLACEMENT CHARACTER}[31mred\N{REPLACEMENT CHARACTER}"),
        ("a\rb", "a\N{REPLACEMENT CHARACTER}b"),
        ("\u202eback", "\N{REPLACEMENT CHARACTER}back"),
        ("\ud800", "\N{REPLACEMENT CHARACTER}"),
        ("[bold]x[/bold]", "[bold]x[/bold]"),
    ],
)
def test_user_text_is_shown_on_one_line_and_harmless(text: str, shown: str) -> None:
    assert safe(text) == shown
    assert safe(shown) == shown
