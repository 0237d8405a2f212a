"""Alarms over the stream of events (CORE K-148)."""

from __future__ import annotations

import datetime as dt
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from kms.audit import AuditEvent
from kms.trail import Query

PERIOD = dt.timedelta(minutes=5)
"""The evaluation period of alarms that name none."""


class AlarmState(StrEnum):
    """Whether there is reason to look."""

    OK = "OK"
    ALARM = "ALARM"


@dataclass(frozen=True, slots=True)
class AlarmRule:
    """An alarm by its name: at least so many calls that match, within so much time."""

    name: str
    match: Query
    at_least: int = 1
    within: dt.timedelta = PERIOD

    def __post_init__(self) -> None:
        if self.at_least < 1 or self.within <= dt.timedelta():
            raise ValueError("an alarm counts at least one call, within some time")


@dataclass(frozen=True, slots=True)
class Notification:
    """What is sent when an alarm changes its state; it names neither key, operation nor caller."""

    alarm: str
    state: AlarmState
    at: dt.datetime
    reason: str


class Alarm:
    """An alarm that watches events in the order of their time.

    It stands at ALARM as long as `at_least` matching calls lie within the last `within`. A call
    counts once, however many copies of its event there are. It remembers that many calls at most.
    """

    def __init__(self, rule: AlarmRule) -> None:
        self.rule = rule
        self._seen: deque[dt.datetime] = deque(maxlen=rule.at_least)
        self._state = AlarmState.OK
        self._last_call: tuple[str, str] | None = None

    def watch(self, event: AuditEvent) -> tuple[Notification, ...]:
        """Take one more event into account; return the changes of state up to it."""
        ended = self.until(event.at)
        call = (event.request_id, event.operation)
        if call == self._last_call or not self.rule.match.matches(event):
            return ended
        self._last_call = call
        self._seen.append(event.at)
        return ended + self.until(event.at)

    def until(self, now: dt.datetime) -> tuple[Notification, ...]:
        """Let the time go on to a later moment; return the change of state, if there is one."""
        state, rule = self.state(now), self.rule
        if state is self._state:
            return ()
        self._state = state
        if state is AlarmState.ALARM:
            reason = f"at least {rule.at_least} matching calls within {rule.within}"
            return (Notification(rule.name, state, now, reason),)
        reason = f"fewer than {rule.at_least} matching calls within {rule.within}"
        return (Notification(rule.name, state, self._seen[0] + rule.within, reason),)

    def state(self, now: dt.datetime) -> AlarmState:
        """Return how it stands at a moment that is not before the last event."""
        enough = len(self._seen) == self.rule.at_least
        fresh = enough and now < self._seen[0] + self.rule.within
        return AlarmState.ALARM if fresh else AlarmState.OK


PENDING_DELETION = AlarmRule("pending-deletion", Query(message="is pending deletion"))
"""Somebody tried to use a key that is to be deleted (CORE K-148)."""


class PendingDeletionAlarm(Alarm):
    """The alarm on use of a key that is pending deletion; what is still permitted is no use."""

    def __init__(self) -> None:
        super().__init__(PENDING_DELETION)


def notifications(
    rule: AlarmRule, events: Iterable[AuditEvent], now: dt.datetime
) -> Iterator[Notification]:
    """Yield what the alarm of a rule sends because of events, up to now."""
    alarm = Alarm(rule)
    for event in events:
        yield from alarm.watch(event)
    yield from alarm.until(now)


def state_of(rule: AlarmRule, events: Iterable[AuditEvent], now: dt.datetime) -> AlarmState:
    """Return how the alarm of a rule stands after these events."""
    alarm = Alarm(rule)
    for event in events:
        alarm.watch(event)
    return alarm.state(now)
