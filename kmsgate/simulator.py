"""Puts a service together: world, store, gate, clock, entropy, and the credentials of callers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from kms.directory import AccessKey, Directory, Session, TemporaryKey
from kms.gate import Gate
from kms.runtime import Clock, Entropy, SystemClock, SystemEntropy
from kms.service import Service
from kms.state import State
from kms.store import MemoryStore, Store
from kmsgate.credentials import Credentials, new_access_key, new_temporary_key
from kmsgate.scenario.world import World
from policy import Arn

_TYPES = {"user": "user", "role": "assumed-role"}
"""What the ARN of a caller says, by the kind of identity that calls."""

SIGNED_IN = dt.timedelta(hours=12)
"""How long the credentials last that `sign_in` makes for a session."""


@dataclass(frozen=True)
class Simulator:
    """A service, the credentials of those who may call it, and the short names of callers.

    `initial` is the state to which `reset` goes back.
    """

    service: Service
    credentials: Credentials
    callers: Mapping[str, Arn] = field(default_factory=dict)
    initial: State = field(default_factory=State, repr=False)

    def sign_in(self, name: str) -> AccessKey | TemporaryKey:
        """Return credentials of a caller, by a short name of the world (also `role/app`) or an ARN.

        A user's own access key if there is one, otherwise new credentials: an access key for a
        user, temporary ones for a session and for root. Raises LookupError for nobody.
        """
        arn = Arn.parse(name) if name.startswith("arn:") else self._named(name)
        with self.service.store.session() as session:
            directory = session.state.directory
            if arn is None or directory.principal(arn) is None:
                raise LookupError(f"there is no caller '{name}'")
            key, changed = self._credentials_of(arn, directory)
            if changed is not directory:
                session.commit(replace(session.state, directory=changed), ())
        return key

    def _named(self, name: str) -> Arn | None:
        """Return who is called by a short name, which may say the kind as people say it."""
        kind, _, rest = name.partition("/")
        arn = self.callers.get(rest)
        as_said = arn is not None and _TYPES.get(kind) == arn.type
        return self.callers.get(name, arn if as_said else None)

    def _credentials_of(
        self, arn: Arn, directory: Directory
    ) -> tuple[AccessKey | TemporaryKey, Directory]:
        entropy, now = self.service.entropy, self.service.clock.now()
        identity = directory.identities.get(str(arn))
        if identity is not None and arn.type == "user":
            if identity.access_keys:
                return identity.access_keys[0], directory
            made = new_access_key(entropy)
            return made, directory.with_identity(replace(identity, access_keys=(made,)))
        principal = directory.principal(arn)
        assert principal is not None  # noqa: S101 - asked before
        session = directory.sessions.get(str(arn))
        if session is None and principal.issuer is not None:
            session = Session(arn, principal.issuer)
        key = new_temporary_key(entropy, arn, principal.unique_id, now, SIGNED_IN, session)
        return key, directory.with_temporary_key(key, now)

    def reset(self) -> None:
        """Go back to the state that the world describes.

        Events that were written stay, and so do credentials: clients go on as who they are.
        """
        with self.service.store.session() as session:
            directory = _with_credentials(self.initial.directory, session.state.directory)
            session.commit(replace(self.initial, directory=directory), ())


def _with_credentials(directory: Directory, present: Directory) -> Directory:
    for arn in set(present.access_keys.values()):
        identity = directory.identities.get(arn)
        if identity is not None:
            keys = present.identities[arn].access_keys
            directory = directory.with_identity(replace(identity, access_keys=keys))
    return replace(directory, temporary_keys=present.temporary_keys)


def open_simulator(
    world: World,
    store: Store | None = None,
    clock: Clock | None = None,
    entropy: Entropy | None = None,
) -> Simulator:
    """Return a simulator of a world; in memory, by the clock of this machine, unless said.

    A store that has accounts already is taken as it is; an empty one is given the world's state.
    """
    store = store or MemoryStore()
    clock = clock or SystemClock()
    with store.session() as session:
        if not session.state.directory.accounts:
            session.commit(world.state, ())
    service = Service(store, Gate(), clock, entropy or SystemEntropy(), world.settings)
    return Simulator(service, Credentials(store, clock), world.names.callers, world.state)
