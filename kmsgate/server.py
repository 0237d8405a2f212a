"""HTTP in front of an ASGI application: uvicorn in a thread of its own, with bounds on clients.

uvicorn leaves to others what a reverse proxy would do: how long a head may be, how long a client
may take over a request, and how many of them there may be.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES = 64 * 1024
MAX_CONNECTIONS = 1024
READ_SECONDS = 30.0
"""How long a client may take to send a request, from its connection or from its first byte."""
KEEP_ALIVE_SECONDS = 75
SHUTDOWN_SECONDS = 10
START_SECONDS = 30.0

_REFUSAL = (
    b"HTTP/1.1 %s\r\ncontent-type: application/x-amz-json-1.1\r\ncontent-length: %d\r\n"
    b"connection: close\r\n\r\n%s"
)


class _TooLongError(Exception):
    """The head of a request is longer than anybody needs."""


class _Guarded(HttpToolsProtocol):
    """The protocol of uvicorn, with bounds. Requests that come whole cost no timer."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._head = 0
        self._in_head = self._in_message = self._is_too_long = False
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        if len(self.connections) >= MAX_CONNECTIONS:
            transport.write(_refusal(b"503 Service Unavailable", b"ServiceUnavailableException"))
            transport.close()
            return
        super().connection_made(transport)
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._in_head and self._head + len(data) > MAX_HEAD_BYTES:
            self._is_too_long = True
            self.send_400_response("")
            return
        self._head += len(data) if self._in_head else 0
        if not self._in_message:
            self._stop_timer()
        elif self._timer is None:
            self._start_timer()

    # What the parser tells

    def on_message_begin(self) -> None:
        self._head, self._in_head, self._in_message = 0, True, True
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_message = False
        super().on_message_complete()

    def _count(self, size: int) -> None:
        self._head += size
        if self._head > MAX_HEAD_BYTES:
            self._is_too_long = True
            raise _TooLongError

    def send_400_response(self, msg: str) -> None:
        """Refuse what cannot be parsed, or is too long to be: the parser does not tell why."""
        if self.transport.is_closing():
            return
        if self._is_too_long:
            told = _refusal(b"431 Request Header Fields Too Large", b"RequestHeaderFieldsTooLarge")
        else:
            told = _refusal(b"400 Bad Request", b"SerializationException")
        self.transport.write(told)
        self.transport.close()

    # Slow clients

    def _start_timer(self) -> None:
        self._timer = self.loop.call_later(READ_SECONDS, self._too_slow)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_slow(self) -> None:
        self.transport.write(_refusal(b"408 Request Timeout", b"RequestTimeoutException"))
        self.transport.close()


def _refusal(status: bytes, code: bytes) -> bytes:
    body = b'{"__type":"%s"}' % code
    return _REFUSAL % (status, len(body), body)


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


@contextmanager
def listening(app: Any, host: str = "127.0.0.1", port: int = 0) -> Iterator[tuple[str, int]]:
    """Serve an ASGI application while the context lasts; yield the address and the port.

    Port 0 takes one that is free. Leaving the context ends the calls in flight first. Raises
    OSError if the address cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=MAX_CONNECTIONS)
    address = listener.getsockname()
    config = uvicorn.Config(
        app,
        http=_Guarded,
        lifespan="off",
        ws="none",
        log_config=None,
        log_level="error",
        access_log=False,
        server_header=False,
        proxy_headers=False,  # who says where he comes from could be anywhere
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )
    server = _Server(config)
    thread = threading.Thread(target=server.run, args=([listener],), name="kmsgate-http")
    thread.start()
    try:
        if not server.ready.wait(START_SECONDS):
            raise OSError("the server did not start")
        yield address[0], address[1]
    finally:
        server.should_exit = True
        thread.join()
