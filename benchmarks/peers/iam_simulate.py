"""iam-simulate, in a Node process of its own that gets all questions once and times itself.

Its `runSimulation` drops the keys `kms:EncryptionContext:…` from a request as unknown ones. So that
it answers as much as the others, its policies and requests carry the same pairs as tags of the
caller. Its other entry, `runUnsafeSimulation`, fails on resource policies and is not measured.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.cases import ACCOUNT, IDENTITY_POLICY, KEY_ARN, KEY_POLICY, SCP, Question
from benchmarks.measure import Subject
from benchmarks.peers import MissingPeerError

PACKAGE = "@cloud-copilot/iam-simulate"
VERSION = "0.1.173"
FOLDER = Path(__file__).resolve().parents[1] / ".peers"
WARM_UP = 1_000
"""Simulations before the first round: Node compiles what it has seen often enough."""

_PAIR, _TAG = "kms:EncryptionContext:", "aws:PrincipalTag/pair-"

Json = dict[str, Any]


def _world() -> Json:
    identity = {"name": "identity", "policy": _policy(IDENTITY_POLICY)}
    scp = {"name": "scp", "policy": _policy(SCP)}
    return {
        "identityPolicies": [identity],
        "serviceControlPolicies": [{"orgIdentifier": "r-root", "policies": [scp]}],
        "resourceControlPolicies": [],
        "resourcePolicy": _policy(KEY_POLICY),
    }


def _policy(text: str) -> Any:
    return json.loads(text.replace(_PAIR, _TAG))


def _request(question: Question) -> Json:
    return {
        "principal": question.caller_arn,
        "action": question.action,
        "resource": {"resource": KEY_ARN, "accountId": ACCOUNT},
        "contextVariables": {
            name.replace(_PAIR, _TAG): list(value) if isinstance(value, tuple) else value
            for name, value in question.facts
        },
    }


class IamSimulate:
    """A Node process that answers one line with one line."""

    def __init__(self) -> None:
        node = shutil.which("node")
        if node is None:
            raise MissingPeerError("node is not installed")
        _install()
        self._node = node
        self.name = f"iam-simulate {VERSION}, node {_output(node, '--version')}"
        self._asked: list[Question] = []
        self._child: subprocess.Popen[str] | None = None

    def outcomes(self, questions: Sequence[Question]) -> list[str]:
        """Return its answers; the questions that are timed later must be among these."""
        self.close()
        self._asked = list(questions)
        self._child = subprocess.Popen(
            [self._node, str(Path(__file__).with_suffix(".mjs"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        job = {
            "folder": f"{FOLDER}/",
            "world": _world(),
            "questions": [_request(question) for question in questions],
        }
        found: list[str] = self._tell(job)["outcomes"]
        return found

    def _tell(self, message: Json) -> Json:
        child = self._child
        if child is None or child.stdin is None or child.stdout is None:
            raise RuntimeError("outcomes() comes first")
        child.stdin.write(json.dumps(message) + "\n")
        child.stdin.flush()
        line = child.stdout.readline()
        if not line:
            raise RuntimeError(f"node ended with exit code {child.wait()}")
        answer: Json = json.loads(line)
        return answer

    def subjects(self, questions: Sequence[Question]) -> list[Subject]:
        """Return its call; policies and requests are objects that the process holds ready."""
        first = self._asked.index(questions[0])
        end = first + len(questions)

        def seconds(turns: int) -> float:
            used = self._tell({"first": first, "end": end, "turns": turns})
            # Helper threads of Node are not held against it, nor is a busy machine.
            return float(min(used["wall"], used["cpu"]))

        seconds(max(1, WARM_UP // len(questions)))
        return [Subject("iam-simulate, runSimulation", seconds, len(questions))]

    def close(self) -> None:
        """End the process."""
        if self._child is not None:
            self._child.communicate()
            self._child = None


def _install() -> None:
    """Put the package into a folder of the checkout that git ignores, unless it is there."""
    if (FOLDER / "node_modules" / PACKAGE / "package.json").exists():
        return
    npm = shutil.which("npm")
    if npm is None:
        raise MissingPeerError("not installed, and neither is npm")
    print(f"installing {PACKAGE}@{VERSION} into {FOLDER} (once)", file=sys.stderr)
    FOLDER.mkdir(exist_ok=True)
    wanted = {"private": True, "dependencies": {PACKAGE: VERSION}}
    (FOLDER / "package.json").write_text(json.dumps(wanted), encoding="utf-8")
    command = [npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
    done = subprocess.run(command, cwd=FOLDER, check=False)
    if done.returncode:
        raise MissingPeerError(f"not installed: npm ended with exit code {done.returncode}")


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def load() -> IamSimulate:
    """Return the peer; raises MissingPeerError."""
    return IamSimulate()
