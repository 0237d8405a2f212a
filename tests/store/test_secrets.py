"""No secret is ever written down: a busy world on a file, then a search for all that it knew.

Searched are the file with whatever lies beside it, a backup, the events and the log files made of
them, the texts of errors, and what every object of ours says of itself (CORE K-108, K-109, K-179).
"""

from __future__ import annotations

import base64
import datetime as dt
import gc
import gzip
import json
import traceback
import types
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from kms import Call, Gate, KeyOrigin, Reply, Service, State, hazmat
from kms.audit import Entry, record
from kms.directory import AccessKey, TemporaryKey
from kms.model import SPECS
from kms.records import event_text
from kms.root_key import EnvironmentRootKey, FileRootKey, PassphraseRootKey, RootKey
from kms.sqlite_backup import back_up
from kms.sqlite_store import SqliteStore, connect, open_store, rotate_root_key, wrapped_key
from kms.store import StoreError
from kms.trail import link, log_files, notifications
from tests.kms_world import PENDING_IMPORT, World, secret
from tests.property.test_gate import SAMPLES, Case, secrets_of, with_token

ACCESS_KEY = b"the secret of an access key, in letters"
TEMPORARY_KEY = b"the secret of a temporary key, in letters"
SESSION_TOKEN = b"the token of a session, which is longer"
PASSPHRASE = "a passphrase that nobody would ever guess"
IN_ENVIRONMENT = bytes(range(64, 96))


class StoredWorld(World):
    """A world whose store is a file, and which remembers what it was told."""

    def __init__(self, store: SqliteStore) -> None:
        super().__init__()
        state = self.store.state
        self.store: Any = store
        self.change(lambda _: state)
        self.service = Service(store, Gate(), self.clock, self.entropy)
        self.heard: list[Reply] = []
        self.asked: list[Call] = []
        self.secrets: set[bytes] = set()

    @property
    def state(self) -> State:
        with self.store.session() as session:
            state: State = session.state
            return state

    def ask(self, operation: str, /, *others: Any, **more: Any) -> Reply:
        reply = super().ask(operation, *others, **more)
        self.hear(self.request(operation, *others, **more), reply)
        return reply

    def hear(self, call: Call, reply: Reply) -> None:
        """Remember a call, and every secret that it has carried, used or left behind."""
        self.asked.append(call)
        self.heard.append(reply)
        case = Case(self, dict(call.parameters))
        self.secrets.update(secrets_of(case, reply))


@dataclass
class Found:
    """All that is left of a busy life."""

    world: StoredWorld
    secrets: set[bytes]
    before_the_end: State
    files: dict[str, bytes] = field(default_factory=dict)
    errors: list[BaseException] = field(default_factory=list)


def live(world: StoredWorld) -> None:
    """Do everything that can be done, with keys of every kind, and let much of it be refused."""
    keeper = world.user("keeper", access_keys=(AccessKey("AKIA" + "2" * 16, ACCESS_KEY),))
    assert keeper.arn is not None
    ends = world.clock.now() + dt.timedelta(hours=1)
    given = TemporaryKey(
        "ASIA" + "2" * 16, TEMPORARY_KEY, SESSION_TOKEN, keeper.arn, keeper.unique_id, ends
    )
    world.direct(lambda directory: directory.with_temporary_key(given, world.clock.now()))
    for spec, usages in SPECS.items():
        for usage in usages:
            if hazmat.can_make(spec):
                world.key(spec, usage)
                external = world.key(spec, usage, origin=KeyOrigin.EXTERNAL, state=PENDING_IMPORT)
                wrapped = world.bring(external, secret(spec), "RSA_AES_KEY_WRAP_SHA_256")
                world.ask("ImportKeyMaterial", **wrapped)
    for name, sample in SAMPLES.items():
        case = with_token(Case(world, sample(world)), name)
        world.ask(name, **case.parameters)
        world.ask(name, world.user("nobody"), **case.parameters)
        world.ask(name, **case.parameters, DryRun=True)
        world.ask(name, **{**case.parameters, "KeyId": "no such key"})


def files_of(folder: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in folder.iterdir() if each.is_file()}


def failures(path: Path, wrong: RootKey) -> Iterator[BaseException]:
    """Yield what is raised where a root key does not fit, or is none."""
    for root in (wrong, EnvironmentRootKey("KMSGATE_ROOT_KEY", IN_ENVIRONMENT.hex()[1:])):
        with pytest.raises(StoreError) as caught:
            open_store(path, root)
        yield caught.value


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    folder = tmp_path_factory.mktemp("store")
    path, backup = folder / "state.db", folder / "backup.db"
    in_file = FileRootKey(tmp_path_factory.mktemp("root") / "root.key")
    in_environment = EnvironmentRootKey("KMSGATE_ROOT_KEY", IN_ENVIRONMENT.hex())
    passphrase = PassphraseRootKey(PASSPHRASE, log_n=10)
    store = open_store(path, in_file)
    world = StoredWorld(store)
    live(world)
    found = Found(world, world.secrets, world.state)
    found.secrets |= {ACCESS_KEY, TEMPORARY_KEY, SESSION_TOKEN, PASSPHRASE.encode()}
    found.files |= files_of(folder)  # the log that is written ahead is not yet in the file
    back_up(path, backup)
    old: RootKey = in_file
    for new in (in_environment, passphrase):
        found.secrets.update(old.keys({}))
        found.errors += failures(path, new)
        rotate_root_key(path, old, new)
        old = new
    with closing(connect(path)) as connection:
        wrapped = wrapped_key(connection)
    assert wrapped is not None
    found.secrets.update(passphrase.keys(json.loads(wrapped.parameters)))
    found.secrets.add(store._records._vault._store_key)
    world.advance(days=400)
    world.service.settle()
    store.close()
    found.files |= {f"{name}, later": octets for name, octets in files_of(folder).items()}
    return found


# The search

SHOWN = tuple(repr(bytes([each]))[2:-1] for each in range(256))


def forms_of(known: bytes) -> Iterator[bytes]:
    """Yield a secret in every form; of one in DER the end, since all of a kind begin alike."""
    start = (len(known) - 48) // 3 * 3 if known.startswith(b"0") and len(known) > 48 else 0
    told = known[start:]
    yield from (told, told.hex().encode(), told.hex().upper().encode())
    whole = told[: len(told) // 3 * 3]  # of base64 the last group differs with what follows
    yield from (base64.b64encode(whole), base64.urlsafe_b64encode(whole))
    for quote in ("'", "\\'"):  # which of the two `repr` writes depends on what else it shows
        yield "".join(quote if each == ord("'") else SHOWN[each] for each in told).encode()


def search(secrets: set[bytes], texts: Mapping[str, bytes]) -> list[str]:
    """Return the names of the texts in which a secret stands."""
    everything = b"\n".join(texts.values())
    forms = {form for known in secrets for form in forms_of(known)}
    found = [form for form in forms if form in everything]
    return [name for name, text in texts.items() if any(form in text for form in found)]


def said_by(roots: tuple[object, ...]) -> dict[str, bytes]:
    """Return what every object of ours that can be reached says of itself."""
    seen: dict[int, object] = {}
    waiting = list(roots)
    passed = (type, types.ModuleType, types.FunctionType, types.CodeType, types.FrameType)
    while waiting:
        each = waiting.pop()
        if id(each) in seen or isinstance(each, passed):
            continue
        seen[id(each)] = each
        waiting += gc.get_referents(each)
        if isinstance(each, Mapping):  # some keep their entries where the collector does not look
            waiting += [*each.keys(), *each.values()]
    ours = ("kms.", "policy.", "kmsgate.")
    named = [each for each in seen.values() if type(each).__module__.startswith(ours)]
    return {
        f"{type(each).__name__} {number}": f"{each!r} {each}".encode()
        for number, each in enumerate(named)
    }


def test_no_file_of_a_store_holds_a_secret(found: Found) -> None:
    """CORE K-108, K-112: the file, its log, what is beside it, and the backup."""
    assert {"state.db", "state.db-wal", "state.db-shm", "backup.db, later"} <= set(found.files)
    assert search(found.secrets, found.files) == []


def test_no_event_and_no_log_file_holds_a_secret(found: Found) -> None:
    """CORE K-109, K-179."""
    events = found.world.events
    logs = {
        name: gzip.decompress(text) if name.endswith(".gz") else text
        for name, text in log_files(Entry(event, record(event)) for event in events)
    }
    told = {f"event {n}": event_text(event).encode() for n, event in enumerate(events)}
    links = {f"link {n}": json.dumps(link(event)).encode() for n, event in enumerate(events)}
    notes = {"notifications": json.dumps(list(notifications(events)), default=str).encode()}

    assert len(events) > 300
    assert len(logs) > 1
    assert search(found.secrets, logs | told | links | notes) == []


def test_no_error_tells_a_secret(found: Found) -> None:
    """CORE K-109: its text, its repr, and the trace that leads to it."""
    errors = [reply.error for reply in found.world.heard if reply.error is not None]
    told = {
        f"{type(error).__name__} {number}": "".join(
            [str(error), repr(error), *traceback.format_exception(error)]
        ).encode()
        for number, error in enumerate([*errors, *found.errors])
    }

    assert len({type(error) for error in errors}) > 6
    assert search(found.secrets, told) == []


def test_nothing_says_a_secret_of_itself(found: Found) -> None:
    """CORE K-109: the service, its state and store, calls and replies, and all within."""
    world = found.world
    said = said_by((world.service, found.before_the_end, world.heard, world.asked, found.errors))

    kinds = {name.partition(" ")[0] for name in said}
    assert {"Service", "State", "SqliteStore", "Vault", "Key", "KeyMaterial", "Grant"} <= kinds
    assert {
        "Reply",
        "Call",
        "WrappingKey",
        "AccessKey",
        "TemporaryKey",
        "Decision",
        "AuditEvent",
    } <= kinds
    assert search(found.secrets, said) == []


def test_the_search_would_find_each_of_the_secrets(found: Found) -> None:
    for known in found.secrets:
        for leak in (known, known.hex().encode(), base64.b64encode(known), repr(known).encode()):
            assert search({known}, {"leak": b"before " + leak + b" behind"}) == ["leak"]
