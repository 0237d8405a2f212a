"""Cedar through cedarpy: policies and entities parsed before, the context as a dict or as JSON.

Ids are given as objects, not in Cedar's syntax: that is the quicker way.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from benchmarks.cases import (
    ACCOUNT,
    BOOLEANS,
    KEY_ARN,
    ROLE,
    SESSIONS,
    Question,
    actions_like,
    key_actions,
)
from benchmarks.measure import Subject, in_process
from benchmarks.peers import package
from policy import Outcome


def _list(*patterns: str) -> str:
    return ", ".join(f'Action::"{name}"' for name in actions_like(*patterns))


_ROLE = f'principal in Role::"{ROLE}"'
_KEY = f'resource == Key::"{KEY_ARN}"'
_DATA = _list("kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey*")

# The key policy's statement for the account allows all actions, so that each statement of the
# identity policy becomes a permit by itself.
POLICIES = f"""
@id("Administer")
permit (principal in Role::"key-admin", action in [{
    _list(
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
}], {_KEY});

@id("UseForPayroll")
permit ({_ROLE}, action in [{_DATA}], {_KEY}) when {{
    context has "kms:EncryptionContext:department"
    && context["kms:EncryptionContext:department"] == "payroll"
}};

@id("UseThroughStorage")
permit ({_ROLE}, action in [{_list("kms:Decrypt", "kms:GenerateDataKey")}], {_KEY}) when {{
    context has "kms:ViaService"
    && ["s3.eu-west-1.amazonaws.com", "ec2.eu-west-1.amazonaws.com"]
        .contains(context["kms:ViaService"])
    && context["aws:ViaAWSService"]
}};

@id("OnlyFromOurNetwork")
forbid (
    principal, action in [{_list("kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*")}], {_KEY}
) when {{
    !(context["aws:SourceIp"].isInRange(ip("10.0.0.0/8"))
      || context["aws:SourceIp"].isInRange(ip("203.0.113.0/24")))
    && !context["aws:ViaAWSService"]
}};

@id("ReadKeys")
permit (
    {_ROLE}, action in [{_list("kms:DescribeKey", "kms:Get*", "kms:ListGrants")}],
    resource in Account::"{ACCOUNT}"
);

@id("UseForBilling")
permit ({_ROLE}, action in [{_DATA}, {_list("kms:ReEncrypt*")}], {_KEY}) when {{
    context has "kms:EncryptionContext:project"
    && context["kms:EncryptionContext:project"] like "billing-*"
}};

@id("GrantToServices")
permit ({_ROLE}, action == Action::"kms:CreateGrant", {_KEY}) when {{
    context has "kms:GrantIsForAWSResource" && context["kms:GrantIsForAWSResource"]
}};

@id("NothingTemporary")
forbid ({_ROLE}, action in [{_DATA}], resource) when {{
    context has "kms:EncryptionContextKeys"
    && context["kms:EncryptionContextKeys"].containsAny(["scratch", "temporary"])
}};

@id("OnlyTaggedForProduction")
forbid (principal in Account::"{ACCOUNT}", action, resource) when {{
    !(context has "aws:PrincipalTag/stage"
      && ["production", "canary"].contains(context["aws:PrincipalTag/stage"]))
}};
"""

Json = dict[str, Any]


def _entities() -> list[Json]:
    account = {"type": "Account", "id": ACCOUNT}
    role = {"type": "Role", "id": ROLE}
    return [
        {"uid": account, "attrs": {}, "parents": []},
        {"uid": role, "attrs": {}, "parents": [account]},
        {"uid": {"type": "Key", "id": KEY_ARN}, "attrs": {}, "parents": [account]},
        *(
            {"uid": {"type": "Session", "id": name}, "attrs": {}, "parents": [role]}
            for name in SESSIONS
        ),
        *(
            {"uid": {"type": "Action", "id": name}, "attrs": {}, "parents": []}
            for name in key_actions()
        ),
    ]


def _request(question: Question) -> Json:
    context: Json = {}
    for name, value in question.facts:
        if name in BOOLEANS:
            context[name] = value == "true"
        elif name == "aws:SourceIp":
            context[name] = {"__extn": {"fn": "ip", "arg": value}}
        else:
            context[name] = list(value) if isinstance(value, tuple) else value
    return {
        "principal": {"type": "Session", "id": question.session},
        "action": {"type": "Action", "id": question.action},
        "resource": {"type": "Key", "id": KEY_ARN},
        "context": context,
    }


class Cedar:
    """Cedar's authorizer, with handles for policies and entities."""

    def __init__(self) -> None:
        self._module, found = package("cedarpy")
        self.name = f"cedarpy {found}"
        self._policies = self._module.PolicySet.from_str(POLICIES)
        self._entities = self._module.Entities.from_json_str(json.dumps(_entities()))

    def _ask(self, request: Json) -> Any:
        return self._module.is_authorized(request, self._policies, self._entities)

    def outcomes(self, questions: Sequence[Question]) -> list[str]:
        """Return Cedar's answers; a deny without a reason is an implicit one."""
        return [_outcome(self._ask(_request(question))) for question in questions]

    def subjects(self, questions: Sequence[Question]) -> list[Subject]:
        """Return the raw form, in which cedarpy writes the context as JSON, and the prepared."""
        raw = [_request(question) for question in questions]
        ready = [{**request, "context": json.dumps(request["context"])} for request in raw]

        def ask_all(requests: list[Json]) -> None:
            for request in requests:
                answer = self._ask(request)
                _ = answer.allowed, answer.diagnostics.reasons

        def batch() -> None:
            for answer in self._module.is_authorized_batch(ready, self._policies, self._entities):
                _ = answer.allowed, answer.diagnostics.reasons

        count = len(questions)
        found = [
            Subject("cedarpy, context as a dict", in_process(lambda: ask_all(raw)), count),
            Subject("cedarpy, context as JSON", in_process(lambda: ask_all(ready)), count),
        ]
        if count > 1:
            found.append(Subject("cedarpy, all as one batch", in_process(batch), count))
        return found

    def close(self) -> None:
        """Nothing was started."""


def _outcome(answer: Any) -> str:
    if answer.diagnostics.errors:
        return f"an error: {answer.diagnostics.errors}"
    if answer.allowed:
        return Outcome.ALLOWED
    return Outcome.EXPLICITLY_DENIED if answer.diagnostics.reasons else Outcome.IMPLICITLY_DENIED


def load() -> Cedar:
    """Return the peer; raises MissingPeerError."""
    return Cedar()
