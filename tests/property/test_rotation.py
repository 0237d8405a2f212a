"""No rotation makes a ciphertext unreadable, however a key got its material (CORE K-98, K-115)."""

from __future__ import annotations

import datetime as dt

from hypothesis import given, settings
from hypothesis import strategies as st

from kms import Key
from tests.kms_world import World

PERIOD = 90
STEPS = st.lists(
    st.one_of(
        st.just("seal"),
        st.just("rotate"),
        st.integers(1, 400).map(lambda days: dt.timedelta(days=days)),
    ),
    min_size=1,
    max_size=12,
)


def new_material(world: World, key: Key, number: int) -> None:
    material = number.to_bytes(32, "big")
    request = world.bring(key, material, ImportType="NEW_KEY_MATERIAL")
    world.do("ImportKeyMaterial", **request)


@settings(max_examples=60, deadline=None)
@given(steps=STEPS, imported=st.booleans())
def test_what_was_sealed_before_a_rotation_opens_after_it(
    steps: list[str | dt.timedelta], imported: bool
) -> None:
    world = World()
    key = world.external(bytes(32)) if imported else world.key()
    if not imported:
        world.do("EnableKeyRotation", KeyId=key.id, RotationPeriodInDays=PERIOD)
    sealed: list[tuple[bytes, bytes, str]] = []
    for number, step in enumerate([*steps, "seal"], start=1):
        if isinstance(step, dt.timedelta):
            world.clock.advance(step)
        elif step == "rotate":
            if imported:
                new_material(world, key, number)
            if world.ask("RotateKeyOnDemand", KeyId=key.id).error is None:
                world.service.settle()
        else:
            made = world.do("GenerateDataKey", KeyId=key.id, KeySpec="AES_128")
            sealed.append((made["CiphertextBlob"], made["Plaintext"], made["KeyMaterialId"]))

    for blob, plaintext, material in sealed:
        opened = world.do("Decrypt", CiphertextBlob=blob)
        assert (opened["Plaintext"], opened["KeyMaterialId"]) == (plaintext, material)
    assert sealed[-1][2] == world.found(key).current_material.id
    every = {"IncludeKeyMaterial": "ALL_KEY_MATERIAL", "Limit": 1000}
    listed = world.do("ListKeyRotations", KeyId=key.id, **every)["Rotations"]
    assert len(listed) == len({entry["KeyMaterialId"] for entry in listed})
    assert {material for _, _, material in sealed} <= {entry["KeyMaterialId"] for entry in listed}
