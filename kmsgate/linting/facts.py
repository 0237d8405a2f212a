"""What the user knows and the documents do not say: options of a run, checked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import rich_click as click

from kmsgate.errors import UsageError
from kmsgate.output import safe
from policy.arn import is_account_id
from policy.lint import LintOptions
from policy.model import PrincipalForm
from policy.operators import read_date
from policy.principals import principal_pattern
from policy.source import Span

_CALLERS = frozenset(
    {
        PrincipalForm.ACCOUNT, PrincipalForm.USER, PrincipalForm.ROLE, PrincipalForm.SESSION,
        PrincipalForm.FEDERATED_USER,
    }
)  # fmt: skip

_OPTIONS = (
    click.option("--account", metavar="ID", help="The account that owns the keys."),
    click.option(
        "--trusted-account",
        multiple=True,
        metavar="ID",
        help="An account that may have access; with one at least, others are told of.",
    ),
    click.option(
        "--caller", metavar="ARN", help="Who will put the key policies, and must not be locked out."
    ),
    click.option(
        "--now", metavar="DATE", help="The moment that dates in policies are held against."
    ),
    click.option(
        "--max-principals",
        type=click.IntRange(min=1),
        help="How many principals a key policy may name.  "
        f"[default: {LintOptions().max_principals}]",
    ),
)


def facts_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that `lint_options` reads."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def lint_options(
    account: str | None,
    trusted_account: tuple[str, ...],
    caller: str | None,
    now: str | None,
    max_principals: int,
) -> LintOptions:
    """Return what rules are told; raises UsageError for a value of no such form."""
    for text in (*trusted_account, *([] if account is None else [account])):
        if not is_account_id(text):
            raise UsageError(f"'{safe(text)}' is not an account ID", "it has 12 digits")
    if caller is not None:
        pattern = principal_pattern("AWS", caller, Span(0, 0))
        if pattern.arn is None or pattern.form not in _CALLERS:
            advice = "such as arn:aws:iam::111122223333:role/deploy"
            raise UsageError(f"'{safe(caller)}' is not the ARN of a caller", advice)
    moment = None if now is None else read_date(now)
    if now is not None and moment is None:
        raise UsageError(f"'{safe(now)}' is not a date", "such as 2031-03-31T00:00:00Z")
    return LintOptions(
        account=account,
        trusted_accounts=frozenset(trusted_account) or None,
        caller=caller,
        now=None if moment is None else float(moment),
        max_principals=max_principals,
    )
