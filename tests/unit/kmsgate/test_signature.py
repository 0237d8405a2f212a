"""Signature Version 4: the examples that AWS published, and that verifying costs little."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from kms.errors import CredentialError, InvalidRequestSignature
from kmsgate.credentials import Credential
from kmsgate.signature import HttpRequest, Signed, joined, verify
from policy import Principal, PrincipalKind

# The Signature Version 4 test suite of AWS: one date, Region, service and pair of keys.
NOW = dt.datetime(2015, 8, 30, 12, 36, tzinfo=dt.UTC)
KEY = Credential(
    "AKIDEXAMPLE",
    b"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    Principal(PrincipalKind.ANONYMOUS),
)
HOST = (b"host", b"example.amazonaws.com")
DATE = (b"x-amz-date", b"20150830T123600Z")
FORM = (b"content-type", b"application/x-www-form-urlencoded")

VECTORS = {
    "get-vanilla": (
        "GET", b"", [HOST, DATE], b"", "host;x-amz-date",
        "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
    ),
    "get-vanilla-query-order-key-case": (
        "GET", b"Param2=value2&Param1=value1", [HOST, DATE], b"", "host;x-amz-date",
        "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
    ),
    "get-vanilla-utf8-query": (
        "GET", "ሴ=bar".encode(), [HOST, DATE], b"", "host;x-amz-date",
        "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04",
    ),
    "get-header-value-trim": (
        "GET", b"", [HOST, (b"my-header1", b" value1"), (b"my-header2", b' "a   b   c"'), DATE],
        b"", "host;my-header1;my-header2;x-amz-date",
        "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
    ),
    "get-header-key-duplicate": (
        "GET", b"",
        [HOST, (b"my-header1", b"value2"), (b"my-header1", b"value2"), (b"my-header1", b"value1"),
         DATE],
        b"", "host;my-header1;x-amz-date",
        "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
    ),
    "post-vanilla": (
        "POST", b"", [HOST, DATE], b"", "host;x-amz-date",
        "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
    ),
    "post-x-www-form-urlencoded": (
        "POST", b"", [FORM, HOST, DATE], b"Param1=value1", "content-type;host;x-amz-date",
        "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
    ),
}  # fmt: skip


def find(key_id: str, token: str | None) -> Credential:
    assert (key_id, token) == (KEY.id, None)
    return KEY


def request_of(name: str) -> HttpRequest:
    method, query, headers, body, names, signature = VECTORS[name]
    authorization = (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        f"SignedHeaders={names}, Signature={signature}"
    )
    given = joined([*headers, (b"authorization", authorization.encode())])
    return HttpRequest(method, query, given, body)


def verified(request: HttpRequest) -> Signed:
    return verify(request, "service", ("us-east-1",), NOW, find)


@pytest.mark.parametrize("name", VECTORS)
def test_the_published_examples_are_verified(name: str) -> None:
    assert verified(request_of(name)) == Signed(KEY, "us-east-1")


@pytest.mark.parametrize("name", VECTORS)
def test_any_byte_more_breaks_them(name: str) -> None:
    request = request_of(name)
    host = {**request.headers, b"host": b"example.amazonaws.co"}

    for changed in (
        replace(request, method="PUT"),
        replace(request, query=b"a=b"),
        replace(request, body=request.body + b" "),
        replace(request, headers=host),
    ):
        with pytest.raises(InvalidRequestSignature, match="does not match the signature"):
            verified(changed)


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"AWS4-HMAC-SHA256",
        b"AWS4-HMAC-SHA256 " + b"," * 60_000,
        b"AWS4-HMAC-SHA256 " + b"=" * 60_000,
        b"AWS4-HMAC-SHA256 Credential=" + b"/" * 60_000,
        b"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        b"SignedHeaders=" + b"host;" * 12_000 + b"host, Signature=x",
        b"\xff" * 1000,
    ],
)
def test_no_header_is_too_odd_to_be_refused(header: bytes) -> None:
    request = request_of("post-vanilla")

    with pytest.raises(CredentialError):
        verified(replace(request, headers={**request.headers, b"authorization": header}))


def test_nothing_secret_is_shown() -> None:
    shown = repr((KEY, request_of("get-vanilla"), verified(request_of("get-vanilla"))))

    assert "wJalrXUtnFEMI" not in shown
    assert "5fa00fa31553" not in shown
