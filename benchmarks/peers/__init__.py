"""Other engines, asked the same questions. Each is optional, one file each, one interface."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Protocol

from benchmarks.cases import Question
from benchmarks.measure import Subject

NAMES = ("cedarpy", "casbin", "regopy", "iam_simulate")


class MissingPeerError(Exception):
    """A peer that cannot be measured on this machine, and why."""


class Peer(Protocol):
    """An engine that has read the policies of `benchmarks.cases` in its own language."""

    @property
    def name(self) -> str:
        """Its package, with the version."""

    def outcomes(self, questions: Sequence[Question]) -> list[str]:
        """Return the outcome of each question, in the words of `policy.Outcome`."""

    def subjects(self, questions: Sequence[Question]) -> list[Subject]:
        """Return what to time: one turn asks every question once.

        The questions are put into the peer's own form before; what its documentation lets a
        program keep between two calls is kept. Each answer names what decided, if it can.
        """

    def close(self) -> None:
        """End what was started for it."""


def load(name: str) -> Peer:
    """Return a peer that is ready to be asked; raises MissingPeerError."""
    found: Callable[[], Peer] = importlib.import_module(f"benchmarks.peers.{name}").load
    return found()


def package(name: str) -> tuple[Any, str]:
    """Return an installed module and its version; raises MissingPeerError."""
    try:
        return importlib.import_module(name), version(name)
    except (ImportError, PackageNotFoundError) as error:
        raise MissingPeerError(f"not installed ({error})") from None
