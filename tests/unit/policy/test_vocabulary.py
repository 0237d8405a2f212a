"""The tables of actions and condition keys, compared with those of AUTH sections 9 and 10."""

from __future__ import annotations

import pytest

from policy.vocabulary import (
    ACTIONS,
    CONDITION_KEYS,
    CONTEXT_FREE_GRANT_OPERATIONS,
    GRANT_OPERATIONS,
    WITHOUT_CALLER_ACCOUNT,
    ResourceKind,
    ValueType,
    condition_key,
    hidden_from_key_policy,
    is_multivalued,
)

# K-1 to K-55: rule, IAM actions, resource, works across accounts, can be granted.
ROWS = """
    K-1  CancelKeyDeletion                     key  no   no
    K-2  ConnectCustomKeyStore                 *    no   no
    K-3  CreateAlias                           key  no   no
    K-4  CreateCustomKeyStore                  *    no   no
    K-5  CreateGrant                           key  yes  yes
    K-6  CreateKey                             *    no   no
    K-7  Decrypt                               key  yes  yes
    K-8  DeleteAlias                           key  no   no
    K-9  DeleteCustomKeyStore                  *    no   no
    K-10 DeleteImportedKeyMaterial             key  no   no
    K-11 DeriveSharedSecret                    key  yes  yes
    K-12 DescribeCustomKeyStores               *    no   no
    K-13 DescribeKey                           key  yes  yes
    K-14 DisableKey                            key  no   no
    K-15 DisableKeyRotation                    key  no   no
    K-16 DisconnectCustomKeyStore              *    no   no
    K-17 EnableKey                             key  no   no
    K-18 EnableKeyRotation                     key  no   no
    K-19 Encrypt                               key  yes  yes
    K-20 GenerateDataKey                       key  yes  yes
    K-21 GenerateDataKeyPair                   key  yes  yes
    K-22 GenerateDataKeyPairWithoutPlaintext   key  yes  yes
    K-23 GenerateDataKeyWithoutPlaintext       key  yes  yes
    K-24 GenerateMac                           key  yes  yes
    K-25 GenerateRandom                        *    no   no
    K-26 GetKeyLastUsage                       key  no   no
    K-27 GetKeyPolicy                          key  no   no
    K-28 GetKeyRotationStatus                  key  yes  no
    K-29 GetParametersForImport                key  no   no
    K-30 GetPublicKey                          key  yes  yes
    K-31 ImportKeyMaterial                     key  no   no
    K-32 ListAliases                           *    no   no
    K-33 ListGrants                            key  yes  no
    K-34 ListKeyPolicies                       key  no   no
    K-35 ListKeyRotations                      key  no   no
    K-36 ListKeys                              *    no   no
    K-37 ListResourceTags                      key  no   no
    K-38 ListRetirableGrants                   *    no   no
    K-39 PutKeyPolicy                          key  no   no
    K-40 ReEncryptFrom                         key  yes  yes
    K-40 ReEncryptTo                           key  yes  yes
    K-41 ReplicateKey                          key  no   no
    K-42 RetireGrant                           key  yes  yes
    K-43 RevokeGrant                           key  yes  no
    K-44 RotateKeyOnDemand                     key  no   no
    K-45 ScheduleKeyDeletion                   key  no   no
    K-46 Sign                                  key  yes  yes
    K-47 TagResource                           key  no   no
    K-48 UntagResource                         key  no   no
    K-49 UpdateAlias                           key  no   no
    K-50 UpdateCustomKeyStore                  *    no   no
    K-51 UpdateKeyDescription                  key  no   no
    K-52 UpdatePrimaryRegion                   key  no   no
    K-53 Verify                                key  yes  yes
    K-54 VerifyMac                             key  yes  yes
    K-55 SynchronizeMultiRegionKey             key  no   no
"""
TABLE = [row.split() for row in ROWS.strip().splitlines()]
NEWER = {"Encapsulate", "Decapsulate"}
"""Operations of the service model that are younger than the specification."""


@pytest.mark.parametrize(
    ("rule", "name", "resource", "foreign", "granted"), TABLE, ids=lambda text: text
)
def test_an_action_is_as_its_row_says(
    rule: str, name: str, resource: str, foreign: str, granted: str
) -> None:
    action = ACTIONS[f"kms:{name}".lower()]

    assert str(action) == f"kms:{name}"
    assert action.resource == resource
    assert action.cross_account == (foreign == "yes"), "K-61"
    assert action.grantable == (granted == "yes"), "N-5"


def test_k60_there_are_as_many_actions_as_rows() -> None:
    assert len(TABLE) == 56
    assert {action.name for action in ACTIONS.values()} == {row[1] for row in TABLE} | NEWER


def test_n5_grants_know_seventeen_operations_and_two_newer_ones() -> None:
    assert len(GRANT_OPERATIONS - NEWER) == 17
    assert {row[1] for row in TABLE if row[4] == "yes"} == GRANT_OPERATIONS - NEWER


def test_n22_three_grant_operations_have_no_encryption_context() -> None:
    assert {"DescribeKey", "RetireGrant", "CreateGrant"} == CONTEXT_FREE_GRANT_OPERATIONS


@pytest.mark.parametrize("action", ACTIONS.values(), ids=str)
def test_k63_an_action_is_checked_on_its_resource_and_that_of_aliases_on_both(
    action: object,
) -> None:
    name = str(action).removeprefix("kms:")
    alias = name in ("CreateAlias", "DeleteAlias", "UpdateAlias")
    known = ACTIONS[f"kms:{name}".lower()]

    checked = {kind for kind in ResourceKind if known.is_checked_on(kind)}

    assert checked == {known.resource} | ({ResourceKind.ALIAS} if alias else set())


def test_k82_what_is_fixed_on_aws_managed_keys_is_what_changes_them() -> None:
    free = {a.name for a in ACTIONS.values() if not a.fixed_on_aws_managed}

    assert not free & {"PutKeyPolicy", "DisableKey", "ScheduleKeyDeletion", "TagResource"}
    assert not free & {"EnableKeyRotation", "CreateAlias", "DeleteAlias", "UpdateAlias"}
    assert {"GetKeyPolicy", "RevokeGrant", "CreateGrant", "DescribeKey", "Decrypt"} <= free


def test_j60_some_actions_do_not_show_the_callers_account() -> None:
    assert {
        "ListKeys", "ListAliases", "ListRetirableGrants", "GenerateRandom",
    } == WITHOUT_CALLER_ACCOUNT  # fmt: skip
    assert {f"kms:{name}".lower() for name in WITHOUT_CALLER_ACCOUNT} <= ACTIONS.keys()


# The rows of J-10 to J-98 with an M in their column "Card".
MULTIVALUED = """
    aws:PrincipalOrgPaths aws:PrincipalServiceNamesList aws:VpceOrgPaths aws:CalledVia
    aws:SourceOrgPaths aws:ResourceOrgPaths aws:TagKeys kms:ResourceAliases
    kms:EncryptionContextKeys kms:GrantOperations
"""


def test_f8_a_key_is_multivalued_by_definition() -> None:
    assert {key.name for key in CONDITION_KEYS.values() if key.multivalued} == set(
        MULTIVALUED.split()
    )


@pytest.mark.parametrize(
    ("name", "multivalued"),
    [
        ("AWS:TAGKEYS", True),
        ("kms:resourcealiases", True),
        ("kms:ViaService", False),
        ("kms:EncryptionContext:Keys", False),
        ("aws:PrincipalTag/aws:TagKeys", False),
        ("example:Unknown", False),
        ("", False),
    ],
)
def test_b13_multivalued_keys_are_known_in_any_case(name: str, multivalued: bool) -> None:
    assert is_multivalued(name) is multivalued


@pytest.mark.parametrize(
    ("name", "known", "type"),
    [
        ("kms:ViaService", "kms:ViaService", ValueType.STRING),
        ("KMS:viaservice", "kms:ViaService", ValueType.STRING),
        ("aws:PrincipalArn", "aws:PrincipalArn", ValueType.ARN),
        ("aws:MultiFactorAuthPresent", "aws:MultiFactorAuthPresent", ValueType.BOOL),
        ("aws:MultiFactorAuthAge", "aws:MultiFactorAuthAge", ValueType.NUMERIC),
        ("aws:CurrentTime", "aws:CurrentTime", ValueType.DATE),
        ("aws:SourceIp", "aws:SourceIp", ValueType.IP),
        ("aws:PrincipalTag/team", "aws:PrincipalTag/", ValueType.STRING),
        ("aws:principaltag/a/b:c", "aws:PrincipalTag/", ValueType.STRING),
        ("aws:ResourceTag/team", "aws:ResourceTag/", ValueType.STRING),
        ("kms:EncryptionContext:a:b/c", "kms:EncryptionContext:", ValueType.STRING),
        ("kms:RecipientAttestation:PCR0", "kms:RecipientAttestation:", ValueType.STRING),
    ],
)
def test_b13_a_condition_key_is_found_in_any_case(name: str, known: str, type: ValueType) -> None:
    key = condition_key(name)

    assert key is not None
    assert (key.name, key.type) == (known, type)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "ViaService",
        "kms:Via",
        "kms:EncryptionContext",
        "kms:EncryptionContext:",
        "kms:EncryptionContext/a",
        "aws:PrincipalTag",
        "aws:PrincipalTag/",
        "aws:PrincipalTag:team",
        "s3:prefix",
    ],
)
def test_another_name_is_no_known_key(name: str) -> None:
    assert condition_key(name) is None


@pytest.mark.parametrize(
    ("name", "hidden"),
    [
        ("kms:ResourceAliases", True),
        ("KMS:RESOURCEALIASES", True),
        ("aws:ResourceTag/team", True),
        ("aws:resourcetag/team", True),
        ("kms:RequestAlias", False),
        ("aws:RequestTag/team", False),
        ("aws:PrincipalTag/team", False),
    ],
)
def test_j110_key_policies_do_not_see_tags_and_aliases(name: str, hidden: bool) -> None:
    assert hidden_from_key_policy(name) is hidden
