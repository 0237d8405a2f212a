"""DeriveSharedSecret (CORE K-73, K-106), Encapsulate and Decapsulate (the service model)."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from kms import Key, KeyOrigin, KeyUsage, hazmat
from kms.model import SPECS
from tests.kms_world import DISABLED, Json, World

AGREE = "DeriveSharedSecret"
CURVES: dict[str, tuple[ec.EllipticCurve, int]] = {
    "ECC_NIST_P256": (ec.SECP256R1(), 32),
    "ECC_NIST_P384": (ec.SECP384R1(), 48),
    "ECC_NIST_P521": (ec.SECP521R1(), 66),
}
every_curve = pytest.mark.parametrize("spec", CURVES)
SEED = bytes(range(1, 65))


def peer_of(spec: str) -> bytes:
    return hazmat.public_key(hazmat.ec_private_key(spec, SEED))


def request(key: Key, peer: bytes) -> Json:
    return {"KeyId": key.id, "KeyAgreementAlgorithm": "ECDH", "PublicKey": peer}


def bad_peer(spec: str) -> tuple[str, str]:
    return ("ValidationException", f"PublicKey is not valid for key spec {spec}.")


# DeriveSharedSecret


def test_three_curves_agree() -> None:
    """CORE 1.3."""
    assert set(CURVES) == {s for s, usages in SPECS.items() if KeyUsage.KEY_AGREEMENT in usages}


@every_curve
def test_a_stranger_finds_the_same_secret(world: World, spec: str) -> None:
    """CORE K-73, K-106: the raw x-coordinate, with nothing done to it."""
    curve, size = CURVES[spec]
    key, stranger = world.key(spec, KeyUsage.KEY_AGREEMENT), ec.generate_private_key(curve)
    sent = stranger.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    output = world.do(AGREE, **request(key, sent))
    secret = output.pop("SharedSecret")
    public = serialization.load_der_public_key(world.do("GetPublicKey", KeyId=key.id)["PublicKey"])

    assert output == {
        "KeyId": str(key.arn),
        "KeyAgreementAlgorithm": "ECDH",
        "KeyOrigin": "AWS_KMS",
    }
    assert isinstance(public, ec.EllipticCurvePublicKey)
    assert secret == stranger.exchange(ec.ECDH(), public)
    assert len(secret) == size


@every_curve
def test_two_keys_agree(world: World, spec: str) -> None:
    """CORE K-73."""
    made = [
        world.do("CreateKey", KeySpec=spec, KeyUsage="KEY_AGREEMENT")["KeyMetadata"]["KeyId"]
        for _ in range(3)
    ]
    publics = [world.do("GetPublicKey", KeyId=each)["PublicKey"] for each in made]

    def agreed(mine: int, theirs: int) -> bytes:
        asked = {"KeyId": made[mine], "PublicKey": publics[theirs], "KeyAgreementAlgorithm": "ECDH"}
        secret: bytes = world.do(AGREE, **asked)["SharedSecret"]
        return secret

    assert agreed(0, 1) == agreed(1, 0)
    assert len({agreed(0, 1), agreed(0, 2), agreed(1, 2)}) == 3


def test_an_imported_key_says_where_it_comes_from(world: World) -> None:
    """CORE K-73."""
    key = world.key("ECC_NIST_P256", KeyUsage.KEY_AGREEMENT, origin=KeyOrigin.EXTERNAL)

    assert world.do(AGREE, **request(key, peer_of(key.spec)))["KeyOrigin"] == "EXTERNAL"


@every_curve
@pytest.mark.parametrize("other", [spec for spec in SPECS if spec.startswith("ECC_")])
def test_both_keys_are_on_one_curve(world: World, spec: str, other: str) -> None:
    """CORE K-73, 13."""
    key = world.key(spec, KeyUsage.KEY_AGREEMENT)
    reply = world.ask(AGREE, **request(key, peer_of(other)))

    assert (reply.error is None) is (spec == other)
    if spec != other:
        assert world.told(AGREE, **request(key, peer_of(other))) == bad_peer(spec)


@pytest.mark.parametrize(
    "change",
    [
        lambda _: b"x",
        lambda _: b"\x30\x80" * 4096,
        lambda spki: spki[:-1],
        lambda spki: spki + b"x",
        lambda spki: spki[:-1] + bytes((spki[-1] ^ 1,)),
        lambda spki: spki[:27] + b"\xff" * (len(spki) - 27),
        lambda _: hazmat.ec_private_key("ECC_NIST_P256", SEED),
        # A structure with the point at infinity, which is one zero byte.
        lambda _: bytes.fromhex("3019301306072a8648ce3d020106082a8648ce3d03010703020000"),
    ],
    ids=[
        "text",
        "nested",
        "cut",
        "longer",
        "off the curve",
        "off the field",
        "private",
        "infinity",
    ],
)
def test_what_is_no_point_on_the_curve_is_refused(world: World, change: Any) -> None:
    """CORE K-73, 13."""
    key = world.key("ECC_NIST_P256", KeyUsage.KEY_AGREEMENT)
    asked = request(key, change(peer_of(key.spec)))

    assert world.told(AGREE, **asked) == bad_peer("ECC_NIST_P256")
    assert world.told(AGREE, **asked, DryRun=True) == bad_peer("ECC_NIST_P256")


def test_each_check_has_its_turn(world: World) -> None:
    """CORE K-63, K-75: the enclave, usage, state, then the peer's key."""
    signing = world.key("ECC_NIST_P256", KeyUsage.SIGN_VERIFY, DISABLED)
    off = world.key("ECC_NIST_P256", KeyUsage.KEY_AGREEMENT, DISABLED)
    enclave = {"Recipient": {"AttestationDocument": b"x" * 40}}

    assert world.told(AGREE, world.user("bob"), **request(off, b"x"), **enclave)[0] == (
        "AccessDeniedException"
    )
    assert world.told(AGREE, **request(signing, b"x"), **enclave) == (
        "UnsupportedOperationException",
        "Recipient is not supported by this endpoint.",
    )
    assert world.told(AGREE, **request(signing, b"x")) == (
        "InvalidKeyUsageException",
        f"{signing.arn} key usage is SIGN_VERIFY which is not valid for {AGREE}.",
    )
    assert world.told(AGREE, **request(off, b"x")) == (
        "DisabledException",
        f"{off.arn} is disabled.",
    )


@pytest.mark.parametrize("size", [0, 8193])
def test_a_peers_key_has_a_length_within_the_model_and_is_not_shown(
    world: World, size: int
) -> None:
    """CORE K-39."""
    key = world.key("ECC_NIST_P256", KeyUsage.KEY_AGREEMENT)
    code, message = world.told(AGREE, **request(key, b"p" * size))

    assert code == "ValidationException"
    assert str(message).startswith("1 validation error detected: Value at 'publicKey' failed")


def test_ecdh_is_the_only_algorithm(world: World) -> None:
    """CORE K-38, K-73."""
    key = world.key("ECC_NIST_P256", KeyUsage.KEY_AGREEMENT)
    asked = request(key, peer_of(key.spec)) | {"KeyAgreementAlgorithm": "X25519"}

    assert world.told(AGREE, **asked) == (
        "ValidationException",
        "1 validation error detected: Value 'X25519' at 'keyAgreementAlgorithm' failed to satisfy "
        "constraint: Member must satisfy enum value set: [ECDH]",
    )


# Encapsulate and Decapsulate

KEM_BYTES = {"ML_KEM_512": 768, "ML_KEM_768": 1088, "ML_KEM_1024": 1568}
every_kem = pytest.mark.parametrize("spec", [each for each in KEM_BYTES if hazmat.can_make(each)])
KEM = {"EncapsulationAlgorithm": "ML_KEM"}


@every_kem
def test_what_was_encapsulated_comes_out_again(world: World, spec: str) -> None:
    key = world.key(spec)
    output = world.do("Encapsulate", KeyId=key.id, **KEM)
    secret, blob = output.pop("SharedSecret"), output.pop("SharedSecretCiphertextBlob")

    assert output == {"KeyId": str(key.arn), **KEM}
    assert (len(secret), len(blob)) == (32, KEM_BYTES[spec])
    assert world.do("Decapsulate", KeyId=key.id, SharedSecretCiphertextBlob=blob, **KEM) == {
        "KeyId": str(key.arn),
        "SharedSecret": secret,
        **KEM,
    }


@every_kem
def test_a_stranger_encapsulates_with_the_public_key_and_decapsulates_with_the_private_one(
    world: World, spec: str
) -> None:
    key = world.key(spec)
    spki = world.do("GetPublicKey", KeyId=key.id)["PublicKey"]
    public: Any = serialization.load_der_public_key(spki)
    private: Any = serialization.load_der_private_key(key.current_material.secret, None)
    secret, blob = public.encapsulate()
    made = world.do("Encapsulate", KeyId=key.id, **KEM)

    opened = world.do("Decapsulate", KeyId=key.id, SharedSecretCiphertextBlob=blob, **KEM)
    assert opened["SharedSecret"] == secret
    assert private.decapsulate(made["SharedSecretCiphertextBlob"]) == made["SharedSecret"]


@every_kem
def test_only_a_wrong_length_is_told_all_else_gives_noise(world: World, spec: str) -> None:
    """Implicit rejection, as the service model's documentation of Decapsulate has it."""
    key = world.key(spec)
    made = world.do("Encapsulate", KeyId=key.id, **KEM)
    secret, blob = made["SharedSecret"], made["SharedSecretCiphertextBlob"]
    asked = {"KeyId": key.id, **KEM}

    changed = bytes((blob[0] ^ 1,)) + blob[1:]
    noise = world.do("Decapsulate", **asked, SharedSecretCiphertextBlob=changed)["SharedSecret"]
    assert len(noise) == 32
    assert noise != secret
    for wrong in (b"x", blob[:-1], blob + b"x", bytes(6144)):
        for dry in (False, True):
            told = world.told("Decapsulate", **asked, SharedSecretCiphertextBlob=wrong, DryRun=dry)
            assert told == ("InvalidCiphertextException", None)


@pytest.mark.parametrize("operation", ["Encapsulate", "Decapsulate"])
def test_usage_comes_before_state_also_here(world: World, operation: str) -> None:
    """CORE K-63."""
    signing, off = world.key("ML_DSA_44", state=DISABLED), world.key("ML_KEM_768", state=DISABLED)
    more = KEM | ({"SharedSecretCiphertextBlob": b"x"} if operation == "Decapsulate" else {})

    assert world.told(operation, KeyId=signing.id, **more) == (
        "InvalidKeyUsageException",
        f"{signing.arn} key usage is SIGN_VERIFY which is not valid for {operation}.",
    )
    assert world.told(operation, KeyId=off.id, **more) == (
        "DisabledException",
        f"{off.arn} is disabled.",
    )
    assert world.told(operation, world.user("bob"), KeyId=off.id, **more)[0] == (
        "AccessDeniedException"
    )
