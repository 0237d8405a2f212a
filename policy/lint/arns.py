"""ARNs as policies write them: with wildcards, with variables, and with slips."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from policy.arn import SEGMENTS, is_account_id
from policy.lint.subject import Subject
from policy.operators import Family
from policy.pattern import parse_pattern
from policy.regions import REGIONS
from policy.tree import String
from policy.vocabulary import ValueType, condition_key

MAX_COLONS_TRIED = 6
"""A colon too many is looked for among the first ones; the resource may have its own."""

_VARIABLE = re.compile(r"\$\{[^{}]*\}?")
_OWNER = re.compile("[a-z][a-z-]*")
_SHIFTED = re.compile("[0-9]{12}:")


@dataclass(frozen=True, slots=True)
class ArnText:
    """A string where an ARN is expected.

    `fields` are what its first five colons divide; in them a variable counts as a star.
    """

    node: String
    fields: tuple[str, ...]

    @property
    def text(self) -> str:
        """What the string says."""
        return self.node.value

    @property
    def is_whole(self) -> bool:
        """Whether it has the six fields of an ARN."""
        return len(self.fields) == SEGMENTS and self.fields[0] == "arn"

    @property
    def is_kms(self) -> bool:
        """Whether it is an ARN of KMS, if in capitals."""
        return self.is_whole and self.fields[2].lower() == "kms"

    @property
    def has_variable(self) -> bool:
        """Whether a part of it is known only when there is a request, or never."""
        return "${" in self.text

    @property
    def partition(self) -> str:
        """The partition of a whole ARN."""
        return self.fields[1]

    @property
    def service(self) -> str:
        """The service of a whole ARN."""
        return self.fields[2]

    @property
    def region(self) -> str:
        """The Region of a whole ARN."""
        return self.fields[3]

    @property
    def account(self) -> str:
        """The account of a whole ARN."""
        return self.fields[4]

    @property
    def resource(self) -> str:
        """The resource of a whole ARN."""
        return self.fields[5]


def arn_text(node: String) -> ArnText:
    """Return a string as an ARN, whatever it says."""
    return ArnText(node, _fields(node.value))


def resource_arns(subject: Subject) -> Iterator[ArnText]:
    """Yield the entries of Resource and NotResource, except those that are a star."""
    for entry in subject.resources:
        if entry.text != "*":
            yield arn_text(entry.node)


def value_arns(subject: Subject) -> Iterator[ArnText]:
    """Yield the values of keys that hold ARNs, as far as they are compared field by field."""
    for test in subject.tests:
        known = condition_key(test.key)
        if known is None or known.type is not ValueType.ARN:
            continue
        family = test.operator.base.family
        for value in test.values:
            if isinstance(value, String) and (
                family is Family.ARN or (family is Family.STRING and not has_wildcard(value.value))
            ):
                yield arn_text(value)


def principal_arns(subject: Subject) -> Iterator[ArnText]:
    """Yield the AWS principals that begin as ARNs."""
    for entry in subject.principals:
        if entry.element == "AWS" and entry.text.startswith("arn:"):
            yield arn_text(entry.node)


def has_wildcard(text: str) -> bool:
    """Tell whether a star or a question mark stands in a text."""
    return "*" in text or "?" in text


def matched(field: str, names: Iterable[str]) -> bool:
    """Tell whether a field, which may be a pattern, stands for one of the names at least."""
    pattern = parse_pattern(field)
    return any(pattern.matches(name) for name in names)


def account_fault(text: str) -> str | None:
    """Return what is wrong with digits that should be an account ID; None of anything else."""
    if not (text.isascii() and text.isdigit()) or len(text) == 12:
        return None
    return f"an account ID has 12 digits, this has {len(text)}"


def arn_fault(text: str) -> str | None:
    """Return what keeps a text from being an ARN or a pattern of ARNs, or None."""
    fields = _fields(text)
    if fields[0] != "arn":
        return "it does not begin with arn:"
    if len(fields) < SEGMENTS:
        return _count(len(fields))
    service, account, resource = fields[2].lower(), fields[4], fields[5]
    bounds = text if service == "kms" else text.removesuffix(text.split(":", SEGMENTS - 1)[-1])
    if any(sign.isspace() for sign in bounds) or text[-1:].isspace():
        return "there is white space in it"
    if ":" in resource and (service == "kms" or (not account and _SHIFTED.match(resource))):
        return _count(SEGMENTS + resource.count(":"))
    if has_wildcard(account) or is_account_id(account):
        return None
    if service == "kms":
        return account_fault(account) or "it has no account ID"
    if not account or _OWNER.fullmatch(account):
        return None  # many services have no account, and some a name for what AWS owns
    return account_fault(account) or f"'{account[:60]}' is not an account ID"


def without_doubled_colon(text: str) -> str | None:
    """Return the ARN that a text is with one colon less where there are two, or None."""
    at = -1
    for _ in range(MAX_COLONS_TRIED):
        at = text.find("::", at + 1)
        if at < 0:
            return None
        shorter = text[:at] + text[at + 1 :]
        if arn_fault(shorter) is None:
            return shorter
    return None


def regions_of(partition: str) -> frozenset[str]:
    """Return the Regions of all partitions that a field stands for."""
    pattern = parse_pattern(partition)
    return frozenset().union(*(names for name, names in REGIONS.items() if pattern.matches(name)))


def _fields(text: str) -> tuple[str, ...]:
    return tuple(_VARIABLE.sub("*", text).split(":", SEGMENTS - 1))


def _count(number: int) -> str:
    return f"an ARN has {SEGMENTS} fields, this has {number}"
