"""STS through boto3: who one is, whose role one may take, and what the session may do then."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from kms import FixedClock
from kmsgate import sts
from kmsgate.testing import server
from tests.endpoint.clients import UNCHECKED, Draft, Endpoint, boto3, served
from tests.endpoint.test_signatures import MISMATCH, NOW, Desk, drop, header
from tests.kms_world import START, World

MAIN, PARTNER = "111122223333", "444455556666"
WORLD = """
version: 1
settings: {seed: 5}
world:
  clock: 2026-03-01T08:00:00Z
  region: eu-west-1
  accounts: {main: "111122223333", partner: "444455556666"}
  policies:
    kms: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: "kms:*", Resource: "*"}]}
    take-roles:
      Version: "2012-10-17"
      Statement: [{Effect: Allow, Action: "sts:*", Resource: "*"}]
    no-sts: {Version: "2012-10-17", Statement: [{Effect: Deny, Action: "sts:*", Resource: "*"}]}
  users:
    ann: {policies: [take-roles, kms]}
    bob: {}
    cut: {policies: [take-roles, no-sts]}
    pat: {account: partner, policies: [take-roles]}
    pam: {account: partner}
  roles:
    by-account:
      policies: [kms]
      path: /team/
      tags: {team: red, level: "1"}
      trust:
        Version: "2012-10-17"
        Statement:
        - {Effect: Allow, Principal: {AWS: "111122223333"}, Action: "sts:*"}
        - {Effect: Allow, Principal: {AWS: "arn:aws:iam::111122223333:role/team/by-account"},
           Action: "sts:*"}
    by-name:
      policies: [kms]
      trust:
        Version: "2012-10-17"
        Statement:
        - {Effect: Allow, Principal: {AWS: "arn:aws:iam::111122223333:user/bob"},
           Action: "sts:AssumeRole"}
    for-partner:
      policies: [kms]
      trust:
        Version: "2012-10-17"
        Statement:
        - Effect: Allow
          Principal: {AWS: ["arn:aws:iam::444455556666:user/pat", "444455556666"]}
          Action: sts:AssumeRole
          Condition: {StringEquals: {"sts:ExternalId": "7777"}}
    no-trust: {policies: [kms]}
  keys:
    k: {aliases: [alias/k]}
"""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("sts") / "sts.world.yaml"
    file.write_text(WORLD, encoding="utf-8")
    return file


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(START)


@pytest.fixture
def endpoint(path: Path, clock: FixedClock) -> Iterator[Endpoint]:
    with server(path, clock=clock) as endpoint:
        yield endpoint


def role(name: str) -> str:
    path = "team/" if name == "by-account" else ""
    return f"arn:aws:iam::{MAIN}:role/{path}{name}"


def assume(endpoint: Endpoint, caller: str | dict[str, str], name: str, **more: Any) -> Any:
    given = {"RoleArn": role(name), "RoleSessionName": "work", **more}
    return sts_of(endpoint, caller).assume_role(**given)


def sts_of(endpoint: Endpoint, caller: str | dict[str, str]) -> Any:
    return client(endpoint, "sts", caller)


def client(endpoint: Endpoint, service: str, caller: str | dict[str, str]) -> Any:
    keys = endpoint.credentials(caller) if isinstance(caller, str) else caller
    return boto3.client(
        service, endpoint_url=endpoint.url, region_name="eu-west-1", config=UNCHECKED, **keys
    )


def keys_of(answer: Any) -> dict[str, str]:
    """Return the credentials of an answer as arguments of a client."""
    given = answer["Credentials"]
    return {
        "aws_access_key_id": given["AccessKeyId"],
        "aws_secret_access_key": given["SecretAccessKey"],
        "aws_session_token": given["SessionToken"],
    }


def error_of(act: Any) -> tuple[str, str, int]:
    with pytest.raises(ClientError) as caught:
        act()
    response = caught.value.response
    error = response["Error"]
    return error["Code"], error["Message"], response["ResponseMetadata"]["HTTPStatusCode"]


# Who am I (CORE K-209)


@pytest.mark.parametrize(
    ("caller", "arn", "user_id"),
    [
        ("bob", f"arn:aws:iam::{MAIN}:user/bob", "AIDA"),
        ("cut", f"arn:aws:iam::{MAIN}:user/cut", "AIDA"),
        ("root", f"arn:aws:iam::{MAIN}:root", MAIN),
        ("by-account", f"arn:aws:sts::{MAIN}:assumed-role/by-account/session", "AROA"),
        ("partner/pam", f"arn:aws:iam::{PARTNER}:user/pam", "AIDA"),
    ],
)
def test_everybody_learns_who_he_is(
    endpoint: Endpoint, caller: str, arn: str, user_id: str
) -> None:
    found = sts_of(endpoint, caller).get_caller_identity()

    assert (found["Arn"], found["Account"]) == (arn, arn.split(":")[4])
    assert found["UserId"].startswith(user_id)
    assert found["ResponseMetadata"]["HTTPHeaders"]["content-type"] == "text/xml"
    assert (
        found["ResponseMetadata"]["RequestId"]
        == found["ResponseMetadata"]["HTTPHeaders"]["x-amzn-requestid"]
    )


# Whose role one may take (CORE K-210)

DENIED = "is not authorized to perform: sts:AssumeRole on resource:"
TABLE = [
    ("ann", "by-account", {}, True),  # the trust policy leaves it to IAM, and IAM allows
    ("bob", "by-account", {}, False),  # and here it does not
    ("cut", "by-account", {}, False),
    ("ann", "by-name", {}, False),  # IAM alone is not enough
    ("bob", "by-name", {}, True),  # named in the same account: nothing else is needed
    ("partner/pat", "for-partner", {"ExternalId": "7777"}, True),
    ("partner/pat", "for-partner", {"ExternalId": "8888"}, False),
    ("partner/pat", "for-partner", {}, False),
    ("partner/pam", "for-partner", {"ExternalId": "7777"}, False),  # her own account says nothing
    ("partner/pat", "by-account", {}, False),
    ("ann", "for-partner", {"ExternalId": "7777"}, False),
    ("ann", "no-trust", {}, False),
    ("ann", "nothing", {}, False),
]


@pytest.mark.parametrize(("caller", "name", "more", "may"), TABLE)
def test_trust_and_identity_policies_decide(
    endpoint: Endpoint, caller: str, name: str, more: dict[str, str], may: bool
) -> None:
    if may:
        assert assume(endpoint, caller, name, **more)["AssumedRoleUser"]["Arn"].endswith(
            f":assumed-role/{name}/work"
        )
        return
    code, message, status = error_of(lambda: assume(endpoint, caller, name, **more))

    user = sts_of(endpoint, caller).get_caller_identity()["Arn"]
    assert (code, status) == ("AccessDenied", 403)
    assert message == f"User: {user} {DENIED} {role(name)}"


def test_root_takes_no_roles(endpoint: Endpoint) -> None:
    assert error_of(lambda: assume(endpoint, "root", "by-account")) == (
        "AccessDenied",
        "Roles may not be assumed by root accounts.",
        403,
    )


def test_the_session_is_the_role_until_it_ends(endpoint: Endpoint, clock: FixedClock) -> None:
    answer = assume(endpoint, "ann", "by-account", DurationSeconds=900)
    session = client(endpoint, "kms", keys_of(answer))

    assert answer["Credentials"]["AccessKeyId"].startswith("ASIA")
    assert len(answer["Credentials"]["SecretAccessKey"]) == 40
    assert answer["Credentials"]["Expiration"] == START + dt.timedelta(seconds=900)
    assert answer["AssumedRoleUser"]["AssumedRoleId"].startswith("AROA")
    assert answer["AssumedRoleUser"]["AssumedRoleId"].endswith(":work")
    assert "PackedPolicySize" not in answer
    clock.advance(dt.timedelta(seconds=899))
    session.describe_key(KeyId="alias/k")
    who = sts_of(endpoint, keys_of(answer)).get_caller_identity()
    assert who["UserId"] == answer["AssumedRoleUser"]["AssumedRoleId"]
    event = endpoint.simulator.service.store.events()[-1]
    assert event.caller == f"arn:aws:sts::{MAIN}:assumed-role/by-account/work"
    assert event.identity["sessionContext"]["attributes"] == {
        "creationDate": "2026-03-01T08:00:00Z",
        "mfaAuthenticated": "false",
    }

    clock.advance(dt.timedelta(seconds=1))

    gone = "The security token included in the request is expired"
    assert error_of(lambda: session.describe_key(KeyId="alias/k")) == (
        "ExpiredTokenException",
        gone,
        400,
    )
    assert error_of(sts_of(endpoint, keys_of(answer)).get_caller_identity) == (
        "ExpiredToken",
        gone,
        403,
    )


READ_ONLY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "kms:Describe*", "Resource": "*"}],
    }
)


def test_a_session_policy_narrows_its_own_session_alone(endpoint: Endpoint) -> None:
    wide, narrow = (
        client(endpoint, "kms", keys_of(assume(endpoint, "ann", "by-account", **more)))
        for more in ({}, {"Policy": READ_ONLY})
    )

    for session in (wide, narrow):
        session.describe_key(KeyId="alias/k")
    wide.encrypt(KeyId="alias/k", Plaintext=b"x")
    code, message, _ = error_of(lambda: narrow.encrypt(KeyId="alias/k", Plaintext=b"x"))
    assert code == "AccessDeniedException"
    assert message.endswith("because no session policy allows the kms:Encrypt action")


def test_managed_policies_narrow_too(endpoint: Endpoint) -> None:
    power = {"arn": "arn:aws:iam::aws:policy/AWSKeyManagementServicePowerUser"}
    answer = assume(endpoint, "ann", "by-account", PolicyArns=[power])
    session = client(endpoint, "kms", keys_of(answer))

    session.describe_key(KeyId="alias/k")
    assert error_of(lambda: session.encrypt(KeyId="alias/k", Plaintext=b"x"))[0] == (
        "AccessDeniedException"
    )


def test_tags_and_source_identity_are_seen_by_policies_and_events(endpoint: Endpoint) -> None:
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{MAIN}:root"},
             "Action": "kms:*", "Resource": "*",
             "Condition": {"StringEquals": {"aws:PrincipalTag/team": "blue",
                                            "aws:PrincipalTag/level": "1",
                                            "aws:SourceIdentity": "ann"}}}
        ],
    }  # fmt: skip
    root = client(endpoint, "kms", "root")
    key_id = root.describe_key(KeyId="alias/k")["KeyMetadata"]["KeyId"]
    root.put_key_policy(
        KeyId=key_id, Policy=json.dumps(policy), BypassPolicyLockoutSafetyCheck=True
    )
    tagged = {"Tags": [{"Key": "team", "Value": "blue"}], "SourceIdentity": "ann"}
    answer = assume(endpoint, "ann", "by-account", **tagged)

    client(endpoint, "kms", keys_of(answer)).describe_key(KeyId="alias/k")
    plain = client(endpoint, "kms", keys_of(assume(endpoint, "ann", "by-account")))
    assert error_of(lambda: plain.describe_key(KeyId="alias/k"))[0] == "AccessDeniedException"
    assert answer["SourceIdentity"] == "ann"
    events = endpoint.simulator.service.store.events()
    assert events[-2].identity["sessionContext"]["sourceIdentity"] == "ann"


def test_tags_need_a_permission_of_their_own(endpoint: Endpoint) -> None:
    tagged = {"Tags": [{"Key": "team", "Value": "blue"}]}

    code, message, _ = error_of(lambda: assume(endpoint, "bob", "by-name", **tagged))

    assert code == "AccessDenied"
    assert "is not authorized to perform: sts:TagSession on resource:" in message
    named = {"SourceIdentity": "bob"}
    assert (
        "sts:SetSourceIdentity" in error_of(lambda: assume(endpoint, "bob", "by-name", **named))[1]
    )


def test_a_source_identity_stays_from_session_to_session(endpoint: Endpoint) -> None:
    first = keys_of(assume(endpoint, "ann", "by-account", SourceIdentity="ann"))

    second = assume(endpoint, first, "by-account", RoleSessionName="next")

    assert second["SourceIdentity"] == "ann"
    assert error_of(lambda: assume(endpoint, first, "by-account", SourceIdentity="bob")) == (
        "AccessDenied",
        "Source identity cannot be changed once it is set.",
        403,
    )


def test_a_code_of_a_device_makes_a_session_with_two_factors(endpoint: Endpoint) -> None:
    code = {"SerialNumber": f"arn:aws:iam::{MAIN}:mfa/ann", "TokenCode": "123456"}
    client(endpoint, "kms", keys_of(assume(endpoint, "ann", "by-account", **code))).list_keys()

    event = endpoint.simulator.service.store.events()[-1]
    assert event.identity["sessionContext"]["attributes"]["mfaAuthenticated"] == "true"


# Tokens of users (AUTH L-54, L-55)


def test_a_session_token_stands_for_the_user(endpoint: Endpoint, clock: FixedClock) -> None:
    answer = sts_of(endpoint, "ann").get_session_token()
    keys = keys_of(answer)

    assert answer["Credentials"]["Expiration"] == START + dt.timedelta(hours=12)
    assert sts_of(endpoint, keys).get_caller_identity()["Arn"] == f"arn:aws:iam::{MAIN}:user/ann"
    client(endpoint, "kms", keys).encrypt(KeyId="alias/k", Plaintext=b"x")
    assert error_of(sts_of(endpoint, keys).get_session_token) == (
        "AccessDenied",
        "Cannot call GetSessionToken with session credentials",
        403,
    )
    root = sts_of(endpoint, "root")  # credentials of its own that end
    assert error_of(root.get_session_token)[0] == "AccessDenied"


def test_a_federated_user_has_what_user_and_policy_both_allow(endpoint: Endpoint) -> None:
    answer = sts_of(endpoint, "ann").get_federation_token(Name="fed", Policy=READ_ONLY)
    kms = client(endpoint, "kms", keys_of(answer))

    assert answer["FederatedUser"] == {
        "FederatedUserId": f"{MAIN}:fed",
        "Arn": f"arn:aws:sts::{MAIN}:federated-user/fed",
    }
    assert answer["PackedPolicySize"] == 6
    kms.describe_key(KeyId="alias/k")
    assert error_of(lambda: kms.encrypt(KeyId="alias/k", Plaintext=b"x"))[0] == (
        "AccessDeniedException"
    )
    bare = sts_of(endpoint, "ann").get_federation_token(Name="fed")
    nothing = client(endpoint, "kms", keys_of(bare))
    assert error_of(lambda: nothing.describe_key(KeyId="alias/k"))[0] == "AccessDeniedException"
    code, message, _ = error_of(
        lambda: sts_of(endpoint, "bob").get_federation_token(Name="fed", Policy=READ_ONLY)
    )
    assert (code, message.split(" on ")[0].split()[-1]) == (
        "AccessDenied",
        "sts:GetFederationToken",
    )


# What is wrong with a request

LONG = "x" * 2049
REQUESTS: list[tuple[dict[str, Any], tuple[str, str]]] = [
    (
        {"RoleSessionName": "a b"},
        ("ValidationError", r"Value 'a b' at 'roleSessionName' failed to satisfy constraint: "
         r"Member must satisfy regular expression pattern: [\w+=,.@-]*"),
    ),
    ({"RoleSessionName": "x"}, ("ValidationError", "length greater than or equal to 2")),
    ({"RoleSessionName": "x" * 65}, ("ValidationError", "length less than or equal to 64")),
    ({"RoleArn": "x"}, ("ValidationError", "at 'roleArn'")),
    ({"DurationSeconds": 899}, ("ValidationError", "greater than or equal to 900")),
    ({"DurationSeconds": 43201}, ("ValidationError", "less than or equal to 43200")),
    ({"DurationSeconds": 3601}, ("ValidationError", "exceeds the MaxSessionDuration")),
    ({"DurationSeconds": "long"}, ("MalformedInput", "")),
    ({"Policy": "{}"}, ("MalformedPolicyDocument", "")),
    ({"Policy": LONG}, ("PackedPolicyTooLarge", "")),
    ({"PolicyArns": [{"arn": "arn:aws:iam::aws:policy/Nothing"}]}, ("ValidationError", "ARN")),
    ({"Tags": [{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "2"}]},
     ("ValidationError", "Duplicate tag keys")),
    ({"Tags": [{"Key": "aws:a", "Value": "1"}]}, ("ValidationError", "A tag has")),
    ({"Tags": [{"Key": str(n), "Value": ""} for n in range(51)]}, ("ValidationError", "50")),
    ({"TransitiveTagKeys": ["a"]}, ("ValidationError", "TransitiveTagKeys")),
    ({"ExternalId": "7"}, ("ValidationError", "at 'externalId'")),
]  # fmt: skip


def test_what_is_wrong_with_a_request_is_told(endpoint: Endpoint) -> None:
    for more, (code, message) in REQUESTS:
        found = error_of(lambda more=more: assume(endpoint, "ann", "by-account", **more))

        assert (found[0], found[2]) == (code, 400), more
        assert message in found[1]
    assert not endpoint.simulator.service.store.glance().directory.temporary_keys


def test_chained_roles_last_an_hour_at_most(endpoint: Endpoint) -> None:
    first = keys_of(assume(endpoint, "ann", "by-account"))

    found = error_of(lambda: assume(endpoint, first, "by-account", DurationSeconds=3601))

    assert found[0] == "ValidationError"
    assert "role chaining" in found[1]


# The query protocol, by hand (CORE K-207, K-208)


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    world = World()
    with served(world, FixedClock(START)) as endpoint:
        yield Desk(world, endpoint)


def form(desk: Desk, body: bytes, **more: Any) -> Draft:
    content = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
    given = {"service": "sts", "operation": "", "headers": content, "body": body}
    return desk.draft(**{**given, **more})


WHO = b"Action=GetCallerIdentity&Version=2011-06-15"


@pytest.mark.parametrize(
    ("change", "status", "code", "message"),
    [
        ({"secret": "x"}, 403, "SignatureDoesNotMatch", MISMATCH),
        ({"key_id": "AKIA" + "7" * 16}, 403, "InvalidClientTokenId",
         "The security token included in the request is invalid."),
        ({"service": "kms"}, 403, "SignatureDoesNotMatch",
         "Credential should be scoped to correct service: 'sts'."),
        ({"after": drop("Signature")}, 400, "IncompleteSignature",
         "Authorization header requires 'Signature' parameter. Authorization=AWS4-HMAC-SHA256"),
        ({"after": header("x-amz-date", "now")}, 400, "IncompleteSignature", "Date must be"),
    ],
)  # fmt: skip
def test_a_wrong_signature_is_told_in_the_words_of_sts(
    desk: Desk, change: dict[str, Any], status: int, code: str, message: str
) -> None:
    answer = form(desk, WHO, **change).signed().send(desk.endpoint)

    assert answer.status == status
    assert answer.headers["content-type"] == "text/xml"
    text = answer.body.decode()
    assert text.startswith(f'<ErrorResponse xmlns="{sts.NAMESPACE}"><Error><Type>Sender</Type>')
    assert f"<Code>{code}</Code><Message>{message}" in text
    assert f"<RequestId>{answer.headers['x-amzn-requestid']}</RequestId>" in text


def test_a_request_that_is_not_signed_is_told_so(desk: Desk) -> None:
    draft = form(desk, WHO).signed()
    draft.sent.pop()

    answer = draft.send(desk.endpoint)

    assert answer.status == 403
    assert b"<Message>Request is missing Authentication Token</Message>" in answer.body


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "MissingAction"),
        (b"Version=2011-06-15", "MissingAction"),
        (b"Action=AssumeRoot&Version=2011-06-15", "InvalidAction"),
        (b"Action=GetCallerIdentity", "InvalidAction"),
        (b"Action=GetCallerIdentity&Version=2010-05-08", "InvalidAction"),
        (b"Action=%3Cb%3E%00&Version=2011-06-15", "InvalidAction"),
        (b"Action=%FF", "MalformedInput"),
        (b"\xff", "MalformedInput"),
        (b"&".join([b"a=b"] * 501), "MalformedInput"),
    ],
)
def test_what_is_no_action_is_told_before_the_signature(desk: Desk, body: bytes, code: str) -> None:
    answer = form(desk, body, secret="x").signed().send(desk.endpoint)

    assert answer.status == 400
    assert f"<Code>{code}</Code>" in answer.body.decode()
    assert "<b>" not in answer.body.decode()


def test_the_action_that_is_unknown_is_named(desk: Desk) -> None:
    answer = form(desk, b"Action=AssumeRoot&Version=2011-06-15").signed().send(desk.endpoint)

    told = "Could not find operation AssumeRoot for version 2011-06-15"
    assert f"<Message>{told}</Message>" in answer.body.decode()


def test_a_presigned_request_tells_who_signed_it(desk: Desk) -> None:
    answer = form(desk, WHO, stamp=NOW).presigned().send(desk.endpoint)

    assert answer.status == 200
    assert f"<Arn>{desk.world.admin}</Arn>" in answer.body.decode()


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=20), max_size=3))
def test_whatever_is_said_is_xml(tree: dict[str, str]) -> None:
    import xml.etree.ElementTree as ET

    error = sts.StsError("Code", "".join(tree.values()), 400)
    found = ET.fromstring(sts.write_error(error, "id"))  # noqa: S314 - our own

    message = found.find(f"{{{sts.NAMESPACE}}}Error/{{{sts.NAMESPACE}}}Message")
    assert message is not None
