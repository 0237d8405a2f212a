"""Time and chance, real and fixed. The only room that asks the system for either."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import secrets
from typing import Protocol

from kms import hazmat
from kms.hazmat import MATERIAL_BYTES


class Clock(Protocol):
    """Tells the time, as an aware datetime in UTC (CORE K-1)."""

    def now(self) -> dt.datetime:
        """Return the present moment."""
        ...


class Entropy(Protocol):
    """Gives what nobody can guess, or what a seed decides (CORE K-2)."""

    def random_bytes(self, size: int) -> bytes:
        """Return that many random bytes."""
        ...

    def uuid(self) -> str:
        """Return a random UUID in lower case."""
        ...

    def material(self, spec: str) -> bytes:
        """Return new material for a key spec: AES or HMAC bytes, or a private key in PKCS#8."""
        ...


class SystemClock:
    """The clock of this machine, to the millisecond."""

    def now(self) -> dt.datetime:
        """Return the present moment."""
        now = dt.datetime.now(dt.UTC)
        return now.replace(microsecond=now.microsecond // 1000 * 1000)


class ShiftedClock:
    """A clock that goes as another one does, at another time from the start on, or moved on."""

    def __init__(self, base: Clock, at: dt.datetime | None = None) -> None:
        self._base = base
        self._shift = at - base.now() if at is not None else dt.timedelta()

    def now(self) -> dt.datetime:
        """Return the moment that it shows."""
        return self._base.now() + self._shift

    def advance(self, by: dt.timedelta) -> None:
        """Move it on; raises ValueError for back, OverflowError for out of the calendar."""
        if by < dt.timedelta():
            raise ValueError("a clock cannot be moved back")
        _ = self.now() + by
        self._shift += by


class FixedClock:
    """A clock that stands until it is moved."""

    def __init__(self, at: dt.datetime) -> None:
        self._at = at

    def now(self) -> dt.datetime:
        """Return the moment at which it stands."""
        return self._at

    def advance(self, by: dt.timedelta) -> None:
        """Move it on. What falls due is settled by the next call (CORE K-35)."""
        self.move_to(self._at + by)

    def move_to(self, at: dt.datetime) -> None:
        """Move it to a later moment; raises ValueError for an earlier one."""
        if at < self._at:
            raise ValueError("a clock cannot be moved back")
        self._at = at


def _uuid(bits: bytes) -> str:
    """Return the UUID of version 4 that these 16 random bytes make (RFC 9562, 5.4)."""
    text = bits.hex()
    variant = "89ab"[bits[8] >> 4 & 3]
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{variant}{text[17:20]}-{text[20:]}"


class SystemEntropy:
    """The random source of the operating system."""

    def random_bytes(self, size: int) -> bytes:
        """Return that many random bytes."""
        return secrets.token_bytes(size)

    def uuid(self) -> str:
        """Return a random UUID in lower case."""
        return _uuid(self.random_bytes(16))

    def material(self, spec: str) -> bytes:
        """Return new material for a key spec."""
        size = MATERIAL_BYTES.get(spec)
        return self.random_bytes(size) if size is not None else hazmat.generate_private_key(spec)


class SeededEntropy:
    """The same bytes in the same order for the same seed; for scenarios and tests only.

    Only symmetric and ECC keys are: RSA, ML-DSA and ML-KEM keys are made anew each time, and so are
    signatures and encapsulations.
    """

    def __init__(self, seed: int) -> None:
        self._key = hashlib.sha256(f"kmsgate/seed/{seed}".encode()).digest()
        self._count = 0

    def random_bytes(self, size: int) -> bytes:
        """Return that many bytes of the seed's stream."""
        out = b""
        while len(out) < size:
            self._count += 1
            out += hmac.digest(self._key, self._count.to_bytes(8, "big"), "sha256")
        return out[:size]

    def uuid(self) -> str:
        """Return the next UUID in lower case."""
        return _uuid(self.random_bytes(16))

    def material(self, spec: str) -> bytes:
        """Return new material for a key spec."""
        size = MATERIAL_BYTES.get(spec)
        if size is not None:
            return self.random_bytes(size)
        if spec.startswith("ECC_"):
            return hazmat.ec_private_key(spec, self.random_bytes(64))
        return hazmat.generate_private_key(spec)
