"""What a person did wrong on the command line or in a file."""

from __future__ import annotations


class UsageError(Exception):
    """A wrong flag, a missing file, unreadable input: exit code 2.

    `message` says what is wrong and where; `help` what to do.
    """

    def __init__(self, message: str, help: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.help = help
