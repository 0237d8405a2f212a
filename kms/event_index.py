"""How events are found in a database: the columns beside their texts, and questions to them."""

from __future__ import annotations

import datetime as dt
from typing import Any

from kms.audit import AuditEvent
from kms.store import EventFilter

_OF_RESOURCE = "number IN (SELECT number FROM event_resources WHERE resource = {})"


def plain(text: str) -> str:
    """Return a text that any database takes: what is no valid text is escaped."""
    if text.isprintable():
        return text
    return text.encode("unicode_escape").decode("ascii")


def _moment(at: dt.datetime) -> str:
    return at.astimezone(dt.UTC).isoformat(timespec="microseconds")  # sorts as it runs


def columns(number: int, event: AuditEvent, text: str) -> tuple[Any, ...]:
    """Return the row of an event in the table `events`."""
    named = (
        event.operation, event.caller, event.error_code, event.account, event.region,
    )  # fmt: skip
    names = (plain(each) if each is not None else None for each in named)
    return (number, _moment(event.at), *names, text, event.hash)


def conditions(where: EventFilter, mark: str) -> tuple[str, list[str]]:
    """Return the condition of a query for events, with marks for values, and the values.

    It may let other events through that are spelled alike; the events themselves are asked too.
    """
    found, values = ["TRUE"], []
    for name, wanted in where.equal_members():
        if wanted is not None:
            found.append(f"{name} = {mark}")
            values.append(plain(wanted))
    if where.resource is not None:
        found.append(_OF_RESOURCE.format(mark))
        values.append(plain(where.resource))
    for sign, moment in ((">=", where.since), ("<", where.until)):
        if moment is not None:
            found.append(f"at {sign} {mark}")
            values.append(_moment(moment))
    return " AND ".join(found), values
