"""The ciphertext blob: what Encrypt hands out, and all that Decrypt needs besides the material.

    offset  bytes                                                          # CORE K-94
         0      1  version, 0x01
         1      1  algorithm, 0x02: AES-256-GCM under a derived key
         2      1  flags; bit 0 is set when the key id has the `mrk-` form
         3      1  reserved, 0
         4     16  key id
        20     32  key material id
        52     16  salt
        68     12  nonce
        80      n  ciphertext, as long as the plaintext (at least 1)
      80+n     16  tag

The first 80 bytes are the header. It travels in the clear, so that a blob tells by itself which
key and which material it needs, and is authenticated together with the encryption context. It
names neither region nor alias: the members of a multi-Region set open each other's blobs, and
renaming breaks nothing.                                                   # CORE K-93
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from uuid import UUID

from kms import hazmat

MAX_CONTEXT_BYTES = 8192  # CORE 13
"""How much of `canonical_context` callers accept, in bytes; sealing itself sets no limit."""

_VERSION = 0x01
_ALGORITHM = 0x02
_MULTI_REGION = 0x01
_PREFIX = bytes((_VERSION, _ALGORITHM))

_KEY_ID = slice(4, 20)
_MATERIAL_ID = slice(20, 52)
_SALT = slice(52, 68)
_NONCE = slice(68, 80)
_HEADER_BYTES = 80
_RANDOM = slice(52, 80)
_SALT_BYTES, _RANDOM_BYTES = 16, 28
_MIN_BYTES = _HEADER_BYTES + 1 + hazmat.AEAD_TAG_BYTES

_UUID_FORM = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MULTI_REGION_FORM = re.compile(r"mrk-[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Header:
    """What a blob says about itself. Not yet authenticated: only `open_blob` proves it."""

    key_id: str
    material_id: str


def material_id(material: bytes, key_id: str) -> str:
    """Return the 64 hex digits that name these bytes as material of this key.

    The same bytes have the same id in the same key, and another in every other key; the id
    tells nothing about random material.
    """
    # CORE K-110. The message cannot meet an input of `derive_key`, which begins with a counter.
    return hazmat.mac(material, b"kmsgate/kmid/v1" + key_id.encode(), "HMAC_SHA_256").hex()


def canonical_context(encryption_context: Mapping[str, str]) -> bytes:
    """Return bytes that are equal exactly when two encryption contexts are equal.

    The number of pairs, then each key and value behind its length, all numbers in four bytes;
    pairs are sorted by the bytes of the key. Text is taken as it is: no normalisation, no case
    folding. A caller without a context passes an empty one.
    """
    # CORE K-96. JSON can spell half a surrogate pair, which UTF-8 cannot: "surrogatepass" gives
    # it bytes that no other text has, so that every context can be sealed and opened.
    pairs = sorted(
        (key.encode("utf-8", "surrogatepass"), value.encode("utf-8", "surrogatepass"))
        for key, value in encryption_context.items()
    )
    parts = [_u32(len(pairs))]
    for key, value in pairs:
        parts += _u32(len(key)), key, _u32(len(value)), value
    return b"".join(parts)


def parse(blob: bytes) -> Header | None:
    """Return what a blob says about itself, or None when it is not one of ours."""
    if len(blob) < _MIN_BYTES or blob[:2] != _PREFIX:  # CORE K-94
        return None
    flags, reserved = blob[2:4]
    if flags & ~_MULTI_REGION or reserved:
        return None
    packed = blob[_KEY_ID]
    key_id = f"mrk-{packed.hex()}" if flags & _MULTI_REGION else str(UUID(bytes=packed))
    return Header(key_id, blob[_MATERIAL_ID].hex())


class Sealer:
    """Seals and opens with one material of one key. Its repr shows nothing."""

    __slots__ = ("_begin", "_message_keys")

    def __init__(self, material: bytes, key_id: str) -> None:
        """Raises ValueError for material not of 32 bytes, or a malformed key id."""
        # HMAC pads short keys with zeros: only among materials of one length do ids surely differ.
        if len(material) != hazmat.MATERIAL_BYTES["SYMMETRIC_DEFAULT"]:
            raise ValueError("material that encrypts has 32 bytes")
        flags, packed = _pack(key_id)
        committed_id = bytes.fromhex(material_id(material, key_id))
        # CORE K-95: a key of its own for every blob lifts the limit on messages per AES-GCM key.
        self._message_keys = hazmat.Deriver(material, b"kmsgate/encrypt/v1")
        self._begin = _PREFIX + bytes((flags, 0)) + packed + committed_id

    def seal(
        self,
        plaintext: bytes,
        encryption_context: Mapping[str, str],
        randomness: Callable[[int], bytes],
    ) -> bytes:
        """Return a blob that opens only with the same material, key id and encryption context.

        It is 96 bytes longer than the plaintext and names key and material in its header.
        `randomness(n)` gives n bytes; it is asked once, for salt (16) and nonce (12). What it gives
        must be unpredictable outside of repeatable runs, and may never come twice. Raises
        ValueError for an empty plaintext.
        """
        if not plaintext:
            raise ValueError("a plaintext has at least one byte")
        drawn = randomness(_RANDOM_BYTES)
        if len(drawn) != _RANDOM_BYTES:
            raise ValueError("randomness gave another number of bytes than asked for")
        header = self._begin + drawn
        associated_data = header + canonical_context(encryption_context)  # CORE K-96
        return header + hazmat.aead_seal(
            self._message_keys.derive(drawn[:_SALT_BYTES]),
            drawn[_SALT_BYTES:],
            plaintext,
            associated_data,
        )

    def open(self, blob: bytes, encryption_context: Mapping[str, str]) -> bytes:
        """Return the plaintext that was sealed with this material, key id and encryption context.

        Raises hazmat.Unauthentic for every other blob, without a word about what differs.
        """
        if len(blob) < _MIN_BYTES:
            raise hazmat.Unauthentic
        header = self._begin + blob[_RANDOM]
        # Key commitment: AES-GCM alone lets the holder of two keys make a blob that opens under
        # both, to different plaintexts. The material id in the header is an HMAC under the
        # material, so a blob that names the ids of two materials would be a collision of
        # HMAC-SHA-256. Hence: the header must be, byte for byte, the one that this material and
        # this key id lead to.
        committed = hazmat.same(header, blob[:_HEADER_BYTES])
        # CORE K-97: a wrong header, a wrong context, a changed byte take the same way to the end.
        plaintext = hazmat.aead_open(
            self._message_keys.derive(blob[_SALT]),
            blob[_NONCE],
            blob[_HEADER_BYTES:],
            header + canonical_context(encryption_context),
        )
        if not committed:
            raise hazmat.Unauthentic
        return plaintext


def _pack(key_id: str) -> tuple[int, bytes]:
    if _MULTI_REGION_FORM.fullmatch(key_id):  # CORE K-5
        return _MULTI_REGION, bytes.fromhex(key_id.removeprefix("mrk-"))
    if _UUID_FORM.fullmatch(key_id):
        return 0, bytes.fromhex(key_id.replace("-", ""))
    raise ValueError("a key id is a lower-case UUID, or `mrk-` and 32 lower-case hex digits")


def _u32(number: int) -> bytes:
    return number.to_bytes(4, "big")
