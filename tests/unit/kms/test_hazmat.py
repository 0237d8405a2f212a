"""The room of sharp tools: what it promises, and how it refuses."""

from __future__ import annotations

import hashlib
from functools import partial

import pytest
from cryptography import exceptions
from cryptography.hazmat.primitives import hashes, keywrap, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from kms import hazmat

KEY = bytes(range(32))
NONCE = bytes(12)
SEED = b"a seed of at least thirty-two bytes"
ECC_SPECS = [
    "ECC_NIST_P256",
    "ECC_NIST_P384",
    "ECC_NIST_P521",
    "ECC_SECG_P256K1",
    "ECC_NIST_EDWARDS25519",
]
OAEP_ALGORITHMS = ["RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"]

# CORE K-17
SPKI_BYTES = {
    "ECC_NIST_P256": 91,
    "ECC_NIST_P384": 120,
    "ECC_NIST_P521": 158,
    "ECC_SECG_P256K1": 88,
    "ECC_NIST_EDWARDS25519": 44,
    "ML_DSA_44": 1334,
    "ML_DSA_65": 1974,
    "ML_DSA_87": 2614,
}


@pytest.fixture(scope="module")
def rsa_key() -> bytes:
    return hazmat.generate_private_key("RSA_2048")


# --- Derivation --------------------------------------------------------------------------------


def test_a_derived_key_depends_on_secret_label_context_and_length() -> None:
    derived = {
        hazmat.derive_key(KEY, label=b"a", context=b"b"),
        hazmat.derive_key(KEY[::-1], label=b"a", context=b"b"),
        hazmat.derive_key(KEY, label=b"ab", context=b""),
        hazmat.derive_key(KEY, label=b"", context=b"ab"),
        hazmat.derive_key(KEY, label=b"a", context=b"b", length=33)[:32],
    }

    assert len(derived) == 5


def test_a_label_that_blurs_the_border_to_the_context_is_refused() -> None:
    with pytest.raises(ValueError, match="zero byte"):
        hazmat.derive_key(KEY, label=b"a\x00b", context=b"")


# --- Authenticated encryption ------------------------------------------------------------------


def test_what_was_sealed_opens_with_the_same_key_nonce_and_data() -> None:
    sealed = hazmat.aead_seal(KEY, NONCE, b"plain", b"data")

    assert len(sealed) == len(b"plain") + hazmat.AEAD_TAG_BYTES
    assert hazmat.aead_open(KEY, NONCE, sealed, b"data") == b"plain"


@pytest.mark.parametrize(
    ("key", "nonce", "sealed", "data"),
    [
        (bytes(32), NONCE, None, b"data"),
        (KEY, b"another nonc", None, b"data"),
        (KEY, NONCE, None, b"Data"),
        (KEY, NONCE, b"", b"data"),
        (KEY, NONCE, bytes(hazmat.AEAD_TAG_BYTES - 1), b"data"),
        (KEY, NONCE, bytes(64), b"data"),
    ],
    ids=["key", "nonce", "data", "empty", "shorter than a tag", "made up"],
)
def test_anything_else_is_unauthentic_and_nothing_tells_why(
    key: bytes, nonce: bytes, sealed: bytes | None, data: bytes
) -> None:
    if sealed is None:
        sealed = hazmat.aead_seal(KEY, NONCE, b"plain", b"data")

    with pytest.raises(hazmat.Unauthentic) as caught:
        hazmat.aead_open(key, nonce, sealed, data)

    assert caught.value.args == ()
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(("key", "nonce"), [(KEY[:16], NONCE), (KEY, bytes(13)), (b"", b"")])
def test_keys_and_nonces_of_other_lengths_are_mistakes_of_the_caller(
    key: bytes, nonce: bytes
) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        hazmat.aead_seal(key, nonce, b"plain", b"")
    with pytest.raises(ValueError, match="32 bytes"):
        hazmat.aead_open(key, nonce, bytes(32), b"")


# --- MAC ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [224, 256, 384, 512])
def test_a_mac_is_a_full_digest_and_no_truncated_one(size: int) -> None:
    material = bytes(hazmat.MATERIAL_BYTES[f"HMAC_{size}"])

    assert len(hazmat.mac(material, b"", f"HMAC_SHA_{size}")) == size // 8  # CORE K-105


def test_every_material_has_the_length_of_its_spec() -> None:
    assert hazmat.MATERIAL_BYTES == {  # CORE 1.3
        "SYMMETRIC_DEFAULT": 32,
        "HMAC_224": 28,
        "HMAC_256": 32,
        "HMAC_384": 48,
        "HMAC_512": 64,
    }


def test_same_compares_content_and_length() -> None:
    assert hazmat.same(b"", b"")
    assert hazmat.same(KEY, bytes(range(32)))
    assert not hazmat.same(KEY, KEY[::-1])
    assert not hazmat.same(KEY, KEY[:31])


# --- Private keys ------------------------------------------------------------------------------


@pytest.mark.parametrize("spec", SPKI_BYTES)
def test_a_fresh_key_has_a_public_half_of_the_known_size(spec: str) -> None:
    if spec not in hazmat._GENERATORS:
        pytest.skip("the installed library has no ML-DSA")
    pkcs8 = hazmat.generate_private_key(spec)

    assert len(hazmat.public_key(pkcs8)) == SPKI_BYTES[spec]
    assert hazmat.generate_private_key(spec) != pkcs8


def test_a_fresh_rsa_key_has_the_common_exponent(rsa_key: bytes) -> None:
    public = serialization.load_der_public_key(hazmat.public_key(rsa_key))

    assert isinstance(public, rsa.RSAPublicKey)
    assert public.key_size == 2048
    assert public.public_numbers().e == 65537  # CORE K-107


def test_the_larger_rsa_specs_ask_for_the_sizes_in_their_names() -> None:
    for bits in (2048, 3072, 4096):  # looked up and not made: making them takes seconds
        generator = hazmat._GENERATORS[f"RSA_{bits}"]

        assert isinstance(generator, partial)
        assert generator.args == (65537, bits)


@pytest.mark.parametrize("spec", ["SYMMETRIC_DEFAULT", "SM2", "RSA_1024", "rsa_2048", ""])
def test_other_specs_have_no_private_key(spec: str) -> None:
    with pytest.raises(hazmat.UnsupportedAlgorithm, match=f"`{spec}` is not supported"):
        hazmat.generate_private_key(spec)


def test_a_spec_that_the_library_lacks_is_unsupported(monkeypatch: pytest.MonkeyPatch) -> None:
    def lacking() -> None:
        raise exceptions.UnsupportedAlgorithm("ML-DSA")

    monkeypatch.setitem(hazmat._GENERATORS, "ML_DSA_44", lacking)

    with pytest.raises(hazmat.UnsupportedAlgorithm):  # CORE K-104
        hazmat.generate_private_key("ML_DSA_44")


def test_bytes_that_are_no_private_key_have_no_public_half() -> None:
    with pytest.raises(ValueError, match="deserialize"):
        hazmat.public_key(b"no key at all")


# Own vectors, made by this project: the first 16 hex digits of SHA-256 over the public key that
# belongs to SEED. They change only when a seed no longer leads to the same keys, which would break
# every recorded run.
SEEDED = {
    "ECC_NIST_P256": "cc8b0aec9333ca1c",
    "ECC_NIST_P384": "3817a3c0ca10e54a",
    "ECC_NIST_P521": "de5a7c341cf878f5",
    "ECC_SECG_P256K1": "e0657c5c2a1eab4a",
    "ECC_NIST_EDWARDS25519": "10424cc6dc885dd2",
}


@pytest.mark.parametrize("spec", ECC_SPECS)
def test_the_same_seed_leads_to_the_same_key_for_ever(spec: str) -> None:
    pkcs8 = hazmat.ec_private_key(spec, SEED)

    assert pkcs8 == hazmat.ec_private_key(spec, SEED)
    assert hashlib.sha256(hazmat.public_key(pkcs8)).hexdigest()[:16] == SEEDED[spec]


@pytest.mark.parametrize("spec", ECC_SPECS)
def test_another_seed_leads_to_another_key(spec: str) -> None:
    assert hazmat.ec_private_key(spec, SEED) != hazmat.ec_private_key(spec, SEED + b"!")


def test_one_seed_gives_unrelated_keys_to_curves_of_one_size() -> None:
    scalars = set()
    for spec in ("ECC_NIST_P256", "ECC_SECG_P256K1"):
        key = serialization.load_der_private_key(hazmat.ec_private_key(spec, SEED), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        scalars.add(key.private_numbers().private_value)

    assert len(scalars) == 2


@pytest.mark.parametrize("spec", ECC_SPECS[:4])
def test_the_order_of_each_curve_is_right(spec: str) -> None:
    curve, order = hazmat._CURVES[spec]
    generator = ec.derive_private_key(1, curve).public_key().public_numbers()
    minus_generator = ec.derive_private_key(order - 1, curve).public_key().public_numbers()

    # The order is the least n for which (n - 1)·G is -G, the point that shares its x with G.
    assert minus_generator.x == generator.x
    assert minus_generator.y != generator.y


def test_a_short_seed_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 32 bytes"):
        hazmat.ec_private_key("ECC_NIST_P256", bytes(31))


@pytest.mark.parametrize("spec", ["RSA_2048", "ML_DSA_44", "SM2"])
def test_only_ecc_keys_come_from_a_seed(spec: str) -> None:
    with pytest.raises(hazmat.UnsupportedAlgorithm):
        hazmat.ec_private_key(spec, SEED)


# --- RSA encryption ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("algorithm", "limit"), [("RSAES_OAEP_SHA_1", 214), ("RSAES_OAEP_SHA_256", 190)]
)
def test_oaep_carries_as_much_as_key_and_hash_permit(
    rsa_key: bytes, algorithm: str, limit: int
) -> None:
    public = hazmat.public_key(rsa_key)

    ciphertext = hazmat.oaep_encrypt(public, algorithm, bytes(limit))

    assert len(ciphertext) == 256  # CORE K-100
    assert hazmat.oaep_decrypt(rsa_key, algorithm, ciphertext) == bytes(limit)
    with pytest.raises(ValueError, match="longer than key and algorithm permit"):
        hazmat.oaep_encrypt(public, algorithm, bytes(limit + 1))  # CORE K-64


@pytest.mark.parametrize("algorithm", OAEP_ALGORITHMS)
def test_oaep_opens_what_a_stranger_made_with_the_public_key(
    rsa_key: bytes, algorithm: str
) -> None:
    hash_ = {"RSAES_OAEP_SHA_1": hashes.SHA1, "RSAES_OAEP_SHA_256": hashes.SHA256}[algorithm]()
    public = serialization.load_der_public_key(hazmat.public_key(rsa_key))
    assert isinstance(public, rsa.RSAPublicKey)
    ciphertext = public.encrypt(b"plain", padding.OAEP(padding.MGF1(hash_), hash_, None))

    assert hazmat.oaep_decrypt(rsa_key, algorithm, ciphertext) == b"plain"  # CORE K-65.7


@pytest.mark.parametrize(
    "ciphertext",
    [b"", bytes(255), bytes(256), bytes(257), b"\xff" * 256],
    ids=["empty", "short", "zeros", "long", "not below the modulus"],
)
def test_every_failure_of_oaep_is_the_same(rsa_key: bytes, ciphertext: bytes) -> None:
    with pytest.raises(hazmat.Unauthentic) as caught:
        hazmat.oaep_decrypt(rsa_key, "RSAES_OAEP_SHA_256", ciphertext)  # CORE K-65.6

    assert caught.value.args == ()
    assert caught.value.__suppress_context__


def test_oaep_does_not_open_under_the_other_hash(rsa_key: bytes) -> None:
    ciphertext = hazmat.oaep_encrypt(hazmat.public_key(rsa_key), "RSAES_OAEP_SHA_1", b"plain")

    with pytest.raises(hazmat.Unauthentic):
        hazmat.oaep_decrypt(rsa_key, "RSAES_OAEP_SHA_256", ciphertext)


def test_oaep_takes_rsa_keys_only() -> None:
    pkcs8 = hazmat.ec_private_key("ECC_NIST_P256", SEED)

    with pytest.raises(TypeError, match="RSA key"):
        hazmat.oaep_encrypt(hazmat.public_key(pkcs8), "RSAES_OAEP_SHA_256", b"plain")
    with pytest.raises(TypeError, match="RSA key"):
        hazmat.oaep_decrypt(pkcs8, "RSAES_OAEP_SHA_256", bytes(256))


def test_unknown_algorithms_are_unsupported(rsa_key: bytes) -> None:
    with pytest.raises(hazmat.UnsupportedAlgorithm):
        hazmat.oaep_encrypt(hazmat.public_key(rsa_key), "RSAES_PKCS1_V1_5", b"plain")
    with pytest.raises(hazmat.UnsupportedAlgorithm):
        hazmat.oaep_decrypt(rsa_key, "RSAES_OAEP_SHA_512", bytes(256))
    with pytest.raises(hazmat.UnsupportedAlgorithm):
        hazmat.mac(KEY, b"data", "sha256")


# --- Imported material --------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 8, 9, 32, 1218])
def test_what_the_library_has_wrapped_unwraps(size: int) -> None:
    """CORE K-132, RFC 5649."""
    wrapped = keywrap.aes_key_wrap_with_padding(KEY, bytes(size))

    assert hazmat.kwp_unwrap(KEY, wrapped) == bytes(size)


WRAPPED = keywrap.aes_key_wrap_with_padding(KEY, b"material")


@pytest.mark.parametrize(
    ("key", "wrapped"),
    [
        (KEY[::-1], WRAPPED),
        (KEY[:16], keywrap.aes_key_wrap_with_padding(KEY[:16], b"material")),
        (b"", WRAPPED),
        *((KEY, wrong) for wrong in (b"", WRAPPED[:-1], WRAPPED[:-8], WRAPPED + bytes(8))),
        (KEY, bytes([WRAPPED[0] ^ 1]) + WRAPPED[1:]),
    ],
)
def test_what_does_not_unwrap_says_nothing_of_why(key: bytes, wrapped: bytes) -> None:
    """CORE K-132."""
    with pytest.raises(hazmat.Unauthentic) as caught:
        hazmat.kwp_unwrap(key, wrapped)

    assert caught.value.args == ()
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_an_rsa_key_knows_how_long_its_ciphertexts_are(rsa_key: bytes) -> None:
    assert hazmat.rsa_bytes(rsa_key) == 256
    with pytest.raises(TypeError, match="RSA key"):
        hazmat.rsa_bytes(hazmat.ec_private_key("ECC_NIST_P256", SEED))


@pytest.mark.parametrize("spec", [*ECC_SPECS, "RSA_2048", "ML_DSA_44", "ML_DSA_65", "ML_DSA_87"])
def test_a_private_key_from_outside_is_known_by_its_spec(spec: str, rsa_key: bytes) -> None:
    """CORE K-133."""
    if not hazmat.can_load(spec):
        pytest.skip("the library has no ML-DSA")
    pkcs8 = rsa_key if spec == "RSA_2048" else hazmat.generate_private_key(spec)

    assert hazmat.imported_private_key(pkcs8) == (spec, pkcs8)


def test_whether_a_spec_can_be_loaded_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """CORE K-104: the library may know the name, and OpenSSL underneath not the algorithm."""

    def fail() -> None:
        raise exceptions.UnsupportedAlgorithm("")

    monkeypatch.setitem(hazmat._GENERATORS, "ML_DSA_44", fail)
    monkeypatch.delitem(hazmat._GENERATORS, "ML_DSA_65", raising=False)

    assert not hazmat.can_load("ML_DSA_44")
    assert not hazmat.can_load("ML_DSA_65")
    assert all(hazmat.can_load(spec) for spec in (*ECC_SPECS, "RSA_4096", "SYMMETRIC_DEFAULT"))


def test_a_private_key_of_no_spec_is_none() -> None:
    """CORE K-133."""
    keys = [
        ec.generate_private_key(ec.SECP224R1()),
        rsa.generate_private_key(65537, 1024),  # noqa: S505
    ]

    assert [hazmat.imported_private_key(hazmat._pkcs8(key)) for key in keys] == [None, None]


def test_an_rsa_key_whose_numbers_do_not_belong_together_is_none(rsa_key: bytes) -> None:
    """CORE K-133: a key that we make is not checked again, one from outside is."""
    key = serialization.load_der_private_key(rsa_key, None)
    assert isinstance(key, rsa.RSAPrivateKey)
    at = rsa_key.index(key.private_numbers().d.to_bytes(256, "big").lstrip(b"\0"))
    wrong = rsa_key[: at + 100] + bytes([rsa_key[at + 100] ^ 1]) + rsa_key[at + 101 :]

    assert hazmat.imported_private_key(wrong) is None


@pytest.mark.parametrize(
    "octets", [b"", b"\x30", b"\x30\x05\x02\x01\x00\x30\x00", b"\x30\x82" + bytes(4000), SEED]
)
def test_what_is_no_private_key_is_none(octets: bytes) -> None:
    assert hazmat.imported_private_key(octets) is None
