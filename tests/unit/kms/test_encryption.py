"""Encrypt, Decrypt and ReEncrypt (CORE K-63 to K-67, K-46, K-47)."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from kms import Key, KeyOrigin, KeyUsage, envelope, hazmat
from kms.model import KeyMaterial
from tests.kms_world import (
    ALLOW_ALL,
    DISABLED,
    ELSEWHERE,
    PENDING_DELETION,
    PENDING_IMPORT,
    START,
    Json,
    World,
    document,
    key_statement,
    user_arn,
)

INVALID = ("InvalidCiphertextException", None)
INCORRECT = (
    "IncorrectKeyException",
    "The key ID in the request does not identify a CMK that can perform this operation.",
)
DRY = (
    "DryRunOperationException",
    "The request would have succeeded, but the DryRun option is set.",
)
SHA_1, SHA_256 = "RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"
PAIRS = {"tenant": "blue", "order": "17"}
IGNORE: Json = {"DryRun": True, "DryRunModifiers": ["IGNORE_CIPHERTEXT"]}


def sealed(world: World, key: Key, plaintext: bytes = b"text", **more: Any) -> bytes:
    blob: bytes = world.do("Encrypt", KeyId=str(key.arn), Plaintext=plaintext, **more)[
        "CiphertextBlob"
    ]
    return blob


def not_null(path: str) -> tuple[str, str]:
    return (
        "ValidationException",
        f"1 validation error detected: Value null at '{path}' failed to satisfy constraint: "
        "Member must not be null",
    )


@pytest.fixture
def rsa(world: World) -> Key:
    return world.key("RSA_2048")


# Outputs (CORE K-10, K-64, K-65, K-67)


def test_encrypt_gives_exactly_these_members(world: World, key: Key) -> None:
    """CORE K-10, K-64: no KeyMaterialId."""
    output = world.do("Encrypt", KeyId=key.id, Plaintext=b"text")

    blob = output.pop("CiphertextBlob")
    assert output == {"KeyId": str(key.arn), "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}
    assert envelope.parse(blob) == envelope.Header(key.id, key.current_material.id)
    assert world.do("Encrypt", KeyId=key.id, Plaintext=b"text")["CiphertextBlob"] != blob


def test_decrypt_gives_exactly_these_members(world: World, key: Key) -> None:
    """CORE K-10, K-65.7."""
    assert world.do("Decrypt", CiphertextBlob=sealed(world, key)) == {
        "KeyId": str(key.arn),
        "Plaintext": b"text",
        "EncryptionAlgorithm": "SYMMETRIC_DEFAULT",
        "KeyMaterialId": key.current_material.id,
    }


@pytest.mark.parametrize("algorithm", [SHA_1, SHA_256])
def test_asymmetric_keys_give_exactly_these_members(world: World, rsa: Key, algorithm: str) -> None:
    """CORE K-64, K-65.7, K-100."""
    output = world.do("Encrypt", KeyId=rsa.id, Plaintext=b"text", EncryptionAlgorithm=algorithm)
    blob = output.pop("CiphertextBlob")
    opened = world.do("Decrypt", KeyId=rsa.id, CiphertextBlob=blob, EncryptionAlgorithm=algorithm)

    assert output == {"KeyId": str(rsa.arn), "EncryptionAlgorithm": algorithm}
    assert len(blob) == 256
    assert opened == {
        "KeyId": str(rsa.arn),
        "Plaintext": b"text",
        "EncryptionAlgorithm": algorithm,
    }


def test_re_encrypt_gives_exactly_these_members(world: World, key: Key) -> None:
    """CORE K-67."""
    other = world.key()
    output = world.do("ReEncrypt", CiphertextBlob=sealed(world, key), DestinationKeyId=other.id)

    blob = output.pop("CiphertextBlob")
    assert output == {
        "SourceKeyId": str(key.arn),
        "KeyId": str(other.arn),
        "SourceEncryptionAlgorithm": "SYMMETRIC_DEFAULT",
        "DestinationEncryptionAlgorithm": "SYMMETRIC_DEFAULT",
        "SourceKeyMaterialId": key.current_material.id,
        "DestinationKeyMaterialId": other.current_material.id,
    }
    assert world.do("Decrypt", CiphertextBlob=blob)["Plaintext"] == b"text"


def test_only_symmetric_sides_show_their_material(world: World, key: Key, rsa: Key) -> None:
    """CORE K-67."""
    to_rsa = world.do(
        "ReEncrypt",
        CiphertextBlob=sealed(world, key),
        DestinationKeyId=rsa.id,
        DestinationEncryptionAlgorithm=SHA_256,
    )
    back = world.do(
        "ReEncrypt",
        CiphertextBlob=to_rsa["CiphertextBlob"],
        SourceKeyId=rsa.id,
        SourceEncryptionAlgorithm=SHA_256,
        DestinationKeyId=key.id,
        DestinationEncryptionContext=PAIRS,
    )

    assert to_rsa["DestinationEncryptionAlgorithm"] == SHA_256
    assert "SourceKeyMaterialId" in to_rsa
    assert "DestinationKeyMaterialId" not in to_rsa
    assert back["SourceEncryptionAlgorithm"] == SHA_256
    assert "SourceKeyMaterialId" not in back
    assert "DestinationKeyMaterialId" in back
    opened = world.do("Decrypt", CiphertextBlob=back["CiphertextBlob"], EncryptionContext=PAIRS)
    assert opened["Plaintext"] == b"text"


def test_a_key_is_named_by_its_arn_in_outputs_however_it_was_named(world: World, key: Key) -> None:
    """CORE K-10, 13."""
    world.alias("alias/a", key)
    output = world.do("Encrypt", KeyId="alias/a", Plaintext=b"text")
    blob = output["CiphertextBlob"]

    assert output["KeyId"] == str(key.arn)
    assert world.do("Decrypt", KeyId="alias/a", CiphertextBlob=blob)["KeyId"] == str(key.arn)
    moved = world.do(
        "ReEncrypt", SourceKeyId="alias/a", CiphertextBlob=blob, DestinationKeyId="alias/a"
    )
    assert moved["SourceKeyId"] == moved["KeyId"] == str(key.arn)


@pytest.mark.parametrize("size", [1, 4095, 4096])
def test_small_plaintexts_fit(world: World, key: Key, size: int) -> None:
    """CORE 1.3, K-93."""
    blob = sealed(world, key, b"x" * size)

    assert len(blob) <= 6144
    assert world.do("Decrypt", CiphertextBlob=blob)["Plaintext"] == b"x" * size


@pytest.mark.parametrize("size", [0, 4097])
def test_a_plaintext_out_of_bounds_is_not_shown(world: World, key: Key, size: int) -> None:
    """CORE K-39, K-64."""
    code, message = world.told("Encrypt", KeyId=key.id, Plaintext=b"x" * size)

    assert code == "ValidationException"
    assert "Value at 'plaintext' failed to satisfy constraint: Member must have length" in str(
        message
    )
    assert "xxx" not in str(message)


# Encryption context (CORE K-66)


@pytest.mark.parametrize("given", [{}, None])
def test_no_context_and_an_empty_one_are_the_same(
    world: World, key: Key, given: dict[str, str] | None
) -> None:
    """CORE K-66."""
    blob = sealed(world, key, EncryptionContext=given)

    assert world.do("Decrypt", CiphertextBlob=blob)["Plaintext"] == b"text"
    assert world.do("Decrypt", CiphertextBlob=blob, EncryptionContext={})["Plaintext"] == b"text"


def test_the_order_of_pairs_does_not_matter(world: World, key: Key) -> None:
    """CORE K-66."""
    blob = sealed(world, key, EncryptionContext=PAIRS)
    turned = dict(reversed(PAIRS.items()))

    opened = world.do("Decrypt", CiphertextBlob=blob, EncryptionContext=turned)

    assert list(turned) != list(PAIRS)
    assert opened["Plaintext"] == b"text"


@pytest.mark.parametrize(
    "other",
    [
        {}, {"tenant": "blue"}, PAIRS | {"more": ""}, PAIRS | {"tenant": "Blue"},
        {"Tenant": "blue", "order": "17"}, {"tenant": "17", "order": "blue"},
        {"tenantb": "lue", "order": "17"},
    ],
)  # fmt: skip
def test_another_context_opens_nothing(world: World, key: Key, other: dict[str, str]) -> None:
    """CORE K-65.6, K-66: never a distinct error."""
    blob = sealed(world, key, EncryptionContext=PAIRS)

    assert world.told("Decrypt", CiphertextBlob=blob, EncryptionContext=other) == INVALID
    assert (
        world.told(
            "ReEncrypt",
            CiphertextBlob=blob,
            SourceEncryptionContext=other,
            DestinationKeyId=key.id,
            DestinationEncryptionContext=PAIRS,
        )
        == INVALID
    )


def test_a_context_may_have_so_many_bytes_and_no_more(world: World, key: Key) -> None:
    """CORE 13."""
    overhead = len(envelope.canonical_context({"k": ""}))
    most = {"k": "v" * (envelope.MAX_CONTEXT_BYTES - overhead)}
    more = {"k": most["k"] + "v"}
    refused = ("ValidationException", "EncryptionContext is too large.")
    blob = sealed(world, key, EncryptionContext=most)

    assert envelope.MAX_CONTEXT_BYTES == 8192
    assert world.do("Decrypt", CiphertextBlob=blob, EncryptionContext=most)["Plaintext"] == b"text"
    assert world.told("Encrypt", KeyId=key.id, Plaintext=b"x", EncryptionContext=more) == refused
    assert world.told("Decrypt", CiphertextBlob=blob, EncryptionContext=more) == refused
    for side in ("Source", "Destination"):
        context = {f"{side}EncryptionContext": more}
        told = world.told("ReEncrypt", CiphertextBlob=blob, DestinationKeyId=key.id, **context)
        assert told == refused


# Ciphertexts that do not open (CORE K-65, K-97, K-99)


def test_every_changed_bit_of_a_ciphertext_is_found(world: World, key: Key) -> None:
    """CORE K-65, K-97, K-99, Appendix B.

    Without a KeyId a changed key id names another key; with one, the wrong key. Every other bit,
    that of the material's id among them, makes an invalid ciphertext.
    """
    blob = sealed(world, key)
    key_id = range(4, 20)
    for place in range(len(blob)):
        for bit in (1, 128):
            changed = bytearray(blob)
            changed[place] ^= bit
            form = place == 2 and bit == 1  # from UUID to mrk-
            expected = INCORRECT if place in key_id or form else INVALID

            told = world.told("Decrypt", CiphertextBlob=bytes(changed), KeyId=key.id)

            assert told == expected, (place, bit)
            if expected is INVALID:
                assert world.told("Decrypt", CiphertextBlob=bytes(changed)) == INVALID
            else:
                code = world.told("Decrypt", CiphertextBlob=bytes(changed))[0]
                assert code == "AccessDeniedException"


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("length", [1, 80, 96, 99, -1])
def test_a_ciphertext_cut_short_is_invalid(
    world: World, key: Key, length: int, named: bool
) -> None:
    """CORE K-65.6."""
    blob = sealed(world, key)[:length]

    assert world.told("Decrypt", CiphertextBlob=blob, **({"KeyId": key.id} if named else {})) == (
        INVALID
    )


def test_a_ciphertext_with_one_more_byte_is_invalid(world: World, key: Key) -> None:
    """Appendix B."""
    assert world.told("Decrypt", CiphertextBlob=sealed(world, key) + b"x") == INVALID


@pytest.mark.parametrize("blob", [b"x", b"random bytes" * 20, bytes(120)])
def test_what_is_no_ciphertext_is_invalid(world: World, key: Key, blob: bytes) -> None:
    """Appendix B, CORE K-65.2, K-65.3."""
    assert world.told("Decrypt", CiphertextBlob=blob) == INVALID
    assert world.told("Decrypt", CiphertextBlob=blob, KeyId=key.id) == INVALID
    assert world.told("ReEncrypt", CiphertextBlob=blob, DestinationKeyId=key.id) == INVALID


def test_a_blob_sealed_under_another_key_of_the_same_name_is_invalid(
    world: World, key: Key
) -> None:
    """CORE K-99: right key id, foreign material."""
    foreign = envelope.Sealer(bytes(32), key.id).seal(b"text", {}, world.entropy.random_bytes)

    assert world.told("Decrypt", CiphertextBlob=foreign) == INVALID


NAMED = {
    "symmetric": {},
    "disabled": {"state": DISABLED},
    "pending deletion": {"state": PENDING_DELETION},
    "pending import": {"state": PENDING_IMPORT, "origin": KeyOrigin.EXTERNAL},
    "HMAC": {"spec": "HMAC_256"},
    "RSA": {"spec": "RSA_2048"},
    "ECC, disabled": {"spec": "ECC_NIST_P256", "state": DISABLED},
}


@pytest.mark.parametrize("named", NAMED.values(), ids=NAMED)
def test_the_wrong_key_is_told_before_usage_and_state(
    world: World, key: Key, named: dict[str, Any]
) -> None:
    """CORE K-65.3: whatever the named key is."""
    blob, wrong = sealed(world, key), world.key(**named)

    assert world.told("Decrypt", CiphertextBlob=blob, KeyId=wrong.id) == INCORRECT
    more = {"SourceKeyId": wrong.id, "DestinationKeyId": world.key(state=DISABLED).id}
    assert world.told("ReEncrypt", CiphertextBlob=blob, **more) == INCORRECT


def test_who_may_not_is_not_told_that_the_key_is_wrong(world: World, key: Key) -> None:
    """CORE K-33, K-65, AUTH K-69."""
    blob, other = sealed(world, key), world.key()

    for bytes_ in (blob, b"x"):
        told = world.told("Decrypt", world.user("bob"), CiphertextBlob=bytes_, KeyId=other.id)
        assert told[0] == "AccessDeniedException"


def test_materials_of_the_past_still_open(world: World, key: Key) -> None:
    """CORE K-98."""
    old = sealed(world, key)
    secret = world.entropy.random_bytes(32)
    newer = KeyMaterial(envelope.material_id(secret, key.id), secret, START)
    world.put(replace(key, materials=(*key.materials, newer)))

    assert world.do("Decrypt", CiphertextBlob=old)["KeyMaterialId"] == key.current_material.id
    assert world.do("Decrypt", CiphertextBlob=sealed(world, key))["KeyMaterialId"] == newer.id
    moved = world.do("ReEncrypt", CiphertextBlob=old, DestinationKeyId=key.id)
    assert moved["SourceKeyMaterialId"] == key.current_material.id
    assert moved["DestinationKeyMaterialId"] == newer.id


def test_related_keys_open_each_others_ciphertexts(world: World) -> None:
    """CORE K-93, K-155."""
    here = world.key(multi_region=True)
    there = replace(here, arn=replace(here.arn, region=ELSEWHERE))
    world.put(there)
    blob = sealed(world, here)

    for named in ({}, {"KeyId": here.id}, {"KeyId": str(there.arn)}):
        opened = world.do("Decrypt", region=ELSEWHERE, CiphertextBlob=blob, **named)
        assert (opened["KeyId"], opened["Plaintext"]) == (str(there.arn), b"text")
    wrong = world.told("Decrypt", region=ELSEWHERE, CiphertextBlob=blob, KeyId=str(here.arn))
    assert wrong == ("NotFoundException", f"Invalid arn {here.region}")


# Usage, algorithm, lengths (CORE K-63, K-64)


@pytest.mark.parametrize(
    ("operation", "rest"),
    [("Encrypt", {"Plaintext": b"x"}), ("Decrypt", {"CiphertextBlob": b"x"})],
)
def test_a_key_for_something_else_cannot_encrypt(world: World, operation: str, rest: Json) -> None:
    """CORE K-63, Appendix B."""
    for spec, usage in (("HMAC_256", None), ("RSA_2048", KeyUsage.SIGN_VERIFY)):
        key = world.key(spec, usage)
        told = world.told(operation, KeyId=key.id, EncryptionAlgorithm=SHA_256, **rest)

        assert told == (
            "InvalidKeyUsageException",
            f"{key.arn} key usage is {key.usage} which is not valid for {operation}.",
        )


def test_both_sides_of_a_re_encryption_need_the_usage(world: World, key: Key) -> None:
    """CORE K-67: the error names the operation and the offending key."""
    signing = world.key("RSA_2048", KeyUsage.SIGN_VERIFY)
    source = {"CiphertextBlob": b"x" * 256, "SourceEncryptionAlgorithm": SHA_256}
    told = [
        world.told("ReEncrypt", CiphertextBlob=sealed(world, key), DestinationKeyId=signing.id),
        world.told("ReEncrypt", **source, SourceKeyId=signing.id, DestinationKeyId=key.id),
    ]

    assert (
        told
        == [
            (
                "InvalidKeyUsageException",
                f"{signing.arn} key usage is SIGN_VERIFY which is not valid for ReEncrypt.",
            )
        ]
        * 2
    )


@pytest.mark.parametrize("algorithm", [None, "SYMMETRIC_DEFAULT"])
def test_an_rsa_key_needs_its_algorithm_named(
    world: World, rsa: Key, algorithm: str | None
) -> None:
    """CORE K-64, Appendix B."""
    told = world.told("Encrypt", KeyId=rsa.id, Plaintext=b"x", EncryptionAlgorithm=algorithm)

    assert told == (
        "InvalidKeyUsageException",
        "Algorithm SYMMETRIC_DEFAULT is incompatible with key spec RSA_2048.",
    )


@pytest.mark.parametrize("operation", ["Encrypt", "Decrypt"])
def test_a_symmetric_key_has_no_algorithm_of_rsa(world: World, key: Key, operation: str) -> None:
    """CORE K-63 (d)."""
    rest = {"Plaintext": b"x"} if operation == "Encrypt" else {"CiphertextBlob": b"x"}

    assert world.told(operation, KeyId=key.id, EncryptionAlgorithm=SHA_1, **rest) == (
        "InvalidKeyUsageException",
        f"Algorithm {SHA_1} is incompatible with key spec SYMMETRIC_DEFAULT.",
    )


def test_state_comes_before_algorithm_and_that_before_context_and_length(world: World) -> None:
    """CORE K-63, K-64."""
    off, on = world.key("RSA_2048", state=DISABLED), world.key("RSA_2048")
    request: Json = {"Plaintext": b"x" * 4096, "EncryptionContext": PAIRS}

    assert world.told("Encrypt", KeyId=off.id, **request)[0] == "DisabledException"
    assert world.told("Encrypt", KeyId=on.id, **request)[0] == "InvalidKeyUsageException"
    request["EncryptionAlgorithm"] = SHA_256
    assert world.told("Encrypt", KeyId=on.id, **request) == (
        "ValidationException",
        "EncryptionContext is not supported when encrypting with asymmetric CMKs.",
    )
    request["EncryptionContext"] = {}
    assert "cannot encrypt data larger" in str(world.told("Encrypt", KeyId=on.id, **request)[1])


def test_an_asymmetric_ciphertext_has_no_context(world: World, rsa: Key) -> None:
    """CORE K-65.4."""
    blob = sealed(world, rsa, EncryptionAlgorithm=SHA_1)
    request = {"KeyId": rsa.id, "CiphertextBlob": blob, "EncryptionAlgorithm": SHA_1}

    assert world.told("Decrypt", **request, EncryptionContext=PAIRS) == (
        "ValidationException",
        "EncryptionContext is not supported when decrypting with asymmetric CMKs.",
    )
    assert world.do("Decrypt", **request, EncryptionContext={})["Plaintext"] == b"text"


# CORE 1.3
LIMITS = [
    ("RSA_2048", SHA_1, 214), ("RSA_2048", SHA_256, 190),
    ("RSA_3072", SHA_1, 342), ("RSA_3072", SHA_256, 318),
    ("RSA_4096", SHA_1, 470), ("RSA_4096", SHA_256, 446),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "algorithm", "most"), LIMITS)
def test_rsa_keys_encrypt_so_many_bytes_and_no_more(
    world: World, spec: str, algorithm: str, most: int
) -> None:
    """CORE 1.3, K-64."""
    key = world.key(spec)
    blob = sealed(world, key, b"x" * most, EncryptionAlgorithm=algorithm)
    request = {"KeyId": key.id, "EncryptionAlgorithm": algorithm}

    assert world.do("Decrypt", CiphertextBlob=blob, **request)["Plaintext"] == b"x" * most
    assert world.told("Encrypt", Plaintext=b"x" * (most + 1), **request) == (
        "ValidationException",
        f"Algorithm {algorithm} and key spec {spec} cannot encrypt data larger than {most} bytes.",
    )


def test_a_re_encryption_keeps_to_the_limits_of_its_destination(
    world: World, key: Key, rsa: Key
) -> None:
    """CORE K-67."""
    more = {"DestinationKeyId": rsa.id, "DestinationEncryptionAlgorithm": SHA_256}

    assert world.do("ReEncrypt", CiphertextBlob=sealed(world, key, b"x" * 190), **more)
    told = world.told("ReEncrypt", CiphertextBlob=sealed(world, key, b"x" * 191), **more)
    assert told == (
        "ValidationException",
        f"Algorithm {SHA_256} and key spec RSA_2048 cannot encrypt data larger than 190 bytes.",
    )


@pytest.mark.parametrize("change", ["algorithm", "cut", "longer", "changed"])
def test_an_rsa_ciphertext_that_does_not_open_is_invalid(
    world: World, rsa: Key, change: str
) -> None:
    """CORE K-65.6, K-99, K-100."""
    blob = sealed(world, rsa, EncryptionAlgorithm=SHA_1)
    changes = {
        "algorithm": blob,
        "cut": blob[:-1],
        "longer": blob + b"x",
        "changed": bytes([blob[0] ^ 1]) + blob[1:],
    }
    algorithm = SHA_256 if change == "algorithm" else SHA_1
    told = world.told(
        "Decrypt",
        KeyId=rsa.id,
        CiphertextBlob=changes[change],
        EncryptionAlgorithm=algorithm,
    )

    assert told == INVALID


def test_what_was_encrypted_outside_opens(world: World, rsa: Key) -> None:
    """CORE K-65.7, K-100."""
    public = hazmat.public_key(rsa.current_material.secret)
    blob = hazmat.oaep_encrypt(public, SHA_256, b"from outside")

    opened = world.do("Decrypt", KeyId=rsa.id, CiphertextBlob=blob, EncryptionAlgorithm=SHA_256)

    assert opened["Plaintext"] == b"from outside"


def test_an_rsa_ciphertext_does_not_name_its_key(world: World, rsa: Key) -> None:
    """CORE K-65.2."""
    blob = sealed(world, rsa, EncryptionAlgorithm=SHA_256)

    assert world.told("Decrypt", CiphertextBlob=blob, EncryptionAlgorithm=SHA_256) == INVALID


# ReEncrypt (CORE K-67)


def test_the_same_key_may_be_on_both_sides(world: World, key: Key) -> None:
    """CORE K-67: to change the context."""
    moved = world.do(
        "ReEncrypt",
        CiphertextBlob=sealed(world, key),
        DestinationKeyId=key.id,
        DestinationEncryptionContext=PAIRS,
    )["CiphertextBlob"]

    assert world.told("Decrypt", CiphertextBlob=moved) == INVALID
    opened = world.do("Decrypt", CiphertextBlob=moved, EncryptionContext=PAIRS)
    assert opened["Plaintext"] == b"text"


def test_the_plaintext_of_a_re_encryption_stays_inside(world: World, key: Key) -> None:
    """CORE K-67."""
    reply = world.ask(
        "ReEncrypt",
        CiphertextBlob=sealed(world, key, b"a plaintext to look for"),
        DestinationKeyId=key.id,
    )

    assert b"a plaintext to look for" not in [*reply.unwrap().values()]
    assert "a plaintext to look for" not in repr(reply)


def test_the_destination_is_looked_for_first(world: World, key: Key) -> None:
    """CORE K-67."""
    for blob in (b"x", sealed(world, key)):
        told = world.told(
            "ReEncrypt", CiphertextBlob=blob, SourceKeyId="foo", DestinationKeyId="bar"
        )
        assert told == ("NotFoundException", "Invalid keyId 'bar'")


def test_the_source_is_asked_before_the_destination(world: World, key: Key) -> None:
    """AUTH K-65."""
    other, bob = world.key(), world.user("bob")
    request = {"CiphertextBlob": sealed(world, key), "DestinationKeyId": other.id}

    assert "kms:ReEncryptFrom on resource" in str(world.told("ReEncrypt", bob, **request)[1])
    world.set_policy(key, key_statement(principal=user_arn("bob"), Action="kms:ReEncryptFrom"))
    message = str(world.told("ReEncrypt", bob, **request)[1])
    assert f"kms:ReEncryptTo on resource: {other.arn}" in message
    world.set_policy(other, key_statement(principal=user_arn("bob"), Action="kms:ReEncryptTo"))
    assert world.do("ReEncrypt", bob, **request)


def test_states_of_both_sides_count_source_first(world: World, key: Key) -> None:
    """CORE K-67: the error names the offending key."""
    other = world.key()
    request = {"CiphertextBlob": sealed(world, key), "DestinationKeyId": other.id}
    for each in (key, other):
        world.do("DisableKey", KeyId=each.id)

    assert world.told("ReEncrypt", **request)[1] == f"{key.arn} is disabled."
    world.do("EnableKey", KeyId=key.id)
    assert world.told("ReEncrypt", **request)[1] == f"{other.arn} is disabled."


def test_a_key_moves_from_one_account_to_another(world: World) -> None:
    """AUTH L-36, K-65."""
    allowing = document(key_statement())
    mine, foreign = world.key(policy=allowing), world.key(account="444455556666", policy=allowing)
    moved = world.do("ReEncrypt", CiphertextBlob=sealed(world, foreign), DestinationKeyId=mine.id)

    assert (moved["SourceKeyId"], moved["KeyId"]) == (str(foreign.arn), str(mine.arn))


# What must be there, and dry runs (CORE K-46, K-47)


@pytest.mark.parametrize("more", [{}, {"DryRun": True}])
def test_a_ciphertext_must_be_there(world: World, key: Key, more: Json) -> None:
    """CORE K-47."""
    assert world.told("Decrypt", KeyId=key.id, **more) == not_null("ciphertextBlob")
    assert world.told("ReEncrypt", DestinationKeyId=key.id, **more) == not_null("ciphertextBlob")


def test_a_key_must_be_there_where_the_ciphertext_does_not_count(world: World, key: Key) -> None:
    """CORE K-47."""
    assert world.told("Decrypt", **IGNORE) == not_null("keyId")
    told = world.told("ReEncrypt", DestinationKeyId=key.id, **IGNORE)
    assert told == not_null("sourceKeyId")


def test_modifiers_of_a_dry_run_need_a_dry_run(world: World, key: Key) -> None:
    """CORE K-47."""
    for dry in (None, False):
        request = IGNORE | {"DryRun": dry, "KeyId": key.id, "CiphertextBlob": sealed(world, key)}
        assert world.told("Decrypt", **request) == (
            "ValidationException",
            "DryRunModifiers can only be used when DryRun is true.",
        )


@pytest.mark.parametrize("blob", [None, b"no ciphertext", "of another key", "of this key"])
def test_a_dry_run_may_leave_the_ciphertext_aside(
    world: World, key: Key, blob: bytes | str | None
) -> None:
    """CORE K-47: then nothing in it is checked, also where there is one."""
    blobs = {"of another key": sealed(world, world.key()), "of this key": sealed(world, key)}
    given = blobs.get(blob, b"") if isinstance(blob, str) else blob

    assert world.told("Decrypt", KeyId=key.id, CiphertextBlob=given, **IGNORE) == DRY
    sides = {"SourceKeyId": key.id, "DestinationKeyId": key.id}
    assert world.told("ReEncrypt", CiphertextBlob=given, **sides, **IGNORE) == DRY


def test_a_dry_run_without_that_word_opens_the_ciphertext(world: World, key: Key) -> None:
    """CORE K-46."""
    blob, other = sealed(world, key), world.key()

    assert world.told("Decrypt", CiphertextBlob=blob, DryRun=True) == DRY
    assert world.told("Decrypt", CiphertextBlob=blob[:-1], DryRun=True) == INVALID
    wrong = world.told("Decrypt", CiphertextBlob=blob, KeyId=other.id, DryRun=True)
    assert wrong == INCORRECT
    re_encrypt = {"DestinationKeyId": other.id, "DryRun": True}
    assert world.told("ReEncrypt", CiphertextBlob=blob, **re_encrypt) == DRY
    assert world.told("ReEncrypt", CiphertextBlob=blob[:-1], **re_encrypt) == INVALID


def test_all_but_the_ciphertext_is_checked_in_such_a_dry_run(world: World, key: Key) -> None:
    """CORE K-46, K-47: permission, usage, state, algorithm and context."""
    rsa, hmac = world.key("RSA_2048"), world.key("HMAC_256")
    off = world.key(state=DISABLED)

    def told(source: Key, destination: Key = key, **more: Any) -> list[str]:
        alone = {name.removeprefix("Source"): value for name, value in more.items()}
        both = {"SourceKeyId": source.id, "DestinationKeyId": destination.id, **more}
        codes = [world.told("ReEncrypt", **both, **IGNORE)[0]]
        if destination is key:
            codes.append(world.told("Decrypt", KeyId=source.id, **alone, **IGNORE)[0])
        return codes

    oaep: Json = {"SourceEncryptionAlgorithm": SHA_256}
    assert told(hmac) == ["InvalidKeyUsageException"] * 2
    assert told(off) == ["DisabledException"] * 2
    assert told(rsa) == ["InvalidKeyUsageException"] * 2  # SYMMETRIC_DEFAULT by default
    assert told(key, **oaep) == ["InvalidKeyUsageException"] * 2
    assert told(rsa, **oaep) == ["DryRunOperationException"] * 2
    context: Json = {"SourceEncryptionContext": PAIRS}
    assert told(rsa, **oaep, **context) == ["ValidationException"] * 2
    assert told(key, rsa) == ["InvalidKeyUsageException"]
    assert told(key, off) == ["DisabledException"]
    destination: Json = {"DestinationEncryptionAlgorithm": SHA_1}
    assert told(key, rsa, **destination) == ["DryRunOperationException"]
    destination["DestinationEncryptionContext"] = PAIRS
    assert told(key, rsa, **destination) == ["ValidationException"]
    nobody = world.user("nobody")
    for operation, named in (
        ("Decrypt", {"KeyId": key.id}),
        ("ReEncrypt", {"SourceKeyId": key.id, "DestinationKeyId": key.id}),
    ):
        code = world.told(operation, nobody, **named, **IGNORE)[0]
        assert code == "AccessDeniedException"


# Recipients (CORE K-75)


RECIPIENT = {"Recipient": {"AttestationDocument": b"x" * 40}}


def test_enclaves_are_not_supported_and_only_the_allowed_learn_it(world: World, key: Key) -> None:
    """CORE K-75."""
    blob = sealed(world, key)

    assert world.told("Decrypt", CiphertextBlob=blob, **RECIPIENT) == (
        "UnsupportedOperationException",
        "Recipient is not supported by this endpoint.",
    )
    denied = world.told("Decrypt", world.user("bob"), CiphertextBlob=blob, **RECIPIENT)
    assert denied[0] == "AccessDeniedException"


# Who may, by context (AUTH J-71)


def test_a_policy_can_insist_on_a_context(world: World) -> None:
    """AUTH J-71, J-72, B-13."""
    condition = {"StringEquals": {"kms:EncryptionContext:Tenant": "blue"}}
    bob = world.user("bob", {**ALLOW_ALL, "Condition": condition})
    key = world.key()
    request = {"KeyId": key.id, "Plaintext": b"x"}

    assert world.do("Encrypt", bob, **request, EncryptionContext={"tenant": "blue"})
    for pairs in ({}, {"tenant": "red"}, {"other": "blue"}):
        told = world.told("Encrypt", bob, **request, EncryptionContext=pairs)
        assert told[0] == "AccessDeniedException"


def test_an_event_of_use_names_the_context_and_not_the_text(world: World, key: Key) -> None:
    """CORE K-179."""
    sealed(world, key, b"a plaintext to look for", EncryptionContext=PAIRS)
    event = world.events[-1]

    assert event.parameters == {
        "keyId": str(key.arn),
        "encryptionContext": PAIRS,
        "encryptionAlgorithm": "SYMMETRIC_DEFAULT",
    }
    assert "look for" not in json.dumps(event.parameters)
