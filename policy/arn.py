"""Amazon Resource Names: six segments, of which the last may hold anything (AUTH D-1, D-3)."""

from __future__ import annotations

import functools
from dataclasses import dataclass

SEGMENTS = 6
MAX_KEPT_LENGTH = 512


@dataclass(frozen=True, slots=True)
class Arn:
    """`arn:partition:service:region:account:resource`."""

    partition: str
    service: str
    region: str
    account: str
    resource: str

    @classmethod
    def parse(cls, text: str) -> Arn | None:
        """Return the ARN that the text spells, or None."""
        return _parsed(text) if len(text) <= MAX_KEPT_LENGTH else _parse(text)

    def __str__(self) -> str:
        return ":".join(
            ("arn", self.partition, self.service, self.region, self.account, self.resource)
        )

    @property
    def type(self) -> str:
        """The word before the first slash of the resource: `key`, `alias`, `role`."""
        return self.resource.partition("/")[0]

    @property
    def name(self) -> str:
        """What follows the first slash of the resource."""
        return self.resource.partition("/")[2]

    @property
    def last(self) -> str:
        """The last path component of the resource: the name of a user or role without its path."""
        return self.resource.rpartition("/")[2]


def root_arn(account: str, partition: str = "aws") -> Arn:
    """Return the ARN of an account's root user, which also stands for the account (AUTH E-2)."""
    return Arn(partition, "iam", "", account, "root")


def is_account_id(text: str) -> bool:
    """Tell whether the text has the form of an account id: twelve digits."""
    return len(text) == 12 and text.isascii() and text.isdigit()


def _parse(text: str) -> Arn | None:
    parts = text.split(":", SEGMENTS - 1)
    if len(parts) != SEGMENTS or parts[0] != "arn" or not all((parts[1], parts[2], parts[5])):
        return None
    return Arn(*parts[1:])


# The same text is the same object: evaluators find again what they know of it.
_parsed = functools.lru_cache(maxsize=4096)(_parse)
