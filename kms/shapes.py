"""What a request may contain, checked before anything else looks at it.

The constraints are those of the service model (data in `schemas/`), planned once per operation;
only where the service is known to differ from its model does this file say so. A value is read
first, which settles its type, and reviewed afterwards, so that all broken constraints can be told
at once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from types import MappingProxyType
from typing import Any

from kms.errors import SerializationFailed, UnknownOperation, ValidationFailed
from kms.resources import shipped
from policy.source import printable

_MODEL = "kms-2014-11-01.json"

MAX_SHOWN_CHARACTERS = 2048
"""A message shows no more than this of any value."""

MAX_SHOWN_VIOLATIONS = 100
"""A message spells out no more violations than this; their number is always true."""

# CORE K-42: the sets that the service prints in an order of its own, by shape. For DataKeySpec it
# accepts what the model says and prints another set.
PRINTED_ENUMS: Mapping[str, str] = MappingProxyType(
    {
        "MessageType": "RAW, DIGEST, EXTERNAL_MU",
        "EncryptionAlgorithmSpec": (
            "RSAES_OAEP_SHA_1, RSAES_OAEP_SHA_256, SM2PKE, SYMMETRIC_DEFAULT"
        ),
        "MacAlgorithmSpec": "HMAC_SHA_384, HMAC_SHA_256, HMAC_SHA_224, HMAC_SHA_512",
        "SigningAlgorithmSpec": (
            "RSASSA_PSS_SHA_256, RSASSA_PSS_SHA_384, RSASSA_PSS_SHA_512, "
            "RSASSA_PKCS1_V1_5_SHA_256, RSASSA_PKCS1_V1_5_SHA_384, RSASSA_PKCS1_V1_5_SHA_512, "
            "ECDSA_SHA_256, ECDSA_SHA_384, ECDSA_SHA_512, ED25519_SHA_512, ED25519_PH_SHA_512, "
            "SM2DSA, ML_DSA_SHAKE_256"
        ),
        "DataKeySpec": (
            "RSA_2048, RSA_3072, RSA_4096, ECC_NIST_P256, ECC_NIST_P384, ECC_NIST_P521, "
            "ECC_SECG_P256K1, ECC_NIST_EDWARDS25519, SYMMETRIC_DEFAULT, HMAC_224, HMAC_256, "
            "HMAC_384, HMAC_512, SM2, ML_DSA_44, ML_DSA_65, ML_DSA_87"
        ),
    }
)

# CORE K-40: patterns that the model lacks, as printed and as Python reads them.
_ADDED_PATTERNS = {"KeyIdType": (r"^\p{ASCII}+$", r"[\x00-\x7F]+")}

# CORE K-52: a marker that is too long is an invalid marker, which the listing itself says.
_OPEN_ENDED = frozenset({"MarkerType"})

# CORE K-179: texts that open something, though the model does not call them sensitive.
_SECRET_TEXTS = frozenset({"GrantTokenType"})

# CORE K-47: without a ciphertext to look into, the key must be named.
_KEY_INSTEAD_OF_CIPHERTEXT = {"Decrypt": "KeyId", "ReEncrypt": "SourceKeyId"}


def operation_names() -> frozenset[str]:
    """Return the names of all operations of the model."""
    return frozenset(_model()["operations"])


def is_operation(name: str) -> bool:
    """Tell whether the model has an operation of that name."""
    return name in _model()["operations"]


def takes(operation: str, member: str) -> bool:
    """Tell whether requests of this operation have such a member."""
    return member in _plan(operation).members


@dataclass(frozen=True, slots=True)
class Kind:
    """The type of a request or one of its parts, for surfaces that write values as text.

    `name` is string, integer, boolean, blob, timestamp, list, map or structure; `parts` are the
    members of a structure, `of` is what a list or map holds.
    """

    name: str
    parts: Mapping[str, Kind] = field(default_factory=lambda: MappingProxyType({}))
    of: Kind | None = None


def request_kind(operation: str) -> Kind:
    """Return the type of an operation's request; raises UnknownOperation."""
    try:
        name = _model()["operations"][operation]["input"]
    except KeyError:
        raise UnknownOperation from None
    return _kind(name)


def response_kind(operation: str) -> Kind:
    """Return the type of an operation's response; raises UnknownOperation."""
    try:
        name = _model()["operations"][operation].get("output")
    except KeyError:
        raise UnknownOperation from None
    return _kind(name) if name is not None else Kind("structure")


@cache
def _kind(name: str) -> Kind:
    source = _model()["shapes"][name]
    kind = source["type"]
    if kind == "structure":
        parts = {member: _kind(target["shape"]) for member, target in source["members"].items()}
        return Kind(kind, MappingProxyType(parts))
    if kind in ("list", "map"):
        return Kind(kind, of=_kind(source["member" if kind == "list" else "value"]["shape"]))
    return Kind(kind)


@cache
def enumeration(name: str) -> frozenset[str]:
    """Return the values of an enumeration of the model, by the name of its shape."""
    return frozenset(_model()["shapes"][name]["enum"])


def limits(operation: str, member: str) -> tuple[int, int]:
    """Return the least and the most that a number in a request may be."""
    request = _model()["shapes"][_model()["operations"][operation]["input"]]
    shape = _model()["shapes"][request["members"][member]["shape"]]
    return shape["min"], shape["max"]


@cache
def secret_members(operation: str) -> frozenset[str]:
    """Return the members of a request that no log and no message may show (CORE K-179)."""
    members = _plan(operation).members
    return frozenset(name for name, shape in members.items() if shape.secret)


def check(
    operation: str, parameters: Mapping[str, object], *, partial: bool = False
) -> dict[str, Any]:
    """Return the parameters as the operation may rely on them, in plain dicts and lists.

    With `partial` nothing is required: enough to ask whether a call would be allowed.

    Unknown members are gone, and so is everything that was None; instants are in UTC. Raises
    SerializationFailed for the first value of a wrong type, otherwise ValidationFailed with every
    broken constraint, in the order of the model.
    """
    plan = _plan(operation)
    try:
        values = plan.read(parameters)
    except _UnreadableError:
        raise plan.misread(parameters, "") or SerializationFailed() from None
    if partial:
        plan = _requiring(operation, frozenset())
    elif operation in _KEY_INSTEAD_OF_CIPHERTEXT:
        plan = _requiring(operation, plan.required | {_source_of_key(operation, values)})
    if not plan.fits(values):
        report = _Report()
        plan.review(values, "", report)
        raise ValidationFailed(report.message())
    if not partial and (refusal := _refusal(operation, values)):
        raise ValidationFailed(refusal)
    return values


def legible(operation: str, parameters: Mapping[str, object]) -> dict[str, Any]:
    """Return the members of a request that can be read, whether or not they may be as they are.

    Unknown members are gone, and so is each one that holds a value of a wrong type (CORE K-176).
    """
    found: dict[str, Any] = {}
    if not is_operation(operation) or not isinstance(parameters, Mapping):
        return found
    for name, shape in _plan(operation).members.items():
        value = parameters.get(name)
        if value is not None:
            with suppress(_UnreadableError):
                found[name] = shape.read(value)
    return found


def _source_of_key(operation: str, values: Mapping[str, Any]) -> str:
    """Return the member that must tell which key decrypts (CORE K-47)."""
    ignored = values.get("DryRun") and "IGNORE_CIPHERTEXT" in values.get("DryRunModifiers", ())
    return _KEY_INSTEAD_OF_CIPHERTEXT[operation] if ignored else "CiphertextBlob"


def _refusal(operation: str, values: Mapping[str, Any]) -> str | None:
    """Return what the service says about requests that its model would let pass."""
    if operation == "GenerateRandom" and "NumberOfBytes" not in values:  # CORE K-45
        return "NumberOfBytes is required."
    if not 7 <= values.get("PendingWindowInDays", 30) <= 30:  # CORE K-45
        return "PendingWindowInDays must be between 7 and 30"
    if values.get("DryRunModifiers") and not values.get("DryRun"):  # CORE K-47
        return "DryRunModifiers can only be used when DryRun is true."
    return None


# What is wrong with a request


@dataclass(slots=True)
class _Report:
    """The violations found so far."""

    count: int = 0
    texts: list[str] = field(default_factory=list)

    def add(self, where: str, constraint: str) -> None:
        self.count += 1
        if self.count <= MAX_SHOWN_VIOLATIONS:
            self.texts.append(f"{where} failed to satisfy constraint: {constraint}")

    def message(self) -> str:  # CORE K-36
        noun = "error" if self.count == 1 else "errors"
        return f"{self.count} validation {noun} detected: {'; '.join(self.texts)}"


def _inside(path: str, member: str) -> str:
    """Return the place of a member of a structure (CORE K-37)."""
    name = member[0].lower() + member[1:]
    return f"{path}.{name}" if path else name


class _UnreadableError(Exception):
    """Some value is of a wrong type; `misread` finds out which."""


def _wrong_type(path: str, expected: str) -> SerializationFailed:
    return SerializationFailed(f"{f'`{path}`' if path else 'the request'} must be {expected}")


def _shown(value: object) -> str:
    """Return a value as messages print it: on one line, and not without end."""
    text = f"[{', '.join(map(str, value))}]" if isinstance(value, list) else str(value)
    if len(text) > MAX_SHOWN_CHARACTERS:
        text = text[: MAX_SHOWN_CHARACTERS - 1] + "…"
    return printable(text)


# Shapes: how a value is read, and what it is reviewed for


@dataclass(frozen=True, slots=True)
class _Rule:
    """A constraint, and what the service says when it does not hold (CORE K-38)."""

    holds: Callable[[Any], bool]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shape:
    """What all shapes have: their rules, and whether something in them must stay unseen.

    `holds` are the predicates of the rules, two bounds as one.
    """

    rules: tuple[_Rule, ...] = ()
    holds: tuple[Callable[[Any], bool], ...] = ()
    secret: bool = False

    def read(self, value: object) -> Any:
        """Return the value in our own types; raises _UnreadableError."""
        raise NotImplementedError

    def misread(self, value: object, path: str) -> SerializationFailed | None:
        """Return what is said of the first value in it that is of a wrong type, or None."""
        raise NotImplementedError

    def fits(self, value: Any) -> bool:
        """Tell whether no constraint is broken; `review` says which."""
        for holds in self.holds:  # noqa: SIM110 - a generator would cost as much again
            if not holds(value):
                return False
        return True

    def review(self, value: Any, path: str, report: _Report) -> None:
        """Report every constraint that the value breaks, its own ones first."""
        for rule in self.rules:
            if not rule.holds(value):
                shown = "" if self.secret else f" '{_shown(value)}'"
                report.add(f"Value{shown} at '{path}'", rule.text)
        self.review_parts(value, path, report)

    def review_parts(self, value: Any, path: str, report: _Report) -> None:
        """Report what is wrong inside of the value; most values have no inside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scalar(_Shape):
    """A text, a number, a switch, bytes or an instant.

    The value of a `secret` scalar is never printed; of a `sensitive` one, as the model calls it,
    not even that it is null (CORE K-39).
    """

    reader: Callable[[object], object | None]
    expected: str
    sensitive: bool

    def read(self, value: object) -> Any:
        result = self.reader(value)
        if result is None:
            raise _UnreadableError
        return result

    def misread(self, value: object, path: str) -> SerializationFailed | None:
        return _wrong_type(path, self.expected) if self.reader(value) is None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _List(_Shape):
    """Values of one shape, in order; None is left out (CORE K-44)."""

    of: _Shape

    def read(self, value: object) -> list[Any]:
        if not isinstance(value, list | tuple):
            raise _UnreadableError
        return [self.of.read(item) for item in value if item is not None]

    def misread(self, value: object, path: str) -> SerializationFailed | None:
        if not isinstance(value, list | tuple):
            return _wrong_type(path, "a list")
        items = enumerate((item for item in value if item is not None), 1)
        found = (self.of.misread(item, f"{path}.{i}.member") for i, item in items)
        return next((each for each in found if each is not None), None)

    def fits(self, value: Any) -> bool:
        return _Shape.fits(self, value) and all(map(self.of.fits, value))

    def review_parts(self, value: Any, path: str, report: _Report) -> None:
        for i, item in enumerate(value, 1):
            self.of.review(item, f"{path}.{i}.member", report)  # CORE K-37


@dataclass(frozen=True, slots=True, kw_only=True)
class _Map(_Shape):
    """Texts that stand for other texts; None is left out (CORE K-44)."""

    key: _Shape
    of: _Shape

    def read(self, value: object) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise _UnreadableError
        return {
            self.key.read(key): self.of.read(item)
            for key, item in value.items()
            if item is not None
        }

    def misread(self, value: object, path: str) -> SerializationFailed | None:
        if not isinstance(value, Mapping):
            return _wrong_type(path, "an object")
        for key, item in value.items():
            if item is not None:
                inside = f"{path}.{_shown(key)}.member"
                found = self.key.misread(key, path) or self.of.misread(item, inside)
                if found is not None:
                    return found
        return None

    def fits(self, value: Any) -> bool:
        return (
            _Shape.fits(self, value)
            and all(map(self.key.fits, value))
            and all(map(self.of.fits, value.values()))
        )

    def review_parts(self, value: Any, path: str, report: _Report) -> None:
        for key, item in value.items():
            place = f"{path}.{_shown(key)}"
            self.key.review(key, place, report)
            self.of.review(item, f"{place}.member", report)  # CORE K-37


@dataclass(frozen=True, slots=True, kw_only=True)
class _Structure(_Shape):
    """Named members, in the order of the model; None and unknown ones are left out (CORE K-44)."""

    members: Mapping[str, _Shape]
    required: frozenset[str]

    def read(self, value: object) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise _UnreadableError
        members = self.members
        return {
            name: members[name].read(item)
            for name, item in value.items()
            if item is not None and name in members
        }

    def misread(self, value: object, path: str) -> SerializationFailed | None:
        if not isinstance(value, Mapping):
            return _wrong_type(path, "an object")
        for name, shape in self.members.items():
            if value.get(name) is not None:
                found = shape.misread(value[name], _inside(path, name))
                if found is not None:
                    return found
        return None

    def fits(self, value: Any) -> bool:
        if not self.required <= value.keys():
            return False
        for name, member in value.items():  # noqa: SIM110 - as above
            if not self.members[name].fits(member):
                return False
        return True

    def review_parts(self, value: Any, path: str, report: _Report) -> None:
        for name, shape in self.members.items():  # CORE K-43
            place = _inside(path, name)
            if name in value:
                shape.review(value[name], place, report)
            elif name in self.required:
                null = "" if isinstance(shape, _Scalar) and shape.sensitive else " null"
                report.add(f"Value{null} at '{place}'", "Member must not be null")


# Readers: a value in our own types, or None when it is of another type


def _text(value: object) -> str | None:
    if not isinstance(value, str):
        return None
    if value.isascii():
        return value
    try:
        value.encode()
    except UnicodeEncodeError:  # half a surrogate pair: JSON can spell it, nothing can store it
        return None
    return value


def _integer(value: object) -> int | None:
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if -(2**31) <= value < 2**31 else None


def _boolean(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _blob(value: object) -> bytes | None:
    return value if isinstance(value, bytes) else None


def _instant(value: object) -> datetime | None:
    if not isinstance(value, datetime) or value.utcoffset() is None:
        return None
    try:
        return value.astimezone(UTC)
    except OverflowError:  # the first or last day there is, in another zone
        return None


_SCALARS: Mapping[str, tuple[Callable[[object], object | None], str]] = {
    "string": (_text, "a Unicode string"),
    "integer": (_integer, "a 32-bit integer"),
    "boolean": (_boolean, "true or false"),
    "blob": (_blob, "bytes"),
    "timestamp": (_instant, "a point in time with a time zone"),
}


# Plans: the shapes of the model, made ready once


@cache
def _model() -> Mapping[str, Any]:
    text = (shipped("kms", "schemas") / _MODEL).read_text(encoding="utf-8")
    model: Mapping[str, Any] = json.loads(text)
    return model


@cache
def _plan(operation: str) -> _Structure:
    try:
        name = _model()["operations"][operation]["input"]
    except KeyError:
        raise UnknownOperation from None
    return _structure(name)


@cache
def _requiring(operation: str, members: frozenset[str]) -> _Structure:
    return replace(_plan(operation), required=members)


@cache
def _structure(name: str) -> _Structure:
    source = _model()["shapes"][name]
    members = {member: _shape(target["shape"]) for member, target in source["members"].items()}
    return _Structure(
        members=MappingProxyType(members),
        required=frozenset(source.get("required", ())),
        secret=any(shape.secret for shape in members.values()),
    )


@cache
def _shape(name: str) -> _Shape:
    source = _model()["shapes"][name]
    kind = source["type"]
    if kind == "structure":
        return _structure(name)
    rules = tuple(_rules(name, source))
    holds = _predicates(name, source, rules)
    if kind == "list":
        of = _shape(source["member"]["shape"])
        return _List(of=of, rules=rules, holds=holds, secret=of.secret)
    if kind == "map":
        key, of = _shape(source["key"]["shape"]), _shape(source["value"]["shape"])
        return _Map(key=key, of=of, rules=rules, holds=holds, secret=key.secret or of.secret)
    reader, expected = _SCALARS[kind]
    sensitive = source.get("sensitive", False)
    secret = sensitive or kind == "blob" or name in _SECRET_TEXTS
    return _Scalar(
        reader=reader,
        expected=expected,
        rules=rules,
        holds=holds,
        secret=secret,
        sensitive=sensitive,
    )


def _units(text: str) -> int:
    """Return the length as the service counts it: in UTF-16 code units (CORE K-41)."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2


_MEASURES: Mapping[str, tuple[Callable[[Any], int], str]] = {
    "integer": (int, "value"),
    "string": (_units, "length"),
}


def _rules(name: str, source: Mapping[str, Any]) -> Iterator[_Rule]:
    """Yield the constraints of a shape, worded as the service words them (CORE K-38)."""
    measure, noun = _MEASURES.get(source["type"], (len, "length"))
    least, most = source.get("min"), source.get("max")
    if least is not None:
        text = f"Member must have {noun} greater than or equal to {least}"
        yield _Rule(lambda value: measure(value) >= least, text)
    if most is not None and name not in _OPEN_ENDED:
        text = f"Member must have {noun} less than or equal to {most}"
        yield _Rule(lambda value: measure(value) <= most, text)
    if pattern := source.get("pattern"):
        yield _pattern_rule(pattern, pattern)
    if name in _ADDED_PATTERNS:
        yield _pattern_rule(*_ADDED_PATTERNS[name])
    if allowed := source.get("enum"):
        printed = PRINTED_ENUMS.get(name, ", ".join(allowed))
        text = f"Member must satisfy enum value set: [{printed}]"
        yield _Rule(frozenset(allowed).__contains__, text)


def _predicates(
    name: str, source: Mapping[str, Any], rules: tuple[_Rule, ...]
) -> tuple[Callable[[Any], bool], ...]:
    """Return the predicates of the rules of a shape; two bounds are one, they measure the same."""
    measure, _ = _MEASURES.get(source["type"], (len, "length"))
    least, most = source.get("min"), source.get("max")
    if least is None or most is None or name in _OPEN_ENDED:
        return tuple(rule.holds for rule in rules)
    return lambda value: least <= measure(value) <= most, *(rule.holds for rule in rules[2:])


def _pattern_rule(printed: str, pattern: str) -> _Rule:
    # The service's classes such as \w know ASCII only, and its patterns match whole texts.
    matches = re.compile(pattern, re.ASCII).fullmatch
    text = f"Member must satisfy regular expression pattern: {printed}"
    return _Rule(lambda value: matches(value) is not None, text)
