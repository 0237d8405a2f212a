"""The walled room of sharp tools: the only user of the `cryptography` package.

It knows bytes and the names that travel on the wire (`RSA_2048`, `RSAES_OAEP_SHA_256`), and
nothing of keys, states or callers. What can hurt here:

- A nonce that comes twice under one AES-GCM key reveals plaintext and lets anyone forge.
- AES-GCM does not commit to its key: one ciphertext can be made to open under two keys, to two
  plaintexts. Where that matters, bind the key outside, as `kms.envelope` does.
- `==` on secrets takes a telling time; `same` does not.
- Python cannot wipe `bytes`. A secret stays in memory until it is collected, or longer.

No exception text holds key material, plaintext or ciphertext.                   # CORE K-109

    Unauthentic               a ciphertext that does not open; it never says why
    ValueError                an argument of the wrong length: a mistake of the caller
    └── UnsupportedAlgorithm  a name unknown to this room, or to the installed library
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import NamedTuple

from cryptography import exceptions
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.kbkdf import KBKDFHMAC, CounterLocation, Mode
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

AEAD_KEY_BYTES = 32
AEAD_NONCE_BYTES = 12
AEAD_TAG_BYTES = 16
MIN_SEED_BYTES = 32

# CORE 1.3: the specs whose material is plain random bytes, and how many.
MATERIAL_BYTES: Mapping[str, int] = MappingProxyType(
    {
        "SYMMETRIC_DEFAULT": 32,
        "HMAC_224": 28,
        "HMAC_256": 32,
        "HMAC_384": 48,
        "HMAC_512": 64,
    }
)


class Unauthentic(Exception):  # noqa: N818  named after what is true, like every error of this package
    """A ciphertext was not made with this key and these associated data, or was changed since."""


class UnsupportedAlgorithm(ValueError):  # noqa: N818
    """A spec or algorithm is unknown here, or the installed library cannot do it."""

    def __init__(self, name: str) -> None:
        super().__init__(f"`{name}` is not supported")


# --- Derivation, authenticated encryption, MAC -------------------------------------------------


def derive_key(secret: bytes, *, label: bytes, context: bytes, length: int = 32) -> bytes:
    """Return `length` bytes which, without `secret`, cannot be told from random ones.

    SP 800-108 in counter mode with HMAC-SHA-256 over counter ‖ label ‖ 0x00 ‖ context ‖ length
    in bits; the two numbers take four bytes each. A label with a zero byte would blur the border
    to the context and is a ValueError.
    """
    if 0 in label:
        raise ValueError("a label holds no zero byte")
    kdf = KBKDFHMAC(  # CORE K-95
        algorithm=hashes.SHA256(),
        mode=Mode.CounterMode,
        length=length,
        rlen=4,
        llen=4,
        location=CounterLocation.BeforeFixed,
        label=label,
        context=context,
        fixed=None,
    )
    return kdf.derive(secret)


def passphrase_key(passphrase: str, salt: bytes, log_n: int) -> bytes:
    """Return 32 bytes for a passphrase, by scrypt (RFC 7914) with r = 8 and p = 1.

    It takes 2^log_n KiB of memory, and so much time for each guess. The salt has at least 16 bytes
    and log_n is 10 to 20, else ValueError. The same passphrase in another Unicode form is another.
    """
    if len(salt) < 16 or not 10 <= log_n <= 20:
        raise ValueError("scrypt takes a salt of 16 bytes or more, and log_n from 10 to 20")
    return Scrypt(salt=salt, length=32, n=2**log_n, r=8, p=1).derive(passphrase.encode())


def aead_seal(key: bytes, nonce: bytes, plaintext: bytes, associated_data: bytes) -> bytes:
    """Return ciphertext and 16-byte tag of AES-256-GCM; never use a nonce twice with one key.

    The key has 32 bytes and the nonce 12, else ValueError.
    """
    return _aes_gcm(key, nonce).encrypt(nonce, plaintext, associated_data)


def aead_open(key: bytes, nonce: bytes, sealed: bytes, associated_data: bytes) -> bytes:
    """Return the plaintext that `aead_seal` was given with the same key, nonce and data.

    Raises Unauthentic for anything else, and ValueError for a key or nonce of another length.
    """
    aes_gcm = _aes_gcm(key, nonce)
    try:
        return aes_gcm.decrypt(nonce, sealed, associated_data)
    except exceptions.InvalidTag:
        raise Unauthentic from None


def _aes_gcm(key: bytes, nonce: bytes) -> AESGCM:
    # The library would take shorter keys and other nonces as well; this room has one size.
    if len(key) != AEAD_KEY_BYTES or len(nonce) != AEAD_NONCE_BYTES:
        raise ValueError("AES-256-GCM takes a key of 32 bytes and a nonce of 12")
    return AESGCM(key)


_MAC_HASHES: Mapping[str, str] = MappingProxyType(
    {
        "HMAC_SHA_224": "sha224",
        "HMAC_SHA_256": "sha256",
        "HMAC_SHA_384": "sha384",
        "HMAC_SHA_512": "sha512",
    }
)


def mac(key: bytes, data: bytes, algorithm: str) -> bytes:
    """Return the whole RFC 2104 HMAC of `data`; `algorithm` is a name such as `HMAC_SHA_256`."""
    if algorithm not in _MAC_HASHES:
        raise UnsupportedAlgorithm(algorithm)
    return hmac.digest(key, data, _MAC_HASHES[algorithm])  # CORE K-105


def same(a: bytes, b: bytes) -> bool:
    """Tell whether two byte strings are equal, in a time that shows nothing but their lengths."""
    return hmac.compare_digest(a, b)


# --- Private keys ------------------------------------------------------------------------------


class _Curve(NamedTuple):
    curve: ec.EllipticCurve
    order: int


# The orders stand in SEC 2 (version 2.0), sections 2.4.1, 2.4.2, 2.5.1 and 2.6.1.
_CURVES: Mapping[str, _Curve] = MappingProxyType(
    {
        "ECC_NIST_P256": _Curve(
            ec.SECP256R1(),
            0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
        ),
        "ECC_NIST_P384": _Curve(
            ec.SECP384R1(),
            2**384 - 0x389CB27E0BC8D220A7E5F24DB74F58851313E695333AD68D,
        ),
        "ECC_NIST_P521": _Curve(
            ec.SECP521R1(),
            2**521 - 0x5AE79787C40D069948033FEB708F65A2FC44A36477663B851449048E16EC79BF7,
        ),
        "ECC_SECG_P256K1": _Curve(
            ec.SECP256K1(),
            0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141,
        ),
    }
)

_ED25519 = "ECC_NIST_EDWARDS25519"

_GENERATORS: dict[str, Callable[[], PrivateKeyTypes]] = {
    "RSA_2048": partial(rsa.generate_private_key, 65537, 2048),
    "RSA_3072": partial(rsa.generate_private_key, 65537, 3072),
    "RSA_4096": partial(rsa.generate_private_key, 65537, 4096),
    **{spec: partial(ec.generate_private_key, each.curve) for spec, each in _CURVES.items()},
    _ED25519: ed25519.Ed25519PrivateKey.generate,
}

try:
    from cryptography.hazmat.primitives.asymmetric import mldsa
except ImportError:  # the oldest releases we accept know nothing of FIPS 204
    pass
else:
    _GENERATORS["ML_DSA_44"] = mldsa.MLDSA44PrivateKey.generate
    _GENERATORS["ML_DSA_65"] = mldsa.MLDSA65PrivateKey.generate
    _GENERATORS["ML_DSA_87"] = mldsa.MLDSA87PrivateKey.generate


def generate_private_key(spec: str) -> bytes:
    """Return a fresh private key of an RSA, ECC or ML-DSA spec, as unencrypted PKCS#8 DER.

    Chance comes from the operating system, and an RSA key takes its time: up to seconds for 4096
    bits. Raises UnsupportedAlgorithm for other specs, and for those the library lacks.
    """
    if spec not in _GENERATORS:
        raise UnsupportedAlgorithm(spec)
    try:
        return _pkcs8(_GENERATORS[spec]())  # CORE K-107
    except exceptions.UnsupportedAlgorithm:
        raise UnsupportedAlgorithm(spec) from None  # CORE K-104: the OpenSSL underneath is older


def ec_private_key(spec: str, seed: bytes) -> bytes:
    """Return the one private key that belongs to `seed`, as PKCS#8 DER: same seed, same key.

    For repeatable runs. The key is as secret as the seed, which has at least 32 bytes (else
    ValueError) and may serve several specs: their keys are unrelated. Raises
    UnsupportedAlgorithm for specs other than the ECC ones.
    """
    if len(seed) < MIN_SEED_BYTES:
        raise ValueError(f"a seed has at least {MIN_SEED_BYTES} bytes")

    def expand(length: int) -> bytes:
        label = b"kmsgate/private-key/v1"
        return derive_key(seed, label=label, context=spec.encode(), length=length)

    if spec == _ED25519:
        return _pkcs8(ed25519.Ed25519PrivateKey.from_private_bytes(expand(32)))
    if spec not in _CURVES:
        raise UnsupportedAlgorithm(spec)
    curve, order = _CURVES[spec]
    # FIPS 186-5, A.2.1: with 64 bits more than the order has, the remainder is as good as uniform.
    extra = int.from_bytes(expand((order.bit_length() + 64 + 7) // 8), "big")
    return _pkcs8(ec.derive_private_key(1 + extra % (order - 1), curve))


def public_key(pkcs8: bytes) -> bytes:
    """Return the public half of a private key, as SubjectPublicKeyInfo DER.

    Raises ValueError when the bytes are no private key.
    """
    public = _private_key(pkcs8).public_key()
    return public.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _pkcs8(key: PrivateKeyTypes) -> bytes:
    return key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _private_key(pkcs8: bytes) -> PrivateKeyTypes:
    return serialization.load_der_private_key(pkcs8, password=None)


# --- RSA encryption ----------------------------------------------------------------------------

_OAEP_HASHES: Mapping[str, Callable[[], hashes.HashAlgorithm]] = MappingProxyType(
    {
        "RSAES_OAEP_SHA_1": hashes.SHA1,  # sound in OAEP, which needs no collision resistance
        "RSAES_OAEP_SHA_256": hashes.SHA256,
    }
)


def oaep_encrypt(spki: bytes, algorithm: str, plaintext: bytes) -> bytes:
    """Return the RSAES-OAEP ciphertext of `plaintext`, as long as the modulus.

    `spki` is an RSA public key in DER, else TypeError. Raises ValueError for a plaintext that does
    not fit, and UnsupportedAlgorithm.
    """
    key = serialization.load_der_public_key(spki)
    if not isinstance(key, rsa.RSAPublicKey):
        raise TypeError("RSAES-OAEP takes an RSA key")
    oaep = _oaep(algorithm)
    if len(plaintext) > key.key_size // 8 - 2 * oaep.algorithm.digest_size - 2:  # RFC 8017, 7.1.1
        raise ValueError("the plaintext is longer than key and algorithm permit")
    return key.encrypt(plaintext, oaep)


def oaep_decrypt(pkcs8: bytes, algorithm: str, ciphertext: bytes) -> bytes:
    """Return the plaintext of an RSAES-OAEP ciphertext, made here or anywhere else.

    A wrong length, padding, hash or key are one and the same Unauthentic: whoever can tell them
    apart can decrypt (Manger 2001). Raises TypeError for a key that is not RSA, and
    UnsupportedAlgorithm.
    """
    key = _private_key(pkcs8)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError("RSAES-OAEP takes an RSA key")
    oaep = _oaep(algorithm)
    try:
        return key.decrypt(ciphertext, oaep)
    except ValueError:
        raise Unauthentic from None


def _oaep(algorithm: str) -> padding.OAEP:
    if algorithm not in _OAEP_HASHES:
        raise UnsupportedAlgorithm(algorithm)
    hash_ = _OAEP_HASHES[algorithm]()
    return padding.OAEP(mgf=padding.MGF1(hash_), algorithm=hash_, label=None)  # CORE K-100
