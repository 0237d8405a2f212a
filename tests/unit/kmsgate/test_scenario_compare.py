"""Patterns and values: what fits, what does not, and what messages show of it."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from kms.runtime import SeededEntropy
from kms.shapes import request_kind
from kmsgate import yaml_reader
from kmsgate.scenario.compare import StepError, Values, shown
from kmsgate.scenario.fields import Complaints, Item
from policy.source import Source

NOW = dt.datetime(2026, 1, 5, 9, tzinfo=dt.UTC)
SAVED: dict[str, Any] = {
    "blob": b"abc", "id": "x-1", "days": "7", "count": 7, "yes": True, "list": ["a"], "then": NOW,
}  # fmt: skip


def item(text: str) -> Item:
    source = Source("s.yaml", f"v: {text}\n")
    return Item(yaml_reader.read(source), source, Complaints()).fields("it")["v"]


def values() -> Values:
    return Values({**SAVED, "now": NOW}, NOW, SeededEntropy(1))


def difference(pattern: str, actual: object) -> str | None:
    found = values().difference(item(pattern), actual, "It")
    return found[1] if found is not None else None


@pytest.mark.parametrize(
    ("pattern", "actual"),
    [
        ("abc", "abc"),
        ("7", 7),
        ("'7'", 7),
        ("true", True),
        ("false", False),
        ("", None),
        ("2026-01-05T09:00:00Z", NOW),
        ("2026-01-05T10:00:00+01:00", NOW),
        ("$now", NOW),
        ("$then", NOW),
        ("$id", "x-1"),
        ("$days", 7),
        ("$days", "7"),
        ("$count", 7),
        ("$yes", True),
        ("$blob", b"abc"),
        ("$list", ["a"]),
        ("{text: abc}", b"abc"),
        ("{hex: 616263}", b"abc"),
        ("{base64: YWJj}", b"abc"),
        ("{repeat: 61, length: 3}", b"aaa"),
        ("{repeat: 6162, length: 3}", b"aba"),
        ("[a, b]", ["a", "b"]),
        ("[]", []),
        ("{a: 1, b: {c: x}}", {"a": 1, "b": {"c": "x"}, "more": "than asked"}),
        ("{}", {"a": 1}),
        ("{a: {absent: true}}", {"b": 1}),
        ("{length: 3}", b"abc"),
        ("{length: 2}", ["a", "b"]),
        ("{length: 1}", {"a": 1}),
        ("{length: $count}", "1234567"),
        ("{matches: ^a.c$}", "abc"),
        ("{matches: '7'}", 17),
        ("{contains: {text: b}}", "abc"),
        ("{contains: {hex: 6263}}", b"abc"),
        ("{contains: $id}", ["a", {"b": "the x-1 of it"}]),
        ("{contains: {text: '7'}}", {"a": 17}),
        ("{not: {contains: {text: b}}}", {"b": "a"}),
        ("{not: b}", "a"),
        ("{not: $id}", "x-2"),
        ("{not: {length: 3}}", "ab"),
        ("{not: {text: abd}}", b"abc"),
    ],
)
def test_a_value_that_fits(pattern: str, actual: object) -> None:
    assert difference(pattern, actual) is None


@pytest.mark.parametrize(
    ("pattern", "actual", "said"),
    [
        ("abc", "abd", "It is abd, not abc"),
        ("7", 8, "It is 8, not 7"),
        ("true", False, "It is false, not true"),
        ("True", True, "It is true, not True"),
        ("x", None, "It is nothing, not x"),
        ("", "x", "It is x, not nothing"),
        ("soon", NOW, "It is 2026-01-05T09:00:00Z, not soon"),
        ("$id", "x-2", "It is x-2, not x-1"),
        ("$blob", b"abcd", "It is 4 bytes, not 3 bytes"),
        ("$blob", "abc", "It is abc, not 3 bytes"),
        ("3 bytes", b"abc", "It is 3 bytes, not 3 bytes"),
        ("{text: a}", b"abc", "It is 3 bytes, not 1 bytes"),
        ("[a]", ["a", "b"], "It has 2 entries, not 1"),
        ("[a]", "a", "It is a, not a list"),
        ("'[a]'", ["a"], "It is [a], not [a]"),
        ("[a, [b]]", ["a", ["c"]], "It[1][0] is c, not b"),
        ("{a: x}", "x", "It is x, not an object"),
        ("{a: x}", {}, "there is no It.a"),
        ("{a: {b: x}}", {"a": {"b": "y"}}, "It.a.b is y, not x"),
        ("{a: {absent: true}}", {"a": 1}, "It.a is there: 1"),
        ("{absent: true}", 1, "It is there: 1"),
        ("{length: 2}", b"abc", "It has length 3, not 2"),
        ("{length: 2}", 5, "It is 5, which has no length"),
        ("{length: 2}", None, "It is nothing, which has no length"),
        ("{matches: ^b}", "abc", "It is abc, which does not match"),
        ("{matches: .}", b"abc", "It is 3 bytes, which does not match"),
        ("{matches: .}", ["a"], "It is [a], which does not match"),
        ("{contains: {text: d}}", b"abc", "It is 3 bytes, which does not contain it"),
        (
            "{contains: {text: d}}",
            ["a", {"d": None}],
            "It is [a, {d: nothing}], which does not contain it",
        ),
        ("{not: {contains: $blob}}", b"xabcx", "It is 5 bytes, which it must not be"),
        ("{not: a}", "a", "It is a, which it must not be"),
        ("{not: {text: abc}}", b"abc", "It is 3 bytes, which it must not be"),
    ],
)
def test_a_value_that_does_not_fit_is_told_with_its_place(
    pattern: str, actual: object, said: str
) -> None:
    assert difference(pattern, actual) == said


def test_the_first_difference_is_told_at_its_own_place_in_the_file() -> None:
    found = values().difference(item("{a: 1, b: [x, y]}"), {"a": 1, "b": ["x", "z"]})

    assert found is not None
    assert found[0].source.place(found[0].node.span) == "s.yaml:1:18"
    assert found[1] == "b[1] is z, not y"


@pytest.mark.parametrize(
    ("pattern", "actual"),
    [
        ("{hex: zz}", b"a"),
        ("{file: nowhere}", b"a"),
        ("{file: /dev/zero}", b"a"),
        ("{random: x}", b"a"),
        ("{repeat: '', length: 2}", b"a"),
        ("{repeat: 5a}", b"a"),
        ("{text: $blob}", b"a"),
        ("{text: [a]}", b"a"),
        ("{strange: a}", b"a"),
        ("{matches: '('}", "a"),
        ("{contains: {text: ''}}", "a"),
        ("{contains: $list}", "a"),
        ("$unset", "a"),
        ("{length: $unset}", "a"),
        ("{length: [a]}", "a"),
    ],
)
def test_a_pattern_that_is_none_is_a_step_that_cannot_be_done(pattern: str, actual: object) -> None:
    with pytest.raises(StepError):
        difference(pattern, actual)


@pytest.mark.parametrize(
    ("value", "path", "text"),
    [
        (b"secret", "", "6 bytes"),
        ([b"a", {"b": b"cc"}], "", "[1 bytes, {b: 2 bytes}]"),
        ("opens", "GrantToken", "a grant token"),
        (["opens"], "GrantTokens", "a grant token"),
        ({"GrantToken": "opens", "GrantId": "g"}, "", "{GrantToken: a grant token, GrantId: g}"),
        ([{"grantTokens": ["a"]}], "x", "[{grantTokens: a grant token}]"),
        (None, "", "nothing"),
        (True, "", "true"),
        (NOW, "", "2026-01-05T09:00:00Z"),
    ],
)
def test_secrets_are_shown_by_their_kind(value: object, path: str, text: str) -> None:
    assert shown(value, path) == text


def test_members_get_the_types_of_the_service_model() -> None:
    written = item("{KeyId: $id, PendingWindowInDays: $days}")
    kind = request_kind("ScheduleKeyDeletion")

    assert values().of(written, kind) == {"KeyId": "x-1", "PendingWindowInDays": 7}


def test_a_time_may_be_counted_from_now() -> None:
    kind = request_kind("ImportKeyMaterial")

    assert values().of(item("{ValidTo: {in: 30 days}}"), kind) == {
        "ValidTo": NOW + dt.timedelta(days=30)
    }
    assert values().of(item("{ValidTo: {in: {days: $days}}}"), kind) == {
        "ValidTo": NOW + dt.timedelta(days=7)
    }
    assert values().of(item("{ValidTo: $then}"), kind) == {"ValidTo": NOW}
    assert values().of(item("{ValidTo: 2026-02-01}"), kind) == {
        "ValidTo": dt.datetime(2026, 2, 1, tzinfo=dt.UTC)
    }


def test_random_bytes_follow_the_seed() -> None:
    first, second = (values().octets(item("{random: 16}")) for _ in range(2))

    assert first == second
    assert len(first) == 16


def test_a_policy_in_yaml_is_put_as_json_with_its_names_replaced() -> None:
    document = values().document(item("{Statement: [{Resource: $id, Sid: '$id'}]}"))

    assert '"Resource": "x-1"' in document
    assert '"Sid": "$id"' in document
