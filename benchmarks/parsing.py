"""Reading a policy: kmsgate with places, next to json.loads, Lark's JSON example and parliament."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any, TypeAlias

from lark import Lark, Transformer

from benchmarks.cases import ACCOUNT
from benchmarks.measure import Pace, Subject, Table, at_least, in_process, race, under
from benchmarks.peers import MissingPeerError, package
from policy import Source, parse
from policy.parser import parse_json

Json: TypeAlias = dict[str, Any]

SIZES = {"2.8 KB": 2_867, "32 KB": 32_768}

# JSON as Lark's tutorial teaches it: values, lists, pairs; a transformer makes Python of them
# while it is parsed.
GRAMMAR = r"""
?value: members | array | string
      | SIGNED_NUMBER -> number
      | "true" -> yes
      | "false" -> no
      | "null" -> nothing
array: "[" [value ("," value)*] "]"
members: "{" [pair ("," pair)*] "}"
pair: string ":" value
string: ESCAPED_STRING

%import common.ESCAPED_STRING
%import common.SIGNED_NUMBER
%import common.WS
%ignore WS
"""


class ToPython(Transformer[Any, Any]):
    """The tutorial's callbacks: one for each rule."""

    array = list
    members = dict
    pair = tuple

    def string(self, children: list[str]) -> str:
        """Take the quotes away and read the escaped quotes."""
        return children[0][1:-1].replace('\\"', '"')

    def number(self, children: list[str]) -> float:
        """Read the digits."""
        return float(children[0])

    def yes(self, _: object) -> bool:
        """`true`."""
        return True

    def no(self, _: object) -> bool:
        """`false`."""
        return False

    def nothing(self, _: object) -> None:
        """`null`."""


def lark_example(*, positions: bool) -> Lark:
    """Return Lark's JSON example, with or without places; maybe_placeholders off, its quick way."""
    return Lark(
        GRAMMAR,
        start="value",
        parser="lalr",
        lexer="basic",
        propagate_positions=positions,
        maybe_placeholders=False,
        transformer=ToPython(),
    )


def policy_text(size: int) -> str:
    """Return a key policy of at most so many bytes, and at least 60 less.

    It has the statements that people write, again and again, and is filled up with principals.
    """
    statements: list[Json] = []
    while len(_written(statements)) < size:
        statements.append(_statement(len(statements)))
    statements.pop()
    principals: list[str] = statements[-1]["Principal"]["AWS"]
    while len(_written(statements)) < size:
        principals.append(f"arn:aws:iam::{ACCOUNT}:role/more-{len(principals)}")
    principals.pop()
    return _written(statements)


def _written(statements: list[Json]) -> str:
    document = {"Version": "2012-10-17", "Id": "key-policy", "Statement": statements}
    return json.dumps(document, indent=2)


def _statement(number: int) -> Json:
    conditions: tuple[Json, ...] = (
        {"StringEquals": {"kms:EncryptionContext:department": ["payroll", "billing"]}},
        {"Bool": {"aws:MultiFactorAuthPresent": "true"}},
        {"StringLike": {"kms:ViaService": "s3.*.amazonaws.com"}},
    )
    return {
        "Sid": f"Use{number}",
        "Effect": "Allow" if number % 4 else "Deny",
        "Principal": {"AWS": [f"arn:aws:iam::{ACCOUNT}:role/team/app-{number}"]},
        "Action": ["kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey*", "kms:DescribeKey"],
        "Resource": "*",
        "Condition": conditions[number % len(conditions)],
    }


POLICY, TREE = "kmsgate, text to policy with places", "kmsgate, text to tree with places"
EXAMPLE = "Lark's JSON example, positions"


def run(pace: Pace, *, peers: bool) -> list[Table]:
    """Measure both sizes."""
    return [_table(label, policy_text(size), pace, peers=peers) for label, size in SIZES.items()]


def _table(label: str, text: str, pace: Pace, *, peers: bool) -> Table:
    plain, placed = lark_example(positions=False), lark_example(positions=True)
    if not plain.parse(text) == placed.parse(text) == json.loads(text):
        raise ValueError("Lark's example and json.loads read different things")
    calls: dict[str, Callable[[], object]] = {
        POLICY: lambda: parse(text),
        TREE: lambda: parse_json(Source("policy", text)),
        "json.loads, no places": lambda: json.loads(text),
        "Lark's JSON example, no positions": lambda: plain.parse(text),
        EXAMPLE: lambda: placed.parse(text),
    }
    notes: tuple[str, ...] = ()
    if peers:
        try:
            calls["parliament, analyze_policy_string"] = _parliament(text)
        except MissingPeerError as missing:
            notes = (f"parliament: {missing}",)
    readings = race((Subject(name, in_process(call)) for name, call in calls.items()), pace)
    title = f"parse, {label}"
    bars = (*at_least(5, EXAMPLE, POLICY, readings), *at_least(5, EXAMPLE, TREE, readings))
    return Table(
        f"{title} ({len(text.encode()):,} bytes)", POLICY, readings, under(title, *bars), notes
    )


def _parliament(text: str) -> Callable[[], object]:
    module, _ = package("parliament")
    logging.getLogger("parliament").setLevel(logging.ERROR)
    return lambda: module.analyze_policy_string(text)
