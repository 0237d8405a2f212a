"""Imported material: parameters, tokens, the import, expiry and removal (CORE 6)."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from kms import Key, SeededEntropy, hazmat, shapes
from kms.envelope import material_id
from kms.hazmat import MATERIAL_BYTES
from kms.imports import ImportType
from kms.model import SPECS, KeyState
from tests.kms_world import (
    ALLOW_ALL,
    DISABLED,
    ELSEWHERE,
    ENABLED,
    OTHER,
    PENDING_DELETION,
    PENDING_IMPORT,
    START,
    UPDATING,
    Json,
    World,
    secret,
    wrap,
)

DAY = dt.timedelta(days=1)
FIRST, SECOND, THIRD = (bytes([n]) * 32 for n in (1, 2, 3))
OAEP = ("RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256")
KEY_WRAP = ("RSA_AES_KEY_WRAP_SHA_1", "RSA_AES_KEY_WRAP_SHA_256")
WRAPPINGS = list(product((*OAEP, *KEY_WRAP), ("RSA_2048", "RSA_3072")))
NEW = {"ImportType": "NEW_KEY_MATERIAL"}
EXISTING = {"ImportType": "EXISTING_KEY_MATERIAL"}
INVALID_TOKEN = ("InvalidImportTokenException", None)
EXPIRED_TOKEN = ("ExpiredImportTokenException", None)
INCORRECT = ("IncorrectKeyMaterialException", None)
INVALID_CIPHERTEXT = ("InvalidCiphertextException", None)


@pytest.fixture
def empty(world: World) -> Key:
    """A symmetric key that waits for its first material."""
    return world.external()


def named(key: Key, material: bytes) -> str:
    return material_id(material, key.id)


def described(world: World, key: Key) -> Json:
    shown: Json = world.do("DescribeKey", KeyId=key.id)["KeyMetadata"]
    return shown


def parameters(world: World, key: Key, **more: Any) -> Json:
    request = {"WrappingAlgorithm": OAEP[1], "WrappingKeySpec": "RSA_2048", **more}
    return world.do("GetParametersForImport", KeyId=str(key.arn), **request)


def bring(world: World, key: Key, material: bytes, **more: Any) -> Json:
    """Import some material, and return the output."""
    return world.do("ImportKeyMaterial", **world.bring(key, material, **more))


def refuse(world: World, key: Key, material: bytes, **more: Any) -> tuple[str, str | None]:
    """Try to import some material in vain, and return what is told; nothing has changed."""
    request = world.bring(key, material, **more)
    before = world.state
    told = world.told("ImportKeyMaterial", **request)
    assert world.state is before
    return told


def listed(world: World, key: Key) -> list[Json]:
    """Return all material of a key as it is listed."""
    more = {"IncludeKeyMaterial": "ALL_KEY_MATERIAL"}
    entries: list[Json] = world.do("ListKeyRotations", KeyId=key.id, **more)["Rotations"]
    return entries


def seal(world: World, key: Key) -> bytes:
    blob: bytes = world.do("Encrypt", KeyId=key.id, Plaintext=b"deed")["CiphertextBlob"]
    return blob


def pending_import(key: Key) -> tuple[str, str]:
    return "KMSInvalidStateException", f"{key.arn} is pending import."


# Parameters


@pytest.mark.parametrize(("algorithm", "spec"), WRAPPINGS)
def test_parameters_are_a_public_key_and_a_token_for_a_day(
    world: World, empty: Key, algorithm: str, spec: str
) -> None:
    """CORE K-10, K-130, K-131, C-52, C-53."""
    given = parameters(world, empty, WrappingAlgorithm=algorithm, WrappingKeySpec=spec)

    assert set(given) == {"KeyId", "ImportToken", "PublicKey", "ParametersValidTo"}
    assert given["KeyId"] == str(empty.arn)
    assert given["ParametersValidTo"] == START + DAY
    assert 0 < len(given["ImportToken"]) <= 6144
    public = serialization.load_der_public_key(given["PublicKey"])
    assert isinstance(public, rsa.RSAPublicKey)
    assert public.key_size == int(spec.removeprefix("RSA_"))
    assert world.events[-1].response is None
    assert world.found(empty) == empty


def test_every_call_makes_a_pair_and_a_token_of_its_own(world: World, empty: Key) -> None:
    """CORE K-130: and earlier ones stay good."""
    world.entropy.material = SeededEntropy(5).material  # type: ignore[method-assign]
    first, second = parameters(world, empty), parameters(world, empty)

    assert first["PublicKey"] != second["PublicKey"]
    assert first["ImportToken"] != second["ImportToken"]
    for given in (first, second, first):
        request = {
            "KeyId": empty.id,
            "ImportToken": given["ImportToken"],
            "EncryptedKeyMaterial": wrap(given["PublicKey"], OAEP[1], FIRST),
            "ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE",
        }
        assert world.do("ImportKeyMaterial", **request)
    crossed = {**request, "ImportToken": second["ImportToken"]}
    assert world.told("ImportKeyMaterial", **crossed) == INVALID_CIPHERTEXT


def unsuitable(spec: str, algorithm: str, wrapping_spec: str) -> bool:
    """CORE K-130."""
    if algorithm in ("RSAES_PKCS1_V1_5", "SM2PKE") or wrapping_spec == "SM2":
        return True
    if algorithm in KEY_WRAP:
        return False
    return spec.startswith("RSA_") or (spec, wrapping_spec) == ("ECC_NIST_P521", "RSA_2048")


def enum_of(member: str) -> list[str]:
    """Return what the service model lets a member of GetParametersForImport be."""
    known = shapes._model()
    shape = known["shapes"]["GetParametersForImportRequest"]["members"][member]["shape"]
    found: list[str] = known["shapes"][shape]["enum"]
    return found


@pytest.mark.parametrize("spec", [spec for spec in SPECS if hazmat.can_make(spec)])
def test_material_goes_only_through_a_wrapping_that_can_carry_it(world: World, spec: str) -> None:
    """CORE K-45, K-130, 13."""
    key = world.external(spec=spec)

    for algorithm, wrapping_spec in product(
        enum_of("WrappingAlgorithm"), enum_of("WrappingKeySpec")
    ):
        request = {"WrappingAlgorithm": algorithm, "WrappingKeySpec": wrapping_spec}
        error = world.ask("GetParametersForImport", KeyId=key.id, **request).error
        told = (error.code, error.message) if error is not None else None
        wrong = unsuitable(spec, algorithm, wrapping_spec)
        assert told == (("UnsupportedOperationException", None) if wrong else None), request


def test_the_state_is_told_before_the_wrapping(world: World) -> None:
    """CORE K-130."""
    key = world.external(FIRST)
    world.do("ScheduleKeyDeletion", KeyId=key.id)
    request = {"WrappingAlgorithm": "RSAES_PKCS1_V1_5", "WrappingKeySpec": "SM2"}

    assert world.told("GetParametersForImport", KeyId=key.id, **request) == (
        "KMSInvalidStateException",
        f"{key.arn} is pending deletion.",
    )


@pytest.mark.parametrize("state", [ENABLED, DISABLED, PENDING_DELETION])
@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("GetParametersForImport", {"WrappingAlgorithm": "SM2PKE", "WrappingKeySpec": "SM2"}),
        ("ImportKeyMaterial", {"ImportToken": b"x", "EncryptedKeyMaterial": b"x"}),
        ("DeleteImportedKeyMaterial", {"KeyMaterialId": "a" * 64}),
    ],
)
def test_a_key_with_material_of_its_own_takes_no_other(
    world: World, name: str, more: Json, state: Any
) -> None:
    """CORE K-29 NX: told before the state and all the rest."""
    key = world.key(state=state)
    if name == "ImportKeyMaterial":
        more = {**more, "ValidTo": START + DAY}

    assert world.told(name, KeyId=key.id, **more) == (
        "UnsupportedOperationException",
        f"{key.arn} origin is AWS_KMS which is not valid for this operation.",
    )


# Tokens


def test_a_token_is_good_for_a_day_and_as_often_as_one_likes(world: World, empty: Key) -> None:
    """CORE K-131, 13, C-53."""
    request = world.bring(empty, FIRST)
    assert world.do("ImportKeyMaterial", **request)
    world.advance(days=1, milliseconds=-1)
    assert world.do("ImportKeyMaterial", **request)
    world.advance(milliseconds=1)

    assert world.told("ImportKeyMaterial", **request) == EXPIRED_TOKEN


def test_a_wrapping_key_is_gone_with_its_token(world: World, empty: Key) -> None:
    """CORE K-131: nothing can be unwrapped by it afterwards, from whatever copy of the state."""
    parameters(world, empty)
    world.advance(hours=12)
    parameters(world, empty)
    world.advance(hours=12)
    world.service.settle()

    (left,) = world.state.wrapping_keys[str(empty.arn)].values()
    assert left.valid_to == START + dt.timedelta(hours=36)
    world.advance(hours=12)
    world.service.settle()
    assert len(world.state.wrapping_keys) == 0
    assert len(world.state.due) == 0


def test_any_changed_byte_makes_a_token_invalid(world: World, empty: Key) -> None:
    """CORE K-131."""
    request = world.bring(empty, FIRST)
    token = request["ImportToken"]
    changed = [token[:n] + bytes([token[n] ^ 1]) + token[n + 1 :] for n in range(len(token))]

    for wrong in (*changed, token[:-1], token + b"x", token[1:], b"x", bytes(6144)):
        request["ImportToken"] = wrong
        assert world.told("ImportKeyMaterial", **request) == INVALID_TOKEN


def test_a_token_without_any_made_before_is_invalid(world: World, empty: Key) -> None:
    """CORE K-131."""
    request = {
        "KeyId": empty.id,
        "ImportToken": bytes(57),
        "EncryptedKeyMaterial": b"x",
        "ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE",
    }

    assert world.told("ImportKeyMaterial", **request) == INVALID_TOKEN


@pytest.mark.parametrize("more", [{}, {"region": ELSEWHERE}, {"account": OTHER}])
def test_a_token_is_good_for_its_own_key_only(world: World, empty: Key, more: Json) -> None:
    """CORE K-131: id, Region and account, also of the same id elsewhere."""
    other = world.external(**more)
    if more:
        arn = replace(empty.arn, **more)
        world.change(lambda state: state.without_key(other))
        other = replace(other, arn=arn)
        world.put(other)
    caller = world.user("somebody", ALLOW_ALL, account=other.account)
    request = {**world.bring(empty, FIRST), "KeyId": str(other.arn)}

    told = world.told("ImportKeyMaterial", caller, region=other.region, **request)

    assert told == INVALID_TOKEN


def test_an_old_token_of_another_key_is_invalid_and_not_expired(world: World, empty: Key) -> None:
    """CORE K-131."""
    request = {**world.bring(empty, FIRST), "KeyId": world.external().id}
    world.advance(days=2)

    assert world.told("ImportKeyMaterial", **request) == INVALID_TOKEN


def test_a_token_is_told_before_what_is_wrapped(world: World, empty: Key) -> None:
    """CORE K-134."""
    request = {**world.bring(empty, FIRST), "EncryptedKeyMaterial": b"x"}
    assert world.told("ImportKeyMaterial", **request) == INVALID_CIPHERTEXT
    world.advance(days=1)

    assert world.told("ImportKeyMaterial", **request) == EXPIRED_TOKEN


# Unwrapping and format


@pytest.mark.parametrize(("algorithm", "spec"), [*WRAPPINGS, (KEY_WRAP[1], "RSA_4096")])
def test_material_comes_in_through_every_wrapping(
    world: World, empty: Key, algorithm: str, spec: str
) -> None:
    """CORE K-132, K-140: another wrapping each time if one likes."""
    assert bring(world, empty, FIRST, algorithm=algorithm, spec=spec) == {
        "KeyId": str(empty.arn),
        "KeyMaterialId": named(empty, FIRST),
    }

    assert world.found(empty).current_material.secret == FIRST


@pytest.mark.parametrize(("algorithm", "other"), list(product((*OAEP, *KEY_WRAP), repeat=2)))
def test_material_wrapped_in_another_way_does_not_unwrap(
    world: World, empty: Key, algorithm: str, other: str
) -> None:
    """CORE K-131, K-132: the algorithm is that of the token."""
    given = parameters(world, empty, WrappingAlgorithm=algorithm)
    request = {
        "KeyId": empty.id,
        "ImportToken": given["ImportToken"],
        "EncryptedKeyMaterial": wrap(given["PublicKey"], other, FIRST),
        "ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE",
    }

    error = world.ask("ImportKeyMaterial", **request).error

    told = (error.code, error.message) if error is not None else None
    assert told == (None if other == algorithm else INVALID_CIPHERTEXT)


@pytest.mark.parametrize("algorithm", [*OAEP, *KEY_WRAP])
def test_a_changed_wrapping_does_not_unwrap(world: World, empty: Key, algorithm: str) -> None:
    """CORE K-132."""
    request = world.bring(empty, FIRST, algorithm=algorithm)
    whole = request["EncryptedKeyMaterial"]
    flipped = [
        whole[:n] + bytes([whole[n] ^ 1]) + whole[n + 1 :] for n in (0, 255, -1 % len(whole))
    ]

    for wrong in (*flipped, whole[:-1], whole[:256][:-1], whole + b"x", b"x", bytes(6144)):
        request["EncryptedKeyMaterial"] = wrong
        assert world.told("ImportKeyMaterial", **request) == INVALID_CIPHERTEXT


IMPORTABLE = [spec for spec in SPECS if hazmat.can_make(spec)]


def own(spec: str) -> bytes:
    return FIRST[:1] * MATERIAL_BYTES[spec] if spec in MATERIAL_BYTES else secret(spec)


@pytest.mark.parametrize("spec", IMPORTABLE)
def test_every_kind_of_key_takes_material_of_its_kind(world: World, spec: str) -> None:
    """CORE K-13, K-133, K-134, 13."""
    key = world.external(spec=spec)
    output = bring(world, key, own(spec), algorithm=KEY_WRAP[1], spec="RSA_3072")

    symmetric = {"KeyMaterialId": named(key, own(spec))} if spec == "SYMMETRIC_DEFAULT" else {}
    assert output == {"KeyId": str(key.arn), **symmetric}
    logged = {f"k{name[1:]}": value for name, value in output.items()}
    assert world.events[-1].response == logged
    assert world.found(key).current_material.secret == own(spec)
    shown = described(world, key)
    assert (shown["KeyState"], shown["Enabled"]) == ("Enabled", True)
    assert shown["ExpirationModel"] == "KEY_MATERIAL_DOES_NOT_EXPIRE"
    assert "ValidTo" not in shown
    assert ("CurrentKeyMaterialId" in shown) is bool(symmetric)


@pytest.mark.parametrize("spec", IMPORTABLE)
def test_no_kind_of_key_takes_material_of_another(world: World, spec: str) -> None:
    """CORE K-133."""
    key = world.external(spec=spec)
    others = {own(other) for other in IMPORTABLE} - {own(spec)}
    others |= {b"x", b"\x30" * 40, own(spec) + b"\0", own(spec)[:-1]}
    # Random bytes may spell anything: 48 of them make an Ed25519 key in PKCS#8 as well.
    others = {o for o in others if spec not in MATERIAL_BYTES or len(o) != len(own(spec))}

    given = parameters(world, key, WrappingAlgorithm=KEY_WRAP[0])
    request = {
        "KeyId": key.id,
        "ImportToken": given["ImportToken"],
        "ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE",
    }
    for material in others:
        request["EncryptedKeyMaterial"] = wrap(given["PublicKey"], KEY_WRAP[0], material)
        assert world.told("ImportKeyMaterial", **request) == INCORRECT
    assert world.found(key) == key


@pytest.mark.parametrize("spec", ["RSA_2048", "ECC_NIST_P256"])
def test_a_private_key_comes_as_unencrypted_pkcs_8(world: World, spec: str) -> None:
    """CORE K-133."""
    key, der = world.external(spec=spec), serialization.Encoding.DER
    private = serialization.load_der_private_key(secret(spec), None)
    traditional, pkcs8 = (
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.PrivateFormat.PKCS8,
    )
    plain = serialization.NoEncryption()
    locked = serialization.BestAvailableEncryption(b"password")
    pem = private.private_bytes(serialization.Encoding.PEM, pkcs8, plain)
    public = hazmat.public_key(secret(spec))

    for wrong in (
        private.private_bytes(der, traditional, plain),
        private.private_bytes(der, pkcs8, locked),
        pem,
        public,
    ):
        assert refuse(world, key, wrong, algorithm=KEY_WRAP[1]) == INCORRECT


def test_a_key_whose_material_could_never_be_loaded_is_not_made(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CORE 13."""
    monkeypatch.setattr(hazmat, "can_make", lambda _spec: False)
    request = {"KeySpec": "ML_DSA_44", "KeyUsage": "SIGN_VERIFY", "Origin": "EXTERNAL"}

    assert world.told("CreateKey", **request) == ("UnsupportedOperationException", None)


# What a request may say


def test_material_expires_unless_told_otherwise(world: World, empty: Key) -> None:
    """CORE K-134."""
    request = world.bring(empty, FIRST)
    del request["ExpirationModel"]
    message = "A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES"

    for more in ({}, {"ExpirationModel": "KEY_MATERIAL_EXPIRES"}):
        told = world.told("ImportKeyMaterial", **request, **more)
        assert told == ("ValidationException", message)
    request |= {"ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE", "ValidTo": START + DAY}
    assert world.told("ImportKeyMaterial", **request)[0] == "ValidationException"


@pytest.mark.parametrize(
    ("after", "message"),
    [
        (dt.timedelta(0), "ValidTo must be in the future"),
        (-DAY, "ValidTo must be in the future"),
        (
            365 * DAY + dt.timedelta(milliseconds=1),
            "ValidTo must be at most 365 days in the future",
        ),
        (dt.timedelta(milliseconds=1), None),
        (365 * DAY, None),
    ],
)
def test_the_end_of_material_is_within_a_year(
    world: World, empty: Key, after: dt.timedelta, message: str | None
) -> None:
    """CORE K-134."""
    error = world.ask("ImportKeyMaterial", **world.bring(empty, FIRST, ValidTo=START + after)).error

    told = (error.code, error.message) if error is not None else None
    assert told == (("ValidationException", message) if message is not None else None)


@pytest.mark.parametrize("spec", ["HMAC_256", "ECC_NIST_P256"])
@pytest.mark.parametrize(
    "more", [NEW, EXISTING, {"KeyMaterialId": "a" * 64}, {"KeyMaterialDescription": "x"}]
)
def test_only_symmetric_keys_know_their_materials_apart(
    world: World, spec: str, more: Json
) -> None:
    """CORE K-134, 13."""
    key = world.external(spec=spec)
    told = refuse(world, key, own(spec), **more)

    assert told == (
        "ValidationException",
        f"{next(iter(more))} is supported only for symmetric encryption keys.",
    )


@pytest.mark.parametrize("more", [NEW, {}])
def test_new_material_has_no_id_yet(world: World, empty: Key, more: Json) -> None:
    """CORE K-134: said or not, the first material is new."""
    told = refuse(world, empty, FIRST, KeyMaterialId=named(empty, FIRST), **more)

    assert told == (
        "ValidationException",
        "KeyMaterialId cannot be specified for new key material.",
    )


def test_import_types_are_spelled_as_on_the_wire() -> None:
    assert {str(each) for each in ImportType} == set(
        shapes._model()["shapes"]["ImportType"]["enum"]
    )


# The first material


def test_the_life_of_an_imported_key_begins_with_its_material(world: World) -> None:
    """CORE K-129, K-141, C-50, C-51."""
    made = world.do("CreateKey", Origin="EXTERNAL")["KeyMetadata"]
    key = world.state.key(made["Arn"])
    assert key is not None
    assert (made["Enabled"], made["KeyState"]) == (False, "PendingImport")
    assert not {"ExpirationModel", "ValidTo", "CurrentKeyMaterialId"} & set(made)
    assert listed(world, key) == []
    assert world.told("Encrypt", KeyId=key.id, Plaintext=b"x") == pending_import(key)

    bring(world, key, FIRST, ValidTo=START + 30 * DAY)

    assert described(world, key) == {
        **made,
        "Enabled": True,
        "KeyState": "Enabled",
        "CurrentKeyMaterialId": named(key, FIRST),
        "ExpirationModel": "KEY_MATERIAL_EXPIRES",
        "ValidTo": START + 30 * DAY,
    }
    assert listed(world, key) == [
        {
            "KeyId": key.id,
            "KeyMaterialId": named(key, FIRST),
            "KeyMaterialState": "CURRENT",
            "ImportState": "IMPORTED",
            "ExpirationModel": "KEY_MATERIAL_EXPIRES",
            "ValidTo": START + 30 * DAY,
        }
    ]
    opened = world.do("Decrypt", CiphertextBlob=seal(world, key))
    assert (opened["Plaintext"], opened["KeyMaterialId"]) == (b"deed", named(key, FIRST))


def test_material_that_was_never_there_is_not_existing(world: World, empty: Key) -> None:
    """CORE K-135."""
    assert refuse(world, empty, FIRST, **EXISTING) == INCORRECT


def test_the_same_bytes_have_another_id_in_another_key(world: World) -> None:
    """CORE K-110."""
    one, other = world.external(FIRST), world.external(FIRST)

    assert one.current_material.id != other.current_material.id


# The same material again


@pytest.mark.parametrize("more", [{}, EXISTING])
def test_the_same_material_may_come_again_with_another_end(world: World, more: Json) -> None:
    """CORE K-55, K-135."""
    key = world.external()
    bring(world, key, FIRST, KeyMaterialDescription="by hand", ValidTo=START + DAY)
    world.advance(hours=1)
    bring(world, key, FIRST, ValidTo=START + 9 * DAY, KeyMaterialId=named(key, FIRST), **more)

    (entry,) = listed(world, key)
    assert (entry["ValidTo"], entry["KeyMaterialDescription"]) == (START + 9 * DAY, "by hand")
    assert described(world, key)["ValidTo"] == START + 9 * DAY
    bring(world, key, FIRST, KeyMaterialDescription="by machine", **more)
    (entry,) = listed(world, key)
    assert entry["KeyMaterialDescription"] == "by machine"
    assert entry["ExpirationModel"] == "KEY_MATERIAL_DOES_NOT_EXPIRE"
    assert "ValidTo" not in entry
    world.advance(days=400)
    assert described(world, key)["KeyState"] == "Enabled"


@pytest.mark.parametrize("more", [{}, EXISTING])
def test_other_material_is_not_the_same(world: World, more: Json) -> None:
    """CORE K-135."""
    key = world.external(FIRST)

    assert refuse(world, key, SECOND, **more) == INCORRECT
    assert refuse(world, key, FIRST, KeyMaterialId=named(key, SECOND), **more) == INCORRECT


@pytest.mark.parametrize("spec", ["HMAC_512", "ECC_NIST_P384"])
def test_other_keys_keep_their_first_material_for_ever(world: World, spec: str) -> None:
    """CORE K-135."""
    key = world.external(own(spec), spec=spec)
    other = SeededEntropy(3).material(spec)

    assert refuse(world, key, other) == INCORRECT
    assert bring(world, key, own(spec)) == {"KeyId": str(key.arn)}


def test_the_same_private_key_in_another_spelling_is_the_same_material(world: World) -> None:
    """CORE K-135: PKCS#8 of a curve may leave the public key out."""
    whole = secret("ECC_NIST_P256")
    key = world.external(whole, spec="ECC_NIST_P256")
    head, number = whole[3:27], whole[36:68]  # version and algorithm; the private number
    inner = bytes.fromhex("042730250201010420") + number
    short = b"\x30" + bytes([len(head) + len(inner)]) + head + inner

    assert bring(world, key, short) == {"KeyId": str(key.arn)}
    assert world.found(key) == key


@pytest.mark.parametrize("state", [DISABLED, UPDATING])
def test_an_import_leaves_a_key_that_has_all_its_material_as_it_is(
    world: World, state: KeyState
) -> None:
    """CORE K-137, 13."""
    key = world.external(FIRST)
    request = world.bring(key, FIRST)
    world.put(replace(key, state=state))
    world.do("ImportKeyMaterial", **request)

    assert world.found(key).state is state


# New material


def test_new_material_waits_for_a_rotation_on_demand(world: World) -> None:
    """CORE K-98, K-120, K-128, K-135, C-44."""
    key = world.external(FIRST)
    assert world.told("RotateKeyOnDemand", KeyId=key.id) == (
        "KMSInvalidStateException",
        f"No available key material pending rotation for the key: {key.arn}.",
    )
    old = seal(world, key)
    brought = bring(world, key, SECOND, KeyMaterialDescription="second", **NEW)
    assert brought["KeyMaterialId"] == named(key, SECOND)

    shown = described(world, key)
    assert (shown["KeyState"], shown["CurrentKeyMaterialId"]) == ("Enabled", named(key, FIRST))
    states = [(e["KeyMaterialId"], e["KeyMaterialState"]) for e in listed(world, key)]
    assert states == [
        (named(key, FIRST), "CURRENT"),
        (named(key, SECOND), "PENDING_ROTATION"),
    ]
    assert world.do("ListKeyRotations", KeyId=key.id)["Rotations"] == []
    assert world.do("Decrypt", CiphertextBlob=seal(world, key))["KeyMaterialId"] == states[0][0]
    world.advance(days=3)
    assert world.do("RotateKeyOnDemand", KeyId=key.id) == {"KeyId": str(key.arn)}

    assert listed(world, key) == [
        {
            "KeyId": key.id,
            "KeyMaterialId": named(key, FIRST),
            "KeyMaterialState": "NON_CURRENT",
            "ImportState": "IMPORTED",
            "ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE",
        },
        {
            "KeyId": key.id,
            "KeyMaterialId": named(key, SECOND),
            "KeyMaterialState": "CURRENT",
            "ImportState": "IMPORTED",
            "ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE",
            "KeyMaterialDescription": "second",
            "RotationDate": START + 3 * DAY,
            "RotationType": "ON_DEMAND",
        },
    ]
    assert world.do("Decrypt", CiphertextBlob=old)["KeyMaterialId"] == named(key, FIRST)
    opened = world.do("Decrypt", CiphertextBlob=seal(world, key))
    assert opened["KeyMaterialId"] == named(key, SECOND)
    event = next(event for event in world.events if event.operation == "RotateKey")
    assert event.details == {
        "keyId": key.id,
        "rotationType": "ON_DEMAND",
        "keyOrigin": "EXTERNAL",
        "previousKeyMaterialId": named(key, FIRST),
        "currentKeyMaterialId": named(key, SECOND),
    }
    assert world.told("RotateKeyOnDemand", KeyId=key.id)[0] == "KMSInvalidStateException"


def test_only_one_material_waits_at_a_time(world: World) -> None:
    """CORE K-135."""
    key = world.external(FIRST)
    bring(world, key, SECOND, **NEW)

    assert refuse(world, key, THIRD, **NEW) == (
        "KMSInvalidStateException",
        f"New key material (id: {named(key, THIRD)}) cannot be imported into KMS key {key.arn}, "
        f"because another key material (id: {named(key, SECOND)}) is pending rotation.",
    )


def test_material_that_belongs_to_the_key_is_not_new(world: World) -> None:
    """CORE K-135."""
    key = world.external(FIRST, SECOND)

    for material in (FIRST, SECOND):
        assert refuse(world, key, material, **NEW) == INCORRECT


@pytest.mark.parametrize("more", [{}, EXISTING, NEW])
def test_material_that_waits_may_come_again(world: World, more: Json) -> None:
    """CORE K-55, K-135."""
    key = world.external(FIRST)
    bring(world, key, SECOND, **NEW)
    bring(world, key, SECOND, ValidTo=START + DAY, **more)

    assert [e.get("ValidTo") for e in listed(world, key)] == [None, START + DAY]
    assert world.found(key).materials == key.materials


# The end of material


def test_material_expires_at_its_time_and_may_return(world: World) -> None:
    """CORE K-138, K-140, C-44."""
    key = world.external()
    bring(world, key, FIRST, ValidTo=START + 30 * DAY)
    blob = seal(world, key)
    world.advance(days=30, milliseconds=-1)
    assert world.do("Decrypt", CiphertextBlob=blob)
    world.advance(milliseconds=1)

    assert world.told("Decrypt", CiphertextBlob=blob) == pending_import(key)
    assert world.found(key).current_material.octets is None
    shown = described(world, key)
    assert (shown["KeyState"], shown["Enabled"]) == ("PendingImport", False)
    assert shown["CurrentKeyMaterialId"] == named(key, FIRST)
    assert not {"ExpirationModel", "ValidTo"} & set(shown)
    assert listed(world, key) == [
        {
            "KeyId": key.id,
            "KeyMaterialId": named(key, FIRST),
            "KeyMaterialState": "CURRENT",
            "ImportState": "PENDING_IMPORT",
        }
    ]
    assert refuse(world, key, SECOND) == INCORRECT
    bring(world, key, FIRST, algorithm=KEY_WRAP[1], spec="RSA_3072")
    assert world.do("Decrypt", CiphertextBlob=blob)["Plaintext"] == b"deed"
    assert len(world.state.wrapping_keys[str(key.arn)]) == 2


def test_an_expiry_is_an_event_of_the_service_at_its_due_time(world: World) -> None:
    """CORE K-35, K-138, K-186."""
    key = world.external()
    mac = world.external(spec="HMAC_256")
    bring(world, key, FIRST, ValidTo=START + DAY)
    bring(world, mac, own("HMAC_256"), ValidTo=START + 2 * DAY)
    world.advance(days=90)
    world.service.settle()

    one, two = (e for e in world.events if e.operation == "DeleteExpiredKeyMaterial")
    assert (one.at, two.at) == (START + DAY, START + 2 * DAY)
    assert one.details == {"keyId": key.id, "keyMaterialId": named(key, FIRST)}
    assert two.details == {"keyId": mac.id}
    assert (one.resources, one.caller) == ((str(key.arn),), "AWS Internal")
    assert world.found(mac).state is PENDING_IMPORT
    assert len(world.state.due) == 0


def test_a_key_shows_the_first_end_of_those_that_belong_to_it(world: World) -> None:
    """CORE K-13: a pending one may end sooner."""
    key = world.external(FIRST, SECOND)
    bring(world, key, FIRST, ValidTo=START + 20 * DAY)
    bring(world, key, SECOND, ValidTo=START + 10 * DAY)
    bring(world, key, THIRD, ValidTo=START + 5 * DAY, **NEW)

    assert described(world, key)["ValidTo"] == START + 10 * DAY
    world.advance(days=5)
    shown = described(world, key)
    assert (shown["KeyState"], shown["ValidTo"]) == ("Enabled", START + 10 * DAY)
    assert [e["KeyMaterialId"] for e in listed(world, key)] == [
        named(key, FIRST),
        named(key, SECOND),
    ]


@pytest.mark.parametrize("lost", [FIRST, SECOND])
def test_a_key_needs_every_material_that_belongs_to_it(world: World, lost: bytes) -> None:
    """CORE K-13, K-65.5, K-136: current or not."""
    key = world.external(FIRST, SECOND)
    blob = seal(world, key)
    bring(world, key, lost, ValidTo=START + DAY)
    world.advance(days=1)

    assert world.told("Decrypt", CiphertextBlob=blob) == pending_import(key)
    assert "ExpirationModel" not in described(world, key)
    bring(world, key, lost)
    assert described(world, key)["KeyState"] == "Enabled"
    assert world.do("Decrypt", CiphertextBlob=blob)["Plaintext"] == b"deed"


def test_a_key_that_lost_several_waits_for_all_of_them(world: World) -> None:
    """CORE K-136."""
    key = world.external(FIRST, SECOND)
    for material in (FIRST, SECOND):
        bring(world, key, material, ValidTo=START + DAY)
    world.advance(days=1)
    bring(world, key, FIRST)
    assert described(world, key)["KeyState"] == "PendingImport"
    bring(world, key, SECOND)

    assert described(world, key)["KeyState"] == "Enabled"


def test_new_material_may_come_while_the_key_waits_for_the_old(world: World) -> None:
    """CORE K-136: it does not take its place."""
    key = world.external(FIRST)
    world.do("DeleteImportedKeyMaterial", KeyId=key.id)
    bring(world, key, SECOND, **NEW)

    assert described(world, key)["KeyState"] == "PendingImport"
    assert world.told("RotateKeyOnDemand", KeyId=key.id) == pending_import(key)


@pytest.mark.parametrize("end", ["expiry", "removal"])
def test_a_rotation_ends_with_the_material_it_would_have_brought(end: str) -> None:
    """CORE K-120, K-136."""
    world = World(replace(World().service.settings, transition_seconds=3600))
    key = world.external(FIRST)
    bring(world, key, SECOND, ValidTo=START + dt.timedelta(seconds=60), **NEW)
    world.do("RotateKeyOnDemand", KeyId=key.id)
    if end == "expiry":
        world.advance(seconds=60)
    else:
        world.do("DeleteImportedKeyMaterial", KeyId=key.id, KeyMaterialId=named(key, SECOND))
    world.service.settle()

    assert world.found(key) == key
    assert len([d for d in world.state.due if d[2] == str(key.arn)]) == 0


def test_material_expires_also_while_the_key_is_to_end(world: World) -> None:
    """CORE K-28, K-145."""
    key = world.external()
    bring(world, key, FIRST, ValidTo=START + DAY)
    world.do("ScheduleKeyDeletion", KeyId=key.id)
    world.advance(days=1)

    assert described(world, key)["KeyState"] == "PendingDeletion"
    world.do("CancelKeyDeletion", KeyId=key.id)
    assert described(world, key)["KeyState"] == "PendingImport"


@pytest.mark.parametrize("state", [ENABLED, DISABLED, UPDATING])
def test_a_key_without_its_material_waits_whatever_it_was(world: World, state: Any) -> None:
    """CORE K-28: and is on once it has it again."""
    key = world.external()
    bring(world, key, FIRST, ValidTo=START + DAY)
    world.put(replace(world.found(key), state=state))
    world.advance(days=1)

    assert described(world, key)["KeyState"] == "PendingImport"
    bring(world, key, FIRST)
    assert described(world, key)["KeyState"] == "Enabled"


# Taking it away


def test_material_that_is_taken_away_may_return(world: World) -> None:
    """CORE K-10, K-139, K-140."""
    key = world.external(FIRST)
    blob = seal(world, key)

    output = world.do("DeleteImportedKeyMaterial", KeyId=key.id)

    assert output == {"KeyId": str(key.arn), "KeyMaterialId": named(key, FIRST)}
    assert world.events[-1].response == {
        "keyId": str(key.arn),
        "keyMaterialId": named(key, FIRST),
    }
    assert world.found(key).current_material.octets is None
    assert world.told("Decrypt", CiphertextBlob=blob) == pending_import(key)
    assert not {"ExpirationModel", "ValidTo"} & set(described(world, key))
    assert world.do("DeleteImportedKeyMaterial", KeyId=key.id) == output  # CORE K-55
    bring(world, key, FIRST)
    assert world.do("Decrypt", CiphertextBlob=blob)["Plaintext"] == b"deed"


def test_taking_away_what_was_never_there_has_no_effect(world: World, empty: Key) -> None:
    """CORE K-29, K-139."""
    assert world.do("DeleteImportedKeyMaterial", KeyId=empty.id) == {"KeyId": str(empty.arn)}
    assert world.found(empty) == empty


def test_one_of_several_materials_may_be_taken_away(world: World) -> None:
    """CORE K-139: the current one unless told."""
    key = world.external(FIRST, SECOND)
    request = {"KeyId": key.id, "KeyMaterialId": named(key, FIRST)}
    assert world.do("DeleteImportedKeyMaterial", **request)["KeyMaterialId"] == named(key, FIRST)
    assert [m.is_present for m in world.found(key).materials] == [False, True]
    world.do("DeleteImportedKeyMaterial", KeyId=key.id)

    assert [m.is_present for m in world.found(key).materials] == [False, False]


def test_pending_material_that_is_taken_away_is_gone(world: World) -> None:
    """CORE K-136, K-139."""
    key = world.external(FIRST)
    bring(world, key, SECOND, ValidTo=START + DAY, **NEW)
    identifier = named(key, SECOND)

    output = world.do("DeleteImportedKeyMaterial", KeyId=key.id, KeyMaterialId=identifier)

    assert output["KeyMaterialId"] == identifier
    assert world.found(key) == key
    assert refuse(world, key, SECOND) == INCORRECT
    assert bring(world, key, THIRD, **NEW)


def test_a_material_that_the_key_does_not_know_is_not_found(world: World) -> None:
    """CORE K-139, 13."""
    key, identifier = world.external(FIRST), "a" * 64
    mac = world.external(own("HMAC_256"), spec="HMAC_256")

    for each, wrong in ((key, identifier), (mac, mac.current_material.id)):
        told = world.told("DeleteImportedKeyMaterial", KeyId=each.id, KeyMaterialId=wrong)
        assert told == ("NotFoundException", f"Key material {wrong} does not exist")


@pytest.mark.parametrize("spec", ["HMAC_256", "ECC_NIST_P256"])
def test_other_keys_lose_their_material_without_naming_it(world: World, spec: str) -> None:
    """CORE K-110, K-139."""
    key = world.external(own(spec), spec=spec)

    assert world.do("DeleteImportedKeyMaterial", KeyId=key.id) == {"KeyId": str(key.arn)}
    assert described(world, key)["KeyState"] == "PendingImport"


def test_material_is_taken_away_from_a_key_that_is_to_end(world: World) -> None:
    """CORE K-139, K-145, K-147."""
    key = world.external(FIRST)
    world.do("ScheduleKeyDeletion", KeyId=key.id)
    world.do("DeleteImportedKeyMaterial", KeyId=key.id)

    assert described(world, key)["KeyState"] == "PendingDeletion"
    world.do("CancelKeyDeletion", KeyId=key.id)
    assert described(world, key)["KeyState"] == "PendingImport"


def test_what_hangs_on_a_key_stays_without_its_material(world: World) -> None:
    """CORE K-31, K-139."""
    key = world.external(FIRST)
    world.alias("alias/a", key)
    grant = world.do("CreateGrant", KeyId=key.id, GranteePrincipal=OTHER, Operations=["Decrypt"])
    world.do("DeleteImportedKeyMaterial", KeyId=key.id)

    assert described(world, key)["KeyState"] == "PendingImport"
    assert world.do("ListGrants", KeyId=key.id)["Grants"][0]["GrantId"] == grant["GrantId"]
    assert [e["AliasName"] for e in world.do("ListAliases")["Aliases"]] == ["alias/a"]


def test_a_key_takes_its_wrapping_keys_along(world: World, empty: Key) -> None:
    """CORE K-146."""
    request = world.bring(empty, FIRST)
    world.change(lambda state: state.without_key(empty))

    assert len(world.state.wrapping_keys) == 0
    assert len(world.state.due) == 0
    assert world.told("ImportKeyMaterial", **request)[0] == "NotFoundException"


# Permission


def test_the_wrapping_can_be_asked_for_by_policies(world: World, empty: Key) -> None:
    """AUTH J-79 to J-81."""
    weak = {"StringEquals": {"kms:WrappingAlgorithm": "RSAES_OAEP_SHA_1"}}
    late = {"NumericGreaterThan": {"kms:ValidTo": str(int((START + 30 * DAY).timestamp()))}}
    bob = world.user(
        "bob",
        ALLOW_ALL,
        {**ALLOW_ALL, "Effect": "Deny", "Condition": weak},
        {**ALLOW_ALL, "Effect": "Deny", "Condition": late},
    )
    asked = {"KeyId": empty.id, "WrappingKeySpec": "RSA_2048"}

    told = world.told("GetParametersForImport", bob, WrappingAlgorithm=OAEP[0], **asked)
    assert told[0] == "AccessDeniedException"
    assert world.do("GetParametersForImport", bob, WrappingAlgorithm=OAEP[1], **asked)
    request = world.bring(empty, FIRST, ValidTo=START + 31 * DAY)
    assert world.told("ImportKeyMaterial", bob, **request)[0] == "AccessDeniedException"
    request["ValidTo"] = START + 30 * DAY
    assert world.do("ImportKeyMaterial", bob, **request)


def test_a_key_of_another_account_takes_no_material_from_here(world: World) -> None:
    """CORE K-50."""
    key = world.external(account=OTHER)
    request = {"WrappingAlgorithm": OAEP[0], "WrappingKeySpec": "RSA_2048"}

    told = world.told("GetParametersForImport", KeyId=str(key.arn), **request)
    assert told[0] == "AccessDeniedException"
