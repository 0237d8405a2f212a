"""What the tests of suites reach: statements, outcomes of conditions, paths, operations.

A statement is covered once it applies to a request of some test, and decides where it is among
what decided. A condition is covered once it has come out both ways while all else matched.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kms.gate import key_policy
from kms.shapes import operation_names
from kmsgate.scenario.fields import Item
from kmsgate.scenario.model import CallStep
from kmsgate.scenario.policies import MANAGED
from kmsgate.scenario.run import Result
from kmsgate.scenario.world import World
from policy import AllowPath, Arn, Decision, GrantTrace, Layer, Policy, Statement, StatementTrace
from policy.decision import ElementName
from policy.source import Source, Span
from policy.tree import Array, Object


@dataclass(frozen=True)
class Place:
    """Where a statement stands in a file that somebody wrote."""

    source: Source = field(repr=False)
    span: Span

    def __str__(self) -> str:
        return self.source.place(self.span)

    @property
    def line(self) -> int:
        """The line on which the statement begins."""
        return self.source.position(self.span.start).line


@dataclass
class Covered:
    """One statement, and how often tests reached it.

    `outcomes` counts for each of its conditions how often it was false and true. What kmsgate
    itself puts on keys, the default key policy, has no place.
    """

    home: str
    name: str
    place: Place | None
    applied: int = 0
    decided: int = 0
    outcomes: list[list[int]] = field(default_factory=list)

    @property
    def label(self) -> str:
        """How reports call it: `payroll: Delegate`."""
        return f"{self.home}: {self.name}"


class Coverage:
    """Counts over any number of runs; statements of one place are one statement."""

    def __init__(self) -> None:
        self.statements: dict[tuple[str, str, int], Covered] = {}
        self.paths: set[AllowPath] = set()
        self.operations: set[str] = set()

    def add(self, results: Iterable[Result]) -> None:
        """Count what some tests reached."""
        for result in results:
            known = _Known(self.statements, result.test.world)
            calls = [step for step in result.test.steps if isinstance(step, CallStep)]
            asked = calls[: len(result.told)]
            self.operations |= {step.operation for step in asked}
            for _, reply in result.told:
                for decision in reply.decisions:
                    if decision.path is not None:
                        self.paths.add(decision.path)
                    known.count(decision)

    # Sums

    @property
    def applied(self) -> int:
        """How many statements have applied."""
        return sum(bool(each.applied) for each in self.statements.values())

    @property
    def percent(self) -> float:
        """How many of a hundred statements have applied; all, where there is none."""
        total = len(self.statements)
        return 100.0 * self.applied / total if total else 100.0

    @property
    def outcomes(self) -> tuple[int, int]:
        """How many outcomes of conditions were seen, and how many there are: two of each."""
        found = [n for s in self.statements.values() for counts in s.outcomes for n in counts]
        return sum(map(bool, found)), len(found)

    def summary(self) -> str:
        """Return everything on one line."""
        seen, of = self.outcomes
        conditions = f"{seen} of {of} condition outcomes" if of else "no conditions"
        return (
            f"{self.applied} of {len(self.statements)} statements, {conditions}, "
            f"{len(self.paths)} of {len(AllowPath)} allow paths, "
            f"{len(self.operations)} of {len(operation_names())} operations"
        )

    # For programs

    def as_json(self) -> dict[str, Any]:
        """Return the counts as plain values."""
        seen, of = self.outcomes
        return {
            "statements": [
                {
                    "statement": each.label,
                    "place": str(each.place) if each.place is not None else None,
                    "applied": each.applied,
                    "decided": each.decided,
                    "conditions": [{"false": no, "true": yes} for no, yes in each.outcomes],
                }
                for each in self.statements.values()
            ],
            "percent": round(self.percent, 2),
            "condition_outcomes": {"seen": seen, "of": of},
            "allow_paths": {
                "seen": sorted(self.paths),
                "never": sorted(set(AllowPath) - self.paths),
            },
            "operations": {
                "seen": sorted(self.operations),
                "never": sorted(operation_names() - self.operations),
            },
        }

    def as_lcov(self) -> Iterator[str]:
        """Yield the lines of an lcov file: a statement is a line, a condition a branch."""
        files: dict[str, list[Covered]] = {}
        for each in self.statements.values():
            if each.place is not None:
                files.setdefault(each.place.source.name, []).append(each)
        for name, found in sorted(files.items()):
            yield from ("TN:", f"SF:{name}")
            yield from _branches(found)
            lines: dict[int, int] = {}
            for line, each in ((e.place.line, e) for e in found if e.place is not None):
                lines[line] = lines.get(line, 0) + each.applied
            yield from (f"DA:{line},{count}" for line, count in sorted(lines.items()))
            yield f"LF:{len(lines)}"
            yield f"LH:{sum(map(bool, lines.values()))}"
            yield "end_of_record"


def _branches(found: Sequence[Covered]) -> Iterator[str]:
    counts: list[int] = []
    for block, each in enumerate(found):
        for number, outcome in enumerate(n for pair in each.outcomes for n in pair):
            counts.append(outcome)
            line = each.place.line if each.place is not None else 0
            yield f"BRDA:{line},{block},{number},{outcome if each.applied or outcome else '-'}"
    if counts:
        yield f"BRF:{len(counts)}"
        yield f"BRH:{sum(map(bool, counts))}"


class _Known:
    """The statements of one world, found again in the traces of its decisions."""

    def __init__(self, all_known: dict[tuple[str, str, int], Covered], world: World) -> None:
        self.all_known = all_known
        self.on_keys: dict[tuple[Arn, str | int], Covered] = {}
        self.texts: dict[Arn, str] = {}
        self.elsewhere: dict[tuple[str, int], Covered] = {}
        for name, arn in world.keys.items():
            key = world.state.key(arn)
            if key is not None:
                self._add_key(name, arn, key.policy, world)
        for policy in policies_of(world):
            for statement in policy.statements:
                place = Place(policy.source, statement.span)
                covered = self._covered(policy.name, statement, place)
                self.elsewhere[policy.source.name, statement.span.start] = covered

    def _add_key(self, name: str, arn: Arn, text: str, world: World) -> None:
        self.texts[arn] = text
        places = places_of(name, text, world)
        for statement in key_policy(text).statements:
            covered = self._covered(name, statement, places.get(statement.index))
            self.on_keys[arn, statement.index] = covered
            if statement.sid is not None:
                self.on_keys[arn, statement.sid] = covered

    def _covered(self, home: str, statement: Statement, place: Place | None) -> Covered:
        name = statement.sid or f"[{statement.index}]"
        at = ("", f"{home}: {name}", statement.index)
        if place is not None:
            at = (place.source.name, "", place.span.start)
        made = Covered(home, name, place, outcomes=[[0, 0] for _ in statement.conditions])
        return self.all_known.setdefault(at, made)

    def count(self, decision: Decision) -> None:
        """Count every statement that applied to a request, and every one that decided it."""
        deciding = {id(by) for by in decision.by if not isinstance(by, GrantTrace)}
        for result in decision.layers:
            for trace in result.statements:
                covered = self._find(trace, decision.request.resource.arn)
                if covered is None:
                    continue
                covered.applied += trace.applies
                covered.decided += id(trace) in deciding
                _count_conditions(covered, trace)

    def _find(self, trace: StatementTrace, arn: Arn | None) -> Covered | None:
        """Return the statement of a trace; one of a changed key policy by its Sid."""
        if trace.layer is not Layer.KEY_POLICY:
            return self.elsewhere.get((trace.source.name, trace.span.start))
        if arn is None:
            return None
        same = trace.source.text == self.texts.get(arn)
        name = trace.index if same or trace.sid is None else trace.sid
        return self.on_keys.get((arn, name)) if same or trace.sid is not None else None


def _count_conditions(covered: Covered, trace: StatementTrace) -> None:
    steps = [step for step in trace.steps if step.element is ElementName.CONDITION]
    others = (step.matched for step in trace.steps if step.element is not ElementName.CONDITION)
    if len(steps) == len(covered.outcomes) and all(others):
        for counts, step in zip(covered.outcomes, steps, strict=True):
            counts[step.matched] += 1


def policies_of(world: World) -> Iterator[Policy]:
    """Yield every policy of a world but those of keys and those that AWS wrote, each once."""
    directory = world.state.directory
    found: list[Policy | None] = []
    for identity in directory.identities.values():
        found += [*identity.policies, identity.boundary]
    found += [policy for group in directory.groups.values() for policy in group]
    found += [policy for s in directory.sessions.values() for policy in s.policies or ()]
    found += [endpoint.policy for endpoint in directory.endpoints.values()]
    for account in directory.accounts.values():
        levels = (*(account.scps or ()), *(account.rcps or ()))
        found += [policy for level in levels for policy in level.policies]
    seen: set[tuple[str, int]] = set()
    for policy in found:
        if policy is None or policy.source.text in MANAGED.values() or not policy.statements:
            continue
        at = (policy.source.name, policy.statements[0].span.start)
        if at not in seen:
            seen.add(at)
            yield policy


def places_of(name: str, text: str, world: World) -> Mapping[int, Place]:
    """Return where the statements of a key's policy were written, by their index."""
    item: Item | None = world.names.of("keys")[name].fields.get("policy")
    if item is not None and item.is_scalar:
        item = world.policies.named.get(item.text("policy") or "")
    if item is None or not isinstance(item.node, Object):
        return {}
    file = item.node.get("file")
    if file is not None:
        source = Source(item.beside(Item(file, item.source, item.log).text("file") or ""), text)
        return {s.index: Place(source, s.span) for s in key_policy(text).statements}
    found = item.node.get("Statement")
    nodes = found.items if isinstance(found, Array) else (found,) if found is not None else ()
    return {index: Place(item.source, node.span) for index, node in enumerate(nodes)}
