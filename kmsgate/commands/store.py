"""`kmsgate store`: back a store up, put a backup back, and change its root key."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import rich_click as click

from kms.root_key import RootKey
from kms.sqlite_backup import back_up, restore
from kms.sqlite_store import rotate_root_key
from kms.store import StoreError
from kmsgate.commands.root_keys import DEFAULT_STORE, FORMS, root_key, root_key_option
from kmsgate.errors import UsageError
from kmsgate.output import safe, screen

F = TypeVar("F", bound=Callable[..., Any])


@click.group()
def command() -> None:
    """Look after a durable store: a file, or a database in PostgreSQL (postgresql://…).

    The root key is a file (file:PATH, made on first use), a variable (env:NAME: 32 bytes in base64
    or hexadecimal) or a passphrase, which is asked for unless KMSGATE_PASSPHRASE holds it.
    """


def _store_option(function: F) -> F:
    return click.option(
        "--store",
        "where",
        metavar="FILE|URL",
        default=DEFAULT_STORE,
        show_default=True,
        help="The file of the store, or the URL of a PostgreSQL database.",
    )(function)


def _file(where: str) -> Path:
    """Return the file of a store; a server has tools of its own to back up and restore."""
    if _is_server(where):
        raise UsageError(
            "a store in PostgreSQL is not a file",
            "use pg_dump --schema=kmsgate and pg_restore; the root key is not in their files",
        )
    return Path(where)


def _is_server(where: str) -> bool:
    return where.startswith(("postgresql://", "postgres://"))


_present_key = root_key_option(
    "--root-key", "key", "The root key; root.key beside the store by default"
)


@command.command("backup")
@click.argument("target", type=click.Path(path_type=Path))
@_store_option
def _backup(target: Path, where: str) -> int:
    """Write everything that is committed into TARGET, a new file.

    The store may be in use. The root key is not in the backup: keep it in another place.
    """
    path = _file(where)
    with _complaints():
        back_up(path, target)
    screen().line(f"backed up {safe(str(path))} to {safe(str(target))}, without its root key")
    return 0


@command.command("restore")
@click.argument("backup", type=click.Path(path_type=Path))
@_store_option
@_present_key
@click.option("--replace", is_flag=True, help="Put it over the store that is there.")
def _restore(backup: Path, where: str, key: str | None, replace: bool) -> int:
    """Put BACKUP where the store is wanted. It needs the root key of its time.

    With --replace the store may be in use: what it is used for goes on with the backup.
    """
    path = _file(where)
    with _complaints():
        restore(backup, path, root_key(key, path), replace=replace)
    screen().line(f"restored {safe(str(path))} from {safe(str(backup))}")
    return 0


@command.command("rotate-root-key")
@_store_option
@_present_key
@root_key_option("--new-root-key", "new", "The new root key; the present place by default")
def _rotate(where: str, key: str | None, new: str | None) -> int:
    """Wrap the store's keys under a new root key.

    The store may be in use. If this is killed, the store opens with the old root key or with the
    new one; run it again. Backups made before need the old root key.
    """
    server = _is_server(where)
    if server and key is None:
        raise UsageError("there is no default for the root key of a server", f"write {FORMS}")
    path = Path(DEFAULT_STORE if server else where)
    with _complaints():
        old = root_key(key, path)
        fresh = root_key(new, path, "New") if new else old
        if server:
            generation = _rotate_on_server(where, old, fresh)
        else:
            generation = rotate_root_key(path, old, fresh)
    shown = "the store in PostgreSQL" if server else safe(where)  # a URL may hold a password
    screen().line(f"{shown} has root key {generation} now")
    return 0


def _rotate_on_server(url: str, old: RootKey, new: RootKey) -> int:
    try:
        from kms import postgres_store  # noqa: PLC0415  its driver is an extra
    except ImportError:
        raise UsageError(
            "PostgreSQL needs the extra `postgres`", "pip install 'kmsgate[postgres]'"
        ) from None
    return postgres_store.rotate_root_key(url, old, new)


@contextmanager
def _complaints() -> Iterator[None]:
    try:
        yield
    except StoreError as error:
        raise UsageError(str(error)) from error
