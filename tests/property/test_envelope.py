"""Laws of the ciphertext blob, tried on many plaintexts, keys and encryption contexts."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from kms import envelope, hazmat

# Half surrogate pairs included: JSON can spell them.
TEXT = st.text(st.characters(exclude_categories=()), max_size=12)
# Few letters make near misses likely: {"ab": "c"} beside {"a": "bc"}.
NEAR_MISS_TEXT = st.text("ab\x00", max_size=3)


def contexts(text: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, str]]:
    return st.dictionaries(text, text, max_size=4)


NEAR_MISSES = contexts(NEAR_MISS_TEXT)
CONTEXTS = contexts(TEXT) | NEAR_MISSES
MATERIALS = st.binary(min_size=32, max_size=32)
KEY_IDS = st.uuids().map(str) | st.uuids().map(lambda uuid: f"mrk-{uuid.hex}")


@dataclass(frozen=True)
class Sealed:
    """A blob together with everything it was made of."""

    material: bytes
    key_id: str
    plaintext: bytes
    context: dict[str, str]
    salt_and_nonce: bytes

    @property
    def blob(self) -> bytes:
        left = bytearray(self.salt_and_nonce)

        def randomness(count: int) -> bytes:
            given, left[:count] = bytes(left[:count]), b""
            return given

        return envelope.Sealer(self.material, self.key_id).seal(
            self.plaintext, self.context, randomness
        )

    def open(self, blob: bytes) -> bytes:
        return envelope.Sealer(self.material, self.key_id).open(blob, self.context)


SEALED = st.builds(
    Sealed,
    MATERIALS,
    KEY_IDS,
    st.binary(min_size=1, max_size=64),
    CONTEXTS,
    st.binary(min_size=28, max_size=28),
)


def decoded(canonical: bytes) -> dict[str, str]:
    """Read a canonical context back: that this works for all of them makes the form injective."""
    fields: list[str] = []
    offset = 4
    while offset < len(canonical):
        start = offset + 4
        offset = start + int.from_bytes(canonical[start - 4 : start], "big")
        fields.append(canonical[start:offset].decode("utf-8", "surrogatepass"))
    assert len(fields) == 2 * int.from_bytes(canonical[:4], "big")
    return dict(zip(fields[::2], fields[1::2], strict=True))


@given(CONTEXTS)
def test_a_canonical_context_can_be_read_back(context: dict[str, str]) -> None:
    assert decoded(envelope.canonical_context(context)) == context  # CORE K-96


@given(NEAR_MISSES, NEAR_MISSES)
@example({"ab": "c"}, {"a": "bc"})
def test_two_contexts_share_their_bytes_exactly_when_they_are_equal(
    one: dict[str, str], other: dict[str, str]
) -> None:
    same_bytes = envelope.canonical_context(one) == envelope.canonical_context(other)

    assert same_bytes == (one == other)  # CORE K-96


@given(CONTEXTS.flatmap(lambda context: st.permutations(list(context.items()))))
def test_the_order_of_pairs_does_not_matter(pairs: list[tuple[str, str]]) -> None:
    forwards, backwards = dict(pairs), dict(reversed(pairs))

    assert envelope.canonical_context(forwards) == envelope.canonical_context(backwards)


@given(SEALED)
def test_what_was_sealed_opens_and_says_what_it_needs(sealed: Sealed) -> None:
    blob = sealed.blob
    material_id = envelope.material_id(sealed.material, sealed.key_id)

    assert len(blob) == len(sealed.plaintext) + 96  # CORE K-94
    assert envelope.parse(blob) == envelope.Header(sealed.key_id, material_id)
    assert sealed.open(blob) == sealed.plaintext


@given(SEALED)
@settings(max_examples=8, deadline=None)
def test_every_changed_bit_is_noticed(sealed: Sealed) -> None:
    blob = sealed.blob
    number = int.from_bytes(blob, "big")

    for bit in range(8 * len(blob)):
        with pytest.raises(hazmat.Unauthentic):
            sealed.open((number ^ 1 << bit).to_bytes(len(blob), "big"))


@given(SEALED, st.binary(min_size=1, max_size=40))
@settings(max_examples=15, deadline=None)
def test_every_truncation_and_extension_is_noticed(sealed: Sealed, more: bytes) -> None:
    blob = sealed.blob

    for other in (*(blob[:length] for length in range(len(blob))), blob + more, more + blob):
        with pytest.raises(hazmat.Unauthentic):
            sealed.open(other)


@given(SEALED, CONTEXTS)
@settings(max_examples=50)
def test_another_context_opens_nothing(sealed: Sealed, other: dict[str, str]) -> None:
    assume(other != sealed.context)

    with pytest.raises(hazmat.Unauthentic):
        envelope.Sealer(sealed.material, sealed.key_id).open(sealed.blob, other)  # CORE K-66


@given(SEALED, KEY_IDS)
@settings(max_examples=50)
def test_another_key_id_opens_nothing(sealed: Sealed, other: str) -> None:
    assume(other != sealed.key_id)

    with pytest.raises(hazmat.Unauthentic):
        envelope.Sealer(sealed.material, other).open(sealed.blob, sealed.context)  # CORE K-99


@given(SEALED, MATERIALS)
@settings(max_examples=50)
def test_another_material_opens_nothing(sealed: Sealed, other: bytes) -> None:
    assume(other != sealed.material)

    with pytest.raises(hazmat.Unauthentic):
        envelope.Sealer(other, sealed.key_id).open(sealed.blob, sealed.context)  # CORE K-98


@given(st.binary(max_size=200))
def test_parsing_never_fails_and_opening_only_with_one_error(tail: bytes) -> None:
    blob = b"\x01\x02\x00\x00" + tail
    header = envelope.parse(blob)

    assert (header is None) == (len(blob) < 97)  # CORE K-94
    with pytest.raises(hazmat.Unauthentic):
        envelope.Sealer(bytes(32), "00000000-0000-0000-0000-000000000000").open(blob, {})
