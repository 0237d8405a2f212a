"""What a key policy must be like before it is saved (CORE K-78, AUTH chapter 14)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from kms import Key, Settings
from kms.policy_checks import MAX_BYTES, bound_ids, default_policy
from policy import PolicyKind, parse
from tests.kms_world import (
    ACCOUNT,
    ALLOW_ALL,
    DISABLED,
    OTHER,
    PENDING_DELETION,
    PENDING_IMPORT,
    ROOT,
    Json,
    World,
    document,
    key_statement,
    role_arn,
    user_arn,
)

LOCKOUT = (
    "MalformedPolicyDocumentException",
    "The new key policy will not allow you to update the key policy in the future.",
)
INVALID_PRINCIPALS = (
    "MalformedPolicyDocumentException",
    "Policy contains a statement with one or more invalid principals.",
)
INVALID_ARN = ("InvalidArnException", "An ARN in the specified key policy is invalid.")
MALFORMED = "MalformedPolicyDocumentException"
DELEGATION = key_statement(principal=ROOT)

Save = Callable[..., Any]


@pytest.fixture(params=["PutKeyPolicy", "CreateKey"])
def save(request: pytest.FixtureRequest, world: World, key: Key) -> Save:
    """Try to save a policy; return the error's code and message, or None (AUTH P-1)."""
    named = {"KeyId": key.id} if request.param == "PutKeyPolicy" else {}

    def save(policy: str, *, by: Any = None, **more: Any) -> Any:
        before = world.state
        error = world.ask(request.param, by, Policy=policy, **named, **more).error
        if error is None:
            assert policy in {each.policy for each in world.state.keys.values()}
            return None
        assert world.state is before
        return error.code, error.message

    return save


# Size and letters (AUTH P-3, P-4)


def test_a_policy_has_so_many_bytes_and_no_more(save: Save) -> None:
    """CORE K-45, K-78.1, AUTH P-4: bytes, not letters."""
    text = document(DELEGATION)
    ascii_only = text + " " * (MAX_BYTES - len(text))
    letters = (MAX_BYTES - len(document({**DELEGATION, "Sid": ""}))) // 2
    two_bytes = json.dumps(
        {"Version": "2012-10-17", "Statement": [{**DELEGATION, "Sid": "é" * (letters + 1)}]},
        ensure_ascii=False,
    )

    assert MAX_BYTES == 32_768
    assert save(ascii_only) is None
    assert save(ascii_only + " ")[0] == "LimitExceededException"
    assert len(two_bytes) < MAX_BYTES
    assert save(two_bytes)[0] == "LimitExceededException"


def test_size_is_told_before_anything_else_in_the_document(save: Save) -> None:
    """CORE K-78, 1 before 3."""
    assert save("{" * (MAX_BYTES + 1))[0] == "LimitExceededException"


@pytest.mark.parametrize("text", ["", "{} 名", "{}\x00", "{}\x7f\u0100"])
def test_letters_outside_of_latin_1_break_the_model(save: Save, text: str) -> None:
    """CORE K-78.2, AUTH P-3."""
    assert save(text)[0] == "ValidationException"


def test_more_than_the_model_takes_breaks_the_model(save: Save) -> None:
    """AUTH P-3."""
    assert save("x" * 131_073)[0] == "ValidationException"


# Grammar (AUTH P-6, P-7, P-9, P-10)


def without(member: str) -> Json:
    return {name: value for name, value in DELEGATION.items() if name != member}


BROKEN: dict[str, str] = {
    "P-6 no JSON": "{",
    "P-6 no object": "[]",
    "P-6 a text": '"x"',
    "P-6 more behind": "{} {}",
    "P-6 a member twice": '{"Version": "2012-10-17", "Version": "2012-10-17", "Statement": []}',
    "P-7 no statement": json.dumps({"Version": "2012-10-17"}),
    "P-7 empty statement": json.dumps({"Version": "2012-10-17", "Statement": []}),
    "P-7 version": json.dumps({"Version": "2011-01-01", "Statement": [DELEGATION]}),
    "P-7 no effect": document(without("Effect")),
    "P-7 effect in lower case": document({**DELEGATION, "Effect": "allow"}),
    "P-7 unknown element": document({**DELEGATION, "Actions": "kms:*"}),
    "P-7 unknown operator": document({**DELEGATION, "Condition": {"Like": {"aws:username": "x"}}}),
    "P-9 no principal": document(without("Principal")),
    "P-10 no service": document({**DELEGATION, "Action": ["kms:Encrypt", "Decrypt"]}),
    "P-10 no service, negated": document({**without("Action"), "NotAction": "Decrypt"}),
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_a_document_that_is_no_policy_is_malformed(save: Save, text: str) -> None:
    """CORE K-78.3, AUTH P-6, P-7, P-9, P-10."""
    code, message = save(text)

    assert code == MALFORMED
    assert message


def test_the_message_for_a_broken_document_says_where(world: World, key: Key) -> None:
    text = '{\n  "Version": "2012-10-17",\n  "Statement": [{"Effect": "allow"}]\n}'

    message = world.told("PutKeyPolicy", KeyId=key.id, Policy=text)[1]

    assert str(message).startswith("line 3, column ")
    assert "\n" not in str(message)


FINE: dict[str, Json] = {
    "P-8 no action": without("Action"),
    "P-8 no resource": without("Resource"),
    "P-8 another service": {**DELEGATION, "Action": "s3:GetObject"},
    "P-8 unknown action": {**DELEGATION, "Action": "kms:Frobnicate"},
    "P-8 another key": {**DELEGATION, "Resource": f"arn:aws:kms:us-east-1:{OTHER}:key/x"},
    "P-8 without effect in key policies": {
        **DELEGATION,
        "Action": ["kms:ListKeys", "kms:RetireGrant"],
    },
    "K-78.4 blanks in a Sid": {**DELEGATION, "Sid": "Allow it all"},
    "P-10 every action": {**DELEGATION, "Action": "*"},
    "P-14 a session": {
        **DELEGATION,
        "Principal": {"AWS": f"arn:aws:sts::{ACCOUNT}:assumed-role/No/x"},
    },
    "P-14 a service": {**DELEGATION, "Principal": {"Service": "nobody.amazonaws.com"}},
    "K-78.6 another account": {**DELEGATION, "Principal": {"AWS": user_arn("x", "9" * 12)}},
    "E-2 an account": {**DELEGATION, "Principal": {"AWS": "9" * 12}},
    "E-8 a provider": {**DELEGATION, "Principal": {"Federated": "accounts.google.com"}},
    "E-24 NotPrincipal": {**without("Principal"), "NotPrincipal": {"AWS": OTHER}},
    "2008": DELEGATION,
}


@pytest.mark.parametrize("statement", FINE.values(), ids=FINE)
def test_a_useless_policy_is_accepted(save: Save, statement: Json) -> None:
    """CORE K-78.4, AUTH P-8, P-14."""
    assert save(document(DELEGATION, statement)) is None


def test_the_older_version_is_a_version(save: Save) -> None:
    """CORE K-78.3."""
    assert save(json.dumps({"Version": "2008-10-17", "Statement": DELEGATION})) is None


# Conditions (AUTH P-15)


@pytest.mark.parametrize(
    ("name", "refused"),
    [
        ("kms:EncryptionContext:tenant", True),
        ("KMS:encryptioncontext:Tenant", True),
        ("aws:RequestTag/team", True),
        ("aws:TagKeys", False),
        ("kms:EncryptionContextKeys", False),
        ("kms:GrantOperations", False),
    ],
)
@pytest.mark.parametrize("effect", ["Allow", "Deny"])
def test_for_all_values_of_a_single_value_is_refused(
    save: Save, name: str, refused: bool, effect: str
) -> None:
    """AUTH P-15."""
    condition = {"ForAllValues:StringEquals": {name: ["x"]}}
    answer = save(document(DELEGATION, key_statement(effect, OTHER, Condition=condition)))

    if not refused:
        assert answer is None
        return
    assert answer[0] == MALFORMED
    assert answer[1].startswith("OverlyPermissiveCondition: Using the ForAllValues set operator")
    assert answer[1].endswith("To fix, remove ForAllValues.")


@pytest.mark.parametrize("operator", ["StringEquals", "ForAnyValue:StringEquals"])
def test_other_operators_may_look_at_a_single_value(save: Save, operator: str) -> None:
    """AUTH P-15."""
    condition = {operator: {"kms:EncryptionContext:tenant": ["x"]}}

    assert save(document(DELEGATION, key_statement(principal=OTHER, Condition=condition))) is None


# Principals (AUTH P-11 to P-14)


def naming(*principals: Any, **more: Any) -> str:
    return document(DELEGATION, key_statement(principal=list(principals), **more))


@pytest.mark.parametrize(
    "principal", ["12345", "alice", "arn:aws:iam", f"arn:aws:s3::{ACCOUNT}:bucket/x", "9" * 13]
)
def test_what_is_no_arn_of_a_principal_is_an_invalid_arn(save: Save, principal: str) -> None:
    """CORE K-78.5."""
    assert save(naming(principal)) == INVALID_ARN


@pytest.mark.parametrize(
    "principal",
    [
        user_arn("nobody"), role_arn("Nobody"), "AIDANOBODY", "AROANOBODY",
        f"arn:aws:iam::{ACCOUNT}:group/devs", f"arn:aws:iam::{ACCOUNT}:user/a*",
        "arn:aws:iam::*:root",
    ],
)  # fmt: skip
@pytest.mark.parametrize("effect", ["Allow", "Deny"])
def test_principals_that_do_not_exist_are_refused(save: Save, principal: str, effect: str) -> None:
    """CORE K-78.6, AUTH P-12, E-13, E-14."""
    text = document(DELEGATION, key_statement(effect, ["*", principal], Action="kms:Sign"))

    assert save(text) == INVALID_PRINCIPALS


def test_a_canonical_user_is_no_principal(save: Save) -> None:
    """AUTH E-10."""
    text = document(DELEGATION, key_statement(principal={"CanonicalUser": "x"}))

    assert save(text) == INVALID_PRINCIPALS


def test_those_who_are_not_meant_must_exist_as_well(save: Save) -> None:
    """AUTH P-12."""
    statement = {**without("Principal"), "NotPrincipal": {"AWS": user_arn("nobody")}}

    assert save(document(DELEGATION, statement)) == INVALID_PRINCIPALS


def test_a_bad_arn_is_told_before_a_principal_that_does_not_exist(save: Save) -> None:
    """CORE K-78, 5 before 6."""
    assert save(naming(user_arn("nobody"), "12345")) == INVALID_ARN


def test_principals_are_told_before_a_lockout(save: Save) -> None:
    """CORE K-78, 6 before 7."""
    assert save(document(key_statement(principal=user_arn("nobody")))) == INVALID_PRINCIPALS


def test_a_statement_is_checked_before_principals(save: Save) -> None:
    """CORE K-78, 3 before 5."""
    assert save(naming("12345", Action="Encrypt"))[0] == MALFORMED


def test_deleted_identities_cannot_be_named_by_their_id(world: World, key: Key) -> None:
    """AUTH P-12, E-22."""
    bob = world.user("bob")
    assert bob.arn is not None
    assert bob.unique_id is not None
    policy = naming(bob.unique_id)
    world.do("PutKeyPolicy", KeyId=key.id, Policy=policy)
    assert world.do("GetKeyPolicy", KeyId=key.id)["Policy"] == policy
    gone = bob.arn
    world.direct(lambda directory: directory.without_identity(gone))

    assert world.do("GetKeyPolicy", KeyId=key.id)["Policy"] == policy
    assert world.told("PutKeyPolicy", KeyId=key.id, Policy=policy) == INVALID_PRINCIPALS


def test_principals_need_not_exist_unless_one_is_strict() -> None:
    """CORE 0, strict_principals."""
    world = World(Settings(strict_principals=False))
    key = world.key()

    world.do("PutKeyPolicy", KeyId=key.id, Policy=naming(user_arn("nobody")))

    assert world.told("PutKeyPolicy", KeyId=key.id, Policy=naming("12345")) == INVALID_ARN


# The lockout check (AUTH P-20 to P-24)


def test_who_could_not_put_a_policy_again_is_stopped(save: Save, world: World) -> None:
    """CORE K-78.7, AUTH P-20."""
    world.user("bob")
    assert save(document(key_statement(principal=user_arn("bob")))) == LOCKOUT
    assert save(document({**DELEGATION, "Action": "kms:Describe*"})) == LOCKOUT
    assert save(document(DELEGATION, key_statement("Deny", Action="kms:Put*"))) == LOCKOUT
    assert save(document(without("Action"))) == LOCKOUT
    assert save(document({**DELEGATION, "Resource": "arn:aws:kms:x:1:key/y"})) == LOCKOUT


def test_the_permission_may_come_by_name_or_by_delegation(save: Save) -> None:
    """AUTH P-21."""
    assert (
        save(document(key_statement(principal=user_arn("admin"), Action="kms:PutKeyPolicy")))
        is None
    )
    assert save(document(key_statement(principal=ROOT, Action="kms:PutKeyPolicy"))) is None


def test_delegation_is_not_enough_for_whom_iam_allows_nothing(save: Save, world: World) -> None:
    """AUTH P-21."""
    make = {**ALLOW_ALL, "Action": ["kms:CreateKey", "kms:TagResource"]}
    bob = world.user("bob", make)
    for each in list(world.state.keys.values()):
        policy = key_statement(principal=user_arn("bob"), Action="kms:PutKeyPolicy")
        world.set_policy(each, DELEGATION, policy)

    assert save(document(DELEGATION), by=bob) == LOCKOUT
    assert save(document(DELEGATION), by=world.root()) is None


def test_the_root_user_passes_with_delegation_alone(save: Save, world: World) -> None:
    """AUTH P-21."""
    assert save(document(DELEGATION), by=world.root()) is None
    assert save(document(key_statement(principal=user_arn("admin"))), by=world.root()) == LOCKOUT


def test_a_denial_in_the_callers_own_policies_locks_out(world: World) -> None:
    """AUTH P-20: judged by the caller's present policies."""
    deny = {**ALLOW_ALL, "Effect": "Deny", "Action": "kms:PutKeyPolicy"}
    bob = world.user("bob", ALLOW_ALL, deny)

    assert world.told("CreateKey", bob, Policy=document(key_statement())) == LOCKOUT
    assert world.ask("CreateKey", bob).error is None  # AUTH P-22


def test_conditions_are_judged_by_the_present_call(save: Save) -> None:
    """AUTH P-21."""
    condition = {"StringEquals": {"aws:SourceVpce": "vpce-1"}}
    policy = document(key_statement(Condition=condition))

    assert save(policy) == LOCKOUT
    assert save(policy, endpoint="vpce-1") is None


def test_the_bypass_flag_is_not_seen_by_the_check_itself(save: Save) -> None:
    """AUTH P-21: absent, also when the request says false."""
    condition = {"Null": {"kms:BypassPolicyLockoutSafetyCheck": "true"}}
    policy = document(key_statement(Condition=condition))

    assert save(policy, BypassPolicyLockoutSafetyCheck=False) is None
    assert save(policy) is None


def test_a_new_policy_is_judged_by_the_identities_of_now(world: World, key: Key) -> None:
    """AUTH E-20, P-20."""
    bob = world.user("bob", {**ALLOW_ALL, "Action": "kms:Put*"})
    policy = document(key_statement(principal=user_arn("bob")))

    assert world.ask("PutKeyPolicy", bob, KeyId=key.id, Policy=policy).error is None
    anew = world.user("bob")
    assert (
        world.told("PutKeyPolicy", anew, KeyId=key.id, Policy=policy)[0] == "AccessDeniedException"
    )


def test_the_check_can_be_bypassed(save: Save, world: World) -> None:
    """AUTH P-20, P-24."""
    world.user("bob")
    nobody = document(key_statement(principal=user_arn("bob"), Action="kms:Encrypt"))

    assert save(nobody, BypassPolicyLockoutSafetyCheck=False) == LOCKOUT
    assert save(nobody, BypassPolicyLockoutSafetyCheck=True) is None


@pytest.mark.parametrize("text", [*BROKEN.values(), naming("12345"), naming(user_arn("nobody"))])
def test_nothing_but_the_lockout_check_is_bypassed(save: Save, text: str) -> None:
    """AUTH P-23."""
    assert save(text, BypassPolicyLockoutSafetyCheck=True) == save(text)


def test_a_key_that_nobody_can_manage_stays_so(world: World) -> None:
    """AUTH P-24, L-34."""
    world.user("bob")
    policy = document(key_statement(principal=user_arn("bob"), Action="kms:Encrypt"))
    made = world.do("CreateKey", Policy=policy, BypassPolicyLockoutSafetyCheck=True)
    named = {"KeyId": made["KeyMetadata"]["KeyId"], "Policy": document(DELEGATION)}

    assert world.told("PutKeyPolicy", **named)[0] == "AccessDeniedException"
    assert world.told("PutKeyPolicy", world.root(), **named)[0] == "AccessDeniedException"


@pytest.mark.parametrize(
    ("condition", "allowed"),
    [
        ({"Bool": {"kms:BypassPolicyLockoutSafetyCheck": "true"}}, {None, False}),
        ({"Null": {"kms:BypassPolicyLockoutSafetyCheck": "false"}}, {None}),
    ],
)
def test_the_flag_can_be_forbidden(
    world: World, key: Key, condition: Json, allowed: set[bool | None]
) -> None:
    """CORE K-78.8, AUTH J-88, P-23."""
    bob = world.user("bob", ALLOW_ALL, {**ALLOW_ALL, "Effect": "Deny", "Condition": condition})
    operations: dict[str, Json] = {
        "PutKeyPolicy": {"KeyId": key.id, "Policy": document(DELEGATION)},
        "CreateKey": {"Policy": document(DELEGATION)},
    }
    # The check behind the flag is made without it, so that such a policy locks nobody out.
    for operation, parameters in operations.items():
        for flag in (None, False, True):
            reply = world.ask(operation, bob, **parameters, BypassPolicyLockoutSafetyCheck=flag)
            assert (reply.error is None) is (flag in allowed), (operation, flag)


def test_an_aws_managed_key_keeps_its_policy(world: World) -> None:
    """AUTH P-5: in tests of targets, for every operation that changes a key."""
    assert world.told("PutKeyPolicy", KeyId="alias/aws/s3", Policy=document(DELEGATION)) == (
        "InvalidArnException",
        "Key Aliases are not supported for this operation.",
    )


@pytest.mark.parametrize("state", [DISABLED, PENDING_DELETION, PENDING_IMPORT])
def test_a_policy_can_be_put_in_every_state(world: World, state: Any) -> None:
    """CORE K-77, AUTH P-25."""
    key = world.key(state=state)

    assert world.do("PutKeyPolicy", KeyId=key.id, Policy=document(DELEGATION)) == {}


# Small parts


def test_the_default_policy_is_laid_out_as_the_service_does() -> None:
    """CORE K-23."""
    text = default_policy(ACCOUNT)

    assert text.splitlines()[3:5] == [
        '  "Statement" : [ {',
        '    "Sid" : "Enable IAM User Permissions",',
    ]
    assert text.endswith("  } ]\n}")
    assert parse(text, kind=PolicyKind.KEY_POLICY).id == "key-default-1"


def test_the_default_policy_names_the_partition() -> None:
    """CORE K-23."""
    assert f'"AWS" : "arn:aws-cn:iam::{ACCOUNT}:root"' in default_policy(ACCOUNT, "aws-cn")


def test_users_and_roles_are_bound_to_their_ids_and_others_are_not(world: World) -> None:
    """AUTH E-20, E-21."""
    bob, worker = world.user("bob"), world.session("worker")
    text = document(
        key_statement(principal=[ROOT, OTHER, user_arn("bob"), role_arn("worker")]),
        key_statement("Deny", [f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/work"]),
        key_statement(principal={"Service": "s3.amazonaws.com"}),
        key_statement(principal=user_arn("x", "9" * 12)),
    )

    assert bound_ids(text, world.state.directory) == {
        user_arn("bob"): bob.unique_id,
        role_arn("worker"): worker.unique_id,
    }
