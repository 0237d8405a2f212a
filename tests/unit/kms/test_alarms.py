"""Alarms: when they go off, when they are over, and what they tell (CORE K-148)."""

from __future__ import annotations

import datetime as dt

import pytest

from kms import AuditEvent, Key
from kms.alarms import (
    PENDING_DELETION,
    PERIOD,
    Alarm,
    AlarmRule,
    AlarmState,
    Notification,
    PendingDeletionAlarm,
    notifications,
    state_of,
)
from kms.trail import Query
from tests.kms_world import ACCOUNT, ALLOW_ALL, OTHER, REGION, START, World, document, key_statement

OK, ALARM = AlarmState.OK, AlarmState.ALARM
SOON = dt.timedelta(seconds=1)


def event(minute: float, operation: str = "Decrypt", number: int | None = None) -> AuditEvent:
    return AuditEvent(
        id="e",
        at=START + dt.timedelta(minutes=minute),
        request_id=str(minute if number is None else number),
        caller="c",
        caller_kind="user",
        account=ACCOUNT,
        operation=operation,
        region=REGION,
        resources=(),
        outcome="success",
    )


def at(minute: float) -> dt.datetime:
    return START + dt.timedelta(minutes=minute)


TWICE = AlarmRule("twice", Query(operation="Decrypt"), 2, dt.timedelta(minutes=10))


@pytest.mark.parametrize(
    ("minutes", "now", "state"),
    [
        ([], 0, OK),
        ([0], 0, OK),
        ([0, 9], 9, ALARM),
        ([0, 9], 9.9, ALARM),
        ([0, 9], 10, OK),  # the first is ten minutes old
        ([0, 10], 10, OK),
        ([0, 9, 12], 12, ALARM),
        ([0, 9, 12], 19, OK),
        ([3, 3], 3, ALARM),
    ],
)
def test_it_stands_at_alarm_while_enough_calls_are_recent(
    minutes: list[float], now: float, state: AlarmState
) -> None:
    events = [event(minute, number=number) for number, minute in enumerate(minutes)]

    assert state_of(TWICE, events, at(now)) is state


def test_other_calls_do_not_count() -> None:
    events = [event(0), event(1, "Encrypt"), event(2, "DescribeKey")]

    assert state_of(TWICE, events, at(2)) is OK


def test_copies_of_one_call_count_once() -> None:
    one, two = event(0, number=1), event(0, number=1)

    assert state_of(TWICE, [one, two], at(0)) is OK
    assert state_of(TWICE, [one, two, event(1, number=2)], at(1)) is ALARM


def test_every_change_of_state_is_told_once_and_at_its_time() -> None:
    events = [event(0), event(4), event(5), event(40), event(41)]

    told = [(n.state, n.at) for n in notifications(TWICE, events, at(60))]

    assert told == [(ALARM, at(4)), (OK, at(14)), (ALARM, at(41)), (OK, at(50))]


def test_nothing_is_told_as_long_as_nothing_changes() -> None:
    alarm = Alarm(TWICE)

    assert alarm.watch(event(0)) == ()
    assert len(alarm.watch(event(1))) == 1
    assert alarm.watch(event(2)) == ()
    assert alarm.until(at(3)) == ()


def test_an_alarm_remembers_no_more_than_it_counts() -> None:
    alarm = Alarm(TWICE)
    for minute in range(1000):
        alarm.watch(event(minute / 1000))

    assert len(alarm._seen) == TWICE.at_least


@pytest.mark.parametrize(("at_least", "within"), [(0, PERIOD), (1, dt.timedelta())])
def test_a_rule_counts_something_within_some_time(at_least: int, within: dt.timedelta) -> None:
    with pytest.raises(ValueError, match="at least one call"):
        AlarmRule("x", Query(), at_least, within)


# A key that is pending deletion (CORE C-59)


@pytest.fixture
def pending(world: World, key: Key) -> Key:
    world.do("ScheduleKeyDeletion", KeyId=key.id, PendingWindowInDays=7)
    return key


def test_use_of_a_key_pending_deletion_goes_off_and_is_over_after_the_period(
    world: World, pending: Key
) -> None:
    world.refused("Encrypt", KeyId=pending.id, Plaintext=b"x")
    now = world.clock.now()

    assert state_of(PENDING_DELETION, world.events, now) is ALARM
    assert state_of(PENDING_DELETION, world.events, now + PERIOD - SOON) is ALARM
    assert state_of(PENDING_DELETION, world.events, now + PERIOD) is OK
    assert dt.timedelta(minutes=5) == PERIOD


def test_what_is_permitted_meanwhile_is_no_use(world: World, pending: Key) -> None:
    world.do("DescribeKey", KeyId=pending.id)
    world.do("ListKeys")
    world.do("PutKeyPolicy", KeyId=pending.id, Policy=pending.policy)
    world.do("CancelKeyDeletion", KeyId=pending.id)
    world.refused("Encrypt", KeyId=pending.id, Plaintext=b"x")  # it is disabled by now

    assert state_of(PENDING_DELETION, world.events, world.clock.now()) is OK


def test_what_is_sent_names_neither_key_operation_nor_caller(world: World, pending: Key) -> None:
    world.refused("Encrypt", KeyId=pending.id, Plaintext=b"x")
    alarm = PendingDeletionAlarm()
    told: list[Notification] = []
    for each in world.events:
        told += alarm.watch(each)

    (sent,) = told
    assert sent == Notification(
        "pending-deletion", ALARM, START, "at least 1 matching calls within 0:05:00"
    )
    for name in (pending.id, "Encrypt", "admin", ACCOUNT):
        assert name not in str(sent)


def test_use_from_another_account_counts_once(world: World) -> None:
    key = world.key(policy=document(key_statement(principal={"AWS": [ACCOUNT, OTHER]})))
    world.do("ScheduleKeyDeletion", KeyId=key.id)
    far = world.user("far", ALLOW_ALL, account=OTHER)
    reply = world.ask("Encrypt", far, KeyId=str(key.arn), Plaintext=b"x")
    rule = AlarmRule("twice", PENDING_DELETION.match, 2)

    assert len(reply.events) == 2
    assert state_of(rule, world.events, world.clock.now()) is OK
