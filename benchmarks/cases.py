"""What is asked in every benchmark: one world, its standard question, and a mix from a seed.

A role session uses a key in its own account: five statements of the key policy, four of the
role's identity policy and an SCP may speak. Conditions are of kinds that every peer can express.
"""

from __future__ import annotations

import fnmatch
import random
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Final

from policy import Documents, Level, Outcome, PolicyKind, parse
from policy.request import Values
from policy.vocabulary import ACTIONS, ResourceKind

ACCOUNT: Final = "111122223333"
KEY_ARN: Final = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/d14e3d14-6ffb-49c0-8eae-b265286dc496"
ROLE: Final = "payroll-app"
ADMIN: Final = "key-admin"
SESSIONS: Final = tuple(f"payroll-{number}" for number in range(1, 5))
SEED: Final = 64

KEY_POLICY: Final = (
    """{
  "Version": "2012-10-17",
  "Id": "payroll-key",
  "Statement": [
    {
      "Sid": "LetIamSpeak",
      "Effect": "Allow",
      "Principal": {"AWS": "arn:aws:iam::ACCOUNT:root"},
      "Action": "kms:*",
      "Resource": "*"
    },
    {
      "Sid": "Administer",
      "Effect": "Allow",
      "Principal": {"AWS": "arn:aws:iam::ACCOUNT:role/key-admin"},
      "Action": ["kms:Create*", "kms:Describe*", "kms:Enable*", "kms:Disable*", "kms:List*",
        "kms:Put*", "kms:Update*", "kms:Revoke*", "kms:ScheduleKeyDeletion"],
      "Resource": "*"
    },
    {
      "Sid": "UseForPayroll",
      "Effect": "Allow",
      "Principal": {"AWS": "arn:aws:iam::ACCOUNT:role/payroll-app"},
      "Action": ["kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey*"],
      "Resource": "*",
      "Condition": {"StringEquals": {"kms:EncryptionContext:department": "payroll"}}
    },
    {
      "Sid": "UseThroughStorage",
      "Effect": "Allow",
      "Principal": {"AWS": "arn:aws:iam::ACCOUNT:role/payroll-app"},
      "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
      "Resource": "*",
      "Condition": {
        "StringEquals": {
          "kms:ViaService": ["s3.eu-west-1.amazonaws.com", "ec2.eu-west-1.amazonaws.com"]
        },
        "Bool": {"aws:ViaAWSService": "true"}
      }
    },
    {
      "Sid": "OnlyFromOurNetwork",
      "Effect": "Deny",
      "Principal": "*",
      "Action": ["kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*"],
      "Resource": "*",
      "Condition": {
        "NotIpAddress": {"aws:SourceIp": ["10.0.0.0/8", "203.0.113.0/24"]},
        "Bool": {"aws:ViaAWSService": "false"}
      }
    }
  ]
}"""
).replace("ACCOUNT", ACCOUNT)

IDENTITY_POLICY: Final = (
    (
        """{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "ReadKeys",
      "Effect": "Allow",
      "Action": ["kms:DescribeKey", "kms:Get*", "kms:ListGrants"],
      "Resource": "arn:aws:kms:*:ACCOUNT:key/*"
    },
    {
      "Sid": "UseForBilling",
      "Effect": "Allow",
      "Action": ["kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"],
      "Resource": "KEY_ARN",
      "Condition": {"StringLike": {"kms:EncryptionContext:project": "billing-*"}}
    },
    {
      "Sid": "GrantToServices",
      "Effect": "Allow",
      "Action": "kms:CreateGrant",
      "Resource": "KEY_ARN",
      "Condition": {"Bool": {"kms:GrantIsForAWSResource": "true"}}
    },
    {
      "Sid": "NothingTemporary",
      "Effect": "Deny",
      "Action": ["kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey*"],
      "Resource": "*",
      "Condition": {
        "ForAnyValue:StringEquals": {"kms:EncryptionContextKeys": ["scratch", "temporary"]}
      }
    }
  ]
}"""
    )
    .replace("KEY_ARN", KEY_ARN)
    .replace("ACCOUNT", ACCOUNT)
)

SCP: Final = """{
  "Version": "2012-10-17",
  "Statement": [
    {"Sid": "Everything", "Effect": "Allow", "Action": "*", "Resource": "*"},
    {
      "Sid": "OnlyTaggedForProduction",
      "Effect": "Deny",
      "Action": "kms:*",
      "Resource": "*",
      "Condition": {"StringNotEquals": {"aws:PrincipalTag/stage": ["production", "canary"]}}
    }
  ]
}"""

BOOLEANS: Final = frozenset(
    {"aws:SecureTransport", "aws:ViaAWSService", "kms:GrantIsForAWSResource"}
)
"""The facts that a peer with types is given as true or false."""


class DisagreementError(Exception):
    """An engine does not give the answer that all must give; nothing is measured then."""


@dataclass(frozen=True, slots=True)
class Question:
    """One request as a surface would write it: plain texts only."""

    name: str
    session: str
    action: str
    facts: tuple[tuple[str, Values], ...]

    @property
    def caller_arn(self) -> str:
        """The session that asks."""
        return f"arn:aws:sts::{ACCOUNT}:assumed-role/{ROLE}/{self.session}"


@cache
def documents() -> Documents:
    """Return everything that may speak about the questions."""
    scp = parse(SCP, name="scp", kind=PolicyKind.SCP)
    return Documents(
        key_policy=parse(KEY_POLICY, name="key policy"),
        identity=(parse(IDENTITY_POLICY, name="identity", kind=PolicyKind.IDENTITY_POLICY),),
        scps=(Level("r-root", (scp,)),),
    )


def standard() -> Question:
    """Return the standard question: Decrypt, twelve context keys, allowed by UseForPayroll."""
    return Question("standard", SESSIONS[0], "kms:Decrypt", _facts(
        stage="production", source="10.1.2.3", via=None, on_data=True,
        pairs={"department": "payroll", "project": "billing-eu"},
    ))  # fmt: skip


def mix(count: int = 64) -> tuple[Question, ...]:
    """Return questions from a seed: about half are allowed, the others denied in both ways."""
    chance = random.Random(SEED)  # noqa: S311 - the same questions in every run
    return tuple(_any_question(chance, f"mix[{index}]") for index in range(count))


_ON_DATA = ("kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom")
_ON_KEY = ("kms:DescribeKey", "kms:GetKeyPolicy", "kms:DisableKey")
_SERVICES = ("s3.eu-west-1.amazonaws.com", "lambda.eu-west-1.amazonaws.com")


def _any_question(chance: random.Random, name: str) -> Question:
    action = chance.choice((*_ON_DATA * 3, *_ON_KEY, "kms:CreateGrant"))
    on_data = action in _ON_DATA
    pairs: dict[str, str] = {}
    if on_data:
        pairs = {
            "department": chance.choice(("payroll", "payroll", "sales")),
            "project": chance.choice(("billing-eu", "billing-us", "research")),
        }
        if chance.random() < 0.15:
            pairs["scratch"] = "yes"
    facts = _facts(
        stage=chance.choice(("production",) * 5 + ("canary",) * 2 + ("test",)),
        source=chance.choice(("10.1.2.3", "10.200.0.9", "203.0.113.77", "198.51.100.7")),
        via=chance.choice((None, None, *_SERVICES)),
        on_data=on_data,
        pairs=pairs,
    )
    if action == "kms:CreateGrant":
        facts += (("kms:GrantIsForAWSResource", chance.choice(("true", "false"))),)
    return Question(name, chance.choice(SESSIONS), action, facts)


def _facts(
    *, stage: str, source: str, via: str | None, on_data: bool, pairs: dict[str, str]
) -> tuple[tuple[str, Values], ...]:
    facts: list[tuple[str, Values]] = [
        ("aws:RequestedRegion", "eu-west-1"),
        ("aws:SecureTransport", "true"),
        ("aws:ViaAWSService", "true" if via else "false"),
        ("aws:SourceIp", source),
        ("aws:PrincipalOrgID", "o-a1b2c3d4e5"),
        ("aws:PrincipalTag/stage", stage),
        ("kms:KeySpec", "SYMMETRIC_DEFAULT"),
        ("kms:KeyUsage", "ENCRYPT_DECRYPT"),
    ]
    if on_data:
        facts.append(("kms:EncryptionAlgorithm", "SYMMETRIC_DEFAULT"))
    if via:
        facts.append(("kms:ViaService", via))
    facts += ((f"kms:EncryptionContext:{name}", value) for name, value in pairs.items())
    if pairs:
        facts.append(("kms:EncryptionContextKeys", tuple(pairs)))
    return tuple(facts)


def key_actions() -> tuple[str, ...]:
    """Return every action that is asked on a key."""
    return tuple(str(a) for a in ACTIONS.values() if a.resource is ResourceKind.KEY)


def actions_like(*patterns: str) -> tuple[str, ...]:
    """Return the actions on keys that IAM patterns take, for peers that list them."""
    found = (
        action
        for action in key_actions()
        if any(fnmatch.fnmatchcase(action, pattern) for pattern in patterns)
    )
    return tuple(dict.fromkeys(found))


def check_agreement(
    who: str, questions: Iterable[Question], wanted: Iterable[Outcome], got: Iterable[str]
) -> None:
    """Raise DisagreementError at the first question that an engine answers in another way."""
    for question, expected, answer in zip(questions, wanted, got, strict=True):
        if answer != expected:
            raise DisagreementError(
                f"{who} says {answer} where kmsgate says {expected}: {question.name}, "
                f"{question.session} asks {question.action} with {dict(question.facts)}"
            )
