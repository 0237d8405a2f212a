"""What a key of each spec and usage does: the tables of `core/usages.yaml`, a test for each cell.

A spec that the installed library cannot make is skipped, and says so.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from itertools import product

import pytest

from kms import OPERATIONS, Key, KeyUsage, hazmat, shapes
from kms.envelope import Sealer
from kms.model import SPECS
from tests.conformance.usages import (
    ALGORITHM_CELLS,
    DATA,
    FORMS,
    USAGE_CELLS,
    AlgorithmCell,
    UsageCell,
    answer,
    signs,
)
from tests.kms_world import KIND_FOR, Json, World

MESSAGE = b"a message to nobody"
SIGNING = DATA["algorithms"]["signing"]


@pytest.fixture
def world() -> World:
    return World()


# Requests on a key. Those of the right usage are served; the others name an algorithm of no key.

WRONG: Mapping[str, Json] = {
    "Sign": {"Message": b"x", "SigningAlgorithm": "SM2DSA"},
    "Verify": {"Message": b"x", "SigningAlgorithm": "SM2DSA", "Signature": b"x"},
    "GenerateMac": {"Message": b"x", "MacAlgorithm": "HMAC_SHA_224"},
    "VerifyMac": {"Message": b"x", "MacAlgorithm": "HMAC_SHA_224", "Mac": b"x"},
    "DeriveSharedSecret": {
        "KeyAgreementAlgorithm": "ECDH",
        "PublicKey": hazmat.public_key(hazmat.ec_private_key("ECC_NIST_P256", bytes(range(32)))),
    },
    "Encapsulate": {"EncapsulationAlgorithm": "ML_KEM"},
    "Decapsulate": {"EncapsulationAlgorithm": "ML_KEM", "SharedSecretCiphertextBlob": b"x"},
    "GetPublicKey": {},
}
DATA_KEYS: Mapping[str, Json] = {
    "GenerateDataKey": {"KeySpec": "AES_128"},
    "GenerateDataKeyWithoutPlaintext": {"KeySpec": "AES_128"},
    "GenerateDataKeyPair": {"KeyPairSpec": "ECC_NIST_P256"},
    "GenerateDataKeyPairWithoutPlaintext": {"KeyPairSpec": "ECC_NIST_P256"},
}


def sealed(world: World, key: Key, algorithm: str | None = None) -> bytes:
    """Return a ciphertext of the key; of a key that makes none, one that names it (K-65.3)."""
    if key.usage is not KeyUsage.ENCRYPT_DECRYPT:
        return Sealer(bytes(32), key.id).seal(b"x", {}, world.entropy.random_bytes)
    known = algorithm if algorithm in key.algorithms else key.algorithms[-1]
    made = world.do("Encrypt", KeyId=key.id, Plaintext=b"x", EncryptionAlgorithm=known)
    blob: bytes = made["CiphertextBlob"]
    return blob


def request(world: World, row: str, key: Key, algorithm: str | None = None) -> Json:
    """Return a request of an operation, with the algorithm or with one that is right."""
    used = algorithm
    if algorithm is None and key.usage is KeyUsage.ENCRYPT_DECRYPT:
        used = key.algorithms[-1]
    match row:
        case "Encrypt":
            return {"KeyId": key.id, "Plaintext": b"x", "EncryptionAlgorithm": used}
        case "Decrypt":
            blob = sealed(world, key, algorithm)
            return {"KeyId": key.id, "CiphertextBlob": blob, "EncryptionAlgorithm": used}
        case "ReEncrypt, source":
            return {
                "SourceKeyId": key.id,
                "CiphertextBlob": sealed(world, key, algorithm),
                "SourceEncryptionAlgorithm": used,
                "DestinationKeyId": world.key().id,
            }
        case "ReEncrypt, destination":
            return {
                "CiphertextBlob": sealed(world, world.key()),
                "DestinationKeyId": key.id,
                "DestinationEncryptionAlgorithm": used,
            }
        case name if name in DATA_KEYS:
            return {"KeyId": key.id, **DATA_KEYS[name]}
        case name if key.usage is KIND_FOR[name][1]:
            return world.use(name, key)
    return {"KeyId": key.id, **WRONG[row]}


# Operation and usage


@pytest.mark.parametrize("cell", USAGE_CELLS, ids=str)
def test_a_key_does_what_its_usage_says_and_nothing_else(world: World, cell: UsageCell) -> None:
    """CORE K-63 (b): and before its state is looked at (c)."""
    key = world.key(cell.spec, cell.usage)
    asked, told = request(world, cell.row, key), cell.answer(key)

    reply = world.ask(cell.operation, **asked)

    assert (reply.error and (reply.error.code, reply.error.message)) == told
    world.do("DisableKey", KeyId=key.id)
    off = world.ask(cell.operation, **asked).error
    if told is None and cell.operation != "GetPublicKey":  # CORE K-30
        told = ("DisabledException", f"{key.arn} is disabled.")
    assert (off and (off.code, off.message)) == told


# Operation and algorithm


@pytest.mark.parametrize("cell", [c for c in ALGORITHM_CELLS if "Sign" not in c.member], ids=str)
def test_a_key_takes_the_algorithms_of_its_spec_and_no_other(
    world: World, cell: AlgorithmCell
) -> None:
    """CORE K-63 (d), K-64, K-65, K-72, K-73."""
    key = world.key(cell.spec, cell.usage)
    asked = request(world, cell.row, key, cell.algorithm) | {cell.member: cell.algorithm}

    reply = world.ask(cell.operation, **asked)

    assert (reply.error and (reply.error.code, reply.error.message)) == cell.answer()


def formed(algorithm: str, form: str) -> bytes:
    """Return a message in a form; whatever has 64 bytes can be a representative μ."""
    size = algorithm[-3:] if algorithm.endswith(("_256", "_384", "_512")) else "256"
    if "SHAKE" in algorithm:
        size = "512"
    return MESSAGE if form == "RAW" else hashlib.new(f"sha{size}", MESSAGE).digest()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("algorithm", SIGNING["columns"])
@pytest.mark.parametrize("spec", SIGNING["rows"])
def test_a_key_signs_what_algorithm_and_form_say(
    world: World, spec: str, algorithm: str, form: str
) -> None:
    """CORE K-63 (d), K-71: and Verify says the same as Sign."""
    key = world.key(spec, KeyUsage.SIGN_VERIFY)
    facts = {"spec": spec, "algorithm": algorithm, "form": form}
    told = answer(signs(spec, algorithm, form), **facts)
    asked: Json = {"KeyId": key.id, "SigningAlgorithm": algorithm, "MessageType": form}
    asked["Message"] = formed(algorithm, form)
    if told is None and (algorithm, form) not in hazmat._SCHEMES:  # CORE K-103, K-104
        told = answer("unsupported")

    if told is not None:
        assert world.told("Sign", **asked) == told
        assert world.told("Verify", **asked, Signature=b"x") == told
        return
    output = world.do("Sign", **asked)
    signature = output.pop("Signature")
    assert output == {"KeyId": str(key.arn), "SigningAlgorithm": algorithm}
    assert world.do("Verify", **asked, Signature=signature) == {
        "KeyId": str(key.arn),
        "SignatureValid": True,
        "SigningAlgorithm": algorithm,
    }


# What is made


@pytest.mark.parametrize("column", range(len(DATA["creations"]["columns"])))
@pytest.mark.parametrize("spec", DATA["creations"]["rows"])
def test_a_key_is_made_for_a_usage_of_its_spec(world: World, spec: str, column: int) -> None:
    """CORE K-16, K-57.3; and by its old name, if it has one (K-57.1)."""
    usage = DATA["creations"]["columns"][column]
    told = answer(DATA["creations"]["rows"][spec][column], spec=spec, usage=usage)
    if told is None and not hazmat.can_make(spec):
        told = answer("unsupported")
    old = spec in shapes.enumeration("CustomerMasterKeySpec")

    for member in ("KeySpec", "CustomerMasterKeySpec") if old else ("KeySpec",):
        reply = world.ask("CreateKey", **{member: spec}, KeyUsage=usage)

        assert (reply.error and (reply.error.code, reply.error.message)) == told
        if reply.output is not None:
            made = reply.output["KeyMetadata"]
            assert (made["KeySpec"], made["KeyUsage"]) == (spec, usage)


PAIRS = [(spec, says) for says, specs in DATA["pairs"].items() for spec in specs]


@pytest.mark.parametrize("name", ["GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext"])
@pytest.mark.parametrize(("spec", "says"), PAIRS)
def test_a_key_pair_is_given_away_of_every_spec(
    world: World, spec: str, says: str, name: str
) -> None:
    """CORE K-16, K-69."""
    told = answer(says if hazmat.can_make(spec) else "unsupported")

    reply = world.ask(name, KeyId=world.key().id, KeyPairSpec=spec)

    assert (reply.error and (reply.error.code, reply.error.message)) == told


# The tables are whole


def test_the_tables_have_every_operation_with_a_usage_and_every_kind_of_key() -> None:
    rows = Counter(row.partition(",")[0] for row in DATA["operations"])
    with_usage = {each.name for each in OPERATIONS.values() if any(n.usage for n in each.needs)}
    kinds = [(spec, kind["usage"]) for kind in DATA["kinds"].values() for spec in kind["specs"]]

    assert set(rows) == with_usage | {"GetPublicKey"}
    assert {name for name, times in rows.items() if times == 2} == {"ReEncrypt"}
    assert sorted(kinds) == sorted((spec, usage) for spec, all in SPECS.items() for usage in all)
    assert {usage for _, usage in kinds} == shapes.enumeration("KeyUsageType") == set(KeyUsage)
    assert {spec for spec, _ in kinds} == shapes.enumeration("KeySpec") - {"SM2"}
    assert shapes.enumeration("KeyLastUsageTrackingOperation") == with_usage


def test_the_tables_have_every_algorithm_of_the_model_and_every_spec_of_its_usage() -> None:
    for table in DATA["algorithms"].values():
        specs = {spec for spec, usages in SPECS.items() if KeyUsage(table["usage"]) in usages}
        assert set(table["columns"]) == shapes.enumeration(table["model"])
        assert set(table["rows"]) == specs
    named = {cell.row for cell in ALGORITHM_CELLS}
    assert named | {*DATA_KEYS, "GetPublicKey"} == set(DATA["operations"])
    assert set(FORMS) == shapes.enumeration("MessageType")
    assert set(DATA["forms"]["rows"]) == set(SIGNING["columns"]) - {"SM2DSA"}
    assert set(DATA["creations"]["rows"]) == shapes.enumeration("KeySpec")
    assert set(DATA["creations"]["columns"]) == shapes.enumeration("KeyUsageType")
    assert {spec for spec, _ in PAIRS} == shapes.enumeration("DataKeyPairSpec")


def test_an_algorithm_that_a_key_lists_is_one_that_it_takes() -> None:
    """CORE 1.3, K-13."""
    for table, (spec, usages) in product(DATA["algorithms"].values(), SPECS.items()):
        listed = usages.get(KeyUsage(table["usage"]), ())
        if spec in table["rows"]:
            row = zip(table["columns"], table["rows"][spec], strict=True)
            assert {name for name, says in row if says == "ok"} == set(listed)
