"""What there is to ask about an action: the documents by layer, and the statements that concern it.

Made once for the documents and each action; the caller comes later (`residual.py`).
"""

from __future__ import annotations

from policy.compiler import Bucket, compiled
from policy.decision import Documents, Layer, Level
from policy.grant_index import GrantIndex
from policy.model import Policy

MAX_KEPT = 4096
"""How many plans are kept with the documents."""


class Applicable:
    """The documents of a request by layer: each layer's policies in order, with their levels."""

    __slots__ = ("documents", "grants", "plans", "policies")

    def __init__(self, documents: Documents) -> None:
        def one(policy: Policy | None) -> tuple[Policy, ...]:
            return (policy,) if policy is not None else ()

        self.documents = documents
        self.policies: dict[Layer, tuple[Policy, ...]] = {
            Layer.SCP: _every(documents.scps),
            Layer.RCP: _every(documents.rcps),
            Layer.ENDPOINT: one(documents.endpoint),
            Layer.KEY_POLICY: one(documents.key_policy),
            Layer.IDENTITY: documents.identity,
            Layer.BOUNDARY: one(documents.boundary),
            Layer.SESSION: documents.session or (),
        }
        self.grants = GrantIndex(documents.grants)
        self.plans: dict[str, Plan] = {}

    def plan(self, action: str) -> Plan:
        """Return what there is to ask about an action, given in lower case."""
        found = self.plans.get(action)
        if found is None:
            found = Plan(self, action)
            if len(self.plans) < MAX_KEPT:
                self.plans[action] = found
        return found


def _every(levels: tuple[Level, ...] | None) -> tuple[Policy, ...]:
    return tuple(policy for level in levels or () for policy in level.policies)


def applicable(documents: Documents) -> Applicable:
    """Return the documents in order; this is kept with them."""
    found: Applicable | None = documents.memo.get("applicable")
    if found is None:
        found = documents.memo["applicable"] = Applicable(documents)
    return found


class Found:
    """The statements of one policy that concern an action.

    `start` is the position of the policy's first statement among those of its layer.
    """

    __slots__ = ("bucket", "name", "start")

    def __init__(self, name: str, start: int, bucket: Bucket) -> None:
        self.name = name
        self.start = start
        self.bucket = bucket


class Plan:
    """The statements that concern one action, by layer; layers without any are left out."""

    __slots__ = ("allows", "denies", "levels")

    def __init__(self, documents: Applicable, action: str) -> None:
        self.allows: dict[Layer, list[Found]] = {}
        self.denies: dict[Layer, list[Found]] = {}
        allowing: dict[int, Found] = {}  # by the position of the policy among the SCPs
        for layer, policies in documents.policies.items():
            start = 0
            for number, policy in enumerate(policies):
                ready = compiled(policy)
                for kept, bucket in (
                    (self.allows, ready.allows(action)),
                    (self.denies, ready.denies(action)),
                ):
                    if bucket:
                        found = Found(policy.name, start, bucket)
                        kept.setdefault(layer, []).append(found)
                        if layer is Layer.SCP and kept is self.allows:
                            allowing[number] = found
                start += len(ready.statements)
        self.levels: tuple[tuple[Found, ...], ...] = ()
        """The SCPs that may allow, level by level (AUTH L-12)."""
        number = 0
        for level in documents.documents.scps or ():
            numbers = range(number, number + len(level.policies))
            self.levels += (tuple(allowing[n] for n in numbers if n in allowing),)
            number += len(level.policies)
