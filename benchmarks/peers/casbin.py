"""pycasbin: roles, a rule for each statement, and a condition that the matcher evaluates."""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any

from benchmarks.cases import ACCOUNT, ADMIN, KEY_ARN, ROLE, SESSIONS, Question
from benchmarks.measure import Subject, in_process
from benchmarks.peers import package
from policy import Outcome

MODEL = """
[request_definition]
r = sub, obj, act, ctx
[policy_definition]
p = sub, obj, act, cond, eft, name
[role_definition]
g = _, _
[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))
[matchers]
m = g(r.sub, p.sub) && like(r.obj, p.obj) && regexMatch(r.act, p.act) && eval(p.cond)
"""

_DATA = "^kms:(Encrypt|Decrypt|GenerateDataKey.*)$"
_ADMIN = "^kms:(Create.*|Describe.*|Enable.*|Disable.*|List.*|Put.*|Update.*|Revoke.*|ScheduleKeyDeletion)$"  # fmt: skip # noqa: E501
_EVERY_KEY = f"arn:aws:kms:*:{ACCOUNT}:key/*"

RULES = (
    (ADMIN, KEY_ARN, _ADMIN, "True", "allow", "Administer"),
    (
        ROLE, KEY_ARN, _DATA,
        "one_of(r.ctx, 'kms:EncryptionContext:department', 'payroll')",
        "allow", "UseForPayroll",
    ),
    (
        ROLE, KEY_ARN, "^kms:(Decrypt|GenerateDataKey)$",
        "one_of(r.ctx, 'kms:ViaService', 's3.eu-west-1.amazonaws.com',"
        " 'ec2.eu-west-1.amazonaws.com') && one_of(r.ctx, 'aws:ViaAWSService', 'true')",
        "allow", "UseThroughStorage",
    ),
    (ROLE, _EVERY_KEY, "^kms:(DescribeKey|Get.*|ListGrants)$", "True", "allow", "ReadKeys"),
    (
        ROLE, KEY_ARN, "^kms:(Encrypt|Decrypt|GenerateDataKey.*|ReEncrypt.*)$",
        "matches(r.ctx, 'kms:EncryptionContext:project', 'billing-*')",
        "allow", "UseForBilling",
    ),
    (
        ROLE, KEY_ARN, "^kms:CreateGrant$",
        "one_of(r.ctx, 'kms:GrantIsForAWSResource', 'true')",
        "allow", "GrantToServices",
    ),
    (
        "everyone", KEY_ARN, "^kms:(Decrypt|ReEncrypt.*|GenerateDataKey.*)$",
        "!in_network(r.ctx, 'aws:SourceIp', '10.0.0.0/8', '203.0.113.0/24')"
        " && one_of(r.ctx, 'aws:ViaAWSService', 'false')",
        "deny", "OnlyFromOurNetwork",
    ),
    (
        ROLE, "*", _DATA,
        "any_of(r.ctx, 'kms:EncryptionContextKeys', 'scratch', 'temporary')",
        "deny", "NothingTemporary",
    ),
    (
        ACCOUNT, "*", "^kms:.*$",
        "!one_of(r.ctx, 'aws:PrincipalTag/stage', 'production', 'canary')",
        "deny", "OnlyTaggedForProduction",
    ),
)  # fmt: skip

ROLES = (
    *((session, ROLE) for session in SESSIONS),
    (ROLE, ACCOUNT),
    (ADMIN, ACCOUNT),
    (ACCOUNT, "everyone"),
)

Facts = dict[str, Any]


def _one_of(facts: Facts, name: str, *values: str) -> bool:
    return facts.get(name) in values


def _any_of(facts: Facts, name: str, *values: str) -> bool:
    return any(value in values for value in facts.get(name, ()))


def _matches(facts: Facts, name: str, pattern: str) -> bool:
    return fnmatchcase(facts.get(name, ""), pattern)


def _in_network(facts: Facts, name: str, *networks: str) -> bool:
    address = ipaddress.ip_address(facts[name])
    return any(address in ipaddress.ip_network(network) for network in networks)


class Casbin:
    """An enforcer with a handful of functions for conditions."""

    def __init__(self) -> None:
        module, found = package("casbin")
        self.name = f"casbin {found}"
        logging.getLogger("casbin").setLevel(logging.WARNING)
        model = module.Enforcer.new_model(text=MODEL)
        self._enforcer = module.Enforcer(model)
        for rule in RULES:
            self._enforcer.add_policy(*rule)
        for member, group in ROLES:
            self._enforcer.add_grouping_policy(member, group)
        functions = {
            "one_of": _one_of,
            "any_of": _any_of,
            "matches": _matches,
            "in_network": _in_network,
            "like": fnmatchcase,
        }
        for name, function in functions.items():
            self._enforcer.add_function(name, function)

    def outcomes(self, questions: Sequence[Question]) -> list[str]:
        """Return casbin's answers; a deny that names no rule is an implicit one."""
        return [self._outcome(question) for question in questions]

    def _outcome(self, question: Question) -> str:
        allowed, rule = self._enforcer.enforce_ex(*_request(question))
        if allowed:
            return Outcome.ALLOWED
        return Outcome.EXPLICITLY_DENIED if rule else Outcome.IMPLICITLY_DENIED

    def subjects(self, questions: Sequence[Question]) -> list[Subject]:
        """Return the call that tells the rule which decided."""
        requests = [_request(question) for question in questions]

        def ask() -> None:
            for request in requests:
                self._enforcer.enforce_ex(*request)

        return [Subject("casbin, enforce_ex", in_process(ask), len(questions))]

    def close(self) -> None:
        """Nothing was started."""


def _request(question: Question) -> tuple[str, str, str, Facts]:
    return question.session, KEY_ARN, question.action, dict(question.facts)


def load() -> Casbin:
    """Return the peer; raises MissingPeerError."""
    return Casbin()
