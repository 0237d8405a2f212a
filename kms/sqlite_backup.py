"""Backups of a store in a file: taken while it is in use, and put back the same way.

A backup is a store: one file, its secrets sealed as ever, its store key wrapped. The root key is
not in it and has to be kept apart from it.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from kms import root_key
from kms.root_key import RootKey, sync_folder
from kms.runtime import Entropy, SystemEntropy
from kms.sqlite_store import connect, existing, migrate, private, told, wrapped_key
from kms.store import DamagedStore, StoreError


def back_up(path: Path, target: Path, entropy: Entropy | None = None) -> None:
    """Write everything that is committed into a new file, whole or not at all.

    Raises StoreError if there is no store, or if the target exists.
    """
    with told(), _draft(target, entropy or SystemEntropy()) as draft:
        with closing(connect(existing(path), read_only=True)) as source:
            _copy(source, draft)
        _require_sound(draft)
        draft.execute("PRAGMA journal_mode = DELETE")  # one file, nothing beside it


def restore(
    backup: Path,
    path: Path,
    root: RootKey,
    *,
    replace: bool = False,
    entropy: Entropy | None = None,
) -> None:
    """Put a backup where a store is wanted; over a store in use only if `replace` says so.

    Processes that have that store open go on with what was put back. Raises StoreError, and changes
    nothing, if the backup is damaged, does not open with the root key, or is one of another store.
    """
    entropy = entropy or SystemEntropy()
    if path.exists() and not replace:
        raise StoreError(f"there is a store at {path} already")
    with told(), _draft(path, entropy, keep=not path.exists()) as draft:
        with closing(connect(existing(backup), read_only=True)) as source:
            _require_sound(source)
            _copy(source, draft)
        key = _prepared(draft, root, entropy)
        if not path.exists():
            return
        with closing(connect(path)) as live:
            present = wrapped_key(live)
            if present is None or root_key.unwrap(present, root) != key:
                raise StoreError(f"{backup} is no backup of the store at {path}")
            _copy(draft, live)


def _prepared(draft: sqlite3.Connection, root: RootKey, entropy: Entropy) -> bytes:
    """Return the store key of a copy that was made to differ from all that was seen before."""
    draft.execute("BEGIN IMMEDIATE")
    migrate(draft)
    wrapped = wrapped_key(draft)
    if wrapped is None:
        raise DamagedStore("the backup has no root key")
    key = root_key.unwrap(wrapped, root)
    draft.execute("UPDATE store SET incarnation = ?", (entropy.uuid(),))
    draft.execute("COMMIT")
    return key


@contextmanager
def _draft(target: Path, entropy: Entropy, *, keep: bool = True) -> Iterator[sqlite3.Connection]:
    """Open a new database beside the target; give it the target's name once all is done."""
    if keep and target.exists():
        raise StoreError(f"{target} exists already")
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = target.with_name(f"{target.name}.{entropy.uuid()}.new")
    private(draft)
    try:
        with closing(connect(draft)) as connection:
            yield connection
        if keep:
            os.link(draft, target)
            sync_folder(target.parent)
    finally:
        for suffix in ("", "-wal", "-shm"):
            draft.with_name(draft.name + suffix).unlink(missing_ok=True)


def _copy(source: sqlite3.Connection, target: sqlite3.Connection) -> None:
    """Copy all pages in one transaction of the target."""
    source.backup(target)


def _require_sound(connection: sqlite3.Connection) -> None:
    problems = [found for (found,) in connection.execute("PRAGMA quick_check")]
    if problems != ["ok"]:
        raise DamagedStore(f"the file is damaged: {problems[0]}")
