"""Custom key stores: there are none, and each of their operations says so (CORE K-92)."""

from __future__ import annotations

from typing import Any

from kms import paging
from kms.errors import CustomKeyStoreNotFound, UnsupportedOperation
from kms.operation import Change, Parameters, Scope, operation


@operation("CreateCustomKeyStore")
def create_custom_key_store(_parameters: Parameters, _scope: Scope) -> Change:
    """Raise UnsupportedOperation: no store can be made."""
    raise UnsupportedOperation("Custom key stores are not supported by this endpoint.")


@operation("DescribeCustomKeyStores")
def describe_custom_key_stores(parameters: Parameters, scope: Scope) -> Change:
    """List the stores of the account in the Region: none; one that is asked for is not there."""
    if "CustomKeyStoreId" in parameters or "CustomKeyStoreName" in parameters:
        raise CustomKeyStoreNotFound
    bound = ("DescribeCustomKeyStores", scope.call.caller.account or "", scope.call.region)
    paging.start_of(parameters, *bound)
    none: tuple[tuple[str, Any], ...] = ()
    stores, more = paging.page(parameters, none, 100, 1000, *bound)
    return Change(scope.state, {"CustomKeyStores": stores, **more})


@operation("ConnectCustomKeyStore")
@operation("DeleteCustomKeyStore")
@operation("DisconnectCustomKeyStore")
@operation("UpdateCustomKeyStore")
def change_custom_key_store(_parameters: Parameters, _scope: Scope) -> Change:
    """Raise CustomKeyStoreNotFound: whatever store is named, it is not there."""
    raise CustomKeyStoreNotFound
