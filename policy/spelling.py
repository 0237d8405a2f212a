"""The nearest known word, for messages that ask 'did you mean'."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

MAX_WORD = 64


def closest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that someone who wrote `word` most likely meant, or None."""
    if len(word) > MAX_WORD:
        return None
    words = {name.lower(): name for name in known}
    folded = word.strip().lower()
    if folded in words:
        return words[folded]
    found = difflib.get_close_matches(folded, words, n=1, cutoff=0.7)
    return words[found[0]] if found else None
