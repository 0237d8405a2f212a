"""A decision as a Mermaid flowchart: the question, the four stages, the answer.

The way that the decision took has thick arrows and says so in words; what it did not need is
dotted. Under each stage stand the statements and grants that decided or came closest, the others
as a number. Whatever users wrote is written as entity codes, so that no name is ever syntax.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from policy.decision import Outcome
from policy.explanation import Explanation, Line, Reach, Stage
from policy.source import printable

MAX_LINES = 4
"""So many statements and grants are shown at each stage; the others are counted."""
MAX_TEXT = 120
"""Longer texts are cut, and names sooner: Mermaid refuses charts of more than 50,000 characters."""
_MAX_NAME = 60

_CLASSES = {
    "allowed": "fill:#e3f4e6,stroke:#1b6e2d,stroke-width:3px,color:#0c3a17",
    "denied": "fill:#fde7e4,stroke:#a4241a,stroke-width:3px,color:#55100a",
    "taken": "fill:#e4edfb,stroke:#1f4f99,stroke-width:2px,color:#0c2448",
    "near": "fill:#fdf3dc,stroke:#8a6100,color:#4a3400",
    "skipped": "fill:#f3f3f3,stroke:#767676,stroke-dasharray:5 4,color:#4a4a4a",
}
_PASSED = {1: "no deny", 2: "not stopped", 3: "offered", 4: "agreed"}
"""What is said on the way out of a stage that let the request through."""


def flow(explanation: Explanation) -> str:
    """Return a decision as the text of a Mermaid flowchart; the last line ends with a newline."""
    return "\n".join(_Chart(explanation).lines()) + "\n"


@dataclass
class _Chart:
    explanation: Explanation
    classes: dict[str, list[str]] = field(default_factory=lambda: {name: [] for name in _CLASSES})

    def lines(self) -> Iterator[str]:
        stages = self.explanation.stages
        yield "flowchart TD"
        yield self._node("ask", "taken", '(["', '"])', self.explanation.question)
        for stage in stages:
            yield from self._stage(stage)
        yield self._node("answer", self._answer, '(["', '"])', self.explanation.headline)
        yield from self._arrows(stages)
        for name, style in _CLASSES.items():
            if self.classes[name]:
                yield f"  classDef {name} {style}"
                yield f"  class {','.join(self.classes[name])} {name}"

    @property
    def _answer(self) -> str:
        return "allowed" if self.explanation.outcome is Outcome.ALLOWED else "denied"

    def _stage(self, stage: Stage) -> Iterator[str]:
        """Yield the node of a stage, and those of what mattered in it."""
        name = f"stage{stage.number}"
        title = f"{stage.number} {stage.title}"
        reach = _CLASS_OF[stage.reach]
        yield self._node(name, reach, '["', '"]', title, stage.verdict, str(stage.reach))
        found = list(_leaves(stage.lines))
        shown = [line for line in found if line.is_open or line.matched]
        shown.sort(key=lambda line: not line.is_open)
        for number, line in enumerate(shown[:MAX_LINES], start=1):
            leaf = f"{name}_{number}"
            yield self._leaf(leaf, line, _CLASS_OF[stage.reach])
            yield f"  {name} --- {leaf}"
        rest = len(found) - len(shown[:MAX_LINES])
        if rest:
            word = "more" if shown else "looked at"
            same = "" if len(shown) > MAX_LINES else ", no match"
            yield self._node(f"{name}_rest", "skipped", '["', '"]', f"{rest} {word}{same}")
            yield f"  {name} --- {name}_rest"

    def _leaf(self, name: str, line: Line, kind: str) -> str:
        """Return the node of a statement or grant; those that did not decide have a kind."""
        told = [" ".join(cell for cell in line.cells[:2] if cell)[:_MAX_NAME]]
        failed = [child for child in line.children if child.matched is False]
        if line.is_open and not line.matched and failed:
            kind = "near"
            more = f"near miss, {len(failed) - 1} more failed" if failed[1:] else "near miss"
            told += [more, ", ".join(failed[0].cells)]
        else:
            told.append(", ".join(line.cells[2:]))
        if line.is_open and line.matched:
            kind = self._answer
            told.append("decides")
        if line.place is not None:
            at = line.place.position
            told.append(f"{line.place.source.name[-_MAX_NAME:]} line {at.line}")
        return self._node(name, kind, '["', '"]', *told)

    def _node(self, name: str, kind: str, left: str, right: str, *texts: str) -> str:
        self.classes[kind].append(name)
        return f"  {name}{left}{'<br/>'.join(escaped(text) for text in texts if text)}{right}"

    def _arrows(self, stages: Sequence[Stage]) -> Iterator[str]:
        """Yield the way that was taken, and dotted what was not."""
        taken = [stage for stage in stages if stage.reach is not Reach.SKIPPED]
        at, said = "ask", ""
        for stage in taken:
            yield f"  {at} ==>{said} stage{stage.number}"
            at, said = f"stage{stage.number}", f'|"{_PASSED[stage.number]}"|'
        last = self._answer if taken else "refused by the service"
        yield f'  {at} ==>|"{last}"| answer'
        before = "ask"
        for stage in stages:
            if stage.reach is Reach.SKIPPED:
                yield f'  {before} -.->|"not needed"| stage{stage.number}'
            before = f"stage{stage.number}"


_CLASS_OF = {Reach.PASSED: "taken", Reach.DECIDED: "taken", Reach.SKIPPED: "skipped"}


def _leaves(lines: Sequence[Line]) -> Iterator[Line]:
    """Yield the statements and grants, also those that are told on one line."""
    for line in lines:
        if len(line.cells) == 2 and line.cells[0] == "grant":
            for child in line.children:
                yield replace(child, cells=("grant", *child.cells))
        else:
            yield line


def escaped(text: str) -> str:
    """Return a text for the inside of a quoted label: ASCII, on one line, cut, never syntax.

    Letters, digits, spaces and a few harmless signs stay; all others become entity codes.
    """
    text = " ".join(printable(" ".join(text.split())).split())
    if len(text) > MAX_TEXT:
        text = f"{text[: MAX_TEXT - 1]}…"
    return "".join(sign if _is_plain(sign) else f"#{ord(sign)};" for sign in text)


def _is_plain(sign: str) -> bool:
    # Few signs are plain: a colon before a code makes a style of the line, a dot or dash a list.
    return sign.isascii() and (sign.isalnum() or sign in " /,")
