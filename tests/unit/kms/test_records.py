"""The state as rows and back: nothing is left out, nothing is written that did not change."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from typing import Any

import pytest

from kms import Account, Endpoint, Identity, Key, KeyOrigin, Session, State, SystemEntropy
from kms.directory import (
    AccessKey,
    Directory,
    IamEntry,
    ManagedPolicy,
    PolicyVersion,
    TemporaryKey,
)
from kms.ordered import SortedSet
from kms.records import FOLLOWING, KINDS, Records, Row
from kms.store import DamagedStore, NewerStore
from kms.vault import Vault
from policy import Level, PolicyKind, Source, parse
from tests.kms_world import (
    ACCOUNT,
    ALLOW_ALL,
    PENDING_IMPORT,
    START,
    World,
    arn,
    document,
    role_arn,
    user_arn,
)

RECORDS = Records(Vault(bytes(32), SystemEntropy()))


def shape(value: Any) -> Any:
    """Return a value in which tables and sets are equal that hold the same."""
    if isinstance(value, SortedSet):
        return list(value)
    if isinstance(value, State | Directory):
        return {each.name: shape(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {name: shape(each) for name, each in value.items()}
    if hasattr(value, "by_id"):
        return shape(value.by_id), list(value.order)
    return value


def reread(rows: Iterable[Row], state: State | None = None) -> State:
    return RECORDS.applied(state or State(), rows)


def busy_world() -> World:
    """Return a world that has something of everything."""
    world = World()
    world.user("keeper", access_keys=(AccessKey("AKIA" + "2" * 16, b"s" * 40),))
    session = world.session("worker", ALLOW_ALL, tags={"team": "blue"})
    temporary = TemporaryKey(
        "ASIA" + "2" * 16,
        b"t" * 40,
        b"the token of a session",
        arn(user_arn("keeper")),
        "AIDA",
        START,
        Session(arn(role_arn("x")), arn(role_arn("y"))),
        {"aws:x": "y"},
    )
    world.direct(lambda each: each.with_temporary_key(temporary, START))
    guard = parse(document(ALLOW_ALL), name="guard", kind=PolicyKind.SCP)
    account = Account(
        ACCOUNT, "main", organization="o-1", path="o-1/r-1/", scps=(Level("r-1", (guard,)),)
    )
    given = Session(
        session.arn or arn(role_arn("x")),
        arn(role_arn("worker")),
        facts={"aws:x": ("a", "b"), "aws:y": "z"},
    )
    world.direct(lambda each: each.with_account(account).with_session(given))
    world.direct(lambda each: each.with_group("arn:group", (guard,)))
    world.direct(lambda each: each.with_endpoint(Endpoint("vpce-1", ACCOUNT, "vpc-1", guard)))
    edge = ManagedPolicy(
        arn(f"arn:aws:iam::{ACCOUNT}:policy/edge"),
        "ANPA1",
        START,
        (PolicyVersion("v1", document(ALLOW_ALL), START),),
        "v1",
        tags={"a": "b"},
    )
    entry = IamEntry(START, "AGPA1", "a description", 7200)
    world.direct(lambda each: each.with_managed_policy(edge).with_iam(arn(role_arn("x")), entry))
    key, mrk = world.key(), world.key(multi_region=True)
    world.key("RSA_2048", tags=(("b", "1"), ("a", "2")))
    world.alias("alias/one", key)
    for number in range(3):
        world.do("CreateGrant", KeyId=str(key.arn), GranteePrincipal="444455556666",
                 RetiringPrincipal=user_arn("keeper"), Operations=["Encrypt"],
                 Name=str(number))  # fmt: skip
    world.do("Encrypt", KeyId=str(key.arn), Plaintext=b"x")
    world.replica(world.key(multi_region=True))
    world.do("ScheduleKeyDeletion", KeyId=str(mrk.arn))
    importing(world)
    return world


def importing(world: World) -> Key:
    """Return a key that waits for material, and has a wrapping key for it."""
    key = world.key(state=PENDING_IMPORT, origin=KeyOrigin.EXTERNAL)
    world.do(
        "GetParametersForImport",
        KeyId=str(key.arn),
        WrappingAlgorithm="RSAES_OAEP_SHA_256",
        WrappingKeySpec="RSA_2048",
    )
    return key


def test_every_part_of_the_state_is_kept_or_follows_from_what_is_kept() -> None:
    parts = {each.name for owner in (State, Directory) for each in fields(owner)}

    assert parts == {kind.part for kind in KINDS.values()} | FOLLOWING | {"directory"}


def test_all_that_is_kept_comes_back() -> None:
    state = busy_world().state
    for owner in (state, state.directory):
        assert all(getattr(owner, part.name) for part in fields(owner) if part.name != "directory")

    assert shape(reread(RECORDS.changes(State(), state))) == shape(state)


def test_a_state_follows_another_step_by_step() -> None:
    """What one process does, the next one repeats from rows alone."""
    world = busy_world()
    copy, before = State(), State()
    key = next(key for key in world.state.keys.values() if world.state.aliases_of(key))
    grant = next(iter(world.state.grants_of(str(key.arn)).by_id.values()))
    other = world.key()
    steps: list[tuple[str, dict[str, Any]]] = [
        ("TagResource", {"KeyId": key.id, "Tags": [{"TagKey": "a", "TagValue": "b"}]}),
        ("UpdateAlias", {"AliasName": "alias/one", "TargetKeyId": other.id}),
        ("RevokeGrant", {"KeyId": str(key.arn), "GrantId": grant.id}),
        ("DeleteAlias", {"AliasName": "alias/one"}),
        ("CreateAlias", {"AliasName": "alias/one", "TargetKeyId": key.id}),
        ("DisableKey", {"KeyId": key.id}),
        ("ScheduleKeyDeletion", {"KeyId": key.id, "PendingWindowInDays": 7}),
        ("CreateKey", {}),
    ]
    for operation, parameters in steps:
        world.do(operation, **parameters)
        copy, before = reread(RECORDS.changes(before, world.state), copy), world.state
        assert shape(copy) == shape(world.state), operation
    world.advance(days=40)
    world.service.settle()
    rows = list(RECORDS.changes(before, world.state))

    assert key.arn not in world.state.keys
    assert shape(reread(rows, copy)) == shape(world.state)
    assert shape(reread(reversed(rows), copy)) == shape(world.state)


def test_one_change_is_one_row() -> None:
    world = busy_world()
    before = world.state
    key = world.key()
    added = list(RECORDS.changes(before, world.state))
    before = world.state
    world.do(
        "CreateGrant", KeyId=str(key.arn), GranteePrincipal="444455556666", Operations=["Encrypt"]
    )
    granted = list(RECORDS.changes(before, world.state))

    assert [(row.kind, row.name) for row in added] == [("key", str(key.arn))]
    assert [row.kind for row in granted] == ["grant"]
    assert list(RECORDS.changes(world.state, world.state)) == []


def key_row(seed: int = 1) -> Row:
    world = World(seed=seed)
    before = world.state
    world.key()
    (row,) = RECORDS.changes(before, world.state)
    return row


def test_material_is_sealed_and_the_text_holds_none_of_it() -> None:
    world = World()
    before = world.state
    key = world.key()
    (row,) = RECORDS.changes(before, world.state)

    secret = key.current_material.secret
    assert row.sealed is not None
    assert row.body is not None
    assert secret not in row.sealed
    assert secret.hex() not in row.body


def test_secrets_of_access_keys_are_sealed() -> None:
    """CORE K-202."""
    rows = list(RECORDS.changes(State(), busy_world().state))
    text = "".join(str(row.body) for row in rows)

    assert '"AKIA2222222222222222"' in text
    assert '"ASIA2222222222222222"' in text
    for secret in ("s" * 40, "t" * 40, "the token of a session"):
        assert secret not in text


def test_a_policy_that_is_a_part_of_a_larger_file_comes_back() -> None:
    """So is each policy of a world that is written in YAML."""
    own = parse(document(ALLOW_ALL), name="own", kind=PolicyKind.IDENTITY_POLICY)
    part = replace(own, source=Source("world.yaml", f"policies: {own.source.text}"))
    long = replace(own, source=Source("details.json", own.source.text + " " * 70_000))
    state = State(Directory().with_identity(Identity(arn(user_arn("a")), "AIDA", (part, long))))

    (identity,) = reread(RECORDS.changes(State(), state)).directory.identities.values()

    assert [each.name for each in identity.policies] == ["own", "own"]
    for policy in identity.policies:
        assert json.loads(policy.source.text)["Statement"][0]["Action"] == ["kms:*"]


def test_a_record_whose_sealed_part_is_gone_or_another_is_damaged() -> None:
    row, other = key_row(), key_row(seed=2)

    for sealed in (None, b"", other.sealed):
        with pytest.raises(DamagedStore, match=r"the record of key .* was changed"):
            reread([replace(row, sealed=sealed)])


def test_material_does_not_open_under_another_policy_or_name() -> None:
    row = key_row()
    assert row.body is not None
    data = json.loads(row.body)
    data["policy"] = document(ALLOW_ALL)

    for changed in (
        replace(row, body=json.dumps(data, separators=(",", ":"))),
        replace(row, name=row.name[:-1] + "0"),
        replace(row, body=row.body + " "),
    ):
        with pytest.raises(DamagedStore):
            reread([changed])


@pytest.mark.parametrize("body", ["", "[]", "{}", "null", '{"arn": 3}', "[" * 100_000])
def test_what_is_no_record_is_damaged(body: str) -> None:
    with pytest.raises(DamagedStore):
        reread([Row("alias", "alias/x", body)])


def test_what_a_newer_version_wrote_is_said_to_be_newer() -> None:
    with pytest.raises(NewerStore, match="unknown here: rocket"):
        reread([Row("rocket", "x", "{}")])
    with pytest.raises(NewerStore, match="Account has no `colour`"):
        reread([Row("account", ACCOUNT, json.dumps({"id": ACCOUNT, "colour": "red"}))])


def test_what_was_never_there_can_be_gone() -> None:
    for kind in KINDS:
        assert reread([Row(kind, "arn:nothing#x", None)]) == State()


def test_a_field_that_was_added_later_gets_its_default() -> None:
    alias = {"arn": f"arn:aws:kms:eu-west-1:{ACCOUNT}:alias/a", "target_key_arn": "t",
             "created_at": START.isoformat(), "updated_at": START.isoformat()}  # fmt: skip
    account = reread([Row("account", ACCOUNT, json.dumps({"id": ACCOUNT}))])
    state = reread([Row("alias", alias["arn"], json.dumps(alias))])

    assert account.directory.accounts[ACCOUNT] == Account(ACCOUNT)
    assert state.aliases[alias["arn"]].updated_at == START
