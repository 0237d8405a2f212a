"""Log files on disk: folders of CloudTrail files, single files, JSON lines; and their chain."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kms.audit import Entry
from kms.trail import CHAIN_FILE, MalformedRecordError, Written, log_files, read_log
from kmsgate.errors import UsageError
from kmsgate.output import safe

MAX_BYTES = 64 << 20
"""How long a log file may be, once it is unpacked."""

SUFFIXES = (".json", ".json.gz", ".jsonl")


@dataclass(frozen=True)
class LogFiles:
    """A folder of log files, or one of them: a source of events (CORE K-185).

    The chain is the file `chain.jsonl` in that folder or beside that file, unless `chain` names
    another one.
    """

    path: Path
    chain: Path | None = None

    def entries(self) -> Iterator[Entry]:
        """Yield every event of KMS with its record; raises UsageError for unreadable files."""
        if not self.path.exists():
            raise UsageError(f"no such file or folder: {safe(str(self.path))}")
        try:
            yield from read_log(self._records(), self._links())
        except MalformedRecordError as error:
            raise UsageError(f"{safe(str(self.path))}: {safe(str(error))}") from None

    @property
    def chain_file(self) -> Path:
        """Where the chain stands, if there is one."""
        folder = self.path if self.path.is_dir() else self.path.parent
        return self.chain or folder / CHAIN_FILE

    @property
    def has_chain(self) -> bool:
        """Whether the chain is there."""
        return self.chain_file.is_file()

    def _records(self) -> Iterator[Written]:
        chain = self.chain_file
        files = sorted(_below(self.path)) if self.path.is_dir() else [self.path]
        for file in files:
            if file != chain:
                yield from _records_of(file)

    def _links(self) -> Iterator[Mapping[str, Any]]:
        chain = self.chain_file
        if chain.is_file():
            yield from (line for _, line in _lines(chain, _content(chain)))
        elif self.chain is not None:
            raise UsageError(f"no such file: {safe(str(chain))}")


def _below(folder: Path) -> Iterator[Path]:
    for here, folders, files in os.walk(folder, onerror=_unreadable):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            if name.endswith(SUFFIXES) and not name.startswith("."):
                yield Path(here, name)


def _unreadable(error: OSError) -> None:
    raise UsageError(f"cannot read {safe(str(error.filename))}: {error.strerror}") from error


def _content(path: Path) -> bytes:
    """Return what is in a file, unpacked if it is packed."""
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        _unreadable(error)
    if data[:2] == b"\x1f\x8b":
        unpack = zlib.decompressobj(wbits=31)
        try:
            data = unpack.decompress(data, MAX_BYTES + 1)
        except zlib.error:
            raise UsageError(f"{safe(str(path))} is no gzip file") from None
        if len(data) <= MAX_BYTES and (not unpack.eof or unpack.unused_data):
            raise UsageError(f"{safe(str(path))} does not end where its data end")
    if len(data) > MAX_BYTES:
        raise UsageError(f"{safe(str(path))} has more than {MAX_BYTES >> 20} MiB")
    return data


def _records_of(path: Path) -> Iterator[Written]:
    """Yield the records of `{"Records": […]}`, or one of each line."""
    data = _content(path)
    if path.name.endswith(".jsonl"):
        for number, line in _lines(path, data):
            yield Written(line, f"{path}:{number}")
        return
    document = _parsed(data, str(path))
    records = document.get("Records") if isinstance(document, dict) else None
    if not isinstance(records, list):
        raise UsageError(f"{safe(str(path))} is no log file", 'it has no list of "Records"')
    for number, each in enumerate(records, 1):
        place = f"{path}, record {number}"
        yield Written(_object(each, place), place)


def _lines(path: Path, data: bytes) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(data.split(b"\n"), 1):
        if line.strip():
            place = f"{path}:{number}"
            yield number, _object(_parsed(line, place), place)


def _parsed(data: bytes, place: str) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise UsageError(f"{safe(place)} is not JSON") from None


def _object(value: Any, place: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UsageError(f"{safe(place)} is not an object")
    return value


def write_log(entries: Iterable[Entry], output: Path) -> int:
    """Write log files into a new or empty folder; return how many. Raises UsageError."""
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise UsageError(f"{safe(str(output))} is there already", "name a new or an empty folder")
    count = 0
    for name, data in log_files(entries):
        path = output / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        except OSError as error:
            message = f"cannot write {safe(str(path))}: {error.strerror}"
            raise UsageError(message) from error
        count += 1
    return count
