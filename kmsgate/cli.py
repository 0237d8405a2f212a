"""The command `kmsgate`: finds the command that was asked for and turns errors into exit codes.

0 allowed, clean or passed; 1 denied, findings or failed; 2 wrong usage or unreadable input; 3 the
results could not be handed on; 130 interrupted. Anything else is a bug: a traceback and 70.
"""

from __future__ import annotations

import errno
import importlib
import os
import sys
from typing import NoReturn

import rich_click as click
from click.exceptions import Exit, NoArgsIsHelpError

from kmsgate import __version__
from kmsgate.errors import UsageError
from kmsgate.output import safe
from policy.spelling import closest

COMMANDS = {
    "audit": "find events, check that none was changed, export them",
    "decide": "answer decision requests, one JSON object each",
    "demo": "watch a key policy decide who may use a real key",
    "explain": "tell why a decision request is answered as it is",
    "fmt": "set policy documents in the one usual way",
    "lint": "find what is wrong with policy documents",
    "rules": "list the rules of the linter, print the page of one",
    "serve": "answer SDKs and the AWS CLI as AWS KMS would",
    "store": "back up a durable store, restore it, change its root key",
    "test": "run scenario files",
    "who-can": "find all who can do something on a key",
}


class _Commands(click.RichGroup):
    """Imports a command's module only when that command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"kmsgate.commands.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        command.name, command.short_help = cmd_name, COMMANDS[cmd_name]
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            meant = closest(args[0], COMMANDS)
            advice = f"did you mean '{meant}'?" if meant else f"known: {', '.join(COMMANDS)}"
            raise UsageError(f"no command is called '{args[0]}'", advice)
        return super().resolve_command(ctx, args)


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="kmsgate")
def cli() -> None:
    """Lint, test and explain AWS-style KMS key policies, with a reason for every yes and no."""


def main() -> NoReturn:
    """Run the command line and leave the process with its exit code."""
    if sys.stdout is None or sys.stderr is None:  # closed by whoever started us
        nowhere = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
        sys.stdout, sys.stderr = sys.stdout or nowhere, sys.stderr or nowhere
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command; return its exit code."""
    try:
        code = _run(arguments)
        sys.stdout.flush()
    except UsageError as error:
        return _complain("kmsgate", error.message, error.help)
    except NoArgsIsHelpError as error:
        click.echo(error.message, err=True)
        return 2
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        path = context.command_path if context is not None else "kmsgate"
        return _complain(path, error.format_message(), f"{path} --help")
    except (click.Abort, KeyboardInterrupt):
        return 130
    except BrokenPipeError:  # Whoever read our output has heard enough.
        return _without_output()
    except OSError as error:
        if error.errno != errno.ENOSPC:
            return _bug()
        _without_output()
        return _complain("kmsgate", f"the output could not be written: {error.strerror}", code=3)
    except Exception:  # noqa: BLE001 - a bug: shown whole, with an exit code of its own
        return _bug()
    return code


def _run(arguments: list[str]) -> int:
    try:
        with cli.make_context("kmsgate", list(arguments)) as context:
            return int(cli.invoke(context) or 0)
    except Exit as leaving:  # --help and --version
        return leaving.exit_code


def _complain(who: str, message: str, help: str | None = None, code: int = 2) -> int:
    click.echo(f"{who}: {safe(message)}", err=True)
    if help:
        click.echo(f"help: {safe(help)}", err=True)
    return code


def _without_output() -> int:
    """Send what is still to be written nowhere; return the code of results that got lost."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 3


def _bug() -> int:
    sys.excepthook(*sys.exc_info())
    return 70
