"""The kills of `tests/crash.py` through the endpoint: one server, 16 clients at once, one store.

In each round `kmsgate serve` gets SIGKILL at a random moment while all clients call it. What a
client got an answer to, by its request id, must be there when the next round begins.
"""

from __future__ import annotations

import itertools
import random
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.crash import PROJECT, Place, check, life, reply_of
from tests.kms_world import REGION

CLIENTS = 16
MOST_REPLIES = 400
"""The server is killed after at most so many replies."""
KEY_ID, SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
WORLD = f"""
version: 1
world:
  region: {REGION}
  accounts: {{main: "111122223333"}}
  policies:
    all: {{Version: "2012-10-17", Statement: [{{Effect: Allow, Action: "*", Resource: "*"}}]}}
  users:
    admin: {{policies: [all], access_keys: {{{KEY_ID}: {SECRET}}}}}
"""


def run(folder: Path, rounds: int, seed: int) -> Iterator[str]:
    """Kill so many times; yield a line for each. Raises Broken."""
    (folder / "crash.world.yaml").write_text(WORLD, encoding="utf-8")
    clients = Clients(folder, _free_port(), random.Random(seed))
    for number in range(rounds):
        replied = clients.round()
        events = check(Place(folder), clients.replies[-replied:] if replied else ())
        yield f"round {number + 1}: {replied} replies before the end, {events} events kept"
    check(Place(folder), clients.replies)
    yield f"{len(clients.replies)} acknowledged calls of {rounds} rounds are all there"


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


class BrokenOffError(Exception):
    """An answer without its body: the server was killed while it was sent."""


@dataclass
class Clients:
    """Those who call, and what was acknowledged to them so far."""

    folder: Path
    port: int
    chance: random.Random
    replies: list[dict[str, Any]] = field(default_factory=list)
    turns: Iterator[int] = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        from tests.endpoint.clients import UNCHECKED, boto3  # where boto3 is not, neither is this

        session = boto3.session.Session()
        self.clients = [
            session.client(
                "kms",
                endpoint_url=f"http://127.0.0.1:{self.port}",
                region_name=REGION,
                aws_access_key_id=KEY_ID,
                aws_secret_access_key=SECRET,
                config=UNCHECKED,
            )
            for _ in range(CLIENTS)
        ]

    def round(self) -> int:
        """Start the server, call it, kill it, and return how many replies came."""
        before = len(self.replies)
        moment = before + self.chance.choice((1, self.chance.randint(1, MOST_REPLIES)))
        command = [sys.executable, "-m", "kmsgate", "serve", "--quiet", "--port", str(self.port)]
        where = ["--data", str(self.folder / "state.db")]
        world = ["--world", str(self.folder / "crash.world.yaml")]
        victim = subprocess.Popen([*command, *where, *world], cwd=PROJECT, stdout=subprocess.PIPE)
        try:
            assert victim.stdout is not None
            with victim.stdout, ThreadPoolExecutor(CLIENTS) as pool:
                assert victim.stdout.readline(), "the server did not start"
                calls = [pool.submit(self._call, each, victim, moment) for each in self.clients]
                for each in calls:
                    each.result()
        finally:
            victim.kill()
            victim.wait()
        return len(self.replies) - before

    def _call(self, client: Any, victim: subprocess.Popen[bytes], moment: int) -> None:
        from botocore.exceptions import ConnectionError as Refused
        from botocore.exceptions import HTTPClientError

        def told(operation: str, **parameters: Any) -> dict[str, Any]:
            method = "".join(f"_{c.lower()}" if c.isupper() else c for c in operation).lstrip("_")
            output: dict[str, Any] = getattr(client, method)(**parameters)
            shape = client.meta.service_model.operation_model(operation).output_shape
            if shape is not None and not set(output) & set(shape.members):
                raise BrokenOffError  # the head of an answer came, and no body
            request_id = output["ResponseMetadata"]["RequestId"]
            self.replies.append(reply_of(request_id, operation, parameters, output))
            if len(self.replies) >= moment:
                victim.kill()
            return output

        try:
            while True:
                life(told, f"alias/{next(self.turns)}")
        except (HTTPClientError, Refused, BrokenOffError):
            victim.wait(10)  # nothing else ends the calls than the end of the server
