"""Clocks and randomness, real and fixed."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest

from kms import FixedClock, SeededEntropy, SystemClock, SystemEntropy, hazmat
from kms.hazmat import MATERIAL_BYTES, UnsupportedAlgorithm
from kms.runtime import Entropy
from tests.kms_world import START

SOURCES = [
    pytest.param(SystemEntropy(), id="system"),
    pytest.param(SeededEntropy(5), id="seeded"),
]


# Clocks


def test_the_system_clock_tells_utc_to_the_millisecond() -> None:
    """CORE K-1, K-57.8."""
    before = dt.datetime.now(dt.UTC) - dt.timedelta(milliseconds=1)
    now = SystemClock().now()

    assert now.utcoffset() == dt.timedelta(0)
    assert now.microsecond % 1000 == 0
    assert before <= now <= dt.datetime.now(dt.UTC)


def test_a_fixed_clock_stands_until_it_is_moved() -> None:
    clock = FixedClock(START)

    assert (clock.now(), clock.now()) == (START, START)
    clock.advance(dt.timedelta(days=7))
    assert clock.now() == START + dt.timedelta(days=7)
    clock.move_to(START + dt.timedelta(days=8))
    assert clock.now() == START + dt.timedelta(days=8)


def test_a_clock_may_be_moved_to_where_it_stands() -> None:
    clock = FixedClock(START)
    clock.move_to(START)
    clock.advance(dt.timedelta(0))

    assert clock.now() == START


@pytest.mark.parametrize("by", [dt.timedelta(microseconds=-1), dt.timedelta(days=-1)])
def test_a_clock_cannot_be_moved_back(by: dt.timedelta) -> None:
    clock = FixedClock(START)

    with pytest.raises(ValueError, match="cannot be moved back"):
        clock.advance(by)

    assert clock.now() == START


# Entropy


@pytest.mark.parametrize("entropy", SOURCES)
@pytest.mark.parametrize("size", [0, 1, 16, 31, 32, 33, 1024])
def test_as_many_bytes_come_as_were_asked_for(entropy: Entropy, size: int) -> None:
    assert len(entropy.random_bytes(size)) == size


@pytest.mark.parametrize("entropy", SOURCES)
def test_bytes_and_ids_never_come_twice(entropy: Entropy) -> None:
    assert len({entropy.random_bytes(16) for _ in range(200)}) == 200
    assert len({entropy.uuid() for _ in range(200)}) == 200


@pytest.mark.parametrize("entropy", SOURCES)
def test_ids_are_random_uuids_in_lower_case(entropy: Entropy) -> None:
    """CORE K-5."""
    text = entropy.uuid()

    assert text == text.lower() == str(uuid.UUID(text))
    assert uuid.UUID(text).version == 4


@pytest.mark.parametrize("entropy", SOURCES)
@pytest.mark.parametrize("spec", MATERIAL_BYTES)
def test_plain_material_has_the_size_of_its_spec(entropy: Entropy, spec: str) -> None:
    """CORE 1.3."""
    assert len(entropy.material(spec)) == MATERIAL_BYTES[spec]


# CORE K-17
SPKI_SIZES = {
    "ECC_NIST_P256": 91,
    "ECC_NIST_P384": 120,
    "ECC_NIST_P521": 158,
    "ECC_SECG_P256K1": 88,
    "ECC_NIST_EDWARDS25519": 44,
}


@pytest.mark.parametrize("entropy", SOURCES)
@pytest.mark.parametrize("spec", SPKI_SIZES)
def test_curve_material_is_a_private_key_of_its_curve(entropy: Entropy, spec: str) -> None:
    """CORE K-17."""
    first, second = entropy.material(spec), entropy.material(spec)

    assert first != second
    assert len(hazmat.public_key(first)) == SPKI_SIZES[spec]


@pytest.mark.parametrize("entropy", SOURCES)
def test_rsa_material_is_an_rsa_key_of_its_size(entropy: Entropy) -> None:
    public = hazmat.public_key(entropy.material("RSA_2048"))

    assert len(hazmat.oaep_encrypt(public, "RSAES_OAEP_SHA_256", b"x")) == 2048 // 8


@pytest.mark.parametrize("entropy", SOURCES)
@pytest.mark.parametrize("spec", ["SM2", "AES_256", "", "ECC_NIST_P224"])
def test_no_material_is_made_for_an_unknown_spec(entropy: Entropy, spec: str) -> None:
    with pytest.raises(UnsupportedAlgorithm):
        entropy.material(spec)


# Seeds


def everything(entropy: SeededEntropy) -> list[object]:
    specs = ("SYMMETRIC_DEFAULT", "HMAC_512", *SPKI_SIZES)
    return [entropy.random_bytes(40), entropy.uuid(), *(entropy.material(s) for s in specs)]


def test_the_same_seed_gives_the_same_in_the_same_order() -> None:
    """CORE K-2."""
    assert everything(SeededEntropy(7)) == everything(SeededEntropy(7))


def test_another_seed_gives_something_else() -> None:
    first, second = everything(SeededEntropy(7)), everything(SeededEntropy(8))

    assert all(a != b for a, b in zip(first, second, strict=True))


def test_long_requests_are_not_made_of_repeated_parts() -> None:
    text = SeededEntropy(7).random_bytes(32 * 64)

    assert len({text[i : i + 32] for i in range(0, len(text), 32)}) == 64


def test_the_system_has_no_seed() -> None:
    assert SystemEntropy().random_bytes(16) != SystemEntropy().random_bytes(16)
