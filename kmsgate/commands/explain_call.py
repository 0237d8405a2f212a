"""`kmsgate explain --request-id`: what was decided about a call, and the event that tells of it."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from pathlib import Path
from typing import Any

from kms.audit import AuditEvent, as_plain, record
from kms.sqlite_store import read_events
from kms.store import StoreError
from kmsgate.commands.root_keys import DEFAULT_STORE
from kmsgate.errors import UsageError
from kmsgate.output import Screen, safe
from policy import Outcome

TOKEN = "KMSGATE_TOKEN"  # noqa: S105 - the name of a variable
SECONDS = 20.0
MAX_BYTES = 1 << 24


def explain_call(
    out: Screen,
    request_id: str,
    endpoint: str | None,
    data: str | None,
    *,
    style: str,
    verbose: bool,
) -> int:
    """Print what is known of a call; return 0 if it was allowed, 1 if not.

    A store is read where one is named, or no endpoint. Raises UsageError for a call of which
    nothing is known.
    """
    if style == "mermaid":
        raise UsageError("a call is explained as text or as JSON", "leave --format mermaid out")
    if data is not None or endpoint is None:
        found = _from_store(Path(data or DEFAULT_STORE), request_id)
    else:
        found = _from_endpoint(endpoint, request_id, verbose=verbose)
    if style == "json":
        told = [{k: v for k, v in each.items() if k != "text"} for each in found["decisions"]]
        shown = {"event": found["event"], "decisions": told}
        out.line(json.dumps(shown, indent=2, default=as_plain))
    else:
        _show(out, found)
    out.flush()
    return 1 if _is_denied(found) else 0


def _is_denied(found: Mapping[str, Any]) -> bool:
    decided = [each["decision"] for each in found["decisions"]]
    if decided:
        return any(each != Outcome.ALLOWED for each in decided)
    denied: bool = found["event"].get("errorCode") == "AccessDenied"
    return denied


def _show(out: Screen, found: Mapping[str, Any]) -> None:
    event = found["event"]
    for decision in found["decisions"]:
        for line in decision["text"].splitlines():
            out.line(line)
        out.line()
    if not found["decisions"]:
        out.line("No decision is kept with this call; its event tells how it ended.")
        out.line()
    out.line(out.paint("The audit event:", "strong"))
    for line in json.dumps(event, indent=2, default=as_plain).splitlines():
        out.line(safe(line))


# Where it is kept


def _from_store(path: Path, request_id: str) -> Mapping[str, Any]:
    try:
        events = [each for each in read_events(path) if each.request_id == request_id]
    except StoreError as error:
        raise UsageError(f"{safe(str(path))}: {safe(str(error))}") from error
    if not events:
        raise UsageError(f"{safe(str(path))} has no call with the id {safe(request_id)}")
    return {"event": record(_own(events)), "decisions": []}


def _own(events: list[AuditEvent]) -> AuditEvent:
    """Return the event of the caller's log, not a copy of it."""
    return next((each for each in events if not each.is_copy), events[0])


def _from_endpoint(url: str, request_id: str, *, verbose: bool) -> Mapping[str, Any]:
    if not url.startswith(("http://", "https://")):
        raise UsageError(f"{safe(url)} is no URL of an endpoint")
    token = os.environ.get(TOKEN)
    if not token:
        raise UsageError(f"the variable {TOKEN} is not set", "kmsgate serve prints it at its start")
    question = urllib.request.Request(  # noqa: S310 - its scheme was looked at
        f"{url.rstrip('/')}/kmsgate/explain",
        json.dumps({"request": request_id, "verbose": verbose}).encode(),
        {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(question, timeout=SECONDS) as answer:  # noqa: S310
            found: Mapping[str, Any] = json.loads(answer.read(MAX_BYTES))
    except urllib.error.HTTPError as error:
        raise UsageError(_refusal(error, request_id)) from error
    except (OSError, HTTPException, ValueError) as error:
        raise UsageError(
            f"{safe(url)} does not answer as kmsgate does: {safe(str(error))}"
        ) from None
    return found


def _refusal(error: urllib.error.HTTPError, request_id: str) -> str:
    with error:
        body = error.read(MAX_BYTES)
    if b"AccessDenied" in body:
        return f"the endpoint does not take the token of {TOKEN}"
    if b"NotFound" in body:
        return f"the endpoint keeps no call with the id {safe(request_id)}; its store may have it"
    return f"the endpoint answers with status {error.code}"
