"""The endpoint under load: one server process, raw HTTP from another, every signature verified.

Beside it stands what the same server does at best: an application that says hello, in the same
rounds. Each Encrypt is authenticated, decided, really done and written down; of `durable` ones the
answer is sent after their commit is on the disk.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import Bar, Pace, Reading, Table, at_least, at_most, race, under
from benchmarks.measure import Subject as Racer
from benchmarks.servers import Load, Served, constant, kmsgate, moto

CONNECTIONS = (8, 32)
FEWEST = 0.05
"""A round lasts so many seconds at least."""
HELLO, MEMORY, DURABLE, DENIAL = "hello", "Encrypt, in memory", "Encrypt, durable", "a denial"
MOTO = "moto's Encrypt"
START_SECONDS, IDLE_BYTES = 1.0, 120e6


@dataclass(frozen=True)
class _Subject:
    name: str
    served: Served
    caller: str = "admin"
    status: int = 200


def run(pace: Pace, *, peers: bool = True) -> list[Table]:
    """Measure rates, the slowest answers and CPU under load; one client; the start."""
    with _servers(peers=peers) as (subjects, notes):
        found = [
            _loaded(subjects, count, pace, notes if count == CONNECTIONS[0] else ())
            for count in CONNECTIONS
        ]
        return [*(table for tables in found for table in tables), _one_client(pace), _start(pace)]


@contextmanager
def _servers(*, peers: bool) -> Iterator[tuple[list[_Subject], tuple[str, ...]]]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))

        def begin(served: Served) -> Served:
            stack.enter_context(served.process)
            return served

        memory = begin(kmsgate(folder, "--memory"))
        subjects = [
            _Subject(HELLO, begin(constant("hello"))),
            _Subject(MEMORY, memory),
            _Subject(DURABLE, begin(kmsgate(folder, "--data", "state.db"))),
            _Subject(DENIAL, memory, "guest", 400),
        ]
        peer = moto() if peers else None
        if peer is not None:
            subjects.append(_Subject(MOTO, begin(peer)))
        yield subjects, () if peer is not None or not peers else ("(peer moto: not installed)",)


def _loaded(
    subjects: Sequence[_Subject], connections: int, pace: Pace, notes: tuple[str, ...]
) -> list[Table]:
    """Return three tables of what so many connections found; the subjects take turns."""
    each: dict[str, list[float]] = defaultdict(list)
    slowest: dict[str, list[float]] = defaultdict(list)
    cpu: dict[str, list[float]] = defaultdict(list)
    seconds = max(pace.seconds, FEWEST)
    with Load() as load:
        for number in range(pace.rounds + 1):
            for subject in subjects:
                served = subject.served
                requests = served.requests(subject.caller)
                before = served.process.cpu_seconds()
                got = load.put(served.port, requests, connections, seconds, subject.status)
                if number == 0:
                    continue  # it warms up
                each[subject.name].append(got["seconds"] / got["count"])
                slowest[subject.name].append(got["p99"])
                used = served.process.cpu_seconds() - before
                cpu[subject.name].append(used / got["count"])
    times, tails, costs = map(_readings, (each, slowest, cpu))
    title = f"endpoint, {connections} connections"
    rates = ", ".join(f"{one.name} {1 / one.median:,.0f}" for one in times)
    return [
        Table(
            f"{title}, wall time of one answer",
            HELLO,
            times,
            under(title, *_rate_bars(times, connections)),
            (f"(a second: {rates})", *notes),
        ),
        Table(
            f"{title}, slowest hundredth of the answers",
            HELLO,
            tails,
            under(f"{title}, p99", at_most(3, MEMORY, HELLO, tails)),
        ),
        Table(
            f"{title}, CPU time of the server for one answer",
            HELLO,
            costs,
            under(
                f"{title}, CPU", at_most(3, MEMORY, HELLO, costs), at_most(1, DENIAL, MEMORY, costs)
            ),
        ),
    ]


def _readings(found: dict[str, list[float]]) -> tuple[Reading, ...]:
    return tuple(Reading(name, tuple(values)) for name, values in found.items())


def _rate_bars(times: Sequence[Reading], connections: int) -> tuple[Bar, ...]:
    bars = at_least(0.6, MEMORY, DURABLE, times)
    if connections == max(CONNECTIONS):
        bars = (
            *at_least(0.33, HELLO, MEMORY, times),
            *at_least(12, MOTO, MEMORY, times),
            *bars,
        )
    return bars


def _one_client(pace: Pace) -> Table:
    """Return what one client of boto3 finds, here and where the answer is always the same."""
    base, name = "a constant answer", MEMORY
    with ExitStack() as stack, tempfile.TemporaryDirectory() as folder:
        servers = {base: constant("encrypt"), name: kmsgate(Path(folder), "--memory")}
        for served in servers.values():
            stack.enter_context(served.process)
        racers = [Racer(each, _calls(served)) for each, served in servers.items()]
        readings = race(racers, pace)
    title = "endpoint, one client of boto3"
    bars = under(title, *at_least(0.85, base, name, readings))
    return Table(f"{title}, wall time of one call", base, readings, bars)


def _calls(served: Served) -> Callable[[int], float]:
    client = served.client("admin")

    def seconds(turns: int) -> float:
        begun = time.perf_counter()
        for _ in range(turns):
            client.encrypt(KeyId=served.key, Plaintext=b"a short note")
        return time.perf_counter() - begun

    return seconds


def _start(pace: Pace) -> Table:
    """Return how long it takes from nothing to an answer, and what memory that leaves in use."""
    bare = "python -c pass"
    name = "start to the first answer"
    taken: dict[str, list[float]] = defaultdict(list)
    memory = []
    with tempfile.TemporaryDirectory() as folder, Load() as load:
        for _ in range(pace.rounds):
            begun = time.perf_counter()
            subprocess.run([sys.executable, "-c", "pass"], check=True)
            taken[bare].append(time.perf_counter() - begun)
            begun = time.perf_counter()
            served = kmsgate(Path(folder), "--memory")
            with served.process as process:
                load.put(served.port, served.requests("admin")[:1], 1, 0, 200)
                taken[name].append(time.perf_counter() - begun)
                memory.append(process.resident_bytes())
    readings = _readings(taken)
    idle = statistics.median(memory)
    started = next(one.median for one in readings if one.name == name)
    bars = (
        Bar("endpoint, start: seconds to the first answer", started, START_SECONDS, is_floor=False),
        Bar("endpoint, start: of 120 MB in use then", idle / IDLE_BYTES, 1, is_floor=False),
    )
    return Table("endpoint, start", bare, readings, bars, (f"({idle / 1e6:,.0f} MB in use then)",))
