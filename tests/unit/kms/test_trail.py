"""Finding events, log files and back, broken chains, notifications (CORE K-185 to K-187)."""

from __future__ import annotations

import copy
import datetime as dt
import gzip
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from kms import AuditEvent, Key
from kms.audit import (
    Break,
    Entry,
    ServiceEvent,
    canonical,
    entries,
    first_break,
    record,
    service_event,
)
from kms.directory import service_principal
from kms.trail import (
    CHAIN_FILE,
    MAX_RECORDS,
    MalformedRecordError,
    Written,
    event_of,
    link,
    log_files,
    notifications,
    read_log,
    select,
)
from tests.kms_world import (
    ACCOUNT,
    ALLOW_ALL,
    ELSEWHERE,
    OTHER,
    REGION,
    START,
    World,
    document,
    key_statement,
    role_arn,
    user_arn,
)

HOUR = dt.timedelta(hours=1)


@pytest.fixture
def lived(world: World) -> World:
    """A world in which seven things have happened: eight copies of events."""
    key = world.key(policy=document(key_statement(principal={"AWS": [ACCOUNT, OTHER]})))
    world.do("Encrypt", KeyId=key.id, Plaintext=b"x", EncryptionContext={"b": "1", "a": "é"})
    world.refused("DescribeKey", world.user("bob"), KeyId=key.id)
    world.advance(hours=1, milliseconds=250)
    far = world.user("far", ALLOW_ALL, account=OTHER)
    world.do("Encrypt", far, KeyId=str(key.arn), Plaintext=b"x")
    world.do("ListKeys", world.session("worker", ALLOW_ALL), region=ELSEWHERE)
    world.do("ScheduleKeyDeletion", KeyId=key.id, PendingWindowInDays=7)
    world.advance(days=8)
    world.do("ListKeys", facts={"aws:SourceIp": "198.51.100.7", "aws:UserAgent": "Boto3"})
    return world


def key_of(world: World) -> str:
    return str(world.events[0].resources[0])


def names(events: Any) -> list[str]:
    return [event.operation for event in events]


# Finding


EVERYTHING = [
    "Encrypt", "DescribeKey", "Encrypt", "Encrypt", "ListKeys", "ScheduleKeyDeletion", "DeleteKey",
    "ListKeys",
]  # fmt: skip

FOUND: list[tuple[dict[str, Any], list[str]]] = [
    ({}, EVERYTHING),
    ({"operation": "ListKeys"}, ["ListKeys", "ListKeys"]),
    ({"operation": "listkeys"}, []),
    ({"caller": user_arn("bob")}, ["DescribeKey"]),
    ({"caller": role_arn("worker")}, ["ListKeys"]),
    ({"caller": f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/work"}, ["ListKeys"]),
    ({"caller": OTHER}, ["Encrypt", "Encrypt"]),
    ({"caller": "AWS Internal"}, ["DeleteKey"]),
    ({"error": "AccessDenied"}, ["DescribeKey"]),
    ({"error": "AccessDeniedException"}, ["DescribeKey"]),
    ({"error": "DisabledException"}, []),
    ({"message": "not authorized"}, ["DescribeKey"]),
    ({"since": START + HOUR}, EVERYTHING[2:]),
    ({"until": START + HOUR}, EVERYTHING[:2]),
    ({"since": START, "until": START}, []),
    ({"account": OTHER}, ["Encrypt"]),
    ({"region": ELSEWHERE}, ["ListKeys"]),
    ({"operation": "Encrypt", "account": ACCOUNT, "since": START + HOUR}, ["Encrypt"]),
]


@pytest.mark.parametrize(("query", "found"), FOUND, ids=[str(list(q)) for q, _ in FOUND])
def test_events_are_found_by_what_they_say(
    lived: World, query: Mapping[str, Any], found: list[str]
) -> None:
    assert names(select(lived.events, **query)) == found


def test_events_of_a_key_are_found_by_arn_and_by_id_also_when_it_is_gone(lived: World) -> None:
    """CORE K-149, K-185."""
    arn, found = key_of(lived), ["Encrypt", "DescribeKey", "Encrypt", "Encrypt"]
    found += ["ScheduleKeyDeletion", "DeleteKey"]

    assert lived.state.key(arn) is None
    assert names(select(lived.events, key=arn)) == found
    assert names(select(lived.events, key=arn.rpartition("/")[2])) == found
    assert names(select(lived.events, key=arn[:-1])) == []


def test_events_of_an_alias_are_found_by_its_name(world: World, key: Key) -> None:
    world.do("CreateAlias", AliasName="alias/a", TargetKeyId=key.id)

    assert names(select(world.events, key="alias/a")) == ["CreateAlias"]


def test_a_service_is_found_where_it_called_for_somebody(world: World, key: Key) -> None:
    world.do("ListKeys", via="s3")
    world.ask("ListKeys", service_principal("s3.amazonaws.com"))

    assert len(list(select(world.events, caller="s3.amazonaws.com"))) == 2


# Log files


def files_of(world: World) -> dict[str, bytes]:
    return dict(log_files(entries(world.events)))


def records_of(files: Mapping[str, bytes]) -> list[dict[str, Any]]:
    found = []
    for name, data in files.items():
        if name != CHAIN_FILE:
            found += json.loads(gzip.decompress(data))["Records"]
    return found


def chain_of(files: Mapping[str, bytes]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in files[CHAIN_FILE].splitlines()]


def test_log_files_lie_where_cloudtrail_puts_them(lived: World) -> None:
    """CORE K-185."""
    folders = [name.rpartition("/")[0] for name in files_of(lived)]

    assert folders == [
        f"AWSLogs/{ACCOUNT}/CloudTrail/{REGION}/2026/03/01",
        f"AWSLogs/{ACCOUNT}/CloudTrail/{REGION}/2026/03/08",
        f"AWSLogs/{ACCOUNT}/CloudTrail/{REGION}/2026/03/09",
        f"AWSLogs/{ACCOUNT}/CloudTrail/{ELSEWHERE}/2026/03/01",
        f"AWSLogs/{OTHER}/CloudTrail/{REGION}/2026/03/01",
        "",
    ]


def test_a_log_file_is_called_by_account_region_time_and_content(lived: World) -> None:
    first = next(iter(files_of(lived))).rpartition("/")[2]

    assert first.startswith(f"{ACCOUNT}_CloudTrail_{REGION}_20260301T0800Z_")
    assert first.endswith(".json.gz")


def test_every_event_is_in_one_log_file_in_order_and_tells_no_hash(lived: World) -> None:
    files = files_of(lived)
    found = records_of(files)

    by_id = {each["eventID"]: each for each in found}
    assert len(found) == len(by_id) == len(lived.events)
    assert all(by_id[event.id] == record(event) for event in lived.events)
    assert [line["eventID"] for line in chain_of(files)] == [e.id for e in lived.events]
    assert not any(event.hash in json.dumps(found) for event in lived.events)


def test_the_same_events_give_the_same_bytes(lived: World) -> None:
    assert files_of(lived) == files_of(lived)
    for name, data in files_of(lived).items():
        assert name == CHAIN_FILE or data[4:8] == bytes(4)  # gzip would note the time


def test_many_events_of_a_day_are_several_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kms.trail.MAX_RECORDS", 2)
    world = World()
    for _ in range(5):
        world.do("ListKeys")

    files = files_of(world)

    assert [len(records_of({n: d})) for n, d in files.items() if n != CHAIN_FILE] == [2, 2, 1]
    assert MAX_RECORDS == 10_000


@pytest.mark.parametrize("odd", ["../../etc", "", "x" * 99, "a/b"])
def test_no_region_and_no_account_leads_out_of_the_folder(odd: str) -> None:
    event = replace(plain(), account=odd, region=odd)

    (name, _), *_ = log_files(entries([event]))

    assert name.startswith("AWSLogs/none/CloudTrail/none/2026/03/01/none_CloudTrail_none_")


def plain() -> AuditEvent:
    return AuditEvent("e", START, "r", "c", "user", ACCOUNT, "ListKeys", REGION, (), "success")


def test_without_a_chain_there_is_no_chain_file() -> None:
    assert CHAIN_FILE not in dict(log_files(entries([plain()])))


# And back


def written(world: World) -> tuple[list[Written], list[dict[str, Any]]]:
    files = files_of(world)
    return [Written(each, "there") for each in records_of(files)], chain_of(files)


def test_what_is_read_is_what_was_written(lived: World) -> None:
    found = list(read_log(*written(lived)))

    assert [entry.event for entry in found] == lived.events
    assert [entry.record for entry in found] == [record(event) for event in lived.events]
    assert first_break(found) is None
    assert files_of(lived) == dict(log_files(found))


def test_without_the_chain_events_are_read_by_their_time(lived: World) -> None:
    records, _ = written(lived)

    found = [entry.event for entry in read_log(reversed(records), [])]

    assert [event.at for event in found] == sorted(event.at for event in found)
    assert {event.id for event in found} == {event.id for event in lived.events}
    assert {event.outcome for event in found} == {"success", "denied"}
    assert all(record(event) in [each.record for each in records] for event in found)


def test_records_of_other_services_are_passed_over(lived: World) -> None:
    records, chain = written(lived)
    other = Written({"eventSource": "s3.amazonaws.com", "resources": "none of our business"}, "x")

    assert len(list(read_log([other, *records], chain))) == len(records)


MALFORMED: dict[str, dict[str, Any]] = {
    "userIdentity is not an object": {"userIdentity": "me"},
    "eventName is not a text": {"eventName": 7},
    "resources is not a list": {"resources": {}},
    "readOnly is not true or false": {"readOnly": "no"},
    "resources has an entry without an ARN": {"resources": [{"accountId": ACCOUNT}]},
    "'yesterday' is not a time": {"eventTime": "yesterday"},
    "'2026-03-01T08:00:00' is not a time": {"eventTime": "2026-03-01T08:00:00"},
    "'0001-01-01T00:00:00\\+10:00' is not a time": {"eventTime": "0001-01-01T00:00:00+10:00"},
}


@pytest.mark.parametrize("message", MALFORMED)
def test_what_is_no_record_of_an_event_is_refused(message: str) -> None:
    with pytest.raises(MalformedRecordError, match=message):
        event_of({**record(plain()), **MALFORMED[message]})


def test_one_event_in_two_places_is_refused() -> None:
    one = Written(record(plain()), "here")

    with pytest.raises(MalformedRecordError, match="event e stands in here too"):
        list(read_log([one, one], []))


# Broken chains (CORE K-185)

Tamper = Callable[[list[Written], list[dict[str, Any]]], None]


def change(number: int, **parts: Any) -> Tamper:
    def tamper(records: list[Written], chain: list[dict[str, Any]]) -> None:
        name = chain[number]["eventID"]
        for at, each in enumerate(records):
            if each.record["eventID"] == name:
                changed = copy.deepcopy({**each.record, **parts})
                records[at] = Written(changed, each.place)

    return tamper


def take_away(number: int, *, also_from_chain: bool) -> Tamper:
    def tamper(records: list[Written], chain: list[dict[str, Any]]) -> None:
        name = chain[number]["eventID"]
        records[:] = [each for each in records if each.record["eventID"] != name]
        if also_from_chain:
            del chain[number]

    return tamper


def put_in(records: list[Written], _chain: list[dict[str, Any]]) -> None:
    records.append(Written({**records[0].record, "eventID": "new"}, "there"))


def swap(_records: list[Written], chain: list[dict[str, Any]]) -> None:
    chain[3], chain[4] = chain[4], chain[3]


def change_line(number: int, **parts: Any) -> Tamper:
    def tamper(_records: list[Written], chain: list[dict[str, Any]]) -> None:
        chain[number] |= parts

    return tamper


CHANGED, MISSING = "the event was changed", "the record of the event is missing"
TAMPERED: dict[str, tuple[Tamper, int, str]] = {
    "another name": (change(3, eventName="Decrypt"), 3, CHANGED),
    "another context": (change(0, requestParameters={}), 0, CHANGED),
    "another identity": (change(1, userIdentity={"type": "Root"}), 1, CHANGED),
    "no error": (change(1, errorCode=None), 1, CHANGED),
    "one member more": (change(7, comment="x"), 7, CHANGED),
    "another kind of resource": (change(5, resources=[]), 5, CHANGED),
    "the last one": (change(7, sourceIPAddress="192.0.2.1"), 7, CHANGED),
    "a record taken away": (take_away(2, also_from_chain=False), 2, MISSING),
    "the last record taken away": (take_away(7, also_from_chain=False), 7, MISSING),
    "an event taken away": (take_away(2, also_from_chain=True), 2, CHANGED),
    "the first event taken away": (take_away(0, also_from_chain=True), 0, CHANGED),
    "an event put in": (put_in, 8, "the event stands in no chain"),
    "two events in another order": (swap, 3, CHANGED),
    "another path": (change_line(0, path="grant"), 0, CHANGED),
    "another moment": (change_line(0, at="2026-03-01T08:00:00.001+00:00"), 0, CHANGED),
    "another hash": (change_line(4, hash="0" * 64), 4, CHANGED),
}


@pytest.mark.parametrize("name", TAMPERED)
def test_the_first_place_where_a_log_was_changed_is_found(lived: World, name: str) -> None:
    tamper, number, reason = TAMPERED[name]
    records, chain = written(lived)
    tamper(records, chain)

    found = first_break(read_log(records, chain))

    assert found is not None
    assert (found.number, found.reason) == (number, reason)


def test_events_of_a_store_are_checked_in_their_order(lived: World) -> None:
    events = lived.events
    assert first_break(entries(events)) is None

    found = first_break(entries(events[1:]))
    assert found == Break(
        0,
        Entry(events[1], record(events[1])),
        "an event before this one is missing, or their order was changed",
    )
    assert first_break([]) is None


def test_the_order_of_names_in_a_record_does_not_matter(lived: World) -> None:
    records, chain = written(lived)
    turned = [Written(json.loads(canonical(each.record)), each.place) for each in reversed(records)]

    assert first_break(read_log(turned, chain)) is None


def test_a_line_of_the_chain_tells_what_the_record_does_not(lived: World) -> None:
    event = lived.events[2]

    assert link(event) == {
        "eventID": event.id,
        "at": "2026-03-01T09:00:00.250000+00:00",
        "caller": user_arn("far", OTHER),
        "callerKind": "user",
        "path": event.path,
        "hash": event.hash,
    }


# Service events and notifications


@pytest.mark.parametrize(
    ("kind", "details", "heard"),
    [
        (
            ServiceEvent.ROTATE_KEY,
            {"rotationType": "AUTOMATIC", "keyOrigin": "AWS_KMS"},
            "KMS CMK Rotation",
        ),
        (ServiceEvent.DELETE_KEY, {}, "KMS CMK Deletion"),
        (
            ServiceEvent.DELETE_EXPIRED_KEY_MATERIAL,
            {"keyMaterialId": "0" * 64},
            "KMS Imported Key Material Expiration",
        ),
        (ServiceEvent.SYNCHRONIZE_MULTI_REGION_KEY, {}, None),
    ],
)
def test_what_the_service_does_is_an_event_and_is_heard_of(
    world: World, key: Key, kind: ServiceEvent, details: dict[str, str], heard: str | None
) -> None:
    """CORE K-186, K-187."""
    event = service_event(kind, key, START, details, world.entropy)
    written = record(event)

    assert written["eventType"] == "AwsServiceEvent"
    assert written["userIdentity"] == {"accountId": ACCOUNT, "invokedBy": "AWS Internal"}
    assert (written["sourceIPAddress"], written["userAgent"]) == ("AWS Internal",) * 2
    assert (written["requestParameters"], written["responseElements"]) == (None, None)
    assert written["readOnly"] is False
    assert written["serviceEventDetails"] == {"keyId": key.id, **details}
    told = list(notifications([event]))
    assert [each["detail-type"] for each in told] == ([heard] if heard else [])
    for each in told:
        assert each["source"] == "aws.kms"
        assert each["resources"] == [str(key.arn)]
        assert each["detail"] == {"key-id": key.id}
        assert (each["account"], each["region"], each["time"]) == (
            ACCOUNT,
            REGION,
            "2026-03-01T08:00:00Z",
        )


def test_a_service_event_can_be_about_another_key(world: World) -> None:
    """CORE K-186: the event of a replica names the primary."""
    primary, replica = world.key(multi_region=True), world.key(region=ELSEWHERE)
    kind = ServiceEvent.SYNCHRONIZE_MULTI_REGION_KEY

    event = service_event(kind, replica, START, {}, world.entropy, about=str(primary.arn))

    assert (event.region, event.resources) == (ELSEWHERE, (str(primary.arn),))


def test_calls_are_not_heard_of(lived: World) -> None:
    assert [each["detail-type"] for each in notifications(lived.events)] == ["KMS CMK Deletion"]
