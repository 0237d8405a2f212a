"""Where a store is, and where its root key comes from: options of the commands that open one."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import rich_click as click

from kms.root_key import EnvironmentRootKey, FileRootKey, PassphraseRootKey, RootKey
from kmsgate.errors import UsageError

DEFAULT_STORE = ".kmsgate/state.db"
PASSPHRASE = "KMSGATE_PASSPHRASE"  # noqa: S105  the name of a variable
FORMS = "file:PATH, env:NAME or passphrase"

F = TypeVar("F", bound=Callable[..., Any])


def root_key_option(flag: str, name: str, help: str) -> Callable[[F], F]:
    """Add an option that names a root key."""
    return click.option(flag, name, metavar="KEY", help=f"{help} ({FORMS}).")


def root_key(text: str | None, store: Path, which: str = "") -> RootKey:
    """Return the root key that an option names: a file beside the store by default."""
    form, _, rest = (text or f"file:{store.with_name('root.key')}").partition(":")
    if form == "file" and rest:
        return FileRootKey(Path(rest))
    if form == "env" and rest:
        if not os.environ.get(rest):
            raise UsageError(f"the variable {rest} is not set")
        return EnvironmentRootKey(rest, os.environ[rest])
    if text == "passphrase":
        variable = f"KMSGATE_{which.upper()}_PASSPHRASE" if which else PASSPHRASE
        asked = os.environ.get(variable) or click.prompt(
            f"{which} passphrase".strip().capitalize(),
            hide_input=True,
            confirmation_prompt=bool(which),
            err=True,
        )
        return PassphraseRootKey(asked)
    raise UsageError(f"'{text}' is no root key", f"write {FORMS}")
