"""The catalogue of errors as data (`core/errors.yaml`), and a call for each of its answers."""

from __future__ import annotations

import base64
import datetime as dt
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from kms import (
    Account,
    Endpoint,
    Key,
    KeyOrigin,
    KeyUsage,
    Session,
    Settings,
    hazmat,
)
from kms.envelope import material_id
from policy import Level, Policy, PolicyKind, Principal, parse
from tests.kms_world import (
    ACCOUNT,
    ALLOW_ALL,
    DISABLED,
    ELSEWHERE,
    OTHER,
    PENDING_DELETION,
    PENDING_IMPORT,
    REGION,
    ROOT,
    START,
    Json,
    World,
    arn,
    document,
    identity_policy,
    key_statement,
    role_arn,
    user_arn,
)

DATA = yaml.safe_load((Path(__file__).parent / "core" / "errors.yaml").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Answer:
    """One answer of the catalogue: a code, a form of its message, and where that stands."""

    name: str
    code: str
    rule: str
    form: str | None

    def __str__(self) -> str:
        return f"{self.code}-{self.name.replace(' ', '-')}"

    def message(self, facts: Json) -> str | None:
        return None if self.form is None else self.form.format(**facts)


ANSWERS = tuple(
    Answer(name, code, rule, form)
    for code, answers in DATA["answered"].items()
    for name, (rule, form) in answers.items()
)


@dataclass
class Asked:
    """A call, and the facts that its answer names."""

    operation: str
    parameters: Any
    facts: Json = field(default_factory=dict)
    caller: Principal | None = None
    more: Json = field(default_factory=dict)

    def naming(self, **facts: object) -> Asked:
        """Return the call with facts that the message is made of."""
        return replace(self, facts=self.facts | facts)

    def by(self, caller: Principal, **more: object) -> Asked:
        """Return the call as made by somebody else, or in another way."""
        return replace(self, caller=caller, more=more, facts={**self.facts, "caller": str(caller)})


Sample: TypeAlias = Callable[[World], Asked]
SAMPLES: dict[str, Sample] = {}


def world() -> World:
    """Return a world in which rotations take their time, and one on demand is all there may be."""
    return World(Settings(on_demand_rotation_limit=1, transition_seconds=60))


def on(key: Key, operation: str, /, **parameters: Any) -> Asked:
    """Return a call on a key, whose ARN the message may name."""
    return Asked(operation, {"KeyId": str(key.arn), **parameters}, {"arn": str(key.arn)})


def encrypt(key: Key, **more: Any) -> Asked:
    return on(key, "Encrypt", **{"Plaintext": b"x", **more})


def plain(name: str, operation: str, /, **parameters: Any) -> None:
    """Register a call that needs nothing to be there."""
    SAMPLES[name] = lambda _world: Asked(operation, parameters)


def on_key(
    name: str, operation: str, spec: str = "SYMMETRIC_DEFAULT", /, **parameters: Any
) -> None:
    """Register a call on a new key of a spec."""
    SAMPLES[name] = lambda world: on(world.key(spec), operation, **parameters)


def alias(name: str) -> str:
    return f"arn:aws:kms:{REGION}:{ACCOUNT}:{name}"


# AccessDenied

DENY: Json = {**ALLOW_ALL, "Effect": "Deny"}
LISTING = identity_policy({**ALLOW_ALL, "Action": "kms:List*"})


def of_kind(kind: PolicyKind, *statements: Json) -> Policy:
    return parse(document(*statements), name=str(kind), kind=kind)


def limited(world: World, session: tuple[Policy, ...]) -> Principal:
    """Return a session of a role that may everything, with these policies of its own."""
    made = world.session("worker", ALLOW_ALL)
    assert made.arn is not None
    known = Session(made.arn, arn(role_arn("worker")), session)
    world.direct(lambda directory: directory.with_session(known))
    return made


def organized(name: str, kind: PolicyKind, statement: Json) -> None:
    """Register a call under a policy of the organization."""

    def how(world: World) -> Asked:
        levels = (Level("root", (of_kind(kind, statement),)),)
        limits: Any = {"scps" if kind is PolicyKind.SCP else "rcps": levels}
        account = Account(ACCOUNT, organization="o-a", **limits)
        world.direct(lambda directory: directory.with_account(account))
        return encrypt(world.key()).by(world.admin)

    SAMPLES[name] = how


def through_endpoint(name: str, statement: Json) -> None:
    """Register a call that comes through an endpoint with a policy."""

    def how(world: World) -> Asked:
        policy = of_kind(PolicyKind.ENDPOINT_POLICY, statement)
        known = Endpoint("vpce-1", ACCOUNT, policy=policy)
        world.direct(lambda directory: directory.with_endpoint(known))
        return encrypt(world.key()).by(world.admin, endpoint="vpce-1")

    SAMPLES[name] = how


organized("no service control policy", PolicyKind.SCP, {**ALLOW_ALL, "Action": "s3:*"})
organized("deny in a service control policy", PolicyKind.SCP, DENY)
organized("deny in a resource control policy", PolicyKind.RCP, key_statement("Deny"))
through_endpoint("no endpoint policy", key_statement(principal=OTHER))
through_endpoint("deny in an endpoint policy", key_statement("Deny"))
SAMPLES |= {
    "no identity-based policy": lambda w: encrypt(w.key()).by(w.user("bob")),
    "no resource-based policy": lambda w: encrypt(
        w.key(policy=document(key_statement(principal=user_arn("admin"), Action="kms:List*")))
    ).by(w.user("bob", ALLOW_ALL)),
    "no permissions boundary": lambda w: encrypt(w.key()).by(
        w.user("bob", ALLOW_ALL, boundary=LISTING)
    ),
    "no session policy": lambda w: encrypt(w.key()).by(limited(w, (LISTING,))),
    "deny in a resource-based policy": lambda w: encrypt(
        w.key(policy=document(key_statement(principal=ROOT), key_statement("Deny")))
    ).by(w.admin),
    "deny in an identity-based policy": lambda w: encrypt(w.key()).by(
        w.user("bob", ALLOW_ALL, DENY)
    ),
    "deny in a permissions boundary": lambda w: encrypt(w.key()).by(
        w.user("bob", ALLOW_ALL, boundary=identity_policy(ALLOW_ALL, DENY))
    ),
    "deny in a session policy": lambda w: encrypt(w.key()).by(
        limited(w, (identity_policy(ALLOW_ALL, DENY),))
    ),
    "no key": lambda w: Asked("ListKeys", {}).by(w.user("bob")),
    "key of the ciphertext": lambda w: Asked(
        "Decrypt", {"CiphertextBlob": sealed(w, gone := w.key()), **end(w, gone)}
    ).by(w.admin),
    "foreign key that is not there": lambda w: Asked(
        "Encrypt", {"KeyId": str(w.key().arn).replace(ACCOUNT, OTHER), "Plaintext": b"x"}
    ).by(w.admin),
    "foreign key without an identity-based policy": lambda w: encrypt(
        w.key(account=OTHER, policy=document(key_statement(principal=ROOT)))
    ).by(w.user("bob")),
    "key that is to be made": lambda w: Asked(
        "CreateKey", {"Tags": [{"TagKey": "a", "TagValue": "b"}]}
    ).by(w.user("bob", {**ALLOW_ALL, "Action": "kms:CreateKey"})),
    "key of AWS": lambda w: on(
        managed(w), "CreateGrant", GranteePrincipal=ROOT, Operations=["Decrypt"]
    ).by(w.admin),
}


def sealed(world: World, key: Key, **more: Any) -> bytes:
    blob: bytes = world.do("Encrypt", KeyId=key.id, Plaintext=b"x", **more)["CiphertextBlob"]
    return blob


def end(world: World, key: Key) -> Json:
    """Let a key end."""
    world.do("ScheduleKeyDeletion", KeyId=key.id, PendingWindowInDays=7)
    world.advance(days=7)
    return {}


def managed(world: World) -> Key:
    found = world.do("DescribeKey", KeyId="alias/aws/s3")["KeyMetadata"]["Arn"]
    key = world.state.key(found)
    assert key is not None
    return key


# AlreadyExists, Conflict, key stores


def _alias_again(world: World) -> Asked:
    key = world.key()
    world.alias("alias/a", key)
    return Asked("CreateAlias", {"AliasName": "alias/a", "TargetKeyId": key.id}).naming(
        alias=alias("alias/a")
    )


def in_set(world: World, **more: Any) -> Key:
    """Return a primary that has a replica."""
    key = world.key(multi_region=True, **more)
    world.replica(key)
    return key


def _rotation_is_running(world: World) -> Asked:
    key = world.key()
    world.do("RotateKeyOnDemand", KeyId=key.id)
    return on(key, "RotateKeyOnDemand")


def _rotation_is_near(world: World) -> Asked:
    key = world.key()
    world.do("EnableKeyRotation", KeyId=key.id, RotationPeriodInDays=90)
    world.advance(days=90, minutes=-20)
    return on(key, "RotateKeyOnDemand")


SAMPLES |= {
    "alias": _alias_again,
    "member of a set": lambda w: on(in_set(w), "ReplicateKey", ReplicaRegion=ELSEWHERE),
    "rotation is running": _rotation_is_running,
    "rotation is near": _rotation_is_near,
}
plain("key store", "ConnectCustomKeyStore", CustomKeyStoreId="cks-1")
plain("key store of a new key", "CreateKey", Origin="AWS_CLOUDHSM", CustomKeyStoreId="cks-1")
plain("key store of random bytes", "GenerateRandom", NumberOfBytes=1, CustomKeyStoreId="cks-1")
plain("key store that is asked for", "DescribeCustomKeyStores", CustomKeyStoreName="mine")

# Use of a key: Disabled, DryRun, IncorrectKey, InvalidCiphertext, InvalidKeyUsage


def _changed(world: World) -> Asked:
    key = world.key()
    blob = sealed(world, key)
    return on(key, "Decrypt", CiphertextBlob=blob[:-1] + bytes((blob[-1] ^ 1,)))


def _unknown_material(world: World) -> Asked:
    key = world.key()
    blob = sealed(world, key)
    return on(key, "Decrypt", CiphertextBlob=blob[:20] + bytes(32) + blob[52:])


def _of_another_rsa_key(world: World) -> Asked:
    key = world.key("RSA_2048")
    other = hazmat.public_key(hazmat.generate_private_key("RSA_2048"))
    blob = hazmat.oaep_encrypt(other, "RSAES_OAEP_SHA_1", b"x")
    return on(key, "Decrypt", CiphertextBlob=blob, EncryptionAlgorithm="RSAES_OAEP_SHA_1")


SAMPLES |= {
    "disabled": lambda w: encrypt(w.key(state=DISABLED)),
    "dry run": lambda w: encrypt(w.key(), DryRun=True),
    "another key": lambda w: on(w.key(), "Decrypt", CiphertextBlob=sealed(w, w.key())),
    "no ciphertext": lambda _w: Asked("Decrypt", {"CiphertextBlob": bytes(100)}),
    "no ciphertext of the named key": lambda w: on(
        w.key(), "Decrypt", CiphertextBlob=b"whatever it may be"
    ),
    "other context": lambda w: Asked(
        "Decrypt",
        {
            "CiphertextBlob": sealed(w, w.key(), EncryptionContext={"a": "b"}),
            "EncryptionContext": {"a": "c"},
        },
    ),
    "changed ciphertext": _changed,
    "unknown material": _unknown_material,
    "ciphertext of another RSA key": _of_another_rsa_key,
    "encapsulation of a wrong length": lambda w: on(
        w.key_for("Decapsulate"),
        "Decapsulate",
        EncapsulationAlgorithm="ML_KEM",
        SharedSecretCiphertextBlob=b"x",
    ),
    "usage": lambda w: encrypt(w.key("HMAC_256")),
    "algorithm": lambda w: encrypt(w.key("RSA_2048")),
    "data key of RSA": lambda w: on(w.key("RSA_2048"), "GenerateDataKey", KeySpec="AES_256"),
    "wrong MAC": lambda w: on(
        w.key("HMAC_256"), "VerifyMac", Message=b"x", MacAlgorithm="HMAC_SHA_256", Mac=bytes(32)
    ),
    "wrong signature": lambda w: on(
        w.key("ECC_NIST_P256"),
        "Verify",
        Message=b"x",
        SigningAlgorithm="ECDSA_SHA_256",
        Signature=b"x",
    ),
}

# Imports

FIRST, SECOND, THIRD = (bytes((n,)) * 32 for n in range(1, 4))
NEW: Json = {"ImportType": "NEW_KEY_MATERIAL"}


def importing(key: Key, request: Json, **more: Any) -> Asked:
    return on(key, "ImportKeyMaterial", **{**request, "KeyId": str(key.arn), **more})


def bringing(name: str, material: bytes = FIRST, held: tuple[bytes, ...] = (), **more: Any) -> None:
    """Register an import into a key that has this material already."""

    def how(world: World) -> Asked:
        key = world.external(*held)
        return importing(key, world.bring(key, material, **more))

    SAMPLES[name] = how


def _old_token(world: World) -> Asked:
    key = world.external()
    request = world.bring(key, FIRST)
    world.advance(hours=24)
    return importing(key, request)


def _token_of_another_key(world: World) -> Asked:
    return importing(world.external(), world.bring(world.external(), FIRST))


def _token_from_nowhere(world: World) -> Asked:
    key = world.external()
    request = world.bring(key, FIRST)
    world.change(lambda s: s.without_wrapping_key(*s.wrapping_keys[str(key.arn)].values()))
    return importing(key, request)


def _no_token(world: World) -> Asked:
    key = world.external()
    return importing(key, world.bring(key, FIRST), ImportToken=b"x")


def _token_before_there_is_any(world: World) -> Asked:
    token = {"ImportToken": b"x", "EncryptedKeyMaterial": b"x"}
    more = {"ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"}
    return importing(world.external(), token, **more)


def _wrapping_that_does_not_open(world: World) -> Asked:
    key = world.external()
    return importing(key, world.bring(key, FIRST), EncryptedKeyMaterial=bytes(256))


def _new_in_a_replica(world: World) -> Asked:
    primary = world.external(FIRST, multi_region=True)
    key = world.replica(primary, "us-west-2")
    asked = importing(key, world.bring(key, SECOND, **NEW))
    return replace(asked, more={"region": "us-west-2"})


def _another_waits(world: World) -> Asked:
    key = world.external(FIRST)
    world.do("ImportKeyMaterial", **world.bring(key, SECOND, **NEW))
    ids = {"new": material_id(THIRD, key.id), "pending": material_id(SECOND, key.id)}
    return importing(key, world.bring(key, THIRD, **NEW)).naming(**ids)


def _description_of_hmac(world: World) -> Asked:
    key = world.key("HMAC_256", origin=KeyOrigin.EXTERNAL, state=PENDING_IMPORT)
    return importing(key, world.bring(key, FIRST, KeyMaterialDescription="x"))


def ending(name: str, **more: Any) -> None:
    """Register an import that is refused before its token is looked at."""
    token = {"ImportToken": b"x", "EncryptedKeyMaterial": b"x"}
    SAMPLES[name] = lambda world: importing(world.external(), token, **more)


bringing("wrong length", bytes(31))
bringing("another material", SECOND, (FIRST,), ImportType="EXISTING_KEY_MATERIAL")
bringing("another id", FIRST, (FIRST,), KeyMaterialId="a" * 64)
bringing("known as new", FIRST, (FIRST,), **NEW)
bringing("id of new material", FIRST, KeyMaterialId="a" * 64)
ending("no end of material")
ending(
    "end of lasting material",
    ExpirationModel="KEY_MATERIAL_DOES_NOT_EXPIRE",
    ValidTo=START + dt.timedelta(days=1),
)
ending("end in the past", ValidTo=START)
ending("end far away", ValidTo=START + dt.timedelta(days=365, seconds=1))
SAMPLES |= {
    "old token": _old_token,
    "no token": _no_token,
    "token before there is any": _token_before_there_is_any,
    "token of another key": _token_of_another_key,
    "token from nowhere": _token_from_nowhere,
    "wrapping that does not open": _wrapping_that_does_not_open,
    "new in a replica": _new_in_a_replica,
    "another material waits": _another_waits,
    "description of HMAC material": _description_of_hmac,
    "material": lambda w: on(
        w.external(FIRST), "DeleteImportedKeyMaterial", KeyMaterialId="a" * 64
    ).naming(material="a" * 64),
    "EXTERNAL": lambda w: on(w.external(FIRST), "EnableKeyRotation"),
    "AWS_KMS": lambda w: on(w.key(), "DeleteImportedKeyMaterial"),
    "wrapping": lambda w: on(
        w.external(),
        "GetParametersForImport",
        WrappingAlgorithm="RSAES_PKCS1_V1_5",
        WrappingKeySpec="RSA_2048",
    ),
}

# What a request names: InvalidArn, NotFound, markers

plain("no ARN of ours", "DescribeKey", KeyId="arn:aws:s3:::bucket")
plain("no key id", "DescribeKey", KeyId="foo")
plain("no key id in an ARN", "DescribeKey", KeyId=f"arn:aws:kms:{REGION}:{ACCOUNT}:key/foo")
plain("alias where only a key may stand", "DisableKey", KeyId="alias/any")
plain("alias ARN where only a key may stand", "DisableKey", KeyId=alias("alias/any"))
plain("retiring principal of elsewhere", "ListRetirableGrants", RetiringPrincipal=OTHER)
plain("no marker", "ListKeys", Marker="x")
plain("long marker", "ListKeys", Marker="x" * 1025)
on_key("key policy", "GetKeyPolicy", PolicyName="other")
on_key("grant id", "RevokeGrant", GrantId="no id")


def _no_account(_world: World) -> Asked:
    text = f"arn:aws:kms:{REGION}:1:key/x"
    return Asked("DescribeKey", {"KeyId": text}).naming(text=text)


def _gone(world: World) -> Asked:
    key = world.key()
    end(world, key)
    return on(key, "DescribeKey")


def marker(*bound: str, last: object) -> str:
    return base64.urlsafe_b64encode(json.dumps([*bound, last]).encode()).decode()


def _next_marker(world: World) -> Asked:
    world.key()
    world.key()
    made = world.do("ListKeys", Limit=1)["NextMarker"]
    return Asked("ListAliases", {"Marker": made})


SAMPLES |= {
    "no account": _no_account,
    "key id": _gone,
    "another Region": lambda w: on(w.key(region=ELSEWHERE), "DescribeKey"),
    "grant": lambda w: on(w.key(), "RevokeGrant", GrantId="a" * 64).naming(grant="a" * 64),
    "alias that is not there": lambda _w: Asked("DescribeKey", {"KeyId": "alias/none"}).naming(
        alias=alias("alias/none")
    ),
    "alias to delete": lambda _w: Asked("DeleteAlias", {"AliasName": "alias/none"}).naming(
        alias=alias("alias/none")
    ),
    "key of elsewhere to list": lambda w: on(w.key(account=OTHER), "ListAliases"),
    "replica to promote": lambda w: on(
        (key := w.key(multi_region=True)), "UpdatePrimaryRegion", PrimaryRegion=ELSEWHERE
    ).naming(arn=replace(key.arn, region=ELSEWHERE)),
    "marker of another list": _next_marker,
    "marker that is no text": lambda _w: Asked(
        "ListKeys", {"Marker": marker("ListKeys", ACCOUNT, REGION, last=1)}
    ),
}

# Aliases


def aliasing(name: str, text: str) -> None:
    """Register the making of an alias of this name."""
    SAMPLES[name] = lambda world: Asked(
        "CreateAlias", {"AliasName": text, "TargetKeyId": world.key().id}
    )


aliasing("prefix of an alias", "myalias")
aliasing("alias without a name", "alias/")
aliasing("colon in an alias", "alias/a:b")
aliasing("letters of an alias", "alias/ü")
aliasing("alias of AWS", "alias/aws/x")
plain("alias of an alias", "CreateAlias", AliasName="alias/a", TargetKeyId="alias/b")


def moving(name: str, old: tuple[str, KeyUsage | None], new: tuple[str, KeyUsage | None]) -> None:
    """Register the change of an alias from a key to another."""

    def how(world: World) -> Asked:
        world.alias("alias/a", world.key(*old))
        request = {"AliasName": "alias/a", "TargetKeyId": world.key(*new).id}
        return Asked("UpdateAlias", request).naming(alias=alias("alias/a"))

    SAMPLES[name] = how


moving("another usage for an alias", ("SYMMETRIC_DEFAULT", None), ("HMAC_256", None))
moving(
    "another kind for an alias",
    ("SYMMETRIC_DEFAULT", None),
    ("RSA_2048", KeyUsage.ENCRYPT_DECRYPT),
)

# Grants


def granting(name: str, spec: str = "SYMMETRIC_DEFAULT", /, **more: Any) -> None:
    """Register the making of a grant, right but for these members."""
    right = {"GranteePrincipal": OTHER, "Operations": ["Decrypt"]}
    given = {member: value for member, value in (right | more).items() if value is not None}
    on_key(name, "CreateGrant", spec, **given)


def equals(**pairs: str) -> Json:
    return {"EncryptionContextEquals": pairs}


granting("principal of a grant", GranteePrincipal=user_arn("nobody"))
granting("grant for nothing", Operations=[])
granting("grant for another kind", Operations=["Sign"])
granting("grant for grants alone", Operations=["CreateGrant"])
granting("constraints on RSA", "RSA_2048", Constraints=equals(a="b"))
granting("two constraints", Constraints={**equals(a="b"), "EncryptionContextSubset": {"a": "b"}})
granting("many pairs", Constraints=equals(**{f"a{n}": "b" for n in range(9)}))
granting("long value", Constraints=equals(a="b" * 385))
granting("grantee", GranteePrincipal=None)
granting("grantee is a service", GranteeServicePrincipal="s3.amazonaws.com", Constraints=None)
plain("retirer", "ListRetirableGrants")
plain("retirer is a service", "ListRetirableGrants", RetiringServicePrincipal="s3.amazonaws.com")
plain("no grant named", "RetireGrant")
plain("token of no grant to retire", "RetireGrant", GrantToken="unknown")
SAMPLES["unknown grant token"] = lambda w: encrypt(w.key(), GrantTokens=["unknown"])

# States: all cells stand in `states.yaml`


def _updating(world: World) -> Asked:
    key = world.key(multi_region=True, region=ELSEWHERE)
    replica = world.replica(key, REGION)
    world.do("UpdatePrimaryRegion", KeyId=key.id, PrimaryRegion=REGION, region=ELSEWHERE)
    return on(replica, "EnableKey")


def _creating(world: World) -> Asked:
    key = world.key(multi_region=True, region=ELSEWHERE)
    world.do("ReplicateKey", KeyId=key.id, ReplicaRegion=REGION, region=ELSEWHERE)
    return encrypt(replace(key, arn=replace(key.arn, region=REGION)))


def _pending_replica_deletion(world: World) -> Asked:
    key = in_set(world)
    world.do("ScheduleKeyDeletion", KeyId=key.id)
    return encrypt(key)


SAMPLES |= {
    "pending deletion": lambda w: encrypt(w.key(state=PENDING_DELETION)),
    "pending replica deletion": _pending_replica_deletion,
    "pending import": lambda w: encrypt(w.external()),
    "not pending deletion": lambda w: on(w.key(), "CancelKeyDeletion"),
    "creating": _creating,
    "updating": _updating,
    "nothing to rotate to": lambda w: on(w.external(FIRST), "RotateKeyOnDemand"),
}

# Limits

SMALLER = {"keys": "kms.new_keys.MAX_KEYS", "grants": "kms.grants.MAX_GRANTS"}
"""Limits that take too long to reach, by the answer: there they are 1."""


def _keys(world: World) -> Asked:
    world.key()
    return Asked("CreateKey", {})


def full(world: World) -> Key:
    """Return a key with as many aliases as it may have."""
    key = world.key()
    for number in range(50):
        world.alias(f"alias/a{number}", key)
    return key


def _aliases(world: World) -> Asked:
    return Asked("CreateAlias", {"AliasName": "alias/b", "TargetKeyId": full(world).id})


def _aliases_of_another(world: World) -> Asked:
    world.alias("alias/b", world.key())
    return Asked("UpdateAlias", {"AliasName": "alias/b", "TargetKeyId": full(world).id})


def _grants(world: World) -> Asked:
    request = {"GranteePrincipal": OTHER, "Operations": ["Decrypt"]}
    key = world.key()
    world.do("CreateGrant", KeyId=key.id, **request)
    return on(key, "CreateGrant", **request)


def _rotations(world: World) -> Asked:
    key = world.key()
    world.do("RotateKeyOnDemand", KeyId=key.id)
    world.advance(seconds=60)
    return on(key, "RotateKeyOnDemand")


def tags(*names: str) -> list[Json]:
    return [{"TagKey": name, "TagValue": "x"} for name in names]


SAMPLES |= {
    "keys": _keys,
    "aliases": _aliases,
    "aliases of another key": _aliases_of_another,
    "grants": _grants,
    "tags": lambda w: on(
        w.key(tags=tuple((f"a{n}", "b") for n in range(50))), "TagResource", Tags=tags("b")
    ),
    "rotations": _rotations,
}
on_key("policy", "PutKeyPolicy", Policy="{" * 32_769)

# Policies and tags


def putting(name: str, *statements: Json, text: str | None = None) -> None:
    """Register the putting of a policy with these statements besides the usual one."""
    usual = key_statement(principal=ROOT)
    on_key(name, "PutKeyPolicy", Policy=text or document(usual, *statements))


putting("principal in a policy", key_statement(principal="12345"))
on_key("no JSON", "PutKeyPolicy", Policy="{")
putting("no service", key_statement(Action="Encrypt"))
putting("unknown principal", key_statement(principal=user_arn("nobody")))
putting("canonical user", key_statement(principal={"CanonicalUser": "x"}))
putting("lockout", key_statement("Deny", Action="kms:PutKeyPolicy"))
putting(
    "all values of one",
    key_statement(Condition={"ForAllValues:StringEquals": {"kms:EncryptionContext:a": ["b"]}}),
)
on_key("reserved", "TagResource", Tags=tags("AWS:x"))
on_key("twice", "TagResource", Tags=tags("a", "a"))
on_key("letters", "TagResource", Tags=tags("a;b"))
plain("too many", "CreateKey", Tags=tags(*(f"a{n}" for n in range(51))))

# What cannot be read, and what is not there

plain("type", "DescribeKey", KeyId=7)
SAMPLES["no request"] = lambda _w: Asked("DescribeKey", [])
plain("operation", "NoSuchOperation")

# UnsupportedOperation

plain("SM2", "CreateKey", KeySpec="SM2", KeyUsage="SIGN_VERIFY")
on_key("SM2 pair", "GenerateDataKeyPair", KeyPairSpec="SM2")
plain(
    "multi-Region in a store",
    "CreateKey",
    Origin="AWS_CLOUDHSM",
    MultiRegion=True,
    CustomKeyStoreId="cks-1",
)
on_key("public key of none", "GetPublicKey")
on_key("rotation of RSA", "RotateKeyOnDemand", "RSA_2048")
plain("key stores", "CreateCustomKeyStore", CustomKeyStoreName="mine")
plain("recipient", "GenerateRandom", NumberOfBytes=1, Recipient={})
on_key("no primary", "ReplicateKey", ReplicaRegion=ELSEWHERE)
SAMPLES["rotation of a replica"] = lambda w: on(
    w.replica(w.key(multi_region=True, region=ELSEWHERE), REGION), "EnableKeyRotation"
)

# Validation

plain("null", "DescribeKey")
on_key("null and secret", "Encrypt")
plain("too short", "DescribeKey", KeyId="")
on_key("too long and secret", "Encrypt", Plaintext=bytes(4097))
on_key("too small", "EnableKeyRotation", RotationPeriodInDays=89)
plain("too large", "GenerateRandom", NumberOfBytes=1025)
on_key("enum", "GenerateMac", "HMAC_256", Message=b"x", MacAlgorithm="SHA")
on_key("list", "TagResource", Tags=tags(""))
plain("no random bytes", "GenerateRandom")
on_key("window", "ScheduleKeyDeletion", PendingWindowInDays=6)
on_key("modifiers alone", "Decrypt", CiphertextBlob=b"x", DryRunModifiers=["IGNORE_CIPHERTEXT"])
on_key("no ciphertext named", "Decrypt")
plain("two specs", "CreateKey", KeySpec="RSA_2048", CustomerMasterKeySpec="RSA_2048")
plain("no usage", "CreateKey", KeySpec="RSA_2048")
plain("spec and usage", "CreateKey", KeySpec="HMAC_256", KeyUsage="SIGN_VERIFY")
plain("usage of a symmetric key", "CreateKey", KeyUsage="SIGN_VERIFY")
plain("origin without a store", "CreateKey", Origin="AWS_CLOUDHSM")
plain("store without its origin", "CreateKey", CustomKeyStoreId="cks-1")
plain("external key without its origin", "CreateKey", Origin="EXTERNAL", XksKeyId="x")
OAEP: Json = {"EncryptionAlgorithm": "RSAES_OAEP_SHA_256"}
PAIRS: Json = {"EncryptionContext": {"a": "b"}}
on_key("context for RSA", "Encrypt", "RSA_2048", Plaintext=b"x", **PAIRS, **OAEP)
on_key("context from RSA", "Decrypt", "RSA_2048", CiphertextBlob=b"x", **PAIRS, **OAEP)
on_key("long text for RSA", "Encrypt", "RSA_2048", Plaintext=bytes(191), **OAEP)
on_key("large context", "Encrypt", Plaintext=b"x", EncryptionContext={"a": "b" * 8192})
on_key("size of a data key", "GenerateDataKey")
ECDSA: Json = {"SigningAlgorithm": "ECDSA_SHA_256"}
DIGEST: Json = {"MessageType": "DIGEST"}
on_key("digest", "Sign", "ECC_NIST_P256", Message=bytes(31), **ECDSA, **DIGEST)
on_key(
    "form of the spec",
    "Sign",
    "ML_DSA_44",
    Message=bytes(64),
    SigningAlgorithm="ML_DSA_SHAKE_256",
    **DIGEST,
)
on_key(
    "form of the algorithm",
    "Sign",
    "ECC_NIST_EDWARDS25519",
    Message=bytes(64),
    SigningAlgorithm="ED25519_SHA_512",
    **DIGEST,
)
SAMPLES["peer"] = lambda w: on(
    w.key_for("DeriveSharedSecret"),
    "DeriveSharedSecret",
    KeyAgreementAlgorithm="ECDH",
    PublicKey=b"x",
)
SAMPLES["Region"] = lambda w: on(
    w.key(multi_region=True), "ReplicateKey", ReplicaRegion="us-mars-1"
)
SAMPLES["primary already"] = lambda w: on(in_set(w), "UpdatePrimaryRegion", PrimaryRegion=REGION)
