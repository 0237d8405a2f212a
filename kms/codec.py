"""Values as JSON and back, by the type hints of their dataclasses alone.

A member that equals its default is left out, and a member that is missing gets its default: old
rows stay readable when a field is added. Bytes never become JSON: whatever is bytes in a record is
taken for a secret and handed over apart, to be sealed (CORE K-108). So is a member that no `repr`
shows, whatever it is, such as grant tokens (CORE K-112).
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import types
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from functools import cache, lru_cache
from types import MappingProxyType
from typing import Any, TypeAlias, Union, get_args, get_origin, get_type_hints

from kms.ordered import SortedSet
from kms.table import Table
from policy import Arn, Policy, PolicyError, PolicyKind, parse
from policy.formatter import format_policy

MAX_OWN_TEXT = 65_536
"""A policy in a longer text is a part of it: no kind of policy may be so long."""

Json: TypeAlias = Any
Encode: TypeAlias = Callable[[Any, list[bytes]], Json]
Decode: TypeAlias = Callable[[Json, Sequence[bytes]], Any]


class UnknownMember(ValueError):  # noqa: N818  named after what is true, like every error of this package
    """A record has a member that this version does not know: a newer one has written it."""


@dataclass(frozen=True, slots=True)
class Codec:
    """Both ways of one type. `encode` adds secrets to a list, and leaves their place in it."""

    encode: Encode
    decode: Decode


@cache
def codec_of(hint: Any) -> Codec:
    """Return the codec of a type; raises TypeError for a type that no record may have."""
    if hint in _SCALARS:
        return _SCALARS[hint]
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return _union(arguments)
    if origin in _GENERICS:
        return _GENERICS[origin](*arguments)
    if isinstance(hint, type):
        if issubclass(hint, Enum):
            return Codec(lambda value, _: value.value, lambda data, _: hint(data))
        if dataclasses.is_dataclass(hint):
            return _dataclass(hint)
    raise TypeError(f"no record may hold {hint!r}")


# Scalars


def _plain(kind: type[Any]) -> Codec:
    def check(value: Any, _: object) -> Any:
        if not isinstance(value, kind):
            raise TypeError(f"{kind.__name__} expected, not {type(value).__name__}")
        return value if type(value) is kind else kind(value)  # a StrEnum may stand for its text

    return Codec(check, check)


def _instant(text: Json) -> dt.datetime:
    at = dt.datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("an instant has an offset")
    return at


def _arn(text: Json) -> Arn:
    arn = Arn.parse(text)
    if arn is None:
        raise ValueError("not an ARN")
    return arn


def _sealed(secret: bytes, secrets: list[bytes]) -> Json:
    secrets.append(bytes(secret))
    return len(secrets) - 1


def _policy(policy: Policy, _: object) -> Json:
    return {"name": policy.name, "kind": policy.kind.value, "text": text_of(policy)}


def text_of(policy: Policy) -> str:
    """Return the text of a policy: its own, or a new one if it is a part of a larger file."""
    text = policy.source.text
    if len(text) <= MAX_OWN_TEXT:
        with suppress(PolicyError):
            if _parsed(text, policy.name, policy.kind.value).statements == policy.statements:
                return text
    return format_policy(policy)


@lru_cache(maxsize=4096)
def _parsed(text: str, name: str, kind: str) -> Policy:
    return parse(text, name=name, kind=PolicyKind(kind))


_MICROSECOND = dt.timedelta(microseconds=1)
_SCALARS: dict[Any, Codec] = {
    **{kind: _plain(kind) for kind in (str, int, float, bool)},
    type(None): Codec(lambda value, _: value, lambda data, _: data),
    bytes: Codec(_sealed, lambda place, secrets: secrets[place]),
    dt.datetime: Codec(lambda value, _: value.isoformat(), lambda text, _: _instant(text)),
    dt.timedelta: Codec(
        lambda value, _: value // _MICROSECOND, lambda count, _: dt.timedelta(microseconds=count)
    ),
    Arn: Codec(lambda value, _: str(value), lambda text, _: _arn(text)),
    Policy: Codec(_policy, lambda data, _: _parsed(data["text"], data["name"], data["kind"])),
    Any: Codec(lambda value, _: _free(value), lambda data, _: _freed(data)),
}


# What nobody declared: the parameters of a call, as they are written down

_TAGS = ("$at", "$bytes", "$map")


def _free(value: Any) -> Json:
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, dt.datetime):
        return {"$at": value.isoformat()}
    if isinstance(value, bytes):
        return {"$bytes": value.hex()}
    if isinstance(value, Mapping):
        plain = all(isinstance(key, str) and key not in _TAGS for key in value)
        pairs = [(_free(key), _free(each)) for key, each in value.items()]
        return dict(pairs) if plain else {"$map": pairs}
    if isinstance(value, list | tuple | set | frozenset):
        return [_free(each) for each in value]
    raise TypeError(f"no event may hold {type(value).__name__}")


def _freed(data: Json) -> Any:
    if isinstance(data, list):
        return [_freed(each) for each in data]
    if not isinstance(data, dict):
        return data
    if "$at" in data:
        return _instant(data["$at"])
    if "$bytes" in data:
        return bytes.fromhex(data["$bytes"])
    if "$map" in data:
        return {_freed(key): _freed(each) for key, each in data["$map"]}
    return {key: _freed(each) for key, each in data.items()}


# Collections


def _tuple(*hints: Any) -> Codec:
    if len(hints) == 2 and hints[1] is Ellipsis:
        return _collection(tuple)(hints[0])
    parts = [codec_of(hint) for hint in hints]

    def encode(value: Any, secrets: list[bytes]) -> Json:
        return [each.encode(item, secrets) for each, item in zip(parts, value, strict=True)]

    def decode(data: Json, secrets: Sequence[bytes]) -> Any:
        return tuple(each.decode(item, secrets) for each, item in zip(parts, data, strict=True))

    return Codec(encode, decode)


def _collection(make: Callable[..., Any], order: Callable[..., Any] = iter) -> Callable[..., Codec]:
    def build(hint: Any) -> Codec:
        each = codec_of(hint)

        def encode(values: Any, secrets: list[bytes]) -> Json:
            return [each.encode(value, secrets) for value in order(values)]

        def decode(data: Json, secrets: Sequence[bytes]) -> Any:
            return make([each.decode(item, secrets) for item in data])

        return Codec(encode, decode)

    return build


def _sorted_set(values: Sequence[Any]) -> SortedSet[Any]:
    found: SortedSet[Any] = SortedSet()
    for value in values:
        found = found.add(value)
    return found


def _mapping(make: Callable[[dict[Any, Any]], Any]) -> Callable[..., Codec]:
    def build(key_hint: Any, value_hint: Any) -> Codec:
        key, each, texts = codec_of(key_hint), codec_of(value_hint), key_hint is str

        def encode(values: Any, secrets: list[bytes]) -> Json:
            pairs = [(key.encode(k, secrets), each.encode(v, secrets)) for k, v in values.items()]
            return dict(pairs) if texts else pairs

        def decode(data: Json, secrets: Sequence[bytes]) -> Any:
            pairs = data.items() if texts else data
            return make({key.decode(k, secrets): each.decode(v, secrets) for k, v in pairs})

        return Codec(encode, decode)

    return build


_GENERICS: dict[Any, Callable[..., Codec]] = {
    tuple: _tuple,
    frozenset: _collection(frozenset, sorted),
    SortedSet: _collection(_sorted_set),
    Mapping: _mapping(MappingProxyType),
    Table: _mapping(Table),
}


# Unions and dataclasses


def _union(hints: tuple[Any, ...]) -> Codec:
    """None is null; of several other members, the number is written before the value."""
    members = [hint for hint in hints if hint is not type(None)]
    parts = [codec_of(hint) for hint in members]
    if len(parts) == 1:
        (only,) = parts
        return Codec(
            lambda value, secrets: None if value is None else only.encode(value, secrets),
            lambda data, secrets: None if data is None else only.decode(data, secrets),
        )
    kinds = [get_origin(hint) or hint for hint in members]

    def encode(value: Any, secrets: list[bytes]) -> Json:
        if value is None:
            return None
        for place, kind in enumerate(kinds):
            if isinstance(value, kind):
                return [place, parts[place].encode(value, secrets)]
        raise TypeError(f"{type(value).__name__} is no member of the union")

    def decode(data: Json, secrets: Sequence[bytes]) -> Any:
        return None if data is None else parts[data[0]].decode(data[1], secrets)

    return Codec(encode, decode)


def _default(member: dataclasses.Field[Any]) -> Any:
    if member.default_factory is not dataclasses.MISSING:
        return member.default_factory()
    return member.default


def _hidden(inner: Codec) -> Codec:
    """Return the codec of a secret that is no bytes."""

    def encode(value: Any, secrets: list[bytes]) -> Json:
        return _sealed(json.dumps(inner.encode(value, secrets)).encode(), secrets)

    return Codec(encode, lambda place, secrets: inner.decode(json.loads(secrets[place]), secrets))


def _member(member: dataclasses.Field[Any], hint: Any) -> Codec:
    hidden = not member.repr and hint not in (bytes, bytes | None)
    return _hidden(codec_of(hint)) if hidden else codec_of(hint)


def _dataclass(cls: type[Any]) -> Codec:
    hints = get_type_hints(cls)
    members = [member for member in dataclasses.fields(cls) if member.init]
    parts = {each.name: (_member(each, hints[each.name]), _default(each)) for each in members}

    def encode(value: Any, secrets: list[bytes]) -> Json:
        if type(value) is not cls:
            raise TypeError(f"{cls.__name__} expected, not {type(value).__name__}")
        data = {}
        for name, (each, default) in parts.items():
            member = getattr(value, name)
            if member is not default and member != default:
                data[name] = each.encode(member, secrets)
        return data

    def decode(data: Json, secrets: Sequence[bytes]) -> Any:
        unknown = data.keys() - parts.keys()
        if unknown:
            raise UnknownMember(f"{cls.__name__} has no `{min(unknown)}`")
        return cls(**{name: parts[name][0].decode(each, secrets) for name, each in data.items()})

    return Codec(encode, decode)
