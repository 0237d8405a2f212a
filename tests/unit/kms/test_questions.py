"""What every operation asks the gate, compared with the table of AUTH chapter 10."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kms import QUESTIONS, AccessDenied, Key, KeyUsage, shapes
from kms.errors import BY_CODE
from policy import Grant, GrantConstraints, Request
from policy.decision import AllowPath, Layer
from policy.reference import completed
from policy.vocabulary import ResourceKind
from tests.kms_world import (
    ACCOUNT,
    ALLOW_ALL,
    ELSEWHERE,
    OTHER,
    REGION,
    ROOT,
    START,
    Json,
    RecordingGate,
    World,
    document,
    key_statement,
    role_arn,
)

# Rule, operation, actions, resources, works across accounts, accepted identifiers, operation-
# specific keys besides the key-resource set, those of single checks apart; the rules of section 9
# stand for their keys.
TABLE = """
K-1  CancelKeyDeletion         | same                        | key         | no  | ia   | -
K-2  ConnectCustomKeyStore     | same                        | *           | no  | -    | -
K-3  CreateAlias               | same same                   | alias key   | no  | ia   | -
K-4  CreateCustomKeyStore      | same                        | *           | no  | -    | -
K-5  CreateGrant               | same                        | key         | yes | ia   | J-71 J-72 J-89 J-90 J-91 J-92 J-93 J-94
K-6  CreateKey                 | same TagResource            | * key       | no  | -    | J-88 J-53 J-54 / J-88 J-53 J-54
K-7  Decrypt                   | same                        | key         | yes | ianr | J-70 J-71 J-72 J-73 J-96
K-8  DeleteAlias               | same same                   | alias key   | no  | -    | -
K-9  DeleteCustomKeyStore      | same                        | *           | no  | -    | -
K-10 DeleteImportedKeyMaterial | same                        | key         | no  | ia   | -
K-11 DeriveSharedSecret        | same                        | key         | yes | ianr | J-73 J-75 J-96
K-12 DescribeCustomKeyStores   | same                        | *           | no  | -    | -
K-13 DescribeKey               | same                        | key         | yes | ianr | J-73
K-14 DisableKey                | same                        | key         | no  | ia   | J-87
K-15 DisableKeyRotation        | same                        | key         | no  | ia   | -
K-16 DisconnectCustomKeyStore  | same                        | *           | no  | -    | -
K-17 EnableKey                 | same                        | key         | no  | ia   | -
K-18 EnableKeyRotation         | same                        | key         | no  | ia   | J-85
K-19 Encrypt                   | same                        | key         | yes | ianr | J-70 J-71 J-72 J-73
K-20 GenerateDataKey           | same                        | key         | yes | ianr | J-70 J-71 J-72 J-73 J-96
K-21 GenerateDataKeyPair       | same                        | key         | yes | ianr | J-70 J-71 J-72 J-73 J-74 J-96
K-22 GenerateDataKeyPairWithoutPlaintext | same              | key         | yes | ianr | J-70 J-71 J-72 J-73 J-74
K-23 GenerateDataKeyWithoutPlaintext | same                  | key         | yes | ianr | J-70 J-71 J-72 J-73
K-24 GenerateMac               | same                        | key         | yes | ianr | J-73 J-76
K-25 GenerateRandom            | same                        | *           | no  | -    | J-96
K-26 GetKeyLastUsage           | same                        | key         | no  | ia   | -
K-27 GetKeyPolicy              | same                        | key         | no  | ia   | -
K-28 GetKeyRotationStatus      | same                        | key         | yes | ia   | -
K-29 GetParametersForImport    | same                        | key         | no  | ia   | J-79
K-30 GetPublicKey              | same                        | key         | yes | ianr | J-73
K-31 ImportKeyMaterial         | same                        | key         | no  | ia   | J-80 J-81
K-32 ListAliases               | same                        | *           | no  | -    | -
K-33 ListGrants                | same                        | key         | yes | ia   | J-91
K-34 ListKeyPolicies           | same                        | key         | no  | ia   | -
K-35 ListKeyRotations          | same                        | key         | no  | ia   | -
K-36 ListKeys                  | same                        | *           | no  | -    | -
K-37 ListResourceTags          | same                        | key         | no  | ia   | -
K-38 ListRetirableGrants       | same                        | *           | no  | -    | -
K-39 PutKeyPolicy              | same                        | key         | no  | ia   | J-88
K-40 ReEncrypt                 | ReEncryptFrom ReEncryptTo   | key key     | yes | ianr | J-70 J-71 J-72 J-73 J-84
K-41 ReplicateKey              | same CreateKey TagResource  | key * key   | no  | ia   | J-83 / J-53 J-54 / J-53 J-54
K-42 RetireGrant               | same                        | key         | yes | ia   | J-71 J-72 J-89
K-43 RevokeGrant               | same                        | key         | yes | ia   | J-91
K-44 RotateKeyOnDemand         | same                        | key         | no  | ia   | -
K-45 ScheduleKeyDeletion       | same                        | key         | no  | ia   | J-86 J-87
K-46 Sign                      | same                        | key         | yes | ianr | J-73 J-77 J-78
K-47 TagResource               | same                        | key         | no  | ia   | J-53 J-54
K-48 UntagResource             | same                        | key         | no  | ia   | J-54
K-49 UpdateAlias               | same same same              | alias key key | no | ia  | -
K-50 UpdateCustomKeyStore      | same                        | *           | no  | -    | -
K-51 UpdateKeyDescription      | same                        | key         | no  | ia   | -
K-52 UpdatePrimaryRegion       | same same                   | key key     | no  | ia   | J-82
K-53 Verify                    | same                        | key         | yes | ianr | J-73 J-77 J-78
K-54 VerifyMac                 | same                        | key         | yes | ianr | J-73 J-76
new  Encapsulate               | same                        | key         | yes | ianr | J-73
new  Decapsulate               | same                        | key         | yes | ianr | J-73
"""  # noqa: E501 - a table

KEYS: Mapping[str, str] = {
    "J-53": "aws:RequestTag/team",
    "J-54": "aws:TagKeys",
    "J-70": "kms:EncryptionAlgorithm",
    "J-71": "kms:EncryptionContext:tenant",
    "J-72": "kms:EncryptionContextKeys",
    "J-73": "kms:RequestAlias",
    "J-74": "kms:DataKeyPairSpec",
    "J-75": "kms:KeyAgreementAlgorithm",
    "J-76": "kms:MacAlgorithm",
    "J-77": "kms:SigningAlgorithm",
    "J-78": "kms:MessageType",
    "J-79": "kms:WrappingAlgorithm kms:WrappingKeySpec",
    "J-80": "kms:ExpirationModel",
    "J-81": "kms:ValidTo",
    "J-82": "kms:PrimaryRegion",
    "J-83": "kms:ReplicaRegion",
    "J-84": "kms:ReEncryptOnSameKey",
    "J-85": "kms:RotationPeriodInDays",
    "J-86": "kms:ScheduleKeyDeletionPendingWindowInDays",
    "J-87": "kms:TrailingDaysWithoutKeyUsage",
    "J-88": "kms:BypassPolicyLockoutSafetyCheck",
    "J-89": "kms:GrantConstraintType",
    "J-90": "kms:GrantConstraintSourceArn",
    "J-91": "kms:GrantIsForAWSResource",
    "J-92": "kms:GrantOperations",
    "J-93": "kms:GranteePrincipal",
    "J-94": "kms:RetiringPrincipal",
    "J-96": "kms:RecipientAttestation:PCR0",
}

# What every check carries of the caller and the call: AUTH J-10 to J-14, J-30 to J-38, J-50
OF_THE_CALL = {
    "aws:PrincipalArn", "aws:PrincipalAccount", "aws:PrincipalType", "aws:userid", "aws:username",
    "aws:PrincipalIsAWSService", "aws:CurrentTime", "aws:EpochTime", "aws:SecureTransport",
    "aws:RequestedRegion", "aws:ViaAWSService", "aws:CalledVia", "aws:CalledViaFirst",
    "aws:CalledViaLast", "aws:ResourceAccount",
}  # fmt: skip
# J-60 and J-61; J-62 to J-66; J-52 and J-67
OF_CALLERS = {"kms:CallerAccount", "kms:ViaService"}
OF_KINDS = {
    "kms:KeySpec", "kms:CustomerMasterKeySpec", "kms:KeyUsage", "kms:CustomerMasterKeyUsage",
    "kms:KeyOrigin", "kms:MultiRegion", "kms:MultiRegionKeyType",
}  # fmt: skip
OF_LABELS = {"aws:ResourceTag/stage", "kms:ResourceAliases"}
PLAIN_LISTS = {"ListKeys", "ListAliases", "ListRetirableGrants", "GenerateRandom"}


@dataclass(frozen=True)
class Row:
    """A row of the table; `keys` has the condition keys of each check."""

    operation: str
    actions: tuple[str, ...]
    kinds: tuple[ResourceKind, ...]
    foreign: bool
    identifiers: str
    keys: tuple[set[str], ...]


def rows() -> Iterator[Row]:
    for line in TABLE.strip().splitlines():
        first, actions, kinds, foreign, identifiers, rules = map(str.strip, line.split("|"))
        name, count = first.split()[1], len(actions.split())
        groups = rules.split("/") if "/" in rules else [rules] * count
        yield Row(
            name,
            tuple(name if action == "same" else action for action in actions.split()),
            tuple(ResourceKind(kind) for kind in kinds.split()),
            foreign == "yes",
            identifiers.strip("-"),
            tuple(
                {key for rule in group.split() if rule != "-" for key in KEYS[rule].split()}
                for group in groups
            ),
        )


ROWS = {row.operation: row for row in rows()}
every_row = pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)


def test_every_operation_of_the_service_model_has_questions() -> None:
    assert set(QUESTIONS) == set(ROWS) == shapes.operation_names()
    assert all(QUESTIONS.values())


# A request of every operation that gives all it can


PAIRS = {"tenant": "blue"}
TAGS = [{"TagKey": "team", "TagValue": "blue"}]
GIVEN: Json = {
    "AliasName": "alias/other",
    "BypassPolicyLockoutSafetyCheck": True,
    "Constraints": {"EncryptionContextSubset": PAIRS, "SourceArn": ROOT},
    "DestinationEncryptionContext": PAIRS,
    "EncryptionContext": PAIRS,
    "ExpirationModel": "KEY_MATERIAL_EXPIRES",
    "GrantId": "ab" * 32,
    "GranteePrincipal": OTHER,
    "KeyAgreementAlgorithm": "ECDH",
    "KeyPairSpec": "RSA_2048",
    "MacAlgorithm": "HMAC_SHA_256",
    "MultiRegion": True,
    "Operations": ["Decrypt"],
    "PendingWindowInDays": 7,
    "PrimaryRegion": ELSEWHERE,
    "Recipient": {"AttestationDocument": b"x"},
    "ReplicaRegion": ELSEWHERE,
    "RetiringPrincipal": ROOT,
    "RotationPeriodInDays": 100,
    "SigningAlgorithm": "ECDSA_SHA_256",
    "SourceEncryptionContext": PAIRS,
    "TagKeys": ["team"],
    "Tags": TAGS,
    "ValidTo": START,
    "WrappingAlgorithm": "RSAES_OAEP_SHA_256",
    "WrappingKeySpec": "RSA_4096",
}
KEY_MEMBERS = ("KeyId", "SourceKeyId", "DestinationKeyId", "TargetKeyId")
GRANT_ID = "ab" * 32


def labelled_key(world: World) -> Key:
    """Return a key of a multi-Region set of two, which have all that a key can have."""
    policy = document(key_statement(principal=[ACCOUNT, OTHER]))
    key = world.key(multi_region=True, tags=(("stage", "live"),), policy=policy)
    for member in (key, elsewhere(key)):
        world.put(member)
        world.alias("alias/pay", member)
    grant = Grant(
        GRANT_ID,
        str(key.arn),
        OTHER,
        frozenset({"RetireGrant"}),
        GrantConstraints(subset=PAIRS),
        issuing_account=ROOT,
    )
    world.change(lambda state: state.with_grant(grant))
    return key


def elsewhere(key: Key) -> Key:
    return replace(key, arn=replace(key.arn, region=ELSEWHERE))


def request_of(name: str, identifier: str, **more: Any) -> Json:
    """Return a request that names the key like this, and gives every member there is."""
    given = GIVEN | dict.fromkeys(KEY_MEMBERS, identifier) | more
    if name in ("UpdateAlias", "DeleteAlias"):
        given["AliasName"] = "alias/pay"
    return {member: value for member, value in given.items() if shapes.takes(name, member)}


def common_keys(row: Row, request: Request) -> set[str]:
    """Return the condition keys that a check has whatever the operation."""
    if request.resource.kind is ResourceKind.ALIAS:
        return OF_THE_CALL | OF_CALLERS  # J-69
    if request.operation == "CreateKey" or request.resource.planned:
        return OF_THE_CALL | OF_CALLERS | OF_KINDS
    if request.resource.kind is ResourceKind.NONE:
        return OF_THE_CALL | (set() if row.operation in PLAIN_LISTS else {"kms:CallerAccount"})
    of_kinds = OF_KINDS if row.operation != "RetireGrant" else set()  # J-102
    return OF_THE_CALL | OF_CALLERS | of_kinds | OF_LABELS


@every_row
def test_an_operation_asks_what_its_row_says(watched: World, gate: RecordingGate, row: Row) -> None:
    """AUTH K-1 to K-54: actions, resources, and exactly the condition keys of section 9."""
    key = labelled_key(watched)
    named = "alias/pay" if "n" in row.identifiers else key.id
    facts = {"kms:RecipientAttestation:PCR0": "ab"}

    reply = watched.decide(row.operation, via="s3", facts=facts, **request_of(row.operation, named))

    assert reply.error is None
    assert tuple(each.operation for each in gate.requests) == row.actions
    assert tuple(each.resource.kind for each in gate.requests) == row.kinds
    for request, own in zip(gate.requests, row.keys, strict=True):
        assert set(completed(request).context) == common_keys(row, request) | own


@every_row
def test_an_operation_has_only_what_follows_from_a_bare_request(
    watched: World, gate: RecordingGate, row: Row
) -> None:
    """AUTH J-2, J-99: what is not given is absent, but for documented defaults."""
    key = watched.key(policy=document(key_statement(principal=ACCOUNT)))
    watched.alias("alias/old", watched.key())
    needed = {"AliasName": "alias/old", "PrimaryRegion": ELSEWHERE, "ReplicaRegion": ELSEWHERE}
    needed |= {"KeyId": key.id, "DestinationKeyId": key.id, "TargetKeyId": key.id}
    needed |= {"SourceKeyId": key.id, "GrantId": GRANT_ID}
    grant = Grant(GRANT_ID, str(key.arn), OTHER, frozenset({"Decrypt"}), issuing_account=ROOT)
    watched.change(lambda state: state.with_grant(grant))
    members = {name: value for name, value in needed.items() if shapes.takes(row.operation, name)}

    assert watched.decide(row.operation, **members).error is None

    optional = OF_LABELS | {"kms:ViaService", "kms:MultiRegionKeyType"}
    optional |= {"aws:CalledVia", "aws:CalledViaFirst", "aws:CalledViaLast"}
    by_default = {KEYS[rule] for rule in ("J-70", "J-78", "J-82", "J-83", "J-84", "J-87", "J-91")}
    for number, request in enumerate(gate.requests):
        expected = common_keys(row, request) - optional | (row.keys[number] & by_default)
        if number == 1 and row.operation in ("UpdateAlias", "DeleteAlias"):
            expected.add("kms:ResourceAliases")
        assert set(completed(request).context) == expected


# What names a key (CORE K-9, AUTH Q-2)


FORMS: Mapping[str, str] = {
    "i": "{id}",
    "a": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{{id}}",
    "n": "alias/pay",
    "r": f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/pay",
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "row", [row for row in ROWS.values() if row.identifiers], ids=lambda row: row.operation
)
def test_a_key_is_named_in_the_forms_of_the_row(world: World, row: Row, form: str) -> None:
    key = labelled_key(world)
    named = FORMS[form].format(id=key.id)

    reply = world.decide(row.operation, **request_of(row.operation, named))

    if form in row.identifiers:
        assert reply.error is None
        assert len(reply.decisions) == len(row.actions)
    else:
        assert reply.decisions == ()
        assert "Aliases" in str(reply.error)


@pytest.mark.parametrize(
    "row", [row for row in ROWS.values() if row.identifiers], ids=lambda row: row.operation
)
def test_a_key_of_another_account_is_used_only_where_the_row_says_so(
    world: World, row: Row
) -> None:
    """AUTH K-61, CORE K-8: whatever the policies say."""
    key = labelled_key(world)
    outsider = world.user("outsider", ALLOW_ALL, account=OTHER)
    world.alias("alias/pay", world.key(account=OTHER))

    reply = world.decide(row.operation, outsider, **request_of(row.operation, str(key.arn)))

    if row.foreign:
        assert reply.error is None
    else:
        assert isinstance(reply.error, AccessDenied)
        assert reply.decisions[-1].layer is Layer.SERVICE


@pytest.mark.parametrize(
    "row", [row for row in ROWS.values() if row.identifiers], ids=lambda row: row.operation
)
def test_a_foreign_key_that_is_not_there_is_denied_like_one_that_is(world: World, row: Row) -> None:
    """CORE K-8."""
    key = labelled_key(world)
    outsider = world.user("outsider", ALLOW_ALL, account=OTHER)
    world.alias("alias/pay", world.key(account=OTHER))
    world.set_policy(key, key_statement(principal=ACCOUNT))
    world.change(lambda state: state.without_grant(state.grants_of(str(key.arn)).by_id[GRANT_ID]))
    call = (row.operation, outsider)
    parameters = request_of(row.operation, str(key.arn))
    there = world.decide(*call, **parameters)
    world.change(lambda state: state.without_key(key))
    gone = world.decide(*call, **parameters)

    assert isinstance(there.error, AccessDenied)
    assert str(gone.error) == str(there.error)


# ReplicateKey and UpdatePrimaryRegion


def test_a_replica_is_made_in_its_region_by_the_identity_side_alone(
    watched: World, gate: RecordingGate
) -> None:
    """AUTH K-67."""
    key = watched.key(multi_region=True)
    watched.decide("ReplicateKey", KeyId=key.id, ReplicaRegion=ELSEWHERE, Tags=TAGS)

    primary, made, tagged = gate.requests
    assert str(primary.resource) == str(key.arn)
    assert (made.resource.arn, made.resource.account) == (None, ACCOUNT)
    assert (str(tagged.resource), tagged.resource.planned) == (str(elsewhere(key).arn), True)
    regions = [request.context["aws:RequestedRegion"] for request in gate.requests]
    assert regions == [REGION, ELSEWHERE, ELSEWHERE]


@pytest.mark.parametrize(
    ("allowed", "asked"),
    [
        ([], ["ReplicateKey"]),
        (["ReplicateKey"], ["ReplicateKey", "CreateKey"]),
        (["ReplicateKey", "CreateKey"], ["ReplicateKey", "CreateKey", "TagResource"]),
    ],
)
def test_the_first_no_ends_the_questions(
    watched: World, gate: RecordingGate, allowed: list[str], asked: list[str]
) -> None:
    """AUTH A-2, K-67."""
    key = watched.key(multi_region=True)
    actions = [f"kms:{name}" for name in allowed] or ["kms:ListKeys"]
    maker = watched.user("maker", {**ALLOW_ALL, "Action": actions})
    reply = watched.decide("ReplicateKey", maker, KeyId=key.id, ReplicaRegion=ELSEWHERE, Tags=TAGS)

    assert [request.operation for request in gate.requests] == asked
    assert isinstance(reply.error, AccessDenied)
    assert f"kms:{asked[-1]}" in str(reply.error)


@pytest.mark.parametrize("tags", [[], None])
def test_a_replica_without_tags_asks_for_no_tagging(
    watched: World, gate: RecordingGate, tags: Any
) -> None:
    """AUTH K-67."""
    key = watched.key(multi_region=True)
    reply = watched.decide("ReplicateKey", KeyId=key.id, ReplicaRegion=ELSEWHERE, Tags=tags)

    assert reply.error is None
    assert [request.operation for request in gate.requests] == ["ReplicateKey", "CreateKey"]


@pytest.mark.parametrize("name", ["ReplicateKey", "UpdatePrimaryRegion"])
def test_the_other_region_must_be_named(world: World, key: Key, name: str) -> None:
    """CORE K-38."""
    error = world.decide(name, KeyId=key.id).error

    assert error is not None
    assert error.code == "ValidationException"


@pytest.mark.parametrize("denied", [REGION, ELSEWHERE])
def test_both_key_policies_must_let_the_primary_move(world: World, denied: str) -> None:
    """AUTH K-68."""
    key = labelled_key(world)
    shut = key if denied == REGION else elsewhere(key)
    world.set_policy(shut, key_statement(principal=OTHER))

    reply = world.decide("UpdatePrimaryRegion", KeyId=key.id, PrimaryRegion=ELSEWHERE)

    assert isinstance(reply.error, AccessDenied)
    assert str(reply.decisions[-1].request.resource) == str(shut.arn)
    assert len(reply.decisions) == (1 if denied == REGION else 2)


def test_where_there_is_no_replica_only_the_primary_is_asked_about(world: World, key: Key) -> None:
    """CORE K-156: that the Region has none is told after all that the primary may be denied."""
    reply = world.decide("UpdatePrimaryRegion", KeyId=key.id, PrimaryRegion=ELSEWHERE)

    assert reply.error is None
    assert [str(d.request.resource) for d in reply.decisions] == [str(key.arn)]


# Decisions without a call


def test_an_operation_that_cannot_be_called_can_still_be_decided(world: World) -> None:
    key = world.key("RSA_2048", KeyUsage.SIGN_VERIFY)
    allowed = world.decide("Sign", KeyId=key.id, SigningAlgorithm="RSASSA_PSS_SHA_256")
    denied = world.decide("Sign", world.user("nobody"), KeyId=key.id)

    assert allowed.error is None
    assert allowed.decisions[0].path is AllowPath.ACCOUNT
    assert isinstance(denied.error, AccessDenied)
    assert world.events == []


def test_grant_tokens_are_looked_at_wherever_they_can_be_sent(world: World, key: Key) -> None:
    """AUTH K-72, N-33."""
    for name in sorted(name for name in QUESTIONS if shapes.takes(name, "GrantTokens")):
        error = world.decide(
            name, KeyId=key.id, DestinationKeyId=key.id, SourceKeyId=key.id, GrantTokens=["unknown"]
        ).error
        assert error is not None
        assert error.code == "InvalidGrantTokenException"


@every_row
def test_a_question_about_nothing_has_an_answer(world: World, row: Row) -> None:
    error = world.decide(row.operation).error

    assert error is None or error.code in ("ValidationException", "InvalidCiphertextException")


ODD: tuple[Any, ...] = (
    None, "", "alias/", "alias/none", "arn:", f"arn:aws:kms:{REGION}:{OTHER}:key/{'0' * 36}",
    f"arn:aws:kms:{REGION}:{OTHER}:key/1234abcd-12ab-34cd-56ef-1234567890ab", "mrk-" + "0" * 32,
    "us-east-1", "x" * 300, b"", b"x", 0, 7, True, [], ["Decrypt"], [{"TagKey": "a"}], {}, START,
    {"AttestationDocument": b"x"}, {"EncryptionContextEquals": {"a": "b"}}, role_arn("x"),
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_whatever_a_question_holds_it_has_an_answer(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(QUESTIONS)))
    world = World()
    key = labelled_key(world)
    members = st.sampled_from(sorted(shapes.request_kind(name).parts) or ["None"])
    odd = data.draw(st.dictionaries(members, st.sampled_from(ODD), max_size=4))

    reply = world.decide(name, **(request_of(name, key.id) | odd))

    assert reply.error is None or reply.error.code in BY_CODE
    assert reply.error is None or reply.error.code != "KMSInternalException"
