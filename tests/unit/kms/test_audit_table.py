"""The table of what is logged: every operation of the service model, and nothing else (K-182)."""

from __future__ import annotations

import pytest

from kms import shapes
from kms.audit_table import DEFAULTS, ROWS, SAME, WITHOUT_PARAMETERS, Listed

OPERATIONS = sorted(shapes.operation_names())

# CORE K-182, copied once more: what changes something, and what comes back into the event.
CHANGING = {
    "CancelKeyDeletion": "keyId", "ConnectCustomKeyStore": "", "CreateAlias": "",
    "CreateCustomKeyStore": "", "CreateGrant": "grantId keyId", "CreateKey": "keyMetadata",
    "DeleteAlias": "", "DeleteCustomKeyStore": "",
    "DeleteImportedKeyMaterial": "keyId keyMaterialId", "DisableKey": "keyId",
    "DisableKeyRotation": "keyId", "DisconnectCustomKeyStore": "", "EnableKey": "keyId",
    "EnableKeyRotation": "keyId", "ImportKeyMaterial": "keyId keyMaterialId",
    "PutKeyPolicy": "keyId", "ReplicateKey": "replicaKeyMetadata replicaPolicy replicaTags",
    "RetireGrant": "keyId", "RevokeGrant": "keyId", "RotateKeyOnDemand": "keyId",
    "ScheduleKeyDeletion": "keyId keyState deletionDate pendingWindowInDays",
    "TagResource": "keyId", "UntagResource": "keyId", "UpdateAlias": "",
    "UpdateCustomKeyStore": "", "UpdateKeyDescription": "keyId", "UpdatePrimaryRegion": "keyId",
}  # fmt: skip


def test_every_operation_of_the_service_model_has_a_row() -> None:
    assert sorted(ROWS) == OPERATIONS
    assert len(OPERATIONS) == 56


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_row_says_whether_and_how_something_is_changed(operation: str) -> None:
    """CORE K-182."""
    row = ROWS[operation]

    assert row.read_only is (operation not in CHANGING)
    assert " ".join(row.response) == CHANGING.get(operation, "")


@pytest.mark.parametrize("operation", OPERATIONS)
def test_no_response_element_and_no_additional_datum_can_be_a_secret(operation: str) -> None:
    """CORE K-179: tokens, blobs and texts that the model calls sensitive stay out."""
    kinds = shapes.response_kind(operation).parts
    row = ROWS[operation]
    shown = [name[0].upper() + name[1:] for name in row.response]
    shown += [member for _, member in row.additional]

    for name in shown:
        assert "Token" not in name
        assert name not in kinds or kinds[name].name != "blob"


@pytest.mark.parametrize("operation", OPERATIONS)
def test_what_is_filled_in_are_members_of_the_request_with_their_type(operation: str) -> None:
    """CORE K-178."""
    kinds = shapes.request_kind(operation).parts
    types = {"string": str, "boolean": bool, "integer": int}

    for member, value in DEFAULTS.get(operation, {}).items():
        assert type(value) is types[kinds[member].name]
        assert member not in shapes.secret_members(operation)


def test_the_tables_name_operations_and_members_that_there_are() -> None:
    assert set(DEFAULTS) <= set(OPERATIONS)
    assert set(OPERATIONS) >= WITHOUT_PARAMETERS
    assert all(shapes.takes("CreateKey", member) for member in SAME)


def test_only_operations_without_a_key_list_none() -> None:
    """CORE K-182."""
    without = {name for name, row in ROWS.items() if row.resources is Listed.NONE}

    assert without == {
        "ConnectCustomKeyStore", "CreateCustomKeyStore", "DeleteCustomKeyStore",
        "DescribeCustomKeyStores", "DisconnectCustomKeyStore", "GenerateRandom", "ListAliases",
        "ListKeys", "ListRetirableGrants", "UpdateCustomKeyStore",
    }  # fmt: skip
