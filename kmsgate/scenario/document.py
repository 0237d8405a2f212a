"""A run as a document in Markdown: what the files tell, and below it what was proved.

The comments of a file are its text; tables and steps are shown with the outcome that they had.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from kms.errors import AccessDenied, DryRunOperation
from kms.service import Reply
from kmsgate.output import safe
from kmsgate.scenario.fields import Item
from kmsgate.scenario.json_text import plain
from kmsgate.scenario.model import (
    AdvanceStep,
    CallStep,
    Cell,
    ChangeStep,
    LookStep,
    Step,
    Suite,
    WhoCanStep,
    WorkStep,
)
from kmsgate.scenario.report import Ran
from kmsgate.scenario.run import Result, path_of
from policy import Outcome
from policy.source import Source
from policy.tree import Node

_CHAPTER = re.compile(r"([0-9]+)-(.+)")
_MAX_CELL = 160
_SIGNS = {
    Outcome.ALLOWED: "✓ allowed",
    Outcome.EXPLICITLY_DENIED: "✗ denied explicitly",
    Outcome.IMPLICITLY_DENIED: "– denied",
}


def document(all_ran: Sequence[Ran]) -> Iterator[str]:
    """Yield the lines of a document on these runs: a chapter a folder, a section a file."""
    chapter = None
    for ran in all_ran:
        folder = Path(ran.suite.path).resolve().parent.name
        found = _CHAPTER.fullmatch(folder)
        if found is not None and folder != chapter:
            yield from (f"# {found[1]}. {found[2].replace('-', ' ').capitalize()}", "")
        chapter = folder
        yield from _section(ran)
    tests = sum(len(ran.results) for ran in all_ran)
    passed = sum(ran.passed for ran in all_ran)
    yield f"Proved by execution: {passed} of {tests} {'test' if tests == 1 else 'tests'}."


def _section(ran: Ran) -> Iterator[str]:
    suite = ran.suite
    head = _head(suite.source)
    title = head[0] if head else suite.story or suite.path
    yield from (f"## {_prose(title)}", "")
    for paragraph in _paragraphs(head[1:]):
        yield from (
            f"> {line}" if paragraph[0].startswith("Today:") else line for line in paragraph
        )
        yield ""
    claims = ", ".join(rule for rule in suite.rules if rule.startswith("C-"))
    named = f" ({claims})" if claims else ""
    if suite.story and title != suite.story:
        yield from (f"**Claim{named}:** {_prose(suite.story)}.", "")
    for result in ran.results:
        yield from _test(suite, result)


def _test(suite: Suite, result: Result) -> Iterator[str]:
    test = result.test
    yield from (f"### {_prose(test.name)}", "")
    yield from _comment(test.item)
    told = list(result.told)
    cells = [step for step in test.steps if isinstance(step, Cell)]
    if cells and len(cells) == len(told):
        yield from _table(cells, told)
    elif not cells:
        yield from _steps(test.steps, told, result)
    for failure in result.failures:
        place = failure.item.source.place(failure.span)
        yield from (f"**FAILED** {_code(place)}: {_prose(failure.message)}", "")
    if result.passed:
        yield from ("*Proved.*", "")


# Tables


def _table(cells: Sequence[Cell], told: Sequence[tuple[Item, Reply]]) -> Iterator[str]:
    """Yield a matrix with the outcome of each cell; those that were not asked stay empty."""
    outcomes: dict[tuple[str, str], str] = {}
    for cell, (_, reply) in zip(cells, told, strict=True):
        operation, _, caller = cell.title.partition(" by ")
        outcomes[operation, caller] = _sign(reply)
    callers = list(dict.fromkeys(caller for _, caller in outcomes))
    yield from _row("on key " + _code(cells[0].key), *map(_code, callers))
    yield from _row("---", *("---" for _ in callers))
    for operation in dict.fromkeys(operation for operation, _ in outcomes):
        yield from _row(
            _code(operation), *(outcomes.get((operation, caller), "") for caller in callers)
        )
    yield ""


def _row(*cells: str) -> Iterator[str]:
    yield "| " + " | ".join(cells) + " |"


def _sign(reply: Reply) -> str:
    if reply.decisions:
        return _SIGNS[reply.decisions[-1].outcome]
    return _code(reply.error.code) if reply.error is not None else _SIGNS[Outcome.ALLOWED]


# Steps


def _steps(steps: Sequence[Step], told: list[tuple[Item, Reply]], result: Result) -> Iterator[str]:
    """Yield the steps as a list, each with what became of it; none behind a failure."""
    failed = {id(failure.item) for failure in result.failures}
    for number, step in enumerate(steps, 1):
        reply = None
        if isinstance(step, CallStep) and told and told[0][0] is step.item:
            reply = told.pop(0)[1]
        elif isinstance(step, CallStep):
            break
        comment = " ".join(line for line in _comment(step.item) if line)
        if comment:
            yield from (f"   {comment}" if number > 1 else comment, "")
        shown = _STEPS[type(step)](step)
        outcome = f" → {_outcome(step, reply, result)}" if reply is not None else ""
        yield f"{number}. {shown}{outcome}"
        if id(step.item) in failed:
            break
    yield ""


def _call(step: Step) -> str:
    assert isinstance(step, CallStep)  # noqa: S101 - the table below says so
    verb = "asks whether it may" if step.only_decide else "calls"
    given = ""
    if step.parameters is not None:
        given = f" with {_code(_written(step.parameters.node))}"
    caller = _code(step.caller.text("a caller") or "")
    ways = (("by way of", step.via), ("through", step.endpoint), ("in", step.region))
    more = "".join(f" {word} {_code(_written(at.node))}" for word, at in ways if at is not None)
    facts = {name: plain(item.node) for name, item in step.facts.items()}
    where = f" where {_code(_flat(facts))}" if facts else ""
    return f"{caller} {verb} **{step.operation}**{given}{more}{where}"


def _advance(step: Step) -> str:
    assert isinstance(step, AdvanceStep)  # noqa: S101
    if step.amount is not None:
        return f"*{_prose(_written(step.amount.node))} pass*"
    return f"*it becomes {_prose(_written(step.until.node))}*" if step.until is not None else ""


def _change(step: Step) -> str:
    assert isinstance(step, ChangeStep)  # noqa: S101
    fields = {name: plain(item.node) for name, item in step.fields.items()}
    return f"*{step.subject}* {_code(step.name)} *is changed:* {_code(_flat(fields))}"


def _look(step: Step) -> str:
    assert isinstance(step, LookStep)  # noqa: S101
    fields = {name: plain(item.node) for name, item in step.fields.items()}
    return f"*{step.subject}* {_code(_written(step.named.node))} *has* {_code(_flat(fields))}"


def _who_can(step: Step) -> str:
    assert isinstance(step, WhoCanStep)  # noqa: S101
    names = ", ".join(_code(_written(item.node)) for item in step.callers) or "nobody"
    relation = step.relation.replace("_", " ")
    return f"**{step.action}** *on* {_code(step.key)} *can* {relation} {names}"


def _work(step: Step) -> str:
    assert isinstance(step, WorkStep)  # noqa: S101
    came = f" → {_code(step.error)}" if step.error is not None else ""
    return f"*the client does by itself:* **{step.work}**{came}"


_STEPS = {
    CallStep: _call,
    AdvanceStep: _advance,
    ChangeStep: _change,
    LookStep: _look,
    WhoCanStep: _who_can,
    WorkStep: _work,
}


def _outcome(step: Step, reply: Reply, result: Result) -> str:
    error = reply.error
    succeeded = error is None or isinstance(error, DryRunOperation)
    if not succeeded and not isinstance(error, AccessDenied):
        assert error is not None  # noqa: S101 - it did not succeed
        return f"{_code(error.code)}" + (f": {_prose(error.message)}" if error.message else "")
    if not reply.decisions:
        return "✓ done" if succeeded else _code(AccessDenied.code)
    decision = reply.decisions[-1]
    keys = result.test.world.keys.items()
    about = decision.request.resource.arn
    way = path_of(decision, next((name for name, arn in keys if arn == about), None))
    return f"{_SIGNS[decision.outcome]}, {_code(way.removeprefix(f'{decision.outcome} '))}"


# Text


def _head(source: Source) -> list[str]:
    """Return the comment at the top of a file; editors' own lines are left out."""
    lines = []
    for line in source.text.splitlines():
        if not line.startswith("#"):
            break
        if "yaml-language-server" not in line:
            lines.append(line.lstrip("#").strip())
    return lines


def _paragraphs(lines: Sequence[str]) -> Iterator[list[str]]:
    paragraph: list[str] = []
    for line in [*lines, ""]:
        if line:
            paragraph.append(_prose(line))
        elif paragraph:
            yield paragraph
            paragraph = []


def _comment(item: Item) -> Iterator[str]:
    """Yield the comment that stands above an entry of a list, and an empty line behind it."""
    number = item.source.position(item.node.span.start).line - 1
    lines: list[str] = []
    while number > 0 and item.source.line(number).strip().startswith("#"):
        lines.insert(0, item.source.line(number).strip().lstrip("#").strip())
        number -= 1
    for paragraph in _paragraphs(lines):
        yield from (*paragraph, "")


def _written(node: Node) -> str:
    return _flat(plain(node))


def _flat(value: object) -> str:
    """Return a value on one line, as YAML's flow style would."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_flat(entry)}" for name, entry in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flat, value)) + "]"
    return str(value)


def _code(text: str) -> str:
    """Return a text as code that ends where it should, also in a table."""
    text = safe(text).replace("`", "'").replace("|", "¦")
    return f"`{text if len(text) <= _MAX_CELL else text[: _MAX_CELL - 1] + '…'}`"


def _prose(text: str) -> str:
    """Return a text of a file that starts no tag and no table."""
    return safe(text).replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|")
