"""Samples fall on every side of every comparison, or say that they do not."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy import Context, Effect, parse
from policy.conditions import compare
from policy.model import Condition
from policy.samples import Samples, samples

KEY = "aws:UserAgent"
_TEXTS = st.text(alphabet="ab", max_size=3)


def conditions(*tests: tuple[str, str], key: str = KEY) -> list[Condition]:
    """Return conditions of one key: operator and value."""
    found = []
    for operator, value in tests:
        statement = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}
        condition = {"Condition": {operator: {key: value}}}
        document = {"Version": "2012-10-17", "Statement": [{**statement, **condition}]}
        found += parse(json.dumps(document)).statements[0].conditions
    return found


def of(*tests: tuple[str, str], facts: dict[str, str] | None = None) -> Samples:
    return samples(conditions(*tests), Context(facts or {}).single)


def verdicts(tests: list[Condition], value: str) -> tuple[bool, ...]:
    return tuple(compare(each, Context({KEY: value}), Effect.ALLOW).matched for each in tests)


@given(
    st.lists(st.tuples(st.sampled_from(["StringEquals", "StringNotEquals"]), _TEXTS), max_size=3),
    st.lists(_TEXTS.map(lambda text: ("StringLike", f"{text}*")), max_size=3),
    _TEXTS,
)
def test_any_text_is_judged_as_some_sample_is(
    plain: list[tuple[str, str]], like: list[tuple[str, str]], text: str
) -> None:
    tests = conditions(*plain, *like)
    found = of(*plain, *like)

    assert found.complete
    assert verdicts(tests, text) in {verdicts(tests, value) for value in found.values}


@pytest.mark.parametrize(
    "tests",
    [
        (("NumericLessThan", "10"), ("NumericGreaterThanEquals", "7")),
        (("NumericGreaterThan", "3"), ("NumericLessThan", "4")),
        (("IpAddress", "10.0.0.0/8"), ("NotIpAddress", "10.2.0.0/16")),
        (("Bool", "true"),),
        (
            ("StringLike", "b*"),
            ("StringLike", "bx*"),
            ("StringEquals", "b"),
            ("StringEquals", "bq"),
        ),
        (("StringEqualsIgnoreCase", "Ab"), ("StringEquals", "Ab")),
    ],
)
def test_every_combination_that_can_be_is_there(tests: tuple[tuple[str, str], ...]) -> None:
    made, found = conditions(*tests), of(*tests)
    tried = ["0", "3", "3.5", "5", "7", "8", "10", "11", "10.1.2.3", "10.2.3.4", "9.0.0.1", "true"]
    tried += ["false", "Ab", "aB", "ab", "x", "b", "bq", "bx", "bc"]

    assert found.complete
    assert {verdicts(made, each) for each in tried} <= {verdicts(made, v) for v in found.values}


@pytest.mark.parametrize(
    "tests",
    [
        (("StringLike", "*a"), ("StringLike", "b*")),
        (("StringEquals", "a"), ("NumericEquals", "3")),
        (("StringEquals", "${aws:SourceIp}"),),
    ],
)
def test_what_is_not_divided_up_is_not_called_complete(tests: tuple[tuple[str, str], ...]) -> None:
    assert not of(*tests).complete


def test_variables_are_replaced_before_anything_is_compared() -> None:
    found = of(("StringEquals", "${aws:SourceIp}"), facts={"aws:SourceIp": "10.0.0.1"})

    assert found.complete
    assert "10.0.0.1" in found.values


def test_without_a_comparison_there_is_still_a_value() -> None:
    assert of(("Null", "true")).values
    assert list(itertools.islice(of().values, 1))
