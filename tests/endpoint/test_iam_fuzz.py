"""Odd requests of IAM, one after another on one directory: an answer or a refusal, never a bug."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kms.audit import entries, first_break
from kms.directory import TemporaryKey
from kms.records import Records
from kms.runtime import SystemEntropy
from kms.service import Service
from kms.state import State
from kms.vault import Vault
from kmsgate import iam
from kmsgate.credentials import Credential
from kmsgate.iam.model import model
from kmsgate.resources import sample_world
from kmsgate.scenario.files import load_world
from kmsgate.simulator import Simulator, open_simulator

ALLOW: dict[str, Any] = {"Effect": "Allow", "Action": "kms:*", "Resource": "*"}
TRUST: dict[str, Any] = {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}
DOCUMENTS = [
    *(json.dumps({"Version": "2012-10-17", "Statement": each}) for each in
      (ALLOW, [ALLOW], TRUST, [], [1], "x", {**ALLOW, "Effect": "Deny"}, {**TRUST, "Resource": 1})),
    "", "{}", "[]", "null", "x" * 7000, "[" * 5000, '{"Statement": {"Resource": {}}}',
]  # fmt: skip
ARNS = [
    "arn:aws:iam::111122223333:policy/p", "arn:aws:iam::111122223333:policy/a/q",
    "arn:aws:iam::aws:policy/AWSKeyManagementServicePowerUser",
    "arn:aws:iam::aws:policy/FullAWSAccess", "arn:aws:iam::444455556666:policy/p",
    "arn:aws:s3:::a-bucket-of-mine", "no arn at all, but long enough",
]  # fmt: skip
TEXTS = st.sampled_from(
    [*DOCUMENTS, *ARNS, "p", "q", "admin", "guest", "/", "/a/", "1", "2", "1000", "-1", "Active",
     "Inactive", "true", "false", "v1", "v2", "Local", "User", "AAAA", "cA==", "é", "\x00", "a b"]
) | st.text(max_size=5)  # fmt: skip


def likely(shape: str, member: str) -> st.SearchStrategy[str]:
    """Return values that a member is likely to take, and others now and then."""
    if "Document" in member:
        return st.sampled_from(DOCUMENTS[:4]) | st.sampled_from(DOCUMENTS)
    if "Arn" in member or member == "PermissionsBoundary":
        return st.sampled_from(ARNS[:3]) | st.sampled_from(ARNS)
    if member.endswith("Name"):
        return st.sampled_from(["p", "q", "admin", "guest"])
    known = model()["shapes"][shape].get("enum")
    return st.sampled_from(known) if known else TEXTS


@st.composite
def forms(draw: st.DrawFn) -> bytes:
    """Return a form that is nearly one of an operation."""
    name = draw(st.sampled_from(sorted(model()["operations"])))
    found = {"Action": name, "Version": iam.VERSION}
    shape = model()["shapes"][model()["operations"][name]["input"]]
    for member, target in shape.get("members", {}).items():
        if draw(st.integers(0, 9)) < (9 if member in shape.get("required", ()) else 3):
            kind = model()["shapes"][target["shape"]]["type"]
            if member == "Tags":
                found["Tags.member.1.Key"], found["Tags.member.1.Value"] = draw(TEXTS), draw(TEXTS)
            elif kind == "list":
                found[f"{member}.member.1"] = draw(TEXTS)
            else:
                found[member] = draw(likely(target["shape"], member))
    return urlencode(found, errors="replace").encode()


@pytest.fixture(scope="module")
def simulator() -> Simulator:
    return open_simulator(load_world(str(sample_world())))


@given(bodies=st.lists(forms(), min_size=1, max_size=12))
@settings(max_examples=60)
def test_whatever_is_asked_is_answered_and_what_is_left_can_be_kept(
    bodies: list[bytes], simulator: Simulator
) -> None:
    simulator.reset()
    key = simulator.sign_in("arn:aws:iam::111122223333:root")
    assert isinstance(key, TemporaryKey)
    signer = simulator.credentials.find(key.id, key.token.decode())
    service = simulator.service
    for body in bodies:
        status, told = asked(service, signer, body)

        assert 200 <= status < 500
        ElementTree.fromstring(told)  # noqa: S314 - it was written here

    with service.store.session() as session:
        state = session.state
    records = Records(Vault(SystemEntropy().random_bytes(32), SystemEntropy()))
    rows = list(records.changes(State(), state))
    again = records.changes(State(), records.applied(State(), rows))
    assert {(row.kind, row.name, row.body) for row in again} == {
        (row.kind, row.name, row.body) for row in rows
    }
    assert first_break(entries(service.store.events())) is None


def asked(service: Service, signer: Credential, body: bytes) -> tuple[int, bytes]:
    """Return status and body of what is answered; whatever can be read has an event."""
    before = len(service.store.events())
    try:
        operation, parameters = iam.read_form(body)
    except iam.IamError as error:
        return error.status, iam.write_error(error, "a-b")
    try:
        return 200, iam.answer(service, iam.IamCall(signer, operation, parameters, {}, "a-b"))
    except iam.IamError as error:
        return error.status, iam.write_error(error, "a-b")
    finally:
        assert len(service.store.events()) == before + 1
