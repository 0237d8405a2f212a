"""What lies around the calls: routes, control, limits, enforcement, and what is said of bugs."""

from __future__ import annotations

import json
import logging
import re
import socket
import threading
from collections.abc import Iterator
from io import StringIO
from typing import Any, NoReturn
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from kms import Settings, StoreError
from kms.runtime import FixedClock, ShiftedClock
from kmsgate import server
from kmsgate.access_log import AccessLog
from kmsgate.app import MAX_BODY_BYTES
from kmsgate.control import Control
from kmsgate.credentials import Credentials
from kmsgate.simulator import Simulator
from tests.endpoint.clients import UNCHECKED, Answer, Endpoint, send, served
from tests.endpoint.test_signatures import Desk
from tests.kms_world import ROOT, START, World, document, key_statement

TOKEN = "0123456789abcdef"


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def desk(world: World) -> Iterator[Desk]:
    with served(world, FixedClock(START)) as endpoint:
        yield Desk(world, endpoint)


# Routes (CORE K-189)


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/"), ("PUT", "/"), ("OPTIONS", "/"), ("POST", "/kms"), ("POST", "//"),
     ("POST", "/%2F"), ("POST", "/health"), ("GET", "/kmsgate/reset"), ("POST", "/kmsgate/reset")],
)  # fmt: skip
def test_there_is_nothing_elsewhere(desk: Desk, method: str, path: str) -> None:
    draft = desk.draft().signed()

    answer = send(desk.endpoint, draft.sent, draft.body, method=method, path=path)

    assert (answer.status, answer.told) == (404, {"__type": "UnknownOperationException"})


@pytest.mark.parametrize(
    "target", [None, "Encrypt", "TrentService.Nothing", "trentservice.Encrypt"]
)
def test_an_unknown_operation_is_told_before_anybody_looks_at_the_signature(
    desk: Desk, target: str | None
) -> None:
    headers = [("host", desk.host)] + ([("x-amz-target", target)] if target else [])

    answer = send(desk.endpoint, headers, b"{}")

    assert (answer.status, answer.told) == (400, {"__type": "UnknownOperationException"})
    assert desk.world.events == []


def test_what_is_no_json_is_told_and_no_event(desk: Desk) -> None:
    answer = desk.draft(body=b"{").signed().send(desk.endpoint)

    assert (answer.status, answer.told["__type"]) == (400, "SerializationException")
    assert desk.world.events == []


def test_a_member_of_a_wrong_type_is_told_to_who_signed_and_written_down(desk: Desk) -> None:
    answer = desk.draft(body=b'{"NumberOfBytes": "many"}').signed().send(desk.endpoint)

    assert (answer.status, answer.told["__type"]) == (400, "SerializationException")
    assert [event.error_code for event in desk.world.events] == ["SerializationException"]


@pytest.mark.parametrize("content", ["application/json", "application/x-amz-json-1.0", "text/x"])
def test_the_type_of_the_content_does_not_matter(desk: Desk, content: str) -> None:
    """CORE K-190."""
    draft = desk.draft(headers={"content-type": content}).signed()

    assert draft.send(desk.endpoint).status == 200


def test_an_empty_body_is_an_empty_request(desk: Desk) -> None:
    assert desk.draft(operation="ListKeys", body=b"").signed().send(desk.endpoint).status == 200


def test_a_response_has_the_headers_that_aws_sends(desk: Desk) -> None:
    """CORE K-193."""
    answer = desk.draft().signed().send(desk.endpoint)

    assert {name: answer.headers[name] for name in ("cache-control", "expires", "pragma")} == {
        "cache-control": "no-cache, no-store, must-revalidate, private",
        "expires": "0",
        "pragma": "no-cache",
    }
    assert answer.headers["content-type"] == "application/x-amz-json-1.1"
    assert answer.headers["date"].endswith(" GMT")
    assert int(answer.headers["content-length"]) == len(answer.body)
    assert "server" not in answer.headers


def test_health_needs_no_signature(desk: Desk) -> None:
    answer = send(desk.endpoint, [("host", desk.host)], method="GET", path="/health")

    assert (answer.status, answer.told) == (200, {"status": "ok"})


# What only the surface knows (AUTH J-31, J-33, J-34)


def test_policies_see_address_agent_and_transport(world: World, desk: Desk) -> None:
    key = world.key(
        policy=document(
            key_statement(
                principal=ROOT,
                Condition={
                    "IpAddress": {"aws:SourceIp": "127.0.0.0/8"},
                    "StringLike": {"aws:UserAgent": "tests/*", "aws:Referer": "here"},
                    "Bool": {"aws:SecureTransport": "false"},
                },
            )
        )
    )
    headers = {"user-agent": "tests/1.0", "referer": "here"}
    body = json.dumps({"KeyId": key.id}).encode()

    def asked(**changed: str) -> int:
        draft = desk.draft(operation="DescribeKey", body=body, headers={**headers, **changed})
        return draft.signed().send(desk.endpoint).status

    assert asked() == 200
    assert asked(**{"user-agent": "other"}) == 400
    assert asked(**{"x-forwarded-for": "203.0.113.9", "x-forwarded-proto": "https"}) == 200
    assert (world.events[-1].source, world.events[-1].agent) == ("127.0.0.1", "tests/1.0")


def test_the_endpoint_can_claim_that_calls_came_through_tls(world: World) -> None:
    secure = {"Condition": {"Bool": {"aws:SecureTransport": "true"}}}
    key = world.key(policy=document(key_statement(principal=ROOT, **secure)))
    answers = []
    for claims in (False, True):
        with served(world, claims_tls=claims) as endpoint:
            kms = endpoint.client("kms", str(world.admin), config=UNCHECKED)
            try:
                answers.append(kms.describe_key(KeyId=key.id)["KeyMetadata"]["KeyId"])
            except ClientError as error:
                answers.append(error.response["Error"]["Code"])

    assert answers == ["AccessDeniedException", key.id]


# Enforcement


def lenient() -> tuple[World, Any, str]:
    world = World(settings=Settings(enforce=False))
    return world, world.user("nobody"), world.key().id


def test_with_warnings_a_denied_call_is_done_and_told_of() -> None:
    world, nobody, key_id = lenient()
    with served(world, warns=True) as endpoint:
        kms = endpoint.client("kms", str(nobody), config=UNCHECKED)
        answer = kms.encrypt(KeyId=key_id, Plaintext=b"x")
        fine = endpoint.client("kms", str(world.admin)).describe_key(KeyId=key_id)

    told = json.loads(answer["ResponseMetadata"]["HTTPHeaders"]["x-kmsgate-decision"])
    assert (told["decision"], told["layer"]) == ("ImplicitlyDenied", "identity")
    assert told["action"] == "kms:Encrypt"
    assert told["message"].endswith("no identity-based policy allows the kms:Encrypt action")
    assert answer["CiphertextBlob"]
    assert "x-kmsgate-decision" not in fine["ResponseMetadata"]["HTTPHeaders"]


def test_without_enforcement_nothing_is_told() -> None:
    world, nobody, key_id = lenient()
    with served(world) as endpoint:
        answer = endpoint.client("kms", str(nobody)).encrypt(KeyId=key_id, Plaintext=b"x")

    assert "x-kmsgate-decision" not in answer["ResponseMetadata"]["HTTPHeaders"]


def test_without_enforcement_a_signature_is_still_needed_and_a_key_must_exist() -> None:
    world, _, _ = lenient()
    with served(world, FixedClock(START)) as endpoint:
        desk = Desk(world, endpoint)
        assert desk.draft(secret="x").signed().send(endpoint).status == 400
        missing = json.dumps({"KeyId": "1234abcd-12ab-34cd-56ef-1234567890ab"}).encode()
        answer = desk.draft(operation="DescribeKey", body=missing).signed().send(endpoint)

    assert answer.told["__type"] == "NotFoundException"


def test_keys_that_services_manage_stay_theirs_without_enforcement() -> None:
    """CORE K-21."""
    world, _, _ = lenient()
    world.do("DescribeKey", KeyId="alias/aws/s3")
    (managed,) = [key for key in world.state.keys.values() if key.manager == "AWS"]

    assert world.told("ScheduleKeyDeletion", KeyId=managed.id)[0] == "AccessDeniedException"


# Control


def controlled(world: World) -> tuple[Control, ShiftedClock]:
    clock = ShiftedClock(world.clock)
    world.service.clock = clock
    simulator = Simulator(world.service, Credentials(world.store, clock), {}, world.state)
    return Control(simulator, TOKEN, clock), clock


def tell(endpoint: Endpoint, path: str, body: bytes = b"", token: str = TOKEN) -> Answer:
    headers = [("host", "x"), ("authorization", f"Bearer {token}")]
    return send(endpoint, headers, body, path=f"/kmsgate/{path}")


def test_a_reset_goes_back_to_the_start_and_clients_go_on(world: World) -> None:
    world.user("other")
    control, _ = controlled(world)
    with served(world, control=control) as endpoint:
        kms = endpoint.client("kms", str(world.admin))
        key_id = kms.create_key()["KeyMetadata"]["KeyId"]
        world.direct(lambda each: each.without_identity(world.caller(f"{ROOT[:-4]}user/other").arn))

        assert tell(endpoint, "reset").status == 200

        assert kms.list_keys()["Keys"] == []
        with pytest.raises(ClientError, match="NotFoundException"):
            kms.describe_key(KeyId=key_id)
    assert f"{ROOT[:-4]}user/other" in world.state.directory.identities


def test_the_clock_moves_on_and_what_falls_due_happens(world: World) -> None:
    control, clock = controlled(world)
    key = world.key()
    with served(world, control=control) as endpoint:
        kms = endpoint.client("kms", str(world.admin))
        kms.schedule_key_deletion(KeyId=key.id, PendingWindowInDays=7)
        answer = tell(endpoint, "advance", b'{"seconds": 700000.5}')

        assert answer.told == {"now": "2026-03-09T10:26:40Z"}
        assert kms.list_keys()["Keys"] == []
    assert clock.now() > START


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"{}", b'{"seconds": -1}', b'{"seconds": "1"}', b'{"seconds": 1e12}',
             b'{"seconds": true}', b'{"seconds": null}', b"[" * 100_000]
)  # fmt: skip
def test_the_clock_takes_only_seconds_that_make_sense(world: World, body: bytes) -> None:
    control, clock = controlled(world)
    with served(world, control=control) as endpoint:
        answer = tell(endpoint, "advance", body)

    assert (answer.status, answer.told["__type"]) == (400, "ValidationException")
    assert clock.now() == START


@pytest.mark.parametrize("token", ["", "0123456789abcdeF", TOKEN + "0", "ä"])
@pytest.mark.parametrize("path", ["reset", "advance", "nothing"])
def test_nothing_is_told_without_the_token(world: World, path: str, token: str) -> None:
    control, clock = controlled(world)
    before = world.state
    with served(world, control=control) as endpoint:
        answer = tell(endpoint, path, b'{"seconds": 9}', token)

    assert (answer.status, answer.told["__type"]) == (400, "AccessDeniedException")
    assert (world.state, clock.now()) == (before, START)


def test_there_is_no_other_control(world: World) -> None:
    control, _ = controlled(world)
    with served(world, control=control) as endpoint:
        assert tell(endpoint, "nothing").told == {"__type": "UnknownOperationException"}


# Limits


def test_a_body_may_have_a_mebibyte_and_no_more(desk: Desk) -> None:
    fits = b"{" + b" " * (MAX_BODY_BYTES - 2) + b"}"

    assert desk.draft(operation="ListKeys", body=fits).signed().send(desk.endpoint).status == 200
    answer = desk.draft(operation="ListKeys", body=fits + b" ").signed().send(desk.endpoint)

    assert (answer.status, answer.headers["connection"]) == (413, "close")


def test_a_request_may_have_a_hundred_headers_and_no_more(desk: Desk) -> None:
    draft = desk.draft().signed()
    more = [(f"x-{number}", "") for number in range(99 - len(draft.sent))]

    assert send(desk.endpoint, draft.sent + more, draft.body).status == 200
    assert send(desk.endpoint, [*draft.sent, *more, ("x", "")], draft.body).status == 431


def test_so_many_requests_are_answered_at_once_and_no_more(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kmsgate.app.MAX_WAITING", 0)

    answer = desk.draft().signed().send(desk.endpoint)

    assert (answer.status, answer.told) == (503, {"__type": "ServiceUnavailableException"})
    assert desk.world.events == []


LENGTH = re.compile(rb"content-length: (\d+)\r\n(?:.+\r\n)*\r\n")


class Line:
    """A connection on which anything can be sent."""

    def __init__(self, endpoint: Endpoint) -> None:
        place = urlsplit(endpoint.url)
        self.socket = socket.create_connection((place.hostname, place.port), timeout=10)

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def answer(self) -> bytes:
        """Return one answer, in however many pieces it comes."""
        found = b""
        while not (told := LENGTH.search(found)) or len(found) < told.end() + int(told[1]):
            data = self.socket.recv(65536)
            assert data, f"the connection ended after {found!r}"
            found += data
        return found

    def received(self) -> bytes:
        """Return everything up to the end of the connection."""
        found = b""
        try:
            while data := self.socket.recv(65536):
                found += data
        except ConnectionError:
            pass  # it ended while more was being sent
        self.socket.close()
        return found


@pytest.mark.parametrize(
    "head",
    [
        b"POST / HTTP/1.1\r\nhost: x\r\nx: " + b"a" * server.MAX_HEAD_BYTES,
        b"POST / HTTP/1.1\r\nhost: x\r\nx: " + b"a" * server.MAX_HEAD_BYTES + b"\r\n\r\n",
        b"POST /" + b"a" * server.MAX_HEAD_BYTES,
        b"POST /?" + b"a" * server.MAX_HEAD_BYTES + b" HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\n" + b"a: b\r\n" * 20_000 + b"\r\n",
        b"a" * server.MAX_HEAD_BYTES * 2,
    ],
)
def test_a_head_may_not_be_longer_than_anybody_needs(desk: Desk, head: bytes) -> None:
    line = Line(desk.endpoint)
    line.send(head)
    answer = line.received()

    assert not answer or answer.startswith((b"HTTP/1.1 431 ", b"HTTP/1.1 400 "))
    assert desk.draft().signed().send(desk.endpoint).status == 200


def test_a_head_that_comes_in_pieces_may_not_be_longer_either(desk: Desk) -> None:
    line = Line(desk.endpoint)
    try:
        line.send(b"POST / HTTP/1.1\r\nhost: x\r\nx: ")
        for _ in range(200):
            line.send(b"a" * 1024)
    except ConnectionError:
        pass  # refused half-way, as it should be

    answer = line.received()
    assert not answer or answer.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")


def test_what_is_no_http_is_refused(desk: Desk) -> None:
    line = Line(desk.endpoint)
    line.send(b"\x16\x03\x01\x00\xf8\x01\x00\r\n\r\n")

    assert line.received().startswith(b"HTTP/1.1 400 Bad Request\r\n")


@pytest.mark.parametrize("sent", [b"", b"POST /", b"POST / HTTP/1.1\r\ncontent-length: 9\r\n\r\n{"])
def test_a_client_that_takes_its_time_is_sent_away(
    world: World, sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "READ_SECONDS", 0.05)
    with served(world) as endpoint:
        line = Line(endpoint)
        line.send(sent)

        assert line.received().startswith(b"HTTP/1.1 408 Request Timeout\r\n")


def test_a_client_that_is_between_two_requests_is_not_sent_away(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "READ_SECONDS", 0.05)
    with served(world) as endpoint:
        line = Line(endpoint)
        request = b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n"
        line.send(request)
        assert line.answer().startswith(b"HTTP/1.1 200 OK\r\n")
        slow = Line(endpoint)  # sent away later than the first one would be
        assert slow.received().startswith(b"HTTP/1.1 408 ")
        line.send(request)
        assert line.answer().startswith(b"HTTP/1.1 200 OK\r\n")
        line.socket.close()


def test_there_may_be_so_many_connections_and_no_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "MAX_CONNECTIONS", 2)
    with served(world) as endpoint:
        lines = [Line(endpoint) for _ in range(2)]
        for line in lines:
            line.send(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n")
            assert line.answer().startswith(b"HTTP/1.1 200 OK\r\n")

        assert Line(endpoint).received().startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
        for line in lines:
            line.socket.close()


# Bugs and broken stores (CORE K-197)


def broken(error: Exception) -> Any:
    def fail(*_arguments: object) -> NoReturn:
        raise error

    return fail


@pytest.mark.parametrize("error", [RuntimeError("secret detail"), StoreError("the disk is full")])
def test_a_client_learns_nothing_of_a_bug_and_the_operator_does(
    desk: Desk,
    error: Exception,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(desk.world.service, "call", broken(error))
    with caplog.at_level(logging.ERROR, "kmsgate"):
        answer = desk.draft().signed().send(desk.endpoint)

    assert (answer.status, answer.told) == (500, {"__type": "KMSInternalException"})
    assert answer.headers["x-amzn-requestid"] in caplog.text
    assert str(error) in caplog.text


# The log


def test_the_log_tells_who_did_what_and_nothing_secret(world: World) -> None:
    log = StringIO()
    nobody = world.user("nobody")
    key = world.key()
    clock = FixedClock(START)
    with served(world, clock, access_log=AccessLog(log, clock)) as endpoint:
        desk = Desk(world, endpoint)
        refused = endpoint.simulator.sign_in(str(nobody))
        body = json.dumps({"KeyId": key.id, "Plaintext": "c2VjcmV0"}).encode()
        for draft in (
            desk.draft(operation="Encrypt", body=body),
            desk.draft(operation="Encrypt", body=body, key_id=refused.id,
                       secret=refused.secret.decode()),
            desk.draft(secret="y" * 40),
            desk.draft(key_id=desk.key.secret.decode().replace("/", "+")),
            desk.session_draft(),
        ):  # fmt: skip
            draft.signed().send(endpoint)
        send(endpoint, [("host", "x")])

    text = log.getvalue()
    done, denied, unsigned, swapped, session, nothing = map(json.loads, text.splitlines())
    assert done == {
        "at": "2026-03-01T08:00:00Z",
        "request": done["request"],
        "operation": "Encrypt",
        "caller": str(world.admin),
        "access_key": desk.key.id,
        "status": 200,
        "decision": "Allowed",
        "resource": str(key.arn),
        "by": "key_policy:account+identity",
    }
    assert (denied["error"], denied["by"]) == ("AccessDeniedException", "identity")
    assert (unsigned["error"], unsigned["access_key"]) == (
        "InvalidSignatureException",
        desk.key.id,
    )
    assert "caller" not in unsigned
    assert swapped["access_key"] == "malformed"
    assert session["access_key"] == desk.temporary.id
    assert nothing["error"] == "UnknownOperationException"
    for secret in (desk.key.secret, desk.temporary.secret, desk.temporary.token, b"c2VjcmV0"):
        assert secret.decode() not in text


# Threads


def test_clients_that_come_at_once_are_all_answered(desk: Desk) -> None:
    draft, statuses = desk.draft().signed(), []

    def ask() -> None:
        statuses.extend(draft.send(desk.endpoint).status for _ in range(20))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert statuses == [200] * 160
    assert len(desk.world.events) == 160
