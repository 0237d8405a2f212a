"""The endpoint as an ASGI application: one POST route for all services, and what operators need.

A framework's route would cost as much as the whole call. Every request passes `_answer`, from top
to bottom; whatever is wrong becomes the error that AWS sends (CORE 11).
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from typing import Any, TypeAlias

from kms.errors import Internal, KmsError, UnknownOperation
from kms.operation import Call
from kms.runtime import Clock
from kms.service import Reply
from kms.store import StoreError
from kmsgate import iam, sts, wire
from kmsgate.access_log import AccessLog, Entry
from kmsgate.control import PREFIX, Control
from kmsgate.credentials import Credential
from kmsgate.journal import Course, Journal
from kmsgate.signature import HttpRequest, Signed, joined, verify
from kmsgate.simulator import Simulator
from policy import Decision, denial_message
from policy.request import Values

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Header: TypeAlias = tuple[bytes, bytes]
Headers: TypeAlias = Mapping[bytes, bytes]

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
)  # CORE K-193
_FOR_IAM = f"Version={iam.VERSION}".encode()
_CLOSE: tuple[Header, ...] = ((b"connection", b"close"),)


class Enforcement(StrEnum):
    """What becomes of a call that policies deny; signatures are checked in any case."""

    STRICT = "strict"
    WARN = "warn"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Response:
    """What is sent back."""

    status: int
    body: bytes = field(repr=False)
    request_id: str
    content_type: bytes = _JSON
    headers: tuple[Header, ...] = ()


@dataclass(frozen=True)
class Surface:
    """What the endpoint does besides answering calls, and what it says of itself.

    `signing_clock` is the clock that clients sign by. `claims_tls` says to policies that calls
    came through TLS (AUTH J-31). With `warns`, a response tells what a denial would have been.
    """

    signing_clock: Clock
    access_log: AccessLog | None = None
    control: Control | None = None
    journal: Journal | None = None
    claims_tls: bool = False
    warns: bool = False


class App:
    """The endpoint of one simulator."""

    def __init__(self, simulator: Simulator, surface: Surface) -> None:
        self._simulator = simulator
        self._service = simulator.service
        self._surface = surface
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
            body = await _body(receive)
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

    def _refused(self, status: int, code: str) -> Response:
        """Return the answer to a request that was not read; the connection ends with it."""
        body = b'{"__type":"%s"}' % code.encode()
        return Response(status, body, self._service.entropy.uuid(), headers=_CLOSE)

    def _answer(self, scope: Scope, body: bytes) -> Response:
        entry = Entry(self._service.entropy.uuid())
        try:
            response = self._routed(scope, joined(scope["headers"]), body, entry)
        except KmsError as error:
            entry.code = error.code
            response = _of_error(error, entry.request_id)
        except StoreError as error:
            _log.error("%s: the store: %s", entry.request_id, error)
            entry.code = Internal.code
            response = _of_error(Internal(), entry.request_id)
        except Exception:  # noqa: BLE001 - the client is told no more than that (CORE K-197)
            _log.exception("%s: a bug", entry.request_id)
            entry.code = Internal.code
            response = _of_error(Internal(), entry.request_id)
        if self._surface.access_log is not None:
            self._surface.access_log.write(entry, response.status)
        return response

    def _routed(self, scope: Scope, headers: Headers, body: bytes, entry: Entry) -> Response:
        method, path = scope["method"], scope["path"]
        if method == "POST" and scope["raw_path"] == b"/":
            if b"x-amz-target" not in headers and sts.is_form(headers.get(b"content-type", b"")):
                served = self._iam if _FOR_IAM in body else self._sts
                return served(scope, headers, body, entry)
            return self._kms(scope, headers, body, entry)
        if path == "/health" and method in ("GET", "HEAD"):
            return Response(200, b'{"status":"ok"}', entry.request_id)
        control = self._surface.control
        if control is not None and method == "POST" and path.startswith(PREFIX):
            return Response(200, control.answer(path, headers, body), entry.request_id)
        return _of_error(UnknownOperation(), entry.request_id, 404)  # CORE K-189

    def _kms(self, scope: Scope, headers: Headers, body: bytes, entry: Entry) -> Response:
        operation = entry.operation = wire.operation_of(headers.get(b"x-amz-target"))
        parameters = wire.read_request(operation, body)
        signed = self._signer(scope, headers, body, "kms", entry)
        call = Call(
            signed.credential.principal,
            operation,
            parameters,
            signed.region,
            self._facts(scope, headers),
            request_id=entry.request_id,
            access_key=signed.credential.id,
        )
        reply = entry.reply = self._service.call(call)
        if self._surface.journal is not None:
            course = Course(reply.decisions, reply.documents, reply.event)
            self._surface.journal.keep(entry.request_id, course)
        return self._of_reply(operation, reply, entry.request_id)

    def _sts(self, scope: Scope, headers: Headers, body: bytes, entry: Entry) -> Response:
        request_id = entry.request_id
        try:
            entry.operation, parameters = sts.read_form(body)
            signed = self._signer(scope, headers, body, "sts", entry)
            call = sts.StsCall(
                signed.credential,
                entry.operation,
                parameters,
                signed.region,
                self._facts(scope, headers),
                request_id,
            )
            return _of_query(200, sts.answer(self._service, call), request_id)
        except sts.StsError as error:
            entry.code = error.code
            return _of_query(error.status, sts.write_error(error, request_id), request_id)
        except KmsError as error:
            told = sts.of_error(error)
            entry.code = told.code
            return _of_query(told.status, sts.write_error(told, request_id), request_id)

    def _iam(self, scope: Scope, headers: Headers, body: bytes, entry: Entry) -> Response:
        request_id = entry.request_id
        try:
            entry.operation, parameters = iam.read_form(body)
            signed = self._signer(scope, headers, body, "iam", entry)
            facts = self._facts(scope, headers)
            call = iam.IamCall(signed.credential, entry.operation, parameters, facts, request_id)
            if self._surface.journal is not None:
                self._surface.journal.keep(request_id, call.course)
            return _of_query(200, iam.answer(self._service, call), request_id)
        except iam.IamError as error:
            told = error
        except KmsError as error:
            as_sts = sts.of_error(error)
            told = iam.IamError(as_sts.code, as_sts.message, as_sts.status)
        entry.code = told.code
        return _of_query(told.status, iam.write_error(told, request_id), request_id)

    def _signer(
        self, scope: Scope, headers: Headers, body: bytes, service: str, entry: Entry
    ) -> Signed:
        def find(key_id: str, token: str | None) -> Credential:
            entry.access_key = key_id
            return self._simulator.credentials.find(key_id, token)

        request = HttpRequest(scope["method"], scope["query_string"], headers, body)
        regions, now = self._service.settings.regions, self._surface.signing_clock.now()
        signed = verify(request, service, regions, now, find)
        entry.caller = signed.credential.principal
        return signed

    def _facts(self, scope: Scope, headers: Headers) -> dict[str, Values]:
        """Return the condition keys that only the surface knows (AUTH J-31, J-33, J-34)."""
        secure = self._surface.claims_tls or scope["scheme"] == "https"
        facts: dict[str, Values] = {"aws:SecureTransport": "true" if secure else "false"}
        if scope["client"] is not None:
            facts["aws:SourceIp"] = scope["client"][0]
        for name, key in ((b"user-agent", "aws:UserAgent"), (b"referer", "aws:Referer")):
            if name in headers:
                facts[key] = headers[name].decode("utf-8", "replace")
        return facts

    def _of_reply(self, operation: str, reply: Reply, request_id: str) -> Response:
        if self._surface.warns:
            denial = next((each for each in reply.decisions if not each.allowed), None)
            told = _warning(denial) if denial is not None else ()
        else:
            told = ()
        if reply.error is not None:
            return Response(
                reply.error.status, wire.write_error(reply.error), request_id, headers=told
            )
        body = wire.write_output(operation, reply.output or {})
        return Response(200, body, request_id, headers=told)


def _of_query(status: int, body: bytes, request_id: str) -> Response:
    return Response(status, body, request_id, sts.CONTENT_TYPE.encode())


def _of_error(error: KmsError, request_id: str, status: int | None = None) -> Response:
    return Response(status or error.status, wire.write_error(error), request_id)


def _warning(denial: Decision) -> tuple[Header, ...]:
    """Return the header that tells what would have been answered; its text is ASCII."""
    told = {
        "decision": denial.outcome,
        "layer": denial.layer,
        "action": denial.request.action,
        "message": denial_message(denial),
    }
    return ((b"x-kmsgate-decision", json.dumps(told).encode()),)


async def _body(receive: Receive) -> bytes | None:
    """Return the body, no more of it than is needed to see that it is too long; None if cut."""
    message = await receive()
    parts = [message.get("body", b"")]
    size = len(parts[0])
    while message["type"] == "http.request" and message.get("more_body") and size <= MAX_BODY_BYTES:
        message = await receive()
        parts.append(message.get("body", b""))
        size += len(parts[-1])
    if message["type"] != "http.request":
        return None
    return parts[0] if len(parts) == 1 else b"".join(parts)


async def _send(response: Response, send: Send) -> None:
    headers = (
        (b"content-type", response.content_type),
        (b"x-amzn-requestid", response.request_id.encode()),
        (b"content-length", str(len(response.body)).encode()),
        *_FIXED,
        *response.headers,
    )
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})
