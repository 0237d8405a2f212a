"""Options that several commands have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import rich_click as click

F = TypeVar("F", bound=Callable[..., Any])


def color_option(command: F) -> F:
    """Add `--color`, handed on as `color`."""
    return click.option(
        "--color",
        type=click.Choice(["auto", "always", "never"]),
        default="auto",
        show_default=True,
        help="Whether to use colour.",
    )(command)


def format_option(what: str, *more: str) -> Callable[[F], F]:
    """Add `--format`, handed on as `style`: text, json or one more."""
    return click.option(
        "--format",
        "style",
        type=click.Choice(["text", "json", *more]),
        default="text",
        show_default=True,
        help=f"How to print {what}.",
    )
