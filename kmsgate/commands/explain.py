"""`kmsgate explain`: why a decision request is answered as it is, and what would change that."""

from __future__ import annotations

import io
import json
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import rich_click as click

from kmsgate.commands.decide import open_input
from kmsgate.commands.explain_call import explain_call
from kmsgate.commands.options import color_option, format_option
from kmsgate.decision.fields import MAX_BYTES
from kmsgate.decision.request import Question, RequestError, answer_of, parse_request
from kmsgate.errors import UsageError
from kmsgate.output import Screen, safe, screen
from policy import Decision, Documents, GrantTrace, StatementTrace, decide
from policy.explanation import Explanation, Line, Place, Stage, explain, place_of
from policy.flow import flow
from policy.losses import losses
from policy.near_misses import NearMiss, near_misses
from policy.remedies import remedies

MAX_EXCERPTS = 3
"""The texts of so many deciding statements are shown."""
MARGIN = 78
"""Where places and other remarks begin, if the line leaves room."""
_GAP = 8
_WIDTH = 128
_VERDICTS = 19
_RESULTS = 59
_COLUMN_GAPS = ("  ", "   ", "  ")
_EFFECTS = 5  # "Allow"


@click.command()
@click.argument("file", metavar="[FILE]", default="-")
@click.option("--request-id", metavar="ID", help="Explain a call that the endpoint has answered.")
@click.option("--endpoint", metavar="URL", envvar="AWS_ENDPOINT_URL_KMS", help="Where it runs.")
@click.option("--data", metavar="FILE", help="Its store instead, which has the event only.")
@format_option("the explanation", "mermaid")
@color_option
@click.option("-q", "--quiet", is_flag=True, help="Print the first line only.")
@click.option("-v", "--verbose", is_flag=True, help="Show every element, and the deciding text.")
def command(
    file: str,
    *,
    request_id: str | None,
    endpoint: str | None,
    data: str | None,
    style: str,
    color: str,
    quiet: bool,
    verbose: bool,
) -> int:
    """Tell why a decision request is answered as it is.

    FILE holds one request, as for kmsgate decide; - is standard input. With --format mermaid the
    answer is a flowchart of the decision.

    With --request-id it is a call that was made. The endpoint keeps what it decided about the last
    1000 calls, allowed ones too, and shows it to whoever has its token (KMSGATE_TOKEN). A store
    keeps the audit event of every call, and not the decision.

    Exit code: 0 allowed, 1 denied, 2 not a valid request, or a call that is not known.
    """
    if request_id is not None:
        return explain_call(
            screen(color=color), request_id, endpoint, data, style=style, verbose=verbose
        )
    name = "<stdin>" if file == "-" else file
    question = _question(file, name)
    request, documents = question.request, question.documents
    decision = decide(request, documents)
    out = screen(color=color)
    if style == "text" and quiet:
        _Page(out, name).headline(explain(decision), decision)
    elif style == "text":
        show_explanation(out, decision, documents, name, verbose=verbose)
    elif style == "json":
        out.line(
            json.dumps(_as_json(question.id, decision, explained(decision, documents)), indent=2)
        )
    else:
        out.line(flow(explained(decision, documents)))
    out.flush()
    return 0 if decision.allowed else 1


def explained(decision: Decision, documents: Documents) -> Explanation:
    """Return the explanation of a decision on these documents, with what would change it."""
    return explain(
        decision,
        remedies(decision.request, documents),
        near_misses=near_misses(decision, documents),
        losses=losses(decision.request, documents),
    )


def show_explanation(
    out: Screen,
    decision: Decision,
    documents: Documents,
    name: str = "",
    *,
    verbose: bool = False,
) -> None:
    """Print why a request was decided so, given these documents, and what would change that.

    Places in the file of that name are shown without it.
    """
    _Page(out, name, verbose=verbose).show(explained(decision, documents), decision)


def explained_text(decision: Decision, documents: Documents, *, verbose: bool = False) -> str:
    """Return what `show_explanation` prints, in Unicode and without colour."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    show_explanation(screen(stream, "never"), decision, documents, verbose=verbose)
    stream.seek(0)
    return stream.read()


def explanation_as_json(decision: Decision, documents: Documents) -> dict[str, Any]:
    """Return a decision as `--format json` prints it."""
    return _as_json(None, decision, explained(decision, documents))


def _question(file: str, name: str) -> Question:
    with open_input(file) as stream:
        data = stream.read(MAX_BYTES + 1)
    try:
        return parse_request(data, name, positions=True)
    except RequestError as error:
        at = error.position
        place = f"{safe(name)}:{at.line}:{at.column}" if at is not None else safe(name)
        what = f"{error.field}: {error.problem}" if error.field else error.problem
        raise UsageError(f"{place}: {safe(what)}") from None


def _as_json(id: str | None, decision: Decision, explanation: Explanation) -> dict[str, Any]:
    """Return the answer of `kmsgate decide`, with what only an explanation has."""
    return {
        **answer_of(decision, id),
        "headline": explanation.headline,
        "decided_by": [_named(trace) for trace in decision.by],
        "near_misses": [_near_miss(near) for near in explanation.near_misses],
        "remedies": [
            {"change": remedy.change, "path": remedy.decision.path, "by": remedy.by}
            for remedy in explanation.remedies
        ],
        "losses": [
            {"change": loss.change, "decision": loss.decision.outcome, "layer": loss.decision.layer}
            for loss in explanation.losses
        ],
        "rules": explanation.rules,
    }


def _named(trace: StatementTrace | GrantTrace) -> dict[str, Any]:
    """Name a statement or grant as the reasons of a decision do, with its place."""
    if isinstance(trace, GrantTrace):
        policy = f"grant {trace.grant.id}"
        return {"layer": "grant", "policy": policy, "statement": None, "sid": None, "place": None}
    return {
        "layer": trace.layer.value,
        "policy": trace.policy,
        "statement": trace.index,
        "sid": trace.sid,
        "place": _place(Place(trace.source, trace.span)),
    }


def _near_miss(near: NearMiss) -> dict[str, Any]:
    source = near.trace.source if isinstance(near.trace, StatementTrace) else None
    failed = []
    for element in near.failed:
        step, at = element.step, None
        if source is not None and step.span is not None:
            at = _place(Place(source, step.span))
        failed.append(
            {
                "element": step.element.value,
                "key": element.key,
                "why": step.why,
                "expected": step.expected,
                "actual": step.actual,
                "would_match": element.would_match,
                "place": at,
            }
        )
    return {**_named(near.trace), "failed": failed}


def _place(place: Place) -> dict[str, Any]:
    at = place.position
    return {
        "file": place.source.name,
        "line": at.line,
        "column": at.column,
        "excerpt": place.excerpt,
    }


@dataclass(frozen=True)
class _Page:
    """Lays an explanation out on a screen. Places in the request's own file lack its name."""

    out: Screen
    name: str
    verbose: bool = False

    def show(self, explanation: Explanation, decision: Decision) -> None:
        self.headline(explanation, decision)
        if self.verbose:
            self._excerpts(decision)
        self.out.line()
        self.out.line(safe(explanation.question))
        for stage in explanation.stages:
            self._stage(stage, is_last=stage is explanation.stages[-1])
        if explanation.message is not None:
            self._wrapped(f"The caller reads: AccessDeniedException: {explanation.message}")
        changes = [(remedy.change, remedy.result) for remedy in explanation.remedies]
        self._changes("allowed", ", smallest change first", changes)
        self._changes("denied", "", [(loss.change, loss.result) for loss in explanation.losses])
        rules = f"Rules: {', '.join(explanation.rules)}" if explanation.rules else ""
        closing = [part for part in (explanation.note, rules) if part]
        if closing:
            self.out.line("       ".join(closing))

    def headline(self, explanation: Explanation, decision: Decision) -> None:
        place = explanation.place
        where = f"{place.source.name}:{place.position.line}" if place is not None else ""
        text = safe(explanation.headline)
        style = "good" if decision.allowed else "bad"
        self._line(text, where, painted=self.out.paint(text, style))

    def _stage(self, stage: Stage, *, is_last: bool) -> None:
        branch = self.out.glyph("last" if is_last else "branch")
        title = f"{branch} {stage.number} {stage.title}"
        if len(title) < _VERDICTS + len(branch):
            self.out.line(f"{title.ljust(_VERDICTS + len(branch) + 1)}{safe(stage.verdict)}")
        else:
            self._line(title, stage.verdict)
        self._tree(stage.lines, self._indent("", is_last=is_last))

    def _tree(self, lines: Sequence[Line], indent: str) -> None:
        widths = _widths(lines)
        for line in lines:
            is_last = line is lines[-1]
            branch = self.out.glyph("last" if is_last else "branch")
            self._row(f"{indent}{branch} ", line, widths)
            if line.is_open or self.verbose:
                self._tree(line.children, self._indent(indent, is_last=is_last))

    def _row(self, lead: str, line: Line, widths: Sequence[int]) -> None:
        mark, painted = "", ""
        if not line.children and line.matched is not None:
            width = max(len(self.out.glyph(name)) for name in ("ok", "no"))
            sign = self.out.glyph("ok" if line.matched else "no").ljust(width)
            mark = f"{sign} "
            painted = f"{self.out.paint(sign, 'good' if line.matched else 'bad')} "
        text = _columns(line.cells, widths)
        is_settled = line.children and line.matched  # its elements have places of their own
        place = "" if is_settled else self._place(line.place)
        self._line(f"{lead}{mark}{text}", place, painted=f"{lead}{painted}{text}")

    def _indent(self, indent: str, *, is_last: bool) -> str:
        return f"{indent}{' ' if is_last else self.out.glyph('bar')}  "

    def _place(self, place: Place | None) -> str:
        if place is None:
            return ""
        at, name = place.position, place.source.name
        return f"{'' if name == self.name else name}:{at.line}:{at.column}"

    def _line(self, text: str, remark: str, painted: str | None = None) -> None:
        """Write a line with a remark at the margin."""
        shown = text if painted is None else painted
        if remark:
            width = max(MARGIN, len(text) + _GAP)
            shown += " " * (width - len(text)) + self.out.paint(safe(remark), "faint")
        self.out.line(shown)

    def _wrapped(self, text: str) -> None:
        lines = textwrap.wrap(
            safe(text),
            _WIDTH,
            subsequent_indent="  ",
            break_long_words=False,
            break_on_hyphens=False,
        )
        for line in lines:
            self.out.line(line)

    def _excerpts(self, decision: Decision) -> None:
        """Write the text of the statements that decided."""
        for place in filter(None, map(place_of, decision.by[:MAX_EXCERPTS])):
            self.out.line(self.out.paint(safe(place.source.place(place.span)), "strong"))
            for line in place.excerpt.split("\n"):
                self.out.line(line)

    def _changes(self, outcome: str, order: str, found: Sequence[tuple[str, str]]) -> None:
        """Write what would lead to the other outcome: each change, and what was decided then."""
        if not found:
            return
        arrow = self.out.glyph("arrow")
        tried = f"each tried on its own{order}" if len(found) > 1 else "tried"
        self.out.line(f"What would make it {outcome} ({tried}):")
        width = max(_RESULTS, *(len(change) + 2 for change, _ in found))
        for number, (change, result) in enumerate(found, start=1):
            self.out.line(f"  {number}. {safe(change).ljust(width)}{arrow} {safe(result)}")


def _widths(lines: Sequence[Line]) -> list[int]:
    """Return how wide each column is; the last cell of a line takes what it needs."""
    widths = [0, 0, _EFFECTS, 0]
    for line in lines:
        for index, cell in enumerate(line.cells[:-1]):
            widths[index] = max(widths[index], len(cell))
    return widths


def _columns(cells: Sequence[str], widths: Sequence[int]) -> str:
    parts = [
        cell.ljust(widths[index]) + _COLUMN_GAPS[index] for index, cell in enumerate(cells[:-1])
    ]
    return safe("".join((*parts, cells[-1])))
