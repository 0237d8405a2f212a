"""The root key, which never lies beside what it protects, and what it does: it wraps one key.

It comes from a file that only its owner may read, from the environment, or from a passphrase
(CORE K-108). Rotation wraps the same store key under another root key, in one transaction of the
database: whoever is killed half-way leaves a store that opens with the old key, or with the new.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from kms import hazmat
from kms.runtime import Entropy
from kms.store import StoreError, WrongRootKey
from kms.vault import packed

KEY_BYTES = hazmat.AEAD_KEY_BYTES
MAX_FILE_BYTES = 65536
SCRYPT_LOG_N = 17
_PREFIX = "kmsgate-root-key-v1"


@dataclass(frozen=True, slots=True)
class Wrapped:
    """The store key under a root key, and what it takes to find that root key again."""

    generation: int
    kind: str
    parameters: str
    wrapped: bytes

    def binding(self) -> bytes:
        """Return what the wrapped bytes are bound to."""
        names = ("kmsgate/root-key/v1", str(self.generation), self.kind, self.parameters)
        return packed([name.encode() for name in names])


class RootKey(Protocol):
    """A place that root keys come from."""

    kind: str

    def keys(self, parameters: Mapping[str, Any]) -> Sequence[bytes]:
        """Return the keys that may be meant, the newest last. Raises StoreError for none."""
        ...

    def new(self, entropy: Entropy, present: Wrapped | None) -> tuple[bytes, dict[str, Any]]:
        """Return a key to wrap under, other than the present one, and its parameters."""
        ...

    def settle(self, key: bytes) -> None:
        """Forget all keys but this one: it is in use now."""
        ...


def wrap(
    store_key: bytes, root: RootKey, entropy: Entropy, present: Wrapped | None = None
) -> tuple[Wrapped, bytes]:
    """Return the store key under a new root key, one generation on, and that root key."""
    key, parameters = root.new(entropy, present)
    generation = present.generation + 1 if present is not None else 1
    made = Wrapped(generation, root.kind, json.dumps(parameters, sort_keys=True), b"")
    nonce = entropy.random_bytes(hazmat.AEAD_NONCE_BYTES)
    sealed = hazmat.aead_seal(key, nonce, store_key, made.binding())
    return Wrapped(made.generation, made.kind, made.parameters, nonce + sealed), key


def unwrap(wrapped: Wrapped, root: RootKey) -> bytes:
    """Return the store key. Raises WrongRootKey if no key of that place opens it."""
    if wrapped.kind != root.kind:
        raise WrongRootKey(
            f"the store is locked with a root key from {wrapped.kind}, not from {root.kind}"
        )
    for key in reversed(root.keys(json.loads(wrapped.parameters))):
        opened = _opened(wrapped, key)
        if opened is not None:
            return opened
    raise WrongRootKey("the root key does not open the store")


def _opened(wrapped: Wrapped, key: bytes) -> bytes | None:
    nonce, sealed = wrapped.wrapped[:12], wrapped.wrapped[12:]
    try:
        return hazmat.aead_open(key, nonce, sealed, wrapped.binding())
    except (hazmat.Unauthentic, ValueError):
        return None


class FileRootKey:
    """Keys in a file with mode 0600, one a line; the newest is the last. Made on first use."""

    kind = "a file"

    def __init__(self, path: Path) -> None:
        self._path = path

    def keys(self, parameters: Mapping[str, Any]) -> Sequence[bytes]:
        """Return all keys of the file. Raises WrongRootKey if there is no file."""
        keys = self._read()
        if not keys:
            raise WrongRootKey(f"the root key file {self._path} is missing")
        return keys

    def new(self, entropy: Entropy, present: Wrapped | None) -> tuple[bytes, dict[str, Any]]:
        """Return the newest key of the file; one that is in use already gets a successor.

        So a file that was prepared is used as it is, and so is what a killed rotation left.
        """
        keys = self._read()
        if not keys or (present is not None and _opened(present, keys[-1]) is not None):
            keys = self._write([*keys, entropy.random_bytes(KEY_BYTES)], replace=bool(keys))
        return keys[-1], {}

    def settle(self, key: bytes) -> None:
        """Leave this key alone in the file."""
        if self._read() != [key]:
            self._write([key], replace=True)

    def _read(self) -> list[bytes]:
        try:
            with self._path.open("rb") as file:
                mode = os.fstat(file.fileno()).st_mode
                data = file.read(MAX_FILE_BYTES)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StoreError(f"cannot read the root key file {self._path}: {error.strerror}") from (
                error
            )
        if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
            raise StoreError(
                f"others may read the root key file {self._path}: its mode is not 0600"
            )
        return [_key_of(line, f"the root key file {self._path}") for line in data.splitlines()]

    def _write(self, keys: list[bytes], *, replace: bool) -> list[bytes]:
        """Write the file whole, or not at all; another that was first is not overwritten."""
        lines = [f"{_PREFIX} {base64.b64encode(key).decode()}\n" for key in keys]
        draft = self._path.with_name(f"{self._path.name}.{os.getpid()}.new")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            draft.unlink(missing_ok=True)
            with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:  # noqa: PTH123
                file.writelines(lines)
                file.flush()
                os.fsync(file.fileno())
            if replace:
                draft.replace(self._path)
            else:
                os.link(draft, self._path)
                draft.unlink()
            sync_folder(self._path.parent)
        except FileExistsError:
            draft.unlink()
            return self._read()
        except OSError as error:
            raise StoreError(
                f"cannot write the root key file {self._path}: {error.strerror}"
            ) from error
        return keys


@dataclass(frozen=True, slots=True)
class EnvironmentRootKey:
    """A key that the environment holds, as 32 bytes in base64 or 64 hexadecimal digits."""

    variable: str
    text: str = field(repr=False)
    kind = "the environment"

    def keys(self, parameters: Mapping[str, Any]) -> Sequence[bytes]:
        """Return the key."""
        return [_key_of(self.text.encode(), f"the variable {self.variable}")]

    def new(self, entropy: Entropy, present: Wrapped | None) -> tuple[bytes, dict[str, Any]]:
        """Return the key. Raises StoreError if it is the present one."""
        (key,) = self.keys({})
        _require_other(present, key)
        return key, {}

    def settle(self, key: bytes) -> None:
        """Nothing is kept here."""


@dataclass(frozen=True, slots=True)
class PassphraseRootKey:
    """A key that scrypt makes of a passphrase; it costs an attacker 128 MiB for each guess."""

    passphrase: str = field(repr=False)
    log_n: int = SCRYPT_LOG_N
    kind = "a passphrase"

    def keys(self, parameters: Mapping[str, Any]) -> Sequence[bytes]:
        """Return the key for the salt and cost that stand in the store."""
        try:
            salt, log_n = bytes.fromhex(parameters["salt"]), parameters["log_n"]
            return [hazmat.passphrase_key(self.passphrase, salt, log_n)]
        except (KeyError, TypeError, ValueError):
            raise WrongRootKey("the store does not say how its passphrase was used") from None

    def new(self, entropy: Entropy, present: Wrapped | None) -> tuple[bytes, dict[str, Any]]:
        """Return a key with a salt of its own. Raises StoreError for the present passphrase."""
        if present is not None and present.kind == self.kind:
            _require_other(present, *self.keys(json.loads(present.parameters)))
        salt = entropy.random_bytes(16)
        parameters = {"kdf": "scrypt", "log_n": self.log_n, "salt": salt.hex()}
        return hazmat.passphrase_key(self.passphrase, salt, self.log_n), parameters

    def settle(self, key: bytes) -> None:
        """Nothing is kept here."""


def _require_other(present: Wrapped | None, key: bytes) -> None:
    if present is not None and _opened(present, key) is not None:
        raise StoreError("the new root key is the present one")


def _key_of(text: bytes, place: str) -> bytes:
    word = text.decode("ascii", "replace").removeprefix(_PREFIX).strip()
    try:
        key = bytes.fromhex(word) if len(word) == 2 * KEY_BYTES else base64.b64decode(word)
    except (ValueError, binascii.Error):
        key = b""
    if len(key) != KEY_BYTES:
        raise StoreError(f"{place} holds no root key: 32 bytes in base64 or hexadecimal")
    return key


def sync_folder(folder: Path) -> None:
    """Make sure that the names in a folder survive a crash, where the system can do that."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
