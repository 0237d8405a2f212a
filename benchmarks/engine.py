"""kmsgate as the benchmarks call it: as a program would, through the public names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from benchmarks.cases import ACCOUNT, KEY_ARN, Question
from policy import (
    Arn,
    Context,
    Decision,
    Documents,
    Level,
    Principal,
    Request,
    Resource,
    decide,
    principal_from_arn,
    reference,
)

Ask = Callable[[Request, Documents], object]


def deciding(request: Request, documents: Documents) -> object:
    """Decide, and name what decided."""
    return decide(request, documents).deciding


def traced(request: Request, documents: Documents) -> object:
    """Decide, and tell the whole way to the answer."""
    return decide(request, documents).trace


def first(request: Request, documents: Documents) -> object:
    """Decide over documents that were read a moment ago: they are compiled first."""
    return decide(request, fresh(documents)).deciding


def by_reference(request: Request, documents: Documents) -> Decision:
    """Decide with the reference evaluator, which always tells the whole way."""
    return reference.decide(request, documents)


def fresh(documents: Documents) -> Documents:
    """Return equal documents of which nothing has been compiled."""
    key_policy, levels = documents.key_policy, documents.scps or ()
    return replace(
        documents,
        key_policy=replace(key_policy) if key_policy is not None else None,
        identity=tuple(map(replace, documents.identity)),
        scps=tuple(Level(level.target, tuple(map(replace, level.policies))) for level in levels),
    )


# Questions as requests


def _arn(text: str) -> Arn:
    found = Arn.parse(text)
    if found is None:
        raise ValueError(f"not an ARN: {text}")
    return found


def caller(arn: str) -> Principal:
    """Return the principal that an ARN names."""
    found = principal_from_arn(_arn(arn))
    if found is None:
        raise ValueError(f"names no caller: {arn}")
    return found


def key() -> Resource:
    """Return the key that is asked about."""
    return Resource(_arn(KEY_ARN), ACCOUNT)


def request(question: Question, who: Principal, what: Resource) -> Request:
    """Return a question as a request, from the plain texts of its facts."""
    return Request(who, question.action, what, Context(dict(question.facts)))
