"""`python -m tests.endpoint.real_clients`: clients that cannot be in the developers' environment.

The SDK for JavaScript needs Node, and the Encryption SDK's command line needs an older Encryption
SDK than the one that is tested itself. Both go into `.clients`, which git ignores; tests that find
nothing there say how to get it.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / ".clients"
HOW = "run: make clients"
PACKAGES = tuple(f"@aws-sdk/client-{name}@^3.700.0" for name in ("kms", "sts", "iam"))
ENCRYPTION_CLI = "aws-encryption-sdk-cli>=4.2"


def node_modules() -> Path | None:
    """Return the folder with the packages for Node; None without Node, or without them."""
    found = FOLDER / "node_modules"
    has_all = (found / "@aws-sdk" / "client-kms").is_dir() and shutil.which("node") is not None
    return found if has_all else None


def encryption_cli() -> str | None:
    """Return the command of the Encryption SDK; None where it is not installed."""
    return shutil.which("aws-encryption-cli", path=str(FOLDER / "python" / "bin")) or shutil.which(
        "aws-encryption-cli"
    )


def main() -> int:
    """Install what can be installed; return 1 if something cannot."""
    FOLDER.mkdir(exist_ok=True)
    python = FOLDER / "python"
    commands = [
        [sys.executable, "-m", "venv", str(python)],
        [str(python / "bin" / "python"), "-m", "pip", "install", "--quiet", ENCRYPTION_CLI],
    ]
    npm = shutil.which("npm")
    if npm is None:
        print("npm is not installed: the SDK for JavaScript is left out", file=sys.stderr)
    else:
        options = ["--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
        commands.append([npm, "install", "--prefix", str(FOLDER), *options, *PACKAGES])
    codes = [subprocess.run(command, check=False).returncode for command in commands]
    return 1 if any(codes) or npm is None else 0


if __name__ == "__main__":
    sys.exit(main())
