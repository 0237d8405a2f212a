"""Values as JSON and back, by type hints."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kms.codec import UnknownMember, codec_of
from kms.ordered import SortedSet
from kms.table import Table
from policy import Arn, PolicyKind, parse

NOON = dt.datetime(2026, 3, 1, 12, 0, 0, 5000, tzinfo=dt.UTC)


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True, slots=True)
class Part:
    id: str
    secret: bytes = field(repr=False)
    weight: int | None = None


@dataclass(frozen=True, slots=True)
class Hiding:
    id: str
    tokens: frozenset[str] = field(default=frozenset(), repr=False)


@dataclass(frozen=True, slots=True)
class Whole:
    arn: Arn
    colour: Colour
    at: dt.datetime
    parts: tuple[Part, ...] = ()
    pair: tuple[str, int] = ("", 0)
    names: frozenset[str] = frozenset()
    tags: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    delay: dt.timedelta = dt.timedelta()
    values: str | tuple[str, ...] | None = None
    shared: bytes | None = field(default=None, repr=False)
    flag: bool = False
    ratio: float = 0.0
    seen: SortedSet[tuple[str, str]] = SortedSet()
    marks: Table[str, int] = Table()
    by_part: Mapping[tuple[str, int], str] = field(default_factory=dict)
    memo: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)


FULL = Whole(
    Arn("aws", "kms", "eu-west-1", "111122223333", "key/x"),
    Colour.RED,
    NOON,
    (Part("a", b"first"), Part("b", b"", 3)),
    ("x", 7),
    frozenset({"z", "a"}),
    {"\ud800": "ä\n"},
    dt.timedelta(days=3, microseconds=1),
    ("a", "b"),
    b"shared",
    True,
    0.5,
    SortedSet().add(("b", "c")).add(("a", "z")),
    Table({"k": 1}),
    {("p", 1): "q"},
)
PLAIN = Whole(FULL.arn, Colour.RED, NOON)


def through_json(value: Any, hint: Any) -> tuple[Any, str, list[bytes]]:
    secrets: list[bytes] = []
    text = json.dumps(codec_of(hint).encode(value, secrets))
    return codec_of(hint).decode(json.loads(text), tuple(secrets)), text, secrets


@pytest.mark.parametrize("value", [FULL, PLAIN])
def test_a_value_comes_back_as_it_was(value: Whole) -> None:
    back, _, _ = through_json(value, Whole)

    assert back == value
    assert type(back.colour) is Colour


def test_what_no_repr_shows_is_handed_over_though_it_is_text() -> None:
    """CORE K-112: tokens, and the secrets of access keys."""
    value = Hiding("a", frozenset({"open sesame", "open"}))
    back, text, secrets = through_json(value, Hiding)

    assert back == value
    assert "open" not in text
    assert secrets == [b'["open", "open sesame"]']


def test_bytes_are_handed_over_and_leave_no_trace_in_the_text() -> None:
    _, text, secrets = through_json(FULL, Whole)

    assert secrets == [b"first", b"", b"shared"]
    assert "first" not in text
    assert b"first".hex() not in text
    assert "Zmlyc3Q" not in text  # its base64


def test_what_equals_its_default_is_left_out_and_comes_back() -> None:
    _, text, _ = through_json(PLAIN, Whole)

    assert set(json.loads(text)) == {"arn", "colour", "at"}


def test_a_member_of_a_newer_version_is_not_lost_silently() -> None:
    with pytest.raises(UnknownMember, match="Part has no `shape`"):
        codec_of(Part).decode({"id": "a", "secret": 0, "shape": "round"}, (b"x",))


@pytest.mark.parametrize(
    "data",
    [
        {"colour": "red", "at": NOON.isoformat()},
        {"arn": "no", "colour": "red", "at": NOON.isoformat()},
        {"arn": str(FULL.arn), "colour": "blue", "at": NOON.isoformat()},
        {"arn": str(FULL.arn), "colour": "red", "at": "2026-03-01T12:00:00"},
        {"arn": str(FULL.arn), "colour": "red", "at": NOON.isoformat(), "pair": ["x"]},
        {"arn": str(FULL.arn), "colour": "red", "at": NOON.isoformat(), "flag": "yes"},
        {"arn": str(FULL.arn), "colour": "red", "at": NOON.isoformat(), "shared": 1},
    ],
)
def test_what_was_never_written_is_refused(data: dict[str, Any]) -> None:
    with pytest.raises((TypeError, ValueError, IndexError)):
        codec_of(Whole).decode(data, ())


@pytest.mark.parametrize("value", [3, "text", None, PLAIN])
def test_a_value_of_another_type_is_not_written(value: object) -> None:
    with pytest.raises(TypeError):
        codec_of(Part).encode(value, [])


@pytest.mark.parametrize("hint", [object, complex, list[str], set[str]])
def test_a_type_that_no_record_may_have_is_refused_when_it_is_declared(hint: Any) -> None:
    with pytest.raises(TypeError, match="no record may hold"):
        codec_of(hint)


def test_a_policy_comes_back_from_its_text() -> None:
    text = '{"Statement": [{"Effect": "Deny", "Action": "kms:*", "Resource": "*"}]}'
    policy = parse(text, name="mine", kind=PolicyKind.SCP)

    back, _, _ = through_json((policy,), tuple[type(policy), ...])

    assert back == (policy,)


FREE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.text()
    | st.binary()
    | st.datetimes(timezones=st.just(dt.UTC)),
    lambda each: (
        st.lists(each)
        | st.dictionaries(st.text() | st.sampled_from(["$at", "$bytes", "$map"]), each)
    ),
)


@given(FREE)
def test_what_nobody_declared_comes_back_as_well(value: Any) -> None:
    back, _, secrets = through_json(value, Any)

    assert back == value
    assert secrets == []
