"""The ciphertext blob, byte by byte."""

from __future__ import annotations

import hmac
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kms import envelope, hazmat
from kms.envelope import Header

MATERIAL = bytes(range(32))
OTHER_MATERIAL = bytes(range(1, 33))
KEY_ID = "1234abcd-12ab-34cd-56ef-1234567890ab"
MULTI_REGION_KEY_ID = "mrk-1234abcd12ab34cd56ef1234567890ab"
SALT = bytes(range(0xA0, 0xB0))
NONCE = bytes(range(0xC0, 0xCC))
CONTEXT = {"order": "17", "größe": "½"}
PLAINTEXT = b"attack at dawn"


def dice(*throws: bytes) -> Callable[[int], bytes]:
    """Give these bytes in this order, each when exactly its length is asked for."""
    left = list(throws)

    def randomness(count: int) -> bytes:
        throw = left.pop(0)
        assert len(throw) == count
        return throw

    return randomness


def sealed(key_id: str = KEY_ID) -> bytes:
    return envelope.Sealer(MATERIAL, key_id).seal(PLAINTEXT, CONTEXT, dice(SALT + NONCE))


# --- Key material id ---------------------------------------------------------------------------


def test_the_material_id_follows_the_rule() -> None:
    message = b"kmsgate/kmid/v1" + KEY_ID.encode()

    assert (
        envelope.material_id(MATERIAL, KEY_ID)
        == hmac.digest(  # CORE K-110
            MATERIAL, message, "sha256"
        ).hex()
    )


def test_the_same_bytes_have_another_id_in_another_key_and_other_bytes_too() -> None:
    ids = {
        envelope.material_id(MATERIAL, KEY_ID),
        envelope.material_id(MATERIAL, MULTI_REGION_KEY_ID),
        envelope.material_id(OTHER_MATERIAL, KEY_ID),
    }

    assert len(ids) == 3  # CORE K-110


# --- Encryption context ------------------------------------------------------------------------


def test_the_canonical_context_is_counted_sorted_and_length_prefixed() -> None:
    assert envelope.canonical_context({"b": "", "ä": "x", "a": "yz"}) == (  # CORE K-96
        b"\0\0\0\3\0\0\0\1a\0\0\0\2yz\0\0\0\1b\0\0\0\0\0\0\0\2\xc3\xa4\0\0\0\1x"
    )
    assert envelope.canonical_context({}) == b"\0\0\0\0"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"ab": "c"}, {"a": "bc"}),
        ({"a": "b", "c": "d"}, {"a": "bcd"}),
        ({"a": ""}, {}),
        ({"a": "b"}, {"b": "a"}),
        ({"Order": "17"}, {"order": "17"}),
        ({"order": "A"}, {"order": "a"}),
        ({"é": ""}, {"e\u0301": ""}),
        ({"a": "\ud83d\ude00"}, {"a": "\U0001f600"}),
        ({"a": "\ud800"}, {"a": "?"}),
    ],
)
def test_contexts_that_differ_at_all_have_other_bytes(
    one: dict[str, str], other: dict[str, str]
) -> None:
    # CORE K-66, K-96: no joining, no case folding, no normalisation, no replacement
    assert envelope.canonical_context(one) != envelope.canonical_context(other)


# --- The layout --------------------------------------------------------------------------------


@pytest.mark.parametrize(("key_id", "flags"), [(KEY_ID, b"\x00"), (MULTI_REGION_KEY_ID, b"\x01")])
def test_the_header_has_the_layout_of_version_1(key_id: str, flags: bytes) -> None:
    blob = sealed(key_id)

    assert blob[:80] == (  # CORE K-94
        b"\x01\x02"
        + flags
        + b"\x00"
        + bytes.fromhex("1234abcd12ab34cd56ef1234567890ab")
        + bytes.fromhex(envelope.material_id(MATERIAL, key_id))
        + SALT
        + NONCE
    )
    assert len(blob) == len(PLAINTEXT) + 96


def test_a_blob_opens_with_nothing_but_the_specification_at_hand() -> None:
    blob = sealed()
    # CORE K-95: one block of the counter-mode derivation, written out
    fixed = b"kmsgate/encrypt/v1" + b"\0" + blob[52:68] + (256).to_bytes(4, "big")
    message_key = hmac.digest(MATERIAL, b"\0\0\0\1" + fixed, "sha256")
    context = (
        b"\0\0\0\2" + b"\0\0\0\7gr\xc3\xb6\xc3\x9fe\0\0\0\2\xc2\xbd" + b"\0\0\0\5order\0\0\0\x0217"
    )

    opened = AESGCM(message_key).decrypt(blob[68:80], blob[80:], blob[:80] + context)

    assert opened == PLAINTEXT


# Own vector, made by this project with the constants above.
BLOB_OF_VERSION_1 = (
    "010200001234abcd12ab34cd56ef1234567890ab058053c799b75a9a04a11988793127fda93b522b"
    "2f113de1d131058c545c8dd1a0a1a2a3a4a5a6a7a8a9aaabacadaeafc0c1c2c3c4c5c6c7c8c9cacb"
    "371ec5e475ed432bd1c0447f8ca92fd9f3b4e2188c3d517b1c46c92c6589"
)


def test_blobs_of_version_1_stay_readable_for_ever() -> None:
    assert sealed().hex() == BLOB_OF_VERSION_1  # CORE K-113
    assert (
        envelope.Sealer(MATERIAL, KEY_ID).open(bytes.fromhex(BLOB_OF_VERSION_1), CONTEXT)
        == PLAINTEXT
    )


def test_the_largest_plaintext_fits_into_the_largest_blob() -> None:
    blob = envelope.Sealer(MATERIAL, KEY_ID).seal(bytes(4096), CONTEXT, dice(SALT + NONCE))

    assert len(blob) <= 6144  # CORE K-93


def test_a_blob_says_which_key_and_which_material_it_needs() -> None:
    for key_id in (KEY_ID, MULTI_REGION_KEY_ID):
        header = envelope.parse(sealed(key_id))

        assert header == Header(key_id, envelope.material_id(MATERIAL, key_id))  # CORE K-93


@pytest.mark.parametrize("key_id", ["", "alias/orders", KEY_ID.upper(), KEY_ID.replace("-", "")])
def test_sealing_and_opening_want_a_well_formed_key_id(key_id: str) -> None:
    with pytest.raises(ValueError, match="a key id is"):
        sealed(key_id)
    with pytest.raises(ValueError, match="a key id is"):
        envelope.Sealer(MATERIAL, key_id).open(sealed(), CONTEXT)


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_sealing_and_opening_want_material_of_32_bytes(length: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        envelope.Sealer(bytes(length), KEY_ID).seal(PLAINTEXT, CONTEXT, dice(SALT + NONCE))
    with pytest.raises(ValueError, match="32 bytes"):
        envelope.Sealer(bytes(length), KEY_ID).open(sealed(), CONTEXT)


def test_an_empty_plaintext_is_not_sealed() -> None:
    with pytest.raises(ValueError, match="at least one byte"):
        envelope.Sealer(MATERIAL, KEY_ID).seal(b"", CONTEXT, dice(SALT + NONCE))


@pytest.mark.parametrize("count", [0, 11, 13, 15, 17])
def test_randomness_that_gives_another_number_of_bytes_is_noticed(count: int) -> None:
    with pytest.raises(ValueError, match="bytes"):
        envelope.Sealer(MATERIAL, KEY_ID).seal(PLAINTEXT, CONTEXT, lambda _: bytes(count))


# --- What is not one of ours -------------------------------------------------------------------


def changed(blob: bytes, offset: int, value: int) -> bytes:
    return blob[:offset] + bytes((value,)) + blob[offset + 1 :]


@pytest.mark.parametrize(
    "blob",
    [
        b"",
        sealed()[:96],
        changed(sealed(), 0, 2),
        changed(sealed(), 1, 1),
        changed(sealed(), 2, 2),
        changed(sealed(), 2, 0x81),
        changed(sealed(), 3, 1),
        bytes(256),
    ],
    ids=["empty", "96 bytes", "version", "algorithm", "flag", "flags", "reserved", "RSA"],
)
def test_what_is_not_one_of_ours_is_neither_parsed_nor_opened(blob: bytes) -> None:
    assert envelope.parse(blob) is None  # CORE K-94

    with pytest.raises(hazmat.Unauthentic):
        envelope.Sealer(MATERIAL, KEY_ID).open(blob, CONTEXT)


def test_97_bytes_are_enough_to_be_one_of_ours() -> None:
    blob = envelope.Sealer(MATERIAL, KEY_ID).seal(b"!", {}, dice(SALT + NONCE))

    assert len(blob) == 97  # CORE K-94
    assert envelope.parse(blob) is not None
    assert envelope.Sealer(MATERIAL, KEY_ID).open(blob, {}) == b"!"


def test_no_changed_bit_goes_unnoticed() -> None:
    blob = sealed()

    for offset, byte in enumerate(blob):
        for bit in range(8):
            with pytest.raises(hazmat.Unauthentic):
                envelope.Sealer(MATERIAL, KEY_ID).open(
                    changed(blob, offset, byte ^ 1 << bit), CONTEXT
                )


def test_other_material_key_id_or_context_fail_alike_and_without_detail() -> None:
    blob = sealed()

    for material, key_id, context in [
        (OTHER_MATERIAL, KEY_ID, CONTEXT),
        (MATERIAL, MULTI_REGION_KEY_ID, CONTEXT),
        (MATERIAL, KEY_ID, {}),
        (MATERIAL, KEY_ID, CONTEXT | {"order": "18"}),
    ]:
        with pytest.raises(hazmat.Unauthentic) as caught:
            envelope.Sealer(material, key_id).open(blob, context)
        assert caught.value.args == ()  # CORE K-97


def test_a_blob_that_names_one_material_never_opens_under_another() -> None:
    """The forger holds both materials and seals under one while the header names the other."""
    honest = sealed()
    named = bytes.fromhex(envelope.material_id(OTHER_MATERIAL, KEY_ID))
    header = honest[:20] + named + honest[52:80]
    expected_header = honest[:80]
    message_key = hazmat.derive_key(MATERIAL, label=b"kmsgate/encrypt/v1", context=SALT)

    for authenticated in (header, expected_header):
        data = authenticated + envelope.canonical_context(CONTEXT)
        forged = header + hazmat.aead_seal(message_key, NONCE, PLAINTEXT, data)

        for material in (MATERIAL, OTHER_MATERIAL):
            with pytest.raises(hazmat.Unauthentic):  # CORE K-97, K-99
                envelope.Sealer(material, KEY_ID).open(forged, CONTEXT)
