"""What can be different from one request of a caller to the next, as far as policies notice.

Each condition key that the policies of a request compare, and each pair that a grant insists on,
is varied through what a client can do about it: encryption context, a member, a VPC endpoint, a
service in between, a fact of the surface.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from kms.condition_keys import ROWS
from kms.context import can_be_given
from kms.operation import Call
from kms.shapes import enumeration, takes
from kms.state import State
from kmsgate.scenario.values import is_service
from policy import Decision, Documents, Statement
from policy.decision import ElementName, Layer
from policy.examples import is_fixed, known_facts
from policy.model import Condition
from policy.planning import applicable
from policy.request import Values
from policy.samples import samples
from policy.vocabulary import ENCRYPTION_CONTEXT, GRANT_OPERATIONS, is_multivalued

_PAIR_NAMES = "kms:encryptioncontextkeys"
_OF_STATE = ("aws:resourcetag/", "aws:principaltag/")
_SETTLED = frozenset(
    {
        "aws:currenttime",
        "aws:epochtime",
        "aws:requestedregion",
        "kms:calleraccount",
        "kms:resourcealiases",
        "kms:trailingdayswithoutkeyusage",
    }
)
"""What the caller, the key, its Region and the time have settled."""

_VIA = frozenset(
    {
        "aws:calledvia",
        "aws:calledviafirst",
        "aws:calledvialast",
        "aws:viaawsservice",
        "kms:grantisforawsresource",
        "kms:viaservice",
    }
)
_SERVICES = ("s3", "ec2", "lambda")
_TEXT = "text"
_MEMBERS: Mapping[str, tuple[str, str | None]] = {
    "kms:bypasspolicylockoutsafetycheck": ("BypassPolicyLockoutSafetyCheck", None),
    "kms:datakeypairspec": ("KeyPairSpec", "DataKeyPairSpec"),
    "kms:encryptionalgorithm": ("EncryptionAlgorithm", "EncryptionAlgorithmSpec"),
    "kms:expirationmodel": ("ExpirationModel", "ExpirationModelType"),
    "kms:granteeprincipal": ("GranteePrincipal", _TEXT),
    "kms:granteeserviceprincipal": ("GranteeServicePrincipal", _TEXT),
    "kms:keyagreementalgorithm": ("KeyAgreementAlgorithm", "KeyAgreementAlgorithmSpec"),
    "kms:macalgorithm": ("MacAlgorithm", "MacAlgorithmSpec"),
    "kms:messagetype": ("MessageType", "MessageType"),
    "kms:primaryregion": ("PrimaryRegion", _TEXT),
    "kms:replicaregion": ("ReplicaRegion", _TEXT),
    "kms:retiringprincipal": ("RetiringPrincipal", _TEXT),
    "kms:retiringserviceprincipal": ("RetiringServicePrincipal", _TEXT),
    "kms:rotationperiodindays": ("RotationPeriodInDays", None),
    "kms:schedulekeydeletionpendingwindowindays": ("PendingWindowInDays", None),
    "kms:signingalgorithm": ("SigningAlgorithm", "SigningAlgorithmSpec"),
    "kms:wrappingalgorithm": ("WrappingAlgorithm", "AlgorithmSpec"),
    "kms:wrappingkeyspec": ("WrappingKeySpec", "WrappingKeySpec"),
}
"""The member of a request behind a condition key, and the enumeration of its values.

Of others it is any text, or where there is nothing, a number or a switch.
"""


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing that a request has beyond the plainest one; `text` says so in words."""

    text: str = field(repr=False)
    members: Mapping[str, Any] = field(default_factory=dict, repr=False)
    pairs: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, Values] = field(default_factory=dict)
    via: str | None = None
    endpoint: str | None = None


@dataclass(frozen=True, slots=True)
class Varying:
    """Groups of choices, at most one of each for a request.

    `unsettled` are condition keys of which not every value is among the choices.
    """

    groups: tuple[tuple[Choice, ...], ...]
    unsettled: tuple[str, ...]


def with_choices(call: Call, choices: Iterable[Choice]) -> Call:
    """Return a call that has all of these choices."""
    members, facts = dict(call.parameters), dict(call.facts)
    pairs: dict[str, str] = {}
    via, endpoint = call.via, call.endpoint
    for choice in choices:
        members |= choice.members
        pairs |= choice.pairs
        facts |= choice.facts
        via, endpoint = choice.via or via, choice.endpoint or endpoint
    if pairs:
        members["EncryptionContext"] = pairs
    return replace(call, parameters=members, facts=facts, via=via, endpoint=endpoint)


def varying(call: Call, decision: Decision, documents: Documents, state: State) -> Varying:
    """Return how calls like this one can differ; `decision` is what the gate says about it."""
    return _Collector(call, decision, documents, state).collect()


class _Collector:
    def __init__(self, call: Call, decision: Decision, documents: Documents, state: State) -> None:
        self.call, self.decision, self.documents, self.state = call, decision, documents, state
        self.request = decision.request
        self.takes_pairs = takes(call.operation, "EncryptionContext")
        self.pairs: dict[str, list[str]] = {}
        self.groups: list[tuple[Choice, ...]] = []
        self.unsettled: list[str] = []

    def collect(self) -> Varying:
        by_key: dict[str, list[Condition]] = {}
        for condition in self._conditions():
            by_key.setdefault(condition.key.lower(), []).append(condition)
        if _VIA & by_key.keys():
            self._via([c for key in sorted(_VIA & by_key.keys()) for c in by_key[key]])
        for key, conditions in by_key.items():
            if key not in _VIA:
                self._key(key, conditions)
        self._grants()
        for name, found in self.pairs.items():
            values = dict.fromkeys(found)
            self.groups.append(
                tuple(
                    Choice(f"encryption context {name} = {value}", pairs={name: value})
                    for value in values
                )
            )
        return Varying(tuple(self.groups), tuple(dict.fromkeys(self.unsettled)))

    def _conditions(self) -> Iterator[Condition]:
        """Yield the conditions on which it hangs whether a statement applies to this caller."""
        action = self.request.action.lower()
        for layer, policies in applicable(self.documents).policies.items():
            statements = [s for policy in policies for s in policy.statements]
            if any(s.conditions and concerns(s, action) for s in statements):
                yield from self._of_layer(layer, statements)
        for endpoint in self.state.directory.endpoints.values():  # the call may come through it
            for statement in endpoint.policy.statements if endpoint.policy is not None else ():
                if concerns(statement, action):
                    yield from statement.conditions

    def _of_layer(self, layer: Layer, statements: Sequence[Statement]) -> Iterator[Condition]:
        traces = self.decision.layer_result(layer).statements
        if len(statements) != len(traces):  # the layer has not been traced
            yield from (c for s in statements for c in s.conditions)
            return
        for statement, trace in zip(statements, traces, strict=True):
            if all(s.matched for s in trace.steps if s.element is not ElementName.CONDITION):
                yield from statement.conditions

    def _key(self, key: str, conditions: Sequence[Condition]) -> None:
        if is_fixed(key) or key in _SETTLED or key.startswith(_OF_STATE):
            return
        if key.startswith(ENCRYPTION_CONTEXT) or key == _PAIR_NAMES:
            self._pair(key, conditions)
        elif key == "aws:sourcevpce":
            self._endpoint(conditions)
        elif key in _MEMBERS and takes(self.call.operation, _MEMBERS[key][0]):
            self._member(key, conditions)
        elif key == "kms:grantoperations" and self.call.operation == "CreateGrant":
            self._operations(conditions)
        elif key == "kms:grantconstrainttype" and self.call.operation == "CreateGrant":
            pairs = {"any": "any"}
            self.groups.append(
                tuple(
                    Choice(f"constraint {name}", {"Constraints": {name: pairs}})
                    for name in ("EncryptionContextSubset", "EncryptionContextEquals")
                )
            )
        elif key == "kms:requestalias" and takes(self.call.operation, "KeyId"):
            self._aliases()
        elif can_be_given(key) and not is_multivalued(key):
            name = conditions[0].key
            values = self._values(key, conditions)
            self.groups.append(tuple(Choice(f"{name} = {v}", facts={name: v}) for v in values))
        elif can_be_given(key) or self._is_carried(key):
            self.unsettled.append(conditions[0].key)

    def _operations(self, conditions: Sequence[Condition]) -> None:
        """All of the listed operations, one of them, one more than them, and none of them."""
        if len(conditions) > 1:
            self.unsettled.append(conditions[0].key)
        listed = [v for v in self._values(conditions[0].key, conditions) if v in GRANT_OPERATIONS]
        other = min(GRANT_OPERATIONS - set(listed), default=None)
        sets = [listed, *([each] for each in listed)]
        sets += [[*listed, other], [other]] if other is not None else []
        choices = (Choice(f"Operations = {', '.join(s)}", {"Operations": s}) for s in sets if s)
        self.groups.append(tuple(choices))

    def _aliases(self) -> None:
        arn = self.request.resource.arn
        if arn is not None:
            names = self.state.key_aliases.get(str(arn), ())
            choices = (
                Choice(f"named as {name}", {"KeyId": str(replace(arn, resource=name))})
                for name in names
            )
            self.groups.append(tuple(choices))

    def _is_carried(self, key: str) -> bool:
        """Tell whether checks of this action carry a key that nothing here knows how to vary."""
        return any(
            self.request.action in row.actions and any(_is_of(key, name) for name in row.keys)
            for row in ROWS
        )

    def _values(self, key: str, conditions: Sequence[Condition]) -> tuple[str, ...]:
        found = samples(conditions, known_facts(self.request).single)
        if not found.complete:
            self.unsettled.append(conditions[0].key)
        return found.values

    def _pair(self, key: str, conditions: Sequence[Condition]) -> None:
        if not self.takes_pairs:
            if self._is_carried(key):
                self.unsettled.append(conditions[0].key)
            return
        values = self._values(key, conditions)
        if key != _PAIR_NAMES:
            name = conditions[0].key[len(ENCRYPTION_CONTEXT) :]
            self.pairs.setdefault(name, []).extend(values)
            return
        for name in values:
            self.pairs.setdefault(name, []).append("other")

    def _grants(self) -> None:
        """The pairs of constraints, and a token of each grant that does not work without it."""
        request = self.request
        tokens: list[Choice] = []
        bounds: list[Choice] = []
        for grant in self.documents.grants:
            if request.operation not in grant.operations:
                continue
            constraints = grant.constraints
            for pairs in (constraints.equals, constraints.subset) if self.takes_pairs else ():
                for name, value in (pairs or {}).items():
                    self.pairs.setdefault(name, []).append(value)
            if request.operation == "CreateGrant" and constraints.names_context:  # AUTH N-14
                names = {"Equals": constraints.equals, "Subset": constraints.subset}
                same = {f"EncryptionContext{n}": dict(pairs) for n, pairs in names.items() if pairs}
                bounds.append(Choice("the constraints of the own grant", {"Constraints": same}))
            if grant.tokens and not grant.is_effective(request.at, frozenset()):
                named = grant.name or f"grant {grant.id[:8]}"
                token = {"GrantTokens": [min(grant.tokens)]}
                tokens.append(Choice(f"the token of {named}", members=token))
        if tokens and takes(self.call.operation, "GrantTokens"):
            self.groups.append(tuple(tokens))
        if bounds:
            self.groups.append(tuple(bounds))

    def _member(self, key: str, conditions: Sequence[Condition]) -> None:
        member, shape = _MEMBERS[key]
        is_listed = shape is not None and shape != _TEXT
        values = sorted(enumeration(shape)) if is_listed else self._values(key, conditions)
        typed = ((v, _number_or_flag(v) if shape is None else v) for v in values)
        choices = (Choice(f"{member} = {v}", {member: t}) for v, t in typed if t is not None)
        self.groups.append(tuple(choices))

    def _endpoint(self, conditions: Sequence[Condition]) -> None:
        values = (*self.state.directory.endpoints, *self._values("aws:sourcevpce", conditions))
        ids = [v for v in dict.fromkeys(values) if v.startswith("vpce-")]
        ids.append("vpce-00000000000000000")
        self.groups.append(tuple(Choice(f"through {v}", endpoint=v) for v in ids))

    def _via(self, conditions: Sequence[Condition]) -> None:
        names = list(_SERVICES)
        for condition in conditions:
            if condition.key.lower() == "kms:viaservice":
                names = [*self._values("kms:viaservice", [condition]), *names]
            elif condition.key.lower().startswith("aws:calledvia"):
                values = self._values(condition.key, [condition])
                names = [*(v.removesuffix(".amazonaws.com") for v in values), *names]
        services = [name for name in dict.fromkeys(names) if is_service(name)]
        self.groups.append(tuple(Choice(f"by way of {name}", via=name) for name in services))


def concerns(statement: Statement, action: str) -> bool:
    """Tell whether a statement says something of an action, given in lower case."""
    element = statement.action
    if element is None:
        return False
    return any(p.pattern.matches(action) for p in element.patterns) is not element.negated


def _is_of(key: str, name: str) -> bool:
    """Tell whether a key, in lower case, is one by name or of a family."""
    folded = name.lower()
    return key.startswith(folded) if folded.endswith(("/", ":")) else key == folded


def _number_or_flag(text: str) -> int | bool | None:
    if text in ("true", "false"):
        return text == "true"
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None
