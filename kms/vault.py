"""Secrets at rest: sealed under a key of their own, and bound to the record that they belong to.

    root key → store key → domain key → record key                                  # CORE K-108

The store key is random and kept wrapped under the root key. A domain is an account in a Region, or
a set of multi-Region keys; its key is derived. The key of one sealed record is derived from that
and a random salt, so that no limit on messages per key is ever near.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

from kms import hazmat
from kms.runtime import Entropy

SALT_BYTES = 16
_NONCE_END = SALT_BYTES + hazmat.AEAD_NONCE_BYTES
_DOMAIN, _RECORD = b"kmsgate/at-rest/domain/v1", b"kmsgate/at-rest/record/v1"


class Vault:
    """Seals and opens under one store key. Its repr shows nothing."""

    def __init__(self, store_key: bytes, entropy: Entropy) -> None:
        self._store_key = store_key
        self._entropy = entropy
        self._domain_key = lru_cache(maxsize=4096)(self._derived)

    def seal(self, secrets: Sequence[bytes], domain: str, *binding: str) -> bytes:
        """Return the secrets, sealed; they open only for the same domain and binding."""
        salt = self._entropy.random_bytes(SALT_BYTES)
        nonce = self._entropy.random_bytes(hazmat.AEAD_NONCE_BYTES)
        key = self._record_key(domain, salt)
        sealed = hazmat.aead_seal(key, nonce, packed(secrets), _bound(domain, *binding))
        return salt + nonce + sealed

    def open(self, sealed: bytes, domain: str, *binding: str) -> tuple[bytes, ...]:
        """Return the secrets. Raises Unauthentic for whatever was not sealed just so."""
        if len(sealed) < _NONCE_END:
            raise hazmat.Unauthentic
        salt, nonce, rest = sealed[:SALT_BYTES], sealed[SALT_BYTES:_NONCE_END], sealed[_NONCE_END:]
        key = self._record_key(domain, salt)
        return tuple(unpacked(hazmat.aead_open(key, nonce, rest, _bound(domain, *binding))))

    def _derived(self, domain: str) -> bytes:
        return hazmat.derive_key(self._store_key, label=_DOMAIN, context=domain.encode())

    def _record_key(self, domain: str, salt: bytes) -> bytes:
        return hazmat.derive_key(self._domain_key(domain), label=_RECORD, context=salt)


def packed(parts: Sequence[bytes]) -> bytes:
    """Return the parts one after the other, each behind its length in four bytes."""
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def unpacked(data: bytes) -> Iterator[bytes]:
    """Yield the parts that were packed; the data are authentic, so they are complete."""
    while data:
        end = 4 + int.from_bytes(data[:4], "big")
        yield data[4:end]
        data = data[end:]


def _bound(*names: str) -> bytes:
    return packed([name.encode("utf-8", "surrogatepass") for name in names])
