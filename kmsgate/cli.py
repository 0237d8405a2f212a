"""The command `kmsgate`: finds the command that was asked for and turns errors into exit codes.

0 allowed, clean or passed; 1 denied, findings or failed; 2 wrong usage or unreadable input;
130 interrupted. Anything else is a bug: a traceback and 70.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import NoReturn

import rich_click as click

from kmsgate import __version__
from kmsgate.errors import UsageError

COMMANDS = {
    "decide": "answer decision requests, one JSON object each",
    "demo": "watch a key policy decide who may use a real key",
    "explain": "tell why a decision request is answered as it is",
    "lint": "find what is wrong with policy documents",
    "test": "run scenario files",
}


class _Commands(click.RichGroup):
    """Imports a command's module only when that command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"kmsgate.commands.{cmd_name}")
        command: click.Command = module.command
        return command


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="kmsgate")
def cli() -> None:
    """Lint, test and explain AWS-style KMS key policies, with a reason for every yes and no."""


def main() -> NoReturn:
    """Run the command line and leave the process with its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command; return its exit code."""
    try:
        return int(cli.main(arguments, prog_name="kmsgate", standalone_mode=False) or 0)
    except UsageError as error:
        click.echo(f"kmsgate: {error.message}", err=True)
        if error.help:
            click.echo(f"help: {error.help}", err=True)
        return 2
    except click.ClickException as error:
        error.show()
        return 2
    except (click.Abort, KeyboardInterrupt):
        return 130
    except BrokenPipeError:
        # Whoever read our output has heard enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception:  # noqa: BLE001 - a bug: shown whole, with an exit code of its own
        sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
        return 70
