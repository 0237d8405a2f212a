"""The things that the service keeps: keys, their material and aliases. Values only."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
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
    """The secret bytes behind a key: AES or HMAC key, or a private key as PKCS#8 DER."""

    id: str
    secret: bytes = field(repr=False)
    created_at: dt.datetime

    def __reduce__(self) -> str:
        raise TypeError("key material cannot be pickled")


@dataclass(frozen=True, slots=True)
class Key:
    """A KMS key of one account and Region.

    `policy` is the text as it was put; `bound_ids` maps the user and role ARNs in it to the
    unique ids that they had then (AUTH E-20). `tags` keep their order (CORE K-170). The key ends
    at `deletion_at`, or that much later (CORE K-146).
    """

    # Invariant: materials is empty only while the state is PENDING_IMPORT.

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
    def current_material(self) -> KeyMaterial:
        """The material that encrypts: the newest one."""
        return self.materials[-1]

    def material(self, identifier: str) -> KeyMaterial | None:
        """Return the material of that id, or None when the key has it no longer."""
        return next((m for m in self.materials if m.id == identifier), None)

    @property
    def algorithms(self) -> tuple[str, ...]:
        """The algorithms of its spec and usage."""
        return SPECS[self.spec][self.usage]


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
