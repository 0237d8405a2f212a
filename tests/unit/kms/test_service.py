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
    Service,
    Settings,
    State,
    operation,
    shapes,
)
from kms.errors import NotFound
from kms.operation import Change, Parameters, Scope
from kms.questions import QUESTIONS
from kms.service import ROOMS, Reply
from policy import Decision, Outcome, Request
from tests.conformance.states import CELLS, Scene, scene
from tests.kms_world import (
    ALLOW_ALL,
    DISABLED,
    ELSEWHERE,
    OTHER,
    REGION,
    START,
    Json,
    World,
    user_arn,
)


def enabled(name: str) -> Scene:
    """Return an enabled key, and requests that it serves."""
    return scene(next(cell for cell in CELLS if cell.operation == name))


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


def test_every_operation_of_the_service_model_is_there() -> None:
    assert set(OPERATIONS) == shapes.operation_names() == set(QUESTIONS)


def test_every_room_of_operations_is_open() -> None:
    registered = {each.run.__module__ for each in OPERATIONS.values()}

    assert registered == {room.__name__ for room in ROOMS}


# DryRun (CORE K-46)


DRY = sorted(name for name in OPERATIONS if shapes.takes(name, "DryRun"))


def test_dry_runs_are_taken_by_the_operations_of_the_list() -> None:
    """CORE K-46, for the operations that exist."""
    assert DRY == [
        "CreateGrant", "Decapsulate", "Decrypt", "DeriveSharedSecret", "Encapsulate", "Encrypt",
        "GenerateDataKey", "GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext",
        "GenerateDataKeyWithoutPlaintext", "GenerateMac", "ReEncrypt", "RetireGrant", "RevokeGrant",
        "Sign", "Verify", "VerifyMac",
    ]  # fmt: skip


@pytest.mark.parametrize("name", DRY)
def test_a_dry_run_is_denied_as_the_real_call_would_be(name: str) -> None:
    """CORE K-46; in every state, too: see the table of states."""
    here = enabled(name)
    nobody = here.world.user("nobody")
    for request in here.requests:
        real, dry = ({**request, "DryRun": dry} for dry in (False, True))
        assert here.world.told(name, nobody, **dry) == here.world.told(name, nobody, **real)


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
def test_a_token_that_is_none_is_refused_though_the_caller_is_allowed(name: str) -> None:
    """CORE K-90, AUTH N-33."""
    here = enabled(name)
    world, key, there = here.world, here.key, here.world.key(region=ELSEWHERE)
    grant = {"GranteePrincipal": OTHER, "Operations": ["DescribeKey"]}
    foreign = world.do("CreateGrant", region=ELSEWHERE, KeyId=there.id, **grant)["GrantToken"]
    retired = world.do("CreateGrant", KeyId=key.id, **grant)["GrantToken"]
    harmless = world.do("CreateGrant", KeyId=key.id, **grant)["GrantToken"]
    world.do("RetireGrant", GrantToken=retired)

    for parameters in here.requests:
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

    assert service.settings == Settings(usage_tracking_start=START)
    assert Settings().usage_tracking_start is None  # CORE K-62: since the service was made
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
