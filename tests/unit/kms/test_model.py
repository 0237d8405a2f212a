"""Keys, materials and aliases as values; the table of key specs."""

from __future__ import annotations

import copy
import dataclasses
import datetime as dt
import json
import pickle
from types import MappingProxyType
from typing import Any

import pytest

from kms import Alias, Key, KeyState, KeyUsage
from kms.hazmat import MATERIAL_BYTES
from kms.model import (
    ALGORITHM_LISTS,
    SPECS,
    AutomaticRotation,
    KeyManager,
    KeyMaterial,
    KeyOrigin,
    OnDemandRotation,
    RotationType,
    WrappingKey,
)
from kms.resources import shipped
from tests.kms_world import ELSEWHERE, START, World, arn

MODEL = json.loads((shipped("kms", "schemas") / "kms-2014-11-01.json").read_text())["shapes"]
OAEP = ("RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256")
RSA_SIGNING = tuple(
    f"RSASSA_{scheme}_SHA_{size}" for scheme in ("PKCS1_V1_5", "PSS") for size in (256, 384, 512)
)

# CORE 1.3
TABLE: dict[str, dict[str, tuple[str, ...]]] = {
    "SYMMETRIC_DEFAULT": {"ENCRYPT_DECRYPT": ("SYMMETRIC_DEFAULT",)},
    "RSA_2048": {"ENCRYPT_DECRYPT": OAEP, "SIGN_VERIFY": RSA_SIGNING},
    "RSA_3072": {"ENCRYPT_DECRYPT": OAEP, "SIGN_VERIFY": RSA_SIGNING},
    "RSA_4096": {"ENCRYPT_DECRYPT": OAEP, "SIGN_VERIFY": RSA_SIGNING},
    "ECC_NIST_P256": {"SIGN_VERIFY": ("ECDSA_SHA_256",), "KEY_AGREEMENT": ("ECDH",)},
    "ECC_NIST_P384": {"SIGN_VERIFY": ("ECDSA_SHA_384",), "KEY_AGREEMENT": ("ECDH",)},
    "ECC_NIST_P521": {"SIGN_VERIFY": ("ECDSA_SHA_512",), "KEY_AGREEMENT": ("ECDH",)},
    "ECC_SECG_P256K1": {"SIGN_VERIFY": ("ECDSA_SHA_256",)},
    "ECC_NIST_EDWARDS25519": {"SIGN_VERIFY": ("ED25519_SHA_512", "ED25519_PH_SHA_512")},
    "ML_DSA_44": {"SIGN_VERIFY": ("ML_DSA_SHAKE_256",)},
    "ML_DSA_65": {"SIGN_VERIFY": ("ML_DSA_SHAKE_256",)},
    "ML_DSA_87": {"SIGN_VERIFY": ("ML_DSA_SHAKE_256",)},
    "ML_KEM_512": {"ENCAPSULATE_DECAPSULATE": ("ML_KEM",)},  # as in the service model
    "ML_KEM_768": {"ENCAPSULATE_DECAPSULATE": ("ML_KEM",)},
    "ML_KEM_1024": {"ENCAPSULATE_DECAPSULATE": ("ML_KEM",)},
    "HMAC_224": {"GENERATE_VERIFY_MAC": ("HMAC_SHA_224",)},
    "HMAC_256": {"GENERATE_VERIFY_MAC": ("HMAC_SHA_256",)},
    "HMAC_384": {"GENERATE_VERIFY_MAC": ("HMAC_SHA_384",)},
    "HMAC_512": {"GENERATE_VERIFY_MAC": ("HMAC_SHA_512",)},
}


def test_every_key_spec_has_the_usages_and_algorithms_of_the_table() -> None:
    assert {spec: dict(usages) for spec, usages in SPECS.items()} == TABLE


def test_the_table_holds_only_specs_of_the_service() -> None:
    """CORE K-16: SM2 is left out on purpose."""
    assert set(SPECS) == set(MODEL["KeySpec"]["enum"]) - {"SM2"}


@pytest.mark.parametrize(
    ("enum", "shape"),
    [
        (KeyState, "KeyState"),
        (KeyUsage, "KeyUsageType"),
        (KeyOrigin, "OriginType"),
        (KeyManager, "KeyManagerType"),
        (RotationType, "RotationType"),
    ],
)
def test_enumerations_are_spelled_as_on_the_wire(enum: Any, shape: str) -> None:
    """CORE K-27."""
    assert {str(value) for value in enum} == set(MODEL[shape]["enum"])


def test_specs_cannot_be_changed() -> None:
    assert isinstance(SPECS, MappingProxyType)


def test_every_usage_has_a_list_of_algorithms_in_the_model() -> None:
    """CORE K-13."""
    assert set(ALGORITHM_LISTS) == set(KeyUsage)
    assert set(ALGORITHM_LISTS.values()) <= set(MODEL["KeyMetadata"]["members"])


def test_every_spec_without_a_private_key_has_a_size() -> None:
    assert set(MATERIAL_BYTES) == {spec for spec in SPECS if spec.startswith(("SYM", "HMAC"))}


# Material


MATERIAL = KeyMaterial("ab" * 32, b"sixteen secrets!", START)


@pytest.mark.parametrize("show", [repr, str, "{}".format, "{!r}".format])
def test_material_does_not_show_its_secret(show: Any) -> None:
    """CORE K-109."""
    assert "secret" not in show(MATERIAL)
    assert MATERIAL.id in show(MATERIAL)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_material_cannot_be_pickled(protocol: int) -> None:
    with pytest.raises(TypeError, match="key material cannot be pickled"):
        pickle.dumps(MATERIAL, protocol)


def test_material_cannot_be_copied_away_either() -> None:
    with pytest.raises(TypeError, match="cannot be pickled"):
        copy.deepcopy(MATERIAL)


def test_material_that_is_away_gives_no_bytes() -> None:
    """CORE K-136: an empty secret would still make a MAC."""
    away = dataclasses.replace(MATERIAL, octets=None)

    assert (MATERIAL.is_present, away.is_present) == (True, False)
    with pytest.raises(LookupError, match=f"key material {MATERIAL.id} is not here"):
        _ = away.secret


WRAPPING = WrappingKey("1", "arn", "RSAES_OAEP_SHA_256", b"a private key", START)


@pytest.mark.parametrize("show", [repr, str, "{}".format, "{!r}".format])
def test_a_wrapping_key_does_not_show_its_secret(show: Any) -> None:
    """CORE K-109."""
    assert "private key" not in show(WRAPPING)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_wrapping_key_cannot_be_pickled(protocol: int) -> None:
    with pytest.raises(TypeError, match="wrapping keys cannot be pickled"):
        pickle.dumps(WRAPPING, protocol)


# Keys


def test_a_key_knows_its_id_account_and_region_from_its_arn(key: Key) -> None:
    """CORE K-5, K-6."""
    assert str(key.arn) == f"arn:aws:kms:eu-west-1:111122223333:key/{key.id}"
    assert (key.account, key.region) == ("111122223333", "eu-west-1")


def test_a_key_cannot_be_changed(key: Key) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        key.state = KeyState.DISABLED  # type: ignore[misc]


@pytest.mark.parametrize("spec", SPECS)
def test_only_the_default_spec_is_symmetric_encryption(world: World, spec: str) -> None:
    usage = next(iter(SPECS[spec]))
    key = world.key(spec, usage, KeyState.PENDING_IMPORT)

    assert key.is_symmetric is (spec == "SYMMETRIC_DEFAULT")
    assert key.algorithms == TABLE[spec][usage]


def test_the_newest_material_encrypts_and_old_ones_are_found_by_id(key: Key) -> None:
    """CORE K-98."""
    newer = KeyMaterial("cd" * 32, b"other", START)
    rotated = dataclasses.replace(key, materials=(*key.materials, newer))

    assert rotated.current_material is newer
    assert rotated.material(newer.id) is newer
    assert rotated.material(key.materials[0].id) is key.materials[0]
    assert rotated.material("ef" * 32) is None


def test_pending_material_neither_encrypts_nor_decrypts(key: Key) -> None:
    """CORE K-98."""
    pending = KeyMaterial("cd" * 32, b"other", START)
    waiting = dataclasses.replace(key, pending=pending)

    assert waiting.current_material is key.current_material
    assert waiting.material(pending.id) is None


def test_a_key_is_complete_while_all_of_its_material_is_here(key: Key) -> None:
    """CORE K-136: a pending one does not count."""
    away = KeyMaterial("cd" * 32, None, START)

    assert key.is_complete
    assert dataclasses.replace(key, pending=away).is_complete
    assert not dataclasses.replace(key, materials=()).is_complete
    assert not dataclasses.replace(key, materials=(away, *key.materials)).is_complete


CALENDAR = AutomaticRotation(90, START, START + dt.timedelta(days=90))


@pytest.mark.parametrize("state", KeyState)
def test_a_key_rotates_only_while_it_is_on(key: Key, state: KeyState) -> None:
    """CORE K-123."""
    moved = dataclasses.replace(key, state=state, rotation=CALENDAR)

    rotates = state in (KeyState.ENABLED, KeyState.UPDATING)
    assert moved.rotates_at == (CALENDAR.next_at if rotates else None)
    assert dataclasses.replace(moved, rotation=None).rotates_at is None


def test_a_key_expires_with_the_first_of_its_materials(key: Key) -> None:
    """CORE K-138."""
    days = [START + dt.timedelta(days=n) for n in range(4)]
    first, second, pending = (
        dataclasses.replace(key.materials[0], id=str(n), expires_at=days[n]) for n in (3, 2, 1)
    )

    assert key.expires_at is None
    assert dataclasses.replace(key, materials=(first, second)).expires_at == days[2]
    assert dataclasses.replace(key, materials=(first,), pending=pending).expires_at == days[1]


# What a multi-Region set shares


def members(key: Key, **changed: Any) -> tuple[Key, Key]:
    """Return two members of a set; the first has changed."""
    there = dataclasses.replace(key, arn=dataclasses.replace(key.arn, region=ELSEWHERE))
    return dataclasses.replace(key, **changed), there


def test_members_share_rotation_and_material(key: Key) -> None:
    """CORE K-124, K-152."""
    newer = KeyMaterial("cd" * 32, b"other", START, START, RotationType.AUTOMATIC)
    here, there = members(
        key,
        materials=(*key.materials, newer),
        rotation=CALENDAR,
        on_demand=OnDemandRotation(START, START),
        state=KeyState.DISABLED,
        description="of this one",
    )

    shared = there.sharing(here)

    assert shared.materials == here.materials
    assert (shared.rotation, shared.on_demand) == (here.rotation, here.on_demand)
    assert (shared.arn, shared.state, shared.description) == (there.arn, KeyState.ENABLED, "")


def test_imported_bytes_stay_where_they_were_imported(key: Key) -> None:
    """CORE K-152, K-159."""
    old = dataclasses.replace(key.materials[0], expires_at=START, description="mine")
    rotated = dataclasses.replace(
        old, octets=None, expires_at=None, rotated_at=START, rotation=RotationType.ON_DEMAND
    )
    new = KeyMaterial("cd" * 32, b"other", START, expires_at=START, description="theirs")
    external = dataclasses.replace(key, origin=KeyOrigin.EXTERNAL, materials=(old,))
    here, there = members(external, materials=(rotated,), pending=new)

    shared = there.sharing(here)

    mine = dataclasses.replace(old, rotated_at=START, rotation=RotationType.ON_DEMAND)
    assert shared.materials == (mine,)
    assert shared.pending == KeyMaterial(new.id, None, START)
    assert shared.sharing(here) == shared
    assert there.sharing(shared).sharing(there) == there


def test_a_key_without_a_deletion_date_does_not_end(key: Key) -> None:
    assert key.ends_at is None


def test_a_key_may_end_later_than_it_shows(key: Key) -> None:
    """CORE K-146."""
    at, delay = START + dt.timedelta(days=7), dt.timedelta(hours=24)

    assert dataclasses.replace(key, deletion_at=at).ends_at == at
    assert dataclasses.replace(key, deletion_at=at, deletion_delay=delay).ends_at == at + delay


def test_an_alias_is_named_with_its_prefix() -> None:
    """CORE K-6."""
    alias = Alias(arn("arn:aws:kms:eu-west-1:111122223333:alias/a/b"), "x", START, START)

    assert alias.name == "alias/a/b"
