"""explain(): a decision told in the order in which it is made, each part with its place.

The trace is only read here, and nothing is laid out: a terminal and a page print the same lines.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import groupby

from policy.decision import (
    AllowPath,
    Decision,
    ElementName,
    GrantTrace,
    Layer,
    LayerResult,
    MatchClass,
    Outcome,
    StatementTrace,
    Step,
)
from policy.headline import headline, question
from policy.losses import Loss
from policy.messages import denial_message
from policy.model import Effect
from policy.near_misses import NearMiss, closest
from policy.remedies import Remedy, grant_name
from policy.request import Request
from policy.rulebook import rules_of
from policy.source import MAX_EXCERPT_COLUMNS, Position, Source, Span, printable
from policy.vocabulary import ACTIONS, ResourceKind

MAX_EXCERPT_LINES = 16
"""Of longer statements the beginning is shown."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands."""

    source: Source = field(repr=False)
    span: Span

    @property
    def position(self) -> Position:
        """The line and column of its first character."""
        return self.source.position(self.span.start)

    @property
    def excerpt(self) -> str:
        """The lines with their numbers, clipped and safe to print; a part of a line has carets."""
        first, end = (
            self.position.line,
            self.source.position(max(self.span.start, self.span.end - 1)),
        )
        if first == end.line:
            return self.source.excerpt(self.span)
        last = min(end.line, first + MAX_EXCERPT_LINES - 1)
        width = len(str(last))
        shown = [f"{' ' * width} |"]
        for number in range(first, last + 1):
            text = self.source.line(number)
            more = "…" if len(text) > MAX_EXCERPT_COLUMNS else ""
            text = printable(text[:MAX_EXCERPT_COLUMNS])
            shown.append(f"{number:>{width}} | {text}{more}")
        if last < end.line:
            shown.append(f"{' ' * width} | … and {end.line - last} lines more")
        return "\n".join(shown)


def place_of(trace: StatementTrace | GrantTrace) -> Place | None:
    """Return where a statement stands; grants are no text."""
    return Place(trace.source, trace.span) if isinstance(trace, StatementTrace) else None


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a stage. `cells` are its columns, `children` the elements behind it.

    `matched` is None for what neither matches nor fails. An open line is worth its children also
    where room is scarce.
    """

    cells: tuple[str, ...]
    matched: bool | None = None
    place: Place | None = None
    children: tuple[Line, ...] = ()
    is_open: bool = False


class Reach(StrEnum):
    """How far a decision went through a stage."""

    PASSED = "passed"
    DECIDED = "decided here"
    SKIPPED = "not needed"


@dataclass(frozen=True, slots=True)
class Stage:
    """One of the four questions that a decision asks, and what came of it."""

    number: int
    title: str
    verdict: str
    lines: tuple[Line, ...]
    reach: Reach


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a request is answered as it is, for any surface to print.

    `place` is the statement that decided. `message` is all that the caller is told. `remedies`
    tell what would change a denial, `losses` what would end a permission.
    """

    outcome: Outcome
    headline: str
    place: Place | None
    question: str
    stages: tuple[Stage, ...]
    message: str | None
    near_misses: tuple[NearMiss, ...]
    remedies: tuple[Remedy, ...]
    losses: tuple[Loss, ...]
    note: str | None
    rules: tuple[str, ...]


def explain(
    decision: Decision,
    remedies: Sequence[Remedy] = (),
    *,
    near_misses: Sequence[NearMiss] = (),
    losses: Sequence[Loss] = (),
) -> Explanation:
    """Return why a request was decided so, with what would change it if that is known."""
    teller = _Teller(decision, near_misses)
    return Explanation(
        outcome=decision.outcome,
        headline=headline(decision),
        place=place_of(decision.by[0]) if decision.by else None,
        question=question(decision.request),
        stages=(teller.denies(), teller.guardrails(), teller.offers(), teller.caller_side()),
        message=denial_message(decision),
        near_misses=tuple(near_misses),
        remedies=tuple(remedies),
        losses=tuple(losses),
        note=_note(decision),
        rules=rules_of(decision),
    )


# The four stages

_ELEMENTS = {
    ElementName.PRINCIPAL: "principal",
    ElementName.ACTION: "action",
    ElementName.RESOURCE: "resource",
    ElementName.CONDITION: "condition",
    ElementName.OPERATIONS: "operations",
    ElementName.GRANTEE: "grantee",
    ElementName.CONSTRAINTS: "constraints",
    ElementName.TIME: "time",
}
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_GUARDRAILS = (Layer.SCP, Layer.RCP, Layer.ENDPOINT)
_CALLER_SIDE = (Layer.IDENTITY, Layer.BOUNDARY, Layer.SESSION)


def _way(decision: Decision) -> tuple[int, ...]:
    """Return the numbers of the stages that the decision needed; the last one settled it."""
    layer, path = decision.layer, decision.path
    has_offers = decision.request.resource.kind in (ResourceKind.KEY, None)
    if decision.outcome is Outcome.EXPLICITLY_DENIED:
        return (1,)
    if layer is Layer.SERVICE:
        return ()
    if layer in (Layer.SCP, Layer.ENDPOINT):
        return (1, 2)
    if path in (AllowPath.DIRECT, AllowPath.SERVICE_PRINCIPAL) or layer is Layer.KEY_POLICY:
        is_last = path not in (AllowPath.ROLE, AllowPath.ACCOUNT, AllowPath.CROSS_ACCOUNT)
        return (1, 2, 3) if is_last else (1, 2, 3, 4)
    if path is AllowPath.GRANT:
        direct = all(trace.match_class is MatchClass.DIRECT for trace in decision.by)
        request = decision.request
        is_last = direct and request.principal.account in (None, request.resource.account)
        return (1, 2, 3) if is_last else (1, 2, 3, 4)
    if path in (AllowPath.IDENTITY, AllowPath.ROOT) or not has_offers:
        return (1, 2, 4)  # neither key policy nor grant had to allow
    return (1, 2, 3, 4)


def _identity(trace: StatementTrace | GrantTrace) -> tuple[object, ...]:
    """Return what tells one statement or grant of a decision from the others."""
    if isinstance(trace, GrantTrace):
        return (id(trace.grant),)
    return (trace.layer, trace.level, id(trace.source), trace.index)


class _Teller:
    def __init__(self, decision: Decision, near_misses: Sequence[NearMiss]) -> None:
        self.decision = decision
        self.opened = {_identity(trace) for trace in _worth_opening(decision)}
        self.way = _way(decision)
        self.would_match = {
            (_identity(near.trace), failed.position): failed.would_match
            for near in near_misses
            for failed in near.failed
        }

    def _stage(self, number: int, title: str, verdict: str, lines: Iterable[Line]) -> Stage:
        reach = Reach.SKIPPED
        if number in self.way:
            reach = Reach.DECIDED if number == self.way[-1] else Reach.PASSED
        return Stage(number, title, verdict, tuple(lines), reach)

    # 1

    def denies(self) -> Stage:
        traces = list(self._statements(Layer, Effect.DENY))
        applying = [trace for trace in traces if trace.applies]
        verdict = "no"
        if applying:
            stops = self.decision.outcome is Outcome.EXPLICITLY_DENIED
            verdict = "yes, stops here" if stops else "yes, but the service refuses anyway"
        lines = [
            self._line(
                trace, "Deny", "applies" if trace.applies else f"no match, {_failure(trace)}"
            )
            for trace in sorted(traces, key=lambda trace: not trace.applies)
        ]
        return self._stage(1, "explicit deny anywhere?", verdict, lines)

    # 2

    def guardrails(self) -> Stage:
        states = [(layer.value, self._guardrail(layer)) for layer in _GUARDRAILS]
        lines = self._allows((Layer.SCP, Layer.ENDPOINT))
        return self._stage(2, "guardrails", _joined(states, none="none apply"), lines)

    def _guardrail(self, layer: Layer) -> str:
        result, action = self.decision.layer_result(layer), self.decision.request.action
        if not result.applies:
            return ""
        if result.denying:
            return "denies"
        if layer is Layer.RCP:
            return "denies nothing here"
        if result.allows:
            return "allows"
        at = f" at {', '.join(result.missing)}" if result.missing else ""
        return f"does not allow {action}{at}"

    # 3

    def offers(self) -> Stage:
        request, kind = self.decision.request, self.decision.request.resource.kind
        if kind in (ResourceKind.ALIAS, ResourceKind.NONE):
            what = "an alias" if kind is ResourceKind.ALIAS else "*"
            return self._stage(3, "offers", f"none asked for: {what} has no policy of its own", ())
        if request.action == "kms:RetireGrant":
            return self._stage(3, "offers", "none asked for: a grant says who may retire it", ())
        lines = [
            self._line(trace, _class_name(trace), self._offer(trace))
            for trace in self._statements((Layer.KEY_POLICY,), Effect.ALLOW)
        ]
        lines += self._grants()
        found = len(self.decision.layer_result(Layer.KEY_POLICY).allowing)
        found += sum(t.applies for t in self.decision.layer_result(Layer.GRANT).grants)
        verdict = f"{_NUMBERS[found] if found < len(_NUMBERS) else found} offer{'s'[: found != 1]}"
        stopped = self.decision.outcome is Outcome.EXPLICITLY_DENIED
        if stopped or self.decision.layer in (*_GUARDRAILS, Layer.SERVICE):
            verdict = "(not needed any more; shown for learning)"
        return self._stage(3, "offers", verdict, lines)

    def _offer(self, trace: StatementTrace) -> str:
        if not trace.applies:
            return _failure(trace)
        if trace.match_class is not MatchClass.ACCOUNT:
            return _all_match(trace.steps)
        if self.decision.path in (AllowPath.ACCOUNT, AllowPath.CROSS_ACCOUNT):
            return "delegation; the identity policies allow"
        return "delegation; identity policies would have to allow"

    def _grants(self) -> Iterator[Line]:
        traces = self.decision.layer_result(Layer.GRANT).grants
        matching = [trace for trace in traces if trace.applies]
        others = [trace for trace in traces if not trace.applies]
        for trace in matching:
            yield self._grant(trace, "grant", _class_name(trace), _all_match(trace.steps))
        if others:
            why = ", ".join(_grant_failure(trace, self.decision.request) for trace in others)
            text = f"{len(matching)} of {len(traces)} match: {why}"
            children = tuple(self._grant(trace) for trace in others)
            is_open = any(child.is_open for child in children)
            yield Line(("grant", text), False, None, children, is_open)

    def _grant(self, trace: GrantTrace, lead: str = "", *cells: str) -> Line:
        name = grant_name(trace.grant)
        shown = (lead, name, *cells) if lead else (name,)
        return Line(shown, trace.applies, None, self._elements(trace), self._is_open(trace))

    # 4

    def caller_side(self) -> Stage:
        states = [(layer.value, self._side(layer)) for layer in _CALLER_SIDE]
        verdict = _joined(states, none="none")
        if self.decision.path in (AllowPath.DIRECT, AllowPath.SERVICE_PRINCIPAL):
            verdict = f"not needed; {verdict}"
        return self._stage(4, "caller's side", verdict, self._allows(_CALLER_SIDE))

    def _side(self, layer: Layer) -> str:
        result, action = self.decision.layer_result(layer), self.decision.request.action
        if result.allows_by_nature:
            return "the root user may do everything"
        if not result.applies or (layer is Layer.IDENTITY and not result.statements):
            return ""
        if result.denying:
            return "denies"
        if result.allows:
            return f"allows by {', '.join(_label(trace) for trace in result.allowing[:2])}"
        return f"{'no policy allows' if layer is Layer.IDENTITY else 'does not allow'} {action}"

    # Lines

    def _statements(self, layers: Iterable[Layer], effect: Effect) -> Iterator[StatementTrace]:
        for result in self._results(layers):
            yield from (trace for trace in result.statements if trace.effect is effect)

    def _results(self, layers: Iterable[Layer]) -> Iterator[LayerResult]:
        wanted = tuple(layers)
        return (result for result in self.decision.layers if result.layer in wanted)

    def _allows(self, layers: Iterable[Layer]) -> Iterator[Line]:
        for trace in self._statements(layers, Effect.ALLOW):
            text = "applies" if trace.applies else f"no match, {_failure(trace)}"
            yield self._line(trace, "Allow", text)

    def _line(self, trace: StatementTrace, column: str, text: str) -> Line:
        failed = next((step for step in trace.steps if not step.matched), None)
        span = trace.span if failed is None else failed.span
        return Line(
            (self._layer_name(trace.layer), _label(trace), column, text),
            trace.applies,
            Place(trace.source, span or trace.span),
            self._elements(trace),
            self._is_open(trace),
        )

    def _layer_name(self, layer: Layer) -> str:
        is_foreign = layer is Layer.KEY_POLICY and self.decision.request.resource.kind is None
        return "resource_policy" if is_foreign else layer.value

    def _is_open(self, trace: StatementTrace | GrantTrace) -> bool:
        return _identity(trace) in self.opened

    def _elements(self, trace: StatementTrace | GrantTrace) -> tuple[Line, ...]:
        source = trace.source if isinstance(trace, StatementTrace) else None
        return tuple(
            Line(
                (_ELEMENTS[step.element], self._sentence(trace, position, step)),
                step.matched,
                Place(source, step.span) if source is not None and step.span is not None else None,
            )
            for position, step in enumerate(trace.steps)
        )

    def _sentence(self, trace: StatementTrace | GrantTrace, position: int, step: Step) -> str:
        """Say what happened and, unless the sentence names it already, what would have matched."""
        sentence = _sentence(step, self.decision.request)
        value = self.would_match.get((_identity(trace), position))
        said = step.element is ElementName.CONSTRAINTS or _names(sentence, value or "")
        if value is None or said:
            return sentence
        return f"{sentence}; {'its absence' if value == 'no such key' else value} would match"


def _worth_opening(decision: Decision) -> Iterator[StatementTrace | GrantTrace]:
    """Yield what decided or, where nothing allowed, what came closest to allowing."""
    if decision.outcome is Outcome.EXPLICITLY_DENIED:
        for result in decision.layers:
            yield from result.denying
        return
    yield from decision.by
    yield from closest(decision)


def _joined(states: Sequence[tuple[str, str]], none: str) -> str:
    """Return `scp, rcp: none apply; vpce: allows`, neighbours with the same state together."""
    parts = []
    for state, group in groupby(states, lambda pair: pair[1]):
        parts.append(f"{', '.join(name for name, _ in group)}: {state or none}")
    return "; ".join(parts)


def _label(trace: StatementTrace) -> str:
    """Name a statement, and its policy where the layer may have several."""
    if trace.layer in (Layer.KEY_POLICY, Layer.BOUNDARY, Layer.ENDPOINT) or not trace.sid:
        return trace.name
    return f"{trace.policy}: {trace.sid}"


def _class_name(trace: StatementTrace | GrantTrace) -> str:
    return trace.match_class.name if trace.match_class is not None else "no match"


def _all_match(steps: Sequence[Step]) -> str:
    count = len(steps)
    return f"all {_NUMBERS[count] if count < len(_NUMBERS) else count} elements match"


def _failure(trace: StatementTrace) -> str:
    """Say which element failed first, and how many more did."""
    failed = [step for step in trace.steps if not step.matched]
    more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
    return f"{_ELEMENTS[failed[0].element]}: {_bare(failed[0])}{more}"


def _grant_failure(trace: GrantTrace, request: Request) -> str:
    name = grant_name(trace.grant)
    failed = {step.element: step for step in trace.steps if not step.matched}
    if ElementName.GRANTEE in failed:
        return f"{name} is for {trace.grant.grantee_principal.rpartition(':')[2]}"
    if ElementName.OPERATIONS in failed:
        return f"{name} has no {request.operation}"
    why = next(iter(failed.values())).why
    return why.replace("the grant", name, 1) if "the grant" in why else f"{name}: {why}"


def _sentence(step: Step, request: Request) -> str:
    sentence, asked = _bare(step), str(request.resource)
    if sentence == f"{request.action} covers {request.action}":
        return request.action
    if request.resource.kind is ResourceKind.KEY and sentence.endswith(f" {asked}"):
        return f"{sentence.removesuffix(asked)}this key"
    return sentence


def _names(sentence: str, value: str) -> bool:
    """Tell whether a value stands in a sentence as a word, or as several."""
    return f" {value} " in f" {sentence} ".replace(", ", " ").replace(": ", " ")


def _bare(step: Step) -> str:
    """Return what happened, without the name of the element."""
    return step.why.removeprefix("Action ").removeprefix("Resource ")


def _note(decision: Decision) -> str | None:
    """Return a word about what would not help, although people try it first."""
    request = decision.request
    if request.resource.kind is None:
        return "Not a KMS key: in one account an identity or a resource policy alone is enough."
    action = ACTIONS.get(request.action.lower())
    if request.resource.kind is not ResourceKind.KEY or action is None or decision.allowed:
        return None
    if decision.outcome is Outcome.EXPLICITLY_DENIED:
        return "A grant would not help: no grant overrides a deny (A-4)."
    if decision.layer is Layer.KEY_POLICY:
        return "An identity policy alone would not help: the key's side must offer first (A-11)."
    return None
