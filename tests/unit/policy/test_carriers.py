"""Which actions carry which condition keys, compared with what requests are given."""

from __future__ import annotations

import pytest

from kms.condition_keys import ROWS
from policy.carriers import CARRIED, LISTED_ONLY, Presence, may_carry, presence_of
from policy.vocabulary import ACTIONS, CONDITION_KEYS


def test_requests_are_given_exactly_the_keys_that_their_actions_carry() -> None:
    given: dict[str, set[str]] = {}
    for row in ROWS:
        for key in row.keys:
            given.setdefault(key, set()).update(row.actions)
    carried = {
        key: {f"kms:{name}" for name in entry.actions}
        for key, entry in CARRIED.items()
        if key != "kms:CallerAccount"  # follows from the caller (AUTH J-60)
    }
    assert given == carried


def test_every_kms_key_and_every_tag_key_is_in_the_table() -> None:
    known = {
        key.name
        for key in CONDITION_KEYS.values()
        if key.name.startswith(("kms:", "aws:RequestTag", "aws:ResourceTag", "aws:TagKeys"))
    }
    assert known == {*CARRIED, *LISTED_ONLY}


def test_the_table_has_no_action_that_is_unknown() -> None:
    names = {action.name for action in ACTIONS.values()}
    assert all(entry.actions <= names for entry in CARRIED.values())
    assert all(actions <= names for actions in LISTED_ONLY.values())


@pytest.mark.parametrize(
    ("key", "some", "others"),
    [
        ("KMS:EncryptionContext:AppName", {"Decrypt", "CreateGrant"}, {"Sign", "DescribeKey"}),
        ("kms:viaservice", {"Decrypt", "CreateKey"}, {"ListKeys", "GenerateRandom"}),
        ("kms:CallerAccount", {"Decrypt", "CreateCustomKeyStore"}, {"ListKeys"}),
        ("aws:RequestTag/team", {"CreateKey", "TagResource"}, {"UntagResource"}),
        ("aws:ResourceTag/team", {"CreateKey"}, {"ListAliases"}),  # listed, if never there
        ("kms:KeySpec", {"RetireGrant", "CreateAlias"}, {"ListKeys"}),
    ],
)
def test_keys_are_carried_by_these_actions_and_not_by_those(
    key: str, some: set[str], others: set[str]
) -> None:
    carriers = may_carry(key)
    assert carriers is not None
    assert some <= carriers
    assert others.isdisjoint(carriers)


@pytest.mark.parametrize("key", ["aws:SourceArn", "aws:PrincipalTag/team", "kms:Unknown", "x"])
def test_other_keys_depend_on_no_action(key: str) -> None:
    assert may_carry(key) is None


@pytest.mark.parametrize(
    ("key", "presence"),
    [
        ("kms:keyspec", Presence.ALWAYS),
        ("aws:SecureTransport", Presence.ALWAYS),
        ("kms:CallerAccount", Presence.SIGNED),
        ("aws:PrincipalArn", Presence.SIGNED),
        ("kms:ViaService", Presence.SOMETIMES),
        ("aws:PrincipalTag/team", Presence.SOMETIMES),
        ("kms:Unknown", Presence.SOMETIMES),
    ],
)
def test_a_key_is_there_always_sometimes_or_for_iam_principals(
    key: str, presence: Presence
) -> None:
    assert presence_of(key) is presence
