"""The endpoint inside of a test: a real server on a free port, in this process.

with server("payroll.world.yaml") as endpoint:
    kms = endpoint.client("kms", "payroll-app")
    kms.encrypt(KeyId="alias/payroll", Plaintext=b"salary list")
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kms.directory import TemporaryKey
from kms.runtime import Clock, SystemClock
from kms.store import Store
from kmsgate.app import App, Surface
from kmsgate.resources import sample_world
from kmsgate.scenario.files import load_world
from kmsgate.server import listening
from kmsgate.simulator import Simulator, open_simulator

REGION = "us-east-1"


@dataclass(frozen=True)
class Endpoint:
    """A running endpoint. `region` is where clients call unless told otherwise."""

    url: str
    simulator: Simulator
    region: str = REGION

    def reset(self) -> None:
        """Go back to the state of the world; clients go on as who they are."""
        self.simulator.reset()

    def credentials(self, caller: str) -> dict[str, str]:
        """Return the credentials of a caller of the world, as arguments of boto3.

        Raises LookupError for nobody.
        """
        key = self.simulator.sign_in(caller)
        given = {"aws_access_key_id": key.id, "aws_secret_access_key": key.secret.decode()}
        if isinstance(key, TemporaryKey):
            given["aws_session_token"] = key.token.decode()
        return given

    def client(self, service: str, caller: str, **more: Any) -> Any:
        """Return a client of boto3 (`kms`, `sts`, `iam`) that calls as somebody of the world."""
        import boto3  # noqa: PLC0415 - only who wants clients needs it

        arguments = {"endpoint_url": self.url, "region_name": self.region}
        return boto3.client(service, **arguments, **self.credentials(caller), **more)


@contextmanager
def serving(
    simulator: Simulator,
    *,
    region: str = REGION,
    surface: Surface | None = None,
) -> Iterator[Endpoint]:
    """Serve a simulator while the context lasts.

    Signatures are checked by the clock of this machine, as clients make them by theirs, unless
    the surface says otherwise.
    """
    app = App(simulator, surface or Surface(SystemClock()))
    try:
        with listening(app) as (host, port):
            yield Endpoint(f"http://{host}:{port}", simulator, region)
    finally:
        app.close()


@contextmanager
def server(
    world: str | Path | None = None, *, store: Store | None = None, clock: Clock | None = None
) -> Iterator[Endpoint]:
    """Serve the world of a file while the context lasts; `clock` is that of the service.

    Without a file it is the sample world: `admin`, who may do everything, `guest`, who may do
    nothing, and a key `alias/app`.
    """
    built = load_world(str(world or sample_world()))
    with serving(open_simulator(built, store, clock), region=built.region) as endpoint:
        yield endpoint
