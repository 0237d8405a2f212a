"""Whose an access key is, and how new ones are made (CORE K-202, K-211)."""

from __future__ import annotations

import base64
import datetime as dt
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field

from kms.directory import AccessKey, Directory, Session, TemporaryKey
from kms.errors import ExpiredToken, UnrecognizedClient
from kms.runtime import Clock, Entropy
from kms.store import Store
from policy import Arn, Principal
from policy.request import Values

MAX_KEPT = 4096


@dataclass(frozen=True, slots=True)
class Credential:
    """An access key, and who has it. Temporary ones have a token, and they end."""

    id: str
    secret: bytes = field(repr=False)
    principal: Principal
    token: bytes | None = field(default=None, repr=False)
    expires_at: dt.datetime | None = None


class Credentials:
    """Finds credentials in the directory of a store, by the clock of the service."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._kept: tuple[Directory | None, dict[str, Credential]] = (None, {})

    def find(self, key_id: str, token: str | None) -> Credential:
        """Return the credential of an access key id and of the token that came with it, if any.

        Raises UnrecognizedClient or ExpiredToken (CORE K-198.8, 9).
        """
        found = self._known(self._store.glance().directory, key_id)
        if found is None and self._store.waits:
            with self._store.session() as session:  # another process may have made it just now
                found = self._known(session.state.directory, key_id)
        if found is None or not _belongs(token, found.token):
            raise UnrecognizedClient
        if found.expires_at is not None and found.expires_at <= self._clock.now():
            raise ExpiredToken
        return found

    def _known(self, directory: Directory, key_id: str) -> Credential | None:
        """Return the credential of an id; the same object as long as the directory is the same.

        The core keeps what it worked out for a caller with the caller's very object.
        """
        known, kept = self._kept
        if known is not directory or len(kept) >= MAX_KEPT:
            kept = {}
            self._kept = (directory, kept)
        credential = kept.get(key_id) or _credential(directory, key_id)
        if credential is not None:
            kept[key_id] = credential
        return credential


def _credential(directory: Directory, key_id: str) -> Credential | None:
    temporary = directory.temporary_keys.get(key_id)
    if temporary is not None:
        holder = directory.holder(temporary)
        if holder is None:
            return None
        return Credential(key_id, temporary.secret, holder, temporary.token, temporary.expires_at)
    found = directory.access_key(key_id)
    if found is not None and not found[1].active:
        return None
    user = directory.principal(found[0].arn) if found is not None else None
    return Credential(key_id, found[1].secret, user) if found is not None and user else None


def _belongs(given: str | None, expected: bytes | None) -> bool:
    if given is None or expected is None:
        return given is None and expected is None
    return hmac.compare_digest(given.encode(), expected)


# New ones


def new_access_key(entropy: Entropy) -> AccessKey:
    """Return a new access key for a user."""
    return AccessKey(f"AKIA{_identifier(entropy)}", _secret(entropy))


def new_temporary_key(
    entropy: Entropy,
    arn: Arn,
    owner_id: str | None,
    now: dt.datetime,
    lifetime: dt.timedelta,
    session: Session | None = None,
    facts: Mapping[str, Values] | None = None,
) -> TemporaryKey:
    """Return new credentials that end; `arn` is who calls with them."""
    return TemporaryKey(
        f"ASIA{_identifier(entropy)}",
        _secret(entropy),
        base64.b64encode(entropy.random_bytes(96)),
        arn,
        owner_id,
        now + lifetime,
        session,
        facts or {},
    )


def _identifier(entropy: Entropy) -> str:
    return base64.b32encode(entropy.random_bytes(10)).decode("ascii")


def _secret(entropy: Entropy) -> bytes:
    return base64.b64encode(entropy.random_bytes(30))
