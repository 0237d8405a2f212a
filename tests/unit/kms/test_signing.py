"""Sign and Verify (CORE K-63, K-71, K-101 to K-104)."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from kms import Key, KeyUsage, hazmat
from kms.model import SPECS
from tests.conformance.usages import FORMS, signs
from tests.kms_world import DISABLED, Json, World

MESSAGE = b"what is to be signed, in words"
SIGN_SPECS = tuple(spec for spec, usages in SPECS.items() if KeyUsage.SIGN_VERIFY in usages)
INVALID = ("KMSInvalidSignatureException", None)
UNSUPPORTED = ("UnsupportedOperationException", None)
Told = tuple[str, str | None]

# CORE K-17, and the modulus of RSA; DER of ECDSA has no fixed size.
SIGNATURE_BYTES = {
    "RSA_2048": 256,
    "RSA_3072": 384,
    "RSA_4096": 512,
    "ECC_NIST_EDWARDS25519": 64,
    "ML_DSA_44": 2420,
    "ML_DSA_65": 3309,
    "ML_DSA_87": 4627,
}


def incompatible(form: str, whom: str) -> Told:
    return ("ValidationException", f"Message type {form} is incompatible with {whom}.")


def wrong_length(algorithm: str) -> Told:
    return ("ValidationException", f"Digest is invalid length for algorithm {algorithm}.")


def wrong_algorithm(algorithm: str, spec: str) -> Told:
    return (
        "InvalidKeyUsageException",
        f"Algorithm {algorithm} is incompatible with key spec {spec}.",
    )


def digest(algorithm: str, message: bytes = MESSAGE) -> bytes:
    size = algorithm[-3:] if "SHAKE" not in algorithm else "512"
    return hashlib.new(f"sha{size}", message).digest()


def formed(algorithm: str, form: str, message: bytes = MESSAGE) -> bytes:
    """Return a message in a form; whatever has 64 bytes can be a representative μ."""
    return message if form == "RAW" else digest(algorithm, message)


def request(key: Key, algorithm: str, form: str | None = None, message: bytes = MESSAGE) -> Json:
    asked = {"KeyId": key.id, "SigningAlgorithm": algorithm, "Message": message}
    return asked if form is None else asked | {"MessageType": form}


def signature_of(world: World, asked: Json) -> bytes:
    signature: bytes = world.do("Sign", **asked)["Signature"]
    return signature


RIGHT = [
    pytest.param(spec, algorithm, form, id=f"{spec}-{algorithm}-{form}")
    for spec in SIGN_SPECS
    for algorithm in SPECS[spec][KeyUsage.SIGN_VERIFY]
    for form in FORMS
    if signs(spec, algorithm, form) == "ok"
]
"""What is signed; the rest of the table is in `conformance/core/usages.yaml`."""


def lacking(algorithm: str, form: str) -> bool:
    """Tell whether no installed library has what the service has (CORE K-103, K-104)."""
    return (algorithm, form) not in hazmat._SCHEMES


@pytest.mark.parametrize(("spec", "algorithm", "form"), RIGHT)
def test_a_signature_has_the_length_of_its_spec(
    world: World, spec: str, algorithm: str, form: str
) -> None:
    """CORE K-17, K-101; those of ECDSA vary with their DER."""
    if lacking(algorithm, form):
        pytest.skip(f"no installed library has {algorithm} with {form}")
    key = world.key(spec, KeyUsage.SIGN_VERIFY)
    signature = signature_of(world, request(key, algorithm, form, formed(algorithm, form)))

    assert len(signature) == SIGNATURE_BYTES.get(spec, len(signature))


@pytest.mark.parametrize(("spec", "algorithm", "form"), RIGHT)
def test_a_signature_that_does_not_fit_is_an_error_that_never_tells_why(
    world: World, spec: str, algorithm: str, form: str
) -> None:
    """CORE K-71: a mismatch, a malformed encoding, a wrong length."""
    if lacking(algorithm, form):
        pytest.skip(f"no installed library has {algorithm} with {form}")
    key = world.key(spec, KeyUsage.SIGN_VERIFY)
    asked = request(key, algorithm, form, formed(algorithm, form))
    right = signature_of(world, asked)
    other = request(key, algorithm, form, formed(algorithm, form, b"another message"))

    assert world.told("Verify", **other, Signature=right) == INVALID
    flipped = right[:-1] + bytes((right[-1] ^ 1,))
    for wrong in (b"x", right[:-1], right + b"x", bytes(len(right)), bytes(6144), flipped):
        assert world.told("Verify", **asked, Signature=wrong) == INVALID
    assert world.ask("Verify", **asked, Signature=right).error is None


# Lengths (CORE K-71)

DIGESTS = [
    pytest.param(*p.values, id=p.id)
    for p in RIGHT
    if p.values[2] != "RAW" and not str(p.values[0]).startswith(("RSA_3", "RSA_4"))
]


@pytest.mark.parametrize("operation", ["Sign", "Verify"])
@pytest.mark.parametrize(("spec", "algorithm", "form"), DIGESTS)
def test_a_digest_has_the_length_of_its_algorithm(
    world: World, operation: str, spec: str, algorithm: str, form: str
) -> None:
    """CORE K-71, 13, Appendix B: also where no installed library could sign it."""
    key = world.key(spec, KeyUsage.SIGN_VERIFY)
    size = {"256": 32, "384": 48, "512": 64}[algorithm[-3:]] if form == "DIGEST" else 64
    more: Json = {"Signature": b"x"} if operation == "Verify" else {}

    for wrong in {1, 20, 31, size - 1, size + 1, 2 * size, 4096} - {size}:
        asked = request(key, algorithm, form, bytes(wrong))
        assert world.told(operation, **asked, **more) == wrong_length(algorithm)
    told = world.ask(operation, **request(key, algorithm, form, bytes(size)), **more).error
    assert told is None or told.message is None


@pytest.mark.parametrize("size", [1, 31, 64, 65])
def test_a_form_that_an_algorithm_does_not_have_has_no_length(world: World, size: int) -> None:
    """CORE K-71."""
    ed25519_key, ml_dsa = world.key("ECC_NIST_EDWARDS25519"), world.key("ML_DSA_44")

    assert world.told(
        "Sign", **request(ed25519_key, "ED25519_SHA_512", "DIGEST", bytes(size))
    ) == incompatible("DIGEST", "algorithm ED25519_SHA_512")
    assert world.told(
        "Sign", **request(ml_dsa, "ML_DSA_SHAKE_256", "DIGEST", bytes(size))
    ) == incompatible("DIGEST", "key spec ML_DSA_44")


@pytest.mark.parametrize(
    ("size", "constraint"),
    [(0, "greater than or equal to 1"), (4097, "less than or equal to 4096")],
)
def test_a_message_has_a_length_within_the_model_and_is_not_shown(
    world: World, size: int, constraint: str
) -> None:
    """CORE K-39, 13: at least one byte."""
    asked = request(world.key_for("Sign"), "ECDSA_SHA_256", message=bytes(size))

    assert world.told("Sign", **asked) == (
        "ValidationException",
        "1 validation error detected: Value at 'message' failed to satisfy constraint: "
        f"Member must have length {constraint}",
    )


@pytest.mark.parametrize("spec", ["RSA_2048", "ECC_NIST_P521", "ECC_NIST_EDWARDS25519"])
@pytest.mark.parametrize("size", [1, 4096])
def test_the_shortest_and_the_longest_message_can_be_signed(
    world: World, spec: str, size: int
) -> None:
    """CORE 1.3."""
    key = world.key(spec, KeyUsage.SIGN_VERIFY)
    asked = request(key, key.algorithms[0], message=b"m" * size)

    assert world.do("Verify", **asked, Signature=signature_of(world, asked))["SignatureValid"]


# The order of checks (CORE K-63)


@pytest.mark.parametrize("operation", ["Sign", "Verify"])
def test_each_check_has_its_turn(world: World, operation: str) -> None:
    """CORE K-63: usage, state, algorithm, form and length, cryptography."""
    more: Json = {"Signature": b"x"} if operation == "Verify" else {}

    def told(key: Key, **changed: Any) -> Told:
        asked = request(key, "ECDSA_SHA_384", "EXTERNAL_MU", b"short") | more | changed
        return world.told(operation, **asked)

    off, on = world.key("RSA_2048", state=DISABLED), world.key("ECC_NIST_P256")
    assert told(off) == (
        "InvalidKeyUsageException",
        f"{off.arn} key usage is ENCRYPT_DECRYPT which is not valid for {operation}.",
    )
    off = world.key("ECC_NIST_P256", state=DISABLED)
    assert told(off) == ("DisabledException", f"{off.arn} is disabled.")
    assert told(on) == wrong_algorithm("ECDSA_SHA_384", "ECC_NIST_P256")  # Appendix B
    assert told(on, SigningAlgorithm="ECDSA_SHA_256") == incompatible(
        "EXTERNAL_MU", "key spec ECC_NIST_P256"
    )
    assert told(on, SigningAlgorithm="ECDSA_SHA_256", MessageType="DIGEST") == wrong_length(
        "ECDSA_SHA_256"
    )
    if operation == "Verify":
        assert told(on, SigningAlgorithm="ECDSA_SHA_256", MessageType="RAW") == INVALID


def test_a_message_is_raw_unless_told_otherwise(world: World) -> None:
    """CORE K-71."""
    key = world.key_for("Sign")
    signature = signature_of(world, request(key, "ECDSA_SHA_256"))

    assert world.do("Verify", **request(key, "ECDSA_SHA_256", "RAW"), Signature=signature)


def test_a_dry_run_of_verify_looks_at_the_signature(world: World) -> None:
    """CORE K-46."""
    key = world.key_for("Verify")
    asked = request(key, "ECDSA_SHA_256")
    right = signature_of(world, asked)

    assert world.told("Verify", **asked, Signature=b"x", DryRun=True) == INVALID
    assert world.told("Verify", **asked, Signature=right, DryRun=True)[0] == (
        "DryRunOperationException"
    )


@pytest.mark.parametrize(("algorithm", "form"), [("ML_DSA_SHAKE_256", "EXTERNAL_MU")])
@pytest.mark.parametrize("operation", ["Sign", "Verify"])
def test_what_no_installed_library_has_is_not_supported_and_nothing_else_is(
    world: World, monkeypatch: pytest.MonkeyPatch, operation: str, algorithm: str, form: str
) -> None:
    """CORE K-103, K-104: the list in the key's metadata stays."""
    key = world.key("ML_DSA_44")
    more: Json = {"Signature": b"x"} if operation == "Verify" else {}
    left = {each: s for each, s in hazmat._SCHEMES.items() if each != (algorithm, form)}
    monkeypatch.setattr(hazmat, "_SCHEMES", left)

    assert world.told(operation, **request(key, algorithm, form, bytes(64)), **more) == UNSUPPORTED
    assert signature_of(world, request(key, algorithm, "RAW"))
    metadata = world.do("DescribeKey", KeyId=key.id)["KeyMetadata"]
    assert metadata["SigningAlgorithms"] == [algorithm]


# Others check what is signed here, and here is checked what others sign (CORE K-101 to K-104)

PREHASHED = [p for p in RIGHT if "SHA_" in str(p.values[1]) and "ED25519" not in str(p.values[1])]


def hash_of(algorithm: str) -> hashes.HashAlgorithm:
    return {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}[algorithm[-3:]]


def stranger_signs(private: Any, algorithm: str, form: str, message: bytes) -> bytes:
    """Sign with the library used directly."""
    if isinstance(private, ed25519.Ed25519PrivateKey):
        return private.sign(message)
    if algorithm.startswith("ML_DSA"):
        signature: bytes = private.sign(message) if form == "RAW" else private.sign_mu(message)
        return signature
    hash_ = hash_of(algorithm)
    taken = hash_ if form == "RAW" else Prehashed(hash_)
    if isinstance(private, ec.EllipticCurvePrivateKey):
        return private.sign(message, ec.ECDSA(taken))
    assert isinstance(private, rsa.RSAPrivateKey)
    return private.sign(message, rsa_padding(algorithm), taken)


def stranger_verifies(public: Any, algorithm: str, form: str, message: bytes, s: bytes) -> None:
    """Verify with the library used directly; raises InvalidSignature."""
    if isinstance(public, ed25519.Ed25519PublicKey):
        public.verify(s, message)
    elif algorithm.startswith("ML_DSA"):
        (public.verify if form == "RAW" else public.verify_mu)(s, message)
    else:
        hash_ = hash_of(algorithm)
        taken = hash_ if form == "RAW" else Prehashed(hash_)
        if isinstance(public, ec.EllipticCurvePublicKey):
            public.verify(s, message, ec.ECDSA(taken))
        else:
            assert isinstance(public, rsa.RSAPublicKey)
            public.verify(s, message, rsa_padding(algorithm), taken)


def rsa_padding(algorithm: str) -> padding.AsymmetricPadding:
    if "PKCS1" in algorithm:
        return padding.PKCS1v15()
    hash_ = hash_of(algorithm)
    return padding.PSS(padding.MGF1(hash_), salt_length=hash_.digest_size)


OUTSIDE = [p for p in RIGHT if p.values[1] != "ED25519_PH_SHA_512"]


@pytest.mark.parametrize(("spec", "algorithm", "form"), OUTSIDE)
def test_a_stranger_verifies_with_the_public_key_and_signs_with_the_private_one(
    world: World, spec: str, algorithm: str, form: str
) -> None:
    """CORE K-71, K-101, K-102."""
    if lacking(algorithm, form):
        pytest.skip(f"no installed library has {algorithm} with {form}")
    key = world.key(spec, KeyUsage.SIGN_VERIFY)
    message = formed(algorithm, form)
    asked = request(key, algorithm, form, message)
    public = serialization.load_der_public_key(world.do("GetPublicKey", KeyId=key.id)["PublicKey"])
    private = serialization.load_der_private_key(
        key.current_material.secret, None, unsafe_skip_rsa_key_validation=True
    )

    stranger_verifies(public, algorithm, form, message, signature_of(world, asked))
    with pytest.raises(InvalidSignature):
        stranger_verifies(public, algorithm, form, message[::-1], signature_of(world, asked))
    signature = stranger_signs(private, algorithm, form, message)
    assert world.do("Verify", **asked, Signature=signature)["SignatureValid"] is True


@pytest.mark.parametrize(
    ("spec", "algorithm"), sorted({(p.values[0], p.values[1]) for p in PREHASHED}, key=str)
)
def test_a_message_and_its_digest_have_the_same_signatures(
    world: World, spec: str, algorithm: str
) -> None:
    """CORE K-71: both ways."""
    key = world.key(spec, KeyUsage.SIGN_VERIFY)
    raw = request(key, algorithm, "RAW")
    hashed = request(key, algorithm, "DIGEST", digest(algorithm))

    assert world.do("Verify", **hashed, Signature=signature_of(world, raw))["SignatureValid"]
    assert world.do("Verify", **raw, Signature=signature_of(world, hashed))["SignatureValid"]
    twice = request(key, algorithm, "RAW", digest(algorithm))
    assert world.told("Verify", **twice, Signature=signature_of(world, raw)) == INVALID


@pytest.mark.parametrize("spec", ["ML_DSA_44", "ML_DSA_65", "ML_DSA_87"])
def test_a_message_and_its_representative_have_the_same_signatures(world: World, spec: str) -> None:
    """CORE K-104; FIPS 204, 6.2: μ = SHAKE256(SHAKE256(pk, 64) ‖ 0 ‖ 0 ‖ M, 64)."""
    if lacking("ML_DSA_SHAKE_256", "EXTERNAL_MU"):
        pytest.skip("the installed library has no external μ")
    key = world.key(spec)
    spki = world.do("GetPublicKey", KeyId=key.id)["PublicKey"]
    public: Any = serialization.load_der_public_key(spki)
    tr = hashlib.shake_256(public.public_bytes_raw()).digest(64)
    mu = hashlib.shake_256(tr + b"\x00\x00" + MESSAGE).digest(64)
    raw = request(key, "ML_DSA_SHAKE_256", "RAW")
    outside = request(key, "ML_DSA_SHAKE_256", "EXTERNAL_MU", mu)

    assert world.do("Verify", **outside, Signature=signature_of(world, raw))["SignatureValid"]
    assert world.do("Verify", **raw, Signature=signature_of(world, outside))["SignatureValid"]


def test_the_two_kinds_of_ed25519_do_not_take_each_others_signatures(world: World) -> None:
    """CORE K-103."""
    key, hashed = world.key("ECC_NIST_EDWARDS25519"), digest("ED25519_PH_SHA_512")
    pure = request(key, "ED25519_SHA_512", "RAW", hashed)
    prehashed = request(key, "ED25519_PH_SHA_512", "DIGEST", hashed)
    told = world.told("Verify", **prehashed, Signature=signature_of(world, pure))

    if lacking("ED25519_PH_SHA_512", "DIGEST"):
        assert told == world.told("Sign", **prehashed) == UNSUPPORTED
    else:
        assert told == INVALID
        assert world.told("Verify", **pure, Signature=signature_of(world, prehashed)) == INVALID


@pytest.mark.parametrize("spec", ["ECC_NIST_P256", "ML_DSA_44", "ECC_NIST_EDWARDS25519"])
def test_another_key_does_not_verify(world: World, spec: str) -> None:
    key = world.key(spec)
    made = world.do("CreateKey", KeySpec=spec, KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
    asked = request(key, key.algorithms[0])
    signature = signature_of(world, asked)

    assert world.told("Verify", **asked | {"KeyId": made}, Signature=signature) == INVALID
