"""AWS JSON 1.1 both ways: what is read, what is handed on as it came, what is written."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kms import shapes
from kms.errors import (
    BY_CODE,
    AccessDenied,
    DryRunOperation,
    InvalidCiphertext,
    KmsError,
    NotFound,
    SerializationFailed,
    UnknownOperation,
)
from kmsgate import wire

AT = dt.datetime(2026, 3, 1, 8, 0, tzinfo=dt.UTC)
EPOCH = int(AT.timestamp())


def read(operation: str, **members: Any) -> Any:
    return wire.read_request(operation, json.dumps(members).encode())


def written(operation: str, **members: Any) -> Any:
    return json.loads(wire.write_output(operation, members))


# Which operation


def test_a_target_names_an_operation() -> None:
    for name in shapes.operation_names():
        assert wire.operation_of(f"TrentService.{name}".encode()) == name


@pytest.mark.parametrize(
    "target",
    [None, b"", b"Encrypt", b"TrentService.", b"TrentService.encrypt", b"trentservice.Encrypt",
     b"TrentService.Encrypt ", b"KMS.Encrypt", b"TrentService.Encrypt\x00", b"\xff"],
)  # fmt: skip
def test_any_other_target_names_none(target: bytes | None) -> None:
    """CORE K-189."""
    with pytest.raises(UnknownOperation):
        wire.operation_of(target)


# Requests


def test_an_empty_body_is_an_empty_object() -> None:
    assert wire.read_request("ListKeys", b"") == {}


@pytest.mark.parametrize(
    "body",
    [b" ", b"{", b"[]", b"3", b"null", b'"a"', b"{}{}", b"{'a': 1}", b'{"a": NaN}',
     b'{"a": -Infinity}', b"\xff\xfe{\x00}\x00", b"\xef\xbb\xbf{}", b'{"a": "\xff"}',
     b"[" * 100_000, b'{"a":' * 100_000, b'{"a": ' + b"9" * 5000 + b"}", b"\x00"],
)  # fmt: skip
def test_what_is_no_json_object_cannot_be_read(body: bytes) -> None:
    """CORE K-192."""
    with pytest.raises(SerializationFailed):
        wire.read_request("Encrypt", body)


def test_blobs_are_base64() -> None:
    assert read("Encrypt", Plaintext="AAECAw==")["Plaintext"] == bytes(range(4))
    assert read("Encrypt", Plaintext="")["Plaintext"] == b""
    assert read("Decrypt", Recipient={"AttestationDocument": "YQ=="}) == {
        "Recipient": {"AttestationDocument": b"a"}
    }


@pytest.mark.parametrize(
    "text", ["AAECAw", "AAECAw=", "AA==ECAw", "AAEC_w==", "AAEC Aw==", "=", "é", "AAECAw===="]
)
def test_base64_is_strict_and_what_is_none_is_refused_by_the_core(text: str) -> None:
    """CORE K-191, K-192."""
    parameters = read("Encrypt", KeyId="a", Plaintext=text)

    assert parameters["Plaintext"] == text
    with pytest.raises(SerializationFailed, match="`plaintext` must be bytes"):
        shapes.check("Encrypt", parameters)


@pytest.mark.parametrize(
    ("sent", "at"),
    [
        (EPOCH, AT),
        (EPOCH + 0.25, AT + dt.timedelta(milliseconds=250)),
        (float(EPOCH), AT),
        (-1, dt.datetime(1969, 12, 31, 23, 59, 59, tzinfo=dt.UTC)),
        ("2026-03-01T08:00:00Z", AT),
        ("2026-03-01T09:00:00+01:00", AT),
    ],
)
def test_times_are_epoch_seconds_or_texts(sent: object, at: dt.datetime) -> None:
    assert read("ImportKeyMaterial", ValidTo=sent)["ValidTo"] == at


@pytest.mark.parametrize("sent", [True, "soon", "2026-03-01", 1e300, -1e300, 10**400, [], {}])
def test_what_is_no_time_is_refused_by_the_core(sent: object) -> None:
    body = json.dumps({"KeyId": "a", "ImportToken": "YQ==", "ValidTo": sent}).encode()
    parameters = wire.read_request("ImportKeyMaterial", body)

    with pytest.raises(SerializationFailed, match="`validTo` must be a point in time"):
        shapes.check("ImportKeyMaterial", parameters)


def test_members_of_a_wrong_type_are_handed_on() -> None:
    for members in ({"Plaintext": 3}, {"Recipient": []}, {"Recipient": "a"}, {"KeyId": {"a": 1}}):
        assert read("Encrypt", **members) == members
    assert read("CreateKey", Tags={"a": "b"}) == {"Tags": {"a": "b"}}


def test_the_last_of_two_members_counts_and_unknown_ones_do_no_harm() -> None:
    body = b'{"KeyId": "a", "KeyId": "b", "Nonsense": {"a": [1]}}'

    parameters = wire.read_request("DescribeKey", body)

    assert shapes.check("DescribeKey", parameters) == {"KeyId": "b"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(name=st.sampled_from(sorted(shapes.operation_names())), data=st.data())
def test_whatever_the_members_hold_the_core_can_refuse_it(name: str, data: st.DataObject) -> None:
    members = sorted(shapes.request_kind(name).parts)
    values = data.draw(st.dictionaries(st.sampled_from(members), JSON) if members else st.just({}))
    body = json.dumps(values).encode()

    try:
        shapes.check(name, wire.read_request(name, body))
    except KmsError as error:
        json.loads(wire.write_error(error))


# Responses


def test_blobs_and_times_are_written_and_what_has_no_value_is_not() -> None:
    """CORE K-193."""
    metadata = {
        "KeyId": "k",
        "CreationDate": AT + dt.timedelta(milliseconds=250),
        "DeletionDate": None,
        "Enabled": True,
    }

    assert written("Encrypt", CiphertextBlob=bytes(range(4)), KeyId="k") == {
        "CiphertextBlob": "AAECAw==",
        "KeyId": "k",
    }
    assert written("DescribeKey", KeyMetadata=metadata) == {
        "KeyMetadata": {"KeyId": "k", "CreationDate": EPOCH + 0.25, "Enabled": True}
    }
    assert written("ListAliases", Aliases=[{"CreationDate": AT}], Truncated=False) == {
        "Aliases": [{"CreationDate": float(EPOCH)}],
        "Truncated": False,
    }


def test_no_output_is_an_empty_body_where_the_model_has_none() -> None:
    assert wire.write_output("EnableKey", {}) == b""
    assert wire.write_output("ListKeys", {}) == b"{}"


def test_a_member_that_the_model_does_not_know_is_a_bug() -> None:
    with pytest.raises(KeyError):
        wire.write_output("Encrypt", {"Secret": b"x"})


@given(st.binary(max_size=200))
def test_bytes_come_back_as_they_were(data: bytes) -> None:
    body = wire.write_output("Decrypt", {"Plaintext": data})

    assert wire.read_request("Encrypt", body) == {"Plaintext": data}


# Errors (CORE K-195)


def test_an_error_has_its_code_and_its_message_if_it_has_one() -> None:
    assert json.loads(wire.write_error(NotFound("no 'key'"))) == {
        "__type": "NotFoundException",
        "message": "no 'key'",
    }
    assert json.loads(wire.write_error(InvalidCiphertext())) == {
        "__type": "InvalidCiphertextException"
    }
    assert json.loads(wire.write_error(DryRunOperation()))["message"].startswith("The request")


def test_the_message_of_a_denial_begins_with_a_capital() -> None:
    assert json.loads(wire.write_error(AccessDenied("User: x"))) == {
        "__type": "AccessDeniedException",
        "Message": "User: x",
    }


@pytest.mark.parametrize("code", sorted(BY_CODE))
def test_every_error_can_be_written(code: str) -> None:
    assert json.loads(wire.write_error(BY_CODE[code]("é\ud800 text")))["__type"] == code
