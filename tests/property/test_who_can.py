"""Who can is never wrong: whoever makes any request that is allowed can, or is not settled."""

from __future__ import annotations

import functools
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from kms.gate import Gate
from kms.operation import Call
from kms.runtime import FixedClock, SeededEntropy
from kms.service import Service
from kms.store import MemoryStore
from kmsgate.scenario.files import load
from kmsgate.scenario.reach import who_can
from kmsgate.scenario.world import World

AGENTS = ("ab", "a", "b", "abc", "")
ADDRESSES = ("10.0.0.1", "10.200.0.1", "192.0.2.1")
TENANTS = ("blue", "red", "bl", "")
ENDPOINTS = ("vpce-1a2b3c4d5e6f70809", "vpce-9f8e7d6c5b4a32100")

TESTS = st.one_of(
    st.tuples(
        st.sampled_from(["StringEquals", "StringNotLike", "StringLikeIfExists", "StringLike"]),
        st.sampled_from(["aws:UserAgent", "kms:EncryptionContext:tenant", "aws:username"]),
        st.lists(st.sampled_from(["a*", "ab", "*", "blue", "bl*", "*e", "app"]), min_size=1),
    ),
    st.tuples(
        st.sampled_from(["IpAddress", "NotIpAddress"]),
        st.just("aws:SourceIp"),
        st.lists(st.sampled_from(["10.0.0.0/8", "10.128.0.0/9"]), min_size=1, max_size=2),
    ),
    st.tuples(
        st.sampled_from(["StringEquals", "StringNotEquals", "StringNotEqualsIfExists"]),
        st.sampled_from(["aws:SourceVpce", "kms:ViaService"]),
        st.sampled_from([*ENDPOINTS, "s3.us-east-1.amazonaws.com"]).map(lambda text: [text]),
    ),
    st.tuples(
        st.sampled_from(["ForAllValues:StringEquals", "ForAnyValue:StringEquals"]),
        st.just("kms:EncryptionContextKeys"),
        st.lists(st.sampled_from(["tenant", "order"]), min_size=1, max_size=2),
    ),
    st.tuples(
        st.sampled_from(["Bool", "Null"]),
        st.sampled_from(["aws:ViaAWSService", "aws:SecureTransport", "aws:UserAgent"]),
        st.sampled_from(["true", "false"]).map(lambda text: [text]),
    ),
)


@st.composite
def statements(draw: st.DrawFn) -> dict[str, Any]:
    condition: dict[str, dict[str, list[str]]] = {}
    for operator, key, values in draw(st.lists(TESTS, max_size=2)):
        condition.setdefault(operator, {})[key] = values
    return {
        "Effect": draw(st.sampled_from(["Allow", "Allow", "Deny"])),
        "Principal": {"AWS": "arn:aws:iam::111122223333:role/app"},
        "Action": "kms:*",
        "Resource": "*",
        **({"Condition": condition} if condition else {}),
    }


CALLS = st.fixed_dictionaries(
    {
        "agent": st.sampled_from([None, *AGENTS]),
        "address": st.sampled_from([None, *ADDRESSES]),
        "pairs": st.dictionaries(st.sampled_from(["tenant", "order"]), st.sampled_from(TENANTS)),
        "via": st.sampled_from([None, None, "s3", "ec2"]),
        "endpoint": st.sampled_from([None, None, *ENDPOINTS]),
    }
)


@functools.lru_cache(maxsize=8)
def world(policy: str) -> World:
    head = (
        'version: 1\nworld:\n  accounts: {main: "111122223333"}\n  roles: {app: {}}\n'
        f"  keys: {{payroll: {{policy: {policy}}}}}\n"
        "tests: [{name: t, as: app, steps: [{call: ListKeys}]}]\n"
    )
    return load("s.yaml", head.encode()).tests[0].world


@given(st.lists(statements(), min_size=1, max_size=3), st.lists(CALLS, min_size=1, max_size=4))
def test_whoever_makes_an_allowed_request_can(
    policy: list[dict[str, Any]], calls: list[dict[str, Any]]
) -> None:
    built = world(json.dumps({"Version": "2012-10-17", "Statement": policy}))
    key, clock, entropy = built.keys["payroll"], FixedClock(built.clock), SeededEntropy(1)
    caller = built.caller("app", built.state.directory)
    service = Service(MemoryStore(built.state), Gate(), clock, entropy, built.settings)
    assert caller is not None
    found = who_can("kms:Decrypt", key, built, built.state, clock, entropy)
    (app,) = [each for each in found if each.name == "app"]

    for made in calls:
        facts = {"aws:UserAgent": made["agent"], "aws:SourceIp": made["address"]}
        call = Call(
            caller,
            "Decrypt",
            {"KeyId": str(key), "EncryptionContext": made["pairs"]},
            key.region,
            {name: value for name, value in facts.items() if value is not None},
            made["via"],
            made["endpoint"],
        )
        if service.decide(call).error is None:
            assert app.can or app.unsettled
