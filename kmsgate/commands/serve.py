"""`kmsgate serve`: the endpoint that SDKs and the AWS CLI run against."""

from __future__ import annotations

import datetime as dt
import gc
import importlib.util
import ipaddress
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType

import rich_click as click

from kms.directory import Directory
from kms.runtime import ShiftedClock, SystemClock, SystemEntropy
from kms.sqlite_store import open_store
from kms.store import MemoryStore, Store, StoreError
from kmsgate import __version__
from kmsgate.commands.root_keys import DEFAULT_STORE, root_key, root_key_option
from kmsgate.errors import UsageError
from kmsgate.output import Screen, safe, screen
from kmsgate.resources import sample_world
from kmsgate.scenario.fields import FileError
from kmsgate.scenario.files import load_world
from kmsgate.scenario.report import show_file_error
from kmsgate.scenario.values import NOT_A_TIME, read_time
from kmsgate.simulator import Simulator, open_simulator

DEFAULT_PORT = 8470
SAMPLE_CALLERS = (("admin", "may do everything"), ("guest", "may do nothing"))
MAX_SHOWN = 20
COLLECT_EVERY = (2000, 10, 1000)
"""So many new objects, passes over the youngest, and passes over the younger ones."""


@click.command()
@click.option("--world", metavar="FILE", help="Accounts, users, roles and keys; a sample without.")
@click.option(
    "--data", metavar="FILE", default=DEFAULT_STORE, show_default=True, help="Where state is kept."
)
@click.option("--memory", is_flag=True, help="Keep nothing: state ends with the process.")
@click.option("--reset", is_flag=True, help="Begin with the state of the world again.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=DEFAULT_PORT, show_default=True)
@click.option("--clock", metavar="TIME", help="What time it is for keys and sessions at the start.")
@click.option(
    "--enforce",
    type=click.Choice(["strict", "warn", "off"]),
    default="strict",
    show_default=True,
    help="Whether policies are enforced; warn tells in a header what would have been denied.",
)
@click.option("--claim-tls", is_flag=True, help="Say to policies that calls came through TLS.")
@click.option("--quiet", is_flag=True, help="Do not log calls.")
@root_key_option("--root-key", "key", "The root key; root.key beside the store by default")
@click.option(
    "--i-know-this-is-a-simulator", "exposed", is_flag=True, help="Listen where others can call."
)
def command(
    world: str | None,
    data: str,
    host: str,
    port: int,
    clock: str | None,
    enforce: str,
    key: str | None,
    *,
    memory: bool,
    reset: bool,
    claim_tls: bool,
    quiet: bool,
    exposed: bool,
) -> int:
    """Answer AWS SDKs and the AWS CLI as KMS, STS and IAM would, until interrupted.

    Every signature is verified, every call is decided by the policies of the world and really
    executed. The log of calls, lines of JSON, goes to standard error.

    A store that holds accounts is taken as it is; --reset puts the world into it again.
    """
    _check_installed()
    _check_host(host, exposed=exposed)
    try:
        built = load_world(world or str(sample_world()))
    except FileError as error:
        show_file_error(screen(sys.stderr), error)
        return 2
    path = None if memory else Path(data)
    moving = ShiftedClock(SystemClock(), _moment(clock))
    with _store(path, key) as store:
        settings = replace(built.settings, enforce=enforce == "strict")
        simulator = open_simulator(replace(built, settings=settings), store, moving)
        if reset:
            simulator.reset()
        told = _Welcome(screen(), simulator, built.region, enforce, path, sample=world is None)
        how = _How(host, port, claims_tls=claim_tls, warns=enforce == "warn", quiet=quiet)
        return _serve(simulator, moving, how, told)


@dataclass(frozen=True)
class _How:
    """How the simulator is served."""

    host: str
    port: int
    claims_tls: bool
    warns: bool
    quiet: bool


def _serve(simulator: Simulator, clock: ShiftedClock, how: _How, welcome: _Welcome) -> int:
    from kmsgate.access_log import AccessLog  # noqa: PLC0415 - uvicorn is an extra
    from kmsgate.app import App, Surface  # noqa: PLC0415
    from kmsgate.control import Control  # noqa: PLC0415
    from kmsgate.journal import Journal  # noqa: PLC0415
    from kmsgate.server import listening  # noqa: PLC0415

    token, journal = SystemEntropy().random_bytes(16).hex(), Journal()
    surface = Surface(
        SystemClock(),
        None if how.quiet else AccessLog(sys.stderr, SystemClock()),
        Control(simulator, token, clock, journal),
        journal,
        claims_tls=how.claims_tls,
        warns=how.warns,
    )
    app = App(simulator, surface)
    try:
        with _until_stopped() as stopped, listening(app, how.host, how.port) as (host, port):
            shown = f"[{host}]" if ":" in host else host
            welcome.show(f"http://{shown}:{port}", token)
            _spare_collections()
            stopped.wait()
    except OSError as error:
        raise UsageError(
            f"cannot listen on {how.host}, port {how.port}: {error.strerror}"
        ) from error
    finally:
        app.close()
    return 0


def _spare_collections() -> None:
    """Let the garbage collector pass over what stays: modules, the world, events in memory.

    A pass over all of them stops every call for as long as it takes. What a call leaves behind goes
    without the collector, but for a few cycles.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_EVERY)


@contextmanager
def _until_stopped() -> Iterator[threading.Event]:
    """Yield an event that is set when the process is told to end."""
    stopped = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopped.set()

    before = {each: signal.signal(each, stop) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


# What was asked for


def _check_installed() -> None:
    if importlib.util.find_spec("uvicorn") is None or importlib.util.find_spec("httptools") is None:
        raise UsageError("the endpoint needs uvicorn and httptools", "pip install 'kmsgate[serve]'")


def _check_host(host: str, *, exposed: bool) -> None:
    try:
        local = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = False
    if not local and not exposed:
        raise UsageError(
            f"others could call {safe(host)}, and this protects nothing",
            "add --i-know-this-is-a-simulator, or leave --host out",
        )


def _moment(text: str | None) -> dt.datetime | None:
    if text is None:
        return None
    at = read_time(text)
    if at is None:
        raise UsageError(f"--clock: '{safe(text)}' {NOT_A_TIME}")
    return at


@contextmanager
def _store(path: Path | None, key: str | None) -> Iterator[Store]:
    if path is None:
        yield MemoryStore()
        return
    try:
        store = open_store(path, root_key(key, path))
    except StoreError as error:
        raise UsageError(str(error)) from error
    try:
        yield store
    finally:
        store.close()


# What is told at the start


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


@dataclass(frozen=True)
class _Welcome:
    """Tells where the endpoint is, and how to call it. Nothing else ever shows a secret."""

    out: Screen
    simulator: Simulator
    region: str
    enforce: str
    path: Path | None
    sample: bool

    def show(self, url: str, token: str) -> None:
        state = self.simulator.service.store.glance()
        kept = safe(str(self.path)) if self.path is not None else "memory"
        self.out.line(f"kmsgate {__version__} answers as AWS KMS, STS and IAM do, at {url}")
        self.out.line(f"  state     {kept}: {_counted(len(state.keys), 'key')}")
        if self.enforce != "strict":
            self.out.line(f"  policies  {self.enforce}: what they deny is executed")
        self.out.line()
        self.out.line("Paste this, and the lines of whom you want to be:")
        self.out.line()
        self._export(
            AWS_ENDPOINT_URL_KMS=url,
            AWS_ENDPOINT_URL_STS=url,
            AWS_ENDPOINT_URL_IAM=url,
            AWS_DEFAULT_REGION=self.region,
        )
        if self.sample:
            for name, about in SAMPLE_CALLERS:
                self._caller(name, about)
        else:
            self._callers(state.directory)
        self.out.line()
        self.out.line("To explain a request, go back to the start, or move the clock on:")
        self.out.line()
        self._export(KMSGATE_TOKEN=token)
        self.out.flush()

    def _callers(self, directory: Directory) -> None:
        """Show who can sign; users get access keys only if the world gives none to anybody."""
        users = [each for each in directory.identities.values() if each.arn.type == "user"]
        signing = [user for user in users if user.access_keys]
        for user in signing[:MAX_SHOWN]:
            keys = ", ".join(key.id for key in user.access_keys)
            self.out.line(f"# {safe(str(user.arn))} signs with {keys}")
        if not signing:
            for user in users[:MAX_SHOWN]:
                self._caller(str(user.arn), "")
        if len(signing or users) > MAX_SHOWN:
            self.out.line(f"# and {len(signing or users) - MAX_SHOWN} more")

    def _caller(self, name: str, about: str) -> None:
        key = self.simulator.sign_in(name)
        self.out.line(f"# {safe(name)} {about}")
        self._export(AWS_ACCESS_KEY_ID=key.id, AWS_SECRET_ACCESS_KEY=key.secret.decode())

    def _export(self, **variables: str) -> None:
        pairs = " ".join(f"{name}={value}" for name, value in variables.items())
        self.out.line(f"export {pairs}")
