"""What would make an allowed request denied: what decided is dropped, the rest decides again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from policy.authorization import decide
from policy.decision import Decision, Documents, GrantTrace, Outcome, StatementTrace
from policy.edits import without
from policy.remedies import counted, grant_name
from policy.request import Request

MAX_LOSSES = 5
_MAX_ROUNDS = 4


@dataclass(frozen=True, slots=True)
class Loss:
    """A change, as something to do, and what would be decided then: always a denial."""

    change: str
    decision: Decision
    documents: Documents = field(repr=False)

    @property
    def result(self) -> str:
        """What would be decided, in one phrase."""
        explicit = self.decision.outcome is Outcome.EXPLICITLY_DENIED
        return f"denied {'explicitly' if explicit else 'implicitly'}, {self.decision.layer}"


def losses(request: Request, documents: Documents) -> tuple[Loss, ...]:
    """Return up to five changes; each of them, made alone, has an allowed request denied.

    Where no single statement or grant is needed, all are dropped that would still allow.
    """
    decision = decide(request, documents)
    if not decision.allowed:
        return ()
    single = islice(_singly(request, documents, decision.by), MAX_LOSSES)
    return tuple(single) or tuple(_together(request, documents, decision))


def _singly(
    request: Request, documents: Documents, by: Sequence[StatementTrace | GrantTrace]
) -> Iterator[Loss]:
    for trace in by[: 2 * MAX_LOSSES]:
        left = without(documents, [trace])
        outcome = decide(request, left)
        if not outcome.allowed:
            yield Loss(_drop([trace]), outcome, left)


def _together(request: Request, documents: Documents, decision: Decision) -> Iterator[Loss]:
    """Yield the one change that drops what allows, and what allows in its place, to the end."""
    dropped: list[StatementTrace | GrantTrace] = []
    for _ in range(_MAX_ROUNDS):
        dropped += decision.by
        left = without(documents, dropped)
        decision = decide(request, left)
        if not decision.allowed:
            yield Loss(_drop(dropped), decision, left)
        if not decision.allowed or not decision.by:
            return


def _drop(traces: Sequence[StatementTrace | GrantTrace]) -> str:
    statements = [trace.name for trace in traces if isinstance(trace, StatementTrace)]
    grants = [grant_name(trace.grant) for trace in traces if isinstance(trace, GrantTrace)]
    parts = [f"drop {counted('statement', statements)}"] if statements else []
    parts += [f"revoke {counted('grant', grants)}"] if grants else []
    return " and ".join(parts)
