"""`python -m benchmarks.constant`: uvicorn with an application that always says the same.

With `hello` the least that an ASGI application can do; with `encrypt` an answer that a client of
KMS takes for one. It prints its port.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import uvicorn

ANSWERS = {
    "hello": (b"text/plain", b"hello, world"),
    "encrypt": (
        b"application/x-amz-json-1.1",
        b'{"CiphertextBlob":"%s","KeyId":"arn:aws:kms:us-east-1:111122223333:key/'
        b'00000000-0000-0000-0000-000000000000","EncryptionAlgorithm":"SYMMETRIC_DEFAULT"}'
        % (b"A" * 224),
    ),
}

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


def application(kind: str) -> Callable[[Any, Receive, Send], Awaitable[None]]:
    """Return an application that gives one answer."""
    content_type, body = ANSWERS[kind]
    headers = [(b"content-type", content_type), (b"content-length", b"%d" % len(body))]

    async def answer(_scope: Any, receive: Receive, send: Send) -> None:
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return answer


def main() -> None:
    """Serve until killed, on a free port, as `kmsgate serve` does."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    print(listener.getsockname()[1], flush=True)
    config = uvicorn.Config(
        application(sys.argv[1]),
        http="httptools",
        lifespan="off",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
    )
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
