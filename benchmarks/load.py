"""`python -m benchmarks.load`: a load tool of raw HTTP, in a process of its own.

It reads jobs, one JSON object a line, and answers each with a line: how many requests were
answered, in how many seconds, and how long the slowest hundredth of them took at least. Requests
come ready to be sent, so that making them costs nothing while the server is measured.
"""

from __future__ import annotations

import asyncio
import importlib
import itertools
import json
import sys
import time
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

PATIENCE = 20.0
"""So many seconds an answer may take."""
_END_OF_HEAD = b"\r\n\r\n"
_LENGTH, _CLOSE = b"content-length:", b"connection: close"


class _Line(asyncio.Protocol):
    """One connection: it sends a request as soon as the one before has been answered.

    It is made anew where a server closes it with its answer.
    """

    def __init__(self, requests: Iterator[bytes], port: int, until: float, status: bytes) -> None:
        self._requests, self._port, self._until = requests, port, until
        self._wanted = b"HTTP/1.1 %s " % status
        self._rest = b""
        self._sent_at = 0.0
        self._is_answered = False
        self._loop = asyncio.get_running_loop()
        self.taken: list[float] = []
        self.ended: asyncio.Future[None] = self._loop.create_future()

    async def open(self) -> None:
        """Connect, and send the first request."""
        try:
            await self._loop.create_connection(lambda: self, "127.0.0.1", self._port)
        except OSError as error:
            self.ended.set_exception(error)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        data = self._rest + data if self._rest else data
        head = data.find(_END_OF_HEAD)
        if head < 0 or len(data) < head + len(_END_OF_HEAD) + _length(data[:head]):
            self._rest = data
            return
        self._rest = b""
        now = time.perf_counter()
        self.taken.append(now - self._sent_at)
        if not data.startswith(self._wanted):
            self._end(ConnectionError(f"another answer than was wanted: {data[:400]!r}"))
        elif now >= self._until:
            self._end()
        elif _CLOSE in data[:head].lower():
            self._is_answered = True
        else:
            self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._is_answered:
            self._is_answered = False
            self._opening = self._loop.create_task(self.open())
        else:
            self._end(ConnectionError(f"the server has closed a connection: {exc}"))

    def _end(self, problem: Exception | None = None) -> None:
        if self.ended.done():
            return
        if problem is not None:
            self.ended.set_exception(problem)
        else:
            self.ended.set_result(None)
        self._transport.close()

    def _send(self) -> None:
        self._sent_at = time.perf_counter()
        self._transport.write(next(self._requests))


def _length(head: bytes) -> int:
    at = head.lower().index(_LENGTH) + len(_LENGTH)
    return int(head[at:].split(b"\r\n", 1)[0])


async def measured(job: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a job says of the server; raises ConnectionError for a wrong answer."""
    requests = itertools.cycle([b64decode(each) for each in job["requests"]])
    begun = time.perf_counter()
    until, status = begun + job["seconds"], str(job["status"]).encode()
    lines = [_Line(requests, job["port"], until, status) for _ in range(job["connections"])]
    for line in lines:
        await line.open()
    async with asyncio.timeout(job["seconds"] + PATIENCE):
        await asyncio.gather(*(line.ended for line in lines))
    seconds = time.perf_counter() - begun
    taken = sorted(itertools.chain.from_iterable(line.taken for line in lines))
    return {"count": len(taken), "seconds": seconds, "p99": _quantile(taken, 0.99)}


def _quantile(values: Sequence[float], part: float) -> float:
    return values[min(len(values) - 1, int(len(values) * part))]


def main() -> None:
    """Do jobs until there are no more."""
    with suppress(ModuleNotFoundError):  # it is an extra
        asyncio.set_event_loop_policy(importlib.import_module("uvloop").EventLoopPolicy())
    for line in sys.stdin:
        print(json.dumps(asyncio.run(measured(json.loads(line)))), flush=True)


if __name__ == "__main__":
    main()
