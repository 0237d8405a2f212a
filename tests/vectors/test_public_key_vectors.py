"""Vectors that others published: signatures, key agreement, and the post-quantum algorithms.

They lie in `public_key.json`, each with its origin. Those of NIST, of RFC 6979 and of the project
post-quantum-cryptography/KAT can also be found in the package `cryptography-vectors`.
"""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from kms import hazmat

VECTORS = json.loads((Path(__file__).parent / "public_key.json").read_text(encoding="utf-8"))
SIGNATURES, AGREEMENTS = VECTORS["signatures"], VECTORS["agreements"]


def each(name: str, vectors: list[dict[str, Any]]) -> pytest.MarkDecorator:
    """Return a mark that runs a test on every vector, under the name of its origin."""
    return pytest.mark.parametrize(name, vectors, ids=[vector["origin"] for vector in vectors])


def skip_without(algorithm: str, form: str) -> None:
    if (algorithm, form) not in hazmat._SCHEMES:
        pytest.skip(f"no installed library has {algorithm} with {form}")


@each("vector", SIGNATURES)
def test_a_signature_fits_where_its_authors_say_so(vector: dict[str, Any]) -> None:
    """CORE K-101 to K-103."""
    algorithm, form = vector["algorithm"], vector["form"]
    skip_without(algorithm, form)
    public, message, signature = (
        bytes.fromhex(vector[part]) for part in ("public", "message", "signature")
    )

    if vector["fits"]:
        hazmat.verify(public, algorithm, form, message, signature)
    else:
        with pytest.raises(hazmat.Unauthentic):
            hazmat.verify(public, algorithm, form, message, signature)


def test_every_algorithm_has_a_vector() -> None:
    """ML-DSA has vectors of its own, and PSS with the longer hashes differs in the hash alone."""
    fitting = {vector["algorithm"] for vector in SIGNATURES if vector["fits"]}
    wanted = {algorithm for algorithm, _ in hazmat._SCHEMES} | {"ED25519_PH_SHA_512"}

    assert wanted - fitting <= {"RSASSA_PSS_SHA_384", "RSASSA_PSS_SHA_512", "ML_DSA_SHAKE_256"}


HASHED = [v for v in SIGNATURES if v["fits"] and (v["algorithm"], "DIGEST") in hazmat._SCHEMES]


@each("vector", [v for v in HASHED if v["form"] == "RAW"])
def test_a_signature_fits_the_digest_of_its_message_too(vector: dict[str, Any]) -> None:
    """CORE K-71."""
    algorithm, message = vector["algorithm"], bytes.fromhex(vector["message"])
    digest = hashlib.new(f"sha{algorithm[-3:]}", message).digest()
    public, signature = bytes.fromhex(vector["public"]), bytes.fromhex(vector["signature"])

    hazmat.verify(public, algorithm, "DIGEST", digest, signature)


@each("vector", AGREEMENTS)
def test_a_secret_is_the_one_of_nist_and_bad_keys_give_none(vector: dict[str, Any]) -> None:
    """CORE K-73, K-106."""
    private, peer = bytes.fromhex(vector["private"]), bytes.fromhex(vector["peer"])

    if vector["secret"] is not None:
        assert hazmat.agree(private, peer).hex() == vector["secret"]
    else:
        with pytest.raises(ValueError, match="the peer"):
            hazmat.agree(private, peer)


@each("vector", VECTORS["ml_dsa"])
def test_ml_dsa_verifies_the_representative_of_a_message_with_a_context(
    vector: dict[str, Any],
) -> None:
    """CORE K-104; FIPS 204, algorithms 2 and 7: the context goes into μ, which is made outside."""
    skip_without("ML_DSA_SHAKE_256", "EXTERNAL_MU")
    public = hazmat.public_key(bytes.fromhex(vector["private"]))
    message, context = bytes.fromhex(vector["message"]), bytes.fromhex(vector["context"])
    key: Any = serialization.load_der_public_key(public)
    tr = hashlib.shake_256(key.public_bytes_raw()).digest(64)
    formatted = b"\x00" + bytes((len(context),)) + context + message
    mu = hashlib.shake_256(tr + formatted).digest(64)
    signature = base64.b64decode(vector["signature"])

    hazmat.verify(public, "ML_DSA_SHAKE_256", "EXTERNAL_MU", mu, signature)
    with pytest.raises(hazmat.Unauthentic):  # KMS signs with an empty context
        hazmat.verify(public, "ML_DSA_SHAKE_256", "RAW", message, signature)


@each("vector", VECTORS["ml_kem"])
def test_ml_kem_gives_the_secret_of_a_ciphertext_and_the_noise_of_a_changed_one(
    vector: dict[str, Any],
) -> None:
    """FIPS 203, algorithm 18."""
    private = bytes.fromhex(vector["private"])
    if not hazmat._ML_KEM_KEYS:
        pytest.skip("the installed library has no ML-KEM")

    for ciphertext, secret in (("ciphertext", "secret"), ("changed", "noise")):
        given = base64.b64decode(vector[ciphertext])
        assert hazmat.decapsulate(private, given).hex() == vector[secret]


RFC_8032 = {
    "RFC 8032, 7.1, TEST 1": "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
    "RFC 8032, 7.1, TEST 2": "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
    "RFC 8032, 7.1, TEST 3": "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
    "RFC 8032, 7.3, TEST abc": "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
}


@each("vector", [v for v in SIGNATURES if v["origin"].startswith("RFC 8032")])
def test_an_rfc_8032_key_makes_the_signature_of_the_rfc(vector: dict[str, Any]) -> None:
    """CORE K-103: Ed25519 leaves nothing to chance."""
    skip_without(vector["algorithm"], vector["form"])
    head = bytes.fromhex("302e020100300506032b657004220420")
    seed = bytes.fromhex(RFC_8032[vector["origin"]])
    message = bytes.fromhex(vector["message"])

    assert hazmat.public_key(head + seed).hex() == vector["public"]
    made = hazmat.sign(head + seed, vector["algorithm"], vector["form"], message)
    assert made.hex() == vector["signature"]
