"""The pipeline: what comes first, and that nothing is left out (CORE K-32, K-33)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kms import (
    OPERATIONS,
    Call,
    Gate,
    Key,
    KeyOrigin,
    KeyUsage,
    Service,
    Settings,
    State,
    operation,
    shapes,
)
from kms.errors import NotFound
from kms.operation import Change, Parameters, Scope
from kms.service import ROOMS, Reply
from policy import Decision, Outcome, Request
from tests.kms_world import (
    ALLOW_ALL,
    CREATING,
    DISABLED,
    ELSEWHERE,
    ENABLED,
    KIND_FOR,
    OTHER,
    PENDING_DELETION,
    PENDING_IMPORT,
    PENDING_REPLICA_DELETION,
    PRODUCED_STATES,
    REGION,
    ROOT,
    UPDATING,
    Json,
    World,
    document,
    key_statement,
    user_arn,
)

OK = None
D = ("DisabledException", "{} is disabled.")
PD = ("KMSInvalidStateException", "{} is pending deletion.")
PRD = ("KMSInvalidStateException", "{} is pending replica deletion.")
PI = ("KMSInvalidStateException", "{} is pending import.")
NP = ("KMSInvalidStateException", "{} is not pending deletion.")
CR = ("KMSInvalidStateException", "{} is creating.")
UP = ("KMSInvalidStateException", "{} is updating.")
EX = (
    "UnsupportedOperationException",
    "{} origin is EXTERNAL which is not valid for this operation.",
)
NX = (
    "UnsupportedOperationException",
    "{} origin is AWS_KMS which is not valid for this operation.",
)
Answer = tuple[str, str] | None

# CORE K-29: Enabled, Disabled, PendingDeletion / PendingReplicaDeletion, PendingImport, Creating,
# Updating; for the operations that exist.
ALWAYS = (OK, OK, OK, OK, OK, OK, OK)
USING = (OK, D, PD, PRD, PI, CR, OK)
UNLESS_DELETED = (OK, OK, PD, PRD, OK, OK, OK)
SWITCHING = (OK, OK, PD, PRD, PI, CR, UP)
COLUMNS = (
    ENABLED, DISABLED, PENDING_DELETION, PENDING_REPLICA_DELETION, PENDING_IMPORT, CREATING,
    UPDATING,
)  # fmt: skip
TABLE: dict[str, tuple[Answer, ...]] = {
    "CancelKeyDeletion": (NP, NP, OK, OK, NP, NP, NP),
    "CreateAlias": UNLESS_DELETED,
    "CreateGrant": USING,
    "Decrypt": USING,
    "Decapsulate": USING,
    "DeleteAlias": ALWAYS,
    "DeleteImportedKeyMaterial": 7 * (NX,),
    "DeriveSharedSecret": USING,
    "DescribeKey": ALWAYS,
    "DisableKey": SWITCHING,
    "DisableKeyRotation": USING,
    "EnableKey": SWITCHING,
    "EnableKeyRotation": USING,
    "Encapsulate": USING,
    "Encrypt": USING,
    "GenerateDataKey": USING,
    "GenerateDataKeyPair": USING,
    "GenerateDataKeyPairWithoutPlaintext": USING,
    "GenerateDataKeyWithoutPlaintext": USING,
    "GenerateMac": USING,
    "GetKeyPolicy": ALWAYS,
    "GetKeyRotationStatus": ALWAYS,
    "GetParametersForImport": 7 * (NX,),
    "ImportKeyMaterial": 7 * (NX,),
    "GetPublicKey": (OK, OK, PD, PRD, PI, CR, OK),  # CORE K-30
    "ListAliases": ALWAYS,
    "ListGrants": ALWAYS,
    "ListKeyPolicies": ALWAYS,
    "ListKeyRotations": ALWAYS,
    "ListResourceTags": ALWAYS,
    "PutKeyPolicy": ALWAYS,
    "ReEncrypt": USING,
    "RetireGrant": ALWAYS,
    "RevokeGrant": ALWAYS,
    "RotateKeyOnDemand": (OK, D, PD, PRD, PI, CR, UP),
    "ScheduleKeyDeletion": (OK, OK, PD, PRD, OK, OK, UP),
    "Sign": USING,
    "TagResource": UNLESS_DELETED,
    "UntagResource": UNLESS_DELETED,
    "UpdateAlias": UNLESS_DELETED,
    "UpdateKeyDescription": UNLESS_DELETED,
    "Verify": USING,
    "VerifyMac": USING,
}
# The cells that read x/EX and x/NX: what keys of origin EXTERNAL answer otherwise.
EXTERNAL_TABLE: dict[str, tuple[Answer, ...]] = {
    **TABLE,
    "DeleteImportedKeyMaterial": (OK, OK, OK, OK, OK, CR, UP),
    "DisableKeyRotation": 7 * (EX,),
    "EnableKeyRotation": 7 * (EX,),
    "GetKeyRotationStatus": 7 * (EX,),
    "GetParametersForImport": (OK, OK, PD, PRD, OK, CR, UP),
    "ImportKeyMaterial": (OK, OK, PD, PRD, OK, CR, OK),
}
TABLES = {KeyOrigin.AWS_KMS: TABLE, KeyOrigin.EXTERNAL: EXTERNAL_TABLE}
KEYLESS = {"CreateKey", "GenerateRandom", "ListKeys"}


def requests_on(world: World, key: Key, name: str) -> list[Json]:
    """Return requests of the operation on an enabled key; of ReEncrypt, one for each side."""
    if name in KIND_FOR:
        return [world.use(name, key)]
    blob = world.do("Encrypt", KeyId=key.id, Plaintext=b"x")["CiphertextBlob"]
    grant = {"GranteePrincipal": OTHER, "Operations": ["DescribeKey"]}
    made = world.do("CreateGrant", KeyId=key.id, **grant)
    if name == "ReEncrypt":
        other = world.key()
        foreign = world.do("Encrypt", KeyId=other.id, Plaintext=b"x")["CiphertextBlob"]
        return [
            {"CiphertextBlob": blob, "DestinationKeyId": other.id},
            {"CiphertextBlob": blob, "SourceKeyId": key.id, "DestinationKeyId": other.id},
            {"CiphertextBlob": foreign, "DestinationKeyId": key.id},
        ]
    if name in ("DeleteAlias", "UpdateAlias"):
        world.alias("alias/a", key if name == "DeleteAlias" else world.key())
    external = key.origin is KeyOrigin.EXTERNAL
    if name == "ImportKeyMaterial" and external:
        return [world.bring(key, key.current_material.secret)]
    if name == "RotateKeyOnDemand" and external:
        new = world.bring(key, bytes(32), ImportType="NEW_KEY_MATERIAL")
        world.do("ImportKeyMaterial", **new)
    more: dict[str, Json] = {
        "CreateAlias": {"AliasName": "alias/new", "TargetKeyId": key.id},
        "CreateGrant": {"KeyId": key.id, **grant},
        "Decrypt": {"CiphertextBlob": blob},
        "DeleteAlias": {"AliasName": "alias/a"},
        "Encrypt": {"KeyId": key.id, "Plaintext": b"x"},
        "GenerateDataKey": {"KeyId": key.id, "KeySpec": "AES_128"},
        "GenerateDataKeyPair": {"KeyId": key.id, "KeyPairSpec": "ECC_NIST_P256"},
        "GenerateDataKeyPairWithoutPlaintext": {"KeyId": key.id, "KeyPairSpec": "ECC_NIST_P256"},
        "GenerateDataKeyWithoutPlaintext": {"KeyId": key.id, "KeySpec": "AES_128"},
        "GetParametersForImport": {
            "KeyId": key.id,
            "WrappingAlgorithm": "RSAES_OAEP_SHA_1",
            "WrappingKeySpec": "RSA_2048",
        },
        "ImportKeyMaterial": {
            "KeyId": key.id,
            "ImportToken": b"x",
            "EncryptedKeyMaterial": b"x",
            "ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE",
        },
        "PutKeyPolicy": {"KeyId": key.id, "Policy": document(key_statement(principal=ROOT))},
        "RetireGrant": {"GrantToken": made["GrantToken"]},
        "RevokeGrant": {"KeyId": key.id, "GrantId": made["GrantId"]},
        "TagResource": {"KeyId": key.id, "Tags": [{"TagKey": "a", "TagValue": "b"}]},
        "UntagResource": {"KeyId": key.id, "TagKeys": ["a"]},
        "UpdateAlias": {"AliasName": "alias/a", "TargetKeyId": key.id},
        "UpdateKeyDescription": {"KeyId": key.id, "Description": "new"},
    }
    return [more.get(name, {"KeyId": key.id})]


def in_state(world: World, key: Key, state: Any) -> None:
    changed = world.key(state=state)
    world.put(replace(world.found(key), state=state, deletion_at=changed.deletion_at))


ROWS = [
    pytest.param(name, origin, state, answer, id=f"{name}-{origin}-{state}")
    for origin, table in TABLES.items()
    for name, answers in table.items()
    for state, answer in zip(COLUMNS, answers, strict=True)
]


@pytest.mark.parametrize(("name", "origin", "state", "answer"), ROWS)
def test_every_cell_of_the_table_of_states_is_kept(
    world: World, name: str, origin: KeyOrigin, state: Any, answer: Answer
) -> None:
    """CORE K-29."""
    key = world.key_for(name, origin=origin)
    for parameters in requests_on(world, key, name):
        in_state(world, key, state)

        error = world.ask(name, **parameters).error

        told = (error.code, error.message) if error is not None else None
        assert told == (None if answer is None else (answer[0], answer[1].format(key.arn)))
        world.put(key)


def test_the_table_of_states_is_whole() -> None:
    assert set(TABLE) | KEYLESS == set(EXTERNAL_TABLE) | KEYLESS == set(OPERATIONS)
    assert set(COLUMNS) == set(PRODUCED_STATES)


@pytest.mark.parametrize("state", COLUMNS)
def test_an_alias_leaves_its_old_key_in_any_state(world: World, state: Any) -> None:
    """CORE K-29, UpdateAlias (old target)."""
    old, new = world.key(state=state), world.key()
    world.alias("alias/a", old)

    assert world.do("UpdateAlias", AliasName="alias/a", TargetKeyId=new.id) == {}


# The order of checks (CORE K-32, K-33, K-63)


def wronged(world: World, spec: str = "HMAC_256", state: Any = DISABLED) -> Json:
    """Return a request that is wrong in every way that can be told apart."""
    return {
        "KeyId": world.key(spec, state=state).id,
        "Plaintext": b"x",
        "EncryptionAlgorithm": "RSAES_OAEP_SHA_1",
        "GrantTokens": ["none of ours"],
        "EncryptionContext": {"a": "x" * 9000},
        "DryRun": True,
    }


def test_each_check_has_its_turn_and_the_first_failure_wins(world: World) -> None:
    """CORE K-32, AUTH Q-1."""
    request, nobody = wronged(world), world.user("nobody")

    def told(**changes: Any) -> tuple[str, str | None]:
        request.update(changes)
        return world.told("Encrypt", nobody, **request)

    assert world.told("NoSuch", nobody, **request)[0] == "UnknownOperationException"
    assert told(Plaintext="text")[0] == "SerializationException"
    assert told(Plaintext=b"")[0] == "ValidationException"  # the model
    assert told(Plaintext=b"x")[1] == "EncryptionContext is too large."  # the request alone
    right = request["KeyId"]
    assert told(EncryptionContext={}, KeyId="foo") == ("NotFoundException", "Invalid keyId 'foo'")
    assert told(KeyId=right) == ("InvalidGrantTokenException", None)  # AUTH N-33
    assert told(GrantTokens=[])[0] == "AccessDeniedException"
    nobody = world.user("nobody", ALLOW_ALL)
    assert told()[0] == "InvalidKeyUsageException"
    assert "GENERATE_VERIFY_MAC" in str(told()[1])
    assert told(KeyId=world.key(state=DISABLED).id)[0] == "DisabledException"
    assert told(KeyId=world.key().id)[1] == (
        "Algorithm RSAES_OAEP_SHA_1 is incompatible with key spec SYMMETRIC_DEFAULT."
    )
    assert told(EncryptionAlgorithm="SYMMETRIC_DEFAULT")[0] == "DryRunOperationException"
    request["DryRun"] = False
    assert world.do("Encrypt", nobody, **request)


@pytest.mark.parametrize("name", sorted(set(TABLE) - {"RetireGrant"}))
def test_who_may_not_learns_nothing_of_usage_and_state(world: World, name: str) -> None:
    """CORE K-33."""
    key = world.key_for(name)
    for parameters in requests_on(world, key, name):
        answers = set()
        for state in COLUMNS:
            in_state(world, key, state)
            answers.add(world.told(name, world.user("nobody"), **parameters))
        world.put(replace(key, spec="HMAC_256", usage=KeyUsage.GENERATE_VERIFY_MAC))
        answers.add(world.told(name, world.user("nobody"), **parameters))

        assert len(answers) == 1
        assert {code for code, _ in answers} == {"AccessDeniedException"}
        world.put(key)


@pytest.mark.parametrize(
    ("name", "rest"),
    [
        ("Encrypt", {"Plaintext": b"x"}),
        ("GenerateDataKey", {"KeySpec": "AES_128"}),
        ("GenerateDataKeyWithoutPlaintext", {"KeySpec": "AES_128"}),
    ],
)
@pytest.mark.parametrize("spec", ["HMAC_256", "ECC_NIST_P256"])
def test_usage_comes_before_state(world: World, name: str, rest: Json, spec: str) -> None:
    """CORE K-63."""
    key = world.key(spec, state=DISABLED)

    assert world.told(name, KeyId=key.id, **rest) == (
        "InvalidKeyUsageException",
        f"{key.arn} key usage is {key.usage} which is not valid for {name}.",
    )


# Replies


def test_a_reply_gives_its_output_or_raises_its_error(world: World) -> None:
    assert world.ask("ListKeys").unwrap() == {"Keys": [], "Truncated": False}
    with pytest.raises(NotFound, match="Invalid keyId 'foo'"):
        world.ask("DescribeKey", KeyId="foo").unwrap()
    assert Reply(None, None, (), None).unwrap() == {}


def test_a_reply_does_not_show_its_output(world: World, key: Key) -> None:
    """CORE K-109."""
    reply = world.ask("GenerateDataKey", KeyId=key.id, KeySpec="AES_128")

    assert repr(reply.unwrap()["Plaintext"]) not in repr(reply)
    assert "Plaintext" not in repr(reply)
    assert "GenerateDataKey" in repr(reply)


def test_an_error_is_in_the_reply_and_is_not_raised(world: World) -> None:
    reply = world.ask("DescribeKey", KeyId="foo")

    assert (reply.output, reply.decisions) == (None, ())
    assert isinstance(reply.error, NotFound)


@pytest.mark.parametrize("name", ["describeKey", "DescribeKey ", "", "kms:DescribeKey", "Rotate"])
def test_an_operation_of_no_such_name_is_unknown(world: World, name: str) -> None:
    """CORE K-189: case is significant."""
    assert world.told(name) == ("UnknownOperationException", None)


@pytest.mark.parametrize("name", sorted(shapes.operation_names() - set(OPERATIONS)))
def test_an_operation_that_is_not_there_yet_says_so(world: World, name: str) -> None:
    assert world.told(name) == (
        "UnsupportedOperationException",
        f"{name} is not supported by this version of kmsgate.",
    )


def test_every_room_of_operations_is_open() -> None:
    registered = {each.run.__module__ for each in OPERATIONS.values()}

    assert registered == {room.__name__ for room in ROOMS}


# DryRun (CORE K-46)


DRY = sorted(name for name in TABLE if shapes.takes(name, "DryRun"))


def test_dry_runs_are_taken_by_the_operations_of_the_list() -> None:
    """CORE K-46, for the operations that exist."""
    assert DRY == [
        "CreateGrant", "Decapsulate", "Decrypt", "DeriveSharedSecret", "Encapsulate", "Encrypt",
        "GenerateDataKey", "GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext",
        "GenerateDataKeyWithoutPlaintext", "GenerateMac", "ReEncrypt", "RetireGrant", "RevokeGrant",
        "Sign", "Verify", "VerifyMac",
    ]  # fmt: skip


@pytest.mark.parametrize("name", DRY)
def test_a_dry_run_never_succeeds_and_changes_nothing(world: World, name: str) -> None:
    """CORE K-46, AUTH K-71."""
    key = world.key_for(name)
    for parameters in requests_on(world, key, name):
        before, count = world.state, len(world.events)

        reply = world.ask(name, **parameters, DryRun=True)

        assert reply.error is not None
        assert (reply.error.code, reply.error.message) == (
            "DryRunOperationException",
            "The request would have succeeded, but the DryRun option is set.",
        )
        assert reply.output is None
        assert world.state is before
        assert len(world.events) == count + 1


@pytest.mark.parametrize("name", DRY)
def test_a_dry_run_fails_as_the_real_call_would(world: World, name: str) -> None:
    """CORE K-46."""
    key = world.key_for(name)
    for parameters in requests_on(world, key, name):
        nobody = world.user("nobody")
        assert world.told(name, nobody, **parameters, DryRun=True) == world.told(
            name, nobody, **parameters
        )
        if TABLE[name] is USING:
            in_state(world, key, DISABLED)
            assert world.told(name, **parameters, DryRun=True)[0] == "DisabledException"
            world.put(key)
        assert world.ask(name, **parameters, DryRun=False).error is None


def test_a_dry_run_that_is_off_or_none_is_none(world: World, key: Key) -> None:
    for dry in (False, None):
        assert world.ask("Encrypt", KeyId=key.id, Plaintext=b"x", DryRun=dry).error is None


# Grant tokens (AUTH K-72, N-33)


TAKE_TOKENS = sorted(name for name in OPERATIONS if shapes.takes(name, "GrantTokens"))


def test_tokens_are_taken_by_the_operations_of_the_list() -> None:
    """AUTH K-72, for the operations that exist."""
    assert TAKE_TOKENS == [
        "CreateGrant", "Decapsulate", "Decrypt", "DeriveSharedSecret", "DescribeKey", "Encapsulate",
        "Encrypt", "GenerateDataKey", "GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext",
        "GenerateDataKeyWithoutPlaintext", "GenerateMac", "GetPublicKey", "ReEncrypt", "Sign",
        "Verify", "VerifyMac",
    ]  # fmt: skip


@pytest.mark.parametrize("name", TAKE_TOKENS)
def test_a_token_that_is_none_is_refused_though_the_caller_is_allowed(
    world: World, name: str
) -> None:
    """CORE K-90, AUTH N-33."""
    key, there = world.key_for(name), world.key(region=ELSEWHERE)
    grant = {"GranteePrincipal": OTHER, "Operations": ["DescribeKey"]}
    foreign = world.do("CreateGrant", region=ELSEWHERE, KeyId=there.id, **grant)["GrantToken"]
    retired = world.do("CreateGrant", KeyId=key.id, **grant)["GrantToken"]
    harmless = world.do("CreateGrant", KeyId=key.id, **grant)["GrantToken"]
    world.do("RetireGrant", GrantToken=retired)

    for parameters in requests_on(world, key, name):
        for token in ("unknown", foreign, retired):
            for tokens in ([token], [harmless, token]):
                assert world.told(name, **parameters, GrantTokens=tokens) == (
                    "InvalidGrantTokenException",
                    None,
                )
        assert world.ask(name, **parameters, GrantTokens=[harmless]).error is None  # AUTH N-32


def test_where_tokens_have_no_place_they_are_not_looked_at(world: World, key: Key) -> None:
    """CORE K-44."""
    assert world.ask("DisableKey", KeyId=key.id, GrantTokens=["unknown"]).error is None


# Settings and gates are given


class Yes(Gate):
    """A gate that lets everything through."""

    def decide(self, request: Request, key: Key | None, call: Call, state: State) -> Decision:
        decision = super().decide(request, key, call, state)
        decision.outcome = Outcome.ALLOWED
        return decision


def test_a_gate_that_says_yes_to_everything_does_not_make_a_foreign_key_appear() -> None:
    """CORE K-8: whatever the gate says, there is nothing to work on."""
    world = World(gate=Yes())
    key = world.key(account=OTHER)
    world.change(lambda state: state.without_key(key))

    for name in (str(key.arn), str(replace(key.arn, resource="alias/a"))):
        code, message = world.told("Encrypt", KeyId=name, Plaintext=b"x")
        assert code == "AccessDeniedException"
        assert "because the resource does not exist in this Region" in str(message)


def test_a_service_has_the_settings_of_the_specification_by_default(world: World) -> None:
    """CORE 0."""
    service = Service(world.store, Gate(), world.clock, world.entropy)

    assert service.settings == Settings()
    assert Settings().grant_consistency_seconds == 0
    assert Settings().deletion_extra_hours == 0
    assert Settings().transition_seconds == 0
    assert Settings().default_rotation_days == 365
    assert Settings().aws_managed_rotation_days == 365
    assert Settings().on_demand_rotation_limit == 25
    assert Settings().strict_principals
    assert Settings().enforce_quotas


def test_time_stands_still_during_a_call(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """CORE K-1: one moment for the call, its decisions and its event."""
    moments: list[Any] = []
    known = OPERATIONS["ListKeys"]

    def run(parameters: Parameters, scope: Scope) -> Change:
        world.advance(days=1)
        moments.append(scope.now)
        return known.run(parameters, scope)

    monkeypatch.setitem(operation._OPERATIONS, "ListKeys", replace(known, run=run))
    reply = world.ask("ListKeys")

    assert reply.event is not None
    assert moments == [reply.event.at] == [reply.decisions[0].request.at]


def test_calls_of_two_regions_share_one_state(world: World) -> None:
    world.do("CreateKey")
    world.do("CreateKey", region=ELSEWHERE)

    assert len(world.do("ListKeys", region=REGION)["Keys"]) == 1
    assert len(world.do("ListKeys", region=ELSEWHERE)["Keys"]) == 1
    assert len(world.state.keys) == 2


def test_the_event_of_a_denied_call_names_the_caller(world: World, key: Key) -> None:
    world.refused("DescribeKey", world.user("nobody"), KeyId=key.id)

    assert world.events[-1].caller == user_arn("nobody")
