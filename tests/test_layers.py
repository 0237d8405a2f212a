"""Which room may import and touch what. Each rule is also tried on a text that breaks it."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path

import pytest

import kms
from kms.service import ROOMS

PROJECT = Path(kms.__file__).resolve().parent.parent
PACKAGES = ("policy", "kms", "kmsgate")
OPERATION_ROOMS = frozenset(room.__name__ for room in ROOMS)


@dataclass(frozen=True)
class Module:
    """A module by its dotted name, and what it says. A package goes by its own name."""

    name: str
    tree: ast.Module
    is_package: bool = False

    @property
    def package(self) -> str:
        return self.name.partition(".")[0]

    def imports(self) -> tuple[str, ...]:
        """Return everything that is imported: `a.b`, and `a.b.c` for `from a.b import c`."""
        return _imports(self)

    def imported(self) -> Iterator[str]:
        """Find what is imported; `imports` keeps it, since several rules ask."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                source = self._source(node)
                yield source
                yield from (f"{source}.{alias.name}" for alias in node.names)

    def _source(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        parts = self.name.split(".")
        base = parts[: len(parts) - node.level + self.is_package]
        return ".".join([*base, *([node.module] if node.module else [])])

    def uses(self) -> tuple[str, ...]:
        """Return what is read: imported names spelled out, and built-in names."""
        return _uses(self)

    def read(self) -> Iterator[str]:
        """Find what is read; `uses` keeps it, since several rules ask."""
        meanings = self._meanings()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
                first, dot, rest = _dotted(node).partition(".")
                if first in meanings or (not dot and hasattr(builtins, first)):
                    yield meanings.get(first, first) + dot + rest

    def _meanings(self) -> dict[str, str]:
        meanings: dict[str, str] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    top = alias.name.partition(".")[0]
                    meanings[alias.asname or top] = alias.name if alias.asname else top
            elif isinstance(node, ast.ImportFrom):
                source = self._source(node)
                meanings |= {a.asname or a.name: f"{source}.{a.name}" for a in node.names}
        return meanings


@cache
def _uses(module: Module) -> tuple[str, ...]:
    return tuple(module.read())


@cache
def _imports(module: Module) -> tuple[str, ...]:
    return tuple(module.imported())


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return "?"


def _within(name: str, *packages: str) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


# The rules: each yields what a module does that it may not do

Check = Callable[[Module], Iterator[str]]


def _only_in(rooms: tuple[str, ...], *libraries: str) -> Check:
    """Only these rooms import these libraries."""

    def check(module: Module) -> Iterator[str]:
        if not _within(module.name, *rooms):
            yield from (name for name in module.imports() if _within(name, *libraries))

    return check


def _downwards(module: Module) -> Iterator[str]:
    """policy knows nobody, kms knows policy, kmsgate knows both."""
    above = PACKAGES[PACKAGES.index(module.package) + 1 :]
    yield from (name for name in module.imports() if _within(name, *above))


CLOCKS = (
    "datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time", "time.time_ns",
    "time.gmtime", "time.localtime", "time.ctime", "time.strftime",
)  # fmt: skip
STOPWATCHES = ("time.monotonic", "time.perf_counter", "time.process_time", "time.sleep")
CHANCE = (
    "os.urandom", "os.getrandom", "uuid.uuid1", "uuid.uuid4", "uuid.UUID.uuid4", "secrets",
    "random",
)  # fmt: skip


def _no_clock(module: Module) -> Iterator[str]:
    """Only the room of time and chance reads the clock; `SystemClock` is how others get it."""
    if module.name == "kms.runtime":
        return
    clocks = CLOCKS if module.package == "kmsgate" else (*CLOCKS, *STOPWATCHES)
    for name in module.uses():
        if any(name == clock or name.endswith(f".{clock}") for clock in clocks):
            yield name


def _no_chance(module: Module) -> Iterator[str]:
    """Only the room of time and chance throws dice. `uuid.UUID` alone is but a way to spell."""
    if module.name == "kms.runtime":
        return
    for name in (*module.imports(), *module.uses()):
        if _within(name, *CHANCE):
            yield name


READERS = (
    "open", "io.open", "pathlib", "os.open", "os.listdir", "os.scandir", "os.environ", "os.getenv",
    "glob", "shutil", "tempfile", "importlib.resources", "pkgutil",
)  # fmt: skip


def _no_files(module: Module) -> Iterator[str]:
    """policy reads no file, nor the environment; its parser reads its own grammar."""
    if module.package != "policy":
        return
    for name in (*module.imports(), *module.uses()):
        own_grammar = module.name == "policy.parser" and _within(name, "importlib.resources")
        if _within(name, *READERS) and not own_grammar:
            yield name


def _no_network(module: Module) -> Iterator[str]:
    """Below the surfaces there is no network and no other process."""
    if module.package != "kmsgate":
        libraries = ("socket", "http", "urllib", "ssl", "asyncio", "subprocess", "multiprocessing")
        yield from (name for name in module.imports() if _within(name, *libraries))


def _no_talk(module: Module) -> Iterator[str]:
    """Below the surfaces nothing prints, logs or warns."""
    if module.package == "kmsgate":
        return
    talk = ("print", "logging", "warnings", "sys.stdout", "sys.stderr", "sys.stdin", "input")
    for name in (*module.imports(), *module.uses()):
        if _within(name, *talk):
            yield name


def _no_neighbours(module: Module) -> Iterator[str]:
    """A room of operations knows no other, and neither store, gate, service nor clock."""
    if module.name in OPERATION_ROOMS:
        others = OPERATION_ROOMS - {module.name}
        away = ("kms.store", "kms.gate", "kms.service", "kms.settle", "kms.audit")
        yield from (name for name in module.imports() if _within(name, *others, *away))


def _walled(module: Module) -> Iterator[str]:
    """The walled room of cryptography knows bytes: no key, no state, no policy."""
    if module.name == "kms.hazmat":
        yield from (name for name in module.imports() if _within(name, *PACKAGES))


def _rules_alone(module: Module) -> Iterator[str]:
    """A lint rule knows no other rule; only the list of rules does."""
    rules = "policy.lint.rules"
    if _within(module.name, rules) and module.name != rules:
        yield from (name for name in module.imports() if _within(name, rules))


def _sober_surfaces(module: Module) -> Iterator[str]:
    """A surface never asks the gate by itself, nor looks behind the service (style 3.5)."""
    if module.package == "kmsgate":
        behind = ("kms.operation._OPERATIONS", "kms.settle")
        yield from (name for name in module.imports() if _within(name, *behind))


@dataclass(frozen=True)
class Rule:
    """A rule, and modules that break it: a name, a text, and what is found there."""

    check: Check
    planted: tuple[tuple[str, str, str], ...]
    fine: tuple[tuple[str, str], ...] = ()


RULES: dict[str, Rule] = {
    "imports point downwards": Rule(
        _downwards,
        (
            ("policy.model", "import kms", "kms"),
            ("policy.lint.rules.sids", "from kms.state import State", "kms.state"),
            ("policy.model", "def f():\n    from kmsgate import cli", "kmsgate"),
            ("kms.keys", "from kmsgate.output import show", "kmsgate.output"),
        ),
        (("kmsgate.cli", "import kms, policy"), ("kms.keys", "from policy import parse")),
    ),
    "lark is used in policy/parser.py and policy/strict.py alone": Rule(
        _only_in(("policy.parser", "policy.strict"), "lark"),
        (("policy.reader", "from lark import Tree", "lark"), ("kms.keys", "import lark", "lark")),
        (("policy.parser", "import lark"), ("policy.strict", "import lark")),
    ),
    "cryptography is used in kms/hazmat.py alone": Rule(
        _only_in(("kms.hazmat",), "cryptography"),
        (
            ("kms.envelope", "from cryptography.hazmat import x", "cryptography.hazmat"),
            ("kms.keys", "from cryptography import x509", "cryptography"),
        ),
        (("kms.hazmat", "import cryptography"), ("kms.keys", "import cryptographyish")),
    ),
    "PyNaCl is used in kms/hazmat.py alone": Rule(
        _only_in(("kms.hazmat",), "nacl"),
        (("kms.signing", "from nacl import bindings", "nacl"),),
        (("kms.hazmat", "from nacl import bindings"),),
    ),
    "yaml is used in kmsgate/yaml_reader.py alone": Rule(
        _only_in(("kmsgate.yaml_reader",), "yaml"),
        (("kmsgate.cli", "import yaml", "yaml"),),
        (("kmsgate.yaml_reader", "from yaml import compose"),),
    ),
    "uvicorn is used in kmsgate/server.py alone": Rule(
        _only_in(("kmsgate.server",), "uvicorn", "httptools"),
        (
            ("kmsgate.app", "import uvicorn", "uvicorn"),
            ("kmsgate.testing", "from uvicorn import Config", "uvicorn"),
        ),
        (("kmsgate.server", "import uvicorn"),),
    ),
    "each database is used in the room of its store alone": Rule(
        lambda module: chain(
            _only_in(("kms.sqlite_store", "kms.sqlite_backup"), "sqlite3")(module),
            _only_in(("kms.postgres_store",), "psycopg")(module),
        ),
        (
            ("kms.durable_store", "import sqlite3", "sqlite3"),
            ("kmsgate.cli", "from psycopg import sql", "psycopg"),
            ("kms.postgres_store", "import sqlite3", "sqlite3"),
        ),
        (("kms.sqlite_store", "import sqlite3"), ("kms.postgres_store", "import psycopg")),
    ),
    "only kms/runtime.py reads the clock": Rule(
        _no_clock,
        (
            ("kms.keys", "import datetime\nx = datetime.datetime.now(u)", "datetime.datetime.now"),
            ("kms.keys", "from datetime import datetime as d\nd.utcnow()", "datetime.datetime."),
            ("kmsgate.cli", "import datetime as dt\ndt.date.today()", "datetime.date.today"),
            ("policy.model", "from time import time\ntime()", "time.time"),
            ("policy.model", "import time as t\nt.time()", "time.time"),
            ("kms.service", "import time\ntime.perf_counter()", "time.perf_counter"),
            ("kms.store", "from time import sleep\nsleep(1)", "time.sleep"),
            ("kms.keys", "import datetime as dt\nnow = dt.datetime.now", "datetime.datetime.now"),
        ),
        (
            ("kms.runtime", "import datetime\ndatetime.datetime.now(u)"),
            ("kms.service", "now = self.clock.now()"),
            ("kmsgate.cli", "time = member.get('at')\ntime.time()"),
            ("kmsgate.scenario.run", "import time\ntime.perf_counter()"),
            ("kmsgate.cli", "from kms import SystemClock\nSystemClock()"),
        ),
    ),
    "only kms/runtime.py throws dice": Rule(
        _no_chance,
        (
            ("kms.keys", "import secrets", "secrets"),
            ("kms.keys", "import random as r", "random"),
            ("policy.model", "from random import choice", "random"),
            ("kms.keys", "import os\nos.urandom(3)", "os.urandom"),
            ("kms.keys", "from os import urandom as u\nu(3)", "os.urandom"),
            ("kmsgate.cli", "import uuid\nuuid.uuid4()", "uuid.uuid4"),
            ("kmsgate.cli", "from uuid import uuid4", "uuid.uuid4"),
        ),
        (
            ("kms.runtime", "import secrets, uuid\nuuid.uuid4()"),
            ("kms.envelope", "from uuid import UUID\nUUID(bytes=b)"),
            ("kms.grants", "scope.entropy.random_bytes(3)"),
        ),
    ),
    "policy reads no file but its grammar": Rule(
        _no_files,
        (
            ("policy.reader", "open('x')", "open"),
            ("policy.reader", "from pathlib import Path\nPath('x').read_text()", "pathlib"),
            ("policy.reader", "import os\nos.environ['X']", "os.environ"),
            ("policy.reader", "from importlib.resources import files", "importlib.resources"),
            ("policy.parser", "open('x')", "open"),
        ),
        (
            ("policy.parser", "from importlib.resources import files\nfiles('policy')"),
            ("policy.parser", "class P:\n    open: int = 3\n    def f(self):\n        self.open"),
            ("policy.compiler", "glob = 3\nreturned = glob + 1"),
            ("kms.resources", "from pathlib import Path"),
        ),
    ),
    "policy and kms know no network": Rule(
        _no_network,
        (("kms.store", "import socket", "socket"), ("policy.arn", "import urllib.parse", "urllib")),
        (("kmsgate.cli", "import http.server"),),
    ),
    "policy and kms say nothing": Rule(
        _no_talk,
        (
            ("kms.keys", "print('x')", "print"),
            ("policy.model", "import logging", "logging"),
            ("kms.keys", "from logging import getLogger", "logging"),
            ("kms.keys", "import sys\nsys.stderr.write('x')", "sys.stderr"),
            ("policy.lint.rules.sids", "out = print", "print"),
        ),
        (("kmsgate.output", "print('x')"), ("policy.source", "printable('x')")),
    ),
    "rooms of operations do not know each other": Rule(
        _no_neighbours,
        (
            ("kms.keys", "from kms.grants import grantable", "kms.grants"),
            ("kms.keys", "from kms import aliases", "kms.aliases"),
            ("kms.keys", "from . import aliases", "kms.aliases"),
            ("kms.deletion", "import kms.keys as k", "kms.keys"),
            ("kms.deletion", "from kms.store import Store", "kms.store"),
            ("kms.grants", "from .gate import Gate", "kms.gate"),
        ),
        (("kms.service", "from kms import keys, grants"), ("kms.keys", "import kms.key_policy_x")),
    ),
    "the walled room knows only bytes": Rule(
        _walled,
        (("kms.hazmat", "from kms.model import Key", "kms.model"),),
        (("kms.hazmat", "import hmac"), ("kms.envelope", "from kms import hazmat")),
    ),
    "lint rules do not know each other": Rule(
        _rules_alone,
        (
            ("policy.lint.rules.sids", "from policy.lint.rules.values import x", "policy.lint."),
            ("policy.lint.rules.sids", "from . import values", "policy.lint.rules"),
        ),
        (("policy.lint.rules.sids", "from policy.lint import rule"),),
    ),
    "surfaces do not look behind the service": Rule(
        _sober_surfaces,
        (("kmsgate.cli", "from kms.settle import settle", "kms.settle"),),
        (("kmsgate.cli", "from kms import Service"),),
    ),
}


# The project


def modules() -> Iterator[Module]:
    for package in PACKAGES:
        for path in sorted((PROJECT / package).rglob("*.py")):
            parts = list(path.relative_to(PROJECT).with_suffix("").parts)
            is_package = parts[-1] == "__init__"
            name = ".".join(parts[:-1] if is_package else parts)
            yield Module(name, ast.parse(path.read_text(encoding="utf-8")), is_package)


MODULES = tuple(modules())


@pytest.mark.parametrize("rule", RULES)
def test_the_rule_is_kept(rule: str) -> None:
    broken = [f"{each.name}: {found}" for each in MODULES for found in RULES[rule].check(each)]

    assert broken == []


def test_all_rooms_were_looked_at() -> None:
    names = {module.name for module in MODULES}

    assert names >= {*PACKAGES, "policy.parser", "policy.lint", "kms.hazmat", "kms.runtime"}
    assert names >= {"kmsgate.yaml_reader", "kmsgate.cli", *OPERATION_ROOMS}


def test_every_room_that_registers_operations_is_known_to_the_service() -> None:
    registering = {
        module.name
        for module in MODULES
        if "kms.operation.operation" in module.imports() and module.package == "kms"
    }

    assert registering == OPERATION_ROOMS


@pytest.mark.parametrize("package", PACKAGES)
def test_every_package_is_typed(package: str) -> None:
    assert (PROJECT / package / "py.typed").is_file()


PLANTED = [
    pytest.param(rule, *planted, id=f"{rule}-{number}")
    for rule, each in RULES.items()
    for number, planted in enumerate(each.planted)
]
FINE = [
    pytest.param(rule, *fine, id=f"{rule}-{number}")
    for rule, each in RULES.items()
    for number, fine in enumerate(each.fine)
]


@pytest.mark.parametrize(("rule", "name", "text", "found"), PLANTED)
def test_the_rule_finds_what_breaks_it(rule: str, name: str, text: str, found: str) -> None:
    broken = list(RULES[rule].check(Module(name, ast.parse(text))))

    assert broken
    assert all(each.startswith(found) for each in broken)


@pytest.mark.parametrize(("rule", "name", "text"), FINE)
def test_the_rule_leaves_alone_what_keeps_it(rule: str, name: str, text: str) -> None:
    assert list(RULES[rule].check(Module(name, ast.parse(text)))) == []
