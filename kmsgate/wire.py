"""Requests and responses as AWS JSON 1.1 spells them: base64, epoch seconds, errors (CORE 11).

Readers and writers are planned once per operation, from the shapes of the service model. Whether
a value may be what it is, the core says: a member of a wrong type is handed on as it came, so
that the refusal of an authenticated call is written down like any other (CORE K-176).
"""

from __future__ import annotations

import binascii
import datetime as dt
import json
from collections.abc import Callable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, NoReturn, TypeAlias

from kms.errors import AccessDenied, KmsError, SerializationFailed, UnknownOperation
from kms.operation import Output
from kms.shapes import Kind, operation_names, request_kind, response_kind

CONTENT_TYPE = "application/x-amz-json-1.1"
TARGET_PREFIX = "TrentService."

Turn: TypeAlias = Callable[[Any], Any]

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MILLISECOND = dt.timedelta(milliseconds=1)
_TARGETS = {f"{TARGET_PREFIX}{name}".encode(): name for name in operation_names()}
_encode = json.JSONEncoder(separators=(",", ":")).encode


def operation_of(target: bytes | None) -> str:
    """Return the operation that `X-Amz-Target` names; raises UnknownOperation (CORE K-189)."""
    operation = _TARGETS.get(target) if target is not None else None
    if operation is None:
        raise UnknownOperation
    return operation


# Requests


def read_request(operation: str, body: bytes) -> Mapping[str, Any]:
    """Return the parameters of a request, blobs as bytes and timestamps as datetimes.

    Raises SerializationFailed for what is no JSON object (CORE K-192); an empty body is an empty
    object (CORE K-191).
    """
    if not body:
        return {}
    try:
        found = _decode(body.decode())
    except (ValueError, RecursionError):
        raise SerializationFailed("The request is not JSON.") from None
    if not isinstance(found, dict):
        raise SerializationFailed("The request is not a JSON object.")
    read = _reader_of(operation)
    parameters: Mapping[str, Any] = read(found) if read is not None else found
    return parameters


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON")


_decode = json.JSONDecoder(parse_constant=_no_number).decode


@cache
def _reader_of(operation: str) -> Turn | None:
    return _reader(request_kind(operation))


def _reader(kind: Kind) -> Turn | None:
    """Return what turns a value of JSON into one of ours; None where they are the same."""
    if kind.name == "blob":
        return _bytes_of
    if kind.name == "timestamp":
        return _instant_of
    if kind.name == "structure":
        parts = {name: _reader(part) for name, part in kind.parts.items()}
        turns = {name: turn for name, turn in parts.items() if turn is not None}
        return _inside(turns) if turns else None
    if kind.of is not None and (turn := _reader(kind.of)) is not None:
        return _each(turn)
    return None


def _inside(turns: Mapping[str, Turn]) -> Turn:
    def turned(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {name: turns[name](v) if name in turns else v for name, v in value.items()}

    return turned


def _each(turn: Turn) -> Turn:
    def turned(value: Any) -> Any:
        if isinstance(value, list):
            return [turn(part) for part in value]
        if isinstance(value, dict):
            return {name: turn(part) for name, part in value.items()}
        return value

    return turned


def _bytes_of(value: Any) -> Any:
    """Return what strict base64 stands for; anything else as it is, which is no bytes."""
    if not isinstance(value, str):
        return value
    try:
        return binascii.a2b_base64(value, strict_mode=True)
    except ValueError:
        return value


def _instant_of(value: Any) -> Any:
    """Return the instant of epoch seconds, or of an ISO 8601 text with an offset (CORE K-191)."""
    try:
        if isinstance(value, str):
            return dt.datetime.fromisoformat(value)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return _EPOCH + round(value * 1000) * _MILLISECOND
    except (ValueError, OverflowError):
        pass  # no instant that can be told: the core refuses the value as it came
    return value


# Responses


def write_output(operation: str, output: Output) -> bytes:
    """Return the body of a successful response; empty where there is no output (CORE K-193)."""
    if not output:
        return _empty(operation)
    write = _writer_of(operation)
    return _encode(write(output) if write is not None else output).encode()


@cache
def _empty(operation: str) -> bytes:
    return b"{}" if response_kind(operation).parts else b""


@cache
def _writer_of(operation: str) -> Turn | None:
    return _writer(response_kind(operation))


def _writer(kind: Kind) -> Turn | None:
    """Return what turns one of our values into one of JSON; None where they are the same."""
    if kind.name == "blob":
        return _base64
    if kind.name == "timestamp":
        return _seconds
    if kind.name == "structure":
        return _members({name: _writer(part) for name, part in kind.parts.items()})
    if kind.of is not None and (turn := _writer(kind.of)) is not None:
        return _each(turn)
    return None


def _members(turns: Mapping[str, Turn | None]) -> Turn:
    """Return what writes the members of a structure that have values, and no others."""

    def written(value: Mapping[str, Any]) -> dict[str, Any]:
        made = {}
        for name, member in value.items():
            if member is not None:
                turn = turns[name]
                made[name] = turn(member) if turn is not None else member
        return made

    return written


def _base64(value: bytes) -> str:
    return binascii.b2a_base64(value, newline=False).decode("ascii")


def _seconds(at: dt.datetime) -> float:
    return (at - _EPOCH) // _MILLISECOND / 1000


_MESSAGE_MEMBER: Mapping[type[KmsError], str] = MappingProxyType({AccessDenied: "Message"})


def write_error(error: KmsError) -> bytes:
    """Return the body of an error: its code, and its message if it has any (CORE K-195)."""
    body = {"__type": error.code}
    if error.message is not None:
        body[_MESSAGE_MEMBER.get(type(error), "message")] = error.message
    return _encode(body).encode()
