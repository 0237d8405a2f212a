"""Every event of every sample call fits the schema, is JSON, and can be read back from a log."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings

from kms import OPERATIONS, AuditEvent
from kms.audit import canonical, entries, first_break, record
from kms.audit_table import ROWS
from kms.shapes import secret_members
from kmsgate.resources import schema
from policy import Principal
from tests.kms_world import ACCOUNT, ALLOW_ALL, OTHER, World, document, key_statement
from tests.property.test_gate import DENIALS, call_of, case_of, odd_requests

every_operation = pytest.mark.parametrize("name", sorted(OPERATIONS))


@functools.cache
def validator() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json.loads(schema("audit-event")))


def check(event: AuditEvent) -> None:
    """Fail unless an event fits the schema, holds JSON alone, and is whole."""
    written = record(event)
    for error in validator().iter_errors(written):
        pytest.fail(f"{list(error.absolute_path)}: {error.message[:300]}")
    assert json.loads(canonical(written)) == written
    assert event.is_intact()


def parts_of(event: AuditEvent) -> dict[str, Any]:
    """Return the parts as a store would keep them: the time as text, all else as JSON."""
    kept = {part.name: getattr(event, part.name) for part in fields(AuditEvent)}
    kept["at"] = event.at.isoformat()
    return kept


def by_a_user(_world: World) -> Principal | None:
    return None


def by_a_session(world: World) -> Principal:
    return world.session("worker", ALLOW_ALL)


def by_root(world: World) -> Principal:
    return world.root()


def by_a_stranger(world: World) -> Principal:
    for key in list(world.state.keys.values()):
        statement = key_statement(principal={"AWS": [ACCOUNT, OTHER]})
        world.put(replace(key, policy=document(statement), bound_ids={}))
    return world.user("far", ALLOW_ALL, account=OTHER)


CALLERS = (by_a_user, by_a_session, by_root, by_a_stranger)


def test_it_is_a_schema_of_the_newest_kind() -> None:
    jsonschema.Draft202012Validator.check_schema(validator().schema)

    assert validator().schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("who", CALLERS, ids=lambda who: who.__name__)
@every_operation
def test_every_event_of_every_call_fits_the_schema(
    name: str, who: Callable[[World], Principal | None]
) -> None:
    case = case_of(name)
    facts = {"aws:SourceIp": "198.51.100.7", "aws:UserAgent": "Boto3"}
    call = replace(call_of(case, name, who(case.world)), facts=facts, access_key="AKIAEXAMPLE")

    reply = case.world.service.call(call)

    assert reply.event == reply.events[0]
    for event in case.world.events:
        check(event)
        assert event.read_only is (event.operation in ROWS and ROWS[event.operation].read_only)
    assert first_break(entries(case.world.events)) is None


@pytest.mark.parametrize("deny", DENIALS, ids=lambda deny: deny.__name__)
@every_operation
def test_every_event_of_every_denial_fits_the_schema(
    name: str, deny: Callable[[World], None]
) -> None:
    case = case_of(name)
    deny(case.world)

    reply = case.world.service.call(call_of(case, name))

    for event in reply.events:
        check(event)


@settings(max_examples=150, deadline=None)
@given(odd_requests())
def test_the_event_of_whatever_comes_in_fits_the_schema(drawn: tuple[str, Any, list[str]]) -> None:
    name, odd, kept = drawn
    case = case_of(name)
    parameters = {k: v for k, v in case.parameters.items() if k not in odd or k in kept} | odd

    reply = case.world.ask(name, **parameters)

    for event in reply.events:
        check(event)
        assert event.error_code is None or event.response is None


@every_operation
def test_an_event_that_a_store_has_kept_is_whole(name: str) -> None:
    case = case_of(name)
    case.world.service.call(call_of(case, name))

    for event in case.world.events:
        kept = json.loads(json.dumps(parts_of(event)))
        at, resources = type(event.at).fromisoformat(kept["at"]), tuple(kept["resources"])

        again = AuditEvent(**{**kept, "at": at, "resources": resources})

        assert again == event
        assert again.is_intact()


@every_operation
def test_all_members_that_may_be_seen_are_seen_and_no_others(name: str) -> None:
    """CORE K-178, K-179."""
    case = case_of(name)
    event = case.world.ask(name, **case.parameters).event
    assert event is not None
    sent = {member[0].lower() + member[1:] for member in set(case.parameters)}
    secret = {member[0].lower() + member[1:] for member in secret_members(name)}

    if name in ("GenerateRandom", "RetireGrant"):
        assert event.parameters is None
    else:
        assert event.parameters is not None
        assert sent - secret <= set(event.parameters)
        assert not secret & set(event.parameters)


WRONG: list[tuple[str, Any]] = [
    ("eventTime", "2026-03-01T08:00:00.123Z"),
    ("eventSource", "s3.amazonaws.com"),
    ("errorMessage", "a message without a code"),
    ("errorCode", "AccessDeniedException"),
    ("requestParameters", {"plaintext": "x"}),
    ("requestParameters", {"grantTokens": []}),
    ("responseElements", {"grantToken": "x"}),
    ("recipientAccountId", "1"),
    ("comment", "x"),
    ("userIdentity", {"accountId": ACCOUNT}),
    ("serviceEventDetails", {"keyId": "x"}),
    ("resources", [{"ARN": "arn:aws:s3:::bucket", "accountId": ACCOUNT, "type": "AWS::S3"}]),
]


@pytest.mark.parametrize(
    ("member", "value"), WRONG, ids=[f"{m}-{i}" for i, (m, _) in enumerate(WRONG)]
)
def test_what_no_event_can_be_does_not_fit(member: str, value: Any) -> None:
    world = World()
    world.do("ListKeys")
    written = record(world.events[-1])
    assert validator().is_valid(written)

    assert not validator().is_valid({**written, member: value})


def described(node: Any, path: str = "") -> Iterator[str]:
    """Yield the members of objects in the schema that say nothing about themselves."""
    if isinstance(node, list):
        for entry in node:
            yield from described(entry, path)
    elif isinstance(node, dict):
        if node.get("type") == "object":
            for name, part in node.get("properties", {}).items():
                if "description" not in part and "$ref" not in part:
                    yield f"{path}/{name}"
        for name, part in node.items():
            yield from described(part, f"{path}/{name}")


def test_every_member_says_what_it_is() -> None:
    assert list(described(validator().schema)) == []


def test_the_members_stand_in_the_order_of_the_specification() -> None:
    """CORE K-173."""
    order = list(validator().schema["properties"])
    world = World()
    key = world.key()
    world.do("Encrypt", KeyId=key.id, Plaintext=b"x", facts={"aws:SourceIp": "192.0.2.1"})
    world.refused("Encrypt", world.user("bob"), KeyId=key.id, Plaintext=b"x", endpoint="vpce-1")
    world.put(replace(key, deletion_at=world.clock.now()))
    world.advance(days=1)
    world.do("ListKeys")

    for event in world.events:
        members = list(record(event))
        assert members == [name for name in order if name in members]
