"""What a call costs, from request to audit event, among few keys and among many."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from benchmarks.measure import Pace, Subject, Table, at_most, in_process, race, under
from kms import (
    Call,
    Gate,
    Identity,
    Key,
    KeyOrigin,
    KeyState,
    KeyUsage,
    MemoryStore,
    Service,
    State,
    Store,
    SystemClock,
    SystemEntropy,
)
from kms.envelope import material_id
from kms.model import SYMMETRIC_DEFAULT, KeyMaterial
from kms.policy_checks import default_policy
from policy import Arn, PolicyKind, Principal, PrincipalKind, parse

FEW, MANY = 10, 100_000
GOAL = 15_000
"""Encrypts a second, of one thread, in memory."""

ACCOUNT, REGION = "111122223333", "eu-west-1"
ADMIN = Arn("aws", "iam", "", ACCOUNT, "user/admin")
CALLER = Principal(PrincipalKind.USER, ADMIN)
_ALLOW = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'
_NOTE = {"Plaintext": b"a short note", "EncryptionContext": {"department": "payroll"}}


def run(pace: Pace, most: int = MANY) -> list[Table]:
    """Measure operations among few keys and among many."""
    services = {each: service_on(MemoryStore(), each) for each in (FEW, most)}
    tables = []
    for name in ("Encrypt", "Decrypt", "GenerateDataKey", "DescribeKey", "UpdateKeyDescription"):
        names = {each: f"{name} among {each:,} keys" for each in services}
        subjects = [
            Subject(names[each], in_process(_caller(service, name)))
            for each, service in services.items()
        ]
        readings = race(subjects, pace)
        title = f"core, {name}"
        bars = under(title, at_most(2, names[most], names[FEW], readings))
        rate = 1 / (readings[0].median or 1e-9)
        goal = f"; goal: {GOAL:,}" if name == "Encrypt" else ""
        note = f"({rate:,.0f} a second: decided, done, written down and committed in memory{goal})"
        tables.append(Table(title, names[FEW], readings, bars, (note,)))
    return tables


def service_on(store: Store, keys: int) -> Service:
    """Return a service with an administrator and so many keys; the first is `key_arn(0)`."""
    policy = parse(_ALLOW, name="all", kind=PolicyKind.IDENTITY_POLICY)
    with store.session() as session:
        directory = session.state.directory.with_identity(Identity(ADMIN, "AIDA1", (policy,)))
        state = replace(State(), directory=directory)
        for number in range(keys):
            state = state.with_key(_key(number))
        session.commit(state, [])
    return Service(store, Gate(), SystemClock(), SystemEntropy())


def key_arn(number: int) -> Arn:
    """Return the ARN of a key."""
    return Arn("aws", "kms", REGION, ACCOUNT, f"key/{UUID(int=number + 1)}")


def _key(number: int) -> Key:
    arn, secret = key_arn(number), number.to_bytes(32, "big")
    at = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    return Key(
        arn=arn,
        spec=SYMMETRIC_DEFAULT,
        usage=KeyUsage.ENCRYPT_DECRYPT,
        origin=KeyOrigin.AWS_KMS,
        state=KeyState.ENABLED,
        policy=default_policy(ACCOUNT, "aws"),
        created_at=at,
        materials=(KeyMaterial(material_id(secret, arn.name), secret, at),),
    )


def encrypt_on(service: Service) -> Callable[[], object]:
    """Return what encrypts a short note under the first key."""
    return _caller(service, "Encrypt")


def _caller(service: Service, name: str) -> Callable[[], object]:
    key = str(key_arn(0))

    def call(operation: str, parameters: Mapping[str, Any]) -> Any:
        return service.call(Call(CALLER, operation, parameters, REGION)).unwrap()

    requests: dict[str, Callable[[], dict[str, Any]]] = {
        "Encrypt": lambda: {"KeyId": key, **_NOTE},
        "Decrypt": lambda: {
            "CiphertextBlob": call("Encrypt", {"KeyId": key, **_NOTE})["CiphertextBlob"],
            "EncryptionContext": _NOTE["EncryptionContext"],
        },
        "GenerateDataKey": lambda: {"KeyId": key, "KeySpec": "AES_256"},
        "DescribeKey": lambda: {"KeyId": key},
        "UpdateKeyDescription": lambda: {"KeyId": key, "Description": "the same each time"},
    }
    parameters = requests[name]()
    return lambda: call(name, parameters)
