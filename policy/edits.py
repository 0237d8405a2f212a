"""Documents with one thing added or taken away, for whoever asks what would be decided then."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from policy.decision import Documents, GrantTrace, Level, StatementTrace
from policy.model import Policy, PolicyKind, Statement
from policy.reader import parse
from policy.request import Request

ADDED = "added to see what it would change"
"""The Sid of an added statement, and the id of an added grant."""


def policies(documents: Documents) -> Iterator[Policy]:
    """Yield every policy, also twice where it is attached twice."""
    single = (documents.key_policy, documents.boundary, documents.endpoint)
    yield from (policy for policy in single if policy is not None)
    yield from documents.identity
    yield from documents.session or ()
    for level in (*(documents.scps or ()), *(documents.rcps or ())):
        yield from level.policies


class Originals:
    """The statements that traces are about, each with its policy."""

    def __init__(self, documents: Documents) -> None:
        self._found = {
            (id(policy.source), statement.span): (policy, statement)
            for policy in policies(documents)
            for statement in policy.statements
        }

    def of(self, trace: StatementTrace) -> tuple[Policy, Statement]:
        """Return the policy and the statement; the trace is one of these documents."""
        return self._found[id(trace.source), trace.span]


def mapped(documents: Documents, change: Callable[[Policy], Policy]) -> Documents:
    """Return the documents with each policy changed."""

    def one(policy: Policy | None) -> Policy | None:
        return change(policy) if policy is not None else None

    def several(levels: tuple[Level, ...] | None) -> tuple[Level, ...] | None:
        if levels is None:
            return None
        return tuple(Level(level.target, tuple(map(change, level.policies))) for level in levels)

    return replace(
        documents,
        key_policy=one(documents.key_policy),
        identity=tuple(map(change, documents.identity)),
        boundary=one(documents.boundary),
        session=tuple(map(change, documents.session)) if documents.session is not None else None,
        scps=several(documents.scps),
        rcps=several(documents.rcps),
        endpoint=one(documents.endpoint),
    )


def without(documents: Documents, traces: Iterable[StatementTrace | GrantTrace]) -> Documents:
    """Return the documents without these statements, wherever they stand, and these grants."""
    statements, grants = set(), []
    for trace in traces:
        if isinstance(trace, StatementTrace):
            statements.add((id(trace.source), trace.span))
        else:
            grants.append(trace.grant)

    def kept(policy: Policy) -> Policy:
        source = id(policy.source)
        left = tuple(s for s in policy.statements if (source, s.span) not in statements)
        return policy if len(left) == len(policy.statements) else replace(policy, statements=left)

    left = tuple(g for g in documents.grants if not any(g is grant for grant in grants))
    return replace(mapped(documents, kept) if statements else documents, grants=left)


def adding(
    policy: Policy | None,
    request: Request,
    kind: PolicyKind,
    principal: str | dict[str, str] | None = None,
) -> Policy:
    """Return a policy with one statement more, which allows the request; a new one if need be."""
    statement = {
        "Sid": ADDED,
        "Effect": "Allow",
        "Action": request.action,
        "Resource": "*" if kind is PolicyKind.KEY_POLICY else str(request.resource),
    }
    named = {"Principal": principal} if principal is not None else {}
    document = {"Version": "2012-10-17", "Statement": [{**statement, **named}]}
    added = parse(json.dumps(document), name=ADDED, kind=kind)
    if policy is None:
        return added
    return replace(policy, statements=(*policy.statements, *added.statements))
