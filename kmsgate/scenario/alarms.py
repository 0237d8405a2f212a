"""Alarms of a world and other questions to its audit events, from text to values (CORE K-148)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from kms.alarms import PERIOD, AlarmRule
from kms.audit import DENIED
from kms.errors import BY_CODE
from kms.operation import ServiceEvent
from kms.questions import QUESTIONS
from kms.trail import Query
from kmsgate.scenario import values
from kmsgate.scenario.fields import Fields, Item, meant, short
from kmsgate.scenario.names import Names
from policy import Arn
from policy.tree import Object

ALARM_FIELDS = ("match", "at_least", "within")
MATCH_FIELDS = ("operation", "error_code", "error_message_contains", "caller", "key")
MAX_CALLS = 1_000
_CODES = (DENIED, *BY_CODE)
_OPERATIONS = (*QUESTIONS, *ServiceEvent)


def read_alarms(items: Mapping[str, Item], names: Names) -> dict[str, AlarmRule]:
    """Return the rules of a section by name; each says what it counts, and how much is too much."""
    return {name: _alarm(name, item, names) for name, item in items.items()}


def _alarm(name: str, item: Item, names: Names) -> AlarmRule:
    fields = item.fields("an alarm", ALARM_FIELDS)
    if "match" not in fields:
        item.complain("an alarm needs 'match'", "write match: {error_code: AccessDenied}")
    query = read_query(fields["match"], names) if "match" in fields else Query()
    return AlarmRule(name, query, _at_least(fields), _within(fields))


def read_query(item: Item, names: Names) -> Query:
    """Return which events are meant: those that match in every respect that is named."""
    match = item.members("match", MATCH_FIELDS)
    if isinstance(item.node, Object) and not item.node.members:
        item.complain("match says nothing", f"write one of {', '.join(MATCH_FIELDS)}")
    caller, key = match.get("caller"), match.get("key")
    people = {name: arn for name, arn in names.arns.items() if arn.service != "kms"}
    return Query(
        operation=_known(match, "operation", _OPERATIONS),
        error=_known(match, "error_code", _CODES),
        message=match.text("error_message_contains"),
        caller=_arn(caller, "identity", people) if caller is not None else None,
        key=_arn(key, "key", names.keys) if key is not None else None,
    )


def _known(match: Fields, name: str, known: tuple[str, ...]) -> str | None:
    text = match.text(name)
    if text is not None and text not in known:
        match[name].complain(f"{name} is '{short(text)}', which is none", meant(text, known))
    return text


def _arn(item: Item, what: str, known: Mapping[str, Arn]) -> str | None:
    """Return the ARN of a short name; a role stands for all its sessions."""
    text = item.text(what)
    if text is None or Arn.parse(text) is not None or text.startswith("service:"):
        return text.removeprefix("service:") if text is not None else None
    if text not in known:
        item.unknown(what, text, [name for name in known if "/" not in name])
        return None
    return str(known[text])


def _at_least(fields: Fields) -> int:
    count = fields.integer("at_least")
    if count is None or 1 <= count <= MAX_CALLS:
        return count or 1
    fields["at_least"].complain(f"at_least must be from 1 to {MAX_CALLS:,}")
    return 1


def _within(fields: Fields) -> dt.timedelta:
    text = fields.text("within")
    if text is None:
        return PERIOD
    span = values.read_duration(text)
    if not span:
        fields["within"].complain(f"'{short(text)}' is not a span of time", "write '5 minutes'")
    return span or PERIOD
