"""GenerateMac and VerifyMac (CORE K-63, K-72, K-105)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable

import pytest

from kms import Key, hazmat
from tests.kms_world import DISABLED, Json, World

MESSAGE = b"what is to be vouched for"
SPECS = ("HMAC_224", "HMAC_256", "HMAC_384", "HMAC_512")
BOTH = pytest.mark.parametrize("operation", ["GenerateMac", "VerifyMac"])
INVALID = ("KMSInvalidMacException", None)


def request(key: Key, algorithm: str | None = None, message: bytes = MESSAGE) -> Json:
    return {"KeyId": key.id, "Message": message, "MacAlgorithm": algorithm or key.algorithms[0]}


def independent(key: Key, message: bytes = MESSAGE) -> bytes:
    """Return the HMAC as RFC 2104 writes it down, with nothing but a hash."""
    name = f"sha{key.spec[-3:]}"
    block = hashlib.new(name).block_size
    padded = key.current_material.secret.ljust(block, b"\0")
    inner = hashlib.new(name, bytes(each ^ 0x36 for each in padded) + message).digest()
    return hashlib.new(name, bytes(each ^ 0x5C for each in padded) + inner).digest()


@pytest.mark.parametrize("spec", SPECS)
def test_a_mac_is_a_whole_hmac_and_fits(world: World, spec: str) -> None:
    """CORE K-10, K-72, K-105."""
    key = world.key(spec)
    output = world.do("GenerateMac", **request(key))
    mac = output.pop("Mac")

    assert output == {"KeyId": str(key.arn), "MacAlgorithm": f"HMAC_SHA_{spec[-3:]}"}
    assert mac == independent(key)
    assert len(mac) == int(spec[-3:]) // 8
    assert world.do("VerifyMac", **request(key), Mac=independent(key)) == {
        "KeyId": str(key.arn),
        "MacValid": True,
        "MacAlgorithm": f"HMAC_SHA_{spec[-3:]}",
    }


@pytest.mark.parametrize("spec", SPECS)
def test_a_mac_that_does_not_fit_is_an_error_whatever_its_length(world: World, spec: str) -> None:
    """CORE K-72, Appendix B."""
    key = world.key(spec)
    right = independent(key)
    flipped = [bytes((right[0] ^ 1,)) + right[1:], right[:-1] + bytes((right[-1] ^ 1,))]

    for wrong in (b"x", right[:16], right[:-1], right + b"x", bytes(6144), *flipped):
        assert world.told("VerifyMac", **request(key), Mac=wrong) == INVALID
    assert world.told("VerifyMac", **request(key, message=b"another"), Mac=right) == INVALID
    assert world.told("VerifyMac", **request(world.key(spec)), Mac=right) == INVALID


def test_macs_are_compared_in_constant_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """CORE K-105."""
    key, compared = world.key("HMAC_256"), []

    def compare(a: bytes, b: bytes, know: Callable[[bytes, bytes], bool] = hazmat.same) -> bool:
        compared.append((a, b))
        return know(a, b)

    monkeypatch.setattr(hazmat, "same", compare)
    world.refused("VerifyMac", **request(key), Mac=b"x" * 32)

    assert compared == [(independent(key), b"x" * 32)]


def test_a_mac_says_nothing_of_a_digest(world: World) -> None:
    """CORE K-72: no digest handling."""
    key = world.key("HMAC_256")
    asked = request(key) | {"MessageType": "DIGEST"}  # no member of it, so not looked at (K-44)

    assert world.do("GenerateMac", **asked)["Mac"] == independent(key)


@BOTH
def test_each_check_has_its_turn(world: World, operation: str) -> None:
    """CORE K-63: usage, state, algorithm, cryptography."""
    more: Json = {"Mac": b"x"} if operation == "VerifyMac" else {}
    signing = world.key("ECC_NIST_P256", state=DISABLED)
    off, on = world.key("HMAC_256", state=DISABLED), world.key("HMAC_256")

    assert world.told(operation, **request(signing, "HMAC_SHA_512"), **more) == (
        "InvalidKeyUsageException",
        f"{signing.arn} key usage is SIGN_VERIFY which is not valid for {operation}.",
    )
    assert world.told(operation, **request(off, "HMAC_SHA_512"), **more) == (
        "DisabledException",
        f"{off.arn} is disabled.",
    )
    assert world.told(operation, **request(on, "HMAC_SHA_512"), **more)[1] == (
        "Algorithm HMAC_SHA_512 is incompatible with key spec HMAC_256."
    )


def test_a_dry_run_of_verify_mac_looks_at_the_mac(world: World) -> None:
    """CORE K-46."""
    key = world.key("HMAC_256")
    dry = request(key) | {"DryRun": True}

    assert world.told("VerifyMac", **dry, Mac=b"x") == INVALID
    assert world.told("VerifyMac", **dry, Mac=independent(key))[0] == "DryRunOperationException"


@BOTH
@pytest.mark.parametrize(
    ("size", "constraint"),
    [(0, "greater than or equal to 1"), (4097, "less than or equal to 4096")],
)
def test_a_message_has_a_length_within_the_model_and_is_not_shown(
    world: World, operation: str, size: int, constraint: str
) -> None:
    """CORE K-39, 13."""
    more: Json = {"Mac": b"x"} if operation == "VerifyMac" else {}
    told = world.told(operation, **request(world.key("HMAC_256"), message=bytes(size)), **more)

    assert told == (
        "ValidationException",
        "1 validation error detected: Value at 'message' failed to satisfy constraint: "
        f"Member must have length {constraint}",
    )


@pytest.mark.parametrize("size", [1, 4096])
def test_the_shortest_and_the_longest_message_have_a_mac(world: World, size: int) -> None:
    key = world.key("HMAC_512")
    expected = hmac.digest(key.current_material.secret, b"m" * size, "sha512")

    assert world.do("GenerateMac", **request(key, message=b"m" * size))["Mac"] == expected
