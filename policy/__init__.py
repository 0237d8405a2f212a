"""Policies as text, as values and as decisions. Pure: no file, clock, network or printing."""

from policy.arn import Arn, root_arn
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
    StatementTrace,
    Step,
)
from policy.errors import Note, PolicyError, PolicyStructureError, PolicySyntaxError, Problem
from policy.grants import Grant, GrantConstraints
from policy.messages import denial_message
from policy.model import Effect, Policy, PolicyKind, Statement
from policy.reader import Document, parse, read
from policy.reference import decide
from policy.request import Context, Principal, PrincipalKind, Request, Resource, principal_from_arn
from policy.source import Position, Source, Span

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
    "StatementTrace",
    "Step",
    "decide",
    "denial_message",
    "parse",
    "principal_from_arn",
    "read",
    "root_arn",
]
