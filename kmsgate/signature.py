"""Who signed a request: AWS Signature Version 4, verified (CORE K-198 to K-201).

Nothing here reads a clock, a store or a socket. The checks are made in the order of K-198, each
with the error of KMS; what STS calls them is said in `kmsgate.sts`.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import TypeAlias
from urllib.parse import quote_from_bytes, unquote_to_bytes

from kms.errors import (
    IncompleteSignature,
    InvalidRequestSignature,
    MissingAuthenticationToken,
)
from kmsgate.credentials import Credential

ALGORITHM = "AWS4-HMAC-SHA256"
TERMINATOR = "aws4_request"
MAX_SKEW = dt.timedelta(minutes=5)
MAX_EXPIRES_SECONDS = 7 * 86_400
MAX_QUERY_PARAMETERS = 100

Find: TypeAlias = Callable[[str, str | None], Credential]
"""Returns the credential of an access key id and a token, or raises its CredentialError."""

_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your "
    "AWS Secret Access Key and signing method. Consult the service documentation for details."
)
_BASIC = "%Y%m%dT%H%M%SZ"
_BASIC_FORM = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_NAMES = ("Credential", "Signature", "SignedHeaders")
_QUERY_NAMES = ("Credential", "Date", "Expires", "Signature", "SignedHeaders")
_SIGNED_PREFIX = b"x-amz-"


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request to the path `/` as it came in.

    Header names are in lower case; the values of one that came several times are joined by
    commas. Nothing of it is shown by `repr`.
    """

    method: str
    query: bytes = field(repr=False)
    headers: Mapping[bytes, bytes] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Signed:
    """Whose signature a request bears, and for which Region it was signed."""

    credential: Credential
    region: str


@dataclass(frozen=True, slots=True)
class _Claim:
    """What a request says of its signer. `query` is the one that was signed, in canonical form."""

    credential: str
    signed_headers: str
    signature: str
    date: str | None
    token: str | None
    query: str
    lifetime: dt.timedelta = MAX_SKEW
    lifetime_text: str = "5 min."


def joined(headers: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Return headers by name; the values of one that came several times are joined by commas."""
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        found[name] = _join(found[name], value) if name in found else value
    return found


def _join(first: bytes, second: bytes) -> bytes:
    return b",".join((first.strip(), second.strip()))


def verify(
    request: HttpRequest, service: str, regions: Collection[str], now: dt.datetime, find: Find
) -> Signed:
    """Return who signed the request for this service; raises the CredentialError of K-198.

    `find` settles whether there is such an access key, and whether its session still lasts.
    """
    claim = _claim(request)
    key_id, date, region, claimed_service, terminator = _scope(claim.credential)
    if terminator != TERMINATOR:
        raise InvalidRequestSignature(
            "Credential should be scoped with a valid terminator: "
            f"'{TERMINATOR}', not '{terminator}'."
        )
    if claimed_service != service:
        raise InvalidRequestSignature(
            f"Credential should be scoped to correct service: '{service}'."
        )
    if region not in regions:
        raise InvalidRequestSignature("Credential should be scoped to a valid region.")
    at, stamp = _signed_at(claim.date or "")
    if date != stamp[:8]:
        raise InvalidRequestSignature(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from "
            f"HTTP: '{date}' != '{stamp[:8]}', from '{stamp}'."
        )
    _check_time(at, stamp, now, claim)
    credential = find(key_id, claim.token)
    names = claim.signed_headers.split(";")
    if "host" not in names:
        raise InvalidRequestSignature(
            "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."
        )
    scope = f"{date}/{region}/{service}/{TERMINATOR}"
    canonical = _canonical(request, claim, names)
    text = f"{ALGORITHM}\n{stamp}\n{scope}\n{hashlib.sha256(canonical).hexdigest()}"
    key = _signing_key(credential.secret, date, region, service)
    expected = hmac.digest(key, text.encode(), "sha256").hex()
    if not hmac.compare_digest(expected.encode(), claim.signature.encode()):
        raise InvalidRequestSignature(_MISMATCH)
    return Signed(credential, region)


# What the request claims


def _claim(request: HttpRequest) -> _Claim:
    header = request.headers.get(b"authorization")
    if header is not None:
        return _claim_of_header(request, header)
    if b"X-Amz-Signature" in request.query:
        return _claim_of_query(request)
    raise MissingAuthenticationToken


def _claim_of_header(request: HttpRequest, header: bytes) -> _Claim:
    scheme, _, rest = _text(header).partition(" ")
    if scheme != ALGORITHM:  # CORE K-198.2
        raise IncompleteSignature(f"Unsupported AWS 'algorithm': '{scheme}'.")
    given: dict[str, str] = {}
    for part in rest.split(","):
        name, _, value = part.strip().partition("=")
        given[name] = value
    date = request.headers.get(b"x-amz-date", request.headers.get(b"date"))
    told = [
        f"Authorization header requires '{name}' parameter."
        for name in _NAMES
        if not given.get(name)
    ]
    if not date:
        told.append(
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
        )
    if told or date is None:
        raise IncompleteSignature(" ".join([*told, f"Authorization={scheme}"]))
    token = request.headers.get(b"x-amz-security-token")
    return _Claim(
        given["Credential"],
        given["SignedHeaders"],
        given["Signature"],
        _text(date),
        _text(token) if token is not None else None,
        canonical_query(_parameters(request.query)) if request.query else "",
    )


def _claim_of_query(request: HttpRequest) -> _Claim:
    """Return the claim of a request whose signature stands in its query: a presigned one."""
    parameters = _parameters(request.query)
    given = {name.removeprefix(b"X-Amz-").decode("latin-1"): v for name, v in parameters}
    algorithm = _text(given.get("Algorithm", b""))
    if algorithm != ALGORITHM:
        raise IncompleteSignature(f"Unsupported AWS 'algorithm': '{algorithm}'.")
    told = [
        f"AWS query-string parameters must include 'X-Amz-{name}'."
        for name in _QUERY_NAMES
        if not given.get(name)
    ]
    if told:
        raise IncompleteSignature(" ".join(told))
    expires = given["Expires"]
    if not expires.isdigit() or not 0 < int(expires[:9]) <= MAX_EXPIRES_SECONDS:
        raise IncompleteSignature(
            f"X-Amz-Expires must be between 1 and {MAX_EXPIRES_SECONDS} seconds."
        )
    token = given.get("Security-Token")
    return _Claim(
        _text(given["Credential"]),
        _text(given["SignedHeaders"]),
        _text(given["Signature"]),
        _text(given["Date"]),
        _text(token) if token is not None else None,
        canonical_query([each for each in parameters if each[0] != b"X-Amz-Signature"]),
        dt.timedelta(seconds=int(expires)),
        f"{int(expires)} sec.",
    )


def _text(value: bytes) -> str:
    """Return what a signature consists of: ASCII. Anything else cannot be read."""
    try:
        return value.decode("ascii")
    except UnicodeDecodeError:
        raise IncompleteSignature("The signature holds what is not ASCII.") from None


def _scope(credential: str) -> Sequence[str]:
    parts = credential.split("/")
    if len(parts) != 5:
        raise IncompleteSignature(
            "Credential must have exactly 5 slash-delimited elements, e.g. "
            f"keyid/date/region/service/term, got '{credential}'"
        )
    return parts


# When it was signed


def _signed_at(text: str) -> tuple[dt.datetime, str]:
    """Return when a request was signed, and the same as it stands in the string to sign."""
    if _BASIC_FORM.fullmatch(text):
        try:
            year, month, day = int(text[:4]), int(text[4:6]), int(text[6:8])
            hour, minute, second = int(text[9:11]), int(text[11:13]), int(text[13:15])
            return dt.datetime(year, month, day, hour, minute, second, tzinfo=dt.UTC), text
        except ValueError:
            raise _undated(text) from None
    try:  # the older form of a Date header
        at = parsedate_to_datetime(text).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        raise _undated(text) from None
    return at, at.strftime(_BASIC)


def _undated(text: str) -> IncompleteSignature:
    return IncompleteSignature(
        f"Date must be in ISO-8601 'basic format'. Got '{text}'. "
        "See http://en.wikipedia.org/wiki/ISO_8601"
    )


def _check_time(at: dt.datetime, stamp: str, now: dt.datetime, claim: _Claim) -> None:
    now = now.replace(microsecond=0)
    earliest, latest = now - claim.lifetime, now + MAX_SKEW
    if at < earliest:
        raise InvalidRequestSignature(
            f"Signature expired: {stamp} is now earlier than {earliest.strftime(_BASIC)} "
            f"({now.strftime(_BASIC)} - {claim.lifetime_text})"
        )
    if at > latest:
        raise InvalidRequestSignature(
            f"Signature not yet current: {stamp} is still later than {latest.strftime(_BASIC)} "
            f"({now.strftime(_BASIC)} + 5 min.)"
        )


# What was signed (CORE K-199)


def _canonical(request: HttpRequest, claim: _Claim, names: Sequence[str]) -> bytes:
    headers = request.headers
    lines = []
    for name in names:
        value = headers.get(name.encode())
        if value is None:
            raise InvalidRequestSignature(_MISMATCH)
        lines.append(b"%s:%s\n" % (name.encode(), b" ".join(value.split())))
    signed = frozenset(names)
    for header in headers:
        # An unsigned header of this family could be anybody's.
        if header.startswith(_SIGNED_PREFIX) and header.decode("latin-1") not in signed:
            raise InvalidRequestSignature(_MISMATCH)
    digest = hashlib.sha256(request.body).hexdigest()
    if headers.get(b"x-amz-content-sha256", digest.encode()) != digest.encode():
        raise InvalidRequestSignature(_MISMATCH)
    head = f"{request.method}\n/\n{claim.query}\n".encode()
    return b"%s%s\n%s\n%s" % (head, b"".join(lines), claim.signed_headers.encode(), digest.encode())


def _parameters(query: bytes) -> list[tuple[bytes, bytes]]:
    """Return the parameters of a query, decoded. A `+` is a plus sign, as for AWS."""
    parts = query.split(b"&", MAX_QUERY_PARAMETERS + 1)
    if len(parts) > MAX_QUERY_PARAMETERS:
        raise IncompleteSignature("The query has too many parameters.")
    pairs = (part.partition(b"=") for part in parts if part)
    return [(unquote_to_bytes(name), unquote_to_bytes(value)) for name, _, value in pairs]


def canonical_query(parameters: Iterable[tuple[bytes, bytes]]) -> str:
    """Return parameters sorted and encoded as RFC 3986 has it."""
    encoded = ((_encoded(name), _encoded(value)) for name, value in parameters)
    return "&".join(f"{name}={value}" for name, value in sorted(encoded))


def _encoded(value: bytes) -> str:
    return quote_from_bytes(value, safe="-_.~")


@lru_cache(maxsize=1024)
def _signing_key(secret: bytes, date: str, region: str, service: str) -> bytes:
    key = b"AWS4" + secret
    for part in (date, region, service, TERMINATOR):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
