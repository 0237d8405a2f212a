"""Whom a key policy can let do what, decided by the evaluator (AUTH 11).

The answer is generous: who could be allowed under some circumstances counts as allowed. Conditions
of an Allow are taken to hold, those of a Deny not to, unless they follow from the caller; and
identities have identity policies that allow everything. So "nobody" is proved, "somebody" is not.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from itertools import chain

from policy.arn import Arn, is_account_id
from policy.authorization import decide
from policy.decision import Documents, Outcome
from policy.lint.meaning import CONTEXT_FREE_KEYS, Meaning
from policy.model import (
    VERSION_2012,
    Condition,
    Element,
    Policy,
    PolicyKind,
    PrincipalForm,
    Statement,
    TextPattern,
)
from policy.operators import Family, read_date
from policy.pattern import parse_pattern
from policy.reader import parse
from policy.request import Principal, PrincipalKind, Request, Resource, principal_from_arn
from policy.source import Source, Span

MAX_CALLERS = 200
"""So many callers are tried at most; of a policy with more nothing is said."""

MAX_DATES = 16
"""So many dates of conditions are tried at most."""

NO_ACCOUNT = "0" * 12
"""The owner of a key that nobody has named."""

STRANGER = "anybody-else"
"""The name of a role that stands for the identities which no statement names."""

_DATES = frozenset({"aws:currenttime", "aws:epochtime"})
_OF_CALLER = CONTEXT_FREE_KEYS - _DATES
_EVERYTHING = (
    '{"Version": "2012-10-17",'
    ' "Statement": {"Effect": "Allow", "Action": "kms:*", "Resource": "*"}}'
)


@dataclass(frozen=True, eq=False)
class Reach:
    """A key policy of an account, as far as it decides who can ever do what."""

    meaning: Meaning
    account: str

    @cached_property
    def callers(self) -> tuple[Principal, ...]:
        """Everybody that statements name, behind one stranger of each account and one service."""
        accounts = dict.fromkeys((self.account, *self.meaning.accounts))
        strangers = (
            Arn("aws", "iam", "", account, f"role/{STRANGER}")
            for account in accounts
            if is_account_id(account)
        )
        arns = dict.fromkeys(chain(strangers, self._named(), self._tested()))
        found = (principal_from_arn(arn) for arn in arns)
        return (*(each for each in found if each is not None), *self._services())

    @property
    def is_too_large(self) -> bool:
        """Whether there are more callers than are tried."""
        return len(self.callers) > MAX_CALLERS

    def who(self, *actions: str, at: dt.datetime | None = None) -> Iterator[Principal]:
        """Yield the callers that can do one of these actions, at a time if one is given."""
        documents = self._at_any_time if at is None else self._documents_at_times
        for caller in self.callers:
            if any(self._allows(documents, caller, action, at) for action in actions):
                yield caller

    def anyone(self, *actions: str, at: dt.datetime | None = None) -> bool:
        """Tell whether anybody can do one of these actions."""
        return next(self.who(*actions, at=at), None) is not None

    def can(self, caller: Principal, action: str) -> bool:
        """Tell whether a caller can do an action."""
        return self._allows(self._at_any_time, caller, action, None)

    def of(self, account: str) -> Reach:
        """Return the same policy, were the key another account's."""
        return Reach(self.meaning, account)

    def is_sole_identity(self, caller: Principal) -> bool:
        """Tell whether a caller is one user or role, and not somebody for many."""
        known = caller.kind in (PrincipalKind.USER, PrincipalKind.ROLE_SESSION)
        return known and caller.arn is not None and caller.arn.last != STRANGER

    @cached_property
    def ends(self) -> tuple[tuple[dt.datetime, Condition], ...]:
        """The dates that conditions name, in order, each with one that names it."""
        found: dict[dt.datetime, Condition] = {}
        for said in self.meaning.said:
            for condition in said.conditions:
                if _is_dated(condition):
                    for value in condition.values:
                        moment = _moment(read_date(value.text))
                        if moment is not None:
                            found.setdefault(moment, condition)
        return tuple(sorted(found.items(), key=lambda item: item[0]))

    # What the evaluator is asked

    def _allows(
        self, documents: Documents, caller: Principal, action: str, at: dt.datetime | None
    ) -> bool:
        request = Request(caller, f"kms:{action}", self._key, at=at)
        return decide(request, documents).outcome is Outcome.ALLOWED

    @cached_property
    def _key(self) -> Resource:
        arn = Arn("aws", "kms", "us-east-1", self.account, "key/" + "0" * 8)
        return Resource(arn, self.account)

    @cached_property
    def _at_any_time(self) -> Documents:
        return self._documents(_OF_CALLER)

    @cached_property
    def _documents_at_times(self) -> Documents:
        return self._documents(_OF_CALLER | _DATES)

    def _documents(self, kept: frozenset[str]) -> Documents:
        statements = tuple(self._generous(kept))
        source = Source("<key policy>", "")
        policy = Policy("key policy", PolicyKind.KEY_POLICY, VERSION_2012, None, statements, source)
        everything = parse(_EVERYTHING, kind=PolicyKind.IDENTITY_POLICY)
        return Documents(key_policy=policy, identity=(everything,))

    def _generous(self, kept: frozenset[str]) -> Iterator[Statement]:
        for said in self.meaning.said:
            model = said.model
            if said.allows:
                conditions = tuple(each for each in model.conditions if _is_kept(each, kept))
                yield replace(model, resource=_ANY_KEY, conditions=conditions)
            elif _is_any(model.resource) and all(_is_kept(c, kept) for c in model.conditions):
                yield model

    # Who there is

    def _named(self) -> Iterator[Arn]:
        for said in self.meaning.said:
            principal = said.model.principal
            for each in principal.patterns if principal is not None else ():
                if each.arn is not None:
                    yield each.arn

    def _tested(self) -> Iterator[Arn]:
        """Yield ARNs that conditions on the caller's ARN let through, one for each value."""
        for condition in (each for said in self.meaning.said for each in said.conditions):
            if condition.key.lower() != "aws:principalarn":
                continue
            for value in condition.values:
                arn = Arn.parse(value.text)
                if arn is not None:
                    account = arn.account if is_account_id(arn.account) else self.account
                    resource = arn.resource.replace("*", "x").replace("?", "x")
                    yield Arn("aws", "iam", "", account, resource)

    def _services(self) -> Iterator[Principal]:
        for said in self.meaning.said:
            for each in said.principals:
                if each.form is PrincipalForm.SERVICE:
                    yield Principal(PrincipalKind.SERVICE, service=each.text)


def _is_dated(condition: Condition) -> bool:
    return condition.key.lower() in _DATES and condition.operator.base.family is Family.DATE


def _is_kept(condition: Condition, kept: frozenset[str]) -> bool:
    """Tell whether a condition is decided by what is known of a caller and a time."""
    key = condition.key.lower()
    if key not in kept or any(value.pattern.variables for value in condition.values):
        return False
    return key not in _DATES or _is_dated(condition)


def _is_any(resource: Element[TextPattern] | None) -> bool:
    return resource is not None and any(each.text == "*" for each in resource.patterns)


def _moment(seconds: Decimal | None) -> dt.datetime | None:
    """Return the second after an instant, if there is a date for it."""
    try:
        return None if seconds is None else _EPOCH + dt.timedelta(seconds=int(seconds))
    except OverflowError:
        return None


_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_NOWHERE = Span(0, 0)
_ANY_KEY = Element(
    "Resource", (TextPattern("*", parse_pattern("*"), _NOWHERE, (parse_pattern("*"),)),), False,
    _NOWHERE,
)  # fmt: skip
