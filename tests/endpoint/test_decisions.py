"""Who may do what: the table through boto3 is the table of the gate, to the letter."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ClientError

from kms import AccessDenied, Call
from kmsgate.testing import server
from tests.endpoint.clients import UNCHECKED, Endpoint

WORLD = """
version: 1
settings: {seed: 3}
world:
  region: eu-west-1
  accounts: {main: "111122223333", partner: "444455556666"}
  policies:
    kms: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: "kms:*", Resource: "*"}]}
    use:
      Version: "2012-10-17"
      Statement: [{Effect: Allow, Action: ["kms:Encrypt", "kms:Decrypt"], Resource: "*"}]
    no-deletion:
      Version: "2012-10-17"
      Statement: [{Effect: Deny, Action: "kms:ScheduleKeyDeletion", Resource: "*"}]
  users:
    admin: {policies: [kms, no-deletion]}
    guest: {}
    pat: {account: partner, policies: [use]}
  roles:
    app: {boundary: use}
  keys:
    shared:
      aliases: [alias/shared]
      policy:
        Version: "2012-10-17"
        Statement:
        - Sid: Delegate
          Effect: Allow
          Principal: {AWS: "arn:aws:iam::111122223333:root"}
          Action: kms:*
          Resource: "*"
        - Sid: UseIt
          Effect: Allow
          Principal: {AWS: ["arn:aws:iam::111122223333:role/app", "444455556666"]}
          Action: ["kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey", "kms:DescribeKey",
                   "kms:CreateGrant"]
          Resource: "*"
          Condition:
            StringEquals: {"kms:EncryptionContext:tenant": blue}
            IpAddress: {"aws:SourceIp": "127.0.0.1/32"}
        - Sid: GuestMayLook
          Effect: Allow
          Principal: {AWS: "arn:aws:iam::111122223333:user/guest"}
          Action: ["kms:Describe*", "kms:GetKeyPolicy"]
          Resource: "*"
          Condition: {Bool: {"aws:SecureTransport": "false"}}
        - Sid: NobodyRotates
          Effect: Deny
          Principal: "*"
          Action: kms:EnableKeyRotation
          Resource: "*"
"""
CALLERS = ("admin", "app", "guest", "partner/pat")
BLUE = {"tenant": "blue"}
POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "kms:*",
             "Resource": "*"}
        ],
    }
)  # fmt: skip
KEY = "the ARN of the key"
SEALED = b"something that the key has encrypted"
CALLS: list[tuple[str, dict[str, Any]]] = [
    ("DescribeKey", {"KeyId": KEY}),
    ("Encrypt", {"KeyId": KEY, "Plaintext": b"x", "EncryptionContext": BLUE}),
    ("Encrypt", {"KeyId": KEY, "Plaintext": b"x", "EncryptionContext": {"tenant": "red"}}),
    ("Encrypt", {"KeyId": KEY, "Plaintext": b"x"}),
    ("Decrypt", {"CiphertextBlob": SEALED, "EncryptionContext": BLUE}),
    ("Decrypt", {"CiphertextBlob": SEALED, "EncryptionContext": BLUE, "KeyId": KEY}),
    ("ReEncrypt", {"CiphertextBlob": SEALED, "SourceEncryptionContext": BLUE,
                   "DestinationKeyId": KEY}),
    ("GenerateDataKey", {"KeyId": KEY, "KeySpec": "AES_256", "EncryptionContext": BLUE}),
    ("GetKeyPolicy", {"KeyId": KEY}),
    ("PutKeyPolicy", {"KeyId": KEY, "Policy": POLICY}),
    ("CreateGrant", {"KeyId": KEY, "GranteePrincipal": "arn:aws:iam::111122223333:role/app",
                     "Operations": ["Decrypt"]}),
    ("ListGrants", {"KeyId": KEY}),
    ("TagResource", {"KeyId": KEY, "Tags": [{"TagKey": "a", "TagValue": "b"}]}),
    ("EnableKeyRotation", {"KeyId": KEY}),
    ("DisableKey", {"KeyId": KEY}),
    ("ScheduleKeyDeletion", {"KeyId": KEY}),
    ("CreateAlias", {"AliasName": "alias/new", "TargetKeyId": KEY}),
    ("DescribeKey", {"KeyId": "alias/shared"}),
    ("DescribeKey", {"KeyId": "alias/nothing"}),
    ("ListKeys", {}),
    ("CreateKey", {"Tags": [{"TagKey": "a", "TagValue": "b"}]}),
    ("GenerateRandom", {"NumberOfBytes": 8}),
]  # fmt: skip


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("decisions") / "two.world.yaml"
    file.write_text(WORLD, encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def endpoint(file: Path) -> Iterator[Endpoint]:
    with server(file) as endpoint:
        yield endpoint


def filled(endpoint: Endpoint, parameters: dict[str, Any], sealed: bytes) -> dict[str, Any]:
    (key,) = endpoint.simulator.initial.keys.values()
    given = {KEY: str(key.arn), SEALED: sealed}
    return {
        name: given.get(value, value) if isinstance(value, str | bytes) else value
        for name, value in parameters.items()
    }


def through_boto3(client: Any, operation: str, parameters: dict[str, Any]) -> str:
    """Return the message of a denial, `done`, or the code of another error."""
    methods = client.meta.method_to_api_mapping
    method = next(python for python, wire in methods.items() if wire == operation)
    try:
        getattr(client, method)(**parameters)
    except ClientError as error:
        told = error.response["Error"]
        denied = told["Code"] == "AccessDeniedException"
        return str(told["Message"]) if denied else str(told["Code"])
    return "done"


def by_the_gate(endpoint: Endpoint, caller: str, call: Call) -> str:
    error = endpoint.simulator.service.decide(call).error
    if isinstance(error, AccessDenied):
        return str(error.message)
    return error.code if error is not None else "done"


@pytest.mark.parametrize("caller", CALLERS)
def test_boto3_may_what_the_gate_allows(endpoint: Endpoint, caller: str) -> None:
    simulator = endpoint.simulator
    client = endpoint.client("kms", caller, config=UNCHECKED)
    admin = endpoint.client("kms", "admin")
    found, expected = [], []
    for operation, wanted in CALLS:
        endpoint.reset()
        sealed = admin.encrypt(KeyId="alias/shared", Plaintext=b"x", EncryptionContext=BLUE)
        parameters = filled(endpoint, wanted, sealed["CiphertextBlob"])
        directory = simulator.service.store.glance().directory
        principal = directory.principal(simulator.callers[caller])
        assert principal is not None
        facts = {"aws:SourceIp": "127.0.0.1", "aws:SecureTransport": "false"}
        call = Call(principal, operation, parameters, "eu-west-1", facts)
        expected.append((operation, by_the_gate(endpoint, caller, call)))
        found.append((operation, through_boto3(client, operation, parameters)))

    assert found == expected
    answers = {answer for _, answer in found}
    assert "done" in answers or caller == "guest"
    assert any("is not authorized to perform" in answer for answer in answers)


# Every listing, page by page

PAGED = {
    "ListAliases": ("Aliases", {}),
    "ListGrants": ("Grants", {"KeyId": KEY}),
    "ListKeyPolicies": ("PolicyNames", {"KeyId": KEY}),
    "ListKeyRotations": ("Rotations", {"KeyId": KEY}),
    "ListKeys": ("Keys", {}),
    "ListResourceTags": ("Tags", {"KeyId": KEY}),
    "ListRetirableGrants": (
        "Grants",
        {"RetiringPrincipal": "arn:aws:iam::111122223333:role/app"},
    ),
    "DescribeCustomKeyStores": ("CustomKeyStores", {}),
}
COUNTS = {"ListKeyPolicies": 1, "ListKeyRotations": 1, "DescribeCustomKeyStores": 0}


@pytest.fixture(scope="module")
def grown(file: Path) -> Iterator[Endpoint]:
    """Another one, with five of everything that can be listed."""
    with server(file) as endpoint:
        _grow(endpoint.client("kms", "root"))
        yield endpoint


def _grow(root: Any) -> None:
    key_id = root.describe_key(KeyId="alias/shared")["KeyMetadata"]["KeyId"]
    for number in range(4):
        root.create_key()
        root.create_alias(AliasName=f"alias/a{number}", TargetKeyId=key_id)
    for number in range(5):
        root.create_grant(
            KeyId=key_id,
            GranteePrincipal="arn:aws:iam::111122223333:user/guest",
            RetiringPrincipal="arn:aws:iam::111122223333:role/app",
            Operations=["Decrypt"],
            Name=str(number),
        )
    root.tag_resource(KeyId=key_id, Tags=[{"TagKey": str(n), "TagValue": ""} for n in range(5)])
    root.rotate_key_on_demand(KeyId=key_id)


def test_every_paginator_of_boto3_is_tried(endpoint: Endpoint) -> None:
    client = endpoint.client("kms", "root")
    pageable = {
        wire for python, wire in client.meta.method_to_api_mapping.items()
        if client.can_paginate(python)
    }  # fmt: skip

    assert set(PAGED) == pageable


@pytest.mark.parametrize("operation", PAGED)
def test_pages_put_together_are_the_whole(grown: Endpoint, operation: str) -> None:
    client = grown.client("kms", "root")
    member, wanted = PAGED[operation]
    parameters = filled(grown, wanted, b"")
    methods = client.meta.method_to_api_mapping
    method = next(python for python, wire in methods.items() if wire == operation)
    (whole,) = client.get_paginator(method).paginate(**parameters)

    pages = list(
        client.get_paginator(method).paginate(**parameters, PaginationConfig={"PageSize": 2})
    )

    found = [item for page in pages for item in page[member]]
    count = COUNTS.get(operation, 5)
    assert found == whole[member]
    assert len([item for item in found if "aws/" not in str(item)]) == count
    assert all(len(page[member]) <= 2 for page in pages)
    assert [page["Truncated"] for page in pages] == [True] * (len(pages) - 1) + [False]


def test_a_marker_that_is_none_is_refused(grown: Endpoint) -> None:
    client = grown.client("kms", "root")

    assert through_boto3(client, "ListKeys", {"Marker": "x"}) == "InvalidMarkerException"


# The AWS Encryption SDK, unchanged


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_encryption_sdk_runs_against_it(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    sdk = pytest.importorskip("aws_encryption_sdk", reason="the AWS Encryption SDK is missing")
    monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", endpoint.url)
    endpoint.reset()
    (key,) = endpoint.simulator.initial.keys.values()

    def provider(caller: str) -> Any:
        session = botocore.session.Session()
        keys = endpoint.credentials(caller)
        session.set_credentials(keys["aws_access_key_id"], keys["aws_secret_access_key"])
        return sdk.StrictAwsKmsMasterKeyProvider(key_ids=[str(key.arn)], botocore_session=session)

    client = sdk.EncryptionSDKClient()
    sealed, _ = client.encrypt(
        source=b"salary list", key_provider=provider("admin"), encryption_context=BLUE
    )
    opened, header = client.decrypt(source=sealed, key_provider=provider("admin"))

    assert opened == b"salary list"
    assert header.encryption_context["tenant"] == "blue"
    with pytest.raises(sdk.exceptions.DecryptKeyError):
        client.decrypt(source=sealed, key_provider=provider("guest"))
    last = endpoint.simulator.service.store.events()[-1]
    assert (last.operation, last.error_code) == ("Decrypt", "AccessDenied")
    assert last.agent is not None
    assert "AwsEncryptionSdkPython" in last.agent
