"""The nearest `kmsgate.toml`, or `[tool.kmsgate]` of a `pyproject.toml`, upwards of a folder."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kmsgate.errors import UsageError
from kmsgate.output import safe
from policy.spelling import closest

MAX_BYTES = 1 << 20
SECTIONS = ("lint",)


@dataclass(frozen=True, slots=True)
class Configuration:
    """What a file says, and which; no path where there is none. Paths in it begin at its folder."""

    path: Path | None = None
    text: str = field(default="", repr=False)
    table: Mapping[str, Any] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """The folder that paths in the file begin at."""
        return (self.path or Path("kmsgate.toml")).absolute().parent

    def section(self, name: str, known: Iterable[str]) -> Mapping[str, Any]:
        """Return one table; raises UsageError if it is none or has a key that is not known."""
        table = self.table.get(name, {})
        if not isinstance(table, dict):
            raise self.error(name, "must be a table")
        self.require_known(name, table, known)
        return table

    def require_known(self, where: str, table: Mapping[str, Any], known: Iterable[str]) -> None:
        """Raise UsageError for a key of a table that nobody knows."""
        names = tuple(known)
        for key in table:
            if key not in names:
                meant = closest(key, names)
                advice = f"did you mean '{meant}'?" if meant else f"known: {', '.join(names)}"
                raise UsageError(f"{self.name}: {safe(where)} has no '{safe(key)}'", advice)

    def error(self, where: str, message: str) -> UsageError:
        """Return an error about a place of the file."""
        return UsageError(f"{self.name}: {safe(where)} {message}")

    @property
    def name(self) -> str:
        """How the file is called in messages."""
        return safe(str(self.path))


def configuration(start: Path, given: Path | None = None) -> Configuration:
    """Return the configuration that holds in a folder, or that of a given file.

    Raises UsageError for a file that cannot be read, is no TOML, or has unknown keys.
    """
    if given is not None:
        return _read(given) or Configuration(given)
    for folder in (start.absolute(), *start.absolute().parents):
        for name in ("kmsgate.toml", "pyproject.toml"):
            if (folder / name).is_file():
                found = _read(_shown(folder / name))
                if found is not None:
                    return found
    return Configuration()


def _shown(path: Path) -> Path:
    """Return a path as short as it can be told here."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _read(path: Path) -> Configuration | None:
    """Return what a file says to us; None for a file of others that does not mention us."""
    try:
        data = path.read_bytes()
        if len(data) > MAX_BYTES:
            raise UsageError(f"{safe(str(path))} has more than {MAX_BYTES:,} bytes")
        text = data.decode("utf-8")
        table = tomllib.loads(text)
    except OSError as error:
        raise UsageError(f"cannot read {safe(str(path))}: {error.strerror}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{safe(str(path))} is no TOML: {safe(str(error))}") from error
    ours: Any = table
    if path.name == "pyproject.toml" or "tool" in table:
        tool = table.get("tool")
        ours = tool.get("kmsgate") if isinstance(tool, dict) else None
    if ours is None:
        return None
    if not isinstance(ours, dict):
        raise UsageError(f"{safe(str(path))}: tool.kmsgate must be a table")
    found = Configuration(path, text, ours)
    found.require_known("the file", ours, SECTIONS)
    return found
