"""Scenario files written in a test: what is said about them, and what becomes of their steps."""

# ruff: noqa: E501  (a row of a table, or of a scenario, stays on its line)

from __future__ import annotations

import io
import textwrap
from collections.abc import Sequence

from kmsgate.output import Screen, screen
from kmsgate.scenario.fields import FileError
from kmsgate.scenario.files import load
from kmsgate.scenario.report import Ran, show_failures, show_file_error
from kmsgate.scenario.run import Failure, run

WORLD = """\
version: 1
world:
  accounts: {main: "111122223333", partner: "444455556666"}
  policies:
    may-use:
      Version: "2012-10-17"
      Statement: [{Sid: Use, Effect: Allow, Action: "kms:*", Resource: "*"}]
  users: {outsider: {account: partner, policies: [may-use]}}
  roles: {app: {}, admin: {policies: [may-use]}, auditor: {policies: [may-use]}}
  keys:
    payroll:
      id: 1234abcd-12ab-34cd-56ef-1234567890ab
      aliases: [alias/payroll]
      policy:
        Version: "2012-10-17"
        Statement:
          - {Sid: Delegate, Effect: Allow, Principal: {AWS: "111122223333"}, Action: "kms:*", Resource: "*"}
          - {Sid: UseKey, Effect: Allow, Principal: {AWS: $app.arn}, Action: ["kms:*crypt", "kms:*DataKey*", kms:CreateGrant], Resource: "*"}
          - {Sid: NoAuditors, Effect: Deny, Principal: {AWS: $auditor.arn}, Action: kms:Decrypt, Resource: "*"}
"""
"""A world with a key that names `app`, lets IAM decide, and keeps `auditor` from decrypting."""


class Paper(io.StringIO):
    """A stream that keeps what is written to it, and can show every sign."""

    encoding = "utf-8"  # type: ignore[assignment]


def plain_screen() -> Screen:
    """Return a screen without colour that keeps what is written."""
    return screen(Paper(), "never")


def written(out: Screen) -> str:
    """Return what has been written to a screen of `plain_screen`."""
    assert isinstance(out.stream, io.StringIO)
    return out.stream.getvalue()


def suite_text(steps: str, *, head: str = WORLD, more: str = "") -> str:
    """Return a file with one test, called `t`, that `app` takes through the steps."""
    body = textwrap.indent(textwrap.dedent(steps).strip("\n"), "      ")
    return f"{head}tests:\n  - name: t\n    as: app\n{more}    steps:\n{body}\n"


def said_about(text: str, name: str = "s.yaml") -> list[str]:
    """Return the lines that are printed about a file that cannot be used; none if it can."""
    try:
        load(name, text.encode())
    except FileError as error:
        out = plain_screen()
        show_file_error(out, error)
        return written(out).splitlines()
    return []


def ran(text: str, name: str = "s.yaml") -> Ran:
    """Return a file and what becomes of its tests."""
    suite = load(name, text.encode())
    return Ran(suite, tuple(run(suite)))


def failures(text: str) -> Sequence[Failure]:
    """Return all failures of all tests of a file."""
    return [failure for result in ran(text).results for failure in result.failures]


def messages(text: str) -> list[str]:
    """Return what went otherwise in a file."""
    return [failure.message for failure in failures(text)]


def messages_of(steps: str, *, head: str = WORLD, more: str = "") -> list[str]:
    """Return what goes otherwise in one test with these steps."""
    return messages(suite_text(steps, head=head, more=more))


def report_of(text: str) -> list[str]:
    """Return the lines that are printed about the failures of a file."""
    out = plain_screen()
    show_failures(out, ran(text))
    return written(out).splitlines()
