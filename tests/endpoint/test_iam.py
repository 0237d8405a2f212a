"""IAM through boto3: set-up over the wire, and what it means for decisions of KMS."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator

from kms.audit import entries, first_break
from kms.root_key import FileRootKey
from kms.shapes import operation_names
from kms.sqlite_store import open_store
from kmsgate import iam
from kmsgate.cli import run
from kmsgate.iam.model import model
from kmsgate.testing import Endpoint, server
from tests.endpoint.clients import UNCHECKED, boto3

ACCOUNT = "111122223333"


def document(action: str = "kms:*", effect: str = "Allow", **more: Any) -> str:
    statement = {"Effect": effect, "Action": action, "Resource": "*", **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def trust(principal: str) -> str:
    statement = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": statement})


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with server() as found:
        yield found


@pytest.fixture
def admin(endpoint: Endpoint) -> Any:
    client = endpoint.client("iam", "admin", config=UNCHECKED)
    client.meta.events.register_first("after-call.iam", has_its_shape)
    return client


def has_its_shape(parsed: dict[str, Any], model: Any, **_: Any) -> None:
    """Fail for a response that is not what the service model of botocore says."""
    if "Error" not in parsed and model.output_shape is not None:
        told = {name: value for name, value in parsed.items() if name != "ResponseMetadata"}
        report = ParamValidator().validate(told, model.output_shape)
        assert not report.has_errors(), report.generate_report()


def fails(code: str, call: Callable[..., Any], **parameters: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    assert caught.value.response["Error"]["Code"] == code
    message: str = caught.value.response["Error"]["Message"]
    return message


def as_user(endpoint: Endpoint, admin: Any, name: str, service: str = "kms") -> Any:
    key = admin.create_access_key(UserName=name)["AccessKey"]
    return boto3.client(
        service,
        endpoint_url=endpoint.url,
        region_name=endpoint.region,
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
        config=UNCHECKED,
    )


def test_every_operation_of_the_generated_model_is_served_and_none_is_one_of_kms() -> None:
    assert set(iam.OPERATIONS) == set(model()["operations"])
    assert not set(iam.OPERATIONS) & set(operation_names())


# Decisions follow


def test_a_user_that_was_made_over_the_wire_may_do_what_its_policies_say(
    endpoint: Endpoint, admin: Any
) -> None:
    made = admin.create_user(UserName="ann", Path="/team/", Tags=[{"Key": "a", "Value": "b"}])
    kms = as_user(endpoint, admin, "ann")
    fails("AccessDeniedException", kms.encrypt, KeyId="alias/app", Plaintext=b"x")

    admin.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=document("kms:Encrypt"))

    sealed = kms.encrypt(KeyId="alias/app", Plaintext=b"x")["CiphertextBlob"]
    told = fails("AccessDeniedException", kms.decrypt, CiphertextBlob=sealed)
    assert f"arn:aws:iam::{ACCOUNT}:user/team/ann is not authorized" in told
    user = admin.get_user(UserName="ann")["User"]
    assert user == made["User"]
    assert (user["Path"], user["Tags"]) == ("/team/", [{"Key": "a", "Value": "b"}])
    got = admin.get_user_policy(UserName="ann", PolicyName="p")
    assert got["PolicyDocument"]["Statement"][0]["Action"] == "kms:Encrypt"

    admin.delete_user_policy(UserName="ann", PolicyName="p")
    fails("AccessDeniedException", kms.encrypt, KeyId="alias/app", Plaintext=b"x")


def test_a_role_that_was_made_over_the_wire_is_assumed_and_used(
    endpoint: Endpoint, admin: Any
) -> None:
    admin.create_user(UserName="ann")
    role = admin.create_role(
        RoleName="app", AssumeRolePolicyDocument=trust(f"arn:aws:iam::{ACCOUNT}:user/ann"),
        Description="of the app", MaxSessionDuration=7200,
    )["Role"]  # fmt: skip
    admin.put_role_policy(RoleName="app", PolicyName="kms", PolicyDocument=document())
    sts = as_user(endpoint, admin, "ann", "sts")

    given = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="one")["Credentials"]
    kms = boto3.client(
        "kms",
        endpoint_url=endpoint.url,
        region_name=endpoint.region,
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
    )
    assert kms.describe_key(KeyId="alias/app")["KeyMetadata"]["Enabled"]
    assert role["AssumeRolePolicyDocument"] == json.loads(trust(f"arn:aws:iam::{ACCOUNT}:user/ann"))
    shown = admin.get_role(RoleName="app")["Role"]
    assert (shown["Description"], shown["MaxSessionDuration"]) == ("of the app", 7200)

    longest = {"RoleArn": role["Arn"], "RoleSessionName": "one", "DurationSeconds": 7200}
    sts.assume_role(**longest)
    fails("ValidationError", sts.assume_role, **longest | {"DurationSeconds": 7201})
    admin.update_assume_role_policy(
        RoleName="app", PolicyDocument=trust(f"arn:aws:iam::{ACCOUNT}:user/guest")
    )
    fails("AccessDenied", sts.assume_role, RoleArn=role["Arn"], RoleSessionName="one")


def test_the_default_version_of_a_managed_policy_decides_wherever_it_is_attached(
    endpoint: Endpoint, admin: Any
) -> None:
    policy = admin.create_policy(PolicyName="use", PolicyDocument=document("kms:Encrypt"))["Policy"]
    arn = policy["Arn"]
    admin.create_user(UserName="ann")
    admin.create_group(GroupName="team")
    admin.attach_group_policy(GroupName="team", PolicyArn=arn)
    admin.add_user_to_group(GroupName="team", UserName="ann")
    kms = as_user(endpoint, admin, "ann")
    kms.encrypt(KeyId="alias/app", Plaintext=b"x")
    fails("AccessDeniedException", kms.describe_key, KeyId="alias/app")

    second = admin.create_policy_version(PolicyArn=arn, PolicyDocument=document("kms:DescribeKey"))
    fails("AccessDeniedException", kms.describe_key, KeyId="alias/app")
    admin.set_default_policy_version(PolicyArn=arn, VersionId=second["PolicyVersion"]["VersionId"])

    kms.describe_key(KeyId="alias/app")
    fails("AccessDeniedException", kms.encrypt, KeyId="alias/app", Plaintext=b"x")
    listed = admin.list_policy_versions(PolicyArn=arn)["Versions"]
    assert [(v["VersionId"], v["IsDefaultVersion"]) for v in listed] == [
        ("v1", False),
        ("v2", True),
    ]
    found = admin.list_entities_for_policy(PolicyArn=arn)
    assert [group["GroupName"] for group in found["PolicyGroups"]] == ["team"]
    admin.delete_policy_version(PolicyArn=arn, VersionId="v1")
    assert fails("DeleteConflict", admin.delete_policy, PolicyArn=arn)
    admin.detach_group_policy(GroupName="team", PolicyArn=arn)
    admin.delete_policy(PolicyArn=arn)
    fails("NoSuchEntity", admin.get_policy, PolicyArn=arn)
    fails("AccessDeniedException", kms.describe_key, KeyId="alias/app")


def test_a_boundary_bounds(endpoint: Endpoint, admin: Any) -> None:
    arn = admin.create_policy(PolicyName="edge", PolicyDocument=document("kms:List*"))["Policy"][
        "Arn"
    ]
    admin.create_user(UserName="ann", PermissionsBoundary=arn)
    admin.put_user_policy(UserName="ann", PolicyName="all", PolicyDocument=document())
    kms = as_user(endpoint, admin, "ann")

    kms.list_keys()
    told = fails("AccessDeniedException", kms.encrypt, KeyId="alias/app", Plaintext=b"x")
    assert "no permissions boundary allows" in told
    boundary = admin.get_user(UserName="ann")["User"]["PermissionsBoundary"]
    assert boundary["PermissionsBoundaryArn"] == arn

    admin.delete_user_permissions_boundary(UserName="ann")
    kms.encrypt(KeyId="alias/app", Plaintext=b"x")


def test_an_access_key_that_is_not_active_or_gone_signs_nothing(
    endpoint: Endpoint, admin: Any
) -> None:
    admin.create_user(UserName="ann")
    sts = as_user(endpoint, admin, "ann", "sts")
    (key,) = admin.list_access_keys(UserName="ann")["AccessKeyMetadata"]
    key_id = key["AccessKeyId"]
    assert sts.get_caller_identity()["Arn"].endswith("user/ann")

    admin.update_access_key(UserName="ann", AccessKeyId=key_id, Status="Inactive")
    fails("InvalidClientTokenId", sts.get_caller_identity)
    admin.update_access_key(UserName="ann", AccessKeyId=key_id, Status="Active")
    sts.get_caller_identity()
    assert fails("DeleteConflict", admin.delete_user, UserName="ann")
    admin.create_access_key(UserName="ann")
    fails("LimitExceeded", admin.create_access_key, UserName="ann")
    admin.delete_access_key(UserName="ann", AccessKeyId=key_id)
    fails("InvalidClientTokenId", sts.get_caller_identity)


# Who may, and what is wrong


def test_who_may_not_is_told_as_aws_tells_it_and_nothing_has_happened(
    endpoint: Endpoint, admin: Any
) -> None:
    guest = endpoint.client("iam", "guest")

    told = fails("AccessDenied", guest.create_user, UserName="eve")

    assert told == (
        f"User: arn:aws:iam::{ACCOUNT}:user/guest is not authorized to perform: iam:CreateUser on "
        f"resource: arn:aws:iam::{ACCOUNT}:user/eve because no identity-based policy allows the "
        "iam:CreateUser action"
    )
    fails("NoSuchEntity", admin.get_user, UserName="eve")
    wrong = boto3.client(
        "iam", endpoint_url=endpoint.url, region_name="us-east-1",
        aws_access_key_id="AKIA" + "7" * 16, aws_secret_access_key="x" * 40,
    )  # fmt: skip
    fails("InvalidClientTokenId", wrong.list_users)


def test_a_policy_may_name_what_a_caller_may_do_in_iam(endpoint: Endpoint, admin: Any) -> None:
    admin.create_user(UserName="ann")
    admin.put_user_policy(
        UserName="ann", PolicyName="p",
        PolicyDocument=document("iam:*User", Resource=f"arn:aws:iam::{ACCOUNT}:user/a*"),
    )  # fmt: skip
    mine = as_user(endpoint, admin, "ann", "iam")

    mine.create_user(UserName="abe")
    assert mine.get_user()["User"]["UserName"] == "ann"
    fails("AccessDenied", mine.create_user, UserName="bob")
    fails("AccessDenied", mine.list_users)


MANY = document(Condition={"StringEquals": {"aws:userid": ["x" * 60] * 200}})
REFUSED: list[tuple[str, str, dict[str, Any]]] = [
    ("EntityAlreadyExists", "create_user", {"UserName": "GUEST"}),
    ("ValidationError", "create_user", {"UserName": "a b"}),
    ("ValidationError", "create_user", {"UserName": "a" * 65}),
    ("ValidationError", "create_user", {}),
    ("ValidationError", "create_user", {"UserName": "a", "Path": "team"}),
    ("ValidationError", "list_users", {"MaxItems": 0}),
    ("ValidationError", "list_users", {"Marker": "%"}),
    ("NoSuchEntity", "get_user", {"UserName": "nobody"}),
    ("NoSuchEntity", "get_role", {"RoleName": "nobody"}),
    ("NoSuchEntity", "delete_group", {"GroupName": "nobody"}),
    ("NoSuchEntity", "get_user_policy", {"UserName": "guest", "PolicyName": "p"}),
    ("NoSuchEntity", "attach_user_policy",
     {"UserName": "guest", "PolicyArn": f"arn:aws:iam::{ACCOUNT}:policy/none"}),
    ("NoSuchEntity", "detach_user_policy",
     {"UserName": "guest", "PolicyArn": f"arn:aws:iam::{ACCOUNT}:policy/none"}),
    ("NoSuchEntity", "delete_access_key", {"UserName": "guest", "AccessKeyId": "A" * 20}),
    ("NoSuchEntity", "delete_user_permissions_boundary", {"UserName": "guest"}),
    ("DeleteConflict", "delete_user", {"UserName": "admin"}),
    ("MalformedPolicyDocument", "put_user_policy",
     {"UserName": "guest", "PolicyName": "p", "PolicyDocument": "{}"}),
    ("MalformedPolicyDocument", "create_policy",
     {"PolicyName": "p", "PolicyDocument": trust("*")}),
    ("MalformedPolicyDocument", "create_role",
     {"RoleName": "r", "AssumeRolePolicyDocument": document()}),
    ("MalformedPolicyDocument", "create_role", {"RoleName": "r", "AssumeRolePolicyDocument": "x"}),
    ("LimitExceeded", "put_user_policy",
     {"UserName": "guest", "PolicyName": "p", "PolicyDocument": MANY}),
    ("LimitExceeded", "create_policy", {"PolicyName": "p", "PolicyDocument": MANY}),
    ("InvalidInput", "create_user",
     {"UserName": "u", "Tags": [{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "2"}]}),
    ("InvalidAction", "list_mfa_devices", {}),
]  # fmt: skip


@pytest.mark.parametrize(("code", "method", "parameters"), REFUSED)
def test_what_is_wrong_has_the_code_of_aws(
    admin: Any, code: str, method: str, parameters: dict[str, Any]
) -> None:
    fails(code, getattr(admin, method), **parameters)


# Lists


def test_lists_come_in_pages(admin: Any) -> None:
    for number in range(5):
        admin.create_user(UserName=f"u{number}", Path="/many/")

    pages = list(
        admin.get_paginator("list_users").paginate(
            PathPrefix="/many/", PaginationConfig={"PageSize": 2}
        )
    )

    assert [[user["UserName"] for user in each["Users"]] for each in pages] == [
        ["u0", "u1"], ["u2", "u3"], ["u4"]
    ]  # fmt: skip


def test_what_hangs_on_somebody_is_listed_as_inline_or_attached(admin: Any) -> None:
    aws = "arn:aws:iam::aws:policy/AWSKeyManagementServicePowerUser"
    own = admin.create_policy(PolicyName="own", PolicyDocument=document())["Policy"]["Arn"]
    admin.create_role(RoleName="r", AssumeRolePolicyDocument=trust(ACCOUNT))
    for arn in (aws, own, own):
        admin.attach_role_policy(RoleName="r", PolicyArn=arn)
    admin.put_role_policy(RoleName="r", PolicyName="in", PolicyDocument=document())

    attached = admin.list_attached_role_policies(RoleName="r")["AttachedPolicies"]
    assert {each["PolicyArn"] for each in attached} == {aws, own}
    assert admin.list_role_policies(RoleName="r")["PolicyNames"] == ["in"]
    assert admin.get_policy(PolicyArn=own)["Policy"]["AttachmentCount"] == 1
    assert {each["Arn"] for each in admin.list_policies(OnlyAttached=True)["Policies"]} == {
        aws,
        own,
    }
    assert admin.list_instance_profiles_for_role(RoleName="r")["InstanceProfiles"] == []
    admin.tag_role(RoleName="r", Tags=[{"Key": "a", "Value": "b"}, {"Key": "c", "Value": ""}])
    admin.untag_role(RoleName="r", TagKeys=["a"])
    assert admin.list_role_tags(RoleName="r")["Tags"] == [{"Key": "c", "Value": ""}]


def test_a_group_has_members_until_they_are_removed(admin: Any) -> None:
    admin.create_group(GroupName="team")
    admin.add_user_to_group(GroupName="team", UserName="guest")

    assert [user["UserName"] for user in admin.get_group(GroupName="team")["Users"]] == ["guest"]
    assert admin.list_groups_for_user(UserName="guest")["Groups"] == admin.list_groups()["Groups"]
    fails("DeleteConflict", admin.delete_group, GroupName="team")
    admin.remove_user_from_group(GroupName="team", UserName="guest")
    admin.delete_group(GroupName="team")
    assert admin.list_groups()["Groups"] == []


# What is kept


def test_changes_and_their_events_are_in_the_store(tmp_path: Path) -> None:
    def opened() -> Any:
        return closing(open_store(tmp_path / "state.db", FileRootKey(tmp_path / "root.key")))

    with opened() as store, server(store=store) as endpoint:
        admin = endpoint.client("iam", "admin")
        arn = admin.create_policy(PolicyName="own", PolicyDocument=document())["Policy"]["Arn"]
        admin.create_user(UserName="ann")
        admin.attach_user_policy(UserName="ann", PolicyArn=arn)
        key = admin.create_access_key(UserName="ann")["AccessKey"]
        fails("EntityAlreadyExists", admin.create_user, UserName="ann")
    with opened() as store, server(store=store) as endpoint:
        kms = boto3.client(
            "kms", endpoint_url=endpoint.url, region_name=endpoint.region,
            aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"],
        )  # fmt: skip
        kms.describe_key(KeyId="alias/app")
        admin = endpoint.client("iam", "admin")
        (metadata,) = admin.list_access_keys(UserName="ann")["AccessKeyMetadata"]
        assert metadata["CreateDate"] == key["CreateDate"]
        found = list(entries(store.events()))

    assert [each.record["eventName"] for each in found if each.record][:5] == [
        "CreatePolicy", "CreateUser", "AttachUserPolicy", "CreateAccessKey", "CreateUser"
    ]  # fmt: skip
    assert first_break(found) is None
    sources = {
        each.record["eventName"]: each.record["eventSource"] for each in found if each.record
    }
    assert sources["CreateUser"] == "iam.amazonaws.com"
    assert sources["DescribeKey"] == "kms.amazonaws.com"
    failed = found[4].record
    assert failed is not None
    assert failed["errorCode"] == "EntityAlreadyExists"
    assert key["SecretAccessKey"] not in json.dumps([each.record for each in found], default=dict)

    folder = str(tmp_path / "logs")
    assert run(["audit", "export", str(tmp_path / "state.db"), "--output", folder]) == 0
    assert run(["audit", "verify", folder]) == 0
