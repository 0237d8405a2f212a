"""The tables of usages, algorithms and forms as data (`core/usages.yaml`)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from kms import Key, KeyUsage

DATA = yaml.safe_load((Path(__file__).parent / "core" / "usages.yaml").read_text(encoding="utf-8"))
FORMS: tuple[str, ...] = tuple(DATA["forms"]["columns"])

Told = tuple[str, str | None]


def answer(says: str, **facts: object) -> Told | None:
    """Return code and message of a cell; None is success."""
    if says == "ok":
        return None
    code, message = DATA["answers"][says]
    return code, message.format(**facts) if message is not None else None


@dataclass(frozen=True)
class UsageCell:
    """An operation, or one of its keys, on a key of a spec and usage."""

    row: str
    spec: str
    usage: KeyUsage
    says: str

    @property
    def operation(self) -> str:
        return self.row.partition(",")[0]

    def answer(self, key: Key) -> Told | None:
        return answer(self.says, arn=key.arn, usage=key.usage, operation=self.operation)

    def __str__(self) -> str:
        return f"{self.row.replace(', ', '/')}-{self.spec}-{self.usage}"


@dataclass(frozen=True)
class AlgorithmCell:
    """An operation with an algorithm on a key of a spec; the usage is the right one."""

    row: str
    member: str
    spec: str
    usage: KeyUsage
    algorithm: str
    says: str

    @property
    def operation(self) -> str:
        return self.row.partition(",")[0]

    def answer(self) -> Told | None:
        return answer(self.says, algorithm=self.algorithm, spec=self.spec)

    def __str__(self) -> str:
        return f"{self.row.replace(', ', '/')}-{self.spec}-{self.algorithm}"


def _usage_cells() -> Iterator[UsageCell]:
    for row, cells in DATA["operations"].items():
        for kind, says in zip(DATA["kinds"].values(), cells, strict=True):
            for spec in kind["specs"]:
                yield UsageCell(row, spec, KeyUsage(kind["usage"]), says)


def _algorithm_cells() -> Iterator[AlgorithmCell]:
    for table in DATA["algorithms"].values():
        for row, member in table["members"].items():
            for spec, cells in table["rows"].items():
                for algorithm, says in zip(table["columns"], cells, strict=True):
                    usage = KeyUsage(table["usage"])
                    yield AlgorithmCell(row, member, spec, usage, algorithm, says)


USAGE_CELLS = tuple(_usage_cells())
ALGORITHM_CELLS = tuple(_algorithm_cells())


def signs(spec: str, algorithm: str, form: str) -> str:
    """Return the word for a spec, a signing algorithm and a form of the message."""
    table, forms = DATA["algorithms"]["signing"], DATA["forms"]
    word: str = table["rows"][spec][table["columns"].index(algorithm)]
    if word == "ok":
        word = forms["rows"][algorithm][forms["columns"].index(form)]
    return word
