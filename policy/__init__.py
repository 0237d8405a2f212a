"""Policies as text, as values and as decisions. Pure: no file, clock, network or printing.

The public names are found in their rooms when they are first asked for: a linter does not wait
for the evaluator.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from policy.arn import Arn, root_arn
    from policy.authorization import decide
    from policy.decision import (
        AllowPath,
        Decision,
        Documents,
        GrantTrace,
        Layer,
        LayerResult,
        Level,
        MatchClass,
        Outcome,
        Reason,
        StatementName,
        StatementTrace,
        Step,
        Trace,
    )
    from policy.errors import Note, PolicyError, PolicyStructureError, PolicySyntaxError, Problem
    from policy.grants import Grant, GrantConstraints
    from policy.messages import denial_message
    from policy.model import Effect, Policy, PolicyKind, Statement
    from policy.reader import Document, parse, read
    from policy.request import (
        Context,
        Principal,
        PrincipalKind,
        Request,
        Resource,
        principal_from_arn,
    )
    from policy.source import Position, Source, Span

_ROOMS = {
    "policy.arn": "Arn root_arn",
    "policy.authorization": "decide",
    "policy.decision": (
        "AllowPath Decision Documents GrantTrace Layer LayerResult Level MatchClass Outcome Reason "
        "StatementName StatementTrace Step Trace"
    ),
    "policy.errors": "Note PolicyError PolicyStructureError PolicySyntaxError Problem",
    "policy.grants": "Grant GrantConstraints",
    "policy.messages": "denial_message",
    "policy.model": "Effect Policy PolicyKind Statement",
    "policy.reader": "Document parse read",
    "policy.request": "Context Principal PrincipalKind Request Resource principal_from_arn",
    "policy.source": "Position Source Span",
}
_HOMES = {name: room for room, names in _ROOMS.items() for name in names.split()}

__all__ = [
    "AllowPath",
    "Arn",
    "Context",
    "Decision",
    "Document",
    "Documents",
    "Effect",
    "Grant",
    "GrantConstraints",
    "GrantTrace",
    "Layer",
    "LayerResult",
    "Level",
    "MatchClass",
    "Note",
    "Outcome",
    "Policy",
    "PolicyError",
    "PolicyKind",
    "PolicyStructureError",
    "PolicySyntaxError",
    "Position",
    "Principal",
    "PrincipalKind",
    "Problem",
    "Reason",
    "Request",
    "Resource",
    "Source",
    "Span",
    "Statement",
    "StatementName",
    "StatementTrace",
    "Step",
    "Trace",
    "decide",
    "denial_message",
    "parse",
    "principal_from_arn",
    "read",
    "root_arn",
]


def __getattr__(name: str) -> object:
    """Return a public name from its room, and keep it."""
    if name not in _HOMES:
        raise AttributeError(f"module 'policy' has no attribute '{name}'")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
