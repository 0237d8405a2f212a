"""The cases below this folder, as they are written, and the rules that they show.

Nothing here runs a case: `test_conformance.py` does, and `python -m tests.rules` lists rules, code
and cases side by side.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from kmsgate import yaml_reader
from kmsgate.scenario.files import SUFFIX
from kmsgate.scenario.model import Test
from policy.tree import Array, Node, Object, String

EXPECTED_FAILURES: Mapping[str, str] = {}
"""Cases that fail for now, and why."""

# The rules

NUMBERS: Mapping[str, str] = {
    "A": "1-15",
    "B": "1-14",
    "C": "1-7",
    "D": "1-11",
    "E": "1-27",
    "F": "1-17",
    "G": "1-18",
    "H": "1-8",
    "J": "1-3 10-25 27-28 30-41 50-56 60-103 110-111",
    "K": "1-55 60-73 80-84",
    "L": "1-18 20-22 30-42 50-57",
    "M": "1-22",
    "N": "1-10 12-18 20-22 24-35 50-56 60",
    "P": "1-16 20-25",
    "Q": "1-8",
    "R": "1-20",
    "U": "1-45",
    "X": "1-170",
    "Z": "1-4",
}
"""The numbers that the specification has, chapter by chapter; some leave gaps."""

COVERED = "ABCDEFGHJKLMNPQ"
"""The chapters of which each rule has a case: all that say what is decided, and how it is told."""

WITHOUT_CASE: Mapping[str, str] = {
    "A-1": "says that a decision depends on nothing else, which every case rests on",
    "E-23": "a world always knows its identities",
    "J-3": "says how the tables of condition keys are read",
    "K-55": "no operation asks for this permission",
    "K-60": "counts operations and actions; the tests of the vocabulary count them too",
    "K-73": "says which permissions lint marks; its rules have tests of their own",
    "K-84": "such keys are in no account, so that nobody can ask about one",
    "L-18": "a session does not say from which other session it came",
    "L-39": "a world does not say which Regions an account has switched on",
    "L-53": "such sessions are refused as a configuration, not denied",
    "M-19": "names a form of words that is never used",
}
"""Rules of those chapters that no case shows, and why."""


def numbers(chapter: str) -> Iterator[str]:
    """Yield the rules of a chapter: `B-1`, `B-2`, …"""
    for part in NUMBERS[chapter].split():
        first, _, last = part.partition("-")
        yield from (f"{chapter}-{n}" for n in range(int(first), int(last or first) + 1))


# The cases

FOLDER = Path(__file__).parent
FILES = {path.relative_to(FOLDER).as_posix(): path for path in sorted(FOLDER.rglob(f"*{SUFFIX}"))}


@dataclass(frozen=True)
class Case:
    """A test of a scenario file, as it is written."""

    file: str
    name: str
    rules: tuple[str, ...]

    @property
    def number(self) -> str:
        """The rule or worked example that it shows."""
        return self.name.partition(" ")[0]

    @property
    def cited(self) -> frozenset[str]:
        """All that it rests on, the rule that it shows included."""
        return frozenset({self.number, *self.rules})

    def is_written_as(self, test: Test) -> bool:
        """Tell whether a test is this one, or one of those that its `each` makes of it."""
        return test.name == self.name or test.name.startswith(f"{self.name} [")


def written(file: str) -> Node:
    """Return the tree of a file."""
    return yaml_reader.read(yaml_reader.decode(FILES[file].read_bytes(), file))


def entries(node: Node, member: str) -> tuple[Node, ...]:
    """Return the entries of a list, or none where there is no such list."""
    found = node.get(member) if isinstance(node, Object) else None
    return found.items if isinstance(found, Array) else ()


def texts(node: Node, member: str) -> tuple[str, ...]:
    """Return the texts of a list."""
    return tuple(entry.value for entry in entries(node, member) if isinstance(entry, String))


def cases(file: str) -> Iterator[Case]:
    """Yield the cases of a file."""
    for test in entries(written(file), "tests"):
        name = test.get("name") if isinstance(test, Object) else None
        yield Case(file, name.value if isinstance(name, String) else "", texts(test, "rules"))


CASES = tuple(case for file in FILES for case in cases(file))
