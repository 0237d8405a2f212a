"""The table of states as data (`core/states.yaml`), keys that have lived into a state, requests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType

import yaml

from kms import Key, KeyOrigin, KeyState, Settings
from tests.kms_world import (
    CREATING,
    DISABLED,
    ELSEWHERE,
    ENABLED,
    KIND_FOR,
    OTHER,
    PENDING_DELETION,
    PENDING_IMPORT,
    PENDING_REPLICA_DELETION,
    REGION,
    ROOT,
    UPDATING,
    Json,
    World,
    document,
    key_statement,
)

DATA = yaml.safe_load((Path(__file__).parent / "core" / "states.yaml").read_text(encoding="utf-8"))
COLUMNS = tuple(KeyState(column) for column in DATA["columns"])
ORIGINS = (KeyOrigin.AWS_KMS, KeyOrigin.EXTERNAL)
NO_SUCH_KEY = "--"
TRANSITION = 3600


@dataclass(frozen=True)
class Cell:
    """One cell: an operation on a key of this origin in this state, and what comes of it."""

    row: str
    origin: KeyOrigin
    state: KeyState
    says: str

    @property
    def operation(self) -> str:
        return self.row.partition(",")[0]

    @property
    def role(self) -> str:
        """Which of the operation's keys is in the state; empty where it has just one."""
        return self.row.partition(", ")[2]

    @property
    def takes_a_set(self) -> bool:
        return self.operation in ("ReplicateKey", "UpdatePrimaryRegion")

    def __str__(self) -> str:
        return f"{self.row.replace(', ', '/').replace(' ', '-')}-{self.origin}-{self.state}"

    def answer(self, key: Key) -> tuple[str, str] | None:
        """Return the error's code and message; None is success."""
        if self.says == "ok":
            return None
        code, message = DATA["answers"][self.says]
        return code, message.format(arn=key.arn)

    def then(self) -> KeyState:
        """Return the state in which the key is after the call (CORE K-28)."""
        if self.says != "ok":
            return self.state
        return KeyState(DATA["moves"].get(self.row, {}).get(self.state, self.state))


CELLS = tuple(
    Cell(row, origin, state, says)
    for row, answers in DATA["rows"].items()
    for origin in ORIGINS
    for state, says in zip(COLUMNS, answers[origin], strict=True)
)


# A key in its state


@dataclass
class Scene:
    """A world, an enabled key in it, and requests of an operation that it could serve."""

    world: World
    key: Key
    requests: tuple[Json, ...]

    def enter(self, state: KeyState) -> None:
        """Bring the key into the state, by the calls that do so."""
        _WAYS[state](self.world, self.world.found(self.key))
        assert self.world.found(self.key).state is state


def scene(cell: Cell) -> Scene:
    world = World(Settings(transition_seconds=TRANSITION))
    in_set = cell.state in (PENDING_REPLICA_DELETION, UPDATING, CREATING)
    primary = world.key_for(
        cell.operation, origin=cell.origin, multi_region=in_set or cell.takes_a_set
    )
    key = primary
    if cell.role == "replica":
        key = world.replica(primary)
    elif cell.state is CREATING:  # it is a replica in our Region
        primary = replace(primary, arn=replace(primary.arn, region=ELSEWHERE))
        world.put(primary)
        key = world.replica(primary, REGION)
    elif in_set or (cell.takes_a_set and cell.state is not PENDING_DELETION):
        world.replica(primary)  # without one a primary ends at once, if it is to end (K-144)
    return Scene(world, key, tuple(_requests(world, key, cell)))


def _disable(world: World, key: Key) -> None:
    world.do("DisableKey", KeyId=key.id, region=key.region)


def _schedule(world: World, key: Key) -> None:
    world.do("ScheduleKeyDeletion", KeyId=key.id, region=key.region)


def _lose_material(world: World, key: Key) -> None:
    world.do("DeleteImportedKeyMaterial", KeyId=key.id, region=key.region)


def _create(world: World, key: Key) -> None:
    # Whoever is being created has no past, but some requests need one: the one state that is put.
    at = world.clock.now()
    world.put(replace(key, state=CREATING, settles_at=at.replace(year=at.year + 1)))


def _update(world: World, key: Key) -> None:
    """Let the primary become a replica, and be updating on its way back."""
    there, back = (REGION, ELSEWHERE), (ELSEWHERE, REGION)
    for region, to in (there, back):
        world.advance(seconds=TRANSITION)
        world.do("UpdatePrimaryRegion", KeyId=key.id, PrimaryRegion=to, region=region)


_WAYS: Mapping[KeyState, Callable[[World, Key], None]] = MappingProxyType(
    {
        ENABLED: lambda _world, _key: None,
        DISABLED: _disable,
        PENDING_DELETION: _schedule,
        PENDING_REPLICA_DELETION: _schedule,
        PENDING_IMPORT: _lose_material,
        CREATING: _create,
        UPDATING: _update,
    }
)


# Requests


def _requests(world: World, key: Key, cell: Cell) -> list[Json]:
    """Return requests that succeed while the key is enabled, and need it to be so or not."""
    name = cell.operation
    if name in KIND_FOR:
        return [world.use(name, key)]
    if name in _SPECIAL:
        return _SPECIAL[name](world, key, cell)
    return [{"KeyId": key.id, **_PLAIN.get(name, {})}]


_TO_OTHERS = {"GranteePrincipal": OTHER, "Operations": ["DescribeKey"]}
_PLAIN: Mapping[str, Json] = {
    "CreateGrant": _TO_OTHERS,
    "Encrypt": {"Plaintext": b"x"},
    "GenerateDataKey": {"KeySpec": "AES_128"},
    "GenerateDataKeyPair": {"KeyPairSpec": "ECC_NIST_P256"},
    "GenerateDataKeyPairWithoutPlaintext": {"KeyPairSpec": "ECC_NIST_P256"},
    "GenerateDataKeyWithoutPlaintext": {"KeySpec": "AES_128"},
    "GetParametersForImport": {
        "WrappingAlgorithm": "RSAES_OAEP_SHA_1",
        "WrappingKeySpec": "RSA_2048",
    },
    "PutKeyPolicy": {"Policy": document(key_statement(principal=ROOT))},
    "ReplicateKey": {"ReplicaRegion": "us-west-2"},
    "TagResource": {"Tags": [{"TagKey": "a", "TagValue": "b"}]},
    "UntagResource": {"TagKeys": ["a"]},
    "UpdateKeyDescription": {"Description": "new"},
    "UpdatePrimaryRegion": {"PrimaryRegion": ELSEWHERE},
}


def _blob(world: World, key: Key) -> bytes:
    blob = world.do("Encrypt", KeyId=key.id, Plaintext=b"x")["CiphertextBlob"]
    assert isinstance(blob, bytes)
    return blob


def _decrypt(world: World, key: Key, _cell: Cell) -> list[Json]:
    blob = _blob(world, key)
    return [{"CiphertextBlob": blob}, {"CiphertextBlob": blob, "KeyId": key.id}]


def _re_encrypt(world: World, key: Key, cell: Cell) -> list[Json]:
    other = world.key()
    if cell.role == "destination":
        return [{"CiphertextBlob": _blob(world, other), "DestinationKeyId": key.id}]
    request = {"CiphertextBlob": _blob(world, key), "DestinationKeyId": other.id}
    return [request, {**request, "SourceKeyId": key.id}]


def _end_grant(member: str, world: World, key: Key, _cell: Cell) -> list[Json]:
    made = world.do("CreateGrant", KeyId=key.id, **_TO_OTHERS)
    named = {"KeyId": key.id, "GrantId": made["GrantId"]}
    return [named if member == "GrantId" else {"GrantToken": made["GrantToken"]}]


def _create_alias(_world: World, key: Key, _cell: Cell) -> list[Json]:
    return [{"AliasName": "alias/new", "TargetKeyId": key.id}]


def _delete_alias(world: World, key: Key, _cell: Cell) -> list[Json]:
    world.alias("alias/a", key)
    return [{"AliasName": "alias/a"}]


def _update_alias(world: World, key: Key, cell: Cell) -> list[Json]:
    other = world.key()
    old, new = (key, other) if cell.role == "old key" else (other, key)
    world.alias("alias/a", old)
    return [{"AliasName": "alias/a", "TargetKeyId": new.id}]


def _import(world: World, key: Key, _cell: Cell) -> list[Json]:
    if key.origin is KeyOrigin.EXTERNAL:
        return [world.bring(key, key.current_material.secret)]
    token = {"ImportToken": b"x", "EncryptedKeyMaterial": b"x"}
    return [{"KeyId": key.id, "ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE", **token}]


def _rotate(world: World, key: Key, _cell: Cell) -> list[Json]:
    if key.origin is KeyOrigin.EXTERNAL and not key.is_replica:
        new = world.bring(key, bytes(32), ImportType="NEW_KEY_MATERIAL")
        world.do("ImportKeyMaterial", **new)
    return [{"KeyId": key.id}]


_SPECIAL: Mapping[str, Callable[[World, Key, Cell], list[Json]]] = {
    "CreateAlias": _create_alias,
    "Decrypt": _decrypt,
    "DeleteAlias": _delete_alias,
    "ImportKeyMaterial": _import,
    "ReEncrypt": _re_encrypt,
    "RetireGrant": partial(_end_grant, "GrantToken"),
    "RevokeGrant": partial(_end_grant, "GrantId"),
    "RotateKeyOnDemand": _rotate,
    "UpdateAlias": _update_alias,
}
