"""What the tests of the endpoint share: a served world of the core, and requests signed by hand."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from kms import Clock, SystemClock
from kmsgate.app import Surface
from kmsgate.credentials import Credentials
from kmsgate.simulator import Simulator
from tests.kms_world import REGION, Json, World

boto3 = pytest.importorskip("boto3", reason="boto3 is not installed (extra dev)")
pytest.importorskip("uvicorn", reason="uvicorn is not installed (extra serve)")

from botocore.config import Config  # noqa: E402

from kmsgate.testing import Endpoint, serving  # noqa: E402

UNCHECKED = Config(parameter_validation=False, retries={"total_max_attempts": 1})
ALGORITHM = "AWS4-HMAC-SHA256"


@contextmanager
def served(world: World, signing_clock: Clock | None = None, **surface: Any) -> Iterator[Endpoint]:
    """Serve a world of the core's tests; callers are named by their ARNs."""
    simulator = Simulator(world.service, Credentials(world.store, world.clock), initial=world.state)
    given = Surface(signing_clock or SystemClock(), **surface)
    with serving(simulator, region=REGION, surface=given) as endpoint:
        yield endpoint


@dataclass(frozen=True)
class Answer:
    """A response as it came."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def told(self) -> Json:
        found: Json = json.loads(self.body)
        return found


def send(
    endpoint: Endpoint,
    headers: list[tuple[str, str]],
    body: bytes = b"",
    *,
    method: str = "POST",
    path: str = "/",
) -> Answer:
    """Send exactly these headers, and the length of the body."""
    place = urlsplit(endpoint.url)
    with closing(http.client.HTTPConnection(place.hostname or "", place.port, timeout=20)) as line:
        line.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in headers:
            line.putheader(name, value)
        line.putheader("content-length", str(len(body)))
        line.endheaders(body)
        answer = line.getresponse()
        return Answer(answer.status, {n.lower(): v for n, v in answer.getheaders()}, answer.read())


@dataclass
class Draft:
    """A request to be signed, each part of which can be made wrong before or after it is signed.

    Written anew from the description of Signature Version 4, not from the code under test.
    """

    key_id: str
    secret: str
    host: str
    stamp: str
    token: str | None = None
    operation: str = "GenerateRandom"
    body: bytes = b'{"NumberOfBytes": 16}'
    day: str | None = None
    region: str = REGION
    service: str = "kms"
    terminator: str = "aws4_request"
    algorithm: str = ALGORITHM
    path: str = "/"
    query: tuple[tuple[str, str], ...] = ()
    headers: dict[str, str] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    unsigned: tuple[str, ...] = ()
    after: Callable[[Draft], None] = lambda _draft: None
    parts: dict[str, str] = field(default_factory=dict)
    sent: list[tuple[str, str]] = field(default_factory=list)

    @property
    def scope(self) -> str:
        day = self.stamp[:8] if self.day is None else self.day
        return f"{day}/{self.region}/{self.service}/{self.terminator}"

    def _own_headers(self) -> dict[str, str]:
        own = {"host": self.host, "content-type": "application/x-amz-json-1.1"}
        if self.operation:
            own["x-amz-target"] = f"TrentService.{self.operation}"
        return own

    def signed(self) -> Draft:
        """Sign in the Authorization header."""
        given = {**self._own_headers(), "x-amz-date": self.stamp}
        if self.token is not None:
            given["x-amz-security-token"] = self.token
        given |= self.headers
        given = {name: value for name, value in given.items() if name not in self.without}
        names = sorted(name for name in given if name not in self.unsigned)
        self.parts = {
            "Credential": f"{self.key_id}/{self.scope}",
            "SignedHeaders": ";".join(names),
            "Signature": self._signature(given, names, self.query),
        }
        self.sent = list(given.items())
        self.after(self)
        parts = ", ".join(f"{name}={value}" for name, value in self.parts.items())
        self.sent.append(("authorization", f"{self.algorithm} {parts}"))
        return self

    def presigned(self, expires: str = "300") -> Draft:
        """Sign in the query."""
        given = {**self._own_headers(), **self.headers}
        names = sorted(name for name in given if name not in self.unsigned)
        query = {
            "X-Amz-Algorithm": self.algorithm,
            "X-Amz-Credential": f"{self.key_id}/{self.scope}",
            "X-Amz-Date": self.stamp,
            "X-Amz-Expires": expires,
            "X-Amz-SignedHeaders": ";".join(names),
        }
        if self.token is not None:
            query["X-Amz-Security-Token"] = self.token
        signature = self._signature(given, names, tuple(query.items()))
        self.parts = {**query, "X-Amz-Signature": signature}
        self.sent = list(given.items())
        self.after(self)
        self.query = tuple(self.parts.items())
        return self

    def _signature(
        self, given: Mapping[str, str], names: list[str], query: tuple[tuple[str, str], ...]
    ) -> str:
        lines = "".join(f"{name}:{' '.join(given[name].split())}\n" for name in names)
        digest = hashlib.sha256(self.body).hexdigest()
        canonical = f"POST\n/\n{encoded(sorted(query))}\n{lines}\n{';'.join(names)}\n{digest}"
        hashed = hashlib.sha256(canonical.encode()).hexdigest()
        text = f"{ALGORITHM}\n{self.stamp}\n{self.scope}\n{hashed}"
        key = f"AWS4{self.secret}".encode()
        for part in (*self.scope.split("/"), text):
            key = hmac.new(key, part.encode(), "sha256").digest()
        return key.hex()

    def send(self, endpoint: Endpoint) -> Answer:
        path = self.path + (f"?{encoded(self.query)}" if self.query else "")
        return send(endpoint, self.sent, self.body, path=path)


def encoded(query: Any) -> str:
    return "&".join(f"{quote(n, safe='-_.~')}={quote(v, safe='-_.~')}" for n, v in query)
