"""Whatever is sent: no 500, no answer without a signature, and an error that clients can read."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kms import FixedClock, shapes
from kmsgate.app import App, Surface
from kmsgate.credentials import Credentials
from kmsgate.simulator import Simulator
from tests.endpoint.clients import served
from tests.endpoint.test_signatures import NOW, Desk
from tests.kms_world import ACCOUNT, START, World

OPERATIONS = sorted(shapes.operation_names())
KEYS = st.sampled_from(
    ["alias/a", "alias/aws/s3", "alias/", "", "x" * 2049, f"arn:aws:kms:{ACCOUNT}"]
)
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.text() | KEYS
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["AAAA", "YQ==", "RSA_2048", "SYMMETRIC_DEFAULT", "SHA_256", 16, 7, 1e10])
)  # fmt: skip
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8
)


@st.composite
def requests(draw: st.DrawFn) -> tuple[str, bytes]:
    """Return an operation, and a body that is nearly a request of it."""
    name = draw(st.sampled_from(OPERATIONS))
    members = {}
    for member, kind in shapes.request_kind(name).parts.items():
        if draw(st.booleans()):
            members[member] = draw(_likely(kind) if draw(st.integers(0, 9)) else JSON)
    return name, json.dumps(members).encode()


def _likely(kind: shapes.Kind) -> st.SearchStrategy[Any]:
    if kind.name == "structure":
        return st.fixed_dictionaries({}, optional={n: _likely(k) for n, k in kind.parts.items()})
    if kind.of is not None and kind.name == "list":
        return st.lists(_likely(kind.of), max_size=3)
    if kind.of is not None:
        return st.dictionaries(st.text(max_size=5), _likely(kind.of), max_size=3)
    return SCALARS


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    world = World()
    world.alias("alias/a", world.key())
    with served(world, FixedClock(START)) as endpoint:
        yield Desk(world, endpoint)


@given(request=requests())
@settings(max_examples=200)
def test_signed_requests_with_odd_members_get_an_answer(
    request: tuple[str, bytes], desk: Desk
) -> None:
    operation, body = request
    before = len(desk.world.events)

    answer = desk.draft(operation=operation, body=body).signed().send(desk.endpoint)

    assert answer.status in (200, 400), answer.body
    assert len(desk.world.events) > before
    if answer.body:
        json.loads(answer.body)


# Headers and bodies that nobody signed


def respond(app: App, method: str, path: bytes, query: bytes, headers: Any, body: bytes) -> Any:
    """Return status and body of a request that is handed to the application as it is."""
    scope = {
        "type": "http", "method": method, "path": path.decode("latin-1"), "raw_path": path,
        "query_string": query, "headers": headers, "scheme": "http", "client": ("127.0.0.1", 1),
    }  # fmt: skip
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    return sent[0]["status"], sent[1]["body"]


@pytest.fixture(scope="module")
def app() -> App:
    world = World()
    clock = FixedClock(START)
    simulator = Simulator(world.service, Credentials(world.store, clock), {}, world.state)
    return App(simulator, Surface(clock))


TARGETS = st.sampled_from([f"TrentService.{name}".encode() for name in OPERATIONS])
SCOPES = st.builds(
    "/".join,
    st.lists(
        st.sampled_from(["AKIAIOSFODNN7EXAMPLE", "20260301", "eu-west-1", "kms", "sts",
                         "aws4_request", "", "x"]),
        min_size=4, max_size=6,
    ),
)  # fmt: skip
GOOD_SCOPE = "AKIAIOSFODNN7EXAMPLE/20260301/eu-west-1/kms/aws4_request"
AUTHORIZATIONS = st.builds(
    "{} Credential={}, SignedHeaders={}, Signature={}".format,
    st.sampled_from(["AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 ", "Basic"]),
    SCOPES | st.just(GOOD_SCOPE) | st.just(GOOD_SCOPE),
    st.sampled_from(["host", "host;x-amz-date", ";", "", "a;b"]) | st.text(max_size=9),
    st.text(max_size=9),
).map(lambda text: text.encode("utf-8", "replace")) | st.binary(max_size=99)
VALUES = st.binary(max_size=30) | st.sampled_from([NOW.encode(), b"127.0.0.1", b"0"])
HEADERS = st.lists(
    st.tuples(st.just(b"authorization"), AUTHORIZATIONS)
    | st.tuples(st.just(b"x-amz-target"), TARGETS | st.binary(max_size=30))
    | st.tuples(st.just(b"x-amz-date"), st.just(NOW.encode()) | VALUES)
    | st.tuples(st.just(b"content-type"),
                st.sampled_from([b"application/x-www-form-urlencoded", b"application/json"]))
    | st.tuples(
        st.sampled_from([b"host", b"date", b"x-amz-security-token", b"x-amz-content-sha256",
                         b"user-agent", b"referer", b"x-a"]),
        VALUES,
    ),
    max_size=12,
)  # fmt: skip
BODIES = st.sampled_from([b"", b"{}", b"Action=GetCallerIdentity&Version=2011-06-15"]) | st.binary()
QUERIES = st.sampled_from([b"", b"X-Amz-Signature=0", b"a=b&&=&%%&%zz=%ff"]) | st.builds(
    b"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=%b&X-Amz-Date=%b&X-Amz-Expires=%b"
    b"&X-Amz-SignedHeaders=host&X-Amz-Signature=0".__mod__,
    st.tuples(SCOPES.map(str.encode), VALUES, VALUES),
)


@given(
    method=st.sampled_from(["POST", "POST", "POST", "GET", "HEAD", "PUT", "TRACE"]),
    path=st.sampled_from([b"/", b"/", b"/", b"/health", b"/kmsgate/reset", b"/%00", b"*", b""]),
    query=QUERIES | st.binary(max_size=40),
    headers=HEADERS,
    body=BODIES,
)
@settings(max_examples=400)
def test_nobody_gets_anything_without_a_signature(
    app: App, method: str, path: bytes, query: bytes, headers: Any, body: bytes
) -> None:
    status, told = respond(app, method, path, query, headers, body)

    assert status in (400, 403, 404) or (path == b"/health" and method in ("GET", "HEAD"))
    if told.startswith(b"{"):
        json.loads(told)
    assert app._service.store.events() == ()
