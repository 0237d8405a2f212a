"""What 'did you mean' offers."""

from __future__ import annotations

import pytest

from policy.spelling import MAX_WORD, closest

KNOWN = ("Principal", "NotPrincipal", "Action", "NotAction", "Effect")


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("effect", "Effect"),
        ("ACTION", "Action"),
        (" Action ", "Action"),
        ("Actions", "Action"),
        ("Efect", "Effect"),
        ("Pricipal", "Principal"),
        ("NotPrincipals", "NotPrincipal"),
        ("Action", "Action"),
    ],
)
def test_a_slip_is_understood(word: str, meant: str) -> None:
    assert closest(word, KNOWN) == meant


@pytest.mark.parametrize("word", ["Comment", "", "x", "Allow", "A" * (MAX_WORD + 1)])
def test_another_word_is_not_guessed_at(word: str) -> None:
    assert closest(word, KNOWN) is None


def test_long_words_are_not_compared_at_all() -> None:
    known = ["a" * (MAX_WORD + 1)]

    assert closest(known[0], known) is None
