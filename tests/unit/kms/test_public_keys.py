"""GetPublicKey (CORE K-30, K-74)."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from kms import KeyUsage, Settings, hazmat
from kms.model import ALGORITHM_LISTS, SPECS
from tests.kms_world import DISABLED, PENDING_IMPORT, World, secret

PAIRS = [
    (spec, usage)
    for spec, usages in SPECS.items()
    for usage in usages
    if spec not in hazmat.MATERIAL_BYTES and hazmat.can_make(spec)
]
UNSUPPORTED = ("UnsupportedOperationException", None)

# CORE K-17
SPKI_BYTES = {
    "ECC_NIST_P256": 91,
    "ECC_NIST_P384": 120,
    "ECC_NIST_P521": 158,
    "ECC_SECG_P256K1": 88,
    "ECC_NIST_EDWARDS25519": 44,
    "ML_DSA_44": 1334,
    "ML_DSA_65": 1974,
    "ML_DSA_87": 2614,
}


@pytest.mark.parametrize(("spec", "usage"), PAIRS)
def test_a_key_pair_shows_its_public_key_and_how_to_use_it(
    world: World, spec: str, usage: KeyUsage
) -> None:
    """CORE K-10, K-17, K-74."""
    key = world.key(spec, usage)
    output = world.do("GetPublicKey", KeyId=key.id)
    spki = output.pop("PublicKey")

    assert output == {
        "KeyId": str(key.arn),
        "KeySpec": spec,
        "CustomerMasterKeySpec": spec,
        "KeyUsage": usage,
        ALGORITHM_LISTS[usage]: list(SPECS[spec][usage]),
    }
    public = serialization.load_der_public_key(spki)
    private = serialization.load_der_private_key(
        secret(spec), None, unsafe_skip_rsa_key_validation=True
    )
    assert public == private.public_key()
    assert len(spki) == SPKI_BYTES.get(spec, len(spki))


@pytest.mark.parametrize("spec", hazmat.MATERIAL_BYTES)
def test_a_key_without_a_pair_has_none_to_show(world: World, spec: str) -> None:
    """CORE K-74, Appendix B."""
    assert world.told("GetPublicKey", KeyId=world.key(spec).id) == UNSUPPORTED


@pytest.mark.parametrize("spec", ["SYMMETRIC_DEFAULT", "HMAC_256"])
def test_the_state_comes_before_the_spec(world: World, spec: str) -> None:
    """CORE K-74."""
    key = world.key(spec, state=PENDING_IMPORT)

    assert world.told("GetPublicKey", KeyId=key.id) == (
        "KMSInvalidStateException",
        f"{key.arn} is pending import.",
    )
    assert world.told("GetPublicKey", world.user("bob"), KeyId=key.id)[0] == "AccessDeniedException"


@pytest.mark.parametrize("spec", ["ECC_NIST_P256", "HMAC_256"])
def test_whether_a_disabled_key_shows_its_public_key_is_a_setting(spec: str) -> None:
    """CORE K-30: by default it does; where it does not, that is told before the spec."""
    assert Settings().get_public_key_on_disabled
    lenient, strict = World(), World(Settings(get_public_key_on_disabled=False))
    shown, hidden = lenient.key(spec, state=DISABLED), strict.key(spec, state=DISABLED)
    reply = lenient.ask("GetPublicKey", KeyId=shown.id)

    if spec == "HMAC_256":
        assert lenient.told("GetPublicKey", KeyId=shown.id) == UNSUPPORTED
    else:
        assert reply.unwrap()["PublicKey"] == hazmat.public_key(secret(spec))
    assert strict.told("GetPublicKey", KeyId=hidden.id) == (
        "DisabledException",
        f"{hidden.arn} is disabled.",
    )
    assert strict.ask("GetPublicKey", KeyId=strict.key("ECC_NIST_P256").id).error is None


@pytest.mark.parametrize("form", ["{0.id}", "{0.arn}", "alias/a", "arn:aws:kms:{0.region}:"])
def test_a_key_may_be_named_in_any_form(world: World, form: str) -> None:
    """CORE K-9, K-10."""
    key = world.key("ECC_NIST_P256")
    world.alias("alias/a", key)
    name = form.format(key)
    if name.endswith(":"):
        name = f"{name}{key.account}:alias/a"

    assert world.do("GetPublicKey", KeyId=name)["KeyId"] == str(key.arn)


def test_two_keys_of_one_spec_have_two_public_keys(world: World) -> None:
    made = [
        world.do("CreateKey", KeySpec="ECC_NIST_P384", KeyUsage="KEY_AGREEMENT")["KeyMetadata"]
        for _ in range(2)
    ]
    first, second = (world.do("GetPublicKey", KeyId=key["KeyId"])["PublicKey"] for key in made)

    assert first != second
    public = serialization.load_der_public_key(first)
    assert isinstance(public, ec.EllipticCurvePublicKey)
    assert public.curve.name == "secp384r1"
