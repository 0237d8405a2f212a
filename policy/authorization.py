"""decide(): the answers of the reference evaluator, from compiled policies (AUTH 11).

What follows from caller, action and resource alone is worked out once and kept with the documents
(`residual.py`): only conditions and grants are left to look at. The trace is made when someone
asks for it (`tracing.py`), and is then the one that the reference evaluator makes.
"""

from __future__ import annotations

from policy.decision import Decision, Documents
from policy.request import Request
from policy.residual import Residual

MAX_KEPT = 4096
"""How many residuals are kept with the documents."""


def decide(request: Request, documents: Documents) -> Decision:
    """Return what all applicable documents together say about one request; never raises."""
    resource = request.resource
    # A residual holds on to caller and ARN, so that their ids stay theirs while it is kept.
    at = (
        id(request.principal), request.action, id(resource.arn), resource.account,
        resource.aws_managed, resource.planned,
    )  # fmt: skip
    memo = documents.memo
    residual = memo.get(at)
    if residual is None:
        residual = Residual(request, documents)
        if len(memo) >= MAX_KEPT:
            memo.clear()
        memo[at] = residual
    return residual.decide(request)
