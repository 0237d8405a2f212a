"""Every operation passes the gate: what a denial, a bug and a question leave behind.

All tests here are made from OPERATIONS; an operation without a sample fails the first of them.
"""

from __future__ import annotations

import base64
import json
import pickle
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, NoReturn

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kms import (
    OPERATIONS,
    QUESTIONS,
    AccessDenied,
    AuditEvent,
    Call,
    Reply,
    State,
    operation,
    shapes,
)
from kms.audit import record
from kms.errors import BY_CODE
from kms.operation import Change, Parameters, Scope
from policy import Principal
from policy.vocabulary import ACTIONS, ResourceKind
from tests.kms_world import (
    ALLOW_ALL,
    DISABLED,
    PENDING_DELETION,
    REGION,
    ROOT,
    Json,
    World,
    document,
    key_statement,
    user_arn,
)

PLAINTEXT = b"the plaintext that nobody may see"
PAIRS = {"tenant": "blue"}
MATERIAL = b"material that somebody brings in"


# A sample request of every operation


@dataclass
class Case:
    """A world in which the sample request succeeds, and the request."""

    world: World
    parameters: Json


def plain(**parameters: Any) -> Callable[[World], Json]:
    return lambda _world: parameters


def on_key(**parameters: Any) -> Callable[[World], Json]:
    return lambda world: {"KeyId": world.key().id, **parameters}


def in_state(state: Any, **parameters: Any) -> Callable[[World], Json]:
    return lambda world: {"KeyId": world.key(state=state).id, **parameters}


def _sealed(world: World) -> tuple[str, bytes]:
    key = world.key()
    sealed = world.do("Encrypt", KeyId=key.id, Plaintext=PLAINTEXT, EncryptionContext=PAIRS)
    return key.id, sealed["CiphertextBlob"]


def _decrypt(world: World) -> Json:
    return {"CiphertextBlob": _sealed(world)[1], "EncryptionContext": PAIRS}


def _re_encrypt(world: World) -> Json:
    return {
        "CiphertextBlob": _sealed(world)[1],
        "SourceEncryptionContext": PAIRS,
        "DestinationKeyId": world.key().id,
    }


def _create_alias(world: World) -> Json:
    return {"AliasName": "alias/new", "TargetKeyId": world.key().id}


def _update_alias(world: World) -> Json:
    world.alias("alias/old", world.key())
    return {"AliasName": "alias/old", "TargetKeyId": world.key().id}


def _delete_alias(world: World) -> Json:
    world.alias("alias/old", world.key())
    return {"AliasName": "alias/old"}


def _granted(world: World) -> tuple[str, str, str]:
    key = world.key()
    world.user("grantee")
    grant = world.do(
        "CreateGrant",
        KeyId=key.id,
        GranteePrincipal=user_arn("grantee"),
        Operations=["Encrypt", "Decrypt"],
    )
    return key.id, grant["GrantId"], grant["GrantToken"]


def _create_grant(world: World) -> Json:
    world.user("grantee")
    return {
        "KeyId": world.key().id,
        "GranteePrincipal": user_arn("grantee"),
        "Operations": ["Decrypt"],
    }


def _retire_grant(world: World) -> Json:
    return {"GrantToken": _granted(world)[2]}


def _revoke_grant(world: World) -> Json:
    key_id, grant_id, _ = _granted(world)
    return {"KeyId": key_id, "GrantId": grant_id}


def _list_grants(world: World) -> Json:
    return {"KeyId": _granted(world)[0]}


def _put_key_policy(world: World) -> Json:
    return {"KeyId": world.key().id, "Policy": document(key_statement(principal=ROOT))}


def _external(**parameters: Any) -> Callable[[World], Json]:
    return lambda world: {"KeyId": world.external(MATERIAL).id, **parameters}


def _import(world: World) -> Json:
    return world.bring(world.external(), MATERIAL)


def using(name: str) -> Callable[[World], Json]:
    return lambda world: world.use(name, world.key_for(name), PLAINTEXT)


SAMPLES: Mapping[str, Callable[[World], Json]] = {
    "CancelKeyDeletion": in_state(PENDING_DELETION),
    "CreateAlias": _create_alias,
    "CreateGrant": _create_grant,
    "CreateKey": plain(Tags=[{"TagKey": "team", "TagValue": "blue"}]),
    "Decrypt": _decrypt,
    "Decapsulate": using("Decapsulate"),
    "DeleteAlias": _delete_alias,
    "DeleteImportedKeyMaterial": _external(),
    "DeriveSharedSecret": using("DeriveSharedSecret"),
    "DescribeKey": on_key(),
    "DisableKey": on_key(),
    "DisableKeyRotation": on_key(),
    "EnableKey": in_state(DISABLED),
    "EnableKeyRotation": on_key(RotationPeriodInDays=90),
    "Encapsulate": using("Encapsulate"),
    "Encrypt": on_key(Plaintext=PLAINTEXT, EncryptionContext=PAIRS),
    "GenerateDataKey": on_key(KeySpec="AES_256", EncryptionContext=PAIRS),
    "GenerateDataKeyPair": on_key(KeyPairSpec="ECC_NIST_P256", EncryptionContext=PAIRS),
    "GenerateDataKeyPairWithoutPlaintext": on_key(KeyPairSpec="ECC_SECG_P256K1"),
    "GenerateDataKeyWithoutPlaintext": on_key(NumberOfBytes=48),
    "GenerateMac": using("GenerateMac"),
    "GenerateRandom": plain(NumberOfBytes=32),
    "GetKeyPolicy": on_key(),
    "GetKeyRotationStatus": on_key(),
    "GetParametersForImport": _external(
        WrappingAlgorithm="RSA_AES_KEY_WRAP_SHA_256", WrappingKeySpec="RSA_2048"
    ),
    "ImportKeyMaterial": _import,
    "GetPublicKey": using("GetPublicKey"),
    "ListAliases": plain(),
    "ListGrants": _list_grants,
    "ListKeyPolicies": on_key(),
    "ListKeyRotations": on_key(IncludeKeyMaterial="ALL_KEY_MATERIAL"),
    "ListKeys": plain(),
    "ListResourceTags": on_key(),
    "PutKeyPolicy": _put_key_policy,
    "ReEncrypt": _re_encrypt,
    "RetireGrant": _retire_grant,
    "RevokeGrant": _revoke_grant,
    "RotateKeyOnDemand": on_key(),
    "ScheduleKeyDeletion": on_key(PendingWindowInDays=7),
    "Sign": using("Sign"),
    "TagResource": on_key(Tags=[{"TagKey": "team", "TagValue": "blue"}]),
    "UntagResource": on_key(TagKeys=["team"]),
    "UpdateAlias": _update_alias,
    "UpdateKeyDescription": on_key(Description="another"),
    "Verify": using("Verify"),
    "VerifyMac": using("VerifyMac"),
}

every_operation = pytest.mark.parametrize("name", sorted(OPERATIONS))


def case_of(name: str) -> Case:
    world = World()
    return Case(world, SAMPLES[name](world))


def call_of(case: Case, name: str, caller: Principal | None = None) -> Call:
    return case.world.request(name, caller, **case.parameters)


def key_policy_speaks(name: str) -> bool:
    """Tell whether a key policy has a say: not on `*`, and not in RetireGrant (AUTH K-62, N-51)."""
    actions = [ACTIONS[question.action.lower()] for question in QUESTIONS[name]]
    return actions[0].resource is not ResourceKind.NONE and name != "RetireGrant"


def same_in_every_part(before: State, after: State) -> bool:
    return all(
        getattr(before, part.name) is getattr(after, part.name)
        or getattr(before, part.name) == getattr(after, part.name)
        for part in fields(State)
    )


# How a call is denied


def _explicitly_by_key_policy(world: World) -> None:
    for key in list(world.state.keys.values()):
        world.set_policy(key, key_statement(principal=ROOT), key_statement("Deny"))


def _explicitly_by_identity_policy(world: World) -> None:
    world.user("admin", ALLOW_ALL, {**ALLOW_ALL, "Effect": "Deny"})


def _implicitly_by_key_policy(world: World) -> None:
    world.user("somebody")
    for key in list(world.state.keys.values()):
        world.set_policy(key, key_statement(principal=user_arn("somebody")))


def _implicitly_by_identity_policy(world: World) -> None:
    world.user("admin")


DENIALS = (
    _explicitly_by_key_policy,
    _explicitly_by_identity_policy,
    _implicitly_by_key_policy,
    _implicitly_by_identity_policy,
)
DENIED = [
    pytest.param(name, deny, id=f"{name}-{deny.__name__.strip('_')}")
    for name in sorted(OPERATIONS)
    for deny in DENIALS
    if key_policy_speaks(name) or "key_policy" not in deny.__name__
]


# (a) and (b)


def test_every_operation_has_a_sample() -> None:
    assert set(SAMPLES) == set(OPERATIONS)


@pytest.mark.parametrize(("name", "deny"), DENIED)
def test_a_denied_call_changes_nothing_and_leaves_one_event(
    name: str, deny: Callable[[World], None]
) -> None:
    case = case_of(name)
    deny(case.world)
    before, events = case.world.state, case.world.events

    reply = case.world.service.call(call_of(case, name))

    assert isinstance(reply.error, AccessDenied)
    assert reply.error.decision is not None
    assert reply.error.decision is reply.decisions[-1]
    explicit = "explicitly" in deny.__name__.split("_")
    assert ("explicit deny" in str(reply.error.message)) is explicit
    assert reply.output is None
    assert case.world.state is before or same_in_every_part(before, case.world.state)
    assert case.world.events[:-1] == events
    event = case.world.events[-1]
    assert event == reply.event
    assert (event.operation, event.outcome, event.error_code) == (name, "denied", "AccessDenied")
    assert (event.path, event.response) == (None, None)


@every_operation
def test_an_allowed_call_succeeds_and_leaves_one_event(name: str) -> None:
    case = case_of(name)
    events = case.world.events

    reply = case.world.service.call(call_of(case, name))

    assert reply.error is None
    assert reply.output is not None
    assert len(reply.decisions) == len(QUESTIONS[name])
    assert all(decision.allowed for decision in reply.decisions)
    assert case.world.events[:-1] == events
    event = case.world.events[-1]
    assert event == reply.event
    assert (event.operation, event.outcome, event.error_code) == (name, "success", None)
    assert event.path == reply.decisions[-1].path
    assert event.previous_hash == (events[-1].hash if events else "")
    assert event.is_intact()


# (c)


def break_part(monkeypatch: pytest.MonkeyPatch, name: str, part: str) -> None:
    def fail(*_arguments: object) -> NoReturn:
        raise RuntimeError(f"a bug in {part}")

    if part == "the context":
        monkeypatch.setattr("kms.service.context_of", fail)
        return
    changed: Any = {part: fail}
    monkeypatch.setitem(operation._OPERATIONS, name, replace(OPERATIONS[name], **changed))


@pytest.mark.parametrize("part", ["prepare", "the context", "examine", "run"])
@every_operation
def test_a_bug_surfaces_changes_nothing_and_leaves_one_event(
    name: str, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = case_of(name)
    before, events = case.world.state, case.world.events
    break_part(monkeypatch, name, part)

    with pytest.raises(RuntimeError, match=f"a bug in {part}"):
        case.world.service.call(call_of(case, name))

    assert case.world.state is before
    assert case.world.events[:-1] == events
    event = case.world.events[-1]
    assert (event.operation, event.outcome) == (name, "failure")
    assert event.error_code == "KMSInternalException"
    assert event.error_message is None  # what went wrong is nobody's business
    monkeypatch.undo()
    assert case.world.ask(name, **case.parameters).error is None  # the writer's turn is over


# (d)


def secrets_of(case: Case, reply: Reply) -> Iterator[bytes]:
    """Yield everything that may not be written down (CORE K-109, K-179)."""
    for key in case.world.state.keys.values():
        pending = (key.pending,) if key.pending is not None else ()
        yield from (m.octets for m in (*key.materials, *pending) if m.octets is not None)
    for wrapping_keys in case.world.state.wrapping_keys.values():
        yield from (each.private_key for each in wrapping_keys.values())
    if case.world.state.token_key is not None:
        yield case.world.state.token_key
    for grants in case.world.state.grants.values():
        for grant in grants.by_id.values():
            yield from (token.encode() for token in grant.tokens)
    for values in (case.parameters, reply.output or {}):
        yield from (value for value in values.values() if isinstance(value, bytes))
        for member in ("GrantToken", "GrantTokens"):
            tokens = values.get(member, [])
            yield from (t.encode() for t in ([tokens] if isinstance(tokens, str) else tokens))


def forms_of(secret: bytes) -> Iterator[str]:
    yield secret.hex()
    yield secret.hex().upper()
    # Of base64 the last group differs with what follows: it is left out.
    whole = secret[: len(secret) // 3 * 3]
    yield base64.b64encode(whole).decode()
    yield base64.urlsafe_b64encode(whole).decode()
    yield repr(secret)[2:-1]
    yield json.dumps(repr(secret)[2:-1])[1:-1]
    yield secret.decode("latin-1")
    yield str(list(secret))


def written(event: AuditEvent) -> str:
    return json.dumps(asdict(event), default=str, ensure_ascii=False)


def texts_of(reply: Reply, case: Case, call: Call) -> Iterator[str]:
    assert reply.event is not None
    yield from map(written, reply.events)
    yield from (json.dumps(record(event), ensure_ascii=False) for event in reply.events)
    yield from (repr(reply.event), repr(reply), repr(call))
    if reply.error is not None:
        yield from (str(reply.error), repr(reply.error), str(reply.error.message))
    yield repr(case.world.state.keys)
    yield repr(case.world.service)


def with_token(case: Case, name: str) -> Case:
    """Add a token to the request, where it may carry one."""
    if not shapes.takes(name, "GrantTokens"):
        return case
    return replace(case, parameters={**case.parameters, "GrantTokens": [_granted(case.world)[2]]})


def _succeed(_world: World) -> None:
    pass


def _expire_all(world: World) -> None:
    world.advance(days=400)


MODES = [
    pytest.param(name, dry, id=f"{name}-{'dry' if dry else 'real'}")
    for name in sorted(OPERATIONS)
    for dry in (False, True)
    if not dry or shapes.takes(name, "DryRun")
]


@pytest.mark.parametrize("bend", [_succeed, *DENIALS[:2], _expire_all], ids=lambda f: f.__name__)
@pytest.mark.parametrize(("name", "dry"), MODES)
def test_nothing_that_is_written_holds_a_secret(
    name: str, dry: bool, bend: Callable[[World], None]
) -> None:
    case = with_token(case_of(name), name)
    if dry:
        case.parameters["DryRun"] = True
    bend(case.world)
    call = call_of(case, name)

    reply = case.world.service.call(call)

    secrets = set(secrets_of(case, reply)) | set(secrets_of(case, Reply(None, None, (), None)))
    texts = list(texts_of(reply, case, call))
    for secret in secrets:
        assert len(secret) >= 16
        for form in forms_of(secret):
            assert not [text for text in texts if form in text]


@every_operation
def test_the_search_for_secrets_would_find_one(name: str) -> None:
    case = with_token(case_of(name), name)
    reply = case.world.service.call(call_of(case, name))
    assert reply.event is not None

    for secret in secrets_of(case, reply):
        told = {"bytes": secret, "text": base64.b64encode(secret).decode(), "hex": secret.hex()}
        for value in told.values():
            leaky = replace(reply.event, parameters={"leak": value})

            assert any(form in written(leaky) for form in forms_of(secret))


def test_key_material_cannot_be_pickled() -> None:
    key = World().key()

    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(key)


# (e)


@pytest.mark.parametrize("asked", [{}, {"ListKeys": ()}], ids=["no row", "an empty row"])
def test_an_operation_that_asks_the_gate_nothing_is_never_done(
    asked: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World()
    monkeypatch.setattr("kms.service.QUESTIONS", asked)

    assert world.told("ListKeys") == ("UnknownOperationException", None)
    assert world.service.decide(world.request("ListKeys")).error is not None


@every_operation
def test_every_operation_that_can_be_called_has_questions(name: str) -> None:
    assert QUESTIONS[name]


def test_operations_cannot_be_added_from_outside() -> None:
    with pytest.raises(TypeError):
        OPERATIONS["Backdoor"] = OPERATIONS["DescribeKey"]  # type: ignore[index]


@every_operation
def test_what_an_operation_needs_of_its_keys_fits_its_questions(name: str) -> None:
    assert OPERATIONS[name].name == name
    assert len(OPERATIONS[name].needs) in (0, len(QUESTIONS[name]))


@every_operation
def test_no_operation_asks_whether_it_is_allowed(name: str) -> None:
    """Only the policy checks may judge, and they judge a key as it would be (AUTH P-20)."""
    case = case_of(name)
    scopes: list[Scope] = []
    known = OPERATIONS[name]

    def run(parameters: Parameters, scope: Scope) -> Change:
        def judge(_key: object, _action: str) -> Any:
            raise AssertionError("an operation asked the gate by itself")

        scopes.append(scope)
        return known.run(parameters, replace(scope, judge=judge))

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(operation._OPERATIONS, name, replace(known, run=run))
        if name == "PutKeyPolicy":
            with pytest.raises(AssertionError, match="by itself"):
                case.world.service.call(call_of(case, name))
        else:
            assert case.world.service.call(call_of(case, name)).error is None
    assert scopes


# (f)


@pytest.mark.parametrize("deny", [None, *DENIALS], ids=lambda f: f.__name__ if f else "allowed")
@every_operation
def test_asking_for_a_decision_changes_nothing_and_is_what_the_call_then_gets(
    name: str, deny: Callable[[World], None] | None
) -> None:
    case = case_of(name)
    if deny is not None:
        deny(case.world)
    case.world.advance(hours=23)
    before, events, call = case.world.state, case.world.events, call_of(case, name)

    question = case.world.service.decide(call)

    assert case.world.state is before
    assert case.world.events == events
    assert (question.output, question.event) == (None, None)
    reply = case.world.service.call(call)
    assert [d.outcome for d in question.decisions] == [d.outcome for d in reply.decisions]
    assert [d.path for d in question.decisions] == [d.path for d in reply.decisions]
    assert type(question.error) is type(reply.error)
    # Without a response there is none of the key that was planned, either.
    assert str(question.error) == str(reply.error)


def test_a_decision_does_not_settle_what_is_due() -> None:
    world = World()
    key = world.key(state=PENDING_DELETION)
    world.advance(days=31)

    question = world.service.decide(world.request("DescribeKey", KeyId=key.id))

    assert str(question.error).startswith("NotFoundException: Key")
    assert world.state.key(key.arn) is not None
    assert world.events == []


@every_operation
def test_a_decision_can_be_asked_for_without_the_rest_of_the_request(name: str) -> None:
    case = case_of(name)
    named = {"KeyId", "DestinationKeyId", "TargetKeyId", "AliasName", "CiphertextBlob"}
    named |= {"GrantToken", "Tags"} if name != "TagResource" else set()
    parameters = {member: value for member, value in case.parameters.items() if member in named}

    question = case.world.service.decide(case.world.request(name, **parameters))

    assert question.error is None
    assert all(decision.allowed for decision in question.decisions)


@every_operation
def test_a_decision_about_nothing_is_refused_and_is_no_bug(name: str) -> None:
    case = case_of(name)

    question = case.world.service.decide(case.world.request(name))

    if question.error is not None:
        assert question.error.code in ("ValidationException", "InvalidCiphertextException")


# Whatever comes in

ODD: tuple[Any, ...] = (
    None, "", "alias/", "alias/aws/x", "alias/none", "alias/old", "arn:", "arn:aws:kms:::",
    f"arn:aws:kms:{REGION}:444455556666:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    f"arn:aws:kms:{REGION}:444455556666:alias/x", f"arn:aws:kms:{REGION}:1:key/x",
    "1234abcd-12ab-34cd-56ef-1234567890ab", "MRK-" + "0" * 32, "é", "x" * 2000, "default",
    b"", b"x", b"\x01\x02\x00\x00" + bytes(120), 0, 1, 7, 31, 1025, True, False, [], ["Decrypt"],
    ["CreateGrant"], [{"TagKey": "aws:x", "TagValue": ""}], [{"TagKey": "a"}], [None], [""], {},
    {"a": "b"}, {"a": None}, {"EncryptionContextEquals": {"a": "b"}}, {"AttestationDocument": b"x"},
    "SYMMETRIC_DEFAULT", "RSAES_OAEP_SHA_256", "RSA_2048", "ENCRYPT_DECRYPT", "AES_128",
    ["IGNORE_CIPHERTEXT"], user_arn("admin"), ROOT, "{}", document(key_statement()),
    base64.urlsafe_b64encode(b'["ListKeys","111122223333","eu-west-1",["x"]]').decode(),
    base64.urlsafe_b64encode(b'["ListAliases","111122223333","eu-west-1","",1]').decode(),
)  # fmt: skip


@st.composite
def odd_requests(draw: st.DrawFn) -> tuple[str, Json, list[str]]:
    """Draw an operation, values for some members, and the members that the sample gives."""
    name = draw(st.sampled_from(sorted(OPERATIONS)))
    members = sorted(shapes.request_kind(name).parts)
    odd = draw(st.dictionaries(st.sampled_from(members), st.sampled_from(ODD), max_size=4))
    return name, odd, draw(st.lists(st.sampled_from(members), max_size=len(members)))


@settings(max_examples=250, deadline=None)
@given(odd_requests())
def test_whatever_a_request_holds_it_gets_an_answer_and_one_event(
    drawn: tuple[str, Json, list[str]],
) -> None:
    name, odd, kept = drawn
    case = case_of(name)
    parameters = {k: v for k, v in case.parameters.items() if k not in odd or k in kept} | odd
    before, events = case.world.state, case.world.events
    call = case.world.request(name, **parameters)

    case.world.service.decide(call)
    reply = case.world.service.call(call)

    assert case.world.events[:-1] == events
    assert case.world.events[-1] == reply.event
    assert case.world.events[-1].is_intact()
    if reply.error is not None:
        assert reply.error.code in BY_CODE
        assert reply.error.code != "KMSInternalException"
        assert reply.output is None
        assert case.world.state is before
