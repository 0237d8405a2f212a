"""Rego through regopy (rego-cpp): the module compiled into a bundle before, then queried."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.cases import (
    ACCOUNT,
    ADMIN,
    BOOLEANS,
    KEY_ARN,
    ROLE,
    Question,
    actions_like,
)
from benchmarks.measure import Subject, in_process
from benchmarks.peers import package

QUERY = "data.kms.decision"


def _set(*patterns: str) -> str:
    return "{" + ", ".join(f'"{name}"' for name in actions_like(*patterns)) + "}"


MODULE = f"""package kms
import rego.v1

data_actions := {_set("kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey*")}
billing_actions := data_actions | {_set("kms:ReEncrypt*")}
network_actions := {_set("kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*")}
read_actions := {_set("kms:DescribeKey", "kms:Get*", "kms:ListGrants")}
admin_actions := {
    _set(
        "kms:Create*",
        "kms:Describe*",
        "kms:Enable*",
        "kms:Disable*",
        "kms:List*",
        "kms:Put*",
        "kms:Update*",
        "kms:Revoke*",
        "kms:ScheduleKeyDeletion",
    )
}
storage := {{"s3.eu-west-1.amazonaws.com", "ec2.eu-west-1.amazonaws.com"}}
stages := {{"production", "canary"}}

is_key if input.resource == "{KEY_ARN}"
is_role if {{ input.role == "{ROLE}"; input.account == "{ACCOUNT}" }}
our_network if startswith(input.context["aws:SourceIp"], "10.")
our_network if startswith(input.context["aws:SourceIp"], "203.0.113.")
tagged if input.context["aws:PrincipalTag/stage"] in stages

allow contains "Administer" if {{
    is_key; input.role == "{ADMIN}"; input.action in admin_actions
}}
allow contains "UseForPayroll" if {{
    is_key; is_role; input.action in data_actions
    input.context["kms:EncryptionContext:department"] == "payroll"
}}
allow contains "UseThroughStorage" if {{
    is_key; is_role; input.action in {_set("kms:Decrypt", "kms:GenerateDataKey")}
    input.context["kms:ViaService"] in storage
    input.context["aws:ViaAWSService"]
}}
allow contains "ReadKeys" if {{
    is_role; input.action in read_actions
    startswith(input.resource, "arn:aws:kms:"); contains(input.resource, ":{ACCOUNT}:key/")
}}
allow contains "UseForBilling" if {{
    is_key; is_role; input.action in billing_actions
    startswith(input.context["kms:EncryptionContext:project"], "billing-")
}}
allow contains "GrantToServices" if {{
    is_key; is_role; input.action == "kms:CreateGrant"
    input.context["kms:GrantIsForAWSResource"]
}}

deny contains "OnlyFromOurNetwork" if {{
    is_key; input.action in network_actions
    not input.context["aws:ViaAWSService"]
    not our_network
}}
deny contains "NothingTemporary" if {{
    is_role; input.action in data_actions
    some name in input.context["kms:EncryptionContextKeys"]
    name in {{"scratch", "temporary"}}
}}
deny contains "OnlyTaggedForProduction" if {{
    input.account == "{ACCOUNT}"
    not tagged
}}

decision := {{"outcome": "ExplicitlyDenied", "by": deny}} if count(deny) > 0
decision := {{"outcome": "Allowed", "by": allow}} if {{ count(deny) == 0; count(allow) > 0 }}
decision := {{"outcome": "ImplicitlyDenied", "by": set()}} if {{
    count(deny) == 0; count(allow) == 0
}}
"""


def _input(question: Question) -> dict[str, Any]:
    context = {
        name: value == "true" if name in BOOLEANS else value for name, value in question.facts
    }
    return {
        "account": ACCOUNT,
        "role": ROLE,
        "session": question.session,
        "action": question.action,
        "resource": KEY_ARN,
        "context": {n: list(v) if isinstance(v, tuple) else v for n, v in context.items()},
    }


class Rego:
    """An interpreter that runs a bundle made ahead."""

    def __init__(self) -> None:
        self._module, found = package("regopy")
        self.name = f"regopy {found}"
        self._rego = self._module.Interpreter()
        self._rego.add_module("kms.rego", MODULE)
        self._bundle = self._rego.build(QUERY)

    def _answer(self, ready: Any) -> Any:
        self._rego.set_input(ready)
        return self._rego.query_bundle(self._bundle).results[0].expressions[0]

    def outcomes(self, questions: Sequence[Question]) -> list[str]:
        """Return Rego's answers."""
        ready = [self._module.Input(_input(question)) for question in questions]
        return [str(self._answer(each)["outcome"]) for each in ready]

    def subjects(self, questions: Sequence[Question]) -> list[Subject]:
        """Return the query of the bundle, the input read from a dict in the loop or before."""
        raw = [_input(question) for question in questions]
        ready = [self._module.Input(each) for each in raw]

        def ask_raw() -> None:
            for each in raw:
                self._answer(self._module.Input(each))

        def ask_ready() -> None:
            for each in ready:
                self._answer(each)

        return [
            Subject("regopy, input from a dict", in_process(ask_raw), len(questions)),
            Subject("regopy, input made before", in_process(ask_ready), len(questions)),
        ]

    def close(self) -> None:
        """Nothing was started."""


def load() -> Rego:
    """Return the peer; raises MissingPeerError."""
    return Rego()
