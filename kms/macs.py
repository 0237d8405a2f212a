"""GenerateMac and VerifyMac (CORE K-72, K-105)."""

from __future__ import annotations

from kms import hazmat
from kms.errors import InvalidMac
from kms.model import KeyUsage
from kms.operation import (
    USABLE,
    Change,
    Need,
    Output,
    Parameters,
    Scope,
    operation,
    require_algorithm,
)

_NEED = Need(USABLE, KeyUsage.GENERATE_VERIFY_MAC)


def _mac(parameters: Parameters, scope: Scope) -> tuple[bytes, Output]:
    """Return the MAC of the message, and what both operations say of it."""
    key, algorithm = scope.key, parameters["MacAlgorithm"]
    require_algorithm(key, algorithm)
    mac = hazmat.mac(key.current_material.secret, parameters["Message"], algorithm)
    return mac, {"KeyId": str(key.arn), "MacAlgorithm": algorithm}


@operation("GenerateMac", _NEED)
def generate_mac(parameters: Parameters, scope: Scope) -> Change:
    """Give the whole MAC of a message."""
    mac, output = _mac(parameters, scope)
    return Change(scope.state, {**output, "Mac": mac})


@operation("VerifyMac", _NEED)
def verify_mac(parameters: Parameters, scope: Scope) -> Change:
    """Say that a MAC fits; one that does not, of whatever length, is an error."""
    mac, output = _mac(parameters, scope)
    if not hazmat.same(mac, parameters["Mac"]):
        raise InvalidMac
    return Change(scope.state, {**output, "MacValid": True})
