"""The walled room of sharp tools: the only user of `cryptography`, and of PyNaCl where it is there.

It knows bytes and the names that travel on the wire (`RSA_2048`, `RSAES_OAEP_SHA_256`), and
nothing of keys, states or callers. What can hurt here:

- A nonce that comes twice under one AES-GCM key reveals plaintext and lets anyone forge.
- AES-GCM does not commit to its key: one ciphertext can be made to open under two keys, to two
  plaintexts. Where that matters, bind the key outside, as `kms.envelope` does.
- `==` on secrets takes a telling time; `same` does not.
- Python cannot wipe `bytes`. A secret stays in memory until it is collected, or longer.
- A private key is believed to be whole: checking an RSA key at each use would cost more than the
  use. Whoever lets one in from outside checks it there, once.
- Signatures (but for Ed25519) and encapsulations take their chance from the operating system.

No exception text holds key material, plaintext or ciphertext.                   # CORE K-109

    Unauthentic               a ciphertext that does not open, a signature that does not fit;
                              it never says why
    ValueError                an argument of the wrong length: a mistake of the caller
    └── UnsupportedAlgorithm  a name unknown to this room, or to the installed library
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from types import MappingProxyType, ModuleType
from typing import Any, NamedTuple, TypeAlias

from cryptography import exceptions
from cryptography.hazmat.primitives import hashes, keywrap, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

sodium: Any = None
try:  # an extra: the one library with Ed25519ph
    from nacl import bindings
    from nacl.exceptions import CryptoError
except ImportError:
    pass
else:
    sodium = bindings

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
    """A ciphertext or signature was not made with this key for these data, or was changed since."""


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
    # CORE K-95. The library's KBKDFHMAC gives the same, which tests see, but takes as long as all
    # the rest of an Encrypt's cryptography together.
    fixed = label + b"\0" + context + (8 * length).to_bytes(4, "big")
    blocks = (
        hmac.digest(secret, number.to_bytes(4, "big") + fixed, "sha256")
        for number in range(1, -(-length // 32) + 1)
    )
    return b"".join(blocks)[:length]


class Deriver:
    """Derives keys of 32 bytes from one secret as `derive_key` does, in half the time.

    Its repr shows nothing.
    """

    __slots__ = ("_keyed", "_label")

    def __init__(self, secret: bytes, label: bytes) -> None:
        """Raises ValueError for a label with a zero byte."""
        if 0 in label:
            raise ValueError("a label holds no zero byte")
        self._keyed = hmac.new(secret, digestmod="sha256")
        self._label = (1).to_bytes(4, "big") + label + b"\0"

    def derive(self, context: bytes) -> bytes:
        """Return the key for a context."""
        keyed = self._keyed.copy()
        keyed.update(self._label + context + (256).to_bytes(4, "big"))
        return keyed.digest()


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


def _add(family: str, module: ModuleType, sizes: tuple[int, ...]) -> tuple[type, ...]:
    """Add the generators that a module has; return its classes of private and public keys."""
    keys: tuple[type, ...] = ()
    for size in sizes:
        name = f"{family.replace('_', '')}{size}"
        private = getattr(module, f"{name}PrivateKey", None)
        if private is not None:
            _GENERATORS[f"{family}_{size}"] = private.generate
            keys += (private, getattr(module, f"{name}PublicKey"))
    return keys


try:
    from cryptography.hazmat.primitives.asymmetric import mldsa
except ImportError:  # the oldest releases we accept know nothing of FIPS 204
    _ML_DSA_KEYS: tuple[type, ...] = ()
else:
    _ML_DSA_KEYS = _add("ML_DSA", mldsa, (44, 65, 87))

try:
    from cryptography.hazmat.primitives.asymmetric import mlkem
except ImportError:  # nor of FIPS 203
    _ML_KEM_KEYS: tuple[type, ...] = ()
else:
    _ML_KEM_KEYS = _add("ML_KEM", mlkem, (512, 768, 1024))  # as yet without the smallest


def can_make(spec: str) -> bool:
    """Tell whether there is material for a spec: it is known here, and to the installed library."""
    return spec in MATERIAL_BYTES or spec in _GENERATORS


def generate_private_key(spec: str) -> bytes:
    """Return a fresh private key of any spec that has one, as unencrypted PKCS#8 DER.

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
    # The check of an RSA key takes up to 0.3 s, a signature 0.005 s.
    return serialization.load_der_private_key(
        pkcs8, password=None, unsafe_skip_rsa_key_validation=True
    )


def _public_key(spki: bytes) -> PublicKeyTypes:
    try:
        return serialization.load_der_public_key(spki)
    except (ValueError, exceptions.UnsupportedAlgorithm):
        raise ValueError("these bytes are no public key that can be read") from None


def _of_kind(kinds: tuple[type, ...], key: object, algorithm: str) -> Any:
    if not isinstance(key, kinds):
        raise TypeError(f"{algorithm} takes a key of another kind")
    return key


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
    not fit and for bytes that are no public key, and UnsupportedAlgorithm.
    """
    key = _public_key(spki)
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


# --- Signatures --------------------------------------------------------------------------------


class _Scheme(NamedTuple):
    """How to sign a message of one form and how to check that; both take keys of these types."""

    keys: tuple[type, ...]
    sign: Callable[[Any, bytes], bytes]
    verify: Callable[[Any, bytes, bytes], object]


_Taken: TypeAlias = hashes.HashAlgorithm | Prehashed


def _rsassa(scheme: padding.AsymmetricPadding, taken: _Taken) -> _Scheme:
    return _Scheme(
        (rsa.RSAPrivateKey, rsa.RSAPublicKey),
        lambda key, message: key.sign(message, scheme, taken),
        lambda key, signature, message: key.verify(signature, message, scheme, taken),
    )


def _ecdsa(taken: _Taken) -> _Scheme:
    return _Scheme(
        (ec.EllipticCurvePrivateKey, ec.EllipticCurvePublicKey),
        lambda key, message: key.sign(message, ec.ECDSA(taken)),
        lambda key, signature, message: key.verify(signature, message, ec.ECDSA(taken)),
    )


_ED25519_KEYS = (ed25519.Ed25519PrivateKey, ed25519.Ed25519PublicKey)


def _schemes() -> Iterator[tuple[tuple[str, str], _Scheme]]:
    """Yield what the installed libraries can do, under the names of algorithm and form."""
    for name, hash_ in (
        ("SHA_256", hashes.SHA256()),
        ("SHA_384", hashes.SHA384()),
        ("SHA_512", hashes.SHA512()),
    ):
        pss = padding.PSS(padding.MGF1(hash_), hash_.digest_size)  # CORE K-101
        forms: tuple[tuple[str, _Taken], ...] = (("RAW", hash_), ("DIGEST", Prehashed(hash_)))
        for form, taken in forms:
            yield (f"RSASSA_PKCS1_V1_5_{name}", form), _rsassa(padding.PKCS1v15(), taken)
            yield (f"RSASSA_PSS_{name}", form), _rsassa(pss, taken)
            yield (f"ECDSA_{name}", form), _ecdsa(taken)  # CORE K-102
    whole = (lambda key, m: key.sign(m), lambda key, s, m: key.verify(s, m))
    yield ("ED25519_SHA_512", "RAW"), _Scheme(_ED25519_KEYS, *whole)
    if sodium is not None:
        yield ("ED25519_PH_SHA_512", "DIGEST"), _Scheme(_ED25519_KEYS, _sign_ph, _verify_ph)
    if _ML_DSA_KEYS:
        yield ("ML_DSA_SHAKE_256", "RAW"), _Scheme(_ML_DSA_KEYS, *whole)
    if _ML_DSA_KEYS and hasattr(_ML_DSA_KEYS[0], "sign_mu"):  # not so in its first releases
        mu = (lambda key, m: key.sign_mu(m), lambda key, s, m: key.verify_mu(s, m))
        yield ("ML_DSA_SHAKE_256", "EXTERNAL_MU"), _Scheme(_ML_DSA_KEYS, *mu)  # CORE K-104


def _prehashed(message: bytes) -> Any:
    state = sodium.crypto_sign_ed25519ph_state()
    sodium.crypto_sign_ed25519ph_update(state, message)
    return state


def _sign_ph(key: ed25519.Ed25519PrivateKey, message: bytes) -> bytes:
    pair = key.private_bytes_raw() + key.public_key().public_bytes_raw()
    signature: bytes = sodium.crypto_sign_ed25519ph_final_create(_prehashed(message), pair)
    return signature


def _verify_ph(key: ed25519.Ed25519PublicKey, signature: bytes, message: bytes) -> None:
    state, public = _prehashed(message), key.public_bytes_raw()
    try:
        sodium.crypto_sign_ed25519ph_final_verify(state, signature, public)
    except CryptoError:  # also for a signature of another length
        raise exceptions.InvalidSignature from None


_SCHEMES: Mapping[tuple[str, str], _Scheme] = MappingProxyType(dict(_schemes()))


def _scheme(algorithm: str, form: str) -> _Scheme:
    try:
        return _SCHEMES[algorithm, form]
    except KeyError:
        raise UnsupportedAlgorithm(algorithm) from None


def sign(pkcs8: bytes, algorithm: str, form: str, message: bytes) -> bytes:
    """Return a signature of `message`, which is of this form: RAW, DIGEST or EXTERNAL_MU.

    ECDSA gives the DER of r and s; Ed25519ph hashes once more what it is given, as RFC 8032 says;
    ML-DSA has an empty context and is hedged. Raises TypeError for a key of another kind,
    ValueError for a digest or μ of a wrong length, and UnsupportedAlgorithm for a pair of
    algorithm and form that does not exist, or that no installed library has.
    """
    scheme = _scheme(algorithm, form)
    return scheme.sign(_of_kind(scheme.keys, _private_key(pkcs8), algorithm), message)


def verify(spki: bytes, algorithm: str, form: str, message: bytes, signature: bytes) -> None:
    """Return if the signature is one of `message` under this public key, else raise Unauthentic.

    Whatever the signature is, nothing else is raised and nothing tells why. The other arguments
    are as in `sign`, and so are the errors that they lead to.
    """
    scheme = _scheme(algorithm, form)
    key = _of_kind(scheme.keys, _public_key(spki), algorithm)
    try:
        scheme.verify(key, signature, message)
    except exceptions.InvalidSignature:
        raise Unauthentic from None


# --- Shared secrets ----------------------------------------------------------------------------


def agree(pkcs8: bytes, peer: bytes) -> bytes:
    """Return the secret that two ECDH keys share: the x-coordinate, as long as the field.

    No key derivation is applied. `peer` is a public key in DER. Raises ValueError unless it is a
    point on the curve of the private key, and TypeError for a private key without a curve.
    """
    key = _private_key(pkcs8)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError("ECDH takes a key on a curve")
    try:  # the library refuses points off the curve, and the one at infinity
        public = serialization.load_der_public_key(peer)
    except (ValueError, exceptions.UnsupportedAlgorithm):
        raise ValueError("the peer has sent no public key that can be read") from None
    if not isinstance(public, ec.EllipticCurvePublicKey) or public.curve.name != key.curve.name:
        raise ValueError("the peer's key is on another curve")
    return key.exchange(ec.ECDH(), public)  # CORE K-106


def encapsulate(spki: bytes) -> tuple[bytes, bytes]:
    """Return a new secret of 32 bytes, and its form that only the private key's owner can open.

    Raises TypeError unless the public key is one of ML-KEM.
    """
    key = _of_kind(_ML_KEM_KEYS, serialization.load_der_public_key(spki), "ML_KEM")
    secret, ciphertext = key.encapsulate()
    return secret, ciphertext


def decapsulate(pkcs8: bytes, ciphertext: bytes) -> bytes:
    """Return the secret of 32 bytes that `encapsulate` gave along with this ciphertext.

    Of a ciphertext that was changed, or made for another key, comes a secret that nobody else
    has (FIPS 203, implicit rejection). Raises Unauthentic for one of a wrong length, and
    TypeError unless the private key is one of ML-KEM.
    """
    key = _of_kind(_ML_KEM_KEYS, _private_key(pkcs8), "ML_KEM")
    try:
        secret: bytes = key.decapsulate(ciphertext)
    except ValueError:
        raise Unauthentic from None
    return secret


# --- Imported material --------------------------------------------------------------------------

WRAPPINGS: Mapping[str, str] = MappingProxyType(
    {
        "RSAES_OAEP_SHA_1": "RSAES_OAEP_SHA_1",
        "RSAES_OAEP_SHA_256": "RSAES_OAEP_SHA_256",
        "RSA_AES_KEY_WRAP_SHA_1": "RSAES_OAEP_SHA_1",
        "RSA_AES_KEY_WRAP_SHA_256": "RSAES_OAEP_SHA_256",
    }
)
"""The wrapping algorithms, each with the form of OAEP in it (CORE K-130); there are no others."""

IN_TWO_LAYERS = frozenset(name for name, oaep in WRAPPINGS.items() if name != oaep)
"""Those that wrap material of any size under an AES key, and only that key under the RSA key."""


def wrap(spki: bytes, algorithm: str, material: bytes, aes_key: bytes) -> bytes:
    """Return material as only the owner of a private RSA key gets it back, by `unwrap`.

    `aes_key` has 32 bytes, which nobody has used before, for the algorithms in two layers; others
    leave it alone. Raises as `oaep_encrypt` does, and ValueError for a key of another length and
    where there is nothing to wrap.
    """
    if algorithm not in WRAPPINGS:
        raise UnsupportedAlgorithm(algorithm)
    if not material:
        raise ValueError("there is nothing to wrap")
    if algorithm not in IN_TWO_LAYERS:
        return oaep_encrypt(spki, WRAPPINGS[algorithm], material)
    if len(aes_key) != AEAD_KEY_BYTES:
        raise ValueError("the AES key in between has 32 bytes")
    sealed_key = oaep_encrypt(spki, WRAPPINGS[algorithm], aes_key)
    return sealed_key + keywrap.aes_key_wrap_with_padding(aes_key, material)  # CORE K-132


def unwrap(pkcs8: bytes, algorithm: str, wrapped: bytes) -> bytes:
    """Return the material that was wrapped, here or anywhere else.

    Raises Unauthentic, whatever is wrong with `wrapped`; TypeError for a key that is not RSA, and
    UnsupportedAlgorithm.
    """
    if algorithm not in WRAPPINGS:
        raise UnsupportedAlgorithm(algorithm)
    if algorithm not in IN_TWO_LAYERS:
        return oaep_decrypt(pkcs8, WRAPPINGS[algorithm], wrapped)
    size = rsa_bytes(pkcs8)
    aes_key = oaep_decrypt(pkcs8, WRAPPINGS[algorithm], wrapped[:size])
    return kwp_unwrap(aes_key, wrapped[size:])


def kwp_unwrap(key: bytes, wrapped: bytes) -> bytes:
    """Return what AES Key Wrap with Padding (RFC 5649) has wrapped under a key of 32 bytes.

    Raises Unauthentic for anything that does not unwrap, a key of another length included: it
    comes out of a ciphertext, like the rest.
    """
    if len(key) != AEAD_KEY_BYTES:
        raise Unauthentic
    try:
        return keywrap.aes_key_unwrap_with_padding(key, wrapped)
    except keywrap.InvalidUnwrap:
        raise Unauthentic from None


def rsa_bytes(pkcs8: bytes) -> int:
    """Return how long the ciphertexts of an RSA key are; raises TypeError for another key."""
    key = _private_key(pkcs8)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError("only an RSA key has a modulus")
    return key.key_size // 8


def imported_private_key(pkcs8: bytes) -> tuple[str, bytes] | None:
    """Return the spec of a private key that came from outside, and the key as we would write it.

    The same key in another spelling of PKCS#8 is the same bytes here. None for what is no
    unencrypted PKCS#8 DER, and for keys of no spec of ours.
    """
    if not _PKCS8_START.match(pkcs8):  # the loader would read PKCS#1 and SEC 1 as well
        return None
    try:
        spec = _spec_of(_private_key(pkcs8))
        if spec not in _GENERATORS:  # before the check: that of a huge RSA key takes long
            return None
        return spec, _pkcs8(serialization.load_der_private_key(pkcs8, password=None))
    except (ValueError, TypeError, exceptions.UnsupportedAlgorithm):
        return None


# SEQUENCE, its length, the version 0 or 1, and the SEQUENCE that names the algorithm (RFC 5958).
_PKCS8_START = re.compile(rb"\x30(?:[\x00-\x7f]|\x81.|\x82..)\x02\x01[\x00\x01]\x30", re.DOTALL)


def _spec_of(key: PrivateKeyTypes) -> str:
    """Return the spec that a key would have; for sizes and curves unknown here it is no spec."""
    if isinstance(key, rsa.RSAPrivateKey):
        return f"RSA_{key.key_size}"
    if isinstance(key, ec.EllipticCurvePrivateKey):
        name = key.curve.name
        return next((spec for spec, each in _CURVES.items() if each.curve.name == name), name)
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return _ED25519
    # The classes of the lattices are missing from older releases, so their names must do.
    return re.sub(r"^ML([A-Z]{3})([0-9]+)PrivateKey$", r"ML_\1_\2", type(key).__name__)
