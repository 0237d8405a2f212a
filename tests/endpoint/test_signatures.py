"""Nobody gets in without a signature that is right in every part: AWS's own errors (CORE K-198)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import pytest

from kms import FixedClock
from kms.directory import TemporaryKey
from tests.endpoint.clients import Draft, Endpoint, served
from tests.kms_world import ALLOW_ALL, START, World

Change: TypeAlias = Callable[[Draft], Any]

NOW = "20260301T080000Z"
DIGEST = "6ac7c84b2d379a340a59610c89a1d11faaec2e2eb4189aa3165f80e87380689c"
MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS "
    "Secret Access Key and signing method. Consult the service documentation for details."
)
MISSING = "MissingAuthenticationTokenException", "Missing Authentication Token"
UNKNOWN = "UnrecognizedClientException", "The security token included in the request is invalid."
EXPIRED = "ExpiredTokenException", "The security token included in the request is expired"
WRONG = "InvalidSignatureException", MISMATCH


def incomplete(message: str) -> tuple[str, str]:
    return "IncompleteSignatureException", message


def invalid(message: str) -> tuple[str, str]:
    return "InvalidSignatureException", message


class Desk:
    """A served world, the keys of two callers, and drafts of requests that would be answered."""

    def __init__(self, world: World, endpoint: Endpoint) -> None:
        self.world, self.endpoint = world, endpoint
        self.key = endpoint.simulator.sign_in(str(world.admin))
        session = world.session("worker", ALLOW_ALL)
        temporary = endpoint.simulator.sign_in(str(session))
        assert isinstance(temporary, TemporaryKey)
        self.temporary = temporary
        self.host = endpoint.url.removeprefix("http://")

    def draft(self, **more: Any) -> Draft:
        given = {
            "key_id": self.key.id,
            "secret": self.key.secret.decode(),
            "host": self.host,
            "stamp": NOW,
        }
        return Draft(**{**given, **more})

    def session_draft(self, **more: Any) -> Draft:
        key = self.temporary
        given = {"key_id": key.id, "secret": key.secret.decode(), "token": key.token.decode()}
        return self.draft(**{**given, **more})


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    world = World()
    with served(world, FixedClock(START)) as endpoint:
        yield Desk(world, endpoint)


# What is fine

FINE: dict[str, dict[str, Any]] = {
    "as SDKs send it": {},
    "exactly five minutes old": {"stamp": "20260301T075500Z"},
    "exactly five minutes early": {"stamp": "20260301T080500Z"},
    "with all that a proxy may look at signed": {
        "headers": {"user-agent": "a  b\t c", "accept-encoding": "identity", "x-other": "1,  2"}
    },
    "the hash of the body told": {"headers": {"x-amz-content-sha256": DIGEST}},
    "a query that is signed": {"query": (("b", "2 +/"), ("a", "1"), ("c", ""))},
    "a header that is not signed": {"headers": {"accept": "*/*"}, "unsigned": ("accept",)},
}


@pytest.mark.parametrize("name", FINE)
def test_a_right_signature_is_answered(name: str, desk: Desk) -> None:
    answer = desk.draft(**FINE[name]).signed().send(desk.endpoint)

    assert answer.status == 200, answer.body
    assert len(answer.told["Plaintext"]) == 24
    assert answer.headers["x-amzn-requestid"] == desk.world.events[-1].request_id
    assert desk.world.events[-1].identity["accessKeyId"] == desk.key.id


def test_the_token_of_a_session_stands_for_it(desk: Desk) -> None:
    answer = desk.session_draft().signed().send(desk.endpoint)

    assert answer.status == 200
    assert desk.world.events[-1].caller.endswith(":assumed-role/worker/work")
    assert desk.world.events[-1].identity["accessKeyId"] == desk.temporary.id


def test_the_older_form_of_a_date_is_read(desk: Desk) -> None:
    draft = desk.draft(without=("x-amz-date",), headers={"date": "Sun, 01 Mar 2026 08:00:00 GMT"})

    assert draft.signed().send(desk.endpoint).status == 200


@pytest.mark.parametrize("expires", ["1", "604800"])
def test_a_presigned_request_is_answered(desk: Desk, expires: str) -> None:
    assert desk.draft().presigned(expires).send(desk.endpoint).status == 200
    assert desk.session_draft().presigned(expires).send(desk.endpoint).status == 200


def test_a_presigned_request_lives_as_long_as_it_says(desk: Desk) -> None:
    draft = desk.draft(stamp="20260301T070000Z")

    assert draft.presigned("3600").send(desk.endpoint).status == 200


def test_the_same_request_may_come_twice(desk: Desk) -> None:
    draft = desk.draft().signed()

    assert [draft.send(desk.endpoint).status for _ in range(2)] == [200, 200]


# What is not


def put(**parts: str) -> Change:
    """Change parts of the authorization once it is signed."""
    return lambda draft: draft.parts.update(parts)


def drop(*names: str) -> Change:
    return lambda draft: [draft.parts.pop(name) for name in names]


def header(name: str, value: str) -> Change:
    """Replace a header, or add one, once it is signed."""

    def change(draft: Draft) -> None:
        draft.sent = [(n, v) for n, v in draft.sent if n != name] + [(name, value)]

    return change


def twice(name: str, value: str) -> Change:
    return lambda draft: draft.sent.append((name, value))


def body(text: bytes) -> Change:
    def change(draft: Draft) -> None:
        draft.body = text

    return change


def signature(change: Callable[[str], str]) -> Change:
    return lambda draft: draft.parts.update(Signature=change(draft.parts["Signature"]))


def added(name: str, value: str) -> Change:
    def change(draft: Draft) -> None:
        draft.query += ((name, value),)

    return change


LACKS = "Authorization header requires '{}' parameter."
DATELESS = "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
END = f"Authorization={'AWS4-HMAC-SHA256'}"
UNREADABLE = (
    "Date must be in ISO-8601 'basic format'. Got '{}'. See http://en.wikipedia.org/wiki/ISO_8601"
)
PARTS = (
    "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, "
    "got '{}'"
)
REGIONLESS = "Credential should be scoped to a valid region."
SERVICE = "Credential should be scoped to correct service: 'kms'."
OTHER_DAY = (
    "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
    "'{}' != '20260301', from '20260301T080000Z'."
)

Case: TypeAlias = tuple[dict[str, Any], tuple[str, str]]

CASES: dict[str, Case] = {
    # 2: the scheme
    "Basic": ({"algorithm": "Basic"}, incomplete("Unsupported AWS 'algorithm': 'Basic'.")),
    "Bearer": ({"algorithm": "Bearer"}, incomplete("Unsupported AWS 'algorithm': 'Bearer'.")),
    "SigV4A": (
        {"algorithm": "AWS4-ECDSA-P256-SHA256"},
        incomplete("Unsupported AWS 'algorithm': 'AWS4-ECDSA-P256-SHA256'."),
    ),
    "the scheme in lower case": (
        {"algorithm": "aws4-hmac-sha256"},
        incomplete("Unsupported AWS 'algorithm': 'aws4-hmac-sha256'."),
    ),
    # 3: its parts
    "no Credential": (
        {"after": drop("Credential")}, incomplete(f"{LACKS.format('Credential')} {END}"),
    ),
    "no Signature": (
        {"after": drop("Signature")}, incomplete(f"{LACKS.format('Signature')} {END}"),
    ),
    "no SignedHeaders": (
        {"after": drop("SignedHeaders")}, incomplete(f"{LACKS.format('SignedHeaders')} {END}"),
    ),
    "an empty Signature": (
        {"after": put(Signature="")}, incomplete(f"{LACKS.format('Signature')} {END}"),
    ),
    "nothing but the scheme": (
        {"after": drop("Credential", "Signature", "SignedHeaders")},
        incomplete(
            " ".join([*map(LACKS.format, ("Credential", "Signature", "SignedHeaders")), END])
        ),
    ),
    "no date": ({"without": ("x-amz-date",)}, incomplete(f"{DATELESS} {END}")),
    "no date and no Signature": (
        {"without": ("x-amz-date",), "after": drop("Signature")},
        incomplete(f"{LACKS.format('Signature')} {DATELESS} {END}"),
    ),
    # 4 and 5: the scope
    "four parts": ({"after": put(Credential="a/b/c/d")}, incomplete(PARTS.format("a/b/c/d"))),
    "six parts": (
        {"after": put(Credential="a/b/c/d/e/f")}, incomplete(PARTS.format("a/b/c/d/e/f")),
    ),
    "another terminator": (
        {"terminator": "aws5_request"},
        invalid(
            "Credential should be scoped with a valid terminator: 'aws4_request', not "
            "'aws5_request'."
        ),
    ),
    "another service": ({"service": "s3"}, invalid(SERVICE)),
    "STS on an operation of KMS": ({"service": "sts"}, invalid(SERVICE)),
    "the service in capitals": ({"service": "KMS"}, invalid(SERVICE)),
    "an unknown Region": ({"region": "mars-north-1"}, invalid(REGIONLESS)),
    "no Region": ({"region": ""}, invalid(REGIONLESS)),
    # 6: the date
    "a date that is none": ({"after": header("x-amz-date", "now")},
                            incomplete(UNREADABLE.format("now"))),
    "a date in the extended format": (
        {"after": header("x-amz-date", "2026-03-01T08:00:00Z")},
        incomplete(UNREADABLE.format("2026-03-01T08:00:00Z")),
    ),
    "the 13th month": (
        {"stamp": "20261301T080000Z"}, incomplete(UNREADABLE.format("20261301T080000Z")),
    ),
    "two dates": (
        {"after": twice("x-amz-date", NOW)}, incomplete(UNREADABLE.format(f"{NOW},{NOW}")),
    ),
    "the scope of yesterday": ({"day": "20260228"}, invalid(OTHER_DAY.format("20260228"))),
    "no day in the scope": ({"day": ""}, invalid(OTHER_DAY.format(""))),
    # 7: the time
    "a second too old": (
        {"stamp": "20260301T075459Z"},
        invalid(
            "Signature expired: 20260301T075459Z is now earlier than 20260301T075500Z "
            "(20260301T080000Z - 5 min.)"
        ),
    ),
    "a second too early": (
        {"stamp": "20260301T080501Z"},
        invalid(
            "Signature not yet current: 20260301T080501Z is still later than 20260301T080500Z "
            "(20260301T080000Z + 5 min.)"
        ),
    ),
    "yesterday's request": (
        {"stamp": "20260228T080000Z"},
        invalid(
            "Signature expired: 20260228T080000Z is now earlier than 20260301T075500Z "
            "(20260301T080000Z - 5 min.)"
        ),
    ),
    # 8: the access key
    "an unknown access key": ({"key_id": "AKIA" + "7" * 16}, UNKNOWN),
    "no access key": ({"key_id": ""}, UNKNOWN),
    "what emulators take": ({"key_id": "test", "secret": "test"}, UNKNOWN),
    # 10: what must be signed
    "the host is not signed": (
        {"unsigned": ("host",)},
        invalid("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."),
    ),
    "the date is not signed": ({"unsigned": ("x-amz-date",)}, WRONG),
    "the target is not signed": ({"unsigned": ("x-amz-target",)}, WRONG),
    "a header of AWS was added": ({"after": twice("x-amz-meta", "1")}, WRONG),
    "a token was added and not signed": ({"after": twice("x-amz-security-token", "1")}, UNKNOWN),
    "a signed header is gone": (
        {"headers": {"x-a": "1"},
         "after": lambda draft: draft.sent.remove(("x-a", "1"))}, WRONG,
    ),
    "a header is called signed that is not there": (
        {"after": lambda draft: put(SignedHeaders=draft.parts["SignedHeaders"] + ";x-b")(draft)},
        WRONG,
    ),
    "signed headers in another order": (
        {"after": put(SignedHeaders="host;content-type;x-amz-date;x-amz-target")}, WRONG,
    ),
    # 11: the signature
    "another secret": ({"secret": "x" * 40}, WRONG),
    "no secret": ({"secret": ""}, WRONG),
    "the last digit changed": (
        {"after": signature(lambda it: it[:-1] + "01"[it[-1] == "0"])}, WRONG,
    ),
    "a digit less": ({"after": signature(lambda it: it[:-1])}, WRONG),
    "a digit more": ({"after": signature(lambda it: it + "0")}, WRONG),
    "capital digits": ({"after": signature(lambda it: it.upper() + "A")}, WRONG),
    "no digits at all": ({"after": put(Signature="=" * 64)}, WRONG),
    "another body": ({"after": body(b'{"NumberOfBytes": 17}')}, WRONG),
    "no body": ({"after": body(b"")}, WRONG),
    "another operation": ({"after": header("x-amz-target", "TrentService.ListKeys")}, WRONG),
    "another host": ({"after": header("host", "kms.us-east-1.amazonaws.com")}, WRONG),
    "a signed header changed": (
        {"headers": {"user-agent": "a"}, "after": header("user-agent", "b")}, WRONG,
    ),
    "a signed header twice": (
        {"headers": {"user-agent": "a"}, "after": twice("user-agent", "b")}, WRONG,
    ),
    "a query that was not signed": ({"after": added("a", "b")}, WRONG),
    "the hash of another body": ({"headers": {"x-amz-content-sha256": "0" * 64}}, WRONG),
    "a body that is not signed": ({"headers": {"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}}, WRONG),
    "a body signed in chunks": (
        {"headers": {"x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"}}, WRONG,
    ),
    "the key of another Region": (
        {"region": "us-east-1",
         "after": lambda draft: put(Credential=draft.parts["Credential"].replace(
             "us-east-1", "eu-west-1"))(draft)}, WRONG,
    ),
}  # fmt: skip


def refusal(desk: Desk, draft: Draft) -> tuple[str, str | None]:
    """Return the error of a request that the core must not have seen."""
    before = desk.world.state, len(desk.world.events)

    answer = draft.send(desk.endpoint)

    assert (desk.world.state, len(desk.world.events)) == before  # CORE K-203
    assert answer.status == 400
    assert answer.headers["content-type"] == "application/x-amz-json-1.1"
    assert answer.headers["x-amzn-requestid"]
    return answer.told["__type"], answer.told.get("message")


@pytest.mark.parametrize("name", CASES)
def test_a_signature_that_is_not_right_gets_the_error_of_aws(name: str, desk: Desk) -> None:
    changes, expected = CASES[name]

    assert refusal(desk, desk.draft(**changes).signed()) == expected


def test_a_request_without_a_signature_is_told_so(desk: Desk) -> None:
    draft = desk.draft().signed()
    draft.sent.pop()

    assert refusal(desk, draft) == MISSING


def test_text_that_is_not_ascii_is_no_signature(desk: Desk) -> None:
    draft = desk.draft(after=put(Signature="ä" * 64)).signed()

    assert refusal(desk, draft)[0] == "IncompleteSignatureException"


SESSIONS: dict[str, Case] = {
    "no token": ({"token": None}, UNKNOWN),
    "an empty token": ({"token": ""}, UNKNOWN),
    "another token": ({"token": "A" * 128}, UNKNOWN),
    "another token behind the signature": (
        {"after": header("x-amz-security-token", "A" * 128)}, UNKNOWN,
    ),
    "two tokens": ({"after": twice("x-amz-security-token", "A")}, UNKNOWN),
    "the token is not signed": ({"unsigned": ("x-amz-security-token",)}, WRONG),
    "another secret": ({"secret": "x" * 40}, WRONG),
}  # fmt: skip


@pytest.mark.parametrize("name", SESSIONS)
def test_a_session_needs_its_own_token(name: str, desk: Desk) -> None:
    changes, expected = SESSIONS[name]

    assert refusal(desk, desk.session_draft(**changes).signed()) == expected


def test_a_long_term_key_has_no_token(desk: Desk) -> None:
    draft = desk.draft(token=desk.temporary.token.decode()).signed()

    assert refusal(desk, draft) == UNKNOWN


PRESIGNED: dict[str, tuple[str, dict[str, Any], tuple[str, str]]] = {
    "too late": (
        "299",
        {"stamp": "20260301T075500Z"},
        invalid(
            "Signature expired: 20260301T075500Z is now earlier than 20260301T075501Z "
            "(20260301T080000Z - 299 sec.)"
        ),
    ),
    "too early": (
        "604800",
        {"stamp": "20260301T080501Z"},
        invalid(
            "Signature not yet current: 20260301T080501Z is still later than 20260301T080500Z "
            "(20260301T080000Z + 5 min.)"
        ),
    ),
    "for no time": (
        "0",
        {},
        incomplete("X-Amz-Expires must be between 1 and 604800 seconds."),
    ),
    "for too long": (
        "604801",
        {},
        incomplete("X-Amz-Expires must be between 1 and 604800 seconds."),
    ),
    "for ever": (
        "9" * 400,
        {},
        incomplete("X-Amz-Expires must be between 1 and 604800 seconds."),
    ),
    "for a word": (
        "long",
        {},
        incomplete("X-Amz-Expires must be between 1 and 604800 seconds."),
    ),
    "for no number of its own": (
        "²",
        {},
        incomplete("X-Amz-Expires must be between 1 and 604800 seconds."),
    ),
    "without an end": (
        "300",
        {"after": drop("X-Amz-Expires")},
        incomplete("AWS query-string parameters must include 'X-Amz-Expires'."),
    ),
    "without a credential and a date": (
        "300",
        {"after": drop("X-Amz-Credential", "X-Amz-Date")},
        incomplete(
            "AWS query-string parameters must include 'X-Amz-Credential'. "
            "AWS query-string parameters must include 'X-Amz-Date'."
        ),
    ),
    "by another algorithm": (
        "300",
        {"algorithm": "none"},
        incomplete("Unsupported AWS 'algorithm': 'none'."),
    ),
    "for longer than was signed": ("300", {"after": put(**{"X-Amz-Expires": "301"})}, WRONG),
    "with a parameter more": ("300", {"after": put(a="b")}, WRONG),
    "of another body": ("300", {"after": body(b"{}")}, WRONG),
    "by another secret": ("300", {"secret": "x" * 40}, WRONG),
    "without its signature": ("300", {"after": drop("X-Amz-Signature")}, MISSING),
    "with hundreds of parameters": (
        "300",
        {"after": put(**{f"a{number}": "b" for number in range(100)})},
        incomplete("The query has too many parameters."),
    ),
}


@pytest.mark.parametrize("name", PRESIGNED)
def test_a_presigned_request_that_is_not_right(name: str, desk: Desk) -> None:
    expires, changes, expected = PRESIGNED[name]

    assert refusal(desk, desk.draft(**changes).presigned(expires)) == expected


# Sessions end, and go with whom they belong to


def test_a_session_ends_by_the_clock_of_the_service() -> None:
    world = World()
    with served(world, FixedClock(START)) as endpoint:
        desk = Desk(world, endpoint)
        world.advance(hours=12, seconds=-1)
        assert desk.session_draft().signed().send(endpoint).status == 200

        world.advance(seconds=1)

        assert refusal(desk, desk.session_draft().signed()) == EXPIRED
        assert refusal(desk, desk.session_draft(token="A").signed()) == UNKNOWN


def test_the_sessions_of_a_role_are_gone_with_it_and_do_not_come_back() -> None:
    """CORE K-211."""
    world = World()
    with served(world, FixedClock(START)) as endpoint:
        desk = Desk(world, endpoint)
        role = next(i for i in world.state.directory.identities.values() if i.arn.type == "role")
        world.direct(lambda directory: directory.without_identity(role.arn))

        assert refusal(desk, desk.session_draft().signed()) == UNKNOWN
        world.session("worker", ALLOW_ALL)
        assert refusal(desk, desk.session_draft().signed()) == UNKNOWN


def test_there_are_enough_cases() -> None:
    assert len(CASES) + len(SESSIONS) + len(PRESIGNED) >= 40


def test_a_clock_that_is_not_at_a_full_second_judges_by_full_seconds() -> None:
    world = World()
    late = FixedClock(START + dt.timedelta(milliseconds=999))
    with served(world, late) as endpoint:
        desk = Desk(world, endpoint)

        assert desk.draft(stamp="20260301T075500Z").signed().send(endpoint).status == 200
