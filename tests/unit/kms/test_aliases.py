"""CreateAlias, UpdateAlias, DeleteAlias and ListAliases (CORE K-161 to K-168)."""

from __future__ import annotations

import datetime as dt

import pytest

from kms import Key, KeyUsage, Settings, aliases
from kms.managed_keys import SERVICES
from tests.kms_world import (
    ACCOUNT,
    ALLOW_ALL,
    ELSEWHERE,
    OTHER,
    PENDING_DELETION,
    REGION,
    ROOT,
    START,
    Json,
    World,
    document,
    key_statement,
    user_arn,
)

HERE = f"arn:aws:kms:{REGION}:{ACCOUNT}"
PREFIX = (
    'Alias must start with the prefix "alias/". Please see '
    "https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html"
)
NAMED = ("CreateAlias", "UpdateAlias", "DeleteAlias")


def request(operation: str, name: str, key: Key) -> Json:
    target = {} if operation == "DeleteAlias" else {"TargetKeyId": key.id}
    return {"AliasName": name, **target}


def make(world: World, name: str, key: Key) -> None:
    assert world.do("CreateAlias", AliasName=name, TargetKeyId=key.id) == {}


def points_at(world: World, name: str) -> str:
    arn: str = world.do("DescribeKey", KeyId=name)["KeyMetadata"]["Arn"]
    return arn


# Names (CORE K-162)

BAD_NAMES: dict[str, tuple[str, str, str | None]] = {
    "2 no prefix": ("myalias", "ValidationException", PREFIX),
    "2 prefix in capitals": ("Alias/x", "ValidationException", PREFIX),
    "2 an ARN": (f"{HERE}:alias/x", "ValidationException", PREFIX),
    "2 prefix without its slash": ("alias", "ValidationException", PREFIX),
    "3 nothing after the prefix": (
        "alias/",
        "ValidationException",
        "alias/ contains invalid characters for an alias",
    ),
    "4 reserved": ("alias/aws/x", "NotAuthorizedException", None),
    "4 reserved, nothing after it": ("alias/aws/", "NotAuthorizedException", None),
    "4 reserved, with a colon": ("alias/aws/a:b", "NotAuthorizedException", None),
    "5 a colon": (
        "alias/a:b",
        "ValidationException",
        "alias/a:b contains invalid characters for an alias",
    ),
}


@pytest.mark.parametrize(("name", "code", "message"), BAD_NAMES.values(), ids=BAD_NAMES)
@pytest.mark.parametrize("operation", NAMED)
def test_a_name_that_no_alias_can_have_is_refused(
    world: World, key: Key, operation: str, name: str, code: str, message: str | None
) -> None:
    """CORE K-162, K-166."""
    assert world.told(operation, **request(operation, name, key)) == (code, message)


@pytest.mark.parametrize("name", ["", "alias/a b", "alias/é", "alias/a.b", "alias/" + "x" * 251])
@pytest.mark.parametrize("operation", NAMED)
def test_letters_and_length_are_those_of_the_model(
    world: World, key: Key, operation: str, name: str
) -> None:
    """CORE K-162.1."""
    code, message = world.told(operation, **request(operation, name, key))

    assert code == "ValidationException"
    assert "at 'aliasName' failed to satisfy constraint" in str(message)


@pytest.mark.parametrize(
    "name",
    ["alias/a", "alias/aws", "alias/awsfoo", "alias/AWS/x", "alias/a/b_-9", "alias/" + "x" * 250],
)
def test_a_name_that_an_alias_can_have_is_taken(world: World, key: Key, name: str) -> None:
    """CORE K-162.4."""
    make(world, name, key)

    assert points_at(world, name) == str(key.arn)


@pytest.mark.parametrize("operation", NAMED)
def test_a_bad_name_is_told_before_anyone_is_asked(world: World, key: Key, operation: str) -> None:
    """CORE K-32.5, K-164."""
    reply = world.ask(operation, world.user("bob"), **request(operation, "myalias", key))

    assert (reply.decisions, getattr(reply.error, "message", None)) == ((), PREFIX)


# CreateAlias (CORE K-163, K-164)


def test_a_new_alias_was_made_and_changed_now(world: World, key: Key) -> None:
    """CORE K-164, K-167."""
    world.advance(seconds=5)
    make(world, "alias/a", key)

    assert world.do("ListAliases", KeyId=key.id) == {
        "Aliases": [
            {
                "AliasName": "alias/a",
                "AliasArn": f"{HERE}:alias/a",
                "TargetKeyId": key.id,
                "CreationDate": START + dt.timedelta(seconds=5),
                "LastUpdatedDate": START + dt.timedelta(seconds=5),
            }
        ],
        "Truncated": False,
    }
    assert world.found(key) is key


@pytest.mark.parametrize("form", ["{0.id}", "{0.arn}"])
def test_an_alias_is_pointed_at_a_key_by_id_or_arn(world: World, key: Key, form: str) -> None:
    world.do("CreateAlias", AliasName="alias/a", TargetKeyId=form.format(key))

    assert points_at(world, "alias/a") == str(key.arn)


@pytest.mark.parametrize("same", [True, False])
def test_a_name_that_is_taken_cannot_be_made_again(world: World, key: Key, same: bool) -> None:
    """CORE K-55, K-164: not even for the same key."""
    make(world, "alias/a", key)
    other = key if same else world.key()

    assert world.told("CreateAlias", AliasName="alias/a", TargetKeyId=other.id) == (
        "AlreadyExistsException",
        f"An alias with the name {HERE}:alias/a already exists",
    )


def test_the_state_is_told_before_the_duplicate_and_that_before_the_quota(
    world: World, key: Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CORE K-164."""
    make(world, "alias/a", key)
    pending = world.key(state=PENDING_DELETION)
    monkeypatch.setattr(aliases, "MAX_ALIASES", 0)

    told = [
        world.told("CreateAlias", AliasName=name, TargetKeyId=each.id)
        for name, each in (("alias/a", pending), ("alias/a", key), ("alias/b", key))
    ]

    assert [code for code, _ in told] == [
        "KMSInvalidStateException",
        "AlreadyExistsException",
        "LimitExceededException",
    ]


def test_a_key_has_fifty_names_and_no_more(world: World, key: Key) -> None:
    """CORE K-53, K-161."""
    for number in range(50):
        make(world, f"alias/{number}", key)
    other = world.key()
    make(world, "alias/other", other)

    assert world.told("CreateAlias", AliasName="alias/more", TargetKeyId=key.id) == (
        "LimitExceededException",
        None,
    )
    assert world.told("UpdateAlias", AliasName="alias/other", TargetKeyId=key.id) == (
        "LimitExceededException",
        None,
    )
    assert world.do("UpdateAlias", AliasName="alias/0", TargetKeyId=key.id) == {}
    free = World(Settings(enforce_quotas=False), state=world.state, seed=2)
    make(free, "alias/more", key)
    world.do("UpdateAlias", AliasName="alias/0", TargetKeyId=other.id)
    make(world, "alias/more", key)


def test_the_same_name_may_exist_in_another_region(world: World, key: Key) -> None:
    """CORE K-161."""
    there = world.key(region=ELSEWHERE)
    make(world, "alias/a", key)

    world.do("CreateAlias", region=ELSEWHERE, AliasName="alias/a", TargetKeyId=there.id)

    assert points_at(world, "alias/a") == str(key.arn)


@pytest.mark.parametrize("operation", ["CreateAlias", "UpdateAlias"])
def test_an_alias_cannot_point_at_a_key_of_another_account(world: World, operation: str) -> None:
    """CORE K-161, K-163."""
    key = world.key(account=OTHER, policy=document(key_statement()))
    make(world, "alias/a", world.key())
    name = "alias/new" if operation == "CreateAlias" else "alias/a"

    code, message = world.told(operation, AliasName=name, TargetKeyId=str(key.arn))

    assert code == "AccessDeniedException"
    assert "on this resource because the resource does not exist in this Region" in str(message)


# UpdateAlias (CORE K-165)


def test_an_alias_is_pointed_at_another_key(world: World, key: Key) -> None:
    """CORE K-165, K-168."""
    make(world, "alias/a", key)
    new = world.key()
    world.advance(seconds=5)

    assert world.do("UpdateAlias", AliasName="alias/a", TargetKeyId=new.id) == {}

    assert points_at(world, "alias/a") == str(new.arn)
    (entry,) = world.do("ListAliases", KeyId=new.id)["Aliases"]
    assert entry["TargetKeyId"] == new.id
    assert entry["CreationDate"] == START
    assert entry["LastUpdatedDate"] == START + dt.timedelta(seconds=5)
    assert world.do("ListAliases", KeyId=key.id)["Aliases"] == []
    assert world.found(key) is key


def test_pointing_an_alias_at_its_own_key_succeeds(world: World, key: Key) -> None:
    """CORE K-55, K-165."""
    make(world, "alias/a", key)
    world.advance(seconds=5)

    assert world.do("UpdateAlias", AliasName="alias/a", TargetKeyId=key.id) == {}

    entry = world.do("ListAliases")["Aliases"][0]
    assert entry["LastUpdatedDate"] == START + dt.timedelta(seconds=5)


@pytest.mark.parametrize("operation", ["UpdateAlias", "DeleteAlias"])
def test_an_alias_that_is_not_there_is_not_found(world: World, key: Key, operation: str) -> None:
    """CORE K-165, K-166."""
    told = world.told(operation, **request(operation, "alias/none", key))

    assert told == ("NotFoundException", f"Alias {HERE}:alias/none is not found.")


def test_the_alias_is_looked_for_before_its_new_key(world: World) -> None:
    """CORE K-165."""
    told = world.told("UpdateAlias", AliasName="alias/none", TargetKeyId="foo")

    assert told[1] == f"Alias {HERE}:alias/none is not found."


KINDS: list[tuple[str, KeyUsage]] = [
    ("SYMMETRIC_DEFAULT", KeyUsage.ENCRYPT_DECRYPT),
    ("RSA_2048", KeyUsage.ENCRYPT_DECRYPT),
    ("RSA_2048", KeyUsage.SIGN_VERIFY),
    ("ECC_NIST_P256", KeyUsage.SIGN_VERIFY),
    ("ECC_NIST_P256", KeyUsage.KEY_AGREEMENT),
    ("HMAC_256", KeyUsage.GENERATE_VERIFY_MAC),
]


def kind(spec: str) -> str:
    words = {"SYMMETRIC_DEFAULT": "SYMMETRIC", "HMAC_256": "HMAC"}
    return words.get(spec, "ASYMMETRIC")


@pytest.mark.parametrize("old", KINDS, ids="-".join)
@pytest.mark.parametrize("new", KINDS, ids="-".join)
def test_an_alias_stays_with_keys_of_one_kind_and_usage(
    world: World, old: tuple[str, KeyUsage], new: tuple[str, KeyUsage]
) -> None:
    """CORE K-165, 13."""
    make(world, "alias/a", world.key(*old))
    target = world.key(*new)
    error = world.ask("UpdateAlias", AliasName="alias/a", TargetKeyId=target.id).error

    if (kind(old[0]), old[1]) == (kind(new[0]), new[1]):
        assert error is None
        return
    was, to = (old[1], new[1]) if old[1] != new[1] else (kind(old[0]), kind(new[0]))
    assert error is not None
    assert (error.code, error.message) == (
        "ValidationException",
        f"Alias {HERE}:alias/a cannot be changed from a CMK with key usage {was} to a CMK with "
        f"key usage {to}. The key usage of the current CMK and the new CMK must be the same.",
    )


def test_another_kind_is_told_before_the_state_of_the_new_key(world: World, key: Key) -> None:
    """CORE K-165."""
    make(world, "alias/a", key)
    wrong = world.key("HMAC_256", state=PENDING_DELETION)
    right = world.key(state=PENDING_DELETION)

    told = [
        world.told("UpdateAlias", AliasName="alias/a", TargetKeyId=each.id)[0]
        for each in (wrong, right)
    ]

    assert told == ["ValidationException", "KMSInvalidStateException"]


def test_manual_rotation_points_the_name_at_a_new_key(world: World, key: Key) -> None:
    """CORE K-127."""
    make(world, "alias/a", key)
    old = world.do("Encrypt", KeyId="alias/a", Plaintext=b"old")["CiphertextBlob"]
    world.do("UpdateAlias", AliasName="alias/a", TargetKeyId=world.key().id)

    assert world.do("Decrypt", CiphertextBlob=old)["Plaintext"] == b"old"
    assert world.told("Decrypt", CiphertextBlob=old, KeyId="alias/a")[0] == "IncorrectKeyException"


# DeleteAlias (CORE K-166)


def test_a_name_goes_and_its_key_stays(world: World, key: Key) -> None:
    """CORE K-161, K-166."""
    make(world, "alias/a", key)

    assert world.do("DeleteAlias", AliasName="alias/a") == {}

    assert world.told("DescribeKey", KeyId="alias/a")[0] == "NotFoundException"
    assert world.found(key) is key
    assert world.told("DeleteAlias", AliasName="alias/a")[0] == "NotFoundException"


# Who may (AUTH K-3, K-8, K-49, K-63)


@pytest.mark.parametrize("operation", NAMED)
def test_both_alias_and_keys_must_allow(operation: str) -> None:
    """AUTH K-63: the alias by identity policies, the keys by their policies as well."""
    world = World()
    allowing = document(key_statement(principal=[ROOT, user_arn("admin")]))
    old, new = world.key(policy=allowing), world.key(policy=allowing)
    if operation != "CreateAlias":
        world.alias("alias/a", old)
    parameters = request(operation, "alias/a", new)
    keys = {"CreateAlias": [new], "UpdateAlias": [old, new], "DeleteAlias": [old]}[operation]
    resources = [f"{HERE}:alias/a", *(str(key.arn) for key in keys)]

    for missing in resources:
        allowed = [resource for resource in resources if resource != missing]
        bob = world.user("bob", {**ALLOW_ALL, "Resource": allowed})
        assert world.told(operation, bob, **parameters)[1] == (
            f"User: {user_arn('bob')} is not authorized to perform: kms:{operation} on resource: "
            f"{missing} because no identity-based policy allows the kms:{operation} action"
        )
    bob = world.user("bob", {**ALLOW_ALL, "Resource": resources})
    for key in keys:
        world.set_policy(key, key_statement(principal=ROOT), key_statement("Deny"))
        message = world.told(operation, bob, **parameters)[1]
        assert str(message).endswith(f"{key.arn} with an explicit deny in a resource-based policy")
        world.put(key)
    assert world.do(operation, bob, **parameters) == {}


def test_the_policy_of_a_key_has_no_say_about_its_name(world: World, key: Key) -> None:
    """AUTH L-40."""
    bob = world.user("bob", {**ALLOW_ALL, "Resource": "arn:aws:kms:*:*:key/*"})
    world.set_policy(key, key_statement())

    message = world.told("CreateAlias", bob, AliasName="alias/a", TargetKeyId=key.id)[1]

    assert f"on resource: {HERE}:alias/a" in str(message)


def test_an_alias_counts_for_access_at_once(world: World, key: Key) -> None:
    """CORE K-171, AUTH J-67, J-73."""
    condition = {"ForAnyValue:StringEquals": {"kms:ResourceAliases": "alias/pay"}}
    bob = world.user("bob", {**ALLOW_ALL, "Condition": condition})
    carol = world.user(
        "carol", {**ALLOW_ALL, "Condition": {"StringEquals": {"kms:RequestAlias": "alias/pay"}}}
    )
    assert world.told("DescribeKey", bob, KeyId=key.id)[0] == "AccessDeniedException"

    make(world, "alias/pay", key)

    assert world.do("DescribeKey", bob, KeyId=key.id)
    assert world.do("DescribeKey", carol, KeyId="alias/pay")
    assert world.told("DescribeKey", carol, KeyId=key.id)[0] == "AccessDeniedException"


# ListAliases (CORE K-51, K-167)


def test_a_place_without_aliases_lists_those_that_are_there_from_the_start(
    world: World, key: Key
) -> None:
    """CORE K-19, K-56, K-167."""
    assert world.do("ListAliases") == {
        "Aliases": [
            {"AliasName": f"alias/aws/{service}", "AliasArn": f"{HERE}:alias/aws/{service}"}
            for service in SERVICES
        ],
        "Truncated": False,
    }
    assert world.do("ListAliases", KeyId=key.id) == {"Aliases": [], "Truncated": False}


def test_aliases_are_listed_by_name_of_one_place(world: World, key: Key) -> None:
    """CORE K-51, K-167."""
    for name in ("alias/b", "alias/B", "alias/a"):
        make(world, name, key)
    world.alias("alias/there", world.key(region=ELSEWHERE))
    world.alias("alias/foreign", world.key(account=OTHER))

    listed = [entry["AliasName"] for entry in world.do("ListAliases")["Aliases"]]

    predefined = [f"alias/aws/{service}" for service in SERVICES]
    assert listed == ["alias/B", "alias/a", *predefined, "alias/b"]


@pytest.mark.parametrize("form", ["{0.id}", "{0.arn}"])
def test_aliases_can_be_listed_of_one_key(world: World, key: Key, form: str) -> None:
    """CORE K-10, K-167."""
    make(world, "alias/a", key)
    make(world, "alias/b", world.key())

    listed = world.do("ListAliases", KeyId=form.format(key))["Aliases"]

    assert [(entry["AliasName"], entry["TargetKeyId"]) for entry in listed] == [("alias/a", key.id)]


@pytest.mark.parametrize("of_key", [True, False])
def test_aliases_come_in_pages(world: World, key: Key, of_key: bool) -> None:
    """CORE K-51, K-52."""
    for letter in "abcde":
        make(world, f"alias/{letter}", key)
    parameters: Json = {"Limit": 2} | ({"KeyId": key.id} if of_key else {})
    expected = [f"alias/{letter}" for letter in "abcde"]
    if not of_key:
        expected[1:1] = [f"alias/aws/{service}" for service in SERVICES]
    seen: list[str] = []
    while True:
        output = world.do("ListAliases", **parameters)
        seen += [entry["AliasName"] for entry in output["Aliases"]]
        if not output["Truncated"]:
            break
        parameters["Marker"] = output["NextMarker"]
        if not seen[-1].startswith("alias/aws/"):
            world.do("DeleteAlias", AliasName=seen[-1])

    assert seen == expected


def test_a_page_of_aliases_has_fifty_by_default_and_a_hundred_at_most(world: World) -> None:
    """CORE K-45."""
    for number in range(101):
        world.alias(f"alias/{number:03}", world.key())

    assert len(world.do("ListAliases")["Aliases"]) == 50
    assert len(world.do("ListAliases", Limit=1000)["Aliases"]) == 100


def test_a_marker_belongs_to_its_filter(world: World, key: Key) -> None:
    """CORE K-52."""
    for letter in "abc":
        make(world, f"alias/{letter}", key)
    marker = world.do("ListAliases", Limit=1)["NextMarker"]
    of_key = world.do("ListAliases", KeyId=key.id, Limit=1)["NextMarker"]

    for parameters in ({"KeyId": key.id, "Marker": marker}, {"Marker": of_key}):
        assert world.told("ListAliases", **parameters) == ("InvalidMarkerException", None)
