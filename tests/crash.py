"""`python -m tests.crash [ROUNDS]`: processes under load are killed; nothing acknowledged is lost.

All of it on a store in a file, then, where there is a server, on one in PostgreSQL; at last through
the endpoint (`tests/endpoint/crash.py`).

In each round two processes, four threads each, call the service on one store and write down every
reply that they get. At a random moment both get SIGKILL. Then, in another process: every reply that
was written down has its event and its effect, the chain of events is whole, every ciphertext that
was ever returned decrypts, and nothing exists without the event that made it, nor the other way.
In every third round the root key is rotated all the while.
"""

from __future__ import annotations

import base64
import itertools
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from kms import (
    Call,
    Gate,
    Identity,
    KeyState,
    Service,
    State,
    SystemClock,
    SystemEntropy,
    sqlite_store,
)
from kms.durable_store import DurableStore
from kms.root_key import FileRootKey
from policy import Principal, PrincipalKind
from tests.kms_world import ALLOW_ALL, REGION, arn, identity_policy, user_arn
from tests.store.postgres import NoServerError, server

PROJECT = Path(__file__).resolve().parent.parent
PROCESSES, THREADS = 2, 4
MOST_REPLIES = 120
"""A process is killed after at most so many replies."""
FIRST_WORD = "opening"
SCHEMA = "kmsgate_crash"

ADMIN = Principal(PrincipalKind.USER, arn(user_arn("admin")))


@dataclass(frozen=True)
class Place:
    """Where the store is: in a file of the folder, or in PostgreSQL if there is a DSN.

    The root key is a file of the folder in either case.
    """

    folder: Path
    dsn: str = ""

    @property
    def root_key(self) -> FileRootKey:
        return FileRootKey(self.folder / "root.key")

    def opened(self) -> DurableStore:
        if self.dsn:
            from kms import postgres_store

            return postgres_store.open_store(self.dsn, self.root_key, schema=SCHEMA)
        return sqlite_store.open_store(self.folder / "state.db", self.root_key)

    def rotate(self) -> None:
        keys = self.root_key, self.root_key
        if self.dsn:
            from kms import postgres_store

            postgres_store.rotate_root_key(self.dsn, *keys, schema=SCHEMA)
        else:
            sqlite_store.rotate_root_key(self.folder / "state.db", *keys)

    def empty(self) -> None:
        """Take away what an earlier run has left on a server."""
        if self.dsn:
            import psycopg

            with psycopg.connect(self.dsn, autocommit=True) as connection:
                connection.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")


def service_on(store: DurableStore) -> Service:
    return Service(store, Gate(), SystemClock(), SystemEntropy())


def prepare(place: Place) -> None:
    place.empty()
    admin = Identity(arn(user_arn("admin")), "AIDAADMIN", (identity_policy(ALLOW_ALL),))
    with closing(place.opened()) as store, store.session() as session:
        directory = session.state.directory.with_identity(admin)
        session.commit(replace(session.state, directory=directory), [])


# The process that is killed


def work(place: Place, rotating: bool) -> None:
    """Call the service until killed, and write each reply down once it has come."""
    say({"word": FIRST_WORD})
    service = service_on(place.opened())
    workers = [
        threading.Thread(target=worker, args=(service, number), daemon=True)
        for number in range(THREADS)
    ]
    if rotating:
        workers.append(threading.Thread(target=rotate, args=(place,), daemon=True))
    for each in workers:
        each.start()
    for each in workers:
        each.join()


def say(reply: dict[str, Any]) -> None:
    os.write(1, json.dumps(reply).encode() + b"\n")  # short enough to be written whole


def rotate(place: Place) -> None:
    while True:
        place.rotate()


def worker(service: Service, number: int) -> None:
    for turn in itertools.count():
        life(partial(told, service), f"alias/{os.getpid()}-{number}-{turn}")


def life(told: Callable[..., Mapping[str, Any]], name: str) -> None:
    """Make a key with all that a key can have, use it, and change its state."""
    key = told("CreateKey")["KeyMetadata"]["Arn"]
    told("CreateAlias", AliasName=name, TargetKeyId=key)
    told("TagResource", KeyId=key, Tags=[{"TagKey": name, "TagValue": "x"}])
    told("CreateGrant", KeyId=key, GranteePrincipal=str(ADMIN.arn), Operations=["Decrypt"])
    for _ in range(4):
        told("Encrypt", KeyId=key, Plaintext=name.encode())
    told("DisableKey", KeyId=key)
    told("EnableKey", KeyId=key)


def told(service: Service, operation: str, **parameters: Any) -> dict[str, Any]:
    reply = service.call(Call(ADMIN, operation, parameters, REGION))
    output = reply.unwrap()
    assert reply.event is not None
    say(reply_of(reply.event.request_id, operation, parameters, output))
    return output


def reply_of(
    request_id: str, operation: str, parameters: dict[str, Any], output: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what `check` has to know of a call that was acknowledged."""
    blob = output.get("CiphertextBlob")
    return {
        "request": request_id,
        "operation": operation,
        "key": output.get("KeyMetadata", {}).get("Arn") or parameters.get("KeyId"),
        "alias": parameters.get("AliasName"),
        "tag": parameters.get("Tags", [{}])[0].get("TagKey"),
        "grant": output.get("GrantId"),
        "blob": base64.b64encode(blob).decode() if blob is not None else None,
        "plaintext": parameters.get("Plaintext", b"").decode(),
    }


# The one that kills and looks


@dataclass
class Victims:
    """What was acknowledged so far, by all processes of all rounds."""

    place: Place
    chance: random.Random
    replies: list[dict[str, Any]] = field(default_factory=list)

    def round(self, number: int) -> int:
        """Start processes, kill them, and return how many replies they got."""
        rotating = number % 3 == 2
        where = [str(self.place.folder), self.place.dsn, str(rotating)]
        command = [sys.executable, "-m", "tests.crash", "work", *where]
        victims = [
            subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE) for _ in range(PROCESSES)
        ]
        try:
            collected = [
                threading.Thread(target=self._watch, args=(each, self._moment()))
                for each in victims
            ]
            before = len(self.replies)
            for each in collected:
                each.start()
            for each in collected:
                each.join()
        finally:
            for victim in victims:
                victim.kill()
                victim.wait()
        return len(self.replies) - before

    def _moment(self) -> int:
        return self.chance.choice(
            (0, self.chance.randint(1, 8), self.chance.randint(1, MOST_REPLIES))
        )

    def _watch(self, victim: subprocess.Popen[bytes], moment: int) -> None:
        """Kill after so many replies, then take what was written before death."""
        assert victim.stdout is not None
        with victim.stdout:
            for count, line in enumerate(victim.stdout):
                if count == moment:
                    victim.kill()
                reply = json.loads(line)
                if reply.get("word") != FIRST_WORD:
                    self.replies.append(reply)
        if victim.wait() != -9:
            raise AssertionError(f"a process ended by itself, with {victim.returncode}")


class Broken(AssertionError):  # noqa: N818  named after what is true
    """Something that was acknowledged is not there, or something is there by halves."""


def require(held: bool, what: str) -> None:
    if not held:
        raise Broken(what)


def check(place: Place, replies: Sequence[dict[str, Any]]) -> int:
    """Raise Broken unless everything acknowledged is there, whole; return how many events are."""
    with closing(place.opened()) as store:
        events = store.events()
        with store.session() as session:
            state = session.state
        require_chain(events)
        known = {event.request_id: event for event in events}
        for reply in replies:
            written = known.get(reply["request"])
            require(written is not None, f"no event of an acknowledged {reply['operation']}")
            require(written.outcome == "success", "another outcome was written down")
            require_effect(state, reply)
        require_nothing_halved(state, events)
        service = service_on(store)
        for reply in replies:
            if reply["blob"] is not None:
                opened = decrypted(service, state, reply)
                require(opened == reply["plaintext"].encode(), "another plaintext came out")
    return len(events)


def decrypted(service: Service, state: State, reply: dict[str, Any]) -> bytes:
    """Return what a ciphertext opens to, also under a key that was disabled when death came."""
    if state.keys[reply["key"]].state is KeyState.DISABLED:
        service.call(Call(ADMIN, "EnableKey", {"KeyId": reply["key"]}, REGION)).unwrap()
    blob = base64.b64decode(reply["blob"])
    answer = service.call(Call(ADMIN, "Decrypt", {"CiphertextBlob": blob}, REGION))
    require(answer.error is None, f"a ciphertext does not decrypt: {answer.error}")
    plaintext: bytes = answer.unwrap()["Plaintext"]
    return plaintext


def require_chain(events: Sequence[Any]) -> None:
    previous = ""
    for event in events:
        require(event.previous_hash == previous and event.is_intact(), "the chain is broken")
        previous = event.hash


def require_effect(state: State, reply: dict[str, Any]) -> None:
    key = state.keys.get(reply["key"]) if reply["key"] is not None else None
    if reply["key"] is not None:
        require(key is not None, "an acknowledged key is gone")
    if reply["alias"] is not None:
        name = f"arn:aws:kms:{REGION}:111122223333:{reply['alias']}"
        require(name in state.aliases, "an acknowledged alias is gone")
    if key is not None and reply["tag"] is not None:
        require(reply["tag"] in dict(key.tags), "an acknowledged tag is gone")
    if reply["grant"] is not None:
        require(reply["grant"] in state.grants_of(reply["key"]).by_id, "a grant is gone")


def made(state: State) -> dict[str, set[str]]:
    """Return what there is, by the operation that makes it."""
    grants = (grant for held in state.grants.values() for grant in held.by_id.values())
    return {
        "CreateKey": set(state.keys),
        "CreateAlias": {alias.target_key_arn for alias in state.aliases.values()},
        "TagResource": {arn for arn, key in state.keys.items() if key.tags},
        "CreateGrant": {grant.key_arn for grant in grants},
    }


def require_nothing_halved(state: State, events: Sequence[Any]) -> None:
    """Each thing has the event that made it, and each such event its thing."""
    written: dict[str, set[str]] = defaultdict(set)
    for event in events:
        if event.outcome == "success":
            keys = (each for each in event.resources if ":key/" in each)
            written[event.operation].update(keys)
    for operation, there in made(state).items():
        require(there == written[operation], f"{operation}: events and things differ")


def run(place: Place, rounds: int, seed: int) -> Iterator[str]:
    """Kill so many times; yield a line for each. Raises Broken."""
    prepare(place)
    victims = Victims(place, random.Random(seed))
    for number in range(rounds):
        seen = len(victims.replies)
        replied = victims.round(number)
        events = check(place, victims.replies[seen:])
        yield f"round {number + 1}: {replied} replies before the end, {events} events kept"
    check(place, victims.replies)
    yield f"{len(victims.replies)} acknowledged calls of {rounds} rounds are all there"


def main(arguments: Sequence[str]) -> int:
    if arguments and arguments[0] == "work":
        work(Place(Path(arguments[1]), arguments[2]), arguments[3] == "True")
        return 0
    rounds = int(arguments[0]) if arguments else 100
    seed = time.time_ns() % 100_000
    print(f"seed {seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        report(Place(Path(folder)), rounds, seed)
    try:
        with server() as dsn, tempfile.TemporaryDirectory() as folder:
            report(Place(Path(folder), dsn), rounds, seed)
    except NoServerError as missing:
        print(f"not on PostgreSQL: {missing}")
    from tests.endpoint import crash as through_the_endpoint  # it needs what is here

    print("through the endpoint", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for line in through_the_endpoint.run(Path(folder), rounds, seed):
            print(line, flush=True)
    return 0


def report(place: Place, rounds: int, seed: int) -> None:
    print("on PostgreSQL" if place.dsn else "in a file", flush=True)
    for line in run(place, rounds, seed):
        print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
