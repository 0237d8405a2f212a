"""A small world for tests of the core: two accounts, an administrator, a clock, and calls.

Keys are put into the state as they are wanted, so that a test need not live through a key's life.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any, TypeAlias

import pytest
from cryptography.hazmat.primitives import hashes, keywrap, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from kms import (
    Account,
    Call,
    Directory,
    FixedClock,
    Gate,
    Identity,
    Key,
    KeyOrigin,
    KeyState,
    KeyUsage,
    KmsError,
    MemoryStore,
    Reply,
    SeededEntropy,
    Service,
    Settings,
    State,
    hazmat,
)
from kms.envelope import material_id
from kms.hazmat import MATERIAL_BYTES
from kms.model import SPECS, Alias, KeyMaterial
from kms.policy_checks import bound_ids, default_policy
from policy import (
    Arn,
    Decision,
    Policy,
    PolicyKind,
    Principal,
    PrincipalKind,
    Request,
    parse,
    root_arn,
)
from policy.request import Values

Json: TypeAlias = dict[str, Any]

ACCOUNT, OTHER = "111122223333", "444455556666"
REGION, ELSEWHERE = "eu-west-1", "us-east-1"
START = dt.datetime(2026, 3, 1, 8, 0, tzinfo=dt.UTC)
ROOT = str(root_arn(ACCOUNT))

ENABLED, DISABLED = KeyState.ENABLED, KeyState.DISABLED
PENDING_DELETION = KeyState.PENDING_DELETION
PENDING_REPLICA_DELETION = KeyState.PENDING_REPLICA_DELETION
PENDING_IMPORT = KeyState.PENDING_IMPORT
CREATING, UPDATING = KeyState.CREATING, KeyState.UPDATING
PRODUCED_STATES = tuple(state for state in KeyState if state is not KeyState.UNAVAILABLE)

ALLOW_ALL: Json = {"Effect": "Allow", "Action": "kms:*", "Resource": "*"}


def arn(text: str) -> Arn:
    parsed = Arn.parse(text)
    assert parsed is not None, text
    return parsed


def document(*statements: Json) -> str:
    """Return the text of a policy with these statements."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def key_statement(effect: str = "Allow", principal: Any = "*", **more: Any) -> Json:
    """Return a statement of a key policy; everyone, every action, unless told otherwise."""
    whom = principal if principal == "*" or isinstance(principal, dict) else {"AWS": principal}
    return {"Effect": effect, "Principal": whom, "Action": "kms:*", "Resource": "*", **more}


def identity_policy(*statements: Json, name: str = "identity policy") -> Policy:
    return parse(document(*statements), name=name, kind=PolicyKind.IDENTITY_POLICY)


def user_arn(name: str, account: str = ACCOUNT) -> str:
    return f"arn:aws:iam::{account}:user/{name}"


def role_arn(name: str, account: str = ACCOUNT) -> str:
    return f"arn:aws:iam::{account}:role/{name}"


@cache
def secret(spec: str) -> bytes:
    """Return the same material for the same spec: making RSA keys takes long."""
    size = MATERIAL_BYTES.get(spec)
    if size is not None:
        return SeededEntropy(7).random_bytes(size)
    if spec.startswith("ECC_"):
        return hazmat.ec_private_key(spec, bytes(range(64)))
    if not hazmat.can_make(spec):
        pytest.skip(f"the installed library has no {spec}")
    return hazmat.generate_private_key(spec)


class ThriftyEntropy(SeededEntropy):
    """Seeded chance that makes an RSA key once and gives it again and again."""

    def material(self, spec: str) -> bytes:
        return secret(spec) if spec.startswith("RSA_") else super().material(spec)


AES_KEY = bytes(range(32))


def wrap(public_key: bytes, algorithm: str, material: bytes) -> bytes:
    """Return material as its owner wraps it, with the library alone (CORE K-132)."""
    key = serialization.load_der_public_key(public_key)
    assert isinstance(key, rsa.RSAPublicKey)
    digest = hashes.SHA1() if algorithm.endswith("_SHA_1") else hashes.SHA256()  # noqa: S303
    oaep = padding.OAEP(mgf=padding.MGF1(digest), algorithm=digest, label=None)
    if algorithm.startswith("RSAES_OAEP"):
        return key.encrypt(material, oaep)
    return key.encrypt(AES_KEY, oaep) + keywrap.aes_key_wrap_with_padding(AES_KEY, material)


_SIGNING = ("ECC_NIST_P256", KeyUsage.SIGN_VERIFY)
_MAC = ("HMAC_256", KeyUsage.GENERATE_VERIFY_MAC)
_AGREEMENT = ("ECC_NIST_P256", KeyUsage.KEY_AGREEMENT)
_ENCAPSULATION = ("ML_KEM_768", KeyUsage.ENCAPSULATE_DECAPSULATE)
KIND_FOR: Mapping[str, tuple[str, KeyUsage]] = {
    "Decapsulate": _ENCAPSULATION,
    "DeriveSharedSecret": _AGREEMENT,
    "Encapsulate": _ENCAPSULATION,
    "GenerateMac": _MAC,
    "GetPublicKey": _SIGNING,
    "Sign": _SIGNING,
    "Verify": _SIGNING,
    "VerifyMac": _MAC,
}
"""A spec and usage for each operation that takes no symmetric encryption key."""


class RecordingGate(Gate):
    """A gate that remembers what it was asked, and what it said."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[Request] = []
        self.decisions: list[Decision] = []

    def decide(self, request: Request, key: Key | None, call: Call, state: State) -> Decision:
        decision = super().decide(request, key, call, state)
        self.requests.append(request)
        self.decisions.append(decision)
        return decision


class World:
    """A service, its clock and store, and short words for what tests do with them."""

    def __init__(
        self,
        settings: Settings | None = None,
        gate: Gate | None = None,
        state: State | None = None,
        seed: int = 1,
    ) -> None:
        self.clock = FixedClock(START)
        self.entropy = ThriftyEntropy(seed)
        accounts = Directory().with_account(Account(ACCOUNT)).with_account(Account(OTHER))
        self.store = MemoryStore(state or State(accounts))
        self.service = Service(self.store, gate or Gate(), self.clock, self.entropy, settings)
        self.admin = self.user("admin", ALLOW_ALL)

    # The state, changed from outside

    @property
    def state(self) -> State:
        return self.store.state

    @property
    def events(self) -> list[Any]:
        return list(self.store.events())

    def change(self, how: Callable[[State], State]) -> None:
        with self.store.session() as session:
            session.commit(how(session.state), ())

    def direct(self, how: Callable[[Directory], Directory]) -> None:
        self.change(lambda state: replace(state, directory=how(state.directory)))

    def advance(self, **by: float) -> None:
        self.clock.advance(dt.timedelta(**by))

    # People

    def user(self, name: str, *statements: Json, account: str = ACCOUNT, **more: Any) -> Principal:
        """Return a user with these identity statements, made or made anew."""
        return self._identity(user_arn(name, account), "AIDA", statements, more)

    def session(
        self, role: str, *statements: Json, account: str = ACCOUNT, **more: Any
    ) -> Principal:
        """Return a session of a role with these identity statements, made or made anew."""
        text = role_arn(role, account)
        self._identity(text, "AROA", statements, more)
        name = text.rpartition("/")[2]
        return self.caller(f"arn:aws:sts::{account}:assumed-role/{name}/work")

    def _identity(
        self, text: str, prefix: str, statements: tuple[Json, ...], more: Mapping[str, Any]
    ) -> Principal:
        unique_id = prefix + self.entropy.uuid().replace("-", "").upper()[:16]
        policies = (identity_policy(*statements),) if statements else ()
        values = {"unique_id": unique_id, "policies": policies, **more}
        self.direct(lambda directory: directory.with_identity(Identity(arn(text), **values)))
        return self.caller(text)

    def caller(self, text: str) -> Principal:
        principal = self.state.directory.principal(arn(text))
        assert principal is not None, text
        return principal

    def root(self, account: str = ACCOUNT) -> Principal:
        return Principal(PrincipalKind.ROOT, root_arn(account))

    # Keys and aliases

    def key(
        self,
        spec: str = "SYMMETRIC_DEFAULT",
        usage: KeyUsage | None = None,
        state: KeyState = ENABLED,
        *,
        policy: str | None = None,
        account: str = ACCOUNT,
        region: str = REGION,
        origin: KeyOrigin = KeyOrigin.AWS_KMS,
        multi_region: bool = False,
        **more: Any,
    ) -> Key:
        """Return a key that was put into the state as it is described."""
        identifier = self.entropy.uuid()
        if multi_region:
            identifier = f"mrk-{identifier.replace('-', '')}"
        text = policy if policy is not None else default_policy(account)
        if state in (PENDING_DELETION, PENDING_REPLICA_DELETION):
            more.setdefault("deletion_at", self.clock.now() + dt.timedelta(days=30))
        if state is not PENDING_IMPORT:
            # Material differs from key to key, if it is no private key.
            size = MATERIAL_BYTES.get(spec)
            material = self.entropy.random_bytes(size) if size is not None else secret(spec)
            materials = (KeyMaterial(material_id(material, identifier), material, START),)
            more.setdefault("materials", materials)
        key = Key(
            Arn("aws", "kms", region, account, f"key/{identifier}"),
            spec,
            usage or next(iter(SPECS[spec])),
            origin,
            state,
            text,
            self.clock.now(),
            bound_ids={} if policy is None else bound_ids(text, self.state.directory),
            multi_region=multi_region,
            **more,
        )
        self.put(key)
        return key

    def key_for(self, operation: str, **more: Any) -> Key:
        """Return a new key that the operation can use."""
        spec, usage = KIND_FOR.get(operation, ("SYMMETRIC_DEFAULT", None))
        return self.key(spec, usage, **more)

    def use(self, operation: str, key: Key, message: bytes = b"a message to nobody") -> Json:
        """Return a request in which an operation of KIND_FOR uses a key that is switched on."""
        request: Json = {"KeyId": key.id}
        if operation in ("Sign", "Verify"):
            request |= {"Message": message, "SigningAlgorithm": key.algorithms[0]}
        elif operation in ("GenerateMac", "VerifyMac"):
            request |= {"Message": message, "MacAlgorithm": key.algorithms[0]}
        elif operation in ("Encapsulate", "Decapsulate"):
            request |= {"EncapsulationAlgorithm": "ML_KEM"}
        elif operation == "DeriveSharedSecret":
            peer = hazmat.ec_private_key(key.spec, bytes(range(32)))
            request |= {"KeyAgreementAlgorithm": "ECDH", "PublicKey": hazmat.public_key(peer)}
        made = {
            "Decapsulate": ("Encapsulate", "SharedSecretCiphertextBlob"),
            "Verify": ("Sign", "Signature"),
            "VerifyMac": ("GenerateMac", "Mac"),
        }
        if operation in made:
            maker, member = made[operation]
            request[member] = self.do(maker, **request)[member]
        return request

    def put(self, key: Key) -> None:
        self.change(lambda state: state.with_key(key))

    def found(self, key: Key) -> Key:
        """Return the key as it is now."""
        now = self.state.key(key.arn)
        assert now is not None
        return now

    def set_policy(self, key: Key, *statements: Json) -> None:
        self.put(replace(self.found(key), policy=document(*statements), bound_ids={}))

    def bring(
        self,
        key: Key,
        material: bytes,
        algorithm: str = "RSAES_OAEP_SHA_256",
        spec: str = "RSA_2048",
        **more: Any,
    ) -> Json:
        """Return a request that imports material into a key; for ever, unless told otherwise."""
        given = self.do(
            "GetParametersForImport",
            KeyId=str(key.arn),
            WrappingAlgorithm=algorithm,
            WrappingKeySpec=spec,
            region=key.region,
        )
        if "ValidTo" not in more:
            more.setdefault("ExpirationModel", "KEY_MATERIAL_DOES_NOT_EXPIRE")
        return {
            "KeyId": str(key.arn),
            "ImportToken": given["ImportToken"],
            "EncryptedKeyMaterial": wrap(given["PublicKey"], algorithm, material),
            **more,
        }

    def external(self, *materials: bytes, **more: Any) -> Key:
        """Return a key that waits for its material, or got these by imports and rotations."""
        key = self.key(origin=KeyOrigin.EXTERNAL, state=PENDING_IMPORT, **more)
        for number, material in enumerate(materials):
            kind = {"ImportType": "NEW_KEY_MATERIAL"} if number else {}
            self.do("ImportKeyMaterial", **self.bring(key, material, **kind))
            if number:
                self.do("RotateKeyOnDemand", KeyId=key.id)
                self.service.settle()
        return self.found(key)

    def alias(self, name: str, key: Key) -> Alias:
        at = self.clock.now()
        alias = Alias(replace(key.arn, resource=name), str(key.arn), at, at)
        self.change(lambda state: state.with_alias(alias))
        return alias

    # Calls

    def request(
        self,
        operation: str,
        as_: Principal | None = None,
        /,
        *,
        region: str = REGION,
        via: str | None = None,
        endpoint: str | None = None,
        facts: Mapping[str, Values] | None = None,
        **parameters: Any,
    ) -> Call:
        caller = as_ or self.admin
        return Call(caller, operation, parameters, region, facts or {}, via, endpoint)

    def ask(self, operation: str, as_: Principal | None = None, /, **more: Any) -> Reply:
        return self.service.call(self.request(operation, as_, **more))

    def decide(self, operation: str, as_: Principal | None = None, /, **more: Any) -> Reply:
        return self.service.decide(self.request(operation, as_, **more))

    def do(self, operation: str, as_: Principal | None = None, /, **more: Any) -> Json:
        """Return the output of a call that must succeed."""
        return self.ask(operation, as_, **more).unwrap()

    def refused(self, operation: str, as_: Principal | None = None, /, **more: Any) -> KmsError:
        """Return the error of a call that must not succeed."""
        error = self.ask(operation, as_, **more).error
        assert error is not None, f"{operation} succeeded"
        return error

    def told(
        self, operation: str, as_: Principal | None = None, /, **more: Any
    ) -> tuple[str, str | None]:
        """Return code and message of a call that must not succeed."""
        error = self.refused(operation, as_, **more)
        return error.code, error.message
