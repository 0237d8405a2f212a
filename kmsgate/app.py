"""The endpoint as an ASGI application: one POST route for KMS and STS, and what operators need.

A framework's route would cost as much as the whole call. Every request passes `_answer`, from top
to bottom; whatever is wrong becomes the error that AWS sends (CORE 11).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeAlias

from kms.errors import Internal, KmsError, UnknownOperation
from kms.operation import Call
from kms.runtime import Clock
from kms.service import Reply
from kms.store import StoreError
from kmsgate import wire
from kmsgate.access_log import AccessLog, Entry
from kmsgate.signature import HttpRequest, joined, verify
from kmsgate.simulator import Simulator
from policy.request import Values

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Header: TypeAlias = tuple[bytes, bytes]

MAX_BODY_BYTES = 1 << 20  # CORE K-191
MAX_HEADERS = 100
MAX_WAITING = 1024
"""So many requests at most are answered at the same time; others are sent away."""
THREADS = 64

_log = logging.getLogger("kmsgate")
_JSON = wire.CONTENT_TYPE.encode()
_FIXED: tuple[Header, ...] = (
    (b"cache-control", b"no-cache, no-store, must-revalidate, private"),
    (b"expires", b"0"),
    (b"pragma", b"no-cache"),
)


@dataclass(frozen=True, slots=True)
class Response:
    """What is sent back."""

    status: int
    body: bytes = field(repr=False)
    request_id: str
    content_type: bytes = _JSON
    headers: tuple[Header, ...] = ()


class App:
    """The endpoint of one simulator. `signing_clock` is the clock that clients sign by."""

    def __init__(
        self, simulator: Simulator, signing_clock: Clock, access_log: AccessLog | None = None
    ) -> None:
        self._simulator = simulator
        self._service = simulator.service
        self._signing_clock = signing_clock
        self._access_log = access_log
        self._pool = ThreadPoolExecutor(THREADS, "kmsgate") if self._service.store.waits else None
        self._waiting = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            raise ValueError(f"this endpoint speaks HTTP only, not {scope['type']}")
        response = await self._respond(scope, receive)
        if response is not None:
            await _send(response, send)

    def close(self) -> None:
        """Let go of the threads, once what they do has ended."""
        if self._pool is not None:
            self._pool.shutdown()

    async def _respond(self, scope: Scope, receive: Receive) -> Response | None:
        """Return the response; None when the client is gone."""
        if len(scope["headers"]) > MAX_HEADERS:
            return self._refused(431, "RequestHeaderFieldsTooLarge")
        if self._waiting >= MAX_WAITING:
            return self._refused(503, "ServiceUnavailableException")
        self._waiting += 1
        try:
            body = await _body(scope, receive)
            if body is None:
                return None
            if len(body) > MAX_BODY_BYTES:
                return self._refused(413, "RequestEntityTooLargeException")
            answer = partial(self._answer, scope, body)
            # In memory a call takes less time than to hand it to a thread; where a call waits for
            # a disk, the threads that wait together share one commit.
            if self._pool is None:
                return answer()
            return await asyncio.get_running_loop().run_in_executor(self._pool, answer)
        finally:
            self._waiting -= 1

    def _answer(self, scope: Scope, body: bytes) -> Response:
        request_id = self._service.entropy.uuid()
        entry = Entry(request_id)
        headers = joined(scope["headers"])
        try:
            if scope["path"] == "/health" and scope["method"] in ("GET", "HEAD"):
                return Response(200, b'{"status":"ok"}', request_id)
            response = self._kms(scope, headers, body, entry)
        except KmsError as error:
            entry.error = error
            status = 404 if _is_elsewhere(scope) else error.status
            response = Response(status, wire.write_error(error), request_id)
        except StoreError as error:
            _log.error("%s: the store: %s", request_id, error)
            entry.error = Internal()
            response = Response(500, wire.write_error(entry.error), request_id)
        except Exception:  # noqa: BLE001 - the client is told no more than that (CORE K-197)
            _log.exception("%s: a bug", request_id)
            entry.error = Internal()
            response = Response(500, wire.write_error(entry.error), request_id)
        if self._access_log is not None:
            self._access_log.write(entry, response.status)
        return response

    def _kms(
        self, scope: Scope, headers: dict[bytes, bytes], body: bytes, entry: Entry
    ) -> Response:
        if _is_elsewhere(scope):
            raise UnknownOperation
        operation = entry.operation = wire.operation_of(headers.get(b"x-amz-target"))
        parameters = wire.read_request(operation, body)
        request = HttpRequest(scope["method"], scope["query_string"], headers, body)
        regions = self._service.settings.regions
        now = self._signing_clock.now()
        signed = verify(request, "kms", regions, now, self._simulator.credentials.find)
        entry.caller, entry.access_key = signed.credential.principal, signed.credential.id
        reply = self._service.call(
            Call(
                signed.credential.principal,
                operation,
                parameters,
                signed.region,
                _facts(scope, headers),
                request_id=entry.request_id,
                access_key=signed.credential.id,
            )
        )
        entry.reply = reply
        return _of_reply(operation, reply, entry.request_id)

    def _refused(self, status: int, code: str) -> Response:
        """Return the answer to a request that was not read; the connection ends with it."""
        body = b'{"__type":"%s"}' % code.encode()
        request_id = self._service.entropy.uuid()
        return Response(status, body, request_id, headers=((b"connection", b"close"),))


def _of_reply(operation: str, reply: Reply, request_id: str) -> Response:
    if reply.error is not None:
        return Response(reply.error.status, wire.write_error(reply.error), request_id)
    return Response(200, wire.write_output(operation, reply.output or {}), request_id)


def _is_elsewhere(scope: Scope) -> bool:
    """Tell whether a request is for nothing that is here (CORE K-189)."""
    return bool(scope["raw_path"] != b"/" or scope["method"] != "POST")


def _facts(scope: Scope, headers: dict[bytes, bytes]) -> dict[str, Values]:
    """Return the condition keys that only the surface knows (AUTH J-31, J-33, J-34)."""
    facts: dict[str, Values] = {
        "aws:SecureTransport": "true" if scope["scheme"] == "https" else "false"
    }
    if scope["client"] is not None:
        facts["aws:SourceIp"] = scope["client"][0]
    for name, key in ((b"user-agent", "aws:UserAgent"), (b"referer", "aws:Referer")):
        if name in headers:
            facts[key] = headers[name].decode("utf-8", "replace")
    return facts


async def _body(scope: Scope, receive: Receive) -> bytes | None:
    """Return the body, no more of it than is needed to see that it is too long; None if cut."""
    message = await receive()
    body = message.get("body", b"")
    parts = [body]
    size = len(body)
    while message["type"] == "http.request" and message.get("more_body") and size <= MAX_BODY_BYTES:
        message = await receive()
        parts.append(message.get("body", b""))
        size += len(parts[-1])
    if message["type"] != "http.request":
        return None
    return parts[0] if len(parts) == 1 else b"".join(parts)


async def _send(response: Response, send: Send) -> None:
    length = str(len(response.body)).encode()
    start: Iterable[Header] = (
        (b"content-type", response.content_type),
        (b"x-amzn-requestid", response.request_id.encode()),
        (b"content-length", length),
        *_FIXED,
        *response.headers,
    )
    await send({"type": "http.response.start", "status": response.status, "headers": start})
    await send({"type": "http.response.body", "body": response.body})
