"""What was worked out of values that never change, kept by their identity."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

A = TypeVar("A")
B = TypeVar("B")

MOST = 4096
"""So many answers are kept; when there are more, all are forgotten."""


class Kept(Generic[A, B]):
    """A function of one immutable value that is asked again and again about the same objects.

    Unlike `functools.lru_cache` it neither hashes nor compares what it is asked about.
    """

    __slots__ = ("_answers", "_function")

    def __init__(self, function: Callable[[A], B]) -> None:
        self._function = function
        self._answers: dict[int, tuple[A, B]] = {}

    def __call__(self, value: A) -> B:
        """Return what the function says of a value."""
        known = self._answers.get(id(value))
        if known is not None and known[0] is value:
            return known[1]
        answer = self._function(value)
        if len(self._answers) >= MOST:
            self._answers.clear()
        self._answers[id(value)] = (value, answer)
        return answer
