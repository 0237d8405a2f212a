"""Set-up and checks for a machine that has only Python: `python3 dev.py demo|test|check|…`.

Makes `.venv` with the standard library's own tools, installs what the task needs from
`pyproject.toml`, and runs the task there. Nothing outside the checkout is touched.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
OLDEST = (3, 11)

TASKS: dict[str, tuple[str, list[list[str]]]] = {
    "install": ("dev", []),
    "demo": ("", [["-m", "kmsgate", "demo"]]),
    "scenarios": ("", [["-m", "kmsgate", "test", "scenarios"]]),
    "check": (
        "dev",
        [
            ["-m", "ruff", "format", "--check", "--quiet", "."],
            ["-m", "ruff", "check", "--quiet", "."],
            ["-m", "mypy"],
            ["-m", "pytest", "-q", "--no-header", "tests/test_layers.py"],
        ],
    ),
    "test": ("dev", [["-m", "pytest", "--numprocesses=auto", "--dist=worksteal"]]),
    "fuzz": ("dev", [["-m", "tests.fuzz"]]),
    "crash": ("dev", [["-m", "tests.crash"]]),
    "clients": ("dev", [["-m", "tests.endpoint.real_clients"]]),
    "bench": ("bench", [["-m", "benchmarks"]]),
    "rules": ("dev", [["-m", "tests.rules"]]),
}


def main(arguments: list[str]) -> int:
    """Run one task; further arguments go to its last command."""
    if not arguments or arguments[0] not in TASKS:
        print(f"usage: python3 dev.py {'|'.join(TASKS)} [arguments]", file=sys.stderr)
        return 2
    if sys.version_info < OLDEST:
        print(f"kmsgate needs Python {OLDEST[0]}.{OLDEST[1]} or newer", file=sys.stderr)
        return 2
    extra, commands = TASKS[arguments[0]]
    set_up(extra)
    for index, command in enumerate(commands):
        more = arguments[1:] if index == len(commands) - 1 else []
        code = subprocess.run([PYTHON, *command, *more], cwd=ROOT, check=False).returncode
        if code:
            return code
    return 0


def set_up(extra: str) -> None:
    """Make the environment and install the project with an extra, unless that has been done."""
    wanted = hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest()
    stamp = VENV / f"installed-{extra or 'base'}"
    if PYTHON.exists() and stamp.exists() and stamp.read_text() == wanted:
        return
    if not PYTHON.exists():
        print("making .venv", file=sys.stderr)
        done = subprocess.run([sys.executable, "-m", "venv", VENV], cwd=ROOT, check=False)
        if done.returncode:
            sys.exit("could not make .venv; on Debian and Ubuntu: apt install python3-venv")
    print("installing into .venv (once, less than a minute)", file=sys.stderr)
    target = f".[{extra}]" if extra else "."
    pip = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run([*pip, "--editable", target], cwd=ROOT, check=False)
    if done.returncode:
        sys.exit("could not install; is the package index reachable?")
    stamp.write_text(wanted)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
