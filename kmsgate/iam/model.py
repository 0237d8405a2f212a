"""The query protocol, from the shapes of the service model: forms in, XML out."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

from kms.audit import IAM_MODEL, event_time
from kms.resources import shipped
from kmsgate.xml_text import printable

CONTENT_TYPE = "text/xml"
MAX_PARAMETERS = 500
MAX_LISTED = 100
Parameters: TypeAlias = Mapping[str, Any]
Shape: TypeAlias = Mapping[str, Any]


class IamError(Exception):
    """A refusal as IAM spells it: the code of an exception of the service model, and its status."""

    def __init__(self, code: str, message: str, status: int | None = None) -> None:
        super().__init__(code)
        self.code, self.message = code, message
        self.status = status if status is not None else _statuses().get(code, 400)


@cache
def model() -> Mapping[str, Any]:
    """Return the part of the service model that is served."""
    text = (shipped("kms", "schemas") / IAM_MODEL).read_text(encoding="utf-8")
    found: Mapping[str, Any] = json.loads(text)
    return found


@cache
def _statuses() -> Mapping[str, int]:
    shapes = model()["shapes"].values()
    return {each["code"]: each["status"] for each in shapes if "status" in each}


# Requests


def read_form(body: bytes) -> tuple[str, Parameters]:
    """Return the operation of a request and its parameters, by their types; raises IamError."""
    try:
        pairs = dict(
            parse_qsl(
                body.decode(),
                keep_blank_values=True,
                errors="strict",
                max_num_fields=MAX_PARAMETERS,
            )
        )
    except ValueError:
        raise IamError("MalformedInput", "The request is no form.") from None
    action = pairs.get("Action", "")
    operation = model()["operations"].get(action)
    if operation is None:
        version = pairs.get("Version", "NO_VERSION_SPECIFIED")
        told = f"Could not find operation {action} for version {version}"
        raise IamError("InvalidAction", told)
    if "input" not in operation:
        return action, {}
    read = _structure(operation["input"], pairs, "")
    problems = list(_problems(operation["input"], read, ""))
    if problems:
        noun = "error" if len(problems) == 1 else "errors"
        told = f"{len(problems)} validation {noun} detected: {'; '.join(problems)}"
        raise IamError("ValidationError", told)
    return action, read


def _structure(name: str, pairs: Mapping[str, str], prefix: str) -> dict[str, Any]:
    members = model()["shapes"][name].get("members", {})
    found = {
        member: _value(target["shape"], pairs, f"{prefix}{member}")
        for member, target in members.items()
    }
    return {member: value for member, value in found.items() if value is not None}


def _value(name: str, pairs: Mapping[str, str], at: str) -> Any:
    shape = model()["shapes"][name]
    kind = shape["type"]
    if kind == "structure":
        return _structure(name, pairs, f"{at}.") or None
    if kind == "list":
        inner = shape["member"]["shape"]
        found = []
        for number in range(1, MAX_LISTED + 1):
            value = _value(inner, pairs, f"{at}.member.{number}")
            if value is None:
                break
            found.append(value)
        return found or None
    text = pairs.get(at)
    return _READERS.get(kind, str)(text) if text is not None else None


def _integer(text: str) -> int:
    if re.fullmatch("[0-9]{1,9}", text) is None:
        raise IamError("MalformedInput", "A number was expected.")
    return int(text)


_READERS: Mapping[str, Callable[[str], Any]] = {
    "integer": _integer,
    "boolean": lambda text: text.lower() == "true",
}


def _problems(name: str, value: Any, at: str) -> Iterator[str]:
    """Yield what is wrong with a value, as AWS says it."""
    shape = model()["shapes"][name]
    kind = shape["type"]
    if kind == "structure":
        for member in shape.get("required", ()):
            if member not in value:
                yield _told(f"{at}{_lower(member)}", None, "Member must not be null")
        for member, inside in value.items():
            yield from _problems(
                shape["members"][member]["shape"], inside, f"{at}{_lower(member)}."
            )
        return
    at = at.rstrip(".")
    if kind == "list":
        for number, each in enumerate(value, 1):
            yield from _problems(shape["member"]["shape"], each, f"{at}.{number}.member.")
    size, unit = (value, "value") if kind == "integer" else (0, "")
    if kind in ("string", "list"):
        size, unit = len(value), "length"
    if unit and size < shape.get("min", size):
        told = f"Member must have {unit} greater than or equal to {shape['min']}"
        yield _told(at, value, told)
    if unit and size > shape.get("max", size):
        yield _told(at, value, f"Member must have {unit} less than or equal to {shape['max']}")
    if kind == "string":
        if "pattern" in shape and _pattern(shape["pattern"]).fullmatch(value) is None:
            told = f"Member must satisfy regular expression pattern: {shape['pattern']}"
            yield _told(at, value, told)
        if "enum" in shape and value not in shape["enum"]:
            told = f"Member must satisfy enum value set: [{', '.join(shape['enum'])}]"
            yield _told(at, value, told)


def _told(at: str, value: Any, what: str) -> str:
    shown = f"'{value[:256]}' " if isinstance(value, str) else ""
    return f"Value {shown}at '{at}' failed to satisfy constraint: {what}"


@cache
def _pattern(text: str) -> re.Pattern[str]:
    r"""Return a pattern of the model: its \w knows ASCII only, its Unicode classes are Python's."""
    if r"\p{" not in text:
        return re.compile(text, re.ASCII)
    for printed, read in ((r"\p{L}", r"\w"), (r"\p{N}", r"\d"), (r"\p{Z}", r"\s")):
        text = text.replace(printed, read)
    return re.compile(text)


def _lower(name: str) -> str:
    return name[:1].lower() + name[1:]


def logged(parameters: Parameters) -> Mapping[str, Any]:
    """Return parameters as events show them; none of the operations takes a secret."""
    return {_lower(name): _logged(value) for name, value in parameters.items()}


def _logged(value: Any) -> Any:
    if isinstance(value, Mapping):
        return logged(value)
    return [_logged(each) for each in value] if isinstance(value, list) else value


def is_read_only(operation: str) -> bool:
    """Tell whether an operation changes nothing."""
    return operation.startswith(("Get", "List"))


# Responses


def write_output(operation: str, output: Mapping[str, Any], request_id: str) -> bytes:
    """Return the body of a successful response; members that are None are left out."""
    described = model()["operations"][operation]
    inside = ""
    if "output" in described:
        wrapper = described["resultWrapper"]
        inside = f"<{wrapper}>{_written(described['output'], output)}</{wrapper}>"
    told = f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>"
    return _document(f"{operation}Response", inside + told)


def write_error(error: IamError, request_id: str) -> bytes:
    """Return the body of an error."""
    kind = "Sender" if error.status < 500 else "Receiver"
    told = (
        f"<Error><Type>{kind}</Type><Code>{printable(error.code)}</Code>"
        f"<Message>{printable(error.message)}</Message></Error>"
    )
    return _document("ErrorResponse", f"{told}<RequestId>{request_id}</RequestId>")


def _document(root: str, inside: str) -> bytes:
    return f'<{root} xmlns="{model()["metadata"]["xmlNamespace"]}">{inside}</{root}>'.encode()


def _written(name: str, value: Any) -> str:
    shape = model()["shapes"][name]
    if shape["type"] == "structure":
        members = shape["members"]
        return "".join(
            f"<{member}>{_written(members[member]['shape'], inside)}</{member}>"
            for member, inside in value.items()
            if inside is not None
        )
    if shape["type"] == "list":
        inner = shape["member"]["shape"]
        return "".join(f"<member>{_written(inner, each)}</member>" for each in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return event_time(value) if isinstance(value, dt.datetime) else printable(str(value))
