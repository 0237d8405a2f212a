"""Statements for lint rules, and what one rule finds in them."""

from __future__ import annotations

import json

from policy.model import PolicyKind
from tests.lint_bench import document, shown

KEY, IDENTITY = PolicyKind.KEY_POLICY, PolicyKind.IDENTITY_POLICY
SCP, RCP, ENDPOINT = PolicyKind.SCP, PolicyKind.RCP, PolicyKind.ENDPOINT_POLICY

ROLE = "arn:aws:iam::111122223333:role/app"
ROOT = "arn:aws:iam::111122223333:root"
SERVICE = {"Service": "delivery.logs.amazonaws.com"}
ALIAS = "arn:aws:kms:eu-west-1:111122223333:alias/mail"
KEY_ARN = "arn:aws:kms:eu-west-1:111122223333:key/*"


def statement(
    action: object = "kms:Decrypt",
    condition: object = None,
    *,
    who: object = None,
    effect: str = "Allow",
    kind: PolicyKind = KEY,
    **others: object,
) -> str:
    """Return a statement; without other elements it is about a role and every resource."""
    made: dict[str, object] = {"Effect": effect}
    if kind.names_principals and "NotPrincipal" not in others:
        made["Principal"] = {"AWS": ROLE} if who is None else who
    if "NotAction" not in others:
        made["Action"] = action
    if not {"Resource", "NotResource"} & set(others):
        made["Resource"] = "*"
    made |= others
    if condition is not None:
        made["Condition"] = condition
    return json.dumps(made)


def found(code: str, text: str, kind: PolicyKind = KEY) -> list[str]:
    """Return what one rule points at."""
    return [at for name, at in shown(document(text, kind), kind, code) if name == code]
