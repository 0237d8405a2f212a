"""Servers in processes of their own, and what the system says of such a process."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

REGION = "us-east-1"
DISTINCT = 128
"""So many different requests are sent in turn."""
_FIRST_PORT_SECONDS = 30.0
_MOTO = "moto_server"
_OF_NOBODY = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "x" * 40}


class Process(AbstractContextManager["Process"]):
    """A process that ends with the context."""

    def __init__(self, *command: str, folder: Path | None = None, **pipes: Any) -> None:
        root = str(Path(__file__).resolve().parent.parent)
        self.running = subprocess.Popen(
            command,
            cwd=folder or root,
            env={**os.environ, "PYTHONPATH": root},
            text=True,
            **{"stderr": subprocess.DEVNULL, **pipes},
        )

    def __exit__(self, *_: object) -> None:
        self.running.kill()
        self.running.communicate()

    def out(self) -> IO[str]:
        assert self.running.stdout is not None  # noqa: S101 - it was asked for
        return self.running.stdout

    def cpu_seconds(self) -> float:
        """Return the CPU time that the process has taken, to the hundredth of a second."""
        told = Path(f"/proc/{self.running.pid}/stat").read_text()
        user, system = told.rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def resident_bytes(self) -> int:
        """Return how much memory the process has now."""
        told = Path(f"/proc/{self.running.pid}/statm").read_text()
        return int(told.split()[1]) * os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Served:
    """A server, and the variables that callers of it set, by who they are."""

    process: Process
    port: int
    callers: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)
    key: str = "alias/app"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def requests(self, caller: str) -> list[str]:
        """Return requests to encrypt a short note, signed just now, each another note."""
        return [self._signed(caller, number) for number in range(DISTINCT)]

    def _signed(self, caller: str, number: int) -> str:
        from botocore.auth import SigV4Auth  # type: ignore[import-untyped]  # noqa: PLC0415
        from botocore.awsrequest import AWSRequest  # type: ignore[import-untyped]  # noqa: PLC0415
        from botocore.credentials import Credentials  # type: ignore[import-untyped]  # noqa: PLC0415

        note = b64encode(f"a short note, {number:05}".encode()).decode()
        context = {"department": "payroll"}
        body = json.dumps({"KeyId": self.key, "Plaintext": note, "EncryptionContext": context})
        head = {
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": "TrentService.Encrypt",
            "User-Agent": "benchmarks",
            "Host": f"127.0.0.1:{self.port}",
        }
        request = AWSRequest("POST", f"{self.url}/", data=body.encode(), headers=head)
        given = self.callers.get(caller, _OF_NOBODY)
        signer = Credentials(given["AWS_ACCESS_KEY_ID"], given["AWS_SECRET_ACCESS_KEY"])
        SigV4Auth(signer, "kms", REGION).add_auth(request)
        lines = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
        text = f"POST / HTTP/1.1\r\n{lines}Content-Length: {len(body)}\r\n\r\n{body}"
        return b64encode(text.encode()).decode()

    def client(self, caller: str) -> Any:
        """Return a client of boto3."""
        import boto3  # noqa: PLC0415 - an extra

        given = self.callers.get(caller, _OF_NOBODY)
        return boto3.client(
            "kms",
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=given["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=given["AWS_SECRET_ACCESS_KEY"],
        )


def constant(kind: str) -> Served:
    """Return a server that always says the same."""
    process = Process(sys.executable, "-m", "benchmarks.constant", kind, stdout=subprocess.PIPE)
    return Served(process, int(process.out().readline()))


def kmsgate(folder: Path, *options: str) -> Served:
    """Return `kmsgate serve` with its sample world: an administrator, a guest, and a key."""
    command = (sys.executable, "-m", "kmsgate", "serve", "--port", "0", "--quiet", *options)
    process = Process(*command, folder=folder, stdout=subprocess.PIPE)
    callers: dict[str, dict[str, str]] = {}
    common: dict[str, str] = {}
    who = ""
    while "KMSGATE_TOKEN" not in common:
        line = process.out().readline()
        if not line:
            raise RuntimeError("kmsgate serve has ended by itself")
        if line.startswith("# "):
            who = line.split()[1]
        elif line.startswith("export "):
            pairs = dict(pair.split("=", 1) for pair in line.split()[1:])
            secret = "AWS_SECRET_ACCESS_KEY" in pairs
            (callers.setdefault(who, {}) if secret else common).update(pairs)
    return Served(process, int(common["AWS_ENDPOINT_URL_KMS"].rpartition(":")[2]), callers)


def moto() -> Served | None:
    """Return a server of moto with a key of its own; None where it is not installed."""
    beside = str(Path(sys.executable).parent)
    command = shutil.which(_MOTO, path=beside) or shutil.which(_MOTO)
    if command is None:
        return None
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    served = Served(Process(command, "-p", str(port), stdout=subprocess.DEVNULL), port)
    limit = time.monotonic() + _FIRST_PORT_SECONDS
    while not _listens(port):
        if time.monotonic() > limit:
            raise RuntimeError("moto does not start")
        time.sleep(0.1)
    made = served.client("nobody").create_key()["KeyMetadata"]["KeyId"]
    return Served(served.process, port, key=made)


def _listens(port: int) -> bool:
    with socket.socket() as line:
        return line.connect_ex(("127.0.0.1", port)) == 0


class Load(AbstractContextManager["Load"]):
    """The load tool."""

    def __init__(self) -> None:
        self._process = Process(
            sys.executable,
            "-m",
            "benchmarks.load",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None,
        )

    def __exit__(self, *_: object) -> None:
        self._process.__exit__()

    def put(
        self, port: int, requests: Sequence[str], connections: int, seconds: float, status: int
    ) -> dict[str, Any]:
        """Send requests over so many connections for so long; return what was found."""
        job = {
            "port": port,
            "requests": requests,
            "connections": connections,
            "seconds": seconds,
            "status": status,
        }
        assert self._process.running.stdin is not None  # noqa: S101 - it was asked for
        self._process.running.stdin.write(json.dumps(job) + "\n")
        self._process.running.stdin.flush()
        line = self._process.out().readline()
        if not line:
            raise RuntimeError("the load tool has given up")
        found: dict[str, Any] = json.loads(line)
        return found
