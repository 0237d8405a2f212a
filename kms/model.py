"""The things that the service keeps: keys, their material and aliases. Values only."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType

from policy import Arn


class KeyState(StrEnum):
    """Where a key stands in its life (CORE K-27)."""

    ENABLED = "Enabled"
    DISABLED = "Disabled"
    PENDING_DELETION = "PendingDeletion"
    PENDING_REPLICA_DELETION = "PendingReplicaDeletion"
    PENDING_IMPORT = "PendingImport"
    UNAVAILABLE = "Unavailable"
    CREATING = "Creating"
    UPDATING = "Updating"


class KeyUsage(StrEnum):
    """What a key is for; never changes (CORE K-15)."""

    ENCRYPT_DECRYPT = "ENCRYPT_DECRYPT"
    SIGN_VERIFY = "SIGN_VERIFY"
    GENERATE_VERIFY_MAC = "GENERATE_VERIFY_MAC"
    KEY_AGREEMENT = "KEY_AGREEMENT"
    ENCAPSULATE_DECAPSULATE = "ENCAPSULATE_DECAPSULATE"


class KeyOrigin(StrEnum):
    """Where a key's material comes from."""

    AWS_KMS = "AWS_KMS"
    EXTERNAL = "EXTERNAL"
    AWS_CLOUDHSM = "AWS_CLOUDHSM"
    EXTERNAL_KEY_STORE = "EXTERNAL_KEY_STORE"


class KeyManager(StrEnum):
    """Who manages a key (CORE K-18)."""

    CUSTOMER = "CUSTOMER"
    AWS = "AWS"


class RotationType(StrEnum):
    """What brought a material: the calendar, or somebody who asked (CORE K-121)."""

    AUTOMATIC = "AUTOMATIC"
    ON_DEMAND = "ON_DEMAND"


class MaterialState(StrEnum):
    """What a material is to its key (CORE K-121)."""

    CURRENT = "CURRENT"
    NON_CURRENT = "NON_CURRENT"
    PENDING_ROTATION = "PENDING_ROTATION"
    PENDING_MULTI_REGION_IMPORT_AND_ROTATION = "PENDING_MULTI_REGION_IMPORT_AND_ROTATION"


class ExpirationModel(StrEnum):
    """Whether imported material goes away by itself."""

    KEY_MATERIAL_EXPIRES = "KEY_MATERIAL_EXPIRES"
    KEY_MATERIAL_DOES_NOT_EXPIRE = "KEY_MATERIAL_DOES_NOT_EXPIRE"


SYMMETRIC_DEFAULT = "SYMMETRIC_DEFAULT"

_OAEP = ("RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256")
_RSA_SIGNING = (
    "RSASSA_PKCS1_V1_5_SHA_256", "RSASSA_PKCS1_V1_5_SHA_384", "RSASSA_PKCS1_V1_5_SHA_512",
    "RSASSA_PSS_SHA_256", "RSASSA_PSS_SHA_384", "RSASSA_PSS_SHA_512",
)  # fmt: skip
_RSA = {KeyUsage.ENCRYPT_DECRYPT: _OAEP, KeyUsage.SIGN_VERIFY: _RSA_SIGNING}


def _curve(signing: str) -> dict[KeyUsage, tuple[str, ...]]:
    return {KeyUsage.SIGN_VERIFY: (signing,), KeyUsage.KEY_AGREEMENT: ("ECDH",)}


SPECS: Mapping[str, Mapping[KeyUsage, tuple[str, ...]]] = MappingProxyType(
    {
        SYMMETRIC_DEFAULT: {KeyUsage.ENCRYPT_DECRYPT: (SYMMETRIC_DEFAULT,)},
        "RSA_2048": _RSA,
        "RSA_3072": _RSA,
        "RSA_4096": _RSA,
        "ECC_NIST_P256": _curve("ECDSA_SHA_256"),
        "ECC_NIST_P384": _curve("ECDSA_SHA_384"),
        "ECC_NIST_P521": _curve("ECDSA_SHA_512"),
        "ECC_SECG_P256K1": {KeyUsage.SIGN_VERIFY: ("ECDSA_SHA_256",)},
        "ECC_NIST_EDWARDS25519": {KeyUsage.SIGN_VERIFY: ("ED25519_SHA_512", "ED25519_PH_SHA_512")},
        "ML_DSA_44": {KeyUsage.SIGN_VERIFY: ("ML_DSA_SHAKE_256",)},
        "ML_DSA_65": {KeyUsage.SIGN_VERIFY: ("ML_DSA_SHAKE_256",)},
        "ML_DSA_87": {KeyUsage.SIGN_VERIFY: ("ML_DSA_SHAKE_256",)},
        "ML_KEM_512": {KeyUsage.ENCAPSULATE_DECAPSULATE: ("ML_KEM",)},
        "ML_KEM_768": {KeyUsage.ENCAPSULATE_DECAPSULATE: ("ML_KEM",)},
        "ML_KEM_1024": {KeyUsage.ENCAPSULATE_DECAPSULATE: ("ML_KEM",)},
        "HMAC_224": {KeyUsage.GENERATE_VERIFY_MAC: ("HMAC_SHA_224",)},
        "HMAC_256": {KeyUsage.GENERATE_VERIFY_MAC: ("HMAC_SHA_256",)},
        "HMAC_384": {KeyUsage.GENERATE_VERIFY_MAC: ("HMAC_SHA_384",)},
        "HMAC_512": {KeyUsage.GENERATE_VERIFY_MAC: ("HMAC_SHA_512",)},
    }
)
"""Every key spec with its usages and their algorithms, in the order of outputs (CORE 1.3).

The ML-KEM ones are younger than the specification; they stand as in the service model.
"""

ALGORITHM_LISTS: Mapping[KeyUsage, str] = MappingProxyType(
    {
        KeyUsage.ENCRYPT_DECRYPT: "EncryptionAlgorithms",
        KeyUsage.SIGN_VERIFY: "SigningAlgorithms",
        KeyUsage.GENERATE_VERIFY_MAC: "MacAlgorithms",
        KeyUsage.KEY_AGREEMENT: "KeyAgreementAlgorithms",
        KeyUsage.ENCAPSULATE_DECAPSULATE: "EncapsulationAlgorithms",
    }
)
"""The member in which outputs list the algorithms of a key, by its usage (CORE K-13)."""


@dataclass(frozen=True, slots=True)
class KeyMaterial:
    """The bytes behind a key: an AES or HMAC key, or a private key as PKCS#8 DER.

    `octets` is None while imported material is away, deleted or expired; its id stays with the
    key (CORE K-136). `rotated_at` and `rotation` say when and how it became the current one; the
    first material of a key has neither. `description` is what the importer called it.

    In a multi-Region set `octets`, `expires_at` and `description` of imported material are of
    each member by itself; everything else is shared (CORE K-152, K-159).
    """

    id: str
    octets: bytes | None = field(repr=False)
    created_at: dt.datetime
    rotated_at: dt.datetime | None = None
    rotation: RotationType | None = None
    expires_at: dt.datetime | None = None
    description: str | None = None

    @property
    def is_present(self) -> bool:
        """Whether the bytes are here."""
        return self.octets is not None

    @property
    def secret(self) -> bytes:
        """The bytes; raises LookupError while they are away, which no usable key's are."""
        if self.octets is None:
            raise LookupError(f"key material {self.id} is not here")
        return self.octets

    def __reduce__(self) -> str:
        raise TypeError("key material cannot be pickled")


@dataclass(frozen=True, slots=True)
class AutomaticRotation:
    """The calendar of a key that rotates by itself: every `period_days`, next at `next_at`.

    `since` is when the present period began: with the switching on, or the last rotation.
    """

    period_days: int
    since: dt.datetime
    next_at: dt.datetime


@dataclass(frozen=True, slots=True)
class OnDemandRotation:
    """A rotation that somebody asked for and that is not through yet (CORE K-120)."""

    started_at: dt.datetime
    ends_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Key:
    """A KMS key of one account and Region.

    `policy` is the text as it was put; `bound_ids` maps the user and role ARNs in it to the
    unique ids that they had then (AUTH E-20). `tags` keep their order (CORE K-170). The key ends
    at `deletion_at`, or that much later (CORE K-146).

    `materials` are those that belong to the key for good, oldest first: the last one encrypts,
    all of them decrypt. `pending` was imported and waits for a rotation to become the last one
    (CORE K-135). What the members of a multi-Region set share, `sharing` hands on.
    """

    # Invariants. Materials are missing only from keys of origin EXTERNAL, and in use there is
    # none missing: such a key is PENDING_IMPORT, or on its way to its end (CORE K-136). Only
    # symmetric keys have more than one material, a rotation or a pending material (CORE K-116).

    arn: Arn
    spec: str
    usage: KeyUsage
    origin: KeyOrigin
    state: KeyState
    policy: str
    created_at: dt.datetime
    materials: tuple[KeyMaterial, ...] = ()
    bound_ids: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    description: str = ""
    tags: tuple[tuple[str, str], ...] = ()
    manager: KeyManager = KeyManager.CUSTOMER
    multi_region: bool = False
    deletion_at: dt.datetime | None = None
    deletion_delay: dt.timedelta = dt.timedelta()
    pending: KeyMaterial | None = None
    rotation: AutomaticRotation | None = None
    on_demand: OnDemandRotation | None = None

    @property
    def id(self) -> str:
        """The key id: a UUID, or `mrk-` and 32 hexadecimal digits (CORE K-5)."""
        return self.arn.name

    @property
    def account(self) -> str:
        """The account that owns the key."""
        return self.arn.account

    @property
    def region(self) -> str:
        """The Region that the key lives in."""
        return self.arn.region

    @property
    def is_symmetric(self) -> bool:
        """Whether it is a symmetric encryption key."""
        return self.spec == SYMMETRIC_DEFAULT

    @property
    def ends_at(self) -> dt.datetime | None:
        """When it is really gone."""
        return self.deletion_at + self.deletion_delay if self.deletion_at is not None else None

    @property
    def rotates_at(self) -> dt.datetime | None:
        """When it rotates by itself; None also while its state does not let it (CORE K-123)."""
        due = self.rotation is not None and self.state in (KeyState.ENABLED, KeyState.UPDATING)
        return self.rotation.next_at if due and self.rotation is not None else None

    @property
    def expires_at(self) -> dt.datetime | None:
        """When the first of its imported materials expires, a pending one included."""
        return min((m.expires_at for m in self._all() if m.expires_at is not None), default=None)

    @property
    def current_material(self) -> KeyMaterial:
        """The material that encrypts: the newest one (CORE K-98)."""
        return self.materials[-1]

    def material(self, identifier: str) -> KeyMaterial | None:
        """Return the material of that id that may decrypt, or None; never the pending one."""
        return next((m for m in self.materials if m.id == identifier), None)

    @property
    def is_complete(self) -> bool:
        """Whether it has material, and all of it is here (CORE K-136)."""
        return bool(self.materials) and all(m.is_present for m in self.materials)

    def sharing(self, member: Key) -> Key:
        """Return this member of a multi-Region set with what the set shares, as another has it.

        CORE K-124, K-152: rotation, its progress, and materials with their ids and order. Imported
        bytes stay where they were imported: new ones are not here yet (CORE K-159).
        """
        own = {material.id: material for material in self._all()}

        def here(theirs: KeyMaterial) -> KeyMaterial:
            if self.origin is not KeyOrigin.EXTERNAL:
                return theirs
            mine = own.get(theirs.id)
            if mine is None:
                return replace(theirs, octets=None, expires_at=None, description=None)
            return replace(mine, rotated_at=theirs.rotated_at, rotation=theirs.rotation)

        return replace(
            self,
            materials=tuple(here(material) for material in member.materials),
            pending=here(member.pending) if member.pending is not None else None,
            rotation=member.rotation,
            on_demand=member.on_demand,
        )

    def _all(self) -> Iterator[KeyMaterial]:
        yield from self.materials
        if self.pending is not None:
            yield self.pending

    @property
    def algorithms(self) -> tuple[str, ...]:
        """The algorithms of its spec and usage."""
        return SPECS[self.spec][self.usage]


@dataclass(frozen=True, slots=True)
class WrappingKey:
    """One half of a pair that carries material into a key: its private key, as PKCS#8 DER.

    The other half went out with an import token of the same id; both serve until `valid_to`, as
    often as one likes (CORE K-130, K-131).
    """

    id: str
    key_arn: str
    algorithm: str
    private_key: bytes = field(repr=False)
    valid_to: dt.datetime

    def __reduce__(self) -> str:
        raise TypeError("wrapping keys cannot be pickled")


@dataclass(frozen=True, slots=True)
class Alias:
    """A name for a key of the same account and Region (CORE K-161)."""

    arn: Arn
    target_key_arn: str
    created_at: dt.datetime
    updated_at: dt.datetime

    @property
    def name(self) -> str:
        """The name as the API uses it, with its prefix `alias/`."""
        return self.arn.resource
