"""Texts: policies taken apart and put together wrong. Reading never raises, and never guesses.

Good or bad, a text is read alike by the strict and the mending path; what is accepted is JSON to
the standard library as well, and can be decided upon by both evaluators.
"""

from __future__ import annotations

import functools
import json
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import yaml

from policy import PolicyKind, Source, read
from policy.parser import MAX_DEPTH, parse_json, parse_mending
from tests.cast import documents_of
from tests.property.test_differential import agree
from tests.worlds import pool, world

CORPUS = Path(__file__).parent.parent / "corpus"
KINDS = (PolicyKind.KEY_POLICY, PolicyKind.IDENTITY_POLICY, PolicyKind.SCP)
PIECES = (
    "{", "}", "[", "]", ",", ":", '"', "'", "\\", "\\u00e9", "\\ud83d", "\\ud83d\\ude00", "//", "#",
    "/*", "null", "true", "False", "-0", "1e999", "0x1", "NaN", "\n", "\r\n", "\t", "\0", "\x7f",
    "\ufeff", "\u2028", "é", "😀", "“", "${", "${aws:username}", "${*}", "*", "?", '"Effect"',
    '"Principal": ', '"NotAction": "*"', '"Condition": {"Bool": {"aws:SecureTransport": "true"}}',
    '"Resource": []', '"Version": "2012-10-17"', "[" * 40, "{" * 3, '{"a":' * 30,
)  # fmt: skip


@functools.cache
def bases() -> tuple[str, ...]:
    """Return the texts to begin with: good policies, known mistakes, and what was found once."""
    good = [p.source.text for kind in KINDS for p in pool(kind, "noise")[:60]]
    laid_out = [json.dumps(json.loads(text), indent=2) for text in good[:40]]
    return (*good, *laid_out, *broken(), *found_once())


def broken() -> Iterator[str]:
    """Yield the texts of the table of broken documents."""
    cases = yaml.safe_load((CORPUS / "broken.yaml").read_text("utf-8"))
    yield from (case["text"] for case in cases)


def found_once() -> Iterator[str]:
    """Yield the texts that once were read wrong."""
    for path in sorted((CORPUS / "texts").glob("*.json")):
        yield path.read_bytes().decode("utf-8", "surrogatepass")


def text(seed: int) -> str:
    """Return a text that is nearly a policy."""
    dice = random.Random(seed)  # noqa: S311 - texts, not secrets
    made = dice.choice(bases())
    for _ in range(dice.choice((0, 0, 1, 1, 2, 4))):
        made = _changed(made, dice)
    return made


def _changed(made: str, dice: random.Random) -> str:
    at = dice.randint(0, len(made))
    end = min(len(made), at + dice.choice((1, 1, 2, 5, 30)))
    what = dice.randrange(6)
    if what == 0:
        return made[:at] + made[end:]
    if what == 1:
        return made[:at] + made[at:end] * 2 + made[end:]
    if what == 2:
        return made[:at] + dice.choice(PIECES) + made[at:]
    if what == 3:
        return made[:at] + dice.choice(PIECES) + made[end:]
    if what == 4:
        return made[:at] + made[at:end].swapcase() + made[end:]
    other = dice.choice(bases())
    start = dice.randint(0, len(other))
    return made[:at] + other[start : start + 40] + made[at:]


class Texts:
    """Counts how many texts were accepted: too few would test the mending only."""

    name = "texts"

    def __init__(self) -> None:
        self._ends: Counter[str] = Counter()

    def attempt(self, seed: int) -> str | None:
        """Return what is wrong with the reading of a seed's text, or None."""
        return self.problem(text(seed), seed)

    def problem(self, made: str, seed: int = 0) -> str | None:
        """Return what is wrong with the reading of a text, or None."""
        source = Source("fuzz", made)
        parsed, mended = parse_json(source), parse_mending(source)
        if parsed != mended:
            return f"the two paths read {made!r} differently"
        if (not parsed.problems) is not _is_json(made):
            return f"the standard library disagrees about {made!r}: {parsed.problems}"
        for problem in parsed.problems:
            if not 0 <= problem.span.start <= len(made) + 1:
                return f"a problem of {made!r} stands outside of it: {problem}"
        kind = KINDS[seed % len(KINDS)]
        document = read(source, kind)
        if document.policy is None:
            self._ends["refused" if document.problems else "unread"] += 1
            return None if document.problems else f"{made!r} is refused without a word"
        self._ends["accepted"] += 1
        layer = {PolicyKind.KEY_POLICY: "key_policy", PolicyKind.SCP: "endpoint"}.get(kind)
        documents = {layer: document.policy} if layer else {"identity": (document.policy,)}
        same, expected, actual = agree(world(seed).request, documents_of(**documents), whole=True)
        return None if same else f"{made!r}: {expected} is not {actual}, or not their traces"

    def told(self) -> Iterator[str]:
        """Yield how many texts were accepted and refused."""
        total = self._ends.total() or 1
        yield from (f"{100 * n / total:6.2f} %  {end}" for end, n in self._ends.most_common())


def _is_json(made: str) -> bool:
    """Tell whether strict JSON it is, without repeated names, half characters or great depth."""

    def pairs(members: list[tuple[str, object]]) -> object:
        names = [name for name, _ in members]
        if len(set(names)) < len(names):
            raise ValueError("a repeated name")
        return [*names, *(value for _, value in members)]

    def no_constant(name: str) -> object:
        raise ValueError(name)

    try:
        made.encode()
        value = json.loads(made, object_pairs_hook=pairs, parse_constant=no_constant)
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return False
    return _depth(value) <= MAX_DEPTH


def _depth(value: object) -> int:
    if not isinstance(value, list):
        return 0
    return 1 + max(map(_depth, value), default=0)
