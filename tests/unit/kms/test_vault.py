"""Secrets at rest: sealed, bound, and never under the same key twice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kms import SeededEntropy, SystemEntropy
from kms.hazmat import Unauthentic
from kms.vault import Vault, packed, unpacked

KEY, OTHER_KEY = bytes(32), bytes([1]) * 32
DOMAIN = "111122223333/eu-west-1"


def vault(key: bytes = KEY) -> Vault:
    return Vault(key, SystemEntropy())


def test_what_was_sealed_opens_in_another_vault_of_the_same_key() -> None:
    sealed = vault().seal([b"one", b"", b"two"], DOMAIN, "key", "name", "body")

    assert vault().open(sealed, DOMAIN, "key", "name", "body") == (b"one", b"", b"two")
    assert b"one" not in sealed


@pytest.mark.parametrize(
    ("key", "domain", "binding"),
    [
        (OTHER_KEY, DOMAIN, ("key", "name", "body")),
        (KEY, "111122223333/us-east-1", ("key", "name", "body")),
        (KEY, DOMAIN, ("key", "other", "body")),
        (KEY, DOMAIN, ("key", "name", "another body")),
        (KEY, DOMAIN, ("ke", "yname", "body")),
        (KEY, DOMAIN, ("key", "name")),
    ],
)
def test_it_opens_for_nothing_else(key: bytes, domain: str, binding: tuple[str, ...]) -> None:
    sealed = vault().seal([b"one"], DOMAIN, "key", "name", "body")

    with pytest.raises(Unauthentic):
        vault(key).open(sealed, domain, *binding)


def test_no_bit_of_it_can_be_changed() -> None:
    sealed = vault().seal([b"one"], DOMAIN)
    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1
        with pytest.raises(Unauthentic):
            vault().open(bytes(changed), DOMAIN)
    with pytest.raises(Unauthentic):
        vault().open(sealed[:20], DOMAIN)


def test_the_same_secret_is_sealed_anew_each_time() -> None:
    sealed = {vault().seal([b"one"], DOMAIN) for _ in range(20)}

    assert len({each[:16] for each in sealed}) == len({each[16:28] for each in sealed}) == 20


def test_the_store_key_itself_seals_nothing() -> None:
    """The key of each record is derived, so chance alone does not have to keep nonces apart."""
    repeating = [Vault(KEY, SeededEntropy(1)).seal([b"one"], domain) for domain in ("a", "b")]

    assert repeating[0][:28] == repeating[1][:28]
    assert repeating[0][28:31] != repeating[1][28:31]


def test_its_repr_shows_no_key() -> None:
    assert "00000" not in repr(vault())


@given(st.lists(st.binary()))
def test_packed_parts_come_apart_again(parts: list[bytes]) -> None:
    assert list(unpacked(packed(parts))) == parts
